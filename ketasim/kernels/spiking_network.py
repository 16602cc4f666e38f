"""The fast clock: a spiking network with conductance-based synapses, in steps of 0.1 ms.

Order within a step from t to t + dt: arriving synaptic events and afferents raise the conductances, membranes are
advanced at frozen conductances (exponential Euler), conductances decay, spikes are detected; a spike belongs to t + dt
and arrives one delay later. See `membranes` and `transmission` for the equations.

No spike arrives sooner than the shortest delay, so the network runs in chunks of that length: every block of neurons
goes through all steps of the chunk independently, then the chunk's spikes are sorted by time and delivered. Parts of
the network, each a range of neurons, do both on separate threads: a part advances its own neurons and delivers events
to them in the order of the spikes, so that results do not depend on the number of parts.
"""

import threading
import time
from itertools import pairwise

import numpy as np

from ketasim.kernels.chunks import TRACE_STEPS, Log, Model, Workspace, run_part
from ketasim.kernels.graph import Graph
from ketasim.kernels.membranes import TILE, load_tiles, store_tiles, subunits_present
from ketasim.kernels.records import Activity, FastClock, Modulation, NetworkParameters, Window
from ketasim.kernels.vectors import BLOCK

#: Hz, room for spikes: at a higher mean rate the window stops with an overflow.
HIGHEST_RATE = 400.0

#: Maximal steps in a chunk, which bounds the room for its spikes.
LONGEST_CHUNK = 32


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

    The result is determined by (activity, graph, modulation, parameters, clock), to the bit. See `records` and `graph`
    for shapes and units.

    Parameters
    ----------
    activity : Activity
        State of the network; changed in place.
    graph : Graph
        Synapses, with the longest delay of the graph from which `activity` was made.
    modulation : Modulation
        Effects of slow mechanisms and exposures.
    parameters : NetworkParameters
        Constants of the network.
    clock : FastClock
        Start of the window.
    n_steps : int
        Steps of ``parameters.step`` ms; 0 changes nothing.
    threads : int
        Parts of the network that run at the same time; at most one per block of neurons.
    """
    return _run(activity, Model(graph, modulation, parameters), clock, n_steps, threads, 0)


def run_traced_window(activity: Activity, model: Model, clock: FastClock, n_steps: int, threads: int = 1) -> Window:
    """Run as `run_window` does, to the bit, and sample the currents of every class: `Window.traces`."""
    samples = -(-(clock.first_step + n_steps) // TRACE_STEPS) + (-clock.first_step // TRACE_STEPS)
    return _run(activity, model, clock, n_steps, threads, int(samples))


def _run(activity: Activity, model: Model, clock: FastClock, n_steps: int, threads: int, samples: int) -> Window:
    graph, modulation, parameters = model
    chunk = max(1, min(graph.shortest_delay + 1, LONGEST_CHUNK, n_steps))
    workspace = _new_workspace(activity, graph, threads, chunk)
    n, n_classes = activity.utilisation.shape
    room = int(n * n_steps * parameters.step * 1e-3 * HIGHEST_RATE) + n + 16
    log = Log(
        np.zeros((8, n)),
        np.zeros((n, n_classes)),
        np.empty(room, np.int64),
        np.empty(room, np.int32),
        np.zeros(4, np.int64),
        np.zeros((workspace.block.shape[0], samples, 3)),
    )
    arguments = (workspace, activity, model, clock, np.int64(n_steps), log)
    tiles_of_class = _tiles_of_class(workspace, graph)
    for c, (first, end, tiles) in enumerate(tiles_of_class):
        load_tiles(tiles, first, end, activity, modulation, parameters.cells.rest[c])
    workspace.present[:] = subunits_present(workspace.tile)
    others = [_PartThread(part, arguments) for part in range(1, workspace.n_fired.shape[0])]
    for other in others:
        other.start()
    try:
        while not run_part(0, *arguments):
            time.sleep(0)
            for other in others:
                if other.error is not None:
                    raise other.error
    except BaseException:
        for other in others:
            other.wanted = False
        raise
    finally:
        for other in others:
            other.join()
    for first, end, tiles in tiles_of_class:
        store_tiles(tiles, first, end, activity)
    n_spikes, overflow = int(log.count[1]), bool(log.count[2])
    traces = _mean_traces(log.traces, workspace.block[:, 2], np.diff(graph.class_start))
    return Window(log.sums, log.released, log.spike_step[:n_spikes], log.spike_node[:n_spikes], overflow, traces)


def _mean_traces(sums: np.ndarray, class_of_block: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the traces (3, n_classes, samples) of classes from sums over their blocks (n_blocks, samples, 3)."""
    total = np.zeros((size.size, *sums.shape[1:]))
    np.add.at(total, class_of_block, sums)
    return np.ascontiguousarray((total / np.maximum(size, 1)[:, None, None]).T.swapaxes(1, 2))


class _PartThread(threading.Thread):
    """A thread that runs one part of a window."""

    def __init__(self, part, arguments):
        super().__init__(daemon=True)
        self.part, self.arguments = part, arguments
        self.wanted = True  # until the window is abandoned
        self.error = None

    def run(self):
        try:
            while not run_part(self.part, *self.arguments) and self.wanted:
                time.sleep(0)
        except BaseException as error:  # raised by the first part, which would otherwise wait for ever
            self.error = error


def _new_workspace(activity: Activity, graph: Graph, n_parts: int, chunk: int) -> Workspace:
    block = np.array(
        [
            (first, min(first + BLOCK, end), c)
            for c, (start, end) in enumerate(pairwise(graph.class_start.tolist()))
            for first in range(start, end, BLOCK)
        ],
        np.int64,
    )
    n_classes = activity.utilisation.shape[1]
    n_blocks, real = len(block), activity.voltage.dtype
    n_parts = max(1, min(n_parts, n_blocks))
    part = np.arange(n_parts + 1) * n_blocks // n_parts
    room = int(np.diff(part).max()) * BLOCK * chunk
    marks = np.zeros((n_parts, BLOCK // 4), np.uint64)
    return Workspace(
        part=part,
        block=block,
        words=np.empty((n_blocks, 4 * BLOCK), np.uint32),
        tile=np.empty((n_blocks, TILE), real),
        present=np.zeros((n_blocks, 4), np.bool_),
        counts=np.empty((n_parts, 2 * BLOCK), real),
        marks=marks,
        fired=marks.view(np.uint8),
        fired_step=np.empty((n_parts, room), np.int32),
        fired_node=np.empty((n_parts, room), np.int32),
        n_fired=np.zeros(n_parts, np.int64),
        place=np.zeros(chunk + 1, np.int64),
        events=np.empty((2, n_parts, room, n_classes, 2)),
        origin=np.empty((n_parts * room, 2), np.int64),
        begin=np.zeros((n_parts, 8), np.int64),
        advanced=np.zeros((n_parts, 8), np.int64),
        spikes_listed=np.zeros(8, np.int64),
    )


def _tiles_of_class(workspace: Workspace, graph: Graph) -> list[tuple[int, int, np.ndarray]]:
    """Return first neuron, end and tiles of each class."""
    start = np.searchsorted(workspace.block[:, 2], np.arange(graph.class_start.shape[0]))
    return [
        (int(first), int(end), workspace.tile[start[c] : start[c + 1]])
        for c, (first, end) in enumerate(pairwise(graph.class_start))
    ]
