"""The network as the kernel sees it: synapses in compressed rows, sorted by source."""

from typing import NamedTuple

import numpy as np


class Graph(NamedTuple):
    """Synapses by presynaptic neuron, 10 bytes each beside the row pointers.

    row : (n_nodes + 1,) int64, synapses of source i are ``row[i]:row[i + 1]``.
    target : (n_edges,) int32, postsynaptic neuron.
    weight : (n_edges,) float32, strength relative to the mean of its class pair.
    delay : (n_edges,) int16, in fast steps, at least 1.
    node_class : (n_nodes,) int8, cell class of each node; nodes of one class are contiguous.
    class_start : (n_classes + 1,) int64, nodes of class c are ``class_start[c]:class_start[c + 1]``.
    """

    row: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    node_class: np.ndarray
    class_start: np.ndarray


def bytes_per_synapse(graph: Graph) -> float:
    """Memory of the synapse arrays divided by their number (row pointers included), in bytes."""
    arrays = (graph.row, graph.target, graph.weight, graph.delay)
    return sum(array.nbytes for array in arrays) / max(1, graph.target.shape[0])
