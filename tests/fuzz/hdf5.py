"""Damage to an HDF5 file through HDF5 itself: links, shapes, types, filters, attributes that SONATA has not."""

from contextlib import suppress
from io import BytesIO
from random import Random
from typing import Any

import h5py
import numpy as np


def damaged_hdf5(random: Random, data: bytes) -> bytes:
    """Return a file with one or two objects replaced, removed, linked elsewhere or declared huge."""
    target = BytesIO(data)
    with h5py.File(target, "r+") as file:
        for _ in range(random.choice((1, 1, 2))):
            names: list[str] = []
            file.visit(names.append)
            with suppress(LookupError, RuntimeError, TypeError, ValueError):  # what HDF5 itself will not do
                random.choice(DAMAGES)(random, file, random.choice(names or ["/"]))
    return target.getvalue()


def _remove(random: Random, file: h5py.File, name: str) -> None:
    del file[name]


def _rename(random: Random, file: h5py.File, name: str) -> None:
    new = random.choice(("x", "PYR", "0/population", "node_id", "é", "1", "nodes/PV", "edge_group_id", "a" * 3000))
    if new not in file[name].parent:
        file.move(name, f"{file[name].parent.name}/{new}")


def _replace(random: Random, file: h5py.File, name: str) -> None:
    """Put something of another shape or type in the place of an object."""
    count = random.choice((0, 1, 23, 24, 25, 80, 1000))
    text = h5py.string_dtype()
    numbers = [np.nan, np.inf, -1.0, 0.0, 1e308, 1e-320]
    values: Any = random.choice([
        *(np.full(count, number) for number in numbers), np.arange(count), np.full(count, 2**63, np.uint64),
        np.full(count, -(2**62)), np.zeros((count, 3)), np.float64(1), h5py.Empty("f8"), np.zeros(count, complex),
        np.array(["PYR"] * count, text), np.array([b"\xff\xfe"] * count), "PYR", np.zeros(count, bool),
        np.zeros(count, [("a", int), ("b", float)]), np.zeros(count, "V8"), np.array(["\0x"] * count, "S2"),
        np.array([file.ref] * max(1, count), h5py.ref_dtype), np.zeros(count, "f2"),
    ])  # fmt: skip
    del file[name]
    file[name] = values


def _group(random: Random, file: h5py.File, name: str) -> None:
    del file[name]
    group = file.create_group(name)
    for number in range(random.choice((0, 1, 300))):
        group.create_group(str(number))


def _link(random: Random, file: h5py.File, name: str) -> None:
    """Link elsewhere: into another file, to nowhere, to itself, to the root, to another object."""
    names: list[str] = []
    file.visit(names.append)
    other = random.choice(names)
    link = random.choice([
        h5py.ExternalLink("elsewhere.h5", "/secret"), h5py.ExternalLink("/etc/hostname", "/"), file["/"], file[other],
        h5py.SoftLink("/nowhere"), h5py.SoftLink(f"/{name}"), h5py.SoftLink("/nodes/cortex/node_type_id"),
    ])  # fmt: skip
    del file[name]
    file[name] = link


def _huge(random: Random, file: h5py.File, name: str) -> None:
    """Declare a dataset far beyond what the file stores."""
    del file[name]
    rows = random.choice((10**7, 10**9, 10**12, 2**62 // 8))
    chunks, packed = random.choice(((None, None), ((1000,), "gzip"), ((10**7,), None)))
    dataset = file.create_dataset(name, (rows,), random.choice(("i8", "f8", "u1")), chunks=chunks, compression=packed)
    if chunks == (1000,):
        dataset[:1000] = 0


def _elsewhere(random: Random, file: h5py.File, name: str) -> None:
    """Take the values from another file: a virtual dataset, or external storage."""
    del file[name]
    if random.random() < 0.5:
        layout = h5py.VirtualLayout((24,), "i8")
        layout[:] = h5py.VirtualSource(random.choice(("elsewhere.h5", ".")), "/nodes/cortex/node_type_id", (24,))
        file.create_virtual_dataset(name, layout)
    else:
        file.create_dataset(name, (24,), "u1", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def _filtered(random: Random, file: h5py.File, name: str) -> None:
    """Store a dataset through a filter that only a plug-in has, or that is not the usual one."""
    del file[name]
    chosen = random.choice(("lzf", "plug-in", "scaleoffset"))
    if chosen == "plug-in":
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((8,))
        creation.set_filter(32001, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        parent, _, last = name.rpartition("/")
        group = file.require_group(parent or "/")
        h5py.h5d.create(group.id, last.encode(), h5py.h5t.STD_I64LE, h5py.h5s.create_simple((24,)), creation)
        file[name][...] = np.arange(24)
    elif chosen == "lzf":
        file.create_dataset(name, data=np.arange(24), compression="lzf")
    else:
        file.create_dataset(name, data=np.arange(24), scaleoffset=0)


def _attribute(random: Random, file: h5py.File, name: str) -> None:
    values = ("PYR", b"\xff", 3, np.zeros(3), h5py.Empty("f8"), "", "\xe9", np.array(["cortex"], h5py.string_dtype()))
    key = random.choice(("node_population", "x", "é"))
    if random.random() < 0.2:
        file[name].attrs.pop("node_population", None)
    else:
        file[name].attrs[key] = random.choice(values)


def _values(random: Random, file: h5py.File, name: str) -> None:
    """Change single values of a dataset of numbers."""
    dataset = file[name]
    if isinstance(dataset, h5py.Dataset) and dataset.shape and dataset.dtype.kind in "iuf" and dataset.size:
        number = random.choice((0, 1, 7, 23, 24, 80, 255) if dataset.dtype.kind == "u" else (-1, 0, 1, 24, 100, -128))
        if dataset.dtype.kind == "f":
            number = random.choice((np.nan, np.inf, -1.0, 0.0, 1e-320, 1e300, 0.05, 1001.0, 2.0))
        dataset[random.randrange(dataset.size)] = number


DAMAGES = (
    _remove,
    _rename,
    _replace,
    _replace,
    _group,
    _link,
    _huge,
    _elsewhere,
    _filtered,
    _attribute,
    _values,
    _values,
)
