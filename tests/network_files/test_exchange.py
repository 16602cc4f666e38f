from time import perf_counter

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.documents.problems import DocumentError
from ketasim.network_files.exchange import from_networkx, to_networkx

KNOWN = ("PYR", "PV", "SST")


def assert_same_graph(one, other):
    assert set(one.nodes) == set(other.nodes)
    for node, data in one.nodes(data=True):
        assert {key: other.nodes[node][key] for key in ("population", "x", "y")} == {
            key: data[key] for key in ("population", "x", "y")
        }
    assert {(u, v): (d["weight"], d["delay"]) for u, v, d in one.edges(data=True)} == {
        (u, v): (d["weight"], d["delay"]) for u, v, d in other.edges(data=True)
    }


@pytest.fixture
def refused(refusal):
    return lambda graph: refusal(graph, from_networkx)


@st.composite
def digraphs(draw):
    size = draw(st.integers(1, 12))
    labels = draw(st.lists(st.integers(-5, 40) | st.text(max_size=3), min_size=size, max_size=size, unique=True))
    finite = st.floats(-1e4, 1e4)
    graph = networkx.DiGraph()
    for label in labels:
        graph.add_node(label, population=draw(st.sampled_from(KNOWN)), x=draw(finite), y=draw(finite))
    pairs = st.tuples(st.sampled_from(labels), st.sampled_from(labels)).filter(lambda pair: pair[0] != pair[1])
    for source, target in draw(st.lists(pairs, max_size=30, unique=True)) if size > 1 else []:
        weight = draw(st.floats(1e-9, 1e9))
        graph.add_edge(source, target, weight=weight, delay=draw(st.floats(0.1, 1000)))
    return graph


@settings(max_examples=60, deadline=None)
@given(digraphs())
def test_round_trip_is_exact(graph):
    """Would catch any lost, moved or rounded node or edge, for any labels."""
    topology, notes = from_networkx(graph, KNOWN)
    assert notes == ()
    again = to_networkx(topology)
    assert_same_graph(graph, again)
    assert list(again) == list(from_networkx(again, KNOWN)[0].labels or range(topology.n_nodes))
    starts = np.searchsorted(topology.population, np.arange(len(topology.population_names)))
    assert [data["node_id"] for _, data in again.nodes(data=True)] == (
        np.arange(topology.n_nodes) - starts[topology.population]
    ).tolist()


def test_defaults_are_used_and_noted():
    """Would catch a default that changes or is used without a word."""
    graph = networkx.DiGraph([(0, 1), (1, 2)])
    graph.edges[0, 1].update(weight=3.0, colour="red")
    networkx.set_node_attributes(graph, "PYR", "population")
    topology, notes = from_networkx(graph, KNOWN)
    assert_array_equal(topology.weight, [3, 1])
    assert_array_equal(topology.delay, [1, 1])
    assert_array_equal(topology.position, [[0, 0], [20, 0], [0, 20]])
    assert notes == (
        "position: 3 nodes without one laid out on a square grid, 20 um apart",
        "weight: 1 for 1 of 2 edges without one",
        "delay: 1 ms for 2 of 2 edges without one",
        "edge attributes not used: colour",
    )


def test_pos_is_a_position(refused):
    """Would catch `pos`, the form networkx's generators write, being ignored."""
    graph = networkx.DiGraph()
    graph.add_node(0, population="PYR", pos=np.array([3.0, 4.0]))
    assert_array_equal(from_networkx(graph, KNOWN)[0].position, [[3, 4]])
    graph.nodes[0]["pos"] = (1, 2, 3)
    assert "graph.nodes[0]['pos']: (1, 2, 3) is not a pair (x, y) in um" in refused(graph)


def test_multigraph_without_parallel_edges_is_accepted(small_graph, assert_same_topology):
    """Would catch refusing a graph for its class alone."""
    graph = networkx.MultiDiGraph(small_graph)
    assert_same_topology(from_networkx(graph, KNOWN)[0], from_networkx(small_graph, KNOWN)[0])


def test_other_graphs_are_refused_with_a_remedy(small_graph, refused):
    """Would catch undirected and multiple edges being read as something they are not."""
    assert "use graph.to_directed()" in refused(networkx.Graph(small_graph))
    parallel = networkx.MultiDiGraph(small_graph)
    parallel.add_edge("a", "b")
    message = refused(parallel)
    assert "1 pairs of nodes have parallel edges (e.g. 'a' -> 'b')" in message
    assert "networkx.DiGraph(graph)" in message
    with pytest.raises(TypeError, match=r"must be a networkx\.DiGraph, not dict"):
        from_networkx({}, KNOWN)
    assert "the network has no nodes" in refused(networkx.DiGraph())


def test_missing_population_says_how_to_set_it(refused):
    """Would catch a message that leaves the user of a bare graph without a next step."""
    message = refused(networkx.gnp_random_graph(20, 0.2, seed=1, directed=True))
    assert "20 of 20 nodes have no population" in message
    assert "graph.nodes[0]['population']" in message and "(first: 0, 1, 2)" in message
    assert "PYR, PV, SST" in message and "networkx.set_node_attributes(graph" in message


def test_unknown_population_names_the_nearest(small_graph, refused):
    """Would catch a misspelt population running as another, or a message without its value."""
    graph = small_graph
    graph.nodes["a"]["population"] = graph.nodes["c"]["population"] = "PYRR"
    graph.nodes["b"]["population"] = 7
    message = refused(graph)
    assert "graph.nodes['a']['population']: unknown population 'PYRR' (2 nodes)" in message
    assert "allowed: PYR, PV, SST; did you mean PYR?" in message
    assert "unknown population 7 (1 nodes); allowed: PYR, PV, SST" in message


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"weight": -1.0}, "['weight']: -1 must be positive"),
        ({"weight": float("nan")}, "['weight']: nan must be a finite number"),
        ({"weight": "0.5"}, "['weight']: '0.5' is not a number"),
        ({"weight": True}, "['weight']: True is not a number"),
        ({"delay": float("inf")}, "['delay']: inf must be a finite number of ms"),
        ({"delay": 0.05}, "['delay']: 0.05 must be at least 0.1 ms, the fast step"),
        ({"delay": -1}, "['delay']: -1 must be at least 0.1 ms"),
    ],
)
def test_wrong_edge_is_named(attributes, message, small_graph, refused):
    """Would catch an error that does not say which edge and value."""
    graph = small_graph
    graph.edges["c", "a"].update(attributes)
    assert "graph.edges['c', 'a']" + message in refused(graph)


def test_what_is_no_synapse_is_left_out_and_counted(small_graph, assert_same_topology):
    """Would catch autapses, which the kernel's graph does not have, and weights of 0 that are refused or run."""
    wanted, _ = from_networkx(small_graph, KNOWN)
    small_graph.add_edge("a", "a", weight=1.0, delay=1.0)
    small_graph.add_edge("a", "c", weight=0, delay=1.0)
    small_graph.add_edge("b", "a", weight=-0.0, delay=1.0)
    found, notes = from_networkx(small_graph, KNOWN)
    assert_same_topology(found, wanted)
    assert notes == (
        "1 self-edges left out: the network has no synapse of a neuron onto itself",
        "2 edges of weight 0 left out: they are no synapses",
    )


def test_signs_agree_with_populations_or_are_refused(small_graph, assert_same_topology, refused):
    """Would catch signed weights that are refused altogether, and a sign that contradicts the class of the source."""
    wanted, _ = from_networkx(small_graph, KNOWN)
    small_graph.edges["b", "c"]["weight"] *= -1.0
    found, notes = from_networkx(small_graph, KNOWN)
    assert_same_topology(found, wanted)
    assert notes[0] == "weight: 1 negative ones of inhibitory neurons, taken by their size"
    small_graph.add_edge("b", "a", weight=2.0, delay=1.0)
    assert "['b', 'a']['weight']: 2 must be negative, as other weights of inhibitory neurons here: PV inhibits" in (
        refused(small_graph)
    )
    small_graph.edges["b", "a"]["weight"] = -2.0
    small_graph.edges["a", "b"]["weight"] = -1.0
    assert "-1 must be positive: the sign of a synapse comes from its source's population, and PYR excites" in (
        refused(small_graph)
    )


def test_a_missing_weight_among_signed_ones_is_called_missing(small_graph, refused):
    """Catches a default that is reported as a value of the file, where nobody finds it."""
    small_graph.edges["b", "c"]["weight"] *= -1.0
    small_graph.add_edge("b", "a", delay=1.0)
    text = refused(small_graph)
    assert "['b', 'a']['weight']: the weight is missing; it must be negative, as other weights of inhibitory" in text
    assert "1 must be" not in text


@pytest.mark.parametrize("axis", ["x", "y"])
def test_one_coordinate_alone_is_said_to_be_unused(small_graph, axis):
    """Catches positions that are made up although the file seems to have some, without a word."""
    for node in small_graph:
        del small_graph.nodes[node][axis]
    _, notes = from_networkx(small_graph, KNOWN)
    assert notes[0] == f"position: {'y' if axis == 'x' else 'x'} not used, as no node has both x and y"
    assert notes[1].startswith("position: 3 nodes without one laid out")


def test_positions_on_some_nodes_only_are_refused(small_graph, refused):
    """Would catch a mixture of real and laid-out positions."""
    graph = small_graph
    del graph.nodes["c"]["x"]
    message = refused(graph)
    assert "graph.nodes['c']" in message and "1 of 3 nodes have no position" in message
    graph.nodes["c"]["x"] = "5"
    assert refused(graph) == "graph.nodes['c']['x']: '5' is not a number"
    graph.nodes["c"]["x"] = float("inf")
    assert "position must be finite" in refused(graph)


def test_all_problems_come_at_once_and_are_counted():
    """Would catch stopping at the first problem, and a flood of equal ones."""
    graph = networkx.complete_graph(12, networkx.DiGraph)
    networkx.set_node_attributes(graph, "PYR", "population")
    networkx.set_edge_attributes(graph, -1.0, "weight")
    graph.nodes[4]["population"] = "pv"
    with pytest.raises(DocumentError) as caught:
        from_networkx(graph, KNOWN)
    messages = [problem.message for problem in caught.value.problems]
    assert len(messages) == 4
    assert "did you mean PV?" in messages[0]
    assert messages[3].endswith("(and 129 more like this)")


def test_a_hundred_thousand_edges_are_quick():
    """Would catch a quadratic import: this one takes some 0.5 s."""
    graph = networkx.gnm_random_graph(2000, 100_000, seed=1, directed=True)
    networkx.set_node_attributes(graph, "PYR", "population")
    start = perf_counter()
    topology, _ = from_networkx(graph, KNOWN)
    assert perf_counter() - start < 10
    assert topology.n_edges == 100_000 and topology.labels is None
    assert set(zip(topology.source.tolist(), topology.target.tolist(), strict=True)) == set(graph.edges)


def test_files_that_are_no_network_are_refused(tmp_path, refusal):
    """Would catch a traceback for a mistyped path or a renamed file."""
    assert "no such file" in refusal(tmp_path / "net.graphml")
    assert "allowed: .graphml, .h5" in refusal(tmp_path / "net.gml")
    binary = tmp_path / "net.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "not a table in UTF-8" in refusal(binary)
    text = tmp_path / "net.h5"
    text.write_text("hello", encoding="utf-8")
    assert "not a readable HDF5 file" in refusal(text)
