"""The fast clock: a network of spiking neurons with conductance synapses, 0.1 ms at a time.

Order within a step from t to t + dt: arriving synaptic events and afferents raise the conductances, the membrane
moves with conductances frozen (exponential Euler), conductances decay, spikes are found; a spike belongs to t + dt and
arrives one delay later. See `membranes` and `transmission` for the equations.

No spike can arrive sooner than the shortest delay. So the network runs in chunks of that length: first every block
of neurons goes through all steps of the chunk on its own, then the chunk's spikes are put in order of time and
delivered. Parts of the network, each a range of neurons, can do both on threads of their own: a part advances its own
neurons and takes in what is meant for them, in the order of the spikes, so that the numbers do not depend on how many
parts there are.
"""

import threading
import time
from typing import NamedTuple

import numpy as np

from ketasim.kernels.atomics import read, write
from ketasim.kernels.graph import Graph
from ketasim.kernels.jit import kernel
from ketasim.kernels.membranes import (
    DESK,
    advance,
    lay_out,
    list_fired,
    membrane_of,
    put_back,
    receive,
    receive_afferents,
    take_sums,
)
from ketasim.kernels.random import STREAM_AFFERENTS, draw_words, poisson_counts
from ketasim.kernels.records import Activity, FastClock, Modulation, NetworkParameters, Window
from ketasim.kernels.transmission import deliver, release
from ketasim.kernels.vectors import BLOCK

#: Room for spikes: more than this on average, Hz, and the window stops as an overflow.
HIGHEST_RATE = 400.0

#: Most steps in a chunk, which bounds the room for its spikes.
LONGEST_CHUNK = 32

#: How often a part looks whether the others are ready before it lets other threads run: about 10 us.
_LOOKS = 10_000


class _Model(NamedTuple):
    graph: Graph
    modulation: Modulation
    parameters: NetworkParameters


class _Workspace(NamedTuple):
    """What a window needs beside the state of the network, by part or by block."""

    part: np.ndarray  # (n_parts + 1,) first block of each part
    block: np.ndarray  # (n_blocks, 3) first neuron, end, class
    words: np.ndarray  # (n_blocks, 4 BLOCK) random words of the present four steps
    desk: np.ndarray  # (n_blocks, DESK) real
    counts: np.ndarray  # (n_parts, BLOCK) real
    fired_step: np.ndarray  # (n_parts, room) int32, step within the chunk; in order of block, step, neuron
    fired_node: np.ndarray  # (n_parts, room) int32
    n_fired: np.ndarray  # (n_parts,)
    events: np.ndarray  # (n_parts room, n_classes, 2) what the spikes of the last chunk send
    begin: np.ndarray  # (n_parts, 8) first step of the present chunk of each part, in a cache line of its own
    advanced: np.ndarray  # (n_parts, 8) steps that a part has advanced
    spikes_listed: np.ndarray  # (8,) steps whose spikes are in order and ready to be delivered


class _Log(NamedTuple):
    """What a window measures, see `Window`; the arrays of spikes have room for more."""

    sums: np.ndarray
    released: np.ndarray
    spike_step: np.ndarray
    spike_node: np.ndarray
    count: np.ndarray  # (3,) spikes before the last chunk, spikes, 1 after an overflow


def run_window(
    activity: Activity,
    graph: Graph,
    modulation: Modulation,
    parameters: NetworkParameters,
    clock: FastClock,
    n_steps: int,
    threads: int = 1,
) -> Window:
    """Advance the network by ``n_steps`` and return the `Window`; ``activity`` changes in place.

    The result is a function of (activity, graph, modulation, parameters, clock) alone, to the bit: ``threads`` is how
    many parts of the network run at the same time.
    """
    model = _Model(graph, modulation, parameters)
    chunk = max(1, min(graph.shortest_delay + 1, LONGEST_CHUNK, n_steps))
    workspace = _new_workspace(activity, graph, threads, chunk)
    n, n_classes = activity.utilisation.shape
    room = int(n * n_steps * parameters.step * 1e-3 * HIGHEST_RATE) + n + 16
    log = _Log(
        np.zeros((6, n)),
        np.zeros((n, n_classes)),
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.zeros(3, np.int64),
    )
    arguments = (workspace, activity, model, clock, np.int64(n_steps), log)
    helpers = [_Helper(part, arguments) for part in range(1, workspace.n_fired.shape[0])]
    for helper in helpers:
        helper.start()
    try:
        while not _run_part(0, *arguments):
            time.sleep(0)
    finally:
        for helper in helpers:
            helper.leave()
    n_spikes = int(log.count[1])
    return Window(log.sums, log.released, log.spike_step[:n_spikes], log.spike_node[:n_spikes], bool(log.count[2]))


class _Helper(threading.Thread):
    """A thread that runs one part of a window."""

    def __init__(self, part, arguments):
        super().__init__(daemon=True)
        self.part, self.arguments, self.wanted = part, arguments, True

    def run(self):
        while not _run_part(self.part, *self.arguments) and self.wanted:
            time.sleep(0)

    def leave(self):
        self.wanted = False  # the first part is through, so this one can wait for nothing but an interrupted window
        self.join()


@kernel
def _run_part(part, workspace, activity, model, clock, n_steps, log):
    """Take one part of the network to the end of the window; False if it waits for others and should be called again.

    The first part also puts the spikes of all parts in order and brings the terminals up to date, while the others
    wait.
    """
    n_parts = workspace.n_fired.shape[0]
    chunk = min(model.graph.shortest_delay + 1, LONGEST_CHUNK)
    while True:
        begin = workspace.begin[part, 0]
        if part != 0 and not _reached(workspace.spikes_listed, begin):
            return False
        if part != 0 or read(workspace.advanced[0]) <= begin:
            if log.count[2] != 0:
                return True
            _deliver_to_part(part, workspace, activity, model, clock, log)
            if begin >= n_steps:
                _put_part_back(part, workspace, activity)
                return True
            n_chunk = min(chunk, n_steps - begin)
            _advance_part(part, workspace, activity, model, clock, n_chunk, log.sums)
            write(workspace.advanced[part], begin + n_chunk)
        end = min(begin + chunk, n_steps)
        if part == 0:
            for other in range(1, n_parts):
                if not _reached(workspace.advanced[other], end):
                    return False
            _take_spikes(workspace, activity, model, clock, end - begin, log)
            write(workspace.spikes_listed, end)
        workspace.begin[part, 0] = end


@kernel
def _reached(counter, wanted):
    """Wait a moment for ``counter[0]`` to be ``wanted``; whether it is."""
    for _ in range(_LOOKS):
        if read(counter) >= wanted:
            return True
    return False


@kernel
def _take_spikes(workspace, activity, model, clock, n_chunk, log):
    """Put the chunk's spikes in order and let the terminals of who fired release."""
    graph, modulation, parameters = model
    begin = workspace.begin[0, 0]
    known = log.count[1]
    n_spikes = known + workspace.n_fired.sum()
    log.count[0] = known
    if n_spikes > log.spike_step.shape[0]:
        log.count[2] = 1
        return
    log.count[1] = n_spikes
    _put_in_order(workspace, n_chunk, clock.first_step + begin + 1, log.spike_step[known:], log.spike_node[known:])
    for index in range(known, n_spikes):
        age = clock.age + log.spike_step[index] - clock.first_step
        events = workspace.events[index - known]
        release(activity, graph, modulation, parameters, log.spike_node[index], age, events, log.released)


@kernel
def _new_workspace(activity, graph, n_parts, chunk):
    n_blocks = 0
    n_classes = graph.class_start.shape[0] - 1
    for c in range(n_classes):
        n_blocks += (graph.class_start[c + 1] - graph.class_start[c] + BLOCK - 1) // BLOCK
    block = np.empty((n_blocks, 3), np.int64)
    b = 0
    for c in range(n_classes):
        for first in range(graph.class_start[c], graph.class_start[c + 1], BLOCK):
            block[b] = first, min(first + BLOCK, graph.class_start[c + 1]), c
            b += 1
    n_parts = max(1, min(n_parts, n_blocks))
    part = np.empty(n_parts + 1, np.int64)
    most = 0
    for p in range(n_parts + 1):
        part[p] = p * n_blocks // n_parts
        if p > 0:
            most = max(most, part[p] - part[p - 1])
    real = activity.voltage.dtype
    room = most * BLOCK * chunk
    n = activity.voltage.shape[0]
    return _Workspace(
        part,
        block,
        np.empty((n_blocks, 4 * BLOCK), np.uint32),
        np.empty((n_blocks, DESK), real),
        np.empty((n_parts, BLOCK), real),
        np.empty((n_parts, room), np.int32),
        np.empty((n_parts, room), np.int32),
        np.zeros(n_parts, np.int64),
        np.empty((n * chunk, n_classes, 2)),
        np.zeros((n_parts, 8), np.int64),
        np.zeros((n_parts, 8), np.int64),
        np.zeros(8, np.int64),
    )


@kernel
def _advance_part(part, workspace, activity, model, clock, n_chunk, sums):
    """Take every block of a part through the steps of a chunk."""
    _, modulation, parameters = model
    cells, synapses = parameters.cells, parameters.synapses
    begin = workspace.begin[part, 0]
    fired = np.empty(BLOCK, np.uint32)
    counts, steps, nodes = workspace.counts[part], workspace.fired_step[part], workspace.fired_node[part]
    slots = activity.pending.shape[0]
    n_fired = 0
    for b in range(workspace.part[part], workspace.part[part + 1]):
        first, end, c = workspace.block[b]
        desk, words = workspace.desk[b], workspace.words[b]
        membrane = membrane_of(c, parameters, activity.voltage)
        thresholds = synapses.afferent_thresholds[c]
        has_afferents = thresholds[0] < np.uint32(0xFFFFFFFF)
        if begin == 0:
            lay_out(desk, first, end, activity, modulation, cells.rest[c])
        for k in range(n_chunk):
            slot = (clock.age + begin + k) % slots
            receive(desk, activity.pending, slot, first, end)
            if has_afferents:
                step = clock.first_step + begin + k
                if begin + k == 0 or step & 3 == 0:  # one Philox call gives the words of four steps
                    draw_words(words, STREAM_AFFERENTS, clock.seed, step >> 2, first)
                poisson_counts(counts, words, (step & 3) * BLOCK, thresholds)
                receive_afferents(desk, counts, synapses.afferent_ampa[c], synapses.afferent_nmda[c])
            if cells.sharpness[c] > 0.0:
                advance(desk, fired, membrane, True)
            else:
                advance(desk, fired, membrane, None)
            n_fired = list_fired(fired, first, end, k, nodes, steps, n_fired)
        take_sums(desk, first, end, sums)
    workspace.n_fired[part] = n_fired


@kernel
def _put_part_back(part, workspace, activity):
    for b in range(workspace.part[part], workspace.part[part + 1]):
        first, end, _ = workspace.block[b]
        put_back(workspace.desk[b], first, end, activity)


@kernel
def _put_in_order(workspace, n_chunk, first_step, spike_step, spike_node):
    """Merge the spikes of all parts in order of step and neuron; ``first_step`` is the end of the chunk's first."""
    start = np.zeros(n_chunk + 1, np.int64)
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
            start[k] += 1


@kernel
def _deliver_to_part(part, workspace, activity, model, clock, log):
    """Put what the spikes of the last chunk send to the neurons of a part into their slots."""
    graph, _, parameters = model
    low = workspace.block[workspace.part[part], 0]
    high = workspace.block[workspace.part[part + 1] - 1, 1]
    known, n_spikes = log.count[0], log.count[1]
    for index in range(known, n_spikes):
        source = log.spike_node[index]
        channel = parameters.synapses.channel[graph.node_class[source]]
        age = clock.age + log.spike_step[index] - clock.first_step
        deliver(activity.pending, graph, channel, source, age, workspace.events[index - known], low, high)
