import h5py
import networkx
import numpy as np
import pytest

from ketasim.network_files.exchange import from_networkx, read_network_file
from ketasim.storage.sonata import write_topology

KNOWN = ("PYR", "PV", "SST")


def write_sonata(path, graph, order=("PYR", "PV")):
    """Write `graph` (numbered) as SONATA, a population for each class and pair of classes."""
    members = {name: [n for n in sorted(graph) if graph.nodes[n]["population"] == name] for name in order}
    with h5py.File(path, "w") as file:
        for name, nodes in members.items():
            group = file.create_group(f"nodes/{name}")
            group["node_type_id"] = np.full(len(nodes), -1)
            group["node_group_id"] = np.zeros(len(nodes), int)
            group["node_group_index"] = np.arange(len(nodes))
            for axis in ("x", "y"):
                group[f"0/{axis}"] = [graph.nodes[node][axis] for node in nodes]
        for pre in order:
            for post in order:
                rows = [e for e in graph.edges(data=True) if e[0] in members[pre] and e[1] in members[post]]
                group = file.create_group(f"edges/{pre}__{post}")
                group["source_node_id"] = np.array([members[pre].index(e[0]) for e in rows], np.uint64)
                group["target_node_id"] = np.array([members[post].index(e[1]) for e in rows], np.uint64)
                group["source_node_id"].attrs["node_population"] = pre
                group["target_node_id"].attrs["node_population"] = np.bytes_(post)
                group["edge_group_id"] = np.zeros(len(rows), int)
                # rows of a group may stand in any order; here they are reversed
                group["edge_group_index"] = np.arange(len(rows))[::-1]
                group["0/syn_weight"] = np.array([e[2]["weight"] for e in rows][::-1], float)
                group["0/delay"] = np.array([e[2]["delay"] for e in rows][::-1], float)


@pytest.fixture
def sonata(tmp_path, numbered_graph):
    path = tmp_path / "circuit.h5"
    write_sonata(path, numbered_graph)
    return path


def test_sonata_is_read_exactly(tmp_path, assert_same_topology):
    """Would catch ids confused between populations, and ignored group indices."""
    graph = networkx.gnp_random_graph(40, 0.2, seed=3, directed=True)
    random = np.random.default_rng(1)
    for node, data in graph.nodes(data=True):
        data.update(population="PYR" if node < 30 else "PV", x=random.random(), y=random.random())
    for _, _, data in graph.edges(data=True):
        data.update(weight=random.random(), delay=1 + random.random())
    path = tmp_path / "circuit.h5"
    write_sonata(path, graph)
    topology, notes = read_network_file(path, KNOWN)
    assert notes == ()
    assert_same_topology(topology, from_networkx(graph, KNOWN)[0])


@pytest.mark.parametrize("library", [False, True])
def test_sonata_population_attribute_names_the_class(tmp_path, library):
    """Would catch circuits of one population with several cell classes being refused."""
    path = tmp_path / "circuit.h5"
    with h5py.File(path, "w") as file:
        file["nodes/cortex/node_type_id"] = np.full(3, -1)
        if library:
            file["nodes/cortex/0/pop_name"] = np.array([1, 0, 1], np.uint8)
            file["nodes/cortex/0/@library/pop_name"] = ["PV", "PYR"]
        else:
            file["nodes/cortex/0/population"] = ["PYR", "PV", "PYR"]
        for key, ids in (("source_node_id", [0]), ("target_node_id", [1])):
            file[f"edges/local/{key}"] = np.array(ids, np.uint64)
            file[f"edges/local/{key}"].attrs["node_population"] = "cortex"
    topology, notes = read_network_file(path, KNOWN)
    assert topology.labels == (0, 2, 1)
    assert (topology.source.tolist(), topology.target.tolist()) == ([0], [2])
    assert [note.split(":")[0] for note in notes] == ["position", "weight", "delay"]


def test_a_trajectory_file_gives_its_network(tmp_path, numbered_graph, assert_same_topology):
    """Would catch writer and reader of SONATA drifting apart; isolated populations have no group of edges."""
    graph = numbered_graph
    graph.add_node(3, population="SST", x=0.0, y=0.0)
    for given_graph in (graph, networkx.create_empty_copy(graph)):
        topology, _ = from_networkx(given_graph, KNOWN)
        with h5py.File(tmp_path / "run.h5", "w") as file:
            write_topology(file, topology)
        assert_same_topology(read_network_file(tmp_path / "run.h5", KNOWN)[0], topology)


def break_weight(file):
    del file["edges/PYR__PV/0/syn_weight"]
    file["edges/PYR__PV/0/syn_weight"] = [-1.0]


def break_ends(file):
    file["edges/PYR__PV/target_node_id"][...] = 9


def break_population(file):
    file.move("nodes/PV", "nodes/V1")
    for pair in file["edges"].values():
        for key in ("source_node_id", "target_node_id"):
            if pair[key].attrs["node_population"] in ("PV", b"PV"):
                pair[key].attrs["node_population"] = "V1"


def break_attribute(file):
    del file["edges/PYR__PV/source_node_id"].attrs["node_population"]


def break_edges(file):
    del file["edges"]


def break_index(file):
    file["edges/PYR__PV/edge_group_index"][...] = 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_weight, "/edges/PYR__PV, row 0: syn_weight: -1 must be positive"),
        (break_ends, "/edges/PYR__PV/target_node_id: must hold integers from 0 to 0"),
        (break_population, "/nodes/V1, row 0: population: unknown population 'V1' (1 nodes)"),
        (break_attribute, "attribute node_population is None; it must be one of PYR, PV"),
        (break_edges, "no group /edges"),
        (break_index, "groups do not follow SONATA's layout"),
    ],
)
def test_wrong_sonata_is_refused(sonata, damage, message, refusal):
    """Would catch a damaged circuit being read as another one."""
    with h5py.File(sonata, "r+") as file:
        damage(file)
    assert message in refusal(sonata)


def test_labels_of_an_exported_network_come_back(tmp_path, small_graph, assert_same_topology):
    """Would catch nodes that lose their names between export and import."""
    for graph in (small_graph, networkx.relabel_nodes(small_graph, {"a": 30, "b": 10, "c": 20})):
        topology, _ = from_networkx(graph, KNOWN)
        with h5py.File(tmp_path / "net.h5", "w") as file:
            write_topology(file, topology)
        again, notes = read_network_file(tmp_path / "net.h5", KNOWN)
        assert_same_topology(again, topology)
        assert notes == ()
