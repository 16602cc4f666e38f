"""Damaged checkpoints and unfinished files: resumed to the same bits, or one clear error that leaves all as it was."""

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ketasim.storage.checkpoint import checkpoint_path
from ketasim.storage.datasets import part_path
from tests.faults.kills import digest_of

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def interrupted(bench):
    """Folder of a run that was killed after three quarters; not to be changed."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("run", 0.75 * 93600.0)
    child.kill()
    return out.parent


@pytest.fixture
def copied(bench, interrupted):
    """Output of a copy of the interrupted run."""
    out = bench.fresh()
    shutil.copytree(interrupted, out.parent, dirs_exist_ok=True)
    return out


def contents(folder):
    """Digest of every file but the lock."""
    files = [path for path in folder.iterdir() if path.suffix != ".lock"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def flip(path, position, mask):
    """Change some bits of one byte."""
    content = bytearray(path.read_bytes())
    content[position] ^= mask
    path.write_bytes(content)


def outcome_of(bench, out):
    """Resume; returns what came of it, in words, and how it ended."""
    before = contents(out.parent)
    ended = bench.resume(out).end()
    assert ended.is_clear, ended
    if ended.code == 0:
        if digest_of(out) == bench.digest:
            return "went on, same digest", ended
        return ("verify says so" if verify(out) == 1 else "UNNOTICED"), ended
    assert contents(out.parent) == before, "a refused resumption has changed files"
    return f"refused, exit {ended.code}", ended


def verify(path):
    """Exit code of ``ketasim inspect --verify``."""
    from ketasim.cli.main import app

    done = CliRunner().invoke(app, ["inspect", str(path), "--verify", "--quiet"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code


def test_undamaged(bench, copied):
    """Catches a comparison that compares with nothing."""
    assert outcome_of(bench, copied)[0] == "went on, same digest"


@pytest.mark.parametrize("share", [0.0, 1e-4, 0.01, 0.25, 0.5, 0.9, 0.99, 0.9999])
def test_a_truncated_checkpoint(bench, note, copied, share):
    """Catches half a state that is taken for one."""
    checkpoint = checkpoint_path(copied)
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(share * len(content))])
    outcome, ended = outcome_of(bench, copied)
    note("damage", "checkpoint truncated", f"to {share:g} of it", outcome)
    assert outcome.startswith("refused") and checkpoint.name in ended.errors, ended
    checkpoint.write_bytes(content)
    assert bench.carry_on(copied).digest == bench.digest


@pytest.mark.parametrize("seed", range(24))
def test_a_checkpoint_with_flipped_bits(bench, note, copied, seed):
    """Catches a state with other numbers that nobody notices."""
    generator, checkpoint = random.Random(seed), checkpoint_path(copied)
    position = generator.randrange(checkpoint.stat().st_size)
    flip(checkpoint, position, generator.randrange(1, 256))
    outcome, _ = outcome_of(bench, copied)
    note("damage", "checkpoint flipped", f"byte {position}", outcome)
    assert outcome.startswith("refused") or outcome == "went on, same digest"


@pytest.mark.parametrize("seed", range(24))
def test_an_unfinished_file_with_flipped_bits(bench, note, copied, seed):
    """Catches damage to rows already written that the finished file passes off as the run's own."""
    generator, part = random.Random(seed), part_path(copied)
    position = generator.randrange(part.stat().st_size)
    flip(part, position, generator.randrange(1, 256))
    outcome, _ = outcome_of(bench, copied)
    note("damage", "unfinished file flipped", f"byte {position}", outcome)
    assert outcome != "UNNOTICED"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.95])
def test_a_truncated_unfinished_file(bench, note, copied, share):
    """Catches a run that goes on although rows before its checkpoint are gone."""
    part = part_path(copied)
    content = part.read_bytes()
    part.write_bytes(content[: int(share * len(content))])
    outcome, _ = outcome_of(bench, copied)
    note("damage", "unfinished file truncated", f"to {share:g} of it", outcome)
    assert outcome.startswith("refused") or outcome == "went on, same digest"
    part.write_bytes(content)


@pytest.mark.parametrize("missing", ["checkpoint", "unfinished file"])
def test_one_of_the_two_is_missing(bench, note, copied, missing):
    """Catches a resumption from half of what it needs."""
    {"checkpoint": checkpoint_path, "unfinished file": part_path}[missing](copied).unlink()
    outcome, _ = outcome_of(bench, copied)
    note("damage", f"{missing} missing", "", outcome)
    assert outcome.startswith("refused") or outcome == "went on, same digest"


def test_the_checkpoint_of_another_run(bench, note, copied):
    """Catches a checkpoint that is whole but belongs to another unfinished file."""
    other = bench.fresh()
    child = bench.start("run", str(bench.config), "seed=2", "-o", str(other), "--quiet")
    assert child.wait_for_stage("run", 0.5 * 93600.0)
    child.kill()
    shutil.copy(checkpoint_path(other), checkpoint_path(copied))
    outcome, _ = outcome_of(bench, copied)
    note("damage", "checkpoint of another run", "", outcome)
    assert outcome.startswith("refused")


def test_an_older_checkpoint_of_the_same_run(bench, note):
    """Catches rows after the checkpoint that are kept, or kept twice."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage("run", 0.2 * 93600.0)
    child.kill()
    older = checkpoint_path(out).read_bytes()
    child = bench.resume(out)
    assert child.wait_for_stage("run", 0.8 * 93600.0)
    child.kill()
    checkpoint_path(out).write_bytes(older)
    outcome, _ = outcome_of(bench, out)
    note("damage", "checkpoint from earlier", "", outcome)
    assert outcome == "went on, same digest"


def test_no_output_is_called_intact_when_there_is_none(tmp_path: Path):
    """Catches `--verify` that is content with nothing."""
    assert verify(tmp_path / "none.h5") == 2
