"""How windows become estimates: numbers that users see."""

import json

from typer.testing import CliRunner

from ketasim.cli.main import app
from ketasim.config.schedule import Sampling


def test_users_see_them_with_unit_and_status():
    """Catches a number of the estimates that `ketasim mechanisms schedule` does not show."""
    shown = json.loads(CliRunner().invoke(app, ["mechanisms", "schedule", "--json"]).stdout)
    rows = {row["parameter"]: row for row in shown}
    for name in Sampling._fields:
        assert rows[name]["status"] == "assumed", name
        assert rows[name]["unit"], name
