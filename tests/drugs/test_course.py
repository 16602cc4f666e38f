"""What happens within a step of a linear system: against closed forms and against the same course sampled densely."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ketasim.drugs.course import course, exponential
from tests.reference.matrix_exponential import exponential as exact

rates = st.floats(1e-5, 0.05)


def bateman(absorption, elimination, duration):
    """Course of depot and blood after a dose of 1; blood has the closed form of Bateman."""
    matrix = np.array([[-absorption, 0.0], [absorption, -elimination]])
    return course(matrix, np.array([1.0, 0.0]), duration)


@settings(max_examples=100, deadline=None)
@given(absorption=rates, elimination=rates, duration=st.floats(1.0, 1e6))
def test_peak_and_area_of_one_dose(absorption, elimination, duration):
    """Catches a peak at a sample in place of between two, a wrong root, an area that depends on the pieces."""
    if abs(absorption / elimination - 1.0) < 0.05:
        absorption *= 1.2
    found = bateman(absorption, elimination, duration)

    def blood(t):
        return absorption / (absorption - elimination) * (np.exp(-elimination * t) - np.exp(-absorption * t))

    at = min(duration, np.log(absorption / elimination) / (absorption - elimination))
    assert found.at(found.time_of_largest(1))[1] == pytest.approx(blood(at), rel=1e-4)
    parts = [(1.0 - np.exp(-rate * duration)) / rate for rate in (elimination, absorption)]
    area = absorption / (absorption - elimination) * (parts[0] - parts[1])
    assert found.integral()[1] == pytest.approx(area, rel=2e-4, abs=1e-9 * area + 1e-12)


@settings(max_examples=20, deadline=None)
@given(
    numbers=st.lists(st.floats(0.0, 0.02), min_size=9, max_size=9),
    start=st.lists(st.floats(0.0, 5.0), min_size=3, max_size=3),
    duration=st.floats(0.0, 50_000.0),
)
def test_states_are_exact_and_between_them_close(numbers, start, duration):
    """Catches propagators that are not doubled in time, a last piece of the wrong length, slopes of another matrix."""
    matrix = np.array(numbers).reshape(3, 3)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=0) - 1e-4)
    found = course(matrix, np.array(start), duration)
    assert (found.times[0], found.times[-1]) == (0.0, duration)
    assert np.all(np.diff(found.times) > 0.0)
    for time, state in zip(found.times, found.states, strict=True):
        assert_allclose(state, exact(matrix * time) @ start, rtol=1e-9, atol=1e-12)
    for time in np.linspace(0.0, duration, 23):
        assert_allclose(found.at(time), exact(matrix * time) @ start, rtol=1e-3, atol=1e-4 * max(start))


def test_a_step_without_length_or_change():
    """Catches a division by no length, and by no rate."""
    still = course(np.zeros((1, 1)), np.array([2.0]), 0.0)
    assert (still.integral().tolist(), still.time_of_largest(0), still.at(0.0).tolist()) == ([0.0], 0.0, [2.0])
    held = course(np.zeros((1, 1)), np.array([2.0]), 10.0)
    assert (held.integral().tolist(), held.at(3.0).tolist()) == ([20.0], [2.0])


def test_nearly_equal_rates():
    """Catches a matrix exponential that is off where rates are nearly equal, as scipy's is by up to 2 %."""
    matrix = np.array([[-1.0, 0.0, 0.0], [1.0, -1.0 - 1e-7, 0.0], [0.0, 1.0, -1.0 + 1e-7]])
    assert_allclose(exponential(matrix), exact(matrix), rtol=1e-12, atol=1e-14)
