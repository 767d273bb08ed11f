"""The parcels file: one parcel per shipped order, several for bulky ones."""

import numpy as np
import pandas as pd

from data.samples.arrays import IntArray, labels
from data.samples.customers import STORE_CHANNEL
from data.samples.delivery import CARRIERS, DELIVERED, LOST, SENT_BACK, SERVICES
from data.samples.history import History
from data.samples.trading_calendar import DAY, NOT_YET

LITRES_PER_PARCEL = 200.0
MAX_PARCELS = 4
DAYS_UNTIL_GIVEN_UP = 10
FIRST_PARCEL_NUMBER = 50_001
TRACKING_PREFIX = ("JJD0114", "1Z5R68", "7946")
STATUSES = ("delivered", "lost", "returned_to_sender", "in_transit")
IN_TRANSIT = STATUSES.index("in_transit")


def parcels(rng: np.random.Generator, history: History) -> pd.DataFrame:
    """Parcels that have left, by the moment they did; promised by the end of `promised_date`."""
    order = _parcel_orders(history)
    outcomes, calendar = history.orders.deliveries, history.calendar
    status = _statuses(history)[order]
    delivered = np.where(status == DELIVERED, outcomes.delivered[order], NOT_YET)
    return pd.DataFrame(
        {
            "parcel_id": [f"P-{FIRST_PARCEL_NUMBER + n}" for n in range(len(order))],
            "order_id": history.order_ids()[order],
            "carrier": labels(CARRIERS, outcomes.carrier[order]),
            "service": labels(SERVICES, outcomes.service[order]),
            "tracking_number": _tracking_numbers(rng, outcomes.carrier[order]),
            "shipped_at": calendar.timestamps(history.orders.shipped[order]),
            "promised_date": calendar.midnights(outcomes.promised_day[order]),
            "delivered_at": calendar.timestamps(delivered),
            "status": labels(STATUSES, status),
        }
    )


def _parcel_orders(history: History) -> IntArray:
    """The order of each parcel, by the moment of shipping."""
    orders, lines = history.orders, history.lines
    volume = np.asarray(history.catalogue.items["volume"], dtype=np.float64)[history.line_sku]
    litres = np.bincount(lines.order, history.outcome.shipped * volume, len(orders.placed))
    gone = (litres > 0) & (orders.channel != STORE_CHANNEL) & (orders.shipped <= history.calendar.now)
    count = gone * np.clip(np.ceil(litres / LITRES_PER_PARCEL), 1, MAX_PARCELS).astype(np.int64)
    by_shipping = np.argsort(orders.shipped, kind="stable")
    return np.repeat(by_shipping, count[by_shipping])


def _statuses(history: History) -> IntArray:
    """What is known at the end: a parcel counts as lost ten days after its promise."""
    outcomes, now = history.orders.deliveries, history.calendar.now
    given_up = (outcomes.promised_day + DAYS_UNTIL_GIVEN_UP) * DAY <= now
    return np.select(
        [
            (outcomes.fate == DELIVERED) & (outcomes.delivered <= now),
            (outcomes.fate == LOST) & given_up,
            (outcomes.fate == SENT_BACK) & (history.returns.received <= now),
        ],
        [DELIVERED, LOST, SENT_BACK],
        IN_TRANSIT,
    )


def _tracking_numbers(rng: np.random.Generator, carrier: IntArray) -> list[str]:
    serial = rng.permutation(10 * max(len(carrier), 1))[: len(carrier)] + 10_000_000
    return [f"{TRACKING_PREFIX[c]}{n:010d}" for c, n in zip(carrier, serial, strict=True)]
