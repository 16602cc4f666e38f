"""Runs of a sweep on a dask cluster: one of this machine's processes, or a scheduler's."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from dask.distributed import Client, KilledWorker, LocalCluster, as_completed

from ketasim.ensembles.local import ONE_THREAD
from ketasim.ensembles.store import FAILED, WAITING, Outcome
from ketasim.ensembles.worker import STOP, Task, perform

#: Tasks handed to the scheduler for each process, so that a large sweep is not all in its memory.
_AHEAD = 2


class Dask:
    """Workers of a dask cluster, each of which needs ketasim and the sweep's folder at the same path.

    Parameters
    ----------
    jobs : int
        Processes of a cluster on this machine, or tasks at a time on a scheduler's.
    scheduler : str, optional
        Address such as ``tcp://node:8786``; without one, processes of this machine.
    """

    def __init__(self, jobs: int, scheduler: str | None = None):
        self.jobs, self._scheduler = jobs, scheduler

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:
        """Yield outcomes as runs end; dask repeats the runs of a worker that was killed, up to three times."""
        if self._scheduler is not None:
            with Client(self._scheduler) as client:
                yield from self._outcomes(client, tasks)
            return
        settings: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
        with (
            LocalCluster(self.jobs, env=ONE_THREAD, **settings) as cluster,
            Client(cluster) as client,
        ):
            yield from self._outcomes(client, tasks)

    def _outcomes(self, client: Client, tasks: Iterator[Task]) -> Iterator[Outcome]:
        running: dict[Any, Task] = {}

        def submitted(task: Task) -> Any:
            future = client.submit(perform, task, key=f"ketasim-{task.folder.name}-{task.run.number}", pure=False)
            running[future] = task
            return future

        waiting = as_completed([submitted(task) for task in islice(tasks, _AHEAD * self.jobs)])
        try:
            for future in waiting:
                task = running.pop(future)
                try:
                    outcome = future.result()
                except KilledWorker as error:
                    outcome = Outcome(task.run.number, FAILED, error=f"its workers were killed: {error}")
                yield outcome
                for task in islice(tasks, 1):
                    waiting.add(submitted(task))
        except KeyboardInterrupt:
            for task in islice(running.values(), 1):
                (task.folder / STOP).touch()
            client.cancel([future for future in running if future.status == "pending"], force=False)
            for future, task in running.items():
                yield _of_stopped(future, task)
            raise


def _of_stopped(future: Any, task: Task) -> Outcome:
    try:
        outcome: Outcome = future.result(timeout=60)
        return outcome
    except Exception:
        return Outcome(task.run.number, WAITING)
