"""The order-management core: reservations, lots, holds, changes, routing, payments, and the log of commands."""

import sqlalchemy as sa
from alembic import op

from data.schema import Id, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ORDER_STATUS = (
    "status IN ('draft', 'placed', 'on_hold', 'allocated', 'partially_allocated', 'backordered',"
    " 'partially_shipped', 'shipped', 'closed', 'cancelled')"
)
PAYMENT_STATUS = (
    "payment_status IN ('none', 'authorised', 'partially_captured', 'captured', 'partially_refunded',"
    " 'refunded')"
)
WHEN_SHORT = "when_short IN ('refuse', 'backorder', 'partial')"
PROGRESS = (
    "quantity_cancelled >= 0 AND quantity_shipped >= 0 AND quantity_returned >= 0"
    " AND quantity_allocated >= 0 AND quantity_backordered >= 0"
    " AND quantity_cancelled + quantity_shipped + quantity_allocated + quantity_backordered <= quantity"
    " AND quantity_returned <= quantity_shipped"
)
LIST_PRICE = "list_price_micros IS NULL OR list_price_micros >= 0"
LIST_PRICE_CURRENCY = "(list_price_micros IS NULL) = (list_price_currency IS NULL)"


def upgrade() -> None:
    _extend_columns()
    _add_tables()
    if op.get_bind().dialect.name == "sqlite":
        _rebuild("sales_order", _sales_order())
        _rebuild("order_line", _order_line())
    else:
        _alter_sales_order()
        _alter_order_line()
    _index_orders()
    _count_orders()


def _extend_columns() -> None:
    """New columns; a check that comes with its column is written with it, as SQLite can add no other."""
    is_false = "0" if op.get_bind().dialect.name == "sqlite" else "false"
    when_short = f"CONSTRAINT ck_channel_when_short CHECK ({WHEN_SHORT})"
    for table, column in (
        ("cancellation", "cancelled_by VARCHAR"),
        ("channel", f"when_short VARCHAR DEFAULT 'backorder' NOT NULL {when_short}"),
        ("command", "action VARCHAR"),
        ("command", "events INTEGER DEFAULT 0 NOT NULL"),
        ("location", "country VARCHAR(2)"),
        ("sku", f"is_lot_tracked BOOLEAN DEFAULT {is_false} NOT NULL"),
        ("sku", f"list_price_micros BIGINT CONSTRAINT ck_sku_list_price CHECK ({LIST_PRICE})"),
        ("sku", f"list_price_currency VARCHAR(3) CONSTRAINT ck_sku_list_price_currency CHECK ({LIST_PRICE_CURRENCY})"),
        ("stock_move", "command_key VARCHAR"),
    ):
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


def _rebuild(name: str, columns: list[sa.schema.SchemaItem]) -> None:
    """SQLite's way to change a check: a new table takes the rows and then the name; foreign keys are off meanwhile."""
    old = ", ".join(column["name"] for column in sa.inspect(op.get_bind()).get_columns(name))
    op.create_table(f"new_{name}", *columns)
    op.execute(f"INSERT INTO new_{name} ({old}) SELECT {old} FROM {name} ORDER BY id")
    op.drop_table(name)
    op.rename_table(f"new_{name}", name)


def _new_order_columns() -> list[sa.Column]:
    return [
        sa.Column("status_since", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("line_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("value_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("payment_status", sa.String(), server_default="none", nullable=False),
        sa.Column("when_short", sa.String(), nullable=True),
        sa.Column("promised_date", sa.Date(), nullable=True),
        sa.Column("ship_to_id", Id, nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("placed_by", sa.String(), nullable=True),
    ]


ORDER_CHECKS = {
    "ck_sales_order_status": ORDER_STATUS,
    "ck_sales_order_payment_status": PAYMENT_STATUS,
    "ck_sales_order_when_short": f"when_short IS NULL OR {WHEN_SHORT}",
}


def _sales_order() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("channel_id", Id, nullable=False),
        sa.Column("external_ref", sa.String(), nullable=False),
        sa.Column("party_id", Id, nullable=True),
        sa.Column("placed_at", UtcDateTime(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("import_batch_id", Id, nullable=True),
        *_new_order_columns(),
        *(sa.CheckConstraint(check, name=op.f(name)) for name, check in ORDER_CHECKS.items()),
        sa.ForeignKeyConstraint(["channel_id"], ["channel.id"], name=op.f("fk_sales_order_channel_id")),
        sa.ForeignKeyConstraint(["import_batch_id"], ["import_batch.id"], name=op.f("fk_sales_order_import_batch_id")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_sales_order_party_id")),
        sa.ForeignKeyConstraint(["ship_to_id"], ["address.id"], name=op.f("fk_sales_order_ship_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
        sa.UniqueConstraint("channel_id", "external_ref", name=op.f("uq_sales_order_channel_id_external_ref")),
    ]


def _alter_sales_order() -> None:
    op.drop_index("ix_sales_order_party_id", "sales_order")
    op.drop_index("ix_sales_order_business_date", "sales_order")
    op.drop_index("ix_sales_order_import_batch_id", "sales_order")
    op.drop_constraint(op.f("ck_sales_order_status"), "sales_order", type_="check")
    for column in _new_order_columns():
        op.add_column("sales_order", column)
    for name, check in ORDER_CHECKS.items():
        op.create_check_constraint(op.f(name), "sales_order", check)
    op.create_foreign_key(op.f("fk_sales_order_ship_to_id"), "sales_order", "address", ["ship_to_id"], ["id"])


def _new_line_columns() -> list[sa.Column]:
    return [
        sa.Column("quantity_allocated", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quantity_backordered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("promised_date", sa.Date(), nullable=True),
        sa.Column("bundle_id", Id, nullable=True),
    ]


def _order_line() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("sales_order_id", Id, nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku_id", Id, nullable=False),
        sa.Column("location_id", Id, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("quantity_cancelled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quantity_shipped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quantity_returned", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("unit_price_micros", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("promotion", sa.String(), nullable=True),
        *_new_line_columns(),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_line_quantity")),
        sa.CheckConstraint(PROGRESS, name=op.f("ck_order_line_progress")),
        sa.ForeignKeyConstraint(["bundle_id"], ["sku.id"], name=op.f("fk_order_line_bundle_id")),
        sa.ForeignKeyConstraint(["location_id"], ["location.id"], name=op.f("fk_order_line_location_id")),
        sa.ForeignKeyConstraint(["sales_order_id"], ["sales_order.id"], name=op.f("fk_order_line_sales_order_id")),
        sa.ForeignKeyConstraint(["sku_id"], ["sku.id"], name=op.f("fk_order_line_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
        sa.UniqueConstraint("sales_order_id", "line_no", name=op.f("uq_order_line_sales_order_id_line_no")),
    ]


def _alter_order_line() -> None:
    op.drop_index("ix_order_line_sku_id", "order_line")
    op.drop_constraint(op.f("ck_order_line_progress"), "order_line", type_="check")
    for column in _new_line_columns():
        op.add_column("order_line", column)
    op.create_check_constraint(op.f("ck_order_line_progress"), "order_line", PROGRESS)
    op.create_foreign_key(op.f("fk_order_line_bundle_id"), "order_line", "sku", ["bundle_id"], ["id"])


def _index_orders() -> None:
    op.create_index("ix_sales_order_business_date", "sales_order", ["business_date"])
    op.create_index("ix_sales_order_import_batch_id", "sales_order", ["import_batch_id"])
    op.create_index("ix_sales_order_placed_at_id", "sales_order", ["placed_at", "id"])
    op.create_index("ix_sales_order_status_placed_at_id", "sales_order", ["status", "placed_at", "id"])
    op.create_index("ix_sales_order_party_id_placed_at_id", "sales_order", ["party_id", "placed_at", "id"])
    op.create_index("ix_sales_order_channel_id_placed_at_id", "sales_order", ["channel_id", "placed_at", "id"])
    op.create_index("ix_sales_order_country_placed_at_id", "sales_order", ["country", "placed_at", "id"])
    op.create_index("ix_sales_order_payment_status_placed_at_id", "sales_order", ["payment_status", "placed_at", "id"])
    pattern = " text_pattern_ops" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"CREATE INDEX ix_sales_order_lower_external_ref ON sales_order (lower(external_ref){pattern})")
    op.execute(f"CREATE INDEX ix_party_lower_name ON party (lower(name){pattern})")
    is_open = sa.text("status NOT IN ('shipped', 'closed', 'cancelled')")
    op.create_index(
        "ix_sales_order_open",
        "sales_order",
        ["status", "status_since", "placed_at", "currency", "value_minor"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_order_line_sku_id_id", "order_line", ["sku_id", "id"])
    backordered = sa.text("quantity_backordered > 0")
    op.create_index(
        "ix_order_line_backordered", "order_line", ["sku_id"], sqlite_where=backordered, postgresql_where=backordered
    )


def _count_orders() -> None:
    """Since when, how many lines and which value, for the orders that are there already."""
    op.execute("UPDATE sales_order SET status_since = placed_at")
    op.execute(
        "UPDATE sales_order SET line_count = l.lines, value_minor = l.value FROM (SELECT sales_order_id,"
        " sum(CASE WHEN quantity_cancelled < quantity THEN 1 ELSE 0 END) AS lines,"
        " sum((2 * amount_minor * (quantity - quantity_cancelled) + quantity) / (2 * quantity)) AS value"
        " FROM order_line GROUP BY sales_order_id) AS l WHERE l.sales_order_id = sales_order.id"
    )


def _add_tables() -> None:
    op.create_table('audit_log',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('command_key', sa.String(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('entity', sa.String(), nullable=False),
    sa.Column('entity_id', Id, nullable=False),
    sa.Column('details', sa.String(), nullable=False),
    sa.Column('recorded_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_log'))
    )
    op.create_index('ix_audit_log_entity_entity_id', 'audit_log', ['entity', 'entity_id'], unique=False)

    op.create_table('audit_seal',
    sa.Column('id', Id, autoincrement=False, nullable=False),
    sa.Column('audit_log_id', Id, nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_seal')),
    sa.UniqueConstraint('audit_log_id', name=op.f('uq_audit_seal_audit_log_id'))
    )
    op.create_table('check_run',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('checked_at', UtcDateTime(), nullable=False),
    sa.Column('checked_by', sa.String(), nullable=False),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.Column('broken', sa.BigInteger(), nullable=False),
    sa.Column('findings', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_check_run'))
    )
    op.create_table('address',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('party_id', Id, nullable=True),
    sa.Column('name', sa.String(), nullable=True),
    sa.Column('line1', sa.String(), nullable=True),
    sa.Column('line2', sa.String(), nullable=True),
    sa.Column('postcode', sa.String(), nullable=True),
    sa.Column('city', sa.String(), nullable=True),
    sa.Column('region', sa.String(), nullable=True),
    sa.Column('country', sa.String(length=2), nullable=True),
    sa.ForeignKeyConstraint(['party_id'], ['party.id'], name=op.f('fk_address_party_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_address'))
    )
    op.create_index(op.f('ix_address_party_id'), 'address', ['party_id'], unique=False)

    op.create_table('bundle_component',
    sa.Column('bundle_id', Id, nullable=False),
    sa.Column('component_id', Id, nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('bundle_id <> component_id', name=op.f('ck_bundle_component_not_itself')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_bundle_component_quantity')),
    sa.ForeignKeyConstraint(['bundle_id'], ['sku.id'], name=op.f('fk_bundle_component_bundle_id')),
    sa.ForeignKeyConstraint(['component_id'], ['sku.id'], name=op.f('fk_bundle_component_component_id')),
    sa.PrimaryKeyConstraint('bundle_id', 'component_id', name=op.f('pk_bundle_component'))
    )
    op.create_table('count_sheet',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('location_id', Id, nullable=False),
    sa.Column('counted_at', UtcDateTime(), nullable=False),
    sa.Column('counted_by', sa.String(), nullable=False),
    sa.Column('command_key', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['command_key'], ['command.key'], name=op.f('fk_count_sheet_command_key')),
    sa.ForeignKeyConstraint(['location_id'], ['location.id'], name=op.f('fk_count_sheet_location_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_count_sheet'))
    )
    op.create_index(op.f('ix_count_sheet_location_id'), 'count_sheet', ['location_id'], unique=False)

    op.create_table('lot',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sku_id', Id, nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['sku_id'], ['sku.id'], name=op.f('fk_lot_sku_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot')),
    sa.UniqueConstraint('sku_id', 'code', name=op.f('uq_lot_sku_id_code'))
    )
    op.create_table('outbox',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('command_key', sa.String(), nullable=False),
    sa.Column('topic', sa.String(), nullable=False),
    sa.Column('entity', sa.String(), nullable=False),
    sa.Column('entity_id', Id, nullable=False),
    sa.Column('payload', sa.JSON(), nullable=False),
    sa.Column('recorded_at', UtcDateTime(), nullable=False),
    sa.Column('delivered_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['command_key'], ['command.key'], name=op.f('fk_outbox_command_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_outbox'))
    )
    op.create_index(op.f('ix_outbox_command_key'), 'outbox', ['command_key'], unique=False)

    op.create_table('shipping_lane',
    sa.Column('location_id', Id, nullable=False),
    sa.Column('country', sa.String(length=2), nullable=False),
    sa.Column('parcel_cost_minor', sa.BigInteger(), nullable=False),
    sa.Column('transit_days', sa.Float(), nullable=False),
    sa.CheckConstraint('parcel_cost_minor >= 0', name=op.f('ck_shipping_lane_parcel_cost')),
    sa.CheckConstraint('transit_days >= 0', name=op.f('ck_shipping_lane_transit')),
    sa.ForeignKeyConstraint(['location_id'], ['location.id'], name=op.f('fk_shipping_lane_location_id')),
    sa.PrimaryKeyConstraint('location_id', 'country', name=op.f('pk_shipping_lane'))
    )
    op.create_table('transition',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('machine', sa.String(), nullable=False),
    sa.Column('entity_id', Id, nullable=False),
    sa.Column('from_state', sa.String(), nullable=False),
    sa.Column('event', sa.String(), nullable=False),
    sa.Column('to_state', sa.String(), nullable=False),
    sa.Column('occurred_at', UtcDateTime(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('command_key', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['command_key'], ['command.key'], name=op.f('fk_transition_command_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transition'))
    )
    op.create_index('ix_transition_machine_entity_id', 'transition', ['machine', 'entity_id', 'id'], unique=False)

    op.create_table('discrepancy',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('line_no', sa.Integer(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('is_blocking', sa.Boolean(), nullable=False),
    sa.Column('message', sa.String(), nullable=False),
    sa.Column('suggestion', sa.String(), nullable=False),
    sa.Column('fix', sa.JSON(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('raised_at', UtcDateTime(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('decided_by', sa.String(), nullable=True),
    sa.Column('decision_reason', sa.String(), nullable=True),
    sa.CheckConstraint("(status = 'open') = (decided_at IS NULL)", name=op.f('ck_discrepancy_decided')),
    sa.CheckConstraint("status IN ('open', 'fixed', 'accepted', 'dropped')", name=op.f('ck_discrepancy_status')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_discrepancy_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_discrepancy'))
    )
    op.create_index('ix_discrepancy_open', 'discrepancy', ['raised_at'], unique=False, sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"))
    op.create_index(op.f('ix_discrepancy_sales_order_id'), 'discrepancy', ['sales_order_id'], unique=False)

    op.create_table('order_change',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('request', sa.JSON(), nullable=False),
    sa.Column('priced', sa.JSON(), nullable=False),
    sa.Column('difference_minor', sa.BigInteger(), nullable=False),
    sa.Column('order_version', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('proposed_at', UtcDateTime(), nullable=False),
    sa.Column('proposed_by', sa.String(), nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=True),
    sa.Column('decided_by', sa.String(), nullable=True),
    sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name=op.f('ck_order_change_decided')),
    sa.CheckConstraint("status IN ('proposed', 'confirmed', 'rejected')", name=op.f('ck_order_change_status')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_order_change_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_change'))
    )
    op.create_index(op.f('ix_order_change_sales_order_id'), 'order_change', ['sales_order_id'], unique=False)

    op.create_table('order_draft',
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('request', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_order_draft_sales_order_id')),
    sa.PrimaryKeyConstraint('sales_order_id', name=op.f('pk_order_draft'))
    )
    op.create_table('order_event',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('event', sa.String(), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('occurred_at', UtcDateTime(), nullable=False),
    sa.Column('recorded_at', UtcDateTime(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('command_key', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['command_key'], ['command.key'], name=op.f('fk_order_event_command_key')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_order_event_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_event'))
    )
    op.create_index(op.f('ix_order_event_sales_order_id'), 'order_event', ['sales_order_id'], unique=False)

    op.create_table('order_hold',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('held_at', UtcDateTime(), nullable=False),
    sa.Column('held_by', sa.String(), nullable=False),
    sa.Column('released_at', UtcDateTime(), nullable=True),
    sa.Column('released_by', sa.String(), nullable=True),
    sa.Column('release_reason', sa.String(), nullable=True),
    sa.CheckConstraint("kind IN ('credit', 'address', 'fraud', 'stock', 'review')", name=op.f('ck_order_hold_kind')),
    sa.CheckConstraint('(released_at IS NULL) = (released_by IS NULL)', name=op.f('ck_order_hold_released')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_order_hold_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_hold'))
    )
    op.create_index('uq_order_hold_open', 'order_hold', ['sales_order_id', 'kind'], unique=True, sqlite_where=sa.text('released_at IS NULL'), postgresql_where=sa.text('released_at IS NULL'))

    op.create_table('payment',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('external_ref', sa.String(), nullable=False),
    sa.Column('method', sa.String(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('authorised_minor', sa.BigInteger(), nullable=False),
    sa.Column('captured_minor', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('refunded_minor', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('authorised_at', UtcDateTime(), nullable=False),
    sa.CheckConstraint('0 <= refunded_minor AND refunded_minor <= captured_minor AND captured_minor <= authorised_minor', name=op.f('ck_payment_never_over_refunded')),
    sa.CheckConstraint('authorised_minor > 0', name=op.f('ck_payment_authorised')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_payment_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment')),
    sa.UniqueConstraint('sales_order_id', 'external_ref', name=op.f('uq_payment_sales_order_id_external_ref'))
    )
    op.create_table('routing',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('decided_at', UtcDateTime(), nullable=False),
    sa.Column('parts', sa.JSON(), nullable=False),
    sa.Column('parcels', sa.Integer(), nullable=False),
    sa.Column('cost_minor', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('next_best', sa.JSON(), nullable=False),
    sa.Column('next_best_cost_minor', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('command_key', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['command_key'], ['command.key'], name=op.f('fk_routing_command_key')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_routing_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_routing'))
    )
    op.create_index(op.f('ix_routing_sales_order_id'), 'routing', ['sales_order_id'], unique=False)

    op.create_table('reservation',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('order_line_id', Id, nullable=True),
    sa.Column('sku_id', Id, nullable=False),
    sa.Column('location_id', Id, nullable=False),
    sa.Column('lot_id', Id, server_default=sa.text('0'), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=True),
    sa.Column('reserved_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.Column('resolved_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint("(kind = 'hard' AND order_line_id IS NOT NULL AND expires_at IS NULL) OR (kind = 'soft' AND order_line_id IS NULL AND expires_at IS NOT NULL)", name=op.f('ck_reservation_kind')),
    sa.CheckConstraint("(status = 'active') = (resolved_at IS NULL)", name=op.f('ck_reservation_resolved')),
    sa.CheckConstraint("status IN ('active', 'consumed', 'released', 'expired')", name=op.f('ck_reservation_status')),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_reservation_quantity')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_reservation_order_line_id')),
    sa.ForeignKeyConstraint(['sku_id', 'location_id', 'lot_id'], ['stock_balance.sku_id', 'stock_balance.location_id', 'stock_balance.lot_id'], name='fk_reservation_stock_balance'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reservation'))
    )
    op.create_index('ix_reservation_active', 'reservation', ['sku_id', 'location_id', 'lot_id'], unique=False, sqlite_where=sa.text("status = 'active'"), postgresql_where=sa.text("status = 'active'"))
    op.create_index(op.f('ix_reservation_order_line_id'), 'reservation', ['order_line_id'], unique=False)

    op.create_table('tax_line',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('sales_order_id', Id, nullable=False),
    sa.Column('order_line_id', Id, nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('rate_micros', sa.BigInteger(), nullable=False),
    sa.Column('amount_minor', sa.BigInteger(), nullable=False),
    sa.Column('is_included', sa.Boolean(), nullable=False),
    sa.CheckConstraint('rate_micros >= 0', name=op.f('ck_tax_line_rate')),
    sa.ForeignKeyConstraint(['order_line_id'], ['order_line.id'], name=op.f('fk_tax_line_order_line_id')),
    sa.ForeignKeyConstraint(['sales_order_id'], ['sales_order.id'], name=op.f('fk_tax_line_sales_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tax_line'))
    )
    op.create_index(op.f('ix_tax_line_sales_order_id'), 'tax_line', ['sales_order_id'], unique=False)

    op.create_table('count_line',
    sa.Column('id', Id, autoincrement=True, nullable=False),
    sa.Column('count_sheet_id', Id, nullable=False),
    sa.Column('sku_id', Id, nullable=False),
    sa.Column('lot_id', Id, server_default=sa.text('0'), nullable=False),
    sa.Column('expected', sa.BigInteger(), nullable=False),
    sa.Column('counted', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('stock_move_id', Id, nullable=True),
    sa.CheckConstraint('counted >= 0', name=op.f('ck_count_line_counted')),
    sa.ForeignKeyConstraint(['count_sheet_id'], ['count_sheet.id'], name=op.f('fk_count_line_count_sheet_id')),
    sa.ForeignKeyConstraint(['sku_id'], ['sku.id'], name=op.f('fk_count_line_sku_id')),
    sa.ForeignKeyConstraint(['stock_move_id'], ['stock_move.id'], name=op.f('fk_count_line_stock_move_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_count_line')),
    sa.UniqueConstraint('count_sheet_id', 'sku_id', 'lot_id', name=op.f('uq_count_line_count_sheet_id_sku_id_lot_id'))
    )
    op.create_index(op.f('ix_count_line_sku_id'), 'count_line', ['sku_id'], unique=False)
