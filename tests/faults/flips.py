"""Flip bytes of a finished trajectory, one at a time, and see whether it is noticed.

    python -m tests.faults.flips FILE POSITION:MASK POSITION:MASK ...

prints a line for each: ``noticed`` (`inspect --verify` says what differs, or that the file can't be read), ``harmless``
(called intact, and the digest is what it was), ``missed`` (called intact with another digest) or ``uncaught``.
"""

import sys
import tempfile
from pathlib import Path

from typer.testing import CliRunner

import ketasim


def judge(path: Path, wanted: str) -> str:
    """Say what `inspect --verify` makes of a file whose digest should be `wanted`."""
    from ketasim.cli.main import app

    done = CliRunner().invoke(app, ["inspect", str(path), "--verify", "--quiet"])
    if not (done.exception is None or isinstance(done.exception, SystemExit)):
        return f"uncaught {type(done.exception).__name__}: {done.exception}"
    if done.exit_code in (1, 2):
        return "noticed"
    try:
        with ketasim.open_trajectory(path) as trajectory:
            return "harmless" if trajectory.digest() == wanted else "missed"
    except Exception as error:
        return f"missed: cannot be read: {error}"


def main() -> None:
    """Read the command line, print the outcomes."""
    source = Path(sys.argv[1])
    content = source.read_bytes()
    with ketasim.open_trajectory(source) as trajectory:
        wanted = trajectory.digest()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flipped.h5"
        for change in sys.argv[2:]:
            position, mask = (int(number) for number in change.split(":"))
            flipped = bytearray(content)
            flipped[position] ^= mask
            path.write_bytes(flipped)
            print(change, judge(path, wanted), flush=True)


if __name__ == "__main__":
    main()
