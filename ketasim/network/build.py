"""From a topology to the kernel's input: synapse rows, class tables, conductances at each node."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from ketasim.kernels.graph import Graph, received
from ketasim.kernels.records import (
    AMPA,
    GABA_FAST,
    GABA_SLOW,
    CellParameters,
    NetworkParameters,
    SynapseParameters,
)
from ketasim.network.cell_classes import CellClass
from ketasim.network.synapses import PREFRONTAL, Receptors, Synapse, Tables
from ketasim.network.topology import FAST_STEP, Topology

#: Edges converted together, which bounds the memory for intermediate results.
_BLOCK = 1_000_000


@dataclass(frozen=True, eq=False)
class Network:
    """A circuit ready to run.

    Attributes
    ----------
    topology : Topology
        Nodes and edges as given.
    tables : Tables
        Cells and synapses by population.
    graph : Graph
        The synapses, for the kernel.
    parameters : NetworkParameters
        The constants, for the kernel.
    nmda_shares : (4, n) array
        Fraction of each GluN2 subunit in a node's NMDA conductance.
    nmda_circuit, nmda_afferent : (n,) array
        nS, synaptic NMDA conductance with every gate open, from the circuit's synapses and from afferents.
    nmda_extrasynaptic : (n,) array
        nS, extrasynaptic NMDA conductance with every channel open.
    ampa_afferent : (n,) array
        nS, mean AMPA conductance opened by background afferents.
    period : float
        um, side of a sheet that wraps around; infinite if it does not.
    """

    topology: Topology
    tables: Tables
    graph: Graph
    parameters: NetworkParameters
    nmda_shares: np.ndarray
    nmda_circuit: np.ndarray
    nmda_afferent: np.ndarray
    nmda_extrasynaptic: np.ndarray
    ampa_afferent: np.ndarray
    period: float = math.inf

    @property
    def excitatory(self) -> np.ndarray:
        """(n,) bool, whether a node is glutamatergic."""
        return self.parameters.synapses.channel[self.graph.node_class] == AMPA


def build(
    topology: Topology,
    receptors: Receptors | None = None,
    tables: Tables = PREFRONTAL,
    period: float = math.inf,
) -> Network:
    """Build the `Network` of a topology whose populations are known.

    Parameters
    ----------
    topology : Topology
        Nodes and edges; its `conductance_scale` multiplies the conductances of class pairs.
    receptors : Receptors, optional
        Used instead of those of the tables.
    tables : Tables
        Cells and synapses by population; those of the default circuit if not given.
    period : float
        um, side of the sheet if it wraps around.
    """
    receptors = receptors or tables.receptors
    tables = tables._replace(receptors=receptors)
    names = topology.population_names
    factors = topology.conductance_scale or {}
    scale = np.array([[factors.get((source, target), 1.0) for target in names] for source in names])
    graph = _graph(topology)
    cells = [tables.cells[name] for name in names]
    synapses = _synapse_parameters(names, scale, tables)
    parameters = NetworkParameters(
        cells=_cell_parameters(cells),
        synapses=synapses,
        ampa_time=receptors.ampa_time,
        nmda_time=receptors.nmda_time,
        gaba_fast_time=receptors.gaba_fast_time,
        gaba_slow_time=receptors.gaba_slow_time,
        gaba_reversal=receptors.gaba_reversal,
        mg_over_k=np.array(receptors.mg_over_half()),
        step=FAST_STEP,
    )
    circuit = circuit_nmda(graph, synapses)
    afferent = _maximal_afferent_nmda(cells, synapses, receptors)[topology.population]
    afferent_events = _column(cells, lambda cell: cell.afferent_rate) * synapses.afferent_ampa  # nS/ms
    shares = np.array([cell.nmda_shares for cell in cells]).reshape(len(names), 4)
    return Network(
        topology=topology,
        tables=tables,
        graph=graph,
        parameters=parameters,
        nmda_shares=np.ascontiguousarray(shares[topology.population].T),
        nmda_circuit=circuit,
        nmda_afferent=afferent,
        nmda_extrasynaptic=receptors.extrasynaptic_ratio * (circuit + afferent),
        ampa_afferent=(afferent_events * receptors.ampa_time)[topology.population],
        period=period,
    )


def circuit_nmda(graph: Graph, synapses: SynapseParameters) -> np.ndarray:
    """Return the NMDA conductance (n,) in nS of a node's synapses within the circuit, with every gate open."""
    return received(graph, synapses.nmda[graph.node_class], weighted=True)


def _graph(topology: Topology) -> Graph:
    steps = np.empty(topology.n_edges, np.int16)
    for begin in range(0, topology.n_edges, _BLOCK):
        delay = topology.delay[begin : begin + _BLOCK].astype(np.float64)
        steps[begin : begin + _BLOCK] = np.maximum(1.0, np.rint(delay / FAST_STEP))
    starts = np.searchsorted(topology.population, np.arange(len(topology.population_names) + 1))
    row = np.searchsorted(topology.source, np.arange(topology.n_nodes + 1, dtype=topology.source.dtype))
    return Graph(
        row_start=row[:-1].astype(np.int64),
        row_end=row[1:].astype(np.int64),
        target=topology.target.astype(np.int32),
        weight=topology.weight.astype(np.float32),
        delay=steps,
        node_class=topology.population.astype(np.int8),
        class_start=starts.astype(np.int64),
        shortest_delay=int(steps.min()) if steps.size else 1,
        longest_delay=int(steps.max(initial=1)),
    )


def _column(cells: Sequence[CellClass], of: Callable[[CellClass], float]) -> np.ndarray:
    return np.array([of(cell) for cell in cells], dtype=np.float64)


def _cell_parameters(cells: Sequence[CellClass]) -> CellParameters:
    return CellParameters(*(_column(cells, attrgetter(field)) for field in CellParameters._fields))


def _synapse_parameters(names: tuple[str, ...], scale: np.ndarray, tables: Tables) -> SynapseParameters:
    absent, receptors = Synapse(utilisation=0.0), tables.receptors
    cells = [tables.cells[name] for name in names]
    slow = np.array([name in tables.slow_inhibition for name in names])
    inhibitory = np.array([cell.inhibitory for cell in cells])
    ampa, nmda, fast_gaba, slow_gaba = (
        event_scale(time) if tables.exact_charge else 1.0
        for time in (receptors.ampa_time, receptors.nmda_time, receptors.gaba_fast_time, receptors.gaba_slow_time)
    )

    def table(of: Callable[[Synapse], float]) -> np.ndarray:
        rows = [[of(tables.synapses.get((source, target), absent)) for target in names] for source in names]
        return np.array(rows, dtype=np.float64).reshape(len(names), len(names))

    return SynapseParameters(
        ampa=table(lambda synapse: synapse.ampa) * scale * ampa,
        nmda=table(lambda synapse: synapse.nmda) * scale * nmda,
        gaba=table(lambda synapse: synapse.gaba) * scale * np.where(slow, slow_gaba, fast_gaba)[:, None],
        channel=np.where(inhibitory, np.where(slow, GABA_SLOW, GABA_FAST), AMPA).astype(np.int64),
        utilisation=table(lambda synapse: synapse.utilisation * receptors.utilisation_in_vivo),
        recovery=table(lambda synapse: synapse.recovery),
        facilitation=table(lambda synapse: synapse.facilitation),
        afferent_ampa=_column(cells, lambda cell: cell.afferent_ampa) * ampa,
        afferent_nmda=_column(cells, lambda cell: cell.afferent_nmda) * nmda,
    )


def event_scale(time: float) -> float:
    """Return the factor on a conductance decaying with `time` (ms) with which an event delivers ``g time``.

    The kernel holds a conductance at its initial value during a step: unscaled, ``g dt / (1 - exp(-dt/time))``.

    Examples
    --------
    >>> round(event_scale(2.0), 4), round(event_scale(100.0), 4)
    (0.9754, 0.9995)
    """
    return -time / FAST_STEP * math.expm1(-FAST_STEP / time)


def poisson_thresholds(means: np.ndarray) -> np.ndarray:
    """Return thresholds for Poisson counts, see `ketasim.kernels.random.poisson_counts`: (n, k) uint32.

    k is large enough for a tail below 2**-32; a mean of 0 gives counts of 0.
    """
    from scipy.stats import poisson

    highest = int(poisson.isf(2.0**-33, means.max(initial=0.0))) + 1
    limits = np.ceil(poisson.cdf(np.arange(highest + 1), means[:, None]) * 2.0**32) - 1.0
    return np.minimum(limits, 2.0**32 - 1.0).astype(np.uint32)


def _maximal_afferent_nmda(cells: Sequence[CellClass], synapses: SynapseParameters, receptors: Receptors) -> np.ndarray:
    """Return the afferent NMDA conductance of each class in nS, with every gate open."""
    # an afferent spike opens 1 - 1/e of its synapse's channels, and each axon fires at the unit rate
    axons = _column(cells, lambda cell: cell.afferent_rate) * 1e3 / receptors.afferent_unit_rate
    return axons * synapses.afferent_nmda / (1.0 - np.exp(-1.0))
