"""What a scenario must be before anything runs: every field in its range, every name known, supply without circles.

The first thing that is wrong is refused by name: what it is, what was wanted and what came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, get_args

from simulation.arrays import MOST_UNITS
from simulation.distributions import Distribution

if TYPE_CHECKING:
    from simulation.scenario import (
        Breakdowns,
        Calendar,
        Carrier,
        Demand,
        OrderStream,
        Outage,
        Policy,
        Returns,
        Scenario,
        Station,
        StockPoint,
    )

TICK_DAYS = 1 / 86_400_000
MOST_DAYS = 36_525_000.0
"""A hundred thousand years: longer times are a slip, and would not fit whole ticks."""

AMOUNTS = (
    "unit_cost",
    "unit_price",
    "order_cost",
    "holding_cost",
    "shortage_cost",
    "backorder_cost",
    "spoilage_cost",
    "volume",
)


class ScenarioError(ValueError):
    """A scenario that cannot be simulated as it stands; the message says what to change."""


def check_scenario(scenario: Scenario) -> None:
    """Refuse what cannot be simulated.

    Raises:
        ScenarioError: the first thing that is wrong, by name.
    """
    from simulation import scenario as parts

    kinds = {
        "points": parts.StockPoint,
        "sites": parts.Site,
        "streams": parts.OrderStream,
        "stations": parts.Station,
        "carriers": parts.Carrier,
        "outages": parts.Outage,
    }
    for name, kind in kinds.items():
        _records(name, getattr(scenario, name), kind)
    if not isinstance(scenario.name, str):
        raise ScenarioError(f"name of a scenario must be text, got {scenario.name!r}")
    _whole("first_weekday of the scenario", scenario.first_weekday, 0, 6)
    for station in scenario.stations:
        _check_station(station)
    for carrier in scenario.carriers:
        _check_carrier(carrier)
    _check_points(scenario.points)
    _check_streams(scenario)
    _check_sites(scenario)
    _check_outages(scenario)


def _records(name: str, given: object, kind: type) -> None:
    if not isinstance(given, tuple):
        raise ScenarioError(f"{name} of a scenario must be a sequence of {kind.__name__}, got {given!r}")
    for one in given:
        if not isinstance(one, kind):
            raise ScenarioError(f"{name} of a scenario must each be a {kind.__name__}, got {one!r}")


# Stock points


def _check_points(points: Sequence[StockPoint]) -> None:
    places: dict[tuple[str, str], str] = {}
    nodes: set[str] = set()
    for point in points:
        for field in ("sku", "site"):
            _name(f"{field} of a stock point", getattr(point, field))
        if (point.sku, point.site) in places:
            raise ScenarioError(f"{label(point)} is there twice: each pair of SKU and site must be one stock point")
        if (node := f"{point.sku}@{point.site}") in nodes:
            raise ScenarioError(f"two stock points are both called {node}: rename the SKU or the site")
        places[point.sku, point.site] = point.source
        nodes.add(node)
        _check_point(point)
    _check_supply(points, places)


def _check_point(point: StockPoint) -> None:
    of = f" of {label(point)}"
    _whole(f"on_hand{of}", point.on_hand, 0)
    _whole(f"pack_size{of}", point.pack_size, 1)
    _whole(f"moq{of}", point.moq, 0)
    _whole(f"reserve{of}", point.reserve, 0)
    for name in AMOUNTS:
        _number(name, of, getattr(point, name), 0.0)
    _number("shelf_life_days", of, point.shelf_life_days, 0.0, MOST_DAYS)
    check_distribution(f"lead_time{of}", point.lead_time)
    if point.patience is not None:
        check_distribution(f"patience{of}", point.patience)
    if point.yield_rate is not None:
        check_distribution(f"yield_rate{of}", point.yield_rate, most=1.0)
    _flag(f"whole_day_lead_time{of}", point.whole_day_lead_time)
    _one_of("on_shortage", of, point.on_shortage, ("lost", "backorder"))
    if point.pipeline or not isinstance(point.pipeline, tuple):
        for day, units in _rows(f"pipeline{of}", point.pipeline, "(day, units)", 2):
            _number("day of the pipeline", of, day, 0.0, MOST_DAYS)
            _whole(f"units of the pipeline{of}", units, 1)
    if point.price_breaks or not isinstance(point.price_breaks, tuple):
        _check_breaks(point, of)
    _check_demand(point.demand, of)
    _check_policy(point.policy, of)


def _check_breaks(point: StockPoint, of: str) -> None:
    before = 0
    for quantity, cost in _rows(f"price_breaks{of}", point.price_breaks, "(least quantity, unit cost)", 2):
        _whole(f"least quantity of the price_breaks{of}", quantity, 1)
        _number("unit cost of the price_breaks", of, cost, 0.0)
        if quantity <= before:
            raise ScenarioError(f"price_breaks{of} must ascend in quantity, got {quantity} after {before}")
        before = quantity


def _check_demand(demand: Demand, of: str) -> None:
    from simulation.scenario import Demand, DemandKind

    if not isinstance(demand, Demand):
        raise ScenarioError(f"demand{of} must be a Demand, got {demand!r}")
    _one_of("kind of demand", of, demand.kind, get_args(DemandKind))
    needs = {"paths": ("paths",), "events": ("times", "quantities")}.get(demand.kind, ())
    for name in ("paths", "times", "quantities"):
        given = getattr(demand, name) is not None
        if given and name not in needs:
            wanted = "paths" if name == "paths" else "events"
            raise ScenarioError(f"demand{of} has {name}, which needs kind {wanted!r}, got kind {demand.kind!r}")
        if not given and name in needs:
            raise ScenarioError(f"demand{of} of kind {demand.kind!r} needs {name}, got None")
    if demand.kind == "renewal":
        _check_interarrival(f"interarrival of the demand{of}", demand.interarrival)
    if demand.kind in ("renewal", "daily"):
        check_units(f"size of the demand{of}", demand.size)
    if demand.paths is not None:
        if not len(demand.paths):
            raise ScenarioError(f"paths of the demand{of} must hold at least one path, got shape {demand.paths.shape}")
        _array_range(f"paths of the demand{of}", demand.paths, MOST_UNITS)
    if demand.times is not None and demand.quantities is not None:
        _check_events(demand, of)


def _check_events(demand: Demand, of: str) -> None:
    times, quantities = demand.times, demand.quantities
    assert times is not None
    assert quantities is not None
    if len(times) != len(quantities):
        raise ScenarioError(
            f"demand{of} must have a quantity for each time, got {len(times)} times and {len(quantities)} quantities"
        )
    _array_range(f"times of the demand{of}", times, MOST_DAYS)
    _array_range(f"quantities of the demand{of}", quantities, MOST_UNITS)
    falls = times[1:] < times[:-1]
    if falls.any():
        at = int(falls.argmax())
        raise ScenarioError(f"times of the demand{of} must ascend, got day {times[at + 1]:g} after day {times[at]:g}")


def _array_range(what: str, values: Any, most: float) -> None:
    wrong = ~((values >= 0) & (values <= most))
    if wrong.any():
        came = values.flat[int(wrong.argmax())]
        raise ScenarioError(f"{what} must lie between 0 and {most:.0f}, got {came}")


def _check_policy(policy: Policy, of: str) -> None:
    from simulation.scenario import Policy, PolicyKind

    if not isinstance(policy, Policy):
        raise ScenarioError(f"policy{of} must be a Policy, got {policy!r}")
    _one_of("kind of the policy", of, policy.kind, get_args(PolicyKind))
    if policy.kind in ("compiled", "callable") and not callable(policy.function):
        raise ScenarioError(f"policy{of} of kind {policy.kind!r} needs a function to call, got {policy.function!r}")
    if policy.kind in ("none", "reorder") and policy.function is not None:
        raise ScenarioError(
            f"policy{of} has a function, which needs kind 'callable' or 'compiled', got {policy.kind!r}"
        )
    _whole(f"reorder_point of the policy{of}", policy.reorder_point, -MOST_UNITS)
    _whole(f"order_up_to_level of the policy{of}", policy.order_up_to_level, -MOST_UNITS)
    _whole(f"order_quantity of the policy{of}", policy.order_quantity, 0)
    _number("review_period_days of the policy", of, policy.review_period_days, 0.0, MOST_DAYS)
    if 0 < policy.review_period_days < TICK_DAYS:
        raise ScenarioError(f"review_period_days of the policy{of} must be 0 or a millisecond and more, "
                            f"got {policy.review_period_days!r}")  # fmt: skip
    _number("first_review_day of the policy", of, policy.first_review_day, 0.0, MOST_DAYS)
    if policy.parameters or not isinstance(policy.parameters, tuple):
        for (value,) in _rows(f"parameters of the policy{of}", policy.parameters, "number", 0):
            _number("parameters of the policy", of, value, -math.inf)
    if policy.kind == "reorder" and not policy.order_quantity and policy.order_up_to_level < policy.reorder_point:
        raise ScenarioError(
            f"policy{of} must order up to its reorder point {policy.reorder_point} or more, "
            f"got order_up_to_level {policy.order_up_to_level} (and no order_quantity)"
        )


def _check_supply(points: Sequence[StockPoint], sources: Mapping[tuple[str, str], str]) -> None:
    """Each point has a supplier, or a site that holds its SKU; and no SKU goes round in a circle."""
    sites = {point.site for point in points}
    for point in points:
        if not isinstance(point.source, str) or not point.source.strip():
            raise ScenarioError(
                f"{label(point)} has no supplier: source must name a supplier or a site, got {point.source!r}"
            )
        if point.source in sites and (point.sku, point.source) not in sources:
            raise ScenarioError(
                f"{label(point)} is to be supplied by site {point.source}, which does not hold {point.sku}: "
                f"give {point.source} a stock point of it, or name another source"
            )
    safe: set[tuple[str, str]] = set()
    for point in points:
        way: dict[str, None] = {}
        site = point.site
        while site in sites and (point.sku, site) not in safe:
            if site in way:
                circle = [*way, site][list(way).index(site) :]
                raise ScenarioError(f"supply of SKU {point.sku} goes in a circle: {' → '.join(circle)}; "
                                    "one of them must have a supplier as its source")  # fmt: skip
            way[site] = None
            site = sources[point.sku, site]
        safe.update((point.sku, passed) for passed in way)


# Stations, carriers, streams


def _check_station(station: Station) -> None:
    _name("name of a station", station.name)
    of = f" of station {station.name}"
    _whole(f"servers{of}", station.servers, 1, 1_000_000)
    check_distribution(f"service{of}", station.service)
    _number("per_unit", of, station.per_unit, 0.0, MOST_DAYS)
    _whole(f"queue_limit{of}", station.queue_limit, -1)
    _check_calendar(f"calendar{of}", station.calendar)
    _number("cost_per_hour", of, station.cost_per_hour, 0.0)
    if station.breakdowns is not None:
        _check_breakdowns(station.breakdowns, of)


def _check_breakdowns(breakdowns: Breakdowns, of: str) -> None:
    from simulation.scenario import Breakdowns

    if not isinstance(breakdowns, Breakdowns):
        raise ScenarioError(f"breakdowns{of} must be Breakdowns or None, got {breakdowns!r}")
    _check_interarrival(f"time_between of the breakdowns{of}", breakdowns.time_between)
    check_distribution(f"repair of the breakdowns{of}", breakdowns.repair)


def _check_calendar(what: str, calendar: Calendar) -> None:
    from simulation.scenario import Calendar

    if not isinstance(calendar, Calendar):
        raise ScenarioError(f"{what} must be a Calendar, got {calendar!r}")
    if calendar.shifts is None:
        return
    shifts = _rows(f"shifts of the {what}", calendar.shifts, "(weekday, opens, closes)", 3)
    if not shifts:
        raise ScenarioError(f"{what} must be open at some time, got no shifts (None is always open)")
    for weekday, opens, closes in shifts:
        _whole(f"weekday of a shift of the {what}", weekday, 0, 6)
        _number("opening", f" of a shift of the {what}", opens, 0.0, 1.0)
        _number("closing", f" of a shift of the {what}", closes, 0.0, 1.0)
        if closes - opens < TICK_DAYS:
            raise ScenarioError(f"a shift of the {what} must close after it opens, got {(weekday, opens, closes)}")
    ordered = sorted(shifts)
    for first, second in pairwise(ordered):
        if first[0] == second[0] and second[1] < first[2]:
            raise ScenarioError(f"shifts of the {what} must not overlap, got {first} and {second}")


def _check_carrier(carrier: Carrier) -> None:
    _name("name of a carrier", carrier.name)
    of = f" of carrier {carrier.name}"
    pickups = _rows(f"pickups{of}", carrier.pickups, "(weekday, day fraction)", 2)
    for weekday, fraction in pickups:
        _whole(f"weekday of the pickups{of}", weekday, 0, 6)
        _number("day fraction of the pickups", of, fraction, 0.0, 1.0)
    _distinct(f"pickups{of}", pickups)
    check_distribution(f"transit{of}", carrier.transit)
    _probability("delay_probability", of, carrier.delay_probability)
    check_distribution(f"delay{of}", carrier.delay)
    _probability("loss_probability", of, carrier.loss_probability, certain=False)
    _number("cost_per_parcel", of, carrier.cost_per_parcel, 0.0)
    _number("promised_days", of, carrier.promised_days, 0.0, MOST_DAYS)


def _check_streams(scenario: Scenario) -> None:
    for part in ("stations", "carriers", "streams"):
        _distinct(f"names of {part}", [one.name for one in getattr(scenario, part)])
    held = {(point.sku, point.site) for point in scenario.points}
    nodes = {f"{point.sku}@{point.site}" for point in scenario.points}
    stations = [station.name for station in scenario.stations]
    carriers = [carrier.name for carrier in scenario.carriers]
    jobs: dict[str, str] = {}
    for stream in scenario.streams:
        _check_stream(stream)
        for name in dict.fromkeys((*stream.route, stream.returns.station)):
            if jobs.setdefault(f"{stream.name}/{name}", stream.name) != stream.name:
                raise ScenarioError(f"two streams have jobs called {stream.name}/{name}: rename a stream or a station")
        of = f" of stream {stream.name}"
        if stream.name in nodes:
            raise ScenarioError(f"stream {stream.name} must not be called like a stock point's SKU@site")
        for sku in stream.skus:
            if (sku, stream.site) not in held:
                there = [held_sku for held_sku, site in held if site == stream.site]
                raise ScenarioError(f"skus{of} must be held at its site {stream.site}, {unknown(sku, there)}")
        for name in stream.route:
            if name not in stations:
                raise ScenarioError(f"route{of} must name stations of the scenario, {unknown(name, stations)}")
        if stream.carrier and stream.carrier not in carriers:
            raise ScenarioError(f"carrier{of} must be one of the scenario's, {unknown(stream.carrier, carriers)}")
        if stream.returns.station and stream.returns.station not in stations:
            raise ScenarioError(
                f"station of the returns{of} must be one of the scenario's, {unknown(stream.returns.station, stations)}"
            )


def _check_stream(stream: OrderStream) -> None:
    _name("name of a stream", stream.name)
    of = f" of stream {stream.name}"
    _name(f"site{of}", stream.site)
    _check_interarrival(f"interarrival{of}", stream.interarrival)
    _check_calendar(f"hours{of}", stream.hours)
    for name in ("skus", "route"):
        for (value,) in _rows(f"{name}{of}", getattr(stream, name), "name", 0):
            _name(f"{name}{of}", value)
    _distinct(f"skus{of}", stream.skus)
    _check_weights(stream, of)
    check_units(f"lines{of}", stream.lines)
    check_units(f"units{of}", stream.units)
    if not stream.skus and stream.lines.most >= 0.5:
        raise ScenarioError(f"skus{of} must name what its lines ask for, got none")
    _whole(f"priority{of}", stream.priority, 0)
    _whole(f"limit{of}", stream.limit, 0, 2**53)
    _flag(f"ship_complete{of}", stream.ship_complete)
    _probability("rework_probability", of, stream.rework_probability, certain=False)
    if not isinstance(stream.carrier, str):
        raise ScenarioError(f"carrier{of} must be a name, or empty, got {stream.carrier!r}")
    days = [day for (day,) in _rows(f"working_days{of}", stream.working_days, "weekday", 0)]
    for day in days:
        _whole(f"working_days{of}", day, 0, 6)
    _distinct(f"working_days{of}", days)
    if stream.cut_off is not None:
        _number("cut_off", of, stream.cut_off, 0.0, 1.0)
        if not days:
            raise ScenarioError(f"working_days{of} must name a weekday, since it has a cut_off; got none")
    _check_returns(stream.returns, of)


def _check_weights(stream: OrderStream, of: str) -> None:
    weights = [weight for (weight,) in _rows(f"weights{of}", stream.weights, "number", 0)]
    if len(weights) != len(stream.skus):
        raise ScenarioError(f"weights{of} must be one for each SKU, got {len(weights)} for {len(stream.skus)} SKUs")
    for weight in weights:
        _number("weights", of, weight, 0.0)
    if weights and not 0 < sum(weights) < math.inf:
        raise ScenarioError(f"weights{of} must come to more than 0, got {stream.weights}")


def _check_returns(returns: Returns, of: str) -> None:
    from simulation.scenario import Returns

    if not isinstance(returns, Returns):
        raise ScenarioError(f"returns{of} must be Returns, got {returns!r}")
    _probability("probability of the returns", of, returns.probability)
    check_distribution(f"delay of the returns{of}", returns.delay)
    if not isinstance(returns.station, str):
        raise ScenarioError(f"station of the returns{of} must be a name, or empty, got {returns.station!r}")
    _probability("restock_probability of the returns", of, returns.restock_probability)
    _number("cost_per_return of the returns", of, returns.cost_per_return, 0.0)


# Sites and outages


def _check_sites(scenario: Scenario) -> None:
    from simulation.scenario import Allocation

    _distinct("names of sites", [site.name for site in scenario.sites])
    known = {point.site for point in scenario.points} | {stream.site for stream in scenario.streams}
    for site in scenario.sites:
        _name("name of a site", site.name)
        _one_of("allocation", f" of site {site.name}", site.allocation, get_args(Allocation))
        if site.name not in known:
            raise ScenarioError(f"sites must be named by a stock point or a stream, {unknown(site.name, known)}")


def places_of(scenario: Scenario) -> dict[str, str]:
    """Every place that can stand still and what it is: "site", "supplier" or "station"; "" where two share a name."""
    places: dict[str, str] = {point.site: "site" for point in scenario.points}
    places |= {stream.site: "site" for stream in scenario.streams}
    suppliers = {point.source: "supplier" for point in scenario.points if point.source not in places}
    stations = {station.name: "station" for station in scenario.stations}
    both = {name: "" for name in stations if name in places or name in suppliers}
    return places | suppliers | stations | both


def _check_outages(scenario: Scenario) -> None:
    places = places_of(scenario) if scenario.outages else {}
    for outage in scenario.outages:
        _name("place of an outage", outage.place)
        if outage.place not in places:
            raise ScenarioError(
                f"place of an outage must be a supplier, site or station, {unknown(outage.place, places)}"
            )
        if not places[outage.place]:
            raise ScenarioError(
                f"place of an outage must be clear, got {outage.place}, which is a station and a site or supplier"
            )
        of = f" of the outage of {outage.place}"
        _check_outage_days(outage, of)


def _check_outage_days(outage: Outage, of: str) -> None:
    _number("start_day", of, outage.start_day, 0.0, MOST_DAYS)
    _number("end_day", of, outage.end_day, 0.0, MOST_DAYS)
    if outage.end_day <= outage.start_day:
        raise ScenarioError(f"end_day{of} must come after its start_day {outage.start_day:g}, got {outage.end_day:g}")


# What a field may be


def check_distribution(what: str, given: object, *, most: float = math.inf) -> None:
    """A distribution whose values never lie below 0, nor above `most`.

    Raises:
        ScenarioError: otherwise.
    """
    if not isinstance(given, Distribution):
        hint = f" (a number is constant({given}))" if isinstance(given, Real) else ""
        raise ScenarioError(f"{what} must be a Distribution, got {given!r}{hint}")
    if given.least < 0:
        raise ScenarioError(f"{what} must not go below 0, got {given}, which goes down to {given.least:g}")
    if given.most > most:
        raise ScenarioError(f"{what} must not go above {most:g}, got {given}, which goes up to {given.most:g}")


def check_units(what: str, given: object) -> None:
    """A distribution of units: at least 0, of a mean of at most `MOST_UNITS`, and whole where its values are listed.

    Raises:
        ScenarioError: otherwise.
    """
    check_distribution(what, given)
    assert isinstance(given, Distribution)
    if given.mean > MOST_UNITS:
        raise ScenarioError(f"{what} must be at most {MOST_UNITS}, got {given}")
    if given.kind in ("constant", "discrete", "empirical") and not given.whole:
        raise ScenarioError(f"{what} must be whole units, got {given}")


def _check_interarrival(what: str, given: object) -> None:
    check_distribution(what, given)
    assert isinstance(given, Distribution)
    if given.mean < TICK_DAYS:
        raise ScenarioError(f"{what} must be at least a millisecond in the mean, got {given} (days)")


def _whole(what: str, given: object, least: int, most: int = MOST_UNITS) -> None:
    if type(given) is not int and (not isinstance(given, Integral) or isinstance(given, bool)):
        raise ScenarioError(f"{what} must be a whole number, got {given!r}")
    if not least <= int(given) <= most:
        wanted = f"at least {least}" if int(given) < least else f"at most {most}"
        raise ScenarioError(f"{what} must be {wanted}, got {given}")


def _number(what: str, of: str, given: object, least: float, most: float = math.inf) -> None:
    if type(given) is not float and (not isinstance(given, Real) or isinstance(given, bool)):
        raise ScenarioError(f"{what}{of} must be a number, got {given!r}")
    if not math.isfinite(given):
        raise ScenarioError(f"{what}{of} must be a finite number, got {given!r}")
    if not least <= float(given) <= most:
        wanted = f"at least {least:g}" if most == math.inf else f"between {least:g} and {most:g}"
        raise ScenarioError(f"{what}{of} must be {wanted}, got {given}")


def _probability(what: str, of: str, given: object, *, certain: bool = True) -> None:
    _number(what, of, given, 0.0, 1.0)
    if not certain and given == 1:
        raise ScenarioError(f"{what}{of} must be below 1 (no order would ever end), got {given}")


def _flag(what: str, given: object) -> None:
    if not isinstance(given, bool):
        raise ScenarioError(f"{what} must be True or False, got {given!r}")


def _name(what: str, given: object) -> None:
    if not isinstance(given, str) or not given.strip():
        raise ScenarioError(f"{what} must be a name, got {given!r}")


def _one_of(what: str, of: str, given: object, wanted: Sequence[str]) -> None:
    if given not in wanted:
        raise ScenarioError(f"{what}{of} must be {', '.join(wanted[:-1])} or {wanted[-1]}, got {given!r}")


def _rows(what: str, given: object, shape: str, width: int) -> tuple[tuple[Any, ...], ...]:
    """Rows of that many entries (0: single values, as rows of one)."""
    if not isinstance(given, tuple):
        raise ScenarioError(f"{what} must be a sequence, each a {shape}, got {given!r}")
    if not width:
        return tuple((value,) for value in given)
    for row in given:
        if not isinstance(row, tuple) or len(row) != width:
            raise ScenarioError(f"{what} must each be {shape}, got {row!r}")
    return given


def _distinct(what: str, given: Iterable[object]) -> None:
    seen = set()
    for one in given:
        if one in seen:
            raise ScenarioError(f"{what} must differ, got {one!r} twice")
        seen.add(one)


def unknown(name: str, known: Iterable[str]) -> str:
    """How a message ends that came upon an unknown name: what came, and what was perhaps meant."""
    known = sorted(known)
    close = get_close_matches(str(name), known, n=1)
    if close:
        return f"got {name!r}; did you mean {close[0]!r}?"
    return f"got {name!r}; known: {', '.join(known[:8]) or 'none'}{', …' if len(known) > 8 else ''}"


def label(point: StockPoint) -> str:
    """SKU A at north."""
    return f"SKU {point.sku} at {point.site}"
