"""Factors on the conductances of class pairs, as graphs and files state them.

Conductances of the default circuit are stated for its in-degrees at one size and scaled to those of another. Weights do
not hold these factors, so graphs and files made from it state them beside the edges.
"""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from reprlib import repr as short
from typing import Any, NamedTuple

from ketasim.documents.nearest import did_you_mean
from ketasim.documents.problems import Place, Problem
from ketasim.network.topology import MOST_WEIGHT

#: Attribute of a SONATA group of edges; of a graph with the class pair after it, ``conductance_scale_PYR__PV``.
NAME = "conductance_scale"


class StatedFactor(NamedTuple):
    """A factor before it is checked.

    Attributes
    ----------
    where : (Place or None, str)
        What names it in messages.
    source, target : str
        Labels of the classes.
    value : Any
        The factor.
    """

    where: tuple[Place | None, str]
    source: str
    target: str
    value: Any


def graph_attributes(scale: Mapping[tuple[str, str], float] | None) -> dict[str, float]:
    """Return factors as attributes of a graph: plain numbers, which every format of networkx can hold.

    >>> graph_attributes({("PYR", "PV"): 2.5})
    {'conductance_scale_PYR__PV': 2.5}
    """
    return {f"{NAME}_{source}__{target}": factor for (source, target), factor in (scale or {}).items()}


def stated_by(
    attributes: Mapping[Any, Any], where: Callable[[str], tuple[Place | None, str]]
) -> tuple[StatedFactor, ...]:
    """Find the factors among the attributes of a graph; `where` names an attribute."""
    pairs = {
        name: name.removeprefix(f"{NAME}_").partition("__")
        for name in attributes
        if isinstance(name, str) and name.startswith(f"{NAME}_")
    }
    return tuple(StatedFactor(where(name), pair[0], pair[2], attributes[name]) for name, pair in pairs.items())


def checked(
    stated: Sequence[StatedFactor], known: Sequence[str], classes: Mapping[str, str | None], problems: list[Problem]
) -> dict[tuple[str, str], float]:
    """Return the factors by class pair, in the order of `known`.

    Parameters
    ----------
    stated : sequence of StatedFactor
        What the source states.
    known : sequence of str
        Allowed populations.
    classes : mapping of str to (str or None)
        Label in the source -> population; factors of labels that are left out are, too.
    problems : list of Problem
        Values and names that are not valid are added here.
    """
    found: dict[tuple[str, str], float] = {}
    for where, *labels, value in stated:
        names = [classes.get(label, label) for label in labels]
        wrong = next((name for name in names if name is not None and name not in known), None)
        if wrong is not None:
            message = f"unknown population {short(wrong)}; allowed: {', '.join(known)}{did_you_mean(wrong, known)}"
            problems.append(Problem(*where, message))
        elif not issubclass(type(value), Real) or isinstance(value, bool) or not 0.0 <= value <= MOST_WEIGHT:
            message = f"{short(value)} must be a number from 0 to {MOST_WEIGHT:g}, a factor on conductances"
            problems.append(Problem(*where, message))
        elif None not in names and found.setdefault((str(names[0]), str(names[1])), float(value)) != value:
            problems.append(Problem(*where, "`classes` makes one pair of several whose conductances differ in scale"))
    return {(one, other): found[one, other] for one in known for other in known if (one, other) in found}
