"""The days of stock: receipts, demand, count, review, for every replication and SKU side by side.

A day has this order of events:

1. Receipts: goods due today arrive. With backorders, waiting demand is served from them first.
2. Demand is filled from stock; the rest is lost or backordered.
3. Count: stock on hand, on order and backordered as they stand at the end of the day.
4. Review, on review days: orders are placed. One with a lead time of L days placed on day d arrives at the
   start of day d + L, so it serves demand from that day on. Later orders may overtake earlier ones. Arrivals
   beyond the horizon stay on order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.policies import ReorderPolicy
from simulation.stock_scenario import StockScenario

UnitArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class StockTotals:
    """What happened to each SKU over the horizon, arrays of shape (replication, sku), in units unless said.

    start + received − filled − (unfilled − backordered at end) = on hand at end, to the unit, where
    unfilled = demand − filled; without backorders the bracket is left out, since unfilled demand is lost.

    Attributes:
        filled_units: Demand met from stock on the day it came. Backorders served later do not count.
        received_units: Arrivals, those of the pipeline included.
        ordered_units: Units of the orders placed.
        orders: Number of orders placed.
        stock_out_days: Days on which some demand was not met from stock.
        on_hand_unit_days: End-of-day stock, summed over days.
        backordered_unit_days: End-of-day backorders, summed over days.
        on_hand_at_end: Stock at the end of the last day.
        on_order_at_end: Units ordered and not yet received.
        backordered_at_end: Units still owed.
    """

    filled_units: IntArray
    received_units: IntArray
    ordered_units: IntArray
    orders: IntArray
    stock_out_days: IntArray
    on_hand_unit_days: IntArray
    backordered_unit_days: IntArray
    on_hand_at_end: IntArray
    on_order_at_end: IntArray
    backordered_at_end: IntArray


@dataclass(frozen=True, eq=False)
class StockTrace:
    """End-of-day units averaged over replications, arrays of shape (day, sku)."""

    skus: tuple[str, ...]
    on_hand: FloatArray
    on_order: FloatArray
    backordered: FloatArray


def run_stock(scenario: StockScenario, policy: ReorderPolicy, *, lead_times: IntArray) -> StockTotals:
    """Replay the scenario's demand under a policy, once for each set of lead times.

    Args:
        scenario: Demand, opening stock and supply.
        policy: Reorder points and levels of the scenario's SKUs, in its order.
        lead_times: Whole days, at least 1, that an order of a given review would take, shape
            (replication, review, sku); reviews as in `scenario.review_days`.

    Returns:
        Totals over the horizon. A SKU's row depends on its own inputs alone.

    Raises:
        ValueError: policy or lead times of another shape, or a lead time below one day.
    """
    _check_inputs(scenario, policy, lead_times)
    shape = (lead_times.shape[0], lead_times.shape[2])
    summed = {field.name: np.zeros(shape, dtype=np.int64) for field in fields(StockTotals)}
    for stock in _stock_days(scenario, policy, lead_times):
        summed["received_units"] += stock.received
        summed["filled_units"] += stock.filled
        summed["stock_out_days"] += stock.short > 0
        summed["on_hand_unit_days"] += stock.on_hand
        summed["backordered_unit_days"] += stock.backordered
        if stock.reviewed:
            summed["ordered_units"] += stock.ordered
            summed["orders"] += stock.ordered > 0
    summed["on_hand_at_end"] += stock.on_hand
    summed["on_order_at_end"] += stock.on_order
    summed["backordered_at_end"] += stock.backordered
    return StockTotals(**summed)


def trace_stock(scenario: StockScenario, policy: ReorderPolicy, *, lead_times: IntArray) -> StockTrace:
    """End-of-day stock by day, for plotting; the same replay as `run_stock`.

    Orders of a review day are on order at its end. For a single SKU, trace `scenario.subset` and
    `policy.subset` with its lead times.

    Args:
        scenario: Demand, opening stock and supply.
        policy: Reorder points and levels of the scenario's SKUs.
        lead_times: As for `run_stock`, shape (replication, review, sku).

    Returns:
        Means over replications.

    Raises:
        ValueError: as for `run_stock`.
    """
    _check_inputs(scenario, policy, lead_times)
    on_hand, on_order, backordered = np.empty((3, scenario.days, len(scenario.skus)))
    for stock in _stock_days(scenario, policy, lead_times):
        on_hand[stock.day] = stock.on_hand.mean(axis=0)
        on_order[stock.day] = stock.on_order.mean(axis=0)
        backordered[stock.day] = stock.backordered.mean(axis=0)
    return StockTrace(scenario.skus, on_hand, on_order, backordered)


def join_replications(parts: Sequence[StockTotals]) -> StockTotals:
    """Totals of several runs of one scenario as those of one run, replications in the order given."""
    return StockTotals(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(StockTotals)}
    )


@dataclass
class _Stock:
    """The state at the end of a day and what the day did, shape (replication, sku).

    One object serves all days: arrays are overwritten, so that a horizon costs the memory of a day.
    """

    day: int
    reviewed: bool
    on_hand: UnitArray
    on_order: UnitArray
    backordered: UnitArray
    received: UnitArray
    filled: UnitArray
    short: UnitArray
    ordered: UnitArray


def _stock_days(scenario: StockScenario, policy: ReorderPolicy, lead_times: IntArray) -> Iterator[_Stock]:
    replications, _, sku_count = lead_times.shape
    shape = (replications, sku_count)
    demand, pipeline = _units(scenario.demand), _units(scenario.pipeline)
    reorder_point, level = _units(policy.reorder_point), _units(policy.order_up_to_level)
    pack_size, moq = _units(scenario.pack_size), _units(scenario.moq)
    backorder = scenario.on_shortage == "backorder"
    # Arrivals by day modulo the longest lead time: today's row is emptied before today's orders refill it.
    arrivals = np.zeros((min(int(lead_times.max()), scenario.days), *shape), dtype=np.int32)
    stock = _Stock(0, False, *(np.zeros(shape, dtype=np.int32) for _ in range(7)))
    stock.on_hand += _units(scenario.on_hand)
    stock.on_order += _units(scenario.pipeline.sum(axis=0))

    for day in range(scenario.days):
        stock.day = day
        _receive(stock, arrivals[day % len(arrivals)], pipeline[day] if day < len(pipeline) else None)
        _fill(stock, demand[day], backorder=backorder)
        stock.reviewed = day % scenario.review_period_days == 0
        if stock.reviewed:
            _order(stock, reorder_point, level, pack_size, moq)
            _schedule(stock, arrivals, lead_times[:, day // scenario.review_period_days], scenario.days)
        yield stock


def _receive(stock: _Stock, due: UnitArray, pipeline_due: UnitArray | None) -> None:
    np.copyto(stock.received, due)
    due[...] = 0
    if pipeline_due is not None:
        stock.received += pipeline_due
    stock.on_hand += stock.received
    stock.on_order -= stock.received


def _fill(stock: _Stock, demand: UnitArray, *, backorder: bool) -> None:
    if backorder:
        served = np.minimum(stock.on_hand, stock.backordered)
        stock.on_hand -= served
        stock.backordered -= served
    np.minimum(stock.on_hand, demand, out=stock.filled)
    stock.on_hand -= stock.filled
    np.subtract(demand, stock.filled, out=stock.short)
    if backorder:
        stock.backordered += stock.short


def _order(stock: _Stock, reorder_point: UnitArray, level: UnitArray, pack_size: UnitArray, moq: UnitArray) -> None:
    position = stock.on_hand + stock.on_order
    position -= stock.backordered
    wanted = (position <= reorder_point) & (position < level)
    packs = np.maximum(level - position, moq)
    packs += pack_size - 1
    packs //= pack_size
    np.multiply(packs, pack_size, out=stock.ordered)
    stock.ordered *= wanted
    stock.on_order += stock.ordered


def _schedule(stock: _Stock, arrivals: UnitArray, lead_times: IntArray, days: int) -> None:
    arrival_day = stock.day + lead_times
    replication, sku = np.nonzero((stock.ordered > 0) & (arrival_day < days))
    due = arrival_day[replication, sku] % len(arrivals)
    # One order per replication and SKU in a review, so no cell is addressed twice.
    arrivals[due, replication, sku] += stock.ordered[replication, sku]


def _units(values: IntArray) -> UnitArray:
    return values.astype(np.int32)


def _check_inputs(scenario: StockScenario, policy: ReorderPolicy, lead_times: IntArray) -> None:
    sku_count, reviews = len(scenario.skus), len(scenario.review_days)
    if policy.reorder_point.shape != (sku_count,):
        raise ValueError(
            f"policy {policy.name} must cover the scenario's {sku_count} SKUs, got shape {policy.reorder_point.shape}"
        )
    if lead_times.ndim != 3 or lead_times.shape[1:] != (reviews, sku_count) or not len(lead_times):
        raise ValueError(f"lead_times must have shape (replications, {reviews}, {sku_count}), got {lead_times.shape}")
    if lead_times.dtype.kind not in "iu" or lead_times.min() < 1:
        raise ValueError(
            f"lead_times must be whole days of at least 1, got dtype {lead_times.dtype}, shortest {lead_times.min()}"
        )
