"""What rates and glutamate do between 10 h and 2 d after the human infusion, and whether the estimates follow.

Eight seeds, each its own circuit. At each time the estimate that mechanisms read is compared with a direct measurement:
the network is run from a copy of its state for 100 s under the slow signals of that time.

    python experiments/rebound.py [SEEDS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from pathlib import Path

import numpy as np

import ketasim
from ketasim.engines import STEPS_PER_SECOND

RESULTS = Path(__file__).parent / "results"
HOURS = (10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 24.0, 30.0, 36.0, 48.0)
SIGNALS = ("firing_rate", "vesicle_release")
SETTLE, BATCH, BATCHES = 2 * STEPS_PER_SECOND, 10 * STEPS_PER_SECOND, 10


def direct(simulation: ketasim.Simulation) -> dict[str, np.ndarray]:
    """Return class means (P,) by signal over 100 s at the present slow signals."""
    engine, first = simulation.engine, round(simulation.time * STEPS_PER_SECOND)
    before = deepcopy(engine.state)
    engine.settle(simulation.signals, first, SETTLE)
    starts = [first + SETTLE + index * BATCH for index in range(BATCHES)]
    batches = [engine.measure(simulation.signals, start, BATCH).population for start in starts]
    engine.state = before
    return {name: np.mean([batch[name] for batch in batches], axis=0) for name in SIGNALS}


def measure(seed: int) -> np.ndarray:
    """Return (hours, signals, populations, 3): direct, estimate, its standard error; in per cent from baseline."""
    simulation = ketasim.Simulation(ketasim.load_experiment("human_infusion", ["duration=49 h", f"seed={seed}"]))
    simulation.measure_baseline()
    estimates = simulation.sampler.estimates
    rest, found = estimates.population(), []
    for hours in HOURS:
        while simulation.time < 3600.0 * hours:
            simulation.step()
        values, now, error = direct(simulation), estimates.population(), estimates.standard_error()
        rows = [
            (values[name] / rest[name] - 1, now[name] / rest[name] - 1, error[name] / rest[name]) for name in SIGNALS
        ]
        found.append(100.0 * np.array(rows).transpose(0, 2, 1))
    return np.array(found)


def main() -> None:
    """Run all seeds, print and store."""
    seeds = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 8))
    with ProcessPoolExecutor(max_workers=2) as pool:
        runs = np.array(list(pool.map(measure, seeds)))  # (seeds, hours, signals, populations, 3)
    mean, error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / len(runs) ** 0.5
    stated = np.sqrt((runs[..., 2] ** 2).mean(axis=0))
    apart = (runs[..., 1] - runs[..., 0]).std(axis=0, ddof=1)
    with open(RESULTS / "rebound.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("hours", "signal", "population", "direct", "its_error", "estimate", "its_error", "spread", "stated")
        )
        for at, name, index in np.ndindex(*mean.shape[:3]):
            place = at, name, index
            found = (*np.ravel([mean[place][:2], error[place][:2]], order="F"), apart[place], stated[place])
            words = f"{HOURS[at]:g}", SIGNALS[name], ("PYR", "PV", "SST")[index]
            writer.writerow((*words, *(f"{number:.3f}" for number in found)))
            print("{:>2} h {:<16} {:<4}".format(*words), "  ".join(f"{number:+.2f}" for number in found))


if __name__ == "__main__":
    main()
