"""Synaptic protein: a slow pool that large departures of p70S6K move and small ones do not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms import synaptic_protein
from tests.mechanisms.pyramids import HOUR, step
from tests.reference.signalling import REST, Drive, follow

DEFAULTS = synaptic_protein.Parameters()
DAY = 24.0 * HOUR


def after(seconds, parameters=DEFAULTS, **signals):
    """Protein and gain of AMPA of one node."""
    arrays = step("synaptic_protein", seconds, parameters, **signals)
    return arrays["synaptic_protein"][0], arrays["ampa_gain"][0]


@given(active=st.floats(0.0, 5.0), before=st.floats(0.0, 3.0), days=st.floats(0.0, 30.0))
def test_known_law(active, before, days):
    """Catches another law: ``d^3 / (d^2 + threshold^2)`` times 20, within 5 d, not below zero; its root is the gain."""
    d = active - 1.0
    target = 1.0 + 20.0 * d**3 / (d**2 + 0.5**2)
    expected = max(0.0, target + (before - target) * np.exp(-days / 5.0))
    protein, gain = after(days * DAY, p70s6k=active, synaptic_protein=before)
    assert protein == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert gain == pytest.approx(np.sqrt(protein))


def test_slow_twin():
    """Catches an error that both the formula above and the code share: Euler agrees to 2 % while p70S6K is near 1.8."""
    held = {"p70s6k": 1.8, "mtorc1_feedback": 0.0, "trkb": 1.16}  # 1 + 5 (1.16 - 1) - 0 = 1.8, at the first instant
    slow, _ = follow(REST | held, lambda _: Drive(throughput=1.16), 0.1, step=0.001)
    assert_allclose(after(6.0, p70s6k=1.8)[0] - 1.0, slow["synaptic_protein"] - 1.0, rtol=2e-2)


def test_half_counts_at_the_threshold_and_the_law_is_odd():
    """Catches noise of either sign that adds up: what counts is an odd function of the departure."""
    departure = np.linspace(-1.0, 8.0, 901)
    counted = synaptic_protein.counted(departure, 0.5)
    assert synaptic_protein.counted(np.array([0.5]), 0.5)[0] == pytest.approx(0.25)
    assert_allclose(synaptic_protein.counted(-departure, 0.5), -counted)
    assert (np.diff(counted) >= 0.0).all()
    assert counted[-1] == pytest.approx(8.0, rel=0.005)


def test_small_departures_hardly_count():
    """Catches a loop that runs away at rest: a lasting 3 % of p70S6K moves protein by under 0.5 %, not 60 %."""
    assert after(1e3 * DAY, p70s6k=1.03)[0] < 1.005
    assert after(1e3 * DAY, DEFAULTS._replace(threshold=0.0), p70s6k=1.03)[0] == pytest.approx(1.6)


def test_without_threshold_the_law_is_linear():
    """Catches a threshold of zero that divides by zero at rest."""
    linear = DEFAULTS._replace(threshold=0.0)
    assert_array_equal(after(DAY, linear), (1.0, 1.0))
    assert after(1e3 * DAY, linear, p70s6k=2.0)[0] == pytest.approx(21.0)


def test_protein_is_not_negative():
    """Catches a pool below nothing when p70S6K is off for days."""
    assert_array_equal(after(5 * DAY, p70s6k=0.0), (0.0, 0.0))


def test_gain_multiplies_what_others_did():
    """Catches a port that is overwritten, and an exponent that the file cannot set."""
    assert after(0.0, synaptic_protein=1.21, ampa_gain=2.0) == pytest.approx((1.21, 2.2))
    assert after(0.0, DEFAULTS._replace(exponent=2.0), synaptic_protein=1.1)[1] == pytest.approx(1.21)
