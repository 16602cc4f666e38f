"""Both glutamate pools: inflow against uptake, baseline as baseline, and the refusal where there is no steady state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.documents import KetasimError
from ketasim.mechanisms import glutamate
from tests.mechanisms.subjects import clock

DEFAULTS = glutamate.Parameters()
RESTING_INFLOW = 3790.0 * 0.05 / (20.0 + 0.05)  # uM/s


def pools(release, baseline=2.0, uptake=1.0, parameters=DEFAULTS, duration=60.0):
    """Perisynaptic and ambient glutamate for release and uptake of each node."""
    release, baseline, uptake = (np.array(x, dtype=float) for x in np.broadcast_arrays(release, baseline, uptake))
    perisynaptic, ambient = np.full(release.shape, np.nan), np.full(release.shape, np.nan)
    glutamate.advance(release, baseline, uptake, perisynaptic, ambient, parameters, clock(duration))
    return perisynaptic, ambient


def test_baseline_is_baseline():
    """Catches a resting level that is not the stated one: exactly 1, and 0.05 uM to rounding."""
    perisynaptic, ambient = pools([2.0, 2.0])
    assert_array_equal(perisynaptic, 1.0)
    assert_allclose(ambient, 0.05, rtol=1e-14)


def test_a_known_inflow():
    """Catches a wrong uptake law: Km 20 uM, Vmax 3790 uM/s give 0.13 uM, and half the uptake about doubles it."""
    all_vesicular = DEFAULTS._replace(vesicular_share=1.0)
    release = 25.0 / RESTING_INFLOW
    _, ambient = pools([release] * 2, 1.0, [1.0, 0.5], all_vesicular)
    assert_allclose(ambient, [20 * 25 / (3790 - 25), 20 * 25 / (1895 - 25)], rtol=1e-12)
    assert_allclose(ambient[0], 0.13, atol=0.005)
    assert_allclose(ambient[1] / ambient[0], 2.0, rtol=0.01)


@given(release=st.floats(0.0, 100.0), uptake=st.floats(0.2, 2.0), share=st.floats(0.0, 1.0))
def test_inflow_balances_uptake(release, uptake, share):
    """Catches a level that is no steady state: inflow minus Michaelis-Menten uptake must vanish."""
    perisynaptic, ambient = pools([release], 2.0, [uptake], DEFAULTS._replace(vesicular_share=share))
    inflow = RESTING_INFLOW * (1.0 - share + share * release / 2.0)
    assert_allclose(uptake * 3790.0 * ambient / (20.0 + ambient), inflow, rtol=1e-12, atol=1e-12)
    assert_allclose(perisynaptic, release / 2.0 / uptake, rtol=1e-14)


def test_more_release_and_less_uptake_mean_more_glutamate():
    """Catches a sign: both pools rise with release and fall with uptake; without release the leak remains."""
    for level in pools(np.linspace(0.0, 20.0, 50)):
        assert (np.diff(level) > 0.0).all()
    for level in pools(np.full(50, 2.0), 2.0, np.linspace(0.3, 2.0, 50)):
        assert (np.diff(level) < 0.0).all()
    perisynaptic, ambient = pools([0.0])
    assert perisynaptic[0] == 0.0
    assert 0.03 < ambient[0] < 0.05


def test_a_node_without_release_at_rest_is_neutral():
    """Catches a division by zero: a node that no glutamatergic synapse reaches keeps the resting level."""
    perisynaptic, ambient = pools([0.0, 3.0], [0.0, 0.0])
    assert_array_equal(perisynaptic, 1.0)
    assert_allclose(ambient, 0.05, rtol=1e-14)


def test_more_inflow_than_uptake_is_refused():
    """Catches a negative or infinite level: the message names the node that is worst off and its numbers."""
    with pytest.raises(KetasimError) as caught:
        pools([2.0, 4000.0, 2.0], 2.0, [1.0, 1.0, 0.002])
    text = str(caught.value)
    inflow = RESTING_INFLOW * (0.7 + 0.3 * 2000.0)
    assert f"inflow of {inflow:.4g} uM/s at node 1 exceeds the uptake capacity of 3790 uM/s" in text
    assert "release there is 2e+03 times baseline" in text
    with pytest.raises(KetasimError, match=r"at node 1 exceeds the uptake capacity of 7\.58 uM/s"):
        pools([2.0, 2.0], 2.0, [1.0, 0.002])


def test_a_step_of_no_length_balances():
    """Catches levels that need time: both are algebraic."""
    for long, none in zip(pools([3.0], duration=60.0), pools([3.0], duration=0.0), strict=True):
        assert_array_equal(long, none)
