"""A run that was interrupted anywhere and goes on ends with the same file, to the last bit, or says why it can't."""

import json
import shutil
from types import SimpleNamespace

import pytest

import ketasim
from ketasim.config import Experiment
from ketasim.pipeline import CancelledError
from ketasim.recording.resume import RefusedError
from ketasim.storage import digest
from ketasim.storage.checkpoint import CheckpointError, checkpoint_path, read_checkpoint, write_checkpoint
from ketasim.storage.datasets import TrajectoryNotFoundError, part_path

SCHEDULE = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min", "checkpoint": "0 s"}

#: Spikes of the baseline, so that it is measured and not taken from what was stored.
RECORDING = {"node_signals": ["firing_rate"], "spikes": [{"from": "-1 s", "to": "10 min"}], "graph": ["5 min"]}


def as_killed(path, folder):
    """Copy what a kill would leave now."""
    folder.mkdir()
    for file in (part_path(path), checkpoint_path(path)):
        if file.exists():
            shutil.copy(file, folder)


@pytest.fixture(scope="module")
def interrupted(small, tmp_path_factory):
    """A whole run, and what a kill at each report would have left of it, by stage and time."""
    folder, experiment = tmp_path_factory.mktemp("killed"), small(schedule=SCHEDULE, recording=RECORDING)
    path, left = folder / "out.h5", {}

    def progress(report):
        place = folder / str(len(left))
        left[report.stage, report.time] = place
        as_killed(path, place)

    ketasim.run(experiment, path, progress=progress).close()
    return SimpleNamespace(experiment=experiment, path=path, left=left, digest=digest(path))


@pytest.fixture
def left(interrupted, tmp_path):
    """Bring what a kill left to a folder of this test; returns the path of the trajectory."""

    def bring(stage, time=0.0, part_of=None):
        shutil.copytree(interrupted.left[stage, time], tmp_path / "run")
        if part_of:
            shutil.copy(interrupted.left[part_of] / "out.h5.part", tmp_path / "run")
        return tmp_path / "run" / "out.h5"

    return bring


def names(path):
    """Names of all files beside a trajectory, itself included."""
    return sorted(file.name for file in path.parent.iterdir())


@pytest.mark.parametrize(
    ("stage", "time", "later"),
    [
        ("build", 0.0, None),
        ("baseline", 0.0, ("baseline", -0.2)),
        ("baseline", -0.6, ("run", 900.0)),
        ("baseline", -0.2, None),
        ("run", 300.0, ("run", 1200.0)),
        ("run", 900.0, None),
        ("run", 1200.0, None),
        ("store", 1200.0, None),
    ],
)
def test_it_ends_with_the_same_bits(interrupted, left, monkeypatch, tmp_path, stage, time, later):
    """Catches a state that is not whole, rows that are lost or doubled, and files that are left over.

    later : when the kill came, if some time after the checkpoint.
    """
    path = left(stage, time, later)
    monkeypatch.chdir(tmp_path)  # another folder than that of the run
    stages = []
    with ketasim.resume("run/out.h5", progress=lambda report: stages.append((report.stage, report.time))) as run:
        assert run.complete
    assert digest(path) == interrupted.digest
    assert names(path) == ["out.h5"]
    if stage == "run":
        assert stages[:2] == [("build", 0.0), ("baseline", time)]
        assert all(at > time for name, at in stages[2:] if name == "run")


def test_interrupted_again_and_again(interrupted, left):
    """Catches a second checkpoint that counts on the first's file, in the baseline and after it."""
    path, cancelled = left("baseline", -0.8), 0
    while cancelled < 20:
        reports = []

        def progress(report, reports=reports):
            reports.append(report)
            return len(reports) < 4

        try:
            ketasim.resume(path, progress=progress).close()
            break
        except CancelledError as error:
            assert "cancelled at t = " in str(error)
            cancelled += 1
    assert 3 < cancelled < 20
    assert digest(path) == interrupted.digest


@pytest.mark.parametrize("stage", ["baseline", "run", "store"])
def test_with_a_stored_baseline(small, small_file, tmp_path, stage):
    """Catches windows of the baseline that are written again when they come from the cache a second time."""
    reports = []

    def progress(report):
        reports.append(report.stage)
        return reports.count(stage) < (3 if stage == "baseline" else 1)

    with pytest.raises(CancelledError):
        ketasim.run(small(), tmp_path / "out.h5", progress=progress)
    with ketasim.resume(tmp_path / "out.h5") as run:
        assert run.digest() == digest(small_file)


def test_without_a_network(small, tmp_path):
    """Catches a resumption that wants a network's state, and doses that are given twice."""
    experiment, path = small(network="none"), tmp_path / "out.h5"
    with pytest.raises(CancelledError):
        ketasim.run(experiment, path, progress=lambda report: report.stage != "run")
    with ketasim.resume(path) as run:
        assert run.digest() == ketasim.run(experiment).digest()


def test_with_a_graph_and_stimuli(small, random_graph, tmp_path):
    """Catches a graph from Python that is not found again in the file, or whose notes are lost, and stimuli."""
    stimulus = {"kind": "afferents", "population": "PYR", "start": "4 min", "duration": "10 min", "rate": "20 Hz"}
    experiment, path = small(stimuli=[stimulus], recording={}), tmp_path / "out.h5"
    whole = ketasim.run(experiment, graph=random_graph()).digest()
    for stage, graph in (("baseline", None), ("run", None), ("run", random_graph())):
        with pytest.raises(CancelledError):
            ketasim.run(
                experiment, path, random_graph(), progress=lambda report, at=stage: report.stage != at, force=True
            )
        with ketasim.resume(path, graph) as run:
            assert run.digest() == whole


def test_an_experiment_of_a_file_with_overrides(small, tmp_path, monkeypatch):
    """Catches overrides, comments or relative paths that are lost between the file and the resumption elsewhere."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "own.yaml").write_text(f"# mine\n{json.dumps(small(network='none').resolved())}\n")
    monkeypatch.chdir(tmp_path / "here")
    experiment = ketasim.load_experiment("own.yaml", ["seed=9", "duration=30 min"])
    whole = ketasim.run(experiment).digest()
    with pytest.raises(CancelledError):
        ketasim.run(experiment, "out.h5", progress=lambda report: report.stage == "build")
    (tmp_path / "here" / "own.yaml").unlink()
    monkeypatch.chdir(tmp_path)
    with ketasim.resume("here/out.h5", threads=2) as run:
        assert run.digest() == whole
        assert "# mine" in run.provenance["config_source"]


@pytest.mark.parametrize("name", ["ketasim", "experiment", "parameters", "code", "numpy", "processor"])
def test_what_differs_is_refused_unless_forced(interrupted, left, name):
    """Catches a run whose two parts differ and whose file does not say so, whether it is forced once or twice."""
    path = left("run", 900.0)
    header, arrays = read_checkpoint(path)
    write_checkpoint(path, header | {"identity": header["identity"] | {name: "another"}}, arrays)
    before = names(path), part_path(path).read_bytes()
    with pytest.raises(RefusedError, match=f"(?s){name} was another, is .*--force"):
        ketasim.resume(path)
    assert (names(path), part_path(path).read_bytes()) == before
    if name == "numpy":
        with pytest.raises(CancelledError):
            ketasim.resume(path, force=True, progress=lambda report: report.stage != "run")
        with ketasim.resume(path) as run:  # what comes now has the same numpy as what it goes on from
            assert run.provenance["forced_resume"].startswith("numpy was another, is ")
            assert run.digest() != interrupted.digest


@pytest.mark.parametrize("name", ["simulation/signals/serotonin_response", "writer/trajectories/subject/kept/madrs"])
def test_other_signals_are_refused_before_anything_is_written(left, name):
    """Catches a forced resumption by code with another mechanism, which would fail and spoil the checkpoint."""
    path = left("run", 900.0)
    header, arrays = read_checkpoint(path)
    del arrays[name]
    write_checkpoint(path, header, arrays)
    before = names(path), part_path(path).read_bytes(), checkpoint_path(path).read_bytes()
    with pytest.raises(RefusedError, match=rf"not even with --force: .*\({name.rpartition('/')[2]}\); resume it"):
        ketasim.resume(path, force=True)
    assert (names(path), part_path(path).read_bytes(), checkpoint_path(path).read_bytes()) == before


def test_forced_twice_before_a_checkpoint(left):
    """Catches a note that is there already, of a forced resumption that was killed at once."""
    path = left("run", 900.0)
    header, arrays = read_checkpoint(path)
    identity = header["identity"] | {"numpy": "another"}
    header = header | {"identity": identity, "experiment": header["experiment"]}
    header["experiment"]["data"]["schedule"]["checkpoint"] = "1 h"
    write_checkpoint(path, header, arrays)
    with pytest.raises(ZeroDivisionError):
        ketasim.resume(path, force=True, progress=lambda report: 1 / (report.stage != "run"))
    with ketasim.resume(path, force=True) as run:
        assert run.provenance["forced_resume"].count("numpy was another") == 1


def test_a_damaged_checkpoint_says_what_can_be_done(left):
    """Catches a traceback of numpy, or a run that goes on from wrong numbers."""
    path = left("run", 300.0)
    content = bytearray(checkpoint_path(path).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500)  # more than what lies between two arrays
    checkpoint_path(path).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged: .* out\.h5\.part can still be read; .*--force"):
        ketasim.resume(path)
    with ketasim.open_trajectory(path) as run:
        assert not run.complete
        assert run.config["name"] == "small"


@pytest.mark.parametrize("missing", [True, False])
def test_a_part_that_is_not_what_the_checkpoint_says(left, missing):
    """Catches KeyError or ValueError where the .part is gone, or older than its checkpoint."""
    path = left("run", 1200.0, None if missing else ("baseline", 0.0))
    if missing:
        part_path(path).unlink()
    with pytest.raises(CheckpointError, match=r"out\.h5\.part: does not match its checkpoint: .*--force"):
        ketasim.resume(path)
    assert checkpoint_path(path).exists()


def test_nothing_to_resume(interrupted, tmp_path):
    """Catches folders that a mistyped path makes, and a finished run that is touched."""
    with pytest.raises(TrajectoryNotFoundError):
        ketasim.resume(tmp_path / "no" / "such" / "out.h5")
    assert list(tmp_path.iterdir()) == []
    before = interrupted.path.stat().st_mtime_ns
    ketasim.resume(interrupted.path).close()
    assert interrupted.path.stat().st_mtime_ns == before


def test_a_callback_that_fails_costs_nothing(small, tmp_path):
    """Catches an error of a user's own code after which the run can't go on."""
    experiment, path = small(network="none"), tmp_path / "out.h5"
    with pytest.raises(ZeroDivisionError):
        ketasim.run(experiment, path, progress=lambda report: 1 / (report.time < 900.0))
    with ketasim.resume(path) as run:
        assert run.digest() == ketasim.run(experiment).digest()
    assert isinstance(experiment, Experiment)


def test_rows_that_only_the_checkpoint_has_are_shown(left, interrupted):
    """Catches an empty table for a killed run: until a chunk is full its rows are in the checkpoint alone."""
    with ketasim.open_trajectory(interrupted.path) as whole:
        expected = whole["firing_rate"]
    with ketasim.open_trajectory(left("run", 900.0)) as trajectory:
        assert "rows up to 900 s of a run to 1200 s" in trajectory.progress
        assert trajectory["firing_rate"].equals(expected.sel(time=slice(None, 900.0)))
        assert trajectory.sel("10 min")["firing_rate"].equals(whole_row(expected, 600.0))
        assert "firing_rate" in set(trajectory.summary["quantity"])


def whole_row(array, time):
    """Row of a signal as `sel` returns it."""
    return array.sel(time=time).drop_vars("stage")
