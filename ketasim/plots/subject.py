"""The subject on one page: what is done to it, hormones and cytokines, scores with thresholds, expectancy apart."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.analysis.summary import Signals, is_run, panels, signals_of
from ketasim.documents import KetasimError
from ketasim.documents.units import about, parse_quantity
from ketasim.kernels.formulas import relaxed
from ketasim.mechanisms.mood import score
from ketasim.plots.chain import draw_panel, legend, sources_of
from ketasim.plots.colours import BLACK, DOSE, GREY, STIMULUS, WARNING
from ketasim.plots.page import finish_column, in_own_style, make_room
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DISSOCIATION, _MADRS = "dissociation (CADSS)", "MADRS"


@in_own_style
def plot_subject(figure: "Figure", trajectory: Trajectory, vehicle: Trajectory | None = None) -> "Figure":
    """Draw what is done to the subject, and every number of it that moves.

    Dissociation stands with its threshold; where a person is not ready for discharge, it is shaded. Where expectancy
    is part of a run, its MADRS without it is drawn beside.

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
        No number of the subject moved.
    """
    signals = signals_of(trajectory)
    found = {heading: names for heading, (_, names) in panels(signals).items() if signals[names[0]].ndim == 1}
    if not found:
        raise KetasimError("there is nothing to draw: no hormone, cytokine or score of the subject has moved")
    sources = sources_of(trajectory, vehicle)
    lanes = list(_lanes(trajectory))
    above = bool(lanes)
    make_room(figure, len(found) + above)
    rows = figure.subplots(len(found) + above, 1, sharex=True, squeeze=False)[:, 0]
    if lanes:
        _draw_lanes(rows[0], lanes)
    for axes, (heading, names) in zip(rows[above:], found.items(), strict=True):
        draw_panel(axes, heading, names, sources)
        if heading == _DISSOCIATION:
            _draw_threshold(axes, trajectory, signals)
        if heading == _MADRS:
            for run, colour, label in ((vehicle, GREY, None), (trajectory, BLACK, "without expectancy")):
                if run is not None:
                    _draw_without_expectancy(axes, run, color=colour, label=label)
        legend([axes])
    finish_column(figure, rows, trajectory, vehicle)
    return figure


def without_expectancy(trajectory: Trajectory) -> np.ndarray:
    """Return the MADRS (T,) that synapses alone would give: mood less what followed expectancy, row by row.

    Exact where expectancy is constant between rows, else to first order in the step over its half-life.
    """
    signals, numbers = signals_of(trajectory), trajectory.config["mechanisms"]["mood"]
    times, levels = signals["mood"]["time"].values, signals["expectancy_level"].values
    lag = parse_quantity(numbers["mood_time"], "s")
    part = np.zeros(times.size)
    for row, duration in enumerate(np.diff(times)):
        target = numbers["expectancy_gain"] * levels[row + (levels[row + 1] > levels[row])]  # a session begins
        part[row + 1] = relaxed(part[row], target, duration, lag)
    return np.asarray(score(signals["mood"].values - part, numbers["healthy_madrs"]))


def _draw_without_expectancy(axes: "Axes", run: Trajectory, **style: Any) -> None:
    """Draw what the MADRS would be without expectancy, dashed, where there is any."""
    signals, ours = signals_of(run), run.config["mechanisms"].get("mood")
    if ours and {"madrs", "mood"} <= signals.keys() and np.ptp(signals["expectancy_level"].values) > 0.0:
        hours = signals["madrs"]["time"].values / 3600.0
        values = without_expectancy(run)
        axes.plot(hours, values, ls="--", lw=1.2, **style)
        low, high = axes.get_ylim()  # which were set by the curves with expectancy
        axes.set_ylim(min(low, values.min()), max(high, values.max()))


def _lanes(trajectory: Trajectory) -> Iterator[tuple[str, str, list[tuple[float, float]]]]:
    """Name, colour, and begins and lengths in h of each drug and each kind of stimulus."""
    lanes: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for event in trajectory.events:
        is_dose = event["kind"] == "dose"
        name = f"{event['drug']}, {event['route']}" if is_dose else event["kind"].replace("_", " ")
        span = (event["start_s"] / 3600.0, event["duration_s"] / 3600.0)
        lanes.setdefault((name, DOSE if is_dose else STIMULUS), []).append(span)
    for (name, colour), spans in lanes.items():
        yield name, colour, spans


def _draw_lanes(axes: "Axes", lanes: list[tuple[str, str, list[tuple[float, float]]]]) -> None:
    """Draw a lane for each exposure, a bar while it lasts and a mark where it begins."""
    for place, (_, colour, spans) in enumerate(lanes):
        axes.broken_barh(spans, (place - 0.35, 0.7), color=colour, lw=0)
        axes.plot([start for start, _ in spans], [place] * len(spans), "|", color=BLACK, ms=8)
    for place, (name, *_) in enumerate(lanes):
        box = {"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 1.5}
        beside = axes.get_yaxis_transform()
        axes.text(0.995, place, name, ha="right", va="center", fontsize=8, transform=beside, bbox=box)
    axes.set_yticks([])
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_ylabel("exposures", fontsize=9)


def _draw_threshold(axes: "Axes", trajectory: Trajectory, signals: Signals) -> None:
    """Draw the threshold of dissociation, and shade where a person is not ready for discharge."""
    numbers = trajectory.config["mechanisms"].get("dissociation")
    if not numbers or "discharge_readiness" not in signals:
        return
    threshold = numbers["dissociation_threshold"]
    axes.axhline(threshold, color=GREY, lw=0.9, ls="--", label=f"threshold {threshold:g}")
    ready = signals["discharge_readiness"]
    hours, away = ready["time"].values[is_run(ready)] / 3600.0, ready.values[is_run(ready)] < 1.0
    turns = np.flatnonzero(np.diff(away, prepend=False, append=False))  # begins and ends, in turn
    label = "not ready for discharge"
    if turns.size == 2 and turns[1] < hours.size:
        label += f", {about(3600.0 * hours[turns[0]])} to {about(3600.0 * hours[turns[1]])}"
    for begin, end in turns.reshape(-1, 2):  # with an edge, so that an hour is seen in weeks
        span = hours[begin], hours[min(end, hours.size - 1)]
        axes.axvspan(*span, facecolor=WARNING, edgecolor=WARNING, alpha=0.25, lw=1.0, zorder=0, label=label)
        label = ""
