"""Thousands of wrong inputs through `ketasim check` in one process: ``python -m tests.fuzz --count 10000 --seed 1``.

Prints a table by kind of input, and every escape with the number that brings it back; exit code 1 if there is one.
"""

import argparse
import csv
import logging
import sys
import tempfile
from pathlib import Path

from ketasim.simulation import stored
from tests.fuzz.cases import KINDS, case
from tests.fuzz.push import Outcome, push

HEADER = ("input", "mutations", "accepted", "refused", "escapes", "longest (s)", "growth of peak memory (MB)")


def main() -> int:
    """Parse arguments, push, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutations in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be repeated")
    parser.add_argument("--number", type=int, help="only this case of each kind")
    parser.add_argument("--ran", action="store_true", help="run what is accepted for two slow steps")
    parser.add_argument("--memory", type=float, default=2000.0, help="MB of address space beyond what is in use")
    parser.add_argument("-o", "--out", type=Path, help="write the table to this CSV file")
    options = parser.parse_args()
    bound_memory(options.memory)
    logging.getLogger("ketasim").setLevel(logging.ERROR)
    kinds = options.kind or list(KINDS)
    rows, escapes = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "case")
        folder.mkdir()
        stored.folder = lambda: Path(name, "baselines")
        push(case("GraphML", -1), folder)  # imports count for no kind
        for kind in kinds:
            numbers = range(-(-options.count // len(kinds))) if options.number is None else (options.number,)
            outcomes = []
            for number in numbers:
                outcomes.append(push(case(kind, number, options.seed), folder, options.ran))
                if outcomes[-1].verdict == "escaped" or options.number is not None:
                    print(f"--- {kind} --seed {options.seed} --number {number}\n{outcomes[-1].text}", file=sys.stderr)
            rows.append(row(kind, outcomes))
            escapes += rows[-1][4]
    rows.append(("all", *(sum(column) for column in zip(*(one[1:5] for one in rows), strict=True)), "", ""))
    write_table(rows, options.out)
    return 1 if escapes else 0


def row(kind: str, outcomes: list[Outcome]) -> tuple:
    """Return what became of the cases of a kind."""
    verdicts = [outcome.verdict for outcome in outcomes]
    counts = (verdicts.count("accepted"), verdicts.count("refused"), verdicts.count("escaped"))
    longest, grown = max(outcome.seconds for outcome in outcomes), sum(outcome.megabytes for outcome in outcomes)
    return (kind, len(outcomes), *counts, f"{longest:.2f}", f"{grown:.0f}")


def write_table(rows: list[tuple], out: Path | None) -> None:
    """Print the table, and write it to a file if there is one."""
    for one in (HEADER, *rows):
        print(
            f"{one[0]:<16}"
            + "".join(f"{cell!s:>28}" if index > 4 else f"{cell!s:>10}" for index, cell in enumerate(one[1:]))
        )
    if out is not None:
        with open(out, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows((HEADER, *rows))


def bound_memory(megabytes: float) -> None:
    """Make an allocation beyond what is in use now plus `megabytes` fail, where the system can."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    resource.setrlimit(resource.RLIMIT_AS, (int(used + megabytes * 1e6), resource.RLIM_INFINITY))


if __name__ == "__main__":
    sys.exit(main())
