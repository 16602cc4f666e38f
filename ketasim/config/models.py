"""Sections of an experiment file; attributes are in internal units."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

from annotated_types import Ge, Gt, Le
from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ketasim.config.parameters import parameters_model
from ketasim.config.schedule import SecondsFromZero
from ketasim.config.weights import WeightsChoice, default_weights
from ketasim.documents import format_quantity, parse_quantity
from ketasim.documents.nearest import shown
from ketasim.documents.validation import WHOLE, Quantity, Record, complaint, named, unknown
from ketasim.exposures import STIMULI
from ketasim.network.synapses import PREFRONTAL, Receptors
from ketasim.network_files.columns import Reading

Species = Literal["human", "rat", "mouse"]

_SPECIES = {
    "human": ("humans", "man", "woman", "patient", "homo sapiens"),
    "rat": ("rats", "sprague-dawley", "wistar", "long-evans", "rattus norvegicus"),
    "mouse": ("mice", "c57bl/6", "c57bl/6j", "balb/c", "mus musculus"),
}
SPECIES_SYNONYMS = {synonym: species for species, synonyms in _SPECIES.items() for synonym in synonyms}

#: Default body weight in kg: reference adult human, adult rat, adult mouse.
DEFAULT_WEIGHT = {"human": 70.0, "rat": 0.3, "mouse": 0.025}

#: Body weights in kg outside which a slip of unit is likely. Rats weigh 40-60 g when weaned and 350 g as adults (males
#: up to 520 g), mice 10-12 g and 30-35 g (arc.wa.gov.au, biological data); the rest is margin, and humans are recalled.
USUAL_WEIGHT = {"human": (2.0, 300.0), "rat": (0.04, 1.0), "mouse": (0.008, 0.07)}

Seconds = Annotated[float, Quantity("s")]


def _local_file(value: Any, info: ValidationInfo) -> Path:
    """Return an absolute path; relative paths are relative to the experiment file."""
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError(f"expected the path of a file, got {shown(value)}")
    folder = (info.context or {}).get("folder") or Path.cwd()
    try:
        path = (folder / Path(value).expanduser()).absolute()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):  # reported later, with other problems
        pass
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # name too long, no access, home of an unknown user, a lone surrogate
        raise ValueError(f"{shown(str(value))}: {getattr(error, 'strerror', None) or error}") from None
    return path


LocalFile = Annotated[Path, PlainValidator(_local_file, json_schema_input_type=str)]


class Genotype(Record):
    """Variants that change the effects of a dose (human only)."""

    cyp2b6: Literal["*1/*1", "*1/*6", "*6/*6"] = Field(
        default="*1/*1", description="CYP2B6, an enzyme that metabolises ketamine"
    )
    bdnf: Literal["Val/Val", "Val/Met", "Met/Met"] = Field(
        default="Val/Val", description="BDNF Val66Met, which lowers activity-dependent release of BDNF"
    )


class Subject(Record):
    """Who gets the doses."""

    species: Annotated[Species, named(SPECIES_SYNONYMS)] = Field(default="human", description="human, rat or mouse")
    weight: Annotated[float, Gt(0), Le(1000), Quantity("kg")] = Field(
        default_factory=lambda data: DEFAULT_WEIGHT[data.get("species", "human")],
        description="body weight, by default 70 kg (human), 0.3 kg (rat), 0.025 kg (mouse)",
    )
    phenotype: Literal["healthy", "chronic_stress"] = Field(
        default="healthy",
        description="chronic_stress: daily stress from three weeks before time zero to the end; here depression",
    )
    genotype: Genotype = Field(default=Genotype(), description="human genetic variants")


class Subunits(Record):
    """Shares of the GluN2 subunits in a population's NMDA conductance; they add up to 1."""

    GluN2A: Annotated[float, Ge(0), Le(1), Quantity("1")] = Field(default=0.0, description="share of GluN2A")
    GluN2B: Annotated[float, Ge(0), Le(1), Quantity("1")] = Field(default=0.0, description="share of GluN2B")
    GluN2C: Annotated[float, Ge(0), Le(1), Quantity("1")] = Field(default=0.0, description="share of GluN2C")
    GluN2D: Annotated[float, Ge(0), Le(1), Quantity("1")] = Field(default=0.0, description="share of GluN2D")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum(self.shares)
        if abs(total - 1.0) > 1e-4:  # as exact as shares drawn by a sweep are written
            raise ValueError(f"the shares of GluN2A, B, C and D must add up to 1, not {total:g}")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """Shares in the order A, B, C, D."""
        return (self.GluN2A, self.GluN2B, self.GluN2C, self.GluN2D)


def _default_subunits(population: str) -> Any:
    shares = dict(zip(Subunits.model_fields, PREFRONTAL.cells[population].nmda_shares, strict=True))
    return Field(default=Subunits(**shares), description=f"shares in the NMDA conductance of {population} cells")


class NmdaSubunits(Record):
    """Shares of GluN2 subunits in each population of the default circuit."""

    PYR: Subunits = _default_subunits("PYR")
    PV: Subunits = _default_subunits("PV")
    SST: Subunits = _default_subunits("SST")

    @property
    def shares(self) -> dict[str, tuple[float, ...]]:
        """Shares of GluN2A, B, C and D by population."""
        return {name: getattr(self, name).shares for name in type(self).model_fields}


#: Constants of all synapses, as `ketasim.network.synapses.Receptors` declares them.
if TYPE_CHECKING:
    ReceptorConstants = Record
else:
    ReceptorConstants = parameters_model(Receptors, "receptors")


class NetworkModel(Record):
    """A network that ketasim builds."""

    model: Literal["prefrontal_microcircuit"] = Field(
        default="prefrontal_microcircuit", description="which circuit to build"
    )
    neurons: Annotated[StrictInt, Ge(20), Le(1_000_000), WHOLE] = Field(default=1000, description="number of neurons")
    weights: WeightsChoice = Field(
        default_factory=default_weights,
        description="number of an accepted set of weights, or individual weights, such as {nmda_PYR_SST: 0.1 nS}",
    )
    nmda_subunits: NmdaSubunits = Field(
        default=NmdaSubunits(),
        description="shares of GluN2 subunits by population, such as {PV: {GluN2A: 0.6, GluN2B: 0.4}}",
    )
    receptors: ReceptorConstants = Field(
        default=ReceptorConstants(), description="constants of all synapses, such as {mg: 0.5 mM, nmda_time: 80 ms}"
    )


#: Keys of a network that ketasim builds which say what its synapses are.
STATED = ("weights", "nmda_subunits", "receptors")


def stated_apart(network: Mapping[str, Any] | None) -> list[str]:
    """Return keys of a resolved network whose values differ from the default's and are in no file of a graph."""
    default = NetworkModel().model_dump(mode="json")
    return [key for key in STATED if network and network.get(key, default[key]) != default[key]]


def _classes(value: Any) -> dict[str, str | None]:
    """Return label -> population, None for the word `none`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a mapping such as {{E: PYR, pvalb: PV}}, got {shown(value)}")
    for label, name in value.items():
        if name is not None and name not in (*PREFRONTAL.cells, "none"):
            message = unknown("population", name, [*PREFRONTAL.cells, "none"])
            raise ValidationError.from_exception_data("classes", [complaint((label,), message)])
    return {str(label): None if name == "none" else name for label, name in value.items()}


Classes = Annotated[
    dict[str, str | None],
    PlainValidator(_classes, json_schema_input_type=dict[str, Literal["PYR", "PV", "SST", "none"]]),
    PlainSerializer(lambda classes: {label: name or "none" for label, name in classes.items()}, when_used="json"),
]


class NetworkFile(Record):
    """A network from a file."""

    file: LocalFile = Field(
        description="circuit file, GraphML, SONATA or its circuit_config.json, edge list or matrix, relative to the "
        "experiment file"
    )
    scale: Annotated[StrictInt, Ge(1), Le(1000), WHOLE] = Field(
        default=1,
        description="for circuit files only: factor that multiplies the number of neurons and divides conductances",
    )
    population: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None, description="attribute or column that holds the classes of nodes, such as cell_type"
    )
    classes: Classes = Field(
        default={}, description="labels in the file and the populations they are, such as {E: PYR, glia: none}"
    )
    nodes: LocalFile | None = Field(
        default=None, description="table of nodes with their classes, relative to the experiment file"
    )
    rows: Literal["sources", "targets"] | None = Field(
        default=None, description="whether a matrix's rows send or receive"
    )
    directed: Literal["both"] | None = Field(
        default=None, description="both: each edge of an undirected graph stands for one in each direction"
    )
    parallel: Literal["sum"] | None = Field(
        default=None, description="sum: edges of the same pair are merged, their weights added, as SONATA's always are"
    )
    normalise: Literal["class_pair"] | None = Field(
        default=None,
        description="class_pair: weights are divided by the mean of their class pair; for counts, nS or pA",
    )

    def files(self) -> list[Path]:
        """Return every file that is read, the file itself first."""
        from ketasim.network_files.exchange import files_of

        return files_of(self.file, self.reading)

    @property
    def reading(self) -> Reading:
        """How the file is to be read."""
        return Reading(**{key: getattr(self, key) for key in Reading._fields})


class Interval(Record):
    """A time interval, both ends included."""

    start: Seconds = Field(alias="from", description="begin, such as 0 h")
    end: Seconds = Field(alias="to", description="end, such as 40 min")


def _interval(value: Any) -> tuple[float, float]:
    """Return begin and end in s of an instant or an interval."""
    if isinstance(value, Mapping):
        interval = Interval.model_validate(dict(value))
        return interval.start, interval.end
    if isinstance(value, str | int | float):
        instant = parse_quantity(value, "s")
        return instant, instant
    raise ValueError(f"expected a time such as 40 min or {{from: 0 h, to: 40 min}}, got {shown(value)}")


def _plain_interval(interval: tuple[float, float]) -> Any:
    start, end = (format_quantity(instant, "s") for instant in interval)
    return start if start == end else {"from": start, "to": end}


Stretch = Annotated[
    tuple[float, float],
    PlainValidator(_interval, json_schema_input_type=Seconds | Interval),
    PlainSerializer(_plain_interval, when_used="json"),
]


class Recording(Record):
    """What is stored in addition to population means."""

    node_signals: tuple[StrictStr, ...] = Field(default=(), description="signals to store for every neuron")
    spikes: tuple[Stretch, ...] = Field(
        default=(), description="times at which spikes are stored: instants, or {from: 0 h, to: 40 min}"
    )
    graph: tuple[SecondsFromZero, ...] = Field(
        default=(),
        description="times at which the graph is measured and its weights stored, such as [3 d, 7 d]; "
        "also at the start, after 24 h and at the end",
    )
    measures: StrictBool = Field(
        default=True, description="measure the graph at those times, which takes 2 s each time with 1,000 neurons"
    )


def _stimulus(value: Any, info: ValidationInfo) -> Any:
    """Return an entry of `stimuli` as its kind's model."""
    kinds = (info.context or {}).get("stimuli", STIMULI)
    models = {name: one.Model for name, one in kinds.items()}
    if isinstance(value, tuple(models.values())):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a mapping such as {{kind: afferents, ...}}, got {shown(value)}")
    kind = value.get("kind")
    if kind is None:
        raise ValueError(f"the key 'kind' is missing; allowed: {', '.join(models)}")
    if not isinstance(kind, str) or kind not in models:
        raise ValidationError.from_exception_data("stimulus", [complaint(("kind",), unknown("kind", kind, models))])
    return models[kind].model_validate(dict(value), context=info.context)


Stimulus = Annotated[
    Any,
    PlainValidator(_stimulus, json_schema_input_type=Union[tuple(one.Model for one in STIMULI.values())]),  # noqa: UP007
    PlainSerializer(lambda stimulus: stimulus.model_dump(mode="json"), when_used="json"),
]


def _network(value: Any, info: ValidationInfo) -> NetworkModel | NetworkFile | None:
    """Return the network section, None for the word `none`."""
    if value == "none":
        return None
    if not isinstance(value, Mapping):
        raise ValueError(f"expected {{neurons: 1000}}, {{file: net.graphml}} or none, got {shown(value)}")
    kind = NetworkFile if "file" in value else NetworkModel
    return kind.model_validate(dict(value), context=info.context)


def _plain_network(network: NetworkModel | NetworkFile | None) -> Any:
    if not isinstance(network, NetworkFile):
        return "none" if network is None else network.model_dump(mode="json")
    data = network.model_dump(mode="json", exclude_none=True)
    return data if data["classes"] else {key: value for key, value in data.items() if key != "classes"}


Network = Annotated[
    NetworkModel | NetworkFile | None,
    PlainValidator(_network, json_schema_input_type=NetworkModel | NetworkFile | Literal["none"]),
    PlainSerializer(_plain_network, when_used="json"),
]
