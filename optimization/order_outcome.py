"""What an order round costs and holds, worked out from its packs alone."""

from dataclasses import dataclass

import numpy as np

from optimization.arrays import BoolArray, FloatArray, IntArray
from optimization.replenishment_columns import OrderRound

SLACK = 1e-8


@dataclass(frozen=True)
class SupplierOrders:
    """Attributes, of shape (supplier,):
    ordered: Whether anything is ordered.
    value: Money at the prices paid.
    units: Of all SKUs.
    volume: In the unit of the needs.
    weight: In the unit of the needs.
    containers: Whole ones that this volume and weight take; 0 where a supplier delivers without.
    order_cost: Money.
    container_cost: Money.
    """

    ordered: BoolArray
    value: FloatArray
    units: FloatArray
    volume: FloatArray
    weight: FloatArray
    containers: IntArray
    order_cost: FloatArray
    container_cost: FloatArray


@dataclass(frozen=True)
class OrderCosts:
    """Money of the whole round. Attributes:
    purchase: Price of what is ordered.
    ordering: Order costs.
    containers: Container costs.
    shortage: Of the units of the curves that are not ordered.
    excess: Of the units beyond the curves.
    unit_value: What the units ordered are worth in any case.
    """

    purchase: float
    ordering: float
    containers: float
    shortage: float
    excess: float
    unit_value: float

    @property
    def paid(self) -> float:
        """What the budget is compared with."""
        return self.purchase + self.ordering + self.containers

    @property
    def total(self) -> float:
        """What is minimised."""
        return self.paid + self.shortage + self.excess - self.unit_value


def supplier_orders(round_: OrderRound, packs: IntArray) -> SupplierOrders:
    """Each supplier's order, from the packs of each offer."""
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    units = packs * offers.pack_size

    def summed(load: FloatArray) -> FloatArray:
        return np.bincount(offers.supplier, load, minlength=len(suppliers.names)).astype(np.float64)

    volume, weight = summed(needs.volume[offers.sku] * units), summed(needs.weight[offers.sku] * units)
    filled = np.maximum(volume / suppliers.container_volume, weight / suppliers.container_weight)
    containers = np.ceil(filled * (1 - SLACK)).astype(np.int64)
    ordered = summed(units) > 0
    return SupplierOrders(
        ordered=ordered,
        value=summed(offers.cost(units)),
        units=summed(units),
        volume=volume,
        weight=weight,
        containers=containers,
        order_cost=suppliers.order_cost * ordered,
        container_cost=suppliers.container_cost * containers,
    )


def order_costs(round_: OrderRound, packs: IntArray, orders: SupplierOrders) -> OrderCosts:
    """The round's costs by kind."""
    offers, skus = round_.offers, len(round_.needs.names)
    units = np.bincount(offers.sku, packs * offers.pack_size, minlength=skus).astype(np.float64)
    shortage, excess, kept = (float(part.sum()) for part in round_.needs.parts(np.arange(skus), units[:, None]))
    return OrderCosts(
        purchase=float(orders.value.sum()),
        ordering=float(orders.order_cost.sum()),
        containers=float(orders.container_cost.sum()),
        shortage=shortage,
        excess=excess,
        unit_value=kept,
    )


def broken_minimums(round_: OrderRound, orders: SupplierOrders, supplier: int) -> list[str]:
    """The lower limits that a supplier's order misses."""
    terms, name = round_.suppliers, round_.suppliers.names[supplier]
    value, ordered = float(orders.value[supplier]), bool(orders.ordered[supplier])
    broken = []
    if ordered and _below(value, terms.minimum_value[supplier]):
        broken.append(f"minimum order value {terms.minimum_value[supplier]:,.2f} of {name}")
    if ordered and _below(orders.units[supplier], terms.minimum_units[supplier]):
        broken.append(f"minimum order of {terms.minimum_units[supplier]:,g} units of {name}")
    if _below(value, terms.required_value[supplier]):
        broken.append(f"required value {terms.required_value[supplier]:,.2f} of {name}")
    if not _filled(round_, orders, supplier):
        broken.append(f"minimum fill {terms.minimum_fill[supplier]:.0%} of {name}'s containers")
    return broken


def broken_maximums(round_: OrderRound, orders: SupplierOrders, supplier: int) -> list[str]:
    """The upper limits that a supplier's order, or the round with it, exceeds."""
    terms, name = round_.suppliers, round_.suppliers.names[supplier]
    paid = float(orders.value.sum() + orders.order_cost.sum() + orders.container_cost.sum())
    broken = []
    if _below(terms.maximum_value[supplier], orders.value[supplier]):
        broken.append(f"maximum order value {terms.maximum_value[supplier]:,.2f} of {name}")
    if orders.containers[supplier] > terms.maximum_containers[supplier]:
        broken.append(f"maximum of {terms.maximum_containers[supplier]:g} containers of {name}")
    if _below(round_.budget, paid):
        broken.append(f"budget {round_.budget:,.2f}")
    if _below(round_.volume_capacity, float(orders.volume.sum())):
        broken.append(f"volume capacity {round_.volume_capacity:,g}")
    if _below(round_.weight_capacity, float(orders.weight.sum())):
        broken.append(f"weight capacity {round_.weight_capacity:,g}")
    return broken


def broken_rules(round_: OrderRound, packs: IntArray) -> list[str]:
    """Every limit that an order breaks, those of its lines included."""
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    orders, units = supplier_orders(round_, packs), packs * offers.pack_size
    by_sku = np.bincount(offers.sku, units, minlength=len(needs.names))
    broken = []
    for supplier in range(len(suppliers.names)):
        broken += broken_minimums(round_, orders, supplier) + broken_maximums(round_, orders, supplier)
    broken += [f"least of {needs.names[sku]}" for sku in np.flatnonzero(by_sku < needs.least)]
    broken += [f"most of {needs.names[sku]}" for sku in np.flatnonzero(by_sku > needs.most)]
    refused = (units > 0) & ((units < offers.moq) | (units > offers.maximum_quantity))
    refused |= (units > 0) & ~suppliers.may_order[offers.supplier]
    broken += [f"terms of offer {offer}" for offer in np.flatnonzero(refused)]
    return list(dict.fromkeys(broken))


def _below(value: float, least: float) -> bool:
    return bool(value < least - SLACK * max(1.0, abs(least)))


def _filled(round_: OrderRound, orders: SupplierOrders, supplier: int) -> bool:
    terms, count = round_.suppliers, int(orders.containers[supplier])
    if not count:
        return True
    need = terms.minimum_fill[supplier] * count
    rooms = (
        (orders.volume[supplier], terms.container_volume[supplier]),
        (orders.weight[supplier], terms.container_weight[supplier]),
    )
    return any(np.isfinite(room) and not _below(load, need * room) for load, room in rooms)
