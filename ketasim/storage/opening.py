"""Finding and opening a trajectory file, finished or not."""

import logging
import os
from io import BytesIO
from pathlib import Path

import h5py

from ketasim.storage.disk import Disk
from ketasim.storage.layout import (
    FORMAT_VERSION,
    Source,
    StorageError,
    TrajectoryNotFoundError,
    UnreadableError,
    is_trajectory,
    native,
    part_path,
    place_of,
    reason_of,
)

_LOGGER = logging.getLogger("ketasim")


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
    """Open a trajectory file for reading.

    Raises
    ------
    TrajectoryNotFoundError : there is no such file.
    StorageError : it is not a trajectory, is of a later format, or HDF5 cannot read it.
    """
    target = source if isinstance(source, BytesIO) else locate(source)
    try:
        # Only a kill in the middle of a commit leaves a file that has to be read through its journal.
        journalled = Disk.interrupted(target) if isinstance(target, Path) else None
        file = h5py.File(journalled or target, "r")
        ours, version = is_trajectory(file), native(file.attrs.get("format_version"))
    except (OSError, RuntimeError) as error:
        raise UnreadableError(f"{place_of(target)}: is no trajectory file: {reason_of(error)}") from error
    if not ours:
        file.close()
        raise UnreadableError(f"{place_of(target)}: an HDF5 file, but not a trajectory written by ketasim")
    if version > FORMAT_VERSION:
        file.close()
        raise StorageError(
            f"{place_of(target)}: written in format {version}; this ketasim reads up to "
            f"{FORMAT_VERSION}: install a later one"
        )
    return file
