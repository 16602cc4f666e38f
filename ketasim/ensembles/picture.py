"""Two arms of a sweep in one picture: means with bands, the second arm in grey."""

from typing import TYPE_CHECKING

from ketasim.analysis.summary import shown_of
from ketasim.ensembles.differences import courses, pairs_of
from ketasim.ensembles.plan import ARM
from ketasim.plots.bands import plot_bands
from ketasim.plots.page import page_figure

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


def comparison_figure(drug: "xarray.Dataset", vehicle: "xarray.Dataset", *names: str) -> "Figure":
    """Draw signals of two arms: the mean over pairs of runs, a band of two standard errors, the second arm in grey.

    Parameters
    ----------
    drug, vehicle : xarray.Dataset
        Parts of a dataset of `ketasim.open_sweep`, as of `ketasim.compare`, with one value of each dimension that
        is not averaged over.
    *names : str
        Signals; without any, those that pictures of a run show.

    Raises
    ------
    ComparisonError, KeyError
        As of `courses`.
    """
    chosen = names or [str(name) for name in drug.data_vars if shown_of(drug[name]) is not None]
    found = {name: courses(drug, vehicle, name) for name in chosen}
    pairs, averaged, _ = pairs_of(drug, vehicle)
    one, other = (
        str(arm.coords[ARM].item()) if ARM in arm.coords and not arm[ARM].dims else "" for arm in (drug, vehicle)
    )
    arms = f"{one or 'first arm'} (grey: {other or 'second arm'})"
    title = f"{arms}; {len(pairs)} pairs, mean and two standard errors over {', '.join(averaged)}"
    return plot_bands(page_figure(), found, title)
