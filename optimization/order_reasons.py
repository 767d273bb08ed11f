"""Why each line of an order is what it is, in one sentence, and which rules that took."""

from dataclasses import dataclass, replace

import numpy as np

from optimization.arrays import FloatArray, IntArray
from optimization.order_outcome import SupplierOrders, broken_maximums, broken_minimums, supplier_orders
from optimization.replenishment_columns import OrderRound, corners_between, order_modes

SAME = 1e-9


@dataclass(frozen=True)
class Reasons:
    """Attributes:
    lines: A sentence per offer.
    binding: Rules beyond a line's own that keep some line from what would be best for it alone.
    """

    lines: tuple[str, ...]
    binding: tuple[str, ...]


def order_reasons(round_: OrderRound, packs: IntArray) -> Reasons:
    """A sentence per offer, from what would be ordered of it without any rule, and with its own rules alone.

    A rule of a supplier, the budget or the location is the reason where it would be broken if the line moved one pack
    towards what is best for it alone (or all the way, where one pack breaks nothing).
    """
    ideal, alone = _ideal_units(round_, packs), _alone_packs(round_, packs)
    orders = supplier_orders(round_, packs)
    lines: list[str] = []
    binding: dict[str, None] = {}
    for offer in range(len(packs)):
        units, own = int(packs[offer] * round_.offers.pack_size[offer]), int(alone[offer])
        if packs[offer] == own:
            lines.append(_own_reason(round_, packs, offer, float(ideal[offer])))
            continue
        rules = _shared_rules(round_, packs, orders, offer, own)
        binding.update(dict.fromkeys(rules))
        lines.append(_shared_reason(round_, packs, offer, units, own, rules))
    return Reasons(tuple(lines), tuple(binding))


def _others(round_: OrderRound, packs: IntArray) -> FloatArray:
    """Units of each offer's SKU that other offers bring."""
    offers = round_.offers
    units = packs * offers.pack_size
    return np.asarray(np.bincount(offers.sku, units, minlength=len(round_.needs.names))[offers.sku] - units)


def _ideal_units(round_: OrderRound, packs: IntArray) -> FloatArray:
    """Units whose worth exceeds the price, beyond what other offers bring."""
    needs, offers = round_.needs, round_.offers
    worth = needs.value[offers.sku] + needs.unit_value[offers.sku, None]
    paying = np.where(worth > offers.price[:, None], needs.width[offers.sku], 0.0).sum(axis=1)
    return np.asarray(np.maximum(paying - _others(round_, packs), 0.0))


def _alone_packs(round_: OrderRound, packs: IntArray) -> IntArray:
    """Packs that would be best for each offer under its own rules, given what other offers bring of its SKU.

    Where the packs ordered cost no more, they count as the best.
    """
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    others = _others(round_, packs)
    free = replace(suppliers, may_order=np.ones(len(suppliers.names), dtype=np.bool_))
    modes = order_modes(replace(round_, suppliers=free, split=True))
    sku, step, given = offers.sku[modes.offer], offers.pack_size[modes.offer], others[modes.offer]
    low = np.maximum(modes.low, np.ceil((needs.least[sku] - given) / step))
    high = np.minimum(modes.high, np.floor(np.maximum(needs.most[sku] - given, 0.0) / step))
    open_modes = low <= high
    place = np.flatnonzero(open_modes)
    corners = corners_between(needs, sku[place], step[place], low[place], high[place], given=given[place])
    mode = place[corners.mode]
    offer, units = modes.offer[mode], corners.packs * step[mode]
    cost = modes.intercept[mode] + modes.price[mode] * units - _gain(round_, offer, others[offer], units)
    first = np.lexsort((corners.packs, cost, offer))
    first = first[np.unique(offer[first], return_index=True)[1]]
    best = np.where(needs.least[offers.sku] > others, np.inf, 0.0)
    alone = np.zeros(len(packs), dtype=np.int64)
    better = first[cost[first] < best[offer[first]]]
    alone[offer[better]], best[offer[better]] = corners.packs[better], cost[better]
    ordered = packs * offers.pack_size
    now = offers.cost(ordered) - _gain(round_, np.arange(len(packs)), others, ordered)
    allowed = (ordered + others >= needs.least[offers.sku]) | (others > 0)
    return np.asarray(np.where(allowed & (now <= best + SAME * np.maximum(1.0, np.abs(best))), packs, alone))


def _gain(round_: OrderRound, offer: IntArray, given: FloatArray, units: FloatArray) -> FloatArray:
    """What units of an offer are worth beyond those given."""
    sku = round_.offers.sku[offer]
    both = round_.needs.worth(sku, np.column_stack([given, given + units]))
    return np.asarray(both[:, 1] - both[:, 0])


def _own_reason(round_: OrderRound, packs: IntArray, offer: int, ideal: float) -> str:
    """Of a line that is best by itself: how its own rules changed what would be ordered without any."""
    needs, offers = round_.needs, round_.offers
    pack, moq = offers.pack_size[offer], offers.moq[offer]
    units, sku = float(packs[offer] * pack), offers.sku[offer]
    if units == 0:
        return _nothing_reason(round_, packs, offer, ideal)
    whole = np.ceil(ideal)
    if abs(units - ideal) < 1:
        return f"{units:,g}: as needed"
    change = f"{'raised' if units > whole else 'lowered'} from {ideal:,g} to {units:,g}"
    if units > whole:
        if units - pack < moq and moq > whole:
            return f"{change}: minimum order quantity {moq:,g}{_in_packs(pack)}"
        if units - pack < needs.least[sku] and needs.least[sku] > whole:
            return f"{change}: at least {needs.least[sku]:,g} must be ordered{_in_packs(pack)}"
        for quantity in offers.break_quantity[offer][::-1]:
            if units >= quantity > whole:
                return f"{change}: price break at {quantity:,g}{_in_packs(pack)}"
    else:
        for limit, name in ((offers.maximum_quantity[offer], "maximum quantity"), (needs.most[sku], "at most")):
            if units + pack > limit:
                return f"{change}: {name} {limit:,g}{_in_packs(pack)}"
    return f"{change}: packs of {pack:g}" if pack > 1 else f"{change}: at its price"


def _in_packs(pack: float) -> str:
    return f", packs of {pack:g}" if pack > 1 else ""


def _nothing_reason(round_: OrderRound, packs: IntArray, offer: int, ideal: float) -> str:
    needs, offers, suppliers = round_.needs, round_.offers, round_.suppliers
    sku, pack, moq = int(offers.sku[offer]), offers.pack_size[offer], offers.moq[offer]
    name = suppliers.names[offers.supplier[offer]]
    elsewhere = np.flatnonzero((offers.sku == sku) & (packs > 0))
    if len(elsewhere):
        chosen = suppliers.names[offers.supplier[elsewhere[0]]]
        return f"nothing: {needs.names[sku]} is ordered from {chosen}"
    smallest = np.ceil(max(moq, 1.0) / pack) * pack
    if smallest > min(needs.most[sku], offers.maximum_quantity[offer]):
        return f"nothing: the smallest order of {smallest:,g} exceeds the most allowed"
    if needs.width[sku].sum() == 0:
        return "nothing: not needed"
    if ideal == 0:
        return "nothing: not worth its price"
    if smallest > ideal:
        rule = f"minimum order quantity {moq:,g}" if moq > pack else f"packs of {pack:g}"
        return f"nothing instead of {ideal:,g}: {rule} would cost more than going short"
    return f"nothing instead of {ideal:,g}: cheaper to go short at the quantities {name} sells"


def _shared_rules(round_: OrderRound, packs: IntArray, orders: SupplierOrders, offer: int, alone: int) -> list[str]:
    """Rules of supplier, budget or location that would break if the line came nearer to what is best for it alone."""
    supplier = int(round_.offers.supplier[offer])
    if not round_.suppliers.may_order[supplier]:
        return [f"today is no day to order from {round_.suppliers.names[supplier]}"]
    up = alone > packs[offer]
    lowest = max(1, int(np.ceil(round_.offers.moq[offer] / round_.offers.pack_size[offer])))
    step = max(packs[offer] + 1, lowest) if up else (packs[offer] - 1 if packs[offer] > lowest else 0)
    for towards in dict.fromkeys((int(step), alone)):
        changed = _moved(round_, packs, orders, offer, towards)
        broken = (broken_maximums if up else broken_minimums)(round_, changed, supplier)
        if broken:
            return broken
    return []


def _moved(round_: OrderRound, packs: IntArray, orders: SupplierOrders, offer: int, towards: int) -> SupplierOrders:
    """Supplier orders with another number of packs of one offer."""
    offers, supplier = round_.offers, int(round_.offers.supplier[offer])
    own = np.flatnonzero(offers.supplier == supplier)
    moved = packs.copy()
    moved[offer] = towards
    sub = replace(
        round_,
        offers=replace(
            offers,
            **{
                name: getattr(offers, name)[own]
                for name in (
                    "sku", "supplier", "price", "pack_size", "moq", "maximum_quantity", "break_quantity",
                    "break_price", "incremental",
                )
            },
        ),
    )  # fmt: skip
    new = supplier_orders(sub, moved[own])

    def taken(name: str) -> FloatArray:
        values = getattr(orders, name).copy()
        values[supplier] = getattr(new, name)[supplier]
        return np.asarray(values)

    return SupplierOrders(**{name: taken(name) for name in SupplierOrders.__dataclass_fields__})  # type: ignore[arg-type]


def _shared_reason(round_: OrderRound, packs: IntArray, offer: int, units: int, alone: int, rules: list[str]) -> str:
    own = int(alone * round_.offers.pack_size[offer])
    supplier = int(round_.offers.supplier[offer])
    name = round_.suppliers.names[supplier]
    if units:
        why = ", ".join(rules) if rules else f"cheapest together with the other lines of {name}"
        return f"{'raised' if units > own else 'lowered'} from {own:,g} to {units:,g}: {why}"
    if rules:
        return f"nothing instead of {own:,g}: {', '.join(rules)}"
    elsewhere = np.flatnonzero((round_.offers.sku == round_.offers.sku[offer]) & (packs > 0))
    if len(elsewhere):
        chosen = round_.suppliers.names[round_.offers.supplier[elsewhere[0]]]
        return f"nothing instead of {own:,g}: also ordered from {chosen}"
    if not (packs[round_.offers.supplier == supplier] > 0).any():
        return f"nothing instead of {own:,g}: {_why_no_order(round_, supplier)}"
    return f"nothing instead of {own:,g}: cheapest together with the other lines of {name}"


def _why_no_order(round_: OrderRound, supplier: int) -> str:
    terms, name = round_.suppliers, round_.suppliers.names[supplier]
    costs = [
        f"order cost {terms.order_cost[supplier]:,.2f}" if terms.order_cost[supplier] > 0 else "",
        f"minimum order value {terms.minimum_value[supplier]:,.2f}" if terms.minimum_value[supplier] > 0 else "",
        f"minimum order of {terms.minimum_units[supplier]:,g} units" if terms.minimum_units[supplier] > 0 else "",
        f"{terms.container_cost[supplier]:,.2f} per container" if terms.by_container[supplier] else "",
    ]
    told = ", ".join(cost for cost in costs if cost)
    return f"an order from {name} does not pay" + (f" ({told})" if told else "")
