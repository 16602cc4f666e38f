"""Import of networkx graphs and network files, export of networkx graphs."""

import math
from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.documents.problems import DocumentError, Problem
from ketasim.network.topology import FAST_STEP, Topology
from ketasim.network_files.assemble import Columns, NetworkTable, Where, assemble, number_column
from ketasim.network_files.edge_list import read_edge_list
from ketasim.network_files.graphml import read_graphml
from ketasim.network_files.sonata import read_sonata

if TYPE_CHECKING:
    import networkx

#: Python's integers are unbounded, but numpy cannot convert those beyond a float.
_GIANT = 10**300

#: Attributes read or written here; all others are listed in the notes, so that a misspelt one is noticed.
_NODE_ATTRIBUTES = {"population", "pos", "x", "y", "node_id"}
_EDGE_ATTRIBUTES = {"weight", "delay", "id"}


def from_networkx(
    graph: "networkx.DiGraph", known: Sequence[str], dt_ms: float = FAST_STEP
) -> tuple[Topology, tuple[str, ...]]:
    """Make a topology from a directed networkx graph.

    Nodes have attributes `population`, and `pos` = (x, y) or `x` and `y` in um; edges have `weight` (relative strength,
    1 is the mean of the class pair) and `delay` in ms. A missing weight is 1, a missing delay 1 ms; if no node has a
    position, nodes are laid out on a square grid, 20 um apart, in the graph's order.

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
        in um; edges with `weight` (relative strength) and `delay` in ms.
    """
    import networkx

    labels = range(topology.n_nodes) if topology.labels is None else topology.labels
    names = [topology.population_names[index] for index in topology.population]
    graph = networkx.DiGraph()
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
    path: str | Path, known: Sequence[str], dt_ms: float = FAST_STEP
) -> tuple[Topology, tuple[str, ...]]:
    """Read a network: GraphML, SONATA (HDF5) or an edge list, by the file's suffix.

    Parameters
    ----------
    path : str or Path
        ``.graphml``; ``.h5`` or ``.hdf5`` with SONATA's ``/nodes`` and ``/edges``, such as a trajectory
        (`ketasim.network_files.sonata`); ``.csv`` or ``.tsv`` (`ketasim.network_files.edge_list`).
    known : sequence of str
        Allowed populations, in the order of nodes.
    dt_ms : float
        Fast step in ms; no delay may be shorter.

    Returns
    -------
    topology : Topology
        As from `from_networkx`.
    notes : tuple of str
        As from `from_networkx`.

    Raises
    ------
    DocumentError
        The file is missing, unreadable, or not a network that can be run.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in {".graphml", ".h5", ".hdf5", ".csv", ".tsv"}:
        circuits = "circuit files (.yaml) belong under network.file of an experiment"
        message = f"unknown kind of network file {suffix!r}; allowed: .graphml, .h5, .hdf5, .csv, .tsv; {circuits}"
        raise DocumentError([Problem(None, str(path), message)])
    if not path.is_file():
        raise DocumentError([Problem(None, str(path), "no such file")])
    if suffix == ".graphml":
        remedy = 'a <data> in each <node>, of a <key for="node" attr.name="population" attr.type="string">'
        return _import_graph(read_graphml(path), known, dt_ms, f"{path}: graph", remedy)
    if suffix in {".csv", ".tsv"}:
        return assemble(*read_edge_list(path), known, dt_ms)
    return assemble(*read_sonata(path, known), known, dt_ms)


def _import_graph(
    graph: "networkx.DiGraph", known: Sequence[str], dt_ms: float, name: str, population_remedy: str
) -> tuple[Topology, tuple[str, ...]]:
    _refuse_other_graphs(graph, name)
    labels = list(graph.nodes)
    number = {label: index for index, label in enumerate(labels)}
    rows = list(graph.edges(data=True))
    origin = _GraphOrigin(name, population_remedy, labels, rows)
    nodes = [data for _, data in graph.nodes(data=True)]
    problems: list[Problem] = []
    x, y = _coordinates(nodes, origin, problems)
    table = NetworkTable(
        labels=labels,
        population=[data.get("population") for data in nodes],
        position=Columns(
            number_column(_no_giants(x), lambda index: origin.node(index, "x"), problems),
            number_column(_no_giants(y), lambda index: origin.node(index, "y"), problems),
        ),
        source=np.array([number[source] for source, _, _ in rows], np.int64),
        target=np.array([number[target] for _, target, _ in rows], np.int64),
        strength=Columns(
            *(
                number_column(
                    _no_giants([data.get(key) for _, _, data in rows]), partial(origin.edge, column=key), problems
                )
                for key in ("weight", "delay")
            )
        ),
    )
    topology, notes = assemble(table, origin, problems, known, dt_ms)
    unused_nodes = _unused("node", nodes, _NODE_ATTRIBUTES)
    unused_edges = _unused("edge", [data for _, _, data in rows], _EDGE_ATTRIBUTES)
    return topology, notes + unused_nodes + unused_edges


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


def _unused(what: str, rows: Sequence[dict[str, Any]], used: set[str]) -> tuple[str, ...]:
    others = sorted({str(key) for data in rows for key in data} - used)
    return (f"{what} attributes not used: {', '.join(others)}",) if others else ()
