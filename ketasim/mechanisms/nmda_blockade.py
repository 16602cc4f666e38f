"""NMDA receptor blockade: trapping open-channel block in competition with Mg.

Per node, GluN2 subunit s and blocker c, with trapped block T, superficial block U and ``q = 1 - sum(T + U)``::

    dT_c/dt = p_s [kon_c C_c m_s q / v_c - T_c kon_c K_cs / (1 - sigma_c)]
    dU_c/dt = kU_c [sigma_c C_c m_s q / (K_cs v_c) - U_c],   kU_c = phi kon_c K_cs
    v_c = exp(delta_c (V + 66 mV) / 26.7 mV)

Concentration, Mg factor m, voltage V and open probability p are held during a step, which makes the system linear; it
is advanced by its exact solution. Without opening (p = 0) trapped block neither rises nor falls.

A blocker enters at a rate proportional to ``<g m/v>``, and channels are free of Mg while the membrane is depolarised.
So m is the mean over time weighted by the synaptic gate g, and V that weighted by the open NMDA conductance, neuron by
neuron; both also for the share of p that is tonic or due to the release floor. Against ``<g m/v>`` itself, step by step
in the resting circuit, that is right to 0.5 %; block of single neurons differs by 1-2 % (SD) of itself, and that of the
class's mean gating from their mean by 0.2 %.

The scheme takes IC50s without Mg from Kotermanski & Johnson 2009; IC50s with Mg are its prediction (findings B2, B3).
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le

from ketasim.documents import KetasimError
from ketasim.drugs.families import suppliers
from ketasim.drugs.model import row_of
from ketasim.kernels.formulas import exponentials_of_matrices, mg_unblocked_fraction
from ketasim.kernels.jit import kernel
from ketasim.mechanisms.mechanism import Clock, Mechanism, Setting
from ketasim.signals import SUBUNITS, UNBLOCKED
from ketasim.sources import Prior, Source

_REFERENCE_VOLTAGE = -66.0  # mV, where IC50s are stated
_THERMAL_VOLTAGE = 26.7  # mV, RT/F
_LANES = 64  # nodes whose receptors are advanced side by side; their matrices stay in the second-level cache
_ERREGER = Source("verified", "peak open probability, Erreger 2005, PMC1665591")


class Parameters(NamedTuple):
    """Block of NMDA receptors by compounds in the brain."""

    open_probability_2a: Annotated[float, Gt(0), Le(1), "1", _ERREGER] = 0.50
    open_probability_2b: Annotated[float, Gt(0), Le(1), "1", _ERREGER] = 0.12
    open_probability_2c: Annotated[float, Gt(0), Le(1), "1", Source("verified", "Dravid 2008, PMC2614009")] = 0.011
    open_probability_2d: Annotated[
        float, Gt(0), Le(1), "1", Source("recalled", "Traynelis 2010: 0.01-0.04", Prior(0.01, 0.04))
    ] = 0.01
    superficial_factor: Annotated[
        float, Gt(0), "1", Source("assumed", "phi, rate of superficial block over k_on K; fast beside trapping", 3.0)
    ] = 10.0
    release_floor: Annotated[
        float, Ge(0), Le(1), "1", Source("assumed", "gating by miniature release in a silent network", 3.0)
    ] = 0.003
    cells: Annotated[tuple[str, ...], Source("assumed", "populations that the blockers reach, or all")] = ("all",)
    receptors: Annotated[
        Literal["all", "synaptic", "extrasynaptic"], Source("assumed", "whose current block lowers; a control")
    ] = "all"


class Prepared(NamedTuple):
    """Blockers by subunit, and constants of each node."""

    compound: np.ndarray  # (n_blockers,) int64, position on the axis `compound`
    k_on: np.ndarray  # (n_blockers,) 1/uM/s
    ic50: np.ndarray  # (n_blockers, 4) uM
    distance: np.ndarray  # (n_blockers,) delta
    escape: np.ndarray  # (n_blockers,) sigma
    partial: np.ndarray  # (n_partial,) int64, blockers with sigma > 0
    open_probability: np.ndarray  # (4,)
    superficial_factor: float
    release_floor: float
    exposed: np.ndarray  # (n,) bool
    shares: np.ndarray  # (4, n)
    rest: np.ndarray  # (n,) mV, used where no gate opened and there is no gated mean
    mg_over_k: np.ndarray  # (4,)
    synaptic: float  # 1 if block lowers the current of synaptic receptors, else 0
    extrasynaptic: float  # the same for extrasynaptic receptors


class Gating(NamedTuple):
    """Gating of each node's NMDA receptors in the last window; (n,) except unblocked and tonic (4, n)."""

    gate: np.ndarray
    unblocked: np.ndarray  # (4, n) gate times Mg factor
    open: np.ndarray  # nS
    current: np.ndarray  # pA, inward positive
    tonic: np.ndarray


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Collect the blockers among the drugs of the run, and the subunits of the nodes."""
    network = setting.network
    if network is None:
        raise ValueError("nmda_blockade acts on nodes; it cannot run without a network")
    of_compounds = suppliers(setting.drugs)
    rows = [
        (row_of(of_compounds[name].nmda, name), row_of(of_compounds[name].nmda_kinetics, name))
        for name in setting.blockers
    ]
    names = network.topology.population_names
    exposed = np.array([parameters.cells == ("all",) or name in parameters.cells for name in names])
    escape = np.array([kinetics.escape for _, kinetics in rows], dtype=np.float64)
    return Prepared(
        compound=np.array([setting.compounds.index(name) for name in setting.blockers], dtype=np.int64),
        k_on=np.array([kinetics.k_on for _, kinetics in rows], dtype=np.float64),
        ic50=np.array([[row.ic50_2a, row.ic50_2b, row.ic50_2c, row.ic50_2d] for row, _ in rows]).reshape(-1, 4),
        distance=np.array([kinetics.electrical_distance for _, kinetics in rows], dtype=np.float64),
        escape=escape,
        partial=np.flatnonzero(escape > 0).astype(np.int64),
        open_probability=np.array(parameters[:4], dtype=np.float64),
        superficial_factor=float(parameters.superficial_factor),
        release_floor=float(parameters.release_floor),
        exposed=exposed[network.topology.population],
        shares=network.nmda_shares,
        rest=network.parameters.cells.rest[network.graph.node_class],
        mg_over_k=np.array(network.tables.receptors.mg_over_half()),
        synaptic=float(parameters.receptors != "extrasynaptic"),
        extrasynaptic=float(parameters.receptors != "synaptic"),
    )


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    brain_concentration: np.ndarray,
    nmda_gating: np.ndarray,
    nmda_gating_unblocked_2a: np.ndarray,
    nmda_gating_unblocked_2b: np.ndarray,
    nmda_gating_unblocked_2c: np.ndarray,
    nmda_gating_unblocked_2d: np.ndarray,
    nmda_open: np.ndarray,
    nmda_throughput: np.ndarray,
    nmda_tonic_gating: np.ndarray,
    trapped_block: np.ndarray,
    superficial_block: np.ndarray,
    nmda_unblocked: np.ndarray,
    nmda_unblocked_extrasynaptic: np.ndarray,
    nmda_block: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Advance every node's receptors exactly; shapes as in the signal table.

    Raises
    ------
    KetasimError
        Block is not finite: rates times the step overflow.
    """
    unblocked = (nmda_gating_unblocked_2a, nmda_gating_unblocked_2b, nmda_gating_unblocked_2c, nmda_gating_unblocked_2d)
    gating = Gating(nmda_gating, np.stack(unblocked), nmda_open, nmda_throughput, nmda_tonic_gating)
    concentration = brain_concentration[prepared.compound]
    advance_block(concentration, gating, trapped_block, superficial_block, prepared, clock.duration)
    blocked = trapped_block.sum(axis=0) + superficial_block.sum(axis=0)
    nmda_unblocked[:] = 1.0 - prepared.synaptic * blocked
    nmda_unblocked_extrasynaptic[:] = 1.0 - prepared.extrasynaptic * blocked
    nmda_block[:] = prepared.synaptic * (prepared.shares * blocked).sum(axis=0)
    if not np.isfinite(nmda_block).all():
        node = int(np.flatnonzero(~np.isfinite(nmda_block))[0])
        raise KetasimError(
            f"nmda_blockade: block at node {node} is no longer finite at brain concentrations of up to "
            f"{concentration.max(initial=0.0):.3g} uM; check the drug's k_on and the dose"
        )


@kernel
def advance_block(
    concentration: np.ndarray,
    gating: Gating,
    trapped: np.ndarray,
    superficial: np.ndarray,
    prepared: Prepared,
    duration: float,
) -> None:
    """Advance trapped and superficial block (n_blockers, 4, n) of every exposed node by `duration` s."""
    n_blockers, n_partial = concentration.shape[0], prepared.partial.shape[0]
    size = n_blockers + n_partial + 1
    matrix, result = np.zeros((size, size, _LANES)), np.zeros((size, size, _LANES))
    term, scratch = np.zeros((size, size, _LANES)), np.zeros((size, size, _LANES))
    squarings, members = np.zeros(_LANES, np.int64), np.zeros(_LANES, np.int64)
    state, source, loss = np.zeros((size, _LANES)), np.zeros(size), np.zeros(size)
    affected = _affected(concentration, trapped, superficial, prepared.exposed)
    for subunit in range(4):
        count = 0
        for node in range(affected.shape[0]):
            if affected[node] and prepared.shares[subunit, node] != 0.0:
                rates(concentration, opening(gating, prepared, subunit, node), subunit, prepared, source, loss)
                fill_system(source, loss, duration, matrix[:, :, count])
                for c in range(n_blockers):
                    state[c, count] = trapped[c, subunit, node]
                for index in range(n_partial):
                    state[n_blockers + index, count] = superficial[prepared.partial[index], subunit, node]
                state[size - 1, count] = 1.0
                members[count] = node
                count += 1
            if count == _LANES or (node == affected.shape[0] - 1 and count > 0):
                exponentials_of_matrices(matrix, result, term, scratch, squarings)
                for lane in range(count):
                    for c in range(n_blockers):
                        trapped[c, subunit, members[lane]] = _product(result, state, c, lane)
                    for index in range(n_partial):
                        value = _product(result, state, n_blockers + index, lane)
                        superficial[prepared.partial[index], subunit, members[lane]] = value
                count = 0


@kernel
def _affected(
    concentration: np.ndarray, trapped: np.ndarray, superficial: np.ndarray, exposed: np.ndarray
) -> np.ndarray:
    """Return (n,) bool: exposed nodes while there is a blocker in the brain, or at their receptors."""
    in_brain = False
    for c in range(concentration.shape[0]):
        in_brain |= concentration[c] > 0.0
    affected = np.zeros(exposed.shape[0], np.bool_)
    for node in range(exposed.shape[0]):
        bound = 0.0
        for c in range(trapped.shape[0]):
            for subunit in range(trapped.shape[1]):
                bound += trapped[c, subunit, node] + superficial[c, subunit, node]
        affected[node] = exposed[node] and (in_brain or bound > 0.0)
    return affected


@kernel
def _product(matrix: np.ndarray, state: np.ndarray, row: int, lane: int) -> float:
    """Return ``matrix[row] @ state`` of a lane."""
    total = 0.0
    for column in range(state.shape[0]):
        total += matrix[row, column, lane] * state[column, lane]
    return total


@kernel
def fill_system(source: np.ndarray, loss: np.ndarray, duration: float, matrix: np.ndarray) -> None:
    """Write the matrix of ``dx/dt = source (1 - sum x) - loss x`` times `duration`; the last state is constant."""
    last = matrix.shape[0] - 1
    for i in range(last):
        for j in range(last):
            matrix[i, j] = -duration * source[i]
        matrix[i, i] -= duration * loss[i]
        matrix[i, last] = duration * source[i]
    for j in range(last + 1):
        matrix[last, j] = 0.0


@kernel
def opening(gating: Gating, prepared: Prepared, subunit: int, node: int) -> tuple[float, float, float]:
    """Return mean open probability and Mg factor of a node's channels, and the voltage (mV) at which they are open."""
    gate = gating.gate[node]
    total = min(1.0, max(prepared.release_floor, gate + gating.tonic[subunit, node]))
    p = prepared.open_probability[subunit] * total
    voltage = -gating.current[node] / gating.open[node] if gating.open[node] > 0.0 else prepared.rest[node]
    if gate > 0.0:
        return p, gating.unblocked[subunit, node] / gate, voltage
    return p, mg_unblocked_fraction(voltage, prepared.mg_over_k[subunit]), voltage


@kernel
def rates(
    concentration: np.ndarray,
    channel: tuple[float, float, float],
    subunit: int,
    prepared: Prepared,
    source: np.ndarray,
    loss: np.ndarray,
) -> None:
    """Fill entry rate `source` (times q) and exit rate `loss`, 1/s: trapped states first, then superficial ones.

    `channel` is (p, m, V in mV).
    """
    p, m, voltage = channel
    n_blockers = concentration.shape[0]
    for c in range(n_blockers):
        v = math.exp(prepared.distance[c] * (voltage - _REFERENCE_VOLTAGE) / _THERMAL_VOLTAGE)
        source[c] = p * prepared.k_on[c] * concentration[c] * m / v
        loss[c] = p * prepared.k_on[c] * prepared.ic50[c, subunit] / (1.0 - prepared.escape[c])
    for index in range(prepared.partial.shape[0]):
        c = prepared.partial[index]
        v = math.exp(prepared.distance[c] * (voltage - _REFERENCE_VOLTAGE) / _THERMAL_VOLTAGE)
        exchange = prepared.superficial_factor * prepared.k_on[c] * prepared.ic50[c, subunit]
        source[n_blockers + index] = (
            exchange * prepared.escape[c] * concentration[c] * m / (prepared.ic50[c, subunit] * v)
        )
        loss[n_blockers + index] = exchange


def potency(ic50: float, distance: float, voltage: float, unblocked: float) -> float:
    """Return the concentration in uM that blocks half for good in voltage clamp: ``K v / m``.

    Parameters
    ----------
    ic50 : float
        K, uM, without Mg at -66 mV.
    distance : float
        Electrical distance delta.
    voltage : float
        mV.
    unblocked : float
        m, fraction of channels without Mg.

    Examples
    --------
    >>> potency(0.33, 0.55, -66.0, 0.5)
    0.66
    """
    return ic50 * math.exp(distance * (voltage - _REFERENCE_VOLTAGE) / _THERMAL_VOLTAGE) / unblocked


class HalfTime(NamedTuple):
    """Half-times in s of onset and recovery of block at one class's receptors, at their open probability."""

    population: str
    subunit: str
    blocker: str
    concentration: float  # uM, for the onset
    onset: float
    recovery: float


#: uM, concentration for which half-times of onset are stated: about that in brain at the end of 0.5 mg/kg over 40 min.
TYPICAL_CONCENTRATION = 0.25


def half_times(setting: Setting, prepared: Prepared, gating: Gating) -> list[HalfTime]:
    """Return half-times of the first blocker for each exposed class and subunit, at class means of the gating."""
    network = setting.network
    if network is None or not setting.blockers:
        return []
    source, loss = np.zeros(len(setting.blockers)), np.zeros(len(setting.blockers))
    concentration = np.full(len(setting.blockers), TYPICAL_CONCENTRATION)
    rows = []
    for name in network.topology.population_names:
        members = network.topology.slice_of(name)
        if not prepared.exposed[members.start]:
            continue
        means = Gating(*(values[..., members].mean(axis=-1, keepdims=True) for values in gating))
        one = prepared._replace(rest=prepared.rest[members][:1], partial=prepared.partial[:0])
        for index, subunit in enumerate(SUBUNITS):
            if prepared.shares[index, members.start] == 0.0:
                continue
            rates(concentration, opening(means, one, index, 0), index, one, source, loss)
            onset, recovery = math.log(2.0) / (source[0] + loss[0]), math.log(2.0) / loss[0]
            rows.append(HalfTime(name, subunit, setting.blockers[0], TYPICAL_CONCENTRATION, onset, recovery))
    return rows


def gating_of(signals: Mapping[str, np.ndarray]) -> Gating:
    """Return the gating of a network's receptors from its signals."""
    unblocked = np.stack([signals[name] for name in UNBLOCKED])
    return Gating(
        signals["nmda_gating"],
        unblocked,
        signals["nmda_open"],
        signals["nmda_throughput"],
        signals["nmda_tonic_gating"],
    )


def remarks(prepared: Prepared, setting: Setting, signals: Mapping[str, np.ndarray]) -> list[str]:
    """Return half-times of block by the first blocker at the present gating, one line per class."""
    rows = half_times(setting, prepared, gating_of(signals))
    if not rows:
        return []
    first = rows[0]
    lines = [f"half-times of block by {first.blocker} at rest (onset at {first.concentration:g} uM, recovery):"]
    for population in dict.fromkeys(row.population for row in rows):
        own = [row for row in rows if row.population == population]
        parts = [f"{row.subunit} {_in_words(row.onset)}, {_in_words(row.recovery)}" for row in own]
        lines.append(f"  {population}: " + "; ".join(parts))
    return lines


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120.0 else f"{seconds / 60.0:.0f} min"


MECHANISM = Mechanism(
    "nmda_blockade",
    Parameters,
    advance,
    reads=(
        "brain_concentration",
        "nmda_gating",
        *UNBLOCKED,
        "nmda_open",
        "nmda_throughput",
        "nmda_tonic_gating",
    ),
    writes=("trapped_block", "superficial_block", "nmda_unblocked", "nmda_unblocked_extrasynaptic", "nmda_block"),
    prepare=prepare,
    remarks=remarks,
)
