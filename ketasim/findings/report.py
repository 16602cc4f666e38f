"""The scores of findings as one HTML page: failures first, predictions apart from calibration, a small figure each."""

from collections.abc import Mapping
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np

from ketasim import __version__
from ketasim.findings.finding import Finding
from ketasim.findings.score import INSIDE, OPEN, OUTSIDE, REPORTED

if TYPE_CHECKING:
    import pandas

#: Roles in the order in which they are shown; what is read back is not counted.
ROLES = {"prediction": "Predictions", "calibration": "Calibration", "input": "Numbers that the model is given"}

_ORDER = {OUTSIDE: 0, OPEN: 1, INSIDE: 2, REPORTED: 3}
_COLOURS = {OUTSIDE: "#c0392b", OPEN: "#b9770e", INSIDE: "#1e8449", REPORTED: "#555"}

_STYLE = """body{font:15px/1.4 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}td,th{padding:.2em .8em .2em 0;
text-align:left;vertical-align:top}h3{margin:1.4em 0 .2em}.outside{color:#c0392b}.open{color:#b9770e}
.inside{color:#1e8449}svg{vertical-align:middle}small{color:#555}"""


def counts(scores: "pandas.DataFrame") -> dict[str, dict[str, int]]:
    """Return how many predictions and calibration findings have which verdict.

    That of a finding is that of the worst of its numbers; of numbers with the same `one_of` the best one counts.
    """
    found = {}
    for role in ("prediction", "calibration"):
        verdicts = [_verdict(rows) for _, rows in scores[scores["role"] == role].groupby("finding")]
        found[role] = {verdict: verdicts.count(verdict) for verdict in _ORDER}
    return found


def _verdict(rows: "pandas.DataFrame") -> str:
    alone = rows["one_of"] == ""
    verdicts = rows.loc[alone, "verdict"].tolist()
    for _, together in rows[~alone].groupby("one_of"):
        verdicts.append(max(together["verdict"], key=_ORDER.__getitem__))
    return min(verdicts, key=_ORDER.__getitem__)


def in_order(scores: "pandas.DataFrame") -> "pandas.DataFrame":
    """Return the rows with predictions first, and of each role those outside first."""
    roles = {role: place for place, role in enumerate(ROLES)}
    keys = scores.assign(_role=scores["role"].map(roles), _verdict=scores["verdict"].map(_ORDER))
    order = keys.sort_values(["_role", "_verdict"], kind="stable").index
    return scores.loc[order]


def report(scores: "pandas.DataFrame", findings: Mapping[str, Finding], note: str = "") -> str:
    """Return the page.

    Parameters
    ----------
    scores : pandas.DataFrame
        As of `score_findings`.
    findings : mapping of str to Finding
        By id.
    note : str
        What is said about this run, such as reduced sizes.
    """
    parts = ["<h1>Findings</h1>", "<p>A research and teaching model; not medical advice.</p>"]
    parts.append(f"<p>ketasim {escape(__version__)}. {escape(note)}</p>" if note else f"<p>ketasim {__version__}.</p>")
    head = "".join(f"<th>{verdict}</th>" for verdict in _ORDER)
    lines = [f"<tr><th>findings</th>{head}</tr>"]
    for role, of_role in counts(scores).items():
        cells = "".join(f"<td>{number}</td>" for number in of_role.values())
        lines.append(f"<tr><td>{ROLES[role]}</td>{cells}</tr>")
    parts.append(f"<table>{''.join(lines)}</table>")
    for role, title in ROLES.items():
        of_role = in_order(scores[scores["role"] == role])
        parts.append(f"<h2>{title}</h2>" if len(of_role) else "")
        for identifier in dict.fromkeys(of_role["finding"]):
            rows = of_role[of_role["finding"] == identifier].to_dict("records")
            parts.append(_section(findings[identifier], rows))
    body = "\n".join(parts)
    return f'<!doctype html><meta charset="utf-8"><title>Findings</title><style>{_STYLE}</style>\n{body}\n'


def range_in_words(least: float, most: float) -> str:
    """Return a published range in words, of which an end may be open.

    Examples
    --------
    >>> range_in_words(0.85, 1.15), range_in_words(1.5, float("inf")), range_in_words(float("-inf"), 0.25)
    ('0.85 to 1.15', 'at least 1.5', 'at most 0.25')
    """
    if np.isinf(least) or np.isinf(most):
        ends = {"at least": least, "at most": most}
        return "".join(f"{words} {end:g}" for words, end in ends.items() if np.isfinite(end))
    return f"{least:g} to {most:g}"


def _section(finding: Finding, rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        error = " (one run)" if np.isnan(row["error"]) else f" ± {row['error']:.2g}" if row["error"] else ""
        shown = f"{row['value']:.3g}{error} {row['unit']}"
        band = f"{range_in_words(row['least'], row['most'])} {row['unit']}" if row["verdict"] != REPORTED else ""
        verdict = f'<b class="{row["verdict"].split()[0].replace("not", "open")}">{row["verdict"]}</b>'
        said = escape(row["published"] + (f" (one of: {row['one_of']})" if row["one_of"] else ""))
        cells = (escape(row["number"]), escape(shown), escape(band), said, verdict, _figure(row))
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{title}</th>" for title in ("number", "model", "range", "published", "verdict", ""))
    why = f" Calibration because: {finding.why_calibration}." if finding.why_calibration else ""
    words = f"{finding.source} ({finding.status}). Would fail if {finding.fails_if}.{why}"
    table = f"<table><tr>{head}</tr>{''.join(lines)}</table>"
    return f"<h3>{escape(finding.id)}: {escape(finding.title)}</h3><small>{escape(words)}</small>{table}"


def _figure(row: Mapping[str, Any]) -> str:
    """Return a line with the published range in grey, and the value with its interval."""
    ends = [row[name] for name in ("least", "most", "low", "high", "value") if np.isfinite(row[name])]
    if not np.isfinite(row["value"]):
        return ""
    low, high = min(ends), max(ends)
    margin = 0.15 * (high - low) or 0.1 * abs(high) or 1.0
    low, high = low - margin, high + margin
    width, out = 160.0, StringIO()

    def place(value: float) -> float:
        return float(np.clip((value - low) / (high - low), 0.0, 1.0)) * width

    begin, end = place(row["least"]), place(row["most"])
    colour = _COLOURS[row["verdict"]]
    out.write(f'<svg width="{width:g}" height="16" role="img" aria-label="{row["value"]:.3g}">')
    out.write(f'<rect x="{begin:.1f}" y="2" width="{max(1.0, end - begin):.1f}" height="12" fill="#ddd"/>')
    interval = (place(row["low"]), place(row["high"]))
    out.write(f'<line x1="{interval[0]:.1f}" x2="{interval[1]:.1f}" y1="8" y2="8" stroke="{colour}" stroke-width="2"/>')
    out.write(f'<circle cx="{place(row["value"]):.1f}" cy="8" r="3.5" fill="{colour}"/></svg>')
    return out.getvalue()
