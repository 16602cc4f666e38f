"""Weights of the default circuit in an experiment file: the number of a set, or individual values."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

from pydantic import Field, PlainSerializer, PlainValidator, StrictInt, create_model

from ketasim.documents import format_quantity
from ketasim.documents.nearest import shown
from ketasim.documents.validation import Quantity, Record
from ketasim.network.weights import DEFAULT_SET, WeightSet, weight_set
from ketasim.sources import source_of, unit_of

if TYPE_CHECKING:
    from pydantic import ValidationInfo


class Weights(NamedTuple):
    """Conductances of the default circuit.

    Attributes
    ----------
    set : int
        Number of an accepted set.
    values : WeightSet
        Conductances in nS: those of the set, except where the experiment gives others.
    """

    set: int
    values: WeightSet

    @property
    def changed(self) -> dict[str, float]:
        """Conductances in nS that differ from those of the set."""
        stored = weight_set(self.set)._asdict()
        return {name: value for name, value in self.values._asdict().items() if value != stored[name]}


def _fields() -> dict[str, Any]:
    fields: dict[str, Any] = {"id": (StrictInt, Field(default=DEFAULT_SET, description="number of an accepted set"))}
    for name, hint in get_type_hints(WeightSet, include_extras=True).items():
        unit, source = unit_of(hint) or "1", source_of(hint)
        limits = (item for item in hint.__metadata__ if item not in (unit, source))
        description = f"in {unit}; {source.text if source else ''}"
        fields[name] = (Annotated[(float, *limits, Quantity(unit))], Field(default=0.0, description=description))
    return fields


WeightsModel: type[Record] = create_model("Weights", __base__=Record, **_fields())


def default_weights() -> Weights:
    """Weights of the default set."""
    return Weights(DEFAULT_SET, weight_set(DEFAULT_SET))


def _weights(value: Any, info: "ValidationInfo | None" = None) -> Weights:
    """Return the weights given by a number or a mapping."""
    if isinstance(value, Weights):
        return value
    if type(value) is int:
        return Weights(value, weight_set(value))
    if not isinstance(value, Mapping):
        raise ValueError(
            f"expected the number of a set, or weights such as {{nmda_PYR_SST: 0.1 nS}}; got {shown(value)}"
        )
    given = WeightsModel.model_validate(dict(value))
    number = given.id  # type: ignore[attr-defined]
    named = {name: getattr(given, name) for name in given.model_fields_set - {"id"}}
    return Weights(number, weight_set(number)._replace(**named))


def _plain(weights: Weights) -> Any:
    """Return the weights as written in a file."""
    changed = {name: format_quantity(value, "nS") for name, value in weights.changed.items()}
    return {"id": weights.set, **changed} if changed else weights.set


WeightsChoice = Annotated[
    Weights,
    PlainValidator(_weights, json_schema_input_type=StrictInt | WeightsModel),
    PlainSerializer(_plain, when_used="json"),
]
