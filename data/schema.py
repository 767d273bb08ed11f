"""The tables. Rules live in `orders`; what a row may never be is said here as constraints.

Conventions: quantities are integers in the base unit; amounts are integer minor units of a currency
(`*_minor`); unit prices and costs are exact decimals scaled by 10⁶ (`*_micros`); moments are UTC (`*_at`),
`business_date` is the day where the sale was made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
    func,
    text,
)

MICROS = 1_000_000

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Naive datetimes are refused, because a guess about their zone moves sales between days."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a time zone, got naive {value.isoformat()}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _id() -> Column[Any]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _to(table: str, *, name: str | None = None, nullable: bool = False, index: bool = False) -> Column[Any]:
    """A reference to another table's id, named after it."""
    column = f"{table}_id" if name is None else name
    return Column(column, Id, ForeignKey(f"{table}.id"), nullable=nullable, index=index)


# Master data

party = Table(
    "party",
    metadata,
    _id(),
    Column("kind", String, nullable=False),
    Column("external_ref", String, nullable=False),
    Column("name", String, nullable=False),
    Column("country", String),
    UniqueConstraint("kind", "external_ref"),
    CheckConstraint("kind IN ('customer', 'supplier')", name="kind"),
)

Index("ix_party_lower_name", func.lower(party.c.name).label("called"), postgresql_ops={"called": "text_pattern_ops"})

channel = Table(
    "channel",
    metadata,
    _id(),
    Column("code", String, nullable=False, unique=True),
    Column("time_zone", String, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("when_short", String, nullable=False, server_default="backorder"),
    CheckConstraint("when_short IN ('refuse', 'backorder', 'partial')", name="when_short"),
)

address = Table(
    "address",
    metadata,
    _id(),
    _to("party", nullable=True, index=True),
    Column("name", String),
    Column("line1", String),
    Column("line2", String),
    Column("postcode", String),
    Column("city", String),
    Column("region", String),
    Column("country", String(2)),
)

location = Table(
    "location",
    metadata,
    _id(),
    Column("code", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("is_external", Boolean, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("country", String(2)),
    CheckConstraint(
        "kind IN ('warehouse', 'store', 'in_transit', 'inspection', 'quarantine', 'supplier', 'customer',"
        " 'adjustment', 'scrap', 'before_stockwright')",
        name="kind",
    ),
)

sku = Table(
    "sku",
    metadata,
    _id(),
    Column("code", String, nullable=False, unique=True),
    Column("display_code", String, nullable=False),
    Column("name", String, nullable=False),
    Column("category", String),
    Column("volume_litres", Float),
    Column("is_lot_tracked", Boolean, nullable=False, server_default=false()),
    Column("list_price_micros", BigInteger),
    Column("list_price_currency", String(3)),
    CheckConstraint("code = upper(code)", name="code_upper"),
    CheckConstraint("list_price_micros IS NULL OR list_price_micros >= 0", name="list_price"),
    CheckConstraint("(list_price_micros IS NULL) = (list_price_currency IS NULL)", name="list_price_currency"),
)

bundle_component = Table(
    "bundle_component",
    metadata,
    Column("bundle_id", Id, ForeignKey("sku.id"), primary_key=True),
    Column("component_id", Id, ForeignKey("sku.id"), primary_key=True),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("bundle_id <> component_id", name="not_itself"),
)

shipping_lane = Table(
    "shipping_lane",
    metadata,
    Column("location_id", Id, ForeignKey("location.id"), primary_key=True),
    Column("country", String(2), primary_key=True),
    Column("parcel_cost_minor", BigInteger, nullable=False),
    Column("transit_days", Float, nullable=False),
    CheckConstraint("parcel_cost_minor >= 0", name="parcel_cost"),
    CheckConstraint("transit_days >= 0", name="transit"),
)

supplier_sku = Table(
    "supplier_sku",
    metadata,
    _id(),
    _to("sku"),
    _to("party", name="supplier_id", nullable=True),
    Column("lead_time_days", Float),
    Column("moq", BigInteger),
    Column("pack_size", BigInteger),
    Column("unit_cost_micros", BigInteger),
    Column("currency", String(3)),
    UniqueConstraint("sku_id"),
    CheckConstraint("lead_time_days IS NULL OR lead_time_days >= 0", name="lead_time"),
    CheckConstraint("moq IS NULL OR moq >= 1", name="moq"),
    CheckConstraint("pack_size IS NULL OR pack_size >= 1", name="pack_size"),
    CheckConstraint("unit_cost_micros IS NULL OR unit_cost_micros >= 0", name="unit_cost"),
)

term = Table(
    "term",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("set_by", String, nullable=False),
)

# Control

import_batch = Table(
    "import_batch",
    metadata,
    _id(),
    Column("kind", String, nullable=False),
    Column("file_name", String, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("stored_lines", BigInteger, nullable=False),
    Column("report", JSON, nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
    Column("imported_by", String, nullable=False),
)

import_document = Table(
    "import_document",
    metadata,
    _to("channel"),
    Column("external_ref", String, nullable=False),
    Column("fingerprint", BigInteger, nullable=False),
    _to("import_batch"),
    UniqueConstraint("channel_id", "external_ref"),
)

command = Table(
    "command",
    metadata,
    Column("key", String, primary_key=True),
    Column("actor", String, nullable=False),
    Column("request_hash", String(64), nullable=False),
    Column("response", JSON, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("action", String),
    Column("events", Integer, nullable=False, server_default=text("0")),
)

transition = Table(
    "transition",
    metadata,
    _id(),
    Column("machine", String, nullable=False),
    Column("entity_id", Id, nullable=False),
    Column("from_state", String, nullable=False),
    Column("event", String, nullable=False),
    Column("to_state", String, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("command_key", String, ForeignKey("command.key"), nullable=False),
)
Index("ix_transition_machine_entity_id", transition.c.machine, transition.c.entity_id, transition.c.id)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("command_key", String, ForeignKey("command.key"), nullable=False, index=True),
    Column("topic", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("entity_id", Id, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    Column("command_key", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("entity", String, nullable=False),
    Column("entity_id", Id, nullable=False),
    Column("details", String, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
)
Index("ix_audit_log_entity_entity_id", audit_log.c.entity, audit_log.c.entity_id)

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("audit_log_id", Id, nullable=False, unique=True),
    Column("hash", String(64), nullable=False),
)

check_run = Table(
    "check_run",
    metadata,
    _id(),
    Column("checked_at", UtcDateTime, nullable=False),
    Column("checked_by", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("broken", BigInteger, nullable=False),
    Column("findings", JSON, nullable=False),
)

# Sales

sales_order = Table(
    "sales_order",
    metadata,
    _id(),
    _to("channel"),
    Column("external_ref", String, nullable=False),
    _to("party", nullable=True),
    Column("placed_at", UtcDateTime, nullable=False),
    Column("business_date", Date, nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    Column("country", String),
    Column("status", String, nullable=False),
    _to("import_batch", nullable=True, index=True),
    Column("status_since", UtcDateTime),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("line_count", Integer, nullable=False, server_default=text("0")),
    Column("value_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("payment_status", String, nullable=False, server_default="none"),
    Column("when_short", String),
    Column("promised_date", Date),
    _to("address", name="ship_to_id", nullable=True),
    Column("content_hash", BigInteger),
    Column("placed_by", String),
    UniqueConstraint("channel_id", "external_ref"),
    CheckConstraint(
        "status IN ('draft', 'placed', 'on_hold', 'allocated', 'partially_allocated', 'backordered',"
        " 'partially_shipped', 'shipped', 'closed', 'cancelled')",
        name="status",
    ),
    CheckConstraint(
        "payment_status IN ('none', 'authorised', 'partially_captured', 'captured', 'partially_refunded', 'refunded')",
        name="payment_status",
    ),
    CheckConstraint("when_short IS NULL OR when_short IN ('refuse', 'backorder', 'partial')", name="when_short"),
)
Index("ix_sales_order_placed_at_id", sales_order.c.placed_at, sales_order.c.id)
Index("ix_sales_order_status_placed_at_id", sales_order.c.status, sales_order.c.placed_at, sales_order.c.id)
_OPEN = text("status NOT IN ('shipped', 'closed', 'cancelled')")
Index(
    "ix_sales_order_open",
    sales_order.c.status,
    sales_order.c.status_since,
    sales_order.c.placed_at,
    sales_order.c.currency,
    sales_order.c.value_minor,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
Index("ix_sales_order_party_id_placed_at_id", sales_order.c.party_id, sales_order.c.placed_at, sales_order.c.id)
Index("ix_sales_order_channel_id_placed_at_id", sales_order.c.channel_id, sales_order.c.placed_at, sales_order.c.id)
Index("ix_sales_order_country_placed_at_id", sales_order.c.country, sales_order.c.placed_at, sales_order.c.id)
Index(
    "ix_sales_order_payment_status_placed_at_id",
    sales_order.c.payment_status,
    sales_order.c.placed_at,
    sales_order.c.id,
)
Index(
    "ix_sales_order_lower_external_ref",
    func.lower(sales_order.c.external_ref).label("reference"),
    postgresql_ops={"reference": "text_pattern_ops"},
)

order_draft = Table(
    "order_draft",
    metadata,
    Column("sales_order_id", Id, ForeignKey("sales_order.id"), primary_key=True),
    Column("request", JSON, nullable=False),
)

order_line = Table(
    "order_line",
    metadata,
    _id(),
    _to("sales_order"),
    Column("line_no", Integer, nullable=False),
    _to("sku"),
    _to("location"),
    Column("quantity", BigInteger, nullable=False),
    Column("quantity_cancelled", BigInteger, nullable=False, server_default=text("0")),
    Column("quantity_shipped", BigInteger, nullable=False, server_default=text("0")),
    Column("quantity_returned", BigInteger, nullable=False, server_default=text("0")),
    Column("unit_price_micros", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("promotion", String),
    Column("quantity_allocated", BigInteger, nullable=False, server_default=text("0")),
    Column("quantity_backordered", BigInteger, nullable=False, server_default=text("0")),
    Column("promised_date", Date),
    _to("sku", name="bundle_id", nullable=True),
    UniqueConstraint("sales_order_id", "line_no"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "quantity_cancelled >= 0 AND quantity_shipped >= 0 AND quantity_returned >= 0"
        " AND quantity_allocated >= 0 AND quantity_backordered >= 0"
        " AND quantity_cancelled + quantity_shipped + quantity_allocated + quantity_backordered <= quantity"
        " AND quantity_returned <= quantity_shipped",
        name="progress",
    ),
)
Index("ix_order_line_sku_id_id", order_line.c.sku_id, order_line.c.id)
Index(
    "ix_order_line_backordered",
    order_line.c.sku_id,
    sqlite_where=order_line.c.quantity_backordered > 0,
    postgresql_where=order_line.c.quantity_backordered > 0,
)

tax_line = Table(
    "tax_line",
    metadata,
    _id(),
    _to("sales_order", index=True),
    _to("order_line", nullable=True),
    Column("name", String, nullable=False),
    Column("rate_micros", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("is_included", Boolean, nullable=False),
    CheckConstraint("rate_micros >= 0", name="rate"),
)

order_hold = Table(
    "order_hold",
    metadata,
    _id(),
    _to("sales_order"),
    Column("kind", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("held_at", UtcDateTime, nullable=False),
    Column("held_by", String, nullable=False),
    Column("released_at", UtcDateTime),
    Column("released_by", String),
    Column("release_reason", String),
    CheckConstraint("kind IN ('credit', 'address', 'fraud', 'stock', 'review')", name="kind"),
    CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released"),
)
Index(
    "uq_order_hold_open",
    order_hold.c.sales_order_id,
    order_hold.c.kind,
    unique=True,
    sqlite_where=order_hold.c.released_at.is_(None),
    postgresql_where=order_hold.c.released_at.is_(None),
)

order_change = Table(
    "order_change",
    metadata,
    _id(),
    _to("sales_order", index=True),
    Column("status", String, nullable=False),
    Column("request", JSON, nullable=False),
    Column("priced", JSON, nullable=False),
    Column("difference_minor", BigInteger, nullable=False),
    Column("order_version", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("proposed_at", UtcDateTime, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String),
    CheckConstraint("status IN ('proposed', 'confirmed', 'rejected')", name="status"),
    CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name="decided"),
)

order_event = Table(
    "order_event",
    metadata,
    _id(),
    _to("sales_order", index=True),
    Column("event", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("details", JSON, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("command_key", String, ForeignKey("command.key"), nullable=False),
)

discrepancy = Table(
    "discrepancy",
    metadata,
    _id(),
    _to("sales_order", index=True),
    Column("line_no", Integer),
    Column("kind", String, nullable=False),
    Column("is_blocking", Boolean, nullable=False),
    Column("message", String, nullable=False),
    Column("suggestion", String, nullable=False),
    Column("fix", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String),
    Column("decision_reason", String),
    CheckConstraint("status IN ('open', 'fixed', 'accepted', 'dropped')", name="status"),
    CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decided"),
)
Index(
    "ix_discrepancy_open",
    discrepancy.c.raised_at,
    sqlite_where=discrepancy.c.status == "open",
    postgresql_where=discrepancy.c.status == "open",
)

routing = Table(
    "routing",
    metadata,
    _id(),
    _to("sales_order", index=True),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("parcels", Integer, nullable=False),
    Column("cost_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("next_best", JSON, nullable=False),
    Column("next_best_cost_minor", BigInteger),
    Column("reason", String, nullable=False),
    Column("command_key", String, ForeignKey("command.key"), nullable=False),
)

payment = Table(
    "payment",
    metadata,
    _id(),
    _to("sales_order"),
    Column("external_ref", String, nullable=False),
    Column("method", String, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("authorised_minor", BigInteger, nullable=False),
    Column("captured_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("refunded_minor", BigInteger, nullable=False, server_default=text("0")),
    Column("authorised_at", UtcDateTime, nullable=False),
    UniqueConstraint("sales_order_id", "external_ref"),
    CheckConstraint(
        "0 <= refunded_minor AND refunded_minor <= captured_minor AND captured_minor <= authorised_minor",
        name="never_over_refunded",
    ),
    CheckConstraint("authorised_minor > 0", name="authorised"),
)

cancellation = Table(
    "cancellation",
    metadata,
    _id(),
    _to("order_line", index=True),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_micros", BigInteger, nullable=False),
    Column("cancelled_at", UtcDateTime, nullable=False),
    Column("reason", String, nullable=False),
    Column("external_ref", String),
    _to("import_batch", nullable=True),
    Column("cancelled_by", String),
    CheckConstraint("quantity > 0", name="quantity"),
)

charge = Table(
    "charge",
    metadata,
    _id(),
    _to("channel"),
    Column("external_ref", String, nullable=False),
    _to("sales_order", nullable=True, index=True),
    _to("party", nullable=True),
    Column("code", String, nullable=False),
    Column("description", String),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_micros", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("charged_at", UtcDateTime, nullable=False),
    _to("import_batch", nullable=True),
)

# Returns

rma = Table(
    "rma",
    metadata,
    _id(),
    _to("channel"),
    Column("number", String, nullable=False),
    _to("party", nullable=True, index=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("business_date", Date, nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    Column("status", String, nullable=False),
    _to("import_batch", nullable=True),
    UniqueConstraint("channel_id", "number"),
    CheckConstraint("status IN ('closed')", name="status"),
)

rma_line = Table(
    "rma_line",
    metadata,
    _id(),
    _to("rma", index=True),
    _to("order_line", nullable=True, index=True),
    _to("sku", index=True),
    _to("location"),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_price_micros", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reason", String),
    Column("disposition", String),
    Column("unlinked_reason", String),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("(order_line_id IS NULL) = (unlinked_reason IS NOT NULL)", name="linked_or_why_not"),
)

# Shipping

parcel = Table(
    "parcel",
    metadata,
    _id(),
    _to("sales_order", index=True),
    Column("external_ref", String, nullable=False),
    Column("carrier", String, nullable=False),
    Column("service", String, nullable=False),
    Column("tracking_number", String, nullable=False),
    Column("shipped_at", UtcDateTime, nullable=False),
    Column("promised_date", Date),
    Column("delivered_at", UtcDateTime),
    Column("status", String, nullable=False),
    UniqueConstraint("carrier", "tracking_number"),
    CheckConstraint("status IN ('in_transit', 'delivered', 'lost', 'returned_to_sender')", name="status"),
    CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="delivered"),
)

# Supply

purchase_order = Table(
    "purchase_order",
    metadata,
    _id(),
    Column("number", String, nullable=False, unique=True),
    _to("party", name="supplier_id", nullable=True, index=True),
    _to("location"),
    Column("status", String, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ordered_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    _to("import_batch", nullable=True),
    CheckConstraint("status IN ('draft', 'ordered', 'received', 'cancelled')", name="status"),
)

purchase_order_line = Table(
    "purchase_order_line",
    metadata,
    _id(),
    _to("purchase_order"),
    Column("line_no", Integer, nullable=False),
    _to("sku", index=True),
    Column("quantity", BigInteger, nullable=False),
    Column("quantity_received", BigInteger, nullable=False, server_default=text("0")),
    Column("quantity_cancelled", BigInteger, nullable=False, server_default=text("0")),
    Column("unit_cost_micros", BigInteger, nullable=False),
    Column("expected_date", Date),
    Column("received_at", UtcDateTime),
    UniqueConstraint("purchase_order_id", "line_no"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("quantity_received >= 0 AND quantity_cancelled >= 0", name="progress"),
)

# Ledger

lot = Table(
    "lot",
    metadata,
    _id(),
    _to("sku"),
    Column("code", String, nullable=False),
    Column("expires_on", Date),
    UniqueConstraint("sku_id", "code"),
)

stock_move = Table(
    "stock_move",
    metadata,
    _id(),
    _to("sku", index=True),
    Column("lot_id", Id, nullable=False, server_default=text("0")),
    Column("quantity", BigInteger, nullable=False),
    _to("location", name="source_location_id"),
    _to("location", name="destination_location_id"),
    Column("effective_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("kind", String, nullable=False),
    Column("reason", String),
    Column("unit_cost_micros", BigInteger),
    Column("currency", String(3)),
    _to("order_line", nullable=True),
    _to("rma_line", nullable=True),
    _to("purchase_order_line", nullable=True),
    _to("import_batch", nullable=True),
    _to("stock_move", name="reverses_id", nullable=True),
    Column("command_key", String),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("source_location_id <> destination_location_id", name="moves"),
    CheckConstraint(
        "kind IN ('sale', 'return', 'receipt', 'opening', 'count', 'write_off', 'found', 'transfer', 'reversal')",
        name="kind",
    ),
)
Index(
    "uq_stock_move_reverses_id",
    stock_move.c.reverses_id,
    unique=True,
    sqlite_where=stock_move.c.reverses_id.is_not(None),
    postgresql_where=stock_move.c.reverses_id.is_not(None),
)

stock_balance = Table(
    "stock_balance",
    metadata,
    Column("sku_id", Id, ForeignKey("sku.id"), primary_key=True),
    Column("location_id", Id, ForeignKey("location.id"), primary_key=True),
    Column("lot_id", Id, primary_key=True, server_default=text("0")),
    Column("is_external", Boolean, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("allocated", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("is_external OR (0 <= allocated AND allocated <= on_hand)", name="never_oversold"),
)

reservation = Table(
    "reservation",
    metadata,
    _id(),
    _to("order_line", nullable=True, index=True),
    Column("sku_id", Id, nullable=False),
    Column("location_id", Id, nullable=False),
    Column("lot_id", Id, nullable=False, server_default=text("0")),
    Column("quantity", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("purpose", String),
    Column("reserved_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("resolved_at", UtcDateTime),
    ForeignKeyConstraint(
        ["sku_id", "location_id", "lot_id"],
        ["stock_balance.sku_id", "stock_balance.location_id", "stock_balance.lot_id"],
        name="fk_reservation_stock_balance",
    ),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("status IN ('active', 'consumed', 'released', 'expired')", name="status"),
    CheckConstraint("(status = 'active') = (resolved_at IS NULL)", name="resolved"),
    CheckConstraint(
        "(kind = 'hard' AND order_line_id IS NOT NULL AND expires_at IS NULL)"
        " OR (kind = 'soft' AND order_line_id IS NULL AND expires_at IS NOT NULL)",
        name="kind",
    ),
)
Index(
    "ix_reservation_active",
    reservation.c.sku_id,
    reservation.c.location_id,
    reservation.c.lot_id,
    sqlite_where=reservation.c.status == "active",
    postgresql_where=reservation.c.status == "active",
)

count_sheet = Table(
    "count_sheet",
    metadata,
    _id(),
    _to("location", index=True),
    Column("counted_at", UtcDateTime, nullable=False),
    Column("counted_by", String, nullable=False),
    Column("command_key", String, ForeignKey("command.key"), nullable=False),
)

count_line = Table(
    "count_line",
    metadata,
    _id(),
    _to("count_sheet"),
    _to("sku", index=True),
    Column("lot_id", Id, nullable=False, server_default=text("0")),
    Column("expected", BigInteger, nullable=False),
    Column("counted", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    _to("stock_move", nullable=True),
    UniqueConstraint("count_sheet_id", "sku_id", "lot_id"),
    CheckConstraint("counted >= 0", name="counted"),
)

# Planning

plan_run = Table(
    "plan_run",
    metadata,
    _id(),
    Column("as_of", Date, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("terms", JSON, nullable=False),
    Column("summary", JSON, nullable=False),
)

recommendation = Table(
    "recommendation",
    metadata,
    _id(),
    _to("plan_run"),
    _to("sku", index=True),
    _to("location"),
    _to("party", name="supplier_id", nullable=True),
    Column("status", String, nullable=False),
    Column("order_quantity", BigInteger, nullable=False),
    Column("reorder_point", BigInteger, nullable=False),
    Column("order_up_to_level", BigInteger, nullable=False),
    Column("safety_stock", Float, nullable=False),
    Column("inventory_position", BigInteger, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("on_order", BigInteger, nullable=False),
    Column("unit_cost_micros", BigInteger, nullable=False),
    Column("order_value_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("margin_at_risk_minor", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("assumptions", JSON, nullable=False),
    Column("numbers", JSON, nullable=False),
    UniqueConstraint("plan_run_id", "sku_id", "location_id"),
    CheckConstraint("status IN ('order', 'none')", name="status"),
    CheckConstraint("(status = 'order') = (order_quantity > 0)", name="order_quantity"),
)

decision = Table(
    "decision",
    metadata,
    _id(),
    _to("recommendation", index=True),
    Column("outcome", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    _to("purchase_order_line", nullable=True),
    Column("reason", String),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("decided_by", String, nullable=False),
    CheckConstraint("outcome IN ('approved', 'withdrawn')", name="outcome"),
)

proof_run = Table(
    "proof_run",
    metadata,
    _id(),
    Column("as_of", Date, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("result", JSON, nullable=False),
)

what_if = Table(
    "what_if",
    metadata,
    _id(),
    Column("name", String, nullable=False),
    Column("question", JSON, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    Column("saved_by", String, nullable=False),
    Column("command_key", String, ForeignKey("command.key"), nullable=False),
    Column("removed_at", UtcDateTime),
    Column("removed_by", String),
    CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed"),
)

# What the planner says of demand


def _said() -> list[Any]:
    """Who said it when and why, and who took it back: a row holds from `recorded_at` until it is withdrawn."""
    return [
        Column("reason", String, nullable=False),
        Column("recorded_at", UtcDateTime, nullable=False),
        Column("recorded_by", String, nullable=False),
        Column("command_key", String, ForeignKey("command.key"), nullable=False),
        Column("withdrawn_at", UtcDateTime),
        Column("withdrawn_by", String),
        Column("withdrawal_reason", String),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn"),
    ]


forecast_override = Table(
    "forecast_override",
    metadata,
    _id(),
    _to("sku", index=True),
    _to("location", nullable=True),
    Column("from_date", Date, nullable=False),
    Column("until_date", Date, nullable=False),
    Column("kind", String, nullable=False),
    Column("value", Float, nullable=False),
    Column("weekly_rate_statistical", Float),
    *_said(),
    CheckConstraint("from_date <= until_date", name="days"),
    CheckConstraint("kind IN ('set', 'multiply', 'add')", name="kind"),
    CheckConstraint("value >= 0 OR kind = 'add'", name="value"),
    CheckConstraint("weekly_rate_statistical IS NULL OR weekly_rate_statistical >= 0", name="weekly_rate_statistical"),
)

demand_event = Table(
    "demand_event",
    metadata,
    _id(),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("from_date", Date, nullable=False),
    Column("until_date", Date, nullable=False),
    Column("scope", String, nullable=False),
    Column("category", String),
    _to("sku", nullable=True, index=True),
    _to("location", nullable=True),
    Column("uplift", Float),
    Column("is_excluded_from_history", Boolean, nullable=False),
    *_said(),
    CheckConstraint("from_date <= until_date", name="days"),
    CheckConstraint("kind IN ('promotion', 'holiday', 'event', 'one_off')", name="kind"),
    CheckConstraint(
        "(scope = 'all' AND category IS NULL AND sku_id IS NULL)"
        " OR (scope = 'category' AND category IS NOT NULL AND sku_id IS NULL)"
        " OR (scope = 'sku' AND category IS NULL AND sku_id IS NOT NULL)",
        name="scope",
    ),
    CheckConstraint("uplift IS NULL OR uplift >= 0", name="uplift"),
    CheckConstraint("kind = 'one_off' OR NOT is_excluded_from_history", name="excluded"),
)

item_succession = Table(
    "item_succession",
    metadata,
    _id(),
    _to("sku", name="old_sku_id", index=True),
    _to("sku", name="new_sku_id", index=True),
    Column("from_date", Date, nullable=False),
    Column("share", Float, nullable=False),
    Column("run_down_note", String),
    *_said(),
    CheckConstraint("old_sku_id <> new_sku_id", name="not_itself"),
    CheckConstraint("share > 0 AND share <= 1", name="share"),
)

item_analogue = Table(
    "item_analogue",
    metadata,
    _id(),
    _to("sku", index=True),
    _to("sku", name="analogue_sku_id"),
    Column("weight", Float, nullable=False),
    *_said(),
    CheckConstraint("sku_id <> analogue_sku_id", name="not_itself"),
    CheckConstraint("weight > 0", name="weight"),
)

outlier_decision = Table(
    "outlier_decision",
    metadata,
    _id(),
    _to("sku", index=True),
    _to("location", nullable=True),
    Column("day", Date, nullable=False),
    _to("order_line", nullable=True),
    Column("decision", String, nullable=False),
    *_said(),
    CheckConstraint("decision IN ('accepted', 'excluded')", name="decision"),
    CheckConstraint("order_line_id IS NULL OR location_id IS NOT NULL", name="order_line"),
)
