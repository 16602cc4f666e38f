"""What drives BDNF: the surge (AMPA throughput), block of resting NMDA transmission (eEF2), both, or neither.

The rat's dose and the human infusion for twelve hours, three seeds each; BDNF, p70S6K and the circuit's AMPA throughput
of pyramidal cells, in per cent of the vehicle's, with standard errors over seeds.

    python experiments/what_drives_bdnf.py [--quick] [--jobs N]
"""

import matplotlib.pyplot as plt
import pandas
from common import ADVICE, RAT, SALINE, courses_in_percent, draw_courses, options, store

import ketasim

NO_SURGE, NO_EEF2 = {"mechanisms.bdnf.follow_throughput": False}, {"mechanisms.eef2": False}
PATHS = {"both": {}, "surge alone": NO_EEF2, "eEF2 alone": NO_SURGE, "neither": NO_SURGE | NO_EEF2}
CASES = {"rat dose": RAT, "human infusion": {}}
SIGNALS = ("bdnf", "p70s6k", "ampa_throughput_circuit")


def main() -> None:
    """Run all paths, store the largest changes and their courses."""
    chosen = options(__file__)
    changes = [f"duration={chosen.size('12 h', '6 h')}", "recording={measures: false}", *chosen.smaller]
    experiment, seeds = ketasim.load_experiment("human_infusion", changes), chosen.size(3, 2)
    arms = {f"{case}, {path}": CASES[case] | PATHS[path] for case in CASES for path in PATHS}
    arms |= {f"{case}, vehicle": CASES[case] | SALINE for case in CASES}
    found = ketasim.sweep(experiment, replicates=seeds, arms=arms, jobs=chosen.jobs, out=chosen.out)
    pairs = {arm: f"{arm.split(',')[0]}, vehicle" for arm in arms if "vehicle" not in arm}
    courses = courses_in_percent(found, pairs, SIGNALS)
    sizes = courses.assign(size=courses["change_percent"].abs()).groupby(["arm", "signal"], sort=False)["size"]
    largest = courses.loc[sizes.idxmax()]
    columns = {"change_percent": "peak_percent", "hours": "hours_to_peak"}
    rows = pandas.concat([cases_of(largest), largest], axis=1).rename(columns=columns)
    order = ["case", "path", "signal", "peak_percent", "standard_error", "hours_to_peak"]
    store(rows[order], chosen, figure_of(courses))


def cases_of(courses: pandas.DataFrame) -> pandas.DataFrame:
    """Return case and path of each row."""
    return courses["arm"].str.split(", ", n=1, expand=True).set_axis(["case", "path"], axis=1)


def figure_of(courses: pandas.DataFrame) -> plt.Figure:
    """Draw the courses, a column for each case."""
    figure, panels = plt.subplots(len(SIGNALS), 2, figsize=(9, 8), sharex=True, layout="constrained")
    for column, (case, of_case) in zip(panels.T, courses.groupby(cases_of(courses)["case"], sort=False), strict=True):
        draw_courses(of_case.assign(arm=cases_of(of_case)["path"]), column, "hours")
        column[0].set_title(case)
    panels[0, 0].legend(frameon=False, fontsize=8)
    figure.suptitle(f"What drives BDNF; {ADVICE}", fontsize=10)
    return figure


if __name__ == "__main__":
    main()
