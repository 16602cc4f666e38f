"""Measures the resting network before the run, window by window so that it can be resumed, and stores the result.

The same network at rest with the same seed gives the same baseline to the last bit, so it need not be run again for
each dose of a sweep.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ketasim import __version__
from ketasim.digests import class_digest, code_digest, value_digest
from ketasim.engines import STEPS_PER_SECOND, Engine, Measurement
from ketasim.kernels.jit import CACHE_FOLDER
from ketasim.nested import flattened, part_of
from ketasim.simulation import stored
from ketasim.simulation.estimates import BaselineStatistics, Estimates
from ketasim.simulation.guards import check_window
from ketasim.simulation.interrupts import HeldInterrupts

_log = logging.getLogger(__name__)

#: Called with the time in s and the measurement of a baseline window.
OnWindow = Callable[[float, Measurement], Any]


class Baseline(NamedTuple):
    """Result of a baseline: the engine's state at its end, the estimates, and population means of each window."""

    engine: dict[str, np.ndarray]
    estimates: Estimates
    rows: dict[str, np.ndarray]  # name -> (n_windows, P)


class BaselineRun:
    """A baseline being measured: the network settles (burn-in), then runs windows without gaps.

    Parameters
    ----------
    engine : Engine
        Runs the network.
    statistics : BaselineStatistics
        Statistics of the windows so far.
    step : int
        Fast step at which the next window starts.

    Attributes
    ----------
    rows : dict of str to list of (P,) array
        Population means of each window so far.
    """

    def __init__(self, engine: Engine, statistics: BaselineStatistics, step: int):
        self._engine, self._statistics, self.step = engine, statistics, step
        self.rows: dict[str, list[np.ndarray]] = {}

    def settle(self, rest: Mapping[str, np.ndarray], n_steps: int) -> None:
        """Run the network from rest for `n_steps` up to the first window (burn-in)."""
        with HeldInterrupts():
            self._engine.rest()
            self._engine.settle(rest, self.step - n_steps, n_steps)

    def finish(self, rest: Mapping[str, np.ndarray], end: int, window_steps: int, on_window: OnWindow | None) -> None:
        """Measure the remaining windows up to the fast step `end`."""
        while self.step < end:
            first = self.step
            with HeldInterrupts():
                measured = self._engine.measure(rest, first, window_steps)
                check_window(measured.signals, self._engine.topology, (first + window_steps) / STEPS_PER_SECOND)
                self._statistics.add(measured.signals, measured.population)
                for name, values in measured.population.items():
                    self.rows.setdefault(name, []).append(values)
                self.step += window_steps
            if on_window:
                on_window(first / STEPS_PER_SECOND, measured)

    def baseline(self) -> Baseline:
        """Return the baseline, with its whole length as the memory of the estimates."""
        rows = {name: np.array(values) for name, values in self.rows.items()}
        return Baseline(self._engine.state, self._statistics.estimates(), rows)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later windows depend on, as plain arrays."""
        rows = {name: np.array(values) for name, values in self.rows.items()}
        parts = {"engine": self._engine.state, "statistics": self._statistics.state, "rows": rows}
        return flattened(parts) | {"step": np.array(self.step)}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._engine.state = part_of(arrays, "engine")
        self._statistics.state = part_of(arrays, "statistics")
        self.rows = {name: list(values) for name, values in part_of(arrays, "rows").items()}
        self.step = int(arrays["step"])


def key(engine: Engine, rest: Mapping[str, np.ndarray], end: int, window_steps: int, n_windows: int) -> str:
    """Digest of everything a baseline depends on: code, compiler, processor, network, seed, slow signals at rest."""
    code = (__version__, CACHE_FOLDER.name, np.__version__, code_digest("ketasim.simulation.sampler"))
    return value_digest(code, class_digest(type(engine)), engine.digest(rest), end, window_steps, n_windows)


def load(key: str) -> Baseline | None:
    """Return a stored baseline; None if none can be read."""
    arrays = stored.load(key)
    if arrays is None:
        return None
    engine, estimates, rows = (part_of(arrays, part) for part in Baseline._fields)
    try:
        return Baseline(engine, Estimates.from_arrays(estimates), rows)
    except KeyError as error:
        _log.info("the stored baseline %s lacks %s and is measured again", key, error)
        return None


def save(key: str, baseline: Baseline) -> None:
    """Store a baseline; failure to do so is only logged."""
    parts = {"engine": baseline.engine, "estimates": baseline.estimates.arrays(), "rows": baseline.rows}
    stored.save(key, flattened(parts))
