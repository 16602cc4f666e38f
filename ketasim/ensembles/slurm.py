"""Runs of a sweep as array jobs of SLURM, through submitit.

Outcomes pass through files in the sweep's folder, so that jobs that end after the process that submitted them was
killed are not lost: the next one finds them.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import submitit

from ketasim.ensembles.local import ONE_THREAD
from ketasim.ensembles.store import Outcome, read_outcome, write_outcome
from ketasim.ensembles.worker import STOP, Task, perform

_LOGGER = logging.getLogger("ketasim")

#: s between two looks at the folder of outcomes, and that a file may take to appear on other nodes.
_LOOK, _APPEARS = 1.0, 30.0


class Slurm:
    """Array jobs, each of which computes several runs one after the other.

    Parameters
    ----------
    jobs : int
        Jobs at a time.
    runs : int
        Runs of a job, which share a scheduler's delay of a minute or so.
    cluster : str
        ``slurm``; ``local`` for subprocesses of this machine without a scheduler.
    **parameters : Any
        Of `submitit.AutoExecutor.update_parameters`, such as ``slurm_partition`` and ``timeout_min``.
    """

    def __init__(self, jobs: int, runs: int = 8, cluster: str = "slurm", **parameters: Any):
        self.jobs, self._runs, self._cluster = jobs, runs, cluster
        self._parameters = {"timeout_min": 720, "cpus_per_task": 1, **parameters}

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:  # noqa: C901 - one loop and its accidents
        """Yield outcomes as files of them appear; an interruption lets jobs stop after their windows."""
        waiting = list(tasks)
        if not waiting:
            return
        folder, seen = waiting[0].folder, set[int]()
        for outcome in _collected(folder):  # of jobs that ended after the process that submitted them
            seen.add(outcome.number)
            yield outcome
        waiting = [task for task in waiting if task.run.number not in seen]
        chunks = [waiting[first : first + self._runs] for first in range(0, len(waiting), self._runs)]
        running: list[tuple[Any, Sequence[Task]]] = []
        executor = self._executor(folder)
        try:
            if self._cluster == "slurm" and chunks:
                running, chunks = list(zip(executor.map_array(perform_all, chunks), chunks, strict=True)), []
            while running or chunks:
                while chunks and len(running) < self.jobs:
                    running.append((executor.submit(perform_all, chunks[0]), chunks.pop(0)))
                time.sleep(_LOOK)
                ended = [pair for pair in running if pair[0].done()]
                running = [pair for pair in running if pair not in ended]
                for job, chunk in ended:
                    _wait_for_files(job, chunk, seen)
                for outcome in _collected(folder):
                    seen.add(outcome.number)
                    yield outcome
        except KeyboardInterrupt:
            (folder / STOP).touch()
            for job, _ in running:
                if job.state in ("PENDING", "UNKNOWN"):
                    job.cancel()
                else:
                    job.wait()
            yield from _collected(folder)
            raise

    def _executor(self, folder: Path) -> Any:
        executor = submitit.AutoExecutor(folder / "jobs", cluster=self._cluster)
        executor.update_parameters(**self._parameters)
        if self._cluster == "slurm":
            setup = [f"export {name}={value}" for name, value in ONE_THREAD.items()]
            executor.update_parameters(slurm_array_parallelism=self.jobs, slurm_setup=setup)
        return executor


def perform_all(tasks: Sequence[Task]) -> None:
    """Compute runs one after the other, and leave a file of each outcome; what has one already is not repeated."""
    for task in tasks:
        file = _file_of(task.folder, task.run.number)
        if not file.exists() and not (task.folder / STOP).exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_outcome(file, perform(task))


def _file_of(folder: Path, number: int) -> Path:
    return folder / "outcomes" / f"{number:06d}.npz"


def _collected(folder: Path) -> Iterator[Outcome]:
    """Yield outcomes of files, and remove each once its outcome has been stored: when the next one is asked for."""
    for file in sorted((folder / "outcomes").glob("*.npz")):
        yield read_outcome(file)
        file.unlink()


def _wait_for_files(job: Any, chunk: Sequence[Task], seen: set[int]) -> None:
    """Give the file system of a cluster time to show what a job wrote; say why a job wrote less."""
    error, until = job.exception(), time.monotonic() + _APPEARS

    def missing() -> list[int]:
        return [
            task.run.number
            for task in chunk
            if task.run.number not in seen and not _file_of(task.folder, task.run.number).exists()
        ]

    while error is None and missing() and time.monotonic() < until:
        time.sleep(_LOOK)
    if missing():
        _LOGGER.warning(
            "job %s left %d runs undone: %s", job.job_id, len(missing()), error or "their files are missing"
        )


def executor(jobs: int, scheduler: str | None) -> Slurm:
    """Return the executor of the cluster whose commands are on this machine."""
    return Slurm(jobs)
