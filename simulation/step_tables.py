"""Whole-number draws found in a few steps: which of the 2³² random words give which number.

A number of units or days grows with luck, so that a distribution is told by the last word of each number. Words
are looked up among these thresholds, with an index of their leading bits; the numbers are those of `value_at`,
to the bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.arrays import IntArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable, value_at

INDEX_BITS = 9
_LAST_WORD = 2**32 - 1
_MOST = 2.0**31 - 1
_STEPS_AT_FIRST = 64
_DRAWS_PER_EVALUATION = 4


class StepTables(NamedTuple):
    """Thresholds of the distributions that have a table.

    Attributes:
        table: Number of each distribution's table, −1 where it has none.
        start: First row of each table in `last_word` and `number`.
        last_word: The last word that gives `number`.
        number: Ascending within a table.
        leading: For each table and leading bits of a word, how many rows after its start to begin looking,
            shape (table, 2 ** INDEX_BITS).
    """

    table: IntArray
    start: IntArray
    last_word: IntArray
    number: IntArray
    leading: npt.NDArray[np.int32]


def step_tables(table: DistributionTable, draws: IntArray) -> StepTables:
    """Tables of the distributions that are drawn often enough to be worth one.

    Args:
        table: Distributions.
        draws: About how often each will be drawn.
    """
    numbers = np.full(len(draws), -1, dtype=np.int64)
    starts: list[int] = []
    words: list[IntArray] = []
    values: list[IntArray] = []
    rows = 0
    for place in range(len(draws)):
        last_word, number = steps_of(table, place, int(draws[place]) // _DRAWS_PER_EVALUATION)
        if len(number):
            numbers[place] = len(starts)
            starts.append(rows)
            words.append(last_word)
            values.append(number)
            rows += len(number)
    nothing = np.zeros(0, dtype=np.int64)
    last_words = np.concatenate([*words, nothing])
    first = (np.arange(2**INDEX_BITS, dtype=np.int64)) << (32 - INDEX_BITS)
    index = np.array([np.searchsorted(one, first) for one in words], dtype=np.int32).reshape(-1, 2**INDEX_BITS)
    return StepTables(numbers, np.array(starts, dtype=np.int64), last_words, np.concatenate([*values, nothing]), index)


@kernel
def whole_number_at(table: DistributionTable, place: int, word: int) -> int:
    """The whole number that a random word draws: its quantile, rounded half up."""
    return int(min(np.floor(value_at(table, place, (word + 0.5) * 2.0**-32) + 0.5), _MOST))


@kernel
def number_at(last_word: IntArray, number: IntArray, leading: npt.NDArray[np.int32], word: int) -> int:
    """The same, from the rows of a table; plain arrays, since a loop would copy a whole `StepTables` each time."""
    row = int(leading[word >> (32 - INDEX_BITS)])
    while word > last_word[row]:
        row += 1
    return int(number[row])


@kernel
def steps_of(table: DistributionTable, place: int, evaluations: int) -> tuple[IntArray, IntArray]:
    """Last word of each number and the numbers of a distribution; both empty where that takes too many looks."""
    last_word, number = np.empty(_STEPS_AT_FIRST, dtype=np.int64), np.empty(_STEPS_AT_FIRST, dtype=np.int64)
    rows, looks = 0, 2
    # Of a function called with a number as it stands, numba would compile one version more.
    word, last = int(np.int64(0)), int(np.int64(_LAST_WORD))
    highest = whole_number_at(table, place, last)
    value = whole_number_at(table, place, word)
    stride = 1
    while looks <= evaluations:
        if rows == len(number):
            last_word, number = _doubled(last_word), _doubled(number)
        number[rows] = value
        if value == highest:
            last_word[rows] = _LAST_WORD
            return last_word[: rows + 1].copy(), number[: rows + 1].copy()
        # Stride ahead until the number has changed, then halve the gap: within[0] gives it, beyond does not.
        within, beyond, following = word, _LAST_WORD, highest
        step = stride
        while within + step < beyond:
            looks += 1
            there = whole_number_at(table, place, within + step)
            if there != value:
                beyond, following = within + step, there
            else:
                within += step
                step *= 2
        while beyond - within > 1:
            looks += 1
            middle = within + (beyond - within) // 2
            there = whole_number_at(table, place, middle)
            if there != value:
                beyond, following = middle, there
            else:
                within = middle
        last_word[rows] = within
        rows += 1
        stride = max(1, (beyond - word) // 2)
        word, value = beyond, following
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)


@kernel
def _doubled(values: IntArray) -> IntArray:
    longer = np.empty(2 * len(values), dtype=np.int64)
    longer[: len(values)] = values
    return longer
