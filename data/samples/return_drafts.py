"""Which lines would come back once delivered: when, why and in what state."""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import BoolArray, FloatArray, IntArray
from data.samples.assortment import CATEGORIES
from data.samples.catalogue import Catalogue
from data.samples.customers import B2B, STORE_CHANNEL
from data.samples.delivery import LOST, SENT_BACK
from data.samples.network import StockingPoints
from data.samples.order_drafts import LineDrafts, OrderDrafts
from data.samples.trading_calendar import DAY, TradingCalendar, moment

REASONS = ("damaged", "wrong item", "not as described", "changed mind", "too late")
CHANGED_MIND, TOO_LATE = 3, 4
DISPOSITIONS = ("scrap", "restock")
CHANCE_OF_RESTOCK = np.array([0.05, 0.95, 0.80, 0.90, 0.97])

# Chance that a line comes back for each of the first four reasons.
CATEGORY_RATES = {
    "Kitchen": (0.006, 0.004, 0.006, 0.012), "Dining": (0.022, 0.004, 0.006, 0.014),
    "Textiles": (0.002, 0.006, 0.026, 0.045), "Storage": (0.006, 0.004, 0.010, 0.020),
    "Lighting": (0.020, 0.006, 0.016, 0.024), "Garden": (0.009, 0.004, 0.005, 0.010),
    "Outdoor": (0.013, 0.004, 0.010, 0.020), "Gifts": (0.012, 0.004, 0.007, 0.016),
}  # fmt: skip
CHANNEL_FACTOR = np.array([1.0, 0.45, 0.4])  # web, store, b2b
TOO_LATE_RATE = 0.09
WHOLE_LINE_SHARE = 0.7


@dataclass(frozen=True)
class ReturnDrafts:
    """What comes back if the line ships.

    Attributes:
        received: Second the goods are back at their location, shape (order,).
        quantity: Units, 0 where nothing comes back, shape (line,).
        reason: Index into `REASONS`, shape (line,).
        is_restocked: Else scrapped, shape (line,).
    """

    received: IntArray
    quantity: IntArray
    reason: IntArray
    is_restocked: BoolArray


def draft_returns(
    rng: np.random.Generator,
    catalogue: Catalogue,
    points: StockingPoints,
    orders: OrderDrafts,
    lines: LineDrafts,
    calendar: TradingCalendar,
) -> ReturnDrafts:
    """Late parcels come back more often, lost ones never, refused ones whole."""
    is_shipped_out = orders.channel != STORE_CHANNEL
    sent_back = (is_shipped_out & (orders.deliveries.fate == SENT_BACK))[lines.order]
    lost = (is_shipped_out & (orders.deliveries.fate == LOST))[lines.order]
    late = (is_shipped_out & orders.deliveries.is_late)[lines.order]
    reason = _reasons(rng, _reason_rates(catalogue, points, orders, lines, late))
    comes_back = (reason < len(REASONS)) & ~lost | sent_back
    # A parcel refused at the door is a customer who changed their mind.
    reason = np.where(sent_back, CHANGED_MIND, np.minimum(reason, TOO_LATE))
    whole = sent_back | (rng.random(len(reason)) < WHOLE_LINE_SHARE)
    return ReturnDrafts(
        received=_moments_received(rng, orders, calendar),
        quantity=comes_back * np.where(whole, lines.quantity, 1),
        reason=reason,
        is_restocked=rng.random(len(reason)) < CHANCE_OF_RESTOCK[reason],
    )


def _reason_rates(
    catalogue: Catalogue, points: StockingPoints, orders: OrderDrafts, lines: LineDrafts, late: BoolArray
) -> FloatArray:
    """Chance of each reason, shape (line, reason)."""
    by_category = np.array([CATEGORY_RATES[name] for name in CATEGORIES])
    code = {name: number for number, name in enumerate(CATEGORIES)}
    category = np.array([code[name] for name in catalogue.category])
    usual = by_category[category[points.sku[lines.point]]]
    too_late = (TOO_LATE_RATE * late)[:, None]
    rates: FloatArray = np.hstack([usual, too_late]) * CHANNEL_FACTOR[orders.channel[lines.order]][:, None]
    return rates


def _reasons(rng: np.random.Generator, rates: FloatArray) -> IntArray:
    """Index of the reason each line comes back for, one beyond the last for none."""
    ticket = rng.random(len(rates))
    reason: IntArray = (ticket[:, None] >= np.cumsum(rates, axis=1)).sum(axis=1)
    return reason


def _moments_received(rng: np.random.Generator, orders: OrderDrafts, calendar: TradingCalendar) -> IntArray:
    """At the store or the warehouse's returns desk, on an open day after the goods were had."""
    in_store = orders.channel == STORE_CHANNEL
    sent_back = ~in_store & (orders.deliveries.fate == SENT_BACK)
    had_from = np.where(in_store, orders.placed, orders.deliveries.delivered)
    wait_days = 2 + rng.gamma(2.0, np.where(orders.channel == B2B, 3.0, 4.5)).astype(np.int64)
    day = calendar.open_day(had_from // DAY + np.where(sent_back, 8, wait_days))
    return np.where(in_store, moment(rng, day, 10, 19), moment(rng, day, 8, 16))
