"""Results of a run in a few lines; every number is from its summary."""

import numpy as np

from ketasim.analysis.summary import Row, is_run, resting_of, shown_of, signals_of, summary_of
from ketasim.documents.units import about, in_words
from ketasim.drugs.practice import OUTSIDE
from ketasim.network.resting import remarks_on_rest
from ketasim.storage import Trajectory

#: MADRS from which a person is not in remission: at most 9 by a broad definition, Zimmerman 2004.
_REMISSION = 10.0


def closing_words(trajectory: Trajectory) -> list[str]:
    """Return lines on concentrations, rates, block, glutamate, signalling and spines, as far as the run has them."""
    rows = [Row(*row) for row in summary_of(trajectory).itertuples(index=False)]
    minutes = float(trajectory.config.get("duration", "3600 s").split()[0]) / 60.0
    stretch = f"from 10 to {min(60.0, minutes):.3g} min"
    lines = _concentrations(rows)
    rest = _baseline(trajectory)
    moved = not any(row.value == 0 for row in _chosen(rows, "windows_run", "count"))
    if not moved:
        stretch += " (the baseline's)"
        lines.append("nothing that the network reads has moved, so no window was run after the baseline")
    populations = [row.population for row in _chosen(rows, "firing_rate", "mean") if row.at == "baseline"]
    for population in populations:
        first, *later = [row for row in _chosen(rows, "firing_rate", "mean") if row.population == population]
        words = [f"{_with_error(first)} Hz at {rest}"]
        for row in later:
            chance = _chance(row.value - first.value, np.hypot(row.error, first.error)) if moved else ""
            words.append(f"{_with_error(row)} Hz {stretch}{chance}")
        block = [row for row in _chosen(rows, "nmda_block", "peak") if row.population == population]
        at_most = "".join(f"; NMDA block up to {100.0 * row.value:.1f} %" for row in block)
        lines.append(f"{population:<4}  {', '.join(words)}{at_most}")
    for row in _chosen(rows, "glutamate_perisynaptic", "mean")[:1]:
        percent = f"{100.0 * row.value:.1f} +- {100.0 * row.error:.1f} % of {rest} {stretch}"
        percent += _chance(row.value - 1.0, row.error) if moved else ""
        lines.append(f"perisynaptic glutamate on {row.population}  {percent}")
    if populations and moved:
        lines.append("errors are those of windows of this one circuit; other circuits (seeds) differ by more at rest")
    lines += _relative_to_baseline(trajectory, rows) + _dissociation(trajectory, rows) + _mood(trajectory)
    return lines + remarks_on_rest(resting_of(trajectory)) + [note for note in trajectory.notes if OUTSIDE in note]


def _baseline(trajectory: Trajectory) -> str:
    """Words for the baseline, which is that before stress where a run begins with weeks of it."""
    times = next((one["time"].values[is_run(one)] for one in signals_of(trajectory).values()), np.zeros(1))
    return f"baseline (before {in_words(float(times[0]))})" if times.size and times[0] < 0.0 else "baseline"


def _chance(change: float, error: float) -> str:
    """Words for a change that one run cannot tell from noise."""
    return " (within twice its error: may be chance)" if abs(change) <= 2.0 * error else ""


def _concentrations(rows: list[Row]) -> list[str]:
    """Peak concentrations of the drug given, without its metabolites."""
    plasma, time = (_chosen(rows, "plasma_concentration", statistic)[:1] for statistic in ("peak", "time_of_peak"))
    if not plasma:
        return []
    given = plasma[0].population
    words = f"plasma {given}  peak {plasma[0].value:.0f} ng/mL"
    words += "".join(f" at {about(row.value)}" for row in time)
    brain = [row for row in _chosen(rows, "brain_concentration", "peak") if row.population == given]
    return [words + "".join(f", unbound in brain {row.value:.3f} uM" for row in brain)]


def _dissociation(trajectory: Trajectory, rows: list[Row]) -> list[str]:
    """How much and until when a human is dissociated; nothing of one who never is, and of other species."""
    peak, time = (_chosen(rows, "dissociation", statistic)[:1] for statistic in ("peak", "time_of_peak"))
    signals = signals_of(trajectory)
    if not peak or peak[0].value < 0.5 or "discharge_readiness" not in signals:  # a user's own score has none
        return []
    ready = signals["discharge_readiness"]
    away, times = ready.values < 1.0, ready["time"].values
    turns = times[1:][away[1:] != away[:-1]]  # a human begins ready: not ready, ready, not ready, ...
    lasts = list(zip(turns[::2], [*turns[1::2], times[-1]], strict=False))
    until = ""
    if len(lasts) == 1:
        until = f" from {about(lasts[0][0])} to {about(lasts[0][1])}{' or later' if away[-1] else ''}"
    elif lasts:
        until = f" {len(lasts)} times, for up to {about(max(end - begin for begin, end in lasts))}"
    words = f"; not ready for discharge{until}" if until else ""
    return [f"dissociation  CADSS up to {peak[0].value:.0f} at {about(time[0].value)}{words}"]


def _mood(trajectory: Trajectory) -> list[str]:
    """Where a human's score of depression was farthest from that at time zero, and whether expectancy is in it."""
    signals = signals_of(trajectory)
    if not {"madrs", "expectancy_level"} <= signals.keys():  # a user's own score need not know of expectancy
        return []
    shown = signals["madrs"].sel(time=slice(0.0, None))  # not weeks of stress before time zero
    if not shown.size:  # interrupted in them
        return []
    score = shown.values
    farthest = int(np.abs(score - score[0]).argmax())
    if abs(score[0] - score[farthest]) < 0.05:
        return []
    expected = "with" if signals["expectancy_level"].values.any() else "without"
    at, which = about(float(shown["time"][farthest])), "lowest" if score[farthest] < score[0] else "highest"
    words = f"mood  MADRS {score[0]:.1f} at 0 h, {which} {score[farthest]:.1f} at {at}, {expected} expectancy"
    healthy = "; a healthy person, to whom mood was not fitted" if score[0] < _REMISSION else ""
    far = "; at the end of the scale: beyond what mood was fitted to" if not 2.0 <= score[farthest] <= 58.0 else ""
    return [f"{words}{healthy or far}; one point of a wide posterior (docs/mood.md)"]


def _relative_to_baseline(trajectory: Trajectory, rows: list[Row]) -> list[str]:
    """Peaks of the signals that are shown in per cent of baseline, then spines; a peak at the end may not be one."""
    signals = signals_of(trajectory)
    end = float(next(iter(signals.values()))["time"][-1]) if signals else np.inf
    times = {(row.quantity, row.population): row.value for row in rows if row.statistic == "time_of_peak"}
    peaks: dict[str, list[str]] = {}
    for row in rows:
        shown = shown_of(signals[row.quantity]) if row.statistic == "peak" else None
        if shown is not None and shown.of_baseline:
            percent = f"{100.0 * (row.value - 1.0):+.1f} %"
            none, at = percent in ("+0.0 %", "-0.0 %"), times[row.quantity, row.population]
            change = "none" if none else f"{percent} at {about(at)}{', still rising' if at >= end else ''}"
            peaks.setdefault(row.population, []).append(f"{shown.label or shown.panel} {change}")
    spines: dict[str, list[str]] = {}
    for row in _chosen(rows, "spine_density", "value"):
        spines.setdefault(row.population, []).append(f"{100.0 * (row.value - 1.0):+.2f} % at {row.at}")
    rest = _baseline(trajectory)
    lines = [f"peaks in {name} relative to {rest}  {', '.join(words)}" for name, words in peaks.items()]
    return lines + [f"spine density on {name}  {', '.join(words)}" for name, words in spines.items()]


def _chosen(rows: list[Row], quantity: str, statistic: str) -> list[Row]:
    return [row for row in rows if (row.quantity, row.statistic) == (quantity, statistic)]


def _with_error(row: Row) -> str:
    return f"{row.value:.3f} +- {row.error:.3f}"
