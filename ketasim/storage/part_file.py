"""The beginning and the end of OUT.h5.part, and errors that name it."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import uuid4

import h5py

from ketasim import __version__
from ketasim.storage.disk import Disk, sync_folder
from ketasim.storage.faults import fault_point
from ketasim.storage.layout import (
    ADVICE,
    CONVENTIONS,
    FORMAT_VERSION,
    SONATA_MAGIC,
    SONATA_VERSION,
    StorageError,
    reason_of,
)


class _Writes(Protocol):
    failed: bool

    @property
    def place(self) -> str: ...

    @property
    def disk_error(self) -> OSError | None: ...


_W = TypeVar("_W", bound=_Writes)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def names_the_file(method: Callable[Concatenate[_W, _P], _R]) -> Callable[Concatenate[_W, _P], _R]:
    """Turn what HDF5 and the operating system raise into a `StorageError` that names the file."""

    @wraps(method)
    def guarded(self: _W, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except (OSError, RuntimeError) as error:
            self.failed = True
            first = self.disk_error or error  # what HDF5 says of it later is about its own tables
            raise StorageError(f"{self.place}: cannot be written: {reason_of(first)}") from error

    return guarded


def new_file(destination: Path | BytesIO, attributes: Mapping[str, Any]) -> tuple[h5py.File, Disk | None]:
    """Make a trajectory file with the marks that every one has, and `attributes`, which may replace some.

    Returns the HDF5 file, and the disk below it unless it lies in memory.
    """
    disk = None
    if isinstance(destination, BytesIO):
        file = h5py.File(destination, "w")
    else:
        destination.parent.mkdir(parents=True, exist_ok=True)
        disk = Disk(destination)
        file = h5py.File(disk, "w", fs_strategy="none")
    marks = {
        "Conventions": CONVENTIONS,
        "format_version": FORMAT_VERSION,
        "ketasim_version": __version__,
        "advice": ADVICE,
        "complete": 0,
        "run_id": str(uuid4()),
        "created": now(),
        "magic": SONATA_MAGIC,
        "version": SONATA_VERSION,
    }
    for name, value in (marks | dict(attributes)).items():
        file.attrs[name] = value
    return file, disk


def complete(part: Path) -> None:
    """Give a complete OUT.h5.part its final name.

    Raises
    ------
    StorageError : it cannot be renamed, such as while another program on Windows has OUT.h5 open.
    """
    target = part.with_suffix("")
    fault_point("rename")
    try:
        os.replace(part, target)
    except OSError as error:
        raise StorageError(
            f"{part}: complete, but it cannot be renamed to {target.name}: {reason_of(error)}"
        ) from error
    sync_folder(part.parent)
    fault_point("rename")


def complete_after_all(part: Path) -> None:
    """Give its name to an OUT.h5.part whose run was interrupted after the mark that it is complete.

    What the interruption may have left of the last commit is done first, so that every reader of HDF5 can open it.

    Raises
    ------
    StorageError : it cannot be written or renamed.
    """
    try:
        Disk.reopened(part).close()
    except OSError as error:
        raise StorageError(f"{part}: cannot be written: {reason_of(error)}") from error
    complete(part)


def now() -> str:
    """Return the time of day for the file's marks."""
    return datetime.now(UTC).isoformat(timespec="seconds")
