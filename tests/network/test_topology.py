from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ketasim.network.topology import Edges, edge_faults, make_topology

NAMES = ("PYR", "PV", "SST")


def edges(pairs, weight=None, delay=None):
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    weight = np.ones(len(pairs)) if weight is None else np.array(weight, float)
    delay = np.ones(len(pairs)) if delay is None else np.array(delay, float)
    return Edges(pairs[:, 0], pairs[:, 1], weight, delay)


def topology(pairs=((0, 1),), population=(2, 0, 0, 2), conductance_scale=None, **columns):
    population = np.array(population)
    position = np.arange(2.0 * len(population)).reshape(-1, 2)
    return make_topology(NAMES, population, position, edges(pairs, **columns), conductance_scale=conductance_scale)


def test_nodes_are_sorted_and_everything_follows():
    """Would catch edges, positions or labels left in the old numbering."""
    made = topology([(3, 0), (0, 2), (1, 3)], weight=[30, 2, 13], delay=[3, 1, 2])
    assert made.population_names == ("PYR", "SST")
    assert made.population.dtype == np.int16
    assert made.labels == (1, 2, 0, 3)
    assert_array_equal(made.population, [0, 0, 1, 1])
    assert_array_equal(made.position[:, 0], [2, 4, 0, 6])
    assert_array_equal(made.source, [0, 2, 3])
    assert_array_equal(made.target, [3, 1, 2])
    assert_array_equal(made.weight, [13, 2, 30])
    assert_array_equal(made.delay, [2, 1, 3])
    assert made.source.dtype == made.target.dtype == np.int32


def test_populations_are_slices_with_ids_from_zero():
    """Would catch node ids that run on over populations, which SONATA readers would not find."""
    made = topology()
    assert made.sizes == {"PYR": 2, "SST": 2}
    assert made.slice_of("SST") == slice(2, 4)
    assert_array_equal(made.node_id, [0, 1, 0, 1])
    with pytest.raises(KeyError, match="no population 'PV' in this network; it has PYR, SST"):
        made.slice_of("PV")


def test_labels_are_none_for_plain_numbers():
    """Would catch a label tuple kept (or lost) where nodes are already in order."""
    made = topology(population=(0, 0, 1, 2))
    assert made.labels is None
    named = make_topology(NAMES, np.array([1, 0]), np.zeros((2, 2)), edges([]), labels=["a", "b"])
    assert named.labels == ("b", "a")


@pytest.mark.parametrize(
    ("pairs", "columns", "message"),
    [
        ([(0, 1), (2, 2)], {}, "edge 2 -> 2: a node cannot connect to itself"),
        ([(0, 1), (1, 0), (0, 1)], {}, "edge 0 -> 1: this pair is connected twice"),
        ([(0, 1)], {"weight": [np.nan]}, "edge 0 -> 1: weight must be a finite number"),
        ([(0, 1)], {"weight": [-2]}, "edge 0 -> 1: weight must be positive"),
        ([(0, 1)], {"weight": [0]}, "edge 0 -> 1: weight must be positive"),
        ([(0, 1)], {"delay": [np.inf]}, "edge 0 -> 1: delay must be a finite number of ms"),
        ([(0, 1)], {"delay": [0]}, "edge 0 -> 1: delay must be positive"),
        ([(0, 1)], {"delay": [4000]}, "edge 0 -> 1: delay must be at most 1000 ms"),
        ([(0, 9)], {}, r"`target` must hold integers in 0\.\.3"),
        ([(-1, 0)], {}, r"`source` must hold integers in 0\.\.3"),
    ],
)
def test_impossible_edges_are_refused(pairs, columns, message):
    """Would catch an edge that the kernel would silently misread."""
    with pytest.raises(ValueError, match=message):
        topology(pairs, **columns)


def test_impossible_nodes_are_refused():
    """Would catch arrays of different lengths, and indices beyond the names."""
    with pytest.raises(ValueError, match="at least one node"):
        make_topology(NAMES, np.zeros(0, int), np.zeros((0, 2)), edges([]))
    with pytest.raises(ValueError, match=r"`population` must hold integers in 0\.\.2"):
        topology(population=(0, 3))
    with pytest.raises(ValueError, match="`position` must be finite"):
        make_topology(NAMES, np.array([0]), np.array([[0.0, np.nan]]), edges([]))
    with pytest.raises(ValueError, match="`labels` must be 2 different names"):
        make_topology(NAMES, np.array([0, 0]), np.zeros((2, 2)), edges([]), labels=["a", "a"])
    with pytest.raises(ValueError, match="equal lengths"):
        make_topology(NAMES, np.array([0, 0]), np.zeros((2, 2)), edges([(0, 1)], weight=[1, 2]))


def test_shortest_delay_is_a_limit():
    """Would catch a delay under the fast step, which the kernel cannot deliver."""
    found = list(edge_faults(edges([(0, 1), (1, 0)], delay=[0.1, 0.09]), 2, min_delay=0.1))
    assert [(fault.column, fault.edges.tolist()) for fault in found] == [("delay", [1])]
    assert "at least 0.1 ms" in found[0].message


def test_many_edges_are_put_in_order():
    """Would catch an order that is right for few edges only, or columns that do not follow it."""
    random = np.random.default_rng(1)
    key = random.choice(2000 * 2000, 110_000, replace=False)
    source, target = np.divmod(key, 2000)
    keep = source != target
    source, target = source[keep][:100_000], target[keep][:100_000]
    weight = 1.0 + source + 1e-4 * target
    population = random.integers(0, 3, 2000)
    made = make_topology(NAMES, population, np.zeros((2000, 2)), Edges(source, target, weight, weight / 1e4))
    assert made.n_edges == 100_000
    assert (np.diff(made.source.astype(np.int64) * 2000 + made.target) > 0).all()
    before = np.argsort(population, kind="stable")
    assert_array_equal(made.weight, 1.0 + before[made.source] + 1e-4 * before[made.target])
    assert_array_equal(made.delay, made.weight / 1e4)


def test_arrays_in_order_are_kept():
    """Would catch copies of a large network's arrays, and single precision made double."""
    columns = Edges(
        np.array([0, 0, 2], np.int32), np.array([1, 3, 0], np.int32), np.ones(3, np.float32), np.ones(3, np.float32)
    )
    made = make_topology(NAMES, np.array([0, 0, 1, 1]), np.zeros((4, 2)), columns)
    for name, column in zip(Edges._fields, columns, strict=True):
        assert getattr(made, name) is column
    turned = make_topology(NAMES, np.array([0, 0, 1, 1]), np.zeros((4, 2)), Edges(*(c[::-1] for c in columns)))
    assert turned.weight.dtype == turned.delay.dtype == np.float32
    whole = make_topology(NAMES, np.array([0, 0]), np.zeros((2, 2)), edges([(0, 1)])._replace(weight=np.array([2])))
    assert whole.weight.dtype == np.float64


def test_digest_is_one_of_values():
    """Would catch a network that is another one after it was stored and read in double precision."""
    pairs, weight = [(0, 1), (2, 3)], np.float32([0.1, 0.3])
    single, double = edges(pairs)._replace(weight=weight), edges(pairs)._replace(weight=weight.astype(float))
    changed = edges(pairs)._replace(weight=np.float32([0.1, 0.30000004]))
    population, position = np.zeros(4, int), np.zeros((4, 2))
    digests = [make_topology(NAMES, population, position, columns).sha256 for columns in (single, double, changed)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("pairs", [[(0, 1), (0, 1), (1, 0)], [(1, 0), (0, 1), (0, 1)]], ids=["in order", "not"])
def test_the_later_of_two_edges_is_at_fault(pairs):
    """Would catch a message that names the line of a file where the pair stands for the first time."""
    (fault,) = edge_faults(edges(pairs), 2)
    assert fault.edges.tolist() == [pairs.index((0, 1)) + 1]


def test_factors_on_conductances_are_part_of_the_identity():
    """Catches two circuits of different strength with one digest, and stored digests of others that change."""
    plain, scale = topology(), {("PYR", "SST"): 2.5, ("SST", "PYR"): 1.0, ("PV", "PYR"): 3.0}
    assert plain.sha256 == "d85e9db306d04d7ce70aa09ff978f436c8bcfaefc7233bca82b4dc1853256477"
    scaled = topology(conductance_scale=scale)
    assert scaled.conductance_scale == {("PYR", "SST"): 2.5}  # 1 is no factor, and there is no PV
    assert topology(conductance_scale={("PYR", "PYR"): 1.0}).conductance_scale is None
    turned = replace(scaled, conductance_scale={("SST", "PYR"): 2.5})
    assert len({plain.sha256, scaled.sha256, turned.sha256}) == 3
    assert replace(scaled, conductance_scale=None).sha256 == plain.sha256


@pytest.mark.parametrize("scale", [{("PYR", "E"): 2.0}, {("PYR", "PV"): -1.0}, {("PYR", "PV"): np.nan}])
def test_impossible_factors_are_refused(scale):
    """Catches a conductance below zero, and a factor of a class that is misspelt."""
    with pytest.raises(ValueError, match="`conductance_scale` of PYR to"):
        topology(conductance_scale=scale)
