"""Luck by day: what is asked for, and how long orders would take, drawn for all days of a replication at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.arrays import IntArray
from simulation.compiled import kernel
from simulation.distributions import DistributionTable
from simulation.periodic_arrays import (
    DAILY_DEMAND,
    DEMAND_KIND,
    LEAD_DAYS,
    LEAD_TIME,
    LEAD_TIME_ROW,
    NO_DEMAND,
    OUTAGE_COUNT,
    PATH_COUNT,
    PATH_DAYS,
    PATH_START,
    POLICY_KIND,
    REORDER,
    REVIEW_PERIOD,
    SIZE,
    SIZE_ROW,
)
from simulation.periodic_state import KeyArray, UnitArray
from simulation.step_tables import StepTables, number_at, whole_number_at

BEYOND = 2**31 - 1
SELDOM = 14
"""From this review period on, lead times are drawn one by one."""


@kernel
def fill_demand(
    columns: IntArray,
    keys: KeyArray,
    path_units: UnitArray,
    table: DistributionTable,
    steps: StepTables,
    replication: int,
    units: UnitArray,
    words: npt.NDArray[np.uint32],
) -> None:
    """Units that a stock point is asked for on each day.

    Args:
        columns, keys: The point's.
        path_units, table, steps: See `World`.
        replication: Number.
        units: Filled, shape (day,).
        words: Room for random words, shape (4, at least a quarter of the days).
    """
    days = len(units)
    if columns[DEMAND_KIND] == NO_DEMAND:
        units[:] = 0
    elif columns[DEMAND_KIND] != DAILY_DEMAND:
        known = columns[PATH_DAYS]
        start = columns[PATH_START] + known * (replication % columns[PATH_COUNT])
        for day in range(days):
            units[day] = path_units[start + day] if day < known else 0
    else:
        place = columns[SIZE_ROW]
        fill_words(keys[SIZE, 0], keys[SIZE, 1], replication, words, (days + 3) // 4)
        which = steps.table[place]
        if which >= 0:
            start = steps.start[which]
            last_word, number, index = steps.last_word[start:], steps.number[start:], steps.leading[which]
            for day in range(days):
                units[day] = number_at(last_word, number, index, int(np.int64(words[day & 3, day >> 2])))
        else:
            for day in range(days):
                units[day] = whole_number_at(table, place, int(np.int64(words[day & 3, day >> 2])))


@kernel
def fill_due_days(
    columns: IntArray,
    policy: IntArray,
    keys: KeyArray,
    steps: StepTables,
    replication: int,
    dues: UnitArray,
    words: npt.NDArray[np.uint32],
) -> None:
    """Day on which the first order of each day would arrive, −1 where it is drawn when it is placed.

    Many lead times at once cost a tenth of one at a time.

    Args:
        columns, policy, keys: The point's.
        steps: See `World`.
        replication: Number.
        dues: Filled, shape (day,).
        words: Room for random words, shape (4, at least a quarter of the days).
    """
    dues[:] = -1
    if columns[OUTAGE_COUNT] > 0:
        return
    if columns[LEAD_DAYS] > 0:
        for day in range(len(dues)):
            dues[day] = min(day + columns[LEAD_DAYS], BEYOND)
    elif policy[POLICY_KIND] == REORDER and policy[REVIEW_PERIOD] < SELDOM:
        which = steps.table[columns[LEAD_TIME_ROW]]
        if which >= 0:
            fill_words(keys[LEAD_TIME, 0], keys[LEAD_TIME, 1], replication, words, (len(dues) + 3) // 4)
            start = steps.start[which]
            last_word, number, index = steps.last_word[start:], steps.number[start:], steps.leading[which]
            for day in range(len(dues)):
                lead_days = number_at(last_word, number, index, int(np.int64(words[day & 3, day >> 2])))
                dues[day] = min(day + max(1, lead_days), BEYOND)


@kernel
def fill_words(key0: np.uint64, key1: np.uint64, replication: int, words: npt.NDArray[np.uint32], blocks: int) -> None:
    """Random words of entity 0 by day, those of day d at [d mod 4, d div 4]: the words behind `block_at`.

    Each block is computed by itself and without a branch, so that the compiler works at several at once.
    """
    half = np.uint64(32)
    word = np.uint64(0xFFFFFFFF)
    last = np.uint64(replication) & word
    for block in range(blocks):
        c0, c1, c2, c3 = np.uint64(block), np.uint64(0), np.uint64(0), last
        k0, k1 = key0, key1
        for _ in range(10):
            product0 = c0 * np.uint64(0xD2511F53)
            product1 = c2 * np.uint64(0xCD9E8D57)
            c0, c1, c2, c3 = (
                (product1 >> half) ^ c1 ^ k0,
                product1 & word,
                (product0 >> half) ^ c3 ^ k1,
                product0 & word,
            )
            k0 = (k0 + np.uint64(0x9E3779B9)) & word
            k1 = (k1 + np.uint64(0xBB67AE85)) & word
        words[0, block] = c0
        words[1, block] = c1
        words[2, block] = c2
        words[3, block] = c3
