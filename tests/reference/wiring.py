"""Who contacts whom, pair by pair, in Python's own numbers."""

import math

from tests.reference.random import WORD, philox, words

CONTACTS, WEIGHTS = 2, 3
GROUP, BLOCK = 512, 128


def group_places(sizes):
    """For each neuron, its group and its place in it: groups of 512 within each class, numbered through."""
    places, group = [], 0
    for size in sizes:
        places += [(group + member // GROUP, member % GROUP) for member in range(size)]
        group += -(-size // GROUP)
    return places


def contact_word(seed, source, place):
    """The word of a pair: group g has the words of 128 counters from 128 g on, all first words first."""
    group, member = place
    return words(seed, CONTACTS, group * BLOCK + member % BLOCK, source)[member // BLOCK]


def distance(here, there, side):
    """Distance on a square sheet that wraps around."""
    return math.hypot(*(min(abs(a - b), side - abs(a - b)) for a, b in zip(here, there, strict=True)))


def probability(apart, peak, width, reach):
    """Chance of a contact."""
    return 0.0 if apart > reach else min(1.0, peak * math.exp(-0.5 * (apart / width) ** 2))


def targets(source, node_class, position, rules, seed):
    """Targets of a neuron, ascending; `rules` as the kernel's `ContactRules`."""
    places = group_places([node_class.count(c) for c in sorted(set(node_class))])
    found = []
    for target, place in enumerate(places):
        pair = node_class[source], node_class[target]
        apart = distance(position[source], position[target], rules.side)
        chance = probability(apart, rules.peak[pair], rules.width[pair], rules.reach[pair])
        if target != source and contact_word(seed, source, place) < chance * WORD:
            found.append(target)
    return found


def weight(seed, source, target, sd_log):
    """Log-normal weight of mean 1, by the method of Box and Muller."""
    first, second, _, _ = philox((source, 0, target, WEIGHTS), (seed % WORD, seed // WORD))
    normal = math.sqrt(-2.0 * math.log((first + 1) / WORD)) * math.cos(2.0 * math.pi * second / WORD)
    return math.exp(sd_log * normal - 0.5 * sd_log**2)
