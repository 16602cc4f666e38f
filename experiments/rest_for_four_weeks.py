"""Whether the resting state is stable for four weeks with every mechanism on and spines turning over.

Eight seeds, no dose, a window every four hours whether anything has moved or not. For each class the largest deviation
of its running estimate from that at the start, which rests on the baseline, and the trend of single windows, which a
run that skips windows would miss. In per cent, trends per 28 d; `its_error` is that of the largest trend in its run.

    python experiments/rest_for_four_weeks.py [--quick] [--jobs N]
"""

import numpy as np
import pandas
from common import options, store
from scipy.stats import linregress

import ketasim

NETWORK = ("firing_rate", "vesicle_release", "ampa_throughput", "nmda_throughput", "ampa_throughput_circuit")
SLOW = ("glutamate_perisynaptic", "bdnf", "p70s6k", "synaptic_protein", "surface_ampa", "homeostatic_scale")
SPINES = ("spine_density", "synaptic_weight")


def main() -> None:
    """Run all seeds, store the table."""
    chosen = options(__file__)
    changes = ["recording={measures: false}", "schedule.skip=false", "schedule.step=4 h", *chosen.smaller]
    experiment = ketasim.load_experiment("vehicle", [f"duration={chosen.size('28 d', '4 d')}", *changes])
    found = ketasim.sweep(experiment, replicates=chosen.size(8, 2), jobs=chosen.jobs, out=chosen.out)
    times, rows = found["time"].values / (28.0 * 86400.0), []
    for name in (*NETWORK, *SLOW, *SPINES):
        for population in found["population"].values:
            estimates = found[name].sel(population=population).transpose("seed", "time").values
            if np.isnan(estimates).any():  # of a mechanism that does not act on the class
                continue
            windows = found[f"{name}_window" if name in NETWORK else name].sel(population=population)
            rest = estimates[:, :1]
            relative = 100.0 * windows.transpose("seed", "time").values / rest
            fits = [linregress(times, one) for one in relative]
            trends, largest = np.array([fit.slope for fit in fits]), max(fits, key=lambda fit: abs(fit.slope))
            mean, error = trends.mean(), trends.std(ddof=1) / len(trends) ** 0.5
            deviation = 100.0 * np.abs(estimates / rest - 1.0).max()
            rows.append((name, population, deviation, mean, error, largest.slope, largest.stderr))
    columns = ("signal", "population", "largest_deviation", "trend", "standard_error", "largest_trend", "its_error")
    store(pandas.DataFrame(rows, columns=columns), chosen)


if __name__ == "__main__":
    main()
