"""ketasim: ketamine from dose to network.

    experiment = ketasim.load_experiment("quick")  # an example, see ketasim.examples(), or the path of a file
    trajectory = ketasim.run(experiment)
    trajectory.plot()  # the chain from dose to spines
    trajectory.summary  # the run in numbers, a pandas table
    trajectory["firing_rate"]  # a signal, an xarray.DataArray; trajectory.names() lists them
    trajectory.sel("40 min")  # all signals at a time
    ketasim.compare(trajectory, vehicle)  # beside a run without the drug
    ketasim.sweep(experiment, {"doses.0.amount": ["0.25 mg/kg", "0.5 mg/kg"]}, replicates=8)  # many runs, one dataset

More: help(ketasim.run), help(ketasim.Trajectory), and the folder docs. The command line does the same: ketasim --help.
A research and teaching model; not medical advice.
"""

# The public interface on one page; names are loaded on first use, so that `import ketasim` and `ketasim --help` stay
# fast.

from importlib import import_module
from typing import Any

__version__ = "0.4.0"

_HOME = {
    "Experiment": "ketasim.config",
    "Exposure": "ketasim.exposures",
    "compare": "ketasim.ensembles",
    "courses": "ketasim.ensembles",
    "difference": "ketasim.analysis.compare",
    "error_of": "ketasim.analysis",
    "examples": "ketasim.config",
    "load_experiment": "ketasim.config",
    "load_findings": "ketasim.findings",
    "Mechanism": "ketasim.mechanisms",
    "Signal": "ketasim.signals",
    "Simulation": "ketasim.simulation",
    "TimedExposure": "ketasim.exposures",
    "Trajectory": "ketasim.trajectory",
    "open_sweep": "ketasim.ensembles",
    "open_trajectory": "ketasim.trajectory",
    "posterior": "ketasim.ensembles",
    "priors": "ketasim.ensembles",
    "resume": "ketasim.pipeline",
    "resume_sweep": "ketasim.ensembles",
    "run": "ketasim.pipeline",
    "score_findings": "ketasim.findings",
    "sweep": "ketasim.ensembles",
    "write_report": "ketasim.report",
    "sweep_runs": "ketasim.ensembles",
    "sweep_summary": "ketasim.ensembles",
    "value_of": "ketasim.analysis",
    "weight_sets": "ketasim.network.weights",
    "write_graph": "ketasim.storage",
}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604 - names resolved by __getattr__


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from ketasim.documents.nearest import did_you_mean

        near = did_you_mean(name, __all__)
        raise AttributeError(f"module 'ketasim' has no attribute {name!r}; it has {', '.join(__all__)}{near}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
