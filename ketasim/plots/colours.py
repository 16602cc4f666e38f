"""Colours: one for one meaning, in every panel of every picture."""

from typing import Any

#: Populations, in the order of the network.
POPULATIONS = ("#c0392b", "#2471a3", "#1e8449", "#7d3c98", "#b9770e", "#34495e")
#: Curves without a population, told apart by their dashes; a vehicle; doses and stimuli, as a shade.
BLACK, GREY, DOSE, STIMULUS = "0.15", "#9a9a9a", "#e8c547", "#8fa3ad"
#: Words of warning.
WARNING = "#a93226"
#: Spines and synapses formed, and lost.
FORMED, LOST = "#e67e22", "#6c3483"
#: Curves that share a panel, by label.
SIGNALS = {
    "BDNF": "#117864",
    "TrkB": "#2e4053",
    "p70S6K": "#c2185b",
    "synaptic protein": "#7f5f00",
    "surface AMPA": "#0097a7",
    "homeostatic scale": "#8c9a00",
    "inhibition": "#1a5fb4",
    "formation": FORMED,
    "elimination": LOST,
    "IL-6": "#d35400",
    "TNF-alpha": "#2c3e7a",
    "IL-1beta": "#16803c",
}
#: Other curves that share a panel, such as of signals of a user's own, by place.
_OTHERS = ("#5d4037", "#3949ab", "#00897b", "#ad1457", "#827717")


def colour_of(array: Any, label: Any) -> str | None:
    """Return the colour of a population, by its place in the network; None for other labels."""
    names = array["population"].values.tolist() if "population" in array.dims else []
    return POPULATIONS[names.index(label) % len(POPULATIONS)] if label in names else None


def colour_of_signal(label: str, place: int) -> str:
    """Return the colour of a curve beside those of other signals.

    >>> colour_of_signal("formation", 3) == FORMED
    True
    """
    return SIGNALS.get(label, _OTHERS[place % len(_OTHERS)])
