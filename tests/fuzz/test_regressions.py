"""Every wrong input that once escaped, hung, or was taken for something else."""

import re

import h5py
import networkx
import numpy as np
import pytest

from ketasim.config import Experiment, load_experiment
from ketasim.documents import DocumentError, parse_document
from ketasim.network_files.exchange import from_networkx, read_network_file
from tests.fuzz import corpus, pieces

KNOWN = ("PYR", "PV", "SST")
BASE = {"format": 1, "duration": "1 h"}


def refusal(call, *arguments):
    with pytest.raises(DocumentError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a: "\\UFFFFFFFF"', "not YAML"),
        ('a: "\\ud800"', "the character U+D800, written as an escape, is not allowed"),
        ('"\\0": 1', "the character U+0000, written as an escape, is not allowed"),
        ("a: 0x" + "f" * 5000, "the number is too long"),
        ("a: !!python/object/apply:os.system ['true']", "the tag"),
        ("a: " + "!" * 900_000, "at most 200000 are read"),
    ],
)
def test_yaml(text, words):
    """Catches a character no text can hold, Python's limit on digits, objects, and time that grows with the square."""
    assert words in refusal(parse_document, text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 16**5000}, "seed: a huge number"),
        ({"drugs": ["~nobody_at_all/x.yaml"]}, "drugs.0"),
        ({"drugs": ["x" * 5000]}, "drugs.0"),
        ({"network": {"file": "x" * 5000 + ".csv"}}, "file"),
        ({"name": "\u6f22" * 90}, "name"),
        (
            {"subject": {"weight": "1e-300 kg"}},
            "subject.weight: '1e-300 kg' is out of range; expected 0 or a magnitude between",
        ),
        ({"doses": [{"drug": "ketamine", "route": "oral", "amount": "1e300 mg"}]}, "doses.0.amount"),
    ],
)
def test_experiment(changes, words):
    """Catches homes of unknown users, names too long for a file, and sizes whose products overflow."""
    assert words in refusal(Experiment.from_mapping, BASE | changes)


def test_path_too_long():
    """Catches a traceback where the path of the experiment itself is too long."""
    assert "cannot read" in refusal(load_experiment, "x" * 5000)


def test_thousands_of_misspelt_keys():
    """Catches looking for the nearest right name of every one of thousands."""
    data = BASE | {f"duratio{number}": 1 for number in range(10_000)}
    assert refusal(Experiment.from_mapping, data).count("did you mean") <= 50


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (">PV<", ">&e;<", "not well-formed XML"),
        ("<node id", "<node di", "a <node> has no id"),
        ('source="n0"', "", "a <edge> has no source"),
        ('<node id="n1"', '<node id="n0"', "duplicate node 'n0'"),
        ("</graph>", '</graph><graph edgedefault="directed"/>', "more than one <graph>"),
        ("<node", "<x>" * 100 + "</x>" * 100 + "<node", "nested deeper than 50"),
        (' attr.name="population"', "", "24 of 24 nodes have no population"),
    ],
)
def test_graphml(tmp_path, old, new, words):
    """Catches what networkx takes for a node called None, merges, skips, warns about or cannot convert."""
    path = tmp_path / "net.graphml"
    text = corpus.graphml()
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert words in refusal(read_network_file, path, KNOWN)


@pytest.mark.parametrize("doctype", pieces.DOCTYPES)
def test_document_types(tmp_path, doctype):
    """Catches entities within entities, which grow without bound, and a file or an address that is fetched."""
    path = tmp_path / "net.graphml"
    path.write_text(corpus.graphml().replace("?>", f"?>{doctype}", 1).replace(">PV<", ">&i;<"), encoding="utf-8")
    assert "document type declaration" in refusal(read_network_file, path, KNOWN)


def test_giants_in_a_graph():
    """Catches whole numbers beyond any float, and weights that single precision makes infinite or zero."""
    for weight in (10**400, 1e300, 1e-320):
        graph = corpus.graph()
        networkx.set_edge_attributes(graph, weight, "weight")
        assert "weight" in refusal(from_networkx, graph, KNOWN)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("n1,", "n1\0,", "a control character"),
        ("n1,", "n\x1b1,", "a control character"),
        ("\nn", "\nx" + "y" * 140_000, "not a table in UTF-8: field larger"),
        ("source", "sourc", "no column 'source'"),
    ],
)
def test_edge_list(tmp_path, old, new, words):
    """Catches names that no HDF5 file can hold, and cells without end."""
    path = tmp_path / "net.csv"
    path.write_text(corpus.plain_edge_list().replace(old, new, 1), encoding="utf-8")
    assert words in refusal(read_network_file, path, KNOWN)


def test_number_with_underscore(tmp_path):
    """Catches 1_0 being read as ten."""
    path = tmp_path / "net.csv"
    path.write_text(re.sub(r"(n\d+,n\d+),[\d.]+,", r"\1,1_0,", corpus.plain_edge_list(), count=1), encoding="utf-8")
    assert "'1_0' is not a number" in refusal(read_network_file, path, KNOWN)


def negative_index(file):
    file["edges/local/edge_group_index"][0] = -1


def short_index(file):
    del file["nodes/cortex/node_group_id"]
    file["nodes/cortex/node_group_id"] = np.zeros(20, int)


def group_for_column(file):
    del file["nodes/cortex/0/x"]
    file.create_group("nodes/cortex/0/x")


def group_for_count(file):
    del file["nodes/cortex/node_type_id"]
    file.create_group("nodes/cortex/node_type_id/one")


def link_away(file):
    del file["nodes"]
    file["nodes"] = h5py.ExternalLink("other.h5", "/nodes")


def long_name(file):
    del file["nodes/cortex/0/@library"]
    file["nodes/cortex/0/@library/population"] = ["PV", "x" * 2000, "SST"]


def endless_library(file):
    del file["nodes/cortex/0/@library"]
    file.create_dataset("nodes/cortex/0/@library/population", (3_000_000,), h5py.string_dtype())


def endless_nodes(file):
    del file["nodes/cortex/node_type_id"]
    file.create_dataset("nodes/cortex/node_type_id", (5_000_000,), "u1")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (endless_library, "has 3000000 strings; at most 10000 are allowed"),
        (endless_nodes, "5000000 nodes or more; at most 1000000 are allowed"),
        (negative_index, "must hold integers from 0"),
        (short_index, "node_group_id: has 20 rows instead of 24"),
        (group_for_column, "/nodes/cortex/0/x: must be a dataset"),
        (group_for_count, "no dataset node_type_id"),
        (link_away, "/nodes is a link"),
        (long_name, "a name has more than 1000 characters"),
    ],
)
def test_sonata(tmp_path, damage, words):
    """Catches rows read from the wrong end, groups taken for datasets, and files that lead elsewhere."""
    path = tmp_path / "net.h5"
    path.write_bytes(corpus.sonata())
    with h5py.File(path, "r+") as file:
        damage(file)
    assert words in refusal(read_network_file, path, KNOWN)
