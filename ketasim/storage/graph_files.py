"""Writing graphs to files that `network: {file: ...}` can read: GraphML and SONATA."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Union

from ketasim.documents.problems import DocumentError, Problem
from ketasim.storage.datasets import SONATA_MAGIC, SONATA_VERSION, StorageError
from ketasim.storage.outputs import GRAPHML, MARK, SONATA, replaced

if TYPE_CHECKING:
    import networkx

    from ketasim.network.topology import Topology

#: Characters that XML does not allow.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_graph(
    graph: Union["networkx.DiGraph", "Topology"], path: str | os.PathLike[str], force: bool = False
) -> Path:
    """Write a graph of neurons as GraphML or SONATA, by the suffix of the path.

    ``network: {file: ...}`` reads the same edges, weights and delays, to the bit. Both keep node names that are
    integers or text (from GraphML read as integers if all of them look like integers).

    Parameters
    ----------
    graph : networkx.DiGraph or Topology
        Nodes have a ``population``, as in ``trajectory.graph("24 h")``; ``trajectory.topology("24 h")`` takes a tenth
        of the memory.
    path : str or os.PathLike
        Ends in ``.graphml``, or in ``.h5`` or ``.hdf5`` for SONATA. Its folder is created.
    force : bool
        Replace a graph that ketasim wrote there earlier; no other file is ever replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DocumentError
        The suffix is unknown, or the graph is not one of neurons.
    StorageError
        The file exists or cannot be written, or the format does not allow a node's name.

    Examples
    --------
    >>> import networkx, tempfile
    >>> graph = networkx.DiGraph([("a", "b")])
    >>> networkx.set_node_attributes(graph, "PYR", "population")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(graph, Path(folder) / "pair.graphml").name
    'pair.graphml'
    """
    path = Path(path)
    write = {".graphml": _write_graphml, ".h5": _write_sonata, ".hdf5": _write_sonata}.get(path.suffix.lower())
    if write is None:
        words = f"unknown kind of graph file {path.suffix!r}; allowed: .graphml, .h5, .hdf5 (SONATA)"
        raise DocumentError([Problem(None, str(path), words)])
    topology = _topology(graph)
    with replaced(path, GRAPHML if write is _write_graphml else SONATA, force) as part:
        write(topology, part)
    return path


def _topology(graph: Union["networkx.DiGraph", "Topology"]) -> "Topology":
    from ketasim.network.topology import Topology
    from ketasim.network_files.exchange import from_networkx

    if isinstance(graph, Topology):
        return graph
    nodes = graph.nodes(data="population") if hasattr(graph, "nodes") else ()
    known = dict.fromkeys(name for _, name in nodes if isinstance(name, str))
    return from_networkx(graph, tuple(known))[0]


def _write_graphml(topology: "Topology", path: Path) -> None:
    import networkx

    from ketasim.network_files.exchange import to_networkx

    labels = topology.labels or ()
    texts = {str(label) for label in labels}
    if len(texts) < len(labels):
        raise StorageError(f"{path}: two nodes have names with the same text; use int or str keys")
    wrong = next((text for text in texts if not text or _NOT_XML.search(text)), None)
    if wrong is not None:
        raise StorageError(f"{path}: GraphML does not allow the node name {wrong!r}")
    networkx.write_graphml(to_networkx(topology), path)
    with open(path, "ab") as file:
        file.write(b"<!-- " + MARK + b" -->\n")


def _write_sonata(topology: "Topology", path: Path) -> None:
    import h5py

    from ketasim.storage import sonata

    with h5py.File(path, "w") as file:
        file.attrs["magic"] = SONATA_MAGIC
        file.attrs["version"] = SONATA_VERSION
        file.attrs["ketasim"] = MARK.decode()
        sonata.write_topology(file, topology)
