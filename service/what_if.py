"""The last weeks once more, were something different: longer lead times, say, and the policy planned for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from data import demand_history
from data.connection import Database
from orders.terms import read_terms
from service.planning_inputs import PlanningInputs, default_as_of
from service.replay import PastWeeks, cut_days, past_weeks, planned_policy
from service.stock_levels import PERIOD_DAYS, planned_demand, set_levels

if TYPE_CHECKING:
    from simulation import ReorderPolicy, StockScenario

PLANNED = "planned"


@dataclass(frozen=True, eq=False)
class WhatIf:
    """The last weeks as they were, from which to vary.

    Attributes:
        past: What was known when they began, and what they brought.
        policy: As it would have been planned when they began.
    """

    past: PastWeeks
    policy: ReorderPolicy

    @property
    def scenario(self) -> StockScenario:
        """The weeks' demand, with stock and goods under way as they were."""
        return self.past.scenario


def scenario_from_ledger(database: Database, *, as_of: date | None = None, weeks: int = 8) -> WhatIf:
    """The last weeks as a scenario to vary, with the policy planned at their start.

    Args:
        database: Where the history is.
        as_of: Last day of the weeks; the last complete business day by default.
        weeks: How many to replay.

    Raises:
        NothingToPlan: there are no orders.
        TooShortToReplay: too little history lies before the weeks.
        LimitsConflict: target, floor and budget contradict each other.
    """
    with database.reading() as connection:
        terms = read_terms(connection)
        as_of = as_of or default_as_of(connection)
        demand = demand_history.daily_demand(connection, as_of=as_of, currency=terms.currency)
    days = PERIOD_DAYS * weeks
    start = cut_days(as_of, demand, cuts=1, window_days=days)[0]
    past = past_weeks(database, start, demand, terms, days=days)
    return WhatIf(past, _planned(PLANNED, past, past.known))


def replanned(what_if: WhatIf, scenario: StockScenario, *, name: str) -> ReorderPolicy:
    """The policy as it would have been planned for the lead times of a varied scenario.

    Args:
        what_if: Where the scenario came from.
        scenario: The same SKUs with other lead times.
        name: What reports call the policy.

    Raises:
        LimitsConflict: target, floor and budget contradict each other.
    """
    past = what_if.past
    points = past.known.points.copy()
    for column, days in (
        ("lead_time_days", scenario.lead_time_mean_days),
        ("lead_time_sd_days", scenario.lead_time_sd_days),
    ):
        points.iloc[past.kept, points.columns.get_loc(column)] = days
    return _planned(name, past, replace(past.known, points=points))


def _planned(name: str, past: PastWeeks, known: PlanningInputs) -> ReorderPolicy:
    return planned_policy(name, past, set_levels(known, planned_demand(known)))
