"""One colour for one meaning."""

from matplotlib.colors import to_hex

from ketasim.plots.colours import BLACK, DOSE, FORMED, GREY, LOST, POPULATIONS, SIGNALS, colour_of_signal
from ketasim.signals import SIGNALS as TABLE


def test_each_colour_has_one_meaning():
    """Catches two signals, a class or the vehicle in one colour."""
    meanings = [*SIGNALS.values(), *POPULATIONS[:3], BLACK, GREY, DOSE]
    assert len({to_hex(colour) for colour in meanings}) == len(meanings)


def test_signals_that_share_a_panel_have_a_colour():
    """Catches a signal of ketasim's, or one renamed, whose colour depends on what else is drawn."""
    shown = [row.shown for row in TABLE.values() if row.shown is not None]
    headings = [one.panel for one in shown]
    shared = {one.label for one in shown if headings.count(one.panel) > 1}
    assert shared == set(SIGNALS)
    assert (colour_of_signal("formation", 0), colour_of_signal("elimination", 0)) == (FORMED, LOST)
    assert colour_of_signal("mine", 0) != colour_of_signal("mine", 1)
