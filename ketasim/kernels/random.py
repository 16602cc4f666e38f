"""Counter-based random numbers: every number is a function of (seed, stream, index, counter), never of call order.

Philox4x32-10 of Salmon et al. 2011 (10.1145/2063384.2063405).
"""

import numpy as np

from ketasim.kernels.jit import kernel

#: Streams: what a random number is for. One number each, never reused.
STREAM_AFFERENTS = np.uint32(1)

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint32(0x9E3779B9)
_W1 = np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


@kernel
def philox(c0, c1, c2, c3, k0, k1):
    """Four 32-bit words from a 128-bit counter and a 64-bit key (all uint32), ten rounds."""
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
def draw_words(words, stream, seed, block):
    """Fill ``words`` (n, 4) uint32: row i holds the words of (seed, stream, i, block).

    seed : uint64; block : int64, a signed 64-bit counter (28 days in steps of 0.1 ms exceed 32 bits).
    """
    k0 = np.uint32(np.uint64(seed) & _LOW)
    k1 = np.uint32(np.uint64(seed) >> _32)
    c0 = np.uint32(np.uint64(block) & _LOW)
    c1 = np.uint32(np.uint64(block) >> _32)
    for i in range(words.shape[0]):
        w0, w1, w2, w3 = philox(c0, c1, np.uint32(i), stream, k0, k1)
        words[i, 0] = w0
        words[i, 1] = w1
        words[i, 2] = w2
        words[i, 3] = w3


@kernel
def poisson_count(word, thresholds):
    """Count whose cumulative probability first exceeds ``word / 2**32``.

    thresholds : (k,) float64, ``CDF * 2**32``; counts above k are cut to k.
    """
    count = 0
    while count < thresholds.shape[0] and word >= thresholds[count]:
        count += 1
    return count
