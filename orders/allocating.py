"""Stock for orders: which place serves which line, reserved lot by lot, and what waits is served when stock comes.

Bodies of an open command; `allocate_order` and `allocate_backorders` are the use cases.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from data import balance_rows, routing_rows, sales_rows
from data.balance_rows import BalanceKey, Reserved, Shelf
from data.command_rows import as_json
from data.connection import Database
from data.sales_rows import Line, OrderHead
from orders import allocation
from orders.allocation import Need, Route, Routing, Site
from orders.commands import Command, carry_out
from orders.ending_reservations import end_reservation, expire_lapsed
from orders.errors import BeingChanged, InsufficientStock, NotPossible, UnknownThing
from orders.lifecycle import order_status
from orders.model import Actor, OrderStatus, Permission, WhenShort
from orders.money import exponent, format_minor
from orders.promising import promise_date
from orders.terms import Terms, terms_in_force

_AT_ONCE = 20
"""How many waiting orders are held at a time: the rest are left alone once nothing is left for them."""
_CANNOT_SERVE = (OrderStatus.DRAFT, OrderStatus.SHIPPED, OrderStatus.CLOSED, OrderStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units that an order line asks of the shelves; `line` is the caller's handle, `name` how people call the SKU."""

    line: int
    sku_id: int
    name: str
    quantity: int


@dataclass(slots=True)
class Allocation:
    """What the shelves give to the lines of an order.

    Attributes:
        taken: Line → (balance, units), in the order of picking.
        short: Line → units that no place has.
        routing: How it was decided; None when nothing could be given.
    """

    taken: dict[int, list[tuple[BalanceKey, int]]] = field(default_factory=dict)
    short: dict[int, int] = field(default_factory=dict)
    routing: Routing | None = None
    places: dict[int, str] = field(default_factory=dict)

    def units(self, line: int) -> int:
        return sum(units for _, units in self.taken.get(line, ()))

    def location(self, line: int) -> int | None:
        """The place that serves most of a line."""
        by_place: dict[int, int] = defaultdict(int)
        for (_, place, _), units in self.taken.get(line, ()):
            by_place[place] += units
        return max(by_place, key=lambda place: (by_place[place], -place)) if by_place else None


def decide(
    command: Command, wanted: Sequence[Wanted], *, country: str | None, promised: date | None, terms: Terms
) -> Allocation:
    """Route the lines over what the shelves have, which stay locked; nothing is written.

    Soft reservations whose time has passed are ended first when the lines would be short without.
    """
    skus = [line.sku_id for line in wanted]
    today = command.at.date()
    shelves = balance_rows.shelves(command.sql, skus, sold_until=today)
    if _is_short(wanted, shelves) and expire_lapsed(command, skus):
        shelves = balance_rows.shelves(command.sql, skus, sold_until=today)
    lots: dict[tuple[int, int], list[Shelf]] = defaultdict(list)
    for shelf in shelves:
        if shelf.available > 0:
            lots[shelf.sku_id, shelf.location_id].append(shelf)
    result = Allocation(short={line.line: line.quantity for line in wanted})
    if not lots:
        return result
    result.places = {shelf.location_id: shelf.location for shelf in shelves}
    places = {place for _, place in lots}
    routing = allocation.route(
        [Need(line.line, line.sku_id, line.quantity) for line in wanted],
        _offers(command, lots, skus, is_choice=len(places) > 1),
        _sites(command, places, country, terms),
        promised_in_days=None if promised is None else float((promised - today).days),
        money=lambda amount: format_minor(amount, terms.currency),
    )
    result.routing, result.short = routing, dict(routing.chosen.short)
    sku_of = {line.line: line.sku_id for line in wanted}
    for part in routing.chosen.parts:
        result.taken.setdefault(part.line, []).extend(_from_lots(lots[sku_of[part.line], part.location], part.quantity))
    return result


def _is_short(wanted: Sequence[Wanted], shelves: Sequence[Shelf]) -> bool:
    left: dict[int, int] = defaultdict(int)
    for shelf in shelves:
        left[shelf.sku_id] += shelf.available
    for line in wanted:
        left[line.sku_id] -= line.quantity
    return any(units < 0 for units in left.values())


def _offers(
    command: Command, lots: Mapping[tuple[int, int], list[Shelf]], skus: Sequence[int], *, is_choice: bool
) -> list[allocation.Shelf]:
    coming = routing_rows.expected_demand(command.sql, skus) if is_choice else {}
    return [
        allocation.Shelf(sku, place, sum(shelf.available for shelf in held), coming.get((sku, place), 0.0))
        for (sku, place), held in lots.items()
    ]


def _sites(command: Command, places: set[int], country: str | None, terms: Terms) -> list[Site]:
    """What a parcel from each place costs and takes: by its lane, else by whether it stays in the country."""
    minor = 10 ** exponent(terms.currency)
    sites = []
    for lane in routing_rows.lanes(command.sql, list(places), country=country):
        stays = country is None or lane.location_country in (None, country)
        cost = round((terms.parcel_cost if stays else terms.parcel_cost_abroad) * minor)
        days = terms.transit_days if stays else terms.transit_days_abroad
        sites.append(
            Site(
                lane.location_id,
                lane.location,
                cost if lane.parcel_cost_minor is None else lane.parcel_cost_minor,
                days if lane.transit_days is None else lane.transit_days,
            )
        )
    return sites


def _from_lots(held: list[Shelf], quantity: int) -> list[tuple[BalanceKey, int]]:
    """The lots of one SKU at one place that units come from, first expiring first; they are gone for the next line."""
    picked = allocation.pick_lots([(shelf.lot_id, shelf.expires_on, shelf.available) for shelf in held], quantity)
    gone = dict(picked)
    for number, shelf in enumerate(held):
        if shelf.lot_id in gone:
            held[number] = shelf._replace(allocated=shelf.allocated + gone[shelf.lot_id])
    key = held[0]
    return [((key.sku_id, key.location_id, lot), units) for lot, units in picked]


def write_reservations(command: Command, allocation: Allocation, line_ids: Mapping[int, int]) -> None:
    """Reserve what was decided, for order lines by their handles; the shelves are still locked."""
    rows = [(line_ids[line], key, units) for line, taken in allocation.taken.items() for key, units in taken]
    changes: dict[BalanceKey, tuple[int, int]] = {}
    for _, key, units in rows:
        changes[key] = (0, changes.get(key, (0, 0))[1] + units)
    failed = balance_rows.change_balances(command.sql, changes)
    if failed is not None:
        raise _short_shelf(command, failed, changes[failed][1])
    balance_rows.reserve(command.sql, rows, at=command.moment)


def _short_shelf(command: Command, key: BalanceKey, requested: int) -> InsufficientStock:
    on_hand, allocated = balance_rows.on_shelf(command.sql, key)
    row = command.sql.row(
        "SELECT s.display_code, p.code FROM sku s, location p WHERE s.id = ? AND p.id = ?", (key[0], key[1])
    )
    return InsufficientStock(row[0], requested, on_hand - allocated, location=row[1])


def write_routing(command: Command, order_id: int, allocation: Allocation, terms: Terms) -> None:
    """Store the route, why it was chosen and what it was chosen over."""
    routing = allocation.routing
    if routing is None or not allocation.taken:
        return
    other = routing.next_best
    sales_rows.insert_routing(
        command.sql,
        (
            order_id, command.moment, as_json(_shown(routing.chosen, allocation.places)), routing.chosen.parcels,
            routing.chosen.cost_minor, terms.currency,
            as_json([] if other is None else _shown(other, allocation.places)),
            None if other is None else other.cost_minor, routing.reason, command.key,
        ),
    )  # fmt: skip


def _shown(route: Route, places: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {"line": part.line, "location": places.get(part.location, str(part.location)), "quantity": part.quantity}
        for part in route.parts
    ]


# Existing orders


def serve(
    command: Command,
    head: OrderHead,
    lines: Sequence[Line],
    *,
    when_short: str = WhenShort.BACKORDER,
    waited: Mapping[int, int] | None = None,
) -> int:
    """Reserve stock for the open units of a locked order that have none; its state is the caller's to change.

    Args:
        command: The open command.
        head: The order.
        lines: Its lines.
        when_short: Whether units that are short wait, are cancelled, or make the whole command fail.
        waited: Line number → units that go on waiting all the same, as they did before.

    Returns:
        Units newly reserved.

    Raises:
        InsufficientStock: something is short and `when_short` says refuse; or says partial, and nothing of the order
            would be left.
    """
    terms, waited = terms_in_force(command.sql), waited or {}
    wanted = [Wanted(line.line_no, line.sku_id, line.sku, line.unallocated) for line in lines if line.unallocated]
    if not wanted:
        return 0
    given = decide(command, wanted, country=head.country, promised=head.promised_date, terms=terms)
    is_left = any(
        line.quantity_shipped or line.quantity_allocated or given.units(line.line_no) or waited.get(line.line_no)
        for line in lines
    )
    if when_short == WhenShort.REFUSE or (when_short == WhenShort.PARTIAL and not is_left):
        refuse_short(wanted, given, waited)
    write_reservations(command, given, {line.line_no: line.id for line in lines})
    write_routing(command, head.id, given, terms)
    for line in lines:
        if line.unallocated:
            waits = waited.get(line.line_no, 0) if when_short == WhenShort.PARTIAL else line.unallocated
            _take(command, line, given, most_waiting=waits)
    units = sum(given.units(line.line) for line in wanted)
    if units:
        command.tell(head.id, "allocated", allocated_text(given, lines), {"units": units})
    return units


def _take(command: Command, line: Line, given: Allocation, *, most_waiting: int) -> None:
    """A line takes what it was given; the rest waits, and what is more than may wait is given up."""
    line.quantity_allocated += given.units(line.line_no)
    line.location_id = given.location(line.line_no) or line.location_id
    short = line.unallocated
    line.quantity_backordered = waits = min(short, most_waiting)
    line.promised_date = _promised(command, line) if waits else None
    if short > waits:
        line.quantity_cancelled += short - waits
        row = (line.id, short - waits, line.unit_price_micros, command.moment, "out of stock", command.actor.name)
        sales_rows.insert_cancellations(command.sql, [row])
    sales_rows.set_progress(command.sql, line)


def refuse_short(wanted: Sequence[Wanted], given: Allocation, waited: Mapping[int, int] | None = None) -> None:
    """Refuse what the shelves do not hold.

    Args:
        wanted: What the lines ask for.
        given: What they can have.
        waited: Line → units that may be short.

    Raises:
        InsufficientStock: naming the first SKU that is short, with what all lines ask of it and what there is.
    """
    short: dict[int, int] = defaultdict(int)
    for line in wanted:
        short[line.sku_id] += given.short.get(line.line, 0) - (waited or {}).get(line.line, 0)
    first = next((line for line in wanted if short[line.sku_id] > 0), None)
    if first is not None:
        same = [line for line in wanted if line.sku_id == first.sku_id]
        raise InsufficientStock(
            first.name, sum(line.quantity for line in same), sum(given.units(line.line) for line in same)
        )


def promised_day(command: Command, sku_id: int, units: int, *, line_id: int | None = None) -> date | None:
    """The first day for which units that wait can be promised, from what is on order; None when nothing will come."""
    return promise_date(command.connection, sku_id, units, None, command.at.date(), except_line=line_id)


def _promised(command: Command, line: Line) -> date | None:
    return promised_day(command, line.sku_id, line.quantity_backordered, line_id=line.id)


def allocated_text(given: Allocation, lines: Sequence[Line]) -> str:
    parts = []
    for line in lines:
        by_place: dict[str, int] = defaultdict(int)
        for (_, place, _), units in given.taken.get(line.line_no, ()):
            by_place[given.places[place]] += units
        parts += [f"{units} of {line.sku} from {place}" for place, units in by_place.items()]
    return f"Reserved {', '.join(parts)}"


def change_status(command: Command, head: OrderHead, lines: Sequence[Line], event: str) -> None:
    """Derive the order's state from its lines, log the move if it is one, and store the header."""
    is_held = bool(sales_rows.open_holds(command.sql, head.id))
    status = order_status(lines, is_held=is_held)
    if status != head.status:
        command.move("order", head.id, head.status, event, status, what=str(head))
    sales_rows.set_head(command.sql, head, status=status, status_since=command.moment, line_count=kept_lines(lines))


def kept_lines(lines: Sequence[Line]) -> int:
    """How many of an order's lines are not cancelled whole."""
    return sum(1 for line in lines if line.quantity_cancelled < line.quantity)


def take_back(command: Command, reservations: Sequence[Reserved], *, units: int, reason: str) -> list[str]:
    """Release reservations in the order given until so many units are free; hard ones make their orders wait again.

    The SKUs' balances are locked by the caller. Orders that another command holds are passed over, never waited
    for, because that command may be waiting for these balances.

    Returns:
        References of the orders that lost stock.

    Raises:
        BeingChanged: not enough could be released without waiting.
    """
    of_line = sales_rows.orders_of_lines(command.sql, [r.order_line_id for r in reservations if r.order_line_id])
    heads = sales_rows.lock_free_orders(command.sql, sorted(set(of_line.values())))
    changes: dict[BalanceKey, tuple[int, int]] = {}
    by_line: dict[int, int] = defaultdict(int)
    left = units
    for reservation in reservations:
        line = reservation.order_line_id
        if left == 0 or (line is not None and of_line[line] not in heads):
            continue
        released = min(left, reservation.quantity)
        if not end_reservation(command, reservation, "release", released):
            continue
        left -= released
        changes[reservation.key] = (0, changes.get(reservation.key, (0, 0))[1] - released)
        if line is not None:
            by_line[line] += released
    if left:
        raise BeingChanged("stock that other commands are changing at this moment")
    balance_rows.change_balances(command.sql, changes)
    losing = sorted({of_line[line] for line in by_line})
    lines = sales_rows.lines(command.sql, losing) if losing else {}
    for order_id in losing:
        _wait_again(command, heads[order_id], lines[order_id], by_line, reason)
    return [heads[order_id].external_ref for order_id in losing]


def _wait_again(
    command: Command, head: OrderHead, lines: Sequence[Line], by_line: Mapping[int, int], reason: str
) -> None:
    for line in lines:
        if line.id in by_line:
            line.quantity_allocated -= by_line[line.id]
            line.quantity_backordered += by_line[line.id]
            line.promised_date = _promised(command, line)
            sales_rows.set_progress(command.sql, line)
    change_status(command, head, lines, "deallocate")
    units = sum(by_line.get(line.id, 0) for line in lines)
    command.tell(head.id, "deallocated", f"{units} reserved units were taken back: {reason}", {"units": units})


def free_for_backorders(command: Command, sku_ids: Sequence[int]) -> int:
    """Give what is available of these SKUs to orders that wait for them: by priority, then first come.

    Orders that another command holds at this moment are passed over instead of waited for; the next receipt, or
    `allocate_backorders`, serves them.

    Returns:
        Units reserved.
    """
    if not sku_ids:
        return 0
    waiting = sales_rows.backordered_orders(command.sql, sorted(set(sku_ids)))
    if not waiting:
        return 0
    wanted = set(sku_ids)
    balance_rows.lock_skus(command.sql, list(wanted))
    expire_lapsed(command, list(wanted))
    freed = 0
    for start in range(0, len(waiting), _AT_ONCE):
        if not _has_any(command, wanted):
            break
        heads = sales_rows.lock_free_orders(command.sql, waiting[start : start + _AT_ONCE])
        lines = sales_rows.lines(command.sql, list(heads)) if heads else {}
        for order_id in waiting[start : start + _AT_ONCE]:
            if order_id in heads and heads[order_id].status not in _CANNOT_SERVE:
                freed += _serve_waiting(command, heads[order_id], lines[order_id], wanted)
    return freed


def _has_any(command: Command, sku_ids: set[int]) -> bool:
    """Whether anything of these SKUs can be reserved."""
    shelves = balance_rows.shelves(command.sql, list(sku_ids), sold_until=command.at.date())
    return any(shelf.available for shelf in shelves)


def _serve_waiting(command: Command, head: OrderHead, lines: Sequence[Line], sku_ids: set[int]) -> int:
    waiting = [line for line in lines if line.sku_id in sku_ids and line.quantity_backordered]
    terms = terms_in_force(command.sql)
    wanted = [Wanted(line.line_no, line.sku_id, line.sku, line.quantity_backordered) for line in waiting]
    if not wanted:
        return 0
    given = decide(command, wanted, country=head.country, promised=head.promised_date, terms=terms)
    units = sum(given.units(line.line) for line in wanted)
    if not units:
        return 0
    write_reservations(command, given, {line.line_no: line.id for line in lines})
    write_routing(command, head.id, given, terms)
    for line in waiting:
        if got := given.units(line.line_no):
            line.quantity_allocated += got
            line.quantity_backordered -= got
            line.location_id = given.location(line.line_no) or line.location_id
            if not line.quantity_backordered:
                line.promised_date = None
            sales_rows.set_progress(command.sql, line)
    change_status(command, head, lines, "allocate")
    command.tell(head.id, "allocated", f"{allocated_text(given, lines)}, for which it waited", {"units": units})
    return units


@dataclass(frozen=True, slots=True)
class Served:
    """What an order has reserved after it was allocated, and what it still waits for."""

    order_id: int
    status: str
    allocated: int
    backordered: int


def allocate_order(database: Database, order_id: int, *, key: str, actor: Actor, at: datetime) -> Served:
    """Reserve stock for what is open of an order and has none; what is short waits.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is a draft, or nothing of it is open.
    """
    actor.require(Permission.FULFIL)

    def act(command: Command) -> dict[str, Any]:
        head, lines = locked(command, order_id)
        if head.status in _CANNOT_SERVE:
            raise NotPossible(str(head), "allocate", head.status)
        balance_rows.lock_skus(command.sql, [line.sku_id for line in lines])
        serve(command, head, lines)
        change_status(command, head, lines, "allocate")
        allocated = sum(line.quantity_allocated for line in lines)
        waiting = sum(line.quantity_backordered for line in lines)
        return asdict(Served(order_id, head.status, allocated, waiting))

    answer = carry_out(database, act, action="allocate order", request={"order": order_id}, key=key, actor=actor, at=at)
    return Served(**answer)


def allocate_backorders(database: Database, *, key: str, actor: Actor, at: datetime) -> int:
    """Give whatever is available to the orders that wait for it, by priority, then first come; units reserved."""
    actor.require(Permission.FULFIL)

    def act(command: Command) -> dict[str, Any]:
        return {"units": free_for_backorders(command, sales_rows.backordered_skus(command.sql))}

    return int(carry_out(database, act, action="allocate backorders", request={}, key=key, actor=actor, at=at)["units"])


def locked(command: Command, order_id: int) -> tuple[OrderHead, list[Line]]:
    """An order and its lines, held until the transaction ends.

    Raises:
        UnknownThing: there is no such order.
    """
    head = sales_rows.lock_order(command.sql, order_id)
    if head is None:
        raise UnknownThing("order", f"#{order_id}")
    return head, sales_rows.lines(command.sql, [order_id])[order_id]
