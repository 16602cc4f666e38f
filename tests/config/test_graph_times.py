"""Times at which the graph is measured and its weights stored."""

import json

import pytest

from ketasim.config import Experiment, experiment_schema
from ketasim.config.graph_times import graph_times


def times(duration, *named):
    data = {"format": 1, "duration": duration, "recording": {"graph": list(named)}}
    return graph_times(Experiment.from_mapping(data))


@pytest.mark.parametrize(
    ("duration", "named", "expected"),
    [
        ("14 d", ("3 d", "30 min"), {"start": 0, "30_min": 1800, "1_d": 86400, "3_d": 259200, "end": 1209600}),
        ("14 d", ("24 h", "0 s", "14 d"), {"start": 0, "1_d": 86400, "end": 1209600}),
        ("24 h", (), {"start": 0, "end": 86400}),
        ("1 h", ("0.5 s", "90 s"), {"start": 0, "0.5_s": 0.5, "1.5_min": 90, "end": 3600}),
    ],
)
def test_start_day_and_end_are_always_there(duration, named, expected):
    """Catches a time that is missing, there twice under two names, or out of order."""
    assert times(duration, *named) == expected
    assert list(times(duration, *named)) == list(expected)


def test_names_are_as_different_as_times():
    """Catches two times under one name, of which the second could not be written."""
    named = [
        f"{number} s" for number in (86399.999999, 86400.000001, 172800.5, 172800.25, 1e-9, 1.1, 1.1000000000000003)
    ]
    assert len(times("14 d", *named)) == len(named) + 3


def test_recording_the_graph_changes_no_result():
    """Catches a digest, and with it a cached result, that depends on what is only looked at."""
    plain = Experiment.from_mapping({"format": 1, "duration": "14 d"})
    recorded = plain.replace(**{"recording.graph": ["3 d", "7 d"]})
    assert recorded.sha256 == plain.sha256
    assert recorded.recording.graph == (259200.0, 604800.0)
    assert Experiment.from_mapping(recorded.resolved()) == recorded


def test_leaving_the_measures_out_changes_no_result():
    """Catches a switch that is lost on the way, is on the wrong way round, or enters the digest."""
    plain = Experiment.from_mapping({"format": 1, "duration": "14 d"})
    quick = plain.replace(**{"recording.measures": False})
    assert (plain.recording.measures, quick.recording.measures) == (True, False)
    assert quick.sha256 == plain.sha256
    assert Experiment.from_mapping(quick.resolved()) == quick


def test_schema_offers_times():
    """Catches an editor that marks a list of times as wrong, or takes numbers without unit."""
    entry = experiment_schema()["$defs"]["Recording"]["properties"]["graph"]
    assert entry["type"] == "array"
    assert entry["items"]["type"] == "string"
    assert "24 h" in json.dumps(entry["description"])
