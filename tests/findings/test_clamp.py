"""IC50s in voltage clamp: what the mechanism itself comes to, and what is refused."""

import pytest
from pydantic import ValidationError

from ketasim.findings import load_findings, score_findings
from ketasim.findings.clamp import Clamp


@pytest.mark.parametrize(
    ("subunit", "magnesium", "expected"),
    [("2A", "0 mM", 0.33), ("2B", "0 mM", 0.31), ("2D", "0 mM", 0.83), ("2A", "1 mM", 5.86), ("2B", "1 mM", 5.51)],
)
def test_the_racemate_in_voltage_clamp(subunit, magnesium, expected):
    """Catches one enantiomer for both, Mg that is ignored: numbers that the mechanism is tested to reproduce."""
    clamp = Clamp(drug="ketamine", subunit=subunit, magnesium=magnesium)
    assert clamp.ic50() == pytest.approx(expected, rel=0.01)


def test_voltage_pulls_a_blocker_out_and_mg_as_well():
    """Catches a sign: without Mg depolarising by 26.7 mV / delta weakens block e-fold, with Mg it strengthens it."""
    still, moved = (
        Clamp(drug="dizocilpine", subunit="2A", magnesium="0 mM", voltage=f"{voltage} mV").ic50()
        for voltage in (-66.0, -66.0 + 26.7 / 0.9)
    )
    assert moved / still == pytest.approx(2.71828, rel=1e-4)
    held, up = (
        Clamp(drug="ketamine", subunit="2A", magnesium="1 mM", voltage=f"{voltage} mV").ic50() for voltage in (-66, -30)
    )
    assert up < held


def test_only_blockers_can_be_clamped():
    """Catches a drug without a row for the pore that divides by nothing."""
    with pytest.raises(ValidationError, match="unknown blocker 'midazolam'"):
        Clamp(drug="midazolam", subunit="2A", magnesium="1 mM")


def test_a_finding_of_clamps_runs_nothing(tmp_path):
    """Catches an experiment that is asked for where none is needed, and ratios the wrong way round."""
    table = score_findings([load_findings()["B3"]], tmp_path / "out").set_index("number")
    assert not (tmp_path / "out").exists()
    assert table["value"]["GluN2A over 2D"] == pytest.approx(5.86 / 4.31, rel=0.01)
    assert (table["runs"] == 1).all()
