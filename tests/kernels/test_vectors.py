"""The largest errors of what the kernel computes by approximation, over the ranges in which it does."""

from decimal import Decimal

import numpy as np
import pytest
from numba import njit

from ketasim.kernels.vectors import exponential, multiply_add
from ketasim.network.cell_classes import CELL_CLASSES
from tests.kernels.circuits import Bench, change_cells, circuit

VOLTAGES = np.linspace(-100.0, 40.0, 14_001).astype(np.float32)  # mV
MG_OVER_K_A, MG_OVER_K_D = 1.0 / 3.57, 1.0 / 15.0
NMDA = 1  # row of the conductances


@njit
def exponentials(x, result):
    for i in range(x.shape[0]):
        result[i] = exponential(x[i])


def approximate(x):
    """Exponentials by the kernel's function, in the precision of ``x``."""
    result = np.empty_like(x)
    exponentials(x, result)
    return result


def arguments(lowest, highest, count, real):
    """Arguments all over a range, and beside the multiples of ln 2 / 2, where the series has its longest way to go."""
    halves = np.arange(np.ceil(lowest / np.log(2.0) * 2.0), highest / np.log(2.0) * 2.0) * np.log(2.0) / 2.0
    beside = np.concatenate([halves * (1.0 + change) for change in (-1e-7, 0.0, 1e-7)])
    spread = np.random.default_rng(1).uniform(lowest, highest, count)
    small = np.geomspace(1e-12, 1.0, 200)
    points = np.concatenate([spread, beside, small, -small, [lowest, highest, 0.0]])
    return np.clip(points, lowest, highest).astype(real)


def test_exponential_in_single_precision():
    """Catches a lost term or a coarse reduction: largest relative error measured 7.8e-8, bound 1e-7.

    2,000,000 arguments in -87 ... 88, against double precision; half a unit in the last place is at most 6e-8.
    """
    x = arguments(-87.0, 88.0, 2_000_000, np.float32)
    error = np.abs(approximate(x) / np.exp(x.astype(np.float64)) - 1.0)
    assert error.max() < 1e-7


def test_exponential_in_double_precision():
    """Catches the same: largest relative error measured 1.3e-16, bound 2e-16, against decimals.

    20,000 arguments in -708 ... 709, 28 digits; half a unit in the last place is at most 1.1e-16.
    """
    x = arguments(-708.0, 709.0, 20_000, np.float64)
    pairs = zip(approximate(x).tolist(), x.tolist(), strict=True)
    error = [abs(float(Decimal(value) / Decimal(argument).exp() - 1)) for value, argument in pairs]
    assert max(error) < 2e-16


@pytest.mark.parametrize(("real", "lowest", "highest"), [(np.float32, -87.0, 88.0), (np.float64, -708.0, 709.0)])
def test_exponential_beyond_its_range_is_that_of_its_ends(real, lowest, highest):
    """Catches a shifted exponent that wraps round: neither 0, negative, infinite nor no number."""
    beyond = np.array([-np.inf, -1e30, 1.1 * lowest, lowest, 0.0, highest, 1.1 * highest, 1e30, np.inf], real)
    low, high = np.exp(real(lowest)), np.exp(real(highest))
    expected = np.array([low] * 4 + [1.0] + [high] * 4, real)
    assert np.isfinite(expected).all()
    assert approximate(beyond) == pytest.approx(expected, rel=10.0 * float(np.finfo(real).eps))


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_multiply_add_rounds_once(real):
    """Catches a product that is rounded before the sum: (1 + e)(1 - e) - 1 is -e^2, which two roundings lose."""
    fused = njit(lambda a, b, c: multiply_add(a, b, c))  # noqa: PLW0108 - its own body is not fused
    e = real(2.0) ** (1 - np.finfo(real).nmant)
    assert fused(real(1.0) + e, real(1.0) - e, real(-1.0)) == -e * e


def neurons(voltage, real, name="PYR", **constants):
    """Unconnected neurons with given potentials."""
    bench = Bench(circuit([name] * voltage.size), real=real)
    bench.parameters = change_cells(bench.parameters, **constants)
    bench.activity.voltage[:] = voltage
    return bench


@pytest.mark.parametrize(("real", "bound"), [(np.float32, 1e-6), (np.float64, 2e-15)], ids=["single", "double"])
def test_mg_block(real, bound):
    """Catches a Mg block that single precision spoils: relative error over -100 ... 40 mV, from a window's sums.

    Measured: 4.1e-7 and 6.2e-16. Most of it is the argument, which reaches 6.2 and is rounded, as 0.062/mV itself is.
    """
    bench = neurons(VOLTAGES, real, cutoff=1e3)
    bench.activity.conductance[NMDA] = 1.0
    bench.modulation.nmda[3] = 0.5
    sums = bench.run(1).sums
    factor = np.exp(-0.062 * VOLTAGES.astype(np.longdouble))
    for row, mg_over_k in ((1, MG_OVER_K_A), (4, MG_OVER_K_D)):
        error = np.abs(sums[row] / sums[0] * (1.0 + mg_over_k * factor) - 1.0)
        print("mg", real, row, error.max())
        assert error.max() < bound


def next_voltage(voltage, conductance, cell, spikes):
    """Exact value of what a step makes of membranes of a class with conductances (4, n), in extended precision."""
    v = voltage.astype(np.longdouble)
    ampa, nmda, fast, slow = conductance.astype(np.longdouble)
    nmda = nmda / (1.0 + np.longdouble(1.0) / np.longdouble(3.57) * np.exp(np.longdouble(-0.062) * v))
    current = cell.leak * cell.rest - 75.0 * (fast + slow)
    if spikes:
        current = current + cell.leak * cell.sharpness * np.exp((v - cell.threshold) / cell.sharpness)
    total = cell.leak + ampa + nmda + fast + slow
    return current / total + (v - current / total) * np.exp(np.longdouble(-0.1) / cell.capacitance * total)


@pytest.mark.parametrize("largest", [1.0, 100.0, 10_000.0])
@pytest.mark.parametrize(("real", "bound"), [(np.float32, 2e-5), (np.float64, 5e-14)], ids=["single", "double"])
def test_membrane_step(real, bound, largest):
    """Catches a step of the membrane that single precision spoils: mV over -100 ... 40 mV and four decades of nS.

    Measured: 1.2e-5 and 2.0e-14 mV; a potential of 70 mV is itself rounded to 4e-6 and 7e-15 mV.
    """
    rng = np.random.default_rng(2)
    conductance = (largest * rng.uniform(0.0, 1.0, (4, VOLTAGES.size))).astype(np.float32)
    bench = neurons(VOLTAGES, real, sharpness=0.0, cutoff=1e3, adaptation=0.0)
    bench.activity.conductance[:] = conductance
    bench.run(1)
    exact = next_voltage(VOLTAGES, conductance, CELL_CLASSES["PYR"], spikes=False)
    error = np.abs(bench.activity.voltage - exact).max()
    assert error < bound


@pytest.mark.parametrize("name", ["PYR", "PV", "SST"])
@pytest.mark.parametrize(("real", "bound"), [(np.float32, 3e-5), (np.float64, 1e-13)], ids=["single", "double"])
def test_upstroke_step(real, bound, name):
    """Catches an upstroke that single precision spoils: error of a step over 1 mV + its length, up to cut-off.

    Measured: 1.5e-5 and 2.4e-14, both where the step is short and the potential is rounded.
    """
    cell = CELL_CLASSES[name]
    voltage = VOLTAGES[np.less(VOLTAGES, cell.cutoff)]
    bench = neurons(voltage, real, name, cutoff=1e6, adaptation=0.0)
    bench.run(1)
    exact = next_voltage(voltage, np.zeros((4, voltage.size)), cell, spikes=True)
    error = (np.abs(bench.activity.voltage - exact) / (1.0 + np.abs(exact - voltage))).max()
    assert error < bound
