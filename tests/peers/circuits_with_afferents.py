"""The default circuit with its background afferents, run by ketasim and by Brian2."""

from functools import cache

import numpy as np

from ketasim.kernels.records import new_activity
from ketasim.kernels.spiking_network import run_window
from ketasim.network.build import build
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit
from tests.kernels.circuits import LIVELY, fast_clock, modulation
from tests.peers.brian_network import brian_network
from tests.reference.random import AFFERENTS, philox

NEURONS = 1000
SEED = 3
STEP = 0.1  # ms


@cache
def default_circuit():
    """Default circuit with lively weights; influence: GluN2 shares, tonic NMDA and gains different for each neuron."""
    topology = prefrontal_microcircuit(NEURONS, SEED)
    network = build(topology, tables=LIVELY)
    rng = np.random.default_rng(SEED)
    shares, tonic = network.nmda_shares, 0.02 * network.nmda_extrasynaptic
    influence = modulation(
        network,
        afferents=True,
        nmda=shares,
        tonic=shares * tonic,
        release_gain=rng.uniform(0.95, 1.05, NEURONS),
        ampa_gain=rng.uniform(0.97, 1.03, NEURONS),
        afferent_gain=rng.uniform(0.97, 1.03, NEURONS),
        afferent_release_gain=rng.uniform(0.97, 1.03, NEURONS),
        afferent_ampa_gain=rng.uniform(0.97, 1.03, NEURONS),
        inhibition_gain=rng.uniform(0.97, 1.03, NEURONS),
        current=rng.uniform(-2.0, 2.0, NEURONS),
    )
    return network, influence


def ketasim_spikes(time, real=np.float64, seed=SEED):
    """Spikes of the circuit from rest as (steps, nodes); a spike belongs to the end of its step."""
    network, influence = default_circuit()
    activity = new_activity(network.graph, network.parameters, real)
    window = run_window(
        activity, network.graph, influence, network.parameters, fast_clock(seed), np.int64(round(time / STEP))
    )
    return window.spike_step, window.spike_node


def afferent_counts(n_steps, seed=SEED):
    """Afferent spikes that ketasim's random numbers mean, (n_steps, n), by the slow twin's Philox on whole arrays."""
    network, influence = default_circuit()
    block, node = np.meshgrid(np.arange(-(-n_steps // 4), dtype=np.uint64), np.arange(NEURONS, dtype=np.uint64))
    zero = np.zeros_like(block)
    words = philox((block, zero, node, zero + np.uint64(AFFERENTS)), (seed, 0))
    words = np.stack(words, axis=-1).reshape(NEURONS, -1)[:, :n_steps]
    thresholds = influence.afferent_thresholds[network.graph.node_class].astype(np.uint64)
    counts = np.zeros(words.shape, np.int8)
    for limit in thresholds.T:
        counts += words > limit[:, None]
    return counts.T


def brian_spikes(time, afferents, seed=SEED):
    """The same from Brian2. afferents : counts (n_steps, n), or "poisson" for its own, drawn from `seed`."""
    import brian2 as b2

    network, influence = default_circuit()
    b2.seed(seed)
    twin = brian_network(network.graph, network.parameters, influence, afferents=afferents)
    twin.network.run(time * b2.ms)
    steps = np.rint(np.asarray(twin.spikes.t / twin.step)).astype(np.int64) + 1
    nodes = np.asarray(twin.spikes.i).astype(np.int64)
    order = np.lexsort((nodes, steps))
    return steps[order], nodes[order]
