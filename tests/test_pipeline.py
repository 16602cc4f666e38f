"""One run from experiment to file: the same bits again, progress, cancelling, guards, graphs in and out."""

import gc
import json
import weakref

import networkx
import numpy as np
import pytest

import ketasim
from ketasim.documents import KetasimError
from ketasim.mechanisms import Mechanism
from ketasim.pipeline import CancelledError
from ketasim.storage import differing_datasets, digest


def test_two_runs_of_one_experiment_have_one_digest(small, small_file, tmp_path):
    """Catches anything that depends on the clock, on memory, or on what ran before in this process."""
    again = tmp_path / "again.h5"
    ketasim.run(small(), again).close()
    assert digest(again) == digest(small_file)


def test_other_recording_changes_no_shared_bit(small, small_file, tmp_path):
    """Catches recording that draws random numbers, moves a window or changes a type."""
    other = tmp_path / "other.h5"
    recording = {"node_signals": ["vesicle_release", "nmda_block"], "spikes": [{"from": "-1 s", "to": "20 min"}]}
    experiment = small(recording=recording)
    ketasim.run(experiment, other).close()
    different = differing_datasets(other, small_file)
    assert [name for name in different if not name.startswith("/spikes/")] == []
    assert experiment.sha256 == small().sha256
    assert digest(other) != digest(small_file)
    with ketasim.open_trajectory(other) as full, ketasim.open_trajectory(small_file) as part:
        for population in ("PYR", "PV", "SST"):
            times, nodes = full.spikes(population)[:2]
            begins = [0.0, 602_000.0]  # no settling right after the baseline, the long one after the dose
            kept = np.any([(times > begin) & (times <= begin + 200.0) for begin in begins], axis=0)
            assert np.array_equal(part.spikes(population)[0], times[kept])
            assert np.array_equal(part.spikes(population)[1], nodes[kept])
            assert len(times) > kept.sum() > 0


def test_another_seed_is_another_run(small, small_file, tmp_path):
    """Catches a seed that does not reach the network."""
    other = tmp_path / "other.h5"
    ketasim.run(small(seed=2), other).close()
    assert "/trajectories/population/firing_rate" in differing_datasets(other, small_file)
    assert "/trajectories/subject/plasma_concentration" not in differing_datasets(other, small_file)


def test_a_run_leaves_nothing_in_memory(small, tmp_path):
    """Catches references in a circle, which kept 10 MB of every run of a sweep until the collector came by."""
    seen = []

    def watch(progress):
        seen.extend([weakref.ref(progress.simulation)] if progress.simulation else [])

    gc.collect()
    gc.disable()
    try:
        ketasim.run(small(), tmp_path / "run.h5", progress=watch).close()
        assert len(seen) > 2
        assert [one() for one in seen] == [None] * len(seen)
    finally:
        gc.enable()


def test_in_memory_equals_file(small, small_file):
    """Catches a writer that does something else when there is no file."""
    with ketasim.run(small()) as trajectory:
        assert trajectory.path is None
        assert trajectory.complete
        assert trajectory.digest() == digest(small_file)


def test_a_file_of_the_same_content_elsewhere_has_the_same_digest(small, random_graph, tmp_path):
    """Catches a digest of the folder in which an experiment happens to lie."""
    digests = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        networkx.write_graphml(random_graph(), tmp_path / name / "net.graphml")
        (tmp_path / name / "one.yaml").write_text(
            "format: 1\nduration: 5 min\nnetwork: {file: net.graphml}\n"
            "schedule: {baseline: 0.4 s, settle: 50 ms, window: 0.2 s, step: 5 min}\n"
        )
        experiment = ketasim.load_experiment(tmp_path / name / "one.yaml")
        digests.append(ketasim.run(experiment).digest())
    assert digests[0] == digests[1]


def test_progress_goes_forward_to_the_end(small):
    """Catches a bar that jumps back, stays behind, or ends before the run."""
    calls = []
    ketasim.run(small(), progress=lambda progress: calls.append(progress[:4]))
    stages = [stage for stage, *_ in calls]
    assert list(dict.fromkeys(stages)) == ["build", "baseline", "run", "store"]
    assert [stages.count(stage) for stage in ("build", "run", "store")] == [1, 4, 1]
    assert stages.count("baseline") == 1 + 5  # at its start and each window
    done = [part for *_, part in calls]
    assert done == sorted(done)
    assert done[0] == 0.0
    assert done[-1] == 1.0
    assert np.all(np.diff(done[1:-1]) > 0)
    times = [time for stage, time, *_ in calls if stage == "run"]
    assert times == [300.0, 600.0, 900.0, 1200.0]
    assert {end for _, _, end, _ in calls} == {1200.0}


@pytest.mark.parametrize(("stage", "rows"), [("baseline", 2), ("run", 7)])
def test_cancelling_keeps_what_was_computed(small, small_run, tmp_path, stage, rows):
    """Catches a cancelled run that goes on, loses its rows, or passes for a finished one."""
    seen = []

    def cancel(progress):
        seen.append(progress.stage)
        return seen.count(stage) < {"baseline": 3, "run": 1}[stage]

    path = tmp_path / "run.h5"
    with pytest.raises(CancelledError, match="cancelled at t = "):
        ketasim.run(small(), path, progress=cancel)
    assert not path.exists()
    with ketasim.open_trajectory(path) as part:
        assert part.path.name == "run.h5.part"
        assert not part.complete
        assert "cancelled" in part.attributes["stopped_because"]
        found, full = part.dataset("population"), small_run.dataset("population")
        assert found.sizes["time"] == rows
        assert found.identical(full.isel(time=slice(0, rows)))
        counted = ketasim.value_of(part.summary, "windows_run", statistic="count")
        assert counted == sum(part["network_sampled"].values[found["time"].values >= 0.0])
        assert "network_time" not in set(part.summary["quantity"])


def test_a_progress_callback_that_returns_none_or_zero_does_not_cancel(small):
    """Catches a run cancelled by a callback that merely returns something false."""
    for answer in (None, 0):
        assert ketasim.run(small(network="none"), progress=lambda progress, a=answer: a).complete


def test_what_is_no_callback_is_refused_before_anything_is_written(small, tmp_path):
    """Catches "'bool' object is not callable" from inside a run, with a checkpoint left behind."""
    for call in (ketasim.run, ketasim.resume):
        first = small(network="none") if call is ketasim.run else tmp_path / "run.h5"
        with pytest.raises(TypeError, match=r"progress is a function .*, not True"):
            call(first, progress=True, **({"out": tmp_path / "run.h5"} if call is ketasim.run else {}))
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_runs_away_is_stopped(small, random_graph, tmp_path):
    """Catches nonsense rates passed off as results."""
    graph = random_graph(weight=1e5)
    for source, target in list(graph.edges):
        if graph.nodes[source]["population"] != "PYR":
            graph.remove_edge(source, target)
    path = tmp_path / "run.h5"
    with pytest.raises(KetasimError, match=r"run away: [A-Z]+ cells fire at more than 200 Hz"):
        ketasim.run(small(), path, graph)
    with ketasim.open_trajectory(path) as part:
        assert "run away" in part.attributes["stopped_because"]
        assert not part.complete


def test_uptake_that_cannot_keep_up_is_stopped(small, tmp_path):
    """Catches ambient glutamate that becomes negative or infinite instead of an error that says why."""
    weak = {"glutamate": {"vmax": "0.001 uM/s", "ambient": "2 mM", "vesicular_share": 1}, "extrasynaptic_nmda": False}
    busy = {"kind": "afferents", "population": "PYR", "start": "0 s", "duration": "20 min", "rate": "200 Hz"}
    path = tmp_path / "run.h5"
    with pytest.raises(KetasimError, match="exceeds the uptake capacity"):
        ketasim.run(small(mechanisms=weak, stimuli=[busy]), path)
    assert "uptake" in ketasim.open_trajectory(path).attributes["stopped_because"]


def test_an_error_in_an_own_mechanism_leaves_a_readable_part(small, tmp_path):
    """Catches a file that cannot be opened after a bug in a user's own code, and the bug hidden from the user."""

    def advance(firing_rate, parameters, clock):
        if clock.fast_step >= 3_000_000:
            raise ZeroDivisionError("mine")

    mine = Mechanism("mine", type(small().mechanisms["glutamate"]), advance, reads=("firing_rate",))
    path = tmp_path / "run.h5"
    with pytest.raises(ZeroDivisionError, match="mine"):
        ketasim.run(small(), path, mechanisms=[mine])
    with ketasim.open_trajectory(path) as part:
        assert part.dataset("population")["time"].values[-1] == 300.0


@pytest.mark.parametrize("label", [str, int, lambda number: f"neuron {chr(955)}{number}"], ids=["text", "int", "greek"])
def test_a_graph_comes_back_edge_by_edge(small, random_graph, tmp_path, label):
    """Catches edges lost, reversed, relabelled or rounded on the way through a run and its file."""
    graph = random_graph(label)
    path = tmp_path / "run.h5"
    ketasim.run(small(duration="5 min", recording={}, doses=[]), path, graph=graph).close()
    with ketasim.open_trajectory(path) as trajectory:
        back = trajectory.graph(0)
        assert dict(back.edges.items()) == dict(graph.edges.items())
        assert set(graph) == set(back)
        for node, data in graph.nodes(data=True):
            assert {key: back.nodes[node][key] for key in data} == data
        assert networkx.is_isomorphic(trajectory.graph("5 min"), back)
        with pytest.raises(ValueError, match="outside the run"):
            trajectory.graph("6 min")


def test_provenance_says_what_ran(small, small_run):
    """Catches parameters that are stated but were not used, and an experiment that cannot be run again."""
    again = ketasim.Experiment.from_mapping(small_run.config)
    assert again == small()
    assert small_run.provenance["config_sha256"] == small().sha256
    parameters = json.loads(small_run.provenance["parameters"])
    assert set(parameters) >= {"mechanisms", "drugs", "cell_classes", "synapses", "receptors"}
    assert set(parameters["drugs"]) == {"ketamine"}
    assert json.loads(small_run.provenance["environment"])["ketasim"] == ketasim.__version__
    (dose,) = small_run.events
    assert (dose["drug"], dose["route"]) == ("ketamine", "intravenous")
    assert (dose["amount_mg"], dose["start_s"], dose["duration_s"]) == (35.0, 0.0, 600.0)
