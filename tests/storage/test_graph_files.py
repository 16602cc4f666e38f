"""Graphs written as GraphML and SONATA, read again as a network's file."""

from dataclasses import replace

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import ketasim
from ketasim.documents import DocumentError
from ketasim.network.topology import Edges, make_topology
from ketasim.network_files.exchange import read_network_file, to_networkx
from ketasim.storage import StorageError, write_graph
from ketasim.storage.outputs import MARK, OutputError

KNOWN = ("PYR", "PV", "SST")
FORMATS = ("net.graphml", "net.h5", "net.hdf5")


def assert_same_edges(one, other):
    assert one.population_names == other.population_names
    for name in ("population", "position", "source", "target", "weight", "delay"):
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), single=st.booleans(), name=st.sampled_from(FORMATS))
def test_what_is_written_is_read_again(seed, single, name, tmp_path_factory):
    """Catches an edge that is lost, turned round or rounded on its way through a file."""
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 25))
    source, target = np.nonzero(random.random((size, size)) < 0.2)
    other = source != target
    dtype = np.float32 if single else np.float64
    weight, delay = random.lognormal(size=other.sum()), random.uniform(0.1, 9.0, other.sum())
    edges = Edges(source[other], target[other], weight.astype(dtype), delay.clip(0.11).astype(dtype))
    topology = make_topology(KNOWN, random.integers(0, 3, size), random.uniform(0, 300, (size, 2)), edges)
    path = tmp_path_factory.mktemp("graph") / "folder" / name
    topology = replace(topology, labels=None)
    for graph in (topology, to_networkx(topology)):
        assert write_graph(graph, path, force=graph is not topology) == path
        again, _ = read_network_file(path, KNOWN)
        assert_same_edges(again, topology)
        assert [file.name for file in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("label", [str, int, lambda number: f"neuron {number} <&\"'> µ"])
def test_graphml_keeps_names(random_graph, tmp_path, label):
    """Catches names that come back as others, and nodes that change places with them."""
    graph = random_graph(lambda number: label(number) if label is not str else f"n{number}")
    again, _ = read_network_file(write_graph(graph, tmp_path / "net.graphml"), KNOWN)
    back = to_networkx(again)
    assert set(back) == set(graph)
    assert {(u, v): data for u, v, data in back.edges(data=True)} == {
        (u, v): data for u, v, data in graph.edges(data=True)
    }
    assert dict(back.nodes(data="population")) == dict(graph.nodes(data="population"))


def test_a_network_s_file_can_be_run(small, small_run, tmp_path):
    """Catches a file that the reader takes but the experiment does not."""
    for name in FORMATS[:2]:
        path = ketasim.write_graph(small_run.topology(), tmp_path / name)
        simulation = ketasim.Simulation(small(network={"file": str(path)}, recording={}))
        assert_same_edges(simulation.network.topology, small_run.topology())


def test_wrong_targets_are_refused(small_file, small_run, tmp_path):
    """Catches a trajectory that is overwritten by a graph, and a suffix whose format is guessed."""
    before = small_file.read_bytes()
    with pytest.raises(OutputError, match=r"small\.h5: exists and is not a graph"):
        write_graph(small_run.topology(), small_file, force=True)
    assert small_file.read_bytes() == before
    with pytest.raises(DocumentError, match=r"unknown kind of graph file '\.gexf'; allowed: \.graphml"):
        write_graph(small_run.topology(), tmp_path / "net.gexf")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match=r"net\.h5: cannot be written: ."):
        write_graph(small_run.topology(), tmp_path / "file" / "net.h5")


def test_graphs_that_are_no_networks_are_refused(tmp_path):
    """Catches an undirected graph, or neurons of no class, that becomes a file which nothing reads."""
    with pytest.raises(DocumentError, match="undirected"):
        write_graph(networkx.path_graph(3), tmp_path / "net.graphml")
    with pytest.raises(DocumentError, match="population"):
        write_graph(networkx.DiGraph([(0, 1)]), tmp_path / "net.h5")
    with pytest.raises(TypeError, match=r"networkx\.DiGraph"):
        write_graph([(0, 1)], tmp_path / "net.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "message"), [(("a", "b\x01"), "does not allow"), ((1, "1"), "same text"), (("", "b"), "does not allow")]
)
def test_names_that_graphml_cannot_keep_are_refused(labels, message, tmp_path):
    """Catches a file that no XML reader opens, and two neurons that become one; an older file stays."""
    graph = networkx.DiGraph([labels])
    networkx.set_node_attributes(graph, "PYR", "population")
    (tmp_path / "net.graphml").write_bytes(MARK)
    with pytest.raises(StorageError, match=message):
        write_graph(graph, tmp_path / "net.graphml", force=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [MARK]


@pytest.mark.parametrize("name", FORMATS[:2])
def test_a_full_disk_leaves_the_older_file(random_graph, tmp_path, monkeypatch, name):
    """Catches half a file under the name, or beside it, and an error that does not say which file."""

    def fill(*arguments, **options):
        raise OSError(28, "No space left on device")

    older = write_graph(random_graph(), tmp_path / name).read_bytes()
    monkeypatch.setattr("networkx.write_graphml", lambda graph, path: path.write_text("<graphml>") and fill())
    monkeypatch.setattr("ketasim.storage.sonata.write_topology", fill)
    with pytest.raises(StorageError, match=r"net\.\w+: cannot be written: No space left on device"):
        write_graph(random_graph(), tmp_path / name, force=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [older]
