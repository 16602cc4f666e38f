"""From a running simulation to rows of its trajectory file. Looks only; changes no state."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ketasim.network.build import FAST_STEP
from ketasim.signals import Signal
from ketasim.simulation import Simulation
from ketasim.simulation.coupling import Measurement, population_means
from ketasim.storage.clock import Column
from ketasim.storage.writer import TrajectoryWriter

#: Rows of the population clock in memory: time in s, values by name.
Rows = list[tuple[float, dict[str, np.ndarray]]]


class Recorder:
    """Writes a simulation's rows and keeps the small ones in memory for the summary.

    Parameters
    ----------
    writer : open trajectory file.
    simulation : what is recorded.

    Attributes
    ----------
    subject, population : rows written so far.
    """

    def __init__(self, writer: TrajectoryWriter, simulation: Simulation):
        self._writer, self._simulation = writer, simulation
        self.subject: Rows = []
        self.population: Rows = []
        recorded = [signal for signal in simulation.signal_table.values() if self._is_known(signal)]
        per_subject = [(), ("compound",)] if simulation.setting.compounds else [()]
        self._subject = [signal for signal in recorded if signal.recorded and signal.dims in per_subject]
        self._population = [signal for signal in recorded if signal.recorded and signal.dims == ("node",)]
        self._estimates = [signal for signal in self._population if signal.kind == "network"]
        wanted = simulation.experiment.recording
        self._node = [signal for signal in recorded if signal.name in wanted.node_signals]
        self._instants = sorted(begin for begin, end in wanted.spikes if begin == end)
        self._intervals = [interval for interval in wanted.spikes if interval[0] < interval[1]]
        self._create()

    def record_baseline(self, time: float, window: Measurement) -> None:
        """Write a window of the baseline, or the first one at time zero, when everything else starts too."""
        if time < 0.0:
            self._record_population(time, window, fresh=True)
            self._record_spikes(time, window)
        else:
            self.record()

    def record(self) -> None:
        """Write one row of every clock for the present time."""
        simulation = self._simulation
        time, window = simulation.time, simulation.window
        self._append(self.subject, "subject", time, {s.name: simulation.signals[s.name] for s in self._subject})
        if window is None:
            return
        self._record_population(time, window, simulation.network_sampled)
        if self._node:
            values = {signal.name: simulation.signals[signal.name] for signal in self._node}
            self._writer.append("node", time, values)
        if simulation.network_sampled:
            self._record_spikes(time, window)

    def _is_known(self, signal: Signal) -> bool:
        """Whether there is anything to record: a signal nobody owns would be a column of neutral values."""
        if signal.kind in ("network", "port"):
            return self._simulation.network is not None or "node" not in signal.dims
        return signal.name in self._simulation.owners

    def _create(self) -> None:
        simulation, writer = self._simulation, self._writer
        compounds = simulation.setting.compounds if any(signal.dims for signal in self._subject) else ()
        owner = simulation.owners.get
        columns = [Column(s.name, s.unit, s.meaning, s.dims, owner(s.name), "f8") for s in self._subject]
        labels = {"moiety": ("compound", simulation.compartments.moieties)} if compounds else None
        writer.create_clock("subject", columns, {"compound": compounds} if compounds else None, labels)
        if simulation.network is None:
            return
        topology = simulation.network.topology
        names = topology.population_names
        columns = [Column(s.name, s.unit, s.meaning, ("population",), owner(s.name), "f8") for s in self._population]
        for s in self._estimates:
            meaning = f"standard error of {s.name} from the spread within its window"
            columns.append(Column(f"{s.name}_standard_error", s.unit, meaning, ("population",), None, "f8"))
        columns.append(Column("network_sampled", "1", "1 fresh window, 0 the last one reused", (), None, "u1"))
        writer.create_clock("population", columns, {"population": names})
        if self._node:
            columns = [Column(s.name, s.unit, s.meaning, ("node",), owner(s.name)) for s in self._node]
            places: dict[str, tuple[str, Any]] = {
                "node_population": ("node", [names[index] for index in topology.population]),
                "node_id": ("node", topology.node_id),
            }
            writer.create_clock("node", columns, {"node": np.arange(topology.n_nodes)}, places)
        if self._instants or self._intervals:
            for name in names:
                writer.append_spikes(name, np.empty(0), np.empty(0, np.int64))

    def _append(self, rows: Rows, group: str, time: float, values: dict[str, Any]) -> None:
        kept = {name: np.array(value) for name, value in values.items()}
        self._writer.append(group, time, kept)
        rows.append((time, kept))

    def _record_population(self, time: float, window: Measurement, fresh: bool) -> None:
        network, signals = self._simulation.network, self._simulation.signals
        assert network is not None
        values: dict[str, Any] = {}
        for signal in self._population:
            if signal.kind == "network":
                values[signal.name] = window.population[signal.name]
                values[f"{signal.name}_standard_error"] = window.standard_error[signal.name]
            else:
                values[signal.name] = population_means(network, signals[signal.name])
        values["network_sampled"] = np.uint8(fresh)
        self._append(self.population, "population", time, values)

    def _record_spikes(self, time: float, window: Measurement) -> None:
        due = [instant for instant in self._instants if instant <= time]
        self._instants = self._instants[len(due) :]
        if not due and not any(begin <= time <= end for begin, end in self._intervals):
            return
        network = self._simulation.network
        assert network is not None
        topology = network.topology
        for name in topology.population_names:
            members = topology.slice_of(name)
            chosen = (window.spike_node >= members.start) & (window.spike_node < members.stop)
            times = window.spike_step[chosen] * FAST_STEP  # ms
            self._writer.append_spikes(name, times, window.spike_node[chosen] - members.start)


def columns_of(rows: Rows, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Times (T,) and values (T, ...) of one name over rows."""
    return np.array([time for time, _ in rows]), np.array([values[name] for _, values in rows])


def names_of(rows: Sequence[tuple[float, dict[str, np.ndarray]]]) -> tuple[str, ...]:
    """Names in rows."""
    return tuple(rows[0][1]) if rows else ()
