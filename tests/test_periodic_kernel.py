"""The periodic kernel comes to the numbers of the plain interpreter, however its work is divided."""

from __future__ import annotations

from dataclasses import fields, replace
from random import Random
from typing import Any

import numpy as np
import pytest

from simulation.distributions import (
    constant,
    discrete,
    distribution_table,
    exponential,
    gamma,
    lognormal,
    negative_binomial,
    poisson,
    uniform,
)
from simulation.interpreter import run_plain
from simulation.periodic_arrays import LEAD_TIME, periodic_arrays, policy_arrays
from simulation.periodic_kernel import not_periodic, run_periodic, run_periodic_arrays
from simulation.periodic_luck import fill_words
from simulation.periodic_policies import all_replications
from simulation.policy_view import PolicyView
from simulation.scenario import (
    TICKS_PER_DAY,
    Demand,
    OrderStream,
    Outage,
    Policy,
    Scenario,
    Station,
    StockPoint,
)
from simulation.step_tables import number_at, step_tables, whole_number_at
from simulation.streams import stream_key, uniform_at
from simulation.tallies import POINT_FIELDS, Tallies
from tests.random_scenarios import daily_run_of, daily_scenario_of, run_of


def same(first: Tallies, second: Tallies) -> None:
    """Equal to the unit and the tick; costs, which are sums of fractions, to the last few bits."""
    assert first.days == second.days
    assert first.first_replication == second.first_replication
    for name in POINT_FIELDS:
        np.testing.assert_array_equal(getattr(first.points, name), getattr(second.points, name), err_msg=name)
    np.testing.assert_allclose(first.purchase_cost, second.purchase_cost, rtol=1e-12)
    if first.daily is not None and second.daily is not None:
        for field in fields(first.daily):
            one, other = getattr(first.daily, field.name), getattr(second.daily, field.name)
            np.testing.assert_array_equal(one, other, err_msg=field.name)


def agrees_with_the_interpreter(scenario: Scenario, **run: Any) -> None:
    """Both ways through the kernel: with states by day, and the shorter one without."""
    expected = run_plain(scenario, **run, daily=True)
    same(run_periodic(scenario, **run, daily=True), expected)
    same(run_periodic(scenario, **run), expected)


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_agrees_with_the_interpreter_on_random_scenarios(first: int) -> None:
    for number in range(first, first + 20):
        agrees_with_the_interpreter(daily_scenario_of(number), **daily_run_of(number))


def test_agrees_where_the_run_or_the_warm_up_ends_within_a_day() -> None:
    for number in range(500, 530):
        agrees_with_the_interpreter(daily_scenario_of(number), **run_of(number))
    agrees_with_the_interpreter(
        daily_scenario_of(3), days=7.5, warm_up_days=7.25, replications=2, seed=1, first_replication=0
    )


def busy_point(random: Random, number: int) -> StockPoint:
    """Many orders under way at once, short lives, and lead times that reach beyond the run."""
    lead_time = random.choice((constant(1), constant(30), gamma(6, 5), discrete((1, 2, 9), (0.5, 0.3, 0.2))))
    size = random.choice((poisson(4), negative_binomial(3, 4), poisson(0.3), uniform(0, 9), constant(2)))
    return StockPoint(
        f"sku {number}",
        on_hand=random.randint(0, 20),
        pipeline=tuple((float(random.randint(0, 45)), random.randint(1, 6)) for _ in range(random.choice((0, 3, 90)))),
        demand=random.choice(
            (
                Demand("daily", size=size),
                Demand("paths", paths=np.array([[random.randint(0, 6) for _ in range(25)] for _ in range(3)])),
            )
        ),
        policy=Policy(
            "reorder",
            reorder_point=random.randint(5, 30),
            order_up_to_level=random.randint(30, 60),
            order_quantity=random.choice((0, 0, 7)),
            review_period_days=float(random.choice((0, 0, 1, 5, 16))),
            first_review_day=float(random.choice((0, 2))),
        ),
        lead_time=lead_time,
        whole_day_lead_time=not lead_time.whole or random.random() < 0.5,
        pack_size=random.choice((1, 4)),
        moq=random.choice((0, 9)),
        on_shortage=random.choice(("lost", "backorder")),
        shelf_life_days=float(random.choice((0, 0, 1, 2, 6))),
        yield_rate=random.choice((None, None, uniform(0.0, 1.0))),
        unit_cost=2.25,
        price_breaks=random.choice(((), ((10, 2.0), (30, 1.75)))),
    )


@pytest.mark.parametrize("number", range(8))
def test_agrees_with_many_orders_under_way_short_lives_and_breaks(number: int) -> None:
    random = Random(number)
    points = tuple(busy_point(random, sku) for sku in range(6))
    outages = (Outage("supplier", 4.5, 9.0), Outage("supplier", 20.0, 21.0)) if number % 2 else ()
    agrees_with_the_interpreter(
        Scenario(points=points, outages=outages), days=40, warm_up_days=5.0 * (number % 3), replications=2, seed=number
    )


def test_five_days_as_worked_out_by_hand() -> None:
    """Demand of 4 a day from 10 on hand; at 3 or less, order 8, which take two days."""
    policy = Policy("reorder", reorder_point=3, order_up_to_level=8, order_quantity=8)
    point = StockPoint(
        "tea",
        on_hand=10,
        demand=Demand("paths", paths=np.full((1, 5), 4)),
        policy=policy,
        lead_time=constant(2),
        on_shortage="backorder",
        unit_cost=3.0,
    )
    tallies = run_periodic(Scenario(points=(point,)), days=5, replications=1, seed=1, daily=True)
    assert tallies.daily is not None
    # Day 1 leaves 2, so 8 are ordered. On day 3 they serve the 2 that have waited a day, then 4, and 2 are left
    # once more; the next 8 would come on day 5.
    assert tallies.daily.on_hand[0, :, 0].tolist() == [6, 2, 0, 2, 0]
    assert tallies.daily.on_order[0, :, 0].tolist() == [0, 8, 8, 8, 8]
    assert tallies.daily.backordered[0, :, 0].tolist() == [0, 0, 2, 0, 2]
    assert tallies.daily.filled[0, :, 0].tolist() == [4, 4, 2, 4, 2]
    expected = {"demand": 20, "demand_events": 5, "filled": 16, "filled_events": 3, "served_late": 2, "lost": 0}
    expected |= {"orders": 2, "ordered": 16, "received": 8, "cycles": 1, "stock_out_cycles": 1}
    expected |= {"wait": 2 * TICKS_PER_DAY, "on_hand_ticks": 10 * TICKS_PER_DAY, "in_stock_ticks": 3 * TICKS_PER_DAY}
    expected |= {"no_backorder_ticks": 3 * TICKS_PER_DAY, "on_hand_end": 0, "on_order_end": 8, "backordered_end": 2}
    assert {name: int(getattr(tallies.points, name)[0, 0]) for name in expected} == expected
    assert tallies.purchase_cost.tolist() == [[24.0]]


def test_waits_are_those_of_units_met_within_the_measured_time() -> None:
    """Two units asked for on day 1 come on day 4: they waited three days, one of them before the warm-up's end."""
    point = StockPoint(
        "tea", demand=Demand("paths", paths=np.array([[0, 2]])), pipeline=((4.0, 2),), on_shortage="backorder"
    )
    scenario = Scenario(points=(point,))
    for warm_up in (0.0, 1.0, 2.0, 2.5):
        tallies = run_periodic(scenario, days=6, replications=1, seed=1, warm_up_days=warm_up)
        assert tallies.points.served_late.tolist() == [[2]]
        assert tallies.points.wait.tolist() == [[2 * 3 * TICKS_PER_DAY]]


# Any division of the work


def a_hundred_points() -> Scenario:
    random = Random(5)
    return Scenario(points=tuple(busy_point(random, number) for number in range(100)))


def test_any_number_of_threads_gives_the_same_bits() -> None:
    scenario = a_hundred_points()
    alone = run_periodic(scenario, days=30, replications=3, seed=4)
    for threads in (2, 3, 4):
        together = run_periodic(scenario, days=30, replications=3, seed=4, threads=threads)
        same(alone, together)
        assert alone.purchase_cost.tobytes() == together.purchase_cost.tobytes()


def test_a_subset_of_skus_and_a_split_of_replications_give_the_same_bits() -> None:
    scenario = a_hundred_points()
    whole = run_periodic(scenario, days=30, replications=6, seed=4)
    part = run_periodic(
        replace(scenario, points=scenario.points[40:55]), days=30, replications=2, seed=4, first_replication=3
    )
    for name in POINT_FIELDS:
        np.testing.assert_array_equal(getattr(whole.points, name)[3:5, 40:55], getattr(part.points, name))
    assert np.array_equal(whole.purchase_cost[3:5, 40:55], part.purchase_cost)


def test_how_distributions_are_tabled_changes_nothing() -> None:
    scenario = a_hundred_points()
    policies = policy_arrays([point.policy for point in scenario.points])
    runs = [
        run_periodic_arrays(
            periodic_arrays(scenario.points, draws_per_point=draws), policies, days=30, replications=2, seed=3
        )
        for draws in (0, 100, 1_000_000)
    ]
    same(runs[0], runs[1])
    same(runs[0], runs[2])


def test_a_scenario_run_again_meets_the_same_luck_whatever_ran_in_between() -> None:
    scenario, other = a_hundred_points(), Scenario(points=(busy_point(Random(1), 1),))
    first = run_periodic(scenario, days=30, replications=2, seed=3)
    same(first, run_periodic(scenario, days=30, replications=2, seed=3))
    run_periodic(scenario, days=30, replications=2, seed=4)
    run_periodic(other, days=30, replications=200, seed=3)
    same(first, run_periodic(scenario, days=30, replications=2, seed=3))
    assert not np.array_equal(
        first.points.demand, run_periodic(scenario, days=30, replications=2, seed=4).points.demand
    )


def test_arrays_made_once_serve_many_policies() -> None:
    points = a_hundred_points().points
    arrays = periodic_arrays(points)
    for level in (20, 40):
        policy = Policy("reorder", reorder_point=level - 1, order_up_to_level=level, review_period_days=7.0)
        reused = run_periodic_arrays(arrays, policy_arrays([policy] * 100), days=30, replications=2, seed=3)
        scenario = Scenario(points=tuple(replace(point, policy=policy) for point in points))
        same(reused, run_periodic(scenario, days=30, replications=2, seed=3))


# Policies in Python


def recent_demand_twice(view: PolicyView) -> Any:
    """Up to 5 units more than twice the demand of the last four days."""
    return 5 + 2 * view.demand_by_day[:, -4:].sum(axis=1) - view.inventory_position


def asked_scenario(function: Any, seed: int) -> Scenario:
    random = Random(seed)
    points = []
    for number in range(5):
        point, period = busy_point(random, number), float(random.randint(1, 4))
        policy = Policy("callable", "mine", review_period_days=period, first_review_day=1.0, function=function)
        points.append(point if number == 3 else replace(point, policy=policy))
    return Scenario(points=tuple(points))


@pytest.mark.parametrize("seed", range(4))
def test_a_python_function_is_asked_as_the_interpreter_asks_it(seed: int) -> None:
    agrees_with_the_interpreter(
        asked_scenario(recent_demand_twice, seed), days=30, warm_up_days=7.0, replications=2, seed=seed
    )


def test_a_function_of_all_replications_answers_once_a_review_and_agrees() -> None:
    days = []

    @all_replications
    def up_to(view: Any) -> Any:
        days.append(view.day)
        return 5 + 2 * view.demand_by_day[..., -4:].sum(axis=2) - view.inventory_position

    together = asked_scenario(up_to, 1)
    scenario = asked_scenario(recent_demand_twice, 1)
    same(
        run_periodic(together, days=30, replications=3, seed=1), run_periodic(scenario, days=30, replications=3, seed=1)
    )
    assert days == sorted(set(days))
    agrees_with_the_interpreter(together, days=20, replications=2, seed=1)


def test_a_function_that_orders_up_to_a_level_is_the_built_in_rule() -> None:
    def up_to_thirty(view: PolicyView) -> Any:
        return 30 - view.inventory_position

    rule = Policy("reorder", reorder_point=29, order_up_to_level=30, review_period_days=2.0)
    mine = Policy("callable", "up to 30", review_period_days=2.0, function=up_to_thirty)
    points = [replace(point, pipeline=()) for point in a_hundred_points().points]
    runs = [
        run_periodic(
            Scenario(points=tuple(replace(point, policy=policy) for point in points)), days=30, replications=2, seed=3
        )
        for policy in (rule, mine)
    ]
    same(*runs)


def test_demand_held_in_memory_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = asked_scenario(recent_demand_twice, 2)
    whole = run_periodic(scenario, days=30, replications=5, seed=1)
    monkeypatch.setattr("simulation.periodic_policies.DEMAND_AT_ONCE", 300)
    same(whole, run_periodic(scenario, days=30, replications=5, seed=1))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _: np.zeros(7), "'mine' must answer with units"),
        (lambda view: np.full(len(view), 0.5), "'mine' must answer with whole units"),
        (all_replications(lambda _: np.zeros(3)), "'mine' must answer with units of shape"),
        (all_replications(lambda view: view.on_hand + 0.5), "'mine' must answer with whole units"),
        (all_replications(lambda view: view.on_hand + 2**40), "'mine' must order at most"),
    ],
)
def test_an_answer_that_is_no_order_is_refused_by_name(answer: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_periodic(asked_scenario(answer, 0), days=5, replications=2, seed=1)


# Luck


def test_words_of_days_are_those_of_the_streams_address() -> None:
    key0, key1 = (np.uint64(word) for word in stream_key(7, "size", "tea@main"))
    words = np.empty((4, 5), dtype=np.uint32)
    for replication in (0, 3, 2**32 - 1):
        fill_words(key0, key1, replication, words, 5)
        for day in range(20):
            expected = uniform_at(key0, key1, 0, day, replication)
            assert (float(words[day & 3, day >> 2]) + 0.5) * 2.0**-32 == expected


@pytest.mark.parametrize(
    "distribution",
    [
        constant(3),
        poisson(0.01),
        poisson(5),
        poisson(400),
        negative_binomial(3, 9),
        gamma(8, 5),
        lognormal(3, 40),
        uniform(0, 3),
        exponential(12),
        discrete((0, 1.5, 7), (0.25, 0.25, 0.5)),
    ],
    ids=str,
)
def test_tabled_numbers_are_those_of_the_inverse(distribution: Any) -> None:
    table = distribution_table([distribution])
    steps = step_tables(table, np.array([10_000_000]))
    assert steps.table[0] == 0
    edges = np.concatenate([steps.last_word, steps.last_word + 1, [0, 2**32 - 1]])
    words = np.concatenate([edges, np.random.default_rng(1).integers(0, 2**32, 2_000)])
    for word in words[words < 2**32].tolist():
        tabled = number_at(steps.last_word, steps.number, steps.leading[0], word)
        assert tabled == whole_number_at(table, 0, word)
    assert (np.diff(steps.number) > 0).all()


def test_a_distribution_that_is_drawn_seldom_has_no_table() -> None:
    table = distribution_table([poisson(5), gamma(300, 200)])
    assert step_tables(table, np.array([0, 40])).table.tolist() == [-1, -1]


def test_equal_distributions_are_tabled_once() -> None:
    points = [StockPoint(str(number), lead_time=gamma(5, 2), whole_day_lead_time=True) for number in range(9)]
    arrays = periodic_arrays(points, draws_per_point=1_000_000)
    assert len(arrays.table.kind) == 1
    assert np.unique(arrays.keys(1)[:, LEAD_TIME], axis=0).shape == (9, 2)


# What it runs, and what it refuses

PLAIN = StockPoint("tea", demand=Demand("daily", size=poisson(2)))


@pytest.mark.parametrize(
    ("point", "why"),
    [
        (replace(PLAIN, demand=Demand("renewal")), "demand between midnights"),
        (replace(PLAIN, lead_time=gamma(3, 1)), "lead times that are not whole days"),
        (replace(PLAIN, lead_time=poisson(3)), "lead times that are not whole days of at least one"),
        (replace(PLAIN, patience=constant(2), on_shortage="backorder"), "patience"),
        (replace(PLAIN, pipeline=((1.5, 3),)), "between midnights"),
        (replace(PLAIN, shelf_life_days=2.5), "shelf life"),
        (replace(PLAIN, policy=Policy("reorder", review_period_days=0.5)), "reviewed between midnights"),
        (replace(PLAIN, policy=Policy("callable", "mine", function=recent_demand_twice)), "after each demand"),
        (replace(PLAIN, policy=Policy("compiled", "mine", function=recent_demand_twice)), "compiled policy 'mine'"),
    ],
)
def test_says_in_a_sentence_what_it_cannot_run(point: StockPoint, why: str) -> None:
    scenario = Scenario(points=(point,))
    sentence = not_periodic(scenario)
    assert sentence is not None
    assert sentence.startswith("'tea' at 'site'")
    assert why in sentence
    assert sentence.endswith(".")
    with pytest.raises(ValueError, match=r"scenario 'base' is not periodic: 'tea'"):
        run_periodic(scenario, days=1, replications=1, seed=1)


def test_says_that_sites_streams_and_outages_within_a_day_need_the_event_kernel() -> None:
    shop = replace(PLAIN, site="shop", source="site")
    stream = OrderStream("web", exponential(0.1))
    assert "supplied by the site 'site'" in str(not_periodic(Scenario(points=(PLAIN, shop))))
    assert "order stream 'web'" in str(not_periodic(Scenario(points=(PLAIN,), streams=(stream,))))
    assert "the outage of 'supplier'" in str(
        not_periodic(Scenario(points=(PLAIN,), outages=(Outage("supplier", 1, 2.5),)))
    )
    assert not_periodic(Scenario(points=(PLAIN,), outages=(Outage("supplier", 1.5, 3),))) is None


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"days": 0}, "days must be above 0, got 0"),
        ({"warm_up_days": 5.0}, "warm_up_days must be at least 0 and below the 5 days"),
        ({"replications": 0}, "replications must be at least 1, got 0"),
        ({"first_replication": -1}, "first_replication must lie between 0 and"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
    ],
)
def test_refuses_runs_out_of_range(run: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_periodic(Scenario(points=(PLAIN,)), **({"days": 5, "replications": 1, "seed": 1} | run))


def test_refuses_policies_that_do_not_fit_the_arrays() -> None:
    arrays = periodic_arrays([PLAIN])
    run: dict[str, Any] = {"days": 5, "replications": 1, "seed": 1}
    with pytest.raises(ValueError, match="a row for each of the 1 stock points, got 2"):
        run_periodic_arrays(arrays, policy_arrays([Policy(), Policy()]), **run)
    mine = Policy("callable", "mine", function=recent_demand_twice, review_period_days=1.0)
    with pytest.raises(ValueError, match="asked must hold the policies"):
        run_periodic_arrays(arrays, policy_arrays([mine]), **run)
    for policy, message in (
        (Policy("compiled", "fast", function=recent_demand_twice), "the compiled policy 'fast'"),
        (Policy("callable", "mine", function=recent_demand_twice), "the policy 'mine', a Python function"),
        (Policy("reorder", review_period_days=1.5), "is reviewed between midnights"),
    ):
        with pytest.raises(ValueError, match=message):
            policy_arrays([policy])


def test_an_empty_scenario_and_idle_stations_have_their_shapes() -> None:
    nothing = run_periodic(Scenario(), days=3, replications=2, seed=1)
    assert nothing.points.demand.shape == (2, 0)
    station = Station("pick", servers=2, service=constant(0.1))
    scenario = Scenario(points=(PLAIN,), stations=(station,))
    tallies = run_periodic(scenario, days=3, replications=2, seed=1, daily=True)
    assert tallies.stations.busy_ticks.tolist() == [[0], [0]]
    same(tallies, run_plain(scenario, days=3, replications=2, seed=1, daily=True))
