"""A trajectory as users see it: a file, with its summary and pictures."""

import os
from typing import TYPE_CHECKING

from ketasim.analysis.summary import panels, signals_of, summary_of
from ketasim.analysis.words import closing_words
from ketasim.documents.html import folded, lines, page, table
from ketasim.storage import reader
from ketasim.storage.datasets import Source

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


def open_trajectory(source: Source) -> "Trajectory":
    """Open the file of a run.

    Parameters
    ----------
    source : path or BytesIO
        OUT.h5, or the BytesIO of a run in memory. If only the OUT.h5.part of an unfinished run exists, that is opened
        with a warning on the logger ``ketasim``, and `Trajectory.complete` is False.

    Returns
    -------
    Trajectory
        The run, open for reading.

    Raises
    ------
    StorageError
        There is no such file, or it is not a trajectory, or unreadable.
    """
    return Trajectory.open(source)


class Trajectory(reader.Trajectory):
    """The results of a run, read-only; as a context manager it closes the file.

    ``trajectory["glutamate_ambient"]`` is an `xarray.DataArray` with dimensions (time, ...) and its unit in its
    attributes.
    """

    @property
    def summary(self) -> "pandas.DataFrame":
        """The run in numbers, one per row: peaks, means, values at instants, counts of windows.

        Columns are quantity, population, at, statistic, value, error, unit and meaning; `ketasim.value_of` returns one
        value. For an unfinished run, and for files of 0.1.0, it is computed from the rows in the file.
        """
        return summary_of(self)

    def _why_not(self, name: str) -> str:
        """Words for a score asked of another species than it is of."""
        from ketasim.mechanisms import ORDER

        owner = next((one for one in ORDER if name in one.writes), None)
        if owner is None or owner.species is None:
            return ""
        ours = self.config["subject"]["species"]
        return "" if ours == owner.species else f"; {name} is of a {owner.species}, and this subject is a {ours}"

    def plot(
        self,
        *names: str,
        vehicle: reader.Trajectory | None = None,
        out: str | os.PathLike[str] | None = None,
        force: bool = False,
    ) -> "Figure":
        """Draw the run on one page, or chosen signals in a panel each.

        Parameters
        ----------
        *names : str
            Signals; without any, the whole page.
        vehicle : Trajectory, optional
            Run of the same experiment with an inactive dose, drawn in grey.
        out : str or os.PathLike, optional
            Picture to write, such as ``run.png`` or ``run.pdf``.
        force : bool
            Replace a picture that ketasim wrote there earlier; no other file is ever replaced.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.

        Raises
        ------
        KeyError
            There is no such signal; the message lists the nearest names.
        """
        from ketasim.plots import picture, save_picture

        figure = picture(self, names, vehicle)
        if out is not None:
            save_picture(figure, out, force, (self.path, vehicle.path if vehicle is not None else None))
        return figure

    def _repr_html_(self) -> str:
        if not self.is_open:
            return page(repr(self))
        described = {name: self.described(name) for name in self.names()}
        signals = [
            (name, one["units"], ", ".join(one["dimensions"][1:]), one["long_name"]) for name, one in described.items()
        ]
        listed = table(signals, ("signal", "unit", "beside time", "meaning"))
        return page(
            f"{self.config.get('name', 'trajectory')}: {self.progress}",
            ("file", str(self.path or "in memory")),
            ("doses and stimuli", table([list(event.items()) for event in self.events])),
            ("populations", ", ".join(self.populations) or "no network"),
            ("chain", " \u2192 ".join(panels(signals_of(self))) or "nothing recorded"),
            ("in short", lines(closing_words(self))),
            (
                "signals",
                folded(f'{len(signals)}, such as trajectory["{signals[0][0]}"]', listed) if signals else "none",
            ),
        )
