"""Lots over a known demand when what can be made or received per period is limited."""

import math
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray
from optimization.dynamic_lot_sizing import net_of, wagner_whitin
from optimization.figures import figures

Solver = Literal["HiGHS", "CBC"]
PROVEN = 1e-9
SLACK = 1e-9
SHARE_ROUNDING = 1e-7


class CapacityShort(Exception):
    """No plan meets demand within capacity.

    Attributes:
        period: The first one, counted from 0, that cannot be met even when all earlier capacity works for it.
        missing: Least capacity that must be added up to that period, in the unit of capacity.
    """

    def __init__(self, period: int, missing: float) -> None:
        super().__init__(
            f"demand up to period {period} must fit the capacity up to then, got {missing:g} too little capacity"
        )
        self.period = period
        self.missing = missing


class NoPlanInTime(Exception):
    """The time limit passed before any plan was found; there may be one."""


@dataclass(frozen=True)
class CapacitatedPlan:
    """Attributes; quantities have the shape of demand:
    order_quantities: Units made or received in each period.
    stock: Units left at the end of each period.
    capacity_used: By lots and their setups, shape (period,).
    cost: Money over the horizon, of all items; the sum of the next three.
    cost_of_orders: Fixed cost of the lots.
    cost_of_holding: Cost of the stock left at the end of each period.
    cost_of_purchases: Units at the price of their period.
    lower_bound: No plan can cost less.
    gap: (cost − lower_bound) / cost, what could at most still be saved; 0 where the plan is proven the cheapest.
    """

    order_quantities: FloatArray
    stock: FloatArray
    capacity_used: FloatArray
    cost: float
    cost_of_orders: float
    cost_of_holding: float
    cost_of_purchases: float
    lower_bound: float
    gap: float


@dataclass(frozen=True)
class _Problem:
    """Demand net of stock on hand and all costs, each of shape (item, period) unless said."""

    demand: FloatArray
    order_cost: FloatArray
    holding_cost: FloatArray
    purchase_cost: FloatArray
    capacity: FloatArray  # (period,)
    use: FloatArray  # (item,)
    setup: FloatArray  # (item,)

    @property
    def periods(self) -> int:
        return int(self.demand.shape[1])

    def used(self, quantities: FloatArray) -> FloatArray:
        return np.asarray(self.use @ quantities + self.setup @ (quantities > 0))


def capacitated_lot_sizing(
    *,
    demand: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    capacity: ArrayLike,
    purchase_cost: ArrayLike = 0.0,
    on_hand: ArrayLike = 0.0,
    capacity_per_unit: ArrayLike = 1.0,
    capacity_per_order: ArrayLike = 0.0,
    relative_gap: float = PROVEN,
    time_limit: float = 60.0,
    solver: Solver = "HiGHS",
) -> CapacitatedPlan:
    """The cheapest lots that meet a known demand in time within a capacity that all items share.

    A mixed-integer program in the facility-location form: which share of the demand of a period is made in which
    period, at most all of it where that period has a lot. Its relaxation is exact without a capacity, and tight
    with one.

    Args:
        demand: Units per period, ≥ 0, shape (period,) for one item or (item, period).
        order_cost: Money per lot, ≥ 0.
        holding_cost: Money per unit left at the end of the period, ≥ 0.
        capacity: What is available per period, ≥ 0, one number or shape (period,): units, hours, square metres.
        purchase_cost: Money per unit in the period, ≥ 0. The costs are one number, (period,), (item, 1) or
            (item, period).
        on_hand: Units before the first period, ≥ 0, one number or shape (item,); they meet the first demand.
        capacity_per_unit: Capacity that a unit takes, ≥ 0, one number or shape (item,).
        capacity_per_order: Capacity that each lot takes before its first unit (the setup time), ≥ 0, likewise.
        relative_gap: Stop when no plan can be cheaper by more than this share.
        time_limit: Seconds, > 0; then the best plan found, with the gap that is proven.
        solver: "HiGHS" or "CBC".

    Raises:
        ValueError: Out of range, or shapes that do not fit.
        CapacityShort: No plan fits: says by which period, and how much is missing.
        NoPlanInTime: No plan found within the time limit, which may happen where lots take capacity.

    Source: Krarup and Bilde (1977) for the form; Pochet and Wolsey, Production Planning by Mixed Integer Programming.

    >>> plan = capacitated_lot_sizing(
    ...     demand=[40.0, 60.0, 30.0, 80.0], order_cost=120.0, holding_cost=1.0, capacity=100.0)
    >>> plan.order_quantities
    array([40., 90.,  0., 80.])
    >>> plan.cost, plan.gap
    (390.0, 0.0)
    """
    wanted = figures(demand, "demand", least=0.0)
    if wanted.ndim not in (1, 2) or 0 in wanted.shape:
        raise ValueError(f"demand must have shape (period,) or (item, period), got shape {wanted.shape}")
    if solver not in ("HiGHS", "CBC"):
        raise ValueError(f"solver must be HiGHS or CBC, got {solver}")
    if not (time_limit > 0 and relative_gap >= 0):
        raise ValueError(f"time_limit must be positive and relative_gap not negative, got {time_limit}, {relative_gap}")
    rows = np.atleast_2d(wanted)
    items, periods = rows.shape
    net, left = net_of(rows, _fitted(on_hand, "on_hand", (items,)))
    problem = _Problem(
        demand=net,
        order_cost=_fitted(order_cost, "order_cost", rows.shape),
        holding_cost=_fitted(holding_cost, "holding_cost", rows.shape),
        purchase_cost=_fitted(purchase_cost, "purchase_cost", rows.shape),
        capacity=_fitted(capacity, "capacity", (periods,)),
        use=_fitted(capacity_per_unit, "capacity_per_unit", (items,)),
        setup=_fitted(capacity_per_order, "capacity_per_order", (items,)),
    )
    _refuse_short_units(problem)
    quantities, bound = _solved(problem, relative_gap=relative_gap, time_limit=time_limit, solver=solver)
    return _plan(problem, quantities, left, bound, wanted.shape)


def _fitted(value: ArrayLike, name: str, shape: tuple[int, ...]) -> FloatArray:
    given = figures(value, name, least=0.0)
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{name} must fit shape {shape}, got shape {given.shape}") from None


def _refuse_short_units(problem: _Problem) -> None:
    """Cumulated demand against cumulated capacity: all there is to check without setup times."""
    needed = np.cumsum(problem.use @ problem.demand)
    there = np.cumsum(problem.capacity)
    short = needed > there + SLACK * np.maximum(there, needed)
    if short.any():
        period = int(np.flatnonzero(short)[0])
        raise CapacityShort(period, float(needed[period] - there[period]))


def _plan(
    problem: _Problem, quantities: FloatArray, left: FloatArray, bound: float, shape: tuple[int, ...]
) -> CapacitatedPlan:
    stock = np.maximum(np.cumsum(quantities, axis=1) - np.cumsum(problem.demand, axis=1), 0.0)
    stock = np.where(stock <= SLACK * problem.demand.sum(axis=1, keepdims=True), 0.0, stock) + left
    orders = float((problem.order_cost * (quantities > 0)).sum())
    held = float((problem.holding_cost * stock).sum())
    bought = float((problem.purchase_cost * quantities).sum())
    cost = orders + held + bought
    bound = min(cost, bound + float((problem.holding_cost * left).sum()))
    gap = (cost - bound) / cost if cost > 0 else 0.0
    if gap <= 2 * PROVEN:
        bound, gap = cost, 0.0
    return CapacitatedPlan(
        order_quantities=quantities.reshape(shape),
        stock=stock.reshape(shape),
        capacity_used=problem.used(quantities),
        cost=cost,
        cost_of_orders=orders,
        cost_of_holding=held,
        cost_of_purchases=bought,
        lower_bound=bound,
        gap=gap,
    )


def _solved(problem: _Problem, *, relative_gap: float, time_limit: float, solver: Solver) -> tuple[FloatArray, float]:
    """Quantities, and a cost that no plan goes below, without that of stock on hand."""
    if not problem.demand.any():
        return np.zeros(problem.demand.shape), 0.0
    free = wagner_whitin(
        demand=problem.demand,
        order_cost=problem.order_cost,
        holding_cost=problem.holding_cost,
        purchase_cost=problem.purchase_cost,
    )
    model, shares = _model(problem, periods=problem.periods)
    ended, bound = _run(model, relative_gap=relative_gap, time_limit=time_limit, solver=solver)
    if ended == "infeasible":
        raise _first_short(problem, time_limit)
    found = _quantities(problem, shares) if ended == "found" else _spilled_back(problem)
    if found is None:
        raise NoPlanInTime(f"a plan must be found within time_limit {time_limit:g} s, got none")
    return found, max(bound, float(free.cost.sum()))


def _spilled_back(problem: _Problem) -> FloatArray | None:
    """Each demand in its own period, what does not fit a period earlier, from the last; None where that fails."""
    quantities = np.array(problem.demand)
    cheapest_first = np.argsort(problem.holding_cost.sum(axis=1), kind="stable")
    for t in range(problem.periods - 1, -1, -1):
        for i in cheapest_first:
            room = problem.capacity[t] - problem.used(quantities[:, t : t + 1])[0]
            if room >= 0 or quantities[i, t] == 0:
                continue
            if t == 0:
                return None
            alone = problem.use[i] * quantities[i, t]
            kept = max(quantities[i, t] * (1 + room / alone), 0.0) if alone > 0 else 0.0
            quantities[i, t - 1] += quantities[i, t] - kept
            quantities[i, t] = kept
        if problem.used(quantities[:, t : t + 1])[0] > problem.capacity[t] * (1 + SLACK):
            return None
    return quantities


def _model(problem: _Problem, *, periods: int, overtime: bool = False) -> tuple[Any, list[tuple[int, int, int, Any]]]:
    """The program for the first periods; with overtime, the one that asks how much capacity is missing."""
    import pulp

    model = pulp.LpProblem("capacitated_lot_sizing", pulp.LpMinimize)
    objective: list[tuple[Any, float]] = []
    capacity: list[list[tuple[Any, float]]] = [[] for _ in range(periods)]
    shares: list[tuple[int, int, int, Any]] = []
    held = np.concatenate([np.zeros((len(problem.demand), 1)), np.cumsum(problem.holding_cost, axis=1)], axis=1)
    for i in range(len(problem.demand)):
        due = [int(s) for s in np.flatnonzero(problem.demand[i, :periods])]
        parts: dict[int, list[Any]] = {s: [] for s in due}
        for t in range(max(due, default=-1) + 1):
            lot = model.add_variable(f"lot_{i}_{t}", cat="Binary")
            objective.append((lot, float(problem.order_cost[i, t])))
            capacity[t].append((lot, float(problem.setup[i])))
            made: list[tuple[Any, float]] = []
            for s in (s for s in due if s >= t):
                share = model.add_variable(f"share_{i}_{t}_{s}", lowBound=0, upBound=1)
                units = float(problem.demand[i, s])
                price = float(problem.purchase_cost[i, t] + held[i, s] - held[i, t])
                objective.append((share, units * price))
                made.append((share, units * float(problem.use[i])))
                model += _affine([(share, 1.0), (lot, -1.0)]) <= 0
                parts[s].append(share)
                shares.append((i, t, s, share))
            capacity[t] += made
            most = max(float(problem.capacity[t] - problem.setup[i]), 0.0)
            if not overtime and most < sum(factor for _, factor in made):
                model += _affine([*made, (lot, -most)]) <= 0
        for s in due:
            model += _affine([(share, 1.0) for share in parts[s]]) == 1
    added = []
    for t in range(periods):
        if overtime:
            added.append(model.add_variable(f"added_{t}", lowBound=0))
            capacity[t].append((added[-1], -1.0))
        if capacity[t]:
            model += _affine(capacity[t]) <= float(problem.capacity[t])
    model.setObjective(_affine([(each, 1.0) for each in added] if overtime else objective))
    return model, shares


def _affine(terms: Sequence[tuple[Any, float]]) -> Any:
    import pulp

    return pulp.LpAffineExpression(terms)


def _run(
    model: Any, *, relative_gap: float, time_limit: float, solver: Solver
) -> tuple[Literal["found", "nothing", "infeasible"], float]:
    """How the solver ended, and the bound it proved."""
    return (_run_highs if solver == "HiGHS" else _run_cbc)(model, relative_gap, time_limit)


def _run_highs(
    model: Any, relative_gap: float, time_limit: float
) -> tuple[Literal["found", "nothing", "infeasible"], float]:
    import pulp

    options = {"primal_feasibility_tolerance": SLACK, "mip_feasibility_tolerance": SLACK}
    model.solve(pulp.HiGHS(msg=False, gapRel=relative_gap, gapAbs=0.0, threads=1, timeLimit=time_limit, **options))
    if model.status == pulp.LpStatusInfeasible:
        return "infeasible", math.inf
    if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return "nothing", -math.inf
    return "found", float(model.solverModel.getInfo().mip_dual_bound)


def _run_cbc(
    model: Any, relative_gap: float, time_limit: float
) -> tuple[Literal["found", "nothing", "infeasible"], float]:
    import pulp

    with tempfile.TemporaryDirectory(prefix="stockwright-") as folder:
        log = Path(folder) / "cbc.log"
        solver = pulp.COIN_CMD(
            path=pulp.PULP_CBC_CMD.pulp_cbc_path,
            msg=False,
            gapRel=relative_gap,
            gapAbs=0.0,
            threads=1,
            timeLimit=time_limit,
            logPath=str(log),
        )
        solver.tmpDir = folder
        model.solve(solver)
        said = log.read_text(encoding="utf-8", errors="replace")
    if model.status == pulp.LpStatusInfeasible:
        return "infeasible", math.inf
    if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return "nothing", -math.inf
    bounds = re.findall(r"Lower bound:\s+(\S+)", said)
    if bounds:
        return "found", float(bounds[-1])
    proven = model.sol_status == pulp.LpSolutionOptimal
    return "found", float(pulp.value(model.objective)) if proven else -math.inf


def _quantities(problem: _Problem, shares: list[tuple[int, int, int, Any]]) -> FloatArray:
    """Lots from the shares, freed of the solver's rounding: each demand is met exactly, whole units stay whole."""
    items, periods = problem.demand.shape
    made = np.zeros((items, periods, periods))
    for i, t, s, share in shares:
        made[i, t, s] = share.varValue if share.varValue > SHARE_ROUNDING else 0.0
    whole = made.sum(axis=1, keepdims=True)
    made /= np.where(whole > 0, whole, 1.0)
    quantities = (made * problem.demand[:, None, :]).sum(axis=2)
    rounded = np.round(quantities)
    close = np.abs(quantities - rounded) <= SHARE_ROUNDING * np.maximum(problem.demand.max(), 1.0)
    snapped = np.where(close & (rounded > 0), rounded, quantities)
    late = np.cumsum(snapped, axis=1) < np.cumsum(problem.demand, axis=1)
    unequal = snapped.sum(axis=1) != problem.demand.sum(axis=1)
    over = problem.used(snapped) > problem.capacity
    return np.asarray(quantities if late.any() or unequal.any() or over.any() else snapped)


def _first_short(problem: _Problem, time_limit: float) -> CapacityShort:
    """Bisects for the first period whose demand does not fit, with the least capacity that is missing by then."""
    low, high = 0, problem.periods - 1
    missing = {high: _missing(problem, high, time_limit)}
    while low < high:
        middle = (low + high) // 2
        missing[middle] = _missing(problem, middle, time_limit)
        if missing[middle] > SLACK * max(1.0, float(problem.capacity.max())):
            high = middle
        else:
            low = middle + 1
    return CapacityShort(low, missing[low])


def _missing(problem: _Problem, period: int, time_limit: float) -> float:
    """Least capacity to add, in all periods up to this one, for demand up to it."""
    import pulp

    if not problem.demand[:, : period + 1].any():
        return 0.0
    model, _ = _model(problem, periods=period + 1, overtime=True)
    ended, _ = _run(model, relative_gap=PROVEN, time_limit=time_limit, solver="HiGHS")
    if ended != "found":
        raise NoPlanInTime(f"the missing capacity must be found within time_limit {time_limit:g} s, got nothing")
    return float(pulp.value(model.objective))
