"""Edge lists: a CSV or TSV file with a line for each synapse, and optionally one with a line for each neuron.

``edges.csv`` has the columns ``source, target`` and optionally ``weight`` and ``delay`` (ms). Populations are given in
``edges.nodes.csv`` beside it (columns ``node, population`` and optionally ``x, y`` in um), which also sets the order of
nodes and can list nodes without edges; or in the columns ``source_population, target_population`` of the edge list. An
empty cell is a missing value.
"""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ketasim.documents.nearest import did_you_mean
from ketasim.documents.problems import DocumentError, Place, Problem
from ketasim.network_files.assemble import (
    MAX_SHOWN,
    Columns,
    NetworkTable,
    Where,
    integers_if_all,
    number_column,
)

#: Largest file in bytes; a cell takes up to ten times its text in memory.
_MOST_BYTES = 500_000_000
_STRAY = re.compile("[\x00-\x08\x0e-\x1f\x7f]")

_STRENGTH = ("weight", "delay")
_POPULATIONS = ("source_population", "target_population")
_COORDINATES = ("x", "y")


class _Table(NamedTuple):
    """Cells of a file, and the line on which each row ends."""

    path: Path
    text: list[str]
    header: list[str]
    rows: list[list[str]]
    line: list[int]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column, stripped."""
        index = self.header.index(name)
        return [row[index].strip() for row in self.rows]

    def numbers(self, name: str) -> list[Any]:
        """Return cells as floats; None if empty or without such a column; the text if not a number."""
        return [_number(cell) for cell in self.column(name)] if name in self.header else [None] * len(self.rows)

    def place(self, row: int, name: str) -> Place:
        """Return the place of a cell; only its line if quotes hide the cells' limits."""
        text = self.text[self.line[row] - 1]
        before = self.header.index(name) if name in self.header and '"' not in text else 0
        column = 1 + sum(len(cell) + 1 for cell in self.rows[row][:before])
        return Place(str(self.path), self.line[row], column, text)


def read_edge_list(path: Path) -> tuple[NetworkTable, "_ListOrigin", list[Problem]]:
    """Read an edge list and, if there is one, the node table beside it.

    Without a node table nodes are sorted by name, so that the order of lines does not matter.

    Returns
    -------
    table : NetworkTable
        Content of the files.
    origin : Origin
        Names nodes and edges by file and line.
    problems : list of Problem
        Cells that cannot be read.

    Raises
    ------
    DocumentError
        A file is not a table, lacks a column or has an unknown one, or an edge refers to an unknown node.
    """
    edges = _read_table(path, ("source", "target"), (*_STRENGTH, *_POPULATIONS))
    node_path = path.with_name(f"{path.stem}.nodes{path.suffix}")
    problems: list[Problem] = []
    if node_path.is_file():
        nodes = _read_table(node_path, ("node", "population"), _COORDINATES)
        names = nodes.column("node")
        population: list[str | None] = [cell or None for cell in nodes.column("population")]
        rows = [(row, "population") for row in range(len(names))]
        _check_node_table(edges, nodes, names)
    else:
        nodes = None
        names, population, rows = _nodes_of_edges(edges, node_path, problems)
    origin = _ListOrigin(edges, nodes or edges, rows, "fill its column population" if nodes else "")
    number = {name: index for index, name in enumerate(names)}
    table = NetworkTable(
        labels=integers_if_all(names),
        population=population,
        position=Columns(*_coordinates(nodes, len(names), origin, problems)),
        source=np.array([number[name] for name in edges.column("source")], np.int64),
        target=np.array([number[name] for name in edges.column("target")], np.int64),
        strength=Columns(
            *(number_column(edges.numbers(name), _namer(origin.edge, name), problems) for name in _STRENGTH)
        ),
    )
    return table, origin, problems


class _ListOrigin:
    """Names nodes and edges by file and line."""

    def __init__(self, edges: _Table, nodes: _Table, rows: Sequence[tuple[int, str]], remedy: str) -> None:
        self.name = str(nodes.path)
        self._edges = edges
        self._nodes = nodes
        self._rows = rows
        self.population_remedy = remedy or "fill the columns source_population and target_population"

    def node(self, index: int, column: str) -> Where:
        """Name a column of a node."""
        row, name = self._rows[index]
        column = column if column in self._nodes.header else name
        return self._nodes.place(row, column), column

    def edge(self, index: int, column: str) -> Where:
        """Name a column of an edge."""
        return self._edges.place(index, column or "source"), column or "source, target"


def _read_table(path: Path, required: Sequence[str], optional: Sequence[str]) -> _Table:
    size = path.stat().st_size
    if size > _MOST_BYTES:
        message = f"{size / 1e6:.0f} MB; tables may have up to {_MOST_BYTES / 1e6:.0f} MB; use SONATA beyond"
        _refuse(None, str(path), message)
    try:
        text = path.read_text(encoding="utf-8-sig").splitlines()
        reader = csv.reader(text, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        lines = [(row, reader.line_num) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        _refuse(None, str(path), f"not a table in UTF-8: {error}")
    stray = next((number for number, line in enumerate(text, start=1) if _STRAY.search(line)), None)
    if stray:
        _refuse(Place(str(path), stray, 1, text[stray - 1]), "", "this line contains a control character")
    header = [cell.strip() for cell in lines[0][0]] if lines else []
    table = _Table(path, text, header, [row for row, _ in lines[1:]], [line for _, line in lines[1:]])
    _check_header(table, required, optional)
    for index, row in enumerate(table.rows):
        if len(row) != len(header):
            message = f"{len(row)} cells, but the header names {len(header)} columns"
            _refuse(table.place(index, ""), "", message)
        for name in set(required) - {"population"}:
            if not row[header.index(name)].strip():
                _refuse(table.place(index, name), name, "the name of a node is missing")
    return table


def _check_header(table: _Table, required: Sequence[str], optional: Sequence[str]) -> None:
    place = Place(str(table.path), 1, 1, table.text[0] if table.text else "")
    allowed = (*required, *optional)
    for name in required:
        if name not in table.header:
            _refuse(
                place,
                "header",
                f"no column {name!r}; the first line must name the columns {', '.join(allowed)}",
            )
    for name in table.header:
        if name not in allowed:
            message = f"unknown column {name!r}; allowed: {', '.join(allowed)}{did_you_mean(name, allowed)}"
            _refuse(place, "header", message)
        if table.header.count(name) > 1:
            _refuse(place, "header", f"duplicate column {name!r}")


def _check_node_table(edges: _Table, nodes: _Table, names: Sequence[str]) -> None:
    given_twice = [name for name in _POPULATIONS if name in edges.header]
    if given_twice:
        place = Place(str(edges.path), 1, 1, edges.text[0])
        message = f"populations are also given in {nodes.path.name}; remove this column or that file"
        _refuse(place, given_twice[0], message)
    first_row: dict[str, int] = {}
    for row, name in enumerate(names):
        if name in first_row:
            message = f"duplicate node {name!r} (first on line {nodes.line[first_row[name]]})"
            _refuse(nodes.place(row, "node"), "node", message)
        first_row[name] = row
    problems = []
    for column in ("source", "target"):
        for row, name in enumerate(edges.column(column)):
            if name not in first_row:
                message = f"node {name!r} is not in {nodes.path.name}"
                problems.append(Problem(edges.place(row, column), column, message))
    if problems:
        raise DocumentError(problems[:MAX_SHOWN])


def _nodes_of_edges(
    edges: _Table, node_path: Path, problems: list[Problem]
) -> tuple[list[str], list[str | None], list[tuple[int, str]]]:
    """Collect the names of nodes, their populations, and the cell that gives each from the edge list."""
    if not set(_POPULATIONS) <= set(edges.header):
        place = Place(str(edges.path), 1, 1, edges.text[0])
        _refuse(
            place,
            "header",
            "nodes have no population; add the columns source_population and target_population, or a file "
            f"{node_path.name} with the columns node, population",
        )
    found: dict[str, tuple[str | None, int, str]] = {}
    columns = [
        (f"{end}_population", edges.column(end), edges.column(f"{end}_population")) for end in ("source", "target")
    ]
    for row in range(len(edges.rows)):
        for column, names, populations in columns:
            name, population = names[row], populations[row] or None
            before = found.setdefault(name, (population, row, column))
            if population != before[0]:
                message = (
                    f"node {name!r} is {population or 'without population'} here and "
                    f"{before[0] or 'without population'} on line {edges.line[before[1]]}"
                )
                problems.append(Problem(edges.place(row, column), column, message))
    by_name: dict[Any, str] = dict(zip(integers_if_all(list(found)), found, strict=True))
    ordered = [by_name[key] for key in sorted(by_name)]
    return ordered, [found[name][0] for name in ordered], [found[name][1:] for name in ordered]


def _coordinates(nodes: _Table | None, n_nodes: int, origin: _ListOrigin, problems: list[Problem]) -> Any:
    for name in _COORDINATES:
        values = nodes.numbers(name) if nodes else [None] * n_nodes
        yield number_column(values, _namer(origin.node, name), problems)


def _namer(where: Callable[[int, str], Where], column: str) -> Callable[[int], Where]:
    return lambda index: where(index, column)


def _number(cell: str) -> Any:
    try:  # Python would read 1_0 as 10
        return (cell if "_" in cell else float(cell)) if cell else None
    except ValueError:
        return cell


def _refuse(place: Place | None, path: str, message: str) -> NoReturn:
    raise DocumentError([Problem(place, path, message)])
