"""Safety stock and reorder point of one SKU after another, from the demand during its lead time.

Give the demand of the lead time as a distribution. Where demand and lead time both vary, `demand.over(lead_time,
lead_time_sd)` has the mean L·d and the sd √(L σ² + d² σ_L²).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optimization.arrays import FloatArray
from optimization.demand_distributions import TIE, Demand, smallest_level
from optimization.figures import figures
from optimization.newsvendor import share_met


@dataclass(frozen=True)
class SafetyStock:
    """Attributes:
    safety_stock: reorder_point less mean lead-time demand, units; negative where little service is asked for.
    reorder_point: Inventory position at which to order, units; whole where demand is.
    k: Safety stock in standard deviations of lead-time demand; 0 where there is none.
    lead_time_demand_mean: Units.
    lead_time_demand_sd: Units.
    cycle_service_level: P(X ≤ reorder_point), the share of cycles without a stockout.
    expected_shortage: Units short per cycle at its end, n(reorder_point).
    """

    safety_stock: FloatArray
    reorder_point: FloatArray
    k: FloatArray
    lead_time_demand_mean: FloatArray
    lead_time_demand_sd: FloatArray
    cycle_service_level: FloatArray
    expected_shortage: FloatArray


def cycle_service_safety_stock(lead_time_demand: Demand, *, cycle_service_level: ArrayLike) -> SafetyStock:
    """Safety stock with which this share of cycles has no stockout (service of type 1).

    Args:
        lead_time_demand: X, one distribution per SKU.
        cycle_service_level: P(X ≤ reorder_point) to reach, strictly between 0 and 1. Not the fill rate.

    Raises:
        ValueError: NaN or outside (0, 1).

    Source: Chopra & Meindl, Supply Chain Management, chapter on safety inventory.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> lead_time_demand = NormalDemand(2500.0, 500.0).over(7, 3)
    >>> result = cycle_service_safety_stock(lead_time_demand, cycle_service_level=0.9)
    >>> result.lead_time_demand_sd.round(2), result.safety_stock.round(2)
    (np.float64(7615.77), np.float64(9760.01))
    """
    level = _share(cycle_service_level, "cycle_service_level")
    return _of(lead_time_demand, lead_time_demand.fractile(level, 1 - level))


def fill_rate_safety_stock(lead_time_demand: Demand, *, fill_rate: ArrayLike, order_quantity: ArrayLike) -> SafetyStock:
    """Smallest safety stock with which this share of demand is met from stock (service of type 2), exactly.

    Ordering Q whenever the position reaches r, backordering what is short: n(r) − n(r + Q) = (1 − β) Q. What was
    short already when the cycle began is not counted twice, so the stock is never more than by the simple rule, and
    much less where Q is small beside the spread. Exact where the position passes through r without overshoot: units
    asked for one by one, or continuous demand.

    Args:
        lead_time_demand: X, one distribution per SKU.
        fill_rate: β, strictly between 0 and 1.
        order_quantity: Q, units, > 0; whole where demand is.

    Raises:
        ValueError: NaN, infinite or out of range.

    Source: Zipkin, Foundations of Inventory Management, section 6.2; Axsäter, Inventory Control, chapter 5.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> fill_rate_safety_stock(NormalDemand(0.0, 25.0), fill_rate=0.98, order_quantity=100.0).safety_stock.round(4)
    np.float64(25.531)
    """
    lot = _lot(order_quantity)

    def short(level: FloatArray) -> FloatArray:
        return lead_time_demand.losses(level).loss - lead_time_demand.losses(level + lot).loss

    return _reaching(lead_time_demand, short, _share(fill_rate, "fill_rate"), lot)


def simple_fill_rate_safety_stock(
    lead_time_demand: Demand, *, fill_rate: ArrayLike, order_quantity: ArrayLike
) -> SafetyStock:
    """Safety stock by the simple rule for the fill rate: n(r) = (1 − β) Q, for normal demand σ L(k) = (1 − β) Q.

    It counts the shortage at the end of each cycle as if all of it had come in that cycle, so that it errs on the
    safe side; `fill_rate_safety_stock` is exact. Arguments and errors are the same.

    Source: Silver, Pyke & Peterson, Inventory Management and Production Planning and Scheduling, rule P2.

    >>> from optimization.continuous_distributions import NormalDemand
    >>> simple_fill_rate_safety_stock(NormalDemand(50.0, 11.4), fill_rate=0.99, order_quantity=200.0).k.round(4)
    np.float64(0.5757)
    """

    def short(level: FloatArray) -> FloatArray:
        return lead_time_demand.losses(level).loss

    return _reaching(lead_time_demand, short, _share(fill_rate, "fill_rate"), _lot(order_quantity))


def fill_rate_of(lead_time_demand: Demand, *, reorder_point: ArrayLike, order_quantity: ArrayLike) -> FloatArray:
    """Share of demand met from stock by a reorder point and an order quantity: 1 − [n(r) − n(r + Q)]/Q.

    Raises:
        ValueError: NaN or infinite, or order_quantity not above 0.

    >>> from optimization.count_distributions import PoissonDemand
    >>> fill_rate_of(PoissonDemand(8.0), reorder_point=10, order_quantity=20).round(5)
    np.float64(0.97871)
    """
    point, lot = figures(reorder_point, "reorder_point"), _lot(order_quantity)
    losses = lead_time_demand.losses
    return share_met(losses(point).loss - losses(point + lot).loss, lot)


def _reaching(
    demand: Demand, short: Callable[[FloatArray], FloatArray], fill_rate: FloatArray, lot: FloatArray
) -> SafetyStock:
    most = (1 - fill_rate) * lot

    def reached(level: FloatArray) -> NDArray[np.bool_]:
        return np.asarray(short(level) <= most * (1 + TIE if demand.whole else 1.0))

    around = np.maximum(demand.mean - lot, -lot) if demand.whole else demand.mean
    step = np.maximum(demand.sd, 1e-3 * lot)
    return _of(demand, smallest_level(reached, around=around, step=step, whole=demand.whole))


def _of(demand: Demand, reorder_point: FloatArray) -> SafetyStock:
    mean, sd = demand.mean, demand.sd
    safety = reorder_point - mean
    return SafetyStock(
        safety_stock=np.asarray(safety),
        reorder_point=np.asarray(reorder_point),
        k=np.where(sd > 0, safety / np.where(sd > 0, sd, 1.0), 0.0),
        lead_time_demand_mean=mean,
        lead_time_demand_sd=sd,
        cycle_service_level=demand.cumulative(reorder_point),
        expected_shortage=demand.losses(reorder_point).loss,
    )


def _share(value: ArrayLike, name: str) -> FloatArray:
    return figures(value, name, least=0.0, most=1.0, exclude_least=True, exclude_most=True)


def _lot(order_quantity: ArrayLike) -> FloatArray:
    return figures(order_quantity, "order_quantity", least=0.0, exclude_least=True)
