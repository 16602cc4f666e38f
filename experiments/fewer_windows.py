"""What fewer windows cost in a month of six infusions: a spacing of windows, or a budget, against never skipping.

Six seeds. Density, scaling, BDNF and AMPA throughput of pyramidal cells, and rates, at five times, in per cent of rest:
mean difference from the run of the same seed that never skips a window, with its standard error over seeds; the
standard deviation of that difference in one run; and beside it that of the never skipping runs themselves, between
seeds.

    python experiments/fewer_windows.py [--quick] [--jobs N]
"""

import pandas
from common import options, store

import ketasim

ALL = "never skipping"
ARMS = {ALL: {"schedule.skip": False}, "default": {}}
ARMS |= {f"spacing {hours} h": {"schedule.spacing": f"{hours} h"} for hours in (2, 3, 4, 8)}
ARMS["budget 440"] = {"schedule.budget": 440}
SIGNALS = {"spine_density": "PYR", "homeostatic_scale": "PYR", "ampa_throughput": "PYR", "bdnf": "PYR"}
RATES = {f"rate of {name}": name for name in ("PYR", "PV", "SST")}
DAYS = (1.0, 7.0, 14.0, 21.0, 28.0)


def main() -> None:
    """Run all arms, store the table."""
    chosen = options(__file__)
    changes = [f"duration={chosen.size('28 d', '12 d')}", "recording={measures: false}", "schedule.spacing=0 s"]
    experiment = ketasim.load_experiment("six_infusions", [*changes, *chosen.smaller])
    found = ketasim.sweep(experiment, replicates=chosen.size(6, 2), arms=ARMS, jobs=chosen.jobs, out=chosen.out)
    runs, summary = ketasim.sweep_runs(chosen.out), ketasim.sweep_summary(chosen.out)
    seconds = runs.groupby("arm")["seconds"].mean()
    windows = summary[summary["quantity"] == "windows_run"].groupby("arm")["value"].mean()
    courses = {words: found[words].sel(population=population) for words, population in SIGNALS.items()}
    courses |= {words: found["firing_rate"].sel(population=population) for words, population in RATES.items()}
    rows = []
    for words, course in courses.items():
        percent = 100.0 * course / course.sel(time=0.0, method="nearest")
        for day in DAYS:
            at = percent.interp(time=86_400.0 * day)
            for arm in ARMS:
                apart = (at.sel(arm=arm) - at.sel(arm=ALL)).values
                spread, between = apart.std(ddof=1), float(at.sel(arm=ALL).std(ddof=1))
                error = spread / len(apart) ** 0.5
                rows.append((arm, windows[arm], seconds[arm], words, day, apart.mean(), error, spread, between))
    columns = ("arm", "windows", "seconds", "quantity", "day", "difference", "standard_error", "in_one_run")
    table = pandas.DataFrame(rows, columns=(*columns, "between_seeds")).dropna()
    store(table[table["arm"] != ALL], chosen)


if __name__ == "__main__":
    main()
