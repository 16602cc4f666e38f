"""Full disks, limits on a file's size, folders that can't be written or go away: one clear error, and nothing lost."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.kills import digest_of, leftovers

pytestmark = pytest.mark.faults
resource = pytest.importorskip("resource", reason="limits are those of POSIX")


class SmallDisk:
    """A tmpfs in a user namespace of its own, seen from here through the process that keeps it."""

    def __init__(self, folder: Path):
        self._inside = folder
        command = ["unshare", "-rm", "sh"]
        self._shell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.size("2m", "")
        self.folder = Path(f"/proc/{self._shell.pid}/root{folder}")

    def size(self, size: str, options: str = "remount,") -> None:
        """Mount it, or give it another size."""
        self._shell.stdin.write(f"mount -t tmpfs -o {options}size={size} tmpfs {self._inside}; echo done $?\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "done 0\n"

    def close(self) -> None:
        """End the process, and with it the namespace and the disk."""
        self._shell.communicate("exit\n", timeout=10)


def why_no_namespaces():
    """Return why there can't be a small disk here; empty if there can."""
    if not shutil.which("unshare"):
        return "there is no unshare here"
    done = subprocess.run(["unshare", "-rm", "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no user namespaces: {done.stderr.strip()}"


@pytest.fixture
def disk(tmp_path):
    """A disk of 2 MB."""
    reason = why_no_namespaces()
    if reason:
        pytest.skip(reason)
    made = SmallDisk(tmp_path)
    yield made
    made.close()


def fails_and_goes_on(bench, note, out, child, words, free):
    """Check that a run ends in one clear error, and after `free()` is carried on to the same digest."""
    ended = child.end()
    there = [path.name.removeprefix("out.h5.") for path in leftovers(out) if path.exists()]
    free()
    if ended.code == 0:  # there was room enough
        assert bench.carry_on(out).digest == bench.digest
        note("disk", *words, "no fault", "there was room")
        return
    assert ended.code == 1 and ended.is_clear, ended
    carried = bench.carry_on(out)
    same = carried.digest == bench.digest
    note("disk", *words, f"exit 1, then {carried.how}{'' if same else ', MISMATCH'}", "+".join(there) or "nothing left")
    assert same


def fill(disk, kilobytes):
    """Let something else take all room but this."""
    state = os.statvfs(disk.folder)
    (disk.folder / "ballast").write_bytes(bytes(max(0, state.f_bavail * state.f_bsize - kilobytes * 1024)))


def free(disk):
    """Make room for everything."""
    (disk.folder / "ballast").unlink()
    disk.size("16m")


@pytest.mark.parametrize("kilobytes", [0, 4, 8, 20, 60, 100, 150, 250, 400, 600, 800, 1000, 1200])
def test_a_disk_that_fills_up(bench, note, disk, kilobytes):
    """Catches a full disk that crashes, hangs or costs what was written: room for this many kB when a run begins."""
    out = disk.folder / "out.h5"
    child = bench.run(out)
    assert child.wait_for_stage("build")
    fill(disk, kilobytes)
    fails_and_goes_on(bench, note, out, child, ("filling up", f"{kilobytes} kB free"), lambda: free(disk))


def test_a_disk_that_is_full(bench, note, disk):
    """Catches a run that begins although there is no room for it."""
    out = disk.folder / "out.h5"
    fill(disk, 0)
    ended = bench.run(out).end()
    note("disk", "full from the start", "0 kB free", f"exit {ended.code}, then run again")
    assert ended.code in (1, 2) and ended.is_clear, ended
    free(disk)
    assert bench.carry_on(out).digest == bench.digest


def test_full_again_and_again(bench, note, disk):
    """Catches a resumption that a full disk harms: 150 kB more room each time."""
    out, code, tries = disk.folder / "out.h5", 1, 0
    while code and tries < 15:
        child = bench.resume(out) if tries else bench.run(out)
        if child.wait_for_stage("build"):
            fill(disk, 150)
        ended, tries = child.end(), tries + 1
        code = ended.code
        assert code in (0, 1, 2) and ended.is_clear, ended
        (disk.folder / "ballast").unlink(missing_ok=True)
    disk.size("16m")
    same = bench.carry_on(out).digest == bench.digest
    note("disk", "filling up", "150 kB free, again and again", f"{tries} times", "same digest" if same else "MISMATCH")
    assert tries > 1 and same


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.6, 0.9, 0.99])
def test_a_limit_on_the_size_of_a_file(bench, note, share):
    """Catches the other way in which a write fails: EFBIG at this share of the finished file's size.

    Python ignores SIGXFSZ, which would end the process.
    """
    out, most = bench.fresh(), int(share * bench.reference.stat().st_size) + 100
    child = bench.run(out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    fails_and_goes_on(bench, note, out, child, ("file size", f"{most} bytes"), lambda: None)


def without_superpowers():
    """Take from the superuser, as whom tests may run, the right to write where a folder's mode forbids it."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.fixture
def plain():
    """Options with which a process is an ordinary user's, as far as modes go."""
    if os.geteuid():
        return {}
    if not sys.platform.startswith("linux"):
        pytest.skip("modes do not bind the superuser, as whom the tests run")
    return {"preexec_fn": without_superpowers}


@pytest.mark.parametrize("stage, seconds", [("at once", 0.0), ("baseline", 0.0), ("run", 600.0), ("run", 60000.0)])
def test_a_folder_that_may_not_be_written(bench, note, plain, stage, seconds):
    """Catches a traceback, or a lost run, where a folder is read-only or becomes so."""
    out = bench.fresh()
    if stage == "at once":
        out.parent.chmod(0o555)
    child = bench.run(out, **plain)
    if stage != "at once":
        assert child.wait_for_stage(stage, seconds)
        out.parent.chmod(0o555)
    ended = child.end()
    out.parent.chmod(0o755)
    assert ended.code in (1, 2) and ended.is_clear, ended
    carried = bench.carry_on(out)
    same = carried.digest == bench.digest
    words = f"exit {ended.code}, then {carried.how}{'' if same else ', MISMATCH'}"
    note("disk", "read-only", f"{stage} {seconds:g} s" if seconds else stage, words)
    assert same


@pytest.mark.parametrize("stage, seconds", [("build", 0.0), ("baseline", 0.0), ("run", 600.0), ("run", 60000.0)])
def test_a_folder_that_is_moved_away(bench, note, stage, seconds):
    """Catches a run that goes on for days into a file that nobody finds, or loses what it had."""
    out = bench.fresh()
    elsewhere = out.parent.with_name(out.parent.name + "_moved")
    child = bench.run(out)
    assert child.wait_for_stage(stage, seconds)
    out.parent.rename(elsewhere)
    ended = child.end()
    reached = max((t for s, t in child.stages if s == "run"), default=0.0)
    if stage == "build" and ended.code == 0:  # the folder was made again, with all that was written from then on
        note("disk", "folder moved away", stage, "ended in a new folder of the old name")
        assert digest_of(out) == bench.digest
        return
    assert ended.code == 1 and ended.is_clear, ended
    if out.parent.exists():
        assert not any(out.parent.iterdir()), "files were written to a new folder of the old name"
        out.parent.rmdir()
    elsewhere.rename(out.parent)
    carried = bench.carry_on(out)
    same = carried.digest == bench.digest
    words = f"exit 1 at {reached / 3600.0:.1f} h, then {carried.how}{'' if same else ', MISMATCH'}"
    note("disk", "folder moved away", f"{stage} {seconds:g} s" if seconds else stage, words)
    assert same


@pytest.mark.parametrize("stage", ["build", "run"])
def test_a_folder_that_is_removed(bench, note, stage):
    """Catches a run that seems to end well although its file is gone."""
    out = bench.fresh()
    child = bench.run(out)
    assert child.wait_for_stage(stage)
    shutil.rmtree(out.parent)
    ended = child.end()
    note("disk", "folder removed", stage, f"exit {ended.code}")
    if stage == "build" and ended.code == 0:  # the folder was made again
        assert digest_of(out) == bench.digest
        return
    assert ended.code == 1 and ended.is_clear, ended
