"""GraphML files, read by networkx after a check that they are safe."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from ketasim.documents.nearest import shown
from ketasim.documents.problems import DocumentError, Problem
from ketasim.network_files.assemble import integers_if_all

if TYPE_CHECKING:
    import networkx


#: Largest file in bytes and deepest nesting; networkx needs some 20 bytes of memory for each byte of a file.
_MOST_BYTES, _DEEPEST = 200_000_000, 50
#: Errors that networkx raises on unexpected elements.
_NOT_GRAPHML = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, StopIteration, RecursionError)
#: Required attributes; without them networkx would make a node named None.
_REQUIRED = {"node": ("id",), "edge": ("source", "target")}


class _UnsafeError(Exception):
    """Content for which a file is rejected."""


def read_graphml(path: Path) -> "networkx.DiGraph":
    """Read a GraphML file, giving nodes and edges the defaults that it declares.

    A file with a document type declaration is rejected before it is parsed: such a declaration can define entities,
    which may refer to other files and addresses, or expand without bound.

    Returns
    -------
    graph : networkx.DiGraph
        As networkx reads it; node names become integers if all are.

    Raises
    ------
    DocumentError
        The file declares a document type or is not GraphML.
    """
    import networkx

    try:
        _look_through(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # a key without type, which networkx would take for text
            graph = networkx.read_graphml(path)
    except _UnsafeError as error:
        _refuse(path, str(error))
    except (ExpatError, ParseError) as error:
        _refuse(path, f"not well-formed XML: {error}")
    except _NOT_GRAPHML as error:
        _refuse(path, f"not a GraphML graph: {error or 'it holds no graph'}")
    except (networkx.NetworkXError, UserWarning) as error:
        _refuse(path, f"not a GraphML graph: {error}")
    _give_defaults([data for _, data in graph.nodes(data=True)], graph.graph.get("node_default", {}))
    _give_defaults([data for _, _, data in graph.edges(data=True)], graph.graph.get("edge_default", {}))
    names = list(graph.nodes)
    return networkx.relabel_nodes(graph, dict(zip(names, integers_if_all(names), strict=True)))


def _look_through(path: Path) -> None:
    """Parse the file once with handlers that reject what networkx would fetch, skip or merge silently."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise _UnsafeError(f"{size / 1e6:.0f} MB; GraphML may have up to {_MOST_BYTES / 1e6:.0f} MB; use SONATA beyond")
    look = _Look()
    parser = ParserCreate(namespace_separator=" ")
    # left to the parser, because a search of the bytes would miss other encodings
    parser.StartDoctypeDeclHandler = look.doctype
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    with path.open("rb") as file:
        parser.ParseFile(file)


class _Look:
    """Handlers of `_look_through`."""

    def __init__(self) -> None:
        self.depth = self.graphs = 0
        self.nodes: set[str] = set()

    def doctype(self, *_: object) -> NoReturn:
        """Reject the file, because a document type can define entities."""
        raise _UnsafeError("document type declaration (<!DOCTYPE ...>): it may pull in other files; remove it")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Reject deep nesting, second graphs, duplicate nodes, and elements without required attributes."""
        name = tag.rpartition(" ")[2]
        self.depth += 1
        self.graphs += name == "graph"
        if self.depth > _DEEPEST:
            raise _UnsafeError(f"elements are nested deeper than {_DEEPEST} levels")
        if self.graphs > 1:
            raise _UnsafeError("more than one <graph>; expected one network")
        for key in _REQUIRED.get(name, ()):
            if key not in attributes:
                raise _UnsafeError(f"a <{name}> has no {key}")
        if name == "node" and attributes["id"] in self.nodes:
            raise _UnsafeError(f"duplicate node {shown(attributes['id'])}")
        if name == "node":
            self.nodes.add(attributes["id"])

    def end(self, *_: object) -> None:
        """Leave an element."""
        self.depth -= 1


def _give_defaults(rows: list[dict], defaults: dict) -> None:
    for data in rows:
        for key, value in defaults.items():
            data.setdefault(key, value)


def _refuse(path: Path, message: str) -> NoReturn:
    raise DocumentError([Problem(None, str(path), message)])
