"""Finding and opening a trajectory file, finished or not."""

import logging
import os
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py

from ketasim import __version__
from ketasim.documents.hdf5_file import unsafe_content
from ketasim.documents.nearest import shown
from ketasim.storage.disk import Disk
from ketasim.storage.layout import (
    CONVENTIONS,
    FORMAT_MINOR,
    FORMAT_VERSION,
    Source,
    TrajectoryNotFoundError,
    UnreadableError,
    is_trajectory,
    native,
    part_path,
    place_of,
    reason_of,
)

_LOGGER = logging.getLogger("ketasim")

#: Times its size that a file's values may take in memory: what gzip makes of blanks.
_MOST_UNPACKED = 1100


def locate(path: str | os.PathLike[str]) -> Path:
    """Return the path itself, or that of its unfinished ``.part`` when only that exists, and log so.

    Raises
    ------
    TrajectoryNotFoundError : neither exists.
    """
    path = Path(path)
    if path.exists():
        return path
    part = part_path(path)
    if part.exists():
        _LOGGER.warning("%s does not exist; reading %s of an unfinished run", path, part.name)
        return part
    raise TrajectoryNotFoundError(f"{path}: no such file, and no {part.name} of an unfinished run")


def open_file(source: Source) -> h5py.File:
    """Open a trajectory file for reading, once its marks and tables show that it can be read and is safe to.

    A file of a newer minor format is read, and the logger ``ketasim`` says so.

    Raises
    ------
    TrajectoryNotFoundError : there is no such file.
    UnreadableError : it is no trajectory, is of a newer major format, points to other files or claims more values than
        it holds, or HDF5 cannot read it.
    """
    target = source if isinstance(source, BytesIO) else locate(source)
    place, file = place_of(target), None
    try:
        # Only a kill in the middle of a commit leaves a file that has to be read through its journal.
        journalled = Disk.interrupted(target) if isinstance(target, Path) else None
        file = h5py.File(journalled or target, "r")
        problem = _problem(file, place)
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        problem = f"is no trajectory file: {reason_of(error)}"
    if problem is not None:
        if file is not None:
            file.close()
        raise UnreadableError(f"{place}: {problem}")
    assert file is not None
    return file


def _problem(file: h5py.File, place: str) -> str | None:
    """Say why a file cannot be read; None if it can."""
    if not is_trajectory(file):
        return "an HDF5 file, but not a trajectory written by ketasim"
    conventions, major = _mark(file, "Conventions"), _mark(file, "format_version")
    version = re.fullmatch(r"ketasim-([1-9]\d{0,8})\.(\d{1,9})", conventions, re.ASCII)
    if version is None:
        return f"its attribute Conventions, {shown(conventions)}, names no format; {CONVENTIONS!r} does"
    if type(major) is not int or major != int(version[1]):
        return f"its attribute format_version is {shown(major)}; {version[1]} is wanted, as in {conventions!r}"
    if major > FORMAT_VERSION:
        return f"{_origin(file, version)}; this ketasim {__version__} reads up to {CONVENTIONS}: {_remedy(file)}"
    complete = _mark(file, "complete")
    if type(complete) is not int or complete not in (0, 1):
        return f"its attribute complete is {shown(complete)}; 0 or 1 is wanted"
    unsafe = unsafe_content(file, file.id.get_filesize(), _MOST_UNPACKED)
    if unsafe is None and (major, int(version[2])) > (FORMAT_VERSION, FORMAT_MINOR):
        known = f"this ketasim {__version__} knows {CONVENTIONS} and may leave out what is newer"
        _LOGGER.warning("%s: %s; %s", place, _origin(file, version), known)
    return unsafe


def _mark(file: h5py.File, name: str) -> Any:
    """Value of an attribute of the root as Python knows it, None without one or where it has none."""
    value = native(file.attrs.get(name))
    return None if isinstance(value, h5py.Empty) else value


def _origin(file: h5py.File, version: re.Match[str]) -> str:
    writer = _writer(file)
    return f"written in format {version[1]}.{version[2]}" + (f" by ketasim {writer}" if writer else "")


def _remedy(file: h5py.File) -> str:
    writer = _writer(file)
    return f"install ketasim >= {writer}" if writer else "install a later one"


def _writer(file: h5py.File) -> str | None:
    """Version of the ketasim that wrote a file, if it looks like one."""
    value = _mark(file, "ketasim_version")
    return value if isinstance(value, str) and re.fullmatch(r"\d{1,9}(\.\w{1,20}){1,5}", value, re.ASCII) else None
