"""The default circuit: who is connected to whom, how strongly, how late, and the same for the same seed."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from ketasim.kernels.graph import bytes_per_synapse
from ketasim.network.build import build
from ketasim.network.prefrontal_microcircuit import (
    REACH,
    class_sizes,
    connection_probability,
    expected_synapses,
    in_degree_scale,
    prefrontal_microcircuit,
    reference_in_degree,
)
from ketasim.network.synapses import SYNAPSES
from ketasim.network.topology import Edges, make_topology

NAMES = ("PYR", "PV", "SST")
PAIRS = [(i, j) for i in range(3) for j in range(3)]
# from Billeh et al. 2020 and Campagnola et al. 2022, written down again
PROBABILITY = {
    "PYR": {"PYR": 0.16, "PV": 0.395, "SST": 0.182},
    "PV": {"PYR": 0.411, "PV": 0.451, "SST": 0.030},
    "SST": {"PYR": 0.424, "PV": 0.857, "SST": 0.082},
}
WIDTH = {
    "PYR": {"PYR": 127.0, "PV": 99.84, "SST": 99.84},
    "PV": {"PYR": 96.6, "PV": 126.77, "SST": 126.77},
    "SST": {"PYR": 96.6, "PV": 126.77, "SST": 126.77},
}
LATENCY = {
    "PYR": {"PYR": 1.82, "PV": 1.17, "SST": 1.47},
    "PV": {"PYR": 0.90, "PV": 1.01, "SST": 1.06},
    "SST": {"PYR": 1.13, "PV": 1.20, "SST": 1.41},
}
# Chance that a correct circuit fails a statistical check; with seeds fixed it fails always or never.
LIMIT = stats.norm.isf(1e-6 / 2)


def side_of(neurons):
    """Edge of the square sheet in um, at 37,100 neurons per mm^2."""
    return 1e3 * math.sqrt(neurons / 37_100.0)


def distance_between(here, there, side):
    """Distance on the wrapped sheet, as the shortest to any of nine images."""
    apart = there - here
    shifts = [np.array([dx, dy]) * side for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    return np.min([np.sqrt(((apart + shift) ** 2).sum(axis=-1)) for shift in shifts], axis=0)


def expected_probability(source, target, distance):
    falloff = np.exp((75.0**2 - distance**2) / (2.0 * WIDTH[source][target] ** 2))
    return np.minimum(1.0, PROBABILITY[source][target] * falloff)


@pytest.fixture(scope="module")
def circuit():
    return prefrontal_microcircuit(2000, seed=4)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{NAMES[pair[0]]}-{NAMES[pair[1]]}")
def test_connection_probability_by_distance(circuit, pair):
    """Catches a transposed table or distances that do not wrap: the count of each bin within its binomial error."""
    source, target = (circuit.slice_of(NAMES[index]) for index in pair)
    position = circuit.position
    distance = distance_between(position[source, None], position[None, target], side_of(2000))
    connected = np.zeros((circuit.n_nodes,) * 2, bool)
    connected[circuit.source, circuit.target] = True
    connected = connected[source, target]
    probability = expected_probability(NAMES[pair[0]], NAMES[pair[1]], distance)
    if pair[0] == pair[1]:
        np.fill_diagonal(probability, 0.0)
    bins = np.digitize(distance, [25.0, 50.0, 75.0, 100.0, 130.0])
    for number in range(6):
        here = bins == number
        variance = (probability * (1.0 - probability))[here].sum()
        assert abs(connected[here].sum() - probability[here].sum()) <= LIMIT * math.sqrt(variance)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{NAMES[pair[0]]}-{NAMES[pair[1]]}")
def test_connection_probability_equals_its_formula(pair):
    """Catches a small error in a table or the fall-off that a sample would not show, and probabilities above 1."""
    distance = np.arange(300.0)
    expected = expected_probability(NAMES[pair[0]], NAMES[pair[1]], distance)
    assert_allclose(connection_probability(pair, distance), expected, rtol=1e-12)


@pytest.mark.parametrize("neurons", [1, 2, 7, 100, 800, 1013])
def test_sizes_of_classes(neurons):
    """Catches rounding that loses or adds neurons: 80 % PYR, 11 % PV, 9 % SST."""
    sizes = class_sizes(neurons)
    assert sizes.sum() == neurons
    assert np.abs(sizes - np.array([0.80, 0.11, 0.09]) * neurons).max() <= 1.0
    topology = prefrontal_microcircuit(neurons, seed=1)
    assert list(topology.sizes.values()) == [size for size in sizes if size]


def test_neurons_lie_evenly_in_a_sheet_of_the_stated_density(circuit):
    """Catches a wrong density, or neurons crowded somewhere: counts of 16 squares by chi-squared."""
    side = side_of(2000)
    assert circuit.position.min() >= 0.0
    assert 0.995 * side < circuit.position.max() <= side
    counts, _, _ = np.histogram2d(*circuit.position.T, bins=4, range=[[0.0, side], [0.0, side]])
    assert stats.chisquare(counts.ravel()).pvalue > 1e-6


def test_edges_are_simple_and_sorted(circuit):
    """Catches self-edges, doubled edges, and nodes or edges out of order."""
    assert (circuit.source != circuit.target).all()
    assert (np.diff(circuit.source.astype(np.int64) * circuit.n_nodes + circuit.target) > 0).all()
    assert (np.diff(circuit.population) >= 0).all()


def test_weights_are_log_normal_with_mean_1(circuit):
    """Catches weights whose mean moves with their scatter: mean 1, SD of the logarithm 0.5, on spines 0.93."""
    population = circuit.population
    for pair in PAIRS:
        chosen = (population[circuit.source] == pair[0]) & (population[circuit.target] == pair[1])
        weight = circuit.weight[chosen]
        n = weight.size
        assert n > 500
        sd = 0.93 if pair == (0, 0) else 0.5
        scatter = math.sqrt(math.exp(sd**2) - 1.0)  # of a log-normal weight of mean 1
        assert abs(weight.mean() - 1.0) < LIMIT * scatter / math.sqrt(n)
        assert abs(np.log(weight).std() - sd) < LIMIT * sd / math.sqrt(2 * n)
        assert abs(stats.skew(np.log(weight))) < LIMIT * math.sqrt(6.0 / n)


def test_weights_fit_the_kernel_without_rounding(circuit):
    """Catches a written network that runs differently from the one in memory: weights are numbers of 32 bits."""
    assert_array_equal(circuit.weight, circuit.weight.astype(np.float32))


@pytest.mark.parametrize("neurons", [30, 2000])
def test_delays_follow_distance(neurons):
    """Catches a delay under the step, or one that does not grow by 1 ms in 300 um from its class pair's latency."""
    circuit = prefrontal_microcircuit(neurons, seed=4)
    position, population = circuit.position, circuit.population
    distance = distance_between(position[circuit.source], position[circuit.target], side_of(neurons))
    latency = np.array([[LATENCY[source][target] for target in NAMES] for source in NAMES])
    expected = latency[population[circuit.source], population[circuit.target]] + (distance - 75.0) / 300.0
    assert_allclose(circuit.delay, expected, rtol=0.0, atol=1e-5)  # single precision, of distances too
    assert circuit.delay.min() >= 0.1


def test_same_seed_same_circuit():
    """Catches a circuit that depends on anything but size and seed, and seeds that are not told apart."""
    columns = ("position", "source", "target", "weight", "delay")
    one, again, other = (prefrontal_microcircuit(200, seed=seed) for seed in (3, 3, 4))
    for name in columns:
        assert_array_equal(getattr(one, name), getattr(again, name))
    assert (one.position != other.position).all()
    assert np.intersect1d(one.weight, other.weight).size < 0.01 * one.n_edges


def test_reference_in_degree_is_that_of_800_neurons():
    """Catches conductances stated for one circuit and applied to another."""
    sizes = dict(zip(NAMES, (640, 88, 72), strict=True))
    for source in NAMES:
        for target in NAMES:
            expected = sizes[source] * PROBABILITY[source][target]
            assert reference_in_degree(source, target) == pytest.approx(expected)


@pytest.mark.parametrize("neurons", [300, 1000, 3000])
def test_total_conductance_does_not_depend_on_size(neurons):
    """Catches a circuit that is driven harder because it is larger: mean conductance onto a neuron by class pair."""
    topology = prefrontal_microcircuit(neurons, seed=2)
    scale = topology.conductance_scale
    network = build(topology)
    synapses, graph = network.parameters.synapses, network.graph
    source = np.repeat(graph.node_class, graph.row_end - graph.row_start)
    target = graph.node_class[graph.target]
    for i, j in PAIRS:
        chosen = (source == i) & (target == j)
        per_neuron = 1.0 / topology.sizes[NAMES[j]]
        wanted = reference_in_degree(NAMES[i], NAMES[j])
        assert scale[NAMES[i], NAMES[j]] * chosen.sum() * per_neuron == pytest.approx(wanted, rel=1e-12)
        weights = graph.weight[chosen].astype(np.float64)
        error = LIMIT * math.sqrt(math.exp(0.25) - 1.0) / math.sqrt(weights.size)
        for name in ("ampa", "nmda", "gaba"):
            total = getattr(synapses, name)[i, j] * weights.sum() * per_neuron
            stated = getattr(SYNAPSES[NAMES[i], NAMES[j]], name) * wanted
            assert total == pytest.approx(stated, rel=error)


def test_in_degree_scale_leaves_absent_pairs_alone():
    """Catches a division by zero, or a scale for pairs that have no edges."""
    population = np.array([0, 0, 1])
    edges = Edges(np.array([0, 1]), np.array([2, 2]), np.ones(2), np.ones(2))
    topology = make_topology(("PYR", "PV"), population, np.zeros((3, 2)), edges)
    scale = in_degree_scale(topology, lambda source, target: {("PYR", "PV"): 50.0}.get((source, target), 9.0))
    assert scale == {("PYR", "PV"): 25.0}


def test_memory_per_synapse(circuit):
    """Catches a graph that grows beyond the promised 16 bytes a synapse."""
    assert bytes_per_synapse(build(circuit).graph) < 10.1
    columns = (circuit.source, circuit.target, circuit.weight, circuit.delay)
    assert sum(column.nbytes for column in columns) == 16 * circuit.n_edges


def test_cut_off_loses_what_its_documentation_says():
    """Catches a reach so short that it shows: synapses lost in an endless sheet, where a neuron has 868 on average."""
    distance = np.arange(0.0, 2000.0, 0.01)
    share = dict(zip(NAMES, (0.80, 0.11, 0.09), strict=True))
    all_targets = lost = 0.0
    for source in NAMES:
        for target in NAMES:
            chance = expected_probability(source, target, distance)
            there = 2.0 * math.pi * distance * chance * 37_100e-6 * share[target] * 0.01
            all_targets += share[source] * there.sum()
            lost += share[source] * there[distance > REACH * WIDTH[source][target]].sum()
    assert all_targets == pytest.approx(868.4, abs=0.1)
    assert lost == pytest.approx(0.0032, abs=1e-4)


def test_no_synapse_is_longer_than_the_reach(monkeypatch):
    """Catches wiring that pays no heed to the cut-off, or one of another class pair: shortened to fit a small sheet."""
    monkeypatch.setattr("ketasim.network.prefrontal_microcircuit.REACH", 1.0)
    circuit = prefrontal_microcircuit(2000, seed=5)
    position, population = circuit.position, circuit.population
    distance = distance_between(position[circuit.source], position[circuit.target], side_of(2000))
    for i, j in PAIRS:
        chosen = (population[circuit.source] == i) & (population[circuit.target] == j)
        longest = distance[chosen].max() / WIDTH[NAMES[i]][NAMES[j]]
        assert 0.98 < longest < 1.0 + 1e-6


def test_circuit_does_not_depend_on_how_it_was_cut(monkeypatch):
    """Catches a synapse lost or drawn anew where the wiring kernel goes on in another call."""
    whole = prefrontal_microcircuit(700, seed=6)
    monkeypatch.setattr("ketasim.network.prefrontal_microcircuit._PLACES", 700)
    in_pieces = prefrontal_microcircuit(700, seed=6)
    for name in ("source", "target", "weight", "delay"):
        assert_array_equal(getattr(whole, name), getattr(in_pieces, name))


def test_near_numbers_are_near_places(circuit):
    """Catches neurons numbered at random, whose groups of targets would be the whole sheet."""
    for name, limit in zip(NAMES, (45.0, 70.0, 70.0), strict=True):
        position = circuit.position[circuit.slice_of(name)]
        steps = distance_between(position[:-1], position[1:], side_of(2000))
        random = distance_between(position, np.random.default_rng(1).permutation(position), side_of(2000))
        assert np.median(steps) < limit < np.median(random)


@pytest.mark.parametrize("neurons", [20, 300, 3000])
def test_expected_synapses_are_those_that_are_built(neurons):
    """Catches an in-degree that is constant in small sheets or not in large ones: 10 % of 20 neurons, 1 % of more."""
    built = prefrontal_microcircuit(neurons, seed=1)
    tolerance = 0.1 if neurons == 20 else 0.01
    found = expected_synapses(neurons)
    assert sum(found.values()) == pytest.approx(built.n_edges, rel=tolerance)
    inside = (built.population[built.source] == 0) & (built.population[built.target] == 0)
    assert found["PYR", "PYR"] == pytest.approx(inside.sum(), rel=3 * tolerance)
