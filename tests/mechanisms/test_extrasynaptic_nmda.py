"""Extrasynaptic channels: a Hill law for each subunit."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms import extrasynaptic_nmda
from tests.mechanisms.subjects import clock

DEFAULTS = extrasynaptic_nmda.Parameters()


def gating(ambient, parameters=DEFAULTS, duration=60.0):
    """Gating (4, n) at ambient glutamate in uM."""
    ambient = np.array(ambient, dtype=float)
    found = np.full((4, ambient.size), np.nan)
    extrasynaptic_nmda.advance(ambient, found, parameters, clock(duration))
    return found


def test_half_open_at_each_subunits_ec50():
    """Catches subunits in another order, and a constant that is not the half-saturation."""
    assert_allclose(np.diag(gating([3.3, 2.9, 1.7, 0.51])), 0.5, rtol=1e-14)


def test_slope_is_the_hill_coefficient():
    """Catches a coefficient applied twice or not at all: log odds grow by it per log of glutamate."""
    for hill in (1.0, 1.5, 2.0):
        low, high = gating([0.05, 0.5], DEFAULTS._replace(hill=hill)).T
        assert_allclose(np.log10(high / (1.0 - high)) - np.log10(low / (1.0 - low)), hill, rtol=1e-12)


def test_limits():
    """Catches gating outside 0-1: none without glutamate, all with plenty, and more at rest the higher the affinity."""
    nothing, resting, plenty = gating([0.0, 0.05, 1e6]).T
    assert_array_equal(nothing, 0.0)
    assert_allclose(plenty, 1.0, atol=1e-6)
    assert (np.diff(resting) > 0.0).all()
    assert_allclose(resting[0], (0.05 / 3.3) ** 1.5, rtol=0.01)  # far below half-saturation


def test_length_of_the_step_does_not_matter():
    """Catches gating that needs time: it is algebraic."""
    assert_array_equal(gating([0.07], duration=0.0), gating([0.07], duration=3600.0))
