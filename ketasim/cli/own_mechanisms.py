"""Mechanisms from a Python file named on the command line.

The file is executed like any Python program, with the user's rights; only the command line can name one, never an
experiment or a trajectory file, so that files received from others run no code.
"""

import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ketasim.mechanisms import Mechanism

Mechanisms = Annotated[
    list[Path] | None,
    typer.Option("--mechanism", metavar="FILE.py", help="Python file that declares own mechanisms; it is executed."),
]


def mechanisms_in(files: Sequence[Path] | None) -> "list[Mechanism]":
    """Execute Python files, each once, and return the mechanisms that they declare, in the order of their names.

    Raises
    ------
    DocumentError
        A file is missing, fails, or declares no mechanism.
    """
    from ketasim.documents import DocumentError, Problem
    from ketasim.mechanisms import ORDER, Mechanism

    def refused(file: Path, message: str) -> DocumentError:
        return DocumentError([Problem(None, f"--mechanism {file}", message)])

    found: list[Mechanism] = []
    for file in {file.resolve(): file for file in files or ()}.values():  # each once
        if not file.is_file():
            raise refused(file, "there is no such file")
        try:
            names = runpy.run_path(str(file))
        except Exception as error:
            raise refused(file, f"{type(error).__name__}: {error}; --debug shows where") from error
        declared = {id(one): one for one in names.values() if isinstance(one, Mechanism) and one not in ORDER}
        if not declared:
            raise refused(file, "it declares no ketasim.Mechanism at its top level")
        found += declared.values()
    return found
