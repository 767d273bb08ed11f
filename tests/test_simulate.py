"""Simulating a scenario: executors, workers, stopping, comparing and searching levels."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from simulation.distributions import constant, exponential, gamma, poisson
from simulation.level_search import optimise
from simulation.run import InterruptedWarning, PlainExecutorWarning, chosen_executor, compare, simulate
from simulation.scenario import Demand, OrderStream, Policy, Scenario, Station, StockPoint
from simulation.tallies import Tallies
from simulation.warm_up import RunTooShort

CONTINUOUS = Scenario(
    name="continuous",
    points=(
        StockPoint(
            "mug",
            on_hand=20,
            demand=Demand("renewal", interarrival=exponential(0.5)),
            policy=Policy("reorder", reorder_point=8, order_quantity=12),
            lead_time=gamma(2.0, 1.0),
            order_cost=4.0,
            holding_cost=0.1,
            shortage_cost=5.0,
            unit_cost=2.0,
        ),
    ),
)
DAILY = Scenario(
    name="daily",
    points=tuple(
        StockPoint(
            sku,
            on_hand=30,
            demand=Demand("daily", size=poisson(mean)),
            policy=Policy("reorder", reorder_point=14, order_up_to_level=40, review_period_days=1.0),
            lead_time=gamma(3.0, 1.5),
            whole_day_lead_time=True,
            holding_cost=0.1,
            order_cost=10.0,
            shortage_cost=2.0,
        )
        for sku, mean in (("cup", 3.0), ("jug", 5.0), ("pan", 2.0))
    ),
)
QUEUE = Scenario(
    name="queue",
    streams=(OrderStream("web", exponential(1.0 / 8.0), route=("pick",)),),
    stations=(Station("pick", 1, exponential(0.1)),),
)


def always_seven(view: Any) -> int:
    """A policy that no kernel can compile on events."""
    return 7 if view.on_hand + view.on_order < 10 else 0


def same_bits(one: Tallies, other: Tallies) -> bool:
    parts = [(one.points, other.points), (one.streams, other.streams), (one.stations, other.stations)]
    return np.array_equal(one.purchase_cost, other.purchase_cost) and all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name)) for a, b in parts for f in fields(a)
    )


# Executors


def test_the_fastest_executor_that_can_run_a_scenario_is_taken() -> None:
    assert chosen_executor(DAILY, "auto", log=False) == "periodic"
    assert chosen_executor(DAILY, "auto", log=True) == "events"
    assert chosen_executor(CONTINUOUS, "auto", log=False) == "events"


def test_a_python_policy_runs_on_the_plain_interpreter_and_says_so() -> None:
    scenario = CONTINUOUS.with_(policy=Policy("callable", function=always_seven))
    with pytest.warns(PlainExecutorWarning, match="scenario continuous runs on the plain interpreter"):
        result = simulate(scenario, days=20, seed=1, replications=2)
    assert result.executor == "plain"
    assert result.estimate("fill_rate").mean > 0.5


def test_an_executor_that_cannot_run_a_scenario_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="executor periodic cannot run scenario continuous: "):
        simulate(CONTINUOUS, days=10, seed=1, executor="periodic")
    with pytest.raises(ValueError, match="executor periodic cannot run scenario daily: it keeps no log"):
        simulate(DAILY, days=10, seed=1, executor="periodic", log=True)
    with pytest.raises(ValueError, match=r"executor must be .* got 'fast'"):
        simulate(DAILY, days=10, seed=1, executor="fast")  # type: ignore[arg-type]


@pytest.mark.parametrize("scenario", [CONTINUOUS, DAILY, QUEUE], ids=lambda scenario: scenario.name)
def test_compiled_executors_come_to_the_sums_of_the_plain_one(scenario: Scenario) -> None:
    plain = simulate(scenario, days=30, seed=5, replications=3, executor="plain")
    fast = simulate(scenario, days=30, seed=5, replications=3)
    assert fast.executor != "plain"
    assert same_bits(plain.tallies, fast.tallies)


# Workers and chunks


@pytest.mark.parametrize("scenario", [CONTINUOUS, DAILY, QUEUE], ids=lambda scenario: scenario.name)
def test_one_two_and_four_workers_give_the_same_bits(scenario: Scenario) -> None:
    results = [simulate(scenario, days=25, seed=2, replications=11, workers=workers) for workers in (1, 2, 4)]
    assert same_bits(results[0].tallies, results[1].tallies)
    assert same_bits(results[0].tallies, results[2].tallies)


def test_processes_of_the_plain_interpreter_give_the_same_bits() -> None:
    options: dict[str, Any] = {"days": 10, "seed": 2, "replications": 3, "executor": "plain"}
    assert same_bits(
        simulate(CONTINUOUS, workers=1, **options).tallies, simulate(CONTINUOUS, workers=2, **options).tallies
    )


def test_policies_that_cannot_be_sent_to_another_process_give_the_same_bits_too() -> None:
    scenario = CONTINUOUS.with_(policy=Policy("callable", function=lambda view: always_seven(view)))
    options: dict[str, Any] = {"days": 10, "seed": 2, "replications": 3, "executor": "plain"}
    assert same_bits(simulate(scenario, workers=1, **options).tallies, simulate(scenario, workers=2, **options).tallies)


def test_more_replications_leave_the_first_ones_as_they_are() -> None:
    few = simulate(DAILY, days=25, seed=2, replications=5).by_replication
    many = simulate(DAILY, days=25, seed=2, replications=40).by_replication
    assert few.equals(many.head(5))


def test_a_subset_of_skus_meets_the_same_luck() -> None:
    whole = simulate(DAILY, days=40, seed=3, replications=4).by_point
    part = simulate(DAILY.subset(["jug"]), days=40, seed=3, replications=4).by_point
    assert part.equals(whole[whole["sku"] == "jug"].reset_index(drop=True))


# Progress and stopping


def test_progress_is_told_until_all_is_done() -> None:
    ticks = iter(range(1000))
    told: list[tuple[int, int, float]] = []
    simulate(
        DAILY,
        days=10,
        seed=1,
        replications=32,
        progress=lambda *news: told.append(news),
        clock=lambda: float(next(ticks)),
    )
    assert [done for done, _, _ in told] == list(range(2, 33, 2))
    # A second for each chunk of two: 15 chunks, or 15 seconds, are left after the first.
    assert told[0] == (2, 32, 15.0)
    assert told[-1] == (32, 32, 0.0)


def test_a_line_of_text_shows_progress(capsys: pytest.CaptureFixture[str]) -> None:
    simulate(DAILY, days=10, seed=1, replications=4, progress=True)
    said = capsys.readouterr().out
    assert "4 of 4 replications" in said
    assert said.endswith("left\n")


def test_stopping_by_hand_keeps_what_is_done() -> None:
    def stop(done: int, total: int, seconds_left: float) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.warns(InterruptedWarning, match="after 6 of 32 replications"):
        stopped = simulate(DAILY, days=10, seed=1, replications=32, progress=stop)
    assert stopped.interrupted
    assert stopped.replications == 6
    assert same_bits(stopped.tallies, simulate(DAILY, days=10, seed=1, replications=6).tallies)


def test_stopping_before_anything_is_done_stops() -> None:
    def stopped_clock() -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(DAILY, days=10, seed=1, clock=stopped_clock)


def test_replications_are_added_until_the_interval_is_narrow_enough() -> None:
    result = simulate(CONTINUOUS, days=30, seed=1, replications=10, relative_half_width=0.02, measure="average_on_hand")
    found = result.estimate("average_on_hand")
    assert found.half_width <= 0.02 * found.mean
    assert result.replications > 10
    few = simulate(
        CONTINUOUS,
        days=30,
        seed=1,
        replications=10,
        relative_half_width=0.001,
        measure="average_on_hand",
        most_replications=25,
    )
    assert few.replications == 25


# Warm-up


def test_a_warm_up_is_left_out() -> None:
    whole = simulate(CONTINUOUS, days=40, seed=1, replications=3)
    late = simulate(CONTINUOUS, days=40, seed=1, replications=3, warm_up_days=10.0)
    assert (late.tallies.days, late.warm_up_days) == (30.0, 10.0)
    assert (late.tallies.points.demand < whole.tallies.points.demand).all()
    assert (late.tallies.points.on_hand_end == whole.tallies.points.on_hand_end).all()


def test_the_warm_up_can_be_found_from_the_run() -> None:
    full = CONTINUOUS.with_(on_hand=400)
    # 400 units at two a day are over the cycle stock for about 195 days.
    result = simulate(full, days=900, seed=1, replications=5, warm_up_days="mser5")
    assert 150 <= result.warm_up_days <= 250
    assert result.estimate("average_on_hand").mean < 20


def test_a_run_too_short_to_settle_is_refused() -> None:
    with pytest.raises(RunTooShort):
        simulate(CONTINUOUS.with_(on_hand=4000), days=100, seed=1, warm_up_days="mser5")
    with pytest.raises(ValueError, match="days must be at least 50"):
        simulate(CONTINUOUS, days=20, seed=1, warm_up_days="mser5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": 0}, "days must be above 0, got 0"),
        ({"days": 10, "replications": 0}, "replications must be at least 1, got 0"),
        ({"days": 10, "workers": 0}, "workers must be at least 1, got 0"),
        ({"days": 10, "warm_up_days": 10.0}, "warm_up_days must be at least 0 and less than days = 10, got 10"),
        ({"days": 10, "relative_half_width": 0.0}, "relative_half_width must be above 0, got 0"),
        ({"days": 10, "relative_half_width": 0.1, "measure": "speed"}, "measure must be one of .*, got speed"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(DAILY, seed=1, **options)


# Comparing


def test_scenarios_are_compared_under_the_same_luck() -> None:
    lower = replace(DAILY.points[0].policy, reorder_point=11)
    found = compare([DAILY, DAILY.with_policy(lower).named("lower")], days=120, seed=1, replications=20)
    base, lower_row = found.of("fill_rate").loc["daily"], found.of("fill_rate").loc["lower"]
    assert (base["difference"], base["difference_half_width"]) == (0.0, 0.0)
    assert lower_row["difference"] == pytest.approx(lower_row["mean"] - base["mean"])
    assert lower_row["difference"] + lower_row["difference_half_width"] < 0
    assert lower_row["difference_half_width"] < np.hypot(lower_row["half_width"], base["half_width"])


def test_comparing_a_scenario_with_itself_finds_no_difference() -> None:
    frame = compare([DAILY, DAILY.named("again")], days=30, seed=1, replications=5).frame
    again = frame[frame["scenario"] == "again"].dropna()
    assert (again["difference"] == 0).all()
    assert (again["difference_half_width"] == 0).all()


def test_scenarios_need_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="each with a name of its own, got \\['daily', 'daily'\\]"):
        compare([DAILY, DAILY], days=10, seed=1)
    with pytest.raises(ValueError, match="same replications"):
        compare([DAILY], days=10, seed=1, relative_half_width=0.1)


# Searching levels


def by_hand(sku: str, reorder_point: int) -> tuple[float, float]:
    """Cost per day and fill rate of one SKU with this reorder point, by a run of its own."""
    policy = replace(DAILY.points[0].policy, reorder_point=reorder_point, order_up_to_level=reorder_point + 26)
    frame = simulate(DAILY.subset([sku]).with_policy(policy), days=100, seed=4, replications=12).by_point
    mean = frame.set_index("measure")["mean"]
    return mean["holding_cost"] + mean["ordering_cost"] + mean["shortage_cost"], mean["fill_rate"]


def test_the_cheapest_reorder_point_is_that_of_trying_each_by_itself() -> None:
    candidates = range(0, 30, 3)
    found = optimise(DAILY, {"reorder_point": candidates}, days=100, seed=4, replications=12)
    for row in found.levels.itertuples():
        costs = {one: by_hand(row.sku, one)[0] for one in candidates}
        assert row.reorder_point == min(costs, key=lambda one: costs[one])
        assert row.cost == pytest.approx(min(costs.values()))
        assert row.order_up_to_level == row.reorder_point + 26
        assert 0.0 <= row.confidence <= 1.0
    assert len(found.curve) == 3 * len(candidates)
    assert (found.levels["saving"] >= -1e-9).all()


def test_golden_section_finds_what_trying_all_finds_with_fewer_runs() -> None:
    options: dict[str, Any] = {"days": 200, "seed": 4, "replications": 30}
    everything = optimise(DAILY, {"reorder_point": range(0, 60)}, search="all", **options)
    section = optimise(DAILY, {"reorder_point": range(0, 60)}, **options)
    assert len(section.curve) < len(everything.curve) / 3
    cheap, cheapest = section.levels["cost"].to_numpy(), everything.levels["cost"].to_numpy()
    assert cheap == pytest.approx(cheapest, rel=0.005)


def test_the_smallest_reorder_point_that_reaches_the_fill_rate_is_found() -> None:
    found = optimise(DAILY, {"reorder_point": range(0, 60)}, days=100, seed=4, replications=12, fill_rate=0.97)
    for row in found.levels.itertuples():
        assert row.fill_rate == pytest.approx(by_hand(row.sku, row.reorder_point)[1])
        assert row.fill_rate >= 0.97 > by_hand(row.sku, row.reorder_point - 1)[1]


def test_a_fill_rate_out_of_reach_gives_the_best_there_is_at_the_edge() -> None:
    found = optimise(DAILY, {"reorder_point": [1, 2, 3]}, days=60, seed=4, replications=5, fill_rate=0.999)
    assert (found.levels["reorder_point"] == 3).all()
    assert found.levels["at_edge"].all()
    assert (found.levels["confidence"] < 0.01).all()


def test_levels_of_some_skus_leave_the_others_as_they_are() -> None:
    found = optimise(DAILY, {"reorder_point": {"jug": [30]}}, days=30, seed=4, replications=2)
    assert [point.policy.reorder_point for point in found.scenario.points] == [14, 30, 14]


def test_reorder_point_and_level_can_be_searched_together() -> None:
    over = {"reorder_point": [10, 20], "order_up_to_level": [20, 40]}
    found = optimise(DAILY, over, days=30, seed=4, replications=2)
    pairs = found.curve[found.curve["sku"] == "cup"][["reorder_point", "order_up_to_level"]].to_numpy().tolist()
    assert pairs == [[10, 20], [10, 40], [20, 40]]


def test_base_stock_levels_move_as_one() -> None:
    base_stock = CONTINUOUS.with_policy(Policy("reorder", reorder_point=9, order_up_to_level=10))
    found = optimise(base_stock, {"order_up_to_level": [6, 7]}, days=20, seed=1, replications=2)
    assert set(found.curve["order_up_to_level"] - found.curve["reorder_point"]) == {1}


def test_stopping_a_search_keeps_the_best_of_what_was_tried() -> None:
    runs = []

    def stop_at_the_third(done: int, total: int, seconds_left: float) -> None:
        runs.append(done)
        if runs.count(1) == 4:
            raise KeyboardInterrupt

    with pytest.warns(InterruptedWarning):
        found = optimise(
            DAILY, {"reorder_point": range(8)}, days=20, seed=1, replications=4, progress=stop_at_the_third
        )
    assert sorted(set(found.curve["reorder_point"])) == [0, 1]


@pytest.mark.parametrize(
    ("over", "options", "message"),
    [
        ({}, {}, "over must name reorder_point or order_up_to_level, got nothing"),
        ({"lead_time": [1]}, {}, "over must name .*, got lead_time"),
        ({"reorder_point": {"hat": [1]}}, {}, "over must name stock points that reorder, got none"),
        ({"reorder_point": []}, {}, "candidates of cup at site must hold at least one, got none"),
        ({"reorder_point": [1]}, {"fill_rate": 1.5}, "fill_rate must lie above 0 and be at most 1, got 1.5"),
        ({"reorder_point": [1]}, {"costs": ["rent"]}, "costs must be some of .*, got rent"),
        ({"reorder_point": [1]}, {"search": "luck"}, "search must be .*, got 'luck'"),
    ],
)
def test_searches_out_of_range_are_refused_by_name(over: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimise(DAILY, over, days=10, seed=1, **options)


def test_stock_points_that_supply_one_another_are_searched_one_at_a_time() -> None:
    policy = Policy("reorder", reorder_point=5, order_quantity=10)
    chain = Scenario(points=(StockPoint("mug", "dc", policy=policy), StockPoint("mug", "store", "dc", policy=policy)))
    with pytest.raises(ValueError, match="must not supply one another, got mug at store from dc"):
        optimise(chain, {"reorder_point": [1, 2]}, days=10, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimise(chain, {"reorder_point": {("mug", "store"): [1, 2]}}, days=10, seed=1, replications=2)


def test_lead_times_of_zero_spread_are_no_luck() -> None:
    fixed = CONTINUOUS.with_(lead_time=2.0, demand=Demand("renewal", interarrival=constant(0.5)))
    frame = simulate(fixed, days=30, seed=1, replications=4).measures
    assert (frame["half_width"].dropna() == 0.0).all()


def test_stopping_a_comparison_keeps_the_scenarios_begun() -> None:
    def stop_in_the_second(done: int, total: int, seconds_left: float) -> None:
        told.append(done)
        if len(told) == 6:
            raise KeyboardInterrupt

    told: list[int] = []
    scenarios = [DAILY, DAILY.with_(order_cost=20.0).named("second"), DAILY.named("third")]
    with pytest.warns(InterruptedWarning):
        found = compare(scenarios, days=20, seed=1, replications=4, progress=stop_in_the_second)
    assert [result.scenario.name for result in found.results] == ["daily", "second"]
    assert found.of("ordering_cost")["difference"].iloc[1] > 0
