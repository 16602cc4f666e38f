"""From the surge to synapses: the human infusion and the rat's dose against vehicle, for a week.

Eight seeds, each a graph and a stream of noise of its own; differences between drug and vehicle of one seed, with
standard errors over seeds. Every number with homeostatic scaling and without it; for a day with NMDA blockade off, and
with BDNF's release held and eEF2 off, where nothing may happen; and for a day over ten weight sets of the ensemble
(seed 1, errors over sets). A vehicle rests, so that its spines depend on seed and times alone: one serves all variants.
Formation and elimination are means over the six hours before the time named.

    python experiments/synapses_against_vehicle.py [SEEDS] [SETS]
"""

import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ketasim

RESULTS = Path(__file__).parent / "results"
NO_SCALING = "mechanisms.homeostatic_scaling=off"
HELD = ["mechanisms.bdnf.follow_throughput=false", "mechanisms.eef2=off"]
#: Variant -> duration and changes.
VARIANTS = {
    "all on": ("7 d", []),
    "without scaling": ("7 d", [NO_SCALING]),
    "blockade off": ("1 d", ["mechanisms.nmda_blockade=off"]),
    "release held, eEF2 off": ("1 d", HELD),
}
ENSEMBLE = {"weight sets": ("1 d", []), "weight sets, without scaling": ("1 d", [NO_SCALING])}
CONFIGS = {"human infusion": "human_infusion", "rat dose": "rat_dose"}
DAYS = {"24 h": 24.0, "3 d": 72.0, "7 d": 168.0}
RATES = ("spine_formation_rate", "spine_elimination_rate")
#: Name in the table of results -> signal, instant and statistic in the summary of a run.
QUANTITIES = {
    "bdnf_PYR_peak": ("bdnf", "", "peak"),
    "bdnf_PYR_peak_time": ("bdnf", "", "time_of_peak"),
    "p70s6k_PYR_peak": ("p70s6k", "", "peak"),
    "p70s6k_PYR_peak_time": ("p70s6k", "", "time_of_peak"),
    "surface_ampa_PYR_4_h": ("surface_ampa", "4 h", "value"),
    "synaptic_protein_PYR_24_h": ("synaptic_protein", "24 h", "value"),
} | {
    f"{name}_PYR_{day.replace(' ', '_')}": (name, day, "value")
    for name in ("spine_density", "homeostatic_scale", *RATES)
    for day in DAYS
}


def measure(task: tuple[str, ...]) -> list[float]:
    """Return the quantities of one run, NaN where it did not get there; times of peaks in h."""
    config, *changes = task
    common = ["recording={measures: false}", *changes]
    trajectory = ketasim.run(ketasim.load_experiment(config, common))
    table, hours = trajectory.summary, trajectory["spine_density"]["time"].values / 3600.0
    table = table[table["population"] == "PYR"]
    summary = table.set_index(["quantity", "at", "statistic"])["value"].to_dict()
    for name in RATES:
        values = trajectory[name].sel(population="PYR").values
        for day, end in DAYS.items():
            if hours[-1] >= end:
                summary[name, day, "value"] = values[(hours > end - 6.0) & (hours <= end + 0.1)].mean()
    found = [(key, summary.get(key, np.nan)) for key in QUANTITIES.values()]
    return [value / 3600.0 if statistic == "time_of_peak" else value for (_, _, statistic), value in found]


def main() -> None:
    """Run all arms, print and store the table, draw it."""
    seeds, sets = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 8), (2, 10)))
    members = {variant: [f"seed={seed}" for seed in range(1, seeds + 1)] for variant in VARIANTS}
    members |= {variant: [f"network.weights={one}" for one in ketasim.weight_sets()[:sets]] for variant in ENSEMBLE}
    vehicles = [
        (config, "doses.0.drug=saline", "duration=7 d", one) for config in CONFIGS.values() for one in members["all on"]
    ]
    tasks = {
        (case, variant, one): (config, one, f"duration={duration}", *changes)
        for case, config in CONFIGS.items()
        for variant, (duration, changes) in (VARIANTS | ENSEMBLE).items()
        for one in members[variant]
    }
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(measure, [*vehicles, *tasks.values()]))
    rest = {(config, one): values for (config, _, _, one), values in zip(vehicles, found, strict=False)}
    runs = dict(zip(tasks, found[len(vehicles) :], strict=True))
    rows = []
    for case, config in CONFIGS.items():
        for variant in members:
            drug = np.array([runs[case, variant, one] for one in members[variant]])
            vehicle = np.array([rest.get((config, one), rest[config, "seed=1"]) for one in members[variant]])
            for index, name in enumerate(QUANTITIES):  # a time of a peak is told, not its difference
                values = drug[:, index] if name.endswith("_time") else drug[:, index] - vehicle[:, index]
                if not np.isnan(values).any():
                    error = values.std(ddof=1) / np.sqrt(len(values))
                    rows.append((case, variant, name, values.mean(), error, (values > 0.0).mean(), len(values)))
    with open(RESULTS / "synapses_against_vehicle.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("case", "variant", "quantity", "change", "standard_error", "share_up", "members"))
        writer.writerows((*row[:3], f"{row[3]:.5f}", f"{row[4]:.5f}", f"{row[5]:.2f}", row[6]) for row in rows)
    for case, variant, name, mean, error, up, _ in rows:
        print(f"{case:<15} {variant:<32} {name:<36} {mean:+9.4f} +- {error:.4f}  up in {100 * up:.0f} %")
    draw(rows)


def draw(rows: list[tuple]) -> None:
    """Draw spine density over the week, a panel a case and a line a variant."""
    figure, all_axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for axes, case in zip(all_axes, CONFIGS, strict=True):
        for variant in dict.fromkeys(row[1] for row in rows):
            chosen = [row for row in rows if row[:2] == (case, variant) and row[2].startswith("spine_density")]
            mean, error = (100.0 * np.array([row[i] for row in chosen]) for i in (3, 4))
            axes.errorbar((1, 3, 7)[: len(chosen)], mean, error, marker="o", capsize=3, label=variant)
        axes.set(title=case, xlabel="days", ylabel="spine density against vehicle (%)")
        axes.axhline(0.0, color="0.5", lw=0.8)
    all_axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle("Spines after ketamine; model, not medical advice", fontsize=10)
    figure.savefig(RESULTS / "synapses_against_vehicle.png", dpi=110)


if __name__ == "__main__":
    main()
