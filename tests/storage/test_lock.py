"""One writer for one trajectory."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ketasim.storage.layout import StorageError
from ketasim.storage.lock import LockedError, lock_path, locked

_HOLD = "import sys, pathlib; from ketasim.storage.lock import locked\n"
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
