"""placeholder until the branch with digests lands."""

import hashlib

import numpy as np


def _arrays(value):
    if isinstance(value, tuple):
        for item in value:
            yield from _arrays(item)
    else:
        yield np.asarray(value)


def digest_of(value) -> str:
    """Digest of numbers in nested tuples."""
    digest = hashlib.sha256()
    for array in _arrays(value):
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
