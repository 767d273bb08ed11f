"""Demand as it would have been had there been stock."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from forecasting.censoring import unconstrained
from forecasting.frames import panel_from_frame
from forecasting.panel import LEAST_IN_STOCK_SHARE, MOST_UNITS, FloatArray, Panel, periodic_panel
from forecasting.period import DAY, Period


def with_stock_outs(panel: Panel) -> Panel:
    """The panel with demand inferred for periods that its column in_stock says were not, or not wholly, in stock.

    A panel without that column, or always in stock, is given back as it is.
    """
    in_stock = panel.columns.get("in_stock")
    if in_stock is None or (in_stock == 1.0).all():
        return panel
    inferred = np.asarray(unconstrained(panel, in_stock).values)
    return panel.with_values(np.where(inferred > panel.values, np.minimum(inferred, MOST_UNITS), inferred))


def unconstrained_panel(daily: pd.DataFrame, *, as_of: date, period_days: int = 7) -> Panel:
    """Daily demand summed into periods that end on as_of, what sold-out days hid inferred day by day.

    On a day that sold out, sales are only a lower bound of demand, and such days are not like others: often they sold
    out because demand was high. So each day's demand is inferred from the series' own law of demand
    (`forecasting.censoring.unconstrained`), rather than its period scaled up from the days in stock.

    Args:
        daily: unique_id, ds, y and optionally in_stock (a flag or a share of the day), one row per series and day; a
            day without a row is one in stock without demand.
        as_of: Last day that counts.
        period_days: Length of a period.

    Returns:
        Series sorted by unique_id; a period of which less than `LEAST_IN_STOCK_SHARE` was in stock is unknown.

    Raises:
        ValueError: What `panel_from_frame` refuses.
    """
    if "in_stock" not in daily.columns or (daily["in_stock"] == 1).all():
        return periodic_panel(daily, as_of=as_of, period_days=period_days)
    days = panel_from_frame(daily, period="D", as_of=as_of)
    inferred = with_stock_outs(days)
    lengths = days.lengths // period_days
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    starts = days.offsets[1:] - lengths * period_days
    places = np.arange(offsets[-1] * period_days) + np.repeat(
        starts - offsets[:-1] * period_days, lengths * period_days
    )

    def summed(column: FloatArray) -> FloatArray:
        return np.asarray(column[places].reshape(-1, period_days).sum(axis=1))

    known = summed(days.columns["in_stock"]) >= LEAST_IN_STOCK_SHARE * period_days - 1e-9
    values = np.where(known, summed(inferred.values), np.nan)
    ends = np.full(len(days.ids), np.datetime64(as_of, "s"))
    return Panel(days.ids, values, offsets, {}, ends, Period("second", period_days * DAY), days.is_whole)
