"""Orders in the plain interpreter: their lines, their parcels on the route and with the carrier, and returns."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from simulation.calendars import OpenTime, next_pickup, pickup_ticks, promise_times, promised, work_ends
from simulation.interpreter_agenda import Event, Rank, Sums, World, units_of
from simulation.interpreter_stations import Station
from simulation.interpreter_stock import Answer, Point
from simulation.scenario import Carrier, OrderStream
from simulation.tallies import STREAM_FIELDS


class Stream:
    """Orders of one kind, while a replication runs."""

    def __init__(
        self,
        spec: OrderStream,
        position: int,
        *,
        points: dict[tuple[str, str], Point],
        stations: dict[str, Station],
        carrier: Carrier | None,
        hours: OpenTime,
        world: World,
        first_weekday: int,
    ) -> None:
        self.spec = spec
        self.position = position
        self.world = world
        self.sums = Sums(STREAM_FIELDS)
        self.route = [stations[name] for name in spec.route]
        self.inspection = stations[spec.returns.station] if spec.returns.station else None
        self.carrier = carrier
        self.carrier_node = f"{spec.name}/{spec.carrier}"
        self._points = [points[sku, spec.site] for sku in spec.skus]
        self._weights = list(accumulate(spec.weights))
        self._hours = hours
        self._open = 0
        promised_days = 0.0 if carrier is None else carrier.promised_days
        self._promises = promise_times(spec.cut_off, spec.working_days, promised_days, first_weekday)
        self._pickups = pickup_ticks(() if carrier is None else carrier.pickups, first_weekday)

    def plan_next_order(self, number: int) -> None:
        """Schedule the order of this number, if the stream has so many."""
        if self.spec.limit and number >= self.spec.limit:
            return
        interval = self.world.luck.ticks(self.spec.interarrival, "interarrival", self.spec.name, 0, number)
        tick = int(work_ends(self._hours, self.world.now, interval))
        self.world.agenda.at(tick, Rank.ORDER, self.position, partial(self._order_comes, number))

    def _order_comes(self, number: int) -> None:
        order = Order(self, number, int(promised(self._promises, self.world.now)))
        self._count_order(order)
        order.begin()
        self.plan_next_order(number + 1)

    def _count_order(self, order: Order) -> None:
        self._open += 1
        units = sum(line.units for line in order.lines)
        self.sums.add("orders")
        self.sums.add("lines", len(order.lines))
        self.sums.add("units", units)
        self.log(Event.ORDER, order.number, units, len(order.lines))

    def draw_lines(self, number: int) -> dict[Point, int]:
        """Units by stock point, in the order in which they are first named."""
        luck, name = self.world.luck, self.spec.name
        wanted: dict[Point, int] = {}
        if not self._points:
            return wanted
        for line in range(units_of(luck.value(self.spec.lines, "lines", name, 0, number))):
            point = self._draw_point(luck.uniform("line sku", name, number, line))
            units = max(units_of(luck.value(self.spec.units, "line units", name, number, line)), 1)
            wanted[point] = wanted.get(point, 0) + units
        return wanted

    def _draw_point(self, uniform: float) -> Point:
        """The first point whose running sum of weights exceeds the share drawn of them all."""
        return self._points[bisect_right(self._weights, uniform * self._weights[-1])]

    def next_pickup(self) -> int:
        """When a parcel that is ready now leaves."""
        return int(next_pickup(self._pickups, self.world.now))

    def order_ended(self, order: Order) -> None:
        """Count what became of an order."""
        self._open -= 1
        self.sums.add("done")
        if order.last_delivery is None:
            self.sums.add("turned_away" if order.was_turned_away else "cancelled")
            return
        on_time = order.last_delivery <= order.promise
        in_full = not order.has_lost
        self.sums.add("delivered")
        self.sums.add("in_full", int(in_full))
        self.sums.add("on_time", int(on_time))
        self.sums.add("on_time_in_full", int(on_time and in_full))
        self.sums.add("time_in_system", order.last_delivery - order.arrival)

    def log(self, event: Event, number: int, units: int, level: int) -> None:
        """Write a row about an order of the stream."""
        self.world.log(event, self.position, number, units, level)

    def write(self, tallies: object, replication: int) -> None:
        """The sums, and the state at the end."""
        self.sums.add("open_end", self._open)
        self.sums.write(tallies, replication, self.position)


class Line:
    """What an order asks for at one stock point."""

    is_site = False

    def __init__(self, order: Order, point: Point, units: int) -> None:
        self.order = order
        self.point = point
        self.units = units
        self.priority = order.stream.spec.priority
        self.collected = 0

    def ask(self, units: int, *, counted: bool) -> None:
        """Ask for units at the point."""
        answer: Answer = self.point.ask(units, self, counted=counted)
        self.collected += answer.met
        self.order.waiting += answer.waiting
        self.order.has_lost |= answer.lost > 0

    def take_piece(self, units: int) -> None:
        """Units it waited for are there."""
        self.collected += units
        self.order.waiting -= units
        self.order.send_collected()

    def lose(self, units: int) -> None:
        """It waits for these units no longer."""
        self.order.waiting -= units
        self.order.has_lost = True
        self.order.send_collected()
        self.order.end_if_nothing_is_left()


class Order:
    """An order from its arrival to its end.

    Attributes:
        lines: What it asks for, one line for each stock point.
        waiting: Units its lines wait for.
        under_way: Its parcels that are neither delivered, lost nor turned away.
        last_delivery: Tick of its last delivery so far, None before the first.
    """

    def __init__(self, stream: Stream, number: int, promise: int) -> None:
        self.stream = stream
        self.number = number
        self.key = number * stream.world.streams + stream.position
        self.arrival = stream.world.now
        self.promise = promise
        self.lines = [Line(self, point, units) for point, units in stream.draw_lines(number).items()]
        self.waiting = 0
        self.under_way = 0
        self.last_delivery: int | None = None
        self.has_lost = False
        self.was_turned_away = False
        self.passes = 0
        self.jobs: Counter[str] = Counter()
        self._parcels = 0
        self._has_ended = False

    def begin(self) -> None:
        """Ask for everything; what is there sets out."""
        for line in self.lines:
            line.ask(line.units, counted=True)
        if self.lines:
            self.send_collected()
        else:
            self._send([])
        self.end_if_nothing_is_left()
        self.let_policies_look(self.lines)

    def ask_again(self, contents: Sequence[tuple[Line, int]]) -> None:
        """A parcel of this was lost: take its goods from stock once more."""
        for line, units in contents:
            line.point.write_off(units)
            line.ask(units, counted=False)
        self.send_collected()

    def let_policies_look(self, lines: Sequence[Line]) -> None:
        """One after the other, in the order of the lines."""
        for line in lines:
            line.point.look()

    def send_collected(self) -> None:
        """Make a parcel of what is there, unless the order is shipped complete and something waits."""
        if self.stream.spec.ship_complete and self.waiting > 0:
            return
        contents = [(line, line.collected) for line in self.lines if line.collected > 0]
        for line, _ in contents:
            line.collected = 0
        if contents:
            self._send(contents)

    def _send(self, contents: list[tuple[Line, int]]) -> None:
        parcel = Parcel(self, self._parcels, contents)
        self._parcels += 1
        self.under_way += 1
        parcel.begin_route()

    def end_if_nothing_is_left(self) -> None:
        """The order ends when nothing of it waits or is under way."""
        if self.waiting == 0 and self.under_way == 0 and not self._has_ended:
            self._has_ended = True
            self.stream.order_ended(self)


@dataclass(eq=False)
class Parcel:
    """Units of an order that travel together."""

    order: Order
    number: int
    contents: list[tuple[Line, int]]
    step: int = 0

    def __post_init__(self) -> None:
        self.units = sum(units for _, units in self.contents)
        self.order_key = self.order.key
        self.stream = self.order.stream
        self.world = self.stream.world

    # On the route

    def begin_route(self) -> None:
        """Join the first station."""
        self.step = 0
        self._join_next()

    def _join_next(self) -> None:
        if self.step == len(self.stream.route):
            self._dispatch()
        elif not self.stream.route[self.step].join(self):
            self._turned_away()

    def taken_in(self, station: str) -> int:
        """Count a job of the order at the station; its number."""
        self.order.jobs[station] += 1
        return self.order.jobs[station] - 1

    def service_node(self, station: str) -> tuple[str, int]:
        """Node and entity of the luck of its service."""
        return f"{self.stream.spec.name}/{station}", self.order.number

    def work_done(self) -> None:
        """Go on to the next station, begin again, or leave."""
        self.step += 1
        if self.step == len(self.stream.route) and self._begins_again():
            self.stream.sums.add("reworked")
            self.begin_route()
        else:
            self._join_next()

    def _begins_again(self) -> bool:
        number = self.order.passes
        self.order.passes += 1
        return self._happens(self.stream.spec.rework_probability, "rework", number)

    def _turned_away(self) -> None:
        for line, units in self.contents:
            line.point.plan_restock(units, self.order.key)
        self.order.was_turned_away = True
        self.order.has_lost = True
        self._is_gone()

    def _is_gone(self) -> None:
        self.order.under_way -= 1
        self.order.end_if_nothing_is_left()

    # With the carrier

    def _dispatch(self) -> None:
        self.stream.sums.add("parcels")
        self.stream.log(Event.DISPATCHED, self.order.number, self.units, self.number)
        arrival, is_lost = self.world.now, False
        if self.stream.carrier is not None:
            arrival, is_lost = self._carried_by(self.stream.carrier)
        found = self._found_lost if is_lost else self._delivered
        self.world.agenda.at(arrival, Rank.DELIVERY, self.stream.position, found)

    def _carried_by(self, carrier: Carrier) -> tuple[int, bool]:
        """When it should come, and whether it is lost instead."""
        luck, node, address = self.world.luck, self.stream.carrier_node, (self.order.number, self.number)
        arrival = self.stream.next_pickup() + luck.ticks(carrier.transit, "transit", node, *address)
        if luck.happens(carrier.delay_probability, "delayed", node, *address):
            arrival += luck.ticks(carrier.delay, "delay", node, *address)
            self.stream.sums.add("parcels_late")
        return arrival, luck.happens(carrier.loss_probability, "parcel lost", node, *address)

    def _delivered(self) -> None:
        self.stream.log(Event.DELIVERY, self.order.number, self.units, self.number)
        self.order.last_delivery = self.world.now
        self._plan_return()
        self._is_gone()

    def _found_lost(self) -> None:
        self.stream.log(Event.DELIVERY, self.order.number, self.units, -1 - self.number)
        self.stream.sums.add("parcels_lost")
        self.order.ask_again(self.contents)
        self._is_gone()
        self.order.let_policies_look([line for line, _ in self.contents])

    # Coming back

    def _plan_return(self) -> None:
        returns = self.stream.spec.returns
        if self._happens(returns.probability, "returned", self.number):
            delay = self.world.luck.ticks(
                returns.delay, "return delay", self.stream.spec.name, self.order.number, self.number
            )
            back = Return(self)
            self.world.agenda.at(self.world.now + delay, Rank.RETURN, self.stream.position, back.arrives)

    def comes_back_good(self) -> bool:
        """Whether the inspection lets it back into stock."""
        return self._happens(self.stream.spec.returns.restock_probability, "restocked", self.number)

    def _happens(self, probability: float, purpose: str, number: int) -> bool:
        return self.world.luck.happens(probability, purpose, self.stream.spec.name, self.order.number, number)


@dataclass(eq=False)
class Return:
    """A parcel that comes back."""

    parcel: Parcel

    def __post_init__(self) -> None:
        self.units = self.parcel.units
        self.order_key = self.parcel.order_key

    def arrives(self) -> None:
        """Join the inspection, or be dealt with at once."""
        inspection = self.parcel.stream.inspection
        if inspection is None:
            self.work_done()
        elif not inspection.join(self):
            self._ends(back_in_stock=False)

    def taken_in(self, station: str) -> int:
        """Count a job of the order at the station; its number."""
        return self.parcel.taken_in(station)

    def service_node(self, station: str) -> tuple[str, int]:
        """Node and entity of the luck of its service."""
        return self.parcel.service_node(station)

    def work_done(self) -> None:
        """Back into stock, or written off."""
        self._ends(back_in_stock=self.parcel.comes_back_good())

    def _ends(self, *, back_in_stock: bool) -> None:
        parcel = self.parcel
        parcel.stream.sums.add("returns")
        parcel.stream.log(
            Event.RETURN_INSPECTED, parcel.order.number, self.units if back_in_stock else 0, parcel.number
        )
        for line, units in parcel.contents:
            if back_in_stock:
                line.point.plan_restock(units, parcel.order.key)
            else:
                line.point.write_off(units)
