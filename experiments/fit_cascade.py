"""How well the fitted findings determine the parameters of the cascade (docs/fitting.md).

Each fitted parameter is set to fractions of its default while all others are kept: BDNF after 30 min in the mouse (E5),
the time course of p70S6K in the rat (E1), spine density after 24 h in the rat (F1). Two seeds each.

    python experiments/fit_cascade.py [SEEDS]
"""

import csv
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
SHARES = (0.5, 0.75, 1.0, 1.5, 2.0)


class Finding(NamedTuple):
    """A finding: the run that shows it, how it is read from PYR over time in h, and its band."""

    run: str
    measure: Callable[[np.ndarray, dict[str, np.ndarray]], float]
    band: tuple[float, float]


def left(hours: np.ndarray, signals: dict[str, np.ndarray]) -> float:
    """Return the fraction of p70S6K's peak rise that remains at 2.5 h."""
    rise = signals["p70s6k"] - 1.0
    return float(np.interp(2.5, hours, rise) / rise.max())


RUNS = {
    "mouse": ["duration=1 h", "subject.species=mouse", "doses.0.amount=3 mg/kg"],
    "rat": ["duration=3 h"],
    "rat, a day": ["duration=25 h"],
}
FINDINGS = {
    "E5: BDNF at 0.5 h": Finding("mouse", lambda hours, x: float(np.interp(0.5, hours, x["bdnf"])), (1.15, np.inf)),
    "E1: peak of p70S6K, h": Finding("rat", lambda hours, x: float(hours[np.argmax(x["p70s6k"])]), (0.3, 1.2)),
    "E1: left at 2.5 h": Finding("rat", left, (-np.inf, 0.25)),
    "F1: density at 24 h": Finding(
        "rat, a day", lambda hours, x: float(np.interp(24.0, hours, x["spine_density"])), (1.05, 1.40)
    ),
}
#: Parameter -> (default, unit in the file, runs of the findings that it was fitted to).
FITTED = {
    "bdnf.translation_gain": (8.5, "", ["mouse"]),
    "bdnf.turnover": (3600.0, " s", ["mouse", "rat"]),
    "mtorc1.feedback": (70.0, "", ["rat"]),
    "mtorc1.adaptation": (31_500.0, " s", ["rat"]),
    "synaptogenesis.formation_gain": (30.0, "", ["rat, a day"]),
}


def measure(task: tuple[str, float, str, int]) -> dict[str, float]:
    """Return the findings of one run at a fraction of one parameter's default."""
    parameter, share, run, seed = task
    default, unit, _ = FITTED[parameter]
    changed = [f"mechanisms.{parameter}={default * share:g}{unit}", f"seed={seed}", "recording={measures: false}"]
    trajectory = ketasim.run(ketasim.load_experiment("rat_dose", [*RUNS[run], *changed]))
    hours = trajectory["bdnf"]["time"].values / 3600.0
    names = ("bdnf", "p70s6k", "spine_density")
    signals = {name: trajectory[name].sel(population="PYR").values for name in names}
    return {name: finding.measure(hours, signals) for name, finding in FINDINGS.items() if finding.run == run}


def main() -> None:
    """Run all, print and store the table."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 2))
    cases = [(name, share, run) for name in FITTED for share in SHARES for run in FITTED[name][2]]
    tasks = [(*case, seed) for case in cases for seed in seeds]
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = dict(zip(tasks, pool.map(measure, tasks), strict=True))
    with open(RESULTS / "fit_cascade.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("parameter", "share_of_default", "finding", "mean", "spread", "inside"))
        for name, share, run in cases:
            for finding in found[name, share, run, seeds[0]]:
                values = np.array([found[name, share, run, seed][finding] for seed in seeds])
                low, high = FINDINGS[finding].band
                inside = "yes" if low <= values.mean() <= high else "no"
                writer.writerow((name, share, finding, f"{values.mean():.4f}", f"{np.ptp(values):.4f}", inside))
                print(f"{name:<30} x {share:<5g} {finding:<24} {values.mean():8.3f} ({np.ptp(values):.3f}) {inside}")


if __name__ == "__main__":
    main()
