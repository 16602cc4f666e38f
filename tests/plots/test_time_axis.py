"""An axis on which minutes and days both read, and bins of time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from ketasim.plots.time_axis import averaged, bins, growing_bins, in_words, length_in_words, mark_events, set_time_axis


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.mark.parametrize("end", [6.5 / 3600, 0.01, 0.4, 1.0, 3.0, 24.0, 336.0])
def test_ticks_lie_inside_and_are_in_order(axes, end):
    """Catches ticks beyond the run, which stretch the axis, and an axis that cuts off the end."""
    set_time_axis(axes, end)
    left, right = axes.get_xlim()
    assert left < 0
    assert right >= end
    ticks = axes.get_xticks()
    assert np.all(np.diff(ticks) > 0)
    assert np.all(ticks <= end * 1.001)
    assert len(axes.get_xticklabels()) == len(ticks) >= 2


def test_minutes_and_days_both_have_room(axes):
    """Catches an infusion of 40 min squeezed into a line in a picture of two weeks."""
    set_time_axis(axes, 336.0)
    axes.figure.canvas.draw()
    x = [axes.transAxes.inverted().transform(axes.transData.transform((hours, 0)))[0] for hours in (0, 2 / 3, 24, 336)]
    assert np.all(np.diff(x) > 0.1)
    assert "logarithmic" in axes.get_xlabel()


@pytest.mark.parametrize("end", [2 / 3600, 0.01, 0.4, 1.0, 3.0, 24.0, 168.0, 336.0, 672.0, 8760.0])
def test_linear_ticks_are_few_and_even(axes, end):
    """Catches labels over each other, ticks beyond the run, and uneven distances."""
    set_time_axis(axes, end, linear=True)
    ticks, words = axes.get_xticks(), [label.get_text() for label in axes.get_xticklabels()]
    assert 2 <= len(ticks) <= 10
    assert ticks[0] == 0
    assert ticks[-1] <= end * 1.001
    assert np.allclose(np.diff(ticks), ticks[1])
    assert len(set(words)) == len(words)
    assert axes.get_xlim()[1] >= end
    assert "logarithmic" not in axes.get_xlabel()


def test_six_infusions_have_even_room(axes):
    """Catches a course of treatment in which the last infusions fall on one another."""
    set_time_axis(axes, 672.0, linear=True)
    axes.figure.canvas.draw()
    days = np.array([0, 2, 4, 7, 9, 11])
    x = [axes.transAxes.inverted().transform(axes.transData.transform((24.0 * day, 0)))[0] for day in days]
    assert np.diff(x) / np.diff(days) == pytest.approx(np.diff(x)[0] / 2)
    assert min(np.diff(x)) > 0.05
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "7 d", "14 d", "21 d", "28 d"]


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0.0, "0"),
        (672.0, "28 d"),
        (36.0, "36 h"),
        (4 / 3, "80 min"),
        (1 / 3, "20 min"),
        (2 / 3600, "2 s"),
        (24.0, "1 d"),
    ],
)
def test_times_in_words(hours, words):
    """Catches 1.33333 h, and a unit in which the number is not whole."""
    assert in_words(hours) == words


def test_a_span_too_narrow_to_be_seen_is_a_line(axes):
    """Catches infusions of 40 min that vanish in four weeks, and long ones without their length."""
    mark_events(axes, np.array([0.0, 48.0]), np.array([2 / 3, 24.0]), narrow=3.0)
    (span,) = axes.patches
    (line,) = axes.get_lines()
    assert (span.get_x(), span.get_width()) == pytest.approx((48.0, 24.0))
    assert list(line.get_xdata()) == [0.0, 0.0]


def test_doses_are_marked(axes):
    """Catches an infusion drawn as an instant, and a bolus of no width that cannot be seen."""
    mark_events(axes, np.array([0.0, 5.0]), np.array([0.5, 0.0]))
    (span,) = axes.patches
    (bolus,) = axes.get_lines()
    assert (span.get_x(), span.get_width()) == pytest.approx((0.0, 0.5))
    assert list(bolus.get_xdata()) == [5.0, 5.0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 30.0), st.floats(0.0, 50.0)), min_size=1, max_size=40))
def test_spines_are_conserved_by_counting_over_bins(steps):
    """Catches spines lost or counted twice where a step reaches over the edge of a bin."""
    hours = np.concatenate([[0.0], np.cumsum([step for step, _ in steps])])
    rates = np.array([0.0] + [rate for _, rate in steps])
    edges, mean = averaged(hours, rates)
    for left, right, value in zip(edges[:-1], edges[1:], mean, strict=True):
        overlaps = [max(0.0, min(right, b) - max(left, a)) for a, b in pairwise(hours)]
        assert value * (right - left) == pytest.approx(float(np.dot(overlaps, rates[1:])), rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("end", [0.01, 1 / 3, 3.0, 24.0, 24.1, 47.0, 168.0, 335.9, 672.0])
def test_bins_cover_the_run(end):
    """Catches a last bin too short to count in, one that lies beyond the run, and a run in a single bin."""
    edges = bins(end)
    lengths = np.diff(edges)
    assert (edges[0], edges[-1]) == (0.0, end)
    assert np.allclose(lengths[:-1], lengths[0])
    assert 0.49 * lengths[0] < lengths[-1] < 1.51 * lengths[0] or len(lengths) == 1
    assert len(lengths) >= min(8, end * 60 // 1)


def test_a_run_that_begins_before_zero(axes):
    """Catches three weeks of stress cut off the picture, and bins that leave them out."""
    set_time_axis(axes, 24.0, begin=-504.0)
    assert axes.get_xlim() == (pytest.approx(-509.28), pytest.approx(29.28))
    ticks = axes.get_xticks()
    assert 0.0 in ticks
    assert ticks[0] == -504.0
    assert axes.get_xticklabels()[0].get_text() == "-21 d"
    edges = bins(24.0, begin=-504.0)
    assert (edges[0], edges[-1], len(edges)) == (-504.0, 24.0, 89)


@pytest.mark.parametrize("end", [3.0, 24.0, 336.0])
def test_no_corner_where_the_axis_turns_logarithmic(axes, end):
    """Catches a slope that jumps, which puts a corner into every curve at that time."""
    set_time_axis(axes, end)
    hours = np.linspace(0.0, min(end, 4.0), 2_001)
    slopes = np.diff(axes.transData.transform(np.stack([hours, 0.0 * hours], axis=1))[:, 0])
    assert np.all(slopes > 0.0)
    assert np.abs(np.diff(slopes) / slopes[1:]).max() < 0.005


@pytest.mark.parametrize("end", [3.0, 24.0, 335.0, 672.0])
def test_bins_are_as_wide_as_each_other_on_a_logarithmic_axis(axes, end):
    """Catches one bin of six hours across half of the picture, a sliver at the end, and bins too short to count in."""
    edges = growing_bins(end)
    assert (edges[0], edges[-1]) == (0.0, end)
    assert np.diff(edges).min() > 0.08
    set_time_axis(axes, end)
    x = axes.transAxes.inverted().transform(axes.transData.transform(np.stack([edges, 0.0 * edges], axis=1)))[:, 0]
    assert np.diff(x).max() < (0.2 if end < 24.0 else 0.1)


def test_lengths_of_bins_in_words():
    """Catches means over days said to be over ten minutes, and a last bin that is a little longer told as two."""
    assert length_in_words(growing_bins(336.0)) == "10 min to 76 h"
    assert length_in_words(growing_bins(3.0)) == "10 to 18 min"
    assert length_in_words(bins(14.3)) == "1 h"
