"""Chronic stress: the hormone's course, which ports it scales and how far, and the loss of spines that follows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import ketasim
from ketasim.analysis.summary import panels, signals_of
from ketasim.mechanisms import Clock, synaptogenesis
from ketasim.mechanisms.chronic_stress import MECHANISM, Parameters
from ketasim.mechanisms.synaptogenesis import advance_afferents, solved_rates

DAY = 86_400.0


def after(level, stress=0.0, days=0.0, **parameters):
    """Hormone, and the ports of two nodes, after a step from a level."""
    hormone, ports = np.array(level), [np.full(2, 3.0), np.full((3, 2), 3.0), np.full(2, 3.0), np.full(2, 3.0)]
    MECHANISM.advance(np.array(stress), hormone, *ports, Parameters(**parameters), Clock(1, days * DAY, 0))
    return float(hormone), *(port / 3.0 for port in ports)


@given(level=st.floats(0.0, 3.0), stress=st.floats(0.0, 3.0), days=st.floats(0.0, 50.0))
def test_the_hormone_follows_stress_exactly(level, stress, days):
    """Catches another time constant or unit, and steps that depend on their length."""
    found = after(level, stress, days, hormone_time=36.0)[0]
    assert found == pytest.approx(stress + (level - stress) * np.exp(-days * 24.0 / 36.0), abs=1e-12)
    halves = after(after(level, stress, days / 2)[0], stress, days / 2)[0]
    assert halves == pytest.approx(after(level, stress, days)[0], abs=1e-12)


def test_each_port_has_its_own_size_and_elimination_its_stage():
    """Catches sizes mixed up between ports, a port that is set and not scaled, elimination of the wrong stage."""
    _, formation, elimination, bdnf, uptake = after(
        0.5, formation_cut=0.8, elimination_gain=3.0, bdnf_cut=0.4, uptake_cut=0.2
    )
    assert_allclose(formation, 0.6)
    assert_allclose(elimination, [[1.0, 1.0], [2.5, 2.5], [1.0, 1.0]])  # transient, consolidating, persistent
    assert_allclose(bdnf, 0.8)
    assert_allclose(uptake, 0.9)


def test_without_stress_nothing_changes_and_ports_stay_above_zero():
    """Catches a subject at rest who is not, and negative formation under more stress than was ever measured."""
    hormone, *ports = after(0.0, days=30.0)
    assert hormone == 0.0
    for port in ports:
        assert_array_equal(port, 1.0)
    for port in after(5.0, formation_cut=0.9, bdnf_cut=0.9, uptake_cut=0.9)[1:]:
        assert port.min() >= 0.0


def mean_field(days, formation, elimination):
    """Density of afferent spines relative to rest after days with constant factors, by the mechanism's own stages."""
    parameters = synaptogenesis.Parameters()
    rates, spines = solved_rates(parameters), np.ones((3, 1))
    share = np.array([[1.0], [elimination], [1.0]])
    founded = synaptogenesis.formation_rate(parameters, np.ones(1), np.zeros(1))
    advance_afferents(spines, (formation * founded, np.ones(1), share), rates, parameters.largest_density, days)
    return float((rates.share @ spines)[0])


def test_loss_is_that_of_three_weeks_and_levels_off():
    """Catches sizes with which F3 is missed, and spines that go on being lost for months (mean field, no network)."""
    cut, gain = 1.0 - Parameters().formation_cut, 1.0 + Parameters().elimination_gain
    lost = [1.0 - mean_field(days, cut, gain) for days in (21.0, 49.0, 98.0)]
    assert 0.10 < lost[0] < 0.25
    assert lost[0] < lost[1] < lost[2] < 0.35
    assert lost[2] - lost[1] < lost[0]
    assert mean_field(21.0, 1.0, 1.0) == pytest.approx(1.0, abs=1e-12)
    assert 0.0 < 1.0 - mean_field(21.0, 1.0, gain) < lost[0]  # each path alone takes some
    assert 0.0 < 1.0 - mean_field(21.0, cut, 1.0) < lost[0]


def test_a_run_begins_with_its_stress_and_recovers_after_it(small):
    """Catches stress before time zero that is not run, stress that never ends, and effects without stress."""
    stimuli = [{"kind": "stress", "start": "-4 d", "duration": "4 d"}]
    changes = {"duration": "8 d", "schedule": {"baseline": "2 s", "step": "12 h", "spacing": "1 d"}}
    stressed, plain = ketasim.run(small(stimuli=stimuli, **changes)), ketasim.run(small(**changes))
    hormone, density = (
        stressed[name].interp(time=np.array([-3.9, 0.0, 8.0]) * DAY) for name in ("stress_hormone", "spine_density")
    )
    assert hormone.values == pytest.approx([1.0 - np.exp(-0.1), 1.0 - np.exp(-4.0), np.exp(-8.0)], abs=0.02)
    of_pyramids = density.sel(population="PYR").values
    assert of_pyramids[1] < 0.97 < of_pyramids[0]
    assert of_pyramids[2] > of_pyramids[1] - 0.03  # new spines need days to last, too
    assert float(plain["stress_hormone"].max()) == 0.0
    assert "stress hormone" in panels(signals_of(stressed))
    assert "stress hormone" not in panels(signals_of(plain))  # a picture without flat lines
