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
