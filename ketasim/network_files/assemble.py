"""From the content of a graph or file to a checked `Topology`.

Every importer fills a `NetworkTable`; the rules (allowed populations, defaults for missing values, what is rejected)
are here, once, so that all sources behave alike.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from numbers import Real
from reprlib import repr as short
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim.documents.nearest import did_you_mean
from ketasim.documents.problems import DocumentError, Place, Problem
from ketasim.network.topology import Edges, Topology, edge_faults, make_topology

#: Relative strength of an edge without one: the mean of its class pair.
DEFAULT_WEIGHT = 1.0
#: Delay in ms of an edge without one.
DEFAULT_DELAY = 1.0
#: Distance in um of neighbours on the square grid on which nodes without positions are laid out.
GRID_SPACING = 20.0

#: Faults of one kind shown in full; the rest are counted.
MAX_SHOWN = 3

#: A place in a file, if the source has lines, and a name for its content.
Where = tuple[Place | None, str]


class Origin(Protocol):
    """The source of a network: names its nodes and edges in messages.

    Attributes
    ----------
    name : str
        Name of the source.
    population_remedy : str
        How to give nodes a population there.
    """

    name: str
    population_remedy: str

    def node(self, index: int, column: str) -> Where:
        """Name a column of a node."""

    def edge(self, index: int, column: str) -> Where:
        """Name a column of an edge."""


class Columns(NamedTuple):
    """Numbers of nodes or edges, masked where the source gives none."""

    first: np.ma.MaskedArray
    second: np.ma.MaskedArray


@dataclass(frozen=True)
class NetworkTable:
    """Content of a source, before it is checked.

    Attributes
    ----------
    labels : sequence of hashable, or None
        (N,) names of the nodes; None for 0..N-1.
    population : sequence
        (N,) names of populations, None where missing.
    position : Columns
        x and y, each (N,) um, masked where missing.
    source, target : (E,) array of int
        Node numbers, 0-based.
    strength : Columns
        Weight and delay, each (E,), masked where missing.
    """

    labels: Sequence[Hashable] | None
    population: Sequence[Any]
    position: Columns
    source: NDArray[np.integer]
    target: NDArray[np.integer]
    strength: Columns


def number_column(values: Sequence[Any], name: Callable[[int], Where], problems: list[Problem]) -> np.ma.MaskedArray:
    """Make a masked float64 array from values some of which may be missing.

    Parameters
    ----------
    values : sequence
        Numbers; None where missing.
    name : callable
        Names the value at an index.
    problems : list of Problem
        Values that are not numbers are added here.
    """
    kinds = set(map(type, values))
    wrong = {kind for kind in kinds - {type(None)} if not issubclass(kind, Real) or issubclass(kind, bool)}
    bad = [index for index, value in enumerate(values) if type(value) in wrong] if wrong else []
    for index in bad[:MAX_SHOWN]:
        problems.append(Problem(*name(index), f"{short(values[index])} is not a number{_more(len(bad), index, bad)}"))
    if not bad and type(None) not in kinds:
        return np.ma.masked_array(np.array(values, np.float64), mask=np.zeros(len(values), bool))
    missing = np.array([value is None for value in values], bool)
    # 1 passes every later check, so that a value that is not a number is reported only once
    filled = [1.0 if value is None or type(value) in wrong else value for value in values]
    return np.ma.masked_array(np.array(filled, np.float64), mask=missing)


def assemble(
    table: NetworkTable,
    origin: Origin,
    problems: Sequence[Problem],
    known: Sequence[str],
    dt_ms: float,
) -> tuple[Topology, tuple[str, ...]]:
    """Check a table, fill in missing values, and make a topology of it.

    Parameters
    ----------
    table : NetworkTable
        Content of the source.
    origin : Origin
        Names nodes and edges in messages.
    problems : sequence of Problem
        Problems found while the table was read.
    known : sequence of str
        Allowed populations, in the order of nodes.
    dt_ms : float
        Fast step in ms; no delay may be shorter.

    Returns
    -------
    topology : Topology
        The checked network.
    notes : tuple of str
        One sentence for each default used.

    Raises
    ------
    DocumentError
        With all problems at once.
    """
    found = list(problems)
    population = _populations(table, origin, tuple(known), found)
    notes: list[str] = []
    position = _positions(table.position, origin, found, notes)
    edges = Edges(
        table.source,
        table.target,
        _filled(table.strength.first, f"weight: {DEFAULT_WEIGHT:g}", DEFAULT_WEIGHT, notes),
        _filled(table.strength.second, f"delay: {DEFAULT_DELAY:g} ms", DEFAULT_DELAY, notes),
    )
    for fault in edge_faults(edges, len(population), dt_ms):
        for index in fault.edges[:MAX_SHOWN]:
            value = f"{getattr(edges, fault.column)[index]:g} " if fault.column else ""
            more = _more(fault.edges.size, index, fault.edges)
            found.append(Problem(*origin.edge(int(index), fault.column), f"{value}{fault.message}{more}"))
    if found:
        raise DocumentError(found)
    return make_topology(tuple(known), population, position, edges, table.labels), tuple(notes)


def _populations(
    table: NetworkTable, origin: Origin, known: tuple[str, ...], problems: list[Problem]
) -> NDArray[np.int16]:
    """Return the index of every node's population in `known`; add missing and unknown ones to `problems`."""
    names = table.population
    number = {name: index for index, name in enumerate(known)}
    if not len(names):
        problems.append(Problem(None, origin.name, "the network has no nodes"))
    try:
        return np.array([number[name] for name in names], np.int16)
    except (KeyError, TypeError):
        pass
    missing = [index for index, name in enumerate(names) if name is None]
    if missing:
        labels = [index if table.labels is None else table.labels[index] for index in missing[:MAX_SHOWN]]
        message = (
            f"{len(missing)} of {len(names)} nodes have no population "
            f"(first: {', '.join(map(short, labels))}); each needs one of {', '.join(known)}: "
            f"{origin.population_remedy}"
        )
        problems.append(Problem(*origin.node(missing[0], "population"), message))
    wrong: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name is not None and name not in known:
            wrong.setdefault(short(name), []).append(index)
    for text, indices in wrong.items():
        hint = did_you_mean(names[indices[0]], known)
        message = f"unknown population {text} ({len(indices)} nodes); allowed: {', '.join(known)}{hint}"
        problems.append(Problem(*origin.node(indices[0], "population"), message))
    return np.zeros(len(names), np.int16)


def _positions(position: Columns, origin: Origin, problems: list[Problem], notes: list[str]) -> NDArray[np.float64]:
    missing = np.ma.getmaskarray(position.first) | np.ma.getmaskarray(position.second)
    if missing.all():
        notes.append(f"position: {len(missing)} nodes without one laid out on a square grid, {GRID_SPACING:g} um apart")
        columns = int(np.ceil(np.sqrt(len(missing))))
        number = np.arange(len(missing))
        grid = np.stack([number % max(columns, 1), number // max(columns, 1)], axis=1)
        return GRID_SPACING * grid.astype(np.float64)
    if missing.any():
        first = int(np.flatnonzero(missing)[0])
        message = f"{missing.sum()} of {len(missing)} nodes have no position; give x and y in um to all or to none"
        problems.append(Problem(*origin.node(first, "x, y"), message))
    given = np.stack([position.first.filled(0.0), position.second.filled(0.0)], axis=1)
    wrong = np.flatnonzero(~np.isfinite(given).all(axis=1))
    for index in wrong[:MAX_SHOWN]:
        more = _more(wrong.size, index, wrong)
        problems.append(Problem(*origin.node(int(index), "x, y"), f"position must be finite, in um{more}"))
    return given


def _filled(column: np.ma.MaskedArray, text: str, default: float, notes: list[str]) -> NDArray[np.float64]:
    missing = int(np.ma.getmaskarray(column).sum())
    if missing:
        notes.append(f"{text} for {missing} of {len(column)} edges without one")
    return np.asarray(column.filled(default), np.float64)


def _more(total: int, index: int, faulty: Sequence[int] | NDArray[np.intp]) -> str:
    """Count the faults not shown, after the last one shown."""
    hidden = total - MAX_SHOWN
    return f" (and {hidden} more like this)" if hidden > 0 and index == faulty[MAX_SHOWN - 1] else ""


def integers_if_all(names: Sequence[str]) -> list[Hashable]:
    """Return names as integers if all are plainly written integers; otherwise unchanged.

    Text files cannot tell node 3 from node "3"; networks of numbered nodes are the common case.

    Examples
    --------
    >>> integers_if_all(["2", "10"]), integers_if_all(["2", "02"])
    ([2, 10], ['2', '02'])
    """
    try:
        numbers = [int(name) for name in names]
    except ValueError:
        return list(names)
    return list(numbers) if all(map(str.__eq__, map(str, numbers), names)) else list(names)
