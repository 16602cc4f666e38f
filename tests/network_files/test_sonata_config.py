"""SONATA as BMTK writes it: a circuit configuration, nodes and edges in several files, tables of types."""

import json

import h5py
import numpy as np
import pytest

from ketasim.network_files.columns import Reading
from ketasim.network_files.exchange import files_of

CLASSES = {"population": "model_name", "classes": {"Scnn1a": "PYR", "Pvalb": "PV"}}
CONFIG = {
    "manifest": {"$BASE": "${configdir}", "$NET": "$BASE/network"},
    "networks": {
        "nodes": [
            {"nodes_file": "$NET/v1_nodes.h5", "node_types_file": "$NET/v1_node_types.csv"},
            {"nodes_file": "$NET/lgn_nodes.h5", "node_types_file": "${NET}/lgn_node_types.csv"},
        ],
        "edges": [
            {"edges_file": "$NET/v1_v1_edges.h5", "edge_types_file": "$NET/v1_v1_edge_types.csv"},
            {"edges_file": "$NET/lgn_v1_edges.h5", "edge_types_file": None},
            {"edges_file": "$NET/old_edges.h5", "edge_types_file": None, "enabled": False},
        ],
    },
}
TYPES = {
    "v1_node_types.csv": "node_type_id ei model_type model_name\n"
    "100 e point_process Scnn1a\n104 i point_process Pvalb\n",
    "lgn_node_types.csv": "node_type_id model_type\n1 virtual\n",
    "v1_v1_edge_types.csv": "edge_type_id syn_weight delay target_query source_query\n"
    "1 1.5 2.0 \"model_name=='Scnn1a' & ei=='e'\" ei=='e'\n2 -7.5 NULL * ei=='i'\n",
}


def write_edges(path, name, ends, pairs, types, nsyns):
    with h5py.File(path, "w") as file:
        group = file.create_group(f"edges/{name}")
        for key, population, column in zip(("source", "target"), ends, np.transpose(pairs), strict=True):
            group[f"{key}_node_id"] = column.astype("u8")
            group[f"{key}_node_id"].attrs["node_population"] = population
        group["edge_type_id"] = types
        group["edge_group_id"], group["edge_group_index"] = np.zeros(len(pairs), int), np.arange(len(pairs))
        group["0/nsyns"] = nsyns
        group.create_group("0/dynamics_params")


@pytest.fixture
def circuit(tmp_path):
    """Two pyramidal cells and a basket cell, driven by two virtual nodes."""
    network = tmp_path / "network"
    network.mkdir()
    for name, text in TYPES.items():
        (network / name).write_text(text, encoding="utf-8")
    for name, types in (("v1", [100, 104, 100]), ("lgn", [1, 1])):
        with h5py.File(network / f"{name}_nodes.h5", "w") as file:
            file[f"nodes/{name}/node_type_id"] = types
            file[f"nodes/{name}/node_group_id"] = np.zeros(len(types), int)
            file[f"nodes/{name}/node_group_index"] = np.arange(len(types))
            if name == "v1":
                file["nodes/v1/0/positions"] = np.arange(9.0).reshape(3, 3)
    pairs = [(0, 1), (0, 0), (1, 0), (1, 2), (1, 2), (2, 1)]
    write_edges(network / "v1_v1_edges.h5", "v1", ("v1", "v1"), pairs, [1, 1, 2, 2, 2, 1], [2, 1, 1, 3, 1, 4])
    write_edges(network / "lgn_v1_edges.h5", "lgn_v1", ("lgn", "v1"), [(0, 0), (1, 1)], [1, 1], [1, 1])
    (tmp_path / "circuit_config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return tmp_path / "circuit_config.json"


def test_a_circuit_of_several_files(circuit, read):
    """Would catch types that are not joined, weights, delays and counts dropped in silence, and virtual nodes run."""
    topology, notes = read(circuit, **CLASSES)
    assert topology.sizes == {"PYR": 2, "PV": 1} and topology.labels == (2, 4, 3)  # lgn comes first by name
    assert topology.position.tolist() == [[0, 1], [6, 7], [3, 4]]
    pairs = zip(topology.source.tolist(), topology.target.tolist(), strict=True)
    found = dict(zip(pairs, zip(topology.weight.tolist(), topology.delay.tolist(), strict=True), strict=True))
    assert found == {(0, 2): (3.0, 2.0), (1, 2): (6.0, 2.0), (2, 0): (7.5, 1.0), (2, 1): (30.0, 1.0)}
    for said in (
        "circuit_config.json: $NET/old_edges.h5 is not enabled",
        "virtual nodes, which replay spikes from files, are no neurons: lgn (2)",
        "classes: took Scnn1a as PYR (2), Pvalb as PV (1)",
        "left out: 2 of 5 nodes that are not in the network, with 2 of 8 edges",
        "weight: multiplied by nsyns, the number of synapses",
        "1 self-edges left out: the network has no synapse of a neuron onto itself",
        "weight: 3 negative ones of inhibitory neurons, taken by their size",
        "parallel: 5 edges merged into 4, one for each pair: weights added, mean delay by weight",
        "nodes: took positions_x for x, positions_y for y, model_name for population",
        "delay: 1 ms for 3 of 5 edges without one",
        "node attributes not used: ei, model_type, positions_z",
        "edge attributes not used: dynamics_params, source_query, target_query",
    ):
        assert said in notes, said


def test_a_sign_that_contradicts_its_class_names_file_and_row(circuit, refusal):
    """Would catch a class given to the wrong type running with the sign reversed."""
    text = refusal(circuit, population="ei", classes={"e": "PV", "i": "PYR"})
    assert "v1_v1_edges.h5: /edges/v1, row 2: syn_weight: -7.5 must be positive" in text


def test_labels_are_listed_with_the_line_to_write(circuit, refusal):
    """Would catch a user being left to guess what the attributes are called and which labels they hold."""
    text = refusal(circuit)
    assert "unknown population 'v1' (3 nodes)" in text
    assert (
        "other attributes, for `population:` under network: model_type (point_process 3, virtual 2); ei (e 2, i 1)"
        in text
    )
    assert "classes: {e: PYR, i: PV}" in refusal(circuit, population="ei")


@pytest.mark.parametrize(
    ("name", "weight"), [("nsyns", 4.0), ("weight", 4.0), ("syn_weight", 4.0), ("conductance", 2.0)]
)
def test_other_names_of_weights_are_taken_or_named(circuit, read, name, weight):
    """Would catch what other tools call a weight being dropped: every synapse 1, and not a word."""
    types = circuit.parent / "network" / "v1_v1_edge_types.csv"
    types.write_text("edge_type_id delay\n1 2.0\n2 1.0\n", encoding="utf-8")
    with h5py.File(circuit.parent / "network" / "v1_v1_edges.h5", "r+") as file:
        file["edges/v1/0"].move("nsyns", name)
    with h5py.File(circuit.parent / "network" / "lgn_v1_edges.h5", "r+") as file:
        file["edges/lgn_v1/0"].move("nsyns", name)
    topology, notes = read(circuit, **CLASSES)
    assert topology.weight[-1] == weight and topology.delay.max() == 2.0
    unused = next(note for note in notes if note.startswith("edge attributes not used"))
    assert (name in unused) == (name == "conductance")


def test_every_file_of_a_circuit_is_known(circuit):
    """Would catch an experiment whose digest does not change with a table of types."""
    assert sorted(file.name for file in files_of(circuit)) == sorted(
        ["circuit_config.json", "v1_nodes.h5", "lgn_nodes.h5", "v1_v1_edges.h5", "lgn_v1_edges.h5", *TYPES]
    )
    (circuit.parent / "simulation_config.json").write_text('{"network": "./circuit_config.json"}', encoding="utf-8")
    assert len(files_of(circuit.parent / "simulation_config.json", Reading())) == 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"$NET": ', '"$NETS": ', "'$NET/v1_nodes.h5': $NET is not in the manifest"),
        ('"$BASE/network"', '"$NET/network"', "refer to each other in a circle"),
        ("v1_nodes.h5", "v2_nodes.h5", "v2_nodes.h5' (written '$NET/v2_nodes.h5')"),
        ("lgn_nodes.h5", "v1_nodes.h5", "/nodes/v1: this population is also in"),
        ('"nodes_file"', '"node_file"', 'networks.nodes: each entry needs a "nodes_file"'),
        ('"networks"', '"network"', "not a SONATA circuit configuration"),
        ("{", "", "not a file in JSON"),
        ("v1_node_types.csv", "v1_v1_edge_types.csv", "no column node_type_id"),
        ("lgn_node_types.csv", "v1_node_types.csv", "the type 1 is not in"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_named(circuit, refusal, old, new, message):
    """Would catch a traceback, or an error that leaves the user to search five files."""
    text = circuit.read_text(encoding="utf-8")
    assert old in text
    circuit.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert message in refusal(circuit, **CLASSES)
