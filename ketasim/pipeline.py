"""One run, from an experiment to its trajectory: load, build, simulate, store."""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from ketasim import __version__
from ketasim.analysis import summarise
from ketasim.analysis.graph_recorder import GraphRecorder
from ketasim.analysis.summary import Summary
from ketasim.config import Experiment
from ketasim.documents import KetasimError
from ketasim.kernels.random import STREAMS
from ketasim.mechanisms import Mechanism
from ketasim.network.prefrontal_microcircuit import Sheet
from ketasim.simulation import Simulation
from ketasim.simulation.interrupts import HeldInterrupts
from ketasim.simulation.sampler import baseline_windows
from ketasim.storage import Trajectory, TrajectoryWriter, open_trajectory
from ketasim.storage.recorder import Recorder


class Progress(NamedTuple):
    """Where a run is: stage (``build``, ``baseline``, ``run``, ``store``), simulated time and its end in s, and the
    fraction of all network windows that are done.
    """

    stage: str
    time: float
    end: float
    done: float
    simulation: Simulation | None = None


#: Called between windows; returning False cancels the run.
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
    graph : networkx.DiGraph with a ``population`` node attribute, in place of the experiment's network.
    mechanisms : own mechanisms beside those of ketasim.
    progress : called with a `Progress` between windows; returning False cancels.

    Raises
    ------
    KetasimError
        The run failed or was cancelled; ``out`` with ``.part`` appended holds what was computed.

    Examples
    --------
    >>> import ketasim
    >>> experiment = ketasim.load_experiment("quick", ["network=none", "recording={}", "duration=1 h"])
    >>> trajectory = ketasim.run(experiment)
    >>> round(trajectory.summary["plasma_ketamine_peak"])  # ng/mL
    177
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(f"run takes an Experiment, as of ketasim.load_experiment('quick'), not {experiment!r}")
    wrong = [mechanism for mechanism in mechanisms if not isinstance(mechanism, Mechanism)]
    if wrong:
        raise TypeError(f"mechanisms are of class ketasim.Mechanism, not {wrong[0]!r}")
    target = BytesIO() if out is None else Path(out)
    interrupts = HeldInterrupts()
    report = _Reporter(progress, experiment, interrupts)
    report("build", None)
    simulation = Simulation(experiment, graph, mechanisms)
    with interrupts, TrajectoryWriter(target, {"name": experiment.name}) as writer:
        _write_head(writer, simulation)
        recorder = Recorder(writer, simulation)
        graph_recorder = GraphRecorder(writer, simulation)
        try:
            _simulate(simulation, (recorder, graph_recorder), report)
        except KetasimError as error:
            writer.stop(str(error))
            raise
        report("store", simulation)
        populations = simulation.network.topology.population_names if simulation.network else ()
        moieties = simulation.compartments.moieties
        summary = summarise(recorder.subject, recorder.population, moieties, populations)
        writer.write_summary(summary | _network_cost(simulation))
        writer.finish()
    return open_trajectory(target)


def _simulate(simulation: Simulation, recorders: tuple[Recorder, GraphRecorder], report: "_Reporter") -> None:
    recorder, graph_recorder = recorders

    def on_baseline_window(time: float, window: Any) -> None:
        recorder.record_baseline(time, window)
        report("baseline", simulation, time)

    report("baseline", simulation)
    simulation.measure_baseline(on_baseline_window, cached=not recorder.wants_baseline_spikes)
    recorder.record()
    graph_recorder.record()
    while simulation.time < simulation.experiment.duration:
        simulation.step()
        recorder.record()
        graph_recorder.record()
        report("run", simulation)


def _network_cost(simulation: Simulation) -> Summary:
    """How often the network was run after the baseline, and what it cost."""
    sampler = simulation.sampler
    if sampler is None:
        return {}
    return {
        "windows_run": (sampler.windows_run, "1", "windows of the network after the baseline"),
        "windows_skipped": (
            sampler.windows_skipped,
            "1",
            "slow times without a window: at rest, or no budget left",
        ),
        "network_time": (sampler.network_time, "s", "network time behind the run, baseline and settling included"),
        "wall_time_network": (
            sampler.wall_time,
            "s",
            "time that running the network took; a stored baseline takes none",
        ),
    }


class _Reporter:
    """Counts windows, speaks to the progress callback, and lets Ctrl-C through."""

    def __init__(self, callback: ProgressCallback | None, experiment: Experiment, interrupts: HeldInterrupts):
        self._callback, self._experiment, self._interrupts = callback, experiment, interrupts
        self._stage, self._done, self._all = "", 0, 0

    def __call__(self, stage: str, simulation: Simulation | None, time: float | None = None) -> None:
        self._interrupts.release()
        if self._callback is None:
            return
        if simulation is not None and not self._all:
            baseline = baseline_windows(self._experiment) if simulation.network else 0
            self._all = baseline + len(simulation.schedule) - 1
        if stage in (self._stage, "run"):  # `run` is only reported after a step
            self._done += 1
        self._stage = stage
        now = time if time is not None else (simulation.time if simulation else 0.0)
        done = 1.0 if stage == "store" else min(1.0, self._done / max(1, self._all))
        if self._callback(Progress(stage, now, self._experiment.duration, done, simulation)) is False:
            raise CancelledError(f"cancelled at t = {now:g} s")


def _write_head(writer: TrajectoryWriter, simulation: Simulation) -> None:
    """Write what is known before the first step: provenance, schedule, graph, doses."""
    experiment = simulation.experiment
    parameters = json.dumps(parameters_of(simulation), sort_keys=True)
    resolved, sha256 = _described(simulation)
    writer.write_provenance(
        {
            "config_source": experiment.source_text,
            "config_resolved": json.dumps(resolved, sort_keys=True),
            "config_sha256": sha256,
            "parameters": parameters,
            "parameters_sha256": hashlib.sha256(parameters.encode()).hexdigest(),
            "environment": json.dumps(environment() | {"threads": str(experiment.threads)}, sort_keys=True),
            "random": json.dumps(
                {
                    "generator": "philox4x32-10",
                    "seed": experiment.seed,
                    "streams": {name: int(stream) for name, stream in STREAMS.items()},
                }
            ),
            "notes": json.dumps(list(simulation.notes)),
        }
    )
    writer.write_schedule(simulation.schedule)
    if simulation.network is not None:
        writer.write_topology(simulation.network.topology)
    writer.write_events(_events(experiment))


def _events(experiment: Experiment) -> list[dict[str, Any]]:
    """Doses and stimuli as given, one entry for each dose of a series."""
    doses = [
        {
            "kind": "dose",
            "drug": dose.drug,
            "route": dose.route,
            "amount_mg": dose.amount.milligrams(experiment.subject.weight) if dose.amount else 0.0,
            "start_s": start,
            "duration_s": dose.duration,
        }
        for dose in experiment.doses
        for start in dose.starts
    ]
    stimuli = [
        {
            "kind": stimulus.kind,
            "population": stimulus.population,
            "rate_hz": stimulus.rate,
            "start_s": stimulus.begin,
            "duration_s": stimulus.duration,
        }
        for stimulus in experiment.stimuli
    ]
    return [*doses, *stimuli]


def _described(simulation: Simulation) -> tuple[dict[str, Any], str]:
    """Resolved experiment for the file, and its digest: files by relative path, a given graph by its content."""
    experiment = simulation.experiment
    resolved, sha256 = experiment.resolved(), experiment.sha256
    del resolved["threads"]  # how it was computed, not what: stands in the environment
    folder = experiment.source_file.parent if experiment.source_file else Path.cwd()
    resolved["drugs"] = [_relative(path, folder) for path in resolved["drugs"]]
    if simulation.graph_is_given and simulation.network is not None:
        graph = simulation.network.topology.sha256
        resolved["network"] = {"graph_sha256": graph}
        sha256 = hashlib.sha256(f"{sha256} {graph}".encode()).hexdigest()
    elif "file" in resolved["network"]:
        resolved["network"]["file"] = _relative(resolved["network"]["file"], folder)
    return resolved, sha256


def _relative(path: str, folder: Path) -> str:
    """Path as seen from a folder, so that a file says the same wherever the experiment lies."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return Path(path).name


def parameters_of(simulation: Simulation) -> dict[str, Any]:
    """Every parameter of a run as plain data: mechanisms, drugs in play, and the network's tables."""
    mechanisms = simulation.experiment.resolved()["mechanisms"]
    for mechanism in simulation.mechanisms:  # a user's own, given to `run` only
        mechanisms.setdefault(mechanism.name, mechanism.Parameters()._asdict())
    drugs = {drug.name: drug.model_dump(mode="json") for drug in simulation.setting.drugs}
    if simulation.network is None:
        return {"mechanisms": mechanisms, "drugs": drugs}
    tables = simulation.network.tables
    parameters = {
        "mechanisms": mechanisms,
        "drugs": drugs,
        "cell_classes": {name: cell_class._asdict() for name, cell_class in tables.cells.items()},
        "synapses": {f"{source} to {target}": pair._asdict() for (source, target), pair in tables.synapses.items()},
        "receptors": tables.receptors._asdict(),
    }
    circuit = simulation.experiment.circuit
    if circuit is None or simulation.graph_is_given:
        return parameters | {"sheet": Sheet()._asdict()}
    wiring = {f"{source} to {target}": pair._asdict() for (source, target), pair in circuit.wiring.items()}
    return parameters | {"wiring": wiring, "origins": {name: one._asdict() for name, one in tables.origins.items()}}


def environment() -> dict[str, str]:
    """Versions and machine of this run."""
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "h5py", "networkx", "xarray")
    return {
        "ketasim": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
    } | {package: version(package) for package in packages}
