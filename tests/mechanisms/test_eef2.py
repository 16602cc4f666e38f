"""eEF2: phosphorylation follows what block leaves of resting NMDA transmission."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ketasim.mechanisms import eef2
from tests.mechanisms.pyramids import step
from tests.reference.signalling import REST, Drive, follow


@given(block=st.floats(0.0, 1.0), before=st.floats(0.0, 1.0), minutes=st.floats(0.0, 600.0))
def test_exact_relaxation_to_the_unblocked_fraction(block, before, minutes):
    """Catches another target or time: 10 min towards 1 - block, from any state, in a step of any length."""
    after = step("eef2", 60.0 * minutes, nmda_block=block, eef2_phosphorylation=before)["eef2_phosphorylation"][0]
    assert after == pytest.approx(1.0 - block + (before - 1.0 + block) * np.exp(-minutes / 10.0), abs=1e-12)
    assert 0.0 <= after <= 1.0


def test_more_receptors_transmit_more():
    """Catches receptors that tolerance adds and that resting transmission does not count."""
    after = step("eef2", 3600.0, nmda_block=0.2, nmda_gain=1.1)["eef2_phosphorylation"][0]
    assert after == pytest.approx(1.1 * 0.8 + 0.12 * np.exp(-6.0))


def test_slow_twin():
    """Catches a formula that both this file and the code might have wrong: Euler steps of 1.2 s agree to 0.1 %."""
    slow, _ = follow(REST, lambda _: Drive(block=0.3), 15.0)
    after = step("eef2", 900.0, nmda_block=0.3)["eef2_phosphorylation"][0]
    assert_allclose(1.0 - after, 1.0 - slow["eef2_phosphorylation"], rtol=1e-3)


def test_each_node_has_its_own_block():
    """Catches a mean over nodes, and a time constant that the file cannot set."""
    after = step("eef2", 60.0, eef2.Parameters(60.0), n=3, nmda_block=[0.0, 0.2, 1.0])["eef2_phosphorylation"]
    assert_allclose(1.0 - after, [0.0, 0.2 * (1 - np.exp(-1)), 1 - np.exp(-1), 0.0], atol=1e-15)
