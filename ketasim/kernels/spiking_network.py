"""The fast clock: adaptive exponential integrate-and-fire neurons with conductance synapses, 0.1 ms at a time.

Membrane (Brette & Gerstner 2005)::

    C dV/dt = gL (EL - V) + gL DT exp((V - VT)/DT) + gA (0 - V) + I_NMDA + gG (EG - V) - w
      dw/dt = (a (V - EL) - w)/tau_w          at a spike  V -> V_reset,  w -> w + b

NMDA conductance has two Mg curves (GluN2A, B and GluN2C, D) and is what blockers leave of it::

    I_NMDA = [(gN F_ab + T_ab) m_ab(V) + (gN F_cd + T_cd) m_cd(V)] (0 - V)

Short-term plasticity (Tsodyks & Markram) and the saturating NMDA gate live on the presynaptic neuron, one set per
target class, and are brought up to date only when it fires. The gate jumps by ``(1 - s)(1 - exp(-u x / U))``: for a
first spike that is 0.632 (1 - s), the transmitter pulse of Wang 2002 (alpha 0.5 /ms for 2 ms); for facilitated release
it saturates, where a jump proportional to ``u x / U`` would carry the gate beyond 1.

Order within a step from t to t + dt: arriving synaptic events and afferents raise the conductances, the membrane
moves with conductances frozen (exponential Euler), conductances decay, spikes are found; a spike belongs to t + dt and
arrives one delay later.
"""

import math
from typing import NamedTuple

import numpy as np

from ketasim.kernels.formulas import mg_voltage_factor
from ketasim.kernels.graph import Graph
from ketasim.kernels.jit import kernel
from ketasim.kernels.random import STREAM_AFFERENTS, draw_words, poisson_count

#: Synaptic channels in the ring of pending events.
AMPA, NMDA, GABA_FAST, GABA_SLOW = 0, 1, 2, 3

#: Rows of `Window.sums`, summed over the steps of a window.
SUM_NMDA, SUM_NMDA_AB, SUM_NMDA_CD, SUM_NMDA_V, SUM_AMPA_CURRENT, SUM_NMDA_CURRENT = 0, 1, 2, 3, 4, 5


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
    utilisation: np.ndarray  # U
    recovery: np.ndarray  # ms
    facilitation: np.ndarray  # ms
    afferent_ampa: np.ndarray  # (n_classes,) nS per afferent spike
    afferent_nmda: np.ndarray  # (n_classes,) nS per afferent spike
    afferent_thresholds: np.ndarray  # (n_classes, k): cumulative Poisson probabilities times 2**32


class NetworkParameters(NamedTuple):
    """Everything constant in a run that is not the graph."""

    cells: CellParameters
    synapses: SynapseParameters
    ampa_time: float  # ms
    nmda_time: float  # ms
    gaba_fast_time: float  # ms
    gaba_slow_time: float  # ms
    gaba_reversal: float  # mV
    mg_over_k_ab: float  # [Mg] / K_Mg of GluN2A, B
    mg_over_k_cd: float  # [Mg] / K_Mg of GluN2C, D
    step: float  # ms


class Modulation(NamedTuple):
    """What the slow mechanisms do to the network, per node (n_nodes,) float64."""

    nmda_ab: np.ndarray  # F_ab: share of GluN2A, B current times its unblocked fraction
    nmda_cd: np.ndarray  # F_cd
    tonic_ab: np.ndarray  # nS of extrasynaptic conductance open, before Mg
    tonic_cd: np.ndarray  # nS
    release_gain: np.ndarray  # scales U of the node's outputs and its afferents


class Activity(NamedTuple):
    """State of the network; a window starts from what the last one left."""

    voltage: np.ndarray  # (n,) mV
    adaptation: np.ndarray  # (n,) pA
    refractory_steps: np.ndarray  # (n,) int32, steps still to be silent
    conductance: np.ndarray  # (4, n) nS: AMPA, NMDA, GABA fast, GABA slow
    pending: np.ndarray  # (slots, n, 4) nS on their way
    utilisation: np.ndarray  # (n, n_classes) u after the last spike
    resources: np.ndarray  # (n, n_classes) x after the last spike
    gate: np.ndarray  # (n, n_classes) s after the last spike
    last_spike: np.ndarray  # (n,) int64 age of the network at the last spike


class FastClock(NamedTuple):
    """When a window starts.

    seed : of the run.
    first_step : absolute fast step (negative before time zero); keys random numbers and dates spikes.
    age : steps that the network has run so far. Synapses and delays live by it, so that a window goes on from the
        state in which the last one ended, however much time was left out between them.
    """

    seed: np.uint64
    first_step: np.int64
    age: np.int64


class Window(NamedTuple):
    """What a window measured.

    sums : (6, n) float64, sums over steps of gN, gN m_ab, gN m_cd (nS), gN V (nS mV), AMPA and NMDA current (pA).
    released : (n, n_classes) float64, summed u x per source and target class.
    spike_step, spike_node : (n_spikes,) int64 and int32 in order of time; a spike belongs to the end of its step.
    overflow : True when there were more spikes than the network can hold; the window is then worthless.
    """

    sums: np.ndarray
    released: np.ndarray
    spike_step: np.ndarray
    spike_node: np.ndarray
    overflow: bool


class _Factors(NamedTuple):
    ampa: float
    nmda: float
    gaba_fast: float
    gaba_slow: float


#: Room for spikes: more than this on average, Hz, and the window stops as an overflow.
HIGHEST_RATE = 400.0


@kernel
def run_window(activity, graph, modulation, parameters, clock, n_steps):
    """Advance the network by ``n_steps`` and return the `Window`; ``activity`` changes in place.

    The result is a function of (activity, graph, modulation, parameters, clock) alone.
    """
    n = graph.node_class.shape[0]
    sums = np.zeros((6, n))
    released = np.zeros((n, parameters.cells.leak.shape[0]))
    capacity = int(n * n_steps * parameters.step * 1e-3 * HIGHEST_RATE) + n + 16
    spike_step = np.empty(capacity, np.int64)
    spike_node = np.empty(capacity, np.int32)
    fired = np.empty(n, np.int32)
    words = np.empty((n, 4), np.uint32)
    factors = _Factors(
        math.exp(-parameters.step / parameters.ampa_time),
        math.exp(-parameters.step / parameters.nmda_time),
        math.exp(-parameters.step / parameters.gaba_fast_time),
        math.exp(-parameters.step / parameters.gaba_slow_time),
    )
    slots = activity.pending.shape[0]
    n_spikes = 0
    for k in range(n_steps):
        step = clock.first_step + k
        if k == 0 or step & 3 == 0:  # one Philox call gives the words of four steps
            draw_words(words, STREAM_AFFERENTS, clock.seed, step >> 2)
        age = clock.age + k
        receive(activity.conductance, activity.pending[age % slots])
        receive_afferents(activity.conductance, words[:, step & 3], graph, modulation, parameters.synapses)
        n_fired = advance_membranes(activity, graph, modulation, parameters, factors, sums, fired)
        if n_spikes + n_fired > capacity:
            return Window(sums, released, spike_step[:n_spikes], spike_node[:n_spikes], True)
        for index in range(n_fired):
            source = fired[index]
            transmit(activity, graph, modulation.release_gain[source], parameters, source, age + 1, released)
            spike_step[n_spikes] = step + 1
            spike_node[n_spikes] = source
            n_spikes += 1
    return Window(sums, released, spike_step[:n_spikes], spike_node[:n_spikes], False)


@kernel
def receive(conductance, arriving):
    """Add the events that arrive now to the conductances (4, n) and clear their slot (n, 4)."""
    for i in range(arriving.shape[0]):
        for channel in range(4):
            conductance[channel, i] += arriving[i, channel]
            arriving[i, channel] = 0.0


@kernel
def receive_afferents(conductance, words, graph, modulation, synapses):
    """Add this step's Poisson afferent spikes, which carry AMPA and NMDA alike."""
    for c in range(graph.class_start.shape[0] - 1):
        thresholds = synapses.afferent_thresholds[c]
        for i in range(graph.class_start[c], graph.class_start[c + 1]):
            count = poisson_count(words[i], thresholds)
            if count > 0:
                release = count * modulation.release_gain[i]
                conductance[AMPA, i] += release * synapses.afferent_ampa[c]
                conductance[NMDA, i] += release * synapses.afferent_nmda[c]


@kernel
def advance_membranes(activity, graph, modulation, parameters, factors, sums, fired):
    """Move every membrane by one step, let conductances decay, and list who fired; returns how many."""
    n_fired = 0
    cells = parameters.cells
    step = parameters.step
    conductance = activity.conductance
    for c in range(cells.leak.shape[0]):
        leak = cells.leak[c]
        sharpness = cells.sharpness[c]
        adaptation_factor = math.exp(-step / cells.adaptation_time[c])
        refractory = round(cells.refractory[c] / step)
        for i in range(graph.class_start[c], graph.class_start[c + 1]):
            v = activity.voltage[i]
            ampa, nmda = conductance[AMPA, i], conductance[NMDA, i]
            gaba = conductance[GABA_FAST, i] + conductance[GABA_SLOW, i]
            mg_factor = mg_voltage_factor(v)
            m_ab = 1.0 / (1.0 + parameters.mg_over_k_ab * mg_factor)
            m_cd = 1.0 / (1.0 + parameters.mg_over_k_cd * mg_factor)
            nmda_open = (nmda * modulation.nmda_ab[i] + modulation.tonic_ab[i]) * m_ab + (
                nmda * modulation.nmda_cd[i] + modulation.tonic_cd[i]
            ) * m_cd
            sums[SUM_NMDA, i] += nmda
            sums[SUM_NMDA_AB, i] += nmda * m_ab
            sums[SUM_NMDA_CD, i] += nmda * m_cd
            sums[SUM_NMDA_V, i] += nmda * v
            sums[SUM_AMPA_CURRENT, i] -= ampa * v
            sums[SUM_NMDA_CURRENT, i] -= nmda_open * v
            w = activity.adaptation[i]
            w_steady = cells.adaptation[c] * (v - cells.rest[c])
            activity.adaptation[i] = w_steady + (w - w_steady) * adaptation_factor
            if activity.refractory_steps[i] > 0:
                activity.refractory_steps[i] -= 1
            else:
                current = leak * cells.rest[c] + gaba * parameters.gaba_reversal - w
                if sharpness > 0.0:
                    current += leak * sharpness * math.exp((v - cells.threshold[c]) / sharpness)
                total = leak + ampa + nmda_open + gaba
                v_steady = current / total
                v = v_steady + (v - v_steady) * math.exp(-step * total / cells.capacitance[c])
                if v >= cells.cutoff[c]:
                    v = cells.reset[c]
                    activity.adaptation[i] += cells.adaptation_jump[c]
                    activity.refractory_steps[i] = refractory
                    fired[n_fired] = i
                    n_fired += 1
                activity.voltage[i] = v
            conductance[AMPA, i] = ampa * factors.ampa
            conductance[NMDA, i] = nmda * factors.nmda
            conductance[GABA_FAST, i] *= factors.gaba_fast
            conductance[GABA_SLOW, i] *= factors.gaba_slow
    return n_fired


@kernel
def transmit(activity, graph, release_gain, parameters, source, age, released):
    """Bring the source's synapses up to date, release, and put the events into their slots."""
    synapses = parameters.synapses
    c = graph.node_class[source]
    elapsed = (age - activity.last_spike[source]) * parameters.step  # ms
    activity.last_spike[source] = age
    channel = synapses.channel[c]
    glutamatergic = channel == AMPA
    n_classes = parameters.cells.leak.shape[0]
    event = np.zeros((2, n_classes))
    for target_class in range(n_classes):
        rest_use = synapses.utilisation[c, target_class]
        if rest_use == 0.0:
            continue
        gain = release_gain if glutamatergic else 1.0
        use = activity.utilisation[source, target_class] * math.exp(-elapsed / synapses.facilitation[c, target_class])
        use += rest_use * gain * (1.0 - use)
        left = 1.0 - (1.0 - activity.resources[source, target_class]) * math.exp(
            -elapsed / synapses.recovery[c, target_class]
        )
        release = use * left
        activity.utilisation[source, target_class] = use
        activity.resources[source, target_class] = left - release
        released[source, target_class] += release
        efficacy = release / rest_use
        if glutamatergic:
            gate = activity.gate[source, target_class] * math.exp(-elapsed / parameters.nmda_time)
            jump = (1.0 - gate) * (1.0 - math.exp(-efficacy))
            activity.gate[source, target_class] = gate + jump
            event[0, target_class] = synapses.ampa[c, target_class] * efficacy
            event[1, target_class] = synapses.nmda[c, target_class] * jump
        else:
            event[0, target_class] = synapses.gaba[c, target_class] * efficacy
    slots = activity.pending.shape[0]
    for edge in range(graph.row[source], graph.row[source + 1]):
        target = graph.target[edge]
        target_class = graph.node_class[target]
        slot = (age + graph.delay[edge]) % slots
        weight = graph.weight[edge]
        activity.pending[slot, target, channel] += weight * event[0, target_class]
        if glutamatergic:
            activity.pending[slot, target, NMDA] += weight * event[1, target_class]


def new_activity(graph: Graph, parameters: NetworkParameters, max_delay: int) -> Activity:
    """Rested network: every membrane at its leak reversal, synapses full, nothing under way.

    max_delay : longest delay in fast steps.
    """
    n = graph.node_class.shape[0]
    n_classes = parameters.cells.leak.shape[0]
    return Activity(
        voltage=parameters.cells.rest[graph.node_class].copy(),
        adaptation=np.zeros(n),
        refractory_steps=np.zeros(n, np.int32),
        conductance=np.zeros((4, n)),
        pending=np.zeros((max_delay + 2, n, 4)),
        utilisation=np.zeros((n, n_classes)),
        resources=np.ones((n, n_classes)),
        gate=np.zeros((n, n_classes)),
        last_spike=np.full(n, -(2**40), np.int64),
    )
