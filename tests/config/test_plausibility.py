"""Slips of unit that pass every check are remarked on, and what is in use is not."""

import pytest

import ketasim
from ketasim.config import Experiment, examples, load_experiment
from ketasim.config.plausibility import OUTSIDE, dosing_of_people, remarks
from ketasim.documents import DocumentError

HALF = {"amount": "0.5 mg/kg"}
SPRAYS = {"drug": "esketamine", "route": "in", "amount": "84 mg"}
TABLETS = {"drug": "escitalopram", "route": "po", "amount": "10 mg"}


def series(*doses, duration="30 d"):
    """Remarks on several doses of ketamine into the vein of a human of 70 kg, but for those on what is published."""
    return tuple(remark for remark in remarks(several(*doses, duration=duration)) if OUTSIDE not in remark)


def several(*doses, duration="30 d", species="human"):
    given = [{"drug": "ketamine", "route": "iv"} | ({} if "rate" in dose else HALF) | dose for dose in doses]
    subject = {"species": species, "weight": "70 kg"} if species == "human" else {"species": species}
    return Experiment.from_mapping(
        {"format": 1, "duration": duration, "network": "none", "subject": subject, "doses": given}
    )


def experiment_of(species="human", weight=None, **dose):
    subject = {"species": species} | ({"weight": weight} if weight else {})
    doses = [{"drug": "ketamine", "route": "iv"} | dose] if dose else []
    return Experiment.from_mapping(
        {"format": 1, "duration": "30 d", "network": "none", "subject": subject, "doses": doses}
    )


@pytest.mark.parametrize("name", sorted({*examples()} - {"daily_high_doses"}))  # which is meant to lie outside
def test_examples_are_usual(name):
    """Catches ranges so narrow that what everybody does is remarked on."""
    assert remarks(load_experiment(name)) == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": "70 g"}, "subject.weight: 70 g is unusual for a human, 2 kg to 300 kg; a slip of unit?"),
        ({"species": "rat", "weight": "300 kg"}, "subject.weight: 300 kg is unusual for a rat, 40 g to 1 kg"),
        ({"species": "mouse", "weight": "25 kg"}, "subject.weight: 25 kg is unusual for a mouse, 8 g to 70 g"),
        ({"amount": "1 kg"}, "doses.0: 1000000 mg of ketamine in a human of 70 kg is 1.43e+04 mg/kg; usual"),
        ({"amount": "100 g"}, "is 1.43e+03 mg/kg; usual doses are 0.05 to 15 mg/kg; a slip of unit?"),
        ({"amount": "0.5 ug/kg"}, "is 0.0005 mg/kg; usual"),
        ({"rate": "30 mg/kg/h", "duration": "2 h"}, "is 30 mg/kg per hour; usual"),
        ({"species": "rat", "amount": "10 g/kg"}, "in a rat of 300 g is 1e+04 mg/kg; usual doses are 0.1 to 200 mg/kg"),
    ],
)  # fmt: skip
def test_slips_of_unit_are_remarked_on(given, words):
    """Catches a rat of 300 kg, a human of 70 g, a bolus of 1 kg that pass without a word."""
    (remark,) = (one for one in remarks(experiment_of(**given)) if OUTSIDE not in one)
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


@pytest.mark.parametrize(
    ("doses", "settings"),
    [
        ([{"duration": "40 min", "repeat": {"every": "2 d", "count": 6}}], ["depression"]),
        ([{"amount": "0.3 mg/kg"}], ["acute pain"]),
        ([{"rate": "0.2 mg/kg/h", "duration": "3 d"}], ["acute pain, infusions"]),
        ([{"amount": "2 mg/kg", "repeat": {"every": "10 min", "count": 3}}], ["anaesthesia"]),
        ([{"route": "im", "amount": "9 mg/kg"}], ["anaesthesia"]),
        ([{"rate": "0.1 mg/kg/h", "duration": "1 d"}, {"amount": "0.3 mg/kg"}], []),  # at once, each in a setting
        ([SPRAYS | {"repeat": {"every": "3.5 d", "count": 8}}], ["depression"]),
        ([SPRAYS | {"amount": "28 mg"}] * 3, ["depression"]),
        ([TABLETS | {"repeat": {"every": "1 d", "count": 9}}], ["depression"]),
    ],
)  # fmt: skip
def test_what_is_published_for_people_is_found(doses, settings):
    """Catches bounds or units so wrong that what labels say is outside them."""
    ((_, _, found, remark),) = dosing_of_people(several(*doses))
    assert [row.setting for row in found] == settings
    assert remark == ""


@pytest.mark.parametrize(
    ("doses", "words"),
    [
        ([{}], "doses: 35 mg of ketamine (intravenous) at once at 0 s: outside published dosing of people (depression"),
        ([{"amount": "2 mg/kg", "duration": "40 min"}], "140 mg of ketamine (intravenous) over 40 min at 0 s: outside"),
        ([{"duration": "40 min", "repeat": {"every": "1 d", "count": 6}}], "at 1 d, 1 d after the one before: outside"),
        ([{"route": "pr", "amount": "1 mg/kg"}], "outside published dosing of people, of which none by this route"),
        ([{"amount": "0.3 mg/kg", "repeat": {"every": "1 h", "count": 3}}], "at 1 h, 1 h after the one before"),
        ([SPRAYS, SPRAYS], "168 mg of esketamine (intranasal) at once at 0 s: outside published dosing of people"),
        ([SPRAYS | {"amount": "112 mg"}], "(depression: 28 mg to 84 mg, at least 3 d apart)"),
    ],
)  # fmt: skip
def test_what_nobody_has_published_for_people_is_said(doses, words):
    """Catches an overdose, daily infusions or another route that pass for clinical practice."""
    experiment = several(*doses)
    (remark,) = remarks(experiment)
    assert words in remark
    assert [found for _, _, found, _ in dosing_of_people(experiment)] == [[]]


def test_the_largest_overdose_is_not_the_quietest_and_a_rat_is_no_patient():
    """Catches a slip that hides an overdose, and practice in people held against animals, or against nothing given."""
    assert any(OUTSIDE in remark for remark in remarks(several({"amount": "20 mg/kg", "duration": "1 min"})))
    assert remarks(several({"amount": "30 mg/kg"}, species="rat")) == ()
    assert list(dosing_of_people(several({"amount": "0 mg"}, {"drug": "saline"}))) == []


def test_as_much_as_the_body_weighs_is_refused():
    """Catches a dose that no body can hold."""
    with pytest.raises(DocumentError, match=r"doses.0.amount: as much as the body weighs \(70 of 70 kg\)"):
        experiment_of(amount="1 kg/kg")
    with pytest.raises(DocumentError, match=r"doses.0.rate: as much as the body weighs"):
        experiment_of(rate="1 kg/min", duration="2 h")


def test_remarks_are_notes_of_the_run_and_are_logged_once(caplog):
    """Catches a remark that stands in neither the file nor the output, or twice there."""
    caplog.set_level("INFO", "ketasim")
    trajectory = ketasim.run(experiment_of(weight="70 g").replace(duration="1 h"))
    said = remarks(experiment_of(weight="70 g"))
    assert trajectory.notes == said
    assert [text for text in (record.getMessage() for record in caplog.records) if text in said] == list(said)


def test_stress_beside_that_of_the_phenotype_is_said():
    """Catches a person under twice the stress that was meant, without a word."""
    stress = {"kind": "stress", "start": "-21 d", "duration": "22 d"}
    given = {"format": 1, "duration": "1 d", "stimuli": [stress], "subject": {"phenotype": "chronic_stress"}}
    assert remarks(Experiment.from_mapping(given)) == (
        "stimuli: stress is given beside that of subject.phenotype; their intensities add up",
    )
    assert remarks(Experiment.from_mapping(given | {"stimuli": []})) == ()
