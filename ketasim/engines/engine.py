"""Interface between the loop and a network; a second engine is a class with these methods.

Engine time is counted in fast steps of 0.1 ms. A window is dated by the absolute number of its first step, negative
before time zero, which also keys its random numbers; `Engine.age` counts the steps actually run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self, runtime_checkable

import numpy as np

from ketasim.kernels.graph import Synapses
from ketasim.network.topology import FAST_STEP, Topology

STEPS_PER_SECOND = round(1e3 / FAST_STEP)


class Inputs(NamedTuple):
    """Class means of what an engine reads from the slow signals; the sampler checks them for changes.

    Attributes
    ----------
    drives : (rows, P) array
        Inputs that slow mechanisms change, compared by relative change.
    given : (rows, P) array
        Inputs that exposures set; any change counts.
    """

    drives: np.ndarray
    given: np.ndarray


@dataclass(frozen=True, eq=False)
class Measurement:
    """Result of one window.

    Parameters
    ----------
    signals : dict of str to (n,) array
        Node signals, averaged over the window.
    population : dict of str to (P,) array
        Their class means.
    spike_step, spike_node : (S,) arrays
        Absolute fast step and node of every spike, in temporal order.
    traces : dict of str to (P, samples) array
        Population means at 1 kHz, if requested.
    """

    signals: dict[str, np.ndarray]
    population: dict[str, np.ndarray]
    spike_step: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    spike_node: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    traces: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, signals: dict[str, np.ndarray], class_start: np.ndarray, **rest: object) -> Self:
        """Return the measurement of node signals, with classes starting at ``class_start`` (P + 1,)."""
        population = {name: class_means(values, class_start) for name, values in signals.items()}
        return cls(signals, population, **rest)  # type: ignore[arg-type]


class Engine(Protocol):
    """A network that can be run under given slow signals."""

    @property
    def topology(self) -> Topology:
        """Nodes by population, and edges, at the start."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Network signals that a window provides; mechanisms that need others are left out."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Slow signals that it reads; a port among them may be scaled by mechanisms."""

    @property
    def age(self) -> int:
        """Fast steps run since `rest`."""

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later windows depend on, except edges; setting it restores that state."""

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None: ...

    def rest(self) -> None:
        """Reset to rest, at age 0."""

    def inputs(self, signals: Mapping[str, np.ndarray], baseline: Mapping[str, np.ndarray]) -> Inputs:
        """Return what the engine reads from slow signals, given the baseline means of each node."""

    def settle(self, signals: Mapping[str, np.ndarray], first_step: int, n_steps: int) -> None:
        """Run without measuring."""

    def measure(
        self, signals: Mapping[str, np.ndarray], first_step: int, n_steps: int, traces: bool = False
    ) -> Measurement:
        """Run a window and average it."""

    def digest(self, signals: Mapping[str, np.ndarray]) -> str:
        """Digest of everything that windows from `rest` at these signals depend on, except code."""


@runtime_checkable
class PlasticEngine(Protocol):
    """An engine whose edges can be born and die; a pair is (source population, target population)."""

    def edges(self, pair: tuple[str, str]) -> Synapses:
        """Edges of a pair ordered by source and target; nodes numbered within populations, delays in fast steps."""

    def rewire(self, pair: tuple[str, str], died: Synapses, born: Synapses, weight: np.ndarray) -> None:
        """Remove and add edges, then set the weights (E,) of all edges of the pair, ordered by source and target."""


def check_engine(engine: object) -> None:
    """Refuse what lacks anything of `Engine`.

    Raises
    ------
    TypeError
        Names what is missing.
    """
    missing = [name for name in vars(Engine) if not name.startswith("_") and not hasattr(engine, name)]
    if missing:
        raise TypeError(
            f"an engine has everything that ketasim.engines.Engine has; {engine!r} lacks {', '.join(missing)}"
        )


def class_means(values: np.ndarray, class_start: np.ndarray) -> np.ndarray:
    """Means over the nodes of each class; `values` is (..., n).

    Examples
    --------
    >>> class_means(np.array([1.0, 3.0, 5.0]), np.array([0, 2, 3]))
    array([2., 5.])
    """
    return np.add.reduceat(values, class_start[:-1], axis=-1) / (class_start[1:] - class_start[:-1])
