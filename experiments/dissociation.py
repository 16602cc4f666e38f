"""How dissociated and sedated people are after ketamine and esketamine, and until when they are not ready to leave.

Eight draws of a Latin hypercube from the priors of all mechanisms but dissociation's own, which were fitted together,
each in one of the circuits that agree with calibration C1; numbers of drugs are the default. For four hours: median,
lowest and highest value over draws. Times are in min after the dose begins; one that is not over by then is the run's.

    python experiments/dissociation.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import pandas
import xarray
from common import ADVICE, options, store
from scipy.stats import qmc

import ketasim
from ketasim.config.sweeps import Range

INFUSED = {"drug": "ketamine", "route": "intravenous", "duration": "40 min"}
SPRAYED = {"drug": "esketamine", "route": "intranasal"}
DOSES = {f"{amount:g} mg/kg over 40 min": INFUSED | {"amount": f"{amount:g} mg/kg"} for amount in (0.1, 0.2, 0.5, 1.0)}
DOSES |= {"2 mg/kg in 1 min": INFUSED | {"amount": "2 mg/kg", "duration": "1 min"}}
DOSES |= {f"esketamine, {amount} mg nasal": SPRAYED | {"amount": f"{amount} mg"} for amount in (56, 84)}


def main() -> None:
    """Run all doses, store the table and the figure."""
    chosen = options(__file__)
    changes = ["duration=4 h", "schedule.baseline=60 s", "recording={measures: false}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    priors = {name: one for name, one in ketasim.priors(experiment).items() if ".dissociation." not in name}
    circuits, draws = ketasim.weight_sets(agree="C1"), chosen.size(8, 2)
    entries = []
    for draw, places in enumerate(qmc.LatinHypercube(len(priors), rng=1).random(draws)):
        numbers = zip(priors, places, strict=True)
        values = {name: Range.model_validate(priors[name]).at(place) for name, place in numbers}
        entries.append(values | {"network.weights": circuits[draw % len(circuits)]})
    arms = {name: {"doses": [dose]} for name, dose in DOSES.items()}
    found = ketasim.sweep(experiment, design={"list": entries}, arms=arms, jobs=chosen.jobs, out=chosen.out)
    table = pandas.DataFrame([row_of(name, found.sel(arm=name).squeeze("seed")) for name in DOSES])
    store(table, chosen, figure_of(found))


def row_of(name: str, found: xarray.Dataset) -> dict[str, object]:
    """Return median, lowest and highest value of one dose over draws."""
    away, minutes = found["discharge_readiness"] < 1.0, found["time"] / 60.0
    values = {
        "cadss": found["dissociation"].max("time"),
        "sedation": found["sedation"].max("time"),
        "away_from": minutes.where(away).min("time"),
        "away_to": minutes.where(away).max("time"),
    }
    row: dict[str, object] = {"dose": name, "draws": away.sizes["place"], "ever_away": int(away.any("time").sum())}
    for what, one in values.items():
        for statistic in ("median", "min", "max"):
            row[f"{what}_{statistic}"] = float(getattr(one, statistic)())
    return row


def figure_of(found: xarray.Dataset) -> plt.Figure:
    """Draw dissociation and sedation over time: the median draw, and a band from the lowest to the highest."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axes, signal in zip(panels, ("dissociation", "sedation"), strict=True):
        for name in DOSES:
            course = found[signal].sel(arm=name).squeeze("seed")
            hours = course["time"] / 3600.0
            (line,) = axes.plot(hours, course.median("place"), label=name)
            axes.fill_between(hours, course.min("place"), course.max("place"), color=line.get_color(), alpha=0.15, lw=0)
        axes.set(xlim=(0.0, 4.0), xlabel="h", ylabel=f"{signal}{' (CADSS)' if signal == 'dissociation' else ''}")
    panels[1].legend(frameon=False, fontsize=8)
    figure.suptitle(f"Dissociation and sedation, median and range of draws; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
