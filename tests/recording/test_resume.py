"""What is found of an interrupted run, whether it may go on, and when its state is stored."""

import logging
import shutil
from io import BytesIO
from types import SimpleNamespace

import h5py
import pytest

import ketasim
from ketasim.mechanisms import Mechanism
from ketasim.pipeline import CancelledError
from ketasim.recording import resume
from ketasim.recording.resume import Checkpointer, RefusedError, interrupted_run
from ketasim.simulation import Simulation
from ketasim.storage import digest
from ketasim.storage.checkpoint import CheckpointError, checkpoint_path, read_checkpoint, write_checkpoint
from ketasim.storage.datasets import StorageError, TrajectoryNotFoundError
from ketasim.storage.writer import TrajectoryWriter


@pytest.fixture
def own():
    """Mechanism that does nothing."""

    class Nothing(tuple):
        """No parameters."""

        def _asdict(self):
            return {}

    return Mechanism("own", Nothing, lambda parameters, clock: None)


@pytest.fixture
def stopped(small, tmp_path):
    """Run the small experiment without a network until a stage is reported for the n-th time; returns its path."""

    def run(stage="run", number=1, name="out.h5", network="none", **given):
        seen = []

        def progress(report):
            seen.append(report.stage)
            return seen.count(stage) < number

        with pytest.raises(CancelledError):
            ketasim.run(small(network=network), tmp_path / name, progress=progress, force=True, **given)
        return tmp_path / name

    return run


def test_nothing_there_is_said_so(tmp_path):
    """Catches a new run in place of a message for a path that is mistyped."""
    with pytest.raises(TrajectoryNotFoundError) as caught:
        interrupted_run(tmp_path / "out.h5", None, ())
    assert caught.value.exit_code == 2


def test_a_part_alone_cannot_go_on(stopped):
    """Catches a KeyError, or a run from the start over what is there, when the checkpoint was removed."""
    path = stopped()
    checkpoint_path(path).unlink()
    with pytest.raises(CheckpointError, match=r"there is no out\.h5\.checkpoint beside it; it can be read"):
        interrupted_run(path, None, ())


def test_a_finished_file_is_left_alone(small, tmp_path, caplog):
    """Catches a finished run that is done again, or that says nothing; and an unfinished one under a finished name."""
    path = tmp_path / "out.h5"
    ketasim.run(small(network="none"), path).close()
    with caplog.at_level(logging.INFO, "ketasim"):
        assert interrupted_run(path, None, ()) is None
    assert "out.h5 is complete; there is nothing to resume" in caplog.text
    with h5py.File(path, "r+") as file:
        file.attrs["complete"] = 0
    with pytest.raises(CheckpointError, match=r"out\.h5: unfinished, and there is no out\.h5\.checkpoint"):
        interrupted_run(path, None, ())
    path.write_text("no HDF5")
    with pytest.raises(StorageError, match="not a trajectory file"):
        interrupted_run(path, None, ())


@pytest.mark.parametrize("older", [False, True])
def test_a_run_that_lacks_only_its_name_gets_it(small, tmp_path, monkeypatch, older):
    """Catches a complete run that is computed again, or an older file that stays in its place."""
    path = tmp_path / "out.h5"
    if older:
        ketasim.run(small(network="none", seed=2), path).close()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("ketasim.storage.writer.complete", lambda part: (_ for _ in ()).throw(KeyboardInterrupt))
        ketasim.run(small(network="none"), path, force=True)
    assert path.exists() == older
    assert interrupted_run(path, None, ()) is None
    assert ketasim.open_trajectory(path).config["seed"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["out.h5"]


def test_a_name_without_its_checkpoint_removed(small, tmp_path):
    """Catches a finished run that is begun anew because the kill came just before its checkpoint was removed."""
    path, kept = tmp_path / "out.h5", tmp_path / "kept"
    ketasim.run(
        small(network="none"), path, progress=lambda _: shutil.copy(checkpoint_path(path), kept) and None
    ).close()
    before = digest(path)
    shutil.copy(kept, checkpoint_path(path))
    assert interrupted_run(path, None, ()) is None
    assert not checkpoint_path(path).exists()
    assert digest(path) == before


def test_own_mechanisms_are_asked_for(stopped, own):
    """Catches a run that goes on without a mechanism that it began with, or with one more."""
    with_own, plain = stopped(mechanisms=[own], name="own.h5"), stopped(name="plain.h5")
    with pytest.raises(
        RefusedError,
        match=r"with custom mechanisms own; pass the same .*; on the command line: --mechanism FILE",
    ):
        interrupted_run(with_own, None, ())
    with pytest.raises(RefusedError, match="started with no custom mechanisms"):
        interrupted_run(plain, None, (own,))
    assert interrupted_run(with_own, None, (own,)).mechanisms == (own,)


def test_a_graph_comes_from_the_file(stopped, random_graph):
    """Catches a run that goes on with the experiment's network in place of a graph from Python, or with one more."""
    path = stopped("baseline", network={"neurons": 40}, graph=random_graph())
    found = interrupted_run(path, None, ())
    given = Simulation(found.experiment, random_graph()).network.topology
    assert found.graph.sha256 == given.sha256
    plain = stopped("build", name="plain.h5")
    with pytest.raises(RefusedError, match="started without a graph"):
        interrupted_run(plain, random_graph(), ())


def test_a_graph_of_an_older_run_is_not_taken(stopped, random_graph):
    """Catches a run with a graph, killed before it was stored, that goes on with that of the run before."""
    path = stopped("baseline", network={"neurons": 40}, graph=random_graph())
    path = stopped("build", network={"neurons": 40}, graph=random_graph(weight=3.0))  # only the checkpoint is new
    with pytest.raises(RefusedError, match=r"had not yet been stored.*graph=\.\.\.\)"):
        interrupted_run(path, None, ())
    graph = random_graph(weight=3.0)
    assert interrupted_run(path, graph, ()).graph is graph


def test_what_differs_is_listed(stopped, small):
    """Catches a run that goes on to other bits, a reason that nobody is told, and one that can't be forced."""
    found = interrupted_run(stopped(), None, ())
    simulation = Simulation(found.experiment)
    assert found.check(simulation, False) == []
    changed = found.header["identity"] | {"numpy": "1.0", "code": "other"}
    found = found._replace(header=found.header | {"identity": changed})
    with pytest.raises(RefusedError, match=r"(?s)code was other, is .*numpy was 1\.0, is .*--force") as caught:
        found.check(simulation, False)
    assert caught.value.exit_code == 2
    assert [line.split()[0] for line in found.check(simulation, True)] == ["code", "numpy"]


@pytest.fixture
def watched(small, tmp_path, monkeypatch):
    """Make a checkpointer with everything that it watches, and a clock by hand."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(resume.time, "monotonic", lambda: clock.now)

    def make(target):
        experiment = small(network="none")
        checkpointer = Checkpointer(target, experiment, False, False, ())
        simulation = Simulation(experiment)
        writer = TrajectoryWriter(target, checkpointer.marks)
        checkpointer.watch(simulation, writer, SimpleNamespace(state={}), SimpleNamespace(state=0))
        return checkpointer, writer, clock

    return make


def test_it_is_written_when_the_interval_has_passed(watched, tmp_path):
    """Catches a checkpoint at every step, or none; 60 s is the default."""
    path = tmp_path / "out.h5"
    checkpointer, writer, clock = watched(path)
    with writer:
        for now, there in ((130.0, False), (159.9, False), (160.0, True), (219.0, False), (220.5, True)):
            clock.now = now
            checkpointer.write_if_due()
            assert checkpoint_path(path).exists() == there, now
            checkpoint_path(path).unlink(missing_ok=True)


def test_the_file_is_on_the_disk_first(watched, tmp_path, monkeypatch):
    """Catches a checkpoint that counts on rows which a power failure takes."""
    path, order = tmp_path / "out.h5", []
    checkpointer, writer, _ = watched(path)
    sync = writer.sync
    monkeypatch.setattr(writer, "sync", lambda: (order.append("sync"), sync()))
    monkeypatch.setattr(resume, "write_checkpoint", lambda *given: order.append(given[0].name))
    with writer:
        checkpointer.write()
    assert order == ["sync", "out.h5"]


def test_a_run_in_memory_writes_none(watched, tmp_path, monkeypatch):
    """Catches a file that appears in the current folder, or time spent on states that nobody can use."""
    monkeypatch.chdir(tmp_path)
    checkpointer, writer, clock = watched(BytesIO())
    with writer:
        checkpointer.write_start()
        clock.now = 1e9
        checkpointer.write_if_due()
        checkpointer.write()
    assert list(tmp_path.iterdir()) == []


def test_a_state_of_an_announced_run_is_its_experiment(small, tmp_path):
    """Catches an experiment that comes back changed, with other paths, or without what its file said."""
    path = tmp_path / "out.h5"
    Checkpointer(path, small(seed=5), False, False, ()).write_start()
    found = interrupted_run(path, None, ())
    assert found.experiment == small(seed=5)
    assert found.experiment.source_text == small(seed=5).source_text
    assert found.arrays == {}
    header, _ = read_checkpoint(path)
    write_checkpoint(path, header | {"experiment": header["experiment"] | {"file": str(tmp_path / "gone.yaml")}}, {})
    assert interrupted_run(path, None, ()).experiment == small(seed=5)
