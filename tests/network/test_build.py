"""From topology to kernel: rows, class tables, thresholds and maximal NMDA conductances, against slow loops."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.kernels.records import AMPA, GABA_FAST, GABA_SLOW
from ketasim.network.build import build, event_scale, poisson_thresholds
from ketasim.network.cell_classes import CELL_CLASSES
from ketasim.network.synapses import SYNAPSES, Receptors, Synapse, Tables
from ketasim.network.topology import Edges, make_topology


def random_topology(names, sizes, seed=0, probability=0.5):
    """Random circuit of the named populations."""
    rng = np.random.default_rng(seed)
    population = np.repeat(np.arange(len(names)), sizes)
    n = population.size
    source, target = np.nonzero((rng.random((n, n)) < probability) & ~np.eye(n, dtype=bool))
    weight, delay = rng.lognormal(0.0, 0.5, source.size), rng.uniform(0.1, 30.0, source.size)
    return make_topology(names, population, rng.random((n, 2)), Edges(source, target, weight, delay))


def scaled_by(topology, scale):
    """The topology with the factors on conductances of a table (source, target)."""
    names = topology.population_names
    factors = {(names[i], names[j]): float(factor) for (i, j), factor in np.ndenumerate(scale)}
    return replace(topology, conductance_scale=factors)


@pytest.fixture
def topology():
    return random_topology(("PYR", "PV", "SST"), (9, 5, 4))


def name_of(topology, node):
    return topology.population_names[topology.population[node]]


def test_rows_hold_the_edges_of_the_topology(topology):
    """Catches an edge that is lost, doubled or given to another source, and delays cut instead of rounded."""
    graph = build(topology).graph
    edges = []
    for source in range(topology.n_nodes):
        for edge in range(graph.row_start[source], graph.row_end[source]):
            edges.append((source, graph.target[edge], graph.weight[edge], graph.delay[edge]))
    assert len(edges) == topology.n_edges == graph.target.size
    columns = zip(topology.source, topology.target, topology.weight, topology.delay, strict=True)
    for (source, target, weight, delay), (*ends, stated_weight, stated_delay) in zip(edges, columns, strict=True):
        assert [source, target] == ends
        assert weight == np.float32(stated_weight)
        assert delay == max(1, round(stated_delay / 0.1))
    assert build(topology).graph.longest_delay == max(delay for *_, delay in edges)
    assert graph.node_class.tolist() == topology.population.tolist()
    for number, name in enumerate(topology.population_names):
        here = topology.slice_of(name)
        assert (graph.class_start[number], graph.class_start[number + 1]) == (here.start, here.stop)


def test_maximal_nmda_conductance(topology):
    """Catches a gate that is compared with the wrong full scale: a slow loop over edges, and the afferents by hand."""
    scale = np.arange(1.0, 10.0).reshape(3, 3)
    network = build(scaled_by(topology, scale))
    maximum = np.zeros(topology.n_nodes)
    for edge in range(topology.n_edges):
        source, target = topology.source[edge], topology.target[edge]
        kinds = topology.population[source], topology.population[target]
        synapse = SYNAPSES[name_of(topology, source), name_of(topology, target)]
        weight = float(np.float32(topology.weight[edge]))  # as the kernel has it
        maximum[target] += weight * synapse.nmda * scale[kinds]
    for node in range(topology.n_nodes):
        cell = CELL_CLASSES[name_of(topology, node)]
        axons = cell.afferent_rate * 1000.0 / 2.0  # each fires at 2 Hz
        maximum[node] += axons * cell.afferent_nmda / 0.6321205588285577  # a spike opens 1 - 1/e of its channels
    assert_allclose(network.nmda_circuit + network.nmda_afferent, maximum, rtol=1e-12)
    assert_allclose(network.nmda_extrasynaptic, 0.5625 * maximum, rtol=1e-12)


def test_extrasynaptic_share_is_36_percent():
    """Catches a ratio taken for a share: 36 % of all receptors lie outside synapses."""
    ratio = Receptors().extrasynaptic_ratio
    assert ratio / (1.0 + ratio) == pytest.approx(0.36)


@pytest.mark.parametrize("names", [("PYR",), ("PV", "SST"), ("PYR", "SST"), ("PYR", "PV", "SST")])
def test_tables_follow_the_populations_present(names):
    """Catches tables in the order of all known classes where a network has only some of them."""
    network = build(random_topology(names, [3] * len(names)))
    synapses, cells = network.parameters.synapses, network.parameters.cells
    channels = {"PYR": AMPA, "PV": GABA_FAST, "SST": GABA_SLOW}
    assert synapses.channel.tolist() == [channels[name] for name in names]
    assert network.excitatory.tolist() == [name_of(network.topology, node) == "PYR" for node in range(3 * len(names))]
    for i, source in enumerate(names):
        for field in cells._fields:
            assert getattr(cells, field)[i] == getattr(CELL_CLASSES[source], field)
        assert synapses.afferent_ampa[i] == CELL_CLASSES[source].afferent_ampa
        assert synapses.afferent_nmda[i] == CELL_CLASSES[source].afferent_nmda
        for j, target in enumerate(names):
            synapse = SYNAPSES[source, target]
            for field in ("ampa", "nmda", "gaba", "recovery", "facilitation"):
                assert getattr(synapses, field)[i, j] == getattr(synapse, field)
            assert synapses.utilisation[i, j] == 0.5 * synapse.utilisation
    for node in range(network.topology.n_nodes):
        shares = CELL_CLASSES[name_of(network.topology, node)].nmda_shares
        assert_array_equal(network.nmda_shares[:, node], shares)


def test_receptor_constants_reach_the_kernel(topology):
    """Catches a constant that is stated but not used, and Mg over the wrong K."""
    times = {"ampa_time": 3.0, "nmda_time": 90.0, "gaba_fast_time": 5.0, "gaba_slow_time": 20.0}
    halves = {"mg_half_2a": 4.0, "mg_half_2b": 2.0, "mg_half_2c": 16.0, "mg_half_2d": 8.0}
    receptors = Receptors(**times, **halves, gaba_reversal=-80.0, mg=2.0)
    parameters = build(topology, receptors=receptors).parameters
    for name in ("ampa_time", "nmda_time", "gaba_fast_time", "gaba_slow_time", "gaba_reversal"):
        assert getattr(parameters, name) == getattr(receptors, name)
    assert parameters.mg_over_k.tolist() == [0.5, 1.0, 0.125, 0.25]
    assert parameters.step == 0.1


def test_afferent_thresholds_are_the_poisson_distribution():
    """Catches a wrong mean or a tail cut too early: cumulative probabilities summed term by term, to 2**-32."""
    means = [*(cell.afferent_rate * 0.1 for cell in CELL_CLASSES.values()), 0.0, 1.3]  # per step
    for row, mean in zip(poisson_thresholds(np.array(means)), means, strict=True):
        total, exact = Fraction(0), []
        for count in range(row.size):
            total += Fraction(mean) ** count / math.factorial(count)
            exact.append(math.exp(-mean) * float(total))
        limits = [min(math.ceil(p * 2**32) - 1, 2**32 - 1) for p in exact]
        assert_allclose(row.astype(float), limits, atol=1.0)  # rounding of the distribution function
        assert 1.0 - exact[-1] < 2.0**-32


def test_scale_multiplies_conductances_of_its_class_pair(topology):
    """Catches a scale that is transposed, or that reaches the plasticity or the afferents."""
    scale = np.arange(1.0, 10.0).reshape(3, 3)
    plain, scaled = (build(one).parameters.synapses for one in (topology, scaled_by(topology, scale)))
    for name in plain._fields:
        factor = scale if name in ("ampa", "nmda", "gaba") else 1.0
        assert_array_equal(getattr(scaled, name), getattr(plain, name) * factor)


def test_network_without_edges_can_be_built():
    """Catches an error on the longest delay or the sums of nothing."""
    topology = make_topology(("PYR",), np.zeros(2, int), np.zeros((2, 2)), Edges(*[np.zeros(0, int)] * 4))
    network = build(topology)
    assert network.graph.longest_delay == 1
    assert network.graph.row_end.tolist() == [0, 0]
    assert (network.nmda_afferent > 0.0).all()
    assert not network.nmda_circuit.any()


def own_tables(exact_charge):
    """Three populations of one's own: glutamate, fast and slow GABA."""
    cells = {name: CELL_CLASSES["PYR"]._replace(leak=leak) for name, leak in (("E", 11.0), ("F", 12.0), ("S", 13.0))}
    cells |= {name: cells[name]._replace(inhibitory=True, afferent_ampa=0.5) for name in "FS"}
    synapses = {("E", "F"): Synapse(ampa=1.0, nmda=2.0), ("F", "E"): Synapse(gaba=3.0), ("S", "E"): Synapse(gaba=4.0)}
    receptors = Receptors(ampa_time=3.0, nmda_time=80.0, gaba_fast_time=5.0, gaba_slow_time=20.0, mg=0.7)
    return Tables(cells, synapses, frozenset("S"), receptors, exact_charge)


def test_own_tables_take_the_place_of_the_default_ones():
    """Catches a number of the default circuit in a network that brings its own."""
    tables = own_tables(exact_charge=False)
    network = build(random_topology(("E", "F", "S"), (4, 3, 2)), tables=tables)
    parameters, synapses = network.parameters, network.parameters.synapses
    assert parameters.cells.leak.tolist() == [11.0, 12.0, 13.0]
    assert synapses.channel.tolist() == [AMPA, GABA_FAST, GABA_SLOW]
    assert synapses.ampa.tolist() == [[0.0, 1.0, 0.0], [0.0] * 3, [0.0] * 3]
    assert synapses.gaba.tolist() == [[0.0] * 3, [3.0, 0.0, 0.0], [4.0, 0.0, 0.0]]
    assert synapses.utilisation.tolist() == [[0.0, 0.5, 0.0], [0.5, 0.0, 0.0], [0.5, 0.0, 0.0]]  # 1 in vitro
    assert (parameters.ampa_time, parameters.mg_over_k[0]) == (3.0, 0.7 / tables.receptors.mg_half_2a)
    assert network.tables == tables


def test_exact_charge_is_what_an_event_delivers_in_steps():
    """Catches a scale that does not undo the kernel's holding of conductances during a step."""
    for time in (0.5, 2.0, 100.0):
        held = sum(event_scale(time) * math.exp(-0.1 * step / time) * 0.1 for step in range(40_000))
        assert held == pytest.approx(time, rel=1e-12)
    topology = random_topology(("E", "F", "S"), (4, 3, 2))
    stated, exact = (build(topology, tables=own_tables(which)).parameters.synapses for which in (False, True))
    for name, time in (("ampa", 3.0), ("nmda", 80.0), ("afferent_ampa", 3.0), ("afferent_nmda", 80.0)):
        assert_allclose(getattr(exact, name), getattr(stated, name) * event_scale(time), rtol=1e-15)
    assert_allclose(exact.gaba, stated.gaba * np.array([[1.0], [event_scale(5.0)], [event_scale(20.0)]]), rtol=1e-15)
    assert_array_equal(exact.utilisation, stated.utilisation)
