"""What sampling the network costs in accuracy: pairing of arms, and the budget of windows.

Pairing. Infusion and vehicle of the same seed share graph and afferent noise; how much smaller is the error of their
difference for it? Variances over seeds of the difference of means from 10 to 60 min: with windows in both arms at the
same times, with the vehicle at rest (it skips all windows and is known from its baseline), and what the stored errors
of the arms would give if their noise were independent.

Budget. The same difference when only so many windows may be run in three hours.

    python experiments/network_sampling.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
QUANTITIES = ("firing_rate_PYR", "firing_rate_PV", "firing_rate_SST", "glutamate_perisynaptic_PYR")
ARMS = {
    "infusion": [],
    "vehicle with windows": ["doses.0.drug=saline", "schedule.skip=false"],
    "vehicle at rest": ["doses.0.drug=saline"],
    "infusion, budget 96": ["schedule.budget=96"],
    "infusion, budget 48": ["schedule.budget=48"],
    "infusion, budget 24": ["schedule.budget=24"],
}


def measure(task: tuple[str, int]) -> list[float]:
    """Means from 10 to 60 min, their stored standard errors, and the windows run, of one arm and seed."""
    arm, seed = task
    changes = ["duration=3 h", "schedule.step=1 min", "recording={}", f"seed={seed}", *ARMS[arm]]
    summary = ketasim.run(ketasim.load_experiment("human_infusion", changes)).summary
    values = [
        number(summary, *quantity.rsplit("_", 1), "10 min to 60 min", "mean")
        for number in (ketasim.value_of, ketasim.error_of)
        for quantity in QUANTITIES
    ]
    return [*values, ketasim.value_of(summary, "windows_run", statistic="count")]


def main() -> None:
    """Run all arms, print and store the table."""
    seeds = range(1, 1 + int(sys.argv[1]) if len(sys.argv) > 1 else 17)
    with ProcessPoolExecutor(max_workers=2) as pool:
        results = {arm: np.array(list(pool.map(measure, [(arm, seed) for seed in seeds]))) for arm in ARMS}
    n = len(QUANTITIES)
    rest = results["vehicle at rest"][:, :n]
    rows = []
    for arm in ARMS:
        if arm.startswith("vehicle"):
            continue
        vehicles = ("vehicle with windows", "vehicle at rest") if arm == "infusion" else ("vehicle at rest",)
        for vehicle in vehicles:
            other = results[vehicle]
            change = 100.0 * (results[arm][:, :n] - other[:, :n]) / rest
            independent = 100.0 * np.hypot(results[arm][:, n : 2 * n], other[:, n : 2 * n]) / rest
            for index, quantity in enumerate(QUANTITIES):
                mean, spread = change[:, index].mean(), change[:, index].std(ddof=1)
                stated = np.sqrt(np.mean(independent[:, index] ** 2))
                windows = results[arm][:, -1].mean()
                rows.append((arm, vehicle, quantity, mean, spread, stated, (spread / stated) ** 2, windows, len(seeds)))
                print(f"{arm:<20} {vehicle:<21} {quantity:<27} {mean:+7.2f} spread {spread:.2f} stated {stated:.2f} %")
    with open(RESULTS / "network_sampling.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            (
                "arm",
                "against",
                "quantity",
                "change_percent",
                "spread_over_seeds_percent",
                "stated_if_independent_percent",
                "variance_ratio",
                "windows",
                "seeds",
            )
        )
        table.writerows((*row[:3], *(f"{value:.3f}" for value in row[3:7]), f"{row[7]:.0f}", row[8]) for row in rows)


if __name__ == "__main__":
    main()
