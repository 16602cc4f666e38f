"""Working memory in a published network (Brunel & Wang 2001), and what block of NMDA receptors does to it.

A cue of 0.5 s raises the input of one selective group, followed by a delay of 5 s; block is constant and the same at
every receptor. Rates in Hz and fractions of trials in which the group still fires above 10 Hz, for 1,000 neurons, and
for 2,000 with half the conductances.

    python experiments/persistent_activity.py [SEEDS]
"""

import csv
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import sem

import ketasim

RESULTS = Path(__file__).parent / "results"
ARMS = [(scale, unblocked) for scale in (1, 2) for unblocked in (1.0, 0.975, 0.95, 0.9)]
QUANTITIES = ("rest_pyramidal", "rest_inhibitory", "delay_first_s", "delay_last_s", "persists_1_s", "persists_5_s")


class FixedBlock(NamedTuple):
    """The same constant block of every NMDA receptor."""

    unblocked: Annotated[float, "1"] = 1.0


def advance(nmda_unblocked: np.ndarray, parameters: FixedBlock, clock: object) -> None:
    """Set the unblocked fraction (4, n)."""
    nmda_unblocked[:] = parameters.unblocked


FIXED_BLOCK = ketasim.Mechanism("fixed_block", FixedBlock, advance, writes=("nmda_unblocked",))


def trial(scale: int, unblocked: float, seed: int) -> tuple[np.ndarray, list[float]]:
    """Times (s) and rates of the cued group in windows of 0.5 s, and the quantities of one trial."""
    changes = [f"seed={seed}", f"network.scale={scale}", f"mechanisms.fixed_block.unblocked={unblocked}"]
    changes += ["mechanisms.nmda_blockade=off", "recording={}"]
    simulation = ketasim.Simulation(ketasim.load_experiment("brunel_wang_2001", changes, mechanisms=[FIXED_BLOCK]))
    rows: list[tuple] = []
    simulation.measure_baseline(lambda time, window: rows.append((time, *window.population["firing_rate"])))
    rows.append((0.0, *simulation.window.population["firing_rate"]))
    while simulation.time < 6.0:
        simulation.step()
        rows.append((simulation.time, *simulation.window.population["firing_rate"]))
    time, rates = np.array(rows)[:, 0], np.array(rows)[:, 1:]
    sizes, rest, cued = list(simulation.network.topology.sizes.values()), rates[time < 0.0].mean(axis=0), rates[:, 1]
    first, last = cued[(time >= 1.5) & (time < 2.5)], cued[time >= 5.5]
    values = [np.average(rest[:-1], weights=sizes[:-1]), rest[-1], first.mean(), last.mean()]
    return np.stack([time, cued]), [*values, float(first[-1] > 10.0), float(last[-1] > 10.0)]


def main() -> None:
    """Run all arms and seeds, store the table, draw the figure."""
    seeds = range(1, 1 + int(sys.argv[1]) if len(sys.argv) > 1 else 11)
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
    with open(RESULTS / "persistent_activity.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("neurons", "unblocked", "quantity", "mean", "standard_error", "seeds"))
        for scale, unblocked in ARMS:
            curves, values = map(np.array, zip(*(trial(scale, unblocked, seed) for seed in seeds), strict=True))
            mean, error = ([f(x, axis=0) for x in (values, curves[:, 1])] for f in (np.mean, sem))
            for row in zip(QUANTITIES, mean[0].round(3), error[0].round(3), strict=True):
                table.writerow((1000 * scale, unblocked, *row, len(seeds)))
                print(1000 * scale, "neurons,", unblocked, "unblocked:", *row)
            panel = panels[scale - 1]
            panel.errorbar(curves[0, 0] + 0.25, mean[1], error[1], label=f"{unblocked:g}")  # mid-window
            panel.axvspan(1.0, 1.5, color="0.9", zorder=0)
            panel.set(xlabel="time (s), cue in grey", title=f"{1000 * scale} neurons (model; not medical advice)")
    panels[0].set_ylabel("rate of the cued group (Hz)")
    panels[1].legend(title="NMDA receptors unblocked", frameon=False)
    figure.savefig(RESULTS / "persistent_activity.png", dpi=110)


if __name__ == "__main__":
    main()
