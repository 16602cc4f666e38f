"""A sweep from its plan to its results: begun, watched, continued."""

import json
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ketasim import __version__
from ketasim.config import Experiment
from ketasim.config.display import leaves
from ketasim.config.sweeps import SweepSection, section_of
from ketasim.digests import code_digest, file_digest, text_digest
from ketasim.documents import Document, KetasimError
from ketasim.documents.nearest import shown
from ketasim.documents.units import about
from ketasim.documents.validation import unknown
from ketasim.drugs import catalogue_digest
from ketasim.ensembles.dataset import open_sweep
from ketasim.ensembles.forecast import forecast_of, processes_of
from ketasim.ensembles.local import Local
from ketasim.ensembles.plan import Plan, plan_of
from ketasim.ensembles.store import DONE, FAILED, NAME, WAITING, Outcome, Store, SweepError
from ketasim.ensembles.worker import STOP, Task
from ketasim.exposures import Exposure
from ketasim.kernels.jit import compiled_before
from ketasim.mechanisms import Mechanism
from ketasim.pipeline import CancelledError, RunInterrupted, compile_kernels
from ketasim.progress import LOGGER as PROGRESS
from ketasim.progress import Lines
from ketasim.recording.provenance import CODE, environment, own_code
from ketasim.simulation.cost import ResourceError
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.storage.checkpoint import locked
from ketasim.storage.datasets import reason_of

if TYPE_CHECKING:
    import xarray

_LOGGER = logging.getLogger("ketasim")

#: Engines by name.
ENGINES = ("local", "dask", "slurm")

#: Errors and differing keys that are shown.
_SHOWN = 5

#: Keys of an experiment that change no result.
_NO_RESULT = ("threads", "recording")

#: Runs and bytes beyond which a sweep must be confirmed.
MANY_RUNS, MANY_BYTES = 1000, 10e9


class Executor(Protocol):
    """Where runs are computed."""

    jobs: int

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Yield the outcome of each task as it ends, in any order."""
        ...


class SweepProgress(NamedTuple):
    """Progress of a sweep.

    Attributes
    ----------
    done, failed, total : int
        Runs.
    left : float
        Expected wall time to the end in s; NaN before the first run has ended.
    """

    done: int
    failed: int
    total: int
    left: float

    @property
    def words(self) -> str:
        """How many runs have ended."""
        return f"{self.done} of {self.total} runs" + (f", {self.failed} failed" if self.failed else "")


class IncompleteSweepError(KetasimError):
    """Some runs of a sweep failed or are missing; the others are kept."""

    exit_code = 3


def sweep(  # noqa: PLR0913, PLR0917 - one argument per choice
    experiment: Experiment,
    parameters: Mapping[str, Sequence[Any]] | None = None,
    replicates: int = 1,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    jobs: int | None = None,
    engine: str | Executor = "local",
    out: str | Path | None = None,
    keep: str = "signals",
    design: Mapping[str, Any] | None = None,
    mechanisms: Sequence[Mechanism] = (),
    progress: Callable[[SweepProgress], Any] | None = None,
    yes: bool = False,
) -> "xarray.Dataset":
    """Run an experiment with many values, arms and seeds, and return the results as one dataset.

    An interrupted sweep is continued by `resume_sweep`, or by the same call again; runs that are done are not repeated.

    Parameters
    ----------
    experiment : Experiment
        What all runs have in common.
    parameters : mapping, optional
        Dotted path -> values, such as ``{"doses.0.amount": ["0.1 mg/kg", "0.5 mg/kg"]}``; every combination is run.
    replicates : int
        Seeds of each combination, counted from the experiment's.
    arms : mapping, optional
        Name -> changes, such as ``{"drug": {}, "vehicle": {"doses.0.drug": "saline"}}``. Arms of one seed share graph,
        baseline and random numbers.
    jobs : int, optional
        Processes, or tasks of a cluster at a time; by default one for each core of this machine.
    engine : str or Executor
        ``local``, ``dask``, ``slurm``, or an object with `jobs` and `outcomes`.
    out : str or Path, optional
        Folder; by default ``sweeps/NAME``.
    keep : str
        ``signals`` (population means and concentrations, and the summary), ``summary``, or ``file``: the trajectory of
        each run as well.
    design : mapping, optional
        The section `sweep` of an experiment file, such as ``{"sobol": {"samples": 64, "ranges": {...}}}``, in addition
        to `parameters`.
    mechanisms : sequence of Mechanism
        Custom mechanisms in addition to those of ketasim.
    progress : callable, optional
        Called with a `SweepProgress` at the beginning and after each run; returning False interrupts the sweep.
    yes : bool
        Run more than 1,000 runs, or what takes more than 10 GB.

    Returns
    -------
    xarray.Dataset
        As of `open_sweep`. Runs that failed are NaN; a warning counts them.

    Raises
    ------
    DocumentError
        A value is not valid.
    SweepError
        The folder holds another sweep; the message lists the keys that differ.
    ResourceError
        The sweep is large, or the machine too small.

    Examples
    --------
    >>> import ketasim, tempfile
    >>> experiment = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    >>> out = tempfile.mkdtemp() + "/doses"
    >>> found = ketasim.sweep(experiment, {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg"]}, jobs=1, out=out)
    >>> found["plasma_concentration"].sel(compound="S-ketamine").max("time").values.round().ravel()  # ng/mL
    array([ 52., 103.])
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(f"sweep takes an Experiment, such as ketasim.load_experiment('quick'), not {experiment!r}")
    executor_of(engine, 1)  # a wrong one is refused before a folder is made
    if arms is not None and not isinstance(arms, Mapping):
        raise TypeError(f"arms map names to changes, such as {{'drug': {{}}}}, not {arms!r}")
    given = dict(design or {})
    if twice := {*given.get("grid", {})} & {*(parameters or {})}:
        raise SweepError(f"{min(twice)} is varied twice, in parameters and in design")
    given["grid"] = {**given.get("grid", {}), **{path: _listed(path, one) for path, one in (parameters or {}).items()}}
    section = section_of({"replicates": replicates, "keep": keep, **given})
    here = engine == "local"
    begun = begin(experiment, section, arms, mechanisms=mechanisms, out=out, jobs=jobs, yes=yes, here=here)
    finish(begun, executor_of(engine, begun.jobs), progress)
    return open_sweep(begun.folder)


def _listed(path: str, values: Any) -> list[Any]:
    if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
        raise TypeError(f"{path} takes a list of values, such as [{values!r}]")
    return [value.item() if isinstance(value, np.generic) else value for value in values]


class Begun(NamedTuple):
    """A sweep whose folder and table exist."""

    folder: Path
    experiment: Experiment
    plan: Plan
    jobs: int


def begin(  # noqa: PLR0913 - what a sweep is
    experiment: Experiment,
    section: SweepSection,
    arms: Mapping[str, Mapping[str, Any]] | None,
    document: Document | None = None,
    *,
    mechanisms: Sequence[Mechanism] = (),
    out: str | Path | None = None,
    jobs: int | None = None,
    yes: bool = False,
    here: bool = True,
) -> Begun:
    """Make the folder of a sweep and its table of runs, or find them; parameters and errors as of `sweep`."""
    # as it is when the sweep goes on, so that both write the same text of the experiment into a trajectory
    given, own = experiment.given(), tuple(dict.fromkeys([*experiment.own_mechanisms, *mechanisms]))
    loaded, experiment = experiment.sha256, Experiment.from_given(given, own, experiment.own_exposures)
    if experiment.sha256 != loaded:
        raise SweepError("a file of the experiment has changed since it was loaded; load the experiment again")
    plan = plan_of(experiment, section, arms, document)
    folder = Path(out) if out is not None else Path("sweeps") / experiment.name
    folder = folder.expanduser()
    found = _is_sweep(folder)
    if found:
        _check_same(folder, experiment, plan)
    jobs = processes_of(experiment, plan, jobs, here)
    if not found:
        _compile_for(experiment)  # before a window is timed
        forecast = forecast_of(experiment, plan, folder, jobs)
        _LOGGER.info("%s: %s with %d process%s", folder, forecast, jobs, "es" if jobs > 1 else "")
        if not yes and (forecast.runs > MANY_RUNS or forecast.size > MANY_BYTES):
            raise ResourceError(f"the sweep has {forecast}; --yes (in Python yes=True) starts it")
        labels = (json.dumps(run.labels) for run in plan)
        facts = identity(experiment, plan) | {"experiment": json.dumps(given), "plan": plan.to_json()}
        Store.create(folder, facts, labels)
    return Begun(folder, experiment, plan, jobs)


def _is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep; SweepError if none can be made there."""
    try:
        if (folder / NAME).is_file():
            return True
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SweepError(f"{folder}: exists and is no sweep; give another folder")
        above = next(place for place in folder.absolute().parents if place.exists())
    except OSError as error:
        raise SweepError(f"{folder}: cannot be made: {reason_of(error)}") from error
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise SweepError(f"{folder}: cannot be made: {above} is {'read-only' if above.is_dir() else 'a file'}")
    return False


def resume_sweep(
    folder: str | Path,
    jobs: int | None = None,
    engine: str | Executor = "local",
    mechanisms: Sequence[Mechanism] = (),
    exposures: Sequence[Exposure] = (),
    progress: Callable[[SweepProgress], Any] | None = None,
) -> "xarray.Dataset":
    """Continue a sweep: run what is missing or failed and nothing else, and return the results.

    Parameters
    ----------
    folder : str or Path
        Folder of the sweep.
    jobs : int, optional
        Processes, or tasks of a cluster at a time.
    engine : str or Executor
        As of `sweep`.
    mechanisms, exposures : sequence of Mechanism, sequence of Exposure
        Custom mechanisms and exposures with which the sweep began.
    progress : callable, optional
        As of `sweep`.

    Raises
    ------
    SweepError
        There is no sweep, or ketasim, its parameters or a file that it reads changed since it began.
    """
    begun = continued(folder, jobs, mechanisms, exposures, engine == "local")
    finish(begun, executor_of(engine, begun.jobs), progress)
    return open_sweep(begun.folder)


def continued(
    folder: str | Path,
    jobs: int | None = None,
    mechanisms: Sequence[Mechanism] = (),
    exposures: Sequence[Exposure] = (),
    here: bool = True,
) -> Begun:
    """Return a sweep that was begun before, after checking that nothing it depends on has changed."""
    place = Path(folder).expanduser()
    facts = Store(place).facts()
    experiment = Experiment.from_given(json.loads(facts["experiment"]), mechanisms, exposures)
    plan = Plan.from_json(facts["plan"])
    _check_same(place, experiment, plan)
    return Begun(place, experiment, plan, processes_of(experiment, plan, jobs, here))


def finish(begun: Begun, executor: Executor, progress: Callable[[SweepProgress], Any] | None = None) -> None:
    """Run what is not done; runs that failed before are tried again.

    Parameters
    ----------
    begun : Begun
        The sweep.
    executor : Executor
        Where runs are computed.
    progress : callable, optional
        Called with a `SweepProgress`.
    """
    store, plan = Store(begun.folder), begun.plan
    with locked(begun.folder / "sweep"):
        (begun.folder / STOP).unlink(missing_ok=True)
        store.retry()
        left = np.flatnonzero(store.states() != DONE).tolist()
        if left:
            _compile_for(begun.experiment)
        files = files_read(begun.experiment, plan)
        tasks = (Task(begun.experiment, plan.run(number), begun.folder, plan.keep, files) for number in left)
        outcomes, watch = executor.outcomes(tasks), _Watch(plan.size, len(left), progress)
        try:
            watch.say()
            for outcome in outcomes:
                with HeldInterrupts():
                    store.add([outcome])
                watch.ended(outcome)
        except (KeyboardInterrupt, CancelledError) as why:
            for outcome in _stopped(outcomes):
                store.add([outcome])
            words = f"continue with ketasim.resume_sweep({str(begun.folder)!r})"
            if isinstance(why, CancelledError):
                raise CancelledError(f"cancelled; {words}") from None
            raise RunInterrupted(f"interrupted; {words}") from None
        finally:
            (begun.folder / STOP).unlink(missing_ok=True)


def _stopped(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Tell an executor that the sweep is interrupted, and yield what it still returns."""
    if not isinstance(outcomes, Generator):
        return
    with suppress(KeyboardInterrupt, StopIteration):
        yield outcomes.throw(KeyboardInterrupt)
        yield from outcomes


class _Watch:
    """Counts runs as they end, and tells a callback and the log."""

    def __init__(self, total: int, left: int, progress: Callable[[SweepProgress], Any] | None):
        self._done, self._failed, self._total, self._left = total - left, 0, total, left
        self._ended, self._begin, self._callback, self._lines = 0, time.monotonic(), progress, Lines()

    def ended(self, outcome: Outcome) -> None:
        """Count a run."""
        self._ended += 1
        self._done += outcome.state == DONE
        self._failed += outcome.state == FAILED
        if outcome.state == FAILED:
            _LOGGER.warning("run %d failed: %s", outcome.number, outcome.error)
        self.say()

    def say(self) -> None:
        """Tell how far the sweep is."""
        each = (time.monotonic() - self._begin) / self._ended if self._ended else np.nan
        found = SweepProgress(self._done, self._failed, self._total, each * (self._left - self._ended))
        if self._lines.due():
            left = f", about {about(found.left)} left" if found.left > 0.0 else ""  # not NaN
            PROGRESS.info("%s%s", found.words, left)
        if self._callback is not None and self._callback(found) is False:
            raise CancelledError("cancelled")


def check_complete(folder: Path) -> None:
    """Raise IncompleteSweepError, with counts and the first errors, unless all runs of a sweep are done."""
    runs = Store(folder).runs()
    counts = {state: int((runs["state"] == state).sum()) for state in (DONE, FAILED, WAITING)}
    if counts[DONE] == len(runs):
        return
    failed = runs[runs["state"] == FAILED]
    lines = [f"{counts[DONE]} runs done, {counts[FAILED]} failed, {counts[WAITING]} missing of {len(runs)}"]
    lines += [f"run {row.run}: {row.error}" for row in failed.head(_SHOWN).itertuples()]
    raise IncompleteSweepError("\n".join(lines))


def executor_of(engine: str | Executor, jobs: int, scheduler: str | None = None) -> Executor:
    """Return where runs are computed, by its name.

    Parameters
    ----------
    engine : str or Executor
        ``local``, ``dask`` or ``slurm``; an executor is returned as it is.
    jobs : int
        Processes, or tasks at a time.
    scheduler : str, optional
        Address of a dask scheduler, such as ``tcp://node:8786``.

    Raises
    ------
    SweepError
        There is no such engine, or its package is not installed.
    """
    if not isinstance(engine, str):
        if not (callable(getattr(engine, "outcomes", None)) and isinstance(getattr(engine, "jobs", None), int)):
            raise TypeError(f"an executor has jobs and outcomes(tasks); {engine!r} has not")
        return engine
    if engine == "local":
        return Local(jobs)
    if engine not in ENGINES:
        raise SweepError(unknown("engine", engine, ENGINES))
    try:
        if engine == "dask":
            from ketasim.ensembles.dask import Dask

            return Dask(jobs, scheduler)
        from ketasim.ensembles.slurm import Slurm

        return Slurm(jobs)
    except ImportError as error:
        raise SweepError(f"the engine {engine} needs {error.name}: pip install 'ketasim[{engine}]'") from error


def files_read(experiment: Experiment, plan: Plan) -> dict[str, str]:
    """Return the digest of every file of networks and drugs that runs read, by path."""
    paths = [path for one in (experiment, *plan.with_other_files(experiment)) for path in one.inputs]
    return {str(path): file_digest(path) for path in dict.fromkeys(paths)}


def identity(experiment: Experiment, plan: Plan) -> dict[str, str]:
    """Return what must be the same for a sweep to go on, as text by name."""
    packages = {name: found for name, found in environment().items() if name in ("numpy", "scipy", "numba")}
    resolved = {key: value for key, value in experiment.resolved().items() if key not in _NO_RESULT}
    own = {f"code of {one.name}": own_code(one) for one in experiment.own_mechanisms}
    own |= {f"code of {one.kind}": own_code(one) for one in experiment.own_exposures}
    swept = [digest for path, digest in files_read(experiment, plan).items() if path not in map(str, experiment.files)]
    return {
        "ketasim": __version__,
        "code": code_digest(*CODE),
        "drugs": catalogue_digest(experiment.catalogue),
        "files": text_digest(" ".join([experiment.sha256, *swept])),
        "settings": json.dumps(resolved, sort_keys=True),
        "axes": plan.to_json(),
    } | (packages | own)


def _check_same(folder: Path, experiment: Experiment, plan: Plan) -> None:
    """Refuse to continue a sweep of something else."""
    before, now = Store(folder).facts(), identity(experiment, plan)
    differing = [name for name in now if before.get(name) != now[name]]
    if not differing:
        return
    words = []
    for name in ("settings", "axes"):
        if name in differing:
            ours, theirs = (dict(leaves(json.loads(text[name]))) for text in (now, before))
            keys = [key for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)]
            words += [f"{key}: {shown(theirs.get(key))} there, {shown(ours.get(key))} here" for key in keys[:_SHOWN]]
    words += [f"{name} changed since" for name in differing if name not in ("settings", "axes", "files")]
    if not words:
        words = ["a file that the experiment reads changed since"]
    raise SweepError(f"{folder}: holds another sweep:\n  " + "\n  ".join(words) + "\ngive another folder")


def _compile_for(experiment: Experiment) -> None:
    """Compile kernels in this process, so that workers find them in the cache."""
    if experiment.network is not None and not compiled_before():
        compile_kernels()
