"""Mean of paired differences, its standard error, and how much of it comes from where.

Runs differ by seed, by circuit (set of weights) and by parameters drawn, each of which shifts several runs at once, so
the error of a mean over n runs is not the spread over the root of n. With random effects u of each factor,

    d_i = mu + sum_f u_f[level of i] + r_i,

the variances of u and r follow from the sums of squares between levels, which are linear in them (Henderson 1953,
method 1; exact analysis of variance where the design is balanced), and

    var(mean) = sum_f var(u_f) sum_l n_l^2 / n^2 + var(r) / n.

Negative solutions become zero. What windows of the network contribute to r is known from each run.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

#: What part of the variance is called that windows of the network explain, and what is left.
WINDOWS, REST = "windows", "rest"


class Mean(NamedTuple):
    """Means of n values.

    Attributes
    ----------
    value : (m,) array
        Means.
    parts : dict of str to (m,) array
        Source -> its share of the variance of the mean; a factor with one level has none that could be known.
    degrees : (m,) array
        Degrees of freedom: levels less one of the factor that contributes most. 0 for a single value.
    """

    value: np.ndarray
    parts: dict[str, np.ndarray]
    degrees: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """(m,) standard errors; of a single value that of its windows, NaN if unknown."""
        return np.sqrt(sum(self.parts.values(), np.zeros_like(self.value)))

    def interval(self, share: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper ends (m,) of the confidence intervals by Student's t; NaN for a single value."""
        from scipy.stats import t

        with np.errstate(invalid="ignore"):
            reach = t.ppf(0.5 + 0.5 * share, np.where(self.degrees > 0, self.degrees, np.nan)) * self.error
        return self.value - reach, self.value + reach


def grand_mean(values: np.ndarray, factors: Mapping[str, np.ndarray], windows: np.ndarray | None = None) -> Mean:
    """Return the means of columns with their errors by source.

    Parameters
    ----------
    values : (n, m) array
        Differences: a row for each pair of runs, a column for each quantity. No NaN.
    factors : mapping of str to (n,) array
        Name of a source -> level of each row. The first of those that tell all rows apart names what is left over when
        the others are accounted for; without one it is ``rest``.
    windows : (n, m) array, optional
        Standard errors of the values from windows; NaN where unknown.

    Raises
    ------
    ValueError
        There are no values.

    Examples
    --------
    >>> found = grand_mean(np.array([[1.0], [3.0]]), {"seed": np.array([1, 2])})
    >>> found.value, found.error
    (array([2.]), array([1.]))
    """
    n, m = values.shape
    if n == 0:
        raise ValueError("there are no values to average")
    levels = {name: np.unique(labels, return_inverse=True)[1] for name, labels in factors.items()}
    counts = {name: int(level.max()) + 1 for name, level in levels.items()}
    rest = next((name for name, count in counts.items() if count == n), REST)
    of_windows = np.full(m, np.nan) if windows is None else np.mean(windows**2, axis=0)
    if n == 1:
        return Mean(values[0].copy(), {WINDOWS: of_windows}, np.zeros(m))
    between = {name: level for name, level in levels.items() if 1 < counts[name] < n}
    design, squares = _sums_of_squares(values, between)
    variances = _not_negative(design, squares)
    parts = {
        name: variances[place] * float(np.sum(np.bincount(level) ** 2)) / n**2
        for place, (name, level) in enumerate(between.items())
    }
    left = variances[-1] / n
    known = np.minimum(np.nan_to_num(of_windows) / n, left)
    parts |= {rest: left - known, WINDOWS: known}
    degrees = np.array([*(counts[name] - 1 for name in between), n - 1])
    largest = np.argmax(np.array([*(parts[name] for name in between), left]), axis=0)
    return Mean(values.mean(axis=0), parts, degrees[largest].astype(float))


def _sums_of_squares(values: np.ndarray, between: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (k + 1, k + 1) and values (k + 1, m) of the expected sums of squares, the last of single rows."""
    n = len(values)
    groups = [np.eye(level.max() + 1)[level] for level in between.values()] + [np.eye(n)]
    centred = values - values.mean(axis=0)
    design, squares = np.zeros((len(groups), len(groups))), np.zeros((len(groups), values.shape[1]))
    for place, group in enumerate(groups):
        size = group.sum(axis=0)
        squares[place] = np.sum((group.T @ centred) ** 2 / size[:, None], axis=0)
        for other, effect in enumerate(groups):
            shared = group.T @ effect
            design[place, other] = np.sum(shared**2 / size[:, None]) - np.sum(effect.sum(axis=0) ** 2) / n
    return design, squares


def _not_negative(design: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Solve for variances (k + 1, m); where one would be negative, the others without it."""
    from scipy.optimize import nnls

    found = np.linalg.lstsq(design, squares, rcond=None)[0]
    for column in np.flatnonzero((found < 0.0).any(axis=0)):
        found[:, column] = nnls(design, squares[:, column])[0]
    return found
