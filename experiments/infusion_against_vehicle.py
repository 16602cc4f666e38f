"""Compare a dose with its vehicle: the human infusion and the dose of most rodent studies.

Eight seeds, each with its own graph and afferent noise. The human infusion (0.5 mg/kg over 40 min, intravenous), the
same with NMDA blockade switched off, and 10 mg/kg into the peritoneum of a rat, against the vehicle of that seed:
paired differences from 10 to 60 min in per cent of the vehicle, with standard errors over seeds. Which receptors must
be blocked for an effect is tested in ``circuit_controls.py``.

    python experiments/infusion_against_vehicle.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas
from common import ADVICE, RAT, SALINE, in_percent, options, store

import ketasim

ARMS = {
    "human infusion": {},
    "human infusion, blockade off": {"mechanisms.nmda_blockade": False},
    "human vehicle": SALINE,
    "rat dose": RAT,
    "rat vehicle": RAT | SALINE,
}
NUMBERS = [("firing_rate", name) for name in ("PYR", "PV", "SST")]
NUMBERS += [("glutamate_perisynaptic", "PYR"), ("glutamate_ambient", "PYR")]


def main() -> None:
    """Run all arms, store the table and the figure."""
    chosen = options(__file__)
    changes = ["duration=1 h", "schedule.step=1 min", "recording={}", *chosen.smaller]
    experiment, seeds = ketasim.load_experiment("human_infusion", changes), chosen.size(8, 2)
    found = ketasim.sweep(experiment, replicates=seeds, arms=ARMS, jobs=chosen.jobs, out=chosen.out, keep="summary")
    tables = []
    for arm in ("human infusion", "human infusion, blockade off", "rat dose"):
        table = ketasim.compare(found.sel(arm=arm), found.sel(arm=f"{arm.split()[0]} vehicle"))
        tables.append(in_percent(table, NUMBERS, "10 min to 60 min").assign(arm=arm))
    rows = pandas.concat(tables)
    store(rows[["arm", *rows.columns.drop("arm")]], chosen, figure_of(rows))


def figure_of(rows: pandas.DataFrame) -> plt.Figure:
    """Draw changes with standard errors, one group per quantity."""
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    for index, (arm, of_one) in enumerate(rows.groupby("arm", sort=False)):
        places, errors = np.arange(len(of_one)) + 0.25 * (index - 1), of_one["standard_error_percent"]
        axes.errorbar(places, of_one["change_percent"], errors, fmt="o", capsize=3, label=arm)
    axes.axhline(0.0, color="0.5", lw=0.8)
    axes.set_xticks(range(len(NUMBERS)), [f"{one} {name}".replace("_", " ") for one, name in NUMBERS], fontsize=8)
    axes.set_ylabel("change against vehicle, 10-60 min (%)")
    axes.legend(frameon=False)
    axes.set_title(f"Ketamine against vehicle; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
