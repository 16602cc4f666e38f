"""The network as the kernel sees it: synapses in compressed rows, sorted by source."""

from typing import NamedTuple

import numpy as np

from ketasim.kernels.jit import kernel


class Graph(NamedTuple):
    """Synapses by presynaptic neuron, 10 bytes each plus row pointers.

    Synapses of source i are ``row_start[i]:row_end[i]``, sorted by target. Rows lie anywhere in the edge arrays and
    may be followed by unused room.

    Attributes
    ----------
    row_start, row_end : (n_nodes,) array of int64
        Limits of each row.
    target : (capacity,) array of int32
        Postsynaptic neuron.
    weight : (capacity,) array of float32
        Strength relative to the mean of its class pair.
    delay : (capacity,) array of int16
        Fast steps, at least 1.
    node_class : (n_nodes,) array of int8
        Cell class of each node; nodes of one class are contiguous.
    class_start : (n_classes + 1,) array of int64
        Nodes of class c are ``class_start[c]:class_start[c + 1]``.
    shortest_delay, longest_delay : int
        Fast steps, over all synapses; both 1 if there are none.
    """

    row_start: np.ndarray
    row_end: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    node_class: np.ndarray
    class_start: np.ndarray
    shortest_delay: int
    longest_delay: int


class Synapses(NamedTuple):
    """Synapses as (E,) arrays: node numbers, weight as in `Graph`, delay in fast steps."""

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


def synapses_of(graph: Graph) -> Synapses:
    """Copy all synapses, sorted by source and target: int32, int32, float32, int16."""
    size = graph.row_end - graph.row_start
    before = np.cumsum(size) - size
    place = np.arange(size.sum()) + np.repeat(graph.row_start - before, size)
    source = np.repeat(np.arange(size.size, dtype=np.int32), size)
    return Synapses(source, graph.target[place], graph.weight[place], graph.delay[place])


def received(graph: Graph, sent: np.ndarray, weighted: bool) -> np.ndarray:
    """Sum over each node's incoming synapses what their sources send to its class: (n_nodes,) float64.

    Parameters
    ----------
    graph : Graph
        The synapses.
    sent : (n_nodes, n_classes) array of float64
        By source and target class.
    weighted : bool
        Multiply by the weight of the synapse.
    """
    return received_side_by_side(graph, sent[None], np.array([weighted]))[0]


def received_side_by_side(graph: Graph, sent: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """Do as `received` does for several quantities in one pass over the synapses: (k, n_nodes) float64.

    Parameters
    ----------
    graph : Graph
        The synapses.
    sent : (k, n_nodes, n_classes) array of float64
        By quantity, source and target class.
    weighted : (k,) array of bool
        Which are multiplied by the weight of the synapse.
    """
    total = np.zeros((graph.node_class.shape[0], len(sent)))
    _add_received(graph, np.ascontiguousarray(sent.transpose(1, 2, 0)), weighted, total)
    return np.ascontiguousarray(total.T)


@kernel
def _add_received(graph, sent, weighted, total):
    row_start, row_end, target, weight, _, node_class, _, _, _ = graph
    for source in range(row_start.shape[0]):
        if not sent[source].any():  # inhibitory, or silent
            continue
        for place in range(row_start[source], row_end[source]):
            node = target[place]
            c = node_class[node]
            for q in range(sent.shape[2]):
                amount = sent[source, c, q]
                total[node, q] += amount * weight[place] if weighted[q] else amount


@kernel
def first_at_least(target, start, end, node):
    """Return the first place from ``start`` to ``end`` of a row whose target is ``node`` or later.

    numpy's `searchsorted` would need a slice of the row, whose reference count is shared by all threads.
    """
    while start < end:
        middle = (start + end) // 2
        if target[middle] < node:
            start = middle + 1
        else:
            end = middle
    return start


def bytes_per_synapse(graph: Graph) -> float:
    """Return the memory of the synapse arrays (row pointers and spare room included) per synapse, in bytes."""
    arrays = (graph.row_start, graph.row_end, graph.target, graph.weight, graph.delay)
    synapses = int((graph.row_end - graph.row_start).sum())
    return sum(array.nbytes for array in arrays) / max(1, synapses)
