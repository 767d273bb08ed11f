"""When a SKU can be promised: the supply and promises on record, judged by `orders.stock`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from data import promise_rows
from orders.stock import AvailableToPromise, available_to_promise


@dataclass(frozen=True)
class Inbound:
    """Units of a purchase order that are still to come.

    Attributes:
        purchase_order: Its number.
        expected_date: The day the supplier named, None when there is none.
        units: Ordered, not received and not cancelled.
        arrives_on: The day from which they are promised: the expected date, the day after `from_day` when
            that is past, None when there is none.
        is_overdue: Expected before the first day spoken of.
    """

    purchase_order: str
    expected_date: date | None
    units: int
    arrives_on: date | None
    is_overdue: bool


@dataclass(frozen=True)
class Promised:
    """Units that customers wait for, and the day by which; None when no day was named and they are due now."""

    due_on: date | None
    units: int


@dataclass(frozen=True)
class Promisable:
    """What can be promised of a SKU, and what that rests on.

    Attributes:
        on_hand: Units at places that sell, expired lots left out.
        allocated: Units of these that are set aside for orders.
        inbound: What is ordered from suppliers, by expected date; what has none comes last and promises nothing.
        promised: What is backordered, by due day.
        available: What can be promised by when.
    """

    on_hand: int
    allocated: int
    inbound: tuple[Inbound, ...]
    promised: tuple[Promised, ...]
    available: AvailableToPromise


def available_to_promise_by_date(
    connection: Connection, *, sku_id: int, location_id: int | None, from_day: date, except_line: int | None = None
) -> Promisable:
    """What can be promised of a SKU from a day on, at one place or at all places that sell together.

    Draft purchase orders promise nothing, nor do goods on their way between places of ours or under
    inspection. What a supplier is late with is promised for the day after `from_day`. A backorder without a
    promised date is due at once. Lots are promised up to the day before they expire.

    Args:
        connection: An open transaction.
        sku_id: The SKU; a bundle has no stock of its own, ask for its components.
        location_id: At this location alone; None for all warehouses and stores together.
        from_day: Today, where the business is.
        except_line: An order line whose own backorder is not held against it.
    """
    rows = promise_rows.supply_and_promises(
        connection, sku_id=sku_id, location_id=location_id, day=from_day, except_line=except_line
    )
    stocked, bought, owed = (
        [row for row in rows if row.what == what]
        for what in (promise_rows.ON_HAND, promise_rows.INBOUND, promise_rows.PROMISED)
    )
    on_hand, allocated = sum(row.units for row in stocked), sum(row.allocated for row in stocked)
    inbound = sorted((_inbound(row, from_day) for row in bought), key=lambda line: line.expected_date or date.max)
    promised = sorted((Promised(row.day, row.units) for row in owed), key=lambda line: line.due_on or date.min)
    available = available_to_promise(
        on_hand,
        allocated,
        from_day=from_day,
        inbound=[(line.arrives_on, line.units) for line in inbound if line.arrives_on is not None],
        promised=[(line.due_on or from_day, line.units) for line in promised],
        expiring=[(row.day, row.units - row.allocated) for row in stocked if row.day is not None],
    )
    return Promisable(on_hand, allocated, tuple(inbound), tuple(promised), available)


def promise_date(
    connection: Connection,
    sku_id: int,
    quantity: int,
    location_id: int | None,
    from_day: date,
    *,
    except_line: int | None = None,
) -> date | None:
    """The first day for which so many units can be promised; None when nothing on record will bring them.

    One query, which locks nothing: ask while holding the SKU's balances, until the backorder is written, or two
    orders are promised the same goods.

    Args:
        connection: An open transaction.
        sku_id: The SKU.
        quantity: Units, > 0.
        location_id: At this location alone; None for all warehouses and stores together.
        from_day: Today, where the business is.
        except_line: The order line that is asked for, when any backorder of it is written already: it would
            else stand in its own way.

    Raises:
        ValueError: the quantity is not positive.
    """
    promisable = available_to_promise_by_date(
        connection, sku_id=sku_id, location_id=location_id, from_day=from_day, except_line=except_line
    )
    return promisable.available.earliest_date(quantity)


def _inbound(row: promise_rows.DatedUnits, from_day: date) -> Inbound:
    is_overdue = row.day is not None and row.day < from_day
    arrives = from_day + timedelta(days=1) if is_overdue else row.day
    return Inbound(row.purchase_order or "", row.day, row.units, arrives, is_overdue)
