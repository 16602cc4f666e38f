"""One run, from an experiment to its trajectory: load, build, simulate, store; or resume after an interruption."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ketasim.analysis import summarise
from ketasim.config import Experiment, load_experiment
from ketasim.documents import KetasimError
from ketasim.engines import Engine, check_engine
from ketasim.exposures import Exposure
from ketasim.mechanisms import Mechanism
from ketasim.nested import part_of
from ketasim.network.resting import resting_text
from ketasim.progress import Lines, Progress, ProgressCallback, notebook_bar
from ketasim.recording.provenance import write_preamble
from ketasim.recording.recorder import GraphRecorder, Recorder
from ketasim.recording.resume import Checkpointer, Interrupted, interrupted_run
from ketasim.simulation import Simulation
from ketasim.simulation.cost import check_memory, free_memory, refuse_what_cannot_work, size_of
from ketasim.simulation.history import History
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.sampler import baseline_windows
from ketasim.storage import TrajectoryWriter
from ketasim.storage.checkpoint import check_free, checkpoint_path, locked, remove_checkpoint
from ketasim.storage.datasets import TrajectoryNotFoundError
from ketasim.storage.outputs import TRAJECTORY, followed, place_to_write
from ketasim.trajectory import Trajectory, open_trajectory

#: Wall time of a slow step relative to that of a baseline window: settling and a window; more if spines change.
STEP, PLASTIC_STEP = 1.3, 3.0


class CancelledError(KetasimError):
    """The progress callback returned False; the file holds what was computed."""


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C or a notebook's stop button ended a run; its text says how to resume it."""


def run(
    experiment: Experiment,
    out: str | Path | None = None,
    graph: Any = None,
    mechanisms: Sequence[Mechanism] = (),
    progress: ProgressCallback | None = None,
    force: bool = False,
    engine: Engine | None = None,
) -> Trajectory:
    """Run an experiment and return its trajectory.

    Parameters
    ----------
    experiment : Experiment
        As of `ketasim.load_experiment`.
    out : str or Path, optional
        Path of the trajectory file; without one the trajectory stays in memory. No file that is not a trajectory, and
        none that the experiment reads, is ever replaced.
    graph : networkx.DiGraph or Topology, optional
        Graph with a ``population`` node attribute, or a topology such as ``trajectory.topology("24 h")``, in place of
        the experiment's network.
    mechanisms : sequence of Mechanism
        Custom mechanisms in addition to those of ketasim.
    progress : callable, optional
        Called with a `Progress` between windows; returning False cancels the run. By default notebooks show a bar, and
        the logger ``ketasim.progress`` gets a line now and then.
    force : bool
        Replace an earlier run at ``out``, finished or not.
    engine : Engine, optional
        Runs the network, in place of the spiking engine of the experiment's network.

    Returns
    -------
    Trajectory
        The finished run, open for reading.

    Raises
    ------
    KetasimError
        The run was refused, failed or was cancelled; ``out`` with ``.part`` appended holds what was computed, and
        `resume` continues it.
    RunInterrupted
        A `KeyboardInterrupt` after Ctrl-C in the main thread; `resume` continues the run. In another thread nothing
        hears Ctrl-C: cancel by ``progress``.

    Examples
    --------
    >>> import ketasim
    >>> experiment = ketasim.load_experiment("human_infusion", ["network=none", "recording={}", "duration=1 h"])
    >>> trajectory = ketasim.run(experiment)
    >>> round(ketasim.value_of(trajectory.summary, "plasma_concentration", "ketamine", statistic="peak"))  # ng/mL
    207
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(f"run takes an Experiment, such as ketasim.load_experiment('quick'), not {experiment!r}")
    _check_given(mechanisms, graph, engine, progress)
    target = BytesIO() if out is None else place_to_write(out, TRAJECTORY, force, experiment.files)
    with _kept_for_us(target):
        if isinstance(target, Path):
            check_free(target, force, experiment.files)
        beside = [one.name for one in mechanisms]
        checkpointer = Checkpointer(target, experiment, graph is not None, engine is not None, beside)
        _execute(_Run(target, experiment, graph, mechanisms, engine, checkpointer, progress))
    return open_trajectory(target)


def resume(  # noqa: PLR0913, PLR0917 - what cannot be stored is given again
    out: str | Path,
    graph: Any = None,
    mechanisms: Sequence[Mechanism] = (),
    progress: ProgressCallback | None = None,
    force: bool = False,
    threads: int | None = None,
    exposures: Sequence[Exposure] = (),
    engine: Engine | None = None,
) -> Trajectory:
    """Resume an interrupted run and return its trajectory, the same to the last bit as without the interruption.

    Rows written after the last checkpoint are computed again. A complete run is only opened.

    Parameters
    ----------
    out : str or Path
        Path of the trajectory file, as given to `run`.
    graph : networkx.DiGraph or Topology, optional
        Graph given to `run`; by default it is taken from the file.
    mechanisms : sequence of Mechanism
        Custom mechanisms given to `run`, or with which the experiment was loaded; they cannot be stored.
    progress : callable, optional
        Called with a `Progress` between windows; returning False cancels the run.
    force : bool
        Resume even if version, parameters, experiment, code or processor differ; the file notes it.
    threads : int, optional
        Number of threads, in place of the experiment's.
    exposures : sequence of Exposure
        Custom kinds of exposures with which the experiment was loaded.
    engine : Engine, optional
        An engine like that given to `run`, at rest.

    Returns
    -------
    Trajectory
        The finished run, open for reading.

    Raises
    ------
    CheckpointError
        There is no checkpoint, it is damaged, or it does not match what would be resumed.
    KetasimError
        The run failed or was cancelled.
    """
    _check_given(mechanisms, graph, engine, progress)
    target = followed(out)
    if not target.parent.is_dir():  # which a lock would create
        raise TrajectoryNotFoundError(f"{target}: no such file, and no interrupted run")
    with _kept_for_us(target):
        found = interrupted_run(target, graph, mechanisms, exposures, engine)
        if found is not None:
            if threads is not None:
                found = found._replace(experiment=found.experiment.replace(threads=threads))
            experiment, beside = found.experiment, [one.name for one in found.mechanisms]
            given = found.graph is not None, engine is not None
            checkpointer = Checkpointer(target, experiment, *given, beside, found)
            what = (target, experiment, found.graph, found.mechanisms, engine)
            _execute(_Run(*what, checkpointer, progress, found, force))
    return open_trajectory(target)


def compile_kernels() -> None:
    """Compile the kernels that are not in the cache yet, by a short run of a small network; nothing is stored."""
    small = ["network.neurons=20", "duration=2 s", "recording={}"]
    schedule = "schedule={baseline: 0.2 s, settle: 0 s, window: 0.1 s}"
    Simulation(load_experiment("quick", [*small, schedule])).advance("2 s")


class _Run(NamedTuple):
    """What to run, and where to store it."""

    target: Path | BytesIO
    experiment: Experiment
    graph: Any
    mechanisms: Sequence[Mechanism]
    engine: Engine | None
    checkpointer: Checkpointer
    progress: ProgressCallback | None
    found: Interrupted | None = None
    force: bool = False


def _check_given(
    mechanisms: Sequence[Mechanism], graph: Any, engine: Engine | None, progress: ProgressCallback | None
) -> None:
    """Refuse arguments of the wrong kind before anything is written."""
    wrong = [mechanism for mechanism in mechanisms if not isinstance(mechanism, Mechanism)]
    if wrong:
        raise TypeError(f"mechanisms must be of class ketasim.Mechanism, not {wrong[0]!r}")
    if engine is not None and graph is not None:
        raise TypeError("a graph and an engine both stand in for the experiment's network; give one of them")
    if engine is not None:
        check_engine(engine)
    if progress and not callable(progress):
        raise TypeError(f"progress is a function that is called with a ketasim.Progress, or left out, not {progress!r}")


@contextmanager
def _kept_for_us(target: Path | BytesIO) -> Iterator[None]:
    try:
        with nullcontext() if isinstance(target, BytesIO) else locked(target):
            yield
    except KeyboardInterrupt:
        raise RunInterrupted(f"interrupted; {_how_to_resume(target)}") from None


def _how_to_resume(target: Path | BytesIO) -> str:
    if isinstance(target, BytesIO):
        return "a run without a file (out=...) cannot be resumed"
    if not checkpoint_path(target).exists():
        return "nothing had been computed, so there is nothing to resume"
    return f"resume it with ketasim.resume({str(target)!r})"


def _execute(run: _Run) -> None:
    """Build, simulate from the start or from the checkpoint, store."""
    experiment, checkpointer = run.experiment, run.checkpointer
    arrays: Mapping[str, np.ndarray] = run.found.arrays if run.found else {}
    interrupts = HeldInterrupts()
    report = _Reporter(run, interrupts)
    out = run.target if isinstance(run.target, Path) else None
    graph = run.engine.topology if run.engine else run.graph
    if arrays:  # part of the file is on disk already
        check_memory(size_of(experiment, graph), experiment, free_memory())
    else:
        refuse_what_cannot_work(experiment, out, graph)
        checkpointer.write_start()
    report("build", None)
    simulation = Simulation(experiment, run.graph, run.mechanisms, run.engine)
    history = History(simulation)
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
            checkpointer.write()  # the file's preamble now matches the experiment
        try:
            _simulate(simulation, history, recorder, graph_recorder, report)
        except KetasimError as error:
            writer.stop(str(error))
            raise
        report("store", simulation)
        if simulation.sampler is not None:
            writer.mark(network_time=simulation.sampler.network_time, wall_time_network=simulation.sampler.wall_time)
            writer.mark(resting=resting_text(simulation.resting()))
        writer.write_summary(summarise(writer.written()))
        writer.finish()
    checkpointer.leave()
    if isinstance(run.target, Path):
        remove_checkpoint(run.target)


def _simulate(
    simulation: Simulation, history: History, recorder: Recorder, graph_recorder: GraphRecorder, report: "_Reporter"
) -> None:
    """Simulate to the end, from the start or from a restored state."""

    def on_baseline_window(time: float, window: Any) -> None:
        recorder.record_baseline(time, window)
        report("baseline", simulation, time)

    report("baseline", simulation)
    if not simulation.baseline_done:
        simulation.measure_baseline(on_baseline_window, cached=not recorder.wants_baseline_spikes)
        recorder.record()
    graph_recorder.record()
    for row in history.recall():
        recorder.write(row)
    while simulation.time < simulation.experiment.duration:
        simulation.step()
        history.keep(recorder.record())
        report("run", simulation)
        graph_recorder.record()


class _Reporter:
    """Calls the progress callback, writes checkpoints, and lets Ctrl-C through between windows."""

    def __init__(self, run: _Run, interrupts: HeldInterrupts):
        self._target, self._experiment, self._checkpointer = run.target, run.experiment, run.checkpointer
        self._callback = run.progress or notebook_bar()
        self._interrupts, self._lines = interrupts, Lines()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Context of long work that a resumed run repeats: Ctrl-C interrupts it at once."""
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
        now = time if time is not None else (simulation.time if simulation else 0.0)
        done = 1.0 if stage == "store" else self._done(simulation, now)
        progress = Progress(stage, now, self._experiment.duration, done, simulation)
        self._lines(progress)
        if self._callback is not None and self._callback(progress) is False:
            self._checkpointer.write()
            raise CancelledError(f"cancelled at t = {now:g} s; {_how_to_resume(self._target)}")

    def _done(self, simulation: Simulation | None, time: float) -> float:
        """Fraction of the wall time that has passed at `time`, if slow steps take their usual time."""
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
