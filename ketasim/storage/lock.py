"""One writer for one trajectory: a lock beside the file, which the system releases when its process dies."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ketasim.storage.layout import StorageError, reason_of


class LockedError(StorageError):
    """Another process is writing this trajectory."""

    exit_code = 2


def lock_path(path: Path) -> Path:
    """Where the lock of a trajectory lies.

    >>> lock_path(Path("runs/human.h5")).name
    'human.h5.lock'
    """
    return path.with_name(path.name + ".lock")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep a trajectory's path for this process; a file that a killed one left behind locks nothing.

    Raises
    ------
    LockedError : another process has it.
    StorageError : the folder cannot be made or written.
    """
    from filelock import FileLock, Timeout

    place = lock_path(path)
    lock = FileLock(place, timeout=0)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"{path}: another process is writing it ({place.name} is held); -o writes elsewhere"
        ) from error
    except OSError as error:
        raise StorageError(f"{place}: cannot be written: {reason_of(error)}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # of Windows, where what is open can't be removed
            place.unlink()  # while it is held: who opened it meanwhile sees that it has gone
        lock.release()
