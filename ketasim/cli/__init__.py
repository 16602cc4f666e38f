"""The command line: argument parsing, tables and words. What it does is done by the library."""

from ketasim.cli.main import main

__all__ = ["main"]
