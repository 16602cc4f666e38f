"""Philox4x32-10 as its authors describe it (Salmon et al. 2011), in Python's unbounded integers."""

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
#: Golden ratio and sqrt(3) - 1, as fractions of 2**32 (Weyl sequences of the key).
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

WORD = 2**32
AFFERENTS = 1


def philox(counter, key):
    """Four words for a counter of four words and a key of two."""
    for _ in range(ROUNDS):
        high0, low0 = divmod(MULTIPLIERS[0] * counter[0], WORD)
        high1, low1 = divmod(MULTIPLIERS[1] * counter[2], WORD)
        counter = (high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0)
        key = tuple((word + step) % WORD for word, step in zip(key, KEY_STEPS, strict=True))
    return counter


def words(seed, stream, neuron, block):
    """Four words of (seed, stream, neuron, block); a negative block counts from 2**64 down."""
    block %= WORD**2
    return philox((block % WORD, block // WORD, neuron, stream), (seed % WORD, seed // WORD))


def word_of_step(seed, stream, neuron, step):
    """The word for one fast step: four consecutive steps share a block."""
    block, place = divmod(step, 4)
    return words(seed, stream, neuron, block)[place]


def poisson_count(word, thresholds):
    """How many of the thresholds the word exceeds."""
    return sum(1 for threshold in thresholds if word > threshold)
