"""What an executor counts: raw sums by replication, from which every measure is made in `measures.py`.

All three executors fill the same fields with the same numbers. Sums begin at the end of the warm-up. Integrals over
time are exact, in ticks × units, as int64.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from simulation.arrays import FloatArray, IntArray

WAIT_BINS_PER_OCTAVE = 64
WAIT_BINS = 44 * WAIT_BINS_PER_OCTAVE
"""A wait of w ticks falls into bin floor(64 · log2(1 + w)), at most the last."""


@dataclass(frozen=True, eq=False)
class PointTallies:
    """Of each stock point, arrays of shape (replication, point); units unless said.

    Attributes:
        demand: Asked for by customers and order lines (not by other sites).
        demand_events: Customers and order lines that asked for at least one unit.
        filled: Met from stock at the moment they were asked for.
        filled_events: Met whole at that moment.
        lost: Never met: lost sales and backorders whose patience ended.
        served_late: Backordered, then met.
        wait: Ticks waited by units met late, unit-ticks.
        internal_demand: Asked for by sites supplied from here.
        internal_filled: Of these, dispatched at once.
        orders: Replenishment orders placed.
        ordered: Units of them.
        received: Arrivals, pipeline included.
        restocked: Returned (or turned away) units put back into stock.
        written_off: Returned units that were not, and units lost by carriers.
        spoiled: Thrown away at the end of their shelf life.
        cycles: Receipts of replenishment orders or pipeline.
        stock_out_cycles: Of these, with some demand not met at once since the receipt before (or the start).
        on_hand_ticks, on_order_ticks, backordered_ticks: Integrals over time, unit-ticks; backordered counts
            customers' units, not those owed to other sites.
        in_stock_ticks: Time with on hand above 0.
        no_backorder_ticks: Time without customers' backorders.
        on_hand_end, on_order_end, backordered_end: As they stand at the end.
        owed_end: Units owed to other sites at the end.
    """

    demand: IntArray
    demand_events: IntArray
    filled: IntArray
    filled_events: IntArray
    lost: IntArray
    served_late: IntArray
    wait: IntArray
    internal_demand: IntArray
    internal_filled: IntArray
    orders: IntArray
    ordered: IntArray
    received: IntArray
    restocked: IntArray
    written_off: IntArray
    spoiled: IntArray
    cycles: IntArray
    stock_out_cycles: IntArray
    on_hand_ticks: IntArray
    on_order_ticks: IntArray
    backordered_ticks: IntArray
    in_stock_ticks: IntArray
    no_backorder_ticks: IntArray
    on_hand_end: IntArray
    on_order_end: IntArray
    backordered_end: IntArray
    owed_end: IntArray


POINT_FIELDS = tuple(field.name for field in fields(PointTallies))


@dataclass(frozen=True, eq=False)
class StreamTallies:
    """Of each order stream, arrays of shape (replication, stream).

    Orders count in the sums of what ended within the measured time, whenever they came.

    Attributes:
        orders: That came.
        lines: Their lines, after lines of one SKU are added up.
        units: Their units.
        done: Orders that ended: delivered, cancelled or turned away.
        delivered: Orders of which at least one unit (or, without lines, the work) reached the customer.
        in_full: Delivered orders that lost nothing.
        on_time: Delivered orders whose last parcel came by the promise (all, where nothing is promised).
        on_time_in_full: Both.
        cancelled: Orders of which nothing could be delivered.
        turned_away: Orders that found a queue full.
        time_in_system: From arrival to the last delivery, of delivered orders, ticks.
        parcels: Dispatched.
        parcels_late: Delayed by their carrier.
        parcels_lost: Lost by their carrier.
        returns: Parcels that came back and were dealt with.
        reworked: Passes of a route that had to begin again.
        open_end: Orders not ended at the end.
    """

    orders: IntArray
    lines: IntArray
    units: IntArray
    done: IntArray
    delivered: IntArray
    in_full: IntArray
    on_time: IntArray
    on_time_in_full: IntArray
    cancelled: IntArray
    turned_away: IntArray
    time_in_system: IntArray
    parcels: IntArray
    parcels_late: IntArray
    parcels_lost: IntArray
    returns: IntArray
    reworked: IntArray
    open_end: IntArray


STREAM_FIELDS = tuple(field.name for field in fields(StreamTallies))


@dataclass(frozen=True, eq=False)
class StationTallies:
    """Of each station, arrays of shape (replication, station) unless said.

    Attributes:
        arrivals: Jobs that came, those turned away included.
        turned_away: Jobs that found the queue full.
        started: Jobs whose work began.
        waited: Of these, with a wait above 0.
        wait: Ticks from arrival to the first moment of work, of jobs started.
        busy_ticks: Server-ticks spent on jobs, closed hours within a job included.
        working_ticks: Server-ticks of work itself.
        queue_ticks: Integral of the number waiting.
        wait_histogram: Jobs started by their wait, shape (replication, station, WAIT_BINS).
        in_queue_end: Waiting at the end.
        in_service_end: In hand at the end.
    """

    arrivals: IntArray
    turned_away: IntArray
    started: IntArray
    waited: IntArray
    wait: IntArray
    busy_ticks: IntArray
    working_ticks: IntArray
    queue_ticks: IntArray
    wait_histogram: IntArray
    in_queue_end: IntArray
    in_service_end: IntArray


STATION_FIELDS = tuple(field.name for field in fields(StationTallies))


@dataclass(frozen=True, eq=False)
class DailySeries:
    """State at the end of each day (after the last event before midnight), for pictures.

    Attributes:
        on_hand, on_order, backordered: Units, shape (replication, day, point).
        in_queue, in_service: Jobs, shape (replication, day, station).
        demand, filled: Units of the day, shape (replication, day, point).
    """

    on_hand: IntArray
    on_order: IntArray
    backordered: IntArray
    in_queue: IntArray
    in_service: IntArray
    demand: IntArray
    filled: IntArray


@dataclass(frozen=True, eq=False)
class EventLog:
    """What happened, in order, arrays of shape (event,); codes are those of docs/simulation/rules.md.

    Attributes:
        replication: Of the event.
        tick: When.
        event: Code, see `EVENT_NAMES`.
        place: Position of the stock point, stream or station the event is about.
        number: Which customer, order, parcel or replenishment order (counted from 0 in its place).
        units: How many.
        level: Stock on hand minus backorders of the point after the event, or the queue after it.
    """

    replication: IntArray
    tick: IntArray
    event: IntArray
    place: IntArray
    number: IntArray
    units: IntArray
    level: IntArray


EVENT_NAMES = (
    "receipt",
    "restock",
    "spoilage",
    "work done",
    "delivery",
    "return inspected",
    "demand",
    "order",
    "patience ended",
    "order placed",
    "work begun",
    "dispatched",
    "work queued",
    "turned away",
)
"""Name of each event code of an `EventLog`, by position."""


@dataclass(frozen=True, eq=False)
class Tallies:
    """What replications of a scenario came to.

    Attributes:
        days: Measured, the warm-up left out.
        first_replication: Number of the first replication here.
        points, streams, stations: Sums.
        purchase_cost: Units received × their price, shape (replication, point).
        daily: States by day, where asked for.
        log: Events, where asked for.
    """

    days: float
    first_replication: int
    points: PointTallies
    streams: StreamTallies
    stations: StationTallies
    purchase_cost: FloatArray
    daily: DailySeries | None = None
    log: EventLog | None = None

    @property
    def replications(self) -> int:
        """How many."""
        return len(self.purchase_cost)


def empty_tallies(replications: int, points: int, streams: int, stations: int, *, days: float, first: int) -> Tallies:
    """All zeros, for an executor to fill."""

    def zeros(*shape: int) -> IntArray:
        return np.zeros(shape, dtype=np.int64)

    return Tallies(
        days=days,
        first_replication=first,
        points=PointTallies(**{name: zeros(replications, points) for name in POINT_FIELDS}),
        streams=StreamTallies(**{name: zeros(replications, streams) for name in STREAM_FIELDS}),
        stations=StationTallies(
            **{
                name: zeros(replications, stations, WAIT_BINS)
                if name == "wait_histogram"
                else zeros(replications, stations)
                for name in STATION_FIELDS
            }
        ),
        purchase_cost=np.zeros((replications, points)),
    )


def joined(parts: list[Tallies]) -> Tallies:
    """Replications of several runs of one scenario as those of one run, in the order given."""

    def together(name: str) -> object:
        members = [getattr(part, name) for part in parts]
        if members[0] is None:
            return None
        kind = type(members[0])
        return kind(**{f.name: np.concatenate([getattr(one, f.name) for one in members]) for f in fields(kind)})

    return Tallies(
        days=parts[0].days,
        first_replication=parts[0].first_replication,
        purchase_cost=np.concatenate([part.purchase_cost for part in parts]),
        **{name: together(name) for name in ("points", "streams", "stations", "daily", "log")},  # type: ignore[arg-type]
    )
