"""Sections `arms` and `sweep`: what a file may say, and messages for what it may not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ketasim
from ketasim.config.sweeps import Range, _items, load_sweep, section_of
from ketasim.documents import DocumentError

FILE = """format: 1
duration: 1 h
network: none
doses: [{drug: ketamine, route: iv, amount: 0.5 mg/kg}]
arms:
  drug: {}
  vehicle: {doses.0.drug: saline}
sweep:
  grid: {doses.0.amount: [0.1 mg/kg, 0.5 mg/kg]}
  replicates: 3
"""


@pytest.fixture
def file(tmp_path):
    """The experiment above as a file."""
    path = tmp_path / "doses.yaml"
    path.write_text(FILE)
    return path


def test_a_file_has_arms_and_lists(file):
    """Catches a section that is read into the experiment, or lost."""
    experiment, arms, section, _ = load_sweep(file)
    assert experiment.duration == 3600.0
    assert arms == {"drug": {}, "vehicle": {"doses.0.drug": "saline"}}
    assert section.grid == {"doses.0.amount": ("0.1 mg/kg", "0.5 mg/kg")}
    assert (section.replicates, section.keep) == (3, "signals")


def test_one_run_refuses_a_sweep_and_names_its_command(file):
    """Catches a single run of the first of many."""
    with pytest.raises(DocumentError, match=r"doses.yaml:5:1: arms: .*`ketasim sweep`"):
        ketasim.load_experiment(file)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("1,2", [1, 2]),
        ("0.1,0.5 mg/kg", ["0.1 mg/kg", "0.5 mg/kg"]),
        ("10 mg, 0.5 mg/kg", ["10 mg", "0.5 mg/kg"]),
        ("saline,ketamine", ["saline", "ketamine"]),
        ("[0 s, 1 min],[2 min]", [["0 s", "1 min"], ["2 min"]]),
        ("{neurons: 100},none", [{"neurons": 100}, "none"]),
        ("0.5 mg/kg", ["0.5 mg/kg"]),
    ],
)
def test_lists_of_the_command_line(text, items):
    """Catches a comma inside brackets that parts a value, and a unit that only the last value gets."""
    assert _items(text) == items


@pytest.mark.parametrize("path", ["drugs", "network.file"])
def test_files_on_the_command_line_are_in_the_current_folder(path, tmp_path, monkeypatch):
    """Catches a sweep and a run that look for the same argument in two folders."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "e.yaml").write_text("format: 1\nduration: 1 h\nnetwork: none\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    given = "[a.yaml],[b.yaml]" if path == "drugs" else "a.csv,b.csv"
    values = load_sweep("sub/e.yaml", [f"{path}={given}"]).section.grid[path]
    found = [Path(one[0] if path == "drugs" else one) for one in values]
    assert [one.parent for one in found] == [tmp_path, tmp_path]


def test_overrides_with_several_values_are_varied(file):
    """Catches a list that becomes a value of one run, and single values that become a list."""
    experiment, _, section, _ = load_sweep(file, ["subject.weight=60,80 kg", "duration=2 h"])
    assert experiment.duration == 7200.0
    assert section.grid["subject.weight"] == ("60 kg", "80 kg")
    assert "doses.0.amount" in section.grid
    zipped = load_sweep(file, ["subject.weight=60,80 kg"], zipped=True).section
    assert (list(zipped.zip), list(zipped.grid)) == (["subject.weight"], ["doses.0.amount"])


WRONG = {
    "zip: {seed: [1, 2], subject.weight: [60 kg]}": "the same length",
    "grid: {seed: []}": "empty; at least 1 entry",
    "grid: {seed: [1, 2, 1]}": "seed has 1 twice",
    "grid: {threads: [1, 2]}": "threads changes no result",
    "list: [{}]": "empty; at least 1 entry",
    "grid: {seed: 1}": "a list",
    "list: [{seed: 1}, {duration: 1 h}]": "the same keys",
    "grid: {seed: [1]}, zip: {seed: [2]}": "seed is varied twice",
    "random: {samples: 3, ranges: {seed: {from: 5, to: 2}}}": "must be less than",
    "random: {samples: 3, ranges: {doses.0.amount: {from: 1 mg, to: 2 mg/kg}}}": "the same unit",
    "sobol: {samples: 3, ranges: {duration: {from: 0 h, to: 2 h, scale: log}}}": "positive",
    "latin_hypercube: {samples: 0, ranges: {seed: {from: 1, to: 2}}}": "at least 1",
    "replicates: 0": "at least 1",
    "keep: everything": "allowed: file, signals, summary",
    "gird: {seed: [1]}": "did you mean grid",
}


@pytest.mark.parametrize(("section", "message"), WRONG.items())
def test_wrong_sections_are_refused_with_their_place(section, message, tmp_path):
    """Catches a wrong specification that runs, or one whose message does not say what is allowed."""
    path = tmp_path / "wrong.yaml"
    path.write_text(f"format: 1\nduration: 1 h\nnetwork: none\nsweep: {{{section}}}\n")
    with pytest.raises(DocumentError, match=message) as error:
        load_sweep(path)
    assert "wrong.yaml:4:" in str(error.value)


@given(
    st.floats(1e-6, 1e6),
    st.floats(1.001, 1e3),
    st.floats(0.0, 1.0, exclude_max=True),
    st.sampled_from(["linear", "log"]),
)
def test_values_drawn_from_a_range_are_inside_it(low, ratio, fraction, scale):
    """Catches a draw outside its range, by more than the six digits that are written."""
    one = Range.model_validate({"from": f"{low!r} mg", "to": f"{low * ratio!r} mg", "scale": scale})
    value, unit = one.at(fraction).split()
    assert unit == "mg"
    assert low * (1 - 1e-5) <= float(value) <= low * ratio * (1 + 1e-5)


def test_whole_numbers_are_drawn_with_both_ends():
    """Catches an upper end that is never drawn."""
    one = Range.model_validate({"from": 1, "to": 3, "whole": True})
    assert {one.at(fraction / 30) for fraction in range(30)} == {1, 2, 3}


def test_a_section_may_be_given_in_python():
    """Catches a message without the key."""
    with pytest.raises(DocumentError, match=r"sweep\.replicates"):
        section_of({"replicates": "many"})
