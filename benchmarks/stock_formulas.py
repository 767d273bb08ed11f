"""What stocks come to by formulas: base stock, (r, Q), daily review, and Law's (s, S) over its 120 months.

Rates are per day, times days; the names of the figures are those that the simulator measures. Sources: P. Zipkin,
Foundations of Inventory Management, for base stock and (r, Q); H. Panjer's recursion for compound Poisson demand;
A. M. Law, Simulation Modeling and Analysis, 5th ed., section 1.5, for the system, whose expectations are calculated
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from queue_formulas import erlang_b
from scipy.stats import nbinom
from scipy.stats import poisson as poisson_law

Array = np.ndarray


def waiting_customers(rate: float, lead_time: float, level: int) -> dict[str, float]:
    """(S − 1, S) with backorders: what is on order is Poisson, whatever the lead times (Palm)."""
    on_order = poisson_law(rate * lead_time)
    short = float((1 - on_order.cdf(np.arange(level))).sum())
    backorders = rate * lead_time - short
    in_stock = float(on_order.cdf(level - 1))
    return {
        "no_backorder_share": float(on_order.cdf(level)),
        "fill_rate": in_stock,
        "ready_rate": in_stock,
        "average_on_hand": level - rate * lead_time + backorders,
        "average_backorders": backorders,
        "average_on_order": rate * lead_time,
        "mean_wait": backorders / rate,
    }


def lost_customers(rate: float, lead_time: float, level: int) -> dict[str, float]:
    """(S − 1, S) with lost sales: what is on order are the busy servers of a loss system (Erlang B)."""
    lost = erlang_b(level, rate * lead_time)
    on_order = rate * lead_time * (1 - lost)
    return {
        "fill_rate": 1 - lost,
        "ready_rate": 1 - lost,
        "average_on_hand": level - on_order,
        "average_on_order": on_order,
    }


@dataclass(frozen=True)
class FixedQuantity:
    """An (r, Q) system: Poisson demand, lead times uniform between two ends, backorders; costs a time, unit and day."""

    rate: float
    low: float
    high: float
    reorder_point: int
    quantity: int
    order_cost: float = 50.0
    holding_cost: float = 0.02
    backorder_cost: float = 0.4

    @property
    def crossing(self) -> float:
        """Most chance that an order is placed so soon after another that it can overtake it."""
        return float(poisson_law(self.rate * (self.high - self.low)).sf(self.quantity - 1))

    def expected(self) -> dict[str, float]:
        """The inventory position is uniform on r + 1, …, r + Q; a lead time later, net stock is it less demand."""
        nodes, weights = np.polynomial.legendre.leggauss(400)
        lead_times = (self.low + self.high) / 2 + (self.high - self.low) / 2 * nodes
        units = np.arange(self.reorder_point + self.quantity + 1)
        at_most = weights / 2 @ poisson_law.cdf(units, self.rate * lead_times[:, np.newaxis])
        positions = units[-self.quantity :]
        on_hand = float(np.cumsum(at_most)[positions - 1].mean())  # E max(0, y − D) = Σ P(D ≤ x), x < y
        backorders = on_hand - float(positions.mean()) + self.rate * (self.low + self.high) / 2
        orders = self.rate / self.quantity
        cost = self.order_cost * orders + self.holding_cost * on_hand + self.backorder_cost * backorders
        return {
            "fill_rate": float(at_most[positions - 1].mean()),
            "average_on_hand": on_hand,
            "average_backorders": backorders,
            "average_on_order": self.rate * (self.low + self.high) / 2,
            "orders_per_week": 7 * orders,
            "total_cost": cost,
        }


def poisson_day(mean: float) -> Array:
    """Chances of 0, 1, … units."""
    return np.asarray(poisson_law.pmf(np.arange(int(mean + 14 * mean**0.5 + 20)), mean))


def negative_binomial_day(mean: float, sd: float) -> Array:
    """Chances of 0, 1, … units; sd² above the mean."""
    chance = mean / sd**2
    return np.asarray(nbinom.pmf(np.arange(int(mean + 30 * sd + 20)), mean * chance / (1 - chance), chance))


def geometric_day(mean: float) -> Array:
    """Chances of 0, 1, … units, 0 of which never happens; a mean above 1."""
    units = np.arange(int(45 * mean))
    return np.asarray(np.where(units > 0, (1 - 1 / mean) ** (units - 1.0) / mean, 0.0))


def reviewed_by_day(day: Array, lead_days: int, level: int, period: int) -> dict[str, float]:
    """Base stock by periodic review, with backorders.

    A review comes after its midnight's demand; its order is there `lead_days` later, before that day's demand. So on
    the days lead_days + k after a review, k = 0, …, period − 1, stock is the level less the demand of so many days.

    Args:
        day: Chances of 0, 1, … units of demand in a day.
        lead_days: At least 1.
        level: Order-up-to level.
        period: Days between reviews.
    """
    mean = float(np.arange(len(day)) @ day)
    demand = np.array([1.0])
    for _ in range(lead_days - 1):
        demand = np.convolve(demand, day)
    short_before = _short(demand, level)
    on_hand = backorders = unowed = 0.0
    for _ in range(period):
        demand = np.convolve(demand, day)
        stock = level - np.arange(len(demand))
        on_hand += float(demand @ np.maximum(stock, 0)) / period
        backorders += _short(demand, level) / period
        unowed += float(demand[: level + 1].sum()) / period
    return {
        "average_on_hand": on_hand,
        "average_backorders": backorders,
        "no_backorder_share": unowed,
        "average_on_order": mean * lead_days,
        "fill_rate": 1 - (_short(demand, level) - short_before) / (mean * period),
    }


def _short(demand: Array, level: int) -> float:
    return float(demand @ np.maximum(np.arange(len(demand)) - level, 0))


@dataclass(frozen=True)
class MonthlyReview:
    """Law's (s, S) system: monthly review, up to S where stock is below s, there before the next review.

    Attributes:
        below, level: s and S.
        customers: A month.
        sizes: Chances of 1, 2, … units.
        low, high: Ends of the uniform lead time, months, at most 1.
        months: Of the run.
        start: Stock at its beginning.
        order_cost, unit_cost, holding_cost, shortage_cost: K, i, h and π.
    """

    below: int
    level: int
    customers: float = 10.0
    sizes: tuple[float, ...] = (0.167, 0.333, 0.333, 0.167)
    low: float = 0.5
    high: float = 1.0
    months: int = 120
    start: int = 60
    order_cost: float = 32.0
    unit_cost: float = 3.0
    holding_cost: float = 1.0
    shortage_cost: float = 5.0

    def expected(self) -> dict[str, float]:
        """Mean cost a month over the whole run: the chances of stock, month by month, without simulating."""
        top = max(self.level, self.start)
        most = int(self.customers * len(self.sizes) * 3 + 100)
        stock = np.arange(top, self.below - most - 1, -1)
        month = self.demand(1.0, most)
        chances = (stock == self.start).astype(np.float64)
        ordering = held = owed = 0.0
        held_by_stock, owed_by_stock = self._stock_of_a_month(stock, most)
        for _ in range(self.months):
            orders = np.where(stock < self.below, chances, 0.0)
            ordering += float(orders @ (self.order_cost + self.unit_cost * (self.level - stock)))
            held += float(chances @ held_by_stock)
            owed += float(chances @ owed_by_stock)
            chances = np.convolve(self._after_orders(stock, chances, orders), month)[: len(stock)]
        costs = {
            "ordering_cost+purchase_cost": ordering / self.months,
            "holding_cost": self.holding_cost * held / self.months,
            "backorder_cost": self.shortage_cost * owed / self.months,
        }
        return costs | {"total_cost": sum(costs.values())}

    def demand(self, time: float, most: int) -> Array:
        """Chances of 0, …, `most` units asked for in a time (Panjer)."""
        rate = self.customers * time
        chances = np.zeros(most + 1)
        chances[0] = np.exp(-rate)
        weighted = np.arange(1, len(self.sizes) + 1) * self.sizes
        for units in range(1, most + 1):
            reach = min(units, len(self.sizes))
            chances[units] = rate / units * float(weighted[:reach] @ chances[units - reach : units][::-1])
        return chances

    def _after_orders(self, stock: Array, chances: Array, orders: Array) -> Array:
        """Chances of stock by the end of the month, before its demand: what was ordered has come."""
        after = chances - orders
        after[stock == self.level] += orders.sum()
        return after

    def _stock_of_a_month(self, stock: Array, most: int) -> tuple[Array, Array]:
        """Mean units on hand, and owed, over a month that begins with each stock."""
        nodes, weights = np.polynomial.legendre.leggauss(24)
        held = np.zeros(len(stock))
        owed = np.zeros(len(stock))
        ends = sorted({0.0, self.low, self.high, 1.0})
        for start, end in pairwise(ends):
            for time, weight in zip(
                (start + end) / 2 + (end - start) / 2 * nodes, weights * (end - start) / 2, strict=True
            ):
                arrived = min(max((time - self.low) / (self.high - self.low), 0.0), 1.0)
                on_hand, short = self._around_zero(stock, time, most)
                at_level = int(np.flatnonzero(stock == self.level)[0])
                ordered = stock < self.below
                for total, now in ((held, on_hand), (owed, short)):
                    total += weight * np.where(ordered, (1 - arrived) * now + arrived * now[at_level], now)
        return held, owed

    def _around_zero(self, stock: Array, time: float, most: int) -> tuple[Array, Array]:
        """Mean units on hand, and owed, a time after each stock, without receipts."""
        demand = self.demand(time, most)
        at_most = np.concatenate([[0.0], np.cumsum(np.cumsum(demand))])  # Σ P(D ≤ x) over x < y
        on_hand = np.where(stock > 0, at_most[np.clip(stock, 0, most)], 0.0)
        mean = self.customers * time * float(np.arange(1, len(self.sizes) + 1) @ self.sizes)
        return on_hand, on_hand - stock + mean
