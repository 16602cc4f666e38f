"""Inhibitors of mTORC1: the law of their action, and what the pathway makes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms import mtorc1
from ketasim.mechanisms.mtorc1_inhibition import MECHANISM
from tests.mechanisms.antagonists import acting, scaled
from tests.mechanisms.pyramids import step

DRUG = acting("mtorc1", "inhibitor", "2 nM")


@given(concentration=st.floats(0.0, 10.0), before=st.floats(0.0, 3.0))
def test_activity_falls_with_concentration(concentration, before):
    """Catches another law than 1 / (1 + C / IC50), and a port that is set where it must be scaled."""
    (gain,) = scaled(MECHANISM, DRUG, concentration, np.full(3, before))
    assert_allclose(gain, before / (1.0 + concentration / 0.002), rtol=1e-12)


def test_an_inhibitor_of_something_else_does_nothing():
    """Catches a target that is not asked for."""
    assert_array_equal(scaled(MECHANISM, acting("sert", "inhibitor", "2 nM"), 5.0, np.ones(2))[0], 1.0)


def test_p70s6k_falls_within_the_hour_and_trkb_hardly_raises_it():
    """Catches a gain that the pathway ignores: by a hundred times the IC50 p70S6K falls to a tenth."""
    (gain,) = scaled(MECHANISM, DRUG, 0.2, np.ones(1))
    for trkb, most in ((1.0, 0.1), (2.0, 0.2)):  # of rest
        found = step("mtorc1", 3600.0, mtorc1.Parameters(), trkb=trkb, mtorc1_gain=gain[0])["p70s6k"][0]
        assert 0.0 < found < most
    assert gain[0] == pytest.approx(1.0 / 101.0)
