"""Reorder points found by simulation: every stock point looks for its own, all of them in the same runs.

Stock points that do not supply one another do not touch one another, so one run of the scenario tries a candidate of
each of them at once. All runs meet the same luck (common random numbers): what tells two candidates apart is the
difference of their levels, not of their luck.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simulation.arrays import FloatArray
from simulation.estimates import Estimate, mean_estimate, ratio_estimate
from simulation.results import SimulationResult
from simulation.run import simulate
from simulation.scenario import Policy, Scenario, StockPoint
from simulation.scenario_measures import POINT_COSTS, point_costs, point_measures

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Levels = Sequence[int] | Mapping[Any, Sequence[int]]
Search = Literal["auto", "all", "golden"]
COSTS_OF_STOCK = ("holding", "ordering", "shortage", "backorder", "spoilage")
"""Costs that depend on the levels; what is bought is sold sooner or later."""
_TRY_ALL = 12
_FIELDS = ("reorder_point", "order_up_to_level")


def optimise(
    scenario: Scenario,
    over: Mapping[str, Levels],
    *,
    days: float,
    seed: int,
    replications: int = 30,
    fill_rate: float | None = None,
    costs: Sequence[str] = COSTS_OF_STOCK,
    search: Search = "auto",
    level: float = 0.95,
    **options: Any,
) -> Optimised:
    """The cheapest reorder point of each stock point by simulation, or the smallest that reaches a fill rate.

    Args:
        scenario: Its policies are where the levels come from: what is not searched for stays. A reorder point takes
            its order-up-to level along, at the same distance, and an order-up-to level one unit above its reorder
            point takes that along (base stock).
        over: "reorder_point" or "order_up_to_level" (or both: each pair of them, the level above the point) to
            candidates: whole numbers for every stock point that reorders, or a mapping from SKUs, or pairs (SKU,
            site), to those of some.
        days, seed, replications: As for `simulate`.
        fill_rate: Take the smallest candidate whose fill rate is at least this, rather than the cheapest. It is
            looked for by halving, since under the same luck more stock fills no less (of one "over" only).
        costs: Kinds of cost that count, of those of stock points. Purchases are left out by default: where sales
            are lost, selling less would look cheap.
        search: "all" tries every candidate; "golden" (golden section, then down the slope from its best) fewer, right
            where cost first falls and then rises over the candidates; "auto" tries up to 12 and sections more.
        level: Confidence of intervals.
        **options: Further arguments of `simulate`: warm_up_days, executor, workers.

    Returns:
        Levels, curves with intervals, and how sure each choice is. Where the user stops the search, the best of
        what was tried.

    Raises:
        ValueError: nothing to search, candidates or kinds of cost unknown, stock points that supply one another, a
            fill rate outside (0, 1], or what `simulate` refuses.
    """
    _check(over, fill_rate, costs, search)
    chosen = _candidates(scenario, over)
    _check_apart(scenario, list(chosen))

    def run(policies: Mapping[int, Policy]) -> SimulationResult:
        points = [replace(p, policy=policies.get(i, p.policy)) for i, p in enumerate(scenario.points)]
        trial = replace(scenario, points=tuple(points))
        return simulate(trial, days=days, seed=seed, replications=replications, level=level, **options)

    base = run({})
    if base.interrupted:
        raise KeyboardInterrupt("stopped before anything was tried") from None
    options |= {"warm_up_days": base.warm_up_days}
    trials = {position: _Trials(candidates, tuple(costs)) for position, candidates in chosen.items()}
    for position, trial in trials.items():
        trial.keep(None, base, position)
    stepper = _stepper(fill_rate, search, len(over))
    _step_together(trials, stepper, run)
    return Optimised(scenario, trials, base, fill_rate, tuple(over), level)


@dataclass(eq=False)
class _Trials:
    """What was tried at one stock point: cost per day, units filled and demanded, by candidate and replication.

    Candidate None is the policy given.
    """

    candidates: Sequence[Policy]
    kinds: tuple[str, ...]
    cost: dict[int | None, FloatArray] = field(default_factory=dict)
    filled: dict[int | None, FloatArray] = field(default_factory=dict)
    demand: dict[int | None, FloatArray] = field(default_factory=dict)

    def keep(self, candidate: int | None, result: SimulationResult, position: int) -> None:
        by_kind = point_costs(result.scenario, result.tallies)
        self.cost[candidate] = np.sum([by_kind[kind].by_replication[:, position] for kind in self.kinds], axis=0)
        fill = point_measures(result.scenario, result.tallies)["fill_rate"]
        self.filled[candidate] = fill.numerator[:, position]
        self.demand[candidate] = fill.denominator[:, position]

    @property
    def in_order(self) -> list[int]:
        """Candidates as they were tried."""
        return [one for one in self.cost if one is not None]

    @property
    def tried(self) -> list[int]:
        return sorted(self.in_order)

    @property
    def cheapest(self) -> int:
        """Of those tried; the first of equals."""
        return min(self.tried, key=lambda one: (float(self.cost[one].mean()), one))

    def mean_cost(self, candidate: int) -> float:
        return float(self.cost[candidate].mean())

    def fill(self, candidate: int) -> float:
        demand = float(self.demand[candidate].sum())
        return float(self.filled[candidate].sum()) / demand if demand else 1.0


Stepper = Callable[[_Trials], int | None]
"""Which candidate to try next, by what was tried; None: it is done."""


def _step_together(
    trials: Mapping[int, _Trials], stepper: Stepper, run: Callable[[Mapping[int, Policy]], SimulationResult]
) -> None:
    """Until no stock point has a candidate to try: one run of what each wants to try next."""
    while True:
        wanted = {position: stepper(trial) for position, trial in trials.items()}
        tried = {position: candidate for position, candidate in wanted.items() if candidate is not None}
        if not tried:
            return
        still = {position: trial.cheapest for position, trial in trials.items() if position not in tried}
        result = run({p: trials[p].candidates[candidate] for p, candidate in (still | tried).items()})
        if result.interrupted:
            return
        for position, candidate in tried.items():
            trials[position].keep(candidate, result, position)


def _stepper(fill_rate: float | None, search: Search, dimensions: int) -> Stepper:
    if fill_rate is not None and dimensions == 1 and search != "all":
        return lambda trials: _halving(trials, fill_rate)
    if dimensions > 1 or search == "all":
        return _next_untried
    if search == "golden":
        return _golden
    return lambda trials: _next_untried(trials) if len(trials.candidates) <= _TRY_ALL else _golden(trials)


def _next_untried(trials: _Trials) -> int | None:
    return next((one for one in range(len(trials.candidates)) if one not in trials.cost), None)


def _halving(trials: _Trials, fill_rate: float) -> int | None:
    low, high = -1, len(trials.candidates) - 1
    for one in trials.tried:
        if trials.fill(one) < fill_rate:
            low = max(low, one)
    reaching = [one for one in trials.tried if trials.fill(one) >= fill_rate and one > low]
    if high not in trials.cost:
        return high
    if not reaching:
        return None
    high = min(reaching)
    middle = (low + high) // 2
    return None if high - low <= 1 else middle


def _golden(trials: _Trials) -> int | None:
    """The next candidate of a golden section search, replayed over what was tried; then its best's neighbours."""
    low, high = -1, len(trials.candidates)
    while high - low > 3:
        left = low + round((high - low) * 0.381966)
        right = low + high - left
        if left == right:
            right += 1
        known = [one for one in trials.in_order if low < one < high]
        if known and not (left in known and right in known):
            left, right = sorted((known[0], _mirrored(known[0], low, high)))
        for one in (left, right):
            if one not in trials.cost:
                return one
        if trials.mean_cost(left) <= trials.mean_cost(right):
            high = right
        else:
            low = left
    inside = [one for one in range(max(low, 0), min(high, len(trials.candidates) - 1) + 1) if one not in trials.cost]
    if inside:
        return inside[0]
    best = trials.cheapest
    beside = (best - 1, best + 1)
    return next((n for n in beside if 0 <= n < len(trials.candidates) and n not in trials.cost), None)


def _mirrored(known: int, low: int, high: int) -> int:
    """A second place to look at, as far from one end as the known one is from the other."""
    other = low + high - known
    return other if other != known else (known + 1 if known + 1 < high else known - 1)


# What came of it


@dataclass(frozen=True, eq=False)
class Optimised:
    """The levels that a search by simulation chose.

    Attributes:
        given: The scenario it began from.
        trials: What was tried, by position of the stock point.
        base: Result of the scenario as given.
        fill_rate: The target, where there was one.
        over: What was searched.
        level: Confidence of intervals.
    """

    given: Scenario
    trials: Mapping[int, _Trials]
    base: SimulationResult
    fill_rate: float | None
    over: tuple[str, ...]
    level: float

    @cached_property
    def choices(self) -> Mapping[int, int]:
        """Candidate chosen, by position of the stock point."""
        return {position: self._choice(trial) for position, trial in self.trials.items()}

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario with the levels chosen."""
        policies = {i: self.trials[i].candidates[choice] for i, choice in self.choices.items()}
        points = [replace(p, policy=policies.get(i, p.policy)) for i, p in enumerate(self.given.points)]
        return replace(self.given, points=tuple(points))

    @cached_property
    def levels(self) -> pd.DataFrame:
        """A row for each stock point searched.

        Columns: sku, site, reorder_point, order_up_to_level, cost (per day, of the kinds that count) and fill_rate with
        their half-widths, saving (per day, against the policy given) with its own, confidence, at_edge.

        `confidence` is the chance, by Student's t over paired replications, that the choice holds: that the rival
        that comes closest costs no less; or that the fill rate truly reaches the target. With `at_edge` the
        candidates end at the choice, and a better one may lie beyond.
        """
        import pandas as pd

        return pd.DataFrame([self._row(position, choice) for position, choice in self.choices.items()])

    @cached_property
    def curve(self) -> pd.DataFrame:
        """Everything tried: sku, site, reorder_point, order_up_to_level, cost, fill_rate and their half-widths, and the
        difference in cost to the choice with its half-width, paired by replication."""
        import pandas as pd

        rows = [
            self._named(position, candidate) | self._difference(trial, candidate, self.choices[position])
            for position, trial in self.trials.items()
            for candidate in trial.tried
        ]
        return pd.DataFrame(rows)

    def figure(self, sku: str, site: str | None = None) -> go.Figure:
        """Cost (or fill rate, where that was the aim) over the candidates of one stock point.

        Raises:
            ValueError: it was not searched.
        """
        from simulation import figures

        rows = self.curve[(self.curve["sku"] == sku) & ((self.curve["site"] == site) | (site is None))]
        if rows.empty:
            raise ValueError(f"sku must be one that was searched, got {sku}{f' at {site}' if site else ''}")
        rows = rows[rows["site"] == rows["site"].iloc[0]]
        chosen = self.levels.set_index(["sku", "site"]).loc[(sku, rows["site"].iloc[0])]
        column, value = self.over[0], "cost" if self.fill_rate is None else "fill_rate"
        return figures.cost_curve(rows, int(chosen[column]), column=column, value=value)

    def _choice(self, trials: _Trials) -> int:
        if self.fill_rate is None:
            return trials.cheapest
        reaching = [one for one in trials.tried if trials.fill(one) >= self.fill_rate]
        if not reaching:
            return max(trials.tried, key=lambda one: (trials.fill(one), -one))
        return min(reaching) if len(self.over) == 1 else min(reaching, key=lambda one: (trials.mean_cost(one), one))

    def _row(self, position: int, choice: int) -> dict[str, object]:
        trials = self.trials[position]
        saving = mean_estimate(trials.cost[None] - trials.cost[choice], level=self.level)
        return self._named(position, choice) | {
            "saving": saving.mean,
            "saving_half_width": saving.half_width,
            "confidence": self._confidence(trials, choice),
            "at_edge": len(self.over) == 1 < len(trials.candidates) and choice in (0, len(trials.candidates) - 1),
        }

    def _named(self, position: int, candidate: int) -> dict[str, object]:
        point, trials = self.given.points[position], self.trials[position]
        policy = trials.candidates[candidate]
        cost = mean_estimate(trials.cost[candidate], level=self.level)
        fill = ratio_estimate(trials.filled[candidate], trials.demand[candidate], level=self.level)
        return {
            "sku": point.sku,
            "site": point.site,
            "reorder_point": policy.reorder_point,
            "order_up_to_level": policy.order_up_to_level,
            "cost": cost.mean,
            "cost_half_width": cost.half_width,
            "fill_rate": fill.mean,
            "fill_rate_half_width": fill.half_width,
        }

    def _difference(self, trials: _Trials, candidate: int, choice: int) -> dict[str, float]:
        found = mean_estimate(trials.cost[candidate] - trials.cost[choice], level=self.level)
        return {"difference": found.mean, "difference_half_width": found.half_width}

    def _confidence(self, trials: _Trials, choice: int) -> float:
        if self.fill_rate is not None:
            fill = ratio_estimate(trials.filled[choice], trials.demand[choice], level=self.level)
            return _chance_above(fill, self.fill_rate)
        rivals = [one for one in trials.tried if one != choice]
        return min(
            (
                _chance_above(mean_estimate(trials.cost[one] - trials.cost[choice], level=self.level), 0.0)
                for one in rivals
            ),
            default=1.0,
        )


def _chance_above(estimate: Estimate, value: float) -> float:
    """Chance that the truth is at least the value, by Student's t; NaN of one replication."""
    from scipy.special import stdtr, stdtrit

    if estimate.count < 2 or np.isnan(estimate.half_width):
        return float("nan")
    error = estimate.half_width / float(stdtrit(estimate.count - 1, (1.0 + estimate.level) / 2.0))
    if error == 0.0:
        return float(estimate.mean >= value)
    return float(stdtr(estimate.count - 1, (estimate.mean - value) / error))


# Candidates


def _candidates(scenario: Scenario, over: Mapping[str, Levels]) -> dict[int, list[Policy]]:
    found = {}
    for position, point in enumerate(scenario.points):
        levels = {name: _levels_of(point, levels) for name, levels in over.items()}
        if any(one is None for one in levels.values()) or point.policy.kind != "reorder":
            continue
        policies = _policies(point.policy, {name: sorted(set(one or ())) for name, one in levels.items()})
        if not policies:
            raise ValueError(f"candidates of {point.sku} at {point.site} must hold at least one, got none")
        found[position] = policies
    if not found:
        raise ValueError(f"over must name stock points that reorder, got none in scenario {scenario.name}")
    return found


def _levels_of(point: StockPoint, levels: Levels) -> Sequence[int] | None:
    if not isinstance(levels, Mapping):
        return levels
    return levels.get((point.sku, point.site), levels.get(point.sku))


def _policies(given: Policy, levels: Mapping[str, Sequence[int]]) -> list[Policy]:
    if len(levels) == 2:
        pairs = product(levels["reorder_point"], levels["order_up_to_level"])
        return [replace(given, reorder_point=s, order_up_to_level=up_to) for s, up_to in pairs if up_to > s]
    ((name, candidates),) = levels.items()
    if name == "reorder_point":
        return [_moved(given, one) for one in candidates]
    base_stock = given.order_up_to_level == given.reorder_point + 1
    if base_stock:
        return [replace(given, reorder_point=one - 1, order_up_to_level=one) for one in candidates]
    return [replace(given, order_up_to_level=one) for one in candidates if one > given.reorder_point]


def _moved(given: Policy, reorder_point: int) -> Policy:
    if given.order_quantity:
        return replace(given, reorder_point=reorder_point)
    up_to = given.order_up_to_level + reorder_point - given.reorder_point
    return replace(given, reorder_point=reorder_point, order_up_to_level=up_to)


def _check(over: Mapping[str, Levels], fill_rate: float | None, costs: Sequence[str], search: str) -> None:
    if not over or any(name not in _FIELDS for name in over):
        raise ValueError(f"over must name {' or '.join(_FIELDS)}, got {', '.join(over) or 'nothing'}")
    if fill_rate is not None and not 0.0 < fill_rate <= 1.0:
        raise ValueError(f"fill_rate must lie above 0 and be at most 1, got {fill_rate}")
    unknown = [kind for kind in costs if kind not in POINT_COSTS]
    if unknown or not costs:
        raise ValueError(f"costs must be some of {', '.join(POINT_COSTS)}, got {', '.join(costs) or 'none'}")
    if search not in ("auto", "all", "golden"):
        raise ValueError(f'search must be "auto", "all" or "golden", got {search!r}')


def _check_apart(scenario: Scenario, positions: Sequence[int]) -> None:
    places = {(scenario.points[i].sku, scenario.points[i].site) for i in positions}
    for i in positions:
        point = scenario.points[i]
        if (point.sku, point.source) in places:
            raise ValueError(
                f"stock points searched together must not supply one another, got {point.sku} at {point.site} from "
                f"{point.source}; search one of them at a time"
            )
