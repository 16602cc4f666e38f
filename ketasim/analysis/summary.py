"""A run in a few numbers: the same in its closing words, its picture and its file."""

from collections.abc import Sequence

import numpy as np

from ketasim.config.estimation import Estimation
from ketasim.recording.recorder import Rows, columns_of, names_of
from ketasim.signals import SIGNALS

#: Name -> (value, unit, meaning).
Summary = dict[str, tuple[float | str, str, str]]

#: The stretch after time zero over which network quantities are averaged, s.
FROM, TO = 600.0, 3600.0


#: Signals of the cascade whose largest value and its time are given.
PEAKS = ("bdnf", "p70s6k")

#: Signals of the cascade and of spines, and the times in h at which their values are given.
INSTANTS = {
    "surface_ampa": (4.0,),
    "synaptic_protein": (24.0, 72.0, 168.0),
    "homeostatic_scale": (24.0, 72.0, 168.0),
    "spine_density": (24.0, 72.0, 168.0),
    "spine_formation_rate": (24.0, 72.0, 168.0),
    "spine_elimination_rate": (24.0, 72.0, 168.0),
}


def summarise(subject: Rows, population: Rows, moieties: Sequence[str], populations: Sequence[str]) -> Summary:
    """Scalars of a run.

    Concentrations and block have peaks and times of peaks; what is estimated from windows of a noisy network has its
    baseline and its mean from 10 to 60 min with standard errors, because the largest of many noisy estimates is no
    estimate of the largest value. Means are over the windows themselves, each of which counts once; where none was run
    because nothing had moved, they are those of the running estimates.

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
    if "firing_rate" in names:
        _rates(summary, population, populations)
    for name, unit in (("glutamate_perisynaptic", "1"), ("glutamate_ambient", "uM")):
        if name in names:
            _glutamate(summary, population, (name, unit), populations)
    for name in [name for name in PEAKS if name in names]:
        _peaks(summary, population, name, populations)
    for name, hours in [(name, hours) for name, hours in INSTANTS.items() if name in names]:
        _at_instants(summary, population, (name, hours), populations)
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
        if np.isnan(values[:, index]).any():  # not a population that this signal belongs to
            continue
        peak = int(np.argmax(values[:, index]))
        summary[f"{name}_{population}_peak"] = (float(values[peak, index]), "1", f"largest {name} of {population}")
        summary[f"{name}_{population}_peak_time"] = (float(times[peak]), "s", "time of that peak")


def _at_instants(summary: Summary, rows: Rows, what: tuple[str, Sequence[float]], populations: Sequence[str]) -> None:
    """Values at times that the run reached, between rows along a straight line."""
    name, instants = what
    times, values = columns_of(rows, name)
    unit = SIGNALS[name].unit
    for hours in instants:
        if times[-1] < hours * 3600.0:
            continue
        label = f"{hours:g} h" if hours <= 24.0 else f"{hours / 24.0:g} d"
        for index, population in enumerate(populations):
            value = float(np.interp(hours * 3600.0, times, values[:, index]))
            if not np.isnan(value):
                key = f"{name}_{population}_{label.replace(' ', '_')}"
                summary[key] = (value, unit, f"{name} of {population} at {label}")


def _rates(summary: Summary, rows: Rows, populations: Sequence[str]) -> None:
    for label, words in (("baseline", "before time zero"), ("10_60_min", _STRETCH)):
        found = _network_mean(rows, "firing_rate", label)
        for index, population in enumerate(populations if found else ()):
            key = f"firing_rate_{population}_{label}"
            mean, error = found[index]
            summary[key] = (mean, "Hz", f"mean firing_rate of {population} {words}")
            summary[f"{key}_standard_error"] = (error, "Hz", "its standard error")


def _glutamate(summary: Summary, rows: Rows, what: tuple[str, str], populations: Sequence[str]) -> None:
    """Means after time zero; before it glutamate is fixed by definition. Perisynaptic is as noisy as release."""
    name, unit = what
    times, values = columns_of(rows, name)
    chosen = _chosen(rows, "10_60_min")
    release = _network_mean(rows, "vesicle_release", "10_60_min")
    for index, population in enumerate(populations if release else ()):
        key = f"{name}_{population}_10_60_min"
        mean = float(time_weights(times[chosen]) @ values[chosen, index])
        summary[key] = (mean, unit, f"mean {name} of {population} {_STRETCH}")
        if name == "glutamate_perisynaptic":
            error = mean * release[index][1] / release[index][0] if release[index][0] > 0.0 else 0.0
            summary[f"{key}_standard_error"] = (error, unit, "its standard error, that of the release received")


_STRETCH = "from 10 to 60 min, or to the end of a shorter run"


def _chosen(rows: Rows, label: str) -> np.ndarray:
    """Rows of a stretch with a window or at rest; where a budget had no window, estimates are of an earlier time."""
    times, memory = columns_of(rows, "network_memory")
    known = (columns_of(rows, "network_sampled")[1] == 1) | (memory >= Estimation().enough)
    return known & (times < 0.0 if label == "baseline" else (times >= FROM) & (times <= TO))


def _network_mean(rows: Rows, name: str, label: str) -> list[tuple[float, float]]:
    """Mean and standard error of a network's signal for each population; empty if there is nothing to average.

    A row with a window counts with that window, one at rest with its estimate. Errors of estimates are taken to be the
    same error all along.
    """
    times, windows = columns_of(rows, f"{name}_window")
    chosen = _chosen(rows, label)
    run = ~np.isnan(windows[chosen]).any(axis=1)
    if chosen.sum() < 2 or (label == "baseline" and run.sum() < 2):
        return []
    run &= run.sum() >= 2
    weights = time_weights(times[chosen])
    share = float(weights[run].sum())
    estimates, errors = columns_of(rows, name)[1][chosen], columns_of(rows, f"{name}_standard_error")[1][chosen]
    found = []
    for index in range(windows.shape[1]):
        mean, error = time_average(times[chosen][run], windows[chosen][run, index]) if run.any() else (0.0, 0.0)
        rest = float(weights[~run] @ estimates[~run, index])
        rest_error = float(weights[~run] @ errors[~run, index])
        found.append((share * mean + rest, float(np.hypot(share * error, rest_error))))
    return found


def time_average(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Time-weighted mean of samples and its standard error from their spread, a trend included.

    >>> time_average(np.array([0.0, 1.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    (2.0, 0.0)
    """
    weights = time_weights(times)
    mean = float(weights @ values)
    spread = float(weights @ (values - mean) ** 2) * values.size / (values.size - 1)
    return mean, float(np.sqrt(spread * np.sum(weights**2)))


def time_weights(times: np.ndarray) -> np.ndarray:
    """Weights of samples in proportion to the time that each stands for; they add up to 1.

    >>> time_weights(np.array([0.0, 1.0, 3.0]))
    array([0.22222222, 0.33333333, 0.44444444])
    """
    weights = np.gradient(times) if times.size > 1 else np.ones(times.size)
    return weights / weights.sum()
