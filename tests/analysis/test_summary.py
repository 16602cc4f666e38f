"""The numbers of a run from rows that are made up."""

import numpy as np
import pytest

from ketasim.analysis import summarise
from ketasim.analysis.summary import time_average


def population_rows(times, rate, fresh=None, estimate=50.0, **more):
    """Rows of one population; `rate` of each window, NaN in rows that are not `fresh`; estimates are others."""
    fresh = np.ones(len(times), bool) if fresh is None else np.array(fresh, bool)
    windows = np.where(fresh, rate, np.nan)
    rows = []
    for i, time in enumerate(times):
        values = {"network_sampled": fresh[i], "network_memory": 300.0, **{k: v[i] for k, v in more.items()}}
        for name in ("firing_rate", "vesicle_release"):
            values[name] = np.array([windows[i] if time < 0.0 else estimate + i])
            values[f"{name}_standard_error"] = np.array([np.nan if time < 0.0 else 0.1 * (estimate + i)])
            values[f"{name}_window"] = windows[i : i + 1]
        rows.append((time, values))
    return rows


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


def test_means_use_windows_of_their_stretch_only():
    """Catches estimates taken for windows, time zero counted as baseline, and the first 10 min or a late row."""
    times = [-2.0, -1.0, 0.0, 300.0, 600.0, 1800.0, 2400.0, 3000.0, 3600.0, 7200.0]
    rate = [4.0, 6.0, 100.0, 100.0, 1.0, 1.0, 1.0, 1.0, 1.0, 100.0]
    summary = summarise([], population_rows(times, rate), (), ("PYR",))
    assert summary["firing_rate_PYR_baseline"][0] == 5.0
    assert summary["firing_rate_PYR_baseline_standard_error"][0] == pytest.approx(1.0)
    assert summary["firing_rate_PYR_10_60_min"][:2] == (1.0, "Hz")
    assert summary["firing_rate_PYR_10_60_min_standard_error"][0] == 0.0


def test_one_window_is_no_mean_with_an_error():
    """Catches a standard error made up from a single window."""
    summary = summarise([], population_rows([-1.0, 0.0, 700.0], [4.0, 5.0, 6.0]), (), ("PYR",))
    assert summary == {}


def test_where_nothing_moved_the_estimate_stands():
    """Catches a vehicle without rates, and the error of a mean of estimates, which are one and the same."""
    times = [-2.0, -1.0, 0.0, 600.0, 1200.0, 4000.0]
    more = {"glutamate_perisynaptic": np.array([[1.0]] * 3 + [[1.2]] * 3)}
    rows = population_rows(times, [4.0] * 6, [1, 1, 1, 0, 0, 1], **more)
    summary = summarise([], rows, (), ("PYR",))
    assert summary["firing_rate_PYR_10_60_min"][0] == pytest.approx(53.5)  # estimates of 53 and 54
    assert summary["firing_rate_PYR_10_60_min_standard_error"][0] == pytest.approx(5.35)
    assert summary["glutamate_perisynaptic_PYR_10_60_min"][0] == pytest.approx(1.2)
    assert summary["glutamate_perisynaptic_PYR_10_60_min_standard_error"][0] == pytest.approx(0.12)


def test_windows_and_rest_count_by_their_time():
    """Catches a mean that forgets the part of the stretch in which the network was at rest."""
    times = [-2.0, -1.0, *np.arange(600.0, 3601.0, 300.0)]  # eleven rows; the last six without a window
    rows = population_rows(times, [4.0] * 13, [1] * 7 + [0] * 6, estimate=0.0)
    for row in range(7, 13):
        rows[row][1]["firing_rate"], rows[row][1]["firing_rate_standard_error"] = np.array([2.0]), np.array([0.2])
    mean = summarise([], rows, (), ("PYR",))["firing_rate_PYR_10_60_min"][0]
    assert mean == pytest.approx((5 * 4.0 + 6 * 2.0) / 11)
    error = summarise([], rows, (), ("PYR",))["firing_rate_PYR_10_60_min_standard_error"][0]
    assert error == pytest.approx(0.2 * 6 / 11)


def test_rows_without_a_window_for_want_of_budget_do_not_count():
    """Catches stale estimates in a mean: it would lag behind what the network does, the more the smaller the budget."""
    times = [-2.0, -1.0, *np.arange(600.0, 3601.0, 300.0)]
    rows = population_rows(times, [4.0] * 13, [1, 1] + [1, 0] * 5 + [1])
    for _, values in rows:
        values["network_memory"] = 2.0
    assert summarise([], rows, (), ("PYR",))["firing_rate_PYR_10_60_min"][0] == pytest.approx(4.0)


def test_relative_glutamate_has_no_baseline():
    """Catches a baseline of glutamate, which is 1 by definition, passed off as a measurement."""
    times = [-2.0, -1.0, 0.0, 600.0, 1200.0]
    more = {"glutamate_perisynaptic": np.array([[1.0]] * 3 + [[1.2]] * 2), "glutamate_ambient": np.full((5, 1), 0.05)}
    summary = summarise([], population_rows(times, [1.0, 1.0, 1.0, 1.0, 3.0], **more), (), ("PYR",))
    assert "glutamate_perisynaptic_PYR_baseline" not in summary
    assert summary["glutamate_perisynaptic_PYR_10_60_min"][0] == pytest.approx(1.2)
    # release of 1 and 3: mean 2, standard error 1
    assert summary["glutamate_perisynaptic_PYR_10_60_min_standard_error"][0] == pytest.approx(1.2 * 0.5)
    assert summary["glutamate_ambient_PYR_10_60_min"][:2] == (pytest.approx(0.05), "uM")
    assert "glutamate_ambient_PYR_10_60_min_standard_error" not in summary


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
