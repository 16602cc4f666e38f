"""How long four weeks take, and where the time goes: 1,000 neurons on one core."""

import time
from collections.abc import Callable
from typing import Any

import ketasim
from benchmarks.measure import Row
from ketasim.recording import recorder
from ketasim.simulation import loop, sampler
from ketasim.storage import writer

_TASKS = {
    "vehicle, 28 d": ["doses.0.drug=saline"],
    "one infusion, 28 d": [],
    "eight infusions, 28 d": ["doses.0.repeat={every: 3.5 d, count: 8}"],
    "eight infusions, budget 300": ["doses.0.repeat={every: 3.5 d, count: 8}", "schedule.budget=300"],
}
#: What is timed: name -> class and method.
_PLACES: dict[str, tuple[type, str]] = {
    "baseline": (sampler.NetworkSampler, "_run_baseline"),
    "windows": (sampler.NetworkSampler, "_run_window"),
    "mechanisms": (loop.Simulation, "advance_mechanisms"),
    "recording": (recorder.Recorder, "record"),
    "end of file": (writer.TrajectoryWriter, "finish"),
}


def measure(quick: bool) -> list[Row]:
    """Seconds of each run and of its parts, once each; kernels are compiled before, baselines measured anew."""
    _run("vehicle, 28 d", ["duration=1 h", "schedule.baseline=2 s"])
    return [_run(task, []) for task in (list(_TASKS)[:3] if quick else _TASKS)]


def _run(task: str, changes: list[str]) -> Row:
    taken = dict.fromkeys(_PLACES, 0.0)
    kept = {place: getattr(*place) for place in _PLACES.values()}
    find, sampler.baseline.load = sampler.baseline.load, lambda key: None
    for name, (owner, method) in _PLACES.items():
        setattr(owner, method, _timed(kept[owner, method], taken, name))
    try:
        experiment = ketasim.load_experiment(
            "human_infusion", ["duration=28 d", "recording={}", *_TASKS[task], *changes]
        )
        begin = time.perf_counter()
        summary = ketasim.run(experiment).summary
        total = time.perf_counter() - begin
    finally:
        sampler.baseline.load = find
        for (owner, method), function in kept.items():
            setattr(owner, method, function)
    numbers = {name: ketasim.value_of(summary, name, statistic="count") for name in ("windows_run", "windows_skipped")}
    numbers["network_time"] = ketasim.value_of(summary, "network_time")
    seconds = {name: round(value, 1) for name, value in ({"total": total} | taken).items()}
    return {"task": task, **numbers, "seconds": seconds}


def _timed(function: Callable[..., Any], taken: dict[str, float], name: str) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            taken[name] += time.perf_counter() - begin

    return timed
