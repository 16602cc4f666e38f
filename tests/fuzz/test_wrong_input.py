"""Wrong input of every kind: refused in words or accepted, never a traceback, a hang or a full memory."""

import subprocess
import sys
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus
from tests.fuzz.cases import KINDS, MAIN, Case, around, case
from tests.fuzz.push import push, write

#: MB by which all cases of a kind together may raise the peak of memory.
MOST_GROWTH = 600.0
CLI = [sys.executable, "-c", "from ketasim.cli import main; main()", "check"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("case")


def escapes(kind, numbers, folder, ran=False):
    """Return the cases that escaped with their tracebacks, and the growth of memory in MB."""
    outcomes = {number: push(case(kind, number), folder, ran) for number in numbers}
    found = {f"{kind} {number}": one.text for number, one in outcomes.items() if one.verdict == "escaped"}
    return found, sum(one.megabytes for one in outcomes.values())


@pytest.mark.parametrize(
    "whole",
    [
        Case({MAIN: corpus.EXPERIMENT.encode()}),
        Case({MAIN: corpus.RAT.encode(), "own.yaml": corpus.DRUG.encode()}),
        Case({MAIN: corpus.around("net.yaml").encode(), "net.yaml": corpus.CIRCUIT.encode()}),
        Case(around("net.graphml", corpus.graphml().encode())),
        Case(around("net.csv", corpus.plain_edge_list().encode())),
        Case(around("net.h5", corpus.sonata())),
    ],
    ids=["experiment", "drug", "circuit", "GraphML", "edge list", "SONATA"],
)
def test_undamaged_input_is_accepted(whole, folder):
    """Catches a corpus that is refused before any damage counts."""
    assert push(whole, folder)[:2] == ("accepted", "")


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_input(kind, folder):
    """Catches tracebacks, endless parsing and memory without bound for damaged files; cases 0 to 59 of each kind."""
    found, grown = escapes(kind, range(60), folder)
    assert not found and grown < MOST_GROWTH


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(sorted(KINDS)), random=st.randoms(use_true_random=False))
def test_wrong_input_shrinks(kind, random, folder):
    """Catches what the numbered cases miss, and leads to the smallest damage that escapes."""
    outcome = push(KINDS[kind](random), folder)
    assert outcome.verdict != "escaped", outcome.text


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand(kind, folder):
    """Catches rare escapes: 10,000 cases in all, 1,429 of each kind."""
    found, grown = escapes(kind, range(1429), folder)
    assert not found and grown < MOST_GROWTH


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_accepted_input_runs(kind, folder):
    """Catches input that passes the check and then breaks a run: 43 accepted cases of each kind, 301 in all."""
    tried = (number for number in range(4000) if push(case(kind, number, seed=2), folder).verdict == "accepted")
    accepted = list(islice(tried, 43))
    assert len(accepted) == 43
    outcomes = {number: push(case(kind, number, seed=2), folder, ran=True) for number in accepted}
    assert not {number: one.text for number, one in outcomes.items() if one.verdict == "escaped"}


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_command_line(kind, folder):
    """Catches tracebacks and other exit codes than 0 and 2 of `ketasim check`: 29 cases of each kind, 203 in all."""
    wrong = {}
    for number in range(29):
        one = case(kind, number, seed=3)
        write(one, folder)
        overrides = [text for text in one.overrides if "\0" not in text and len(text) < 100_000]
        done = subprocess.run([*CLI, str(folder / MAIN), *overrides], capture_output=True, timeout=120, check=False)
        if done.returncode not in (0, 2) or b"Traceback" in done.stderr or b"Warning" in done.stderr:
            wrong[number] = (done.returncode, done.stderr[-2000:])
    assert not wrong
