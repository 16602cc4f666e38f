"""One arm beside another: paired differences over seeds, circuits and draws, with errors split by their source."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.analysis.compare import ComparisonError
from ketasim.analysis.compare import compare as compare_runs
from ketasim.ensembles.dataset import selected, sweep_summary
from ketasim.ensembles.plan import ARM, SEED, Plan
from ketasim.ensembles.store import DONE, OUTCOME, Store
from ketasim.ensembles.variance import Mean, grand_mean
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    import pandas
    import xarray

_KEY = ["quantity", "population", "at", "statistic", "unit"]

#: What makes another circuit, so that an effect is averaged over it; its size, for example, does not.
_CIRCUITS = (SEED, "network.weights", "network.file")


def compare(
    drug: "Trajectory | xarray.Dataset", vehicle: "Trajectory | xarray.Dataset", over: Sequence[str] | None = None
) -> "pandas.DataFrame":
    """Return the numbers of two runs, or of two arms of a sweep, side by side, with their differences and errors.

    Parameters
    ----------
    drug, vehicle : Trajectory or xarray.Dataset
        Two finished runs of one network and duration, usually with the drug and without; or two parts of a dataset of
        `open_sweep`, such as ``found.sel(arm="drug")`` and ``found.sel(arm="vehicle")``.
    over : sequence of str, optional
        Dimensions of a sweep over which differences are averaged; by default seeds, sets of weights, files of networks,
        and draws. Each value of other dimensions has rows of its own.

    Returns
    -------
    pandas.DataFrame
        One row per number of the summaries. Of two runs: quantity, population, at, statistic, drug, vehicle,
        difference, error, unit, verdict, see `ketasim.analysis.compare`. Of two arms: the coordinates of dimensions
        that were not averaged; quantity, population, at, statistic, unit; drug, vehicle: means of the arms; difference
        and its standard error over pairs that share seed, circuit and draws; low, high: its 95 % interval; pairs;
        share_up: the share of pairs in which the first arm's number is larger; and ``error_NAME``, the part of the
        error that comes from each source, whose squares sum to that of `error`. ``windows`` is the noise of the windows
        of a run (at most; shared noise is less), ``seed`` other graphs and other afferent spikes.

    Raises
    ------
    ComparisonError
        Networks or durations differ, a run is unfinished, or no run of one arm has a partner in the other.

    Examples
    --------
    >>> import ketasim
    >>> drug = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    >>> runs = [ketasim.run(drug), ketasim.run(drug.replace(**{"doses.0.amount": "0.25 mg/kg"}))]
    >>> table = ketasim.compare(*runs)
    >>> peak = table[(table.quantity == "plasma_concentration") & (table.statistic == "peak")].iloc[0]
    >>> round(peak.drug), round(peak.vehicle), round(peak.difference), peak.verdict
    (207, 103, 103, 'no error known')
    """
    import xarray

    if not (isinstance(drug, xarray.Dataset) and isinstance(vehicle, xarray.Dataset)):
        return compare_runs(drug, vehicle)  # type: ignore[arg-type]  # it says what is wrong
    return _of_arms(drug, vehicle, over)


def pairs_of(
    drug: "xarray.Dataset", vehicle: "xarray.Dataset", over: Sequence[str] | None = None
) -> tuple["pandas.DataFrame", list[str], list[str]]:
    """Return which runs of two arms belong together, the dimensions averaged over, and the coordinates of the others.

    Parameters
    ----------
    drug, vehicle : xarray.Dataset
        Parts of a dataset of `open_sweep`.
    over : sequence of str, optional
        As of `compare`.

    Returns
    -------
    (pandas.DataFrame, list of str, list of str)
        A row for each pair with its coordinates, ``run`` and ``other``, the numbers of its two runs; coordinates that
        are averaged over; and those that are not.

    Raises
    ------
    ComparisonError
        There is no pair.
    """
    folder, ours = selected(drug)
    other_folder, theirs = selected(vehicle)
    if folder != other_folder:
        raise ComparisonError(f"two arms of one sweep are compared, not {folder} and {other_folder}")
    plan = Plan.from_json(Store(folder).facts()["plan"])
    ours, theirs = (table[table["state"] == DONE].reset_index(drop=True) for table in (ours, theirs))
    names = [name for name in ours if name not in ("run", *OUTCOME)]
    # what is constant within each part and differs between them says which arms they are
    distinguishing = [
        name
        for name in names
        if name != SEED
        and ours[name].astype(str).nunique() == 1 == theirs[name].astype(str).nunique()
        and str(ours[name].iloc[0]) != str(theirs[name].iloc[0])
    ]
    shared = [name for name in names if name not in distinguishing]
    keyed = [
        table.assign(**{f"key {name}": table[name].astype(str) for name in shared}).rename(columns={"run": to})
        for table, to in ((ours, "run"), (theirs, "other"))
    ]
    on = [f"key {name}" for name in shared]
    found = keyed[0].merge(keyed[1][["other", *on]], on=on) if on else keyed[0].merge(keyed[1][["other"]], how="cross")
    if found.empty:
        raise ComparisonError("no run of the one arm has a partner in the other: same parameters and seed, both done")
    averaged = [axis for axis in plan.axes if (axis.name in over if over is not None else _is_random(axis))]
    columns = [name for axis in averaged for name in axis.columns if name in shared]
    unknown = [name for name in over or () if name not in {axis.name for axis in plan.axes}]
    if unknown:
        known = ", ".join(axis.name for axis in plan.axes)
        raise ComparisonError(f"the sweep has no dimension {unknown[0]!r}; it has {known}")
    kept = [name for name in shared if name not in columns and found[name].astype(str).nunique() > 1]
    return found[[*names, "run", "other"]], columns, kept


def _is_random(axis: Any) -> bool:
    drawn = axis.name in ("random", "latin_hypercube", "sobol")
    return drawn or SEED in axis.columns or all(path in _CIRCUITS for path in axis.columns)


def _of_arms(drug: "xarray.Dataset", vehicle: "xarray.Dataset", over: Sequence[str] | None) -> "pandas.DataFrame":
    import pandas

    pairs, averaged, kept = pairs_of(drug, vehicle, over)
    pairs = pairs.assign(pair=range(len(pairs)))
    summary = sweep_summary(drug.attrs["sweep"])[["run", *_KEY, "value", "error"]]
    ours = pairs[["pair", "run"]].merge(summary, on="run").drop(columns="run")
    theirs = pairs[["pair", "other"]].merge(summary, left_on="other", right_on="run").drop(columns=["run", "other"])
    both = ours.merge(theirs, on=["pair", *_KEY], how="outer", suffixes=("_drug", "_vehicle"), sort=False)
    order = summary[_KEY].drop_duplicates()  # that of the summaries
    order = order.assign(order=range(len(order)))
    both = both.merge(pairs, on="pair").merge(order, on=_KEY).sort_values("order", kind="stable")
    by = [f"by {name}" for name in kept]
    for name, column in zip(kept, by, strict=True):
        both[column] = both[name].astype(str)
    rows = []
    for _, group in both.groupby([*by, *_KEY], sort=False):
        rows.append({name: group[name].iloc[0] for name in [*kept, *_KEY]} | _row(group, averaged))
    return pandas.DataFrame(rows)


def _row(group: "pandas.DataFrame", averaged: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"drug": group["value_drug"].mean(), "vehicle": group["value_vehicle"].mean()}
    known = group[group[["value_drug", "value_vehicle"]].notna().all(axis=1)]
    if known.empty:  # a number that only one arm has, such as a concentration
        return row | {"difference": np.nan, "error": np.nan, "low": np.nan, "high": np.nan, "pairs": 0}
    values = (known["value_drug"] - known["value_vehicle"]).to_numpy()[:, None]
    windows = np.hypot(known["error_drug"], known["error_vehicle"]).to_numpy()[:, None]
    found = mean_over(values, known, averaged, windows)
    low, high = found.interval()
    row |= {"difference": found.value[0], "error": found.error[0], "low": low[0], "high": high[0], "pairs": len(known)}
    row["share_up"] = float((values > 0.0).mean())
    return row | {f"error_{name}": float(np.sqrt(part[0])) for name, part in found.parts.items()}


def mean_over(
    values: np.ndarray, pairs: "pandas.DataFrame", averaged: Sequence[str], windows: np.ndarray | None = None
) -> Mean:
    """Return the mean of a column for each pair, see `grand_mean`; parameters drawn together are one source."""
    factors = {name: pairs[name].astype(str).to_numpy() for name in _CIRCUITS if name in averaged}
    if drawn := [name for name in averaged if name not in _CIRCUITS]:
        factors["parameters"] = pairs[drawn].astype(str).agg(" ".join, axis=1).to_numpy()
    return grand_mean(values, factors, windows)


def courses(
    drug: "xarray.Dataset", vehicle: "xarray.Dataset", name: str, over: Sequence[str] | None = None
) -> dict[str, "xarray.DataArray"]:
    """Return the course of a signal in two arms and of their difference, each as mean and standard error over pairs.

    Parameters
    ----------
    drug, vehicle : xarray.Dataset
        Parts of a dataset of `open_sweep` with one value of every dimension that is not averaged over.
    name : str
        Signal, or another variable with numbers of every run, such as the mean of a signal over an interval.
    over : sequence of str, optional
        As of `compare`.

    Returns
    -------
    dict
        ``drug``, ``vehicle`` and ``difference``, each with dimensions (statistic, time, ...), where statistic is
        ``mean`` or ``error``; without time if the variable has none.

    Raises
    ------
    ComparisonError
        There is no pair, or a dimension has several values.
    KeyError
        There is no such signal.

    Examples
    --------
    >>> import ketasim, tempfile
    >>> experiment = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    >>> arms = {"full": {}, "half": {"doses.0.amount": "0.25 mg/kg"}}
    >>> found = ketasim.sweep(experiment, arms=arms, jobs=1, out=tempfile.mkdtemp() + "/arms")
    >>> found = found[["plasma_concentration"]].mean("time", keep_attrs=True)
    >>> means = ketasim.courses(found.sel(arm="full"), found.sel(arm="half"), "plasma_concentration")
    >>> ratio = means["drug"] / means["vehicle"]
    >>> round(float(ratio.sel(statistic="mean", compound="S-ketamine")), 3)
    2.0
    """
    import xarray

    pairs, averaged, kept = pairs_of(drug, vehicle, over)
    if kept:
        raise ComparisonError(f"choose one value of {kept[0]} first, such as found.sel({{{kept[0]!r}: ...}})")
    first, second = (_rows_of(arm, name, pairs[column]) for arm, column in ((drug, "run"), (vehicle, "other")))
    inner = drug[name].dims[len(drug[name].dims) - first.ndim + 1 :]
    coordinates = {dim: drug[dim] for dim in inner} | {"statistic": ["mean", "error"]}
    found = {}
    for what, values in (("drug", first), ("vehicle", second), ("difference", first - second)):
        mean = mean_over(values.reshape(len(pairs), -1), pairs, averaged)
        both = np.stack([mean.value, mean.error]).reshape(2, *values.shape[1:])
        found[what] = xarray.DataArray(both, coordinates, ("statistic", *inner), attrs=dict(drug[name].attrs))
    return found


def _rows_of(arm: "xarray.Dataset", name: str, numbers: "pandas.Series") -> np.ndarray:
    """Values (pairs, time, ...) of a signal in given runs."""
    if name not in arm:
        raise KeyError(f"no signal {name!r}; there are {', '.join(map(str, arm.data_vars))}")
    dims = arm["run"].dims
    array = arm[name].stack(pair=dims) if dims else arm[name].expand_dims("pair")
    of_run = np.atleast_1d(arm["run"].values).reshape(-1)
    values = array.transpose("pair", ...).values
    places = {int(number): place for place, number in enumerate(of_run)}
    return np.asarray(values[[places[int(number)] for number in numbers]])


def arms_of(found: "xarray.Dataset", drug: str | None = None, vehicle: str | None = None) -> tuple[Any, Any]:
    """Return two arms of a sweep by name; by default its only two, in their order.

    Raises
    ------
    ComparisonError
        There are no arms of these names.
    """
    names = [str(name) for name in found[ARM].values] if ARM in found.coords else []
    if drug is None and vehicle is None and len(names) == 2:
        drug, vehicle = names
    if drug is None or vehicle is None:
        raise ComparisonError(f"name two arms; the sweep has {', '.join(names) or 'none'}")
    for name in (drug, vehicle):
        if name not in names:
            raise ComparisonError(f"the sweep has no arm {name!r}; it has {', '.join(names) or 'none'}")
    return found.sel({ARM: drug}), found.sel({ARM: vehicle})
