"""The second site of some blockers: an incomplete cut of tonic current, and no other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.drugs import load_catalogue
from ketasim.mechanisms.allosteric_site import MECHANISM, Parameters
from tests.mechanisms.antagonists import acting, scaled

DRUG = acting("nmda_allosteric", "inhibitor", "0.1 uM")


@given(concentration=st.floats(0.0, 100.0), before=st.floats(0.0, 3.0), cut=st.floats(0.0, 1.0))
def test_the_cut_is_incomplete_and_saturates(concentration, before, cut):
    """Catches another law than ``1 - m y / (1 + y)``, and a port that is set where it must be scaled."""
    (gain,) = scaled(MECHANISM, DRUG, concentration, np.full(3, before), largest_cut=cut)
    assert_allclose(gain, before * (1.0 - cut * concentration / (0.1 + concentration)), rtol=1e-12, atol=1e-12)


def test_only_compounds_with_the_site_act():
    """Catches a blocker of the pore that is taken to have the site, and ketamine without it."""
    (gain,) = scaled(MECHANISM, acting("nmda", "inhibitor", "0.1 uM"), 9.0, np.ones(2))
    assert_array_equal(gain, 1.0)
    having = {
        name for name, drug in load_catalogue().items() for row in drug.targets if row.target == "nmda_allosteric"
    }
    assert having == {"ketamine", "esketamine", "arketamine"}


def test_it_is_a_hypothesis_that_is_off():
    """Catches a hypothesis that is part of every run."""
    assert not MECHANISM.by_default
    assert Parameters().largest_cut == pytest.approx(0.3)
