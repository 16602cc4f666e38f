"""Where files may be written: one rule for trajectories, graphs, pictures and tables.

What is not an earlier output of the same kind is never replaced, what is, only with `force`, and no file that is being
read. Links are followed; the new file is written beside the old one and renamed.
"""

import csv
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import h5py

from ketasim.storage.datasets import StorageError, is_trajectory, reason_of
from ketasim.storage.disk import sync_folder

#: What pictures and graphs of ketasim contain near their begin or end.
MARK = b"written by ketasim"

#: Characters of a table's first line that are read: the signals of a million neurons fit.
_LONGEST_HEADER = 2**26

_FORCE = "--force (in Python force=True)"


class OutputError(StorageError):
    """A file may not be written, because it would replace what must not be replaced."""

    exit_code = 2


class Kind(NamedTuple):
    """A kind of file: what it is called, and whether an existing file is one that ketasim wrote."""

    name: str
    is_ours: Callable[[Path], bool]


def _is_hdf5(is_ours: Callable[[h5py.File], bool]) -> Callable[[Path], bool]:
    """Test of a path from a test of an HDF5 file, which may be open elsewhere."""

    def of_path(path: Path) -> bool:
        with open(path, "rb") as raw:
            try:
                with h5py.File(raw, "r") as file:
                    return is_ours(file)
            except (OSError, RuntimeError):
                return False

    return of_path


def _is_marked(path: Path) -> bool:
    with open(path, "rb") as file:
        begin = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        return MARK in begin or MARK in file.read()


TRAJECTORY = Kind("a trajectory", _is_hdf5(is_trajectory))
SONATA = Kind("a graph", _is_hdf5(lambda file: bool(file.attrs.get("ketasim") == MARK.decode())))
GRAPHML = Kind("a graph", _is_marked)
PICTURE = Kind("a picture", _is_marked)


def begins_with(name: str, *signatures: bytes) -> Kind:
    """Kind of a file that is recognised by its first bytes; a power cut may have left zeros in their place."""

    def is_ours(path: Path) -> bool:
        with open(path, "rb") as file:
            begin = file.read(8)
        return not any(begin) or begin.startswith(signatures)

    return Kind(name, is_ours)


def table_with(columns: Sequence[str], further: Collection[str] = ()) -> Kind:
    """Kind of a CSV file that is recognised by its whole header, which no file of the user's is likely to have.

    Parameters
    ----------
    columns : sequence of str
        The first columns.
    further : collection of str
        Names of signals: every other column is one of these, then perhaps a label, and a unit in parentheses.
    """

    def is_ours(path: Path) -> bool:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            line = file.readline(_LONGEST_HEADER)
        try:
            header = next(csv.reader([line]), [])
        except csv.Error:  # a field of more than 128 kB
            return False
        others = header[len(columns) :]
        named = all(column.split(" ")[0] in further and column.endswith(")") for column in others)
        return header[: len(columns)] == list(columns) and named and bool(others) == bool(further)

    return Kind("a table", is_ours)


def followed(path: str | os.PathLike[str]) -> Path:
    """Return a path with the home folder for ``~``, and what it points to if it is a symbolic link.

    Raises
    ------
    OutputError
        There is no such home folder, the link leads nowhere, or the path ends as that of a folder.
    """
    if os.fspath(path).endswith(("/", os.sep)):  # which Path would leave out
        raise OutputError(f"{path}: a folder; name a file in it")
    try:
        place = Path(path).expanduser()
        if not place.is_symlink():
            return place
        place = place.resolve()
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{path}: {reason_of(error)}") from None
    if place.is_symlink() or not place.parent.is_dir():
        raise OutputError(f"{path}: a symbolic link to {place}, whose folder does not exist; make it, or the link anew")
    return place


def place_to_write(
    path: str | os.PathLike[str], kind: Kind, force: bool = False, reads: Iterable[Path | None] = ()
) -> Path:
    """Return where a file is to be written, with links followed, if it may be.

    Parameters
    ----------
    path : path
        As given by the user.
    kind : Kind
        What will be written.
    force : bool
        Replace an earlier output of the same kind.
    reads : iterable of Path or None
        Files that are being read.

    Raises
    ------
    OutputError
        It may not be written; the message says what is there and what to do.
    """
    place = followed(path)
    try:
        status = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        above = next((folder for folder in place.parents if folder.exists()), None)
        if above is not None and not above.is_dir():
            raise OutputError(f"{path}: cannot be written: {above} is a file, not a folder") from None
        return place  # what else is wrong with a folder is said when it is made
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"{path}: a folder; {kind.name} is a file, so give a name in it")
    if not stat.S_ISREG(status.st_mode):
        raise OutputError(f"{path}: a device, pipe or link, not a file; it is not replaced by {kind.name}")
    if any(other is not None and other.exists() and place.samefile(other) for other in reads):
        raise OutputError(f"{path}: is being read; an output never replaces an input, so write elsewhere")
    try:
        ours = status.st_size == 0 or kind.is_ours(place)
    except OSError as error:
        raise OutputError(f"{path}: exists and cannot be read: {reason_of(error)}") from error
    if not ours:
        remedy = "it is not replaced, not even by force; write elsewhere, or move it away"
        raise OutputError(f"{path}: exists and is not {kind.name} written by ketasim: {remedy}")
    if not force:
        raise OutputError(
            f"{path}: exists; {_FORCE} replaces it, another name (-o, or the experiment's `name`) keeps it"
        )
    return place


@contextmanager
def replaced(
    path: str | os.PathLike[str], kind: Kind, force: bool = False, reads: Iterable[Path | None] = ()
) -> Iterator[Path]:
    """Context that yields a path to write to, in the same folder, and gives it its name at the end.

    Parameters and refusals are those of `place_to_write`.

    Raises
    ------
    OutputError
        It may not be written.
    StorageError
        It cannot be written; nothing is left.
    """
    place = place_to_write(path, kind, force, reads)
    part = place.with_name(f".ketasim-{uuid4().hex[:12]}{place.suffix[:32]}")  # the name itself may be as long as any
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason_of(error)}") from error
    try:
        try:
            yield part
            with open(part, "r+b") as file:
                os.fsync(file.fileno())
            place_to_write(place, kind, force, reads)  # something may have come meanwhile
            os.replace(part, place)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        raise StorageError(f"{path}: cannot be written: {reason_of(error)}") from error
    sync_folder(place.parent)
