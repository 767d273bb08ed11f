"""Loss functions: how much demand a level misses, and how much of the level demand leaves.

For demand X and a level x, the loss is n(x) = E[(X − x)⁺], the units that are short, and the complementary loss
n̄(x) = E[(x − X)⁺], the units left over; n(x) − n̄(x) = E[X] − x. The second-order loss is ½ E[((X − x)⁺)²] for
continuous demand and ½ E[(X − x)⁺ (X − x − 1)⁺] for whole-number demand: what is left of the loss summed beyond x.

Every function takes arrays that broadcast, one figure per SKU or a single number. The smaller of the two losses is
the one computed, and the other follows from it, so that both keep their digits in the far tails.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from optimization.arrays import FloatArray
from optimization.figures import figures, require

HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)
SERIES_FROM = 10.0
TAIL_FROM = 3.0
TAIL_TERMS = 120


@dataclass(frozen=True)
class Loss:
    """Attributes:
    loss: n, expected units short.
    complementary_loss: n̄, expected units left over.
    """

    loss: FloatArray
    complementary_loss: FloatArray


# Continuous demand


def normal_loss(x: ArrayLike, *, mean: ArrayLike = 0.0, sd: ArrayLike = 1.0) -> Loss:
    """Loss of normal demand: σ L(z) with z = (x − μ)/σ and L(z) = φ(z) − z (1 − Φ(z)).

    Raises:
        ValueError: A figure that is NaN or infinite, or sd below 0.

    Source: Snyder & Shen, Fundamentals of Supply Chain Theory, 2nd ed., appendix C.

    >>> normal_loss(60.0, mean=50.0, sd=8.0)
    Loss(loss=array(0.40469495), complementary_loss=array(10.40469495))
    """
    level, centre = figures(x, "x"), figures(mean, "mean")
    spread = figures(sd, "sd", least=0.0)
    above = level - centre
    smaller = spread * _normal_tail(_over(np.abs(above), spread))[0]
    return _both(smaller, above)


def normal_second_order_loss(x: ArrayLike, *, mean: ArrayLike = 0.0, sd: ArrayLike = 1.0) -> Loss:
    """Second-order loss of normal demand: σ²/2 [(z² + 1)(1 − Φ(z)) − z φ(z)].

    Raises:
        ValueError: As `normal_loss`.

    >>> normal_second_order_loss(0.0)
    Loss(loss=array(0.25), complementary_loss=array(0.25))
    """
    level, centre = figures(x, "x"), figures(mean, "mean")
    spread = figures(sd, "sd", least=0.0)
    above = level - centre
    smaller = spread**2 * _normal_tail(_over(np.abs(above), spread))[1]
    return _both_second(smaller, above, above**2 + spread**2)


def lognormal_loss(x: ArrayLike, *, log_mean: ArrayLike, log_sd: ArrayLike) -> Loss:
    """Loss of lognormal demand, whose logarithm has this mean and sd.

    n(x) = E[X] Φ(d + σ) − x Φ(d) with d = (log_mean − ln x)/σ.

    Raises:
        ValueError: A figure that is NaN or infinite, or log_sd below 0.

    >>> lognormal_loss(10.0, log_mean=2.0, log_sd=0.3).loss.round(6)
    np.float64(0.28365)
    """
    level, centre = figures(x, "x"), figures(log_mean, "log_mean")
    spread = figures(log_sd, "log_sd", least=0.0)
    mean = np.exp(centre + spread**2 / 2)
    positive = np.where(level > 0, level, 1.0)
    distance = centre - np.log(positive)
    d = np.where(spread > 0, _over(distance, spread), np.where(distance >= 0, np.inf, -np.inf))
    # x φ(d) = E[X] φ(d + σ), so that in a tail the two products are one density times two ratios.
    density = positive * np.exp(-np.minimum(d**2, 1e300) / 2) / np.sqrt(2 * np.pi)
    with np.errstate(invalid="ignore", over="ignore"):
        right = density * (_mills(-d - spread) - _mills(-d))
        left = density * (_mills(d) - _mills(d + spread))
        middle = mean * special.ndtr(d + spread) - positive * special.ndtr(d)
    loss = np.where(d + spread < 0, np.where(density > 0, right, 0.0), middle)
    rest = np.where(d > 0, np.where(density > 0, left, 0.0), loss - mean + positive)
    loss = np.where(d > 0, rest + mean - positive, loss)
    return _from_zero(level, mean, loss, rest)


def gamma_loss(x: ArrayLike, *, shape: ArrayLike, scale: ArrayLike) -> Loss:
    """Loss of gamma demand with mean shape × scale and variance shape × scale².

    n(x) = scale [(α − t) Q(α, t) + tᵅ e⁻ᵗ/Γ(α)] with t = x/scale and Q the upper regularised gamma function.

    Raises:
        ValueError: A figure that is NaN or infinite, shape or scale not above 0.

    >>> gamma_loss(50.0, shape=0.8, scale=20.0).loss.round(6)
    np.float64(1.054528)
    """
    level = figures(x, "x")
    alpha = figures(shape, "shape", least=0.0, exclude_least=True)
    unit = figures(scale, "scale", least=0.0, exclude_least=True)
    t = np.maximum(level, 0.0) / unit
    edge = alpha * _poisson_density(alpha, t)
    loss, rest = _smaller_first(alpha, t, special.gammaincc(alpha, t), special.gammainc(alpha, t), edge)
    return _from_zero(level, alpha * unit, unit * loss, unit * rest)


def gamma_second_order_loss(x: ArrayLike, *, shape: ArrayLike, scale: ArrayLike) -> Loss:
    """Second-order loss of gamma demand: scale²/2 [((α − t)² + α) Q(α, t) + (α + 1 − t) tᵅ e⁻ᵗ/Γ(α)].

    Raises:
        ValueError: As `gamma_loss`.

    >>> gamma_second_order_loss(0.0, shape=2.0, scale=3.0).loss
    array(27.)
    """
    level = figures(x, "x")
    alpha = figures(shape, "shape", least=0.0, exclude_least=True)
    unit = figures(scale, "scale", least=0.0, exclude_least=True)
    t = np.maximum(level, 0.0) / unit
    edge = (alpha + 1 - t) * alpha * _poisson_density(alpha, t)
    moment = (alpha - t) ** 2 + alpha
    over = t >= alpha
    tail = np.where(over, special.gammaincc(alpha, t), special.gammainc(alpha, t))
    smaller = unit**2 / 2 * np.maximum(moment * tail + np.where(over, edge, -edge), 0.0)
    second = _both_second(smaller, (t - alpha) * unit, moment * unit**2)
    below = np.minimum(level, 0.0)
    # Below zero all demand is short: the moments of X − x, as they are.
    loss = second.loss - below * alpha * unit + below**2 / 2
    return Loss(np.asarray(loss), np.where(level < 0, 0.0, second.complementary_loss))


def exponential_loss(x: ArrayLike, *, mean: ArrayLike) -> Loss:
    """Loss of exponential demand: mean · e^(−x/mean).

    Raises:
        ValueError: A figure that is NaN or infinite, or mean below 0.

    >>> exponential_loss(20.0, mean=10.0).loss.round(6)
    np.float64(1.353353)
    """
    level, centre = figures(x, "x"), figures(mean, "mean", least=0.0)
    t = np.maximum(level, 0.0) / np.where(centre > 0, centre, 1.0)
    loss = centre * np.exp(-t)
    # x − mean + mean e^(−t) loses its digits near zero, where it is x²/(2 mean).
    near = centre * t**2 * (0.5 - t / 6 * (1 - t / 4 * (1 - t / 5 * (1 - t / 6 * (1 - t / 7)))))
    rest = np.where(t < 0.02, near, np.maximum(level, 0.0) + centre * np.expm1(-t))
    return _from_zero(level, centre, loss, np.where(centre > 0, rest, level))


def uniform_loss(x: ArrayLike, *, low: ArrayLike, high: ArrayLike) -> Loss:
    """Loss of demand that is uniform between low and high: (high − x)²/(2 (high − low)) between them.

    Raises:
        ValueError: A figure that is NaN or infinite, or high below low.

    >>> uniform_loss(15.0, low=0.0, high=20.0)
    Loss(loss=array(0.625), complementary_loss=array(5.625))
    """
    level, bottom, top = figures(x, "x"), figures(low, "low"), figures(high, "high")
    require(top >= bottom, "high must be at least low", top - bottom)
    inside = np.clip(level, bottom, top)
    width = np.where(top > bottom, top - bottom, 1.0)
    loss = (top - inside) ** 2 / (2 * width) + np.maximum(bottom - level, 0.0)
    rest = (inside - bottom) ** 2 / (2 * width) + np.maximum(level - top, 0.0)
    return Loss(np.asarray(loss), np.asarray(rest))


# Whole-number demand: between whole numbers the loss is a straight line.


def poisson_loss(x: ArrayLike, *, mean: ArrayLike) -> Loss:
    """Loss of Poisson demand: (λ − x) P(X > x) + λ P(X = x) at whole x.

    Raises:
        ValueError: A figure that is NaN or infinite, or mean below 0.

    Source: Zipkin, Foundations of Inventory Management, appendix C.

    >>> poisson_loss(18, mean=15.0)
    Loss(loss=array(0.51760953), complementary_loss=array(3.51760953))
    """
    level, centre = figures(x, "x"), figures(mean, "mean", least=0.0)
    k = np.floor(np.maximum(level, 0.0))
    edge = centre * _poisson_density(k, centre)
    return _between(level, k, centre, *poisson_tails(k, centre), edge)


def poisson_second_order_loss(x: ArrayLike, *, mean: ArrayLike) -> Loss:
    """Second-order loss of Poisson demand at whole x: ½ {[(λ − x)² + x] P(X > x) + λ (λ − x) P(X = x)}.

    Raises:
        ValueError: A figure that is NaN or infinite, x negative or not whole, or mean below 0.

    Source: Zipkin, Foundations of Inventory Management, appendix C.

    >>> poisson_second_order_loss(0, mean=4.0).loss
    array(8.)
    """
    k, centre = _whole(x), figures(mean, "mean", least=0.0)
    edge = centre * _poisson_density(k, centre)
    return _second_of_counts(k, centre, centre, centre, *poisson_tails(k, centre), edge)


def negative_binomial_loss(x: ArrayLike, *, successes: ArrayLike, success_probability: ArrayLike) -> Loss:
    """Loss of negative binomial demand: failures before the given number of successes, which need not be whole.

    The mean is r (1 − p)/p and the variance mean/p. Demand known by mean and sd: p = mean/sd², r = mean·p/(1 − p).

    Raises:
        ValueError: A figure that is NaN or infinite, successes below 0, or success_probability outside (0, 1].

    >>> negative_binomial_loss(14, successes=6, success_probability=0.4).loss.round(6)
    np.float64(0.49171)
    """
    r = figures(successes, "successes", least=0.0)
    p = figures(success_probability, "success_probability", least=0.0, most=1.0, exclude_least=True)
    return counts_loss(x, r, p, 1 - p)


def negative_binomial_second_order_loss(x: ArrayLike, *, successes: ArrayLike, success_probability: ArrayLike) -> Loss:
    """Second-order loss of negative binomial demand at whole x.

    Raises:
        ValueError: As `negative_binomial_loss`; also x negative or not whole.

    >>> negative_binomial_second_order_loss(0, successes=2, success_probability=0.5).loss
    array(3.)
    """
    k, r = _whole(x), figures(successes, "successes", least=0.0)
    p = figures(success_probability, "success_probability", least=0.0, most=1.0, exclude_least=True)
    q = 1 - p
    mean = r * q / p
    edge = (k + r) * q * _counts_density(k, r, p, q) / p
    return _second_of_counts(k, mean, mean / p, mean + q / p, *negative_binomial_tails(k, r, p, q), edge)


def geometric_loss(x: ArrayLike, *, success_probability: ArrayLike) -> Loss:
    """Loss of geometric demand on 1, 2, …: trials up to and with the first success, (1 − p)ˣ/p at whole x.

    For geometric demand on 0, 1, … use `negative_binomial_loss` with one success.

    Raises:
        ValueError: A figure that is NaN or infinite, or success_probability outside (0, 1].

    >>> geometric_loss(3, success_probability=0.25).loss
    array(1.6875)
    """
    p = figures(success_probability, "success_probability", least=0.0, most=1.0, exclude_least=True)
    # One trial always happens, and the further ones are failures before the first success.
    return counts_loss(figures(x, "x") - 1, np.ones(()), p, 1 - p)


def binomial_loss(x: ArrayLike, *, trials: ArrayLike, success_probability: ArrayLike) -> Loss:
    """Loss of binomial demand: (np − x) P(X > x) + (n − x) p P(X = x) at whole x.

    Raises:
        ValueError: A figure that is NaN or infinite, trials negative or not whole, or success_probability
            outside [0, 1].

    >>> binomial_loss(3, trials=4, success_probability=0.5).loss
    array(0.0625)
    """
    level, n = figures(x, "x"), figures(trials, "trials", least=0.0)
    require(n == np.floor(n), "trials must be a whole number", n)
    p = figures(success_probability, "success_probability", least=0.0, most=1.0)
    k = np.minimum(np.floor(np.maximum(level, 0.0)), n)
    exceeding, within = binomial_tails(k, n, p)
    edge = (n - k) * p * _binomial_density(k, n, p)
    return _between(level, k, n * p, exceeding, within, edge)


def discrete_loss(x: ArrayLike, *, values: ArrayLike, probabilities: ArrayLike) -> Loss:
    """Loss of demand with a given list of values and their probabilities.

    Args:
        x: Levels, shape () or (sku,).
        values: Units, shape (value,) or (sku, value).
        probabilities: Of the values, shape (value,) or (sku, value), summing to 1.

    Raises:
        ValueError: A figure that is NaN or infinite, a negative probability, or a sum other than 1.

    >>> discrete_loss(5, values=[0, 4, 8], probabilities=[0.5, 0.25, 0.25])
    Loss(loss=array(0.75), complementary_loss=array(2.75))
    """
    level = figures(x, "x")[..., None]
    worth, weight = discrete(values, probabilities)
    above = worth - level
    return Loss(
        np.asarray((np.maximum(above, 0.0) * weight).sum(axis=-1)),
        np.asarray((np.maximum(-above, 0.0) * weight).sum(axis=-1)),
    )


def sample_loss(x: ArrayLike, *, samples: ArrayLike) -> Loss:
    """Loss of demand known by equally likely samples, shape (sample,) or (sku, sample).

    Raises:
        ValueError: A figure that is NaN or infinite, or no sample.

    >>> sample_loss(5, samples=[2, 4, 9, 5]).loss
    array(1.)
    """
    drawn = figures(samples, "samples")
    if drawn.ndim == 0 or drawn.shape[-1] == 0:
        raise ValueError(f"samples must have at least one sample per SKU, got shape {drawn.shape}")
    return discrete_loss(x, values=drawn, probabilities=np.full(drawn.shape[-1], 1 / drawn.shape[-1]))


def quantile_loss(x: ArrayLike, *, levels: ArrayLike, quantiles: ArrayLike) -> Loss:
    """Loss of demand known by some of its quantiles.

    Demand is taken as uniform between neighbouring quantiles; what lies below the lowest level counts as the lowest
    quantile, and what lies above the highest level as the highest. So a highest level far below 1 understates the
    loss beyond its quantile.

    Args:
        x: Stock levels, shape () or (sku,).
        levels: Probabilities, rising within [0, 1], shape (level,).
        quantiles: Units, never falling along a row, shape (level,) or (sku, level).

    Raises:
        ValueError: Levels or quantiles that are not as said.

    >>> quantile_loss(5.0, levels=[0.0, 0.5, 1.0], quantiles=[0.0, 4.0, 8.0]).loss
    array(0.5625)
    """
    level = figures(x, "x")[..., None]
    probability, quantile = quantile_table(levels, quantiles)
    low, high = quantile[..., :-1], quantile[..., 1:]
    between = uniform_loss(level, low=low, high=high)
    weight = np.diff(probability)
    ends = np.stack([quantile[..., 0], quantile[..., -1]], axis=-1) - level
    end_weight = np.array([probability[0], 1 - probability[-1]])
    short = (between.loss * weight).sum(axis=-1) + (np.maximum(ends, 0.0) * end_weight).sum(axis=-1)
    left = (between.complementary_loss * weight).sum(axis=-1) + (np.maximum(-ends, 0.0) * end_weight).sum(axis=-1)
    return Loss(np.asarray(short), np.asarray(left))


# Shared with the demand distributions: figures already checked.


def discrete(values: ArrayLike, probabilities: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Values and their probabilities, checked.

    Raises:
        ValueError: As `discrete_loss`.
    """
    worth = figures(values, "values")
    weight = figures(probabilities, "probabilities", least=0.0)
    if worth.ndim == 0 or weight.ndim == 0 or worth.shape[-1] != weight.shape[-1] or worth.shape[-1] == 0:
        raise ValueError(f"values and probabilities must be as many, got shapes {worth.shape} and {weight.shape}")
    total = weight.sum(axis=-1)
    require(np.abs(total - 1) <= 1e-9, "probabilities must sum to 1", total)
    return worth, weight / total[..., None]


def quantile_table(levels: ArrayLike, quantiles: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Probability levels and the quantiles at them, checked.

    Raises:
        ValueError: As `quantile_loss`.
    """
    probability = figures(levels, "levels", least=0.0, most=1.0)
    quantile = figures(quantiles, "quantiles")
    if probability.ndim != 1 or len(probability) == 0 or quantile.ndim == 0 or quantile.shape[-1] != len(probability):
        raise ValueError(
            f"quantiles must have one column per level, got shapes {quantile.shape} and {probability.shape}"
        )
    require(np.diff(probability) > 0, "levels must rise", probability[1:])
    require(np.diff(quantile, axis=-1) >= 0, "quantiles must not fall along a row", quantile[..., 1:])
    return probability, quantile


def counts_loss(x: ArrayLike, r: FloatArray, p: FloatArray, q: FloatArray) -> Loss:
    """`negative_binomial_loss` with p and q = 1 − p given each, so that neither loses its digits."""
    level = figures(x, "x")
    k = np.floor(np.maximum(level, 0.0))
    edge = (k + r) * q * _counts_density(k, r, p, q) / p
    return _between(level, k, r * q / p, *negative_binomial_tails(k, r, p, q), edge)


def poisson_tails(k: FloatArray, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P(X > k) and P(X ≤ k) at whole k ≥ 0."""
    return np.asarray(special.gammainc(k + 1, mean)), np.asarray(special.gammaincc(k + 1, mean))


def negative_binomial_tails(
    k: FloatArray, r: FloatArray, p: FloatArray, q: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """P(X > k) and P(X ≤ k) at whole k ≥ 0."""
    some = (r > 0) & (q > 0)
    count = np.where(some, r, 1.0)
    return (
        np.where(some, special.betainc(k + 1, count, q), 0.0),
        np.where(some, special.betainc(count, k + 1, p), 1.0),
    )


def binomial_tails(k: FloatArray, n: FloatArray, p: FloatArray) -> tuple[FloatArray, FloatArray]:
    """P(X > k) and P(X ≤ k) at whole k ≥ 0."""
    rest = np.maximum(n - k, 1.0)
    inside = k < n
    exceeding = np.where(inside, special.betainc(k + 1, rest, p), 0.0)
    return exceeding, np.where(inside, special.betainc(rest, k + 1, 1 - p), 1.0)


def _between(
    x: FloatArray, k: FloatArray, mean: FloatArray, exceeding: FloatArray, within: FloatArray, edge: FloatArray
) -> Loss:
    """Losses of whole-number demand at x from those at the whole number k below it."""
    loss, rest = _smaller_first(mean, k, exceeding, within, edge)
    part = np.maximum(x, 0.0) - k
    return _from_zero(x, mean, np.maximum(loss - part * exceeding, 0.0), rest + part * within)


def _smaller_first(
    mean: FloatArray, x: FloatArray, exceeding: FloatArray, within: FloatArray, edge: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """n = (μ − x) P(X > x) + edge above the mean, n̄ = (x − μ) P(X ≤ x) + edge below it, and the other of each."""
    over = x >= mean
    above = x - mean
    smaller = np.maximum(edge - np.abs(above) * np.where(over, exceeding, within), 0.0)
    return np.where(over, smaller, smaller - above), np.where(over, smaller + above, smaller)


def _second_of_counts(
    k: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    slope: FloatArray,
    exceeding: FloatArray,
    within: FloatArray,
    edge: FloatArray,
) -> Loss:
    """Second-order losses at whole k of a count whose second factorial moment is mean × slope."""
    moment = mean * (slope - 2 * k) + k * (k + 1)
    short = (moment * exceeding + edge * (slope - k)) / 2
    left = (moment * within - edge * (slope - k)) / 2
    whole = ((k - mean) ** 2 + (k - mean) + variance) / 2
    over = k >= mean
    smaller = np.maximum(np.where(over, short, left), 0.0)
    return Loss(np.where(over, smaller, whole - smaller), np.where(over, whole - smaller, smaller))


def _from_zero(x: FloatArray, mean: FloatArray, loss: FloatArray, rest: FloatArray) -> Loss:
    """Below zero nothing of non-negative demand is covered."""
    return Loss(np.where(x <= 0, mean - x, loss), np.where(x <= 0, 0.0, rest))


def _both(smaller: FloatArray, above: FloatArray) -> Loss:
    return Loss(np.asarray(smaller + np.maximum(-above, 0.0)), np.asarray(smaller + np.maximum(above, 0.0)))


def _both_second(smaller: FloatArray, above: FloatArray, moment: FloatArray) -> Loss:
    larger = moment / 2 - smaller
    over = above >= 0
    return Loss(np.where(over, smaller, larger), np.where(over, larger, smaller))


def _normal_tail(z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Loss and second-order loss of the standard normal at z ≥ 0.

    Beyond TAIL_FROM both are the density times products of the ratios rₙ = 1/(z + (n + 1) rₙ₊₁) of the repeated
    integrals of the tail, computed from far down: there the closed form is a small difference of large terms.
    """
    far = z > TAIL_FROM
    near = np.where(far, 0.0, z)
    beyond = np.where(far, np.minimum(z, 1e150), TAIL_FROM)
    density = np.exp(-(np.minimum(z, 1e150) ** 2) / 2) / np.sqrt(2 * np.pi)
    exceeding = special.ndtr(-near)
    first = density - near * exceeding
    second = ((near**2 + 1) * exceeding - near * density) / 2
    if not far.any():
        return first, second
    ratio = 1 / beyond
    for n in range(TAIL_TERMS, 2, -1):
        ratio = 1 / (beyond + (n + 1) * ratio)
    ratio_2 = 1 / (beyond + 3 * ratio)
    ratio_1 = 1 / (beyond + 2 * ratio_2)
    ratio_0 = 1 / (beyond + ratio_1)
    first_far = density * ratio_0 * ratio_1
    return np.where(far, first_far, first), np.where(far, first_far * ratio_2, second)


def _mills(z: FloatArray) -> FloatArray:
    """(1 − Φ(z))/φ(z)."""
    ratio: FloatArray = np.sqrt(np.pi / 2) * special.erfcx(z / np.sqrt(2))
    return ratio


def _over(value: FloatArray, unit: FloatArray) -> FloatArray:
    """value/unit, where a unit of zero leaves 0 for zero and infinity for all else."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(value == 0, 0.0, value / unit)


# Densities that keep their digits for large means: Loader (2000), Fast and accurate computation of binomial
# probabilities. The exponent is a sum of small deviations instead of a difference of large logarithms.


def _poisson_density(x: FloatArray, mean: FloatArray) -> FloatArray:
    """mean^x e^(−mean)/Γ(x + 1), at any x ≥ 0."""
    positive = np.where(x > 0, x, 1.0)
    rate = np.where(mean > 0, mean, 1.0)
    density = np.exp(-_stirling_error(positive) - _deviance(positive, positive - rate, rate))
    density = density / np.sqrt(2 * np.pi * positive)
    return np.where(x > 0, np.where(mean > 0, density, 0.0), np.exp(-mean))


def _counts_density(k: FloatArray, r: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    """P(X = k) of the negative binomial, at whole k ≥ 0."""
    some = (r > 0) & (q > 0)
    count, failing = np.where(some, r, 1.0), np.where(some, q, 0.5)
    succeeding = np.where(some, p, 0.5)
    positive = np.where(k > 0, k, 1.0)
    total = positive + count
    above = succeeding * positive - count * failing  # k − (k + r) q, and r − (k + r) p with the other sign
    exponent = (
        _stirling_error(total)
        - _stirling_error(positive)
        - _stirling_error(count)
        - _deviance(positive, above, total * failing)
        - _deviance(count, -above, total * succeeding)
    )
    density = np.exp(exponent) * np.sqrt(count / (2 * np.pi * positive * total))
    density = np.where(k > 0, density, np.exp(count * _log_success(succeeding, failing)))
    return np.where(some, density, np.where(k > 0, 0.0, 1.0))


def _log_success(p: FloatArray, q: FloatArray) -> FloatArray:
    return np.where(q < 0.5, np.log1p(-np.minimum(q, 0.5)), np.log(p))


def _binomial_density(k: FloatArray, n: FloatArray, p: FloatArray) -> FloatArray:
    """P(X = k) of the binomial, at whole k from 0 to n."""
    inside = (k > 0) & (k < n) & (p > 0) & (p < 1)
    hits, misses = np.where(inside, k, 1.0), np.where(inside, n - k, 1.0)
    total = hits + misses
    hit = np.where(inside, p, 0.5)
    above = hits - total * hit
    exponent = (
        _stirling_error(total)
        - _stirling_error(hits)
        - _stirling_error(misses)
        - _deviance(hits, above, total * hit)
        - _deviance(misses, -above, total * (1 - hit))
    )
    density = np.exp(exponent) * np.sqrt(total / (2 * np.pi * hits * misses))
    edge = np.exp(special.xlog1py(n - k, -p) + special.xlogy(k, p))
    return np.where(inside, density, edge)


def _deviance(x: FloatArray, above: FloatArray, centre: FloatArray) -> FloatArray:
    """x ln(x/centre) − above, where above = x − centre: small near the centre."""
    deviance: FloatArray = x * np.log1p(above / centre) - above
    return deviance


def _stirling_error(x: FloatArray) -> FloatArray:
    """ln Γ(x + 1) less Stirling's approximation of it."""
    small = np.where(x < SERIES_FROM, x, 1.0)
    large = np.where(x < SERIES_FROM, SERIES_FROM, x)
    direct = special.gammaln(small + 1) - (small + 0.5) * np.log(small) + small - HALF_LOG_TAU
    square = large * large
    series = (
        1 / 12
        - (1 / 360 - (1 / 1260 - (1 / 1680 - (1 / 1188 - 691 / 360360 / square) / square) / square) / square) / square
    ) / large
    error: FloatArray = np.where(x < SERIES_FROM, direct, series)
    return error


def _whole(x: ArrayLike) -> FloatArray:
    k = figures(x, "x", least=0.0)
    require(k == np.floor(k), "x must be a whole number", k)
    return k
