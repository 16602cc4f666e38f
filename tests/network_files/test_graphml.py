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


FIELD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:y="http://www.yworks.com/xml/yfiles-common/3.0">
{keys}<key id="p" for="node" attr.name="population"/><key id="w" for="edge" attr.name="Weight" attr.type="double"/>
<graph edgedefault="{default}"><node id="a">{data}<data key="p">
      PYR
    </data></node><node id="b"><data key="p">PV</data></node>
<edge {direction}source="a" target="b"><data key="w"> 1.5 </data></edge></graph></graphml>"""


def field(keys="", data="", default="directed", direction=""):
    return FIELD.format(keys=keys, data=data, default=default, direction=direction)


@pytest.mark.parametrize(
    ("keys", "data", "unused"),
    [
        ("", "", ()),
        (
            '<key id="g" for="node" attr.name="NodeGeometry"/>',
            '<data key="g"><y:RectD X="1" Y="2"/></data>',
            ("NodeG",),
        ),
        ('<key for="node" id="g" yfiles.type="nodegraphics"/>', '<data key="g"><y:ShapeNode/>4</data>', ("nodegra",)),
        ('<key id="f" for="node" attr.name="layer" attr.type="double"/>', '<data key="f"> x </data>', ("layer",)),
    ],
)
def test_what_other_exporters_write(written, read, keys, data, unused):
    """Would catch a key without a type, blanks around values, or an attribute that is not used being decisive."""
    topology, notes = read(written("net.graphml", field(keys, data)))
    assert topology.sizes == {"PYR": 1, "PV": 1} and topology.weight.tolist() == [1.5]
    assert "edges: took Weight for weight" in notes
    assert [note for note in notes if "not used" in note] == [
        note for note in notes for name in unused if note.startswith(f"node attributes not used: {name}")
    ]
    assert len([note for note in notes if "not used" in note]) == len(unused)


def test_edges_without_direction(written, read, refusal):
    """Would catch an undirected graph that runs in one direction, or one such edge that is dropped or refused."""
    one = written("one.graphml", field(direction='directed="false" '))
    topology, notes = read(one)
    assert (topology.source.tolist(), topology.target.tolist(), topology.weight.tolist()) == (
        [0, 1],
        [1, 0],
        [1.5, 1.5],
    )
    assert "undirected: 1 edges without direction count in both directions" in notes
    undirected = written("all.graphml", field(default="undirected"))
    assert "say so under `network`: `directed: both`" in refusal(undirected)
    assert read(undirected, directed="both")[0].n_edges == 2
    assert "every edge has a direction" in refusal(written("none.graphml", field()), directed="both")


def test_an_edge_without_direction_beside_its_reverse_is_named(written, refusal):
    """Would catch one synapse being counted twice."""
    back = '<edge id="e1" source="b" target="a"/></graph>'
    path = written("net.graphml", field(direction='directed="false" ').replace("</graph>", back))
    text = refusal(path)
    assert "graph.edges['" in text and "this pair is connected twice" in text and "without direction" in text


def test_classes_of_a_graph_under_another_attribute(written, read):
    """Would catch the key `population` having no effect on graphs, or a table of nodes not matched by name."""
    keys = '<key id="t" for="node" attr.name="cell type"/>'
    path = written("net.graphml", field(keys).replace('<data key="p">PV</data>', '<data key="t">basket</data>'))
    nodes = written("cells.csv", "name,kind\nb,x\na,y\n")
    topology, notes = read(path, nodes=nodes, population="kind", classes={"x": "SST", "y": "PYR"})
    assert topology.labels == ("a", "b") and topology.sizes == {"PYR": 1, "SST": 1}
    assert "node attributes not used: cell type, population" in notes
