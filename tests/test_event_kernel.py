"""The event kernel agrees with the plain interpreter, event by event, and with what queueing theory knows."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import settings

from simulation.distributions import constant, exponential, uniform
from simulation.event_kernel import not_compiled, run_events, stands_alone
from simulation.interpreter import run_plain
from simulation.order_run import OrderRun
from simulation.scenario import (
    TICKS_PER_DAY,
    Carrier,
    Demand,
    OrderStream,
    Policy,
    Returns,
    Scenario,
    Station,
    StockPoint,
)
from simulation.streams import stream_key
from simulation.tables import tables, ticks
from simulation.tallies import Tallies, empty_tallies, joined
from tests.random_scenarios import run_of, scenario_of

SCENARIOS = range(500 if settings.default is not None and settings.default.max_examples > 100 else 150)
ALONE = SCENARIOS[: len(SCENARIOS) // 2]


@numba.njit
def up_to_when_below(on_hand, on_order, backordered, day, parameters):
    """A user's compiled policy: order up to the second parameter at or below the first."""
    position = on_hand + on_order - backordered
    return np.int64(parameters[1] - position) if position <= parameters[0] else np.int64(0)


def differences(ours: Tallies, theirs: Tallies) -> list[str]:
    """Names of all columns that are not the same to the bit."""
    parts = [(name, getattr(ours, name), getattr(theirs, name)) for name in ("points", "streams", "stations")]
    parts += [(name, getattr(ours, name), getattr(theirs, name)) for name in ("daily", "log")]
    columns = [
        (f"{name}.{field.name}", getattr(own, field.name), getattr(other, field.name))
        for name, own, other in parts
        if own is not None
        for field in fields(other)
    ]
    columns.append(("purchase_cost", ours.purchase_cost, theirs.purchase_cost))
    return [name for name, own, other in columns if not np.array_equal(own, other)]


def test_agrees_with_the_interpreter_on_random_scenarios_event_by_event() -> None:
    for number in SCENARIOS:
        scenario, how = scenario_of(number, up_to_when_below), run_of(number)
        ours = run_events(scenario, **how, daily=True, log=True)
        assert differences(ours, run_plain(scenario, **how, daily=True, log=True)) == [], number


def test_points_by_themselves_agree_with_the_interpreter() -> None:
    seen = 0
    for number in ALONE:
        scenario, how = alone(scenario_of(number, up_to_when_below)), run_of(number)
        if scenario.points:
            seen += 1
            assert stands_alone(scenario)
            assert differences(run_events(scenario, **how), run_plain(scenario, **how)) == [], number
    assert seen > len(ALONE) / 2


def alone(scenario: Scenario) -> Scenario:
    """The scenario's points, each supplied from outside."""
    points = [replace(point, source="far", patience=None, shelf_life_days=0.0) for point in scenario.points]
    outages = [outage for outage in scenario.outages if outage.place == "far"]
    return replace(scenario, points=tuple(points), streams=(), sites=(), outages=tuple(outages))


@pytest.mark.parametrize("number", [3, 11, 42])
def test_threads_and_splits_do_not_change_a_bit(number: int) -> None:
    scenario, how = scenario_of(number), {"days": 12, "seed": 4, "daily": True, "log": True}
    whole = run_events(scenario, replications=5, **how)
    for threads in (2, 4):
        assert differences(run_events(scenario, replications=5, threads=threads, **how), whole) == []
    parts = [run_events(scenario, replications=n, first_replication=first, **how) for first, n in ((0, 2), (2, 3))]
    assert differences(joined(parts), whole) == []


def test_other_points_of_a_scenario_do_not_change_a_points_luck() -> None:
    points = [base_stock(level=5), replace(base_stock(level=9), sku="b"), replace(base_stock(level=2), sku="c")]
    all_of_them = run_events(Scenario(points=tuple(points)), days=50, replications=3, seed=2)
    only_one = run_events(Scenario(points=(points[1],)), days=50, replications=3, seed=2)
    for field in fields(only_one.points):
        assert np.array_equal(getattr(all_of_them.points, field.name)[:, 1], getattr(only_one.points, field.name)[:, 0])


def base_stock(*, level: int, rate: float = 1.0, lead_time: float = 3.0) -> StockPoint:
    return StockPoint(
        "a",
        on_hand=level,
        demand=Demand("renewal", interarrival=exponential(1 / rate)),
        policy=Policy("reorder", reorder_point=level - 1, order_up_to_level=level),
        lead_time=uniform(0.0, 2 * lead_time),
        on_shortage="backorder",
    )


@pytest.mark.parametrize(("level", "rate"), [(2_500, 400.0), (0, 60.0)])
def test_rooms_grow_with_orders_under_way_and_customers_waiting(level: int, rate: float) -> None:
    scenario = Scenario(points=(base_stock(level=level, rate=rate, lead_time=6.0),))
    how = {"days": 8, "replications": 2, "seed": 1, "warm_up_days": 1.0}
    ours = run_events(scenario, **how)
    assert ours.points.on_order_end.min() > 4 * rate
    assert differences(ours, run_plain(scenario, **how)) == []
    assert differences(run_events(scenario, **how, daily=True), run_plain(scenario, **how, daily=True)) == []


def test_rooms_grow_with_orders_in_a_queue() -> None:
    stream = OrderStream("web", exponential(0.001), route=("pick",))
    scenario = Scenario(streams=(stream,), stations=(Station("pick", 1, exponential(0.002)),))
    how = {"days": 6, "replications": 1, "seed": 1}
    ours = run_events(scenario, **how)
    assert ours.stations.in_queue_end[0, 0] > 2_500
    assert differences(ours, run_plain(scenario, **how)) == []


def test_memory_is_bounded_by_what_is_open() -> None:
    scenario = Scenario(
        points=(replace(base_stock(level=20), policy=Policy("reorder", reorder_point=60, order_up_to_level=80)),),
        streams=(
            OrderStream(
                "web",
                exponential(0.05),
                skus=("a",),
                weights=(1.0,),
                lines=constant(1),
                route=("pick",),
                carrier="van",
                returns=Returns(0.3, delay=constant(1.0), station="pick"),
            ),
        ),
        stations=(Station("pick", 4, exponential(0.1)),),
        carriers=(Carrier("van", loss_probability=0.1),),
    )
    end = ticks(2_000)
    run = OrderRun(scenario, tables(scenario, seed=3), 3, warm_up=0, end=end, days=0, log=False)
    room = run.cells
    tallies = run.fill(empty_tallies(1, 1, 1, 1, days=2_000, first=0))
    assert tallies.streams.orders.sum() > 15 * room
    assert run.cells == room


def within_four_standard_errors(values: Sequence[float], expected: float) -> bool:
    """Over replications."""
    spread = np.std(values, ddof=1) / math.sqrt(len(values))
    return bool(abs(np.mean(values) - expected) <= 4 * spread)


def test_base_stock_holds_what_palms_theorem_says() -> None:
    level, on_the_way = 8, 6.0  # outstanding orders are Poisson, whatever the lead times
    chances = [math.exp(-on_the_way) * on_the_way**k / math.factorial(k) for k in range(60)]
    on_hand = sum((level - k) * chance for k, chance in enumerate(chances[:level]))
    scenario = Scenario(points=(base_stock(level=level, rate=2.0),))
    points = run_events(scenario, days=1_100, warm_up_days=100.0, replications=40, seed=5).points
    assert within_four_standard_errors(points.on_hand_ticks[:, 0] / (1_000 * TICKS_PER_DAY), on_hand)
    assert within_four_standard_errors(points.filled[:, 0] / points.demand[:, 0], sum(chances[:level]))


def test_a_queue_waits_as_erlang_says() -> None:
    servers, load = 5, 4.0
    terms = [load**k / math.factorial(k) for k in range(servers)]
    waits = load**servers / math.factorial(servers) / (1 - load / servers)
    chance = waits / (sum(terms) + waits)
    scenario = Scenario(
        streams=(OrderStream("jobs", exponential(0.01), route=("desk",)),),
        stations=(Station("desk", servers, exponential(0.04)),),
    )
    stations = run_events(scenario, days=110, warm_up_days=10.0, replications=40, seed=6).stations
    assert within_four_standard_errors(stations.waited[:, 0] / stations.started[:, 0], chance)
    mean_wait = stations.wait[:, 0] / stations.started[:, 0] / TICKS_PER_DAY
    assert within_four_standard_errors(mean_wait, chance * 0.04 / (servers - load))
    assert within_four_standard_errors(
        stations.queue_ticks[:, 0] / (100 * TICKS_PER_DAY), chance * load / (servers - load)
    )


def test_what_comes_in_goes_out_or_is_there() -> None:
    for number in range(40):
        scenario, how = scenario_of(number), run_of(number) | {"warm_up_days": 0.0}
        points = run_events(scenario, **how).points
        came = np.array([point.on_hand for point in scenario.points]) + points.received + points.restocked
        met = points.filled + points.served_late + points.internal_filled
        if not scenario.streams and not any(
            (point.sku, other.source) == (point.sku, point.site)
            for point in scenario.points
            for other in scenario.points
        ):
            assert np.array_equal(came, met + points.spoiled + points.on_hand_end), number
        assert np.array_equal(points.demand >= points.filled, np.ones_like(points.demand, dtype=bool)), number


def test_plain_c_comes_to_the_same_sums(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    source = Path(__file__).parent.parent / "benchmarks" / "single_item.c"
    subprocess.run([compiler, "-O2", "-o", tmp_path / "item", source, "-lm"], check=True)
    keys = [word for purpose in ("interarrival", "lead time") for word in stream_key(7, purpose, "a@site")]
    figures = (400, 3, 75, 100, 1 / 20.0, 2.0, 2.0, *keys)
    printed = subprocess.run([tmp_path / "item", *map(str, figures)], check=True, capture_output=True, text=True).stdout
    told = dict(line.split() for line in printed.splitlines())
    item = replace(
        base_stock(level=175, rate=20.0),
        policy=Policy("reorder", reorder_point=75, order_quantity=100),
        lead_time=uniform(2.0, 4.0),
    )
    points = run_events(Scenario(points=(item,)), days=400, replications=3, seed=7).points
    for name, total in told.items():
        if name != "seconds":
            assert int(total) == getattr(points, name).sum(), name


def test_a_python_policy_is_refused_by_name() -> None:
    point = StockPoint("A-12", "east", policy=Policy("callable", function=len))
    assert "A-12 at east" in (not_compiled(Scenario(points=(point,))) or "")
    with pytest.raises(ValueError, match="A-12 at east is a Python function: the plain interpreter runs it"):
        run_events(Scenario(points=(point,)), days=1, replications=1, seed=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"days": 0}, "days must be above 0"),
        ({"warm_up_days": 10.0}, "warm_up_days"),
        ({"replications": 0}, "replications must be at least 1, got 0"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"first_replication": -1}, "first_replication must be at least 0, got -1"),
    ],
)
def test_runs_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run_events(Scenario(points=(base_stock(level=1),)), **({"days": 10, "replications": 1, "seed": 1} | wrong))
