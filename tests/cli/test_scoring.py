"""`ketasim findings`: tables, page, and one screen for what is wrong."""

import json

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--id", "D11x"], "unknown finding 'D11x'"),
        (["--role", "predicted"], "did you mean prediction"),
        (["--seeds", "0"], "at least 1"),
        (["--file", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_calls_get_one_screen(call, arguments, message):
    """Catches a traceback."""
    done = call("findings", *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert "Traceback" not in done.output
