"""The slow biology, one mechanism a file. `ORDER` lists them; within a step all read what was there at its start."""

from ketasim.mechanisms import autoreceptors, extrasynaptic_nmda, glutamate, nmda_blockade, pharmacokinetics
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting

ORDER: tuple[Mechanism, ...] = (
    pharmacokinetics.MECHANISM,
    nmda_blockade.MECHANISM,
    glutamate.MECHANISM,
    autoreceptors.MECHANISM,
    extrasynaptic_nmda.MECHANISM,
)

__all__ = ["ORDER", "Clock", "Mechanism", "Setting"]
