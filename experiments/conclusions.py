"""Which conclusions hold whatever the uncertain numbers are, and which number decides each.

Draws of a Latin hypercube from the priors of all mechanisms, of the shares of GluN2 subunits and of three drugs, each
in one of the circuits that agree with calibration C1; a rat for a day, against its vehicle with the same numbers. How
often each conclusion holds, with a binomial interval, and the numbers with which its effect has the largest rank
correlations.

    python experiments/conclusions.py [--quick] [--jobs N]
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, options, store
from ruamel.yaml import YAML
from scipy.stats import binomtest, norm, qmc, spearmanr

import ketasim
from ketasim.config.sweeps import Range
from ketasim.drugs import load_catalogue, numbers_of, redrawn
from ketasim.network.describe import network_rows
from ketasim.network.resting import Ranges

#: Drugs whose numbers are drawn, and their route.
ROUTES = {"ketamine": "intraperitoneal", "memantine": "intraperitoneal", "ly379268": "subcutaneous"}


#: Of the hundreds of circuits each needs to be known less well than one on its own.
FEWER_WINDOWS = ("schedule.baseline=60 s", "schedule.spacing=3 h")


def arm(drug: str, amount: str, duration: str = "90 min", *before: dict[str, str]) -> dict[str, Any]:
    """Return an arm with a dose at half an hour."""
    dose = {"drug": drug, "route": "intraperitoneal", "amount": amount, "start": "30 min"}
    return {"doses": [*before, dose], "duration": duration}


AGONIST = {"drug": "ly379268_drawn", "route": "subcutaneous", "amount": "3 mg/kg"}
ARMS = {
    "vehicle": arm("saline", "10 mg/kg", "24.5 h"),
    "10 mg/kg": arm("ketamine_drawn", "10 mg/kg", "24.5 h"),
    "30 mg/kg": arm("ketamine_drawn", "30 mg/kg"),
    "200 mg/kg": arm("ketamine_drawn", "200 mg/kg"),
    "memantine": arm("memantine_drawn", "20 mg/kg"),
    "agonist first": arm("ketamine_drawn", "30 mg/kg", "90 min", AGONIST),
}


def main() -> None:
    """Run all draws, store the table and the figure."""
    chosen = options(__file__)
    experiment = ketasim.load_experiment("rat_dose", [*FEWER_WINDOWS, "recording={measures: false}", *chosen.smaller])
    ranges, circuits, number = ranges_of(experiment), ketasim.weight_sets(agree="C1"), chosen.size(216, 6)
    places = pandas.DataFrame(qmc.LatinHypercube(len(ranges), rng=1).random(number), columns=list(ranges))
    entries = []
    for place, row in places.iterrows():
        values = {name: Range.model_validate(ranges[name]).at(fraction) for name, fraction in row.items()}
        circuit = {"network.weights": circuits[place % len(circuits)]}
        entries.append(circuit | changes_of(values, chosen.out.with_name(f"{chosen.out.name}_drugs") / f"{place}"))
    experiment = experiment.replace(drugs=entries[0]["drugs"])  # so that arms can name them
    ketasim.sweep(experiment, design={"list": entries}, arms=ARMS, jobs=chosen.jobs, out=chosen.out, yes=True)
    effects, resting = effects_of(chosen.out)
    table = conclusions(effects, resting, places, np.resize(circuits, number))
    store(table, chosen, figure_of(table), failed=True)


def ranges_of(experiment: ketasim.Experiment) -> dict[str, dict[str, Any]]:
    """Return the prior of every uncertain number, as a range."""
    found = ketasim.priors(experiment)
    cells = [row for row in network_rows()["cells"] if ".nmda_" in row.name and row.prior]
    found |= {f"share.{row.name}": row.prior.as_range() for row in cells}
    for drug, route in ROUTES.items():
        for one in numbers_of(load_catalogue()[drug]):
            elsewhere = one.name.startswith("species.") and not one.name.startswith("species.rat.")
            if one.prior and not elsewhere and (".routes." not in one.name or f".{route}." in one.name):
                found[f"{drug}.{one.name}"] = one.prior.as_range()
    return found


def changes_of(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the changes of a draw, whose drugs are written to a folder."""
    changes = {name: value for name, value in values.items() if name.startswith("mechanisms.")}
    shares = {name.split(".")[1]: {} for name in values if name.startswith("share.")}
    for population in shares:
        own = {name[-2:].upper(): value for name, value in values.items() if name.startswith(f"share.{population}.")}
        rounded = {name: round(value / sum(own.values()), 6) for name, value in own.items()}
        changes[f"network.nmda_subunits.{population}"] = {f"GluN{name}": value for name, value in rounded.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for drug in ROUTES:
        own = {name.removeprefix(f"{drug}."): value for name, value in values.items() if name.startswith(f"{drug}.")}
        with open(folder / f"{drug}.yaml", "w", encoding="utf-8") as file:
            YAML().dump(redrawn(load_catalogue()[drug], f"{drug}_drawn", own), file)
    return changes | {"drugs": [str(folder / f"{drug}.yaml") for drug in ROUTES]}


def effects_of(out: Path) -> tuple[pandas.DataFrame, np.ndarray]:
    """Return the size of each effect in each draw, positive where the conclusion holds, and which draws rest in C0.

    Changes against the vehicle are in per cent, over the hour that the surge lasts or at the end.
    """
    found = ketasim.open_sweep(out).isel(seed=0)

    def change(signal: str, arm: str, population: str = "PYR", begin: float = 40.0, end: float = 90.0) -> Any:
        values = found[signal].sel(population=population, time=slice(60.0 * begin, 60.0 * end)).mean("time")
        return 100.0 * (values.sel(arm=arm) / values.sel(arm="vehicle") - 1.0)

    glutamate = {arm: change("glutamate_perisynaptic", arm) for arm in ARMS}
    low, middle, high = (glutamate[f"{dose} mg/kg"] for dose in (10, 30, 200))
    down = [-change("firing_rate", "10 mg/kg", population) for population in ("PV", "SST")]
    bdnf = {arm: change("bdnf", arm, "PYR", 60.0, 90.0) for arm in ("10 mg/kg", "memantine")}
    effects = {
        "glutamate rises at 10 mg/kg": low,
        "PYR rate rises at 10 mg/kg": change("firing_rate", "10 mg/kg"),
        "PV or SST rate falls at 10 mg/kg": np.maximum(*down),
        "BDNF rises at 10 mg/kg": bdnf["10 mg/kg"],
        "more spines at 24 h": change("spine_density", "10 mg/kg", "PYR", 1380.0, 1470.0),
        "glutamate: 30 above 200 mg/kg": middle - high,
        "memantine raises BDNF less in the first hour": bdnf["10 mg/kg"] - bdnf["memantine"],
        "LY379268 lowers the surge": middle - glutamate["agonist first"],
    }
    table = pandas.DataFrame({name: values.values.ravel() for name, values in effects.items()})
    rates = found["firing_rate"].sel(arm="vehicle").mean("time")
    rests = [rates.sel(population=name) for name in ("PYR", "PV", "SST")]
    ranges = (Ranges().pyr_rate, Ranges().pv_rate, Ranges().sst_rate)
    inside = [(low <= one) & (one <= high) for one, (low, high) in zip(rests, ranges, strict=True)]
    return table, np.logical_and.reduce([one.values.ravel() for one in inside])


def conclusions(
    effects: pandas.DataFrame, resting: np.ndarray, places: pandas.DataFrame, sets: np.ndarray
) -> pandas.DataFrame:
    """Return for each conclusion how often it holds, and the numbers with which its effect is correlated most.

    Up to three numbers, whose correlations are larger than the largest of all is by chance once in twenty times.
    """
    rows = []
    for name, effect in effects.items():
        known = effect.notna().to_numpy()
        holds, runs = int((effect[known] > 0).sum()), int(known.sum())
        interval = binomtest(holds, runs).proportion_ci()
        correlations = places[known].apply(lambda column, of=effect[known]: spearmanr(column, of).statistic)
        chance = norm.isf(0.025 / len(correlations)) / np.sqrt(runs - 1)
        first = correlations[correlations.abs() > chance].sort_values(key=abs, ascending=False)[:3]
        groups = effect[known].rank().groupby(sets[known])
        between = (groups.size() * (groups.mean() - effect[known].rank().mean()) ** 2).sum()
        share = between / ((effect[known].rank() - effect[known].rank().mean()) ** 2).sum()
        row = {"conclusion": name, "draws": runs, "holds": holds / runs, "low": interval.low, "high": interval.high}
        row |= {"draws_resting": int((known & resting).sum()), "holds_resting": (effect[known & resting] > 0).mean()}
        row |= {"median_effect": effect.median(), "circuit_share": share}
        for place, (number, value) in enumerate(first.items(), 1):
            row |= {f"number_{place}": number, f"correlation_{place}": value}
        rows.append(row)
    return pandas.DataFrame(rows)


def figure_of(table: pandas.DataFrame) -> plt.Figure:
    """Draw how often each conclusion holds, with its interval and the number that it hangs on most."""
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    places = np.arange(len(table))[::-1]
    errors = [table["holds"] - table["low"], table["high"] - table["holds"]]
    axes.errorbar(100 * table["holds"], places, xerr=100 * np.array(errors), fmt="o", color="#2471a3", capsize=3)
    axes.axvline(80.0, color="0.6", lw=0.8, ls="--")
    axes.set_yticks(places, table["conclusion"])
    axes.set(xlim=(0, 100), xlabel="draws in which it holds (%), with 95 % intervals")
    axes.set_title(f"Conclusions over priors and circuits; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
