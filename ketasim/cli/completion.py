"""What a shell completes: names from files alone, since importing the package takes longer than a key press may.

`ketasim --install-completion` switches it on in bash, zsh, fish and PowerShell.
"""

from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]

#: Keys that are often overridden; those of mechanisms are by their files.
_KEYS = (
    *("duration", "seed", "threads", "subject.species", "subject.weight", "subject.phenotype"),
    *("subject.genotype.cyp2b6", "subject.genotype.bdnf", "doses", "doses.0.drug", "doses.0.route", "doses.0.amount"),
    *("doses.0.start", "doses.0.duration", "doses.0.repeat", "stimuli", "stimuli.0.intensity", "network"),
    *("network.neurons", "network.weights", "schedule.baseline", "schedule.window", "schedule.spacing"),
    *("schedule.budget", "recording", "recording.spikes", "recording.node_signals", "recording.graph"),
)


def experiments(incomplete: str) -> list[str]:
    """Return examples and experiment files that begin so."""
    folder = Path(f"{incomplete}_").parent  # also of "runs/"
    files = (str(file) for end in ("yaml", "yml") for file in sorted(folder.glob(f"*.{end}")))
    return _beginning(incomplete, (*_examples(), *files))


def examples(incomplete: str) -> list[str]:
    """Return examples that begin so."""
    return _beginning(incomplete, _examples())


def drugs(incomplete: str) -> list[str]:
    """Return drugs that begin so."""
    return _beginning(incomplete, _stems(_PACKAGE / "drugs" / "data", "*.yaml"))


def mechanisms(incomplete: str) -> list[str]:
    """Return mechanisms that begin so."""
    return _beginning(incomplete, _mechanisms())


def keys(incomplete: str) -> list[str]:
    """Return keys of an experiment that begin so, each with its equals sign."""
    known = (*_KEYS, *(f"mechanisms.{name}" for name in _mechanisms()))
    return _beginning(incomplete, (f"{name}=" for name in known))


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _stems(folder: Path, pattern: str) -> list[str]:
    return sorted(file.stem for file in folder.glob(pattern))


def _mechanisms() -> list[str]:
    return [name for name in _stems(_PACKAGE / "mechanisms", "[a-z]*.py") if name != "mechanism"]


def _examples() -> list[str]:
    folder = next((one for one in (_PACKAGE / "examples", _PACKAGE.parent / "configs") if one.is_dir()), _PACKAGE)
    found = (name for part in ("", "hypotheses", "published") for name in _stems(folder / part, "*.yaml"))
    return [name for name in found if not name.endswith((".circuit", ".drug"))]
