"""Cost of a run: memory, disk, windows and wall time; a run too large for the machine is refused.

Memory and file size are estimated from the experiment alone, before anything is built, since building a large network
is what runs out of memory first. Wall time is estimated from one window and one slow step timed on this machine.
Coefficients were measured on runs of 300 to 3,000 neurons (docs/reliability.md); tests hold them to a factor of 1.5.
"""

import copy
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.filesize import decimal

from ketasim.config import Experiment, NetworkFile, NetworkModel
from ketasim.config.graph_times import graph_times
from ketasim.config.schedule import Sampling
from ketasim.documents import KetasimError
from ketasim.mechanisms import ORDER
from ketasim.network.prefrontal_microcircuit import expected_synapses
from ketasim.network.topology import Topology
from ketasim.simulation import history, stored
from ketasim.simulation.loop import Simulation
from ketasim.simulation.sampler import LONG_SETTLE, baseline_windows, steps_of
from ketasim.simulation.world import setting_of, slow_times_of

#: Bytes of memory: process with and without a network; per synapse, additionally per plastic one, per node; per
#: plastic synapse while the graph is measured.
_PROCESS, _PROCESS_ALONE, _SYNAPSE, _PLASTIC, _NODE, _MEASURED = 290e6, 200e6, 83.0, 138.0, 5e3, 180.0

#: Bytes of file: constant part and per row, with and without a network; per edge; per plastic edge in a snapshot, per
#: set of graph measures, per birth or death; first chunks of spikes, per spike.
_FILE, _FILE_ROW, _FILE_ALONE, _FILE_ROW_ALONE, _FILE_EDGE = 0.34e6, 850.0, 0.06e6, 260.0, 27.5
_FILE_SNAPSHOT, _FILE_MEASURES, _FILE_EVENT, _FILE_SPIKES, _FILE_SPIKE = 6.4, 12e3, 8.0, 0.2e6, 16.0
_RATE = 3.0  #: Hz, mean rate of all neurons, for stored spikes

#: Bytes of a checkpoint per node and per plastic synapse; two are on disk while one replaces the other.
_CHECKPOINT_NODE, _CHECKPOINT_SYNAPSE = 2.5e3, 48.0

#: Bytes of a network file per edge, and of memory per byte of file while it is read, by file extension.
_FILES, _LINES = {".graphml": (140.0, 21.0), ".h5": (38.0, 2.3), ".json": (38.0, 2.3), ".npy": (8.0, 3.0)}, (25.0, 28.0)

#: Fraction of slow times at which the network runs once estimates rest on enough of it: after a dose, at rest.
_MOVED, _AT_REST = 0.95, 0.1
_AFTER_DOSE = 30  #: windows after each dose in spite of a spacing, because inputs change from step to step

#: s of wall time not timed here: startup, building and storing an edge, measuring a plastic edge, writing a row.
_START, _EDGE, _MEASURED_EDGE, _ROW = 4.0, 4e-6, 8e-6, 4e-3
_ALONE, _ROW_ALONE = 0.1, 2.2e-3  #: s, of a run without network and of a row of it

_SETTLE, _WINDOW = 0.1, 0.5  #: s of network time before and in the timed window
_UNKNOWN = ("", "")  #: class pair of edges whose classes have not been read
_MANY_ROWS = 100_000  #: above this the schedule is what makes a run large
_DAY = 86_400.0


#: Whether memory has been checked for all processes of a sweep together.
_checked: ContextVar[bool] = ContextVar("checked", default=False)


@contextmanager
def memory_is_checked() -> Iterator[None]:
    """Context in which no run checks memory on its own: others would have taken it, or free it soon."""
    token = _checked.set(True)
    try:
        yield
    finally:
        _checked.reset(token)


class ResourceError(KetasimError):
    """The machine does not have enough memory or disk for the run; nothing was started."""

    exit_code = 2


class Size(NamedTuple):
    """Size of a run, which determines memory, disk and time.

    Attributes
    ----------
    nodes, synapses : int, float
        Number in the network at the start.
    plastic : float
        Synapses among them that can form and be lost.
    born : float
        Plastic synapses formed per day at rest.
    rows, times : int
        Rows of the trajectory, and those among them that are slow times rather than windows of the baseline.
    stored : int
        Windows whose spikes are stored.
    reading : float
        Bytes of memory needed temporarily to read a network file.
    """

    nodes: int
    synapses: float
    plastic: float
    born: float
    rows: int
    times: int
    stored: int
    reading: float

    def __str__(self) -> str:
        network = f"{self.nodes:,} neurons, about {self.synapses:,.0f} synapses, " if self.nodes else ""
        return f"{network}{self.rows:,} rows"


def size_of(experiment: Experiment, graph: Any = None) -> Size:
    """Size of an experiment; for a network that is not built yet, the mean over seeds.

    Parameters
    ----------
    experiment : Experiment
        What would be run.
    graph : networkx.DiGraph or Topology, optional
        Replaces the experiment's network.
    """
    nodes, pairs, reading = _network_of(experiment, graph)
    plastic = born = 0.0
    for one in (*ORDER, *experiment.own_mechanisms):
        parameters = experiment.mechanisms[one.name]
        count = pairs.get(one.pair, pairs.get(_UNKNOWN, 0.0)) if one.pair else 0.0
        if count and parameters is not False:
            plastic += count
            born += count * one.edges_born(parameters) if one.edges_born else 0.0
    times = slow_times_of(experiment, setting_of(experiment, None))
    windows = np.arange(-baseline_windows(experiment) if nodes else 0, 0) * experiment.schedule.window
    rows = np.concatenate([experiment.begin + windows, times])
    kept = [np.searchsorted(rows, [first, last + 1e-4]) for first, last in experiment.recording.spikes]
    stored = sum(max(1, int(last - first)) for first, last in kept)  # for an instant, the window at it or the next one
    return Size(nodes, sum(pairs.values()), plastic, born, rows.size, times.size, stored, reading)


def _network_of(experiment: Experiment, graph: Any) -> tuple[int, dict[tuple[str, str], float], float]:
    """Nodes, synapses by class pair as far as known, and bytes of memory needed to read the network."""
    if isinstance(graph, Topology):
        names, of_node = graph.population_names, graph.population.astype(np.int64)
        found = np.bincount(of_node[graph.source] * len(names) + of_node[graph.target], minlength=len(names) ** 2)
        return graph.n_nodes, {(a, b): float(n) for (a, b), n in zip(product(names, names), found, strict=True)}, 0.0
    if hasattr(graph, "number_of_edges"):  # anything else is refused, with a better message, when it is built
        return graph.number_of_nodes(), {_UNKNOWN: float(graph.number_of_edges())}, 0.0
    if experiment.circuit is not None:
        sizes, wiring = experiment.circuit.sizes, experiment.circuit.wiring
        pairs = {(a, b): sizes[a] * sizes[b] * one.probability for (a, b), one in wiring.items()}
        return sum(sizes.values()), pairs, 0.0
    if isinstance(experiment.network, NetworkFile):
        file = experiment.network.file
        (per_edge, per_byte) = _FILES.get(file.suffix.lower(), _LINES)
        length = sum(one.stat().st_size for one in experiment.network.files())
        return max(1, round(math.sqrt(length / per_edge))), {_UNKNOWN: length / per_edge}, length * per_byte
    if isinstance(experiment.network, NetworkModel):
        return experiment.network.neurons, expected_synapses(experiment.network.neurons), 0.0
    return 0, {}, 0.0


def memory_of(size: Size, experiment: Experiment) -> float:
    """Peak memory in bytes of the process that runs an experiment of this size with compiled kernels."""
    if not size.nodes:
        return _PROCESS_ALONE
    plastic = _PLASTIC + _MEASURED * experiment.recording.measures
    memory = _PROCESS + size.synapses * _SYNAPSE + size.nodes * _NODE + size.plastic * plastic
    return max(memory, _PROCESS_ALONE + size.reading)


def file_of(size: Size, experiment: Experiment) -> float:
    """Bytes of the trajectory file of an experiment of this size."""
    recording, days = experiment.recording, (experiment.duration - experiment.begin) / _DAY
    if not size.nodes:
        return _FILE_ALONE + size.rows * _FILE_ROW_ALONE
    file = _FILE + size.synapses * _FILE_EDGE + size.rows * _FILE_ROW
    file += len(recording.node_signals) * size.times * size.nodes * 4.0
    if recording.spikes:
        file += _FILE_SPIKES + size.stored * experiment.schedule.window * size.nodes * _RATE * _FILE_SPIKE
    if size.plastic:
        each = size.plastic * _FILE_SNAPSHOT + _FILE_MEASURES * recording.measures
        file += len(graph_times(experiment)) * each + 2.0 * size.born * days * _FILE_EVENT  # as many die
    return file


def refuse_what_cannot_work(experiment: Experiment, out: Path | None = None, graph: Any = None) -> None:
    """Refuse a run that is too large for this machine; without `out` the file is kept in memory, too.

    Raises
    ------
    ResourceError
        States what is needed, what is free, and which keys to change.
    """
    size = size_of(experiment, graph)
    check_memory(size, experiment, free_memory(), in_memory=out is None)
    if out is not None:
        check_disk(size, experiment, free_disk(out), out)


def check_memory(size: Size, experiment: Experiment, free: float, in_memory: bool = False) -> None:
    """Refuse a run whose estimated memory exceeds `free` bytes; `in_memory` if the file is kept in memory."""
    needed = memory_of(size, experiment) + (file_of(size, experiment) if in_memory else 0.0)
    if needed > free and not _checked.get():
        keys = _smaller(size, experiment)
        if size.plastic and experiment.recording.measures and size.rows <= _MANY_ROWS:
            keys.append("set `recording.measures: false`")
        what = f"the run needs about {decimal(round(needed))} of memory, {decimal(round(free))} are free"
        raise ResourceError(f"{what} ({size}); {' or '.join(keys)}")


def check_disk(size: Size, experiment: Experiment, free: float, out: Path) -> None:
    """Refuse a run whose estimated file plus checkpoints exceeds `free` bytes."""
    file = file_of(size, experiment)
    checkpoints = 2.0 * (size.nodes * _CHECKPOINT_NODE + size.plastic * _CHECKPOINT_SYNAPSE)
    if file + checkpoints > free:
        recorded = [key for key in ("node_signals", "spikes") if getattr(experiment.recording, key)]
        keys = [*_smaller(size, experiment), *(f"leave out `recording.{key}`" for key in recorded)]
        what = f"about {decimal(round(file))}, and its checkpoint {decimal(round(checkpoints))} during the run"
        raise ResourceError(
            f"{out} will take {what}, {decimal(round(free))} are free there ({size}); "
            f"{' or '.join([*keys, 'write elsewhere with -o'])}; `ketasim check` shows what a run needs"
        )


def _smaller(size: Size, experiment: Experiment) -> list[str]:
    """Advice on which keys make a run smaller, most effective first."""
    if size.rows > _MANY_ROWS:
        return ["lengthen `schedule.step` or shorten `duration`"]
    if experiment.circuit is not None:
        return ["lower `network.scale` or the circuit's neurons"]
    return ["lower `network.neurons`" if isinstance(experiment.network, NetworkModel) else "take a smaller network"]


def free_memory() -> float:
    """Bytes this process can still allocate: free on the machine and, on Linux, within its cgroup's limit."""
    import psutil

    groups = Path("/sys/fs/cgroup")
    return min(float(psutil.virtual_memory().available), group_memory(Path("/proc/self/cgroup"), groups))


def group_memory(group: Path, groups: Path) -> float:
    """Bytes left within the memory limit of a cgroup (version 2), as set by a batch system or container.

    Parameters
    ----------
    group : Path
        File whose line ``0::/PATH`` names the cgroup.
    groups : Path
        Folder of all cgroups.

    Returns
    -------
    float
        Infinite without a limit.
    """
    left = math.inf
    with suppress(OSError):
        named = [line[3:].strip("/") for line in group.read_text().splitlines() if line.startswith("0::")]
        for folder in (folder for name in named for folder in (groups / name, *(groups / name).parents)):
            with suppress(OSError, ValueError):  # no such file; "max"
                limit, used = (float((folder / file).read_text()) for file in ("memory.max", "memory.current"))
                left = min(left, limit - used)
    return max(0.0, left)


def free_disk(out: Path) -> float:
    """Bytes free where `out` will be written; its folder need not exist yet."""
    try:
        folder = next((one for one in out.absolute().parents if one.exists()), out)
        return float(shutil.disk_usage(folder).free)
    except OSError:  # unknown for this file system; the writer will find out
        return math.inf


def forecast(simulation: Simulation) -> list[tuple[str, float | str, str]]:
    """Rows (quantity, value, unit): size, windows, memory, file and wall time of a simulation that has not begun.

    The fraction of windows that will be skipped is a guess from runs with and without doses; this and the load of the
    machine make wall time uncertain by a factor of about 1.5. Without a network only slow steps are given.
    """
    experiment, schedule, topology = simulation.experiment, simulation.experiment.schedule, simulation.topology
    rows: list[tuple[str, float | str, str]] = [("slow steps", simulation.schedule.size - 1, "1")]
    if topology is None:
        return rows
    size, (most, likely) = size_of(experiment, topology), windows_after_baseline(simulation)
    rows += [(f"{name} neurons", count, "1") for name, count in topology.sizes.items()]
    rows += [
        ("synapses", topology.n_edges, "1"),
        ("windows, at most", size.rows - size.times + most, "1"),
        ("windows, about", size.rows - size.times + likely, "1"),
        ("network time, about", schedule.baseline + LONG_SETTLE + likely * (schedule.settle + schedule.window), "s"),
        ("memory", memory_of(size, experiment) / 1e6, "MB"),
        ("file", file_of(size, experiment) / 1e6, "MB"),
        ("wall time", wall_time(simulation, size, likely), "s"),
    ]
    if history.is_stored(simulation):
        rows.append(("of which an earlier run has stored", -experiment.begin / _DAY, "d before 0"))
    return rows


def windows_after_baseline(simulation: Simulation) -> tuple[int, int]:
    """Windows after the baseline: upper bound, and expected number.

    Until estimates rest on 60 s of network time, each slow time after a dose has a window; later, the effects of the
    dose keep changing the network's inputs. At rest hardly any window is run.
    """
    experiment, schedule, times = simulation.experiment, simulation.experiment.schedule, simulation.schedule.size
    most = times if schedule.budget is None else min(times, schedule.budget)
    drug = any(experiment.catalogue[dose.drug].compounds for dose in experiment.doses)
    moved = bool(drug or experiment.all_stimuli or experiment.own_mechanisms)
    first = min(times, int((Sampling().enough - schedule.memory) / schedule.window) + 1) if moved else 0
    likely = round(first + (_MOVED if moved else _AT_REST) * (times - first)) if schedule.skip else times
    if schedule.spacing:
        length = experiment.duration - experiment.begin
        spaced = round(length / schedule.spacing) + _AFTER_DOSE * len(experiment.administrations)
        likely = min(likely, spaced)
    return most, min(most, likely)


def wall_time_of(simulation: Simulation) -> tuple[float, float]:
    """Expected time in s of a run in a process that has compiled kernels, and of its baseline in addition.

    Times a window. A baseline and a past that are stored take no time.
    """
    size = size_of(simulation.experiment)
    if not size.nodes:
        return _ALONE + size.rows * _ROW_ALONE, 0.0
    after, baseline_time = _wall_times(simulation, size, windows_after_baseline(simulation)[1])
    return after - _START, baseline_time


def wall_time(simulation: Simulation, size: Size, windows: int) -> float:
    """Expected time in s of `ketasim run` on this machine with `windows` after the baseline."""
    return sum(_wall_times(simulation, size, windows))


def _wall_times(simulation: Simulation, size: Size, windows: int) -> tuple[float, float]:
    """Expected time in s without the baseline, and that of the baseline."""
    experiment, schedule, sampler = simulation.experiment, simulation.experiment.schedule, simulation.sampler
    assert sampler is not None
    network_time, steps, before = windows * (schedule.settle + schedule.window), size.times - 1, 0.0
    known = stored.holds(sampler.baseline_key(simulation.signals))
    if not known or any(first < experiment.begin for first, _ in experiment.recording.spikes):  # the cache has none
        before = schedule.baseline + LONG_SETTLE
    if history.is_stored(simulation):
        left = int(np.sum(simulation.schedule >= 0.0))
        network_time, steps = network_time * left / steps, left
    per_second, per_step = _trial(simulation)
    measured = len(graph_times(experiment)) * size.plastic * experiment.recording.measures
    own = _START + size.synapses * _EDGE + size.rows * _ROW + measured * _MEASURED_EDGE
    return network_time * per_second + steps * per_step + own, before * per_second


def _trial(simulation: Simulation) -> tuple[float, float]:
    """Wall time in s per second of network time, and per slow step, with drug in the brain; changes nothing."""
    engine, before = simulation.engine, copy.deepcopy(simulation.state)
    assert engine is not None
    length = float(np.median(np.diff(simulation.schedule)))
    for seconds in (_SETTLE, _WINDOW):  # the first call compiles
        if simulation.experiment.doses:
            simulation.signals["brain_concentration"] += 1.0  # uM
        begin = time.perf_counter()
        measured = engine.measure(simulation.signals, 0, steps_of(seconds))
        middle = time.perf_counter()
        simulation.advance_mechanisms(length)
        engine.inputs(simulation.signals, measured.signals)
        end = time.perf_counter()
    simulation.state = before
    engine.rest()
    return (middle - begin) / seconds, end - middle
