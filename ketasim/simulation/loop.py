"""The loop that joins the two clocks; read this first.

Slow mechanisms advance from one slow time to the next. At a slow time the spiking network, in steps of 0.1 ms, settles
and runs for a window if anything that it reads has changed; mechanisms read running estimates of its activity (a
heterogeneous multiscale method). One slow step::

    1 input signals of the interval    4 edges that mechanisms change: births, deaths, weights
    2 ports reset to neutral           5 what the network reads; settle and window, or neither
    3 mechanisms advance               6 running estimates into the signals

All mechanisms read signals of the same time, so their order does not matter: values at the start of the step or, for
smooth signals, at its midpoint, extrapolated from the previous step (midpoint extrapolation). Without it a chain of
mechanisms, each one step late, would lag by hours once steps are long.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ketasim.config import Experiment, plausibility
from ketasim.documents import KetasimError, parse_quantity
from ketasim.engines import STEPS_PER_SECOND, Engine, Measurement, PlasticEngine, SpikingEngine, check_engine
from ketasim.engines.engine import class_means
from ketasim.exposures import DOSES, Administration
from ketasim.mechanisms import Clock, Mechanism
from ketasim.nested import flattened, part_of
from ketasim.network.build import Network
from ketasim.network.resting import Resting, remarks_on_rest
from ketasim.network.topology import Topology
from ketasim.signals import BASELINE, SLOPE
from ketasim.simulation.arrays import axes_of, new_arrays, transferred
from ketasim.simulation.baseline import OnWindow
from ketasim.simulation.guards import Scene, check_signals, naming
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.plastic_edges import PlasticEdges, topology_now
from ketasim.simulation.roster import (
    active_mechanisms,
    check_exposures,
    checked_inputs,
    left_out,
    owners_of,
    signal_table,
)
from ketasim.simulation.sampler import NetworkSampler
from ketasim.simulation.schedule import remarks_on_budget
from ketasim.simulation.world import build_network, check_against_network, setting_of, slow_times_of

logger = logging.getLogger("ketasim")


class Simulation:
    """A running experiment that can be inspected and advanced step by step.

    Parameters
    ----------
    experiment : Experiment
        What to run.
    graph : networkx.DiGraph, optional
        Has a ``population`` attribute on every node; replaces the experiment's network.
    mechanisms : sequence of Mechanism
        User mechanisms in addition to those of ketasim.
    engine : Engine, optional
        Runs the network, in place of the spiking engine of the experiment's network.

    Attributes
    ----------
    time : float
        s from time zero; the experiment's begin until the first step.
    notes : tuple of str
        Remarks on the experiment: what is unusual in it, and what takes no part.
    logged : int
        How many of them, the first ones, were logged when the simulation was made.
    signals : dict of str to array
        By name; see ``ketasim signals`` for units and shapes. Those of the network are running estimates.
    engine : Engine or None
        Runs the network; None without one.
    sampler : NetworkSampler or None
        Decides when the network runs, and keeps the estimates; None without a network.
    plastic_edges : tuple of PlasticEdges
        Edges that mechanisms change, one table for each class pair.

    Examples
    --------
    >>> from ketasim.config import Experiment
    >>> experiment = Experiment.from_mapping({"format": 1, "duration": "1 h", "network": "none", "doses": [
    ...     {"drug": "ketamine", "route": "intravenous", "amount": "35 mg", "duration": "40 min"}]})
    >>> simulation = Simulation(experiment)
    >>> simulation.advance("40 min")
    >>> round(float(simulation.signals["plasma_concentration"][:2].sum()))  # ng/mL of both enantiomers
    207
    """

    def __init__(
        self,
        experiment: Experiment,
        graph: Any = None,
        mechanisms: Sequence[Mechanism] = (),
        engine: Engine | None = None,
    ):
        if not isinstance(experiment, Experiment):
            given = "such as ketasim.load_experiment('quick')"
            raise TypeError(f"Simulation takes an Experiment, {given}, not {experiment!r}")
        if engine is not None:
            check_engine(engine)
        own = tuple({id(one): one for one in (*experiment.own_mechanisms, *mechanisms)}.values())
        self.experiment = experiment
        self.notes: tuple[str, ...] = plausibility.remarks(experiment)
        for remark in self.notes:
            logger.warning(remark)
        self.logged = len(self.notes)  # those that follow are told where a run starts, or by `check`
        self.graph_is_given, self.engine_is_given = graph is not None, engine is not None
        if engine is None:
            network, notes = build_network(experiment, graph)
            self.notes += notes
            engine = SpikingEngine(network, experiment.seed, experiment.threads) if network else None
        self.engine = engine
        check_against_network(experiment, engine)
        self._exposures = experiment.exposures
        self.signal_table = signal_table(own, self._exposures)
        check_exposures(self._exposures, self.signal_table)
        self.mechanisms = active_mechanisms(experiment, own, engine, self.signal_table)
        self.notes += left_out(experiment, own, self.mechanisms, engine)
        self.owners = owners_of(self.mechanisms)
        if engine is None:
            of_network = {"node", "population"}
            self.signal_table = {n: s for n, s in self.signal_table.items() if not of_network & set(s.dims)}
        self.time = experiment.begin
        self.sampler = NetworkSampler(engine, experiment) if engine else None
        self._events = {one.kind: list(events) for one, events in self._exposures.items()}
        self._prepare(())
        self.notes += remarks_on_budget(experiment.schedule.budget, self._times) if engine else ()
        self.plastic_edges = self._new_plastic_edges()
        self.signals = new_arrays(self.signal_table, self.axes)
        self._slopes: dict[str, np.ndarray] = {}  # rate of change of smooth signals during the last step, per s
        self._last_step = 0.0  # s
        self._baseline_done = False
        for _ in self.mechanisms:  # steps of zero length bring algebraic relations to equilibrium, one link per step
            self.advance_mechanisms(0.0)

    def _new_plastic_edges(self) -> tuple[PlasticEdges, ...]:
        engine, seed = self.engine, self.experiment.seed
        if not isinstance(engine, PlasticEngine):
            return ()
        changing = [one for one in self.mechanisms if one.edges is not None]
        return tuple(PlasticEdges(one, self._parameters(one), self.setting, engine, seed) for one in changing)

    def _parameters(self, mechanism: Mechanism) -> Any:
        return self.experiment.mechanisms.get(mechanism.name) or mechanism.Parameters()

    def _prepare(self, drugs: Sequence[str]) -> None:
        """Set up what depends on the doses and their drugs."""
        experiment = self.experiment
        self.setting = setting_of(experiment, self.engine, drugs)
        self.axes = axes_of(self.setting)
        self._times = slow_times_of(experiment, self.setting, self._events)
        self._prepared = {}
        for one in self.mechanisms:
            with naming(one.name, one.prepare, self.time):
                self._prepared[one.name] = one.prepared(self._parameters(one), self.setting)
        self._spans = {
            one.kind: np.array([one.span(event, self.setting) for event in events]).reshape(-1, 2).T
            for one, events in ((one, self._events[one.kind]) for one in self._exposures)
            if one.span is not None
        }

    @property
    def network(self) -> Network | None:
        """Current circuit of a spiking engine; None without one."""
        return self.engine.network if isinstance(self.engine, SpikingEngine) else None

    @property
    def topology(self) -> Topology | None:
        """Nodes and edges of the network at the start; None without one."""
        return self.engine.topology if self.engine else None

    def topology_now(self) -> Topology:
        """Current nodes and edges of the network; at the start exactly as given."""
        assert self.engine is not None
        if self.time == self.experiment.begin:
            return self.engine.topology
        return topology_now(self.engine.topology, self.plastic_edges)

    @property
    def schedule(self) -> np.ndarray:
        """Present slow time and all later ones up to the experiment's end, in s."""
        return np.concatenate([[self.time], self._times[np.searchsorted(self._times, self.time, side="right") :]])

    @property
    def baseline_done(self) -> bool:
        """Whether the baseline has been measured and the network sampled at the beginning of the run."""
        return self._baseline_done

    @property
    def steps_done(self) -> int:
        """Number of slow steps completed."""
        return int(np.searchsorted(self._times, self.time))

    @property
    def window(self) -> Measurement | None:
        """Last window; None without a network, or if the baseline came from the cache and no window has run since."""
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
        arrays |= flattened({"plastic": {one.mechanism.name: one.state for one in self.plastic_edges}})
        arrays |= {f"slopes/{name}": array for name, array in self._slopes.items()}
        arrays["time"], arrays["last_step"] = np.array(self.time), np.array(self._last_step)
        arrays["baseline_done"] = np.array(self._baseline_done)
        given = json.dumps([list(dose) for dose in self._events[DOSES.kind]])  # includes those given during the run
        arrays["doses"] = np.frombuffer(given.encode(), np.uint8)
        return arrays

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        given = [Administration(*dose) for dose in json.loads(bytes(arrays["doses"]))]
        if given != self._events[DOSES.kind]:
            self._give(given)
        self.signals = {name: np.array(array) for name, array in part_of(arrays, "signals").items()}
        self._slopes = {name: np.array(array) for name, array in part_of(arrays, "slopes").items()}
        self.time, self._last_step = float(arrays["time"]), float(arrays["last_step"])
        self._baseline_done = bool(arrays["baseline_done"])
        for one in self.plastic_edges:
            one.state = part_of(arrays, f"plastic/{one.mechanism.name}")
        if self.sampler is not None:
            self.sampler.state = part_of(arrays, "network")

    def measure_baseline(self, on_window: OnWindow | None = None, cached: bool = True) -> None:
        """Measure the resting network before the run begins, and sample it there.

        Parameters
        ----------
        on_window : callable, optional
            Called with the time in s and the `Measurement` of each window.
        cached : bool
            Whether an earlier baseline of the same network, seed and schedule may be taken from the user's cache
            folder; its windows have population means, but neither node signals nor spikes.
        """
        if self._baseline_done:
            return
        if self.sampler is not None:
            self.sampler.measure_baseline(self.signals, on_window, cached)
            self._read_estimates()
            for name in self.signals:
                if name.endswith(BASELINE):
                    self.signals[name][:] = self.signals[name.removesuffix(BASELINE)]
            self._set_inputs(self._next_time)
            self._sample()
        self._baseline_done = True  # set last: an interrupted baseline is measured again

    def step(self, until: float | None = None) -> None:
        """Do one slow step of the schedule, or the part of it up to `until` (s)."""
        self.measure_baseline()
        schedule = self.schedule
        if schedule.size < 2:
            raise KetasimError(f"the experiment ends at {self.experiment.duration:g} s; there is no step after it")
        end = float(schedule[1]) if until is None else min(float(schedule[1]), until)
        with HeldInterrupts():
            self._set_inputs(end)
            self.advance_mechanisms(end - self.time)
            self.time = end
            self._set_inputs(self._next_time)
            self._sample()

    @property
    def _next_time(self) -> float:
        """Next slow time in s, or the present one at the end."""
        index = int(np.searchsorted(self._times, self.time, side="right"))
        return float(self._times[index]) if index < self._times.size else self.time

    def _set_inputs(self, end: float) -> None:
        """Set the input signals for the time from now to `end` (s)."""
        for exposure in self._exposures:
            events = self._events[exposure.kind]
            if exposure.kind in self._spans:  # one by one they would take a time that grows with their square
                first, last = self._spans[exposure.kind]
                events = [events[number] for number in np.flatnonzero((first < end) & (last >= self.time))]
            found = exposure.inputs(events, self.setting, self.time, end)
            self.signals |= checked_inputs(exposure, found, self.signals)

    def advance(self, duration: str | float) -> None:
        """Advance by a duration such as ``"10 min"`` or a number of seconds, stopping at the experiment's end."""
        seconds = parse_quantity(duration, "s") if isinstance(duration, str) else float(duration)
        if not seconds >= 0.0:
            raise ValueError(f"{duration!r} is not a valid duration; it must be at least 0 s")
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
            The drug is not in the experiment's catalogue or cannot be given by this route, or a quantity is wrong.
        """
        given = {"drug": drug, "route": route, "start": f"{self.time!r} s", "duration": duration}
        if amount is not None:
            given["amount"] = amount
        # checked like an experiment file
        checked = self.experiment.replace(doses=[*self.experiment.resolved()["doses"], given])
        before, events = self.axes, self._events[DOSES.kind]
        try:
            self._give([*events, *checked.administrations[-1:]])
        except KetasimError:  # another drug with the same compounds, for example: go on without it
            self._give(events)
            raise
        self.signals = transferred(self.signals, self.signal_table, before, self.axes)
        self._slopes = {}  # lengths may have changed, and a new drug changes the course

    def _give(self, doses: Sequence[Any]) -> None:
        self._events[DOSES.kind] = list(doses)
        self._prepare(sorted({dose.drug for dose in doses}))

    def remarks(self) -> list[str]:
        """Remarks on the network at rest and those of mechanisms, as lines of text."""
        speaking = [one for one in self.mechanisms if one.remarks is not None]
        return remarks_on_rest(self.resting()) + [
            line
            for one in speaking
            if one.remarks is not None
            for line in one.remarks(self._prepared[one.name], self.setting, self.signals)
        ]

    def resting(self) -> dict[str, Resting]:
        """Activity of each class in the baseline, by its name; empty before that, or if the engine has no spikes."""
        estimates = self.sampler.estimates if self.sampler else None
        if self.engine is None or estimates is None or "firing_rate" not in estimates.baseline:
            return {}
        rate = class_means(estimates.baseline["firing_rate"], estimates.class_start)
        columns = np.array([rate, *estimates.spike_counts(self.experiment.schedule.window)])
        names = self.engine.topology.population_names
        return {name: Resting(*column) for name, column in zip(names, columns.T.tolist(), strict=True)}

    def advance_mechanisms(self, duration: float) -> None:
        """Advance all mechanisms, and nothing else, by `duration` s from the present signals."""
        clock, start = self._clock(duration), self.signals
        end = {name: array.copy() for name, array in start.items()}
        for name, signal in self.signal_table.items():
            if signal.kind == "port":
                end[name].fill(signal.neutral)
        middle = start | {name: self._extrapolated(name, duration) for name in self._slopes}
        ahead = min(duration, self._last_step) / duration if duration else 0.0  # as far as values are extrapolated
        middle |= {f"{name}{SLOPE}": ahead * slope for name, slope in self._slopes.items()}
        scene = Scene(self.signal_table, self.axes, self.topology)
        for mechanism in self.mechanisms:
            changed = (*mechanism.writes, *mechanism.scales)
            if mechanism.advance is not None:
                arrays = [middle[name] for name in mechanism.reads] + [end[name] for name in changed]
                with naming(mechanism.name, mechanism.advance, self.time):
                    mechanism.advance(*arrays, self._prepared[mechanism.name], clock)
                check_signals(changed, end, mechanism.name, self.time + duration, scene)
        for edges in self.plastic_edges:
            with naming(edges.mechanism.name, edges.mechanism.evolve, self.time):
                edges.advance(middle, end, self._prepared[edges.mechanism.name], clock)
            changed = (*edges.mechanism.writes, *edges.mechanism.scales)
            check_signals(changed, end, edges.mechanism.name, self.time + duration, scene)
        if duration > 0.0:
            smooth = [name for name, signal in self.signal_table.items() if signal.smooth]
            self._slopes = {name: (end[name] - start[name]) / duration for name in smooth}
            self._last_step = duration
            end |= {f"{name}{SLOPE}": slope for name, slope in self._slopes.items() if f"{name}{SLOPE}" in end}
        self.signals = end

    def _extrapolated(self, name: str, duration: float) -> np.ndarray:
        """Midpoint extrapolation with the slope of the last step, at most half its length ahead; not below zero."""
        now = self.signals[name]
        ahead = 0.5 * min(duration, self._last_step)
        return np.maximum(now + ahead * self._slopes[name], np.minimum(now, 0.0))

    def _clock(self, duration: float) -> Clock:
        return Clock(self.experiment.seed, duration, round(self.time * STEPS_PER_SECOND))

    def _sample(self) -> None:
        """Update the estimates of the network to the present time."""
        if self.sampler is None:
            return
        budget, passed = self.experiment.schedule.budget, int(np.searchsorted(self._times, self.time, side="right"))
        size = self._times.size
        allowed, share = (np.inf, np.inf) if budget is None else (budget * passed / size, budget / size)
        self.sampler.sample(self.time, self.signals, allowed, share)
        self._read_estimates()

    def _read_estimates(self) -> None:
        assert self.sampler is not None
        assert self.sampler.estimates is not None
        self.signals |= self.sampler.estimates.signals()
