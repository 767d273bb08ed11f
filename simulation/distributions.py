"""Distributions of times and quantities, each turned from one uniform number into a value by its inverse.

They are plain frozen data: they can be compared, hashed, written to JSON and read back. Times are days, quantities
units; the executors round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simulation import quantiles
from simulation.arrays import FloatArray
from simulation.quantile_rows import (
    MOST_STEPS,
    Row,
    gamma_curve,
    gamma_is_log,
    negative_binomial_curve,
    negative_binomial_ends,
    negative_binomial_steps,
    poisson_steps,
    step_row,
)
from simulation.quantiles import DistributionTable, value_at, values_at

__all__ = [
    "Distribution",
    "DistributionTable",
    "constant",
    "discrete",
    "distribution_table",
    "empirical",
    "erlang",
    "exponential",
    "gamma",
    "geometric",
    "hyperexponential",
    "lognormal",
    "negative_binomial",
    "normal",
    "poisson",
    "triangular",
    "uniform",
    "value_at",
    "values_at",
]

_SURE = 1e-9
"""How far chances may add up to something else than 1; they are then made to."""

_MOST_MEAN = 1e9
"""Of a Poisson distribution, whose counts are kept in a list."""


@dataclass(frozen=True, repr=False)
class Distribution:
    """Values and how often they come; made by `gamma(mean, sd)` and the other functions of this module.

    Attributes:
        kind: The name of the function that makes it.
        parameters: What that function takes, in its order, where it takes numbers.
        values: Where it takes lists: the values, or the means of a mixture.
        chances: Their probabilities.

    Raises:
        ValueError: parameters that no such distribution has; names the parameter, what was wanted and what came.
    """

    kind: str
    parameters: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"kind of a distribution must be one of {', '.join(_KINDS)}, got {self.kind!r}")
        names = _KINDS[self.kind].names
        if len(self.parameters) != len(names):
            raise ValueError(f"{self.kind} takes {len(names)} parameters, got {len(self.parameters)}")
        for name, value in zip(names, self.parameters, strict=True):
            _need(math.isfinite(value), self.kind, name, "must be finite", value)
        if _KINDS[self.kind].lists:
            _check_lists(self)
        elif self.values or self.chances:
            raise ValueError(f"{self.kind} takes no values or chances")
        _KINDS[self.kind].check(self)

    @property
    def mean(self) -> float:
        """Mean of the values; of a normal distribution, of what is left after all below 0 became 0."""
        return _KINDS[self.kind].moments(self)[0]

    @property
    def sd(self) -> float:
        """Standard deviation of the values."""
        return _KINDS[self.kind].moments(self)[1]

    @property
    def least(self) -> float:
        """Lower end of the values."""
        return _KINDS[self.kind].ends(self)[0]

    @property
    def most(self) -> float:
        """Upper end of the values, infinite for many."""
        return _KINDS[self.kind].ends(self)[1]

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        if self.kind in ("constant", "discrete", "empirical"):
            return all(float(value).is_integer() for value in self.parameters or self.values)
        return self.kind in ("poisson", "geometric", "negative_binomial") or (self.sd == 0 and self.mean.is_integer())

    def scaled(self, factor: float) -> Distribution:
        """The same distribution with `factor` times the mean: lead times twice as long, a tenth less demand.

        Every value grows by the factor, so that with the same luck each delivery takes that much longer. Counts
        stay counts: a Poisson distribution stays one, a geometric too, and a negative binomial keeps its number
        of successes, the ratio mean² / (variance − mean).

        Raises:
            ValueError: a factor that is not positive and finite, or a geometric mean that would fall below 1.
        """
        if not 0 < factor < math.inf:
            raise ValueError(f"factor must be above 0 and finite, got {factor}")
        return _KINDS[self.kind].scale(self, float(factor))

    def quantile(self, u: float) -> float:
        """The value that a share u of all values does not exceed: what the uniform number u is turned into.

        The bits are those of the compiled `value_at`. Beyond the chances that a stream can draw, 2⁻³³ to
        1 − 2⁻³³, tails of counts and gamma distributions end.

        >>> exponential(mean=2.0).quantile(0.5)
        1.3862943611198906

        Raises:
            ValueError: u not strictly between 0 and 1.
        """
        if not 0 < u < 1:
            raise ValueError(f"u must lie strictly between 0 and 1, got {u}")
        return float(value_at(_table_of_one(self), 0, float(u)))

    def quantiles(self, u: npt.ArrayLike) -> FloatArray:
        """`quantile` of many chances, in their shape."""
        chances = np.asarray(u, dtype=np.float64)
        if not ((chances > 0) & (chances < 1)).all():
            raise ValueError(f"u must lie strictly between 0 and 1, got {chances.min()} to {chances.max()}")
        return values_at(_table_of_one(self), 0, chances.ravel()).reshape(chances.shape)

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON, which `from_dict` reads back.

        >>> gamma(mean=3.0, sd=1.0).to_dict()
        {'kind': 'gamma', 'mean': 3.0, 'sd': 1.0}
        """
        lists = zip(_KINDS[self.kind].lists, (self.values, self.chances), strict=False)
        return (
            {"kind": self.kind}
            | dict(zip(_KINDS[self.kind].names, self.parameters, strict=True))
            | {name: list(numbers) for name, numbers in lists}
        )

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Distribution:
        """A distribution of what `to_dict` gave.

        Raises:
            ValueError: no kind, an unknown one, or parameters it does not have.
        """
        kind = data.get("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise ValueError(f"kind of a distribution must be one of {', '.join(_KINDS)}, got {kind!r}")
        wanted = _KINDS[kind].names + _KINDS[kind].lists
        given = {name: value for name, value in data.items() if name != "kind"}
        if set(given) != set(wanted):
            raise ValueError(f"{kind} takes {', '.join(wanted)}, got {', '.join(map(str, given)) or 'nothing'}")
        lists = [_numbers(kind, name, given[name]) for name in _KINDS[kind].lists]
        if kind == "discrete":
            return discrete(*lists)
        numbers = tuple(_number(kind, name, given[name]) for name in _KINDS[kind].names)
        return Distribution(kind, numbers, *lists)

    def __repr__(self) -> str:
        parts = [f"{name}={value:g}" for name, value in zip(_KINDS[self.kind].names, self.parameters, strict=True)]
        for name, numbers in zip(_KINDS[self.kind].lists, (self.values, self.chances), strict=False):
            shown = ", ".join(f"{number:g}" for number in numbers[:6]) + (", …" if len(numbers) > 6 else "")
            parts.append(f"{name}=[{shown}]")
        return f"{self.kind}({', '.join(parts)})"


def constant(x: float) -> Distribution:
    """Always x."""
    return Distribution("constant", (float(x),))


def uniform(low: float, high: float) -> Distribution:
    """Anything from low to high, equally likely."""
    return Distribution("uniform", (float(low), float(high)))


def triangular(low: float, mode: float, high: float) -> Distribution:
    """From low to high, most likely `mode`: three guesses where there is no history."""
    return Distribution("triangular", (float(low), float(mode), float(high)))


def exponential(mean: float) -> Distribution:
    """Time to the next of events that come independently of each other, at a constant rate."""
    return Distribution("exponential", (float(mean),))


def gamma(mean: float, sd: float) -> Distribution:
    """Gamma distribution of a mean above 0 (or 0 with sd 0) and a standard deviation; with sd 0 always the mean."""
    return Distribution("gamma", (float(mean), float(sd)))


def erlang(stages: int, mean: float) -> Distribution:
    """Sum of equal exponential stages, together of the mean given."""
    return Distribution("erlang", (float(stages), float(mean)))


def lognormal(mean: float, sd: float) -> Distribution:
    """Lognormal distribution; mean and standard deviation are those of the values, not of their logarithms."""
    return Distribution("lognormal", (float(mean), float(sd)))


def normal(mean: float, sd: float) -> Distribution:
    """Normal distribution of that mean and standard deviation, of which every value below 0 becomes 0."""
    return Distribution("normal", (float(mean), float(sd)))


def hyperexponential(probabilities: Sequence[float], means: Sequence[float]) -> Distribution:
    """One of several exponential distributions, chosen by chance: more variable than an exponential.

    Raises:
        ValueError: lists of different length, a probability or mean not above 0, or probabilities whose sum is not 1.
    """
    return Distribution(
        "hyperexponential",
        (),
        _numbers("hyperexponential", "means", means),
        _chances("hyperexponential", probabilities),
    )


def poisson(mean: float) -> Distribution:
    """Number of events that come independently of each other, `mean` on average."""
    return Distribution("poisson", (float(mean),))


def geometric(mean: float) -> Distribution:
    """Number of trials up to the first success: 1, 2, 3, …; mean at least 1."""
    return Distribution("geometric", (float(mean),))


def negative_binomial(mean: float, sd: float) -> Distribution:
    """Counts 0, 1, 2, … more variable than Poisson: sd² above the mean (with sd² = mean it is Poisson's)."""
    return Distribution("negative_binomial", (float(mean), float(sd)))


def discrete(values: Sequence[float], probabilities: Sequence[float]) -> Distribution:
    """Given values with given probabilities.

    Raises:
        ValueError: lists of different length, a negative probability, or probabilities whose sum is not 1.
    """
    numbers, chances = _numbers("discrete", "values", values), _chances("discrete", probabilities)
    if len(numbers) != len(chances):
        raise ValueError(f"discrete takes as many probabilities as values, got {len(chances)} and {len(numbers)}")
    _need(min(chances) >= 0, "discrete", "probabilities", "must not be negative", min(chances))
    together: dict[float, float] = {}
    for value, chance in sorted(zip(numbers, chances, strict=True)):
        if chance > 0:
            together[value] = together.get(value, 0.0) + chance
    _check_total("discrete", tuple(together.values()))
    return Distribution("discrete", (), tuple(together), tuple(together.values()))


def empirical(sample: npt.ArrayLike) -> Distribution:
    """What was seen, each as likely as the other: measured lead times, say.

    >>> empirical([3, 5, 5, 8]).quantile(0.6)
    5.0
    """
    seen = np.asarray(sample, dtype=np.float64).ravel()
    if not len(seen) or not np.isfinite(seen).all():
        raise ValueError(f"sample of empirical must hold finite numbers, at least one, got {sample!r:.80}")
    values, counts = np.unique(seen, return_counts=True)
    return Distribution("empirical", (), tuple(values.tolist()), tuple((counts / len(seen)).tolist()))


def distribution_table(distributions: Sequence[Distribution]) -> DistributionTable:
    """Distributions as arrays for compiled loops, in their order; equal shapes share their curve or steps."""
    rows = [_row(distribution) for distribution in distributions]
    starts: dict[int, int] = {}
    values: list[FloatArray] = []
    chances: list[FloatArray] = []
    length = 0
    for row in rows:
        if id(row.values) in starts or not len(row.values):
            continue
        starts[id(row.values)] = length
        length += len(row.values)
        values.append(row.values)
        chances.append(row.chances if len(row.chances) else np.ones(len(row.values)))
    return DistributionTable(
        kind=np.array([row.kind for row in rows], dtype=np.int64),
        parameters=np.array([(*row.parameters, 0.0, 0.0, 0.0, 0.0)[:4] for row in rows], dtype=np.float64).reshape(
            -1, 4
        ),
        start=np.array([starts.get(id(row.values), 0) for row in rows], dtype=np.int64),
        count=np.array([row.length for row in rows], dtype=np.int64),
        values=np.concatenate([np.empty(0), *values]),
        chances=np.concatenate([np.empty(0), *chances]),
    )


@lru_cache(maxsize=4096)
def _table_of_one(distribution: Distribution) -> DistributionTable:
    return distribution_table((distribution,))


def _row(distribution: Distribution) -> Row:
    if distribution.kind != "normal" and distribution.least == distribution.most:
        return Row(quantiles.CONSTANT, (distribution.mean,))
    return _KINDS[distribution.kind].row(distribution)


# What each kind of distribution is.


@dataclass(frozen=True)
class _Kind:
    names: tuple[str, ...]
    check: Callable[[Distribution], None]
    moments: Callable[[Distribution], tuple[float, float]]
    ends: Callable[[Distribution], tuple[float, float]]
    row: Callable[[Distribution], Row]
    scale: Callable[[Distribution, float], Distribution]
    lists: tuple[str, ...] = ()


def _need(right: bool, kind: str, name: str, wanted: str, got: float) -> None:
    if not right:
        raise ValueError(f"{name} of {kind} {wanted}, got {got:g}")


def _number(kind: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} of {kind} must be a number, got {value!r}")
    return float(value)


def _numbers(kind: str, name: str, values: object) -> tuple[float, ...]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} of {kind} must be numbers, got {values!r:.80}") from None
    if numbers.ndim != 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise ValueError(f"{name} of {kind} must be a list of finite numbers, at least one, got {values!r:.80}")
    return tuple(numbers.tolist())


def _chances(kind: str, probabilities: object) -> tuple[float, ...]:
    return _numbers(kind, "probabilities", probabilities)


def _check_lists(distribution: Distribution) -> None:
    kind, lists = distribution.kind, _KINDS[distribution.kind].lists
    if len(distribution.values) != len(distribution.chances) or not distribution.values:
        raise ValueError(
            f"{kind} takes as many probabilities as {lists[0]}, at least one,"
            f" got {len(distribution.chances)} and {len(distribution.values)}"
        )
    least = min(distribution.chances)
    _need(least > 0, kind, "probabilities", "must be above 0", least)
    _check_total(kind, distribution.chances)


def _check_total(kind: str, chances: Sequence[float]) -> None:
    total = math.fsum(chances)
    _need(abs(total - 1) <= _SURE, kind, "probabilities", "must add up to 1", total)


def _anything(distribution: Distribution) -> None:
    pass


def _check_uniform(distribution: Distribution) -> None:
    low, high = distribution.parameters
    _need(high >= low, distribution.kind, "high", f"must be at least low, {low:g}", high)


def _check_triangular(distribution: Distribution) -> None:
    low, mode, high = distribution.parameters
    _need(mode >= low, distribution.kind, "mode", f"must be at least low, {low:g}", mode)
    _need(high >= mode, distribution.kind, "high", f"must be at least mode, {mode:g}", high)


def _check_mean(distribution: Distribution) -> None:
    _need(distribution.parameters[0] >= 0, distribution.kind, "mean", "must be at least 0", distribution.parameters[0])


def _check_poisson(distribution: Distribution) -> None:
    (mean,) = distribution.parameters
    _need(0 <= mean <= _MOST_MEAN, "poisson", "mean", f"must lie between 0 and {_MOST_MEAN:g}", mean)


def _check_positive(distribution: Distribution) -> None:
    """Mean above 0, unless both mean and sd are 0."""
    mean, sd = distribution.parameters
    _check_sd(distribution)
    _need(mean > 0 or mean == sd == 0, distribution.kind, "mean", "must be above 0", mean)


def _check_sd(distribution: Distribution) -> None:
    _need(distribution.parameters[1] >= 0, distribution.kind, "sd", "must be at least 0", distribution.parameters[1])


def _check_erlang(distribution: Distribution) -> None:
    stages, mean = distribution.parameters
    _need(stages >= 1 and stages.is_integer(), "erlang", "stages", "must be a whole number of at least 1", stages)
    _need(mean >= 0, "erlang", "mean", "must be at least 0", mean)


def _check_geometric(distribution: Distribution) -> None:
    (mean,) = distribution.parameters
    _need(mean >= 1, "geometric", "mean", "must be at least 1", mean)


def _check_negative_binomial(distribution: Distribution) -> None:
    mean, sd = distribution.parameters
    _check_positive(distribution)
    _need(sd * sd >= mean * (1 - _SURE), distribution.kind, "sd", f"must be at least √mean, {mean**0.5:g}", sd)


def _check_hyperexponential(distribution: Distribution) -> None:
    least = min(distribution.values)
    _need(least > 0, distribution.kind, "means", "must be above 0", least)


def _check_ascending(distribution: Distribution) -> None:
    if any(later <= earlier for earlier, later in zip(distribution.values, distribution.values[1:], strict=False)):
        raise ValueError(f"values of {distribution.kind} must ascend, got {distribution!r}")


def _given_moments(distribution: Distribution) -> tuple[float, float]:
    return distribution.parameters[0], distribution.parameters[1]


def _uniform_moments(distribution: Distribution) -> tuple[float, float]:
    low, high = distribution.parameters
    return (low + high) / 2, (high - low) / 12**0.5


def _triangular_moments(distribution: Distribution) -> tuple[float, float]:
    low, mode, high = distribution.parameters
    spread = (mode - low) ** 2 + (high - mode) ** 2 + (high - low) ** 2
    return (low + mode + high) / 3, (spread / 36) ** 0.5


def _normal_moments(distribution: Distribution) -> tuple[float, float]:
    mean, sd = distribution.parameters
    if sd == 0:
        return max(mean, 0.0), 0.0
    z = mean / sd
    above = math.erfc(-z / 2**0.5) / 2
    density = math.exp(-z * z / 2) / (2 * math.pi) ** 0.5
    floored = mean * above + sd * density
    second = (mean**2 + sd**2) * above + mean * sd * density
    return floored, max(second - floored**2, 0.0) ** 0.5


def _weighted_moments(distribution: Distribution) -> tuple[float, float]:
    pairs = list(zip(distribution.values, distribution.chances, strict=True))
    mean = math.fsum(value * chance for value, chance in pairs)
    return mean, math.fsum((value - mean) ** 2 * chance for value, chance in pairs) ** 0.5


def _mixture_moments(distribution: Distribution) -> tuple[float, float]:
    pairs = list(zip(distribution.values, distribution.chances, strict=True))
    mean = math.fsum(value * chance for value, chance in pairs)
    second = math.fsum(2 * value**2 * chance for value, chance in pairs)
    return mean, (second - mean**2) ** 0.5


def _from_zero(distribution: Distribution) -> tuple[float, float]:
    """Ends where all parameters but a mean of 0 or an sd of 0 let values go from 0 to anything."""
    mean, sd = _KINDS[distribution.kind].moments(distribution)
    return (mean, mean) if sd == 0 else (0.0, math.inf)


def _outer_parameters(distribution: Distribution) -> tuple[float, float]:
    return distribution.parameters[0], distribution.parameters[-1]


def _normal_ends(distribution: Distribution) -> tuple[float, float]:
    mean, sd = distribution.parameters
    return (max(mean, 0.0),) * 2 if sd == 0 else (0.0, math.inf)


def _uniform_row(distribution: Distribution) -> Row:
    low, high = distribution.parameters
    return Row(quantiles.UNIFORM, (low, high - low))


def _triangular_row(distribution: Distribution) -> Row:
    low, mode, high = distribution.parameters
    return Row(quantiles.TRIANGULAR, (low, high, (mode - low) / (high - low), high - low))


def _gamma_row(mean: float, shape: float) -> Row:
    coefficients = _gamma_coefficients(shape)
    if gamma_is_log(shape):
        return Row(quantiles.LOG_CURVE, (0.0, mean / shape), 0, coefficients)
    return Row(quantiles.CURVE, (mean, mean / shape**0.5), 0, coefficients)


def _lognormal_row(distribution: Distribution) -> Row:
    mean, sd = distribution.parameters
    variance = math.log1p((sd / mean) ** 2)
    return Row(quantiles.LOGNORMAL, (math.log(mean) - variance / 2, variance**0.5))


def _normal_row(distribution: Distribution) -> Row:
    return Row(quantiles.NORMAL, distribution.parameters)


def _mixture_row(distribution: Distribution) -> Row:
    means, probabilities = np.array(distribution.values), np.array(distribution.chances)
    return Row(quantiles.MIXTURE, (), len(means), means, probabilities / probabilities.sum())


@lru_cache(maxsize=4096)
def _gamma_coefficients(shape: float) -> FloatArray:
    return gamma_curve(shape)


@lru_cache(maxsize=1024)
def _list_row(distribution: Distribution) -> Row:
    return step_row(np.array(distribution.values), np.cumsum(distribution.chances))


@lru_cache(maxsize=1024)
def _poisson_row(mean: float) -> Row:
    return step_row(*poisson_steps(mean))


@lru_cache(maxsize=1024)
def _negative_binomial_row(mean: float, sd: float) -> Row:
    excess = sd * sd - mean
    if excess <= _SURE * mean:
        return _poisson_row(mean)
    size, probability = mean * mean / excess, mean / (sd * sd)
    first, last = negative_binomial_ends(size, probability)
    if last - first < MOST_STEPS:
        return step_row(*negative_binomial_steps(size, probability, first, last))
    # Of one more than the count, rounded up at the end.
    return Row(quantiles.LOG_CURVE, (-1.0, 1.0, 1.0), 0, negative_binomial_curve(size, probability))


def _scale_all(distribution: Distribution, factor: float) -> Distribution:
    return Distribution(distribution.kind, tuple(value * factor for value in distribution.parameters))


def _scale_values(distribution: Distribution, factor: float) -> Distribution:
    scaled = tuple(value * factor for value in distribution.values)
    return Distribution(distribution.kind, distribution.parameters, scaled, distribution.chances)


def _scale_erlang(distribution: Distribution, factor: float) -> Distribution:
    return Distribution("erlang", (distribution.parameters[0], distribution.parameters[1] * factor))


def _scale_negative_binomial(distribution: Distribution, factor: float) -> Distribution:
    mean, sd = distribution.parameters
    variance = mean * factor + (sd * sd - mean) * factor * factor
    return Distribution("negative_binomial", (mean * factor, variance**0.5))


def _list_ends(distribution: Distribution) -> tuple[float, float]:
    return distribution.values[0], distribution.values[-1]


_KINDS = {
    "constant": _Kind(
        ("x",),
        _anything,
        lambda d: (d.parameters[0], 0.0),
        lambda d: (d.parameters[0],) * 2,
        lambda d: Row(quantiles.CONSTANT, d.parameters),
        _scale_all,
    ),
    "uniform": _Kind(("low", "high"), _check_uniform, _uniform_moments, _outer_parameters, _uniform_row, _scale_all),
    "triangular": _Kind(
        ("low", "mode", "high"),
        _check_triangular,
        _triangular_moments,
        _outer_parameters,
        _triangular_row,
        _scale_all,
    ),
    "exponential": _Kind(
        ("mean",),
        _check_mean,
        lambda d: (d.parameters[0],) * 2,
        _from_zero,
        lambda d: Row(quantiles.EXPONENTIAL, d.parameters),
        _scale_all,
    ),
    "gamma": _Kind(
        ("mean", "sd"),
        _check_positive,
        _given_moments,
        _from_zero,
        lambda d: _gamma_row(d.parameters[0], (d.parameters[0] / d.parameters[1]) ** 2),
        _scale_all,
    ),
    "erlang": _Kind(
        ("stages", "mean"),
        _check_erlang,
        lambda d: (d.parameters[1], d.parameters[1] / d.parameters[0] ** 0.5),
        _from_zero,
        lambda d: _gamma_row(d.parameters[1], d.parameters[0]),
        _scale_erlang,
    ),
    "lognormal": _Kind(("mean", "sd"), _check_positive, _given_moments, _from_zero, _lognormal_row, _scale_all),
    "normal": _Kind(("mean", "sd"), _check_sd, _normal_moments, _normal_ends, _normal_row, _scale_all),
    "hyperexponential": _Kind(
        (),
        _check_hyperexponential,
        _mixture_moments,
        _from_zero,
        _mixture_row,
        _scale_values,
        ("means", "probabilities"),
    ),
    "poisson": _Kind(
        ("mean",),
        _check_poisson,
        lambda d: (d.parameters[0], d.parameters[0] ** 0.5),
        _from_zero,
        lambda d: _poisson_row(*d.parameters),
        _scale_all,
    ),
    "geometric": _Kind(
        ("mean",),
        _check_geometric,
        lambda d: (d.parameters[0], (d.parameters[0] * (d.parameters[0] - 1)) ** 0.5),
        lambda d: (1.0, 1.0 if d.parameters[0] == 1 else math.inf),
        lambda d: Row(quantiles.GEOMETRIC, (1 / math.log1p(-1 / d.parameters[0]),)),
        _scale_all,
    ),
    "negative_binomial": _Kind(
        ("mean", "sd"),
        _check_negative_binomial,
        _given_moments,
        _from_zero,
        lambda d: _negative_binomial_row(*d.parameters),
        _scale_negative_binomial,
    ),
    "discrete": _Kind(
        (), _check_ascending, _weighted_moments, _list_ends, _list_row, _scale_values, ("values", "probabilities")
    ),
    "empirical": _Kind(
        (), _check_ascending, _weighted_moments, _list_ends, _list_row, _scale_values, ("values", "probabilities")
    ),
}
