"""Synaptogenesis: spines of pyramidal cells form, mature in three stages and are eliminated; their sizes fluctuate.

Spines within the circuit are edges of its graph, which `evolve` ages, removes and adds through the kernels
`ketasim.kernels.spine_turnover` and `spine_births`; what they are at rest is solved in `spine_rest`. With n spine
density relative to rest, S synaptic protein, c the product of both neurons' deviations of activity, y = ln w minus its
long-term mean::

    founding     F = 1 + g (S - 1), floored at 0
    formation    f0 x_3 (n_max - n)/(n_max - 1), floored at 0; partners lost before are preferred
    dx_i/dt = (x_(i-1) - x_i)/tau_n,   x_0 = F
    promotion    p_stage S**h max(0, 1 + k c)
    elimination  e_stage exp(-gamma y) / its mean over the stage; of transient spines times (1 + q)/(1 + q F)
    dy = -y/tau dt + s sqrt(2/tau) dW + eta c dt

A spine that protein has founded has its first synapse, and counts from then on, after three stages x_i, which take half
a day; as long as protein is raised, young spines are lost less.

Rates are solved from the shares of stages, and s is the SD of ln w in the initial graph (0.93 in the default circuit),
so that rest is stationary. The ports `spine_formation_gain` and `spine_elimination_gain` scale formation and
elimination on a node. Afferent spines are a mean field of the same stages per neuron, without sizes, which scales
the afferents' conductance.

Not validated: the steep rise of founding with synaptic protein; how much protein protects young spines; that founding,
protection and promotion depend on protein alone; every number marked assumed. A spine is taken to be one synapse, and
afferent spines to be as large at birth as later.
"""

import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from ketasim.documents import KetasimError
from ketasim.kernels.formulas import exponentials_of_matrices, relative_to_rest, relaxed
from ketasim.kernels.graph import Synapses
from ketasim.kernels.jit import kernel
from ketasim.kernels.spine_births import (
    Births,
    Formation,
    Lost,
    Sites,
    draw_births,
    new_clocks,
    nothing_lost,
    remembered,
)
from ketasim.kernels.spine_rest import MeanRates, Rest, at_rest, steady_rates
from ketasim.kernels.spine_turnover import Drive, Edges, Rates, age_edges, initial_edges, merged, slow_step
from ketasim.mechanisms.mechanism import Clock, EdgeChanges, Mechanism, Setting
from ketasim.network.build import Network
from ketasim.sources import Prior, Source

#: Whose spines these are.
POPULATION = "PYR"

_DAY = 86_400.0
_LANES = 64  #: nodes whose afferent spines are advanced side by side

_STAGES = Source(
    "fitted", "F12: survival of 0.80-0.90 at 21-28 d; daily turnover of transient spines, Holtmaat 2005", 1.3
)
_SIZES = Source("recalled", "log-normal spine sizes that fluctuate in proportion to themselves, Loewenstein 2011", 2.0)


class Parameters(NamedTuple):
    """Birth, maturation and loss of spines, and the dynamics of their sizes."""

    transient_time: Annotated[float, Gt(0), "d", _STAGES] = 2.0
    consolidating_time: Annotated[float, Gt(0), "d", _STAGES] = 12.0
    persistent_half_life: Annotated[float, Gt(0), "d", _STAGES] = 395.0
    transient_share: Annotated[float, Gt(0), Lt(1), "1", _STAGES] = 0.05
    consolidating_share: Annotated[float, Gt(0), Lt(1), "1", _STAGES] = 0.12
    largest_density: Annotated[
        float,
        Gt(1),
        "1",
        Source("assumed", "n_max: density relative to rest at which formation stops", Prior(1.2, 2.0)),
    ] = 1.5
    formation_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source("fitted", "F1: density at 24 h; relative founding per relative synaptic protein", 2.0),
    ] = 40.0
    nascent_time: Annotated[
        float,
        Ge(0),
        "h",
        Source(
            "assumed",
            "3 tau_n: a few hours after its birth a spine rarely has a synapse, at 15-19 h as a rule, Nagerl 2007, "
            "10.1523/JNEUROSCI.0511-07.2007; 0: at once",
            Prior(6.0, 24.0),
        ),
    ] = 12.0
    young_protection: Annotated[
        float,
        Ge(0),
        "1",
        Source(
            "assumed",
            "q: how far protein that founds spines protects transient ones; PSD-95 decides, De Roo 2008",
            Prior(0.0, 4.0, "linear"),
        ),
    ] = 1.0
    promotion_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source("assumed", "h: promotion scales as synaptic protein to this power", Prior(0.0, 2.0, "linear")),
    ] = 1.0
    correlation_gain: Annotated[
        float,
        Ge(0),
        "1",
        Source(
            "assumed",
            "k: promotion doubles where both neurons deviate fully in the same sense",
            Prior(0.0, 2.0, "linear"),
        ),
    ] = 1.0
    size_protection: Annotated[
        float,
        Ge(0),
        Le(2),
        "1",
        Source("assumed", "gamma: large spines live longer (Holtmaat 2005), to this power", Prior(0.0, 1.0, "linear")),
    ] = 0.5
    weight_time: Annotated[float, Gt(0), "d", _SIZES] = 20.0
    hebbian_rate: Annotated[
        float,
        Ge(0),
        "1/d",
        Source(
            "assumed",
            "eta: growth of ln w where both neurons deviate fully in the same sense",
            Prior(0.0, 0.3, "linear"),
        ),
    ] = 0.1
    memory_time: Annotated[
        float, Gt(0), "d", Source("assumed", "weeks; lost spines come back, Moda-Sava 2019", 2.0)
    ] = 14.0
    memory_preference: Annotated[
        float,
        Ge(0),
        "1",
        Source(
            "assumed", "weight of a just-lost partner, where all n0 resting spines weigh n0", Prior(0.0, 3.0, "linear")
        ),
    ] = 1.0
    partner_width: Annotated[
        float, Gt(0), "um", Source("verified", "PYR to PYR: that of the circuit, Campagnola 2022")
    ] = 127.0
    activity_time: Annotated[
        float, Gt(0), "h", Source("assumed", "low-pass of the rate that spines depend on", 2.0)
    ] = 12.0
    afferent_spines: Annotated[
        bool, Source("assumed", "afferent spines follow the same laws; false: they stay constant")
    ] = True


#: SD of ln w assumed for a graph of equal weights.
LEAST_SD_LOG = 0.05


class Turnover(NamedTuple):
    """Constants of the kernel, and the distribution of spines at rest."""

    rates: Rates
    rest: Rest

    def stage_probability(self, log_weight: np.ndarray) -> np.ndarray:
        """Return the probability (E, 3) of each stage at rest for spines with ln w (E,)."""
        return self.rest.stage_probability(log_weight - self.rates.mean_log_weight)


class Prepared(NamedTuple):
    """Parameters, the rates solved from them, and the nodes."""

    parameters: Parameters
    rates: MeanRates
    members: slice


def solved_rates(parameters: Parameters) -> MeanRates:
    """Return rates of elimination, promotion and formation under which the shares of stages are stationary.

    Raises
    ------
    KetasimError
        There are no such rates.
    """
    transient, consolidating = parameters.transient_share, parameters.consolidating_share
    if transient + consolidating >= 1.0:
        raise KetasimError(
            f"synaptogenesis: transient_share {transient:g} and consolidating_share {consolidating:g} must leave room "
            "for persistent spines"
        )
    share = np.array([transient, consolidating, 1.0 - transient - consolidating])
    times = parameters.transient_time, parameters.consolidating_time
    try:
        return steady_rates(share, times, parameters.persistent_half_life)
    except ValueError as fault:
        raise KetasimError(f"synaptogenesis: {fault}") from fault


def turnover(parameters: Parameters, weight: np.ndarray) -> Turnover:
    """Set up turnover so that a graph with weights (E,) is at rest: number, stages and mean weight of its spines.

    The SD of ln w is the graph's own, at least `LEAST_SD_LOG`. Rest is exact for log-normal weights but for the effect
    of selection (mean weight and density drift by less than 0.1 % in 60 d); other weights become log-normal, and their
    mean drifts meanwhile.

    Raises
    ------
    KetasimError
        There is no rest with these parameters.
    """
    solved = solved_rates(parameters)
    spread = max(float(np.log(weight, dtype=np.float64).std()) if weight.size else 0.0, LEAST_SD_LOG)
    try:
        rest = at_rest(solved, parameters.size_protection, spread, parameters.weight_time)
    except ValueError as fault:
        raise KetasimError(f"synaptogenesis: size_protection {parameters.size_protection:g}: {fault}") from fault
    mean_weight = float(weight.mean(dtype=np.float64)) if weight.size else 1.0
    rates = Rates(
        elimination=solved.elimination / rest.norm,
        promotion=solved.promotion,
        protection=parameters.size_protection,
        mean_log_weight=rest.mean_log_weight(mean_weight),
        sd_log_weight=spread,
        weight_time=parameters.weight_time,
        correlation_gain=parameters.correlation_gain,
        hebbian_rate=parameters.hebbian_rate,
    )
    return Turnover(rates, rest)


def deviation(activity_trace: np.ndarray) -> np.ndarray:
    """Return the bounded deviation of activity from baseline, ``tanh(a - 1)``: smooth and odd, so noise cancels."""
    return np.tanh(activity_trace - 1.0)


def promotion_gain(parameters: Parameters, synaptic_protein: np.ndarray) -> np.ndarray:
    """Return the factor (n,) on promotion at synaptic protein (n,)."""
    return np.maximum(synaptic_protein, 0.0) ** parameters.promotion_gain


def founding(parameters: Parameters, synaptic_protein: np.ndarray) -> np.ndarray:
    """Return the rate (n,) at which spines are founded at synaptic protein (n,), relative to rest."""
    return np.maximum(1.0 + parameters.formation_gain * (synaptic_protein - 1.0), 0.0)


def matured(parameters: Parameters, nascent: np.ndarray, founded: np.ndarray, hours: float) -> np.ndarray:
    """Return nascent spines by stage (3, n) after some hours of founding (n,); exact, and rest is kept exactly."""
    if parameters.nascent_time == 0.0:
        return np.broadcast_to(founded, nascent.shape)
    stages = nascent.shape[0]
    passed = hours * stages / parameters.nascent_time
    apart, after = nascent - founded, np.zeros_like(nascent)
    for stage in range(stages):
        term = math.exp(-passed)  # of a chain of equal time constants: Poisson's distribution
        for earlier in range(stage, -1, -1):
            after[stage] += term * apart[earlier]
            term *= passed / (stage - earlier + 1)
    return founded + after


def elimination_gain(parameters: Parameters, synaptic_protein: np.ndarray) -> np.ndarray:
    """Return the factor (3, n) on elimination in each stage at synaptic protein (n,)."""
    gain = np.ones((3, synaptic_protein.size))
    gain[0] = (1.0 + parameters.young_protection) / (
        1.0 + parameters.young_protection * founding(parameters, synaptic_protein)
    )
    return gain


def formation_rate(parameters: Parameters, mature: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Return spines formed per day (n,), at spines that mature (n,) and density (n,), all relative to rest."""
    room = (parameters.largest_density - density) / (parameters.largest_density - 1.0)
    return solved_rates(parameters).formation * mature * np.maximum(room, 0.0)


def afferent_density(parameters: Parameters, afferent_spines: np.ndarray) -> np.ndarray:
    """Return the density (n,) of afferent spines (3, n) relative to rest."""
    return solved_rates(parameters).share @ afferent_spines


def afferent_rates(parameters: Parameters, signals: Mapping[str, np.ndarray], members: slice) -> dict[str, np.ndarray]:
    """Return afferent spines formed and lost per day (n,) relative to rest, by the name of their signal."""
    rates, spines = solved_rates(parameters), signals["afferent_spines"][:, members]
    mature = signals["nascent_spines"][-1, members]
    formed = formation_rate(parameters, mature, afferent_density(parameters, spines))
    gain = elimination_gain(parameters, signals["synaptic_protein"][members])
    gain = signals["spine_elimination_gain"][:, members] * gain
    lost = (rates.elimination * rates.share) @ (gain * spines)
    return {
        "spine_formation_rate": signals["spine_formation_gain"][members] * formed,
        "spine_elimination_rate": lost,
    }


def prepare(parameters: Parameters, setting: Setting) -> Prepared:
    """Solve the rates and find the nodes."""
    return Prepared(parameters, solved_rates(parameters), setting.nodes(POPULATION))


def advance(  # noqa: PLR0913, PLR0917 - one argument per signal, as declared
    synaptic_protein: np.ndarray,
    firing_rate: np.ndarray,
    firing_rate_baseline: np.ndarray,
    spine_formation_gain: np.ndarray,
    spine_elimination_gain: np.ndarray,
    nascent_spines: np.ndarray,
    afferent_spines: np.ndarray,
    activity_trace: np.ndarray,
    spine_density: np.ndarray,
    spine_density_circuit: np.ndarray,
    spine_formation_rate: np.ndarray,
    spine_elimination_rate: np.ndarray,
    synaptic_weight: np.ndarray,
    afferent_gain: np.ndarray,
    prepared: Prepared,
    clock: Clock,
) -> None:
    """Advance the node states, nascent and afferent spines (3, n) and low-passed activity (n,), and scale the port.

    `evolve` sets the mechanism's other signals from the edges.
    """
    parameters, rates, members = prepared
    rate, baseline = firing_rate[members], firing_rate_baseline[members]
    relative = relative_to_rest(rate, baseline)  # a node that was silent at baseline has no deviation
    hours = clock.duration / 3600.0
    activity_trace[members] = relaxed(activity_trace[members], relative, hours, parameters.activity_time)
    protein, spines = synaptic_protein[members], afferent_spines[:, members]
    before = nascent_spines[-1, members].copy()
    nascent_spines[:, members] = matured(parameters, nascent_spines[:, members], founding(parameters, protein), hours)
    if not parameters.afferent_spines:
        return
    if clock.duration > 0.0:
        density = rates.share @ spines
        # formation is linear in density below the largest, and 0 above
        mature = 0.5 * (before + nascent_spines[-1, members])
        formation = formation_rate(parameters, mature, np.zeros_like(density))
        formation[density >= parameters.largest_density] = 0.0
        formation *= spine_formation_gain[members]
        lost = spine_elimination_gain[:, members] * elimination_gain(parameters, protein)
        gains = formation, promotion_gain(parameters, protein), lost
        advance_afferents(spines, gains, rates, parameters.largest_density, clock.duration / _DAY)
    afferent_gain[members] *= rates.share @ spines


@kernel
def advance_afferents(
    spines: np.ndarray, gains: tuple[np.ndarray, np.ndarray, np.ndarray], rates: MeanRates, largest: float, days: float
) -> None:
    """Advance the stages ``a`` (3, n) of every node exactly, each relative to its resting share.

    Solved in deviations from 1, so that rest is kept exactly.

    Parameters
    ----------
    spines : (3, n) array
        The stages; changed in place.
    gains : ((n,) array, (n,) array, (3, n) array)
        Formation at zero density, 1/d, and the factors on promotion and, by stage, elimination.
    rates : MeanRates
        Rates at rest.
    largest : float
        Density relative to rest at which formation stops.
    days : float
        Length of the step, d.
    """
    n = spines.shape[1]
    matrix, result = np.zeros((4, 4, _LANES)), np.zeros((4, 4, _LANES))
    term, scratch = np.zeros((4, 4, _LANES)), np.zeros((4, 4, _LANES))
    squarings = np.zeros(_LANES, np.int64)
    for first in range(0, n, _LANES):
        count = min(_LANES, n - first)
        for lane in range(count):
            of_node = gains[0][first + lane], gains[1][first + lane], gains[2][:, first + lane]
            _fill_afferents(matrix, lane, of_node, rates, largest, days)
        exponentials_of_matrices(matrix, result, term, scratch, squarings)
        for node in range(first, first + count):
            a0, a1, a2 = spines[0, node] - 1.0, spines[1, node] - 1.0, spines[2, node] - 1.0
            for stage in range(3):
                row = result[stage, :, node - first]
                spines[stage, node] = 1.0 + row[0] * a0 + row[1] * a1 + row[2] * a2 + row[3]


@kernel
def _fill_afferents(
    matrix: np.ndarray, lane: int, gains: tuple[float, float, np.ndarray], rates: MeanRates, largest: float, days: float
) -> None:
    """Write to ``matrix[:, :, lane]`` the system of a node's stages times `days`; the last state is constant."""
    formation, promotion, elimination = gains
    share = rates.share
    for row in range(4):
        for column in range(4):
            matrix[row, column, lane] = 0.0
    inflow = formation * (1.0 - 1.0 / largest)  # at density 1
    for stage in range(3):
        matrix[0, stage, lane] = -formation / largest * share[stage] / share[0]
    for stage in range(3):
        leaving = elimination[stage] * rates.elimination[stage] + rates.promotion[stage] * promotion
        matrix[stage, stage, lane] -= leaving
        matrix[stage, 3, lane] = inflow / share[stage] - leaving
        if stage < 2:
            passed = rates.promotion[stage] * promotion * share[stage]
            matrix[stage + 1, stage, lane] = passed / share[stage + 1]
            inflow = passed
    for row in range(4):
        for column in range(4):
            matrix[row, column, lane] *= days


class Spines(NamedTuple):
    """State of the edges that the mechanism keeps itself.

    Attributes
    ----------
    log_weight, stage, key_a, key_b, elimination_left, promotion_left : (E,) array
        Columns of `ketasim.kernels.spine_turnover.Edges`.
    lost : Lost
        Partners lost before.
    formation : Formation
        The neurons' clocks of formation.
    """

    log_weight: np.ndarray
    stage: np.ndarray
    key_a: np.ndarray
    key_b: np.ndarray
    elimination_left: np.ndarray
    promotion_left: np.ndarray
    lost: Lost
    formation: Formation


_OWN_COLUMNS = Spines._fields[:6]


class Turning(NamedTuple):
    """What `evolve` receives: parameters, and properties of the initial graph.

    Attributes
    ----------
    parameters : Parameters
        Parameters of the mechanism.
    rates : Rates
        Constants of the kernel.
    sites : Sites
        Positions, and choice of partners.
    members : slice
        The neurons.
    axons : float
        Afferent synapses of one neuron, each firing at the unit rate.
    resting_weight : (n,) array
        Mean weight of each neuron's spines.
    lengths : (E,) array
        Lengths of the initial edges, um, ascending.
    delays : (E,) array
        Their delays, fast steps.
    """

    parameters: Parameters
    rates: Rates
    sites: Sites
    members: slice
    axons: float
    resting_weight: np.ndarray
    lengths: np.ndarray
    delays: np.ndarray


def begin(edges: Synapses, parameters: Parameters, setting: Setting, seed: int) -> tuple[Turning, Spines]:
    """Take the initial edges to be spines at rest."""
    assert setting.network is not None
    network, members = setting.network, setting.nodes(POPULATION)
    n = members.stop - members.start
    degree = np.bincount(edges.target, minlength=n).astype(np.float64)
    turning = turnover(parameters, edges.weight)
    sites = Sites(
        position=np.ascontiguousarray(network.topology.position[members]),
        side=network.period,
        width=parameters.partner_width,
        resting_degree=degree,
        preference=parameters.memory_preference,
        memory_time=parameters.memory_time,
    )
    weight = mean_weight(edges.target, edges.weight, degree)
    fixed = Turning(parameters, turning.rates, sites, members, _axons(network), weight, *_delay_by_length(edges, sites))
    probability = turning.stage_probability(np.log(edges.weight.astype(np.float64)))
    spines = initial_edges(edges, probability, seed)
    return fixed, _kept(spines, nothing_lost(), new_clocks(n, seed))


def evolve(
    edges: Synapses,
    own: Spines,
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray],
    turning: Turning,
    clock: Clock,
) -> EdgeChanges:
    """Age, eliminate and form spines; set the spine signals."""
    parameters, sites, members = turning.parameters, turning.sites, turning.members
    spines = _spines(edges, own)
    days = clock.duration / _DAY
    protein = before["synaptic_protein"][members]
    degree = np.bincount(spines.target, minlength=sites.resting_degree.size)
    mature = 0.5 * (before["nascent_spines"][-1, members] + after["nascent_spines"][-1, members])
    per_day = formation_rate(parameters, mature, relative_to_rest(degree, sites.resting_degree))
    drive = Drive(
        deviation(before["activity_trace"][members]),
        promotion_gain(parameters, protein),
        before["spine_formation_gain"][members] * per_day * sites.resting_degree,
        before["spine_elimination_gain"][:, members] * elimination_gain(parameters, protein),
    )
    step = slow_step(clock.seed, clock.fast_step, days)
    died = age_edges(spines, turning.rates, drive, step)
    births = draw_births(spines, own.lost, own.formation, sites, turning.rates, drive, step)
    births.edges.delay[:] = delay_of(births, turning.lengths, turning.delays)
    lost = remembered(own.lost, spines, died, days, sites.memory_time)
    dead = Edges(*(column[died] for column in spines))
    spines = merged(spines, died, births.edges)
    changes = EdgeChanges(
        _synapses(spines), _synapses(dead), _synapses(births.edges), _kept(spines, lost, own.formation)
    )
    _fill(changes, births.brief, before, after, turning, days)
    return changes


def _spines(edges: Synapses, own: Spines) -> Edges:
    """Return the table of the kernels."""
    columns = {name: getattr(own, name) for name in _OWN_COLUMNS}
    return Edges(source=edges.source, target=edges.target, delay=edges.delay, **columns)


def _kept(spines: Edges, lost: Lost, formation: Formation) -> Spines:
    return Spines(**{name: getattr(spines, name) for name in _OWN_COLUMNS}, lost=lost, formation=formation)


def _synapses(spines: Edges) -> Synapses:
    return Synapses(spines.source, spines.target, np.exp(spines.log_weight), spines.delay)


def _fill(
    changes: EdgeChanges,
    brief: np.ndarray,
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray],
    turning: Turning,
    days: float,
) -> None:
    """Set the spine signals: circuit and afferents together, weighted by their numbers of synapses.

    `brief` holds the targets of spines born and lost within the step, which rates count although they never were edges.
    """
    parameters, members, resting = turning.parameters, turning.members, turning.sites.resting_degree
    degree = np.bincount(changes.edges.target, minlength=resting.size).astype(np.float64)
    circuit = {"spine_density": degree}
    for name, events in (("spine_formation_rate", changes.born), ("spine_elimination_rate", changes.died)):
        target = np.concatenate([events.target, brief])
        circuit[name] = np.bincount(target, minlength=resting.size) / days
    afferents = afferent_rates(parameters, before, members)
    axons = turning.axons if parameters.afferent_spines else 0.0
    afferents["spine_density"] = afferent_density(parameters, after["afferent_spines"][:, members])
    for name, spines in circuit.items():
        rest = float(name == "spine_density")  # for a neuron without synapses
        after[name][members] = relative_to_rest(spines + axons * afferents[name], resting + axons, rest)
    after["spine_density_circuit"][members] = relative_to_rest(degree, resting)
    weight = mean_weight(changes.edges.target, changes.edges.weight, degree)
    after["synaptic_weight"][members] = relative_to_rest(weight, turning.resting_weight)


def mean_weight(target: np.ndarray, weight: np.ndarray, degree: np.ndarray) -> np.ndarray:
    """Return the mean weight (n,) of each neuron's `degree` (n,) spines; 0 if it has none."""
    return relative_to_rest(np.bincount(target, weight, minlength=degree.size), degree, 0.0)


def delay_of(births: Births, lengths: np.ndarray, delays: np.ndarray) -> np.ndarray:
    """Return for each birth the delay, in fast steps, of the initial edge nearest in length; 1 if there is none."""
    if lengths.size == 0:
        return np.ones(births.distance.size, np.int64)
    later = np.searchsorted(lengths, births.distance).clip(1, max(1, lengths.size - 1))
    later = np.minimum(later, lengths.size - 1)
    earlier = np.maximum(later - 1, 0)
    nearer = births.distance - lengths[earlier] <= lengths[later] - births.distance
    return np.where(nearer, delays[earlier], delays[later]).astype(np.int64)


def _axons(network: Network) -> float:
    """Afferent synapses of one neuron of the population, each firing at the unit rate."""
    cell = network.tables.cells[POPULATION]
    return cell.afferent_rate * 1e3 / network.tables.receptors.afferent_unit_rate


def _delay_by_length(synapses: Synapses, sites: Sites) -> tuple[np.ndarray, np.ndarray]:
    """Return lengths (E,) of synapses in um, ascending, and their delays."""
    apart = np.abs(sites.position[synapses.source] - sites.position[synapses.target])
    length = np.hypot(*np.minimum(apart, sites.side - apart).T)
    order = np.argsort(length, kind="stable")
    return length[order], synapses.delay[order]


def edges_born(parameters: Parameters) -> float:
    """Return edges born per day at rest, as a fraction of existing ones."""
    return solved_rates(parameters).formation


MECHANISM = Mechanism(
    "synaptogenesis",
    Parameters,
    advance,
    reads=(
        "synaptic_protein",
        "firing_rate",
        "firing_rate_baseline",
        "spine_formation_gain",
        "spine_elimination_gain",
    ),
    writes=(
        "nascent_spines",
        "afferent_spines",
        "activity_trace",
        "spine_density",
        "spine_density_circuit",
        "spine_formation_rate",
        "spine_elimination_rate",
        "synaptic_weight",
    ),
    scales=("afferent_gain",),
    prepare=prepare,
    population=POPULATION,
    edges=POPULATION,
    begin=begin,
    evolve=evolve,
    edges_born=edges_born,
)
