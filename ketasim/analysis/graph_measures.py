"""Measures of the graph among the neurons of one population."""

from typing import NamedTuple

import numpy as np
import scipy.sparse
from graspologic_native import leiden_csr
from numpy.typing import NDArray

from ketasim.network.topology import Edges, Topology
from ketasim.network.within import edges_within

#: Neurons, evenly spread over their numbers, from which paths are followed and around which triangles are counted, at
#: most; and undirected edges up to which communities are looked for, which takes 2 us of each.
_MOST_NEURONS, _MOST_EDGES_OF_COMMUNITIES = 1000, 5_000_000
#: Rounds of the Leiden algorithm, each starting from the partition of the one before; Q of the default circuit is
#: 0.077 after one, 0.082 after three and 0.083 after ten.
_LEIDEN_ITERATIONS = 3

#: Random graphs with the same degrees, and rounds of swaps before each, twice as many before the first. After 5 rounds
#: no more edges are where they were than by chance, at 800 nodes of 10 and of 240 neighbours.
_RANDOM_GRAPHS, _ROUNDS = 10, 5

#: Edges of all random graphs together, at most, where one graph does not have more.
_EDGES_OF_RANDOM_GRAPHS = 2_000_000

_SEED = 0


class Measure(NamedTuple):
    """A number, or an array over degree from 0, with its unit and meaning; NaN where it is not defined."""

    value: float | np.ndarray
    unit: str
    meaning: str


def graph_measures(topology: Topology, population: str = "PYR") -> dict[str, Measure]:
    """Measure the directed graph of a population: who is connected, not how strongly, but for modularity.

    Undirected measures connect two neurons if either projects to the other. Everything that is drawn has a fixed seed.

    Parameters
    ----------
    topology : such as ``trajectory.topology("24 h")``.
    population : whose neurons, and edges between them, are measured.

    Returns
    -------
    measures : name -> `Measure`. Arrays are (K,), K - 1 the highest undirected degree.

        - ``edges``, ``density``, ``degree_mean`` (in and out have one mean), ``in_degree_sd``, ``out_degree_sd``,
          ``in_degree_histogram``, ``out_degree_histogram``;
        - ``reciprocity`` : share of edges whose opposite is one too;
        - ``clustering`` : undirected, mean over neurons of the share of pairs of neighbours that are connected, 0
          where there is no pair (Watts & Strogatz 1998);
        - ``path_length``, ``unreachable_share`` : mean number of edges on the shortest directed path over the ordered
          pairs that have one, and the share that have none;
        - ``modularity``, ``communities`` : Newman's Q of the partition that the Leiden algorithm (Traag, Waltman & van
          Eck 2019) finds in the undirected graph, each edge weighted by the sum of both directions, and the number of
          its parts. The algorithm looks for a high Q, so that a random graph's is not 0. NaN beyond 5,000,000
          undirected edges;
        - ``rich_club``, ``rich_club_normalised``, ``rich_club_random_sd`` : share of connected pairs among neurons of a
          degree above k, undirected; over its mean in up to 10 random graphs with the same degrees (swapped edges,
          Maslov & Sneppen 2002); and the standard deviation of that ratio over the random graphs.

        Path length and clustering rest on at most 1,000 neurons, evenly spread.

    Raises
    ------
    KeyError
        If the network has no such population.

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
        "reciprocity": Measure(_ratio(both, edges.source.size), "1", "share of edges whose opposite is one too"),
        "clustering": Measure(_clustering(undirected), "1", "mean local clustering, undirected"),
        "path_length": Measure(length, "1", "mean edges on the shortest directed path, over pairs that have one"),
        "unreachable_share": Measure(unreachable, "1", "share of ordered pairs without a directed path"),
        "modularity": Measure(modularity, "1", "modularity of the partition found by Leiden, undirected, weighted"),
        "communities": Measure(float(len(set(parts.values()))) if parts else np.nan, "1", "parts of that partition"),
    }
    return measures | _rich_club(undirected)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _degrees(edges: Edges, undirected_degree: NDArray[np.integer]) -> dict[str, Measure]:
    n_nodes, count = undirected_degree.size, edges.source.size
    in_degree, out_degree = (np.bincount(ends, minlength=n_nodes) for ends in (edges.target, edges.source))
    lengths = int(undirected_degree.max()) + 1
    return {
        "edges": Measure(float(count), "1", "edges among the population"),
        "density": Measure(_ratio(count, n_nodes * (n_nodes - 1)), "1", "share of ordered pairs that are connected"),
        "degree_mean": Measure(count / n_nodes, "1", "mean number of incoming, and of outgoing, edges"),
        "in_degree_sd": Measure(float(in_degree.std()), "1", "standard deviation of incoming edges"),
        "out_degree_sd": Measure(float(out_degree.std()), "1", "standard deviation of outgoing edges"),
        "in_degree_histogram": Measure(np.bincount(in_degree, minlength=lengths), "1", "neurons by incoming edges"),
        "out_degree_histogram": Measure(np.bincount(out_degree, minlength=lengths), "1", "neurons by outgoing edges"),
    }


def _sample(n_nodes: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n_nodes - 1, min(n_nodes, _MOST_NEURONS)).round().astype(np.intp))


def _paths(directed: scipy.sparse.csr_array) -> tuple[float, float]:
    """Mean length of shortest paths, and share of ordered pairs that have none.

    Breadth first from 64 neurons at a time: bit i of a neuron's word says that a path from neuron i has arrived.
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
    """Modularity of the partition that Leiden finds, and the part of each node; NaN and none where not looked for."""
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
    for _ in range(count):  # each goes on from the one before
        ends = with_swapped_edges(ends, degree.size, _ROUNDS if drawn else 2 * _ROUNDS, random)
        drawn.append(rich_club(ends, degree))
    mean = np.mean(drawn, axis=0)
    usual = np.where(mean > 0.0, mean, np.nan)
    spread = np.std(drawn, axis=0, ddof=1) / usual if count > 1 else np.full(mean.shape, np.nan)
    return {
        "rich_club": Measure(measured, "1", "share of connected pairs among neurons with more than k neighbours"),
        "rich_club_normalised": Measure(measured / usual, "1", "rich club over that of random graphs of its degrees"),
        "rich_club_random_sd": Measure(spread, "1", "standard deviation of the normalised one over random graphs"),
    }


def rich_club(ends: NDArray[np.integer], degree: NDArray[np.integer]) -> NDArray[np.float64]:
    """Rich-club coefficient for every degree k from 0 to the highest, NaN where fewer than two neurons have more.

    ends : (2, E) undirected edges, each once. degree : (n,) of the nodes.
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

    In a round all edges are paired by chance. A swap that would make a self-edge or an edge that exists is left out, as
    are those of one round that would make the same edge.

    ends : (2, E), no self-edge, no edge twice; so is what is returned. rounds : how many.
    """
    count = ends.shape[1] // 2
    # One place for every pair of nodes; in a large graph pairs share places, and a swap into one that is taken is left
    # out too.
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
