"""Everything that happened, before it is written down in files."""

from dataclasses import dataclass

import numpy as np

from data.samples.arrays import BoolArray, IntArray, StrArray
from data.samples.catalogue import Catalogue
from data.samples.network import StockingPoints
from data.samples.order_drafts import LineDrafts, OrderDrafts
from data.samples.promotions import Promotions
from data.samples.return_drafts import ReturnDrafts
from data.samples.stock_flow import StockOutcome
from data.samples.trading_calendar import TradingCalendar

FIRST_ORDER_NUMBER = 100_001


@dataclass(frozen=True)
class History:
    calendar: TradingCalendar
    catalogue: Catalogue
    points: StockingPoints
    promotions: Promotions
    orders: OrderDrafts
    lines: LineDrafts
    returns: ReturnDrafts
    outcome: StockOutcome

    @property
    def line_sku(self) -> IntArray:
        """Index into the catalogue, shape (line,)."""
        return self.points.sku[self.lines.point]

    @property
    def has_shipped_goods(self) -> BoolArray:
        """Whether anything of the order has left or will leave, shape (order,)."""
        return np.bincount(self.lines.order, self.outcome.shipped, len(self.orders.placed)) > 0

    def order_ids(self) -> StrArray:
        """Numbers in the order of placing; empty where every line was lost, shape (order,)."""
        exists = np.bincount(self.lines.order, self.outcome.recorded > 0, len(self.orders.placed)) > 0
        number = FIRST_ORDER_NUMBER - 1 + np.cumsum(exists)
        ids = [f"SO-{n}" if there else "" for n, there in zip(number, exists, strict=True)]
        return np.array(ids, dtype=object)
