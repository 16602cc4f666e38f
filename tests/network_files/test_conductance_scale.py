"""Factors on conductances of class pairs: from a network to every kind of file and back, and values that are none."""

from dataclasses import replace

import h5py
import networkx
import pytest

from ketasim.documents.problems import DocumentError
from ketasim.network_files.exchange import from_networkx, read_network_file, to_networkx
from ketasim.storage import write_graph

KNOWN = ("PYR", "PV", "SST")
SCALE = {("PYR", "PV"): 3.1, ("PV", "PYR"): 0.1 + 0.2}
NOTE = "conductances: scaled as the network states: PYR to PV 3.1, PV to PYR 0.3"


@pytest.fixture
def scaled(small_graph):
    topology = from_networkx(small_graph, KNOWN)[0]
    return replace(topology, conductance_scale=SCALE)


@pytest.mark.parametrize("name", ["net.graphml", "net.h5"])
def test_files_state_the_factors_and_readers_say_so(tmp_path, scaled, name, assert_same_topology):
    """Catches a factor that is lost, rounded, turned round or applied without a word; networkx keeps it, too."""
    for graph in (scaled, to_networkx(scaled)):
        topology, notes = read_network_file(write_graph(graph, tmp_path / name, force=True), KNOWN)
        assert_same_topology(topology, scaled)
        assert topology.conductance_scale == SCALE
        assert NOTE in notes
    networkx.write_graphml(to_networkx(scaled), tmp_path / "other.graphml")
    topology, notes = from_networkx(networkx.read_graphml(tmp_path / "other.graphml"), KNOWN)
    assert topology.conductance_scale == SCALE and NOTE in notes


def test_networks_without_factors_have_none(small_graph, tmp_path):
    """Catches other attributes of a graph taken for factors, and a note on nothing."""
    small_graph.graph.update(name="mine", conductance=2.0)
    topology, notes = from_networkx(small_graph, KNOWN)
    assert topology.conductance_scale is None and notes == ()
    for name in ("net.graphml", "net.h5"):
        topology, notes = read_network_file(write_graph(topology, tmp_path / name), KNOWN)
        assert topology.conductance_scale is None and notes == ()
    small_graph.graph["conductance_scale_PYR__SST"] = 2  # a population without a node
    assert from_networkx(small_graph, KNOWN)[0].conductance_scale is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PYR__PV", -1.0, "-1.0 must be a number from 0 to 1e+09, a factor on conductances"),
        ("PYR__PV", float("nan"), "nan must be a number"),
        ("PYR__PV", float("inf"), "inf must be a number"),
        ("PYR__PV", "strong", "'strong' must be a number"),
        ("PYR__PVV", 1.0, "unknown population 'PVV'; allowed: PYR, PV, SST; did you mean PV?"),
        ("PYR", 1.0, "unknown population ''"),
    ],
)
def test_what_is_no_factor_is_refused_with_its_place(tmp_path, small_graph, name, value, words):
    """Catches a network that is silent or runs away by a slip in a factor, and a search for its place."""
    small_graph.graph[f"conductance_scale_{name}"] = value
    with pytest.raises(DocumentError) as caught:
        from_networkx(small_graph, KNOWN)
    assert f"graph.graph['conductance_scale_{name}']: {words}" in str(caught.value)
    networkx.write_graphml(small_graph, tmp_path / "net.graphml")
    with pytest.raises(DocumentError) as caught:
        read_network_file(tmp_path / "net.graphml", KNOWN)
    text, lines = str(caught.value), (tmp_path / "net.graphml").read_text(encoding="utf-8").splitlines()
    # the data of nodes come first
    line = max(number for number, line in enumerate(lines, 1) if f">{value}</data>" in line)
    assert f"net.graphml:{line}:1: graph.graph['conductance_scale_{name}']: {words}" in text


@pytest.mark.parametrize("value", [-1.0, float("nan"), "strong", True, [1.0, 2.0]])
def test_a_sonata_attribute_that_is_no_factor_is_refused(tmp_path, scaled, value):
    """Catches an attribute of a group of edges that is taken as it is."""
    path = write_graph(scaled, tmp_path / "net.h5")
    with h5py.File(path, "r+") as file:
        file["edges/PYR__PV"].attrs["conductance_scale"] = value
    with pytest.raises(DocumentError, match=r"/edges/PYR__PV, attribute conductance_scale: .* must be a number from 0"):
        read_network_file(path, KNOWN)


def test_factors_follow_the_classes_of_their_labels(small_graph, scaled, read, tmp_path, refusal):
    """Catches factors of renamed classes that are refused or lost, and two factors of which one wins."""
    graph = to_networkx(scaled)
    renamed = networkx.DiGraph(graph, **{"conductance_scale_E__I": 2.0, "conductance_scale_PYR__PV": 1.0})
    networkx.set_node_attributes(renamed, {"a": "E", "c": "E", "b": "I"}, "population")
    networkx.write_graphml(renamed, tmp_path / "renamed.graphml")
    classes = {"E": "PYR", "I": "PV", "PYR": None}
    topology, _ = read(tmp_path / "renamed.graphml", classes=classes)
    assert topology.conductance_scale == {("PYR", "PV"): 2.0}
    assert "makes one pair of several" in refusal(tmp_path / "renamed.graphml", classes={"E": "PYR", "I": "PV"})
