"""Run an experiment, given as JSON, in a process of its own; print what it took, bytes and s."""

import json
import sys
import tempfile
import time
from pathlib import Path


def peak() -> int:
    """Largest resident memory of this process so far in bytes (Linux: what `getrusage` says is of the parent, too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def main() -> None:
    import ketasim
    from ketasim.simulation import stored

    stored.folder = lambda: None  # a stored baseline would cost less than the forecast says
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run.h5"
        summary = ketasim.run(ketasim.Experiment.from_mapping(json.loads(sys.argv[1])), out).summary
        windows = ketasim.value_of(summary, "windows_run", statistic="count")
        found = {"memory": peak(), "file": out.stat().st_size, "windows": windows, "time": time.process_time()}
        print(json.dumps(found))


if __name__ == "__main__":
    main()
