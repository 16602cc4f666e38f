"""The command line: argument parsing, tables and messages; the work is done by the library."""

from ketasim.cli.main import main

__all__ = ["main"]
