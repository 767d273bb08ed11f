"""The event kernel: any scenario whose policies are compiled, event by event, at machine speed.

A scenario of stock points that only customers and suppliers touch runs point by point in `stock_events`; everything
else runs in `order_events`. Both follow docs/simulation/rules.md to the tick, as the plain interpreter does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from simulation.arrays import IntArray
from simulation.order_run import OrderRun
from simulation.replenishing import policy_address
from simulation.scenario import Scenario
from simulation.stock_events import stock_events, stock_room
from simulation.tables import Tables, tables, ticks
from simulation.tallies import POINT_FIELDS, Tallies, empty_tallies, joined
from simulation.tally_columns import POINT_SUMS

_ROOM = 256


def not_compiled(scenario: Scenario) -> str | None:
    """Why the event kernel cannot run a scenario, or None when it can.

    >>> from simulation.scenario import Policy, StockPoint
    >>> not_compiled(Scenario(points=(StockPoint("A", policy=Policy("callable", function=print)),)))
    'the policy of A at site is a Python function: the plain interpreter runs it'
    """
    for point in scenario.points:
        if point.policy.kind == "callable":
            return f"the policy of {point.sku} at {point.site} is a Python function: the plain interpreter runs it"
    return None


def run_events(
    scenario: Scenario,
    *,
    days: float,
    replications: int,
    seed: int,
    warm_up_days: float = 0.0,
    first_replication: int = 0,
    daily: bool = False,
    log: bool = False,
    threads: int = 1,
) -> Tallies:
    """Replications of a scenario by compiled loops.

    The answer does not depend on the number of threads, nor on which other replications are run.

    Args:
        scenario: The world.
        days: From day 0 to the end of the run, the warm-up included; above 0.
        replications: How many, at least 1.
        seed: Of the random numbers.
        warm_up_days: After these the sums begin anew; at least 0, below `days`.
        first_replication: Number of the first replication, at least 0.
        daily: Keep the state at the end of each whole day.
        log: Keep the event log.
        threads: How many share the replications, at least 1.

    Raises:
        ValueError: days, replications, warm-up or threads out of range, or a policy that is a Python function.
    """
    if days <= 0 or not 0 <= warm_up_days < days:
        raise ValueError(f"days must be above 0 and warm_up_days from 0 to below them, got {days} and {warm_up_days}")
    for name, number, least in (
        ("replications", replications, 1),
        ("threads", threads, 1),
        ("first_replication", first_replication, 0),
    ):
        if number < least:
            raise ValueError(f"{name} must be at least {least}, got {number}")
    if (reason := not_compiled(scenario)) is not None:
        raise ValueError(reason)
    called = [policy_address(p.policy.function) if p.policy.kind == "compiled" else (0, None) for p in scenario.points]
    columns = tables(scenario, seed=seed, addresses=[address for address, _ in called])
    span = ticks(warm_up_days), ticks(days)
    alone = not (log or daily) and stands_alone(scenario)

    def share(first: int, count: int) -> Tallies:
        empty = empty_tallies(
            count,
            len(scenario.points),
            len(scenario.streams),
            len(scenario.stations),
            days=days - warm_up_days,
            first=first,
        )
        if alone:
            return _run_points(columns, empty, span)
        run = OrderRun(scenario, columns, seed, warm_up=span[0], end=span[1], days=int(days) if daily else 0, log=log)
        return run.fill(empty)

    shares = min(threads, replications)
    bounds = [first_replication + replications * part // shares for part in range(shares + 1)]
    spans = [(bounds[part], bounds[part + 1] - bounds[part]) for part in range(shares)]
    if shares == 1:
        return share(*spans[0])
    with ThreadPoolExecutor(shares) as pool:
        return joined(list(pool.map(lambda part: share(*part), spans)))


def stands_alone(scenario: Scenario) -> bool:
    """Whether only customers and suppliers touch each stock point, in the simple ways of `stock_events`."""
    held = {(point.sku, point.site) for point in scenario.points}
    return not scenario.streams and all(
        (point.sku, point.source) not in held and point.patience is None and point.shelf_life_days == 0
        for point in scenario.points
    )


def _run_points(columns: Tables, tallies: Tallies, span: tuple[int, int]) -> Tallies:
    """One stock point after the other; rooms that are too small for a replication are doubled, and it begins anew."""
    replications = tallies.replications
    limits: IntArray = np.array([*span, tallies.first_replication], dtype=np.int64)
    room, size = stock_room(_ROOM, _ROOM), _ROOM
    for point in range(len(columns.points)):
        sums, costs = np.zeros((replications, POINT_SUMS), dtype=np.int64), np.zeros(replications)
        done = stock_events(columns, point, room, limits, 0, sums, costs)
        while done < replications:
            size *= 2
            room = stock_room(size, size)
            done = stock_events(columns, point, room, limits, done, sums, costs)
        for position, name in enumerate(POINT_FIELDS):
            getattr(tallies.points, name)[:, point] = sums[:, position]
        tallies.purchase_cost[:, point] = costs
    return tallies
