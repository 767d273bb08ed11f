"""Entry to the demo: a year and a half of Fennwick Home & Garden."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from data.samples.catalogue import product_range
from data.samples.demand import true_demand
from data.samples.history import History
from data.samples.network import TIME_ZONE, locations_frame, stocking_points
from data.samples.opening import opening, opening_stock_frame
from data.samples.order_book import order_book
from data.samples.order_drafts import draft_orders, expected_quantity
from data.samples.parcels import parcels
from data.samples.promotions import promotions
from data.samples.purchase_book import purchase_book
from data.samples.replenishment import min_max_rule
from data.samples.return_drafts import draft_returns
from data.samples.stock_flow import StockFlow, run_stock_flow
from data.samples.suppliers import supplier_truth
from data.samples.trading_calendar import TradingCalendar
from data.samples.truth import demand_truth, item_truth

CURRENCY = "EUR"
FEWEST_SKUS = 20
FEWEST_DAYS = 60
STREAMS = (
    "range", "network", "promotions", "demand", "orders", "returns", "rule", "opening", "supply",
    "counter", "parcels", "costs",
)  # fmt: skip


@dataclass(frozen=True)
class CompanyProfile:
    name: str
    trade: str
    country: str


@dataclass(frozen=True)
class DemoCompany:
    """The files of the demo company, and the truth they came from.

    All timestamps are local to `time_zone` and carry no zone. An order line without
    `shipped_at` whose quantity is not wholly cancelled is still open. Goods are received
    at 07:00; a return row's goods are back at its `shipped_at`.

    Attributes:
        start: First day; `opening_stock` was counted before it began.
        end: Last day, known until 16:00.
        items: sku, name, category, supplier, lead_time_days (quoted), moq, pack_size,
            unit_cost (EUR, 2 places), volume (litres).
        locations: location, name, kind, time_zone.
        opening_stock: sku, location, on_hand, on_order, expected_date.
        purchases: One row per line, in the order of ordering.
        orders: One row per line, postage and return rows included, by order_date.
        parcels: By shipped_at. Late is delivered after the day of promised_date.
        truth: sku, location, date, demand_rate (expected units), demand (units wanted),
            lost_units (not had for want of stock, whether or not a cancelled line tells).
        item_truth: sku, demand_class, launch_date (NaT for products older than the history).
        supplier_truth: supplier, lead_time_days, lead_time_bias (true mean over quoted),
            lead_time_cv.
    """

    profile: CompanyProfile
    currency: str
    time_zone: str
    start: date
    end: date
    items: pd.DataFrame
    locations: pd.DataFrame
    opening_stock: pd.DataFrame
    purchases: pd.DataFrame
    orders: pd.DataFrame
    parcels: pd.DataFrame
    truth: pd.DataFrame
    item_truth: pd.DataFrame
    supplier_truth: pd.DataFrame


PROFILE = CompanyProfile(
    name="Fennwick Home & Garden",
    trade="Home goods, kitchen, garden and outdoor; a web shop, business customers and a city store",
    country="DE",
)


def demo_company(*, seed: int = 7, end: date, days: int = 550, skus: int = 400) -> DemoCompany:
    """Generate the company's history of `days` days up to `end`, equal for equal arguments.

    Raises:
        ValueError: fewer than 20 skus or 60 days, or more skus than there are product names.
    """
    if skus < FEWEST_SKUS:
        raise ValueError(f"skus must be at least {FEWEST_SKUS}, got {skus}")
    if days < FEWEST_DAYS:
        raise ValueError(f"days must be at least {FEWEST_DAYS}, got {days}")
    streams = _streams(seed)
    calendar = TradingCalendar(end - timedelta(days=days - 1), days)
    catalogue = product_range(streams["range"], skus)
    points = stocking_points(streams["network"], catalogue)
    campaigns = promotions(streams["promotions"], catalogue, calendar)
    demand = true_demand(streams["demand"], catalogue, points, campaigns, calendar)
    expected_units = demand.line_rate * expected_quantity(catalogue, points, calendar)
    orders, lines = draft_orders(streams["orders"], catalogue, points, demand, calendar)
    returns = draft_returns(streams["returns"], catalogue, points, orders, lines, calendar)
    rule = min_max_rule(streams["rule"], catalogue, points)
    start = opening(streams["opening"], rule, demand, points, expected_units)
    flow = StockFlow(streams["supply"], points, rule, calendar, start)
    outcome = run_stock_flow(streams["counter"], flow, calendar, orders, lines, returns)
    history = History(calendar, catalogue, points, campaigns, orders, lines, returns, outcome)
    return DemoCompany(
        profile=PROFILE,
        currency=CURRENCY,
        time_zone=TIME_ZONE,
        start=calendar.start,
        end=end,
        items=catalogue.items,
        locations=locations_frame(),
        opening_stock=opening_stock_frame(catalogue, points, start),
        purchases=purchase_book(streams["costs"], history),
        orders=order_book(history),
        parcels=parcels(streams["parcels"], history),
        truth=demand_truth(history, demand, expected_units),
        item_truth=item_truth(history, demand),
        supplier_truth=supplier_truth(),
    )


def _streams(seed: int) -> dict[str, np.random.Generator]:
    """A random stream per subject, so that a change to one leaves the others' luck alone."""
    seeds = np.random.SeedSequence(seed).spawn(len(STREAMS))
    return {name: np.random.default_rng(s) for name, s in zip(STREAMS, seeds, strict=True)}
