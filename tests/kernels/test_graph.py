"""The kernel's graph: what it costs in memory."""

import numpy as np
import pytest

from ketasim.kernels.graph import Graph, bytes_per_synapse


def graph_of(n_nodes, n_edges):
    return Graph(
        row=np.zeros(n_nodes + 1, np.int64),
        target=np.zeros(n_edges, np.int32),
        weight=np.zeros(n_edges, np.float32),
        delay=np.zeros(n_edges, np.int16),
        node_class=np.zeros(n_nodes, np.int8),
        class_start=np.zeros(2, np.int64),
    )


def test_bytes_per_synapse_count_the_rows():
    """Catches a figure that leaves out an array: 10 bytes an edge and 8 a row, shared by the edges."""
    assert bytes_per_synapse(graph_of(9, 1000)) == pytest.approx(10.08)


def test_graph_without_synapses_has_a_size():
    """Catches a division by zero."""
    assert bytes_per_synapse(graph_of(1, 0)) == 16.0
