"""What a run costs: size, memory, file, windows and wall time; a run that the machine cannot hold is refused.

Memory and file follow from the experiment alone, before anything is built, since building is what runs out of memory
first. Wall time follows from one window and one slow step of the built simulation, timed here and now. Coefficients are
measured on runs of 300 to 3,000 neurons (docs/reliability.md); tests hold forecasts to a factor of 1.5.
"""

import copy
import math
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ketasim.config import Experiment, NetworkFile, NetworkModel
from ketasim.config.estimation import Estimation
from ketasim.config.graph_times import graph_times
from ketasim.documents import KetasimError
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.network.prefrontal_microcircuit import expected_synapses
from ketasim.network.topology import Topology
from ketasim.simulation import baseline
from ketasim.simulation.loop import Simulation
from ketasim.simulation.sampler import LONG_SETTLE, baseline_windows, steps_of
from ketasim.simulation.world import setting_of, slow_times_of

#: Bytes of memory: of a process with and without a network, of a synapse, of one that is plastic beside, of a node, and
#: of a plastic synapse while the graph is measured.
_PROCESS, _PROCESS_ALONE, _SYNAPSE, _PLASTIC, _NODE, _MEASURED = 265e6, 150e6, 83.0, 138.0, 5e3, 400.0

#: Bytes of file: of every one, of an edge, of a row with and without a network; of a plastic edge in a snapshot, of a
#: set of graph measures, of a birth or death; of a spike, and of the first chunks of spikes.
_FILE, _FILE_EDGE, _FILE_ROW, _FILE_ROW_ALONE = 0.15e6, 27.5, 330.0, 90.0
_FILE_SNAPSHOT, _FILE_MEASURES, _FILE_EVENT = 6.4, 12e3, 8.0
_FILE_SPIKE, _FILE_SPIKES = 16.0, 0.2e6
_RATE = 3.0  #: Hz, of all neurons, for the spikes that are stored

#: Bytes of a checkpoint for a node and for a plastic synapse; two lie on the disk while one takes the other's place.
_CHECKPOINT_NODE, _CHECKPOINT_SYNAPSE = 4e3, 48.0

#: Bytes of a network file for an edge, and of memory for each of its bytes while it is read, by ending.
_FILES, _LINES = {".graphml": (140.0, 21.0), ".h5": (38.0, 2.3)}, (25.0, 28.0)

#: Share of the slow times at which the network is run once estimates rest on enough of it: after a dose, or at rest.
_MOVED, _AT_REST = 0.95, 0.1

#: s of wall time to start, and to build, store and measure an edge, and to write a row; a guess, not timed.
_START, _EDGE, _MEASURED_EDGE, _ROW = 1.0, 4e-6, 8e-6, 2e-3

_MANY_ROWS = 100_000  #: beyond which it is the schedule that makes a run large
_DAY = 86_400.0


class ResourceError(KetasimError):
    """The machine has not enough memory or disk for the run; nothing was started."""

    exit_code = 2


class Size(NamedTuple):
    """What memory, disk and time go by.

    plastic : synapses among them that can be born and die. born : of those, a day. rows : of the trajectory, those of
    the baseline included. reading : bytes of memory that reading a network file takes for a while.
    """

    nodes: int
    synapses: float
    plastic: float
    born: float
    rows: int
    reading: float = 0.0


def size_of(experiment: Experiment, graph: Any = None) -> Size:
    """Size of an experiment whose network is not yet built; of a network file, from the length of the file.

    graph : networkx graph, or a `Topology`, in place of the experiment's network.
    """
    nodes, reading = 0, 0.0
    pairs: dict[tuple[str, str], float] = {}
    if graph is not None:
        counts = (graph.n_nodes, graph.n_edges) if isinstance(graph, Topology) else (len(graph), graph.size())
        nodes, pairs = counts[0], {("", ""): float(counts[1])}
    elif experiment.circuit is not None:
        sizes = experiment.circuit.sizes
        nodes = sum(sizes.values())
        pairs = {(a, b): sizes[a] * sizes[b] * one.probability for (a, b), one in experiment.circuit.wiring.items()}
    elif isinstance(experiment.network, NetworkFile):
        file = experiment.network.file
        per_edge, per_byte = _FILES.get(file.suffix.lower(), _LINES)
        synapses, reading = file.stat().st_size / per_edge, file.stat().st_size * per_byte
        nodes, pairs = max(1, round(math.sqrt(synapses))), {("", ""): synapses}
    elif isinstance(experiment.network, NetworkModel):
        nodes, pairs = experiment.network.neurons, expected_synapses(experiment.network.neurons)
    rows = slow_times_of(experiment, setting_of(experiment, None)).size + (baseline_windows(experiment) if nodes else 0)
    plastic = [(pairs.get(one.pair, pairs.get(("", ""), 0.0)), one) for one in _changing(experiment) if one.pair]
    born = sum(
        count * one.edges_born(experiment.mechanisms.get(one.name) or one.Parameters())
        for count, one in plastic
        if one.edges_born is not None
    )
    return Size(nodes, sum(pairs.values()), sum(count for count, _ in plastic), born, rows, reading)


def _changing(experiment: Experiment) -> list[Mechanism]:
    """Mechanisms, switched on, that change edges."""
    known = (*ORDER, *experiment.own_mechanisms)
    return [one for one in known if one.edges and experiment.mechanisms.get(one.name, True) is not False]


def memory_of(size: Size, experiment: Experiment) -> float:
    """Peak memory in bytes of the process that runs an experiment of this size with compiled kernels."""
    if not size.nodes:
        return _PROCESS_ALONE
    memory = _PROCESS + size.synapses * _SYNAPSE + size.nodes * _NODE + size.plastic * _PLASTIC
    memory += size.plastic * _MEASURED * experiment.recording.measures
    return max(memory, _PROCESS_ALONE + size.reading)


def file_of(size: Size, experiment: Experiment) -> float:
    """Bytes of the trajectory file of an experiment of this size."""
    recording, seconds = experiment.recording, experiment.duration - experiment.begin
    file = _FILE + size.synapses * _FILE_EDGE + size.rows * (_FILE_ROW if size.nodes else _FILE_ROW_ALONE)
    file += len(recording.node_signals) * size.rows * size.nodes * 4.0
    if size.nodes and recording.spikes:
        file += _FILE_SPIKES + _seconds_of_spikes(size, experiment) * size.nodes * _RATE * _FILE_SPIKE
    if size.plastic:
        each = size.plastic * _FILE_SNAPSHOT + _FILE_MEASURES * recording.measures
        file += len(graph_times(experiment)) * each + 2.0 * size.born * seconds / _DAY * _FILE_EVENT  # as many die
    return file


def _seconds_of_spikes(size: Size, experiment: Experiment) -> float:
    """Network time whose spikes are stored, slow steps taken to be of one length."""
    window, windows = experiment.schedule.window, 0.0
    step = (experiment.duration - experiment.begin) / max(1, size.rows - 1 - baseline_windows(experiment))
    for begin, end in experiment.recording.spikes:
        at_rest = max(0.0, min(end, experiment.begin) - begin) / window
        later = max(0.0, min(end, experiment.duration) - max(begin, experiment.begin)) / step
        windows += max(1.0, at_rest + later)
    return windows * window


def refuse_what_cannot_work(experiment: Experiment, out: Path | None = None, graph: Any = None) -> None:
    """Refuse a run that this machine cannot hold; without `out` the file, too, is kept in memory.

    Raises
    ------
    ResourceError
        Saying what is needed, what is free, and which keys to change.
    """
    size = size_of(experiment, graph)
    check_memory(size, experiment, free_memory(), in_memory=out is None)
    if out is not None:
        check_disk(size, experiment, free_disk(out), out)


def check_memory(size: Size, experiment: Experiment, free: float, in_memory: bool = False) -> None:
    """Refuse a run whose estimated memory is over `free` bytes; `in_memory` if the file is kept there."""
    needed = memory_of(size, experiment) + (file_of(size, experiment) if in_memory else 0.0)
    if needed > free:
        keys = _smaller(size, experiment)
        if size.plastic and experiment.recording.measures and size.rows <= _MANY_ROWS:
            keys.append("set `recording.measures: false`")
        what = f"the run needs about {in_words(needed)} of memory, {in_words(free)} are free"
        raise ResourceError(f"{what} ({_size_in_words(size)}); {' or '.join(keys)}")


def check_disk(size: Size, experiment: Experiment, free: float, out: Path) -> None:
    """Refuse a run whose estimated file, with its checkpoint, is over `free` bytes."""
    file = file_of(size, experiment)
    checkpoints = 2.0 * (size.nodes * _CHECKPOINT_NODE + size.plastic * _CHECKPOINT_SYNAPSE)
    if file + checkpoints > free:
        recorded = [key for key in ("node_signals", "spikes") if getattr(experiment.recording, key)]
        keys = [*_smaller(size, experiment), *(f"leave out `recording.{key}`" for key in recorded)]
        remedy = " or ".join([*keys, "write elsewhere with -o"])
        raise ResourceError(
            f"{out} will take about {in_words(file)} and its checkpoint {in_words(checkpoints)} on the way, "
            f"{in_words(free)} are free there ({_size_in_words(size)}); {remedy}; `ketasim check` says what a run takes"
        )


def _size_in_words(size: Size) -> str:
    rows = f"{size.rows:,} rows"
    return f"{size.nodes:,} neurons, about {size.synapses:,.0f} synapses, {rows}" if size.nodes else rows


def _smaller(size: Size, experiment: Experiment) -> list[str]:
    """Keys that make a run smaller, the most useful first."""
    if size.rows > _MANY_ROWS:
        return ["lengthen `schedule.step` or shorten `duration`"]
    if experiment.circuit is not None:
        return ["lower `network.scale` or the circuit's neurons"]
    return ["lower `network.neurons`" if isinstance(experiment.network, NetworkModel) else "take a smaller network"]


def in_words(size: float) -> str:
    """Say a number of bytes as people do.

    >>> in_words(7.26e9), in_words(8.2e6), in_words(1.5e13)
    ('7.3 GB', '8.2 MB', '15 TB')
    """
    unit, factor = next(((unit, factor) for unit, factor in (("TB", 1e12), ("GB", 1e9)) if size >= factor), ("MB", 1e6))
    return f"{size / factor:.2g} {unit}" if size < 100 * factor else f"{size / factor:.0f} {unit}"


def free_memory() -> float:
    """Bytes that this process may still take: free on the machine, and within the limit of its group on Linux."""
    import psutil

    groups = Path("/sys/fs/cgroup")
    return min(float(psutil.virtual_memory().available), group_memory(Path("/proc/self/cgroup"), groups))


def group_memory(group: Path, groups: Path) -> float:
    """Bytes left to the group of processes (cgroup, version 2) that a batch system or container sets a limit for.

    group : file whose line ``0::/PATH`` names the group. groups : folder of all groups. Infinite without a limit.
    """
    try:
        named = [line[3:].strip("/") for line in group.read_text().splitlines() if line.startswith("0::")]
    except OSError:
        return float("inf")
    left = float("inf")
    for folder in (folder for name in named for folder in (groups / name, *(groups / name).parents)):
        try:
            limit, used = ((folder / file).read_text().strip() for file in ("memory.max", "memory.current"))
            left = min(left, float(limit) - float(used)) if limit != "max" else left
        except (OSError, ValueError):
            continue
    return max(0.0, left)


def free_disk(out: Path) -> float:
    """Bytes free where `out` will lie; its folder need not exist yet."""
    folder = next((one for one in Path(out).absolute().parents if one.exists()), Path(out).absolute().parent)
    try:
        return float(shutil.disk_usage(folder).free)
    except OSError:  # a file system that does not say; the writer will find out
        return float("inf")


def forecast(simulation: Simulation) -> list[tuple[str, float | str, str]]:
    """Rows (quantity, value, unit): size, windows, memory, file and wall time of a simulation that has not begun.

    How many windows will be skipped because nothing has moved is a guess from runs with and without doses; with it, and
    with other load, wall time is uncertain by a factor of about 1.5. Without a network there are only slow steps.
    """
    experiment, steps = simulation.experiment, simulation.schedule.size - 1
    rows: list[tuple[str, float | str, str]] = [("slow steps", steps, "1")]
    if simulation.topology is None:
        return rows
    topology, schedule = simulation.topology, experiment.schedule
    plastic = float(sum(one.edges.source.size for one in simulation.plastic_edges))
    size = size_of(experiment, topology)
    size = size._replace(plastic=plastic, born=size.born * plastic / max(1.0, size.plastic))
    (most, likely), measured = windows_after_baseline(simulation), baseline_windows(experiment)
    rows += [(f"{name} neurons", count, "1") for name, count in topology.sizes.items()]
    rows += [
        ("synapses", topology.n_edges, "1"),
        ("windows, at most", measured + most, "1"),
        ("windows, about", measured + likely, "1"),
        ("network time, about", schedule.baseline + LONG_SETTLE + likely * (schedule.settle + schedule.window), "s"),
        ("memory", memory_of(size, experiment) / 1e6, "MB"),
        ("file", file_of(size, experiment) / 1e6, "MB"),
        ("wall time", wall_time(simulation, size, likely), "s"),
    ]
    return rows


def windows_after_baseline(simulation: Simulation) -> tuple[int, int]:
    """Windows after the baseline: at most, and about.

    Until estimates rest on 60 s of network time, each slow time after a dose has a window; later, what a dose has set
    going moves the network again and again. At rest next to none is run.
    """
    experiment, schedule, times = simulation.experiment, simulation.experiment.schedule, simulation.schedule.size
    most = times if schedule.budget is None else min(times, schedule.budget)
    drug = any(experiment.catalogue[dose.drug].compounds for dose in experiment.doses)
    moved = bool(drug or experiment.stimuli or experiment.own_mechanisms)
    first = min(times, int((Estimation().enough - schedule.memory) / schedule.window) + 1) if moved else 0
    likely = round(first + (_MOVED if moved else _AT_REST) * (times - first)) if schedule.skip else times
    return most, min(most, likely)


def wall_time(simulation: Simulation, size: Size, windows: int) -> float:
    """Time in s that `ketasim run` will take on this machine, `windows` of them after the baseline."""
    experiment, schedule = simulation.experiment, simulation.experiment.schedule
    network_time = windows * (schedule.settle + schedule.window)
    if not _baseline_is_stored(simulation):
        network_time += schedule.baseline + LONG_SETTLE
    per_second, per_step = _trial(simulation)
    measured = len(graph_times(experiment)) * size.plastic * _MEASURED_EDGE * experiment.recording.measures
    own = _START + size.synapses * _EDGE + size.rows * _ROW + measured
    return network_time * per_second + (simulation.schedule.size - 1) * per_step + own


def _baseline_is_stored(simulation: Simulation) -> bool:
    """Whether the run will find its baseline in the user's cache."""
    experiment, place = simulation.experiment, baseline.folder()
    if place is None or any(start < experiment.begin for start, _ in experiment.recording.spikes):
        return False
    assert simulation.sampler is not None
    return (place / f"{simulation.sampler.baseline_key(simulation.signals)}.npz").exists()


def _trial(simulation: Simulation) -> tuple[float, float]:
    """Wall time in s per second of network time, and per slow step beside, with drug in the brain; changes nothing."""
    before, engine = copy.deepcopy(simulation.state), simulation.engine
    assert engine is not None
    length = float(np.median(np.diff(simulation.schedule)))
    steps = min(steps_of(simulation.experiment.schedule.window), steps_of(0.2))
    taken = []
    for _ in range(2):  # the first of each compiles
        if simulation.experiment.doses:
            simulation.signals["brain_concentration"] += 1.0  # uM
        begin = time.perf_counter()
        engine.measure(simulation.signals, 0, steps)
        middle = time.perf_counter()
        simulation.advance_mechanisms(length)
        taken.append((middle - begin, time.perf_counter() - middle))
    simulation.state = before
    engine.rest()
    return taken[-1][0] / (steps / steps_of(1.0)), taken[-1][1]
