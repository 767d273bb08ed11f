"""Expected shortage as a function of the reorder point, from quantiles of lead-time demand."""

from dataclasses import dataclass

import numpy as np

from optimization.arrays import FloatArray, IntArray

TAIL_STEPS = 4
TAIL_FACTOR = 4.0


@dataclass(frozen=True)
class ShortageCurves:
    """n(r) = E[(X − r)+] per SKU: convex, falling, linear between whole numbers called knots.

    Attributes:
        knots: Reorder points from 0 up, never falling along a row, shape (sku, knot).
        shortage: n at the knots, units per replenishment cycle, shape (sku, knot).
    """

    knots: IntArray
    shortage: FloatArray

    def widths(self) -> IntArray:
        """Units between successive knots, shape (sku, knot − 1)."""
        widths: IntArray = np.diff(self.knots, axis=1)
        return widths

    def slopes(self) -> FloatArray:
        """Shortage avoided per unit of reorder point between knots, falling along a row; 0 at no width."""
        slopes: FloatArray = -np.diff(self.shortage, axis=1) / np.maximum(self.widths(), 1)
        return slopes

    def at(self, reorder_point: FloatArray | IntArray) -> FloatArray:
        """n at one reorder point per SKU, shape (sku,); constant beyond the last knot."""
        covered = np.clip(reorder_point[:, None] - self.knots[:, :-1], 0, self.widths())
        short: FloatArray = self.shortage[:, 0] - (covered * self.slopes()).sum(axis=1)
        return short

    def lowest_reorder_point(self, most_short: FloatArray) -> IntArray:
        """Smallest whole r with n(r) ≤ most_short, shape (sku,); −1 where no knot is high enough."""
        reached = self.shortage <= most_short[:, None] * (1 + 1e-12)
        first = np.argmax(reached, axis=1)
        rows = np.arange(len(self.knots))
        before = np.maximum(first - 1, 0)
        excess = self.shortage[rows, before] - most_short
        slope = self.slopes()[rows, before]
        inside = self.knots[rows, before] + np.ceil(excess / np.where(slope > 0, slope, 1.0) - 1e-9)
        lowest = np.where(first == 0, 0, np.minimum(inside, self.knots[rows, first]))
        return np.where(reached.any(axis=1), lowest, -1).astype(np.int64)


def shortage_curves(levels: FloatArray, quantiles: IntArray, mean: FloatArray) -> ShortageCurves:
    """Shortage curves of whole-number demand known by its mean and some quantiles.

    P(X > q) is taken as 1 − level at each quantile (at the highest of the levels that share it), and as
    geometric on the whole numbers between two quantiles. So where the levels are the distribution's own
    cumulative probabilities the curve is exact, and elsewhere each gap's probability is spread over it.
    Beyond the last quantile the decay of the last gap goes on: `TAIL_STEPS` more knots, each leaving a
    quarter of the probability, and what lies beyond them stays short whatever is stocked.

    n(0) is the mean. A quantile of whole-number demand is rounded up, by up to a unit: where they say
    more than the mean does, demand is taken to be lower by as much of a unit as reconciles them (nothing for
    exact cumulative probabilities), and beyond that the whole curve is scaled down. Where they say less, the
    tail beyond the last quantile is heavier by the difference. Between 0 and the first quantile the curve is
    a straight line, which is never reached by a fill rate worth asking for.

    Args:
        levels: Probabilities ascending in (0, 1), shape (level,).
        quantiles: Units ≥ 0, never falling along a row, shape (sku, level).
        mean: Mean demand, units, > 0, shape (sku,).
    """
    nothing = np.zeros((len(mean), 1), dtype=np.int64)
    exceeding = _exceeding(levels, quantiles)
    exceeding_before = np.concatenate((nothing + 1.0, exceeding[:, :-1]), axis=1)
    width = np.diff(quantiles, axis=1, prepend=-1)
    decay = (exceeding / exceeding_before) ** (1.0 / np.maximum(width, 1))
    is_falling = decay < 1  # levels may differ by less than a float can tell apart from 1
    avoided = np.where(
        is_falling, (exceeding_before - exceeding) / np.where(is_falling, 1 - decay, 1.0), exceeding * width
    )
    above_first = np.concatenate((np.cumsum(avoided[:, :0:-1], axis=1)[:, ::-1], nothing), axis=1)

    last_gap = len(levels) - 1 - np.argmax(is_falling[:, ::-1], axis=1)
    tail = exceeding[:, -1] / (1 - decay[np.arange(len(mean)), last_gap])
    first = quantiles[:, 0]
    below_first = _expected_below_first(levels, quantiles)
    tail += np.maximum(mean - (above_first[:, 0] + tail + first), 0.0)
    rounded_up = (above_first[:, 0] + tail) - (mean - first + below_first)
    rounded_up = np.clip(rounded_up / exceeding[:, 0], 0.0, 1.0)

    tail_decay = 1 - exceeding[:, -1] / np.maximum(tail, exceeding[:, -1] * (1 + 1e-12))
    step = np.ceil(np.log(TAIL_FACTOR) / -np.log(tail_decay)).astype(np.int64)
    beyond = step[:, None] * np.arange(1, TAIL_STEPS + 1)
    fading = tail_decay[:, None] ** beyond
    exceeding = np.concatenate((exceeding, exceeding[:, -1:] * fading), axis=1)
    shortage = np.concatenate((above_first + tail[:, None], tail[:, None] * fading), axis=1)
    shortage -= rounded_up[:, None] * exceeding
    at_zero = np.clip(mean, shortage[:, 0] + first * exceeding[:, 0], shortage[:, 0] + first)
    shortage = np.concatenate((at_zero[:, None], shortage), axis=1)
    return ShortageCurves(
        knots=np.concatenate((nothing, quantiles, quantiles[:, -1:] + beyond), axis=1),
        shortage=shortage * np.minimum(mean / at_zero, 1.0)[:, None],
    )


def _exceeding(levels: FloatArray, quantiles: IntArray) -> FloatArray:
    """P(X > quantile), shape (sku, level): one minus the highest level with that same quantile."""
    exceeding: FloatArray = np.broadcast_to(1 - levels, quantiles.shape).copy()
    for column in range(len(levels) - 2, -1, -1):
        same = quantiles[:, column] == quantiles[:, column + 1]
        exceeding[same, column] = exceeding[same, column + 1]
    return exceeding


def _expected_below_first(levels: FloatArray, quantiles: IntArray) -> FloatArray:
    """E[(q₁ − X)+] below the first quantile, were the first gap's fall of P(X ≤ x) to go on; shape (sku,)."""
    first = quantiles[:, 0]
    if len(levels) == 1:
        return np.asarray(first * levels[0])
    rises = quantiles > first[:, None]
    above = np.where(rises.any(axis=1), np.argmax(rises, axis=1), len(levels) - 1)
    shared = levels[np.maximum(above - 1, 0)]
    gap = quantiles[np.arange(len(first)), above] - first
    decay = (shared / levels[above]) ** (1.0 / np.maximum(gap, 1))
    return np.asarray(np.minimum(first * levels[0], levels[0] * decay / np.maximum(1 - decay, 1e-12)))
