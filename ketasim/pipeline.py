"""One run, from an experiment to its trajectory: load, build, simulate, store; or go on after an interruption."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ketasim.analysis import summarise
from ketasim.config import Experiment
from ketasim.documents import KetasimError
from ketasim.mechanisms import Mechanism
from ketasim.nested import part_of
from ketasim.recording.provenance import write_preamble
from ketasim.recording.recorder import GraphRecorder, Recorder
from ketasim.recording.resume import Checkpointer, Interrupted, interrupted_run
from ketasim.simulation import Simulation
from ketasim.simulation.cost import check_memory, free_memory, refuse_what_cannot_work, size_of
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.sampler import baseline_windows
from ketasim.storage import TrajectoryWriter
from ketasim.storage.checkpoint import locked, remove_checkpoint
from ketasim.storage.datasets import TrajectoryNotFoundError
from ketasim.trajectory import Trajectory, open_trajectory


class Progress(NamedTuple):
    """Where a run is: stage (``build``, ``baseline``, ``run``, ``store``), simulated time and its end in s, and the
    fraction of all network windows that are done.
    """

    stage: str
    time: float
    end: float
    done: float
    simulation: Simulation | None = None


#: Wall time of a slow step over that of a baseline window: settling and a window; more when spines change, too.
STEP, PLASTIC_STEP = 1.3, 3.0

#: Called between windows; returning False cancels the run, which can be resumed.
ProgressCallback = Callable[[Progress], Any]


class CancelledError(KetasimError):
    """The progress callback returned False; what was computed is in the file."""


def run(
    experiment: Experiment,
    out: str | Path | None = None,
    graph: Any = None,
    mechanisms: Sequence[Mechanism] = (),
    progress: ProgressCallback | None = None,
) -> Trajectory:
    """Run an experiment and return its trajectory.

    Parameters
    ----------
    experiment : what to run, see `ketasim.load_experiment`.
    out : path of the trajectory file; without one the trajectory stays in memory.
    graph : networkx.DiGraph with a ``population`` node attribute, or a topology such as
        ``trajectory.topology("24 h")``, in place of the experiment's network.
    mechanisms : own mechanisms beside those of ketasim.
    progress : called with a `Progress` between windows; returning False cancels.

    Raises
    ------
    KetasimError
        The run was refused, failed or was cancelled; ``out`` with ``.part`` appended holds what was computed, and
        `resume` goes on with it.

    Examples
    --------
    >>> import ketasim
    >>> experiment = ketasim.load_experiment("quick", ["network=none", "recording={}", "duration=1 h"])
    >>> trajectory = ketasim.run(experiment)
    >>> round(ketasim.value_of(trajectory.summary, "plasma_concentration", "ketamine", statistic="peak"))  # ng/mL
    177
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(f"run takes an Experiment, as of ketasim.load_experiment('quick'), not {experiment!r}")
    _check_mechanisms(mechanisms)
    target = BytesIO() if out is None else Path(out)
    with _kept_for_us(target):
        checkpointer = Checkpointer(target, experiment, graph is not None, [one.name for one in mechanisms])
        _execute(_Run(target, experiment, graph, mechanisms, checkpointer, progress))
    return open_trajectory(target)


def resume(
    out: str | Path,
    graph: Any = None,
    mechanisms: Sequence[Mechanism] = (),
    progress: ProgressCallback | None = None,
    force: bool = False,
    threads: int | None = None,
) -> Trajectory:
    """Go on with an interrupted run and return its trajectory, the same to the last bit as without the interruption.

    Rows that were written after the last checkpoint are computed again. A run that was complete is only opened.

    Parameters
    ----------
    out : path of the trajectory file, as it was given to `run`.
    graph : the graph that was given to `run`; without one it is taken from the file.
    mechanisms : own mechanisms that were given to `run`; they can't be stored.
    progress : called with a `Progress` between windows; returning False cancels.
    force : go on though version, parameters, experiment, code or processor differ; the file says so.
    threads : in place of the experiment's.

    Raises
    ------
    CheckpointError
        There is no checkpoint, it is damaged, or what would go on is not what was interrupted.
    KetasimError
        The run failed or was cancelled.
    """
    _check_mechanisms(mechanisms)
    target = Path(out)
    if not target.parent.is_dir():  # which a lock would make
        raise TrajectoryNotFoundError(f"{target}: no such file, and nothing of an interrupted run")
    with _kept_for_us(target):
        found = interrupted_run(target, graph, mechanisms)
        if found is not None:
            if threads is not None:
                found = found._replace(experiment=found.experiment.replace(threads=threads))
            experiment, beside = found.experiment, [one.name for one in found.mechanisms]
            checkpointer = Checkpointer(target, experiment, found.graph is not None, beside, found)
            _execute(_Run(target, experiment, found.graph, found.mechanisms, checkpointer, progress, found, force))
    return open_trajectory(target)


class _Run(NamedTuple):
    """What is run, and where it goes."""

    target: Path | BytesIO
    experiment: Experiment
    graph: Any
    mechanisms: Sequence[Mechanism]
    checkpointer: Checkpointer
    progress: ProgressCallback | None
    found: Interrupted | None = None
    force: bool = False


def _check_mechanisms(mechanisms: Sequence[Mechanism]) -> None:
    wrong = [mechanism for mechanism in mechanisms if not isinstance(mechanism, Mechanism)]
    if wrong:
        raise TypeError(f"mechanisms are of class ketasim.Mechanism, not {wrong[0]!r}")


@contextmanager
def _kept_for_us(target: Path | BytesIO) -> Iterator[None]:
    if isinstance(target, BytesIO):
        yield
    else:
        with locked(target):
            yield


def _execute(run: _Run) -> None:
    """Build, simulate from the start or from where the run was interrupted, store."""
    experiment, checkpointer = run.experiment, run.checkpointer
    arrays: Mapping[str, np.ndarray] = run.found.arrays if run.found else {}
    interrupts = HeldInterrupts()
    report = _Reporter(run.progress, experiment, interrupts, checkpointer)
    out = run.target if isinstance(run.target, Path) else None
    if arrays:  # what it needs on the disk is partly there already
        check_memory(size_of(experiment, run.graph), experiment, free_memory())
    else:
        refuse_what_cannot_work(experiment, out, run.graph)
        checkpointer.write_start()
    report("build", None)
    simulation = Simulation(experiment, run.graph, run.mechanisms)
    if run.found and arrays:
        checkpointer.forced += run.found.check(simulation, run.force)
    state = part_of(arrays, "writer") if arrays else None
    with interrupts, TrajectoryWriter(run.target, checkpointer.marks, state) as writer:
        if state is None:
            write_preamble(writer, simulation)
        if checkpointer.forced:
            writer.write_provenance({"forced_resume": "; ".join(checkpointer.forced)})
        recorder, graph_recorder = Recorder(writer, simulation), GraphRecorder(writer, simulation, report.interruptible)
        checkpointer.watch(simulation, writer, recorder, graph_recorder)
        if run.found and arrays:
            checkpointer.restore(run.found)
        else:
            checkpointer.write()  # from here on the file's head and what it was made of belong together
        try:
            _simulate(simulation, recorder, graph_recorder, report)
        except KetasimError as error:
            writer.stop(str(error))
            raise
        report("store", simulation)
        if simulation.sampler is not None:
            writer.mark(network_time=simulation.sampler.network_time, wall_time_network=simulation.sampler.wall_time)
        writer.write_summary(summarise(writer.written()))
        writer.finish()
    if isinstance(run.target, Path):
        remove_checkpoint(run.target)


def _simulate(simulation: Simulation, recorder: Recorder, graph_recorder: GraphRecorder, report: "_Reporter") -> None:
    """Simulate to the end, from the start or from a restored state."""

    def on_baseline_window(time: float, window: Any) -> None:
        recorder.record_baseline(time, window)
        report("baseline", simulation, time)

    report("baseline", simulation)
    if not simulation.baseline_done:
        simulation.measure_baseline(on_baseline_window, cached=not recorder.wants_baseline_spikes)
        recorder.record()
    graph_recorder.record()
    while simulation.time < simulation.experiment.duration:
        simulation.step()
        recorder.record()
        report("run", simulation)
        graph_recorder.record()


class _Reporter:
    """Counts windows, speaks to the progress callback, writes checkpoints, and lets Ctrl-C through."""

    def __init__(
        self,
        callback: ProgressCallback | None,
        experiment: Experiment,
        interrupts: HeldInterrupts,
        checkpointer: Checkpointer,
    ):
        self._callback, self._experiment, self._interrupts = callback, experiment, interrupts
        self._checkpointer = checkpointer

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Context of long work that a resumed run does again: Ctrl-C comes through at once."""
        try:
            with self._interrupts.let_through():
                yield
        except KeyboardInterrupt:
            self._checkpointer.write()
            raise

    def __call__(self, stage: str, simulation: Simulation | None, time: float | None = None) -> None:
        try:
            self._interrupts.release()
        except KeyboardInterrupt:
            self._checkpointer.write()
            raise
        if stage in ("baseline", "run"):
            self._checkpointer.write_if_due()
        if self._callback is None:
            return
        now = time if time is not None else (simulation.time if simulation else 0.0)
        done = 1.0 if stage == "store" else self._done(simulation, now)
        if self._callback(Progress(stage, now, self._experiment.duration, done, simulation)) is False:
            self._checkpointer.write()
            raise CancelledError(f"cancelled at t = {now:g} s")

    def _done(self, simulation: Simulation | None, time: float) -> float:
        """Share of the wall time that lies behind `time`, if a slow step takes as long as it usually does."""
        if simulation is None:
            return 0.0
        baseline = baseline_windows(self._experiment) if simulation.sampler else 0
        schedule = self._experiment.schedule
        begin = self._experiment.begin
        measured = 1.0 + (time - begin + schedule.window) / schedule.baseline if time < begin else 0.0
        before = baseline if simulation.baseline_done else baseline * measured
        step = PLASTIC_STEP if simulation.plastic_edges else STEP
        steps, left = simulation.steps_done, len(simulation.schedule) - 1
        return min(1.0, (before + step * steps) / max(1.0, baseline + step * (steps + left)))
