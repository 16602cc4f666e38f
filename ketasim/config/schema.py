"""JSON Schema of the experiment file, for editors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ketasim.config.experiment import Experiment
from ketasim.config.parameters import known_mechanisms, parameters_model
from ketasim.config.sweeps import SweepSections
from ketasim.signals import SIGNALS

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Mechanism


def experiment_schema(mechanisms: Sequence["Mechanism"] = ()) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an experiment file.

    It suggests names of drugs, routes, mechanisms, their parameters and signals. Drugs and routes from user drug files
    are allowed, too; whether a drug has a route is checked by `ketasim check`.

    Parameters
    ----------
    mechanisms : sequence of Mechanism
        User mechanisms in addition to those of ketasim.
    """
    schema = Experiment.model_json_schema(by_alias=True, mode="validation")
    several = SweepSections.model_json_schema(by_alias=True, mode="validation")
    schema["properties"] |= several["properties"]
    definitions = schema["$defs"]
    definitions |= several["$defs"]
    drugs, routes = _drugs_and_routes()
    dose = definitions["Dose"]["properties"]
    dose["drug"] |= {"anyOf": [{"enum": drugs}, {"type": "string"}]}
    dose["route"] |= {"anyOf": [{"enum": routes}, {"type": "string"}]}
    species = definitions["Subject"]["properties"]["species"]
    species |= {"anyOf": [{"enum": species.pop("enum")}, {"type": "string"}]}  # synonyms, too
    for name in (dose["drug"], dose["route"], species):
        name.pop("type", None)
    nodes = [name for name, signal in SIGNALS.items() if signal.dims == ("node",)]
    definitions["Recording"]["properties"]["node_signals"]["items"] = {"enum": nodes}
    schema["properties"]["mechanisms"] = {
        "type": "object",
        "description": schema["properties"]["mechanisms"]["description"],
        "properties": {mechanism.name: _entry(mechanism) for mechanism in known_mechanisms(mechanisms)},
        "additionalProperties": False,
    }
    schedule = definitions["Schedule"]["properties"]
    network = definitions["NetworkFile"]["properties"]
    optional = [(network, key) for key in network if "anyOf" in network[key]]
    doses = [(dose, key) for key in ("amount", "rate", "repeat")]
    draws = [(definitions["SweepSection"]["properties"], key) for key in ("random", "latin_hypercube", "sobol")]
    for model, key in (*doses, (schedule, "budget"), *optional, *draws):  # left out, not null
        model[key] = {"description": model[key]["description"]} | model[key]["anyOf"][0]
    _without_titles_and_defaults(schema)
    schema["description"] = "An experiment: subject, doses, what is simulated and what is stored."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ketasim experiment",
        **schema,
    }


def _drugs_and_routes() -> tuple[list[str], list[str]]:
    from ketasim.config.models import DEFAULT_WEIGHT
    from ketasim.drugs import load_catalogue

    catalogue = load_catalogue(())
    routes = {route for drug in catalogue.values() for species in DEFAULT_WEIGHT for route in drug.routes_for(species)}
    return list(catalogue), sorted(routes)


def _entry(mechanism: "Mechanism") -> dict[str, Any]:
    """Return the schema of one mechanism: off, on, or its parameters."""
    parameters = parameters_model(mechanism.Parameters, mechanism.name).model_json_schema()
    return {
        "description": mechanism.title if mechanism.by_default else f"{mechanism.title} Off by default.",
        "anyOf": [{"enum": ["off", "on"]}, {"type": "boolean"}, parameters],
    }


def _without_titles_and_defaults(schema: Any) -> None:
    """Remove pydantic's titles, and defaults in internal units, which would be misleading in a file with units."""
    if isinstance(schema, list):
        for item in schema:
            _without_titles_and_defaults(item)
    elif isinstance(schema, dict):
        for key, value in list(schema.items()):
            if key in ("properties", "$defs"):
                for item in value.values():
                    _without_titles_and_defaults(item)
            elif key == "title" or (key == "default" and not isinstance(value, str)):
                del schema[key]
            else:
                _without_titles_and_defaults(value)
