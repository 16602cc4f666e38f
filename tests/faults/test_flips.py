"""Finished trajectories with flipped bytes: `inspect --verify` notices, or the content is what it was."""

import random
import subprocess
import sys
from collections import Counter

import pytest

from tests.faults.kills import ROOT

pytestmark = pytest.mark.faults

FLIPS = 250
AT_ONCE = 25  # changes in one process, which take seconds; one that hangs is told from the rest


def outcomes(path, changes):
    """Judge one change after another; one that crashes or hangs the reader is called so, and the rest goes on."""
    found = {}
    while len(found) < len(changes):
        left = [change for change in changes if change not in found][:AT_ONCE]
        try:
            command = [sys.executable, "-m", "tests.faults.flips", str(path), *left]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
            lines, end = done.stdout.splitlines(), f"crash: exit {done.returncode} {done.stderr[-300:]}"
        except subprocess.TimeoutExpired as error:
            lines, end = (error.stdout or b"").decode().splitlines(), "hang"
        found |= dict(line.split(" ", 1) for line in lines)
        if len(lines) < len(left):
            found[left[len(lines)]] = end
    return found


def test_a_finished_file_with_flipped_bits(bench, note):
    """Catches a file that is called intact and reads otherwise, and damage that crashes or hangs its reader."""
    generator, size = random.Random(6), bench.reference.stat().st_size
    places = generator.sample(range(size), FLIPS - 50) + generator.sample(range(4096), 50)  # the head, too
    changes = list(dict.fromkeys(f"{place}:{generator.randrange(1, 256)}" for place in places))
    found = outcomes(bench.reference, changes)
    counts = Counter(outcome.split(":")[0].split()[0] for outcome in found.values())
    for outcome, count in sorted(counts.items()):
        note("damage", "finished file flipped", f"{len(changes)} bytes, one at a time", outcome, count)
    wrong = {change: outcome for change, outcome in found.items() if outcome not in ("noticed", "harmless")}
    assert not wrong
    assert counts["noticed"] > counts["harmless"] > 0


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_a_truncated_finished_file(bench, note, tmp_path, share):
    """Catches the head of a file that passes for all of it."""
    path, content = tmp_path / "out.h5", bench.reference.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    ended = bench.start("inspect", str(path), "--verify", "--quiet").end()
    note("damage", "finished file truncated", f"to {share:g} of it", f"exit {ended.code}")
    assert ended.code in (1, 2), ended
    assert "Traceback" not in ended.errors
