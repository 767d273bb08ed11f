"""What the planner says of demand as rows: overrides, events, successions, analogues and decisions on outliers.

A row holds from the moment at which it was recorded until it is withdrawn; nothing of it changes but that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, func, insert, select, text, update

from data.schema import (
    demand_event,
    forecast_override,
    item_analogue,
    item_succession,
    location,
    order_line,
    outlier_decision,
    plan_run,
    recommendation,
    sales_order,
    sku,
)

TABLES: dict[str, Table] = {
    "override": forecast_override,
    "event": demand_event,
    "succession": item_succession,
    "analogue": item_analogue,
    "outlier": outlier_decision,
}
"""What people call it → its table."""


def add(connection: Connection, kind: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Write rows of one kind (a name of `TABLES`); their ids, in the same order."""
    table = TABLES[kind]
    return [int(connection.execute(insert(table).values(**row).returning(table.c.id)).scalar_one()) for row in rows]


def withdraw(connection: Connection, kind: str, row_id: int, *, at: datetime, by: str, reason: str | None) -> bool:
    """Take a row back; False when there is none, or somebody did so already."""
    table = TABLES[kind]
    values = {"withdrawn_at": at, "withdrawn_by": by, "withdrawal_reason": reason}
    open_row = (table.c.id == row_id) & table.c.withdrawn_at.is_(None)
    return connection.execute(update(table).where(open_row).values(values)).rowcount == 1


def hold_successions(connection: Connection) -> None:
    """Let no one else add successions until this transaction ends: two of them could close a circle together."""
    if connection.dialect.name != "sqlite":  # where every writer holds the whole file
        connection.execute(text("LOCK TABLE item_succession IN SHARE ROW EXCLUSIVE MODE"))


def hold_analogues(connection: Connection, sku_id: int) -> None:
    """Let no one else say what a SKU is like until this transaction ends."""
    connection.execute(select(sku.c.id).where(sku.c.id == sku_id).with_for_update(key_share=True))


# Reading for people and for rules; the newest last


def overrides(
    connection: Connection, *, sku_id: int | None = None, number: int | None = None, is_open: bool = False
) -> Sequence[Row[Any]]:
    """Overrides with the names of their SKU and location, those that nobody withdrew (`is_open`) or all."""
    table = forecast_override
    wanted = _named(table, table.c.sku_id).add_columns(location.c.code.label("location")).order_by(table.c.id)
    return connection.execute(_some(wanted, table, number, is_open, sku_id)).all()


def events(connection: Connection, *, number: int | None = None, is_open: bool = False) -> Sequence[Row[Any]]:
    """Events with the names of their SKU and location, by their first day."""
    table = demand_event
    wanted = _named(table, table.c.sku_id).add_columns(location.c.code.label("location"))
    return connection.execute(_some(wanted, table, number, is_open).order_by(table.c.from_date, table.c.id)).all()


def successions(connection: Connection, *, number: int | None = None, is_open: bool = False) -> Sequence[Row[Any]]:
    """Successions with the names of both SKUs."""
    old, new, table = sku.alias("old_sku"), sku.alias("new_sku"), item_succession
    wanted = (
        select(table, old.c.display_code.label("old"), new.c.display_code.label("new"))
        .join(old, old.c.id == table.c.old_sku_id)
        .join(new, new.c.id == table.c.new_sku_id)
        .order_by(table.c.id)
    )
    return connection.execute(_some(wanted, table, number, is_open)).all()


def analogues(
    connection: Connection, *, sku_id: int | None = None, number: int | None = None, is_open: bool = False
) -> Sequence[Row[Any]]:
    """Analogues with the names of both SKUs."""
    new, like, table = sku.alias("new_sku"), sku.alias("like_sku"), item_analogue
    wanted = (
        select(table, new.c.display_code.label("sku"), like.c.display_code.label("analogue"))
        .join(new, new.c.id == table.c.sku_id)
        .join(like, like.c.id == table.c.analogue_sku_id)
        .order_by(new.c.code, table.c.id)
    )
    return connection.execute(_some(wanted, table, number, is_open, sku_id)).all()


def outlier_decisions(
    connection: Connection, *, sku_id: int | None = None, number: int | None = None, is_open: bool = False
) -> Sequence[Row[Any]]:
    """Decisions on outliers with the names of SKU and location, and the order and line where one is meant."""
    table = outlier_decision
    wanted = (
        _named(table, table.c.sku_id)
        .add_columns(location.c.code.label("location"), sales_order.c.external_ref.label("order"), order_line.c.line_no)
        .outerjoin(order_line, order_line.c.id == table.c.order_line_id)
        .outerjoin(sales_order, sales_order.c.id == order_line.c.sales_order_id)
        .order_by(table.c.id)
    )
    return connection.execute(_some(wanted, table, number, is_open, sku_id)).all()


def _named(table: Table, sku_id: Any) -> Select[Any]:
    return (
        select(table, sku.c.display_code.label("sku"))
        .outerjoin(sku, sku.c.id == sku_id)
        .outerjoin(location, location.c.id == table.c.location_id)
    )


def _some(
    wanted: Select[Any], table: Table, number: int | None, is_open: bool, sku_id: int | None = None
) -> Select[Any]:
    if number is not None:
        wanted = wanted.where(table.c.id == number)
    if sku_id is not None:
        wanted = wanted.where(table.c.sku_id == sku_id)
    return wanted.where(table.c.withdrawn_at.is_(None)) if is_open else wanted


# What the rules ask about the rest of the data


def category_named(connection: Connection, name: str) -> str | None:
    """The category as the items spell it, if any item is in it, whatever the case of its letters."""
    wanted = select(sku.c.category).where(func.lower(sku.c.category) == name.lower()).order_by(sku.c.category)
    return connection.execute(wanted.limit(1)).scalar_one_or_none()


def statistical_rate(connection: Connection, *, sku_id: int, location_id: int | None) -> float | None:
    """Units a week that the newest plan's forecast expects without the planner, at one place or over all.

    None where the newest plan does not hold the SKU (there).
    """
    newest = select(func.max(plan_run.c.id)).scalar_subquery()
    wanted = select(recommendation.c.numbers).where(
        recommendation.c.plan_run_id == newest, recommendation.c.sku_id == sku_id
    )
    if location_id is not None:
        wanted = wanted.where(recommendation.c.location_id == location_id)
    numbers = connection.execute(wanted).scalars().all()
    rates = [one.get("weekly_rate_statistical", one.get("weekly_rate")) for one in numbers]
    known = [float(rate) for rate in rates if rate is not None]
    return sum(known) if known else None


def line_of_order(connection: Connection, order_id: int, line_no: int) -> Any:
    """id, sku_id, location_id and business_date of an order's line, if there is one."""
    wanted = (
        select(order_line.c.id, order_line.c.sku_id, order_line.c.location_id, sales_order.c.business_date)
        .join(sales_order, sales_order.c.id == order_line.c.sales_order_id)
        .where(sales_order.c.id == order_id, order_line.c.line_no == line_no)
    )
    return connection.execute(wanted).one_or_none()


def lines_named(connection: Connection, order: str, sku_code: str) -> Sequence[Any]:
    """sales_order_id and line_no of a SKU's lines in the orders of a reference, or in the order #id."""
    wanted = (
        select(order_line.c.sales_order_id, order_line.c.line_no)
        .join(sales_order, sales_order.c.id == order_line.c.sales_order_id)
        .join(sku, sku.c.id == order_line.c.sku_id)
        .where(sku.c.code == sku_code)
        .order_by(order_line.c.sales_order_id, order_line.c.line_no)
    )
    is_id = order.startswith("#") and order[1:].isdigit()
    named = sales_order.c.id == int(order[1:]) if is_id else func.lower(sales_order.c.external_ref) == order.lower()
    return connection.execute(wanted.where(named)).all()


def was_ordered_on(connection: Connection, *, sku_id: int, location_id: int | None, day: date | None) -> bool:
    """Whether anything of a SKU was ordered on a business day (at that place)."""
    wanted = (
        select(order_line.c.id)
        .join(sales_order, sales_order.c.id == order_line.c.sales_order_id)
        .where(order_line.c.sku_id == sku_id, sales_order.c.business_date == day)
    )
    if location_id is not None:
        wanted = wanted.where(order_line.c.location_id == location_id)
    return connection.execute(wanted.limit(1)).first() is not None
