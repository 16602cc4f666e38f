"""What a notebook shows of an experiment."""

from ketasim.config import Experiment

MINIMAL = {"format": 1, "duration": "3 h"}
DOSE = {"drug": "ketamine", "route": "intravenous", "amount": "0.5 mg/kg", "duration": "40 min"}


def shown(**changes):
    return Experiment.from_mapping(MINIMAL | changes)._repr_html_()


def test_what_differs_from_the_defaults_is_shown_and_nothing_else():
    """Catches a page of defaults in which the choices are lost, and a choice that is left out."""
    html = shown(seed=7, schedule={"window": "0.5 s"}, mechanisms={"bdnf": {"follow_throughput": False}, "trkb": "off"})
    for key, value in (("seed", "7"), ("schedule.window", "0.5 s"), ("duration", "10800 s")):
        assert f"<td>{key}</td><td>{value}</td>" in html
    assert "<td>mechanisms.bdnf.follow_throughput</td><td>False</td>" in html
    assert "mechanisms.trkb" in html
    assert html.count("mechanisms.") == 2
    assert "subject" not in html
    assert "seed" not in shown()


def test_doses_and_network_are_shown():
    """Catches an experiment whose dose or circuit cannot be seen, and one without either that fails."""
    html = shown(doses=[DOSE], network={"neurons": 300})
    assert "amount: 0.5 mg/kg" in html
    assert "neurons: 300" in html
    assert "network: none" in shown(network="none")
