"""The wiring kernel against its slow twin: contacts, weights and delays of every pair."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.kernels.wiring import ContactRules, StrengthRules, find_contacts, grouped, size_synapses
from tests.reference import wiring as reference

SIZES = (1100, 300)  # three groups of the first class, one of the second
N = sum(SIZES)
SIDE = 400.0
SEED = 2**40 + 7
RULES = ContactRules(
    peak=np.array([[0.3, 1.4], [0.9, 0.05]]),
    width=np.array([[60.0, 40.0], [120.0, 90.0]]),
    reach=np.array([[170.0, 110.0], [500.0, 60.0]]),
    side=SIDE,
)
STRENGTHS = StrengthRules(np.array([[0.7, 0.3], [0.5, 0.9]]), np.array([[1.5, 2.0], [0.9, 3.0]]), 75.0, 300.0)
NODE_CLASS = np.repeat([0, 1], SIZES)
CHECKED = [0, 1, 511, 512, 700, 1099, 1100, 1250, 1399]


@pytest.fixture(scope="module")
def position():
    """Neurons at random, but the first class by strips, so that groups are patches."""
    made = np.random.default_rng(3).uniform(0.0, SIDE, (N, 2))
    made[: SIZES[0]] = made[np.argsort(made[: SIZES[0], 1])]
    return made


def contacts(position, room, rules=RULES, seed=SEED):
    """Out-degrees and targets of all neurons, found in calls with `room` places."""
    out_degree = np.full(len(position), -1)
    places = np.empty(room, np.int32)
    groups = grouped(position, np.array([0, *np.cumsum(SIZES)]))
    done, rows, calls = 0, [], 0
    while done < len(position):
        done, filled = find_contacts(groups, rules, np.uint64(seed), np.int64(done), out_degree, places)
        rows.append(places[:filled].copy())
        calls += 1
    return out_degree, np.concatenate(rows), calls


@pytest.fixture(scope="module")
def found(position):
    return contacts(position, N * N)


def test_contacts_are_those_of_the_twin(position, found):
    """Catches a wrong word, class pair, distance over the edge of the sheet, reach, or a neuron at a group's end."""
    out_degree, target, _ = found
    rows = np.split(target, np.cumsum(out_degree)[:-1])
    for source in CHECKED:
        expected = reference.targets(source, NODE_CLASS.tolist(), position.tolist(), RULES, SEED)
        assert len(expected) > 10
        assert rows[source].tolist() == expected


def test_contacts_do_not_depend_on_how_many_fit_in_a_call(position, found):
    """Catches random numbers that follow the order of calls, and a row cut in two: with the least room there may be."""
    assert found[2] == 1
    out_degree, target, calls = contacts(position, N)
    assert calls > N // 20
    assert_array_equal(out_degree, found[0])
    assert_array_equal(target, found[1])


def test_groups_out_of_reach_are_not_missed(position, found):
    """Catches a box that is passed over though one of its neurons is in reach: in one box, nothing is passed over."""
    groups = grouped(position, np.array([0, *np.cumsum(SIZES)]))
    groups.box[:] = 0.0, SIDE, 0.0, SIDE
    out_degree, places = np.zeros(N, np.int64), np.empty(N * N, np.int32)
    _, filled = find_contacts(groups, RULES, np.uint64(SEED), np.int64(0), out_degree, places)
    assert_array_equal(places[:filled], found[1])


def test_seeds_make_different_contacts(position, found):
    """Catches a key of which half is unused."""
    for seed in (SEED + 1, SEED + 2**32):
        _, target, _ = contacts(position, N * N, seed=seed)
        assert target.size != found[1].size or (target != found[1]).any()


def test_weights_and_delays_are_those_of_the_twin(position, found):
    """Catches a weight of another pair, a mean other than 1, a transposed latency, a distance that does not wrap."""
    out_degree, target, _ = found
    weight, delay = np.empty(target.size, np.float32), np.empty(target.size, np.float32)
    synapses = (target, weight, delay)
    size_synapses(position, NODE_CLASS, STRENGTHS, SIDE, np.uint64(SEED), out_degree, synapses)
    source = np.repeat(np.arange(N), out_degree)
    for edge in range(0, target.size, target.size // 500):
        pair = source[edge], target[edge]
        apart = reference.distance(*position[list(pair)], SIDE)
        late = STRENGTHS.latency[NODE_CLASS[pair[0]], NODE_CLASS[pair[1]]] + (apart - 75.0) / 300.0
        assert_allclose(delay[edge], late, rtol=1e-6)
        sd = STRENGTHS.weight_sd_log[NODE_CLASS[pair[0]], NODE_CLASS[pair[1]]]
        assert_allclose(weight[edge], reference.weight(SEED, *map(int, pair), sd), rtol=1e-6)
