"""What rates and glutamate do between 10 h and 2 d after the human infusion, and whether the estimates follow.

Eight seeds, each its own circuit. At each time the estimate that mechanisms read is compared with a direct measurement:
the network is run from a copy of its state for 100 s under the slow signals of that time, which no sweep does.

    python experiments/rebound.py [--quick] [--jobs N]
"""

from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy

import numpy as np
import pandas
from common import Options, options, store

import ketasim
from ketasim.engines import STEPS_PER_SECOND

HOURS = (10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 24.0, 30.0, 36.0, 48.0)
SIGNALS = ("firing_rate", "vesicle_release")
SETTLE, BATCH, BATCHES = 2 * STEPS_PER_SECOND, 10 * STEPS_PER_SECOND, 10
COLUMNS = ("direct", "direct_error", "estimate", "estimate_error", "spread", "stated")


def direct(simulation: ketasim.Simulation) -> dict[str, np.ndarray]:
    """Return class means (P,) by signal over 100 s at the present slow signals."""
    engine, first = simulation.engine, round(simulation.time * STEPS_PER_SECOND)
    before = deepcopy(engine.state)
    engine.settle(simulation.signals, first, SETTLE)
    starts = [first + SETTLE + index * BATCH for index in range(BATCHES)]
    batches = [engine.measure(simulation.signals, start, BATCH).population for start in starts]
    engine.state = before
    return {name: np.mean([batch[name] for batch in batches], axis=0) for name in SIGNALS}


def measure(task: tuple[int, Options]) -> np.ndarray:
    """Return (hours, signals, populations, 3): direct, estimate, its standard error; in per cent from baseline."""
    seed, chosen = task
    changes = ["duration=49 h", f"seed={seed}", *chosen.smaller]
    simulation = ketasim.Simulation(ketasim.load_experiment("human_infusion", changes))
    simulation.measure_baseline()
    estimates = simulation.sampler.estimates
    rest, found = estimates.population(), []
    for hours in chosen.size(HOURS, HOURS[:2]):
        while simulation.time < 3600.0 * hours:
            simulation.step()
        values, now, error = direct(simulation), estimates.population(), estimates.standard_error()
        rows = [
            (values[name] / rest[name] - 1, now[name] / rest[name] - 1, error[name] / rest[name]) for name in SIGNALS
        ]
        found.append(100.0 * np.array(rows).transpose(0, 2, 1))
    return np.array(found)


def main() -> None:
    """Run all seeds, store the table."""
    chosen = options(__file__)
    with ProcessPoolExecutor(max_workers=chosen.jobs) as pool:
        tasks = [(seed, chosen) for seed in range(1, 1 + chosen.size(8, 2))]
        runs = np.array(list(pool.map(measure, tasks)))  # (seeds, hours, signals, populations, 3)
    mean, error = runs.mean(axis=0), runs.std(axis=0, ddof=1) / len(runs) ** 0.5
    stated = np.sqrt((runs[..., 2] ** 2).mean(axis=0))
    apart = (runs[..., 1] - runs[..., 0]).std(axis=0, ddof=1)
    rows = []
    for place in np.ndindex(*mean.shape[:3]):
        at, name, index = place
        found = (*np.ravel([mean[place][:2], error[place][:2]], order="F"), apart[place], stated[place])
        rows.append((HOURS[at], SIGNALS[name], ("PYR", "PV", "SST")[index], *found))
    store(pandas.DataFrame(rows, columns=("hours", "signal", "population", *COLUMNS)), chosen)


if __name__ == "__main__":
    main()
