import pytest

from ketasim.network_files.exchange import files_of, from_networkx, read_network_file

KNOWN = ("PYR", "PV", "SST")


def write(folder, name, *lines):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_edge_list_with_node_table(tmp_path, small_graph, assert_same_topology):
    """Would catch digits, isolated nodes or the table's order lost."""
    graph = small_graph
    graph.add_node("lonely", population="SST", x=1.0, y=1.0)
    nodes = [f"{n},{d['population']},{d['x']!r},{d['y']!r}" for n, d in graph.nodes(data=True)]
    write(tmp_path, "net.nodes.csv", "node,population,x,y", *nodes)
    edges = [f"{u},{v},{d['delay']!r},{d['weight']!r}" for u, v, d in graph.edges(data=True)]
    path = write(tmp_path, "net.csv", "source,target,delay,weight", *edges)
    topology, notes = read_network_file(path, KNOWN)
    assert notes == ()
    assert_same_topology(topology, from_networkx(graph, KNOWN)[0])


def test_edge_list_with_populations_does_not_depend_on_line_order(tmp_path, assert_same_topology):
    """Would catch nodes numbered by first appearance: shuffled lines would be another network."""
    header = "source\ttarget\tsource_population\ttarget_population\tweight"
    lines = ["10\t2\tPYR\tPV\t0.5", "2\t9\tPV\tPYR\t", "9\t10\tPYR\tPYR\t1.5"]
    one, notes = read_network_file(write(tmp_path, "a.tsv", header, *lines), KNOWN)
    other, _ = read_network_file(write(tmp_path, "b.tsv", header, "", *lines[::-1]), KNOWN)
    assert_same_topology(one, other)
    assert one.labels == (9, 10, 2)
    assert one.weight.tolist() == [1.5, 0.5, 1.0]
    assert "weight: 1 for 1 of 3 edges without one" in notes


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["source,target", "a,b"], 1, "add the columns source_population and target_population, or a file"),
        (["source,targt", "a,b"], 1, "no column 'target'"),
        (["source,target,wieght", "a,b,1"], 1, "unknown column 'wieght'; allowed: source, target, weight"),
        (["source,target,target", "a,b,1"], 1, "duplicate column 'target'"),
        (["{h}", "a,b,PYR,PV,1", "b,a,PV"], 3, "3 cells, but the header names 5 columns"),
        (["{h}", "a,b,PYR,PV,1", "a, ,PYR,PV,1"], 3, "target: the name of a node is missing"),
        (["{h}", "a,b,PYR,PV,strong"], 2, "'strong' is not a number"),
        (["{h}", "", "a,b,PYR,PV,-2"], 3, "-2 must be positive"),
        (["{h}", "a,b,PYR,PV,nan"], 2, "nan must be a finite number"),
        (["{h}", "a,b,PYR,PV,1", "b,a,SST,PYR,1"], 3, "node 'b' is SST here and PV on line 2"),
        (["{h}", "a,b,PYR,,1"], 2, "1 of 2 nodes have no population"),
        (["{h}", "a,b,PYR,PVV,1"], 2, "unknown population 'PVV' (1 nodes); allowed: PYR, PV, SST; did"),
        (["{h}", "a,b,PYR,PV,1", "a,b,PYR,PV,1"], 3, "this pair is connected twice"),
        (["{h}"], None, "the network has no nodes"),
        ([""], None, "no column 'source'"),
    ],
)  # fmt: skip
def test_wrong_edge_list_names_the_line(tmp_path, lines, line, message, refusal):
    """Would catch an error that leaves the user to search a long file."""
    header = "source,target,source_population,target_population,weight"
    path = write(tmp_path, "net.csv", *(text.format(h=header) for text in lines))
    text = refusal(path)
    assert message in text
    if line:
        assert f"net.csv:{line}:" in text


def test_wrong_node_table_is_refused(tmp_path, refusal):
    """Would catch nodes given twice or not at all, and populations from two places."""
    path = write(tmp_path, "net.csv", "source,target", "a,b", "b,d")
    nodes = ["node,population", "a,PYR", "b,PV"]
    write(tmp_path, "net.nodes.csv", *nodes)
    text = refusal(path)
    assert "net.csv:3:3: target: node 'd' is not in net.nodes.csv" in text
    write(tmp_path, "net.nodes.csv", *nodes, "d,SST", "a,PYR")
    text = refusal(path)
    assert "net.nodes.csv:5:" in text and "duplicate node 'a' (first on line 2)" in text
    write(tmp_path, "net.csv", "source,target,source_population", "a,b,PYR")
    assert "populations are also given in net.nodes.csv" in refusal(path)


def test_classes_in_another_file_under_another_column_with_other_labels(written, read, refusal):
    """Would catch classes that can't be said, and labels that are refused without the line that would say them."""
    path = written("net.csv", "source,target,weight\n0,1,1.0\n1,0,2.0\n")
    nodes = written("cells.csv", "id,cell_type,layer\n0,E,3\n1,pvalb,2\n2,glia,1\n")
    topology, notes = read(path, nodes=nodes, classes={"E": "PYR", "pvalb": "PV", "glia": None})
    assert topology.sizes == {"PYR": 1, "PV": 1}
    assert "classes: took E as PYR (1), pvalb as PV (1), glia as none (1)" in notes
    assert "left out: 1 of 3 nodes that are not in the network, with 0 of 2 edges" in notes
    assert "nodes: took id for node, cell_type for population" in notes
    assert "node attributes not used: layer" in notes
    text = refusal(path, nodes=nodes)
    assert "labels found: E (1), pvalb (1), glia (1)" in text
    assert "population: cell_type, classes: {E: PYR, pvalb: PV, glia: PYR}}; none leaves nodes out" in text
    assert "there are cell_type, layer; did you mean cell_type?" in refusal(path, nodes=nodes, population="cel_type")


def test_parallel_edges_are_summed_only_if_asked(written, read, refusal):
    """Would catch a slip being merged in silence, and a delay of merged synapses that is none of theirs."""
    text = "source,target,weight,delay,source_population,target_population\n"
    path = written("net.csv", text + "0,1,1,1,PYR,PV\n0,1,3,2,PYR,PV\n")
    assert "this pair is connected twice" in refusal(path)
    topology, notes = read(path, parallel="sum")
    assert (topology.weight.tolist(), topology.delay.tolist()) == ([4.0], [1.75])
    assert "parallel: 2 edges merged into 1, one for each pair: weights added, mean delay by weight" in notes


def test_an_undirected_list(written, read):
    """Would catch edges of an undirected graph that count in one direction only."""
    path = written("net.csv", "source,target,weight,pre_class,post_class\n0,1,2,PYR,PV\n")
    topology, notes = read(path, directed="both")
    assert (topology.source.tolist(), topology.target.tolist(), topology.weight.tolist()) == ([0, 1], [1, 0], [2, 2])
    assert "undirected: 1 edges without direction count in both directions" in notes


def test_weights_of_counts_are_divided_by_the_mean_of_their_pair(written, read):
    """Would catch counts of synapses taken as multiples of the model's synapse without a word."""
    path = written("net.csv", "pre,post,nsyns,pre_class,post_class\n0,1,5,PYR,PYR\n1,0,15,PYR,PYR\n")
    _, notes = read(path)
    assert "weight: the mean is PYR to PYR 10; 1 is the model's own synapse, and `normalise: class_pair` divides" in (
        " ".join(notes)
    )
    topology, notes = read(path, normalise="class_pair")
    assert topology.weight.tolist() == [0.5, 1.5]
    assert "weight: divided by the mean of its class pair: PYR to PYR 10" in notes


def test_keys_that_do_nothing_are_refused(written, refusal):
    """Would catch a key that is accepted although this kind of file has no use for it."""
    path = written("net.graphml", "<graphml/>")
    assert "a GraphML file has no `rows`; it is for matrix" in refusal(path, rows="sources")


def test_a_list_of_no_synapses_is_noted(written, read):
    """Catches a run of unconnected neurons after an export that lost its lines."""
    path = written("net.csv", "source,target,weight\n")
    written("net.nodes.csv", "node,population\na,PYR\nb,PV\n")
    topology, notes = read(path)
    assert (topology.n_nodes, topology.n_edges) == (2, 0)
    assert "net.csv: only a header, so there are no synapses" in notes


@pytest.mark.parametrize("suffixes", [("txt", "csv"), ("csv", "tsv"), ("tsv",)])
def test_a_table_of_nodes_may_have_another_suffix(written, read, suffixes):
    """Catches a table beside the file that is not found, and one preferred to that with the file's own suffix."""
    path = written("net.txt", "source target\na b\n")
    for number, suffix in enumerate(suffixes):
        blank = {"csv": ",", "tsv": "\t", "txt": " "}[suffix]
        rows = [("node", "population"), ("a", "SST" if number else "PYR"), ("b", "PV")]
        written(f"net.nodes.{suffix}", "".join(blank.join(row) + "\n" for row in rows))
    assert read(path)[0].sizes == {"PYR": 1, "PV": 1}
    assert files_of(path) == [path, path.with_name(f"net.nodes.{suffixes[0]}")]
