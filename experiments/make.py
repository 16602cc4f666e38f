"""Make the tables of experiments that are missing or stale, one after the other.

    python experiments/make.py [NAMES] [--quick] [--jobs N] [--list]

Without names, those whose table is missing or was made from another script, other default parameters or other values of
ketasim. Stopped or killed, it goes on where it was, as long as ketasim's code is the same.
"""

import argparse
import subprocess
import sys
import time

from stamps import HERE, stale

#: Experiment -> hours on two cores at full size, as ketasim forecasts them; the circuit first, then synapses.
HOURS = {
    "fit_disposition": 0.01,
    "exposures": 0.01,
    "infusion_against_vehicle": 0.15,
    "dose_response": 0.1,
    "circuit_controls": 0.9,
    "network_sampling": 0.35,
    "persistent_activity": 0.15,
    "fit_cascade": 0.35,
    "what_drives_bdnf": 0.2,
    "synapses_against_vehicle": 0.8,
    "scaling_on_and_off": 0.1,
    "spines_before_and_after": 0.05,
    "stress_and_recovery": 0.4,
    "cytokines": 0.02,
    "dissociation": 0.15,
    "fit_mood": 0.8,
    "hours_or_weeks": 0.8,
    "tolerance": 0.6,
    "one_dose_or_six": 0.2,
    "four_weeks_in_range": 0.1,
    "rest_for_four_weeks": 0.05,
    "rest_of_circuits": 0.2,
    "rebound": 0.15,
    "headline": 1.2,
    "cortical_afferents": 1.0,
    "accepted_sets": 1.0,
    "nmda_over_ampa": 0.6,
    "gamma_band": 0.3,
    "fewer_windows": 0.4,
    "hypotheses": 1.2,
    "second_pass": 2.0,
    "findings": 1.3,
    "conclusions": 1.5,
}


def main() -> int:
    """Run what is asked for or stale; the exit code is 1 if an experiment failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="experiments, stale or not")
    parser.add_argument("--quick", action="store_true", help="minutes at reduced size; no table is stored")
    parser.add_argument("--jobs", type=int, help="processes; by default one for each core")
    parser.add_argument("--list", action="store_true", help="only say what is stale")
    given = parser.parse_args()
    if unknown := sorted({*given.names} - HOURS.keys()):
        parser.error(f"no experiment {unknown[0]}; there are {', '.join(HOURS)}")
    reasons = stale()
    chosen = [name for name in HOURS if name in (given.names or reasons)]
    for name in chosen:
        hours = "" if given.quick else f", about {HOURS[name]:g} h on two cores"
        print(f"{name}{hours}: {reasons.get(name, 'up to date')}", flush=True)
    total = "" if given.quick else f", about {sum(HOURS[name] for name in chosen):.1f} h"
    print(f"{len(chosen)} of {len(HOURS)} experiments{total}", flush=True)
    return 0 if given.list else run(chosen, given.quick, given.jobs)


def run(names: list[str], quick: bool, jobs: int | None) -> int:
    """Run experiments one after the other, also after one that fails; return 1 if any did."""
    more = [*(["--quick"] if quick else []), *(["--jobs", str(jobs)] if jobs else [])]
    failed = []
    for name in names:
        begin = time.monotonic()
        print(f"\n{name}", flush=True)
        if subprocess.run([sys.executable, str(HERE / f"{name}.py"), *more], check=False).returncode:
            failed.append(name)
        print(f"{name}: {(time.monotonic() - begin) / 60.0:.1f} min", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
