"""Births and deaths of synapses in the kernel's graph, at a cost that does not grow with the network.

Every row has room for more synapses behind it. A birth moves what follows it in its row by one place; a row that is
full moves to the free end of the arrays, with new room; when there is no free end left, all rows are laid out anew in
arrays with new room. A row of r synapses out of E costs O(r) for a change, and laying out anew costs O(E) after a
number of births that is a fixed share of E. What rows hold, and their order, depends on the edges alone, never on the
way there: the network gives the same numbers, to the bit, on a graph built fresh from the same edges.
"""

import math
from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import Graph, Synapses, first_at_least
from ketasim.kernels.jit import kernel

#: Room that every row gets beside its share, so that short rows have some.
_SPARE = 4

_DONE, _FULL, _MISSING, _SELF, _DOUBLE, _DELAY, _WEIGHT = range(7)


class ChangingGraph(NamedTuple):
    """A graph whose synapses can be born and die; made by `with_room`, changed in place by `change`.

    graph : what `run_window` reads.
    row_limit : (n_nodes,) int64, where the room of each row ends.
    delay_count : (longest_delay + 1,) int64, synapses of each delay.
    filled : (1,) int64, first place beyond the room of all rows.
    slack : room beside a row, and at the end of the arrays, as a share of what they hold.
    """

    graph: Graph
    row_limit: np.ndarray
    delay_count: np.ndarray
    filled: np.ndarray
    slack: float


class GraphError(ValueError):
    """A birth or death that the graph can't have; it is left with the edges that it had before."""


def with_room(graph: Graph, slack: float = 0.15, longest_delay: int = 0) -> ChangingGraph:
    """Copy a graph into arrays with room for births.

    slack : as in `ChangingGraph`; memory grows by about twice this share, and by 40 bytes a row.
    longest_delay : in fast steps, the longest that a birth may have; at least that of `graph`, which holds if 0. An
        `Activity` has to be made of the graph that this function returns: its ring of pending events is as long.

    Raises
    ------
    ValueError
        If the slack is not positive and finite, or the delay does not fit 16 bits.
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

    deaths : source and target of each. births : delay in fast steps, integer. A pair may die and be born in one call.
    What a synapse that dies has sent arrives nevertheless; one that is born carries spikes fired from now on.

    Returns the graph with the changes. It shares its arrays with the given one, or replaces them where these were full:
    use only what is returned.

    Raises
    ------
    GraphError
        Naming the pair, if a death is no synapse, or a birth is one already, goes from a node to itself or to none, or
        has a weight that is not positive and finite, or a delay outside 1 ... longest_delay.
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
    """Give synapses from a range of nodes onto another, each from first to before end, new weights.

    Not while a window runs. weight : (E,) float32, in order of source and target.

    Raises
    ------
    ValueError
        There are not as many synapses as weights.
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
        _DOUBLE: "this synapse exists already",
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
    with np.errstate(over="ignore"):  # too large a weight is refused by name below
        weight = np.array(weight, np.float32)
    if not source.shape == target.shape == weight.shape == delay.shape == (source.size,):
        raise ValueError("arrays of births, and of deaths, must have one length")
    return Synapses(source, target, weight, delay)


def _laid_out(graph: Graph, delay_count: np.ndarray, slack: float, births: np.ndarray | int) -> ChangingGraph:
    """Copy rows, in order of their sources, into arrays with new room and place for a number of births in each."""
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
    """Remove synapses and fill in weight and delay of ``deaths``; returns (how many are done, code of the fault)."""
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
    """Add synapses; returns (how many are done, code of the fault or of full arrays)."""
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
    """Move a row to the free end of the arrays, with new room; False if that is too small."""
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
