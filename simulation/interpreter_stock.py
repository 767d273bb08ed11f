"""Stock points in the plain interpreter: who asks, who waits, and how stock is replenished."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from simulation.arrays import IntArray
from simulation.interpreter_agenda import Event, Rank, Sums, World, ticks_of, units_of
from simulation.policy_view import PolicyView, wanted_units
from simulation.scenario import TICKS_PER_DAY, Allocation, StockPoint
from simulation.tallies import POINT_FIELDS


class Asker(Protocol):
    """Who asks at a stock point: a customer, a line of an order, or another site."""

    priority: int
    is_site: bool

    def take_piece(self, units: int) -> None:
        """Units it waited for are there."""

    def lose(self, units: int) -> None:
        """It waits for these units no longer."""


class Customer:
    """Somebody who takes what is there and waits, or not, for the rest."""

    priority = 0
    is_site = False

    def take_piece(self, units: int) -> None:
        """It is gone with them."""

    def lose(self, units: int) -> None:
        """It is gone without them."""


CUSTOMER = Customer()


class OtherSite:
    """A stock point that orders at another one; each piece it gets is under way from then on."""

    priority = 1
    is_site = True

    def __init__(self, point: Point) -> None:
        self.point = point

    def take_piece(self, units: int) -> None:
        self.point.expect(units, price=0.0)

    def lose(self, units: int) -> None:
        raise AssertionError(f"{units} units that a site asked for were lost")


@dataclass(eq=False)
class Entry:
    """Units that somebody waits for at a point, since a tick; numbered by who asked first."""

    number: int
    asked: int
    units: int
    asker: Asker


@dataclass(eq=False)
class Batch:
    """Units of one receipt that are still there."""

    units: int


class Answer(NamedTuple):
    """What became of units asked for."""

    met: int
    waiting: int
    lost: int


class Point:
    """An SKU at a site, while a replication runs."""

    def __init__(self, spec: StockPoint, position: int, allocation: Allocation, world: World) -> None:
        self.spec = spec
        self.position = position
        self.node = f"{spec.sku}@{spec.site}"
        self.source: Point | None = None
        self._allocation = allocation
        self._world = world
        self._sums = Sums(POINT_FIELDS)
        self.purchase_cost = 0.0
        self.on_hand = spec.on_hand
        self.on_order = sum(units for _, units in spec.pipeline)
        self.backordered = 0
        self.owed = 0
        self._waiting: list[Entry] = []
        self._batches: deque[Batch] = deque()
        self._cycle_is_short = False
        self._entries = 0
        self._receipts = 0
        self._orders = 0
        self._shipments: defaultdict[int, int] = defaultdict(int)
        self.demand_by_day: defaultdict[int, int] = defaultdict(int)
        self.filled_by_day: defaultdict[int, int] = defaultdict(int)
        self._measured_to = 0

    def start(self) -> None:
        """Schedule what is known on day 0."""
        self._keep(self.on_hand)
        for day, units in self.spec.pipeline:
            receipt = partial(self._receive, units, units, self.spec.unit_cost if self.source is None else 0.0)
            self._world.agenda.at(ticks_of(day), Rank.RECEIPT, self.position, receipt)
        self._plan_next_demand(0)
        if self.spec.policy.kind != "none" and self.spec.policy.review_period_days > 0:
            self._plan_review(0)

    @property
    def net_stock(self) -> int:
        """On hand less what customers and sites wait for."""
        return self.on_hand - self.backordered - self.owed

    @property
    def position_of_stock(self) -> int:
        """The inventory position."""
        return self.net_stock + self.on_order

    # Demand

    def _plan_next_demand(self, number: int) -> None:
        """Schedule the customer of this number, day or position, if there is one."""
        tick = self._demand_tick(number)
        if tick is not None:
            self._world.agenda.at(tick, Rank.DEMAND, self.position, partial(self._customer_comes, number))

    def _demand_tick(self, number: int) -> int | None:
        demand = self.spec.demand
        match demand.kind:
            case "renewal":
                interval = self._world.luck.ticks(demand.interarrival, "interarrival", self.node, 0, number)
                return self._world.now + interval
            case "daily":
                return number * TICKS_PER_DAY
            case "paths":
                assert demand.paths is not None
                return number * TICKS_PER_DAY if number < demand.paths.shape[1] else None
            case "events":
                assert demand.times is not None
                return ticks_of(float(demand.times[number])) if number < len(demand.times) else None
        return None

    def _demand_size(self, number: int) -> int:
        demand, luck = self.spec.demand, self._world.luck
        match demand.kind:
            case "paths":
                assert demand.paths is not None
                return int(demand.paths[luck.replication % len(demand.paths), number])
            case "events":
                assert demand.quantities is not None
                return int(demand.quantities[number])
        return units_of(luck.value(demand.size, "size", self.node, 0, number))

    def _customer_comes(self, number: int) -> None:
        units = self._demand_size(number)
        if units > 0:
            self.ask(units, CUSTOMER, number=number)
            self.look()
        self._plan_next_demand(number + 1)

    def ask(self, units: int, asker: Asker, *, number: int = -1, counted: bool = True) -> Answer:
        """Meet what can be met at once; the rest waits or is lost.

        Args:
            units: Above 0.
            asker: Who asks.
            number: Of the customer, for the log.
            counted: Whether this is demand; not so for units asked for again.
        """
        self.measure()
        met = min(units, self._available(asker.priority))
        rest = units - met
        waits = rest > 0 and (asker.is_site or self.spec.on_shortage == "backorder")
        self._take(met)
        self._count_ask(units, met, asker.is_site, counted)
        if waits:
            self._wait(rest, asker)
        elif rest > 0:
            self._sums.add("lost", rest)
        self._world.log(Event.DEMAND, self.position, number, units, self.net_stock)
        return Answer(met, rest if waits else 0, 0 if waits else rest)

    def _count_ask(self, units: int, met: int, is_site: bool, counted: bool) -> None:
        self._cycle_is_short |= met < units
        if is_site:
            self._sums.add("internal_demand", units)
            self._sums.add("internal_filled", met)
        elif counted:
            self._sums.add("demand", units)
            self._sums.add("demand_events")
            self._sums.add("filled", met)
            self._sums.add("filled_events", int(met == units))
            self.demand_by_day[self._world.today] += units
            self.filled_by_day[self._world.today] += met

    def _available(self, priority: int) -> int:
        """On hand, less the reserve where it is not for this priority."""
        kept_back = self.spec.reserve if self._allocation == "rationing" and priority > 0 else 0
        return max(self.on_hand - kept_back, 0)

    def _wait(self, units: int, asker: Asker) -> None:
        entry = Entry(self._entries, self._world.now, units, asker)
        self._entries += 1
        self._waiting.append(entry)
        if asker.is_site:
            self.owed += units
            return
        self.backordered += units
        if self.spec.patience is not None:
            patience = self._world.luck.ticks(self.spec.patience, "patience", self.node, 0, entry.number)
            end = self._world.now + patience
            self._world.agenda.at(end, Rank.PATIENCE, self.position, partial(self._patience_ends, entry))

    def _patience_ends(self, entry: Entry) -> None:
        if entry not in self._waiting:
            return
        self.measure()
        self._waiting.remove(entry)
        self.backordered -= entry.units
        self._sums.add("lost", entry.units)
        self._world.log(Event.PATIENCE_ENDED, self.position, entry.number, entry.units, self.net_stock)
        entry.asker.lose(entry.units)
        self.look()

    def _serve_who_waits(self) -> None:
        for entry in self._in_order():
            units = min(entry.units, self._available(entry.asker.priority))
            if units > 0:
                self._serve(entry, units)

    def _in_order(self) -> list[Entry]:
        if self._allocation == "fifo":
            return sorted(self._waiting, key=lambda entry: entry.number)
        return sorted(self._waiting, key=lambda entry: (entry.asker.priority, entry.number))

    def _serve(self, entry: Entry, units: int) -> None:
        self._take(units)
        entry.units -= units
        if entry.units == 0:
            self._waiting.remove(entry)
        if entry.asker.is_site:
            self.owed -= units
        else:
            self.backordered -= units
            self._sums.add("served_late", units)
            self._sums.add("wait", units * (self._world.now - entry.asked))
        entry.asker.take_piece(units)

    # Stock

    def _keep(self, units: int) -> None:
        """What came in is there until its shelf life ends."""
        if self.spec.shelf_life_days > 0 and units > 0:
            batch = Batch(units)
            self._batches.append(batch)
            end = self._world.now + ticks_of(self.spec.shelf_life_days)
            self._world.agenda.at(end, Rank.SPOILAGE, self.position, partial(self._spoil, batch))

    def _take(self, units: int) -> None:
        """Issue units, oldest first."""
        self.on_hand -= units
        while units > 0 and self._batches:
            oldest = self._batches[0]
            taken = min(units, oldest.units)
            oldest.units -= taken
            units -= taken
            if oldest.units == 0:
                self._batches.popleft()

    def _spoil(self, batch: Batch) -> None:
        if batch.units == 0:
            return
        self.measure()
        self._batches.remove(batch)
        self.on_hand -= batch.units
        self._sums.add("spoiled", batch.units)
        self._world.log(Event.SPOILAGE, self.position, -1, batch.units, self.net_stock)
        self.look()

    def plan_restock(self, units: int, order_key: int) -> None:
        """Units of an order go back into stock, as the next event."""
        restock = partial(self._restock, units, order_key)
        self._world.agenda.at(self._world.now, Rank.RESTOCK, self.position, restock)

    def _restock(self, units: int, order_key: int) -> None:
        self.measure()
        self.on_hand += units
        self._keep(units)
        self._sums.add("restocked", units)
        self._world.log(Event.RESTOCK, self.position, order_key, units, self.net_stock)
        self._serve_who_waits()

    def write_off(self, units: int) -> None:
        """Units that had left come back into stock no more."""
        self._sums.add("written_off", units)

    # Replenishment

    def look(self) -> None:
        """Let a policy of continuous review decide."""
        if self.spec.policy.kind != "none" and self.spec.policy.review_period_days == 0:
            self._decide()

    def _plan_review(self, number: int) -> None:
        policy = self.spec.policy
        tick = ticks_of(policy.first_review_day + number * policy.review_period_days)
        self._world.agenda.at(tick, Rank.REVIEW, self.position, partial(self._review, number))

    def _review(self, number: int) -> None:
        self._decide()
        self._plan_review(number + 1)

    def _decide(self) -> None:
        units = self._wanted()
        if units > 0:
            self._order(packed(max(units, self.spec.moq), self.spec.pack_size))

    def _wanted(self) -> int:
        policy = self.spec.policy
        if policy.kind == "reorder":
            return self._wanted_by_rule()
        assert policy.function is not None
        if policy.kind == "compiled":
            owed = self.backordered + self.owed
            day = self._world.now / TICKS_PER_DAY
            answer = policy.function(self.on_hand, self.on_order, owed, day, np.array(policy.parameters, dtype=float))
            return int(answer)  # type: ignore[call-overload, no-any-return]
        return int(wanted_units(policy.name or self.node, policy.function, self._view())[0])

    def _wanted_by_rule(self) -> int:
        policy, position = self.spec.policy, self.position_of_stock
        if position > policy.reorder_point:
            return 0
        if policy.order_quantity > 0:
            return packed(policy.reorder_point + 1 - position, policy.order_quantity)
        return policy.order_up_to_level - position

    def _view(self) -> PolicyView:
        return PolicyView(
            sku=(self.spec.sku,),
            site=(self.spec.site,),
            day=self._world.now / TICKS_PER_DAY,
            replication=self._world.luck.replication,
            on_hand=np.array([self.on_hand]),
            on_order=np.array([self.on_order]),
            backordered=np.array([self.backordered + self.owed]),
            demand_by_day=by_day(self.demand_by_day, self._world.today)[np.newaxis],
        )

    def _order(self, units: int) -> None:
        self.measure()
        self.on_order += units
        self._sums.add("orders")
        self._sums.add("ordered", units)
        self._world.log(Event.ORDER_PLACED, self.position, self._orders, units, self.net_stock)
        self._orders += 1
        if self.source is None:
            self.expect(units, price_of(self.spec, units))
        else:
            self.source.send_to(self, units)

    def send_to(self, point: Point, units: int) -> None:
        """Meet what another site asks for, as far as stock goes; the rest is owed."""
        site = OtherSite(point)
        met = self.ask(units, site).met
        if met > 0:
            site.take_piece(met)
        self.look()

    def expect(self, units: int, price: float) -> None:
        """Units are under way from the source, from now on."""
        day = self._world.today
        number = self._shipments[day]
        self._shipments[day] += 1
        arrival = self._world.end_of_outage(self.spec.source, self._world.now) + self._lead_ticks(number, day)
        arriving = self._arriving(units, number, day)
        receipt = partial(self._receive, units, arriving, price)
        self._world.agenda.at(arrival, Rank.RECEIPT, self.position, receipt)

    def _lead_ticks(self, number: int, day: int) -> int:
        days = self._world.luck.value(self.spec.lead_time, "lead time", self.node, number, day)
        if self.spec.whole_day_lead_time:
            return max(units_of(days), 1) * TICKS_PER_DAY
        return ticks_of(days)

    def _arriving(self, units: int, number: int, day: int) -> int:
        if self.spec.yield_rate is None:
            return units
        return units_of(units * self._world.luck.value(self.spec.yield_rate, "yield", self.node, number, day))

    def _receive(self, ordered: int, arriving: int, price: float) -> None:
        self.measure()
        self.on_order -= ordered
        self.on_hand += arriving
        self._keep(arriving)
        self._sums.add("received", arriving)
        self.purchase_cost += arriving * price
        self._world.log(Event.RECEIPT, self.position, self._receipts, arriving, self.net_stock)
        self._receipts += 1
        self._serve_who_waits()
        self._sums.add("cycles")
        self._sums.add("stock_out_cycles", int(self._cycle_is_short))
        self._cycle_is_short = False

    # What is counted

    def measure(self) -> None:
        """Add the time since the last change to the integrals."""
        elapsed = self._world.now - self._measured_to
        self._measured_to = self._world.now
        self._sums.add("on_hand_ticks", elapsed * self.on_hand)
        self._sums.add("on_order_ticks", elapsed * self.on_order)
        self._sums.add("backordered_ticks", elapsed * self.backordered)
        self._sums.add("in_stock_ticks", elapsed * (self.on_hand > 0))
        self._sums.add("no_backorder_ticks", elapsed * (self.backordered == 0))

    def end_warm_up(self) -> None:
        """All sums begin anew."""
        self.measure()
        self._sums.reset()
        self.purchase_cost = 0.0

    def write(self, tallies: object, replication: int) -> None:
        """The sums, and the state at the end."""
        self.measure()
        for name in ("on_hand", "on_order", "backordered", "owed"):
            self._sums.add(f"{name}_end", getattr(self, name))
        self._sums.write(tallies, replication, self.position)


def packed(units: int, pack: int) -> int:
    """The least multiple of a pack that is no less.

    >>> packed(25, 12)
    36
    """
    return -(-units // pack) * pack


def price_of(point: StockPoint, units: int) -> float:
    """Of a unit, in an order of so many: that of the last price break it reaches."""
    price = point.unit_cost
    for least, unit_cost in point.price_breaks:
        if units >= least:
            price = unit_cost
    return price


def by_day(units: dict[int, int], days: int) -> IntArray:
    """Units of days 0, 1, … as an array, shape (day,)."""
    return np.array([units.get(day, 0) for day in range(days)], dtype=np.int64)
