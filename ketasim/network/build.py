"""From a topology to what the kernel runs on: synapse rows, class tables, conductances at each node."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from ketasim.kernels.graph import Graph
from ketasim.kernels.records import (
    AMPA,
    GABA_FAST,
    GABA_SLOW,
    CellParameters,
    NetworkParameters,
    SynapseParameters,
)
from ketasim.network.cell_classes import CELL_CLASSES, CellClass
from ketasim.network.synapses import SLOW_INHIBITION, SYNAPSES, Receptors, Synapse
from ketasim.network.topology import FAST_STEP, Topology


@dataclass(frozen=True, eq=False)
class Network:
    """A circuit ready to run.

    topology : nodes and edges as given.
    graph, parameters : what the kernel reads.
    nmda_shares : (4, n) share of each GluN2 subunit in a node's NMDA conductance.
    nmda_maximum : (n,) nS, synaptic NMDA conductance with every gate open, circuit and afferents together.
    nmda_extrasynaptic : (n,) nS, extrasynaptic NMDA conductance with every channel open.
    """

    topology: Topology
    graph: Graph
    parameters: NetworkParameters
    nmda_shares: np.ndarray
    nmda_maximum: np.ndarray
    nmda_extrasynaptic: np.ndarray

    @property
    def excitatory(self) -> np.ndarray:
        """(n,) bool, whether a node is glutamatergic."""
        return self.parameters.synapses.channel[self.graph.node_class] == AMPA


def build(topology: Topology, scale: np.ndarray | None = None, receptors: Receptors | None = None) -> Network:
    """Build the `Network` of a topology whose populations are known cell classes.

    scale : (n_classes, n_classes), multiplies the conductances of a class pair (source, target), see
        `in_degree_scale`; 1 if not given.
    """
    receptors = receptors or Receptors()
    names = topology.population_names
    scale = np.ones((len(names), len(names))) if scale is None else scale
    graph = _graph(topology)
    synapses = _synapse_parameters(names, scale, receptors)
    parameters = NetworkParameters(
        cells=_cell_parameters(names),
        synapses=synapses,
        ampa_time=receptors.ampa_time,
        nmda_time=receptors.nmda_time,
        gaba_fast_time=receptors.gaba_fast_time,
        gaba_slow_time=receptors.gaba_slow_time,
        gaba_reversal=receptors.gaba_reversal,
        mg_over_k_ab=receptors.mg / receptors.mg_k_ab,
        mg_over_k_cd=receptors.mg / receptors.mg_k_cd,
        step=FAST_STEP,
    )
    circuit, afferent = _maximal_nmda(topology, names, synapses, receptors)
    shares = np.array([CELL_CLASSES[name].nmda_shares for name in names]).reshape(len(names), 4)
    return Network(
        topology=topology,
        graph=graph,
        parameters=parameters,
        nmda_shares=np.ascontiguousarray(shares[topology.population].T),
        nmda_maximum=circuit + afferent,
        nmda_extrasynaptic=receptors.extrasynaptic_ratio * (circuit + afferent),
    )


def in_degree_scale(topology: Topology, reference: Callable[[str, str], float]) -> np.ndarray:
    """Factors that keep a class pair's total conductance onto a neuron at that of a reference in-degree.

    reference : called with source and target name, returns the in-degree for which conductances are stated.
    Returns (n_classes, n_classes); 1 where a pair has no edges.
    """
    names = topology.population_names
    pair = topology.population[topology.source] * len(names) + topology.population[topology.target]
    edges = np.bincount(pair, minlength=len(names) ** 2).reshape(len(names), len(names))
    sizes = np.array([topology.sizes[name] for name in names])
    wanted = np.array([[reference(source, target) for target in names] for source in names])
    return np.where(edges > 0, wanted * sizes[None, :] / np.maximum(edges, 1), 1.0)


def _graph(topology: Topology) -> Graph:
    steps = np.maximum(1, np.rint(topology.delay / FAST_STEP))
    starts = np.searchsorted(topology.population, np.arange(len(topology.population_names) + 1))
    row = np.searchsorted(topology.source, np.arange(topology.n_nodes + 1)).astype(np.int64)
    return Graph(
        row_start=row[:-1].copy(),
        row_end=row[1:].copy(),
        target=topology.target.astype(np.int32),
        weight=topology.weight.astype(np.float32),
        delay=steps.astype(np.int16),
        node_class=topology.population.astype(np.int8),
        class_start=starts.astype(np.int64),
        shortest_delay=int(steps.min()) if steps.size else 1,
        longest_delay=int(steps.max(initial=1)),
    )


def _column(names: tuple[str, ...], of: Callable[[CellClass], float]) -> np.ndarray:
    return np.array([of(CELL_CLASSES[name]) for name in names], dtype=np.float64)


def _cell_parameters(names: tuple[str, ...]) -> CellParameters:
    return CellParameters(*(_column(names, attrgetter(field)) for field in CellParameters._fields))


def _synapse_parameters(names: tuple[str, ...], scale: np.ndarray, receptors: Receptors) -> SynapseParameters:
    absent = Synapse(utilisation=0.0)

    def table(of: Callable[[Synapse], float]) -> np.ndarray:
        rows = [[of(SYNAPSES.get((source, target), absent)) for target in names] for source in names]
        return np.array(rows, dtype=np.float64).reshape(len(names), len(names))

    channels = [
        (GABA_SLOW if name in SLOW_INHIBITION else GABA_FAST) if CELL_CLASSES[name].inhibitory else AMPA
        for name in names
    ]
    return SynapseParameters(
        ampa=table(lambda synapse: synapse.ampa) * scale,
        nmda=table(lambda synapse: synapse.nmda) * scale,
        gaba=table(lambda synapse: synapse.gaba) * scale,
        channel=np.array(channels, dtype=np.int64),
        utilisation=table(lambda synapse: synapse.utilisation * receptors.utilisation_in_vivo),
        recovery=table(lambda synapse: synapse.recovery),
        facilitation=table(lambda synapse: synapse.facilitation),
        afferent_ampa=_column(names, lambda cell: cell.afferent_ampa),
        afferent_nmda=_column(names, lambda cell: cell.afferent_nmda),
        afferent_thresholds=poisson_thresholds(_column(names, lambda cell: cell.afferent_rate) * FAST_STEP),
    )


def poisson_thresholds(means: np.ndarray) -> np.ndarray:
    """Limits of random words for Poisson counts, see `ketasim.kernels.random.poisson_counts`: (n, k) uint32.

    k is enough for a tail under 2**-32; a mean of 0 gives counts of 0.
    """
    from scipy.stats import poisson

    highest = int(poisson.isf(2.0**-33, means.max(initial=0.0))) + 1
    limits = np.ceil(poisson.cdf(np.arange(highest + 1), means[:, None]) * 2.0**32) - 1.0
    return np.minimum(limits, 2.0**32 - 1.0).astype(np.uint32)


def _maximal_nmda(
    topology: Topology, names: tuple[str, ...], synapses: SynapseParameters, receptors: Receptors
) -> tuple[np.ndarray, np.ndarray]:
    """Synaptic NMDA conductance of each node with every gate open, in nS: from the circuit, from afferents."""
    pair_conductance = synapses.nmda[topology.population[topology.source], topology.population[topology.target]]
    circuit = np.bincount(topology.target, topology.weight * pair_conductance, minlength=topology.n_nodes)
    # an afferent spike opens 1 - 1/e of its synapse's channels, and each axon fires at the unit rate
    axons = _column(names, lambda cell: cell.afferent_rate) * 1e3 / receptors.afferent_unit_rate
    afferent = axons * synapses.afferent_nmda / (1.0 - np.exp(-1.0))
    return circuit, afferent[topology.population]
