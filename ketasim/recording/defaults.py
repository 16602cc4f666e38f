"""Default numbers of the model, group by group, and their digests, which every trajectory stores.

``ketasim/findings/frozen.yaml`` holds these digests and, with its reason, every change since findings are scored.
"""

import json
from collections.abc import Collection
from functools import cache
from typing import Any

from ketasim.config.schedule import Sampling
from ketasim.digests import text_digest
from ketasim.drugs import load_catalogue
from ketasim.mechanisms import ORDER
from ketasim.network.prefrontal_microcircuit import Sheet, wiring_rows
from ketasim.network.resting import Ranges
from ketasim.network.synapses import PREFRONTAL
from ketasim.simulation.schedule import AutomaticSteps

#: Keys of drug files that are no numbers of the drug.
_WORDS = ("source", "status", "prior", "title", "also")


def defaults() -> dict[str, Any]:
    """Return every default number as plain data, by group: a mechanism, a drug, a cell class, a kind of table."""
    found: dict[str, Any] = {f"mechanisms.{one.name}": one.Parameters()._asdict() for one in ORDER}
    for name, drug in load_catalogue().items():
        found[f"drugs.{name}"] = without(drug.model_dump(mode="json", exclude_unset=True))
    found |= {f"cells.{name}": cell._asdict() for name, cell in PREFRONTAL.cells.items()}
    found["synapses"] = {" to ".join(pair): one._asdict() for pair, one in PREFRONTAL.synapses.items()}
    found |= {"receptors": PREFRONTAL.receptors._asdict(), "sheet": Sheet()._asdict()}
    found |= {"wiring": [row[:3] for row in wiring_rows()], "steps": AutomaticSteps()._asdict()}
    return found | {"sampling": Sampling()._asdict(), "resting": Ranges()._asdict()}


def without(item: Any, keys: Collection[str] = _WORDS) -> Any:
    """Return plain data without some keys, by default those that are no numbers.

    Examples
    --------
    >>> without({"value": 1, "rows": [{"source": "a", "value": 2}]})
    {'value': 1, 'rows': [{'value': 2}]}
    """
    if isinstance(item, dict):
        return {key: without(one, keys) for key, one in item.items() if key not in keys}
    return [without(one, keys) for one in item] if isinstance(item, list) else item


@cache
def digests() -> dict[str, str]:
    """Return the digest of each group."""
    return {name: text_digest(json.dumps(values, sort_keys=True))[:8] for name, values in defaults().items()}


def defaults_digest() -> str:
    """Return one digest of all groups.

    Examples
    --------
    >>> len(defaults_digest())
    16
    """
    return text_digest(json.dumps(digests(), sort_keys=True))[:16]
