"""Tables as spreadsheets and scripts write them: separators, decimal commas, headers, comments."""


def test_a_spreadsheet_with_decimal_commas(written, read):
    """Would catch the commonest file of half of Europe being refused, or 1,5 being read as 15 or as two columns."""
    header = "Source;Target;Weight;Delay;source_population;target_population"
    path = written("net.csv", f"{header}\n0;1;1,5;2,25;PYR;PV\n1;0;2.0;1;PV;PYR\n")
    topology, notes = read(path)
    assert (topology.weight.tolist(), topology.delay.tolist()) == ([1.5, 2.0], [2.25, 1.0])
    assert "net.csv: columns separated by semicolons" in notes
    assert "net.csv: decimal commas read as points" in notes
    assert "edges: took Source for source, Target for target, Weight for weight, Delay for delay" in notes


def test_decimal_commas_between_commas_are_explained(written, refusal):
    """Would catch a file in which no reader can know which comma is which being read, or refused without a remedy."""
    path = written("net.csv", "source,target,weight\n0,1,1,5\n")
    assert "4 cells, but the header names 3 columns; with decimal commas, separate columns by semi" in refusal(path)


def test_a_text_file_without_header(written, read):
    """Would catch the first synapse being taken for names of columns, and comments for synapses."""
    nodes = written("cells.txt", "id class\n7 PYR\n8 PV\n")
    path = written("net.txt", "# made by hand\n7 8 1.5\n8   7 2\n")
    topology, notes = read(path, nodes=nodes)
    assert topology.labels == (7, 8) and topology.weight.tolist() == [1.5, 2.0]
    assert "net.txt: no header; columns by place: source, target, weight" in notes
    commented = written("net.csv", "# source, target, weight\n7, 8, 1.5\n8, 7, 2\n")
    assert read(commented, nodes=nodes)[0].weight.tolist() == [1.5, 2.0]


def test_a_separator_that_the_ending_does_not_promise(written, read):
    """Would catch a .csv with tabs, or with blanks in names, being split where its writer did not."""
    nodes = written("cells.csv", "node\tpopulation\nleft cell\tPYR\nb\tPV\n")
    topology, notes = read(written("net.csv", "source\ttarget\nleft cell\tb\n"), nodes=nodes)
    assert topology.labels == ("left cell", "b")
    assert "net.csv: columns separated by tabs" in notes and "cells.csv: columns separated by tabs" in notes


def test_control_characters_that_end_lines_are_refused(written, refusal):
    """Would catch a traceback where Python splits lines at a character that is refused."""
    path = written("net.csv", "source,target,pre_class,post_class\n0,1,PYR,PV\n1,\x1c0,PV,PYR\n")
    text = refusal(path)
    assert "net.csv:3:" in text and "this line contains a control character" in text
