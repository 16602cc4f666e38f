"""What to cite for a run, as BibTeX: ketasim, the libraries that computed it, and the sources of its parameters.

Sources of numbers are short texts with names and a year, often with an identifier ("Dravid 2008, PMC2614009"); an entry
has what the text has, so those of parameters have no title. Numbers that were assumed or recalled without a name have
no source to cite.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ketasim import __version__
from ketasim.mechanisms import ORDER
from ketasim.network.describe import network_rows
from ketasim.sources import describe
from ketasim.storage import Trajectory


class Citation(NamedTuple):
    """One entry.

    Attributes
    ----------
    key, kind : str
        Key and kind of the entry, such as ``Dravid2008`` and ``article``.
    fields : dict
        author, year, and what is known of title, version, doi, eprint (PubMed and PubMed Central) and note.
    """

    key: str
    kind: str
    fields: dict[str, str]


_LIBRARIES = {
    "numpy": ("Harris, Charles R. and others", "2020", "Array programming with {NumPy}", "10.1038/s41586-020-2649-2"),
    "scipy": ("Virtanen, Pauli and others", "2020", "{SciPy} 1.0", "10.1038/s41592-019-0686-2"),
    "numba": ("Lam, Siu Kwan and Pitrou, Antoine and Seibert, Stanley", "2015", "Numba", "10.1145/2833157.2833162"),
    "xarray": ("Hoyer, Stephan and Hamman, Joe", "2017", "xarray", "10.5334/jors.148"),
}
_NAME = r"[A-Z][a-z][\w'’-]*"
_REFERENCE = re.compile(rf"(?P<authors>{_NAME}(?: & {_NAME})?) (?P<year>(?:19|20)\d\d)\b(?P<rest>[^;]*)")
_IDENTIFIERS = {"doi": r"\b(10\.\d{4,}/[^\s,;)]+)", "pmcid": r"\b(PMC\d+)", "pmid": r"\bPMID (\d+)"}


def citations(trajectory: Trajectory) -> list[Citation]:
    """Return what to cite for a run: ketasim, libraries with their versions, and sources of parameters by name."""
    attributes = trajectory.attributes
    written = str(attributes.get("ketasim_version", __version__))
    ours = Citation(
        "ketasim",
        "software",
        {
            "author": "{The ketasim authors}",
            "title": "ketasim: ketamine from dose to network",
            "version": written,
            "year": str(attributes.get("created", ""))[:4],
            "note": f"content of the run: SHA-256 {attributes.get('content_sha256', 'of an unfinished run')}",
        },
    )
    versions = json.loads(trajectory.provenance.get("environment", "{}"))
    libraries = [
        Citation(
            name, "article", {"author": author, "year": year, "title": title, "doi": doi, "version": versions[name]}
        )
        for name, (author, year, title, doi) in _LIBRARIES.items()
        if name in versions
    ]
    return [ours, *libraries, *_of_parameters(trajectory)]


def bibtex(found: list[Citation]) -> str:
    """Return citations as BibTeX.

    Examples
    --------
    >>> print(bibtex([Citation("Dravid2008", "misc", {"author": "Dravid and others", "year": "2008"})]))
    @misc{Dravid2008,
      author = {Dravid and others},
      year = {2008},
    }
    <BLANKLINE>
    """
    entries = []
    for one in found:
        lines = [f"  {name} = {{{_escaped(name, text)}}}," for name, text in one.fields.items() if text]
        entries.append("\n".join([f"@{one.kind}{{{one.key},", *lines, "}\n"]))
    return "\n".join(entries)


def _escaped(name: str, text: str) -> str:
    return text if name in ("doi", "title", "author") else re.sub(r"([&%_#$])", r"\\\1", text)


def _of_parameters(trajectory: Trajectory) -> list[Citation]:
    used: dict[str, tuple[dict[str, str], list[str]]] = {}
    for parameter, text in _sources(trajectory):
        for reference in _REFERENCE.finditer(text):
            key = re.sub(r"[^\w]", "", reference["authors"].replace(" & ", "")) + reference["year"]
            names = reference["authors"].split(" & ")
            author = " and ".join(names) if len(names) > 1 else f"{names[0]} and others"
            fields, parameters = used.setdefault(key, ({"author": author, "year": reference["year"]}, []))
            near = _REFERENCE.split(reference["rest"])[0]  # an identifier after the next name belongs to that one
            for name, pattern in _IDENTIFIERS.items():
                if identifier := re.search(pattern, near):
                    fields.setdefault(name, identifier[1])
            parameters.append(parameter)
    found = []
    for key, (fields, parameters) in sorted(used.items()):
        listed = ", ".join(dict.fromkeys(parameters))
        found.append(Citation(key, "misc", fields | {"note": f"source of {listed} in ketasim"}))
    return found


def _sources(trajectory: Trajectory) -> Iterator[tuple[str, str]]:
    """Yield part and source of each parameter of a run: mechanisms that were on, drugs given, the network."""
    config, parameters = trajectory.config, json.loads(trajectory.provenance.get("parameters", "{}"))
    species = config.get("subject", {}).get("species")
    for mechanism in ORDER:
        took_part = trajectory.populations or any(name in trajectory for name in mechanism.writes)
        took_part = took_part and mechanism.species in (None, species)
        if config.get("mechanisms", {}).get(mechanism.name) and took_part:
            yield from ((mechanism.name, row.source) for row in describe(mechanism.Parameters))
    for name, drug in parameters.get("drugs", {}).items():
        yield from ((name, text) for text in _texts(drug))
    if "model" in (config.get("network") or {}):
        yield from (("the network", row.source) for rows in network_rows().values() for row in rows)
    else:
        yield from (("the network", text) for text in _texts(parameters.get("origins")))


def _texts(data: Any) -> Iterator[str]:
    """Sources anywhere in plain data."""
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    if isinstance(data, dict):
        yield from (text for key, text in data.items() if key in ("source", "text") and isinstance(text, str))
    for item in items:
        yield from _texts(item)
