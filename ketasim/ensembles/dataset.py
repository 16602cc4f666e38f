"""The results of a sweep as one xarray Dataset, read when they are asked for, and as tables."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.ensembles.plan import ARM, SEED, Plan
from ketasim.ensembles.store import ATTRIBUTES, DONE, FAILED, OUTCOME, Store, SweepError
from ketasim.ensembles.worker import file_of
from ketasim.storage.datasets import ADVICE

if TYPE_CHECKING:
    import pandas
    import xarray

_LOGGER = logging.getLogger("ketasim")

#: Second dimension of a signal -> its labels, and what stands beside them by name.
_Inner = dict[str, tuple[list[Any], dict[str, list[Any]]]]

#: Times in a dataset beyond which runs share those of the first instead of all.
_MOST_TIMES = 20_000


def open_sweep(folder: str | Path, times: Sequence[float] | None = None) -> "xarray.Dataset":
    """Open the results of a sweep, finished or not.

    Parameters
    ----------
    folder : str or Path
        Folder of the sweep.
    times : sequence of float, optional
        Times in s to which signals are interpolated linearly; by default all times that any run has.

    Returns
    -------
    xarray.Dataset
        One variable per slow signal, with a dimension for each parameter that was varied, ``arm`` and ``seed``, then
        time and perhaps population or compound; read when values are asked for. The coordinate ``run`` is the number of
        a run. Runs that are not done are NaN. `sweep_summary` and `sweep_runs` return the tables.

    Raises
    ------
    SweepError
        There is no sweep in the folder.
    """
    import xarray

    store = Store(Path(folder).expanduser())
    facts, runs = store.facts(), store.runs()
    plan = Plan.from_json(facts["plan"])
    grid = _times(store) if times is None else np.asarray(times, float)
    dims = tuple(axis.name for axis in plan.axes)
    coordinates = _coordinates(plan)
    coordinates["run"] = (dims, np.arange(plan.size).reshape(plan.shape), {"long_name": "number of the run"})
    state = (dims, runs["state"].to_numpy(dtype=str).reshape(plan.shape), {"long_name": "done, failed or waiting"})
    variables: dict[str, Any] = {"state": state}
    laid_out = {name: _laid_out(layouts) for name, layouts in store.layouts().items()}
    for _, inner in laid_out.values():
        for dim, (labels, beside) in inner.items():
            _merge(coordinates, dim, labels, beside)
    for name, (attributes, inner) in laid_out.items():
        labels_of = [np.asarray(coordinates[dim][1]) for dim in inner]
        array = _lazy(store, name, plan, grid, labels_of[0] if labels_of else None)
        variables[name] = xarray.Variable((*dims, "time", *inner), array, attributes)
    if len(variables) > 1:
        coordinates["time"] = ("time", grid, {"units": "s", "long_name": "time"})
    _warn(runs)
    return xarray.Dataset(variables, coordinates, {"sweep": str(store.folder.absolute()), "advice": ADVICE})


def sweep_runs(folder: str | Path) -> "pandas.DataFrame":
    """Return the table of a sweep's runs: number, parameters, arm, seed, state, seconds, error, processor, digest.

    Of a sweep with ``keep="file"`` it has a column `file`, too: the trajectory of each run that is done, for
    `ketasim.open_trajectory`; empty for the others.
    """
    store = Store(Path(folder).expanduser())
    runs = store.runs()
    if Plan.from_json(store.facts()["plan"]).keep == "file":
        states = zip(runs["run"], runs["state"], strict=True)
        runs["file"] = [str(file_of(store.folder, number)) if state == DONE else "" for number, state in states]
    return runs


def sweep_summary(folder: str | Path) -> "pandas.DataFrame":
    """Return the numbers of all runs as one long table: run, parameters, arm, seed, then the columns of a summary.

    Raises
    ------
    SweepError
        There is no sweep in the folder.
    """
    store = Store(Path(folder).expanduser())
    runs = store.runs()
    labels = runs.drop(columns=list(OUTCOME))
    return labels.merge(store.summaries(), on="run")


def _times(store: Store) -> np.ndarray:
    different = store.times()
    if not different:
        return np.zeros(0)
    together = np.unique(np.concatenate(different))
    if together.size <= _MOST_TIMES:
        return together
    _LOGGER.warning(
        "runs have %d different times; those of the first are used, open_sweep(times=...) takes others", together.size
    )
    return different[0]


def _coordinates(plan: Plan) -> dict[str, Any]:
    """Coordinates of the axes; values that are no numbers are text."""
    found: dict[str, Any] = {}
    for axis in plan.axes:
        for name, values in axis.columns.items():
            number = all(type(value) in (int, float) for value in values)
            text = [value if isinstance(value, str) else json.dumps(value) for value in values]
            meaning = {ARM: "arm", SEED: "seed of all random numbers"}.get(name, f"value of {name}")
            found[name] = (axis.name, np.asarray(values if number else text), {"long_name": meaning})
    return found


def _laid_out(layouts: list[dict[str, Any]]) -> tuple[dict[str, str], _Inner]:
    """Attributes of a signal, and its second dimension with the labels of all runs and what stands beside them."""
    attributes = {key: layouts[0][key] for key in ATTRIBUTES if key in layouts[0]}
    inner: _Inner = {}
    for layout in layouts:
        if "dim" in layout:
            labels, beside = inner.setdefault(layout["dim"], ([], {name: [] for name in layout["beside"]}))
            for place, label in enumerate(layout["labels"]):
                if label not in labels:
                    labels.append(label)
                    for name, values in beside.items():
                        values.append(layout["beside"][name][place])
    return attributes, inner


def _merge(coordinates: dict[str, Any], dim: str, labels: list[Any], beside: Mapping[str, list[Any]]) -> None:
    """Add labels that a coordinate does not have yet."""
    known = coordinates[dim][1].tolist() if dim in coordinates else []
    new = [place for place, label in enumerate(labels) if label not in known]
    coordinates[dim] = (dim, np.array([*known, *(labels[place] for place in new)]))
    for name, values in beside.items():
        before = coordinates[name][1].tolist() if name in coordinates else []
        coordinates[name] = (dim, np.array([*before, *(values[place] for place in new)]))


def _lazy(store: Store, name: str, plan: Plan, times: np.ndarray, labels: np.ndarray | None) -> Any:
    """Array of a signal that is read when it is indexed."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Signals(BackendArray):  # type: ignore[misc, unused-ignore]
        shape = (*plan.shape, times.size, *(() if labels is None else (labels.size,)))
        dtype = np.dtype(float)

        def __getitem__(self, key: Any) -> Any:
            kind = indexing.IndexingSupport.OUTER
            return indexing.explicit_indexing_adapter(key, self.shape, kind, self._read)

        def _read(self, key: tuple[Any, ...]) -> np.ndarray:
            return _read(store, name, plan, times, labels, key)

        def __reduce__(self) -> Any:
            return _lazy, (store, name, plan, times, labels)

    return indexing.LazilyIndexedArray(Signals())


def _read(
    store: Store, name: str, plan: Plan, times: np.ndarray, labels: np.ndarray | None, key: tuple[Any, ...]
) -> np.ndarray:
    """Values of a signal at an outer index of the whole array."""
    of_runs, of_values = key[: len(plan.shape)], key[len(plan.shape) :]
    numbers = _outer(np.arange(plan.size).reshape(plan.shape), of_runs)
    empty = np.full((times.size, *(() if labels is None else (labels.size,))), np.nan)
    shape = _outer(empty, of_values).shape
    wanted, places_of = np.unique(np.reshape(numbers, -1), return_inverse=True)  # an index may repeat a run
    found = np.full((wanted.size, *shape), np.nan)
    places = {int(number): place for place, number in enumerate(wanted)}
    for run, signal in store.signal(name, list(places)) if places else ():
        whole, rows = empty.copy(), _on_times(name, signal.times, signal.values, times)
        if labels is None:
            whole[:] = rows
        else:
            known = labels.tolist()
            whole[:, [known.index(label) for label in json.loads(signal.layout)["labels"]]] = rows
        found[places[run]] = _outer(whole, of_values)
    return found[places_of].reshape((*np.shape(numbers), *shape))


def _outer(array: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
    """Return an array indexed along each axis on its own: by a number, which drops the axis, a slice or an array."""
    for axis, one in reversed(list(enumerate(key))):
        array = array[(slice(None),) * axis + (one,)]
    return array


def _on_times(name: str, own: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Values at other times: exact where a run has a row, interpolated linearly between, NaN outside the run.

    What belongs to a single window, or counts, is not interpolated.
    """
    if own.size == times.size and (own == times).all():
        return np.asarray(values, float)
    table = values.reshape(own.size, -1).astype(float)
    if name.endswith("_window") or name.startswith("network_"):
        found = np.full((times.size, table.shape[1]), np.nan)
        place = np.searchsorted(times, own)
        inside = (place < times.size) & (times[np.minimum(place, times.size - 1)] == own)
        found[place[inside]] = table[inside]
    else:
        columns = [np.interp(times, own, column, left=np.nan, right=np.nan) for column in table.T]
        found = np.array(columns).T.reshape(times.size, -1)
    return found.reshape(times.size, *values.shape[1:])


def _warn(runs: "pandas.DataFrame") -> None:
    """Say what is missing, and whether arms were computed on different processors."""
    open_ones = int((runs["state"] != DONE).sum())
    if open_ones:
        failed = int((runs["state"] == FAILED).sum())
        _LOGGER.warning("%d of %d runs are not done, %d of them failed; they are NaN", open_ones, len(runs), failed)
    done = runs[runs["state"] == DONE]
    if done["processor"].nunique() > 1:
        by_arm = done.groupby(ARM)["processor"].nunique().to_dict() if ARM in done else {}
        mixed = [str(name) for name, kinds in by_arm.items() if kinds > 1]
        where = f" within arms ({', '.join(mixed)})" if mixed else ""
        kinds = done["processor"].nunique()
        _LOGGER.warning(
            "runs were computed on %d kinds of processor%s; last bits, and so noise, may differ", kinds, where
        )


def selected(found: "xarray.Dataset") -> tuple[Path, "pandas.DataFrame"]:
    """Return the folder of a dataset of `open_sweep`, or of a part of one, and the table of the runs in it.

    Raises
    ------
    SweepError
        It is no such dataset.
    """
    if "sweep" not in found.attrs or "run" not in found.coords:
        raise SweepError("not (part of) a dataset of ketasim.open_sweep: it has no coordinate `run`")
    folder = Path(found.attrs["sweep"])
    numbers = np.atleast_1d(found["run"].values).reshape(-1)
    runs = Store(folder).runs().set_index("run", drop=False).loc[numbers]
    return folder, runs
