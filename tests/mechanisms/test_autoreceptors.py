"""Autoreceptors: competitive occupancy, cut of release relative to baseline, effect on the network's port."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ketasim.documents import parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug
from ketasim.mechanisms import autoreceptors
from tests.drugs.drug_files import OWN_DRUG
from tests.mechanisms.subjects import KETAMINE, clock, setting
from tests.reference.pharmacokinetics import Subject

AGONIST = validate(Drug, parse_document(OWN_DRUG))
PLACE = setting(KETAMINE, AGONIST, subject=Subject("rat", 0.3))
DEFAULTS = autoreceptors.Parameters()


def cut(perisynaptic, agonist=0.0, parameters=DEFAULTS, gain=1.0, duration=60.0):
    """Inhibition, gain of release and of afferents' release of each node at an agonist concentration in uM."""
    perisynaptic = np.atleast_1d(np.array(perisynaptic, dtype=float))
    brain = np.full(len(PLACE.compounds), 7.0)  # the other compounds are no agonists
    brain[PLACE.compounds.index("product")] = agonist
    inhibition = np.full(perisynaptic.shape, np.nan)
    release, afferents = (np.full(perisynaptic.shape, gain) for _ in range(2))
    prepared = autoreceptors.prepare(parameters, PLACE)
    autoreceptors.advance(perisynaptic, brain, inhibition, release, afferents, prepared, clock(duration))
    return inhibition, release, afferents


def test_no_cut_at_baseline():
    """Catches autoreceptors that change the resting network: exactly nothing at baseline."""
    inhibition, *gains = cut([1.0, 1.0])
    assert_array_equal(inhibition, 0.0)
    assert_array_equal(gains, 1.0)


@given(level=st.floats(0.0, 50.0), agonist=st.floats(0.0, 1.0), largest=st.floats(0.0, 1.0))
def test_cut_follows_competitive_occupancy(level, agonist, largest):
    """Catches another law: ``gamma (a - a0) / (1 - a0)``, a the share of receptors with anything on them."""
    glutamate, drug = 2.0 * level / 10.0, agonist / 0.003
    a = glutamate / (1.0 + glutamate + drug) + drug / (1.0 + glutamate + drug)
    a0 = 0.2 / 1.2
    inhibition, gain, _ = cut(level, agonist, DEFAULTS._replace(largest_cut=largest))
    assert_allclose(inhibition, largest * (a - a0) / (1.0 - a0), rtol=1e-9, atol=1e-12)
    assert_allclose(gain, 1.0 - inhibition, rtol=1e-14)
    assert inhibition[0] <= largest + 1e-12


def test_cut_grows_to_its_largest():
    """Catches a sign, and a cut beyond the stated one: less glutamate than at rest disinhibits release a little."""
    inhibition, *_ = cut(np.linspace(0.0, 1e4, 200))
    assert (np.diff(inhibition) > 0.0).all()
    assert -0.2 * DEFAULTS.largest_cut <= inhibition[0] < 0.0
    assert 0.99 * DEFAULTS.largest_cut < inhibition[-1] < DEFAULTS.largest_cut
    saturated, *_ = cut(1.0, agonist=100.0)
    assert_allclose(saturated, DEFAULTS.largest_cut, rtol=1e-3)


def test_gain_multiplies_what_others_did():
    """Catches a port that is overwritten: several mechanisms may scale it."""
    inhibition, gain, of_afferents = cut([3.0], gain=0.8)
    assert inhibition[0] > 0.0
    assert_allclose(gain, 0.8 * (1.0 - inhibition), rtol=1e-14)
    assert_allclose(of_afferents, 0.8 * (1.0 - DEFAULTS.afferent_share * inhibition), rtol=1e-14)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_afferents_is_cut(share):
    """Catches afferents that are spared, or all cut: an agonist that saturates takes gamma times the share of them."""
    inhibition, _, of_afferents = cut([1.0], 100.0, DEFAULTS._replace(afferent_share=share, largest_cut=0.6))
    assert_allclose(inhibition, 0.6, rtol=1e-3)
    assert_allclose(of_afferents, 1.0 - 0.6 * share, rtol=1e-3)


def test_only_agonists_bind():
    """Catches a compound that binds without saying so in its file."""
    agonists = autoreceptors.prepare(DEFAULTS, PLACE).agonists
    assert [PLACE.compounds[index] for index in agonists.compound] == ["product"]
    without = autoreceptors.prepare(DEFAULTS, setting(KETAMINE))
    inhibition = np.zeros(2)
    autoreceptors.advance(np.ones(2), np.full(6, 100.0), inhibition, np.ones(2), np.ones(2), without, clock(1.0))
    assert_array_equal(inhibition, 0.0)


@pytest.mark.parametrize("duration", [0.0, 3600.0])
def test_length_of_the_step_does_not_matter(duration):
    """Catches inhibition that needs time: it is algebraic."""
    assert_array_equal(cut([2.5], 0.001, duration=duration)[0], cut([2.5], 0.001)[0])
