"""Numbers in the docs are those of the stored tables, and what ketasim computes."""

import csv
from pathlib import Path

import pytest

import ketasim

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
SYNAPSES = (ROOT / "docs" / "synapses.md").read_text(encoding="utf-8")


def rows(name):
    with open(ROOT / "experiments" / "results" / name, newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_of_circuit_controls_is_the_stored_one():
    """Catches a table of controls that was made anew and not copied into the docs."""
    table = TEXT[TEXT.index("experiments/circuit_controls.py") :]
    shown = ("rate of PYR, %", "rate of PV, %", "rate of SST, %", "release onto PYR, %")
    lines = {}
    for row in rows("circuit_controls.csv"):
        if row["quantity"] in shown:
            text = f"{float(row['mean']):+.2f} ± {float(row['standard_error']):.2f}"
            lines.setdefault((row["arm"], f"{float(row['concentration_uM']):g}"), []).append(text)
    assert len(lines) == 16
    for arm, texts in lines.items():
        assert f"| {' | '.join((*arm, *texts))} |" in table, arm


@pytest.mark.parametrize(("case", "config"), [("rat dose", "rat_dose"), ("human infusion", "human_infusion")])
def test_peaks_of_bdnf_come_out_as_the_table_says(case, config):
    """Catches a cascade that has moved while table and docs stay: by eEF2 alone 200 neurons show what 1,000 do."""
    few = ["network.neurons=200", "schedule.baseline=20 s", "schedule.window=0.5 s"]
    few += ["duration=3 h", "recording={measures: false}", "mechanisms.bdnf.follow_throughput=false"]
    experiment = ketasim.load_experiment(config, few)
    with ketasim.run(experiment) as trajectory:
        for signal in ("bdnf", "p70s6k"):
            course = trajectory[signal].sel(population="PYR")
            stored = next(
                row
                for row in rows("what_drives_bdnf.csv")
                if (row["case"], row["path"], row["signal"]) == (case, "eEF2 alone", signal)
            )
            assert 100.0 * float(course.max() - 1.0) == pytest.approx(float(stored["peak_percent"]), rel=0.05)
            hours = float(course.time[int(course.values.argmax())]) / 3600.0
            # the peak of BDNF is flat, and rows are up to 0.1 h apart there
            assert hours == pytest.approx(float(stored["hours_to_peak"]), abs=0.1)


#: Arms whose crowding stands in the docs.
SHARES_SAID = ("six infusions", "ketamine, 500 mg nasal daily")


def test_four_weeks_stayed_in_range_and_the_docs_say_how_crowded_it_got():
    """Catches a signal that left its range in the stored runs unsaid, and shares in the docs of older ones."""
    stored = rows("four_weeks_in_range.csv")
    outside = [row for row in stored if row["inside"] != "yes"]
    assert [row["signal"] for row in outside] == ["mood"]
    text = " ".join(SYNAPSES.split())
    assert f"of {len(stored)} lowest and highest values over 28 days one lies outside" in text
    assert f"mood at {float(outside[0]['highest']):.0f} logits under daily high doses" in text
    shares = [row for row in stored if row["signal"].startswith("share") and row["arm"] in SHARES_SAID]
    assert len(shares) == 4
    for row in shares:
        assert f"{100 * float(row['lowest']):.2g}" in text.replace("1.0 %", "1 %"), row


def test_rest_keeps_its_rule():
    """Catches a circuit whose class means wander by more than 2 % in four weeks without a dose."""
    stored = rows("rest_for_four_weeks.csv")
    assert len(stored) > 20
    for row in stored:
        assert float(row["largest_deviation"]) < 2.0, row
