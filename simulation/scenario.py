"""What a simulation starts from: one specification for every executor, plain data from end to end.

A scenario holds *stock points* (an SKU at a site, with its demand, its supply and its policy, as columns side by
side) and, where orders are followed one by one, *order streams*, the *stations* they pass, *carriers* and
*returns*. Each part can be left out: stock points without order streams are an inventory system, order streams
without stock points a queueing system. What happens when is written in docs/simulation/rules.md.

Times are days, as floats; the executors round them to whole ticks of a millisecond. Day 0 begins at midnight.
Quantities are whole base units, at most `MOST_UNITS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.distributions import Distribution, constant
from simulation.scenario_checks import ScenarioError, check_scenario

if TYPE_CHECKING:
    import pandas as pd

TICKS_PER_DAY = 86_400_000
"""Executors count time in whole milliseconds."""

OnShortage = Literal["lost", "backorder"]
Allocation = Literal["fifo", "priority", "rationing"]
DemandKind = Literal["none", "renewal", "daily", "paths", "events"]
PolicyKind = Literal["none", "reorder", "compiled", "callable"]

_ZERO, _ONE, _SEVEN = constant(0.0), constant(1.0), constant(7.0)


def _set(record: object, **values: object) -> None:
    """Fields of a frozen record, while it is made."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def _tuple(values: object) -> object:
    """Sequences as tuples, at every depth; anything else as it is."""
    if isinstance(values, tuple | list):
        return tuple(map(_tuple, values))
    if isinstance(values, np.ndarray):
        return _tuple(values.tolist())
    return values


def _array(name: str, values: npt.ArrayLike | None, dtype: type[np.generic], ndim: int) -> npt.NDArray[Any] | None:
    """A read-only copy; what is read-only to its root already is kept.

    Raises:
        ScenarioError: not numbers, not whole where whole numbers are wanted, or another number of axes.
    """
    if values is None:
        return None
    try:
        given = np.asarray(values)
    except ValueError:
        raise ScenarioError(
            f"{name} of demand must be an array of {ndim} axes, got rows of different lengths"
        ) from None
    if given.ndim != ndim:
        wanted = "shape (path, day)" if ndim == 2 else "shape (event,)"
        raise ScenarioError(f"{name} of demand must have {wanted}, got {given.shape}")
    if given.size and given.dtype.kind not in "iuf":
        raise ScenarioError(f"{name} of demand must hold numbers, got dtype {given.dtype}")
    if (
        dtype is np.int64
        and given.dtype.kind == "f"
        and (wrong := ~np.isfinite(given) | (given != np.floor(given))).any()
    ):
        at = np.unravel_index(int(wrong.argmax()), wrong.shape)
        raise ScenarioError(f"{name} of demand must be whole units, got {given[at]} at {tuple(map(int, at))}")
    root = given if given.base is None else given.base
    if given.dtype == dtype and not given.flags.writeable and not getattr(root, "flags", given.flags).writeable:
        return given
    kept = given.astype(dtype)
    kept.setflags(write=False)
    return kept


@dataclass(frozen=True)
class Calendar:
    """Open hours of a week that repeats; day 0 is a Monday unless the scenario says otherwise.

    Attributes:
        shifts: (weekday, opens, closes): weekday 0 (Monday) to 6, opens and closes as days after its midnight
            with 0 ≤ opens < closes ≤ 1. None: always open. They may touch, and may not overlap.
    """

    shifts: tuple[tuple[int, float, float], ...] | None = None

    def __post_init__(self) -> None:
        _set(self, shifts=_tuple(self.shifts))


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
    """What customers ask for at one stock point, beside what order streams bring. Arrays are copied, read-only.

    Attributes:
        kind: "none";
            "renewal": customers come one by one, `interarrival` apart, each asking for `size` units (a Poisson
            process where it is exponential);
            "daily": every day at midnight `size` units at once (0: no customer);
            "paths": units by day, `paths[replication % path, day]`, at midnight; 0 after the last day;
            "events": the `quantities` asked for at the `times`, replayed as they were.
        interarrival: Days between customers.
        size: Units a customer asks for, at least 0; what is drawn is rounded to whole units.
        paths: Shape (path, day).
        times: Days, ascending, shape (event,).
        quantities: Units, shape (event,).
    """

    kind: DemandKind = "none"
    interarrival: Distribution = _ONE
    size: Distribution = _ONE
    paths: IntArray | None = None
    times: FloatArray | None = None
    quantities: IntArray | None = None

    def __post_init__(self) -> None:
        _set(
            self,
            paths=_array("paths", self.paths, np.int64, 2),
            times=_array("times", self.times, np.float64, 1),
            quantities=_array("quantities", self.quantities, np.int64, 1),
        )

    def __eq__(self, other: object) -> bool:
        """The same kind, distributions and numbers."""
        if self is other:
            return True
        if not isinstance(other, Demand):
            return NotImplemented
        if (self.kind, self.interarrival, self.size) != (other.kind, other.interarrival, other.size):
            return False
        return all(
            a is b or (a is not None and b is not None and np.array_equal(a, b))
            for a, b in zip(self._arrays(), other._arrays(), strict=True)
        )

    def __hash__(self) -> int:
        arrays = tuple(None if one is None else (one.shape, one.tobytes()) for one in self._arrays())
        return hash((self.kind, self.interarrival, self.size, arrays))

    def _arrays(self) -> tuple[FloatArray | IntArray | None, ...]:
        return self.paths, self.times, self.quantities


@dataclass(frozen=True)
class Policy:
    """When a stock point orders, and how much.

    Inventory position = on hand + on order − backordered. Every built-in rule is one of these:

    * continuous review (`review_period_days` 0): after each demand, spoilage or end of patience;
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

    def __post_init__(self) -> None:
        _set(self, parameters=_tuple(self.parameters))


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
    lead_time: Distribution = _ONE
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

    def __post_init__(self) -> None:
        if self.pipeline or self.price_breaks:
            _set(self, pipeline=_tuple(self.pipeline), price_breaks=_tuple(self.price_breaks))


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
    transit: Distribution = _ONE
    delay_probability: float = 0.0
    delay: Distribution = _ONE
    loss_probability: float = 0.0
    cost_per_parcel: float = 0.0
    promised_days: float = 1.0

    def __post_init__(self) -> None:
        _set(self, pickups=_tuple(self.pickups))


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
    delay: Distribution = _SEVEN
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
        weights: Chance of each SKU for a line, in proportion; left out: all the same.
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
    lines: Distribution = _ZERO
    units: Distribution = _ONE
    priority: int = 0
    ship_complete: bool = False
    route: tuple[str, ...] = ()
    limit: int = 0
    rework_probability: float = 0.0
    carrier: str = ""
    cut_off: float | None = None
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    returns: Returns = Returns()

    def __post_init__(self) -> None:
        _set(self, **{name: _tuple(getattr(self, name)) for name in ("skus", "weights", "route", "working_days")})
        if self.skus and not self.weights:
            _set(self, weights=(1.0,) * len(self.skus))


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
    """A world to be simulated. It is checked as a whole when it is made, and never changes after that.

    Attributes:
        name: What reports call it.
        points: Stock points, each pair of SKU and site once.
        sites: Sites that are named anywhere; those left out allocate first come, first served.
        streams: Order streams.
        stations: Stations.
        carriers: Carriers.
        outages: Suppliers, sites and stations that stand still for a while; those of one place that touch or
            overlap are kept as one.
        first_weekday: Weekday of day 0, 0 for Monday.

    Raises:
        ScenarioError: anything out of range or unknown by name; names it, what was wanted and what came.

    >>> base = Scenario(points=(StockPoint("mug", on_hand=20, lead_time=constant(3)),))
    >>> base.with_(on_hand=30).points[0].on_hand
    30
    """

    name: str = "base"
    points: tuple[StockPoint, ...] = ()
    sites: tuple[Site, ...] = ()
    streams: tuple[OrderStream, ...] = ()
    stations: tuple[Station, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    outages: tuple[Outage, ...] = ()
    first_weekday: int = 0

    def __post_init__(self) -> None:
        parts = ("points", "sites", "streams", "stations", "carriers", "outages")
        _set(self, **{name: _tuple(getattr(self, name)) for name in parts})
        check_scenario(self)
        _set(self, outages=_joined(self.outages))

    # What-if: every method below gives a new scenario and leaves this one as it is.

    def with_(self, **changes: object) -> Scenario:
        """Fields of the scenario, or columns of its stock points, given anew.

        A field of the scenario (`name`, `outages`, …) takes its new value. A column (`lead_time`, `on_hand`,
        `demand`, `policy`, `unit_cost`, …: any field of `StockPoint`; `reorder_point`, `order_up_to_level`, … of
        its policy) takes a value for all points; a mapping (or series) from SKUs, or pairs (SKU, site), to values,
        the others staying as they are; an array with a value for each point; or a function of the old value.
        Where a distribution is wanted, a number stands for `constant` of it. A point that never ordered follows
        the reorder rule once it is given levels.

        Raises:
            ScenarioError: no such field, SKU or pair, or the scenario would be refused.

        >>> base = Scenario(points=(StockPoint("mug"), StockPoint("jug")))
        >>> [point.pack_size for point in base.with_(pack_size={"jug": 6}).points]
        [1, 6]
        """
        from simulation.scenario_changes import changed

        return changed(self, changes)

    def scaled(self, **factors: float | Mapping[Any, float]) -> Scenario:
        """Amounts multiplied: `base.scaled(demand=1.2, lead_time=2)`.

        Args:
            **factors: Above 0. `demand` (of stock points, and orders of streams), `lead_time`, `patience`,
                `unit_cost` (price breaks too), `unit_price`, `order_cost`, `holding_cost`, `shortage_cost`,
                `backorder_cost`, `spoilage_cost`, `volume` of stock points; `capacity` of stations (the same
                servers are that much faster); `transit` of carriers. A number for all, or a mapping by SKU or
                pair (SKU, site), for `demand` also by stream; by station; by carrier.

        What becomes of demand, without chance: customers and orders come that much more often; daily sizes keep
        their family, with the mean multiplied; of paths and replayed events the running totals are multiplied and
        rounded, so that no unit is lost on the way.

        Raises:
            ScenarioError: an unknown name, or a factor that is not a number above 0.
        """
        from simulation.scenario_scaling import scaled

        return scaled(self, factors)

    def named(self, name: str) -> Scenario:
        """The same world under another name."""
        return self.with_(name=name)

    def with_policy(self, policy: Policy | Mapping[Any, Policy]) -> Scenario:
        """One policy for all stock points, or a mapping from SKUs, or pairs (SKU, site), to theirs."""
        return self.with_(policy=policy)

    def with_stream(self, name: str, **changes: object) -> Scenario:
        """Fields of an order stream given anew; each a value, or a function of the old one.

        Raises:
            ScenarioError: no such stream or field.
        """
        from simulation.scenario_changes import with_part

        return with_part(self, "streams", name, changes)

    def with_station(self, name: str, **changes: object) -> Scenario:
        """Fields of a station given anew: `base.with_station("pick", servers=6)`; see `with_stream`."""
        from simulation.scenario_changes import with_part

        return with_part(self, "stations", name, changes)

    def with_carrier(self, name: str, **changes: object) -> Scenario:
        """Fields of a carrier given anew; see `with_stream`."""
        from simulation.scenario_changes import with_part

        return with_part(self, "carriers", name, changes)

    def with_outage(self, place: str, start_day: float, end_day: float) -> Scenario:
        """One more outage of a supplier, site or station: `base.with_outage("supplier", 30, 72)`."""
        return self.with_(outages=(*self.outages, Outage(place, start_day, end_day)))

    def subset(self, skus: Iterable[str]) -> Scenario:
        """Only the stock points of these SKUs, and the streams that ask for nothing else; their luck stays the same.

        Raises:
            ScenarioError: an unknown SKU, or a stream that asks for SKUs of both kinds.
        """
        from simulation.scenario_changes import subset

        return subset(self, skus)

    # From and to files and frames

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings; fields at their default are left out.

        Raises:
            ScenarioError: a policy calls a function, which no file can hold; names its stock point.
        """
        from simulation.scenario_files import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Scenario:
        """What `to_dict` gave.

        Raises:
            ScenarioError: an unknown or missing field; says where.
        """
        from simulation.scenario_files import from_dict

        return from_dict(content)

    def to_json(self) -> str:
        """`to_dict` as JSON, on one line; `Scenario.from_json` gives an equal scenario."""
        from simulation.scenario_files import to_json

        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """What `to_json` gave.

        Raises:
            ScenarioError: not JSON, or see `from_dict`.
        """
        from simulation.scenario_files import from_json

        return from_json(text)

    @classmethod
    def from_frames(
        cls,
        items: pd.DataFrame,
        demand: pd.DataFrame | None = None,
        lead_times: pd.DataFrame | None = None,
        pipeline: pd.DataFrame | None = None,
        *,
        start: object = None,
        days: int | None = None,
        name: str = "base",
        sites: Sequence[Site] = (),
    ) -> Scenario:
        """A scenario of stock points, from pandas frames.

        Args:
            items: A row for each stock point: `sku`, and any other field of `StockPoint` or (but for its kind, name
                and function) of `Policy`; columns left out have their default. `lead_time` and other distributions
                may be numbers; `lead_time_sd` beside a numeric `lead_time` makes it a gamma distribution. With a
                column `reorder_point`, `order_up_to_level` or `order_quantity` the points follow that rule.
            demand: Long: `sku`, `site` (where items has it), `day` (0, 1, …) or `date`, `units`, and `path` where
                several futures are given; rows of one day are added up, days without a row are 0.
            lead_times: Long: `days`, by `sku`, `site` or `source` (any of them): what was observed; each point's
                lead time is drawn from its rows, a point without any keeps that of items.
            pipeline: Long: `sku`, `site`, `day` or `date`, `units` under way.
            start: Date of day 0; where dates are given and this is not: the first date of demand.
            days: Length of the demand paths; by default up to the last day of demand.
            name: Of the scenario.
            sites: How sites share what is short.

        Raises:
            ScenarioError: unknown or missing columns, rows of unknown stock points, units that are not whole.
        """
        from simulation.scenario_frames import from_frames

        return from_frames(items, demand, lead_times, pipeline, start=start, days=days, name=name, sites=tuple(sites))


def _joined(outages: tuple[Outage, ...]) -> tuple[Outage, ...]:
    """Those of one place that touch or overlap as one; places in the order they are first named, then by time."""
    places: dict[str, list[Outage]] = {outage.place: [] for outage in outages}
    for outage in sorted(outages, key=lambda one: one.start_day):
        known = places[outage.place]
        if known and outage.start_day <= known[-1].end_day:
            last = known.pop()
            outage = Outage(outage.place, last.start_day, max(last.end_day, outage.end_day))
        known.append(outage)
    return tuple(outage for known in places.values() for outage in known)
