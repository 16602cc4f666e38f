"""The spiking network as an engine: maps slow signals to kernel inputs, and windows to node signals."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ketasim.digests import value_digest
from ketasim.documents import KetasimError
from ketasim.engines.engine import Inputs, Measurement, class_means
from ketasim.kernels.chunks import Model
from ketasim.kernels.graph import Synapses, received, received_side_by_side, synapses_of
from ketasim.kernels.records import (
    GABA_SLOW,
    SUM_AMPA_CURRENT,
    SUM_NMDA,
    SUM_NMDA_CURRENT,
    SUM_NMDA_OPEN,
    SUM_NMDA_UNBLOCKED,
    TRACE_AMPA,
    TRACE_GABA,
    TRACE_NMDA,
    Activity,
    FastClock,
    Modulation,
    NetworkParameters,
    Window,
    new_activity,
)
from ketasim.kernels.rewiring import ChangingGraph, change, set_weights, with_room
from ketasim.kernels.spiking_network import run_traced_window, run_window
from ketasim.network.build import FAST_STEP, Network, circuit_nmda, event_scale, poisson_thresholds
from ketasim.network.topology import node_in_words
from ketasim.signals import UNBLOCKED, range_in_words

#: Hz; a class with a higher mean rate has run away, as no cortical cell class sustains it.
RUNAWAY_RATE = 200.0

#: Allowed membrane potentials, mV; no membrane withstands a volt.
VOLTAGE = (-1000.0, 1000.0)

#: With fewer neurons than this, a thread spends more time waiting than it saves (docs/performance.md).
NEURONS_PER_THREAD = 1000

_TRACES = {"ampa_current": TRACE_AMPA, "nmda_current": TRACE_NMDA, "gaba_current": TRACE_GABA}


class SpikingEngine:
    """A spiking network; see `ketasim.engines.engine.Engine` for its methods.

    Parameters
    ----------
    network : Network
        The circuit at the start.
    seed : int
        Seed of its random numbers.
    threads : int
        Processor threads; results are bitwise the same with any number.

    Attributes
    ----------
    network : Network
        The current circuit.
    activity : Activity
        State of neurons and synapses.
    """

    measures = (
        "firing_rate",
        "nmda_gating",
        *UNBLOCKED,
        "nmda_open",
        "ampa_throughput",
        "nmda_throughput",
        "vesicle_release",
        "ampa_throughput_circuit",
    )

    reads = (
        "nmda_unblocked",
        "nmda_unblocked_extrasynaptic",
        "nmda_tonic_gating",
        "nmda_tonic_gain",
        "nmda_gain",
        "afferent_rate",
        "ampa_gain",
        "release_gain",
        "afferent_gain",
        "afferent_ampa_gain",
        "afferent_release_gain",
        "afferent_rate_gain",
        "inhibition_gain",
        "inhibition_time_gain",
        "membrane_current",
    )

    def __init__(self, network: Network, seed: int, threads: int = 1):
        self.network, self.topology = network, network.topology
        self._seed = seed
        self._threads = max(1, min(threads, network.topology.n_nodes // NEURONS_PER_THREAD))
        self._changing: ChangingGraph | None = None  # set once edges have changed
        self.rest()

    def rest(self) -> None:
        """Reset: membranes at rest, vesicle pools full."""
        self.activity, self.age = new_activity(self.network.graph, self.network.parameters), 0

    @property
    def state(self) -> dict[str, np.ndarray]:
        """State of neurons and synapses; edges are kept by the mechanisms that change them."""
        return dict(self.activity._asdict()) | {"age": np.array(self.age)}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.activity = Activity(*(np.array(arrays[name]) for name in Activity._fields))
        self.age = int(arrays["age"])

    def digest(self, signals: Mapping[str, np.ndarray]) -> str:
        """Digest of network, seed and the values read from the signals."""
        network, read = self.network, modulation(self.network, signals)
        edges, nmda = synapses_of(network.graph), (network.nmda_circuit, network.nmda_afferent)
        parameters = inhibited(network, signals)
        return value_digest((edges, network.graph.class_start, parameters, read, nmda, self._seed))

    def inputs(self, signals: Mapping[str, np.ndarray], baseline: Mapping[str, np.ndarray]) -> Inputs:
        """Drives of each class (see `network_inputs`), and afferent rates set by exposures."""
        state = modulation(self.network, signals)
        drives = network_inputs(self.network, state, signals["afferent_rate_gain"], baseline)
        charge = class_means(signals["inhibition_gain"], self.network.graph.class_start)  # of an inhibitory event
        drives = np.vstack([drives, charge * signals["inhibition_time_gain"]])
        return Inputs(drives, signals["afferent_rate"][None].copy())

    def settle(self, signals: Mapping[str, np.ndarray], first_step: int, n_steps: int) -> None:
        """Run without measuring."""
        self._run(modulation(self.network, signals), inhibited(self.network, signals), first_step, n_steps)

    def measure(
        self, signals: Mapping[str, np.ndarray], first_step: int, n_steps: int, traces: bool = False
    ) -> Measurement:
        """Run a window and average it; traces are synaptic currents of each class in pA.

        Raises
        ------
        KetasimError
            The network has run away, or a membrane potential is out of range.
        """
        state = modulation(self.network, signals)
        window = self._run(state, inhibited(self.network, signals), first_step, n_steps, traces)
        return Measurement.of(
            node_signals(self.network, window, state, n_steps),
            self.network.graph.class_start,
            spike_step=window.spike_step,
            spike_node=window.spike_node,
            traces={name: window.traces[row] for name, row in _TRACES.items()} if traces else {},
        )

    def _run(
        self, state: Modulation, parameters: NetworkParameters, first_step: int, n_steps: int, traces: bool = False
    ) -> Window:
        network = self.network
        clock = FastClock(np.uint64(self._seed), np.int64(first_step), np.int64(self.age))
        if traces:
            model = Model(network.graph, state, parameters)
            window = run_traced_window(self.activity, model, clock, n_steps, self._threads)
        else:
            window = run_window(self.activity, network.graph, state, parameters, clock, n_steps, self._threads)
        check(network, self.activity, window, clock, n_steps)
        self.age += n_steps
        return window

    def edges(self, pair: tuple[str, str]) -> Synapses:
        """Edges from the first to the second population, nodes numbered within them."""
        source, target = (self.topology.slice_of(name) for name in pair)
        synapses = synapses_of(self.network.graph)
        inside = (synapses.source >= source.start) & (synapses.source < source.stop)
        inside &= (synapses.target >= target.start) & (synapses.target < target.stop)
        chosen = Synapses(*(column[inside] for column in synapses))
        return chosen._replace(source=chosen.source - source.start, target=chosen.target - target.start)

    def rewire(self, pair: tuple[str, str], died: Synapses, born: Synapses, weight: np.ndarray) -> None:
        """Change the kernel's graph at a cost proportional to the number of changes, and set the weights."""
        source, target = (self.topology.slice_of(name) for name in pair)
        dying, arising = (
            one._replace(source=one.source + source.start, target=one.target + target.start) for one in (died, born)
        )
        changing = self._changing or with_room(self.network.graph)
        self._changing = change(changing, dying[:2], arising)
        graph = self._changing.graph
        set_weights(graph, (source.start, source.stop), (target.start, target.stop), weight.astype(np.float32))
        nmda = circuit_nmda(graph, self.network.parameters.synapses)
        self.network = replace(self.network, graph=graph, nmda_circuit=nmda)


def modulation(network: Network, signals: Mapping[str, np.ndarray]) -> Modulation:
    """Kernel inputs from slow signals: `F_s`, tonic conductances, gains and afferent rates."""
    free, free_outside = (
        network.nmda_shares * signals[name] * signals["nmda_gain"]
        for name in ("nmda_unblocked", "nmda_unblocked_extrasynaptic")
    )
    tonic = free_outside * signals["nmda_tonic_gating"] * network.nmda_extrasynaptic * signals["nmda_tonic_gain"]
    own = np.array([network.tables.cells[name].afferent_rate for name in network.topology.population_names])
    return Modulation(
        nmda=free,
        tonic=tonic,
        release_gain=signals["release_gain"].copy(),
        ampa_gain=signals["ampa_gain"].copy(),
        inhibition_gain=signals["inhibition_gain"].copy(),
        afferent_gain=signals["afferent_gain"].copy(),
        afferent_release_gain=signals["afferent_release_gain"].copy(),
        afferent_ampa_gain=signals["afferent_ampa_gain"].copy(),
        current=signals["membrane_current"].copy(),
        afferent_thresholds=afferent_thresholds(
            tuple((own * signals["afferent_rate_gain"]).tolist()), tuple(signals["afferent_rate"].tolist())
        ),
    )


def inhibited(network: Network, signals: Mapping[str, np.ndarray]) -> NetworkParameters:
    """Return the constants of the network with inhibition as long as its port says."""
    parameters, longer = network.parameters, float(signals["inhibition_time_gain"])
    if longer == 1.0:
        return parameters
    fast, slow = longer * parameters.gaba_fast_time, longer * parameters.gaba_slow_time
    # a conductance decays within the step at which it arrives; an event delivers its charge all the same
    exact = network.tables.exact_charge
    of_fast = event_scale(fast) / event_scale(parameters.gaba_fast_time) if exact else 1.0
    of_slow = event_scale(slow) / event_scale(parameters.gaba_slow_time) if exact else 1.0
    of_source = np.where(parameters.synapses.channel == GABA_SLOW, of_slow, of_fast)
    synapses = parameters.synapses._replace(gaba=parameters.synapses.gaba * of_source[:, None])
    return parameters._replace(synapses=synapses, gaba_fast_time=fast, gaba_slow_time=slow)


@lru_cache(maxsize=64)
def afferent_thresholds(own: tuple[float, ...], added: tuple[float, ...]) -> np.ndarray:
    """Poisson thresholds (P, k) for background rates plus those that exposures add, both in 1/ms.

    The effect of one afferent spike, and the conductance with all gates open, do not change: the same axons fire more.
    """
    return poisson_thresholds(np.maximum(np.array(own) + np.array(added), 0.0) * FAST_STEP)


def network_inputs(
    network: Network, state: Modulation, rate_gain: np.ndarray, baseline: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Class means of what slow mechanisms change: (4, P).

    NMDA drive (nS), AMPA drive (nS), release gain, and 1 + membrane current relative to that at threshold. A drive is
    the mean open conductance at the rates and gating of the `baseline`: NMDA, synaptic and tonic, without Mg block
    (tonic conductance alone follows noisy glutamate, and is a small part); AMPA of the circuit, without short-term
    plasticity, and of afferents. Both follow the graph.
    """
    of_spikes = state.afferent_release_gain * rate_gain[network.topology.population]
    arriving = state._replace(afferent_gain=state.afferent_gain * of_spikes)
    synaptic = baseline["nmda_gating"] * nmda_maximum(network, arriving) * state.nmda.sum(axis=0)
    nmda = synaptic + state.tonic.sum(axis=0)
    afferent = network.ampa_afferent * arriving.afferent_gain * state.afferent_ampa_gain
    circuit = open_ampa(network, baseline["firing_rate"][:, None] * np.ones(network.graph.class_start.size - 1))
    ampa = state.ampa_gain * circuit + afferent
    cells, kind = network.parameters.cells, network.graph.node_class
    excitability = 1.0 + state.current / (cells.leak * (cells.threshold - cells.rest))[kind]
    return class_means(np.stack([nmda, ampa, state.release_gain, excitability]), network.graph.class_start)


def nmda_maximum(network: Network, state: Modulation) -> np.ndarray:
    """Synaptic NMDA conductance (n,) in nS with all gates open."""
    return network.nmda_circuit + state.afferent_gain * network.nmda_afferent


def open_ampa(network: Network, released: np.ndarray) -> np.ndarray:
    """Mean AMPA conductance (n,) in nS opened by the circuit's synapses.

    Parameters
    ----------
    network : Network
        The circuit.
    released : (n, n_classes) array
        Release of a source onto each class, divided by its utilisation at rest, in 1/s.
    """
    sent = sent_ampa(network, released)
    return received(network.graph, sent, weighted=True) * network.parameters.ampa_time * 1e-3


def sent_ampa(network: Network, released: np.ndarray) -> np.ndarray:
    """Peak AMPA conductance, nS in a synapse of weight 1, times release (n, n_classes) as of `open_ampa`."""
    synapses, node_class = network.parameters.synapses, network.graph.node_class
    return released * np.where(network.excitatory[:, None], synapses.ampa[node_class], 0.0)


def check(network: Network, activity: Activity, window: Window, clock: FastClock, n_steps: int) -> None:
    """Refuse a window in which the network ran away or a membrane potential went out of range."""
    time = clock.first_step * FAST_STEP * 1e-3
    topology, sizes, seconds = network.topology, np.diff(network.graph.class_start), n_steps * FAST_STEP * 1e-3
    spikes = np.bincount(window.spike_node, minlength=topology.n_nodes)
    counts = np.add.reduceat(spikes, network.graph.class_start[:-1])
    most = RUNAWAY_RATE * seconds + 1.0  # spikes per neuron; one more for very short windows
    if window.overflow or np.any(counts > most * sizes):
        index, node = int(np.argmax(counts / sizes)), int(np.argmax(spikes))
        name, rate = topology.population_names[index], counts[index] / sizes[index] / seconds
        found = "more spikes than can be kept" if window.overflow else f"{rate:.4g} Hz on average"
        worst = f"{node_in_words(topology, node)} at {spikes[node] / seconds:.4g} Hz"
        raise KetasimError(
            f"the network has run away: {name} cells fire at more than {RUNAWAY_RATE:g} Hz at t = {time:.6g} s, "
            f"{found}, {worst}; allowed: 0 to {RUNAWAY_RATE:g} Hz; check the network's weights, its afferents and "
            "stimuli, or what blocks its inhibition"
        )
    lowest, highest = float(activity.voltage.min()), float(activity.voltage.max())  # nan if any value is
    if not (lowest >= VOLTAGE[0] and highest <= VOLTAGE[1]):
        bad = int(np.argmax(np.where(np.isfinite(activity.voltage), np.abs(activity.voltage), np.inf)))
        raise KetasimError(
            f"the membrane potential of {node_in_words(topology, bad)} is {activity.voltage[bad]:g} mV at "
            f"t = {time + seconds:.6g} s; allowed: {range_in_words(VOLTAGE)}; check the weights and afferents of the "
            f"network and the constants of {topology.population_names[topology.population[bad]]} cells"
        )


def node_signals(network: Network, window: Window, state: Modulation, n_steps: int) -> dict[str, np.ndarray]:
    """Window averages of each node."""
    n = network.topology.n_nodes
    seconds = n_steps * FAST_STEP * 1e-3
    sums = window.sums / n_steps
    release, opened = _received(network, window.released)
    most = nmda_maximum(network, state)
    with_gate = most > 0.0

    def over_maximum(conductance: np.ndarray) -> np.ndarray:
        return np.divide(conductance, most, out=np.zeros(n), where=with_gate)

    return {
        "firing_rate": np.bincount(window.spike_node, minlength=n) / seconds,
        "nmda_gating": over_maximum(sums[SUM_NMDA]),
        **dict(zip(UNBLOCKED, map(over_maximum, sums[SUM_NMDA_UNBLOCKED]), strict=True)),
        "nmda_open": sums[SUM_NMDA_OPEN],
        "ampa_throughput": sums[SUM_AMPA_CURRENT],
        "nmda_throughput": sums[SUM_NMDA_CURRENT],
        "vesicle_release": release / seconds,
        "ampa_throughput_circuit": state.ampa_gain * opened / seconds,
    }


def _received(network: Network, released: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a node's glutamatergic synapses receive of release (n, n_classes) per source and target class.

    Returns
    -------
    release : (n,) array
        Mean over these synapses.
    opened : (n,) array
        Time integral of the AMPA conductance that it opens, nS s.
    """
    utilisation = network.parameters.synapses.utilisation[network.graph.node_class]
    glutamatergic = np.repeat(network.excitatory[:, None].astype(float), released.shape[1], axis=1)
    efficacy = np.divide(released, utilisation, out=np.zeros_like(released), where=utilisation > 0.0)
    sent = np.stack([sent_ampa(network, efficacy), released * glutamatergic, glutamatergic])
    ampa, total, synapses = received_side_by_side(network.graph, sent, np.array([True, False, False]))
    return total / np.maximum(synapses, 1.0), ampa * network.parameters.ampa_time * 1e-3
