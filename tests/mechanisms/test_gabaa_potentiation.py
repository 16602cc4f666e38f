"""Potentiators of GABA-A receptors: how large and how long inhibition becomes, and what the circuit makes of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms.gabaa_potentiation import MECHANISM, Parameters
from tests.mechanisms.antagonists import acting, scaled

DRUG = acting("gaba_a", "potentiator", "0.1 uM")


@given(concentration=st.floats(0.0, 100.0), before=st.floats(0.1, 3.0))
def test_occupancy_makes_inhibition_larger_and_longer(concentration, before):
    """Catches another law, ports mixed up, and one that is set where it must be scaled."""
    found = scaled(MECHANISM, DRUG, concentration, np.full(3, before), before, largest_gain=1.5, largest_time_gain=3.0)
    occupancy = concentration / (0.1 + concentration)
    assert_allclose(found[0], before * (1.0 + 0.5 * occupancy), rtol=1e-12)
    assert_allclose(found[1], before * (1.0 + 2.0 * occupancy), rtol=1e-12)


def test_without_the_drug_nothing_changes():
    """Catches a circuit at rest that is not as it was."""
    found = scaled(MECHANISM, DRUG, 0.0, np.ones(3), 1.0)
    assert_array_equal(found[0], 1.0)
    assert found[1] == 1.0


def test_effects_have_a_largest_size():
    """Catches effects that grow with concentration without end."""
    found = scaled(MECHANISM, DRUG, 1e6, np.ones(3), 1.0)
    assert found[0] == pytest.approx(np.full(3, Parameters().largest_gain), rel=1e-4)
    assert found[1] == pytest.approx(Parameters().largest_time_gain, rel=1e-4)
