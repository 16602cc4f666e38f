"""GraphML files, read by networkx once they are known to be safe."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from ketasim.documents.problems import DocumentError, Problem
from ketasim.network.assemble import integers_if_all

if TYPE_CHECKING:
    import networkx


class _RootReachedError(Exception):
    """Raised at the first element: a document type can only stand before it."""


class _DoctypeError(Exception):
    """Raised at a document type declaration."""


def read_graphml(path: Path) -> "networkx.DiGraph":
    """Read a GraphML file, giving nodes and edges the defaults that it declares.

    A file with a document type declaration is refused before it is parsed: through it an XML file can define
    entities, which may name other files and addresses, or grow without bound.

    Returns
    -------
    graph : as networkx reads it; node names that are all integers become integers.

    Raises
    ------
    DocumentError
        If the file declares a document type or is not GraphML.
    """
    import networkx

    try:
        _refuse_doctype(path)
        graph = networkx.read_graphml(path)
    except _DoctypeError:
        message = "document type declaration (<!DOCTYPE ...>): it may pull in other files; remove it"
        _refuse(path, message)
    except (ExpatError, ParseError) as error:
        _refuse(path, f"not well-formed XML: {error}")
    except (networkx.NetworkXError, KeyError, ValueError, StopIteration) as error:
        _refuse(path, f"not a GraphML graph: {error or 'it holds no graph'}")
    _give_defaults([data for _, data in graph.nodes(data=True)], graph.graph.get("node_default", {}))
    _give_defaults([data for _, _, data in graph.edges(data=True)], graph.graph.get("edge_default", {}))
    names = list(graph.nodes)
    return networkx.relabel_nodes(graph, dict(zip(names, integers_if_all(names), strict=True)))


def _refuse_doctype(path: Path) -> None:
    def stop_at_root(*_: object) -> NoReturn:
        raise _RootReachedError

    def stop_at_doctype(*_: object) -> NoReturn:
        raise _DoctypeError

    # The parser itself decides what a declaration is: a search of the bytes would miss other encodings.
    parser = ParserCreate()
    parser.StartElementHandler = stop_at_root
    parser.StartDoctypeDeclHandler = stop_at_doctype
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except _RootReachedError:
        pass


def _give_defaults(rows: list[dict], defaults: dict) -> None:
    for data in rows:
        for key, value in defaults.items():
            data.setdefault(key, value)


def _refuse(path: Path, message: str) -> NoReturn:
    raise DocumentError([Problem(None, str(path), message)])
