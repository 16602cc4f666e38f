"""Digest of a file's content: equal digests mean equal bits, however they are stored."""

import hashlib
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from ketasim.storage.datasets import StorageError, native, reason_of

#: Names of attributes and datasets that differ between two runs of the same experiment.
VOLATILE = frozenset({"created", "finished", "run_id", "environment", "content_sha256", "resumed"})
_VOLATILE_START = "wall_time"

#: Attribute of tables in which a time may have many rows or none: the last time whose rows are all in the file.
WRITTEN_UNTIL = "written_until"

#: HDF5's own notes on dimension scales hold addresses in the file; the names behind them are hashed instead.
_ADDRESSES = frozenset({"DIMENSION_LIST", "REFERENCE_LIST"})
_ROWS_BYTES = 2**24


def file_digest(file: h5py.File) -> str:
    """Return a SHA-256, in hexadecimal, of what a trajectory file holds.

    It covers names, types, shapes, values, dimensions and attributes, except the volatile ones (`VOLATILE`
    and wall times). Chunks, filters, creation order and flushing do not enter.

    Raises
    ------
    StorageError
        Something in it cannot be read.
    """
    total = hashlib.sha256()
    for name, content in sorted(item_digests(file).items()):
        _feed(total, name, content)
    return total.hexdigest()


def item_digests(file: h5py.File) -> dict[str, str]:
    """Return name -> digest of each group (its attributes) and dataset that is not volatile.

    Raises
    ------
    StorageError
        One of them is damaged; the message names it.
    """
    items = {"/": _item_digest(file["/"])}

    def visit(name: str, item: Any) -> None:
        if not _is_volatile(name.rpartition("/")[2]):
            items["/" + name] = _item_digest(item)

    file.visititems(visit)
    return items


def digests_of_fixed(file: h5py.File, known: Mapping[str, str]) -> dict[str, str]:
    """Return name -> digest of what a run no longer changes: of groups and of datasets that grow, the attributes.

    Datasets in `known` that do not grow are not read again.
    """
    found = {}

    def visit(name: str, item: Any) -> None:
        path = "/" + name
        if _is_volatile(name.rpartition("/")[2]):
            return
        if isinstance(item, h5py.Dataset) and item.maxshape == item.shape:
            found[path] = known.get(path) or _item_digest(item)
        else:
            found[path] = _item_digest(item, attributes_alone=True)

    file.visititems(visit)
    return found


def _is_volatile(name: str) -> bool:
    return name in VOLATILE or name.startswith(_VOLATILE_START)


def _item_digest(item: Any, attributes_alone: bool = False) -> str:
    try:
        return _content_digest(item, attributes_alone)
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:  # names, too
        place = item.file.filename if item.file.driver != "fileobj" else "<memory>"
        raise StorageError(f"{place}: {item.name} cannot be read: {reason_of(error)}") from error


def _content_digest(item: Any, attributes_alone: bool) -> str:
    content = hashlib.sha256()
    left_out = _ADDRESSES | {WRITTEN_UNTIL} if attributes_alone else _ADDRESSES
    for name in sorted(item.attrs):
        if name not in left_out and not _is_volatile(name):
            kind = _type_name(item.attrs.get_id(name).dtype)
            _feed(content, "attribute", name, kind, repr(native(item.attrs[name])))
    if isinstance(item, h5py.Dataset) and not attributes_alone:
        _feed(content, "dataset", _type_name(item.dtype), repr(item.shape))
        for dimension in item.dims:
            _feed(content, "dimension", *(scale.name for scale in dimension.values()))
        _feed_values(content, item)
    return content.hexdigest()


def _type_name(dtype: np.dtype) -> str:
    if h5py.check_string_dtype(dtype) is not None:
        return "string"
    members = h5py.check_enum_dtype(dtype)
    if members is not None:
        return f"enum {sorted(members.items())}"
    if dtype.kind not in "iufb":
        raise StorageError(f"a digest has no rule for values of type {dtype}")
    return dtype.str


def _feed(content: Any, *texts: str) -> None:
    # The length precedes each text, so that no two lists of texts give the same bytes.
    for text in texts:
        encoded = text.encode("utf-8", "surrogateescape")
        content.update(len(encoded).to_bytes(8, "little") + encoded)


def _feed_values(content: Any, dataset: Any) -> None:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        _feed(content, *np.atleast_1d(dataset.asstr()[()]).ravel().tolist())
    elif dataset.ndim == 0:
        content.update(np.asarray(dataset[()]).tobytes())
    elif dataset.size:
        rows = max(1, _ROWS_BYTES * dataset.shape[0] // dataset.nbytes)
        for start in range(0, dataset.shape[0], rows):
            content.update(np.ascontiguousarray(dataset[start : start + rows]))
