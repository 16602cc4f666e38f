"""What a spike does: release at the source's terminals, and events on their way to the targets.

Short-term plasticity (Tsodyks & Markram) and the saturating NMDA gate live on the presynaptic neuron, one set per
target class, and are brought up to date only when it fires. The gate jumps by ``(1 - s)(1 - exp(-u x / U))``: for a
first spike that is 0.632 (1 - s), the transmitter pulse of Wang 2002 (alpha 0.5 /ms for 2 ms); for facilitated release
it saturates, where a jump proportional to ``u x / U`` would carry the gate beyond 1.
"""

import math

import numpy as np

from ketasim.kernels.jit import kernel
from ketasim.kernels.records import AMPA, GABA_SLOW


@kernel
def release(activity, model, source, age, events, released):
    """Bring the terminals of ``source``, which fires at ``age``, up to date and say what they send.

    events : (n_classes, 2), filled for each target class with nS for a synapse of weight 1: AMPA and NMDA of a
        glutamatergic source, its one conductance and 0 of a GABAergic one.
    released : (n, n_classes), to which ``u x`` is added.
    """
    graph, modulation, parameters = model
    synapses = parameters.synapses
    c = graph.node_class[source]
    elapsed = (age - activity.last_spike[source]) * parameters.step  # ms
    activity.last_spike[source] = age
    glutamatergic = synapses.channel[c] == AMPA
    gain = modulation.release_gain[source] if glutamatergic else 1.0
    for target_class in range(events.shape[0]):
        events[target_class, :] = 0.0
        rest_use = synapses.utilisation[c, target_class]
        if rest_use == 0.0:
            continue
        use = activity.utilisation[source, target_class] * math.exp(-elapsed / synapses.facilitation[c, target_class])
        use += rest_use * gain * (1.0 - use)
        left = 1.0 - (1.0 - activity.resources[source, target_class]) * math.exp(
            -elapsed / synapses.recovery[c, target_class]
        )
        amount = use * left
        activity.utilisation[source, target_class] = use
        activity.resources[source, target_class] = left - amount
        released[source, target_class] += amount
        efficacy = amount / rest_use
        if glutamatergic:
            gate = activity.gate[source, target_class] * math.exp(-elapsed / parameters.nmda_time)
            jump = (1.0 - gate) * (1.0 - math.exp(-efficacy))
            activity.gate[source, target_class] = gate + jump
            events[target_class, 0] = synapses.ampa[c, target_class] * efficacy
            events[target_class, 1] = synapses.nmda[c, target_class] * jump
        else:
            events[target_class, 0] = synapses.gaba[c, target_class] * efficacy


@kernel
def deliver(pending, model, source, age, events, low, high):
    """Put the events of a spike into the slots in which they arrive, for targets from ``low`` to before ``high``.

    age : of the network when the spike was fired; it arrives one delay later. A row is sorted by target, so that the
    synapses onto one class are one stretch of it.
    """
    graph = model.graph
    channel = model.parameters.synapses.channel[graph.node_class[source]]
    kind = 0 if channel == AMPA else 1
    place = 1 if channel == GABA_SLOW else 0
    slots = pending.shape[0]
    slot = age % slots
    row_start, row_end = graph.row_start[source], graph.row_end[source]
    uniform = graph.shortest_delay == graph.longest_delay
    if uniform:
        slot = (slot + graph.shortest_delay) % slots
    end = row_start
    if low > 0:
        end = _first_at_least(graph.target, row_start, row_end, low)
    for target_class in range(events.shape[0]):
        limit = min(graph.class_start[target_class + 1], high)
        if limit <= low:
            continue
        start = end
        end = _first_at_least(graph.target, start, row_end, limit) if limit < graph.node_class.shape[0] else row_end
        first, second = pending.dtype.type(events[target_class, 0]), pending.dtype.type(events[target_class, 1])
        if first == 0.0 and second == 0.0:
            continue
        target, weight, delay = graph.target[start:end], graph.weight[start:end], graph.delay[start:end]
        if uniform and kind == 0:
            _add_pairs(pending[slot, 0], target, weight, first, second)
        elif uniform:
            _add(pending[slot, 1], target, weight, first, place)
        elif kind == 0:
            _add_pairs_delayed(pending, target, weight, delay, first, second, slot)
        else:
            _add_delayed(pending, target, weight, delay, first, place, slot)


@kernel
def _first_at_least(target, start, end, node):
    """First place from ``start`` to ``end`` whose target is ``node`` or later."""
    while start < end:
        middle = (start + end) // 2
        if target[middle] < node:
            start = middle + 1
        else:
            end = middle
    return start


# Unsigned indices need no code for negative ones; this is the innermost loop of the library.


@kernel
def _add_pairs(arriving, target, weight, ampa, nmda):
    for edge in range(target.shape[0]):
        place = np.uint64(2 * target[edge])
        arriving[place] += weight[edge] * ampa
        arriving[place + np.uint64(1)] += weight[edge] * nmda


@kernel
def _add(arriving, target, weight, gaba, offset):
    for edge in range(target.shape[0]):
        arriving[np.uint64(2 * target[edge] + offset)] += weight[edge] * gaba


@kernel
def _add_pairs_delayed(pending, target, weight, delay, ampa, nmda, slot):
    slots = pending.shape[0]
    for edge in range(target.shape[0]):
        later = slot + delay[edge]
        later = np.uint64(later - slots if later >= slots else later)
        place = np.uint64(2 * target[edge])
        pending[later, 0, place] += weight[edge] * ampa
        pending[later, 0, place + np.uint64(1)] += weight[edge] * nmda


@kernel
def _add_delayed(pending, target, weight, delay, gaba, offset, slot):
    slots = pending.shape[0]
    for edge in range(target.shape[0]):
        later = slot + delay[edge]
        later = np.uint64(later - slots if later >= slots else later)
        pending[later, 1, np.uint64(2 * target[edge] + offset)] += weight[edge] * gaba
