"""What a family of policies buys as its parameter grows: simulated stock value against service, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from simulation.scenario import Policy, Scenario
    from simulation.tallies import Tallies

MEASURES = ("average_stock_value", "fill_rate", "value_fill_rate", "lost_margin", "orders_per_week")
_SHARES = {"fill_rate": "demand_units", "value_fill_rate": "demand_value"}

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ServiceCurves:
    """What was simulated of several families of policies under the same luck.

    Attributes:
        labels: Family of each policy, shape (policy,).
        parameters: Such as a target or weeks of cover, shape (policy,).
        sums: By measure: what it adds up, shape (policy, replication). A share's is its numerator.
        demand: What the shares are of: demand_units and demand_value, shape (policy, replication).
    """

    labels: tuple[str, ...]
    parameters: tuple[float, ...]
    sums: Mapping[str, FloatArray]
    demand: Mapping[str, FloatArray]

    @property
    def replications(self) -> int:
        """How many."""
        return int(self.sums["lost_margin"].shape[1])

    def frame(self, weights: FloatArray | None = None) -> pd.DataFrame:
        """label, parameter and each measure, over all replications.

        Args:
            weights: Of the replications, shape (replication,); all the same by default.
        """
        weights = np.ones(self.replications) if weights is None else weights
        columns: dict[str, Any] = {"label": self.labels, "parameter": self.parameters}
        for name in MEASURES:
            total = self.sums[name] @ weights
            whole = self.demand[_SHARES[name]] @ weights if name in _SHARES else weights.sum()
            columns[name] = np.divide(total, whole, out=np.full(len(total), np.nan), where=np.asarray(whole) > 0)
        return pd.DataFrame(columns)


def together(curves: Sequence[ServiceCurves]) -> ServiceCurves:
    """Several windows as one: demand and lost margin add up, stock and orders are means over the windows."""
    count = len(curves)
    sums = {name: np.sum([one.sums[name] for one in curves], axis=0) for name in MEASURES}
    for name in ("average_stock_value", "orders_per_week"):
        sums[name] = sums[name] / count
    demand = {name: np.sum([one.demand[name] for one in curves], axis=0) for name in curves[0].demand}
    return replace(curves[0], sums=sums, demand=demand)


def simulated_curves(
    base: Scenario, policies: Mapping[tuple[str, float], pd.DataFrame], *, days: int, replications: int, seed: int
) -> ServiceCurves:
    """Every policy against the same demand, stock and luck.

    Args:
        base: A scenario of whole days, such as the ledger gives; its policies' levels are replaced.
        policies: (label, parameter) → reorder_point and order_up_to_level of the scenario's points, in its order.
        days: Length of a replication.
        replications: Of each.
        seed: Of the luck.
    """
    from simulation.periodic_arrays import periodic_arrays, policy_arrays
    from simulation.periodic_kernel import run_periodic_arrays

    names, rows = list(policies), []
    arrays = periodic_arrays(base.points, base.outages, draws_per_point=days * replications * len(names))
    for levels in policies.values():
        columns = policy_arrays(with_levels(base, levels))
        tallies = run_periodic_arrays(arrays, columns, days=days, replications=replications, seed=seed)
        rows.append(_sums(base, tallies))
    stacked = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return ServiceCurves(
        labels=tuple(label for label, _ in names),
        parameters=tuple(parameter for _, parameter in names),
        sums={name: stacked[name] for name in MEASURES},
        demand={name: stacked[name] for name in _SHARES.values()},
    )


def with_levels(base: Scenario, levels: pd.DataFrame) -> list[Policy]:
    """The policies of the scenario's points with other reorder points and order-up-to levels, in their order."""
    columns = [levels[name].to_numpy(dtype=np.int64).tolist() for name in ("reorder_point", "order_up_to_level")]
    return [
        replace(point.policy, reorder_point=reorder_point, order_up_to_level=level)
        for point, reorder_point, level in zip(base.points, *columns, strict=True)
    ]


def _sums(scenario: Scenario, tallies: Tallies) -> dict[str, FloatArray]:
    """Of each replication; whatever is lost weighs its price, or its cost where that is higher."""
    from simulation.scenario import TICKS_PER_DAY

    sums, points = tallies.points, scenario.points
    cost = np.array([point.unit_cost for point in points])
    margin = np.array([max(point.unit_price - point.unit_cost, 0.0) for point in points])
    value = cost + margin
    return {
        "average_stock_value": sums.on_hand_ticks @ cost / (tallies.days * TICKS_PER_DAY),
        "fill_rate": sums.filled.sum(axis=1).astype(np.float64),
        "value_fill_rate": sums.filled @ value,
        "lost_margin": sums.lost @ margin,
        "orders_per_week": sums.orders.sum(axis=1) * 7.0 / tallies.days,
        "demand_units": sums.demand.sum(axis=1).astype(np.float64),
        "demand_value": sums.demand @ value,
    }


def fill_rate_at_stock_value(curve: pd.DataFrame, stock_value: float, *, measure: str = "fill_rate") -> float:
    """Fill rate that a family of policies reaches with a given average stock value.

    Straight lines join the simulated points in order of stock value. A point that fills less than a cheaper one counts
    as that one, since nobody would pay for it: the answer never falls as stock grows.

    Args:
        curve: Rows of one label.
        stock_value: Average value of stock, in the currency of unit costs.
        measure: fill_rate, or value_fill_rate.

    Returns:
        NaN below the cheapest or above the dearest point: the curve says nothing there, and is not extended.

    Raises:
        ValueError: a curve without points or of more than one label.
    """
    labels = list(dict.fromkeys(curve["label"]))
    if len(labels) != 1:
        raise ValueError(f"curve must hold the points of one label, got {labels}")
    points = curve.groupby("average_stock_value")[measure].max().cummax()
    return float(np.interp(stock_value, points.index.to_numpy(), points.to_numpy(), left=np.nan, right=np.nan))


def half_widths(
    curves: ServiceCurves, said: Callable[[pd.DataFrame], FloatArray], *, level: float = 0.95
) -> FloatArray:
    """Half-widths of the intervals of whatever is read off the curves, by leaving out each replication in turn.

    Args:
        curves: As simulated.
        said: Figures of a curve's frame, shape (figure,); a policy's luck is that of all others, so that what they
            share cancels in differences.
        level: Confidence.

    Returns:
        Shape (figure,): t quantile times the jackknife's standard error; NaN for one replication, or where the figure
        cannot be had.
    """
    from scipy.special import stdtrit

    count = curves.replications
    if count < 2:
        return np.full(len(said(curves.frame())), np.nan)
    without = np.array([said(curves.frame(1.0 - np.eye(count)[one])) for one in range(count)])
    spread = ((without - without.mean(axis=0)) ** 2).sum(axis=0) * (count - 1) / count
    return np.asarray(np.sqrt(spread) * stdtrit(count - 1, (1 + level) / 2))


def cover_levels(recent_rate: FloatArray, *, weeks_of_cover: float) -> pd.DataFrame:
    """Weeks of cover, the rule of thumb: at each review top up to so many weeks of recent mean demand.

    It looks neither at how variable demand is nor at how long supply takes, and so stands as the baseline.

    Args:
        recent_rate: Units a day, at least 0, shape (point,).
        weeks_of_cover: At least 0.

    Returns:
        order_up_to_level, whole units rounded up, and reorder_point, a unit below.
    """
    # Rounded first: 0.1 a day for 10 weeks is 7 units, not the 8 that binary fractions would make of it.
    level = np.ceil(np.round(recent_rate * 7 * weeks_of_cover, 9)).astype(np.int64)
    return pd.DataFrame({"reorder_point": level - 1, "order_up_to_level": level})
