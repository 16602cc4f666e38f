"""Homeostatic scaling: the checks of its speed, its limits, noise, and the factor on the port."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms import homeostatic_scaling
from tests.mechanisms.pyramids import HOUR, step
from tests.reference.signalling import REST, Drive, follow

DEFAULTS = homeostatic_scaling.Parameters()


def after(hours, rate=1.0, parameters=DEFAULTS, **signals):
    """Averaged rate, factor and gain of one node that fires `rate` times its 2 Hz of baseline."""
    rates = {"firing_rate": 2.0 * rate, "firing_rate_baseline": 2.0}
    arrays = step("homeostatic_scaling", hours * HOUR, parameters, **rates, **signals)
    return tuple(arrays[name][0] for name in ("homeostatic_rate", "homeostatic_scale", "ampa_gain"))


def test_speed():
    """Catches another speed: 24 h at +20 % lower the factor by 9-13 %, 1 h by less than 0.6 %; and up as down."""
    assert 0.09 < 1.0 - after(24.0, 1.2)[1] < 0.13
    assert 0.0 < 1.0 - after(1.0, 1.2)[1] < 0.006
    assert_allclose(np.log(after(24.0, 0.8)[1]), -np.log(after(24.0, 1.2)[1]))


@given(rate=st.floats(0.0, 1.9), before=st.floats(0.1, 1.9), scale=st.floats(0.6, 1.6), hours=st.floats(0.0, 12.0))
def test_exact_in_closed_form(rate, before, scale, hours):
    """Catches a factor that sees the rate at one end of the step only: ``ln h`` gains the integral of 1 - x."""
    fading = np.exp(-hours / 6.0)
    lacking = (1.0 - rate) * hours - (before - rate) * 6.0 * (1.0 - fading)
    average, found, gain = after(hours, rate, homeostatic_rate=before, homeostatic_scale=scale)
    assert average == pytest.approx(rate + (before - rate) * fading, rel=1e-9)
    assert found == pytest.approx(np.clip(scale * np.exp(lacking / 36.0), 0.5, 2.0), rel=1e-9)
    assert gain == found


def test_slow_twin():
    """Catches an error that both the formula above and the code share: Euler agrees to 1e-4, beyond the clip too."""
    for rate in (0.3, 1.5, 6.0):
        start = REST | {"homeostatic_rate": rate}
        slow, _ = follow(start, lambda _, rate=rate: Drive(rate=rate), 600.0, step=0.5)
        assert after(10.0, rate, homeostatic_rate=rate)[1] == pytest.approx(slow["homeostatic_scale"], rel=1e-4)


def test_steps_add_up():
    """Catches a step length that changes the result: one of 8 h against 480 of a minute, at a rate that is held."""
    state = {"homeostatic_rate": 1.0, "homeostatic_scale": 1.0}
    for _ in range(480):
        average, scale, _ = after(1.0 / 60.0, 1.4, **state)
        state = {"homeostatic_rate": average, "homeostatic_scale": scale}
    assert_allclose((average, scale), after(8.0, 1.4)[:2], rtol=1e-10)


def test_limits_hold():
    """Catches a factor that leaves 0.5-2, and limits that the file cannot set."""
    assert after(1e4, 0.0)[1] == 2.0
    assert after(1e4, 5.0)[1] == 0.5
    assert after(1e4, 5.0, DEFAULTS._replace(smallest=0.8))[1] == 0.8


def test_a_burst_counts_no_more_than_a_doubled_rate():
    """Catches a clip that is missing: at 10 as at 100 times the rate the factor falls by e^(-1/36) an hour."""
    for rate in (10.0, 100.0):
        assert after(1.0, rate, homeostatic_rate=rate)[1] == pytest.approx(np.exp(-1.0 / 36.0))


def test_a_node_that_was_silent_is_not_scaled():
    """Catches a division by zero: there is no rate to go back to."""
    rates = {"firing_rate": [0.0, 5.0], "firing_rate_baseline": [0.0, 0.0]}
    arrays = step("homeostatic_scaling", 48 * HOUR, n=2, **rates)
    assert_array_equal(arrays["homeostatic_scale"], 1.0)


def test_noise_of_the_rate_does_not_scale():
    """Catches a drive that is rectified: Poisson counts at 2 Hz in windows of 1 s, 48 h in steps of 10 min."""
    generator = np.random.default_rng(1)
    n = 500
    state = {"homeostatic_rate": 1.0, "homeostatic_scale": 1.0}
    for _ in range(288):
        rates = {"firing_rate": generator.poisson(2.0, n), "firing_rate_baseline": 2.0}
        arrays = step("homeostatic_scaling", 600.0, n=n, **rates, **state)
        state = {name: arrays[name][:n] for name in state}
    assert abs(state["homeostatic_scale"].mean() - 1.0) < 0.005


def test_gain_multiplies_what_others_did():
    """Catches a port that is overwritten."""
    assert after(0.0, 1.3, homeostatic_scale=0.9, ampa_gain=2.0)[2] == pytest.approx(1.8)
