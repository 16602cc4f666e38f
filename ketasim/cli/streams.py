"""Standard streams whose reader may go away: telling the user something never ends a run."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


def forgive() -> None:
    """Drop what cannot be told: anything on standard error; on standard output what has no reader any more.

    Results that do not fit on a full disk end the command with 1.
    """
    sys.stdout = _Forgiving(sys.stdout, are_results=True)
    sys.stderr = _Forgiving(sys.stderr, are_results=False)


class _Forgiving:
    """A text stream, or None in place of one that was closed from the start, that survives its reader."""

    def __init__(self, stream: TextIO | None, are_results: bool) -> None:
        self._stream = stream if stream is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        self._are_results = are_results
        reconfigure: Callable[..., None] | None = getattr(self._stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")  # for terminals that do not know every character

    def write(self, text: str) -> int:
        """Write; returns the number of characters."""
        with self._forgiven():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what waits."""
        with self._forgiven():
            self._stream.flush()

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        try:
            yield
        except ValueError:  # closed
            pass
        except OSError as error:
            no_reader = isinstance(error, BrokenPipeError)
            if no_reader or self._are_results:  # the interpreter writes the rest as it ends, and would complain
                with suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if self._are_results and not no_reader:
                print(f"standard output cannot be written: {error.strerror}", file=sys.stderr)
                raise SystemExit(1) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
