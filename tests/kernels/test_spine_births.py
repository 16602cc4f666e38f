"""Births of spines: how many, how large, and with whom. The slow twin of all of it is in `test_spine_turnover`."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.kernels.spine_births import Lost, draw_births, new_clocks, nothing_lost, remembered
from ketasim.kernels.spine_turnover import slow_step
from tests.kernels.spines import DAY, RATES, drive, independent_edges, random_edges, sheet, tables

#: A step too short for a new spine to age in it.
INSTANT = 1e-9


def births_at_once(n, each, sites, edges=None, lost=None, seed=1):
    """Births of a step too short to live through, `each` at every neuron on average."""
    edges = random_edges(n, 0.0, 1) if edges is None else edges
    lost = nothing_lost() if lost is None else lost
    step = slow_step(seed, 0, INSTANT)
    return draw_births(edges, lost, new_clocks(n, seed), sites, RATES, drive(n, each / INSTANT), step)


def test_births_are_poisson_in_number():
    """Catches a clock that skips or repeats: mean and variance of the births of 4,000 neurons, 3 on average."""
    n = 4000
    births = births_at_once(n, 3.0, sheet(n))
    count = np.bincount(births.edges.target, minlength=n)
    assert abs(count.mean() - 3.0) < 4 * np.sqrt(3.0 / n)
    assert abs(count.var() - 3.0) < 4 * np.sqrt((3.0 + 2 * 9.0) / n)


def test_births_do_not_depend_on_the_step():
    """Catches hazard of formation that is lost at a step's end: same number at each neuron in 1 step and in 40."""
    n = 50
    sites, now = sheet(n), drive(n, np.linspace(0.0, 4.0, n))
    counts = []
    for steps in (1, 40):
        world = tables(n, 0.1, 3)
        for number in range(steps):
            step = slow_step(3, number * DAY, 6.0 / steps)
            draw_births(world.edges, world.lost, world.formation, sites, RATES, now, step)
        counts.append(world.formation.count)
    assert_array_equal(*counts)
    assert counts[0].sum() > 500 and counts[0][0] == 0


def test_partners_are_chosen_by_distance():
    """Catches a wrong width or a sheet that does not wrap: shares by distance as the Gaussian over all neurons says."""
    n, side = 1500, 400.0
    for sites in (sheet(n, width=60.0, side=side), sheet(n, width=60.0, side=side)._replace(side=np.inf)):
        births = births_at_once(n, 8.0, sites)
        apart = np.abs(sites.position[:, None] - sites.position[None])
        squared = (np.minimum(apart, sites.side - apart) ** 2).sum(axis=2)
        chance = np.exp(-0.5 * squared / 60.0**2)
        np.fill_diagonal(chance, 0.0)
        chance /= chance.sum(axis=0)
        bins = np.array([0, 30, 60, 90, 120, 150, 600])
        observed, _ = np.histogram(births.distance, bins)
        expected, _ = np.histogram(
            np.sqrt(squared), bins, weights=chance * np.bincount(births.edges.target, minlength=n)
        )
        # a neuron does not choose a place twice, which moves shares by less than 1 in 100
        assert_allclose(observed, expected, rtol=0.02, atol=4 * np.sqrt(expected.max()))
        places = squared[births.edges.source, births.edges.target]
        assert_allclose(births.distance, np.sqrt(places))


def test_lost_partners_are_preferred():
    """Catches memory that weighs too much or little: L / (n0 + L) of births, shared by strength.

    Every neuron lost its two successors, with strengths 1 and 0.25; n0 is 5, the preference 2.
    """
    n = 4000
    target = np.repeat(np.arange(n), 2)
    source = (target + np.tile([1, 2], n)) % n
    lost = Lost(target.astype(np.int32), source.astype(np.int32), np.tile([1.0, 0.25], n))
    births = births_at_once(n, 0.2, sheet(n, degree=5.0, preference=2.0), lost=lost)
    first = np.bincount(births.edges.target, minlength=n) == 1  # a second one may find the first taken
    step = (births.edges.source - births.edges.target) % n
    step = step[first[births.edges.target]]
    for successor, share in ((1, 0.8), (2, 0.2)):
        expected = 2.5 / 7.5 * share
        assert abs((step == successor).mean() - expected) < 4 * np.sqrt(expected / step.size)


def test_lost_partners_that_are_back_are_not_chosen():
    """Catches a memory that counts or offers partners that are connected: then births are as without memory."""
    n = 200
    edges = random_edges(n, 0.1, 2)
    order = np.argsort(edges.target, kind="stable")
    lost = Lost(edges.target[order], edges.source[order], np.ones(order.size))
    sites = sheet(n, preference=50.0)
    with_memory, without = (births_at_once(n, 1.0, sites, edges, memory) for memory in (lost, nothing_lost()))
    assert with_memory.distance.size > 100
    assert_array_equal(with_memory.edges.source, without.edges.source)


def test_memory_fades_and_is_dropped():
    """Catches a wrong time, a partner never forgotten, entries out of order or of an edge that lives on."""
    edges = random_edges(20, 0.4, 5)
    died = np.zeros(edges.source.size, bool)
    lost = nothing_lost()
    died[::7] = True
    lost = remembered(lost, edges, died, 1.0, 14.0)
    order = np.argsort(edges.target[::7], kind="stable")
    assert_array_equal(lost.target, edges.target[::7][order])
    assert_array_equal(lost.source, edges.source[::7][order])
    assert_array_equal(lost.strength, 1.0)
    died[:], died[1] = False, True
    lost = remembered(lost, edges, died, 7.0, 14.0)
    assert (np.diff(lost.target) >= 0).all()
    assert_allclose(np.sort(lost.strength)[-2:], [np.exp(-0.5), 1.0])
    died[:] = False
    lost = remembered(lost, edges, died, 36.0, 14.0)
    assert_array_equal(np.stack([lost.target, lost.source])[:, 0], [edges.target[1], edges.source[1]])
    assert lost.target.size == 1
    assert remembered(lost, edges, died, 7.0, 14.0).target.size == 0


def test_new_spines_are_small():
    """Catches spines born at the mean size: ln w has mean mu - gamma s^2 and the spread of all."""
    n = 3000
    rates = RATES._replace(protection=0.5)
    step, now = slow_step(1, 0, INSTANT), drive(n, 5.0 / INSTANT)
    edges = draw_births(
        independent_edges(np.zeros(n)), nothing_lost(), new_clocks(n, 1), sheet(n), rates, now, step
    ).edges
    assert abs(edges.log_weight.mean() - (-0.43 - 0.5 * 0.93**2)) < 4 * 0.93 / np.sqrt(edges.source.size)
    assert abs(edges.log_weight.std() - 0.93) < 4 * 0.93 / np.sqrt(2 * edges.source.size)
    assert_array_equal(edges.stage, 0)


@pytest.mark.parametrize("step_days", [0.5, 2.0, 4.0])
def test_new_spines_age_from_their_birth(step_days):
    """Catches a step bias: with a hazard of 0.5 /d, after 4 d f (1 - exp(-2)) / 0.5 spines are left, whatever the step.

    Those lost within the step in which they were born are told apart.
    """
    n = 3000
    rates = RATES._replace(elimination=np.full(3, 0.5))
    alive = brief = 0
    formation, now = new_clocks(n, 1), drive(n, 1.0)
    nothing = random_edges(n, 0.0, 1)
    for number in range(round(4 / step_days)):
        births = draw_births(
            nothing, nothing_lost(), formation, sheet(n), rates, now, slow_step(1, number * DAY, step_days)
        )
        alive += births.distance.size * np.exp(-0.5 * (4 - (number + 1) * step_days))
        brief += births.brief.size
    expected = n * (1.0 - np.exp(-2.0)) / 0.5
    assert abs(alive - expected) < 4 * np.sqrt(expected)
    here = (1.0 - np.exp(-0.5 * step_days)) / 0.5 / step_days  # share of those born in a step that see its end
    assert abs(brief - 4 * n * (1.0 - here)) < 4 * np.sqrt(4 * n)


def test_birth_without_a_free_partner_does_not_happen():
    """Catches a double or an endless search where everybody is connected; other neurons' births go on."""
    n = 6
    edges = random_edges(n, 1.0, 1)
    assert births_at_once(n, 3.0, sheet(n), edges).distance.size == 0
    away = edges.source != 4
    fewer = edges._replace(**{name: column[away] for name, column in edges._asdict().items()})
    births = births_at_once(n, 3.0, sheet(n), fewer)
    assert set(births.edges.source.tolist()) == {4}
    assert sorted(births.edges.target.tolist()) == sorted(set(births.edges.target.tolist()))
    assert births_at_once(1, 3.0, sheet(1)).distance.size == 0
    far = sheet(2, width=1e-3)
    assert births_at_once(2, 3.0, far).distance.size == 0  # the chance of acceptance is nil
