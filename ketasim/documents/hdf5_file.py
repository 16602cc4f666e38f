"""Checks an untrusted HDF5 file: it may hold only its own values, and no more of them than it stores.

HDF5 can refer to other files (external links, external storage, virtual datasets), load code (filter plug-ins) and
declare far more values than it stores (chunks that were never written or are highly compressed). All of this is visible
in the metadata and is refused before any value is read.
"""

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py

#: Filters built into HDF5 and h5py: gzip, shuffle, fletcher32, szip, nbit, scaleoffset, lzf.
_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
#: Most objects checked.
_MOST_OBJECTS = 100_000
#: Bytes that may always be declared, and the factor of the file's size that may be declared beyond them.
_FREE_BYTES, MOST_UNPACKED = 64_000_000, 200


def unsafe_content(group: "h5py.Group", file_bytes: int, most_unpacked: float = MOST_UNPACKED) -> str | None:
    """Return what is unsafe to read in a group, as ``path: reason``; None if nothing is.

    Parameters
    ----------
    group : h5py.Group
        Checked with everything below it; only metadata are read, and no link out of the file is followed.
    file_bytes : int
        Size of the file.
    most_unpacked : float
        Memory that all values together may take, as a multiple of the file's size, beyond 64 MB.

    Raises
    ------
    OSError, RuntimeError, KeyError, ValueError, TypeError
        Raised by h5py if the metadata are damaged.
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


def _target(link: "h5py.SoftLink | h5py.ExternalLink | None") -> str:
    if link is None:
        raise KeyError("a name that is listed, but not there")
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
    """Bytes needed to read a dataset: its values, or one chunk if that is larger."""
    each, shape = dataset.dtype.itemsize, dataset.shape
    return int(max(each * prod(shape or (0,)), each * prod(dataset.chunks or (0,))))
