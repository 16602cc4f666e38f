"""What drives BDNF: the surge (AMPA throughput), block of resting NMDA transmission (eEF2), both, or neither.

The rat's dose and the human infusion for twelve hours, three seeds each; BDNF and p70S6K of pyramidal cells relative to
baseline, with standard errors over seeds.

    python experiments/what_drives_bdnf.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
NO_SURGE, NO_EEF2 = "mechanisms.bdnf.follow_throughput=false", "mechanisms.eef2=off"
PATHS = {"both": [], "surge alone": [NO_EEF2], "eEF2 alone": [NO_SURGE], "neither": [NO_SURGE, NO_EEF2]}
CONFIGS = {"rat dose": "rat_dose", "human infusion": "human_infusion"}
SIGNALS = ("bdnf", "p70s6k", "ampa_throughput_circuit")


def measure(task: tuple[str, str, int]) -> np.ndarray:
    """Return time in h and the signals of pyramidal cells relative to baseline: (1 + signals, T)."""
    case, path, seed = task
    common = ["duration=12 h", "recording={measures: false}", f"seed={seed}", *PATHS[path]]
    trajectory = ketasim.run(ketasim.load_experiment(CONFIGS[case], common))
    after = trajectory["bdnf"]["time"].values >= 0.0
    rows = [trajectory[name].sel(population="PYR").values[after] for name in SIGNALS]
    return np.array([trajectory["bdnf"]["time"].values[after] / 3600.0, *(row / row[0] for row in rows)])


def main() -> None:
    """Run all paths, print and store peaks, draw the courses."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 3))
    tasks = [(case, path, seed) for case in CONFIGS for path in PATHS for seed in seeds]
    with ProcessPoolExecutor(max_workers=2) as pool:
        courses = dict(zip(tasks, pool.map(measure, tasks), strict=True))
    figure, panels = plt.subplots(len(SIGNALS), 2, figsize=(9, 8), sharex=True, layout="constrained")
    with open(RESULTS / "what_drives_bdnf.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("case", "path", "signal", "peak_percent", "standard_error", "hours_to_peak"))
        for column, case in enumerate(CONFIGS):
            panels[0, column].set_title(case)
            for path in PATHS:
                found = np.array([courses[case, path, seed] for seed in seeds])
                for row, name in enumerate(SIGNALS):
                    hours, change = found[0, 0], 100.0 * (found[:, row + 1] - 1.0)
                    mean, error = change.mean(axis=0), change.std(axis=0, ddof=1) / np.sqrt(len(found))
                    at = int(np.argmax(np.abs(mean)))
                    writer.writerow((case, path, name, f"{mean[at]:.2f}", f"{error[at]:.2f}", f"{hours[at]:.2f}"))
                    print(
                        f"{case:<15} {path:<12} {name:<24} {mean[at]:+7.2f} +- {error[at]:.2f} % at {hours[at]:.1f} h"
                    )
                    axes = panels[row, column]
                    axes.plot(hours, mean, label=path)
                    axes.fill_between(hours, mean - error, mean + error, alpha=0.25, lw=0)
                    axes.set_ylabel(f"{name.replace('_', ' ')} (%)", fontsize=8)
            panels[-1, column].set_xlabel("hours")
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.suptitle("What drives BDNF; model, not medical advice", fontsize=10)
    figure.savefig(RESULTS / "what_drives_bdnf.png", dpi=110)


if __name__ == "__main__":
    main()
