"""The page of findings: failures first, roles apart, words of others escaped."""

import re

import pandas
import pytest

from ketasim.findings import load_findings
from ketasim.findings.report import counts, in_order, report
from ketasim.findings.score import Scored

INF = float("inf")


@pytest.fixture
def scores():
    """Two predictions, one of which fails in one of two numbers, a calibration and an input."""
    rows = [
        Scored("A2", "calibration", "level", 177.0, 0.0, 177.0, 177.0, 150.0, 250.0, "inside", 1, "ng/mL", "185", ""),
        Scored("D1", "prediction", "10", 5.0, 0.5, 4.0, 6.0, 0.0, INF, "inside", 2, "%", "up", ""),
        Scored("D1", "prediction", "200 <b>", 5.0, 0.5, 4.0, 6.0, -INF, 0.0, "outside", 2, "%", "down & out", ""),
        Scored("A5", "prediction", "F", 0.1, 0.1, -0.1, 0.3, 0.08, 0.25, "not distinguishable", 2, "", "", ""),
    ]
    return pandas.DataFrame(rows, columns=list(Scored._fields))


def test_a_finding_is_as_good_as_its_worst_number(scores):
    """Catches a finding that counts as passed because most of its numbers do."""
    assert counts(scores) == {
        "prediction": {"outside": 1, "not distinguishable": 1, "inside": 0, "reported": 0},
        "calibration": {"outside": 0, "not distinguishable": 0, "inside": 1, "reported": 0},
    }


def test_of_alternatives_the_best_counts(scores):
    """Catches a finding that asks for every class of interneurons, and one that alternatives excuse from the rest."""
    together = scores[scores["finding"] == "D1"].assign(one_of="either dose")
    assert counts(together)["prediction"]["inside"] == 1
    failed = together.iloc[1:].assign(number="another", one_of="")
    assert counts(pandas.concat([together, failed]))["prediction"]["outside"] == 1
    assert counts(together.iloc[1:])["prediction"]["outside"] == 1


def test_failures_of_predictions_come_first(scores):
    """Catches a page that begins with what was fitted."""
    assert in_order(scores)["number"].tolist() == ["200 <b>", "F", "10", "level"]


def test_the_page_shows_every_number_with_its_source(scores):
    """Catches a figure without its words, text that becomes markup, and a page that hides what failed."""
    page = report(scores, load_findings(), "Networks of 300 neurons")
    assert page.count("<svg") == 4
    assert "200 &lt;b&gt;" in page
    assert "down &amp; out" in page
    assert "Moghaddam 1997" in page
    assert "Would fail if" in page
    assert "not medical advice" in page
    assert page.index("Predictions</h2>") < page.index("Calibration</h2>")
    assert re.search(r"\bnan\b", page.lower()) is None
