"""Random valid experiments with random kills, for as long as one likes.

    python -m tools.soak --minutes 60 --seed 1 --csv soak.csv

Each experiment is run twice: undisturbed, in one process that lives for the whole time and whose memory is watched,
and by `ketasim run` in processes that are killed at random moments, stopped by SIGTERM or halted at a fault point and
killed there, and resumed until the end. Both must have the same digest. Exit code 1 if a pair differs.
"""

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.kills import ROOT, Bench, digest_of, leftovers
from tools.soak_experiments import draw


class Row(NamedTuple):
    """One experiment of a soak; times in s, memory in MB."""

    number: int
    neurons: int
    duration_h: float
    kills: int
    signals: int
    resumes: int
    runs_again: int
    outcome: str
    seconds: float
    memory: float
    interruptions: str


class Undisturbed:
    """A process that runs one experiment after another."""

    def __init__(self, bench: Bench):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(bench.cache)}
        command = [sys.executable, "-m", "tools.soak", "--worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )

    def run(self, config: Path, out: Path) -> dict[str, Any]:
        """Return digest (or None) and error, seconds and resident memory in MB after the run."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{config}\t{out}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the undisturbed process ended with {self._process.wait()} at {config}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


def work() -> None:
    """Answer each line ``config TAB out`` with a line of JSON."""
    import gc

    import ketasim
    from ketasim.documents import KetasimError
    from ketasim.simulation import stored

    stored.folder = lambda: None  # the killed runs have to measure theirs
    for line in sys.stdin:
        config, out = line.rstrip("\n").split("\t")
        began, digest, error = time.monotonic(), None, ""
        try:
            ketasim.run(ketasim.load_experiment(config), out).close()
            digest = digest_of(Path(out))
        except KetasimError as caught:
            error = str(caught)
        gc.collect()
        answer = {"digest": digest, "error": error, "seconds": time.monotonic() - began, "memory": resident()}
        print(json.dumps(answer), flush=True)


def resident() -> float:
    """Resident memory of this process in MB; where the system does not tell, the most it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def interrupted(bench: Bench, generator: random.Random, out: Path, seconds: float) -> tuple[list[str], list[int], str]:
    """Run to the end with up to five interruptions: their names, [resumes, runs anew], and what the last one said."""
    names: list[str] = []
    counts, most = [0, 0], generator.randint(1, 5)
    while True:
        begun = any(path.exists() for path in leftovers(out)[:3])  # a temporary file alone is nothing
        counts[0 if begun else 1] += 1
        kind = generator.choice(("kill", "kill", "signal", "flush", "checkpoint", "rename"))
        last = len(names) >= most
        fault = f"{kind}:{generator.randint(1, 6 if kind == 'rename' else 40)}"
        options = {} if last or kind in ("kill", "signal") else {"fault": fault}
        child = bench.resume(out, **options) if begun else bench.run(out, **options)
        if options:
            stopped = child.wait_for_fault()
        elif not last:
            time.sleep(generator.uniform(0.0, seconds + 1.5))
            stopped = child.process.poll() is None
        else:
            stopped = False
        if not stopped:
            counts[1] -= 1  # the first start is none
            return names, counts, "" if child.end().code == 0 else child.errors.strip()
        names.append(fault if options else kind)
        if kind == "signal":
            child.signal(signal.SIGTERM)
            ended = child.end()
            if ended.code not in (0, 130, -signal.SIGTERM) or "Traceback" in ended.errors:
                return names, counts, f"SIGTERM: exit {ended.code} {ended.errors.strip()}"
        else:
            child.kill()


def one(bench: Bench, undisturbed: Undisturbed, generator: random.Random, number: int) -> Row:
    """Draw an experiment, run it both ways, and compare."""
    data = draw(generator, number)
    bench.config = bench.folder / f"{number}.yaml"
    bench.config.write_text(json.dumps(data, indent=1))
    reference, out = bench.fresh(), bench.fresh()
    began = time.monotonic()
    wanted = undisturbed.run(bench.config, reference)
    names, (resumes, again), error = interrupted(bench, generator, out, wanted["seconds"])
    if wanted["digest"] is None:  # a guard stopped it: the same words are wanted
        outcome = "stopped alike" if wanted["error"] in error else f"MISMATCH: {wanted['error']} / {error}"
    elif error:
        outcome = f"FAILED: {error}"
    else:
        outcome = "same digest" if digest_of(out) == wanted["digest"] else "MISMATCH"
    if outcome in ("same digest", "stopped alike"):
        shutil.rmtree(reference.parent)
        shutil.rmtree(out.parent)
        shutil.rmtree(bench.folder / "children")
    neurons = 0 if data["network"] == "none" else data["network"]["neurons"]
    kills, signals = len(names) - names.count("signal"), names.count("signal")
    hours, seconds = float(data["duration"].split()[0]), round(time.monotonic() - began, 2)
    counts = (kills, signals, resumes, again)
    return Row(number, neurons, hours, *counts, outcome, seconds, round(wanted["memory"], 1), " ".join(names))


def table(rows: list[Row]) -> list[tuple[str, Any]]:
    """Sum up: what was run, what became of it, and how memory went in the process that lived all along."""
    memory = [row.memory for row in rows]
    half = memory[len(memory) // 2 :]
    centre, mean = (len(half) - 1) / 2.0, sum(half) / len(half)
    spread = sum((i - centre) ** 2 for i in range(len(half)))
    slope = sum((i - centre) * (value - mean) for i, value in enumerate(half)) / spread if spread else 0.0
    good = ("same digest", "stopped alike")
    return [
        ("experiments", len(rows)),
        ("same digest", sum(row.outcome == "same digest" for row in rows)),
        ("stopped by a guard, alike both times", sum(row.outcome == "stopped alike" for row in rows)),
        ("mismatches and failures", sum(row.outcome not in good for row in rows)),
        ("kills", sum(row.kills for row in rows)),
        ("SIGTERM", sum(row.signals for row in rows)),
        ("resumes", sum(row.resumes for row in rows)),
        ("runs begun again, nothing written yet", sum(row.runs_again for row in rows)),
        ("memory after the first run, MB", memory[0]),
        ("memory after the last run, MB", memory[-1]),
        ("most memory, MB", max(memory)),
        ("growth over the second half, MB a run", round(slope, 3)),
    ]


def main() -> int:
    """Soak for the minutes asked for; print a table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", type=Path, default=Path("soak.csv"), help="a row for each experiment")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work()
        return 0
    generator, rows = random.Random(given.seed), []
    folder = Path(tempfile.mkdtemp(prefix="ketasim-soak-"))
    bench = Bench(folder, {"name": "soak"})
    undisturbed, end = Undisturbed(bench), time.monotonic() + 60.0 * given.minutes
    with open(given.csv, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        while time.monotonic() < end or not rows:
            rows.append(one(bench, undisturbed, generator, len(rows)))
            writer.writerow(rows[-1])
            file.flush()
    undisturbed.close()
    bench.close()
    for name, value in table(rows):
        print(f"{name:<40} {value}")
    bad = [row for row in rows if row.outcome not in ("same digest", "stopped alike")]
    for row in bad:
        print(f"experiment {row.number} in {folder}: {row.outcome}; {row.interruptions}")
    if not bad:
        shutil.rmtree(folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
