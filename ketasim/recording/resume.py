"""Resuming an interrupted run: when its state is stored, how it is found, and whether it may continue."""

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
from ketasim.engines import Engine
from ketasim.exposures import Exposure
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
    """What would be resumed is not what was interrupted."""

    exit_code = 2


class Interrupted(NamedTuple):
    """An interrupted run, from its checkpoint.

    Attributes
    ----------
    experiment : Experiment
        Includes the custom mechanisms with which it was loaded.
    graph : networkx.DiGraph or Topology or None
        Graph given in place of the experiment's network.
    mechanisms : tuple of Mechanism
        Custom mechanisms passed to `run`.
    engine : Engine or None
        Engine given in place of the experiment's network.
    header : dict
        Header of the checkpoint.
    arrays : dict
        Arrays of the checkpoint; empty if no state had been reached.
    """

    experiment: Experiment
    graph: Any
    mechanisms: tuple[Mechanism, ...]
    engine: Engine | None
    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def check(self, simulation: Simulation, force: bool) -> list[str]:
        """Return descriptions of what differs from the interrupted run.

        Raises
        ------
        RefusedError
            Something differs, and `force` is not set; or the run had other signals, which no force can mend.
        """
        others = self._other_signals(simulation)
        if others:
            raise RefusedError(
                f"the run cannot be resumed, not even with --force: it was begun by code with other signals "
                f"({', '.join(others)}); resume it with that code, or start over with `ketasim run ... --force`"
            )
        then, now = self.header["identity"], identity(simulation)
        found = [f"{name} was {then.get(name)}, is {now[name]}" for name in now if then.get(name) != now[name]]
        if found and not force:
            listed = "\n  ".join(_shortened(words) for words in found)
            raise RefusedError(
                f"the run cannot be resumed bit for bit, because these have changed since it began:\n  {listed}\n"
                "resume it with the originals, or with --force, which is noted in the file"
            )
        return found

    def _other_signals(self, simulation: Simulation) -> list[str]:
        """Return signals that the checkpoint lacks, and recorded states of the subject that only one of both has."""
        if not self.arrays:
            return []
        then = {*part_of(part_of(self.arrays, "simulation"), "signals")}
        lacking = simulation.signals.keys() - then
        rows = {name.rpartition("/")[2] for name in self.arrays if name.startswith("writer/trajectories/subject/kept/")}
        states = {name for name, one in simulation.signal_table.items() if one.kind == "state" and not one.dims}
        recorded = {name for name in states & simulation.owners.keys() if simulation.signal_table[name].recorded}
        return sorted(lacking | (((rows & states) ^ recorded) if rows else set()))


def interrupted_run(
    target: Path,
    graph: Any,
    mechanisms: Sequence[Mechanism],
    exposures: Sequence[Exposure] = (),
    engine: Engine | None = None,
) -> Interrupted | None:
    """Return the interrupted run of a trajectory OUT.h5; None if it is complete.

    A run that was interrupted while its file was being renamed is completed here.

    Raises
    ------
    TrajectoryNotFoundError
        There is neither a file nor an interrupted run.
    CheckpointError
        There is no checkpoint, or it is damaged.
    RefusedError
        Custom mechanisms, exposures, a graph or an engine are required and not given.
    """
    checkpoint, part = read_checkpoint(target), part_path(target)
    if checkpoint is None:
        if target.exists():
            _check_finished(target)
            return None
        if part.exists():
            raise CheckpointError(
                f"{part}: there is no {checkpoint_path(target).name} beside it; it can be read, but not resumed; "
                "`ketasim run ... --force` starts over"
            )
        raise TrajectoryNotFoundError(f"{target}: no such file, and no interrupted run")
    header = checkpoint.header
    if _is_complete(target, header["run_id"]):
        remove_checkpoint(target)
        return None
    if _is_complete(part, header["run_id"]):
        complete_after_all(part)
        remove_checkpoint(target)
        return None
    if graph is not None and not header["graph_given"]:
        raise RefusedError("the run was started without a graph; call ketasim.resume(...) without one")
    if (engine is not None) != header.get("engine_given", False):
        how = "without an engine" if engine is not None else "with an engine of your own"
        raise RefusedError(f"the run was started {how}; call ketasim.resume(...) {how.removesuffix(' of your own')}")
    own, beside = _own_mechanisms(header, mechanisms)
    kinds = {one.kind: one for one in exposures}
    _check_given("exposures", list(kinds), header["own_exposures"])
    experiment = Experiment.from_given(header["experiment"], own, [kinds[name] for name in header["own_exposures"]])
    if header["graph_given"] and graph is None:
        graph = _graph_of(part, header["run_id"])
    return Interrupted(experiment, graph, beside, engine, header, checkpoint.arrays)


class Checkpointer:
    """Stores the state of a run at intervals of wall time and when it is interrupted; does nothing for a run in memory.

    Parameters
    ----------
    target : Path or BytesIO
        Path OUT.h5, or the file in memory.
    experiment : Experiment
        Experiment that is run.
    graph_given, engine_given : bool
        Whether a graph or an engine was given in place of the experiment's network.
    mechanisms : sequence of str
        Names of the custom mechanisms passed to `run`.
    found : Interrupted, optional
        Interrupted run that is resumed.

    Attributes
    ----------
    marks : dict
        Attributes of the trajectory file that link it to the checkpoint.
    forced : list of str
        Descriptions of what differed in resumptions that were forced.
    """

    def __init__(
        self,
        target: Path | BytesIO,
        experiment: Experiment,
        graph_given: bool,
        engine_given: bool,
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
            "engine_given": engine_given,
            "own_mechanisms": [one.name for one in experiment.own_mechanisms],
            "own_exposures": [one.kind for one in experiment.own_exposures],
            "mechanisms": list(mechanisms),
        }

    def write_start(self) -> None:
        """Store the experiment, before anything is computed."""
        if isinstance(self._target, Path):
            write_checkpoint(self._target, self._header, {})

    def watch(
        self, simulation: Simulation, writer: TrajectoryWriter, recorder: Recorder, graph_recorder: GraphRecorder
    ) -> None:
        """Store the state of these from now on."""
        self._simulation, self._writer = simulation, writer
        self._recorder, self._graph_recorder = recorder, graph_recorder
        self._watching = isinstance(self._target, Path)
        if self._watching:
            self._header["identity"] = identity(simulation)

    def leave(self) -> None:
        """Let go of what was watched, which refers back: a process that runs thousands would keep them for long."""
        self._watching = False
        del self._simulation, self._writer, self._recorder, self._graph_recorder

    def restore(self, found: Interrupted) -> None:
        """Restore the state of an interrupted run; the writer was opened with it."""
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
        """Store the state; only between two steps or two windows of the baseline."""
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
        self._writer.sync()  # the file must match the checkpoint even after a power failure
        write_checkpoint(self._target, header, arrays)
        self._last = time.monotonic()


def _check_finished(path: Path) -> None:
    """Raise CheckpointError for an unfinished file under the name of a finished one."""
    with open_file(path) as file:
        if native(file.attrs["complete"]) != 1:
            raise CheckpointError(f"{path}: unfinished, and there is no {checkpoint_path(path).name} to resume from")
    _LOGGER.info("%s is complete; there is nothing to resume", path)


def _is_complete(path: Path, run_id: str) -> bool:
    """Whether a path is the complete file of a run."""
    if not path.is_file():
        return False
    try:
        with open_file(path) as file:
            return native(file.attrs.get("run_id")) == run_id and native(file.attrs["complete"]) == 1
    except StorageError:  # not yet readable
        return False


def _check_given(what: str, given: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse to go on with other custom mechanisms or exposures than the run was started with."""
    if sorted(given) != sorted(wanted):
        words = f"custom {what} {', '.join(wanted)}" if wanted else f"no custom {what}"
        shell = "; on the command line: --mechanism FILE.py" if what == "mechanisms" else ""
        same = f"pass the same to ketasim.resume(..., {what}=[...]){shell}"
        raise RefusedError(f"the run was started with {words}; {same}")


def _own_mechanisms(
    header: Mapping[str, Any], mechanisms: Sequence[Mechanism]
) -> tuple[tuple[Mechanism, ...], tuple[Mechanism, ...]]:
    """Custom mechanisms with which the experiment was loaded, and those passed to `run`."""
    given = {one.name: one for one in mechanisms}
    _check_given("mechanisms", list(given), [*header["own_mechanisms"], *header["mechanisms"]])
    return tuple(given[name] for name in header["own_mechanisms"]), tuple(given[name] for name in header["mechanisms"])


def _graph_of(part: Path, run_id: str) -> Topology:
    """Graph at the start, as stored by an interrupted run."""
    try:
        with open_file(part) as file:
            if native(file.attrs.get("run_id")) != run_id:  # of an older run to the same path
                raise KeyError("nodes")
            return sonata.read_topology(file)
    except (StorageError, KeyError) as error:
        raise RefusedError(
            "the run was started with a graph in Python, which had not yet been stored when it was interrupted; "
            "pass it to ketasim.resume(..., graph=...)"
        ) from error


def _shortened(words: str) -> str:
    """Text shortened to one line.

    >>> _shortened("a" * 100)[-10:]
    'aaaaaaa...'
    """
    return words if len(words) <= 100 else f"{words[:97]}..."
