"""The run on one page, from dose to spines: panels and curves as the signals themselves declare them."""

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ketasim.analysis.summary import columns_of, is_run, shown_of, summary_of, whole_signals
from ketasim.documents import KetasimError
from ketasim.plots.page import GREY, colour_of, finish_column, known_columns, make_room, page_figure
from ketasim.plots.time_axis import averaged, length_in_words
from ketasim.signals import Shown
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Of the curves of a panel: of several signals, and of what is no population; dashes tell those of a vehicle apart.
_COLOURS = ("#8e44ad", "#ca6f1e", "#117864", "#2e4053", "#b03a8c")
_BLACK = "0.15"
_DASHES = ("-", "--", ":", "-.")
#: How far a panel's range reaches at least to either side, so that noise is not blown up: per cent of baseline, and
#: share of the mean of binned rates.
_LEAST_RANGE, _LEAST_BINNED = 5.0, 0.2
#: Room for a legend above the curves, as a share of their range.
_LEGEND_ROOM = 0.2
#: Letters in a line beside an axis.
_LINE = 20


class _Source(NamedTuple):
    """A run that is drawn, and its summary."""

    run: Trajectory
    summary: "pandas.DataFrame"
    grey: bool = False


class _Curve(NamedTuple):
    """One line of a panel, in the unit of the panel.

    who : population or moiety. note : what 100 % is. place : among those of its signal that have a colour of their own.
    """

    signal: str
    who: str
    note: str
    hours: np.ndarray
    values: np.ndarray
    errors: np.ndarray | None
    colour: str | None


def picture(trajectory: Trajectory, names: Sequence[str] = (), vehicle: Trajectory | None = None) -> "Figure":
    """Return a new figure with the whole page, or with chosen signals; parameters and errors as of those."""
    figure = page_figure()
    if names:
        return plot_signals(figure, trajectory, names, vehicle)
    return plot_chain(figure, trajectory, vehicle)


def plot_chain(figure: "Figure", trajectory: Trajectory, vehicle: Trajectory | None = None) -> "Figure":
    """Draw every panel of which the run has a signal, in the order of the table of signals.

    With doses a day or more after time zero the time axis is linear, otherwise it is logarithmic after the first hour.

    Parameters
    ----------
    figure : empty matplotlib figure, which is made taller if the panels need it.
    trajectory : run to show.
    vehicle : run of the same experiment with an inactive dose, drawn in grey.

    Raises
    ------
    KetasimError
        The run recorded nothing that is shown.
    """
    found = panels(trajectory)
    beside = {heading: shown.beside for heading, (shown, _) in found.items() if shown.beside in found}
    rows = [heading for heading in found if heading not in beside]
    if not rows:
        raise KetasimError("there is nothing to draw: the run had neither a drug in the body nor a network")
    sources = [_Source(trajectory, summary_of(trajectory))]
    if vehicle is not None:
        sources.insert(0, _Source(vehicle, summary_of(vehicle), grey=True))
    make_room(figure, len(rows))
    all_axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for axes, heading in zip(all_axes, rows, strict=True):
        drawn = [axes, *(axes.twinx() for host in beside.values() if host == heading)]
        headings = [heading, *(name for name, host in beside.items() if host == heading)]
        for one, name in zip(drawn, headings, strict=True):
            _draw_panel(one, name, found[name][1], sources)
        if len(drawn) == 1:
            _annotate_peak(axes, found[heading][1][0], sources[-1])
        _legend(drawn)
    finish_column(figure, all_axes, trajectory)
    return figure


def panels(trajectory: Trajectory) -> dict[str, tuple[Shown, list[str]]]:
    """Heading -> how its first signal is shown, and the signals that it shows, of those that have any value."""
    found: dict[str, tuple[Shown, list[str]]] = {}
    for name in whole_signals(trajectory):
        shown = shown_of(trajectory, name)
        if shown is not None and any(True for _ in columns_of(trajectory[name])):
            found.setdefault(shown.panel, (shown, []))[1].append(name)
    return found


def plot_signals(
    figure: "Figure", trajectory: Trajectory, names: Sequence[str], vehicle: Trajectory | None = None
) -> "Figure":
    """Draw chosen signals as they are in the file, one panel each, those of a vehicle in grey.

    Raises KeyError with the nearest names for a signal that the run does not have.
    """
    data = [trajectory[name] for name in names]
    make_room(figure, len(names))
    all_axes = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name, array in zip(all_axes, names, data, strict=True):
        if vehicle is not None and name in vehicle:
            other = vehicle[name]
            for _, values in known_columns(other):
                axes.plot(other["time"].values / 3600.0, values, color=GREY, lw=1.0)
        for label, values in known_columns(array):
            axes.plot(array["time"].values / 3600.0, values, label=label, color=colour_of(array, label), lw=1.2)
        axes.set_ylabel(f"{fill(str(array.name).replace('_', ' '), _LINE)}\n({array.attrs['units']})")
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=7, frameon=False, ncols=3)
    finish_column(figure, all_axes, trajectory)
    return figure


def _draw_panel(axes: "Axes", heading: str, names: Sequence[str], sources: Sequence[_Source]) -> None:
    """Draw the curves of a panel and name its axis; the legend, which two axes may share, comes later."""
    shown = shown_of(sources[-1].run, names[0])
    assert shown is not None
    several, edges = len(names) > 1, np.empty(0)
    own = [curve for name in names for curve in _curves(sources[-1], name)]
    whose = {curve.who for curve in own}
    for source in sources:
        curves = own if not source.grey else [c for name in names if name in source.run for c in _curves(source, name)]
        for place, curve in enumerate(curves):
            # where every curve has a colour of its own as a population, dashes would only blur it
            dashes = _DASHES[place % len(_DASHES)] if several or curve.colour is None else "-"
            colour = _COLOURS[place % len(_COLOURS)] if several else curve.colour or _BLACK
            label = "" if source.grey else _label(source.run, curve, several, len(whose) > 1)
            style: dict[str, Any] = {"color": GREY if source.grey else colour, "ls": dashes, "label": label or None}
            if shown.binned:
                edges, means = averaged(curve.hours, curve.values)
                axes.stairs(means, edges, baseline=None, lw=1.2, **style)
            else:
                _draw_curve(axes, curve, style, thin=not several and curve.colour is not None)
    _reach(axes, shown, own)
    unit = "% of baseline" if shown.of_baseline else shown.unit or sources[-1].run[names[0]].attrs["units"]
    means_over = f",\n{length_in_words(edges)} means" if edges.size else ""
    who = f", {next(iter(whose))}" if whose and len(whose) == 1 and "" not in whose else ""
    axes.set_ylabel(f"{fill(heading + who, _LINE)}\n({unit}{means_over})")


def _curves(source: _Source, name: str) -> Iterator[_Curve]:
    """Curves of a signal from the start of the run on, scaled as it declares."""
    array, shown = source.run[name], shown_of(source.run, name)
    assert shown is not None
    run, factor, note = is_run(array), shown.factor, ""
    table = source.summary
    rest = table[(table["quantity"] == name) & (table["at"] == "baseline") & (table["statistic"] == "mean")]
    baselines = dict(zip(rest["population"], rest["value"], strict=True))
    error = f"{name}_standard_error"
    errors = dict(columns_of(source.run[error])) if error in source.run else {}
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
            yield _Curve(name, who, note, hours, factor * values[kept], band, colour_of(array, who))


def _label(run: Trajectory, curve: _Curve, several: bool, many: bool) -> str:
    """Name of a curve in the legend: of its signal, of its population, as far as they differ, and what 100 % is."""
    shown = shown_of(run, curve.signal)
    signal = (shown.label or curve.signal) if several and shown else ""
    words = " ".join(filter(None, (signal, curve.who if many else "")))
    if curve.note:
        return f"{words} ({curve.note})" if words else curve.note
    return words


def _draw_curve(axes: "Axes", curve: _Curve, style: dict[str, Any], thin: bool) -> None:
    """Draw a line, with a band of one standard error where there is one; points show rows where the line is thin."""
    points = {"marker": ".", "ms": 2.5, "lw": 1.0} if thin else {"lw": 1.4}
    axes.plot(curve.hours, curve.values, **style, **points)
    if curve.errors is not None:
        low, high = curve.values - curve.errors, curve.values + curve.errors
        axes.fill_between(curve.hours, low, high, color=style["color"], alpha=0.2, lw=0)


def _annotate_peak(axes: "Axes", name: str, source: _Source) -> None:
    """Write the peak of the summary beside the first curve of a subject's signal, which is what was given."""
    table = source.summary
    rows = table[table["quantity"] == name]
    rows = rows[rows["population"] == rows["population"].iloc[0]].set_index("statistic") if len(rows) else rows
    if "population" not in source.run[name].dims and {"peak", "time_of_peak"} <= set(rows.index):
        value, at = rows.loc["peak", "value"], rows.loc["time_of_peak", "value"] / 3600.0
        words = f"{value:.3g} {rows.loc['peak', 'unit']}"
        axes.annotate(words, (at, value), xytext=(6, -2), textcoords="offset points", fontsize=8)


def _reach(axes: "Axes", shown: Shown, curves: Sequence[_Curve]) -> None:
    """Let the range reach at least so far to either side of the baseline or the mean; else from zero, if it may."""
    low, high = axes.get_ylim()
    if shown.of_baseline:
        axes.axhline(100.0, color="0.5", lw=0.8, ls=":", zorder=0.5)
        axes.set_ylim(min(low, 100.0 - _LEAST_RANGE), max(high, 100.0 + _LEAST_RANGE))
    elif shown.binned and curves:
        middle = float(np.concatenate([averaged(curve.hours, curve.values)[1] for curve in curves]).mean())
        axes.set_ylim(min(low, (1.0 - _LEAST_BINNED) * middle), max(high, (1.0 + _LEAST_BINNED) * middle))
    elif low < 0.0 and all(curve.values.min() >= 0.0 for curve in curves):
        axes.set_ylim(bottom=0.0)


def _legend(drawn: "Sequence[Axes]") -> None:
    """Put one legend into a panel, above the curves of its axes."""
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
