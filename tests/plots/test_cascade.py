"""Panels below glutamate: which there are, what their curves are, how spines are counted."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.plots import plot_chain
from ketasim.plots.cascade import averaged, bins, panels
from ketasim.plots.page import GREY

NAMES = {
    "signalling, PYR (% of baseline)": ("trkb", "bdnf", "p70s6k"),
    "synapses on PYR (% of baseline)": ("surface_ampa", "synaptic_protein", "homeostatic_scale"),
    "spine density (% of baseline)": ("spine_density",),
    "spines a day per 100 (6 h means)": ("spine_formation_rate", "spine_elimination_rate"),
}
LABELS = {
    "trkb": "TrkB",
    "bdnf": "BDNF",
    "p70s6k": "p70S6K",
    "surface_ampa": "surface AMPA",
    "synaptic_protein": "synaptic protein",
    "homeostatic_scale": "homeostatic scale",
    "spine_density": "circuit and afferents",
}
EVERY_SIGNAL = [name for group in NAMES.values() for name in group]


def rising(slope):
    return lambda times: 1.0 + slope * np.maximum(times, 0.0) / 86_400.0


def by_label(figure):
    return {axes.get_ylabel().replace("\n", " "): axes for axes in figure.axes}


def curve(axes, label):
    (found,) = (line for line in axes.get_lines() if line.get_label() == label)
    return found


@pytest.mark.parametrize("chosen", [EVERY_SIGNAL, *([name] for name in EVERY_SIGNAL), ["bdnf", "spine_density"]])
def test_a_panel_is_there_if_one_of_its_signals_is(figure, by_hand, chosen):
    """Catches a missing panel, an empty one, and one out of order."""
    run = by_hand({name: rising(0.01) for name in chosen})
    plot_chain(figure, run)
    assert list(by_label(figure)) == [name for name, signals in NAMES.items() if set(signals) & set(chosen)]
    heights = [axes.get_position().y0 for axes in figure.axes]
    assert heights == sorted(heights, reverse=True)


def test_curves_are_the_signals_of_pyr_from_time_zero_on(figure, by_hand):
    """Catches fractions on an axis of per cent, curves under another's name, and the baseline drawn before zero."""
    signals = {name: rising(0.01 * (index + 1)) for index, name in enumerate(EVERY_SIGNAL)}
    run = by_hand(signals)
    plot_chain(figure, run)
    for panel, names in list(NAMES.items())[:3]:
        for name in names:
            drawn = curve(by_label(figure)[panel], LABELS[name])
            hours = np.linspace(0.0, 192.0, 25)
            assert drawn.get_xdata() == pytest.approx(hours)
            assert drawn.get_ydata() == pytest.approx(100.0 * signals[name](hours * 3600.0))


def test_classes_that_a_mechanism_leaves_alone_make_no_panel(by_hand):
    """Catches panels of NaN in a network without pyramidal cells."""
    run = by_hand({name: np.ones_like for name in EVERY_SIGNAL}, sizes=(3, 2))
    assert "bdnf" in run
    assert panels(run) == []


def test_vehicle_is_grey_with_the_same_dashes(figure, by_hand):
    """Catches a vehicle that is left out, or three grey curves of one kind; and a name of its own in the legend."""
    plot_chain(
        figure,
        by_hand({name: rising(0.02) for name in EVERY_SIGNAL}),
        by_hand({name: rising(0.01) for name in EVERY_SIGNAL}),
    )
    axes = by_label(figure)["synapses on PYR (% of baseline)"]
    grey = [line for line in axes.get_lines() if line.get_color() == GREY]
    assert [line.get_ydata()[-1] for line in grey] == pytest.approx([108.0] * 3)
    assert len({line.get_linestyle() for line in grey}) == 3
    assert len(axes.get_legend().get_texts()) == 3


@pytest.mark.parametrize(("slope", "low", "high"), [(0.0, 95.0, 105.0), (0.001, 95.0, 105.0), (-0.05, 60.0, 105.0)])
def test_noise_is_not_blown_up(figure, by_hand, slope, low, high):
    """Catches a change of a tenth of a per cent that fills the panel, and a large one that is cut off."""
    plot_chain(figure, by_hand({"spine_density": rising(slope)}))
    bottom, top = figure.axes[0].get_ylim()
    assert bottom <= low
    assert top >= high
    assert top - bottom < 1.3 * (high - low)


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


def test_turnover_is_the_mean_of_the_rates(figure, by_hand):
    """Catches rates as fractions, formation and elimination exchanged, and the length of the mean left unsaid."""
    run = by_hand({"spine_formation_rate": lambda t: 0.03 + 0 * t, "spine_elimination_rate": lambda t: 0.02 + 0 * t})
    plot_chain(figure, run)
    axes = figure.axes[0]
    drawn = {patch.get_label(): patch.get_data().values for patch in axes.patches if hasattr(patch, "get_data")}
    assert drawn["formation"] == pytest.approx([3.0] * 32)
    assert drawn["elimination"] == pytest.approx([2.0] * 32)
    assert axes.get_ylabel().endswith("(6 h means)")
    low, high = axes.get_ylim()
    assert (low, high) == (pytest.approx(1.95, abs=0.06), pytest.approx(3.25, abs=0.06))


@pytest.mark.parametrize(("doses", "scale"), [([0], "symlog"), ([0, 7_200], "symlog"), ([0, 172_800], "linear")])
def test_doses_over_days_make_the_axis_linear(figure, by_hand, doses, scale):
    """Catches later infusions pressed together by the logarithm, and a first hour lost where there is one dose."""
    plot_chain(figure, by_hand({"bdnf": rising(0.01)}, doses=doses))
    (axes,) = figure.axes
    assert axes.get_xscale() == scale
    assert axes.get_xlim()[1] >= 192.0
    assert ("logarithmic" in axes.get_xlabel()) == (scale == "symlog")
