"""Voltage clamp: what the mechanism itself comes to, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from ketasim.drugs import load_catalogue
from ketasim.findings import load_findings, score_findings
from ketasim.findings.clamp import Clamp
from ketasim.mechanisms.nmda_blockade import advance_block
from tests.drugs.drug_files import OWN_DRUG
from tests.mechanisms.receptors import blockers_of, clamped, new_block, prepared

DRUGS = load_catalogue()


@pytest.mark.parametrize(
    ("subunit", "magnesium", "expected"),
    [("2A", "0 mM", 0.33), ("2B", "0 mM", 0.31), ("2D", "0 mM", 0.83), ("2A", "1 mM", 5.86), ("2B", "1 mM", 6.30)],
)
def test_the_racemate_in_voltage_clamp(subunit, magnesium, expected):
    """Catches one enantiomer for both, Mg that is ignored: numbers that the mechanism is tested to reproduce."""
    clamp = Clamp(drug="ketamine", subunit=subunit, magnesium=magnesium)
    assert clamp.value(DRUGS["ketamine"]) == pytest.approx(expected, rel=0.01)


def test_voltage_pulls_a_blocker_out_and_mg_as_well():
    """Catches a sign: without Mg depolarising by 26.7 mV / delta weakens block e-fold, with Mg it strengthens it."""
    still, moved = (
        Clamp(drug="dizocilpine", subunit="2A", magnesium="0 mM", voltage=f"{voltage} mV").value(DRUGS["dizocilpine"])
        for voltage in (-66.0, -66.0 + 26.7 / 0.9)
    )
    assert moved / still == pytest.approx(2.71828, rel=1e-4)
    held, up = (
        Clamp(drug="ketamine", subunit="2A", magnesium="1 mM", voltage=f"{voltage} mV").value(DRUGS["ketamine"])
        for voltage in (-66, -30)
    )
    assert up < held


NO_MG, OPENING = np.zeros(4), (0.5, 0.12, 0.011, 0.01)  # peak open probabilities


@pytest.mark.parametrize(("place", "subunit"), [*enumerate(("2A", "2B", "2C", "2D"))])
@pytest.mark.parametrize(
    ("drug", "compounds"), [("ketamine", ("S-ketamine", "R-ketamine")), ("memantine", ("memantine",))]
)
def test_recovery_is_that_of_the_mechanism(drug, compounds, place, subunit):
    """Catches a mean of the enantiomers' rates, equal shares at the start, superficial block that is forgotten."""
    blockers = blockers_of((load_catalogue()[drug],), compounds)
    receptors = prepared(blockers, open_probability=OPENING, mg_over_k=NO_MG)
    gating, block = clamped(1.0, mg_over_k=NO_MG), new_block(blockers)
    advance_block(np.full(len(blockers), 5.0), gating, *block, receptors, 1e6)
    before = sum(part[:, place, 0].sum() for part in block)
    seconds = Clamp(drug=drug, subunit=subunit, magnesium="0 mM", recovery=True).value(DRUGS[drug])
    advance_block(np.zeros(len(blockers)), gating, *block, receptors, seconds)
    assert_allclose(sum(part[:, place, 0].sum() for part in block) / before, np.exp(-1.0), rtol=1e-6)


def test_what_is_left_open_at_a_concentration():
    """Catches block for its complement, and a concentration in another unit."""
    drug = DRUGS["ketamine"]
    half = Clamp(drug="ketamine", subunit="2B", magnesium="1 mM").value(drug)
    given = [f"{times * half} uM" for times in (1.0, 3.0)]
    left = [Clamp(drug="ketamine", subunit="2B", magnesium="1 mM", concentration=one).value(drug) for one in given]
    assert left == pytest.approx([0.5, 0.25])


def test_only_blockers_can_be_clamped():
    """Catches a drug without a row for the pore that divides by nothing, and a blocker that is there and washed out."""
    wrong = {name: Clamp(drug=name, subunit="2A", magnesium="1 mM").wrong(DRUGS) for name in ("midazolam", "ketamin")}
    assert "unknown blocker 'midazolam'" in wrong["midazolam"]
    assert wrong["ketamin"].endswith("did you mean ketamine?")
    with pytest.raises(ValidationError, match="not both"):
        Clamp(drug="ketamine", subunit="2A", magnesium="1 mM", concentration="1 uM", recovery=True)


def test_what_is_given_must_block(tmp_path):
    """Catches a division by zero for a prodrug whose metabolite alone blocks."""
    prodrug = OWN_DRUG.replace("nmda:\n  - {of: [parent]", "nmda:\n  - {of: [product]")
    prodrug = prodrug.replace("nmda_kinetics:\n  - {of: [parent]", "nmda_kinetics:\n  - {of: [product]")
    (tmp_path / "own.yaml").write_text(prodrug, encoding="utf-8")
    drugs = load_catalogue([tmp_path / "own.yaml"])
    clamp = Clamp(drug="own_drug", subunit="2A", magnesium="0 mM")
    assert clamp.wrong(drugs) == "what is given of own_drug, parent, is no blocker"


def test_a_finding_of_clamps_runs_nothing(tmp_path):
    """Catches an experiment that is asked for where none is needed, and ratios the wrong way round."""
    table = score_findings([load_findings()["B3"]], tmp_path / "out").set_index("number")
    assert not (tmp_path / "out").exists()
    assert table["value"]["GluN2A over 2D"] == pytest.approx(5.86 / 4.15, rel=0.01)
    assert (table["runs"] == 1).all()


OWN_FINDING = """\
format: 1
id: X1
title: Potency of an own drug
role: prediction
status: assumed
source: made up
fails_if: its numbers were those of another drug
settings: {drugs: [own.yaml]}
numbers:
  - {name: GluN2A, clamp: {drug: own_drug, subunit: 2A, magnesium: 0 mM}, least: 490 nM, most: 0.51 uM}
"""


def test_a_users_own_blocker_can_be_clamped(tmp_path, monkeypatch):
    """Catches a clamp that knows shipped drugs only, and bounds in another unit that are taken as they are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(OWN_DRUG, encoding="utf-8")
    (tmp_path / "X1.yaml").write_text(OWN_FINDING, encoding="utf-8")
    finding = load_findings([tmp_path / "X1.yaml"])["X1"]
    (row,) = score_findings([finding], tmp_path / "out").to_dict("records")
    assert (row["value"], row["unit"]) == (pytest.approx(0.5, rel=1e-6), "uM")
    assert (row["least"], row["most"], row["verdict"]) == (pytest.approx(0.49), 0.51, "inside")
