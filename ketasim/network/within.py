"""The edges of one class pair: taken out of a topology, and put back in place of those that were there."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.network.topology import Edges, Topology


def edges_within(topology: Topology, pair: str | tuple[str, str]) -> Edges:
    """Edges of a class pair, by source and target, with nodes numbered within their populations; arrays are copies.

    pair : populations of source and target, or one name for the edges from a population to itself.

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
    >>> edges_within(topology, ("PV", "PYR")).target.tolist()
    [0]
    """
    sources, targets = _members(topology, pair)
    inside = _inside(topology, sources, targets)
    return Edges(
        topology.source[inside] - sources.start,
        topology.target[inside] - targets.start,
        topology.weight[inside],
        topology.delay[inside],
    )


def with_edges_within(topology: Topology, pair: str | tuple[str, str], edges: Edges) -> Topology:
    """Topology with `edges`, in any order, in place of those of a class pair.

    pair : populations of source and target, or one name for the edges from a population to itself.
    edges : nodes numbered within their populations; every ordered pair at most once. That is not checked.

    Raises
    ------
    KeyError
        If the network has no such population.
    """
    sources, targets = _members(topology, pair)
    others = ~_inside(topology, sources, targets)
    source = np.concatenate([topology.source[others], np.asarray(edges.source) + sources.start]).astype(np.int32)
    target = np.concatenate([topology.target[others], np.asarray(edges.target) + targets.start]).astype(np.int32)
    order = np.lexsort((target, source))
    return replace(
        topology,
        source=source[order],
        target=target[order],
        weight=np.concatenate([topology.weight[others], edges.weight])[order],
        delay=np.concatenate([topology.delay[others], edges.delay])[order],
    )


def _members(topology: Topology, pair: str | tuple[str, str]) -> tuple[slice, slice]:
    """Nodes of the source and of the target population."""
    source, target = (pair, pair) if isinstance(pair, str) else pair
    return topology.slice_of(source), topology.slice_of(target)


def _inside(topology: Topology, sources: slice, targets: slice) -> NDArray[np.bool_]:
    """(E,) whether an edge goes from one population to the other."""
    inside = (topology.source >= sources.start) & (topology.source < sources.stop)
    return inside & (topology.target >= targets.start) & (topology.target < targets.stop)
