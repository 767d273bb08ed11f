"""The plain interpreter tells small stories as one works them out by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from simulation.distributions import Distribution, constant, discrete, exponential, poisson, uniform
from simulation.interpreter import run_plain
from simulation.policy_view import PolicyView
from simulation.scenario import (
    TICKS_PER_DAY,
    Breakdowns,
    Calendar,
    Carrier,
    Demand,
    OrderStream,
    Policy,
    Returns,
    Scenario,
    Site,
    Station,
    StockPoint,
)
from simulation.tallies import EVENT_NAMES, Tallies

DAY = TICKS_PER_DAY


def asked(*customers: tuple[float, int]) -> Demand:
    """Customers as (day, units)."""
    days, units = zip(*customers, strict=True)
    return Demand("events", times=np.array(days, dtype=float), quantities=np.array(units))


def order_up_to(level: int, **review: float) -> Policy:
    """As soon as there is less than the level, back to it."""
    return Policy("reorder", reorder_point=level - 1, order_up_to_level=level, **review)


def orders(
    *, every: float = 1.0, limit: int = 1, lines: int = 1, units: int = 1, skus: Sequence[str] = ("mug",), **rest: Any
) -> OrderStream:
    """Orders at equal distances, the first after one of them."""
    return OrderStream(
        "web",
        constant(every),
        skus=tuple(skus) if lines else (),
        lines=constant(lines),
        units=constant(units),
        limit=limit,
        **rest,
    )


def run(scenario: Scenario, days: float, **rest: Any) -> Tallies:
    """One replication with its log."""
    return run_plain(scenario, days=days, replications=1, seed=1, log=True, daily=True, **rest)


def numbers(part: object, *names: str) -> tuple[int, ...]:
    """Sums of the one replication and place."""
    return tuple(getattr(part, name).item() for name in names)


def days_of(tallies: Tallies, event: str, place: int = 0) -> list[tuple[float, int]]:
    """(day, units) of what the log tells of one kind at a place."""
    log = tallies.log
    assert log is not None
    chosen = (log.event == EVENT_NAMES.index(event)) & (log.place == place)
    return [
        (tick / DAY, units) for tick, units in zip(log.tick[chosen].tolist(), log.units[chosen].tolist(), strict=True)
    ]


def luck(**given: Sequence[float]) -> Callable[..., float]:
    """Random numbers by purpose (underscores for spaces), one after the other, the last for ever; else ½."""
    left = {purpose.replace("_", " "): list(values) for purpose, values in given.items()}

    def next_number(purpose: str, *address: object) -> float:
        values = left.get(purpose, [0.5])
        return values.pop(0) if len(values) > 1 else values[0]

    return next_number


# Stock


def test_a_receipt_serves_the_demand_of_its_own_moment() -> None:
    points = run(Scenario(points=(StockPoint("mug", pipeline=((2, 5),), demand=asked((2, 3))),)), 4).points
    assert numbers(points, "filled", "lost", "on_hand_end") == (3, 0, 2)


def test_what_is_lost_does_not_wait_and_what_waits_is_served_by_who_asked_first() -> None:
    demand = asked((1, 4), (1.5, 2))
    lost = run(Scenario(points=(StockPoint("mug", on_hand=3, pipeline=((2, 2),), demand=demand),)), 4).points
    assert numbers(lost, "filled", "filled_events", "lost", "served_late") == (3, 0, 3, 0)

    point = StockPoint("mug", on_hand=3, pipeline=((2, 2),), demand=demand, on_shortage="backorder")
    late = run(Scenario(points=(point,)), 4).points
    assert numbers(late, "filled", "lost", "served_late", "backordered_end") == (3, 0, 2, 1)
    assert late.wait.item() == 1 * DAY + DAY // 2  # one unit of the first, one of the second
    assert late.backordered_ticks.item() == DAY // 2 * 1 + DAY // 2 * 3 + 2 * DAY * 1
    assert late.no_backorder_ticks.item() == late.in_stock_ticks.item() == DAY


def test_integrals_begin_anew_after_the_warm_up_and_stock_stays() -> None:
    points = run(
        Scenario(points=(StockPoint("mug", on_hand=3, demand=asked((1, 1), (3, 1))),)), 4, warm_up_days=2
    ).points
    assert numbers(points, "demand", "on_hand_ticks", "on_hand_end") == (1, 2 * DAY + DAY, 1)


def test_who_runs_out_of_patience_is_lost_for_what_is_still_missing() -> None:
    point = StockPoint(
        "mug", on_hand=2, pipeline=((2, 1),), demand=asked((1, 5)), on_shortage="backorder", patience=constant(1.5)
    )
    tallies = run(Scenario(points=(point,)), 5)
    assert numbers(tallies.points, "filled", "served_late", "lost", "backordered_end") == (2, 1, 2, 0)
    assert numbers(tallies.points, "wait", "backordered_ticks") == (DAY, 4 * DAY)
    assert days_of(tallies, "patience ended") == [(2.5, 2)]


def test_a_reserve_is_kept_for_who_comes_first_where_a_site_rations() -> None:
    point = StockPoint("mug", on_hand=3, pipeline=((3, 3),), reserve=2, demand=asked((2, 2)), on_shortage="backorder")
    shop = orders(units=3, priority=1)
    rationed = run(Scenario(points=(point,), streams=(shop,), sites=(Site("site", "rationing"),)), 4)
    # Of 3 the order at day 1 may take 1; the customer at day 2 takes the 2 kept; of 3 more the order may take 1.
    assert numbers(rationed.points, "filled", "served_late", "backordered_end", "on_hand_end") == (3, 1, 1, 2)
    assert days_of(rationed, "delivery") == [(1, 1), (3, 1)]

    shared = run(Scenario(points=(point,), streams=(shop,)), 4)
    assert numbers(shared.points, "filled", "served_late", "backordered_end", "on_hand_end") == (3, 2, 0, 1)
    assert days_of(shared, "delivery") == [(1, 3)]


@pytest.mark.parametrize(("allocation", "who"), [("fifo", "order"), ("priority", "customer")])
def test_who_waits_is_served_by_time_or_by_priority(allocation: Any, who: str) -> None:
    point = StockPoint("mug", pipeline=((3, 1),), demand=asked((2, 1)), on_shortage="backorder")
    scenario = Scenario(points=(point,), streams=(orders(priority=1),), sites=(Site("site", allocation),))
    wait = {"order": 2 * DAY, "customer": 1 * DAY}[who]
    assert run(scenario, 4).points.wait.item() == wait


def test_units_are_thrown_away_at_the_end_of_their_shelf_life_oldest_first() -> None:
    point = StockPoint("milk", on_hand=5, shelf_life_days=2.0, demand=asked((1, 2)), policy=order_up_to(5),
                       lead_time=constant(2.5))  # fmt: skip
    tallies = run(Scenario(points=(point,)), 5)
    # 2 of 5 are sold at day 1 and ordered again; 3 spoil at day 2 and are ordered again; 2 come at day 3.5 and 3 at
    # day 4.5, of which none is old before the end.
    assert days_of(tallies, "spoilage") == [(2, 3)]
    assert days_of(tallies, "order placed") == [(1, 2), (2, 3)]
    assert days_of(tallies, "receipt") == [(3.5, 2), (4.5, 3)]
    assert numbers(tallies.points, "spoiled", "on_hand_end") == (3, 5)


def test_sold_units_are_the_oldest() -> None:
    point = StockPoint("milk", on_hand=2, pipeline=((1, 4),), shelf_life_days=2.0, demand=asked((1.5, 3)))
    assert days_of(run(Scenario(points=(point,)), 5), "spoilage") == [(3, 3)]


# Replenishment


def test_the_fewest_order_quantities_then_the_smallest_order_then_whole_packs() -> None:
    def ordered(**point: Any) -> list[tuple[float, int]]:
        scenario = Scenario(points=(StockPoint("mug", on_hand=10, demand=asked((1, 9)), **point),))
        return days_of(run(scenario, 2), "order placed")

    by_quantity = Policy("reorder", reorder_point=7, order_quantity=3)
    assert ordered(policy=by_quantity) == [(1, 9)]  # 1 + 3 · 3 is the first above 7
    assert ordered(policy=by_quantity, moq=13) == [(1, 13)]
    assert ordered(policy=by_quantity, moq=13, pack_size=6) == [(1, 18)]
    assert ordered(policy=order_up_to(10)) == [(1, 9)]


def test_periodic_reviews_come_on_their_days_and_none_at_the_end() -> None:
    point = StockPoint("mug", on_hand=9, demand=asked((0.5, 1), (2.5, 1), (4.5, 1)),
                       policy=order_up_to(9, review_period_days=2.0, first_review_day=1.0))  # fmt: skip
    scenario = Scenario(points=(point,))
    assert days_of(run(scenario, 7), "order placed") == [(1, 1), (3, 1), (5, 1)]
    assert days_of(run(scenario, 5), "order placed") == [(1, 1), (3, 1)]


def test_what_arrives_of_an_order_is_its_yield_rounded_half_up() -> None:
    point = StockPoint("mug", on_hand=5, demand=asked((1, 5)), policy=order_up_to(5), yield_rate=constant(0.5))
    points = run(Scenario(points=(point,)), 4).points
    assert numbers(points, "ordered", "received", "on_order_end", "on_hand_end") == (5, 3, 0, 3)


def test_lead_times_are_rounded_to_whole_days_where_asked() -> None:
    point = StockPoint("mug", on_hand=5, demand=asked((1, 1), (2, 1)), policy=order_up_to(5), whole_day_lead_time=True,
                       lead_time=discrete((0.2, 2.5), (0.5, 0.5)))  # fmt: skip
    tallies = run(Scenario(points=(point,)), 6, uniforms=luck(lead_time=(0.9, 0.1)))
    assert days_of(tallies, "receipt") == [(3, 1), (4, 1)]  # the second overtakes: 2 + 1 before 1 + 3


def test_an_order_is_charged_at_the_price_of_its_quantity() -> None:
    point = StockPoint("mug", on_hand=9, demand=asked((1, 2), (2, 6)), policy=order_up_to(9), unit_cost=3.0,
                       price_breaks=((4, 2.5), (6, 2.0)), pipeline=((0, 1),))  # fmt: skip
    tallies = run(Scenario(points=(point,)), 5)
    assert days_of(tallies, "order placed") == [(1, 1), (2, 6)]
    assert tallies.purchase_cost.item() == 1 * 3.0 + 1 * 3.0 + 6 * 2.0


def test_orders_wait_for_the_end_of_their_suppliers_outage() -> None:
    point = StockPoint("mug", source="mill", on_hand=9, demand=asked((0.5, 1), (2, 1), (4, 1)), policy=order_up_to(9),
                       lead_time=constant(2))  # fmt: skip
    tallies = run(Scenario(points=(point,)).with_outage("mill", 1, 4), 8)
    assert days_of(tallies, "receipt") == [(2.5, 1), (6, 1), (6, 1)]


def test_a_site_meets_another_ones_order_as_far_as_its_stock_goes() -> None:
    store = StockPoint(
        "mug", "store", "dc", on_hand=5, demand=asked((1, 4)), policy=order_up_to(5), lead_time=constant(1)
    )
    dc = StockPoint("mug", "dc", "mill", on_hand=3, policy=order_up_to(4), lead_time=constant(2), unit_cost=2.0)
    tallies = run(Scenario(points=(store, dc)), 6)
    # The store orders 4 at day 1. The dc sends 3, owes 1 and orders 5, which come at day 3; then it sends the 1.
    assert days_of(tallies, "order placed", 0) == [(1, 4)]
    assert days_of(tallies, "order placed", 1) == [(1, 5)]
    assert days_of(tallies, "receipt", 0) == [(2, 3), (4, 1)]
    assert days_of(tallies, "receipt", 1) == [(3, 5)]
    assert tallies.points.internal_demand.tolist() == [[0, 4]]
    assert tallies.points.internal_filled.tolist() == [[0, 3]]
    assert tallies.points.demand.tolist() == [[4, 0]]
    assert tallies.points.stock_out_cycles.tolist() == [[0, 1]]
    assert tallies.points.backordered_ticks.tolist() == [[0, 0]]
    assert tallies.purchase_cost.tolist() == [[0.0, 10.0]]


def test_what_a_site_sends_waits_for_the_end_of_its_own_outage() -> None:
    store = StockPoint(
        "mug", "store", "dc", on_hand=5, demand=asked((1, 4)), policy=order_up_to(5), lead_time=constant(1)
    )
    dc = StockPoint("mug", "dc", on_hand=9)
    tallies = run(Scenario(points=(store, dc)).with_outage("dc", 0.5, 3), 6)
    assert days_of(tallies, "receipt", 0) == [(4, 4)]


def test_paths_of_demand_are_taken_in_turn_by_replication_and_end() -> None:
    demand = Demand("paths", paths=np.array([[1, 2], [3, 4]]))
    scenario = Scenario(points=(StockPoint("mug", on_hand=50, demand=demand),))
    tallies = run_plain(scenario, days=4, replications=3, seed=1, first_replication=1, daily=True)
    assert tallies.points.demand.ravel().tolist() == [7, 3, 7]
    assert tallies.daily is not None
    assert tallies.daily.demand[0].ravel().tolist() == [3, 4, 0, 0]
    assert tallies.daily.on_hand[0].ravel().tolist() == [47, 43, 43, 43]


def test_days_of_demand_are_as_many_as_the_days_of_the_run() -> None:
    scenario = Scenario(points=(StockPoint("mug", on_hand=50, demand=Demand("daily", size=constant(2))),))
    assert run(scenario, 3).points.demand.item() == 6
    assert run(scenario, 3.5).points.demand.item() == 8


# Policies of users


def test_a_policy_in_python_sees_its_point_and_its_orders_are_kept_to_packs() -> None:
    seen: list[PolicyView] = []

    def keep_three(view: PolicyView) -> object:
        seen.append(view)
        return 3 - view.inventory_position

    policy = Policy("callable", review_period_days=1.0, function=keep_three)
    point = StockPoint("mug", on_hand=4, pipeline=((9, 1),), demand=asked((0.5, 4), (1.5, 2)), policy=policy,
                       pack_size=2, on_shortage="backorder", lead_time=constant(5))  # fmt: skip
    tallies = run(Scenario(points=(point,)), 3)
    assert days_of(tallies, "order placed") == [(1, 2), (2, 2)]
    view = seen[-1]
    assert (view.sku, view.site, view.day, view.replication, len(view)) == (("mug",), ("site",), 2.0, 0, 1)
    assert (view.on_hand.item(), view.on_order.item(), view.backordered.item()) == (0, 3, 2)
    assert view.demand_by_day.tolist() == [[4, 2]]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (2.5, "'mine' must answer with whole units"),
        ([1, 2], "units for 1 stock points"),
        ("two", "must answer with whole units"),
        (2**40, "at most"),
    ],
)
def test_what_a_policy_answers_is_checked(answer: object, message: str) -> None:
    def mine(view: PolicyView) -> object:
        return answer

    policy = Policy("callable", name="mine", review_period_days=1.0, function=mine)
    with pytest.raises(ValueError, match=message):
        run(Scenario(points=(StockPoint("mug", policy=policy),)), 3)


def test_a_compiled_policy_is_called_with_numbers_and_its_parameters() -> None:
    def up_to(on_hand: int, on_order: int, backordered: int, day: float, parameters: Sequence[float]) -> int:
        return int(parameters[0]) - on_hand - on_order + backordered

    policy = Policy("compiled", function=up_to, parameters=(6.0,))
    point = StockPoint("mug", on_hand=5, demand=asked((1, 2)), policy=policy)
    assert days_of(run(Scenario(points=(point,)), 3), "order placed") == [(1, 3)]


# Orders


def test_an_order_is_sent_in_pieces_as_they_come() -> None:
    point = StockPoint("mug", on_hand=3, pipeline=((3, 4),), on_shortage="backorder")
    tallies = run(Scenario(points=(point,), streams=(orders(units=5),)), 4)
    assert days_of(tallies, "delivery") == [(1, 3), (3, 2)]
    assert numbers(tallies.streams, "parcels", "delivered", "in_full", "on_time", "time_in_system") == (
        2,
        1,
        1,
        1,
        2 * DAY,
    )
    assert numbers(tallies.points, "served_late", "wait", "on_hand_end") == (2, 4 * DAY, 2)


def test_an_order_shipped_complete_waits_for_its_last_unit() -> None:
    mugs = StockPoint("mug", on_hand=3, pipeline=((3, 4),), on_shortage="backorder")
    scenario = Scenario(points=(mugs,), streams=(orders(units=5, ship_complete=True),))
    tallies = run(scenario, 4)
    assert days_of(tallies, "delivery") == [(3, 5)]
    assert tallies.points.on_hand_ticks.item() == 3 * DAY + 2 * DAY  # what was met has left the shelf


def test_an_order_shipped_complete_goes_without_what_it_lost() -> None:
    mugs = StockPoint("mug", on_hand=3, on_shortage="backorder", patience=constant(1.5))
    tallies = run(Scenario(points=(mugs,), streams=(orders(units=5, ship_complete=True),)), 4)
    assert days_of(tallies, "delivery") == [(2.5, 3)]
    assert numbers(tallies.streams, "delivered", "in_full", "on_time_in_full") == (1, 0, 0)


def test_lines_of_one_sku_are_added_up_and_an_order_of_nothing_is_cancelled() -> None:
    tallies = run(Scenario(points=(StockPoint("mug", on_hand=3),), streams=(orders(lines=3, limit=2),)), 4)
    assert numbers(tallies.streams, "orders", "lines", "units") == (2, 2, 6)
    assert numbers(tallies.streams, "delivered", "cancelled", "done", "open_end") == (1, 1, 2, 0)
    assert numbers(tallies.points, "demand", "demand_events", "filled_events", "lost") == (6, 2, 1, 3)


def test_skus_are_drawn_by_their_weights() -> None:
    points = tuple(StockPoint(sku, on_hand=9) for sku in ("mug", "jug"))
    stream = orders(lines=3, skus=("jug", "mug"), weights=(1.0, 3.0))
    tallies = run(Scenario(points=points, streams=(stream,)), 2, uniforms=luck(line_sku=(0.24, 0.25, 0.99)))
    assert tallies.points.demand.tolist() == [[2, 1]]


def test_a_lost_parcel_is_found_missing_and_taken_from_stock_once_more() -> None:
    point = StockPoint("mug", on_hand=3, pipeline=((4, 1),), on_shortage="backorder")
    van = Carrier("van", transit=constant(2), loss_probability=0.5)
    scenario = Scenario(points=(point,), streams=(orders(units=2, carrier="van"),), carriers=(van,))
    tallies = run(scenario, 8, uniforms=luck(parcel_lost=(0.1, 0.9)))
    # 2 leave at day 1 and are missed at day 3; 1 is left and comes at day 5; the other comes in at day 4, and to the
    # customer at day 6.
    assert days_of(tallies, "delivery") == [(3, 2), (5, 1), (6, 1)]
    assert numbers(tallies.points, "demand", "filled", "written_off", "served_late", "wait") == (2, 2, 2, 1, DAY)
    assert numbers(tallies.streams, "parcels", "parcels_lost", "delivered", "in_full") == (3, 1, 1, 1)
    assert tallies.streams.time_in_system.item() == 5 * DAY


def test_a_carrier_leaves_at_its_pickups_and_is_late_at_times() -> None:
    van = Carrier("van", pickups=((0, 0.75), (2, 0.5)), transit=constant(1), delay_probability=0.3, delay=constant(3))
    stream = orders(lines=0, limit=2, carrier="van")
    tallies = run(Scenario(streams=(stream,), carriers=(van,)), 12, uniforms=luck(delayed=(0.9, 0.1)))
    # Ready at days 1 and 2 (Tuesday and Wednesday), both leave on Wednesday noon; the second is three days late.
    assert [day for day, _ in days_of(tallies, "delivery")] == [3.5, 6.5]
    assert numbers(tallies.streams, "parcels_late", "on_time", "time_in_system") == (1, 2, 7 * DAY)


def test_orders_are_promised_by_cut_off_and_working_day() -> None:
    van = Carrier("van", transit=constant(2), promised_days=1.0)
    stream = OrderStream("web", discrete((0.25, 0.5), (0.5, 0.5)), limit=2, carrier="van", cut_off=0.5)
    scenario = Scenario(streams=(stream,), carriers=(van,), first_weekday=4)
    # Friday 06:00 is promised for the end of Friday and a day, day 2, and comes at 2.25. Friday 18:00 is promised for
    # the end of Monday and a day, day 5, and comes at 2.75.
    tallies = run(scenario, 8, uniforms=luck(interarrival=(0.1, 0.9)))
    assert days_of(tallies, "order") == [(0.25, 0), (0.75, 0)]
    assert numbers(tallies.streams, "delivered", "on_time", "on_time_in_full") == (2, 1, 1)


def test_an_order_placed_at_the_cut_off_itself_is_in_time() -> None:
    stream = OrderStream("web", constant(0.5), limit=1, cut_off=0.5, route=("pick",))
    scenario = Scenario(streams=(stream,), stations=(Station("pick", 1, constant(0.5)),))
    assert numbers(run(scenario, 3).streams, "delivered", "on_time") == (1, 1)


def test_a_return_goes_back_into_stock_after_its_inspection_and_serves_who_waits() -> None:
    point = StockPoint("mug", on_hand=2, demand=asked((2, 1)), on_shortage="backorder")
    returns = Returns(1.0, constant(2), station="inspection")
    stream = orders(units=2, returns=returns)
    scenario = Scenario(points=(point,), streams=(stream,), stations=(Station("inspection", 1, constant(0.5)),))
    tallies = run(scenario, 6)
    assert days_of(tallies, "return inspected") == days_of(tallies, "restock") == [(3.5, 2)]
    assert numbers(tallies.points, "restocked", "served_late", "wait", "on_hand_end") == (2, 1, DAY * 3 // 2, 1)
    assert numbers(tallies.streams, "delivered", "returns", "time_in_system") == (1, 1, 0)


def test_a_return_is_written_off_where_it_is_not_good_or_the_inspection_is_full() -> None:
    point = StockPoint("mug", on_hand=9)
    bad = orders(units=2, returns=Returns(1.0, constant(1), restock_probability=0.0))
    tallies = run(Scenario(points=(point,), streams=(bad,)), 4)
    assert numbers(tallies.points, "written_off", "restocked") == (2, 0)

    full = orders(every=0.5, limit=2, returns=Returns(1.0, constant(1), station="inspection"))
    station = Station("inspection", 1, constant(2), queue_limit=0)
    tallies = run(Scenario(points=(point,), streams=(full,), stations=(station,)), 5)
    assert numbers(tallies.points, "written_off", "restocked") == (1, 1)
    assert numbers(tallies.streams, "returns") == (2,)
    assert days_of(tallies, "return inspected") == [(2, 0), (3.5, 1)]


# Stations


def test_jobs_wait_for_a_server_and_are_counted() -> None:
    stream = orders(every=0.5, limit=3, lines=0, route=("pick",))
    tallies = run(Scenario(streams=(stream,), stations=(Station("pick", 1, constant(1)),)), 5)
    # Days 0.5, 1 and 1.5; done at 1.5, 2.5 and 3.5.
    assert days_of(tallies, "work done") == [(1.5, 0), (2.5, 0), (3.5, 0)]
    assert numbers(tallies.stations, "arrivals", "started", "waited", "wait") == (3, 3, 2, DAY // 2 + DAY)
    assert numbers(tallies.stations, "queue_ticks", "busy_ticks", "working_ticks") == (DAY * 3 // 2, 3 * DAY, 3 * DAY)
    assert tallies.stations.wait_histogram.sum() == 3
    assert tallies.streams.time_in_system.item() == 1 * DAY + DAY * 3 // 2 + 2 * DAY


def test_an_order_that_finds_the_queue_full_gives_its_units_back() -> None:
    point = StockPoint("mug", on_hand=5, demand=asked((1.2, 4)))
    stream = orders(every=0.5, limit=2, units=2, route=("pick",))
    stations = (Station("pick", 1, constant(1), per_unit=0.25, queue_limit=0),)
    tallies = run(Scenario(points=(point,), streams=(stream,), stations=stations), 5)
    assert days_of(tallies, "work done") == [(2, 2)]  # 0.5 + 1 + 2 · 0.25
    assert days_of(tallies, "turned away") == days_of(tallies, "restock") == [(1, 2)]
    assert numbers(tallies.streams, "done", "delivered", "turned_away", "cancelled") == (2, 1, 1, 0)
    assert numbers(tallies.points, "filled", "lost", "on_hand_end") == (2 + 2 + 3, 1, 0)


def test_work_stands_still_while_a_station_is_broken() -> None:
    station = Station("pick", 1, constant(2), breakdowns=Breakdowns(constant(2), constant(1)))
    tallies = run(Scenario(streams=(orders(lines=0, route=("pick",)),), stations=(station,)), 4.5)
    assert days_of(tallies, "work done") == [(4, 0)]  # from day 1 to 2 and from 3 to 4
    assert numbers(tallies.stations, "busy_ticks", "working_ticks", "wait") == (3 * DAY, 2 * DAY, 0)


def test_what_is_in_hand_at_closing_time_is_finished_when_the_station_opens_again() -> None:
    hours = Calendar(tuple((day, 0.25, 0.75) for day in range(5)))
    station = Station("pick", 1, constant(0.75), calendar=hours)
    stream = orders(every=0.125, limit=2, lines=0, route=("pick",))
    tallies = run(Scenario(streams=(stream,), stations=(station,), first_weekday=4), 6)
    # Friday's job comes before the opening, has half a day on Friday and the rest on Monday (day 3); the next has the
    # rest of Monday and half of Tuesday.
    assert [day for day, _ in days_of(tallies, "work done")] == [3.5, 4.75]
    assert tallies.stations.wait.item() == DAY // 8 + int(3.25 * DAY)
    assert numbers(tallies.stations, "working_ticks", "busy_ticks") == (DAY * 3 // 2, int(4.625 * DAY))
    assert tallies.stations.queue_ticks.item() == int(3.25 * DAY)


def test_an_outage_stops_a_station() -> None:
    scenario = Scenario(streams=(orders(lines=0, route=("pick",)),), stations=(Station("pick", 1, constant(1)),))
    assert days_of(run(scenario.with_outage("pick", 0.5, 3), 5), "work done") == [(4, 0)]


def test_orders_come_in_the_hours_of_their_stream_only() -> None:
    hours = Calendar(tuple((day, 0.25, 0.75) for day in range(7)))
    assert days_of(run(Scenario(streams=(orders(every=0.375, limit=3, lines=0, hours=hours),)), 4), "order") == [
        (0.625, 0), (1.5, 0), (2.375, 0)]  # fmt: skip


def test_a_pass_that_must_be_repeated_begins_the_route_again() -> None:
    stream = orders(lines=0, route=("pick", "pack"), rework_probability=0.5)
    stations = (Station("pick", 1, constant(0.5)), Station("pack", 1, constant(0.25)))
    tallies = run(Scenario(streams=(stream,), stations=stations), 4, uniforms=luck(rework=(0.1, 0.9)))
    assert days_of(tallies, "delivery") == [(2.5, 0)]
    assert tallies.streams.reworked.item() == 1
    assert tallies.stations.started.tolist() == [[2, 2]]


# Textbook results, on short runs


def mean_and_error(values: Any) -> tuple[float, float]:
    """Over replications, with the standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def one_for_one(demand: Distribution, lead_time: Distribution, level: int, on_shortage: Any) -> Scenario:
    """Base stock: each unit sold is ordered at once."""
    point = StockPoint("mug", on_hand=level, demand=Demand("renewal", interarrival=demand), policy=order_up_to(level),
                       lead_time=lead_time, on_shortage=on_shortage)  # fmt: skip
    return Scenario(points=(point,))


def test_lost_sales_of_base_stock_follow_erlangs_formula() -> None:
    scenario = one_for_one(exponential(1.0), uniform(2.0, 12.0), 8, "lost")
    points = run_plain(scenario, days=240, warm_up_days=40, replications=30, seed=7).points
    mean, error = mean_and_error(points.lost.sum(axis=1) / points.demand.sum(axis=1))
    assert abs(mean - 0.1788218265451538) < 4 * error  # Erlang B of 8 servers and load 7
    mean, error = mean_and_error(points.on_hand_ticks.sum(axis=1) / (200 * DAY))
    assert abs(mean - 2.251752785816077) < 4 * error


def test_backorders_of_base_stock_follow_palms_theorem() -> None:
    scenario = one_for_one(exponential(0.25), uniform(0.0, 2.0), 5, "backorder")
    points = run_plain(scenario, days=60, warm_up_days=10, replications=30, seed=7).points
    outstanding = np.arange(60)
    chances = np.exp(-4.0) * np.cumprod(np.concatenate([[1.0], 4.0 / outstanding[1:]]))  # Poisson of mean 4 · 1
    expected = float((np.maximum(outstanding - 5, 0) * chances).sum())
    mean, error = mean_and_error(points.backordered_ticks.sum(axis=1) / (50 * DAY))
    assert abs(mean - expected) < 4 * error


def test_periodic_base_stock_leaves_on_hand_what_two_days_of_demand_do_not_take() -> None:
    # An order placed after the demand of one midnight comes in before the demand of the next but one, so that two
    # days' demand stand between the level and the stock on hand.
    point = StockPoint("mug", on_hand=22, demand=Demand("daily", size=poisson(5.0)), lead_time=constant(2.0),
                       policy=order_up_to(22, review_period_days=1.0), on_shortage="backorder")  # fmt: skip
    points = run_plain(Scenario(points=(point,)), days=120, warm_up_days=10, replications=30, seed=7).points
    mean, error = mean_and_error(points.on_hand_ticks.sum(axis=1) / (110 * DAY))
    chances = np.exp(-10.0) * np.cumprod(np.concatenate([[1.0], 10.0 / np.arange(1, 80)]))
    assert abs(mean - float((np.maximum(22 - np.arange(80), 0) * chances).sum())) < 4 * error


def test_waiting_for_a_fixed_service_follows_pollaczek_and_khinchine() -> None:
    stream = OrderStream("web", exponential(2.0), route=("pick",))
    scenario = Scenario(streams=(stream,), stations=(Station("pick", 1, constant(1.0)),))
    stations = run_plain(scenario, days=500, warm_up_days=20, replications=30, seed=7).stations
    mean, error = mean_and_error(stations.wait.sum(axis=1) / stations.started.sum(axis=1) / DAY)
    assert abs(mean - 0.5) < 4 * error  # ρ / (2 (1 − ρ)) services at ρ = ½


# What is asked of the interpreter


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"days": 0}, "days must be above 0"),
        ({"warm_up_days": 3}, "warm_up_days from 0 to below"),
        ({"replications": 0}, "replications must be at least 1"),
        ({"first_replication": -1}, "first_replication must be at least 0"),
    ],
)
def test_a_run_out_of_range_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_plain(Scenario(), **{"days": 3, "replications": 1, "seed": 1, **given})
