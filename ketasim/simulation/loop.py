"""The loop that joins the clocks. The page to read first.

Slow mechanisms advance from one slow time to the next; there the spiking network, at 0.1 ms, is run for a settling
time and a window if anything that it reads has moved, and mechanisms read what is known of it. One slow step::

    1 doses of the interval            4 spines: births, deaths, weights of edges
    2 ports reset to neutral           5 what the network reads; settle and window, or neither
    3 mechanisms advance               6 running estimates into the signals

Every mechanism reads signals of one time, so their order does not matter: those of the step's start, and where a signal
is smooth its value at the middle of the step, extrapolated from the last one. A chain of mechanisms, each a step late,
would lag behind by hours once steps are long.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ketasim.config import Experiment
from ketasim.documents import KetasimError, parse_quantity
from ketasim.mechanisms import Clock, Mechanism, nmda_blockade, synaptogenesis
from ketasim.signals import BASELINE
from ketasim.simulation.arrays import axes_of, new_arrays, part_of, transferred
from ketasim.simulation.coupling import Measurement
from ketasim.simulation.dosing import Administration, administrations, event_times, inputs
from ketasim.simulation.guards import Scene, check_signals
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.roster import active_mechanisms, owners_of, signal_table
from ketasim.simulation.sampler import STEPS_PER_SECOND, NetworkSampler, OnWindow
from ketasim.simulation.schedule import slow_times
from ketasim.simulation.stimuli import check_populations, stimulus_times
from ketasim.simulation.structure import Structure
from ketasim.simulation.world import build_network, compartments_of, setting_of


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
    signals : name -> array, see ``ketasim signals`` for units and shapes. Those of the network are running estimates.
    sampler : runs the network and keeps its estimates; None without a network.
    structure : spines as edges of a graph that changes; None without synaptogenesis.

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
        populations = self.network.topology.population_names if self.network else ()
        self.mechanisms = active_mechanisms(experiment, own, populations)
        self.owners = owners_of(self.mechanisms)
        self.time = 0.0
        self.sampler = NetworkSampler(self.network, experiment) if self.network else None
        self.structure = self._new_structure()
        self.signal_table = signal_table(own)
        if self.network is None:
            self.signal_table = {n: s for n, s in self.signal_table.items() if "node" not in s.dims}
        self._doses = administrations(experiment.doses, experiment.subject.weight)
        self._prepare(())
        self.signals = new_arrays(self.signal_table, self.axes)
        self._slopes: dict[str, np.ndarray] = {}  # change of smooth signals in 1/s over the last step
        self._last_step = 0.0  # s
        self._baseline_done = False
        for _ in self.mechanisms:  # steps of no length put algebraic relations at their balance, one link a step
            self._advance_mechanisms(0.0)

    def _new_structure(self) -> Structure | None:
        name = synaptogenesis.MECHANISM.name
        if self.network is None or synaptogenesis.MECHANISM not in self.mechanisms:
            return None
        parameters = self.experiment.mechanisms.get(name) or synaptogenesis.Parameters()
        return Structure(self.network, parameters, self.experiment.seed)

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
            self._prepared[mechanism.name] = mechanism.prepared(parameters, self.setting)

    @property
    def schedule(self) -> np.ndarray:
        """Times in s of the slow steps still to come and of the present one, up to the experiment's end."""
        return np.concatenate([[self.time], self._times[np.searchsorted(self._times, self.time, side="right") :]])

    @property
    def baseline_done(self) -> bool:
        """Whether the baseline is measured, and the network sampled at time zero."""
        return self._baseline_done

    @property
    def plastic_edges(self) -> list[Structure]:
        """What changes edges of the graph."""
        return [self.structure] if self.structure else []

    @property
    def steps_done(self) -> int:
        """Slow steps of the schedule that have been done."""
        return int(np.searchsorted(self._times, self.time))

    @property
    def window(self) -> Measurement | None:
        """The last window; None without a network, or where the baseline came from the cache and none was run since."""
        return self.sampler.window if self.sampler else None

    @property
    def network_sampled(self) -> bool:
        """Whether `window` was run at the present time."""
        return self.sampler is not None and self.sampler.fresh

    @property
    def state(self) -> dict[str, np.ndarray]:
        """Everything that the future depends on, as plain arrays."""
        arrays = {f"signals/{name}": array for name, array in self.signals.items()}
        if self.sampler is not None:
            arrays |= {f"network/{name}": array for name, array in self.sampler.state.items()}
        if self.structure is not None:
            arrays |= {f"structure/{name}": array for name, array in self.structure.state.items()}
        arrays |= {f"slopes/{name}": array for name, array in self._slopes.items()}
        arrays["time"], arrays["last_step"] = np.array(self.time), np.array(self._last_step)
        arrays["baseline_done"] = np.array(self._baseline_done)
        doses = json.dumps([asdict(dose) for dose in self._doses])
        arrays["doses"] = np.frombuffer(doses.encode(), np.uint8)
        return arrays

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        doses = [Administration(**dose) for dose in json.loads(bytes(arrays["doses"]))]
        if doses != self._doses:  # some were given while it ran
            self._doses = doses
            self._prepare(tuple(sorted({dose.drug for dose in doses})))
        self.signals = {name: np.array(array) for name, array in part_of(arrays, "signals").items()}
        self._slopes = {name: np.array(array) for name, array in part_of(arrays, "slopes").items()}
        self.time, self._last_step = float(arrays["time"]), float(arrays["last_step"])
        self._baseline_done = bool(arrays["baseline_done"])
        if self.sampler is not None:
            if self.structure is not None:
                self.structure.state = part_of(arrays, "structure")
                self.network = self.sampler.network = self.structure.network
            self.sampler.state = part_of(arrays, "network")

    def measure_baseline(self, on_window: OnWindow | None = None, cached: bool = True) -> None:
        """Measure the resting network before time zero, and sample it at time zero.

        on_window : called with the time in s and the `Measurement` of each window.
        cached : a baseline of the same network, seed and schedule that was measured before may be taken from the
            user's cache folder; its windows have population means, and neither node signals nor spikes.
        """
        if self._baseline_done:
            return
        if self.sampler is not None:
            self.sampler.measure_baseline(self.signals, on_window, cached)
            self._read_estimates()
            for name in self.signals:
                if name.endswith(BASELINE):
                    self.signals[name][:] = self.signals[name.removesuffix(BASELINE)]
            self._sample()
        self._baseline_done = True  # not before: a baseline that was interrupted is measured anew

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
            self._sample()

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
        self._slopes = {}  # some of other length now; and a new drug makes a new course

    def block_half_times(self) -> list[nmda_blockade.HalfTime]:
        """How fast the first NMDA blocker comes and goes at each class's receptors, at the gating as it is now."""
        if nmda_blockade.MECHANISM not in self.mechanisms:
            return []
        gating = nmda_blockade.Gating(*(self.signals[name] for name in nmda_blockade.MECHANISM.reads[1:]))
        return nmda_blockade.half_times(self.setting, self._prepared["nmda_blockade"], gating)

    def _advance_mechanisms(self, duration: float) -> None:
        """Advance all mechanisms by `duration` s from the signals as they are now."""
        clock, start = self._clock(duration), self.signals
        end = {name: array.copy() for name, array in start.items()}
        for name, signal in self.signal_table.items():
            if signal.kind == "port":
                end[name].fill(signal.neutral)
        middle = start | {name: self._extrapolated(name, duration) for name in self._slopes}
        scene = Scene(self.signal_table, self.axes, self.network.topology if self.network else None)
        for mechanism in self.mechanisms:
            arrays = [middle[name] for name in mechanism.reads]
            arrays += [end[name] for name in (*mechanism.writes, *mechanism.scales)]
            mechanism.advance(*arrays, self._prepared[mechanism.name], clock)
            check_signals((*mechanism.writes, *mechanism.scales), end, mechanism.name, self.time + duration, scene)
        if self.structure is not None and self.sampler is not None:
            self.structure.advance(middle, end, clock)
            spines = synaptogenesis.MECHANISM
            check_signals(spines.writes, end, spines.name, self.time + duration, scene)
            self.network = self.sampler.network = self.structure.network
        if duration > 0.0:
            smooth = [name for name, signal in self.signal_table.items() if signal.smooth]
            self._slopes = {name: (end[name] - start[name]) / duration for name in smooth}
            self._last_step = duration
        self.signals = end

    def _extrapolated(self, name: str, duration: float) -> np.ndarray:
        """Value at the middle of a step, going on as in the last step for at most half its length; not below zero."""
        now = self.signals[name]
        ahead = 0.5 * min(duration, self._last_step)
        return np.maximum(now + ahead * self._slopes[name], np.minimum(now, 0.0))

    def _clock(self, duration: float) -> Clock:
        return Clock(self.experiment.seed, duration, round(self.time * STEPS_PER_SECOND))

    def _sample(self) -> None:
        """Bring what is known of the network to the present time."""
        if self.sampler is None:
            return
        budget, passed = self.experiment.schedule.budget, int(np.searchsorted(self._times, self.time, side="right"))
        allowed = np.inf if budget is None else budget * passed / self._times.size
        self.sampler.sample(self.time, self.signals, allowed)
        self._read_estimates()

    def _read_estimates(self) -> None:
        assert self.sampler is not None
        assert self.sampler.estimates is not None
        self.signals |= self.sampler.estimates.signals()
