"""ketasim's side: `run_window` as `ketasim.run` calls it, with all that a window measures."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from benchmarks.networks import STEP, Case
from ketasim.kernels.graph import bytes_per_synapse
from ketasim.kernels.records import FastClock, new_activity
from ketasim.kernels.spiking_network import run_window


def prepare(
    case: Case, threads: int = 1, duration: float = 1000.0, warm_up: float = 300.0, quiet: bool = False
) -> tuple[dict[str, Any], Callable[[], dict[str, float]]]:
    """Compile, or load from the cache, and return what that took and the function that runs once.

    duration, warm_up : ms, of the timed part of a run and of what goes before it. Each run starts from rest, with
    a seed of its own.
    quiet : afferents are drawn, but open nothing.
    """
    if quiet:
        synapses = case.parameters.synapses
        nothing = np.zeros_like(synapses.afferent_ampa)
        synapses = synapses._replace(afferent_ampa=nothing, afferent_nmda=nothing)
        case = replace(case, parameters=case.parameters._replace(synapses=synapses))
    before, steps = round(warm_up / STEP), round(duration / STEP)

    seeds = count(1)

    def run() -> dict[str, float]:
        seed = next(seeds)
        activity = new_activity(case.graph, case.parameters)
        if before:
            _window(case, activity, (seed, 0), before, threads)
        begin, cpu = time.perf_counter(), time.process_time()
        window = _window(case, activity, (seed, before), steps, threads)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        if window.overflow or not np.isfinite(activity.voltage).all():
            raise RuntimeError(f"{case.name} has run away")
        per_second = 1e3 / duration
        return {
            "seconds": seconds * per_second,
            "cpu_seconds": cpu * per_second,
            "rate": window.spike_node.size / case.n * per_second,
            "events": float(_out_degree(case)[window.spike_node].sum()) * per_second,
        }

    begin = time.perf_counter()
    _window(case, new_activity(case.graph, case.parameters), (0, 0), 1, threads)
    prepared = {
        "compile_seconds": time.perf_counter() - begin,
        "build_seconds": 0.0,
        "bytes_per_synapse": bytes_per_synapse(case.graph),
    }
    return prepared, run


def _window(case: Case, activity: Any, begin: tuple[int, int], steps: int, threads: int) -> Any:
    seed, first = begin
    clock = FastClock(np.uint64(seed), np.int64(first), np.int64(first))
    return run_window(activity, case.graph, case.modulation, case.parameters, clock, steps, threads)


def _out_degree(case: Case) -> np.ndarray:
    return case.graph.row_end - case.graph.row_start
