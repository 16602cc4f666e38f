import networkx
import pytest

from ketasim.network_files.exchange import from_networkx, read_network_file

KNOWN = ("PYR", "PV", "SST")


def test_graphml_round_trip(tmp_path, small_graph, numbered_graph, assert_same_topology):
    """Would catch attributes or digits lost on the way through the file."""
    path = tmp_path / "net.graphml"
    networkx.write_graphml(small_graph, path)
    assert_same_topology(read_network_file(path, KNOWN)[0], from_networkx(small_graph, KNOWN)[0])
    networkx.write_graphml(numbered_graph, path)
    assert read_network_file(path, KNOWN)[0].labels is None


GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="p" for="node" attr.name="population" attr.type="string"><default>PYR</default></key>
<key id="w" for="edge" attr.name="weight" attr.type="double"><default>2.5</default></key>
<graph edgedefault="directed"><node id="a"/><node id="b"><data key="p">PV</data></node>
<edge source="a" target="b"/></graph></graphml>"""


def test_graphml_defaults_are_honoured(tmp_path):
    """Would catch ignoring <default>, which networkx leaves to the reader."""
    path = tmp_path / "net.graphml"
    path.write_text(GRAPHML.format(doctype=""), encoding="utf-8")
    topology, _ = read_network_file(path, KNOWN)
    assert topology.sizes == {"PYR": 1, "PV": 1} and topology.weight.tolist() == [2.5]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_graphml_with_entities_is_refused(tmp_path, encoding, refusal):
    """Would catch a file that reads another file or fetches an address, in any encoding."""
    path = tmp_path / "net.graphml"
    doctype = '<!DOCTYPE graphml [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    path.write_text(GRAPHML.format(doctype=doctype).replace("UTF-8", encoding), encoding=encoding)
    assert "document type declaration" in refusal(path)


def test_broken_graphml_is_refused(tmp_path, refusal):
    """Would catch a traceback of the XML parser or of networkx."""
    path = tmp_path / "net.graphml"
    for text, message in (
        ("<graphml", "not well-formed XML"),
        (GRAPHML.format(doctype="")[:-9], "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<svg/>", "not a GraphML graph"),
        (GRAPHML.format(doctype="").replace("2.5", "strong"), "['weight']: 'strong' is not a number"),
        (GRAPHML.format(doctype="").replace('"directed"', '"undirected"'), "the graph is undirected"),
        (GRAPHML.format(doctype="").replace(">PV<", ">PW<"), "net.graphml:5:1: graph.nodes['b']['population']"),
    ):
        path.write_text(text, encoding="utf-8")
        assert message in refusal(path)
