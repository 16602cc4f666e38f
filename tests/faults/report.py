"""Run all tests of faults and put their outcomes into tables.

    python -m tests.faults.report [--only EXPRESSION] [--rows ROWS.csv]

writes tests/faults/results.md and results.csv, a row for each try; with ``--rows`` it makes the tables of rows that
were written before.
"""

import argparse
import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Row(NamedTuple):
    """One try: kind of fault, stage or place, moment, what came of it, and a number or what was left behind."""

    kind: str
    stage: str
    moment: str
    outcome: str
    number: str


def read(path: Path) -> list[Row]:
    """Rows of a table of outcomes."""
    with open(path, newline="", encoding="utf-8") as file:
        return [Row(*row) for row in csv.reader(file) if row and row[0] != "kind"]


def kills(rows: list[Row]) -> Iterable[tuple[str, ...]]:
    """Kills tried and survived at each stage."""
    yield "killed while", "tried", "same digest", "resumed", "run again", "was finished"
    for stage in dict.fromkeys(row.stage for row in rows if row.kind == "kill"):
        found = Counter(row.outcome for row in rows if row.kind == "kill" and row.stage == stage)
        survived = sum(found.values()) - found["MISMATCH"]
        counts = (sum(found.values()), survived, found["resumed"], found["run again"], found["was finished"])
        yield stage, *map(str, counts)


def faults(rows: list[Row]) -> Iterable[tuple[str, ...]]:
    """What came of each fault of disks, files and locks."""
    yield "fault", "tried", "outcomes"
    keys = dict.fromkeys((row.kind, row.stage) for row in rows if row.kind in ("disk", "damage", "lock", "soak"))
    for kind, stage in keys:
        some = [row for row in rows if (row.kind, row.stage) == (kind, stage)]
        if kind == "damage" and some[0].moment.endswith("one at a time"):
            counts = Counter({row.outcome: int(row.number) for row in some})
        else:
            counts = Counter(row.outcome for row in some)
        words = "; ".join(f"{outcome} ({count})" for outcome, count in counts.most_common())
        yield f"{kind}: {stage}", str(sum(counts.values())), words


def times(rows: list[Row]) -> Iterable[tuple[str, ...]]:
    """Seconds from a signal to the end of the process."""
    yield "signal while", "signals", "exit codes", "median s", "longest s"
    for stage in dict.fromkeys(row.stage for row in rows if row.kind == "signal"):
        some = [row for row in rows if row.kind == "signal" and row.stage == stage]
        codes = Counter(row.outcome.removeprefix("exit ") for row in some)
        seconds = [float(row.number) for row in some if row.number]
        spread = (f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}") if seconds else ("-", "-")
        words = ", ".join(f"{code} ({count})" for code, count in codes.most_common())
        yield stage, str(len(some)), words, *spread


def markdown(lines: Iterable[tuple[str, ...]]) -> str:
    """Lines as a table; the first is its head."""
    head, *body = lines
    cells = [head, tuple("---" for _ in head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def main() -> int:
    """Run the tests, write the tables, return the exit code of the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="expression for pytest's -k")
    parser.add_argument("--rows", type=Path, help="make tables of these rows, run nothing")
    given = parser.parse_args()
    code, place = 0, given.rows
    if place is None:
        place = Path(tempfile.mkdtemp(prefix="ketasim-faults-")) / "rows.csv"
        place.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "tests/faults"]
        command += ["-k", given.only] if given.only else []
        environment = os.environ | {"KETASIM_FAULT_RESULTS": str(place)}
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    rows = read(place)
    with open(HERE / "results.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([Row._fields, *rows])
    parts = [
        "Made by `python -m tests.faults.report`; every try is a row of results.csv.",
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}.",
        f"## Kills\n\n{markdown(kills(rows))}",
        f"## Other faults\n\n{markdown(faults(rows))}",
        f"## From signal to exit\n\n{markdown(times(rows))}",
    ]
    (HERE / "results.md").write_text("# Outcomes of faults\n\n" + "\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"{len(rows)} tries; tables in {HERE / 'results.md'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
