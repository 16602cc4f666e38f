"""Edge lists: a text table with a line for each synapse, and optionally one with a line for each neuron.

``edges.csv`` has the columns ``source, target`` and optionally ``weight``, ``delay`` (ms) and others, in any order and
under any name of `ketasim.network_files.columns`; without a header they are, by place, source, target, weight, delay.
Classes are given in a table of nodes: ``edges.nodes.csv`` beside it, or another named by `nodes:` (columns ``node,
population`` and optionally ``x, y`` in um), which also sets the order of nodes and can list nodes without edges; or in
the columns ``source_population, target_population`` of the edge list. An empty cell is a missing value.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.documents.problems import DocumentError, Problem
from ketasim.network_files.assemble import MAX_SHOWN, NetworkTable, Where, integers_if_all
from ketasim.network_files.columns import EDGE_ROLES, NODE_ROLES, Reading, roles_of
from ketasim.network_files.text_table import TextTable, is_number, read_table, refuse

_BY_PLACE = ("source", "target", "weight", "delay")
_POPULATIONS = ("source_population", "target_population")


def read_edge_list(table: TextTable, how: Reading) -> NetworkTable:
    """Read an edge list and, if there is one, the table of nodes.

    Without a table of nodes they are sorted by name, so that the order of lines does not matter.

    Parameters
    ----------
    table : TextTable
        Content of the file.
    how : Reading
        Its `nodes` and `directed` are used.

    Returns
    -------
    NetworkTable
        Content of the files.

    Raises
    ------
    DocumentError
        A column is missing or given twice, or an edge refers to an unknown node.
    """
    notes = list(table.notes())
    if not table.header and table.rows:
        width = len(table.rows[0])
        if not 2 <= width <= len(_BY_PLACE):
            refuse(table.head(), "", f"{width} columns without a header; name them: {', '.join(EDGE_ROLES)}")
        table = table._replace(header=list(_BY_PLACE[:width]))
        notes.append(f"{table.path.name}: no header; columns by place: {', '.join(table.header)}")
    _check_header(table)
    roles = roles_of(table.header, EDGE_ROLES)
    for role in ("source", "target"):
        if role not in roles:
            message = f"no column {role!r}; the first line must name the columns {', '.join(EDGE_ROLES)}"
            refuse(table.head(), "header", message)
        if table.rows and "" in (cells := table.column(roles[role])):
            refuse(table.place(cells.index(""), roles[role]), roles[role], "the name of a node is missing")
    taken = {role: roles[role] for role in ("source", "target")}
    ends = {role: table.column(name) for role, name in taken.items()}
    twice = [roles[role] for role in _POPULATIONS if role in roles]
    if twice and (file := nodes_file(table.path, how)) is not None:
        message = f"populations are also given in {file.name}; remove this column or that file"
        refuse(table.head(), twice[0], message)
    nodes = read_nodes(table.path, how)
    problems: list[Problem] = []
    if nodes is not None:
        names, rows = nodes.names, [(row, "population") for row in range(len(nodes.names))]
        _check_node_table(table, nodes, taken)
        columns: Mapping[str, Callable[[], Any]] = nodes.columns
        notes += nodes.table.notes()
    else:
        names, classes, rows = _nodes_of_edges(table, roles, ends, problems)
        columns = {"population": lambda: classes} if classes else {}
        taken |= {role: roles[role] for role in _POPULATIONS if role in roles}
    if not table.rows:
        notes.append(f"{table.path.name}: only a header, so there are no synapses")
    number = {name: index for index, name in enumerate(names)}
    source, target = (np.array([number[name] for name in ends[role]], np.int64) for role in ("source", "target"))
    node_role = {"node": nodes.column} if nodes else {}
    return NetworkTable(
        origin=_ListOrigin(table, nodes.table if nodes else table, rows, bool(nodes)),
        labels=integers_if_all(names),
        n_nodes=len(names),
        source=source,
        target=target,
        nodes=columns,
        edges={name: partial(table.numbers, name) for name in table.header if name not in taken.values()},
        number=table.number,
        taken={"edge": taken, "node": node_role},
        both=np.ones(len(source), bool) if how.directed == "both" else None,
        strict=True,
        problems=problems,
        notes=notes,
    )


class Nodes:
    """A table of nodes: names, and the other columns.

    Attributes
    ----------
    table : TextTable
        The file.
    column : str
        The column of names.
    names : list of str
        (N,) all different.
    columns : mapping of str to callable
        The other columns, as in `NetworkTable`.
    """

    def __init__(self, path: Path) -> None:
        self.table = table = read_table(path)
        _check_header(table)
        column = roles_of(table.header, NODE_ROLES).get("node")
        if column is None:
            refuse(table.head(), "header", f"no column 'node'; it may be called {', '.join(NODE_ROLES['node'])}")
        self.column, self.names = column, table.column(column)
        self.columns = {name: partial(table.labels, name) for name in table.header if name != column}
        first_row: dict[str, int] = {}
        for row, name in enumerate(self.names):
            if not name:
                refuse(table.place(row, column), column, "the name of a node is missing")
            if name in first_row:
                message = f"duplicate node {name!r} (first on line {table.line[first_row[name]]})"
                refuse(table.place(row, column), column, message)
            first_row[name] = row


def nodes_file(path: Path, how: Reading) -> Path | None:
    """Return the table of nodes that `how` names, or one beside the file; None if there is none."""
    if how.nodes is not None:
        return Path(how.nodes)
    return beside(path) if beside(path).is_file() else None


def read_nodes(path: Path, how: Reading) -> Nodes | None:
    """Read the table of nodes of a file; None without one."""
    file = nodes_file(path, how)
    if file is not None and not file.is_file():
        refuse(None, str(file), "no such file")
    return None if file is None else Nodes(file)


def beside(path: Path) -> Path:
    """Return where a table of nodes is: beside a file, with its suffix, ``.csv`` or ``.tsv``; the first if nowhere."""
    own = [path.suffix] if path.suffix.lower() != ".npy" else []
    places = [path.with_name(f"{path.stem}.nodes{suffix}") for suffix in (*own, ".csv", ".tsv")]
    return next((place for place in places if place.is_file()), places[0])


def _remedy(path: Path) -> str:
    return (
        f"add the columns source_population and target_population, or a file {beside(path).name} with the columns "
        "node, population, or name another by `nodes:` under network"
    )


class _ListOrigin:
    """Names nodes and edges by file and line."""

    def __init__(self, edges: TextTable, nodes: TextTable, rows: Sequence[tuple[int, str]], own_table: bool) -> None:
        self.name = str(nodes.path)
        self._edges = edges
        self._nodes = nodes
        self._rows = rows
        self.population_remedy = "fill its column population" if own_table else _remedy(edges.path)

    def node(self, index: int, column: str) -> Where:
        """Name a column of a node."""
        row, name = self._rows[index]
        if not name:
            return self._nodes.head(), "header"
        column = column if column in self._nodes.header else name
        return self._nodes.place(row, column), column

    def edge(self, index: int, column: str) -> Where:
        """Name a column of an edge."""
        if not self._edges.rows:
            return self._edges.head(), column
        return self._edges.place(index, column or "source"), column or "source, target"


def _check_header(table: TextTable) -> None:
    for name in table.header:
        if table.header.count(name) > 1:
            refuse(table.head(), "header", f"duplicate column {name!r}")


def _check_node_table(edges: TextTable, nodes: Nodes, ends: Mapping[str, str]) -> None:
    known = set(nodes.names)
    problems = []
    for column in ends.values():
        for row, name in enumerate(edges.column(column)):
            if name not in known:
                message = f"node {name!r} is not in {nodes.table.path.name}"
                problems.append(Problem(edges.place(row, column), column, message))
    if problems:
        raise DocumentError(problems[:MAX_SHOWN])


def _nodes_of_edges(
    edges: TextTable, roles: Mapping[str, str], ends: Mapping[str, list[str]], problems: list[Problem]
) -> tuple[list[str], list[str | None], list[tuple[int, str]]]:
    """Collect the names of nodes, their populations, and the cell that gives each from the edge list."""
    found: dict[str, tuple[str | None, int, str]] = {}
    columns = []
    for end in ("source", "target"):
        column = roles.get(f"{end}_population")
        empty: list[str | None] = [None] * len(edges.rows)
        columns.append((column or "", ends[end], edges.labels(column) if column else empty))
    for row in range(len(edges.rows)):
        for column, names, populations in columns:
            name, population = names[row], populations[row]
            before = found.setdefault(name, (population, row, column))
            if population != before[0]:
                message = (
                    f"node {name!r} is {population or 'without population'} here and "
                    f"{before[0] or 'without population'} on line {edges.line[before[1]]}"
                )
                problems.append(Problem(edges.place(row, column), column, message))
    by_name: dict[Any, str] = dict(zip(integers_if_all(list(found)), found, strict=True))
    ordered = [by_name[key] for key in sorted(by_name)]
    classes = [found[name][0] for name in ordered] if set(_POPULATIONS) & set(roles) else []
    return ordered, classes, [found[name][1:] for name in ordered]


def looks_like_matrix(table: TextTable) -> bool:
    """Return whether a table is square, with or without names, and has no column that an edge list needs."""
    if "source" in roles_of(table.header, EDGE_ROLES) or not table.rows:
        return False
    width, height = len(table.rows[0]), len(table.rows)
    if not table.header and width <= len(_BY_PLACE):
        return False
    return width in (height, height + 1) and all(is_number(cell) or not cell for cell in table.rows[-1][1:])
