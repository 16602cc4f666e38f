"""Edges that mechanisms change: one table per class pair, and the engine's graph kept in step with it.

At the end of a slow step the mechanism returns the edges that died, those born, and all weights; the engine's graph is
updated at a cost proportional to the number of changes. The next window runs on the new graph: an edge transmits spikes
fired after the step in which it was born, and spikes already sent along an edge that died still arrive.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ketasim.documents import KetasimError
from ketasim.engines import PlasticEngine
from ketasim.kernels.graph import Synapses
from ketasim.mechanisms import Clock, Mechanism, Setting
from ketasim.mechanisms.mechanism import EdgeChanges
from ketasim.nested import flattened, part_of, rebuilt
from ketasim.network.topology import FAST_STEP, Edges, Topology
from ketasim.network.within import with_edges_within

BIRTH, DEATH = 0, 1


class EdgeEvents(NamedTuple):
    """Births and deaths of one slow step.

    Attributes
    ----------
    kind : (B,) array
        0 for a birth, 1 for a death.
    source, target : (B,) arrays
        Nodes, numbered within their populations.
    weight : (B,) array
        Relative weight at the event.
    delay : (B,) array
        Conduction delay in ms.
    """

    kind: np.ndarray
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class PlasticEdges:
    """The edges of one class pair, changed by one mechanism.

    Parameters
    ----------
    mechanism : Mechanism
        Owner of the edges.
    parameters : NamedTuple
        Parameters of the mechanism.
    setting : Setting
        Setting of the run at its start.
    engine : PlasticEngine
        Engine whose graph is kept in step.
    seed : int
        Seed of the run.

    Attributes
    ----------
    pair : (str, str)
        Source and target population.
    edges : Synapses
        Current edges of the pair, ordered by source and target.
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
        """Let the mechanism change the edges in a slow step, and update the engine's graph.

        Parameters
        ----------
        before, after : mapping of str to array
            Signals at the start and at the end of the step.
        prepared : Any
            What the mechanism's `advance` is given now; not used by a mechanism with a `begin`.
        clock : Clock
            Start and duration of the step.
        """
        one = self.mechanism
        self.events = _events(_none(self.edges), _none(self.edges))
        if clock.duration == 0.0:
            return
        read = {name: before[name] for name in (*one.reads, *one.writes)}
        written = {name: after[name] for name in (*one.writes, *one.scales)}
        changes = self._evolve(self.edges, self._own, read, written, self._fixed if one.begin else prepared, clock)
        try:
            self._check(changes)
            self._engine.rewire(self.pair, changes.died, changes.born, changes.edges.weight)
        except ValueError as error:
            raise KetasimError(f"{one.name}: edges from {' to '.join(self.pair)}: {error}") from error
        self.edges, self._own = changes.edges, changes.own
        self.events = _events(changes.died, changes.born)

    def _check(self, changes: EdgeChanges) -> None:
        """Refuse edges that the engine would take for others, and weights with which it can't run."""
        if not isinstance(changes, EdgeChanges):
            raise ValueError(f"`evolve` must return EdgeChanges, not {type(changes).__name__}")
        size = self.edges.source.size + changes.born.source.size - changes.died.source.size
        if {column.size for column in changes.edges} != {size}:
            raise ValueError(
                f"`evolve` returned {changes.edges.source.size}; with those born and died there are {size}"
            )
        source, target, weight, _ = changes.edges
        if np.any((np.diff(source) < 0) | ((np.diff(source) == 0) & (np.diff(target) < 0))):
            raise ValueError("`evolve` must return them sorted by source and target")
        if not np.all((weight >= 0.0) & (weight < np.inf)):
            raise ValueError("`evolve` returned a weight that is negative or not finite")
        if flattened({"own": changes.own}).keys() != flattened({"own": self._own}).keys():
            raise ValueError("`evolve` returned another state of its own than it was given")


def topology_now(start: Topology, plastic: Sequence[PlasticEdges]) -> Topology:
    """Current nodes and edges of the whole network, in the precision of the kernel."""
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
