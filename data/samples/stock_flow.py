"""Stock, day by day: goods in at seven, the buyer's review, then orders as they come.

Stock is taken from what is free at the moment an order is placed and leaves later; returned
goods are free from the moment they are back. So no balance is negative in event order.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from data.samples.arrays import IntArray
from data.samples.customers import B2B, STORE_CHANNEL
from data.samples.network import LOCATIONS, StockingPoints
from data.samples.opening import Opening
from data.samples.order_drafts import LineDrafts, OrderDrafts
from data.samples.replenishment import RECENT_DAYS, MinMaxRule
from data.samples.return_drafts import ReturnDrafts
from data.samples.suppliers import SHORT_DELIVERY_RATE, SUPPLIERS, quoted_lead_times, true_lead_time_days
from data.samples.trading_calendar import DAY, TradingCalendar

DAYS_ORDERED_BEFORE_LAUNCH = 10
CHANGED_MIND_RATE = 0.008
ORDERED_THOUGH_OUT_OF_STOCK = 0.15
ACCEPTS_PART = 0.25
CANCEL_REASONS = ("", "out of stock", "customer changed mind")
NO_CANCELLATION, OUT_OF_STOCK, CUSTOMER_CHANGED_MIND = range(3)


@dataclass(frozen=True)
class Purchase:
    """A purchase order of one supplier for one location.

    Attributes:
        points: Stocking points, shape (line,).
        quantity: Units ordered, shape (line,).
        arriving: Units that really come, shape (line,).
    """

    supplier: int
    location: int
    ordered_day: int
    received_day: int
    points: IntArray
    quantity: IntArray
    arriving: IntArray


@dataclass(frozen=True)
class StockOutcome:
    """What stock made of the drafted lines.

    Attributes:
        recorded: Units on the order line, 0 where the customer left without a trace, shape (line,).
        cancelled: Units of these cancelled before shipping, shape (line,).
        cancel_reason: Index into `CANCEL_REASONS`, shape (line,).
        purchases: In the order they were placed.
    """

    recorded: IntArray
    cancelled: IntArray
    cancel_reason: IntArray
    purchases: list[Purchase]

    @property
    def shipped(self) -> IntArray:
        return self.recorded - self.cancelled


class StockFlow:
    """The running state of all stocking points."""

    def __init__(
        self,
        rng: np.random.Generator,
        points: StockingPoints,
        rule: MinMaxRule,
        calendar: TradingCalendar,
        start: Opening,
    ) -> None:
        self._rng = rng
        self._points = points
        self._rule = rule
        self._calendar = calendar
        self._start = start
        self._free = start.on_hand.copy()
        self._on_order = np.zeros_like(start.on_hand)
        quoted = quoted_lead_times()[rule.supplier]
        self._launch_order_day = np.maximum(start.launch_day - quoted - DAYS_ORDERED_BEFORE_LAUNCH, 0)
        # Sales of the last six weeks; the weeks before the history sold as expected.
        self._sold = np.repeat(start.daily_sales[:, None], RECENT_DAYS, axis=1)
        self._returns: list[tuple[int, int, int]] = []
        self._inbound: dict[int, list[Purchase]] = {}
        self.purchases: list[Purchase] = []

    def open_day(self, day: int) -> None:
        self._sold[:, day % RECENT_DAYS] = 0
        for purchase in self._inbound.pop(day, []):
            np.add.at(self._free, purchase.points, purchase.arriving)
            np.add.at(self._on_order, purchase.points, -purchase.quantity)
        self._order_launches(day)
        if self._calendar.is_open[day]:
            self._review(day)

    def expect_return(self, second: int, point: int, quantity: int) -> None:
        heapq.heappush(self._returns, (second, point, quantity))

    def take_back_until(self, second: int) -> None:
        """Put returned goods to stock that were back strictly before `second`."""
        while self._returns and self._returns[0][0] < second:
            _, point, quantity = heapq.heappop(self._returns)
            self._free[point] += quantity

    def take(self, point: int, day: int, wanted: int, *, all_or_nothing: bool) -> int:
        """Units taken from free stock: `wanted`, what there is, or none."""
        free = int(self._free[point])
        taken = wanted if free >= wanted else (0 if all_or_nothing else free)
        self._free[point] -= taken
        self._sold[point, day % RECENT_DAYS] += taken
        return taken

    def _order_launches(self, day: int) -> None:
        rows = np.flatnonzero((self._launch_order_day == day) & (self._start.launch_quantity > 0))
        self._place(day, rows, self._start.launch_quantity[rows])

    def _review(self, day: int) -> None:
        due = self._rule.review_weekday[self._rule.supplier] == self._calendar.weekday[day]
        rows = np.flatnonzero(due & (self._start.launch_day <= day))
        position = self._free[rows] + self._on_order[rows]
        quantity = self._rule.order_quantity(rows, position, self._sold[rows].mean(axis=1))
        self._place(day, rows[quantity > 0], quantity[quantity > 0])

    def _place(self, day: int, rows: IntArray, quantity: IntArray) -> None:
        """One purchase order per supplier and location."""
        key = self._rule.order_key(rows)
        for value in np.unique(key):
            chosen = key == value
            supplier, location = divmod(int(value), len(LOCATIONS))
            self._place_purchase(day, supplier, location, rows[chosen], quantity[chosen])

    def _place_purchase(self, day: int, supplier: int, location: int, points: IntArray, quantity: IntArray) -> None:
        lead_time_days = true_lead_time_days(self._rng, SUPPLIERS[supplier])
        received_day = int(self._calendar.open_day(np.array([day + lead_time_days]))[0])
        arriving = self._short_delivered(quantity)
        purchase = Purchase(supplier, location, day, received_day, points, quantity, arriving)
        self._on_order[points] += quantity
        self._inbound.setdefault(received_day, []).append(purchase)
        self.purchases.append(purchase)

    def _short_delivered(self, quantity: IntArray) -> IntArray:
        is_short = self._rng.random(len(quantity)) < SHORT_DELIVERY_RATE
        share = np.where(is_short, self._rng.uniform(0.6, 0.95, len(quantity)), 1.0)
        return np.floor(quantity * share).astype(np.int64)


def run_stock_flow(
    rng: np.random.Generator,
    flow: StockFlow,
    calendar: TradingCalendar,
    orders: OrderDrafts,
    lines: LineDrafts,
    returns: ReturnDrafts,
) -> StockOutcome:
    """Serve the drafted lines in the order they were placed."""
    placed = orders.placed[lines.order]
    until = np.searchsorted(placed, (np.arange(calendar.days) + 1) * DAY).tolist()
    serve = _Counter(rng, flow, orders, lines, returns)
    first = 0
    for day, end in enumerate(until):
        flow.open_day(day)
        for line in range(first, end):
            serve(line, day)
        first = end
    return serve.outcome()


class _Counter:
    """Where lines meet stock. Lists, since single array elements are slow to read."""

    def __init__(
        self,
        rng: np.random.Generator,
        flow: StockFlow,
        orders: OrderDrafts,
        lines: LineDrafts,
        returns: ReturnDrafts,
    ) -> None:
        self._flow = flow
        self._placed = orders.placed[lines.order].tolist()
        self._channel = orders.channel[lines.order].tolist()
        self._point = lines.point.tolist()
        self._quantity = lines.quantity.tolist()
        self._returned_at = returns.received[lines.order].tolist()
        self._restocked = (returns.quantity * returns.is_restocked).tolist()
        self._second_thoughts = rng.random(len(lines.order)).tolist()
        self._patience = rng.random(len(lines.order)).tolist()
        self._recorded = np.zeros(len(lines.order), dtype=np.int64)
        self._cancelled = np.zeros(len(lines.order), dtype=np.int64)
        self._reason = np.zeros(len(lines.order), dtype=np.int64)

    def __call__(self, line: int, day: int) -> None:
        """Ship, ship in part, cancel or lose one line."""
        self._flow.take_back_until(self._placed[line])
        wanted = self._quantity[line]
        in_store = self._channel[line] == STORE_CHANNEL
        if not in_store and self._second_thoughts[line] < CHANGED_MIND_RATE:
            self._record(line, wanted, wanted, CUSTOMER_CHANGED_MIND)
            return
        takes_part = in_store or self._channel[line] == B2B or self._patience[line] < ACCEPTS_PART
        taken = self._flow.take(self._point[line], day, wanted, all_or_nothing=not takes_part)
        if taken == wanted:
            self._record(line, wanted, 0, NO_CANCELLATION)
        elif in_store:
            self._record(line, taken, 0, NO_CANCELLATION)
        elif taken or self._patience[line] < ORDERED_THOUGH_OUT_OF_STOCK:
            self._record(line, wanted, wanted - taken, OUT_OF_STOCK)
        back = min(self._restocked[line], taken)
        if back:
            self._flow.expect_return(self._returned_at[line], self._point[line], back)

    def _record(self, line: int, recorded: int, cancelled: int, reason: int) -> None:
        self._recorded[line] = recorded
        self._cancelled[line] = cancelled
        self._reason[line] = reason

    def outcome(self) -> StockOutcome:
        return StockOutcome(self._recorded, self._cancelled, self._reason, self._flow.purchases)
