"""Spines before and after a dose: which were lost, gained or kept, and the structure of the graph.

The rat's dose and its vehicle for a week, one seed: measures of the graph at the start, after 24 h, 3 d and 7 d;
survival of the edges present at the start, and of those born in the first day; births and deaths a day.

    python experiments/spines_before_and_after.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, RAT, SALINE, among, options, store

import ketasim

ARMS = {"ketamine": RAT, "vehicle": RAT | SALINE}
DAY = 86_400.0
MEASURES = ("edges", "in_degree_sd", "reciprocity", "clustering", "path_length", "modularity")
EVENTS = {0: ("born", "-"), 1: ("died", "--")}
COLOURS = {"ketamine": "C0", "vehicle": "0.5"}


def main() -> None:
    """Run both arms, store measures and the figure."""
    chosen = options(__file__)
    changes = chosen.size(["duration=7 d", "recording={graph: [3 d]}"], ["duration=2 d", "recording={}"])
    experiment = ketasim.load_experiment("human_infusion", [*changes, *chosen.smaller])
    ketasim.sweep(experiment, arms=ARMS, jobs=chosen.jobs, out=chosen.out, keep="file")
    tables = []
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for arm, file in ketasim.sweep_runs(chosen.out).set_index("arm")["file"].items():
        with ketasim.open_trajectory(file) as trajectory:
            measures = trajectory.graph_measures()[[*MEASURES]].to_dataframe().reset_index()
            measures["time"] = (measures["time"] / DAY).round(2)
            tables.append(measures.rename(columns={"time": "day"}).assign(arm=arm))
            draw(trajectory, arm, *panels)
    panels[0].set(xlabel="days later", ylabel="share that survives", ylim=(0.0, 1.02))
    panels[1].set(xlabel="day", ylabel="% of the edges at the start, a day", ylim=(0.0, None))
    for axes in panels:
        axes.legend(frameon=False, fontsize=7)
    figure.suptitle(f"Rat, 10 mg/kg: edges among pyramidal cells; {ADVICE}", fontsize=10)
    store(pandas.concat(tables)[["arm", "day", *MEASURES]], chosen, figure)


def draw(trajectory: ketasim.Trajectory, arm: str, left: plt.Axes, right: plt.Axes) -> None:
    """Draw survival of edges among pyramidal cells, and births and deaths a day."""
    events, last = trajectory.structure_events(("PYR", "PYR")), trajectory["firing_rate"]["time"].values[-1] / DAY
    n = trajectory.topology().sizes["PYR"]
    start, day = (among(trajectory.topology(time), n) for time in ("0 d", "1 d"))
    deaths = pandas.Series(events.time, events.source.astype(np.int64) * n + events.target)[events.kind == 1]
    new = np.setdiff1d(day, start)
    for since, edges, label, style in ((0.0, start, "at the start", "-"), (DAY, new, "born in the first day", "--")):
        died = deaths[deaths > since].groupby(level=0).min().reindex(edges).fillna(np.inf).to_numpy()
        days = np.linspace(0.0, last - since / DAY, 25)
        shares = [(died > since + later * DAY).mean() for later in days]
        left.plot(days, shares, style, color=COLOURS[arm], label=f"{arm}, {label}")
    for kind, (name, style) in EVENTS.items():
        count, ends = np.histogram(events.time[events.kind == kind] / DAY, bins=np.arange(last + 1.0))
        words = {"color": COLOURS[arm], "ls": style, "label": f"{arm}, {name}"}
        right.stairs(100.0 * count / len(start), ends, baseline=None, **words)


if __name__ == "__main__":
    main()
