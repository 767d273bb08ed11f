"""Parcels as rows."""

from __future__ import annotations

from sqlalchemy import Connection, select

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


def stored_numbers(connection: Connection) -> set[tuple[str, str]]:
    """(carrier, tracking number) of every parcel."""
    rows = connection.execute(select(parcel.c.carrier, parcel.c.tracking_number))
    return {(carrier, number) for carrier, number in rows}


def write_staged(connection: Connection) -> None:
    """`staged_parcel` becomes parcels."""
    insert_from(connection, "parcel", _COLUMNS, f"SELECT {', '.join(_COLUMNS)} FROM staged_parcel")
