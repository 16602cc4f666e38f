"""A neuron of each class, and neurons of each class that make it hear prescribed spikes."""

from types import SimpleNamespace

import numpy as np

from tests.kernels.circuits import Bench, circuit
from tests.peers.brian_network import CHANNELS, brian_network, refined

NAMES = ("PYR", "PV", "SST")
STEP = 0.1  # ms
#: Two pyramidal sources, one of each inhibitory class; and who hears them.
SOURCES = (0, 1, 3, 5)
TARGETS = {"PYR": 2, "PV": 4, "SST": 6}
POPULATIONS = ["PYR", "PYR", "PYR", "PV", "PV", "SST", "SST"]
RATES = (60.0, 90.0, 40.0, 30.0)  # Hz of the sources
#: How many synapses of mean size a source stands for, by class of the target.
GLUTAMATERGIC, GABAERGIC = {"PYR": 150.0, "PV": 60.0, "SST": 21.0}, {"PYR": 2.5, "PV": 2.0, "SST": 4.0}

#: What is compared, and what it is called in `Activity`.
STATES = {
    "v": "voltage",
    "w": "adaptation",
    "g": "conductance",
    "u": "utilisation",
    "x": "resources",
    "s": "gate",
}


def trains(time, seed=4):
    """Prescribed spikes of the sources as (steps of 0.1 ms, nodes): irregular, at least 1.5 ms apart."""
    rng = np.random.default_rng(seed)
    steps, nodes = [], []
    for source, rate in zip(SOURCES, RATES, strict=True):
        intervals = 15 + rng.exponential(1e4 / rate, int(time))
        train = np.cumsum(intervals).astype(int)
        train = train[train < time / STEP - 1]
        steps.append(train)
        nodes.append(np.full(train.size, source))
    steps, nodes = np.concatenate(steps), np.concatenate(nodes)
    order = np.lexsort((nodes, steps))
    return steps[order], nodes[order]


def bench(strength, factor=1):
    """The circuit with excitation times `strength`, blocked and tonic NMDA channels, at a step of 0.1 ms / `factor`."""
    edges = []
    for place, source in enumerate(SOURCES):
        for name, target in TARGETS.items():
            weight = strength * GLUTAMATERGIC[name] if POPULATIONS[source] == "PYR" else GABAERGIC[name]
            delay = 0.3 + 0.4 * place + 0.7 * NAMES.index(name)
            edges.append((source, target, weight, round(delay, 1)))
    n = len(POPULATIONS)
    made = Bench(circuit(POPULATIONS, edges), step=STEP / factor)
    made.modulate(
        nmda=np.linspace((0.6, 0.3, 0.02, 0.03), (0.2, 0.3, 0.1, 0.2), n).T,
        tonic=np.linspace((0.1, 0.2, 0.3, 0.1), (0.5, 0.4, 0.0, 0.1), n).T,
        release_gain=np.linspace(0.7, 1.3, n),
        ampa_gain=np.linspace(1.2, 0.9, n),
        inhibition_gain=np.linspace(0.8, 1.1, n),
    )
    made.graph = refined(made.graph, factor)
    made.activity = made.activity._replace(
        pending=np.zeros((made.graph.longest_delay + 1, *made.activity.pending.shape[1:]))
    )
    return made


def fired_in(steps, factor):
    """Steps of 0.1 ms / `factor` that end when the given steps of 0.1 ms do."""
    return (steps + 1) * factor - 1


def run_ketasim(strength, time, factor=1):
    """States after every step of `STEP`, as arrays (n_steps, ...), and the spikes of the targets in ms."""
    made = bench(strength, factor)
    steps, nodes = trains(time)
    due = {}
    for step, node in zip(fired_in(steps, factor), nodes, strict=True):
        due.setdefault(int(step), []).append(int(node))
    kept = {name: [] for name in STATES}
    spikes = []
    for step in range(round(time / STEP) * factor):
        window = made.fire(*due[step]) if step in due else made.run(1)
        spikes += [(step + 1, node) for node in window.spike_node.tolist() if node in TARGETS.values()]
        if (step + 1) % factor == 0:
            for name, field in STATES.items():
                kept[name].append(getattr(made.activity, field).copy())
    spikes = [(step * STEP / factor, node) for step, node in spikes]
    return SimpleNamespace(**{name: np.array(arrays) for name, arrays in kept.items()}, spikes=spikes)


def run_brian(strength, time, factor=1, exact_step=True):
    """The same from Brian2, with states of synapses in ``.terminals``: ((source, target), shift, states by name).

    shift : steps after which an event of a spike is seen, so that state k of ketasim is state k + shift here.
    """
    import brian2 as b2

    made = bench(strength, factor)
    steps, nodes = trains(time)
    prescribed = fired_in(steps, factor), nodes
    twin = brian_network(made.graph, made.parameters, made.modulation, exact_step=exact_step, fired=prescribed)
    names = ["v", "w", *(f"g_{channel}" for channel in CHANNELS)]
    states = b2.StateMonitor(twin.cells, names, record=True, when="end")
    kept = {
        channel: b2.StateMonitor(group, _terminal_states(channel), record=True, when="end")
        for channel, group in (twin.synapses.items() if factor == 1 else ())
    }
    twin.network.add(states, *kept.values())
    twin.network.run(time * b2.ms)
    often = slice(factor - 1, None, factor)
    terminals = []
    for channel, monitor in kept.items():
        group = twin.synapses[channel]
        for edge in range(len(group)):
            shift = round(float(group.delay[edge] / twin.step)) + 1
            values = {name: getattr(monitor, name)[edge] for name in _terminal_states(channel)}
            terminals.append(((int(group.i[edge]), int(group.j[edge])), shift, values))
    return SimpleNamespace(
        v=states.v[:, often].T / b2.mV,
        w=states.w[:, often].T / b2.pA,
        g=np.stack([getattr(states, f"g_{channel}")[:, often].T / b2.nS for channel in CHANNELS], axis=1),
        terminals=terminals,
        # a spike belongs to the end of its step
        spikes=[(float(t / b2.ms) + STEP / factor, int(i)) for t, i in zip(twin.spikes.t, twin.spikes.i, strict=True)],
    )


def _terminal_states(channel):
    return ["u", "x", "s"] if channel == "ampa" else ["u", "x"]
