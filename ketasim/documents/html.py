"""HTML display of an object in a notebook: a heading, named parts, small tables. All text is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from math import isnan
from typing import Any


class Html(str):
    """Text that is already HTML."""

    __slots__ = ()


def page(title: str, *parts: tuple[str, Any]) -> str:
    """Return a heading followed by parts, each a name and a text or a `table`.

    Examples
    --------
    >>> page("a < b", ("state", "complete"))
    '<div><b>a &lt; b</b><div>state: complete</div></div>'
    """
    shown = "".join(f"<div>{escape(name)}: {_cell(content)}</div>" for name, content in parts)
    return f"<div><b>{escape(title)}</b>{shown}</div>"


def table(rows: Iterable[Sequence[Any]], header: Sequence[str] = ()) -> Html:
    """Return rows as a table; floats have six significant digits, NaN is left empty.

    Examples
    --------
    >>> table([("rate", 1 / 3)], ("name", "value"))
    '<table><tr><th>name</th><th>value</th></tr><tr><td>rate</td><td>0.333333</td></tr></table>'
    """
    lines = [f"<tr>{''.join(f'<th>{escape(title)}</th>' for title in header)}</tr>"] if header else []
    lines += [f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows]
    return Html(f"<table>{''.join(lines)}</table>") if len(lines) > bool(header) else Html("none")


def folded(title: str, content: Html) -> Html:
    """Return content that is shown once its title is clicked.

    Examples
    --------
    >>> folded("2 signals", Html("<table></table>"))
    '<details><summary>2 signals</summary><table></table></details>'
    """
    return Html(f"<details><summary>{escape(title)}</summary>{content}</details>")


def lines(texts: Iterable[str]) -> Html:
    """Return texts, one below the other.

    Examples
    --------
    >>> lines(["a", "b < c"])
    'a<br>b &lt; c'
    """
    return Html("<br>".join(map(escape, texts)))


def _cell(content: Any) -> str:
    if isinstance(content, Html):
        return content
    if isinstance(content, tuple):
        return ": ".join(_cell(item) for item in content)
    if isinstance(content, float):
        return "" if isnan(content) else f"{content:.6g}"
    return escape(str(content))
