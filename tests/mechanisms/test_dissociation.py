"""Scores of people under block: their laws, thresholds, species, and what a run says of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ketasim
from ketasim.analysis.words import closing_words
from ketasim.mechanisms import Clock
from ketasim.mechanisms.dissociation import LARGEST_SCORE, MECHANISM, Parameters, saturating


def scores(*block, gain=1.0, **parameters):
    """Dissociation, sedation and readiness at a block of each node."""
    states = np.array(0.0), np.array(0.0), np.array(1.0)
    arrays = (np.array(block), np.full(len(block), gain), *states)
    MECHANISM.advance(*arrays, Parameters(**parameters), Clock(1, 60.0, 0))
    return tuple(float(one) for one in states)


@given(half=st.floats(0.01, 1.0), steepness=st.floats(1.0, 10.0), block=st.floats(0.0, 1.0))
def test_effects_saturate_and_are_half_at_the_half(half, steepness, block):
    """Catches another law: none without block, half at b, never above the largest, never falling with block."""
    assert saturating(0.0, half, steepness) == 0.0
    assert saturating(half, half, steepness) == pytest.approx(0.5)
    assert 0.0 <= saturating(block, half, steepness) <= 1.0
    assert saturating(block, half, steepness) <= saturating(block + 0.1, half, steepness)


def test_scores_are_of_the_mean_block_of_all_neurons():
    """Catches one class in place of all, scores that are mixed up, and a largest score that is not the scale's."""
    found = scores(
        0.1, 0.3, half_dissociation=0.2, steepness_dissociation=2.0, half_sedation=0.1, steepness_sedation=1.0
    )
    assert found == pytest.approx((0.5 * LARGEST_SCORE / 3.0, 2.0 / 3.0, 0.0))
    assert scores(0.5, half_dissociation=0.01, half_sedation=1.0, steepness_sedation=10.0)[0] > 91.8


def test_who_is_unconscious_reports_nothing():
    """Catches the largest dissociation in the anaesthetised; waking up passes through it."""
    deep, waking, later = (scores(block, half_dissociation=0.1, half_sedation=0.25)[0] for block in (0.9, 0.2, 0.05))
    assert waking > 40.0 > later > deep < 1.0


def test_readiness_needs_both_scores_at_their_thresholds():
    """Catches readiness by one of two, and a threshold that is not included."""
    law = {"steepness_dissociation": 1.0, "steepness_sedation": 1.0, "half_dissociation": 1.0, "half_sedation": 1.0}
    of_dissociation, of_sedation = 92.0 * 0.2 / 1.2 * (1.0 - 0.2 / 1.2), 0.2 / 1.2
    for allowed, asleep, ready in ((1.001, 1.001, 1.0), (0.999, 1.001, 0.0), (1.001, 0.999, 0.0)):
        thresholds = {"dissociation_threshold": allowed * of_dissociation, "sedation_threshold": asleep * of_sedation}
        assert scores(0.2, **law, **thresholds)[2] == ready


def test_more_receptors_leave_less_to_feel():
    """Catches tolerance that scores do not show, and a score of one who has more receptors than at rest."""
    law = {"half_dissociation": 0.2, "steepness_dissociation": 1.0, "half_sedation": 1.0, "steepness_sedation": 10.0}
    assert scores(0.3, gain=1.1, **law)[0] == pytest.approx(LARGEST_SCORE * 0.23 / 0.43, 1e-5)  # 1 - 1.1 * 0.7
    assert scores(0.05, gain=1.1, **law) == (0.0, 0.0, 1.0)


def test_nobody_is_dissociated_without_block():
    """Catches a score at rest."""
    assert scores(0.0) == (0.0, 0.0, 1.0)


def test_a_person_is_dissociated_and_comes_back(small):
    """Catches scores that are not stored, last words without them or for a rat, and a score that has no end."""
    dose = {"drug": "ketamine", "route": "intravenous", "amount": "1 mg/kg", "duration": "40 min"}
    schedule = {"baseline": "2 s", "step": "10 min", "spacing": "30 min"}
    run = ketasim.run(small(duration="8 h", doses=[dose], schedule=schedule))
    score, ready = run["dissociation"], run["discharge_readiness"].values
    assert 1200.0 < score["time"].values[score.values.argmax()] < 3600.0  # block of 80 neurons fluctuates
    assert float(score.max()) > 15.0
    assert float(score[-1]) < 4.0
    assert ready.min() == 0.0
    assert ready[-1] == 1.0
    (line,) = [line for line in closing_words(run) if line.startswith("dissociation")]
    assert "CADSS up to" in line
    assert "not ready for discharge" in line
    assert "or later" not in line
    rat = {"subject": {"species": "rat"}, "duration": "1 h", "schedule": schedule}
    other = ketasim.run(small(doses=[dose | {"amount": "10 mg/kg"}], **rat))
    assert "dissociation" not in other  # nor a row of it, which would read as a result
    assert not [line for line in closing_words(other) if line.startswith("dissociation")]
