"""Liability: both processes against their equations, and what frequency, dose and stopping do."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ketasim.mechanisms import Clock
from ketasim.mechanisms.liability import MECHANISM, Parameters, mean_above_zero
from ketasim.mechanisms.mechanism import OnNodes


class Seeker:
    """States of the mechanism with two pyramidal cells and one other, which must not matter."""

    def __init__(self, **parameters):
        self.prepared = OnNodes(Parameters(**parameters), slice(0, 2))
        self.states = [np.array(0.0) for _ in MECHANISM.writes]

    def step(self, hours, surge):
        rest = np.array([2.0, 4.0, 1.0])
        release = rest * [1.0 + 2.0 * surge, 1.0, 9.0]
        MECHANISM.advance(release, rest, *self.states, self.prepared, Clock(1, 3600.0 * hours, 0))
        return [float(one) for one in self.states]


@given(hours=st.floats(0.01, 50.0), surge=st.floats(-0.5, 1.0), parts=st.integers(1, 5))
def test_processes_are_the_equations(hours, surge, parts):
    """Catches a process of the other's time, a sign, and a course that depends on the length of steps."""
    seeker = Seeker(reward_time=40.0, opponent_time=2.0, opponent_gain=0.8)
    for _ in range(parts):
        felt, net, opponent = seeker.step(hours / parts, surge)

    def slope(_, x):
        return (surge - x[0]) / (40 / 60), (0.8 * max(x[0], 0.0) - x[1]) / 48.0

    slow = solve_ivp(slope, (0.0, hours), [0.0, 0.0], rtol=1e-9, atol=1e-12).y[:, -1]
    assert felt == pytest.approx(slow[0], rel=1e-6, abs=1e-9)
    assert opponent == pytest.approx(slow[1], rel=0.02, abs=1e-4)  # a constant mean of a over the step
    assert net == pytest.approx(felt - opponent)


@given(start=st.floats(-2.0, 2.0), target=st.floats(-2.0, 2.0), length=st.floats(0.0, 30.0))
@example(start=0.625, target=0.0, length=5e-324)
def test_what_is_above_zero_is_the_integral(start, target, length):
    """Catches an approach that crosses zero and counts below it, the wrong side of the crossing, and no length."""
    times = np.linspace(0.0, length, 200_001)
    above = np.maximum(target + (start - target) * np.exp(-times), 0.0)
    expected = np.trapezoid(above, times) / length if length > 1e-9 else max(start, 0.0)
    assert mean_above_zero(start, target, length) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_what_is_below_rest_is_no_withdrawal():
    """Catches liability below zero, which has no meaning, and reward from uptake that falters."""
    assert Seeker().step(48.0, -0.3)[2] == 0.0
    assert not {"glutamate_perisynaptic", "uptake_gain"} & {*MECHANISM.reads}


def after(doses, surge=0.3, **parameters):
    """Liability and reward a day after the last of daily doses that last for two hours, and two months later."""
    seeker = Seeker(**parameters)
    for _ in range(doses):
        seeker.step(2.0, surge)
        _, reward, liability = seeker.step(22.0, 0.0)
    return liability, reward, seeker.step(24.0 * 60, 0.0)[2]


def test_it_rises_with_frequency_and_dose_and_recovers():
    """Catches an opponent that does not add up, none of the dose's size, no withdrawal, and one that stays."""
    once, often = after(1), after(20)
    assert often[0] > 5.0 * once[0] > 0.0
    assert after(20, surge=0.6)[0] == pytest.approx(2.0 * often[0])
    assert often[1] < 0.0
    assert often[2] < 0.01 * often[0]
    assert after(20, opponent_gain=0.0)[0] == 0.0
