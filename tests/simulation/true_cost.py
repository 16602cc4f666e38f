"""Run an experiment, given as JSON, in a process of its own; print what it took, bytes and s."""

import json
import sys
import tempfile
import time
from pathlib import Path


def resident(what: str = "VmRSS") -> int:
    """Resident memory of this process in bytes, or its peak, VmHWM (what `getrusage` says is of the parent, too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(f"{what}:")))


def main() -> None:
    import ketasim
    from ketasim.simulation import baseline_cache

    baseline_cache.folder = lambda: None  # a stored baseline would cost less than the estimate says
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.h5"
        rows: list[int] = []
        experiment = ketasim.Experiment.from_mapping(json.loads(sys.argv[1]))
        summary = ketasim.run(experiment, out, progress=lambda *_: rows.append(resident())).summary
        later = rows[len(rows) // 2 :]  # when all is loaded
        windows = summary["windows_run"]
        found = {"memory": resident("VmHWM"), "file": out.stat().st_size, "windows": windows}
        found |= {"time": time.process_time(), "row": (later[-1] - later[0]) / len(later)}
        print(json.dumps(found))


if __name__ == "__main__":
    main()
