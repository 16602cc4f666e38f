"""`ketasim findings`: tables, page, and one screen for what is wrong."""

import json
from importlib import resources

import pytest


def test_a_finding_is_scored_and_written(call, folder):
    """Catches a command without its page or table, and results mixed with remarks."""
    done = call("findings", "--id", "A2", "--json", "-o", "out")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert (row["finding"], row["verdict"]) == ("A2", "inside")
    assert "calibration: 0 outside, 0 not distinguishable, 1 inside, 0 reported" in done.stderr
    assert "A2" in (folder / "out" / "findings.html").read_text()
    assert (folder / "out" / "findings.csv").read_text().count("\n") == 2


def test_what_there_is_can_be_listed_by_role(call, folder):
    """Catches a list that runs something, and a role that is not asked for."""
    rows = json.loads(call("findings", "--list", "--role", "prediction", "--json").stdout)
    assert rows
    assert {row["role"] for row in rows} == {"prediction"}
    assert not (folder / "findings").exists()


def test_findings_without_runs_have_a_page_too(call, folder):
    """Catches a folder that only a run would have made."""
    done = call("findings", "--id", "B4,B7", "-o", "out")
    assert done.exit_code == 0, done.output
    assert "GluN2B" in (folder / "out" / "findings.html").read_text()


def test_a_file_of_ones_own_is_scored_alone_and_once(call, folder):
    """Catches all of the package run as well, for hours, and every row twice."""
    text = resources.files("ketasim.findings").joinpath("data", "B1.yaml").read_text(encoding="utf-8")
    (folder / "mine.yaml").write_text(text.replace("id: B1", "id: Z1"))
    for chosen in ([], ["--id", "Z1,Z1"]):
        rows = json.loads(call("findings", "--file", "mine.yaml", *chosen, "--json", "-o", "out").stdout)
        assert [row["finding"] for row in rows] == ["Z1"] * 4
    listed = json.loads(call("findings", "--file", "mine.yaml", "--list", "--json").stdout)
    assert [row["finding"] for row in listed] == ["Z1"]


def test_an_interruption_says_how_to_go_on(call, folder, monkeypatch):
    """Catches hours of runs that seem lost."""

    def interrupted(*how):
        raise KeyboardInterrupt

    monkeypatch.setattr("ketasim.findings.score_findings", interrupted)
    done = call("findings", "--id", "A2", "-o", "out")
    assert done.exit_code == 130
    assert "continue with: the same command" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--id", "D11x"], "unknown finding 'D11x'"),
        (["--role", "predicted"], "did you mean prediction"),
        (["--seeds", "0"], "at least 1"),
        (["--id", ""], "unknown finding ''"),
        (["--id", "B1", "--role", "prediction"], "none of these is a prediction: B1"),
        (["--file", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_calls_get_one_screen(call, arguments, message):
    """Catches a traceback."""
    done = call("findings", *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert "Traceback" not in done.output
