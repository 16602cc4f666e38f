"""Files of findings: what they inherit, what is refused and where, and that those of the package are whole."""

import math

import pytest

from ketasim.documents import DocumentError
from ketasim.findings import load_findings
from ketasim.findings.finding import _order

TEXT = """\
format: 1
id: X1
title: Made up
role: prediction
status: verified
source: nobody, 2030
fails_if: it were otherwise
settings:
  duration: 1 h
  network: none
  doses: [{drug: ketamine, route: intravenous, amount: 35 mg, duration: 40 min}]
arms:
  full: {}
  half: {doses.0.amount: 17.5 mg}
of: {arm: full, signal: plasma_concentration, compound: ketamine, statistic: value, at: 40 min}
numbers:
  - {name: level, value: {}, least: 150, most: 250}
  - {name: twice, value: {}, against: {arm: half}, shown: ratio, least: 1.9, most: 2.1}
"""


CLAMPED = "numbers: [{name: n, clamp: {drug: ketamine, subunit: 2A, magnesium: 0 mM}}]\n"


@pytest.fixture
def read(tmp_path):
    """Write a file and return its finding."""

    def reader(text):
        path = tmp_path / "x1.yaml"
        path.write_text(text, encoding="utf-8")
        return load_findings([path])["X1"]

    return reader


def test_numbers_have_what_is_common_and_against_what_the_value_has(read):
    """Catches a selection that loses what the file says once, or what the other number of its ratio says."""
    finding = read(TEXT)
    level, twice = finding.numbers
    assert (level.value.arm, level.value.at, level.against) == ("full", 2400.0, None)
    assert (twice.against.arm, twice.against.compound, twice.against.at) == ("half", "ketamine", 2400.0)
    assert level.band == (150.0, 250.0)
    assert finding.experiment("half").doses[0].amount != finding.experiment("full").doses[0].amount
    one_sided = read(TEXT.replace("least: 150, ", "")).numbers[0]
    assert one_sided.band == (-float("inf"), 250.0)


WRONG = {
    "role": (("role: prediction", "role: predicted"), (4, 7), "allowed: calibration, prediction, input"),
    "id": (("id: X1", "id: x 1"), (2, 5), "x 1"),
    "arm": (("against: {arm: half}", "against: {arm: halve}"), None, "unknown arm 'halve'; allowed: full, half"),
    "signal": (("signal: plasma_concentration,", "signal: plasma,"), None, "unknown signal 'plasma'"),
    "class": (("compound: ketamine,", "population: PYR,"), None, "plasma_concentration has no population"),
    "no time": ((", at: 40 min", ""), None, "a `value` has a time"),
    "upside down": (("least: 150, most: 250", "least: 250, most: 150"), None, "`least` must be below `most`"),
    "bound in another unit": (("most: 250", "most: 250 h"), None, "'250 h' is a time"),
    "true": (("least: 150, most: 250", "least: true, most: 250"), None, "least"),
    "settings": (("  duration: 1 h", "  duration: 1 hx"), (9, 13), "duration: "),
    "words for numbers": ((TEXT[TEXT.index("numbers:") :], "numbers: many\n"), None, "numbers"),
    "not recorded": (("signal: plasma_concentration,", "signal: ampa_gain,"), None, "unknown signal 'ampa_gain'"),
    "against nothing": ((", against: {arm: half}", ""), None, "is `against` another number"),
    "amount": (("amount: 35 mg", "amount: 35"), (11, 56), "35 has no unit"),
    "change": (("doses.0.amount: 17.5 mg", "doses.0.amont: 17.5 mg"), (14, 9), "did you mean amount"),
    "compound": (("compound: ketamine,", "compound: ketamin,"), (17, 19), "did you mean ketamine?"),
    "no network": (
        ("signal: plasma_concentration, compound: ketamine", "signal: bdnf, population: PYR"),
        None,
        "bdnf needs a network, and the arm 'full' has none",
    ),
    "above itself": (("against: {arm: half}", "against: {above: half, arm: half}"), None, "`above` is another arm"),
    "above saline": (
        ("half: {doses.0.amount: 17.5 mg}", "half: {doses.0.drug: saline}"),
        None,
        "unknown compound of the arm 'half' 'ketamine'",
    ),
    "a cytokine without a network": (
        ("signal: plasma_concentration, compound: ketamine", "signal: il6_brain"),
        None,
        "il6_brain needs a network, and the arm 'full' has none",
    ),
    "above a shorter arm": (
        (
            TEXT[TEXT.index("  half") :],
            TEXT[TEXT.index("  half") :]
            .replace("doses.0.amount: 17.5 mg", "duration: 45 min")
            .replace("value: {}, against: {arm: half}, shown: ratio", "value: {above: half}"),
        ),
        None,
        "twice: 'half' needs the network and duration of 'full'",
    ),
    "above nobody": (("against: {arm: half}", "against: {above: nobody}"), None, "unknown arm 'nobody'; allowed: full"),
    "a score without a network": (
        ("signal: plasma_concentration, compound: ketamine", "signal: madrs"),
        None,
        "madrs needs a network, and the arm 'full' has none",
    ),
    "after the end": (("at: 40 min", "at: 90 min"), None, "level: the run is from 0 to 1 h"),
    "before the dose": (("statistic: value, at: 40 min", "statistic: mean, from: -1 h"), None, "the run is from 0"),
    "backwards": (("value, at: 40 min", "peak, from: 40 min, to: 20 min"), None, "an interval ends after it begins"),
    "unlike": (
        ("against: {arm: half}, shown: ratio", "against: {statistic: time_of_peak, at: null}, shown: difference"),
        None,
        "a difference is of two numbers in one unit, not ng/mL and h",
    ),
    "settings without arms": (
        (TEXT[TEXT.index("arms:") :], CLAMPED),
        (9, 13),
        "without arms nothing is run",
    ),
    "no list of drugs": (
        (TEXT[TEXT.index("settings:") :], "settings: {drugs: mine.yaml}\n" + CLAMPED),
        (8, 19),
        "expected a list of drug files",
    ),
    "no drug file": (
        (TEXT[TEXT.index("settings:") :], "settings: {drugs: [nowhere.yaml]}\n" + CLAMPED),
        (8, 19),
        "nowhere.yaml",
    ),
    "two times": (("at: 40 min", "at: 40 min, to: 50 min"), None, "one time, `at`"),
    "two seeds": (("doses.0.amount: 17.5 mg", "seed: 7"), None, "its arms need the same seed"),
    "two names": (("{name: twice", "{name: level"), None, "two are named 'level'"),
    "fitted or not": (("role: prediction", "role: calibration"), None, "a calibration says why it is one"),
    "or": (("least: 150, most: 250", "one_of: any"), None, "needs `least` or `most`"),
    "no numbers": ((TEXT[TEXT.index("numbers:") :], "numbers: []\n"), None, "a finding has at least one number"),
    "key": (("fails_if:", "fails_when:"), None, "did you mean fails_if"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_are_refused_with_place_and_remedy(name, read):
    """Catches a finding that scores something else than its author meant, and a message that does not lead there."""
    change, place, words = WRONG[name]
    with pytest.raises(DocumentError) as error:
        read(TEXT.replace(*change))
    assert words in str(error.value)
    assert "at least 1 entry" not in str(error.value)  # what is said of a list when one of its entries is wrong
    if place is not None:
        first = error.value.problems[0].place
        assert (first.line, first.column) == place


def test_an_id_is_taken_once(tmp_path):
    """Catches a finding of one's own that stands in for one of the package."""
    path = tmp_path / "own.yaml"
    path.write_text(TEXT.replace("id: X1", "id: A2"), encoding="utf-8")
    with pytest.raises(DocumentError, match="there is a finding A2 already"):
        load_findings([path])


def test_ids_are_in_the_order_of_their_numbers():
    """Catches A10 before A2."""
    assert sorted(["A10.yaml", "B1.yaml", "A2.yaml", "A10i.yaml"], key=_order) == [
        "A2.yaml",
        "A10.yaml",
        "A10i.yaml",
        "B1.yaml",
    ]


@pytest.mark.parametrize("name", load_findings())
def test_findings_of_the_package_are_whole(name):
    """Catches a calibration that does not say what was fitted or changed for it, and a prediction that says it was."""
    finding = load_findings()[name]
    assert finding.id == name
    assert (finding.why_calibration == "") or finding.role == "calibration"
    assert not finding.fails_if.endswith(".")
    assert all(number.published or number.band != (-math.inf, math.inf) for number in finding.numbers)
