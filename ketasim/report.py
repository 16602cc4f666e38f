"""A run on one page of HTML that needs nothing else: no network, no script, no other file.

What was asked, what happened in words with errors, pictures, all numbers, mechanisms with where their numbers come from
and how sure they are, what lies outside published dosing, and how to repeat it. Every number is from the file; sources
and priors of parameters are those of the installed version. Numbers of drugs and of the network are not shown.
"""

import json
import os
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ketasim.analysis.citations import bibtex, citations
from ketasim.analysis.compare import compare
from ketasim.config.parameters import plain_mechanisms
from ketasim.documents import KetasimError, as_yaml, parse_quantity
from ketasim.documents.html import Html, folded, table
from ketasim.documents.units import in_words
from ketasim.mechanisms import ORDER, Mechanism
from ketasim.plots import page_figure, picture, plot_subject
from ketasim.plots.page import ADVICE, doses_in_words
from ketasim.sources import describe
from ketasim.storage.outputs import Kind, replaced
from ketasim.trajectory import Trajectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BEGIN = "<!doctype html><!-- a report of ketasim -->"
#: Above which a drawing is smaller, and sooner on the screen, as pixels.
_MOST_LETTERS = 800_000

_STYLE = """:root{color-scheme:light dark;--ink:#1d2730;--paper:#fff;--line:#d5dce2;--soft:#f3f6f8;--warn:#8a4b08}
@media(prefers-color-scheme:dark){:root{--ink:#e4eaee;--paper:#14191d;--line:#39444d;--soft:#1e262c;--warn:#f0b35a}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem;margin:0 auto;
padding:1rem}h1{line-height:1.2}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}.advice{color:var(--warn);
font-weight:600}table{border-collapse:collapse;font-size:.86rem}td,th{padding:.2rem .7rem .2rem 0;text-align:left;
vertical-align:top;border-bottom:1px solid var(--line)}.wide{overflow-x:auto}figure{margin:1rem 0;background:#fff;
border:1px solid var(--line);border-radius:6px;padding:.4rem}figure svg,figure img{width:100%;
height:auto}figcaption{color:#333;
font-size:.86rem}details{margin:.4rem 0}summary{cursor:pointer}pre{background:var(--soft);padding:.8rem;overflow-x:auto;
font-size:.82rem}.changed{font-weight:700}nav a{margin-right:1rem}li{margin:.2rem 0}
@media print{nav{display:none}details{display:block}figure{break-inside:avoid}}"""


def _is_ours(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_BEGIN)) == _BEGIN.encode()


_KIND = Kind("a report", _is_ours)


def write_report(
    trajectory: Trajectory, out: str | os.PathLike[str], vehicle: Trajectory | None = None, force: bool = False
) -> None:
    """Write the report of a run as one HTML file.

    Parameters
    ----------
    trajectory : Trajectory
        The run.
    out : str or os.PathLike
        Such as ``run.html``; its folder is created.
    vehicle : Trajectory, optional
        Run of the same experiment without the drug, drawn in grey and compared.
    force : bool
        Replace an earlier report; no other file is ever replaced.

    Raises
    ------
    OutputError
        The file exists.
    StorageError
        The file cannot be written.
    ComparisonError
        The vehicle is a run of another network or length.
    """
    reads = [run.path for run in (trajectory, vehicle) if run is not None]
    text = report(trajectory, vehicle)
    with replaced(out, _KIND, force, reads) as part, open(part, "w", encoding="utf-8") as file:
        file.write(text)


def report(trajectory: Trajectory, vehicle: Trajectory | None = None) -> str:
    """Return the page as text; arguments as of `write_report`."""
    name = str(trajectory.config["name"])
    sections = {
        "What was asked": _asked(trajectory),
        "What happened": _happened(trajectory),
        "Pictures": _pictures(trajectory, vehicle),
        "Against the vehicle": _against(trajectory, vehicle),
        "In numbers": _numbers(trajectory),
        "Mechanisms, and how sure they are": _mechanisms(trajectory),
        "What is unusual": _notes(trajectory),
        "Where it comes from": _provenance(trajectory),
    }
    shown = {title: content for title, content in sections.items() if content}
    links = " ".join(f'<a href="#{_anchor(title)}">{escape(title)}</a>' for title in shown)
    body = [f"<h1>{escape(name)}</h1>", f'<p class="advice">{ADVICE}</p>', f"<nav>{links}</nav>"]
    body += [f'<h2 id="{_anchor(title)}">{escape(title)}</h2>\n{content}' for title, content in shown.items()]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'{_BEGIN}\n<html lang="en"><head>{head}<title>{escape(name)}</title><style>{_STYLE}</style></head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _anchor(title: str) -> str:
    return "".join(letter for letter in title.lower() if letter.isalpha())


def _asked(trajectory: Trajectory) -> str:
    config = trajectory.config
    subject, network = config["subject"], config["network"]
    who = f"a {subject['species']} of {subject['weight']}"
    if subject.get("phenotype", "healthy") != "healthy":
        who += f", {subject['phenotype'].replace('_', ' ')}"
    what = "none: concentrations only"
    if isinstance(network, dict):
        what = f"{network['neurons']} neurons" if "neurons" in network else str(network.get("file", "a graph"))
    stimuli = [
        f"{one['kind'].replace('_', ' ')} from {in_words(one['start_s'])} for {in_words(one['duration_s'])}"
        for one in trajectory.events
        if one["kind"] != "dose"
    ]
    rows = [
        ("dose", doses_in_words(trajectory.events)),
        ("subject", who),
        ("network", what),
        ("watched", f"{in_words(parse_quantity(config['duration'], 's'))} from the first dose, seed {config['seed']}"),
        *(("stimulus", one) for one in stimuli),
    ]
    text = as_yaml(config)
    link = f'<a download="{escape(config["name"])}.yaml" href="data:text/yaml,{quote(text)}">as a file</a>'
    whole = folded("the experiment with everything filled in", Html(f"<p>{link}</p><pre>{escape(text)}</pre>"))
    return f"{table(rows)}{whole}"


def _happened(trajectory: Trajectory) -> str:
    from ketasim.analysis.words import closing_words

    return _list(closing_words(trajectory)) + f"<p>The run is {escape(trajectory.progress)}.</p>"


def _pictures(trajectory: Trajectory, vehicle: Trajectory | None) -> str:
    beside = ", the vehicle in grey" if vehicle is not None else ""
    chain = _figure(f"The chain from dose to synapses{beside}.", lambda: picture(trajectory, (), vehicle))
    subject = _figure(f"The subject{beside}.", lambda: plot_subject(page_figure(height=3.0), trajectory, vehicle))
    return chain + subject


def _figure(words: str, draw: "Callable[[], Figure]") -> str:
    """A drawing within the page, as SVG or, of thousands of points, as PNG; nothing if the run has nothing of it."""
    try:
        figure = draw()
    except KetasimError:
        return ""
    file, said = BytesIO(), escape(words)
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue().decode()
    drawing = text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{said}"', 1)
    if len(drawing) > _MOST_LETTERS:
        file = BytesIO()
        figure.savefig(file, format="png", dpi=130)
        drawing = f'<img alt="{said}" src="data:image/png;base64,{b64encode(file.getvalue()).decode()}">'
    return f"<figure>{drawing}<figcaption>{escape(words)}</figcaption></figure>"


def _against(trajectory: Trajectory, vehicle: Trajectory | None) -> str:
    if vehicle is None:
        return ""
    found = compare(trajectory, vehicle)
    told = found[~found["verdict"].isin(["same", "no error known", "only in the first", "only in the second"])]
    names = ["quantity", "population", "at", "statistic", "drug", "vehicle", "difference", "error", "unit", "verdict"]
    return _wide(table(told[names].values.tolist(), names)) + _list(found.attrs["notes"])


def _numbers(trajectory: Trajectory) -> str:
    summary = trajectory.summary
    rows = summary[["meaning", "value", "error", "unit"]].values.tolist()
    return str(folded(f"{len(rows)} numbers", Html(_wide(table(rows, ("what", "value", "error", "unit"))))))


def _mechanisms(trajectory: Trajectory) -> str:
    stored = json.loads(trajectory.provenance["parameters"])["mechanisms"]
    active = [one for one in ORDER if stored.get(one.name) not in (None, False)]
    rows = [row for one in active for row in describe(one.Parameters)]
    counted = Counter(row.status for row in rows if row.status)
    words = ", ".join(f"{number} {status}" for status, number in counted.most_common())
    off = [one.name for one in ORDER if stored.get(one.name) is False]
    parts = [f"<p>{len(rows)} numbers of {len(active)} mechanisms: {words}. Changed ones are in bold.</p>"]
    parts += [f"<p>Off: {escape(', '.join(off))}.</p>"] if off else []
    return "".join(parts + [_mechanism(one, stored[one.name]) for one in active])


def _mechanism(mechanism: Mechanism, stored: Any) -> str:
    usual = plain_mechanisms({mechanism.name: mechanism.Parameters()})[mechanism.name]
    ran, cells = stored if isinstance(stored, dict) else usual, []
    for row in describe(mechanism.Parameters):
        value = escape(str(ran.get(row.name, row.value)))
        changed = ran.get(row.name) != usual.get(row.name)
        shown = Html(f'<span class="changed">{value}</span>' if changed else value)
        cells.append((row.name, shown, "" if row.prior is None else str(row.prior), row.status, row.source))
    content = _wide(table(cells, ("parameter", "value", "prior", "status", "source"))) if cells else ""
    content += _list(mechanism.card.lines()) if mechanism.card is not None else ""
    return str(folded(f"{mechanism.name}: {mechanism.title}", Html(content or "no numbers of its own")))


def _notes(trajectory: Trajectory) -> str:
    return _list(trajectory.notes)


def _provenance(trajectory: Trajectory) -> str:
    made = json.loads(trajectory.provenance["environment"])
    attributes = trajectory.attributes
    rows = [
        ("ketasim", f"{attributes['ketasim_version']}, code {made.get('code', 'not stored')}"),
        ("made", str(attributes["created"])),
        ("content", f"SHA-256 {attributes.get('content_sha256', 'of an unfinished run')}"),
        *((name, made[name]) for name in ("python", "numpy", "scipy", "numba", "platform") if name in made),
    ]
    name = f"{trajectory.config['name']}.yaml"
    again = f"ketasim run {name}    # the file above; the same bits with the same versions on the same processor"
    if isinstance(network := trajectory.config["network"], dict) and "graph_sha256" in network:
        again = "ketasim.run(experiment, graph=...)    # or engine=...: its network was given in Python"
    cited = folded("what to cite, as BibTeX", Html(f"<pre>{escape(bibtex(citations(trajectory)))}</pre>"))
    return f"{table(rows)}<p>To repeat it:</p><pre>{escape(again)}</pre>{cited}"


def _wide(content: str) -> str:
    return f'<div class="wide">{content}</div>'


def _list(texts: Iterable[str] | Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""
