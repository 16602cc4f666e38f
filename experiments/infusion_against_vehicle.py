"""Compare a dose with its vehicle: the human infusion and the dose of most rodent studies.

Eight seeds, each a graph and a stream of afferent noise of its own. For each, the human infusion (0.5 mg/kg over
40 min, intravenous), the same with NMDA blockade switched off, and 10 mg/kg into the peritoneum of a rat are compared
with the vehicle of that seed. Prints and stores paired differences from 10 to 60 min with standard errors over seeds,
in per cent of the vehicle. Who must be blocked for an effect is the question of ``circuit_controls.py``.

    python experiments/infusion_against_vehicle.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

HERE = Path(__file__).parent
#: arm -> configuration, changes, and the arm that it is compared with.
ARMS = {
    "human vehicle": ("human_infusion", ["doses.0.drug=saline"], ""),
    "rat vehicle": ("rat_dose", ["doses.0.drug=saline"], ""),
    "human infusion": ("human_infusion", [], "human vehicle"),
    "human infusion, blockade off": ("human_infusion", ["mechanisms.nmda_blockade=off"], "human vehicle"),
    "rat dose": ("rat_dose", [], "rat vehicle"),
}
QUANTITIES = (
    "firing_rate_PYR",
    "firing_rate_PV",
    "firing_rate_SST",
    "glutamate_perisynaptic_PYR",
    "glutamate_ambient_PYR",
)


def measure(task: tuple[str, int]) -> list[float]:
    """Means from 10 to 60 min of one arm and seed."""
    arm, seed = task
    config, changes, _ = ARMS[arm]
    common = ["duration=1 h", "schedule.step=1 min", "recording={}", f"seed={seed}"]
    trajectory = ketasim.run(ketasim.load_experiment(config, common + changes))
    summary = trajectory.summary
    return [ketasim.value_of(summary, *quantity.rsplit("_", 1), "10 min to 60 min", "mean") for quantity in QUANTITIES]


def main() -> None:
    """Run all arms, print and store the table, draw it."""
    seeds = range(1, 1 + int(sys.argv[1]) if len(sys.argv) > 1 else 9)
    with ProcessPoolExecutor(max_workers=2) as pool:
        results = {arm: np.array(list(pool.map(measure, [(arm, seed) for seed in seeds]))) for arm in ARMS}
    rows = []
    for arm, (_, _, vehicle) in ARMS.items():
        if not vehicle:
            continue
        change = 100.0 * (results[arm] / results[vehicle] - 1.0)
        error = change.std(axis=0, ddof=1) / np.sqrt(len(seeds))
        rows += [(arm, *row) for row in zip(QUANTITIES, change.mean(axis=0), error, strict=True)]
    with open(HERE / "results" / "infusion_against_vehicle.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arm", "quantity", "change_percent", "standard_error_percent", "seeds"))
        writer.writerows((arm, name, f"{mean:.3f}", f"{error:.3f}", len(seeds)) for arm, name, mean, error in rows)
    for arm, name, mean, error in rows:
        print(f"{arm:<29} {name:<28} {mean:+7.2f} +- {error:.2f} %")
    draw(rows)


def draw(rows: list[tuple[str, str, float, float]]) -> None:
    """Changes with standard errors, one group of bars an arm."""
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    for index, arm in enumerate(dict.fromkeys(row[0] for row in rows)):
        chosen = [row for row in rows if row[0] == arm]
        places = np.arange(len(chosen)) + 0.25 * (index - 1)
        axes.errorbar(places, [row[2] for row in chosen], [row[3] for row in chosen], fmt="o", capsize=3, label=arm)
    axes.axhline(0.0, color="0.5", lw=0.8)
    axes.set_xticks(range(len(QUANTITIES)), [name.replace("_", " ") for name in QUANTITIES], fontsize=8)
    axes.set_ylabel("change against vehicle, 10-60 min (%)")
    axes.legend(frameon=False)
    axes.set_title("Ketamine against vehicle; model, not medical advice", fontsize=10)
    figure.savefig(HERE / "results" / "infusion_against_vehicle.png", dpi=110)


if __name__ == "__main__":
    main()
