"""The numbers of a run from rows that are made up."""

import numpy as np
import pytest

from ketasim.analysis import summarise
from ketasim.analysis.summary import time_average


def population_rows(times, rate, fresh=None, **more):
    fresh = np.ones(len(times)) if fresh is None else fresh
    return [
        (time, {"firing_rate": np.array([rate[i]]), "network_sampled": fresh[i], **{k: v[i] for k, v in more.items()}})
        for i, time in enumerate(times)
    ]


def test_compounds_are_summed_by_moiety():
    """Catches the peak of one enantiomer passed off as ketamine's, or a sum of peaks at different times."""
    times = [0.0, 600.0, 3600.0]
    values = [[0.0, 0.0, 0.0], [10.0, 2.0, 1.0], [5.0, 8.0, 4.0]]
    rows = [(time, {"plasma_concentration": np.array(v)}) for time, v in zip(times, values, strict=True)]
    summary = summarise(rows, [], ("ketamine", "ketamine", "norketamine"), ())
    assert summary["plasma_ketamine_peak"][:2] == (13.0, "ng/mL")
    assert summary["plasma_ketamine_peak_time"][:2] == (3600.0, "s")
    assert summary["plasma_norketamine_peak"][0] == 4.0
    area = (0 + 12) / 2 * 600 + (12 + 13) / 2 * 3000
    assert summary["plasma_ketamine_area"][0] == pytest.approx(area / 3600)
    assert summary["plasma_ketamine_area"][1] == "ng/mL h"
    assert not any(key.startswith("brain") for key in summary)


def test_means_use_fresh_windows_of_their_stretch_only():
    """Catches reused windows counted again, time zero counted as baseline, and the first 10 min or a late row."""
    times = [-2.0, -1.0, 0.0, 300.0, 600.0, 1800.0, 1800.1, 3000.0, 3600.0, 7200.0]
    rate = [4.0, 6.0, 100.0, 100.0, 1.0, 1.0, 100.0, 1.0, 1.0, 100.0]
    fresh = [1, 1, 1, 1, 1, 1, 0, 1, 1, 1]
    summary = summarise([], population_rows(times, rate, fresh), (), ("PYR",))
    assert summary["firing_rate_PYR_baseline"][0] == 5.0
    assert summary["firing_rate_PYR_baseline_standard_error"][0] == pytest.approx(1.0)
    assert summary["firing_rate_PYR_10_60_min"][:2] == (1.0, "Hz")
    assert summary["firing_rate_PYR_10_60_min_standard_error"][0] == 0.0


def test_one_window_is_no_mean_with_an_error():
    """Catches a standard error made up from a single window."""
    summary = summarise([], population_rows([-1.0, 0.0, 700.0], [4.0, 5.0, 6.0]), (), ("PYR",))
    assert summary == {}


def test_relative_glutamate_has_no_baseline():
    """Catches a baseline of glutamate, which is 1 by definition, passed off as a measurement."""
    times = [-2.0, -1.0, 0.0, 600.0, 1200.0]
    more = {"glutamate_perisynaptic": np.array([[1.0]] * 3 + [[1.2]] * 2)}
    summary = summarise([], population_rows(times, [1.0] * 5, **more), (), ("PYR",))
    assert "glutamate_perisynaptic_PYR_baseline" not in summary
    assert summary["glutamate_perisynaptic_PYR_10_60_min"][0] == pytest.approx(1.2)


def test_time_average_weighs_by_time():
    """Catches a plain mean over steps that grow: the dense ones after a dose would count most."""
    times = np.concatenate([np.arange(0.0, 10.0), [20.0, 30.0, 40.0]])
    values = np.where(times < 10, 0.0, 1.0)
    assert time_average(times, values)[0] == pytest.approx(0.7, abs=0.06)


@pytest.mark.parametrize("growth", [1.0, 1.1])
def test_standard_error_of_a_time_average_is_its_spread(growth):
    """Catches an error that forgets that unequal weights leave fewer effective samples."""
    generator = np.random.default_rng(4)
    times = np.cumsum(growth ** np.arange(30))
    found = [time_average(times, generator.normal(5.0, 2.0, 30)) for _ in range(2000)]
    means, errors = np.array(found).T
    assert means.mean() == pytest.approx(5.0, abs=0.05)
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(means.std(), rel=0.1)
