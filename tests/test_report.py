"""The report: one file that needs nothing else, whose numbers are the run's, and which replaces nothing of a user's."""

import html
import re
from html.parser import HTMLParser

import pytest

import ketasim
from ketasim.documents import KetasimError
from ketasim.report import report


class Parsed(HTMLParser):
    """Tags that were opened and not closed, addresses, and the text outside styles."""

    VOID = ("meta", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Note a tag and where it points."""
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        """Note where a tag without content points."""
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        """Close a tag."""
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        """Keep text that is shown."""
        if self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def runs(small):
    """A person with a dose and a changed number, and the same without the dose."""
    changes = {"mechanisms": {"bdnf": {"translation_gain": 5.0}}, "name": "mine"}
    stimuli = [{"kind": "expectancy", "start": "0 s", "duration": "10 min"}]
    return [ketasim.run(small(recording={}, stimuli=stimuli, **changes, **more)) for more in ({}, {"doses": []})]


@pytest.fixture(scope="module")
def alone(runs):
    """Page of the run."""
    return report(runs[0])


@pytest.fixture(scope="module")
def both(runs):
    """Page of the run beside its vehicle."""
    return report(*runs)


def test_it_is_whole_and_needs_nothing_else(alone, both):
    """Catches a tag left open, a picture or a script from elsewhere, and a page without its warning."""
    for text in (alone, both):
        page = Parsed(text)
        assert page.open == []
        assert all(link.startswith(("#", "data:")) for link in page.links), page.links[:5]
        assert "<script" not in text
        assert "not medical advice" in "".join(page.text)
        assert "prefers-color-scheme:dark" in text and 'name="viewport"' in text
        assert len(text) < 3e6


def test_its_numbers_are_those_of_the_run(runs, alone):
    """Catches a page that tells other numbers than the summary, or leaves some out."""
    words = " ".join("".join(Parsed(alone).text).split())
    for meaning in runs[0].summary["meaning"]:
        assert " ".join(meaning.split()) in words, meaning
    peak = ketasim.value_of(runs[0].summary, "plasma_concentration", "ketamine", statistic="peak")
    assert f"{peak:.6g}" in words and f"peak {peak:.0f} ng/mL" in words


def test_sources_and_what_was_changed_are_shown(runs, alone):
    """Catches a number without its source, and a changed one that looks like the default."""
    assert re.findall('<span class="changed">(.*?)</span>', alone) == ["5.0"]
    words = html.unescape("".join(Parsed(alone).text))
    assert "numbers of" in words and "assumed" in words and "verified" in words
    assert "refuted by: " in words  # cards


def test_what_is_unusual_is_said(small):
    """Catches a dose outside published ones that the page passes over."""
    dose = {"drug": "ketamine", "route": "intravenous", "amount": "20 mg/kg", "duration": "5 min"}
    run = ketasim.run(small(network="none", doses=[dose]))
    words = "".join(Parsed(report(run)).text)
    assert any("outside published dosing" in remark for remark in run.notes)
    assert all(remark in words for remark in run.notes)


def test_a_vehicle_is_drawn_and_compared(alone, both):
    """Catches a vehicle that is taken and not shown."""
    assert "Against the vehicle" in both and "Against the vehicle" not in alone
    assert both.count("<figure>") == alone.count("<figure>") == 2
    assert "the runs differ in doses" in both


def test_a_drawing_of_many_points_is_pixels(runs, monkeypatch):
    """Catches a month whose page takes a browser seconds to draw."""
    monkeypatch.setattr("ketasim.report._MOST_LETTERS", 10_000)
    text = report(runs[0])
    assert text.count('<img alt="The chain') == 1 and "<svg" not in text
    assert Parsed(text).open == []


def test_the_experiment_in_it_runs_again(runs, alone, tmp_path):
    """Catches a page from which the run cannot be repeated."""
    text = html.unescape(re.search("<pre>(.*?)</pre>", alone, re.S)[1])
    (tmp_path / "again.yaml").write_text(text, encoding="utf-8")
    again = ketasim.load_experiment(tmp_path / "again.yaml")
    assert again.sha256 == runs[0].provenance["config_sha256"]


def test_only_reports_are_replaced(runs, tmp_path, monkeypatch):
    """Catches a page of the user's that is overwritten, and a run that a report replaces."""
    monkeypatch.setattr("ketasim.report._pictures", lambda *runs: "")
    out = tmp_path / "pages" / "mine.html"
    ketasim.write_report(runs[0], out)
    with pytest.raises(KetasimError, match="exists"):
        ketasim.write_report(runs[0], out)
    ketasim.write_report(runs[0], out, force=True)
    out.write_text("<!doctype html><p>of the user's</p>")
    with pytest.raises(KetasimError, match="not a report"):
        ketasim.write_report(runs[0], out, force=True)
    assert out.read_text() == "<!doctype html><p>of the user's</p>"
