"""A scenario as flat arrays, the way compiled loops read it: one row for each stock point, stream, station, carrier.

Columns are named by the constants below; what varies in number (times of demand, outages, price breaks, routes)
lies in two long lists, whole numbers in `whole` and others in `real`, and rows hold where theirs begin and how many
there are. Times are ticks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from simulation.arrays import FloatArray, IntArray
from simulation.distributions import Distribution, DistributionTable, constant, distribution_table
from simulation.event_queue import NEVER
from simulation.lean import inverses
from simulation.scenario import TICKS_PER_DAY, Carrier, OrderStream, Policy, Scenario, Station, StockPoint
from simulation.streams import stream_key

# Stock points

NO_DEMAND, RENEWAL, DAILY, PATHS, EVENTS = range(5)
DEMAND_KINDS = {"none": NO_DEMAND, "renewal": RENEWAL, "daily": DAILY, "paths": PATHS, "events": EVENTS}
NEVER_ORDERS, REORDERS, COMPILED = range(3)
FIFO, PRIORITY, RATIONING = range(3)
ALLOCATIONS = {"fifo": FIFO, "priority": PRIORITY, "rationing": RATIONING}

(
    ON_HAND,
    DEMAND_KIND,
    INTERARRIVAL,
    SIZE,
    FIXED_SIZE,  # units of every customer, or −1 where they vary
    DEMAND_START,  # in `whole`: paths one after the other; or ticks, then quantities
    DEMAND_COUNT,
    DEMAND_PATHS,
    POLICY_KIND,
    REORDER_POINT,
    ORDER_UP_TO,
    ORDER_QUANTITY,
    REVIEW_PERIOD,
    REVIEW_DAYS,  # in `real`: the first, and the period
    FUNCTION,  # address
    PARAMETER_START,
    PARAMETER_COUNT,
    LEAD_TIME,
    WHOLE_DAYS,
    PACK_SIZE,
    MOQ,
    BACKORDERS,
    PATIENCE,  # −1: for ever
    RESERVE,
    SHELF_LIFE,
    YIELD,  # −1: all
    SOURCE,  # position of the point that supplies, or −1
    OUTAGE_START,  # of the source, in `whole`: start, end, start, end, …
    OUTAGE_COUNT,
    BREAK_START,  # quantities in `whole`, prices at the same place of `real`
    BREAK_COUNT,
    PIPELINE_START,  # ticks and units in turn, by tick
    PIPELINE_COUNT,
    ALLOCATION,
    LOOKS_BELOW,  # above this inventory position the policy orders nothing
    POINT_COLUMNS,
) = range(36)

POINT_PURPOSES = ("interarrival", "size", "patience", "lead time", "yield")

# Order streams

(
    CHOICE_START,  # in `whole`: the points a line may ask for, in `real`: their weights added up
    CHOICE_COUNT,
    STREAM_INTERARRIVAL,
    LINES,
    UNITS,
    STREAM_PRIORITY,
    SHIP_COMPLETE,
    ROUTE_START,
    ROUTE_COUNT,
    LIMIT,
    CARRIER,  # −1: none
    INSPECTION,  # station, or −1
    RETURN_DELAY,
    STREAM_COLUMNS,
) = range(14)

(REWORK, RETURN_CHANCE, RESTOCK_CHANCE, STREAM_CHANCES) = range(4)

STREAM_PURPOSES = (
    "interarrival", "lines", "line sku", "line units", "rework", "returned", "return delay", "restocked",
    "transit", "delayed", "delay", "parcel lost",
)  # fmt: skip

# Stations and carriers

SERVERS, SERVICE, QUEUE_LIMIT, STATION_COLUMNS = range(4)
TRANSIT, DELAY, CARRIER_COLUMNS = range(3)
DELAY_CHANCE, LOSS_CHANCE, CARRIER_CHANCES = range(3)


class Tables(NamedTuple):
    """The columns of a scenario.

    Attributes:
        points: Shape (point, POINT_COLUMNS).
        streams: Shape (stream, STREAM_COLUMNS).
        stream_chances: Shape (stream, STREAM_CHANCES).
        stations: Shape (station, STATION_COLUMNS).
        station_per_unit: Days of work per unit, shape (station,).
        carriers: Shape (carrier, CARRIER_COLUMNS).
        carrier_chances: Shape (carrier, CARRIER_CHANCES).
        unit_cost: Shape (point,).
        whole, real: Long lists, shape (n,) each; a position means the same in both.
        point_keys: Shape (point, purpose, 2), of `POINT_PURPOSES`.
        stream_keys: Shape (stream, purpose, 2), of `STREAM_PURPOSES`.
        job_keys: Shape (stream, station, 2), of service times.
        distributions: All of them.
        inverses: The same, see `lean.inverses`.
    """

    points: IntArray
    streams: IntArray
    stream_chances: FloatArray
    stations: IntArray
    station_per_unit: FloatArray
    carriers: IntArray
    carrier_chances: FloatArray
    unit_cost: FloatArray
    whole: IntArray
    real: FloatArray
    point_keys: IntArray
    stream_keys: IntArray
    job_keys: IntArray
    distributions: DistributionTable
    inverses: IntArray


def ticks(days: float) -> int:
    """A duration in ticks, rounded half up.

    >>> ticks(0.5)
    43200000
    """
    return int(days * TICKS_PER_DAY + 0.5)


def tables(scenario: Scenario, *, seed: int, addresses: Sequence[int] = ()) -> Tables:
    """Everything compiled loops need to know of a scenario.

    Args:
        scenario: Checked already.
        seed: Of all random numbers.
        addresses: Of the compiled policy of each stock point, 0 for none; left out: all 0.
    """
    book = _Book(scenario, seed, addresses)
    points = [book.point(position, point) for position, point in enumerate(scenario.points)]
    streams = [book.stream(stream) for stream in scenario.streams]
    stations = [book.station(station) for station in scenario.stations]
    carriers = [book.carrier(carrier) for carrier in scenario.carriers]
    distributions = distribution_table(book.distributions or [constant(0.0)])
    return Tables(
        points=_rows(points, POINT_COLUMNS),
        streams=_rows(streams, STREAM_COLUMNS),
        stream_chances=_reals([_stream_chances(stream) for stream in scenario.streams], STREAM_CHANCES),
        stations=_rows(stations, STATION_COLUMNS),
        station_per_unit=np.array([station.per_unit for station in scenario.stations], dtype=np.float64),
        carriers=_rows(carriers, CARRIER_COLUMNS),
        carrier_chances=_reals(
            [[carrier.delay_probability, carrier.loss_probability] for carrier in scenario.carriers], CARRIER_CHANCES
        ),
        unit_cost=np.array([point.unit_cost for point in scenario.points], dtype=np.float64),
        whole=np.array([*book.whole, 0], dtype=np.int64),
        real=np.array([*book.real, 0.0], dtype=np.float64),
        point_keys=book.point_keys(),
        stream_keys=book.stream_keys(),
        job_keys=book.job_keys(),
        distributions=distributions,
        inverses=inverses(distributions),
    )


class _Book:
    """Collects the long lists and distributions while rows are written."""

    def __init__(self, scenario: Scenario, seed: int, addresses: Sequence[int]) -> None:
        self.scenario, self.seed = scenario, seed
        self.addresses = addresses or [0] * len(scenario.points)
        self.whole: list[int] = []
        self.real: list[float] = []
        self.distributions: list[Distribution] = []
        self.point_at = {(point.sku, point.site): position for position, point in enumerate(scenario.points)}
        self.station_at = {station.name: position for position, station in enumerate(scenario.stations)}
        self.carrier_at = {carrier.name: position for position, carrier in enumerate(scenario.carriers)}
        self.allocations = {site.name: ALLOCATIONS[site.allocation] for site in scenario.sites}

    def point(self, position: int, point: StockPoint) -> list[int]:
        demand, policy = point.demand, point.policy
        row = [0] * POINT_COLUMNS
        row[ON_HAND], row[DEMAND_KIND] = point.on_hand, DEMAND_KINDS[demand.kind]
        row[INTERARRIVAL], row[SIZE] = self.add(demand.interarrival), self.add(demand.size)
        row[FIXED_SIZE] = int(demand.size.quantile(0.5) + 0.5) if demand.size.kind == "constant" else -1
        row[DEMAND_START], row[DEMAND_COUNT], row[DEMAND_PATHS] = self.demand(point)
        row[POLICY_KIND] = {"none": NEVER_ORDERS, "reorder": REORDERS}.get(policy.kind, COMPILED)
        row[LOOKS_BELOW] = _looks_below(policy)
        row[REORDER_POINT], row[ORDER_UP_TO] = policy.reorder_point, policy.order_up_to_level
        row[ORDER_QUANTITY] = policy.order_quantity
        row[REVIEW_PERIOD] = ticks(policy.review_period_days)
        row[REVIEW_DAYS], _ = self.list_real((policy.first_review_day, policy.review_period_days))
        row[FUNCTION] = self.addresses[position]
        row[PARAMETER_START], row[PARAMETER_COUNT] = self.list_real(policy.parameters)
        row[LEAD_TIME], row[WHOLE_DAYS] = self.add(point.lead_time), int(point.whole_day_lead_time)
        row[PACK_SIZE], row[MOQ] = point.pack_size, point.moq
        row[BACKORDERS], row[PATIENCE] = int(point.on_shortage == "backorder"), self.add(point.patience)
        row[RESERVE], row[SHELF_LIFE] = point.reserve, ticks(point.shelf_life_days)
        row[YIELD] = self.add(point.yield_rate)
        row[SOURCE] = self.point_at.get((point.sku, point.source), -1)
        row[OUTAGE_START], count = self.list_whole(self.outages(point.source))
        row[OUTAGE_COUNT] = count // 2
        row[BREAK_START], row[BREAK_COUNT] = self.list_both(point.price_breaks)
        pipeline = sorted(((ticks(day), units) for day, units in point.pipeline), key=lambda entry: entry[0])
        row[PIPELINE_START], count = self.list_whole(number for entry in pipeline for number in entry)
        row[PIPELINE_COUNT] = count // 2
        row[ALLOCATION] = self.allocations.get(point.site, FIFO)
        return row

    def demand(self, point: StockPoint) -> tuple[int, int, int]:
        """Where the demand's numbers begin, how many there are (of a path), and paths."""
        demand = point.demand
        if demand.kind == "paths" and demand.paths is not None:
            start, _ = self.list_whole(demand.paths.ravel().tolist())
            return start, demand.paths.shape[1], demand.paths.shape[0]
        if demand.kind == "events" and demand.times is not None and demand.quantities is not None:
            start, count = self.list_whole(ticks(day) for day in demand.times.tolist())
            self.list_whole(demand.quantities.tolist())
            return start, count, 0
        return 0, 0, 0

    def outages(self, place: str) -> list[int]:
        """Starts and ends of a place's outages, those that touch put together, ascending."""
        spells = sorted((ticks(o.start_day), ticks(o.end_day)) for o in self.scenario.outages if o.place == place)
        joined: list[list[int]] = []
        for start, end in spells:
            if joined and start <= joined[-1][1]:
                joined[-1][1] = max(end, joined[-1][1])
            else:
                joined.append([start, end])
        return [number for spell in joined for number in spell]

    def stream(self, stream: OrderStream) -> list[int]:
        row = [0] * STREAM_COLUMNS
        places = [self.point_at[sku, stream.site] for sku in stream.skus]
        row[CHOICE_START], row[CHOICE_COUNT] = self.list_both(zip(places, accumulate(stream.weights), strict=True))
        row[STREAM_INTERARRIVAL] = self.add(stream.interarrival)
        row[LINES], row[UNITS] = self.add(stream.lines), self.add(stream.units)
        row[STREAM_PRIORITY], row[SHIP_COMPLETE] = stream.priority, int(stream.ship_complete)
        row[ROUTE_START], row[ROUTE_COUNT] = self.list_whole(self.station_at[name] for name in stream.route)
        row[LIMIT], row[CARRIER] = stream.limit, self.carrier_at.get(stream.carrier, -1)
        row[INSPECTION] = self.station_at.get(stream.returns.station, -1)
        row[RETURN_DELAY] = self.add(stream.returns.delay)
        return row

    def station(self, station: Station) -> list[int]:
        return [station.servers, self.add(station.service), station.queue_limit]

    def carrier(self, carrier: Carrier) -> list[int]:
        return [self.add(carrier.transit), self.add(carrier.delay)]

    def add(self, distribution: Distribution | None) -> int:
        """Position of a distribution in the table; −1 for none."""
        if distribution is None:
            return -1
        self.distributions.append(distribution)
        return len(self.distributions) - 1

    def list_whole(self, numbers: Iterable[int]) -> tuple[int, int]:
        """Where whole numbers begin in the long list, and how many they are."""
        return self.list_both((number, 0.0) for number in numbers)

    def list_real(self, numbers: Iterable[float]) -> tuple[int, int]:
        return self.list_both((0, number) for number in numbers)

    def list_both(self, pairs: Iterable[tuple[int, float]]) -> tuple[int, int]:
        start = len(self.whole)
        for whole, real in pairs:
            self.whole.append(int(whole))
            self.real.append(float(real))
        return start, len(self.whole) - start

    def point_keys(self) -> IntArray:
        nodes = [f"{point.sku}@{point.site}" for point in self.scenario.points]
        return _keys(self.seed, [[(purpose, node) for purpose in POINT_PURPOSES] for node in nodes])

    def stream_keys(self) -> IntArray:
        rows = []
        for stream in self.scenario.streams:
            rows.append([(purpose, stream.name) for purpose in STREAM_PURPOSES[:8]])
            rows[-1] += [(purpose, f"{stream.name}/{stream.carrier}") for purpose in STREAM_PURPOSES[8:]]
        return _keys(self.seed, rows)

    def job_keys(self) -> IntArray:
        return _keys(
            self.seed,
            [
                [("service", f"{stream.name}/{station.name}") for station in self.scenario.stations]
                for stream in self.scenario.streams
            ],
        )


def _looks_below(policy: Policy) -> int:
    if policy.kind == "none":
        return -NEVER
    if policy.kind != "reorder":
        return NEVER
    return (
        policy.reorder_point if policy.order_quantity > 0 else min(policy.reorder_point, policy.order_up_to_level - 1)
    )


def _stream_chances(stream: OrderStream) -> list[float]:
    return [stream.rework_probability, stream.returns.probability, stream.returns.restock_probability]


def _keys(seed: int, rows: list[list[tuple[str, str]]]) -> IntArray:
    """The keys of (purpose, node) pairs, shape (row, pair, 2)."""
    words = [[stream_key(seed, purpose, node) for purpose, node in row] for row in rows]
    return np.array(words, dtype=np.int64).reshape(len(rows), len(rows[0]) if rows else 0, 2)


def _rows(rows: Sequence[Sequence[int]], columns: int) -> IntArray:
    return np.array(rows, dtype=np.int64).reshape(len(rows), columns)


def _reals(rows: Sequence[Sequence[float]], columns: int) -> FloatArray:
    return np.array(rows, dtype=np.float64).reshape(len(rows), columns)
