"""What would have been demanded had stock never run out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecasting.censored_law import expected_beyond, fitted_law, rising
from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

LEAST_UNCENSORED = 6
"""Fully stocked periods from which a law of demand is fitted; with fewer, sales are scaled by the share in stock."""

LEAST_UNCENSORED_SHARE = 0.1
"""The same as a share of the known periods: above 90 % sold out, the tail would be invented."""

OWN_EVIDENCE = 2.0
"""Fully stocked periods above a bound that weigh as much as the fitted law in what is expected beyond it."""

LEVEL_MEMORIES = (5.0, 15.0, 45.0)
"""Periods over which the weight of a neighbour falls by a factor of e where the level drifts, to choose from."""

LEAST_GAIN = 0.02
"""Share of the squared error of the mean by which a drifting level must err less to be believed."""

MOST_TIMES_SEEN = 3.0
"""An inferred period is at most this many times the largest demand the series is known to have had."""

BASES = ("unknown", "as sold", "estimated", "scaled", "lower bound")
_UNKNOWN, _AS_SOLD, _ESTIMATED, _SCALED, _LOWER_BOUND = range(5)
_STOCKED, _SOLD_OUT, _EXPOSED, _SILENT = range(4)
_ROUNDS, _TOLERANCE = 12, 1e-4


@dataclass(frozen=True)
class UnconstrainedDemand:
    """Demand as expected given what was sold and when stock ran out.

    Attributes:
        values: Expected units demanded per period, shaped like the panel's values, never below what was sold;
            NaN where the panel's was.
        inferred: Of these, units that were not sold but are thought to have been wanted, shaped like values; 0 where
            the period was in stock or is unknown.
        inferred_per_series: Their sum, shape (series,).
        level: Expected demand of a period before its sales are seen, shaped like values; constant unless the series
            drifts, 0 where nothing is known.
        mean: Units per period over the known periods, shape (series,); 0 where nothing is known.
        variance: Of one period's demand around its level, units², shape (series,).
        basis: How each series was treated, shape (series,): "as sold" (no stock-out), "estimated" (by the fitted
            law), "scaled" (too few fully stocked periods for that: sales over share in stock), "lower bound" (never
            in stock: what was sold is all there is), "unknown" (no known period).
    """

    values: FloatArray
    inferred: FloatArray
    inferred_per_series: FloatArray
    level: FloatArray
    mean: FloatArray
    variance: FloatArray
    basis: NDArray[np.str_]


def unconstrained(panel: Panel, in_stock: ArrayLike, *, turned_away: bool = False) -> UnconstrainedDemand:
    """Expected demand of each period, E[D | what was sold, the series' history].

    A period in stock throughout (True, 1) sold what was demanded. One that sold out at a time not known (False, 0)
    says only that demand was at least what was sold, and nothing at all if nothing was sold. One in stock for a known
    share s in between is exposure: its sales are the demand of that share, and (1 − s)·level is missing.

    Sold-out periods get the mean of demand beyond their bound. Where the series has fully stocked periods above the
    bound, these tell it, whatever the law (the redistribution to the right of Kaplan & Meier, in the self-consistent
    form of Efron); a fitted law counts as `OWN_EVIDENCE` of them, and alone where nothing larger was seen. That law is
    a mixture, by likelihood, of a negative binomial (at its limit Poisson), the same with another share of zeros and
    a lognormal for whole numbers, of gamma and lognormal for others (see `censored_law`).

    Assumes, as all such estimates must, that the stock a period began with says nothing of its demand beyond the
    level. That level may drift: where weighted means of a period's neighbours (weights e^(−distance / memory), the
    best of `LEVEL_MEMORIES`) tell it better than the mean of the series does, a trend or a step is followed, and
    bounds are compared by what they would have been at the mean level: as many standard deviations from it, whose
    variance is level + dispersion·level² for whole numbers, else level². One-off bulk orders should be taken out first
    (`bulk_orders`): a mean is not robust. Demand all of whose larger half sold out at one stock level, and that comes
    in two humps, cannot be told from a long tail by anybody.

    Args:
        panel: Units sold; a mean of at least a few units per period, or many periods, make it accurate.
        in_stock: Shaped like `panel.values`, booleans or shares in [0, 1].
        turned_away: A sold-out period is one in which somebody went away empty-handed, hence demand was more than
            what was sold (by at least 1 in whole numbers). By default it ended without stock: at least as much.

    Raises:
        ValueError: in_stock is not shaped like the values or leaves [0, 1].

    Source: Kaplan & Meier (1958), JASA 53; Efron (1967), "The two sample problem with censored data", Proc. Fifth
        Berkeley Symposium 4 (self-consistency); Dempster, Laird & Rubin (1977), JRSS B 39 (EM).
    """
    share = _checked_share(panel, in_stock)
    expected, level = np.empty_like(panel.values), np.empty_like(panel.values)
    series = len(panel.ids)
    mean, variance, basis = np.empty(series), np.empty(series), np.empty(series, dtype=np.int64)
    _unconstrain(panel.values, share, panel.offsets, turned_away, expected, level, mean, variance, basis)
    inferred = np.nan_to_num(expected - panel.values)
    return UnconstrainedDemand(
        values=expected,
        inferred=inferred,
        inferred_per_series=_sum_per_series(inferred, panel.offsets),
        level=level,
        mean=mean,
        variance=variance,
        basis=np.array(BASES)[basis],
    )


def _checked_share(panel: Panel, in_stock: ArrayLike) -> FloatArray:
    share: FloatArray = np.asarray(in_stock, dtype=np.float64)
    if share.shape != panel.values.shape:
        raise ValueError(f"in_stock must be shaped like the panel's values {panel.values.shape}, got {share.shape}")
    refused = ~((share >= 0) & (share <= 1))
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        series = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        raise ValueError(f"in_stock of {panel.ids[series]!r} must lie between 0 and 1, got {share[first]}")
    return np.ascontiguousarray(share)


def _sum_per_series(values: FloatArray, offsets: IntArray) -> FloatArray:
    sums = np.zeros(len(offsets) - 1)
    filled = np.diff(offsets) > 0
    if filled.any():
        sums[filled] = np.add.reduceat(values, offsets[:-1][filled])
    return sums


@inline
def _at_least(first: float, second: float, bound: float, most: float) -> tuple[float, float]:
    """Rounding and far tails kept within reason: bound ≤ mean ≤ most, second moment at least the mean's square."""
    if not first >= bound:
        return bound, bound * bound
    if first > most:
        return most, most * most
    return first, second if second > first * first else first * first


@inline
def _standard(units: float, level: float, unit: float, mean: float) -> float:
    """Demand as it would have been had the level been the mean; zero stays zero."""
    if level == mean or units == 0.0:
        return units
    return max(mean + (units - level) / unit, 0.01 * mean)


@inline
def _fill_sold_out(
    bound: FloatArray,
    kind: IntArray,
    order: IntArray,
    level: FloatArray,
    unit: FloatArray,
    mean: float,
    law: FloatArray,
    most: float,
    expected: FloatArray,
    squared: FloatArray,
) -> None:
    """Expected demand and its square where a period sold out, from the largest bound down.

    order holds the fully stocked and the sold-out periods by rising standard demand. The mean of (expected) standard
    demand of the periods above a bound is what Kaplan and Meier expect beyond it.
    """
    above, above_squared, stocked_above, number_above = 0.0, 0.0, 0.0, 0.0
    for position in range(len(order) - 1, -1, -1):
        t = order[position]
        # Demand = base + factor · standard demand.
        factor = unit[t] if level[t] != mean else 1.0
        base = level[t] - mean * factor
        if kind[t] == _STOCKED:
            stocked_above += 1.0
        else:
            own = stocked_above / (stocked_above + OWN_EVIDENCE)
            first, second = 0.0, 0.0
            if own < 0.98:
                first, second = expected_beyond(law, _standard(bound[t], level[t], unit[t], mean))
            else:
                own = 1.0
            if stocked_above > 0:
                first = own * above / number_above + (1 - own) * first
                second = own * above_squared / number_above + (1 - own) * second
            second = base * base + 2.0 * base * factor * first + factor * factor * second
            expected[t], squared[t] = _at_least(base + factor * first, second, bound[t], most)
        above += (expected[t] - base) / factor
        above_squared += (squared[t] - 2.0 * base * expected[t] + base * base) / (factor * factor)
        number_above += 1.0


@inline
def _by_standard_demand(
    bound: FloatArray, kind: IntArray, level: FloatArray, unit: FloatArray, mean: float
) -> IntArray:
    """Fully stocked and sold-out periods by rising standard demand.

    At a tie a sold-out period comes first, as its demand may be what the other's was.
    """
    used, key, number = np.empty(len(kind), dtype=np.int64), np.empty(len(kind)), 0
    for t in range(len(kind)):
        if kind[t] <= _SOLD_OUT:
            used[number], key[number] = t, _standard(bound[t], level[t], unit[t], mean)
            if kind[t] == _SOLD_OUT:
                key[number] -= 1e-9 * (1.0 + key[number])
            number += 1
    order = rising(key[:number])
    for i in range(number):
        order[i] = used[order[i]]
    return order


@inline
def _local_means(seen: FloatArray, weight: FloatArray, mean: float, memory: float) -> tuple[FloatArray, FloatArray]:
    """Two-sided exponentially weighted means of a period's neighbours, itself left out, and the weight of these."""
    n = len(seen)
    decay = math.exp(-1.0 / memory)
    local, number = np.zeros(n), np.zeros(n)
    for direction in range(2):
        a, b = 0.0, 0.0
        for i in range(n):
            t = i if direction == 0 else n - 1 - i
            local[t], number[t] = local[t] + a, number[t] + b
            a, b = (a + seen[t]) * decay, (b + weight[t]) * decay
            a, b = a if a > 1e-150 else 0.0, b if b > 1e-150 else 0.0
    for t in range(n):
        local[t] = local[t] / number[t] if number[t] > 1e-6 else mean
    return local, number


@inline
def _local_level(seen: FloatArray, weight: FloatArray, mean: float, level: FloatArray) -> bool:
    """Write the level; False if no local one would have told a left-out period better than the mean does.

    Each memory is judged by its squared error at periods left out.
    """
    evidence = 0.0
    for t in range(len(seen)):
        evidence += weight[t]
        level[t] = mean
    least, best = (1.0 - LEAST_GAIN) * evidence / max(evidence - 1.0, 1.0), -1.0
    usual = 0.0
    for t in range(len(seen)):
        if weight[t] > 0:
            usual += weight[t] * (seen[t] / weight[t] - mean) ** 2
    if not usual > 0:
        return False
    for memory in LEVEL_MEMORIES:
        local, number = _local_means(seen, weight, mean, memory)
        error = 0.0
        for t in range(len(seen)):
            if weight[t] > 0:
                error += weight[t] * (seen[t] / weight[t] - local[t]) ** 2
        if error / usual < least:
            least, best = error / usual, memory
    if best < 0:
        return False
    local, number = _local_means(seen, weight, mean, best)
    for t in range(len(seen)):
        own = (local[t] * number[t] + seen[t]) / (number[t] + weight[t]) if number[t] + weight[t] > 1e-6 else mean
        level[t] = max(own, 0.02 * mean)
    return True


@inline
def _variance(expected: FloatArray, squared: FloatArray, kind: IntArray, level: FloatArray) -> float:
    noise, count = 0.0, 0.0
    for t in range(len(expected)):
        if kind[t] <= _SOLD_OUT:
            noise += squared[t] - 2.0 * level[t] * expected[t] + level[t] * level[t]
            count += 1.0
    return max(noise, 0.0) / max(count - 1.0, 1.0)


@inline
def _law_of(
    bound: FloatArray, kind: IntArray, level: FloatArray, unit: FloatArray, mean: float, whole: bool
) -> FloatArray:
    seen, above, stocked, sold_out = np.empty(len(kind)), np.empty(len(kind)), 0, 0
    for t in range(len(kind)):
        if kind[t] == _STOCKED:
            seen[stocked] = _standard(bound[t], level[t], unit[t], mean)
            stocked += 1
        elif kind[t] == _SOLD_OUT:
            above[sold_out] = _standard(bound[t], level[t], unit[t], mean)
            sold_out += 1
    return fitted_law(seen[:stocked], above[:sold_out], whole)


@inline
def _sort_out(
    sold: FloatArray, share: FloatArray, turned_away: bool, kind: IntArray, bound: FloatArray, weight: FloatArray
) -> bool:
    """Write what each period tells: its kind, the least demand it can have had, its worth in periods of evidence."""
    whole = True
    for t in range(len(sold)):
        whole = whole and (np.isnan(sold[t]) or sold[t] == np.floor(sold[t]))
    for t in range(len(sold)):
        bound[t], weight[t], kind[t] = sold[t], 1.0, _STOCKED
        if np.isnan(sold[t]):
            bound[t], weight[t], kind[t] = 0.0, 0.0, _SILENT
        elif share[t] == 0.0:
            kind[t] = _SOLD_OUT
            if turned_away and whole:
                bound[t] += 1.0
            if bound[t] == 0.0:
                weight[t], kind[t] = 0.0, _SILENT
        elif share[t] < 1.0:
            weight[t], kind[t] = share[t], _EXPOSED
    return whole


@inline
def _fill_simply(
    sold: FloatArray, bound: FloatArray, kind: IntArray, weight: FloatArray, expected: FloatArray
) -> float:
    """Fill in by the sales per period of stock, without a law; returns them, or −1 where there was never stock."""
    total, number = 0.0, 0.0
    for t in range(len(sold)):
        if kind[t] == _STOCKED or kind[t] == _EXPOSED:
            total, number = total + sold[t], number + weight[t]
    level = total / number if number > 0 else -1.0
    for t in range(len(sold)):
        expected[t] = sold[t]
        if level >= 0 and not np.isnan(sold[t]):
            if kind[t] == _EXPOSED:
                expected[t] = sold[t] + (1.0 - weight[t]) * level
            elif kind[t] != _STOCKED:
                expected[t] = max(bound[t], level)
    return level


@inline
def _known_mean(expected: FloatArray) -> float:
    total, number = 0.0, 0
    for t in range(len(expected)):
        if not np.isnan(expected[t]):
            total, number = total + expected[t], number + 1
    return total / number if number else 0.0


@inline
def _variance_around(expected: FloatArray, mean: float) -> float:
    total, number = 0.0, 0
    for t in range(len(expected)):
        if not np.isnan(expected[t]):
            total, number = total + (expected[t] - mean) ** 2, number + 1
    return total / max(number - 1, 1)


@inline
def _fit(
    sold: FloatArray,
    bound: FloatArray,
    kind: IntArray,
    weight: FloatArray,
    whole: bool,
    expected: FloatArray,
    level: FloatArray,
) -> float:
    """Fill in what sold out, under one level and then, if it drifts, under local ones; returns the variance."""
    n = len(sold)
    squared, seen, unit = np.empty(n), np.zeros(n), np.ones(n)
    evidence, mean, most, sold_out = 0.0, 0.0, 0.0, False
    for t in range(n):
        evidence += weight[t]
        mean += bound[t]
        most = max(most, MOST_TIMES_SEEN * bound[t])
        sold_out = sold_out or kind[t] == _SOLD_OUT
    mean /= evidence
    if not mean > 0:
        return 0.0
    for t in range(n):
        expected[t], squared[t], level[t] = bound[t], bound[t] * bound[t], mean
    law = np.zeros(13)
    for round in range(_ROUNDS):
        if sold_out and round <= 1:
            law = _law_of(bound, kind, level, unit, mean, whole)
        if sold_out:
            order = _by_standard_demand(bound, kind, level, unit, mean)
            _fill_sold_out(bound, kind, order, level, unit, mean, law, most, expected, squared)
        before, mean = mean, 0.0
        for t in range(n):
            seen[t] = expected[t] if kind[t] <= _SOLD_OUT else (sold[t] if kind[t] == _EXPOSED else 0.0)
            mean += seen[t] / evidence
        if round > 1 and abs(mean - before) <= _TOLERANCE * mean:
            break
        if not _local_level(seen, weight, mean, level):
            break
        # Noise of counts grows as the square root of a low level and in proportion to a high one.
        spread = max(_variance(expected, squared, kind, level) - mean, 0.0) / mean if whole else np.inf
        for t in range(n):
            relative = level[t] / mean
            unit[t] = math.sqrt(relative * (1.0 + spread * relative) / (1.0 + spread)) if whole else relative
    for t in range(n):
        if kind[t] == _EXPOSED:
            expected[t] = sold[t] + (1.0 - weight[t]) * level[t]
        elif kind[t] == _SILENT:
            expected[t] = sold[t] if np.isnan(sold[t]) else level[t]
        elif kind[t] == _STOCKED:
            expected[t] = sold[t]
    return _variance(expected, squared, kind, level)


@inline
def _one(
    sold: FloatArray, share: FloatArray, turned_away: bool, expected: FloatArray, level: FloatArray
) -> tuple[float, float, int]:
    n = len(sold)
    kind, bound, weight = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    whole = _sort_out(sold, share, turned_away, kind, bound, weight)
    known, stocked, exposed, sold_out = 0, 0, 0, 0
    for t in range(n):
        expected[t], level[t] = sold[t], 0.0
        if not np.isnan(sold[t]):
            known += 1
        if kind[t] == _STOCKED:
            stocked += 1
        elif kind[t] == _EXPOSED:
            exposed += 1
        elif kind[t] == _SOLD_OUT:
            sold_out += 1
    if known == 0:
        return 0.0, 0.0, _UNKNOWN
    if stocked == known:
        basis = _AS_SOLD
    elif stocked + exposed == 0:
        basis = _LOWER_BOUND
    elif sold_out > 0 and (stocked < LEAST_UNCENSORED or stocked < LEAST_UNCENSORED_SHARE * known):
        basis = _SCALED
    else:
        basis = _ESTIMATED
    if basis == _ESTIMATED or (basis == _AS_SOLD and known >= LEAST_UNCENSORED):
        variance = _fit(sold, bound, kind, weight, whole, expected, level)
        return _known_mean(expected), variance, basis
    rate = _fill_simply(sold, bound, kind, weight, expected)
    mean = _known_mean(expected)
    for t in range(n):
        level[t] = rate if rate >= 0 else mean
    return mean, _variance_around(expected, mean), basis


@kernel
def _unconstrain(
    values: FloatArray,
    shares: FloatArray,
    offsets: IntArray,
    turned_away: bool,
    expected_out: FloatArray,
    level_out: FloatArray,
    mean_out: FloatArray,
    variance_out: FloatArray,
    basis_out: IntArray,
) -> None:
    for series in range(len(offsets) - 1):
        first, last = offsets[series], offsets[series + 1]
        sold, share = values[first:last], shares[first:last]
        expected, level = expected_out[first:last], level_out[first:last]
        mean, variance, basis = _one(sold, share, turned_away, expected, level)
        mean_out[series], variance_out[series], basis_out[series] = mean, variance, basis
