"""The edges within one population: taken out of a topology, and put back in place of those that were there."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.network.topology import Edges, Topology


def edges_within(topology: Topology, population: str) -> Edges:
    """Edges from a population to itself, by source and target, with nodes numbered within it; arrays are copies.

    Raises
    ------
    KeyError
        If the network has no such population.

    Examples
    --------
    >>> from ketasim.network.topology import make_topology
    >>> edges = Edges(np.array([0, 1, 2]), np.array([1, 2, 1]), np.ones(3), np.full(3, 1.5))
    >>> topology = make_topology(("PV", "PYR"), np.array([0, 1, 1]), np.zeros((3, 2)), edges)
    >>> edges_within(topology, "PYR").source.tolist(), edges_within(topology, "PYR").target.tolist()
    ([0, 1], [1, 0])
    """
    first = topology.slice_of(population).start
    inside = _inside(topology, population)
    return Edges(
        topology.source[inside] - first,
        topology.target[inside] - first,
        topology.weight[inside],
        topology.delay[inside],
    )


def with_edges_within(topology: Topology, population: str, edges: Edges) -> Topology:
    """Topology with `edges`, in any order, in place of those from a population to itself.

    edges : nodes numbered within the population; every ordered pair at most once. That is not checked.

    Raises
    ------
    KeyError
        If the network has no such population.
    """
    first, others = topology.slice_of(population).start, ~_inside(topology, population)
    source = np.concatenate([topology.source[others], np.asarray(edges.source) + first]).astype(np.int32)
    target = np.concatenate([topology.target[others], np.asarray(edges.target) + first]).astype(np.int32)
    order = np.lexsort((target, source))
    return replace(
        topology,
        source=source[order],
        target=target[order],
        weight=np.concatenate([topology.weight[others], edges.weight])[order],
        delay=np.concatenate([topology.delay[others], edges.delay])[order],
    )


def _inside(topology: Topology, population: str) -> NDArray[np.bool_]:
    """(E,) whether an edge starts and ends in a population."""
    members = topology.slice_of(population)
    inside = (topology.source >= members.start) & (topology.source < members.stop)
    return inside & (topology.target >= members.start) & (topology.target < members.stop)
