"""Spines one by one, in Python's own numbers."""

import math
from dataclasses import dataclass

from scipy.integrate import solve_ivp

from tests.reference.random import WORD, philox

STAGES, WEIGHTS, ELIMINATION, PROMOTION, FORMATION, PARTNERS, WEIGHTS_AT_BIRTH = 4, 5, 6, 7, 8, 9, 10
BORN = 2**31
TRIES = 1000


@dataclass
class Spine:
    """One spine; `key` is its identity, `hazard` what is left until death and until promotion."""

    source: int
    target: int
    y: float  # ln w
    delay: int
    stage: int
    key: tuple
    hazard: list


def words(seed, stream, first, second, third=0):
    """Four words of (seed, stream, first, second, third)."""
    return philox((first, second, third, stream), (seed % WORD, seed // WORD))


def uniform(word):
    return (word + 1) / WORD


def exponential(word):
    return -math.log(uniform(word))


def normal(four):
    return math.sqrt(-2.0 * math.log(uniform(four[0]))) * math.cos(2.0 * math.pi * four[1] / WORD)


def new_spine(source, target, y, delay, stage, key, seed):
    """A spine whose thresholds are those of its key."""
    spine = Spine(source, target, y, delay, stage, key, [exponential(words(seed, ELIMINATION, *key)[0]), math.inf])
    enter(spine, stage, seed)
    return spine


def enter(spine, stage, seed):
    spine.stage = stage
    spine.hazard[1] = exponential(words(seed, PROMOTION, *spine.key, stage)[0]) if stage < 2 else math.inf


def at_start(pairs, weights, delays, probabilities, seed):
    """Spines of {pairs}, stages drawn from their probabilities."""
    spines = []
    for pair, weight, delay, chances in zip(pairs, weights, delays, probabilities, strict=True):
        level = words(seed, STAGES, *pair)[0] / WORD
        stage = (level >= chances[0]) + (level >= chances[0] + chances[1])
        spines.append(new_spine(*pair, math.log(weight), delay, stage, pair, seed))
    return spines


def live(spine, rates, drive, days, seed, fast_step):
    """Let a spine live for some days; returns whether it survives."""
    together = drive.deviation[spine.source] * drive.deviation[spine.target]
    step = fast_step % WORD**2
    noise = normal(words(seed, (step // WORD) % 2**24 * 256 + WEIGHTS, *spine.key, step % WORD))
    kept = math.exp(-days / rates.weight_time)
    before = spine.y - rates.mean_log_weight
    after = before * kept + rates.hebbian_rate * together * rates.weight_time * (1.0 - kept)
    after += rates.sd_log_weight * math.sqrt(1.0 - kept**2) * noise
    spine.y = rates.mean_log_weight + after
    risk = (math.exp(-rates.protection * before) + math.exp(-rates.protection * after)) / 2.0
    gain = drive.promotion_gain[spine.target] * max(0.0, 1.0 + rates.correlation_gain * together)
    while days > 0.0:
        dying = risk * drive.elimination_gain[spine.stage, spine.target]
        hazards = dying * rates.elimination[spine.stage], gain * rates.promotion[spine.stage]
        death, promotion = (
            left / hazard if hazard > 0.0 else math.inf for left, hazard in zip(spine.hazard, hazards, strict=True)
        )
        if death <= min(promotion, days):
            return False
        passed = min(promotion, days)
        spine.hazard = [left - hazard * passed for left, hazard in zip(spine.hazard, hazards, strict=True)]
        days -= passed
        if promotion <= passed:
            enter(spine, spine.stage + 1, seed)
    return True


@dataclass
class World:
    """Spines of n neurons, what each lost, {(target, source, strength)}, and [hazard until the next birth, births]."""

    spines: list
    lost: list
    clocks: list


def new_clocks(n, seed):
    return [[exponential(words(seed, FORMATION, target, 0)[0]), 0] for target in range(n)]


def advance(world, sites, rates, drive, step):
    """One slow step in place; returns spines that died, that were born, and targets of those that came and went."""
    seed, fast_step, days = int(step.seed), int(step.fast_step), float(step.days)
    before = {(spine.source, spine.target) for spine in world.spines}
    living, dead = [], []
    for spine in world.spines:
        (living if days == 0.0 or live(spine, rates, drive, days, seed, fast_step) else dead).append(spine)
    born, brief = [], []
    for target, clock in enumerate(world.clocks):
        taken = set()
        now = 0.0
        while drive.formation[target] > 0.0 and now + clock[0] / drive.formation[target] <= days:
            now += clock[0] / drive.formation[target]
            ordinal = clock[1]
            clock[:] = [exponential(words(seed, FORMATION, target, ordinal + 1)[0]), ordinal + 1]
            blocked = {source for source, node in before if node == target} | taken
            source = partner(target, ordinal, blocked, world.lost, sites, seed)
            if source is None:
                continue
            taken.add(source)
            s, mean = rates.sd_log_weight, rates.mean_log_weight
            y = mean - rates.protection * s**2 + s * normal(words(seed, WEIGHTS_AT_BIRTH, target, ordinal))
            spine = new_spine(source, target, y, 0, 0, (target + BORN, ordinal), seed)
            (born if live(spine, rates, drive, days - now, seed, fast_step) else brief).append(spine)
        clock[0] -= drive.formation[target] * (days - now)
    faded = [
        (target, source, strength * math.exp(-days / sites.memory_time)) for target, source, strength in world.lost
    ]
    lost = [entry for entry in faded if entry[2] > math.exp(-3.0)]
    world.lost = sorted(lost + [(spine.target, spine.source, 1.0) for spine in dead], key=lambda entry: entry[0])
    world.spines = sorted(living + born, key=lambda spine: (spine.source, spine.target))
    return dead, born, [spine.target for spine in brief]


def partner(target, ordinal, blocked, lost, sites, seed):
    """Who the target's next spine comes from; None if nobody is found."""
    free = [(source, strength) for node, source, strength in lost if node == target and source not in blocked]
    total = sum(strength for _, strength in free)
    first = words(seed, PARTNERS, target, ordinal, 0)
    remembered = sites.preference * total
    if uniform(first[0]) * (sites.resting_degree[target] + remembered) <= remembered and free:
        level = uniform(first[1]) * total
        for source, strength in free:
            level -= strength
            if level <= 0.0:
                return source
        return free[-1][0]
    for attempt in range(1, TRIES + 1):
        four = words(seed, PARTNERS, target, ordinal, attempt)
        source = four[0] * len(sites.position) // WORD
        chance = math.exp(-0.5 * (distance(sites, source, target) / sites.width) ** 2)
        if uniform(four[1]) <= chance and source != target and source not in blocked:
            return source
    return None


def distance(sites, source, target):
    """Distance on a square sheet that wraps around at its side."""
    apart = (abs(a - b) for a, b in zip(sites.position[source], sites.position[target], strict=True))
    return math.hypot(*(min(d, sites.side - d) for d in apart))


def stages_after(stages, protein, parameters, rates, days, formation_gain=1.0, elimination_gain=1.0):
    """Densities of three stages after some days at constant protein and gains, their equations by an ODE solver."""
    founding = max(0.0, 1.0 + parameters.formation_gain * (protein - 1.0))
    young = (1.0 + parameters.young_protection) / (1.0 + parameters.young_protection * founding)
    lost = elimination_gain * rates.elimination * (young, 1.0, 1.0)
    leaving = lost + rates.promotion * protein**parameters.promotion_gain

    def slope(_, x):
        room = (parameters.largest_density - sum(x)) / (parameters.largest_density - 1.0)
        formed = formation_gain * rates.formation * founding * max(0.0, room)
        promoted = [p * protein**parameters.promotion_gain * part for p, part in zip(rates.promotion, x, strict=True)]
        inflow = (formed, promoted[0], promoted[1])
        return [gain - rate * part for gain, rate, part in zip(inflow, leaving, x, strict=True)]

    return solve_ivp(slope, (0.0, days), stages, rtol=1e-11, atol=1e-13, method="DOP853").y[:, -1]
