"""A circuit as arrays: populations, positions and connections of its neurons.

Every source of a network (the prefrontal microcircuit, a networkx graph, a file) is converted to a `Topology`, from
which the kernel's graph is built. Nodes are sorted by population, edges by source and target, so that a population is a
slice of nodes and a node's outgoing edges are a slice of edges.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim.digests import parts_digest

#: ms, step of the spiking network; no delay is shorter.
FAST_STEP = 0.1
#: ms; longer delays are not found in cortex, and the kernel stores delays in fast steps with 16 bits.
LONGEST_DELAY = 1000.0
#: Smallest and largest relative weight; beyond, the kernel's single precision could give zeros or infinities.
LEAST_WEIGHT, MOST_WEIGHT = 1e-9, 1e9

#: Edges processed together, which bounds the memory for intermediate results.
_BLOCK = 1_000_000


class Edges(NamedTuple):
    """Directed edges as four arrays of equal length (E,).

    Attributes
    ----------
    source, target : (E,) array of int
        Node numbers, 0-based.
    weight : (E,) array
        Relative strength; 1 is the mean of the edge's class pair.
    delay : (E,) array
        ms.
    """

    source: NDArray[np.integer]
    target: NDArray[np.integer]
    weight: NDArray[np.floating]
    delay: NDArray[np.floating]


class EdgeFault(NamedTuple):
    """One kind of fault found in `Edges`.

    Attributes
    ----------
    edges : array of int
        Indices of the faulty edges.
    column : str
        "weight" or "delay"; empty if the pair itself is at fault.
    message : str
        What is allowed.
    """

    edges: NDArray[np.intp]
    column: str
    message: str


@dataclass(frozen=True, eq=False)
class Topology:
    """A directed graph of neurons as arrays; made by `make_topology`.

    Attributes
    ----------
    population_names : tuple of str
        Populations present, in order.
    population : (N,) array of int16
        Index into `population_names`, ascending.
    position : (N, 2) array of float64
        um.
    source, target : (E,) array of int32
        Node numbers; edges are sorted by (source, target), at most one per ordered pair, none from a node to itself.
    weight : (E,) array of float32 or float64
        Relative strength, positive; 1 is the mean of the edge's class pair.
    delay : (E,) array of float32 or float64
        ms, positive.
    labels : tuple of hashable, or None
        Names of the nodes in their source, in node order; None if they are the numbers 0..N-1.
    conductance_scale : mapping of (str, str) to float, or None
        Factors on the conductances of class pairs (source, target), beside the weights; 1 for a pair without, and for
        all if None.
    """

    population_names: tuple[str, ...]
    population: NDArray[np.int16]
    position: NDArray[np.float64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.floating]
    delay: NDArray[np.floating]
    labels: tuple[Hashable, ...] | None = None
    conductance_scale: Mapping[tuple[str, str], float] | None = None

    @cached_property
    def sha256(self) -> str:
        """Digest of the values of nodes and edges, whatever their precision, and of factors on conductances."""
        names = repr((self.population_names, self.labels)).encode()
        blocks = (
            column[begin : begin + _BLOCK].astype(np.float64)
            for column in (self.weight, self.delay)
            for begin in range(0, len(column), _BLOCK)
        )
        nodes_and_ends = (names, self.population, self.position, self.source, self.target)
        # nothing where there are none, so that digests of such graphs are those of versions without them
        factors = [repr(sorted(self.conductance_scale.items())).encode()] if self.conductance_scale else []
        return parts_digest(chain(nodes_and_ends, blocks, factors))

    @property
    def n_nodes(self) -> int:
        """Number of neurons N."""
        return len(self.population)

    @property
    def n_edges(self) -> int:
        """Number of synapses E."""
        return len(self.source)

    def label(self, node: int) -> Hashable:
        """Return the name of a node in its source, or its number."""
        return node if self.labels is None else self.labels[node]

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of neurons of each population, in order."""
        counts = np.bincount(self.population, minlength=len(self.population_names))
        return dict(zip(self.population_names, counts.tolist(), strict=True))

    @cached_property
    def class_start(self) -> NDArray[np.int64]:
        """(P + 1,) first node of each population, and N."""
        return np.searchsorted(self.population, np.arange(len(self.population_names) + 1))

    @cached_property
    def node_id(self) -> NDArray[np.int64]:
        """(N,) number of each node within its population, 0-based as in SONATA."""
        starts = np.searchsorted(self.population, np.arange(len(self.population_names)))
        return np.arange(self.n_nodes) - starts[self.population]

    def slice_of(self, name: str) -> slice:
        """Return the nodes of the population `name`.

        Raises
        ------
        KeyError
            The network has no such population.
        """
        if name not in self.population_names:
            raise KeyError(f"no population {name!r} in this network; it has {', '.join(self.population_names)}")
        index = self.population_names.index(name)
        start, stop = np.searchsorted(self.population, [index, index + 1])
        return slice(int(start), int(stop))


def node_in_words(topology: Topology, node: int) -> str:
    """Name a node as trajectory files and plots do: by its number within its population, or its own name.

    Examples
    --------
    >>> from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit
    >>> node_in_words(prefrontal_microcircuit(100, seed=1), 81)
    'node 1 of PV'
    """
    population = topology.population_names[int(topology.population[node])]
    name = int(topology.node_id[node]) if topology.labels is None else repr(topology.label(node))
    return f"node {name} of {population}"


def make_topology(
    population_names: Sequence[str],
    population: NDArray[np.integer],
    position: NDArray[np.floating],
    edges: Edges,
    labels: Sequence[Hashable] | None = None,
    conductance_scale: Mapping[tuple[str, str], float] | None = None,
) -> Topology:
    """Sort and check arrays and make a `Topology` of them.

    Arrays already in order and of the right type are not copied; weights and delays keep single precision.

    Parameters
    ----------
    population_names : sequence of str
        Names indexed by `population`; those without a node are dropped.
    population : (N,) array of int
        Index into `population_names`; nodes, edges and labels are sorted by it, stably.
    position : (N, 2) array
        um.
    edges : Edges
        In any order, with node numbers from before sorting.
    labels : sequence of hashable, optional
        (N,) names of the nodes, in the order before sorting.
    conductance_scale : mapping of (str, str) to float, optional
        Factors on the conductances of class pairs (source, target); those of populations without a node are dropped.

    Raises
    ------
    ValueError
        An array has the wrong length or holds an impossible value.

    Examples
    --------
    >>> edges = Edges(np.array([0, 1]), np.array([1, 2]), np.ones(2), np.full(2, 1.5))
    >>> topology = make_topology(("PYR", "PV"), np.array([1, 0, 0]), np.zeros((3, 2)), edges)
    >>> topology.sizes, topology.labels
    ({'PYR': 2, 'PV': 1}, (1, 2, 0))
    >>> topology.source.tolist(), topology.target.tolist()
    ([0, 2], [1, 0])
    """
    population = np.asarray(population)
    n_nodes, position = len(population), np.asarray(position)
    edges = Edges(*(np.asarray(column) for column in edges))
    _check_nodes(population_names, population, position, labels)
    _check_columns(edges, n_nodes)
    order = np.argsort(population, kind="stable")
    source, target, edge_order = _sorted_pairs(*_renumbered(edges, order))
    for fault in _faults(edges, (source, target), 0.0):
        first = int(fault.edges[0])
        what = f"{fault.column} {fault.message}".strip()
        pair = f"{edges.source[first]} -> {edges.target[first]}"
        raise ValueError(f"edge {pair}: {what} ({fault.edges.size} such edges)")
    present, renumbered = np.unique(population[order], return_inverse=True)
    return Topology(
        population_names=tuple(population_names[index] for index in present),
        population=renumbered.astype(np.int16),
        position=np.array(position, np.float64)[order],
        source=source,
        target=target,
        weight=_in_order(edges.weight, edge_order),
        delay=_in_order(edges.delay, edge_order),
        labels=_plain_or_labels(order, labels),
        conductance_scale=_factors(conductance_scale or {}, population_names, present),
    )


def edge_faults(edges: Edges, n_nodes: int, min_delay: float = 0.0) -> Iterator[EdgeFault]:
    """Yield the faults of edges, one kind after the other.

    Parameters
    ----------
    edges : Edges
        Four arrays of equal length.
    n_nodes : int
        Number of nodes to which source and target refer.
    min_delay : float
        Shortest delay allowed in ms; 0 means any positive one.

    Raises
    ------
    ValueError
        The arrays differ in shape or node numbers are not in 0..n_nodes-1: errors of the caller, not of the data.
    """
    _check_columns(edges, n_nodes)
    source, target, _ = _sorted_pairs(edges.source, edges.target)
    yield from _faults(edges, (source, target), min_delay)


def _check_columns(edges: Edges, n_nodes: int) -> None:
    source, target, _, _ = edges
    if any(column.shape != (len(source),) for column in edges):
        raise ValueError(f"edge arrays must have equal lengths, not the shapes {[c.shape for c in edges]}")
    for name, numbers in (("source", source), ("target", target)):
        if numbers.size and (numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= n_nodes):
            raise ValueError(f"`{name}` must hold integers in 0..{n_nodes - 1}")


def _renumbered(edges: Edges, order: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return source and target with nodes renumbered to a given order; not copied if nothing changes."""
    if (np.diff(order) > 0).all():
        return edges.source.astype(np.int32, copy=False), edges.target.astype(np.int32, copy=False)
    new_number = np.empty(len(order), np.int32)
    new_number[order] = np.arange(len(order), dtype=np.int32)
    return new_number[edges.source], new_number[edges.target]


def _sorted_pairs(
    source: NDArray[np.integer], target: NDArray[np.integer]
) -> tuple[NDArray, NDArray, NDArray[np.intp] | None]:
    """Return source and target sorted by both, and the order; the given arrays and None if already sorted."""
    ordered = source[1:] > source[:-1]
    ordered |= (source[1:] == source[:-1]) & (target[1:] >= target[:-1])
    if ordered.all():
        return source, target, None
    key = source.astype(np.int64)
    key *= int(target.max()) + 1
    key += target
    order = np.argsort(key)
    del key
    return source[order], target[order], order


def _in_order(column: NDArray, order: NDArray[np.intp] | None) -> NDArray[np.floating]:
    column = column if column.dtype == np.float32 else column.astype(np.float64, copy=False)
    return column if order is None else column[order]


def _faults(edges: Edges, in_order: tuple[NDArray, NDArray], min_delay: float) -> Iterator[EdgeFault]:
    """Yield the faults of `edge_faults`; `in_order` holds source and target sorted by both."""
    source, target, weight, delay = edges
    limit = f"must be at least {min_delay:g} ms, the fast step" if min_delay > 0 else "must be positive, in ms"
    positive = "must be positive: the sign of a synapse comes from its source's population"
    checks: tuple[tuple[Callable[[], NDArray[np.bool_]], str, str], ...] = (
        (lambda: source == target, "", "a node cannot connect to itself; remove self-edges"),
        (lambda: _repeated(edges, *in_order), "", "this pair is connected twice; merge the two edges into one"),
        (lambda: ~np.isfinite(weight), "weight", "must be a finite number"),
        (lambda: np.isfinite(weight) & (weight <= 0), "weight", positive),
        (lambda: (weight > 0) & (weight < LEAST_WEIGHT), "weight", f"must be at least {LEAST_WEIGHT:g}"),
        (lambda: np.isfinite(weight) & (weight > MOST_WEIGHT), "weight", f"must be at most {MOST_WEIGHT:g}"),
        (lambda: ~np.isfinite(delay), "delay", "must be a finite number of ms"),
        (lambda: np.isfinite(delay) & ((delay <= 0) | (delay < min_delay)), "delay", limit),
        (lambda: np.isfinite(delay) & (delay > LONGEST_DELAY), "delay", f"must be at most {LONGEST_DELAY:g} ms"),
    )
    for find, column, message in checks:  # one after the other: each takes a byte per edge
        bad = find()
        if bad.any():
            yield EdgeFault(np.flatnonzero(bad), column, message)


def _repeated(edges: Edges, source: NDArray[np.integer], target: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return (E,) whether an earlier edge connects the same pair, or (1,) False if there is none."""
    if not ((source[1:] == source[:-1]) & (target[1:] == target[:-1])).any():
        return np.zeros(1, bool)
    order = np.lexsort((edges.target, edges.source))  # stable, so that the first of a pair is the earliest
    source, target = edges.source[order], edges.target[order]
    repeated = np.zeros(len(source), bool)
    repeated[order[1:]] = (source[1:] == source[:-1]) & (target[1:] == target[:-1])
    return repeated


def _check_nodes(
    population_names: Sequence[str],
    population: NDArray[np.integer],
    position: NDArray[np.floating],
    labels: Sequence[Hashable] | None,
) -> None:
    n_nodes = len(population)
    if n_nodes == 0:
        raise ValueError("a network needs at least one node")
    if population.dtype.kind not in "iu" or population.min() < 0 or population.max() >= len(population_names):
        raise ValueError(f"`population` must hold integers in 0..{len(population_names) - 1}")
    if position.shape != (n_nodes, 2) or not np.isfinite(position).all():
        raise ValueError(f"`position` must be finite and of shape ({n_nodes}, 2), not {position.shape}")
    if labels is not None and (len(labels) != n_nodes or len(set(labels)) != n_nodes):
        raise ValueError(f"`labels` must be {n_nodes} different names, one for each node")


def _factors(
    scale: Mapping[tuple[str, str], float], names: Sequence[str], present: NDArray[np.integer]
) -> dict[tuple[str, str], float] | None:
    """Return the factors of pairs of populations that are present and other than 1; None if there are none."""
    for pair, factor in scale.items():
        if not set(pair) <= set(names) or not 0.0 <= factor <= MOST_WEIGHT:
            raise ValueError(
                f"`conductance_scale` of {' to '.join(pair)} is {factor}; "
                f"it must be from 0 to {MOST_WEIGHT:g}, of two of the populations {', '.join(names)}"
            )
    there = {names[index] for index in present}
    return {pair: float(one) for pair, one in scale.items() if set(pair) <= there and one != 1.0} or None


def _plain_or_labels(order: NDArray[np.intp], labels: Sequence[Hashable] | None) -> tuple[Hashable, ...] | None:
    names = tuple(order.tolist()) if labels is None else tuple(labels[index] for index in order)
    plain = all(type(name) is int and name == number for number, name in enumerate(names))
    return None if plain else names
