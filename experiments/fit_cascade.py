"""How well the fitted findings determine the parameters of the cascade (docs/fitting.md).

Each fitted parameter is set to fractions of its default while all others are kept: BDNF after 30 min in the mouse (E5),
the time course of p70S6K in the rat (E1), spine density after 24 h in the rat (F1). Two seeds each: their mean, and how
far apart they are.

    python experiments/fit_cascade.py [--quick] [--jobs N]
"""

import numpy as np
import pandas
from common import RAT, options, store

import ketasim

RUNS = {
    "mouse": RAT | {"duration": "1 h", "subject.species": "mouse", "doses.0.amount": "3 mg/kg"},
    "rat": RAT | {"duration": "3 h"},
    "rat, a day": RAT | {"duration": "25 h"},
}
#: Parameter -> runs of the findings that it was fitted to.
FITTED = {
    "bdnf.translation_gain": ["mouse"],
    "bdnf.turnover": ["mouse", "rat"],
    "mtorc1.feedback": ["rat"],
    "mtorc1.adaptation": ["rat"],
    "synaptogenesis.formation_gain": ["rat, a day"],
}


def peak_of_p70s6k(hours, signals) -> float:
    """Return the time of the peak in h."""
    return float(hours[np.argmax(signals["p70s6k"].values)])


def left_of_p70s6k(hours, signals) -> float:
    """Return the fraction of the peak's rise that remains at 2.5 h."""
    rise = signals["p70s6k"].values - 1.0
    return float(np.interp(2.5, hours, rise) / rise.max())


#: Finding -> run that shows it, how it is read from PYR over time in h, and its band.
FINDINGS = {
    "E5: BDNF at 0.5 h": ("mouse", lambda hours, x: np.interp(0.5, hours, x["bdnf"]), (1.15, np.inf)),
    "E1: peak of p70S6K, h": ("rat", peak_of_p70s6k, (0.3, 1.2)),
    "E1: left at 2.5 h": ("rat", left_of_p70s6k, (-np.inf, 0.25)),
    "F1: density at 24 h": ("rat, a day", lambda hours, x: np.interp(24.0, hours, x["spine_density"]), (1.05, 1.40)),
}


def main() -> None:
    """Run all, store the table."""
    chosen = options(__file__)
    experiment = ketasim.load_experiment("human_infusion", ["recording={measures: false}", *chosen.smaller])
    shares = chosen.size((0.5, 0.75, 1.0, 1.5, 2.0), (1.0, 2.0))
    cases = [(name, share, run) for name in FITTED for share in shares for run in FITTED[name]]
    defaults = experiment.resolved()["mechanisms"]
    arms = {}
    for name, share, run in cases:
        mechanism, parameter = name.split(".")
        number, *unit = str(defaults[mechanism][parameter]).split()
        scaled = float(number) * share
        changed = f"{scaled:g} {unit[0]}" if unit else scaled
        arms[f"{name} x {share}, {run}"] = RUNS[run] | {f"mechanisms.{name}": changed}
    found = ketasim.sweep(experiment, replicates=2, arms=arms, jobs=chosen.jobs, out=chosen.out).sel(population="PYR")
    rows = []
    for name, share, run in cases:
        signals = found.sel(arm=f"{name} x {share}, {run}").dropna("time", subset=["bdnf"])
        hours = signals["time"].values / 3600.0
        for finding, (of_run, measure, (low, high)) in FINDINGS.items():
            if of_run == run:
                values = np.array([measure(hours, signals.sel(seed=seed)) for seed in signals["seed"].values])
                inside = "yes" if low <= values.mean() <= high else "no"
                rows.append((name, share, finding, values.mean(), np.ptp(values), inside))
    columns = ("parameter", "share_of_default", "finding", "mean", "spread", "inside")
    store(pandas.DataFrame(rows, columns=columns), chosen)


if __name__ == "__main__":
    main()
