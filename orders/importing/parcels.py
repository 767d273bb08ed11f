"""A file of parcels becomes what customers were sent, by which carrier, and whether it arrived when promised."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from data import parcel_rows
from data.connection import Database
from data.importers.problems import Problems
from data.importers.sheets import read_sheet
from data.staging import stage, unstage
from orders.importing.files import FileImport, import_file
from orders.importing.report import ImportReport
from orders.model import Actor
from orders.terms import read_terms

COLUMNS = (
    "parcel_id", "order_id", "carrier", "service", "tracking_number", "shipped_at", "promised_date",
    "delivered_at", "status",
)  # fmt: skip
STATUSES = ("in_transit", "delivered", "lost", "returned_to_sender")


def import_parcels(database: Database, request: FileImport, *, actor: Actor, at: datetime) -> ImportReport:
    """Import parcels of stored orders; a parcel that is stored already learns where it is now.

    Columns: order_id, carrier, service, tracking_number, shipped_at, status (required), parcel_id,
    promised_date, delivered_at.

    Raises:
        UnreadableFile: the file as a whole cannot be read.
    """
    errors, warnings = Problems(), Problems()
    required = ["order_id", "carrier", "service", "tracking_number", "shipped_at", "status"]
    sheet = read_sheet(request.path, COLUMNS, required=required, errors=errors)
    with database.reading() as connection:
        terms = read_terms(connection)
    orders, parcels = sheet.text("order_id", required=True), sheet.text("parcel_id")
    carriers, services = sheet.text("carrier", required=True), sheet.text("service", required=True)
    tracking, statuses = sheet.text("tracking_number", required=True), sheet.text("status", required=True)
    shipped_at = sheet.moment("shipped_at", terms.time_zone, required=True)
    delivered_at, promised = sheet.moment("delivered_at", terms.time_zone), sheet.day("promised_date")
    sheet.refuse_repeats(zip(carriers, tracking, strict=True), "carrier and tracking_number")
    odd = [row for row, status in enumerate(statuses) if status not in STATUSES]
    errors.add(f"status must be one of {', '.join(STATUSES)}", positions=odd, column="status", values=statuses)
    is_delivered = [status == "delivered" for status in statuses]
    arrived = [str(moment) != "NaT" for moment in delivered_at]
    unclear = [row for row in range(sheet.rows) if is_delivered[row] != arrived[row]]
    errors.add(
        "a delivered parcel, and no other, has a delivered_at",
        positions=unclear,
        column="delivered_at",
        values=statuses,
    )

    def store(connection: Connection, _batch: int, errors: Problems, _warnings: Problems) -> dict[str, int]:
        known = parcel_rows.order_ids(connection)
        unknown = [row for row, order in enumerate(orders) if order not in known]
        errors.add("there is no such order", positions=unknown, column="order_id", values=orders)
        stored = parcel_rows.stored_orders(connection)
        numbers = list(zip(carriers, tracking, strict=True))
        moved = [
            row
            for row, number in enumerate(numbers)
            if number in stored and orders[row] in known and stored[number] != known[str(orders[row])]
        ]
        errors.add("this parcel is stored with another order", positions=moved, column="order_id", values=orders)
        if errors.total:
            return {}
        stage(
            connection,
            "staged_parcel",
            {
                "sales_order_id": ("int", [known[str(order)] for order in orders]),
                "external_ref": ("text", [ref or number for ref, number in zip(parcels, tracking, strict=True)]),
                "carrier": ("text", carriers),
                "service": ("text", services),
                "tracking_number": ("text", tracking),
                "shipped_at": ("moment", shipped_at),
                "promised_date": ("date", promised),
                "delivered_at": ("moment", delivered_at),
                "status": ("text", statuses),
            },
        )
        parcel_rows.write_staged(connection)
        unstage(connection, "staged_parcel")
        return {status: statuses.count(status) for status in STATUSES if status in statuses}

    return import_file(
        database,
        request,
        store,
        kind="parcels",
        lines=sheet.rows,
        errors=errors,
        warnings=warnings,
        actor=actor,
        at=at,
    )
