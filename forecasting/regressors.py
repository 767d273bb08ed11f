"""What promotions, prices, holidays and other things known ahead do to demand."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forecasting.compiled import inline, kernel
from forecasting.panel import BoolArray, FloatArray, IntArray, Panel

LEVEL_PERIODS = 26
"""Periods within which the level is taken as constant, so that effects are told from drift."""

WIDEST_EFFECT = 1.0
"""Standard deviation of the logarithm of effects where no data tell: e^1 is near three times as much demand."""

LEAST_EFFECT_VARIANCE = 1e-4
"""Variance of effects between items (of the logarithm) that is always allowed: 1 % each way."""

MOST_TIMES = 20.0
"""A multiplier lies between 1 / this and this, whatever the columns."""

_ROUNDS, _TOLERANCE = 30, 1e-6


@dataclass(frozen=True)
class EffectPool:
    """What effects are like over many items.

    Attributes:
        names: The columns, in order.
        labels: Group of each row; the row after the last label is that of all items together.
        mean: Logarithm of the multiplier per unit of each column, shape (labels + 1, column).
        variance: Of items around it, same shape.
        error: Variance of the mean itself, same shape.
    """

    names: tuple[str, ...]
    labels: tuple[Hashable, ...]
    mean: FloatArray
    variance: FloatArray
    error: FloatArray


@dataclass(frozen=True)
class RegressorEffects:
    """Effects per series: demand = baseline · exp(Σ coefficient · column).

    Attributes:
        names: The columns, in order.
        coefficients: Logarithm of the multiplier per unit of each column, shape (series, column).
        standard_errors: Of these, the pool's uncertainty included, shape (series, column).
        baseline: Demand with the effects taken out, shaped like the panel's values, NaN where unknown.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    standard_errors: FloatArray
    baseline: FloatArray

    def multiplier(self, columns: Mapping[str, ArrayLike]) -> FloatArray:
        """What periods to come multiply the baseline by, within [1 / `MOST_TIMES`, `MOST_TIMES`].

        Args:
            columns: Each of names, shape (series, horizon) or, alike for all series, (horizon,).

        Raises:
            ValueError: A column is missing or unknown, holds NaN or infinity, or has another shape.
        """
        _refuse_other_names(columns, self.names)
        series = len(self.coefficients)
        given = {name: np.asarray(columns[name], dtype=np.float64) for name in self.names}
        horizons = {one.shape[-1] if one.ndim in (1, 2) else -1 for one in given.values()}
        if len(horizons) != 1 or -1 in horizons:
            shapes = ", ".join(f"{name} {one.shape}" for name, one in given.items())
            raise ValueError(f"columns must have the shape ({series}, horizon) or (horizon,), got {shapes}")
        exponent = np.zeros((series, horizons.pop()))
        for number, (name, one) in enumerate(given.items()):
            if one.ndim == 2 and one.shape[0] != series:
                raise ValueError(f"column {name} must have a row per series ({series}), got {one.shape[0]}")
            if not np.isfinite(one).all():
                raise ValueError(f"column {name} must be finite, got {one[~np.isfinite(one)][0]}")
            exponent += self.coefficients[:, number, None] * one
        return _bounded_exp(exponent)


@dataclass(frozen=True)
class RelativePrice:
    """Logarithm of price over the usual price, as a column for `regressor_effects`.

    Attributes:
        column: Shaped like the panel's values; 0 at the usual price and where the price is unknown.
        usual: Median price of each series, shape (series,); NaN if none is known.
    """

    column: FloatArray
    usual: FloatArray

    def ahead(self, price: ArrayLike) -> FloatArray:
        """The same for prices to come, shape (series, horizon); NaN = the usual price."""
        given = np.asarray(price, dtype=np.float64)
        if given.ndim != 2 or len(given) != len(self.usual):
            raise ValueError(f"price must have the shape ({len(self.usual)}, horizon), got {given.shape}")
        if (given <= 0).any() or np.isinf(given).any():
            raise ValueError(f"price must be finite and above 0, got {given[(given <= 0) | np.isinf(given)][0]}")
        return np.nan_to_num(np.log(given / self.usual[:, None]))


def relative_price(panel: Panel, price: ArrayLike) -> RelativePrice:
    """Prices made comparable across items; its coefficient is the price elasticity.

    Args:
        panel: The series.
        price: Shaped like `panel.values`, above 0; NaN = not known, taken as the usual one.

    Raises:
        ValueError: price has another shape, or is not finite and above 0 where known.
    """
    given = np.asarray(price, dtype=np.float64)
    if given.shape != panel.values.shape:
        raise ValueError(f"price must be shaped like the panel's values {panel.values.shape}, got {given.shape}")
    _refuse(panel, (given <= 0) | np.isinf(given), given, "price of {} must be finite and above 0, got {}")
    usual = np.full(len(panel.ids), np.nan)
    for series in range(len(panel.ids)):
        own = given[panel.offsets[series] : panel.offsets[series + 1]]
        own = own[~np.isnan(own)]
        if len(own):
            usual[series] = np.median(own)
    return RelativePrice(np.nan_to_num(np.log(given / np.repeat(usual, panel.lengths))), usual)


def pooled_effects(
    panel: Panel,
    columns: Mapping[str, ArrayLike],
    *,
    groups: Sequence[Hashable] | None = None,
    multipliers: ArrayLike | None = None,
) -> EffectPool:
    """Effects common to a group of items, and how much items differ from it.

    The mean maximises the sum of the items' likelihoods (see `regressor_effects`), each over the dispersion of its
    demand, with a weak normal prior around 0 (`WIDEST_EFFECT`). The variance between items is what the scores of the
    items scatter more than their information explains.

    Args:
        panel: Units demanded.
        columns: Name to numbers shaped like `panel.values`, known for every period: 1 or 0 for a promotion or a
            holiday, a discount, `relative_price`; 0 must mean "as usual".
        groups: Group of each series, such as its category.
        multipliers: Seasonal or other multipliers already known, shaped like values.

    Raises:
        ValueError: A column or multiplier has another shape or is not finite, a multiplier is not above 0, there is no
            column, or groups are not one per series.
    """
    names, matrix, exposure = _checked(panel, columns, multipliers)
    label = [None] * len(panel.ids) if groups is None else list(groups)
    if len(label) != len(panel.ids):
        raise ValueError(f"groups must be one per series ({len(panel.ids)}), got {len(label)}")
    labels = () if groups is None else tuple(dict.fromkeys(label))
    number = {one: row for row, one in enumerate(labels)}
    rows = len(labels) + 1
    mean, variance, error = (np.zeros((rows, len(names))) for _ in range(3))
    group = np.array([number.get(one, 0) for one in label], dtype=np.int64)
    for row in range(rows):
        members = np.flatnonzero(group == row) if row < len(labels) else np.arange(len(panel.ids))
        mean[row], variance[row], error[row] = _pooled(panel, matrix, exposure, members)
    return EffectPool(names, labels, mean, variance, error)


def regressor_effects(
    panel: Panel,
    columns: Mapping[str, ArrayLike],
    *,
    pool: EffectPool,
    groups: Sequence[Hashable] | None = None,
    multipliers: ArrayLike | None = None,
) -> RegressorEffects:
    """Effects of each item, shrunk to those of its pool by as much as its own history leaves open.

    Demand of a period is level · multiplier · exp(Σ coefficient · column), with variance proportional to its mean. The
    level is free in every block of `LEVEL_PERIODS` periods: given the block's total, demand is spread over its periods
    in proportion to the rest (the Poisson likelihood with the level profiled out), so zeros need no logarithm. The
    coefficients are those most likely given that and the normal law of the pool around its mean.

    Args:
        panel: Units demanded.
        columns: As for `pooled_effects`.
        pool: What effects are like elsewhere; estimate it from the same or another panel with `pooled_effects`.
        groups: Group of each series; a group that the pool does not have takes the pool of all items.
        multipliers: As for `pooled_effects`.

    Raises:
        ValueError: As for `pooled_effects`, or the columns are not those of the pool.

    Source: Gourieroux, Monfort & Trognon (1984), Econometrica 52 (Poisson pseudo-likelihood); Hausman, Hall & Griliches
        (1984), Econometrica 52 (the likelihood given totals).
    """
    _refuse_other_names(columns, pool.names)
    names, matrix, exposure = _checked(panel, {name: columns[name] for name in pool.names}, multipliers)
    everyone = len(pool.labels)
    number = {one: row for row, one in enumerate(pool.labels)}
    label = [None] * len(panel.ids) if groups is None else list(groups)
    if len(label) != len(panel.ids):
        raise ValueError(f"groups must be one per series ({len(panel.ids)}), got {len(label)}")
    row = np.array([number.get(one, everyone) if groups is not None else everyone for one in label], dtype=np.int64)
    spread = pool.variance[row] + pool.error[row]
    coefficients, errors = np.empty((len(panel.ids), len(names))), np.empty((len(panel.ids), len(names)))
    _fit_all(panel.values, exposure, matrix, panel.offsets, pool.mean[row], spread, coefficients, errors)
    exponent = (matrix * np.repeat(coefficients, panel.lengths, axis=0)).sum(axis=1)
    return RegressorEffects(names, coefficients, errors, panel.values / _bounded_exp(exponent))


def _bounded_exp(exponent: FloatArray) -> FloatArray:
    most = math.log(MOST_TIMES)
    multiplier: FloatArray = np.exp(np.clip(exponent, -most, most))
    return multiplier


def _refuse_other_names(columns: Mapping[str, ArrayLike], names: Sequence[str]) -> None:
    if set(columns) != set(names):
        raise ValueError(f"columns must be {', '.join(names)}, got {', '.join(columns) or 'none'}")


def _refuse(panel: Panel, refused: BoolArray, values: FloatArray, message: str) -> None:
    if refused.any():
        first = int(np.flatnonzero(refused)[0])
        series = int(np.searchsorted(panel.offsets, first, side="right")) - 1
        raise ValueError(message.format(repr(panel.ids[series]), values[first]))


def _checked(
    panel: Panel, columns: Mapping[str, ArrayLike], multipliers: ArrayLike | None
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Names, columns side by side of shape (total, column), and multipliers."""
    if not columns:
        raise ValueError("columns must hold at least one column, got none")
    matrix = np.empty((len(panel.values), len(columns)))
    for number, (name, column) in enumerate(columns.items()):
        given = np.asarray(column, dtype=np.float64)
        if given.shape != panel.values.shape:
            raise ValueError(f"column {name} must be shaped like the panel's values, got {given.shape}")
        _refuse(panel, ~np.isfinite(given), given, f"column {name} of {{}} must be finite, got {{}}")
        matrix[:, number] = given
    exposure = np.ones(len(panel.values)) if multipliers is None else np.asarray(multipliers, dtype=np.float64)
    if exposure.shape != panel.values.shape:
        raise ValueError(f"multipliers must be shaped like the panel's values, got {exposure.shape}")
    _refuse(panel, ~((exposure > 0) & np.isfinite(exposure)), exposure, "multipliers of {} must be above 0, got {}")
    return tuple(columns), matrix, np.ascontiguousarray(exposure)


def _pooled(
    panel: Panel, matrix: FloatArray, exposure: FloatArray, members: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, variance between items and error of the mean, by Newton's method over the summed likelihoods."""
    k = matrix.shape[1]
    mean = np.zeros(k)
    scores, information = np.empty((len(members), k)), np.empty((len(members), k, k))
    prior = np.eye(k) / WIDEST_EFFECT**2
    for _ in range(_ROUNDS):
        _score_all(panel.values, exposure, matrix, panel.offsets, members, mean, scores, information)
        curvature = information.sum(axis=0) + prior
        step = np.linalg.solve(curvature, scores.sum(axis=0) - prior @ mean)
        longest = np.abs(step).max()
        mean = mean + step * min(1.0, 0.5 / max(longest, 1e-300))
        if longest < _TOLERANCE:
            break
    own = information[:, np.arange(k), np.arange(k)]
    square = (own**2).sum(axis=0)
    surplus = (scores**2 - own).sum(axis=0)
    variance = np.divide(surplus, square, out=np.zeros(k), where=square > 0)
    variance = np.clip(variance, LEAST_EFFECT_VARIANCE, WIDEST_EFFECT**2)
    crowding = 1.0 + variance * np.divide(square, own.sum(axis=0), out=np.zeros(k), where=square > 0)
    return mean, variance, np.diag(np.linalg.inv(curvature)) * crowding


@inline
def _score(
    demand: FloatArray,
    exposure: FloatArray,
    column: FloatArray,
    effect: FloatArray,
    score: FloatArray,
    information: FloatArray,
) -> float:
    """Score and information of the effects, given the block totals, as of Poisson demand; returns its dispersion."""
    n, k = column.shape
    score[:], information[:] = 0.0, 0.0
    squared, total, known, blocks = 0.0, 0.0, 0, 0
    number = max(n // LEVEL_PERIODS, 1)
    weight, mean = np.empty(n), np.empty(k)
    most = math.log(MOST_TIMES)
    for block in range(number):
        first, last = block * n // number, (block + 1) * n // number
        units, scale = 0.0, 0.0
        mean[:] = 0.0
        for t in range(first, last):
            weight[t] = 0.0
            if not np.isnan(demand[t]):
                exponent = 0.0
                for j in range(k):
                    exponent += effect[j] * column[t, j]
                weight[t] = exposure[t] * math.exp(min(max(exponent, -2.0 * most), 2.0 * most))
                units += demand[t]
                scale += weight[t]
                known += 1
        if not units > 1e-100:
            continue
        blocks += 1
        for t in range(first, last):
            if weight[t] > 0:
                share = weight[t] / scale
                for j in range(k):
                    mean[j] += share * column[t, j]
                squared += (demand[t] - units * share) ** 2
        for t in range(first, last):
            if weight[t] > 0:
                expected = units * weight[t] / scale
                for i in range(k):
                    score[i] += (demand[t] - expected) * (column[t, i] - mean[i])
                    for j in range(k):
                        information[i, j] += expected * (column[t, i] - mean[i]) * (column[t, j] - mean[j])
        total += units
    if not total > 1e-100:
        return 1.0
    # Half a period as irregular as a standard deviation of the mean, lest a few alike periods claim certainty.
    usual = total / known
    return (squared / usual + 0.5 * usual) / (max(known - blocks, 0) + 0.5)


@kernel
def _score_all(
    values: FloatArray,
    exposure: FloatArray,
    matrix: FloatArray,
    offsets: IntArray,
    members: IntArray,
    effect: FloatArray,
    scores: FloatArray,
    information: FloatArray,
) -> None:
    for number in range(len(members)):
        first, last = offsets[members[number]], offsets[members[number] + 1]
        dispersion = _score(
            values[first:last], exposure[first:last], matrix[first:last], effect, scores[number], information[number]
        )
        scores[number] /= dispersion
        information[number] /= dispersion


@kernel
def _fit_all(
    values: FloatArray,
    exposure: FloatArray,
    matrix: FloatArray,
    offsets: IntArray,
    mean: FloatArray,
    variance: FloatArray,
    coefficients: FloatArray,
    errors: FloatArray,
) -> None:
    k = matrix.shape[1]
    score, information, prior = np.empty(k), np.empty((k, k)), np.zeros((k, k))
    for series in range(len(offsets) - 1):
        first, last = offsets[series], offsets[series + 1]
        demand, own, column = values[first:last], exposure[first:last], matrix[first:last]
        effect = mean[series].copy()
        for j in range(k):
            prior[j, j] = 1.0 / variance[series, j]
        dispersion = _score(demand, own, column, effect, score, information)
        for _ in range(_ROUNDS):
            step = np.linalg.solve(
                information / dispersion + prior, score / dispersion - (effect - mean[series]) / variance[series]
            )
            longest = np.abs(step).max()
            effect = effect + step * min(1.0, 0.5 / max(longest, 1e-300))
            _score(demand, own, column, effect, score, information)
            if longest < _TOLERANCE:
                break
        coefficients[series] = effect
        inverse = np.linalg.inv(information / dispersion + prior)
        for j in range(k):
            errors[series, j] = math.sqrt(max(inverse[j, j], 0.0))
