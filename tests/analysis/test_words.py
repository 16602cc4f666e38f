"""Closing words: the numbers of the summary, in the classes and stretches that they belong to."""

import numpy as np

import ketasim
from ketasim.analysis.words import closing_words

USUAL = {"amount": "0.5 mg/kg"}
TIMES = [-2.0, -1.0, 0.0, 600.0, 1200.0, 3600.0]
PERCENT = '{"panel": "signalling", "label": "BDNF", "of_baseline": true}'


def network(rate):
    """Windows of two classes, the second at twice the rate."""
    windows = np.outer(rate, [1.0, 2.0])
    signals = {"network_sampled": np.ones(6), "network_memory": np.ones(6)}
    return signals | {"firing_rate": windows, "firing_rate_window": windows, "firing_rate_standard_error": 0 * windows}


def test_each_class_has_its_line(made_up):
    """Catches words that name the classes of the default circuit, mix up classes, or call chance fact."""
    signals = network([1.0, 3.0, 9.0, 4.0, 4.0, 4.0])
    signals["nmda_block"] = np.outer([0, 0, 0, 0.1, 0.2, 0.1], [1.0, 0.5])
    signals["bdnf"] = np.outer([1, 1, 1, 1.25, 1.1, 1], [1.0, np.nan])
    trajectory = made_up(TIMES, signals, declared={"bdnf": {"shown": PERCENT}}, populations=("E", "I"))
    assert closing_words(trajectory) == [
        "E     2.000 +- 1.000 Hz at baseline, 4.000 +- 0.000 Hz from 10 to 60 min (within twice its error: may be "
        "chance); NMDA block up to 20.0 %",
        "I     4.000 +- 2.000 Hz at baseline, 8.000 +- 0.000 Hz from 10 to 60 min (within twice its error: may be "
        "chance); NMDA block up to 10.0 %",
        "errors are those of windows of this one circuit; other circuits (seeds) differ by more at rest",
        "peaks in E relative to baseline  BDNF +25.0 % at 10 min",
    ]


def test_times_are_those_that_people_say_and_nothing_is_not_a_peak(made_up):
    """Catches "peak at 13269 min", and "+0.0 % at -0.1 h" of what never rose above its baseline."""
    signals = network(np.ones(6)) | {"bdnf": np.ones((6, 2))}
    plasma = {"plasma_concentration": np.outer([0, 0, 0, 1, 1, 7], [1.0, 0.0, 0.0])}
    declared = {"bdnf": {"shown": PERCENT}}
    trajectory = made_up([*TIMES[:-1], 796_140.0], signals, plasma, declared, ("PYR", "PV"))
    lines = closing_words(trajectory)
    assert lines[0] == "plasma ketamine  peak 7 ng/mL at 9.2 d"
    assert "peaks in PYR relative to baseline  BDNF none" in lines


def test_a_peak_at_the_end_is_said_to_be_still_rising(made_up):
    """Catches the last value of a rise that a run cuts short shown as its peak."""
    signals = network(np.ones(6)) | {"bdnf": np.outer([1, 1, 1, 1.1, 1.2, 1.3], [1.0, 1.0])}
    lines = closing_words(made_up(TIMES, signals, declared={"bdnf": {"shown": PERCENT}}, populations=("E", "I")))
    assert "peaks in E relative to baseline  BDNF +30.0 % at 1 h, still rising" in lines


def test_what_was_not_measured_is_said_to_be_the_baselines(made_up):
    """Catches an error of 0.000 Hz of a vehicle that ran no window, as if it had been measured so well."""
    signals = network([1.0, 3.0, 2.0, 2.0, 2.0, 2.0])
    signals |= {"network_sampled": np.array([1, 1, 0, 0, 0, 0.0]), "network_memory": np.full(6, 60.0)}
    signals["firing_rate_window"] = np.where(signals["network_sampled"][:, None] == 1, signals["firing_rate"], np.nan)
    words = closing_words(made_up(TIMES, signals, populations=("E", "I")))
    assert words[0] == "nothing that the network reads has moved, so no window was run after the baseline"
    assert words[1].endswith("Hz from 10 to 60 min (the baseline's)")


def test_what_was_given_comes_before_its_metabolites(made_up):
    """Catches a metabolite's peak, or a sum over all compounds, under the name of the drug."""
    plasma = [[0, 0, 9], [0, 0, 9], [0, 0, 9], [60, 40, 9], [1, 1, 9], [0, 0, 9]]
    brain = np.array(plasma) / 1000.0
    trajectory = made_up(TIMES, subject={"plasma_concentration": plasma, "brain_concentration": brain})
    assert closing_words(trajectory) == ["plasma ketamine  peak 100 ng/mL at 10 min, unbound in brain 0.100 uM"]


def test_an_effect_beyond_its_error_is_not_called_chance(made_up):
    """Catches a remark that every run gets: here rates at rest are 2.0 +- 0.1 Hz and then 4 Hz."""
    words = closing_words(made_up(TIMES, network([1.9, 2.1, 4.0, 4.0, 4.0, 4.0]), populations=("E", "I")))
    assert "chance" not in words[0]


def test_a_run_without_anything_says_nothing(made_up):
    """Catches words that fail where neither drug nor network was recorded."""
    assert closing_words(made_up([0.0, 60.0], subject={"mood": [1.0, 2.0]})) == []


def test_dosing_that_nobody_has_published_is_said_at_the_end(small):
    """Catches an overdose whose remark has scrolled away by the time the results are read."""
    dose = {"drug": "ketamine", "route": "intravenous", "amount": "2 mg/kg", "duration": "40 min"}
    lines = [closing_words(ketasim.run(small(network="none", doses=[dose | change]))) for change in ({}, USUAL)]
    assert [sum("outside published dosing of people" in line for line in one) for one in lines] == [1, 0]


def test_words_on_mood_are_of_what_follows_time_zero(made_up):
    """Catches weeks of stress taken for what a dose does, an error where a run ended in them, health called relief."""
    times = [-3600.0, -1800.0, 0.0, 3600.0, 7200.0]
    declared = {"madrs": {}, "expectancy_level": {}}

    def words(scores, until=5):
        subject = {"madrs": np.array(scores[:until]), "expectancy_level": np.zeros(until)}
        return [one for one in closing_words(made_up(times[:until], None, subject, declared)) if "MADRS" in one]

    (depressed,) = words([4.0, 20.0, 32.0, 12.0, 15.0])
    assert depressed.startswith("mood  MADRS 32.0 at 0 h, lowest 12.0 at 1 h, without expectancy; one point of")
    (healthy,) = words([4.0, 4.0, 4.0, 1.0, 2.0])
    assert "a healthy person, to whom mood was not fitted" in healthy
    assert "end of the scale" not in healthy
    assert words([4.0, 20.0, 32.0, 12.0, 15.0], until=2) == []
