"""Formulas shared by several mechanisms."""

import math

import numpy as np

from ketasim.kernels.jit import kernel

#: 1/mV, voltage dependence of the Mg block (Jahr & Stevens 1990).
MG_PER_MILLIVOLT = -0.062


@kernel
def mg_unblocked_fraction(voltage, mg_over_k):
    """Return the fraction of NMDA channels free of Mg (Jahr & Stevens 1990).

    Parameters
    ----------
    voltage : float
        mV.
    mg_over_k : float
        Extracellular [Mg] divided by K_Mg (3.57 mM for GluN2A).
    """
    return 1.0 / (1.0 + mg_over_k * mg_voltage_factor(voltage))


@kernel
def mg_voltage_factor(voltage):
    """Return the Boltzmann factor of Mg in the channel at ``voltage`` mV, relative to 0 mV."""
    return math.exp(MG_PER_MILLIVOLT * voltage)


def relaxed(value, target, duration, time):
    """Return ``value`` after relaxing for ``duration`` towards a constant ``target`` with time constant ``time``.

    Numbers or arrays, both times in the same unit; not compiled, because mechanisms call it once per step with arrays.
    A zero duration, or a value at its target, leaves every bit unchanged.
    """
    return value + (target - value) * -math.expm1(-duration / time)


def relative_to_rest(values, rest, where_none=1.0):
    """Return ``values / rest`` of arrays (n,), and ``where_none`` where `rest` is zero."""
    return np.divide(values, rest, out=np.full(rest.shape, where_none), where=rest > 0.0)


def exponential_of_matrix(matrix):
    """Return the exponential of a small square matrix, see `exponentials_of_matrices`; not compiled itself."""
    lanes = np.array(matrix, dtype=np.float64, order="C")[:, :, np.newaxis]
    result, term, scratch = (np.empty_like(lanes) for _ in range(3))
    exponentials_of_matrices(lanes, result, term, scratch, np.zeros(1, np.int64))
    return np.ascontiguousarray(result[:, :, 0])


@kernel
def _scale(matrix):
    """Halve a matrix until its norm is below 1/4; return how often."""
    n = matrix.shape[0]
    norm = 0.0
    for i in range(n):
        row = 0.0
        for j in range(n):
            row += abs(matrix[i, j])
        norm = max(norm, row)
    squarings = 0
    while norm > 0.25 and squarings < 1100:  # enough for any finite norm; an infinite one ends as nan
        norm *= 0.5
        squarings += 1
    factor = 0.5**squarings
    for i in range(n):
        for j in range(n):
            matrix[i, j] *= factor
    return squarings


@kernel
def exponentials_of_matrices(matrix, result, term, scratch, squarings):
    """Write the exponentials of small square matrices side by side, ``matrix[:, :, lane]``, to ``result``.

    By scaling and squaring a Taylor series, meant for the stable, essentially diagonal-plus-rank-one matrices of
    receptor kinetics: scaled below a norm of 1/4, 14 terms leave a remainder under 1e-19. A lane's result does not
    depend on the others. ``matrix``, which is scaled in place, ``result``, ``term`` and ``scratch`` are (n, n, lanes),
    ``squarings`` is (lanes,) int64.
    """
    n, lanes = matrix.shape[0], matrix.shape[2]
    for lane in range(lanes):
        squarings[lane] = _scale(matrix[:, :, lane])
        for i in range(n):
            for j in range(n):
                term[i, j, lane] = result[i, j, lane] = 1.0 if i == j else 0.0
    for order in range(1, 15):
        _multiply_lanes(term, matrix, scratch)
        for i in range(n):
            for j in range(n):
                for lane in range(lanes):
                    term[i, j, lane] = scratch[i, j, lane] / order
                for lane in range(lanes):
                    result[i, j, lane] += term[i, j, lane]
    most = 0
    for lane in range(lanes):
        most = max(most, squarings[lane])
    for number in range(most):
        _multiply_lanes(result, result, scratch)
        _take_squares(result, scratch, squarings, number)


@kernel
def _take_squares(result, squares, squarings, number):
    """Replace the matrices that are squared more than ``number`` times."""
    n, lanes = result.shape[0], result.shape[2]
    for i in range(n):
        for j in range(n):
            for lane in range(lanes):
                result[i, j, lane] = squares[i, j, lane] if squarings[lane] > number else result[i, j, lane]


@kernel
def _multiply_lanes(left, right, product):
    n, lanes = left.shape[0], left.shape[2]
    for i in range(n):
        for j in range(n):
            for lane in range(lanes):
                product[i, j, lane] = left[i, 0, lane] * right[0, j, lane]
            for k in range(1, n):
                for lane in range(lanes):
                    product[i, j, lane] += left[i, k, lane] * right[k, j, lane]


@kernel
def multiply(left, right, product):
    """Compute ``product = left @ right`` for small square matrices, in a fixed order of summation."""
    n = left.shape[0]
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += left[i, k] * right[k, j]
            product[i, j] = total
