"""Edges that mechanisms change: the table of a class pair, and the engine's graph that follows it.

At the end of a slow step the mechanism says which edges died, which were born, and what all weigh; the engine's graph
is changed at a cost that goes with their number. The next window runs on what results: an edge carries the spikes fired
after the step in which it was born; what one that died has sent arrives nevertheless.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ketasim.engines import PlasticEngine
from ketasim.kernels.graph import Synapses
from ketasim.mechanisms import Clock, Mechanism, Setting
from ketasim.nested import flattened, part_of, rebuilt
from ketasim.network.topology import FAST_STEP, Edges, Topology
from ketasim.network.within import with_edges_within

BIRTH, DEATH = 0, 1


class EdgeEvents(NamedTuple):
    """Births and deaths of one slow step, (B,) each; nodes are numbered within their populations.

    kind : 0 birth, 1 death. weight : relative, at the event. delay : ms.
    """

    kind: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class PlasticEdges:
    """The edges of one class pair, which one mechanism changes.

    Parameters
    ----------
    mechanism : Mechanism
        Owner of the edges.
    parameters : NamedTuple
        Of the mechanism.
    setting : Setting
        Of the run at its start.
    engine : PlasticEngine
        Whose graph follows.
    seed : int
        Of the run.

    Attributes
    ----------
    pair : (str, str)
        Source and target population.
    edges : Synapses
        All edges of the pair as they are now, by source and target.
    events : EdgeEvents
        Births and deaths of the last step.
    """

    def __init__(self, mechanism: Mechanism, parameters: Any, setting: Setting, engine: PlasticEngine, seed: int):
        assert mechanism.pair is not None
        assert mechanism.evolve is not None
        self.mechanism, self.pair, self._engine, self._evolve = mechanism, mechanism.pair, engine, mechanism.evolve
        self.edges = engine.edges(self.pair)
        self._fixed: Any = None
        self._own: Any = ()
        if mechanism.begin:
            self._fixed, self._own = mechanism.begin(self.edges, parameters, setting, seed)
        self.events = _events(_none(self.edges), _none(self.edges))

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later steps depend on, as plain arrays."""
        return flattened({"edges": self.edges, "own": self._own})

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        before = self._engine.edges(self.pair)
        self.edges = rebuilt(self.edges, part_of(arrays, "edges"))
        self._own = rebuilt(self._own, part_of(arrays, "own"))
        self._engine.rewire(self.pair, before, self.edges, self.edges.weight)

    def advance(
        self, before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], prepared: Any, clock: Clock
    ) -> None:
        """Let the mechanism change the edges in a slow step, and the engine's graph with them.

        before, after : signals at the start and at the end of the step.
        prepared : what the mechanism's `advance` is given now; not used by one that has a `begin`.
        """
        one = self.mechanism
        self.events = _events(_none(self.edges), _none(self.edges))
        if clock.duration == 0.0:
            return
        read = {name: before[name] for name in (*one.reads, *one.writes)}
        written = {name: after[name] for name in (*one.writes, *one.scales)}
        changes = self._evolve(self.edges, self._own, read, written, self._fixed if one.begin else prepared, clock)
        self._engine.rewire(self.pair, changes.died, changes.born, changes.edges.weight)
        self.edges, self._own = changes.edges, changes.own
        self.events = _events(changes.died, changes.born)


def topology_now(start: Topology, plastic: Sequence[PlasticEdges]) -> Topology:
    """Nodes and edges of the whole network as they are now, in the precision in which the kernel has them."""
    for one in plastic:
        source, target, weight, delay = one.edges
        edges = Edges(source, target, weight.astype(np.float32), (delay * FAST_STEP).astype(np.float32))
        start = with_edges_within(start, one.pair, edges)
    return start


def _none(like: Synapses) -> Synapses:
    return Synapses(*(column[:0] for column in like))


def _events(died: Synapses, born: Synapses) -> EdgeEvents:
    columns = [np.concatenate(both) for both in zip(died, born, strict=True)]
    kind = np.repeat(np.array([DEATH, BIRTH], np.uint8), [died.source.size, born.source.size])
    source, target, weight, delay = columns
    return EdgeEvents(kind, source, target, weight, delay * FAST_STEP)
