"""Drugs made of compounds of another drug: an enantiomer alone, a metabolite given as a drug.

Such a file names the other drug as `base`, which of its compounds are given, and routes of its own; all other numbers
are those of the base, so that a compound has the same ones whoever brings it. A file with other rows of a table or
another disposition, for a hypothesis, has them in place of the base's, and is a family of its own that cannot be given
together with the base.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from ketasim.documents import Document, DocumentError
from ketasim.documents.document import DataPath
from ketasim.documents.validation import unknown
from ketasim.drugs.model import Drug

#: Tables of a drug file with rows for compounds, and those within a species.
_TABLES = ("molar_mass", "unbound_plasma", "unbound_brain_ratio", "nmda", "nmda_kinetics", "targets")
_SPECIES_TABLES = ("metabolites", "formation")

#: What such a drug may say of a species itself.
_OWN = ("usual_dose", "routes")


def with_base(document: Document, others: Mapping[str, Document]) -> Document:
    """Return the document of a drug with what it takes from its base; unchanged if it names none.

    Parameters
    ----------
    document : Document
        Drug file as written.
    others : mapping of str to Document
        Files of drugs that may be a base, by name.

    Raises
    ------
    DocumentError
        There is no such base, or it lacks a compound or species.
    """
    data = document.data
    if "base" not in data:
        return document
    name = data["base"]
    bases = {key: one for key, one in others.items() if "base" not in one.data}
    _check(document, ("base",), "drug", name, bases)
    base = deepcopy(bases[name].data)
    given, own = (_tables(document, key) for key in ("compounds", "species"))
    if not given:
        raise DocumentError([document.problem(("compounds",), f"say which compounds of {name} are given")])
    for compound in given:
        _check(document, ("compounds", compound), "compound", compound, base["compounds"])
    kept = _formed_from(given, base)
    # also by a disposition of its own: a compound has one set of numbers in a run
    differs = any(table in data for table in _TABLES) or any({*one} - {*_OWN} for one in own.values())
    differs |= any("moiety" in one for one in given.values())
    merged = {
        key: value for key, value in base.items() if key not in ("also", "compounds", "species", *_TABLES)
    } | dict(data)
    merged["compounds"] = {
        name: {**one, "dose_fraction": 0.0, **given.get(name, {})}
        for name, one in base["compounds"].items()
        if name in kept
    }
    for table in _TABLES:
        merged[table] = data[table] if table in data else _rows(base.get(table, ()), kept)
    merged["differs"] = differs
    for species in own:
        _check(document, ("species", species), "species", species, base["species"])
    merged["species"] = {key: _species(one, own.get(key, {}), kept) for key, one in base["species"].items()}
    return replace(document, data=merged)


def _tables(document: Document, key: str) -> dict[str, Mapping[str, Any]]:
    """Return what a file says under a key of each compound or species; nothing if it only names it."""
    found = document.data.get(key) or {}
    if not isinstance(found, Mapping):
        raise DocumentError([document.problem((key,), "names, each with keys and values or nothing")])
    for name, one in found.items():
        if one is not None and not isinstance(one, Mapping):
            raise DocumentError([document.problem((key, name), "keys and values, or nothing")])
    return {name: one or {} for name, one in found.items()}


def _check(document: Document, path: DataPath, kind: str, name: Any, known: Iterable[str]) -> None:
    if not isinstance(name, str) or name not in known:
        raise DocumentError([document.problem(path, unknown(kind, str(name), known))])


def _formed_from(given: Iterable[str], base: Mapping[str, Any]) -> set[str]:
    """Return compounds, and those that form from them in any species."""
    kept, found = set(given), set(given)
    while found:
        rows = [row for one in base["species"].values() for row in one.get("formation", ())]
        found = {row["forms"] for row in rows if kept & {*row["of"]}} - kept
        kept |= found
    return kept


def _rows(rows: Sequence[Mapping[str, Any]], kept: set[str]) -> list[dict[str, Any]]:
    """Return rows of a table with the compounds that are kept; none without any."""
    found = [{**row, "of": [name for name in row["of"] if name in kept]} for row in rows]
    return [row for row in found if row["of"]]


def _species(base: Mapping[str, Any], own: Mapping[str, Any], kept: set[str]) -> dict[str, Any]:
    """Return one species: tables of the compounds that are kept, and what the drug says itself in their place."""
    found = dict(base) | {table: _rows(base.get(table, ()), kept) for table in _SPECIES_TABLES}
    found["dispositions"] = {name: _rows(blocks, kept) for name, blocks in base["dispositions"].items()}
    return found | dict(own)


def suppliers(drugs: Iterable[Drug]) -> dict[str, Drug]:
    """Return each compound of some drugs, in the order of the axis `compound`, and the first drug that has it."""
    found: dict[str, Drug] = {}
    for drug in drugs:
        for compound in drug.compounds:
            found.setdefault(compound, drug)
    return found
