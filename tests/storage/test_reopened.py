"""A writer that goes on from a state ends with the same content, wherever it was interrupted."""

import errno
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ketasim.storage import Column, TrajectoryWriter, digest
from ketasim.storage.checkpoint import CheckpointError
from ketasim.storage.disk import Disk

COLUMNS = (Column("rate", "Hz", "a rate", ("population",), None, "f8"), Column("sampled", "1", "a flag", dtype="u1"))
NODE = (Column("rate", "Hz", "a rate", ("node",)),)
PAIRS = (("PYR", "PYR"), ("PV", "PYR"))
MARKS = {"run_id": "a", "name": "parts"}

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["rows", "node"]), st.integers(1, 40)),
        st.tuples(st.just("spikes"), st.sampled_from([0, 5, 700, 5000])),
        st.tuples(st.just("steps"), st.sampled_from([0, 3, 600])),
        st.tuples(st.sampled_from(["flush", "snapshot"]), st.just(0)),
    ),
    max_size=8,
)


class Fake:
    """Writes what a list of operations says; every value follows from the operation's number."""

    def __init__(self, path, topology, state=None):
        self.topology = topology
        self.writer = TrajectoryWriter(path, MARKS, state)
        if state is None:
            self.writer.write_topology(topology)
        self.writer.create_samples("population", COLUMNS, {"population": ["PYR", "PV"]})
        self.writer.create_samples("node", NODE, {"node": np.arange(2000)})
        self.writer.create_edge_events(PAIRS)
        self.writer.append_spikes("PYR", np.empty(0), np.empty(0, int))

    def do(self, operations, start=0):
        for number, (kind, count) in list(enumerate(operations))[start:]:
            random, time = np.random.default_rng(number), 1000.0 * number
            if kind == "rows":
                for row in range(count):
                    self.writer.append("population", time + row, {"rate": random.random(2), "sampled": row % 2})
            elif kind == "node":
                for row in range(count):
                    self.writer.append("node", time + row, {"rate": random.random(2000)})
            elif kind == "spikes":
                spikes = np.sort(time + random.random(count))
                self.writer.append_spikes("PYR" if number % 2 else "PV", spikes, random.integers(0, 9, count))
            elif kind == "steps":
                source, target = random.integers(0, 12, (2, count))
                kinds = random.integers(0, 2, count).astype("u1")
                events = (kinds, source, target, random.random(count), random.random(count))
                self.writer.append_edge_events(time, {PAIRS[number % 2]: events})
            elif kind == "snapshot":
                self.writer.write_snapshot(str(number), time, self.topology, PAIRS)
            else:
                self.writer.flush()

    def checkpoint(self):
        """State, once all that it counts on is on the disk."""
        state = {name: array.copy() for name, array in self.writer.state.items()}
        self.writer.sync()
        return state

    def killed(self):
        """Leave the file as a kill would."""
        part = Path(self.writer.place)
        content = part.read_bytes()
        self.writer.__exit__(None, None, None)  # HDF5 wants its files closed
        part.write_bytes(content)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(operations=[("spikes", 5), ("rows", 3)], points=(0.0, 0.5))  # a group that no commit has seen yet
@example(operations=[("node", 40), ("flush", 0), ("node", 40), ("snapshot", 0), ("steps", 600)], points=(0.4, 1.0))
@given(operations=OPERATIONS, points=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_interrupted_twice_it_ends_the_same(tmp_path_factory, example, operations, points):
    """Catches rows, spikes or events that are lost, doubled or of a later time when writing goes on from a state.

    Each time the file runs on for a while after the state, then the process dies.
    """
    folder, topology = tmp_path_factory.mktemp("parts"), example.random_topology()
    whole = Fake(folder / "whole.h5", topology)
    whole.do(operations)
    whole.writer.finish()
    path, state, done = folder / "out.h5", None, 0
    for share in sorted(points):
        fake = Fake(path, topology, state)
        stop = max(done, round(share * len(operations)))
        fake.do(operations[:stop], done)
        state, done = fake.checkpoint(), stop
        fake.do(operations[: stop + 3], stop)
        fake.killed()
    fake = Fake(path, topology, state)
    fake.do(operations, done)
    fake.writer.finish()
    assert digest(path) == digest(folder / "whole.h5")


@pytest.fixture
def interrupted(tmp_path, example):
    """Path, state and topology of a writer that was killed some time after its state was taken."""
    fake = Fake(tmp_path / "out.h5", example.random_topology())
    fake.do([("rows", 40), ("spikes", 700), ("steps", 3)])
    state = fake.checkpoint()
    fake.do([("rows", 40), ("spikes", 700), ("steps", 3), ("rows", 40), ("spikes", 5000)], 3)
    fake.writer.stop("cancelled")
    fake.writer.mark(network_time=3.0)
    fake.writer.write_summary(example.summary)
    fake.writer.write_provenance({"forced_resume": "numpy was 1"})
    fake.killed()
    return tmp_path / "out.h5", state, fake.topology


def test_marks_of_an_end_go(interrupted):
    """Catches a run that goes on and still says why it stopped, has a summary, or is forced without being so."""
    path, state, topology = interrupted
    for number in (1, 2):
        Fake(path, topology, state).killed()
        with h5py.File(f"{path}.part") as file:
            assert not {"stopped_because", "finished", "content_sha256", "network_time"} & set(file.attrs)
            assert file.attrs["complete"] == 0
            assert file.attrs["resumed"] == number
            assert "summary" not in file
            assert "provenance/forced_resume" not in file


def test_a_kill_while_it_is_cut_back_costs_nothing(interrupted, monkeypatch):
    """Catches a file that no longer opens since it was made shorter before its tables were changed."""
    path, state, topology = interrupted
    part, put, images = Path(f"{path}.part"), Disk._put, []

    def seen(self, start, data):
        put(self, start, data)
        images.append(part.read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "_put", seen)
        fake = Fake(path, topology, state)
    fake.killed()
    wanted = digest(part)
    assert min(map(len, images)) < max(map(len, images))
    assert len(images) > 6
    for image in images[:: max(1, len(images) // 6)]:
        part.write_bytes(image)
        Fake(path, topology, state).killed()
        assert digest(part) == wanted


def changed(path, change):
    with h5py.File(f"{path}.part", "r+") as file:
        change(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file["trajectories/population/rate"].resize(3, axis=0), "3 rows, 32 at the checkpoint"),
        (lambda file: file["spikes/PYR/timestamps"].resize(0, axis=0), "rows"),
        (lambda file: file.__delitem__("trajectories/node"), "node"),
        (lambda file: file.__delitem__("structure"), "structure"),
        (lambda file: file.attrs.__setitem__("run_id", "b"), "it belongs to run b, the checkpoint to a"),
        (lambda file: file["trajectories/population/rate"].attrs.__setitem__("units", "Hx"), "rate is not what was"),
        (lambda file: file["structure/events"].attrs.__setitem__("pairs", ["PV to PV"]), "events is not what was"),
    ],
)
def test_a_file_that_has_less_than_the_state_is_refused(interrupted, change, words):
    """Catches a ValueError or KeyError for a file that is not what was interrupted, and one that trying spoils."""
    path, state, topology = interrupted
    if "spikes" in words or words == "rows":
        state = state | {"spikes/PYR/rows": np.array(9000)}
    changed(path, change)
    before = digest(f"{path}.part")
    with pytest.raises(CheckpointError, match=r"out\.h5\.part: does not match its checkpoint: .*--force") as caught:
        Fake(path, topology, state)
    assert words in str(caught.value)
    assert digest(f"{path}.part") == before


@pytest.mark.parametrize("content", [None, b"", b"no HDF5", "cut"])
def test_a_missing_or_broken_file_is_refused(interrupted, content):
    """Catches a message about writing where there is nothing to go on from, and a new file in its place."""
    path, state, topology = interrupted
    part = path.with_name("out.h5.part")
    if content is None:
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:3000] if content == "cut" else content)
    with pytest.raises(CheckpointError, match=r"out\.h5\.part: does not match its checkpoint"):
        Fake(path, topology, state)
    assert part.exists() == (content is not None)


def test_no_access_is_not_a_broken_file(interrupted, monkeypatch):
    """Catches advice to start anew where rights are missing."""
    path, state, topology = interrupted

    def refused(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Disk, "reopened", refused)
    with pytest.raises(Exception, match=r"out\.h5\.part: cannot be written: Permission denied$"):
        Fake(path, topology, state)


def test_a_state_serves_twice(interrupted, tmp_path):
    """Catches a state, or the file, that is used up by going on from it."""
    path, state, topology = interrupted
    shutil.copy(f"{path}.part", tmp_path / "copy.h5.part")
    for target in (path, path, tmp_path / "copy.h5"):
        fake = Fake(target, topology, state)
        fake.do([("rows", 2)] * 5, 3)
        if target == path:
            fake.killed()
    fake.writer.finish()
    again = Fake(path, topology, state)
    again.do([("rows", 2)] * 5, 3)
    again.writer.finish()
    assert digest(path) == digest(tmp_path / "copy.h5")
