"""Who reads what of whom, as an SVG: mechanisms and the network from left to right, signals as arrows.

An arrow goes from the mechanism that writes or scales signals to one that reads them; pointing at it shows their names.
Arrows back, which close loops, are dashed and run below.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from ketasim.engines import SpikingEngine
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.signals import BASELINE, SIGNALS, SLOPE

NETWORK = "network"
#: Where the chain begins, although block depends on how often the network opens its channels.
_PORE = "nmda_blockade"

_COLUMN, _ROW, _LETTER, _HEIGHT, _MARGIN = 190.0, 46.0, 7.2, 26.0, 24.0
_STYLE = """text{font:13px sans-serif;fill:#222}rect{fill:#eef3f7;stroke:#5d7285}
rect.off{fill:#fff;stroke-dasharray:4 3}
rect.network{fill:#fdf1d6;stroke:#b9770e}path{fill:none;stroke:#8a9aa8;stroke-width:1.3}path.back{stroke-dasharray:5 4;
stroke:#c08a8a}g.edge:hover path{stroke:#c0392b;stroke-width:3}g.edge text{display:none;font-size:12px;fill:#c0392b}
g.edge:hover text{display:inline}"""


class Edge(NamedTuple):
    """Signals that one node has from another."""

    source: str
    target: str
    signals: tuple[str, ...]


def wiring(mechanisms: Sequence[Mechanism] = ORDER) -> list[Edge]:
    """Return who reads which signals of whom, in the order of the mechanisms.

    A port that several scale has an edge from each of them. Inputs, which exposures set, have none.

    Examples
    --------
    >>> [edge.signals for edge in wiring() if edge.source == "trkb" and edge.target == "mtorc1"]
    [('trkb', 'trkb_slope')]
    """
    sources: dict[str, list[str]] = defaultdict(list)
    for one in mechanisms:
        for name in (*one.writes, *one.scales):
            sources[name].append(one.name)
    for name, signal in SIGNALS.items():
        if signal.kind == "network":
            sources[name].append(NETWORK)
    readers = {one.name: tuple(one.reads) for one in mechanisms} | {NETWORK: tuple(SpikingEngine.reads)}
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for target, names in readers.items():
        for name in names:
            of = name.removesuffix(SLOPE)
            for source in sources.get(of, sources.get(of.removesuffix(BASELINE), ())):
                if source != target:
                    found[source, target].append(name)
    return [Edge(*pair, tuple(dict.fromkeys(names))) for pair, names in found.items()]


def wiring_svg(mechanisms: Sequence[Mechanism] = ORDER) -> str:
    """Return the drawing as the text of an SVG file."""
    edges = wiring(mechanisms)
    names = _in_order(mechanisms, edges)
    place = _places(names, edges)
    width = max(x for x, _ in place.values()) + _COLUMN
    depth = max(y for _, y in place.values()) + _HEIGHT
    forward = {name: number for number, name in enumerate(names)}
    drawn = [_edge(edge, place, depth if forward[edge.source] > forward[edge.target] else None) for edge in edges]
    height = depth + 4.0 * _ROW
    off = {one.name for one in mechanisms if not one.by_default}
    boxes = [_box(name, place[name], off) for name in names]
    arrow = '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    arrow += '<path d="M0,0 8,4 0,8z" style="fill:#5d7285;stroke:none"/></marker>'
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>Mechanisms and their signals</title>",
    ]
    parts += [f"<style>{_STYLE}</style>", f"<defs>{arrow}</defs>", *drawn, *boxes, "</svg>"]
    return "\n".join(parts) + "\n"


def _in_order(mechanisms: Sequence[Mechanism], edges: Iterable[Edge]) -> list[str]:
    """Names from left to right: what the network does not move, the network, what it moves."""
    following: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.target != _PORE:
            following[edge.source].append(edge.target)
    moved, waiting = set[str](), [NETWORK]
    while waiting:
        fresh = [name for name in following[waiting.pop()] if name not in moved]
        moved.update(fresh)
        waiting += fresh
    names = [one.name for one in mechanisms]
    return [*(one for one in names if one not in moved), NETWORK, *(one for one in names if one in moved)]


def _places(names: Sequence[str], edges: Iterable[Edge]) -> dict[str, tuple[float, float]]:
    """Left end and middle of each box: columns by the longest way to it, rows so that arrows are short."""
    number = {name: place for place, name in enumerate(names)}
    before: dict[str, list[str]] = {name: [] for name in names}
    for edge in edges:
        if number[edge.source] < number[edge.target]:
            before[edge.target].append(edge.source)
    column: dict[str, int] = {}
    for name in names:
        column[name] = 1 + max((column[one] for one in before[name]), default=-1)
    columns = [[name for name in names if column[name] == one] for one in range(max(column.values()) + 1)]
    row: dict[str, float] = {}
    for members in columns:
        wanted = {name: sum(row[one] for one in before[name]) / max(1, len(before[name])) for name in members}
        for place, name in enumerate(sorted(members, key=wanted.__getitem__)):
            row[name] = place - 0.5 * (len(members) - 1)
    top = min(row.values())
    return {name: (_MARGIN + _COLUMN * column[name], _MARGIN + _HEIGHT + _ROW * (row[name] - top)) for name in names}


def _box(name: str, place: tuple[float, float], off: set[str]) -> str:
    kind = NETWORK if name == NETWORK else "off" if name in off else "on"
    x, y = place
    at = f'x="{x:.0f}" y="{y - 0.5 * _HEIGHT:.0f}" width="{_width(name):.0f}" height="{_HEIGHT:.0f}"'
    rect = f'<rect class="{kind}" {at} rx="5"/>'
    return f'<g>{rect}<text x="{x + 8:.0f}" y="{y + 5:.0f}">{escape(name)}</text></g>'


def _width(name: str) -> float:
    return 16.0 + _LETTER * len(name)


def _edge(edge: Edge, place: Mapping[str, tuple[float, float]], below: float | None) -> str:
    """Arrow with the names of its signals; below all boxes if it goes back."""
    (x0, y0), (x1, y1) = place[edge.source], place[edge.target]
    words = escape(", ".join(edge.signals))
    if below is None:
        x0 += _width(edge.source)
        bend = max(40.0, 0.5 * (x1 - x0))
        path = f"M{x0:.0f},{y0:.0f} C{x0 + bend:.0f},{y0:.0f} {x1 - bend:.0f},{y1:.0f} {x1:.0f},{y1:.0f}"
        at, kind = (0.5 * (x0 + x1), 0.5 * (y0 + y1) - 4.0), "on"
    else:
        x0, x1 = x0 + 0.5 * _width(edge.source), x1 + 0.5 * _width(edge.target)
        deep = below + _ROW + 0.06 * abs(x0 - x1)
        y0, y1 = y0 + 0.5 * _HEIGHT, y1 + 0.5 * _HEIGHT
        path = f"M{x0:.0f},{y0:.0f} C{x0:.0f},{deep:.0f} {x1:.0f},{deep:.0f} {x1:.0f},{y1:.0f}"
        at, kind = (0.5 * (x0 + x1), 0.25 * (y0 + y1) + 0.5 * deep), "back"
    title = f"<title>{escape(edge.source)} to {escape(edge.target)}: {words}</title>"
    label = f'<text x="{at[0]:.0f}" y="{at[1]:.0f}" text-anchor="middle">{words}</text>'
    return f'<g class="edge">{title}<path class="{kind}" d="{path}" marker-end="url(#tip)"/>{label}</g>'
