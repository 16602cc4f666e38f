"""Matrices: orientation, names, signs, and what is not one."""

import numpy as np
import pytest

SIGNED = ",A,B,C\nA,0,5,0\nB,-2,0,-1\nC,0,3,0\n"
CLASSES = {"A": "PYR", "B": "PV", "C": "PYR"}


def edges_of(topology):
    labels = topology.labels or range(topology.n_nodes)
    columns = (topology.source, topology.target, topology.weight)
    return {(labels[s], labels[t]): w for s, t, w in zip(*(column.tolist() for column in columns), strict=True)}


def test_a_matrix_is_read_as_its_rows_are_said_to_be(written, read, refusal):
    """Would catch a matrix that is read without its orientation, or transposed."""
    path = written("net.csv", SIGNED)
    assert "state under `network` whether its rows send or receive: `rows: sources`" in refusal(path)
    topology, notes = read(path, rows="sources", classes=CLASSES)
    assert edges_of(topology) == {("A", "B"): 5.0, ("B", "A"): 2.0, ("B", "C"): 1.0, ("C", "B"): 3.0}
    assert "net.csv: a matrix of 3 nodes, rows are sources" in notes
    assert "weight: 2 negative ones of inhibitory neurons, taken by their size" in notes
    turned = written("turned.csv", ",A,B,C\nA,0,-2,0\nB,5,0,3\nC,0,-1,0\n")
    assert edges_of(read(turned, rows="targets", classes=CLASSES)[0]) == edges_of(topology)


def test_a_sign_that_contradicts_the_class_names_the_cell(written, refusal):
    """Would catch a matrix of the other orientation being run, which its signs give away."""
    text = refusal(written("net.csv", SIGNED), rows="targets", classes=CLASSES)
    assert "row 'A', column 'B': 5 must be negative" in text and "row 'B', column 'A': -2 must be positive" in text


def test_names_match_by_name_not_by_place(written, read, refusal):
    """Would catch columns or a table of nodes in another order than the rows being matched by place."""
    path = written("net.csv", "name;C;A;B\nA;0;0;5,5\nB;-1;-2;0\nC;0;0;3\n")
    nodes = written("cells.csv", "cell,type\nB,PV\nC,PYR\nA,PYR\n")
    topology, _ = read(path, rows="sources", nodes=nodes)
    assert edges_of(topology) == {("A", "B"): 5.5, ("B", "A"): 2.0, ("B", "C"): 1.0, ("C", "B"): 3.0}
    assert topology.labels == ("C", "A", "B")
    assert "rows and columns have different names: C, D only in one of them" in refusal(
        written("other.csv", SIGNED.replace("C,0,3", "D,0,3")), rows="sources", classes=CLASSES
    )
    lost = written("lost.csv", "cell,type\nB,PV\nC,PYR\n")
    assert "node 'A' is not in lost.csv (1 such nodes); they are matched by name" in refusal(
        path, rows="sources", nodes=lost
    )


@pytest.mark.parametrize("suffix", ["npy", "csv", "txt"])
def test_matrices_without_names_number_their_nodes(tmp_path, suffix, read):
    """Would catch a first row taken for names, self-edges that are refused, and zeros that are counted as synapses."""
    matrix = np.random.default_rng(1).integers(0, 3, (6, 6)).astype(float)
    path = tmp_path / f"net.{suffix}"
    if suffix == "npy":
        np.save(path, matrix)
    else:
        np.savetxt(path, matrix, delimiter="," if suffix == "csv" else " ")
    rows = "".join(f"{number},{'PYR' if number < 4 else 'PV'}\n" for number in range(6))
    (tmp_path / "net.nodes.csv").write_text("node,population\n" + rows, encoding="utf-8")
    topology, notes = read(path, rows="sources")
    np.fill_diagonal(matrix, 0.0)
    assert edges_of(topology) == {(i, j): matrix[i, j] for i, j in zip(*np.nonzero(matrix), strict=True)}
    assert any("self-edges left out" in note for note in notes) and not any("weight 0" in note for note in notes)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3)), "must be a square matrix of numbers, not float64 of shape (2, 3)"),
        (np.zeros(4), "of shape (4,)"),
        (np.array([["a"]]), "must be a square matrix of numbers, not <U1"),
        (np.array([[object()]]), "not an array of numbers saved by numpy"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, message, refusal):
    """Would catch a vector that is run, and a pickle, which may execute anything, being loaded."""
    np.save(tmp_path / "net.npy", array, allow_pickle=True)
    assert message in refusal(tmp_path / "net.npy", rows="sources")


def test_damaged_arrays_and_tables_are_refused(tmp_path, written, refusal):
    """Would catch a traceback of numpy, or of a table that is no matrix."""
    (tmp_path / "net.npy").write_bytes(b"\x93NUMPY\x01\x00")
    assert "not an array of numbers saved by numpy" in refusal(tmp_path / "net.npy", rows="sources")
    np.save(tmp_path / "net.npy", np.eye(3))
    whole = (tmp_path / "net.npy").read_bytes()
    (tmp_path / "net.npy").write_bytes(whole.replace(b"False", b"Fal'("))
    assert "not an array of numbers saved by numpy" in refusal(tmp_path / "net.npy", rows="sources")
    assert "2 rows and 3 columns of numbers; a matrix must be square" in refusal(
        written("a.csv", "0,1,2\n3,4,5\n"), rows="targets"
    )
    assert "'x' is not a number" in refusal(written("b.csv", "0,1\nx,0\n"), rows="targets")
    assert "two columns are called 'A'" in refusal(written("c.csv", ",A,A\nA,0,1\nB,1,0\n"), rows="targets")
    assert "the file is empty" in refusal(written("d.csv", ""), rows="targets")
