"""What a sweep will take: processes, time, disk."""

import json
import logging
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.filesize import decimal

from ketasim.config import Experiment
from ketasim.documents.units import about
from ketasim.ensembles.plan import ARM, Plan, experiment_of, of_network
from ketasim.simulation import Simulation
from ketasim.simulation.cost import (
    ResourceError,
    Size,
    file_of,
    free_disk,
    free_memory,
    memory_of,
    size_of,
    wall_time_of,
)

_LOGGER = logging.getLogger("ketasim")

#: Bytes per run, and per row with and without a network, of signals in the database.
_RUN, _ROW, _ROW_ALONE = 2.5e3, 450.0, 125.0


class Forecast(NamedTuple):
    """What a sweep will take.

    Attributes
    ----------
    runs : int
        Number of runs.
    seconds : float
        Wall time with all processes.
    size : float
        Bytes that are kept.
    """

    runs: int
    seconds: float
    size: float

    def __str__(self) -> str:
        runs = f"{self.runs:,} run{'s' * (self.runs > 1)}"
        return f"{runs}, about {about(self.seconds)}, {decimal(round(self.size))} on disk"


def processes_of(experiment: Experiment, plan: Plan, jobs: int | None, here: bool = True) -> int:
    """Return how many processes compute a sweep at a time: one for each core, or as many as asked for.

    Parameters
    ----------
    experiment : Experiment
        What all runs have in common.
    plan : Plan
        The runs.
    jobs : int, optional
        Processes asked for.
    here : bool
        Whether they share the memory of this machine, which is then checked once for all of them.

    Raises
    ------
    ResourceError
        Memory does not suffice for one run.
    """
    wanted = max(1, min(jobs or os.cpu_count() or 1, plan.size))
    if not here:
        return wanted
    memory = max(memory_of(size_of(one), one) for one in _samples(experiment, plan))
    free = free_memory()
    if memory > free:
        raise ResourceError(f"a run needs about {decimal(round(memory))} of memory, {decimal(round(free))} are free")
    if free < memory * wanted:
        _LOGGER.info("memory suffices for %d processes at a time", int(free / memory))
    return min(wanted, int(free / memory))


def forecast_of(experiment: Experiment, plan: Plan, folder: Path, jobs: int) -> Forecast:
    """Return what a sweep will take with so many processes, from the first run of each arm and the last run.

    Notes on these runs are logged, each once.

    Raises
    ------
    ResourceError
        The disk does not suffice for what is kept.
    """
    chosen = _samples(experiment, plan)
    kept = float(np.mean([_kept(one, size_of(one), plan.keep) for one in chosen])) * plan.size
    room = free_disk(folder)
    if kept > room:
        raise ResourceError(f"{folder} will take about {decimal(round(kept))}, {decimal(round(room))} are free there")
    times: list[tuple[float, float]] = []
    notes: dict[str, None] = {}
    for one in chosen:
        simulation = Simulation(one)
        notes |= dict.fromkeys(simulation.notes[simulation.logged :])
        times.append(wall_time_of(simulation))
    for note in notes:
        _LOGGER.info(note)
    runs, baselines = np.mean(times, axis=0)
    return Forecast(plan.size, float(runs * plan.size + baselines * baselines_of(plan)) / jobs, kept)


def baselines_of(plan: Plan) -> int:
    """Return how many different baselines the runs have: runs of one network, with one seed, share theirs."""
    arms = {json.dumps({path: one for path, one in arm.items() if of_network(path)}) for arm in plan.arms.values()}
    varied = [len(axis) for axis in plan.axes if any(map(of_network, axis.columns))]
    return max(1, len(arms)) * math.prod(varied)


def _samples(experiment: Experiment, plan: Plan) -> list[Experiment]:
    """Return experiments that stand for all: the first run of each arm and the last of all."""
    after = [axis.name for axis in plan.axes].index(ARM) + 1 if plan.arms else 0
    step = math.prod(plan.shape[after:])
    numbers = {*range(0, step * max(1, len(plan.arms)), step), plan.size - 1}
    return [experiment_of(experiment, plan.run(number)) for number in sorted(numbers)]


def _kept(experiment: Experiment, size: Size, keep: str) -> float:
    """Bytes that are kept of a run."""
    signals = size.rows * (_ROW if size.nodes else _ROW_ALONE) if keep != "summary" else 0.0
    return _RUN + signals + (file_of(size, experiment) if keep == "file" else 0.0)
