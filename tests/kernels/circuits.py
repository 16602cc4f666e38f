"""A bench for small circuits: which neurons and edges, what is changed about them, and one run after another."""

from itertools import product

import numpy as np
from numpy.testing import assert_array_equal

from ketasim.kernels.records import Activity, FastClock, Modulation, new_activity
from ketasim.kernels.spiking_network import run_window
from ketasim.network.build import build, poisson_thresholds
from ketasim.network.topology import FAST_STEP, Edges, make_topology
from ketasim.network.weights import WeightSet, tables_of

NAMES = ("PYR", "PV", "SST")

#: Weights with which a dozen neurons are lively; what the kernel does is not tested on whatever the default is.
LIVELY = tables_of(
    WeightSet(
        0.071, 0.126, 0.06, 0.039, 0.124, 0.08, 1.35, 1.59, 0.3, 1.36, 0.188, 0.2, 1.8, 1.1, 2.2, 0.1, 0.016, 0.05
    )
)


def circuit(populations, edges=(), scale=1.0):
    """Network of the named populations, given in the order of `NAMES`; edges are (source, target, weight, delay ms).

    scale : factor on all conductances
    """
    names = tuple(name for name in NAMES if name in populations)
    columns = list(zip(*edges, strict=True)) or [(), (), (), ()]
    kinds = (np.int64, np.int64, np.float64, np.float64)
    arrays = (np.array(column, kind) for column, kind in zip(columns, kinds, strict=True))
    population = np.array([names.index(name) for name in populations])
    position = np.zeros((len(populations), 2))
    factors = dict.fromkeys(product(names, names), scale)
    topology = make_topology(names, population, position, Edges(*arrays), conductance_scale=factors)
    return build(topology, tables=LIVELY)


def change_cells(parameters, **constants):
    """The same parameters with constants of all cell classes set to one value each."""
    cells = parameters.cells
    filled = {name: np.full_like(cells.leak, value) for name, value in constants.items()}
    return parameters._replace(cells=cells._replace(**filled))


def modulation(network, *, afferents=False, **values):
    """`Modulation` of a network without drug, or with values for some of its entries.

    afferents : whether the background has its own rate; else it is silent.
    """
    neutral = {"release_gain": 1.0, "ampa_gain": 1.0, "inhibition_gain": 1.0, "current": 0.0}
    neutral |= {"afferent_gain": 1.0, "afferent_release_gain": 1.0, "afferent_ampa_gain": 1.0}
    n, names = network.graph.node_class.size, network.topology.population_names
    rates = np.array([network.tables.cells[name].afferent_rate if afferents else 0.0 for name in names])  # 1/ms
    receptors = {"nmda": (1.0, 0.0, 0.0, 0.0), "tonic": (0.0,) * 4}  # by subunit
    arrays = {name: np.full(n, value) * 1.0 for name, value in (neutral | values).items() if name not in receptors}
    for name, neutral in receptors.items():
        arrays[name] = np.array(np.broadcast_to(np.reshape(values.get(name, neutral), (4, -1)), (4, n)), float)
    return Modulation(**arrays, afferent_thresholds=poisson_thresholds(rates * FAST_STEP))


def fast_clock(seed=1, first_step=0, age=0):
    """`FastClock` of the types that the library hands to the kernel, so that only one version is compiled."""
    return FastClock(np.uint64(seed), np.int64(first_step), np.int64(age))


def copy_of(activity):
    """Independent copy of an `Activity`."""
    return Activity(*(array.copy() for array in activity))


def circuit_of_many_blocks(seed=21):
    """900 neurons in ten blocks, none of whose classes fills its last block, with 60 synapses each."""
    rng = np.random.default_rng(seed)
    sizes = {"PYR": 700, "PV": 111, "SST": 89}
    populations = [name for name, size in sizes.items() for _ in range(size)]
    pairs = {(i, int(j)) for i in range(900) for j in rng.choice(900, 60, replace=False) if i != j}
    edges = [(i, j, rng.lognormal(-0.125, 0.5), rng.uniform(0.5, 3.0)) for i, j in sorted(pairs)]
    return circuit(populations, edges, scale=3.0)


def random_modulation(network, seed):
    """Blocked NMDA channels, tonic conductance and gains that are not 1, different for each neuron; with afferents."""
    n = network.graph.node_class.size
    rng = np.random.default_rng([seed, n])
    return modulation(
        network,
        afferents=True,
        nmda=rng.uniform(0.0, 0.325, (4, n)),
        tonic=rng.uniform(0.0, 0.75, (4, n)),
        release_gain=rng.uniform(0.3, 1.6, n),
        ampa_gain=rng.uniform(0.5, 1.5, n),
        afferent_gain=rng.uniform(0.8, 1.2, n),
        current=rng.uniform(-20.0, 20.0, n),
        afferent_release_gain=rng.uniform(0.6, 1.6, n),
        afferent_ampa_gain=rng.uniform(0.7, 1.4, n),
        inhibition_gain=rng.uniform(0.6, 1.4, n),
    )


def assert_same_activity(one, other):
    """Every array of two activities equal, bit for bit."""
    for name, first, second in zip(one._fields, one, other, strict=True):
        assert_array_equal(first, second, err_msg=name)


class Bench:
    """A circuit whose windows follow each other; afferents are silent unless asked for."""

    def __init__(self, network, *, afferents=False, real=np.float64, **constants):
        self.network, self.graph, self.afferents = network, network.graph, afferents
        self.parameters = network.parameters._replace(**constants)
        self.n = self.graph.node_class.shape[0]
        self.modulate()
        self.activity = new_activity(self.graph, self.parameters, real)
        self.clock = fast_clock()

    def modulate(self, **values):
        """Set what slow mechanisms do: `modulation` with values for some of its entries."""
        self.modulation = modulation(self.network, afferents=self.afferents, **values)

    def run(self, n_steps):
        """Run on and return the window."""
        window = run_window(self.activity, self.graph, self.modulation, self.parameters, self.clock, n_steps)
        _, first_step, age = self.clock
        self.clock = fast_clock(self.clock.seed, first_step + n_steps, age + n_steps)
        return window

    def fire(self, *nodes):
        """Make neurons fire at the end of the next step, whatever state they are in, and run it."""
        self.activity.voltage[list(nodes)] = 0.0  # far above any cut-off
        self.activity.refractory_steps[list(nodes)] = 0
        window = self.run(1)
        assert set(nodes) <= set(window.spike_node.tolist())
        return window

    def train(self, node, interval, count):
        """Fire a neuron `count` times, every `interval` steps."""
        for _ in range(count):
            self.fire(node)
            if interval > 1:
                self.run(interval - 1)
