"""What each kind of distribution is: its parameters, what they may be, its moments, ends and inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

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

_SURE = 1e-9
"""How far probabilities may add up to something else than 1, and a variance, in proportion, lie below its least."""

_MOST_POISSON_MEAN = 1e9


@dataclass(frozen=True)
class Parts:
    """Numbers of a distribution, those of its lists apart; see `Distribution`."""

    kind: str
    parameters: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    chances: tuple[float, ...] = ()


def need(right: bool, kind: str, name: str, wanted: str, got: float) -> None:
    """Refuse a parameter that is not right.

    Raises:
        ValueError: names the parameter, what was wanted and what came.
    """
    if not right:
        raise ValueError(f"{name} of {kind} {wanted}, got {got:g}")


def check_total(kind: str, chances: Sequence[float]) -> None:
    """Refuse probabilities whose sum is not 1."""
    total = math.fsum(chances)
    need(abs(total - 1) <= _SURE, kind, "probabilities", "must add up to 1", total)


class Kind:
    """One kind of distribution; most are times or quantities from 0 on that scale with all their parameters.

    Attributes:
        names: Of its parameters.
        lists: What it calls its values and their chances, where it has them.
        counts: Whether it counts something.
    """

    names: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    counts = False

    def check(self, of: Parts) -> None:
        """Refuse parameters that no such distribution has; they are known to be finite."""

    def moments(self, of: Parts) -> tuple[float, float]:
        """Mean and standard deviation."""
        raise NotImplementedError

    def ends(self, of: Parts) -> tuple[float, float]:
        """Least and greatest value."""
        mean, sd = self.moments(of)
        return (mean, mean) if sd == 0 else (0.0, math.inf)

    def row(self, of: Parts) -> Row:
        """Its inverse; where the ends are the same, a constant is taken instead."""
        raise NotImplementedError

    def scaled(self, of: Parts, factor: float) -> Parts:
        """The distribution of a mean larger by the factor."""
        return Parts(of.kind, tuple(value * factor for value in of.parameters))


class _Constant(Kind):
    names = ("x",)

    def moments(self, of: Parts) -> tuple[float, float]:
        return of.parameters[0], 0.0

    def row(self, of: Parts) -> Row:
        return Row(quantiles.CONSTANT, of.parameters)


class _Uniform(Kind):
    names = ("low", "high")

    def check(self, of: Parts) -> None:
        low, high = of.parameters
        need(high >= low, of.kind, "high", f"must be at least low, {low:g}", high)

    def moments(self, of: Parts) -> tuple[float, float]:
        low, high = of.parameters
        return (low + high) / 2, (high - low) / 12**0.5

    def ends(self, of: Parts) -> tuple[float, float]:
        return of.parameters[0], of.parameters[1]

    def row(self, of: Parts) -> Row:
        low, high = of.parameters
        return Row(quantiles.UNIFORM, (low, high - low))


class _Triangular(Kind):
    names = ("low", "mode", "high")

    def check(self, of: Parts) -> None:
        low, mode, high = of.parameters
        need(mode >= low, of.kind, "mode", f"must be at least low, {low:g}", mode)
        need(high >= mode, of.kind, "high", f"must be at least mode, {mode:g}", high)

    def moments(self, of: Parts) -> tuple[float, float]:
        low, mode, high = of.parameters
        spread = (mode - low) ** 2 + (high - mode) ** 2 + (high - low) ** 2
        return (low + mode + high) / 3, (spread / 36) ** 0.5

    def ends(self, of: Parts) -> tuple[float, float]:
        return of.parameters[0], of.parameters[2]

    def row(self, of: Parts) -> Row:
        low, mode, high = of.parameters
        return Row(quantiles.TRIANGULAR, (low, high, (mode - low) / (high - low)))


class _Exponential(Kind):
    names = ("mean",)

    def check(self, of: Parts) -> None:
        need(of.parameters[0] >= 0, of.kind, "mean", "must be at least 0", of.parameters[0])

    def moments(self, of: Parts) -> tuple[float, float]:
        return of.parameters[0], of.parameters[0]

    def row(self, of: Parts) -> Row:
        return Row(quantiles.EXPONENTIAL, of.parameters)


class _MeanAndSd(Kind):
    """Mean above 0 and sd at least 0, or both 0."""

    names = ("mean", "sd")

    def check(self, of: Parts) -> None:
        mean, sd = of.parameters
        need(sd >= 0, of.kind, "sd", "must be at least 0", sd)
        need(mean > 0 or mean == sd == 0, of.kind, "mean", "must be above 0", mean)

    def moments(self, of: Parts) -> tuple[float, float]:
        return of.parameters[0], of.parameters[1]


class _Gamma(_MeanAndSd):
    def row(self, of: Parts) -> Row:
        mean, sd = of.parameters
        return _gamma_row(mean, (mean / sd) ** 2)


class _Erlang(Kind):
    names = ("stages", "mean")

    def check(self, of: Parts) -> None:
        stages, mean = of.parameters
        need(stages >= 1 and stages.is_integer(), of.kind, "stages", "must be a whole number of at least 1", stages)
        need(mean >= 0, of.kind, "mean", "must be at least 0", mean)

    def moments(self, of: Parts) -> tuple[float, float]:
        stages, mean = of.parameters
        return mean, mean / stages**0.5

    def row(self, of: Parts) -> Row:
        stages, mean = of.parameters
        return _gamma_row(mean, stages)

    def scaled(self, of: Parts, factor: float) -> Parts:
        stages, mean = of.parameters
        return Parts(of.kind, (stages, mean * factor))


class _Lognormal(_MeanAndSd):
    def row(self, of: Parts) -> Row:
        mean, sd = of.parameters
        variance = math.log1p((sd / mean) ** 2)
        return Row(quantiles.LOGNORMAL, (math.log(mean) - variance / 2, variance**0.5))


class _Normal(Kind):
    """Mean and sd are those before values below 0 become 0; `moments` are those after."""

    names = ("mean", "sd")

    def check(self, of: Parts) -> None:
        need(of.parameters[1] >= 0, of.kind, "sd", "must be at least 0", of.parameters[1])

    def moments(self, of: Parts) -> tuple[float, float]:
        mean, sd = of.parameters
        if sd == 0:
            return max(mean, 0.0), 0.0
        z = mean / sd
        above = math.erfc(-z / 2**0.5) / 2
        density = math.exp(-z * z / 2) / (2 * math.pi) ** 0.5
        floored = mean * above + sd * density
        second = (mean**2 + sd**2) * above + mean * sd * density
        return floored, max(second - floored**2, 0.0) ** 0.5

    def ends(self, of: Parts) -> tuple[float, float]:
        mean, sd = of.parameters
        return (max(mean, 0.0), max(mean, 0.0)) if sd == 0 else (0.0, math.inf)

    def row(self, of: Parts) -> Row:
        return Row(quantiles.NORMAL, of.parameters)


class _Poisson(Kind):
    names = ("mean",)
    counts = True

    def check(self, of: Parts) -> None:
        (mean,) = of.parameters
        wanted = f"must lie between 0 and {_MOST_POISSON_MEAN:g}"
        need(0 <= mean <= _MOST_POISSON_MEAN, of.kind, "mean", wanted, mean)

    def moments(self, of: Parts) -> tuple[float, float]:
        return of.parameters[0], of.parameters[0] ** 0.5

    def row(self, of: Parts) -> Row:
        return _poisson_row(of.parameters[0])


class _Geometric(Kind):
    names = ("mean",)
    counts = True

    def check(self, of: Parts) -> None:
        need(of.parameters[0] >= 1, of.kind, "mean", "must be at least 1", of.parameters[0])

    def moments(self, of: Parts) -> tuple[float, float]:
        (mean,) = of.parameters
        return mean, (mean * (mean - 1)) ** 0.5

    def ends(self, of: Parts) -> tuple[float, float]:
        return 1.0, 1.0 if of.parameters[0] == 1 else math.inf

    def row(self, of: Parts) -> Row:
        return Row(quantiles.GEOMETRIC, (1 / math.log1p(-1 / of.parameters[0]),))


class _NegativeBinomial(_MeanAndSd):
    counts = True

    def check(self, of: Parts) -> None:
        super().check(of)
        mean, sd = of.parameters
        need(sd * sd >= mean * (1 - _SURE), of.kind, "sd", f"must be at least √mean, {mean**0.5:g}", sd)

    def row(self, of: Parts) -> Row:
        return _negative_binomial_row(*of.parameters)

    def scaled(self, of: Parts, factor: float) -> Parts:
        mean, sd = of.parameters
        variance = mean * factor + (sd * sd - mean) * factor * factor
        return Parts(of.kind, (mean * factor, variance**0.5))


class _Listed(Kind):
    """Values with their chances."""

    lists = ("values", "probabilities")

    def check(self, of: Parts) -> None:
        if len(of.values) != len(of.chances) or not of.values:
            raise ValueError(
                f"{of.kind} takes as many probabilities as {self.lists[0]}, at least one,"
                f" got {len(of.chances)} and {len(of.values)}"
            )
        need(min(of.chances) > 0, of.kind, "probabilities", "must be above 0", min(of.chances))
        check_total(of.kind, of.chances)
        self.check_values(of)

    def check_values(self, of: Parts) -> None:
        """Refuse values out of order."""
        for earlier, later in pairwise(of.values):
            need(later > earlier, of.kind, "values", "must ascend", later)

    def moments(self, of: Parts) -> tuple[float, float]:
        pairs = list(zip(of.values, of.chances, strict=True))
        mean = math.fsum(value * chance for value, chance in pairs)
        return mean, math.fsum((value - mean) ** 2 * chance for value, chance in pairs) ** 0.5

    def ends(self, of: Parts) -> tuple[float, float]:
        return of.values[0], of.values[-1]

    def row(self, of: Parts) -> Row:
        return _list_row(of.values, of.chances)

    def scaled(self, of: Parts, factor: float) -> Parts:
        return Parts(of.kind, (), tuple(value * factor for value in of.values), of.chances)


class _Hyperexponential(_Listed):
    lists = ("means", "probabilities")

    def check_values(self, of: Parts) -> None:
        need(min(of.values) > 0, of.kind, "means", "must be above 0", min(of.values))

    def moments(self, of: Parts) -> tuple[float, float]:
        pairs = list(zip(of.values, of.chances, strict=True))
        mean = math.fsum(value * chance for value, chance in pairs)
        second = math.fsum(2 * value**2 * chance for value, chance in pairs)
        return mean, (second - mean**2) ** 0.5

    def ends(self, of: Parts) -> tuple[float, float]:  # noqa: ARG002
        return 0.0, math.inf

    def row(self, of: Parts) -> Row:
        chances = np.array(of.chances)
        return Row(quantiles.MIXTURE, (), len(chances), np.array(of.values), chances / chances.sum())


KINDS: dict[str, Kind] = {
    "constant": _Constant(),
    "uniform": _Uniform(),
    "triangular": _Triangular(),
    "exponential": _Exponential(),
    "gamma": _Gamma(),
    "erlang": _Erlang(),
    "lognormal": _Lognormal(),
    "normal": _Normal(),
    "hyperexponential": _Hyperexponential(),
    "poisson": _Poisson(),
    "geometric": _Geometric(),
    "negative_binomial": _NegativeBinomial(),
    "discrete": _Listed(),
    "empirical": _Listed(),
}
"""By name."""


def _gamma_row(mean: float, shape: float) -> Row:
    """SKUs whose lead times have the same coefficient of variation share a curve: the shape is taken to 12 digits."""
    shape = float(f"{shape:.11e}")
    if gamma_is_log(shape):
        return Row(quantiles.LOG_CURVE, (0.0, mean / shape), 0, _gamma_coefficients(shape))
    return Row(quantiles.CURVE, (mean, mean / shape**0.5), 0, _gamma_coefficients(shape))


@lru_cache(maxsize=4096)
def _gamma_coefficients(shape: float) -> FloatArray:
    return gamma_curve(shape)


@lru_cache(maxsize=1024)
def _list_row(values: tuple[float, ...], chances: tuple[float, ...]) -> Row:
    return step_row(np.array(values), np.cumsum(chances))


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
    # The curve is of one more than the count, which is rounded up at the end.
    return Row(quantiles.LOG_CURVE, (-1.0, 1.0, 1.0), 0, negative_binomial_curve(size, probability))
