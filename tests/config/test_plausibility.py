"""Slips of unit that pass every check are remarked on, and what is in use is not."""

import pytest

from ketasim.config import Experiment, examples, load_experiment
from ketasim.config.plausibility import remarks
from ketasim.documents import DocumentError
from ketasim.simulation import Simulation


def series(*doses, duration="30 d"):
    """Remarks on several doses of ketamine into the vein of a human of 70 kg."""
    given = [{"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg"} | dose for dose in doses]
    return remarks(Experiment.from_mapping({"format": 1, "duration": duration, "network": "none", "doses": given}))


def experiment_of(species="human", weight=None, **dose):
    subject = {"species": species} | ({"weight": weight} if weight else {})
    doses = [{"drug": "ketamine", "route": "iv"} | dose] if dose else []
    return Experiment.from_mapping(
        {"format": 1, "duration": "30 d", "network": "none", "subject": subject, "doses": doses}
    )


@pytest.mark.parametrize("name", examples())
def test_examples_are_usual(name):
    """Catches ranges so narrow that what everybody does is remarked on."""
    assert remarks(load_experiment(name)) == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": "70 g"}, "subject.weight: 70 g is unusual for a human, 2 kg to 300 kg; a slip of unit?"),
        ({"species": "rat", "weight": "300 kg"}, "subject.weight: 300 kg is unusual for a rat, 40 g to 1 kg"),
        ({"species": "mouse", "weight": "25 kg"}, "subject.weight: 25 kg is unusual for a mouse, 8 g to 70 g"),
        ({"amount": "1 kg"}, "doses.0: 1000000 mg of ketamine in a human of 70 kg are 1.43e+04 mg/kg; in use"),
        ({"amount": "100 g"}, "are 1.43e+03 mg/kg; in use are 0.05 to 15 mg/kg; a slip of unit?"),
        ({"amount": "0.5 ug/kg"}, "are 0.0005 mg/kg; in use"),
        ({"rate": "30 mg/kg/h", "duration": "2 h"}, "are 30 mg/kg per hour; in use"),
        ({"species": "rat", "amount": "10 g/kg"}, "in a rat of 300 g are 1e+04 mg/kg; in use are 0.1 to 200 mg/kg"),
    ],
)  # fmt: skip
def test_slips_of_unit_are_remarked_on(given, words):
    """Catches a rat of 300 kg, a human of 70 g, a bolus of 1 kg that pass without a word."""
    (remark,) = remarks(experiment_of(**given))
    assert words in remark


@pytest.mark.parametrize(
    "given",
    [
        {"amount": "0 mg"},
        {"amount": "0.5 mg/kg", "duration": "40 min"},
        {"rate": "5 mcg/kg/min", "duration": "5 d"},
        {"species": "rat", "weight": "280 g", "amount": "10 mg/kg"},
        {"species": "mouse", "amount": "100 mg/kg"},
        {"drug": "saline", "duration": "40 min"},
    ],
)
def test_what_is_in_use_is_not_remarked_on(given):
    """Catches a remark on an infusion of days, whose whole amount is large, or on a dose of nothing."""
    assert remarks(experiment_of(**given)) == ()


def test_doses_that_add_up_are_remarked_on():
    """Catches a hundred doses in an hour that pass one by one, and a day's worth of usual ones that does not pass."""
    (remark,) = series({"start": "3 h", "repeat": {"every": "20 s", "count": 180}})
    assert remark.startswith(
        "doses: 90 mg/kg of ketamine (intravenous) within 24 h from 3 h; single doses in use are up "
    )
    (remark,) = series(*[{"amount": "13 mg/kg", "start": f"{hour} h"} for hour in (0, 30, 31, 33, 40, 50, 53)])
    assert remark.startswith("doses: 78 mg/kg of ketamine (intravenous) within 24 h from 1.25 d; ")
    assert series({"amount": "13 mg/kg", "repeat": {"every": "5 h", "count": 100}}) == ()
    shared = [{"amount": "13 mg/kg", "route": route, "start": f"{n} h"} for n in range(4) for route in ("iv", "im")]
    assert series(*shared) == ()
    assert series({"amount": "30 mg/kg", "duration": "2 d", "repeat": {"every": "3 d", "count": 5}}) == ()


def test_infusions_that_overlap_or_are_cut_off_are_remarked_on():
    """Catches a forgotten `start` a run that ends before all is given; and a word on infusions in a row."""
    infusion = {"duration": "40 min"}
    (remark,) = series(infusion, infusion, {"start": "1 d"} | infusion)
    assert remark == "doses: an infusion of ketamine begins at 0 s, before another one ends at 40 min; both count"
    (remark,) = series(infusion, duration="20 min")
    assert remark == "doses: an infusion of ketamine would end at 40 min; the run ends at 20 min, before all is given"
    in_a_row = infusion | {"amount": "0.5 mg/kg", "repeat": {"every": "40 min", "count": 3}}
    assert series(in_a_row, duration="2 h") == ()
    assert series({}, infusion) == ()


def test_as_much_as_the_body_weighs_is_refused():
    """Catches a dose that no body can hold."""
    with pytest.raises(DocumentError, match=r"doses.0.amount: as much as the body weighs \(70 of 70 kg\)"):
        experiment_of(amount="1 kg/kg")
    with pytest.raises(DocumentError, match=r"doses.0.rate: as much as the body weighs"):
        experiment_of(rate="1 kg/min", duration="2 h")


def test_remarks_are_notes_of_the_run_and_are_logged(caplog):
    """Catches a remark that stands in neither the file nor the output."""
    simulation = Simulation(experiment_of(weight="70 g"))
    assert simulation.notes == remarks(simulation.experiment)
    assert [record.getMessage() for record in caplog.records] == list(simulation.notes)
