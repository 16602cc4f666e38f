"""One infusion or six: what repeated doses add over four weeks in a human.

Three seeds; 0.5 mg/kg over 40 min once, or three times a week for two weeks, in per cent of saline on the same days,
with standard errors over seeds.

    python experiments/one_dose_or_six.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
from common import ADVICE, at_hours, courses_in_percent, draw_courses, options, store

import ketasim

VEHICLES = {"one": "vehicle of one", "six": "vehicle of six"}
SIGNALS = ("bdnf", "synaptic_protein", "homeostatic_scale", "spine_density")
DAYS = (1.0, 7.0, 12.0, 14.0, 28.0)


def doses(drug: str, count: int) -> dict:
    """Return the change of an experiment to one dose, or to `count` in each of two weeks."""
    dose = {"drug": drug, "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}
    week = dose | {"repeat": {"every": "2 d", "count": count}}
    return {"doses": [dose] if count == 1 else [week, week | {"start": "7 d"}]}


def main() -> None:
    """Run all arms, store changes at five times and the courses."""
    chosen = options(__file__)
    changes = [f"duration={chosen.size('28 d', '12 d')}", "recording={measures: false}", *chosen.smaller]
    experiment, seeds = ketasim.load_experiment("human_infusion", changes), chosen.size(3, 2)
    arms = {"one": doses("ketamine", 1), "six": doses("ketamine", 3)}
    arms |= {"vehicle of one": doses("saline", 1), "vehicle of six": doses("saline", 3)}
    found = ketasim.sweep(experiment, replicates=seeds, arms=arms, jobs=chosen.jobs, out=chosen.out)
    courses = courses_in_percent(found, VEHICLES, SIGNALS)
    figure, panels = plt.subplots(len(SIGNALS), 1, figsize=(8, 9), sharex=True, layout="constrained")
    draw_courses(courses, panels)
    panels[0].legend(frameon=False, fontsize=8, title="infusions")
    figure.suptitle(f"One infusion or six against vehicle; {ADVICE}", fontsize=10)
    table = at_hours(courses, [24.0 * day for day in DAYS])
    table["hours"] /= 24.0
    store(table.rename(columns={"hours": "day"}), chosen, figure)


if __name__ == "__main__":
    main()
