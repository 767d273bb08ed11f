"""The plan beside a changed world under the same luck: measures, their differences with intervals, and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from service.ledger_scenario import LedgerWorld, scenario_of
from service.what_if import Changes, WrongChange, changed_scenario, planned_for, said_changes

if TYPE_CHECKING:
    from simulation.scenario import Scenario
    from simulation.scenario_measures import Measure
    from simulation.tallies import Tallies

AS_PLANNED, PLANNED_ANEW = "as planned", "planned anew"
REPLICATIONS = 30
SEED = 20_261_124
_CELLS_AT_ONCE = 4_000_000

FloatArray = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


def unwatched(done: int, total: int) -> None:
    """Progress that nobody watches."""
    del done, total


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a scenario came to.

    Attributes:
        scenario: What was simulated.
        tallies: Sums by replication.
        stock_value: At the end of each day at unit cost, shape (replication, day).
    """

    scenario: Scenario
    tallies: Tallies
    stock_value: FloatArray

    @property
    def name(self) -> str:
        """Of the scenario."""
        return self.scenario.name


@dataclass(frozen=True, eq=False)
class Comparison:
    """The plan beside a changed world.

    Attributes:
        world: Where both came from.
        changes: What differs.
        outcomes: As planned; changed, unless nothing is; and, where levels were planned anew, with those levels.
        seed: Of the luck that all share.
    """

    world: LedgerWorld
    changes: Changes
    outcomes: tuple[Outcome, ...]
    seed: int

    @property
    def base(self) -> Outcome:
        """As planned."""
        return self.outcomes[0]

    @property
    def changed(self) -> Outcome:
        """What the change comes to with the levels that go with it."""
        return self.outcomes[-1]

    @property
    def replications(self) -> int:
        """Of each."""
        return int(self.base.tallies.replications)


def compare(
    world: LedgerWorld,
    changes: Changes,
    *,
    replications: int = REPLICATIONS,
    seed: int = SEED,
    base: Outcome | None = None,
    progress: Progress = unwatched,
) -> Comparison:
    """Simulate a world as planned and with changes under the same luck.

    Args:
        world: From the ledger.
        changes: What is to be different.
        replications: Of each, at least 2.
        seed: Of the luck.
        base: As planned, where it was simulated before with the same seed and replications.
        progress: Told how many replications of how many are done.

    Raises:
        WrongChange: the supplier supplies none of the items, or fewer than two replications.
        LimitsConflict: target, floor and budget contradict each other.
    """
    if replications < 2:
        raise WrongChange("replications", "at least 2", replications)
    scenarios = [changed_scenario(world, changes)] if changes != Changes() else []
    if base is None:
        scenarios.insert(0, scenario_of(world, name=AS_PLANNED))
    if changes.levels_differ:
        levels = planned_for(world, changes)
        if changes.plans_anew:
            scenarios.append(changed_scenario(world, changes, name=PLANNED_ANEW, levels=levels))
        else:
            scenarios[-1] = changed_scenario(world, changes, levels=levels)
    total, outcomes = len(scenarios) * replications, [] if base is None else [base]
    for number, scenario in enumerate(scenarios):
        so_far = _later(progress, number * replications, total)
        outcomes.append(outcome(scenario, days=world.days, replications=replications, seed=seed, progress=so_far))
    return Comparison(world, changes, tuple(outcomes), seed)


def _later(progress: Progress, before: int, total: int) -> Progress:
    """Progress of a part of the work, told as that of the whole."""

    def told(done: int, of_part: int) -> None:
        del of_part
        progress(before + done, total)

    return told


def outcome(
    scenario: Scenario,
    *,
    days: int,
    replications: int = REPLICATIONS,
    seed: int = SEED,
    progress: Progress = unwatched,
) -> Outcome:
    """Simulate one scenario, a few replications at a time, so that its days need little memory."""
    from simulation.tallies import joined

    unit_cost = np.array([point.unit_cost for point in scenario.points])
    at_once = max(1, min(replications, _CELLS_AT_ONCE // max(days * len(unit_cost), 1)))
    parts, values = [], []
    for first in range(0, replications, at_once):
        number = min(at_once, replications - first)
        part = run(scenario, days=days, replications=number, seed=seed, first_replication=first, daily=True)
        assert part.daily is not None
        values.append(part.daily.on_hand @ unit_cost)
        parts.append(replace(part, daily=None))
        progress(first + number, replications)
    return Outcome(scenario, joined(parts), np.concatenate(values))


def run(scenario: Scenario, **how: Any) -> Tallies:
    """Replications of a scenario on the fastest executor that can run it."""
    from simulation.run import chosen_executor

    executor = chosen_executor(scenario, "auto", log=False)
    if executor == "periodic":
        from simulation.periodic_kernel import run_periodic

        return run_periodic(scenario, **how)
    if executor == "events":
        from simulation.event_kernel import run_events

        return run_events(scenario, **how)
    from simulation.interpreter import run_plain

    return run_plain(scenario, **how)


# What it says

FILL_RATE = "demand met, by value"
STOCK, PURCHASES = "average stock at cost", "purchases"
COSTS = ("holding cost", "ordering cost", "lost margin")
"""What a change costs beside the goods themselves."""
UNITS = {FILL_RATE: "share", "demand met, by units": "share", "order lines a week": "number"}
"""Of measures that are not money."""


def measures_table(comparison: Comparison, *, level: float = 0.95) -> pd.DataFrame:
    """Each measure as planned and changed, and their difference, with intervals.

    Returns:
        scenario (the changed one's name), measure, unit ("share", "money", "number"), base, base_half_width, changed,
        changed_half_width, difference, half_width. Money and counts are for the whole of the days.
    """
    base = _measures(comparison.base)
    rows = []
    for other in comparison.outcomes[1:] or comparison.outcomes:
        for name, measure in _measures(other).items():
            before, after = base[name].estimates(level), measure.estimates(level)
            both = measure.difference(base[name], level)
            rows.append(
                {
                    "scenario": other.name,
                    "measure": name,
                    "unit": UNITS.get(name, "money"),
                    "base": float(before.mean[0]),
                    "base_half_width": float(before.half_width[0]),
                    "changed": float(after.mean[0]),
                    "changed_half_width": float(after.half_width[0]),
                    "difference": both.mean,
                    "half_width": both.half_width,
                }
            )
    return pd.DataFrame(rows)


def _measures(one: Outcome) -> dict[str, Measure]:
    """Measures of all items together by the name that planners read; money is that of all the days."""
    from simulation.scenario_measures import Measure, costs, overall_point_measures

    measures, kinds = overall_point_measures(one.scenario, one.tallies), costs(one.scenario, one.tallies)

    def in_all(kind: str) -> Measure:
        return Measure(kinds[kind].numerator, np.ones_like(kinds[kind].numerator))

    by_value = measures["value_fill_rate"]
    return {
        FILL_RATE: by_value if by_value.denominator.any() else measures["fill_rate"],
        "demand met, by units": measures["fill_rate"],
        STOCK: measures["average_stock_value"],
        "lost margin": in_all("shortage"),
        "holding cost": in_all("holding"),
        "ordering cost": in_all("ordering"),
        PURCHASES: in_all("purchase"),
        "order lines a week": measures["orders_per_week"],
    }


def _ticks_per_day() -> int:
    from simulation.scenario import TICKS_PER_DAY

    return TICKS_PER_DAY


def items_hit(comparison: Comparison) -> pd.DataFrame:
    """What the change does to each item, most lost margin first.

    Returns:
        sku, name, location, source, abc, base_fill_rate, fill_rate (NaN without demand), base_stock_value,
        stock_value, lost_margin (more than as planned), half_width.
    """
    from simulation.estimates import mean_estimates

    base, other = comparison.base, comparison.changed
    items = comparison.world.items
    lost = mean_estimates(_lost(other) - _lost(base))
    table = items[["sku", "name", "location", "source", "abc"]].assign(
        base_fill_rate=_fill_rates(base),
        fill_rate=_fill_rates(other),
        base_stock_value=_stock_values(base),
        stock_value=_stock_values(other),
        lost_margin=lost.mean,
        half_width=lost.half_width,
    )
    return table.sort_values("lost_margin", ascending=False, kind="stable").reset_index(drop=True)


def _lost(one: Outcome) -> FloatArray:
    margin = np.array([point.shortage_cost for point in one.scenario.points])
    return np.asarray(one.tallies.points.lost * margin)


def _fill_rates(one: Outcome) -> FloatArray:
    asked = one.tallies.points.demand.sum(axis=0)
    met = one.tallies.points.filled.sum(axis=0)
    return np.asarray(np.divide(met, asked, out=np.full(len(asked), np.nan), where=asked > 0))


def _stock_values(one: Outcome) -> FloatArray:
    cost = np.array([point.unit_cost for point in one.scenario.points])
    days = one.tallies.days * _ticks_per_day()
    return np.asarray(one.tallies.points.on_hand_ticks.mean(axis=0) / days * cost)


def stock_fan(one: Outcome, *, shares: tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)) -> pd.DataFrame:
    """Quantiles over replications of the stock's value at the end of each day; columns are the shares."""
    return pd.DataFrame(np.quantile(one.stock_value, shares, axis=0).T, columns=list(shares))


def headline(comparison: Comparison) -> str:
    """What the change comes to, in a sentence or two."""
    currency = comparison.world.known.terms.currency
    table = measures_table(comparison)
    last = table[table["scenario"] == comparison.changed.name].set_index("measure")
    said = said_changes(comparison.world, comparison.changes)
    rate, stock, lost = last.loc[FILL_RATE], last.loc[STOCK], last.loc["lost margin"]
    if not said and not comparison.changes.levels_differ:
        return (
            f"As planned, {rate.base:.1%} of demand is met by value (± {rate.base_half_width * 100:.1f} points) with"
            f" {currency} {stock.base:,.0f} of average stock. Change something to see what it does."
        )
    what = ", ".join(said) or "levels are planned once more"
    anew = " and levels planned for it" if comparison.changes.plans_anew else ""
    points = f"{rate.difference * 100:+.1f} ± {rate.half_width * 100:.1f} points"
    luck = "" if _is_real(rate) else ", no more than luck may bring"
    return (
        f"With {what}{anew}, demand met by value goes from {rate.base:.1%} to {rate.changed:.1%} ({points}{luck})."
        f" Over {comparison.world.days} days average stock {_moves(stock, currency)}"
        f" and lost margin {_moves(lost, currency)}."
    )


def _moves(row: Any, currency: str) -> str:
    if not _is_real(row):
        return f"stays about the same ({currency} {row.changed:,.0f})"
    verb = "rises" if row.difference > 0 else "falls"
    return f"{verb} by {currency} {abs(row.difference):,.0f} ± {row.half_width:,.0f} to {row.changed:,.0f}"


def _is_real(row: Any) -> bool:
    """Whether the interval of the difference leaves out 0."""
    return bool(abs(row.difference) > row.half_width) and bool(row.difference)


def costs_by_kind(comparison: Comparison) -> pd.DataFrame:
    """What each scenario costs beside the goods themselves over all its days.

    Returns:
        scenario, kind (of `COSTS`), mean, half_width.
    """
    rows = []
    for one in comparison.outcomes:
        measures = _measures(one)
        for kind in COSTS:
            estimate = measures[kind].estimates()
            rows.append(
                {
                    "scenario": one.name,
                    "kind": kind,
                    "mean": float(estimate.mean[0]),
                    "half_width": float(estimate.half_width[0]),
                }
            )
    return pd.DataFrame(rows)


# In words


def said_measures(comparison: Comparison) -> pd.DataFrame:
    """The table of measures as people read it.

    Returns:
        Texts: measure, "as planned", and for each other scenario a column of its name and "difference" beside it
        (numbered from the second on, so that no two are called the same).
    """
    table, currency = measures_table(comparison), comparison.world.known.terms.currency
    names = list(table["scenario"].unique())
    first = table[table["scenario"] == names[0]].reset_index(drop=True)
    said = pd.DataFrame({"measure": first["measure"], AS_PLANNED: _with_intervals(first, "base", currency)})
    for number, name in enumerate((one for one in names if one != AS_PLANNED), start=1):
        rows = table[table["scenario"] == name].reset_index(drop=True)
        said[name] = _with_intervals(rows, "changed", currency)
        said["difference" if number == 1 else f"difference {number}"] = _differences(rows)
    return said


def _with_intervals(rows: pd.DataFrame, which: str, currency: str) -> list[str]:
    columns = (rows["unit"], rows[which], rows[f"{which}_half_width"])
    return [
        f"{_amount(unit, value, currency)} ± {_bare(unit, width)}" for unit, value, width in zip(*columns, strict=True)
    ]


def _differences(rows: pd.DataFrame) -> list[str]:
    return [
        "same"
        if not (one.half_width or one.difference)
        else f"{_bare(one.unit, one.difference, sign='+')} ± {_bare(one.unit, one.half_width)}"
        f"{' points' if one.unit == 'share' else ''}{'' if _is_real(one) else ' (luck)'}"
        for one in rows.itertuples()
    ]


def _amount(unit: str, value: float, currency: str) -> str:
    if unit == "share":
        return f"{value * 100:.1f} %"
    return f"{currency} {value:,.0f}" if unit == "money" else f"{value:,.1f}"


def _bare(unit: str, value: float, *, sign: str = "") -> str:
    if unit == "share":
        return f"{value * 100:{sign}.1f}"
    return f"{value:{sign},.{1 if unit == 'number' else 0}f}"
