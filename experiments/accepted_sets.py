"""What the human infusion does in circuits that were accepted without any drug, in whole runs.

The search for weights (``calibrate_network.py``) held ketamine's concentration and let only block, glutamate and
autoreceptors act. Here the first 150 of the drawn sets get the infusion with everything on: plasticity, and weights
that grow with spines. Drug and vehicle, one seed; rates in two intervals and density after a day, in per cent of the
vehicle. Sets are drawn in order, so the fractions stand for all that were accepted.

    python experiments/accepted_sets.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, SALINE, options, store

import ketasim

INTERVALS = {"10-60 min": slice(600.0, 3600.0), "3-6 h": slice(3 * 3600.0, 6 * 3600.0)}
CLASSES = ("PYR", "PV", "SST")
SETS, CENTRED = 150, 100_000  # from this number on, sets were solved again for the middle of C0, not drawn
TOGETHER = 25  # sets in one sweep, so that more can follow


def main() -> None:
    """Run all sets, store the table and the figure."""
    chosen = options(__file__)
    changes = ["recording={measures: false}", f"duration={chosen.size('24 h', '6 h')}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    sets = sorted(one for one in ketasim.weight_sets() if one < CENTRED)[: chosen.size(SETS, 4)]
    agreeing, tables = set(ketasim.weight_sets(agree="C1")), []
    for first in range(0, len(sets), TOGETHER):
        varied = {"network.weights": sets[first : first + TOGETHER]}
        arms, out = {"drug": {}, "vehicle": SALINE}, chosen.out / f"from_{sets[first]}"
        found = ketasim.sweep(experiment, varied, arms=arms, jobs=chosen.jobs, out=out)
        drug, vehicle = (found.sel(arm=arm).squeeze("seed") for arm in arms)
        columns = {"set": found["network.weights"].values}
        for name in CLASSES:
            for words, span in INTERVALS.items():
                now, rest = (one["firing_rate"].sel(population=name, time=span).mean("time") for one in (drug, vehicle))
                columns[f"{name}, {words}, %"] = 100.0 * (now / rest - 1.0).values
        now, rest = (one["spine_density"].sel(population="PYR").isel(time=-1) for one in (drug, vehicle))
        columns["spine density, end, %"] = 100.0 * (now / rest - 1.0).values
        tables.append(pandas.DataFrame(columns))
    table = pandas.concat(tables)
    table["agrees_c1"] = table["set"].isin(agreeing)
    store(table, chosen, figure_of(table), failed=True)


def figure_of(table: pandas.DataFrame) -> plt.Figure:
    """Draw interneurons against pyramidal cells, a panel for each interval, a dot for each set."""
    figure, panels = plt.subplots(1, len(INTERVALS), figsize=(10, 4.5), layout="constrained")
    for axes, words in zip(panels, INTERVALS, strict=True):
        pyramidal = table[f"PYR, {words}, %"]
        for name in CLASSES[1:]:
            axes.plot(pyramidal, table[f"{name}, {words}, %"], "o", ms=3, label=name)
        axes.axhline(0.0, color="0.5", lw=0.8)
        axes.axvline(0.0, color="0.5", lw=0.8)
        up = np.mean(pyramidal.dropna() > 0.0)
        axes.set_title(f"{words}: PYR up in {up:.0%} of {pyramidal.notna().sum()} sets", fontsize=10)
        axes.set_xlabel("change of the PYR rate (%)")
    panels[0].set_ylabel("change of interneurons (%)")
    panels[0].legend(frameon=False)
    figure.suptitle(f"Human infusion in accepted sets of weights; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
