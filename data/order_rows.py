"""Orders, their lines, cancellations, returns and charges as rows; bulk writes come from staged tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, func, select, text

from data import schema
from data.schema import order_line, sales_order
from data.staging import Values, insert_from, stage, unstage

SALES_ORDER = schema.sales_order
ORDER_LINE = schema.order_line
RMA_LINE = schema.rma_line

_LINE_COLUMNS = (
    "id", "sales_order_id", "line_no", "sku_id", "location_id", "quantity", "quantity_cancelled",
    "quantity_shipped", "quantity_returned", "unit_price_micros", "amount_minor",
)  # fmt: skip


def write_staged_orders(connection: Connection, *, currency: str, status: str, batch: int) -> None:
    """`staged_order` becomes order headers."""
    insert_from(
        connection,
        "sales_order",
        ("id", "channel_id", "external_ref", "party_id", "placed_at", "business_date", "country", "currency",
         "status", "import_batch_id"),
        "SELECT id, channel_id, external_ref, nullif(party_id, -1), placed_at, business_date, country, :currency,"
        " :status, :batch FROM staged_order",
        currency=currency,
        status=status,
        batch=batch,
    )  # fmt: skip


def staged_order_ids(connection: Connection) -> dict[tuple[int, str], int]:
    """(channel, external reference) → id of the staged headers."""
    rows = connection.execute(text("SELECT channel_id, external_ref, id FROM staged_order"))
    return {(channel, ref): id_ for channel, ref, id_ in rows}


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
    insert_from(connection, "order_line", columns, f"SELECT {', '.join(columns)} FROM staged_line ORDER BY id")


def write_stated_cancellations(connection: Connection, stated: Sequence[Mapping[str, Any]], batch: int) -> None:
    """Cancellations by the file row of their (staged) line: file_row, quantity, cancelled_at, reason."""
    if not stated:
        return
    columns: dict[str, tuple[str, Any]] = {
        "file_row": ("int", [row["file_row"] for row in stated]),
        "quantity": ("int", [row["quantity"] for row in stated]),
        "cancelled_at": (
            "moment",
            np.array([row["cancelled_at"].replace(tzinfo=None) for row in stated], dtype="datetime64[us]"),
        ),
        "reason": ("text", [row["reason"] for row in stated]),
    }
    stage(connection, "staged_cancellation", columns)
    insert_from(
        connection,
        "cancellation",
        ("order_line_id", "quantity", "unit_price_micros", "cancelled_at", "reason", "import_batch_id"),
        "SELECT l.id, c.quantity, l.unit_price_micros, c.cancelled_at, c.reason, :batch FROM staged_cancellation c"
        " JOIN staged_line l ON l.file_row = c.file_row",
        batch=batch,
    )
    unstage(connection, "staged_cancellation")


def set_statuses(connection: Connection, batch: int) -> None:
    """Derive the headers' status from their lines: cancelled, placed (something is still to ship) or closed."""
    connection.execute(
        text(
            "UPDATE sales_order SET status = 'cancelled' WHERE import_batch_id = :batch AND NOT EXISTS"
            " (SELECT 1 FROM order_line l WHERE l.sales_order_id = sales_order.id"
            " AND l.quantity_cancelled < l.quantity)"
        ),
        {"batch": batch},
    )
    connection.execute(
        text(
            "UPDATE sales_order SET status = 'placed' WHERE import_batch_id = :batch AND EXISTS"
            " (SELECT 1 FROM order_line l WHERE l.sales_order_id = sales_order.id"
            " AND l.quantity_cancelled + l.quantity_shipped < l.quantity)"
        ),
        {"batch": batch},
    )


def undoable_lines(connection: Connection, sku_ids: Iterable[int], *, except_batch: int) -> Sequence[Any]:
    """Stored order lines of these SKUs of which something can still come back, but for one batch's own."""
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
        )
        .join_from(order_line, sales_order)
        .where(
            order_line.c.sku_id.in_(bindparam("skus", expanding=True)),
            open_quantity > 0,
            func.coalesce(sales_order.c.import_batch_id, 0) != except_batch,
        )
        .order_by(order_line.c.id)
    )
    skus = sorted(sku_ids)
    found: list[Any] = []
    for start in range(0, len(skus), 500):
        found.extend(connection.execute(wanted, {"skus": skus[start : start + 500]}).all())
    return found


def write_staged_returns(connection: Connection, *, currency: str, batch: int) -> None:
    """`staged_part` becomes cancellations and RMAs; lines of earlier batches count what was undone."""
    _index_staged_lines(connection)
    connection.execute(
        text(
            "UPDATE staged_part SET order_line_id ="
            " (SELECT l.id FROM staged_line l WHERE l.file_row = staged_part.sale_row) WHERE sale_row >= 0"
        )
    )
    connection.execute(
        text(
            "UPDATE order_line SET"
            " quantity_cancelled = quantity_cancelled + part.cancelled,"
            " quantity_shipped = quantity_shipped - part.cancelled,"
            " quantity_returned = quantity_returned + part.returned"
            " FROM (SELECT order_line_id, sum(CASE WHEN is_cancellation = 1 THEN quantity ELSE 0 END) AS cancelled,"
            " sum(CASE WHEN is_cancellation = 1 THEN 0 ELSE quantity END) AS returned"
            " FROM staged_part WHERE sale_row < 0 AND order_line_id > 0 GROUP BY order_line_id) AS part"
            " WHERE order_line.id = part.order_line_id"
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
    _cancel_emptied_orders(connection)


def _index_staged_lines(connection: Connection) -> None:
    schema_name = "temp." if connection.dialect.name == "sqlite" else ""
    connection.execute(text(f"CREATE INDEX {schema_name}staged_line_file_row ON staged_line (file_row)"))


def _cancel_emptied_orders(connection: Connection) -> None:
    """Orders of which a cancellation took the last unit are cancelled."""
    connection.execute(
        text(
            "UPDATE sales_order SET status = 'cancelled' WHERE id IN"
            " (SELECT l.sales_order_id FROM order_line l JOIN staged_part p ON p.order_line_id = l.id"
            " WHERE p.is_cancellation = 1) AND NOT EXISTS"
            " (SELECT 1 FROM order_line l WHERE l.sales_order_id = sales_order.id"
            " AND l.quantity_cancelled < l.quantity)"
        )
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
