"""Headline numbers over circuits: the human infusion and the rat's dose against vehicle, for a week.

All sets of weights that agree with calibration C1, two seeds each. For each number the mean over seeds in every
circuit; then median and 5-95 % over circuits, beside the default circuit's.

    python experiments/headline.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, RAT, SALINE, options, store

import ketasim

ARMS = {"human": {}, "human vehicle": SALINE, "rat": RAT, "rat vehicle": RAT | SALINE}
#: Words -> quantity, population, instant and statistic; all relative to the vehicle.
NUMBERS = {
    "PYR rate, 10-60 min": ("firing_rate", "PYR", "10 min to 60 min", "mean"),
    "PV rate, 10-60 min": ("firing_rate", "PV", "10 min to 60 min", "mean"),
    "SST rate, 10-60 min": ("firing_rate", "SST", "10 min to 60 min", "mean"),
    "glutamate, 10-60 min": ("glutamate_perisynaptic", "PYR", "10 min to 60 min", "mean"),
    "BDNF, peak": ("bdnf", "PYR", "", "peak"),
    "p70S6K, peak": ("p70s6k", "PYR", "", "peak"),
    "surface AMPA, 4 h": ("surface_ampa", "PYR", "4 h", "value"),
    "spine density, 24 h": ("spine_density", "PYR", "24 h", "value"),
    "spine density, 7 d": ("spine_density", "PYR", "7 d", "value"),
}


def main() -> None:
    """Run, and store the table and the figure."""
    chosen = options(__file__)
    sets = ketasim.weight_sets(agree="C1")[: chosen.size(None, 2)]
    changes = ["duration=7 d", "recording={measures: false}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    default, seeds = experiment.network.weights.set, chosen.size(2, 1)  # the default set comes first
    ketasim.sweep(experiment, {"network.weights": sets}, seeds, ARMS, chosen.jobs, out=chosen.out, keep="summary")
    by = ["quantity", "population", "at", "statistic", "arm", "network.weights"]
    values, rows = ketasim.sweep_summary(chosen.out).groupby(by)["value"].mean().unstack("arm"), []
    for species in ("human", "rat"):
        change = 100.0 * (values[species] / values[f"{species} vehicle"] - 1.0)
        for words, key in NUMBERS.items():
            of_sets = change.loc[key].dropna()
            low, middle, high = np.percentile(of_sets, [5, 50, 95])
            rows.append((species, words, of_sets[default], middle, low, high, (of_sets > 0).mean(), len(of_sets)))
    columns = ("species", "number", "default", "median", "5 %", "95 %", "share_up", "circuits")
    found = pandas.DataFrame(rows, columns=columns)
    store(found, chosen, figure_of(found))


def figure_of(found: pandas.DataFrame) -> plt.Figure:
    """Draw median and 5-95 % over circuits, and the default circuit as a ring."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
    for axes, (species, rows) in zip(panels, found.groupby("species", sort=False), strict=True):
        places = np.arange(len(rows))[::-1]
        axes.set(xscale="symlog", title=species, xlabel="change against vehicle (%)", yticks=places)
        axes.margins(x=0.08)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.hlines(places, rows["5 %"], rows["95 %"], color="0.6")
        axes.plot(rows["median"], places, "o", color="#2471a3", label="median of circuits")
        axes.plot(rows["default"], places, "o", mfc="none", mec="#c0392b", ms=9, label="default circuit")
        axes.axvline(0.0, color="0.5", lw=0.8)
        axes.set_yticklabels(rows["number"])
    panels[1].legend(frameon=False, fontsize=8)
    figure.suptitle(f"Circuits that agree with C1; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
