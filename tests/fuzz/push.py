"""Pushing wrong input through what `ketasim check` and `ketasim run` do, and watching what comes out."""

import faulthandler
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ketasim.config import Experiment, NetworkFile, NetworkModel, load_experiment
from ketasim.documents import DocumentError, KetasimError
from ketasim.pipeline import CancelledError, run
from ketasim.simulation import Simulation
from tests.fuzz.cases import MAIN, Case

#: What a user may see; anything else has escaped.
REFUSALS = (DocumentError, KetasimError)
#: Neurons up to which an accepted network is built.
MOST = 60
#: s after which a case counts as hanging: the process ends with the stack on standard error.
HANGING = 60.0


class Outcome(NamedTuple):
    """What became of a case: `accepted`, `refused` or `escaped`; the message or the traceback; s; MB of new peak."""

    verdict: str
    text: str
    seconds: float
    megabytes: float


def push(case: Case, folder: Path, ran: bool = False) -> Outcome:
    """Load and build an experiment, and run it for a few windows if `ran`; folder is emptied before."""
    write(case, folder)
    before, begin = peak(), time.perf_counter()
    faulthandler.dump_traceback_later(HANGING, exit=True, file=sys.__stderr__)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            experiment = load_experiment(str(folder / MAIN), case.overrides)
            if size_of(experiment) <= MOST:
                if ran:
                    _run(experiment, folder / "out.h5")
                else:
                    Simulation(experiment)
        verdict, text = "accepted", ""
    except REFUSALS as error:
        verdict, text = "refused", str(error)
        if not text.strip():
            verdict, text = "escaped", "an error without a word"
    except Exception:  # what this is all about
        verdict, text = "escaped", traceback.format_exc()
    finally:
        faulthandler.cancel_dump_traceback_later()
    return Outcome(verdict, text, time.perf_counter() - begin, peak() - before)


def write(case: Case, folder: Path) -> None:
    """Write the files of a case into a folder that holds nothing else."""
    for file in folder.iterdir():
        file.unlink()
    for name, data in case.files.items():
        (folder / name).write_bytes(data)


def size_of(experiment: Experiment) -> int:
    """Return the neurons of an experiment's network as far as they are known before it is built."""
    if isinstance(experiment.network, NetworkModel):
        return experiment.network.neurons
    if isinstance(experiment.network, NetworkFile) and experiment.circuit is not None:
        return sum(experiment.circuit.sizes.values())
    return 0


class _Enough:
    """Cancels a run after two slow steps."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, progress: object) -> bool:
        self.steps += getattr(progress, "stage", "") == "run"
        return self.steps < 2


def _run(experiment: Experiment, out: Path) -> None:
    schedule = experiment.schedule
    short = {"schedule.settle": "0 s", "schedule.window": "0.1 s", "schedule.baseline": "0.2 s", "recording.spikes": []}
    if schedule.settle + schedule.window > 0.2 or schedule.baseline > 1.0:
        experiment = experiment.replace(**short)
    with suppress(CancelledError):
        run(experiment, out, progress=_Enough()).close()


def peak() -> float:
    """Return the peak memory of this process in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 if sys.platform != "darwin" else 1024.0**2)
