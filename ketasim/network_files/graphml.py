"""GraphML files, read in one pass by expat.

Attributes keep the names that the file gives them; of a `<key>` without a name its id, or yFiles' kind of it. Values
are text, without the blanks around them, until something asks for numbers, so that no declared type and no attribute
that is not used can stand in the way.

Source: GraphML primer and DTD (http://graphml.graphdrawing.org).
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

import numpy as np

from ketasim.documents.nearest import shown
from ketasim.documents.problems import DocumentError, Place, Problem
from ketasim.network_files.assemble import NetworkTable, Where, integers_if_all
from ketasim.network_files.columns import Reading
from ketasim.network_files.conductance_scale import stated_by

#: Largest file in bytes, and deepest nesting.
_MOST_BYTES, _DEEPEST = 200_000_000, 50
#: Required attributes of elements.
_REQUIRED = {"node": ("id",), "edge": ("source", "target"), "key": ("id",), "data": ("key",)}
#: Elements with which a graph is more than nodes and pairs of them.
_REFUSED = {"hyperedge": "hyperedges join more than two nodes", "endpoint": "hyperedges join more than two nodes"}


class _UnsafeError(Exception):
    """Content for which a file is rejected."""


class _Key(NamedTuple):
    """Declaration of an attribute."""

    name: str
    of: str
    default: str | None


def read_graphml(path: Path, how: Reading) -> NetworkTable:
    """Read a GraphML file.

    A file with a document type declaration is rejected: such a declaration can define entities, which may refer to
    other files and addresses, or expand without bound.

    Parameters
    ----------
    path : Path
        The file.
    how : Reading
        Its `directed` is used.

    Returns
    -------
    NetworkTable
        Node names become integers if all are.

    Raises
    ------
    DocumentError
        The file declares a document type, is not GraphML, or holds edges without direction although `how` does not say
        what they mean.
    """
    look = _Look()
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            most = _MOST_BYTES / 1e6
            raise _UnsafeError(f"{size / 1e6:.0f} MB; GraphML may have up to {most:.0f} MB; use SONATA beyond")
        look.parse(path)
    except _UnsafeError as error:
        _refuse(path, str(error))
    except (ExpatError, UnicodeError, LookupError) as error:
        _refuse(path, f"not well-formed XML: {error}")
    if not look.graphs:
        _refuse(path, "not a GraphML graph: it holds no graph")
    number = {name: index for index, name in enumerate(look.nodes)}
    for edge, line in zip(look.ends, look.lines["edge"], strict=True):
        lost = next((end for end in edge if end not in number), None)
        if lost is not None:
            _refuse(path, f"line {line}: an edge refers to the node {shown(lost)}, which the file does not have")
    both = np.array(look.undirected, bool)
    _refuse_direction(path, both, look, how)
    labels = integers_if_all(list(look.nodes))
    ends = np.array([[number[source], number[target]] for source, target in look.ends], np.int64).reshape(-1, 2)
    return NetworkTable(
        origin=_GraphmlOrigin(path, labels, look),
        labels=labels,
        n_nodes=len(labels),
        source=ends[:, 0],
        target=ends[:, 1],
        nodes=look.columns("node", len(labels)),
        edges=look.columns("edge", len(ends)),
        number=_number,
        both=both,
        scale=stated_by(
            {name: _number(text) for name, (text, _) in look.of_graph.items()},
            lambda name: (Place(str(path), look.of_graph[name][1], 1, ""), f"graph.graph[{name!r}]"),
        ),
    )


class _Look:
    """Handlers of one pass over the file, and what they found."""

    def __init__(self) -> None:
        self.depth = self.graphs = 0
        self.nodes: dict[str, None] = {}
        self.ends: list[tuple[str, str]] = []
        self.undirected: list[bool] = []
        self.edge_default = False
        self.lines: dict[str, list[int]] = {"node": [], "edge": []}
        self.keys: dict[str, _Key] = {}
        self.data: dict[tuple[str, str], dict[int, str]] = {}
        self.of_graph: dict[str, tuple[str, int]] = {}  # attributes of the graph: text and line
        self._at: list[tuple[str, int]] = []  # the nodes and edges that enclose what is read, innermost last
        self._text: list[str] | None = None
        self._key = ""
        self._parser: XMLParserType

    def parse(self, path: Path) -> None:
        """Read the file."""
        self._parser = parser = ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        # left to the parser, because a search of the bytes would miss other encodings
        parser.StartDoctypeDeclHandler = self.doctype
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        with path.open("rb") as file:
            parser.ParseFile(file)

    def columns(self, of: str, count: int) -> dict[str, Callable[[], list[str | None]]]:
        """Return the attributes of nodes or edges by name, filled with their defaults."""
        found: dict[str, Callable[[], list[str | None]]] = {}
        for number, key in self.keys.items():
            stored = self.data.get((of, number), {})
            if key.of in (of, "all") and (stored or (key.default is not None and count)):
                name = key.name if key.name not in found else f"{key.name} ({number})"
                found[name] = partial(self._column, stored, key.default, count)
        return found

    @staticmethod
    def _column(stored: dict[int, str], default: str | None, count: int) -> list[str | None]:
        return [stored.get(index, default) or None for index in range(count)]

    def doctype(self, *_: object) -> NoReturn:
        """Reject the file, because a document type can define entities."""
        raise _UnsafeError("document type declaration (<!DOCTYPE ...>): it may pull in other files; remove it")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Enter an element; reject deep nesting, second graphs, and elements without required attributes."""
        name = tag.rpartition(" ")[2]
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _UnsafeError(f"elements are nested deeper than {_DEEPEST} levels")
        if name in _REFUSED:
            raise _UnsafeError(f"<{name}>: {_REFUSED[name]}, which synapses do not")
        if self._text is not None:  # inside a value; yFiles and others keep XML there
            return
        for key in _REQUIRED.get(name, ()):
            if key not in attributes:
                raise _UnsafeError(f"line {self._parser.CurrentLineNumber}: a <{name}> has no {key}")
        enter = {"graph": self._graph, "node": self._node, "edge": self._edge, "key": self._declare}.get(name)
        if enter is not None:
            enter(attributes)
        if name in ("data", "default"):
            self._text, self._key = [], attributes.get("key", self._key)

    def _graph(self, attributes: dict[str, str]) -> None:
        self.graphs += 1
        if self.graphs > 1:
            raise _UnsafeError("more than one <graph>; expected one network")
        self.edge_default = attributes.get("edgedefault") == "undirected"

    def _node(self, attributes: dict[str, str]) -> None:
        if attributes["id"] in self.nodes:
            raise _UnsafeError(f"duplicate node {shown(attributes['id'])}")
        self._at.append(("node", len(self.nodes)))
        self.nodes[attributes["id"]] = None
        self.lines["node"].append(self._parser.CurrentLineNumber)

    def _edge(self, attributes: dict[str, str]) -> None:
        self._at.append(("edge", len(self.ends)))
        self.ends.append((attributes["source"], attributes["target"]))
        direction = attributes.get("directed", "").strip().casefold()
        self.undirected.append(direction in ("false", "0") if direction else self.edge_default)
        self.lines["edge"].append(self._parser.CurrentLineNumber)

    def _declare(self, attributes: dict[str, str]) -> None:
        self._key = attributes["id"]
        kinds = (value for name, value in attributes.items() if name.rpartition(" ")[2].endswith("files.type"))
        name = attributes.get("attr.name") or next(kinds, "") or self._key
        self.keys[self._key] = _Key(name.strip(), attributes.get("for", "all"), None)

    def characters(self, text: str) -> None:
        """Collect the text of a value."""
        if self._text is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        """Leave an element."""
        self.depth -= 1
        name = tag.rpartition(" ")[2]
        if name in ("data", "default") and self._text is not None:
            text, self._text = "".join(self._text).strip(), None
            if name == "default" and self._key in self.keys:
                self.keys[self._key] = self.keys[self._key]._replace(default=text)
            elif name == "data" and self._at:
                of, index = self._at[-1]
                self.keys.setdefault(self._key, _Key(self._key, "all", None))
                self.data.setdefault((of, self._key), {})[index] = text
            elif name == "data":
                key = self.keys[self._key].name if self._key in self.keys else self._key
                self.of_graph[key] = text, self._parser.CurrentLineNumber
        elif name in ("node", "edge") and self._text is None and self._at:
            self._at.pop()


class _GraphmlOrigin:
    """Names nodes and edges as networkx would, and their lines."""

    population_remedy = 'a <data> in each <node>, of a <key for="node" attr.name="population" attr.type="string">'

    def __init__(self, path: Path, labels: Sequence[Any], look: _Look) -> None:
        self.name = f"{path}: graph"
        self._path, self._labels, self._look = path, labels, look
        self._number = {name: index for index, name in enumerate(look.nodes)}

    def node(self, index: int, column: str) -> Where:
        """Name an attribute of a node."""
        return self._place("node", index), f"graph.nodes[{self._labels[index]!r}][{column!r}]"

    def edge(self, index: int, column: str) -> Where:
        """Name an attribute of an edge, or the edge."""
        source, target = (self._labels[self._number[end]] for end in self._look.ends[index])
        attribute = f"[{column!r}]" if column else ""
        undirected = " (an edge without direction, which counts both ways)" if self._look.undirected[index] else ""
        return self._place("edge", index), f"graph.edges[{source!r}, {target!r}]{attribute}{undirected}"

    def _place(self, kind: str, index: int) -> Place:
        return Place(str(self._path), self._look.lines[kind][index], 1, "")


def _refuse_direction(path: Path, both: np.ndarray, look: _Look, how: Reading) -> None:
    """Refuse a graph without directions unless they are said to be both, and the reverse."""
    if look.edge_default and both.any() and how.directed is None:
        message = (
            "the graph is undirected, but synapses have a direction; if each edge stands for two synapses, one in each "
            "direction, say so under `network`: `directed: both`"
        )
        _refuse(path, message)
    if how.directed is not None and not both.any():
        _refuse(path, "every edge has a direction; leave out `directed`")


def _number(text: Any) -> Any:
    """Return text as a float, unchanged if it is none."""
    try:
        return text if "_" in text else float(text)
    except (TypeError, ValueError):
        return text


def _refuse(path: Path, message: str) -> NoReturn:
    raise DocumentError([Problem(None, str(path), message)])
