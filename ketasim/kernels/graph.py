"""The network as the kernel sees it: synapses in compressed rows, sorted by source."""

from typing import NamedTuple

import numpy as np

from ketasim.kernels.jit import kernel


class Graph(NamedTuple):
    """Synapses by presynaptic neuron, 10 bytes each beside the row pointers.

    Synapses of source i are ``row_start[i]:row_end[i]``, sorted by target. Rows lie anywhere in the edge arrays and
    may be followed by unused room.

    row_start, row_end : (n_nodes,) int64.
    target : (capacity,) int32, postsynaptic neuron.
    weight : (capacity,) float32, strength relative to the mean of its class pair.
    delay : (capacity,) int16, in fast steps, at least 1.
    node_class : (n_nodes,) int8, cell class of each node; nodes of one class are contiguous.
    class_start : (n_classes + 1,) int64, nodes of class c are ``class_start[c]:class_start[c + 1]``.
    shortest_delay, longest_delay : in fast steps, over all synapses; 1 and 1 without any.
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
    """Synapses as arrays (E,): node numbers, weight as in `Graph`, delay in fast steps."""

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


def synapses_of(graph: Graph) -> Synapses:
    """All synapses, by source and target, wherever their rows lie: int32, int32, float32, int16, copied."""
    size = graph.row_end - graph.row_start
    before = np.cumsum(size) - size
    place = np.arange(size.sum()) + np.repeat(graph.row_start - before, size)
    source = np.repeat(np.arange(size.size, dtype=np.int32), size)
    return Synapses(source, graph.target[place], graph.weight[place], graph.delay[place])


def received(graph: Graph, sent: np.ndarray, weighted: bool) -> np.ndarray:
    """Sum over each node's incoming synapses of what their sources send to its class: (n_nodes,) float64.

    sent : (n_nodes, n_classes) float64, by source and target class. weighted : times the weight of the synapse.
    """
    total = np.zeros(graph.node_class.shape[0])
    _add_received(graph, sent, weighted, total)
    return total


@kernel
def _add_received(graph, sent, weighted, total):
    for source in range(graph.row_start.shape[0]):
        for place in range(graph.row_start[source], graph.row_end[source]):
            node = graph.target[place]
            amount = sent[source, graph.node_class[node]]
            total[node] += amount * graph.weight[place] if weighted else amount


@kernel
def first_at_least(target, start, end, node):
    """First place from ``start`` to ``end`` of a row whose target is ``node`` or later.

    numpy's `searchsorted` would need a slice of the row, whose count of references all threads share.
    """
    while start < end:
        middle = (start + end) // 2
        if target[middle] < node:
            start = middle + 1
        else:
            end = middle
    return start


def bytes_per_synapse(graph: Graph) -> float:
    """Memory of the synapse arrays divided by the number of synapses (row pointers and room included), in bytes."""
    arrays = (graph.row_start, graph.row_end, graph.target, graph.weight, graph.delay)
    synapses = int((graph.row_end - graph.row_start).sum())
    return sum(array.nbytes for array in arrays) / max(1, synapses)
