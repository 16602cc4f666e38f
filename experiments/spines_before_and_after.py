"""Spines before and after a dose: which were lost, gained or kept, and the structure of the graph.

The rat's dose and its vehicle for a week, one seed: measures of the graph at the start, after 24 h, 3 d and 7 d;
survival of the edges present at the start, compared with that of the three stages, and of those born in the first day.

    python experiments/spines_before_and_after.py
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
ARMS = {"ketamine": [], "vehicle": ["doses.0.drug=saline"]}
DAY = 86_400.0
MEASURES = ("edges", "in_degree_sd", "reciprocity", "clustering", "path_length", "modularity")


def survival(pairs: set[tuple[int, int]], trajectory: ketasim.Trajectory, since: float, days: np.ndarray) -> np.ndarray:
    """Fraction of pairs present at `since` (s) that did not die by each of `days` after it."""
    events = trajectory.structure_events()
    after = (events.time > since) & (events.kind == 1)
    time_of_death: dict[tuple[int, int], float] = {}
    for at, *pair in zip(events.time[after], events.source[after], events.target[after], strict=True):
        time_of_death.setdefault((int(pair[0]), int(pair[1])), at)
    ends = np.array([time_of_death.get(pair, np.inf) for pair in pairs])
    return np.array([(ends > since + day * DAY).mean() for day in days])


def main() -> None:
    """Run both arms, print and store the measures, draw survival and turnover."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    days, rows = np.linspace(0.0, 6.0, 25), []
    for arm, changes in ARMS.items():
        trajectory = ketasim.run(ketasim.load_experiment("rat_dose", [*changes, "recording={graph: [3 d]}"]))
        n_pyr = trajectory.topology().sizes["PYR"]
        graphs = {day: trajectory.topology(day * DAY) for day in (0.0, 1.0)}
        pairs = {
            day: {
                (i, j) for i, j in zip(graph.source.tolist(), graph.target.tolist(), strict=True) if max(i, j) < n_pyr
            }
            for day, graph in graphs.items()
        }
        for day, label in ((0.0, "at the start"), (1.0, "born in the first day")):
            chosen = pairs[0.0] if day == 0.0 else pairs[1.0] - pairs[0.0]
            left.plot(days, survival(chosen, trajectory, day * DAY, days), label=f"{arm}, {label}")
        events = trajectory.structure_events()
        for kind, name, style in ((0, "born", "-"), (1, "died", "--")):
            count, edges = np.histogram(events.time[events.kind == kind] / DAY, bins=np.arange(8))
            right.step(edges[:-1], 100.0 * count / len(pairs[0.0]), style, where="post", label=f"{arm}, {name}")
        measured = trajectory.graph_measures()
        for index, time in enumerate(measured["time"].values):
            values = [float(measured[name].values[index]) for name in MEASURES]
            rows.append((arm, f"{time / DAY:.2f}", *(f"{value:.5g}" for value in values)))
            print(
                f"{arm:<10} {time / DAY:5.2f} d",
                *(f"{name} {value:.4g}" for name, value in zip(MEASURES, values, strict=True)),
            )
    with open(RESULTS / "spines_before_and_after.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arm", "day", *MEASURES))
        writer.writerows(rows)
    left.set(xlabel="days later", ylabel="share that survives", ylim=(0.0, 1.02))
    right.set(xlabel="day", ylabel="% of the edges at the start, a day", ylim=(0.0, None))
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=7)
    figure.suptitle("Rat, 10 mg/kg: edges among pyramidal cells; model, not medical advice", fontsize=10)
    figure.savefig(RESULTS / "spines_before_and_after.png", dpi=110)


if __name__ == "__main__":
    main()
