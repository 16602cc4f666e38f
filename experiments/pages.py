"""Tables of the docs, made of the stored ones and written between a page's markers.

    python experiments/pages.py

A page has a place for each table, ``<!-- NAME -->`` to ``<!-- end -->``; storing a table fills it.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas

from ketasim.findings import load_findings
from ketasim.findings.report import range_in_words
from ketasim.mechanisms import ORDER

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
CARDS = ROOT / "docs" / "cards.md"

#: Words of a cell, from the rows of the stored table that it shows.
Cell = Callable[[pandas.DataFrame], str]


#: Parts of names of signals that are written in another way in figures.
_WRITTEN = {"ampa": "AMPA", "bdnf": "BDNF", "eef2": "eEF2", "hnk": "HNK", "nmda": "NMDA", "p70s6k": "p70S6K"}
_WRITTEN |= {"pv": "PV", "pyr": "PYR", "sst": "SST"}


class Layout(NamedTuple):
    """How a stored table is shown.

    Attributes
    ----------
    page : str
        Path from the root of the repository.
    rows, columns : sequence of str
        Columns of the stored table whose values name rows and columns of the page.
    cell : callable
        Words of a cell.
    only : str, optional
        Which rows of the stored table are shown, as of `pandas.DataFrame.query`.
    head : str
        Format of the name of a column.
    """

    page: str
    rows: Sequence[str]
    columns: Sequence[str]
    cell: Cell
    only: str = ""
    head: str = "{}"

    def markdown(self, found: pandas.DataFrame) -> str:
        """Return the table as Markdown; a combination that was not stored is blank."""
        found = found.query(self.only) if self.only else found
        named = [*self.rows, *self.columns]
        found = found.assign(
            **{name: found[name].fillna("") for name in named}
        )  # such as the range of a number without one
        keys = [*found[[*self.columns]].drop_duplicates().itertuples(index=False, name=None)]
        groups = {key: group for key, group in found.groupby(named, sort=False)}
        lines = [
            [*(_words(name) for name in self.rows), *(self.head.format(" ".join(map(_words, key))) for key in keys)]
        ]
        lines.append(["---"] * len(lines[0]))
        for row in found[[*self.rows]].drop_duplicates().itertuples(index=False, name=None):
            cells = [self.cell(groups[*row, *key]) if (*row, *key) in groups else "" for key in keys]
            lines.append([*(_words(part) for part in row), *cells])
        return _joined(lines)


class Listing(NamedTuple):
    """A stored table shown row by row.

    Attributes
    ----------
    page : str
        Path from the root of the repository.
    columns : dict of str to str or callable
        Heading -> format of the row, such as ``{mean:+.2f} ± {standard_error:.2f}``, or what makes words of the row.
    only : str, optional
        As of `Layout`.
    """

    page: str
    columns: dict[str, str | Callable[[dict[str, Any]], str]]
    only: str = ""

    def markdown(self, found: pandas.DataFrame) -> str:
        """Return the table as Markdown."""
        found = found.query(self.only) if self.only else found
        lines = [[*self.columns], ["---"] * len(self.columns)]
        for row in found.to_dict("records"):
            named = {name: _words(value) if isinstance(value, str) else value for name, value in row.items()}
            lines.append([one(row) if callable(one) else one.format(**named) for one in self.columns.values()])
        return _joined(lines)


def _joined(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return f"`{value}`" if re.fullmatch(r"\w+\.\w+", str(value)) else in_words(str(value))  # a parameter's name


def in_words(signal: str) -> str:
    """Return the name of a signal as figures show it.

    >>> in_words("surface_ampa")
    'surface AMPA'
    """
    return " ".join(_WRITTEN.get(word, word) for word in signal.split("_"))


def with_error(value: str, error: str, digits: int = 2, sign: str = "+") -> Cell:
    """Return a cell of two columns, such as ``+1.27 ± 0.09``; empty without a number."""

    def cell(rows: pandas.DataFrame) -> str:
        row = _only(rows)
        if pandas.isna(row[value]):
            return ""
        number = f"{row[value]:{sign}.{digits}f}"
        return number if pandas.isna(row[error]) else f"{number} ± {row[error]:.{digits}f}"

    return cell


def _only(rows: pandas.DataFrame) -> dict[str, Any]:
    (row,) = rows.to_dict("records")
    return row


def _number(name: str) -> Callable[[dict[str, Any]], str]:
    """Return what makes words of a number of a row; empty without one."""
    return lambda row: "" if pandas.isna(row[name]) else f"{row[name]:.3g}"


def _course(rows: pandas.DataFrame) -> str:
    """A change of the MADRS with its 90 % range, in italics that from placebo."""
    row = _only(rows)
    change = f"{row['change']:+.1f} ({row['change_low']:.0f} to {row['change_high']:.0f})"
    apart = f"*{row['from_placebo']:+.1f} ({row['from_placebo_low']:.0f} to {row['from_placebo_high']:.0f})*"
    return change if row["arm"] == "placebo" else f"{change}, {apart}"


def _range(name: str, words: str) -> Callable[[dict[str, Any]], str]:
    """Return what makes words of a median with the lowest and highest value; empty without one."""

    def of(row: dict[str, Any]) -> str:
        middle, least, most = (words.format(row[f"{name}_{one}"]) for one in ("median", "min", "max"))
        if pandas.isna(row[f"{name}_median"]):
            return ""
        return middle if least == most else f"{middle} ({least} to {most})"

    return of


#: Numbers of a set of compartments, clearance and flows last.
_OF_A_SET = ("V1", "V2", "V3", "CL", "Q2", "Q3")


def _measured(row: dict[str, Any]) -> str:
    """Words of a number, without an error where there is no chance."""
    number, error = f"{row['value']:.3g}", f"{row['error']:.2g}"
    if float(error) < 1e-3 * abs(row["value"]):
        error = ""
    return f"{number} ± {error}".removesuffix(" ± ") + ("" if pandas.isna(row["unit"]) else f" {row['unit']}")


def _judged(rows: pandas.DataFrame) -> str:
    """A number with its error, in bold if it is inside the published range, in italics if that is open."""
    row = _only(rows)
    mark = {"inside": "**", "not distinguishable": "*"}.get(row["verdict"], "")
    return f"{mark}{_measured(row)}{mark}"


def _titled(row: dict[str, Any]) -> str:
    """Words of which finding it is."""
    return f"{row['finding']} {load_findings()[row['finding']].title}"


def _hangs_on(row: dict[str, Any]) -> str:
    """Words of the numbers with which an effect is correlated, with the rank correlation."""
    pairs = [(row.get(f"number_{place}"), row.get(f"correlation_{place}")) for place in (1, 2, 3)]
    return ", ".join(f"{name} {value:+.2f}" for name, value in pairs if isinstance(name, str)) or "none alone"


def _spread(rows: pandas.DataFrame) -> str:
    row = _only(rows)
    return (
        f"{row['difference']:+.2f} ± {row['standard_error']:.2f}, {row['in_one_run']:.2f} ({row['between_seeds']:.2f})"
    )


def _direct_and_estimate(rows: pandas.DataFrame) -> str:
    row = _only(rows)
    return ", ".join(f"{row[name]:+.2f} ± {row[f'{name}_error']:.2f}" for name in ("direct", "estimate"))


def _spread_and_stated(rows: pandas.DataFrame) -> str:
    row = _only(rows)
    return f"{row['spread_over_seeds_percent']:.2f}, {row['stated_if_independent_percent']:.2f}"


def _change_spread_stated(rows: pandas.DataFrame) -> str:
    return f"{_only(rows)['change_percent']:+.2f}, {_spread_and_stated(rows)}"


def _peak_at(rows: pandas.DataFrame) -> str:
    row = _only(rows)
    return f"{row['peak_percent']:+.2f} ± {row['standard_error']:.2f} at {row['hours_to_peak']:.1f} h"


def _against_vehicle(rows: pandas.DataFrame) -> str:
    """Hours for a time, else per cent; for weight sets the share that goes up as well."""
    row = _only(rows)
    if row["quantity"].endswith("_time"):
        return f"{row['change']:.2f} ± {row['standard_error']:.2f}"
    text = f"{100 * row['change']:+.2f} ± {100 * row['standard_error']:.2f}"
    return f"{text} ({row['share_up']:.0%})" if "sets" in row["variant"] else text


def _fit(rows: pandas.DataFrame) -> str:
    row = _only(rows)
    outside = "" if row["inside"] == "yes" else " **out**"
    return f"{row['mean']:.3f} ({row['spread']:.3f}){outside}"


_CHANGE = with_error("change_percent", "standard_error")
_PERCENT = with_error("change_percent", "standard_error_percent")

#: Name of the place, that of an experiment and perhaps more after a colon -> layout.
LAYOUTS: dict[str, Layout | Listing] = {
    "headline": Listing(
        "README.md",
        {
            "species": "{species}",
            "number": "{number}",
            "default circuit, %": "{default:+.1f}",
            "median of circuits, %": "{median:+.1f}",
            "5-95 % of circuits, %": "{5 %:+.1f} to {95 %:+.1f}",
            "up in": "{share_up:.0%} of circuits",
        },
    ),
    "fit_disposition": Listing(
        "docs/drugs.md",
        {
            "set": "{set}",
            **{
                f"{name}, {unit}": _number(name)
                for name, unit in zip(_OF_A_SET, ("L",) * 3 + ("L/h",) * 3, strict=True)
            },
            "A1: volume, L": _number("A1_volume"),
            "A2: 35 mg over 40 min, ng/mL": _number("A2"),
            "A4: 5 mg over 30 min": _number("A4"),
            "A10: 2 min after 10 mg": _number("A10"),
        },
    ),
    "exposures": Listing(
        "docs/drugs.md",
        {
            "drug": "{drug}",
            "species": "{species}",
            "dose": "{dose}",
            "quantity": "{quantity}",
            "predicted": "{predicted:.3g}",
            "published": "{published}",
            "source": "{source}",
            "used": "{used}",
        },
    ),
    "findings": Listing(
        "docs/findings.md",
        {
            "finding": _titled,
            "role": "{role}",
            "number": "{number}",
            "model": _measured,
            "range": lambda row: range_in_words(row["least"], row["most"]),
            "verdict": "{verdict}",
        },
        "role != 'input'",
    ),
    "second_pass": Layout("docs/second_pass.md", ("role", "finding", "number", "range"), ("step",), _judged),
    "conclusions": Listing(
        "docs/conclusions.md",
        {
            "conclusion": "{conclusion}",
            "holds": "{holds:.0%} ({low:.0%} to {high:.0%}) of {draws}",
            "with rest in C0": "{holds_resting:.0%} of {draws_resting}",
            "median effect, %": "{median_effect:+.0f}",
            "by circuit": "{circuit_share:.0%}",
            "hangs on": _hangs_on,
        },
    ),
    "hypotheses": Layout(
        "docs/conclusions.md",
        ("hypothesis",),
        ("quantity",),
        with_error("change_percent", "standard_error", digits=1),
        "circuits == 'sets'",
    ),
    "nmda_over_ampa": Listing(
        "docs/network_choice.md",
        {
            "share that follows PYR": "{share:g}",
            "class": "{class}",
            "up": "{up} of {sets}",
            "down": "{down} of {sets}",
            "median change, %": "{median_change_percent:+.1f}",
            "ran away": "{ran_away}",
        },
    ),
    "gamma_band": Layout("docs/second_pass.md", ("set",), ("band",), with_error("change_percent", "standard_error", 1)),
    "cortical_afferents": Layout(
        "docs/model.md",
        ("circuits", "dose", "share"),
        ("quantity",),
        with_error("change_percent", "standard_error", 1),
        "interval == '10-60 min'",
    ),
    "infusion_against_vehicle": Layout("docs/model.md", ("quantity", "population"), ("arm",), _PERCENT),
    "dose_response": Layout("docs/model.md", ("dose",), ("population", "quantity"), _PERCENT),
    "circuit_controls": Layout(
        "docs/model.md",
        ("arm", "concentration_uM"),
        ("quantity",),
        with_error("mean", "standard_error"),
        "quantity in ['rate of PYR, %', 'rate of PV, %', 'rate of SST, %', 'release onto PYR, %']",
    ),
    "persistent_activity": Layout(
        "docs/model.md", ("neurons", "unblocked"), ("quantity",), with_error("mean", "standard_error", sign="")
    ),
    "scaling_on_and_off": Layout("docs/synapses.md", ("arm", "signal"), ("hours",), _CHANGE, head="{} h"),
    "one_dose_or_six": Layout("docs/synapses.md", ("arm", "signal"), ("day",), _CHANGE, head="day {}"),
    "dissociation": Listing(
        "docs/dissociation.md",
        {
            "dose": "{dose}",
            "peak CADSS": _range("cadss", "{:.2g}"),
            "sedation at most": _range("sedation", "{:.1g}"),
            "draws not ready": "{ever_away} of {draws}",
            "not ready from, min": _range("away_from", "{:.0f}"),
            "not ready to, min": _range("away_to", "{:.0f}"),
        },
    ),
    "cytokines": Listing(
        "docs/inflammation.md",
        {
            "dose, after endotoxin": "{dose}",
            "in": "{place}",
            "cytokine": "{cytokine}",
            "peak, x rest": "{peak:.4g}",
            "change of area above rest": "{change:+.2g} %",
        },
    ),
    "fit_mood": Listing(
        "docs/mood.md",
        {
            "quantity": "{quantity}",
            "at": lambda row: "" if pandas.isna(row["at"]) else row["at"],
            "mean": "{mean:.3g}",
            "median": "{median:.3g}",
            "90 %": "{low:.3g} to {high:.3g}",
        },
    ),
    "hours_or_weeks": Layout("docs/mood.md", ("at",), ("arm",), _course),
    "rest_of_circuits": Listing(
        "docs/network_choice.md",
        {
            "set": "{set}",
            "PYR at rest, Hz": "{none_rate_start:.2f}",
            "no dose: density at most, %": "{none_density_largest:+.2f}",
            "infusion: density at most, %": "{infusion_density_largest:+.1f}",
            "after 28 d, %": "{infusion_density_end:+.2f}",
            "PYR after 28 d, Hz": "{infusion_rate_end:.2f}",
            "scale after 28 d": "{infusion_scale_end:.3f}",
        },
    ),
    "tolerance": Listing(
        "docs/risk.md",
        {
            "doses by the nose": "{arm}",
            "NMDA receptors at most, %": "{receptors_percent:+.2f}",
            "CADSS first, last week": "{cadss_first:.0f}, {cadss_last_week:.0f}",
            "reward, last week at most": "{reward_last_week:+.3f} ± {reward_last_week_se:.3f}",
            "reward, first week without": "{reward_first_week_without:+.3f} ± {reward_first_week_without_se:.3f}",
            "liability at the end": "{liability_end:+.3f} ± {liability_end_se:.3f}",
            "four weeks later": "{liability_later:+.3f} ± {liability_later_se:.3f}",
            "density at the end, %": "{density_end_percent:+.1f} ± {density_end_percent_se:.1f}",
            "later, %": "{density_later_percent:+.1f} ± {density_later_percent_se:.1f}",
            "BDNF at the end, %": "{bdnf_end_percent:+.0f} ± {bdnf_end_percent_se:.0f}",
        },
    ),
    "stress_and_recovery": Listing(
        "docs/synapses.md",
        {
            "arm": "{arm}",
            "day": "{day:g}",
            "density, %": "{density:.1f} ± {density_se:.1f}",
            "formed, % a day": "{formation:.1f} ± {formation_se:.1f}",
            "lost, % a day": "{elimination:.1f} ± {elimination_se:.1f}",
            "restored, % of lost": "{restored_of_lost:.1f} ± {restored_of_lost_se:.1f}",
            "restored, % of new": "{restored_of_new:.1f} ± {restored_of_new_se:.1f}",
            "clustering": "{clustering:.3f}",
            "path length": "{path_length:.3f}",
            "modularity": "{modularity:.3f}",
        },
    ),
    "spines_before_and_after": Listing(
        "docs/synapses.md",
        {
            "arm": "{arm}",
            "day": "{day:g}",
            "edges": "{edges:,.0f}",
            "in-degree SD": "{in_degree_sd:.2f}",
            "reciprocity": "{reciprocity:.4f}",
            "clustering": "{clustering:.4f}",
            "path length": "{path_length:.4f}",
            "modularity": "{modularity:.4f}",
        },
    ),
    "fewer_windows": Layout(
        "docs/two_clocks.md",
        ("arm", "windows", "quantity"),
        ("day",),
        _spread,
        "day > 6 and quantity != 'ampa_throughput' and arm not in ['spacing 2 h', 'spacing 4 h']",
        "day {}",
    ),
    "rest_for_four_weeks": Listing(
        "docs/two_clocks.md",
        {
            "": "{signal}",
            "class": "{population}",
            "largest deviation of any seed and time": "{largest_deviation:.2f}",
            "trend in 28 d, eight seeds": "{trend:+.2f} ± {standard_error:.2f}",
        },
        "population == 'PYR' or signal == 'firing_rate'",
    ),
    "rebound": Layout(
        "docs/two_clocks.md",
        ("hours",),
        ("population", "signal"),
        _direct_and_estimate,
        "signal == 'firing_rate' or population == 'PYR'",
    ),
    "network_sampling:pairing": Layout(
        "docs/two_clocks.md", ("quantity",), ("against",), _spread_and_stated, "arm == 'infusion'"
    ),
    "network_sampling:budget": Layout(
        "docs/two_clocks.md",
        ("arm", "windows"),
        ("quantity",),
        _change_spread_stated,
        "against == 'vehicle at rest' and quantity != 'firing_rate_PV'",
    ),
    "what_drives_bdnf": Layout("docs/synapses.md", ("case", "path"), ("signal",), _peak_at),
    "synapses_against_vehicle": Layout(
        "docs/synapses.md", ("case", "quantity"), ("variant",), _against_vehicle, "variant != 'blockade off'"
    ),
    "fit_cascade": Layout("docs/fitting.md", ("parameter", "finding"), ("share_of_default",), _fit, head="x {}"),
}


def filled(page: str, name: str, layout: Layout | Listing, stamp: dict[str, str]) -> str:
    """Return the text of a page with a table in its place, and below it when and with which version it was made."""
    experiment = name.partition(":")[0]
    table = layout.markdown(pandas.read_csv(RESULTS / f"{experiment}.csv"))
    made = f"`experiments/{experiment}.py`, made with ketasim {stamp['ketasim']} on {stamp['date']}."
    new = f"<!-- {name} -->\n{table}\n\n{made}\n<!-- end -->"
    page, places = re.subn(rf"<!-- {name} -->.*?<!-- end -->", lambda _: new, page, flags=re.DOTALL)
    if places != 1:
        raise ValueError(f"{layout.page} has {places} places for the table of {name}")
    return page


def show(experiment: str, folder: Path) -> None:
    """Print tables as their pages would have them, of an experiment whose table is in another folder."""
    for name, layout in LAYOUTS.items():
        if name.partition(":")[0] == experiment:
            print(layout.markdown(pandas.read_csv(folder / f"{experiment}.csv")))


def fill(stamps: dict[str, dict[str, str]]) -> None:
    """Write all tables that have a stamp into their pages."""
    for name, layout in LAYOUTS.items():
        stamp = stamps.get(name.partition(":")[0])
        if stamp is not None:
            page = ROOT / layout.page
            page.write_text(filled(page.read_text(encoding="utf-8"), name, layout, stamp), encoding="utf-8")


def with_cards(page: str) -> str:
    """Return the text of the page of cards, with one of each readout as its mechanism has it."""
    texts = []
    for one in ORDER:
        if one.card is not None:
            lines = [f"- {line}" for line in one.card.lines()]
            signals = ", ".join(f"`{name}`" for name in one.writes)
            texts.append("\n".join([f"## `{one.name}`", "", f"{one.title} Signals: {signals}.", "", *lines]))
    new = "<!-- cards -->\n" + "\n\n".join(texts) + "\n<!-- end -->"
    return re.sub(r"<!-- cards -->.*?<!-- end -->", lambda _: new, page, flags=re.DOTALL)


if __name__ == "__main__":
    from stamps import stamps_of_tables

    fill(stamps_of_tables())
    CARDS.write_text(with_cards(CARDS.read_text(encoding="utf-8")), encoding="utf-8")
