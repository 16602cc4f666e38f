"""Every block of code in README and docs does what it says: Python, commands and experiment files are executed.

A block is fenced and starts with its language: ``python``, ``console`` (commands of ketasim, one a line) or ``yaml``;
the word ``slow`` after it marks one that takes minutes. A ``csv`` block has the name of the file that it is; a ``yaml
part`` is read in another test. Blocks of a page run in its order in one folder; Python blocks of a page share their
names.
"""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ketasim
from ketasim.cli.main import app
from ketasim.documents import DocumentError
from ketasim.findings import load_findings

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md"))]


def blocks(page):
    """Language, whether slow, text and line of each fenced block of code of a page."""
    found = list(
        re.finditer(r"^```(python|console|yaml|csv)(.*)\n((?:.*\n)*?)```$", page.read_text(encoding="utf-8"), re.M)
    )
    found = [one for one in found if one[1] != "yaml" or "part" not in one[2]]
    kinds = [one[2].strip() if one[1] == "csv" else one[1] for one in found]
    return [
        (kind, "slow" in one[2], one[3], one.string[: one.start()].count("\n") + 2)
        for kind, one in zip(kinds, found, strict=True)
    ]


def run(kind, text, where, names):
    """Execute a block: Python in the names of its page, commands one by one, a file that is read."""
    if kind == "python":
        exec(compile(text, where, "exec"), names)
    elif kind == "yaml":
        Path("block.yaml").write_text(text, encoding="utf-8")
        load_findings([Path("block.yaml")]) if "\nfails_if:" in text else ketasim.load_experiment("block.yaml")
    elif kind.endswith(".csv"):
        Path(kind).write_text(text, encoding="utf-8")
    else:
        for line in (one for one in text.splitlines() if one and not one.startswith("#")):
            name, *arguments = shlex.split(line, comments=True)
            assert name == "ketasim", f"{where}: {line}"
            done = CliRunner().invoke(app, arguments)
            assert done.exit_code == 0, f"{where}: {line}\n{done.output}"


PAGES_WITH_BLOCKS = [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize("page", PAGES_WITH_BLOCKS, ids=lambda page: page.name)
def test_quick_blocks_run(page, tmp_path, monkeypatch):
    """Catches what a newcomer copies from a page and what then fails: a name, an option, a time outside the run."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for kind, slow, text, line in blocks(page):
        if not slow:
            run(kind, text, f"{page.name}:{line}", names)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES_WITH_BLOCKS, ids=lambda page: page.name)
def test_all_blocks_run(page, tmp_path, monkeypatch):
    """Catches the same in blocks that take minutes, which may use what the quick ones before them made."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for kind, _, text, line in blocks(page):
        run(kind, text, f"{page.name}:{line}", names)


def test_no_command_escapes():
    """Catches a command or a line of Python in an indented block, or in a fence of another name, which nothing runs."""
    for page in PAGES:
        text = re.sub(
            r"^```(python|console|yaml|csv).*\n(?:.*\n)*?```$", "", page.read_text(encoding="utf-8"), flags=re.M
        )
        assert not re.findall(r"^(?: {4}|```\w*\n)(?:ketasim |import ketasim).*$", text, re.M), page


def test_a_block_that_fails_is_found(tmp_path, monkeypatch):
    """Catches a check that passes whatever stands in a block."""
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```python\n1 / 0\n```\n\n```console slow\nketasim drugs kétamine\n```\n```yaml\nformat: 2\n```\n")
    assert [(kind, slow, line) for kind, slow, _, line in blocks(page)] == [
        ("python", False, 2), ("console", True, 6), ("yaml", False, 9)
    ]  # fmt: skip
    errors = (ZeroDivisionError, AssertionError, DocumentError)
    for (kind, _, text, line), error in zip(blocks(page), errors, strict=True):
        with pytest.raises(error):
            run(kind, text, f"page.md:{line}", {})
