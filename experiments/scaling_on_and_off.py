"""How much homeostatic scaling compensates: the rat's dose for a week with and without it.

Three seeds; firing rate, strength of synapses and spine density of pyramidal cells relative to vehicle of the same
seed.

    python experiments/scaling_on_and_off.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
ARMS = {"with scaling": [], "without scaling": ["mechanisms.homeostatic_scaling=off"]}
SIGNALS = ("firing_rate", "surface_ampa", "synaptic_protein", "homeostatic_scale", "spine_density")
HOURS = (4.0, 24.0, 72.0, 168.0)


def measure(task: tuple[str, str, int]) -> dict[str, np.ndarray]:
    """Return the time courses of pyramidal cells in one run: name -> (T,), and hours."""
    arm, drug, seed = task
    changes = ["recording={measures: false}", f"seed={seed}", f"doses.0.drug={drug}", *ARMS[arm]]
    trajectory = ketasim.run(ketasim.load_experiment("rat_dose", changes))
    hours = trajectory["firing_rate"]["time"].values / 3600.0
    names = [name for name in SIGNALS if name in trajectory]
    found = {name: trajectory[name].sel(population="PYR").values[hours >= 0.0] for name in names}
    found["firing_rate"] = found["firing_rate"] / found["firing_rate"][0]
    return found | {"hours": hours[hours >= 0.0]}


def main() -> None:
    """Run both arms and their vehicles, print and store the table, draw the courses."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 3))
    tasks = [(arm, drug, seed) for arm in ARMS for drug in ("ketamine", "saline") for seed in seeds]
    with ProcessPoolExecutor(max_workers=2) as pool:
        runs = dict(zip(tasks, pool.map(measure, tasks), strict=True))
    figure, panels = plt.subplots(len(SIGNALS), 1, figsize=(7, 10), sharex=True, layout="constrained")
    with open(RESULTS / "scaling_on_and_off.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arm", "signal", "hours", "change_percent", "standard_error"))
        for arm in ARMS:
            for name, axes in zip(SIGNALS, panels, strict=True):
                if name not in runs[arm, "ketamine", 1]:
                    continue
                change = [runs[arm, "ketamine", seed][name] - runs[arm, "saline", seed][name] for seed in seeds]
                mean, error = (
                    100.0 * np.mean(change, axis=0),
                    100.0 * np.std(change, axis=0, ddof=1) / len(seeds) ** 0.5,
                )
                hours = runs[arm, "ketamine", 1]["hours"]
                for at in HOURS:
                    row = int(np.searchsorted(hours, at - 1e-6))
                    writer.writerow((arm, name, at, f"{mean[row]:.3f}", f"{error[row]:.3f}"))
                    print(f"{arm:<16} {name:<18} {at:5.0f} h {mean[row]:+8.3f} +- {error[row]:.3f} %")
                axes.plot(hours / 24.0, mean, label=arm)
                axes.fill_between(hours / 24.0, mean - error, mean + error, alpha=0.25, lw=0)
                axes.set_ylabel(f"{name.replace('_', ' ')}\n(%)", fontsize=8)
                axes.axhline(0.0, color="0.5", lw=0.6)
    panels[0].legend(frameon=False, fontsize=8)
    panels[-1].set_xlabel("days")
    figure.suptitle("Rat, 10 mg/kg, against vehicle; model, not medical advice", fontsize=10)
    figure.savefig(RESULTS / "scaling_on_and_off.png", dpi=110)


if __name__ == "__main__":
    main()
