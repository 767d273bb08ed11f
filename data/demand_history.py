"""Rows to long frames: what was demanded where on which day, and when there was nothing to sell."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, bindparam, text

from data.schema import UtcDateTime


def daily_demand(connection: Connection, *, as_of: date, currency: str) -> pd.DataFrame:
    """Demand per SKU, location and business day on which there was any, up to and with `as_of`.

    Demand is what was ordered less what was cancelled before shipping, dated when ordered. Returns never
    reduce it.

    Returns:
        sku_id, location_id, ds (datetime64), y (units, > 0), and of what was sold in `currency` the units
        (priced) and their value in its minor units (value), sorted by SKU, location and day.
    """
    rows = connection.execute(
        text(
            "SELECT l.sku_id, l.location_id, o.business_date, sum(l.quantity - l.quantity_cancelled),"
            " sum(CASE WHEN o.currency = :currency THEN l.quantity - l.quantity_cancelled ELSE 0 END),"
            " sum(CASE WHEN o.currency = :currency"
            " THEN l.amount_minor * 1.0 * (l.quantity - l.quantity_cancelled) / l.quantity ELSE 0 END)"
            " FROM sales_order o JOIN order_line l ON l.sales_order_id = o.id"
            " WHERE o.business_date <= :as_of AND l.quantity > l.quantity_cancelled"
            " GROUP BY l.sku_id, l.location_id, o.business_date ORDER BY 1, 2, 3"
        ),
        {"as_of": as_of.isoformat() if connection.dialect.name == "sqlite" else as_of, "currency": currency},
    ).all()
    columns = list(zip(*rows, strict=True)) or [()] * 6
    return pd.DataFrame(
        {
            "sku_id": np.array(columns[0], dtype=np.int64),
            "location_id": np.array(columns[1], dtype=np.int64),
            "ds": np.array(columns[2], dtype="datetime64[D]").astype("datetime64[s]"),
            "y": np.array(columns[3], dtype=np.float64),
            "priced": np.array(columns[4], dtype=np.float64),
            "value": np.array(columns[5], dtype=np.float64),
        }
    )


def stock_out_days(connection: Connection, *, as_of: date, closed_at: datetime, time_zone: str) -> pd.DataFrame:
    """Days that ended without stock, from the first movement of each SKU at each place of ours.

    Where stock was never counted the ledger knows nothing, and there are no rows.

    Args:
        connection: An open transaction.
        as_of: Last day.
        closed_at: The moment at which that day ends.
        time_zone: The zone in which a day is meant.

    Returns:
        sku_id, location_id, ds (datetime64), sorted.
    """
    closing = daily_closing_stock(connection, closed_at=closed_at, time_zone=time_zone)
    empty = closing[closing["on_hand"] <= 0]
    end = np.datetime64(as_of, "D") + 1
    first = empty["ds"].to_numpy().astype("datetime64[D]")
    until = np.where(np.isnat(empty["next_ds"]), end, empty["next_ds"].to_numpy().astype("datetime64[D]"))
    lengths = np.maximum((until - first).astype(np.int64), 0)
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pd.DataFrame(
        {
            "sku_id": np.repeat(empty["sku_id"].to_numpy(), lengths),
            "location_id": np.repeat(empty["location_id"].to_numpy(), lengths),
            "ds": (np.repeat(first, lengths) + offsets).astype("datetime64[s]"),
        }
    )


def daily_closing_stock(
    connection: Connection, *, closed_at: datetime, time_zone: str, sku_id: int | None = None
) -> pd.DataFrame:
    """On hand at the end of each day with a movement, at every place of ours.

    Returns:
        sku_id, location_id, ds (datetime64), on_hand (units) and next_ds (the next such day, NaT for the
        last), sorted by SKU, location and day.
    """
    one_sku = "" if sku_id is None else " AND m.sku_id = :sku_id"
    statement = text(
        "SELECT m.sku_id, p.id, m.effective_at,"
        " CASE WHEN m.destination_location_id = p.id THEN m.quantity ELSE -m.quantity END"
        " FROM location p JOIN stock_move m ON p.id IN (m.source_location_id, m.destination_location_id)"
        f" WHERE NOT p.is_external AND m.effective_at < :closed_at{one_sku}"
    ).bindparams(bindparam("closed_at", type_=UtcDateTime()))
    values: dict[str, Any] = {"closed_at": closed_at} | ({} if sku_id is None else {"sku_id": sku_id})
    rows = connection.execute(statement, values).all()
    columns = list(zip(*rows, strict=True)) or [()] * 4
    moved = pd.DataFrame(
        {
            "sku_id": np.array(columns[0], dtype=np.int64),
            "location_id": np.array(columns[1], dtype=np.int64),
            "ds": business_days(columns[2], time_zone),
            "change": np.array(columns[3], dtype=np.int64),
        }
    )
    keys = ["sku_id", "location_id"]
    days = moved.groupby([*keys, "ds"], as_index=False, sort=True)["change"].sum()
    days["on_hand"] = days.groupby(keys)["change"].cumsum()
    days["next_ds"] = days.groupby(keys)["ds"].shift(-1)
    return days.drop(columns="change")


def business_days(moments: Any, time_zone: str) -> Any:
    """The date, where the business is, of each UTC moment as the database gives it; datetime64[s]."""
    utc = pd.to_datetime(pd.Series(list(moments), dtype=object), utc=True, format="ISO8601")
    return utc.dt.tz_convert(time_zone).dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype("datetime64[s]")
