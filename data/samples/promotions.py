"""Campaigns: a code, some products of a category, a discount and what it does to demand."""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import FloatArray, IntArray, StrArray
from data.samples.assortment import CATEGORIES
from data.samples.catalogue import Catalogue
from data.samples.trading_calendar import TradingCalendar

DAYS_BETWEEN_CAMPAIGNS = 21
CAMPAIGN_DAYS = 8
SHARE_OF_CATEGORY = 0.35
NO_CAMPAIGN = 0
SEASONS = ("WINTER", "SPRING", "SUMMER", "AUTUMN")


@dataclass(frozen=True)
class Promotions:
    """Which campaign applies to which product on which day.

    Attributes:
        campaign: Index into the other arrays, shape (sku, day); 0 is no campaign.
        code: Shape (campaign,), empty at 0.
        discount: Share off the list price, shape (campaign,).
        lift: Factor on demand, shape (campaign,).
    """

    campaign: IntArray
    code: StrArray
    discount: FloatArray
    lift: FloatArray

    def demand_factor(self) -> FloatArray:
        """Shape (sku, day)."""
        return self.lift[self.campaign]


def promotions(rng: np.random.Generator, catalogue: Catalogue, calendar: TradingCalendar) -> Promotions:
    """A campaign of eight days about every three weeks, on two categories each."""
    starts = np.arange(rng.integers(5, 20), calendar.days, DAYS_BETWEEN_CAMPAIGNS)
    campaign = np.full((len(catalogue), calendar.days), NO_CAMPAIGN)
    for number, start in enumerate(starts, start=1):
        categories = rng.choice(CATEGORIES, 2, replace=False)
        chosen = np.isin(catalogue.category, categories) & (rng.random(len(catalogue)) < SHARE_OF_CATEGORY)
        campaign[chosen, start : start + CAMPAIGN_DAYS] = number
    discount = np.concatenate([[0.0], rng.choice([0.10, 0.15, 0.20, 0.25], len(starts))])
    lift = 1 + discount * rng.uniform(4.5, 7.5, len(discount))
    codes = ["", *(_code(calendar, int(start), number) for number, start in enumerate(starts, start=1))]
    return Promotions(campaign, np.array(codes, dtype=object), discount, lift)


def _code(calendar: TradingCalendar, day: int, number: int) -> str:
    year, month = str(calendar.dates[day])[2:7].split("-")
    return f"{SEASONS[int(month) % 12 // 3]}{year}-{number:02d}"
