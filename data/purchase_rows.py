"""Purchase orders, their receipts and the lead times they show, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, text, update

from data.schema import purchase_order, purchase_order_line, supplier_sku

PURCHASE_ORDER = purchase_order
PURCHASE_ORDER_LINE = purchase_order_line


def unit_costs(connection: Connection) -> dict[int, int]:
    """SKU → unit cost scaled by 10⁶, where it is known."""
    wanted = select(supplier_sku.c.sku_id, supplier_sku.c.unit_cost_micros).where(
        supplier_sku.c.unit_cost_micros.is_not(None)
    )
    return {sku: cost for sku, cost in connection.execute(wanted)}


def write_order(
    connection: Connection,
    *,
    number: str,
    supplier_id: int | None,
    location_id: int,
    status: str,
    currency: str,
    ordered_at: datetime,
    created_by: str,
    lines: Sequence[Mapping[str, Any]],
    batch: int | None = None,
) -> int:
    """A purchase order with lines of sku_id, quantity, unit_cost_micros and expected_date; returns its id."""
    header = {
        "number": number,
        "supplier_id": supplier_id,
        "location_id": location_id,
        "status": status,
        "currency": currency,
        "ordered_at": ordered_at,
        "created_by": created_by,
        "import_batch_id": batch,
    }
    order = int(connection.execute(insert(purchase_order).values(header).returning(purchase_order.c.id)).scalar_one())
    rows = [{"purchase_order_id": order, "line_no": line_no, **line} for line_no, line in enumerate(lines, start=1)]
    if rows:
        connection.execute(insert(purchase_order_line), rows)
    return order


def add_line(
    connection: Connection,
    order_id: int,
    *,
    sku_id: int,
    quantity: int,
    unit_cost_micros: int,
    expected_date: date | None,
) -> int:
    """One more line of a purchase order; returns its id."""
    line = purchase_order_line.c
    last = connection.execute(select(func.max(line.line_no)).where(line.purchase_order_id == order_id)).scalar()
    row = {
        "purchase_order_id": order_id,
        "line_no": (last or 0) + 1,
        "sku_id": sku_id,
        "quantity": quantity,
        "unit_cost_micros": unit_cost_micros,
        "expected_date": expected_date,
    }
    return int(connection.execute(insert(purchase_order_line).values(row).returning(line.id)).scalar_one())


def open_draft(connection: Connection, number: str) -> tuple[int, str] | None:
    """(id, number) of the draft with this number or a later one of its series (number/2, …), if one is open."""
    order = purchase_order.c
    wanted = select(order.id, order.number).where(
        or_(order.number == number, order.number.startswith(f"{number}/", autoescape=True)), order.status == "draft"
    )
    row = connection.execute(wanted.order_by(order.id.desc()).limit(1)).one_or_none()
    return None if row is None else (row.id, row.number)


def free_number(connection: Connection, number: str) -> str:
    """`number`, or the next of its series when it is taken."""
    order = purchase_order.c
    taken = connection.execute(
        select(func.count()).where(or_(order.number == number, order.number.startswith(f"{number}/", autoescape=True)))
    ).scalar_one()
    return number if taken == 0 else f"{number}/{taken + 1}"


def status_of_line(connection: Connection, line_id: int) -> str:
    """The status of the purchase order that a line belongs to."""
    wanted = select(purchase_order.c.status).join_from(purchase_order, purchase_order_line)
    return str(connection.execute(wanted.where(purchase_order_line.c.id == line_id)).scalar_one())


def stored_numbers(connection: Connection) -> set[str]:
    """The numbers of all purchase orders."""
    return set(connection.execute(select(purchase_order.c.number)).scalars())


def write_staged_orders(connection: Connection, *, currency: str, created_by: str, batch: int) -> None:
    """`staged_purchase` and `staged_purchase_line` become purchase orders and their lines."""
    connection.execute(
        text(
            "INSERT INTO purchase_order (id, number, supplier_id, location_id, status, currency, ordered_at,"
            " created_by, import_batch_id) SELECT id, number, supplier_id, location_id, status, :currency,"
            " ordered_at, :created_by, :batch FROM staged_purchase"
        ),
        {"currency": currency, "created_by": created_by, "batch": batch},
    )
    connection.execute(
        text(
            "INSERT INTO purchase_order_line (id, purchase_order_id, line_no, sku_id, quantity, quantity_received,"
            " quantity_cancelled, unit_cost_micros, expected_date, received_at) SELECT l.id, p.id, l.line_no,"
            " l.sku_id, l.quantity, l.quantity_received, l.quantity_cancelled, l.unit_cost_micros, l.expected_date,"
            " l.received_at FROM staged_purchase_line l JOIN staged_purchase p ON p.number = l.number"
        )
    )


def cancel_open_lines(connection: Connection, keys: set[tuple[int, int]], *, series: str) -> None:
    """Cancel what is open for these (sku, location) in purchase orders whose numbers begin with `series`."""
    line = purchase_order_line.c
    wanted = (
        select(line.id, line.sku_id, purchase_order.c.location_id)
        .join_from(purchase_order_line, purchase_order)
        .where(
            purchase_order.c.number.startswith(series, autoescape=True),
            line.quantity_received + line.quantity_cancelled < line.quantity,
        )
    )
    for row in connection.execute(wanted).all():
        if (row.sku_id, row.location_id) in keys:
            cancel_line(connection, row.id)


def cancel_line(connection: Connection, line_id: int) -> None:
    """Cancel what is open of a purchase order line, and its order once nothing of it is left."""
    line = purchase_order_line.c
    connection.execute(
        update(purchase_order_line)
        .where(line.id == line_id)
        .values(quantity_cancelled=line.quantity - line.quantity_received)
    )
    order_id = select(line.purchase_order_id).where(line.id == line_id).scalar_subquery()
    open_lines = (
        select(func.count())
        .where(line.purchase_order_id == order_id, line.quantity_cancelled + line.quantity_received < line.quantity)
        .scalar_subquery()
    )
    connection.execute(
        update(purchase_order).where(purchase_order.c.id == order_id, open_lines == 0).values(status="cancelled")
    )
