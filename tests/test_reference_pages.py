"""Reference pages made from the code have everything in them, and every page of the docs is in the contents."""

import importlib.util
import re
from pathlib import Path

import pytest

import ketasim
from ketasim.drugs import load_catalogue
from ketasim.mechanisms import ORDER
from ketasim.signals import SIGNALS

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def pages():
    """Text of each generated page by its name."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


HEADINGS = {
    "mechanisms": [one.name for one in ORDER],
    "drugs": list(load_catalogue()),
    "findings": [f"{one.id}: {one.title}" for one in ketasim.load_findings().values()],
    "command_line": ["ketasim run", "ketasim sweep", "ketasim cite"],
    "keys": ["Subject", "Dose", "Schedule"],
}
WORDS = {
    "signals": [f"| `{name}` |" for name in SIGNALS],
    "python": [f":: {name}" for name in ketasim.__all__ if not name.startswith("_")],
    "trajectory_file": [
        "`/trajectories/population/bdnf` | time, population | 1 |",
        "`/spikes/<population>/timestamps`",
    ],
    "keys": ["| `phenotype` |", "`chronic_stress`"],
    "mechanisms": ["not validated:", "dT_c/dt"],
    "command_line": ["| `-o OUT` `--out OUT` | Trajectory file; default runs/NAME.h5. |"],
}


@pytest.mark.parametrize("page", HEADINGS)
def test_everything_has_its_section(pages, page):
    """Catches a mechanism, drug or finding that the reference leaves out."""
    assert set(HEADINGS[page]) <= set(re.findall(r"^## (.*)$", pages[page], re.M))


@pytest.mark.parametrize("page", WORDS)
def test_everything_is_said(pages, page):
    """Catches tables that lost a column, and names that are not there."""
    for words in WORDS[page]:
        assert words in pages[page], words


def test_no_table_is_broken(pages):
    """Catches a bar or a line break within a cell, which shifts all cells behind it."""
    for name, text in pages.items():
        for block in re.findall(r"(?:^\|.*\|\n)+", text, re.M):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1, (name, block[:80])


def test_equations_of_every_mechanism_are_set():
    """Catches a mechanism without its equations on the page that says it has all of them."""
    headings = " ".join(re.findall(r"^## (.*)$", (DOCS / "equations.md").read_text(encoding="utf-8"), re.M))
    assert {one.name for one in ORDER} <= set(headings.replace(",", "").split())


def test_every_page_is_in_the_contents(pages):
    """Catches a page that no reader of the site finds."""
    listed = set((DOCS / "index.md").read_text(encoding="utf-8").split())
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= listed
    assert {f"reference/{name}" for name in pages} <= listed
