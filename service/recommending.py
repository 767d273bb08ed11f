"""From levels and positions to recommendations, each with its arithmetic, reason and assumptions in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from orders.money import amount_minor, exponent
from service.planning_inputs import PlanningInputs
from service.stock_levels import LEVELS, PERIOD_DAYS, Levels
from service.unusual_demand import unusual_words


def recommend(inputs: PlanningInputs, levels: Levels, forecasts: pd.DataFrame) -> list[dict[str, Any]]:
    """One recommendation per point, with its arithmetic, reason and assumptions, as rows to store.

    Args:
        inputs: What the plan rests on.
        levels: Its levels.
        forecasts: As `planned_demand` gives them.
    """
    from optimization import order_quantity_to, shortage_curves

    points, terms = inputs.points, inputs.terms
    on_hand = points["on_hand"].to_numpy().copy()
    assumed = np.ceil(levels.frame["weekly_rate"].to_numpy() * terms.opening_stock_weeks).astype(np.int64)
    is_counted = points["is_counted"].to_numpy()
    on_hand[~is_counted] = assumed[~is_counted]
    position = on_hand + points["on_order"].to_numpy() - points["unshipped"].to_numpy()
    mean = levels.frame["mean"].to_numpy()
    short = np.zeros(len(points))
    has_demand = mean > 0
    if has_demand.any():
        curves = shortage_curves(np.array(LEVELS), levels.quantiles[has_demand], mean[has_demand])
        short[has_demand] = curves.at(np.maximum(position[has_demand], 0).astype(float))
        short += np.where(has_demand, np.maximum(-position, 0), 0)
    records = []
    columns = {name: levels.frame[name].tolist() for name in levels.frame.columns}
    columns["weekly_rate_statistical"] = forecasts["weekly_rate_statistical"].tolist()
    said = _said_of_demand(inputs, forecasts)
    for index, point in enumerate(points.to_dict("records")):
        level = {name: values[index] for name, values in columns.items()}
        quantity = (
            order_quantity_to(
                level["order_up_to_level"],
                int(position[index]),
                reorder_point=level["reorder_point"],
                moq=point["moq"],
                pack_size=point["pack_size"],
            )
            if level["mean"] > 0
            else 0
        )
        records.append(
            _recommendation(
                inputs, point, level, int(on_hand[index]), int(position[index]), quantity, short[index], said[index]
            )
        )
    return records


def _recommendation(
    inputs: PlanningInputs,
    point: Mapping[str, Any],
    level: Mapping[str, Any],
    on_hand: int,
    position: int,
    quantity: int,
    short: float,
    said: Sequence[str],
) -> dict[str, Any]:
    terms = inputs.terms
    cost_micros = round(point["unit_cost"] * 1e6)
    margin = max(point["unit_price"] - point["unit_cost"], 0.0)
    return {
        "sku_id": int(point["sku_id"]),
        "location_id": int(point["location_id"]),
        "supplier_id": None if pd.isna(point["supplier_id"]) else int(point["supplier_id"]),
        "status": "order" if quantity else "none",
        "order_quantity": quantity,
        "reorder_point": level["reorder_point"],
        "order_up_to_level": level["order_up_to_level"],
        "safety_stock": round(level["safety_stock"], 2),
        "inventory_position": position,
        "on_hand": on_hand,
        "on_order": int(point["on_order"]),
        "unit_cost_micros": cost_micros,
        "order_value_minor": amount_minor(quantity, cost_micros, terms.currency),
        "currency": terms.currency,
        "margin_at_risk_minor": round(short * margin * 10 ** exponent(terms.currency)) if quantity else 0,
        "reason": _reason(inputs, point, level, position, quantity, said),
        "assumptions": [*said, *_assumptions(inputs, point, on_hand)],
        "numbers": {
            "weekly_rate": round(level["weekly_rate"], 3),
            "weekly_rate_statistical": round(level["weekly_rate_statistical"], 3),
            "protection_days": round(point["lead_time_days"] + terms.review_period_days, 2),
            "lead_time_days": round(point["lead_time_days"], 2),
            "lead_time_sd_days": round(point["lead_time_sd_days"], 2),
            "demand_over_protection": round(level["mean"], 2),
            "demand_sd_over_protection": round(level["sd"], 2),
            "lot_size": level["lot_size"],
            "fill_rate": round(level["fill_rate"], 4),
            "unit_price": round(point["unit_price"], 4),
            "unshipped": int(point["unshipped"]),
            "moq": int(point["moq"]),
            "pack_size": int(point["pack_size"]),
            "stock_value": round(level["stock_value"], 2),
            "why_not_more": level["why_not_more"],
        },
    }


def _reason(
    inputs: PlanningInputs,
    point: Mapping[str, Any],
    level: Mapping[str, Any],
    position: int,
    quantity: int,
    said: Sequence[str],
) -> str:
    if level["mean"] <= 0 and said:
        return "No demand to plan for, by what the planner said of it, so that nothing is ordered."
    if level["mean"] <= 0:
        return "No demand to plan for: nothing was sold in the periods that count, so nothing is ordered."
    days = point["lead_time_days"] + inputs.terms.review_period_days
    need = (
        f"{_units(level['mean'])} ± {_units(level['sd'])} units are expected over {days:.0f} days"
        f" (lead time {point['lead_time_days']:.0f} + review {inputs.terms.review_period_days})"
    )
    point_text = f"reorder point {level['reorder_point']:,}"
    if quantity:
        packs = f", in packs of {point['pack_size']:,}" if point["pack_size"] > 1 else ""
        least = f", at least {point['moq']:,}" if point["moq"] > 1 else ""
        return (
            f"Position {position:,} is at or below the {point_text}: {need}. Ordering {quantity:,} reaches the level"
            f" {level['order_up_to_level']:,}{packs}{least}."
        )
    left = (position - level["reorder_point"]) / level["weekly_rate"] * PERIOD_DAYS
    when = f"about {left:.0f} days from now" if left < 365 else "more than a year from now"
    return f"Position {position:,} is above the {point_text}, which it reaches {when}: {need}."


def _units(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 10 else f"{quantity:.1f}"


def _said_of_demand(inputs: PlanningInputs, forecasts: pd.DataFrame) -> list[list[str]]:
    """What the planner said of each point's demand, or has yet to judge, in words."""
    said = [
        [*inputs.notes.get(index, ()), *(words for words in told if words)]
        for index, told in enumerate(zip(forecasts["event"], forecasts["override"], strict=True))
    ]
    for day in inputs.unusual.itertuples():
        said[int(day.unique_id)].append(unusual_words(day))
    return said


def _assumptions(inputs: PlanningInputs, point: Mapping[str, Any], on_hand: int) -> list[str]:
    """What did not come from the data but from the planner's terms, in words."""
    terms = inputs.terms
    said = []
    if not point["is_counted"]:
        said.append(f"on hand {on_hand:,}: {terms.opening_stock_weeks:g} weeks of demand, as no stock was counted")
    if point["lead_time_source"] == "default":
        said.append(f"lead time {terms.lead_time_days:g} ± {terms.lead_time_sd_days:g} days: default")
    elif point["lead_time_source"] == "item":
        said.append(f"lead time {point['lead_time_days']:g} days as quoted, ± {terms.lead_time_sd_days:g} by default")
    if point["cost_source"] == "default":
        share = f"{terms.unit_cost_share:.0%} of the mean price"
        said.append(f"unit cost {point['unit_cost']:,.2f} {terms.currency}: {share}, default")
    if point["unit_price"] <= 0:
        said.append(f"no price: not sold in {terms.currency} in the last year")
    lots = [
        *([f"least order {terms.moq:,}"] if point["moq_source"] == "default" else []),
        *([f"packs of {terms.pack_size:,}"] if point["pack_size_source"] == "default" else []),
    ]
    if lots:
        said.append(f"{', '.join(lots)}: default")
    if pd.isna(point["supplier_id"]):
        said.append("supplier unknown")
    return said
