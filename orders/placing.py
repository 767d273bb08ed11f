"""An order is verified, priced, routed and reserved in one transaction, or kept as a draft with what is wrong with it.

What cannot be placed as it is (an unknown SKU, an impossible quantity) stays a draft in the discrepancy queue; what
is doubtful (an unusual price, a likely duplicate) is placed, keeps its stock, and waits on hold until somebody looks.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from data import balance_rows, draft_rows, sales_rows
from data.balance_rows import BalanceKey
from data.connection import Database
from data.sales_rows import Entry, Item, Line, OrderHead
from orders.allocating import (
    Allocation,
    Wanted,
    allocated_text,
    decide,
    kept_lines,
    locked,
    promised_day,
    refuse_short,
    write_reservations,
    write_routing,
)
from orders.bundles import exploded
from orders.commands import Command, carry_out
from orders.doubts import settle_doubts, write_doubts
from orders.ending_reservations import end_reservation
from orders.errors import InvalidRequest, NotPossible, OrderExists, OrderRefused, UnknownThing
from orders.lifecycle import order_status
from orders.model import Actor, Address, OrderRequest, OrderStatus, Permission, WhenShort, order_request
from orders.money import format_minor
from orders.pricing import OrderedLine, ordered_lines, value_of
from orders.terms import Terms, terms_in_force
from orders.verification import Discrepancy, Facts, content_hash, discrepancies, order_currency, sku_code, tolerance_of


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """What became of a line: units reserved, waiting, or cancelled because they were short."""

    line_no: int
    sku: str
    quantity: int
    allocated: int
    backordered: int
    cancelled: int
    promised_date: str | None


@dataclass(frozen=True, slots=True)
class Placed:
    """The order as it stands after it was placed, or kept as a draft; `discrepancies` says what is wrong with it."""

    order_id: int
    external_ref: str
    status: str
    currency: str
    value_minor: int
    lines: tuple[PlacedLine, ...]
    discrepancies: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `placed_answer` reads it."""
        lines = [
            {"line_no": line.line_no, "sku": line.sku, "quantity": line.quantity, "allocated": line.allocated,
             "backordered": line.backordered, "cancelled": line.cancelled, "promised_date": line.promised_date}
            for line in self.lines
        ]  # fmt: skip
        return {"order_id": self.order_id, "external_ref": self.external_ref, "status": self.status,
                "currency": self.currency, "value_minor": self.value_minor, "lines": lines,
                "discrepancies": list(self.discrepancies)}  # fmt: skip


def place_order(
    database: Database,
    request: OrderRequest,
    *,
    key: str,
    actor: Actor,
    at: datetime,
    refuse_discrepancies: bool = False,
) -> Placed:
    """Place an order: verified, priced, routed and reserved in one transaction.

    Args:
        refuse_discrepancies: Refuse an order that cannot be placed as it is, instead of keeping it as a draft.

    Raises:
        UnknownThing: there is no such channel.
        OrderExists: the channel has an order of this reference.
        OrderRefused: as asked, when something blocking is wrong with it.
        InsufficientStock: something is short, and the order or its channel says `refuse`; or says `partial` and
            there is nothing at all.
        InvalidRequest: a field that is no matter of verification is impossible.
    """
    actor.require(Permission.SELL)
    _require_sound(request)

    def act(command: Command) -> dict[str, Any]:
        return _place(command, request, draft=None, refuse=refuse_discrepancies).as_dict()

    asked = {"order": request.as_dict(), "refuse": refuse_discrepancies}
    return placed_answer(carry_out(database, act, action="place order", request=asked, key=key, actor=actor, at=at))


def draft_order(database: Database, request: OrderRequest, *, key: str, actor: Actor, at: datetime) -> Placed:
    """Keep an order as a draft, with what is wrong with it, and reserve nothing.

    Raises:
        UnknownThing: there is no such channel.
        OrderExists: the channel has an order of this reference.
    """
    actor.require(Permission.SELL)
    _require_sound(request)

    def act(command: Command) -> dict[str, Any]:
        entry = _entry(command, request, draft=None)
        found = _look_up(command, request, entry)
        return _keep_as_draft(command, request, entry, found.doubts, draft=None).as_dict()

    asked = {"order": request.as_dict()}
    return placed_answer(carry_out(database, act, action="draft order", request=asked, key=key, actor=actor, at=at))


def edit_draft(
    database: Database, order_id: int, request: OrderRequest, *, key: str, actor: Actor, at: datetime
) -> Placed:
    """Replace what a draft says; it is verified again.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is no draft.
        InvalidRequest: the channel or the reference is another.
    """
    actor.require(Permission.SELL)
    _require_sound(request)

    def act(command: Command) -> dict[str, Any]:
        head, _ = locked(command, order_id)
        return reverify_draft(command, head, request).as_dict()

    asked = {"draft": order_id, "order": request.as_dict()}
    return placed_answer(carry_out(database, act, action="edit draft", request=asked, key=key, actor=actor, at=at))


def place_draft(database: Database, order_id: int, *, key: str, actor: Actor, at: datetime) -> Placed:
    """Place a draft as it stands.

    Raises:
        UnknownThing: there is no such order.
        NotPossible: it is no draft.
        OrderRefused: something blocking is wrong with it.
        InsufficientStock: as `place_order`.
    """
    actor.require(Permission.SELL)

    def act(command: Command) -> dict[str, Any]:
        head, _ = locked(command, order_id)
        return place_locked_draft(command, head).as_dict()

    return placed_answer(
        carry_out(database, act, action="place draft", request={"draft": order_id}, key=key, actor=actor, at=at)
    )


def placed_answer(response: Mapping[str, Any]) -> Placed:
    """The answer of a use case that placed or drafted an order."""
    lines = tuple(PlacedLine(**line) for line in response["lines"])
    return Placed(**{**response, "lines": lines, "discrepancies": tuple(response["discrepancies"])})


# Bodies


def draft_request(command: Command, head: OrderHead) -> OrderRequest:
    """What a draft asks for.

    Raises:
        NotPossible: the order is no draft.
    """
    if head.status != OrderStatus.DRAFT:
        raise NotPossible(str(head), "edit as a draft", head.status)
    return order_request(draft_rows.read(command.sql, head.id))


def place_locked_draft(command: Command, head: OrderHead) -> Placed:
    """Place a draft that is held; see `place_draft`."""
    return _place(command, draft_request(command, head), draft=head, refuse=True)


def reverify_draft(command: Command, head: OrderHead, request: OrderRequest) -> Placed:
    """Store what a locked draft now says and what is wrong with that."""
    before = draft_request(command, head)
    if (request.channel, request.external_ref) != (before.channel, before.external_ref):
        raise InvalidRequest("external_ref", f"{before.external_ref} on channel {before.channel}", request.external_ref)
    entry = _entry(command, request, draft=head)
    found = _look_up(command, request, entry)
    return _keep_as_draft(command, request, entry, found.doubts, draft=head)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the tables know about what an order names, and what is doubtful about it."""

    items: Mapping[str, Item]
    doubts: Sequence[Discrepancy]
    terms: Terms
    content_hash: int


def _require_sound(request: OrderRequest) -> None:
    if not request.lines:
        raise InvalidRequest("lines", "at least one", 0)
    if not 0 < len(request.external_ref.strip()) <= 100:
        raise InvalidRequest("external_ref", "1 to 100 characters", request.external_ref)
    if request.when_short is not None and request.when_short not in list(WhenShort):
        raise InvalidRequest("when_short", " or ".join(WhenShort), request.when_short)


def _entry(command: Command, request: OrderRequest, *, draft: OrderHead | None) -> Entry:
    entry = sales_rows.entry(
        command.sql, channel=request.channel, external_ref=request.external_ref, customer=request.customer
    )
    if entry is None:
        raise UnknownThing("channel", request.channel, hint="make it first: stockwright channels add")
    if entry.order_id is not None and (draft is None or entry.order_id != draft.id):
        raise OrderExists(request.channel, request.external_ref, entry.order_id)
    return entry


def _look_up(command: Command, request: OrderRequest, entry: Entry) -> _Found:
    sql, terms = command.sql, terms_in_force(command.sql)
    codes = [sku_code(line.sku) for line in request.lines]
    items = sales_rows.items(sql, codes)
    content = content_hash(request.lines)
    duplicates: Sequence[str] = ()
    if entry.party_id is not None:
        since = sql.moment(command.at - timedelta(hours=terms.duplicate_window_hours))
        duplicates = sales_rows.orders_like(sql, party_id=entry.party_id, content_hash=content, since=since)
    facts = Facts(
        items=items,
        recent=sales_rows.recent_lines(sql, [item.id for item in items.values()]),
        channel_currency=entry.currency,
        duplicates=[ref for ref in duplicates if ref != request.external_ref],
        known_codes=lambda: sales_rows.sku_names(sql),
        last_address=lambda: _last_address(command, entry.party_id),
    )
    return _Found(items, discrepancies(request, facts, tolerance_of(terms)), terms, content)


def _last_address(command: Command, party_id: int | None) -> Address | None:
    row = None if party_id is None else sales_rows.last_complete_address(command.sql, party_id)
    return None if row is None else Address(*row)


def _place(command: Command, request: OrderRequest, *, draft: OrderHead | None, refuse: bool) -> Placed:
    entry = _entry(command, request, draft=draft)
    found = _look_up(command, request, entry)
    blocking = [doubt for doubt in found.doubts if doubt.is_blocking]
    if blocking and refuse:
        raise OrderRefused(request.external_ref, [doubt.message for doubt in blocking])
    if blocking:
        return _keep_as_draft(command, request, entry, found.doubts, draft=draft)
    return _write_placed(command, request, entry, found, draft)


def _keep_as_draft(
    command: Command, request: OrderRequest, entry: Entry, doubts: Sequence[Discrepancy], *, draft: OrderHead | None
) -> Placed:
    sql = command.sql
    if draft is None:
        order_id = sales_rows.insert_order(sql, _head_values(command, request, entry, status=OrderStatus.DRAFT))
        if order_id is None:
            raise _taken_meanwhile(command, request)
        draft_rows.write(sql, order_id, request.as_dict())
        said = f"Kept as a draft: {doubts[0].message}" if doubts else "Kept as a draft"
        command.tell(order_id, "drafted", said, {"discrepancies": len(doubts)})
    else:
        order_id = draft.id
        if order_request(draft_rows.read(sql, order_id)) != request:
            draft_rows.replace(sql, order_id, request.as_dict())
            command.tell(order_id, "edited", "The draft was edited", {"discrepancies": len(doubts)})
        settle_doubts(command, draft, doubts)
    write_doubts(command, order_id, doubts)
    messages = tuple(doubt.message for doubt in doubts)
    currency = order_currency(request, entry.currency)
    return Placed(order_id, request.external_ref, OrderStatus.DRAFT, currency, 0, (), messages)


def _taken_meanwhile(command: Command, request: OrderRequest) -> OrderExists:
    entry = sales_rows.entry(command.sql, channel=request.channel, external_ref=request.external_ref, customer=None)
    return OrderExists(request.channel, request.external_ref, (entry and entry.order_id) or 0)


def _write_placed(
    command: Command, request: OrderRequest, entry: Entry, found: _Found, draft: OrderHead | None
) -> Placed:
    sql, terms = command.sql, found.terms
    currency = order_currency(request, entry.currency)
    ordered = _ordered(command, request, found.items, currency)
    wanted = [Wanted(line.line_no, line.item.id, line.item.display_code, line.quantity) for line in ordered]
    _take_over(command, request.soft_reservations, [line.sku_id for line in wanted])
    country = None if request.ship_to is None else request.ship_to.country
    given = decide(command, wanted, country=country, promised=request.promised_date, terms=terms)
    when_short = request.when_short or entry.when_short
    if when_short == WhenShort.REFUSE or (when_short == WhenShort.PARTIAL and not given.taken):
        refuse_short(wanted, given)
    lines = _lines(command, ordered, given, when_short, terms)
    doubts = _numbered_as_placed(found.doubts, ordered)
    holds = _holds(doubts)
    status = order_status(lines, is_held=bool(holds))
    value = value_of(lines, [(line.line_no, *line.tax[1:]) for line in ordered if line.tax is not None])
    values = _head_values(
        command, request, entry, status=status, value_minor=value, line_count=kept_lines(lines),
        content=found.content_hash,
    )  # fmt: skip
    order_id = _write_head(command, request, values, draft)
    for line, line_id in zip(lines, sales_rows.insert_lines(sql, _line_rows(command, order_id, lines)), strict=True):
        line.id = line_id
    ids = {line.line_no: line.id for line in lines}
    sales_rows.insert_taxes(sql, [(order_id, ids[line.line_no], *line.tax) for line in ordered if line.tax is not None])
    write_reservations(command, given, ids)
    write_routing(command, order_id, given, terms)
    _promise(command, lines)
    _write_shortage(command, lines)
    said = f"Placed on {request.channel}: {_goods(lines)}, {format_minor(value, currency)}"
    _log_placing(command, order_id, lines, given, status, holds, said)
    write_doubts(command, order_id, doubts)
    placed = tuple(_placed_line(line) for line in lines)
    messages = tuple(doubt.message for doubt in doubts)
    return Placed(order_id, request.external_ref, status, currency, value, placed, messages)


def _ordered(command: Command, request: OrderRequest, items: Mapping[str, Item], currency: str) -> list[OrderedLine]:
    lines = ordered_lines(request, items, currency)
    bundles = [line.item.id for line in lines if line.item.is_bundle]
    return exploded(lines, sales_rows.components(command.sql, bundles), currency) if bundles else lines


def _take_over(command: Command, ids: Sequence[int], sku_ids: Sequence[int]) -> None:
    """End the soft reservations that the order was promised; their units are free for its lines in this transaction.

    The SKUs of its lines are locked with those of the reservations, all in one order, or two orders could each wait
    for the other.
    """
    reserved = balance_rows.soft_reservations(command.sql, ids)
    if not reserved:
        return
    balance_rows.lock_skus(command.sql, [*sku_ids, *(one.sku_id for one in reserved)])
    changes: dict[BalanceKey, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in reserved:
        if end_reservation(command, one, "release", one.quantity):
            changes[one.key] = (0, changes[one.key][1] - one.quantity)
    balance_rows.change_balances(command.sql, changes)


def _lines(
    command: Command, ordered: Sequence[OrderedLine], given: Allocation, when_short: str, terms: Terms
) -> list[Line]:
    default = None
    lines = []
    for line in ordered:
        allocated = given.units(line.line_no)
        short = line.quantity - allocated
        waits = when_short != WhenShort.PARTIAL
        place = given.location(line.line_no)
        if place is None:
            default = place = default or _default_place(command, terms)
        lines.append(
            Line(
                line.line_no, line.line_no, line.item.id, line.item.display_code, place, line.quantity,
                0 if waits else short, 0, allocated, short if waits else 0, line.unit_price_micros,
                line.amount_minor, None, line.bundle_id,
            )
        )  # fmt: skip
    return lines


def _default_place(command: Command, terms: Terms) -> int:
    place = sales_rows.default_place(command.sql, terms.default_location)
    if place is None:
        raise UnknownThing("location", terms.default_location, hint="make a warehouse: stockwright locations add")
    return place


def _numbered_as_placed(doubts: Sequence[Discrepancy], ordered: Sequence[OrderedLine]) -> list[Discrepancy]:
    """Doubts about the request's lines as doubts about the order's, whose numbers differ after a bundle.

    A bundle's own line became several: no fix of one line puts it right, so that a person has to.
    """
    numbers: dict[int, list[int]] = defaultdict(list)
    for line in ordered:
        numbers[line.request_line].append(line.line_no)
    if not any(line.bundle_id for line in ordered):
        return list(doubts)

    def renumbered(match: re.Match[str]) -> str:
        return f"{match[1]}{numbers[int(match[2])][0]}"

    found = []
    for doubt in doubts:
        if doubt.line_no is not None:
            first, last = numbers[doubt.line_no][0], numbers[doubt.line_no][-1]
            is_bundle = any(line.bundle_id for line in ordered if line.request_line == doubt.line_no)
            doubt = replace(
                doubt,
                line_no=first,
                message=re.sub(r"(^line | on line )(\d+)\b", renumbered, doubt.message),
                suggestion=f"{doubt.suggestion} It is a bundle: lines {first} to {last}." if is_bundle
                else doubt.suggestion,
                fix={} if is_bundle and "line" in doubt.fix else _with_line(doubt.fix, first),
            )  # fmt: skip
        found.append(doubt)
    return found


def _with_line(fix: Mapping[str, Any], line_no: int) -> Mapping[str, Any]:
    return {**fix, "line": line_no} if "line" in fix else fix


def _holds(doubts: Sequence[Discrepancy]) -> dict[str, str]:
    """Hold kind → the reason, for the doubts that put an order on hold."""
    holds: dict[str, list[str]] = {}
    for doubt in doubts:
        if doubt.hold_kind is not None:
            holds.setdefault(doubt.hold_kind, []).append(doubt.message)
    return {kind: "; ".join(messages) for kind, messages in holds.items()}


def _head_values(
    command: Command,
    request: OrderRequest,
    entry: Entry,
    *,
    status: str,
    value_minor: int = 0,
    line_count: int = 0,
    content: int | None = None,
) -> tuple[Any, ...]:
    """Values of `sales_rows.insert_order`; a new customer and the address are written."""
    sql, party, ship_to = command.sql, entry.party_id, request.ship_to
    country = None if ship_to is None or status == OrderStatus.DRAFT else ship_to.country
    if party is None and request.customer is not None:
        name = request.customer_name or request.customer
        party = sales_rows.customer_id(sql, external_ref=request.customer, name=name, country=country)
    address = None
    if ship_to is not None and status != OrderStatus.DRAFT:
        parts = (ship_to.name, ship_to.line1, ship_to.line2, ship_to.postcode, ship_to.city, ship_to.region, country)
        address = sales_rows.insert_address(sql, party, parts)
    business_date = command.at.astimezone(zone(entry.time_zone)).date()
    return (
        entry.channel_id, request.external_ref, party, command.moment, sql.day(business_date),
        order_currency(request, entry.currency), country, status, command.moment, 1, request.priority, line_count,
        value_minor, "none", request.when_short, sql.day(request.promised_date), address, content, command.actor.name,
    )  # fmt: skip


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _write_head(command: Command, request: OrderRequest, values: Sequence[Any], draft: OrderHead | None) -> int:
    if draft is not None:
        sales_rows.place_draft(command.sql, draft.id, values)
        draft_rows.remove(command.sql, draft.id)
        settle_doubts(command, draft, [])
        return draft.id
    order_id = sales_rows.insert_order(command.sql, values)
    if order_id is None:
        raise _taken_meanwhile(command, request)
    return order_id


def _line_rows(command: Command, order_id: int, lines: Sequence[Line]) -> list[tuple[Any, ...]]:
    return [
        (
            order_id, line.line_no, line.sku_id, line.location_id, line.quantity, line.quantity_cancelled,
            line.quantity_allocated, line.quantity_backordered, line.unit_price_micros, line.amount_minor,
            command.sql.day(line.promised_date), line.bundle_id,
        )
        for line in lines
    ]  # fmt: skip


def _promise(command: Command, lines: Sequence[Line]) -> None:
    """Say when what waits can be had, now that what the order itself has taken is no longer available."""
    for line in lines:
        if line.quantity_backordered:
            line.promised_date = promised_day(command, line.sku_id, line.quantity_backordered, line_id=line.id)
            sales_rows.set_progress(command.sql, line)


def _write_shortage(command: Command, lines: Sequence[Line]) -> None:
    """What `partial` gives up is cancelled with its reason."""
    sales_rows.insert_cancellations(
        command.sql,
        [
            (
                line.id,
                line.quantity_cancelled,
                line.unit_price_micros,
                command.moment,
                "out of stock",
                command.actor.name,
            )
            for line in lines
            if line.quantity_cancelled
        ],
    )


def _log_placing(
    command: Command,
    order_id: int,
    lines: Sequence[Line],
    given: Allocation,
    status: str,
    holds: Mapping[str, str],
    said: str,
) -> None:
    """State changes and timeline from draft to where the order stands."""
    what = f"order #{order_id}"
    command.move("order", order_id, OrderStatus.DRAFT, "place", OrderStatus.PLACED, what=what)
    command.tell(order_id, "placed", said, {"lines": len(lines)})
    served = order_status(lines, is_held=False)
    command.move("order", order_id, OrderStatus.PLACED, "allocate", served, what=what)
    units = sum(line.quantity_allocated for line in lines)
    if units:
        command.tell(order_id, "allocated", allocated_text(given, lines), {"units": units})
    waiting = [line for line in lines if line.quantity_backordered]
    if waiting:
        goods = ", ".join(f"{line.quantity_backordered} of {line.sku}{_until(line)}" for line in waiting)
        command.tell(order_id, "backordered", f"Waits for {goods}", {"lines": len(waiting)})
    for line in lines:
        if line.quantity_cancelled:
            command.tell(order_id, "cancelled", f"Cancelled {line.quantity_cancelled} of {line.sku}: out of stock")
    for kind, reason in holds.items():
        sales_rows.insert_hold(
            command.sql, order_id=order_id, kind=kind, reason=reason, at=command.moment, by=command.actor.name
        )
        command.tell(order_id, "held", f"On hold ({kind}): {reason}", {"hold": kind})
    if status != served:
        command.move("order", order_id, served, "hold", status, what=what)


def _goods(lines: Sequence[Line]) -> str:
    units = sum(line.quantity for line in lines)
    return f"{len(lines)} line{'' if len(lines) == 1 else 's'}, {units:,} unit{'' if units == 1 else 's'}"


def _until(line: Line) -> str:
    return "" if line.promised_date is None else f" (expected {line.promised_date.isoformat()})"


def _placed_line(line: Line) -> PlacedLine:
    promised = None if line.promised_date is None else line.promised_date.isoformat()
    return PlacedLine(
        line.line_no, line.sku, line.quantity, line.quantity_allocated, line.quantity_backordered,
        line.quantity_cancelled, promised,
    )  # fmt: skip
