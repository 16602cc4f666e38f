"""Places at which a test may stop a process, to kill it there.

With ``KETASIM_FAULT="flush:3"`` in the environment the third passing of a point ``flush`` says so on standard error
and waits for ever. Points: ``flush`` (a commit of the trajectory), ``checkpoint`` (its replacement), ``rename`` (the
end of a run).
"""

import os
import sys
import time
from collections import Counter

_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """Wait here to be killed, if the environment asks for it."""
    wanted = os.environ.get("KETASIM_FAULT")
    if not wanted:
        return
    _passed[name] += 1
    if wanted == f"{name}:{_passed[name]}":
        sys.stderr.write(f"fault point {name} {_passed[name]}\n")
        sys.stderr.flush()
        while True:
            time.sleep(1.0)
