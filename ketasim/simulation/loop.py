"""The loop that joins the clocks. The page to read first.

Slow mechanisms advance from one slow time to the next; there the spiking network, at 0.1 ms, is run for a settling
time and a window, whose averages the mechanisms read in the next step. One slow step::

    1 doses of the interval            4 modulation: what the network reads
    2 ports reset to neutral           5 settle, window
    3 mechanisms advance               6 averages into the signals

Every mechanism reads the signals of the step's start, so their order does not matter.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ketasim.config import Experiment
from ketasim.documents import KetasimError, parse_quantity
from ketasim.kernels.records import Activity, FastClock, new_activity
from ketasim.mechanisms import Clock, Mechanism, nmda_blockade
from ketasim.network.build import FAST_STEP
from ketasim.simulation.arrays import axes_of, new_arrays, transferred
from ketasim.simulation.coupling import Measurement, largest_change, later, measure, modulation, settle
from ketasim.simulation.dosing import administrations, event_times, inputs
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.roster import active_mechanisms, owners_of, signal_table
from ketasim.simulation.schedule import slow_times
from ketasim.simulation.stimuli import added_rates, check_populations, stimulated, stimulus_times
from ketasim.simulation.world import build_network, compartments_of, setting_of

#: Settling in s after a change of more than `LARGE_CHANGE` in a class mean of the NMDA drive or the release gain: about
#: three times the slowest fast constant, recovery from short-term depression in 0.7 s.
LONG_SETTLE = 2.0
LARGE_CHANGE = 0.05
_STEPS_PER_SECOND = round(1e3 / FAST_STEP)


class Simulation:
    """A running experiment that one can hold, look into and push on.

    Parameters
    ----------
    experiment : what to run.
    graph : networkx.DiGraph with a ``population`` attribute on every node, in place of the experiment's network.
    mechanisms : own mechanisms beside those of ketasim.

    Attributes
    ----------
    time : s from time zero; starts at 0 once the baseline is measured.
    signals : name -> array, see ``ketasim signals`` for units and shapes.
    window : the last window's `Measurement`, None without a network.
    network_sampled : whether `window` belongs to the present time.

    Examples
    --------
    >>> from ketasim.config import Experiment
    >>> experiment = Experiment.from_mapping({"format": 1, "duration": "1 h", "network": "none", "doses": [
    ...     {"drug": "ketamine", "route": "intravenous", "amount": "35 mg", "duration": "40 min"}]})
    >>> simulation = Simulation(experiment)
    >>> simulation.advance("40 min")
    >>> round(float(simulation.signals["plasma_concentration"][:2].sum()))  # ng/mL of both enantiomers
    177
    """

    def __init__(self, experiment: Experiment, graph: Any = None, mechanisms: Sequence[Mechanism] = ()):
        own = (*experiment.own_mechanisms, *mechanisms)
        self.experiment = experiment
        self.network, self.notes = build_network(experiment, graph)
        self.graph_is_given = graph is not None
        check_populations(experiment.stimuli, self.network)
        self.mechanisms = active_mechanisms(experiment, own, self.network is not None)
        self.owners = owners_of(self.mechanisms)
        self.time = 0.0
        self.window: Measurement | None = None
        self.network_sampled = False
        self.signal_table = signal_table(own)
        if self.network is None:
            self.signal_table = {n: s for n, s in self.signal_table.items() if "node" not in s.dims}
        self._doses = administrations(experiment.doses, experiment.subject.weight)
        self._prepare(())
        self.signals = new_arrays(self.signal_table, self.axes)
        self._activity: Activity | None = None
        self._window_end = 0
        self._network_age = 0
        self._modulation: Any = None
        self._added = np.zeros(0)  # what stimuli add to the background in the last window, 1/ms
        self._baseline_done = False
        for _ in self.mechanisms:  # steps of no length put algebraic relations at their balance, one link a step
            self._advance_mechanisms(0.0)

    def _prepare(self, drugs: tuple[str, ...]) -> None:
        """Set up what depends on the doses and on which drugs are in play."""
        self.setting = setting_of(self.experiment, self.network, drugs)
        self.compartments = compartments_of(self.experiment, self.setting)
        nodes = self.network.topology.n_nodes if self.network else 0
        names = self.compartments.names
        self.axes = axes_of(self.setting.compounds, names, self.setting.blockers, nodes)
        schedule = self.experiment.schedule
        events = {*event_times(self._doses, self.compartments), *stimulus_times(self.experiment.stimuli)}
        least = schedule.settle + schedule.window
        self._times = slow_times(0.0, self.experiment.duration, events, schedule.step, least)
        self._prepared = {}
        for mechanism in self.mechanisms:
            parameters = self.experiment.mechanisms.get(mechanism.name) or mechanism.Parameters()
            prepare = mechanism.prepare
            self._prepared[mechanism.name] = prepare(parameters, self.setting) if prepare else parameters

    @property
    def schedule(self) -> np.ndarray:
        """Times in s of the slow steps still to come and of the present one, up to the experiment's end."""
        return np.concatenate([[self.time], self._times[np.searchsorted(self._times, self.time, side="right") :]])

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that the future depends on, as plain arrays."""
        arrays = {f"signals/{name}": array for name, array in self.signals.items()}
        if self._activity is not None:
            arrays |= {f"activity/{name}": array for name, array in self._activity._asdict().items()}
            arrays |= {f"modulation/{name}": array for name, array in self._modulation._asdict().items()}
        arrays["time"] = np.array(self.time)
        doses = json.dumps([asdict(dose) for dose in self._doses])
        arrays["doses"] = np.frombuffer(doses.encode(), np.uint8)
        arrays["window_end"] = np.array(self._window_end)
        arrays["network_age"] = np.array(self._network_age)
        return arrays

    def measure_baseline(self, on_window: Callable[[float, Measurement], Any] | None = None) -> None:
        """Measure the resting network before time zero, then take the first window at time zero.

        on_window : called with the time in s and the measurement of each window, including the one at time zero;
            `signals` then hold that window's averages.
        """
        if self._baseline_done:
            return
        if self.network is None:
            self._baseline_done = True
            return
        schedule = self.experiment.schedule
        network, threads = self.network, self.experiment.threads
        window_steps = _steps(schedule.window)
        n_windows = max(1, round(schedule.baseline / schedule.window))
        begin = -n_windows * window_steps - _steps(LONG_SETTLE)
        self._activity = new_activity(network.graph, network.parameters)
        self._modulation = modulation(network, self.signals)
        clock = self._clock(begin)
        with HeldInterrupts():
            clock = settle(network, self._activity, self._modulation, clock, _steps(LONG_SETTLE), threads)
        measured = []
        for _ in range(n_windows):
            with HeldInterrupts():
                measured.append(measure(network, self._activity, self._modulation, clock, window_steps, threads))
            self._take(measured[-1])
            if on_window:
                on_window(clock.first_step / _STEPS_PER_SECOND, measured[-1])
            clock = later(clock, window_steps)
        self._window_end, self._network_age = int(clock.first_step), int(clock.age)
        for name in measured[0].signals:
            self.signals[name][:] = np.mean([window.signals[name] for window in measured], axis=0)
        self.signals["vesicle_release_baseline"][:] = self.signals["vesicle_release"]
        with HeldInterrupts():
            self._baseline_done = True  # not before: a baseline that was interrupted is measured anew
            self._run_window()
        if on_window and self.window:
            on_window(0.0, self.window)

    def step(self, until: float | None = None) -> None:
        """Do one slow step of the schedule, or the part of it that ends at `until` (s)."""
        self.measure_baseline()
        schedule = self.schedule
        if schedule.size < 2:
            raise KetasimError(f"the experiment ends at {self.experiment.duration:g} s; there is no step after it")
        end = float(schedule[1]) if until is None else min(float(schedule[1]), until)
        with HeldInterrupts():
            bolus, rate = inputs(self._doses, self.compartments, self.time, end)
            self.signals["bolus"], self.signals["infusion_rate"] = bolus, rate
            self._advance_mechanisms(end - self.time)
            self.time = end
            self._run_window()

    def advance(self, duration: str | float) -> None:
        """Advance by a duration such as ``"10 min"`` or a number of seconds, at most to the experiment's end."""
        seconds = parse_quantity(duration, "s") if isinstance(duration, str) else float(duration)
        if not seconds >= 0.0:
            raise ValueError(f"{duration!r} is no time to advance by; it must be at least 0 s")
        self.measure_baseline()
        end = min(self.time + seconds, self.experiment.duration)
        while self.time < end:
            self.step(until=end)

    def dose(self, drug: str, amount: str | None = None, route: str = "intravenous", duration: str = "0 s") -> None:
        """Give a dose now; `amount` such as ``"0.5 mg/kg"``, `duration` of an infusion such as ``"40 min"``.

        A drug without compounds, such as saline, needs no amount.

        Raises
        ------
        DocumentError
            The drug is not in the experiment's catalogue, does not offer the route, or a quantity is wrong.
        """
        given = {"drug": drug, "route": route, "start": f"{self.time!r} s", "duration": duration}
        if amount is not None:
            given["amount"] = amount
        # the same checks, in the same words, as for a file
        checked = self.experiment.replace(doses=[*self.experiment.resolved()["doses"], given])
        before = self.axes
        self._doses += administrations(checked.doses[-1:], self.experiment.subject.weight)
        self._prepare(tuple(sorted({dose.drug for dose in self._doses})))
        self.signals = transferred(self.signals, self.signal_table, before, self.axes)

    def block_half_times(self) -> list[nmda_blockade.HalfTime]:
        """How fast the first NMDA blocker comes and goes at each class's receptors, at the gating as it is now."""
        if nmda_blockade.MECHANISM not in self.mechanisms:
            return []
        gating = nmda_blockade.Gating(*(self.signals[name] for name in nmda_blockade.MECHANISM.reads[1:]))
        return nmda_blockade.half_times(self.setting, self._prepared["nmda_blockade"], gating)

    def _advance_mechanisms(self, duration: float) -> None:
        """Advance all mechanisms by `duration` s from the signals as they are now."""
        clock = Clock(self.experiment.seed, duration, round(self.time * _STEPS_PER_SECOND))
        start = self.signals
        end = {name: array.copy() for name, array in start.items()}
        for name, signal in self.signal_table.items():
            if signal.kind == "port":
                end[name].fill(signal.neutral)
        for mechanism in self.mechanisms:
            arrays = [start[name] for name in mechanism.reads]
            arrays += [end[name] for name in (*mechanism.writes, *mechanism.scales)]
            mechanism.advance(*arrays, self._prepared[mechanism.name], clock)
            self._check_results(mechanism, end)
        self.signals = end

    def _check_results(self, mechanism: Mechanism, signals: dict[str, np.ndarray]) -> None:
        """Refuse what a mechanism wrote that is no number, and a port that it made negative."""
        for name in (*mechanism.writes, *mechanism.scales):
            bad = ~np.isfinite(signals[name])
            if name in mechanism.scales:
                bad |= signals[name] < 0.0
            if bad.any():
                value = signals[name][bad].flat[0]
                raise KetasimError(f"{mechanism.name} made '{name}' {value} at t = {self.time:g} s")

    def _run_window(self) -> None:
        """Settle and measure the network at the present time, unless its last window reaches into it."""
        network, first = self.network, round(self.time * _STEPS_PER_SECOND)
        self.network_sampled = network is not None and first >= self._window_end
        if network is None or self._activity is None:
            return
        added = added_rates(self.experiment.stimuli, network.topology.population_names, self.time)
        if not self.network_sampled:
            if not np.array_equal(added, self._added):
                raise KetasimError(f"a stimulus starts or ends at t = {self.time:g} s, inside the last window")
            return
        network, self._added = stimulated(network, added), added
        schedule = self.experiment.schedule
        now = modulation(network, self.signals)
        large = largest_change(network, self._modulation, now, self.signals["nmda_gating"]) > LARGE_CHANGE
        settling = max(schedule.settle, LONG_SETTLE) if large else schedule.settle
        self._modulation = now
        threads = self.experiment.threads
        clock = settle(network, self._activity, now, self._clock(first), _steps(settling), threads)
        window_steps = _steps(schedule.window)
        self._take(measure(network, self._activity, now, clock, window_steps, threads))
        clock = later(clock, window_steps)
        self._window_end, self._network_age = int(clock.first_step), int(clock.age)

    def _clock(self, first_step: int) -> FastClock:
        return FastClock(np.uint64(self.experiment.seed), np.int64(first_step), np.int64(self._network_age))

    def _take(self, measurement: Measurement) -> None:
        self.window = measurement
        self.network_sampled = True
        self.signals |= {name: values.copy() for name, values in measurement.signals.items()}


def _steps(seconds: float) -> int:
    """Number of fast steps in a duration."""
    return round(seconds * _STEPS_PER_SECOND)
