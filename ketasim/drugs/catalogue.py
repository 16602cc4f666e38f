"""The drug catalogue: drugs shipped with the package, and a user's own files."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from ketasim.digests import file_digest, text_digest
from ketasim.documents import Document, DocumentError, parse_document, read_document
from ketasim.documents.nearest import shown
from ketasim.documents.validation import unknown, validate
from ketasim.drugs.families import with_base
from ketasim.drugs.model import Drug


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
        try:
            digest = file_digest(path)
        except OSError:  # of which reading it makes a message
            digest = ""
        document = _document_of(path, digest)
        drug = validate(Drug, with_base(document, documents))
        documents[drug.name] = document
        if drug.name in drugs:
            message = f"a drug named '{drug.name}' already exists; choose another name"
            raise DocumentError([document.problem(("name",), message)])
        drugs[drug.name] = drug
    return MappingProxyType(drugs)


@lru_cache(maxsize=64)
def _document_of(path: Path, _digest: str) -> Document:
    """Return a user's file as written, read again when its content has changed: a sweep asks for it in each run."""
    return read_document(path)


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


def catalogue_digest(catalogue: Mapping[str, Drug]) -> str:
    """Return a digest of everything that drugs say."""
    return text_digest("\n".join(catalogue[name].model_dump_json() for name in sorted(catalogue)))


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
