"""Spines at rest: rates that keep shares, and the joint distribution of stage and size."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ketasim.kernels import spine_rest
from ketasim.kernels.spine_rest import at_rest, steady_rates

SHARE = np.array([0.05, 0.12, 0.83])
RATES = steady_rates(SHARE, (2.0, 12.0), 395.0)


def integrals(rest, values):
    """Integral (3,) over each stage's density."""
    return (rest.density * values).sum(axis=1) * (rest.y[1] - rest.y[0])


def test_rates_keep_the_shares():
    """Catches a rate that leaves a share to drift, and times that are not those asked for."""
    leaving = RATES.elimination + RATES.promotion
    inflow = np.array([RATES.formation, *(RATES.promotion * SHARE)[:2]])
    assert_allclose(leaving * SHARE, inflow, rtol=1e-14)
    assert_allclose(leaving, [1 / 2, 1 / 12, math.log(2) / 395], rtol=1e-14)
    assert_allclose((RATES.elimination * SHARE).sum(), RATES.formation, rtol=1e-14)


def test_shares_that_cannot_last_are_refused():
    """Catches negative rates: a large second stage that few could come from."""
    with pytest.raises(ValueError, match="cannot be stationary"):
        steady_rates(np.array([0.01, 0.39, 0.6]), (2.0, 12.0), 395.0)


def test_without_protection_sizes_are_normal():
    """Catches a process whose rest is not the normal density: spread 0.93 in each stage, no norm to correct."""
    rest = at_rest(RATES, 0.0, 0.93, 20.0)
    assert_allclose(rest.norm, 1.0, rtol=1e-12)
    assert_allclose(integrals(rest, 1.0), SHARE, rtol=1e-10)
    assert_allclose(integrals(rest, rest.y**2) / SHARE, 0.93**2, rtol=1e-6)
    assert_allclose(rest.mean_log_weight(1.0), -0.5 * 0.93**2, rtol=1e-4)
    assert_allclose(rest.stage_probability(np.array([-9.0, 0.0, 0.3, 9.0])), np.tile(SHARE, (4, 1)), rtol=1e-9)


@pytest.mark.parametrize("protection", [0.2, 0.5, 1.0, 2.0])
def test_protection_keeps_the_shares(protection):
    """Catches flows that are not those of the mean rates, and large spines that are not the old ones."""
    rest = at_rest(RATES, protection, 0.93, 20.0)
    assert_allclose(integrals(rest, 1.0), SHARE, rtol=1e-10)
    lost = integrals(rest, np.exp(-protection * rest.y)) / rest.norm
    assert_allclose(lost * RATES.elimination, RATES.elimination * SHARE, rtol=1e-10)
    size = integrals(rest, rest.y) / SHARE
    assert size[0] < 0.0 < min(size[1:])
    probability = rest.stage_probability(np.array([-1.5, 0.0, 1.5]))
    assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-12)
    assert probability[0, 0] > probability[1, 0] > probability[2, 0]


def test_grid_is_fine_enough(monkeypatch):
    """Catches a coarse grid: on twice as many points norms and mean size move by less than 1 in 1,000."""
    coarse = at_rest(RATES, 0.5, 0.93, 20.0)
    monkeypatch.setattr(spine_rest, "_POINTS", 481)
    fine = at_rest(RATES, 0.5, 0.93, 20.0)
    assert_allclose(coarse.norm, fine.norm, rtol=1e-3)
    assert_allclose(coarse.mean_size, fine.mean_size, rtol=1e-3)


def test_iteration_that_does_not_end_is_refused(monkeypatch):
    """Catches an iteration that runs out and goes on with its last guess."""
    monkeypatch.setattr(spine_rest, "_ITERATIONS", 2)
    with pytest.raises(ValueError, match="no distribution"):
        at_rest(RATES, 0.5, 0.93, 20.0)
