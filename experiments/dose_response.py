"""Rates and glutamate against dose: five doses over 40 min against vehicle, paired by seed.

Each seed is a graph and a stream of afferent noise of its own; all doses of a seed share both. Stores a table and a
figure of the changes from 10 to 60 min with standard errors over seeds.

    python experiments/dose_response.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
DOSES = (0.1, 0.25, 0.5, 1.0, 2.0)  # mg/kg
QUANTITIES = {
    "firing_rate_PYR": "PYR rate",
    "firing_rate_PV": "PV rate",
    "firing_rate_SST": "SST rate",
    "glutamate_perisynaptic_PYR": "perisynaptic glutamate",
}


def measure(task: tuple[float, int]) -> list[float]:
    """Means from 10 to 60 min at one dose (mg/kg; 0 is saline) and seed."""
    dose, seed = task
    changes = ["duration=1 h", "schedule.step=2 min", "recording={}", f"seed={seed}"]
    changes.append(f"doses.0.amount={dose} mg/kg" if dose else "doses.0.drug=saline")
    trajectory = ketasim.run(ketasim.load_experiment("human_infusion", changes))
    summary = trajectory.summary
    return [ketasim.value_of(summary, *quantity.rsplit("_", 1), "10 min to 60 min", "mean") for quantity in QUANTITIES]


def main() -> None:
    """Run all doses and seeds, store the table, draw the figure."""
    seeds = range(1, 1 + int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    tasks = [(dose, seed) for dose in (0.0, *DOSES) for seed in seeds]
    with ProcessPoolExecutor(max_workers=2) as pool:
        values = np.array(list(pool.map(measure, tasks))).reshape(1 + len(DOSES), len(seeds), len(QUANTITIES))
    change = 100.0 * (values[1:] / values[0] - 1.0)
    means, errors = change.mean(axis=1), change.std(axis=1, ddof=1) / np.sqrt(len(seeds))
    with open(RESULTS / "dose_response.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("dose_mg_per_kg", "quantity", "change_percent", "standard_error_percent", "seeds"))
        for i, dose in enumerate(DOSES):
            for j, quantity in enumerate(QUANTITIES):
                writer.writerow((dose, quantity, f"{means[i, j]:.3f}", f"{errors[i, j]:.3f}", len(seeds)))
                print(f"{dose:5g} mg/kg  {QUANTITIES[quantity]:<24} {means[i, j]:+7.2f} +- {errors[i, j]:.2f} %")
    draw(means, errors)


def draw(means: np.ndarray, errors: np.ndarray) -> None:
    """Draw changes with standard errors against dose, one line a quantity."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for j, words in enumerate(QUANTITIES.values()):
        axes.errorbar(DOSES, means[:, j], errors[:, j], marker="o", capsize=3, label=words)
    axes.axhline(0.0, color="0.5", lw=0.8)
    axes.set_xscale("log")
    axes.set_xticks(DOSES, [f"{dose:g}" for dose in DOSES])
    axes.minorticks_off()
    axes.set_xlabel("ketamine over 40 min (mg/kg)")
    axes.set_ylabel("change against vehicle, 10-60 min (%)")
    axes.legend(frameon=False)
    axes.set_title("Model; not medical advice", fontsize=10)
    figure.savefig(RESULTS / "dose_response.png", dpi=110)


if __name__ == "__main__":
    main()
