"""The networks that are timed, as ketasim's kernel and every other simulator get them."""

from dataclasses import dataclass

import numpy as np

from ketasim.kernels.graph import Graph
from ketasim.kernels.records import (
    AMPA,
    GABA_FAST,
    CellParameters,
    Modulation,
    NetworkParameters,
    SynapseParameters,
)
from ketasim.network.build import build, poisson_thresholds
from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.prefrontal_microcircuit import prefrontal_microcircuit

#: ms
STEP = 0.1

#: Afferent spikes per neuron of `nmda_network`, 1/ms.
AFFERENT_RATE = 2.4


@dataclass(frozen=True, eq=False)
class Case:
    """A network and what it is called.

    afferent_rate : (n_classes,) 1/ms, mean of the counts that `modulation` holds as a table.
    """

    name: str
    class_names: tuple[str, ...]
    graph: Graph
    parameters: NetworkParameters
    modulation: Modulation
    afferent_rate: np.ndarray

    @property
    def n(self) -> int:
        """Number of neurons."""
        return self.graph.node_class.shape[0]

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return int((self.graph.row_end - self.graph.row_start).sum())


def nmda_network(n: int, degree: int = 1000, seed: int = 1) -> Case:
    """Leaky integrate-and-fire neurons, 80 % excitatory, with AMPA, saturating NMDA with Mg block, and GABA.

    Every neuron has ``min(degree, n - 1)`` synapses onto random others, log-normal weights (s.d. of the logarithm
    0.5, mean 1) and a delay of 1 ms, and gets 2,400 Poisson afferent spikes a second. Cells, time constants, AMPA and
    GABA conductances for 1,000 synapses are those of Brunel & Wang 2001. NMDA conductances are half of theirs, and
    afferents 2.8 and 2.0 nS instead of 2.08 and 1.62, chosen once by hand: excitatory cells fire at 15 Hz, inhibitory
    at 18 (10,000 neurons). Published values make 5 and 13 Hz here. The variance of the number of spikes in 2 ms is five
    to six times its mean, 14 % of it (s.d.): irregular, with a weak common rhythm.
    """
    excitatory = round(0.8 * n)
    class_start = np.array([0, excitatory, n], np.int64)
    degree = min(degree, n - 1)
    pair = np.ones((2, 2))
    scale = 1000.0 / degree
    rates = np.full(2, AFFERENT_RATE)
    parameters = NetworkParameters(
        cells=CellParameters(
            capacitance=np.array([500.0, 200.0]),
            leak=np.array([25.0, 20.0]),
            rest=np.full(2, -70.0),
            threshold=np.full(2, -50.0),
            sharpness=np.zeros(2),
            cutoff=np.full(2, -50.0),
            reset=np.full(2, -55.0),
            adaptation=np.zeros(2),
            adaptation_jump=np.zeros(2),
            adaptation_time=np.full(2, 100.0),
            refractory=np.array([2.0, 1.0]),
        ),
        synapses=SynapseParameters(
            ampa=np.array([[0.104, 0.081], [0.0, 0.0]]) * scale,
            nmda=0.5 * np.array([[0.327, 0.258], [0.0, 0.0]]) * scale,
            gaba=np.array([[0.0, 0.0], [1.25, 0.973]]) * scale,
            channel=np.array([AMPA, GABA_FAST]),
            utilisation=pair,
            recovery=0.0 * pair,
            facilitation=pair,
            afferent_ampa=np.array([2.8, 2.0]),
            afferent_nmda=np.zeros(2),
        ),
        ampa_time=2.0,
        nmda_time=100.0,
        gaba_fast_time=10.0,
        gaba_slow_time=10.0,
        gaba_reversal=-70.0,
        mg_over_k=np.full(4, 1.0 / 3.57),
        step=STEP,
    )
    graph = _random_graph(n, degree, class_start, np.random.default_rng(seed))
    return Case(f"nmda_{n}", ("E", "I"), graph, parameters, _plain(np.eye(4)[:, :1] * np.ones(n), rates), rates)


def _plain(shares: np.ndarray, rates: np.ndarray) -> Modulation:
    """No drug, no tonic conductance; GluN2 subunits (4, n), afferents of each class at its rate (1/ms)."""
    zeros, ones = np.zeros(shares.shape[1]), np.ones(shares.shape[1])
    gains = (ones,) * 6
    return Modulation(shares, np.zeros_like(shares), *gains, zeros, poisson_thresholds(rates * STEP))


def _random_graph(n: int, degree: int, class_start: np.ndarray, rng: np.random.Generator) -> Graph:
    """Draw ``degree`` different targets for every neuron, in blocks of sources to bound memory."""
    row_start = np.arange(n, dtype=np.int64) * degree
    target = np.empty((n, degree), np.int32)
    weight = np.empty((n, degree), np.float32)
    for first in range(0, n, 1000):
        rows = slice(first, min(first + 1000, n))
        # sorted numbers with repetition, spread by 0, 1, 2, ..., are sorted numbers without; one place is the source's
        places = rng.integers(0, n - degree, (rows.stop - first, degree), np.int32)
        places.sort(axis=1)
        places += np.arange(degree, dtype=np.int32)
        places += places >= np.arange(first, rows.stop)[:, None]
        target[rows] = places
        logarithm = rng.standard_normal(places.shape, np.float32)
        weight[rows] = np.exp(np.float32(0.5) * logarithm - np.float32(0.125))
    return Graph(
        row_start=row_start,
        row_end=row_start + degree,
        target=target.ravel(),
        weight=weight.ravel(),
        delay=np.full(n * degree, round(1.0 / STEP), np.int16),
        node_class=np.repeat(np.arange(2, dtype=np.int8), np.diff(class_start)),
        class_start=class_start,
        shortest_delay=round(1.0 / STEP),
        longest_delay=round(1.0 / STEP),
    )


def prefrontal(n: int, seed: int = 1) -> Case:
    """The default circuit as `ketasim.run` builds it, without drug and without extrasynaptic conductance."""
    topology = prefrontal_microcircuit(n, seed)
    network = build(topology)
    names, shares = topology.population_names, network.nmda_shares
    rates = np.array([CELL_CLASSES[name].afferent_rate for name in names])
    return Case(
        name=f"prefrontal_{n}",
        class_names=names,
        graph=network.graph,
        parameters=network.parameters,
        modulation=_plain(shares, rates),
        afferent_rate=rates,
    )
