"""Runs of the real command line in processes of their own, stopped at chosen moments and carried on.

A child says to a file which stage it is in, through the progress callback; everything else is what a user's process
does, but that most are forked from one that has the libraries loaded (`child.py`). Each leads its own process group, so
that a kill takes all that it started.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import ketasim
from ketasim.storage.checkpoint import checkpoint_path
from ketasim.storage.datasets import part_path

ROOT = Path(__file__).parents[2]

#: The whole chain, spines and snapshots included; spikes of the baseline, so that no stored baseline is used.
WHOLE = {
    "format": 1,
    "name": "whole",
    "duration": "26 h",
    "doses": [{"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}],
    "network": {"neurons": 60},
    "schedule": {"baseline": "8 s", "settle": "50 ms", "window": "0.2 s", "checkpoint": "0.3 s"},
    "recording": {
        "node_signals": ["firing_rate", "spine_density"],
        "spikes": [{"from": "-8 s", "to": "1 h"}],
        "graph": ["6 h", "20 h"],
    },
}


class Ended(NamedTuple):
    """How a process ended: exit code (minus the signal's number if killed), standard error, seconds since its start."""

    code: int
    errors: str
    seconds: float

    @property
    def is_clear(self) -> bool:
        """Whether it ended as promised: done, or with a few lines of words and a code for it."""
        lines = self.errors.splitlines()
        return (
            self.code in (0, 1, 2, 130) and "Traceback" not in self.errors and (self.code == 0 or 0 < len(lines) <= 4)
        )


class Forked:
    """A process that another one forked for us and watches; for what `subprocess.Popen` has under the same names."""

    def __init__(self, ends: Path):
        self._ends = ends
        while not self._lines():
            time.sleep(0.002)
        self.pid = int(self._lines()[0])

    def _lines(self) -> list[str]:
        return self._ends.read_text().split("\n")[:-1]

    def poll(self) -> int | None:
        """Return the exit code, or None while the process lives."""
        lines = self._lines()
        return int(lines[1]) if len(lines) > 1 else None

    def wait(self, timeout: float) -> int:
        """Return the exit code when the process has ended."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("ketasim", timeout)
            time.sleep(0.004)
        return code


class Child:
    """A ketasim command in a process group of its own; `begin` starts it with the paths of its files."""

    def __init__(self, folder: Path, begin: Callable[[dict[str, str]], Any]):
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("*.stages")))
        files = {name: folder / f"{number}.{name}" for name in ("stages", "errors", "ends")}
        for path in files.values():
            path.touch()
            path.chmod(0o666)  # some children are another user's
        self._stages, self._errors = files["stages"], files["errors"]
        self.process = begin({name: str(path) for name, path in files.items()})
        self.began = time.monotonic()

    @property
    def stages(self) -> list[tuple[str, float]]:
        """Reports so far: stage and simulated time in s."""
        lines = self._stages.read_text().split("\n")[:-1]
        return [(line.split()[0], float(line.split()[1])) for line in lines]

    @property
    def errors(self) -> str:
        """Standard error so far."""
        return self._errors.read_text(errors="replace")

    def wait_until(self, ready: Callable[["Child"], bool], timeout: float = 300.0) -> bool:
        """Wait for a condition; False if the process ends without it."""
        deadline = time.monotonic() + timeout
        while not ready(self):
            if self.process.poll() is not None:
                return ready(self)
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"not there after {timeout:g} s: {self.stages[-1:]} {self.errors}")
            time.sleep(0.004)
        return True

    def wait_for_stage(self, stage: str, seconds: float = -1e9) -> bool:
        """Wait for a report of a stage at or after a simulated time in s."""
        return self.wait_until(lambda child: any(s == stage and not t < seconds for s, t in child.stages))

    def wait_for_fault(self) -> bool:
        """Wait until the process stands at its fault point."""
        return self.wait_until(lambda child: "fault point" in child.errors)

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def kill(self) -> Ended:
        """SIGKILL the whole group, and reap."""
        self.signal(signal.SIGKILL)
        return self.end()

    def end(self, timeout: float = 300.0) -> Ended:
        """Wait for the end; kill and complain if it does not come."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return Ended(code, self.errors, time.monotonic() - self.began)


class Carried(NamedTuple):
    """A run that was carried on to its end.

    how : ``resumed``, ``run again`` (nothing had been written yet) or ``was finished``.
    at : simulated time in s that the last process started from; nan if it did not simulate.
    """

    how: str
    digest: str
    at: float


class Bench:
    """One experiment, and a cache whose kernels are warm and that has no stored baselines."""

    def __init__(self, folder: Path, data: Mapping[str, Any]):
        from ketasim.kernels.jit import CACHE_FOLDER

        self.folder, self._count, self._server = folder, 0, None
        self.digest, self.seconds, self.reference = "", 0.0, folder
        self.config = folder / f"{data['name']}.yaml"
        self.config.write_text(json.dumps(data, indent=1))
        self.cache = folder / "cache"
        (self.cache / "ketasim").mkdir(parents=True)
        (self.cache / "ketasim" / "numba").symlink_to(CACHE_FOLDER.parent, target_is_directory=True)

    def measured(self) -> Self:
        """Run once undisturbed, for the digest to compare with and the seconds it takes."""
        self.reference = self.fresh()
        ended = self.run(self.reference).end()
        assert ended.code == 0, ended.errors
        self.digest, self.seconds = digest_of(self.reference), ended.seconds
        return self

    def fresh(self) -> Path:
        """Path for a new output in a folder of its own."""
        self._count += 1
        folder = self.folder / f"out{self._count}"
        folder.mkdir()
        return folder / "out.h5"

    def start(self, *arguments: str, fault: str = "", cache: Path | None = None, **options: Any) -> Child:
        """Start a command; with a cache of its own or `options`, as of `subprocess.Popen`, in a new interpreter."""
        environment = {key: value for key, value in os.environ.items() if key != "KETASIM_FAULT"}
        environment |= {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache or self.cache), "NO_COLOR": "1"}
        if fault:
            environment["KETASIM_FAULT"] = fault

        def fork(files: dict[str, str]) -> Forked:
            if self._server is None:
                command = [sys.executable, "-m", "tests.faults.child", "--serve"]
                self._server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, cwd=ROOT, text=True)
            request = files | {"environment": environment, "arguments": arguments}
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            return Forked(Path(files["ends"]))

        def spawn(files: dict[str, str]) -> subprocess.Popen:
            command = [sys.executable, "-m", "tests.faults.child", *arguments]
            environment["STAGES"] = files["stages"]
            with open(files["errors"], "wb") as errors:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env=environment,
                    cwd=ROOT,
                    start_new_session=True,
                    **options,
                )

        return Child(self.folder / "children", spawn if cache or options else fork)

    def close(self) -> None:
        """End the process that the others are forked from."""
        if self._server is not None:
            self._server.communicate(timeout=60)

    def run(self, out: Path, **options: Any) -> Child:
        """Start ``ketasim run``."""
        return self.start("run", str(self.config), "-o", str(out), "--quiet", **options)

    def resume(self, out: Path, **options: Any) -> Child:
        """Start ``ketasim resume``."""
        return self.start("resume", str(out), "--quiet", **options)

    def carry_on(self, out: Path, **options: Any) -> Carried:
        """Do what a user does after an interruption; the run must reach its end."""
        was_finished, nothing = out.exists(), not any(path.exists() for path in leftovers(out)[:3])
        child = self.resume(out, **options)
        ended = child.end()
        how = "was finished" if was_finished else "resumed"
        if nothing:
            assert ended.code == 2 and ended.is_clear, ended
            child, how = self.run(out, **options), "run again"
            ended = child.end()
        assert ended.code == 0, ended
        at = next((seconds for stage, seconds in child.stages if stage == "run"), float("nan"))
        assert not any(path.exists() for path in leftovers(out)[1:]), list(out.parent.iterdir())
        return Carried(how, digest_of(out), at)


def leftovers(out: Path) -> list[Path]:
    """The files that an unfinished or finished run may have, but for the lock."""
    checkpoint = checkpoint_path(out)
    return [out, part_path(out), checkpoint, checkpoint.with_name(checkpoint.name + ".tmp")]


def digest_of(path: Path) -> str:
    """Digest of a finished trajectory's content."""
    with ketasim.open_trajectory(path) as trajectory:
        assert trajectory.complete
        return trajectory.digest()
