"""Inputs and outputs of the network kernel."""

from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import Graph

#: Synaptic conductances.
AMPA, NMDA, GABA_FAST, GABA_SLOW = 0, 1, 2, 3

#: Rows of `Window.sums`, summed over the steps of a window.
SUM_NMDA, SUM_NMDA_UNBLOCKED, SUM_NMDA_OPEN, SUM_AMPA_CURRENT, SUM_NMDA_CURRENT = 0, slice(1, 5), 5, 6, 7

#: Rows of `Window.traces`.
TRACE_AMPA, TRACE_NMDA, TRACE_GABA = 0, 1, 2


class CellParameters(NamedTuple):
    """Membrane constants, one entry per cell class: (n_classes,) float64."""

    capacitance: np.ndarray  # pF
    leak: np.ndarray  # nS
    rest: np.ndarray  # mV, EL
    threshold: np.ndarray  # mV, VT
    sharpness: np.ndarray  # mV, DT; 0 is the leaky integrate-and-fire limit
    cutoff: np.ndarray  # mV, where a spike is cut; equals the threshold when the sharpness is 0
    reset: np.ndarray  # mV
    adaptation: np.ndarray  # nS, a
    adaptation_jump: np.ndarray  # pA, b
    adaptation_time: np.ndarray  # ms, tau_w
    refractory: np.ndarray  # ms


class SynapseParameters(NamedTuple):
    """Synapses by (source class, target class): (n_classes, n_classes) float64, and afferents by target class."""

    ampa: np.ndarray  # nS per spike from rest
    nmda: np.ndarray  # nS with the presynaptic gate fully open
    gaba: np.ndarray  # nS per spike from rest
    channel: np.ndarray  # (n_classes,) int64: AMPA for glutamatergic sources, GABA_FAST or GABA_SLOW
    utilisation: np.ndarray  # U; 0 means no synapse; 1 with a recovery of 0 ms means no plasticity
    recovery: np.ndarray  # ms
    facilitation: np.ndarray  # ms
    afferent_ampa: np.ndarray  # (n_classes,) nS per afferent spike
    afferent_nmda: np.ndarray  # (n_classes,) nS per afferent spike


class NetworkParameters(NamedTuple):
    """All constants of a run except the graph."""

    cells: CellParameters
    synapses: SynapseParameters
    ampa_time: float  # ms
    nmda_time: float  # ms
    gaba_fast_time: float  # ms
    gaba_slow_time: float  # ms
    gaba_reversal: float  # mV
    mg_over_k: np.ndarray  # (4,) [Mg] / K_Mg of GluN2A to D
    step: float  # ms


class Modulation(NamedTuple):
    """Effects of slow mechanisms and exposures on the network, (n_nodes,) float64 unless stated otherwise."""

    nmda: np.ndarray  # (4, n_nodes) F_s: share of GluN2A to D in the conductance times its unblocked fraction
    tonic: np.ndarray  # (4, n_nodes) T_s: nS of extrasynaptic conductance open, before Mg
    release_gain: np.ndarray  # scales U of the node's outputs
    ampa_gain: np.ndarray  # scales AMPA of the circuit's synapses onto the node
    inhibition_gain: np.ndarray  # scales inhibitory synapses onto the node
    afferent_gain: np.ndarray  # scales the conductances of the node's afferents
    afferent_release_gain: np.ndarray  # scales what one of their spikes releases
    afferent_ampa_gain: np.ndarray  # scales their AMPA conductance
    current: np.ndarray  # pA into the membrane
    afferent_thresholds: np.ndarray  # (n_classes, k) uint32, from the afferents' rate; see `random.poisson_counts`


class Activity(NamedTuple):
    """State of the network; a window continues from the end of the last one.

    Variables updated in every step are `real`: float32 by default, float64 on request. Those updated only when a neuron
    fires are float64.
    """

    voltage: np.ndarray  # (n,) real, mV
    adaptation: np.ndarray  # (n,) real, pA
    refractory_steps: np.ndarray  # (n,) int32, refractory steps left
    conductance: np.ndarray  # (4, n) real, nS: AMPA, NMDA, GABA fast, GABA slow
    pending: np.ndarray  # (slots, 2, 2 n) real, nS still to arrive: [0] AMPA, NMDA and [1] GABA fast, slow interleaved
    utilisation: np.ndarray  # (n, n_classes) u after the last spike
    resources: np.ndarray  # (n, n_classes) x after the last spike
    gate: np.ndarray  # (n, n_classes) s after the last spike
    last_spike: np.ndarray  # (n,) int64, age of the network at the last spike


class FastClock(NamedTuple):
    """When a window starts.

    Attributes
    ----------
    seed : uint64
        Seed of the run.
    first_step : int64
        Absolute fast step (negative before time zero); keys random numbers and dates spikes.
    age : int64
        Steps that the network has run so far. Synapses and delays use this time, so that a window continues from the
        state at the end of the last one, however much time was skipped between them.
    """

    seed: np.uint64
    first_step: np.int64
    age: np.int64


class Window(NamedTuple):
    """Measurements of a window.

    Attributes
    ----------
    sums : (8, n) array of float64
        Sums over steps of gN, gN m_s for GluN2A to D (0 where a class has none of them), open NMDA conductance with
        block, Mg and tonic part (nS), AMPA and NMDA current (pA).
    released : (n, n_classes) array of float64
        Summed u x per source and target class.
    spike_step, spike_node : (n_spikes,) array of int64, of int32
        Spikes in order of time; a spike belongs to the end of its step.
    overflow : bool
        There were more spikes than fit; the window is then invalid.
    traces : (3, n_classes, samples) array of float64
        pA, mean AMPA, NMDA and GABA current of a class (inward positive) at the start of every step whose absolute
        number is a multiple of `chunks.TRACE_STEPS`; no samples unless requested.
    """

    sums: np.ndarray
    released: np.ndarray
    spike_step: np.ndarray
    spike_node: np.ndarray
    overflow: bool
    traces: np.ndarray


def new_activity(graph: Graph, parameters: NetworkParameters, real: type = np.float32) -> Activity:
    """Return a network at rest: membranes at leak reversal, synapses recovered, no events pending.

    Parameters
    ----------
    graph : Graph
        The synapses.
    parameters : NetworkParameters
        Constants of the network.
    real : type
        Precision of variables updated in every step, `numpy.float32` or `numpy.float64`.
    """
    n = graph.node_class.shape[0]
    n_classes = parameters.cells.leak.shape[0]
    return Activity(
        voltage=parameters.cells.rest[graph.node_class].astype(real),
        adaptation=np.zeros(n, real),
        refractory_steps=np.zeros(n, np.int32),
        conductance=np.zeros((4, n), real),
        pending=np.zeros((graph.longest_delay + 1, 2, 2 * n), real),
        utilisation=np.zeros((n, n_classes)),
        resources=np.ones((n, n_classes)),
        gate=np.zeros((n, n_classes)),
        last_spike=np.full(n, -(2**40), np.int64),
    )
