"""/structure: births and deaths of edges, and snapshots; with the graph at the start they give it at every time.

Only the edges of some class pairs change; nodes and all other edges do not. Nodes are numbered within their
population, as in SONATA. Weights drift between events, so they are stored in full in snapshots; delays never change.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import h5py
import numpy as np

from ketasim.storage import sonata
from ketasim.storage.content import WRITTEN_UNTIL
from ketasim.storage.datasets import compact, describe, native, read_values, store
from ketasim.storage.growing_table import GrowingTable, add_column

if TYPE_CHECKING:
    import xarray

    from ketasim.network.topology import Edges, Topology

#: Names of a source and a target population.
Pair = tuple[str, str]

BIRTH, DEATH = 0, 1

#: Events in a chunk, about half a day of 1,000 neurons at rest; an unfilled chunk waits in memory.
_CHUNK = 2**10

_COLUMNS = {
    "time": ("f8", "s", "end of the slow step, from time zero"),
    "kind": ("u1", "1", "0 birth, 1 death"),
    "source": ("i4", "1", "source node, within its population"),
    "target": ("i4", "1", "target node, within its population"),
    "weight": ("f4", "1", "weight at the event, relative to the mean of its class pair"),
    "delay": ("f8", "ms", "conduction and synaptic delay"),
    "pair": ("u1", "1", "populations of source and target, as an index into the attribute pairs of the group"),
}


class EdgeEvents(NamedTuple):
    """Births and deaths of edges, in the order in which they apply.

    Attributes
    ----------
    time : (B,) array
        End of the slow step, s from time zero.
    kind : (B,) array
        0 birth, 1 death.
    source, target : (B,) array
        Nodes, numbered within their population.
    weight : (B,) array
        Weight at the event, relative to the mean of its class pair; single precision, as in the network.
    delay : (B,) array
        Conduction and synaptic delay, ms.
    pair : (B,) array
        Populations of source and target, such as ``PYR__PYR``.
    """

    time: np.ndarray
    kind: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    pair: np.ndarray


def create_events(parent: h5py.Group, pairs: Iterable[Pair]) -> GrowingTable:
    """Create /structure/events, without rows, for the class pairs whose edges change."""
    group = parent.create_group("events", track_order=True)
    group.attrs["pairs"] = np.array([_name_of(pair) for pair in pairs], dtype=object)
    group.attrs[WRITTEN_UNTIL] = -np.inf
    for name, (dtype, units, long_name) in _COLUMNS.items():
        describe(add_column(group, name, dtype, (_CHUNK,)), units, long_name)
    return GrowingTable(group)


def append_events(
    table: GrowingTable, time: float, pairs: Sequence[Pair], events: Mapping[Pair, Sequence[Any]]
) -> None:
    """Add the events of one slow step.

    Parameters
    ----------
    table : GrowingTable
        As of `create_events`.
    time : float
        End of the step, s from time zero; later than that of the previous step.
    pairs : sequence of Pair
        Class pairs of the table, in the order of their numbers.
    events : mapping of Pair to sequence
        (B,) arrays kind, source, target, weight and delay. Pairs without events may be left out.

    Raises
    ------
    ValueError
        The time is not later, a column is not (B,), or a value is not valid.
    KeyError
        The table was not created for a pair.
    """
    table.check_later(time)
    blocks = [{name: np.empty(0) for name in _COLUMNS}]
    for pair, columns in events.items():
        if pair not in pairs:
            raise KeyError(f"{table.name}: created for {', '.join(map(_name_of, pairs))}, not {_name_of(pair)}")
        block = {name: np.asarray(column) for name, column in zip(list(_COLUMNS)[1:6], columns, strict=True)}
        _check(table.name, block)
        count = block["kind"].size
        blocks.append(block | {"time": np.full(count, time), "pair": np.full(count, pairs.index(pair))})
    table.append({name: np.concatenate([block[name] for block in blocks]) for name in _COLUMNS}, time)


def _check(place: str, block: Mapping[str, np.ndarray]) -> None:
    shape = block["kind"].shape
    for name, values in block.items():
        if values.shape != shape or len(shape) != 1:
            raise ValueError(f"{place}/{name}: shape {values.shape} differs from that of kind, {shape}")
        if name in ("kind", "source", "target") and values.size and values.dtype.kind not in "iu":
            raise ValueError(f"{place}/{name}: must hold integers, not {values.dtype}")
    if np.any((block["kind"] != BIRTH) & (block["kind"] != DEATH)):
        raise ValueError(f"{place}/kind: must be 0, a birth, or 1, a death")


def _name_of(pair: Pair) -> str:
    """Name of a class pair, such as ``PYR__PV``; a population's name has no two underscores in a row."""
    return "__".join(pair)


def _pair_of(name: str) -> Pair:
    source, _, target = name.partition("__")
    return source, target


def changing_pairs(file: h5py.File) -> tuple[Pair, ...]:
    """Return the class pairs whose edges change, in the order of their numbers; none for a fixed graph."""
    if "structure/events" not in file:
        return ()
    group = file["structure/events"]
    if "pairs" in group.attrs:
        return tuple(_pair_of(name) for name in group.attrs["pairs"])
    population = native(group["source"].attrs["node_population"])  # format 1.0: edges within one population
    return ((population, population),)


def read_events(file: h5py.File, pair: Pair | None = None) -> EdgeEvents:
    """Return the events of all steps that are complete in the file, or those of one class pair."""
    names = np.array([_name_of(one) for one in changing_pairs(file)], dtype=str)
    if not names.size:
        return EdgeEvents._make([*(np.empty(0, dtype) for dtype, _, _ in list(_COLUMNS.values())[:6]), names])
    group = file["structure/events"]
    time = group["time"][()]
    columns = [group[name] for name in _COLUMNS if name in group]
    rows = min(column.shape[0] for column in columns)
    whole = time <= group.attrs[WRITTEN_UNTIL]
    if rows < time.size:
        whole &= time < time[rows]
    count = int(np.count_nonzero(whole))
    number = group["pair"][:count] if "pair" in group else np.zeros(count, np.uint8)
    events = EdgeEvents._make([*(column[:count] for column in columns[:6]), names[number]])
    return events if pair is None else _chosen(events, events.pair == _name_of(pair))


def _chosen(events: EdgeEvents, rows: Any) -> EdgeEvents:
    return EdgeEvents(*(values[rows] for values in events))


def written_until(file: h5py.File) -> float:
    """Return the time in s up to which the graph is known; infinite for a fixed graph."""
    return float(file["structure/events"].attrs[WRITTEN_UNTIL]) if "structure/events" in file else np.inf


def _new_group(file: h5py.File, kind: str, name: str, time: float) -> h5py.Group:
    """Create /structure/<kind>_<name> with its time; ValueError if the name is not valid, or is taken."""
    parent = file.require_group("structure")
    if not re.fullmatch(r"[\w.+-]+", name) or f"{kind}_{name}" in parent:
        raise ValueError(f"/structure/{kind}_{name}: not a valid name, or it exists already")
    group = parent.create_group(f"{kind}_{name}", track_order=True)
    group.attrs["time"] = float(time)
    return group


def named_times(file: h5py.File, kind: str) -> dict[str, float]:
    """Return name -> time in s of the groups /structure/<kind>_<name>, by time."""
    structure = file.get("structure", {})
    times = {name: float(structure[name].attrs["time"]) for name in structure if name.startswith(f"{kind}_")}
    return {name.removeprefix(f"{kind}_"): times[name] for name in sorted(times, key=lambda name: (times[name], name))}


def write_snapshot(file: h5py.File, name: str, time: float, topology: "Topology", pairs: Iterable[Pair]) -> None:
    """Write the edges of class pairs as compressed sparse rows under /structure/snapshot_<name>/<source>__<target>."""
    from ketasim.network.within import edges_within

    parent = _new_group(file, "snapshot", name, time)
    for pair in pairs:
        edges = edges_within(topology, pair)
        counts = np.bincount(edges.source, minlength=topology.sizes[pair[0]])
        group = parent.create_group(_name_of(pair), track_order=True)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        meaning = "edges of source i are those from indptr[i] to before indptr[i + 1]"
        store(group, "indptr", compact(indptr), "1", meaning)
        store(group, "indices", compact(edges.target), "1", "target node, within its population")
        store(group, "weight", compact(edges.weight), "1", "weight relative to the mean of its class pair")
        store(group, "delay", compact(edges.delay), "ms", "conduction and synaptic delay")


def read_snapshot(file: h5py.File, name: str) -> dict[Pair, "Edges"]:
    """Return the edges of a snapshot by class pair, ordered by source and target."""
    from ketasim.network.topology import Edges

    parent = file[f"structure/snapshot_{name}"]
    if "indptr" in parent:  # format 1.0: edges within one population
        population = native(parent.attrs["node_population"])
        groups = {(population, population): parent}
    else:
        groups = {_pair_of(pair): group for pair, group in parent.items()}
    found = {}
    for pair, group in groups.items():
        indptr = group["indptr"][()].astype(np.int64)
        source = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
        found[pair] = Edges(source, group["indices"][()].astype(np.int64), group["weight"][()], group["delay"][()])
    return found


def read_topology(file: h5py.File, time: float) -> "Topology":
    """Return the graph at a time in s: that at the start, with the events up to and including the time.

    The weight of an edge of a changing pair is that of the latest snapshot up to the time, if the edge existed then and
    has survived since; otherwise that at its birth or, if it is older than the run, at the start.
    """
    from ketasim.network.within import edges_within, with_edges_within

    topology = sonata.read_topology(file)
    snapshots = {name: at for name, at in named_times(file, "snapshot").items() if at <= time}
    latest, at = list(snapshots.items())[-1] if snapshots else ("", -np.inf)
    stored = read_snapshot(file, latest) if snapshots else {}
    events = read_events(file)
    events = _chosen(events, slice(int(np.searchsorted(events.time, time, "right"))))
    for pair in dict.fromkeys([*changing_pairs(file), *stored]):
        of_pair = _chosen(events, events.pair == _name_of(pair))
        edges, since = _after(edges_within(topology, pair), topology.sizes[pair[1]], of_pair)
        if pair in stored:
            edges = _with_weights(edges, since <= at, stored[pair])
        topology = with_edges_within(topology, pair, edges)
    return topology


def _after(start: "Edges", n_targets: int, events: EdgeEvents) -> tuple["Edges", np.ndarray]:
    """Return edges after events, and the time of birth of each, -inf for those present at the start."""
    from ketasim.network.topology import Edges

    place = events.source.astype(np.int64) * n_targets + events.target
    touched, from_behind = np.unique(place[::-1], return_index=True)
    last = place.size - 1 - from_behind  # the last event of each place decides
    born = last[events.kind[last] == BIRTH]
    untouched = ~np.isin(start.source.astype(np.int64) * n_targets + start.target, touched)
    columns = ((column[untouched], values[born]) for column, values in zip(start, events[2:6], strict=True))
    since = np.concatenate([np.full(int(untouched.sum()), -np.inf), events.time[born]])
    return Edges(*(np.concatenate(both) for both in columns)), since


def _with_weights(edges: "Edges", chosen: np.ndarray, snapshot: "Edges") -> "Edges":
    """Return edges, with the snapshot's weights for those that are chosen and in it."""
    n_nodes = 1 + max((int(ends.max()) for ends in (*edges[:2], *snapshot[:2]) if ends.size), default=0)
    ours, stored = (ends[0].astype(np.int64) * n_nodes + ends[1] for ends in (edges, snapshot))
    if not stored.size:
        return edges
    place = np.searchsorted(stored, ours).clip(max=stored.size - 1)
    return edges._replace(weight=np.where(chosen & (stored[place] == ours), snapshot.weight[place], edges.weight))


def write_measures(
    file: h5py.File, name: str, time: float, population: str, measures: Mapping[str, tuple[Any, str, str]]
) -> None:
    """Write measures of the graph within a population under /structure/measures_<name>.

    Parameters
    ----------
    file : h5py.File
        Trajectory file.
    name : str
        Name of the set.
    time : float
        s from time zero.
    population : str
        Population within which the edges were measured.
    measures : mapping of str to (value, unit, meaning)
        A value is a number, or a (K,) array for degrees 0 ... K - 1, with the same K for all.

    Raises
    ------
    ValueError
        The name is taken, or the arrays differ in length.
    """
    lengths = {np.shape(value) for value, _, _ in measures.values()} - {()}
    if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
        raise ValueError(f"/structure/measures_{name}: arrays have the shapes {sorted(lengths)}; all must be (K,)")
    group = _new_group(file, "measures", name, time)
    group.attrs["population"] = population
    scale = None
    for (length,) in lengths:
        scale = store(group, "degree", compact(np.arange(length)), "1", "number of neighbours")
        scale.make_scale("degree")
    for key, (value, units, long_name) in measures.items():
        dataset = store(group, key, np.asarray(value), units, long_name)
        if np.ndim(value):
            dataset.dims[0].attach_scale(scale)


def read_measures(file: h5py.File) -> "xarray.Dataset":
    """Return all sets of measures by time: (time,) or (time, degree), with names and populations as coordinates.

    Beyond the highest degree of a set, counts are 0 and other values NaN; so are measures that a set lacks.
    """
    import xarray

    times = named_times(file, "measures")
    sets = [file[f"structure/measures_{name}"] for name in times]
    length = max((group["degree"].size for group in sets if "degree" in group), default=0)
    variables: dict[str, Any] = {}
    for key in dict.fromkeys(key for group in sets for key in group if key != "degree"):
        stored = [group.get(key) for group in sets]
        first = next(dataset for dataset in stored if dataset is not None)
        rows = [_row(dataset, first, length) for dataset in stored]
        attributes = {name: native(first.attrs[name]) for name in ("units", "long_name")}
        variables[key] = (("time", "degree") if first.ndim else ("time",), np.array(rows), attributes)
    of_old_files = next((source for source, _ in changing_pairs(file)), "")  # format 1.0
    populations = [native(group.attrs.get("population", of_old_files)) for group in sets]
    coordinates: dict[str, Any] = {
        "time": ("time", np.array(list(times.values())), {"units": "s"}),
        "name": ("time", np.array(list(times), dtype=str)),
        "population": ("time", np.array(populations, dtype=str)),
    }
    if length:
        coordinates["degree"] = np.arange(length)
    return xarray.Dataset(variables, coordinates)


def _row(dataset: Any, like: Any, length: int) -> np.ndarray:
    """Values of one set, padded to the longest; NaN for a set that lacks them."""
    if dataset is None:
        return np.full((length,) if like.ndim else (), np.nan)
    values = read_values(dataset)
    if not values.ndim:
        return values
    beyond = 0 if values.dtype.kind in "iu" else np.nan
    return np.pad(values, (0, length - values.size), constant_values=beyond)
