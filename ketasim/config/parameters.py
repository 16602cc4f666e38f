"""Parameters of mechanisms in an experiment file, validated against each mechanism's NamedTuple."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

from immutabledict import immutabledict
from pydantic import Field, StrictBool, StrictInt, StrictStr, ValidationError, create_model

from ketasim.documents import KetasimError
from ketasim.documents.nearest import shown
from ketasim.documents.validation import WHOLE, Quantity, Record, complaint, explained, unknown
from ketasim.sources import Source, source_of, unit_of

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Mechanism


class DeclarationError(KetasimError, ValueError):
    """A declaration is wrong: an unknown signal, two owners of a state, a scaled signal that is not a port."""

    exit_code = 2


_STRICT = {bool: StrictBool, int: StrictInt, str: StrictStr}


def shipped_mechanisms() -> tuple["Mechanism", ...]:
    """Return the mechanisms of ketasim in their order."""
    from ketasim.mechanisms import ORDER

    return tuple(ORDER)


def known_mechanisms(own: Sequence["Mechanism"] = ()) -> tuple["Mechanism", ...]:
    """Return the mechanisms that an experiment may name: those of ketasim, then user mechanisms.

    Parameters
    ----------
    own : sequence of Mechanism
        User mechanisms.

    Raises
    ------
    DeclarationError
        Two have the same name.
    """
    known = (*shipped_mechanisms(), *own)
    names = [mechanism.name for mechanism in known]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DeclarationError(f"two mechanisms are named {', '.join(twice)}; rename yours")
    return known


@lru_cache(maxsize=256)
def parameters_model(parameters: type, name: str) -> type[Record]:
    """Return the pydantic model of a mechanism's parameters.

    Parameters
    ----------
    parameters : type
        A NamedTuple whose fields are ``Annotated[type, limits..., "unit", Source(...)] = default``. A field with a
        unit other than ``"1"`` is written with a unit in the file and holds the number in that unit; a tuple of
        numbers is written as a list.
    name : str
        The mechanism's name, for messages.
    """
    fields: dict[str, Any] = {}
    defaults = getattr(parameters, "_field_defaults", {})
    for field, hint in get_type_hints(parameters, include_extras=True).items():
        unit, source = unit_of(hint), source_of(hint)
        notes = (f"in {unit}" if unit not in (None, "1") else "", source.text if source else "")
        description = "; ".join(filter(None, notes)) or None
        fields[field] = (_field_type(hint), Field(default=defaults.get(field, ...), description=description))
    return create_model(name, __base__=Record, **fields)


def _field_type(hint: Any, unit: str | None = None) -> Any:
    """Return a type hint for pydantic: numbers with units, no text in place of numbers, at any depth."""
    unit = unit_of(hint) or unit
    limits: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *metadata = get_args(hint)
        limits = tuple(item for item in metadata if not isinstance(item, str | Source))
    if hint is float:
        return Annotated[(float, *limits, Quantity(unit or "1"))]
    if get_origin(hint) is tuple:
        hint = tuple[tuple(item if item is ... else _field_type(item, unit) for item in get_args(hint))]  # type: ignore
    elif get_origin(hint) in (Union, UnionType):
        hint = Union[tuple(_field_type(item, unit) for item in get_args(hint))]  # noqa: UP007
    if hint is int:
        limits = (*limits, WHOLE)
    hint = _STRICT.get(hint, hint)
    return Annotated[(hint, *limits)] if limits else hint


def validate_mechanisms(value: Any, known: Sequence["Mechanism"]) -> immutabledict[str, Any]:
    """Return the parameters of every known mechanism, False for those switched off.

    Parameters
    ----------
    value : mapping
        Section ``mechanisms:``; each entry is ``off``, ``on``, a boolean or a mapping of parameters.
    known : sequence of Mechanism
        Mechanisms that may be named; those not named have their default parameters, or are off if they are by default.

    Raises
    ------
    pydantic.ValidationError
        With messages for the user, see `ketasim.documents.validation.explained`.
    """
    if not isinstance(value, Mapping):
        text = f"expected a mapping such as {{{known[0].name}: off}}, got {shown(value)}" if known else ""
        text += "; leave the key out" if text and value is None else ""
        raise ValidationError.from_exception_data("mechanisms", [complaint((), text or "expected a mapping")])
    names = [mechanism.name for mechanism in known]
    details = [complaint((name,), unknown("mechanism", name, names), "key") for name in value if name not in names]
    found: dict[str, Any] = {}
    for mechanism in known:
        try:
            found[mechanism.name] = _entry(value.get(mechanism.name, mechanism.by_default), mechanism)
        except ValidationError as error:
            details += [
                complaint((mechanism.name, *detail["loc"]), detail["msg"], detail["ctx"]["at"])
                for detail in explained(Record, error).errors(include_url=False)
            ]
    if details:
        raise ValidationError.from_exception_data("mechanisms", details)
    return immutabledict(found)


def _entry(value: Any, mechanism: "Mechanism") -> Any:
    if value is False or value == "off":
        return False
    if value is True or value == "on":
        value = {}
    if isinstance(value, mechanism.Parameters):
        return value
    if not isinstance(value, Mapping):
        text = f"expected off, on or a mapping of parameters, got {shown(value)}"
        if isinstance(value, str) and value.casefold() in ("no", "yes"):  # booleans in YAML 1.1
            text += f"; write {'off' if value.casefold() == 'no' else 'on'}"
        raise ValidationError.from_exception_data(mechanism.name, [complaint((), text)])
    model = parameters_model(mechanism.Parameters, mechanism.name).model_validate(dict(value))
    names = parameters_model(mechanism.Parameters, mechanism.name).model_fields
    return mechanism.Parameters(**{name: getattr(model, name) for name in names})


def plain_mechanisms(mechanisms: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of mechanisms as written in a file: all values, with units.

    What is off by default is left out while it is off, so that a hypothesis that a run does not use is not in its file.

    Parameters
    ----------
    mechanisms : mapping of str to NamedTuple or False
        As returned by `validate_mechanisms`.
    """
    unnamed = {one.name for one in shipped_mechanisms() if not one.by_default}
    return {
        name: parameters is not False and _model_of(name, parameters).model_dump(mode="json")
        for name, parameters in mechanisms.items()
        if parameters is not False or name not in unnamed
    }


def _model_of(name: str, parameters: Any) -> Record:
    kind: type = type(parameters)
    return parameters_model(kind, name).model_construct(**parameters._asdict())
