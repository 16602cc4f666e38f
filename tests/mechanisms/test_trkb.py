"""TrkB follows BDNF, up to what receptors there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ketasim.mechanisms import trkb
from tests.mechanisms.pyramids import step
from tests.reference.signalling import REST, Drive, follow


@given(level=st.floats(0.0, 20.0), before=st.floats(0.0, 20.0), minutes=st.floats(0.0, 600.0))
def test_exact_relaxation_to_bdnf(level, before, minutes):
    """Catches another target or time: 20 min towards what BDNF binds, from any state, in a step of any length."""
    after = step("trkb", 60.0 * minutes, bdnf=level, trkb=before)["trkb"][0]
    bound = 4.0 * level / (level + 3.0)
    assert after == pytest.approx(bound + (before - bound) * np.exp(-minutes / 20.0), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("largest", "half"), [(4.0, 3.0), (2.0, 1.0), (10.0, 9.0)])
def test_receptors_saturate(largest, half):
    """Catches another limit or half-saturation: m at most, half of it at m - 1 times the BDNF of rest, 1 at rest."""
    parameters = trkb.Parameters(largest=largest)
    settled = step("trkb", 1e6, parameters, n=4, bdnf=[0.0, 1.0, half, 1e9])["trkb"][:4]
    assert_allclose(settled, [0.0, 1.0, largest / 2.0, largest], rtol=1e-7, atol=1e-12)


def test_slow_twin():
    """Catches an error that both the formula above and the code share: Euler agrees to 0.2 %; BDNF is held."""
    slow, _ = follow(REST | {"bdnf": 2.0}, lambda _: Drive(throughput=2.0), 25.0)
    assert_allclose(step("trkb", 1500.0, bdnf=2.0)["trkb"][0] - 1.0, slow["trkb"] - 1.0, rtol=2e-3)


def test_the_port_scales_activation():
    """Catches a port that acts on BDNF, which saturates, in place of the receptor, or on other nodes."""
    after = step("trkb", 1500.0, n=2, bdnf=2.0, trkb_gain=[0.5, 1.0])["trkb"]
    slow, _ = follow(REST | {"bdnf": 2.0}, lambda _: Drive(throughput=2.0, trkb=0.5), 25.0)
    assert_allclose(after[0], slow["trkb"], rtol=2e-3)
    assert_allclose(after[1], step("trkb", 1500.0, bdnf=2.0)["trkb"][0])


def test_each_node_follows_its_own_bdnf():
    """Catches a mean over nodes, and a time constant that the file cannot set."""
    after = step("trkb", 60.0, trkb.Parameters(60.0), n=2, bdnf=[1.0, 3.0])["trkb"]
    assert_allclose(after, [1.0, 2.0 - np.exp(-1.0), 1.0])  # threefold BDNF doubles what is bound
