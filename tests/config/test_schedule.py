"""How windows become estimates: the defaults are one table, which users see."""

import json

from typer.testing import CliRunner

from ketasim.cli.main import app
from ketasim.config.models import Schedule
from ketasim.config.schedule import Sampling
from ketasim.simulation import sampler


def test_defaults_of_the_schedule_are_those_of_the_table():
    """Catches a default that is changed in one place only."""
    values = Sampling()
    assert (Schedule().memory, Schedule().tolerance) == (values.memory, values.tolerance)
    assert (values.long_settle, values.large_change) == (sampler.LONG_SETTLE, sampler.LARGE_CHANGE)


def test_users_see_them_with_unit_and_status():
    """Catches a number of the estimates that `ketasim mechanisms schedule` does not show."""
    shown = json.loads(CliRunner().invoke(app, ["mechanisms", "schedule", "--json"]).stdout)
    rows = {row["parameter"]: row for row in shown}
    for name in Sampling._fields:
        assert rows[name]["status"] == "assumed", name
        assert rows[name]["unit"], name
