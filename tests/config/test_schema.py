"""The JSON Schema for editors."""

import json
import re

from ketasim.config import experiment_schema


def test_schema_offers_the_names_there_are(small_world):
    """Catches an editor that cannot complete drugs, mechanisms, parameters and signals."""
    schema = experiment_schema()
    dose = schema["$defs"]["Dose"]["properties"]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["format", "duration"]
    assert dose["drug"]["anyOf"][0] == {"enum": ["ketamine", "saline"]}
    assert dose["route"]["anyOf"][0] == {"enum": ["intraperitoneal", "intravenous", "oral"]}
    assert "firing_rate" in schema["$defs"]["Recording"]["properties"]["node_signals"]["items"]["enum"]
    assert "plasma_concentration" not in schema["$defs"]["Recording"]["properties"]["node_signals"]["items"]["enum"]
    block = schema["properties"]["mechanisms"]["properties"]["block"]
    assert block["description"] == "A mechanism that blocks."
    assert block["anyOf"][2]["properties"]["ec50"]["description"] == "in uM; made up"


def test_every_key_is_described_and_closed(small_world):
    """Catches a key without an explanation, an object that lets unknown keys pass, a bare default."""
    schema = experiment_schema()
    for model in (schema, *schema["$defs"].values()):
        assert model["additionalProperties"] is False
        for name, entry in model["properties"].items():
            assert entry["description"], name
            assert not isinstance(entry.get("default"), float), name
    assert '"type": "null"' not in json.dumps(schema)


def test_plain_numbers_have_their_limits(small_world):
    """Catches limits that an editor cannot know, because they stand under a word that is not JSON Schema's."""
    schedule = experiment_schema()["$defs"]["Schedule"]["properties"]
    kinds = {key: {name: schedule[key].get(name) for name in ("type", "minimum", "maximum")} for key in schedule}
    assert kinds["tolerance"] == {"type": "number", "minimum": 0, "maximum": 1}
    assert kinds["budget"] == {"type": "integer", "minimum": 1, "maximum": None}
    assert kinds["skip"]["type"] == "boolean"


def test_patterns_take_quantities_and_refuse_plain_numbers(small_world):
    """Catches an editor that marks right quantities as wrong, or lets a missing unit pass."""
    schema = experiment_schema()
    time, amount = schema["properties"]["duration"], schema["$defs"]["Dose"]["properties"]["amount"]
    assert time["type"] == amount["type"] == "string"
    for text, fits in {"24 h": True, "1.5e3 s": True, ".5min": True, "24": False, "h": False}.items():
        assert bool(re.search(time["pattern"], text)) is fits
    for text, fits in {
        "0.5 mg/kg": True,
        "35 mg": True,
        "3 µg / kg": True,
        "-3 mg": False,
        "5 s": False,
    }.items():
        assert bool(re.search(amount["pattern"], text)) is fits
