"""Reorder points for SKUs that share one fill-rate target and one stock budget, by linear programming."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optimization.arrays import FloatArray, IntArray, per_sku
from optimization.shortage import ShortageCurves, shortage_curves

Binding = Literal["fill rate", "budget", "fill rate floor"]
WHOLE = 1e-5


class Infeasible(Exception):
    """No reorder points satisfy everything asked.

    Attributes:
        conflict: What cannot be had together.
        best_fill_rate: Highest aggregate fill rate that the budget allows (or, without one, that the
            quantiles given can vouch for); None where the budget does not even carry the lots.
        smallest_budget: Least average stock value at cost that meets target and floors; None where no
            budget does.
    """

    def __init__(self, conflict: str, *, best_fill_rate: float | None, smallest_budget: float | None) -> None:
        super().__init__(conflict)
        self.conflict = conflict
        self.best_fill_rate = best_fill_rate
        self.smallest_budget = smallest_budget


@dataclass(frozen=True)
class StockLevels:
    """Attributes, of shape (sku,) up to average_stock_value:
    reorder_point: Whole units of inventory position.
    safety_stock: Reorder point minus mean lead-time demand, units; negative where running short is cheaper.
    order_up_to_level: Reorder point plus order quantity, units.
    expected_shortage: Units short per replenishment cycle.
    fill_rate: Share of demand met from stock.
    average_stock_value: Money at cost in expected stock on hand.
    total_stock_value: Its sum.
    achieved_fill_rate: Aggregate after rounding, weighted by the value of demand.
    holding_cost: Money per period after rounding.
    optimal_holding_cost: The same before rounding: no reorder points that meet every limit cost less.
    price_of_fill_rate: Holding cost per period of one more percentage point of aggregate fill rate.
    value_of_budget: Holding cost per period saved by one more unit of money in the budget; None without
        a budget. Above 0 only where SKUs differ in holding_cost_rate, since otherwise the least holding
        cost is the least stock already.
    binding: The limits that hold the cost up.
    """

    reorder_point: IntArray
    safety_stock: FloatArray
    order_up_to_level: FloatArray
    expected_shortage: FloatArray
    fill_rate: FloatArray
    average_stock_value: FloatArray
    total_stock_value: float
    achieved_fill_rate: float
    holding_cost: float
    optimal_holding_cost: float
    price_of_fill_rate: float
    value_of_budget: float | None
    binding: tuple[Binding, ...]


def safety_stock_levels(
    *,
    names: Sequence[str],
    levels: ArrayLike,
    lead_time_demand: ArrayLike,
    lead_time_demand_mean: ArrayLike,
    demand_rate: ArrayLike,
    order_quantity: ArrayLike,
    unit_cost: ArrayLike,
    unit_value: ArrayLike,
    fill_rate_target: float,
    fill_rate_floor: ArrayLike = 0.0,
    holding_cost_rate: ArrayLike,
    stock_budget: float | None = None,
) -> StockLevels:
    """Cheapest reorder points that meet an aggregate fill rate, each SKU's floor and the budget.

    With r the reorder point, X lead-time demand, n(r) = E[(X − r)+] and Q the order quantity, a SKU's fill
    rate is 1 − n(r)/C with C = max(Q, E[X]), and its expected stock on hand r − E[X] + n(r) + Q/2. A lot
    smaller than lead-time demand leaves several orders under way, whose cycles share one shortage: charging
    each with all of it would ask for stock without end. n is convex and, on the quantiles, piecewise
    linear (`shortage_curves`), so r is a sum of segments whose worth falls: a linear program without
    binaries.

        minimise    Σ h_i·c_i·(r_i − μ_i + n_i + Q_i/2)
        subject to  Σ w_i·λ_i·n_i/C_i ≤ (1 − target)·Σ w_i·λ_i
                    n_i ≤ (1 − floor_i)·C_i
                    Σ c_i·(r_i − μ_i + n_i + Q_i/2) ≤ budget

    A floor sets a SKU's lowest whole reorder point. Of the others the optimum leaves at most two between
    whole numbers (one per shared constraint): these are rounded up, most fill rate per money first, while
    the budget allows, else down; `achieved_fill_rate` is what then results.

    Args:
        names: SKU (and location) as messages should call them, n of them.
        levels: Probabilities, strictly ascending in (0, 1), shape (k,).
        lead_time_demand: Quantiles at those levels of demand over lead time plus review period, whole units,
            never falling along a row, shape (n, k).
        lead_time_demand_mean: μ, units, shape (n,).
        demand_rate: λ, units per period, shape (n,). 0 = not demanded: reorder point 0, no stock.
        order_quantity: Q, average replenishment lot in units, at least the demand of a review period,
            shape (n,).
        unit_cost: c, money per unit in stock, shape (n,).
        unit_value: w, weight of a unit short (price, margin or 1), shape (n,).
        fill_rate_target: Aggregate, weighted by w·λ, in (0, 1).
        fill_rate_floor: Least per SKU, in [0, 1), scalar or shape (n,).
        holding_cost_rate: h, per period and money of stock, > 0, scalar or shape (n,).
        stock_budget: Most average stock value at cost; None = no limit.

    Raises:
        ValueError: A shape, NaN or range that is wrong, or quantiles that fall, with the SKU's name.
        Infeasible: The limits contradict each other.

    Source: Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th ed., chapter 6
        (fill rate, exchange curves); the segments are the usual separable convex programming.
    """
    names = [str(one) for one in names]
    probabilities, quantiles = _checked_quantiles(levels, lead_time_demand, names)
    mean = per_sku(lead_time_demand_mean, "lead_time_demand_mean", names)
    rate = per_sku(demand_rate, "demand_rate", names)
    lot = per_sku(order_quantity, "order_quantity", names)
    cost = per_sku(unit_cost, "unit_cost", names)
    value = per_sku(unit_value, "unit_value", names)
    floor = per_sku(fill_rate_floor, "fill_rate_floor", names, most=1.0, exclude_most=True)
    holding = per_sku(holding_cost_rate, "holding_cost_rate", names, exclude_least=True)
    demanded = _checked_demanded(rate, mean, lot, names)
    if not 0 < fill_rate_target < 1:
        raise ValueError(f"fill_rate_target must lie strictly between 0 and 1, got {fill_rate_target}")
    if stock_budget is not None and not (np.isfinite(stock_budget) and stock_budget >= 0):
        raise ValueError(f"stock_budget must be finite and not negative, got {stock_budget}")
    if demanded.any() and not (value * rate).any():
        raise ValueError("unit_value must be positive for some SKU with demand, got 0 for all")

    problem = _Problem.of(
        curves=shortage_curves(probabilities, quantiles[demanded], mean[demanded]),
        mean=mean[demanded],
        lot=lot[demanded],
        cost=cost[demanded],
        weight=(value * rate)[demanded],
        floor=floor[demanded],
        holding=holding[demanded],
        names=[names[i] for i in np.flatnonzero(demanded)],
    )
    optimum = _optimum(problem, fill_rate_target, stock_budget)
    reorder_point = np.zeros(len(names), dtype=np.int64)
    shortage, stock_value, fill_rate = np.zeros(len(names)), np.zeros(len(names)), np.ones(len(names))
    whole = _whole(problem, optimum.reorder_point, stock_budget)
    reorder_point[demanded] = whole
    shortage[demanded] = problem.curves.at(whole)
    stock_value[demanded] = problem.stock_value(whole)
    fill_rate[demanded] = 1 - shortage[demanded] / np.maximum(lot, mean)[demanded]
    return StockLevels(
        reorder_point=reorder_point,
        safety_stock=reorder_point - mean,
        order_up_to_level=np.where(demanded, reorder_point + lot, 0.0),
        expected_shortage=shortage,
        fill_rate=fill_rate,
        average_stock_value=stock_value,
        total_stock_value=float(stock_value.sum()),
        achieved_fill_rate=problem.fill_rate(whole),
        holding_cost=float(holding @ stock_value),
        optimal_holding_cost=float(problem.holding @ problem.stock_value(optimum.reorder_point)),
        price_of_fill_rate=optimum.price_of_fill_rate / 100,
        value_of_budget=None if stock_budget is None else optimum.value_of_budget,
        binding=_binding(problem, optimum, floor[demanded], stock_budget),
    )


@dataclass(frozen=True)
class _Problem:
    """The SKUs with demand, and the segments of reorder point above what their floors demand.

    Attributes, of shape (sku,) down to lowest and of shape (segment,) from sku on:
        curves: Expected shortage by reorder point.
        mean: Lead-time demand, units.
        lot: Order quantity, units.
        cycle: Demand that one shortage is a share of: the lot, or lead-time demand where that is more.
        cost: Money per unit in stock.
        share: Weight of the SKU's fill rate in the aggregate; sums to 1.
        holding: Holding cost per period and money of stock.
        lowest: Whole reorder point that the floor demands.
        sku: Which SKU the segment raises.
        width: Units.
        avoided: Shortage avoided per unit, in (0, 1].
    """

    curves: ShortageCurves
    mean: FloatArray
    lot: FloatArray
    cycle: FloatArray
    cost: FloatArray
    share: FloatArray
    holding: FloatArray
    lowest: IntArray
    sku: IntArray
    width: FloatArray
    avoided: FloatArray

    @classmethod
    def of(
        cls,
        *,
        curves: ShortageCurves,
        mean: FloatArray,
        lot: FloatArray,
        cost: FloatArray,
        weight: FloatArray,
        floor: FloatArray,
        holding: FloatArray,
        names: Sequence[str],
    ) -> "_Problem":
        cycle = np.maximum(lot, mean)
        lowest = curves.lowest_reorder_point((1 - floor) * cycle)
        if (lowest < 0).any():
            first = int(np.flatnonzero(lowest < 0)[0])
            reachable = 1 - curves.shortage[first, -1] / cycle[first]
            raise Infeasible(
                f"fill_rate_floor of {names[first]} must be at most {reachable:.6f}, "
                f"the most its demand quantiles can vouch for, got {floor[first]}",
                best_fill_rate=None,
                smallest_budget=None,
            )
        upper = curves.knots[:, 1:]
        width = np.maximum(upper - np.maximum(curves.knots[:, :-1], lowest[:, None]), 0)
        avoided = curves.slopes()
        used = (width > 0) & (avoided > 0)
        return cls(
            curves=curves,
            mean=mean,
            lot=lot,
            cycle=cycle,
            cost=cost,
            share=weight / weight.sum() if len(weight) else weight,
            holding=holding,
            lowest=lowest,
            sku=np.nonzero(used)[0],
            width=width[used].astype(np.float64),
            avoided=np.minimum(avoided[used], 1.0),
        )

    def fill_rate(self, reorder_point: FloatArray | IntArray) -> float:
        """Aggregate, weighted by the value of demand; 1 where nothing is demanded."""
        return float(1 - self.share @ (self.curves.at(reorder_point) / self.cycle))

    def stock_value(self, reorder_point: FloatArray | IntArray) -> FloatArray:
        """Money in expected stock on hand, shape (sku,)."""
        on_hand = reorder_point - self.mean + self.curves.at(reorder_point) + self.lot / 2
        return self.cost * on_hand

    def fill_rate_gain(self) -> FloatArray:
        """Aggregate fill rate per unit of each segment."""
        return (self.share / self.cycle)[self.sku] * self.avoided

    def stock_value_gain(self) -> FloatArray:
        """Money in stock per unit of each segment: a unit that avoids a shortage is not on hand."""
        return self.cost[self.sku] * (1 - self.avoided)


@dataclass(frozen=True)
class _Optimum:
    """Attributes:
    reorder_point: Maybe fractional, shape (sku,).
    price_of_fill_rate: Change of the objective per unit of fill rate asked (from 0 to 1).
    value_of_budget: Fall of the objective per unit of money in the budget.
    """

    reorder_point: FloatArray
    price_of_fill_rate: float
    value_of_budget: float


def _optimum(problem: _Problem, fill_rate: float, budget: float | None) -> _Optimum:
    """The cheapest reorder points, or the reason why there are none."""
    highest = problem.fill_rate(problem.curves.knots[:, -1])
    least_value = float(problem.stock_value(problem.lowest).sum())
    if fill_rate > highest:
        raise Infeasible(
            f"fill_rate_target must be at most {highest:.6f}, the most the demand quantiles can vouch for, "
            f"got {fill_rate}; give higher levels",
            best_fill_rate=_best_fill_rate(problem, budget) if _holds(least_value, budget) else None,
            smallest_budget=None,
        )
    if not _holds(least_value, budget):
        needed = _smallest_budget(problem, fill_rate)
        raise Infeasible(
            f"stock_budget must be at least {least_value:.2f} for the lots and fill rate floors alone and "
            f"{needed:.2f} for fill rate {fill_rate}, got {budget}",
            best_fill_rate=None,
            smallest_budget=needed,
        )
    cost_gain = problem.holding[problem.sku] * problem.stock_value_gain()
    optimum = _cheapest(problem, cost_gain, fill_rate=fill_rate, budget=budget)
    if optimum is not None:
        return optimum
    best, needed = _best_fill_rate(problem, budget), _smallest_budget(problem, fill_rate)
    raise Infeasible(
        f"stock_budget must be at least {needed:.2f} for fill rate {fill_rate}, got {budget}, which allows {best:.6f}",
        best_fill_rate=best,
        smallest_budget=needed,
    )


def _holds(value: float, budget: float | None) -> bool:
    return budget is None or value <= budget * (1 + 1e-9)


def _best_fill_rate(problem: _Problem, budget: float | None) -> float:
    best = _cheapest(problem, -problem.fill_rate_gain(), fill_rate=None, budget=budget)
    if best is None:
        raise RuntimeError("the solver found no reorder points although the lowest ones fit the budget")
    return problem.fill_rate(best.reorder_point)


def _smallest_budget(problem: _Problem, fill_rate: float) -> float:
    least = _cheapest(problem, problem.stock_value_gain(), fill_rate=fill_rate, budget=None)
    if least is None:
        raise RuntimeError("the solver found no reorder points although the highest ones meet the target")
    return float(problem.stock_value(least.reorder_point).sum())


def _cheapest(
    problem: _Problem, objective: FloatArray, *, fill_rate: float | None, budget: float | None
) -> _Optimum | None:
    """Segments that minimise the objective, by CBC; None where no choice of them meets both limits.

    Every row is divided by its mean coefficient, since the solver's tolerances are absolute. Within a SKU
    segments fall in worth and rise in cost, so that the optimum fills them in order by itself.
    """
    import pulp

    program = pulp.LpProblem("stock_levels", pulp.LpMinimize)
    units = [program.add_variable(f"x{number}", 0.0, width) for number, width in enumerate(problem.width.tolist())]

    def expression(coefficients: FloatArray) -> pulp.LpAffineExpression:
        return pulp.LpAffineExpression(list(zip(units, coefficients.tolist(), strict=True)))

    scale = _scale(objective)
    program.setObjective(expression(objective / scale))
    rows: dict[str, tuple[pulp.LpConstraint, float]] = {}
    if fill_rate is not None:
        gain, missing = problem.fill_rate_gain(), fill_rate - problem.fill_rate(problem.lowest)
        size = _scale(gain)
        row = pulp.LpConstraint(expression(gain / size), pulp.LpConstraintGE, rhs=missing / size)
        rows["fill rate"] = (row, size)
    if budget is not None:
        gain, left = problem.stock_value_gain(), budget - float(problem.stock_value(problem.lowest).sum())
        size = _scale(gain)
        row = pulp.LpConstraint(expression(gain / size), pulp.LpConstraintLE, rhs=max(left, 0.0) / size)
        rows["budget"] = (row, size)
    for name, (row, _) in rows.items():
        program.addConstraint(row, name.replace(" ", "_"))
    bundled_cbc = pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, mip=False, msg=False)
    status = program.solve(bundled_cbc)
    if status == pulp.LpStatusInfeasible:
        return None
    if status != pulp.LpStatusOptimal:
        raise RuntimeError(f"CBC must end with an optimum or a proof that there is none, got {status}")
    raised = np.bincount(problem.sku, [unit.varValue or 0.0 for unit in units], minlength=len(problem.lowest)).astype(
        np.float64
    )
    price = {name: (row.pi or 0.0) * scale / size for name, (row, size) in rows.items()}
    return _Optimum(
        reorder_point=problem.lowest + raised,
        price_of_fill_rate=max(price.get("fill rate", 0.0), 0.0),
        value_of_budget=max(-price.get("budget", 0.0), 0.0) + 0.0,
    )


def _scale(coefficients: FloatArray) -> float:
    mean = float(np.abs(coefficients).mean()) if len(coefficients) else 0.0
    return mean if mean > 0 else 1.0


def _whole(problem: _Problem, reorder_point: FloatArray, budget: float | None) -> IntArray:
    """Rounded up where the budget allows, most fill rate per money first, else down."""
    nearest = np.rint(reorder_point)
    settled = np.abs(reorder_point - nearest) <= WHOLE * np.maximum(1.0, reorder_point)
    down = np.where(settled, nearest, np.floor(reorder_point)).astype(np.int64)
    up = np.where(settled, nearest, np.ceil(reorder_point)).astype(np.int64)
    fill_gain = problem.share / problem.cycle * (problem.curves.at(down) - problem.curves.at(up))
    value_gain = problem.stock_value(up) - problem.stock_value(down)
    total = float(problem.stock_value(down).sum())
    open_skus = np.flatnonzero(~settled)
    worth = fill_gain[open_skus] / np.maximum(value_gain[open_skus], 1e-300)
    for sku in open_skus[np.argsort(-worth, kind="stable")]:
        if _holds(total + value_gain[sku], budget):
            down[sku] = up[sku]
            total += value_gain[sku]
    return down


def _binding(problem: _Problem, optimum: _Optimum, floor: FloatArray, budget: float | None) -> tuple[Binding, ...]:
    binding: list[Binding] = []
    if optimum.price_of_fill_rate > 0:
        binding.append("fill rate")
    if budget is not None and problem.stock_value(optimum.reorder_point).sum() >= budget * (1 - 1e-7):
        binding.append("budget")
    if ((floor > 0) & (problem.lowest > 0) & (optimum.reorder_point <= problem.lowest + WHOLE)).any():
        binding.append("fill rate floor")
    return tuple(binding)


def _checked_quantiles(
    levels: ArrayLike, lead_time_demand: ArrayLike, names: Sequence[str]
) -> tuple[FloatArray, IntArray]:
    probabilities = np.asarray(levels, dtype=np.float64)
    rising = probabilities.ndim == 1 and len(probabilities) > 0 and bool((np.diff(probabilities) > 0).all())
    if not rising or not ((probabilities > 0) & (probabilities < 1)).all():
        raise ValueError(f"levels must rise strictly between 0 and 1, got {probabilities.tolist()}")
    given = np.asarray(lead_time_demand, dtype=np.float64)
    if given.shape != (len(names), len(probabilities)):
        raise ValueError(
            f"lead_time_demand must have shape (SKU, level) = {(len(names), len(probabilities))}, got {given.shape}"
        )
    refusals = (
        (~np.isfinite(given) | (given < 0), "be finite and not negative"),
        (np.diff(given, axis=1, prepend=0) < 0, "not fall from level to level"),
        (given != np.rint(given), "be whole units"),
    )
    for refused, wanted in refusals:
        if refused.any():
            sku = int(np.flatnonzero(refused.any(axis=1))[0])
            raise ValueError(f"lead_time_demand of {names[sku]} must {wanted}, got {given[sku].tolist()}")
    return probabilities, given.astype(np.int64)


def _checked_demanded(
    rate: FloatArray, mean: FloatArray, lot: FloatArray, names: Sequence[str]
) -> "np.typing.NDArray[np.bool_]":
    demanded = rate > 0
    unclear = demanded != (mean > 0)
    if unclear.any():
        sku = int(np.flatnonzero(unclear)[0])
        raise ValueError(
            f"demand_rate and lead_time_demand_mean of {names[sku]} must both be 0 or both positive, "
            f"got {rate[sku]} and {mean[sku]}"
        )
    if (demanded & (lot <= 0)).any():
        sku = int(np.flatnonzero(demanded & (lot <= 0))[0])
        raise ValueError(f"order_quantity of {names[sku]} must be positive, got {lot[sku]}")
    return demanded
