"""Networks in SONATA's HDF5 layout: nodes and edges of one file, as in a trajectory file.

A population takes its name from its group (``/nodes/PYR``), or node by node from the attribute ``population`` or
``pop_name``. Positions are the node attributes ``x`` and ``y`` in um; an edge's ``syn_weight`` is read as its relative
strength and ``delay`` in ms. Node labels of a trajectory file are not read: nodes become 0..N-1.

Source: SONATA developer guide, sections on nodes and edges
(https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md).
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

from ketasim.documents.hdf5_file import unsafe_content
from ketasim.documents.problems import DocumentError, Problem
from ketasim.network_files.assemble import Columns, NetworkTable, Where

#: Names read together, and largest length of a name.
_BLOCK, _LONGEST_NAME = 256, 1000
#: Largest number of nodes in a file, and of strings in a library.
_MOST_NODES, _MOST_TEXTS = 1_000_000, 10_000

#: Node attributes that name a population; the first found is used.
_POPULATION_ATTRIBUTES = ("population", "pop_name")


class _Part(NamedTuple):
    """A population of nodes or edges: name of its group, number of its first row in the whole network, size."""

    name: str
    start: int
    size: int


def read_sonata(path: Path, known: Sequence[str]) -> tuple[NetworkTable, "_SonataOrigin", list[Problem]]:
    """Read every population of nodes and edges of a SONATA file.

    Nodes are numbered population by population, those of `known` first, then others by name.

    Returns
    -------
    table : NetworkTable
        Content of the file.
    origin : Origin
        Names nodes and edges by group and row.
    problems : list of Problem
        Empty; present for symmetry with other readers.

    Raises
    ------
    DocumentError
        The file is not HDF5 or its groups are not SONATA's.
    """
    try:
        with h5py.File(path, "r") as file:
            _refuse_unsafe(file, path)
            nodes = _node_parts(file, path, known)
            edges = _edge_parts(file, path)
            table = _read_table(file, path, nodes, edges)
    except (MemoryError, OSError, RuntimeError) as error:
        _refuse(path, f"not a readable HDF5 file: {error}")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        _refuse(path, f"its groups do not follow SONATA's layout: {error}")
    return table, _SonataOrigin(path, list(nodes.values()), list(edges.values())), []


class _SonataOrigin:
    """Names nodes and edges by group and row."""

    population_remedy = "name the group /nodes/<population>, or add the node attribute 0/population"

    def __init__(self, path: Path, nodes: Sequence[_Part], edges: Sequence[_Part]) -> None:
        self.name = str(path)
        self._nodes = nodes
        self._edges = edges

    def node(self, index: int, column: str) -> Where:
        """Name an attribute of a node."""
        return None, self._name("nodes", self._nodes, index, column)

    def edge(self, index: int, column: str) -> Where:
        """Name an attribute of an edge."""
        return None, self._name("edges", self._edges, index, "syn_weight" if column == "weight" else column)

    def _name(self, kind: str, parts: Sequence[_Part], index: int, column: str) -> str:
        for part in parts:
            if part.start <= index < part.start + part.size:
                row = f"{self.name}: /{kind}/{part.name}, row {index - part.start}"
                return f"{row}: {column}" if column else row
        raise IndexError(f"no {kind} row {index}")


def _refuse_unsafe(file: h5py.File, path: Path) -> None:
    """Check the groups that will be read; nothing else in the file is touched."""
    for kind in ("nodes", "edges"):
        link = file.get(kind, getlink=True)
        if link is not None and not isinstance(link, h5py.HardLink):
            _refuse(path, f"/{kind} is a link; replace it by the group itself")
        if isinstance(group := file.get(kind), h5py.Group) and (why := unsafe_content(group, path.stat().st_size)):
            _refuse(path, why)


def _node_parts(file: h5py.File, path: Path, known: Sequence[str]) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    start = 0
    rank = {name: number for number, name in enumerate(known)}
    groups = _populations(file, path, "nodes")
    if not groups:
        _refuse(path, "/nodes holds no population")
    for name, group in sorted(groups, key=lambda item: (rank.get(item[0], len(rank)), item[0])):
        counted = next((group[key] for key in ("node_type_id", "node_id") if key in group), None)
        if not isinstance(counted, h5py.Dataset):
            _refuse(path, f"/nodes/{name}: no dataset node_type_id or node_id, so the number of nodes is unknown")
        count = len(counted)
        if start + count > _MOST_NODES:
            _refuse(path, f"{start + count} nodes or more; at most {_MOST_NODES} are allowed")
        if "node_id" in group and not np.array_equal(group["node_id"][...], np.arange(count)):
            _refuse(path, f"/nodes/{name}/node_id: must be 0, 1, ... {count - 1}")
        parts[name] = _Part(name, start, count)
        start += count
    return parts


def _edge_parts(file: h5py.File, path: Path) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    start = 0
    for name, group in _populations(file, path, "edges"):
        for key in ("source_node_id", "target_node_id"):
            if not isinstance(group.get(key), h5py.Dataset):
                _refuse(path, f"/edges/{name}: no dataset {key}")
        count = len(group["source_node_id"])
        if len(group["target_node_id"]) != count:
            _refuse(path, f"/edges/{name}: source_node_id and target_node_id differ in length")
        parts[name] = _Part(name, start, count)
        start += count
    return parts


def _read_table(file: h5py.File, path: Path, nodes: dict[str, _Part], edges: dict[str, _Part]) -> NetworkTable:
    node_groups = [(f"/nodes/{part.name}", part.size) for part in nodes.values()]
    edge_groups = [(f"/edges/{part.name}", part.size) for part in edges.values()]
    population: list[Any] = []
    for part in nodes.values():
        population += _population_names(file, path, part)

    def ends(key: str) -> NDArray[np.int64]:
        columns = [_node_numbers(file[name][key], path, nodes) for name, _ in edge_groups]
        return np.concatenate([np.empty(0, np.int64), *columns])

    def numbers(groups: list[tuple[str, int]], key: str) -> np.ma.MaskedArray:
        columns = [_numbers(file[name], path, key, count) for name, count in groups]
        return np.ma.concatenate([np.ma.masked_array(np.empty(0), mask=np.empty(0, bool)), *columns])

    return NetworkTable(
        labels=None,
        population=population,
        position=Columns(numbers(node_groups, "x"), numbers(node_groups, "y")),
        source=ends("source_node_id"),
        target=ends("target_node_id"),
        strength=Columns(numbers(edge_groups, "syn_weight"), numbers(edge_groups, "delay")),
    )


def _populations(file: h5py.File, path: Path, kind: str) -> list[tuple[str, h5py.Group]]:
    parent = file.get(kind)
    if not isinstance(parent, h5py.Group):
        _refuse(path, f"no group /{kind}: a SONATA network needs /nodes and /edges in one file")
    return [(name, parent[name]) for name in parent if isinstance(parent[name], h5py.Group)]


def _node_numbers(ids: h5py.Dataset, path: Path, nodes: dict[str, _Part]) -> NDArray[np.int64]:
    """Return node numbers in the whole network from ids within a population."""
    name = ids.attrs.get("node_population")
    name = name.decode() if isinstance(name, bytes) else name
    if name not in nodes:
        _refuse(path, f"{ids.name}: attribute node_population is {name!r}; it must be one of {', '.join(nodes)}")
    values = ids[...]
    part = nodes[name]
    if values.dtype.kind not in "iu" or (values.size and not 0 <= values.min() <= values.max() < part.size):
        _refuse(path, f"{ids.name}: must hold integers from 0 to {part.size - 1}, the nodes of {name}")
    return values.astype(np.int64) + part.start


def _population_names(file: h5py.File, path: Path, part: _Part) -> list[Any]:
    group = file[f"/nodes/{part.name}"]
    names: list[Any] = [part.name] * part.size
    for key in _POPULATION_ATTRIBUTES:
        columns = list(_columns(group, path, key, part.size))
        for rows, dataset, index in columns:
            library = dataset.parent.get(f"@library/{key}")
            # SONATA stores repeated strings as indices into a library
            if library is None:
                text = _texts(dataset, path, part.size)
            else:
                text = _texts(library, path, _MOST_TEXTS)[_whole_numbers(dataset, path)]
            for row, name in zip(rows.tolist(), text[index].tolist(), strict=True):
                names[row] = name
        if columns:
            break
    return names


def _texts(dataset: h5py.Dataset, path: Path, most: int) -> NDArray:
    """Return the values of a dataset of names, read in blocks because all may refer to one string of any length."""
    if dataset.ndim != 1 or h5py.check_string_dtype(dataset.dtype) is None:
        _refuse(path, f"{dataset.name}: must hold strings")
    if len(dataset) > most:
        _refuse(path, f"{dataset.name}: has {len(dataset)} strings; at most {most} are allowed")
    values: list[str] = []
    for begin in range(0, len(dataset), _BLOCK):
        values += dataset.asstr()[begin : begin + _BLOCK].tolist()
        if max(map(len, values[begin:])) > _LONGEST_NAME:
            _refuse(path, f"{dataset.name}: a name has more than {_LONGEST_NAME} characters")
    return np.array(values, object)


def _whole_numbers(dataset: h5py.Dataset, path: Path) -> NDArray[np.integer]:
    """Return the values of a dataset of non-negative integers."""
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 1 or dataset.dtype.kind not in "iu":
        _refuse(path, f"{dataset.name}: must be a dataset of integers")
    values = dataset[...]
    if values.size and values.min() < 0:
        _refuse(path, f"{dataset.name}: must hold integers from 0")
    return values


def _numbers(group: h5py.Group, path: Path, key: str, count: int) -> np.ma.MaskedArray:
    values = np.ma.masked_all(count, np.float64)
    for rows, dataset, index in _columns(group, path, key, count):
        if dataset.dtype.kind not in "iuf" or dataset.ndim != 1:
            _refuse(path, f"{dataset.name}: must hold numbers")
        with np.errstate(over="ignore"):  # values too large for 64 bits become infinite and are rejected later
            values[rows] = dataset[...][index]
    return values


def _columns(
    group: h5py.Group, path: Path, key: str, count: int
) -> Iterator[tuple[NDArray[np.intp], h5py.Dataset, NDArray[np.integer]]]:
    """Yield an attribute from the groups ``0``, ``1`` ...: rows of the population, dataset, and indices in it."""
    kind = "node" if f"{group.name}".startswith("/nodes") else "edge"
    number, index = (_group_column(group, f"{kind}_{name}", path, count) for name in ("group_id", "group_index"))
    for name in sorted(group):
        if not (re.fullmatch("[0-9]{1,9}", name) and isinstance(group[name], h5py.Group) and key in group[name]):
            continue
        dataset = group[name][key]
        if not isinstance(dataset, h5py.Dataset):
            _refuse(path, f"{dataset.name}: must be a dataset")
        rows = np.arange(count) if number is None else np.flatnonzero(number == int(name))
        yield rows, dataset, rows if index is None else index[rows]


def _group_column(group: h5py.Group, key: str, path: Path, count: int) -> NDArray[np.integer] | None:
    """Return the group, or the index within it, of each row's attributes; None if the file does not say."""
    if key not in group:
        return None
    values = _whole_numbers(group[key], path)
    if len(values) != count:
        _refuse(path, f"{group.name}/{key}: has {len(values)} rows instead of {count}")
    return values


def _refuse(path: Path, message: str) -> NoReturn:
    raise DocumentError([Problem(None, str(path), message)])
