"""What service costs: the least stock for every fill rate, where today's stock lies beside it, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data import demand_history
from data.connection import Database
from data.errors import StockwrightError
from orders.terms import Terms
from service.planning_inputs import PlanningInputs, closing_moment, planning_inputs
from service.stock_levels import PERIODS_PER_YEAR, LimitsConflict, asked_of, planned_demand

if TYPE_CHECKING:
    from optimization import StockLevels
    from optimization.frontier import Frontier

HELD_DAYS = 91
COVER_WEEKS = (2.0, 3.0, 4.0, 6.0, 8.0)
STEP = 1000.0
"""The amount of money by which planners think."""
CLASSES = ("A", "B", "C")
_ALL_CORNERS = 5_000_000

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class NothingDemanded(StockwrightError):
    """No item is expected to be demanded, so that service costs nothing."""

    def __init__(self) -> None:
        super().__init__("no item is expected to be demanded, so that there is no service to pay for")


@dataclass(frozen=True)
class ServicePoint:
    """A place on the picture: average stock at cost, and the share of demand met from it, by value."""

    stock_value: float
    fill_rate: float


@dataclass(frozen=True, eq=False)
class ServiceCost:
    """What service costs as planned now.

    Attributes:
        as_of: The last day known.
        terms: The planner's.
        items: One row per SKU and location, on the index of `PlanningInputs.points`: sku, name, location, abc (by value
            of demand), demand_value (a year's), is_counted, held (units on average), reorder_point (that such a stock
            implies), stock_value and fill_rate (of today).
        curve: Least stock for every fill rate, with each item's floor and without the budget.
        today: What is held today, in items with demand.
        cover: weeks, stock_value, fill_rate of holding the same weeks of demand in every item.
        undemanded_stock: Money in items for which no demand is expected; in none of the other figures.
        asked: Arguments of the optimization.
    """

    as_of: date
    terms: Terms
    items: pd.DataFrame
    curve: Frontier
    today: ServicePoint
    cover: pd.DataFrame
    undemanded_stock: float
    asked: dict[str, Any]

    @property
    def least_stock(self) -> float | None:
        """Stock that today's fill rate needs; None beyond what the forecasts can vouch for."""
        return self.curve.stock_value_at(self.today.fill_rate)

    @property
    def best_fill_rate(self) -> float | None:
        """Fill rate that today's stock can buy; None where it is less than the items' floors need."""
        return self.curve.fill_rate_at(self.today.stock_value)

    @property
    def year_of_demand(self) -> float:
        """Value of a year's demand."""
        return float(self.items["demand_value"].sum())

    @property
    def choices(self) -> tuple[float, float]:
        """Least and highest fill rate to choose from, whole thousandths."""
        lowest = np.ceil(self.curve.fill_rate[0] * 1000) / 1000
        highest = np.floor(min(self.curve.fill_rate[-1], 0.999) * 1000) / 1000
        return float(min(lowest, highest)), float(highest)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Levels for a fill rate, and how they differ from today's.

    Attributes:
        target: The fill rate asked for.
        point: What whole units come to.
        holding_cost: A year.
        price_of_point: Money of stock for one more point of fill rate.
        next_step: Fill rate that the next 1,000 of stock buy; 0 at the end.
        prices: The same in words, and those of other limits.
        classes: abc, items, demand_value, today_stock_value, stock_value, today_fill_rate, fill_rate; one row each.
        moves: sku, name, location, from_reorder_point, to_reorder_point, today_stock_value, stock_value, money (change
            of stock), points (change of the aggregate fill rate, in points), why; largest money first.
    """

    target: float
    point: ServicePoint
    holding_cost: float
    price_of_point: float
    next_step: float
    prices: tuple[str, ...]
    classes: pd.DataFrame
    moves: pd.DataFrame

    @property
    def freed(self) -> float:
        """Money of stock that the moves free, ≥ 0."""
        return -float(self.moves["money"].clip(upper=0).sum())

    @property
    def put_in(self) -> float:
        """Money of stock that the moves put in, ≥ 0."""
        return float(self.moves["money"].clip(lower=0).sum())


def service_cost(database: Database, *, as_of: date | None = None, at: datetime) -> ServiceCost:
    """What service costs in the company as planned now.

    Args:
        database: Where the history is.
        as_of: The last day known; the last complete business day by default.
        at: Now: what the planner said by now counts.

    Raises:
        NothingToPlan: there are no orders.
        NothingDemanded: no demand is expected.
        LimitsConflict: an item's floor asks for more than its forecast can vouch for.
    """
    with database.reading() as connection:
        inputs = planning_inputs(connection, as_of=as_of, at=at)
    return cost_of(database, inputs, planned_demand(inputs))


def cost_of(database: Database, inputs: PlanningInputs, forecasts: pd.DataFrame) -> ServiceCost:
    """What service costs, from inputs and forecasts that are there already.

    Args:
        database: Where stock movements are.
        inputs: What the plan rests on.
        forecasts: As `planned_demand` gives them.

    Raises:
        NothingDemanded, LimitsConflict: as `service_cost`.
    """
    from optimization import Infeasible
    from optimization.frontier import frontier

    asked = asked_of(inputs, forecasts)
    rate = np.asarray(asked["demand_rate"])
    if not rate.any():
        raise NothingDemanded
    try:
        curve = frontier(**asked, fill_rate_floor=inputs.terms.fill_rate_floor, most_corners=_ALL_CORNERS)
    except Infeasible as conflict:
        raise LimitsConflict(str(conflict), conflict.best_fill_rate, conflict.smallest_budget) from conflict
    held = _held(database, inputs, rate)
    today, *covers = _implied([held, *(rate * weeks for weeks in COVER_WEEKS)], asked)
    items = _items(inputs, asked, held).join(today)
    points = [_point(cover, asked) for cover in covers]
    return ServiceCost(
        as_of=inputs.as_of,
        terms=inputs.terms,
        items=items,
        curve=curve,
        today=_point(today, asked),
        cover=pd.DataFrame(
            {
                "weeks": COVER_WEEKS,
                "stock_value": [point.stock_value for point in points],
                "fill_rate": [point.fill_rate for point in points],
            }
        ),
        undemanded_stock=float((held * inputs.points["unit_cost"].to_numpy())[rate <= 0].sum()),
        asked=asked,
    )


def at_target(cost: ServiceCost, fill_rate: float) -> Chosen:
    """The best levels for a fill rate and how they differ from today's.

    Args:
        cost: What service costs.
        fill_rate: Target, by value, in (0, 1).

    Raises:
        LimitsConflict: no levels reach it.
        ValueError: a target that cannot be.
    """
    from optimization import Infeasible, safety_stock_levels

    floor = min(cost.terms.fill_rate_floor, fill_rate)
    try:
        levels = safety_stock_levels(
            **cost.asked, fill_rate_target=fill_rate, fill_rate_floor=floor, objective="stock value"
        )
    except Infeasible as conflict:
        raise LimitsConflict(str(conflict), conflict.best_fill_rate, conflict.smallest_budget) from conflict
    point = ServicePoint(levels.total_stock_value, levels.achieved_fill_rate)
    next_step = _bought(cost.curve, STEP, point.stock_value)
    return Chosen(
        target=fill_rate,
        point=point,
        holding_cost=levels.holding_cost * PERIODS_PER_YEAR,
        price_of_point=levels.price_of_fill_rate,
        next_step=next_step,
        prices=_prices(cost, levels, next_step),
        classes=_classes(cost, levels),
        moves=_moves(cost, levels),
    )


def plan_point(cost: ServiceCost) -> ServicePoint | None:
    """What the plan's own target comes to without a budget; None where it cannot be reached."""
    try:
        return at_target(cost, cost.terms.fill_rate_target).point
    except LimitsConflict:
        return None


# Today


def _held(database: Database, inputs: PlanningInputs, rate: FloatArray) -> FloatArray:
    """Units held on average: as counted over the last days, else the weeks of demand that the terms assume."""
    points, terms = inputs.points, inputs.terms
    with database.reading() as connection:
        closing = demand_history.daily_closing_stock(
            connection, closed_at=closing_moment(inputs.as_of, terms.time_zone), time_zone=terms.time_zone
        )
    mean = mean_closing_stock(closing, as_of=inputs.as_of, days=HELD_DAYS)
    keys = ["sku_id", "location_id"]
    counted = points[keys].merge(mean, on=keys, how="left")["on_hand"].fillna(points["on_hand"]).to_numpy()
    held = np.where(points["is_counted"], counted, rate * terms.opening_stock_weeks)
    return np.maximum(held.astype(np.float64), 0.0)


def mean_closing_stock(closing: pd.DataFrame, *, as_of: date, days: int) -> pd.DataFrame:
    """Mean stock at the close of the last days, of each SKU and location, from its first movement on.

    Args:
        closing: As `daily_closing_stock` gives it.
        as_of: The last day.
        days: How many.

    Returns:
        sku_id, location_id, on_hand (units).
    """
    end = np.datetime64(as_of, "D") + 1
    begin = end - days
    since = closing["ds"].to_numpy().astype("datetime64[D]")
    until = closing["next_ds"].to_numpy().astype("datetime64[D]")
    until = np.where(np.isnat(until), end, until)
    length = (np.minimum(until, end) - np.maximum(since, begin)).astype(np.int64).clip(min=0)
    weighed = closing.assign(unit_days=closing["on_hand"] * length, days=length)
    sums = weighed.groupby(["sku_id", "location_id"], as_index=False)[["unit_days", "days"]].sum()
    sums = sums[sums["days"] > 0]
    return sums.assign(on_hand=sums["unit_days"] / sums["days"])[["sku_id", "location_id", "on_hand"]]


def _implied(held: Sequence[FloatArray], asked: dict[str, Any]) -> list[pd.DataFrame]:
    """The policies that average stocks imply: reorder_point, stock_value and fill_rate of each item.

    What no reorder point explains is still paid for: stock beyond the highest that the forecast can vouch for. Where
    less is held than the lots alone bring, the lots' stock is taken, as the fill rate is theirs too.
    """
    from optimization.frontier import implied_policies

    is_demanded = np.asarray(asked["demand_rate"]) > 0
    return [
        pd.DataFrame(
            {
                "reorder_point": implied.reorder_point,
                "stock_value": np.where(
                    is_demanded, np.maximum(units * asked["unit_cost"], implied.sku_stock_value), 0.0
                ),
                "fill_rate": implied.sku_fill_rate,
            }
        )
        for units, implied in zip(held, implied_policies(held, **asked), strict=True)
    ]


def _point(policy: pd.DataFrame, asked: dict[str, Any]) -> ServicePoint:
    fill = float(_share(asked) @ policy["fill_rate"].to_numpy())
    return ServicePoint(float(policy["stock_value"].sum()), fill)


def _share(asked: dict[str, Any]) -> FloatArray:
    """Weight of each item's fill rate in the aggregate."""
    value = np.asarray(asked["unit_value"]) * np.asarray(asked["demand_rate"])
    return np.asarray(value / value.sum())


def _items(inputs: PlanningInputs, asked: dict[str, Any], held: FloatArray) -> pd.DataFrame:
    from forecasting.demand_class import abc_classes

    points = inputs.points
    value = points["unit_price"].to_numpy() * asked["demand_rate"] * PERIODS_PER_YEAR
    frame = points[["sku", "name", "location", "is_counted"]].copy()
    frame["demand_value"] = value
    frame["abc"] = abc_classes(np.asarray(asked["unit_value"]) * asked["demand_rate"])
    frame["held"] = held
    return frame.reset_index(drop=True)


# The choice


def _bought(curve: Frontier, money: float, stock_value: float) -> float:
    """Fill rate that more stock buys."""
    here, there = curve.fill_rate_at(stock_value), curve.fill_rate_at(stock_value + money)
    return 0.0 if here is None or there is None else there - here


def _prices(cost: ServiceCost, levels: StockLevels, next_step: float) -> tuple[str, ...]:
    currency = cost.terms.currency
    asked = f"One point more than {levels.achieved_fill_rate:.1%} would cost"
    first = f"{asked} {currency} {levels.price_of_fill_rate:,.0f} of stock."
    others = [outcome.sentence() for outcome in levels.limits if outcome.measure != "fill rate"]
    more = f"The next {currency} {STEP:,.0f} of stock would buy {next_step * 100:,.3g} points of fill rate"
    if cost.year_of_demand > 0:
        more += f", or {currency} {next_step * cost.year_of_demand:,.0f} of demand a year"
    return (first, *(_capital(one) for one in others), f"{more}.")


def _classes(cost: ServiceCost, levels: StockLevels) -> pd.DataFrame:
    items, share = cost.items, _share(cost.asked)
    together = items.assign(
        share=share,
        met_today=share * items["fill_rate"].to_numpy(),
        met=share * levels.fill_rate,
        chosen=levels.average_stock_value,
        is_one=np.asarray(cost.asked["demand_rate"]) > 0,
    )
    sums = together[together["is_one"]].groupby("abc").sum(numeric_only=True)
    sums = sums.reindex([name for name in CLASSES if name in sums.index])
    weight = sums["share"].where(sums["share"] > 0)
    return pd.DataFrame(
        {
            "abc": sums.index,
            "items": sums["is_one"].astype(np.int64).to_numpy(),
            "demand_value": sums["demand_value"].to_numpy(),
            "today_stock_value": sums["stock_value"].to_numpy(),
            "stock_value": sums["chosen"].to_numpy(),
            "today_fill_rate": (sums["met_today"] / weight).to_numpy(),
            "fill_rate": (sums["met"] / weight).to_numpy(),
        }
    )


def _moves(cost: ServiceCost, levels: StockLevels) -> pd.DataFrame:
    """Items whose reorder point changes, or whose stock does by a unit or more."""
    from optimization import level_reason

    items = cost.items
    money = levels.average_stock_value - items["stock_value"].to_numpy()
    points = _share(cost.asked) * (levels.fill_rate - items["fill_rate"].to_numpy()) * 100
    is_moved = (levels.reorder_point != items["reorder_point"].to_numpy()) | (np.abs(money) >= cost.asked["unit_cost"])
    order = np.lexsort((np.arange(len(money)), -np.abs(money)))
    order = order[is_moved[order]]
    moved = items.iloc[order]
    return pd.DataFrame(
        {
            "sku": moved["sku"].to_numpy(),
            "name": moved["name"].to_numpy(),
            "location": moved["location"].to_numpy(),
            "from_reorder_point": moved["reorder_point"].to_numpy(),
            "to_reorder_point": levels.reorder_point[order],
            "today_stock_value": moved["stock_value"].to_numpy(),
            "stock_value": levels.average_stock_value[order],
            "money": money[order],
            "points": points[order],
            "why": [_capital(level_reason(levels, int(sku), currency=cost.terms.currency)) for sku in order],
        }
    )


def _capital(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}"


# In words


def verdict(cost: ServiceCost) -> str:
    """Today's stock against the best: the same fill rate for less, or more for the same."""
    currency, today = cost.terms.currency, cost.today
    said = f"Today's {currency} {today.stock_value:,.0f} of stock meet {today.fill_rate:.1%} of demand by value."
    return " ".join([said, _same_fill_rate(cost, currency), _same_stock(cost)])


def _same_fill_rate(cost: ServiceCost, currency: str) -> str:
    least = cost.least_stock
    if least is None:
        return "So high a fill rate is more than the forecasts can vouch for."
    saved = cost.today.stock_value - least
    if saved <= 0:
        floor = f"each item's floor of {cost.terms.fill_rate_floor:.0%}"
        return f"With {floor} kept, the same fill rate needs {currency} {least:,.0f}: nothing can be saved."
    share = saved / cost.today.stock_value
    return f"The same fill rate needs {currency} {least:,.0f}: {currency} {saved:,.0f} less ({share:.1%})."


def _same_stock(cost: ServiceCost) -> str:
    best = cost.best_fill_rate
    if best is None:
        return "The items' floors alone need more stock than that."
    gained = (best - cost.today.fill_rate) * 100
    if gained <= 0:
        return "The same stock buys no more."
    return f"The same stock, held elsewhere, could meet {best:.1%}: {gained:.1f} points more."


def assumptions(cost: ServiceCost) -> tuple[str, ...]:
    """On what today's place rests, in words."""
    items, weeks = cost.items, cost.terms.opening_stock_weeks
    counted, total = int(items["is_counted"].sum()), len(items)
    assumed = f"{weeks:g} weeks of demand are assumed to be held on average (term opening_stock_weeks)"
    if not counted:
        said = [f"Stock was never counted: {assumed} in each of the {total:,} items."]
    else:
        said = [f"Today is the mean stock at the close of the last {HELD_DAYS} days of {counted:,} items."]
        if counted < total:
            said.append(f"{total - counted:,} items were never counted: {assumed}.")
    if cost.undemanded_stock > 0:
        said.append(
            f"{cost.terms.currency} {cost.undemanded_stock:,.0f} more lie in items for which no demand is expected;"
            " they are in none of these figures."
        )
    return tuple(said)


def corners(cost: ServiceCost, *, number: int = 10) -> pd.DataFrame:
    """Some corners of the curve, closer together where service is dear.

    Returns:
        fill_rate, stock_value, holding_cost (a year), price_of_point (money of stock for one more).
    """
    curve = cost.curve
    lowest, highest = cost.choices
    wanted = 1 - np.geomspace(1 - lowest, 1 - highest, number)
    at = np.unique(np.minimum(np.searchsorted(curve.fill_rate, wanted), len(curve.fill_rate) - 1))
    price = curve.price[at] / 100
    return pd.DataFrame(
        {
            "fill_rate": curve.fill_rate[at],
            "stock_value": curve.stock_value[at],
            "holding_cost": curve.holding_cost[at] * PERIODS_PER_YEAR,
            "price_of_point": np.where(np.isfinite(price), price, np.nan),
        }
    )


def drawn_curve(cost: ServiceCost, *, most: int = 400) -> tuple[Sequence[float], Sequence[float]]:
    """Stock values and fill rates of the curve, thinned to what a picture shows."""
    rates = np.unique(np.concatenate((cost.curve.fill_rate[[0, -1]], _spread(cost.curve, most))))
    return np.interp(rates, cost.curve.fill_rate, cost.curve.stock_value).tolist(), rates.tolist()


def _spread(curve: Frontier, most: int) -> FloatArray:
    """Fill rates spread evenly by money and by fill rate, so that neither end is coarse."""
    by_rate = np.linspace(curve.fill_rate[0], curve.fill_rate[-1], most // 2)
    money = np.geomspace(max(curve.stock_value[0], 1e-9), max(curve.stock_value[-1], 1e-9), most // 2)
    return np.concatenate((by_rate, np.interp(money, curve.stock_value, curve.fill_rate)))
