"""The picture: panels that belong to a run, and the numbers of its file."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import ketasim
from ketasim.analysis.summary import signals_of
from ketasim.documents import KetasimError
from ketasim.mechanisms import Mechanism
from ketasim.network.resting import Resting
from ketasim.plots import plot_chain, plot_signals
from ketasim.plots.chain import panels
from ketasim.plots.colours import FORMED, GREY, LOST, POPULATIONS, SIGNALS
from ketasim.plots.page import ADVICE, doses_in_words, finish_page
from ketasim.signals import Shown, Signal


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())


def labels(figure):
    return [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]


def line(axes, label):
    (found,) = (line for line in axes.get_lines() if line.get_label() == label)
    return found


def test_the_chain_from_top_to_bottom(figure, small_run):
    """Catches a panel that is missing, out of order or without its unit, an empty page, and missing advice."""
    plot_chain(figure, small_run)
    named = labels(figure)
    order = [
        "plasma (ng/mL)",
        "unbound in brain (\N{MICRO SIGN}M)",
        "firing rate (% of baseline)",
        "perisynaptic glutamate (% of baseline)",
        "ambient glutamate (nM)",
        "signalling, PYR (% of baseline)",
    ]
    positions = [next(i for i, label in enumerate(named) if label.startswith(start)) for start in order]
    heights = [figure.axes[i].get_position().y0 for i in positions]
    assert heights == sorted(heights, reverse=True)
    assert any(label.startswith("NMDA block (%)") for label in named)
    assert ADVICE in [text.get_text() for text in figure.texts]
    assert figure.get_suptitle() == "small: ketamine 35 mg intravenous over 10 min"
    assert pixels(figure).std() > 5.0


def test_curves_are_the_signals_of_the_file(figure, small_run):
    """Catches curves in other units than their axis says, of another population, or against another time."""
    plot_chain(figure, small_run)
    plasma, brain, rates = figure.axes[:3]
    array = small_run["plasma_concentration"]
    (curve,) = (one for one in plasma.get_lines() if one.get_label().startswith("ketamine"))
    assert curve.get_xdata() == pytest.approx(array["time"].values / 3600)
    assert curve.get_ydata() == pytest.approx(array.values[:, :2].sum(axis=1))
    (right,) = (axes for axes in figure.axes if axes.get_ylabel().startswith("NMDA block"))
    for index, name in enumerate(("PYR", "PV", "SST")):
        block = small_run["nmda_block"]
        assert line(right, name).get_ydata() == pytest.approx(100 * block.values[block["time"] >= 0, index])
        after = small_run["firing_rate"].sel(population=name)
        baseline = ketasim.value_of(small_run.summary, "firing_rate", name, "baseline", "mean")
        curve = line(rates, f"{name} (100 % is {baseline:.2f} Hz)")
        assert curve.get_ydata() == pytest.approx(100 / baseline * after.values[after["time"] >= 0])
    assert brain.get_shared_x_axes().joined(brain, plasma)


def test_the_peak_is_that_of_the_summary(figure, small_run):
    """Catches a picture that tells another peak than the closing words; baselines stand in the legend, see above."""
    plot_chain(figure, small_run)
    peak = ketasim.value_of(small_run.summary, "plasma_concentration", "ketamine", "", "peak")
    named = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert named[0] == f"ketamine (peak {peak:.0f} ng/mL)"
    assert "peak" not in "".join(named[1:])
    assert not figure.axes[0].texts  # nothing that could lie on the legend


def test_the_peak_of_a_score_is_in_the_unit_drawn(figure, small):
    """Catches a peak noted in the signal's own unit beside a curve in per cent."""

    class Parameters(NamedTuple):
        """None."""

    def advance(brain_concentration, calmness, parameters, clock):
        calmness[...] = brain_concentration.sum() / (1.0 + brain_concentration.sum())

    row = Signal(
        "calmness", "1", (), "state", 0.0, "a score", True, summary="peak", shown=Shown("calmness", "", 100.0, "%")
    )
    own = Mechanism("own", Parameters, advance, reads=("brain_concentration",), writes=("calmness",), signals=(row,))
    plot_chain(figure, ketasim.run(small(network="none"), mechanisms=[own]))
    (axes,) = (axes for axes in figure.axes if axes.get_ylabel().startswith("calmness"))
    (note,), (curve,) = axes.get_legend().get_texts(), axes.get_lines()
    assert note.get_text() == f"peak {curve.get_ydata().max():.3g} %"


def test_vehicle_is_drawn_in_grey(figure, small, small_run):
    """Catches a vehicle that is not drawn, or cannot be told from the drug."""
    saline = ketasim.run(small(doses=[{"drug": "saline", "route": "intravenous", "duration": "10 min"}]))
    plot_chain(figure, small_run, saline)
    grey = [line for line in figure.axes[2].get_lines() if line.get_color() == GREY]
    after = saline["firing_rate"]["time"].values >= 0
    rates = saline["firing_rate"].values[after]
    table = saline.summary
    baselines = [ketasim.value_of(table, "firing_rate", name, "baseline", "mean") for name in ("PYR", "PV", "SST")]
    assert np.array([line.get_ydata() for line in grey]) == pytest.approx(100 * (rates / baselines).T)


DRUG = ["plasma", "unbound in brain"]
NETWORK = ["firing rate", "perisynaptic", "ambient", "signalling", "synapses", "spine density", "spine turnover"]


@pytest.mark.parametrize(
    ("changes", "panels"),
    [
        ({"network": "none"}, DRUG),
        ({"mechanisms": {"nmda_blockade": "off"}}, DRUG + NETWORK),
        ({"mechanisms": {"pharmacokinetics": "off"}}, NETWORK),
        ({"doses": [{"drug": "saline", "route": "intravenous"}]}, NETWORK),
        ({"doses": []}, NETWORK),
        ({"mechanisms": {"synaptogenesis": "off"}}, DRUG + NETWORK[:5]),
        ({"mechanisms": dict.fromkeys(("bdnf", "trkb", "mtorc1"), "off")}, DRUG + NETWORK[:3] + NETWORK[4:]),
        ({"duration": "3 d", "network": "none", "schedule": {"step": "auto"}}, DRUG),
    ],
)
def test_a_run_without_some_signals_is_drawn_without_their_panels(figure, small, changes, panels):
    """Catches a picture that fails, or an empty panel, for what a run does not have."""
    plot_chain(figure, ketasim.run(small(**changes)))
    # panels of signals that the table has beyond these are free to appear
    drawn = [start for label in labels(figure) for start in DRUG + NETWORK if label.startswith(start)]
    assert drawn == panels
    assert pixels(figure).std() > 3.0


def test_a_run_with_nothing_to_show_says_so(figure, small):
    """Catches a message about rows of subplots where the reason is that the run recorded nothing."""
    nothing = ketasim.run(small(network="none", doses=[]))
    with pytest.raises(KetasimError, match="nothing to draw"):
        plot_chain(figure, nothing)


def test_chosen_signals(figure, small_run):
    """Catches a signal without its name and unit, node signals that fill the legend, and one without a second axis."""
    names = ["glutamate_ambient", "node/firing_rate", "network_sampled", "plasma_concentration"]
    plot_signals(figure, small_run, names)
    assert labels(figure) == [
        "glutamate ambient (uM)",
        "firing rate (Hz)",
        "network sampled (1)",
        "plasma concentration (ng/mL)",
    ]
    assert [axes.get_legend() is None for axes in figure.axes] == [False, True, True, False]
    assert [len(bands(axes)) for axes in figure.axes] == [0] * 4
    assert line(figure.axes[0], "PV").get_ydata() == pytest.approx(small_run["glutamate_ambient"].values[:, 1])
    assert pixels(figure).std() > 5.0


def test_chosen_signals_of_one_class(figure, by_hand):
    """Catches lines and names of classes that have no value, and a panel that fails where none has any."""
    run = by_hand({"bdnf": np.ones_like, "trkb": lambda times: np.nan * times})
    plot_signals(figure, run, ["bdnf", "trkb"])
    one, none = figure.axes
    assert [text.get_text() for text in one.get_legend().get_texts()] == ["PYR"]
    assert none.get_legend() is None


def test_an_unknown_signal_is_refused_by_name(figure, small_run):
    """Catches an empty picture for a misspelt name."""
    with pytest.raises(KeyError, match="did you mean glutamate_ambient"):
        plot_signals(figure, small_run, ["glutamate_ambiant"])


def test_a_vehicle_of_chosen_signals_is_grey(figure, by_hand):
    """Catches a vehicle that is asked for and left out."""
    signals = ["bdnf", "trkb"]
    run, vehicle = (by_hand({name: rising(slope) for name in signals}) for slope in (0.02, 0.01))
    plot_signals(figure, run, signals, vehicle)
    assert all(axes.get_lines()[0].get_color() == GREY for axes in figure.axes)
    grey, own = figure.axes[0].get_lines()[:2]  # behind them the dose
    assert (grey.get_color(), grey.get_ydata()[-1]) == (GREY, pytest.approx(1.08))
    assert own.get_ydata()[-1] == pytest.approx(1.16)
    assert len(figure.axes[0].get_legend().get_texts()) == 1


def test_a_trajectory_draws_itself(by_hand):
    """Catches a figure that no notebook shows, the page in place of one signal, and a vehicle that is dropped."""
    run, vehicle = by_hand({"bdnf": rising(0.02), "spine_density": rising(0.0)}), by_hand({"bdnf": rising(0.01)})
    page, one = run.plot(vehicle=vehicle), run.plot("bdnf", vehicle=vehicle)
    assert [len(figure.axes) for figure in (page, one)] == [2, 1]
    assert all(any(line.get_color() == GREY for line in figure.axes[0].get_lines()) for figure in (page, one))
    assert one._repr_png_().startswith(b"\x89PNG")


TURNOVER = "spine turnover, PYR (% per day, 10 min to 21 h means)"
NAMES = {
    "signalling, PYR (% of baseline)": ("trkb", "bdnf", "p70s6k"),
    "synapses, PYR (% of baseline)": ("surface_ampa", "synaptic_protein", "homeostatic_scale"),
    "spine density, PYR (% of baseline)": ("spine_density",),
    TURNOVER: ("spine_formation_rate", "spine_elimination_rate"),
}
LABELS = {
    "trkb": "TrkB",
    "bdnf": "BDNF",
    "p70s6k": "p70S6K",
    "surface_ampa": "surface AMPA",
    "synaptic_protein": "synaptic protein",
    "homeostatic_scale": "homeostatic scale",
}
EVERY_SIGNAL = [name for group in NAMES.values() for name in group]


def rising(slope):
    return lambda times: 1.0 + slope * np.maximum(times, 0.0) / 86_400.0


def by_label(figure):
    return {axes.get_ylabel().replace("\n", " "): axes for axes in figure.axes}


def curve(axes, label):
    """Curve of that name; without one, the only one beside the line at 100 %."""
    if label is None:
        return axes.get_lines()[0]
    (found,) = (line for line in axes.get_lines() if line.get_label() == label)
    return found


@pytest.mark.parametrize("chosen", [EVERY_SIGNAL, *([name] for name in EVERY_SIGNAL), ["bdnf", "spine_density"]])
def test_a_panel_is_there_if_one_of_its_signals_is(figure, by_hand, chosen):
    """Catches a missing panel, an empty one, and one out of order."""
    run = by_hand({name: rising(0.01) for name in chosen})
    plot_chain(figure, run)
    assert list(by_label(figure)) == [name for name, signals in NAMES.items() if set(signals) & set(chosen)]
    heights = [axes.get_position().y0 for axes in figure.axes]
    assert heights == sorted(heights, reverse=True)


def test_curves_are_the_signals_of_pyr_from_time_zero_on(figure, by_hand):
    """Catches fractions on an axis of per cent, curves under another's name, and the baseline drawn before zero."""
    signals = {name: rising(0.01 * (index + 1)) for index, name in enumerate(EVERY_SIGNAL)}
    run = by_hand(signals)
    plot_chain(figure, run)
    for panel, names in list(NAMES.items())[:3]:
        for name in names:
            drawn = curve(by_label(figure)[panel], LABELS.get(name))
            hours = np.linspace(0.0, 192.0, 25)
            assert drawn.get_xdata() == pytest.approx(hours)
            assert drawn.get_ydata() == pytest.approx(100.0 * signals[name](hours * 3600.0))


def test_classes_that_a_mechanism_leaves_alone_make_no_panel(by_hand):
    """Catches panels of NaN in a network without pyramidal cells."""
    run = by_hand({name: lambda times: np.nan * times for name in EVERY_SIGNAL})
    assert "bdnf" in run
    assert panels(signals_of(run)) == {}


def test_vehicle_is_grey_with_the_same_dashes(figure, by_hand):
    """Catches a vehicle that is left out, or three grey curves of one kind; and a name of its own in the legend."""
    plot_chain(
        figure,
        by_hand({name: rising(0.02) for name in EVERY_SIGNAL}),
        by_hand({name: rising(0.01) for name in EVERY_SIGNAL}),
    )
    axes = by_label(figure)["synapses, PYR (% of baseline)"]
    grey = [line for line in axes.get_lines() if line.get_color() == GREY]
    assert [line.get_ydata()[-1] for line in grey] == pytest.approx([108.0] * 3)
    assert len({line.get_linestyle() for line in grey}) == 3
    assert len(axes.get_legend().get_texts()) == 3


@pytest.mark.parametrize(
    ("slope", "low", "high"), [(0.0, 99.5, 100.5), (0.00001, 99.6, 100.4), (0.001, 100.0, 100.8), (-0.05, 60.0, 100.0)]
)
def test_limits_follow_the_data_down_to_a_smallest_span(figure, by_hand, slope, low, high):
    """Catches 0.8 % that looks flat, 0.01 % that fills the panel, a change cut off, and ticks with an offset."""
    plot_chain(figure, by_hand({"spine_density": rising(slope)}))
    axes = figure.axes[0]
    bottom, top = axes.get_ylim()
    assert bottom <= low
    assert top >= high
    assert top - bottom < 1.3 * (high - low)
    figure.canvas.draw()
    assert axes.yaxis.get_major_formatter().get_offset() == ""
    ticks = [text.get_text() for text in axes.get_yticklabels()]
    assert len(set(ticks)) == len(ticks)


@pytest.mark.parametrize(("doses", "first", "means"), [((0, 172_800), 6.0, "6 h"), ((0,), 1 / 6, "10 min to 21 h")])
def test_turnover_is_the_mean_of_the_rates(figure, by_hand, doses, first, means):
    """Catches rates as fractions, formation and elimination exchanged, a first bin as long as the rest of the picture
    is wide, colours that mean the opposite in the picture of the network, and the length of the mean left unsaid.
    """
    rates = {"spine_formation_rate": lambda t: 0.03 + 0 * t, "spine_elimination_rate": lambda t: 0.02 + 0 * t}
    plot_chain(figure, by_hand(rates, doses=doses))
    axes = figure.axes[0]
    drawn = {patch.get_label(): patch for patch in axes.patches if hasattr(patch, "get_data")}
    for label, value, colour in (("formation", 3.0, FORMED), ("elimination", 2.0, LOST)):
        values, edges, _ = drawn[label].get_data()
        assert values == pytest.approx([value] * len(values))
        assert to_hex(drawn[label].get_edgecolor()) == colour
        assert (edges[1], edges[-1]) == (pytest.approx(first), 192.0)
        assert len(values) >= 30
    assert axes.get_ylabel().replace("\n", " ").endswith(f"{means} means)")
    low, high = axes.get_ylim()
    assert (low, high) == (pytest.approx(1.9), pytest.approx(3.34))


def test_an_own_signal_is_drawn_as_its_file_declares(figure, by_hand):
    """Catches pictures that know the signals of ketasim only, units that are not converted, and declared nonsense."""
    shown = Shown("membrane", "one", factor=1e3, unit="mV")
    declared = {
        "mine": shown.text,
        "other": Shown("membrane", "two").text,
        "beside": Shown("gate", beside="membrane").text,
        "alone": Shown("alone", beside="not there").text,
    }
    run = by_hand({name: rising(0.5) for name in ("mine", "other", "beside", "alone", "hidden")}, shown=declared)
    plot_chain(figure, run)
    axes = by_label(figure)
    assert list(axes) == ["membrane, PYR (mV)", "alone, PYR", "gate, PYR"]
    assert curve(axes["membrane, PYR (mV)"], "one").get_ydata()[-1] == pytest.approx(5000.0)
    assert axes["gate, PYR"].bbox.bounds == axes["membrane, PYR (mV)"].bbox.bounds
    with pytest.raises(KetasimError, match=r"attribute shown of mine: '.*' does not say how"):
        plot_chain(figure, by_hand({"mine": rising(0.5)}, shown={"mine": '{"panels": 3}'}))


def test_populations_and_signals_of_one_panel_are_told_apart(figure, by_hand):
    """Catches curves of two classes under one name where a panel has several signals."""
    values = {"bdnf": rising(0.01), "trkb": rising(0.02)}
    plot_chain(figure, by_hand(values, others=True))
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == [f"{signal} {who}" for signal in ("BDNF", "TrkB") for who in ("PYR", "PV", "SST")]
    assert axes.get_ylabel() == "signalling\n(% of baseline)"
    styles = {(line.get_color(), line.get_linestyle()) for line in axes.get_lines()[:6]}
    assert len(styles) == 6


@pytest.mark.parametrize(("doses", "scale"), [([0], "asinh"), ([0, 7_200], "asinh"), ([0, 172_800], "linear")])
def test_doses_over_days_make_the_axis_linear(figure, by_hand, doses, scale):
    """Catches later infusions pressed together by the logarithm, and a first hour lost where there is one dose."""
    plot_chain(figure, by_hand({"bdnf": rising(0.01)}, doses=doses))
    (axes,) = figure.axes
    assert axes.get_xscale() == scale
    assert axes.get_xlim()[1] >= 192.0
    assert ("logarithmic" in axes.get_xlabel()) == (scale == "asinh")


def bands(axes):
    return {to_hex(one.get_facecolor()[0]): one for one in axes.collections if isinstance(one, PolyCollection)}


def test_glutamate_is_as_noisy_as_the_release_it_follows(figure, small_run):
    """Catches noise that looks like an effect, another error than that of the summary, and one that is made up."""
    plot_chain(figure, small_run)
    drawn = {label: bands(axes) for label, axes in by_label(figure).items()}
    signals = signals_of(small_run)
    relative = signals["vesicle_release_standard_error"] / signals["vesicle_release"]
    after = relative["time"].values >= 0
    expected = signals["glutamate_perisynaptic"].values * (1.0 + relative.values)
    glutamate = drawn["perisynaptic glutamate (% of baseline)"]
    assert list(glutamate) == list(POPULATIONS[:3])
    for place, band in enumerate(glutamate.values()):
        assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(100.0 * expected[after, place].max())
    assert drawn["ambient glutamate (nM)"] == drawn["signalling, PYR (% of baseline)"] == {}
    assert len(drawn["firing rate (% of baseline)"]) == 3
    figure.clear()
    plot_signals(figure, small_run, ["glutamate_perisynaptic"])
    assert len(bands(figure.axes[0])) == 3


def test_rows_are_marked_where_lines_join_them(figure, by_hand):
    """Catches lines between rows hours apart, on which a signal was never computed, drawn as if it had been."""
    plot_chain(figure, by_hand({"bdnf": rising(0.1), "p70s6k": rising(0.2)}))
    assert {line.get_marker() for line in figure.axes[0].get_lines() if len(line.get_xdata()) > 2} == {"."}


def test_a_curve_of_a_signal_has_its_colour_with_or_without_others(figure, by_hand):
    """Catches colours by place, under which a curve means another thing where one of the others is missing."""
    colours = []
    for names in (("bdnf", "trkb", "p70s6k"), ("trkb", "p70s6k")):
        figure.clear()
        plot_chain(figure, by_hand({name: rising(0.1) for name in names}))
        colours.append(line(figure.axes[0], "p70S6K").get_color())
    assert colours == [SIGNALS["p70S6K"]] * 2


def test_the_vehicle_is_named(figure, by_hand):
    """Catches grey curves that nothing on the page explains."""
    run = by_hand({"bdnf": rising(0.1)})
    plot_chain(figure, run, run)
    assert figure.get_suptitle().endswith("(grey: by hand)")


def test_a_vehicle_of_the_same_name_is_named_by_its_dose(small_file):
    """Catches two arms of one file, both called by its name."""
    run = ketasim.open_trajectory(small_file)
    other = SimpleNamespace(config=run.config, events=[run.events[0] | {"drug": "midazolam"}])
    page = Figure()
    finish_page(page, run, other)
    assert page.get_suptitle().endswith("(grey: midazolam 35 mg intravenous over 10 min)")


def test_doses_in_words_count_by_drug():
    """Catches another drug's dose counted as one more of the first."""
    one = {"kind": "dose", "drug": "escitalopram", "amount_mg": 10.0, "route": "oral", "duration_s": 0.0}
    events = [one, one, one | {"drug": "ketamine"}, {"kind": "stress"}]
    assert doses_in_words(events) == "escitalopram 10 mg oral, 2 doses; ketamine"


def test_a_dead_class_is_said_under_the_title(figure, by_hand):
    """Catches a network without inhibition that passes as a result in its picture, and words over the first panel."""
    dead = {"PV": Resting(0.0, float("nan"), float("nan"))}
    plot_chain(figure, by_hand(resting=dead))
    (words,) = (text for text in figure.texts if "silent at rest" in text.get_text())
    figure.canvas.draw()
    box, title = words.get_window_extent(), figure._suptitle.get_window_extent()
    assert figure.axes[0].get_window_extent().y1 <= box.y0 < box.y1 <= title.y0
