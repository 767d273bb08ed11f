"""Orders, their lines, cancellations, returns and charges as rows; bulk writes come from staged tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, bindparam, case, func, select, text, update

from data import schema
from data.schema import order_event, order_line, sales_order
from data.staging import Values, insert_from, stage, staged_ids, unstage

SALES_ORDER = schema.sales_order
ORDER_LINE = schema.order_line
RMA_LINE = schema.rma_line
_AT_ONCE = 500

_LINE_COLUMNS = (
    "id", "sales_order_id", "line_no", "sku_id", "location_id", "quantity", "quantity_cancelled",
    "quantity_shipped", "quantity_returned", "unit_price_micros", "amount_minor",
)  # fmt: skip


def write_orders(
    connection: Connection, columns: dict[str, tuple[str, Values]], *, currency: str, batch: int
) -> NDArray[np.int64]:
    """Order headers given as columns of arrays.

    Args:
        connection: An open writing transaction.
        columns: channel_id, external_ref, party_id (-1 for none), placed_at, business_date, country, status,
            line_count and value_minor, as `stage` takes them.
        currency: Of all of them.
        batch: The import batch.

    Returns:
        Their ids, shape (order,).
    """
    stage(connection, "staged_order", columns, ids_for=SALES_ORDER)
    insert_from(
        connection,
        "sales_order",
        ("id", "channel_id", "external_ref", "party_id", "placed_at", "business_date", "country", "currency",
         "status", "status_since", "line_count", "value_minor", "import_batch_id"),
        "SELECT id, channel_id, external_ref, nullif(party_id, -1), placed_at, business_date, country, :currency,"
        " status, placed_at, line_count, value_minor, :batch FROM staged_order",
        currency=currency,
        batch=batch,
    )  # fmt: skip
    ids = staged_ids(connection, "staged_order")
    unstage(connection, "staged_order")
    return ids


def write_documents(
    connection: Connection,
    *,
    channel: NDArray[np.int64],
    refs: Sequence[str],
    fingerprints: NDArray[np.int64],
    batch: int,
) -> None:
    """Remember which documents a batch brought, and their content."""
    columns: dict[str, tuple[str, Values]] = {
        "channel_id": ("int", channel),
        "external_ref": ("text", refs),
        "fingerprint": ("int", fingerprints),
    }
    stage(connection, "staged_document", columns)
    insert_from(
        connection,
        "import_document",
        ("channel_id", "external_ref", "fingerprint", "import_batch_id"),
        "SELECT channel_id, external_ref, fingerprint, :batch FROM staged_document",
        batch=batch,
    )
    unstage(connection, "staged_document")


def write_staged_lines(connection: Connection, *, with_promotion: bool) -> None:
    """`staged_line` becomes order lines."""
    columns = (*_LINE_COLUMNS, "promotion") if with_promotion else _LINE_COLUMNS
    insert_from(connection, "order_line", columns, f"SELECT {', '.join(columns)} FROM staged_line")


def write_stated_cancellations(connection: Connection, columns: dict[str, tuple[str, Values]], *, batch: int) -> None:
    """Cancellations of lines that are stored by now, as columns of arrays: sales_order_id and line_no, quantity,
    unit_price_micros, cancelled_at, reason."""
    stage(connection, "staged_cancellation", columns)
    insert_from(
        connection,
        "cancellation",
        ("order_line_id", "quantity", "unit_price_micros", "cancelled_at", "reason", "import_batch_id"),
        "SELECT l.id, c.quantity, c.unit_price_micros, c.cancelled_at, c.reason, :batch FROM staged_cancellation c"
        " JOIN order_line l ON l.sales_order_id = c.sales_order_id AND l.line_no = c.line_no",
        batch=batch,
    )
    unstage(connection, "staged_cancellation")


def undoable_lines(connection: Connection, sku_ids: Iterable[int]) -> Sequence[Any]:
    """Stored order lines of these SKUs of which something can still come back.

    `is_history` says that an import stored the order and no command has touched it since.
    """
    commanded = select(order_event.c.id).where(order_event.c.sales_order_id == sales_order.c.id)
    open_quantity = order_line.c.quantity_shipped - order_line.c.quantity_returned
    wanted = (
        select(
            order_line.c.id,
            order_line.c.sku_id,
            order_line.c.unit_price_micros,
            open_quantity.label("open_quantity"),
            sales_order.c.party_id,
            sales_order.c.channel_id,
            sales_order.c.external_ref,
            sales_order.c.placed_at,
            sales_order.c.business_date,
            and_(sales_order.c.import_batch_id.is_not(None), ~commanded.exists()).label("is_history"),
        )
        .join_from(order_line, sales_order)
        .where(
            order_line.c.sku_id.in_(bindparam("skus", expanding=True)),
            open_quantity > 0,
        )
        .order_by(order_line.c.id)
    )
    skus = sorted(sku_ids)
    found: list[Any] = []
    for start in range(0, len(skus), _AT_ONCE):
        found.extend(connection.execute(wanted, {"skus": skus[start : start + _AT_ONCE]}).all())
    return found


def write_staged_returns(connection: Connection, *, currency: str, batch: int) -> None:
    """`staged_part` becomes cancellations and RMAs.

    The sale that a part undoes is `order_line_id`, or (`sales_order_id`, `line_no`) where this batch has just
    stored it: then its line says already what was undone.
    """
    connection.execute(
        text(
            "UPDATE staged_part SET order_line_id = (SELECT l.id FROM order_line l"
            " WHERE l.sales_order_id = staged_part.sales_order_id AND l.line_no = staged_part.line_no)"
            " WHERE sales_order_id >= 0"
        )
    )
    insert_from(
        connection,
        "cancellation",
        ("order_line_id", "quantity", "unit_price_micros", "cancelled_at", "reason", "external_ref",
         "import_batch_id"),
        "SELECT order_line_id, quantity, unit_price_micros, credited_at,"
        " coalesce(reason, 'credited on the day of the order'), number, :batch FROM staged_part"
        " WHERE is_cancellation = 1",
        batch=batch,
    )  # fmt: skip
    insert_from(
        connection,
        "rma",
        ("channel_id", "number", "party_id", "received_at", "business_date", "currency", "status", "import_batch_id"),
        "SELECT DISTINCT channel_id, number, nullif(party_id, -1), credited_at, business_date, :currency, 'closed',"
        " :batch FROM staged_part WHERE is_cancellation = 0",
        currency=currency,
        batch=batch,
    )
    insert_from(
        connection,
        "rma_line",
        ("id", "rma_id", "order_line_id", "sku_id", "location_id", "quantity", "unit_price_micros", "amount_minor",
         "reason", "disposition", "unlinked_reason"),
        "SELECT p.id, r.id, nullif(p.order_line_id, -1), p.sku_id, p.location_id, p.quantity, p.unit_price_micros,"
        " p.amount_minor, p.reason, p.disposition, p.unlinked_reason FROM staged_part p"
        " JOIN rma r ON r.channel_id = p.channel_id AND r.number = p.number WHERE p.is_cancellation = 0",
    )  # fmt: skip


def lock_orders_of_stored_sales(connection: Connection) -> None:
    """Hold the orders, stored before this batch, of which `staged_part` undoes something: first the order, then its
    lines, then the balances, as the commands do that change one order."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text(
                "SELECT id FROM sales_order WHERE id IN (SELECT l.sales_order_id FROM staged_part p"
                " JOIN order_line l ON l.id = p.order_line_id WHERE p.sales_order_id < 0) ORDER BY id FOR UPDATE"
            )
        )


def undo_stored_sales(connection: Connection) -> None:
    """Lines that were stored before this batch count what `staged_part` undoes of them."""
    connection.execute(
        text(
            "UPDATE order_line SET"
            " quantity_cancelled = quantity_cancelled + part.cancelled,"
            " quantity_shipped = quantity_shipped - part.cancelled,"
            " quantity_returned = quantity_returned + part.returned"
            " FROM (SELECT order_line_id, sum(CASE WHEN is_cancellation = 1 THEN quantity ELSE 0 END) AS cancelled,"
            " sum(CASE WHEN is_cancellation = 1 THEN 0 ELSE quantity END) AS returned"
            " FROM staged_part WHERE sales_order_id < 0 AND order_line_id > 0 GROUP BY order_line_id) AS part"
            " WHERE order_line.id = part.order_line_id"
        )
    )


def orders_with_undone_sales(connection: Connection) -> Sequence[Any]:
    """All lines of the orders, stored before this batch, of which `staged_part` cancels something.

    Returns:
        sales_order_id, quantity, quantity_cancelled, quantity_shipped, amount_minor.
    """
    return connection.execute(
        text(
            "SELECT l.sales_order_id, l.quantity, l.quantity_cancelled, l.quantity_shipped, l.amount_minor"
            " FROM order_line l WHERE l.sales_order_id IN (SELECT s.sales_order_id FROM staged_part p"
            " JOIN order_line s ON s.id = p.order_line_id WHERE p.is_cancellation = 1 AND p.sales_order_id < 0)"
        )
    ).all()


def set_heads(connection: Connection, heads: Sequence[dict[str, Any]]) -> None:
    """Store changed headers under their next version: order, status, since (of another status), line_count, value."""
    if heads:
        unchanged = sales_order.c.status == bindparam("to_status")
        connection.execute(
            update(sales_order)
            .where(sales_order.c.id == bindparam("order"))
            .values(
                status=bindparam("to_status"),
                status_since=case(
                    (unchanged, sales_order.c.status_since), else_=bindparam("since", type_=schema.UtcDateTime())
                ),
                version=sales_order.c.version + 1,
                line_count=bindparam("lines"),
                value_minor=bindparam("value"),
            ),
            list(heads),
        )


def write_staged_charges(connection: Connection, *, currency: str, batch: int) -> None:
    """`staged_charge` becomes charges."""
    insert_from(
        connection,
        "charge",
        ("channel_id", "external_ref", "sales_order_id", "party_id", "code", "description", "quantity",
         "unit_price_micros", "amount_minor", "currency", "charged_at", "import_batch_id"),
        "SELECT channel_id, external_ref, nullif(sales_order_id, -1), nullif(party_id, -1), code, description,"
        " quantity, unit_price_micros, amount_minor, :currency, charged_at, :batch FROM staged_charge",
        currency=currency,
        batch=batch,
    )  # fmt: skip


def last_business_dates(connection: Connection, *, count: int) -> list[Any]:
    """The latest business dates on which something was ordered or came back, newest first."""
    ordered = select(sales_order.c.business_date)
    returned = select(schema.rma.c.business_date)
    days = ordered.union(returned).subquery()
    wanted = select(days.c.business_date).order_by(days.c.business_date.desc()).limit(count)
    return list(connection.execute(wanted).scalars())


def first_business_date(connection: Connection) -> Any:
    """The first business date on which something was ordered; None without orders."""
    return connection.execute(select(func.min(sales_order.c.business_date))).scalar()


def usual_currency(connection: Connection) -> str:
    """The currency of most orders."""
    orders = func.count()
    wanted = select(sales_order.c.currency).group_by(sales_order.c.currency).order_by(orders.desc()).limit(1)
    return str(connection.execute(wanted).scalar_one())
