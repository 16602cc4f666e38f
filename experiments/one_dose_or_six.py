"""One infusion or six: what repeated doses add over four weeks in a human.

Three seeds; 0.5 mg/kg over 40 min once, or three times a week for two weeks, against saline on the same days.

    python experiments/one_dose_or_six.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
ARMS = {
    "one": ("human_infusion", ["duration=28 d"]),
    "six": ("six_infusions", []),
    "vehicle of one": ("human_infusion", ["duration=28 d", "doses.0.drug=saline"]),
    "vehicle of six": ("six_infusions", ["doses.0.drug=saline", "doses.1.drug=saline"]),
}
SIGNALS = ("bdnf", "synaptic_protein", "homeostatic_scale", "spine_density")
DAYS = (1.0, 7.0, 12.0, 14.0, 28.0)


def measure(task: tuple[str, int]) -> dict[str, np.ndarray]:
    """Return hours and the time courses of pyramidal cells in one run."""
    config, changes = ARMS[task[0]]
    trajectory = ketasim.run(
        ketasim.load_experiment(config, [*changes, "recording={measures: false}", f"seed={task[1]}"])
    )
    hours = trajectory["bdnf"]["time"].values / 3600.0
    found = {name: trajectory[name].sel(population="PYR").values[hours >= 0.0] for name in SIGNALS}
    return found | {"days": hours[hours >= 0.0] / 24.0}


def main() -> None:
    """Run all arms, print and store the table, draw the courses."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 3))
    tasks = [(arm, seed) for arm in ARMS for seed in seeds]
    with ProcessPoolExecutor(max_workers=2) as pool:
        runs = dict(zip(tasks, pool.map(measure, tasks), strict=True))
    figure, panels = plt.subplots(len(SIGNALS), 1, figsize=(8, 9), sharex=True, layout="constrained")
    with open(RESULTS / "one_dose_or_six.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arm", "signal", "day", "change_percent", "standard_error", "lowest", "highest"))
        for arm in ("one", "six"):
            for name, axes in zip(SIGNALS, panels, strict=True):
                values = np.array([runs[arm, seed][name] for seed in seeds])
                change = 100.0 * (values - [runs[f"vehicle of {arm}", seed][name] for seed in seeds])
                mean, error = change.mean(axis=0), change.std(axis=0, ddof=1) / len(seeds) ** 0.5
                days = runs[arm, 1]["days"]
                for day in DAYS:
                    row = int(np.searchsorted(days, day - 1e-6))
                    rest = (f"{mean[row]:.3f}", f"{error[row]:.3f}", f"{values.min():.4f}", f"{values.max():.4f}")
                    writer.writerow((arm, name, day, *rest))
                    print(f"{arm:<4} {name:<18} day {day:4.0f} {mean[row]:+8.3f} +- {error[row]:.3f} %")
                axes.plot(days, mean, label=f"{arm} infusion{'s' * (arm == 'six')}")
                axes.fill_between(days, mean - error, mean + error, alpha=0.25, lw=0)
                axes.set_ylabel(f"{name.replace('_', ' ')}\n(%)", fontsize=8)
                axes.axhline(0.0, color="0.5", lw=0.6)
    panels[0].legend(frameon=False, fontsize=8)
    panels[-1].set_xlabel("days")
    figure.suptitle("One infusion or six against vehicle; model, not medical advice", fontsize=10)
    figure.savefig(RESULTS / "one_dose_or_six.png", dpi=110)


if __name__ == "__main__":
    main()
