"""Distributions of times and quantities, each turned from one uniform number into a value by its inverse.

They are plain frozen data: they can be compared, hashed, written to JSON and read back. Times are days, quantities
units; the executors round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simulation import quantiles
from simulation.arrays import FloatArray
from simulation.distribution_kinds import KINDS, Parts, check_total, need
from simulation.quantile_rows import Row
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


@dataclass(frozen=True, repr=False)
class Distribution(Parts):
    """Values and how often they come; made by `gamma(mean, sd)` and the other functions of this module.

    Attributes:
        kind: The name of the function that makes it.
        parameters: What that function takes, in its order, where it takes numbers.
        values: Where it takes lists: the values, or the means of a mixture.
        chances: Their probabilities.

    Raises:
        ValueError: parameters that no such distribution has; names the parameter, what was wanted and what came.
    """

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind of a distribution must be one of {', '.join(KINDS)}, got {self.kind!r}")
        names = KINDS[self.kind].names
        if len(self.parameters) != len(names):
            raise ValueError(f"{self.kind} takes {len(names)} parameters, got {len(self.parameters)}")
        for name, value in zip(names, self.parameters, strict=True):
            need(math.isfinite(value), self.kind, name, "must be finite", value)
        if (self.values or self.chances) and not KINDS[self.kind].lists:
            raise ValueError(f"{self.kind} takes no values or chances")
        KINDS[self.kind].check(self)

    @property
    def mean(self) -> float:
        """Mean of the values; of a normal distribution, of what is left after all below 0 became 0."""
        return KINDS[self.kind].moments(self)[0]

    @property
    def sd(self) -> float:
        """Standard deviation of the values."""
        return KINDS[self.kind].moments(self)[1]

    @property
    def least(self) -> float:
        """Lower end of the values."""
        return KINDS[self.kind].ends(self)[0]

    @property
    def most(self) -> float:
        """Upper end of the values, infinite for many."""
        return KINDS[self.kind].ends(self)[1]

    @property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        if self.kind in ("discrete", "empirical"):
            return all(value.is_integer() for value in self.values)
        return KINDS[self.kind].counts or (self.least == self.most and self.least.is_integer())

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
        parts = KINDS[self.kind].scaled(self, float(factor))
        return Distribution(parts.kind, parts.parameters, parts.values, parts.chances)

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
        lists = zip(KINDS[self.kind].lists, (self.values, self.chances), strict=False)
        return (
            {"kind": self.kind}
            | dict(zip(KINDS[self.kind].names, self.parameters, strict=True))
            | {name: list(numbers) for name, numbers in lists}
        )

    @staticmethod
    def from_dict(data: Mapping[str, object]) -> Distribution:
        """A distribution of what `to_dict` gave.

        Raises:
            ValueError: no kind, an unknown one, or parameters it does not have.
        """
        kind = data.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"kind of a distribution must be one of {', '.join(KINDS)}, got {kind!r}")
        wanted = KINDS[kind].names + KINDS[kind].lists
        given = {name: value for name, value in data.items() if name != "kind"}
        if set(given) != set(wanted):
            raise ValueError(f"{kind} takes {', '.join(wanted)}, got {', '.join(map(str, given)) or 'nothing'}")
        lists = [_numbers(kind, name, given[name]) for name in KINDS[kind].lists]
        if kind == "discrete":
            return discrete(*lists)
        numbers = tuple(_number(kind, name, given[name]) for name in KINDS[kind].names)
        return Distribution(kind, numbers, *lists)

    def __repr__(self) -> str:
        parts = [f"{name}={value:.10g}" for name, value in zip(KINDS[self.kind].names, self.parameters, strict=True)]
        for name, numbers in zip(KINDS[self.kind].lists, (self.values, self.chances), strict=False):
            shown = ", ".join(f"{number:.10g}" for number in numbers[:6]) + (", …" if len(numbers) > 6 else "")
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
        _numbers("hyperexponential", "probabilities", probabilities),
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
    numbers, chances = _numbers("discrete", "values", values), _numbers("discrete", "probabilities", probabilities)
    if len(numbers) != len(chances):
        raise ValueError(f"discrete takes as many probabilities as values, got {len(chances)} and {len(numbers)}")
    need(min(chances) >= 0, "discrete", "probabilities", "must not be negative", min(chances))
    together: dict[float, float] = {}
    for value, chance in sorted(zip(numbers, chances, strict=True)):
        if chance > 0:
            together[value] = together.get(value, 0.0) + chance
    check_total("discrete", tuple(together.values()))
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
    if distribution.least == distribution.most:
        return Row(quantiles.CONSTANT, (distribution.least,))
    return KINDS[distribution.kind].row(distribution)


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
