"""Nodes, edges and spikes in SONATA's layout, so that SONATA readers can open a trajectory file.

Source: SONATA developer guide, sections on nodes, edges and spike reports
(https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md).
"""

from ast import literal_eval
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from ketasim.network.topology import MOST_WEIGHT
from ketasim.network_files.conductance_scale import NAME
from ketasim.storage.datasets import StorageError, describe, native, plain_filters, read_values, store_plain
from ketasim.storage.growing_table import GrowingTable, add_column, whole_rows

if TYPE_CHECKING:
    from ketasim.network.topology import Topology

SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
_SPIKES_IN_A_CHUNK = 2**12


class Spikes(NamedTuple):
    """Spikes of one population, in order of time.

    Attributes
    ----------
    times : (S,) float64 array
        ms from time zero.
    node_ids : (S,) int64 array
        Neurons, numbered from 0 within the population.
    """

    times: np.ndarray
    node_ids: np.ndarray


def write_topology(file: h5py.File, topology: "Topology") -> None:
    """Write /nodes/<population> and /edges/<source>__<target>; class pairs without edges are left out.

    A group of edges has the attribute ``conductance_scale`` where conductances of its pair are scaled.

    Raises
    ------
    StorageError
        Two nodes have names with the same text, which the file could not tell apart.
    """
    nodes = file.create_group("nodes")
    edges = file.create_group("edges")
    nodes.attrs["populations"] = np.array(topology.population_names, dtype=object)
    for name in topology.population_names:
        _write_nodes(nodes.create_group(name), topology, topology.slice_of(name))
    labels = _read_labels([nodes[name] for name in topology.population_names]) or ()
    if len(set(labels)) < len(labels):
        raise StorageError("two nodes of the graph have names with the same text; use int or str keys")
    source_population = topology.population[topology.source]
    target_population = topology.population[topology.target]
    for i, source in enumerate(topology.population_names):
        for j, target in enumerate(topology.population_names):
            chosen = np.flatnonzero((source_population == i) & (target_population == j))
            if chosen.size:
                _write_edges(edges.create_group(f"{source}__{target}"), topology, (source, target), chosen)


def _write_nodes(group: h5py.Group, topology: "Topology", members: slice) -> None:
    n_nodes = members.stop - members.start
    _write_groups_of_one(group, "node", n_nodes)
    attributes = group.create_group("0")
    store_plain(attributes, "x", topology.position[members, 0], "um", "position along x")
    store_plain(attributes, "y", topology.position[members, 1], "um", "position along y")
    if topology.labels is not None:
        labels, encoding = encode_labels(topology.labels[members])
        store_plain(attributes, "label", labels, "1", "node key in the graph that was given", encoding=encoding)


def _write_edges(group: h5py.Group, topology: "Topology", pair: tuple[str, str], chosen: np.ndarray) -> None:
    members = {"source": topology.slice_of(pair[0]), "target": topology.slice_of(pair[1])}
    ends = {
        "source": topology.source[chosen].astype("u8") - np.uint64(members["source"].start),
        "target": topology.target[chosen].astype("u8") - np.uint64(members["target"].start),
    }
    for end, population in zip(ends, pair, strict=True):
        store_plain(group, f"{end}_node_id", ends[end], "1", f"{end} node", node_population=population)
    factor = (topology.conductance_scale or {}).get(pair)
    if factor is not None:
        group.attrs[NAME] = factor
    _write_groups_of_one(group, "edge", chosen.size)
    attributes = group.create_group("0")
    store_plain(attributes, "syn_weight", topology.weight[chosen], "1", "weight relative to the mean of its class pair")
    store_plain(attributes, "delay", topology.delay[chosen], "ms", "conduction and synaptic delay")
    for end, name in (("source", "source_to_target"), ("target", "target_to_source")):
        n_nodes = members[end].stop - members[end].start
        to_ranges, to_edges = edge_index(ends[end], n_nodes)
        index = group.create_group(f"indices/{name}")
        store_plain(index, "node_id_to_ranges", to_ranges, "1", f"rows of range_to_edge_id of each {end} node")
        store_plain(index, "range_to_edge_id", to_edges, "1", "first edge and one past the last")


def _write_groups_of_one(group: h5py.Group, kind: str, count: int) -> None:
    # In SONATA nodes and edges of several models may share a population; here there is one group, "0", and no types.
    store_plain(group, f"{kind}_type_id", np.full(count, -1, dtype="i8"), "1", "type in a SONATA table; -1 is none")
    store_plain(group, f"{kind}_group_id", np.zeros(count, dtype="u8"), "1", "group that holds the attributes")
    store_plain(group, f"{kind}_group_index", np.arange(count, dtype="u8"), "1", "row in that group")


def edge_index(ends: np.ndarray, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return SONATA's index from a node to its edges.

    Parameters
    ----------
    ends : (E,) array of int
        Node at one end of each edge.
    n_nodes : int
        Number of nodes.

    Returns
    -------
    node_id_to_ranges : (n_nodes, 2) array
        First row, and one past the last, of each node in `range_to_edge_id`.
    range_to_edge_id : (R, 2) array
        First edge, and one past the last, of each run of consecutive edges.

    Examples
    --------
    >>> edge_index(np.array([0, 0, 1, 0]), 3)
    (array([[0, 2], [2, 3], [3, 3]], dtype=uint64), array([[0, 2], [3, 4], [2, 3]], dtype=uint64))
    """
    order = np.argsort(ends, kind="stable")
    owner = ends[order]
    breaks = (owner[1:] != owner[:-1]) | (order[1:] != order[:-1] + 1)
    first = np.flatnonzero(np.concatenate(([True], breaks)))
    last = np.concatenate((first[1:], [len(ends)])) - 1
    to_edges = np.column_stack((order[first], order[last] + 1))
    nodes = np.arange(n_nodes, dtype=ends.dtype)
    range_owner = owner[first]
    to_ranges = np.column_stack(
        (np.searchsorted(range_owner, nodes, "left"), np.searchsorted(range_owner, nodes, "right"))
    )
    return to_ranges.astype("u8"), to_edges.astype("u8")


def read_topology(file: h5py.File) -> "Topology":
    """Return the graph at the start of a run, with nodes and edges as given."""
    from ketasim.network.topology import Topology

    names = tuple(file["nodes"].attrs["populations"].tolist())
    groups = [file["nodes"][name] for name in names]
    sizes = [group["node_type_id"].shape[0] for group in groups]
    start = dict(zip(names, np.cumsum([0, *sizes[:-1]]), strict=True))
    edges = _read_edges(file["edges"], start)
    order = np.lexsort((edges["target"], edges["source"]))
    positions = [np.column_stack((group["0/x"][()], group["0/y"][()])) for group in groups]
    return Topology(
        population_names=names,
        population=np.repeat(np.arange(len(names), dtype=np.int16), sizes),
        position=np.concatenate([np.empty((0, 2)), *positions]),
        source=edges["source"][order].astype(np.int32),
        target=edges["target"][order].astype(np.int32),
        weight=edges["weight"][order],
        delay=edges["delay"][order],
        labels=_read_labels(groups),
        conductance_scale=_read_factors(file["edges"]),
    )


def _read_factors(edges: h5py.Group) -> dict[tuple[str, str], float] | None:
    """Return the factors on conductances by class pair; None in files that have none, as those of 0.2.0."""
    found = {}
    for group in edges.values():
        factor = native(group.attrs.get(NAME, 1.0))
        if not isinstance(factor, float) or not 0.0 <= factor <= MOST_WEIGHT:
            raise StorageError(f"{group.name}: its attribute {NAME}, {factor!r}, must be from 0 to {MOST_WEIGHT:g}")
        if NAME in group.attrs:
            source, target = (native(group[f"{end}_node_id"].attrs["node_population"]) for end in ("source", "target"))
            found[source, target] = factor
    return found or None


def _read_edges(edges: h5py.Group, start: dict[str, int]) -> dict[str, np.ndarray]:
    columns: dict[str, list[np.ndarray]] = {
        "source": [np.empty(0, dtype="i8")],
        "target": [np.empty(0, dtype="i8")],
        "weight": [np.empty(0)],
        "delay": [np.empty(0)],
    }
    for group in edges.values():
        for end in ("source", "target"):
            ids = group[f"{end}_node_id"]
            columns[end].append(ids[()].astype("i8") + start[ids.attrs["node_population"]])
        columns["weight"].append(group["0/syn_weight"][()])
        columns["delay"].append(group["0/delay"][()])
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _read_labels(groups: list[h5py.Group]) -> tuple[Any, ...] | None:
    if not any("label" in group["0"] for group in groups):
        return None
    datasets = [group["0/label"] for group in groups]
    return tuple(
        label
        for dataset in datasets
        for label in decode_labels(read_values(dataset), native(dataset.attrs["encoding"]))
    )


def encode_labels(labels: Sequence[Hashable]) -> tuple[np.ndarray, str]:
    """Return labels as an array that HDF5 can store, and the name of the encoding.

    The encoding is ``int`` (64-bit), ``str``, ``literal`` (tuples, floats, mixtures, as Python literals) or ``text``
    (any other object, of which only the text is kept).

    >>> encode_labels([3, 1])
    (array([3, 1]), 'int')
    >>> encode_labels([("a", 1), None])
    (array(["('a', 1)", 'None'], dtype=object), 'literal')
    """
    plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
    if all(type(label) is int and -(2**63) <= label < 2**63 for label in plain):
        return np.array(plain, dtype="i8"), "int"
    if all(type(label) is str and "\0" not in label for label in plain):
        return np.array(plain, dtype=object), "str"
    if all(_is_literal(label) for label in plain):
        return np.array([repr(label) for label in plain], dtype=object), "literal"
    return np.array([str(label) for label in plain], dtype=object), "text"


def decode_labels(values: np.ndarray, encoding: str) -> list[Hashable]:
    """Return the labels that `encode_labels` stored.

    >>> decode_labels(*encode_labels([("a", 1), 2.5]))
    [('a', 1), 2.5]
    """
    labels = values.tolist()
    return [literal_eval(label) for label in labels] if encoding == "literal" else labels


def _is_literal(label: Any) -> bool:
    try:
        return bool(literal_eval(repr(label)) == label)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def create_spikes(group: h5py.Group) -> GrowingTable:
    """Create /spikes/<population>, without spikes."""
    group.attrs.create("sorting", 2, dtype=SORTING)
    times = add_column(group, "timestamps", "f8", (_SPIKES_IN_A_CHUNK,), options=plain_filters())
    describe(times, "ms", "time of the spike from zero")
    ids = add_column(group, "node_ids", "u8", (_SPIKES_IN_A_CHUNK,), options=plain_filters())
    describe(ids, "1", "number of the node within its population, from 0")
    return GrowingTable(group)


def append_spikes(table: GrowingTable, times: np.ndarray, node_ids: np.ndarray) -> None:
    """Add the spikes of one window, in any order.

    Parameters
    ----------
    table : GrowingTable
        As of `create_spikes`.
    times : (S,) array
        ms from time zero, none before the latest of an earlier call.
    node_ids : (S,) array of int
        Neurons, numbered from 0 within the population.

    Raises
    ------
    ValueError
        Times go back, or the lengths differ.
    """
    times = np.asarray(times, dtype="f8")
    ids = np.asarray(node_ids).astype("u8")
    if times.shape != ids.shape or times.ndim != 1:
        raise ValueError(f"{table.name}: {times.shape} times for {ids.shape} node ids")
    if not times.size:
        return
    order = np.lexsort((ids, times))
    times, ids = times[order], ids[order]
    if not times[0] >= table.last:
        raise ValueError(f"{table.name}: a spike at {times[0]} ms follows one at {table.last} ms")
    table.append({"timestamps": times, "node_ids": ids}, times[-1])


def read_spikes(group: h5py.Group) -> Spikes:
    """Return the spikes of one population; from a truncated file, those with both time and node."""
    rows = whole_rows(group)
    return Spikes(group["timestamps"][:rows], group["node_ids"][:rows].astype(np.int64))
