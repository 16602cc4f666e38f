"""Runs of a sweep as array jobs of SLURM, through submitit.

Outcomes pass through files in the sweep's folder, so that jobs may outlive the process that submitted them: the next
one finds what they left, and waits for those that still compute. Which jobs there are is asked of `squeue`; submitit
asks `sacct`, which knows nothing without accounting, so that a cancelled job would be waited for for ever.
"""

import logging
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import submitit
from submitit.core.utils import FailedJobError

from ketasim.ensembles.local import ONE_THREAD
from ketasim.ensembles.store import WAITING, Outcome, SweepError, read_outcome, write_outcome
from ketasim.ensembles.worker import STOP, Task, perform

_LOGGER = logging.getLogger("ketasim")

#: s between two looks at the folder of outcomes and at the queue, and that a file may take to appear on other nodes.
_LOOK, _ASK, _APPEARS = 1.0, 15.0, 30.0

#: Jobs of one array; SLURM's own limit is 1001 unless a site has set another.
_IN_ARRAY = 1000

#: Times that a job may reach its limit of time; each time it goes on from the checkpoint of its run.
_LIMITS = 100

#: End of the names of files that submitit makes of jobs; begins of lines of theirs that follow the reason of an end.
_SUBMITTED, _NO_REASON = "_submitted.pkl", ("srun:", "submitit ")


class Chunk(submitit.helpers.Checkpointable):
    """Runs that a job computes one after the other; each leaves a file with its outcome.

    SLURM starts a job again that was preempted, whose node failed, or that has reached its limit of time. A run that
    has a file is not repeated then.

    Parameters
    ----------
    tasks : sequence of Task
        The runs.
    """

    def __init__(self, tasks: Sequence[Task]):
        self.tasks = tasks

    def __call__(self) -> None:
        """Compute the runs."""
        for task in self.tasks:
            file = _file_of(task.folder, task.run.number)
            if file.exists() or _stored(file).exists() or (task.folder / STOP).exists():
                continue
            outcome = perform(task)
            if outcome.state != WAITING:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_outcome(file, outcome)


class _Job(NamedTuple):
    job: Any  #: of submitit
    runs: set[int]


def _of(job: Any, chunk: Chunk) -> _Job:
    return _Job(job, {task.run.number for task in chunk.tasks})


class Slurm:
    """Array jobs, each of which computes several runs one after the other.

    Parameters
    ----------
    jobs : int
        Jobs at a time.
    runs : int
        Runs of a job, which share a scheduler's delay of a minute or so; more if there would be more than 1,000 jobs.
    cluster : str
        ``slurm``; ``local`` for subprocesses of this machine without a scheduler.
    **parameters : Any
        Of `submitit.AutoExecutor.update_parameters`, such as ``slurm_partition``, ``timeout_min`` and ``mem_gb``.

    Raises
    ------
    SweepError
        The commands of SLURM are not on this machine.
    """

    def __init__(self, jobs: int, runs: int = 8, cluster: str = "slurm", **parameters: Any):
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise SweepError("there is no SLURM on this machine: the command sbatch is missing")
        self.jobs, self._runs, self._cluster = jobs, runs, cluster
        self._parameters = {"name": "ketasim", "timeout_min": 720, "cpus_per_task": 1, **parameters}

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Yield outcomes as files of them appear; an interruption lets jobs stop after their windows."""
        waiting = {task.run.number: task for task in tasks}
        if not waiting:
            return
        folder, left = next(iter(waiting.values())).folder, set(waiting)
        running = self._found(folder)
        _forget(folder)  # what waits among the stored runs has failed and is tried again
        yield from _collected(folder, left)  # of jobs that ended after the process that submitted them
        chunks = self._chunks([waiting[number] for number in sorted(left.difference(*(one.runs for one in running)))])
        executor, asked, missed = self._executor(folder), 0.0, dict[str, float]()
        try:
            while True:
                running += self._submitted(executor, chunks, self.jobs - len(running))
                yield from _collected(folder, left)
                if time.monotonic() - asked > _ASK:
                    asked, alive = time.monotonic(), self._alive([one.job for one in running])
                    missed = {
                        one.job.job_id: missed.get(one.job.job_id, asked)
                        for one in running
                        if one.job.job_id not in alive
                    }
                running = [one for one in running if not _has_ended(one, left, missed)]
                if not running and not chunks:
                    _forget(folder)
                    return
                time.sleep(_LOOK)
        except KeyboardInterrupt:
            (folder / STOP).touch()
            jobs = [one.job for one in running]
            if self._cluster == "slurm" and jobs:
                subprocess.run(["scancel", "--state=PENDING", *(job.job_id for job in jobs)], check=False)
            while self._alive(jobs):
                time.sleep(_LOOK)
            yield from _collected(folder, left)
            raise

    def _found(self, folder: Path) -> list[_Job]:
        """Return jobs in the queue whose process is gone."""
        if self._cluster != "slurm":
            return []
        ids = [file.name.removesuffix(_SUBMITTED) for file in (folder / "jobs").glob(f"*{_SUBMITTED}")]
        jobs: list[Any] = [submitit.SlurmJob(folder / "jobs", one) for one in ids]
        alive = self._alive(jobs)
        return [_of(job, job.submission().function) for job in jobs if job.job_id in alive]

    def _alive(self, jobs: Sequence[Any]) -> set[str]:
        """Return the ids of jobs that wait or run, or of all if that cannot be known now."""
        if self._cluster != "slurm" or not jobs:
            return {job.job_id for job in jobs if not job.done()}
        ours, command = {job.job_id for job in jobs}, ["squeue", "--me", "--array", "--noheader", "--format=%i"]
        queue = subprocess.run(command, capture_output=True, text=True, check=False)
        return ours if queue.returncode else ours & set(queue.stdout.split())

    def _chunks(self, tasks: Sequence[Task]) -> list[Chunk]:
        runs = max(self._runs, -(-len(tasks) // _IN_ARRAY))
        return [Chunk(tasks[first : first + runs]) for first in range(0, len(tasks), runs)]

    def _executor(self, folder: Path) -> Any:
        executor = submitit.AutoExecutor(folder / "jobs", cluster=self._cluster, slurm_max_num_timeout=_LIMITS)
        executor.update_parameters(**self._parameters)
        setup = [f"export {name}={value}" for name, value in ONE_THREAD.items()]
        setup += self._parameters.get("slurm_setup", [])
        executor.update_parameters(slurm_array_parallelism=self.jobs, slurm_setup=setup)
        return executor

    def _submitted(self, executor: Any, chunks: list[Chunk], room: int) -> list[_Job]:
        """Submit what SLURM holds back itself, or without it as many as there is room for."""
        now = chunks[: len(chunks) if self._cluster == "slurm" else max(room, 0)]
        if not now:
            return []
        try:
            jobs = executor.submit_array(now)
        except FailedJobError as error:
            raise SweepError(f"SLURM refuses the jobs: {error}") from error
        del chunks[: len(now)]
        return [_of(job, chunk) for job, chunk in zip(jobs, now, strict=True)]


def _file_of(folder: Path, number: int) -> Path:
    return folder / "outcomes" / f"{number:06d}.npz"


def _stored(file: Path) -> Path:
    """Return the file that takes the place of an outcome's, and tells a job that is started again what is done."""
    return file.with_suffix(".stored")


def _collected(folder: Path, left: set[int]) -> Iterator[Outcome]:
    """Yield outcomes of runs that are left; each is stored when the next one is asked for."""
    for file in sorted((folder / "outcomes").glob("*.npz")):
        if int(file.stem) in left:
            yield read_outcome(file)
            left.discard(int(file.stem))
        _stored(file).touch()
        file.unlink()


def _forget(folder: Path) -> None:
    for file in (folder / "outcomes").glob("*.stored"):
        file.unlink()


def _has_ended(one: _Job, left: set[int], missed: dict[str, float]) -> bool:
    """Whether a job's outcomes are all here, or will not come: it is in the queue no more. Then say why."""
    undone = one.runs & left
    if undone and time.monotonic() - missed.get(one.job.job_id, float("inf")) < _APPEARS:
        return False
    if undone:
        lines = [line for line in (one.job.stderr() or "").splitlines() if not line.startswith(_NO_REASON)]
        why, many = lines[-1] if lines else "it is no longer in the queue", "s" if len(undone) > 1 else ""
        _LOGGER.warning("job %s left %d run%s undone: %s", one.job.job_id, len(undone), many, why)
    return True
