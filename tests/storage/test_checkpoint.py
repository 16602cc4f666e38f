"""Files beside a trajectory: what is read of a checkpoint is what was written; one writer for one trajectory."""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ketasim.storage import checkpoint as module
from ketasim.storage.checkpoint import (
    CheckpointError,
    LockedError,
    checkpoint_path,
    lock_path,
    locked,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from ketasim.storage.datasets import StorageError
from ketasim.storage.outputs import OutputError

HEADER = {"identity": {"ketasim": "9.9"}, "last_spike": float("-inf"), "name": "täst"}
ARRAYS = {"simulation/time": np.array(600.0), "writer/clocks/subject/rows": np.arange(7), "empty": np.empty((0, 3))}

TYPES = st.sampled_from([np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64, np.bool_])
VALUES = TYPES.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))


class KilledError(BaseException):
    """Stands for SIGKILL."""


@settings(max_examples=40, deadline=None)
@given(arrays=st.dictionaries(st.sampled_from(["simulation/time", "writer/named", "a/b/c", "a/b/d", "x"]), VALUES))
def test_what_is_read_is_what_was_written(tmp_path_factory, arrays):
    """Catches an array whose type, shape, bits or order among the others a checkpoint changes."""
    path = tmp_path_factory.mktemp("checkpoint") / "out.h5"
    write_checkpoint(path, HEADER, arrays)
    header, found = read_checkpoint(path)
    assert header == HEADER | {"format": 1}
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_none_is_told_from_one_without_arrays(tmp_path):
    """Catches a run that was only announced, and is taken for none at all."""
    path = tmp_path / "out.h5"
    assert read_checkpoint(path) is None
    write_checkpoint(path, HEADER, {})
    assert read_checkpoint(path).arrays == {}
    assert [file.name for file in path.parent.iterdir()] == ["out.h5.checkpoint"]


@settings(max_examples=80, deadline=None)
@given(place=st.floats(0.0, 1.0, exclude_max=True), cut=st.booleans())
def test_no_damage_is_taken_for_a_state(tmp_path_factory, place, cut):
    """Catches a run that goes on from wrong numbers: a byte flipped or the end missing is an error, or changes nothing.

    Some bytes of a zip archive, such as times of its members, mean nothing.
    """
    path = tmp_path_factory.mktemp("checkpoint") / "out.h5"
    write_checkpoint(path, HEADER, ARRAYS)
    content = bytearray(checkpoint_path(path).read_bytes())
    at = int(place * len(content))
    content = content[:at] if cut else content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]
    checkpoint_path(path).write_bytes(content)
    try:
        header, arrays = read_checkpoint(path)
    except CheckpointError as error:
        assert "out.h5.checkpoint: " in str(error)
        assert "damaged" not in str(error) or "--force" in str(error)
    else:
        assert not cut
        assert header == HEADER | {"format": 1}
        assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_an_error_keeps_the_older_one(tmp_path, monkeypatch, function):
    """Catches a full disk that costs the last good state, or leaves half a file."""
    path = tmp_path / "out.h5"
    write_checkpoint(path, HEADER, ARRAYS)

    def failing(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match=r"out\.h5\.checkpoint: .*No space left"):
        patch.setattr(module.os, function, failing)
        write_checkpoint(path, HEADER | {"name": "newer"}, {})
    assert read_checkpoint(path).header["name"] == "täst"
    assert [file.name for file in tmp_path.iterdir()] == ["out.h5.checkpoint"]


@pytest.mark.parametrize("point", [1, 2, 3, 4])
def test_a_kill_leaves_the_older_or_the_newer(tmp_path, monkeypatch, point):
    """Catches a moment at which there is neither."""
    path = tmp_path / "out.h5"
    write_checkpoint(path, HEADER, ARRAYS)
    passed = []

    def dying(name):
        passed.append(name)
        if len(passed) == point:
            raise KilledError

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(module, "fault_point", dying)
        write_checkpoint(path, HEADER | {"name": "newer"}, {})
    assert read_checkpoint(path).header["name"] == ("newer" if point == 4 else "täst")


def test_it_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """Catches a name that a power failure leaves with nothing behind it: fsync, rename, fsync of the folder."""
    path, order = tmp_path / "out.h5", []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(module.os, "fsync", lambda handle: (order.append(("fsync", os.fstat(handle))), fsync(handle)))
    monkeypatch.setattr(module.os, "replace", lambda *names: (order.append(("replace", names)), replace(*names)))
    write_checkpoint(path, HEADER, ARRAYS)
    assert [word for word, _ in order][:2] == ["fsync", "replace"]
    assert order[0][1].st_size == checkpoint_path(path).stat().st_size  # all of it
    if os.name == "posix":
        assert [word for word, _ in order] == ["fsync", "replace", "fsync"]


def test_a_later_format_names_who_wrote_it(tmp_path, monkeypatch):
    """Catches a state of another meaning that is taken up, or called damaged."""
    path = tmp_path / "out.h5"
    with monkeypatch.context() as patch:
        patch.setattr(module, "FORMAT", 2)
        write_checkpoint(path, HEADER, ARRAYS)
    with pytest.raises(CheckpointError, match=r"written by a later ketasim, 9\.9"):
        read_checkpoint(path)


def test_damage_says_what_is_left(tmp_path):
    """Catches a message without a way out."""
    path = tmp_path / "out.h5"
    checkpoint_path(path).write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"damaged: .*; the run cannot continue from it, nothing was computed; "):
        read_checkpoint(path)
    (tmp_path / "out.h5.part").touch()
    with pytest.raises(CheckpointError, match=r"out\.h5\.part can still be read; `ketasim run \.\.\. --force`"):
        read_checkpoint(path)


def test_what_cannot_be_read_is_not_called_damaged(tmp_path):
    """Catches advice to start anew where the checkpoint may be whole."""
    checkpoint_path(tmp_path / "out.h5").mkdir()
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path / "out.h5")
    assert "damaged" not in str(caught.value)
    assert "--force" not in str(caught.value)


def test_removing_takes_what_a_kill_left(tmp_path):
    """Catches half a checkpoint that lies there for ever, and an error where there is nothing to remove."""
    path = tmp_path / "out.h5"
    write_checkpoint(path, HEADER, ARRAYS)
    (tmp_path / "out.h5.checkpoint.tmp").write_bytes(b"half")
    (tmp_path / "other.h5.checkpoint").write_text(json.dumps({}))
    remove_checkpoint(path)
    remove_checkpoint(path)
    assert [file.name for file in tmp_path.iterdir()] == ["other.h5.checkpoint"]


_HOLD = "import sys, pathlib; from ketasim.storage.checkpoint import locked\n"
_HOLD += "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def path(tmp_path):
    """Path of a trajectory in a folder that is not there yet."""
    return tmp_path / "new" / "out.h5"


def test_nothing_is_left_behind(path):
    """Catches a lock file that lies about, and a folder that has to be made by hand."""
    for _ in range(2):
        with locked(path):
            assert lock_path(path).exists()
        assert list(path.parent.iterdir()) == []
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    assert list(path.parent.iterdir()) == []


def test_a_second_writer_is_told_at_once(path):
    """Catches two runs of one process, as of two threads, into one file, and a second that breaks the first."""
    with locked(path):
        wanted = r"out\.h5: another process is writing it \(out\.h5\.lock is held\)"
        with pytest.raises(LockedError, match=wanted) as caught, locked(path):
            pass
        assert caught.value.exit_code == 2
        found = []

        def other():
            try:
                with locked(path):
                    found.append("both")
            except LockedError:
                found.append("one")

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert found == ["one"]
        assert lock_path(path).exists()
        with locked(path.with_name("other.h5")):
            pass


def test_the_lock_of_a_killed_process_is_free(path):
    """Catches a lock that holds across processes in name only, or for ever after a kill."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LockedError), locked(path):
            pass
    finally:
        child.kill()
        child.communicate()
    assert lock_path(path).exists()
    with locked(path):
        pass


def test_where_an_open_file_cannot_be_removed_it_is_released_all_the_same(path, monkeypatch):
    """Catches an error at the end of every run on Windows, and a path that stays locked."""

    def refused(self, missing_ok=False):
        raise PermissionError(13, "being used by another process")

    with monkeypatch.context() as patch, locked(path):
        patch.setattr(Path, "unlink", refused)
    with locked(path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """Catches a traceback of the operating system."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"out\.h5\.lock: cannot be written: "), locked(tmp_path / "file" / "out.h5"):
        pass


def test_the_lock_of_others_stays(tmp_path):
    """Catches ``-o poetry``, which removed the poetry.lock beside it."""
    (tmp_path / "poetry.lock").write_text("# precious")
    with pytest.raises(OutputError, match=r"poetry\.lock: exists and is not a lock"), locked(tmp_path / "poetry"):
        pass
    assert (tmp_path / "poetry.lock").read_text() == "# precious"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks otherwise")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path, monkeypatch, caplog, code):
    """Catches a run that is refused on a network file system, and two that write the same file there."""

    def flock(*_):
        raise OSError(code, "no locks")

    monkeypatch.setattr("fcntl.flock", flock)
    path = tmp_path / "out.h5"
    with locked(path):
        assert "has no locks" in caplog.text
        with pytest.raises(LockedError), locked(path):
            pass
    with locked(path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="a folder of the kernel is wanted")
def test_a_folder_in_which_no_file_can_be_made():
    """Catches "another process is writing it" where there is none."""
    with pytest.raises(StorageError, match="no file can be made in /proc") as caught, locked(Path("/proc/out.h5")):
        pass
    assert not isinstance(caught.value, LockedError)
