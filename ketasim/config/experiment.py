"""The experiment: a frozen value with defaults filled in and units converted."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from annotated_types import Gt, Le
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    StrictInt,
    StrictStr,
    ValidationInfo,
)

from ketasim.config.consistency import catalogue_of, circuit_of, inconsistencies
from ketasim.config.further import further_problems
from ketasim.config.models import (
    LocalFile,
    Network,
    NetworkFile,
    NetworkModel,
    Recording,
    Stimulus,
    Subject,
)
from ketasim.config.parameters import known_mechanisms, plain_mechanisms, validate_mechanisms
from ketasim.config.schedule import Schedule
from ketasim.config.stimuli import populations_of
from ketasim.digests import file_digest, text_digest
from ketasim.documents import Document, DocumentError, Problem, from_mapping, with_values
from ketasim.documents.nearest import shown
from ketasim.documents.validation import WHOLE, Quantity, Record, validate
from ketasim.exposures import DOSES, STIMULI, Administration, Dose, Exposure, held

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Mechanism
    from ketasim.network_files.circuit import Circuit

_TEN_YEARS = 3650 * 86400


def _mechanisms(value: Any, info: ValidationInfo) -> Mapping[str, Any]:
    known = (info.context or {}).get("mechanisms")
    return validate_mechanisms(value, known_mechanisms() if known is None else known)


def _format(value: Any) -> Any:
    if type(value) is int and value == 1:
        return value
    raise ValueError(f"unsupported format {shown(value)}; this version of ketasim reads format 1")


def _name(value: str) -> str:
    # The name must be valid as a file name on every system: no separators, no leading or trailing dots or blanks.
    if len(value.encode(errors="replace")) > 200 or not re.fullmatch(r"\w([\w .+-]{0,98}[\w+-])?", value):
        raise ValueError(f"invalid name {shown(value)}; use letters, digits, '_', '-', '+', '.' and spaces, up to 100")
    return value


class Experiment(Record):
    """One experiment, as described by a file; made by `load_experiment` or `Experiment.from_mapping`.

    Times are in s from time zero, weights in kg. `network` is a `NetworkModel`, a `NetworkFile` or None.
    `mechanisms` maps the name of every known mechanism to its parameters (a NamedTuple), or to False if it is
    switched off.
    """

    format: Annotated[Literal[1], BeforeValidator(_format)] = Field(description="version of the file format, 1")
    name: Annotated[StrictStr, AfterValidator(_name)] = Field(
        default="experiment",
        description="name of the run and its files, by default the name of the experiment file",
    )
    seed: Annotated[StrictInt, Field(ge=0, le=2**63 - 1), WHOLE] = Field(
        default=1, description="seed of all random numbers"
    )
    duration: Annotated[float, Gt(0), Le(_TEN_YEARS), Quantity("s")] = Field(
        description="time from zero to the end of the run, such as 24 h"
    )
    subject: Subject = Field(default=Subject(), description="who gets the doses")
    doses: tuple[Dose, ...] = Field(default=(), description="list of doses")
    stimuli: tuple[Stimulus, ...] = Field(default=(), description="list of stimuli to the network")
    network: Network = Field(default=NetworkModel(), description="the spiking network")
    schedule: Schedule = Field(default=Schedule(), description="when the network is sampled")
    drugs: tuple[LocalFile, ...] = Field(default=(), description="files with user drugs, relative to this file")
    mechanisms: Annotated[
        Mapping[str, Any],
        PlainValidator(_mechanisms, json_schema_input_type=dict[str, Any]),
        PlainSerializer(plain_mechanisms, when_used="json"),
    ] = Field(default_factory=dict, validate_default=True, description="mechanisms by name: off, on, or parameters")
    recording: Recording = Field(default=Recording(), description="what is stored in addition to population means")
    threads: Annotated[StrictInt, Field(ge=1, le=256), WHOLE] = Field(
        default=1, description="processor threads for one large network; results are the same with any number"
    )

    _document: Document = PrivateAttr()
    _own: tuple["Mechanism", ...] = PrivateAttr(default=())
    _stimuli: tuple[Exposure, ...] = PrivateAttr(default=())
    _catalogue: Mapping[str, Any] = PrivateAttr()
    _drug_digests: tuple[str, ...] = PrivateAttr(default=())
    _circuit: "Circuit | None" = PrivateAttr(default=None)

    @classmethod
    def from_mapping(
        cls, data: Mapping[str, Any], mechanisms: Sequence["Mechanism"] = (), exposures: Sequence[Exposure] = ()
    ) -> Self:
        """Return the experiment of a mapping with the keys of an experiment file.

        Parameters
        ----------
        data : mapping
            Plain values, quantities as text with units. Paths are relative to the current folder.
        mechanisms, exposures : sequence of Mechanism, sequence of Exposure
            User mechanisms and exposures in addition to those of ketasim.

        Raises
        ------
        DocumentError
            All problems: invalid keys and values, and inconsistencies among those that are valid.

        Examples
        --------
        >>> Experiment.from_mapping({"format": 1, "duration": "3 h"}).duration
        10800.0
        """
        return cls.from_document(from_mapping(data), mechanisms, exposures)

    @classmethod
    def from_document(
        cls, document: Document, mechanisms: Sequence["Mechanism"] = (), exposures: Sequence[Exposure] = ()
    ) -> Self:
        """Return the experiment of a document; errors as in `from_mapping`.

        Parameters
        ----------
        document : Document
            What was read; paths are relative to its folder.
        mechanisms, exposures : sequence of Mechanism, sequence of Exposure
            User mechanisms and exposures in addition to those of ketasim.
        """
        if document.file is not None and "name" not in document.data:
            document = with_values(document, {"name": _as_name(document.file.stem)})
        folder = document.file.parent if document.file else Path.cwd()
        stimuli = STIMULI | {one.kind: one for one in exposures}
        context = {"folder": folder, "mechanisms": known_mechanisms(mechanisms), "stimuli": stimuli}

        def read(document: Document) -> tuple[Self, list[Problem]]:
            experiment = validate(cls, document, context)
            experiment._document, experiment._own, experiment._stimuli = document, tuple(mechanisms), tuple(exposures)
            experiment._catalogue, problems = catalogue_of(experiment, document)
            # with the numbers that were read, whatever becomes of the files
            experiment._drug_digests = tuple(file_digest(file) for file in experiment.drugs if file.is_file())
            experiment._circuit = circuit_of(experiment)
            return experiment, problems + inconsistencies(experiment, document, experiment._catalogue)

        experiment: Self
        try:
            experiment, problems = read(document)
        except DocumentError as error:
            further = further_problems(document, error.problems, lambda mended: read(mended)[1])
            raise DocumentError([*error.problems, *further]) from None
        if problems:
            raise DocumentError(problems)
        return experiment

    def replace(self, **changes: Any) -> Self:
        """Return a new, validated experiment with some values changed.

        Parameters
        ----------
        **changes : Any
            Values by dotted path: ``seed=7`` or ``**{"doses.0.amount": "0.25 mg/kg"}``. Keys not in the file keep
            their defaults: another species has its own default weight.

        Raises
        ------
        DocumentError
            A path or value is invalid, or a drug file has changed since it was read.

        Examples
        --------
        >>> experiment = Experiment.from_mapping({"format": 1, "duration": "3 h"})
        >>> experiment.replace(**{"subject.species": "rat"}).subject.weight
        0.3
        """
        try:
            found = type(self).from_document(with_values(self._document, changes), self._own, self._stimuli)
        except DocumentError as error:  # the values came from Python, not from a line of the file
            raise DocumentError([problem._replace(place=None) for problem in error.problems]) from None
        before = dict(zip(self.drugs, self._drug_digests, strict=False))
        for place, (file, digest) in enumerate(zip(found.drugs, found._drug_digests, strict=False)):
            if before.get(file, digest) != digest:
                message = f"{file} has changed since the experiment was loaded; load it again"
                raise DocumentError([Problem(None, f"drugs.{place}", message)])
        return found

    def resolved(self) -> dict[str, Any]:
        """Return the experiment as plain data with all defaults filled in and units as text.

        `from_mapping` turns it back into an equal experiment. Paths are absolute.
        """
        data = self.model_dump(mode="json")
        data["doses"] = [{key: item for key, item in dose.items() if item is not None} for dose in data["doses"]]
        if self.subject.species != "human":
            del data["subject"]["genotype"]
        return data

    @property
    def sha256(self) -> str:
        """Digest of everything that determines results, not of recording or execution; files enter by content."""
        data = self.resolved()
        del data["recording"], data["threads"], data["schedule"]["checkpoint"]
        data["drugs"] = list(self._drug_digests)
        if isinstance(self.network, NetworkFile):
            first, *others = (file_digest(file) for file in self.network.files())
            data["network"]["file"] = first
            data["network"].pop("nodes", None)
            if others:  # a table of nodes, or the files of a circuit configuration
                data["network"]["others"] = others
        elif isinstance(self.network, NetworkModel):
            data["network"]["weights"] = self.network.weights.values._asdict()
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return text_digest(text)

    def given(self) -> dict[str, Any]:
        """Return the original data of the experiment, from which `from_given` reconstructs it.

        Paths are absolute. User mechanisms are not included.
        """
        data = json.loads(json.dumps(self._document.data))
        if "drugs" in data:
            data["drugs"] = [str(file) for file in self.drugs]
        if isinstance(self.network, NetworkFile):
            data["network"]["file"] = str(self.network.file)
            if self.network.nodes is not None:
                data["network"]["nodes"] = str(self.network.nodes)
        file = self.source_file
        return {"data": data, "text": self.source_text, "file": str(file.absolute()) if file else None}

    @classmethod
    def from_given(
        cls, given: Mapping[str, Any], mechanisms: Sequence["Mechanism"] = (), exposures: Sequence[Exposure] = ()
    ) -> Self:
        """Return the experiment from the result of `given`; errors as in `from_mapping`."""
        file = Path(given["file"]) if given["file"] else None
        document = Document(str(file or ""), given["text"], dict(given["data"]), {}, file)
        return cls.from_document(document, mechanisms, exposures)

    @property
    def exposures(self) -> dict[Exposure, tuple[Any, ...]]:
        """Single events by kind of exposure: doses in order of start, stimuli in order of the file."""
        doses = sorted(self.administrations, key=lambda dose: dose.start)
        found: dict[Exposure, tuple[Any, ...]] = {DOSES: tuple(doses)}
        for kind in (*STIMULI.values(), *self._stimuli):
            found[kind] = tuple(one for one in self.all_stimuli if one.kind == kind.kind)
        return found

    @property
    def all_stimuli(self) -> tuple[Any, ...]:
        """Stimuli of the file, and the stress that goes with the subject's phenotype."""
        stressed = self.subject.phenotype == "chronic_stress"
        return (*self.stimuli, *((held(self.duration),) if stressed else ()))

    @property
    def administrations(self) -> list[Administration]:
        """Every single dose in mg, in the order of the file."""
        return [
            Administration(dose.drug, dose.route, amount, start, dose.duration)
            for dose in self.doses
            for amount in (self.milligrams(dose),)
            for start in dose.starts
        ]

    def milligrams(self, dose: Dose) -> float:
        """Amount of each dose of a series in mg; NaN if it is stated in mol, of a drug without a molar mass."""
        drug = self._catalogue.get(dose.drug)
        molar_mass = drug.molar_mass_given if dose.in_moles and drug and drug.compounds else math.nan
        return dose.milligrams(self.subject.weight, molar_mass)

    @property
    def begin(self) -> float:
        """Beginning of the run in s: zero, or the start of the earliest exposure before it."""
        return min([0.0, *(one.begin for one in self.all_stimuli)])

    @property
    def populations(self) -> Mapping[str, Any]:
        """Populations that the network may have, with their cell parameters; empty without a network."""
        return populations_of(self)

    @property
    def own_exposures(self) -> tuple[Exposure, ...]:
        """User kinds of exposure given in Python."""
        return self._stimuli

    @property
    def source_text(self) -> str:
        """Text of the experiment file as written, without overrides; without a file, its data but `threads` as JSON."""
        data = {key: item for key, item in self._document.data.items() if key != "threads"}
        return self._document.text or json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    @property
    def source_file(self) -> Path | None:
        """Experiment file, or None."""
        return self._document.file

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that it was read from: its own, those of its network, and those of drugs."""
        return (*((self.source_file,) if self.source_file else ()), *self.inputs)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Files that results depend on beside its own: those of its network, and those of drugs."""
        network = self.network.files() if isinstance(self.network, NetworkFile) else ()
        return (*network, *self.drugs)

    @property
    def catalogue(self) -> Mapping[str, Any]:
        """Drugs by name: those of ketasim and those from files in `drugs`."""
        return self._catalogue

    @property
    def circuit(self) -> "Circuit | None":
        """Circuit described by the circuit file under `network`, or None without one."""
        return self._circuit

    @property
    def own_mechanisms(self) -> tuple["Mechanism", ...]:
        """User mechanisms given in Python."""
        return self._own

    def _repr_html_(self) -> str:
        from ketasim.config.display import experiment_html

        return experiment_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_document, (self._document, self._own, self._stimuli)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Experiment):
            return NotImplemented
        same = all(getattr(self, name) == getattr(other, name) for name in type(self).model_fields)
        return same and self._drug_digests == other._drug_digests

    def __hash__(self) -> int:
        return hash((self.name, self.seed, self.duration, self.doses))


def _as_name(stem: str) -> str:
    """Return a file's stem as a valid name of an experiment."""
    return re.sub(r"[^\w+-]+", "_", stem).strip("_")[:50] or "experiment"
