"""A trajectory as its user has it: what a file holds, summed up and drawn."""

from typing import TYPE_CHECKING

from ketasim.analysis.summary import summary_of
from ketasim.documents.html import page, table
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
        OUT.h5, or what a run wrote to. If only OUT.h5.part of an unfinished run exists, that is opened, the logger
        ``ketasim`` says so, and `Trajectory.complete` is False.

    Raises
    ------
    StorageError
        There is no such file, or it is no trajectory, or unreadable.
    """
    return Trajectory.open(source)


class Trajectory(reader.Trajectory):
    """What a run wrote. It changes nothing in the file; leaving it as a context manager closes the file.

    ``trajectory["glutamate_ambient"]`` is an `xarray.DataArray` with dimensions (time, ...) and its unit in its
    attributes.
    """

    @property
    def summary(self) -> "pandas.DataFrame":
        """The run in numbers, one a row: peaks, means, values at instants, counts of windows.

        Columns are quantity, population, at, statistic, value, error, unit and meaning; `ketasim.value_of` takes one
        number. Of an unfinished run, and of a file of 0.1.0, it is computed from the rows that there are.
        """
        return summary_of(self)

    def plot(self, *names: str, vehicle: reader.Trajectory | None = None) -> "Figure":
        """Draw the run on one page, or chosen signals with a panel each; returns the figure.

        Parameters
        ----------
        *names : str
            Signals; all that belong on the page without any.
        vehicle : Trajectory, optional
            Run of the same experiment with an inactive dose, in grey.

        Raises
        ------
        KeyError
            With the nearest names when there is no such signal.
        """
        from ketasim.plots import picture

        return picture(self, names, vehicle)

    def _repr_html_(self) -> str:
        if not self.is_open:
            return page(repr(self))
        described = {name: self.described(name) for name in self.names()}
        signals = [
            (name, one["units"], ", ".join(one["dimensions"][1:]), one["long_name"]) for name, one in described.items()
        ]
        first = self.summary.head(8)
        return page(
            f"{self.config.get('name', 'trajectory')}: {'complete' if self.complete else 'unfinished'}",
            ("file", str(self.path or "in memory")),
            ("doses and stimuli", table([list(event.items()) for event in self.events])),
            ("populations", ", ".join(self.populations) or "no network"),
            (f"{len(signals)} signals", table(signals, ("signal", "unit", "beside time", "meaning"))),
            ("summary, first rows", table(first.itertuples(index=False), tuple(first.columns))),
        )
