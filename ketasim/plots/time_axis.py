"""Time axes, linear near zero and logarithmic later, or linear throughout; and time bins."""

from typing import TYPE_CHECKING

import numpy as np

from ketasim.plots.colours import DOSE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: h; place on the axis is asinh(time / this), which turns from linear to logarithmic without a corner.
_SOFT = 1 / 3
#: h; shorter axes are linear.
_SHORT = 1.5
_TICKS = (0.0, 1 / 6, 0.5, 1.0, 2.0, 4.0, 8.0, 24.0, 72.0, 168.0, 336.0, 672.0)  #: h
#: Distances of ticks on a linear axis, h.
_STEPS = (1 / 3600, 1 / 360, 1 / 60, 1 / 12, 1 / 3, 1.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0, 672.0, 3360.0)
_MOST_LINEAR_TICKS = 8
#: Fraction of a linear axis below which a span is too narrow to see.
NARROW = 1 / 200
#: Bins on a logarithmic axis.
_COLUMNS = 40
#: (shortest run, width of a bin), h.
BINS = ((48.0, 6.0), (12.0, 1.0), (2.0, 1 / 6), (0.0, 1 / 60))


def set_time_axis(axes: "Axes", end: float, linear: bool = False, begin: float = 0.0) -> None:
    """Scale the x axis, in hours.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Axes to scale.
    end : float
        End of the axis, h.
    linear : bool
        Linear throughout, for events repeated over days, which a logarithm would compress.
    begin : float
        Start of the axis, h, not after zero; an axis that begins before zero is linear.
    """
    if linear or begin < 0.0 or end <= _SHORT:
        _set_linear(axes, begin, end)
        return
    axes.set_xscale("asinh", linear_width=_SOFT)
    axes.set_xlim(-0.01, end * 1.02)
    ticks = [hours for hours in _TICKS if hours <= end * 1.001]
    axes.set_xticks(ticks, [in_words(hours) for hours in ticks])
    axes.minorticks_off()
    axes.set_xlabel("time (linear at first, logarithmic later)")


def _set_linear(axes: "Axes", begin: float, end: float) -> None:
    span = end - begin
    step = next((step for step in _STEPS if span / step < _MOST_LINEAR_TICKS), _STEPS[-1])
    at = np.arange(step * np.ceil(begin / step), end + 0.001 * span, step)
    axes.set_xlim(begin - 0.01 * span, end + 0.01 * span)
    axes.set_xticks(at, [in_words(hours) for hours in at])
    axes.minorticks_off()
    axes.set_xlabel("time")


def in_words(hours: float) -> str:
    """Return a time as text, in the largest unit that makes it a whole number."""
    for unit, per_hour in (("d", 1 / 24), ("h", 1.0), ("min", 60.0)):
        count = hours * per_hour
        if abs(count - round(count)) < 1e-6:
            return f"{round(count)} {unit}" if count else "0"
    return f"{3600.0 * hours:.0f} s"


def mark_events(
    axes: "Axes", starts: np.ndarray, durations: np.ndarray, narrow: float = 0.0, colour: str = DOSE
) -> None:
    """Mark infusions as shaded spans and boluses as lines, all in h; spans up to `narrow` h become lines too."""
    for start, duration in zip(starts, durations, strict=True):
        if duration > narrow:
            axes.axvspan(start, start + duration, color=colour, alpha=0.22, lw=0, zorder=0)
        else:
            axes.axvline(start, color=colour, lw=1.5, zorder=0)


def averaged(hours: np.ndarray, rates: np.ndarray, linear: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Average rates over bins of equal length, or of equal width on a logarithmic axis, conserving events.

    Parameters
    ----------
    hours : (T,) array
        Ends of the steps over which the rates were taken, h; the first step has no length.
    rates : (T,) array
        Rate in each step.
    linear : bool
        The time axis is linear.

    Returns
    -------
    edges : (B + 1,) array
        Edges of the bins, h; the last is the end of the run.
    means : (B,) array
        Mean rate in each bin.

    Examples
    --------
    >>> averaged(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 6.0, 0.0, 3.0]))[1][:7]
    array([6., 6., 6., 6., 6., 6., 0.])
    """
    begin, end = float(hours[0]), float(hours[-1])
    edges = bins(end, begin=begin) if linear or begin < 0.0 or end <= _SHORT else growing_bins(end)
    counted = np.concatenate([[0.0], np.cumsum(rates[1:] * np.diff(hours))])
    return edges, np.diff(np.interp(edges, hours, counted)) / np.diff(edges)


def bins(end: float, widths: tuple[tuple[float, float], ...] = BINS, begin: float = 0.0) -> np.ndarray:
    """Return the edges of the bins over which rates are averaged.

    Parameters
    ----------
    end : float
        End of the last bin, which may be half as long again, h.
    widths : tuple of (float, float)
        Shortest run and width, as in `BINS`.
    begin : float
        Start of the first bin, h.

    Returns
    -------
    (B + 1,) array
        Edges, h.

    Examples
    --------
    >>> bins(14.0)
    array([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13., 14.])
    """
    width = next(width for shortest, width in widths if end - begin >= shortest)
    count = max(1, round((end - begin) / width))
    return np.append(begin + width * np.arange(count), end)


def growing_bins(end: float) -> np.ndarray:
    """Return the edges of bins about as wide as each other on a logarithmic axis, in h, none below ten minutes.

    Examples
    --------
    >>> growing_bins(336.0)[[0, 1, 2, -2, -1]].round(2).tolist()
    [0.0, 0.17, 0.33, 260.38, 336.0]
    """
    edges, least = [0.0], 1 / 6
    while edges[-1] < end:
        width = np.arcsinh(end / _SOFT) / _COLUMNS
        edges.append(max(edges[-1] + least, float(_SOFT * np.sinh(np.arcsinh(edges[-1] / _SOFT) + width))))
    if len(edges) > 2 and end - edges[-2] < 0.5 * (edges[-1] - edges[-2]):  # the last joins the one before
        edges.pop()
    return np.array([*edges[:-1], end])


def length_in_words(edges: np.ndarray) -> str:
    """Return the length of bins as text, of the shortest and the longest if they grow."""
    lengths = [edges[1] - edges[0], edges[-1] - edges[-2]]
    (first, unit), (last, unit_of_last) = (
        (f"{hours:.2g}", "h") if hours >= 1.0 else (f"{60.0 * hours:.2g}", "min") for hours in lengths
    )
    if lengths[1] < 1.6 * lengths[0]:  # the last of equal bins is up to half longer
        return f"{first} {unit}"
    return f"{first} to {last} {unit}" if unit == unit_of_last else f"{first} {unit} to {last} {unit_of_last}"
