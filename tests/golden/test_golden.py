"""Golden trajectories: every format is read for good, and this version computes what its release did."""

import gzip
import json
from io import BytesIO

import h5py
import networkx
import numpy as np
import pytest

import ketasim
from ketasim.storage import differing_datasets
from tests.golden.contents import beyond_chance, chance, in_short, layout
from tests.golden.make import HERE, facts_of, golden_experiment, machine, nudged, place_of

CURRENT = ketasim.__version__

RELEASES = sorted(path.name.removesuffix(".h5.gz").removeprefix("ketasim-") for path in HERE.glob("*.h5.gz"))


def memory_of(release):
    return BytesIO(gzip.decompress(place_of(release).read_bytes()))


def known_of(release):
    return json.loads(facts_of(release).read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=RELEASES)
def golden(request):
    """Open golden trajectory of a release and what is in it by h5py's own account."""
    facts = known_of(request.param)
    with ketasim.open_trajectory(memory_of(request.param)) as trajectory:
        yield trajectory, facts["contents"], facts["digest"]


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """Path of the golden experiment run now."""
    path = tmp_path_factory.mktemp("golden") / "golden.h5"
    ketasim.run(golden_experiment(), path).close()
    return path


def in_names_of_0_1_0(row):
    """Names that the summary of 0.1.0 gave to the numbers of a row, and the numbers, the same to the last bit."""
    quantity = row.quantity.replace("_concentration", "")
    statistic = {"peak": "peak", "time_of_peak": "peak_time", "area": "area"}.get(row.statistic, "")
    at = row.at.replace(" min to 60 min", "_60_min").replace(" ", "_")
    name = "_".join(filter(None, (quantity, row.population, statistic, at)))
    return [(name, row.value)] + ([] if np.isnan(row.error) else [(f"{name}_standard_error", row.error)])


def same(values, stored):
    """Whether values are those of the file: shape and sum, or texts."""
    if "text" in stored:
        return in_short([str(text) for text in np.atleast_1d(values).ravel()]) == stored["text"]
    return list(values.shape) == stored["shape"] and float(np.nansum(values.astype("f8"))) == stored["sum"]


def only(contents, start, end):
    """The one dataset whose path starts and ends so; what lies between may have changed since."""
    (found,) = (what for name, what in contents.items() if name.startswith(start) and name.endswith(end))
    return found


def test_this_version_has_a_golden_trajectory():
    """Catches a release that no later version is held to: python -m tests.golden.make writes one."""
    assert CURRENT in RELEASES
    assert all(place_of(release).stat().st_size < 150_000 for release in RELEASES)


def test_the_digest_of_an_old_file_stays(golden):
    """Catches a digest that changes its meaning between versions, so that no old one can be checked any more."""
    trajectory, _, digest = golden
    assert trajectory.complete
    assert trajectory.digest() == digest


def test_every_signal_of_an_old_file_is_read(golden):
    """Catches a signal that is lost, renamed, cut or read in another type."""
    trajectory, contents, _ = golden
    stored = [name for name in contents if name.startswith("trajectories/")]
    assert len(stored) > 40
    groups = {group: trajectory.dataset(group) for group in ("subject", "population", "node")}
    for path in stored:
        _, group, name = path.split("/")
        if name == "node":  # population and number in one
            continue
        values = groups[group][name].values
        assert same((values == "run").astype(np.uint8) if name == "stage" else values, contents[path]), path


def test_spikes_and_graph_of_an_old_file_are_read(golden):
    """Catches spikes or edges lost, and births and deaths that no longer lead from one snapshot to the next."""
    trajectory, contents, _ = golden
    for population in ("PYR", "PV", "SST"):
        spikes = trajectory.spikes(population)
        assert same(np.asarray(spikes[0]), contents[f"spikes/{population}/timestamps"])
        assert same(np.asarray(spikes[1]), contents[f"spikes/{population}/node_ids"])
    start, end = trajectory.graph(0), trajectory.graph(trajectory.config["duration"])
    ends = [name for name in contents if name.startswith("edges/") and name.endswith("/source_node_id")]
    assert start.number_of_edges() == sum(contents[name]["shape"][0] for name in ends)
    assert start.number_of_nodes() == end.number_of_nodes() == contents["trajectories/node/node"]["shape"][0]
    kind = np.asarray(trajectory.structure_events().kind)
    assert same(kind, only(contents, "structure/events", "/kind"))
    births, deaths = int((kind == 0).sum()), int((kind == 1).sum())
    assert end.number_of_edges() - start.number_of_edges() == births - deaths
    assert min(births, deaths) > 0
    assert list(trajectory.snapshots) == ["start", "12_h", "1_d", "end"]
    assert not networkx.utils.graphs_equal(trajectory.graph("12 h"), end)


def test_the_summary_of_an_old_file_is_read(golden):
    """Catches a summary whose numbers are lost or take another unit."""
    trajectory, contents, _ = golden
    if "summary/quantity" in contents:  # a table of columns since 0.2.0
        for name, values in trajectory.summary.items():
            assert same(values.to_numpy(), contents[f"summary/{name}"]), name
        return
    wanted = {name.removeprefix("summary/"): facts["sum"] for name, facts in contents.items() if "summary/" in name}
    found = {name: value for row in trajectory.summary.itertuples() for name, value in in_names_of_0_1_0(row)}
    times = {"network_time", "wall_time_network"}  # 0.1.0 had them in its summary, and only there
    assert found == {name: value for name, value in wanted.items() if name not in times}


def test_tables_of_an_old_file_are_read(golden):
    """Catches events, measures or provenance that are lost."""
    trajectory, contents, _ = golden
    dose, stimulus = trajectory.events
    assert dose | {"kind": "dose", "drug": "ketamine", "amount_mg": 35.0, "duration_s": 2400.0} == dose
    assert stimulus | {"kind": "afferents", "population": "PV", "rate_hz": 50.0, "start_s": 14400.0} == stimulus
    measures = trajectory.graph_measures()
    assert measures.sizes["time"] == 4
    for name in measures.data_vars:
        assert same(measures[name].values[-1], only(contents, "structure/measures_end", f"/{name}")), name
    for name, text in trajectory.provenance.items():
        assert same(text, contents[f"provenance/{name}"]), name
    assert trajectory.config["name"] == "golden"
    assert {"environment", "random", "parameters", "config_source"} <= trajectory.provenance.keys()


def differences(path):
    """What differs between a file and the golden one of this version beyond chance, by name."""
    facts = known_of(CURRENT)
    with h5py.File(path) as file, h5py.File(memory_of(CURRENT)) as golden:
        ours, theirs = layout(file), layout(golden)
        if ours != theirs:
            return [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
        return beyond_chance(chance(file), facts["chance"])


def test_the_golden_run_again(again):
    """Catches a change of what is computed that nobody meant: bit for bit on an equal machine, else within chance.

    If it was meant, say so in CHANGELOG.md and write the file anew by ``python -m tests.golden.make``.
    """
    facts = known_of(CURRENT)
    assert differences(again) == []
    if facts["machine"] == machine():
        assert differing_datasets(again, memory_of(CURRENT)) == []
        with ketasim.open_trajectory(again) as run:
            assert run.digest() == facts["digest"]


def test_what_no_spike_decides_is_the_same_everywhere(again):
    """Catches a tolerance for means that hides one wrong row: drug in the body, time, the graph at the start."""
    with ketasim.open_trajectory(again) as run, ketasim.open_trajectory(memory_of(CURRENT)) as golden:
        for name in ("plasma_concentration", "brain_concentration"):
            np.testing.assert_allclose(run[name].values, golden[name].values, rtol=1e-9, atol=1e-12, err_msg=name)
            assert np.array_equal(run[name]["time"], golden[name]["time"])
        assert run.events == golden.events
        ours, theirs = run.topology(0), golden.topology(0)
        for name in ("population", "source", "target"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
        for name in ("position", "weight", "delay"):
            # in single precision
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6, err_msg=name)


def test_chance_is_allowed_and_another_dose_is_not(tmp_path):
    """Catches tolerances that another machine would break, and such that hide a change of the model."""
    for name, experiment in {
        "moved": nudged(-7),
        "other": golden_experiment(**{"doses.0.amount": "0.6 mg/kg"}),
    }.items():
        ketasim.run(experiment, tmp_path / name).close()
    assert differing_datasets(tmp_path / "moved", memory_of(CURRENT))
    assert differences(tmp_path / "moved") == []
    found = differences(tmp_path / "other")
    assert any("nmda_block" in name for name in found) and any("plasma_concentration" in name for name in found)


RATE = "trajectories/population/firing_rate"


def with_another_unit(file):
    file[RATE].attrs["units"] = "kHz"


def with_another_shape(file):
    values = file[RATE][:-1]
    del file[RATE]
    file[RATE] = values


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            lambda file: file.create_dataset("trajectories/population/extra", data=[1.0]),
            "trajectories/population/extra",
        ),
        (lambda file: file.__delitem__(RATE), RATE),
        (with_another_unit, RATE),
        (with_another_shape, RATE),
    ],
)
def test_another_layout_is_found_on_every_machine(tmp_path, change, name):
    """Catches a dataset more or less, another unit or shape, that pass where bits can't be compared."""
    (tmp_path / "run.h5").write_bytes(memory_of(CURRENT).getvalue())
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        change(file)
    assert differences(tmp_path / "run.h5") == [name]
