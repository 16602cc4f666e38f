"""The kernel's graph: what it costs in memory, and its synapses as a list."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.kernels.graph import Graph, bytes_per_synapse, received, received_side_by_side, synapses_of


def graph_of(row_start, row_end, n_places):
    return Graph(
        row_start=np.array(row_start, np.int64),
        row_end=np.array(row_end, np.int64),
        target=np.arange(n_places, dtype=np.int32),
        weight=np.arange(n_places, dtype=np.float32) + 0.5,
        delay=np.arange(n_places, dtype=np.int16) + 1,
        node_class=np.zeros(len(row_start), np.int8),
        class_start=np.array([0, len(row_start)]),
        shortest_delay=1,
        longest_delay=n_places,
    )


def test_bytes_per_synapse_count_rows_and_room():
    """Catches a figure that leaves out an array: 10 bytes a place and 16 a row, shared by the synapses."""
    full = graph_of(range(0, 1000, 100), range(100, 1001, 100), 1000)
    assert bytes_per_synapse(full) == pytest.approx(10.16)
    half = graph_of(range(0, 1000, 100), range(50, 1000, 100), 1000)
    assert bytes_per_synapse(half) == pytest.approx(20.32)


def test_graph_without_synapses_has_a_size():
    """Catches a division by zero."""
    assert bytes_per_synapse(graph_of([0], [0], 0)) == 16.0


def test_synapses_are_listed_by_source_wherever_their_rows_lie():
    """Catches a list in the order of places, room taken for synapses, and an empty row that shifts the next."""
    source, target, weight, delay = synapses_of(graph_of([6, 3, 3, 0], [8, 3, 5, 1], 9))
    assert_array_equal(source, [0, 0, 2, 2, 3])
    assert_array_equal(target, [6, 7, 3, 4, 0])
    assert_array_equal(weight, target + 0.5)
    assert_array_equal(delay, target + 1)
    assert (source.dtype, target.dtype, weight.dtype, delay.dtype) == (np.int32, np.int32, np.float32, np.int16)


@pytest.mark.parametrize("weighted", [False, True])
def test_received_is_a_sum_over_synapses(weighted):
    """Catches a sum by source, over unused room, or by the wrong class: synapse by synapse against a plain loop."""
    rng = np.random.default_rng(4)
    graph = graph_of([5, 0, 12], [9, 4, 12], 15)._replace(
        target=rng.integers(0, 3, 15).astype(np.int32),
        node_class=np.array([0, 0, 1], np.int8),
        class_start=np.array([0, 2, 3]),
    )
    sent = rng.random((3, 2))
    expected = np.zeros(3)
    for source in range(3):
        for place in range(graph.row_start[source], graph.row_end[source]):
            node = graph.target[place]
            expected[node] += sent[source, graph.node_class[node]] * (graph.weight[place] if weighted else 1.0)
    assert_array_equal(received(graph, sent, weighted), expected)
    both = received_side_by_side(graph, np.stack([sent[::-1], sent]), np.array([not weighted, weighted]))
    assert_array_equal(both, [received(graph, sent[::-1], not weighted), expected])
