"""Going on with an interrupted run: when its state is stored, what is found of one, and whether it may go on."""

import logging
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np

from ketasim import __version__
from ketasim.config import Experiment
from ketasim.mechanisms import Mechanism
from ketasim.nested import flattened, part_of
from ketasim.network.topology import Topology
from ketasim.recording.provenance import identity
from ketasim.recording.recorder import GraphRecorder, Recorder
from ketasim.simulation import Simulation
from ketasim.storage import sonata
from ketasim.storage.checkpoint import (
    CheckpointError,
    checkpoint_path,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from ketasim.storage.datasets import StorageError, TrajectoryNotFoundError, native, part_path
from ketasim.storage.reader import open_file
from ketasim.storage.writer import TrajectoryWriter, complete_after_all

_LOGGER = logging.getLogger("ketasim")


class RefusedError(CheckpointError):
    """What would go on is not what was interrupted."""

    exit_code = 2


class Interrupted(NamedTuple):
    """A run as its checkpoint has it.

    experiment : what is run, with the own mechanisms that it was loaded with.
    graph : the graph that was given in its network's place, or None.
    mechanisms : own mechanisms that were given to the run beside.
    header, arrays : of the checkpoint; no arrays if no state had been reached.
    """

    experiment: Experiment
    graph: Any
    mechanisms: tuple[Mechanism, ...]
    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def check(self, simulation: Simulation, force: bool) -> list[str]:
        """Return in words what differs from the run that was interrupted.

        Raises
        ------
        RefusedError
            Something does, and it is not forced.
        """
        then, now = self.header["identity"], identity(simulation)
        found = [f"{name} was {then.get(name)}, is {now[name]}" for name in now if then.get(name) != now[name]]
        if found and not force:
            listed = "\n  ".join(_shortened(words) for words in found)
            raise RefusedError(
                f"the run can't go on to the same bits, for these differ from when it began:\n  {listed}\n"
                "resume it with what it began with, or --force, which is noted in the file"
            )
        return found


def interrupted_run(target: Path, graph: Any, mechanisms: Sequence[Mechanism]) -> Interrupted | None:
    """Return the interrupted run of a trajectory OUT.h5; None if it is complete.

    A run that was interrupted while its file got its final name is completed here.

    Raises
    ------
    TrajectoryNotFoundError
        There is neither a run nor what is left of one.
    CheckpointError
        There is no checkpoint, or it is damaged.
    RefusedError
        Own mechanisms or a graph are wanted and not given.
    """
    checkpoint, part = read_checkpoint(target), part_path(target)
    if checkpoint is None:
        if target.exists():
            _check_finished(target)
            return None
        if part.exists():
            raise CheckpointError(
                f"{part}: there is no {checkpoint_path(target).name} beside it; it can be read, but not go on; "
                "`ketasim run ... --force` starts over"
            )
        raise TrajectoryNotFoundError(f"{target}: no such file, and nothing of an interrupted run")
    header = checkpoint.header
    if _is_complete(target, header["run_id"]):
        remove_checkpoint(target)
        return None
    if _is_complete(part, header["run_id"]):
        complete_after_all(part)
        remove_checkpoint(target)
        return None
    if graph is not None and not header["graph_given"]:
        raise RefusedError("the run was started without a graph; ketasim.resume(...) takes none")
    own, beside = _own_mechanisms(header, mechanisms)
    experiment = Experiment.from_given(header["experiment"], own)
    if header["graph_given"] and graph is None:
        graph = _graph_of(part, header["run_id"])
    return Interrupted(experiment, graph, beside, header, checkpoint.arrays)


class Checkpointer:
    """Stores the state of a run, at intervals of wall time and when it is interrupted; not of one in memory.

    Parameters
    ----------
    target : path OUT.h5, or a BytesIO.
    experiment : what is run.
    graph_given : whether a graph was given in the place of the experiment's network.
    mechanisms : names of the own mechanisms that were given to the run.
    found : the interrupted run that goes on, or None.

    Attributes
    ----------
    marks : attributes of the trajectory file that tie it to the checkpoint.
    forced : in words, what differed where the run was made to go on nevertheless.
    """

    def __init__(
        self,
        target: Path | BytesIO,
        experiment: Experiment,
        graph_given: bool,
        mechanisms: Sequence[str],
        found: Interrupted | None = None,
    ) -> None:
        self._target, self._interval = target, experiment.schedule.checkpoint
        self._last = time.monotonic()
        self._watching = False
        self.marks = {"name": experiment.name, "run_id": found.header["run_id"] if found else str(uuid4())}
        self.forced: list[str] = list(found.header.get("forced", ())) if found else []
        self._header: dict[str, Any] = {
            "identity": found.header["identity"] if found else {"ketasim": __version__},
            "run_id": self.marks["run_id"],
            "experiment": experiment.given() if isinstance(target, Path) else {},
            "graph_given": graph_given,
            "own_mechanisms": [one.name for one in experiment.own_mechanisms],
            "mechanisms": list(mechanisms),
        }

    def write_start(self) -> None:
        """Store what is to be run, before anything is computed."""
        if isinstance(self._target, Path):
            write_checkpoint(self._target, self._header, {})

    def watch(
        self, simulation: Simulation, writer: TrajectoryWriter, recorder: Recorder, graph_recorder: GraphRecorder
    ) -> None:
        """Take these for the state that is stored from now on."""
        self._simulation, self._writer = simulation, writer
        self._recorder, self._graph_recorder = recorder, graph_recorder
        self._watching = isinstance(self._target, Path)
        if self._watching:
            self._header["identity"] = identity(simulation)

    def restore(self, found: Interrupted) -> None:
        """Bring what is watched to the state of an interrupted run; the writer was opened with it."""
        self._simulation.state = part_of(found.arrays, "simulation")
        self._recorder.state = found.header["recorder"]
        self._graph_recorder.state = found.header["graph_recorder"]
        if self._simulation.sampler is not None:
            self._simulation.sampler.wall_time = found.header["wall_time_network"]

    def write_if_due(self) -> None:
        """Store the state if the interval has passed."""
        if time.monotonic() - self._last >= self._interval:
            self.write()

    def write(self) -> None:
        """Store the state; between two steps or two windows of the baseline only."""
        if not self._watching or not isinstance(self._target, Path):
            return
        sampler = self._simulation.sampler
        header = self._header | {
            "time": self._simulation.time,
            "forced": self.forced,
            "recorder": self._recorder.state,
            "graph_recorder": self._graph_recorder.state,
            "wall_time_network": sampler.wall_time if sampler else 0.0,
        }
        arrays = flattened({"simulation": self._simulation.state, "writer": self._writer.state})
        self._writer.sync()  # what the checkpoint counts on must be there after a power failure, too
        write_checkpoint(self._target, header, arrays)
        self._last = time.monotonic()


def _check_finished(path: Path) -> None:
    """Raise CheckpointError for an unfinished file, which lies where a finished one belongs."""
    with open_file(path) as file:
        if native(file.attrs["complete"]) != 1:
            raise CheckpointError(f"{path}: unfinished, and there is no {checkpoint_path(path).name} to go on from")
    _LOGGER.info("%s is complete, there is nothing to continue", path)


def _is_complete(path: Path, run_id: str) -> bool:
    """Whether a path holds the complete file of a run."""
    if not path.is_file():
        return False
    try:
        with open_file(path) as file:
            return native(file.attrs.get("run_id")) == run_id and native(file.attrs["complete"]) == 1
    except StorageError:  # not yet a file that can be read
        return False


def _own_mechanisms(
    header: Mapping[str, Any], mechanisms: Sequence[Mechanism]
) -> tuple[tuple[Mechanism, ...], tuple[Mechanism, ...]]:
    """Own mechanisms that the experiment was loaded with, and those that were given to the run."""
    given = {one.name: one for one in mechanisms}
    wanted = [*header["own_mechanisms"], *header["mechanisms"]]
    if sorted(given) != sorted(wanted):
        words = f"own mechanisms {', '.join(wanted)}" if wanted else "no own mechanisms"
        raise RefusedError(f"the run was started with {words}; ketasim.resume(..., mechanisms=[...]) takes the same")
    return tuple(given[name] for name in header["own_mechanisms"]), tuple(given[name] for name in header["mechanisms"])


def _graph_of(part: Path, run_id: str) -> Topology:
    """Graph at the start, as an interrupted run has stored it."""
    try:
        with open_file(part) as file:
            if native(file.attrs.get("run_id")) != run_id:  # of an older run to the same path
                raise KeyError("nodes")
            return sonata.read_topology(file)
    except (StorageError, KeyError) as error:
        raise RefusedError(
            "the run was started with a graph in Python, which had not been stored when it was interrupted; "
            "ketasim.resume(..., graph=...) takes it"
        ) from error


def _shortened(words: str) -> str:
    """Words of one line.

    >>> _shortened("a" * 100)[-10:]
    'aaaaaaa...'
    """
    return words if len(words) <= 100 else f"{words[:97]}..."
