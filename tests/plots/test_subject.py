"""The subject's page: lanes of exposures, scores with thresholds, expectancy apart, what there is nothing of."""

import numpy as np
import pytest

import ketasim
from ketasim.documents import KetasimError
from ketasim.plots import plot_subject
from ketasim.plots.colours import GREY
from ketasim.plots.subject import without_expectancy

STIMULI = [
    {"kind": "expectancy", "start": "0 s", "duration": "10 min"},
    {"kind": "stress", "start": "5 min", "duration": "1 h"},
]
SCHEDULE = {"baseline": "1 s", "settle": "50 ms", "window": "0.2 s", "step": "5 min"}
WEAK = {"mood": {"strength_gain": 0.1, "density_gain": 0.1}}  # 80 neurons fluctuate a hundred times as much as 1,000


@pytest.fixture(scope="module")
def runs(small):
    """A dose in a person who is stressed and expects something, and the same without a word of what to expect."""
    dose = {"drug": "ketamine", "route": "intravenous", "amount": "1 mg/kg", "duration": "10 min"}
    common = {"duration": "3 h", "doses": [dose], "schedule": SCHEDULE, "recording": {}, "mechanisms": WEAK}
    return [ketasim.run(small(stimuli=stimuli, **common)) for stimuli in (STIMULI, STIMULI[1:])]


def labels(figure):
    return [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]


def test_the_page_from_top_to_bottom(figure, runs):
    """Catches a panel that is missing or out of order, an exposure without a lane, a threshold that is not there."""
    plot_subject(figure, runs[0], runs[1])
    named = labels(figure)
    madrs = next(axes for axes in figure.axes if axes.get_ylabel().startswith("MADRS"))
    assert len([line for line in madrs.lines if line.get_linestyle() == "--"]) == 1  # the vehicle expects nothing
    assert named[0] == "exposures"
    for words in ("stress hormone", "microglia", "dissociation (CADSS)", "MADRS"):
        assert any(one.startswith(words) for one in named), words
    assert [text.get_text() for text in figure.axes[0].texts] == ["ketamine, intravenous", "expectancy", "stress"]
    dissociation = figure.axes[[one.startswith("dissociation") for one in named].index(True)]
    legend = [text.get_text() for text in dissociation.get_legend().get_texts()]
    assert "threshold 4" in legend
    assert any(one.startswith("not ready for discharge") for one in legend)
    low, high = madrs.get_ylim()
    assert all(low <= value <= high for line in madrs.lines for value in line.get_ydata())


def test_a_vehicle_has_its_own_curve_without_expectancy(figure, runs):
    """Catches a vehicle whose expectancy is not taken off, so that it looks like a drug's."""
    plot_subject(figure, runs[1], runs[0])
    madrs = next(axes for axes in figure.axes if axes.get_ylabel().startswith("MADRS"))
    (dashed,) = [line for line in madrs.lines if line.get_linestyle() == "--"]
    assert dashed.get_color() == GREY
    assert dashed.get_ydata() == pytest.approx(without_expectancy(runs[0]))


def test_expectancy_is_taken_off_exactly(runs):
    """Catches a curve without expectancy that is not the run without it; nothing that synapses do depends on it."""
    both, alone = (run["madrs"] for run in runs)
    assert float(both[-1]) < float(alone[-1]) - 1.0
    apart = np.interp(alone["time"].values, both["time"].values, without_expectancy(runs[0]))
    assert apart == pytest.approx(alone.values, abs=0.02)


def test_there_is_no_page_of_nothing(figure, small):
    """Catches an empty picture in place of a word."""
    with pytest.raises(KetasimError, match="no hormone, cytokine or score of the subject has moved"):
        plot_subject(figure, ketasim.run(small(network="none")))
