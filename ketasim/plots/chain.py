"""The run on one page, from dose to spines, with panels and curves as declared by the signals."""

import logging
import math
from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ketasim.analysis.summary import Signals, columns_of, is_run, panels, shown_of, signals_of, summary_of
from ketasim.documents import KetasimError
from ketasim.documents.units import with_micro_sign
from ketasim.plots.colours import BLACK, GREY, colour_of, colour_of_signal
from ketasim.plots.page import finish_column, in_own_style, is_linear, known_columns, make_room, page_figure
from ketasim.plots.raster import Window, draw_raster, windows_of
from ketasim.plots.time_axis import averaged, length_in_words
from ketasim.signals import Shown, statistics
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOGGER = logging.getLogger("ketasim")

#: Curves that share a panel, also those of a vehicle.
_DASHES = ("-", "--", ":", "-.")
#: Smallest span of a panel relative to its values, so that noise is not magnified: of curves, and of binned rates.
_LEAST_SPAN, _LEAST_BINNED = 0.01, 0.4
_MARGIN = 0.05  #: Space above and below the curves, as a fraction of their range.
#: Height of the spikes, relative to that of a panel.
_RASTER = 1.4
#: Space for a legend above the curves, as a fraction of their range.
_LEGEND_ROOM = 0.2
#: Letters in a line beside an axis.
_LINE = 20


class Source(NamedTuple):
    """A run that is drawn: its signals and its summary."""

    signals: Signals
    summary: "pandas.DataFrame"
    linear: bool
    grey: bool = False


class _Curve(NamedTuple):
    """One line of a panel, in the panel's unit; `who` is a population or moiety, `note` says what 100 % is, or
    the peak.
    """

    signal: str
    who: str
    note: str
    hours: np.ndarray
    values: np.ndarray
    errors: np.ndarray | None
    colour: str | None


def picture(trajectory: Trajectory, names: Sequence[str] = (), vehicle: Trajectory | None = None) -> "Figure":
    """Return a new figure with the whole page, or with chosen signals; see `plot_chain` and `plot_signals`."""
    figure = page_figure()
    if names:
        return plot_signals(figure, trajectory, names, vehicle)
    return plot_chain(figure, trajectory, vehicle)


@in_own_style
def plot_chain(figure: "Figure", trajectory: Trajectory, vehicle: Trajectory | None = None) -> "Figure":
    """Draw every panel for which the run has a signal, in the order of the table of signals.

    With doses a day or more after time zero the time axis is linear, otherwise it turns logarithmic within the
    first hour. Bands are one standard error, where one is known. Recorded spikes of up to three windows stand below.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty figure, which is made taller if the panels need it.
    trajectory : Trajectory
        Run to show.
    vehicle : Trajectory, optional
        Run of the same experiment with an inactive dose, drawn in grey.

    Returns
    -------
    matplotlib.figure.Figure
        The figure given.

    Raises
    ------
    KetasimError
        The run recorded nothing to draw.
    """
    sources = sources_of(trajectory, vehicle)
    found = panels(sources[-1].signals)
    beside = {heading: shown.beside for heading, (shown, _) in found.items() if shown.beside in found}
    rows = [heading for heading in found if heading not in beside]
    if not rows:
        raise KetasimError("there is nothing to draw: the run had neither a drug in the body nor a network")
    spikes = _spikes_of(trajectory, sources[-1].signals)
    make_room(figure, len(rows) + (math.ceil(_RASTER) if spikes else 0))
    grid = figure.add_gridspec(2 if spikes else 1, 1, height_ratios=[len(rows), _RASTER] if spikes else None)
    all_axes = grid[0].subgridspec(len(rows), 1).subplots(sharex=True, squeeze=False)[:, 0]
    for axes, heading in zip(all_axes, rows, strict=True):
        drawn = [axes, *(axes.twinx() for host in beside.values() if host == heading)]
        headings = [heading, *(name for name, host in beside.items() if host == heading)]
        for one, name in zip(drawn, headings, strict=True):
            draw_panel(one, name, found[name][1], sources)
        legend(drawn)
    if spikes:
        windows, sizes = spikes
        beside_each_other = grid[1].subgridspec(1, len(windows)).subplots(squeeze=False)[0]
        for place, (axes, window) in enumerate(zip(beside_each_other, windows, strict=True)):
            draw_raster(axes, window, sizes, named=place == 0)
    finish_column(figure, all_axes, trajectory, vehicle)
    return figure


@in_own_style
def plot_signals(
    figure: "Figure", trajectory: Trajectory, names: Sequence[str], vehicle: Trajectory | None = None
) -> "Figure":
    """Draw chosen signals as they are in the file, one panel each, those of a vehicle in grey in each that it has.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Empty figure, which is made taller if the panels need it.
    trajectory : Trajectory
        Run to show.
    names : sequence of str
        Signals.
    vehicle : Trajectory, optional
        Run of the same experiment with an inactive dose.

    Returns
    -------
    matplotlib.figure.Figure
        The figure given.

    Raises
    ------
    KeyError
        There is no such signal; the message lists the nearest names.
    """
    data, signals = [trajectory[name] for name in names], signals_of(trajectory)
    make_room(figure, len(names))
    all_axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name, array in zip(all_axes, names, data, strict=True):
        if vehicle is not None and name not in vehicle:
            _LOGGER.warning("the vehicle has no %s to draw in grey", name)
        elif vehicle is not None:
            other = vehicle[name]
            for _, values in known_columns(other):
                axes.plot(other["time"].values / 3600.0, values, color=GREY, lw=1.0)
        errors = errors_of(signals, name) if name in signals else {}
        for label, values in known_columns(array):
            hours = array["time"].values / 3600.0
            (drawn,) = axes.plot(hours, values, label=label, color=colour_of(array, label), lw=1.2)
            if label in errors:
                low, high = values - errors[label], values + errors[label]
                axes.fill_between(hours, low, high, color=drawn.get_color(), alpha=0.2, lw=0)
        axes.set_ylabel(f"{fill(str(array.name).replace('_', ' '), _LINE)}\n({array.attrs['units']})")
        axes.ticklabel_format(axis="y", useOffset=False)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=7, frameon=False, ncols=3)
    finish_column(figure, all_axes, trajectory, vehicle)
    return figure


def _spikes_of(trajectory: Trajectory, signals: Signals) -> tuple[list[Window], dict[str, int]] | None:
    """Windows whose spikes were recorded, and the sizes of the classes; None without any."""
    names: list[str] = next(
        (one["population"].values.tolist() for one in signals.values() if "population" in one.dims), []
    )
    windows = windows_of(trajectory, names)
    return (windows, dict(trajectory.topology(trajectory.begin).sizes)) if windows else None


def sources_of(trajectory: Trajectory, vehicle: Trajectory | None) -> list[Source]:
    """Return the runs that are drawn, the last of which is not grey."""
    linear, runs = is_linear(trajectory), [trajectory] if vehicle is None else [vehicle, trajectory]
    return [Source(signals_of(run), summary_of(run), linear, grey=run is vehicle) for run in runs]


def draw_panel(axes: "Axes", heading: str, names: Sequence[str], sources: Sequence[Source]) -> None:
    """Draw the curves of a panel and name its axis; the legend, which two axes may share, comes later."""
    shown = shown_of(sources[-1].signals[names[0]])
    assert shown is not None
    several, edges = len(names) > 1, np.empty(0)
    own = [curve for name in names for curve in _curves(sources[-1], name)]
    whose = {curve.who for curve in own}
    for source in sources:
        curves = (
            own if not source.grey else [c for name in names if name in source.signals for c in _curves(source, name)]
        )
        for place, curve in enumerate(curves):
            # curves coloured by population need no dashes
            dashes = _DASHES[place % len(_DASHES)] if several or curve.colour is None else "-"
            colour = colour_of_signal(curve.signal, place) if several else curve.colour or BLACK
            label = "" if source.grey else _label(curve, several, len(whose) > 1)
            style: dict[str, Any] = {"color": GREY if source.grey else colour, "ls": dashes, "label": label or None}
            if shown.binned:
                edges, means = averaged(curve.hours, curve.values, source.linear)
                axes.stairs(means, edges, baseline=None, lw=1.2, **style)
            else:
                _draw_curve(axes, curve, style, thin=curve.colour is not None)
    _reach(axes, shown, own)
    unit = "% of baseline" if shown.of_baseline else shown.unit or sources[-1].signals[names[0]].attrs["units"]
    means_over = f",\n{length_in_words(edges)} means" if edges.size else ""
    who = f", {next(iter(whose))}" if whose and len(whose) == 1 and "" not in whose else ""
    of_unit = "" if unit == "1" else f"\n({with_micro_sign(unit)}{means_over})"  # a number has none
    axes.set_ylabel(f"{fill(heading + who, _LINE)}{of_unit}", fontsize=9)


def _curves(source: Source, name: str) -> Iterator[_Curve]:
    """Curves of a signal from the start of the run on, scaled as it declares."""
    array = source.signals[name]
    shown = shown_of(array)
    assert shown is not None
    run, factor, note = is_run(array), shown.factor, ""
    table = source.summary
    rest = table[(table["quantity"] == name) & (table["at"] == "baseline") & (table["statistic"] == "mean")]
    baselines = dict(zip(rest["population"], rest["value"], strict=True))
    errors, peak = errors_of(source.signals, name), _peak_in_words(name, source)
    for who, values in columns_of(array):
        if shown.of_baseline:
            relative = array.attrs["units"] == "1" and not baselines
            baseline = 1.0 if relative else baselines.get(who, 0.0)
            if baseline <= 0.0:
                continue
            factor = 100.0 / baseline
            note = "" if relative else f"100 % is {baseline:.2f} {array.attrs['units']}"
        kept = run & ~np.isnan(values)
        if kept.any():
            band = factor * errors[who][kept] if who in errors else None
            hours = array["time"].values[kept] / 3600.0
            yield _Curve(
                shown.label or name, who, note or peak, hours, factor * values[kept], band, colour_of(array, who)
            )
            peak = ""  # told of the first, the drug given


def errors_of(signals: Signals, name: str) -> dict[str, np.ndarray]:
    """Return the standard error (T,) of each column of a signal: its own, or relatively that of one it is as noisy as.

    Empty if neither is known, as for signals that filter the network's noise.
    """
    if f"{name}_standard_error" in signals:
        return dict(columns_of(signals[f"{name}_standard_error"]))
    text = str(signals[name].attrs.get("summary", ""))
    noise = next((one.noise_of for one in statistics(text) if one.noise_of), "")
    if not {noise, f"{noise}_standard_error"} <= set(signals):
        return {}
    levels, errors = dict(columns_of(signals[noise])), dict(columns_of(signals[f"{noise}_standard_error"]))
    relative = {
        who: np.divide(errors[who], level, out=np.zeros(level.size), where=level != 0.0)
        for who, level in levels.items()
        if who in errors
    }
    return {who: values * relative[who] for who, values in columns_of(signals[name]) if who in relative}


def _label(curve: _Curve, several: bool, many: bool) -> str:
    """Name of a curve in the legend: of its signal, of its population, as far as they differ, and what 100 % is."""
    words = " ".join(filter(None, (curve.signal if several else "", curve.who if many else "")))
    if curve.note:
        return f"{words} ({curve.note})" if words else curve.note
    return words


def _draw_curve(axes: "Axes", curve: _Curve, style: dict[str, Any], thin: bool) -> None:
    """Draw a line, with a band of one standard error if known; on thin lines points mark the rows."""
    points: dict[str, Any] = {"marker": ".", "ms": 2.5, "lw": 1.0} if thin else {"lw": 1.4}
    axes.plot(curve.hours, curve.values, **style, **points)
    if curve.errors is not None:
        low, high = curve.values - curve.errors, curve.values + curve.errors
        axes.fill_between(curve.hours, low, high, color=style["color"], alpha=0.2, lw=0)


def _peak_in_words(name: str, source: Source) -> str:
    """Put the peak of a subject's signal, of its first column, into words, from the summary and as it is drawn."""
    table, array = source.summary, source.signals[name]
    rows = table[(table["quantity"] == name) & (table["statistic"] == "peak")]
    shown = shown_of(array)
    if "population" in array.dims or rows.empty or shown is None:
        return ""
    value, unit = float(rows["value"].iloc[0]), rows["unit"].iloc[0]
    if shown.unit or shown.of_baseline:
        factor, unit = (100.0, "%") if shown.of_baseline else (shown.factor, shown.unit)
        value *= factor
    number = f"{value:.0f}" if value >= 100.0 else f"{value:.3g}"
    return f"peak {number}" if unit == "1" else f"peak {number} {with_micro_sign(unit)}"


def _reach(axes: "Axes", shown: Shown, curves: Sequence[_Curve]) -> None:
    """Let limits follow the curves, with a smallest span; those that would go below zero for no value start there."""
    if shown.of_baseline:
        axes.axhline(100.0, color="0.5", lw=0.8, ls=":", zorder=0.5)
    low, high = axes.dataLim.intervaly
    low, high = low - _MARGIN * (high - low), high + _MARGIN * (high - low)
    largest = max((float(np.abs(curve.values).max()) for curve in curves), default=0.0)
    missing = (_LEAST_BINNED if shown.binned else _LEAST_SPAN) * (largest or 1.0) - (high - low)
    if missing > 0.0:
        low, high = low - missing / 2.0, high + missing / 2.0
    if low < 0.0 and all(curve.values.min() >= 0.0 for curve in curves):
        low = 0.0
    axes.set_ylim(low, high)
    axes.ticklabel_format(axis="y", useOffset=False)


def legend(drawn: "Sequence[Axes]") -> None:
    """Add one legend to a panel, above the curves of its axes."""
    handles, labels = [], []
    for axes in drawn:
        more = axes.get_legend_handles_labels()
        handles += more[0]
        labels += more[1]
    if not labels:
        return
    for axes in drawn:
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + _LEGEND_ROOM * (high - low))
        axes.spines["top"].set_visible(False)
    columns = 6 if len(drawn) > 1 else 3
    drawn[0].legend(handles, labels, fontsize=8, frameon=False, ncols=columns, loc="upper right", borderaxespad=0.1)
