"""Ageing of spines against their slow twin, against what hazards and weights must do, and whatever the steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.kernels.spine_births import new_clocks, nothing_lost
from ketasim.kernels.spine_turnover import age_edges, merged, slow_step
from tests.kernels.spines import DAY, RATES, Tables, advance, drive, independent_edges, random_edges, run, sheet, tables
from tests.reference import spine_turnover as twin

#: Everything happens often, and everything depends on everything.
BUSY = RATES._replace(
    elimination=np.array([1.0, 0.4, 0.2]),
    promotion=np.array([0.8, 0.5, 0.0]),
    protection=0.5,
    correlation_gain=2.5,
    hebbian_rate=0.3,
)


def twin_of(world):
    """The slow twin's copy of tables."""
    edges, lost, formation = world
    spines = [
        twin.Spine(
            *(x.item() for x in row[:2]), *(x.item() for x in row[2:5]), tuple(map(int, row[5:7])), list(row[7:])
        )
        for row in zip(*edges, strict=True)
    ]
    memory = list(zip(lost.target.tolist(), lost.source.tolist(), lost.strength.tolist(), strict=True))
    return twin.World(spines, memory, [list(clock) for clock in zip(*(a.tolist() for a in formation), strict=True)])


def assert_same(world, reference):
    edges, lost, formation = world
    spines = reference.spines
    assert_array_equal(edges.source, [s.source for s in spines])
    assert_array_equal(edges.target, [s.target for s in spines])
    assert_array_equal(edges.stage, [s.stage for s in spines])
    assert_array_equal(edges.delay, [s.delay for s in spines])
    assert_array_equal(np.stack([edges.key_a, edges.key_b], 1).astype(np.int64), [s.key for s in spines])
    assert_allclose(edges.log_weight, [s.y for s in spines], atol=1e-12)
    assert_allclose(edges.elimination_left, [s.hazard[0] for s in spines], atol=1e-11)
    assert_allclose(edges.promotion_left, [s.hazard[1] for s in spines], atol=1e-11)
    assert_array_equal(lost.target, [entry[0] for entry in reference.lost])
    assert_array_equal(lost.source, [entry[1] for entry in reference.lost])
    assert_allclose(lost.strength, [entry[2] for entry in reference.lost], rtol=1e-12)
    assert_allclose(formation.left, [clock[0] for clock in reference.clocks], atol=1e-11)
    assert_array_equal(formation.count, [clock[1] for clock in reference.clocks])


@pytest.mark.parametrize("side", [164.0, np.inf])
def test_kernel_equals_slow_twin(side):
    """Catches a wrong rate, random number, stage, partner, memory or place in the table (before time zero too)."""
    n, seed = 14, 3 * 2**32 + 5
    sites = sheet(n, width=60.0, side=side)
    rng = np.random.default_rng(4)
    now = drive(n, *(rng.uniform(*ends, n) for ends in ((0.5, 4.0), (-0.8, 0.8), (0.5, 2.0), (0.3, 1.5))))
    world = tables(n, 0.3, seed, BUSY)
    reference, starting = twin_of(world), twin.new_clocks(n, seed)
    assert_allclose(world.formation.left, [clock[0] for clock in starting], rtol=1e-14)
    deaths = births = brief = returned = 0
    for number, days in enumerate([0.3, 1.0, 0.0, 0.05, 2.0, 0.5, 4.0]):
        step = slow_step(seed, (number - 2) * 7 * DAY, days)
        memory = set(zip(world.lost.source.tolist(), world.lost.target.tolist(), strict=True))
        world, died, born = advance(world, sites, BUSY, now, step)
        dead, new, gone = twin.advance(reference, sites, BUSY, now, step)
        assert_same(world, reference)
        assert died.sum() == len(dead)
        assert_allclose(born.distance, [twin.distance(sites, s.source, s.target) for s in sorted_by_pair(new)])
        assert sorted(born.brief) == sorted(gone)
        deaths, births, brief = deaths + len(dead), births + len(new), brief + len(gone)
        returned += len(memory & {(s.source, s.target) for s in new})
    assert min(deaths, births, brief, returned) > 10


def sorted_by_pair(spines):
    return sorted(spines, key=lambda spine: (spine.source, spine.target))


def test_stages_at_the_start_equal_the_twin():
    """Catches a stage drawn with another chance or number, and thresholds that belong to another stage."""
    edges = random_edges(40, 0.5, 7, share=(0.3, 0.3, 0.4))
    pairs = [(int(i), int(j)) for i, j in zip(edges.source, edges.target, strict=True)]
    spines = twin.at_start(pairs, np.exp(edges.log_weight), edges.delay, [(0.3, 0.3, 0.4)] * len(pairs), 7)
    assert_same(Tables(edges, nothing_lost(), new_clocks(0, 7)), twin.World(spines, [], []))
    assert_allclose(np.bincount(edges.stage) / len(pairs), (0.3, 0.3, 0.4), atol=4 * 0.49 / len(pairs) ** 0.5)


def keys_and_stages(edges):
    return {(int(a), int(b)): int(s) for a, b, s in zip(edges.key_a, edges.key_b, edges.stage, strict=True)}


def test_fates_do_not_depend_on_the_step():
    """Catches hazards lost or counted twice at a step's ends, of old spines and of those born on the way."""
    n = 300
    now = drive(n, formation=np.linspace(0.0, 3.0, n), promotion_gain=1.5)
    found = [
        keys_and_stages(run(tables(n, 0.1, 1), sheet(n, preference=0.0), RATES, now, 10.0, days).edges)
        for days in (1 / 24, 1.0, 10.0)
    ]
    born = [key for key in found[0] if key[0] >= twin.BORN]
    start = tables(n, 0.1, 1).edges
    assert found[0] == found[1] == found[2]
    assert len(born) > 1000
    assert start.source.size - (len(found[0]) - len(born)) > 500


def test_correlated_activity_promotes():
    """Catches a wrong sign, a missing floor, a gain of the wrong neuron: shares promoted in a day as computed."""
    n = 20_000
    for deviation, gain, protein in ((0.5, 1.0, 1.0), (-0.5, 1.0, 1.0), (0.5, 0.0, 2.0), ((1, -1), 3.0, 1.0)):
        rates = RATES._replace(elimination=np.zeros(3), correlation_gain=gain)
        alternating = np.resize(deviation, n).astype(float)
        edges = independent_edges(np.zeros(n), rates, stage=0)
        age_edges(edges, rates, drive(n, deviation=alternating, promotion_gain=protein), slow_step(1, 0, 1.0))
        hazard = 0.2 * protein * max(0.0, 1.0 + gain * alternating[0] * alternating[1])
        expected = 1.0 - np.exp(-hazard)
        error = 4.0 * np.sqrt(expected * (1.0 - expected) / n)
        assert abs((edges.stage > 0).mean() - expected) <= error


def test_large_spines_live_longer():
    """Catches protection of the wrong sign or strength, with sizes held still: shares lost in a day as computed."""
    n = 20_000
    rates = RATES._replace(protection=0.5, sd_log_weight=1e-9, weight_time=1e9)
    for stage, hazard in enumerate(rates.elimination):
        for y in (-1.0, 0.0, 1.5):
            held = rates._replace(promotion=np.zeros(3))
            died = age_edges(independent_edges(np.full(n, y), held, stage), held, drive(n), slow_step(1, 0, 1.0))
            expected = 1.0 - np.exp(-hazard * np.exp(-0.5 * y))
            assert abs(died.mean() - expected) < 4.0 * np.sqrt(expected * (1.0 - expected) / n)


@pytest.mark.parametrize(("days", "step_days"), [(30, 1), (30, 30), (365, 1), (360, 30)])
def test_weights_are_stationary(days, step_days):
    """Catches a wrong spread or memory of weights: SD(ln w) 0.93, autocorrelation exp(-t / 20 d), whatever the step."""
    n = 100_000
    held = RATES._replace(elimination=np.zeros(3))
    edges = independent_edges(0.93 * np.random.default_rng(1).standard_normal(n), held)
    start = edges.log_weight.copy()
    for number in range(days // step_days):
        age_edges(edges, held, drive(n), slow_step(1, number * step_days * DAY, step_days))
    assert abs(edges.log_weight.std() - 0.93) < 4 * 0.93 / np.sqrt(2 * n)
    assert abs(edges.log_weight.mean() + 0.43) < 4 * 0.93 / np.sqrt(n)
    assert abs(np.corrcoef(start, edges.log_weight)[0, 1] - np.exp(-days / 20)) < 4 / np.sqrt(n)


@pytest.mark.parametrize("step_days", [0.25, 5.0])
def test_hebbian_growth_is_exact(step_days):
    """Catches growth that depends on the step: 5 d at c = 0.36 raise ln w by eta c tau (1 - exp(-t / tau))."""
    n = 500
    found = []
    for eta in (0.0, 0.1):
        rates = RATES._replace(elimination=np.zeros(3), hebbian_rate=eta)
        edges = independent_edges(np.linspace(-2, 2, n), rates)
        for number in range(round(5 / step_days)):
            age_edges(edges, rates, drive(n, deviation=0.6), slow_step(2, number * DAY, step_days))
        found.append(edges.log_weight)
    assert_allclose(found[1] - found[0], 0.1 * 0.36 * 20.0 * (1.0 - np.exp(-0.25)), rtol=1e-10)


def test_step_of_no_length_changes_nothing():
    """Catches weights that jump, or births, in a step of zero length."""
    world = tables(50, 0.2, 1)
    before = [column.copy() for column in world.edges]
    after, died, births = advance(world, sheet(50), RATES, drive(50, 1.0), slow_step(1, 0, 0.0))
    assert after.edges is world.edges
    assert not died.any() and births.distance.size == 0
    for column, old in zip(after.edges, before, strict=True):
        assert_array_equal(column, old)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 9),
    probability=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    formation=st.sampled_from([0.0, 0.4, 6.0]),
    seed=st.integers(0, 2**64 - 1),
    lengths=st.lists(st.sampled_from([0.0, 1e-6, 0.02, 1.0, 20.0]), max_size=6),
)
def test_table_stays_a_table(n, probability, formation, seed, lengths):
    """Catches a self-edge, a double, a table out of order, a lost spine, one reborn in the step in which it died."""
    world, now = tables(n, probability, seed, BUSY), drive(n, formation)
    for number, days in enumerate(lengths):
        before = pairs_of(world.edges)
        world, died, births = advance(world, sheet(n), BUSY, now, slow_step(seed, number * DAY, days))
        dead = {pair for pair, gone in zip(before, died, strict=True) if gone}
        born = pairs_of(births.edges)
        after = pairs_of(world.edges)
        assert after == sorted(set(after)) == sorted(set(before) - dead | set(born))
        assert not set(born) & set(before)
        assert all(source != target for source, target in after)
        assert np.isfinite(world.edges.log_weight).all()
        assert (world.edges.elimination_left > 0).all() and (world.edges.promotion_left >= 0).all()


def pairs_of(edges):
    return list(zip(edges.source.tolist(), edges.target.tolist(), strict=True))


def test_merging_keeps_columns_together():
    """Catches a column of the table that is left in another order than the pairs; births before, between and after."""
    world = tables(30, 0.3, 2)
    named = world.edges._replace(log_weight=world.edges.source + 0.01 * world.edges.target)
    halves = np.arange(named.source.size) % 2 == 0
    odd = named._replace(**{name: column[~halves] for name, column in named._asdict().items()})
    even = named._replace(**{name: column[halves] for name, column in named._asdict().items()})
    for first, second in ((odd, even), (even, odd)):
        both = merged(first, np.zeros(first.source.size, bool), second)
        for column, expected in zip(both, named, strict=True):
            assert_array_equal(column, expected)
            assert column.dtype == expected.dtype
