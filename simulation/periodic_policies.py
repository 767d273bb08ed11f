"""Policies written in Python on the periodic kernel: it runs from review to review and asks in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from simulation.arrays import MOST_UNITS, FloatArray, IntArray
from simulation.compiled import kernel
from simulation.periodic_arrays import FIRST_REVIEW, PIPELINE_COUNT, REVIEW_PERIOD, PeriodicArrays
from simulation.periodic_days import begin, run_days
from simulation.periodic_luck import fill_demand
from simulation.periodic_state import (
    BACKORDERED,
    LOT_HEAD,
    LOT_TAIL,
    LOT_WIDTH,
    ON_HAND,
    ON_ORDER,
    ORDER_WIDTH,
    QUEUE_HEAD,
    QUEUE_TAIL,
    STATE_WIDTH,
    UnitArray,
    World,
    finish,
    paid_in_all,
)
from simulation.periodic_supply import place_order
from simulation.policy_view import PolicyView, wanted_units
from simulation.scenario import TICKS_PER_DAY, Policy

DEMAND_AT_ONCE = 8_000_000
"""Replications × points × days whose demand is held in memory at once, for policies that forecast from it."""


@dataclass(frozen=True, eq=False)
class PeriodicView:
    """Stock points of one policy as they stand at a review, all replications side by side.

    Attributes:
        sku: Names, one for each point.
        site: Where they lie.
        day: Days since the start, whole.
        replications: Numbers of the replications, shape (replication,).
        on_hand: Units, shape (replication, point).
        on_order: Units ordered and not yet received, shape (replication, point).
        backordered: Units that customers wait for, shape (replication, point).
        demand_by_day: Units asked for on each day before this one, since day 0, shape (replication, point, day).
    """

    sku: tuple[str, ...]
    site: tuple[str, ...]
    day: float
    replications: IntArray
    on_hand: IntArray
    on_order: IntArray
    backordered: IntArray
    demand_by_day: IntArray

    @property
    def inventory_position(self) -> IntArray:
        """On hand + on order − backordered, shape (replication, point)."""
        return np.asarray(self.on_hand + self.on_order - self.backordered)


def all_replications(function: Callable[[PeriodicView], Any]) -> Callable[[PolicyView], Any]:
    """Mark a policy's function that answers for all replications of a review at once.

    Args:
        function: Takes a `PeriodicView`, gives units of shape (replication, point).

    Returns:
        A function for `Policy(kind="callable")`. The periodic kernel calls it once for each review; executors that
        run one replication at a time are given its answer for that one.

    >>> @all_replications
    ... def up_to_fifty(view):
    ...     return 50 - view.inventory_position
    >>> policy = Policy("callable", "up to 50", function=up_to_fifty, review_period_days=7.0)
    """

    @wraps(function)
    def of_one(view: PolicyView) -> Any:
        together = PeriodicView(
            sku=view.sku,
            site=view.site,
            day=view.day,
            replications=np.array([view.replication]),
            on_hand=view.on_hand[np.newaxis],
            on_order=view.on_order[np.newaxis],
            backordered=view.backordered[np.newaxis],
            demand_by_day=view.demand_by_day[np.newaxis],
        )
        return np.asarray(function(together))[0]

    of_one.of_all_replications = function  # type: ignore[attr-defined]
    return of_one


def run_asking(
    world: World,
    arrays: PeriodicArrays,
    policies: Mapping[int, Policy],
    first_replication: int,
    sums: IntArray,
    cost: FloatArray,
    daily: UnitArray,
) -> None:
    """Run the stock points whose policies are Python functions of periodic review.

    Args:
        world: All points.
        arrays: Their names.
        policies: Of the points to run, by position.
        first_replication, sums, cost, daily: As for `run_points`.
    """
    points = np.array(sorted(policies), dtype=np.int64)
    if not len(points):
        return
    replications, days = sums.shape[1], -(-world.horizon // TICKS_PER_DAY)
    batch = max(1, DEMAND_AT_ONCE // (days * len(points)))
    for first in range(0, replications, batch):
        part = slice(first, min(first + batch, replications))
        asking = _Asking(world, arrays, points, policies, first_replication + first, part.stop - first)
        asking.run(sums[:, part], cost[part], daily[:, part])


class _Asking:
    """Stock points between two reviews; arrays of shape (replication, point, …)."""

    def __init__(
        self,
        world: World,
        arrays: PeriodicArrays,
        points: IntArray,
        policies: Mapping[int, Policy],
        first_replication: int,
        replications: int,
    ) -> None:
        self.world, self.points, self.policies = world, points, policies
        self.first_replication = first_replication
        self.skus = [arrays.skus[point] for point in points]
        self.sites = [arrays.sites[point] for point in points]
        self.days = -(-world.horizon // TICKS_PER_DAY)
        shape = (replications, len(points))
        pipeline = int(world.columns[points, PIPELINE_COUNT].max())
        self.units = np.empty((*shape, self.days), dtype=np.int32)
        self.state = np.zeros((*shape, STATE_WIDTH), dtype=np.int64)
        self.paid = np.zeros((*shape, 1))
        self.queue = np.zeros((*shape, pipeline + 2, ORDER_WIDTH), dtype=np.int64)
        self.lots = np.zeros((*shape, 2, LOT_WIDTH), dtype=np.int64)

    def run(self, sums: IntArray, cost: FloatArray, daily: UnitArray) -> None:
        _begin_all(self.world, self.points, self.first_replication, self.units, self.state, self.queue, self.lots)
        self.shown = self.units.astype(np.int64)
        self.shown.setflags(write=False)
        done = 0
        for day, places in self._reviews():
            self._advance(done, day + 1, daily)
            done = day + 1
            for together in self._by_function(places):
                self._ask(day, together)
        self._advance(done, self.days, daily)
        _finish_all(self.world, self.points, self.units, self.state, self.paid, sums, cost, daily)

    def _reviews(self) -> list[tuple[int, IntArray]]:
        """Days with a review, and which points have it."""
        reviews: dict[int, list[int]] = {}
        for place, point in enumerate(self.points.tolist()):
            first, period = self.world.policies[point, [FIRST_REVIEW, REVIEW_PERIOD]].tolist()
            for day in range(first, self.days, period):
                reviews.setdefault(day, []).append(place)
        return [(day, np.array(reviews[day])) for day in sorted(reviews)]

    def _by_function(self, places: IntArray) -> list[IntArray]:
        groups: dict[int, list[int]] = {}
        for place in places.tolist():
            groups.setdefault(id(self._policy(place).function), []).append(place)
        return [np.array(group) for group in groups.values()]

    def _policy(self, place: int) -> Policy:
        return self.policies[int(self.points[place])]

    def _advance(self, first_day: int, last_day: int, daily: UnitArray) -> None:
        under_way = self.state[..., QUEUE_TAIL] - self.state[..., QUEUE_HEAD]
        lots = self.state[..., LOT_TAIL] - self.state[..., LOT_HEAD]
        # With twice the room that is needed, kernels move rows up instead of growing.
        self.lots = _with_room(self.lots, 2 * int((lots + under_way).max()) + 2)
        _advance_all(
            self.world,
            self.points,
            self.first_replication,
            first_day,
            last_day,
            self.units,
            self.state,
            self.paid,
            self.queue,
            self.lots,
            daily,
        )

    def _ask(self, day: int, places: IntArray) -> None:
        policy = self._policy(int(places[0]))
        wanted = self._wanted(policy, day, places)
        under_way = self.state[..., QUEUE_TAIL] - self.state[..., QUEUE_HEAD]
        self.queue = _with_room(self.queue, int(under_way.max()) + 1)
        _place_all(self.world, self.points, places, self.first_replication, day, wanted, self.state, self.queue)

    def _wanted(self, policy: Policy, day: int, places: IntArray) -> IntArray:
        """Units of shape (replication, point), as the policy answers."""
        function = policy.function
        assert function is not None
        state = self.state[:, places]
        replications = self.first_replication + np.arange(len(state))
        names: dict[str, Any] = {
            "sku": _picked(self.skus, places),
            "site": _picked(self.sites, places),
            "day": float(day),
        }
        columns: dict[str, Any] = {name: state[..., field] for name, field in _SHOWN.items()}
        everybody = len(places) == len(self.points)
        demand = self.shown[..., :day] if everybody else self.shown[:, places, :day]
        of_all = getattr(function, "of_all_replications", None)
        if of_all is not None:
            view = PeriodicView(**names, replications=replications, **columns, demand_by_day=demand)
            return _checked(policy.name, np.asarray(of_all(view)), state.shape[:2], day)
        answers = [
            wanted_units(
                policy.name,
                function,
                PolicyView(
                    **names,
                    replication=int(replication),
                    **{name: column[row] for name, column in columns.items()},
                    demand_by_day=demand[row],
                ),
            )
            for row, replication in enumerate(replications)
        ]
        return np.array(answers, dtype=np.int64)


_SHOWN = {"on_hand": ON_HAND, "on_order": ON_ORDER, "backordered": BACKORDERED}


def _picked(names: Sequence[str], places: IntArray) -> tuple[str, ...]:
    return tuple(names[place] for place in places)


def _checked(name: str, answer: Any, shape: tuple[int, ...], day: int) -> IntArray:
    """The answer for all replications, refused as `wanted_units` refuses that for one."""
    if answer.shape != shape:
        raise ValueError(f"policy {name!r} must answer with units of shape {shape}, got shape {answer.shape}")
    if answer.dtype.kind not in "iuf" or not np.all(np.isfinite(answer)) or np.any(answer != np.floor(answer)):
        raise ValueError(f"policy {name!r} must answer with whole units, got {answer!r:.80} on day {day}")
    if np.any(answer > MOST_UNITS):
        raise ValueError(f"policy {name!r} must order at most {MOST_UNITS} units, got {answer.max()} on day {day}")
    return np.asarray(answer, dtype=np.int64)


def _with_room(rows: IntArray, least: int) -> IntArray:
    """The same rows with room for at least so many."""
    room = rows.shape[2]
    if room >= least:
        return rows
    return np.pad(rows, ((0, 0), (0, 0), (0, max(least, 2 * room) - room), (0, 0)))


@kernel
def _begin_all(
    world: World,
    points: IntArray,
    first_replication: int,
    units: UnitArray,
    state: IntArray,
    queue: IntArray,
    lots: IntArray,
) -> None:
    words = np.empty((4, (units.shape[2] + 3) // 4), dtype=np.uint32)
    for place in range(len(points)):
        point = points[place]
        for row in range(len(units)):
            fill_demand(
                world.columns[point],
                world.keys[point],
                world.path_units,
                world.table,
                world.steps,
                first_replication + row,
                units[row, place],
                words,
            )
            begin(
                world.columns[point],
                world.pipeline,
                world.horizon,
                state[row, place],
                queue[row, place],
                lots[row, place],
            )


@kernel
def _advance_all(
    world: World,
    points: IntArray,
    first_replication: int,
    first_day: int,
    last_day: int,
    units: UnitArray,
    state: IntArray,
    paid: FloatArray,
    queue: IntArray,
    lots: IntArray,
    daily: UnitArray,
) -> None:
    dues = np.full(units.shape[2], -1, dtype=np.int32)
    columns, policies, keys, unit_cost = world.columns, world.policies, world.keys, world.unit_cost
    break_units, break_cost, outages, table = world.break_units, world.break_cost, world.outages, world.table
    for row in range(len(units)):
        for place in range(len(points)):
            point = points[place]
            run_days(
                columns[point],
                policies[point],
                keys[point],
                unit_cost[point],
                break_units,
                break_cost,
                outages,
                table,
                world.horizon,
                world.warm_up,
                first_replication + row,
                first_day,
                last_day,
                units[row, place],
                dues,
                state[row, place],
                paid[row, place],
                queue[row, place],
                lots[row, place],
                daily[:, row, :, point],
            )


@kernel
def _place_all(
    world: World,
    points: IntArray,
    places: IntArray,
    first_replication: int,
    day: int,
    wanted: IntArray,
    state: IntArray,
    queue: IntArray,
) -> None:
    columns, keys, break_units, outages = world.columns, world.keys, world.break_units, world.outages
    table = world.table
    for row in range(len(wanted)):
        for column in range(len(places)):
            if wanted[row, column] > 0:
                place, point = places[column], points[places[column]]
                place_order(
                    columns[point],
                    keys[point],
                    outages,
                    table,
                    break_units,
                    world.horizon,
                    first_replication + row,
                    day,
                    wanted[row, column],
                    state[row, place],
                    queue[row, place],
                )


@kernel
def _finish_all(
    world: World,
    points: IntArray,
    units: UnitArray,
    state: IntArray,
    paid: FloatArray,
    sums: IntArray,
    cost: FloatArray,
    daily: UnitArray,
) -> None:
    for place in range(len(points)):
        point = points[place]
        for row in range(len(units)):
            finish(world.horizon, world.warm_up, units[row, place], state[row, place], daily[:, row, :, point])
            for field in range(STATE_WIDTH):
                sums[field, row, point] = state[row, place, field]
            cost[row, point] = paid_in_all(
                world.columns[point], world.unit_cost[point], state[row, place], paid[row, place]
            )
