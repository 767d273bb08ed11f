"""Demand that comes in whole units: its probabilities, and the units short or left at every whole level."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.compiled import kernel
from optimization.figures import figures, require

NEGLIGIBLE = 1e-30
LARGEST = 1e250


@dataclass(frozen=True)
class CountDemand:
    """Probabilities of whole numbers, per SKU a run without gaps; they sum to 1.

    What is left out beyond both ends is less than 1e-30 of the greatest probability per number.

    Attributes:
        first: Lowest number of the run, shape () or (sku,) or any other.
        offsets: Where each SKU's run starts in `probabilities`, and at last where the last one ends,
            shape (number of SKUs + 1,).
        probabilities: All runs one after the other.
    """

    first: IntArray
    offsets: IntArray
    probabilities: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the SKUs."""
        return self.first.shape

    def run(self, sku: int) -> FloatArray:
        """Probabilities of first, first + 1, … of one SKU, counted through if the shape has several axes."""
        return self.probabilities[self.offsets[sku] : self.offsets[sku + 1]]

    def mean(self) -> FloatArray:
        """Expected units, of the SKUs' shape."""
        numbers = np.arange(len(self.probabilities)) - np.repeat(self.offsets[:-1], np.diff(self.offsets))
        above: FloatArray = np.add.reduceat(numbers * self.probabilities, self.offsets[:-1])
        return np.asarray(self.first + above.reshape(self.shape))


class CountRuns(NamedTuple):
    """A `CountDemand` with its SKUs counted through, as kernels take it."""

    first: IntArray
    offsets: IntArray
    probabilities: FloatArray


class CountLosses(NamedTuple):
    """Units short E[(X − y)+] and left E[(y − X)+] at each y of the runs, as kernels take them.

    Attributes:
        first, offsets: Those of the demand, its SKUs counted through.
        short: At first, first + 1, …; below the run it rises by 1 per unit, above it is 0.
        left: Likewise; below the run it is 0, above it rises by 1 per unit.
    """

    first: IntArray
    offsets: IntArray
    short: FloatArray
    left: FloatArray


# Named distributions


def poisson_counts(mean: ArrayLike) -> CountDemand:
    """Poisson demand.

    Args:
        mean: Units, ≥ 0.

    Raises:
        ValueError: NaN, infinite or negative.

    >>> poisson_counts(2.0).run(0)[:3].round(4)
    array([0.1353, 0.2707, 0.2707])
    """
    means = figures(mean, "mean", least=0.0)
    return _recursive(means, np.zeros_like(means), start=0)


def negative_binomial_counts(mean: ArrayLike, sd: ArrayLike) -> CountDemand:
    """Negative binomial demand with this mean and sd; Poisson where sd² equals the mean.

    Args:
        mean: μ, units, ≥ 0.
        sd: σ, units, with σ² ≥ μ (up to rounding); 0 where μ is 0. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite, negative, or σ² below μ.

    >>> demand = negative_binomial_counts(2.0, 2.0)
    >>> demand.run(0)[:3]
    array([0.25  , 0.25  , 0.1875])
    """
    means, sds = np.broadcast_arrays(figures(mean, "mean", least=0.0), figures(sd, "sd", least=0.0))
    variances = sds**2
    require(variances >= means * (1 - 1e-9), "sd² of negative binomial demand must be at least its mean", variances)
    require((means > 0) | (sds == 0), "sd must be 0 where the mean is 0", sds)
    variances = np.maximum(variances, means)
    safe = np.where(variances > 0, variances, 1.0)
    return _recursive(means * (means / safe), (variances - means) / safe, start=0)


def geometric_counts(mean: ArrayLike) -> CountDemand:
    """Geometric numbers 1, 2, …: customers who take so many units on average.

    Args:
        mean: Units, ≥ 1.

    Raises:
        ValueError: NaN, infinite or below 1.

    >>> geometric_counts(2.0).run(0)[:3]
    array([0.5  , 0.25 , 0.125])
    """
    means = figures(mean, "mean", least=1.0)
    ratio = (means - 1) / means
    return _recursive(ratio, ratio, start=1)


def logarithmic_counts(ratio: ArrayLike) -> CountDemand:
    """Logarithmic-series numbers 1, 2, …: P(k) is proportional to ratio^k / k.

    Args:
        ratio: From 0 up to, not including, 1.

    Raises:
        ValueError: NaN or outside [0, 1).

    >>> logarithmic_counts(0.5).run(0)[:3].round(4)
    array([0.7213, 0.1803, 0.0601])
    """
    ratios = figures(ratio, "ratio", least=0.0, most=1.0, exclude_most=True)
    return _recursive(np.zeros_like(ratios), ratios, start=1)


def counts_from_pmf(pmf: ArrayLike) -> CountDemand:
    """Demand given by its probabilities.

    Args:
        pmf: pmf[..., k] is the probability of k units, ≥ 0, shape (units,) or (sku, units); rows sum to 1 within
            1e-6 and are then scaled to do so exactly.

    Raises:
        ValueError: NaN, negative, no units at all, or a row that does not sum to 1.

    >>> counts_from_pmf([0.0, 0.5, 0.5]).mean()
    array(1.5)
    """
    given = figures(pmf, "pmf", least=0.0)
    if given.ndim == 0 or given.shape[-1] == 0:
        raise ValueError(f"pmf must have shape (units,) or (sku, units), got {given.shape}")
    totals = given.sum(axis=-1)
    require(np.abs(totals - 1) <= 1e-6, "pmf must sum to 1", totals)
    rows = given.reshape(-1, given.shape[-1])
    return joined([(0, row) for row in rows], given.shape[:-1])


def compound_poisson_counts(customers: ArrayLike, batch: CountDemand) -> CountDemand:
    """Units that a Poisson number of customers take, who each take a batch of their own.

    With geometric batches this is the stuttering Poisson, with logarithmic ones the negative binomial distribution.

    Args:
        customers: Expected number of customers, ≥ 0.
        batch: Units one customer takes. Shapes broadcast.

    Raises:
        ValueError: NaN, infinite or negative.

    Source: Panjer (1981), Recursive evaluation of a family of compound distributions.

    >>> compound_poisson_counts(1.0, counts_from_pmf([0.0, 0.0, 1.0])).run(0)[:5].round(4)
    array([0.3679, 0.    , 0.3679, 0.    , 0.1839])
    """
    expected = figures(customers, "customers", least=0.0)
    shape = np.broadcast_shapes(expected.shape, batch.shape)
    rows = sku_rows(batch.shape, shape)
    many = np.broadcast_to(expected, shape).ravel()
    runs = [
        (0, _compound(float(one), int(batch.first.flat[row]), batch.run(int(row))))
        for one, row in zip(many, rows, strict=True)
    ]
    return joined(runs, shape)


# Sums and mixtures


def mixed_counts(laws: Iterable[CountDemand], weights: Sequence[ArrayLike]) -> CountDemand:
    """Demand that follows one of several laws, each with its probability: over a lead time that varies, say.

    Args:
        laws: One law per possibility, of one shape.
        weights: The probability of each, ≥ 0, of the SKUs' shape or single; they sum to 1 per SKU.

    Raises:
        ValueError: No law, laws of different shapes or numbers, or weights that do not sum to 1.

    >>> mixed_counts([poisson_counts(2.0), poisson_counts(4.0)], [0.5, 0.5]).mean().round(9)
    np.float64(3.0)
    """
    given = list(laws)
    if not given or len(given) != len(weights):
        raise ValueError(f"as many weights as laws are needed, and one at least, got {len(weights)} and {len(given)}")
    shape = given[0].shape
    if any(law.shape != shape for law in given):
        raise ValueError(f"laws must have one shape, got {[law.shape for law in given]}")
    shares = np.stack([np.broadcast_to(figures(weight, "weights", least=0.0), shape).ravel() for weight in weights])
    totals = shares.sum(axis=0)
    require(np.abs(totals - 1) <= 1e-9, "weights must sum to 1", totals.reshape(shape))
    return joined([_mixed_run(given, shares[:, sku], sku) for sku in range(shares.shape[1])], shape)


def _mixed_run(laws: Sequence[CountDemand], shares: FloatArray, sku: int) -> tuple[int, FloatArray]:
    taken = [(int(law.first.flat[sku]), law.run(sku), share) for law, share in zip(laws, shares, strict=True) if share]
    lowest = min(first for first, _, _ in taken)
    run = np.zeros(max(first + len(run) for first, run, _ in taken) - lowest)
    for first, one, share in taken:
        run[first - lowest : first - lowest + len(one)] += share * one
    return lowest, run


def summed_counts(law: CountDemand, periods: IntArray) -> CountDemand:
    """Demand of several independent periods together.

    Args:
        law: Demand of one period.
        periods: How many, ≥ 0, of the SKUs' shape.

    >>> summed_counts(counts_from_pmf([0.5, 0.5]), np.array(2)).run(0)
    array([0.25, 0.5 , 0.25])
    """
    numbers = np.broadcast_to(periods, law.shape).ravel()
    return joined([_power(law, sku, int(number)) for sku, number in enumerate(numbers)], law.shape)


def _power(law: CountDemand, sku: int, periods: int) -> tuple[int, FloatArray]:
    total, squared = np.ones(1), law.run(sku)
    left = periods
    while left:
        if left % 2:
            total = np.convolve(total, squared)
        left //= 2
        if left:
            squared = np.convolve(squared, squared)
    return periods * int(law.first.flat[sku]), total


# Building blocks


def joined(runs: Sequence[tuple[int, FloatArray]], shape: tuple[int, ...]) -> CountDemand:
    """Demand of SKUs from each one's lowest number and probabilities; negligible ends are cut, sums made 1."""
    kept = [_cut(first, run) for first, run in runs]
    offsets = np.zeros(len(kept) + 1, dtype=np.int64)
    np.cumsum([len(run) for _, run in kept], out=offsets[1:])
    return CountDemand(
        first=np.array([first for first, _ in kept], dtype=np.int64).reshape(shape),
        offsets=offsets,
        probabilities=np.concatenate([run for _, run in kept]) if kept else np.zeros(0),
    )


def _cut(first: int, run: FloatArray) -> tuple[int, FloatArray]:
    kept = np.flatnonzero(run > NEGLIGIBLE * run.max())
    inside = run[kept[0] : kept[-1] + 1]
    return first + int(kept[0]), inside / inside.sum()


def sku_rows(shape: tuple[int, ...], wanted: tuple[int, ...]) -> IntArray:
    """Which SKU of a law of one shape counts at each place of a shape it broadcasts to, counted through."""
    rows = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    return np.ascontiguousarray(np.broadcast_to(rows, wanted)).ravel()


def count_runs(demand: CountDemand) -> CountRuns:
    """The probabilities as kernels take them."""
    return CountRuns(demand.first.ravel(), demand.offsets, demand.probabilities)


def count_losses(demand: CountDemand) -> CountLosses:
    """Units short and left at each level, summed from the far end so that tails keep their digits."""
    short, left = _losses(demand.offsets, demand.probabilities)
    return CountLosses(demand.first.ravel(), demand.offsets, short, left)


def _recursive(a: FloatArray, b: FloatArray, *, start: int) -> CountDemand:
    first, sizes = _run_sizes(a.ravel(), b.ravel(), start)
    offsets = np.zeros(a.size + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    probabilities = _filled_runs(a.ravel(), b.ravel(), start, first, offsets)
    return CountDemand(first=first.reshape(a.shape), offsets=offsets, probabilities=probabilities)


@kernel
def _most_likely(a: float, b: float, start: int) -> int:
    """First number whose successor is no likelier."""
    return max(start, int(np.ceil((a - 1) / (1 - b))))


@kernel
def _run_sizes(a: FloatArray, b: FloatArray, start: int) -> tuple[IntArray, IntArray]:
    """Where runs start that go from k to k + 1 by the factor (a + b k)/(k + 1), and how long they are."""
    first = np.empty(len(a), np.int64)
    sizes = np.empty(len(a), np.int64)
    for sku in range(len(a)):
        mode = _most_likely(a[sku], b[sku], start)
        k, p = mode, 1.0
        while k > start and p > NEGLIGIBLE:
            p *= k / (a[sku] + b[sku] * (k - 1))
            k -= 1
        first[sku] = k
        k, p = mode, 1.0
        while p > NEGLIGIBLE:
            p *= (a[sku] + b[sku] * k) / (k + 1)
            k += 1
        sizes[sku] = max(k - first[sku], 1)
    return first, sizes


@kernel
def _filled_runs(a: FloatArray, b: FloatArray, start: int, first: IntArray, offsets: IntArray) -> FloatArray:
    runs = np.empty(offsets[-1])
    for sku in range(len(a)):
        mode = _most_likely(a[sku], b[sku], start)
        low, high = offsets[sku], offsets[sku + 1]
        at = low + mode - first[sku]
        runs[at] = 1.0
        for i in range(at - 1, low - 1, -1):
            k = first[sku] + i - low
            runs[i] = runs[i + 1] * (k + 1) / (a[sku] + b[sku] * k)
        for i in range(at + 1, high):
            k = first[sku] + i - low
            runs[i] = runs[i - 1] * (a[sku] + b[sku] * (k - 1)) / k
        total = 0.0
        for i in range(low, high):
            total += runs[i]
        for i in range(low, high):
            runs[i] /= total
    return runs


@kernel
def _compound(customers: float, first: int, batch: FloatArray) -> FloatArray:
    """Panjer's recursion from 0 up, without its common factor; until a whole batch's length is negligible."""
    last = first + len(batch) - 1
    mean = 0.0
    for i in range(len(batch)):
        mean += customers * (first + i) * batch[i]
    room = np.int64(64 + 2 * mean)
    run = np.zeros(room)
    run[0] = 1.0
    top, quiet, n = 1.0, 0, 0
    while last > 0 and customers > 0 and (n < mean or quiet <= last):
        n += 1
        if n == room:
            run = np.concatenate((run, np.zeros(room)))
            room *= 2
        total = 0.0
        for k in range(max(first, 1), min(last, n) + 1):
            total += k * batch[k - first] * run[n - k]
        run[n] = customers / n * total
        if run[n] > LARGEST:
            run[: n + 1] /= LARGEST
            top /= LARGEST
        top = max(top, run[n])
        quiet = quiet + 1 if run[n] <= NEGLIGIBLE * top else 0
    return run[: n + 1]


@kernel
def _losses(offsets: IntArray, probabilities: FloatArray) -> tuple[FloatArray, FloatArray]:
    short = np.empty(len(probabilities))
    left = np.empty(len(probabilities))
    for sku in range(len(offsets) - 1):
        low, high = offsets[sku], offsets[sku + 1]
        exceeding = 0.0
        short[high - 1] = 0.0
        for i in range(high - 2, low - 1, -1):
            exceeding += probabilities[i + 1]
            short[i] = short[i + 1] + exceeding
        reached = 0.0
        left[low] = 0.0
        for i in range(low + 1, high):
            reached += probabilities[i - 1]
            left[i] = left[i - 1] + reached
    return short, left


@kernel
def short_at(level: int, sku: int, losses: CountLosses) -> float:
    """E[(X − level)+] of one SKU."""
    low, high = losses.offsets[sku], losses.offsets[sku + 1]
    i = level - losses.first[sku]
    if i < 0:
        return float(losses.short[low] - i)
    return float(losses.short[low + i]) if i < high - low else 0.0


@kernel
def left_at(level: int, sku: int, losses: CountLosses) -> float:
    """E[(level − X)+] of one SKU."""
    low, high = losses.offsets[sku], losses.offsets[sku + 1]
    i = level - losses.first[sku]
    if i >= high - low:
        return float(losses.left[high - 1] + (i - (high - low - 1)))
    return float(losses.left[low + i]) if i >= 0 else 0.0


@kernel
def cost_at(level: int, sku: int, holding_cost: float, shortage_cost: float, losses: CountLosses) -> float:
    """Expected cost of what is left and short at a level; convex in it."""
    return holding_cost * left_at(level, sku, losses) + shortage_cost * short_at(level, sku, losses)


@kernel
def cheapest_level(sku: int, holding_cost: float, shortage_cost: float, losses: CountLosses) -> int:
    """Lowest level of least `cost_at`."""
    level = losses.first[sku]
    here = cost_at(level, sku, holding_cost, shortage_cost, losses)
    while True:
        above = cost_at(level + 1, sku, holding_cost, shortage_cost, losses)
        if above >= here:
            return int(level)
        level, here = level + 1, above
