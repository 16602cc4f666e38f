"""Nodes, edges and spikes as SONATA defines them, so that its readers open a trajectory file.

Source: SONATA developer guide, sections on nodes, edges and spike reports
(https://github.com/AllenInstitute/sonata/blob/master/docs/SONATA_DEVELOPER_GUIDE.md).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from ketasim.storage.clock import shorten
from ketasim.storage.labels import decode_labels, encode_labels
from ketasim.storage.layout import StorageError, describe, native, plain_filters, read_values, store_plain

if TYPE_CHECKING:
    from ketasim.network.topology import Topology

SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
_SPIKES_IN_A_CHUNK = 2**12


class Spikes(NamedTuple):
    """Spikes of one population, in order of time.

    times : (S,) float64, ms from time zero. node_ids : (S,) int64, from 0 within the population.
    """

    times: np.ndarray
    node_ids: np.ndarray


def write_topology(file: h5py.File, topology: "Topology") -> None:
    """Write /nodes/<population> and /edges/<source>__<target>; class pairs without edges are left out.

    Raises
    ------
    StorageError : two nodes are objects with the same text, so that the file could not tell them apart.
    """
    nodes = file.create_group("nodes")
    edges = file.create_group("edges")
    nodes.attrs["populations"] = np.array(topology.population_names, dtype=object)
    for name in topology.population_names:
        _write_nodes(nodes.create_group(name), topology, topology.slice_of(name))
    labels = _read_labels([nodes[name] for name in topology.population_names]) or ()
    if len(set(labels)) < len(labels):
        raise StorageError("two nodes of the graph have the same name as text; give nodes int or str keys")
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
    _write_groups_of_one(group, "edge", chosen.size)
    attributes = group.create_group("0")
    store_plain(attributes, "syn_weight", topology.weight[chosen], "1", "weight over the mean of its class pair")
    store_plain(attributes, "delay", topology.delay[chosen], "ms", "conduction and synaptic delay")
    for end, name in (("source", "source_to_target"), ("target", "target_to_source")):
        n_nodes = members[end].stop - members[end].start
        to_ranges, to_edges = edge_index(ends[end], n_nodes)
        index = group.create_group(f"indices/{name}")
        store_plain(index, "node_id_to_ranges", to_ranges, "1", f"rows of range_to_edge_id of each {end} node")
        store_plain(index, "range_to_edge_id", to_edges, "1", "first edge and one past the last")


def _write_groups_of_one(group: h5py.Group, kind: str, count: int) -> None:
    # SONATA lets nodes and edges of several models share a population; ours has one group, "0", and no types.
    store_plain(group, f"{kind}_type_id", np.full(count, -1, dtype="i8"), "1", "type in a SONATA table; -1 is none")
    store_plain(group, f"{kind}_group_id", np.zeros(count, dtype="u8"), "1", "group that holds the attributes")
    store_plain(group, f"{kind}_group_index", np.arange(count, dtype="u8"), "1", "row in that group")


def edge_index(ends: np.ndarray, n_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return SONATA's index from a node to its edges.

    ends : (E,) the node at one end of each edge. Returns node_id_to_ranges (n_nodes, 2), for each node the
    first row and one past the last in range_to_edge_id (R, 2), whose rows are runs of consecutive edges.

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
    """Return the graph at the start of a run, node for node and edge for edge as it was given."""
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
    )


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


class SpikeGroup:
    """The spikes of one population, /spikes/<population>, kept in memory until `write`.

    group : HDF5 group; one that is not empty goes on from `restore`.
    """

    def __init__(self, group: h5py.Group) -> None:
        self._pending: list[Spikes] = []
        self._last = -np.inf
        self._name = group.name
        self._pending_spikes = 0
        if "timestamps" not in group:
            group.attrs.create("sorting", 2, dtype=SORTING)
            _empty(group, "timestamps", "f8", "ms", "time of the spike from zero")
            _empty(group, "node_ids", "u8", "1", "number of the node within its population, from 0")
        self._times, self._ids = group["timestamps"], group["node_ids"]

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Number of spikes in the file, and the spikes kept in memory."""
        times, ids = self._kept()
        return {"rows": np.array(self._times.shape[0]), "last": np.array(self._last), "times": times, "ids": ids}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to a state; what came later is cut off. Raises ValueError if the file has fewer spikes."""
        for dataset in (self._times, self._ids):
            shorten(dataset, int(state["rows"]))
        self._last = float(state["last"])
        self._pending_spikes = state["times"].size
        self._pending = [Spikes(state["times"], state["ids"])] if self._pending_spikes else []

    def _kept(self) -> Spikes:
        if not self._pending:
            return Spikes(np.empty(0), np.empty(0, "u8"))
        return Spikes(*(np.concatenate(parts) for parts in zip(*self._pending, strict=True)))

    def append(self, times: np.ndarray, node_ids: np.ndarray) -> None:
        """Keep the spikes of one window, in any order.

        times : (S,) ms, none earlier than the latest appended before.
        node_ids : (S,) from 0 within the population.
        Raises ValueError when times go back or the lengths differ.
        """
        times = np.asarray(times, dtype="f8")
        ids = np.asarray(node_ids).astype("u8")
        if times.shape != ids.shape or times.ndim != 1:
            raise ValueError(f"{self._name}: {times.shape} times for {ids.shape} node ids")
        if not times.size:
            return
        order = np.lexsort((ids, times))
        times, ids = times[order], ids[order]
        if not times[0] >= self._last:
            raise ValueError(f"{self._name}: a spike at {times[0]} ms comes after one at {self._last} ms")
        self._last = float(times[-1])
        self._pending.append(Spikes(times, ids))
        self._pending_spikes += times.size

    @property
    def has_whole_chunk(self) -> bool:
        """Whether enough spikes are kept to fill chunks that need not be written again."""
        return self._whole_spikes() > 0

    def write(self, whole_chunks: bool) -> Callable[[], None]:
        """Append the node ids of what is kept in memory; returns the function that appends the times.

        whole_chunks : leave spikes in memory that do not fill a chunk.
        """
        count = self._whole_spikes() if whole_chunks else self._pending_spikes
        start = self._times.shape[0]
        kept = self._kept() if count else None
        if kept:
            self._ids.resize(start + count, axis=0)
            self._ids[start:] = kept.node_ids[:count]

        def write_times() -> None:
            if kept:
                self._times.resize(start + count, axis=0)
                self._times[start:] = kept.times[:count]
                self._pending = [Spikes(kept.times[count:], kept.node_ids[count:])]
                self._pending_spikes -= count

        return write_times

    def _whole_spikes(self) -> int:
        start = self._times.shape[0]
        stop = (start + self._pending_spikes) // _SPIKES_IN_A_CHUNK * _SPIKES_IN_A_CHUNK
        return max(0, stop - start)


def _empty(group: h5py.Group, name: str, dtype: str, units: str, long_name: str) -> Any:
    dataset = group.create_dataset(
        name, (0,), dtype=dtype, maxshape=(None,), chunks=(_SPIKES_IN_A_CHUNK,), **plain_filters()
    )
    describe(dataset, units, long_name)
    return dataset


def read_spikes(group: h5py.Group) -> Spikes:
    """Return the spikes of one population; of a file cut off while written, those that have time and node."""
    rows = min(group["timestamps"].shape[0], group["node_ids"].shape[0])
    return Spikes(group["timestamps"][:rows], group["node_ids"][:rows].astype(np.int64))
