"""Connections drawn from a circuit file: who, how many, how strong, and the same for the same seed."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.network.synapses import PREFRONTAL
from ketasim.network_files.circuit import Circuit, Wiring, chosen, circuit_topology

ALL = Wiring(1.0, 0.0, 0.5)


def circuit(sizes, wiring):
    return Circuit(PREFRONTAL, sizes, wiring)  # the tables play no part here


def edges_of(topology, source, target):
    names = topology.population_names
    ends = topology.population[topology.source], topology.population[topology.target]
    return (ends[0] == names.index(source)) & (ends[1] == names.index(target))


def test_all_to_all_is_every_pair_but_oneself():
    """Catches synapses of a neuron onto itself and pairs that are left out or connected without being asked."""
    made = circuit_topology(circuit({"A": 4, "B": 3}, {("A", "A"): ALL, ("A", "B"): ALL._replace(delay=1.5)}), seed=1)
    pairs = set(zip(made.source.tolist(), made.target.tolist(), strict=True))
    assert pairs == {(i, j) for i in range(4) for j in range(7) if i != j} and len(pairs) == made.n_edges
    assert made.sizes == {"A": 4, "B": 3} and set(made.weight) == {1.0}
    assert set(made.delay[edges_of(made, "A", "A")]) == {0.5} and set(made.delay[edges_of(made, "A", "B")]) == {1.5}


def test_drawn_connections_have_their_probability_and_weights():
    """Catches a probability or a spread of weights that is not the one stated: within 4 standard errors."""
    wiring = {("A", "A"): Wiring(0.03, 0.5, 1.0), ("A", "B"): Wiring(0.4, 0.0, 1.0)}
    made = circuit_topology(circuit({"A": 900, "B": 300}, wiring), seed=2)
    inside, across = edges_of(made, "A", "A"), edges_of(made, "A", "B")
    for found, possible, probability in ((inside.sum(), 900 * 899, 0.03), (across.sum(), 900 * 300, 0.4)):
        assert abs(found - possible * probability) < 4.0 * np.sqrt(possible * probability * (1.0 - probability))
    logarithms = np.log(made.weight[inside])
    n = logarithms.size
    assert logarithms.std() == pytest.approx(0.5, abs=4.0 * 0.5 / np.sqrt(2 * n))
    assert made.weight[inside].mean() == pytest.approx(1.0, abs=4.0 * 0.54 / np.sqrt(n))
    assert set(made.weight[across]) == {1.0}
    # targets are spread evenly over the population, not in runs
    in_degree = np.bincount(made.target[inside], minlength=900)
    assert in_degree.var() == pytest.approx(900 * 0.03 * 0.97, rel=4.0 * np.sqrt(2 / 900))


def test_a_seed_is_a_circuit_and_pairs_do_not_share_numbers():
    """Catches a circuit that differs from run to run, seeds that agree, and one connection that moves another."""
    wiring = {("A", "A"): Wiring(0.2, 0.5, 1.0), ("B", "A"): Wiring(0.2, 0.5, 1.0)}
    sizes = {"A": 60, "B": 60}
    first, again = (circuit_topology(circuit(sizes, wiring), seed=3) for _ in range(2))
    assert first.sha256 == again.sha256 != circuit_topology(circuit(sizes, wiring), seed=4).sha256
    alone = circuit_topology(circuit(sizes, {("B", "A"): wiring["B", "A"]}), seed=3)
    chosen_edges = edges_of(first, "B", "A")
    assert_array_equal(alone.weight, first.weight[chosen_edges])
    assert_array_equal(alone.target, first.target[chosen_edges])
    inside = {(i, j) for i, j in zip(first.source, first.target, strict=True) if i < 60}
    assert inside != {(i - 60, j) for i, j in zip(alone.source, alone.target, strict=True)}


@pytest.mark.parametrize(("n", "probability"), [(0, 0.5), (1, 1e-6), (1, 1.0), (7, 1.0), (1000, 0.999), (10**6, 1e-3)])
def test_chosen_numbers_are_in_range_and_ascend(n, probability):
    """Catches a number outside the range, twice, or a last stretch that is never reached."""
    found = [chosen(n, probability, np.random.default_rng(seed)) for seed in range(20)]
    for numbers in found:
        assert np.all(np.diff(numbers) > 0) and (not numbers.size or (numbers[0] >= 0 and numbers[-1] < n))
    total = sum(numbers.size for numbers in found)
    assert abs(total - 20 * n * probability) <= 4.0 * np.sqrt(20 * n * probability * (1.0 - probability)) + 1e-3


def test_nothing_connected_is_a_circuit_too():
    """Catches a circuit without connections that cannot be built."""
    made = circuit_topology(circuit({"A": 5}, {}), seed=1)
    assert (made.n_nodes, made.n_edges) == (5, 0)
    assert len({tuple(place) for place in made.position.tolist()}) == 5
