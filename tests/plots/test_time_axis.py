"""An axis on which minutes and days both read."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ketasim.plots.time_axis import mark_doses, set_time_axis


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


def test_doses_are_marked(axes):
    """Catches an infusion drawn as an instant, and a bolus of no width that cannot be seen."""
    mark_doses(axes, np.array([0.0, 5.0]), np.array([0.5, 0.0]))
    (span,) = axes.patches
    (bolus,) = axes.get_lines()
    assert (span.get_x(), span.get_width()) == pytest.approx((0.0, 0.5))
    assert list(bolus.get_xdata()) == [5.0, 5.0]
