"""Upper limits of an experiment, beyond which its lists alone would fill memory."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ketasim.documents.validation import unknown
from ketasim.signals import SIGNALS

if TYPE_CHECKING:
    from ketasim.config.experiment import Experiment

#: Doses (each one of a series counted), stimuli, slow steps, windows of the baseline.
MOST_DOSES, MOST_STIMULI, MOST_STEPS, MOST_WINDOWS = 100_000, 1_000, 5_000_000, 5_000_000

#: Shortest and longest step in s with `step: auto`, and the most steps between the two after an event.
_SHORTEST_STEP, _LONGEST_STEP, _STEPS_AFTER = 60.0, 3600.0, 60

_Finding = tuple[tuple[str | int, ...], str]


def size_findings(experiment: "Experiment") -> Iterator[_Finding]:
    """Yield (path, message) for each limit that an experiment exceeds."""
    doses, stimuli = sum(dose.count for dose in experiment.doses), len(experiment.all_stimuli)
    if doses > MOST_DOSES:
        yield ("doses",), f"{doses} doses in all; at most {MOST_DOSES} are allowed"
    if stimuli > MOST_STIMULI:
        yield ("stimuli",), f"{stimuli} stimuli; at most {MOST_STIMULI} are allowed"
    schedule = experiment.schedule
    length, events = experiment.duration - experiment.begin, 2 * (doses + stimuli) + 1
    if schedule.step is None:
        steps = min(length / _SHORTEST_STEP, length / _LONGEST_STEP + _STEPS_AFTER * events)
    else:
        steps = length / schedule.step
    steps += events
    if steps > MOST_STEPS and schedule.step is not None:
        yield ("schedule", "step"), f"about {steps:.3g} slow steps; at most {MOST_STEPS} are allowed: make them longer"
    elif steps > MOST_STEPS:
        yield ("duration",), f"up to {steps:.3g} slow steps; at most {MOST_STEPS} are allowed"
    windows = schedule.baseline / schedule.window
    if windows > MOST_WINDOWS:
        yield ("schedule", "baseline"), f"{windows:.3g} windows; at most {MOST_WINDOWS} are allowed: shorten it"
    named = len(experiment.recording.node_signals)
    if named > len(SIGNALS):
        wrong = next((name for name in experiment.recording.node_signals if name not in SIGNALS), None)
        message = f"{named} names, more than there are signals"
        yield ("recording", "node_signals"), message if wrong is None else unknown("signal", wrong, SIGNALS)
