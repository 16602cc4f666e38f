"""Files beside a trajectory: the state from which an interrupted run continues, and the lock of its only writer.

A checkpoint is replaced atomically: an uncompressed ``.npz`` of plain arrays with a JSON header and a SHA-256 of all of
it is written to a temporary file, synced to disk, and renamed.
"""

import errno
import hashlib
import json
import logging
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ketasim.storage.datasets import StorageError, part_path, reason_of
from ketasim.storage.disk import fault_point, sync_folder
from ketasim.storage.outputs import TRAJECTORY, OutputError, begins_with, place_to_write

if TYPE_CHECKING:
    from filelock import BaseFileLock

_LOGGER = logging.getLogger("ketasim")

#: Errors of file systems that cannot lock files, as some network and user-space ones.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)

FORMAT = 1
_HEADER, _SUM = "header", "sha256"


class Checkpoint(NamedTuple):
    """Header, and arrays by name; no arrays before the first state is reached."""

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]


class CheckpointError(StorageError):
    """A checkpoint cannot be read, or does not match the unfinished file."""


def checkpoint_path(path: Path) -> Path:
    """Return the path of a trajectory's checkpoint.

    >>> checkpoint_path(Path("runs/human.h5")).name
    'human.h5.checkpoint'
    """
    return path.with_name(path.name + ".checkpoint")


def write_checkpoint(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Replace the checkpoint of a trajectory OUT.h5; on any error the previous one is kept.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    place = checkpoint_path(path)
    temporary = place.with_name(place.name + ".tmp")
    text = json.dumps(dict(header) | {"format": FORMAT}, sort_keys=True)
    content: dict[str, Any] = {_HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    fault_point("checkpoint")
    try:
        try:
            with open(temporary, "wb") as file:
                np.savez(file, **content | {_SUM: _sum_of(content)})
                fault_point("checkpoint")
                file.flush()
                os.fsync(file.fileno())
            fault_point("checkpoint")
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(place.parent)
    except OSError as error:
        raise StorageError(f"{place}: cannot be written: {reason_of(error)}") from error
    fault_point("checkpoint")


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Return the checkpoint of a trajectory OUT.h5; None if there is none.

    Raises
    ------
    CheckpointError
        It cannot be read, is damaged, or in a later format.
    """
    place = checkpoint_path(path)
    try:
        with np.load(place, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if not np.array_equal(arrays.pop(_SUM), _sum_of(arrays)):
            raise ValueError("its checksum is wrong")
        header = json.loads(bytes(arrays.pop(_HEADER)))
    except FileNotFoundError:
        return None
    except MemoryError:
        raise
    except Exception as error:  # whatever a damaged file makes numpy, zipfile or json raise
        if isinstance(error, OSError) and error.errno:  # it may be intact
            raise CheckpointError(f"{place}: cannot be read: {reason_of(error)}") from error
        kept = f"{part_path(path).name} can still be read" if part_path(path).exists() else "nothing was computed"
        raise CheckpointError(
            f"{place}: damaged: {error}; the run cannot continue from it, {kept}; `ketasim run ... --force` starts over"
        ) from error
    if header["format"] > FORMAT:
        raise CheckpointError(f"{place}: written by a later ketasim, {header['identity']['ketasim']}; install that one")
    return Checkpoint(header, arrays)


def remove_checkpoint(path: Path) -> None:
    """Remove the checkpoint of a trajectory, and what a kill left of a new one."""
    place = checkpoint_path(path)
    for file in (place, place.with_name(place.name + ".tmp")):
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _sum_of(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """SHA-256 (32,) over names, types, shapes and values."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        total.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return np.frombuffer(total.digest(), np.uint8)


class LockedError(StorageError):
    """Another process is writing this trajectory."""

    exit_code = 2


def lock_path(path: Path) -> Path:
    """Return the path of a trajectory's lock.

    >>> lock_path(Path("runs/human.h5")).name
    'human.h5.lock'
    """
    return path.with_name(path.name + ".lock")


def resume_command(path: Path, mechanisms: Iterable[Path] = ()) -> str:
    """Return the command that resumes a run, for copying, with the files of own mechanisms that it was given.

    >>> resume_command(Path("my run.h5"), [Path("own.py")])
    "ketasim resume 'my run.h5' --mechanism own.py"
    """
    options = (word for file in mechanisms for word in ("--mechanism", str(file)))
    return shlex.join(["ketasim", "resume", str(path), *options])


_UNFINISHED = begins_with("the file of an unfinished run", b"\x89HDF\r\n\x1a\n")
_CHECKPOINT = begins_with("a checkpoint", b"PK\x03\x04")
_LOCK = begins_with("a lock", *(b"%d" % digit for digit in range(10)))  # filelock's own, where there are no locks


def check_free(path: Path, force: bool, reads: Iterable[Path | None] = ()) -> None:
    """Refuse to begin a run of OUT.h5 whose files would replace others.

    Parameters
    ----------
    path : Path
        OUT.h5, with links followed.
    force : bool
        Replace a finished run, and start an unfinished one over.
    reads : iterable of Path or None
        Files that the run reads.

    Raises
    ------
    OutputError
        There is a file already; the message names it and the remedy.
    """
    place_to_write(path, TRAJECTORY, force, reads)
    part, checkpoint = part_path(path), checkpoint_path(path)
    files = {part: _UNFINISHED, checkpoint: _CHECKPOINT, checkpoint.with_name(checkpoint.name + ".tmp"): _CHECKPOINT}
    for file, kind in files.items():
        place_to_write(file, kind, force=True, reads=reads)
    unfinished = [file for file in (part, checkpoint) if file.exists()]
    if unfinished and not force:
        raise OutputError(
            f"{unfinished[0]}: an unfinished run; continue it with: {resume_command(path)}\n"
            "--force (in Python force=True) starts over"
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Reserve a trajectory's path for this process; a lock file left by a killed process locks nothing.

    Raises
    ------
    LockedError
        Another process holds it.
    OutputError
        OUT.h5.lock is a file of another kind.
    StorageError
        The folder cannot be made or written.
    """
    from filelock import Timeout

    place = place_to_write(lock_path(path), _LOCK, force=True)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = _acquired(place)
    except Timeout as error:
        if not place.exists():  # nobody holds what is not there
            raise StorageError(f"{path}: cannot be written: no file can be made in {place.parent}") from error
        raise LockedError(
            f"{path}: another process is writing it ({place.name} is held); -o writes elsewhere"
        ) from error
    except OSError as error:
        raise StorageError(f"{place}: cannot be written: {reason_of(error)}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file cannot be removed
            place.unlink()  # while it is held, so that a process that opened it meanwhile notices
        lock.release()


def _acquired(place: Path) -> "BaseFileLock":
    """Lock held by this process; on file systems without locks, a file that exists while the process lives."""
    from filelock import FileLock, SoftFileLock

    lock: BaseFileLock = FileLock(place, timeout=0)
    try:
        lock.acquire()
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _LOGGER.warning("%s: this file system has no locks; the file itself is taken for one", place)
        if not place.stat().st_size:
            place.unlink()  # left by the attempt; a lock of this kind names its process
        lock = SoftFileLock(place, timeout=0)
        lock.acquire()
    return lock
