"""Time axes: one on which minutes and days both read, linear to the first hour and logarithmic after; a linear one."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINEAR_HOURS = 1.0
_TICKS = (
    (0.0, "0"),
    (1 / 3, "20 min"),
    (2 / 3, "40 min"),
    (1.0, "1 h"),
    (2.0, "2 h"),
    (4.0, "4 h"),
    (8.0, "8 h"),
    (24.0, "1 d"),
    (72.0, "3 d"),
    (168.0, "7 d"),
    (336.0, "14 d"),
    (672.0, "28 d"),
)
#: Distances of ticks on a linear axis, h.
_STEPS = (1 / 3600, 1 / 360, 1 / 60, 1 / 12, 1 / 3, 1.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0, 672.0, 3360.0)
_MOST_LINEAR_TICKS = 8
#: Share of a linear axis up to which a span cannot be seen.
NARROW = 1 / 200


def set_time_axis(axes: "Axes", end: float, linear: bool = False) -> None:
    """Scale the x axis, in hours, up to `end` h.

    linear : all of it, for what happens again and again over days, which a logarithm would press together.
    """
    if linear:
        _set_linear(axes, end)
        return
    if end <= 1.5 * _LINEAR_HOURS:
        axes.set_xlim(-0.02 * end, end)
    else:
        axes.set_xscale("symlog", linthresh=_LINEAR_HOURS, linscale=1.2)
        axes.set_xlim(-0.03, end * 1.02)
    ticks = [(hours, label) for hours, label in _TICKS if hours <= end * 1.001]
    if len(ticks) < 2:  # a run of seconds or minutes
        seconds = np.array([1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0])
        step = seconds[min(int(np.searchsorted(seconds, end * 3600.0 / 8.0)), seconds.size - 1)]
        ticks = [(at / 3600.0, f"{at:g} s") for at in np.arange(0.0, end * 3600.0 * 1.001, step)]
    axes.set_xticks([hours for hours, _ in ticks], [label for _, label in ticks])
    axes.minorticks_off()
    axes.set_xlabel("time (linear to 1 h, logarithmic after)" if end > 1.5 else "time")


def _set_linear(axes: "Axes", end: float) -> None:
    step = next((step for step in _STEPS if end / step < _MOST_LINEAR_TICKS), _STEPS[-1])
    at = np.arange(0.0, end * 1.001, step)
    axes.set_xlim(-0.01 * end, 1.01 * end)
    axes.set_xticks(at, [in_words(hours) for hours in at])
    axes.minorticks_off()
    axes.set_xlabel("time")


def in_words(hours: float) -> str:
    """Say a time in the largest unit that makes it a whole number."""
    for unit, per_hour in (("d", 1 / 24), ("h", 1.0), ("min", 60.0)):
        count = hours * per_hour
        if abs(count - round(count)) < 1e-6:
            return f"{round(count)} {unit}" if count else "0"
    return f"{3600.0 * hours:.0f} s"


def mark_doses(axes: "Axes", starts: np.ndarray, durations: np.ndarray, narrow: float = 0.0) -> None:
    """Mark infusions as shaded spans and boluses as lines, all in h; a span up to `narrow` h is a line too."""
    for start, duration in zip(starts, durations, strict=True):
        if duration > narrow:
            axes.axvspan(start, start + duration, color="#d9a441", alpha=0.22, lw=0, zorder=0)
        else:
            axes.axvline(start, color="#d9a441", lw=1.5, zorder=0)
