import networkx
import pytest
from numpy.testing import assert_array_equal

from ketasim.documents.problems import DocumentError
from ketasim.network_files.exchange import read_network_file

KNOWN = ("PYR", "PV", "SST")


@pytest.fixture
def small_graph():
    """Three nodes, not in the order of their populations, in a cycle; some numbers have no short decimal."""
    graph = networkx.DiGraph()
    graph.add_node("b", population="PV", x=10.0, y=-1.0)
    graph.add_node("a", population="PYR", x=0.1, y=0.2)
    graph.add_node("c", population="PYR", x=5.0, y=7.5)
    graph.add_edge("a", "b", weight=0.1 + 0.2, delay=1.3)
    graph.add_edge("b", "c", weight=2.0, delay=0.1)
    graph.add_edge("c", "a", weight=1e-3, delay=20.0)
    return graph


@pytest.fixture
def numbered_graph(small_graph):
    """The small graph with its nodes numbered from 0 by population."""
    return networkx.relabel_nodes(small_graph, {"a": 0, "c": 1, "b": 2})


@pytest.fixture
def assert_same_topology():
    def check(one, other):
        assert (one.population_names, one.labels) == (other.population_names, other.labels)
        assert one.conductance_scale == other.conductance_scale
        for name in ("population", "position", "source", "target", "weight", "delay"):
            assert_array_equal(getattr(one, name), getattr(other, name))

    return check


@pytest.fixture
def refusal():
    """The text of the error with which a file, or any other call, is refused."""

    def text(path, call=read_network_file):
        with pytest.raises(DocumentError) as caught:
            call(path, KNOWN)
        return str(caught.value)

    return text
