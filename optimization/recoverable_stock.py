"""Sold units that come back: what lead-time demand is left, and lots where returns are made as good as new."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray
from optimization.figures import figures, require

PMF_ROUNDING = 1e-9


@dataclass(frozen=True)
class NetDemand:
    """Demand less returns over a lead time, each of shape (...).

    Attributes:
    mean: Units.
    variance: Units squared.
    sd: Its root, units.
    """

    mean: FloatArray
    variance: FloatArray
    sd: FloatArray


@dataclass(frozen=True)
class RecoveryLots:
    """Attributes, each of shape (...):
    purchase_quantity: New units per purchase.
    recovery_quantity: Returned units per batch made as good as new; 0 where nothing returns.
    recoveries_per_purchase: Batches between two purchases.
    cost_rate: Ordering and holding cost per period.
    """

    purchase_quantity: FloatArray
    recovery_quantity: FloatArray
    recoveries_per_purchase: FloatArray
    cost_rate: FloatArray


def net_lead_time_demand(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    lead_time: ArrayLike,
    return_share: ArrayLike,
    return_delay_pmf: ArrayLike,
) -> NetDemand:
    """Demand less returns over a lead time when only average behaviour is known.

    Each sold unit comes back, in a state to be sold again, with probability return_share, k periods after its sale
    with the chance given for k; units are independent of each other, and demand of each period of all others.
    Returns of the lead time come from sales within it, and from sales before it.

    Args:
        demand_mean: Units per period, ≥ 0, one number or shape (...).
        demand_sd: Units, ≥ 0, likewise.
        lead_time: Whole periods, ≥ 0, likewise; with a review period, the protection interval.
        return_share: Between 0 and 1, likewise.
        return_delay_pmf: Chance that a return comes 0 (in the period of sale), 1, 2, … periods later, of shape
            (delay,) or (..., delay); sums to 1.

    Raises:
        ValueError: Out of range, shapes that do not fit, or chances that do not sum to 1.

    Source: Kelle and Silver (1989), the method that knows averages only.

    >>> net = net_lead_time_demand(
    ...     demand_mean=100.0, demand_sd=20.0, lead_time=2, return_share=0.5, return_delay_pmf=[0.0, 1.0])
    >>> net.mean, net.variance
    (array(100.), array(650.))
    """
    mean, sd = np.asarray(demand_mean, dtype=np.float64), np.asarray(demand_sd, dtype=np.float64)
    total, variance, periods, share, delay = _of_new_sales(
        demand_mean, demand_sd, lead_time, return_share, return_delay_pmf
    )
    for age in range(delay.shape[-1]):
        back = share * (_returned_by(delay, periods + age) - _returned_by(delay, np.full(periods.shape, age)))
        total -= mean * back
        variance += mean * back * (1.0 - back) + sd**2 * back**2
    return NetDemand(mean=total, variance=variance, sd=np.sqrt(variance))


def net_lead_time_demand_of_sales(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    lead_time: ArrayLike,
    return_share: ArrayLike,
    return_delay_pmf: ArrayLike,
    past_sales: ArrayLike,
) -> NetDemand:
    """`net_lead_time_demand` when it is known how much was sold in each of the last periods.

    Args:
        past_sales: Units sold in the period just ended, the one before, and so on, ≥ 0, shape (period,) or
            (..., period); sales before those given are taken as none. As many as return_delay_pmf has delays but
            the first count; more have no effect.

    The other arguments, the answer and the errors are those of `net_lead_time_demand`.

    Source: Kelle and Silver (1989), the method that knows past sales.

    >>> net = net_lead_time_demand_of_sales(
    ...     demand_mean=100.0, demand_sd=20.0, lead_time=2, return_share=0.5, return_delay_pmf=[0.0, 1.0],
    ...     past_sales=[140.0])
    >>> net.mean, net.variance
    (array(80.), array(560.))
    """
    sales = figures(past_sales, "past_sales", least=0.0)
    mean, variance, periods, share, delay = _of_new_sales(
        demand_mean, demand_sd, lead_time, return_share, return_delay_pmf
    )
    for age in range(_columns(sales, "past_sales")):
        back = share * (_returned_by(delay, periods + age) - _returned_by(delay, np.full(periods.shape, age)))
        mean = mean - sales[..., age] * back
        variance = variance + sales[..., age] * back * (1.0 - back)
    return NetDemand(mean=np.asarray(mean), variance=np.asarray(variance), sd=np.asarray(np.sqrt(variance)))


def net_lead_time_demand_of_units_out(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    lead_time: ArrayLike,
    return_share: ArrayLike,
    return_delay_pmf: ArrayLike,
    units_out: ArrayLike,
) -> NetDemand:
    """`net_lead_time_demand` when each unit is tracked: how many of each period's sales have not come back yet.

    Args:
        units_out: Units of the sales of the period just ended, the one before, and so on, that are still out, ≥ 0,
            shape (period,) or (..., period).

    The other arguments, the answer and the errors are those of `net_lead_time_demand`.

    Source: Kelle and Silver (1989), the method that knows past sales and returns.

    >>> net = net_lead_time_demand_of_units_out(
    ...     demand_mean=100.0, demand_sd=20.0, lead_time=1, return_share=0.5, return_delay_pmf=[0.0, 0.5, 0.5],
    ...     units_out=[140.0, 90.0])
    >>> net.mean.round(6), net.variance.round(6)
    (np.float64(35.0), np.float64(446.25))
    """
    out = figures(units_out, "units_out", least=0.0)
    mean, variance, periods, share, delay = _of_new_sales(
        demand_mean, demand_sd, lead_time, return_share, return_delay_pmf
    )
    for age in range(_columns(out, "units_out")):
        already = share * _returned_by(delay, np.full(periods.shape, age))
        coming = share * _returned_by(delay, periods + age) - already
        back = np.where(already < 1.0, coming / np.where(already < 1.0, 1.0 - already, 1.0), 0.0)
        mean = mean - out[..., age] * back
        variance = variance + out[..., age] * back * (1.0 - back)
    return NetDemand(mean=np.asarray(mean), variance=np.asarray(variance), sd=np.asarray(np.sqrt(variance)))


def schrady_lots(
    *,
    demand_rate: ArrayLike,
    return_share: ArrayLike,
    purchase_order_cost: ArrayLike,
    recovery_order_cost: ArrayLike,
    holding_cost: ArrayLike,
    return_holding_cost: ArrayLike,
) -> RecoveryLots:
    """Purchase and recovery lots of least cost when a share of steady demand comes back and is made as good as new.

    One purchase, then as many recoveries as the returns allow, without lead times. Quantities and the number of
    recoveries are unrounded: `schrady_whole_lots` makes the number whole.

        purchase Q_p = √(2 K_p λ (1 − r) / (h (1 − r) + u r)),  recovery Q_r = √(2 K_r λ / (h + u))

    Args:
        demand_rate: λ, units per period, ≥ 0.
        return_share: r, share of demand that returns and is recovered, at least 0 and less than 1.
        purchase_order_cost: K_p, money per purchase, ≥ 0.
        recovery_order_cost: K_r, money per recovery batch, ≥ 0.
        holding_cost: h, money per serviceable unit and period, > 0.
        return_holding_cost: u, money per unit that waits for recovery and period, ≥ 0. Shapes broadcast.

    Raises:
        ValueError: Out of range.

    Source: Schrady (1967).

    >>> lots = schrady_lots(demand_rate=1000.0, return_share=0.8, purchase_order_cost=100.0,
    ...     recovery_order_cost=20.0, holding_cost=5.0, return_holding_cost=1.0)
    >>> lots.purchase_quantity.round(1), lots.recovery_quantity.round(1), lots.cost_rate.round(1)
    (np.float64(149.1), np.float64(81.6), np.float64(660.2))
    """
    rate, share, purchase, recovery, holding, waiting = _recovery_terms(
        demand_rate, return_share, purchase_order_cost, recovery_order_cost, holding_cost, return_holding_cost
    )
    new = 1.0 - share
    bought = np.sqrt(2.0 * purchase * rate * new / (holding * new + waiting * share))
    recovered = np.where(share > 0, np.sqrt(2.0 * recovery * rate / (holding + waiting)), 0.0)
    batches = np.where(recovered > 0, share * bought / (new * np.where(recovered > 0, recovered, 1.0)), np.inf)
    cost = np.sqrt(2.0 * purchase * rate * new * (holding * new + waiting * share))
    cost = cost + share * np.sqrt(2.0 * recovery * rate * (holding + waiting))
    return RecoveryLots(
        purchase_quantity=np.asarray(bought),
        recovery_quantity=np.asarray(recovered),
        recoveries_per_purchase=np.asarray(np.where((share > 0) & (rate > 0), batches, 0.0)),
        cost_rate=np.asarray(cost),
    )


def schrady_whole_lots(
    *,
    demand_rate: ArrayLike,
    return_share: ArrayLike,
    purchase_order_cost: ArrayLike,
    recovery_order_cost: ArrayLike,
    holding_cost: ArrayLike,
    return_holding_cost: ArrayLike,
) -> RecoveryLots:
    """`schrady_lots` with the best whole number of recoveries, one or more, after each purchase.

    For n recoveries in a cycle the cost is 2 √((K_p + n K_r) (α + β / n) λ / 2) with α = h (1 − r)² + u r (1 − r)
    and β = r² (h + u); its square is convex in n, so the best n is next to √(K_p β / (K_r α)).

    Arguments and errors are those of `schrady_lots`, but recovery_order_cost > 0 where anything returns.

    >>> lots = schrady_whole_lots(demand_rate=1000.0, return_share=0.8, purchase_order_cost=100.0,
    ...     recovery_order_cost=20.0, holding_cost=5.0, return_holding_cost=1.0)
    >>> lots.recoveries_per_purchase, lots.purchase_quantity.round(1), lots.cost_rate.round(1)
    (array(7.), np.float64(145.4), np.float64(660.4))
    """
    rate, share, purchase, recovery, holding, waiting = _recovery_terms(
        demand_rate, return_share, purchase_order_cost, recovery_order_cost, holding_cost, return_holding_cost
    )
    require((recovery > 0) | (share == 0), "recovery_order_cost must be more than 0 where units return", recovery)
    new = 1.0 - share
    alpha = holding * new**2 + waiting * share * new
    beta = share**2 * (holding + waiting)
    returns = share > 0
    wanted = np.sqrt(purchase * beta / np.where(returns, recovery * alpha, 1.0))
    fewer, more = np.maximum(np.floor(wanted), 1.0), np.maximum(np.ceil(wanted), 1.0)

    def squared(batches: FloatArray) -> FloatArray:
        return np.asarray((purchase + np.where(returns, batches * recovery, 0.0)) * (alpha + beta / batches))

    batches = np.where(squared(fewer) <= squared(more), fewer, more)
    ordering = purchase + np.where(returns, batches * recovery, 0.0)
    burden = 0.5 * rate * (alpha + beta / batches)
    cycle = np.where(rate > 0, np.sqrt(ordering / np.where(rate > 0, burden, 1.0)), 0.0)
    return RecoveryLots(
        purchase_quantity=np.asarray(new * rate * cycle),
        recovery_quantity=np.asarray(share * rate * cycle / batches),
        recoveries_per_purchase=np.asarray(np.where(returns & (rate > 0), batches, 0.0)),
        cost_rate=np.asarray(2.0 * np.sqrt(ordering * burden)),
    )


def _interval(
    lead_time: ArrayLike, return_share: ArrayLike, return_delay_pmf: ArrayLike
) -> tuple[IntArray, FloatArray, FloatArray]:
    periods = figures(lead_time, "lead_time", least=0.0)
    require(periods == np.round(periods), "lead_time must be whole periods", periods)
    share = figures(return_share, "return_share", least=0.0, most=1.0)
    delay = figures(return_delay_pmf, "return_delay_pmf", least=0.0)
    if delay.ndim == 0 or delay.shape[-1] == 0:
        raise ValueError(f"return_delay_pmf must have at least one delay on its last axis, got shape {delay.shape}")
    totals = delay.sum(axis=-1)
    require(np.abs(totals - 1.0) <= PMF_ROUNDING, "return_delay_pmf must sum to 1 over delays", totals)
    return periods.astype(np.int64), share, np.asarray(delay / totals[..., None])


def _shape(**arrays: FloatArray | IntArray) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes must fit together, got {shapes}") from None


def _returned_by(delay: FloatArray, periods: IntArray) -> FloatArray:
    """Chance that a return has come by so many periods after the sale."""
    reached = np.concatenate([np.zeros((*delay.shape[:-1], 1)), np.cumsum(delay, axis=-1)], axis=-1)
    shape = np.broadcast_shapes(delay.shape[:-1], periods.shape)
    place = np.broadcast_to(np.clip(periods + 1, 0, delay.shape[-1]), shape)[..., None]
    chances = np.broadcast_to(reached, (*shape, reached.shape[-1]))
    return np.asarray(np.take_along_axis(chances, place, axis=-1)[..., 0])


def _columns(sales: FloatArray, name: str) -> int:
    if sales.ndim == 0:
        raise ValueError(f"{name} must have one column per past period, got one number")
    return int(sales.shape[-1])


def _of_new_sales(
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    lead_time: ArrayLike,
    return_share: ArrayLike,
    return_delay_pmf: ArrayLike,
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray, FloatArray]:
    """Mean and variance of demand of the lead time less its own returns, and the checked rest."""
    mean = figures(demand_mean, "demand_mean", least=0.0)
    sd = figures(demand_sd, "demand_sd", least=0.0)
    periods, share, delay = _interval(lead_time, return_share, return_delay_pmf)
    shape = _shape(
        demand_mean=mean, demand_sd=sd, lead_time=periods, return_share=share, return_delay_pmf=delay[..., 0]
    )
    total, variance = np.zeros(shape), np.zeros(shape)
    for sale in range(1, int(periods.max(initial=0)) + 1):
        back = share * _returned_by(delay, periods - sale)
        inside = sale <= periods
        total += np.where(inside, mean * (1.0 - back), 0.0)
        variance += np.where(inside, mean * back * (1.0 - back) + sd**2 * (1.0 - back) ** 2, 0.0)
    return total, variance, periods, share, delay


def _recovery_terms(
    demand_rate: ArrayLike,
    return_share: ArrayLike,
    purchase_order_cost: ArrayLike,
    recovery_order_cost: ArrayLike,
    holding_cost: ArrayLike,
    return_holding_cost: ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    rate = figures(demand_rate, "demand_rate", least=0.0)
    share = figures(return_share, "return_share", least=0.0, most=1.0, exclude_most=True)
    purchase = figures(purchase_order_cost, "purchase_order_cost", least=0.0)
    recovery = figures(recovery_order_cost, "recovery_order_cost", least=0.0)
    holding = figures(holding_cost, "holding_cost", least=0.0, exclude_least=True)
    waiting = figures(return_holding_cost, "return_holding_cost", least=0.0)
    shape = _shape(
        demand_rate=rate,
        return_share=share,
        purchase_order_cost=purchase,
        recovery_order_cost=recovery,
        holding_cost=holding,
        return_holding_cost=waiting,
    )
    broadcast = [np.broadcast_to(each, shape) for each in (rate, share, purchase, recovery, holding, waiting)]
    return broadcast[0], broadcast[1], broadcast[2], broadcast[3], broadcast[4], broadcast[5]
