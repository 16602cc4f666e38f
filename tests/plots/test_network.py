"""The sheet: which edges are lost and new, how they are drawn, and the curves beside it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import LineCollection, PathCollection

from ketasim.plots import network, plot_network
from ketasim.plots.colours import FORMED, GREY, LOST
from ketasim.plots.network import Change, changes, read_start, sample_of, short_ways, survivors
from ketasim.plots.page import ADVICE


@pytest.fixture(scope="module")
def run(by_hand):
    return by_hand(turnover=True)


def replay(run, until=math.inf):
    """Edges of the start, edges at a time, and edges of the start that never died, as sets of pairs; slow."""
    topology, events = run.topology(), run.structure_events()
    n = topology.sizes["PYR"]
    pairs = zip(topology.source.tolist(), topology.target.tolist(), strict=True)
    start = {(source, target) for source, target in pairs if source < n and target < n}
    now, lasting = set(start), set(start)
    for time, kind, source, target in zip(*events[:4], strict=True):
        if time <= until:
            (now.add if kind == 0 else now.remove)((int(source), int(target)))
            if kind == 1:
                lasting.discard((int(source), int(target)))
    return start, now, lasting


def as_set(pairs):
    return {tuple(pair) for pair in pairs.tolist()}


@pytest.mark.parametrize("days", [0.0, 1.0, 4.2, 8.0])
def test_lost_and_new_edges(run, days):
    """Catches lost and new exchanged, an edge that came and went taken for new, and one that regrew taken for lost."""
    start, now, _ = replay(run, 86_400.0 * days)
    change = changes(read_start(run), run.topology(86_400.0 * days))
    assert as_set(change.lost) == start - now
    assert as_set(change.new) == now - start
    degree = [sum(target == node for _, target in now) for node in range(16)]
    assert change.in_degree.tolist() == degree


def test_survival_counts_each_edge_of_the_start_once(run):
    """Catches deaths of younger edges, second deaths, and edges that regrew taken for survivors."""
    hours, shares = survivors(read_start(run))
    assert (hours[0], shares[0]) == (0.0, 1.0)
    for days in (0.5, 1.0, 3.0, 8.0):
        start, now, lasting = replay(run, 86_400.0 * days)
        assert lasting < start & now or days < 2
        assert shares[hours <= 24.0 * days][-1] == pytest.approx(len(lasting) / len(start))


def inside(lines, period, steps=2000):
    """Whether points along lines lie within the sheet, (steps, lines)."""
    along = (np.arange(steps) + 0.5)[:, None, None] / steps
    points = lines[None, :, 0] + along * (lines[:, 1] - lines[:, 0])[None]
    return ((points > 0) & (points < period)).all(axis=-1)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0.001, 9.999), min_size=4, max_size=4))
def test_a_line_goes_the_short_way_around(place):
    """Catches lines across the whole sheet, halves that are missing on the other side, and ones drawn twice."""
    start, end, period = np.array([place[:2]]), np.array([place[2:]]), 10.0
    lines = short_ways(start, end, period)
    across = np.abs(end - start)[0]
    length = np.hypot(*np.minimum(across, period - across))
    seen = inside(lines, period)
    assert seen.sum() / 2000 == pytest.approx(1.0, abs=0.005)
    assert np.hypot(*(lines[:, 1] - lines[:, 0]).T) == pytest.approx(length)
    assert lines[0, 0] == pytest.approx(start[0])
    assert ((lines[:, 1] - end) % period).ravel() == pytest.approx(0.0, abs=1e-9) or np.allclose(
        (lines[:, 1] - end + 1.0) % period, 1.0
    )


def test_a_sheet_with_borders_has_one_straight_line_an_edge():
    """Catches a wrapped line in a graph of a user's own, whose places do not wrap around."""
    start, end = np.array([[0.0, 0.0], [5.0, 1.0]]), np.array([[9.0, 9.0], [5.0, 2.0]])
    assert np.array_equal(short_ways(start, end, math.inf), np.stack([start, end], axis=1))


def lines_of(figure, label):
    (found,) = (item for item in figure.axes[0].collections if item.get_label() == label)
    assert isinstance(found, LineCollection)
    return found


def test_only_edges_onto_the_ringed_neurons_are_drawn(figure, run, monkeypatch):
    """Catches a sample other than the one that the words state, lost edges drawn as new, and lines beyond the sheet."""
    monkeypatch.setattr(network, "_DRAWN_EDGES", 20)
    plot_network(figure, run)
    start, now, _ = replay(run)
    change = changes(read_start(run), run.topology(8 * 86_400))
    chosen = sample_of(change)
    sheet, position = figure.axes[0], run.topology().position
    assert 1 < chosen.size < 16
    scattered = (item for item in sheet.collections if isinstance(item, PathCollection))
    (ringed,) = (item for item in scattered if item.get_facecolor().size == 0)
    assert np.array(ringed.get_offsets()) == pytest.approx(position[chosen])
    words = f"{len(start - now)} lost, {len(now - start)} new; drawn: those onto {chosen.size} of 16 neurons (ringed)"
    assert sheet.get_title(loc="left").endswith(words)
    for label, pairs in (("lost", start - now), ("new", now - start)):
        expected = np.array([position[[source, target]] for source, target in pairs if target in chosen])
        side = network.side_of(21)
        drawn = lines_of(figure, label)
        assert len(drawn.get_segments()) == len(short_ways(expected[:, 0], expected[:, 1], side))
        begins = {tuple(np.round(segment[0] % side, 6)) for segment in drawn.get_segments()}
        assert begins == {tuple(point) for point in np.round(expected[:, 0], 6)}
        clip = drawn.get_clip_box().transformed(sheet.transData.inverted())
        assert clip.extents == pytest.approx([0.0, 0.0, side, side])


@pytest.mark.parametrize(("count", "drawn"), [(0, 800), (160, 800), (161, 795), (25_000, 5), (10_000_000, 1)])
def test_no_more_edges_than_can_be_told_apart(count, drawn):
    """Catches 25,000 lines that make a blot, a sample of nothing, and a sample where there is no need for one."""
    pairs = np.zeros((count, 2), int)
    chosen = sample_of(Change(pairs, pairs[:0], np.zeros(800, int)))
    assert chosen.size == np.unique(chosen).size == drawn
    assert 0 <= chosen.min() <= chosen.max() < 800


def bin_of(edges, hour):
    """Bin in which a step that ends at an hour lies."""
    (found,) = (i for i in range(len(edges) - 1) if edges[i] < hour <= edges[i + 1])
    return found


def test_the_curves_beside_the_sheet(figure, run):
    """Catches births under the name of deaths, events lost at the edges of bins, and rates per bin instead of a day."""
    plot_network(figure, run)
    _, turnover, lasting, degrees = figure.axes
    events = run.structure_events()
    before, _, never_died = replay(run)
    for label, kind in (("born", 0), ("lost", 1)):
        (patch,) = (patch for patch in turnover.patches if patch.get_label() == label)
        values, edges, _ = patch.get_data()
        counted = np.dot(values, np.diff(edges)) / 24.0 / 100.0 * len(before)
        assert counted == pytest.approx((events.kind == kind).sum())
        hours = np.unique(events.time[events.kind == kind]) / 3600.0
        assert np.flatnonzero(values).tolist() == [bin_of(edges, hour) for hour in hours]
        assert patch.get_edgecolor() == pytest.approx(rgba(FORMED if label == "born" else LOST))
    assert lasting.get_lines()[0].get_ydata()[-1] == pytest.approx(100.0 * len(never_died) / len(before))
    start, end = (patch.get_data().values.sum() for patch in degrees.patches)
    assert start == end == 16
    assert "8 d: " in degrees.get_legend().get_texts()[1].get_text()
    assert ADVICE in [text.get_text() for text in figure.texts]
    figure.canvas.draw()
    assert np.asarray(figure.canvas.buffer_rgba()).std() > 5.0


def test_a_time_within_the_run(figure, run):
    """Catches the end drawn for another time, and curves that do not show where it lies."""
    plot_network(figure, run, "4 d")
    start, now, _ = replay(run, 4 * 86_400.0)
    assert f"by 4 d {len(start - now)} lost, {len(now - start)} new" in figure.axes[0].get_title(loc="left")
    assert [list(axes.get_lines()[-1].get_xdata()) for axes in figure.axes[1:3]] == [[96.0, 96.0]] * 2


def test_a_vehicle_is_grey(figure, run, by_hand):
    """Catches a vehicle that is left out or takes the run's place."""
    plot_network(figure, run, vehicle=by_hand(turnover=True, seed=1))
    _, turnover, lasting, _ = figure.axes
    assert sum(patch.get_edgecolor() == pytest.approx(rgba(GREY)) for patch in turnover.patches) == 2
    assert [line.get_color() for line in lasting.get_lines()[:2]] == [GREY, "0.15"]
    assert len(turnover.get_legend().get_texts()) == 2


def rgba(colour):
    from matplotlib.colors import to_rgba

    return to_rgba(colour)


def test_a_run_whose_graph_stays(figure, by_hand):
    """Catches a picture that fails where synaptogenesis is off."""
    plot_network(figure, by_hand())
    assert figure.axes[0].get_title(loc="left").endswith("by 8 d none lost, none new")
    assert figure.axes[2].get_lines()[0].get_ydata() == pytest.approx(100.0)


def test_the_population_is_the_one_whose_edges_change(figure, by_hand):
    """Catches a picture of pyramidal cells only, where a network has none."""
    plot_network(figure, by_hand(sizes=(3, 2)))
    assert "synapses among PV at the start" in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize("turnover", [True, False])
def test_an_unfinished_run(figure, by_hand, turnover):
    """Catches a killed run that cannot be drawn up to where it came."""
    run = by_hand(turnover=turnover, finish=False)
    assert not run.complete
    plot_network(figure, run)
    assert f"by {'184 h' if turnover else '0'} " in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize(
    ("sizes", "time", "error", "words"),
    [
        ((16, 3, 2), "9 d", ValueError, "outside the run"),
        ((16, 3, 2), "nine days", ValueError, "nine days"),
    ],
)
def test_what_cannot_be_drawn(figure, by_hand, sizes, time, error, words):
    """Catches an empty sheet for a time after the run."""
    with pytest.raises(error, match=words):
        plot_network(figure, by_hand(sizes=sizes), time)


def test_a_run_without_network(figure):
    """Catches a message about files where the run had no network."""

    def topology():
        raise KeyError("the run had no network")

    with pytest.raises(KeyError, match="no network"):
        plot_network(figure, SimpleNamespace(topology=lambda _: topology(), begin=0.0))
