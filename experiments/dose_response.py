"""Rates and glutamate against dose: five doses over 40 min against vehicle, paired by seed.

Each seed has its own graph and afferent noise, which all its doses share (common random numbers). Changes from 10 to 60
min in per cent of the vehicle, with standard errors over four seeds.

    python experiments/dose_response.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import pandas
from common import ADVICE, in_percent, options, store

import ketasim

KEY = "doses.0.amount"
DOSES = ("0.1 mg/kg", "0.25 mg/kg", "0.5 mg/kg", "1 mg/kg", "2 mg/kg")
NUMBERS = [("firing_rate", name) for name in ("PYR", "PV", "SST")] + [("glutamate_perisynaptic", "PYR")]


def main() -> None:
    """Run all doses and seeds, store the table and the figure."""
    chosen = options(__file__)
    changes = ["duration=1 h", "schedule.step=2 min", "recording={}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    doses, seeds = {KEY: ["0 mg/kg", *DOSES]}, chosen.size(4, 2)
    found = ketasim.sweep(experiment, doses, seeds, jobs=chosen.jobs, out=chosen.out, keep="summary")
    tables = []
    for dose in DOSES:
        table = ketasim.compare(found.sel({KEY: dose}), found.sel({KEY: "0 mg/kg"}))
        tables.append(in_percent(table, NUMBERS, "10 min to 60 min").assign(dose=dose))
    rows = pandas.concat(tables)
    store(rows[["dose", *rows.columns.drop("dose")]], chosen, figure_of(rows))


def figure_of(rows: pandas.DataFrame) -> plt.Figure:
    """Draw changes with standard errors against dose, one line per quantity."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    doses = [float(dose.split()[0]) for dose in DOSES]
    for (quantity, population), of_one in rows.groupby(["quantity", "population"], sort=False):
        errors, label = of_one["standard_error_percent"], f"{population} {quantity.replace('_', ' ')}"
        axes.errorbar(doses, of_one["change_percent"], errors, marker="o", capsize=3, label=label)
    axes.axhline(0.0, color="0.5", lw=0.8)
    axes.set(xscale="log", xlabel="ketamine over 40 min (mg/kg)", ylabel="change against vehicle, 10-60 min (%)")
    axes.set_xticks(doses, [f"{dose:g}" for dose in doses])
    axes.minorticks_off()
    axes.legend(frameon=False)
    axes.set_title(ADVICE.capitalize(), fontsize=10)
    return figure


if __name__ == "__main__":
    main()
