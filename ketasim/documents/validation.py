"""Pydantic models of documents: quantities as fields, and every error as a `Problem` with its place."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from ketasim.documents.document import DataPath, Document
from ketasim.documents.nearest import canonical, did_you_mean, shown
from ketasim.documents.problems import DocumentError, Problem
from ketasim.documents.units import DoseAmount, format_quantity, parse_dose_amount, parse_quantity, suggested

_EXPLAINED = "explained"
#: Number of errors for which the nearest valid name is looked up; fewer are shown.
_NEAREST = 50
#: Magnitude of a nonzero quantity in its internal unit; no measured value is outside, and products stay finite.
_SMALLEST, _LARGEST = 1e-15, 1e15
_QUANTITY_PATTERN = r"^\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*[A-Za-zµμ1/].*$"

_AMOUNT_PATTERN = r"^\s*\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\s*[a-zµμ]{0,2}(g|mol)([^A-Za-z].*)?$"


_REPLACE = (
    "experiments and their parts do not change; experiment.replace(seed=7) or "
    'experiment.replace(**{"doses.0.amount": "0.25 mg/kg"}) returns a new one'
)


class Record(BaseModel):
    """A frozen mapping of a document in which an unknown key is an error.

    Subclasses define the fields; see `Quantity` for those with units. Errors list what is allowed and the nearest
    valid name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise AttributeError(f"{name} cannot be set: {_REPLACE}")
        super().__setattr__(name, value)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; pydantic's `update` is refused, because it would skip every check."""
        if update:
            raise AttributeError(f"{', '.join(update)} cannot be set: {_REPLACE}")
        return super().model_copy(deep=deep)

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, value: Any, handler: Callable[[Any], Any]) -> Any:
        """Turn pydantic's errors into messages for users here, where the allowed keys are known."""
        try:
            return handler(value)
        except ValidationError as error:
            raise explained(cls, error) from None


@dataclass(frozen=True)
class Quantity:
    """Annotation of a number that has a unit in the document: ``Annotated[float, Gt(0), Quantity("s")]``.

    The attribute holds the number in that unit; limits apply to it, and a JSON dump writes it with the unit.

    Parameters
    ----------
    unit : str
        Internal unit; ``1`` for a plain number.
    word : str, optional
        A word allowed instead, such as ``auto``; the attribute is then None.
    """

    unit: str
    word: str | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Wrap the number's own schema, so that limits see the converted number."""
        serialization = core_schema.plain_serializer_function_ser_schema(self._format, when_used="json")
        return core_schema.no_info_wrap_validator_function(self._parse, handler(source), serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> JsonSchemaValue:
        """Return the schema of the text in the document instead of that of the number."""
        if self.unit == "1":
            return {key: value for key, value in handler(schema).items() if key != "default"}
        found: JsonSchemaValue = {
            "type": "string",
            "pattern": _QUANTITY_PATTERN,
            "examples": [f"1 {name}" for name in suggested(self.unit)],
        }
        return {"anyOf": [{"const": self.word}, found]} if self.word else found

    def _parse(self, value: Any, handler: Callable[[Any], Any]) -> Any:
        if self.word is not None and value == self.word:
            return None
        try:
            number = parse_quantity(value, self.unit)
        except ValueError as error:
            raise ValueError(f"{error}{f', or {self.word}' if self.word else ''}") from None
        _check_size(number, value, self.unit)
        try:
            return handler(number)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            raise ValueError(_limit_message(shown(value), problem, self.unit)) from None

    def _format(self, value: float | None) -> str | float | None:
        return self.word if value is None else format_quantity(value, self.unit)


@dataclass(frozen=True)
class Amount:
    """Annotation of a dose amount, such as mg/kg, or of a rate: ``Annotated[DoseAmount, Amount()]``.

    Parameters
    ----------
    per_hour : bool
        Whether it is the rate of an infusion.
    """

    per_hour: bool = False

    def _parse(self, value: Any) -> DoseAmount:
        amount = parse_dose_amount(value, self.per_hour)
        _check_size(amount.value, value, amount.unit)
        return amount

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read with `parse_dose_amount`, write as text."""
        serialization = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(self._parse, serialization=serialization)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> JsonSchemaValue:
        """Return the schema of the text."""
        return {
            "type": "string",
            "pattern": _AMOUNT_PATTERN,
            "examples": ["0.75 mg/kg/h", "5 ug/kg/min", "50 mg/h"] if self.per_hour else ["0.5 mg/kg", "35 mg"],
        }


def named(synonyms: Mapping[str, str]) -> BeforeValidator:
    """Return the annotation of a name that may be written as one of its synonyms, see `canonical`."""
    return BeforeValidator(lambda value: canonical(value, synonyms))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: Annotation of a whole number that may also be written as 1e3; the last one of its field.
WHOLE = BeforeValidator(_whole)


def _check_size(number: float, value: Any, unit: str) -> None:
    if number and not _SMALLEST <= abs(number) <= _LARGEST:
        limits = " and ".join(f"{limit:g} {unit if unit != '1' else ''}".strip() for limit in (_SMALLEST, _LARGEST))
        raise ValueError(f"{shown(value)} is out of range; expected 0 or a magnitude between {limits}")


ModelT = TypeVar("ModelT", bound=BaseModel)


def validate(model: type[ModelT], document: Document, context: Mapping[str, Any] | None = None) -> ModelT:
    """Return the model of a document.

    Parameters
    ----------
    model : type of BaseModel
        Model of the document's root, usually a `Record`.
    document : Document
        The data and their places.
    context : mapping, optional
        Passed to the model's validators as ``info.context``.

    Raises
    ------
    DocumentError
        All problems, each with its place.
    """
    try:
        return model.model_validate(document.data, context=dict(context or {}))
    except ValidationError as error:
        raise DocumentError(problems_of(model, error, document)) from None


def problems_of(model: type[BaseModel], error: ValidationError, document: Document) -> list[Problem]:
    """Return a pydantic error as problems of the document."""
    problems = []
    for detail in explained(model, error).errors(include_url=False):
        at = detail["ctx"]["at"]
        problems.append(document.problem(detail["loc"], detail["msg"], at))
    return problems


def explained(model: type[BaseModel], error: ValidationError) -> ValidationError:
    """Return a pydantic error with messages for users; messages already explained are kept.

    Parameters
    ----------
    model : type of BaseModel
        Model being validated; its field names are the allowed keys.
    error : pydantic.ValidationError
        Error raised by pydantic.
    """
    details: list[InitErrorDetails] = []
    for detail in error.errors(include_url=False):
        if detail["type"] == _EXPLAINED:
            text, at = detail["msg"], detail["ctx"]["at"]
        elif detail["type"] == "default_factory_not_called":
            continue  # follows from another error that is reported
        else:
            text, at = _message(model, detail, near=len(details) < _NEAREST)
        details.append(complaint(detail["loc"], text, at, detail["input"]))
    return ValidationError.from_exception_data(model.__name__, details)


def complaint(loc: DataPath, text: str, at: str = "value", value: Any = None) -> InitErrorDetails:
    """Return an error with a message for users, for ``ValidationError.from_exception_data``.

    Parameters
    ----------
    loc : tuple of str or int
        Path below the value being validated.
    text : str
        What is wrong and what is allowed.
    at : str
        What it points at, as in `Document.place`.
    value : object
        The wrong value.
    """
    return {
        "type": PydanticCustomError(_EXPLAINED, "{text}", {"text": text, "at": at}),
        "loc": loc,
        "input": value,
    }


def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the keys of a model as written in a document, with their descriptions."""
    return {field.alias or name: field.description or "" for name, field in model.model_fields.items()}


def _message(model: type[BaseModel], detail: Any, near: bool) -> tuple[str, str]:
    """Return the message for one pydantic error and what it points at: value, key or parent."""
    kind, last = detail["type"], detail["loc"][-1] if detail["loc"] else ""
    if kind == "extra_forbidden":
        comma = "; inside {...} a comma separates entries: write a decimal point" if re.match(r"\d", str(last)) else ""
        return (unknown("key", last, keys_of(model)) if near else f"unknown key {shown(last)}") + comma, "key"
    if kind == "missing":
        meaning = keys_of(model).get(str(last))
        return f"the key '{last}' is missing" + (f" ({meaning})" if meaning else ""), "parent"
    if kind == "value_error":
        return str(detail["ctx"]["error"]), "value"
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", detail["ctx"]["expected"]) or [detail["ctx"]["expected"]]
        return unknown("value", detail["input"], allowed), "value"
    if kind.startswith(("greater_than", "less_than", "finite_number")):
        return _limit_message(shown(detail["input"]), detail, "1"), "value"
    return _type_message(detail), "value"


def unknown(what: str, name: object, allowed: Any) -> str:
    """Return the message for a name that is not allowed, with the nearest allowed name.

    Examples
    --------
    >>> unknown("drug", "ketamin", ["ketamine", "saline"])
    "unknown drug 'ketamin'; allowed: ketamine, saline; did you mean ketamine?"
    """
    names = list(allowed)
    listed = ", ".join(names) if names else "none"
    return f"unknown {what} {shown(name)}; allowed: {listed}{did_you_mean(name, names)}"


_LIMITS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def _limit_message(value: str, detail: Any, unit: str) -> str:
    for key, words in _LIMITS.items():
        if key in detail.get("ctx", {}):
            limit = detail["ctx"][key]
            text = format_quantity(limit, unit) if unit != "1" else shown(limit)
            return f"{value} is out of range; it must be {words} {text}"
    return f"{value}: {detail['msg']}"


_WANTED = {
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "model": "a mapping",
    "dict": "a mapping",
    "float": "a number",
}


#: Words that were booleans in YAML 1.1.
_TRUE_OR_FALSE = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def _type_message(detail: Any) -> str:
    value, kind = detail["input"], detail["type"].partition("_")[0]
    if detail["type"] == "too_short" and isinstance(value, list | tuple | Mapping):
        least = detail["ctx"]["min_length"]
        return f"{'empty' if not len(value) else shown(value)}; at least {least} {'entry' if least == 1 else 'entries'}"
    if kind not in _WANTED or detail["type"].endswith(("_too_long", "_too_short", "_mismatch")):
        return f"{shown(value)}: {detail['msg']}"
    number = kind in ("int", "float") and re.fullmatch(r"\s*[-+]?[0-9.]+(e[-+]?[0-9]+)?\s*", str(value))
    advice = "; remove the quotation marks" if number and isinstance(value, str) else ""
    if kind in ("tuple", "list", "model", "dict") and value is None:
        advice = "; leave the key out"
    elif kind in ("tuple", "list") and isinstance(value, Mapping):
        advice = "; begin each item with `- `"
    if kind == "bool" and isinstance(value, str) and value.casefold() in _TRUE_OR_FALSE:
        advice = f"; write {_TRUE_OR_FALSE[value.casefold()]}"
    return f"expected {_WANTED[kind]}, got {shown(value)}{advice}"
