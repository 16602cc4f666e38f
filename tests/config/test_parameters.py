"""Parameters of mechanisms: units and limits from their NamedTuples."""

import copy
import pickle

import pytest

from ketasim.config.parameters import known_mechanisms, plain_mechanisms, validate_mechanisms
from ketasim.documents import DocumentError
from ketasim.documents.units import parse_unit
from ketasim.sources import describe


def test_every_kind_of_parameter_is_read(read, text):
    """Catches a kind of field that is not converted or not checked."""
    experiment = read(
        text,
        "mechanisms.block={ec50: 100 nM, slope: 2, on_rate: 6e5 1/M/s, limits: [-0.08 V, 0 mV],"
        " scheme: slow, cells: [PV, SST], order: 3, trapping: false}",
    )
    assert experiment.mechanisms["block"] == (0.1, 2.0, 0.6, (-80.0, 0.0), "slow", ("PV", "SST"), 3, False)
    assert experiment.resolved()["mechanisms"]["block"] == {
        "ec50": "0.1 uM",
        "slope": 2.0,
        "on_rate": "0.6 1/uM/s",
        "limits": ["-80 mV", "0 mV"],
        "scheme": "slow",
        "cells": ["PV", "SST"],
        "order": 3,
        "trapping": False,
    }


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ("{limits: [-80, 0 mV]}", "limits.0", "-80 has no unit; expected a voltage (mV)"),
        ("{limits: [1 mV]}", "limits.1", "the key '1' is missing"),
        ("{order: 0}", "order", "0 is out of range; it must be at least 1"),
        ("{order: 1.5}", "order", "expected a whole number, got 1.5"),
        ("{trapping: 1}", "trapping", "expected true or false, got 1"),
        ("{slope: '2'}", "slope", "expected a number without unit, got '2'; remove the quotation marks"),
        ("{slope: 5}", "slope", "5 is out of range; it must be at most 4"),
        ("{slope: .nan}", "slope", "nan is not a finite number"),
        ("{scheme: fats}", "scheme", "unknown value 'fats'; allowed: fast, slow; did you mean fast?"),
        ("{cells: [[PV]]}", "cells.0", "unknown value a list; allowed: PYR, PV, SST"),
    ],
)
def test_wrong_parameters_are_named(value, path, message, read, text):
    """Catches a parameter that pydantic would coerce, and words that do not say what was expected."""
    with pytest.raises(DocumentError) as caught:
        read(text, f"mechanisms.block={value}")
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (f"mechanisms.block.{path}", message)


def test_shipped_defaults_go_round():
    """Catches a default out of its own limits, an unknown unit, a parameter that cannot be written."""
    known = known_mechanisms()
    defaults = validate_mechanisms({item.name: "on" for item in known}, known)
    assert [type(parameters) for parameters in defaults.values()] == [item.Parameters for item in known]
    assert validate_mechanisms(plain_mechanisms(defaults), known) == defaults
    for parameters in defaults.values():
        for row in describe(parameters):
            if row.unit not in ("", "1"):
                assert parse_unit(row.unit) is not None, row


def test_mechanisms_are_a_value():
    """Catches mechanisms of an experiment that can be changed, or that cannot be sent to a worker process."""
    mechanisms = validate_mechanisms({}, known_mechanisms())
    assert pickle.loads(pickle.dumps(mechanisms)) == copy.deepcopy(mechanisms) == dict(mechanisms)
    with pytest.raises(TypeError):
        mechanisms["bdnf"] = False
