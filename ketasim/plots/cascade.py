"""Panels of the chain below glutamate: signalling, what strengthens synapses, spines; all of pyramidal cells."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ketasim.mechanisms.synaptogenesis import POPULATION as PLASTIC_POPULATION
from ketasim.plots.page import GREY
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Panel = Callable[["Axes", Trajectory, Trajectory | None], None]


class _Curve(NamedTuple):
    """How a signal is drawn; the dashes tell curves of a vehicle apart, which are all grey."""

    signal: str
    label: str
    colour: str
    dashes: str = "-"
    width: float = 1.4


_SIGNALLING = (
    _Curve("trkb", "TrkB", "#8e44ad", ":", 0.9),
    _Curve("bdnf", "BDNF", "#8e44ad"),
    _Curve("p70s6k", "p70S6K", "#ca6f1e", "--"),
)
_STRENGTH = (
    _Curve("surface_ampa", "surface AMPA", "#117864"),
    _Curve("synaptic_protein", "synaptic protein", "#2e4053", "--"),
    _Curve("homeostatic_scale", "homeostatic scale", "#b03a8c", ":"),
)
_DENSITY = (_Curve("spine_density", "circuit and afferents", "#7d3c00"),)
_TURNOVER = (
    _Curve("spine_formation_rate", "formation", "#2874a6"),
    _Curve("spine_elimination_rate", "elimination", "#d35400", "--"),
)

#: How far a panel's range reaches at least to either side, so that noise is not blown up: per cent of the baseline,
#: and share of the mean turnover.
_LEAST_RANGE = 5.0
_LEAST_TURNOVER = 0.2
#: h; in a run that lasts at least the first, spines are counted over the second.
BINS = ((48.0, 6.0), (12.0, 1.0), (2.0, 1 / 6), (0.0, 1 / 60))


def panels(trajectory: Trajectory) -> list[Panel]:
    """Panels, from top to bottom, of which the run has at least one signal."""
    rows = (
        (_signalling, _SIGNALLING),
        (_strength, _STRENGTH),
        (_density, _DENSITY),
        (_turnover, _TURNOVER),
    )
    return [panel for panel, curves in rows if any(_values(trajectory, curve.signal) is not None for curve in curves)]


def _values(run: Trajectory, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Hours and values of a signal of the population from time zero on; None where there are none."""
    if f"population/{name}" not in run:
        return None
    array = run[f"population/{name}"]
    if PLASTIC_POPULATION not in array["population"].values:
        return None
    values = array.sel(population=PLASTIC_POPULATION).values
    seconds = array["time"].values
    after = (seconds >= 0.0) & ~np.isnan(values)
    return (seconds[after] / 3600.0, values[after]) if after.any() else None


def _in_percent(
    axes: "Axes", curves: tuple[_Curve, ...], trajectory: Trajectory, vehicle: Trajectory | None, words: str
) -> None:
    """Draw curves in per cent of the baseline."""
    for curve, run, colour, label in _by_run(curves, trajectory, vehicle):
        found = _values(run, curve.signal)
        if found is not None:
            axes.plot(found[0], 100.0 * found[1], color=colour, ls=curve.dashes, lw=curve.width, label=label)
    axes.axhline(100.0, color="0.5", lw=0.8, ls=":", zorder=0.5)
    _reach(axes, 100.0, _LEAST_RANGE)
    axes.set_ylabel(words)


def _by_run(curves: tuple[_Curve, ...], trajectory: Trajectory, vehicle: Trajectory | None) -> list[Any]:
    """Curves of the vehicle in grey and without a label, then those of the run itself on top."""
    grey = [(curve, vehicle, GREY, None) for curve in curves] if vehicle is not None else []
    return grey + [(curve, trajectory, curve.colour, curve.label) for curve in curves]


def _signalling(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    _in_percent(axes, _SIGNALLING, trajectory, vehicle, f"signalling, {PLASTIC_POPULATION}\n(% of baseline)")


def _strength(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    _in_percent(axes, _STRENGTH, trajectory, vehicle, f"synapses on {PLASTIC_POPULATION}\n(% of baseline)")


def _density(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    _in_percent(axes, _DENSITY, trajectory, vehicle, "spine density\n(% of baseline)")


def _turnover(axes: "Axes", trajectory: Trajectory, vehicle: Trajectory | None) -> None:
    """Spines formed and lost a day, counted over hours: in a step of minutes there are a handful."""
    drawn, words = [], ""
    for curve, run, colour, label in _by_run(_TURNOVER, trajectory, vehicle):
        found = _values(run, curve.signal)
        if found is None or found[0][-1] <= 0.0:
            continue
        edges, per_day = averaged(*found)
        drawn.append(100.0 * per_day)
        words = f"\n({length_in_words(edges)} means)"
        axes.stairs(drawn[-1], edges, baseline=None, color=colour, ls=curve.dashes, lw=1.2, label=label)
    middle = float(np.concatenate(drawn).mean()) if drawn else 0.0
    _reach(axes, middle, _LEAST_TURNOVER * middle)
    axes.set_ylabel(f"spines a day per 100{words}")


def _reach(axes: "Axes", middle: float, least: float) -> None:
    """Let the range reach at least so far to either side of a middle, and leave room for a legend above."""
    low, high = axes.get_ylim()
    low, high = min(low, middle - least), max(high, middle + least)
    several = len(axes.get_legend_handles_labels()[1]) > 1
    axes.set_ylim(low, high + (0.2 * (high - low) if several else 0.0))
    if several:
        axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper right", borderaxespad=0.1)


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
    edges = bins(float(hours[-1]))
    counted = np.concatenate([[0.0], np.cumsum(rates[1:] * np.diff(hours))])
    return edges, np.diff(np.interp(edges, hours, counted)) / np.diff(edges)


def bins(end: float, widths: tuple[tuple[float, float], ...] = BINS) -> np.ndarray:
    """Edges in h of the bins in which spines are counted, up to `end` h; the last bin may be half as long again.

    widths : rows (shortest run, width), as `BINS`.

    >>> bins(14.0)
    array([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13., 14.])
    """
    width = next(width for shortest, width in widths if end >= shortest)
    count = max(1, round(end / width))
    return np.append(width * np.arange(count), end)


def length_in_words(edges: np.ndarray) -> str:
    """Say how long bins are."""
    hours = edges[1] - edges[0]
    return f"{hours:g} h" if hours >= 1.0 else f"{60.0 * hours:.3g} min"
