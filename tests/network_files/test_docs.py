"""docs/networks.md: every file and key shown there is read, and the notes are those shown."""

import re
from pathlib import Path

import pytest

from ketasim.config import NetworkFile, load_experiment
from ketasim.simulation.world import build_network

TEXT = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")


def examples():
    """List (files, network section, notes) of each example."""
    found, files, section = [], {}, ""
    for language, name, text in re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", TEXT, flags=re.M | re.S):
        if language == "yaml":
            section = text
        elif name == "notes":
            found.append((files, section, text))
            files = {}
        else:
            files[name] = text
    return found


@pytest.mark.parametrize("files, section, notes", examples(), ids=[next(iter(one[0])) for one in examples()])
def test_an_example_reads_with_the_notes_that_it_shows(tmp_path, files, section, notes):
    """Catches docs of which a newcomer's first copy fails, and notes that say something else by now."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "net.yaml").write_text(f"format: 1\nduration: 1 h\n{section}", encoding="utf-8")
    _, said = build_network(load_experiment(tmp_path / "net.yaml"))
    assert "\n".join(said) + "\n" == notes


def test_every_key_is_in_the_table_and_in_an_example():
    """Catches a key that the docs do not explain, or show only in words."""
    shown = "".join(section for _, section, _ in examples())
    for key in NetworkFile.model_fields:
        assert re.search(rf"^\| `{key}` \|", TEXT, flags=re.M), key
        assert key == "scale" or f"{key}: " in shown, key
