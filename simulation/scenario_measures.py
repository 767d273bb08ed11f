"""What the sums of a run say: service, stock, waits and costs, as ratios of sums over replications.

Every measure is a ratio of two sums. Its estimate is the ratio of the totals of all replications, not the mean of
the replications' own ratios, which would be biased where demand differs between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.estimates import Estimate, Estimates, ratio_difference_estimate, ratio_estimates
from simulation.scenario import TICKS_PER_DAY, Calendar, Scenario, StockPoint
from simulation.tallies import WAIT_BINS_PER_OCTAVE, StationTallies, Tallies

COST_KINDS = (
    "holding",
    "ordering",
    "purchase",
    "shortage",
    "backorder",
    "spoilage",
    "transport",
    "returns",
    "labour",
)
"""Kinds of cost, in the order of reports."""

POINT_COSTS = ("holding", "ordering", "purchase", "shortage", "backorder", "spoilage")


@dataclass(frozen=True, eq=False)
class Measure:
    """A ratio of sums of each of several things.

    Attributes:
        numerator: Sums, shape (replication, thing).
        denominator: Sums, shape (replication, thing).
    """

    numerator: FloatArray
    denominator: FloatArray

    @property
    def by_replication(self) -> FloatArray:
        """Ratio of each replication, shape (replication, thing); NaN where there is nothing to divide by."""
        return _divided(self.numerator, self.denominator)

    def estimates(self, level: float = 0.95) -> Estimates:
        """Ratios of the totals with their intervals, shape (thing,)."""
        return ratio_estimates(self.numerator, self.denominator, level=level)

    def difference(self, baseline: Measure, level: float = 0.95) -> Estimate:
        """Of the first thing: this less the same measure of another run under the same luck."""
        parts = (self.numerator, self.denominator, baseline.numerator, baseline.denominator)
        return ratio_difference_estimate(*(part[:, 0] for part in parts), level=level)

    def first(self, replications: int) -> Measure:
        """Of the first replications alone."""
        return Measure(self.numerator[:replications], self.denominator[:replications])

    def together(self) -> Measure:
        """Of all things as one, shape (replication, 1)."""
        return Measure(self.numerator.sum(axis=1, keepdims=True), self.denominator.sum(axis=1, keepdims=True))


def _divided(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    nothing = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=nothing, where=denominator != 0))


Measures = dict[str, Measure]
Sums = npt.NDArray[np.floating[Any]] | IntArray


def point_measures(scenario: Scenario, tallies: Tallies) -> Measures:
    """Measures of each stock point, by name.

    Shares lie between 0 and 1:
    fill_rate (units met from stock when asked for), value_fill_rate (each weighted by its price),
    line_fill_rate (customers and order lines met whole), cycle_service_level (cycles without a shortage),
    ready_rate (time with stock on hand), stock_out_share (time without), no_backorder_share (time without
    customers waiting), lost_share (units never met).

    Means over time, units: average_on_hand, average_on_order, average_backorders; average_stock_value at unit cost.

    mean_wait (days, over all demanded units), backorder_age (days, over units met late), turns (units met and
    dispatched a year over stock), orders_per_week, lost_margin (price less cost of lost units, whole run),
    spoiled_share (of what was received), ending_on_hand, ending_pipeline, ending_backorders (units).
    """
    sums = tallies.points
    used = sums.filled + sums.served_late + sums.internal_filled
    return _point_measures(scenario.points, tallies) | {"turns": _ratio(used * 365.0, _days(sums.on_hand_ticks))}


def overall_point_measures(scenario: Scenario, tallies: Tallies) -> Measures:
    """The same over all stock points together, shape (replication, 1) each.

    Shares of time are means over stock points; stocks and orders are totals; turns count what customers got, at
    unit cost (in units, where nothing has a cost).
    """
    if not scenario.points:
        return {}
    sums, cost = tallies.points, _column(scenario.points, "unit_cost")
    value = cost if cost.any() else np.ones_like(cost)
    sold = (sums.filled + sums.served_late) * value * 365.0
    measures = _point_measures(scenario.points, tallies) | {"turns": _ratio(sold, _days(sums.on_hand_ticks) * value)}
    return {name: one.together() if name in _SHARED_OUT else _summed(one) for name, one in measures.items()}


_SHARED_OUT = frozenset(
    (
        "fill_rate",
        "value_fill_rate",
        "line_fill_rate",
        "cycle_service_level",
        "ready_rate",
        "stock_out_share",
        "no_backorder_share",
        "lost_share",
        "spoiled_share",
        "mean_wait",
        "backorder_age",
        "turns",
    )
)
"""Measures whose denominators add up over stock points; those of the others are the days of the run."""


def _point_measures(points: tuple[StockPoint, ...], tallies: Tallies) -> Measures:
    sums = tallies.points
    price, cost = _column(points, "unit_price"), _column(points, "unit_cost")
    time = np.full(sums.demand.shape, tallies.days)
    in_stock, unowed = _days(sums.in_stock_ticks), _days(sums.no_backorder_ticks)
    return {
        "fill_rate": _ratio(sums.filled, sums.demand),
        "value_fill_rate": _ratio(sums.filled * price, sums.demand * price),
        "line_fill_rate": _ratio(sums.filled_events, sums.demand_events),
        "cycle_service_level": _ratio(sums.cycles - sums.stock_out_cycles, sums.cycles),
        "ready_rate": _ratio(in_stock, time),
        "stock_out_share": _ratio(time - in_stock, time),
        "no_backorder_share": _ratio(unowed, time),
        "lost_share": _ratio(sums.lost, sums.demand),
        "average_on_hand": _per_day(tallies, _days(sums.on_hand_ticks)),
        "average_on_order": _per_day(tallies, _days(sums.on_order_ticks)),
        "average_backorders": _per_day(tallies, _days(sums.backordered_ticks)),
        "average_stock_value": _per_day(tallies, _days(sums.on_hand_ticks) * cost),
        "mean_wait": _ratio(_days(sums.wait), sums.demand),
        "backorder_age": _ratio(_days(sums.wait), sums.served_late),
        "orders_per_week": _per_day(tallies, sums.orders * 7.0),
        "lost_margin": _total(sums.lost * (price - cost)),
        "spoiled_share": _ratio(sums.spoiled, sums.received),
        "ending_on_hand": _total(sums.on_hand_end),
        "ending_pipeline": _total(sums.on_order_end),
        "ending_backorders": _total(sums.backordered_end),
    }


def stream_measures(tallies: Tallies) -> Measures:
    """Measures of each order stream, by name.

    Of orders that ended: on_time_in_full, on_time, in_full, cancelled_share and turned_away_share. order_time (days
    from arrival to the last delivery, of delivered orders), orders_per_day, parcels_per_order, parcels_late_share,
    parcels_lost_share, returned_share (of parcels), open_orders (at the end).
    """
    sums = tallies.streams
    return {
        "on_time_in_full": _ratio(sums.on_time_in_full, sums.done),
        "on_time": _ratio(sums.on_time, sums.done),
        "in_full": _ratio(sums.in_full, sums.done),
        "cancelled_share": _ratio(sums.cancelled, sums.done),
        "turned_away_share": _ratio(sums.turned_away, sums.done),
        "order_time": _ratio(_days(sums.time_in_system), sums.delivered),
        "orders_per_day": _per_day(tallies, sums.orders),
        "parcels_per_order": _ratio(sums.parcels, sums.done),
        "parcels_late_share": _ratio(sums.parcels_late, sums.parcels),
        "parcels_lost_share": _ratio(sums.parcels_lost, sums.parcels),
        "returned_share": _ratio(sums.returns, sums.parcels),
        "open_orders": _total(sums.open_end),
    }


def overall_stream_measures(scenario: Scenario, tallies: Tallies) -> Measures:
    """The same over all order streams together, shape (replication, 1) each."""
    if not scenario.streams:
        return {}
    counted = ("orders_per_day", "open_orders")
    measures = stream_measures(tallies)
    return {name: _summed(one) if name in counted else one.together() for name, one in measures.items()}


def station_measures(scenario: Scenario, tallies: Tallies, *, warm_up_days: float = 0.0) -> Measures:
    """Measures of each station, by name.

    wait (days, of jobs begun), wait_probability (share with a wait above 0), wait_p95 (95 % quantile, days),
    utilisation (work over what its servers could do in their open hours), queue_length and in_system (means over
    time), time_in_system (days, waiting and in hand), turned_away_share, arrivals_per_day, queue_end.
    """
    sums = tallies.stations
    start, end = warm_up_days, warm_up_days + tallies.days
    capacity = np.array(
        [s.servers * open_days(s.calendar, scenario.first_weekday, start, end) for s in scenario.stations]
    )
    in_hand, queue = _days(sums.busy_ticks), _days(sums.queue_ticks)
    return {
        "wait": _ratio(_days(sums.wait), sums.started),
        "wait_probability": _ratio(sums.waited, sums.started),
        "wait_p95": _wait_quantile(sums, 0.95),
        "utilisation": _ratio(_days(sums.working_ticks), np.broadcast_to(capacity, sums.wait.shape)),
        "queue_length": _per_day(tallies, queue),
        "in_system": _per_day(tallies, queue + in_hand),
        "time_in_system": _ratio(_days(sums.wait) + in_hand, sums.started),
        "turned_away_share": _ratio(sums.turned_away, sums.arrivals),
        "arrivals_per_day": _per_day(tallies, sums.arrivals),
        "queue_end": _total(sums.in_queue_end),
    }


def point_costs(scenario: Scenario, tallies: Tallies) -> Measures:
    """Cost per day of each stock point, by kind; what comes from another site of the scenario is no purchase."""
    points, sums = scenario.points, tallies.points
    sites = {point.site for point in points}
    bought = np.array([point.source not in sites for point in points], dtype=np.float64)
    amounts = {
        "holding": _days(sums.on_hand_ticks) * _column(points, "holding_cost"),
        "ordering": sums.orders * _column(points, "order_cost"),
        "purchase": tallies.purchase_cost * bought,
        "shortage": (sums.demand - sums.filled) * _column(points, "shortage_cost"),
        "backorder": _days(sums.backordered_ticks) * _column(points, "backorder_cost"),
        "spoilage": sums.spoiled * _column(points, "spoilage_cost"),
    }
    return {kind: _per_day(tallies, amount) for kind, amount in amounts.items()}


def costs(scenario: Scenario, tallies: Tallies) -> Measures:
    """Cost per day of the whole scenario by kind (see `COST_KINDS`) and in total, shape (replication, 1) each."""
    parcel = {carrier.name: carrier.cost_per_parcel for carrier in scenario.carriers}
    per_parcel = np.array([parcel.get(stream.carrier, 0.0) for stream in scenario.streams])
    per_return = np.array([stream.returns.cost_per_return for stream in scenario.streams])
    per_day = np.array([24.0 * station.cost_per_hour for station in scenario.stations])
    of_work = {
        "transport": tallies.streams.parcels * per_parcel,
        "returns": tallies.streams.returns * per_return,
        "labour": _days(tallies.stations.working_ticks) * per_day,
    }
    kinds = point_costs(scenario, tallies) | {kind: _per_day(tallies, one) for kind, one in of_work.items()}
    summed = {kind: _summed(kinds[kind]) for kind in COST_KINDS}
    total = np.sum([one.numerator for one in summed.values()], axis=0)
    return summed | {"total": Measure(total, np.full(total.shape, tallies.days))}


def overall_measures(scenario: Scenario, tallies: Tallies) -> Measures:
    """Every measure and cost per day of the whole scenario, shape (replication, 1) each."""
    return (
        overall_point_measures(scenario, tallies)
        | overall_stream_measures(scenario, tallies)
        | as_measures(costs(scenario, tallies))
    )


def as_measures(kinds: Measures) -> Measures:
    """Costs by kind under the names they have among other measures: holding_cost, …, total_cost."""
    return {f"{kind}_cost": cost for kind, cost in kinds.items()}


def open_days(calendar: Calendar, first_weekday: int, start_day: float, end_day: float) -> float:
    """Open time between two moments, days.

    >>> round(open_days(Calendar(shifts=((0, 0.25, 0.75), (1, 0.25, 0.75))), 0, 0.5, 7.0), 3)
    0.75
    """
    if calendar.shifts is None:
        return end_day - start_day
    total = 0.0
    for day in range(int(start_day), int(np.ceil(end_day))):
        for weekday, opens, closes in calendar.shifts:
            if weekday == (day + first_weekday) % 7:
                total += max(0.0, min(day + closes, end_day) - max(day + opens, start_day))
    return total


def histogram_quantile(counts: FloatArray, chance: float | FloatArray) -> FloatArray:
    """Quantile of waits counted in the bins of `WAIT_BINS`, days, with straight lines between a bin's edges.

    Args:
        counts: Shape (…, bin).
        chance: Between 0 and 1, one for all or of shape (…).

    Returns:
        Shape (…); NaN where nothing was counted. Off by less than a bin, 1.1 % of the wait.
    """
    position, part = _place_of_quantile(counts, chance)
    low, high = _bin_edge(position), _bin_edge(position + 1)
    ticks = np.where(position == 0, 0.0, low + part * (high - low))
    return np.asarray(np.where(counts.sum(axis=-1) > 0, ticks / TICKS_PER_DAY, np.nan))


def _place_of_quantile(counts: FloatArray, chance: float | FloatArray) -> tuple[IntArray, FloatArray]:
    """Bin of the quantile, and the share of the bin's jobs that lie below it."""
    below = np.cumsum(counts, axis=-1)
    wanted = np.asarray(chance * below[..., -1])
    position = np.minimum((below < wanted[..., np.newaxis]).sum(axis=-1), counts.shape[-1] - 1)
    here, up_to = _at(counts, position), _at(below, position)
    return position, np.where(here > 0, 1.0 - _divided(up_to - wanted, here), 0.0)


def _at(values: FloatArray, position: IntArray) -> FloatArray:
    return np.asarray(np.take_along_axis(values, position[..., np.newaxis], axis=-1)[..., 0])


def _bin_edge(position: IntArray) -> FloatArray:
    return np.asarray(np.exp2(position / WAIT_BINS_PER_OCTAVE) - 1.0)


def _wait_quantile(sums: StationTallies, chance: float) -> Measure:
    """The quantile q of all jobs' waits together.

    In the place of replication r stands q + (p·n − c) / (mean n) · s, with c of its n waits up to q and s the slope of
    the quantile over the chance p, seen over two standard errors of the share up to q to either side. Their mean is q,
    and their spread gives its error.
    """
    counts = sums.wait_histogram.astype(np.float64)
    whole = counts.sum(axis=0)
    value = histogram_quantile(whole, chance)
    if len(counts) == 1:
        return _total(value[np.newaxis])
    position, part = _place_of_quantile(whole, chance)
    where = np.broadcast_to(position, counts.shape[:-1])
    number, here = counts.sum(axis=-1), _at(counts, where)
    up_to = _at(np.cumsum(counts, axis=-1), where) - (1.0 - part) * here
    missing = _divided(chance * number - up_to, np.broadcast_to(number.mean(axis=0), number.shape))
    reach = 2.0 * np.sqrt(missing.var(axis=0, ddof=1) / len(counts))
    low, high = np.clip(chance - reach, 0.0, 1.0), np.clip(chance + reach, 0.0, 1.0)
    slope = _divided(histogram_quantile(whole, high) - histogram_quantile(whole, low), high - low)
    return _total(value + np.where(reach > 0, missing * slope, 0.0))


def _ratio(numerator: Sums, denominator: Sums) -> Measure:
    return Measure(np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64))


def _per_day(tallies: Tallies, amount: Sums) -> Measure:
    return _ratio(amount, np.full(amount.shape, tallies.days))


def _total(amount: Sums) -> Measure:
    return _ratio(amount, np.ones(amount.shape))


def _summed(measure: Measure) -> Measure:
    """Of all things as one where each has the same denominator."""
    shape = (len(measure.numerator), 1)
    denominator = measure.denominator[:, :1] if measure.denominator.shape[1] else np.ones(shape)
    return Measure(measure.numerator.sum(axis=1, keepdims=True), denominator)


def _days(ticks: IntArray) -> FloatArray:
    return np.asarray(ticks / TICKS_PER_DAY)


def _column(points: tuple[StockPoint, ...], name: str) -> FloatArray:
    return np.array([getattr(point, name) for point in points], dtype=np.float64)
