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

import ketasim

POPULATIONS = ["PYR", "PV", "SST"]


@pytest.fixture
def graph_file(small, random_graph, tmp_path):
    """Path of the trajectory of a run whose network came from GraphML, and the graph."""
    graph = random_graph(lambda number: f"neuron {number}")
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
    for name in small_run.names():
        signal = ketasim.signals.SIGNALS.get(name.removesuffix("_standard_error"))
        assert small_run[name].attrs["units"] == (signal.unit if signal else "1")


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
        assert file["summary"]["plasma_ketamine_peak"][...] == small_run.summary["plasma_ketamine_peak"]


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
        for begin, seconds in ((50.0, 0.0), (600_050.0, 600.0)):  # ms of window, s of row; 50 ms of settling
            count = np.sum((times > begin) & (times <= begin + 200.0))
            rate = float(small_run["population/firing_rate"].sel(time=seconds, population=name))
            assert rate == pytest.approx(count / size / 0.2)
        assert np.all(((times > 50.0) & (times <= 250.0)) | ((times > 600_050.0) & (times <= 600_250.0)))


def test_node_rows_average_to_population_rows(small_run):
    """Catches nodes out of order, or node rows of another time."""
    nodes, populations = small_run.dataset("node"), small_run["population/firing_rate"]
    labels = nodes["node_population"].values
    for name in POPULATIONS:
        mean = nodes["firing_rate"].values[:, labels == name].mean(axis=1)
        wanted = populations.sel(time=nodes["time"], population=name).values
        assert mean == pytest.approx(wanted, rel=1e-6)


def test_summary_can_be_recomputed_from_the_trajectory(small_run):
    """Catches a summary of other rows, compounds or times than the file's."""
    summary, seen = small_run.summary, set()

    def check(key, value):
        seen.add(key)
        assert summary[key] == pytest.approx(value, rel=1e-12), key

    for short, name in (("plasma", "plasma_concentration"), ("brain", "brain_concentration")):
        array = small_run[name]
        for moiety, part in array.groupby("moiety"):
            total, key = part.sum("compound"), f"{short}_{moiety}"
            check(f"{key}_peak", float(total.max()))
            check(f"{key}_peak_time", float(total.idxmax("time")))
            check(f"{key}_area", float(total.integrate("time")) / 3600.0)
    rows = small_run.dataset("population")
    stretches = {"baseline": rows.time < 0, "10_60_min": (rows.time >= 600) & (rows.time <= 3600)}
    for population in POPULATIONS:
        block = rows["nmda_block"].sel(population=population)
        check(f"nmda_block_{population}_peak", float(block.max()))
        check(f"nmda_block_{population}_peak_time", float(block.idxmax("time")))
        for name in ("firing_rate", "glutamate_perisynaptic", "glutamate_ambient"):
            for stretch, chosen in stretches.items():
                key = f"{name}_{population}_{stretch}"
                if key not in summary:
                    assert name.startswith("glutamate")
                    assert stretch == "baseline"
                    continue
                # equal steps in both stretches: weights are equal, and the error is that of a plain mean
                values = rows[name].sel(population=population)[chosen.values].values
                check(key, values.mean())
                check(f"{key}_standard_error", values.std(ddof=1) / np.sqrt(values.size))
    assert seen == set(summary)
    assert summary["plasma_ketamine_peak_time"] == 600.0
