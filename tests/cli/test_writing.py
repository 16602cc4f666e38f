"""`ketasim new`: what it writes is an experiment, says what is asked for, and replaces nothing."""

import re

import pytest

import ketasim

CALLS = {
    "nothing said": ((), {"duration": 86400.0, "amount": "0.5 mg/kg", "neurons": 1000}),
    "a rat": (("--species", "rat", "--duration", "3 h"), {"duration": 10800.0, "amount": "10 mg/kg", "neurons": 1000}),
    "concentrations": (
        ("--drug", "Esketamine", "--route", "in", "--amount", "56 mg", "--neurons", "none"),
        {"duration": 86400.0, "amount": "56 mg", "neurons": None},
    ),
    "a control": (("--drug", "saline"), {"duration": 86400.0, "amount": None, "neurons": 1000}),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_written_is_what_was_asked_for(call, folder, name):
    """Catches a flag that is dropped, and a file that `ketasim run` refuses."""
    flags, wanted = CALLS[name]
    done = call("new", "mine.yaml", *flags)
    assert done.exit_code == 0, done.stderr
    assert "ketasim run mine.yaml" in done.stderr and done.stdout == ""
    experiment = ketasim.load_experiment("mine.yaml")
    data = experiment.given()["data"]
    assert experiment.duration == wanted["duration"]
    assert data["doses"][0].get("amount") == wanted["amount"]
    assert (experiment.network and experiment.network.neurons) == wanted["neurons"]


def test_what_stands_in_comments_can_be_switched_on(call, folder):
    """Catches an example in a comment that is refused once its mark is taken away."""
    assert call("new", "mine.yaml", "--duration", "21 d").exit_code == 0
    text = (folder / "mine.yaml").read_text()
    text = re.sub(r"^( *)# (phenotype|repeat|stimuli|  - |schedule|mechanisms|recording)", r"\1\2", text, flags=re.M)
    (folder / "all.yaml").write_text(text)
    experiment = ketasim.load_experiment("all.yaml")
    assert experiment.subject.phenotype == "chronic_stress"
    assert len(experiment.administrations) == 6
    assert experiment.stimuli[0].kind == "expectancy"
    assert experiment.schedule.spacing == 10800.0
    assert experiment.mechanisms["homeostatic_scaling"] is False
    assert experiment.recording.spikes


def test_columns_of_comments_do_not_touch(call, folder):
    """Catches a comment that runs into a value and becomes part of it."""
    assert call("new", "mine.yaml").exit_code == 0
    for line in (folder / "mine.yaml").read_text().splitlines():
        assert re.search(r"\S#", line) is None, line


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--drug", "memantin", "--amount", "1 mg"), "did you mean memantine?"),
        (("--drug", "memantine"), "memantine needs one"),
        (("--species", "cat"), "cat"),
        (("--amount", "35"), "35 has no unit"),
    ],
)
def test_a_wrong_answer_writes_nothing(call, folder, flags, words):
    """Catches a file that cannot run, and an error without the right name."""
    done = call("new", "mine.yaml", *flags)
    assert done.exit_code == 2 and words in done.stderr
    assert not (folder / "mine.yaml").exists()


def test_nothing_is_replaced(call, folder):
    """Catches a file of the user's that is overwritten."""
    (folder / "mine.yaml").write_text("mine")
    done = call("new", "mine.yaml")
    assert done.exit_code == 2 and "exists already" in done.stderr
    assert (folder / "mine.yaml").read_text() == "mine"
    assert call("new", "mine.yaml/other.yaml").exit_code == 2
