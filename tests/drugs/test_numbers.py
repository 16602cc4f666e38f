"""Every number of a drug file, with its source and prior; and drugs with other numbers."""

import re
from importlib import resources
from typing import get_args

import numpy as np
import pytest
from ruamel.yaml import YAML

from ketasim.documents import DocumentError, from_mapping, parse_document
from ketasim.documents.validation import validate
from ketasim.drugs import Drug, describe_drug, load_catalogue, numbers_of, redrawn
from ketasim.sources import UNCERTAIN, Prior, Status
from tests.drugs.drug_files import OWN_DRUG


def numbers_in(item, key=""):
    """Count the numbers of a file, apart from those that measure nothing about the drug."""
    if isinstance(item, dict):
        return sum(numbers_in(value, name) for name, value in item.items() if name != "prior")
    if isinstance(item, list):
        return sum(numbers_in(value, key) for value in item)
    if key in ("format", "dose_fraction", "reference_weight", "source") or isinstance(item, bool):
        return 0
    return isinstance(item, int | float) or bool(re.match(r"[0-9.]+(e[0-9]+)? [A-Za-z1]", item))


def drug(text=OWN_DRUG):
    """A drug that nobody shipped."""
    return validate(Drug, parse_document(text, "own.yaml"))


@pytest.fixture
def own():
    return drug()


@pytest.mark.parametrize("name", load_catalogue())
def test_every_number_of_a_drug_has_status_and_source(name):
    """Catches a number without origin, and one that the table loses on its way."""
    drug = load_catalogue()[name]
    rows = describe_drug(drug)
    assert all(row.status in get_args(Status) and len(row.source) > 3 for row in rows)
    text = resources.files("ketasim.drugs").joinpath("data", f"{name}.yaml").read_text(encoding="utf-8")
    shown = [row for row in rows if row.value not in ("True", "False")]
    written = numbers_in(YAML(typ="safe").load(text))
    assert len(shown) == written if drug.base is None else len(shown) > written


def test_rows_name_compound_and_place(own):
    """Catches a table of numbers that can't be told apart, or that shows a derived number as if it were written."""
    rows = {row.name: (row.value, row.unit) for row in describe_drug(own)}
    assert rows["molar_mass (parent)"] == ("200", "g/mol")
    assert rows["targets.mglu2_3.agonist (product)"] == ("0.003", "uM")
    assert rows["species.rat.routes.oral.gut"] == ("0.8", "")
    assert "species.rat.routes.oral.bioavailability" not in rows
    assert len(rows) == len(describe_drug(own))


@pytest.mark.parametrize("name", load_catalogue())
def test_every_uncertain_number_of_a_drug_has_a_prior_around_it(name):
    """Catches a number that nobody read and that analyses of uncertainty pass over, and a range beside its value."""
    numbers = numbers_of(load_catalogue()[name])
    for one in numbers:
        if ".usual_dose." in one.name:  # enters no equation
            assert one.prior is None, one.name
        elif one.prior is not None:
            assert one.prior.low < one.prior.high, one.name
            assert one.prior.low <= one.value <= one.prior.high, one.name
    blocks = {one.path[:-1] for one in numbers if one.block.status in UNCERTAIN and one.value != 0.0}
    drawn = {one.path[:-1] for one in numbers if one.prior}
    assert {path for path in blocks - drawn if "usual_dose" not in path} == set()


def test_a_prior_is_a_factor_or_factors_of_single_numbers():
    """Catches factors that add, a fraction drawn above 1, and a range that lands on another number."""
    text = OWN_DRUG.replace("k_on: 3e6 1/M/s,", "prior: {k_on: [0.5, 4]}, k_on: 3e6 1/M/s,")
    text = text.replace("bioavailability: 0.9,", "bioavailability: 0.9, prior: 2,")
    found = {one.name: one.prior for one in numbers_of(drug(text))}
    assert found["nmda_kinetics.k_on (parent)"] == Prior(1.5, 12.0)
    assert found["nmda_kinetics.electrical_distance (parent)"] is None
    assert found["species.rat.routes.subcutaneous.bioavailability"] == Prior(0.45, 1.0)
    assert found["species.rat.routes.subcutaneous.lag"] == Prior(150.0, 600.0)
    assert found["species.rat.routes.oral.gut"] is None


def test_a_fraction_is_drawn_as_far_as_it_may_be():
    """Catches a share above 1, or exactly 1 where the drug cannot have it."""
    found = {one.name: one for one in numbers_of(drug(OWN_DRUG.replace("escape: 0.3,", "prior: 20, escape: 0.3,")))}
    prior = found["nmda_kinetics.escape (parent)"].prior
    assert 0.999 < prior.high < 1.0
    assert found["nmda_kinetics.electrical_distance (parent)"].prior.high == 1.0


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("{k_onn: [0.5, 4]}", "unknown number of this block under 'prior' 'k_onn'.*did you mean k_on"),
        ("{k_on: [2, 4]}", r"k_on: expected two factors on both sides of 1, such as \[0.5, 5\]"),
        ("{k_on: [0.5]}", "k_on: expected two factors"),
        ("{k_on: 2}", "k_on: expected two factors"),
        ("{k_on: [0.5, .nan]}", "k_on: expected two factors"),
        ("0.5", "expected a factor above 1 by which each number may be off, such as 2"),
        ("wide", "expected a factor above 1"),
        ("[0.5, 2]", "expected a factor above 1"),
        ("true", "expected a factor above 1"),
        ("1e9", "expected a factor above 1"),
    ],
)
def test_a_prior_that_cannot_be_is_refused(prior, message):
    """Catches a misspelt name that draws nothing, and a range that does not hold the value."""
    with pytest.raises(DocumentError, match=message) as error:
        drug(OWN_DRUG.replace("k_on: 3e6 1/M/s,", f"prior: {prior}, k_on: 3e6 1/M/s,"))
    assert error.value.problems[0].place.line == 17
    assert "[" not in str(error.value).split("prior")[0]  # no words of the validator


def test_a_redrawn_drug_differs_in_what_is_named_alone(own, tmp_path):
    """Catches a number that lands elsewhere or in another unit, and a drawn drug that cannot be read."""
    values = {"nmda.ic50_2b (parent)": 0.7, "species.rat.dispositions.quick.clearance (parent)": 5.0}
    path = tmp_path / "other.yaml"
    with open(path, "w", encoding="utf-8") as file:
        YAML().dump(redrawn(own, "other", values), file)
    before = {one.name: (one.value, one.unit) for one in numbers_of(own)}
    after = {one.name: (one.value, one.unit) for one in numbers_of(load_catalogue([path])["other"])}
    assert {name for name in before if before[name] != after[name]} == set(values)
    assert {name: after[name][0] for name in values} == values
    assert after.keys() == before.keys()


def test_numbers_of_numpy_are_written_as_numbers(own, tmp_path):
    """Catches a file that says `np.float64(0.7) uM`, which nobody can read."""
    values = {"nmda.ic50_2b (parent)": np.float64(0.7), "nmda_kinetics.escape (parent)": np.float32(0.25)}
    path = tmp_path / "other.yaml"
    with open(path, "w", encoding="utf-8") as file:
        YAML().dump(redrawn(own, "other", values), file)
    found = {one.name: one.value for one in numbers_of(load_catalogue([path])["other"])}
    assert {name: found[name] for name in values} == {name: float(value) for name, value in values.items()}


def test_switches_have_no_prior():
    """Catches a range of whether a route has a first pass."""
    rows = {row.name: row for row in describe_drug(load_catalogue()["ketamine"])}
    assert rows["species.rat.routes.oral.first_pass"][1:3] == ("True", "")
    assert all(row.prior is None for row in rows.values() if row.value in ("True", "False"))


def test_a_prior_of_no_number_is_refused():
    """Catches a range that draws nothing: of a block without numbers, or of a default that is not stated."""
    for old, new in (
        ("intravenous: {status", "intravenous: {prior: 2, status"),
        ("intravenous: {status", "intravenous: {prior: {bioavailability: [0.5, 1]}, status"),
        ("oral: {absorption", "oral: {prior: {lag: [0.5, 2]}, absorption"),
    ):
        with pytest.raises(DocumentError, match="prior"):
            drug(OWN_DRUG.replace(old, new))


def test_a_redrawn_enantiomer_stands_on_its_own():
    """Catches one that is still taken for a part of its base, whose numbers it no longer has."""
    found = redrawn(load_catalogue()["esketamine"], "other", {"nmda.ic50_2a (S-ketamine)": 0.1})
    assert "base" not in found
    assert validate(Drug, from_mapping(found)).family == "other"


def test_a_number_that_is_not_there_or_cannot_be_is_refused(own):
    """Catches a draw that changes nothing, and a file that nobody can read."""
    with pytest.raises(KeyError, match="unknown number of own_drug"):
        redrawn(own, "other", {"nmda.ic50_2e (parent)": 1.0})
    for value in (1.5, -0.1, float("nan")):
        with pytest.raises(DocumentError, match="escape"):
            redrawn(own, "other", {"nmda_kinetics.escape (parent)": value})
