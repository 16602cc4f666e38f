"""What the hypothesis `cortical_afferents` does with the surge and with interneurons, and whether the circuit recovers.

The human infusion and the rat's dose with a share sigma of afferents that follow the pyramidal cells: the default
circuit with eight seeds, and the ten most robust other sets of weights that agree with calibration C1, one seed each.
Running estimates in three intervals, in per cent of the vehicle, with standard errors over seeds or sets, and in how
many runs a change is positive or larger than 20 %. Runs of circuits that run away are stopped, and counted. Beside it,
with the default circuit: without synaptic plasticity and scaling, and with shorter steps.

    python experiments/cortical_afferents.py [--quick] [--jobs N]
"""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas
import xarray
from common import ADVICE, RAT, SALINE, options, store

import ketasim

KEY = "mechanisms.cortical_afferents.share"
ARMS = {"human": {}, "rat": RAT, "human vehicle": SALINE, "rat vehicle": RAT | SALINE}
PLASTIC = ("surface_ampa", "homeostatic_scaling", "inhibitory_plasticity", "synaptogenesis")
NO_PLASTICITY = {f"mechanisms.{name}": False for name in PLASTIC}
INTERVALS = {"10-60 min": (1 / 6, 1.0), "3-6 h": (3.0, 6.0), "23-24 h": (23.0, 24.0)}  # h
NUMBERS = {f"rate of {name}": ("firing_rate", name) for name in ("PYR", "PV", "SST")}
NUMBERS |= {"glutamate": ("glutamate_perisynaptic", "PYR")}
FAR = 20.0  # per cent


def main() -> None:
    """Run all circuits, store the table and the figure."""
    chosen = options(__file__)
    # the loop comes to its equilibrium in several steps, not in seconds
    changes = ["recording={measures: false}", "schedule.step=5 min", "duration=24 h", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    finer = experiment.replace(**{"schedule.step": "2 min", "duration": "6 h"})
    human = {name: ARMS[name] for name in ("human", "human vehicle")}
    shares, sets = chosen.size([0, 0.3, 0.5, 0.6, 0.7], [0, 0.5]), ketasim.weight_sets(agree="C1")[1:]
    cases = {
        "default": (experiment, {KEY: shares}, ARMS, chosen.size(8, 2)),
        "ten sets": (experiment, {KEY: shares, "network.weights": sets[: chosen.size(10, 2)]}, ARMS, 1),
        "no plasticity": (experiment.replace(**NO_PLASTICITY), {KEY: shares[::2]}, human, chosen.size(8, 2)),
        "steps of 2 min": (finer, {KEY: [0.5]}, human, chosen.size(4, 2)),
    }
    rows = []
    for case, (one, varied, arms, seeds) in cases.items():
        found = ketasim.sweep(one, varied, seeds, arms, chosen.jobs, out=chosen.out / case.replace(" ", "_"))
        for dose in (arm for arm in arms if "vehicle" not in arm):
            for share in varied[KEY]:
                drug, vehicle = (found.sel({KEY: share, "arm": arm}) for arm in (dose, f"{dose} vehicle"))
                rows += [(case, dose, share, *row) for row in rows_of(drug, vehicle)]
    columns = ("circuits", "dose", "share", "interval", "quantity", "change_percent", "standard_error")
    table = pandas.DataFrame(rows, columns=(*columns, "up", "far", "ran_away", "runs"))
    store(table, chosen, figure_of(table), failed=True)


def rows_of(drug: xarray.Dataset, vehicle: xarray.Dataset) -> Iterator[tuple]:
    """Yield changes of one dose with one share: of how many runs they are positive, far from rest, unknown."""
    for interval, hours in INTERVALS.items():
        span = slice(*(3600.0 * hour for hour in hours))
        if drug["time"].values[-1] < span.start:
            return
        for words, (signal, population) in NUMBERS.items():
            now, rest = (one[signal].sel(time=span, population=population).mean("time") for one in (drug, vehicle))
            change = 100.0 * (now / rest - 1.0).values.ravel()
            known = change[~np.isnan(change)]  # a run that is stopped has no values
            error = known.std(ddof=1) / np.sqrt(known.size)
            counts = (known > 0.0).sum(), (np.abs(known) > FAR).sum(), change.size - known.size, change.size
            yield (interval, words, known.mean(), error, *counts)


def figure_of(table: pandas.DataFrame) -> plt.Figure:
    """Draw changes against the share: a row for each dose, a column for each interval, the ten sets dashed."""
    figure, panels = plt.subplots(2, len(INTERVALS), figsize=(11, 7), sharex=True, layout="constrained")
    places = [(dose, interval) for dose in ("human", "rat") for interval in INTERVALS]
    for (dose, interval), axes in zip(places, panels.flat, strict=True):
        here = table[(table["dose"] == dose) & (table["interval"] == interval)]
        for number, quantity in enumerate(NUMBERS):
            for circuits, line in (("default", "o-"), ("ten sets", "s--")):
                one = here[(here["quantity"] == quantity) & (here["circuits"] == circuits)]
                mean, error = one["change_percent"], one["standard_error"]
                label = f"{quantity}, {circuits}"
                axes.errorbar(one["share"], mean, error, fmt=line, color=f"C{number}", capsize=3, label=label)
        axes.axhline(0.0, color="0.5", lw=0.8)
        axes.set_yscale("symlog", linthresh=10.0)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_title(f"{dose}, {interval}", fontsize=10)
    panels[0, 0].legend(frameon=False, fontsize=7)
    figure.supxlabel("share of afferents that follow pyramidal cells")
    figure.supylabel("change against vehicle (%)")
    figure.suptitle(f"The hypothesis cortical_afferents; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
