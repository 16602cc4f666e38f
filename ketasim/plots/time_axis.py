"""Time axes, linear to the first hour and logarithmic after, or linear throughout; and bins of time."""

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
#: h; in a run that lasts at least the first, rates are averaged over the second.
BINS = ((48.0, 6.0), (12.0, 1.0), (2.0, 1 / 6), (0.0, 1 / 60))


def set_time_axis(axes: "Axes", end: float, linear: bool = False, begin: float = 0.0) -> None:
    """Scale the x axis, in hours, from `begin` h, which is not after zero, to `end` h.

    linear : all of it, for what happens again and again over days, which a logarithm would press together; so is an
        axis that begins before zero.
    """
    if linear or begin < 0.0:
        _set_linear(axes, begin, end)
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


def _set_linear(axes: "Axes", begin: float, end: float) -> None:
    span = end - begin
    step = next((step for step in _STEPS if span / step < _MOST_LINEAR_TICKS), _STEPS[-1])
    at = np.arange(step * np.ceil(begin / step), end + 0.001 * span, step)
    axes.set_xlim(begin - 0.01 * span, end + 0.01 * span)
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


def averaged(hours: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average rates over bins of equal length.

    hours : (T,) ends of the steps over which the rates were taken, the first of no length.
    rates : (T,) of each step.

    Returns
    -------
    Edges (B + 1,) in h, the last one at the end of the run, and the mean rate of each bin. Events are conserved.

    >>> averaged(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 6.0, 0.0, 3.0]))[1][:7]
    array([6., 6., 6., 6., 6., 6., 0.])
    """
    edges = bins(float(hours[-1]), begin=float(hours[0]))
    counted = np.concatenate([[0.0], np.cumsum(rates[1:] * np.diff(hours))])
    return edges, np.diff(np.interp(edges, hours, counted)) / np.diff(edges)


def bins(end: float, widths: tuple[tuple[float, float], ...] = BINS, begin: float = 0.0) -> np.ndarray:
    """Edges in h of the bins over which rates are averaged, up to `end` h; the last bin may be half as long again.

    widths : rows (shortest run, width), as `BINS`.

    >>> bins(14.0)
    array([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13., 14.])
    """
    width = next(width for shortest, width in widths if end - begin >= shortest)
    count = max(1, round((end - begin) / width))
    return np.append(begin + width * np.arange(count), end)


def length_in_words(edges: np.ndarray) -> str:
    """Say how long bins are."""
    hours = edges[1] - edges[0]
    return f"{hours:g} h" if hours >= 1.0 else f"{60.0 * hours:.3g} min"
