"""Spines at rest: rates that keep the shares of stages, and the joint distribution of stage and size."""

import math
from typing import NamedTuple

import numpy as np

#: Points of the grid of y, and its reach to either side in standard deviations.
_POINTS = 241
_REACH = 6.0

_ITERATIONS = 200


class MeanRates(NamedTuple):
    """Mean rates that keep the shares of stages.

    Attributes
    ----------
    share : (3,) array
        Fraction of spines in each stage.
    elimination, promotion : (3,) array
        1/d, by stage.
    formation : float
        1/d, spines formed as a fraction of all spines.
    """

    share: np.ndarray
    elimination: np.ndarray
    promotion: np.ndarray
    formation: float


class Rest(NamedTuple):
    """Joint distribution of stage and size at rest, on a grid of y = ln w - mean_log_weight.

    Elimination spares large spines, so stage and weight are not independent at rest. The density f_k(y) of stage k
    obeys::

        0 = d/dy [y f_k + s^2 df_k/dy] / tau - (p_k + e_k exp(-gamma y) / N_k) f_k + inflow
        inflow = (e_0 + p_0) x_0 Normal(y; -gamma s^2, s^2) of births for k = 0,  p_(k-1) f_(k-1) after

    with ``N_k`` the mean of ``exp(-gamma y)`` over stage k, so that each stage is left at its mean rates.

    Attributes
    ----------
    y : (m,) array
        Grid.
    density : (3, m) array
        Per unit of y; the integral over a stage is its share.
    norm : (3,) array
        Mean of ``exp(-gamma y)`` over a stage.
    mean_size : float
        Mean of ``exp(y)`` over all stages.
    """

    y: np.ndarray
    density: np.ndarray
    norm: np.ndarray
    mean_size: float

    def mean_log_weight(self, mean_weight: float) -> float:
        """Return the long-term mean of ln w at which the mean weight at rest is `mean_weight`."""
        return math.log(mean_weight / self.mean_size)

    def stage_probability(self, y: np.ndarray) -> np.ndarray:
        """Return the probability (E, 3) of each stage for spines with y (E,); beyond the grid that of its end."""
        share = self.density / self.density.sum(axis=0)
        return np.stack([np.interp(y, self.y, row) for row in share], axis=1)


def steady_rates(share: np.ndarray, first_times: tuple[float, float], half_life: float) -> MeanRates:
    """Return the rates that keep the shares of stages.

    Parameters
    ----------
    share : (3,) array
        Fraction of spines in each stage; they add up to 1.
    first_times : (float, float)
        d, mean times in the first two stages, whether left by elimination or promotion.
    half_life : float
        d, of the last stage.

    Raises
    ------
    ValueError
        No rates keep the shares: an elimination rate would be negative.
    """
    leaving = 1.0 / first_times[0], 1.0 / first_times[1]
    last = math.log(2.0) / half_life
    promoted_1 = last * share[2] / share[1]
    promoted_0 = leaving[1] * share[1] / share[0]
    elimination = np.array([leaving[0] - promoted_0, leaving[1] - promoted_1, last])
    if elimination.min() < 0.0:
        raise ValueError(
            f"shares {share[0]:g}, {share[1]:g}, {share[2]:g} of stages cannot be stationary: promotion would need "
            f"{promoted_0:.3g} and {promoted_1:.3g} 1/d, but stages are left at {leaving[0]:.3g} and "
            f"{leaving[1]:.3g} 1/d in all"
        )
    promotion = np.array([promoted_0, promoted_1, 0.0])
    return MeanRates(np.asarray(share, float), elimination, promotion, float(leaving[0] * share[0]))


def at_rest(rates: MeanRates, protection: float, sd: float, time: float) -> Rest:
    """Solve the stationary equations.

    Parameters
    ----------
    rates : MeanRates
        From `steady_rates`.
    protection : float
        gamma.
    sd : float
        s of the weights' process.
    time : float
        d, tau of the weights' process.

    Raises
    ------
    ValueError
        No solution is found; a protection far above 2 would need a wider grid.
    """
    y = np.linspace(-_REACH * sd, _REACH * sd, _POINTS)
    step = y[1] - y[0]
    process = _process(y, sd, time)
    hazard = np.exp(-protection * y)
    inflow = np.exp(-0.5 * ((y + protection * sd**2) / sd) ** 2)
    inflow *= rates.formation / (inflow.sum() * step)
    density, norm = np.empty((3, y.size)), np.empty(3)
    for stage in range(3):
        loss = rates.elimination[stage], rates.promotion[stage]
        density[stage], norm[stage] = _stage_at_rest(process, hazard, inflow, loss)
        inflow = rates.promotion[stage] * density[stage]
    return Rest(y, density, norm, float((density * np.exp(y)).sum() * step))


def _process(y: np.ndarray, sd: float, time: float) -> np.ndarray:
    """Return the generator (m, m) of the weights' process: flows between neighbours that keep the normal density."""
    step = y[1] - y[0]
    middle = 0.5 * (y[1:] + y[:-1])
    # the rate from i to i + 1, and back, goes as normal density at the border divided by that at the point
    flow = sd**2 / (time * step**2)
    up = flow * np.exp(0.5 * (y[:-1] ** 2 - middle**2) / sd**2)
    down = flow * np.exp(0.5 * (y[1:] ** 2 - middle**2) / sd**2)
    matrix = np.diag(up, -1) + np.diag(down, 1)
    return matrix - np.diag(matrix.sum(axis=0))


def _stage_at_rest(
    process: np.ndarray, hazard: np.ndarray, inflow: np.ndarray, loss: tuple[float, float]
) -> tuple[np.ndarray, float]:
    """Return the density and its mean of the hazard's factor, solved by fixed-point iteration."""
    from scipy.linalg import solve_banded

    elimination, promotion = loss
    norm = 1.0
    bands = np.zeros((3, hazard.size))
    bands[0, 1:], bands[2, :-1] = -np.diag(process, 1), -np.diag(process, -1)
    for _ in range(_ITERATIONS):
        bands[1] = promotion + elimination * hazard / norm - np.diag(process)
        density = solve_banded((1, 1), bands, inflow)
        before, norm = norm, float((hazard @ density) / density.sum())
        if abs(norm - before) < 1e-13 * norm:
            return density, norm
    raise ValueError(f"no distribution of spine sizes at rest after {_ITERATIONS} iterations; last norm {norm:g}")
