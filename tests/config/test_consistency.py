"""Schedules without room for a window, and circuits too fast for the fast step: refused with place and value."""

import pytest

from ketasim.config import load_experiment
from ketasim.documents import DocumentError

TEXT = """\
format: 1
duration: 1.3 s
network: {neurons: 20}
schedule: {baseline: 2 s}
"""

CIRCUIT = """\
format: 1
cells:
  fast:
    {status: assumed, source: me, transmitter: glutamate, leak: 10 nS, rest: -70 mV, threshold: -50 mV,
     reset: -60 mV, refractory: 2 ms, nmda_2a: 1,
     capacitance: 5 pF}
populations:
  A: {cell: fast, neurons: 3}
  B: {cell: fast, neurons: 3}
receptors: {status: assumed, source: me, ampa_time: 0.5 ms}
"""


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """Load an experiment, with a circuit file beside it; return the messages and places of its problems."""
    monkeypatch.chdir(tmp_path)

    def load(text, circuit=CIRCUIT):
        (tmp_path / "run.yaml").write_text(text)
        (tmp_path / "net.yaml").write_text(circuit)
        try:
            load_experiment("run.yaml")
        except DocumentError as error:
            places = [(problem.place.file.rpartition("/")[2], *problem.place[1:3]) for problem in error.problems]
            return [(*at, one.path, one.message) for at, one in zip(places, error.problems, strict=True)]
        return []

    return load


def test_a_run_shorter_than_a_window_is_refused(refusal):
    """Catches a run whose only windows reach beyond its end, and a limit that a network-less run does not have."""
    assert refusal(TEXT) == []
    message = "1.29 s is shorter than settle + window, 1.3 s; make it longer, or shorten `schedule.window`"
    assert refusal(TEXT.replace("1.3 s", "1.29 s")) == [("run.yaml", 2, 11, "duration", message)]
    assert refusal(TEXT.replace("1.3 s", "1.29 s").replace("{neurons: 20}", "none")) == []
    assert refusal(TEXT.replace("1.3 s", "0.6 s").replace("2 s}", "2 s, window: 0.5 s, settle: 0.1 s}")) == []


def test_a_circuit_too_fast_for_the_fast_step_is_refused_at_its_place(refusal):
    """Catches a circuit that runs with constants of a step or two, a cell of two populations named twice, no place."""
    text = TEXT.replace("{neurons: 20}", "{file: net.yaml}")
    assert refusal(text) == []
    words = "is less than 5 fast steps of 0.1 ms; at least 0.5 ms is needed"
    made = "the membrane's time constant 4.9 pF / 10 nS = 0.49 ms"
    membrane = ("net.yaml", 6, 19, "cells.fast.capacitance", f"{made} {words}")
    assert refusal(text, CIRCUIT.replace("5 pF", "4.9 pF")) == [membrane]
    receptor = ("net.yaml", 10, 53, "receptors.ampa_time", f"0.4 ms {words}")
    both = CIRCUIT.replace("5 pF", "4.9 pF").replace("0.5 ms", "0.4 ms")
    assert refusal(text, both) == [membrane, receptor]


@pytest.mark.parametrize(
    ("dose", "words"),
    [
        (("Spravato", "in"), "unknown drug 'spravato'; did you mean esketamine?"),
        (("R-ketamine", "iv"), "unknown drug 'r-ketamine'; did you mean arketamine?"),
        (("mk 801", "ip"), "unknown drug 'mk 801'; did you mean dizocilpine?"),
        (("ketamine", "infusion"), "; did you mean intravenous, with a `duration`?"),
        (("ketamine", "IV bolus"), "; did you mean intravenous, without a `duration`?"),
        (("ketamine", "i.m. injection"), "; did you mean intramuscular, without a `duration`?"),
        (("ketamine", "intravenus"), "; did you mean intravenous?"),
    ],
)  # fmt: skip
def test_words_for_drugs_and_routes_lead_to_the_right_one(refusal, dose, words):
    """Catches the racemate suggested for the S-enantiomer, whose dose is another, and a route that nobody guesses."""
    drug, route = dose
    ((*_, message),) = refusal(f"{TEXT}doses: [{{drug: {drug}, route: {route}, amount: 0.5 mg/kg}}]\n")
    assert words in message
    assert "did you mean ketamine" not in message
