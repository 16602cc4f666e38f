"""A run in a few numbers: the same in its closing words, its picture and its file."""

from collections.abc import Sequence

import numpy as np

from ketasim.storage.recorder import Rows, columns_of, names_of

#: Name -> (value, unit, meaning).
Summary = dict[str, tuple[float | str, str, str]]

#: The stretch after time zero over which network quantities are averaged, s.
FROM, TO = 600.0, 3600.0


def summarise(subject: Rows, population: Rows, moieties: Sequence[str], populations: Sequence[str]) -> Summary:
    """Scalars of a run.

    Concentrations and block have peaks and times of peaks; what is estimated from windows of a noisy network has its
    baseline and its mean from 10 to 60 min with standard errors, because the largest of many noisy estimates is no
    estimate of the largest value.

    Parameters
    ----------
    subject, population : rows as kept by the recorder.
    moieties : what each compound is summed with, in the order of the axis `compound`.
    populations : names, in the order of the axis `population`.
    """
    summary: Summary = {}
    for name, short, unit in (("plasma_concentration", "plasma", "ng/mL"), ("brain_concentration", "brain", "uM")):
        if name in names_of(subject):
            _concentrations(summary, subject, (name, short, unit), moieties)
    names = names_of(population)
    if "nmda_block" in names:
        _peaks(summary, population, "nmda_block", populations)
    for name, unit in (("firing_rate", "Hz"), ("glutamate_perisynaptic", "1"), ("glutamate_ambient", "uM")):
        if name in names:
            _means(summary, population, (name, unit), populations)
    return summary


def _concentrations(summary: Summary, rows: Rows, what: tuple[str, str, str], moieties: Sequence[str]) -> None:
    name, short, unit = what
    times, values = columns_of(rows, name)
    for moiety in dict.fromkeys(moieties):
        total = values[:, [item == moiety for item in moieties]].sum(axis=1)
        peak = int(np.argmax(total))
        summary[f"{short}_{moiety}_peak"] = (float(total[peak]), unit, f"peak {short} concentration of {moiety}")
        summary[f"{short}_{moiety}_peak_time"] = (float(times[peak]), "s", "time of that peak")
        area = float(np.trapezoid(total, times)) / 3600.0
        summary[f"{short}_{moiety}_area"] = (area, f"{unit} h", "area under the curve up to the end of the run")


def _peaks(summary: Summary, rows: Rows, name: str, populations: Sequence[str]) -> None:
    times, values = columns_of(rows, name)
    for index, population in enumerate(populations):
        peak = int(np.argmax(values[:, index]))
        summary[f"{name}_{population}_peak"] = (float(values[peak, index]), "1", f"largest {name} of {population}")
        summary[f"{name}_{population}_peak_time"] = (float(times[peak]), "s", "time of that peak")


def _means(summary: Summary, rows: Rows, what: tuple[str, str], populations: Sequence[str]) -> None:
    name, unit = what
    times, values = columns_of(rows, name)
    _, fresh = columns_of(rows, "network_sampled")
    stretches = (
        ("baseline", "before time zero", (times < 0) & (fresh == 1)),
        (
            "10_60_min",
            "from 10 to 60 min, or to the end of a shorter run",
            (times >= FROM) & (times <= TO) & (fresh == 1),
        ),
    )
    for label, words, chosen in stretches:
        relative = name.startswith("glutamate") and label == "baseline"  # fixed by definition, not measured
        if relative or chosen.sum() < 2:
            continue
        for index, population in enumerate(populations):
            mean, error = time_average(times[chosen], values[chosen, index])
            key = f"{name}_{population}_{label}"
            summary[key] = (mean, unit, f"mean {name} of {population} {words}")
            summary[f"{key}_standard_error"] = (error, unit, f"its standard error from {chosen.sum()} windows")


def time_average(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Time-weighted mean of samples and its standard error from their spread, a trend included.

    >>> time_average(np.array([0.0, 1.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    (2.0, 0.0)
    """
    weights = np.gradient(times)
    weights = weights / weights.sum()
    mean = float(weights @ values)
    spread = float(weights @ (values - mean) ** 2) * values.size / (values.size - 1)
    return mean, float(np.sqrt(spread * np.sum(weights**2)))
