"""How much homeostatic scaling compensates: the rat's dose for a week with and without it.

Three seeds; firing rate, surface AMPA, protein, scale and spine density of pyramidal cells in per cent of the
vehicle's, with standard errors over seeds.

    python experiments/scaling_on_and_off.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
from common import ADVICE, RAT, SALINE, at_hours, courses_in_percent, draw_courses, options, store

import ketasim

OFF = {"mechanisms.homeostatic_scaling": False}
ARMS = {"with scaling": RAT, "without scaling": RAT | OFF}
ARMS |= {"vehicle": RAT | SALINE, "vehicle without scaling": RAT | SALINE | OFF}
PAIRS = {"with scaling": "vehicle", "without scaling": "vehicle without scaling"}
SIGNALS = ("firing_rate", "surface_ampa", "synaptic_protein", "homeostatic_scale", "spine_density")


def main() -> None:
    """Run all arms, store changes at four times and the courses."""
    chosen = options(__file__)
    changes = [f"duration={chosen.size('7 d', '1 d')}", "recording={measures: false}", *chosen.smaller]
    experiment, seeds = ketasim.load_experiment("human_infusion", changes), chosen.size(3, 2)
    found = ketasim.sweep(experiment, replicates=seeds, arms=ARMS, jobs=chosen.jobs, out=chosen.out)
    courses = courses_in_percent(found, PAIRS, SIGNALS)
    figure, panels = plt.subplots(len(SIGNALS), 1, figsize=(7, 10), sharex=True, layout="constrained")
    draw_courses(courses, panels)
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"Rat, 10 mg/kg, against vehicle; {ADVICE}", fontsize=10)
    store(at_hours(courses, (4.0, 24.0, 72.0, 168.0)), chosen, figure)


if __name__ == "__main__":
    main()
