"""Spikes of recorded windows: which are drawn, when they were, and of which neurons."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ketasim.plots import plot_chain
from ketasim.plots.colours import POPULATIONS
from ketasim.plots.raster import Window, draw_raster, windows_of

SIZES = {"PYR": 64, "PV": 9, "SST": 7}


def test_the_windows_of_a_run(small_run):
    """Catches a window that is missing, cut in two by its settling, or told to be of another time; spikes left out."""
    windows = windows_of(small_run, SIZES)
    assert [window.time for window in windows] == [0.0, 600.0]
    for name in SIZES:
        assert sum(window.spikes[name][0].size for window in windows) == small_run.spikes(name).times.size
    fired = np.concatenate([times for window in windows for times, _ in window.spikes.values()])
    assert 0.0 == fired.min() < fired.max() < windows[0].length == 200.0


def test_the_raster_stands_below_the_page(figure, small_run):
    """Catches recorded spikes that no picture shows, and one that takes the place of a panel."""
    plot_chain(figure, small_run)
    first, second = figure.axes[-2:]
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["spikes at 0", "spikes at 10 min"]
    figure.canvas.draw()
    assert first.get_position().y1 < min(axes.get_position().y0 for axes in figure.axes[:-2])
    assert first.get_position().x1 < second.get_position().x0


def test_a_run_without_spikes_has_no_raster(figure, by_hand):
    """Catches an empty raster, and room left for it."""
    plot_chain(figure, by_hand())
    assert len(figure.axes) == 1


def test_classes_and_neurons():
    """Catches classes on each other or in another's colour, and a thousand neurons in a panel of two inches."""
    spikes = {"PYR": (np.arange(800.0), np.arange(800)), "SST": (np.array([5.0]), np.array([2]))}
    axes = Figure().subplots()
    draw_raster(axes, Window(0.0, 1000.0, spikes), {"PYR": 800, "PV": 10, "SST": 3}, named=True)
    pyr, pv, sst = axes.get_lines()
    assert (len(pyr.get_xdata()), len(pv.get_xdata())) == (100, 0)
    assert sorted(pyr.get_ydata()) == pytest.approx(range(100))
    assert sst.get_xydata().tolist() == [[5.0, 112.0]]
    assert [to_hex(line.get_color()) for line in (pyr, pv, sst)] == list(POPULATIONS[:3])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["100 of\n800 PYR", "10 PV", "3 SST"]
