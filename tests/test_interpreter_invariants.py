"""What holds in every run of the plain interpreter, whatever the scenario: over 120 random ones each."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from simulation.interpreter import run_plain
from simulation.scenario import ALWAYS_OPEN, Policy, Scenario, StockPoint
from simulation.tallies import EVENT_NAMES, EventLog, Tallies
from tests.random_scenarios import run_of, runs, scenario_of, scenarios

NUMBERS = range(120)
CODE = {name: code for code, name in enumerate(EVENT_NAMES)}


@cache
def scenario(number: int) -> Scenario:
    """The random scenario of a number."""
    return scenario_of(number)


@cache
def whole_run(number: int) -> Tallies:
    """Without warm-up."""
    return run_plain(scenario(number), **{**run_of(number), "warm_up_days": 0.0}, daily=True, log=True)


def whole_runs() -> Iterator[tuple[Scenario, Tallies]]:
    """Scenarios with their runs."""
    for number in NUMBERS:
        yield scenario(number), whole_run(number)


def log_of(tallies: Tallies) -> EventLog:
    assert tallies.log is not None
    return tallies.log


def logged_units(tallies: Tallies, event: str, points: int) -> Any:
    """Units of one kind of event, shape (replication, point)."""
    log = log_of(tallies)
    total = np.zeros((tallies.replications, points), dtype=np.int64)
    chosen = log.event == CODE[event]
    np.add.at(total, (log.replication[chosen] - tallies.first_replication, log.place[chosen]), log.units[chosen])
    return total


def opening(scenario: Scenario, name: str) -> Any:
    if name == "pipeline":
        return np.array([sum(units for _, units in point.pipeline) for point in scenario.points], dtype=np.int64)
    return np.array([getattr(point, name) for point in scenario.points], dtype=np.int64)


def test_units_neither_appear_nor_vanish() -> None:
    for world, tallies in whole_runs():
        points = tallies.points
        asked_for = logged_units(tallies, "demand", len(world.points))
        net_stock = points.on_hand_end - points.backordered_end - points.owed_end
        came = opening(world, "on_hand") + points.received + points.restocked
        assert (net_stock == came - points.spoiled - asked_for + points.lost).all()


def test_what_was_asked_for_was_met_or_lost_or_waits() -> None:
    for world, tallies in whole_runs():
        points = tallies.points
        if world.carriers[0].loss_probability == 0:  # otherwise units are asked for again
            assert (points.demand == points.filled + points.lost + points.served_late + points.backordered_end).all()
        assert (points.internal_filled <= points.internal_demand).all()
        assert (points.filled_events <= points.demand_events).all()


def test_what_was_ordered_has_arrived_or_is_on_order() -> None:
    for world, tallies in whole_runs():
        points = tallies.points
        whole = np.array([point.yield_rate is None for point in world.points], dtype=bool)
        due = opening(world, "pipeline") + points.ordered - points.received
        assert (points.on_order_end == due)[:, whole].all()


def test_what_sites_owe_each_other_is_part_of_what_is_on_order() -> None:
    for world, tallies in whole_runs():
        places = {(point.sku, point.site): position for position, point in enumerate(world.points)}
        for source, owed in zip(places, tallies.points.owed_end.T, strict=True):
            buyers = [places[point.sku, point.site] for point in world.points if (point.sku, point.source) == source]
            assert (owed <= tallies.points.on_order_end[:, buyers].sum(axis=1)).all()


def test_every_order_is_open_or_ended_in_one_way() -> None:
    for _, tallies in whole_runs():
        streams = tallies.streams
        assert (streams.orders == streams.done + streams.open_end).all()
        assert (streams.done == streams.delivered + streams.turned_away + streams.cancelled).all()
        assert (streams.on_time_in_full <= np.minimum(streams.on_time, streams.in_full)).all()
        assert (np.maximum(streams.on_time, streams.in_full) <= streams.delivered).all()


def test_every_job_is_turned_away_begun_or_waiting() -> None:
    for _, tallies in whole_runs():
        stations = tallies.stations
        assert (stations.arrivals == stations.turned_away + stations.started + stations.in_queue_end).all()
        assert (stations.wait_histogram.sum(axis=2) == stations.started).all()
        assert (stations.working_ticks <= stations.busy_ticks).all()


def test_time_in_the_queue_is_the_sum_of_waits() -> None:
    """Little's law, to the tick, where stations never stand still and nobody waits at the end."""
    checked = 0
    for world, tallies in whole_runs():
        for position, station in enumerate(world.stations):
            stands_still = station.breakdowns or any(outage.place == station.name for outage in world.outages)
            for replication in range(tallies.replications):
                at = replication, position
                if not stands_still and station.calendar == ALWAYS_OPEN and not tallies.stations.in_queue_end[at]:
                    assert tallies.stations.queue_ticks[at] == tallies.stations.wait[at]
                    assert tallies.stations.busy_ticks[at] == tallies.stations.working_ticks[at]
                    checked += 1
    assert checked > 10


def test_time_in_backorder_is_the_sum_of_waits() -> None:
    checked = 0
    for world, tallies in whole_runs():
        patient = np.array([point.patience is None for point in world.points], dtype=bool)
        chosen = patient & (tallies.points.backordered_end == 0)
        assert (tallies.points.backordered_ticks == tallies.points.wait)[chosen].all()
        checked += np.count_nonzero(tallies.points.wait[chosen])
    assert checked > 10


def rule(point: StockPoint, position: int) -> int:
    """What a built-in policy orders at an inventory position, straight from its words."""
    policy = point.policy
    if position > policy.reorder_point:
        return 0
    units = 0
    while policy.order_quantity and position + units <= policy.reorder_point:
        units += policy.order_quantity
    units = units or policy.order_up_to_level - position
    return 0 if units <= 0 else -(-max(units, point.moq) // point.pack_size) * point.pack_size


def positions(world: Scenario, tallies: Tallies, chosen: StockPoint) -> Iterator[tuple[int, str, int, int]]:
    """(tick, event, units, inventory position before it) of a point's rows in the log: on hand + on order − owed."""
    log, place = log_of(tallies), world.points.index(chosen)
    of_points = ("receipt", "restock", "spoilage", "demand", "patience ended", "order placed")
    for replication in np.unique(log.replication).tolist():
        net_stock, on_order = chosen.on_hand, sum(units for _, units in chosen.pipeline)
        mine = np.isin(log.event, [CODE[name] for name in of_points]) & (log.place == place)
        for row in np.flatnonzero(mine & (log.replication == replication)).tolist():
            event, units = EVENT_NAMES[log.event[row]], int(log.units[row])
            yield int(log.tick[row]), event, units, net_stock + on_order
            net_stock = int(log.level[row])
            on_order += units * ((event == "order placed") - (event == "receipt"))
        yield -1, "end", 0, net_stock + on_order


def test_built_in_policies_order_by_the_inventory_position_and_never_miss_their_moment() -> None:
    orders = 0
    for world, tallies in whole_runs():
        for point in world.points:
            if point.policy.kind != "reorder" or point.yield_rate is not None:
                continue
            last_demand = -1
            for tick, event, units, position in positions(world, tallies, point):
                if event == "order placed":
                    assert units == rule(point, position) > 0
                    orders += 1
                elif last_demand not in (tick, -1) and point.policy.review_period_days == 0:
                    assert rule(point, position) == 0
                last_demand = {"demand": tick, "end": -1}.get(event, last_demand)
    assert orders > 500


def test_net_stock_in_the_log_changes_by_the_units_of_its_rows() -> None:
    gains = {"receipt": 1, "restock": 1, "spoilage": -1, "demand": -1, "patience ended": 1, "order placed": 0}
    signs = {CODE[name]: sign for name, sign in gains.items()}
    for world, tallies in whole_runs():
        log = log_of(tallies)
        levels: dict[tuple[int, int], int] = {}
        for replication, event, place, units, level in zip(
            log.replication.tolist(), log.event.tolist(), log.place.tolist(), log.units.tolist(), log.level.tolist(),
            strict=True,
        ):  # fmt: skip
            if event not in signs:
                continue
            before = levels.get((replication, place), world.points[place].on_hand)
            change = level - before
            if event == CODE["demand"] and world.points[place].on_shortage == "lost":
                assert -units <= change <= 0
            else:
                assert change == signs[event] * units
            levels[replication, place] = level


def test_events_are_logged_in_the_order_of_time() -> None:
    for _, tallies in whole_runs():
        log = log_of(tallies)
        same_run = log.replication[1:] == log.replication[:-1]
        assert (np.diff(log.tick)[same_run] >= 0).all()
        assert (np.diff(log.replication) >= 0).all()


def test_days_add_up_to_the_run() -> None:
    for number in NUMBERS:
        tallies = whole_run(number)
        days = run_of(number)["days"]
        assert tallies.daily is not None
        if days == int(days):
            assert (tallies.daily.demand.sum(axis=1) == tallies.points.demand).all()
            assert (tallies.daily.filled.sum(axis=1) == tallies.points.filled).all()
            assert (tallies.daily.on_hand[:, -1] == tallies.points.on_hand_end).all()
            assert (tallies.daily.in_queue[:, -1] == tallies.stations.in_queue_end).all()


def summed(part: object) -> dict[str, Any]:
    """Sums, without the states at the end, and without waits into the future, which a shorter run does not know of."""
    left_out = ("wait", "waited", "wait_histogram") if hasattr(part, "busy_ticks") else ()
    return {name: sums for name, sums in vars(part).items() if not name.endswith("_end") and name not in left_out}


def test_the_warm_up_and_the_rest_add_up_to_the_whole() -> None:
    for number in NUMBERS[::3]:
        settings = run_of(number)
        before = run_plain(scenario(number), **{**settings, "days": 4.5, "warm_up_days": 0.0})
        after = run_plain(scenario(number), **{**settings, "warm_up_days": 4.5})
        for part in ("points", "streams", "stations"):
            first, second = summed(getattr(before, part)), summed(getattr(after, part))
            for name, whole in summed(getattr(whole_run(number), part)).items():
                assert (first[name] + second[name] == whole).all(), name


def rows_of(tallies: Tallies, *events: str) -> list[tuple[int, ...]]:
    """Replication, tick, place, number and units of what customers and orders ask for."""
    log = log_of(tallies)
    chosen = np.isin(log.event, [CODE[event] for event in events]) & (log.number >= 0)
    columns = (log.replication, log.tick, log.event, log.place, log.number, log.units)
    return list(zip(*(column[chosen].tolist() for column in columns), strict=True))


def test_other_policies_and_lead_times_meet_the_same_demand() -> None:
    for number in NUMBERS[::2]:
        other = scenario(number).with_(policy=Policy("reorder", reorder_point=20, order_up_to_level=30), on_hand=3)
        settings = {**run_of(number), "warm_up_days": 0.0}
        changed = run_plain(other, **settings, log=True)
        assert rows_of(changed, "demand", "order") == rows_of(whole_run(number), "demand", "order")


def test_a_replication_is_the_same_whichever_others_run() -> None:
    for number in NUMBERS[::4]:
        settings = {**run_of(number), "warm_up_days": 0.0}
        both = run_plain(scenario(number), **{**settings, "replications": 2})
        second = run_plain(
            scenario(number), **{**settings, "replications": 1, "first_replication": settings["first_replication"] + 1}
        )
        for part in ("points", "streams", "stations"):
            for name, sums in vars(getattr(second, part)).items():
                assert (sums[0] == getattr(getattr(both, part), name)[1]).all()


def test_an_sku_fares_the_same_without_the_others() -> None:
    checked = 0
    for number in NUMBERS:
        world = scenario(number)
        skus = {point.sku for point in world.points}
        if len(skus) < 2 or world.streams:
            continue
        settings = {**run_of(number), "warm_up_days": 0.0}
        alone = run_plain(world.subset(["a"]), **settings).points
        chosen = [point.sku == "a" for point in world.points]
        for name, sums in vars(alone).items():
            assert (sums == getattr(whole_run(number).points, name)[:, chosen]).all()
        checked += 1
    assert checked >= 2


@given(scenarios(), runs())
def test_no_scenario_loses_an_order_or_a_job(world: Scenario, given_run: dict[str, Any]) -> None:
    tallies = run_plain(world, **{**given_run, "warm_up_days": 0.0})
    streams, stations = tallies.streams, tallies.stations
    assert (streams.orders == streams.delivered + streams.turned_away + streams.cancelled + streams.open_end).all()
    assert (stations.arrivals == stations.turned_away + stations.started + stations.in_queue_end).all()


@pytest.mark.parametrize("number", range(5))
def test_a_log_or_daily_states_change_nothing(number: int) -> None:
    plain = run_plain(scenario(number), **run_of(number))
    told = run_plain(scenario(number), **run_of(number), daily=True, log=True)
    assert plain.log is plain.daily is None
    for part in ("points", "streams", "stations"):
        for name, sums in vars(getattr(plain, part)).items():
            assert (sums == getattr(getattr(told, part), name)).all()
