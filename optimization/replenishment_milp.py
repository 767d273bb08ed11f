"""How many packs to order now, of many SKUs from many suppliers at once, under all their rules."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.order_conflict import conflict
from optimization.order_outcome import OrderCosts, SupplierOrders, broken_rules, order_costs, supplier_orders
from optimization.order_reasons import order_reasons
from optimization.order_terms import Needs, Offers, Suppliers
from optimization.replenishment_audit import AuditProgram, solve_with_cbc
from optimization.replenishment_columns import OrderRound
from optimization.replenishment_search import solve_round

if TYPE_CHECKING:
    import pulp

Solver = Literal["HiGHS", "CBC"]


@dataclass(frozen=True)
class ReplenishmentOrder:
    """Attributes, of shape (offer,) up to line_value:
    packs: To order now.
    order_quantity: The same in units.
    line_value: Money at the price paid.
    reasons: Why each line is what it is, a sentence per offer.
    orders: What each supplier gets.
    costs: Money of the round, by kind.
    objective: Their total, which is minimised.
    best_bound: No order that keeps all rules can have a lower total.
    relative_gap: (objective − best_bound) / |objective|, proven.
    status: "optimal" means proven to the gap asked for; after "time limit" the order is the best found.
    binding: Rules of suppliers, budget and location that keep some line from what would be best for it alone.
    """

    packs: IntArray
    order_quantity: IntArray
    line_value: FloatArray
    reasons: tuple[str, ...]
    orders: SupplierOrders
    costs: OrderCosts
    objective: float
    best_bound: float
    relative_gap: float
    status: Literal["optimal", "time limit"]
    binding: tuple[str, ...]


def replenishment_order(
    needs: Needs,
    offers: Offers,
    suppliers: Suppliers,
    *,
    budget: float = np.inf,
    volume_capacity: float = np.inf,
    weight_capacity: float = np.inf,
    split_across_suppliers: bool = False,
    relative_gap: float = 1e-4,
    time_limit: float = 60.0,
    solver: Solver = "HiGHS",
) -> ReplenishmentOrder:
    """The order round with the least total cost that keeps all rules.

        minimise    purchase + order costs + containers + shortage + excess − unit value
        subject to  each line: nothing, or whole packs within its minimum and maximum quantity, at its tier's price
                    each SKU: at least `least`, at most `most` units, from one supplier (unless split_across_suppliers)
                    each supplier, if ordered from: its minimum and maximum value, minimum units, whole containers
                    the round: budget for all that is paid, volume and weight that the location takes in

    Args:
        needs: What more units of each SKU are worth.
        offers: Who sells them, at which terms.
        suppliers: Terms of a whole order.
        budget: Most money for purchases, order costs and containers together, ≥ 0.
        volume_capacity: Most volume the location takes in, ≥ 0.
        weight_capacity: Most weight it takes in, ≥ 0.
        split_across_suppliers: Whether one SKU may be ordered from several suppliers at once.
        relative_gap: Stop once the total is proven to be within this share of the least possible, ≥ 0.
        time_limit: Stop after so many seconds with the best order found, > 0. How far a stopped search came depends on
            the machine.
        solver: "CBC" solves the program as `replenishment_program` writes it out; good for small rounds.

    Raises:
        ValueError: A position that does not exist, a limit out of range, or a SKU that gains without end.
        OrderConflict: No order keeps all rules; says which exclude each other.
        TimeoutError: The time limit came before any order was found.

    Source: piecewise-linear convex costs and their perspective (convex hull) formulation are standard, e.g. Frangioni &
        Gentile (2006); all-units and incremental discounts as in Silver, Pyke & Thomas, 4th ed., section 4.5.

    >>> cups = Needs.wanted(["cup"], wanted=7, shortage_cost=5.0, excess_cost=0.1)
    >>> offer = Offers.of(sku=[0], supplier=[0], price=2.0, pack_size=12)
    >>> order = replenishment_order(cups, offer, Suppliers.of(["ACME"]))
    >>> order.order_quantity, order.reasons
    (array([12]), ('raised from 7 to 12: packs of 12',))
    """
    round_ = _checked_round(needs, offers, suppliers, budget, volume_capacity, weight_capacity, split_across_suppliers)
    if not relative_gap >= 0:
        raise ValueError(f"relative_gap must not be negative, got {relative_gap}")
    if not time_limit > 0:
        raise ValueError(f"time_limit must be positive, got {time_limit}")
    if solver not in ("HiGHS", "CBC"):
        raise ValueError(f'solver must be "HiGHS" or "CBC", got {solver!r}')
    if solver == "CBC":
        status, packs, bound = solve_with_cbc(round_, relative_gap=relative_gap, time_limit=time_limit)
    else:
        found = solve_round(round_, relative_gap=relative_gap, time_limit=time_limit)
        status, packs, bound = found.status, found.packs, found.bound
    if status == "infeasible":
        raise conflict(round_)
    return _result(round_, packs, bound, relative_gap, time_limit)


def replenishment_program(
    needs: Needs,
    offers: Offers,
    suppliers: Suppliers,
    *,
    budget: float = np.inf,
    volume_capacity: float = np.inf,
    weight_capacity: float = np.inf,
    split_across_suppliers: bool = False,
) -> "pulp.LpProblem":
    """The same problem written out in PuLP, rule by rule, for audit; arguments as for `replenishment_order`.

    It is not the program that is solved there, but has the same least cost. Its variables carry the names of SKUs and
    suppliers; any solver that PuLP knows can solve it.
    """
    round_ = _checked_round(needs, offers, suppliers, budget, volume_capacity, weight_capacity, split_across_suppliers)
    return AuditProgram(round_).program


def write_replenishment_program(program: "pulp.LpProblem", path: str | Path) -> None:
    """Write the program to a file whose suffix says how: .lp or .mps.

    Raises:
        ValueError: Another suffix.
    """
    suffix = Path(path).suffix
    if suffix == ".lp":
        program.writeLP(str(path))
    elif suffix == ".mps":
        program.writeMPS(str(path))
    else:
        raise ValueError(f"path must end in .lp or .mps, got {path}")


def _checked_round(
    needs: Needs,
    offers: Offers,
    suppliers: Suppliers,
    budget: float,
    volume_capacity: float,
    weight_capacity: float,
    split: bool,
) -> OrderRound:
    limits = {"budget": budget, "volume_capacity": volume_capacity, "weight_capacity": weight_capacity}
    for name, value in limits.items():
        if not value >= 0:
            raise ValueError(f"{name} must not be negative, got {value}")
    for name, positions, count in (
        ("sku", offers.sku, len(needs.names)),
        ("supplier", offers.supplier, len(suppliers.names)),
    ):
        if (positions >= count).any():
            offer = int(np.flatnonzero(positions >= count)[0])
            raise ValueError(f"{name} of offer {offer} must be below {count}, got {positions[offer]}")
    _check_gains(needs, offers)
    return OrderRound(needs, offers, suppliers, budget, volume_capacity, weight_capacity, split)


def _check_gains(needs: Needs, offers: Offers) -> None:
    """Refuse SKUs of which ever more units would pay."""
    first, _, price = offers.tiers()
    last = price[np.arange(len(offers.sku)), np.isfinite(first).sum(axis=1) - 1]
    gain = (needs.unit_value - needs.excess_cost)[offers.sku] - last
    endless = (gain > 0) & np.isinf(needs.most[offers.sku]) & np.isinf(offers.maximum_quantity)
    if endless.any():
        offer = int(np.flatnonzero(endless)[0])
        sku = offers.sku[offer]
        raise ValueError(
            f"unit_value of {needs.names[sku]} must be at most its price {last[offer]:g} (offer {offer}) plus its "
            f"excess_cost {needs.excess_cost[sku]:g} where no most limits it, got {needs.unit_value[sku]:g}"
        )


def _result(
    round_: OrderRound, packs: IntArray | None, bound: float, relative_gap: float, time_limit: float
) -> ReplenishmentOrder:
    nothing = np.zeros(len(round_.offers.sku), dtype=np.int64)
    if packs is None and not broken_rules(round_, nothing):
        packs = nothing
    if packs is None:
        raise TimeoutError(f"no order that keeps all rules was found in {time_limit:g} seconds; allow more time")
    broken = broken_rules(round_, packs)
    if broken:
        raise RuntimeError(f"the solver's order breaks {', '.join(broken)}")
    orders = supplier_orders(round_, packs)
    costs, reasons = order_costs(round_, packs, orders), order_reasons(round_, packs)
    units = packs * round_.offers.pack_size
    gap = max(costs.total - bound, 0.0)
    relative = gap / abs(costs.total) if gap > 1e-9 else 0.0
    return ReplenishmentOrder(
        packs=packs,
        order_quantity=np.rint(units).astype(np.int64),
        line_value=round_.offers.cost(units),
        reasons=reasons.lines,
        orders=orders,
        costs=costs,
        objective=costs.total,
        best_bound=min(bound, costs.total),
        relative_gap=relative,
        status="optimal" if relative <= relative_gap + 1e-9 else "time limit",
        binding=reasons.binding,
    )
