"""One simulator with one network in a process of its own, which runs whenever it is told to.

`python -m benchmarks.worker '{"simulator": "ketasim", "case": "nmda", "n": 10000, ...}'` builds and then answers every
line on its standard input by a run. Answers are lines of JSON that begin with `ANSWER`; simulators print what they
like between them.
"""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.networks import Case, nmda_network, prefrontal

ANSWER = "@@ "

#: Simulated ms before the timed part of every run, from the network at rest, and its standard length.
WARM_UP = 300.0

_SIMULATORS = {"ketasim": "ketasim_side", "brian2": "brian_side", "nest": "nest_side"}


def case_of(name: str, n: int, **options: Any) -> Case:
    """Network called ``name``, of ``n`` neurons."""
    return {"nmda": nmda_network, "prefrontal": prefrontal}[name](n, **options)


class Worker:
    """The other end of a worker process.

    setting : what the worker is: simulator, case, n, and what the simulator's module asks for.
    prepared : seconds of building and of compilation, and what else the simulator says about itself.
    """

    def __init__(self, setting: dict[str, Any]):
        self.setting = setting
        root = Path(__file__).parents[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(setting)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        self.prepared = self._answer()

    def run(self) -> dict[str, float]:
        """Let the network run once; seconds for a simulated second and mean rate in Hz."""
        print("run", file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        lines = []
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
            lines.append(line)
        errors = self._process.communicate()[1]
        raise RuntimeError(f"{self.setting} ended: {''.join(lines[-5:])}{errors[-2000:]}")


def main() -> None:
    """Build what the first argument says and run at every line of standard input."""
    setting = json.loads(sys.argv[1])
    module = importlib.import_module(f"benchmarks.{_SIMULATORS[setting.pop('simulator')]}")
    begin = time.perf_counter()
    case = case_of(setting.pop("case"), setting.pop("n"))
    seconds = time.perf_counter() - begin
    prepared, run = module.prepare(case, **setting)
    _say({"network_seconds": seconds, "synapses": case.synapses} | prepared)
    for _ in sys.stdin:
        _say(run())


def _say(answer: dict[str, Any]) -> None:
    print(f"\n{ANSWER}{json.dumps(answer)}", flush=True)


if __name__ == "__main__":
    main()
