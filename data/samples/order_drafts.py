"""Orders as customers would place them, with everything that stock does not decide.

Whether a line ships is left to `stock_flow`; what would become of it afterwards (delivery,
return) is drawn here, so that stock knows in time about the goods that come back.
"""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import FloatArray, IntArray, StrArray
from data.samples.catalogue import Catalogue
from data.samples.customers import B2B, COUNTRIES, STORE_CHANNEL, WEB, Customers, customer_pool
from data.samples.delivery import Deliveries, deliveries
from data.samples.demand import TrueDemand
from data.samples.network import STORE, StockingPoints
from data.samples.trading_calendar import DAY, HOUR, TradingCalendar, moment

MAX_LINES = 8
CHANCE_OF_LAST_LINE = np.array([0.50, 0.56, 0.30])  # by channel: web, store, b2b
B2B_SHARE_OF_LINES = 0.10
CUT_OFF_HOUR = 15

# Share of a channel's orders by hour of the day, from its first hour on.
WEB_HOURS = (8, (3, 5, 7, 8, 7, 6, 5, 5, 5, 6, 8, 10, 11, 8, 4))
STORE_HOURS = (10, (5, 8, 10, 9, 8, 9, 12, 14, 8))
B2B_HOURS = (8, (8, 14, 16, 12, 6, 9, 12, 8, 4))


@dataclass(frozen=True)
class OrderDrafts:
    """Orders sorted by the moment they are placed.

    Attributes:
        placed: Second, shape (order,).
        shipped: Second the goods leave, if any do, shape (order,).
        location: Index into `LOCATIONS`, shape (order,).
        channel: Index into `CHANNELS`, shape (order,).
        customer_id, country: Shape (order,).
        deliveries: One outcome per order.
    """

    placed: IntArray
    shipped: IntArray
    location: IntArray
    channel: IntArray
    customer_id: StrArray
    country: StrArray
    deliveries: Deliveries


@dataclass(frozen=True)
class LineDrafts:
    """Lines sorted by order, no product twice in one order.

    Attributes:
        order: Index into `OrderDrafts`, shape (line,).
        point: Index into `StockingPoints`, shape (line,).
        quantity: Units wanted, shape (line,).
    """

    order: IntArray
    point: IntArray
    quantity: IntArray


def draft_orders(
    rng: np.random.Generator,
    catalogue: Catalogue,
    points: StockingPoints,
    demand: TrueDemand,
    calendar: TradingCalendar,
) -> tuple[OrderDrafts, LineDrafts]:
    """Bundle the demanded lines into orders of customers, up to the end of the history."""
    point, day = _one_row_per_line(rng, demand.lines)
    channel = _channels(rng, points.location[point], calendar.weekday[day])
    quantity = _quantities(rng, catalogue, points.sku[point], channel)
    key = (day * 3 + points.location[point]) * 3 + channel
    row = np.argsort(key, kind="stable")
    basket = _baskets(rng, key[row], channel[row])
    head = row[np.flatnonzero(np.diff(basket, prepend=-1))]
    placed = _placing_moments(rng, day[head], channel[head])
    in_time = np.flatnonzero(placed <= calendar.now)
    kept = in_time[np.argsort(placed[in_time], kind="stable")]
    orders = _orders(
        rng, placed[kept], points.location[point[head[kept]]], channel[head[kept]], calendar, len(catalogue)
    )
    return orders, _lines(basket, kept, len(head), point[row], quantity[row])


def expected_quantity(catalogue: Catalogue, points: StockingPoints, calendar: TradingCalendar) -> FloatArray:
    """Mean units of a line, shape (point, day)."""
    consumer, business = _mean_quantities(catalogue)
    b2b = _b2b_share(calendar.weekday[: calendar.days]) * ~points.is_store[:, None]
    return consumer[points.sku][:, None] * (1 - b2b) + business[points.sku][:, None] * b2b


def _one_row_per_line(rng: np.random.Generator, lines: IntArray) -> tuple[IntArray, IntArray]:
    """Stocking point and day of each line, in random order."""
    point, day = np.nonzero(lines)
    count = lines[point, day]
    shuffled = rng.permutation(int(count.sum()))
    return np.repeat(point, count)[shuffled], np.repeat(day, count)[shuffled]


def _b2b_share(weekday: IntArray) -> FloatArray:
    return np.where(weekday < 5, B2B_SHARE_OF_LINES, 0.0)


def _channels(rng: np.random.Generator, location: IntArray, weekday: IntArray) -> IntArray:
    is_b2b = rng.random(len(location)) < _b2b_share(weekday)
    return np.where(location == STORE, STORE_CHANNEL, np.where(is_b2b, B2B, WEB))


def _mean_extra_units(catalogue: Catalogue) -> FloatArray:
    """Cheap goods are bought several at a time."""
    return np.clip(9.0 / catalogue.list_price, 0.05, 0.9)


def _mean_lumps(catalogue: Catalogue) -> FloatArray:
    """Intermittent demand comes in lumps; others have one."""
    return np.where(catalogue.demand_class == "intermittent", 2.5, 1.0)


def _mean_quantities(catalogue: Catalogue) -> tuple[FloatArray, FloatArray]:
    extra, lumps = _mean_extra_units(catalogue), _mean_lumps(catalogue)
    return (1 + extra) * lumps, (2 + 6 * extra) * lumps


def _quantities(rng: np.random.Generator, catalogue: Catalogue, sku: IntArray, channel: IntArray) -> IntArray:
    extra = _mean_extra_units(catalogue)[sku]
    consumer = 1 + rng.poisson(extra)
    business = 2 + rng.poisson(6 * extra * rng.gamma(1.5, 1 / 1.5, len(sku)))
    lumps = 1 + rng.poisson((_mean_lumps(catalogue)[sku] - 1) * rng.gamma(1.0, 1.0, len(sku)))
    return np.where(channel == B2B, business, consumer) * lumps


def _baskets(rng: np.random.Generator, key: IntArray, channel: IntArray) -> IntArray:
    """Number the orders that neighbouring lines of one day, location and channel form."""
    last_before = rng.random(len(key)) < CHANCE_OF_LAST_LINE[channel]
    starts = (np.diff(key, prepend=-1) != 0) | last_before
    first = np.maximum.accumulate(np.where(starts, np.arange(len(key)), 0))
    return np.cumsum(starts | ((np.arange(len(key)) - first) % MAX_LINES == 0)) - 1


def _placing_moments(rng: np.random.Generator, day: IntArray, channel: IntArray) -> IntArray:
    placed = day * DAY
    for number, (first_hour, weights) in enumerate((WEB_HOURS, STORE_HOURS, B2B_HOURS)):
        rows = np.flatnonzero(channel == number)
        share = np.array(weights) / sum(weights)
        hour = first_hour + rng.choice(len(share), len(rows), p=share)
        placed[rows] += hour * HOUR + rng.integers(0, HOUR, len(rows))
    return placed


def _orders(
    rng: np.random.Generator,
    placed: IntArray,
    location: IntArray,
    channel: IntArray,
    calendar: TradingCalendar,
    skus: int,
) -> OrderDrafts:
    shipped = _shipping_moments(rng, calendar, placed, channel)
    customer_id, country = np.empty(len(placed), dtype=object), np.empty(len(placed), dtype=object)
    for pool_channel, pool_location in ((WEB, 0), (WEB, 1), (B2B, 0), (B2B, 1), (STORE_CHANNEL, STORE)):
        rows = np.flatnonzero((channel == pool_channel) & (location == pool_location))
        pool = customer_pool(rng, channel=pool_channel, location=pool_location, skus=skus, days=calendar.days)
        customer_id[rows], country[rows] = _drawn(rng, pool, placed[rows] // DAY)
    outcome = deliveries(rng, calendar, shipped=shipped, is_abroad=country != COUNTRIES[0])
    return OrderDrafts(placed, shipped, location, channel, customer_id, country, outcome)


def _drawn(rng: np.random.Generator, pool: Customers, day: IntArray) -> tuple[StrArray, StrArray]:
    who = pool.draw(rng, day)
    return pool.customer_id[who], pool.country[who]


def _shipping_moments(
    rng: np.random.Generator, calendar: TradingCalendar, placed: IntArray, channel: IntArray
) -> IntArray:
    """Before the cut-off some hours later the same working day, else the next working morning."""
    day, second = np.divmod(placed, DAY)
    same_day = calendar.is_open[day] & (second < CUT_OFF_HOUR * HOUR)
    hours_later = placed + rng.integers(1 * HOUR, 4 * HOUR, len(placed))
    next_morning = moment(rng, calendar.open_day(day + 1), 9, 12)
    from_warehouse = np.where(same_day, hours_later, next_morning)
    return np.where(channel == STORE_CHANNEL, placed, from_warehouse)


def _lines(basket: IntArray, kept: IntArray, baskets: int, point: IntArray, quantity: IntArray) -> LineDrafts:
    """The lines of the kept orders, equal products of an order merged."""
    number = np.full(baskets, -1)
    number[kept] = np.arange(len(kept))
    order = number[basket]
    row = np.lexsort((point, order))
    row = row[order[row] >= 0]
    order, point, quantity = order[row], point[row], quantity[row]
    first = np.flatnonzero((np.diff(order, prepend=-1) != 0) | (np.diff(point, prepend=-1) != 0))
    return LineDrafts(order[first], point[first], np.add.reduceat(quantity, first))
