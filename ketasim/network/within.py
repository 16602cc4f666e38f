"""The edges of a pair of populations: taken out of a topology, and put back in place of those that were there."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.network.topology import Edges, Topology


def edges_within(topology: Topology, pair: str | tuple[str, str]) -> Edges:
    """Edges from one population to another, by source and target, nodes numbered within each; arrays are copies.

    pair : source and target population, or one population for the edges among its neurons.

    Raises
    ------
    KeyError
        If the network has no such population.

    Examples
    --------
    >>> from ketasim.network.topology import make_topology
    >>> edges = Edges(np.array([0, 1, 2]), np.array([1, 2, 1]), np.ones(3), np.full(3, 1.5))
    >>> topology = make_topology(("PV", "PYR"), np.array([0, 1, 1]), np.zeros((3, 2)), edges)
    >>> edges_within(topology, "PYR").source.tolist(), edges_within(topology, ("PV", "PYR")).target.tolist()
    ([0, 1], [0])
    """
    source, target = _members(topology, pair)
    inside = _inside(topology, pair)
    return Edges(
        topology.source[inside] - source.start,
        topology.target[inside] - target.start,
        topology.weight[inside],
        topology.delay[inside],
    )


def with_edges_within(topology: Topology, pair: str | tuple[str, str], edges: Edges) -> Topology:
    """Topology with `edges`, in any order, in place of those of a pair of populations.

    pair : as of `edges_within`. edges : nodes numbered within their populations; every ordered pair of nodes at most
    once. That is not checked.

    Raises
    ------
    KeyError
        If the network has no such population.
    """
    (first, second), others = _members(topology, pair), ~_inside(topology, pair)
    source = np.concatenate([topology.source[others], np.asarray(edges.source) + first.start]).astype(np.int32)
    target = np.concatenate([topology.target[others], np.asarray(edges.target) + second.start]).astype(np.int32)
    order = np.lexsort((target, source))
    return replace(
        topology,
        source=source[order],
        target=target[order],
        weight=np.concatenate([topology.weight[others], edges.weight])[order],
        delay=np.concatenate([topology.delay[others], edges.delay])[order],
    )


def _members(topology: Topology, pair: str | tuple[str, str]) -> tuple[slice, slice]:
    source, target = (pair, pair) if isinstance(pair, str) else pair
    return topology.slice_of(source), topology.slice_of(target)


def _inside(topology: Topology, pair: str | tuple[str, str]) -> NDArray[np.bool_]:
    """(E,) whether an edge is of a pair of populations."""
    source, target = _members(topology, pair)
    inside = (topology.source >= source.start) & (topology.source < source.stop)
    return inside & (topology.target >= target.start) & (topology.target < target.stop)
