"""The drug catalogue: drugs shipped with the package, and a user's own files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ketasim.documents import Document, DocumentError, parse_document, read_document
from ketasim.documents.nearest import shown
from ketasim.documents.validation import unknown, validate
from ketasim.drugs.families import with_base
from ketasim.drugs.model import Drug, Stated
from ketasim.sources import Row


def load_catalogue(extra: Sequence[Path] = ()) -> MappingProxyType[str, Drug]:
    """Return every drug by name: the package's, then a user's own files.

    Raises
    ------
    DocumentError
        A file is not a drug file, or its name is already taken.

    Examples
    --------
    >>> [name for name in load_catalogue() if "ketamine" in name]
    ['arketamine', 'esketamine', 'hydroxynorketamine', 'ketamine', 'norketamine']
    """
    documents = dict(_documents())
    drugs = dict(_shipped())
    for path in extra:
        document = read_document(path)
        drug = validate(Drug, with_base(document, documents))
        documents[drug.name] = document
        if drug.name in drugs:
            message = f"a drug named '{drug.name}' already exists; choose another name"
            raise DocumentError([document.problem(("name",), message)])
        drugs[drug.name] = drug
    return MappingProxyType(drugs)


@lru_cache
def _documents() -> Mapping[str, Document]:
    """Return the drug files of the package by name, as written."""
    data = resources.files("ketasim.drugs").joinpath("data")
    entries = sorted(data.iterdir(), key=lambda item: item.name)
    found = [parse_document(entry.read_text(encoding="utf-8"), entry.name) for entry in entries]
    return MappingProxyType({document.data["name"]: document for document in found})


@lru_cache
def _shipped() -> Mapping[str, Drug]:
    """Return the drugs of the package, frozen and read only once: every experiment needs them."""
    documents = _documents()
    return MappingProxyType({name: validate(Drug, with_base(one, documents)) for name, one in documents.items()})


def describe_drug(drug: Drug) -> list[Row]:
    """Return every number of a drug file with unit, status and source, for ``ketasim drugs NAME``."""
    return list(_rows(drug, ""))


def _rows(item: Any, path: str) -> Iterator[Row]:
    if isinstance(item, Stated):
        yield from _stated_rows(item, path)
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from _rows(value, f"{path}.{key}" if path else key)
    elif isinstance(item, tuple):
        for value in item:
            yield from _rows(value, path)
    elif hasattr(item, "model_fields_set"):
        for key in type(item).model_fields:
            yield from _rows(getattr(item, key), f"{path}.{key}" if path else key)


def _stated_rows(block: Stated, path: str) -> Iterator[Row]:
    compounds = ", ".join(getattr(block, "of", ()))
    path = ".".join((path, *getattr(block, "about", ())))
    written = block.model_dump(mode="json", exclude_unset=True)
    for key, value in written.items():
        if key in ("status", "source", "of", "forms", "target", "action"):
            continue
        number, _, unit = str(value).partition(" ")
        name = path if key == "value" else f"{path}.{key}"
        yield Row(f"{name} ({compounds})" if compounds else name, number, unit, block.status, block.source)


def unknown_drug(name: str, catalogue: Mapping[str, Drug]) -> str:
    """Return a message for an unknown drug; one that goes by this name is not passed over for one that is spelt alike.

    Examples
    --------
    >>> unknown_drug("MK801", load_catalogue())
    "unknown drug 'MK801'; did you mean dizocilpine?"
    """

    def plain(name: str) -> str:
        return re.sub("[^a-z0-9]", "", name.lower())

    same = next((known for known, drug in catalogue.items() if plain(name) in map(plain, (known, *drug.also))), None)
    return f"unknown drug {shown(name)}; did you mean {same}?" if same else unknown("drug", name, catalogue)
