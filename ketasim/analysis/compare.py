"""A run beside its vehicle: differences of their numbers and of their courses, with honest errors.

The error of a difference is the root sum of squares of the two standard errors. Arms of one seed see the same afferent
spikes at the same times (common random numbers), so that their noise is correlated and the true error is smaller; how
much smaller depends on the run (docs/two_clocks.md). What seeds differ by is in neither error: only several seeds show
it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim.analysis.summary import summary_of
from ketasim.config.display import leaves
from ketasim.config.models import STATED, NetworkModel
from ketasim.documents import KetasimError
from ketasim.documents.nearest import shown
from ketasim.storage import Trajectory

if TYPE_CHECKING:
    import pandas
    import xarray

#: Columns that say which number a row is.
_KEY = ["quantity", "population", "at", "statistic"]
#: Standard errors up to which a difference may well be chance.
_ERRORS = 2.0


class ComparisonError(KetasimError):
    """Two runs cannot be compared: they differ in more than what is done to the subject."""

    exit_code = 2


def compare(drug: Trajectory, vehicle: Trajectory) -> "pandas.DataFrame":
    """Return the numbers of two runs side by side, their differences and the standard errors of these.

    Parameters
    ----------
    drug, vehicle : Trajectory
        Finished runs of one network and duration; usually those with the drug and without. The default circuit may be
        that of a file or graph made from it, if the seed is the same.

    Returns
    -------
    pandas.DataFrame
        One row per number of the two summaries: quantity, population, at, statistic, drug, vehicle, difference (drug
        minus vehicle), error, unit, and `verdict`: ``same``, ``within 2 errors``, ``beyond 2 errors``, ``no error
        known``, ``only in the first`` or ``only in the second``. `attrs["notes"]` says in what the arms differ and
        what the error contains: the root sum of squares of the arms' errors, conservative where they share noise.

    Raises
    ------
    ComparisonError
        Networks or durations differ, or a run is unfinished.

    Examples
    --------
    >>> import ketasim
    >>> drug = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    >>> arms = [ketasim.run(drug), ketasim.run(drug.replace(**{"doses.0.amount": "0.25 mg/kg"}))]
    >>> table = ketasim.compare(*arms)
    >>> peak = table[(table.quantity == "plasma_concentration") & (table.statistic == "peak")].iloc[0]
    >>> round(peak.drug), round(peak.vehicle), round(peak.difference), peak.verdict
    (207, 103, 103, 'no error known')
    """
    import pandas

    notes = _check(drug, vehicle)
    ours, theirs = (summary_of(arm).set_index(_KEY) for arm in (drug, vehicle))
    signals = {*drug.names(), *vehicle.names()}  # other rows count windows
    keys = [key for key in dict.fromkeys([*ours.index, *theirs.index]) if key[0] in signals]
    ours, theirs = (arm.reindex(pandas.MultiIndex.from_tuples(keys, names=_KEY)) for arm in (ours, theirs))
    table = pandas.DataFrame({"drug": ours["value"], "vehicle": theirs["value"]})
    table["difference"] = table["drug"] - table["vehicle"]
    table["error"] = np.hypot(ours["error"], theirs["error"])
    table["unit"] = ours["unit"].fillna(theirs["unit"])
    table["verdict"] = [_verdict(*row) for row in table[["drug", "vehicle", "error"]].itertuples(index=False)]
    table = table.reset_index()
    table.attrs["notes"] = notes
    return table


def difference(drug: Trajectory, vehicle: Trajectory, *names: str) -> "xarray.Dataset":
    """Return signals of one run minus those of another, at all times of both.

    Steps are denser after doses, so that two runs share only some rows; each is interpolated linearly to the times of
    the other.

    Parameters
    ----------
    drug, vehicle : Trajectory
        Finished runs of one network and duration.
    *names : str
        Signals.

    Returns
    -------
    xarray.Dataset
        Each signal with its unit; for estimates of the network also ``<signal>_standard_error``, see `compare`.

    Raises
    ------
    ComparisonError
        Networks or durations differ, or a run is unfinished.
    KeyError
        A run has no such signal; the message lists the nearest names.
    TypeError
        No name is given.
    """
    import xarray

    if not names:
        raise TypeError("difference takes names of signals after the two runs, such as 'firing_rate'")
    notes = _check(drug, vehicle)
    found = {}
    for name in names:
        ours, theirs = _on_common_times(drug[name], vehicle[name])
        found[name] = (ours - theirs).assign_attrs(_described(drug[name]))
        error = f"{name}_standard_error"
        if error in drug and error in vehicle:
            one, other = _on_common_times(drug[error], vehicle[error])
            words = f"standard error of the difference of {name}; smaller where the runs share noise"
            attributes = {"units": drug[name].attrs["units"], "long_name": words}
            found[error] = one.copy(data=np.hypot(one.values, other.values)).assign_attrs(attributes)
    return xarray.Dataset(found, attrs={"notes": notes})


def _on_common_times(first: "xarray.DataArray", second: "xarray.DataArray") -> "Iterator[xarray.DataArray]":
    """Both signals at the times of either that lie in both."""
    times = np.union1d(first["time"].values, second["time"].values)
    begin = max(first["time"].values[0], second["time"].values[0])
    times = times[(times >= begin) & (times <= min(first["time"].values[-1], second["time"].values[-1]))]
    for array in (first, second):
        rows = array.drop_vars("stage").astype(float)
        columns = rows.values.reshape(rows.sizes["time"], -1).T
        values = np.array([np.interp(times, rows["time"].values, column) for column in columns]).T
        yield (
            rows.isel(time=np.zeros(times.size, int))
            .copy(data=values.reshape(times.size, *rows.shape[1:]))
            .assign_coords(time=("time", times, rows["time"].attrs))
        )


def _described(array: "xarray.DataArray") -> dict[str, Any]:
    return {"units": array.attrs["units"], "long_name": f"{array.attrs['long_name']}, difference from the other run"}


def _verdict(drug: float, vehicle: float, error: float) -> str:
    if np.isnan(drug) or np.isnan(vehicle):
        return "only in the second" if np.isnan(drug) else "only in the first"
    if drug == vehicle:
        return "same"
    if np.isnan(error):
        return "no error known"
    return f"{'within' if abs(drug - vehicle) <= _ERRORS * error else 'beyond'} {_ERRORS:g} errors"


def _check(drug: Trajectory, vehicle: Trajectory) -> list[str]:
    """Return remarks on two runs that can be compared.

    Raises
    ------
    ComparisonError
        They cannot.
    TypeError
        They are no trajectories.
    """
    for arm in (drug, vehicle):
        if not isinstance(arm, Trajectory):
            raise TypeError(f"two trajectories are compared, such as ketasim.open_trajectory('run.h5'), not {arm!r}")
        if not arm.complete:
            raise ComparisonError(f"{arm.path}: {arm.progress}; finish it with `ketasim resume` before comparing")
    ours, theirs = (dict(leaves(arm.config)) for arm in (drug, vehicle))
    differing = [key for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)]
    paired = ours.get("seed") == theirs.get("seed")
    of_network = [key for key in differing if key.split(".")[0] == "network"]
    alike = paired and bool(of_network) and _same_circuit(drug, vehicle)
    for key in differing:
        if key == "duration" or (key in of_network and not alike):
            one, other = (shown(arm.get(key)) for arm in (ours, theirs))
            raise ComparisonError(f"the runs differ in {key}, {one} and {other}, and cannot be compared")
    if paired and drug.populations and not of_network and _graph(drug) != _graph(vehicle):
        raise ComparisonError("the runs began with different graphs, and cannot be compared")
    silent = ("name", "recording", "seed", *of_network)
    parts = dict.fromkeys(key.split(".")[0] for key in differing if key not in silent)
    noise = (
        "same seed: the runs share their noise, so errors (root sum of squares of the two) are conservative"
        if paired
        else "different seeds: neither graph nor noise is shared; errors are the root sum of squares of the two"
    )
    same = ["their networks are stated in two ways, but begin with the same neurons and synapses"] if alike else []
    same += _of_code(drug, vehicle)
    return [
        *same,
        f"the runs differ in {', '.join(parts) or 'nothing that acts on the subject'}",
        f"{noise}; what seeds differ by is not in them: repeat with other seeds",
    ]


def _of_code(drug: Trajectory, vehicle: Trajectory) -> list[str]:
    """Return a remark if two runs were made by different code; older files have no digest of it."""
    made_by = [json.loads(arm.provenance.get("environment", "{}")) for arm in (drug, vehicle)]
    versions, codes = ({one.get(key) for one in made_by} for key in ("ketasim", "code"))
    if len(versions) == 1 and (len(codes) == 1 or None in codes):
        return []
    words = [
        f"ketasim {one.get('ketasim', 'of unknown version')}" + (f" ({one['code'][:8]})" if "code" in one else "")
        for one in made_by
    ]
    return [f"the runs were made by different code, {' and '.join(words)}, which may be why they differ"]


def _graph(arm: Trajectory) -> str:
    """Return the digest of the graph at the start.

    The default circuit's factors on conductances follow from its graph, and files of 0.2.0 do not state them.
    """
    topology = arm.topology(arm.begin)
    default = "model" in arm.config["network"]
    return (replace(topology, conductance_scale=None) if default else topology).sha256


def _same_circuit(drug: Trajectory, vehicle: Trajectory) -> bool:
    """Return whether networks that are stated in two ways, such as by a file, are one graph of the same synapses."""
    if not (drug.populations and vehicle.populations):
        return False
    graphs = {arm.topology(arm.begin).sha256 for arm in (drug, vehicle)}
    return len(graphs) == 1 and _synapses(drug.config["network"]) == _synapses(vehicle.config["network"])


def _synapses(network: Mapping[str, Any]) -> list[Any]:
    """Return what says of which kind the cells and synapses of a graph are, and what runs them."""
    own = network.get("file") if str(network.get("file", "")).endswith((".yaml", ".yml")) else None  # a circuit file
    default = NetworkModel().model_dump(mode="json")
    return [own, network.get("engine"), *(network.get(key, default[key]) for key in STATED)]
