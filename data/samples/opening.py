"""Where the history begins: counted stock, and the first purchases of what will be launched."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.samples.arrays import FloatArray, IntArray, labels
from data.samples.catalogue import Catalogue
from data.samples.demand import TrueDemand
from data.samples.network import LOCATIONS, StockingPoints
from data.samples.replenishment import RECENT_DAYS, MinMaxRule

SHARE_OVERSTOCKED = 0.08


@dataclass(frozen=True)
class Opening:
    """The state before the first day.

    Attributes:
        on_hand: Units, shape (point,).
        daily_sales: Usual units a day of the weeks before, shape (point,).
        launch_day: First day on sale, 0 for products already sold, shape (point,).
        launch_quantity: First purchase of a product to be launched, else 0, shape (point,).
    """

    on_hand: IntArray
    daily_sales: FloatArray
    launch_day: IntArray
    launch_quantity: IntArray


def opening(
    rng: np.random.Generator,
    rule: MinMaxRule,
    demand: TrueDemand,
    points: StockingPoints,
    expected_units: FloatArray,
) -> Opening:
    """Enough for a first delivery, sometimes far more; launches as a buyer guesses them.

    Args:
        expected_units: Expected demand, shape (point, day).
    """
    launch_day = demand.launch_day[points.sku]
    daily_sales = expected_units[:, :RECENT_DAYS].mean(axis=1)
    counted = _counted(rng, rule, daily_sales)
    guess = _launch_guess(rng, rule, launch_day, expected_units)
    return Opening(
        on_hand=np.where(launch_day > 0, 0, counted),
        daily_sales=daily_sales,
        launch_day=launch_day,
        launch_quantity=np.where(launch_day > 0, rule.in_packs(np.arange(len(points)), guess), 0),
    )


def _counted(rng: np.random.Generator, rule: MinMaxRule, daily_sales: FloatArray) -> IntArray:
    cover_days = rule.minimum_days + rng.uniform(0, 1, len(daily_sales)) * rule.cover_days
    cover_days *= np.where(rng.random(len(daily_sales)) < SHARE_OVERSTOCKED, 3.0, 1.0)
    return np.ceil(daily_sales * cover_days + rng.uniform(1, 4, len(daily_sales))).astype(np.int64)


def _launch_guess(
    rng: np.random.Generator, rule: MinMaxRule, launch_day: IntArray, expected_units: FloatArray
) -> FloatArray:
    daily = expected_units.sum(axis=1) / (expected_units.shape[1] - launch_day)
    guess: FloatArray = daily * (rule.minimum_days + rule.cover_days) * rng.lognormal(-0.1, 0.4, len(daily))
    return guess


def opening_stock_frame(catalogue: Catalogue, points: StockingPoints, start: Opening) -> pd.DataFrame:
    """The import layout of the opening stock file, without what is not launched yet."""
    known = np.flatnonzero(start.launch_day == 0)
    return pd.DataFrame(
        {
            "sku": catalogue.sku[points.sku[known]],
            "location": labels(LOCATIONS, points.location[known]),
            "on_hand": start.on_hand[known],
            "on_order": np.zeros(len(known), dtype=np.int64),
            "expected_date": np.full(len(known), np.datetime64("NaT"), dtype="datetime64[us]"),
        }
    )
