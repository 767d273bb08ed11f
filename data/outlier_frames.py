"""What was decided on unusual days of demand, and the orders that such a day consists of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, or_, select

from data.schema import order_line, outlier_decision, sales_order

_CHUNK = 500
"""Values that one statement names at most; SQLite refuses very long ones."""


def accepted_days(connection: Connection, *, as_of: date, closed_at: datetime) -> pd.DataFrame:
    """Days of demand up to `as_of` that a person accepted, or an order line of theirs, as known at a moment.

    Of several decisions about the same the newest counts, and one about a whole day settles those about its lines.

    Returns:
        sku_id, location_id (missing: at all places) and ds (datetime64), sorted.
    """
    c = outlier_decision.c
    wanted = (
        select(c.sku_id, c.location_id, c.day, c.order_line_id, c.decision)
        .where(c.day <= as_of, c.recorded_at < closed_at, or_(c.withdrawn_at.is_(None), c.withdrawn_at >= closed_at))
        .order_by(c.recorded_at, c.id)
    )
    everywhere: dict[tuple[int, date], bool] = {}
    here: dict[tuple[int, date], dict[int, set[int | None]]] = {}
    for sku_id, location_id, day, line, decision in connection.execute(wanted):
        places = here.setdefault((sku_id, day), {})
        if location_id is None:
            places.clear()
            everywhere[sku_id, day] = decision == "accepted"
            continue
        about = places.setdefault(location_id, {None} if everywhere.get((sku_id, day)) else set())
        if line is None:
            about.clear()
        if decision == "accepted":
            about.add(line)
        else:
            about.discard(line)
    rows: list[tuple[int, int | None, date]] = [
        (sku_id, None, day) for (sku_id, day), is_accepted in everywhere.items() if is_accepted
    ]
    rows += [(sku_id, place, day) for (sku_id, day), places in here.items() for place, about in places.items() if about]
    rows.sort(key=lambda row: (row[0], row[1] or 0, row[2]))
    frame = pd.DataFrame(rows, columns=["sku_id", "location_id", "ds"])
    return frame.astype({"sku_id": np.int64, "location_id": "Int64", "ds": "datetime64[s]"})


def lines_of_days(connection: Connection, days: Iterable[tuple[int, int, date]]) -> pd.DataFrame:
    """The order lines that demand of a SKU, at a place, on a day consists of, the largest of each day first.

    Returns:
        sku_id, location_id, ds (datetime64), order_id, order (as it is known outside), line_no, order_line_id and
        units (ordered, less cancelled before shipping; above 0).
    """
    wanted = set(days)
    skus = sorted({sku_id for sku_id, _, _ in wanted})
    dates = sorted({day for _, _, day in wanted})
    line, order = order_line.c, sales_order.c
    units = (line.quantity - line.quantity_cancelled).label("units")
    rows = []
    for start in range(0, len(skus), _CHUNK):
        found = connection.execute(
            select(
                line.sku_id, line.location_id, order.business_date, order.id, order.external_ref, line.line_no,
                line.id, units,
            )
            .join_from(order_line, sales_order, line.sales_order_id == order.id)
            .where(line.sku_id.in_(skus[start : start + _CHUNK]), order.business_date.between(dates[0], dates[-1]))
            .where(line.quantity > line.quantity_cancelled)
        )  # fmt: skip
        rows += [tuple(row) for row in found if (row[0], row[1], row[2]) in wanted]
    rows.sort(key=lambda row: (row[0], row[1], row[2], -row[7], row[6]))
    columns = ["sku_id", "location_id", "ds", "order_id", "order", "line_no", "order_line_id", "units"]
    frame = pd.DataFrame(rows, columns=columns)
    whole = ("sku_id", "location_id", "order_id", "line_no", "order_line_id", "units")
    return frame.astype({"ds": "datetime64[s]", **dict.fromkeys(whole, np.int64)})
