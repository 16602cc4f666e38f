"""AMPA antagonists: the free share of receptors, at all nodes, beside what else acts on them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.mechanisms.ampa_antagonism import MECHANISM
from tests.mechanisms.antagonists import acting, scaled

DRUG = acting("ampa", "antagonist", "0.2 uM")


@given(concentration=st.floats(0.0, 100.0), before=st.floats(0.0, 3.0))
def test_the_free_share_of_receptors_is_left(concentration, before):
    """Catches another law than 1 / (1 + C / K), and a port that is set where it must be scaled."""
    gains = scaled(MECHANISM, DRUG, concentration, np.full(3, before), np.full(3, before))
    assert_allclose(gains, before / (1.0 + concentration / 0.2), rtol=1e-12)


def test_without_the_drug_and_by_another_action_nothing_changes():
    """Catches an antagonist of another target, or a potentiator, that is taken for one."""
    assert_array_equal(scaled(MECHANISM, DRUG, 0.0, np.ones(2), np.ones(2)), 1.0)
    for drug in (acting("ampa", "potentiator", "0.2 uM"), acting("kainate", "antagonist", "0.2 uM")):
        assert_array_equal(scaled(MECHANISM, drug, 5.0, np.ones(2), np.ones(2)), 1.0)


def test_hill_coefficients_count():
    """Catches a coefficient that is read and not used."""
    gains = scaled(MECHANISM, acting("ampa", "antagonist", "0.2 uM", 2.0), 0.6, np.ones(1), np.ones(1))
    assert_allclose(gains, 0.1, rtol=1e-12)
