"""The file of an actual run: every promised reader, units everywhere, and a summary that can be recomputed."""

import subprocess
import sys
import warnings

import h5py
import networkx
import numpy as np
import pytest
import xarray
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal

import ketasim
from ketasim.analysis import summarise

POPULATIONS = ["PYR", "PV", "SST"]


@pytest.fixture
def graph_file(small, random_graph, tmp_path):
    """Path of the trajectory of a run whose network came from GraphML, and the graph."""
    graph = random_graph(lambda number: f"neuron {number}", weight=10.0)  # strong enough for every class to fire
    networkx.write_graphml(graph, tmp_path / "net.graphml")
    path = tmp_path / "run.h5"
    ketasim.run(small(network={"file": str(tmp_path / "net.graphml")}), path).close()
    return path, graph


def test_every_dataset_has_a_unit_and_a_meaning(small_file):
    """Catches a number that nobody can read without the source."""
    found = []
    with h5py.File(small_file) as file:
        file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        assert len(found) > 60
        for dataset in found:
            assert dataset.attrs["units"], dataset.name
            assert dataset.attrs["long_name"], dataset.name
        assert file.attrs["complete"] == 1
        assert file.attrs["advice"] == "A research and teaching model; not medical advice"


def test_units_are_those_of_the_signal_table(small_run):
    """Catches a unit of the file that is not the unit in which the mechanisms compute."""
    others = {"network_memory": "s", "network_sampled": "1"}
    for name in small_run.names():
        signal = ketasim.signals.SIGNALS.get(name.removesuffix("_standard_error").removesuffix("_window"))
        assert small_run[name].attrs["units"] == (signal.unit if signal else others.pop(name))
    assert others == {}


def test_xarray_opens_every_clock(small_file, small_run):
    """Catches groups that xarray refuses, reads with other values, or warns about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for group in ("subject", "population", "node"):
            with xarray.open_dataset(small_file, engine="h5netcdf", group=f"trajectories/{group}") as dataset:
                ours = small_run.dataset(group)
                assert set(dataset.data_vars) == set(ours.data_vars)
                for name in ours.data_vars:
                    assert_array_equal(dataset[name].values, ours[name].values)
                    assert dataset[name].dims == ours[name].dims


def test_netcdf4_opens_it(small_file, small_run):
    """Catches what only the netCDF library refuses."""
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(small_file) as file:
        group = file["trajectories/population"]
        assert_array_equal(group["firing_rate"][:], small_run["firing_rate"].values)
        assert list(group["population"][:]) == POPULATIONS
        assert_array_equal(file["summary"]["value"][:], small_run.summary["value"])


def test_libsonata_opens_the_network_and_spikes_of_a_graph_file(graph_file):
    """Catches a graph or spikes that only ketasim itself can read, and ids that do not match the graph's."""
    libsonata = pytest.importorskip("libsonata")
    path, graph = graph_file
    nodes, edges = libsonata.NodeStorage(str(path)), libsonata.EdgeStorage(str(path))
    sizes = {name: nodes.open_population(name).size for name in nodes.population_names}
    assert sizes == {"PYR": 20, "PV": 6, "SST": 4}
    assert sum(edges.open_population(name).size for name in edges.population_names) == graph.number_of_edges()
    with ketasim.open_trajectory(path) as trajectory:
        back = trajectory.graph()
        key = {(data["population"], data["node_id"]): node for node, data in back.nodes(data=True)}
        received = edges.open_population("PYR__PV")
        for node_id in range(6):
            chosen = received.afferent_edges(node_id)
            sources = {key["PYR", int(i)] for i in received.source_nodes(chosen)}
            before = graph.predecessors(key["PV", node_id])
            assert sources == {node for node in before if graph.nodes[node]["population"] == "PYR"}
        reader = libsonata.SpikeReader(str(path))
        assert sorted(reader.get_population_names()) == sorted(POPULATIONS)
        for name in POPULATIONS:
            spikes, ours = reader[name].get_dict(), trajectory.spikes(name)
            assert len(ours[0]) > 0
            assert_array_equal(spikes["timestamps"], ours[0])
            assert_array_equal(spikes["node_ids"], ours[1])


WITH_LIBSONATA_ALONE = """
import sys
import libsonata
path = sys.argv[1]
spikes = libsonata.SpikeReader(path)
count = sum(len(spikes[name].get()) for name in spikes.get_population_names())
edges = libsonata.EdgeStorage(path)
weight = 0.0
for name in edges.population_names:
    population = edges.open_population(name)
    chosen = libsonata.Selection([(0, population.size)])
    weight += population.get_attribute("syn_weight", chosen).astype(float).sum() + population.source_nodes(chosen).sum()
    assert population.afferent_edges(0).flat_size >= 0
assert "h5py" not in sys.modules
print(count, round(float(weight), 6))
"""


def test_libsonata_needs_no_other_hdf5(tmp_path, small):
    """Catches compression that libsonata's own HDF5 lacks, which shows only while no other HDF5 is loaded."""
    pytest.importorskip("libsonata")
    path = tmp_path / "run.h5"
    with ketasim.run(small(), path) as trajectory:
        topology = trajectory.topology()
        spikes = sum(len(trajectory.spikes(name).times) for name in POPULATIONS)
        ids = topology.node_id[topology.source].sum()
    command = [sys.executable, "-c", WITH_LIBSONATA_ALONE, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [str(spikes), str(round(float(topology.weight.sum() + ids), 6))]


def test_a_graph_file_runs_as_the_graph_itself(graph_file, small, tmp_path):
    """Catches a network that is another one when it comes from a file."""
    path, graph = graph_file
    direct = tmp_path / "direct.h5"
    ketasim.run(small(), direct, graph=graph).close()
    assert ketasim.storage.differing_datasets(path, direct) == []


def test_rates_agree_with_the_spikes_of_the_window(small_run):
    """Catches rates of another window than the recorded one, and spikes outside it."""
    for name, size in zip(POPULATIONS, (64, 9, 7), strict=True):
        times = small_run.spikes(name)[0]
        for begin, seconds in (
            (0.0, 0.0),
            (602_000.0, 600.0),
        ):  # ms of window, s of row; 2 s of settling after a large change
            count = np.sum((times > begin) & (times <= begin + 200.0))
            rate = float(small_run["population/firing_rate_window"].sel(time=seconds, population=name))
            assert rate == pytest.approx(count / size / 0.2)
        assert np.all(((times > 0.0) & (times <= 200.0)) | ((times > 602_000.0) & (times <= 602_200.0)))


def test_estimates_are_those_that_the_windows_make(small_run):
    """Catches estimates that leave out windows, forget too little or too much, and columns that swap their names."""
    rows = small_run.dataset("population")
    before = rows["time"].values < 0.0
    memory = before.sum() * 0.2
    for name in ("firing_rate", "nmda_gating", "nmda_throughput", "vesicle_release"):
        windows, estimates = rows[f"{name}_window"].values, rows[name].values
        assert_array_equal(estimates[before], windows[before])
        assert np.isnan(rows[f"{name}_standard_error"].values[before]).all()
        errors = rows[f"{name}_standard_error"].values[~before]
        assert np.all(errors > 0.0), name
        mean = windows[before].mean(axis=0)
        assert estimates[~before][0] == pytest.approx((memory * mean + 0.2 * windows[~before][0]) / (memory + 0.2))
    assert_array_equal(rows["network_memory"].values[before], 0.2)
    assert np.all(rows["network_sampled"].values == 1)
    # ketamine has come in: at most 2 s of network time is kept, here all of it
    known = np.array(rows["network_memory"].values[~before])
    assert known == pytest.approx(memory + 0.2 * np.arange(1, known.size + 1))
    assert known[-1] == pytest.approx(2.0)


def test_rows_without_a_window_have_none(small):
    """Catches an estimate passed off as a fresh window, and a row left out because nothing was run."""
    schedule = {"baseline": "60 s", "settle": "50 ms", "window": "1 s", "step": "5 min"}
    run = ketasim.run(small(doses=[], schedule=schedule, network={"neurons": 30}, recording={}))
    rows = run.dataset("population").isel(time=slice(60, None))
    assert rows["time"].values.tolist() == [0.0, 300.0, 600.0, 900.0, 1200.0]
    assert rows["network_sampled"].values.tolist() == [0] * 5
    assert rows["network_memory"].values.tolist() == [60.0] * 5
    for name in ("firing_rate", "vesicle_release"):
        assert np.isnan(rows[f"{name}_window"].values).all()
        assert np.ptp(rows[name].values, axis=0).tolist() == [0.0] * 3
        assert np.all(rows[f"{name}_standard_error"].values > 0.0)
    table = run.summary
    assert ketasim.value_of(table, "windows_run", statistic="count") == 0
    assert ketasim.value_of(table, "windows_skipped", statistic="count") == 5
    assert ketasim.value_of(table, "network_time") == 62.0
    for population in POPULATIONS:
        key, last = (
            ("firing_rate", population, "10 min to 60 min", "mean"),
            rows.sel(population=population).isel(time=-1),
        )
        assert ketasim.value_of(table, *key) == pytest.approx(float(last["firing_rate"]), rel=1e-12)
        assert ketasim.error_of(table, *key) == pytest.approx(float(last["firing_rate_standard_error"]), rel=1e-12)


def test_node_rows_average_to_population_rows(small_run):
    """Catches nodes out of order, or node rows of another time."""
    nodes, populations = small_run.dataset("node"), small_run["population/firing_rate"]
    labels = nodes["node_population"].values
    for name in POPULATIONS:
        mean = nodes["firing_rate"].values[:, labels == name].mean(axis=1)
        wanted = populations.sel(time=nodes["time"], population=name).values
        assert mean == pytest.approx(wanted, rel=1e-6)


def wanted_summary(run):
    """Every row of the summary of a run of 20 min in equal steps, from its signals by xarray."""
    rows = run.dataset("population")
    for name, unit in (("plasma_concentration", "ng/mL"), ("brain_concentration", "uM")):
        for moiety, part in run[name].groupby("moiety"):
            total = part.sum("compound")
            yield (name, moiety, "", "peak"), float(total.max()), np.nan, unit
            yield (name, moiety, "", "time_of_peak"), float(total.idxmax("time")), np.nan, "s"
            yield (name, moiety, "", "area"), float(total.integrate("time")) / 3600.0, np.nan, f"{unit} h"
    for name, populations in (("nmda_block", POPULATIONS), ("bdnf", ["PYR"]), ("p70s6k", ["PYR"])):
        for population in populations:
            values = rows[name].sel(population=population, time=slice(0.0, None))
            yield (name, population, "", "peak"), float(values.max()), np.nan, "1"
            yield (name, population, "", "time_of_peak"), float(values.idxmax("time")), np.nan, "s"
    for name in ("dissociation", "sedation"):
        score = run[name].sel(time=slice(0.0, None))
        yield (name, "", "", "peak"), float(score.max()), np.nan, "1"
        yield (name, "", "", "time_of_peak"), float(score.idxmax("time")), np.nan, "s"
    surge = (rows.time >= 600) & (rows.time <= 3600)
    for population in POPULATIONS:
        here = rows.sel(population=population)
        # equal steps in both stretches: weights are equal, and the error is that of a plain mean of windows
        for at, chosen in (("baseline", rows.time < 0), ("10 min to 60 min", surge)):
            windows = here["firing_rate_window"].values[chosen.values]
            yield ("firing_rate", population, at, "mean"), windows.mean(), _error(windows), "Hz"
        release, key = here["vesicle_release_window"].values[surge.values], (population, "10 min to 60 min", "mean")
        perisynaptic, ambient = (
            here[f"glutamate_{kind}"].values[surge.values].mean() for kind in ("perisynaptic", "ambient")
        )
        yield ("glutamate_perisynaptic", *key), perisynaptic, _error(release) * perisynaptic / release.mean(), "1"
        yield ("glutamate_ambient", *key), ambient, np.nan, "uM"
    yield ("windows_run", "", "", "count"), 5.0, np.nan, "1"
    yield ("windows_skipped", "", "", "count"), 0.0, np.nan, "1"
    yield ("network_time", "", "", "value"), 2.0 + 1.0 + 5 * 0.2 + 2 * 0.05 + 2 * 2.0, np.nan, "s"


def _error(windows):
    return windows.std(ddof=1) / np.sqrt(windows.size)


def test_summary_can_be_recomputed_from_the_trajectory(small_run):
    """Catches a summary of other rows, compounds or times than the file's, and rows missing or one too many."""
    found = {tuple(row[:4]): row[4:7] for row in small_run.summary.itertuples(index=False)}
    at_rest = {key: numbers for key, numbers in found.items() if key[0].startswith("spike_count_")}
    assert len(at_rest) == 2 * 3  # of nodes, whose windows the file does not have
    found = {key: numbers for key, numbers in found.items() if key not in at_rest}
    wanted = {key: (value, error, unit) for key, value, error, unit in wanted_summary(small_run)}
    assert found.keys() == wanted.keys()
    for key, (value, error, unit) in wanted.items():
        # peaks and areas of concentrations are followed between rows (tests/analysis/test_summary.py)
        close = 0.1 if key[0].endswith("concentration") else 1e-9
        assert found[key][:2] == pytest.approx((value, error), rel=close, nan_ok=True), key
        assert found[key][2] == unit, key
    assert ketasim.value_of(small_run.summary, "plasma_concentration", "ketamine", statistic="time_of_peak") == 600.0
    assert 0.0 <= small_run.attributes["wall_time_network"] < 600.0


def test_the_stored_summary_is_what_its_rows_say(small_run):
    """Catches a table that is read from the file and another that is computed of an unfinished one."""
    assert_frame_equal(small_run.summary, summarise(small_run), check_dtype=False)


@pytest.fixture(scope="module")
def resting(tmp_path_factory):
    """Experiment of a tiny default circuit, the same for other networks, and the path of its trajectory."""
    folder = tmp_path_factory.mktemp("resting")

    def experiment(**network):
        schedule = {"baseline": "2 s", "window": "0.2 s", "settle": "0.1 s"}
        data = {"format": 1, "duration": "10 s", "network": network or {"neurons": 60}, "schedule": schedule}
        return ketasim.Experiment.from_mapping(data)

    ketasim.run(experiment(), folder / "run.h5").close()
    with ketasim.open_trajectory(folder / "run.h5") as trajectory:
        ketasim.write_graph(trajectory.topology(), folder / "net.graphml")
        ketasim.write_graph(trajectory.graph(), folder / "net.h5")
    return experiment, folder / "run.h5"


@pytest.mark.parametrize("given", ["graph", "topology", "net.graphml", "net.h5", "run.h5"])
def test_the_default_circuit_is_the_same_from_its_graph_or_file(resting, given):
    """Catches an exported network that fires at other rates when it is read back: the same windows to the bit."""
    experiment, path = resting
    with ketasim.open_trajectory(path) as first:
        if given in ("graph", "topology"):
            again = ketasim.run(experiment(), graph=getattr(first, given)())
        else:
            again = ketasim.run(experiment(file=str(path.with_name(given))))
        for name in ("firing_rate_window", "nmda_throughput_window", "vesicle_release_window"):
            assert_array_equal(again[name].values, first[name].values)
        assert again.topology().sha256 == first.topology().sha256
        assert any(note.startswith("conductances: scaled as the network states") for note in again.notes) == (
            given != "topology"
        )
