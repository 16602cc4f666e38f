"""Repeats in turn, what they say together, and on what they were taken."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

import ketasim
from benchmarks.worker import Worker
from ketasim.kernels.jit import CACHE_FOLDER

Row = dict[str, Any]

_PACKAGES = ("numpy", "numba", "llvmlite", "brian2", "nest-simulator", "Cython")


def interleaved(settings: Sequence[Row], repeats: int) -> list[Row]:
    """Prepare one process per setting, let each run once in turn, ``repeats`` times, and say what they measured.

    A setting may have a ``repeats`` of its own, which is lower.
    """
    workers, wanted = [], []
    for given in settings:
        setting = dict(given)
        wanted.append(min(repeats, setting.pop("repeats", repeats)))
        print(f"  {described(setting)} ...", flush=True)
        workers.append(Worker(setting))
    runs: list[list[Row]] = [[] for _ in workers]
    for repeat in range(repeats):
        for worker, taken, number in zip(workers, runs, wanted, strict=True):
            if repeat < number:
                taken.append(worker.run())
    for worker in workers:
        worker.close()
    return [_row(worker, taken) for worker, taken in zip(workers, runs, strict=True)]


def _row(worker: Worker, runs: Sequence[Row]) -> Row:
    row = dict(worker.setting) | worker.prepared
    for name in runs[0]:
        row[name] = [run[name] for run in runs]
    row["rate"] = sum(row["rate"]) / len(runs)
    return row | spread(row["seconds"])


def spread(seconds: Sequence[float]) -> Row:
    """Median and range of repeats."""
    return {"median": median(seconds), "low": min(seconds), "high": max(seconds)}


def described(setting: Row) -> str:
    """A setting in a few words."""
    words = [setting["simulator"], f"{setting['case']}_{setting['n']}"]
    words += [str(setting[name]) for name in ("mode", "precision", "formulation") if name in setting]
    return ", ".join([*words, f"{setting.get('threads', 1)} thread(s)"])


def machine() -> Row:
    """Processor and system; nothing that names the computer."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Installed versions of what is compared."""
    found = {"ketasim": ketasim.__version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def stamp() -> Row:
    """When, and with which kernels."""
    return {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "kernels": CACHE_FOLDER.name}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            facts = dict(line.strip().split(":", 1) for line in file if line.count(":") == 1)
    except OSError:
        return platform.processor()
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    name = facts.get("model name", platform.processor())
    if "model" in facts:
        name += f" (family {facts.get('cpu family')}, model {facts['model']})"
    return name
