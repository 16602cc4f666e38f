"""From the content of a graph or file to a checked `Topology`.

Every reader yields a `NetworkTable`: edges, and all attributes under the names that they have in the source. What they
mean, which labels are which populations, defaults, what is left out, what is rejected and what is said about it is
decided here, once, so that all sources behave alike.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from reprlib import repr as short
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim.documents.nearest import did_you_mean
from ketasim.documents.problems import DocumentError, Place, Problem
from ketasim.network.synapses import PREFRONTAL
from ketasim.network.topology import Edges, Topology, edge_faults, make_topology
from ketasim.network_files.columns import (
    EDGE_ROLES,
    NODE_ROLES,
    PLAIN,
    Columns,
    Reading,
    Values,
    misspelt,
    renamed,
    roles_of,
    unused,
)
from ketasim.network_files.conductance_scale import StatedFactor, checked

#: Relative strength of an edge without one: the mean of its class pair.
DEFAULT_WEIGHT = 1.0
#: Delay in ms of an edge without one.
DEFAULT_DELAY = 1.0
#: Distance in um of neighbours on the square grid on which nodes without positions are laid out.
GRID_SPACING = 20.0

#: Faults of one kind shown in full; the rest are counted. Labels listed at most.
MAX_SHOWN, _LABELS_SHOWN = 3, 12
#: Mean weights of a class pair further from 1 than this factor are noted.
_FAR = 2.0

#: Labels that suggest a population, in a `classes:` line for the user to correct.
_SUGGESTED = {
    "PYR": ("e", "exc", "pyr", "pc", "pn", "glut", "ex", "l2", "l4", "l5", "l6", "scnn1a", "rorb", "nr5a1", "cux2"),
    "PV": ("i", "inh", "pv", "pvalb", "bas", "fs", "gaba", "chandelier"),
    "SST": ("sst", "som", "lts", "martinotti"),
}

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


@dataclass(frozen=True)
class NetworkTable:
    """Content of a source, before it is checked.

    Attributes
    ----------
    origin : Origin
        Names nodes and edges in messages.
    labels : sequence of hashable, or None
        (N,) names of the nodes; None for 0..N-1.
    n_nodes : int
        Their number N.
    source, target : (E,) array of int
        Node numbers, 0-based.
    nodes, edges : mapping of str to callable
        Every attribute by its name in the source; called, each returns (N,) or (E,) values.
    number : callable
        Makes a number of a value that is not one, such as text; returns it unchanged where it can't.
    taken : mapping of str to mapping
        Under ``node`` and ``edge``, role -> name of the columns that the reader has used and left out of the above.
    both : (E,) array of bool, optional
        Edges without direction.
    own : sequence of str
        Names that are the usual ones in this kind of source, and therefore not noted.
    left_out : (N,) array of bool, optional
        Nodes that are no neurons.
    sums_parallel : bool
        Whether several edges of a pair are usual in this kind of source, each one synapse.
    relative : bool
        Whether weights are as a rule relative to the mean of their class pair, not conductances, currents or counts.
    strict : bool
        Whether a column whose name is nearly that of a role is refused.
    scale : sequence of StatedFactor
        Factors on the conductances of class pairs.
    problems : sequence of Problem
        Found while the table was read.
    notes : sequence of str
        What the reader has to say.
    """

    origin: Origin
    labels: Sequence[Hashable] | None
    n_nodes: int
    source: NDArray[np.integer]
    target: NDArray[np.integer]
    nodes: Columns
    edges: Columns
    number: Callable[[Any], Any] = lambda value: value
    taken: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    both: NDArray[np.bool_] | None = None
    own: Sequence[str] = ()
    left_out: NDArray[np.bool_] | None = None
    sums_parallel: bool = False
    relative: bool = True
    strict: bool = False
    scale: Sequence[StatedFactor] = ()
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()


@dataclass
class _Draft:
    """A table on its way: what was said and found so far, and which columns were used."""

    table: NetworkTable
    how: Reading
    known: tuple[str, ...]
    notes: list[str] = field(default_factory=list)
    found: list[Problem] = field(default_factory=list)
    relative: bool = True
    classified: bool = True
    used: dict[str, set[str]] = field(default_factory=lambda: {"node": set(), "edge": set()})


def assemble(
    table: NetworkTable, known: Sequence[str], dt_ms: float, how: Reading = PLAIN
) -> tuple[Topology, tuple[str, ...]]:
    """Check a table, say what was taken for what, fill in missing values, and make a topology of it.

    Parameters
    ----------
    table : NetworkTable
        Content of the source.
    known : sequence of str
        Allowed populations, in the order of nodes.
    dt_ms : float
        Fast step in ms; no delay may be shorter.
    how : Reading
        What the source alone does not say.

    Returns
    -------
    topology : Topology
        The checked network.
    notes : tuple of str
        A sentence for each name or label taken for another, default used, kind of content left out or not used.

    Raises
    ------
    DocumentError
        With all problems at once.
    """
    draft = _Draft(table, how, tuple(known), list(table.notes), list(table.problems), table.relative)
    node_roles, edge_roles = roles_of(list(table.nodes), NODE_ROLES), roles_of(list(table.edges), EDGE_ROLES)
    population, kept = _populations(draft, node_roles)
    position = _positions(draft, node_roles, kept)
    rows, edges = _edges(draft, edge_roles, population, kept)
    scale = checked(table.scale, draft.known, how.classes, draft.found)
    if scale:
        said = ", ".join(f"{source} to {target} {factor:.3g}" for (source, target), factor in scale.items())
        draft.notes.append(f"conductances: scaled as the network states: {said}")
    _say_what_was_taken(draft, node_roles, edge_roles)
    for fault in edge_faults(edges, table.n_nodes, dt_ms):
        column = edge_roles.get(fault.column, fault.column)
        for index in fault.edges[:MAX_SHOWN]:
            value = f"{getattr(edges, fault.column)[index]:g} " if fault.column else ""
            more = _more(fault.edges.size, index, fault.edges)
            draft.found.append(Problem(*table.origin.edge(int(rows[index]), column), f"{value}{fault.message}{more}"))
    if draft.found:
        raise DocumentError(draft.found)
    labels = table.labels
    if not kept.all():
        number = np.cumsum(kept) - 1
        labels = [index if labels is None else labels[index] for index in np.flatnonzero(kept).tolist()]
        edges = edges._replace(source=number[edges.source], target=number[edges.target])
    topology = make_topology(draft.known, population[kept], position[kept], edges, labels, scale)
    return topology, tuple(draft.notes)


def _say_what_was_taken(draft: _Draft, node_roles: Mapping[str, str], edge_roles: Mapping[str, str]) -> None:
    """Note names taken for roles, and attributes that were not used."""
    table = draft.table
    for what, roles, columns in (("node", node_roles, table.nodes), ("edge", edge_roles, table.edges)):
        used = draft.used[what]
        given = {**table.taken.get(what, {}), **{role: name for role, name in roles.items() if name in used}}
        taken = renamed({role: name for role, name in given.items() if role != "count"}, table.own)
        if taken:
            draft.notes.append(f"{what}s: took {taken}")
        rest = unused(list(columns), sorted(used))
        free = {
            role: names for role, names in (EDGE_ROLES if what == "edge" else NODE_ROLES).items() if role not in given
        }
        wrong = misspelt(rest, free) if table.strict else None
        if wrong:
            name, role = wrong
            allowed = ", ".join(EDGE_ROLES if what == "edge" else NODE_ROLES)
            message = f"unknown column {name!r}; allowed: {allowed}, and others that are not used; did you mean {role}?"
            where = table.origin.edge(0, name) if what == "edge" else table.origin.node(0, name)
            draft.found.append(Problem(*where, message))
        elif rest:
            draft.notes.append(f"{what} attributes not used: {', '.join(rest)}")


def _column(draft: _Draft, what: str, name: str) -> Values:
    draft.used[what].add(name)
    return (draft.table.nodes if what == "node" else draft.table.edges)[name]()


def _numbers(draft: _Draft, what: str, name: str | None) -> np.ma.MaskedArray:
    """Return a column of nodes or edges as a masked array of numbers; all masked if there is none."""
    table = draft.table
    if name is None:
        return np.ma.masked_all(table.n_nodes if what == "node" else len(table.source), np.float64)
    where = table.origin.node if what == "node" else table.origin.edge
    return number_column(_column(draft, what, name), lambda index: where(index, name), draft.found, table.number)


def number_column(
    values: Values,
    name: Callable[[int], Where],
    problems: list[Problem],
    number: Callable[[Any], Any] = lambda value: value,
) -> np.ma.MaskedArray:
    """Make a masked float64 array from values some of which may be missing.

    Parameters
    ----------
    values : masked array or sequence
        Numbers; masked or None where missing.
    name : callable
        Names the value at an index.
    problems : list of Problem
        Values that are not numbers are added here.
    number : callable
        Makes numbers of values that are text.
    """
    if isinstance(values, np.ma.MaskedArray):
        return values
    kinds = set(map(type, values))
    if str in kinds:
        values = [number(value) if isinstance(value, str) else value for value in values]
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


def _populations(draft: _Draft, roles: dict[str, str]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return the index of every node's population in `known`, and which nodes are neurons of the network."""
    table, how = draft.table, draft.how
    kept = np.ones(table.n_nodes, bool) if table.left_out is None else ~table.left_out
    if not table.n_nodes:
        draft.found.append(Problem(None, table.origin.name, "the network has no nodes"))
    labels = _labels_of_classes(draft, roles)
    text = [None if label is None else str(label).strip() for label in labels]
    mapped = [None if label is None else how.classes.get(label, label) for label in text]
    if how.classes:
        _note_classes(draft, [label for label, keep in zip(text, kept.tolist(), strict=True) if keep])
        kept &= np.array([label is None or name is not None for label, name in zip(text, mapped, strict=True)], bool)
    if not kept.all():
        ends = kept[table.source] & kept[table.target]
        draft.notes.append(
            f"left out: {int((~kept).sum())} of {table.n_nodes} nodes that are not in the network, with "
            f"{int((~ends).sum())} of {len(ends)} edges"
        )
    number: dict[str | None, int] = {name: index for index, name in enumerate(draft.known)}
    numbers = [number.get(name, -1) if keep else 0 for name, keep in zip(mapped, kept.tolist(), strict=True)]
    population = np.array(numbers, np.int16)
    draft.classified = bool((population[kept] >= 0).any())
    if (population < 0).any():
        _report_labels(draft, labels, np.flatnonzero(population < 0), roles)
        population[population < 0] = 0
    if table.n_nodes and not kept.any():
        draft.found.append(Problem(None, table.origin.name, "every node is left out"))
    return population, kept


def _labels_of_classes(draft: _Draft, roles: dict[str, str]) -> Sequence[Any]:
    """Return what says the class of each node: a column, or its own name if `classes` names the nodes."""
    table, how = draft.table, draft.how
    if how.population is not None:
        if how.population not in table.nodes:
            allowed = sorted(name for name in table.nodes)
            message = f"nodes have no attribute {how.population!r}; there are {', '.join(allowed) or 'none'}"
            hint = did_you_mean(how.population, allowed)
            draft.found.append(Problem(None, f"{table.origin.name}: population", message + hint))
            return [draft.known[0]] * table.n_nodes
        roles["population"] = how.population
    if "population" in roles:
        values = _column(draft, "node", roles["population"])
        if isinstance(values, np.ndarray):  # numbered classes are labels such as 100, not 100.0
            return [int(one) if isinstance(one, float) and one.is_integer() else one for one in values.tolist()]
        return values
    if how.classes and table.labels is not None:
        draft.notes.append("nodes: classes by the nodes' own names")
        return list(table.labels)
    return [None] * table.n_nodes


def _note_classes(draft: _Draft, text: Sequence[str | None]) -> None:
    counts, classes = Counter(text), draft.how.classes
    parts = [f"{label} as {name or 'none'} ({counts[label]})" for label, name in classes.items() if counts[label]]
    if parts:
        draft.notes.append(f"classes: took {', '.join(parts)}")
    idle = [label for label in classes if not counts[label]]
    if idle:
        draft.notes.append(f"classes: no node is labelled {', '.join(idle)}")


def _report_labels(draft: _Draft, labels: Sequence[Any], wrong: NDArray[np.intp], roles: Mapping[str, str]) -> None:
    """Add the nodes without a population, and every label that is not one, with the line that would say what it is."""
    table, known = draft.table, draft.known
    column = roles.get("population", "population")
    missing = [index for index in wrong.tolist() if labels[index] is None]
    if missing:
        names = [index if table.labels is None else table.labels[index] for index in missing[:MAX_SHOWN]]
        message = (
            f"{len(missing)} of {len(labels)} nodes have no population "
            f"(first: {', '.join(map(short, names))}); each needs one of {', '.join(known)}: "
            f"{table.origin.population_remedy}{_other_columns(draft, column)}"
        )
        draft.found.append(Problem(*table.origin.node(missing[0], column), message))
    unknown: dict[str, list[int]] = {}
    for index in wrong.tolist():
        if labels[index] is not None:
            unknown.setdefault(short(labels[index]), []).append(index)
    for number, (text, indices) in enumerate(unknown.items()):
        if number == MAX_SHOWN:
            break
        hint = did_you_mean(labels[indices[0]], known)
        message = f"unknown population {text} ({len(indices)} nodes); allowed: {', '.join(known)}{hint}"
        if number == min(len(unknown), MAX_SHOWN) - 1:
            message += _classes_line(draft, labels, column) + _other_columns(draft, column)
        draft.found.append(Problem(*table.origin.node(indices[0], column), message))


def _classes_line(draft: _Draft, labels: Sequence[Any], column: str) -> str:
    """List the labels with their counts and show what to write under `network`."""
    counts = Counter(str(label).strip() for label in labels if label is not None)
    listed = [f"{label} ({count})" for label, count in counts.most_common(_LABELS_SHOWN)]
    rest = f" and {len(counts) - _LABELS_SHOWN} more" if len(counts) > _LABELS_SHOWN else ""
    line = ", ".join(
        f"{_quoted(label)}: {_guess(label, draft.known)}" for label, _ in counts.most_common(_LABELS_SHOWN)
    )
    population = f"population: {_quoted(column)}, " if column != "population" else ""
    return (
        f"\n    labels found: {', '.join(listed)}{rest}"
        f"\n    say what they are: network: {{file: ..., {population}classes: {{{line}}}}}; none leaves nodes out"
    )


def _quoted(label: str) -> str:
    """Return a label as a key in YAML."""
    return label if re.fullmatch(r"[A-Za-z0-9_][\w.-]*( [\w.-]+)*", label) else json.dumps(label, ensure_ascii=False)


def _guess(label: str, known: Sequence[str]) -> str:
    """Guess a population for a label: its own name, a customary one, else the first allowed."""
    if label in known:
        return label
    small = label.casefold()
    for name, customary in _SUGGESTED.items():
        if name in known and (small in customary or any(len(one) > 1 and small.startswith(one) for one in customary)):
            return name
    return known[0] if known else "none"


def _other_columns(draft: _Draft, column: str) -> str:
    """List other attributes of nodes with few values, one of which may hold the classes."""
    found = []
    for name, values in draft.table.nodes.items():
        cells = [] if name == column else values()
        if len(cells) and isinstance(cells[0], str | type(None)):
            counts = Counter(str(cell) for cell in cells if cell is not None)
            if 0 < len(counts) <= _LABELS_SHOWN:
                found.append(f"{name} ({', '.join(f'{label} {count}' for label, count in counts.most_common())})")
    return f"\n    other attributes, for `population:` under network: {'; '.join(found)}" if found else ""


def _positions(draft: _Draft, roles: Mapping[str, str], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    table, problems = draft.table, draft.found
    x, y = (_numbers(draft, "node", roles.get(axis)) for axis in ("x", "y"))
    missing = (np.ma.getmaskarray(x) | np.ma.getmaskarray(y)) & kept
    neurons, lack = int(kept.sum()), int(missing.sum())
    if lack == neurons:
        alone = [roles[axis] for axis, values in (("x", x), ("y", y)) if not np.ma.getmaskarray(values).all()]
        if alone:
            draft.notes.append(f"position: {' and '.join(alone)} not used, as no node has both x and y")
        draft.notes.append(
            f"position: {neurons} nodes without one laid out on a square grid, {GRID_SPACING:g} um apart"
        )
        columns = max(int(np.ceil(np.sqrt(neurons))), 1)
        number = np.cumsum(kept) - 1
        return GRID_SPACING * np.stack([number % columns, number // columns], axis=1).astype(np.float64)
    if lack:
        message = f"{lack} of {neurons} nodes have no position; give x and y in um to all or to none"
        problems.append(Problem(*table.origin.node(int(np.flatnonzero(missing)[0]), "x, y"), message))
    given = np.stack([x.filled(0.0), y.filled(0.0)], axis=1)
    wrong = np.flatnonzero(~np.isfinite(given).all(axis=1) & kept)
    for index in wrong[:MAX_SHOWN]:
        more = _more(wrong.size, index, wrong)
        problems.append(Problem(*table.origin.node(int(index), "x, y"), f"position must be finite, in um{more}"))
    return given


def _edges(
    draft: _Draft, roles: Mapping[str, str], population: NDArray[np.int16], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], Edges]:
    """Return the edges of the network, and the row of the table from which each comes."""
    table, notes = draft.table, draft.notes
    strength, count, delay = (_numbers(draft, "edge", roles.get(role)) for role in ("weight", "count", "delay"))
    rows = np.arange(len(table.source))
    source, target = table.source, table.target
    if table.both is not None and table.both.any():
        twice = np.flatnonzero(table.both & (source != target))
        notes.append(f"undirected: {int(table.both.sum())} edges without direction count in both directions")
        rows = np.concatenate([rows, twice])
        source, target = np.concatenate([source, target[twice]]), np.concatenate([target, source[twice]])
    stays, loops = kept[source] & kept[target], source == target
    if (loops & stays).any():
        notes.append(
            f"{int((loops & stays).sum())} self-edges left out: the network has no synapse of a neuron onto itself"
        )
    if not stays.all() or loops.any():
        rows, source, target = (column[stays & ~loops] for column in (rows, source, target))
    strength, count, delay = (column[rows] for column in (strength, count, delay))
    weight = _weights(draft, roles, strength, count)
    times = _filled(delay, f"delay: {DEFAULT_DELAY:g} ms", DEFAULT_DELAY, notes)
    if not weight.all():
        there = weight != 0.0
        notes.append(f"{int((~there).sum())} edges of weight 0 left out: they are no synapses")
        strength = strength[there]
        rows, source, target, weight, times = (column[there] for column in (rows, source, target, weight, times))
    unsaid = np.ma.getmaskarray(strength) if "weight" in roles else np.zeros(len(strength), bool)
    weight = _unsigned(draft, roles, weight, (rows, population[source], unsaid))
    edges = Edges(source, target, weight, times)
    if table.sums_parallel or draft.how.parallel == "sum":
        rows, edges = _summed(rows, edges, table.n_nodes, notes)
    return rows, _scaled(draft, edges, population)


def _weights(
    draft: _Draft, roles: Mapping[str, str], strength: np.ma.MaskedArray, count: np.ma.MaskedArray
) -> NDArray[np.float64]:
    """Return weights; where there are counts of synapses, times these."""
    draft.relative &= "count" not in roles and roles.get("weight", "weight") in ("weight", *draft.table.own)
    if "count" not in roles:
        return _filled(strength, f"weight: {DEFAULT_WEIGHT:g}", DEFAULT_WEIGHT, draft.notes)
    per_synapse = "" if "weight" in roles else f" (times {DEFAULT_WEIGHT:g}, as there is no weight of a synapse)"
    draft.notes.append(f"weight: multiplied by {roles['count']}, the number of synapses{per_synapse}")
    with np.errstate(over="ignore", invalid="ignore"):
        product: NDArray[np.float64] = strength.filled(DEFAULT_WEIGHT) * count.filled(1.0)
    return product


def _unsigned(
    draft: _Draft,
    roles: Mapping[str, str],
    weight: NDArray[np.float64],
    of: tuple[NDArray[np.intp], NDArray[np.int16], NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """Return the size of signed weights; a sign that contradicts the population of the source is a problem."""
    rows, population, unsaid = of  # of each edge: row of the table, population of its source, whether it has no weight
    negative = weight < 0.0
    if not negative.any():
        return weight
    draft.relative = False
    cells = PREFRONTAL.cells
    inhibits = np.array([name in cells and cells[name].inhibitory for name in draft.known], bool)
    if not draft.classified:  # reported already; what sign a weight must have is not known
        return np.abs(weight)
    wrong = np.flatnonzero((inhibits[population] != negative) & np.isfinite(weight))
    for index in wrong[:MAX_SHOWN]:
        name = draft.known[population[index]]
        if negative[index]:
            message = f"must be positive: the sign of a synapse comes from its source's population, and {name} excites"
        else:
            message = f"must be negative, as other weights of inhibitory neurons here: {name} inhibits"
        value = "the weight is missing; it" if unsaid[index] else f"{weight[index]:g}"
        where = draft.table.origin.edge(int(rows[index]), roles.get("weight", "weight"))
        draft.found.append(Problem(*where, f"{value} {message}{_more(wrong.size, index, wrong)}"))
    if not wrong.size:
        draft.notes.append(f"weight: {int(negative.sum())} negative ones of inhibitory neurons, taken by their size")
    return np.abs(weight)


def _summed(rows: NDArray[np.intp], edges: Edges, n_nodes: int, notes: list[str]) -> tuple[NDArray[np.intp], Edges]:
    """Merge edges of the same pair: weights add up, the delay is their mean weighted by weight."""
    pair = edges.source.astype(np.int64) * n_nodes + edges.target
    pairs, first, owner = np.unique(pair, return_index=True, return_inverse=True)
    if pairs.size == pair.size:
        return rows, edges
    weight, delay = (
        np.bincount(owner, weights=one).astype(np.float64) for one in (edges.weight, edges.weight * edges.delay)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        delay = delay / weight
    notes.append(
        f"parallel: {pair.size} edges merged into {pairs.size}, one for each pair: weights added, mean delay by weight"
    )
    return rows[first], Edges(edges.source[first], edges.target[first], weight, delay)


def _scaled(draft: _Draft, edges: Edges, population: NDArray[np.int16]) -> Edges:
    """Divide weights by the mean of their class pair if asked to; otherwise say where it is far from 1."""
    n = len(draft.known)
    pair = population[edges.source].astype(np.int64) * n + population[edges.target]
    number = np.bincount(pair, minlength=n * n)
    with np.errstate(all="ignore"):
        mean = np.bincount(pair, weights=edges.weight, minlength=n * n) / number
        far = np.flatnonzero((number > 0) & ((mean > _FAR) | (mean < 1.0 / _FAR)))
    scaled = draft.how.normalise is not None
    shown = np.flatnonzero(number) if scaled else far
    names = ", ".join(f"{draft.known[one // n]} to {draft.known[one % n]} {mean[one]:.3g}" for one in shown)
    if scaled:
        draft.notes.append(f"weight: divided by the mean of its class pair: {names}")
        return edges._replace(weight=edges.weight / mean[pair])
    if names and not draft.relative:
        draft.notes.append(
            f"weight: the mean is {names}; 1 is the model's own synapse, and `normalise: class_pair` divides by it"
        )
    return edges


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
