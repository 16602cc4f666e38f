"""Drugs made of compounds of another drug: an enantiomer alone, a metabolite given as a drug.

Such a file names the other drug as `base`, which of its compounds are given, and routes of its own; all other numbers
are those of the base, so that a compound has the same ones whoever brings it. A file with other rows of a table, for a
hypothesis, has them in place of the base's, and is a family of its own that cannot be given together with the base.
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
    name = data.get("base")
    if name is None:
        return document
    bases = {key: one for key, one in others.items() if "base" not in one.data}
    _check(document, ("base",), "drug", name, bases)
    base = deepcopy(bases[name].data)
    given = data.get("compounds")
    if not isinstance(given, Mapping):
        return document  # validation says what is wrong
    for compound in given:
        if compound not in base["compounds"]:
            raise DocumentError(
                [document.problem(("compounds", compound), unknown("compound", compound, base["compounds"]))]
            )
    kept = _formed_from(given, base)
    differs = any(table in data for table in _TABLES)
    merged = {
        key: value for key, value in base.items() if key not in ("also", "compounds", "species", *_TABLES)
    } | dict(data)
    merged["compounds"] = {
        name: {**one, "dose_fraction": 0.0, **(given.get(name) or {})}
        for name, one in base["compounds"].items()
        if name in kept
    }
    for table in _TABLES:
        merged[table] = data[table] if table in data else _rows(base.get(table, ()), kept)
    merged["differs"] = differs
    own = data.get("species") or {}
    if isinstance(own, Mapping):
        for species in own:
            if species not in base["species"]:
                raise DocumentError(
                    [document.problem(("species", species), unknown("species", species, base["species"]))]
                )
        merged["species"] = {key: _species(one, own.get(key) or {}, kept) for key, one in base["species"].items()}
    return replace(document, data=merged)


def _check(document: Document, path: DataPath, kind: str, name: Any, known: Iterable[str]) -> None:
    if name not in known:
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
