"""What an experiment will cost, from its built network and schedule."""

import time

import numpy as np

from ketasim.kernels.graph import bytes_per_synapse
from ketasim.kernels.records import FastClock, new_activity
from ketasim.kernels.spiking_network import run_window
from ketasim.simulation.coupling import modulation
from ketasim.simulation.loop import Simulation
from ketasim.simulation.sampler import LONG_SETTLE, baseline_windows

#: Interpreter and libraries, bytes, before anything is built.
_PROCESS = 250e6
#: A topology's arrays: 16 bytes a synapse; the rest while it is built and stored.
_TOPOLOGY = 72.0
#: File: an edge with its share of SONATA's indices, and a row of 30 population signals.
_FILE_PER_EDGE, _FILE_PER_ROW = 26.0, 700.0
_TRIAL_STEPS = 500


def estimate(simulation: Simulation) -> list[tuple[str, float | str, str]]:
    """Rows (quantity, value, unit): size, windows, memory, file and wall time.

    Windows that will be skipped because nothing has moved, and a baseline that is stored already, are counted as run.

    The wall time comes from 50 ms of the network, started from rest, on this machine as it is now; the first call
    compiles the kernels. The network's real rate and other load make it uncertain by a factor of about 1.5.
    """
    experiment, network = simulation.experiment, simulation.network
    n_steps = simulation.schedule.size - 1
    rows: list[tuple[str, float | str, str]] = [("slow steps", n_steps, "1")]
    if network is None:
        return rows
    topology = network.topology
    schedule = experiment.schedule
    samples = min(n_steps + 1, n_steps + 1 if schedule.budget is None else schedule.budget)
    baseline = baseline_windows(experiment)
    windows = baseline + samples
    network_time = schedule.baseline + LONG_SETTLE + samples * (schedule.settle + schedule.window)
    state = (network.graph.longest_delay + 1) * topology.n_nodes * 16.0
    memory = _PROCESS + topology.n_edges * (bytes_per_synapse(network.graph) + _TOPOLOGY) + state
    times = np.concatenate([np.arange(-schedule.baseline, 0.0, schedule.window), simulation.schedule])
    stored = sum(
        1 if begin == end else int(np.sum((times >= begin) & (times <= end)))
        for begin, end in experiment.recording.spikes
    )
    spikes = stored * topology.n_nodes * 3.0 * schedule.window * 16.0
    nodes = len(experiment.recording.node_signals) * n_steps * topology.n_nodes * 4.0
    disk = topology.n_edges * _FILE_PER_EDGE + (baseline + n_steps + 1) * _FILE_PER_ROW + spikes + nodes
    wall = network_time * _seconds_per_second(simulation)
    rows += [(f"{name} neurons", size, "1") for name, size in topology.sizes.items()]
    rows += [
        ("synapses", topology.n_edges, "1"),
        ("kernel graph", bytes_per_synapse(network.graph), "bytes/synapse"),
        ("windows, at most", windows, "1"),
        ("network time, about", network_time, "s"),
        ("memory", memory / 1e6, "MB"),
        ("file", disk / 1e6, "MB"),
        ("wall time", wall, "s"),
    ]
    return rows


def _seconds_per_second(simulation: Simulation) -> float:
    """Wall time in s per second of network time, measured on a throw-away copy of the resting network."""
    network = simulation.network
    assert network is not None
    activity = new_activity(network.graph, network.parameters)
    state = modulation(network, simulation.signals)
    taken = 0.0
    for number in range(2):  # the first call compiles
        clock = FastClock(np.uint64(0), np.int64(number * _TRIAL_STEPS), np.int64(number * _TRIAL_STEPS))
        begin = time.perf_counter()
        run_window(activity, network.graph, state, network.parameters, clock, _TRIAL_STEPS)
        taken = time.perf_counter() - begin
    return taken / (_TRIAL_STEPS * network.parameters.step * 1e-3)
