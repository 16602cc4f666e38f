"""What a file of a finding may say: experiments, numbers read from them, and the published range of each."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictFloat, StrictInt, StrictStr, ValidationError, model_validator

from ketasim.config import Experiment
from ketasim.documents import Document, DocumentError, Problem, parse_document, parse_quantity, read_document
from ketasim.documents.document import DataPath
from ketasim.documents.validation import Quantity, Record, complaint, unknown, validate
from ketasim.drugs import Drug, load_catalogue
from ketasim.findings.clamp import Clamp
from ketasim.mechanisms import ORDER
from ketasim.signals import SIGNALS
from ketasim.sources import Status

#: ``calibration``: parameters were fitted to it or chosen by it; ``prediction``: nothing was; ``input``: a number that
#: the model is given and shows again, which is not counted.
Role = Literal["calibration", "prediction", "input"]


class Selection(Record):
    """One number of each run of an arm: a statistic of a signal."""

    arm: str = Field(description="name of an arm")
    above: str | None = Field(
        default=None, description="another arm, such as placebo, whose course is taken from that of `arm`"
    )
    signal: str = Field(description="as of `ketasim signals`")
    population: str | None = Field(default=None, description="cell class, for a signal that has one")
    compound: str | None = Field(default=None, description="compound, or moiety whose compounds are summed")
    statistic: Literal["mean", "value", "peak", "lowest", "time_of_peak", "last"] = Field(
        description="mean of an interval, value at a time, largest, least, time in h of the largest, last value"
    )
    at: Annotated[float, Quantity("s")] | None = Field(default=None, description="time of a value")
    begin: Annotated[float, Quantity("s")] | None = Field(default=None, alias="from", description="begin, if not zero")
    end: Annotated[float, Quantity("s")] | None = Field(default=None, alias="to", description="end, if not the run's")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        recorded = [name for name, signal in SIGNALS.items() if signal.recorded]
        if self.signal not in recorded:
            raise ValueError(unknown("signal", self.signal, recorded))
        if self.above == self.arm:
            raise ValueError("`above` is another arm than `arm`")
        dims = SIGNALS[self.signal].dims
        for name, wanted in (("population", "population" in dims or "node" in dims), ("compound", "compound" in dims)):
            if (getattr(self, name) is not None) != wanted:
                raise ValueError(f"{self.signal} {'needs' if wanted else 'has no'} {name}")
        if (self.statistic == "value") != (self.at is not None):
            raise ValueError("a `value` has a time, `at`, and nothing else has")
        if self.at is not None and (self.begin, self.end) != (None, None):
            raise ValueError("a `value` has one time, `at`, and no `from` or `to`")
        return self

    def apart(self, experiments: Mapping[str, Experiment]) -> Iterator[tuple[str, str]]:
        """Yield key and complaint if courses of `arm` and `above` cannot be told apart run by run."""
        if self.above is not None:
            one, other = experiments[self.arm], experiments[self.above]
            if one.network != other.network or one.duration != other.duration:
                yield "above", f"'{self.above}' needs the network and duration of '{self.arm}'"

    def wrong(self, experiment: Experiment, arm: str) -> Iterator[tuple[str, str]]:
        """Yield key and complaint of what the experiment of an arm, `arm` or `above`, does not have."""
        species = experiment.subject.species
        owner = next((one for one in ORDER if self.signal in one.writes), None)
        if owner is not None and owner.species not in (None, species):
            yield "signal", f"{self.signal} is of a {owner.species}, and the arm '{arm}' has a {species}"
        named = () if owner is None else (*owner.reads, *owner.writes, *owner.scales)
        of_network = any({"node", "population"} & {*SIGNALS[name].dims} for name in (self.signal, *named))
        if experiment.network is None and of_network:
            yield "signal", f"{self.signal} needs a network, and the arm '{arm}' has none"
        elif self.population is not None and self.population not in experiment.populations:
            yield "population", unknown("population", self.population, experiment.populations)
        if self.compound is not None:
            drugs = [experiment.catalogue[one.drug] for one in experiment.administrations]
            compounds = {name: one.moiety for drug in drugs for name, one in drug.compounds.items()}
            known = [*compounds, *compounds.values()]
            if self.compound not in known:
                yield "compound", unknown(f"compound of the arm '{arm}'", self.compound, dict.fromkeys(known))
        begin, end = self.begin or 0.0, experiment.duration if self.end is None else self.end
        for key, time in (("at", self.at), ("from", begin), ("to", end)):
            if time is not None and not 0.0 <= time <= experiment.duration:
                yield key, f"the run is from 0 to {experiment.duration / 3600.0:g} h"
        if not begin < end:
            yield "from", "an interval ends after it begins"


class Number(Record):
    """A number that the model shows, and the range in which it should be."""

    name: str = Field(description="in words")
    value: Selection | None = Field(default=None, description="number of every run")
    against: Selection | None = Field(default=None, description="another number of the same run, or of its twin")
    clamp: Clamp | None = Field(default=None, description="receptor in voltage clamp, in place of `value`")
    clamp_against: Clamp | None = Field(default=None, description="another one")
    shown: Literal["value", "ratio", "change", "difference", "rise_ratio"] = Field(
        default="value",
        description="value; value over the other; change from the other in per cent; difference; rise above the begin "
        "of the run over that of the other",
    )
    least: StrictFloat | StrictInt | StrictStr | None = Field(
        default=None, description="lower bound of what was published, if it has one"
    )
    most: StrictFloat | StrictInt | StrictStr | None = Field(
        default=None, description="upper bound; without either a number is shown and not judged"
    )
    published: str = Field(default="", description="what was published, in words")
    one_of: str = Field(default="", description="numbers with the same name here count as the best of them")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.value is None) == (self.clamp is None):
            raise ValueError("give `value` or `clamp`, and not both")
        if (self.against is not None and self.value is None) or (self.clamp_against is not None and self.clamp is None):
            raise ValueError("`against` goes with `value`, and `clamp_against` with `clamp`")
        if (self.shown == "value") != (self.against is None and self.clamp_against is None):
            raise ValueError("a ratio, change or difference is `against` another number, and a value is not")
        one, other = (_unit_of(*pair) for pair in ((self.value, self.clamp), (self.against, self.clamp_against)))
        if self.shown != "value" and one != other:
            raise ValueError(f"a {self.shown} is of two numbers in one unit, not {one or '1'} and {other or '1'}")
        if not self.band[0] < self.band[1]:
            raise ValueError("`least` must be below `most`")
        if self.one_of and self.least is None and self.most is None:
            raise ValueError("a number that counts as `one_of` several needs `least` or `most`")
        return self

    @property
    def unit(self) -> str:
        """Unit of what is shown; empty for a ratio."""
        if self.shown in ("ratio", "rise_ratio", "change"):
            return "%" if self.shown == "change" else ""
        return _unit_of(self.value, self.clamp)

    @property
    def band(self) -> tuple[float, float]:
        """Least and most in the unit of what is shown; infinite where there is no bound."""
        return self._bound(self.least, -math.inf), self._bound(self.most, math.inf)

    def _bound(self, written: float | str | None, none: float) -> float:
        if isinstance(written, str):
            number, percent, rest = written.partition("%")
            if self.unit == "%" and percent and not rest:
                return parse_quantity(number, "1")
            return parse_quantity(written, self.unit if self.unit not in ("", "%") else "1")
        return none if written is None else written


def _unit_of(selection: Selection | None, clamp: Clamp | None) -> str:
    """Unit of one number; empty without one."""
    if selection is None:
        return clamp.unit if clamp is not None else ""
    unit = "h" if selection.statistic == "time_of_peak" else SIGNALS[selection.signal].unit
    return "" if unit == "1" else unit


class Finding(Record):
    """A published finding.

    Attributes
    ----------
    settings : mapping
        Experiment that all arms have in common, as in an experiment file.
    arms : mapping of str to mapping
        Name -> changes by dotted path.
    of : mapping
        What the selections of numbers have in common. A number's `against` has all of its `value` but what it says.
    """

    format: Literal[1]
    id: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    title: str
    role: Role
    why_calibration: str = Field(default="", description="which change was made because of it")
    status: Status
    source: Annotated[str, Field(min_length=3)]
    fails_if: Annotated[str, Field(min_length=3)] = Field(description="what would make it fail by construction")
    settings: Mapping[str, Any] = {}
    arms: Mapping[str, Mapping[str, Any]] = {}
    of: Mapping[str, Any] = {}
    numbers: tuple[Number, ...]

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, data: Any) -> Any:
        """Give every selection what it has in common with others."""
        if not isinstance(data, Mapping) or not isinstance(data.get("numbers"), list | tuple):
            return data
        common, numbers = data.get("of") or {}, []
        for number in data["numbers"]:
            whole = isinstance(number, Mapping) and isinstance(common, Mapping)
            if not whole or not isinstance(number.get("value"), Mapping):
                numbers.append(number)
                continue
            value, other = {**common, **number["value"]}, number.get("against")
            against = {"against": {**value, **other}} if isinstance(other, Mapping) else {}
            numbers.append({**number, "value": value, **against})
        return {**data, "numbers": numbers}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = [number.name for number in self.numbers]
        wrong = [complaint(place, text) for place, text in self._wrong()]
        wrong += [] if names else [complaint(("numbers",), "a finding has at least one number")]
        wrong += [complaint(("numbers",), f"two are named '{one}'") for one in {*names} if names.count(one) > 1]
        if (self.role == "calibration") != bool(self.why_calibration):
            wrong += [complaint(("why_calibration",), "a calibration says why it is one, and nothing else does")]
        if wrong:
            raise ValidationError.from_exception_data("Finding", wrong)
        return self

    def _wrong(self) -> Iterator[tuple[DataPath, str]]:
        for place, number in enumerate(self.numbers):
            for key in ("value", "against"):
                selection = getattr(number, key)
                named = {} if selection is None else {"arm": selection.arm, "above": selection.above}
                for field, arm in named.items():
                    if arm is not None and arm not in self.arms:
                        yield ("numbers", place, key, field), unknown("arm", arm, self.arms)
        for key, value in self.settings.items() if not self.arms else ():
            if key != "drugs":
                yield ("settings", key), "without arms nothing is run, and of the settings only `drugs` is read"
            elif not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                yield ("settings", key), "expected a list of drug files, such as [mine.yaml]"

    @property
    def drugs(self) -> Mapping[str, Drug]:
        """Drugs by name: those of ketasim, and a user's own in `settings` or in an arm."""
        own = [one for changes in (self.settings, *self.arms.values()) for one in changes.get("drugs", ())]
        return load_catalogue([Path(one) for one in dict.fromkeys(own)])

    def experiment(self, arm: str) -> Experiment:
        """Return the experiment of an arm; DocumentError says what is wrong with it."""
        common = Experiment.from_mapping({"format": 1, "name": self.id.lower(), **self.settings})
        return common.replace(**self.arms[arm]) if self.arms[arm] else common


def load_findings(extra: Sequence[Path] = ()) -> Mapping[str, Finding]:
    """Return findings by id: those of the package in the order of their ids, then a user's own files.

    Raises
    ------
    DocumentError
        A file is no finding, an experiment in it is not valid, or its id is already taken.
    """
    found = dict(_shipped())
    for path in extra:
        finding = _finding_of(read_document(path))
        if finding.id in found:
            raise DocumentError([read_document(path).problem(("id",), f"there is a finding {finding.id} already")])
        found[finding.id] = finding
    return MappingProxyType(found)


@lru_cache
def _shipped() -> Mapping[str, Finding]:
    data = resources.files("ketasim.findings").joinpath("data")
    files = sorted((item for item in data.iterdir() if item.name.endswith(".yaml")), key=lambda item: _order(item.name))
    found = [_finding_of(parse_document(item.read_text(encoding="utf-8"), item.name)) for item in files]
    return MappingProxyType({finding.id: finding for finding in found})


def _order(name: str) -> tuple[str, float, str]:
    """Place of a file: A2 before A10."""
    digits = "".join(letter for letter in name if letter.isdigit())
    return name[0], float(digits) if digits else math.inf, name


def _finding_of(document: Document) -> Finding:
    """Return the finding of a document, after checking the experiment of every arm and what is read from it."""
    finding, experiments = validate(Finding, document), {}
    for arm in finding.arms:
        try:
            experiments[arm] = finding.experiment(arm)
        except DocumentError as error:
            problems = [_placed(document, finding, arm, one) for one in error.problems]
            raise DocumentError(dict.fromkeys(problems)) from None
    drugs, problems = _drugs_of(finding, document), []
    for place, number in enumerate(finding.numbers):
        for side in ("value", "against"):
            selection = getattr(number, side)
            arms = (selection.arm, selection.above) if selection else ()
            found = [one for arm in arms if arm is not None for one in selection.wrong(experiments[arm], arm)]
            found += selection.apart(experiments) if selection else ()
            for key, message in dict.fromkeys(found):
                problems.append(document.problem(("numbers", place, side, key), f"{number.name}: {message}"))
        for key, clamp in (("clamp", number.clamp), ("clamp_against", number.clamp_against)):
            message = clamp.wrong(drugs) if clamp else None
            if message:
                problems.append(document.problem(("numbers", place, key, "drug"), f"{number.name}: {message}"))
        named = {arm for one in (number.value, number.against) if one for arm in (one.arm, one.above) if arm}
        if len({experiments[arm].seed for arm in named}) > 1:
            problems.append(document.problem(("numbers", place), f"{number.name}: its arms need the same seed"))
    if problems:
        raise DocumentError(problems)
    return finding


def _drugs_of(finding: Finding, document: Document) -> Mapping[str, Drug]:
    try:
        return finding.drugs
    except DocumentError as error:
        problems = [document.problem(("settings", "drugs"), one.message) for one in error.problems]
        raise DocumentError(problems) from None


def _placed(document: Document, finding: Finding, arm: str, problem: Problem) -> Problem:
    """Return a problem of an arm's experiment with its place in the file: what arms have in common, or the arm."""
    steps = tuple(int(step) if step.isdigit() else step for step in problem.path.split("."))
    common = steps[0] in finding.settings and not any(path.startswith(str(steps[0])) for path in finding.arms[arm])
    place: DataPath = ("settings", *steps) if common else ("arms", arm)
    return document.problem(place, f"{problem.path}: {problem.message}")
