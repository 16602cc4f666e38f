"""The resting network before time zero, window by window, so that it can be left and taken up again."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from ketasim.kernels.records import Activity, FastClock, Modulation, new_activity
from ketasim.network.build import Network
from ketasim.simulation.arrays import part_of
from ketasim.simulation.coupling import Measurement, later, measure, settle
from ketasim.simulation.estimates import BaselineStatistics, Estimates
from ketasim.simulation.interrupts import HeldInterrupts

#: Called with the first fast step and the measurement of a window.
OnBaselineWindow = Callable[[int, Measurement], Any]


class BaselineRun:
    """A baseline that is being measured: the network settles, then windows follow each other without gaps.

    Parameters
    ----------
    network : the circuit.
    activity : its state, which the run goes on with.
    clock : its clock.
    statistics : of the windows so far.

    Attributes
    ----------
    rows : name -> population means of each window so far, (P,) each.
    """

    def __init__(self, network: Network, activity: Activity, clock: FastClock, statistics: BaselineStatistics):
        self._network, self._statistics = network, statistics
        self.activity, self.clock = activity, clock
        self.rows: dict[str, list[np.ndarray]] = {}

    @classmethod
    def settled(
        cls, network: Network, rest: Modulation, clock: FastClock, n_steps: int, threads: int, statistics: Any
    ) -> Self:
        """Return a run whose network has settled for `n_steps` from `clock`, of age 0."""
        activity = new_activity(network.graph, network.parameters)
        with HeldInterrupts():
            clock = settle(network, activity, rest, clock, n_steps, threads)
        return cls(network, activity, clock, statistics)

    def finish(self, rest: Modulation, window_steps: int, threads: int, on_window: OnBaselineWindow | None) -> None:
        """Measure the windows that are missing up to time zero."""
        while self.clock.first_step < 0:
            first = int(self.clock.first_step)
            with HeldInterrupts():
                measured = measure(self._network, self.activity, rest, self.clock, window_steps, threads)
                self._statistics.add(measured.signals, measured.population)
                for name, values in measured.population.items():
                    self.rows.setdefault(name, []).append(values)
                self.clock = later(self.clock, window_steps)
            if on_window:
                on_window(first, measured)

    def estimates(self) -> Estimates:
        """Estimates with the whole baseline as memory."""
        return self._statistics.estimates()

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later windows depend on, as plain arrays."""
        arrays = {f"activity/{name}": array for name, array in self.activity._asdict().items()}
        arrays |= {f"statistics/{name}": array for name, array in self._statistics.state.items()}
        arrays |= {f"rows/{name}": np.array(values) for name, values in self.rows.items()}
        return arrays | {"clock": np.array(self.clock[1:], np.int64)}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.activity = Activity(*(np.array(arrays[f"activity/{name}"]) for name in Activity._fields))
        self._statistics.state = part_of(arrays, "statistics")
        self.rows = {name: list(values) for name, values in part_of(arrays, "rows").items()}
        self.clock = FastClock(self.clock.seed, *arrays["clock"])
