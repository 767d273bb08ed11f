"""What a simulation starts from: one specification for every executor, plain data from end to end.

A scenario holds *stock points* (an SKU at a site, with its demand, its supply and its policy, as columns side by
side) and, where orders are followed one by one, *order streams*, the *stations* they pass, *carriers* and
*returns*. Each part can be left out: stock points without order streams are an inventory system, order streams
without stock points a queueing system. What happens when is written in docs/simulation/rules.md.

Times are days, as floats; the executors round them to whole ticks of a millisecond. Day 0 begins at midnight.
Quantities are whole base units, at most `MOST_UNITS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal


from simulation.arrays import FloatArray, IntArray
from simulation.distributions import Distribution, constant

TICKS_PER_DAY = 86_400_000
"""Executors count time in whole milliseconds."""

OnShortage = Literal["lost", "backorder"]
Allocation = Literal["fifo", "priority", "rationing"]
DemandKind = Literal["none", "renewal", "daily", "paths", "events"]
PolicyKind = Literal["none", "reorder", "compiled", "callable"]


@dataclass(frozen=True)
class Calendar:
    """Open hours of a week that repeats; day 0 is a Monday unless the scenario says otherwise.

    Attributes:
        shifts: (weekday, opens, closes): weekday 0 (Monday) to 6, opens and closes as days after its midnight
            with 0 ≤ opens < closes ≤ 1. None: always open. They may touch, and may not overlap.
    """

    shifts: tuple[tuple[int, float, float], ...] | None = None


ALWAYS_OPEN = Calendar()


@dataclass(frozen=True)
class Outage:
    """A supplier, site or station that does nothing from one day to another.

    Attributes:
        place: Its name.
        start_day: First moment, days.
        end_day: Last moment, days, after the first.
    """

    place: str
    start_day: float
    end_day: float


@dataclass(frozen=True)
class Breakdowns:
    """A station that fails by itself: up for a time, down for a time, whatever the load; all its servers at once.

    Attributes:
        time_between: Time from a repair (or the start) to the next failure, days.
        repair: Time down, days.
    """

    time_between: Distribution
    repair: Distribution


@dataclass(frozen=True)
class Demand:
    """What customers ask for at one stock point, beside what order streams bring.

    Attributes:
        kind: "none";
            "renewal": customers come one by one, `interarrival` apart, each asking for `size` units (a Poisson
            process where it is exponential);
            "daily": every day at midnight `size` units at once (0: no customer);
            "paths": units by day, `paths[replication % path, day]`, at midnight; 0 after the last day;
            "events": the `quantities` asked for at the `times`, replayed as they were.
        interarrival: Days between customers.
        size: Units a customer asks for; whole numbers at least 0.
        paths: Shape (path, day).
        times: Days, ascending, shape (event,).
        quantities: Units, shape (event,).
    """

    kind: DemandKind = "none"
    interarrival: Distribution = field(default_factory=lambda: constant(1.0))
    size: Distribution = field(default_factory=lambda: constant(1.0))
    paths: IntArray | None = None
    times: FloatArray | None = None
    quantities: IntArray | None = None


@dataclass(frozen=True)
class Policy:
    """When a stock point orders, and how much.

    Inventory position = on hand + on order − backordered. Every built-in rule is one of these:

    * continuous review (`review_period_days` 0): after each demand, receipt of returns or spoilage;
    * periodic review: at days `first_review_day`, + period, + 2 periods, …;
    * order when position ≤ `reorder_point`, and below `order_up_to_level` where that is the rule;
    * with `order_quantity` Q above 0, the fewest Q that bring the position above the reorder point; otherwise up
      to `order_up_to_level`; then at least `moq` and rounded up to whole packs of the stock point.

    Attributes:
        kind: "none" never orders; "reorder" is the rule above; "compiled" calls `function`, compiled, as
            function(on_hand, on_order, backordered, day, parameters) → units (int64); "callable" calls it as
            function(PolicyView) → units for each stock point of the call, in the plain interpreter or, for daily
            scenarios, between the days of the periodic kernel.
        name: What reports call it.
        reorder_point: s or r, units.
        order_up_to_level: S, units.
        order_quantity: Q, units, or 0.
        review_period_days: 0 for continuous review.
        first_review_day: Day of the first review.
        parameters: Handed to a compiled function.
        function: For "compiled" and "callable".
    """

    kind: PolicyKind = "none"
    name: str = ""
    reorder_point: int = 0
    order_up_to_level: int = 0
    order_quantity: int = 0
    review_period_days: float = 0.0
    first_review_day: float = 0.0
    parameters: tuple[float, ...] = ()
    function: Callable[..., object] | None = None


@dataclass(frozen=True)
class StockPoint:
    """An SKU at a site: what it holds, who asks for it, where it comes from and what it costs.

    Attributes:
        sku: Its name.
        site: Where it lies.
        source: A supplier of unlimited stock, or a site that holds the SKU too (then it orders from that one).
        on_hand: Units before day 0.
        pipeline: (day, units) already under way, by the day they arrive.
        demand: What is asked for here.
        policy: How it is replenished.
        lead_time: Days from an order (or from its dispatch, where a site supplies) to the receipt; orders may
            overtake each other.
        whole_day_lead_time: Round it to whole days, at least one (what the periodic kernel needs).
        pack_size: Orders are multiples of it, at least 1.
        moq: Smallest order.
        on_shortage: "lost" or "backorder".
        patience: How long a backorder waits before it is lost, days; None: for ever.
        reserve: Units kept for orders of priority 0 where the site's allocation is "rationing".
        shelf_life_days: After its receipt a unit is thrown away, oldest first; 0: it keeps.
        yield_rate: Share of ordered units that arrive (rounded half up to whole units); None: all.
        unit_cost: Value of a unit, and its purchase price unless breaks say otherwise.
        unit_price: Selling price.
        price_breaks: (least quantity, unit cost) ascending; all units of an order at the price of its break.
        order_cost: Per order placed.
        holding_cost: Per unit on hand and day.
        shortage_cost: Per unit short when it was asked for.
        backorder_cost: Per unit backordered and day.
        spoilage_cost: Per unit thrown away.
        volume: Of a unit, m³.
    """

    sku: str
    site: str = "site"
    source: str = "supplier"
    on_hand: int = 0
    pipeline: tuple[tuple[float, int], ...] = ()
    demand: Demand = Demand()
    policy: Policy = Policy()
    lead_time: Distribution = field(default_factory=lambda: constant(1.0))
    whole_day_lead_time: bool = False
    pack_size: int = 1
    moq: int = 0
    on_shortage: OnShortage = "lost"
    patience: Distribution | None = None
    reserve: int = 0
    shelf_life_days: float = 0.0
    yield_rate: Distribution | None = None
    unit_cost: float = 0.0
    unit_price: float = 0.0
    price_breaks: tuple[tuple[int, float], ...] = ()
    order_cost: float = 0.0
    holding_cost: float = 0.0
    shortage_cost: float = 0.0
    backorder_cost: float = 0.0
    spoilage_cost: float = 0.0
    volume: float = 0.0


@dataclass(frozen=True)
class Station:
    """Work that orders pass one after the other: picking, packing, shipping, inspecting.

    Attributes:
        name: Its name, once in the scenario.
        servers: How many work side by side.
        service: Working time for an order, days.
        per_unit: Further working time for each unit in it, days.
        queue_limit: Most orders waiting, or −1 for no limit; who finds it full is turned away (a loss system
            with `queue_limit` 0).
        calendar: When it works; what is in hand when it closes is finished when it opens again.
        breakdowns: Failures.
        cost_per_hour: Of a server at work.
    """

    name: str
    servers: int
    service: Distribution
    per_unit: float = 0.0
    queue_limit: int = -1
    calendar: Calendar = ALWAYS_OPEN
    breakdowns: Breakdowns | None = None
    cost_per_hour: float = 0.0


@dataclass(frozen=True)
class Carrier:
    """Takes parcels at its pick-ups and brings them, sometimes late, sometimes not.

    Attributes:
        name: Its name.
        pickups: (weekday, day fraction) of the pick-ups of a week; empty: at once.
        transit: Days from the pick-up to the delivery.
        delay_probability: Chance of a delay.
        delay: Days more, when delayed.
        loss_probability: Chance that the parcel is lost; it is found missing when it should have arrived, and
            its goods are taken from stock once more.
        cost_per_parcel: What a parcel costs.
        promised_days: Days from the promised dispatch to the promised delivery.
    """

    name: str
    pickups: tuple[tuple[int, float], ...] = ()
    transit: Distribution = field(default_factory=lambda: constant(1.0))
    delay_probability: float = 0.0
    delay: Distribution = field(default_factory=lambda: constant(1.0))
    loss_probability: float = 0.0
    cost_per_parcel: float = 0.0
    promised_days: float = 1.0


@dataclass(frozen=True)
class Returns:
    """What comes back.

    Attributes:
        probability: Chance that a delivered parcel comes back, whole.
        delay: Days from its delivery until it is back at the site.
        station: Where it is inspected; empty: nowhere.
        restock_probability: Chance that it goes back into stock after inspection; otherwise it is written off.
        cost_per_return: Postage, handling.
    """

    probability: float = 0.0
    delay: Distribution = field(default_factory=lambda: constant(7.0))
    station: str = ""
    restock_probability: float = 1.0
    cost_per_return: float = 0.0


@dataclass(frozen=True)
class OrderStream:
    """Orders of one kind: online orders of a shop, say.

    Attributes:
        name: Its name.
        site: Which site serves it.
        interarrival: Days between orders.
        hours: Orders come in these hours only: `interarrival` is open time.
        skus: What may be asked for: stock points of the site.
        weights: Chance of each SKU for a line, in proportion.
        lines: Number of lines of an order (0: nothing is taken from stock). A line that names an SKU that the
            order has already adds to it.
        units: Units of a line.
        priority: 0 is served first where the site allocates by priority or rations.
        ship_complete: Wait until every line is there; otherwise what is there is sent and the rest follows.
        route: Stations in order.
        limit: Orders in all; 0: no limit.
        rework_probability: Chance that an order that left the last station begins the route again.
        carrier: Its name; empty: done when the route is.
        cut_off: Orders placed by this moment of a working day (fraction of a day) are promised for the same
            day's dispatch, others for the next working day's. None: nothing is promised.
        working_days: Weekdays on which dispatch is promised.
        returns: What comes back.
    """

    name: str
    interarrival: Distribution
    site: str = "site"
    hours: Calendar = ALWAYS_OPEN
    skus: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    lines: Distribution = field(default_factory=lambda: constant(0.0))
    units: Distribution = field(default_factory=lambda: constant(1.0))
    priority: int = 0
    ship_complete: bool = False
    route: tuple[str, ...] = ()
    limit: int = 0
    rework_probability: float = 0.0
    carrier: str = ""
    cut_off: float | None = None
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    returns: Returns = Returns()


@dataclass(frozen=True)
class Site:
    """How a site shares what is short.

    Attributes:
        name: Its name.
        allocation: "fifo": who waits longest first; "priority": by priority, then by who waits longest;
            "rationing": the same, and orders of priority above 0 (other sites count as 1) leave the stock
            point's `reserve` alone.
    """

    name: str
    allocation: Allocation = "fifo"


@dataclass(frozen=True)
class Scenario:
    """A world to be simulated.

    Attributes:
        name: What reports call it.
        points: Stock points, each pair of SKU and site once.
        sites: Sites that are named anywhere; those left out allocate first come, first served.
        streams: Order streams.
        stations: Stations.
        carriers: Carriers.
        outages: Suppliers, sites and stations that stand still for a while.
        first_weekday: Weekday of day 0, 0 for Monday.

    Raises:
        ScenarioError: anything out of range or unknown by name; names it, what was wanted and what came.
    """

    name: str = "base"
    points: tuple[StockPoint, ...] = ()
    sites: tuple[Site, ...] = ()
    streams: tuple[OrderStream, ...] = ()
    stations: tuple[Station, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    outages: tuple[Outage, ...] = ()
    first_weekday: int = 0
