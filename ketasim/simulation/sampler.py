"""The network as the slow clock sees it: when it is run, and what is known of it meanwhile.

At each slow time the loop asks for a sample. The network is run if anything that it reads has moved by more than the
schedule's tolerance since its estimates were begun, or if less than 60 s of network time stand behind them; else the
estimates stay what they are. What moves it cuts their memory (see `ketasim.simulation.estimates`), and away from rest
memory fades within half a day; back at what it read in the baseline, the network is taken to do what it did then.

Random numbers are keyed to absolute time, never to how many windows were run, so that two arms see the same afferent
noise at a time.
"""

import time as wall
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from ketasim.config import Experiment
from ketasim.config.estimation import Estimation
from ketasim.documents import KetasimError
from ketasim.kernels.records import Activity, FastClock, Modulation, new_activity
from ketasim.network.build import FAST_STEP, Network
from ketasim.simulation import baseline_cache
from ketasim.simulation.arrays import part_of
from ketasim.simulation.baseline import BaselineRun
from ketasim.simulation.coupling import Measurement, later, measure, modulation, network_inputs, relative_change, settle
from ketasim.simulation.estimates import BaselineStatistics, Estimates
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.stimuli import added_rates, stimulated

LONG_SETTLE, LARGE_CHANGE = Estimation().long_settle, Estimation().large_change
STEPS_PER_SECOND = round(1e3 / FAST_STEP)

_INPUTS = ("rest", "known_for", "inputs")

#: Row of the inputs that stimuli add; the rows before it are what slow mechanisms change.
_ADDED = 3

#: Called with the time in s and the measurement of a baseline window.
OnWindow = Callable[[float, Measurement], Any]


class NetworkSampler:
    """Runs windows of a network and keeps estimates of its signals.

    Parameters
    ----------
    network : the circuit.
    experiment : its schedule, stimuli, seed and threads are read.

    Attributes
    ----------
    estimates : None before the baseline.
    window : the last window's `Measurement`, None before the baseline.
    fresh : whether `window` was run at the last time asked for.
    windows_run, windows_skipped : after the baseline.
    wall_time : s that running it took here; a baseline from the cache takes none.
    """

    def __init__(self, network: Network, experiment: Experiment):
        self.network, self.experiment = network, experiment
        self.estimates: Estimates | None = None
        self.window: Measurement | None = None
        self.fresh = False
        self.windows_run = self.windows_skipped = 0
        self._windows_here = 0  # at the inputs that the estimates belong to, baseline included
        self.wall_time = 0.0
        self._activity: Activity | None = None
        self._baseline: BaselineRun | None = None  # while it is measured
        self._window_end = 0  # absolute fast step
        self._age = 0  # steps that the network has lived
        self._sampled_at = 0.0  # s
        # what the network reads, as class means: (4, P) NMDA drive, AMPA drive, release gain, what stimuli add
        self._rest = np.zeros(0)  # inputs of the baseline
        self._known_for = np.zeros(0)  # inputs that the estimates belong to
        self._inputs = np.zeros(0)  # inputs of the last window

    @property
    def network_time(self) -> float:
        """Time in s that the network has lived, settling and baseline included."""
        return self._age / STEPS_PER_SECOND

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that later windows depend on, as plain arrays; empty before the baseline."""
        if self._activity is None or self.estimates is None:
            running = self._baseline.state if self._baseline else {}
            return {f"baseline/{name}": array for name, array in running.items()}
        arrays = {f"activity/{name}": array for name, array in self._activity._asdict().items()}
        arrays |= {f"estimates/{name}": array for name, array in self.estimates.arrays().items()}
        numbers = (self._window_end, self._age, self.windows_run, self.windows_skipped, self._windows_here)
        inputs = {name: getattr(self, f"_{name}") for name in _INPUTS}
        return arrays | inputs | {"counts": np.array(numbers, np.int64), "sampled_at": np.array(self._sampled_at)}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._activity = self.estimates = self._baseline = self.window = None
        self.fresh = False
        running = part_of(arrays, "baseline")
        if running:
            activity = new_activity(self.network.graph, self.network.parameters)
            self._baseline = BaselineRun(self.network, activity, self._clock(0), self._new_statistics())
            self._baseline.state = running
        if "counts" not in arrays:
            return
        self._activity = Activity(*(np.array(arrays[f"activity/{name}"]) for name in Activity._fields))
        self.estimates = Estimates.from_arrays(part_of(arrays, "estimates"))
        for name in _INPUTS:
            setattr(self, f"_{name}", np.array(arrays[name]))
        self._sampled_at = float(arrays["sampled_at"])
        counts = arrays["counts"].tolist()
        self._window_end, self._age, self.windows_run, self.windows_skipped, self._windows_here = counts

    def measure_baseline(self, signals: Mapping[str, np.ndarray], on_window: OnWindow | None, cached: bool) -> None:
        """Measure the network at rest until time zero, or take what was measured before for the same network.

        signals : slow signals at rest.
        on_window : called for each window; what comes from the cache has population means only.
        cached : whether a stored baseline may be taken.
        """
        schedule, network = self.experiment.schedule, self.network
        rest = modulation(network, signals)
        window_steps, n_windows = steps_of(schedule.window), baseline_windows(self.experiment)
        begin = -n_windows * window_steps
        key = baseline_cache.key(network, rest, self.experiment.seed, window_steps, n_windows)
        stored = baseline_cache.load(key) if cached and self._baseline is None else None
        if stored is not None:
            activity, estimates = stored.activity, stored.estimates
            nothing = np.empty(0, np.int64)
            if on_window:
                for index in range(n_windows):
                    row = {name: values[index] for name, values in stored.rows.items()}
                    on_window((begin + index * window_steps) / STEPS_PER_SECOND, Measurement({}, row, nothing, nothing))
        else:
            activity, estimates, rows = self._run_baseline(rest, begin, on_window)
            baseline_cache.save(key, baseline_cache.Baseline(activity, estimates, rows))
        self._activity, self.estimates, self._baseline = activity, estimates, None
        self._age = steps_of(LONG_SETTLE) - begin
        self._rest = self._known_for = self._inputs = self._inputs_at(rest, -1.0)
        self._window_end = self.windows_run = self.windows_skipped = 0
        self._windows_here = n_windows

    def sample(self, time: float, signals: Mapping[str, np.ndarray], most_windows: float) -> None:
        """Bring the estimates to a time (s): run a window if what the network reads has moved.

        signals : slow signals at that time.
        most_windows : windows after the baseline that the budget allows up to now.

        Raises
        ------
        KetasimError
            The network ran away, or a stimulus starts or ends inside the last window.
        """
        assert self.estimates is not None
        schedule, first = self.experiment.schedule, round(time * STEPS_PER_SECOND)
        now = modulation(self.network, signals)
        inputs = self._inputs_at(now, time)
        self._fade(time)
        if first < self._window_end and not np.array_equal(inputs[_ADDED], self._inputs[_ADDED]):
            raise KetasimError(f"a stimulus starts or ends at t = {time:g} s, inside the last window")
        if not self._has_moved(self._rest, inputs):
            if not np.array_equal(self._known_for, self._rest):
                self.estimates.recall_baseline()
                self._known_for, self._windows_here = self._rest, baseline_windows(self.experiment)
        elif self._has_moved(self._known_for, inputs):
            # after a small move, windows since the last one count on: they were run near enough; noise would else drive
            # what is slow at rest
            near = self._windows_here * schedule.window if self._has_crept(inputs) else 0.0
            self.estimates.shorten(max(schedule.memory, near))
            self._known_for, self._windows_here = inputs, 0
        here = self._windows_here * schedule.window + schedule.memory
        rested = schedule.skip and min(self.estimates.memory, here) >= Estimation().enough
        self.fresh = not rested and first >= self._window_end and self.windows_run < most_windows
        if not self.fresh:
            self.windows_skipped += 1
            return
        self._run_window(first, now, inputs)

    def _fade(self, time: float) -> None:
        """Let estimates of a state that is not the baseline's count for less as time goes by, but not for too little.

        What is wrong in them would else stay while no window is run, and slow integrators would carry it on for days.
        """
        assert self.estimates is not None
        passed, self._sampled_at = time - self._sampled_at, time
        if not np.array_equal(self._known_for, self._rest):
            memory, faded = self.estimates.memory, 0.5 * Estimation().enough
            kept = memory * float(np.exp(-passed / Estimation().fading))
            self.estimates.shorten(max(kept, min(memory, faded)))

    def look(self, time: float, signals: Mapping[str, np.ndarray]) -> Measurement:
        """Run a window at a time (s) on a copy of the network's state; changes nothing."""
        assert self._activity is not None
        copied = deepcopy(self)
        now = modulation(self.network, signals)
        copied._run_window(round(time * STEPS_PER_SECOND), now, self._inputs_at(now, time))
        assert copied.window is not None
        return copied.window

    def __deepcopy__(self, memo: dict[int, Any]) -> "NetworkSampler":
        copied = NetworkSampler(self.network, self.experiment)
        copied.state = deepcopy(self.state, memo)
        return copied

    def _run_baseline(
        self, rest: Modulation, begin: int, on_window: OnWindow | None
    ) -> tuple[Activity, Estimates, dict[str, np.ndarray]]:
        """Settle for `LONG_SETTLE`, then measure windows from the fast step `begin` to 0; or go on with doing so."""
        network, threads = self.network, self.experiment.threads
        started = wall.perf_counter()
        if self._baseline is None:
            self._age = 0
            first = self._clock(begin - steps_of(LONG_SETTLE))
            statistics = self._new_statistics()
            self._baseline = BaselineRun.settled(network, rest, first, steps_of(LONG_SETTLE), threads, statistics)

        def in_seconds(step: int, measured: Measurement) -> None:
            if on_window:
                on_window(step / STEPS_PER_SECOND, measured)

        running = self._baseline
        running.finish(rest, steps_of(self.experiment.schedule.window), threads, in_seconds)
        self.wall_time += wall.perf_counter() - started
        rows = {name: np.array(values) for name, values in running.rows.items()}
        return running.activity, running.estimates(), rows

    def _new_statistics(self) -> BaselineStatistics:
        window = self.experiment.schedule.window
        return BaselineStatistics(self.network.graph.class_start, window, baseline_windows(self.experiment))

    def _run_window(self, first: int, now: Modulation, inputs: np.ndarray) -> None:
        """Settle and measure from the fast step `first`; a window that follows the last at once needs no settling."""
        assert self._activity is not None
        assert self.estimates is not None
        schedule, threads = self.experiment.schedule, self.experiment.threads
        network = stimulated(self.network, inputs[_ADDED])
        large = relative_change(self._inputs[:_ADDED], inputs[:_ADDED]) > LARGE_CHANGE
        settling = max(schedule.settle, LONG_SETTLE) if large else schedule.settle
        settling_steps = 0 if first == self._window_end else steps_of(settling)
        window_steps = steps_of(schedule.window)
        started = wall.perf_counter()
        with HeldInterrupts():
            clock = settle(network, self._activity, now, self._clock(first), settling_steps, threads)
            self.window = measure(network, self._activity, now, clock, window_steps, threads)
            clock = later(clock, window_steps)
            self.estimates.take(self.window.signals, schedule.window)
            self._window_end, self._age, self._inputs = int(clock.first_step), int(clock.age), inputs
            self.windows_run += 1
            self._windows_here += 1
        self.wall_time += wall.perf_counter() - started

    def _inputs_at(self, state: Modulation, time: float) -> np.ndarray:
        """What the network reads at a time (s), as class means."""
        assert self.estimates is not None
        read = network_inputs(self.network, state, self.estimates.baseline)
        added = added_rates(self.experiment.stimuli, self.network.topology.population_names, time)
        return np.vstack([read, added])

    def _has_moved(self, before: np.ndarray, after: np.ndarray) -> bool:
        """Whether inputs differ by more than the schedule's tolerance, or stimuli at all."""
        change = relative_change(before[:_ADDED], after[:_ADDED])
        return change > self.experiment.schedule.tolerance or not np.array_equal(before[_ADDED], after[_ADDED])

    def _has_crept(self, inputs: np.ndarray) -> bool:
        """Whether inputs differ from those of the estimates by no more than twice the tolerance, and stimuli not."""
        change = relative_change(self._known_for[:_ADDED], inputs[:_ADDED])
        same = np.array_equal(self._known_for[_ADDED], inputs[_ADDED])
        return same and change <= 2.0 * self.experiment.schedule.tolerance

    def _clock(self, first_step: int) -> FastClock:
        return FastClock(np.uint64(self.experiment.seed), np.int64(first_step), np.int64(self._age))


def baseline_windows(experiment: Experiment) -> int:
    """Number of windows of a baseline."""
    return max(1, round(experiment.schedule.baseline / experiment.schedule.window))


def steps_of(seconds: float) -> int:
    """Number of fast steps in a duration."""
    return round(seconds * STEPS_PER_SECOND)
