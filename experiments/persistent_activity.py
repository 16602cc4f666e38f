"""Working memory in a published network (Brunel & Wang 2001), and what block of NMDA receptors does to it.

A cue of 0.5 s raises the input of one selective group, followed by a delay of 5 s; block is constant and the same at
every receptor. Rates in Hz and fractions of trials in which the group still fires above 10 Hz, for 1,000 neurons, and
for 2,000 with half the conductances; ten seeds.

    python experiments/persistent_activity.py [--quick] [--jobs N]
"""

from typing import Annotated, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, options, store

import ketasim

SCALE, UNBLOCKED = "network.scale", "mechanisms.fixed_block.unblocked"


class FixedBlock(NamedTuple):
    """The same constant block of every NMDA receptor."""

    unblocked: Annotated[float, "1"] = 1.0


def advance(nmda_unblocked: np.ndarray, parameters: FixedBlock, clock: object) -> None:
    """Set the unblocked fraction (4, n)."""
    nmda_unblocked[:] = parameters.unblocked


FIXED_BLOCK = ketasim.Mechanism("fixed_block", FixedBlock, advance, writes=("nmda_unblocked",))


def main() -> None:
    """Run all trials, store the table and the figure."""
    chosen = options(__file__)
    changes = ["mechanisms.nmda_blockade=off", "recording={}"]
    experiment = ketasim.load_experiment("brunel_wang_2001", changes, mechanisms=[FIXED_BLOCK])
    levels = {SCALE: [1, 2], UNBLOCKED: chosen.size([1.0, 0.975, 0.95, 0.9], [1.0, 0.9])}
    found = ketasim.sweep(experiment, levels, chosen.size(10, 2), jobs=chosen.jobs, out=chosen.out)
    cued = found["firing_rate_window"].sel(population="selective_1", time=slice(None, 6.0))
    first, last = cued.sel(time=slice(1.5, 2.0)), cued.sel(time=slice(5.5, None))
    trials = {
        **at_rest(experiment, ketasim.sweep_summary(chosen.out)),
        "delay_first_s": first.mean("time").to_series(),
        "delay_last_s": last.mean("time").to_series(),
        "persists_1_s": (first.isel(time=-1) > 10.0).astype(float).to_series(),
        "persists_5_s": (last.isel(time=-1) > 10.0).astype(float).to_series(),
    }
    table = pandas.DataFrame(trials).rename_axis(columns="quantity").stack()
    rows = table.groupby([SCALE, UNBLOCKED, "quantity"], sort=False)
    rows = rows.agg(mean="mean", standard_error="sem", seeds="size")
    rows = rows.reset_index().rename(columns={UNBLOCKED: "unblocked"})
    rows.insert(0, "neurons", 1000 * rows.pop(SCALE))
    store(rows.sort_values(["neurons", "unblocked"], ascending=[True, False], kind="stable"), chosen, figure_of(cued))


def at_rest(experiment: ketasim.Experiment, summary: pandas.DataFrame) -> dict[str, pandas.Series]:
    """Return rates of the baseline: of all pyramidal cells, and of interneurons."""
    sizes = pandas.Series(ketasim.Simulation(experiment).topology.sizes)
    rates = summary[(summary["quantity"] == "firing_rate") & (summary["at"] == "baseline")]
    rates = rates.pivot(index=[SCALE, UNBLOCKED, "seed"], columns="population", values="value")
    pyramidal = sizes.drop("inhibitory")
    means = rates[pyramidal.index] @ pyramidal / pyramidal.sum()
    return {"rest_pyramidal": means, "rest_inhibitory": rates["inhibitory"]}


def figure_of(cued) -> plt.Figure:
    """Draw means over seeds with their standard errors, one panel per size."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
    for panel, scale in zip(panels, cued[SCALE].values, strict=True):
        for unblocked in cued[UNBLOCKED].values:
            trials = cued.sel({SCALE: scale, UNBLOCKED: unblocked})
            error = trials.std("seed", ddof=1) / trials.sizes["seed"] ** 0.5
            times = trials["time"] + 0.25  # mid-window
            panel.errorbar(times, trials.mean("seed"), error, label=f"{unblocked:g}")
        panel.axvspan(1.0, 1.5, color="0.9", zorder=0)
        panel.set(xlabel="time (s), cue in grey", title=f"{1000 * scale} neurons; {ADVICE}")
    panels[0].set_ylabel("rate of the cued group (Hz)")
    panels[1].legend(title="NMDA receptors unblocked", frameon=False)
    return figure


if __name__ == "__main__":
    main()
