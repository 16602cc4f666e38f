"""Mood: its equation against a solver, limits of scores, expectancy apart, nobody else, last words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import ketasim
from ketasim.analysis.words import closing_words
from ketasim.mechanisms import Clock
from ketasim.mechanisms.mechanism import OnNodes
from ketasim.mechanisms.mood import LARGEST_SCORE, MADRS_PER_HDRS17, MECHANISM, Parameters, score

HOUR, DAY = 3600.0, 86_400.0
QUICK = {"duration": "1 d", "schedule": {"baseline": "2 s", "step": "30 min", "spacing": "4 h"}, "recording": {}}


class Subject:
    """States of mood, advanced by steps."""

    def __init__(self, **parameters):
        self.prepared = OnNodes(Parameters(**parameters), slice(0, 2))
        self.states = [np.array(0.0) for _ in MECHANISM.writes]

    def step(self, hours, expectancy=0.0, ampa=(1.0, 1.0), protein=(1.0, 1.0), density=(1.0, 1.0)):
        """Advance with two pyramidal cells and one other, whose values must not matter."""
        nodes = [np.array([*one, 7.0]) for one in (ampa, protein, density)]
        MECHANISM.advance(np.array(expectancy), *nodes, *self.states, self.prepared, Clock(1, hours * HOUR, 0))
        return dict(zip(MECHANISM.writes, map(float, self.states), strict=True))


def test_mood_is_the_equation():
    """Catches a drive or a gain that is mixed up, other exponents, means and logarithms in the other order."""
    numbers = {"strength_gain": 20.0, "density_gain": 10.0, "expectancy_gain": 0.5, "mood_time": 3.0}
    p = Parameters(**numbers, expectancy_half_life=2.0, ampa_exponent=0.7, protein_exponent=0.4)
    subject = Subject(**p._asdict())
    ampa, protein, density = (1.02, 1.05), (1.1, 0.98), (1.0, 1.03)
    strength = np.mean([0.7 * np.log(a) + 0.4 * np.log(s) for a, s in zip(ampa, protein, strict=True)])

    def slope(hours, x):
        level = 1.0 if hours < 1.0 else 0.5 ** ((hours - 1.0) / 48.0)
        drive = 20.0 * strength + 10.0 * np.log(np.mean(density)) + 0.5 * level
        return (drive - x) / 3.0

    expected = solve_ivp(slope, (0.0, 30.0), [0.0], rtol=1e-9, atol=1e-12, max_step=0.05).y[0, -1]
    for step in range(300):
        found = subject.step(0.1, float(step < 10), ampa, protein, density)
    assert found["synaptic_strength"] == pytest.approx(strength)
    assert found["mood"] == pytest.approx(expected, rel=2e-3)
    assert found["madrs"] == pytest.approx(score(found["mood"], p.healthy_madrs))
    assert found["hdrs17"] == pytest.approx(found["madrs"] / MADRS_PER_HDRS17)


@given(hours=st.floats(0.01, 100.0), parts=st.integers(1, 7))
def test_steps_may_be_split(hours, parts):
    """Catches a lag that depends on the length of steps."""
    whole, split = Subject(), Subject()
    once = whole.step(hours, density=(1.1, 1.1))
    for _ in range(parts):
        found = split.step(hours / parts, density=(1.1, 1.1))
    assert_allclose(found["mood"], once["mood"], rtol=1e-9)


@given(mood=st.floats(-700.0, 700.0), resting=st.floats(0.1, 59.9))
def test_scores_stay_on_the_scale(mood, resting):
    """Catches a score below 0 or above 60, one that rises with mood, and another one at rest."""
    assert 0.0 <= score(mood, resting) <= LARGEST_SCORE
    assert score(mood + 1.0, resting) <= score(mood, resting)
    assert score(0.0, resting) == pytest.approx(resting)


def test_expectancy_is_held_in_a_session_and_decays_after_it():
    """Catches sessions that add up, one that lowers what is still expected, and another half-life."""
    subject = Subject(expectancy_half_life=2.0)
    assert subject.step(1.0, 1.0)["expectancy_level"] == 1.0
    assert subject.step(48.0)["expectancy_level"] == pytest.approx(0.5)
    assert subject.step(1.0, 0.2)["expectancy_level"] == pytest.approx(0.5 ** (49.0 / 48.0))
    assert subject.step(1.0, 0.9)["expectancy_level"] == 0.9


def test_a_person_at_rest_is_healthy():
    """Catches a score that is 0 until something moves."""
    assert Subject().step(0.0)["madrs"] == Parameters().healthy_madrs


@pytest.mark.slow
def test_three_weeks_of_stress_depress():
    """Catches a person in a trial who is healthy when the infusion begins, or beyond what people in trials have."""
    run = ketasim.run(ketasim.load_experiment("infusion_in_a_trial", ["duration=10 min", "recording={}"]))
    assert 31.0 < float(run["madrs"].sel(time=0.0)) < 34.0
    assert float(run["madrs"][0]) == pytest.approx(4.0)


def test_a_pool_that_is_empty_does_not_break_the_score():
    """Catches the logarithm of nothing, as where synthesis is blocked for days."""
    found = Subject().step(1.0, protein=(0.0, 0.0), density=(0.0, 0.0))
    assert np.isfinite(list(found.values())).all()
    assert found["madrs"] <= LARGEST_SCORE


def test_a_run_has_mood_with_and_without_expectancy(small):
    """Catches expectancy that acts on synapses, mood that the drug does not move, and last words without a warning."""
    session = [{"kind": "expectancy", "start": "0 s", "duration": "10 min"}]
    weak = {"mood": {"strength_gain": 0.1, "density_gain": 0.1}}  # 80 neurons fluctuate a hundred times as much
    alone, both = (ketasim.run(small(**QUICK, stimuli=one, mechanisms=weak)) for one in ([], session))
    for name in ("synaptic_strength", "firing_rate"):
        assert np.array_equal(alone[name].values, both[name].values)
    assert float(alone["madrs"][-1]) < 3.9
    assert float(both["madrs"][-1]) < float(alone["madrs"][-1]) - 1.0
    words = {one: [line for line in closing_words(run) if line.startswith("mood")] for one, run in
             (("alone", alone), ("both", both))}  # fmt: skip
    assert "without expectancy" in words["alone"][0]
    assert "with expectancy" in words["both"][0]
    rat = ketasim.run(small(**QUICK, subject={"species": "rat"}, stimuli=session))
    assert "madrs" not in rat  # nor a row of it, which would read as a result
    assert "'expectancy' has no effect: nothing in this run reads it" in rat.notes
    assert not [line for line in closing_words(rat) if line.startswith("mood")]
