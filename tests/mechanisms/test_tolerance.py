"""Tolerance: receptors against their equation, rest, the network that has more of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import ketasim
from ketasim.mechanisms import Clock
from ketasim.mechanisms.tolerance import MECHANISM, Parameters

DAY = 86_400.0


def step(days, block, start=1.0, **parameters):
    """Receptors and the port of two nodes, the second of which is not blocked."""
    receptors, port = np.full(2, start), np.ones(2)
    MECHANISM.advance(np.array([block, 0.0]), receptors, port, Parameters(**parameters), Clock(1, days * DAY, 0))
    return receptors, port


@given(days=st.floats(0.0, 60.0), block=st.floats(0.0, 1.0), start=st.floats(0.5, 2.0), gain=st.floats(0.0, 2.0))
def test_receptors_are_the_equation(days, block, start, gain):
    """Catches another target, speed or time constant, and nodes that share their block."""
    receptors, port = step(days, block, start, gain=gain, turnover=3.0)

    def slope(_, x):
        return (1.0 + gain * (1.0 - x * (1.0 - block)) - x) / 3.0

    expected = solve_ivp(slope, (0.0, days), [start], rtol=1e-10, atol=1e-12).y[0, -1] if days else start
    assert receptors[0] == pytest.approx(expected, rel=1e-7)
    assert port == pytest.approx(receptors)


def test_rest_is_exact():
    """Catches receptors that drift without any block."""
    receptors, port = step(1000.0, 0.0)
    assert (receptors == 1.0).all()
    assert (port == 1.0).all()


def test_one_infusion_is_little_of_days_and_daily_block_is_not():
    """Catches tolerance after one dose, and none after months."""
    assert step(3.0 / 24.0, 0.06)[0][0] < 1.002
    assert step(90.0, 0.3)[0][0] == pytest.approx(2.0 / 1.7)


def test_a_network_with_more_receptors_has_more_current(small):
    """Catches a port that the network does not read, and tolerance that is on without being asked for."""
    on = {"tolerance": {"gain": 2, "turnover": "0.1 d"}}
    dose = {"drug": "ketamine", "route": "intravenous", "amount": "900 mg", "duration": "1 d"}  # awake
    schedule = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "2 h"}
    runs = [
        ketasim.run(small(doses=[dose], duration="1 d", schedule=schedule, recording={}, mechanisms=one))
        for one in ({}, on)
    ]
    assert "nmda_receptors" not in ketasim.Simulation(small()).owners
    more = float(runs[1]["nmda_receptors"].sel(population="PYR")[-1])
    assert more > 1.02
    eef2 = [float(run["eef2_phosphorylation"].sel(population="PYR")[-1]) for run in runs]
    assert eef2[1] > eef2[0]
    assert float(runs[1]["dissociation"][-1]) < float(runs[0]["dissociation"][-1])
