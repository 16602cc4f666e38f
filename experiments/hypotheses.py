"""Which hypotheses of what explains the effect can be told apart: those of ``configs/hypotheses``, in one sweep.

10 mg/kg in a rat against its vehicle for a day, eight seeds of the default circuit and the ten most robust other sets
of weights that agree with calibration C1. Of each hypothesis the changes in per cent, and how far they are from those
of the model with everything on, with standard errors over seeds and over sets. A circuit that runs away is stopped, and
counted.

    python experiments/hypotheses.py [--quick] [--jobs N]
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, SALINE, options, store
from stamps import HERE

import ketasim

ALL, VEHICLE = "everything", "vehicle"
#: Words -> quantity, population, instant and statistic in the summary of a run.
NUMBERS = {
    "PYR rate": ("firing_rate", "PYR", "10 min to 60 min", "mean"),
    "PV rate": ("firing_rate", "PV", "10 min to 60 min", "mean"),
    "SST rate": ("firing_rate", "SST", "10 min to 60 min", "mean"),
    "glutamate": ("glutamate_perisynaptic", "PYR", "10 min to 60 min", "mean"),
    "BDNF": ("bdnf", "PYR", "", "peak"),
    "p70S6K": ("p70s6k", "PYR", "", "peak"),
    "surface AMPA": ("surface_ampa", "PYR", "4 h", "value"),
    "spine density": ("spine_density", "PYR", "24 h", "value"),
}
SAID = ("mechanisms", "drugs", "doses")  # of an experiment that a hypothesis changes


def main() -> None:
    """Run all hypotheses, store the table and the figure."""
    chosen = options(__file__)
    shorter = ["schedule.baseline=100 s", "schedule.spacing=3 h"]  # each hypothesis has a baseline of its own
    changes = ["duration=24 h", "recording={measures: false}", *shorter, *chosen.smaller]
    experiment = ketasim.load_experiment("rat_dose", changes)
    sets = ketasim.weight_sets(agree="C1")[1:][: chosen.size(10, 2)]
    circuits = {"default": ({}, chosen.size(8, 2)), "sets": ({"network.weights": sets}, 1)}
    tables = []
    for name, (varied, seeds) in circuits.items():
        out = chosen.out / name
        ketasim.sweep(experiment, varied, seeds, arms(), chosen.jobs, out=out, keep="summary")
        tables.append(changes_of(out, ["seed", *varied]).assign(circuits=name))
    table = pandas.concat(tables)
    store(table[["circuits", *table.columns.drop("circuits")]], chosen, figure_of(table), failed=True)


def arms() -> dict[str, dict[str, Any]]:
    """Return the changes of each hypothesis, and those of the vehicle."""
    found: dict[str, dict[str, Any]] = {ALL: {}, VEHICLE: SALINE}
    for file in sorted((HERE.parent / "configs" / "hypotheses").glob("*.yaml")):
        if "." not in file.stem:  # no drug file
            data = ketasim.load_experiment(file).given()["data"]
            steps = {f"schedule.{key}": value for key, value in data.get("schedule", {}).items()}
            found[file.stem] = {key: data[key] for key in SAID if key in data} | steps
    return found


def changes_of(out, circuits: list[str]) -> pandas.DataFrame:
    """Return the changes of each hypothesis against the vehicle, and against everything on."""
    by, rows = ["quantity", "population", "at", "statistic", *circuits, "arm"], []
    failed = ketasim.sweep_runs(out).groupby("arm")["state"].agg(lambda states: (states == "failed").sum())
    values = ketasim.sweep_summary(out).groupby(by)["value"].mean().unstack("arm")
    change = 100.0 * (values.div(values[VEHICLE], axis=0) - 1.0)
    for words, key in NUMBERS.items():
        of_number = change.loc[key]
        for arm in of_number.columns.drop(VEHICLE):
            own, apart = of_number[arm].dropna(), (of_number[arm] - of_number[ALL]).dropna()
            errors = [one.std(ddof=1) / np.sqrt(len(one)) for one in (own, apart)]
            rows.append((arm, words, own.mean(), errors[0], apart.mean(), errors[1], len(own), failed[arm]))
    columns = ("hypothesis", "quantity", "change_percent", "standard_error", "from_everything", "its_error")
    return pandas.DataFrame(rows, columns=(*columns, "runs", "ran_away"))


def figure_of(table: pandas.DataFrame) -> plt.Figure:
    """Draw changes against hypotheses, a panel for each quantity, the ten sets beside the default circuit."""
    figure, panels = plt.subplots(2, 4, figsize=(14, 8), sharey=True, layout="constrained")
    names = [ALL, *sorted(set(table["hypothesis"]) - {ALL})]
    for axes, quantity in zip(panels.flat, NUMBERS, strict=True):
        for shift, (circuits, mark) in enumerate((("default", "o"), ("sets", "s"))):
            one = table[(table["quantity"] == quantity) & (table["circuits"] == circuits)].set_index("hypothesis")
            one = one.reindex(names)  # one under which every circuit ran away has no row
            mean, error = one["change_percent"], one["standard_error"]
            places = np.arange(len(names))[::-1] - 0.25 * shift
            axes.errorbar(mean, places, xerr=error, fmt=mark, ms=4, capsize=2, label=circuits)
        axes.axvline(0.0, color="0.5", lw=0.8)
        axes.set_title(quantity, fontsize=10)
        axes.set_yticks(np.arange(len(names))[::-1], [name.replace("_", " ") for name in names], fontsize=8)
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.supxlabel("change against vehicle (%)")
    figure.suptitle(f"Hypotheses, rat, 10 mg/kg; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
