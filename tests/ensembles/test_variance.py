"""Means with errors by source: exact where the design is balanced, and right on average where it is not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from ketasim.ensembles.variance import REST, WINDOWS, grand_mean


def test_one_factor_gives_the_usual_standard_error():
    """Catches n in place of n - 1, and a split that does not add up."""
    values = np.random.default_rng(1).normal(size=(9, 4))
    found = grand_mean(values, {"seed": np.arange(9)}, np.full((9, 4), 0.5))
    assert_allclose(found.value, values.mean(axis=0))
    assert_allclose(found.error, values.std(axis=0, ddof=1) / 3.0)
    assert_allclose(found.parts["seed"] + found.parts[WINDOWS], found.error**2)
    assert_allclose(found.parts[WINDOWS], np.minimum(0.25 / 9, found.error**2))
    low, high = found.interval()
    assert_allclose(high - low, 2.0 * stats.t.ppf(0.975, 8) * found.error)


def test_nested_circuits_give_the_error_over_circuits():
    """Four seeds of each of five circuits: the spread of circuits' means counts, exactly as in analysis of variance."""
    stream = np.random.default_rng(2)
    circuit = np.repeat(np.arange(5), 4)
    values = (3.0 * stream.normal(size=5)[circuit] + stream.normal(size=20))[:, None]
    found = grand_mean(values, {"seed": np.arange(20), "circuit": circuit})
    means = values[:, 0].reshape(5, 4).mean(axis=1)
    assert_allclose(found.error[0], means.std(ddof=1) / np.sqrt(5))
    assert found.degrees[0] == 4


def test_a_single_pair_has_the_error_of_its_windows():
    """Catches an error of zero where nothing but the windows is known."""
    found = grand_mean(np.array([[2.0, 3.0]]), {"seed": np.array([1])}, np.array([[0.5, np.nan]]))
    assert found.error[0] == 0.5
    assert np.isnan(found.error[1])
    assert np.isnan(found.interval()[0]).all()


def test_no_values_are_refused():
    """Catches a mean of nothing."""
    with pytest.raises(ValueError, match="no values"):
        grand_mean(np.empty((0, 1)), {})


@pytest.mark.parametrize("missing", [0, 11])
def test_crossed_factors_are_told_apart(missing):
    """Circuits (SD 2) x seeds (SD 1), rest 0.5, some runs missing: stated variances are right on average.

    Over 400 draws the relative standard error of a mean variance is below 5 %; catches a factor left out, or counted as
    if its levels were runs.
    """
    stream = np.random.default_rng(3 + missing)
    circuit, seed = (one.reshape(-1) for one in np.meshgrid(np.arange(8), np.arange(6), indexing="ij"))
    kept = np.sort(stream.permutation(48)[missing:])
    circuit, seed, draws = circuit[kept], seed[kept], 400
    values = 2.0 * stream.normal(size=(8, draws))[circuit] + stream.normal(size=(6, draws))[seed]
    values += 0.5 * stream.normal(size=(kept.size, draws))
    found = grand_mean(values, {"seed": seed, "circuit": circuit})
    share = {name: np.sum((np.bincount(one) / kept.size) ** 2) for name, one in (("seed", seed), ("circuit", circuit))}
    assert_allclose(found.parts["circuit"].mean(), 4.0 * share["circuit"], rtol=0.12)
    assert_allclose(found.parts["seed"].mean(), 1.0 * share["seed"], rtol=0.15)
    # with runs missing, the small rest is what a noisy difference leaves, and negative ones count as zero
    assert_allclose((found.parts[REST] + found.parts[WINDOWS]).mean(), 0.25 / kept.size, rtol=0.5 if missing else 0.1)
    assert_allclose(np.mean(found.error**2), found.value.var(), rtol=0.2)


def test_the_interval_covers_as_stated():
    """2,000 sets of 5 circuits x 3 seeds: the 95 % interval holds the truth in 93-97.5 %."""
    stream = np.random.default_rng(5)
    circuit = np.repeat(np.arange(5), 3)
    values = stream.normal(size=(5, 2000))[circuit] + 0.3 * stream.normal(size=(15, 2000))
    low, high = grand_mean(values, {"seed": np.arange(15), "circuit": circuit}).interval()
    assert 0.93 <= np.mean((low <= 0.0) & (high >= 0.0)) <= 0.975
