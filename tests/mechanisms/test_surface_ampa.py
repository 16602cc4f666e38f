"""Surface AMPA receptors: TrkB, potentiators that are data, and the network's port."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.documents import parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug
from ketasim.mechanisms import surface_ampa
from tests.drugs.drug_files import OWN_DRUG
from tests.mechanisms.pyramids import HOUR, place, step
from tests.mechanisms.subjects import KETAMINE
from tests.reference.pharmacokinetics import Subject
from tests.reference.signalling import REST, Drive, Rates, follow

OWN = validate(Drug, parse_document(OWN_DRUG))
PLACE = place(1, KETAMINE, OWN, subject=Subject("rat", 0.3))
DEFAULTS = surface_ampa.Parameters()
OPEN = DEFAULTS._replace(potentiator_gain=0.4)


def after(hours, parameters=DEFAULTS, where=PLACE, concentrations=None, **signals):
    """Receptors and gain of AMPA of one node with concentrations in uM by compound."""
    brain = [(concentrations or {}).get(name, 0.0) for name in where.compounds]
    arrays = step("surface_ampa", hours * HOUR, parameters, where=where, brain_concentration=brain, **signals)
    return arrays["surface_ampa"][0], arrays["ampa_gain"][0]


@given(trkb=st.floats(0.0, 10.0), before=st.floats(0.1, 3.0), hours=st.floats(0.0, 100.0))
def test_exact_relaxation_to_what_trkb_asks_for(trkb, before, hours):
    """Catches another law: 2 h towards 1 + 0.1 (K - 1); the gain is that of the receptors."""
    target = 1.0 + 0.1 * (trkb - 1.0)
    receptors, gain = after(hours, trkb=trkb, surface_ampa=before)
    assert receptors == pytest.approx(target + (before - target) * np.exp(-hours / 2.0), rel=1e-12, abs=1e-12)
    assert gain == pytest.approx(receptors)


def test_slow_twin():
    """Catches an error that both the formulas here and the code share: Euler agrees to 0.2 %, potentiator included."""
    held = {"trkb": 2.0, "bdnf": 3.0}  # threefold BDNF holds TrkB at twice
    rates = Rates(potentiator_gain=0.4)
    slow, _ = follow(REST | held, lambda _: Drive(throughput=3.0, potentiator=0.5), 90.0, rates)
    found, _ = after(1.5, OPEN, concentrations={"product": 1.0}, trkb=2.0)  # EC50 2 uM
    assert_allclose(found - 1.0, slow["surface_ampa"] - 1.0, rtol=2e-3)


def test_the_potentiators_path_is_off_by_default():
    """Catches a path that is on without being asked for."""
    assert_array_equal(after(5.0, concentrations={"product": 100.0, "2R6R-hydroxynorketamine": 100.0}), (1.0, 1.0))


def test_potentiators_compete():
    """Catches effects of two compounds that add up beyond the largest: ``y / (1 + y)`` with y the sum of C / EC50."""
    both = {"product": 2.0, "2R6R-hydroxynorketamine": 6.6}  # y = 1 + 2
    assert after(1e3, OPEN, concentrations=both)[0] == pytest.approx(1.0 + 0.4 * 0.75)
    assert after(1e3, OPEN, concentrations={"product": 2.0})[0] == pytest.approx(1.2)


def test_only_potentiators_potentiate():
    """Catches a compound that acts without saying so in its file."""
    potentiators = surface_ampa.prepare(OPEN, PLACE).potentiators
    assert [PLACE.compounds[index] for index in potentiators.compound] == ["2R6R-hydroxynorketamine", "product"]
    assert_allclose(potentiators.half, [3.3, 2.0])
    others = {"S-ketamine": 9.0, "2S6S-hydroxynorketamine": 9.0, "parent": 9.0}
    assert after(1e3, OPEN, concentrations=others)[0] == 1.0
    assert after(1e3, OPEN, where=place(1), trkb=2.0)[0] == pytest.approx(1.1)


def test_gain_multiplies_what_others_did():
    """Catches a port that is overwritten, and an exponent that the file cannot set."""
    assert after(0.0, surface_ampa=1.2, ampa_gain=0.5) == pytest.approx((1.2, 0.6))
    assert after(0.0, DEFAULTS._replace(exponent=2.0), surface_ampa=1.2)[1] == pytest.approx(1.44)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.25, 1.11), (1.0, 1.44)])
def test_a_share_of_the_change_is_that_of_afferents(share, expected):
    """Catches afferents that change as much as the circuit's synapses, or not at all, or against their own port."""
    parameters = DEFAULTS._replace(exponent=2.0, afferent_share=share)
    found = step("surface_ampa", 0.0, parameters, where=PLACE, surface_ampa=1.2, afferent_ampa_gain=0.5)
    assert found["afferent_ampa_gain"][0] == pytest.approx(0.5 * expected)
    assert found["ampa_gain"][0] == pytest.approx(1.44)
