"""Random numbers addressed by what they are for, not by when they were asked for: Philox4x32-10.

Each number is a function of (seed, purpose, node, entity, draw, replication): the lead time of SKU A-12's order of
day 14 in replication 3 is the same whichever other SKUs, policies or processes share the run. Two policies thus
meet the same luck, and their difference is the policies' own.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

import hashlib

import numpy as np

from simulation.compiled import kernel

_HALF = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_WORD_SIZE = 2.0**-32


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def stream_key(seed: int, purpose: str, node: str) -> tuple[int, int]:
    """The key of the stream that decides `purpose` for `node`, as two 32-bit words for `uniform_at`.

    Args:
        seed: Any integer.
        purpose: What the numbers decide, "lead time" for instance; docs/simulation/rules.md lists them.
        node: For whom, "A-12@central" for instance.
    """
    key = _hash64(f"{seed}:{purpose}:{node}")
    return key & 0xFFFFFFFF, key >> 32


@kernel
def uniform_at(key0: np.uint64, key1: np.uint64, entity: int, draw: int, replication: int) -> float:
    """The uniform number at an address of a stream, an odd multiple of 2⁻³³ strictly between 0 and 1.

    Args:
        key0: First word of `stream_key`, as np.uint64.
        key1: Second word.
        entity: Of whom, 0 to 2⁶³ − 1.
        draw: Which number, 0 to 2³⁴ − 1.
        replication: Of which run, 0 to 2³² − 1.
    """
    word0, word1, word2, word3 = words_at(key0, key1, entity, draw >> 2, replication)
    which = draw & 3
    low = word0 if which == 0 else word1
    high = word2 if which == 2 else word3
    return _uniform(low if which < 2 else high)


@kernel
def block_at(
    key0: np.uint64, key1: np.uint64, entity: int, block: int, replication: int
) -> tuple[float, float, float, float]:
    """The uniform numbers of draws 4 · block to 4 · block + 3 of `uniform_at`, at the price of one."""
    word0, word1, word2, word3 = words_at(key0, key1, entity, block, replication)
    return _uniform(word0), _uniform(word1), _uniform(word2), _uniform(word3)


@kernel
def words_at(key0: np.uint64, key1: np.uint64, entity: int, block: int, replication: int) -> tuple[int, int, int, int]:
    """The words of `block_at`: Philox4x32-10 of (block, entity mod 2³², entity div 2³², replication).

    Words of 32 bits, so that what overflows is dropped without being masked.
    """
    c0, c1 = np.uint32(block), np.uint32(entity)
    c2, c3 = np.uint32(np.uint64(entity) >> _HALF), np.uint32(replication)
    k0, k1 = np.uint32(key0), np.uint32(key1)
    for _ in range(_ROUNDS):
        product0 = np.uint64(c0) * _MULTIPLIERS[0]
        product1 = np.uint64(c2) * _MULTIPLIERS[1]
        c0 = np.uint32(product1 >> _HALF) ^ c1 ^ k0
        c1 = np.uint32(product1)
        c2 = np.uint32(product0 >> _HALF) ^ c3 ^ k1
        c3 = np.uint32(product0)
        k0 = np.uint32(k0 + np.uint32(_KEY_STEPS[0]))
        k1 = np.uint32(k1 + np.uint32(_KEY_STEPS[1]))
    return int(np.int64(c0)), int(np.int64(c1)), int(np.int64(c2)), int(np.int64(c3))


@kernel
def _uniform(word: int) -> float:
    return (word + 0.5) * _WORD_SIZE
