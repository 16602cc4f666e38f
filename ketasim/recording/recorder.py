"""From a running simulation to its trajectory file: rows, spikes, the graph. Changes no state."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ketasim.analysis.graph_measures import graph_measures
from ketasim.config.graph_times import graph_times
from ketasim.engines import Measurement
from ketasim.engines.engine import class_means
from ketasim.nested import flattened, part_of
from ketasim.network.topology import FAST_STEP
from ketasim.signals import BASELINE, SLOPE, Signal
from ketasim.simulation import Simulation
from ketasim.simulation.history import Row
from ketasim.simulation.plastic_edges import EdgeEvents
from ketasim.storage import Column, TrajectoryWriter


class Recorder:
    """Writes a simulation's rows.

    Parameters
    ----------
    writer : TrajectoryWriter
        Open trajectory file.
    simulation : Simulation
        Simulation to record.
    """

    def __init__(self, writer: TrajectoryWriter, simulation: Simulation):
        self._writer, self._simulation = writer, simulation
        recorded = [signal for signal in simulation.signal_table.values() if self._is_known(signal)]
        per_subject = [(), ("compound",)] if simulation.setting.compounds else [()]
        self._subject = [signal for signal in recorded if signal.recorded and signal.dims in per_subject]
        self._population = [signal for signal in recorded if signal.recorded and signal.dims == ("node",)]
        self._estimates = [signal for signal in self._population if signal.kind == "network"]
        wanted = simulation.experiment.recording
        self._node = [signal for signal in recorded if signal.name in wanted.node_signals]
        self._instants = sorted(begin for begin, end in wanted.spikes if begin == end)
        self._intervals = [interval for interval in wanted.spikes if interval[0] < interval[1]]
        self._last_spike = -math.inf  # s
        self._untouched: dict[str, np.ndarray] = {}  # signal -> (P,) bool
        self._create()

    def record_baseline(self, time: float, window: Measurement) -> None:
        """Write a window of the baseline, unless it was written before an interruption."""
        if time <= self._writer.last_time("population"):
            return
        self._writer.append("population", time, self._population_row("baseline", window), "baseline")
        self._record_spikes(time, window)

    def record(self) -> Row:
        """Write one row of every group for the current time; return it, without neurons and spikes."""
        simulation, sampler = self._simulation, self._simulation.sampler
        window = sampler.window if sampler is not None and sampler.fresh else None
        row = {f"subject/{s.name}": simulation.signals[s.name] for s in self._subject}
        row["time"] = np.array(simulation.time)
        if sampler is not None:
            row |= {f"population/{name}": values for name, values in self._population_row("run", window).items()}
        if sampler is not None and simulation.steps_done:
            events = {str(number): one.events for number, one in enumerate(simulation.plastic_edges)}
            row |= flattened({"edges": events})
        self.write(row)
        if self._node:
            values = {signal.name: simulation.signals[signal.name] for signal in self._node}
            self._writer.append("node", simulation.time, values)
        if sampler is not None:
            self._record_spikes(simulation.time, window)
        return row

    def write(self, row: Row) -> None:
        """Write a row of `record`, of this run or of another with the same past, in which no drug had been given."""
        simulation, time = self._simulation, float(row["time"])
        subject = {s.name: simulation.signals[s.name] if s.dims else row[f"subject/{s.name}"] for s in self._subject}
        self._writer.append("subject", time, subject, "run")
        population, edges = part_of(row, "population"), part_of(row, "edges")
        if population:
            self._writer.append("population", time, population, "run")
        if edges:
            plastic = enumerate(simulation.plastic_edges)
            events = {one.pair: EdgeEvents(**part_of(edges, str(number))) for number, one in plastic}
            self._writer.append_edge_events(time, events)

    @property
    def state(self) -> dict[str, float]:
        """What is still to be recorded, as plain numbers; rows are in the writer's state."""
        return {"instants": len(self._instants), "last_spike": self._last_spike}

    @state.setter
    def state(self, numbers: Mapping[str, float]) -> None:
        self._instants = self._instants[len(self._instants) - int(numbers["instants"]) :]
        self._last_spike = numbers["last_spike"]

    @property
    def wants_baseline_spikes(self) -> bool:
        """Whether spikes before the run are recorded, which stored baselines lack."""
        start = self._simulation.experiment.begin
        return any(begin < start for begin in (*self._instants, *(begin for begin, _ in self._intervals)))

    def _is_known(self, signal: Signal) -> bool:
        """Whether there is anything to record: a signal without an owner would be a column of neutral values."""
        if signal.kind == "network":
            engine = self._simulation.engine
            return engine is not None and signal.name.removesuffix(BASELINE) in engine.measures
        if signal.kind == "port":
            return self._simulation.topology is not None or "node" not in signal.dims
        if signal.kind == "input":
            given = self._simulation.experiment.exposures.items()
            return any(events and signal.name in exposure.sets for exposure, events in given)
        return signal.name.removesuffix(SLOPE) in self._simulation.owners

    def _create(self) -> None:
        simulation, writer = self._simulation, self._writer
        compounds = simulation.setting.compounds if any(signal.dims for signal in self._subject) else ()
        owner = simulation.owners.get
        acts_on = {one.name: one.population for one in simulation.mechanisms}
        columns = [_column(s, s.dims, owner(s.name)) for s in self._subject]
        labels = {"moiety": ("compound", simulation.setting.compartments.moieties)} if compounds else None
        writer.create_samples("subject", columns, {"compound": compounds} if compounds else None, labels)
        if simulation.topology is None:
            return
        topology = simulation.topology
        names = topology.population_names
        for s in self._population:  # classes on which a signal's owner does not act have no value, not a neutral one
            only = acts_on.get(owner(s.name) or "")
            self._untouched[s.name] = np.array([only not in (None, name) for name in names])
        columns = [_column(s, ("population",), owner(s.name)) for s in self._population]
        for s in self._estimates:
            meaning = f"standard error of the running estimate of {s.name}; NaN for a single window"
            columns.append(Column(f"{s.name}_standard_error", s.unit, meaning, ("population",), None, "f8"))
            meaning = f"{s.name} in the window run at this time; NaN without one"
            columns.append(Column(f"{s.name}_window", s.unit, meaning, ("population",), None, "f8"))
        meaning = "network time behind the running estimates"
        columns.append(Column("network_memory", "s", meaning, (), None, "f8"))
        columns.append(Column("network_sampled", "1", "1 fresh window, 0 estimates reused", (), None, "u1"))
        writer.create_samples("population", columns, {"population": names})
        if self._node:
            columns = [Column(s.name, s.unit, s.meaning, ("node",), owner(s.name)) for s in self._node]
            places: dict[str, tuple[str, Any]] = {
                "node_population": ("node", [names[index] for index in topology.population]),
                "node_id": ("node", topology.node_id),
            }
            writer.create_samples("node", columns, {"node": np.arange(topology.n_nodes)}, places)
        if simulation.plastic_edges:
            writer.create_edge_events(one.pair for one in simulation.plastic_edges)
        if self._instants or self._intervals:
            for name in names:
                writer.append_spikes(name, np.empty(0), np.empty(0, np.int64))

    def _population_row(self, stage: str, window: Measurement | None) -> dict[str, np.ndarray]:
        """Values of each column: single windows during the baseline, running estimates after it."""
        topology, sampler, signals = self._simulation.topology, self._simulation.sampler, self._simulation.signals
        assert topology is not None
        assert sampler is not None
        names = [signal.name for signal in self._estimates]
        nothing = dict.fromkeys(names, np.full(len(topology.population_names), np.nan))
        raw = window.population if window else nothing
        values: dict[str, np.ndarray] = {f"{name}_window": raw[name] for name in names}
        estimates = sampler.estimates if stage == "run" else None
        means, errors = (estimates.population(), estimates.standard_error()) if estimates else (raw, nothing)
        for name in names:
            values[name], values[f"{name}_standard_error"] = means[name], errors[name]
        for signal in self._population:
            if signal.kind != "network":
                values[signal.name] = class_means(signals[signal.name], topology.class_start)
                values[signal.name][self._untouched[signal.name]] = np.nan
        memory = estimates.worth if estimates else self._simulation.experiment.schedule.window
        values["network_memory"], values["network_sampled"] = np.array(memory), np.array(window is not None, np.uint8)
        return values

    def _record_spikes(self, time: float, window: Measurement | None) -> None:
        """Write spikes if requested for this time; without a window, run one that changes nothing."""
        if time < self._last_spike:  # inside the window whose spikes were written last
            return
        due = [instant for instant in self._instants if instant <= time]
        self._instants = self._instants[len(due) :]
        if not due and not any(begin <= time <= end for begin, end in self._intervals):
            return
        simulation = self._simulation
        assert simulation.topology is not None
        assert simulation.sampler is not None
        window = window or simulation.sampler.look(time, simulation.signals)
        if window.spike_step.size:
            self._last_spike = window.spike_step[-1] * FAST_STEP * 1e-3
        topology = simulation.topology
        for name in topology.population_names:
            members = topology.slice_of(name)
            chosen = (window.spike_node >= members.start) & (window.spike_node < members.stop)
            times = window.spike_step[chosen] * FAST_STEP  # ms
            self._writer.append_spikes(name, times, window.spike_node[chosen] - members.start)


def _column(signal: Signal, dims: tuple[str, ...], owner: str | None) -> Column:
    """Column of a signal, with its declarations for summary and pictures."""
    shown = signal.shown.text if signal.shown else ""
    return Column(signal.name, signal.unit, signal.meaning, dims, owner, "f8", signal.summary, shown)


class GraphRecorder:
    """Writes the plastic edges, and measures of them, at the first slow time at or after each requested time.

    Parameters
    ----------
    writer : TrajectoryWriter
        Open trajectory file.
    simulation : Simulation
        Simulation to record; without plastic edges nothing is written.
    while_measuring : callable
        Returns a context for the seconds that measures take; an exception there leaves the state unchanged.
    """

    def __init__(
        self,
        writer: TrajectoryWriter,
        simulation: Simulation,
        while_measuring: Callable[[], AbstractContextManager[None]] = nullcontext,
    ):
        self._writer, self._simulation, self._while_measuring = writer, simulation, while_measuring
        self._due = list(graph_times(simulation.experiment).items()) if simulation.plastic_edges else []

    @property
    def state(self) -> int:
        """Number of requested times still to come."""
        return len(self._due)

    @state.setter
    def state(self, number: int) -> None:
        self._due = self._due[len(self._due) - number :]

    def record(self) -> None:
        """Write what is due at the current time; only the last if several are due."""
        simulation, writer = self._simulation, self._writer
        due = [name for name, at in self._due if at <= simulation.time]
        if not due:
            return
        topology, pairs = simulation.topology_now(), [one.pair for one in simulation.plastic_edges]
        measures = {}
        if simulation.experiment.recording.measures:
            within = [source for source, target in pairs if source == target]
            with self._while_measuring():
                measures = {population: graph_measures(topology, population) for population in within}
        self._due = self._due[len(due) :]
        writer.write_snapshot(due[-1], simulation.time, topology, pairs)
        for population, values in measures.items():
            name = due[-1] if len(measures) == 1 else f"{due[-1]}.{population}"
            writer.write_graph_measures(name, simulation.time, population, values)
