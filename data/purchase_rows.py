"""Purchase orders, their receipts and the lead times they show, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, or_, select, text

from data.driver import Driver
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


def cancel_line(connection: Connection, line_id: int) -> PurchaseHead | None:
    """Cancel what is open of a purchase order line, and end its order once nothing of it is open.

    Returns:
        The order as it was before, if this ended it: as received when anything came of it, else as cancelled.
    """
    sql = Driver(connection)
    head = lock_order_of_line(sql, line_id)
    sql.execute(
        "UPDATE purchase_order_line SET quantity_cancelled = quantity - quantity_received"
        " WHERE id = ? AND quantity_received + quantity_cancelled < quantity",
        (line_id,),
    )
    if is_open(sql, head.id):
        return None
    set_status(sql, head.id, "received" if is_begun(sql, head.id) else "cancelled")
    return head


# Single purchase orders


class PurchaseHead(NamedTuple):
    """A purchase order, as it was when it was locked."""

    id: int
    number: str
    status: str
    location_id: int
    currency: str

    def __str__(self) -> str:
        return f"purchase order {self.number}"


@dataclass(slots=True)
class BoughtLine:
    """A purchase order line and how far it has come."""

    id: int
    line_no: int
    sku_id: int
    sku_code: str
    sku: str
    quantity: int
    quantity_received: int
    quantity_cancelled: int
    unit_cost_micros: int
    expected_date: date | None

    @property
    def still_open(self) -> int:
        """Units neither received nor cancelled; 0 when more came than was ordered."""
        return max(0, self.quantity - self.quantity_received - self.quantity_cancelled)


_HEAD = "SELECT o.id, o.number, o.status, o.location_id, o.currency FROM purchase_order o"


def lock_order(sql: Driver, number: str) -> PurchaseHead | None:
    """The purchase order of that number, held until the transaction ends; None when there is none."""
    row = sql.row(f"{_HEAD} WHERE o.number = ?{'' if sql.is_sqlite else ' FOR UPDATE'}", (number,))
    return None if row is None else PurchaseHead(*row)


def lock_order_of_line(sql: Driver, line_id: int) -> PurchaseHead:
    """The purchase order that a line belongs to, held until the transaction ends."""
    lock = "" if sql.is_sqlite else " FOR UPDATE OF o"
    row = sql.row(f"{_HEAD} JOIN purchase_order_line l ON l.purchase_order_id = o.id WHERE l.id = ?{lock}", (line_id,))
    if row is None:
        raise LookupError(f"there is no purchase order line {line_id}")
    return PurchaseHead(*row)


def lines(sql: Driver, order_id: int) -> list[BoughtLine]:
    """A purchase order's lines, in order."""
    rows = sql.rows(
        "SELECT l.id, l.line_no, l.sku_id, s.code, s.display_code, l.quantity, l.quantity_received,"
        " l.quantity_cancelled, l.unit_cost_micros, l.expected_date FROM purchase_order_line l"
        " JOIN sku s ON s.id = l.sku_id WHERE l.purchase_order_id = ? ORDER BY l.line_no",
        (order_id,),
    )
    return [BoughtLine(*(*row[:9], sql.read_day(row[9]))) for row in rows]


def insert_order(
    sql: Driver, *, number: str, supplier_id: int, location_id: int, status: str, currency: str, at: Any, by: str
) -> int | None:
    """A new purchase order's id, None when the number is taken."""
    row = sql.row(
        "INSERT INTO purchase_order (number, supplier_id, location_id, status, currency, ordered_at, created_by)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO NOTHING RETURNING id",
        (number, supplier_id, location_id, status, currency, at, by),
    )
    return None if row is None else int(row[0])


def insert_lines(sql: Driver, rows: Sequence[Sequence[Any]]) -> None:
    """Rows of order, line_no, SKU, quantity, unit cost, expected date."""
    sql.insert(
        "purchase_order_line (purchase_order_id, line_no, sku_id, quantity, unit_cost_micros, expected_date)", rows
    )


def rename(sql: Driver, order_id: int, number: str) -> None:
    """Give a purchase order another number."""
    sql.execute("UPDATE purchase_order SET number = ? WHERE id = ?", (number, order_id))


def set_status(sql: Driver, order_id: int, status: str, *, ordered_at: Any = None) -> None:
    """Store where a purchase order stands, and when it was sent if it is sent now."""
    sql.execute(
        "UPDATE purchase_order SET status = ?, ordered_at = coalesce(?, ordered_at) WHERE id = ?",
        (status, ordered_at, order_id),
    )


def is_open(sql: Driver, order_id: int) -> bool:
    """Whether anything is still to come."""
    row = sql.row(
        "SELECT 1 FROM purchase_order_line WHERE purchase_order_id = ?"
        " AND quantity_received + quantity_cancelled < quantity LIMIT 1",
        (order_id,),
    )
    return row is not None


def is_begun(sql: Driver, order_id: int) -> bool:
    """Whether anything has come."""
    row = sql.row(
        "SELECT 1 FROM purchase_order_line WHERE purchase_order_id = ? AND quantity_received > 0 LIMIT 1", (order_id,)
    )
    return row is not None


def cancel_open(sql: Driver, order_id: int) -> None:
    """Cancel whatever of a purchase order is open."""
    sql.execute(
        "UPDATE purchase_order_line SET quantity_cancelled = quantity - quantity_received"
        " WHERE purchase_order_id = ? AND quantity_received + quantity_cancelled < quantity",
        (order_id,),
    )


def receive(sql: Driver, line_id: int, quantity: int, *, at: Any) -> None:
    """Units of a line have come."""
    sql.execute(
        "UPDATE purchase_order_line SET quantity_received = quantity_received + ?, received_at = ? WHERE id = ?",
        (quantity, at, line_id),
    )


def unreceive(sql: Driver, line_id: int, quantity: int) -> bool:
    """Units of a line have not come after all; whether so many were received.

    The line was received last when its last receipt came that is not reversed.
    """
    changed = sql.execute(
        "UPDATE purchase_order_line SET quantity_received = quantity_received - ?, received_at ="
        " (SELECT max(m.effective_at) FROM stock_move m WHERE m.sku_id = purchase_order_line.sku_id"
        " AND m.purchase_order_line_id = purchase_order_line.id AND m.kind = 'receipt'"
        " AND NOT EXISTS (SELECT 1 FROM stock_move r WHERE r.reverses_id = m.id))"
        " WHERE id = ? AND quantity_received >= ?",
        (quantity, line_id, quantity),
    )
    return changed == 1
