"""The edges of one class pair: read from a topology, and replaced in it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.network.topology import Edges, Topology


def edges_within(topology: Topology, pair: str | tuple[str, str]) -> Edges:
    """Return copies of a class pair's edges, sorted by source and target, with nodes numbered within populations.

    Parameters
    ----------
    topology : Topology
        The circuit.
    pair : str or (str, str)
        Populations of source and target, or one name for the edges within a population.

    Raises
    ------
    KeyError
        The network has no such population.

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
    """Return a topology with the edges of a class pair replaced.

    Parameters
    ----------
    topology : Topology
        The circuit.
    pair : str or (str, str)
        Populations of source and target, or one name for the edges within a population.
    edges : Edges
        In any order, nodes numbered within their populations, every ordered pair at most once (not checked).

    Raises
    ------
    KeyError
        The network has no such population.
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
    """Return the nodes of the source and of the target population."""
    source, target = (pair, pair) if isinstance(pair, str) else pair
    return topology.slice_of(source), topology.slice_of(target)


def _inside(topology: Topology, sources: slice, targets: slice) -> NDArray[np.bool_]:
    """Return (E,) whether an edge goes from one population to the other."""
    inside = (topology.source >= sources.start) & (topology.source < sources.stop)
    return inside & (topology.target >= targets.start) & (topology.target < targets.stop)
