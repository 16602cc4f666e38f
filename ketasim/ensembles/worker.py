"""One run of a sweep, wherever it is computed: from the plan's run to what is kept of it."""

import json
import time
import traceback
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from ketasim.analysis.summary import is_run, signals_of, summary_of
from ketasim.config import Experiment
from ketasim.digests import file_digest
from ketasim.documents import DocumentError, KetasimError
from ketasim.ensembles.plan import Run, experiment_of
from ketasim.ensembles.store import ATTRIBUTES, DONE, FAILED, WAITING, Outcome, Signal, SweepError
from ketasim.kernels.jit import processor
from ketasim.pipeline import CancelledError, resume, run
from ketasim.simulation.cost import memory_is_checked
from ketasim.storage import Trajectory
from ketasim.storage.checkpoint import CheckpointError, LockedError, checkpoint_path, remove_checkpoint
from ketasim.storage.datasets import part_path

#: A file in the sweep's folder; while it is there, runs stop at the end of their window and no new one begins.
STOP = "stop"

#: Runs in one folder.
_IN_FOLDER = 1000


class Task(NamedTuple):
    """A run and what is needed to compute it.

    Attributes
    ----------
    experiment : Experiment
        What all runs of the sweep have in common.
    run : Run
        The run.
    folder : Path
        Folder of the sweep.
    keep : str
        ``file``, ``signals`` or ``summary``.
    files : mapping of str to str
        Digest of every file that runs read, by path, when the sweep began.
    """

    experiment: Experiment
    run: Run
    folder: Path
    keep: str
    files: Mapping[str, str] = MappingProxyType({})


def file_of(folder: Path, number: int) -> Path:
    """Return where the trajectory of a run is kept, or is while it is being computed."""
    return folder / "runs" / f"{number // _IN_FOLDER:03d}" / f"{number:06d}.h5"


def perform(task: Task) -> Outcome:
    """Compute a run, or what is left of it, and return what is kept; an error becomes a failed outcome.

    A run with a network is a file with checkpoints while it is computed, so that little is lost by a kill; it is
    removed at the end unless files are kept.
    """
    begin, number = time.perf_counter(), task.run.number
    facts: dict[str, Any] = {"processor": processor()}
    try:
        with _computed(task) as trajectory:
            facts |= {"digest": trajectory.attributes["content_sha256"], "summary": _summary(trajectory)}
            if task.keep != "summary":
                facts["signals"] = _signals(trajectory)
        if task.keep != "file" and trajectory.path is not None:
            trajectory.path.unlink(missing_ok=True)
        state = DONE
    except (CancelledError, LockedError):  # the latter: a job of an earlier attempt still computes it
        state = WAITING
    except (DocumentError, KetasimError) as error:
        state, facts["error"] = FAILED, str(error)
    except Exception as error:
        state, facts["error"] = FAILED, _traced(error)
    return Outcome(number, state, time.perf_counter() - begin, **facts)


def _check_files(task: Task, experiment: Experiment) -> None:
    for path in experiment.inputs:
        if str(path) in task.files and file_digest(path) != task.files[str(path)]:
            raise SweepError(f"{path} has changed since the sweep began; put it back, or begin another sweep")


def _computed(task: Task) -> Trajectory:
    _check_files(task, task.experiment)
    experiment = experiment_of(task.experiment, task.run)
    _check_files(task, experiment)
    stop = task.folder / STOP

    def go_on(_: Any) -> bool:
        return not stop.exists()

    with memory_is_checked():
        if experiment.network is None and task.keep != "file":
            return run(experiment, progress=go_on)
        file = file_of(task.folder, task.run.number)
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() or checkpoint_path(file).exists():
            try:
                return resume(file, None, experiment.own_mechanisms, go_on, exposures=experiment.own_exposures)
            except CheckpointError:  # of another version or damaged; the run begins anew
                for one in (file, part_path(file)):
                    one.unlink(missing_ok=True)
                remove_checkpoint(file)
        return run(experiment, file, progress=go_on, force=True)


def _traced(error: Exception) -> str:
    """Words for an error that nobody foresaw, with where it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"


def _summary(trajectory: Trajectory) -> list[tuple[Any, ...]]:
    rows = summary_of(trajectory).itertuples(index=False)
    return [tuple(None if isinstance(value, float) and isnan(value) else value for value in row) for row in rows]


def _signals(trajectory: Trajectory) -> dict[str, Signal]:
    """Signals of the subject and of populations, from the begin of the run."""
    found = {}
    for name, array in signals_of(trajectory).items():
        rows = array.isel(time=is_run(array))
        layout: dict[str, Any] = {key: str(rows.attrs[key]) for key in ATTRIBUTES if key in rows.attrs}
        if rows.ndim > 1:
            axis = str(rows.dims[1])
            layout |= {"dim": axis, "labels": rows[axis].values.tolist()}
            layout["beside"] = {
                str(key): one.values.tolist() for key, one in rows.coords.items() if one.dims == (axis,) and key != axis
            }
        found[name] = Signal(np.asarray(rows["time"].values), np.asarray(rows.values), json.dumps(layout))
    return found
