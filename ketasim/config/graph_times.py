"""Times at which the graph is measured and its weights are stored."""

from typing import TYPE_CHECKING

from ketasim.documents.units import in_words

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment

#: s; one day after a dose, the time of most published findings.
_DAY_AFTER = 86_400.0


def graph_times(experiment: "Experiment") -> dict[str, float]:
    """Return name -> time in s, ascending: ``start``, 24 h if within the run, those of ``recording.graph``, ``end``.

    They add no slow step: each stands for the first slow time at or after it. Names such as ``1_d`` are valid in HDF5.

    Examples
    --------
    >>> from ketasim.config import load_experiment
    >>> graph_times(load_experiment("quick", ["duration=2 d", "recording.graph=[30 min, 2 d]"]))
    {'start': 0.0, '30_min': 1800.0, '1_d': 86400.0, 'end': 172800.0}
    """
    end = experiment.duration
    inside = sorted({time for time in (_DAY_AFTER, *experiment.recording.graph) if 0.0 < time < end})
    return {"start": 0.0} | {in_words(time).replace(" ", "_"): time for time in inside} | {"end": end}
