"""Rows behind the read-only questions: what was sold, is late, was decided, happened to one item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, Table, case, func, select

from data.schema import (
    channel,
    check_run,
    decision,
    discrepancy,
    import_batch,
    order_line,
    outbox,
    parcel,
    party,
    plan_run,
    proof_run,
    purchase_order,
    purchase_order_line,
    recommendation,
    rma,
    rma_line,
    sales_order,
    sku,
    stock_balance,
    term,
    transition,
)

_TRACED = 200


def data_version(connection: Connection) -> str:
    """A text that changes with every import, plan, proof, decision, term, check and command, so that reads can be kept.

    Its cost does not grow with the data.
    """
    tables = (plan_run, decision, import_batch, proof_run, purchase_order_line, check_run)
    newest = [func.max(table.c.id) for table in tables]
    counts = [connection.execute(select(number)).scalar() or 0 for number in newest]
    set_at = connection.execute(select(func.max(term.c.set_at))).scalar()
    return "-".join(map(str, [*counts, *_trace(connection, outbox), *_trace(connection, transition), set_at]))


def _trace(connection: Connection, table: Table) -> tuple[int, int]:
    """What the newest ids of a table leave: the largest, and the sum of the last ones.

    On PostgreSQL a command may commit after one that began later and took higher ids: the largest id alone would
    hide it.
    """
    last = select(table.c.id).order_by(table.c.id.desc()).limit(_TRACED).subquery()
    largest, total = connection.execute(select(func.max(last.c.id), func.sum(last.c.id))).one()
    return int(largest or 0), int(total or 0)


def history_version(connection: Connection) -> str:
    """A text that changes with every import, plan and term, but not with decisions."""
    newest = [func.max(table.c.id) for table in (plan_run, import_batch)]
    counts = [connection.execute(select(number)).scalar() or 0 for number in newest]
    set_at = connection.execute(select(func.max(term.c.set_at))).scalar()
    return "-".join(map(str, [*counts, set_at]))


def has_orders(connection: Connection) -> bool:
    """Whether any order was ever imported."""
    return connection.execute(select(sales_order.c.id).limit(1)).scalar() is not None


def channels(connection: Connection) -> list[str]:
    """Codes of the sales channels."""
    return list(connection.execute(select(channel.c.code).order_by(channel.c.code)).scalars())


@dataclass(frozen=True)
class StuckOrders:
    """Orders that wait for somebody's decision, and what those on hold are worth in one currency."""

    drafts: int
    on_hold: int
    value_minor: int
    discrepancies: int

    @property
    def orders(self) -> int:
        return self.drafts + self.on_hold


def stuck_orders(connection: Connection, *, currency: str) -> StuckOrders:
    """Drafts and orders on hold; `value_minor` is of those in the currency."""
    order = sales_order.c
    is_held = order.status == "on_hold"
    rows = connection.execute(
        select(
            func.sum(case((is_held, 0), else_=1)),
            func.sum(case((is_held, 1), else_=0)),
            func.sum(case((is_held & (order.currency == currency), order.value_minor), else_=0)),
        ).where(order.status.in_(("draft", "on_hold")))
    ).one()
    open_ones = select(func.count()).select_from(discrepancy).where(discrepancy.c.status == "open")
    drafts, on_hold, value = (int(number or 0) for number in rows)
    return StuckOrders(drafts, on_hold, value, int(connection.execute(open_ones).scalar_one()))


def has_counted_stock(connection: Connection) -> bool:
    """Whether stock was ever counted, received or moved at a place of ours."""
    wanted = select(stock_balance.c.sku_id).where(~stock_balance.c.is_external).limit(1)
    return connection.execute(wanted).scalar() is not None


def daily_sales(connection: Connection, *, after: date, until: date, currency: str) -> pd.DataFrame:
    """What was ordered and not cancelled per business day, all SKUs together.

    Returns:
        ds (datetime64), units, value (minor units, of what was sold in that currency).
    """
    line = order_line.c
    kept = line.quantity - line.quantity_cancelled
    value = line.amount_minor * 1.0 * kept / line.quantity
    wanted = (
        select(
            sales_order.c.business_date,
            func.sum(kept),
            func.sum(case((sales_order.c.currency == currency, value), else_=0)),
        )
        .join_from(sales_order, order_line)
        .where(sales_order.c.business_date > after, sales_order.c.business_date <= until)
        .group_by(sales_order.c.business_date)
    )
    return _daily(connection, wanted)


def daily_returns(connection: Connection, *, after: date, until: date, currency: str) -> pd.DataFrame:
    """What came back per business day.

    Returns:
        ds (datetime64), units, value (minor units, of what was credited in that currency).
    """
    value = func.sum(case((rma.c.currency == currency, rma_line.c.amount_minor), else_=0))
    wanted = (
        select(rma.c.business_date, func.sum(rma_line.c.quantity), value)
        .join_from(rma, rma_line)
        .where(rma.c.business_date > after, rma.c.business_date <= until)
        .group_by(rma.c.business_date)
    )
    return _daily(connection, wanted)


def last_sold(connection: Connection) -> pd.DataFrame:
    """The last business day on which each SKU was ordered at each location.

    Returns:
        sku_id, location_id, last_sold (date).
    """
    wanted = (
        select(order_line.c.sku_id, order_line.c.location_id, func.max(sales_order.c.business_date))
        .join_from(order_line, sales_order)
        .group_by(order_line.c.sku_id, order_line.c.location_id)
    )
    return _frame(connection, wanted, ["sku_id", "location_id", "last_sold"])


def standing_decisions(connection: Connection, plan: int) -> Sequence[Mapping[str, Any]]:
    """The newest decision on each recommendation of a plan, with the purchase order that it made.

    Returns:
        recommendation_id, decision_id, outcome, quantity, reason, decided_at, decided_by, purchase_order and
        purchase_order_status.
    """
    newest = (
        select(func.max(decision.c.id))
        .join_from(decision, recommendation)
        .where(recommendation.c.plan_run_id == plan)
        .group_by(decision.c.recommendation_id)
    )
    wanted = (
        select(
            decision.c.recommendation_id,
            decision.c.id.label("decision_id"),
            decision.c.outcome,
            decision.c.quantity,
            decision.c.reason,
            decision.c.decided_at,
            decision.c.decided_by,
            purchase_order.c.number.label("purchase_order"),
            purchase_order.c.status.label("purchase_order_status"),
        )
        .select_from(decision)
        .outerjoin(purchase_order_line, decision.c.purchase_order_line_id == purchase_order_line.c.id)
        .outerjoin(purchase_order, purchase_order_line.c.purchase_order_id == purchase_order.c.id)
        .where(decision.c.id.in_(newest))
    )
    return [dict(row._mapping) for row in connection.execute(wanted)]


def open_purchase_lines(connection: Connection) -> pd.DataFrame:
    """What is bought, or drafted, and has not come.

    Returns:
        number, status, supplier, sku_id, sku, name, location_id, expected_date, open_quantity, unit_cost.
    """
    line = purchase_order_line.c
    open_quantity = line.quantity - line.quantity_received - line.quantity_cancelled
    wanted = (
        select(
            purchase_order.c.number,
            purchase_order.c.status,
            party.c.name,
            line.sku_id,
            sku.c.display_code,
            sku.c.name,
            purchase_order.c.location_id,
            line.expected_date,
            open_quantity,
            line.unit_cost_micros / 1e6,
        )
        .join_from(purchase_order_line, purchase_order)
        .join(sku, line.sku_id == sku.c.id)
        .outerjoin(party, purchase_order.c.supplier_id == party.c.id)
        .where(purchase_order.c.status.in_(("draft", "ordered")), open_quantity > 0)
        .order_by(line.expected_date, purchase_order.c.number, line.line_no)
    )
    return _frame(
        connection,
        wanted,
        ["number", "status", "supplier", "sku_id", "sku", "name", "location_id", "expected_date",
         "open_quantity", "unit_cost"],
    )  # fmt: skip


def purchases_by_day(connection: Connection, *, since: datetime) -> pd.DataFrame:
    """Value of what was ordered from suppliers (drafts left out).

    Returns:
        ordered_at (UTC), value (money, at cost).
    """
    line = purchase_order_line.c
    wanted = (
        select(purchase_order.c.ordered_at, func.sum(line.quantity * line.unit_cost_micros / 1e6))
        .join_from(purchase_order, purchase_order_line)
        .where(purchase_order.c.ordered_at >= since, purchase_order.c.status.in_(("ordered", "received")))
        .group_by(purchase_order.c.id, purchase_order.c.ordered_at)
    )
    return _frame(connection, wanted, ["ordered_at", "value"])


def parcels_in_trouble(connection: Connection, *, as_of: date, lost_since: datetime) -> pd.DataFrame:
    """Parcels under way past their promised day, and those lost since a moment.

    Returns:
        status, carrier, service, tracking_number, order, promised_date, shipped_at, value (minor units of the
        order's goods).
    """
    goods = (
        select(func.sum(order_line.c.amount_minor))
        .where(order_line.c.sales_order_id == parcel.c.sales_order_id)
        .scalar_subquery()
    )
    is_overdue = (parcel.c.status == "in_transit") & (parcel.c.promised_date < as_of)
    is_lost = (parcel.c.status == "lost") & (parcel.c.shipped_at >= lost_since)
    wanted = (
        select(
            parcel.c.status,
            parcel.c.carrier,
            parcel.c.service,
            parcel.c.tracking_number,
            sales_order.c.external_ref,
            parcel.c.promised_date,
            parcel.c.shipped_at,
            func.coalesce(goods, 0),
        )
        .join_from(parcel, sales_order)
        .where(is_overdue | is_lost)
        .order_by(parcel.c.promised_date, parcel.c.tracking_number)
    )
    return _frame(
        connection,
        wanted,
        ["status", "carrier", "service", "tracking_number", "order", "promised_date", "shipped_at", "value"],
    )


# One item


def item_orders(connection: Connection, *, sku_id: int, location_id: int, limit: int) -> pd.DataFrame:
    """The newest customer orders of a SKU at a location.

    Returns:
        business_date, order, channel, country, quantity, cancelled, shipped, unit_price, currency, promotion.
    """
    line = order_line.c
    wanted = (
        select(
            sales_order.c.business_date,
            sales_order.c.external_ref,
            channel.c.code,
            sales_order.c.country,
            line.quantity,
            line.quantity_cancelled,
            line.quantity_shipped,
            line.unit_price_micros / 1e6,
            sales_order.c.currency,
            line.promotion,
        )
        .join_from(order_line, sales_order)
        .join(channel, sales_order.c.channel_id == channel.c.id)
        .where(line.sku_id == sku_id, line.location_id == location_id)
        .order_by(sales_order.c.placed_at.desc(), line.id.desc())
        .limit(limit)
    )
    return _frame(
        connection,
        wanted,
        ["business_date", "order", "channel", "country", "quantity", "cancelled", "shipped", "unit_price",
         "currency", "promotion"],
    )  # fmt: skip


def item_purchases(connection: Connection, *, sku_id: int, location_id: int, limit: int) -> pd.DataFrame:
    """The newest purchase orders of a SKU for a location, open ones first.

    Returns:
        number, status, supplier, ordered_at, expected_date, received_at, quantity, received, cancelled,
        unit_cost.
    """
    line = purchase_order_line.c
    settled = line.quantity_received + line.quantity_cancelled >= line.quantity
    wanted = (
        select(
            purchase_order.c.number,
            purchase_order.c.status,
            party.c.name,
            purchase_order.c.ordered_at,
            line.expected_date,
            line.received_at,
            line.quantity,
            line.quantity_received,
            line.quantity_cancelled,
            line.unit_cost_micros / 1e6,
        )
        .join_from(purchase_order_line, purchase_order)
        .outerjoin(party, purchase_order.c.supplier_id == party.c.id)
        .where(line.sku_id == sku_id, purchase_order.c.location_id == location_id)
        .order_by(settled, purchase_order.c.ordered_at.desc(), line.id.desc())
        .limit(limit)
    )
    return _frame(
        connection,
        wanted,
        ["number", "status", "supplier", "ordered_at", "expected_date", "received_at", "quantity", "received",
         "cancelled", "unit_cost"],
    )  # fmt: skip


def item_returns(connection: Connection, *, sku_id: int, location_id: int, since: date) -> pd.DataFrame:
    """Why a SKU came back to a location, most units first.

    Returns:
        reason, disposition, units, returns.
    """
    units = func.sum(rma_line.c.quantity)
    wanted = (
        select(rma_line.c.reason, rma_line.c.disposition, units, func.count())
        .join_from(rma_line, rma)
        .where(rma_line.c.sku_id == sku_id, rma_line.c.location_id == location_id, rma.c.business_date > since)
        .group_by(rma_line.c.reason, rma_line.c.disposition)
        .order_by(units.desc())
    )
    return _frame(connection, wanted, ["reason", "disposition", "units", "returns"])


def item_sold_since(connection: Connection, *, sku_id: int, location_id: int, since: date) -> int:
    """Units of a SKU shipped from a location on orders after a day."""
    wanted = (
        select(func.coalesce(func.sum(order_line.c.quantity_shipped), 0))
        .join_from(order_line, sales_order)
        .where(
            order_line.c.sku_id == sku_id,
            order_line.c.location_id == location_id,
            sales_order.c.business_date > since,
        )
    )
    return int(connection.execute(wanted).scalar_one())


def _daily(connection: Connection, wanted: Select[Any]) -> pd.DataFrame:
    frame = _frame(connection, wanted, ["ds", "units", "value"])
    frame["ds"] = pd.to_datetime(frame["ds"])
    return frame.astype({"units": "float64", "value": "float64"}).sort_values("ds", ignore_index=True)


def _frame(connection: Connection, wanted: Select[Any], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame([tuple(row) for row in connection.execute(wanted)], columns=list(columns))
