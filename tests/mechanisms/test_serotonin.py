"""Serotonin: occupancy, autoreceptors that lose sensitivity over weeks, what synapses get of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import ketasim
from ketasim.drugs import Ligands
from ketasim.mechanisms import Clock
from ketasim.mechanisms.serotonin import MECHANISM, Parameters, Prepared

DAY = 86_400.0


class Raphe:
    """States of the mechanism with one inhibitor of potency 2 nM beside a compound that is none."""

    def __init__(self, **parameters):
        self.prepared = Prepared(Parameters(**parameters), Ligands(np.array([1]), np.array([0.002]), np.array([1.0])))
        self.states = [np.array(value) for value in (0.0, 1.0, 1.0, 0.0)]

    def step(self, days, concentration):
        ports = [np.ones(2), np.ones(2)]
        drugs = np.array([5.0, concentration])
        MECHANISM.advance(drugs, *self.states, *ports, self.prepared, Clock(1, days * DAY, 0))
        return [float(one) for one in self.states], ports


def test_without_an_inhibitor_nothing_moves():
    """Catches a factor that is not exactly one in every run without such a drug."""
    states, ports = Raphe().step(20.0, 0.0)
    assert states == [0.0, 1.0, 1.0, 0.0]
    assert all((port == 1.0).all() for port in ports)


def test_occupancy_is_half_at_the_potency():
    """Catches units of the potency, and the other compound taken for an inhibitor."""
    assert Raphe().step(0.0, 0.002)[0][0] == pytest.approx(0.5)
    assert Raphe().step(0.0, 0.018)[0][0] == pytest.approx(0.9)


@given(days=st.floats(0.01, 60.0), parts=st.integers(1, 6))
def test_autoreceptors_follow_their_equation(days, parts):
    """Catches another time constant, target or sign, and a course that depends on the length of steps."""
    raphe = Raphe(desensitised=0.6, desensitisation_time=5.0)
    for _ in range(parts):
        (occupied, sensitivity, *_), _ = raphe.step(days / parts, 0.006)
    assert occupied == pytest.approx(0.75)
    assert sensitivity == pytest.approx(1.0 - 0.6 * 0.75 * (1.0 - np.exp(-days / 5.0)))


def test_serotonin_rises_at_first_by_what_is_not_held_back_and_later_by_more():
    """Catches a rise that is whole at once, one that comes only later, and ports that do not follow it."""
    numbers = {"largest_rise": 2.0, "held_back": 0.9, "desensitised": 1.0, "bdnf_gain": 0.5, "formation_gain": 0.25}
    raphe = Raphe(**numbers)
    (_, _, first, _), _ = raphe.step(0.0, 2.0)
    (occupied, _, later, _), (bdnf, formation) = raphe.step(200.0, 2.0)
    assert first == pytest.approx(1.0 + 2.0 * occupied * 0.1)
    assert later == pytest.approx(1.0 + 2.0 * occupied, rel=1e-2)
    assert_allclose(bdnf, 1.0 + 0.5 * (later - 1.0))
    assert_allclose(formation, 1.0 + 0.25 * (later - 1.0))


def test_genes_answer_as_two_stages_in_series():
    """Catches a response at once, which one dose would have, and another time constant."""
    numbers = {"largest_rise": 2.0, "held_back": 0.9, "desensitised": 0.8, "desensitisation_time": 5.0}
    raphe, occupied = Raphe(**numbers, response_time=9.0), 0.999
    steady, at_once = 2.0 * occupied * (1.0 - 0.9 * (1.0 - 0.8 * occupied)), 2.0 * occupied * 0.1

    def slope(days, response):
        rise = steady + (at_once - steady) * np.exp(-days / 5.0)
        return (rise - response) / 9.0

    expected = solve_ivp(slope, (0.0, 10.0), [0.0], rtol=1e-9).y[0, -1]
    for _ in range(1000):
        (*_, response), _ = raphe.step(0.01, 1.998)
    assert response == pytest.approx(expected, rel=2e-3)


def test_a_daily_dose_occupies_the_transporter_and_ketamine_does_not(small):
    """Catches a dose that does not reach the transporter (about 80 % in people), and ketamine there."""
    dose = {"drug": "escitalopram", "route": "oral", "amount": "10 mg"}
    daily = dose | {"repeat": {"every": "24 h", "count": 14}}
    schedule = {"baseline": "1 s", "step": "6 h", "spacing": "2 d", "settle": "50 ms", "window": "0.2 s"}
    run = ketasim.run(small(duration="14 d", doses=[daily], schedule=schedule, recording={}))
    assert 0.6 < float(run["sert_occupancy"].sel(time=slice(7 * DAY, None)).mean()) < 0.95
    assert float(run["serotonin"][-1]) > 1.5
    assert float(run["raphe_autoreceptors"][-1]) < 0.7
    other = ketasim.run(small())
    assert float(other["sert_occupancy"].max()) == 0.0
