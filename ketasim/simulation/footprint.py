"""How large a run will be: neurons, synapses, rows, and from them memory and disk. Builds nothing.

The coefficients are measured on runs of 300 to 3,000 neurons (docs/reliability.md); tests hold them to a factor
of 1.5.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ketasim.config import Experiment, NetworkFile, NetworkModel
from ketasim.config.graph_times import graph_times
from ketasim.mechanisms import synaptogenesis
from ketasim.network import prefrontal_microcircuit as sheet
from ketasim.network.build import FAST_STEP, Network
from ketasim.network.topology import Topology
from ketasim.simulation.dosing import administrations, event_times
from ketasim.simulation.sampler import baseline_windows
from ketasim.simulation.schedule import slow_times
from ketasim.simulation.stimuli import stimulus_times
from ketasim.simulation.world import compartments_of, setting_of

#: Bytes of memory: interpreter, libraries and compiled kernels, and a row kept for the summary, each with and without a
#: network; what plastic edges bring beside.
_PROCESS, _PROCESS_WITHOUT_NETWORK, _ROW, _ROW_WITHOUT_NETWORK, _PLASTICITY = 245e6, 150e6, 12e3, 1e3, 15e6
#: Bytes of memory for a synapse and, beside, for one that is plastic; for a node's signals and estimates.
_SYNAPSE, _PLASTIC_SYNAPSE, _NODE = 83.0, 130.0, 4e3
#: Bytes for a plastic edge while the graph is measured, with and without looking for communities (which ends at 500,000
#: undirected edges, see `ketasim.analysis.graph_measures`).
_MEASURED_WITH_COMMUNITIES, _MEASURED, _MOST_EDGES_OF_COMMUNITIES = 1300.0, 190.0, 500_000

#: Bytes of file: what every run has; an edge with SONATA's indices; a row with and without a network; a plastic edge in
#: a snapshot; the graph's measures; a birth or death; a spike.
_FILE, _FILE_EDGE, _FILE_ROW, _FILE_ROW_WITHOUT_NETWORK = 0.15e6, 27.5, 330.0, 90.0
_FILE_SNAPSHOT, _FILE_MEASURES, _FILE_EVENT, _FILE_SPIKE = 6.4, 12e3, 8.0, 16.0
#: Bytes of the first chunks of spikes, of three populations.
_FILE_SPIKES = 0.2e6
#: Hz, of all neurons, for the spikes that are stored.
_RATE = 3.0
#: Bytes of a network file that hold one edge, and bytes of memory for each of its bytes while it is read, by ending.
_FILES = {".graphml": (140.0, 21.0), ".h5": (38.0, 2.3)}
_LINES = (25.0, 28.0)

_DAY = 86_400.0


class Size(NamedTuple):
    """What memory, disk and time go by.

    plastic : synapses among them that can be born and die. steps : slow steps. longest_delay : in fast steps.
    reading : bytes of memory that reading a network file takes for a while.
    """

    nodes: int
    synapses: float
    plastic: float
    steps: int
    longest_delay: int
    reading: float = 0.0


def expected_size(experiment: Experiment, graph: Any = None) -> Size:
    """Size of an experiment before its network is built; of a network file, from the length of the file.

    graph : networkx graph, or a `Topology`, in place of the experiment's network.
    """
    nodes, synapses, plastic, reading = 0, 0.0, 0.0, 0.0
    delay = 30  # 3 ms, of the longest axons of the default circuit
    if graph is not None:
        if isinstance(graph, Topology):
            nodes, synapses = graph.n_nodes, float(graph.n_edges)
        elif hasattr(graph, "number_of_edges"):  # what is no graph is refused, in better words, when it is built
            nodes, synapses = graph.number_of_nodes(), float(graph.number_of_edges())
        plastic = synapses
    elif experiment.circuit is not None:
        sizes = experiment.circuit.sizes
        nodes = sum(sizes.values())
        pairs = {pair: sizes[pair[0]] * sizes[pair[1]] * one.probability for pair, one in _wiring(experiment)}
        synapses = sum(pairs.values())
        plastic = pairs.get((synaptogenesis.POPULATION, synaptogenesis.POPULATION), 0.0)
        delay = max([delay, *(math.ceil(one.delay / FAST_STEP) for _, one in _wiring(experiment))])
    elif isinstance(experiment.network, NetworkFile):
        file = experiment.network.file
        per_edge, per_byte = _FILES.get(file.suffix.lower(), _LINES)
        synapses, reading = file.stat().st_size / per_edge, file.stat().st_size * per_byte
        nodes, plastic = max(1, round(math.sqrt(synapses))), synapses
    elif isinstance(experiment.network, NetworkModel):
        nodes = experiment.network.neurons
        found = expected_synapses(nodes)
        synapses, plastic = float(found.sum()), float(found[0, 0])
    plastic = plastic if _is_plastic(experiment) else 0.0
    return Size(nodes, synapses, plastic, slow_steps(experiment), delay, reading)


def _wiring(experiment: Experiment) -> list[tuple[tuple[str, str], Any]]:
    return list(experiment.circuit.wiring.items()) if experiment.circuit else []


def size_of(network: Network, plastic: bool, steps: int) -> Size:
    """Size of a network that is built."""
    topology, edges = network.topology, 0
    if plastic:
        members = topology.slice_of(synaptogenesis.POPULATION)
        inside = (topology.source >= members.start) & (topology.source < members.stop)
        inside &= (topology.target >= members.start) & (topology.target < members.stop)
        edges = int(inside.sum())
    return Size(topology.n_nodes, topology.n_edges, edges, steps, network.graph.longest_delay)


def expected_synapses(neurons: int) -> np.ndarray:
    """Mean number of synapses of each class pair (3, 3) of the default circuit, over circuits of its size.

    The mean of the probability of contact over the sheet, which wraps around, times the pairs.
    """
    sizes = sheet.class_sizes(neurons)
    places = (np.arange(400) + 0.5) / 400 - 0.5
    distance = sheet.side_of(neurons) * np.hypot(*np.meshgrid(places, places))
    found = np.zeros((sizes.size, sizes.size))
    for pair in np.ndindex(found.shape):
        others = sizes[pair[1]] - (pair[0] == pair[1])
        found[pair] = sizes[pair[0]] * others * sheet.connection_probability(pair, distance).mean()
    return found


def slow_steps(experiment: Experiment) -> int:
    """Number of slow steps; of a constant step without counting them one by one."""
    schedule = experiment.schedule
    if schedule.step is not None:
        return math.ceil(experiment.duration / schedule.step)
    doses = administrations(experiment.doses, experiment.subject.weight)
    compartments = compartments_of(experiment, setting_of(experiment, None))
    events = {*event_times(doses, compartments), *stimulus_times(experiment.stimuli)}
    return slow_times(0.0, experiment.duration, events, None, schedule.settle + schedule.window).size - 1


def _is_plastic(experiment: Experiment) -> bool:
    return experiment.mechanisms.get(synaptogenesis.MECHANISM.name, True) is not False


def rows_of(size: Size, experiment: Experiment) -> int:
    """Rows of the trajectory, those of the baseline included."""
    return size.steps + 1 + (baseline_windows(experiment) if size.nodes else 0)


def looks_for_communities(size: Size) -> bool:
    """Whether the plastic graph is small enough for communities to be looked for."""
    n = max(2.0, 0.8 * size.nodes)
    both_ways = size.plastic * min(1.0, size.plastic / (n * (n - 1.0))) / 2.0
    return size.plastic - both_ways <= _MOST_EDGES_OF_COMMUNITIES


def memory_of(size: Size, experiment: Experiment) -> float:
    """Peak memory in bytes of the process that runs an experiment of this size with compiled kernels."""
    if not size.nodes:
        return _PROCESS_WITHOUT_NETWORK + rows_of(size, experiment) * _ROW_WITHOUT_NETWORK
    memory = _PROCESS + rows_of(size, experiment) * _ROW
    memory += size.synapses * _SYNAPSE + size.nodes * (_NODE + 16.0 * (size.longest_delay + 1))
    if size.plastic:
        memory += _PLASTICITY + size.plastic * _PLASTIC_SYNAPSE
        if experiment.recording.measures:
            memory += size.plastic * (_MEASURED_WITH_COMMUNITIES if looks_for_communities(size) else _MEASURED)
    return max(memory, _PROCESS_WITHOUT_NETWORK + size.reading)


def file_of(size: Size, experiment: Experiment) -> float:
    """Bytes of the trajectory file of an experiment of this size."""
    rows, recording = rows_of(size, experiment), experiment.recording
    file = _FILE + size.synapses * _FILE_EDGE + rows * (_FILE_ROW if size.nodes else _FILE_ROW_WITHOUT_NETWORK)
    file += len(recording.node_signals) * size.steps * size.nodes * 4.0
    if size.nodes and recording.spikes:
        seconds = _stored_windows(size, experiment) * experiment.schedule.window
        file += _FILE_SPIKES + seconds * size.nodes * _RATE * _FILE_SPIKE
    if size.plastic:
        times = len(graph_times(experiment))
        parameters = experiment.mechanisms.get(synaptogenesis.MECHANISM.name) or synaptogenesis.Parameters()
        born = size.plastic * synaptogenesis.solved_rates(parameters).formation * experiment.duration / _DAY
        file += times * (size.plastic * _FILE_SNAPSHOT + _FILE_MEASURES * recording.measures)
        file += 2.0 * born * _FILE_EVENT  # as many die
    return file


def _stored_windows(size: Size, experiment: Experiment) -> float:
    """Windows whose spikes are stored, slow steps taken to be of one length."""
    schedule, stored = experiment.schedule, 0.0
    step = experiment.duration / max(1, size.steps)
    for begin, end in experiment.recording.spikes:
        at_rest = max(0.0, min(end, 0.0) - begin) / schedule.window
        stored += max(1.0, at_rest + max(0.0, min(end, experiment.duration) - max(begin, 0.0)) / step)
    return stored
