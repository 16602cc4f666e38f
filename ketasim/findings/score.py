"""Runs the experiments of findings, and says of each number whether it is in the published range."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ketasim.config import Experiment
from ketasim.config.models import NetworkModel
from ketasim.config.weights import default_weights
from ketasim.digests import code_digest, text_digest
from ketasim.documents import KetasimError
from ketasim.drugs import catalogue_digest
from ketasim.ensembles.dataset import sweep_runs
from ketasim.ensembles.posterior import fitted, posterior
from ketasim.ensembles.sweeps import SweepProgress, sweep
from ketasim.ensembles.variance import grand_mean
from ketasim.findings.finding import Finding, Number, Selection
from ketasim.mechanisms import ORDER
from ketasim.network.weights import weight_sets
from ketasim.recording.provenance import CODE

if TYPE_CHECKING:
    import pandas
    import xarray

_LOGGER = logging.getLogger("ketasim")

INSIDE, OUTSIDE, OPEN, REPORTED = "inside", "outside", "not distinguishable", "reported"

#: What makes experiments small enough for --quick.
QUICK: Mapping[str, Any] = {"network.neurons": 300, "schedule.baseline": "60 s"}


class Scored(NamedTuple):
    """One number of a finding as the model shows it.

    Attributes
    ----------
    finding, role, number : str
        Which.
    value, error, low, high : float
        Mean over runs, its standard error and 95 % interval; without chance the error is 0, of a single run it is NaN.
    least, most : float
        Published range.
    verdict : str
        ``inside`` or ``outside``, if the whole interval is, else ``not distinguishable``; ``reported`` without a range.
    runs : int
        Circuits times seeds.
    unit, published, one_of : str
        As the finding states them.
    """

    finding: str
    role: str
    number: str
    value: float
    error: float
    low: float
    high: float
    least: float
    most: float
    verdict: str
    runs: int
    unit: str
    published: str
    one_of: str


def score_findings(
    findings: Sequence[Finding],
    out: str | Path = "findings",
    seeds: int = 2,
    sets: int = 1,
    quick: bool = False,
    jobs: int | None = None,
    progress: Callable[[SweepProgress], Any] | None = None,
) -> "pandas.DataFrame":
    """Run what findings need and return their numbers, a row each, see `Scored`.

    Each different experiment is a sweep in a folder named by its digest and that of ketasim's code; what was run before
    is not run again, and an interruption loses nothing.

    Parameters
    ----------
    findings : sequence of Finding
        Of `load_findings`.
    out : str or Path
        Folder of the sweeps.
    seeds : int
        Other graphs and noise; an experiment without a network has one run.
    sets : int
        Sets of weights that agree with calibration C1, the default first; where a number is of a mechanism with a joint
        posterior (`ketasim.posterior`), draws of it, each with its circuit. With 1 the default circuit and numbers.
    quick : bool
        Networks of 300 neurons and baselines of 60 s.
    jobs : int, optional
        Processes.
    progress : callable, optional
        As of `ketasim.sweep`, called for each experiment.

    Raises
    ------
    KetasimError
        A run failed.
    """
    import pandas

    runs: dict[str, xarray.Dataset] = {}
    rows = []
    for finding in findings:
        arms = {}
        for arm in finding.arms:
            experiment = finding.experiment(arm).replace(name="finding")  # the same whichever finding asks for it
            experiment = _made_small(experiment) if quick else experiment
            circuits = _circuits(finding, experiment, sets)
            key = _key(experiment, seeds, circuits)
            if key not in runs:
                _LOGGER.info("%s, %s", finding.id, arm)
                runs[key] = _runs_of(experiment, Path(out) / key, seeds, circuits, jobs, progress)
            arms[arm] = runs[key]
        rows += [_scored(finding, number, arms) for number in finding.numbers]
    return pandas.DataFrame(rows, columns=list(Scored._fields))


def _made_small(experiment: Experiment) -> Experiment:
    return experiment.replace(**QUICK) if isinstance(experiment.network, NetworkModel) else experiment


def _circuits(finding: Finding, experiment: Experiment, sets: int) -> list[dict[str, Any]]:
    """Return changes of an experiment, one for each circuit; none for the default circuit alone.

    Circuits of a finding that reads what a fitted mechanism writes are draws from its joint posterior, because its
    numbers were fitted to what each circuit does.
    """
    # without a network there is no circuit, and weights and numbers that the finding sets itself are its own
    if sets == 1 or not isinstance(experiment.network, NetworkModel) or experiment.network.weights != default_weights():
        return []
    read = {one.signal for number in finding.numbers for one in (number.value, number.against) if one}
    own = experiment.given()["data"].get("mechanisms", {})
    for mechanism in ORDER:
        if mechanism.name in fitted() and mechanism.name not in own and not read.isdisjoint(mechanism.writes):
            return posterior(mechanism.name)[:sets]
    return [{"network.weights": one} for one in weight_sets(agree="C1")[:sets]]


def _key(experiment: Experiment, seeds: int, circuits: Sequence[Mapping[str, Any]]) -> str:
    """Digest of an experiment with its drugs, of how often and in which circuits it is run, and of the code."""
    runs = None if experiment.network is None else (seeds, circuits)
    of_drugs = catalogue_digest(experiment.catalogue)
    return text_digest(repr((experiment.resolved(), experiment.sha256, of_drugs, runs, code_digest(*CODE))))[:16]


def _runs_of(
    experiment: Experiment,
    folder: Path,
    seeds: int,
    circuits: Sequence[Mapping[str, Any]],
    jobs: int | None,
    progress: Callable[[SweepProgress], Any] | None,
) -> "xarray.Dataset":
    replicates = 1 if experiment.network is None else seeds
    design = {"list": [*circuits]} if circuits else None
    found = sweep(experiment, None, replicates, jobs=jobs, out=folder, progress=progress, design=design)
    failed = int((found["state"] != "done").sum())
    if failed:
        first = sweep_runs(folder).query("state != 'done'")["error"].iloc[0]
        raise KetasimError(f"{folder}: {failed} of {found['state'].size} runs failed, the first because {first}")
    return found


def _scored(finding: Finding, number: Number, arms: Mapping[str, "xarray.Dataset"]) -> Scored:
    """Return one number with its error over the runs, and its verdict."""
    found, other = _numbers_of(finding, number, arms)
    if other is not None:
        found = found - other if number.shown == "difference" else found / other
        found = 100.0 * (found - 1.0) if number.shown == "change" else found
    values = found.values.reshape(-1, 1)
    value, error = float(values.mean()), 0.0
    low, high = value, value
    if not math.isfinite(value):  # a ratio to nothing
        error, low, high = math.nan, -math.inf, math.inf
    elif values.size > 1:
        labels = np.meshgrid(*(found[dim].values.astype(str) for dim in found.dims), indexing="ij")
        mean = grand_mean(values, {str(dim): one.ravel() for dim, one in zip(found.dims, labels, strict=True)})
        value, error = float(mean.value[0]), float(mean.error[0])
        low, high = (float(end[0]) for end in mean.interval())
    elif number.value is not None and _has_chance(finding, number.value):
        error, low, high = math.nan, -math.inf, math.inf
    least, most = number.band
    verdict = INSIDE if least <= low and high <= most else OUTSIDE if high < least or low > most else OPEN
    verdict = REPORTED if number.least is None and number.most is None else verdict
    which, words = (finding.id, finding.role, number.name), (number.unit, number.published, number.one_of)
    return Scored(*which, value, error, low, high, least, most, verdict, values.size, *words)


def _has_chance(finding: Finding, selection: Selection) -> bool:
    """Whether another seed would give another number: the network decides it, but not what a compound does."""
    return selection.compound is None and finding.experiment(selection.arm).network is not None


def _numbers_of(
    finding: Finding, number: Number, arms: Mapping[str, "xarray.Dataset"]
) -> tuple["xarray.DataArray", "xarray.DataArray | None"]:
    """Return the value of each run, and what it is against."""
    import xarray

    if number.value is not None:
        rising, against = number.shown == "rise_ratio", number.against
        found = _of_runs(arms, number.value, rising)
        return found, None if against is None else _of_runs(arms, against, rising)
    assert number.clamp is not None
    pair = [one.value(finding.drugs[one.drug]) for one in (number.clamp, number.clamp_against) if one is not None]
    found, *others = map(xarray.DataArray, pair)
    return found, others[0] if others else None


def _of_runs(arms: Mapping[str, "xarray.Dataset"], selection: Selection, rising: bool = False) -> "xarray.DataArray":
    """Return a statistic of each run, or of its rise above time zero."""
    course = _course(arms[selection.arm], selection)
    if selection.above is not None:
        course = course - _course(arms[selection.above], selection).interp(time=course["time"])
    if rising:
        course = course - course.isel(time=0)
    times = course["time"].values
    begin = 0.0 if selection.begin is None else selection.begin
    end = times[-1] if selection.end is None else selection.end
    # with both ends, so that a mean is one over time, however dense the steps are
    within = np.unique([begin, *times[(times > begin) & (times < end)], end])
    course = course.interp(time=[selection.at] if selection.at is not None else within)
    if selection.statistic == "mean":
        return course.integrate("time") / (end - begin)
    if selection.statistic == "time_of_peak":
        return course.idxmax("time") / 3600.0
    if selection.statistic in ("value", "last"):
        return course.isel(time=-1).drop_vars("time")
    return course.max("time") if selection.statistic == "peak" else course.min("time")


def _course(runs: "xarray.Dataset", selection: Selection) -> "xarray.DataArray":
    """Return a signal over time, of one class or of the compounds of a moiety together."""
    course = runs[selection.signal].load().sel(time=slice(0.0, None))  # what comes before is not read
    if selection.population is not None:
        course = course.sel(population=selection.population)
    if selection.compound is not None:
        chosen = course["compound"].isin([selection.compound])
        if "moiety" in course.coords:
            chosen = chosen | course["moiety"].isin([selection.compound])
        course = course.isel(compound=np.flatnonzero(chosen.values)).sum("compound", skipna=False)
    return course
