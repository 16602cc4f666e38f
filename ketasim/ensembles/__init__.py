"""Many runs of one experiment: sweeps over parameters, arms, circuits and seeds, and what they say together."""

from ketasim.ensembles.dataset import open_sweep, sweep_runs, sweep_summary
from ketasim.ensembles.differences import compare, courses
from ketasim.ensembles.posterior import posterior
from ketasim.ensembles.priors import priors
from ketasim.ensembles.sweeps import resume_sweep, sweep

__all__ = [
    "compare",
    "courses",
    "open_sweep",
    "posterior",
    "priors",
    "resume_sweep",
    "sweep",
    "sweep_runs",
    "sweep_summary",
]
