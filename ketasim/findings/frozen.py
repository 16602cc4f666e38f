"""The defaults with which findings are scored: digests of each group, and every change since, with its reason."""

from importlib import resources
from typing import Annotated, Literal

from pydantic import Field

from ketasim.documents import parse_document
from ketasim.documents.validation import Record, validate

NAME = "frozen.yaml"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]


class Change(Record):
    """A change of defaults.

    Attributes
    ----------
    groups : dict of str to str
        Groups that changed, with their digests after it.
    because_of : tuple of str
        Findings because of which it was made; they are calibration from then on.
    """

    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    groups: Annotated[dict[str, Digest], Field(min_length=1)]
    reason: Annotated[str, Field(min_length=10)]
    because_of: tuple[str, ...] = ()


class Frozen(Record):
    """Digests of the defaults by group, and their changes, the newest first."""

    format: Literal[1]
    changes: tuple[Change, ...]
    groups: dict[str, Digest]

    def explained(self, now: dict[str, str]) -> dict[str, str]:
        """Return those of today's digests that may be written: unchanged, of a new group, or of its newest change."""
        newest: dict[str, str] = {}
        for change in self.changes:
            newest = {**change.groups, **newest}
        return {
            name: digest
            for name, digest in now.items()
            if name not in self.groups or digest in (self.groups[name], newest.get(name))
        }


def frozen() -> Frozen:
    """Return what `frozen.yaml` says."""
    text = resources.files("ketasim.findings").joinpath(NAME).read_text(encoding="utf-8")
    return validate(Frozen, parse_document(text, NAME))
