"""A run in numbers, as one long table: the same in its closing lines, its picture and its file."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ketasim.config.schedule import Sampling
from ketasim.documents.nearest import nearest_few
from ketasim.network.resting import Resting, resting_from
from ketasim.signals import SIGNALS, Shown, Statistic, in_table_order, statistics
from ketasim.storage import StorageError, Trajectory

if TYPE_CHECKING:
    import pandas
    import xarray


#: Signals by name, each with dimensions time and perhaps one more.
Signals = dict[str, "xarray.DataArray"]
#: Mean and its standard error.
_Mean = tuple[float, float]


class Row(NamedTuple):
    """One number of a run.

    Attributes
    ----------
    quantity : str
        Signal, or what was counted.
    population : str
        Cell class, or moiety of a concentration.
    at : str
        Instant or interval, as in an experiment file; empty for the whole run.
    statistic : str
        Peak, time_of_peak, area, mean, value or count.
    value : float
        Value in `unit`.
    error : float
        Standard error; NaN if not defined.
    unit : str
        Unit of value and error.
    meaning : str
        The row in words.
    """

    quantity: str
    population: str
    at: str
    statistic: str
    value: float
    error: float
    unit: str
    meaning: str


def summarise(trajectory: Trajectory) -> "pandas.DataFrame":
    """Return the table of a run, computed from the rows in its file: the statistics that each signal declares.

    Quantities estimated from windows of a noisy network have means with standard errors, because the maximum of many
    noisy estimates is a biased estimate of the largest value. Means are over the windows themselves, each of which
    counts once; where none was run because nothing had moved, they are those of the running estimates.
    """
    import pandas

    signals = signals_of(trajectory)
    rows = [row for name in signals for row in _of_signal(signals, name)]
    rows += [row for name, one in resting_of(trajectory).items() for row in _of_rest(name, one)]
    rows += _of_sampling(signals, trajectory.attributes.get("network_time"))
    return pandas.DataFrame(rows, columns=list(Row._fields))


def resting_of(trajectory: Trajectory) -> dict[str, Resting]:
    """Return the activity of each class at rest; empty for a run without a network, unfinished, or older than 0.3."""
    return resting_from(str(trajectory.attributes.get("resting", "{}")))


def _of_rest(name: str, activity: Resting) -> Iterator[Row]:
    for quantity, value, meaning in (
        ("spike_count_variability", activity.variability, "variance over mean of a neuron's spike counts in windows"),
        ("spike_count_correlation", activity.correlation, "mean correlation of spike counts in windows"),
    ):
        yield Row(quantity, name, "baseline", "value", value, np.nan, "1", f"{name}: {meaning}")


def summary_of(trajectory: Trajectory) -> "pandas.DataFrame":
    """Return the table stored in the file, or else computed from its rows."""
    import pandas

    stored = trajectory.stored_summary()
    return summarise(trajectory) if stored is None else pandas.DataFrame(stored)


def value_of(
    table: "pandas.DataFrame", quantity: str, population: str = "", at: str = "", statistic: str = "value"
) -> float:
    """Return one value of a summary.

    Parameters
    ----------
    table : pandas.DataFrame
        Such as ``trajectory.summary``.
    quantity, population, at, statistic : str
        Columns of the row.

    Returns
    -------
    float
        The value, in the unit of the row.

    Raises
    ------
    KeyError
        There is no such row; the message lists the nearest ones.

    Examples
    --------
    >>> import pandas
    >>> table = pandas.DataFrame([Row("bdnf", "PYR", "", "peak", 1.3, float("nan"), "1", "largest BDNF")])
    >>> value_of(table, "bdnf", "PYR", statistic="peak")
    1.3
    """
    return _number(table, "value", (quantity, population, at, statistic))


def error_of(
    table: "pandas.DataFrame", quantity: str, population: str = "", at: str = "", statistic: str = "mean"
) -> float:
    """Return the standard error of one value of a summary, NaN if not defined; arguments as of `value_of`."""
    return _number(table, "error", (quantity, population, at, statistic))


def _number(table: "pandas.DataFrame", column: str, key: tuple[str, ...]) -> float:
    keys = table[["quantity", "population", "at", "statistic"]]
    found = table.loc[(keys == list(key)).all(axis=1), column]
    if found.empty:
        known = [", ".join(repr(part) for part in row) for row in keys.itertuples(index=False)]
        wanted = ", ".join(repr(part) for part in key)
        raise KeyError(
            f"the summary has no row ({wanted}); the nearest are ({'), ('.join(nearest_few(wanted, known))})"
        )
    return float(found.iloc[0])


def signals_of(trajectory: Trajectory) -> Signals:
    """Return the signals of the subject and of populations, not of single nodes, in the order of the signal table."""
    found: Signals = {}
    for group in ("subject", "population"):
        with suppress(KeyError):  # a run without a drug, or without a network
            dataset = trajectory.dataset(group)
            found |= {str(name): dataset[name] for name in dataset.data_vars}
    return {name: found[name] for name in in_table_order(found)}


def shown_of(array: "xarray.DataArray") -> Shown | None:
    """How pictures show a signal, as its file declares it; files of 0.1.0 declare nothing, the table of signals does.

    Raises
    ------
    StorageError
        The declaration in the file is not valid.
    """
    text, name = array.attrs.get("shown"), str(array.name)
    if text is None:
        return SIGNALS[name].shown if name in SIGNALS else None
    try:
        return Shown.of(str(text))
    except ValueError as error:
        raise StorageError(f"attribute shown of {name}: {error}") from error


def panels(signals: Signals) -> dict[str, tuple[Shown, list[str]]]:
    """Heading -> how its first signal is shown, and the signals that it shows, of those that have any value.

    A number of the subject that never moves, such as stress hormones without stress, is not shown.
    """
    found: dict[str, tuple[Shown, list[str]]] = {}
    for name, array in signals.items():
        shown = shown_of(array)
        moves = array.ndim > 1 or np.ptp(array.values) > 0.0
        if shown is not None and moves and any(True for _ in columns_of(array)):
            found.setdefault(shown.panel, (shown, []))[1].append(name)
    return found


def is_run(rows: "xarray.Dataset | xarray.DataArray") -> np.ndarray:
    """Return (T,) whether each row is of the run, not its baseline; by the sign of time in files without stages."""
    if "stage" in rows.coords:
        return np.asarray(rows["stage"].values == "run")
    return np.asarray(rows["time"].values >= 0.0)


def columns_of(array: "xarray.DataArray", summed: bool = True) -> Iterator[tuple[str, np.ndarray]]:
    """Yield label and values (T,) of each column: populations, or sums of compounds by moiety; a scalar has label "".

    What compounds of a moiety have in common, such as a time, is not `summed`.

    Columns of only NaN, for classes on which a mechanism does not act, are left out.
    """
    if array.ndim == 1:
        yield "", array.values
        return
    axis = str(array.dims[1])
    labels = (array["moiety"] if "moiety" in array.coords else array[axis]).values
    for label in dict.fromkeys(labels.tolist()):
        same = array.values[:, labels == label]
        values = same.sum(axis=1) if summed and same.shape[1] > 1 else same[:, 0]
        if not np.isnan(values).all():
            yield str(label), values


def _of_signal(signals: Signals, name: str) -> list[Row]:
    """Rows of a signal as its file declares them; files of 0.1.0 declare nothing, so the table of signals does."""
    array = signals[name]
    text = str(array.attrs.get("summary", SIGNALS[name].summary if name in SIGNALS else ""))
    if not array.sizes["time"]:
        return []
    try:
        wanted = statistics(text)
    except ValueError as error:
        raise StorageError(f"attribute summary of {name}: {error}") from error
    if any(one.name == "value" for one in wanted) and np.any(array["time"].values[is_run(array)][:1] < 0.0):
        wanted = [*statistics("value at 0 h"), *wanted]  # what the weeks before time zero have come to
    rows: list[Row] = []
    for statistic in wanted:
        if statistic.name in _FOLLOWED and f"{name}_{statistic.name}" in signals:
            rows += _followed(signals, array, statistic)
            continue
        rows += _means(signals, array, statistic) if statistic.name == "mean" else _whole(array, statistic)
    return rows


#: Statistics that a mechanism may follow itself between rows, in signals named after them.
_FOLLOWED = ("peak", "area")


def _followed(signals: Signals, array: "xarray.DataArray", statistic: Statistic) -> Iterator[Row]:
    """Peaks and areas from the last row of the signals that follow them; exact whatever the rows."""
    name, unit = str(array.name), array.attrs["units"]
    times = dict(columns_of(signals[f"{name}_peak_time"], summed=False)) if statistic.name == "peak" else {}
    for label, values in columns_of(signals[f"{name}_{statistic.name}"]):
        words = _of(label, array)
        if statistic.name == "area":
            yield Row(
                name, label, "", "area", float(values[-1]), np.nan, _per_hour(unit), f"{words}, area under the curve"
            )
            continue
        at = float(times[label][-1])
        yield Row(name, label, "", "peak", float(values[-1]), np.nan, unit, f"{words}, largest value")
        yield Row(name, label, "", "time_of_peak", at, np.nan, "s", f"{words}, time of largest value")


def _whole(array: "xarray.DataArray", statistic: Statistic) -> Iterator[Row]:
    """Peaks and areas over all rows, and values at instants within the run, interpolated linearly between rows."""
    name, unit, times, at = str(array.name), array.attrs["units"], array["time"].values, statistic.at
    for label, values in columns_of(array):
        words = _of(label, array)
        if statistic.name == "peak" and not np.isnan(values).any():
            # what never rises has its peak at the begin of the run; weeks before time zero are not what was asked for
            first = int(np.argmax(is_run(array) & (times >= min(0.0, times[-1]))))
            peak = first + int(np.argmax(values[first:]))
            yield Row(name, label, "", "peak", float(values[peak]), np.nan, unit, f"{words}, largest of the rows")
            yield Row(
                name, label, "", "time_of_peak", float(times[peak]), np.nan, "s", f"{words}, time of the largest row"
            )
        elif statistic.name == "area":
            area = float(np.trapezoid(values, times)) / 3600.0
            yield Row(name, label, "", "area", area, np.nan, _per_hour(unit), f"{words}, area under the curve")
        elif statistic.name == "value" and times[-1] >= statistic.begin:
            value = float(np.interp(statistic.begin, times, values))
            yield Row(name, label, at, "value", value, np.nan, unit, f"{words}, at {at}")


def _of(label: str, array: "xarray.DataArray") -> str:
    return f"{label}: {array.attrs['long_name']}" if label else str(array.attrs["long_name"])


def _per_hour(unit: str) -> str:
    return "h" if unit == "1" else f"{unit} h"


def _means(signals: Signals, array: "xarray.DataArray", statistic: Statistic) -> list[Row]:
    name, unit, at = str(array.name), array.attrs["units"], statistic.at
    found = (_network_means if f"{name}_window" in signals else _plain_means)(signals, array, statistic)
    where = "mean over the baseline" if at == "baseline" else f"mean over {at}, or to the end of a shorter run"
    return [
        Row(name, label, at, "mean", mean, error, unit, f"{_of(label, array)}, {where}")
        for label, (mean, error) in found.items()
    ]


def _plain_means(signals: Signals, array: "xarray.DataArray", statistic: Statistic) -> dict[str, _Mean]:
    """Time-weighted means; their error is the relative one of the network's signal that they are as noisy as."""
    chosen = _chosen(signals, array, statistic)
    if chosen.sum() < 2:
        return {}
    weights = time_weights(array["time"].values[chosen])
    means = {label: float(weights @ values[chosen]) for label, values in columns_of(array)}
    if statistic.noise_of not in signals:
        return {label: (mean, np.nan) for label, mean in means.items()}
    noise = _network_means(signals, signals[statistic.noise_of], statistic)
    found = {}
    for label, mean in means.items():
        level, error = noise.get(label, (np.nan, np.nan))
        found[label] = (mean, 0.0 if level == 0.0 else mean * error / level)
    return found


def _chosen(signals: Signals, array: "xarray.DataArray", statistic: Statistic) -> np.ndarray:
    """Rows of a stretch with a window or at rest; where a budget had no window, estimates are of an earlier time."""
    times, run = array["time"].values, is_run(array)
    known = np.ones(times.size, bool)
    if "population" in array.dims and "network_memory" in signals:
        sampled, memory = signals["network_sampled"].values, signals["network_memory"].values
        known = (sampled == 1) | (memory >= Sampling().enough)
    if statistic.at == "baseline":
        return np.asarray(known & ~run)
    return np.asarray(known & run & (times >= statistic.begin) & (times <= statistic.end))


def _network_means(signals: Signals, array: "xarray.DataArray", statistic: Statistic) -> dict[str, _Mean]:
    """Mean and standard error of a network's signal for each population; empty if there is nothing to average.

    A row with a window counts with that window, one at rest with its estimate. Errors of estimates are taken to be
    fully correlated over time.
    """
    times, windows = array["time"].values, signals[f"{array.name}_window"].values
    chosen = _chosen(signals, array, statistic)
    run = ~np.isnan(windows[chosen]).any(axis=1)
    if chosen.sum() < 2 or (statistic.at == "baseline" and run.sum() < 2):
        return {}
    run &= run.sum() >= 2
    weights = time_weights(times[chosen])
    share = float(weights[run].sum())
    estimates, errors = array.values[chosen], signals[f"{array.name}_standard_error"].values[chosen]
    found = {}
    for index, label in enumerate(array["population"].values.tolist()):
        mean, error = time_average(times[chosen][run], windows[chosen][run, index]) if run.any() else (0.0, 0.0)
        rest = float(weights[~run] @ estimates[~run, index])
        rest_error = float(weights[~run] @ errors[~run, index])
        found[label] = (share * mean + rest, float(np.hypot(share * error, rest_error)))
    return found


def _of_sampling(signals: Signals, spent: float | None) -> list[Row]:
    """How often the network was run after the baseline, and for how long."""
    if "network_sampled" not in signals:
        return []
    sampled = signals["network_sampled"]
    fresh = sampled.values[is_run(sampled)] == 1

    def row(quantity: str, statistic: str, value: Any, unit: str, meaning: str) -> Row:
        return Row(quantity, "", "", statistic, float(value), np.nan, unit, meaning)

    rows = [
        row("windows_run", "count", fresh.sum(), "1", "windows of the network after the baseline"),
        row("windows_skipped", "count", (~fresh).sum(), "1", "slow times without a window: at rest, or budget used up"),
    ]
    if spent is not None:
        meaning = "network time simulated, baseline and settling included"
        rows.append(row("network_time", "value", spent, "s", meaning))
    return rows


def time_average(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the time-weighted mean of samples, and its standard error from their spread, including any trend.

    >>> time_average(np.array([0.0, 1.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    (2.0, 0.0)
    """
    weights = time_weights(times)
    mean = float(weights @ values)
    spread = float(weights @ (values - mean) ** 2) * values.size / (values.size - 1)
    return mean, float(np.sqrt(spread * np.sum(weights**2)))


def time_weights(times: np.ndarray) -> np.ndarray:
    """Return weights of samples, proportional to the time that each represents; they sum to 1.

    >>> time_weights(np.array([0.0, 1.0, 3.0]))
    array([0.22222222, 0.33333333, 0.44444444])
    """
    weights = np.gradient(times) if times.size > 1 else np.ones(times.size)
    return weights / weights.sum()
