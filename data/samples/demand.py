"""The true demand: what customers would buy if nothing ever ran out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.samples.arrays import FloatArray, IntArray
from data.samples.catalogue import Catalogue
from data.samples.network import StockingPoints
from data.samples.promotions import Promotions
from data.samples.trading_calendar import TradingCalendar

# Order lines a day over all locations, mean of a class, and its spread among the SKUs (log sd).
LINE_RATE = {
    "fast": (1.00, 0.35), "steady": (0.31, 0.35), "seasonal": (0.30, 0.35), "trending": (0.28, 0.3),
    "intermittent": (0.022, 0.35), "new": (0.42, 0.35), "dying": (0.36, 0.3),
}  # fmt: skip

# Monday first, mean one over the week.
WAREHOUSE_WEEKDAY = np.array([1.18, 1.06, 1.02, 0.98, 0.92, 0.82, 1.02])
STORE_WEEKDAY = np.array([0.82, 0.84, 0.92, 1.02, 1.32, 2.08, 0.0])

SAME_DAY_SPREAD = 0.25  # variance of the factor that makes a product's days more uneven than Poisson
COMPANY_DAY_SD = 0.07
YEARLY_GROWTH = 0.07
DECEMBER_LIFT = 0.22


@dataclass(frozen=True)
class TrueDemand:
    """Demand before stock has its say.

    Attributes:
        line_rate: Expected order lines, shape (point, day).
        lines: Order lines, shape (point, day).
        launch_day: First day on sale; 0 for products older than the history, shape (sku,).
    """

    line_rate: FloatArray
    lines: IntArray
    launch_day: IntArray


def true_demand(
    rng: np.random.Generator,
    catalogue: Catalogue,
    points: StockingPoints,
    promotions: Promotions,
    calendar: TradingCalendar,
) -> TrueDemand:
    """Sample the order lines of each stocking point and day."""
    launch_day = _launch_days(rng, catalogue, calendar)
    sku_rate = _base_rates(rng, catalogue)[:, None] * _life(rng, catalogue, calendar, launch_day)
    sku_rate *= promotions.demand_factor()
    weekday = np.where(points.is_store[:, None], _store_days(calendar), _warehouse_days(calendar))
    rate = sku_rate[points.sku] * points.share[:, None] * weekday
    company_day = rng.lognormal(0, COMPANY_DAY_SD, calendar.days)
    product_day = rng.gamma(1 / SAME_DAY_SPREAD, SAME_DAY_SPREAD, rate.shape)
    return TrueDemand(rate, rng.poisson(rate * company_day * product_day), launch_day)


def _base_rates(rng: np.random.Generator, catalogue: Catalogue) -> FloatArray:
    mean, spread = np.array([LINE_RATE[name] for name in catalogue.demand_class]).T
    rates: FloatArray = mean * rng.lognormal(-(spread**2) / 2, spread)
    return rates


def _launch_days(rng: np.random.Generator, catalogue: Catalogue, calendar: TradingCalendar) -> IntArray:
    earliest, latest = int(0.25 * calendar.days), int(0.7 * calendar.days)
    days = rng.integers(earliest, latest, len(catalogue))
    return np.where(catalogue.demand_class == "new", days, 0)


def _store_days(calendar: TradingCalendar) -> FloatArray:
    return (STORE_WEEKDAY[calendar.weekday] * calendar.is_open)[: calendar.days]


def _warehouse_days(calendar: TradingCalendar) -> FloatArray:
    return WAREHOUSE_WEEKDAY[calendar.weekday][: calendar.days]


def _life(
    rng: np.random.Generator, catalogue: Catalogue, calendar: TradingCalendar, launch_day: IntArray
) -> FloatArray:
    """Level over time relative to the base rate, shape (sku, day)."""
    day = np.arange(calendar.days)
    growth = (1 + YEARLY_GROWTH) ** ((day - calendar.days / 2) / 365)
    december = 1 + DECEMBER_LIFT * np.exp(-(((calendar.day_of_year[: calendar.days] - 347) / 14) ** 2))
    life = np.tile(growth * december, (len(catalogue), 1))
    for row, name in enumerate(catalogue.demand_class):
        if name == "seasonal":
            season = christmas_season if catalogue.category[row] == "Gifts" else summer_season
            life[row] = growth * _season(rng, season, calendar)
        elif name in SHAPES:
            life[row] *= SHAPES[name](rng, day, calendar.days, int(launch_day[row]))
    return life


def summer_season(day_of_year: FloatArray) -> FloatArray:
    """Garden and outdoor goods peak in late May, mean about one over the year."""
    return np.exp(1.5 * np.cos(2 * np.pi * (day_of_year - 146) / 365.25)) / 1.6467


def christmas_season(day_of_year: FloatArray) -> FloatArray:
    """Gifts peak in the second week of December, mean about one over the year."""
    return 0.42 + 4.6 * np.exp(-(((day_of_year - 340) / 26) ** 2)) * (day_of_year < 359)


def _season(
    rng: np.random.Generator, season: Callable[[FloatArray], FloatArray], calendar: TradingCalendar
) -> FloatArray:
    shifted = calendar.day_of_year[: calendar.days].astype(np.float64) + rng.normal(0, 5)
    return season(shifted % 365)


def _trending(rng: np.random.Generator, day: IntArray, days: int, _launch: int) -> FloatArray:
    """Grows from well below to well above its mean along an S-curve."""
    turn, span = rng.uniform(0.35, 0.65) * days, rng.uniform(0.10, 0.18) * days
    level: FloatArray = 0.35 + 1.6 / (1 + np.exp(-(day - turn) / span))
    return level


def _dying(rng: np.random.Generator, day: IntArray, days: int, _launch: int) -> FloatArray:
    """Fades to about a tenth by the end."""
    fall = rng.uniform(2.2, 3.4)
    steady_until = rng.uniform(0.1, 0.35) * days
    level: FloatArray = 1.6 * np.exp(-fall * np.maximum(day - steady_until, 0) / days)
    return level


def _new(rng: np.random.Generator, day: IntArray, _days: int, launch: int) -> FloatArray:
    """Nothing before the launch, then a ramp of some weeks."""
    ramp = rng.uniform(14, 45)
    return np.where(day >= launch, 1 - 0.75 * np.exp(-np.maximum(day - launch, 0) / ramp), 0.0)


SHAPES = {"trending": _trending, "dying": _dying, "new": _new}
