"""How long a new process takes: with nothing compiled, and with everything in the cache."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Row, spread

#: What the processes do. The run is as short as ketasim allows and still calls every kernel.
_TASKS = {
    "import ketasim": "import ketasim",
    "first window of 300 neurons": (
        "from benchmarks.worker import case_of\n"
        "from benchmarks.ketasim_side import prepare\n"
        "prepare(case_of('prefrontal', 300))[1]"
    ),
    "ketasim.run, 20 neurons, 1 min": (
        "import ketasim\n"
        "changes = ['duration=1 min', 'doses.0.duration=1 min', 'network.neurons=20', 'recording={}']\n"
        "changes += ['schedule={baseline: 200 ms, window: 100 ms, step: 30 s}']\n"
        "ketasim.run(ketasim.load_experiment('quick', changes))"
    ),
}


def measure(quick: bool) -> list[Row]:
    """Seconds of a whole process, interpreter included, for each task: with an empty cache folder and then without."""
    rows = []
    for name, code in _TASKS.items():
        cold, cached = [], []
        for _ in range(1 if quick else 3):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(_seconds(code, folder))
                cached += [_seconds(code, folder) for _ in range(2)]
        rows.append({"task": name, "cold": spread(cold), "cached": spread(cached)})
    return rows


def _seconds(code: str, cache: str) -> float:
    begin = time.perf_counter()
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env=environment, capture_output=True)
    return time.perf_counter() - begin
