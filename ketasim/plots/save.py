"""A picture in a file, which later can be told from pictures of others."""

import os
from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure

from ketasim.storage.outputs import MARK, PICTURE, OutputError, replaced

#: Formats, with the entry of their metadata that names the program; without one the mark follows the picture.
_PROGRAM = dict.fromkeys(("eps", "pdf", "ps", "svg"), "Creator") | {"png": "Software"}
_FORMATS = (*_PROGRAM, "jpeg", "jpg", "tif", "tiff", "webp")


def save_picture(
    figure: Figure, path: str | os.PathLike[str], force: bool = False, reads: Iterable[Path | None] = ()
) -> Path:
    """Write a picture, in the format that the suffix names.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to write.
    path : str or os.PathLike
        Its folder is created.
    force : bool
        Replace a picture that ketasim wrote there earlier; no other file is ever replaced.
    reads : iterable of Path or None
        Files from which it was drawn.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        The format is unknown, or the file exists.
    StorageError
        The file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _FORMATS:
        allowed = ", ".join(f".{name}" for name in sorted(_FORMATS))
        raise OutputError(f"{path}: unknown kind of picture {path.suffix!r}; allowed: {allowed}")
    metadata = {_PROGRAM[kind]: MARK.decode()} if kind in _PROGRAM else None
    with replaced(path, PICTURE, force, reads) as part:
        figure.savefig(part, dpi=130, format=kind, metadata=metadata)
        if metadata is None:
            with open(part, "ab") as file:
                file.write(MARK)
    return path
