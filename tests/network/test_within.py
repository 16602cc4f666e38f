"""Edges of a class pair."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ketasim.network.topology import Edges, make_topology
from ketasim.network.within import edges_within, with_edges_within


def random_topology(seed):
    random = np.random.default_rng(seed)
    source, target = np.nonzero(random.random((12, 12)) < 0.3)
    other = source != target
    edges = Edges(source[other], target[other], random.lognormal(size=other.sum()), random.uniform(1, 5, other.sum()))
    return make_topology(("PV", "PYR", "SST"), np.repeat([0, 1, 2], 4), np.zeros((12, 2)), edges)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), pair=st.tuples(*[st.sampled_from(["PV", "PYR", "SST"])] * 2))
def test_taken_out_and_put_back(seed, pair):
    """Catches edges of other populations among them, numbers that are not shifted back, and another order."""
    topology = random_topology(seed)
    edges = edges_within(topology, pair)
    first, second = (topology.slice_of(name).start for name in pair)
    names = np.array(topology.population_names)[topology.population]
    of_pair = (names[topology.source] == pair[0]) & (names[topology.target] == pair[1])
    assert edges.source.size == np.count_nonzero(of_pair)
    for source, target, weight, delay in zip(*edges, strict=True):
        place = (topology.source == source + first) & (topology.target == target + second)
        assert topology.weight[place].tolist() == [weight]
        assert topology.delay[place].tolist() == [delay]
    shuffled = np.random.default_rng(seed).permutation(edges.source.size)
    again = with_edges_within(topology, pair, Edges(*(column[shuffled] for column in edges)))
    assert again.sha256 == topology.sha256
    without = with_edges_within(topology, pair, Edges(*(column[:0] for column in edges)))
    assert without.n_edges == topology.n_edges - edges.source.size
    assert edges_within(without, pair).source.size == 0


def test_one_name_is_a_population_and_itself():
    """Catches a name that stands for all edges of a population."""
    topology = random_topology(1)
    for ours, theirs in zip(edges_within(topology, "PV"), edges_within(topology, ("PV", "PV")), strict=True):
        assert_array_equal(ours, theirs)
    assert edges_within(topology, "PV").source.size


def test_results_are_copies():
    """Catches a change of the edges taken out that reaches the topology."""
    topology = random_topology(1)
    before = topology.sha256
    edges = edges_within(topology, "PYR")
    edges.weight[:] = 7.0
    edges.target[:] = 0
    assert (
        make_topology(
            topology.population_names, topology.population, topology.position, topology_edges(topology)
        ).sha256
        == before
    )
    with pytest.raises(KeyError, match="no population 'VIP'"):
        edges_within(topology, "VIP")


def topology_edges(topology):
    return Edges(topology.source, topology.target, topology.weight, topology.delay)


def test_single_precision_stays(seed=3):
    """Catches memory that doubles where weights are replaced by others of single precision."""
    topology = random_topology(seed)
    single = Edges(topology.source, topology.target, topology.weight.astype("f4"), topology.delay.astype("f4"))
    topology = make_topology(topology.population_names, topology.population, topology.position, single)
    edges = edges_within(topology, "PYR")
    again = with_edges_within(topology, "PYR", edges)
    assert again.weight.dtype == again.delay.dtype == np.float32
    assert_array_equal(again.weight, topology.weight)


def test_factors_on_conductances_stay():
    """Catches a graph of a later time that is another circuit, because its factors are lost."""
    topology = replace(random_topology(1), conductance_scale={("PYR", "PYR"): 3.0})
    again = with_edges_within(topology, "PYR", edges_within(topology, "PYR"))
    assert again.conductance_scale == topology.conductance_scale and again.sha256 == topology.sha256
