"""The circuit without any drug: afferents solved for target rates, and what the resting circuit does."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

import ketasim
from ketasim.analysis import spike_statistics
from ketasim.engines.spiking import modulation
from ketasim.kernels.records import SUM_AMPA_CURRENT, SUM_NMDA, SUM_NMDA_CURRENT, FastClock, new_activity
from ketasim.kernels.spiking_network import run_window
from ketasim.network.build import build
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit
from ketasim.network.synapses import PREFRONTAL
from ketasim.network.topology import Topology
from ketasim.network.weights import WeightSet, tables_of
from network_ensemble.priors import CLASSES, PUBLISHED, RATES, Candidate, completed, first_guess, unitary_sizes

STEPS = 10_000  # fast steps of 0.1 ms in a second
RUNAWAY = 60.0  # Hz; a class above it at rest is not examined further
CV = (0.7, 1.3)
CORRELATION = 0.1
SIZE_LIMIT = 2.5  # unitary sizes may differ from the published ones by this factor
MEASURED = 30.0  # s
NEURONS = 1000
EXPERIMENT = {"format": 1, "duration": "1 h", "network": {"neurons": NEURONS}}


@lru_cache
def _sheet(graph_seed: int) -> tuple[Topology, dict[str, np.ndarray]]:
    """Graph, and the slow signals at rest."""
    topology = prefrontal_microcircuit(NEURONS, graph_seed)
    simulation = ketasim.Simulation(ketasim.Experiment.from_mapping(EXPERIMENT | {"seed": graph_seed}))
    return topology, simulation.signals


class Resting:
    """A resting circuit that keeps its state when its weights change."""

    def __init__(self, weights: WeightSet, graph_seed: int):
        self.seed, self.step = graph_seed, 0
        self._topology, self._tonic = _sheet(graph_seed)
        self.set_weights(weights)
        self.activity = new_activity(self.network.graph, self.network.parameters)

    def set_weights(self, weights: WeightSet) -> None:
        """Build the network of these weights; membranes and synapses stay in the state in which they are."""
        self.network = build(self._topology, tables=tables_of(weights))
        self.influence = modulation(self.network, self._tonic)
        self.sizes = np.diff(self.network.graph.class_start)

    def run(self, seconds: float):
        """Return the kernel's window of so many seconds."""
        clock = FastClock(np.uint64(self.seed), np.int64(self.step), np.int64(self.step))
        n_steps = round(seconds * STEPS)
        network = self.network
        window = run_window(self.activity, network.graph, self.influence, network.parameters, clock, n_steps)
        self.step += n_steps
        return window

    def rates(self, seconds: float) -> np.ndarray:
        """Rates of the classes in Hz over so many seconds; infinite where there are too many spikes to hold."""
        window = self.run(seconds)
        spikes = np.bincount(self.network.graph.node_class[window.spike_node], minlength=len(CLASSES))
        return np.full(len(CLASSES), np.inf) if window.overflow else spikes / self.sizes / seconds


class Solution(NamedTuple):
    """Weights whose circuit fires near the target, or None and why."""

    weights: WeightSet | None
    reason: str
    iterations: int
    rates: np.ndarray


def solve(candidate: Candidate, graph_seed: int, iterations: int = 12, tolerance: float = 0.15) -> Solution:
    """Solve the afferent AMPA conductances for the target rates, by Broyden's method on logarithms.

    Each rate is measured over 1.6 s after 0.6 s; a circuit that runs away starts again from rest with less drive.
    """
    target, drive = np.log(candidate.target), np.log(first_guess(candidate))
    circuit = Resting(completed(candidate, np.exp(drive)), graph_seed)
    slope, last, restarts = np.diag([6.0, 5.0, 5.0]), None, 0
    for iteration in range(iterations):
        rates = circuit.rates(0.6)
        if (rates < 2.0 * RUNAWAY).all():
            rates = circuit.rates(1.6)
        if (rates > RUNAWAY).any():
            restarts += 1
            if restarts > 2:
                return Solution(None, "runs away", iteration, rates)
            drive = drive - np.where(rates > RUNAWAY, 0.4, 0.0)
            circuit, last = Resting(completed(candidate, np.exp(drive)), graph_seed), None
            continue
        level = np.log(np.maximum(rates, [0.05, 0.3, 0.3]))
        error = level - target
        if np.abs(error).max() < tolerance:
            return Solution(completed(candidate, np.exp(drive)), "", iteration, rates)
        if last is not None:
            slope = _updated(slope, drive - last[0], level - last[1])
        last = drive, level
        drive = drive - np.clip(0.8 * np.linalg.solve(slope, error), -0.3, 0.3)
        if drive.min() < np.log(0.01):
            return Solution(None, "needs no afferents", iteration, rates)
        circuit.set_weights(completed(candidate, np.exp(drive)))
    return Solution(None, "target not reached", iterations, rates)


def _updated(slope: np.ndarray, moved: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Broyden's update, damped; left out where it would turn a class against its own drive."""
    if moved @ moved < 1e-5:
        return slope
    new = slope + 0.7 * np.outer(change - slope @ moved, moved) / (moved @ moved)
    return new if np.diag(new).min() > 1.0 and np.linalg.cond(new) < 200.0 else slope


def resting_row(weights: WeightSet, graph_seed: int, seconds: float = MEASURED) -> dict[str, float]:
    """Rates, CV and correlation of the classes with standard errors, and shares of NMDA, over so many seconds."""
    circuit = Resting(weights, graph_seed)
    circuit.run(2.0)
    begin = circuit.step
    window = circuit.run(seconds)
    times, row = (window.spike_step - begin) * 0.1, {}
    for index, name in enumerate(CLASSES):
        first, end = circuit.network.graph.class_start[index : index + 2]
        mine = (window.spike_node >= first) & (window.spike_node < end)
        found = _statistics(times[mine], window.spike_node[mine] - first, int(end - first), 1e3 * seconds)
        row |= {f"{quantity}_{name}": value for quantity, value in found.items()}
        sums = window.sums[:, first:end].mean(axis=1) / (seconds * STEPS)
        row[f"nmda_share_{name}"] = sums[SUM_NMDA_CURRENT] / (sums[SUM_AMPA_CURRENT] + sums[SUM_NMDA_CURRENT])
        open_by_afferents = PREFRONTAL.cells[name].afferent_rate * PREFRONTAL.receptors.nmda_time
        row[f"afferent_nmda_share_{name}"] = (
            open_by_afferents * getattr(weights, f"afferent_nmda_{name}") / sums[SUM_NMDA]
        )
    return row


def _statistics(times: np.ndarray, nodes: np.ndarray, size: int, end: float) -> dict[str, float]:
    """Statistics of a class; errors from ten stretches of time, for the CV from eight groups of neurons."""
    whole = spike_statistics(times, nodes, size, 0.0, end)
    edges = np.linspace(0.0, end, 11)
    parts = [spike_statistics(times, nodes, size, edges[i], edges[i + 1]) for i in range(10)]
    groups = [spike_statistics(times[nodes % 8 == g], nodes[nodes % 8 == g], size, 0.0, end) for g in range(8)]
    return {
        "rate": whole.rate,
        "rate_se": _error([part.rate for part in parts]),
        "cv": whole.interval_cv,
        "cv_se": _error([group.interval_cv for group in groups]),
        "correlation": whole.count_correlation,
        "correlation_se": _error([part.count_correlation for part in parts]),
    }


def _error(values: list[float]) -> float:
    kept = np.array([value for value in values if np.isfinite(value)])
    return float(kept.std(ddof=1) / np.sqrt(kept.size)) if kept.size > 1 else float("nan")


def refusals(row: dict[str, float], weights: WeightSet, in_vivo: float) -> list[str]:
    """Why a resting circuit is not accepted; empty if it is."""
    found = []
    for name in CLASSES:
        low, high = RATES[name]
        if not low < row[f"rate_{name}"] < high:
            found.append(f"rate of {name}")
        if not CV[0] < row[f"cv_{name}"] < CV[1]:
            found.append(f"CV of {name}")
        if not abs(row[f"correlation_{name}"]) < CORRELATION:
            found.append(f"correlation of {name}")
    for pair, size in unitary_sizes(weights._asdict()).items():
        if not 1.0 / SIZE_LIMIT < abs(size) / in_vivo / PUBLISHED[pair] < SIZE_LIMIT:
            found.append(f"size {pair[0]} to {pair[1]}")
    return found
