"""Counter-based random numbers: every number is a function of (seed, stream, index, counter), never of call order.

Philox4x32-10 of Salmon et al. 2011 (10.1145/2063384.2063405). Runs with the same seed share their noise whatever else
differs between them (common random numbers).
"""

from functools import partial

import numpy as np

from ketasim.kernels.jit import kernel
from ketasim.kernels.vectors import BLOCK, prefer_wide_vectors, whole_vectors

#: Streams, by purpose of the random numbers. One number each, below 256, never reused.
STREAM_AFFERENTS = np.uint32(1)
STREAM_CONTACTS = np.uint32(2)
STREAM_WEIGHTS = np.uint32(3)
STREAM_SPINE_STAGES = np.uint32(4)
STREAM_SPINE_WEIGHTS = np.uint32(5)
STREAM_ELIMINATION = np.uint32(6)
STREAM_PROMOTION = np.uint32(7)
STREAM_FORMATION = np.uint32(8)
STREAM_PARTNERS = np.uint32(9)
STREAM_WEIGHTS_AT_BIRTH = np.uint32(10)
STREAMS = {
    "afferents": STREAM_AFFERENTS,
    "contacts": STREAM_CONTACTS,
    "weights": STREAM_WEIGHTS,
    "spine_stages": STREAM_SPINE_STAGES,
    "spine_weights": STREAM_SPINE_WEIGHTS,
    "elimination": STREAM_ELIMINATION,
    "promotion": STREAM_PROMOTION,
    "formation": STREAM_FORMATION,
    "partners": STREAM_PARTNERS,
    "weights_at_birth": STREAM_WEIGHTS_AT_BIRTH,
}

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint32(0x9E3779B9)
_W1 = np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HIGHEST = np.uint32(0xFFFFFFFF)
_32 = np.uint64(32)


@partial(kernel, inlined=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Return four 32-bit words from a 128-bit counter and a 64-bit key (all uint32), ten rounds."""
    for _ in range(10):
        p0 = _M0 * np.uint64(c0)
        p1 = _M1 * np.uint64(c2)
        c0 = np.uint32(np.uint32(p1 >> _32) ^ c1 ^ k0)
        c2 = np.uint32(np.uint32(p0 >> _32) ^ c3 ^ k1)
        c1 = np.uint32(p1 & _LOW)
        c3 = np.uint32(p0 & _LOW)
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@kernel
def draw_words(words, stream, seed, block, first, n):
    """Fill ``words`` (4 * BLOCK,) uint32: word j of (seed, stream, first + i, block) at ``words[j * BLOCK + i]``.

    Parameters
    ----------
    words : (4 * BLOCK,) array of uint32
        To be filled.
    stream : uint32
        One of the streams above.
    seed : uint64
        Seed of the run.
    block : int64
        Counter, 64 bits because 28 days in steps of 0.1 ms exceed 32.
    first, n : int
        First neuron, and how many, at most `BLOCK`; up to the next multiple of `VECTORS` are drawn for.
    """
    prefer_wide_vectors()
    k0 = np.uint32(np.uint64(seed) & _LOW)
    k1 = np.uint32(np.uint64(seed) >> _32)
    c0 = np.uint32(np.uint64(block) & _LOW)
    c1 = np.uint32(np.uint64(block) >> _32)
    neuron = np.uint32(first)
    for i in range(whole_vectors(n)):
        w0, w1, w2, w3 = philox(c0, c1, np.uint32(neuron + np.uint32(i)), stream, k0, k1)
        words[i] = w0
        words[BLOCK + i] = w1
        words[2 * BLOCK + i] = w2
        words[3 * BLOCK + i] = w3


@kernel
def poisson_counts(counts, words, place, thresholds, n):
    """Turn ``n`` words (uint32) from ``place`` on into Poisson counts (n,), of the type of ``counts``.

    A count is the number of ``thresholds`` that the word exceeds: (k,) uint32, ascending, ``ceil(CDF * 2**32) - 1``;
    counts are limited to k.
    """
    prefer_wide_vectors()
    place, real = np.uint64(place), counts.dtype.type
    one, zero, highest = np.uint32(1), np.uint32(0), np.uint32(0)
    n_thresholds = thresholds.shape[0]
    # most counts are small: four thresholds in one pass, of which those that are missing are never exceeded
    t0 = thresholds[0] if n_thresholds > 0 else _HIGHEST
    t1 = thresholds[1] if n_thresholds > 1 else _HIGHEST
    t2 = thresholds[2] if n_thresholds > 2 else _HIGHEST
    t3 = thresholds[3] if n_thresholds > 3 else _HIGHEST
    for i in range(whole_vectors(n)):
        word = words[place + np.uint64(i)]
        low = (one if word > t0 else zero) + (one if word > t1 else zero)
        high = (one if word > t2 else zero) + (one if word > t3 else zero)
        counts[i] = real(low + high)
        highest = max(highest, word)
    for k in range(4, n_thresholds):
        threshold = thresholds[k]
        if highest <= threshold:
            break
        for i in range(whole_vectors(n)):
            counts[i] += real(1.0) if words[place + np.uint64(i)] > threshold else real(0.0)
