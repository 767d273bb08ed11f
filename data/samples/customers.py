"""Customers: who they are, where they live and how often they come back."""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import FloatArray, IntArray, StrArray
from data.samples.network import STORE

CHANNELS = ("web", "store", "b2b")
WEB, STORE_CHANNEL, B2B = range(3)
COUNTRIES = ("DE", "AT", "NL", "FR", "BE")
WEB_COUNTRY_SHARE = (0.82, 0.08, 0.05, 0.03, 0.02)

CUSTOMERS_PER_SKU = {WEB: 5.0, STORE_CHANNEL: 4.0, B2B: 0.22}
LOYALTY_SPREAD = {WEB: 1.2, STORE_CHANNEL: 1.1, B2B: 1.0}
SHARE_KNOWN_AT_START = 0.45


@dataclass(frozen=True)
class Customers:
    """A pool of customers who order through one channel from one location.

    Attributes:
        customer_id: Shape (customer,), ordered by the day they first come.
        country: Shape (customer,).
        joined_day: Shape (customer,), ascending.
        cumulative_weight: Running sum of how often each comes, shape (customer,).
    """

    customer_id: StrArray
    country: StrArray
    joined_day: IntArray
    cumulative_weight: FloatArray

    def draw(self, rng: np.random.Generator, day: IntArray) -> IntArray:
        """Who places an order on each of the days: heavy customers more often, newcomers only later."""
        known = np.searchsorted(self.joined_day, day, side="right") - 1
        ticket = rng.random(len(day)) * self.cumulative_weight[known]
        return np.searchsorted(self.cumulative_weight, ticket, side="right")


def customer_pool(rng: np.random.Generator, *, channel: int, location: int, skus: int, days: int) -> Customers:
    """The customers of one channel and location, sized with the range."""
    size = max(8, int(CUSTOMERS_PER_SKU[channel] * skus))
    known = max(1, int(SHARE_KNOWN_AT_START * size))
    joined = np.sort(np.concatenate([np.zeros(known, dtype=np.int64), rng.integers(0, days, size - known)]))
    prefix = f"{'CSB'[channel]}{'NSL'[location]}"
    return Customers(
        customer_id=np.array([f"{prefix}-{number:05d}" for number in range(1, size + 1)], dtype=object),
        country=_countries(rng, location, size),
        joined_day=joined,
        cumulative_weight=np.cumsum(rng.lognormal(0, LOYALTY_SPREAD[channel], size)),
    )


def _countries(rng: np.random.Generator, location: int, size: int) -> StrArray:
    shares = (1.0, 0.0, 0.0, 0.0, 0.0) if location == STORE else WEB_COUNTRY_SHARE
    return rng.choice(np.array(COUNTRIES, dtype=object), size, p=shares)
