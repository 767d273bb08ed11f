"""One order whole, as rows: what it says, what happened to it, and what the ledger moved for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Date, Row, bindparam, text

from data.schema import UtcDateTime

Rows = Sequence[Row[Any]]

_TYPES: dict[str, Any] = {
    **dict.fromkeys(
        ("placed_at", "status_since", "occurred_at", "held_at", "released_at", "proposed_at", "decided_at", "raised_at",
         "shipped_at", "delivered_at", "effective_at", "authorised_at", "reserved_at", "resolved_at", "recorded_at"),
        UtcDateTime(),
    ),
    **dict.fromkeys(("promised_date", "business_date", "expires_on"), Date()),
    **dict.fromkeys(("details", "fix", "priced", "parts", "next_best"), JSON()),
    **dict.fromkeys(("is_blocking", "is_included"), Boolean()),
}  # fmt: skip


def _read(connection: Connection, sql: str, **values: Any) -> Rows:
    """Rows whose columns have the types that the schema gives to columns of these names."""
    selected = sql[: sql.index(" FROM ")]
    named = re.findall(r"(\w+)(?=,|$)", selected)
    typed = text(sql).columns(**{name: _TYPES[name] for name in named if name in _TYPES})
    return connection.execute(typed, values).all()


def find(connection: Connection, *, order_id: int) -> Row[Any] | None:
    """The header with its channel, customer and address."""
    rows = _read(
        connection,
        "SELECT o.placed_at, o.status_since, o.id, o.external_ref, c.code AS channel, o.status, o.version, o.priority,"
        " o.currency, o.value_minor, o.payment_status, o.promised_date, o.business_date, o.placed_by, c.time_zone,"
        " p.external_ref AS customer, p.name AS customer_name, o.when_short, a.name, a.line1, a.line2, a.postcode,"
        " a.city, a.region, a.country, o.import_batch_id FROM sales_order o JOIN channel c ON c.id = o.channel_id"
        " LEFT JOIN party p ON p.id = o.party_id LEFT JOIN address a ON a.id = o.ship_to_id WHERE o.id = :order_id",
        order_id=order_id,
    )
    return rows[0] if rows else None


def ids_of(connection: Connection, reference: str) -> list[int]:
    """Orders of that reference, on any channel."""
    rows = connection.execute(
        text("SELECT id FROM sales_order WHERE external_ref = :reference ORDER BY id"), {"reference": reference}
    )
    return [int(row.id) for row in rows]


def lines(connection: Connection, order_id: int) -> Rows:
    """Lines with their SKU, the place that serves them, and how far their units have come."""
    return _read(
        connection,
        "SELECT l.id, l.line_no, s.display_code AS sku, s.name, p.code AS location, l.quantity, l.quantity_cancelled,"
        " l.quantity_allocated, l.quantity_backordered, l.quantity_shipped, l.quantity_returned, l.unit_price_micros,"
        " l.amount_minor, l.promised_date, b.display_code AS bundle FROM order_line l JOIN sku s ON s.id = l.sku_id"
        " JOIN location p ON p.id = l.location_id LEFT JOIN sku b ON b.id = l.bundle_id"
        " WHERE l.sales_order_id = :order_id ORDER BY l.line_no",
        order_id=order_id,
    )


def events(connection: Connection, order_id: int) -> Rows:
    """The timeline, oldest first."""
    return _read(
        connection,
        "SELECT e.occurred_at, e.id, e.event, e.summary, e.details, e.actor, e.command_key FROM order_event e"
        " WHERE e.sales_order_id = :order_id ORDER BY e.id",
        order_id=order_id,
    )


def holds(connection: Connection, order_id: int) -> Rows:
    """Holds, open ones first."""
    return _read(
        connection,
        "SELECT h.held_at, h.released_at, h.id, h.kind, h.reason, h.held_by, h.released_by, h.release_reason"
        " FROM order_hold h WHERE h.sales_order_id = :order_id ORDER BY (h.released_at IS NOT NULL), h.id",
        order_id=order_id,
    )


def discrepancies(connection: Connection, order_id: int) -> Rows:
    """What was or is wrong with it, open ones first."""
    return _read(
        connection,
        "SELECT d.raised_at, d.decided_at, d.id, d.line_no, d.kind, d.is_blocking, d.message, d.suggestion, d.fix,"
        " d.status, d.decided_by, d.decision_reason FROM discrepancy d WHERE d.sales_order_id = :order_id"
        " ORDER BY (d.status <> 'open'), d.id",
        order_id=order_id,
    )


def changes(connection: Connection, order_id: int) -> Rows:
    """Proposed and decided changes, newest first."""
    return _read(
        connection,
        "SELECT c.proposed_at, c.decided_at, c.id, c.status, c.reason, c.difference_minor, c.priced, c.order_version,"
        " c.proposed_by, c.decided_by FROM order_change c WHERE c.sales_order_id = :order_id ORDER BY c.id DESC",
        order_id=order_id,
    )


def routings(connection: Connection, order_id: int) -> Rows:
    """How it was routed each time, newest first."""
    return _read(
        connection,
        "SELECT r.decided_at, r.id, r.parts, r.parcels, r.cost_minor, r.currency, r.next_best,"
        " r.next_best_cost_minor, r.reason FROM routing r WHERE r.sales_order_id = :order_id ORDER BY r.id DESC",
        order_id=order_id,
    )


def payments(connection: Connection, order_id: int) -> Rows:
    """Payments, oldest first."""
    return _read(
        connection,
        "SELECT y.authorised_at, y.id, y.external_ref, y.method, y.currency, y.authorised_minor, y.captured_minor,"
        " y.refunded_minor FROM payment y WHERE y.sales_order_id = :order_id ORDER BY y.id",
        order_id=order_id,
    )


def parcels(connection: Connection, order_id: int) -> Rows:
    """Parcels, oldest first."""
    return _read(
        connection,
        "SELECT k.shipped_at, k.delivered_at, k.id, k.carrier, k.service, k.tracking_number, k.status,"
        " k.promised_date FROM parcel k WHERE k.sales_order_id = :order_id ORDER BY k.id",
        order_id=order_id,
    )


def reservations(connection: Connection, order_id: int) -> Rows:
    """What is and was reserved for it, oldest first."""
    return _read(
        connection,
        "SELECT r.reserved_at, r.resolved_at, r.id, l.line_no, s.display_code AS sku, p.code AS location,"
        " t.code AS lot, t.expires_on, r.quantity, r.status FROM reservation r"
        " JOIN order_line l ON l.id = r.order_line_id JOIN sku s ON s.id = r.sku_id"
        " JOIN location p ON p.id = r.location_id LEFT JOIN lot t ON t.id = r.lot_id"
        " WHERE l.sales_order_id = :order_id ORDER BY r.id",
        order_id=order_id,
    )


def moves(connection: Connection, order_id: int, *, until: datetime | None = None) -> Rows:
    """What the ledger moved for it, oldest first, up to a moment where one is given."""
    statement = (
        "SELECT m.effective_at, m.recorded_at, m.id, l.line_no, s.display_code AS sku, m.quantity, m.kind,"
        " a.code AS source, b.code AS destination, m.reason FROM order_line l"
        " JOIN stock_move m ON m.sku_id = l.sku_id AND m.order_line_id = l.id JOIN sku s ON s.id = m.sku_id"
        " JOIN location a ON a.id = m.source_location_id JOIN location b ON b.id = m.destination_location_id"
        " WHERE l.sales_order_id = :order_id ORDER BY m.effective_at, m.id"
    )
    rows = _read(connection, statement, order_id=order_id)
    return [row for row in rows if until is None or row.effective_at <= until]


def taxes(connection: Connection, order_id: int) -> Rows:
    """Tax lines."""
    return _read(
        connection,
        "SELECT t.id, l.line_no, t.name, t.rate_micros, t.amount_minor, t.is_included FROM tax_line t"
        " LEFT JOIN order_line l ON l.id = t.order_line_id WHERE t.sales_order_id = :order_id ORDER BY t.id",
        order_id=order_id,
    )


def queue(connection: Connection, *, limit: int) -> Rows:
    """Open discrepancies of all orders, blocking ones first, then oldest first."""
    return _read(
        connection,
        "SELECT d.raised_at, d.id, d.sales_order_id, o.external_ref, c.code AS channel, d.line_no, d.kind,"
        " d.is_blocking, d.message, d.suggestion, d.fix, o.status, o.value_minor, o.currency FROM discrepancy d"
        " JOIN sales_order o ON o.id = d.sales_order_id JOIN channel c ON c.id = o.channel_id"
        " WHERE d.status = 'open' ORDER BY d.is_blocking DESC, d.raised_at, d.id LIMIT :limit",
        limit=limit,
    )


def as_of(connection: Connection, order_id: int, *, at: datetime) -> Rows:
    """The timeline up to a moment."""
    statement = text(
        "SELECT e.id, e.event, e.summary FROM order_event e WHERE e.sales_order_id = :order_id"
        " AND e.occurred_at <= :at ORDER BY e.id"
    ).bindparams(bindparam("at", type_=UtcDateTime()))
    return connection.execute(statement, {"order_id": order_id, "at": at}).all()
