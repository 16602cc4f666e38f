"""The graph and spikes in a file: what goes in comes out."""

from dataclasses import fields, replace
from io import BytesIO

import networkx
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.network.topology import Topology
from ketasim.network_files.exchange import to_networkx
from ketasim.storage import StorageError, TrajectoryWriter
from ketasim.storage.sonata import edge_index
from ketasim.trajectory import open_trajectory


def through_a_file(topology):
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.write_topology(topology)
        writer.finish()
    return open_trajectory(memory)


def assert_same(back, topology):
    for field in fields(Topology):
        ours, theirs = getattr(topology, field.name), getattr(back, field.name)
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype, field.name
            assert_array_equal(ours, theirs, err_msg=field.name)
        else:
            assert ours == theirs, field.name


@pytest.mark.parametrize(
    ("sizes", "probability"),
    [((12, 4, 3), 0.3), ((5,), 1.0), ((3, 2), 0.0), ((4, 0, 3), 0.5), ((40, 20, 10), 0.02)],
)
def test_topology_comes_back(example, sizes, probability):
    """Catches lost precision, another order of nodes or edges, trouble with no edges or an empty class."""
    topology = example.random_topology(sizes, probability)
    assert_same(through_a_file(topology).topology(), topology)


def test_graph_equals_the_one_that_was_run(example):
    """Catches a difference between the graph a user gets back and the one that was run, edge by edge."""
    topology = example.random_topology()
    graph = through_a_file(topology).graph(0)
    expected = to_networkx(topology)
    assert dict(graph.nodes(data=True)) == dict(expected.nodes(data=True))
    assert {(i, j): data for i, j, data in graph.edges(data=True)} == {
        (i, j): data for i, j, data in expected.edges(data=True)
    }
    assert networkx.utils.graphs_equal(graph, expected)


def test_factors_on_conductances_come_back(example):
    """Catches a graph of a trajectory that is a weaker circuit than the one that was run."""
    topology = replace(example.random_topology(), conductance_scale={("PYR", "PV"): 3.1, ("SST", "PYR"): 0.1 + 0.2})
    trajectory = through_a_file(topology)
    assert_same(trajectory.topology(), topology)
    assert trajectory.topology().sha256 == topology.sha256 != replace(topology, conductance_scale=None).sha256
    assert trajectory.graph().graph == {"conductance_scale_PYR__PV": 3.1, "conductance_scale_SST__PYR": 0.1 + 0.2}


def test_a_damaged_factor_is_refused(example):
    """Catches a file whose attribute was edited and that is read as a circuit without inhibition."""
    topology = replace(example.random_topology(), conductance_scale={("PYR", "PV"): -3.1})
    with pytest.raises(StorageError, match=r"/edges/PYR__PV: its attribute conductance_scale, -3\.1, must be from 0"):
        through_a_file(topology).topology()


@pytest.mark.parametrize(
    "labels",
    [
        [7, -3, 2**40, 0],
        ["a", "b/c", "", "7"],
        [1, "1", 2.5, ("L2/3", 4)],
        [True, False, None, 0.1],
        [2**70, 1, 2, 3],
        ["with\0nul", "é", "\n", "'"],
        [np.int64(4), np.int64(5), np.int64(6), np.int64(7)],
    ],
)
def test_labels_come_back_as_they_were(example, labels):
    """Catches integers that return as text, and any label that changes or loses its type."""
    topology = example.random_topology((3, 1), 0.5, labels=tuple(labels))
    back = through_a_file(topology).topology().labels
    assert back == tuple(labels)
    plain = [type(label.item()) if isinstance(label, np.generic) else type(label) for label in labels]
    assert [type(label) for label in back] == plain


def test_labels_of_each_population_have_their_own_type(example):
    """Catches one encoding being read for all populations, and a population without nodes."""
    labels = ("a", "b", 1, 2)
    topology = example.random_topology((2, 0, 2), 0.5, labels=labels)
    assert through_a_file(topology).topology().labels == labels


class Neuron:
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


def test_objects_as_labels_keep_their_text(example):
    """Catches a failing run because nodes are objects of the user's own class."""
    topology = example.random_topology((2,), 1.0, labels=(Neuron("first"), Neuron("second")))
    assert set(through_a_file(topology).graph().nodes) == {"first", "second"}


def test_labels_that_would_merge_are_refused(example):
    """Catches two nodes that silently become one because their names are written alike."""
    topology = example.random_topology((2,), 1.0, labels=(Neuron("same"), Neuron("same")))
    with pytest.raises(StorageError, match="names with the same text"):
        through_a_file(topology)


def test_labels_merge_across_populations_are_refused(example):
    """Catches the same between two populations, which are written one after the other."""
    topology = example.random_topology((1, 1), 1.0, labels=(Neuron("same"), Neuron("same")))
    with pytest.raises(StorageError, match="names with the same text"):
        through_a_file(topology)


def test_edge_index_equals_full_search():
    """Catches runs of edges that are joined across nodes or cut short."""
    random = np.random.default_rng(3)
    for n_edges in (1, 5, 60):
        ends = random.integers(0, 7, n_edges).astype("u8")
        to_ranges, to_edges = edge_index(ends, 9)
        for node in range(9):
            ranges = to_edges[slice(*to_ranges[node].astype(int))].astype(int)
            found = [edge for start, stop in ranges for edge in range(start, stop)]
            assert found == np.flatnonzero(ends == node).tolist()


def test_spikes_are_sorted_and_never_go_back():
    """Catches spikes in the kernel's order under the mark by_time, and windows written out of order."""
    memory = BytesIO()
    with TrajectoryWriter(memory) as writer:
        writer.append_spikes("PYR", np.array([2.0, 1.0, 1.0]), np.array([0, 5, 3]))
        writer.append_spikes("PYR", np.array([2.0]), np.array([9]))
        with pytest.raises(ValueError, match="follows"):
            writer.append_spikes("PYR", np.array([1.5]), np.array([1]))
        with pytest.raises(ValueError, match="node ids"):
            writer.append_spikes("PYR", np.array([3.0]), np.array([1, 2]))
        writer.finish()
    times, node_ids = open_trajectory(memory).spikes("PYR")
    assert times.tolist() == [1.0, 1.0, 2.0, 2.0]
    assert node_ids.tolist() == [3, 5, 0, 9]
