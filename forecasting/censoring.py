"""What would have been demanded had stock never run out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecasting.compiled import inline, kernel
from forecasting.panel import FloatArray, IntArray, Panel

LEAST_UNCENSORED = 6
"""Fully stocked periods from which a law of demand is fitted; with fewer, sales are scaled by the share in stock."""

LEAST_UNCENSORED_SHARE = 0.1
"""The same as a share of the known periods: above 90 % sold out, the tail would be invented."""

OWN_EVIDENCE = 5.0
"""Fully stocked periods above a bound that weigh as much as the fitted law in what is expected beyond it."""

LEVEL_MEMORY = 20.0
"""Periods over which the weight of a neighbour falls by a factor of e where the level drifts."""

MOST_TIMES_SEEN = 3.0
"""An inferred period is at most this many times the largest demand the series is known to have had."""

LEAST_DISPERSION = 0.0025
"""Least squared coefficient of variation of demand that is not in whole numbers: 5 % of its mean."""

BASES = ("unknown", "as sold", "estimated", "scaled", "lower bound")
_UNKNOWN, _AS_SOLD, _ESTIMATED, _SCALED, _LOWER_BOUND = range(5)
_STOCKED, _SOLD_OUT, _EXPOSED, _SILENT = range(4)
_ROUNDS, _LOCAL_ROUNDS, _TOLERANCE = 60, 10, 1e-5
_LARGEST_COUNT_MEAN, _NORMAL_SHAPE = 1000.0, 2000.0


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
    form of Efron); the fitted law counts as `OWN_EVIDENCE` of them, and alone where nothing larger was seen. That law
    is negative binomial (at its limit Poisson) for whole numbers, gamma above zero for others and for means above
    1,000, with mean and variance such that they are those of the filled-in demand (EM on the first two moments).

    Assumes, as all such estimates must, that the stock a period began with says nothing of its demand beyond the
    level. That level may drift: neighbours' means, weighted by e^(−distance / `LEVEL_MEMORY`), are shrunk to the
    series' mean by as much as their spread is explained by chance, and bounds are compared relative to them, so that
    a trend or a step is followed and a stable series keeps one level. One-off bulk orders should be taken out first
    (`bulk_orders`): a mean is not robust.

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
def _beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, I_x(a, b)·a·B(a, b)/(x^a (1 − x)^b); modified Lentz."""
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, 1000):
        for step in range(2):
            if step == 0:
                term = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
            else:
                term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + term / c
            c = c if abs(c) > tiny else tiny
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-10:
            break
    return fraction


@inline
def _count_hazard(bound: float, mean: float, size: float) -> float:
    """P(D = bound) / P(D ≥ bound) of a negative binomial of variance mean + mean²/size; bound > 0."""
    x = mean / (mean + size)
    if x < (bound + 1.0) / (bound + size + 2.0):
        return 1.0 / _beta_fraction(bound, size, x)
    log_mass = (
        math.lgamma(bound + size)
        - math.lgamma(bound + 1.0)
        - math.lgamma(size)
        + bound * math.log(x)
        + size * math.log1p(-x)
    )
    below = math.exp(log_mass) * bound / size * _beta_fraction(size, bound, 1.0 - x)
    return math.exp(log_mass) / (1.0 - below)


@inline
def _gamma_hazard(x: float, shape: float) -> float:
    """Density over survival of a gamma law of scale 1 at x > 0."""
    tiny = 1e-300
    if x >= shape + 1.0:
        b = x + 1.0 - shape
        c = 1.0 / tiny
        d = 1.0 / b
        fraction = d
        for i in range(1, 1000):
            a = -i * (i - shape)
            b += 2.0
            d = a * d + b
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = b + a / c
            c = c if abs(c) > tiny else tiny
            fraction *= c * d
            if abs(c * d - 1.0) < 1e-10:
                break
        return 1.0 / (x * fraction)
    term = 1.0 / shape
    total = term
    for i in range(1, 2000):
        term *= x / (shape + i)
        total += term
        if term < total * 1e-12:
            break
    log_density = (shape - 1.0) * math.log(x) - x - math.lgamma(shape)
    survival = 1.0 - math.exp(log_density + math.log(x * total))
    return math.exp(log_density) / max(survival, 1e-12)


@inline
def _normal_hazard(z: float) -> float:
    if z > 25.0:
        return z + 1.0 / z
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / (0.5 * math.erfc(z / math.sqrt(2.0)))


@inline
def _beyond(bound: float, mean: float, variance: float, whole: bool) -> tuple[float, float]:
    """E[D | D ≥ bound] and E[D² | D ≥ bound] of a law with that mean and variance.

    All follow from the hazard h at the bound. Negative binomial, g = variance / mean: μ + bound·h·g, and so on.
    """
    if whole and mean <= _LARGEST_COUNT_MEAN:
        size = mean * mean / max(variance - mean, 1e-3 * mean * min(mean, 1.0))
        spread = 1.0 + mean / size
        jump = bound * _count_hazard(bound, mean, size) * spread
        first = mean + jump
        return first, first * (mean * (size + 1.0) / size + 1.0) + (bound - 1.0) * jump
    shape = mean * mean / variance
    if shape > _NORMAL_SHAPE:
        sd = math.sqrt(variance)
        z = (bound - mean) / sd
        hazard = _normal_hazard(z)
        return mean + sd * hazard, mean * mean + 2 * mean * sd * hazard + variance * (1 + z * hazard)
    scale = variance / mean
    x = bound / scale
    hazard = _gamma_hazard(x, shape)
    first = mean + bound * hazard
    return first, scale * scale * (shape * (shape + 1.0) + hazard * x * (shape + 1.0 + x))


@inline
def _at_least(first: float, second: float, bound: float, most: float) -> tuple[float, float]:
    """Rounding and far tails kept within reason: bound ≤ mean ≤ most, second moment at least the mean's square."""
    if not first >= bound:
        return bound, bound * bound
    if first > most:
        return most, most * most
    return first, second if second > first * first else first * first


@inline
def _fill_sold_out(
    bound: FloatArray,
    kind: IntArray,
    order: IntArray,
    level: FloatArray,
    dispersion: float,
    positive: float,
    whole: bool,
    most: float,
    expected: FloatArray,
    squared: FloatArray,
) -> None:
    """Expected demand and its square where a period sold out, from the largest bound down.

    order holds the fully stocked and the sold-out periods by rising demand relative to their level.
    The mean, over the periods above a bound, of their (expected) demand relative to level is what Kaplan and Meier
    expect beyond it.
    """
    above, above_squared, stocked_above, number_above = 0.0, 0.0, 0.0, 0.0
    for position in range(len(order) - 1, -1, -1):
        t = order[position]
        if kind[t] == _STOCKED:
            stocked_above += 1.0
        else:
            own = stocked_above / (stocked_above + OWN_EVIDENCE)
            first, second = 0.0, 0.0
            if own < 0.95:
                mean = level[t] / positive
                noise = mean + mean * mean * dispersion if whole else mean * mean * dispersion
                first, second = _beyond(bound[t], mean, noise, whole)
                first, second = _at_least(first, second, bound[t], most)
            else:
                own = 1.0
            if stocked_above > 0:
                first = own * level[t] * above / number_above + (1 - own) * first
                second = own * level[t] * level[t] * above_squared / number_above + (1 - own) * second
            expected[t], squared[t] = _at_least(first, second, bound[t], most)
        above += expected[t] / level[t]
        above_squared += squared[t] / (level[t] * level[t])
        number_above += 1.0


@inline
def _by_relative_demand(bound: FloatArray, kind: IntArray, level: FloatArray) -> IntArray:
    """Fully stocked and sold-out periods by rising demand over level.

    At a tie a sold-out period comes first, as its demand may be what the other's was.
    """
    used = np.flatnonzero(kind <= _SOLD_OUT)
    key = bound[used] / level[used]
    for i in range(len(used)):
        if kind[used[i]] == _SOLD_OUT:
            key[i] -= 1e-9 * (1.0 + key[i])
    return used[np.argsort(key, kind="mergesort")]


@inline
def _local_means(seen: FloatArray, weight: FloatArray, mean: float) -> tuple[FloatArray, FloatArray]:
    """Two-sided exponentially weighted means, and the variance of each per unit of noise variance."""
    n = len(seen)
    decay = math.exp(-1.0 / LEVEL_MEMORY)
    local, number, square = np.zeros(n), np.zeros(n), np.zeros(n)
    for direction in range(2):
        a, b, c = 0.0, 0.0, 0.0
        for i in range(n):
            t = i if direction == 0 else n - 1 - i
            if direction == 1:  # The period itself is counted once, on the way there.
                local[t], number[t], square[t] = local[t] + a, number[t] + b, square[t] + c
            a, b, c = a + seen[t], b + weight[t], c + weight[t]
            if direction == 0:
                local[t], number[t], square[t] = a, b, c
            a = a * decay if a > 1e-150 else 0.0
            b = b * decay if b > 1e-150 else 0.0
            c = c * decay * decay if c > 1e-150 else 0.0
    for t in range(n):
        if number[t] > 1e-6:
            local[t], square[t] = local[t] / number[t], square[t] / (number[t] * number[t])
        else:
            local[t], square[t] = mean, np.inf
    return local, square


@inline
def _local_level(seen: FloatArray, weight: FloatArray, mean: float, noise: float, level: FloatArray) -> bool:
    """Write the local level, shrunk to the mean; False if the spread of local means is what chance explains."""
    local, chance = _local_means(seen, weight, mean)
    evidence = weight.sum()
    spread, by_chance = 0.0, 0.0
    for t in range(len(local)):
        if weight[t] > 0 and chance[t] < np.inf:
            spread += weight[t] * (local[t] - mean) ** 2
            by_chance += weight[t] * max(chance[t] - 1.0 / evidence, 0.0)
    independent = max(evidence / (2.0 * LEVEL_MEMORY), 1.0)
    wander = (spread - noise * by_chance * (1.0 + 2.0 * math.sqrt(2.0 / independent))) / evidence
    if not wander > 0:
        level[:] = mean
        return False
    for t in range(len(local)):
        own = wander / (wander + noise * chance[t])
        level[t] = max(mean + own * (local[t] - mean), 0.02 * mean)
    return True


@inline
def _spread(
    expected: FloatArray,
    squared: FloatArray,
    kind: IntArray,
    level: FloatArray,
    mean: float,
    whole: bool,
    positive: float,
) -> tuple[float, float]:
    """Variance around the level, and the dispersion of the law: (variance − mean) / mean² of whole numbers,
    else variance / mean² of demand above zero (zeros are a lump of their own).
    """
    noise, scale, count = 0.0, 0.0, 0.0
    for t in range(len(expected)):
        if kind[t] <= _SOLD_OUT:
            noise += squared[t] - 2.0 * level[t] * expected[t] + level[t] * level[t]
            scale += level[t] * level[t]
            count += 1.0
    variance = max(noise, 0.0) / max(count - 1.0, 1.0)
    if whole:
        variance = max(variance, mean)
        return variance, (variance - mean) * count / scale
    return variance, max(positive * (1.0 + variance * count / scale) - 1.0, LEAST_DISPERSION)


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
    """EM: fill in what sold out under the law, fit the law to what is filled in; returns the variance."""
    n = len(sold)
    squared = bound * bound
    expected[:] = bound
    positive = 1.0 if whole else ((kind <= _EXPOSED) & (bound > 0)).sum() / (kind <= _EXPOSED).sum()
    evidence = weight.sum()
    most = MOST_TIMES_SEEN * bound.max()
    mean = bound.sum() / evidence
    if not mean > 0:
        level[:] = 0.0
        return 0.0
    level[:] = mean
    variance, dispersion = _spread(expected, squared, kind, level, mean, whole, positive)
    order = _by_relative_demand(bound, kind, level)
    seen = np.zeros(n)
    for local in range(2):
        for _ in range(_LOCAL_ROUNDS if local else _ROUNDS):
            _fill_sold_out(bound, kind, order, level, dispersion, positive, whole, most, expected, squared)
            for t in range(n):
                seen[t] = expected[t] if kind[t] <= _SOLD_OUT else (sold[t] if kind[t] == _EXPOSED else 0.0)
            before, mean = mean, seen.sum() / evidence
            if local:
                _local_level(seen, weight, mean, variance, level)
                order = _by_relative_demand(bound, kind, level)
            else:
                level[:] = mean
            before_variance = variance
            variance, dispersion = _spread(expected, squared, kind, level, mean, whole, positive)
            if abs(mean - before) <= _TOLERANCE * mean and abs(variance - before_variance) <= 1e-3 * variance:
                break
        if not local and not _local_level(seen, weight, mean, variance, level):
            break
        if not local:
            order = _by_relative_demand(bound, kind, level)
            variance, dispersion = _spread(expected, squared, kind, level, mean, whole, positive)
    for t in range(n):
        if kind[t] == _EXPOSED:
            expected[t] = sold[t] + (1.0 - weight[t]) * level[t]
        elif kind[t] == _SILENT:
            expected[t] = sold[t] if np.isnan(sold[t]) else level[t]
        elif kind[t] == _STOCKED:
            expected[t] = sold[t]
    return variance


@inline
def _one(
    sold: FloatArray, share: FloatArray, turned_away: bool, expected: FloatArray, level: FloatArray
) -> tuple[float, float, int]:
    n = len(sold)
    kind, bound, weight = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    whole = _sort_out(sold, share, turned_away, kind, bound, weight)
    known = n - np.isnan(sold).sum()
    stocked = (kind == _STOCKED).sum()
    expected[:], level[:] = sold, 0.0
    if known == 0:
        return 0.0, 0.0, _UNKNOWN
    if stocked == known:
        basis = _AS_SOLD
    elif stocked + (kind == _EXPOSED).sum() == 0:
        basis = _LOWER_BOUND
    elif (kind == _SOLD_OUT).sum() > 0 and (stocked < LEAST_UNCENSORED or stocked < LEAST_UNCENSORED_SHARE * known):
        basis = _SCALED
    else:
        basis = _ESTIMATED
    if basis == _ESTIMATED or (basis == _AS_SOLD and known >= LEAST_UNCENSORED):
        variance = _fit(sold, bound, kind, weight, whole, expected, level)
        return _known_mean(expected), variance, basis
    rate = _fill_simply(sold, bound, kind, weight, expected)
    mean = _known_mean(expected)
    level[:] = rate if rate >= 0 else mean
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
