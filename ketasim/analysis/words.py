"""Results of a run in a few lines; every number is from its summary."""

from ketasim.analysis.summary import Row, shown_of, signals_of, summary_of
from ketasim.storage import Trajectory


def closing_words(trajectory: Trajectory) -> list[str]:
    """Return lines on concentrations, rates, block, glutamate, signalling and spines, as far as the run has them."""
    rows = [Row(*row) for row in summary_of(trajectory).itertuples(index=False)]
    minutes = float(trajectory.config["duration"].split()[0]) / 60.0
    stretch = f"from 10 to {min(60.0, minutes):.3g} min"
    lines = _concentrations(rows)
    populations = [row.population for row in _chosen(rows, "firing_rate", "mean") if row.at == "baseline"]
    for population in populations:
        rest, *later = [row for row in _chosen(rows, "firing_rate", "mean") if row.population == population]
        words = [f"{_with_error(rest)} Hz at baseline", *(f"{_with_error(row)} Hz {stretch}" for row in later)]
        block = [row for row in _chosen(rows, "nmda_block", "peak") if row.population == population]
        at_most = "".join(f"; NMDA block up to {100.0 * row.value:.1f} %" for row in block)
        lines.append(f"{population:<4}  {', '.join(words)}{at_most}")
    for row in _chosen(rows, "glutamate_perisynaptic", "mean")[:1]:
        percent = f"{100.0 * row.value:.1f} +- {100.0 * row.error:.1f} % of baseline {stretch}"
        lines.append(f"perisynaptic glutamate on {row.population}  {percent}")
    return lines + _relative_to_baseline(trajectory, rows)


def _concentrations(rows: list[Row]) -> list[str]:
    """Peak concentrations of the drug given, without its metabolites."""
    plasma, time = (_chosen(rows, "plasma_concentration", statistic)[:1] for statistic in ("peak", "time_of_peak"))
    if not plasma:
        return []
    given = plasma[0].population
    words = f"plasma {given}  peak {plasma[0].value:.0f} ng/mL at {time[0].value / 60.0:.0f} min"
    brain = [row for row in _chosen(rows, "brain_concentration", "peak") if row.population == given]
    return [words + "".join(f", unbound in brain {row.value:.3f} uM" for row in brain)]


def _relative_to_baseline(trajectory: Trajectory, rows: list[Row]) -> list[str]:
    """Peaks of the signals that are shown in per cent of baseline, then spines."""
    signals = signals_of(trajectory)
    hours = [(row, round(row.value / 3600.0, 1)) for row in rows if row.statistic == "time_of_peak"]
    times = {(row.quantity, row.population): hour or 0.0 for row, hour in hours}  # not -0.0
    peaks: dict[str, list[str]] = {}
    for row in rows:
        shown = shown_of(signals[row.quantity]) if row.statistic == "peak" else None
        if shown is not None and shown.of_baseline:
            change = f"{100.0 * (row.value - 1.0):+.1f} % at {times[row.quantity, row.population]:.1f} h"
            peaks.setdefault(row.population, []).append(f"{shown.label or shown.panel} {change}")
    spines: dict[str, list[str]] = {}
    for row in _chosen(rows, "spine_density", "value"):
        spines.setdefault(row.population, []).append(f"{100.0 * (row.value - 1.0):+.2f} % at {row.at}")
    lines = [f"peaks in {name} relative to baseline  {', '.join(words)}" for name, words in peaks.items()]
    return lines + [f"spine density on {name}  {', '.join(words)}" for name, words in spines.items()]


def _chosen(rows: list[Row], quantity: str, statistic: str) -> list[Row]:
    return [row for row in rows if (row.quantity, row.statistic) == (quantity, statistic)]


def _with_error(row: Row) -> str:
    return f"{row.value:.3f} +- {row.error:.3f}"
