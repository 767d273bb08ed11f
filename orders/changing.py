"""Orders are changed after placing: a change is proposed, priced, and confirmed while the order is still the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from data import balance_rows, change_rows, sales_rows
from data.connection import Database
from data.sales_rows import Line, OrderHead
from orders.allocating import change_status, free_for_backorders, locked, serve
from orders.bundles import exploded
from orders.cancelling import give_up
from orders.commands import Command, carry_out
from orders.doubts import end_doubts, hold_of, open_doubts
from orders.errors import InvalidRequest, NotPossible, OrderChanged, UnknownThing
from orders.holding import end_holds, require_reason
from orders.lifecycle import order_status
from orders.model import Actor, Address, HoldKind, LineRequest, OrderRequest, OrderStatus, Permission, as_decimal
from orders.money import amount_minor, format_minor
from orders.pricing import MOST_PRICE, in_micros, ordered_lines, tax_minor, value_of
from orders.requests import plain, whole

_CANNOT_CHANGE = (OrderStatus.DRAFT, OrderStatus.SHIPPED, OrderStatus.CLOSED, OrderStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class LineChange:
    """What a line shall be; what is None stays.

    Attributes:
        line_no: The line; None for a new one.
        sku: Of a new line; a line's SKU is changed by cancelling it and adding another.
        quantity: Units in all, not fewer than were cancelled and shipped; 0 cancels what is open.
        unit_price: Exact; a new line without one takes the list price.
    """

    line_no: int | None = None
    sku: str | None = None
    quantity: int | None = None
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What shall be different about an order, and why; what is None stays.

    Attributes:
        version: The order's version that the change was prepared on; None for whichever it is.
    """

    order_id: int
    reason: str
    lines: tuple[LineChange, ...] = ()
    ship_to: Address | None = None
    priority: int | None = None
    promised_date: date | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change with its price.

    Attributes:
        status: proposed, confirmed or rejected.
        difference_minor: How much more the customer has to pay.
        value_minor: What the order is worth with the change.
        differences: What changes, in words, line by line.
    """

    change_id: int
    order_id: int
    status: str
    currency: str
    difference_minor: int
    value_minor: int
    differences: tuple[str, ...]


def propose_change(database: Database, request: OrderChange, *, key: str, actor: Actor, at: datetime) -> Proposed:
    """Price a change of an order and keep it until it is confirmed or rejected; nothing else happens.

    Raises:
        UnknownThing: there is no such order, line or SKU.
        NotPossible: the order is a draft, or nothing of it is open.
        OrderChanged: it is no longer of the version named.
        InvalidRequest: a value is impossible, or nothing would change.
    """
    actor.require(Permission.SELL)
    require_reason(request.reason)

    def act(command: Command) -> dict[str, Any]:
        return asdict(_propose(command, request))

    asked = {"change": plain(request)}
    return _answer(carry_out(database, act, action="propose change", request=asked, key=key, actor=actor, at=at))


def confirm_change(database: Database, change_id: int, *, key: str, actor: Actor, at: datetime) -> Proposed:
    """Carry out a proposed change as it was priced.

    Raises:
        UnknownThing: there is no such change.
        NotPossible: it was confirmed or rejected.
        OrderChanged: the order is no longer as it was when the change was priced.
        InsufficientStock: more is wanted than there is, and the order's channel says refuse.
    """
    actor.require(Permission.SELL)

    def act(command: Command) -> dict[str, Any]:
        return asdict(_confirm(command, _found(command, change_id)))

    asked = {"change": change_id}
    return _answer(carry_out(database, act, action="confirm change", request=asked, key=key, actor=actor, at=at))


def reject_change(database: Database, change_id: int, reason: str, *, key: str, actor: Actor, at: datetime) -> None:
    """Drop a proposed change.

    Raises:
        UnknownThing: there is no such change.
        NotPossible: it was confirmed or rejected.
        InvalidRequest: no reason is given.
    """
    actor.require(Permission.SELL)
    require_reason(reason)

    def act(command: Command) -> dict[str, Any]:
        change = _found(command, change_id)
        locked(command, change.sales_order_id)
        _decide(command, change_id, "reject", "rejected")
        command.tell(change.sales_order_id, "change rejected", f"Change {change_id} was rejected: {reason}")
        return {}

    asked = {"change": change_id, "reason": reason}
    carry_out(database, act, action="reject change", request=asked, key=key, actor=actor, at=at)


def change_order(database: Database, request: OrderChange, *, key: str, actor: Actor, at: datetime) -> Proposed:
    """Propose a change and confirm it at once, in one transaction; raises what these two raise."""
    actor.require(Permission.SELL)
    require_reason(request.reason)

    def act(command: Command) -> dict[str, Any]:
        return asdict(apply_change(command, request))

    asked = {"change": plain(request)}
    return _answer(carry_out(database, act, action="change order", request=asked, key=key, actor=actor, at=at))


def apply_change(command: Command, request: OrderChange) -> Proposed:
    """Propose and confirm within an open command."""
    return _confirm(command, _found(command, _propose(command, request).change_id))


def _answer(response: Mapping[str, Any]) -> Proposed:
    return Proposed(**{**response, "differences": tuple(response["differences"])})


# Proposing


@dataclass(slots=True)
class _Plan:
    """An order as the change would have it.

    Attributes:
        lines: All lines, the changed ones replaced and the new ones, of id 0, at the end.
        taxes: Of all lines, by line number.
        differences: In words.
    """

    lines: list[Line]
    taxes: list[tuple[int | None, str, int, int, bool]]
    differences: list[str]
    cancelled: dict[int, int]

    @property
    def value_minor(self) -> int:
        numbered = [replace(line, id=line.line_no) for line in self.lines]
        return value_of(numbered, [(tax[0], *tax[2:]) for tax in self.taxes])


def _propose(command: Command, request: OrderChange) -> Proposed:
    head, lines = locked(command, request.order_id)
    if head.status in _CANNOT_CHANGE:
        raise NotPossible(str(head), "change", head.status, ["edit draft"] if head.status == OrderStatus.DRAFT else [])
    if request.version is not None and request.version != head.version:
        raise OrderChanged(head.external_ref, request.version, head.version)
    plan = _planned(command, head, lines, request)
    difference = plan.value_minor - head.value_minor
    change_id = change_rows.insert(
        command.sql,
        order_id=head.id,
        request=plain(request),
        priced={"value_minor": plan.value_minor, "differences": plan.differences},
        difference_minor=difference,
        version=head.version,
        reason=request.reason,
        at=command.moment,
        by=command.actor.name,
    )
    said = f"Change {change_id} proposed ({_signed(difference, head.currency)}): {', '.join(plan.differences)}"
    command.tell(head.id, "change proposed", f"{said}. {request.reason}", {"change": change_id})
    return Proposed(
        change_id, head.id, "proposed", head.currency, difference, plan.value_minor, tuple(plan.differences)
    )


def _planned(command: Command, head: OrderHead, lines: Sequence[Line], request: OrderChange) -> _Plan:
    taxes = [(_number(lines, tax[0]), *tax[1:]) for tax in sales_rows.named_taxes(command.sql, head.id)]
    plan = _Plan([replace(line) for line in lines], taxes, [], {})
    for change in request.lines:
        if change.line_no is None:
            _add_line(command, head, plan, change)
        else:
            _change_line(head, plan, change)
    head_values = {"address": request.ship_to, "priority": request.priority, "promised": request.promised_date}
    for name, value in head_values.items():
        if value is not None:
            plan.differences.append(f"{name} {_shown(value)}")
    if not plan.differences:
        raise InvalidRequest("change", "something that differs from the order", plain(request))
    if not any(line.quantity_cancelled < line.quantity for line in plan.lines):
        raise InvalidRequest("lines", "at least one that is kept (cancel the order instead)", 0)
    return plan


def _number(lines: Sequence[Line], line_id: int | None) -> int | None:
    return next((line.line_no for line in lines if line.id == line_id), None)


def _shown(value: object) -> str:
    if isinstance(value, Address):
        return ", ".join(part for part in (value.name, value.line1, value.postcode, value.city, value.country) if part)
    return str(value)


def _change_line(head: OrderHead, plan: _Plan, change: LineChange) -> None:
    place = next((place for place, line in enumerate(plan.lines) if line.line_no == change.line_no), None)
    if place is None:
        numbers = ", ".join(str(line.line_no) for line in plan.lines)
        raise UnknownThing("line", str(change.line_no), hint=f"{head} has {numbers}")
    line = plan.lines[place]
    field = f"line {line.line_no}"
    if change.sku is not None:
        raise InvalidRequest(f"{field}: sku", "left out (cancel the line and add another)", change.sku)
    price = line.unit_price_micros if change.unit_price is None else _price(field, change.unit_price)
    quantity = line.quantity if change.quantity is None else whole(f"{field}: quantity", change.quantity, least=0)
    if quantity == 0:
        plan.cancelled[line.line_no] = line.still_open
        plan.differences.append(f"{line.still_open} of {line.sku} cancelled")
        plan.lines[place] = replace(line, quantity_cancelled=line.quantity_cancelled + line.still_open)
        return
    done = line.quantity_cancelled + line.quantity_shipped
    if quantity < done:
        raise InvalidRequest(f"{field}: quantity", f"{done} or more, as so many are cancelled or shipped", quantity)
    if quantity != line.quantity:
        plan.differences.append(f"{line.sku} {line.quantity} → {quantity}")
    if price != line.unit_price_micros:
        plan.differences.append(f"{line.sku} at {price / 1e6:g} instead of {line.unit_price_micros / 1e6:g}")
    if (quantity, price) != (line.quantity, line.unit_price_micros):
        amount = amount_minor(quantity, price, head.currency)
        plan.lines[place] = replace(line, quantity=quantity, unit_price_micros=price, amount_minor=amount)
        plan.taxes = [_taxed(tax, line.line_no, amount) for tax in plan.taxes]


def _price(field: str, given: object) -> int:
    number = as_decimal(f"{field}: unit_price", given)
    price = None if number is None else in_micros(number)
    if price is None or not 0 <= price <= MOST_PRICE * 1_000_000:
        raise InvalidRequest(f"{field}: unit_price", "a price of at most six decimals, not negative", given)
    return price


def _taxed(
    tax: tuple[int | None, str, int, int, bool], line_no: int, amount: int
) -> tuple[int | None, str, int, int, bool]:
    number, name, rate, _, is_included = tax
    if number != line_no:
        return tax
    return (number, name, rate, tax_minor(amount, rate, is_included=is_included), is_included)


def _add_line(command: Command, head: OrderHead, plan: _Plan, change: LineChange) -> None:
    if change.sku is None:
        raise InvalidRequest("new line: sku", "given", change.sku)
    quantity = whole(f"{change.sku}: quantity", 1 if change.quantity is None else change.quantity)
    code = change.sku.strip().upper()
    items = sales_rows.items(command.sql, [code])
    if code not in items:
        raise UnknownThing("SKU", change.sku)
    shared = {(name, rate, is_included) for _, name, rate, _, is_included in plan.taxes}
    name, rate, is_included = shared.pop() if len(shared) == 1 else ("tax", None, False)
    line = LineRequest(code, quantity, change.unit_price, None if rate is None else Decimal(rate) / 1_000_000, name)
    asked = OrderRequest(head.channel, head.external_ref, (line,), prices_include_tax=is_included)
    ordered = ordered_lines(asked, items, head.currency)
    bundles = [item.id for item in items.values() if item.is_bundle]
    ordered = exploded(ordered, sales_rows.components(command.sql, bundles), head.currency) if bundles else ordered
    place = plan.lines[0].location_id
    for new in ordered:
        number = max(existing.line_no for existing in plan.lines) + 1
        plan.lines.append(
            Line(0, number, new.item.id, new.item.display_code, place, new.quantity, 0, 0, 0, 0, new.unit_price_micros,
                 new.amount_minor, None, new.bundle_id)
        )  # fmt: skip
        if new.tax is not None:
            plan.taxes.append((number, *new.tax))
        plan.differences.append(f"{new.quantity} of {new.item.display_code} added")


def _signed(amount: int, currency: str) -> str:
    return f"{'+' if amount > 0 else '−' if amount < 0 else '±'}{format_minor(abs(amount), currency)}"


# Confirming


def _found(command: Command, change_id: int) -> change_rows.StoredChange:
    change = change_rows.find(command.sql, change_id)
    if change is None:
        raise UnknownThing("change", str(change_id))
    return change


def _decide(command: Command, change_id: int, event: str, status: str) -> None:
    if not change_rows.decide(command.sql, change_id, status, at=command.moment, by=command.actor.name):
        raise NotPossible(f"change {change_id}", event, "decided")
    command.move("change", change_id, "proposed", event, status, what=f"change {change_id}")


def _confirm(command: Command, change: change_rows.StoredChange) -> Proposed:
    head, before = locked(command, change.sales_order_id)
    if head.version != change.order_version:
        raise OrderChanged(head.external_ref, change.order_version, head.version)
    _decide(command, change.id, "confirm", "confirmed")
    request = _request(change.request)
    plan = _planned(command, head, before, request)
    balance_rows.lock_skus(command.sql, [line.sku_id for line in plan.lines])
    freed = _apply_lines(command, head, before, plan, request.reason)
    _apply_head(command, head, request)
    command.tell(head.id, "changed", f"Changed: {', '.join(plan.differences)}. {request.reason}", {"change": change.id})
    waited = {line.line_no: line.unallocated for line in before}
    serve(command, head, plan.lines, when_short=head.when_short or head.channel_when_short, waited=waited)
    head.value_minor = value_of(plan.lines, sales_rows.taxes(command.sql, head.id))
    if not any(line.still_open for line in plan.lines):
        end_doubts(command, head, open_doubts(command, head.id), "drop", request.reason)
        end_holds(command, head, list(HoldKind), "nothing of the order is open any more")
    change_status(command, head, plan.lines, _event(command, head, plan.lines))
    free_for_backorders(command, freed)
    return Proposed(
        change.id, head.id, "confirmed", head.currency, change.difference_minor, head.value_minor,
        tuple(plan.differences),
    )  # fmt: skip


def _event(command: Command, head: OrderHead, lines: Sequence[Line]) -> str:
    if order_status(lines, is_held=False) == OrderStatus.SHIPPED:
        return "cancel rest"
    is_held = bool(sales_rows.open_holds(command.sql, head.id))
    return "release" if head.status == OrderStatus.ON_HOLD and not is_held else "change"


def _apply_lines(command: Command, head: OrderHead, before: Sequence[Line], plan: _Plan, reason: str) -> list[int]:
    """Write the lines as planned; the SKUs of which reserved units became free."""
    freed = []
    was = {line.line_no: line for line in before}
    for line in plan.lines:
        old = was.get(line.line_no)
        if old is None:
            row = (
                head.id, line.line_no, line.sku_id, line.location_id, line.quantity, 0, 0, 0, line.unit_price_micros,
                line.amount_minor, None, line.bundle_id,
            )  # fmt: skip
            line.id = sales_rows.insert_lines(command.sql, [row])[0]
            continue
        fewer = old.still_open - line.still_open
        if fewer > 0:
            kept = replace(old)
            if give_up(command, kept, fewer):
                freed.append(line.sku_id)
            line.quantity_allocated, line.quantity_backordered = kept.quantity_allocated, kept.quantity_backordered
        if line != old:
            sales_rows.set_progress(command.sql, line)
    by_number = {line.line_no: line for line in plan.lines}
    rows = [
        (by_number[number].id, units, by_number[number].unit_price_micros, command.moment, reason, command.actor.name)
        for number, units in plan.cancelled.items()
        if units
    ]
    sales_rows.insert_cancellations(command.sql, rows)
    taxes = [(head.id, None if tax[0] is None else by_number[tax[0]].id, *tax[1:]) for tax in plan.taxes]
    sales_rows.replace_taxes(command.sql, head.id, taxes)
    return freed


def _apply_head(command: Command, head: OrderHead, request: OrderChange) -> None:
    if request.priority is not None:
        head.priority = request.priority
    if request.promised_date is not None:
        head.promised_date = request.promised_date
    if request.ship_to is not None:
        to = request.ship_to
        values = (to.name, to.line1, to.line2, to.postcode, to.city, to.region, to.country)
        head.ship_to_id = sales_rows.insert_address(command.sql, head.party_id, values)
        head.country = to.country
        if not to.missing:
            _settle_address(command, head)


def _settle_address(command: Command, head: OrderHead) -> None:
    """A whole address ends what was open because of the old one."""
    doubts = [doubt for doubt in open_doubts(command, head.id) if hold_of(doubt) == HoldKind.ADDRESS]
    end_doubts(command, head, doubts, "fix", "another address")
    end_holds(command, head, [HoldKind.ADDRESS], "the address was corrected")


def _request(stored: Mapping[str, Any]) -> OrderChange:
    ship_to, promised = stored["ship_to"], stored["promised_date"]
    return OrderChange(
        order_id=stored["order_id"],
        reason=stored["reason"],
        lines=tuple(
            LineChange(line["line_no"], line["sku"], line["quantity"], as_decimal("unit_price", line["unit_price"]))
            for line in stored["lines"]
        ),
        ship_to=None if ship_to is None else Address(**ship_to),
        priority=stored["priority"],
        promised_date=None if promised is None else date.fromisoformat(promised),
    )
