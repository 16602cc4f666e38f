"""One minute of the soak that `python -m tools.soak` does for an hour."""

import csv
import subprocess
import sys

import pytest

from tests.faults.kills import ROOT

pytestmark = pytest.mark.faults


def test_a_minute_of_random_experiments_and_kills(note, tmp_path):
    """Catches an experiment whose resumed run has other bits, and memory that grows from run to run."""
    place = tmp_path / "soak.csv"
    command = [sys.executable, "-m", "tools.soak", "--minutes", "1", "--seed", "6", "--csv", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(place, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    interrupted = sum(int(row["kills"]) + int(row["signals"]) for row in rows)
    note("soak", "one minute", f"{len(rows)} experiments, {interrupted} interruptions", "same digests")
    assert interrupted > 0
    assert {row["outcome"] for row in rows} <= {"same digest", "stopped alike"}
