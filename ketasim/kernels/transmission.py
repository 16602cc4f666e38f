"""Effects of a spike: release at the source's terminals, and events on their way to the targets.

Short-term plasticity (Tsodyks & Markram) and the saturating NMDA gate belong to the presynaptic neuron, one set per
target class, and are updated only when it fires. The gate jumps by ``(1 - s)(1 - exp(-u x / U))``. For a first spike
that is 0.632 (1 - s), the total effect of the transmitter pulse of Wang 2002 (alpha 0.5 /ms for 2 ms), but
instantaneous: from 10 ms on the gate is 2.0-2.6 % below the published one, whose rise takes 2 ms. For facilitated
release it saturates, where a jump proportional to ``u x / U`` would carry the gate beyond 1.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from ketasim.kernels.graph import first_at_least
from ketasim.kernels.jit import kernel
from ketasim.kernels.records import AMPA, GABA_SLOW
from ketasim.kernels.vectors import prefetch


@kernel
def release(activity, model, sources, steps, first_age, events, released):
    """Update the terminals of neurons that fire, in the order given, and fill in the events that they send.

    Parameters
    ----------
    activity : Activity
        State of the network; changed in place.
    model : Model
        Graph, modulation and parameters.
    sources, steps : (n_spikes,) arrays
        The neuron of each spike, and its fast step.
    first_age : int
        Age of the network, in fast steps, at a spike of step 0.
    events : (n_spikes or more, n_classes, 2) array
        Filled for each target class with nS for a synapse of weight 1: AMPA and NMDA of a glutamatergic source, the one
        conductance and 0 of a GABAergic source.
    released : (n, n_classes) array
        ``u x`` is added to it.
    """
    # arrays are unpacked once, see `deliver`
    node_class, release_gain, step = model.graph.node_class, model.modulation.release_gain, model.parameters.step
    conductance_ampa, conductance_nmda, conductance_gaba, channel, rest_use, recovery, facilitation, _, _ = (
        model.parameters.synapses
    )
    nmda_time = model.parameters.nmda_time
    _, _, _, _, _, utilisation, resources, gate, last_spike = activity
    for index in range(sources.shape[0]):
        source, age = sources[index], first_age + steps[index]
        c = node_class[source]
        elapsed = (age - last_spike[source]) * step  # ms
        last_spike[source] = age
        glutamatergic = channel[c] == AMPA
        gain = release_gain[source] if glutamatergic else 1.0
        gate_left = math.exp(-elapsed / nmda_time) if glutamatergic else 0.0
        for t in range(events.shape[1]):
            events[index, t, 0] = events[index, t, 1] = 0.0
            if rest_use[c, t] == 0.0:
                continue
            use = utilisation[source, t] * math.exp(-elapsed / facilitation[c, t])
            use += rest_use[c, t] * gain * (1.0 - use)
            left = 1.0 - (1.0 - resources[source, t]) * math.exp(-elapsed / recovery[c, t])
            amount = use * left
            utilisation[source, t] = use
            resources[source, t] = left - amount
            released[source, t] += amount
            efficacy = amount / rest_use[c, t]
            if glutamatergic:
                left_open = gate[source, t] * gate_left
                jump = (1.0 - left_open) * (1.0 - math.exp(-efficacy))
                gate[source, t] = left_open + jump
                events[index, t, 0] = conductance_ampa[c, t] * efficacy
                events[index, t, 1] = conductance_nmda[c, t] * jump
            else:
                events[index, t, 0] = conductance_gaba[c, t] * efficacy


class Sent(NamedTuple):
    """Spikes on their way to the targets, in order of step and neuron."""

    node: np.ndarray  # (n,) int32, neuron that fired
    age: np.ndarray  # (n,) int64, age of the network at the spike minus `age_offset`
    age_offset: int
    origin: np.ndarray  # (n, 2) index of each spike in `events`
    events: np.ndarray  # (..., ..., n_classes, 2), see `release`


@kernel
def deliver(pending, graph, channels, sent, low, high):
    """Put the events of spikes into their arrival slots, for targets from ``low`` to before ``high``.

    A row is sorted by target, so the synapses onto one class are contiguous. Arrays are unpacked once, because numba
    updates a reference count shared by all threads at each access through a tuple; indices are unsigned, which saves
    the code for negative ones.

    Parameters
    ----------
    pending : (slots, 2, 2 n) array
        See `Activity`; changed in place.
    graph : Graph
        The synapses.
    channels : (n_classes,) array
        Channel of each class.
    sent : Sent
        The spikes.
    low, high : int
        First target and end of the range.
    """
    row_start, row_end, target, weight, delay, node_class, class_start, shortest_delay, longest_delay = graph
    node, age, age_offset, origin, events = sent
    real, slots = pending.dtype.type, pending.shape[0]
    fast, slow, one = np.uint64(0), np.uint64(1), np.uint64(1)
    for index in range(node.shape[0]):
        source = node[index]
        channel = channels[node_class[source]]
        offset = slow if channel == GABA_SLOW else fast
        slot = (age[index] + age_offset) % slots
        arrival = np.uint64((slot + shortest_delay) % slots)
        edge, end = np.uint64(row_start[source]), np.uint64(row_end[source])
        if index + 1 < node.shape[0]:
            _fetch_row(target, weight, row_start[node[index + 1]], row_end[node[index + 1]])
        if low > 0:
            edge = np.uint64(first_at_least(target, row_start[source], row_end[source], low))
        for target_class in range(class_start.shape[0] - 1):
            # a search for the class's last synapse would wait for memory that the loop has not reached yet
            limit = min(class_start[target_class + 1], high)
            first = real(events[origin[index, 0], origin[index, 1], target_class, 0])
            second = real(events[origin[index, 0], origin[index, 1], target_class, 1])
            # without looking up delays, the innermost loop of large networks takes a sixth less time
            if channel == AMPA and shortest_delay == longest_delay:
                while edge < end and target[edge] < limit:
                    _add_pair(pending, arrival, target[edge], weight[edge] * first, weight[edge] * second)
                    edge += one
            elif channel == AMPA:
                while edge < end and target[edge] < limit:
                    later = slot + delay[edge]
                    arrival = np.uint64(later - slots if later >= slots else later)
                    _add_pair(pending, arrival, target[edge], weight[edge] * first, weight[edge] * second)
                    edge += one
            else:
                while edge < end and target[edge] < limit:
                    later = slot + delay[edge]
                    arrival = np.uint64(later - slots if later >= slots else later)
                    pending[arrival, 1, np.uint64(2 * target[edge]) + offset] += weight[edge] * first
                    edge += one


@partial(kernel, inlined=True)
def _fetch_row(target, weight, start, end):
    """Ask for the row of the next spike, as rows are read in random order and processors look ahead only in a page."""
    for place in range(start, end, 16):  # of 4 bytes each in a cache line of 64
        prefetch(target, place)
        prefetch(weight, place)


@partial(kernel, inlined=True)
def _add_pair(pending, slot, node, ampa, nmda):
    place = np.uint64(2 * node)
    ampa += pending[slot, 0, place]
    nmda += pending[slot, 0, place + np.uint64(1)]
    pending[slot, 0, place] = ampa
    pending[slot, 0, place + np.uint64(1)] = nmda
