"""Runs of a sweep in processes of this machine."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from typing import Any

from ketasim.ensembles.store import FAILED, WAITING, Outcome
from ketasim.ensembles.worker import STOP, Task, perform

#: Libraries that would start a thread for each core in every process.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMBA")}

#: Deaths of a process that computed nothing else, after which a run counts as failed.
MOST_DEATHS = 3

#: s between two looks at whether the parent is alive.
_LOOK = 1.0


class Local:
    """Worker processes of this machine; with one job, runs are computed in this process.

    Parameters
    ----------
    jobs : int
        Number of processes.
    """

    def __init__(self, jobs: int):
        self.jobs = jobs

    def outcomes(self, tasks: Iterator[Task]) -> Iterator[Outcome]:  # noqa: C901 - one loop and its accidents
        """Yield outcomes as runs end; after an interruption, those of the runs that stop at their next window."""
        if self.jobs == 1:
            yield from map(perform, tasks)
            return
        suspects: list[Task] = []  # were running when a process was killed; each runs again alone
        deaths: Counter[int] = Counter()
        pool = _pool(self.jobs)
        running: dict[Future[Outcome], Task] = {}
        try:
            while True:
                try:
                    for task in _next(tasks, suspects, running, self.jobs):
                        try:
                            running[pool.submit(perform, task)] = task
                        except BrokenProcessPool:
                            suspects += [task] if task not in suspects else []
                            raise
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        outcome = future.result()
                        suspects = [task for task in suspects if task.run.number != outcome.number]
                        del running[future]
                        yield outcome
                except BrokenProcessPool:  # a process was killed, and all futures are lost
                    pool.shutdown(wait=False, kill_workers=True)
                    lost, running = [task for future, task in running.items() if not _is_done(future)], _kept(running)
                    if lost != suspects[:1]:
                        suspects += [task for task in lost if task not in suspects]
                    else:  # it was alone
                        deaths[lost[0].run.number] += 1
                        if deaths[lost[0].run.number] >= MOST_DEATHS:
                            yield _dead(suspects.pop(0))
                    pool = _pool(self.jobs)
        except KeyboardInterrupt:
            yield from _stopped(running)
            raise
        finally:
            pool.shutdown(wait=True, kill_workers=True)


def _next(
    tasks: Iterator[Task], suspects: Sequence[Task], running: "Mapping[Future[Outcome], Task]", jobs: int
) -> Iterator[Task]:
    """Yield tasks to submit now: a suspect alone, or one more than there are processes, so that none waits."""
    if suspects:
        if not running:
            yield suspects[0]
        return
    yield from islice(tasks, jobs + 1 - len(running))


def _pool(jobs: int) -> Any:
    from loky import ProcessPoolExecutor

    return ProcessPoolExecutor(jobs, initializer=_begin, initargs=(os.getpid(),), env=ONE_THREAD)


def _is_done(future: "Future[Outcome]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _kept(running: "dict[Future[Outcome], Task]") -> "dict[Future[Outcome], Task]":
    return {future: task for future, task in running.items() if _is_done(future)}


def _dead(task: Task) -> Outcome:
    words = f"its process was killed {MOST_DEATHS} times, perhaps for lack of memory; fewer jobs need less"
    return Outcome(task.run.number, FAILED, error=words)


def _stopped(running: "dict[Future[Outcome], Task]") -> Iterator[Outcome]:
    """Let runs stop at the end of their windows, and yield what they return."""
    if not running:
        return
    (next(iter(running.values())).folder / STOP).touch()
    waiting = [future for future in running if not future.cancel()]
    for future in waiting:
        try:
            yield future.result()
        except BrokenProcessPool:
            yield Outcome(running[future].run.number, WAITING)


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent, which the terminal interrupts as well, and end with it if it is killed."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)

    def watch() -> None:
        import psutil

        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(parent)
            while process.status() != psutil.STATUS_ZOMBIE:  # killed, and not missed by its own parent yet
                time.sleep(_LOOK)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
