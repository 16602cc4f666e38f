"""Which circuits rest for four weeks with every mechanism on, and which come back after one infusion.

Sets of weights are accepted by minutes of network time, without plasticity. Here every set that agrees with calibration
C1 runs for 28 days, without a dose and with the human infusion, with a window every four hours whether anything has
moved or not: rates, density and homeostatic scaling of pyramidal cells at the end and at their largest. A circuit rests
if its density stays within 2 % without a dose, and comes back if it is within 5 % at the end after one.

    python experiments/rest_of_circuits.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, SALINE, options, store

import ketasim
from ketasim.network.weights import DEFAULT_SET, stored_sets

ARMS = {"none": SALINE, "infusion": {}}
RESTS, BACK = 2.0, 5.0  # per cent of density


def main() -> None:
    """Run all circuits, store the table and the figure."""
    chosen = options(__file__)
    days = chosen.size(28, 4)
    changes = [f"duration={days} d", "recording={measures: false}", "schedule.baseline=60 s", "schedule.skip=false"]
    experiment = ketasim.load_experiment("human_infusion", [*changes, "schedule.spacing=4 h", *chosen.smaller])
    sets = ketasim.weight_sets(agree="C1")[: chosen.size(None, 2)]
    found = ketasim.sweep(experiment, {"network.weights": sets}, arms=ARMS, jobs=chosen.jobs, out=chosen.out)
    found = found.squeeze("seed").sel(population="PYR").sel(time=slice(0.0, None))
    rows = []
    for one in sets:
        row = {"set": one, "default": one == DEFAULT_SET, "robust": stored_sets()[one].get("robust", np.nan)}
        for arm in ARMS:
            course = found.sel({"network.weights": one, "arm": arm})
            density, rate = course["spine_density"].dropna("time"), course["firing_rate"].dropna("time")
            row |= {
                f"{arm}_density_end": 100.0 * float(density[-1] - 1.0),
                f"{arm}_density_largest": 100.0 * float(density.max() - 1.0),
                f"{arm}_rate_start": float(rate[0]),
                f"{arm}_rate_end": float(rate[-1]),
                f"{arm}_scale_end": float(course["homeostatic_scale"].dropna("time")[-1]),
            }
        row["rests"] = abs(row["none_density_largest"]) < RESTS and abs(row["none_density_end"]) < RESTS
        row["comes_back"] = abs(row["infusion_density_end"]) < BACK
        rows.append(row)
    store(pandas.DataFrame(rows), chosen, figure_of(found))


def figure_of(found) -> plt.Figure:
    """Draw density over four weeks, a line for each circuit, without a dose and after one infusion."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    for axes, (arm, words) in zip(panels, (("none", "no dose"), ("infusion", "one infusion")), strict=True):
        for one in found["network.weights"].values:
            course = found["spine_density"].sel({"network.weights": one, "arm": arm}).dropna("time")
            style = {"color": "#c0392b", "lw": 2.0, "zorder": 3} if one == DEFAULT_SET else {"color": "0.5", "lw": 0.8}
            axes.plot(course["time"] / 86_400.0, course, **style)
        axes.set(xlabel="days", title=words)
    panels[0].set_ylabel("spine density of PYR, relative to rest")
    figure.suptitle(f"Circuits that agree with C1, the default in red; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
