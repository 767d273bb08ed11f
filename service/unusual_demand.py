"""One-off bulk orders that nobody has judged yet, for people to judge; until then they are demand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from data import outlier_frames

ONE_ORDER_SHARE = 0.9
"""Share of a day's units from which on its largest order is what stands out."""


def unusual_demand(connection: Connection, demand: pd.DataFrame, accepted: pd.DataFrame) -> pd.DataFrame:
    """Days whose demand stands out from all else that was ordered of the SKU there, by `forecasting.bulk_orders`.

    Args:
        connection: An open transaction, to read the orders of such days.
        demand: unique_id, sku_id, location_id, ds and y (units), without what is excluded already.
        accepted: As `outlier_frames.accepted_days` gives them; these days are not told again.

    Returns:
        unique_id, sku_id, location_id, ds, units, times (as many as the largest other day), why (in words), lines
        (how many order lines), and of the largest line order_id, order, line_no, order_line_id and order_units;
        sorted by unique_id and ds.
    """
    from forecasting.outliers import bulk_orders
    from forecasting.panel import Panel

    ordered = demand[demand["y"] > 0].sort_values(["unique_id", "ds"], ignore_index=True)
    ids, counts = np.unique(ordered["unique_id"].to_numpy(), return_counts=True)
    units = ordered["y"].to_numpy(dtype=np.float64)
    panel = Panel(tuple(ids.tolist()), units, np.concatenate(([0], np.cumsum(counts))))
    found = bulk_orders(panel, accepted=_is_accepted(ordered, accepted))
    days = ordered.loc[found.positions, ["unique_id", "sku_id", "location_id", "ds"]].assign(
        units=units[found.positions], times=found.times, why=list(found.why)
    )
    keys = ["sku_id", "location_id", "ds"]
    lines = outlier_frames.lines_of_days(
        connection,
        zip(days["sku_id"].tolist(), days["location_id"].tolist(), days["ds"].dt.date.tolist(), strict=True),
    )
    largest = lines.groupby(keys, as_index=False).first().rename(columns={"units": "order_units"})
    largest = largest.merge(lines.groupby(keys, as_index=False).size().rename(columns={"size": "lines"}), on=keys)
    return days.merge(largest, on=keys, how="left").sort_values(["unique_id", "ds"], ignore_index=True)


def unusual_words(day: Any) -> str:
    """A row of `unusual_demand` in words, with what to do about it."""
    when = f"on {day.ds.day} {day.ds:%b %Y}"
    if day.lines == 1 or day.order_units >= ONE_ORDER_SHARE * day.units:
        what = f"1 order of {day.order_units:,.0f} {when} stands out"
    else:
        what = f"{day.lines:,.0f} order lines of {day.units:,.0f} in all {when} stand out"
    return f"{what}: accept or exclude {'it' if what.endswith('stands out') else 'them'}"


def _is_accepted(ordered: pd.DataFrame, accepted: pd.DataFrame) -> Any:
    everywhere = accepted[accepted["location_id"].isna()]
    somewhere = accepted[accepted["location_id"].notna()].astype({"location_id": np.int64})
    is_accepted = np.zeros(len(ordered), dtype=bool)
    for rows, keys in ((everywhere, ["sku_id", "ds"]), (somewhere, ["sku_id", "location_id", "ds"])):
        if len(rows):
            is_accepted |= pd.MultiIndex.from_frame(ordered[keys]).isin(pd.MultiIndex.from_frame(rows[keys]))
    return is_accepted
