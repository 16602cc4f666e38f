"""A time axis on which minutes and days both read: linear for the first hour, logarithmic after it."""

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


def set_time_axis(axes: "Axes", end: float) -> None:
    """Scale the x axis, in hours, up to `end` h."""
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


def mark_doses(axes: "Axes", starts: np.ndarray, durations: np.ndarray) -> None:
    """Mark infusions as shaded spans and boluses as lines; times in h."""
    for start, duration in zip(starts, durations, strict=True):
        if duration > 0:
            axes.axvspan(start, start + duration, color="#d9a441", alpha=0.22, lw=0, zorder=0)
        else:
            axes.axvline(start, color="#d9a441", lw=1.5, zorder=0)
