"""Values at chances: the inverse of every distribution, compiled, one number at a time.

A `DistributionTable` lists any number of distributions as plain arrays; `value_at` turns a uniform number into a
value of one of them. All inverses grow with the chance, so that more luck is never less, and none draws more than
one uniform number, so that each stays at its own address.
"""

import math
from typing import NamedTuple

import numpy as np

from simulation.addresses import inlined_kernel, number_at
from simulation.arrays import FloatArray, IntArray
from simulation.compiled import kernel

CONSTANT, UNIFORM, TRIANGULAR, EXPONENTIAL, NORMAL, LOGNORMAL, CURVE, LOG_CURVE, MIXTURE, GEOMETRIC, STEPS = range(11)

CURVE_END = 6.5
"""Curves end at this many standard deviations of the normal, a chance of 4·10⁻¹¹; a stream's numbers end at 6.34."""

CURVE_PIECES = 80
"""Pieces of a curve, each a polynomial of the fifth degree."""

_PIECES_PER_SD = CURVE_PIECES / (2 * CURVE_END)
_MOST_STEPS = 100


class DistributionTable(NamedTuple):
    """Distributions side by side, for compiled loops; made by `distribution_table`.

    Attributes:
        kind: Which inverse, shape (distribution,).
        parameters: What it needs, shape (distribution, 4).
        start: Where its part of `values` and `chances` begins, shape (distribution,).
        count: How many values it has there, shape (distribution,).
        values: Steps (with the index that finds them), coefficients of curves, or means of a mixture; flat.
        chances: Cumulative chances of steps, or probabilities of a mixture; flat.
    """

    kind: IntArray
    parameters: FloatArray
    start: IntArray
    count: IntArray  # type: ignore[assignment]  # hides tuple.count
    values: FloatArray
    chances: FloatArray


@inlined_kernel
def value_at(table: DistributionTable, position: int, u: float) -> float:
    """Value of the distribution at `position` that a share u of all values does not exceed.

    Args:
        table: Distributions.
        position: Which, from 0.
        u: Strictly between 0 and 1. Curves (gamma, very wide negative binomial) end at the chance of ±6.5 standard
            deviations, beyond all numbers of a stream.
    """
    return _value(
        table.kind[position],
        table.parameters[position, 0],
        table.parameters[position, 1],
        table.parameters[position, 2],
        table.values.ctypes.data + 8 * table.start[position],
        table.chances.ctypes.data + 8 * table.start[position],
        table.count[position],
        u,
    )


@kernel
def log_of_rest(u: float) -> float:
    """log(1 − u), to 13 digits: a plain logarithm takes half the time wherever it is as exact.

    Of a stream's number 1 − u is exact, and so is either way.
    """
    return math.log(1.0 - u) if u > 0.001 else math.log1p(-u)


@kernel
def _value(kind: int, p0: float, p1: float, p2: float, values: int, chances: int, count: int, u: float) -> float:
    """`value_at` of plain numbers.

    The addresses of the distribution's values and chances stand for arrays, whose references each call would count:
    that takes longer than most inverses.
    """
    if kind == CONSTANT:
        return p0
    if kind == EXPONENTIAL:
        return -p0 * log_of_rest(u)
    if kind == UNIFORM:
        return p0 + p1 * u
    if kind == STEPS:
        return _step(values, chances, count, p0, u)
    if kind == TRIANGULAR:
        if u < p2:
            return p0 + (p1 - p0) * math.sqrt(u * p2)
        return p1 - (p1 - p0) * math.sqrt((1.0 - u) * (1.0 - p2))
    if kind == GEOMETRIC:
        return max(1.0, math.ceil(p0 * math.log1p(-u)))
    if kind == MIXTURE:
        return _mixture(values, chances, count, u)
    z = normal_quantile(u)
    if kind == NORMAL:
        return max(0.0, p0 + p1 * z)
    if kind == LOGNORMAL:
        return math.exp(p0 + p1 * z)
    height = _curve(values, z)
    if kind == LOG_CURVE:
        height = math.exp(height)
    value = max(0.0, p0 + p1 * height)
    return value if p2 == 0.0 else math.ceil(value)


@kernel
def values_at(table: DistributionTable, position: int, u: FloatArray) -> FloatArray:
    """`value_at` for many chances of one distribution."""
    values = np.empty(len(u))
    for number in range(len(u)):
        values[number] = value_at(table, position, u[number])
    return values


@kernel
def normal_quantile(u: float) -> float:
    """Quantile of the standard normal distribution, to about 1 part in 10¹⁶.

    Source: M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied
    Statistics 37 (1988), PPND16.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        numerator = 2509.0809287301226727
        numerator = numerator * r + 33430.575583588128105
        numerator = numerator * r + 67265.770927008700853
        numerator = numerator * r + 45921.953931549871457
        numerator = numerator * r + 13731.693765509461125
        numerator = numerator * r + 1971.5909503065514427
        numerator = numerator * r + 133.14166789178437745
        numerator = numerator * r + 3.387132872796366608
        denominator = 5226.495278852854561
        denominator = denominator * r + 28729.085735721942674
        denominator = denominator * r + 39307.89580009271061
        denominator = denominator * r + 21213.794301586595867
        denominator = denominator * r + 5394.1960214247511077
        denominator = denominator * r + 687.1870074920579083
        denominator = denominator * r + 42.313330701600911252
        denominator = denominator * r + 1.0
        return q * numerator / denominator
    r = math.sqrt(-math.log(min(u, 1.0 - u)))
    if r <= 5.0:
        r -= 1.6
        numerator = 7.7454501427834140764e-4
        numerator = numerator * r + 2.27238449892691845833e-2
        numerator = numerator * r + 0.24178072517745061177
        numerator = numerator * r + 1.27045825245236838258
        numerator = numerator * r + 3.64784832476320460504
        numerator = numerator * r + 5.7694972214606914055
        numerator = numerator * r + 4.6303378461565452959
        numerator = numerator * r + 1.42343711074968357734
        denominator = 1.05075007164441684324e-9
        denominator = denominator * r + 5.475938084995344946e-4
        denominator = denominator * r + 1.51986665636164571966e-2
        denominator = denominator * r + 0.14810397642748007459
        denominator = denominator * r + 0.68976733498510000455
        denominator = denominator * r + 1.6763848301838038494
        denominator = denominator * r + 2.05319162663775882187
        denominator = denominator * r + 1.0
    else:
        r -= 5.0
        numerator = 2.01033439929228813265e-7
        numerator = numerator * r + 2.71155556874348757815e-5
        numerator = numerator * r + 1.2426609473880784386e-3
        numerator = numerator * r + 2.65321895265761230930e-2
        numerator = numerator * r + 0.29656057182850489123
        numerator = numerator * r + 1.7848265399172913358
        numerator = numerator * r + 5.4637849111641143699
        numerator = numerator * r + 6.6579046435011037772
        denominator = 2.04426310338993978564e-15
        denominator = denominator * r + 1.4215117583164458887e-7
        denominator = denominator * r + 1.8463183175100546818e-5
        denominator = denominator * r + 7.868691311456132591e-4
        denominator = denominator * r + 1.48753612908506148525e-2
        denominator = denominator * r + 0.13692988092273580531
        denominator = denominator * r + 0.59983220655588793769
        denominator = denominator * r + 1.0
    tail = numerator / denominator
    return -tail if q < 0.0 else tail


@kernel
def _step(values: int, chances: int, count: int, buckets: float, u: float) -> float:
    """First value whose cumulative chance reaches u, searched between the two that the index gives for u's bucket."""
    bucket = count + int(u * buckets)
    low, high = int(number_at(values, bucket)), int(number_at(values, bucket + 1))
    while low < high:
        middle = (low + high) >> 1
        if number_at(chances, middle) < u:
            low = middle + 1
        else:
            high = middle
    return number_at(values, low)


@kernel
def _curve(coefficients: int, z: float) -> float:
    """Height of a piecewise polynomial at z, which is held to ±CURVE_END."""
    along = (z + CURVE_END) * _PIECES_PER_SD
    piece = min(max(int(along), 0), CURVE_PIECES - 1)
    t = min(max(along - piece, 0.0), 1.0)
    first = 6 * piece
    height = number_at(coefficients, first + 5)
    height = height * t + number_at(coefficients, first + 4)
    height = height * t + number_at(coefficients, first + 3)
    height = height * t + number_at(coefficients, first + 2)
    height = height * t + number_at(coefficients, first + 1)
    return height * t + number_at(coefficients, first)


@kernel
def _mixture(means: int, probabilities: int, count: int, u: float) -> float:
    """Quantile of a mixture of exponentials.

    The logarithm of the survival function is convex and falls, so that Newton's steps from 0 never go too far.
    """
    target = math.log1p(-u)
    x = 0.0
    for _ in range(_MOST_STEPS):
        survival, density = 0.0, 0.0
        for stage in range(count):
            mean = number_at(means, stage)
            alive = number_at(probabilities, stage) * math.exp(-x / mean)
            survival += alive
            density += alive / mean
        step = (math.log(survival) - target) * survival / density
        x += step
        if step <= 1e-14 * x:
            break
    return max(x, 0.0)
