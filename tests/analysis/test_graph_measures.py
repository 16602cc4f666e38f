"""Graph measures, about 5 s: against networkx on random graphs, and where the answer is known."""

import sys

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.analysis.graph_measures import communities, graph_measures, rich_club, with_swapped_edges
from ketasim.network.topology import Edges, make_topology
from ketasim.network.within import edges_within

MODULE = sys.modules["ketasim.analysis.graph_measures"]


def topology_of(graph, populations=None):
    """Topology of a directed graph with nodes 0..N-1, all PYR unless said otherwise; weights from its edges."""
    n_nodes = graph.number_of_nodes()
    pairs = np.array(list(graph.edges), dtype=int).reshape(-1, 2)
    weight = np.array([data.get("weight", 1.0) for *_, data in graph.edges(data=True)])
    edges = Edges(pairs[:, 0], pairs[:, 1], weight, np.ones(len(pairs)))
    population = np.zeros(n_nodes, int) if populations is None else np.array(populations)
    return make_topology(("PYR", "PV"), population, np.zeros((n_nodes, 2)), edges)


def values(graph):
    return {name: measure.value for name, measure in graph_measures(topology_of(graph)).items()}


@st.composite
def digraphs(draw):
    size, probability, seed = draw(st.integers(2, 25)), draw(st.floats(0.0, 0.6)), draw(st.integers(0, 999))
    graph = networkx.gnp_random_graph(size, probability, seed=seed, directed=True)
    random = np.random.default_rng(seed)
    for _, _, data in graph.edges(data=True):
        data["weight"] = random.lognormal()
    return graph


@settings(max_examples=60, deadline=None)
@given(digraphs())
def test_networkx_finds_the_same(graph):
    """Catches a measure that is not what its name says: another direction, pairs counted twice, zeros left out."""
    found, undirected = values(graph), graph.to_undirected()
    assert found["clustering"] == pytest.approx(networkx.average_clustering(undirected))
    lengths = [length for _, row in networkx.shortest_path_length(graph) for length in row.values() if length]
    pairs = len(graph) * (len(graph) - 1)
    assert_allclose(found["path_length"], np.mean(lengths) if lengths else np.nan)
    assert found["unreachable_share"] == pytest.approx(1.0 - len(lengths) / pairs)
    assert found["density"] == pytest.approx(networkx.density(graph))
    if graph.number_of_edges():
        assert found["reciprocity"] == pytest.approx(networkx.overall_reciprocity(graph))
    for kind, degrees in (("in", graph.in_degree), ("out", graph.out_degree)):
        counts = np.array([degree for _, degree in degrees])
        assert found["degree_mean"] == pytest.approx(counts.mean())
        assert found[f"{kind}_degree_sd"] == pytest.approx(counts.std())
        assert_array_equal(found[f"{kind}_degree_histogram"], np.bincount(counts, minlength=found["rich_club"].size))


def test_more_neurons_than_a_word_has_bits():
    """Catches sources beyond the first 64 that are left out or counted twice, in paths and around triangles."""
    graph = networkx.gnp_random_graph(150, 0.02, seed=1, directed=True)
    lengths = [length for _, row in networkx.shortest_path_length(graph) for length in row.values() if length]
    found = values(graph)
    assert found["path_length"] == pytest.approx(np.mean(lengths))
    assert found["unreachable_share"] == pytest.approx(1.0 - len(lengths) / (150 * 149))
    assert found["clustering"] == pytest.approx(networkx.average_clustering(graph.to_undirected()))


@settings(max_examples=40, deadline=None)
@given(digraphs())
def test_rich_club_is_networkx_s(graph):
    """Catches neurons of degree k counted as above k, and edges counted in both directions."""
    undirected = graph.to_undirected()
    found = values(graph)["rich_club"]
    expected = networkx.rich_club_coefficient(undirected, normalized=False) if undirected.edges else {}
    for degree, coefficient in expected.items():
        assert found[degree] == pytest.approx(coefficient)
    if undirected.edges:
        assert np.isnan(found[len(expected) :]).all()


@settings(max_examples=25, deadline=None)
@given(digraphs().filter(lambda graph: graph.number_of_edges() > 0))
def test_modularity_is_that_of_the_weighted_undirected_graph(graph):
    """Catches directions of a pair that are not summed, weights left out, a poor search, and draws that differ."""
    undirected = networkx.Graph()
    undirected.add_nodes_from(graph)
    for source, target, data in graph.edges(data=True):
        before = undirected.get_edge_data(source, target, {"weight": 0.0})["weight"]
        undirected.add_edge(source, target, weight=before + data["weight"])
    modularity, parts = communities(edges_within(topology_of(graph), "PYR"), len(graph))
    groups = [{node for node in graph if parts[node] == part} for part in set(parts.values())]
    assert modularity == pytest.approx(networkx.community.modularity(undirected, groups), abs=1e-12)
    louvain = networkx.community.louvain_communities(undirected, seed=0)
    assert modularity > networkx.community.modularity(undirected, louvain) - 0.05
    found = values(graph)
    assert (found["modularity"], found["communities"]) == (modularity, len(groups))


def test_complete_graph():
    """Catches a normalisation that is off: here every share is 1, every path 1, and nothing can be swapped."""
    found = values(networkx.complete_graph(12, networkx.DiGraph))
    for name in ("density", "reciprocity", "clustering", "path_length"):
        assert found[name] == pytest.approx(1.0), name
    assert found["unreachable_share"] == 0.0
    assert_array_equal(found["in_degree_histogram"], [0] * 11 + [12])
    assert_array_equal(found["rich_club"], [1.0] * 11 + [np.nan])
    assert_array_equal(found["rich_club_normalised"], [1.0] * 11 + [np.nan])
    assert found["modularity"] == pytest.approx(0.0, abs=1e-12)


def test_directed_ring():
    """Catches paths that run against the direction: on a ring of n they have n/2 edges in the mean."""
    found = values(networkx.cycle_graph(30, networkx.DiGraph))
    assert found["path_length"] == pytest.approx(15.0)
    assert found["reciprocity"] == found["clustering"] == found["in_degree_sd"] == 0.0


def test_star():
    """Catches in- and out-degree taken for each other: nine leaves project to a hub."""
    found = values(networkx.DiGraph([(leaf, 0) for leaf in range(1, 10)]))
    assert_array_equal(found["in_degree_histogram"], [9, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    assert_array_equal(found["out_degree_histogram"], [1, 9, 0, 0, 0, 0, 0, 0, 0, 0])
    assert found["in_degree_sd"] == pytest.approx(2.7)
    assert found["unreachable_share"] == pytest.approx(0.9)
    assert found["path_length"] == 1.0


def test_cliques_with_one_edge_between_are_found():
    """Catches communities that are not looked for: Q of two equal parts with e edges each and one between."""
    graph = networkx.barbell_graph(6, 0).to_directed()
    found = values(graph)
    inside, all_edges = 15, 31
    assert found["communities"] == 2.0
    assert found["modularity"] == pytest.approx(2 * (inside / all_edges - 0.25))


def test_a_club_of_hubs_stands_out():
    """Catches a normalisation by graphs that keep the club: hubs connected beyond chance are rich."""
    random = np.random.default_rng(3)
    club = [(i, j) for i in range(12) for j in range(12) if i != j]
    leaves = [(i, int(j)) for i in range(12) for j in random.choice(np.arange(12, 200), 12, replace=False)]
    rest = [(int(i), int(j)) for i, j in random.integers(12, 200, (300, 2)) if i != j]
    graph = networkx.DiGraph([*club, *leaves, *rest])
    graph.add_nodes_from(range(200))
    found = values(networkx.convert_node_labels_to_integers(graph, ordering="sorted"))
    assert found["rich_club"][12] == 1.0
    assert found["rich_club_normalised"][12] > 2.0
    assert found["rich_club_normalised"][0] == pytest.approx(1.0)
    assert 0.0 < found["rich_club_random_sd"][12] < 0.3


@settings(max_examples=40, deadline=None)
@given(digraphs(), st.integers(0, 12), st.booleans())
def test_swaps_keep_degrees(graph, rounds, shared_places):
    """Catches swaps that lose an edge, make one twice or to itself, or change how many neighbours a neuron has."""
    pairs = sorted(tuple(sorted(pair)) for pair in graph.to_undirected().edges)
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    n_nodes = 5000 if shared_places else len(graph)
    swapped = with_swapped_edges(ends, n_nodes, rounds, np.random.default_rng(1))
    again = {tuple(sorted(pair)) for pair in swapped.T.tolist()}
    assert len(again) == len(pairs)
    assert all(one != other for one, other in again)
    assert_array_equal(np.bincount(swapped.ravel(), minlength=25), np.bincount(ends.ravel(), minlength=25))


def test_swaps_forget_where_edges_were():
    """Catches swaps that are hardly ever made: a lattice's triangles must go down to chance."""
    lattice = networkx.watts_strogatz_graph(200, 20, 0.0)
    swapped = with_swapped_edges(np.array(lattice.edges).T, 200, 10, np.random.default_rng(1))
    graph = networkx.Graph(swapped.T.tolist())
    assert networkx.average_clustering(lattice) > 0.7
    assert networkx.average_clustering(graph) == pytest.approx(19 / 199, abs=0.02)


def test_only_the_population_counts():
    """Catches edges to and from other populations, which are no spines, and numbers that are not shifted."""
    graph = networkx.gnp_random_graph(20, 0.4, seed=1, directed=True)
    populations = [node % 2 for node in graph]
    pyramids = networkx.convert_node_labels_to_integers(graph.subgraph([n for n in graph if n % 2 == 0]).copy())
    found = graph_measures(topology_of(graph, populations))
    for name, value in values(pyramids).items():
        assert_allclose(found[name].value, value, err_msg=name)
    with pytest.raises(KeyError, match="no population 'SST'"):
        graph_measures(topology_of(graph), "SST")


def test_no_edges_and_one_neuron():
    """Catches warnings and exceptions where nothing is connected; what is undefined is NaN."""
    for size in (1, 4):
        found = values(networkx.empty_graph(size, networkx.DiGraph))
        assert found["edges"] == found["degree_mean"] == found["clustering"] == 0.0
        for name in ("reciprocity", "path_length", "modularity"):
            assert np.isnan(found[name]), name
        assert_array_equal(found["in_degree_histogram"], [size])


def test_limits_of_large_graphs(monkeypatch):
    """Catches a sample that is weighted as if it were all, and communities looked for without end."""
    graph = networkx.circulant_graph(40, [1, 2, 5]).to_directed()
    before = values(graph)
    monkeypatch.setattr(MODULE, "_MOST_NEURONS", 7)
    monkeypatch.setattr(MODULE, "_MOST_EDGES_OF_COMMUNITIES", 50)
    monkeypatch.setattr(MODULE, "_EDGES_OF_RANDOM_GRAPHS", 100)
    after = values(graph)
    for name in ("clustering", "path_length", "unreachable_share"):
        assert after[name] == pytest.approx(before[name]), name
    assert np.isnan(after["modularity"])
    assert not np.isnan(before["modularity"])
    assert np.isnan(after["rich_club_random_sd"]).all()
    assert after["rich_club_normalised"][0] == pytest.approx(1.0)


def test_rich_club_by_hand():
    """Catches a shift by one: a triangle with a tail has degrees 2, 2, 3, 1."""
    ends, degree = np.array([[0, 0, 1, 2], [1, 2, 2, 3]]), np.array([2, 2, 3, 1])
    assert_array_equal(rich_club(ends, degree), [4 / 6, 1.0, np.nan, np.nan])
