"""What no real company knows: the demand, classes and launches behind the files."""

import numpy as np
import pandas as pd

from data.samples.arrays import FloatArray, IntArray, labels
from data.samples.demand import TrueDemand
from data.samples.history import History
from data.samples.network import LOCATIONS
from data.samples.stock_flow import OUT_OF_STOCK
from data.samples.trading_calendar import DAY, NOT_YET


def demand_truth(history: History, demand: TrueDemand, expected_units: FloatArray) -> pd.DataFrame:
    """One row per stocking point and day on sale."""
    points, days = history.points, history.calendar.days
    point, day = np.divmod(np.arange(len(points) * days), days)
    truth = pd.DataFrame(
        {
            "sku": history.catalogue.sku[points.sku[point]],
            "location": labels(LOCATIONS, points.location[point]),
            "date": history.calendar.midnights(day),
            "demand_rate": expected_units.ravel(),
            "demand": _units_by_day(history, history.lines.quantity),
            "lost_units": _units_by_day(history, _lost_units(history)),
        }
    )
    return truth[day >= demand.launch_day[points.sku[point]]].reset_index(drop=True)


def _lost_units(history: History) -> IntArray:
    """Units not had for want of stock, shape (line,)."""
    outcome = history.outcome
    cancelled = outcome.cancelled * (outcome.cancel_reason == OUT_OF_STOCK)
    lost: IntArray = history.lines.quantity - outcome.recorded + cancelled
    return lost


def _units_by_day(history: History, units: IntArray) -> IntArray:
    """Sums per stocking point and day of ordering, flattened."""
    days = history.calendar.days
    cell = history.lines.point * days + history.orders.placed[history.lines.order] // DAY
    return np.bincount(cell, units, len(history.points) * days).astype(np.int64)


def item_truth(history: History, demand: TrueDemand) -> pd.DataFrame:
    """sku, demand_class and launch_date."""
    launch = np.where(demand.launch_day > 0, demand.launch_day * DAY, NOT_YET)
    return pd.DataFrame(
        {
            "sku": history.catalogue.sku,
            "demand_class": history.catalogue.demand_class,
            "launch_date": history.calendar.timestamps(launch),
        }
    )
