"""From the surge to synapses: the human infusion and the rat's dose against vehicle for a week.

Eight seeds, each with its own graph and noise; differences between drug and vehicle of one seed, with standard errors
over seeds. Every number with homeostatic scaling and without it; for a day with NMDA blockade off, and with BDNF's
release held and eEF2 off, where nothing should happen; and for a day over ten weight sets of the ensemble (seed 1,
errors over sets). A vehicle rests, so that one serves all variants. Times of peaks are in h.

    python experiments/synapses_against_vehicle.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, RAT, SALINE, options, store

import ketasim

CASES = {"human infusion": {}, "rat dose": RAT}
NO_SCALING, DAY = {"mechanisms.homeostatic_scaling": False}, {"duration": "1 d"}
HELD = {"mechanisms.bdnf.follow_throughput": False, "mechanisms.eef2": False}
SEEDS = {
    "all on": {},
    "without scaling": NO_SCALING,
    "blockade off": DAY | {"mechanisms.nmda_blockade": False},
    "release held, eEF2 off": DAY | HELD,
    "vehicle": SALINE,
}
SETS = {"weight sets": DAY, "weight sets, without scaling": DAY | NO_SCALING, "vehicle": DAY | SALINE}
#: Name in the table -> quantity, instant and statistic in the summary of a run.
NUMBERS = {
    "bdnf_PYR_peak": ("bdnf", "", "peak"),
    "bdnf_PYR_peak_time": ("bdnf", "", "time_of_peak"),
    "p70s6k_PYR_peak": ("p70s6k", "", "peak"),
    "p70s6k_PYR_peak_time": ("p70s6k", "", "time_of_peak"),
    "surface_ampa_PYR_4_h": ("surface_ampa", "4 h", "value"),
    "synaptic_protein_PYR_24_h": ("synaptic_protein", "24 h", "value"),
} | {
    f"{name}_PYR_{at.replace(' ', '_')}": (name, at, "value")
    for name in ("spine_density", "homeostatic_scale", "spine_formation_rate", "spine_elimination_rate")
    for at in ("24 h", "3 d", "7 d")
}


def main() -> None:
    """Run seeds and weight sets, store the table and the figure."""
    chosen = options(__file__)
    changes = [f"duration={chosen.size('7 d', '1 d')}", "recording={measures: false}", *chosen.smaller]
    experiment = ketasim.load_experiment("human_infusion", changes)
    sets = {"network.weights": ketasim.weight_sets()[: chosen.size(10, 2)]}
    tables = []
    for name, parameters, seeds, variants in (("seeds", {}, chosen.size(8, 2), SEEDS), ("sets", sets, 1, SETS)):
        arms = {f"{case}: {variant}": CASES[case] | variants[variant] for case in CASES for variant in variants}
        out = chosen.out / name
        found = ketasim.sweep(experiment, parameters, seeds, arms, chosen.jobs, out=out, keep="summary")
        for arm in arms:
            case, variant = arm.split(": ")
            if variant != "vehicle":
                table = ketasim.compare(found.sel(arm=arm), found.sel(arm=f"{case}: vehicle"))
                tables.append(chosen_numbers(table).assign(case=case, variant=variant))
    rows = pandas.concat(tables)
    store(rows[["case", "variant", *rows.columns.drop(["case", "variant"])]], chosen, figure_of(rows))


def chosen_numbers(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return the numbers of pyramidal cells that both arms have, under their names."""
    table = table[(table["population"] == "PYR") & (table["pairs"] > 0)].set_index(["quantity", "at", "statistic"])
    names = [name for name, number in NUMBERS.items() if number in table.index]
    rows = table.loc[[NUMBERS[name] for name in names]]
    scale = [1.0 / 3600.0 if name.endswith("_time") else 1.0 for name in names]
    numbers = {"change": rows["difference"] * scale, "standard_error": rows["error"] * scale}
    numbers |= {"share_up": rows["share_up"], "members": rows["pairs"]}
    rows = pandas.DataFrame(numbers).reset_index(drop=True)
    rows.insert(0, "quantity", names)
    return rows


def figure_of(rows: pandas.DataFrame) -> plt.Figure:
    """Draw spine density over the week, one panel per case and one line per variant."""
    figure, all_axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    density = rows[rows["quantity"].str.startswith("spine_density")]
    for axes, (case, of_case) in zip(all_axes, density.groupby("case", sort=False), strict=True):
        for place, (variant, of_one) in enumerate(of_case.groupby("variant", sort=False)):
            days = np.array([1.0, 3.0, 7.0])[: len(of_one)] + 0.12 * place  # side by side
            mean, error = 100.0 * of_one["change"], 100.0 * of_one["standard_error"]
            axes.errorbar(days, mean, error, marker="o", ms=4, capsize=3, label=variant)
        axes.set(title=case, xlabel="days", ylabel="spine density against vehicle (%)", xlim=(0.0, 8.0))
        axes.axhline(0.0, color="0.5", lw=0.8)
    all_axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"Spines after ketamine; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
