"""What an HDF5 file from a stranger may hold: values of its own, and no more of them than it stores.

HDF5 can name other files (external links, external storage, virtual datasets), load code (filters of plug-ins) and
declare far more values than there are (chunks that were never written, or that are packed blanks). All of this shows
in the file's tables and is refused before a value is read.
"""

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py

#: Filters that HDF5 and h5py bring themselves: gzip, shuffle, fletcher32, szip, nbit, scaleoffset, lzf.
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
#: Objects looked at.
_MOST_OBJECTS = 100_000
#: Bytes that may be declared whatever the file's size, and so many times the size of the file.
_FREE_BYTES, MOST_UNPACKED = 64_000_000, 200


def unsafe_content(group: "h5py.Group", file_bytes: int, most_unpacked: float = MOST_UNPACKED) -> str | None:
    """Return what a group holds that is not safe to read, as ``path: why``; None if nothing.

    Parameters
    ----------
    group : with everything below it; nothing is read but tables, and no link is followed that leaves the file.
    file_bytes : size of the file.
    most_unpacked : how many times its size all values together may take in memory, beyond 64 MB.

    Raises
    ------
    OSError, RuntimeError, KeyError, ValueError, TypeError
        As of h5py, where the tables are damaged.
    """
    import h5py

    stack, seen, declared, objects = [group], {hash(group.id)}, 0, 0
    while stack:
        parent = stack.pop()
        for name in parent:
            path, objects = f"{parent.name}/{name}".replace("//", "/"), objects + 1
            if objects > _MOST_OBJECTS:
                return f"{parent.name}: more than {_MOST_OBJECTS} objects"
            link = parent.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                return f"{path}: a link to another place, {_target(link)}; put the object itself there"
            item = parent[name]
            if hash(item.id) in seen:
                continue
            seen.add(hash(item.id))
            if isinstance(item, h5py.Group):
                stack.append(item)
            elif isinstance(item, h5py.Dataset):
                if why := _unsafe_dataset(item):
                    return f"{path}: {why}"
                declared += _bytes(item)
                if declared > _FREE_BYTES + most_unpacked * file_bytes:
                    return f"{path}: declares far more values than the file of {file_bytes} bytes can hold"
    return None


def _target(link: "h5py.SoftLink | h5py.ExternalLink") -> str:
    file = getattr(link, "filename", None)
    return f"'{link.path}'" if file is None else f"'{link.path}' of the file '{file}'"


def _unsafe_dataset(dataset: "h5py.Dataset") -> str | None:
    creation = dataset.id.get_create_plist()
    if dataset.is_virtual:
        return "a virtual dataset, whose values lie in other files"
    if creation.get_external_count():
        return "its values lie in another file"
    filters = [creation.get_filter(number)[0] for number in range(creation.get_nfilters())]
    other = sorted(set(filters) - _FILTERS)
    return f"needs the plug-in for filter {other[0]}; gzip, shuffle and fletcher32 are read" if other else None


def _bytes(dataset: "h5py.Dataset") -> int:
    """Bytes that reading a dataset takes: its values, or one chunk of them if that is larger."""
    each, shape = dataset.dtype.itemsize, dataset.shape
    return int(max(each * prod(shape or (0,)), each * prod(dataset.chunks or (0,))))
