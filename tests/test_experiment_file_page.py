"""docs/experiment_file.md: its examples are experiments, its recipe works, and no key is missing."""

import re
from pathlib import Path

import pytest

from ketasim.config import Experiment, experiment_schema
from ketasim.config.models import SPECIES_SYNONYMS
from ketasim.documents import parse_document
from ketasim.drugs import ROUTE_SYNONYMS, SPECIES, load_catalogue
from tests.leaves.test_leaves import leaves

PAGE = (Path(__file__).parents[1] / "docs" / "experiment_file.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
SECTIONS = dict(re.findall(r"\n## `?([\w ]+)`?\n(.*?)(?=\n## |\Z)", PAGE, re.S))

TABLE = """\
ID,TIME,EVID,AMT,RATE,CMT,ADDL,II,DV
1,0,1,35,52.5,2,1,48,.
1,1,0,,,2,,,120
1,24,1,50,,1,,,.
2,0,1,70,0,2,,,.
"""


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_experiments(text):
    """Catches an example that a reader pastes in vain."""
    assert Experiment.from_document(parse_document(text)).duration > 0.0


def test_every_key_is_on_the_page():
    """Catches a key that was added and is described nowhere."""
    missing = []
    for leaf in leaves(experiment_schema()):
        section, *rest = [part for part in leaf.split(".") if part != "0"]
        if section == "mechanisms" or rest[:1] == ["weights"] or (not rest and section in SECTIONS):
            continue
        text = SECTIONS.get(section, SECTIONS["Top level"])
        keys = {".".join(rest), rest[0]} if rest else {section}
        if not any(f"`{key}`" in text for key in keys):
            missing.append(leaf)
    assert missing == []


def test_routes_and_their_species_are_those_of_the_drug_file():
    """Catches a route that was added, and an abbreviation that is not accepted."""
    ketamine = load_catalogue()["ketamine"]
    rows = dict(re.findall(r"\n\| `(\w+)` \| (`[^|]*) \| (?:human|rat|mouse|, )+ \|(?=\n)", SECTIONS["doses"]))
    for route, synonyms in rows.items():
        for synonym in re.findall(r"`([^`]+)`", synonyms):
            assert ROUTE_SYNONYMS[synonym.replace(".", "")] == route
        species = ", ".join(one for one in SPECIES if route in ketamine.routes_for(one))
        assert f"| `{route}` | {synonyms} | {species} |" in SECTIONS["doses"]
    assert set(rows) == {route for one in SPECIES for route in ketamine.routes_for(one)}
    for word in ("patient", "rats", "Wistar", "Sprague-Dawley", "mice", "C57BL/6J"):
        assert word.casefold() in SPECIES_SYNONYMS
        assert f"`{word}`" in SECTIONS["subject"]


def test_a_table_of_doses_becomes_an_experiment(tmp_path, monkeypatch):
    """Catches a recipe that fails, or reads observations, other subjects, rates or additional doses wrongly."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "doses.csv").write_text(TABLE, encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    scope = {}
    exec(code, scope)
    given = [(dose.route, dose.amount, dose.start, dose.duration) for dose in scope["experiment"].administrations]
    assert given == [
        ("intravenous", 35.0, 0.0, pytest.approx(2400.0)),
        ("intravenous", 35.0, 172800.0, pytest.approx(2400.0)),
        ("oral", 50.0, 86400.0, 0.0),
    ]
