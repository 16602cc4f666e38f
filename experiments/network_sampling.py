"""How accurate a sampled network is: pairing of arms, and the budget of windows.

Pairing. Infusion and vehicle of the same seed share graph and afferent noise (common random numbers); how much smaller
does that make the error of their difference? Variances over seeds of the difference of means from 10 to 60 min: with
windows in both arms at the same times, with the vehicle at rest (it skips all windows and is known from its baseline),
and what the stored errors of the arms would give if their noise were independent. In per cent of rest.

Budget. The same difference when the number of windows in three hours is limited.

    python experiments/network_sampling.py [--quick] [--jobs N]
"""

import numpy as np
import pandas
from common import SALINE, options, store

import ketasim

REST = "vehicle at rest"
ARMS = {"infusion": {}, "vehicle with windows": SALINE | {"schedule.skip": False}, REST: SALINE}
ARMS |= {f"infusion, budget {budget}": {"schedule.budget": budget} for budget in (96, 48, 24)}
NUMBERS = [("firing_rate", name) for name in ("PYR", "PV", "SST")] + [("glutamate_perisynaptic", "PYR")]


def main() -> None:
    """Run all arms, store the table."""
    chosen = options(__file__)
    changes = ["duration=3 h", "schedule.step=1 min", "recording={}", *chosen.smaller]
    experiment, seeds = ketasim.load_experiment("human_infusion", changes), chosen.size(8, 2)
    ketasim.sweep(experiment, replicates=seeds, arms=ARMS, jobs=chosen.jobs, out=chosen.out, keep="summary")
    summary = ketasim.sweep_summary(chosen.out)
    windows = summary[summary["quantity"] == "windows_run"].groupby("arm")["value"].mean()
    summary = summary[summary["at"] == "10 min to 60 min"].set_index(["quantity", "population"])
    rows = []
    for arm, vehicle in [("infusion", "vehicle with windows"), *((arm, REST) for arm in ARMS if arm.startswith("inf"))]:
        for number in NUMBERS:
            of_number = summary.loc[number].pivot(index="seed", columns="arm", values=["value", "error"])
            values, errors = of_number["value"], of_number["error"]
            change = 100.0 * (values[arm] - values[vehicle]) / values[REST]
            independent = 100.0 * np.hypot(errors[arm], errors[vehicle]) / values[REST]
            spread, stated = change.std(), np.sqrt((independent**2).mean())
            found = (change.mean(), spread, stated, (spread / stated) ** 2, windows[arm], len(change))
            rows.append((arm, vehicle, "_".join(number), *found))
    columns = ("arm", "against", "quantity", "change_percent", "spread_over_seeds_percent")
    columns += ("stated_if_independent_percent", "variance_ratio", "windows", "seeds")
    store(pandas.DataFrame(rows, columns=columns), chosen)


if __name__ == "__main__":
    main()
