"""Hours or weeks: ketamine once and six times, escitalopram daily, both, and placebo, by the MADRS over six weeks.

A person depressed by three weeks of stress that goes on, the same sessions in all arms, six in the first two weeks
(double-dummy), so that expectancy is the same. Eight circuits that agree with calibration C1, each with a draw from the
priors of serotonin; strength and density are run, and mood follows by the draws of its joint posterior that belong to
these circuits (``fit_mood.py``). Mean and 90 % of draws, whole and without what is the same in placebo.

    python experiments/hours_or_weeks.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, options, store
from fit_mood import STRESS, courses_of, madrs, stored_draws
from scipy.stats import qmc

import ketasim
from ketasim.config.sweeps import Range

SESSIONS = (0.0, 48.0, 96.0, 168.0, 216.0, 264.0)  # h
INFUSION = {"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}
PILLS = {"drug": "escitalopram", "route": "oral", "amount": "10 mg", "repeat": {"every": "24 h", "count": 42}}
SIX = [INFUSION | {"start": f"{hours:g} h"} for hours in SESSIONS]
ARMS = {
    "placebo": {"doses": []},
    "ketamine once": {"doses": [INFUSION]},
    "ketamine six times": {"doses": SIX},
    "escitalopram": {"doses": [PILLS]},
    "escitalopram and ketamine once": {"doses": [PILLS, INFUSION]},
}
DAYS = (4.0 / 24.0, 1.0, 3.0, 7.0, 14.0, 21.0, 28.0, 35.0, 42.0)
COLOURS = dict(zip(ARMS, ("0.5", "#c0392b", "#d68910", "#2471a3", "#7d3c98"), strict=True))


def main() -> None:
    """Run all circuits, store the table and the figure."""
    chosen = options(__file__)
    days = chosen.size(42, 8)
    changes = [f"duration={days} d", "recording={measures: false}", "schedule.baseline=60 s", "schedule.spacing=3 h"]
    experiment = ketasim.load_experiment("human_infusion", [*changes, *chosen.smaller])
    experiment = experiment.replace(stimuli=[STRESS])
    draws = stored_draws()
    circuits = [int(one) for one in draws["network.weights"].unique()[: chosen.size(8, 2)]]
    priors = {name: one for name, one in ketasim.priors(experiment).items() if ".serotonin." in name}
    entries = []
    for circuit, places in zip(circuits, qmc.LatinHypercube(len(priors), rng=1).random(len(circuits)), strict=True):
        numbers = zip(priors, places, strict=True)
        values = {name: Range.model_validate(priors[name]).at(place) for name, place in numbers}
        entries.append({"network.weights": circuit} | values)
    found = ketasim.sweep(experiment, design={"list": entries}, arms=ARMS, jobs=chosen.jobs, out=chosen.out)
    courses = courses_of(found, "place")
    draws = draws[draws["network.weights"].isin(courses.weights)]
    places = draws["network.weights"].map({one: place for place, one in enumerate(courses.weights)}).to_numpy()
    scores = {arm: madrs(courses, arm, draws, places, 1.0, SESSIONS) for arm in ARMS}
    store(table_of(courses.hours / 24.0, scores), chosen, figure_of(courses.hours / 24.0, scores))


def table_of(days: np.ndarray, scores: dict[str, np.ndarray]) -> pandas.DataFrame:
    """Return changes of MADRS since the begin, and differences from placebo, at all instants."""
    rows, begin = [], np.searchsorted(days, 0.0)
    for day in DAYS:
        if day > days[-1]:
            break
        place = np.searchsorted(days, day - 1e-9)
        for arm, one in scores.items():
            change, apart = one[:, place] - one[:, begin], one[:, place] - scores["placebo"][:, place]
            row = {"arm": arm, "at": f"{24 * day:.0f} h" if day < 2.0 else f"{day:g} d", "draws": len(one)}
            for name, values in (("change", change), ("from_placebo", apart)):
                low, high = np.quantile(values, (0.05, 0.95))
                row |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return pandas.DataFrame(rows)


def figure_of(days: np.ndarray, scores: dict[str, np.ndarray]) -> plt.Figure:
    """Draw the MADRS over six weeks, and what is not the same in placebo, means with 90 % bands."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for arm, one in scores.items():
        for axes, values in zip(panels, (one, one - scores["placebo"]), strict=True):
            if axes is panels[0] or arm != "placebo":
                axes.plot(days, values.mean(axis=0), color=COLOURS[arm], label=arm)
                low, high = np.quantile(values, (0.05, 0.95), axis=0)
                axes.fill_between(days, low, high, color=COLOURS[arm], alpha=0.12, lw=0)
    panels[0].set(ylabel="MADRS", title="with expectancy, the same in all")
    panels[1].set(ylabel="MADRS less that of placebo", title="what the drugs do")
    panels[1].axhline(0.0, color="0.5", lw=0.8)
    for axes in panels:
        axes.set_xscale("symlog", linthresh=1.0)
        axes.set_xticks(
            [0, 1 / 6, 0.5, 1, 3, 7, 14, 28, 42], ["0", "4 h", "12 h", "1 d", "3 d", "7 d", "14", "28", "42"]
        )
        axes.set(xlim=(0, days[-1]))
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"Hours or weeks: mean and 90 % over circuits and the posterior of mood; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
