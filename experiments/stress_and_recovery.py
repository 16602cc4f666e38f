"""Three weeks of stress, then a dose: how many spines are lost, which come back, and what the graph is like.

Rats, 10 mg/kg or saline, after stress that ends with the dose or goes on, or without any; three seeds, means and
standard errors over them. Restored are edges among pyramidal cells that were there before the stress and not at the
time of the dose, in per cent of what was lost and of what is new since the dose.

    python experiments/stress_and_recovery.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, among, draw_courses, options, store

import ketasim

STRESS = {"kind": "stress", "start": "-21 d", "duration": "21 d"}
HELD, NONE = {"stimuli.0.duration": "35 d"}, {"stimuli.0.intensity": 0.0}
SALINE = {"doses.0.drug": "saline"}
ARMS = {
    f"{stress}, {drug}": history | given
    for stress, history in (("stress", {}), ("stress held", HELD), ("no stress", NONE))
    for drug, given in (("ketamine", {}), ("saline", SALINE))
}
DAYS = (0.0, 1.0, 7.0, 14.0)
MEASURES = ("clustering", "path_length", "modularity")
SPINES = {"density": "spine_density", "formation": "spine_formation_rate", "elimination": "spine_elimination_rate"}


def main() -> None:
    """Run all arms, store the table and the figure."""
    chosen = options(__file__)
    experiment = ketasim.load_experiment(
        "stress_then_ketamine", ["recording={graph: [0 s, 24 h, 7 d]}", *chosen.smaller]
    )
    if chosen.quick:
        experiment = experiment.replace(**{"schedule.spacing": "12 h"})
    ketasim.sweep(experiment, replicates=chosen.size(3, 1), arms=ARMS, jobs=chosen.jobs, out=chosen.out, keep="file")
    rows, courses = [], []
    for _, run in ketasim.sweep_runs(chosen.out).iterrows():
        with ketasim.open_trajectory(run["file"]) as trajectory:
            rows += [row | {"arm": run["arm"], "seed": run["seed"]} for row in numbers(trajectory)]
            density = trajectory["spine_density"].sel(population="PYR")
            courses.append(density.interp(time=np.arange(-20.9, 14.0, 0.25) * 86_400.0).to_series().rename(run["arm"]))
    by_arm = pandas.DataFrame(rows).drop(columns="seed").groupby(["arm", "day"], sort=False)
    table = by_arm.mean().join(by_arm.sem().add_suffix("_se")).reset_index()
    store(table, chosen, figure_of(courses))


def numbers(trajectory: ketasim.Trajectory) -> list[dict[str, float]]:
    """Return density, turnover, restored edges and measures of the graph at each of the days."""
    n, measures = trajectory.topology().sizes["PYR"], trajectory.graph_measures()
    before, dosed = (among(trajectory.topology(time), n) for time in ("-21 d", "0 s"))
    lost, found = np.setdiff1d(before, dosed), []
    for day in DAYS:
        row = {"day": day}
        for words, name in SPINES.items():
            values = trajectory[name].sel(population="PYR")
            around = values if words == "density" else values.rolling(time=9, center=True, min_periods=1).mean()
            row[words] = 100.0 * float(around.interp(time=86_400.0 * day - 1.0))
        now = among(trajectory.topology(f"{day:g} d"), n)
        new = np.setdiff1d(now, dosed)
        restored = np.intersect1d(new, lost).size
        row |= {"restored_of_lost": 100.0 * restored / max(lost.size, 1)}
        row |= {"restored_of_new": 100.0 * restored / max(new.size, 1)}
        of_graph = measures.sel(time=86_400.0 * day, method="nearest")
        found.append(row | {name: float(of_graph[name].squeeze()) for name in MEASURES})
    return found


def figure_of(courses: list[pandas.Series]) -> plt.Figure:
    """Draw the density of spines over time, a line for each arm with its standard error over seeds."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    by_arm = pandas.concat({number: one for number, one in enumerate(courses)}).rename("change")
    arms = np.repeat([one.name for one in courses], [len(one) for one in courses])
    frame = by_arm.reset_index().assign(arm=arms)
    found = frame.groupby(["arm", "time"], sort=False)["change"].agg(["mean", "sem"]).fillna(0.0).reset_index()
    found = found.assign(hours=found["time"] / 3600.0, signal="spine_density")
    found = found.assign(change_percent=100.0 * (found["mean"] - 1.0), standard_error=100.0 * found["sem"])
    draw_courses(found, [axes])
    axes.legend(frameon=False, fontsize=8)
    axes.axvline(0.0, color="0.5", lw=0.8, ls=":")
    figure.suptitle(f"Rat: stress from day -21, 10 mg/kg on day 0; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
