"""No default parameter changes unnoticed: a digest of all of them stands in CHANGELOG.md, with the reason."""

import hashlib
import importlib
import json
import pkgutil
import re
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import ketasim
from ketasim.config.schedule import Sampling
from ketasim.drugs import load_catalogue
from ketasim.mechanisms import ORDER
from ketasim.network.prefrontal_microcircuit import Sheet, wiring_rows
from ketasim.network.resting import Ranges
from ketasim.network.synapses import PREFRONTAL, Receptors, Synapse
from ketasim.simulation.schedule import AutomaticSteps
from ketasim.sources import Source

#: The newest one stands first.
DIGEST = re.compile(r"digest of all defaults: `([0-9a-f]{16})`")
CHANGELOG = (Path(__file__).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")


def defaults():
    """Every default number of the model as plain data."""
    synapses = {" to ".join(pair): one._asdict() for pair, one in PREFRONTAL.synapses.items()}
    return {
        "mechanisms": {mechanism.name: mechanism.Parameters()._asdict() for mechanism in ORDER},
        "drugs": {name: drug.model_dump(mode="json") for name, drug in load_catalogue([]).items()},
        "cells": {name: cell._asdict() for name, cell in PREFRONTAL.cells.items()},
        "synapses": synapses,
        "receptors": PREFRONTAL.receptors._asdict(),
        "sheet": Sheet()._asdict(),
        "wiring": [row[:3] for row in wiring_rows()],
        "steps": AutomaticSteps()._asdict(),
        "estimates": Sampling()._asdict(),
        "resting": Ranges()._asdict(),
    }


def digest(values):
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def test_the_digest_of_all_defaults_stands_in_the_changelog():
    """Catches a default that was changed without a reason in CHANGELOG.md: the newest digest there is another one."""
    newest = DIGEST.search(CHANGELOG)
    assert newest is not None
    assert newest.group(1) == digest(defaults()), "say in CHANGELOG.md what was changed and why, with this new digest"


def owners():
    """Classes of the package that hold numbers with a source and a default; those of tables stand in `PREFRONTAL`."""
    for module in pkgutil.walk_packages(ketasim.__path__, "ketasim."):
        for one in vars(importlib.import_module(module.name)).values():
            if isinstance(one, type) and one.__module__ == module.name and getattr(one, "_field_defaults", {}):
                try:
                    hints = get_type_hints(one, include_extras=True).values()
                except NameError:  # of a type known to type checkers only, which no class of parameters has
                    continue
                notes = [note for hint in hints for note in getattr(hint, "__metadata__", ())]
                if any(isinstance(note, Source) for note in notes) and one not in (Synapse, Receptors):
                    yield one


def other(value):
    """A changed number or text."""
    return value + 1 if isinstance(value, int | float) else f"{value} "


@pytest.mark.parametrize("owner", list(owners()), ids=lambda one: one.__module__)
def test_every_default_with_a_source_enters_the_digest(owner, monkeypatch):
    """Catches a new class of parameters, or a new number in one, that may change unnoticed."""
    before = digest(defaults())
    for name, value in owner._field_defaults.items():
        values = owner._field_defaults | {name: other(value)}
        with monkeypatch.context() as patch:
            patch.setattr(owner.__new__, "__defaults__", tuple(values.values()))
            assert digest(defaults()) != before, name


def test_every_number_of_the_tables_enters_the_digest(monkeypatch):
    """Catches a digest that is blind to a constant of cells, synapses or receptors, or to a drug."""
    before, pyr, pair = digest(defaults()), "PYR", ("PYR", "PV")
    cells, synapses, receptors = PREFRONTAL.cells, PREFRONTAL.synapses, PREFRONTAL.receptors
    changed = [PREFRONTAL._replace(receptors=one) for one in changes(receptors)]
    changed += [PREFRONTAL._replace(cells=cells | {pyr: one}) for one in changes(cells[pyr])]
    changed += [PREFRONTAL._replace(synapses=synapses | {pair: one}) for one in changes(synapses[pair])]
    assert len(changed) > 30
    for tables in changed:
        with monkeypatch.context() as patch:
            patch.setattr(sys.modules[__name__], "PREFRONTAL", tables)
            assert digest(defaults()) != before
    monkeypatch.setattr(sys.modules[__name__], "load_catalogue", lambda extra: {})
    assert digest(defaults()) != before


def changes(values):
    """The same table once for each of its values, that one changed."""
    return [values._replace(**{name: other(value)}) for name, value in values._asdict().items()]
