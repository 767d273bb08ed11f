"""Stock points as arrays side by side, built once and run under many policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.arrays import FloatArray, IntArray
from simulation.distributions import Distribution, DistributionTable, distribution_table
from simulation.scenario import TICKS_PER_DAY, Demand, Outage, Policy, StockPoint
from simulation.step_tables import StepTables, step_tables
from simulation.streams import stream_key

NO_DEMAND, DAILY_DEMAND, PATH_DEMAND = 0, 1, 2
NEVER, REORDER, ASKED = 0, 1, 2

# Columns of a stock point; what varies in length lies in flat arrays, with a start and a count.
OPENING, BACKORDERS, PACK_SIZE, MOQ, SHELF_DAYS = range(5)
PIPELINE_START, PIPELINE_COUNT, BREAK_START, BREAK_COUNT = range(5, 9)
DEMAND_KIND, SIZE_ROW, PATH_START, PATH_COUNT, PATH_DAYS = range(9, 14)
LEAD_DAYS, LEAD_TIME_ROW, YIELD_ROW, OUTAGE_START, OUTAGE_COUNT = range(14, 19)

# Streams of a stock point.
SIZE, LEAD_TIME, YIELD = range(3)

# Columns of a policy.
POLICY_KIND, REORDER_POINT, ORDER_UP_TO_LEVEL, ORDER_QUANTITY, REVIEW_PERIOD, FIRST_REVIEW = range(6)


@dataclass(frozen=True, eq=False)
class PeriodicArrays:
    """Stock points ready for `run_periodic_arrays`.

    Attributes:
        skus, sites: Names, one for each point.
        columns: Whole numbers of each point, shape (point, column).
        unit_cost: Price of a unit below the first break, shape (point,).
        pipeline: (Day, units), by day within a point.
        break_units, break_cost: Price breaks, ascending within a point.
        path_units: Units by path and day, one point after the other.
        outages: (First tick, day of the end) of suppliers.
        table: All distributions that points name; −1 in a column is none.
        steps: Thresholds of those that are drawn often.
    """

    skus: tuple[str, ...]
    sites: tuple[str, ...]
    columns: IntArray
    unit_cost: FloatArray
    pipeline: IntArray
    break_units: IntArray
    break_cost: FloatArray
    path_units: npt.NDArray[np.int32]
    outages: IntArray
    table: DistributionTable
    steps: StepTables
    _keys: dict[int, npt.NDArray[np.uint64]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.skus)

    def keys(self, seed: int) -> npt.NDArray[np.uint64]:
        """Words of each point's streams of sizes, lead times and yields, shape (point, 3, 2); 0 where none is drawn.

        Those of the last seed are kept for the next policy.
        """
        known = self._keys.get(seed)
        if known is None:
            known = _stream_keys(self, seed)
            self._keys.clear()
            self._keys[seed] = known
        return known


def periodic_arrays(
    points: Sequence[StockPoint], outages: Sequence[Outage] = (), *, draws_per_point: int = 0
) -> PeriodicArrays:
    """Stock points as arrays.

    Args:
        points: Such as the periodic kernel can run (see `not_periodic`).
        outages: Of their suppliers.
        draws_per_point: Days × replications about to be run; decides which distributions are worth a table of
            thresholds, and changes no result.

    Returns:
        The same points, in their order.
    """
    rows = _Distributions()
    sizes = rows.places(point.demand.size if point.demand.kind == "daily" else None for point in points)
    lead_days = np.array([_constant_days(point.lead_time) for point in points], dtype=np.int64)
    lead_times = rows.places(
        None if constant >= 0 else point.lead_time for point, constant in zip(points, lead_days.tolist(), strict=True)
    )
    yields = rows.places(point.yield_rate for point in points)
    table = distribution_table(rows.distributions)
    pipeline = _pipeline(points)
    paths = [_paths(point.demand) for point in points]
    stops = _supplier_outages(outages)
    closed = [stops.get(point.source, _NO_PAIRS) for point in points]
    breaks = [point.price_breaks for point in points]
    columns = np.empty((len(points), OUTAGE_COUNT + 1), dtype=np.int64)
    columns[:, :PIPELINE_START] = np.reshape([_plain_columns(point) for point in points], (-1, PIPELINE_START))
    columns[:, PIPELINE_START], columns[:, PIPELINE_COUNT] = _spans([len(point.pipeline) for point in points])
    columns[:, BREAK_START], columns[:, BREAK_COUNT] = _spans([len(one) for one in breaks])
    columns[:, DEMAND_KIND], columns[:, SIZE_ROW] = [_DEMAND_KINDS[point.demand.kind] for point in points], sizes
    columns[:, PATH_START], _ = _spans([one.size for one in paths])
    columns[:, PATH_COUNT : PATH_DAYS + 1] = np.reshape([one.shape for one in paths], (-1, 2))
    columns[:, LEAD_DAYS], columns[:, LEAD_TIME_ROW], columns[:, YIELD_ROW] = lead_days, lead_times, yields
    columns[:, OUTAGE_START], columns[:, OUTAGE_COUNT] = _spans([len(one) for one in closed])
    draws = np.bincount(sizes[sizes >= 0], minlength=len(rows.distributions)) * draws_per_point
    orders = np.bincount(lead_times[lead_times >= 0], minlength=len(rows.distributions)) * draws_per_point // 4
    return PeriodicArrays(
        skus=tuple(point.sku for point in points),
        sites=tuple(point.site for point in points),
        columns=columns,
        unit_cost=np.array([point.unit_cost for point in points], dtype=np.float64),
        pipeline=np.ascontiguousarray(pipeline[:, 1:]),
        break_units=np.array([units for several in breaks for units, _ in several], dtype=np.int64),
        break_cost=np.array([cost for several in breaks for _, cost in several], dtype=np.float64),
        path_units=np.concatenate(
            [*(one.ravel() for one in paths), _NO_PATH.ravel()], dtype=np.int32, casting="unsafe"
        ),
        outages=np.concatenate([*closed, _NO_PAIRS]),
        table=table,
        steps=step_tables(table, draws + orders),
    )


def policy_arrays(policies: Sequence[Policy]) -> IntArray:
    """Policies as whole numbers, shape (policy, column); one policy for each stock point.

    Raises:
        ValueError: a policy that the periodic kernel cannot run; names it.
    """
    for policy in policies:
        if (why := not_periodic_policy(policy)) is not None:
            raise ValueError(f"the periodic kernel cannot run a stock point that {why}")
    return np.array([_policy_columns(policy) for policy in policies], dtype=np.int64).reshape(-1, FIRST_REVIEW + 1)


def not_periodic_policy(policy: Policy) -> str | None:
    """What about a policy the periodic kernel cannot run, to be said of its stock point; None where it can."""
    if policy.kind == "compiled":
        return f"has the compiled policy {policy.name!r}"
    if policy.kind == "callable" and not policy.review_period_days:
        return f"has the policy {policy.name!r}, a Python function that looks after each demand"
    if not float(policy.review_period_days).is_integer() or not float(policy.first_review_day).is_integer():
        return "is reviewed between midnights"
    return None


_DEMAND_KINDS = {"none": NO_DEMAND, "daily": DAILY_DEMAND, "paths": PATH_DEMAND}
_POLICY_KINDS = {"none": NEVER, "reorder": REORDER, "callable": ASKED}
_NO_PAIRS = np.zeros((0, 2), dtype=np.int64)
_NO_PATH = np.zeros((0, 0), dtype=np.int32)
_NO_UNITS = np.zeros(0, dtype=np.int32)


def _stream_keys(arrays: PeriodicArrays, seed: int) -> npt.NDArray[np.uint64]:
    columns = arrays.columns
    keys = np.zeros((len(arrays), 3, 2), dtype=np.uint64)
    drawn = {
        SIZE: ("size", columns[:, DEMAND_KIND] == DAILY_DEMAND),
        LEAD_TIME: ("lead time", columns[:, LEAD_DAYS] < 0),
        YIELD: ("yield", columns[:, YIELD_ROW] >= 0),
    }
    for stream, (purpose, needed) in drawn.items():
        for point in np.flatnonzero(needed).tolist():
            keys[point, stream] = stream_key(seed, purpose, f"{arrays.skus[point]}@{arrays.sites[point]}")
    return keys


def _plain_columns(point: StockPoint) -> tuple[int, int, int, int, int]:
    waits = point.on_shortage == "backorder"
    return point.on_hand, waits, point.pack_size, point.moq, int(point.shelf_life_days)


def _policy_columns(policy: Policy) -> tuple[int, int, int, int, int, int]:
    return (
        _POLICY_KINDS[policy.kind],
        policy.reorder_point,
        policy.order_up_to_level,
        policy.order_quantity,
        int(policy.review_period_days),
        int(policy.first_review_day),
    )


class _Distributions:
    """Distributions in the order in which they were first met, equal ones once."""

    def __init__(self) -> None:
        self.distributions: list[Distribution] = []
        self._places: dict[Distribution | int, int] = {}

    def places(self, named: Iterable[Distribution | None]) -> IntArray:
        return np.array([-1 if one is None else self._place(one) for one in named], dtype=np.int64)

    def _place(self, one: Distribution) -> int:
        # Long lists of values take longer to compare than to draw from.
        place = self._places.setdefault(id(one) if one.values else one, len(self.distributions))
        if place == len(self.distributions):
            self.distributions.append(one)
        return place


def _constant_days(lead_time: Distribution) -> int:
    """Whole days, at least one, of a lead time that never varies; −1 where it varies."""
    return max(1, int(lead_time.mean + 0.5)) if lead_time.kind == "constant" else -1


def _pipeline(points: Sequence[StockPoint]) -> IntArray:
    """(Position, day, units) of all goods under way, by position, then by day, then as they were given."""
    arrivals = [(place, int(day), units) for place, point in enumerate(points) for day, units in point.pipeline]
    rows = np.array(arrivals, dtype=np.int64).reshape(-1, 3)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def _paths(demand: Demand) -> npt.NDArray[Any]:
    return demand.paths if demand.kind == "paths" and demand.paths is not None else _NO_PATH


def _supplier_outages(outages: Sequence[Outage]) -> dict[str, IntArray]:
    """(First tick, day of the end) by place; those that overlap or touch are one."""
    by_place: dict[str, list[list[int]]] = {}
    for outage in sorted(outages, key=lambda one: one.start_day):
        first, end = (int(day * TICKS_PER_DAY + 0.5) for day in (outage.start_day, outage.end_day))
        known = by_place.setdefault(outage.place, [])
        if known and first <= known[-1][1]:
            known[-1][1] = max(known[-1][1], end)
        else:
            known.append([first, end])
    return {
        place: np.array([(first, -(-end // TICKS_PER_DAY)) for first, end in known], dtype=np.int64)
        for place, known in by_place.items()
    }


def _spans(lengths: Sequence[int]) -> tuple[IntArray, IntArray]:
    counts = np.array(lengths, dtype=np.int64)
    return np.cumsum(counts) - counts, counts
