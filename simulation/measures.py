"""What a replay says about a policy: service, stock and effort, with the width of what is not known."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.stock_scenario import StockScenario
from simulation.stock_process import StockTotals

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ReplicationMeasures:
    """One value per replication over all SKUs and days, arrays of shape (replication,).

    Attributes:
        fill_rate: Share of demanded units met from stock on the day. NaN without demand.
        value_fill_rate: The same with each unit weighted by its selling price, unit cost plus unit margin.
        average_stock_value: End-of-day stock at unit cost, averaged over days.
        lost_margin: Margin of the units lost over the horizon; 0 where unmet demand waits.
        orders_per_week: Orders placed, all SKUs together, per seven days.
        stock_out_share: Share of SKU-days on which some demand was not met from stock.
    """

    fill_rate: FloatArray
    value_fill_rate: FloatArray
    average_stock_value: FloatArray
    lost_margin: FloatArray
    orders_per_week: FloatArray
    stock_out_share: FloatArray


MEASURE_NAMES = tuple(field.name for field in fields(ReplicationMeasures))


@dataclass(frozen=True)
class Estimate:
    """A mean over replications and the half-width of its 95 % interval."""

    mean: float
    half_width: float


@dataclass(frozen=True)
class Measures:
    """Estimates of the fields of `ReplicationMeasures`, where they are defined.

    Demand is replayed as it was, so the intervals speak of the luck of lead times alone; with fixed lead
    times they are 0.
    """

    fill_rate: Estimate
    value_fill_rate: Estimate
    average_stock_value: Estimate
    lost_margin: Estimate
    orders_per_week: Estimate
    stock_out_share: Estimate

    @classmethod
    def over(cls, by_replication: ReplicationMeasures) -> "Measures":
        """Means and 95 % intervals over replications."""
        return cls(**{name: estimate(getattr(by_replication, name)) for name in MEASURE_NAMES})


def replication_measures(scenario: StockScenario, totals: StockTotals) -> ReplicationMeasures:
    """The measures of each replication of a run of the scenario."""
    demand = scenario.demand.sum(axis=0)
    price = scenario.unit_cost + scenario.unit_margin
    lost = _lost_units(scenario, totals)
    sku_days = scenario.days * len(scenario.skus)
    return ReplicationMeasures(
        fill_rate=_share(totals.filled_units.sum(axis=1), demand.sum()),
        value_fill_rate=_share(totals.filled_units @ price, demand @ price),
        average_stock_value=totals.on_hand_unit_days @ scenario.unit_cost / scenario.days,
        lost_margin=lost @ scenario.unit_margin,
        orders_per_week=totals.orders.sum(axis=1) * 7 / scenario.days,
        stock_out_share=totals.stock_out_days.sum(axis=1) / sku_days,
    )


def estimate(values: FloatArray) -> Estimate:
    """Mean and 95 % interval of independent replications, by Student's t.

    Args:
        values: One per replication, shape (replication,).

    Returns:
        The half-width is t(0.975; n − 1) · s / √n, and NaN for a single replication, of which nothing is
        known. Intervals of few replications of a skewed measure cover somewhat less than 95 %.

    Source: A. M. Law, Simulation Modeling and Analysis, 5th ed., section 4.5.

    >>> round(estimate(np.array([1.0, 2.0, 3.0, 4.0])).half_width, 3)
    2.054
    """
    from scipy.special import stdtrit

    count = len(values)
    # Taken from the first value, so that equal replications have a half-width of exactly 0.
    deviations = values - values[0]
    mean = float(values[0] + deviations.mean())
    if count < 2:
        return Estimate(mean, float("nan"))
    return Estimate(mean, float(stdtrit(count - 1, 0.975) * deviations.std(ddof=1) / np.sqrt(count)))


def sku_measures(scenario: StockScenario, totals: StockTotals) -> "pd.DataFrame":
    """Means over replications for each SKU.

    Returns:
        One row per SKU in the scenario's order: sku, demand_units, filled_units, lost_units (0 where
        demand waits), fill_rate (NaN without demand), average_on_hand (units at day's end),
        average_stock_value, average_backordered (units at day's end), lost_margin, orders_per_week and
        stock_out_share (of days).
    """
    import pandas as pd

    days = scenario.days
    demand = scenario.demand.sum(axis=0)
    filled = totals.filled_units.mean(axis=0)
    lost = _lost_units(scenario, totals).mean(axis=0)
    average_on_hand = totals.on_hand_unit_days.mean(axis=0) / days
    return pd.DataFrame(
        {
            "sku": list(scenario.skus),
            "demand_units": demand,
            "filled_units": filled,
            "lost_units": lost,
            "fill_rate": np.divide(filled, demand, out=np.full(len(demand), np.nan), where=demand > 0),
            "average_on_hand": average_on_hand,
            "average_stock_value": average_on_hand * scenario.unit_cost,
            "average_backordered": totals.backordered_unit_days.mean(axis=0) / days,
            "lost_margin": lost * scenario.unit_margin,
            "orders_per_week": totals.orders.mean(axis=0) * 7 / days,
            "stock_out_share": totals.stock_out_days.mean(axis=0) / days,
        }
    )


def _lost_units(scenario: StockScenario, totals: StockTotals) -> IntArray:
    if scenario.on_shortage == "backorder":
        return np.zeros_like(totals.filled_units)
    return np.asarray(scenario.demand.sum(axis=0) - totals.filled_units, dtype=np.int64)


def _share(part: FloatArray | IntArray, whole: float) -> FloatArray:
    share: FloatArray = part / whole if whole > 0 else np.full(part.shape, np.nan)
    return share
