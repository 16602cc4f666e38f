"""Parts of the network, chunk by chunk: what the threads of a window do.

A part is a range of blocks of neurons. In a chunk of steps, no longer than the shortest delay, it first delivers the
spikes of the last chunk to its neurons, then advances them and computes release from those that fired. Between two
chunks the first part puts the spikes of all parts in order, while the others wait.
"""

from typing import NamedTuple

import numpy as np

from ketasim.kernels.atomics import read, write
from ketasim.kernels.graph import Graph
from ketasim.kernels.jit import kernel
from ketasim.kernels.membranes import (
    Afferents,
    Membrane,
    add_currents,
    advance,
    afferents_of,
    anyone_fired,
    membrane_of,
    receive,
    receive_afferents,
    take_sums,
)
from ketasim.kernels.random import STREAM_AFFERENTS, draw_words, poisson_counts
from ketasim.kernels.records import FastClock, Modulation, NetworkParameters
from ketasim.kernels.transmission import Sent, deliver, release
from ketasim.kernels.vectors import BLOCK

#: Polls of other parts' counters before a part yields to other threads: about 0.2 ms.
_LOOKS = 200_000

#: Steps from one sample of a trace to the next: 1 kHz at 0.1 ms.
TRACE_STEPS = 10


class Model(NamedTuple):
    """What stays constant during a window."""

    graph: Graph
    modulation: Modulation
    parameters: NetworkParameters


class Workspace(NamedTuple):
    """Work space of a window besides the state of the network, by part or by block."""

    part: np.ndarray  # (n_parts + 1,) first block of each part
    block: np.ndarray  # (n_blocks, 3) first neuron, end, class
    words: np.ndarray  # (n_blocks, 4 BLOCK) random words of the current four steps
    tile: np.ndarray  # (n_blocks, TILE) real
    present: np.ndarray  # (n_blocks, 4) bool, GluN2 subunits
    # rows of the next three are twice as long as needed, so that no two parts write to one cache line
    counts: np.ndarray  # (n_parts, 2 BLOCK) real, afferent spikes
    marks: np.ndarray  # (n_parts, BLOCK / 4) uint64, one byte for each neuron that fires
    fired: np.ndarray  # (n_parts, 2 BLOCK) uint8, a view of the same memory
    fired_step: np.ndarray  # (n_parts, room) int32, step within the chunk; in order of block, step, neuron
    fired_node: np.ndarray  # (n_parts, room) int32
    n_fired: np.ndarray  # (n_parts,)
    place: np.ndarray  # (chunk + 1,) where the next spike of each step goes
    events: np.ndarray  # (2, n_parts, room, n_classes, 2) what each of them sends, for alternate chunks
    origin: np.ndarray  # (n_parts room, 2) of the chunk's spikes in order of step and neuron: part, place in its list
    begin: np.ndarray  # (n_parts, 8) first step of each part's current chunk, in its own cache line
    advanced: np.ndarray  # (n_parts, 8) steps that each part has advanced
    spikes_listed: np.ndarray  # (8,) steps whose spikes are sorted and ready for delivery


class _Block(NamedTuple):
    first: int
    end: int
    tile: np.ndarray
    present: np.ndarray
    membrane: Membrane
    afferents: Afferents
    traces: np.ndarray
    first_sample: int


class _Drawn(NamedTuple):
    words: np.ndarray
    counts: np.ndarray
    known: bool  # whether the words are those of the current four steps


class _Spikes(NamedTuple):
    marks: np.ndarray
    fired: np.ndarray
    step: np.ndarray
    node: np.ndarray


class Log(NamedTuple):
    """What a window measures, see `Window`; spike arrays have spare room."""

    sums: np.ndarray
    released: np.ndarray
    spike_step: np.ndarray
    spike_node: np.ndarray
    count: np.ndarray  # (4,) spikes before the last chunk, spikes, 1 after an overflow, current half of `events`
    traces: np.ndarray  # (n_blocks, samples, 3) pA, summed over the neurons of a block; see `Window.traces`


@kernel
def run_part(part, workspace, activity, model, clock, n_steps, log):
    """Advance one part of the network to the end of the window; False if it waits for others and must be called again.

    The first part also puts the spikes of all parts in order, while the others wait.
    """
    n_parts = workspace.n_fired.shape[0]
    chunk = workspace.place.shape[0] - 1
    while True:
        begin = workspace.begin[part, 0]
        if part != 0 and not _reached(workspace.spikes_listed, begin):
            return False
        if part != 0 or read(workspace.advanced[0]) <= begin:
            if log.count[2] != 0:
                return True
            _deliver_to_part(part, workspace, activity, model, clock, log)
            if begin >= n_steps:
                return True
            n_chunk = min(chunk, n_steps - begin)
            _advance_part(part, workspace, activity, model, clock, n_chunk, log)
            _release_from_part(part, workspace, activity, model, clock.age + begin + 1, log)
            write(workspace.advanced[part], begin + n_chunk)
        end = min(begin + chunk, n_steps)
        if part == 0:
            for other in range(1, n_parts):
                if not _reached(workspace.advanced[other], end):
                    return False
            _list_spikes(workspace, end - begin, clock.first_step + begin + 1, log)
            write(workspace.spikes_listed, end)
        workspace.begin[part, 0] = end


@kernel
def _reached(counter, wanted):
    """Wait briefly for ``counter[0]`` to reach ``wanted``; return whether it did."""
    looks = 0
    while read(counter) < wanted:
        looks += 1
        if looks == _LOOKS:
            return False
    return True


@kernel
def _list_spikes(workspace, n_chunk, first_step, log):
    """Add the spikes of all parts to the log in order of step and neuron; the chunk's first have ``first_step``."""
    known = log.count[1]
    n_spikes = known
    for part in range(workspace.n_fired.shape[0]):
        n_spikes += workspace.n_fired[part]
    log.count[0] = known
    if n_spikes > log.spike_step.shape[0]:
        log.count[2] = 1
        return
    log.count[1] = n_spikes
    log.count[3] = 1 - log.count[3]
    _put_in_order(workspace, n_chunk, first_step, log.spike_step[known:], log.spike_node[known:])


@kernel
def _release_from_part(part, workspace, activity, model, first_age, log):
    """Compute release from the neurons of a part that fired; events are kept with the part's list of spikes."""
    # other parts may still be delivering the events of the last chunk
    events = workspace.events[1 - log.count[3], part]
    n_fired = workspace.n_fired[part]
    node, step = workspace.fired_node[part, :n_fired], workspace.fired_step[part, :n_fired]
    release(activity, model, node, step, first_age, events, log.released)


@kernel
def _advance_part(part, workspace, activity, model, clock, n_chunk, log):
    """Advance every block of a part through the steps of a chunk."""
    parameters = model.parameters
    begin = workspace.begin[part, 0]
    spikes = _Spikes(
        workspace.marks[part], workspace.fired[part], workspace.fired_step[part], workspace.fired_node[part]
    )
    first_sample = -(-clock.first_step // TRACE_STEPS)
    n_fired = 0
    for b in range(workspace.part[part], workspace.part[part + 1]):
        first, end, c = workspace.block[b, 0], workspace.block[b, 1], workspace.block[b, 2]
        tile = workspace.tile[b]
        now = FastClock(clock.seed, clock.first_step + begin, clock.age + begin)
        drawn = _Drawn(workspace.words[b], workspace.counts[part], begin > 0)
        membrane = membrane_of(c, parameters, tile)
        afferents = afferents_of(c, model.modulation.afferent_thresholds, parameters.synapses, tile)
        block = _Block(first, end, tile, workspace.present[b], membrane, afferents, log.traces[b], first_sample)
        n_fired = _advance_block(block, drawn, activity.pending, now, n_chunk, spikes, n_fired)
        take_sums(tile, first, end, log.sums)
    workspace.n_fired[part] = n_fired


@kernel
def _advance_block(block, drawn, pending, now, n_chunk, spikes, n_fired):
    """Advance one block through the steps of a chunk; return the part's number of spikes so far."""
    # arrays are unpacked here because numba counts references at each access through a tuple
    first, end, tile, present, membrane, afferents, traces, first_sample = block
    words, counts, known = drawn
    marks, fired, fired_step, fired_node = spikes
    thresholds, afferent_ampa, afferent_nmda = afferents
    leaky = not membrane.spike_scale > 0.0
    has_afferents = thresholds[0] < np.uint32(0xFFFFFFFF)
    slot = now.age % pending.shape[0]
    for k in range(n_chunk):
        receive(tile, pending, slot, first, end)
        slot = slot + 1 if slot + 1 < pending.shape[0] else 0
        if has_afferents:
            step = now.first_step + k
            if step & 3 == 0 or not known:  # one Philox call gives the words of four steps
                draw_words(words, STREAM_AFFERENTS, now.seed, step >> 2, first, end - first)
                known = True
            poisson_counts(counts, words, (step & 3) * BLOCK, thresholds, end - first)
            receive_afferents(tile, counts, afferent_ampa, afferent_nmda, end - first)
        if traces.shape[0] and (now.first_step + k) % TRACE_STEPS == 0:
            add_currents(tile, membrane, end - first, traces[(now.first_step + k) // TRACE_STEPS - first_sample])
        if leaky:
            advance(tile, fired, membrane, present, None, end - first)
        else:
            advance(tile, fired, membrane, present, True, end - first)
        if anyone_fired(marks, end - first):
            begin = n_fired
            n_fired = _list_fired(marks, fired, end - first, first, fired_node, begin)
            fired_step[begin:n_fired] = k
    return n_fired


@kernel
def _list_fired(marks, fired, n, first, nodes, count):
    """Append those of ``n`` neurons that fired to ``count`` ``nodes``; return their number then."""
    for eight in range((n + 7) // 8):
        if marks[eight] != 0:
            for i in range(8 * eight, min(8 * eight + 8, n)):
                if fired[i] != 0:
                    nodes[count] = first + i
                    count += 1
    return count


@kernel
def _put_in_order(workspace, n_chunk, first_step, spike_step, spike_node):
    """Merge the spikes of all parts in order of step and neuron; ``first_step`` is the end of the chunk's first."""
    start = workspace.place
    for k in range(n_chunk + 1):
        start[k] = 0
    n_parts = workspace.n_fired.shape[0]
    for part in range(n_parts):
        for index in range(workspace.n_fired[part]):
            start[workspace.fired_step[part, index] + 1] += 1
    for k in range(n_chunk):
        start[k + 1] += start[k]
    for part in range(n_parts):
        for index in range(workspace.n_fired[part]):
            k = workspace.fired_step[part, index]
            spike_step[start[k]] = first_step + k
            spike_node[start[k]] = workspace.fired_node[part, index]
            workspace.origin[start[k], 0], workspace.origin[start[k], 1] = part, index
            start[k] += 1


@kernel
def _deliver_to_part(part, workspace, activity, model, clock, log):
    """Put the events that the last chunk's spikes send to the neurons of a part into their slots."""
    low = workspace.block[workspace.part[part], 0]
    high = workspace.block[workspace.part[part + 1] - 1, 1]
    known, n_spikes = log.count[0], log.count[1]
    sent = Sent(
        log.spike_node[known:n_spikes],
        log.spike_step[known:n_spikes],
        clock.age - clock.first_step,
        workspace.origin,
        workspace.events[log.count[3]],
    )
    deliver(activity.pending, model.graph, model.parameters.synapses.channel, sent, low, high)
