"""What an experiment will cost, from its built network, its schedule and short trials on this machine."""

import copy
import time
from collections.abc import Callable

import numpy as np

from ketasim.config.estimation import Estimation
from ketasim.config.graph_times import graph_times
from ketasim.kernels.graph import bytes_per_synapse
from ketasim.kernels.records import FastClock, new_activity
from ketasim.simulation import baseline_cache
from ketasim.simulation.coupling import later, measure, modulation, network_inputs, settle
from ketasim.simulation.footprint import Size, file_of, looks_for_communities, memory_of, size_of
from ketasim.simulation.loop import Simulation
from ketasim.simulation.sampler import LONG_SETTLE, baseline_windows, steps_of

#: Share of the slow times at which the network is run once estimates rest on enough of it: after a dose, or at rest.
_MOVED, _AT_REST = 0.95, 0.1
#: Fast steps of a trial: the network settles, then runs without and with measuring.
_SETTLE_STEPS, _TRIAL_STEPS, _SHORT_WINDOW = 1000, 2000, 10
#: s of this machine's trials at most, after which a large network is judged by what was seen.
_PATIENCE = 3.0

#: s that plain Python takes for `_reference_work` on the machine on which the next numbers were measured; s of such
#: work to start, to build and store an edge, to measure the graph per plastic edge (with and without communities) and a
#: row of the file.
_REFERENCE = 0.035
_START, _EDGE, _MEASURED_WITH_COMMUNITIES, _MEASURED, _MEASURES, _ROW = 1.0, 4e-6, 27e-6, 7e-6, 0.1, 2e-3


def estimate(simulation: Simulation) -> list[tuple[str, float | str, str]]:
    """Rows (quantity, value, unit): size, windows, memory, file and wall time.

    How many windows will be skipped because nothing has moved is a guess from runs with and without doses. The wall
    time comes from short trials of the network and of the slow step on this machine as it is now; other load, and the
    guess, make it uncertain by a factor of about 1.5. A baseline that is stored already takes no time. Without a
    network there is nothing but slow steps to tell.
    """
    experiment, network = simulation.experiment, simulation.network
    n_steps = simulation.schedule.size - 1
    rows: list[tuple[str, float | str, str]] = [("slow steps", n_steps, "1")]
    if network is None:
        return rows
    topology, schedule = network.topology, experiment.schedule
    size = size_of(network, simulation.structure is not None, n_steps)
    most, likely = windows_after_baseline(simulation)
    baseline = baseline_windows(experiment)
    per_window = schedule.settle + schedule.window
    rows += [(f"{name} neurons", count, "1") for name, count in topology.sizes.items()]
    rows += [
        ("synapses", topology.n_edges, "1"),
        ("kernel graph", bytes_per_synapse(network.graph), "bytes/synapse"),
        ("windows, at most", baseline + most, "1"),
        ("windows, about", baseline + likely, "1"),
        ("network time, about", schedule.baseline + LONG_SETTLE + likely * per_window, "s"),
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
    experiment = simulation.experiment
    schedule = experiment.schedule
    times = simulation.schedule.size
    most = times if schedule.budget is None else min(times, schedule.budget)
    drug = any(experiment.catalogue[dose.drug].compounds for dose in experiment.doses)
    moved = bool(drug or experiment.stimuli or experiment.own_mechanisms)
    first = min(times, int((Estimation().enough - schedule.memory) / schedule.window) + 1) if moved else 0
    likely = round(first + (_MOVED if moved else _AT_REST) * (times - first)) if schedule.skip else times
    return most, min(most, likely)


def wall_time(simulation: Simulation, size: Size, windows: int) -> float:
    """Time in s that `ketasim run` will take on this machine, `windows` of them after the baseline."""
    experiment = simulation.experiment
    schedule, baseline = experiment.schedule, baseline_windows(experiment)
    per_second, per_window, per_step = _network_trial(simulation)
    network_time = windows * (schedule.settle + schedule.window)
    if not _baseline_is_stored(simulation):
        network_time += schedule.baseline + LONG_SETTLE
        windows += baseline
    other = _START + _EDGE * size.synapses + _ROW * (size.steps + 1 + baseline)
    if size.plastic and experiment.recording.measures:
        per_edge = _MEASURED_WITH_COMMUNITIES if looks_for_communities(size) else _MEASURED
        other += len(graph_times(experiment)) * (_MEASURES + per_edge * size.plastic)
    slow = size.steps * (per_step + _slow_step_trial(simulation))
    return network_time * per_second + windows * per_window + slow + other * _speed()


def _baseline_is_stored(simulation: Simulation) -> bool:
    """Whether the run will find its baseline in the user's cache."""
    experiment, network, place = simulation.experiment, simulation.network, baseline_cache.folder()
    if network is None or place is None or any(begin < 0.0 for begin, _ in experiment.recording.spikes):
        return False
    rest, steps = modulation(network, simulation.signals), steps_of(experiment.schedule.window)
    key = baseline_cache.key(network, rest, experiment.seed, steps, baseline_windows(experiment))
    return (place / f"{key}.npz").exists()


def _network_trial(simulation: Simulation) -> tuple[float, float, float]:
    """Wall time in s per second of network time, per window beside, and per slow step to see whether anything moved.

    Measured on a throw-away state of the resting network; the first call compiles.
    """
    network, threads = simulation.network, simulation.experiment.threads
    assert network is not None
    activity, state = new_activity(network.graph, network.parameters), modulation(network, simulation.signals)
    clock = FastClock(np.uint64(0), np.int64(0), np.int64(0))
    measure(network, activity, state, clock, _SHORT_WINDOW, threads)
    clock, steps = later(clock, _SHORT_WINDOW), _SETTLE_STEPS
    taken = _timed(lambda: settle(network, activity, state, clock, _SETTLE_STEPS, threads))
    clock = later(clock, _SETTLE_STEPS)
    if taken < _PATIENCE:
        steps = _TRIAL_STEPS
        taken = _timed(lambda: settle(network, activity, state, clock, _TRIAL_STEPS, threads))
        clock = later(clock, _TRIAL_STEPS)
    per_second = taken / (steps * network.parameters.step * 1e-3)
    short = _SHORT_WINDOW * network.parameters.step * 1e-3
    window = _timed(lambda: measure(network, activity, state, clock, _SHORT_WINDOW, threads))
    nodes = np.zeros(network.topology.n_nodes)
    look = _timed(lambda: network_inputs(network, state, {"nmda_gating": nodes, "firing_rate": nodes}))
    return per_second, max(0.0, window - short * per_second), look


def _slow_step_trial(simulation: Simulation) -> float:
    """Wall time in s of a slow step without the network: mechanisms and spines.

    Steps of the shortest, the middle and the longest length are tried on a copy, with drug in the brain if there are
    doses.
    """
    copied, lengths = copy.copy(simulation), np.sort(np.diff(simulation.schedule))
    copied.sampler = copy.copy(simulation.sampler)
    copied.structure = simulation._new_structure()
    found = []
    for index in (0, 0, lengths.size // 2, lengths.size - 1):  # the first call compiles
        copied.signals = {name: array.copy() for name, array in copied.signals.items()}
        if simulation.experiment.doses:
            copied.signals["brain_concentration"] += 1.0  # uM
        length = float(lengths[index])
        found.append(_timed(lambda: copied._advance_mechanisms(length)))  # noqa: B023
        copied.time += length
    return float(np.mean(found[1:]))


def _speed() -> float:
    """How much slower than on the machine of reference plain Python is on this one, now."""
    return min(_timed(_reference_work) for _ in range(3)) / _REFERENCE


def _reference_work() -> None:
    table = dict.fromkeys(range(1000), 0)
    for number in range(300_000):
        table[number % 1000] += number


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


__all__ = ["estimate", "wall_time", "windows_after_baseline"]
