"""Exploratory: tolerance and liability by frequency and dose, over four weeks of use and four weeks without.

A human, ketamine by the nose: 250 mg weekly, every third day and daily, and 100 and 500 mg daily; saline beside them.
Four seeds of the default circuit with 400 neurons. NMDA receptors, dissociation after the first dose and in the last
week, reward in the last week of use and in the first without, liability, spines and BDNF, at the end of use and four
weeks later: means with standard errors over seeds, differences from saline where there is chance. In arbitrary units
where nothing was measured; a way to compare schedules, no risk of a person.

    python experiments/tolerance.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import pandas
import xarray
from common import ADVICE, options, store

import ketasim

DAY = 86_400.0
USE, AFTER = 28, 28  # d


def doses(amount: str, every: int, drug: str = "ketamine") -> dict[str, list[dict]]:
    """Return an arm with doses every so many days."""
    repeat = {"every": f"{every} d", "count": (USE - 1) // every + 1}
    return {"doses": [{"drug": drug, "route": "intranasal", "amount": amount, "repeat": repeat}]}


ARMS = {
    "saline": {"doses": []},
    "250 mg weekly": doses("250 mg", 7),
    "250 mg every third day": doses("250 mg", 3),
    "250 mg daily": doses("250 mg", 1),
    "100 mg daily": doses("100 mg", 1),
    "500 mg daily": doses("500 mg", 1),
}
#: Column -> signal, population, statistic, from and to in d, whether saline is taken off.
NUMBERS = {
    "receptors_percent": ("nmda_receptors", "PYR", "max", 0, USE, False),
    "cadss_first": ("dissociation", None, "max", 0, 1, False),
    "cadss_last_week": ("dissociation", None, "max", USE - 7, USE, False),
    "reward_last_week": ("reward", None, "max", USE - 7, USE, True),
    "reward_first_week_without": ("reward", None, "mean", USE, USE + 7, True),
    "liability_end": ("liability", None, "mean", USE - 1, USE, True),
    "liability_later": ("liability", None, "mean", USE + AFTER - 1, USE + AFTER, True),
    "density_end_percent": ("spine_density", "PYR", "mean", USE - 1, USE, True),
    "density_later_percent": ("spine_density", "PYR", "mean", USE + AFTER - 1, USE + AFTER, True),
    "bdnf_end_percent": ("bdnf", "PYR", "mean", USE - 1, USE, True),
}


def main() -> None:
    """Run all arms, store the table and the figure."""
    chosen = options(__file__)
    few = ["network.neurons=400", "schedule.baseline=60 s", "schedule.spacing=3 h", "recording={measures: false}"]
    changes = [f"duration={USE + AFTER} d", "mechanisms.tolerance=on", "mechanisms.liability=on", *few]
    experiment = ketasim.load_experiment(
        "human_infusion", [*changes, *(["network.neurons=100"] if chosen.quick else [])]
    )
    arms = {name: ARMS[name] for name in list(ARMS)[: chosen.size(None, 2)]}
    found = ketasim.sweep(experiment, replicates=chosen.size(4, 2), arms=arms, jobs=chosen.jobs, out=chosen.out)
    store(table_of(found), chosen, figure_of(found))


def table_of(found: xarray.Dataset) -> pandas.DataFrame:
    """Return the numbers of each arm, means and standard errors over seeds."""
    columns = {}
    for name, (signal, population, statistic, begin, end, apart) in NUMBERS.items():
        course = found[signal] if population is None else found[signal].sel(population=population)
        values = getattr(course.sel(time=slice(begin * DAY, end * DAY)), statistic)("time")
        values = values - values.sel(arm="saline") if apart else values
        if name.endswith("percent"):
            values = 100.0 * (values if apart else values - 1.0)
        columns[name] = values.mean("seed").values
        columns[f"{name}_se"] = values.std("seed", ddof=1).values / values.sizes["seed"] ** 0.5
    return pandas.DataFrame({"arm": found["arm"].values} | columns)


def figure_of(found: xarray.Dataset) -> plt.Figure:
    """Draw receptors, dissociation, liability and spines over eight weeks, means over seeds."""
    figure, panels = plt.subplots(2, 2, figsize=(11, 6.5), layout="constrained", sharex=True)
    signals = {"nmda_receptors": "NMDA receptors", "dissociation": "CADSS, daily peak"}
    signals |= {"liability": "liability (arbitrary units)", "spine_density": "spine density"}
    colours = {arm: f"C{place}" for place, arm in enumerate(found["arm"].values)} | {"saline": "0.6"}
    for axes, (signal, words) in zip(panels.flat, signals.items(), strict=True):
        for arm, colour in colours.items():
            course = found[signal].sel(arm=arm)
            course = (course.sel(population="PYR") if "population" in course.dims else course).mean("seed")
            if signal == "dissociation":
                course = course.groupby((course["time"] // DAY).rename("day")).max()
                axes.plot(course["day"], course, "o", ms=3, color=colour, label=arm)
            else:
                axes.plot(course["time"] / DAY, course, color=colour, label=arm)
        axes.axvline(USE, color="0.5", lw=0.8, ls="--")
        axes.set_ylabel(words)
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.supxlabel("days")
    figure.suptitle(f"Tolerance and liability, exploratory; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
