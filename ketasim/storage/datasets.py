"""What every part of a trajectory file shares: attributes of the root, how a dataset is stored, and errors."""

import errno
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ketasim.documents.problems import KetasimError

#: Version of the file's format. Major: older readers would misread it. Minor: they only miss what is new.
FORMAT_VERSION, FORMAT_MINOR = 1, 1
CONVENTIONS = f"ketasim-{FORMAT_VERSION}.{FORMAT_MINOR}"
ADVICE = "A research and teaching model; not medical advice"

#: Attributes by which SONATA readers recognise a file (developer guide, "File format").
SONATA_MAGIC = np.uint32(0x0A7A)
SONATA_VERSION = np.array([0, 1], dtype="u4")

#: Below this an index of chunks takes more room than the values, so they are stored in one piece.
SMALLEST_FILTERED_BYTES = 2048

Source = str | os.PathLike[str] | BytesIO


class StorageError(KetasimError):
    """A trajectory file cannot be written or read; the message names the file and the reason."""


class UnreadableError(StorageError):
    """The file exists, but is not a trajectory."""

    exit_code = 2


class TrajectoryNotFoundError(StorageError, FileNotFoundError):
    """Neither the trajectory file nor its unfinished ``.part`` exists."""

    exit_code = 2


def place_of(target: Any) -> str:
    """Name of a path or of an in-memory file for messages.

    >>> place_of(BytesIO())
    '<memory>'
    """
    return "<memory>" if isinstance(target, BytesIO) else str(target)


#: What to do, where the system's words do not say it.
_REMEDIES = {
    errno.ENAMETOOLONG: "; give a shorter one, to which a run adds up to 15 characters",
    errno.EAGAIN: ": another program has it open for writing; close it there, or set HDF5_USE_FILE_LOCKING=FALSE",
    errno.ENOLCK: ": its file system has no locks; set HDF5_USE_FILE_LOCKING=FALSE",
}


def reason_of(error: Exception) -> str:
    """Return in a few words why HDF5 failed; its own messages run over many lines.

    >>> reason_of(OSError(errno.ENOSPC, "Can't write data (file write failed: ...)"))
    'No space left on device'
    """
    code = getattr(error, "errno", None)
    if code:
        return os.strerror(code) + _REMEDIES.get(code, "")
    text = str(error)
    named = (number for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT) if f"errno = {number}," in text)
    return next((os.strerror(number) for number in named), text)


def part_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of the unfinished file of a run.

    >>> part_path("runs/human.h5").name
    'human.h5.part'
    """
    path = Path(path)
    return path.with_name(path.name + ".part")


def is_text(values: np.ndarray) -> bool:
    """Whether an array holds strings."""
    return values.dtype.kind in "UO"


def store(group: h5py.Group, name: str, values: Any, units: str, long_name: str, **attributes: str) -> Any:
    """Create a dataset of fixed size with its unit and meaning.

    Parameters
    ----------
    group : h5py.Group
        Where it is created.
    name : str
        Its name in the group.
    values : array_like
        Numbers or strings, or a single one. Arrays of numbers are compressed and checksummed when that saves room; HDF5
        cannot do so with scalars and strings.
    units, long_name : str
        Unit and meaning.
    **attributes : str
        Further attributes.

    Returns
    -------
    h5py.Dataset
        The dataset.
    """
    dataset = _create(group, name, np.asarray(values), filters())
    describe(dataset, units, long_name, **attributes)
    return dataset


def store_plain(group: h5py.Group, name: str, values: Any, units: str, long_name: str, **attributes: str) -> Any:
    """Create a dataset that readers without zlib can open, in the smallest type that holds its values exactly.

    The HDF5 in libsonata's wheels lacks gzip, so SONATA's groups are checksummed but not compressed.
    """
    dataset = _create(group, name, compact(np.asarray(values)), plain_filters())
    describe(dataset, units, long_name, **attributes)
    return dataset


def compact(array: np.ndarray) -> np.ndarray:
    """Return numbers in the smallest type that holds them all exactly.

    >>> compact(np.array([0, 70_000])).dtype, compact(np.array([0.5, 0.25])).dtype, compact(np.array([0.1])).dtype
    (dtype('uint32'), dtype('float32'), dtype('float64'))
    """
    if array.dtype.kind in "iu" and array.size:
        types = ("i1", "i2", "i4", "i8") if array.min() < 0 else ("u1", "u2", "u4", "u8")
        fitting = (kind for kind in types if np.iinfo(kind).min <= array.min() and array.max() <= np.iinfo(kind).max)
        return array.astype(next(fitting))
    if array.dtype.kind == "f":
        smaller = array.astype("f4")
        return smaller if np.array_equal(smaller, array) else array
    return array


def _create(group: h5py.Group, name: str, array: np.ndarray, options: dict[str, Any]) -> Any:
    if is_text(array):
        return group.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
    if array.ndim == 0 or array.nbytes < SMALLEST_FILTERED_BYTES:
        return group.create_dataset(name, data=array, dtype=array.dtype)
    chunks = chunk_shape(array.shape, array.itemsize)
    return group.create_dataset(name, data=array, dtype=array.dtype, chunks=chunks, **options)


def describe(dataset: Any, units: str, long_name: str, **attributes: str) -> None:
    """Set unit and meaning of a dataset, and any further attributes."""
    dataset.attrs["units"] = units
    dataset.attrs["long_name"] = long_name
    for key, value in attributes.items():
        dataset.attrs[key] = value


def filters() -> dict[str, Any]:
    """Return the filters of trajectories and tables."""
    return {"compression": "gzip", "shuffle": True, "fletcher32": True}


def plain_filters() -> dict[str, Any]:
    """Return the filters of SONATA's groups: those built into HDF5."""
    return {"fletcher32": True}


def chunk_shape(shape: tuple[int, ...], itemsize: int, most_bytes: int = 2**18) -> tuple[int, ...]:
    """Return the shape of a chunk: whole rows of a table up to `most_bytes`, or part of a row that is longer.

    >>> chunk_shape((5000, 1000), 4)
    (65, 1000)
    >>> chunk_shape((10, 1_000_000), 4)
    (1, 65536)
    """
    chunk = list(shape)
    for axis in range(len(shape)):
        inner = itemsize * int(np.prod(shape[axis + 1 :], dtype=np.int64))
        chunk[axis] = max(1, min(shape[axis], most_bytes // max(inner, 1)))
    return tuple(chunk)


def read_values(dataset: Any) -> np.ndarray:
    """Return all values of a dataset as an array; strings as numpy strings."""
    if h5py.check_string_dtype(dataset.dtype) is None:
        return np.asarray(dataset[()])
    return np.asarray(dataset.asstr()[()], dtype=str)


def is_trajectory(file: h5py.File) -> bool:
    """Whether ketasim wrote an HDF5 file as a trajectory, of any format version."""
    return str(native(file.attrs.get("Conventions"))).startswith(CONVENTIONS.partition("-")[0] + "-")


def native(value: Any) -> Any:
    """Return an attribute's value as a Python object: str, int, float or list."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
