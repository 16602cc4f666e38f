"""The numbers of a run from rows that are made up."""

from io import BytesIO

import numpy as np
import pytest

import ketasim
from ketasim.analysis import error_of, summarise, value_of
from ketasim.analysis.summary import time_average
from ketasim.storage import Column, StorageError, TrajectoryWriter
from ketasim.trajectory import open_trajectory

SURGE = ("10 min to 60 min", "mean")
BASELINE = ("baseline", "mean")


def with_windows(times, rate, fresh=None, estimate=50.0, memory=300.0, **more):
    """Signals of one population; `rate` of each window, NaN in rows that are not `fresh`; estimates are others."""
    times = np.array(times)
    fresh = np.ones(len(times), bool) if fresh is None else np.array(fresh, bool)
    windows = np.where(fresh, rate, np.nan)
    estimates = estimate + np.arange(len(times))
    signals = {"network_sampled": fresh, "network_memory": np.full(len(times), memory), **more}
    for name in ("firing_rate", "vesicle_release"):
        signals[name] = np.where(times < 0.0, windows, estimates)[:, None]
        signals[f"{name}_standard_error"] = np.where(times < 0.0, np.nan, 0.1 * estimates)[:, None]
        signals[f"{name}_window"] = windows[:, None]
    return signals


def test_compounds_are_summed_by_moiety(made_up):
    """Catches the peak of one enantiomer passed off as ketamine's, or a sum of peaks at different times."""
    values = [[0.0, 0.0, 0.0], [10.0, 2.0, 1.0], [5.0, 8.0, 4.0]]
    table = made_up([0.0, 600.0, 3600.0], subject={"plasma_concentration": values}).summary
    assert value_of(table, "plasma_concentration", "ketamine", statistic="peak") == 13.0
    assert value_of(table, "plasma_concentration", "ketamine", statistic="time_of_peak") == 3600.0
    assert value_of(table, "plasma_concentration", "norketamine", statistic="peak") == 4.0
    area = (0 + 12) / 2 * 600 + (12 + 13) / 2 * 3000
    assert value_of(table, "plasma_concentration", "ketamine", statistic="area") == pytest.approx(area / 3600)
    assert table.set_index("statistic")["unit"].to_dict() == {"peak": "ng/mL", "time_of_peak": "s", "area": "ng/mL h"}
    assert set(table["quantity"]) == {"plasma_concentration"}
    assert table["error"].isna().all()


@pytest.mark.parametrize("route", ["intravenous", "intramuscular", "oral"])
def test_peaks_and_areas_do_not_depend_on_the_steps(route):
    """Catches the largest of the samples passed off as the peak: 277, 215, 83 and 20 ng/mL of one bolus were reported.

    The reference has a row every 5 s.
    """

    def summary(step):
        dose = {"drug": "ketamine", "route": route, "amount": "35 mg"}
        data = {"format": 1, "duration": "3 h", "network": "none", "doses": [dose], "schedule": {"step": step}}
        return ketasim.run(ketasim.Experiment.from_mapping(data))

    fine, tables = summary("5 s"), [summary(step).summary for step in ("auto", "10 min", "3 h")]
    for quantity in ("plasma_concentration", "brain_concentration"):
        for moiety in ("ketamine", "norketamine"):
            sampled = fine[quantity]
            sampled = sampled.sel(compound=sampled["moiety"] == moiety).sum("compound")
            after_dose = sampled.values[1:].max()  # the row at the dose itself is that before it
            for table in tables:
                peak, time, area = (
                    value_of(table, quantity, moiety, statistic=name) for name in ("peak", "time_of_peak", "area")
                )
                assert after_dose <= peak * (1.0 + 1e-4)
                if time > 0.0:
                    assert peak == pytest.approx(after_dose, rel=3e-4)
                    assert time == pytest.approx(float(sampled["time"][int(sampled.argmax("time"))]), abs=20.0)
                else:
                    sampled[0] = peak  # right after the dose
                expected = float(sampled.integrate("time")) / 3600.0
                assert area == pytest.approx(expected, rel=3e-3)
        rows = {float(value_of(table, quantity, "ketamine", statistic="peak")) for table in tables}
        assert max(rows) == pytest.approx(min(rows), rel=1e-4)


def test_means_use_windows_of_their_stretch_only(made_up):
    """Catches estimates taken for windows, time zero counted as baseline, and the first 10 min or a late row."""
    times = [-2.0, -1.0, 0.0, 300.0, 600.0, 1800.0, 2400.0, 3000.0, 3600.0, 7200.0]
    rate = [4.0, 6.0, 100.0, 100.0, 1.0, 1.0, 1.0, 1.0, 1.0, 100.0]
    table = made_up(times, with_windows(times, rate)).summary
    assert value_of(table, "firing_rate", "PYR", *BASELINE) == 5.0
    assert error_of(table, "firing_rate", "PYR", *BASELINE) == pytest.approx(1.0)
    assert value_of(table, "firing_rate", "PYR", *SURGE) == 1.0
    assert error_of(table, "firing_rate", "PYR", *SURGE) == 0.0
    assert value_of(table, "windows_run", statistic="count") == 8
    assert value_of(table, "windows_skipped", statistic="count") == 0


def test_one_window_is_no_mean_with_an_error(made_up):
    """Catches a standard error made up from a single window."""
    times = [-1.0, 0.0, 700.0]
    table = made_up(times, with_windows(times, [4.0, 5.0, 6.0])).summary
    assert set(table["quantity"]) == {"windows_run", "windows_skipped"}


def test_where_nothing_moved_the_estimate_stands(made_up):
    """Catches a vehicle without rates, and the error of a mean of estimates, which are one and the same."""
    times = [-2.0, -1.0, 0.0, 600.0, 1200.0, 4000.0]
    more = {"glutamate_perisynaptic": [[1.0]] * 3 + [[1.2]] * 3}
    table = made_up(times, with_windows(times, [4.0] * 6, [1, 1, 1, 0, 0, 1], **more)).summary
    assert value_of(table, "firing_rate", "PYR", *SURGE) == pytest.approx(53.5)  # estimates of 53 and 54
    assert error_of(table, "firing_rate", "PYR", *SURGE) == pytest.approx(5.35)
    assert value_of(table, "glutamate_perisynaptic", "PYR", *SURGE) == pytest.approx(1.2)
    assert error_of(table, "glutamate_perisynaptic", "PYR", *SURGE) == pytest.approx(0.12)
    assert value_of(table, "windows_skipped", statistic="count") == 2


def test_windows_and_rest_count_by_their_time(made_up):
    """Catches a mean that forgets the part of the stretch in which the network was at rest."""
    times = [-2.0, -1.0, *np.arange(600.0, 3601.0, 300.0)]  # eleven rows; the last six without a window
    signals = with_windows(times, [4.0] * 13, [1] * 7 + [0] * 6, estimate=0.0)
    signals["firing_rate"][7:], signals["firing_rate_standard_error"][7:] = 2.0, 0.2
    table = made_up(times, signals).summary
    assert value_of(table, "firing_rate", "PYR", *SURGE) == pytest.approx((5 * 4.0 + 6 * 2.0) / 11)
    assert error_of(table, "firing_rate", "PYR", *SURGE) == pytest.approx(0.2 * 6 / 11)


def test_rows_without_a_window_for_want_of_budget_do_not_count(made_up):
    """Catches stale estimates in a mean: it would lag behind what the network does, the more the smaller the budget."""
    times = [-2.0, -1.0, *np.arange(600.0, 3601.0, 300.0)]
    table = made_up(times, with_windows(times, [4.0] * 13, [1, 1] + [1, 0] * 5 + [1], memory=2.0)).summary
    assert value_of(table, "firing_rate", "PYR", *SURGE) == pytest.approx(4.0)


def test_relative_glutamate_has_no_baseline(made_up):
    """Catches a baseline of glutamate, which is 1 by definition, passed off as a measurement."""
    times = [-2.0, -1.0, 0.0, 600.0, 1200.0]
    more = {"glutamate_perisynaptic": [[1.0]] * 3 + [[1.2]] * 2, "glutamate_ambient": np.full((5, 1), 0.05)}
    table = made_up(times, with_windows(times, [1.0, 1.0, 1.0, 1.0, 3.0], **more)).summary
    assert set(table.loc[table["at"] == "baseline", "quantity"]) == {"firing_rate"}
    assert value_of(table, "glutamate_perisynaptic", "PYR", *SURGE) == pytest.approx(1.2)
    # release of 1 and 3: mean 2, standard error 1
    assert error_of(table, "glutamate_perisynaptic", "PYR", *SURGE) == pytest.approx(1.2 * 0.5)
    assert value_of(table, "glutamate_ambient", "PYR", *SURGE) == pytest.approx(0.05)
    assert np.isnan(error_of(table, "glutamate_ambient", "PYR", *SURGE))
    assert set(table.loc[table["quantity"] == "glutamate_ambient", "unit"]) == {"uM"}


def test_an_own_signal_is_summed_up_as_its_file_declares(made_up):
    """Catches a summary that knows the signals of ketasim only, or only those of neurons."""
    declared = {
        "craving": {"summary": "peak; area; value at 30 min, 2 h; mean over 10 min to 60 min"},
        "mine": {"summary": "value at 30 min"},
        "undeclared": {},
    }
    times = [0.0, 1200.0, 2400.0, 3600.0]
    signals = {"mine": np.outer(times, [1.0, np.nan]), "undeclared": np.ones((4, 2))}
    craving = {"craving": [0.0, 1.0, 4.0, 3.0]}
    table = made_up(times, signals, craving, declared, populations=("one", "other")).summary
    found = {tuple(row[:4]): row[4] for row in table.itertuples(index=False)}
    assert found == {
        ("craving", "", "", "peak"): 4.0,
        ("craving", "", "", "time_of_peak"): 2400.0,
        ("craving", "", "", "area"): pytest.approx(1200 * (0.5 + 2.5 + 3.5) / 3600),
        ("craving", "", "30 min", "value"): 2.5,  # 2 h were not reached
        ("craving", "", "10 min to 60 min", "mean"): pytest.approx(8 / 3),
        ("mine", "one", "30 min", "value"): 1800.0,
    }
    assert set(table.loc[table["statistic"] == "area", "unit"]) == {"h"}


def test_stages_tell_the_baseline_from_the_run(made_up):
    """Catches meaning read from the sign of time where a run begins before zero."""
    times = [-300.0, -200.0, -100.0, 0.0]
    trajectory = made_up(times, with_windows(times, [4.0, 6.0, 9.0, 9.0]))
    plain = value_of(trajectory.summary, "windows_run", statistic="count")

    class Staged:
        attributes = trajectory.attributes

        def dataset(self, group):
            return trajectory.dataset(group).assign_coords(stage=("time", ["baseline", "baseline", "run", "run"]))

    table = summarise(Staged())
    assert (plain, value_of(table, "windows_run", statistic="count")) == (1, 2)
    assert value_of(table, "firing_rate", "PYR", *BASELINE) == 5.0


def test_time_of_the_network_is_a_mark_of_the_file(made_up):
    """Catches wall time in the table, which is part of the digest, and network time left out."""
    times = [-1.0, 0.0]
    table = made_up(times, with_windows(times, [1.0, 1.0]), network_time=62.0, wall_time_network=3.0).summary
    assert value_of(table, "network_time") == 62.0
    assert 3.0 not in table["value"].tolist()


def test_a_run_that_wrote_nothing_has_an_empty_summary():
    """Catches a traceback for a run that was killed before its first row."""
    target = BytesIO()
    with TrajectoryWriter(target) as writer:
        writer.create_samples("subject", [Column("mood", "1", "mood", summary="peak; mean over 10 min to 60 min")])
    table = open_trajectory(target).summary
    assert table.empty
    assert list(table.columns) == ["quantity", "population", "at", "statistic", "value", "error", "unit", "meaning"]


def test_a_wrong_declaration_in_a_file_is_named(made_up):
    """Catches a traceback without the file's or the signal's name for an attribute that someone changed."""
    trajectory = made_up([0.0, 1.0], subject={"mood": [1.0, 2.0]}, declared={"mood": {"summary": "median"}})
    with pytest.raises(StorageError, match="attribute summary of mood: 'median' is not a statistic; valid are 'peak'"):
        trajectory.summary  # noqa: B018


def test_a_number_that_is_not_there_names_the_nearest(made_up):
    """Catches a bare KeyError, and the whole table in place of the rows that might have been meant."""
    table = made_up([0.0, 1.0], subject={"plasma_concentration": np.ones((2, 3))}).summary
    with pytest.raises(KeyError) as error:
        value_of(table, "plasma_concentration", "ketamin", statistic="peak")
    words = str(error.value)
    assert "no row ('plasma_concentration', 'ketamin', '', 'peak'); the nearest are" in words
    assert words.index("'ketamine', '', 'peak'") < words.index("'norketamine', '', 'peak'")


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
