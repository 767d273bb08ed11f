"""What becomes of the parcels of an order: carrier, promise and outcome."""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import BoolArray, IntArray
from data.samples.trading_calendar import DAY, TradingCalendar, moment

CARRIERS = ("DHL", "UPS", "FedEx")
CARRIER_SHARE = (0.55, 0.27, 0.18)
LATE_RATE = np.array([0.076, 0.050, 0.062])
DECEMBER_LATE_FACTOR = 1.7
SERVICES = ("ground", "express")
EXPRESS_SHARE = 0.12
LOST_RATE = 0.004
SENT_BACK_RATE = 0.003
DELIVERED, LOST, SENT_BACK = range(3)


@dataclass(frozen=True)
class Deliveries:
    """One outcome per order, shared by all its parcels; meaningless for store orders.

    Attributes:
        carrier: Index into `CARRIERS`, shape (order,).
        service: Index into `SERVICES`, shape (order,).
        promised_day: Shape (order,).
        delivered: Second, shape (order,).
        fate: `DELIVERED`, `LOST` or `SENT_BACK`, shape (order,).
    """

    carrier: IntArray
    service: IntArray
    promised_day: IntArray
    delivered: IntArray
    fate: IntArray

    @property
    def is_late(self) -> BoolArray:
        return self.delivered // DAY > self.promised_day


def deliveries(
    rng: np.random.Generator, calendar: TradingCalendar, *, shipped: IntArray, is_abroad: BoolArray
) -> Deliveries:
    """Sample the outcomes of parcels that leave at `shipped`."""
    orders = len(shipped)
    carrier = rng.choice(len(CARRIERS), orders, p=CARRIER_SHARE)
    service = (rng.random(orders) < EXPRESS_SHARE).astype(np.int64)
    promised_transit = np.where(service == 1, 1, 3) + 2 * is_abroad
    shipped_day = shipped // DAY
    is_december = np.char.find(calendar.dates[shipped_day].astype(str), "-12-") > 0
    late_chance = LATE_RATE[carrier] * np.where(is_december, DECEMBER_LATE_FACTOR, 1.0)
    transit = _transit_days(rng, promised_transit, rng.random(orders) < late_chance)
    delivered_day = calendar.add_working_days(shipped_day, transit)
    return Deliveries(
        carrier=carrier,
        service=service,
        promised_day=calendar.add_working_days(shipped_day, promised_transit),
        delivered=moment(rng, delivered_day, 9, 18.5),
        fate=rng.choice(3, orders, p=[1 - LOST_RATE - SENT_BACK_RATE, LOST_RATE, SENT_BACK_RATE]),
    )


def _transit_days(rng: np.random.Generator, promised: IntArray, is_late: BoolArray) -> IntArray:
    """Working days on the road: within the promise, or one and more beyond it."""
    in_time = promised - rng.binomial(promised - 1, 0.55)
    return np.where(is_late, promised + rng.geometric(0.5, len(promised)), in_time)
