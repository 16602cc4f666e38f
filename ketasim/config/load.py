"""Finding and reading experiment files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketasim.config.experiment import Experiment
from ketasim.documents import Document, DocumentError, Problem, did_you_mean, override, read_document
from ketasim.documents.nearest import shown
from ketasim.documents.yaml_text import DataPath
from ketasim.exposures import Exposure

if TYPE_CHECKING:
    from ketasim.mechanisms.mechanism import Mechanism

#: Sections that make several runs of a file.
_SEVERAL = {
    "arms": "the file has several arms; run them with `ketasim sweep`, whose --check only checks them",
    "sweep": "the file describes a sweep; run it with `ketasim sweep`",
}


def load_experiment(
    source: str | Path,
    overrides: Sequence[str] = (),
    mechanisms: Sequence["Mechanism"] = (),
    exposures: Sequence[Exposure] = (),
) -> Experiment:
    """Read an experiment file.

    Parameters
    ----------
    source : str or Path
        Path of a file or pipe, ``-`` for standard input, or name of an example in the package, see `examples`. A file
        takes precedence over an example of the same name.
    overrides : sequence of str
        Strings ``key.path=value``, such as ``doses.0.amount=0.25 mg/kg``, applied in order.
    mechanisms, exposures : sequence of Mechanism, sequence of Exposure
        User mechanisms and exposures in addition to those of ketasim.

    Raises
    ------
    DocumentError
        All problems: of the YAML, or else of keys, values and their consistency.
    TypeError
        Overrides are not a list, or the source is a mapping.
    """
    if isinstance(overrides, str | Mapping):
        raise TypeError("overrides are a list, such as ['seed=7']; values from Python: experiment.replace(seed=7)")
    if isinstance(source, Mapping):
        raise TypeError("load_experiment takes a file or an example; ketasim.Experiment.from_mapping takes a mapping")
    document = read_with_overrides(source, overrides)
    several = [document.problem((key,), words, "key") for key, words in _SEVERAL.items() if key in document.data]
    if several:
        raise DocumentError(several)
    return Experiment.from_document(document, mechanisms, exposures)


def read_with_overrides(source: str | Path, overrides: Sequence[str]) -> Document:
    """Return the document of a file or example with overrides; parameters and errors of `load_experiment`."""
    return _with_paths_from_here(override(read_document(_located(source)), overrides))


def _with_paths_from_here(document: Document) -> Document:
    """Make paths in overrides relative to the current folder, not to that of the experiment file."""
    network, drugs = document.data.get("network"), document.data.get("drugs")
    holders: list[tuple[Any, str | int, DataPath]] = []
    if isinstance(network, dict):
        holders += [(network, key, ("network", key)) for key in ("file", "nodes") if key in network]
    if isinstance(drugs, list):
        holders += [(drugs, number, ("drugs", number)) for number in range(len(drugs))]
    for holder, key, path in holders:
        place = document.place(path)
        if isinstance(holder[key], str) and place is not None and place.file == "override":
            holder[key] = paths_from_here(holder[key])
    return document


def paths_from_here(given: Any) -> Any:
    """Return a path, or a list of them, made absolute from the current folder; anything else as it is."""
    if isinstance(given, list):
        return [paths_from_here(one) for one in given]
    if isinstance(given, str):
        with suppress(RuntimeError):  # home folder of an unknown user: refused with the other paths
            return str(Path(given).expanduser().absolute())
    return given


def examples() -> dict[str, Path]:
    """Return the experiment files in the package by name; hypotheses and published networks come last."""
    package = Path(__file__).resolve().parents[1]
    # An installed package contains the examples; in a source checkout they are in the folder `configs`.
    folder = next((path for path in (package / "examples", package.parent / "configs") if path.is_dir()), package)
    files = [file for part in ("*", "hypotheses/*", "published/*") for file in sorted(folder.glob(f"{part}.yaml"))]
    return {file.stem: file for file in files if not file.stem.endswith((".circuit", ".drug"))}


def _located(source: str | Path) -> str | Path:
    if source == "-":
        return "-"
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_file() or path.is_fifo() or path.is_char_device():  # as /dev/stdin, or of a shell's <(...)
            return path
    except RuntimeError:  # home folder of an unknown user
        pass
    except OSError as error:  # name too long, no access
        raise DocumentError([Problem(None, "", f"cannot read {shown(str(source))}: {error.strerror}")]) from None
    found = examples()
    if isinstance(source, str) and source in found:
        return found[source]
    what = f"'{source}' is a folder, not a file" if path.is_dir() else f"there is no file '{source}'"
    near = did_you_mean(path.name.removesuffix(".yaml"), found)
    with suppress(OSError):  # name too long
        near = next(
            (f"; did you mean {source}{end}?" for end in (".yaml", ".yml") if Path(f"{path}{end}").is_file()), near
        )
    raise DocumentError([Problem(None, "", f"{what}; examples: {', '.join(found) or 'none'}{near}")])
