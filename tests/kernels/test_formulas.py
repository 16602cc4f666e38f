"""Scalar laws and the small matrix exponential."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ketasim.kernels.formulas import (
    exponential_of_matrix,
    exponentials_of_matrices,
    mg_unblocked_fraction,
    multiply,
    relative_to_rest,
    relaxed,
)
from tests.reference.matrix_exponential import exponential as exact_exponential

MG_OVER_K_A, MG_OVER_K_C_OR_D = 1.0 / 3.57, 1.0 / 14.3


@pytest.mark.parametrize(
    ("voltage", "mg_over_k", "fraction"),
    [(-66.0, MG_OVER_K_A, 0.0563), (-66.0, MG_OVER_K_C_OR_D, 0.193), (0.0, MG_OVER_K_A, 0.781)],
)
def test_mg_leaves_the_published_fraction(voltage, mg_over_k, fraction):
    """Jahr & Stevens 1990 at 1 mM Mg: catches a wrong sign or slope of the voltage dependence."""
    assert mg_unblocked_fraction(voltage, mg_over_k) == pytest.approx(fraction, abs=5e-4)


@given(voltage=st.floats(-150.0, 100.0), mg=st.floats(0.0, 20.0))
def test_mg_factor_equals_its_formula(voltage, mg):
    """Catches a clipped range; without Mg nothing is blocked."""
    expected = 1.0 / (1.0 + mg / 3.57 * math.exp(-0.062 * voltage))
    assert mg_unblocked_fraction(voltage, mg / 3.57) == pytest.approx(expected, rel=1e-14)
    assert mg_unblocked_fraction(voltage, 0.0) == 1.0


@given(value=st.floats(-10.0, 10.0), target=st.floats(-10.0, 10.0), share=st.floats(0.0, 1.0))
def test_relaxation_is_exact_and_adds_up(value, target, share):
    """Catches another law, and a step length that changes the result; nothing moves at rest or in no time."""
    whole = relaxed(value, target, 3.0, 2.0)
    assert whole == pytest.approx(target + (value - target) * math.exp(-1.5), rel=1e-13, abs=1e-13)
    halfway = relaxed(value, target, 3.0 * share, 2.0)
    assert relaxed(halfway, target, 3.0 * (1.0 - share), 2.0) == pytest.approx(whole, rel=1e-12, abs=1e-12)
    assert relaxed(value, target, 0.0, 2.0) == value
    assert relaxed(value, value, 3.0, 2.0) == value


def test_relaxation_of_arrays():
    """Catches a formula that takes numbers only, and a step of many time constants that misses the target."""
    values = relaxed(np.array([1.0, 5.0]), np.array([2.0, 5.0]), 1e9, 60.0)
    assert_allclose(values, [2.0, 5.0], rtol=1e-15)


RESTING = st.just(0.0) | st.floats(1e-99, 1e9)


@given(st.lists(st.tuples(st.floats(0.0, 1e9), RESTING), max_size=20), st.floats(-2.0, 2.0))
def test_relative_to_rest_is_a_ratio_with_a_stated_limit(pairs, where_none):
    """Catches infinities or NaN where nothing was there at rest, and a value at rest that is not exactly 1."""
    values, rest = np.array(pairs, dtype=float).reshape(-1, 2).T
    with np.errstate(all="raise", under="ignore"):
        found = relative_to_rest(values, rest, where_none)
    assert found.tolist() == [value / one if one > 0.0 else where_none for value, one in zip(values, rest, strict=True)]
    assert (relative_to_rest(rest, rest) == 1.0).all()
    assert (relative_to_rest(0.0 * rest, rest, 0.0) == 0.0).all()


RATES = st.floats(1e-6, 1.0)


@st.composite
def receptor_systems(draw, largest=1e5):
    """Kinetics ``dx/dt = source (1 - sum x) - loss x`` with a constant appended, times a duration."""
    n = draw(st.integers(1, 4))
    scale = 10.0 ** draw(st.floats(-6.0, math.log10(largest / (2 * n + 1))))
    source, loss = (np.array(draw(st.lists(RATES, min_size=n, max_size=n))) * scale for _ in range(2))
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n] = -source[:, None] - np.diag(loss)
    matrix[:n, n] = source
    return matrix


@settings(max_examples=60, deadline=None)
@given(matrix=receptor_systems())
def test_exponential_of_receptor_kinetics(matrix):
    """Squaring costs rounding in proportion to the norm (measured: 2e-15 of it, at most 1e-11): catches more."""
    norm = np.abs(matrix).sum(axis=1).max()
    error = np.abs(exponential_of_matrix(matrix) - exact_exponential(matrix)).max()
    assert error < min(1e-14 * max(1.0, norm), 1e-10)


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(-3.0, 3.0), min_size=9, max_size=9))
def test_exponential_of_any_matrix(values):
    """Catches what only matrices with oscillating or growing solutions show."""
    matrix = np.array(values).reshape(3, 3)
    expected = exact_exponential(matrix)
    assert_allclose(exponential_of_matrix(matrix), expected, rtol=0.0, atol=1e-12 * np.abs(expected).max())


@settings(max_examples=40, deadline=None)
@given(first=receptor_systems(), scales=st.lists(st.floats(0.0, 1e3), min_size=5, max_size=5))
def test_exponentials_side_by_side_have_the_same_bits(first, scales):
    """Catches a lane that is squared as often as its neighbour, or summed in another order."""
    lanes = np.ascontiguousarray(first[:, :, None] * np.array(scales) / np.abs(first).max())
    expected = [exponential_of_matrix(lanes[:, :, lane]) for lane in range(5)]
    result, term, scratch = (np.full_like(lanes, np.nan) for _ in range(3))
    exponentials_of_matrices(lanes, result, term, scratch, np.zeros(5, np.int64))
    assert np.array_equal(result, np.stack(expected, axis=-1))


@settings(max_examples=50, deadline=None)
@given(matrix=receptor_systems(largest=1e4), share=st.floats(0.0, 1.0))
def test_durations_add_up(matrix, share):
    """One step equals two that make it up: catches a step length that changes the result."""
    product = np.empty_like(matrix)
    multiply(exponential_of_matrix(matrix * share), exponential_of_matrix(matrix * (1.0 - share)), product)
    assert_allclose(exponential_of_matrix(matrix), product, rtol=0.0, atol=1e-11)


def test_exponential_in_closed_form():
    """Zero, diagonal, nilpotent and rotation matrices: catches an error that all numerical methods might share."""
    assert_allclose(exponential_of_matrix(np.zeros((3, 3))), np.eye(3), rtol=0.0, atol=0.0)
    assert_allclose(exponential_of_matrix(np.diag([-40.0, 0.5, 3.0])), np.diag(np.exp([-40.0, 0.5, 3.0])), rtol=1e-13)
    assert_allclose(exponential_of_matrix([[0.0, 7.0], [0.0, 0.0]]), [[1.0, 7.0], [0.0, 1.0]], rtol=1e-15)
    c, s = math.cos(2.0), math.sin(2.0)
    assert_allclose(exponential_of_matrix([[0.0, -2.0], [2.0, 0.0]]), [[c, -s], [s, c]], rtol=1e-14)


@given(
    numbers=st.integers(1, 5).flatmap(lambda n: st.lists(st.floats(-1e3, 1e3), min_size=2 * n * n, max_size=2 * n * n))
)
def test_multiply_equals_numpy(numbers):
    """Catches a transposed factor or a product that adds to what was there."""
    n = math.isqrt(len(numbers) // 2)
    left, right = np.array(numbers).reshape(2, n, n)
    product = np.full((n, n), np.nan)
    multiply(left, right, product)
    assert_allclose(product, left @ right, rtol=1e-12, atol=1e-9)


def test_an_infinite_matrix_ends_as_no_number():
    """Catches scaling that halves infinity for ever."""
    assert np.isnan(exponential_of_matrix(np.full((2, 2), np.inf))).all()
