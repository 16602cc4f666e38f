"""Adaptive exponential integrate-and-fire neurons with frozen conductances, `BLOCK` of one class at a time.

Membrane (Brette & Gerstner 2005)::

    C dV/dt = gL (EL - V) + gL DT exp((V - VT)/DT) + gA (0 - V) + I_NMDA + gG (EG - V) + I - w
      dw/dt = (a (V - EL) - w)/tau_w          at a spike  V -> V_reset,  w -> w + b

gA is the AMPA conductance, gG the GABA conductances, I the neuron's `current`. What arrives is scaled by the neuron's
gains. NMDA conductance has a Mg curve for each GluN2 subunit s and counts only unblocked receptors::

    I_NMDA = sum over s of (gN F_s + T_s) m_s(V) (0 - V)

The variables of a block lie in one flat array, its tile: variable X of neuron i at ``tile[X + i]``. See `vectors`.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from ketasim.kernels.formulas import MG_PER_MILLIVOLT
from ketasim.kernels.jit import kernel
from ketasim.kernels.records import Activity, Modulation
from ketasim.kernels.vectors import BLOCK, exponential, multiply_add, prefer_wide_vectors, whole_vectors

#: Where the variables of a block begin in its tile.
VOLTAGE, ADAPTATION, REFRACTORY = 0 * BLOCK, 1 * BLOCK, 2 * BLOCK
G_AMPA, G_NMDA, G_FAST, G_SLOW = 3 * BLOCK, 4 * BLOCK, 5 * BLOCK, 6 * BLOCK
FREE, TONIC = 7 * BLOCK, 11 * BLOCK  # F_s and T_s: four rows each, GluN2A to D
AMPA_GAIN, INHIBITION_GAIN, AFFERENT_AMPA, AFFERENT_NMDA = 15 * BLOCK, 16 * BLOCK, 17 * BLOCK, 18 * BLOCK
CURRENT = 19 * BLOCK
SUMS = 20 * BLOCK  # eight rows, in the order of `Window.sums`
# what one loop of a step hands to the next
MG, OPEN, SPIKE, LEFT = 28 * BLOCK, 29 * BLOCK, 30 * BLOCK, 31 * BLOCK
TILE = 32 * BLOCK

#: nS; a conductance that decays below this is set to zero, because processors handle subnormal numbers a hundred times
#: more slowly.
NOTHING = 1e-30


def load_tiles(
    tiles: np.ndarray, first: int, end: int, activity: Activity, modulation: Modulation, rest: float
) -> None:
    """Copy neurons ``first`` to ``end``, all of one class, into their tiles (n_blocks, TILE).

    Unused places hold neurons at ``rest`` mV without input, which are never read.
    """
    tiles[:] = 0.0
    places = np.empty(len(tiles) * BLOCK, tiles.dtype)
    for row, values in {**_state(activity), **_influence(modulation)}.items():
        places[end - first :] = rest if row == VOLTAGE else 0.0
        places[: end - first] = values[first:end]
        tiles[:, row : row + BLOCK] = places.reshape(len(tiles), BLOCK)


def store_tiles(tiles: np.ndarray, first: int, end: int, activity: Activity) -> None:
    """Copy the state of neurons ``first`` to ``end`` back from their tiles."""
    for row, values in _state(activity).items():
        values[first:end] = tiles[:, row : row + BLOCK].reshape(-1)[: end - first]


def subunits_present(tiles: np.ndarray) -> np.ndarray:
    """Return (n_blocks, 4) bool: whether a block has receptors with a GluN2 subunit that can pass current."""
    receptors = tiles[:, FREE:AMPA_GAIN].reshape(len(tiles), 2, 4, BLOCK)  # F_s, T_s
    return (receptors != 0.0).any(axis=(1, 3))


def _state(activity: Activity) -> dict[int, np.ndarray]:
    rows = {VOLTAGE: activity.voltage, ADAPTATION: activity.adaptation, REFRACTORY: activity.refractory_steps}
    return rows | dict(zip((G_AMPA, G_NMDA, G_FAST, G_SLOW), activity.conductance, strict=True))


def _influence(modulation: Modulation) -> dict[int, np.ndarray]:
    arriving = modulation.afferent_release_gain * modulation.afferent_gain
    return {
        **{FREE + s * BLOCK: values for s, values in enumerate(modulation.nmda)},
        **{TONIC + s * BLOCK: values for s, values in enumerate(modulation.tonic)},
        AMPA_GAIN: modulation.ampa_gain,
        INHIBITION_GAIN: modulation.inhibition_gain,
        AFFERENT_AMPA: arriving * modulation.afferent_ampa_gain,
        AFFERENT_NMDA: arriving,
        CURRENT: modulation.current,
    }


@kernel
def take_sums(tile, first, end, sums):
    """Move the sums measured for neurons ``first`` to ``end`` from the tile to ``sums`` (8, n)."""
    for row in range(sums.shape[0]):
        measured, total = tile[SUMS + row * BLOCK : SUMS + (row + 1) * BLOCK], sums[row, first:end]
        for i in range(total.shape[0]):
            total[i] += measured[i]
        for i in range(BLOCK):
            measured[i] = 0.0


@kernel
def receive(tile, pending, slot, first, end):
    """Add the events of a slot, scaled, to the conductances of neurons ``first`` to ``end``, and clear the slot."""
    prefer_wide_vectors()
    slot, base = np.uint64(slot), np.uint64(2 * first)
    for i in range(end - first):
        place = base + np.uint64(2 * i)
        tile[G_AMPA + i] += pending[slot, 0, place] * tile[AMPA_GAIN + i]
        tile[G_NMDA + i] += pending[slot, 0, place + np.uint64(1)]
        pending[slot, 0, place] = pending[slot, 0, place + np.uint64(1)] = 0.0
    for i in range(end - first):
        place = base + np.uint64(2 * i)
        tile[G_FAST + i] += pending[slot, 1, place] * tile[INHIBITION_GAIN + i]
        tile[G_SLOW + i] += pending[slot, 1, place + np.uint64(1)] * tile[INHIBITION_GAIN + i]
        pending[slot, 1, place] = pending[slot, 1, place + np.uint64(1)] = 0.0


@kernel
def receive_afferents(tile, counts, ampa, nmda, n):
    """Add afferent spikes (n,) of ``ampa`` and ``nmda`` nS each, in the tile's precision."""
    prefer_wide_vectors()
    for i in range(whole_vectors(n)):
        tile[G_AMPA + i] += counts[i] * tile[AFFERENT_AMPA + i] * ampa
        tile[G_NMDA + i] += counts[i] * tile[AFFERENT_NMDA + i] * nmda


class Membrane(NamedTuple):
    """Constants of a class as its membranes use them, in the tile's precision (`real`)."""

    leak: float  # nS
    rest: float  # mV
    cutoff: float  # mV
    reset: float  # mV
    refractory: float  # steps
    step_over_capacitance: float  # 1/nS
    leak_current: float  # pA, gL EL
    gaba_reversal: float  # mV
    threshold: float  # mV
    per_sharpness: float  # 1/mV
    spike_scale: float  # pA, gL DT
    subthreshold: float  # nS, a
    jump: float  # pA, b
    adaptation_left: float  # fraction of w's distance from steady state left after a step
    mg_per_millivolt: float
    mg_over_k: tuple[float, float, float, float]
    ampa_left: float  # fraction of each conductance left after a step
    nmda_left: float
    fast_left: float
    slow_left: float


class Afferents(NamedTuple):
    """Background input of a class."""

    thresholds: np.ndarray  # see `random.poisson_counts`
    ampa: float  # nS, `real`
    nmda: float  # nS, `real`


@kernel
def afferents_of(c, thresholds, synapses, tile):
    """Return the `Afferents` of class ``c`` in the precision of the tile."""
    real = tile.dtype.type
    return Afferents(thresholds[c], real(synapses.afferent_ampa[c]), real(synapses.afferent_nmda[c]))


@kernel
def membrane_of(c, parameters, tile):
    """Return the `Membrane` of class ``c`` in the precision of the tile."""
    real = tile.dtype.type
    cells, step = parameters.cells, parameters.step
    return Membrane(
        real(cells.leak[c]),
        real(cells.rest[c]),
        real(cells.cutoff[c]),
        real(cells.reset[c]),
        real(round(cells.refractory[c] / step)),
        real(step / cells.capacitance[c]),
        real(cells.leak[c] * cells.rest[c]),
        real(parameters.gaba_reversal),
        real(cells.threshold[c]),
        real(1.0 / cells.sharpness[c]),
        real(cells.leak[c] * cells.sharpness[c]),
        real(cells.adaptation[c]),
        real(cells.adaptation_jump[c]),
        real(math.exp(-step / cells.adaptation_time[c])),
        real(MG_PER_MILLIVOLT),
        (
            real(parameters.mg_over_k[0]),
            real(parameters.mg_over_k[1]),
            real(parameters.mg_over_k[2]),
            real(parameters.mg_over_k[3]),
        ),
        real(math.exp(-step / parameters.ampa_time)),
        real(math.exp(-step / parameters.nmda_time)),
        real(math.exp(-step / parameters.gaba_fast_time)),
        real(math.exp(-step / parameters.gaba_slow_time)),
    )


@partial(kernel, inlined=True)
def _open_subunit(tile, mg_over_k, s, n):
    """Add the open conductance of receptors with subunit ``s`` of 0-3, and sum ``gN m_s``."""
    one = tile.dtype.type(1.0)
    free, tonic, total = FREE + s * BLOCK, TONIC + s * BLOCK, SUMS + (1 + s) * BLOCK
    for i in range(n):
        nmda = tile[G_NMDA + i]
        m = one / multiply_add(mg_over_k, tile[MG + i], one)
        tile[OPEN + i] = multiply_add(multiply_add(nmda, tile[free + i], tile[tonic + i]), m, tile[OPEN + i])
        tile[total + i] = multiply_add(nmda, m, tile[total + i])


@partial(kernel, inlined=True)
def _open_receptors(tile, mg_over_k, present, n):
    # written out, because rows at constant distances are what vectorises
    if present[0]:
        _open_subunit(tile, mg_over_k[0], 0, n)
    if present[1]:
        _open_subunit(tile, mg_over_k[1], 1, n)
    if present[2]:
        _open_subunit(tile, mg_over_k[2], 2, n)
    if present[3]:
        _open_subunit(tile, mg_over_k[3], 3, n)


@kernel
def advance(tile, fired, membrane, present, spike_current, n):
    """Advance the membranes of a block by one step, mark the neurons that fire, and let conductances decay.

    Parameters
    ----------
    tile : (TILE,) array
        Variables of the block; changed in place.
    fired : (BLOCK,) array of uint8
        Set to 1 where a neuron fires, else 0.
    membrane : Membrane
        Constants of the class.
    present : (4,) array of bool
        Whether the block has receptors with each GluN2 subunit; the others cost no time.
    spike_current : bool or None
        None if the class is leaky integrate-and-fire: the exponential current is then left out at compile time.
    n : int
        Neurons in the block; places beyond the next multiple of `VECTORS` are left alone.
    """
    prefer_wide_vectors()
    n = whole_vectors(n)
    real = tile.dtype.type
    one, zero, nothing = real(1.0), real(0.0), real(NOTHING)
    (
        leak,
        rest,
        cutoff,
        reset,
        refractory,
        step_over_capacitance,
        leak_current,
        gaba_reversal,
        threshold,
        per_sharpness,
        spike_scale,
        subthreshold,
        jump,
        adaptation_left,
        mg_per_millivolt,
        mg_over_k,
        ampa_left,
        nmda_left,
        fast_left,
        slow_left,
    ) = membrane
    # short loops, because a processor looks ahead by little more than one neuron's chain of exponentials and divisions
    for i in range(n):
        tile[MG + i] = exponential(mg_per_millivolt * tile[VOLTAGE + i])
        tile[OPEN + i] = zero
    _open_receptors(tile, mg_over_k, present, n)
    if spike_current is not None:
        for i in range(n):
            tile[SPIKE + i] = exponential((tile[VOLTAGE + i] - threshold) * per_sharpness)
    for i in range(n):
        v = tile[VOLTAGE + i]
        ampa, nmda = tile[G_AMPA + i], tile[G_NMDA + i]
        nmda_open = tile[OPEN + i]
        tile[SUMS + i] += nmda
        tile[SUMS + 5 * BLOCK + i] += nmda_open
        tile[SUMS + 6 * BLOCK + i] = multiply_add(-ampa, v, tile[SUMS + 6 * BLOCK + i])
        tile[SUMS + 7 * BLOCK + i] = multiply_add(-nmda_open, v, tile[SUMS + 7 * BLOCK + i])
        tile[OPEN + i] = leak + ampa + nmda_open + (tile[G_FAST + i] + tile[G_SLOW + i])
    for i in range(n):
        tile[LEFT + i] = exponential(-step_over_capacitance * tile[OPEN + i])
    for i in range(n):
        v, w = tile[VOLTAGE + i], tile[ADAPTATION + i]
        nmda = tile[G_NMDA + i]
        gaba = tile[G_FAST + i] + tile[G_SLOW + i]
        current = multiply_add(gaba, gaba_reversal, leak_current + tile[CURRENT + i]) - w
        if spike_current is not None:
            current = multiply_add(spike_scale, tile[SPIKE + i], current)
        v_steady = current / tile[OPEN + i]
        v_next = multiply_add(v - v_steady, tile[LEFT + i], v_steady)
        quiet = tile[REFRACTORY + i]
        v_next = v if quiet > zero else v_next
        fires = (quiet == zero) & (v_next >= cutoff)
        tile[VOLTAGE + i] = reset if fires else v_next
        tile[REFRACTORY + i] = refractory if fires else max(quiet - one, zero)
        fired[i] = np.uint8(1) if fires else np.uint8(0)
        w_steady = subthreshold * (v - rest)
        w = multiply_add(w - w_steady, adaptation_left, w_steady)
        tile[ADAPTATION + i] = w + jump if fires else w
        ampa, nmda = tile[G_AMPA + i] * ampa_left, nmda * nmda_left
        fast, slow = tile[G_FAST + i] * fast_left, tile[G_SLOW + i] * slow_left
        tile[G_AMPA + i] = ampa if ampa > nothing else zero
        tile[G_NMDA + i] = nmda if nmda > nothing else zero
        tile[G_FAST + i] = fast if fast > nothing else zero
        tile[G_SLOW + i] = slow if slow > nothing else zero


@kernel
def add_currents(tile, membrane, n, currents):
    """Add the synaptic currents of a tile's first ``n`` neurons to ``currents`` (3,) pA: AMPA, NMDA, GABA."""
    for i in range(n):
        v = tile[VOLTAGE + i]
        mg_factor = exponential(membrane.mg_per_millivolt * v)
        nmda = 0.0
        for s in range(4):
            open_without_mg = tile[G_NMDA + i] * tile[FREE + s * BLOCK + i] + tile[TONIC + s * BLOCK + i]
            nmda += open_without_mg / (1.0 + membrane.mg_over_k[s] * mg_factor)
        currents[0] -= tile[G_AMPA + i] * v
        currents[1] -= nmda * v
        currents[2] += (tile[G_FAST + i] + tile[G_SLOW + i]) * (membrane.gaba_reversal - v)


@kernel
def anyone_fired(marks, n):
    """Return whether one of ``n`` neurons fired; ``marks`` views ``fired`` as uint64, eight neurons at a time."""
    any_mark = np.uint64(0)
    for eight in range(whole_vectors(n) // np.uint64(8)):
        any_mark |= marks[eight]
    return any_mark != 0
