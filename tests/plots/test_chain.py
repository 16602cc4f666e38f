"""The picture: panels that belong to a run, and the numbers of its file."""

import numpy as np
import pytest

import ketasim
from ketasim.documents import KetasimError
from ketasim.plots import plot_chain, plot_signals
from ketasim.plots.page import ADVICE, GREY


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
        "brain (uM)",
        "firing rate (% of baseline)",
        "perisynaptic glutamate (%)",
        "ambient glutamate (nM)",
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
        assert line(right, name).get_ydata() == pytest.approx(100 * small_run["nmda_block"].values[:, index])
        after = small_run["firing_rate"].sel(population=name)
        baseline = small_run.summary[f"firing_rate_{name}_baseline"]
        curve = line(rates, f"{name} (100 % is {baseline:.2f} Hz)")
        assert curve.get_ydata() == pytest.approx(100 / baseline * after.values[after["time"] >= 0])
    assert brain.get_shared_x_axes().joined(brain, plasma)


def test_the_peak_is_that_of_the_summary(figure, small_run):
    """Catches a picture that tells another peak than the closing words; baselines stand in the legend, see above."""
    plot_chain(figure, small_run)
    (note,) = figure.axes[0].texts
    assert note.get_text() == f"{small_run.summary['plasma_ketamine_peak']:.0f} ng/mL"
    assert note.xy[0] * 3600 == pytest.approx(small_run.summary["plasma_ketamine_peak_time"])


def test_vehicle_is_drawn_in_grey(figure, small, small_run):
    """Catches a vehicle that is not drawn, or cannot be told from the drug."""
    saline = ketasim.run(small(doses=[{"drug": "saline", "route": "intravenous", "duration": "10 min"}]))
    plot_chain(figure, small_run, saline)
    grey = [line for line in figure.axes[2].get_lines() if line.get_color() == GREY]
    after = saline["firing_rate"]["time"].values >= 0
    rates = saline["firing_rate"].values[after]
    baselines = [saline.summary[f"firing_rate_{name}_baseline"] for name in ("PYR", "PV", "SST")]
    assert np.array([line.get_ydata() for line in grey]) == pytest.approx(100 * (rates / baselines).T)


DRUG = ["plasma", "brain"]
NETWORK = ["firing rate", "perisynaptic", "ambient", "signalling", "synapses on PYR", "spine density", "spines a day"]


@pytest.mark.parametrize(
    ("changes", "panels"),
    [
        ({"network": "none"}, ["plasma"]),
        ({"mechanisms": {"nmda_blockade": "off"}}, ["plasma", *NETWORK]),
        ({"mechanisms": {"pharmacokinetics": "off"}}, NETWORK),
        ({"doses": [{"drug": "saline", "route": "intravenous"}]}, NETWORK),
        ({"doses": []}, NETWORK),
        ({"mechanisms": {"synaptogenesis": "off"}}, DRUG + NETWORK[:5]),
        ({"mechanisms": dict.fromkeys(("bdnf", "trkb", "mtorc1"), "off")}, DRUG + NETWORK[:3] + NETWORK[4:]),
        ({"duration": "3 d", "network": "none", "schedule": {"step": "auto"}}, ["plasma"]),
    ],
)
def test_a_run_without_some_signals_is_drawn_without_their_panels(figure, small, changes, panels):
    """Catches a picture that fails, or an empty panel, for what a run does not have."""
    plot_chain(figure, ketasim.run(small(**changes)))
    drawn = [label for label in labels(figure) if not label.startswith("NMDA")]
    assert len(drawn) == len(panels)
    assert all(label.startswith(start) for label, start in zip(drawn, panels, strict=True))
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
