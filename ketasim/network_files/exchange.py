"""Import of networkx graphs and network files, export of networkx graphs."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.documents.problems import DocumentError, Problem
from ketasim.network.topology import FAST_STEP, Topology
from ketasim.network_files.assemble import NetworkTable, Where, assemble
from ketasim.network_files.columns import PLAIN, Reading
from ketasim.network_files.conductance_scale import graph_attributes, stated_by
from ketasim.network_files.edge_list import Nodes, beside, looks_like_matrix, read_edge_list
from ketasim.network_files.graphml import read_graphml
from ketasim.network_files.matrix import read_matrix
from ketasim.network_files.sonata import read_sonata
from ketasim.network_files.sonata_config import read_circuit_config
from ketasim.network_files.text_table import read_table

if TYPE_CHECKING:
    import networkx

#: Python's integers are unbounded, but numpy cannot convert those beyond a float.
_GIANT = 10**300

#: Kinds of network files by suffix; circuit files (.yaml) are read by `ketasim.network_files.circuit`.
KINDS = {
    "GraphML": (".graphml",),
    "SONATA": (".h5", ".hdf5", ".json"),
    "text": (".csv", ".tsv", ".txt", ".edges", ".edgelist"),
    "matrix": (".npy",),
}
#: Keys of `Reading` that are for some kinds only.
_APPLIES = {
    "nodes": ("GraphML", "edge list", "matrix"),
    "rows": ("matrix",),
    "directed": ("GraphML", "edge list"),
}


def from_networkx(
    graph: "networkx.DiGraph", known: Sequence[str], dt_ms: float = FAST_STEP
) -> tuple[Topology, tuple[str, ...]]:
    """Make a topology from a directed networkx graph.

    Nodes have attributes `population`, and `pos` = (x, y) or `x` and `y` in um; edges have `weight` (relative strength,
    1 is the mean of the class pair) and `delay` in ms. A missing weight is 1, a missing delay 1 ms; if no node has a
    position, nodes are laid out on a square grid, 20 um apart, in the graph's order. Attributes of the graph such as
    ``conductance_scale_PYR__PV`` are factors on the conductances of class pairs.

    Parameters
    ----------
    graph : networkx.DiGraph
        Or a MultiDiGraph without parallel edges.
    known : sequence of str
        Allowed populations, in the order of nodes.
    dt_ms : float
        Fast step in ms; no delay may be shorter.

    Returns
    -------
    topology : Topology
        Its labels are the graph's node keys.
    notes : tuple of str
        A sentence for each default used and for attributes not used.

    Raises
    ------
    TypeError
        `graph` is not a networkx graph.
    DocumentError
        With all problems of the graph.

    Examples
    --------
    >>> import networkx
    >>> graph = networkx.DiGraph([("a", "b")])
    >>> networkx.set_node_attributes(graph, {"a": "PYR", "b": "PV"}, "population")
    >>> topology, notes = from_networkx(graph, ("PYR", "PV", "SST"))
    >>> topology.sizes, topology.delay.tolist()
    ({'PYR': 1, 'PV': 1}, [1.0])
    >>> notes[-1]
    'delay: 1 ms for 1 of 1 edges without one'
    """
    remedy = 'networkx.set_node_attributes(graph, {node: "PYR", ...}, "population")'
    return _import_graph(graph, known, dt_ms, "graph", remedy)


def to_networkx(topology: Topology) -> "networkx.DiGraph":
    """Make a networkx graph from a topology; `from_networkx` recovers the topology.

    Returns
    -------
    graph : networkx.DiGraph
        Nodes under their labels (numbers 0..N-1 if they have none), with `population`, `node_id` within it, `x` and `y`
        in um; edges with `weight` (relative strength) and `delay` in ms. Factors on the conductances of class pairs are
        attributes of the graph, such as ``conductance_scale_PYR__PV``.
    """
    import networkx

    labels = range(topology.n_nodes) if topology.labels is None else topology.labels
    names = [topology.population_names[index] for index in topology.population]
    graph = networkx.DiGraph(**graph_attributes(topology.conductance_scale))
    graph.add_nodes_from(
        (label, {"population": name, "node_id": node_id, "x": x, "y": y})
        for label, name, node_id, (x, y) in zip(
            labels, names, topology.node_id.tolist(), topology.position.tolist(), strict=True
        )
    )
    columns = (topology.source, topology.target, topology.weight, topology.delay)
    graph.add_edges_from(
        (labels[source], labels[target], {"weight": weight, "delay": delay})
        for source, target, weight, delay in zip(*(column.tolist() for column in columns), strict=True)
    )
    return graph


def read_network_file(
    path: str | Path, known: Sequence[str], dt_ms: float = FAST_STEP, how: Reading = PLAIN
) -> tuple[Topology, tuple[str, ...]]:
    """Read a network: GraphML, SONATA, an edge list or a matrix, by the file's suffix and content.

    Parameters
    ----------
    path : str or Path
        ``.graphml``; ``.h5`` or ``.hdf5`` with SONATA's ``/nodes`` and ``/edges``, such as a trajectory, or ``.json``,
        SONATA's circuit configuration (`ketasim.network_files.sonata`); ``.npy``, a matrix
        (`ketasim.network_files.matrix`); ``.csv``, ``.tsv``, ``.txt``, ``.edges`` or ``.edgelist``, an edge list
        (`ketasim.network_files.edge_list`) or a matrix.
    known : sequence of str
        Allowed populations, in the order of nodes.
    dt_ms : float
        Fast step in ms; no delay may be shorter.
    how : Reading
        What the file alone does not say.

    Returns
    -------
    topology : Topology
        As from `from_networkx`.
    notes : tuple of str
        As from `from_networkx`.

    Raises
    ------
    DocumentError
        The file is missing, unreadable, or not a network that can be run; or `how` says what does not apply to it.
    """
    path = Path(path)
    kind = next((kind for kind, suffixes in KINDS.items() if path.suffix.lower() in suffixes), None)
    if kind is None:
        circuits = "circuit files (.yaml) belong under network.file of an experiment"
        allowed = ", ".join(suffix for suffixes in KINDS.values() for suffix in suffixes)
        message = f"unknown kind of network file {path.suffix!r}; allowed: {allowed}; {circuits}"
        raise DocumentError([Problem(None, str(path), message)])
    if not path.is_file():
        raise DocumentError([Problem(None, str(path), "no such file")])
    return assemble(_read(path, kind, known, how), known, dt_ms, how)


def _read(path: Path, kind: str, known: Sequence[str], how: Reading) -> NetworkTable:
    if kind == "text":
        text = read_table(path, header=None if how.rows is None else False)
        kind = "matrix" if how.rows is not None or looks_like_matrix(text) else "edge list"
    idle = [key for key, kinds in _APPLIES.items() if getattr(how, key) is not None and kind not in kinds]
    if idle:
        message = f"a {kind} file has no `{idle[0]}`; it is for {' and '.join(_APPLIES[idle[0]])}: leave it out"
        raise DocumentError([Problem(None, f"{path}: {idle[0]}", message)])
    if kind == "SONATA":
        return read_sonata(path, known, how)
    if kind == "GraphML":
        return _with_nodes(read_graphml(path, how), how)
    if kind == "matrix":
        return read_matrix(path if path.suffix.lower() == ".npy" else text, how)
    return read_edge_list(text, how)


def _with_nodes(table: NetworkTable, how: Reading) -> NetworkTable:
    """Add the columns of the table of nodes that `how` names, matched by name; they take precedence."""
    if how.nodes is None or table.labels is None:
        return table
    nodes = Nodes(Path(how.nodes))
    row = {name: number for number, name in enumerate(nodes.names)}
    rows = [row.get(str(label)) for label in table.labels]

    def joined(values: Callable[[], Any]) -> list[Any]:
        cells = values()
        return [None if one is None else cells[one] for one in rows]

    columns = dict(table.nodes) | {name: partial(joined, values) for name, values in nodes.columns.items()}
    found = sum(one is not None for one in rows)
    said = f"{nodes.table.path.name}: {found} of {len(rows)} nodes found in it by name, {len(row) - found} others"
    notes = [*table.notes, *nodes.table.notes(), *([said] if not found == len(rows) == len(row) else [])]
    return replace(table, nodes=columns, notes=notes, taken={"node": {"node": nodes.column}})


def files_of(path: str | Path, how: Reading = PLAIN) -> list[Path]:
    """Return every file that `read_network_file` reads: the file, its table of nodes, the files of a circuit.

    Raises
    ------
    DocumentError
        A circuit configuration cannot be followed.
    """
    path = Path(path)
    found = [path]
    if path.suffix.lower() == ".json":
        circuit = read_circuit_config(path)
        found += [file for pair in (*circuit.nodes, *circuit.edges) for file in pair if file is not None]
    elif how.nodes is not None:
        found.append(Path(how.nodes))
    elif path.suffix.lower() in (*KINDS["text"], *KINDS["matrix"]) and beside(path).is_file():
        found.append(beside(path))
    return found


def _import_graph(
    graph: "networkx.DiGraph", known: Sequence[str], dt_ms: float, name: str, population_remedy: str
) -> tuple[Topology, tuple[str, ...]]:
    _refuse_other_graphs(graph, name)
    labels = list(graph.nodes)
    number = {label: index for index, label in enumerate(labels)}
    rows = list(graph.edges(data=True))
    origin = _GraphOrigin(name, population_remedy, labels, rows)
    problems: list[Problem] = []
    data = [attributes for _, attributes in graph.nodes(data=True)]
    nodes = _attributes(data)
    if "pos" in nodes:
        del nodes["pos"]
        x, y = _coordinates(data, origin, problems)
        nodes |= {"x": partial(_no_giants, x), "y": partial(_no_giants, y)}
    table = NetworkTable(
        origin=origin,
        labels=labels,
        n_nodes=len(labels),
        source=np.array([number[source] for source, _, _ in rows], np.int64),
        target=np.array([number[target] for _, target, _ in rows], np.int64),
        nodes=nodes,
        edges=_attributes([attributes for _, _, attributes in rows]),
        scale=stated_by(graph.graph, lambda attribute: (None, f"{name}.graph[{attribute!r}]")),
        problems=problems,
    )
    return assemble(table, known, dt_ms)


def _attributes(rows: Sequence[dict[str, Any]]) -> dict[str, Callable[[], list[Any]]]:
    names = {str(key): key for attributes in rows for key in attributes}
    return {
        name: partial(lambda key: _no_giants([attributes.get(key) for attributes in rows]), key)
        for name, key in names.items()
    }


class _GraphOrigin:
    """Names nodes and edges by the expression that accesses them in the graph."""

    def __init__(
        self,
        name: str,
        population_remedy: str,
        labels: Sequence[Hashable],
        rows: Sequence[tuple[Hashable, Hashable, dict]],
    ) -> None:
        self.name = name
        self.population_remedy = population_remedy
        self._labels = labels
        self._rows = rows

    def node(self, index: int, column: str) -> Where:
        """Name an attribute of a node."""
        return None, f"{self.name}.nodes[{self._labels[index]!r}][{column!r}]"

    def edge(self, index: int, column: str) -> Where:
        """Name an attribute of an edge, or the edge."""
        source, target, _ = self._rows[index]
        attribute = f"[{column!r}]" if column else ""
        return None, f"{self.name}.edges[{source!r}, {target!r}]{attribute}"


def _refuse_other_graphs(graph: Any, name: str) -> None:
    import networkx

    if not isinstance(graph, networkx.Graph):
        raise TypeError(f"`{name}` must be a networkx.DiGraph, not {type(graph).__name__}")
    message = ""
    if not graph.is_directed():
        message = "the graph is undirected, but synapses have a direction; use graph.to_directed() or a DiGraph"
    elif graph.is_multigraph():
        parallel = [(u, v) for u, v in set(graph.edges()) if graph.number_of_edges(u, v) > 1]
        if parallel:
            source, target = min(parallel, key=repr)
            message = (
                f"{len(parallel)} pairs of nodes have parallel edges (e.g. {source!r} -> {target!r}); "
                "merge them, summing their weights, or use networkx.DiGraph(graph), which keeps the last"
            )
    if message:
        raise DocumentError([Problem(None, name, message)])


def _coordinates(
    nodes: Sequence[dict[str, Any]], origin: _GraphOrigin, problems: list[Problem]
) -> tuple[list[Any], list[Any]]:
    """Take x and y of every node from `pos` or from `x` and `y`; None where missing."""
    x: list[Any] = []
    y: list[Any] = []
    for index, data in enumerate(nodes):
        pair = data.get("pos")
        if pair is None:
            pair = (data.get("x"), data.get("y"))
        try:
            each_x, each_y = pair
        except (TypeError, ValueError):
            problems.append(Problem(*origin.node(index, "pos"), f"{short(pair)} is not a pair (x, y) in um"))
            each_x = each_y = 0.0
        x.append(each_x)
        y.append(each_y)
    return x, y


def _no_giants(values: list[Any]) -> list[Any]:
    """Make integers beyond any float infinite, which is rejected later."""
    return [math.inf if isinstance(value, int) and abs(value) > _GIANT else value for value in values]
