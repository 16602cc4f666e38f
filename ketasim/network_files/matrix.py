"""Matrices of weights: ``.npy``, or a text table with or without names in its first row and column.

Rows may send or receive; which is stated by `rows: sources` or `rows: targets`. Zeros and empty cells are no synapses.
Names of columns are matched with names of rows, not by place. Classes are given by a table of nodes (`nodes:`, or
``NAME.nodes.csv`` beside the file), again by name, or under `classes:` for each name.
"""

import warnings
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.network_files.assemble import NetworkTable, Where, integers_if_all
from ketasim.network_files.columns import Reading
from ketasim.network_files.edge_list import Nodes, beside, read_nodes
from ketasim.network_files.text_table import TextTable, is_number, refuse

#: Largest number of nodes; a matrix of floats then has 3.2 GB.
_MOST_NODES = 20_000
#: Errors of numpy, whose parser of headers lets those of Python's own through.
_NOT_NUMPY = (
    ArithmeticError, EOFError, LookupError, MemoryError, OSError, SyntaxError, TypeError, ValueError, TokenError,
)  # fmt: skip


def read_matrix(source: Path | TextTable, how: Reading) -> NetworkTable:
    """Read a matrix of weights.

    Parameters
    ----------
    source : Path or TextTable
        A ``.npy`` file, or the content of a text file, without header.
    how : Reading
        Its `rows` and `nodes` are used.

    Raises
    ------
    DocumentError
        The matrix is not square or not of numbers, its orientation is not stated, or names do not match.
    """
    path = source if isinstance(source, Path) else source.path
    if how.rows is None:
        refuse(None, str(path), "a matrix; state under `network` whether its rows send or receive: "
               "`rows: sources` (row i, column j is the weight from i to j) or `rows: targets`")  # fmt: skip
    matrix, names = _from_numpy(path) if isinstance(source, Path) else _from_text(source)
    nodes = read_nodes(path, how)
    labels = [str(number) for number in range(len(matrix))] if names is None else names
    order = _order(labels, nodes, path)
    matrix = matrix[np.ix_(order, order)] if order else matrix
    labels = [labels[index] for index in order] if order else labels
    first, second = np.nonzero(matrix)
    weight = matrix[first, second]
    ends = (first, second) if how.rows == "sources" else (second, first)
    notes = [f"{path.name}: a matrix of {len(matrix)} nodes, rows are {how.rows}"]
    if names is None and nodes is not None:
        notes.append(
            f"{path.name}: without names; its rows are nodes 0 to {len(matrix) - 1} of {nodes.table.path.name}"
        )
    return NetworkTable(
        origin=_MatrixOrigin(path, labels, (first, second), nodes),
        labels=integers_if_all(labels),
        n_nodes=len(matrix),
        source=ends[0],
        target=ends[1],
        nodes=nodes.columns if nodes else {},
        edges={"weight": lambda: np.ma.masked_array(weight, mask=np.zeros(len(weight), bool))},
        number=nodes.table.number if nodes else float,
        taken={"node": {"node": nodes.column} if nodes else {}},
        relative=False,
        strict=True,
        notes=[
            *notes,
            *(source.notes() if isinstance(source, TextTable) else ()),
            *(nodes.table.notes() if nodes else ()),
        ],
    )


class _MatrixOrigin:
    """Names nodes by name and edges by row and column."""

    def __init__(self, path: Path, labels: list[str], cells: tuple[NDArray, NDArray], nodes: Nodes | None) -> None:
        self.name, self._labels, self._cells, self._nodes = str(path), labels, cells, nodes
        self.population_remedy = (
            f"name a table of nodes by `nodes:`, or call it {beside(path).name} (columns node, population); "
            "or list each name under `classes:`"
        )

    def node(self, index: int, column: str) -> Where:
        """Name a column of a node."""
        if self._nodes is not None and column in self._nodes.table.header:
            return self._nodes.table.place(index, column), column
        return None, f"{self.name}: node {self._labels[index]!r}"

    def edge(self, index: int, column: str) -> Where:
        """Name a cell of the matrix."""
        row, cell = (self._labels[int(end[index])] for end in self._cells)
        return None, f"{self.name}: row {row!r}, column {cell!r}"


def _from_numpy(path: Path) -> tuple[NDArray[np.float64], None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # written by Python 2
            stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except _NOT_NUMPY as error:
        refuse(None, str(path), f"not an array of numbers saved by numpy: {error}")
    if stored.ndim != 2 or stored.shape[0] != stored.shape[1] or stored.dtype.kind not in "biuf":
        refuse(None, str(path), f"must be a square matrix of numbers, not {stored.dtype} of shape {stored.shape}")
    _refuse_large(path, len(stored))
    return np.array(stored, np.float64), None


def _from_text(table: TextTable) -> tuple[NDArray[np.float64], list[str] | None]:
    rows, path = table.rows, table.path
    if not rows:
        refuse(None, str(path), "the file is empty")
    above = not all(is_number(cell) for cell in rows[0][1:]) or not rows[0][0].strip()
    left = above and len(rows) == len(rows[0]) and not is_number(rows[-1][0])
    left = left or (above and len(rows) == len(rows[0]) and not rows[0][0].strip())
    body = [row[1:] if left else row for row in rows[1 if above else 0 :]]
    if not body or len(body) != len(body[0]):
        height, width = len(body), len(body[0]) if body else 0
        refuse(table.head(), "", f"{height} rows and {width} columns of numbers; a matrix must be square")
    _refuse_large(path, len(body))
    matrix = np.array([[_weight(table, cell, number) for cell in row] for number, row in enumerate(body, int(above))])
    if not above:
        return matrix, None
    columns = [cell.strip() for cell in rows[0][1 if left else 0 :]]
    names = [row[0].strip() for row in rows[1:]] if left else columns
    for which, found in (("row", names), ("column", columns)):
        twice = next((name for name in found if found.count(name) > 1), None)
        if twice is not None:
            refuse(table.head(), "", f"two {which}s are called {twice!r}")
    other = sorted(set(columns) ^ set(names))
    if other:
        refuse(table.head(), "", f"rows and columns have different names: {', '.join(other[:5])} only in one of them")
    place = {name: index for index, name in enumerate(columns)}
    return matrix[:, [place[name] for name in names]], names


def _weight(table: TextTable, cell: str, row: int) -> float:
    value: Any = table.number(cell.strip())
    if isinstance(value, str):
        refuse(table.place(row, ""), "", f"{cell.strip()!r} is not a number")
    return 0.0 if value is None else float(value)


def _order(labels: list[str], nodes: Nodes | None, path: Path) -> list[int]:
    """Return the rows of the matrix in the order of the table of nodes, matched by name."""
    if nodes is None:
        return []
    place = {name: index for index, name in enumerate(labels)}
    missing = [name for name in labels if name not in set(nodes.names)]
    extra = [name for name in nodes.names if name not in place]
    for names, words in ((missing, f"is not in {nodes.table.path.name}"), (extra, f"is not in {path.name}")):
        if names:
            refuse(None, str(path), f"node {names[0]!r} {words} ({len(names)} such nodes); they are matched by name")
    return [place[name] for name in nodes.names]


def _refuse_large(path: Path, size: int) -> None:
    if size > _MOST_NODES:
        refuse(None, str(path), f"{size} nodes; a matrix may have up to {_MOST_NODES}; use SONATA beyond")
