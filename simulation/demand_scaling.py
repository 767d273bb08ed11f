"""Demand multiplied by a factor, by fixed rules and without chance, so that what it comes to is known beforehand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from simulation.arrays import IntArray
from simulation.distributions import Distribution, discrete
from simulation.scenario import Demand


def scaled_demand(demand: Demand, factor: float) -> Demand:
    """`factor` times the demand.

    * Renewal: customers come that much more often, each asking for what they asked for.
    * Daily: the size has `factor` times its mean; see `scaled_size`.
    * Paths and events: the running totals are multiplied and rounded, so that by every day it is the old total
      times the factor, to half a unit.

    Raises:
        ValueError: a distribution that cannot have that mean (a geometric one below 1).

    >>> from simulation.scenario import Demand
    >>> scaled_demand(Demand("paths", paths=[[1, 1, 1, 1]]), 1.5).paths.tolist()
    [[2, 1, 2, 1]]
    """
    if demand.kind == "renewal":
        return replace(demand, interarrival=demand.interarrival.scaled(1 / factor))
    if demand.kind == "daily":
        return replace(demand, size=scaled_size(demand.size, factor))
    if demand.paths is not None:
        return replace(demand, paths=_scaled_totals(demand.paths, factor))
    if demand.quantities is not None:
        return replace(demand, quantities=_scaled_totals(demand.quantities, factor))
    return demand


def scaled_size(size: Distribution, factor: float) -> Distribution:
    """Units with `factor` times the mean, within the family (`Distribution.scaled`).

    Listed values (constant, discrete, empirical) stay whole: where a multiplied value is not, it becomes the
    whole numbers below and above it, with chances that keep its mean.

    >>> from simulation.distributions import constant
    >>> scaled_size(constant(1), 1.25)
    discrete(values=[1, 2], probabilities=[0.75, 0.25])

    Raises:
        ValueError: a geometric mean that would fall below 1.
    """
    if size.kind not in ("constant", "discrete", "empirical"):
        return size.scaled(factor)
    scaled = size.scaled(factor)
    if scaled.whole:
        return scaled
    chances: dict[float, float] = {}
    for value, chance in zip(scaled.values or scaled.parameters, scaled.chances or (1.0,), strict=True):
        below = math.floor(value)
        for whole, share in ((below, below + 1 - value), (below + 1, value - below)):
            if share > 0:
                chances[whole] = chances.get(whole, 0.0) + chance * share
    return discrete(list(chances), list(chances.values()))


def _scaled_totals(units: IntArray, factor: float) -> IntArray:
    """Units along the last axis whose running totals are the old ones, multiplied and rounded half up."""
    totals = np.floor(np.cumsum(units, axis=-1) * factor + 0.5).astype(np.int64)
    return np.asarray(np.diff(totals, axis=-1, prepend=0))
