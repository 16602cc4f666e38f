"""Births and deaths of synapses in the kernel's graph, at a cost that does not grow with the network.

Every row is followed by spare room. A birth shifts the rest of its row by one place; a full row moves to the free end
of the arrays, with new room; when the free end is used up, all rows are copied into arrays with new room. A change in a
row of r synapses out of E costs O(r), and copying costs O(E) after a number of births that is a fixed fraction of E.
The content and order of rows depend only on the edges, not on their history: the network gives the same numbers, to the
bit, on a graph built from scratch from the same edges.
"""

import math
from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import Graph, Synapses, first_at_least
from ketasim.kernels.jit import kernel

#: Room that every row gets in addition to its share, so that short rows have some.
_SPARE = 4

_DONE, _FULL, _MISSING, _SELF, _DOUBLE, _DELAY, _WEIGHT = range(7)


class ChangingGraph(NamedTuple):
    """A graph whose synapses can be born and die; made by `with_room`, changed in place by `change`.

    Attributes
    ----------
    graph : Graph
        What `run_window` reads.
    row_limit : (n_nodes,) array of int64
        End of each row's room.
    delay_count : (longest_delay + 1,) array of int64
        Number of synapses of each delay.
    filled : (1,) array of int64
        First place beyond the room of all rows.
    slack : float
        Spare room of a row, and at the end of the arrays, as a fraction of their content.
    """

    graph: Graph
    row_limit: np.ndarray
    delay_count: np.ndarray
    filled: np.ndarray
    slack: float


class GraphError(ValueError):
    """An impossible birth or death; the graph keeps the edges it had before."""


def with_room(graph: Graph, slack: float = 0.15, longest_delay: int = 0) -> ChangingGraph:
    """Copy a graph into arrays with room for births.

    Parameters
    ----------
    graph : Graph
        The synapses.
    slack : float
        As in `ChangingGraph`; memory grows by about twice this fraction, and by 40 bytes per row.
    longest_delay : int
        Longest delay that a birth may have, fast steps; at least that of `graph`. An `Activity` must be made from the
        graph that this function returns, because its ring of pending events has this length.

    Raises
    ------
    ValueError
        The slack is not positive and finite, or the delay does not fit in 16 bits.
    """
    if not 0.0 < slack < math.inf:
        raise ValueError(f"slack = {slack:g} must be positive and finite")
    longest = max(graph.longest_delay, longest_delay)
    if longest > np.iinfo(np.int16).max:
        raise ValueError(f"a longest delay of {longest} fast steps must be at most {np.iinfo(np.int16).max}")
    delay_count = np.zeros(longest + 1, np.int64)
    _count_delays(graph, delay_count)
    return _laid_out(_bounded(graph, delay_count), delay_count, slack, 0)


def change(changing: ChangingGraph, deaths: tuple[np.ndarray, np.ndarray], births: Synapses) -> ChangingGraph:
    """Remove and then add synapses; not while a window runs.

    A pair may die and be born in one call. Events already sent by a dying synapse still arrive; a new one transmits
    spikes fired from now on.

    Parameters
    ----------
    changing : ChangingGraph
        The graph to change.
    deaths : (array, array)
        Source and target of each synapse to remove.
    births : Synapses
        Synapses to add, with integer delays in fast steps.

    Returns
    -------
    ChangingGraph
        The changed graph. It shares the arrays of the given one, or replaces those that were full: use only this one.

    Raises
    ------
    GraphError
        Naming the pair: a death of a synapse that does not exist; or a birth of one that does, from a node to itself or
        an unknown node, with a weight that is not positive and finite, or with a delay outside 1 ... longest_delay.
    """
    dying = _columns(*deaths, np.zeros(len(deaths[0])), np.zeros(len(deaths[0]), np.int64))
    born = _columns(*births)
    _check_nodes("death", dying, changing.row_limit.size)
    _check_nodes("birth", born, changing.row_limit.size)
    done, code = _remove(changing, dying)
    if code != _DONE:
        _add(changing, _first(done, dying))  # rows keep the room that they had
        raise _error(changing, ("death", dying), done, code)
    done, code = _add(changing, born)
    if code != _DONE:
        _remove(changing, _first(done, born))
        _add(changing, dying)
    if code == _FULL:
        more = np.bincount(born.source, minlength=changing.row_limit.size)
        return change(_laid_out(changing.graph, changing.delay_count, changing.slack, more), deaths, births)
    if code != _DONE:
        raise _error(changing, ("birth", born), done, code)
    return changing._replace(graph=_bounded(changing.graph, changing.delay_count))


def set_weights(graph: Graph, sources: tuple[int, int], targets: tuple[int, int], weight: np.ndarray) -> None:
    """Set the weights of all synapses from one range of nodes onto another; not while a window runs.

    Parameters
    ----------
    graph : Graph
        Changed in place.
    sources, targets : (int, int)
        First node and end of each range.
    weight : (E,) array of float32
        Sorted by source and target.

    Raises
    ------
    ValueError
        The numbers of synapses and weights differ.
    """
    if _set_weights(graph, *sources, *targets, weight) != weight.size:
        raise ValueError(f"{weight.size} weights for another number of synapses from nodes {sources} onto {targets}")


@kernel
def _set_weights(graph, first_source, end_source, first, end, weight):
    done = 0
    for source in range(first_source, end_source):
        place = first_at_least(graph.target, graph.row_start[source], graph.row_end[source], first)
        while place < graph.row_end[source] and graph.target[place] < end:
            if done < weight.shape[0]:
                graph.weight[place] = weight[done]
            done += 1
            place += 1
    return done


def _first(count: int, synapses: Synapses) -> Synapses:
    return Synapses(*(column[:count] for column in synapses))


def _error(changing: ChangingGraph, what: tuple[str, Synapses], index: int, code: int) -> GraphError:
    event, synapses = what
    longest = changing.graph.longest_delay
    reason = {
        _MISSING: "there is no such synapse",
        _SELF: "a node cannot connect to itself",
        _DOUBLE: "this synapse already exists",
        _DELAY: f"a delay of {synapses.delay[index]} fast steps must be within 1 ... {longest}; "
        "`with_room(graph, longest_delay=...)` makes room for longer ones before the network's state is made",
        _WEIGHT: f"a weight of {synapses.weight[index]:g} must be positive and finite",
    }[code]
    return GraphError(f"{event} of {synapses.source[index]} -> {synapses.target[index]}: {reason}")


def _check_nodes(event: str, synapses: Synapses, n_nodes: int) -> None:
    outside = np.zeros(synapses.source.size, bool)
    for node in synapses[:2]:
        outside |= (node < 0) | (node >= n_nodes)
    if outside.any():
        first = int(np.argmax(outside))
        pair = f"{synapses.source[first]} -> {synapses.target[first]}"
        raise GraphError(f"{event} of {pair}: nodes are numbered 0 ... {n_nodes - 1}")


def _columns(source: np.ndarray, target: np.ndarray, weight: np.ndarray, delay: np.ndarray) -> Synapses:
    for name, column in (("source", source), ("target", target), ("delay", delay)):
        if np.asarray(column).dtype.kind not in "iu":
            raise ValueError(f"`{name}` must hold integers, not {np.asarray(column).dtype}")
    whole = (np.array(column, np.int64) for column in (source, target, delay))
    source, target, delay = whole
    with np.errstate(over="ignore"):  # a weight too large is rejected later, with its pair
        weight = np.array(weight, np.float32)
    if not source.shape == target.shape == weight.shape == delay.shape == (source.size,):
        raise ValueError("arrays of births, and of deaths, must have equal lengths")
    return Synapses(source, target, weight, delay)


def _laid_out(graph: Graph, delay_count: np.ndarray, slack: float, births: np.ndarray | int) -> ChangingGraph:
    """Copy rows, in order of their sources, into arrays with new room and with places for `births` in each row."""
    size = graph.row_end - graph.row_start
    room = size + births + np.ceil(slack * size).astype(np.int64) + _SPARE
    row_limit = np.cumsum(room)
    row_start = row_limit - room
    filled = int(row_limit[-1])
    capacity = filled + math.ceil(slack * filled)
    laid_out = graph._replace(
        row_start=row_start,
        row_end=row_start + size,
        target=np.zeros(capacity, np.int32),
        weight=np.zeros(capacity, np.float32),
        delay=np.zeros(capacity, np.int16),
    )
    _copy_rows(graph, laid_out)
    return ChangingGraph(laid_out, row_limit, delay_count, np.array([filled]), slack)


def _bounded(graph: Graph, delay_count: np.ndarray) -> Graph:
    present = np.flatnonzero(delay_count)
    shortest = int(present[0]) if present.size else 1
    return graph._replace(shortest_delay=shortest, longest_delay=delay_count.size - 1)


@kernel
def _remove(changing, deaths):
    """Remove synapses and fill in weight and delay of ``deaths``; return (number done, fault code)."""
    graph = changing.graph
    for index in range(deaths.source.shape[0]):
        source, node = deaths.source[index], deaths.target[index]
        place, end = (
            first_at_least(graph.target, graph.row_start[source], graph.row_end[source], node),
            graph.row_end[source],
        )
        if place == end or graph.target[place] != node:
            return index, _MISSING
        deaths.weight[index], deaths.delay[index] = graph.weight[place], graph.delay[place]
        changing.delay_count[graph.delay[place]] -= 1
        _close(graph.target, place, end)
        _close(graph.weight, place, end)
        _close(graph.delay, place, end)
        graph.row_end[source] = end - 1
    return deaths.source.shape[0], _DONE


@kernel
def _add(changing, births):
    """Add synapses; return (number done, code of the fault or of full arrays)."""
    graph = changing.graph
    for index in range(births.source.shape[0]):
        source, node = births.source[index], births.target[index]
        weight, delay = births.weight[index], births.delay[index]
        if source == node:
            return index, _SELF
        if not (weight > 0.0 and weight < np.inf):
            return index, _WEIGHT
        if delay < 1 or delay > graph.longest_delay:
            return index, _DELAY
        place = first_at_least(graph.target, graph.row_start[source], graph.row_end[source], node)
        if place < graph.row_end[source] and graph.target[place] == node:
            return index, _DOUBLE
        if graph.row_end[source] == changing.row_limit[source]:
            offset = place - graph.row_start[source]
            if not _move_row(changing, source):
                return index, _FULL
            place = graph.row_start[source] + offset
        end = graph.row_end[source]
        _open(graph.target, place, end)
        _open(graph.weight, place, end)
        _open(graph.delay, place, end)
        graph.target[place], graph.weight[place], graph.delay[place] = node, weight, delay
        graph.row_end[source] = end + 1
        changing.delay_count[delay] += 1
    return births.source.shape[0], _DONE


@kernel
def _open(column, place, end):
    for i in range(end, place, -1):
        column[i] = column[i - 1]


@kernel
def _close(column, place, end):
    for i in range(place, end - 1):
        column[i] = column[i + 1]


@kernel
def _move_row(changing, source):
    """Move a row to the free end of the arrays, with new room; return False if that is too small."""
    graph = changing.graph
    start, end = graph.row_start[source], graph.row_end[source]
    size = end - start
    to = changing.filled[0]
    limit = to + size + math.ceil(changing.slack * size) + _SPARE
    if limit > graph.target.shape[0]:
        return False
    graph.target[to : to + size] = graph.target[start:end]
    graph.weight[to : to + size] = graph.weight[start:end]
    graph.delay[to : to + size] = graph.delay[start:end]
    graph.row_start[source], graph.row_end[source] = to, to + size
    changing.row_limit[source] = limit
    changing.filled[0] = limit
    return True


@kernel
def _copy_rows(graph, laid_out):
    for source in range(graph.row_start.shape[0]):
        start, end = graph.row_start[source], graph.row_end[source]
        to, to_end = laid_out.row_start[source], laid_out.row_end[source]
        laid_out.target[to:to_end] = graph.target[start:end]
        laid_out.weight[to:to_end] = graph.weight[start:end]
        laid_out.delay[to:to_end] = graph.delay[start:end]


@kernel
def _count_delays(graph, delay_count):
    for source in range(graph.row_start.shape[0]):
        for place in range(graph.row_start[source], graph.row_end[source]):
            delay_count[graph.delay[place]] += 1
