"""Random numbers: known answers, the same as the slow twin, and statistics with their error."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from ketasim.kernels.random import draw_words, philox, poisson_counts
from ketasim.kernels.vectors import BLOCK, VECTORS
from ketasim.network.build import poisson_thresholds
from tests.reference import random as reference

STREAM = np.uint32(1)
WORDS = st.integers(0, 2**32 - 1)
# Chance that one statistical check fails for a perfect generator; with seeds fixed it fails always or never.
FALSE_ALARM = 1e-6


def sample(n, seed=1, stream=STREAM, block=0):
    """Words of the first n neurons, (n, 4)."""
    blocks = []
    for first in range(0, n, BLOCK):
        words = np.empty(4 * BLOCK, np.uint32)
        draw_words(words, np.uint32(stream), np.uint64(seed), np.int64(block), first, BLOCK)
        blocks.append(words.reshape(4, BLOCK).T)
    return np.concatenate(blocks)[:n]


def hexadecimal(text):
    return tuple(int(word, 16) for word in text.split())


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (" ".join(["ffffffff"] * 4), " ".join(["ffffffff"] * 2), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0",
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers(counter, key, answer):
    """Known answers of Random123: catch a wrong constant, round or order of words, in the kernel and in its twin."""
    arguments = [np.uint32(word) for word in (*hexadecimal(counter), *hexadecimal(key))]
    assert tuple(int(word) for word in philox(*arguments)) == hexadecimal(answer)
    assert reference.philox(hexadecimal(counter), hexadecimal(key)) == hexadecimal(answer)


@given(counter=st.tuples(WORDS, WORDS, WORDS, WORDS), key=st.tuples(WORDS, WORDS))
def test_philox_equals_twin(counter, key):
    """Catches a carry or a cut-off that the known answers happen not to reach."""
    mixed = philox(*(np.uint32(word) for word in (*counter, *key)))
    assert tuple(int(word) for word in mixed) == reference.philox(counter, key)


@given(
    seed=st.integers(0, 2**64 - 1),
    stream=WORDS,
    block=st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-1, 0, 2**32 - 1, 2**32, -(2**32)]),
)
def test_words_equal_twin(seed, stream, block):
    """Catches a block or a seed of which only 32 bits count, and negative blocks not taken as two's complement."""
    words = sample(3, seed, stream, block)
    for neuron in range(3):
        assert tuple(words[neuron].tolist()) == reference.words(seed, stream, neuron, block)


def test_every_part_of_the_key_counts():
    """Catches two neurons, streams, seeds or times that share random numbers."""
    base = {"seed": 5, "stream": 1, "block": 9}
    others = [
        {"seed": 6},
        {"seed": 5 + 2**32},
        {"stream": 2},
        {"block": 10},
        {"block": 9 + 2**32},
        {"block": -9},
    ]
    drawn = [sample(200, **base)] + [sample(200, **(base | change)) for change in others]
    together = np.concatenate(drawn).ravel()
    # 5600 words: 0.0037 equal pairs expected by chance
    assert np.unique(together).size == together.size


@given(first=st.integers(0, 2**31 - 1 - BLOCK))
def test_words_do_not_depend_on_where_a_block_begins(first):
    """Catches numbers that depend on how a network is cut into blocks instead of on the neuron."""
    words = np.empty(4 * BLOCK, np.uint32)
    draw_words(words, STREAM, np.uint64(1), np.int64(3), first, BLOCK)
    for i in (0, 1, BLOCK - 1):
        assert tuple(words[i::BLOCK].tolist()) == reference.words(1, 1, first + i, 3)


def test_no_stream_repeats_within_28_days():
    """28 days are 60,480,000 blocks of four steps of 0.1 ms: catches a counter that wraps, at the ends of the days."""
    per_day = 86_400 * 10_000 // 4
    assert 28 * per_day > 2**32 / 4  # what a counter of 32 bits would be short of
    counters = [day * per_day + offset for day in range(29) for offset in (-1, 0, 1)]
    # and where the low word of the counter begins again
    counters += [2**32 + offset for offset in (-1, 0, 1)]
    drawn = np.concatenate([sample(100, block=counter) for counter in counters]).ravel()
    # 36,000 words: 0.15 equal pairs expected by chance
    assert drawn.size - np.unique(drawn).size <= 5


def test_words_are_uniform():
    """Catches bits that are stuck or biased: every bit within its binomial error, bytes by chi-squared."""
    words = np.concatenate([sample(50_000, block=block) for block in (-1, 0, 2**33)]).ravel()
    limit = stats.norm.isf(FALSE_ALARM / 32 / 2)
    for bit in range(32):
        ones = np.count_nonzero(words >> np.uint32(bit) & np.uint32(1))
        assert abs(ones - words.size / 2) < limit * np.sqrt(words.size) / 2
    for shift in (0, 8, 16, 24):
        counts = np.bincount(words >> np.uint32(shift) & np.uint32(255), minlength=256)
        assert stats.chisquare(counts).pvalue > FALSE_ALARM / 4


@pytest.mark.parametrize(
    "other",
    [
        lambda: sample(100_001)[1:],
        lambda: sample(100_000, seed=2),
        lambda: sample(100_000, stream=2),
        lambda: sample(100_000, block=1),
        lambda: sample(100_000, block=-1),
        lambda: np.roll(sample(100_000), 1, axis=1),
    ],
    ids=["next neuron", "next seed", "next stream", "next block", "previous block", "next word"],
)
def test_words_are_independent(other):
    """Catches correlation between neighbours in any direction; its standard error is 1/sqrt(400,000) = 0.0016."""
    one, two = (words.ravel() / 2.0**32 - 0.5 for words in (sample(100_000), other()))
    correlation = 12.0 * np.mean(one * two)
    assert abs(correlation) < stats.norm.isf(FALSE_ALARM / 2) / np.sqrt(one.size)


@pytest.mark.parametrize("mean", [0.03, 0.12, 0.15, 2.5, 12.0])
def test_poisson_counts(mean):
    """Catches a wrong inversion: mean and variance within their standard errors, the distribution by chi-squared."""
    thresholds = poisson_thresholds(np.array([mean]))[0]
    counts = np.concatenate([counted(words, thresholds) for words in sample(100_096, seed=7).reshape(-1, BLOCK)])
    counts = counts.astype(int)
    limit = stats.norm.isf(FALSE_ALARM / 2)
    # the variance of a Poisson sample's variance is (mean + 2 mean^2)/n
    assert abs(counts.mean() - mean) < limit * np.sqrt(mean / counts.size)
    assert abs(counts.var() - mean) < limit * np.sqrt((mean + 2.0 * mean**2) / counts.size)
    highest = thresholds.size
    expected = counts.size * stats.poisson.pmf(np.arange(highest + 1), mean)
    usual = expected >= 10.0  # rarer counts are put together
    observed = np.bincount(counts, minlength=expected.size)
    observed = [*observed[usual], counts.size - observed[usual].sum()]
    wanted = [*expected[usual], counts.size - expected[usual].sum()]
    if wanted[-1] < 10.0:
        observed[-2:], wanted[-2:] = [sum(observed[-2:])], [sum(wanted[-2:])]
    assert stats.chisquare(observed, wanted).pvalue > FALSE_ALARM


def counted(words, thresholds, real=np.float32):
    """Poisson counts of BLOCK words."""
    counts = np.full(BLOCK, np.nan, real)
    poisson_counts(counts, np.ascontiguousarray(words, np.uint32), 0, thresholds, BLOCK)
    return counts


def test_poisson_counts_of_neighbours_are_independent():
    """Catches dispersion or correlation between neurons or steps: all within their standard errors."""
    thresholds = poisson_thresholds(np.array([0.12]))[0]
    blocks = [sample(4 * BLOCK, seed=3, block=block) for block in range(200)]
    # (steps, neurons)
    steps = np.concatenate(
        [
            [counted(words[first : first + BLOCK, place], thresholds) for first in range(0, 4 * BLOCK, BLOCK)]
            for words in blocks
            for place in range(4)
        ]
    ).reshape(800, 4 * BLOCK)
    limit = stats.norm.isf(FALSE_ALARM / 2)
    standard = (steps - 0.12) / np.sqrt(0.12)
    for one, two in ((standard[:-1], standard[1:]), (standard[:, :-1], standard[:, 1:]), (standard[:-4], standard[4:])):
        assert abs(np.mean(one * two)) < limit / np.sqrt(one.size)
    totals = steps.sum(axis=0)  # per neuron over 800 steps: variance over mean is 1 with an error of sqrt(2/n)
    assert abs(totals.var(ddof=1) / totals.mean() - 1.0) < limit * np.sqrt(2.0 / totals.size)


@example(word=5, thresholds=[3, 5, 6])
@given(word=WORDS, thresholds=st.lists(WORDS, min_size=1, max_size=20).map(sorted))
def test_poisson_counts_equal_twin(word, thresholds):
    """Catches an end of an interval counted to the wrong side, and words beyond the last threshold."""
    words = np.zeros(BLOCK, np.uint32)
    words[7] = word
    counts = counted(words, np.array(thresholds, np.uint32))
    assert counts[7] == reference.poisson_count(word, thresholds)
    assert counts[8] == reference.poisson_count(0, thresholds)


@given(place=st.integers(0, 3))
def test_counts_are_taken_from_their_step(place):
    """Catches counts of another step's words."""
    words = np.zeros(4 * BLOCK, np.uint32)
    words[place * BLOCK : (place + 1) * BLOCK] = np.arange(BLOCK)
    counts = np.empty(BLOCK, np.float64)
    poisson_counts(counts, words, place * BLOCK, np.array([9, 99], np.uint32), BLOCK)
    assert counts.tolist() == [0.0] * 10 + [1.0] * 90 + [2.0] * (BLOCK - 100)


@pytest.mark.parametrize("n", [1, 31, 32, 33, 127, 128])
def test_a_block_that_is_not_full_is_drawn_for_as_far_as_it_goes(n):
    """Catches neurons left out at the end of a block, and other numbers than in a full one."""
    full, some = np.zeros(4 * BLOCK, np.uint32), np.zeros(4 * BLOCK, np.uint32)
    for words, size in ((full, BLOCK), (some, n)):
        draw_words(words, STREAM, np.uint64(1), np.int64(3), 7, size)
    drawn = -(-n // VECTORS) * VECTORS
    rows = some.reshape(4, BLOCK)
    assert np.array_equal(rows[:, :drawn], full.reshape(4, BLOCK)[:, :drawn]) and not rows[:, drawn:].any()
    counts, wanted = np.full(BLOCK, np.nan), np.empty(BLOCK)
    poisson_counts(counts, full, BLOCK, np.array([2**31, 2**32 - 2**29], np.uint32), n)
    poisson_counts(wanted, full, BLOCK, np.array([2**31, 2**32 - 2**29], np.uint32), BLOCK)
    assert np.array_equal(counts[:drawn], wanted[:drawn]) and np.isnan(counts[drawn:]).all()
