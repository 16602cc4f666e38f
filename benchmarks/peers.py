"""ketasim, Brian2 and NEST on the same network."""

from statistics import median
from typing import Any

from benchmarks.measure import Row, interleaved

#: Rates that differ by more than this part mean that two simulators did not compute the same network.
RATES_WITHIN = 0.03


def measure(quick: bool) -> list[Row]:
    """Rows of all cases: every simulator in turn, ketasim first."""
    rows = []
    for case, n in (("nmda", 10_000), ("prefrontal", 1000), ("prefrontal", 10_000)):
        rows += _compared(interleaved(_settings(case, n, quick), 2 if quick else 5), case)
        if case == "nmda" and not quick:
            rows += _compared(interleaved(_nest(), 3), case)
    return rows


def _settings(case: str, n: int, quick: bool) -> list[dict[str, Any]]:
    common = {"case": case, "n": n}
    ours = [{"simulator": "ketasim", "threads": threads} for threads in (1, 2)]
    inversion = {"simulator": "brian2", "mode": "standalone", "formulation": "inversion"}
    theirs = [inversion | {"precision": "double", "threads": threads} for threads in (1, 2)]
    if quick:
        short = {"duration": 300.0, "warm_up": 200.0}
        return [common | short | setting for setting in (ours + (theirs if case == "nmda" else theirs[:1]))]
    theirs += [inversion | {"precision": "single", "threads": threads} for threads in (1, 2)]
    if case == "nmda":  # what the slower formulation, and the mode without a program of its own, cost on one thread
        theirs.append(inversion | {"formulation": "poisson", "precision": "double", "threads": 1})
        theirs.append(inversion | {"mode": "cython", "precision": "double", "threads": 1})
    return [common | setting for setting in (ours + theirs)]


def _nest() -> list[dict[str, Any]]:
    """NEST and ketasim over the same stretch of time; three repeats, because one of NEST's takes half a minute."""
    small = {"case": "nmda", "n": 1000}
    large = {"case": "nmda", "n": 10_000, "duration": 200.0, "warm_up": 300.0}
    return [
        small | {"simulator": "ketasim", "threads": 1},
        small | {"simulator": "nest", "threads": 1},
        large | {"simulator": "ketasim", "threads": 1},
        large | {"simulator": "nest", "threads": 1},
        large | {"simulator": "nest", "threads": 2},
    ]


def _compared(rows: list[Row], case: str) -> list[Row]:
    """Add to each row how its rate compares with ketasim's on the same network and whether that is well."""
    for n in {row["n"] for row in rows}:
        same = [row for row in rows if row["n"] == n]
        ours = next(row for row in same if row["simulator"] == "ketasim")
        for row in same:
            row["rate_over_ketasim"] = row["rate"] / ours["rate"]
            row["right"] = abs(row["rate_over_ketasim"] - 1.0) <= RATES_WITHIN
    return rows


def ratios(rows: list[Row]) -> dict[str, float]:
    """How many times ketasim is as fast as the best Brian2 of each case: one thread against one, and two against all.

    Rows whose rates are wrong do not count. On one thread ketasim's processor time is taken, because that is what
    Brian2's program reports; on two, the time on the wall.
    """
    found = {}
    for case, n in sorted({(row["case"], row["n"]) for row in rows}):
        group = [row for row in rows if (row["case"], row["n"]) == (case, n) and row["right"]]
        theirs = [row for row in group if row["simulator"] == "brian2"]
        for threads, name in ((1, "cpu_seconds"), (2, "seconds")):
            ours = [row for row in group if row["simulator"] == "ketasim" and row["threads"] == threads]
            best = [row["median"] for row in theirs if threads == 2 or row["threads"] == 1]
            if ours and best:
                ratio = min(best) / median(ours[0][name])
                found[f"{case}_{n}, {threads} thread{'s' if threads > 1 else ''}"] = ratio
    return found
