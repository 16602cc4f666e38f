"""SONATA: nodes and edges in HDF5, of one file, as in a trajectory file, or of the files of a circuit configuration.

Attributes come from the groups of a population and, where those have none, from its table of types. A population takes
its name from its group (``/nodes/PYR``), or node by node from the attribute ``population`` or ``pop_name``. Positions
are ``x`` and ``y`` in um, or the first two columns of ``positions``; ``syn_weight`` is read as the relative strength of
an edge, times ``nsyns`` where there are several synapses, and ``delay`` in ms. Several edges of a pair are one synapse
with the sum of their weights. Virtual nodes, which only replay spikes, are left out. Labels of nodes
are those that ketasim's own files have, if they are integers or text; otherwise nodes become 0..N-1.

Source: SONATA developer guide, sections on nodes, edges and circuit configuration
(https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import h5py
import numpy as np
from numpy.typing import NDArray

from ketasim.documents.hdf5_file import unsafe_content
from ketasim.documents.problems import DocumentError, Problem
from ketasim.network_files.assemble import NetworkTable, Where
from ketasim.network_files.columns import Reading, Values
from ketasim.network_files.conductance_scale import NAME, StatedFactor
from ketasim.network_files.sonata_config import Circuit, read_circuit_config
from ketasim.network_files.text_table import TextTable, read_table

#: Names read together, and largest length of a name.
_BLOCK, _LONGEST_NAME = 256, 1000
#: Largest number of nodes in a circuit, and of strings in a library.
_MOST_NODES, _MOST_TEXTS = 1_000_000, 10_000

#: Node attributes that name a population; nodes without one belong to that of their group.
_POPULATION_ATTRIBUTES = ("population", "pop_name")
#: Usual names, which need no note.
_OWN = ("syn_weight", "pop_name")
#: What BMTK writes into a table of types where a value is missing.
_NOTHING = ("", "NULL", "NaN", "nan", "None")


class _Part(NamedTuple):
    """A population of nodes or edges."""

    path: Path
    kind: str  # nodes or edges
    name: str
    start: int  # number of its first row in the whole network
    size: int
    types: TextTable | None

    @property
    def group(self) -> str:
        return f"/{self.kind}/{self.name}"


def read_sonata(path: Path, known: Sequence[str], how: Reading) -> NetworkTable:
    """Read every population of nodes and edges of a SONATA file or circuit.

    Nodes are numbered population by population, those of `known` first, then others by name.

    Parameters
    ----------
    path : Path
        An HDF5 file, or a circuit (or simulation) configuration in JSON.
    known : sequence of str
        Allowed populations, in the order of nodes.
    how : Reading
        Its `population` is used.

    Returns
    -------
    NetworkTable
        Content of the files.

    Raises
    ------
    DocumentError
        A file is not HDF5, its groups are not SONATA's, or the configuration cannot be followed.
    """
    config = path.suffix.lower() == ".json"
    circuit = read_circuit_config(path) if config else Circuit([(path, None)], [(path, None)], frozenset(), ())
    nodes = _node_parts(circuit.nodes, known)
    edges = _edge_parts(circuit.edges, nodes)
    ends = [_ends(part, nodes) for part in edges]
    source, target = (np.concatenate([np.empty(0, np.int64), *(pair[number] for pair in ends)]) for number in (0, 1))
    columns = _columns_of(list(nodes.values()))
    if how.population is None and not set(_POPULATION_ATTRIBUTES) & set(columns):
        columns["population"] = partial(_column, list(nodes.values()), "population")
    labels = _labels(list(nodes.values()))
    if labels is not None:
        del columns["label"]
    left_out, notes = _virtual(nodes, columns, circuit)
    return NetworkTable(
        origin=_SonataOrigin(path, list(nodes.values()), edges),
        labels=labels,
        n_nodes=sum(part.size for part in nodes.values()),
        source=source,
        target=target,
        nodes=columns,
        edges=_columns_of(edges),
        number=_number,
        own=_OWN,
        left_out=left_out,
        sums_parallel=True,
        relative=not config,
        scale=_factors(edges),
        notes=[*circuit.notes, *notes],
    )


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
                row = f"{part.path}: {part.group}, row {index - part.start}"
                return f"{row}: {column}" if column else row
        raise IndexError(f"no {kind} row {index}")


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a file; what is wrong with it becomes an error that names it."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (MemoryError, OSError, RuntimeError) as error:
        _refuse(path, f"not a readable HDF5 file: {error}")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        _refuse(path, f"its groups do not follow SONATA's layout: {error}")


def _refuse_unsafe(file: h5py.File, path: Path, kind: str) -> None:
    """Check the group that will be read; nothing else in the file is touched."""
    link = file.get(kind, getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        _refuse(path, f"/{kind} is a link; replace it by the group itself")
    if isinstance(group := file.get(kind), h5py.Group) and (why := unsafe_content(group, path.stat().st_size)):
        _refuse(path, why)


def _node_parts(files: Sequence[tuple[Path, Path | None]], known: Sequence[str]) -> dict[str, _Part]:
    found: dict[str, _Part] = {}
    total = 0
    for path, types in files:
        table = _types(types, "node_type_id")
        with _opened(path) as file:
            _refuse_unsafe(file, path, "nodes")
            groups = _populations(file, path, "nodes")
            if not groups:
                _refuse(path, "/nodes holds no population")
            for name, group in groups:
                if name in found:
                    _refuse(path, f"/nodes/{name}: this population is also in {found[name].path}")
                count = _count_nodes(group, path, name)
                total += count
                if total > _MOST_NODES:
                    _refuse(path, f"{total} nodes or more; at most {_MOST_NODES} are allowed")
                found[name] = _Part(path, "nodes", name, 0, count, table)
    rank = {name: number for number, name in enumerate(known)}
    start, parts = 0, {}
    for name in sorted(found, key=lambda name: (rank.get(name, len(rank)), name)):
        parts[name] = found[name]._replace(start=start)
        start += found[name].size
    return parts


def _count_nodes(group: h5py.Group, path: Path, name: str) -> int:
    counted = next((group[key] for key in ("node_type_id", "node_id") if key in group), None)
    if not isinstance(counted, h5py.Dataset):
        _refuse(path, f"/nodes/{name}: no dataset node_type_id or node_id, so the number of nodes is unknown")
    count = len(counted)
    if count > _MOST_NODES:
        _refuse(path, f"{count} nodes or more; at most {_MOST_NODES} are allowed")
    if "node_id" in group and not np.array_equal(group["node_id"][...], np.arange(count)):
        _refuse(path, f"/nodes/{name}/node_id: must be 0, 1, ... {count - 1}")
    return count


def _edge_parts(files: Sequence[tuple[Path, Path | None]], nodes: Mapping[str, _Part]) -> list[_Part]:
    parts: list[_Part] = []
    start = 0
    for path, types in files:
        table = _types(types, "edge_type_id")
        with _opened(path) as file:
            _refuse_unsafe(file, path, "edges")
            for name, group in _populations(file, path, "edges"):
                for key in ("source_node_id", "target_node_id"):
                    if not isinstance(group.get(key), h5py.Dataset):
                        _refuse(path, f"/edges/{name}: no dataset {key}")
                count = len(group["source_node_id"])
                if len(group["target_node_id"]) != count:
                    _refuse(path, f"/edges/{name}: source_node_id and target_node_id differ in length")
                parts.append(_Part(path, "edges", name, start, count, table))
                start += count
    return parts


def _types(path: Path | None, key: str) -> TextTable | None:
    """Read a table of types, in which columns are separated by blanks as a rule."""
    if path is None:
        return None
    table = read_table(path, blanks=True)
    if key not in table.header:
        _refuse(path, f"no column {key}")
    return table


def _ends(part: _Part, nodes: Mapping[str, _Part]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    with _opened(part.path) as file:
        group = file[part.group]
        one, other = (_node_numbers(group[key], part.path, nodes) for key in ("source_node_id", "target_node_id"))
    return one, other


def _factors(parts: Sequence[_Part]) -> list[StatedFactor]:
    """Return the factors on conductances that ketasim's own files state at the edges of class pairs."""
    found = []
    for part in parts:
        with _opened(part.path) as file:
            group = file[part.group]
            if NAME in group.attrs:
                ends = (group[f"{end}_node_id"].attrs["node_population"] for end in ("source", "target"))
                source, target = (name.decode() if isinstance(name, bytes) else name for name in ends)
                where = None, f"{part.path}: {part.group}, attribute {NAME}"
                value = group.attrs[NAME]
                found.append(StatedFactor(where, source, target, value))
    return found


def _virtual(
    nodes: Mapping[str, _Part], columns: Mapping[str, Callable[[], Values]], circuit: Circuit
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """Return which nodes are virtual, by their attribute `model_type` or in the configuration, and what to say."""
    kinds = columns["model_type"]() if "model_type" in columns else [None] * sum(part.size for part in nodes.values())
    virtual = np.array([kind == "virtual" for kind in kinds], bool)
    for name in circuit.virtual & nodes.keys():
        virtual[nodes[name].start : nodes[name].start + nodes[name].size] = True
    counts = {name: int(virtual[part.start : part.start + part.size].sum()) for name, part in nodes.items()}
    said = ", ".join(f"{name} ({count})" for name, count in counts.items() if count)
    notes = [f"virtual nodes, which replay spikes from files, are no neurons: {said}"] if said else []
    return (virtual if said else None), notes


def _columns_of(parts: Sequence[_Part]) -> dict[str, Callable[[], Values]]:
    """Return the attributes of populations by name."""
    names: dict[str, None] = {}
    for part in parts:
        with _opened(part.path) as file:
            for group in _attribute_groups(file[part.group]):
                for name, item in group.items():
                    axes = _axes(name, item)
                    names.update(dict.fromkeys(axes or (() if name == "@library" else (name,))))
        if part.types is not None:
            names.update(dict.fromkeys(part.types.header))
    for name in ("node_type_id", "edge_type_id"):
        names.pop(name, None)
    return {name: partial(_column, parts, name) for name in names}


def _labels(parts: Sequence[_Part]) -> list[Any] | None:
    """Return the labels of nodes from a file of ketasim's own, if all are integers or all text; None otherwise."""
    labels: list[Any] = []
    encodings = set()
    for part in parts:
        with _opened(part.path) as file:
            dataset = file[part.group].get("0/label")
            encoding = dataset.attrs.get("encoding") if isinstance(dataset, h5py.Dataset) else None
            if encoding not in ("int", "str") or len(dataset) != part.size:
                return None
            encodings.add(encoding)
            labels += (dataset[...] if encoding == "int" else _texts(dataset, part.path, part.size)).tolist()
    return labels if len(encodings) == 1 and len(set(labels)) == len(labels) else None


def _axes(name: str, item: Any) -> tuple[str, ...]:
    """Return the names of the columns of an array of positions, and nothing for other attributes.

    >>> _axes("x", None)
    ()
    """
    two = isinstance(item, h5py.Dataset) and item.ndim == 2 and item.shape[1] in (2, 3)
    return tuple(f"{name}_{axis}" for axis in "xyz"[: item.shape[1]]) if two else ()


def _column(parts: Sequence[_Part], key: str) -> Values:
    """Return an attribute of all rows: a masked array if its values are numbers, else a list."""
    pieces = []
    for part in parts:
        with _opened(part.path) as file:
            pieces.append(_piece(file[part.group], part, key))
    if all(isinstance(piece, np.ma.MaskedArray) for piece in pieces):
        return np.ma.concatenate([np.ma.masked_array(np.empty(0), mask=np.empty(0, bool)), *pieces])
    return [value for piece in pieces for value in (piece.tolist() if isinstance(piece, np.ndarray) else piece)]


def _piece(group: h5py.Group, part: _Part, key: str) -> Values:
    """Return an attribute of one population: as stored, else as in the table of types, else masked or None."""
    numbers, texts, text = np.ma.masked_all(part.size, np.float64), [None] * part.size, False
    for rows, values in _stored(group, part, key):
        if values.dtype.kind == "f":
            numbers[rows] = values
        else:
            text = True
        for row, value in zip(rows.tolist(), values.tolist(), strict=True) if values.dtype.kind != "f" else ():
            texts[row] = value
    by_type = _by_type(group, part, key)
    if key in _POPULATION_ATTRIBUTES and not text:
        by_type = by_type or [None] * part.size
        return [part.name if one is None else one for one in by_type]
    if by_type is None:
        return texts if text else numbers
    if text:
        return [one if two is None else two for one, two in zip(by_type, texts, strict=True)]
    cells = [_number(one) for one in by_type]
    if any(isinstance(one, str) for one in cells):
        return [one if one is not None else two for one, two in zip(numbers.tolist(), by_type, strict=True)]
    here = np.ma.getmaskarray(numbers)
    numbers[here] = np.ma.masked_invalid([np.nan if cells[row] is None else cells[row] for row in np.flatnonzero(here)])
    return numbers


def _by_type(group: h5py.Group, part: _Part, key: str) -> list[str | None] | None:
    """Return a column of the table of types for every row; None if it has no such column."""
    if part.types is None or key not in part.types.header:
        return None
    name = f"{part.kind[:-1]}_type_id"
    rows = dict(zip(part.types.column(name), part.types.column(key), strict=True))
    kinds, inverse = np.unique(group[name][...], return_inverse=True)
    lost = next((kind for kind in kinds.tolist() if str(kind) not in rows), None)
    if lost is not None:
        _refuse(part.path, f"{part.group}/{name}: the type {lost} is not in {part.types.path}")
    values = [rows[str(kind)] for kind in kinds.tolist()]
    cells = [None if value in _NOTHING else value for value in values]
    return [cells[index] for index in inverse.tolist()]


def _stored(group: h5py.Group, part: _Part, key: str) -> Iterator[tuple[NDArray[np.intp], NDArray]]:
    """Yield what the groups of a population store of an attribute: rows, and numbers or texts."""
    for rows, dataset, index, axis in _datasets(group, part, key):
        library = dataset.parent.get(f"@library/{key}")
        if library is not None:  # repeated strings are stored as indices into a library
            yield rows, _texts(library, part.path, _MOST_TEXTS)[_whole_numbers(dataset, part.path)][index]
        elif dataset.dtype.kind in "iufb" and dataset.ndim == (1 if axis is None else 2):
            with np.errstate(over="ignore"):  # values too large for 64 bits become infinite and are rejected later
                values = dataset[...] if axis is None else dataset[:, axis]
                yield rows, values[index].astype(np.float64)
        else:
            yield rows, _texts(dataset, part.path, part.size)[index]


def _datasets(
    group: h5py.Group, part: _Part, key: str
) -> Iterator[tuple[NDArray[np.intp], h5py.Dataset, NDArray[np.integer], int | None]]:
    """Yield an attribute from the groups ``0``, ``1`` ...: rows, dataset, indices in it, and column of an array."""
    kind = part.kind[:-1]
    number, index = (_group_column(group, f"{kind}_{name}", part) for name in ("group_id", "group_index"))
    for one in _attribute_groups(group):
        axis, name = (None, key) if key in one else ("xyz".find(key[-1:]), key[:-2])
        if name not in one or (axis is not None and key not in _axes(name, one[name])):
            continue
        dataset = one[name]
        if not isinstance(dataset, h5py.Dataset):
            _refuse(part.path, f"{dataset.name}: must be a dataset")
        place = one.name.rpartition("/")[2]
        rows = np.arange(part.size) if number is None else np.flatnonzero(number == int(place))
        yield rows, dataset, rows if index is None else index[rows], axis


def _attribute_groups(group: h5py.Group) -> list[h5py.Group]:
    """Return the groups ``0``, ``1`` ... of a population."""
    names = [name for name in sorted(group) if re.fullmatch("[0-9]{1,9}", name)]
    return [group[name] for name in names if isinstance(group[name], h5py.Group)]


def _populations(file: h5py.File, path: Path, kind: str) -> list[tuple[str, h5py.Group]]:
    parent = file.get(kind)
    if not isinstance(parent, h5py.Group):
        both = "" if kind == "nodes" else "; of a network in several files, name its circuit_config.json"
        _refuse(path, f"no group /{kind}: a SONATA network needs /nodes and /edges{both}")
    return [(name, parent[name]) for name in parent if isinstance(parent[name], h5py.Group)]


def _node_numbers(ids: h5py.Dataset, path: Path, nodes: Mapping[str, _Part]) -> NDArray[np.int64]:
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


def _number(text: Any) -> Any:
    """Return text as a float, None if it says that there is none, unchanged if it is no number."""
    try:
        return None if text is None or text in _NOTHING else text if "_" in text else float(text)
    except (TypeError, ValueError):
        return text


def _group_column(group: h5py.Group, key: str, part: _Part) -> NDArray[np.integer] | None:
    """Return the group, or the index within it, of each row's attributes; None if the file does not say."""
    if key not in group:
        return None
    values = _whole_numbers(group[key], part.path)
    if len(values) != part.size:
        _refuse(part.path, f"{group.name}/{key}: has {len(values)} rows instead of {part.size}")
    return values


def _refuse(path: Path, message: str) -> NoReturn:
    raise DocumentError([Problem(None, str(path), message)])
