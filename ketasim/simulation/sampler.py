"""Decides when the network is run, and keeps the running estimates of its activity.

At each slow time the loop asks for a sample. The network runs if its inputs have changed by more than the schedule's
tolerance since the estimates were started, or if the estimates rest on less than 60 s of network time; otherwise the
estimates stay as they are. With a `spacing` no window follows the last one sooner than that, unless inputs have since
changed by more than the tolerance. A change of inputs cuts the memory of the estimates (see
`ketasim.simulation.estimates`), and away from rest memory decays within half a day.

Back within the tolerance of rest, the baseline estimates are used again if inputs have only crept, by at most twice the
tolerance. Once they have been farther away, what is measured near rest stands, and the baseline counts beside it, the
more the closer inputs are: close to rest is not at rest.

Random numbers are keyed to absolute time, never to the number of windows run, so that two arms receive the same
afferent noise at the same time (common random numbers).
"""

import time as wall
from collections.abc import Mapping
from copy import deepcopy

import numpy as np

from ketasim.config import Experiment
from ketasim.config.schedule import Sampling
from ketasim.documents import KetasimError
from ketasim.engines import STEPS_PER_SECOND, Engine, Inputs, Measurement
from ketasim.nested import flattened, part_of
from ketasim.simulation import baseline
from ketasim.simulation.baseline import Baseline, BaselineRun, OnWindow
from ketasim.simulation.estimates import BaselineStatistics, Estimates
from ketasim.simulation.guards import check_window
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.schedule import AutomaticSteps

LONG_SETTLE, LARGE_CHANGE = Sampling().long_settle, Sampling().large_change

_INPUTS = ("rest", "known_for", "inputs")

#: Where inputs have been since the baseline: within twice the tolerance of rest; farther; back near rest after that.
_AT_REST, _AWAY, _RETURNED = range(3)


class NetworkSampler:
    """Decides when an engine runs windows, and keeps estimates of the network's signals.

    Parameters
    ----------
    engine : Engine
        Runs the network.
    experiment : Experiment
        Supplies the schedule and the beginning of the run.

    Attributes
    ----------
    estimates : Estimates or None
        None before the baseline.
    window : Measurement or None
        The last window; None before the baseline.
    fresh : bool
        Whether `window` was run at the last time sampled.
    windows_run, windows_skipped : int
        Number after the baseline.
    wall_time : float
        Time in s spent running the network in this process; a cached baseline takes none.
    """

    def __init__(self, engine: Engine, experiment: Experiment):
        self.engine, self.experiment = engine, experiment
        self.estimates: Estimates | None = None
        self.window: Measurement | None = None
        self.fresh = False
        self.windows_run = self.windows_skipped = 0
        self._windows_here = 0  # at the inputs of the estimates, including the baseline
        self._phase = _AT_REST
        self.wall_time = 0.0
        self._running: BaselineRun | None = None  # while the baseline is measured
        self._begin = round(experiment.begin * STEPS_PER_SECOND)  # end of the baseline, fast step
        self._window_end = self._begin
        self._sampled_at = experiment.begin  # s
        nothing = Inputs(np.zeros(0), np.zeros(0))
        self._rest = nothing  # inputs of the baseline
        self._known_for = nothing  # inputs of the estimates
        self._inputs = nothing  # inputs of the last window

    @property
    def network_time(self) -> float:
        """Total simulated network time in s, including settling and baseline."""
        return self.engine.age / STEPS_PER_SECOND

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later windows depend on, as plain arrays; empty before the baseline."""
        if self.estimates is None:
            return flattened({"baseline": self._running.state if self._running else {}})
        inputs = {name: getattr(self, f"_{name}") for name in _INPUTS}
        arrays = flattened({"engine": self.engine.state, "estimates": self.estimates.arrays(), **inputs})
        numbers = (self._window_end, self.windows_run, self.windows_skipped, self._windows_here, self._phase)
        return arrays | {"counts": np.array(numbers, np.int64), "sampled_at": np.array(self._sampled_at)}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.estimates = self._running = self.window = None
        self.fresh = False
        running = part_of(arrays, "baseline")
        if running:
            self._running = BaselineRun(self.engine, self._new_statistics(), 0)
            self._running.state = running
        if "counts" not in arrays:
            return
        self.engine.state = part_of(arrays, "engine")
        self.estimates = Estimates.from_arrays(part_of(arrays, "estimates"))
        for name in _INPUTS:
            setattr(self, f"_{name}", Inputs(*(np.array(arrays[f"{name}/{row}"]) for row in Inputs._fields)))
        self._sampled_at = float(arrays["sampled_at"])
        counts = arrays["counts"].tolist()
        self._window_end, self.windows_run, self.windows_skipped, self._windows_here, self._phase = counts

    def measure_baseline(self, signals: Mapping[str, np.ndarray], on_window: OnWindow | None, cached: bool) -> None:
        """Measure the network at rest until the run begins, or load a stored baseline of the same network.

        Parameters
        ----------
        signals : mapping of str to array
            Slow signals at rest.
        on_window : callable or None
            Called for each window; windows from the cache have population means only.
        cached : bool
            Whether a stored baseline may be used.
        """
        window_steps, n_windows = steps_of(self.experiment.schedule.window), baseline_windows(self.experiment)
        first, key = self._begin - n_windows * window_steps, self.baseline_key(signals)
        found = baseline.load(key) if cached and self._running is None else None
        if found is not None and found.engine.keys() == self.engine.state.keys():  # else it is damaged
            self.engine.state = found.engine
            for index in range(n_windows) if on_window else ():
                row = {name: values[index] for name, values in found.rows.items()}
                assert on_window is not None
                on_window((first + index * window_steps) / STEPS_PER_SECOND, Measurement({}, row))
        else:
            found = self._run_baseline(signals, first, on_window)
            baseline.save(key, found)
        self.estimates, self._running = found.estimates, None
        self._rest = self._known_for = self._inputs = self.engine.inputs(signals, self.estimates.baseline)
        self._window_end, self.windows_run, self.windows_skipped = self._begin, 0, 0
        self._windows_here, self._phase, self._sampled_at = n_windows, _AT_REST, self.experiment.begin

    def baseline_key(self, signals: Mapping[str, np.ndarray]) -> str:
        """Return the digest under which a baseline at these signals is stored."""
        window_steps, n_windows = steps_of(self.experiment.schedule.window), baseline_windows(self.experiment)
        return baseline.key(self.engine, signals, self._begin, window_steps, n_windows)

    def sample(
        self, time: float, signals: Mapping[str, np.ndarray], most_windows: float, share: float = np.inf
    ) -> None:
        """Update the estimates to a time: run a window if the network's inputs have changed.

        Parameters
        ----------
        time : float
            Slow time in s.
        signals : mapping of str to array
            Slow signals at that time.
        most_windows : float
            Windows after the baseline that the budget allows so far.
        share : float
            Windows that the budget allows per slow step.

        Raises
        ------
        KetasimError
            The network ran away, or a stimulus starts or ends inside the last window.
        """
        assert self.estimates is not None
        schedule, first = self.experiment.schedule, round(time * STEPS_PER_SECOND)
        inputs = self.engine.inputs(signals, self.estimates.baseline)
        self._fade(time, share)
        if first < self._window_end and not np.array_equal(inputs.given, self._inputs.given):
            raise KetasimError(f"a stimulus starts or ends at t = {time:g} s, inside the last window")
        near_rest = not self._has_moved(self._rest, inputs)
        if near_rest:
            self._phase = _RETURNED if self._phase else _AT_REST
        elif not self._has_crept(self._rest, inputs):
            self._phase = max(self._phase, _AWAY)
        if near_rest and self._phase == _AT_REST:
            if not _are_equal(self._known_for, self._rest):
                self.estimates.recall_baseline()
                self._known_for, self._windows_here = self._rest, baseline_windows(self.experiment)
        elif self._has_moved(self._known_for, inputs):
            # after a small change, windows since the last change still count, being close enough; otherwise noise would
            # drive slow mechanisms at rest
            crept = self._has_crept(self._known_for, inputs)
            near = self._windows_here * schedule.window if crept else 0.0
            self.estimates.shorten(max(schedule.memory, near))
            if near_rest and not crept:  # the baseline tells more than windows far from rest
                self.estimates.shorten(self._worth(self._known_for, inputs))
            self._known_for, self._windows_here = inputs, 0
        if self._phase == _RETURNED:
            baseline, worth = self.estimates.baseline_memory, self._worth(self._rest, inputs)
            self.estimates.prior = baseline * worth / (baseline + worth) if worth < np.inf else baseline
        here = self._windows_here * schedule.window + schedule.memory
        rested = schedule.skip and min(self.estimates.memory, here) + self.estimates.prior >= Sampling().enough
        # since the last window began, or up to its settling and length later
        since = first - self._window_end + steps_of(LONG_SETTLE + schedule.window)
        due = since >= steps_of(schedule.spacing) or self._has_moved(self._inputs, inputs)
        self.fresh = not rested and due and first >= self._window_end and self.windows_run < most_windows
        if not self.fresh:
            self.windows_skipped += 1
            return
        self._run_window(first, signals, inputs)

    def _fade(self, time: float, share: float) -> None:
        """Let the weight of estimates away from baseline decay with time, down to a lower limit.

        Otherwise their errors would persist while no window is run, and slow mechanisms would integrate them for days.
        """
        assert self.estimates is not None
        passed, self._sampled_at = time - self._sampled_at, time
        if not _are_equal(self._known_for, self._rest):
            # as many hours of windows, however far apart: older ones would delay what follows the estimates
            spaced = min(1.0, AutomaticSteps().longest / max(self.experiment.schedule.spacing, 1.0), share)
            memory, faded = self.estimates.memory, 0.5 * Sampling().enough * spaced
            kept = memory * float(np.exp(-passed / Sampling().fading))
            self.estimates.shorten(max(kept, min(memory, faded)))

    def look(self, time: float, signals: Mapping[str, np.ndarray], traces: bool = False) -> Measurement:
        """Run a window from a copy of the network's state; changes nothing.

        Parameters
        ----------
        time : float
            Slow time in s.
        signals : mapping of str to array
            Slow signals at that time.
        traces : bool
            Whether to return population means at 1 kHz, too.
        """
        assert self.estimates is not None
        before = deepcopy(self.engine.state)
        first, inputs = round(time * STEPS_PER_SECOND), self.engine.inputs(signals, self.estimates.baseline)
        try:
            return self._measured(first, self._settling(first, inputs), signals, traces)
        finally:
            self.engine.state = before

    def _run_baseline(self, rest: Mapping[str, np.ndarray], first: int, on_window: OnWindow | None) -> Baseline:
        """Settle for `LONG_SETTLE` (burn-in), then measure windows from the fast step `first`; or resume doing so."""
        started = wall.perf_counter()
        if self._running is None:
            running = BaselineRun(self.engine, self._new_statistics(), first)
            running.settle(rest, steps_of(LONG_SETTLE))
            self._running = running
        self._running.finish(rest, self._begin, steps_of(self.experiment.schedule.window), on_window)
        self.wall_time += wall.perf_counter() - started
        return self._running.baseline()

    def _new_statistics(self) -> BaselineStatistics:
        window = self.experiment.schedule.window
        return BaselineStatistics(self.engine.topology.class_start, window, baseline_windows(self.experiment))

    def _run_window(self, first: int, signals: Mapping[str, np.ndarray], inputs: Inputs) -> None:
        """Settle and measure from the fast step `first`, and update the estimates with the window."""
        assert self.estimates is not None
        started = wall.perf_counter()
        with HeldInterrupts():
            settling = self._settling(first, inputs)
            self.window = self._measured(first, settling, signals)
            self.estimates.take(self.window.signals, self.experiment.schedule.window)
            self._window_end = first + settling + steps_of(self.experiment.schedule.window)
            self._inputs = inputs
            self.windows_run += 1
            self._windows_here += 1
        self.wall_time += wall.perf_counter() - started

    def _settling(self, first: int, inputs: Inputs) -> int:
        """Settling (burn-in) in fast steps; none if the window directly follows the last one."""
        schedule = self.experiment.schedule
        if first == self._window_end:
            return 0
        large = relative_change(self._inputs.drives, inputs.drives) > LARGE_CHANGE
        return steps_of(max(schedule.settle, LONG_SETTLE) if large else schedule.settle)

    def _measured(
        self, first: int, settling: int, signals: Mapping[str, np.ndarray], traces: bool = False
    ) -> Measurement:
        """Settle from the fast step `first`, then measure."""
        if settling:
            self.engine.settle(signals, first, settling)
        start, n_steps = first + settling, steps_of(self.experiment.schedule.window)
        window = self.engine.measure(signals, start, n_steps, traces)
        check_window(window.signals, self.engine.topology, (start + n_steps) / STEPS_PER_SECOND)
        return window

    def _has_moved(self, before: Inputs, after: Inputs) -> bool:
        """Whether drives differ by more than the schedule's tolerance, or inputs set by exposures at all."""
        change = relative_change(before.drives, after.drives)
        return change > self.experiment.schedule.tolerance or not np.array_equal(before.given, after.given)

    def _worth(self, before: Inputs, after: Inputs) -> float:
        """Network time in s that estimates of one state are worth in another.

        A change of the inputs by d changes the network in proportion, which makes an error as of 1/d**2 s; at the
        tolerance it leaves `Schedule.memory`.
        """
        schedule, change = self.experiment.schedule, relative_change(before.drives, after.drives)
        if not np.array_equal(before.given, after.given):
            return 0.0
        return schedule.memory * (schedule.tolerance / change) ** 2 if change else np.inf

    def _has_crept(self, before: Inputs, after: Inputs) -> bool:
        """Whether drives differ by at most twice the tolerance, and inputs set by exposures not at all."""
        change = relative_change(before.drives, after.drives)
        same = np.array_equal(before.given, after.given)
        return same and change <= 2.0 * self.experiment.schedule.tolerance


def _are_equal(one: Inputs, other: Inputs) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """Largest relative change of any element; absolute where it was 0.

    Examples
    --------
    >>> relative_change(np.array([2.0, 0.0]), np.array([1.0, 0.25]))
    0.5
    """
    scale = np.where(before != 0.0, np.abs(before), 1.0)
    return float(np.max(np.abs(after - before) / scale, initial=0.0))


def baseline_windows(experiment: Experiment) -> int:
    """Number of windows of a baseline."""
    return max(1, round(experiment.schedule.baseline / experiment.schedule.window))


def steps_of(seconds: float) -> int:
    """Number of fast steps in a duration."""
    return round(seconds * STEPS_PER_SECOND)
