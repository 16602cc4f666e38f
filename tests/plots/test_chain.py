"""The picture: panels that belong to a run, and the numbers of its file."""

from typing import NamedTuple

import numpy as np
import pytest

import ketasim
from ketasim.analysis.summary import signals_of
from ketasim.documents import KetasimError
from ketasim.mechanisms import Mechanism
from ketasim.plots import plot_chain, plot_signals
from ketasim.plots.chain import panels
from ketasim.plots.page import ADVICE, GREY
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
    curve = line(plasma, "ketamine")
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
    (note,) = figure.axes[0].texts
    table, key = small_run.summary, ("plasma_concentration", "ketamine", "")
    assert note.get_text() == f"{ketasim.value_of(table, *key, 'peak'):.0f} ng/mL"
    assert note.xy[0] * 3600 == pytest.approx(ketasim.value_of(table, *key, "time_of_peak"))


def test_the_peak_of_a_score_is_in_the_unit_drawn(figure, small):
    """Catches a peak noted, and placed, in the signal's own unit beside a curve in per cent."""

    class Parameters(NamedTuple):
        """None."""

    def advance(brain_concentration, sedation, parameters, clock):
        sedation[...] = brain_concentration.sum() / (1.0 + brain_concentration.sum())

    row = Signal(
        "sedation", "1", (), "state", 0.0, "a score", True, summary="peak", shown=Shown("sedation", "", 100.0, "%")
    )
    own = Mechanism("own", Parameters, advance, reads=("brain_concentration",), writes=("sedation",), signals=(row,))
    plot_chain(figure, ketasim.run(small(network="none"), mechanisms=[own]))
    (axes,) = (axes for axes in figure.axes if axes.get_ylabel().startswith("sedation"))
    (note,), (curve,) = axes.texts, axes.get_lines()
    assert note.xy[1] == pytest.approx(curve.get_ydata().max()) and note.get_text() == f"{note.xy[1]:.3g} %"


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
    plot_signals(figure, by_hand({"bdnf": rising(0.02)}), ["bdnf"], by_hand({"bdnf": rising(0.01)}))
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


NAMES = {
    "signalling, PYR (% of baseline)": ("trkb", "bdnf", "p70s6k"),
    "synapses, PYR (% of baseline)": ("surface_ampa", "synaptic_protein", "homeostatic_scale"),
    "spine density, PYR (% of baseline)": ("spine_density",),
    "spine turnover, PYR (% per day, 6 h means)": ("spine_formation_rate", "spine_elimination_rate"),
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


@pytest.mark.parametrize(("slope", "low", "high"), [(0.0, 95.0, 105.0), (0.001, 95.0, 105.0), (-0.05, 60.0, 105.0)])
def test_noise_is_not_blown_up(figure, by_hand, slope, low, high):
    """Catches a change of a tenth of a per cent that fills the panel, and a large one that is cut off."""
    plot_chain(figure, by_hand({"spine_density": rising(slope)}))
    bottom, top = figure.axes[0].get_ylim()
    assert bottom <= low
    assert top >= high
    assert top - bottom < 1.3 * (high - low)


def test_turnover_is_the_mean_of_the_rates(figure, by_hand):
    """Catches rates as fractions, formation and elimination exchanged, and the length of the mean left unsaid."""
    run = by_hand({"spine_formation_rate": lambda t: 0.03 + 0 * t, "spine_elimination_rate": lambda t: 0.02 + 0 * t})
    plot_chain(figure, run)
    axes = figure.axes[0]
    drawn = {patch.get_label(): patch.get_data().values for patch in axes.patches if hasattr(patch, "get_data")}
    assert drawn["formation"] == pytest.approx([3.0] * 32)
    assert drawn["elimination"] == pytest.approx([2.0] * 32)
    assert axes.get_ylabel().endswith("6 h means)")
    low, high = axes.get_ylim()
    assert (low, high) == (pytest.approx(1.95, abs=0.06), pytest.approx(3.25, abs=0.06))


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
    assert list(axes) == ["membrane, PYR (mV)", "alone, PYR (1)", "gate, PYR (1)"]
    assert curve(axes["membrane, PYR (mV)"], "one").get_ydata()[-1] == pytest.approx(5000.0)
    assert axes["gate, PYR (1)"].bbox.bounds == axes["membrane, PYR (mV)"].bbox.bounds
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


@pytest.mark.parametrize(("doses", "scale"), [([0], "symlog"), ([0, 7_200], "symlog"), ([0, 172_800], "linear")])
def test_doses_over_days_make_the_axis_linear(figure, by_hand, doses, scale):
    """Catches later infusions pressed together by the logarithm, and a first hour lost where there is one dose."""
    plot_chain(figure, by_hand({"bdnf": rising(0.01)}, doses=doses))
    (axes,) = figure.axes
    assert axes.get_xscale() == scale
    assert axes.get_xlim()[1] >= 192.0
    assert ("logarithmic" in axes.get_xlabel()) == (scale == "symlog")
