"""What if something were different: what may change, and the company's scenario with it changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.errors import StockwrightError
from service.ledger_scenario import DAYS_PER_YEAR, LedgerWorld, planned_levels, scenario_of
from service.planning_inputs import PlanningInputs
from service.stock_levels import PERIOD_DAYS, planned_demand

if TYPE_CHECKING:
    from simulation.scenario import Scenario

CHANGED = "changed"
MOST_FACTOR = 10.0
SCOPES = ("all", "A", "B", "C", "top 10", "top 50", "top 200")


class WrongChange(StockwrightError):
    """A what-if asks for something that cannot be."""

    def __init__(self, name: str, wanted: str, got: object) -> None:
        self.name, self.wanted, self.got = name, wanted, got
        super().__init__(f"{name} must be {wanted}, got {got}")


@dataclass(frozen=True)
class Changes:
    """What is to be different; everything stays as it is by default.

    Attributes:
        lead_time: Factor on every lead time, mean and spread.
        demand: Factor on what is asked for.
        unit_cost: Factor on what a unit costs.
        holding_cost_rate: Cost of holding stock for a year as a share of its value; None: the term.
        order_cost: Of an order line; None: the term.
        review_period_days: Days between two looks; None: the term.
        fill_rate_target: That the levels are planned for; None: the term.
        supplier: Who accepts no orders for a while; empty: nobody.
        fails_from_week, fails_until_week: First and last week of that, counted from 1.
        plans_anew: Whether the levels are also planned for what is different.
    """

    lead_time: float = 1.0
    demand: float = 1.0
    unit_cost: float = 1.0
    holding_cost_rate: float | None = None
    order_cost: float | None = None
    review_period_days: int | None = None
    fill_rate_target: float | None = None
    supplier: str = ""
    fails_from_week: int = 1
    fails_until_week: int = 6
    plans_anew: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            WrongChange: by name, what was wanted and what came.
        """
        for name in ("lead_time", "demand", "unit_cost"):
            _require(name, f"a factor above 0 and at most {MOST_FACTOR:g}", getattr(self, name), 0, MOST_FACTOR)
        for name, most in (("holding_cost_rate", 5.0), ("order_cost", 1e6)):
            if getattr(self, name) is not None:
                _require(name, f"between 0 and {most:g}", getattr(self, name), -1e-12, most)
        if self.review_period_days is not None:
            _require("review_period_days", "1 to 91 whole days", self.review_period_days, 0, 91)
        target = self.fill_rate_target
        if target is not None and not 0 < target < 1:
            raise WrongChange("fill_rate_target", "strictly between 0 and 1", target)
        if not 1 <= self.fails_from_week <= self.fails_until_week:
            weeks = f"{self.fails_from_week} to {self.fails_until_week}"
            raise WrongChange("weeks of failure", "from 1 on, the first before the last", weeks)

    @property
    def levels_differ(self) -> bool:
        """Whether levels are planned once more."""
        return self.plans_anew or self.fill_rate_target is not None

    def as_text(self) -> dict[str, str]:
        """What differs from the default, by name, as a link carries it."""
        usual = Changes()
        return {
            one.name: format(getattr(self, one.name), "")
            for one in fields(self)
            if getattr(self, one.name) != getattr(usual, one.name)
        }


def changes_from_text(text: Mapping[str, str]) -> Changes:
    """What `as_text` gave, back.

    Raises:
        WrongChange: a value that cannot be read.
    """
    read: dict[str, Callable[[str], object]] = {
        "supplier": str,
        "plans_anew": lambda given: given.lower() == "true",
        **dict.fromkeys(("review_period_days", "fails_from_week", "fails_until_week"), int),
    }
    known = {one.name for one in fields(Changes)}
    values: dict[str, Any] = {}
    for name, given in text.items():
        if name not in known:
            continue
        try:
            values[name] = read.get(name, float)(given)
        except ValueError as error:
            raise WrongChange(name, "a number", given) from error
    return Changes(**values)


def _require(name: str, wanted: str, got: float, above: float, most: float) -> None:
    if not above < got <= most:
        raise WrongChange(name, wanted, got)


def said_changes(world: LedgerWorld, changes: Changes) -> list[str]:
    """What is different, in words; empty where nothing is."""
    terms, said = world.known.terms, []
    for name, factor in (
        ("lead times", changes.lead_time),
        ("demand", changes.demand),
        ("unit costs", changes.unit_cost),
    ):
        if factor != 1:
            said.append(f"{name} × {factor:g}")
    if changes.holding_cost_rate is not None and changes.holding_cost_rate != terms.holding_cost_rate:
        said.append(f"holding costs {changes.holding_cost_rate:.0%} a year instead of {terms.holding_cost_rate:.0%}")
    if changes.order_cost is not None and changes.order_cost != terms.order_cost:
        said.append(f"{terms.currency} {changes.order_cost:g} instead of {terms.order_cost:g} for an order line")
    if changes.review_period_days is not None and changes.review_period_days != terms.review_period_days:
        said.append(f"reviews every {changes.review_period_days} days instead of {terms.review_period_days}")
    if changes.fill_rate_target is not None and changes.fill_rate_target != terms.fill_rate_target:
        said.append(f"levels for {changes.fill_rate_target:.1%} instead of {terms.fill_rate_target:.1%}")
    if changes.supplier:
        said.append(f"{changes.supplier} failing in weeks {changes.fails_from_week} to {changes.fails_until_week}")
    return said


def chosen_items(world: LedgerWorld, scope: str) -> LedgerWorld:
    """The world's items of a class of value (A, B, C), or the most valuable ones ("top 50").

    Raises:
        WrongChange: another scope.
    """
    items = world.items
    if scope not in SCOPES:
        raise WrongChange("items", f"one of {', '.join(SCOPES)}", scope)
    if scope == "all":
        return world
    if scope in ("A", "B", "C"):
        return world.chosen(np.flatnonzero((items["abc"] == scope).to_numpy()))
    number = int(scope.removeprefix("top "))
    order = np.argsort(-items["demand_value"].to_numpy(), kind="stable")[:number]
    return world.chosen(np.sort(order))


# The changed world


def changed_scenario(
    world: LedgerWorld, changes: Changes, *, name: str = CHANGED, levels: pd.DataFrame | None = None
) -> Scenario:
    """The world as a scenario with what is to be different.

    Args:
        world: From the ledger.
        changes: What is to be different.
        name: What reports call it.
        levels: Of the policy; the plan's own, planned without the changes, by default.

    Raises:
        WrongChange: the supplier supplies none of the items.
    """
    from simulation.scenario import Outage

    terms = world.known.terms
    rate = terms.holding_cost_rate if changes.holding_cost_rate is None else changes.holding_cost_rate
    order_cost = terms.order_cost if changes.order_cost is None else changes.order_cost
    review = changes.review_period_days or terms.review_period_days
    scenario = scenario_of(world, name=name, levels=levels).scaled(
        demand=changes.demand, lead_time=changes.lead_time, unit_cost=changes.unit_cost
    )
    points = tuple(
        replace(
            point,
            policy=replace(point.policy, name=name, review_period_days=float(review)),
            holding_cost=point.unit_cost * rate / DAYS_PER_YEAR,
            order_cost=order_cost,
            shortage_cost=max(point.unit_price - point.unit_cost, 0.0),
        )
        for point in scenario.points
    )
    outages: tuple[Outage, ...] = ()
    if changes.supplier:
        known = sorted(set(world.items["source"]))
        if changes.supplier not in known:
            raise WrongChange("supplier", "one that supplies the items", changes.supplier)
        start, end = (changes.fails_from_week - 1) * PERIOD_DAYS, changes.fails_until_week * PERIOD_DAYS
        outages = (Outage(changes.supplier, float(start), float(end)),)
    return replace(scenario, points=points, outages=outages)


def planned_for(world: LedgerWorld, changes: Changes) -> pd.DataFrame:
    """Levels as they would be planned for what is different. That a supplier fails is not foreseen.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    known = changed_inputs(world.known, changes) if changes.plans_anew else world.known
    forecasts = world.forecasts
    if changes.plans_anew:
        forecasts = forecasts if _same_interval(known, world.known) else planned_demand(known)
        forecasts = scaled_forecasts(forecasts, changes.demand)
    return planned_levels(world.items, known, forecasts, fill_rate_target=changes.fill_rate_target)


def changed_inputs(known: PlanningInputs, changes: Changes) -> PlanningInputs:
    """What a plan would rest on: lead times, costs and terms as changed."""
    terms, points = known.terms, known.points.copy()
    points["lead_time_days"] = np.maximum(points["lead_time_days"], 1.0) * changes.lead_time
    points["lead_time_sd_days"] = points["lead_time_sd_days"] * changes.lead_time
    points["unit_cost"] = points["unit_cost"] * changes.unit_cost
    rate, cost, review = changes.holding_cost_rate, changes.order_cost, changes.review_period_days
    terms = replace(
        terms,
        holding_cost_rate=terms.holding_cost_rate if rate is None else rate,
        order_cost=terms.order_cost if cost is None else cost,
        review_period_days=review or terms.review_period_days,
    )
    return replace(known, points=points, terms=terms)


def _same_interval(one: PlanningInputs, other: PlanningInputs) -> bool:
    columns = ["lead_time_days", "lead_time_sd_days"]
    return one.terms.review_period_days == other.terms.review_period_days and one.points[columns].equals(
        other.points[columns]
    )


def scaled_forecasts(forecasts: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Forecasts of demand times a factor; quantiles rounded up to whole units."""
    if factor == 1:
        return forecasts
    scaled = forecasts.copy()
    for name in ("weekly_rate", "mean", "sd"):
        scaled[name] = forecasts[name] * factor
    for name in (column for column in forecasts.columns if column.startswith("q0")):
        scaled[name] = np.ceil(forecasts[name] * factor - 1e-9).astype(np.int64)
    return scaled
