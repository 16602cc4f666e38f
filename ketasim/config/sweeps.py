"""Sections `arms` and `sweep` of an experiment file, which `ketasim sweep` reads and a single run refuses."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from annotated_types import Ge, Le
from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from ketasim.config.experiment import Experiment
from ketasim.config.load import paths_from_here, read_with_overrides
from ketasim.documents import Document, DocumentError, Place, Problem, from_mapping
from ketasim.documents.document import DataPath, Spot
from ketasim.documents.nearest import shown
from ketasim.documents.validation import WHOLE, Record, validate
from ketasim.documents.yaml_text import parse_value
from ketasim.exposures import Exposure

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Mechanism

#: Dotted path, such as doses.0.amount -> values.
Lists = Mapping[str, Annotated[tuple[Any, ...], Field(min_length=1)]]

#: Sections of an experiment that change no result.
_NO_RESULT = ("name", "threads")

_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


def number_and_unit(value: Any) -> tuple[float, str]:
    """Return the number of a value and its unit, empty without one; ValueError if it is no quantity."""
    match = _NUMBER.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError(f"expected a number, with its unit if it has one, got {shown(value)}")
    return float(match[1]), match[2]


class Range(Record):
    """A range from which values are drawn, uniformly or on a logarithmic scale."""

    low: Annotated[Any, AfterValidator(lambda value: (number_and_unit(value), value)[1])] = Field(
        alias="from", description="lower end, with a unit if the value has one"
    )
    high: Annotated[Any, AfterValidator(lambda value: (number_and_unit(value), value)[1])] = Field(
        alias="to", description="upper end, in the same unit"
    )
    scale: Literal["linear", "log"] = Field(default="linear", description="linear, or log: uniform in the logarithm")
    whole: StrictBool = Field(default=False, description="draw whole numbers, both ends included")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        (low, unit), (high, other) = number_and_unit(self.low), number_and_unit(self.high)
        if unit != other:
            raise ValueError(f"{shown(self.low)} and {shown(self.high)} must have the same unit")
        if not low < high:
            raise ValueError(f"`from` must be less than `to`, got {shown(self.low)} and {shown(self.high)}")
        if self.whole and (self.scale == "log" or unit or low % 1 or high % 1):
            raise ValueError("whole numbers are drawn between whole numbers without a unit, on a linear scale")
        if self.scale == "log" and low <= 0.0:
            raise ValueError(f"a logarithmic scale needs a positive `from`, got {shown(self.low)}")
        return self

    def at(self, fraction: float) -> Any:
        """Return the value at a fraction of the range in [0, 1): a number, or text with the unit.

        >>> Range.model_validate({"from": "0.1 mg/kg", "to": "10 mg/kg", "scale": "log"}).at(0.5)
        '1 mg/kg'
        """
        (low, unit), (high, _) = number_and_unit(self.low), number_and_unit(self.high)
        if self.whole:
            return int(low + fraction * (high - low + 1.0))
        number = low * (high / low) ** fraction if self.scale == "log" else low + fraction * (high - low)
        return f"{number:.6g} {unit}" if unit else float(f"{number:.6g}")


class Draws(Record):
    """Values of several parameters drawn together."""

    samples: Annotated[StrictInt, Ge(1), Le(10**6), WHOLE] = Field(description="number of draws")
    seed: Annotated[StrictInt, Ge(0), WHOLE] = Field(default=1, description="seed of the draws")
    ranges: Annotated[Mapping[str, Range], Field(min_length=1)] = Field(
        description="dotted path -> {from: 0.1 mg/kg, to: 1 mg/kg, scale: log}"
    )


class SweepSection(Record):
    """What is varied: every list and set of draws is combined with every other."""

    grid: Lists = Field(default={}, description="dotted path -> values, each combined with all others")
    zip: Lists = Field(default={}, description="dotted path -> values, all lists as long, taken side by side")
    list: tuple[Annotated[Mapping[str, Any], Field(min_length=1)], ...] = Field(
        default=(), description="mappings of dotted paths to values, one for each run"
    )
    random: Draws | None = Field(default=None, description="independent random draws")
    latin_hypercube: Draws | None = Field(default=None, description="draws of a Latin hypercube")
    sobol: Draws | None = Field(default=None, description="scrambled Sobol sequence; best with 2, 4, 8, ... samples")
    replicates: Annotated[StrictInt, Ge(1), Le(10**6), WHOLE] = Field(
        default=1, description="runs of each, with seeds from the experiment's on: other circuits, other noise"
    )
    keep: Literal["file", "signals", "summary"] = Field(
        default="signals", description="what is kept of a run: its whole file, slow signals and summary, or the summary"
    )

    @model_validator(mode="after")
    def _as_long(self) -> Self:
        lengths = {path: len(values) for path, values in self.zip.items()}
        if len(set(lengths.values())) > 1:
            words = ", ".join(f"{path} {length}" for path, length in lengths.items())
            raise ValueError(f"lists under `zip` must have the same length, they have: {words}")
        keys = {frozenset(one) for one in self.list}
        if len(keys) > 1:
            raise ValueError("all entries of `list` must have the same keys")
        paths = [*self.grid, *self.zip, *(self.list[0] if self.list else ())]
        paths += [path for one in (self.random, self.latin_hypercube, self.sobol) if one for path in one.ranges]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is varied twice")
        for path in paths:
            if path.partition(".")[0] in _NO_RESULT:
                raise ValueError(f"{path} changes no result of a run, so it is not varied")
        for path, values in self.grid.items():
            again = next((one for place, one in enumerate(values) if repr(one) in map(repr, values[:place])), None)
            if again is not None:
                raise ValueError(f"{path} has {shown(again)} twice; `replicates` repeats runs with other seeds")
        return self


class SweepSections(Record):
    """The sections that make several runs of an experiment file."""

    arms: Mapping[str, Mapping[str, Any]] = Field(
        default={},
        description="for `ketasim sweep`: name of an arm -> changes by dotted path, such as "
        "{drug: {}, vehicle: {doses.0.drug: saline}}; arms share graph, baseline and random numbers",
    )
    sweep: SweepSection = Field(default=SweepSection(), description="for `ketasim sweep`: what is varied")


class SweepFile(NamedTuple):
    """What a sweep is made of.

    Attributes
    ----------
    experiment : Experiment
        What all runs have in common.
    arms : dict
        Name of each arm -> changes by dotted path.
    section : SweepSection
        What is varied.
    document : Document
        Places of `arms` and `sweep`, for messages.
    """

    experiment: Experiment
    arms: Mapping[str, Mapping[str, Any]]
    section: SweepSection
    document: Document


def load_sweep(
    source: Any,
    overrides: Sequence[str] = (),
    zipped: bool = False,
    mechanisms: Sequence["Mechanism"] = (),
    exposures: Sequence[Exposure] = (),
) -> SweepFile:
    """Read an experiment file with its sections `arms` and `sweep`, if it has them.

    Parameters
    ----------
    source : str or Path
        As of `ketasim.load_experiment`.
    overrides : sequence of str
        Strings ``key.path=value``; one with several values, ``doses.0.amount=0.1,0.5 mg/kg``, is varied. A unit after
        the last value is that of all; a list as a value is written in brackets.
    zipped : bool
        Whether these lists are taken side by side instead of combined.
    mechanisms, exposures : sequence of Mechanism, sequence of Exposure
        User mechanisms and exposures in addition to those of ketasim.

    Raises
    ------
    DocumentError
        All problems of one stage, each with its place.
    """
    lists: dict[str, list[Any]] = {}
    kind, single = "zip" if zipped else "grid", []
    spots: dict[DataPath, Spot] = {}
    for number, text in enumerate(overrides, start=1):
        path, equals, values = text.partition("=")
        items = _items(values) if equals else []
        if len(items) < 2:
            single.append(text)
            continue
        place = Place("override", number, len(path) + 2, text)
        if path.strip() in lists:
            raise DocumentError([Problem(place, path.strip(), "is varied twice")])
        from_here = path.strip() in ("network.file", "network.nodes", "drugs")  # not from the file's folder
        lists[path.strip()] = [paths_from_here(item) for item in items] if from_here else items
        spots["sweep", kind, path.strip()] = spots["sweep",] = Spot(place, place)
    document = read_with_overrides(source, single)
    data = dict(document.data)
    sections: dict[str, Any] = {name: data.pop(name) for name in ("arms", "sweep") if name in data}
    if lists and isinstance(sections.get("sweep", {}), Mapping):
        section = dict(sections.get("sweep", {}))
        section[kind] = {**section[kind], **lists} if isinstance(section.get(kind), Mapping) else lists
        sections["sweep"] = section
    ours = Document(document.name, document.text, sections, {**spots, **document.spots}, document.file)
    found = validate(SweepSections, ours)
    rest = Document(document.name, document.text, data, document.spots, document.file)
    return SweepFile(Experiment.from_document(rest, mechanisms, exposures), found.arms, found.sweep, ours)


def section_of(data: Mapping[str, Any]) -> SweepSection:
    """Return the section of a mapping with the keys of `sweep`; DocumentError lists what is wrong."""
    return validate(SweepSections, from_mapping({"sweep": dict(data)}, "sweep")).sweep


def _items(text: str) -> list[Any]:
    """Values of ``a,b,c unit``: plain numbers before a last one with a unit have that unit.

    >>> _items("0.1, 0.5 mg/kg")
    ['0.1 mg/kg', '0.5 mg/kg']
    >>> _items("[1 h], [2 h]")
    [['1 h'], ['2 h']]
    """
    try:
        items, _ = parse_value(f"[{text}]", "override")
    except DocumentError:
        return []  # one value with a bracket or quotation mark of its own; the document's reader says what is wrong
    last = _NUMBER.fullmatch(str(items[-1])) if items else None
    if last is None or not last[2]:
        return list(items)
    plain = [type(item) in (int, float) for item in items[:-1]]
    found = [f"{item} {last[2]}" if bare else item for item, bare in zip(items, plain, strict=False)]
    return [*found, f"{last[1]} {last[2]}"]
