"""Display of an experiment in a notebook."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ketasim.documents.html import page, table

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment

#: Shown in separate parts, or not chosen by the user.
_ELSEWHERE = ("name", "format", "doses", "network")


def experiment_html(experiment: "Experiment") -> str:
    """Return an experiment as HTML: its doses, its network, and what else differs from the defaults."""
    data, defaults = experiment.resolved(), _defaults(experiment)
    changed = [(path, value) for path, value in leaves(data) if defaults.get(path, ...) != value]
    changed = [(path, value) for path, value in changed if path.partition(".")[0] not in _ELSEWHERE]
    network = data["network"]
    return page(
        f"experiment {experiment.name}",
        ("doses", table([list(dose.items()) for dose in data["doses"]])),
        ("network", table([list(network.items())]) if isinstance(network, dict) else str(network or "none")),
        ("differs from the defaults", table(changed, ("key", "value"))),
    )


def defaults_of(experiment: "Experiment") -> list[tuple[str, str, str]]:
    """Return what an experiment leaves to its defaults: dotted key, value, unit.

    Of mechanisms only how many are on, and which are off by default or are of another species.

    Examples
    --------
    >>> from ketasim.config import Experiment
    >>> defaults_of(Experiment.from_mapping({"format": 1, "duration": "3 h", "network": "none"}))[1:4]
    [('seed', '1', ''), ('subject.species', 'human', ''), ('subject.weight', '70', 'kg')]
    """
    given = {path for path, _ in leaves(experiment.given()["data"])}
    rows = []
    for path, value in leaves({key: item for key, item in experiment.resolved().items() if key != "mechanisms"}):
        if path not in given and not any(path.startswith(f"{above}.") for above in given):
            number, blank, unit = str(value).partition(" ")
            quantity = blank and number.replace(".", "", 1).isdigit()
            text = str(value).lower() if isinstance(value, bool) else str(value)
            rows.append((path, number, unit) if quantity else (path, "none" if value in (None, []) else text, ""))
    from ketasim.mechanisms import ORDER

    named = experiment.given()["data"].get("mechanisms", {})
    rest = {name: parameters for name, parameters in experiment.mechanisms.items() if name not in named}
    off = [name for name, parameters in rest.items() if parameters is False]
    of_others = {one.name for one in ORDER if one.species not in (None, experiment.subject.species)}
    apart = [name for name, parameters in rest.items() if name in of_others and parameters is not False]
    text = f"{len(rest) - len(off) - len(apart)} on, with the parameters of `ketasim mechanisms NAME`"
    listed = {"off": off, "for other species": apart}
    text += "".join(f"; {words}: {', '.join(names)}" for words, names in listed.items() if names)
    return [*rows, ("mechanisms", text, "")]


def _defaults(experiment: "Experiment") -> dict[str, Any]:
    """Leaves of an experiment with required keys only."""
    plain = type(experiment).from_mapping({"format": 1, "duration": "1 d"}, experiment.own_mechanisms)
    return {path: value for path, value in leaves(plain.resolved()) if path != "duration"}


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted path and value of everything in nested mappings that is no mapping itself."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, data
