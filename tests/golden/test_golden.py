"""Golden trajectories: every format is read for good, and this version computes what its release did."""

import gzip
import json
from io import BytesIO

import networkx
import numpy as np
import pytest

import ketasim
from ketasim.storage import differing_datasets
from tests.golden.contents import EXACT, beyond_chance, chance, in_short
from tests.golden.make import HERE, golden_experiment, machine, nudged, place_of

RELEASES = sorted(path.name.removesuffix(".h5.gz").removeprefix("ketasim-") for path in HERE.glob("*.h5.gz"))


def memory_of(release):
    return BytesIO(gzip.decompress(place_of(release).read_bytes()))


def facts_of(release):
    return json.loads((HERE / f"ketasim-{release}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=RELEASES)
def golden(request):
    """Open golden trajectory of a release and what is in it by h5py's own account."""
    facts = facts_of(request.param)
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


def same_sum(values, stored):
    return list(values.shape) == stored["shape"] and float(np.nansum(values.astype("f8"))) == stored["sum"]


def test_this_version_has_a_golden_trajectory():
    """Catches a release that no later version is held to: python -m tests.golden.make writes one."""
    assert ketasim.__version__ in RELEASES
    assert all(place_of(release).stat().st_size < 150_000 for release in RELEASES)


def test_the_digest_of_an_old_file_stays(golden):
    """Catches a digest that changes its meaning between versions, so that no old one can be checked any more."""
    trajectory, _, digest = golden
    assert trajectory.complete
    assert trajectory.digest() == digest


def test_every_signal_of_an_old_file_is_read(golden):
    """Catches a signal that is lost, renamed, cut or read in another type."""
    trajectory, contents, _ = golden
    seen = 0
    for group in ("subject", "population", "node"):
        rows = trajectory.dataset(group)
        for name in [*rows.data_vars, "time"]:
            assert same_sum(rows[name].values, contents[f"trajectories/{group}/{name}"]), name
            seen += 1
    labels = ("compound", "moiety", "population", "node", "node_id", "node_population")
    stored = [name for name in contents if name.startswith("trajectories/") and name.rpartition("/")[2] not in labels]
    assert seen == len(stored) > 40


def test_spikes_and_graph_of_an_old_file_are_read(golden):
    """Catches spikes or edges lost, and births and deaths that no longer lead from one snapshot to the next."""
    trajectory, contents, _ = golden
    for population in ("PYR", "PV", "SST"):
        spikes = trajectory.spikes(population)
        assert same_sum(np.asarray(spikes[0]), contents[f"spikes/{population}/timestamps"])
        assert same_sum(np.asarray(spikes[1]), contents[f"spikes/{population}/node_ids"])
    start, end = trajectory.graph(0), trajectory.graph(trajectory.config["duration"])
    ends = [name for name in contents if name.startswith("edges/") and name.endswith("/source_node_id")]
    assert start.number_of_edges() == sum(contents[name]["shape"][0] for name in ends)
    assert start.number_of_nodes() == end.number_of_nodes() == contents["trajectories/node/node"]["shape"][0]
    kind = trajectory.structure_events().kind
    assert same_sum(np.asarray(kind), contents["structure/events/kind"])
    births, deaths = int((kind == 0).sum()), int((kind == 1).sum())
    assert end.number_of_edges() - start.number_of_edges() == births - deaths
    assert min(births, deaths) > 0
    assert list(trajectory.snapshots) == ["start", "12_h", "1_d", "end"]
    assert not networkx.utils.graphs_equal(trajectory.graph("12 h"), end)


def test_tables_of_an_old_file_are_read(golden):
    """Catches events, summary, measures or provenance that are lost or take another unit."""
    trajectory, contents, _ = golden
    wanted = {name.removeprefix("summary/"): facts["sum"] for name, facts in contents.items() if "summary/" in name}
    found = {name: value for row in trajectory.summary.itertuples() for name, value in in_names_of_0_1_0(row)}
    times = {"network_time", "wall_time_network"}  # 0.1.0 had them in its summary, and only there
    assert found == {name: value for name, value in wanted.items() if name not in times}
    dose, stimulus = trajectory.events
    assert dose | {"kind": "dose", "drug": "ketamine", "amount_mg": 35.0, "duration_s": 2400.0} == dose
    assert stimulus | {"kind": "afferents", "population": "PV", "rate_hz": 50.0, "start_s": 14400.0} == stimulus
    measures = trajectory.graph_measures()
    assert measures.sizes["time"] == 4
    assert {"structure/measures_end/" + name for name in measures.data_vars} <= contents.keys()
    for name, text in trajectory.provenance.items():
        assert in_short([text]) == contents[f"provenance/{name}"]["text"], name
    assert trajectory.config["name"] == "golden"
    assert {"environment", "random", "parameters", "config_source"} <= trajectory.provenance.keys()


def test_the_golden_run_again(again):
    """Catches a change of what is computed that nobody meant: bit for bit on an equal machine, else within chance.

    If it was meant, say so in CHANGELOG.md and write the file anew by ``python -m tests.golden.make``.
    """
    facts = facts_of(ketasim.__version__)
    with ketasim.open_trajectory(again) as run, ketasim.open_trajectory(memory_of(ketasim.__version__)) as golden:
        if facts["machine"] == machine():
            assert differing_datasets(again, memory_of(ketasim.__version__)) == []
            assert run.digest() == facts["digest"]
        check_values(run, golden, facts["chance"])


def test_the_values_allow_chance_and_nothing_else():
    """Catches tolerances that another machine would break, and such that hide a change of the model."""
    facts = facts_of(ketasim.__version__)["chance"]
    with ketasim.open_trajectory(memory_of(ketasim.__version__)) as golden:
        with ketasim.run(nudged(-3)) as moved:
            assert moved.digest() != golden.digest()
            check_values(moved, golden, facts)
        with ketasim.run(golden_experiment(**{"doses.0.amount": "0.6 mg/kg"})) as other:
            assert "nmda_block of PYR" in beyond_chance(chance(other), facts)
            with pytest.raises(AssertionError):
                check_values(other, golden, facts)


def check_values(run, golden, stored):
    """Compare what no window decides number by number, the rest within chance."""
    for name in ("plasma_concentration", "brain_concentration"):
        np.testing.assert_allclose(run[name].values, golden[name].values, rtol=EXACT, atol=1e-12, err_msg=name)
        assert np.array_equal(run[name]["time"], golden[name]["time"])
    assert run.events == golden.events
    ours, theirs = run.topology(0), golden.topology(0)
    for name in ("population", "source", "target"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    for name in ("position", "weight", "delay"):
        # in single precision
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6, err_msg=name)
    assert beyond_chance(chance(run), stored) == []
