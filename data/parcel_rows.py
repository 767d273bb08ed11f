"""Parcels as rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, text

from data.driver import Driver
from data.schema import parcel, sales_order
from data.staging import insert_from

_COLUMNS = (
    "sales_order_id", "external_ref", "carrier", "service", "tracking_number", "shipped_at", "promised_date",
    "delivered_at", "status",
)  # fmt: skip


def order_ids(connection: Connection) -> dict[str, int]:
    """External reference → id of every order; the newest where channels use the same."""
    rows = connection.execute(select(sales_order.c.external_ref, sales_order.c.id).order_by(sales_order.c.id))
    return {ref: id_ for ref, id_ in rows}


def stored_orders(connection: Connection) -> dict[tuple[str, str], int]:
    """(carrier, tracking number) → order of every parcel."""
    rows = connection.execute(select(parcel.c.carrier, parcel.c.tracking_number, parcel.c.sales_order_id))
    return {(carrier, number): order for carrier, number, order in rows}


def write_staged(connection: Connection) -> None:
    """`staged_parcel` becomes parcels; those that are stored learn where they are now."""
    same = "s.carrier = parcel.carrier AND s.tracking_number = parcel.tracking_number"
    connection.execute(
        text(
            "UPDATE parcel SET status = s.status, delivered_at = s.delivered_at, service = s.service,"
            " promised_date = coalesce(s.promised_date, parcel.promised_date), shipped_at = s.shipped_at"
            f" FROM staged_parcel s WHERE {same}"
        )
    )
    insert_from(
        connection,
        "parcel",
        _COLUMNS,
        f"SELECT {', '.join(_COLUMNS)} FROM staged_parcel s WHERE NOT EXISTS (SELECT 1 FROM parcel WHERE {same})",
    )


def insert(
    sql: Driver,
    order_id: int,
    external_ref: str,
    carrier: str,
    service: str,
    tracking_number: str,
    shipped_at: Any,
    promised_date: Any,
) -> bool:
    """A parcel that leaves now; False when the carrier has one of that number already."""
    row = sql.row(
        "INSERT INTO parcel (sales_order_id, external_ref, carrier, service, tracking_number, shipped_at,"
        " promised_date, status) VALUES (?, ?, ?, ?, ?, ?, ?, 'in_transit')"
        " ON CONFLICT (carrier, tracking_number) DO NOTHING RETURNING id",
        (order_id, external_ref, carrier, service, tracking_number, shipped_at, promised_date),
    )
    return row is not None
