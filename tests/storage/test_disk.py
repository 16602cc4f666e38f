"""The file under HDF5 behaves like any file, except that what changes in place waits for the commit."""

import contextlib
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ketasim.storage import TrajectoryWriter
from ketasim.storage import disk as disk_module
from ketasim.storage.disk import Disk

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 20_000), st.integers(0, 9_000)),
        st.tuples(st.just("read"), st.integers(0, 20_000), st.integers(0, 9_000)),
        st.tuples(st.just("commit"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@example(actions=[("write", 0, 1), ("commit", 0, 0), ("write", 0, 1), ("read", 2, 2)])  # past the end
@given(actions=ACTIONS)
def test_equals_a_plain_file(tmp_path_factory, actions):
    """Catches bytes that are lost, misplaced or stale where pages, held and new regions meet."""
    path = tmp_path_factory.mktemp("disk") / "file"
    disk, plain = Disk(path), bytearray()
    committed = b""
    for number, (action, start, count) in enumerate(actions):
        disk.seek(start)
        if action == "write":
            data = bytes([number + 1]) * count
            assert disk.write(data) == count
            if count:
                plain.extend(bytes(max(0, start + count - len(plain))))
                plain[start : start + count] = data
        elif action == "read":
            assert disk.read(count) == bytes(plain[start : start + count])
        else:
            disk.commit()
            committed = bytes(plain)
        assert path.read_bytes()[: len(committed)] == committed
    disk.seek(0)
    assert disk.read() == plain
    disk.close()
    assert path.read_bytes() == plain


@settings(max_examples=60, deadline=None)
@given(actions=ACTIONS, cut=st.integers(1, 12), share=st.floats(0.0, 1.0))
def test_a_commit_is_done_or_not(tmp_path_factory, actions, cut, share):
    """Catches a kill between or within two writes of a commit that leaves some pages new and some old."""
    path = tmp_path_factory.mktemp("disk") / "file"
    disk, plain, before = Disk(path), bytearray(), b""
    for number, (action, start, count) in enumerate([*actions, ("write", 3, 9000)]):
        if action == "write":
            disk.seek(start)
            disk.write(bytes([number + 1]) * count)
            if count:
                plain.extend(bytes(max(0, start + count - len(plain))))
                plain[start : start + count] = bytes([number + 1]) * count
        elif action == "commit":
            disk.commit()
            before = bytes(plain)
    writes, put = 0, disk._put

    class KilledError(Exception):
        """Stands for SIGKILL."""

    def dying(start, data):
        nonlocal writes
        writes += 1
        if writes == cut:
            put(start, data[: int(share * len(data))])
            raise KilledError
        put(start, data)

    disk._put = dying
    with contextlib.suppress(KilledError):
        disk.commit()
    disk._file.close()
    found = Disk.interrupted(path)
    content = path.read_bytes() if found is None else found.read()
    assert content[: len(plain)] == plain or content[: len(before)] == before


def test_error_comes_with_the_commit(tmp_path, monkeypatch):
    """Catches an error inside HDF5's own calls, and later writes that reach a disk with room again."""
    disk = Disk(tmp_path / "file")
    disk.write(b"good")
    disk.commit()

    class Full:
        def seek(self, *_):
            return 0

        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            return None

    with monkeypatch.context() as patch:
        patch.setattr(disk, "_file", Full())
        disk.seek(5000)
        assert disk.write(b"lost") == 4
    with pytest.raises(OSError, match="No space"):
        disk.commit()
    disk.close()
    assert (tmp_path / "file").read_bytes() == b"good"


class KilledError(Exception):
    """Stands for SIGKILL."""


def commit_and_die(disk, after):
    """Commit with a process that dies after a number of writes; then nothing more is written."""
    put, writes = disk._put, []

    def dying(start, data):
        if len(writes) == after:
            raise KilledError
        writes.append(start)
        put(start, data)

    disk._put = dying
    with contextlib.suppress(KilledError):
        disk.commit()
    disk._file.close()


def killed_in_a_commit(path, after):
    """A file of 3 pages whose second commit, which changes all of them and adds one, dies after a number of writes."""
    disk = Disk(path)
    disk.write(b"a" * 12_288)
    disk.commit()
    disk.seek(0)
    disk.write(b"b" * 16_384)
    commit_and_die(disk, after)


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_reopened_finishes_what_a_kill_cut_short(tmp_path, after):
    """Catches a journal that is not done, stays at the end, or is cut off before its pages are in their places."""
    path = tmp_path / "file"
    killed_in_a_commit(path, after)
    before = path.read_bytes()
    Disk.reopened(path).close()
    content = path.read_bytes()
    assert content == (before if after == 0 else b"b" * 16_384)
    assert Disk.interrupted(path) is None
    Disk.reopened(path).close()
    assert path.read_bytes() == content


@pytest.mark.parametrize("second", [0, 1, 2, 3])
def test_a_kill_while_a_journal_is_redone(tmp_path, monkeypatch, second):
    """Catches a second interruption, of the resumption itself, that leaves pages of two commits."""
    path = tmp_path / "file"
    killed_in_a_commit(path, after=2)
    put, writes = Disk._put, []

    def dying(self, start, data):
        if len(writes) == second:
            raise KilledError
        writes.append(start)
        put(self, start, data)

    with monkeypatch.context() as patch, contextlib.suppress(KilledError):
        patch.setattr(Disk, "_put", dying)
        Disk.reopened(path).close()
    found = Disk.interrupted(path)
    assert (path.read_bytes() if found is None else found.read()) == b"b" * 16_384
    Disk.reopened(path).close()
    assert path.read_bytes() == b"b" * 16_384


def test_reopened_goes_on(tmp_path):
    """Catches old bytes that change before the commit, new ones that overwrite them, and what a kill left behind."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * 5000 + b"torn journal")
    disk = Disk.reopened(path)
    disk.seek(4990)
    disk.write(b"b" * 4000)
    assert path.read_bytes()[:5000] == b"a" * 5000
    disk.seek(4985)
    assert disk.read(10) == b"a" * 5 + b"b" * 5
    disk.close()
    assert path.read_bytes() == b"a" * 4990 + b"b" * 4000


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_the_end_is_given_up_with_the_commit(tmp_path, after):
    """Catches a file that ends before what its tables say, which HDF5 does not open: it shrank too early."""
    path = tmp_path / "file"
    disk = Disk(path)
    disk.write(b"a" * 20_000)
    disk.commit()
    disk.seek(0)
    disk.write(b"b" * 10)
    disk.truncate(9000)
    assert path.read_bytes() == b"a" * 20_000
    disk.seek(0, 2)
    assert disk.tell() == 9000
    disk.seek(9000)
    disk.write(b"b" * 10)
    commit_and_die(disk, after)
    Disk.reopened(path).close()
    wanted = b"b" * 10 + b"a" * 8990 + b"b" * 10
    assert path.read_bytes() == (b"a" * 20_000 if after == 0 else wanted)


def test_abandoned_it_stays_as_the_last_commit_left_it(tmp_path):
    """Catches half of a cut that is committed on the way out of an error."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * 9000)
    disk = Disk.reopened(path)
    disk.write(b"b" * 5000)
    disk.truncate(5000)
    disk.abandon()
    assert path.read_bytes() == b"a" * 9000


def test_what_is_closed_lasts(tmp_path, monkeypatch):
    """Catches a file that gets its final name before its last bytes are on the disk."""
    synced = []
    monkeypatch.setattr("ketasim.storage.disk.os.fsync", synced.append)
    disk = Disk(tmp_path / "file")
    disk.write(b"new")
    disk.close()
    assert len(synced) == 1


class StoppedError(Exception):
    """In place of waiting for ever."""


@pytest.fixture
def passing(monkeypatch):
    """Count from nothing, and do not wait."""

    def stop(_):
        raise StoppedError

    monkeypatch.setattr(disk_module, "_passed", Counter())
    monkeypatch.setattr(disk_module.time, "sleep", stop)
    return lambda wanted: monkeypatch.setenv("KETASIM_FAULT", wanted)


def test_it_stops_at_the_passing_that_was_asked_for(passing, capsys):
    """Catches a count that starts at 0, or that takes other points for this one."""
    passing("flush:2")
    disk_module.fault_point("flush")
    disk_module.fault_point("rename")
    disk_module.fault_point("rename")
    with pytest.raises(StoppedError):
        disk_module.fault_point("flush")
    disk_module.fault_point("flush")
    assert capsys.readouterr().err == "fault point flush 2\n"


@pytest.mark.parametrize("wanted", ["", "flush", "flush:0", "elsewhere:1"])
def test_nothing_stops_unasked(passing, capsys, wanted):
    """Catches a user's run that hangs."""
    passing(wanted)
    for _ in range(3):
        disk_module.fault_point("flush")
    assert capsys.readouterr().err == ""


def test_a_commit_and_an_end_pass_their_points(passing, monkeypatch, tmp_path):
    """Catches points that lie outside what they are to cut in two: before, after the journal, between pages, after."""
    with TrajectoryWriter(tmp_path / "out.h5") as writer:
        writer.write_provenance({"random": "{}"})
        monkeypatch.setenv("KETASIM_FAULT", "none:1")
        writer.write_provenance({"parameters": "{}"})
        flushes = disk_module._passed["flush"]
        assert flushes >= 4
        assert disk_module._passed["rename"] == 0
        writer.finish()
    assert disk_module._passed["rename"] == 4  # before the mark, after it, before the name, after it
    assert disk_module._passed["flush"] > flushes
