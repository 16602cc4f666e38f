"""No default parameter changes unnoticed: a digest of all of them stands in CHANGELOG.md, with the reason."""

import hashlib
import json
import re
from pathlib import Path

from ketasim.config.estimation import Estimation
from ketasim.drugs import load_catalogue
from ketasim.mechanisms import ORDER
from ketasim.network.prefrontal_microcircuit import Sheet, wiring_rows
from ketasim.network.synapses import PREFRONTAL
from ketasim.simulation.schedule import AutomaticSteps

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
        "estimates": Estimation()._asdict(),
    }


def digest(values):
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def test_the_digest_of_all_defaults_stands_in_the_changelog():
    """Catches a default that was changed without a reason in CHANGELOG.md: the newest digest there is another one."""
    newest = re.search(r"digest of all defaults: `([0-9a-f]{16})`", CHANGELOG)
    assert newest is not None
    assert newest.group(1) == digest(defaults()), "say in CHANGELOG.md what was changed and why, with this new digest"


def test_every_number_enters_the_digest():
    """Catches a digest that is blind: one changed number of each part makes another one."""
    before, found = digest(defaults()), set()
    for part, values in defaults().items():
        changed = defaults()
        changed[part] = f"{values} "
        found.add(digest(changed))
    assert len(found) == len(defaults())
    assert before not in found
    moved = defaults()
    moved["mechanisms"]["mtorc1"]["gain"] += 1e-9
    assert digest(moved) != before
