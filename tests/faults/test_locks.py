"""Two runs on one output, and locks that a killed process left behind."""

import os
import subprocess
import sys

import pytest

from ketasim.storage.checkpoint import lock_path
from tests.faults.kills import ROOT

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("command", ["run", "run --force", "resume"])
def test_a_second_run_on_one_output(bench, note, command):
    """Catches two writers of one file: the second is refused and leaves no mark on the first."""
    out = bench.fresh()
    first = bench.run(out)
    assert first.wait_for_stage("run")
    if command == "resume":
        second = bench.resume(out)
    else:
        words = command.split()
        second = bench.start(words[0], str(bench.config), "-o", str(out), "--quiet", *words[1:])
    ended = second.end()
    assert first.process.poll() is None, "the first run was too short to compare with"
    assert first.end().code == 0, first.errors
    same = bench.carry_on(out).digest == bench.digest
    note("lock", "live", command, f"exit {ended.code}, first run {'unharmed' if same else 'HARMED'}")
    assert ended.code == 2 and ended.is_clear, ended
    assert same


@pytest.mark.parametrize("command", ["run", "resume"])
def test_while_another_builds(bench, note, command):
    """Catches a lock that is only taken when there is something to write."""
    out = bench.fresh()
    first = bench.run(out)
    assert first.wait_until(lambda _: lock_path(out).exists())
    second = bench.run(out) if command == "run" else bench.resume(out)
    ended = second.end()
    assert first.end().code == 0, first.errors
    note("lock", "live, building", command, f"exit {ended.code}")
    assert ended.code == 2 and ended.is_clear, ended
    assert bench.carry_on(out).digest == bench.digest


def test_what_a_killed_process_left(bench, note):
    """Catches a lock that outlives its holder: a file alone locks nothing."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("run")
    child.kill()
    assert lock_path(out).exists()
    same = bench.carry_on(out).digest == bench.digest
    note("lock", "stale", "resume after a kill", "went on" if same else "MISMATCH")
    assert same
    assert not lock_path(out).exists()


@pytest.mark.parametrize("content", [b"", b"12345\n"], ids=["empty", "number"])
def test_a_file_that_looks_like_a_lock(bench, note, content):
    """Catches a run refused because of a file that nobody holds."""
    out = bench.fresh()
    lock_path(out).write_bytes(content)
    ended = bench.run(out).end()
    note("lock", "stale", f"a file of {len(content)} bytes", f"exit {ended.code}")
    assert ended.code == 0, ended
    assert bench.carry_on(out).digest == bench.digest


def test_a_file_in_place_of_a_lock_is_kept(bench, note):
    """Catches a file of the user's that is emptied because it has a lock's name."""
    out, content = bench.fresh(), b"\xffmine" + os.urandom(100)
    lock_path(out).write_bytes(content)
    ended = bench.run(out).end()
    note("lock", "none", "a file of the user's with its name", f"exit {ended.code}")
    assert ended.code == 2 and "not a lock written by ketasim" in ended.errors
    assert lock_path(out).read_bytes() == content


def test_a_lock_held_by_something_else(bench, note, tmp_path):
    """Catches a second writer that comes in while the lock is held, and one refused after its holder's death."""
    out = bench.fresh()
    code = (
        "import sys, time; from ketasim.storage.checkpoint import locked; from pathlib import Path\n"
        "with locked(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(out)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert holder.stdout.readline() == "held\n"
        refused = bench.run(out).end()
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    ended = bench.run(out).end()
    note("lock", "held", "run, then again after the holder's death", f"exit {refused.code}, exit {ended.code}")
    assert refused.code == 2 and refused.is_clear, refused
    assert ended.code == 0, ended
