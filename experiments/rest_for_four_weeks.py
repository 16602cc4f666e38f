"""Whether the resting state is stable for four weeks with every mechanism on and spines turning over.

Eight seeds, no dose, a window every four hours whether anything has moved or not. For each class the largest deviation
of its running estimate from the baseline, and the trend of single windows, which a run that skips windows would miss.

    python experiments/rest_for_four_weeks.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
CHANGES = ["duration=28 d", "recording={measures: false}", "schedule.skip=false", "schedule.step=4 h"]
NETWORK = ("firing_rate", "vesicle_release", "ampa_throughput", "nmda_throughput", "ampa_throughput_circuit")
SLOW = ("glutamate_perisynaptic", "bdnf", "p70s6k", "synaptic_protein", "surface_ampa", "homeostatic_scale")
SPINES = ("spine_density", "synaptic_weight")


def measure(seed: int) -> list[tuple[str, str, float, float]]:
    """Return signal, class, largest deviation and trend in per cent (per 28 d) of one seed; errors of the trend."""
    rows = ketasim.run(ketasim.load_experiment("vehicle", [*CHANGES, f"seed={seed}"])).dataset("population")
    after = rows["time"].values >= 0.0
    days = rows["time"].values[after] / 86400.0
    days = days - days.mean()
    found = []
    for name in (*NETWORK, *SLOW, *SPINES):
        for index, population in enumerate(rows["population"].values):
            values = rows[name].values[:, index]
            rest = values[~after].mean() if name in NETWORK else 1.0
            if np.isnan(values[after]).any():  # of a mechanism that does not act on the class
                continue
            windows = rows[f"{name}_window"].values[after, index] if name in NETWORK else values[after]
            slope = days @ windows / (days @ days)
            left = windows - windows.mean() - days * slope
            error = np.sqrt(left @ left / (days.size - 2) / (days @ days))
            deviation = 100.0 * np.abs(values[after] / rest - 1.0).max()
            found.append((name, str(population), deviation, 2800.0 * slope / rest, 2800.0 * error / abs(rest)))
    return found


def main() -> None:
    """Run all seeds, print and store."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 8))
    with ProcessPoolExecutor(max_workers=2) as pool:
        runs = list(pool.map(measure, seeds))
    with open(RESULTS / "rest_for_four_weeks.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("signal", "population", "largest_deviation", "trend", "standard_error", "largest_trend", "its_error")
        )
        for rows in zip(*runs, strict=True):
            name, population = rows[0][:2]
            deviations, trends, errors = (np.array([row[column] for row in rows]) for column in (2, 3, 4))
            most = int(np.argmax(np.abs(trends)))
            numbers = (
                deviations.max(),
                trends.mean(),
                trends.std(ddof=1) / len(rows) ** 0.5,
                trends[most],
                errors[most],
            )
            writer.writerow((name, population, *(f"{number:.3f}" for number in numbers)))
            trend = (
                f"{numbers[1]:+.2f} +- {numbers[2]:.2f} % in 28 d, of one seed {numbers[3]:+.2f} +- {numbers[4]:.2f}"
            )
            print(f"{name:<24} {population:<4} largest deviation {numbers[0]:.2f} %, trend {trend}")


if __name__ == "__main__":
    main()
