"""Whether a file still holds what a run wrote."""

from typing import Any

import h5py

from ketasim.storage.digest import file_digest
from ketasim.storage.layout import Source, StorageError, native, reason_of
from ketasim.storage.opening import open_file


def damages(source: Source) -> list[str]:
    """Return what is wrong with a trajectory file, in words; an empty list if it is intact.

    All of it is read. Blocks have checksums of their own; the content as a whole has the digest that was stored at the
    run's end, which an unfinished file lacks.

    Raises
    ------
    StorageError : there is no such file, or it is no trajectory any more.
    """
    with open_file(source) as file:
        found = _unreadable(file)
        stored = native(file.attrs.get("content_sha256"))
        if found or stored is None:
            return found
        try:
            content = file_digest(file)
        except (OSError, RuntimeError, StorageError) as error:
            return [f"the content can't be read: {reason_of(error)}"]
    return [] if content == stored else [f"the content is {content}, at the end of the run it was {stored}"]


def _unreadable(file: h5py.File) -> list[str]:
    """Datasets that can't be read."""
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            try:
                item[()]
            except (OSError, RuntimeError, ValueError) as error:
                found.append(f"/{name}: can't be read: {reason_of(error)}")

    try:
        file.visititems(visit)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        found.append(f"the tables of the file are damaged: {reason_of(error)}")
    return found
