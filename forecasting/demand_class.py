"""What kind of demand an item has: its pattern, its worth, its steadiness and its time of life.

The classes say what to expect of a forecast and how much attention an item deserves. They don't choose the method:
a backtest does.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

Names = NDArray[np.str_]
PATTERN_INTERVAL = 1.32
PATTERN_SIZE_CV2 = 0.49
ABC_CUTS = (0.8, 0.95)
XYZ_CUTS = (0.5, 1.0)


@dataclass(frozen=True)
class DemandPattern:
    """Attributes:
    pattern: smooth, erratic, intermittent or lumpy, and none where nothing was demanded, shape (series,).
    interval: Known periods per period with demand (ADI), shape (series,); 0 where nothing was demanded.
    size_cv2: Squared coefficient of variation of the demands that are not zero (CV²), shape (series,); 0 of one.
    """

    pattern: Names
    interval: FloatArray
    size_cv2: FloatArray


@dataclass(frozen=True)
class LifeCycle:
    """Attributes:
    stage: new, mature, dying or dead, shape (series,).
    age: Periods since the first demand, its own included, shape (series,); 0 where nothing was demanded.
    silence: Known periods since the last demand, shape (series,); all of them where nothing was demanded.
    recent_rate: Units per known period of the recent ones, shape (series,).
    earlier_rate: Units per known period from the first demand to the recent ones, shape (series,).
    decline_p_value: Chance of so low recent demand, or lower, if nothing had changed, shape (series,); 1 where
        there is nothing to compare.
    """

    stage: Names
    age: IntArray
    silence: IntArray
    recent_rate: FloatArray
    earlier_rate: FloatArray
    decline_p_value: FloatArray


@dataclass(frozen=True)
class DemandClasses:
    """One entry per series.

    Attributes:
        ids: unique_id of each series.
        pattern: As `DemandPattern`.
        interval: As `DemandPattern`.
        size_cv2: As `DemandPattern`.
        value: Value of the demand, in any one currency, shape (series,).
        value_share: Its share of the panel's, shape (series,).
        abc: A, B or C, as `abc_classes`.
        variation: Coefficient of variation of the demand of a period, shape (series,); 0 where there is none.
        xyz: X, Y or Z, as `xyz_classes`.
        stage: As `LifeCycle`.
    """

    ids: tuple[Hashable, ...]
    pattern: Names
    interval: FloatArray
    size_cv2: FloatArray
    value: FloatArray
    value_share: FloatArray
    abc: Names
    variation: FloatArray
    xyz: Names
    stage: Names

    def to_frame(self) -> pd.DataFrame:
        """One row per series, in the panel's order, with the attributes as columns; `ids` is unique_id."""
        columns = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "ids"}
        return pd.DataFrame({"unique_id": pd.Series(list(self.ids), dtype=None if self.ids else object)} | columns)


def demand_classes(
    panel: Panel, *, unit_value: ArrayLike = 1.0, new_periods: int = 13, recent_periods: int = 13
) -> DemandClasses:
    """Every class of every series, with the usual cuts.

    Args:
        panel: Histories.
        unit_value: Price or cost of a unit, ≥ 0, scalar or shape (series,). At 1 the classes A, B and C are by units.
        new_periods: As `life_cycle`.
        recent_periods: As `life_cycle`.

    Raises:
        ValueError: unit_value is negative, not finite or of another shape, or a number of periods is below 1.
    """
    price = np.asarray(unit_value, dtype=np.float64)
    if price.shape not in ((), (len(panel.ids),)):
        raise ValueError(f"unit_value must be one number or one per series ({len(panel.ids)}), got {price.shape}")
    pattern = demand_pattern(panel)
    units, variation, known = _units_and_variation(panel.values, panel.offsets)
    value = units * _checked_value(np.broadcast_to(price, units.shape), "unit_value")
    total = value.sum()
    return DemandClasses(
        ids=panel.ids,
        pattern=pattern.pattern,
        interval=pattern.interval,
        size_cv2=pattern.size_cv2,
        value=value,
        value_share=value / total if total > 0 else np.zeros(len(value)),
        abc=abc_classes(value),
        variation=variation,
        xyz=_steadiness(units, variation, known, XYZ_CUTS),
        stage=life_cycle(panel, new_periods=new_periods, recent_periods=recent_periods).stage,
    )


def demand_pattern(panel: Panel) -> DemandPattern:
    """The pattern of demand by how often it comes and how much its size varies.

    smooth: interval ≤ 1.32 and CV² ≤ 0.49. erratic: as often, but sizes vary more. intermittent: less often, with
    sizes as steady. lumpy: neither. The cuts are where one of Croston's method and SBA begins to err less.

    Source: Syntetos, Boylan & Croston (2005), Journal of the Operational Research Society 56(5).
    """
    interval, size_cv2 = _interval_and_size_cv2(panel.values, panel.offsets)
    rare, varied = interval > PATTERN_INTERVAL, size_cv2 > PATTERN_SIZE_CV2
    names = np.select(
        [interval == 0, rare & varied, rare, varied], ["none", "lumpy", "intermittent", "erratic"], "smooth"
    )
    return DemandPattern(pattern=names, interval=interval, size_cv2=size_cv2)


def abc_classes(value: ArrayLike, *, cuts: tuple[float, float] = ABC_CUTS) -> Names:
    """A, B or C by the share of value: the few items that make up most of it are A.

    In order of value, an item is A while those worth more make up less than the first cut of the total, and B while
    they make up less than the second; the item that crosses a cut is still of the higher class, and items of equal
    value share theirs. What is worth nothing is C.

    Args:
        value: Worth of each item, e.g. of its demand in a year, ≥ 0, shape (series,).
        cuts: Shares of the total, rising, in (0, 1).

    Raises:
        ValueError: A value is negative or not finite, or the cuts don't rise within (0, 1).
    """
    if not 0 < cuts[0] < cuts[1] < 1:
        raise ValueError(f"cuts must rise strictly between 0 and 1, got {cuts}")
    worth = _checked_value(np.asarray(value, dtype=np.float64), "value")
    rising = np.sort(worth)
    above = np.concatenate((np.cumsum(rising[::-1])[::-1], [0.0]))
    of_greater = above[np.searchsorted(rising, worth, side="right")]
    share = of_greater / above[0] if above[0] > 0 else np.ones(len(worth))
    return np.select([worth == 0, share < cuts[0], share < cuts[1]], ["C", "A", "B"], "C")


def xyz_classes(panel: Panel, *, cuts: tuple[float, float] = XYZ_CUTS) -> Names:
    """X, Y or Z by the coefficient of variation of demand per period: up to the first cut X, up to the second Y.

    Z too where nothing was demanded or fewer than two periods are known: nothing shows it to be steady.

    Raises:
        ValueError: The cuts are not positive and rising.
    """
    if not 0 < cuts[0] < cuts[1] < np.inf:
        raise ValueError(f"cuts must be positive and rise, got {cuts}")
    return _steadiness(*_units_and_variation(panel.values, panel.offsets), cuts)


def life_cycle(
    panel: Panel,
    *,
    new_periods: int = 13,
    recent_periods: int = 13,
    dying_ratio: float = 0.5,
    significance: float = 0.01,
) -> LifeCycle:
    """Whether an item is new, mature, dying or dead at the end of its history. The first rule that holds decides.

    1. new: its first demand lies within the last `new_periods` periods, or it has none yet and a history no longer
       than that.
    2. dead: nothing was ever demanded, or nothing in the last `recent_periods` known periods, and so long a silence
       would be rarer than `significance` had it gone on as often as before: (1 − share)^silence, the share of
       periods with demand being that from the first demand to the last, of one period more than these, so that a
       single demand does not pass for one in every period.
    3. dying: its recent rate, of the last `recent_periods` known periods, is at most `dying_ratio` times that from
       its first demand to then, and the rank-sum test finds the recent demands lower at `significance`.
    4. mature: any other.

    An item out of season looks as if it were dying: choose recent periods that span a season.

    Args:
        panel: Histories.
        new_periods: How long an item is new.
        recent_periods: What is recent.
        dying_ratio: Recent over earlier rate, in (0, 1].
        significance: Level of both tests, in (0, 1).

    Raises:
        ValueError: A number of periods is below 1, or the ratio or the level leaves its range.

    Source: the rank-sum test is Mann & Whitney's (1947), Annals of Mathematical Statistics 18(1), by its normal
        approximation with corrections for ties and continuity.
    """
    for name, periods in (("new_periods", new_periods), ("recent_periods", recent_periods)):
        if periods < 1:
            raise ValueError(f"{name} must be at least 1, got {periods}")
    if not 0 < dying_ratio <= 1:
        raise ValueError(f"dying_ratio must lie in (0, 1], got {dying_ratio}")
    if not 0 < significance < 1:
        raise ValueError(f"significance must lie strictly between 0 and 1, got {significance}")
    from scipy import special

    age, silence, share, recent_rate, earlier_rate, score = _lives(
        panel.values, panel.offsets, _ascending(panel), recent_periods
    )
    p_value = np.where(np.isnan(score), 1.0, special.ndtr(np.nan_to_num(score)))
    never = age == 0
    new = np.where(never, panel.lengths <= new_periods, age <= new_periods)
    dead = never | ((silence >= recent_periods) & ((1.0 - share) ** silence <= significance))
    dying = (recent_rate <= dying_ratio * earlier_rate) & (p_value <= significance)
    return LifeCycle(
        stage=np.select([new, dead, dying], ["new", "dead", "dying"], "mature"),
        age=age,
        silence=silence,
        recent_rate=recent_rate,
        earlier_rate=earlier_rate,
        decline_p_value=p_value,
    )


def _checked_value(value: FloatArray, name: str) -> FloatArray:
    if value.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {value.shape}")
    refused = ~np.isfinite(value) | (value < 0)
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        raise ValueError(f"{name} must be finite and not negative, got {value[first]} at position {first}")
    return value


def _steadiness(units: FloatArray, variation: FloatArray, known: IntArray, cuts: tuple[float, float]) -> Names:
    unknown = (units == 0) | (known < 2)
    return np.select([unknown, variation <= cuts[0], variation <= cuts[1]], ["Z", "X", "Y"], "Z")


def _ascending(panel: Panel) -> FloatArray:
    """The values, each series sorted."""
    ascending = panel.values.copy()
    for start, stop in pairwise(panel.offsets):
        ascending[start:stop].sort()
    return ascending


@kernel
def _interval_and_size_cv2(values: FloatArray, offsets: IntArray) -> tuple[FloatArray, FloatArray]:
    series = len(offsets) - 1
    interval, size_cv2 = np.zeros(series), np.zeros(series)
    for i in range(series):
        known, demands, total = 0, 0, 0.0
        for t in range(offsets[i], offsets[i + 1]):
            known += not np.isnan(values[t])
            if values[t] > 0:
                demands += 1
                total += values[t]
        if demands == 0:
            continue
        interval[i] = known / demands
        mean = total / demands
        squares = 0.0
        for t in range(offsets[i], offsets[i + 1]):
            if values[t] > 0:
                squares += (values[t] / mean - 1.0) ** 2
        if demands > 1:
            size_cv2[i] = squares / (demands - 1)
    return interval, size_cv2


@kernel
def _units_and_variation(values: FloatArray, offsets: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Units demanded, the coefficient of variation of the known periods (0 where there is none), and their number."""
    series = len(offsets) - 1
    units, variation, known = np.zeros(series), np.zeros(series), np.zeros(series, np.int64)
    for i in range(series):
        for t in range(offsets[i], offsets[i + 1]):
            if not np.isnan(values[t]):
                known[i] += 1
                units[i] += values[t]
        if known[i] < 2 or units[i] == 0:
            continue
        mean = units[i] / known[i]
        squares = 0.0
        for t in range(offsets[i], offsets[i + 1]):
            if not np.isnan(values[t]):
                squares += (values[t] / mean - 1.0) ** 2
        variation[i] = np.sqrt(squares / (known[i] - 1))
    return units, variation, known


@kernel
def _lives(
    values: FloatArray, offsets: IntArray, ascending: FloatArray, recent_periods: int
) -> tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Age, silence, share of periods with demand, recent and earlier rate, and the score of the rank-sum test.

    In `ascending` each series is sorted, so that the zeros before its first demand come first, the unknown last.
    """
    series = len(offsets) - 1
    age, silence, share = np.zeros(series, np.int64), np.zeros(series, np.int64), np.zeros(series)
    recent_rate, earlier_rate, score = np.zeros(series), np.zeros(series), np.full(series, np.nan)
    longest = 1
    for i in range(series):
        longest = max(longest, offsets[i + 1] - offsets[i])
    life = np.empty(longest)
    for i in range(series):
        lived, demands, first = 0, 0, offsets[i]
        for t in range(offsets[i], offsets[i + 1]):
            if np.isnan(values[t]):
                continue
            if values[t] > 0:
                if demands == 0:
                    age[i] = offsets[i + 1] - t
                    first += lived
                    lived = 0
                demands += 1
                silence[i] = 0
            else:
                silence[i] += 1
            life[lived] = values[t]
            lived += 1
        recent = min(recent_periods, lived)
        for t in range(lived - recent, lived):
            recent_rate[i] += life[t] / recent
        if demands:
            share[i] = demands / (lived - silence[i] + 1)
            for t in range(lived - recent):
                earlier_rate[i] += life[t] / (lived - recent)
            score[i] = _rank_sum_score(life[:lived], ascending[first : first + lived], lived - recent)
    return age, silence, share, recent_rate, earlier_rate, score


@inline
def _rank_sum_score(life: FloatArray, ascending: FloatArray, earlier: int) -> float:
    """Normal score of the ranks of what follows the earlier values among all; NaN where nothing differs."""
    count = len(life)
    recent = count - earlier
    if earlier == 0 or recent == 0:
        return np.nan
    ties, at = 0.0, 0
    while at < count:
        end = at + 1
        while end < count and ascending[end] == ascending[at]:
            end += 1
        tied = float(end - at)
        ties += tied * tied * tied - tied
        at = end
    rank_sum = 0.0
    for value in life[earlier:]:
        below, same = 0, 0
        for other in life:
            below += other < value
            same += other == value
        rank_sum += below + 0.5 * (same + 1)
    surplus = rank_sum - 0.5 * recent * (recent + 1) - 0.5 * recent * earlier
    variance = recent * earlier / 12.0 * (count + 1 - ties / (count * (count - 1.0)))
    return (surplus + 0.5) / math.sqrt(variance) if variance > 0 else np.nan
