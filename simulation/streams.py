"""Random numbers addressed by what they are for, not by when they were asked for.

Each number is a function of (seed, purpose, entity, counters): the lead time of SKU A-12's order of day 14
in replication 3 is the same whichever other SKUs, policies or processes share the run. Two policies thus
meet the same luck, and their difference is the policies' own.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.compiled import kernel

WordArray = npt.NDArray[np.uint64]

_WORD = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_WORD_SIZE = 2.0**-32
_LONGEST_LEAD_TIME_DAYS = 1_000_000
_LONGEST_TABLE_DAYS = 1_000


def philox_4x32(
    counter: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], key: tuple[int, int]
) -> tuple[WordArray, WordArray, WordArray, WordArray]:
    """Philox4x32-10: four 32-bit random words for each 128-bit counter under a 64-bit key.

    Args:
        counter: Four words, each below 2³², broadcastable against each other.
        key: Two words, each below 2³².

    Returns:
        Four words below 2³² (held in uint64), each of the broadcast shape.

    Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as
    1, 2, 3", SC11 (2011).
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(word, dtype=np.uint64) for word in counter))
    for step in range(_ROUNDS):
        k0, k1 = (np.uint64((word + step * add) & 0xFFFFFFFF) for word, add in zip(key, _KEY_STEPS, strict=True))
        product0 = c0 * _MULTIPLIERS[0]
        product1 = c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> _HALF) ^ c1 ^ k0,
            product1 & _WORD,
            (product0 >> _HALF) ^ c3 ^ k1,
            product0 & _WORD,
        )
    return c0, c1, c2, c3


def sku_key(name: str) -> int:
    """A 64-bit key of a name, the same in every process and on every machine.

    Two of 10,000 names share a key, and then their luck, with a chance of 3 in 10¹².
    """
    return _hash64(name)


def uniforms(
    seed: int, purpose: str, entity: npt.ArrayLike, first: npt.ArrayLike = 0, second: npt.ArrayLike = 0
) -> FloatArray:
    """Independent uniform numbers strictly between 0 and 1, one for each address.

    Args:
        seed: Any integer; another seed gives an independent set.
        purpose: What the numbers decide, such as "lead time"; purposes are independent of each other.
        entity: 64-bit keys, for instance of `sku_key`.
        first: Whole numbers from 0 to 2³² − 1, for instance the replication.
        second: Whole numbers from 0 to 2³² − 1, for instance the day.

    Returns:
        Multiples of 2⁻⁵² plus 2⁻⁵³, in the shape to which the three counters broadcast.

    Raises:
        ValueError: a counter that is not a whole number or is out of range.
    """
    entities = _counter("entity", entity, most=2**64 - 1)
    key = _hash64(f"{seed}:{purpose}")
    high, low, _, _ = philox_4x32(
        (
            entities & _WORD,
            entities >> _HALF,
            _counter("first", first, most=2**32 - 1),
            _counter("second", second, most=2**32 - 1),
        ),
        (key & 0xFFFFFFFF, key >> 32),
    )
    mantissa = (high << np.uint64(20)) | (low >> np.uint64(12))
    return np.asarray((mantissa.astype(np.float64) + 0.5) * 2.0**-52)


def whole_day_lead_times(chances: FloatArray, mean_days: FloatArray, sd_days: FloatArray) -> IntArray:
    """Lead times at given chances: gamma quantiles, rounded to whole days, at least one day.

    The gamma distribution has the mean and standard deviation given; where the standard deviation is 0 the
    lead time is the mean. The quantile grows with the chance, so that a longer mean never shortens a
    particular delivery, which keeps what-if comparisons sharp. Rounding to the nearest day leaves the mean
    within a few hundredths of a day once the standard deviation exceeds half a day; the floor of one day
    raises the mean of lead times that are often below half a day.

    Args:
        chances: Strictly between 0 and 1, shape (..., sku).
        mean_days: Above 0, shape (sku,).
        sd_days: At least 0, shape (sku,).

    Returns:
        Days from 1 to 1,000,000, shape (..., sku).
    """
    days = np.broadcast_to(np.rint(mean_days), chances.shape).copy()
    for sku in np.flatnonzero(sd_days > 0):
        days[..., sku] = _gamma_days(chances[..., sku], float(mean_days[sku]), float(sd_days[sku]))
    return np.asarray(np.clip(days, 1, _LONGEST_LEAD_TIME_DAYS), dtype=np.int64)


def _gamma_days(chances: FloatArray, mean: float, sd: float) -> FloatArray:
    """Gamma quantiles rounded to whole days, at least 1.

    Looked up among the chances of at most 1, 2, … days, which takes less than half the time of inverting
    each; only the far tail is inverted.
    """
    from scipy.special import gammainc, gammaincinv

    shape, scale = (mean / sd) ** 2, sd**2 / mean
    tabled = min(int(np.ceil(mean + 4 * sd)), _LONGEST_TABLE_DAYS)
    at_most = gammainc(shape, (np.arange(1, tabled + 1) + 0.5) / scale)
    days = np.asarray(np.searchsorted(at_most, chances) + 1, dtype=np.float64)
    tail = days > tabled
    days[tail] = np.rint(gammaincinv(shape, chances[tail]) * scale)
    return days


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _counter(name: str, values: npt.ArrayLike, *, most: int) -> WordArray:
    given = np.asarray(values)
    if given.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got dtype {given.dtype}")
    if given.size and (int(given.min()) < 0 or int(given.max()) > most):
        raise ValueError(f"{name} must lie between 0 and {most}, got {given.min()} to {given.max()}")
    return given.astype(np.uint64)


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
    """The words of `block_at`: `philox_4x32` of (block, entity mod 2³², entity div 2³², replication).

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
