"""/structure: births and deaths of edges, and the graph at stated times; with the start they give it at every time.

Edges of one population change, nodes and all other edges do not. Nodes are numbered within that population, as in
SONATA. Weights drift between events, so they are stored in full in snapshots; delays never change.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from ketasim.storage.clock import shorten
from ketasim.storage.layout import compact, describe, filters, native, store

if TYPE_CHECKING:
    from ketasim.network.topology import Edges, Topology

#: Whose edges change.
PLASTIC_POPULATION = "PYR"

BIRTH, DEATH = 0, 1

#: Events in a chunk; what does not fill one waits in memory, about half a day of 1,000 neurons at rest.
_CHUNK = 2**10

#: Attribute of /structure/events: s, time of the last slow step whose events are all in the file.
_UNTIL = "written_until"

_COLUMNS = {
    "time": ("f8", "s", "end of the slow step, from time zero"),
    "kind": ("u1", "1", "0 birth, 1 death"),
    "source": ("i4", "1", "source node, within its population"),
    "target": ("i4", "1", "target node, within its population"),
    "weight": ("f4", "1", "weight at the event, over the mean of its class pair"),
    "delay": ("f8", "ms", "conduction and synaptic delay"),
}


class EdgeEvents(NamedTuple):
    """Births and deaths of edges, (B,) each, in the order in which they apply.

    time : s from time zero. kind : 0 birth, 1 death. source, target : nodes, numbered within the population.
    weight : relative, at the event, single precision, in which the network runs. delay : ms.
    """

    time: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


def plastic_population(file: h5py.File) -> str | None:
    """Return the population whose edges the file says are born and die; None where none are."""
    found = file.get("structure/events/source")
    return None if found is None else str(native(found.attrs["node_population"]))


class EventGroup:
    """/structure/events, whose rows are kept in memory until `write`.

    A step may lie in two blocks. The attribute `written_until` says which steps are in the file as a whole, so that
    half a step, as a kill may leave it, is never taken for one. Events that the file has already go on from `restore`.
    """

    def __init__(self, parent: h5py.Group) -> None:
        if "events" not in parent:
            _create_events(parent)
        self._group = parent["events"]
        self._pending: list[EdgeEvents] = []
        self._pending_rows = 0
        self._steps: list[tuple[float, int]] = []  # s, and first row after it, of steps that may not be written
        self._last = -np.inf

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Number of events in the file, and what is kept in memory."""
        arrays = {f"kept/{name}": values for name, values in self._kept()._asdict().items()}
        steps = np.array(self._steps, float).reshape(-1, 2)
        until = np.array(self._group.attrs[_UNTIL])
        return arrays | {"rows": np.array(self._written), "steps": steps, "last": np.array(self._last), "until": until}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go back to a state; what came later is cut off. Raises ValueError if the file has fewer events."""
        for name in _COLUMNS:
            shorten(self._group[name], int(state["rows"]))
        self._group.attrs.modify(_UNTIL, float(state["until"]))
        self._last = float(state["last"])
        kept = EdgeEvents(*(state[f"kept/{name}"] for name in _COLUMNS))
        self._pending_rows = kept.time.size
        self._pending = [kept] if kept.time.size else []
        self._steps = [(float(time), int(row)) for time, row in state["steps"]]

    def _kept(self) -> EdgeEvents:
        """Events in memory."""
        if not self._pending:
            return EdgeEvents(*(np.empty(0, dtype) for dtype, _, _ in _COLUMNS.values()))
        return EdgeEvents(*(np.concatenate(parts) for parts in zip(*self._pending, strict=True)))

    def append(self, time: float, *columns: Any) -> None:
        """Keep the events of one slow step: kind, source, target, weight, delay, (B,) each, which are copied.

        time : s from time zero, later than the step before.
        Raises ValueError for an earlier time, columns that are not (B,) or hold what cannot be.
        """
        if not time > self._last:
            raise ValueError(f"/structure/events: time {time} s does not follow {self._last} s")
        count = np.shape(columns[0])
        events = EdgeEvents(np.full(count, time), *(np.asarray(column) for column in columns))
        _check(events)
        self._last = float(time)
        self._pending_rows += events.time.size
        self._steps.append((self._last, self._written + self._pending_rows))
        if events.time.size:
            self._pending.append(
                EdgeEvents(*(values.astype(_COLUMNS[name][0]) for name, values in events._asdict().items()))
            )

    @property
    def has_whole_chunk(self) -> bool:
        """Whether enough events are kept to fill chunks that need not be written again."""
        return self._whole_rows() > 0

    def write(self, whole_chunks: bool) -> Callable[[], None]:
        """Append all columns but the time; returns the function that appends the time and says what is whole.

        whole_chunks : leave events in memory that do not fill a chunk.
        """
        count = self._whole_rows() if whole_chunks else self._pending_rows
        start = self._written
        kept = self._kept() if count else None
        if kept:
            for name, values in kept._asdict().items():
                if name != "time":
                    _extend(self._group[name], values[:count])

        def write_times() -> None:
            if kept:
                _extend(self._group["time"], kept.time[:count])
                rest = EdgeEvents(*(values[count:] for values in kept))
                self._pending = [rest] if rest.time.size else []
                self._pending_rows -= count
            whole = [time for time, stop in self._steps if stop <= start + count]
            if whole:
                self._group.attrs.modify(_UNTIL, whole[-1])
                del self._steps[: len(whole)]

        return write_times

    @property
    def _written(self) -> int:
        rows: int = self._group["time"].shape[0]
        return rows

    def _whole_rows(self) -> int:
        return max(0, (self._written + self._pending_rows) // _CHUNK * _CHUNK - self._written)


def _create_events(parent: h5py.Group) -> None:
    group = parent.create_group("events", track_order=True)
    group.attrs[_UNTIL] = -np.inf
    for name, (dtype, units, long_name) in _COLUMNS.items():
        fill = np.nan if name == "time" else None
        dataset = group.create_dataset(
            name, (0,), dtype=dtype, maxshape=(None,), chunks=(_CHUNK,), fillvalue=fill, **filters()
        )
        describe(dataset, units, long_name)
    for end in ("source", "target"):
        group[end].attrs["node_population"] = PLASTIC_POPULATION


def _check(events: EdgeEvents) -> None:
    shape = events.time.shape
    for name, values in events._asdict().items():
        if values.shape != shape or len(shape) != 1:
            raise ValueError(f"/structure/events/{name}: shape {values.shape} is not that of kind, {shape}")
        if name in ("kind", "source", "target") and values.size and values.dtype.kind not in "iu":
            raise ValueError(f"/structure/events/{name}: must hold integers, not {values.dtype}")
    if np.any((events.kind != BIRTH) & (events.kind != DEATH)):
        raise ValueError("/structure/events/kind: must be 0, a birth, or 1, a death")


def _extend(dataset: Any, values: np.ndarray) -> None:
    start = dataset.shape[0]
    dataset.resize(start + values.size, axis=0)
    dataset[start:] = values


def new_group(file: h5py.File, kind: str, name: str, time: float) -> h5py.Group:
    """Create /structure/<kind>_<name> with its time. Raises ValueError for what is no name, or is taken."""
    parent = file.require_group("structure")
    if not re.fullmatch(r"[\w.+-]+", name) or f"{kind}_{name}" in parent:
        raise ValueError(f"/structure/{kind}_{name}: not a name, or there is one already")
    group = parent.create_group(f"{kind}_{name}", track_order=True)
    group.attrs["time"] = float(time)
    return group


def write_snapshot(file: h5py.File, name: str, time: float, topology: "Topology") -> None:
    """Write the plastic edges of a topology as compressed rows under /structure/snapshot_<name>."""
    from ketasim.network.within import edges_within

    edges = edges_within(topology, PLASTIC_POPULATION)
    counts = np.bincount(edges.source, minlength=topology.sizes[PLASTIC_POPULATION])
    group = new_group(file, "snapshot", name, time)
    group.attrs["node_population"] = PLASTIC_POPULATION
    indptr = np.concatenate([[0], np.cumsum(counts)])
    store(group, "indptr", compact(indptr), "1", "edges of source i are those from indptr[i] to before indptr[i + 1]")
    store(group, "indices", compact(edges.target), "1", "target node, within its population")
    store(group, "weight", compact(edges.weight), "1", "weight over the mean of its class pair")
    store(group, "delay", compact(edges.delay), "ms", "conduction and synaptic delay")


def named_times(file: h5py.File, kind: str) -> dict[str, float]:
    """Return name -> time in s of the groups /structure/<kind>_<name>, by time."""
    structure = file.get("structure", {})
    times = {name: float(structure[name].attrs["time"]) for name in structure if name.startswith(f"{kind}_")}
    return {name.removeprefix(f"{kind}_"): times[name] for name in sorted(times, key=lambda name: (times[name], name))}


def read_snapshot(file: h5py.File, name: str) -> "Edges":
    """Return the plastic edges of a snapshot, by source and target."""
    from ketasim.network.topology import Edges

    group = file[f"structure/snapshot_{name}"]
    indptr = group["indptr"][()].astype(np.int64)
    source = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    return Edges(source, group["indices"][()].astype(np.int64), group["weight"][()], group["delay"][()])


def read_events(file: h5py.File) -> EdgeEvents:
    """Return all events of steps that are in the file as a whole; none if the graph did not change."""
    if "structure/events" not in file:
        return EdgeEvents(*(np.empty(0, dtype) for dtype, _, _ in _COLUMNS.values()))
    group = file["structure/events"]
    time = group["time"][()]
    rows = min(group[name].shape[0] for name in _COLUMNS)
    whole = time <= group.attrs[_UNTIL]
    if rows < time.size:
        whole &= time < time[rows]
    count = int(np.count_nonzero(whole))
    return EdgeEvents(*(group[name][:count] for name in _COLUMNS))


def written_until(file: h5py.File) -> float:
    """Time in s up to which the graph is known; infinite where it does not change."""
    return float(file["structure/events"].attrs[_UNTIL]) if "structure/events" in file else np.inf


def read_topology(file: h5py.File, time: float) -> "Topology":
    """Return the graph at a time in s: that at the start, with the events up to and including the time.

    The weight of an edge that changes is that of the latest snapshot up to the time, if the edge was there then and has
    lived since; else that of its birth or, if it is older than the run, of the start.
    """
    from ketasim.network.within import edges_within, with_edges_within
    from ketasim.storage import sonata

    start = sonata.read_topology(file)
    snapshots = [name for name, at in named_times(file, "snapshot").items() if at <= time]
    if not snapshots and "structure/events" not in file:
        return start
    events = read_events(file)
    events = EdgeEvents(*(values[: np.searchsorted(events.time, time, "right")] for values in events))
    edges, since = _after(edges_within(start, PLASTIC_POPULATION), start.sizes[PLASTIC_POPULATION], events)
    if snapshots:
        at = named_times(file, "snapshot")[snapshots[-1]]
        edges = _with_weights(edges, since <= at, read_snapshot(file, snapshots[-1]))
    return with_edges_within(start, PLASTIC_POPULATION, edges)


def _after(start: "Edges", n_nodes: int, events: EdgeEvents) -> tuple["Edges", np.ndarray]:
    """Edges after events, and the time of each one's birth, -inf for those that were there at the start."""
    from ketasim.network.topology import Edges

    pair = events.source.astype(np.int64) * n_nodes + events.target
    touched, from_behind = np.unique(pair[::-1], return_index=True)
    last = pair.size - 1 - from_behind  # the last event of each pair that has any decides
    born = last[events.kind[last] == BIRTH]
    untouched = ~np.isin(start.source.astype(np.int64) * n_nodes + start.target, touched)
    columns = ((column[untouched], values[born]) for column, values in zip(start, events[2:], strict=True))
    since = np.concatenate([np.full(int(untouched.sum()), -np.inf), events.time[born]])
    return Edges(*(np.concatenate(both) for both in columns)), since


def _with_weights(edges: "Edges", chosen: np.ndarray, snapshot: "Edges") -> "Edges":
    """Edges with the snapshot's weights where they are chosen and in it."""
    n_nodes = 1 + max((int(ends.max()) for ends in (*edges[:2], *snapshot[:2]) if ends.size), default=0)
    pair, stored = (ends[0].astype(np.int64) * n_nodes + ends[1] for ends in (edges, snapshot))
    if not stored.size:
        return edges
    place = np.searchsorted(stored, pair).clip(max=stored.size - 1)
    return edges._replace(weight=np.where(chosen & (stored[place] == pair), snapshot.weight[place], edges.weight))
