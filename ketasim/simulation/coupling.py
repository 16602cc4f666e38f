"""Between the clocks: slow signals into what the network reads, windows into what slow mechanisms read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ketasim.documents import KetasimError
from ketasim.kernels.graph import received
from ketasim.kernels.records import (
    SUM_AMPA_CURRENT,
    SUM_NMDA,
    SUM_NMDA_AB,
    SUM_NMDA_CD,
    SUM_NMDA_CURRENT,
    SUM_NMDA_V,
    Activity,
    FastClock,
    Modulation,
    Window,
)
from ketasim.kernels.spiking_network import run_window
from ketasim.network.build import FAST_STEP, Network
from ketasim.signals import SIGNALS, range_in_words
from ketasim.simulation.estimates import class_means
from ketasim.simulation.guards import Scene, check_signals, node_in_words

#: A class that fires faster than this on average, Hz, has run away; no cell class of cortex keeps it up.
RUNAWAY_RATE = 200.0

#: Membrane potentials, mV; no membrane withstands a volt.
VOLTAGE = (-1000.0, 1000.0)

#: A thread with fewer neurons than this spends more time waiting for the others than it saves (docs/performance.md).
NEURONS_PER_THREAD = 1000


@dataclass(frozen=True, eq=False)
class Measurement:
    """What one window says.

    signals : node signals by name, (n,) each.
    population : the same as population means, (n_populations,) each.
    spike_step, spike_node : absolute fast step and node of every spike.
    """

    signals: dict[str, np.ndarray]
    population: dict[str, np.ndarray]
    spike_step: np.ndarray
    spike_node: np.ndarray


def modulation(network: Network, signals: Mapping[str, np.ndarray]) -> Modulation:
    """What the network reads of the slow signals: `F_ab`, `F_cd`, tonic conductances and gains."""
    free = network.nmda_shares * signals["nmda_unblocked"]
    free_outside = network.nmda_shares * signals["nmda_unblocked_extrasynaptic"]
    tonic = free_outside * signals["nmda_tonic_gating"] * network.nmda_extrasynaptic
    return Modulation(
        nmda_ab=free[0] + free[1],
        nmda_cd=free[2] + free[3],
        tonic_ab=tonic[0] + tonic[1],
        tonic_cd=tonic[2] + tonic[3],
        release_gain=signals["release_gain"].copy(),
        ampa_gain=signals["ampa_gain"].copy(),
        afferent_gain=signals["afferent_gain"].copy(),
    )


def network_inputs(network: Network, state: Modulation, baseline: Mapping[str, np.ndarray]) -> np.ndarray:
    """Class means of what slow mechanisms change in the network: (3, P), NMDA drive and AMPA drive in nS, release gain.

    A drive is the conductance that is open at the rates and gates of the `baseline`: NMDA before Mg, synaptic and tonic
    (tonic conductance alone follows noisy glutamate and is a small part of it); AMPA of the circuit, without
    short-term plasticity, and of afferents. Both follow the graph.
    """
    synaptic = baseline["nmda_gating"] * nmda_maximum(network, state) * (state.nmda_ab + state.nmda_cd)
    nmda = synaptic + state.tonic_ab + state.tonic_cd
    afferent = network.ampa_afferent * state.afferent_gain
    circuit = open_ampa(network, baseline["firing_rate"][:, None] * np.ones(network.graph.class_start.size - 1))
    ampa = state.ampa_gain * (circuit + afferent)
    return class_means(np.stack([nmda, ampa, state.release_gain]), network.graph.class_start)


def nmda_maximum(network: Network, state: Modulation) -> np.ndarray:
    """Synaptic NMDA conductance (n,) nS with every gate open."""
    return network.nmda_circuit + state.afferent_gain * network.nmda_afferent


def open_ampa(network: Network, released: np.ndarray) -> np.ndarray:
    """Mean AMPA conductance (n,) nS that the circuit's synapses open.

    released : (n, n_classes) 1/s, release of a source onto each class over its utilisation at rest.
    """
    synapses, node_class = network.parameters.synapses, network.graph.node_class
    sent = released * np.where(network.excitatory[:, None], synapses.ampa[node_class], 0.0)
    return received(network.graph, sent, weighted=True) * network.parameters.ampa_time * 1e-3


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """Largest relative change of any element; absolute where it was 0.

    >>> relative_change(np.array([2.0, 0.0]), np.array([1.0, 0.25]))
    0.5
    """
    scale = np.where(before != 0.0, np.abs(before), 1.0)
    return float(np.max(np.abs(after - before) / scale, initial=0.0))


def later(clock: FastClock, n_steps: int) -> FastClock:
    """Clock after `n_steps` of the network."""
    return FastClock(clock.seed, np.int64(clock.first_step + n_steps), np.int64(clock.age + n_steps))


def threads_for(network: Network, threads: int) -> int:
    """How many of `threads` to use: at most one for `NEURONS_PER_THREAD` neurons."""
    return max(1, min(threads, network.topology.n_nodes // NEURONS_PER_THREAD))


def settle(
    network: Network, activity: Activity, state: Modulation, clock: FastClock, n_steps: int, threads: int = 1
) -> FastClock:
    """Run the network without measuring; returns the clock after it."""
    threads = threads_for(network, threads)
    window = run_window(activity, network.graph, state, network.parameters, clock, n_steps, threads)
    check(network, activity, window, clock, n_steps)
    return later(clock, n_steps)


def measure(
    network: Network, activity: Activity, state: Modulation, clock: FastClock, n_steps: int, threads: int = 1
) -> Measurement:
    """Run a window of `n_steps` and average it; `activity` goes on from there.

    Raises
    ------
    KetasimError
        The network has run away, or a membrane potential or a mean is no number or outside its range.
    """
    window = run_window(
        activity, network.graph, state, network.parameters, clock, n_steps, threads_for(network, threads)
    )
    check(network, activity, window, clock, n_steps)
    signals = _node_signals(network, window, state, n_steps)
    topology, end = network.topology, (clock.first_step + n_steps) * FAST_STEP * 1e-3
    check_signals(signals, signals, "the network", end, Scene(SIGNALS, {"node": topology.n_nodes}, topology))
    population = {name: class_means(values, network.graph.class_start) for name, values in signals.items()}
    return Measurement(signals, population, window.spike_step, window.spike_node)


def check(network: Network, activity: Activity, window: Window, clock: FastClock, n_steps: int) -> None:
    """Refuse a window in which the network ran away or a membrane potential left its range."""
    time = clock.first_step * FAST_STEP * 1e-3
    topology, sizes, seconds = network.topology, np.diff(network.graph.class_start), n_steps * FAST_STEP * 1e-3
    spikes = np.bincount(window.spike_node, minlength=topology.n_nodes)
    counts = np.add.reduceat(spikes, network.graph.class_start[:-1])
    most = RUNAWAY_RATE * seconds + 1.0  # spikes a neuron; one more for very short windows
    if window.overflow or np.any(counts > most * sizes):
        index, node = int(np.argmax(counts / sizes)), int(np.argmax(spikes))
        name, rate = topology.population_names[index], counts[index] / sizes[index] / seconds
        found = "more spikes than can be kept" if window.overflow else f"{rate:.4g} Hz in the mean"
        worst = f"{node_in_words(topology, node)} at {spikes[node] / seconds:.4g} Hz"
        raise KetasimError(
            f"the network has run away: {name} cells fire at more than {RUNAWAY_RATE:g} Hz at t = {time:.6g} s, "
            f"{found}, {worst}; allowed: 0 to {RUNAWAY_RATE:g} Hz; check the network's weights, its afferents and "
            "stimuli, or what blocks its inhibition"
        )
    lowest, highest = float(activity.voltage.min()), float(activity.voltage.max())  # nan if there is one
    if not (lowest >= VOLTAGE[0] and highest <= VOLTAGE[1]):
        bad = int(np.argmax(np.where(np.isfinite(activity.voltage), np.abs(activity.voltage), np.inf)))
        raise KetasimError(
            f"the membrane potential of {node_in_words(topology, bad)} is {activity.voltage[bad]:g} mV at "
            f"t = {time + seconds:.6g} s; allowed: {range_in_words(VOLTAGE)}; check the weights and afferents of the "
            f"network and the constants of {topology.population_names[topology.population[bad]]} cells"
        )


def _node_signals(network: Network, window: Window, state: Modulation, n_steps: int) -> dict[str, np.ndarray]:
    """Averages of one window per node."""
    n = network.topology.n_nodes
    seconds = n_steps * FAST_STEP * 1e-3
    sums = window.sums / n_steps
    most = nmda_maximum(network, state)
    with_gate = most > 0.0

    def over_maximum(row: int) -> np.ndarray:
        return np.divide(sums[row], most, out=np.zeros(n), where=with_gate)

    return {
        "firing_rate": np.bincount(window.spike_node, minlength=n) / seconds,
        "nmda_gating": over_maximum(SUM_NMDA),
        "nmda_gating_unblocked_ab": over_maximum(SUM_NMDA_AB),
        "nmda_gating_unblocked_cd": over_maximum(SUM_NMDA_CD),
        "nmda_gating_voltage": over_maximum(SUM_NMDA_V),
        "ampa_throughput": sums[SUM_AMPA_CURRENT],
        "nmda_throughput": sums[SUM_NMDA_CURRENT],
        "vesicle_release": _received_release(network, window.released) / seconds,
        "ampa_throughput_circuit": state.ampa_gain * _opened(network, window.released) / seconds,
    }


def _opened(network: Network, released: np.ndarray) -> np.ndarray:
    """AMPA conductance times time that released vesicles (n, n_classes) opened at each node, nS s."""
    utilisation = network.parameters.synapses.utilisation[network.graph.node_class]
    return open_ampa(network, np.divide(released, utilisation, out=np.zeros_like(released), where=utilisation > 0.0))


def _received_release(network: Network, released: np.ndarray) -> np.ndarray:
    """Mean release over each node's glutamatergic synapses, from release per source and target class."""
    glutamatergic = np.repeat(network.excitatory[:, None].astype(float), released.shape[1], axis=1)
    total = received(network.graph, released * glutamatergic, weighted=False)
    return total / np.maximum(received(network.graph, glutamatergic, weighted=False), 1.0)
