"""Measures of the graph within one population."""

from typing import NamedTuple

import numpy as np
import scipy.sparse
from graspologic_native import leiden_csr
from numpy.typing import NDArray

from ketasim.network.topology import Edges, Topology
from ketasim.network.within import edges_within

#: Most neurons, evenly spaced by number, from which paths are followed and around which triangles are counted; and most
#: undirected edges for which communities are sought, at 2 us per edge.
_MOST_NEURONS, _MOST_EDGES_OF_COMMUNITIES = 1000, 5_000_000
#: Iterations of the Leiden algorithm, each starting from the previous partition; Q of the default circuit is
#: 0.077 after one, 0.082 after three and 0.083 after ten.
_LEIDEN_ITERATIONS = 3

#: Random graphs with the same degrees, and rounds of swaps before each, twice as many before the first. After 5 rounds
#: edges of the original graph remain at chance level only, for 800 nodes with 10 and with 240 neighbours.
_RANDOM_GRAPHS, _ROUNDS = 10, 5

#: Most edges of all random graphs together; at least one graph is drawn.
_EDGES_OF_RANDOM_GRAPHS = 2_000_000

_SEED = 0


class Measure(NamedTuple):
    """A number, or an array by degree from 0, with unit and meaning; NaN where not defined."""

    value: float | np.ndarray
    unit: str
    meaning: str


def graph_measures(topology: Topology, population: str = "PYR") -> dict[str, Measure]:
    """Measure the directed graph within a population; unweighted, except for modularity.

    Undirected measures connect two neurons if either projects to the other. All random draws have a fixed seed.

    Parameters
    ----------
    topology : Topology
        Such as ``trajectory.topology("24 h")``.
    population : str
        Population whose neurons, and edges between them, are measured.

    Returns
    -------
    dict of str to Measure
        Arrays are (K,), K - 1 the highest undirected degree.

        - ``edges``, ``density``, ``degree_mean`` (the same for in and out), ``in_degree_sd``, ``out_degree_sd``,
          ``in_degree_histogram``, ``out_degree_histogram``;
        - ``reciprocity``: fraction of edges whose reverse edge exists;
        - ``clustering``: undirected, mean over neurons of the fraction of pairs of neighbours that are connected, 0
          for neurons without a pair (Watts & Strogatz 1998);
        - ``path_length``, ``unreachable_share``: mean number of edges on the shortest directed path over the ordered
          pairs that have one, and the fraction that have none;
        - ``modularity``, ``communities``: Newman's Q of the partition that the Leiden algorithm (Traag, Waltman & van
          Eck 2019) finds in the undirected graph, each edge weighted by the sum of both directions, and the number of
          its communities. The algorithm maximises Q, so that Q of a random graph is not 0. NaN beyond 5,000,000
          undirected edges;
        - ``rich_club``, ``rich_club_normalised``, ``rich_club_random_sd``: fraction of connected pairs among neurons
          with a degree above k, undirected; relative to its mean in up to 10 random graphs with the same degrees
          (edge swaps, Maslov & Sneppen 2002); and the standard deviation of that ratio over the random graphs.

        Path length and clustering are from at most 1,000 neurons, evenly spaced.

    Raises
    ------
    KeyError
        The network has no such population.

    Examples
    --------
    >>> from ketasim.network.topology import make_topology
    >>> ring = Edges(np.arange(5), np.roll(np.arange(5), -1), np.ones(5), np.ones(5))
    >>> measures = graph_measures(make_topology(("PYR",), np.zeros(5, int), np.zeros((5, 2)), ring))
    >>> float(measures["path_length"].value), float(measures["reciprocity"].value)
    (2.5, 0.0)
    """
    edges, n_nodes = edges_within(topology, population), topology.sizes[population]
    directed = scipy.sparse.csr_array(
        (np.ones(edges.source.size), (edges.source, edges.target)), shape=(n_nodes, n_nodes)
    )
    undirected = directed + directed.T
    both = float(np.count_nonzero(undirected.data == 2.0))
    undirected.data[:] = 1.0
    length, unreachable = _paths(directed)
    modularity, parts = communities(edges, n_nodes)
    measures = _degrees(edges, np.diff(undirected.indptr)) | {
        "reciprocity": Measure(_ratio(both, edges.source.size), "1", "fraction of edges whose reverse edge exists"),
        "clustering": Measure(_clustering(undirected), "1", "mean local clustering, undirected"),
        "path_length": Measure(length, "1", "mean length of the shortest directed path, over pairs that have one"),
        "unreachable_share": Measure(unreachable, "1", "fraction of ordered pairs without a directed path"),
        "modularity": Measure(modularity, "1", "modularity of the partition found by Leiden, undirected, weighted"),
        "communities": Measure(
            float(len(set(parts.values()))) if parts else np.nan, "1", "communities of that partition"
        ),
    }
    return measures | _rich_club(undirected)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _degrees(edges: Edges, undirected_degree: NDArray[np.integer]) -> dict[str, Measure]:
    n_nodes, count = undirected_degree.size, edges.source.size
    in_degree, out_degree = (np.bincount(ends, minlength=n_nodes) for ends in (edges.target, edges.source))
    lengths = int(undirected_degree.max()) + 1
    return {
        "edges": Measure(float(count), "1", "edges within the population"),
        "density": Measure(_ratio(count, n_nodes * (n_nodes - 1)), "1", "fraction of ordered pairs that are connected"),
        "degree_mean": Measure(count / n_nodes, "1", "mean number of incoming edges, which is that of outgoing ones"),
        "in_degree_sd": Measure(float(in_degree.std()), "1", "standard deviation of in-degrees"),
        "out_degree_sd": Measure(float(out_degree.std()), "1", "standard deviation of out-degrees"),
        "in_degree_histogram": Measure(
            np.bincount(in_degree, minlength=lengths), "1", "number of neurons by in-degree"
        ),
        "out_degree_histogram": Measure(
            np.bincount(out_degree, minlength=lengths), "1", "number of neurons by out-degree"
        ),
    }


def _sample(n_nodes: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n_nodes - 1, min(n_nodes, _MOST_NEURONS)).round().astype(np.intp))


def _paths(directed: scipy.sparse.csr_array) -> tuple[float, float]:
    """Mean length of shortest paths, and fraction of ordered pairs without one.

    Breadth first from 64 neurons at a time: bit i of a neuron's word is set once a path from neuron i has reached it.
    """
    n_nodes, sources = directed.shape[0], _sample(directed.shape[0])
    incoming = directed.T.tocsr()
    receiving = np.flatnonzero(np.diff(incoming.indptr))
    total = reached = 0
    for begin in range(0, sources.size, 64):
        block = sources[begin : begin + 64]
        front = np.zeros(n_nodes, np.uint64)
        front[block] = np.uint64(1) << np.arange(block.size, dtype=np.uint64)
        seen, length = front.copy(), 0
        while front.any():
            length += 1
            arrived = np.zeros(n_nodes, np.uint64)
            arrived[receiving] = np.bitwise_or.reduceat(front[incoming.indices], incoming.indptr[receiving])
            front = arrived & ~seen
            seen |= front
            found = int(np.bitwise_count(front).sum())
            total, reached = total + length * found, reached + found
    pairs = sources.size * (n_nodes - 1)
    return _ratio(total, reached), _ratio(pairs - reached, pairs)


def _clustering(undirected: scipy.sparse.csr_array) -> float:
    degree, nodes = np.diff(undirected.indptr).astype(float), _sample(undirected.shape[0])
    closed = np.empty(nodes.size)
    for begin in range(0, nodes.size, 64):
        block = slice(begin, begin + 64)
        neighbours = undirected[nodes[block]].T.toarray()
        closed[block] = ((undirected @ neighbours) * neighbours).sum(axis=0)  # ordered pairs of connected neighbours
    pairs = degree[nodes] * (degree[nodes] - 1.0)
    return float(np.divide(closed, pairs, out=np.zeros_like(pairs), where=pairs > 0.0).sum() / nodes.size)


def communities(edges: Edges, n_nodes: int) -> tuple[float, dict[int, int]]:
    """Return modularity of the Leiden partition, and the community of each node; NaN and {} where not sought."""
    one_way = scipy.sparse.csr_array(
        (edges.weight.astype(float), (edges.source, edges.target)), shape=(n_nodes, n_nodes)
    )
    both = one_way + one_way.T
    if not (both.data > 0.0).any() or both.nnz > 2 * _MOST_EDGES_OF_COMMUNITIES:
        return np.nan, {}
    graph = both.indptr.astype(np.int64), both.indices.astype(np.int32), both.data, n_nodes
    modularity, parts = leiden_csr(*graph, iterations=_LEIDEN_ITERATIONS, seed=_SEED)
    return modularity, parts


def _rich_club(undirected: scipy.sparse.csr_array) -> dict[str, Measure]:
    degree = np.diff(undirected.indptr)
    pairs = scipy.sparse.triu(undirected).tocoo()
    ends = np.array([pairs.row, pairs.col], dtype=np.int64)
    measured = rich_club(ends, degree)
    random = np.random.default_rng(_SEED)
    drawn: list[NDArray[np.float64]] = []
    count = min(_RANDOM_GRAPHS, max(1, _EDGES_OF_RANDOM_GRAPHS // max(1, ends.shape[1])))
    for _ in range(count):  # each continues from the previous one
        ends = with_swapped_edges(ends, degree.size, _ROUNDS if drawn else 2 * _ROUNDS, random)
        drawn.append(rich_club(ends, degree))
    mean = np.mean(drawn, axis=0)
    usual = np.where(mean > 0.0, mean, np.nan)
    spread = np.std(drawn, axis=0, ddof=1) / usual if count > 1 else np.full(mean.shape, np.nan)
    return {
        "rich_club": Measure(measured, "1", "fraction of connected pairs among neurons with more than k neighbours"),
        "rich_club_normalised": Measure(
            measured / usual, "1", "rich club relative to random graphs with the same degrees"
        ),
        "rich_club_random_sd": Measure(
            spread, "1", "standard deviation of the normalised rich club over random graphs"
        ),
    }


def rich_club(ends: NDArray[np.integer], degree: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the rich-club coefficient for every degree k up to the highest.

    Parameters
    ----------
    ends : (2, E) array of int
        Undirected edges, each once.
    degree : (n,) array of int
        Degrees of the nodes.

    Returns
    -------
    (K,) array
        Coefficient by k from 0; NaN where fewer than two neurons have a higher degree.
    """
    length = int(degree.max()) + 1
    nodes = degree.size - np.cumsum(np.bincount(degree, minlength=length))
    poorer = degree.take(ends).min(axis=0)
    connected = poorer.size - np.cumsum(np.bincount(poorer, minlength=length))
    pairs = nodes * (nodes - 1) / 2.0
    return np.divide(connected, pairs, out=np.full(length, np.nan), where=pairs > 0.0)


def with_swapped_edges(
    ends: NDArray[np.int64], n_nodes: int, rounds: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Swap ends of undirected edges, keeping all degrees: a-b and c-d become a-d and c-b.

    In each round all edges are paired at random. Swaps that would create a self-edge or an existing edge are skipped,
    as are those of one round that would create the same edge.

    Parameters
    ----------
    ends : (2, E) array of int
        Edges, without self-edges or duplicates.
    n_nodes : int
        Number of nodes.
    rounds : int
        Number of rounds.
    random : numpy.random.Generator
        Source of the pairings.

    Returns
    -------
    (2, E) array of int
        Edges, again without self-edges or duplicates.
    """
    count = ends.shape[1] // 2
    # One slot for every pair of nodes; in a large graph pairs share slots, and a swap into an occupied slot is skipped
    # too.
    size = n_nodes * n_nodes if n_nodes <= 4096 else 16 * ends.shape[1] + 1
    taken, claimed = np.zeros(size, bool), np.zeros(size, np.int64)
    claims = np.arange(2 * count).reshape(2, count)
    for _ in range(rounds if count else 0):
        ends = ends.take(random.permutation(ends.shape[1]), axis=1)
        one, other = ends[:, :count], ends[:, count : 2 * count]
        (a, b), (c, d) = one.copy(), np.where(random.random(count) < 0.5, other[::-1], other)
        before = _place(ends[0], ends[1], n_nodes, size)
        taken[before] = True
        places = np.array([_place(a, d, n_nodes, size), _place(c, b, n_nodes, size)])
        free = (a != d) & (c != b) & ~taken[places].any(axis=0)
        claimed[places.compress(free, axis=1)] = claims.compress(free, axis=1)
        free &= (claimed[places] == claims).all(axis=0)
        taken[before] = False
        one[1], other[:] = np.where(free, d, b), np.where(free, (c, b), (c, d))
    return ends


def _place(one: NDArray[np.int64], other: NDArray[np.int64], n_nodes: int, size: int) -> NDArray[np.int64]:
    return (np.minimum(one, other) * n_nodes + np.maximum(one, other)) % size
