"""How much will be demanded until the next delivery, and how much to hold against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.errors import StockwrightError
from service.demand_adjusting import adjusted, uplifted
from service.demand_said import DemandSaid
from service.planning_inputs import PlanningInputs
from service.succession import handed_over

if TYPE_CHECKING:
    from forecasting import Panel

LEVELS = (
    0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9,
    0.925, 0.95, 0.965, 0.98, 0.99, 0.995, 0.999, 0.9999,
)  # fmt: skip
PERIOD_DAYS = 7
PERIODS_PER_YEAR = 365.25 / PERIOD_DAYS


class LimitsConflict(StockwrightError):
    """Target, floors and budget cannot all be kept.

    `best_fill_rate` is what the budget can buy, `smallest_budget` what the target needs, in the company's
    currency; None where it has no answer.
    """

    def __init__(self, conflict: str, best_fill_rate: float | None, smallest_budget: float | None) -> None:
        self.conflict, self.best_fill_rate, self.smallest_budget = conflict, best_fill_rate, smallest_budget
        super().__init__(f"no plan keeps all limits: {conflict}")


@dataclass(frozen=True)
class Levels:
    """Forecast and policy of each point, on the index of `PlanningInputs.points`.

    frame: weekly_rate, mean, sd (demand over the protection interval), lot_size, reorder_point,
        order_up_to_level, safety_stock, expected_shortage, fill_rate, stock_value, why_not_more (in words).
    quantiles: Of demand over the protection interval at `LEVELS`, shape (point, level).
    limits: What each shared limit costs, or how far from it the plan is, in words; costs are per week.
    optimality_gap: Most by which another choice of levels could cost less, relative, before they are whole.
    """

    frame: pd.DataFrame
    quantiles: Any
    achieved_fill_rate: float
    stock_value: float
    price_of_fill_rate: float
    value_of_budget: float | None
    binding: tuple[str, ...]
    limits: tuple[str, ...]
    optimality_gap: float


def forecast_demand(inputs: PlanningInputs) -> pd.DataFrame:
    """Demand over each point's protection interval (lead time + review period).

    Returns:
        On the index of the points: weekly_rate, mean, sd and a column q<level> per level.
    """
    from forecasting import lead_time_demand

    points = inputs.points
    weeks = (points["lead_time_days"] + inputs.terms.review_period_days) / PERIOD_DAYS
    weeks_sd = points["lead_time_sd_days"] / PERIOD_DAYS
    result = lead_time_demand(
        weekly_panel(inputs), periods=weeks, periods_sd=weeks_sd, quantiles=LEVELS, groups=points["category"]
    ).set_index("unique_id")
    result = result.reindex(points.index, fill_value=0)
    result.insert(0, "weekly_rate", result["mean"] / weeks)
    return result


def weekly_panel(inputs: PlanningInputs) -> Panel:
    """Histories in weeks counted back from the last day known, with what sold-out days hid."""
    from forecasting import unconstrained_panel

    return unconstrained_panel(inputs.demand, as_of=inputs.as_of, period_days=PERIOD_DAYS)


def planned_demand(inputs: PlanningInputs) -> pd.DataFrame:
    """Demand over each point's protection interval as the planner sees it: the forecast, then their word.

    Successors that begin within the interval take over, then coming events raise, then overrides apply. What the
    planner said of the past is in the history already.

    Returns:
        As `forecast_demand`, with weekly_rate_statistical (the forecast before the planner's word on what is to
        come), and event and override (the words, empty where nothing was done).
    """
    forecasts = forecast_demand(inputs)
    days = inputs.points["lead_time_days"] + inputs.terms.review_period_days
    planned = with_planners_word(
        forecasts, inputs.said, points=inputs.points, as_of=inputs.as_of, after=inputs.as_of, protection_days=days
    )
    return planned.assign(weekly_rate_statistical=forecasts["weekly_rate"])


def planned_band(inputs: PlanningInputs, *, weeks: int, quantiles: Sequence[float]) -> pd.DataFrame:
    """Demand of each coming week on its own as the planner sees it, for pictures.

    Returns:
        unique_id, ds (last day of the week), mean and a column q<level> per level, as `forecasting.forecast`.
    """
    from forecasting import forecast

    band = forecast(weekly_panel(inputs), horizon=weeks, quantiles=quantiles, groups=inputs.points["category"])
    said, points = inputs.said, inputs.points
    if said.successions.empty and said.events.empty and said.overrides.empty:
        return band
    columns = [name for name in band.columns if name not in ("unique_id", "ds")]
    changed = []
    for ds, week in band.groupby("ds"):
        before = week.set_index("unique_id")[columns].reindex(points.index, fill_value=0)
        last = ds.date() - timedelta(days=PERIOD_DAYS)
        weekly = before.assign(weekly_rate=before["mean"], sd=0.0)  # the spread is not asked for
        after = with_planners_word(
            weekly, said, points=points, as_of=inputs.as_of, after=last, protection_days=PERIOD_DAYS
        )
        changed.append(after[columns].assign(ds=ds).rename_axis("unique_id").reset_index())
    table = pd.concat(changed).sort_values(["unique_id", "ds"], ignore_index=True)[band.columns]
    is_shown = (table["mean"] > 0).groupby(table["unique_id"]).transform("any")
    return table[is_shown | table["unique_id"].isin(band["unique_id"])].reset_index(drop=True)


def with_planners_word(
    forecasts: pd.DataFrame, said: DemandSaid, *, points: pd.DataFrame, as_of: date, after: date, protection_days: Any
) -> pd.DataFrame:
    """Forecasts of the days after one with successions, events and overrides applied, in this order.

    Args:
        forecasts: On the index of the points: weekly_rate, mean, sd (of demand over the interval) and q<level>.
        said: What the planner said.
        points: On the same index, with sku_id and location_id.
        as_of: The last day known: successions that have begun by then are in the history already.
        after: The day before the interval, `as_of` or later.
        protection_days: Length of the interval in days, above 0, a number or shape (point,).

    Returns:
        The same with event and override (the words, empty where nothing was done).
    """
    interval: dict[str, Any] = {"points": points, "protection_days": protection_days}
    planned = handed_over(forecasts, said.successions, as_of=as_of, after=after, **interval)
    planned = uplifted(planned, said.events, as_of=after, **interval) if len(said.events) else planned.assign(event="")
    if said.overrides.empty:
        return planned.assign(override="")
    return adjusted(planned, said.overrides, as_of=after, **interval)


def set_levels(inputs: PlanningInputs, forecasts: pd.DataFrame, *, fill_rate_target: float | None = None) -> Levels:
    """Reorder points and order-up-to levels by linear programming across all points.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    from optimization import Infeasible, safety_stock_levels, why_not_more

    points, terms = inputs.points, inputs.terms
    target = terms.fill_rate_target if fill_rate_target is None else fill_rate_target
    asked = asked_of(inputs, forecasts)
    try:
        levels = safety_stock_levels(
            **asked,
            fill_rate_target=target,
            fill_rate_floor=min(terms.fill_rate_floor, target),
            stock_budget=terms.stock_budget,
        )
    except Infeasible as conflict:
        raise LimitsConflict(str(conflict), conflict.best_fill_rate, conflict.smallest_budget) from conflict
    frame = pd.DataFrame(
        {
            "weekly_rate": forecasts["weekly_rate"],
            "mean": forecasts["mean"],
            "sd": forecasts["sd"],
            "lot_size": asked["order_quantity"].astype(np.int64),
            "reorder_point": levels.reorder_point,
            "order_up_to_level": np.ceil(levels.order_up_to_level).astype(np.int64),
            "safety_stock": levels.safety_stock,
            "expected_shortage": levels.expected_shortage,
            "fill_rate": levels.fill_rate,
            "stock_value": levels.average_stock_value,
            "why_not_more": [
                why_not_more(levels, number, currency=f"{terms.currency} a week") if mean > 0 else ""
                for number, mean in enumerate(forecasts["mean"].tolist())
            ],
        },
        index=points.index,
    )
    return Levels(
        frame=frame,
        quantiles=asked["lead_time_demand"],
        achieved_fill_rate=levels.achieved_fill_rate,
        stock_value=levels.total_stock_value,
        price_of_fill_rate=levels.price_of_fill_rate * PERIODS_PER_YEAR,
        value_of_budget=levels.value_of_budget,
        binding=tuple(str(limit) for limit in levels.binding),
        limits=tuple(limit.sentence() for limit in levels.limits),
        optimality_gap=levels.certificate.gap,
    )


def asked_of(inputs: PlanningInputs, forecasts: pd.DataFrame) -> dict[str, Any]:
    """What the points are to the optimization: the arguments of `safety_stock_levels` and `frontier` but the limits.

    Args:
        inputs: What the plan rests on.
        forecasts: As `planned_demand` gives them.
    """
    points, terms = inputs.points, inputs.terms
    rate = forecasts["weekly_rate"].to_numpy()
    return {
        "names": (points["sku"] + " at " + points["location"]).tolist(),
        "levels": LEVELS,
        "lead_time_demand": forecasts[[f"q{level}" for level in LEVELS]].to_numpy(dtype=np.int64),
        "lead_time_demand_mean": forecasts["mean"].to_numpy(),
        "demand_rate": rate,
        "order_quantity": lot_sizes(inputs, forecasts),
        "unit_cost": np.maximum(points["unit_cost"].to_numpy(), 1e-6),  # what costs nothing is still not hoarded
        "unit_value": _unit_values(points, forecasts),
        "holding_cost_rate": terms.holding_cost_rate / PERIODS_PER_YEAR,
        "review_demand": rate * terms.review_period_days / PERIOD_DAYS,
    }


def _unit_values(points: pd.DataFrame, forecasts: pd.DataFrame) -> Any:
    """What a unit short weighs: its price; one each where nothing in demand has a price in our currency."""
    price = points["unit_price"].to_numpy()
    return price if (price * forecasts["weekly_rate"].to_numpy()).any() else np.ones(len(price))


def lot_sizes(inputs: PlanningInputs, forecasts: pd.DataFrame) -> Any:
    """Replenishment lots in whole packs near the economic order quantity, shape (point,)."""
    from optimization import economic_order_quantity, lot_size

    points, terms = inputs.points, inputs.terms
    rate = forecasts["weekly_rate"].to_numpy()
    holding = np.maximum(points["unit_cost"].to_numpy(), 1e-6) * terms.holding_cost_rate / PERIODS_PER_YEAR
    economic = economic_order_quantity(
        demand_rate=rate, order_cost=np.full(len(rate), terms.order_cost), holding_cost=holding
    ).order_quantity
    most = np.maximum(rate * PERIODS_PER_YEAR, 1.0)  # a lot beyond a year's demand is a bet, not an economy
    review = rate * terms.review_period_days / PERIOD_DAYS
    return np.array(
        [
            lot_size(economic_quantity=min(quantity, cap), review_demand=need, moq=moq, pack_size=pack)
            for quantity, cap, need, moq, pack in zip(
                economic.tolist(),
                most.tolist(),
                review.tolist(),
                points["moq"].tolist(),
                points["pack_size"].tolist(),
                strict=True,
            )
        ],
        dtype=np.float64,
    )
