"""Ranges of uncertain parameters, for a sweep that draws from their priors."""

from typing import Any

from ketasim.config import Experiment
from ketasim.sources import describe


def priors(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Return the prior of every uncertain parameter of the mechanisms of a run, as `ketasim.sweep` takes ranges.

    Without a network there is none. Priors are of single numbers and independent. Those of drugs are in their files
    (`ketasim.drugs.numbers_of`), those of cells in `ketasim mechanisms cells`; for the weights of the default circuit
    its accepted sets stand (`ketasim.weight_sets`).

    Parameters
    ----------
    experiment : Experiment
        Whose mechanisms are meant.

    Returns
    -------
    dict
        Dotted path -> ``{"from": ..., "to": ..., "scale": "log" or "linear"}``.

    Examples
    --------
    >>> import ketasim
    >>> ranges = ketasim.priors(ketasim.load_experiment("quick"))
    >>> ranges["mechanisms.eef2.dephosphorylation"]
    {'from': '300 s', 'to': '1800 s', 'scale': 'log'}
    """
    if experiment.network is None:
        return {}  # nothing uncertain is left: pharmacokinetics is all data of drugs
    return {
        f"mechanisms.{name}.{row.name}": row.prior.as_range(row.unit)
        for name, parameters in experiment.mechanisms.items()
        if parameters is not False
        for row in describe(parameters)
        if row.prior is not None
    }
