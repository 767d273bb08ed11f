"""The law of demand of which some values are known only as lower bounds: three families, by maximum likelihood."""

from __future__ import annotations

import math

import numpy as np

from forecasting.compiled import inline
from forecasting.panel import FloatArray, IntArray

GROUPS = 32
"""Values are judged in at most this many groups of neighbours, each at its mean, so that time does not grow."""

LARGEST_COUNT_MEAN = 1000.0
"""Means above which whole numbers are taken as continuous."""

PRIOR_LOG_ODDS = 2.0
"""Log-likelihood by which another family must beat the usual one (negative binomial for whole numbers) to draw even."""

LEAST_LOG_SD = 0.02
_NORMAL_SHAPE = 2000.0
_FINE = 30.0
_LEAST_EXPONENT, _SHAPES = -4, 17
_COUNT, _POSITIVE_COUNT, _GAMMA, _LOGNORMAL = range(4)
_HALF = 12


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
def _beyond_count(bound: float, mean: float, size: float) -> tuple[float, float]:
    """E[D | D ≥ bound] and E[D² | D ≥ bound] of a negative binomial, from the hazard h: μ + bound·h·(1 + μ/size), …"""
    jump = bound * _count_hazard(bound, mean, size) * (1.0 + mean / size)
    first = mean + jump
    return first, first * (mean * (size + 1.0) / size + 1.0) + (bound - 1.0) * jump


@inline
def _beyond_gamma(bound: float, mean: float, shape: float) -> tuple[float, float]:
    if shape > _NORMAL_SHAPE:
        sd = mean / math.sqrt(shape)
        z = (bound - mean) / sd
        hazard = _normal_hazard(z)
        return mean + sd * hazard, mean * mean + 2 * mean * sd * hazard + sd * sd * (1 + z * hazard)
    scale = mean / shape
    x = bound / scale
    hazard = _gamma_hazard(x, shape)
    return mean + bound * hazard, scale * scale * (shape * (shape + 1.0) + hazard * x * (shape + 1.0 + x))


@inline
def _beyond_lognormal(bound: float, centre: float, sd: float) -> tuple[float, float]:
    z = (math.log(bound) - centre) / sd
    if z > 8.0:
        return bound * (1.0 + sd / z), bound * bound * (1.0 + 2.0 * sd / z)
    survival = math.erfc(z / math.sqrt(2.0))
    first = math.exp(centre + 0.5 * sd * sd) * math.erfc((z - sd) / math.sqrt(2.0)) / survival
    second = math.exp(2.0 * (centre + sd * sd)) * math.erfc((z - 2.0 * sd) / math.sqrt(2.0)) / survival
    return first, second


@inline
def expected_beyond(law: FloatArray, bound: float) -> tuple[float, float]:
    """Mean and mean square of demand known to be at least bound > 0, over the families by their weight in `law`."""
    half = law[_HALF]
    first, second = 0.0, 0.0
    for family in range(4):
        weight = law[family]
        if weight > 1e-3:
            a, b = law[4 + 2 * family], law[5 + 2 * family]
            if family <= _POSITIVE_COUNT:
                one, two = _beyond_count(bound, a, b)
            elif family == _GAMMA:
                one, two = _beyond_gamma(bound - half, a, b)
            else:
                one, two = _beyond_lognormal(bound - half, a, b)
            one = max(one, bound)
            first, second = first + weight * one, second + weight * max(two, one * one)
    return first, second


@inline
def rising(key: FloatArray) -> IntArray:
    """Places of the keys from the least up, ties in their order: a merge sort that compiles quickly."""
    n = len(key)
    order, other = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    for i in range(n):
        order[i] = i
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            left, right = start, min(start + width, n)
            middle, end = right, min(start + 2 * width, n)
            for i in range(start, end):
                if left < middle and (right >= end or key[order[left]] <= key[order[right]]):
                    other[i] = order[left]
                    left += 1
                else:
                    other[i] = order[right]
                    right += 1
        for i in range(n):
            order[i] = other[i]
        width *= 2
    return order


@inline
def _grouped(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The different values, or if they are many the means of groups of neighbours, and how often each occurs."""
    order = rising(values)
    n = len(order)
    different = 1 if n else 0
    for i in range(1, n):
        if values[order[i]] > values[order[i - 1]]:
            different += 1
    groups = min(different, GROUPS)
    mean, count = np.zeros(groups), np.zeros(groups)
    group = 0
    for i in range(n):
        if different > GROUPS:
            group = i * groups // n
        elif i > 0 and values[order[i]] > values[order[i - 1]]:
            group += 1
        mean[group] += values[order[i]]
        count[group] += 1.0
    for group in range(groups):
        mean[group] /= count[group]
    return mean, count


@inline
def _one_law(
    family: int,
    mean: float,
    shape: float,
    seen: FloatArray,
    seen_count: FloatArray,
    bound: FloatArray,
    count: FloatArray,
) -> tuple[float, float]:
    """Log-likelihood of negative binomial or gamma demand, and the mean of demand filled in under it.

    The negative binomial of positive counts is conditioned on not being zero, and the zeros are filled in too.
    """
    log_likelihood, total, number = 0.0, 0.0, 0.0
    scale = mean / shape
    log_x, log_rest = math.log(mean / (mean + shape)), -math.log1p(mean / shape)
    of_shape = math.lgamma(shape)
    for i in range(len(seen) + len(bound)):
        known = i < len(seen)
        value, times = (seen[i], seen_count[i]) if known else (bound[i - len(seen)], count[i - len(seen)])
        if family == _GAMMA:
            log_density = (shape - 1.0) * math.log(value / scale) - value / scale - of_shape - math.log(scale)
        else:
            log_density = (
                math.lgamma(value + shape) - math.lgamma(value + 1.0) - of_shape + value * log_x + shape * log_rest
            )
        if not known:
            if family == _GAMMA:
                hazard = _gamma_hazard(value / scale, shape) / scale
                value = mean + value * hazard * scale
            else:
                hazard = _count_hazard(value, mean, shape)
                value = mean + value * hazard * (1.0 + mean / shape)
            log_density -= math.log(hazard)
        log_likelihood += times * log_density
        total += times * value
        number += times
    if family == _POSITIVE_COUNT:
        none = math.exp(shape * log_rest)
        log_likelihood -= number * math.log1p(-none)
        number += number * none / (1.0 - none)
    return log_likelihood, total / number


@inline
def _most_likely_shape(
    family: int, start: float, seen: FloatArray, seen_count: FloatArray, bound: FloatArray, count: FloatArray
) -> tuple[float, float, float]:
    """Mean, shape and log-likelihood: climb a grid of shapes (powers of 2), each with its most likely mean (EM)."""
    likelihood, means = np.full(_SHAPES, np.nan), np.zeros(_SHAPES)
    total, number = 0.0, 0.0
    for i in range(len(seen)):
        total, number = total + seen[i] * seen_count[i], number + seen_count[i]
    for i in range(len(bound)):
        total, number = total + bound[i] * count[i], number + count[i]
    mean = 1.2 * total / number
    at = min(max(round(math.log2(start)) - _LEAST_EXPONENT, 1), _SHAPES - 2)
    while True:
        for near in (at, at - 1, at + 1):
            if np.isnan(likelihood[near]):
                shape = 2.0 ** (near + _LEAST_EXPONENT)
                for _ in range(12):
                    before = mean
                    likelihood[near], mean = _one_law(family, mean, shape, seen, seen_count, bound, count)
                    if abs(mean - before) <= 1e-3 * mean:
                        break
                means[near] = mean
            mean = means[at]
        if likelihood[at + 1] > likelihood[at] and at < _SHAPES - 2:
            at += 1
        elif likelihood[at - 1] > likelihood[at] and at > 1:
            at -= 1
        else:
            break
    left, middle, right = likelihood[at - 1], likelihood[at], likelihood[at + 1]
    bend = left - 2.0 * middle + right
    step = min(max(0.5 * (left - right) / bend, -1.0), 1.0) if bend < 0 else (1.0 if right > left else -1.0)
    shape = 2.0 ** (at + step + _LEAST_EXPONENT)
    for _ in range(12):
        before = mean
        best, mean = _one_law(family, mean, shape, seen, seen_count, bound, count)
        if abs(mean - before) <= 1e-4 * mean:
            break
    return mean, shape, best


@inline
def _most_likely_lognormal(
    seen: FloatArray, seen_count: FloatArray, bound: FloatArray, count: FloatArray, half: float
) -> tuple[float, float, float]:
    """Mean and sd of the logarithm (EM), and the log-likelihood; half a unit either side is what rounding hides."""
    number, first, second = 0.0, 0.0, 0.0
    for i in range(len(seen)):
        number += seen_count[i]
        first += seen_count[i] * math.log(seen[i])
        second += seen_count[i] * math.log(seen[i]) ** 2
    first_seen, second_seen = first, second
    log_bound = np.empty(len(bound))
    for i in range(len(bound)):
        log_bound[i] = math.log(bound[i])
        number += count[i]
        first += count[i] * log_bound[i]
        second += count[i] * log_bound[i] ** 2
    centre = first / number
    sd = max(math.sqrt(max(second / number - centre * centre, 0.0)), 0.1)
    for _ in range(60):
        first, second = first_seen, second_seen
        for i in range(len(bound)):
            z = (log_bound[i] - centre) / sd
            hazard = _normal_hazard(z)
            first += count[i] * (centre + sd * hazard)
            second += count[i] * (centre * centre + 2.0 * centre * sd * hazard + sd * sd * (1.0 + z * hazard))
        before, before_sd = centre, sd
        centre = first / number
        sd = max(math.sqrt(max(second / number - centre * centre, 0.0)), LEAST_LOG_SD)
        if abs(centre - before) <= 1e-4 * sd and abs(sd - before_sd) <= 1e-3 * sd:
            break
    likelihood = 0.0
    for i in range(len(seen)):
        z = (math.log(seen[i]) - centre) / sd
        if half > 0 and seen[i] < _FINE:
            upper = math.erfc((math.log(seen[i] + half) - centre) / sd / math.sqrt(2.0))
            lower = math.erfc((math.log(seen[i] - half) - centre) / sd / math.sqrt(2.0)) if seen[i] > 1 else 2.0
            likelihood += seen_count[i] * math.log(max(0.5 * (lower - upper), 1e-300))
        else:
            likelihood -= seen_count[i] * (0.5 * z * z + math.log(sd * math.sqrt(2.0 * math.pi) * seen[i]))
    for i in range(len(bound)):
        z = (log_bound[i] - centre) / sd
        likelihood -= count[i] * (0.5 * z * z + math.log(math.sqrt(2.0 * math.pi) * _normal_hazard(z)))
    return centre, sd, likelihood


@inline
def fitted_law(seen: FloatArray, bound: FloatArray, whole: bool) -> FloatArray:
    """The law of demand seen where stock lasted, and at least `bound` > 0 where it did not; for `expected_beyond`.

    Whole numbers: negative binomial, the same with another share of zeros, or lognormal with a share of zeros; else
    gamma or lognormal, each with a share of zeros. Each is taken at its most likely and weighs by its likelihood.

    Args:
        seen: Demand > 0 of the periods in stock, and as many zeros as there were, shape (stocked,).
        bound: Least demand, > 0, of those that sold out, shape (sold out,); at least one.
        whole: Demand comes in whole numbers.

    Returns:
        Weights of the four families, their two parameters each, and the half unit by which a whole number's bound
        lies lower on a continuous scale; shape (13,).
    """
    law = np.zeros(13)
    number, none, total = len(seen) + len(bound), 0, 0.0
    for i in range(len(seen)):
        total += seen[i]
        if seen[i] == 0:
            none += 1
    for i in range(len(bound)):
        total += bound[i]
    mean, square = total / number, 0.0
    positive, last = np.empty(len(seen) - none), 0
    for i in range(len(seen)):
        square += (seen[i] - mean) ** 2 / len(seen)
        if seen[i] > 0:
            positive[last] = seen[i]
            last += 1
    counted = whole and mean <= LARGEST_COUNT_MEAN
    start = mean * mean / max(square - (mean if counted else 0.0), 1e-3 * mean * mean)
    zeros = none * math.log(none / number) + (number - none) * math.log1p(-none / number) if none > 0 else 0.0
    values, count = _grouped(positive)
    bounds, bound_count = _grouped(bound)
    log_weight = np.full(4, -np.inf)
    for family in range(3):
        if counted == (family == _GAMMA) or (family == _POSITIVE_COUNT and none == 0):
            continue
        if family == _COUNT and none > 0:
            values, count = np.append(0.0, values), np.append(float(none), count)
        elif family == _GAMMA and whole:
            bounds = bounds - 0.5
        a, b, found = _most_likely_shape(family, start, values, count, bounds, bound_count)
        law[4 + 2 * family], law[5 + 2 * family] = a, b
        if family == _COUNT and none > 0:
            values, count = values[1:].copy(), count[1:].copy()
        elif family == _GAMMA and whole:
            bounds = bounds + 0.5
        log_weight[family] = found + (zeros if family > 0 else 0.0) - (PRIOR_LOG_ODDS if family == 1 else 0.0)
    law[_HALF] = half = 0.5 if whole else 0.0
    if len(positive) >= 2:
        law[10], law[11], found = _most_likely_lognormal(values, count, bounds - half, bound_count, half)
        log_weight[_LOGNORMAL] = found + zeros - 2 * PRIOR_LOG_ODDS
    best, weights = log_weight.max(), 0.0
    for family in range(4):
        law[family] = math.exp(log_weight[family] - best)
        weights += law[family]
    for family in range(4):
        law[family] /= weights
    return law
