"""The replayed days of stock: against a plain loop, closed forms and laws of conservation."""

import json
import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from simulation import (
    ReorderPolicy,
    StockScenario,
    StockTotals,
    cover_policy,
    draw_lead_times,
    run_stock,
    trace_stock,
)

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("STOCKWRIGHT_SHARED", ROOT.parent / "shared"))
TOTALS = [field.name for field in fields(StockTotals)]


def plain_replay(scenario, policy, lead_times, replication, sku):
    """One SKU, one replication, event by event, in the words of the module's docstring."""
    on_hand = int(scenario.on_hand[sku])
    owed = 0
    under_way = [(day, int(row[sku])) for day, row in enumerate(scenario.pipeline)]
    happened = dict.fromkeys(TOTALS, 0)
    days = []
    for today in range(len(scenario.demand)):
        for arrival in [shipment for shipment in under_way if shipment[0] == today]:
            under_way.remove(arrival)
            on_hand += arrival[1]
            happened["received_units"] += arrival[1]
        while owed and on_hand:
            owed, on_hand = owed - 1, on_hand - 1
        short = False
        for _ in range(scenario.demand[today, sku]):
            if on_hand:
                on_hand -= 1
                happened["filled_units"] += 1
            else:
                short = True
                owed += scenario.on_shortage == "backorder"
        happened["stock_out_days"] += short
        happened["on_hand_unit_days"] += on_hand
        happened["backordered_unit_days"] += owed
        if today % scenario.review_period_days == 0:
            position = on_hand + sum(units for _, units in under_way) - owed
            level = int(policy.order_up_to_level[sku])
            if position <= policy.reorder_point[sku] and position < level:
                units = int(scenario.pack_size[sku])
                while units < level - position or units < scenario.moq[sku]:
                    units += int(scenario.pack_size[sku])
                review = today // scenario.review_period_days
                under_way.append((today + int(lead_times[replication, review, sku]), units))
                happened["orders"] += 1
                happened["ordered_units"] += units
        days.append((on_hand, sum(units for _, units in under_way), owed))
    happened["on_hand_at_end"], happened["on_order_at_end"], happened["backordered_at_end"] = days[-1]
    return happened, days


def whole(shape, least, most):
    return hnp.arrays(np.int64, shape, elements=st.integers(least, most))


@st.composite
def replays(draw):
    skus, days = draw(st.integers(1, 3)), draw(st.integers(1, 14))
    scenario = StockScenario(
        skus=tuple(f"SKU {number}" for number in range(skus)),
        demand=draw(whole((days, skus), 0, 6)),
        on_hand=draw(whole(skus, 0, 12)),
        pipeline=draw(whole((draw(st.integers(0, days + 3)), skus), 0, 4)),
        lead_time_mean_days=np.full(skus, 3.0),
        lead_time_sd_days=np.full(skus, 1.0),
        review_period_days=draw(st.integers(1, 5)),
        unit_cost=np.ones(skus),
        unit_margin=np.ones(skus),
        pack_size=draw(whole(skus, 1, 4)),
        moq=draw(whole(skus, 0, 9)),
        on_shortage=draw(st.sampled_from(["lost", "backorder"])),
    )
    reorder_point = draw(whole(skus, -3, 15))
    policy = ReorderPolicy("drawn", reorder_point, reorder_point + draw(whole(skus, 0, 12)))
    shape = (draw(st.integers(1, 3)), len(scenario.review_days), skus)
    return scenario, policy, draw(whole(shape, 1, 8))


@settings(max_examples=200, deadline=None)
@given(replays())
def test_equals_a_plain_loop_over_events_day_by_day(replay):
    scenario, policy, lead_times = replay
    totals = run_stock(scenario, policy, lead_times=lead_times)
    for replication in range(len(lead_times)):
        trace = trace_stock(scenario, policy, lead_times=lead_times[replication : replication + 1])
        for sku in range(len(scenario.skus)):
            happened, days = plain_replay(scenario, policy, lead_times, replication, sku)
            seen = np.stack([trace.on_hand[:, sku], trace.on_order[:, sku], trace.backordered[:, sku]], axis=1)
            assert seen.tolist() == [list(day) for day in days]
            assert {name: getattr(totals, name)[replication, sku] for name in TOTALS} == happened


@settings(max_examples=100, deadline=None)
@given(replays())
def test_no_unit_appears_or_vanishes(replay):
    scenario, policy, lead_times = replay
    totals = run_stock(scenario, policy, lead_times=lead_times)
    demand = scenario.demand.sum(axis=0)
    unfilled = demand - totals.filled_units
    served_later = unfilled - totals.backordered_at_end if scenario.on_shortage == "backorder" else 0
    shipped = totals.filled_units + served_later
    assert (scenario.on_hand + totals.received_units - shipped == totals.on_hand_at_end).all()
    supplied = scenario.pipeline.sum(axis=0) + totals.ordered_units
    assert (supplied - totals.received_units == totals.on_order_at_end).all()
    assert (totals.on_hand_at_end >= 0).all()
    assert (totals.backordered_at_end >= 0).all()


@settings(max_examples=50, deadline=None)
@given(replays())
def test_a_sku_replays_alike_alone_and_among_others(replay):
    scenario, policy, lead_times = replay
    together = run_stock(scenario, policy, lead_times=lead_times)
    for sku in range(len(scenario.skus)):
        only = np.array([sku])
        alone = run_stock(scenario.subset(only), policy.subset(only), lead_times=lead_times[:, :, only])
        for name in TOTALS:
            assert getattr(alone, name)[:, 0].tolist() == getattr(together, name)[:, sku].tolist(), name


def one_sku(**changes):
    fields = {
        "skus": ("A-12",),
        "demand": np.array([[3], [3], [3], [3]]),
        "on_hand": np.array([5]),
        "pipeline": np.zeros((0, 1), dtype=int),
        "lead_time_mean_days": np.array([2.0]),
        "lead_time_sd_days": np.array([0.0]),
        "review_period_days": 1,
        "unit_cost": np.array([2.0]),
        "unit_margin": np.array([1.5]),
        "pack_size": np.array([1]),
        "moq": np.array([0]),
        "on_shortage": "lost",
    }
    return StockScenario(**(fields | changes))


def levels(reorder_point, order_up_to_level):
    return ReorderPolicy("levels", np.array([reorder_point]), np.array([order_up_to_level]))


@pytest.mark.parametrize(
    ("on_shortage", "on_hand", "on_order", "backordered"),
    [
        ("lost", [2, 0, 1, 0], [4, 6, 5, 6], [0, 0, 0, 0]),
        ("backorder", [2, 0, 0, 0], [4, 7, 6, 6], [0, 1, 0, 0]),
    ],
)
def test_a_shortage_worked_by_hand(on_shortage, on_hand, on_order, backordered):
    # Base stock of 6, opening stock 5, demand 3 a day, two days of lead time.
    # Day 0 fills 3 and orders 4. Day 1 fills 2, misses 1 and orders 2, or 3 if the missing unit waits.
    # Day 2 receives 4 and fills 3: one stays if the sale was lost, none if the waiting unit is served first.
    # Day 3 receives what day 1 ordered and fills 3. Each evening stock, orders and debts make 6.
    scenario = one_sku(on_shortage=on_shortage)
    lead_times = np.full((1, 4, 1), 2)
    trace = trace_stock(scenario, levels(5, 6), lead_times=lead_times)
    totals = run_stock(scenario, levels(5, 6), lead_times=lead_times)
    assert trace.on_hand[:, 0].tolist() == on_hand
    assert trace.on_order[:, 0].tolist() == on_order
    assert trace.backordered[:, 0].tolist() == backordered
    assert totals.filled_units.item() == 3 + 2 + 3 + 3
    assert totals.stock_out_days.item() == 1


@pytest.mark.parametrize(("pack_size", "moq", "ordered"), [(1, 0, 7), (1, 10, 10), (6, 0, 12), (6, 13, 18), (7, 7, 7)])
def test_orders_cover_the_level_in_whole_packs_of_at_least_the_smallest_order(pack_size, moq, ordered):
    scenario = one_sku(
        demand=np.array([[3]]), on_hand=np.array([6]), pack_size=np.array([pack_size]), moq=np.array([moq])
    )
    totals = run_stock(scenario, levels(3, 10), lead_times=np.ones((1, 1, 1), dtype=int))
    assert totals.ordered_units.item() == ordered


def test_orders_nothing_above_the_reorder_point_or_between_reviews():
    scenario = one_sku(demand=np.array([[1]] * 6), on_hand=np.array([9]), review_period_days=4)
    trace = trace_stock(scenario, levels(5, 20), lead_times=np.full((1, 2, 1), 30))
    # Position 8 on day 0 is above 5; it falls to 5 on day 3 and 4 on day 4, the next review.
    assert trace.on_order[:, 0].tolist() == [0, 0, 0, 0, 16, 16]


def test_goods_under_way_count_in_the_position_even_when_they_come_after_the_horizon():
    pipeline = np.zeros((9, 1), dtype=int)
    pipeline[8] = 7
    totals = run_stock(one_sku(pipeline=pipeline), levels(2, 3), lead_times=np.full((1, 4, 1), 2))
    assert totals.orders.item() == 0
    assert totals.on_order_at_end.item() == 7


def test_quantities_at_the_limit_do_not_overflow():
    most = 2**28
    scenario = one_sku(
        demand=np.array([[most // 2], [0], [most // 2]]),
        on_hand=np.array([0]),
        pack_size=np.array([most]),
        moq=np.array([most]),
        on_shortage="backorder",
    )
    totals = run_stock(scenario, levels(most, most), lead_times=np.full((1, 3, 1), 1))
    # Day 0 owes half and misses 1½ packs of 2²⁸, so that two are ordered; they come on day 1.
    assert totals.ordered_units.item() == totals.received_units.item() == 2 * most
    assert totals.filled_units.item() == totals.backordered_unit_days.item() == most // 2
    assert totals.on_hand_unit_days.item() == most + most // 2 + most
    assert totals.on_hand_at_end.item() == most


def independent_paths(*, demand_mean, level, lead_time, review_period=1, days=2_000, paths=60, sd=0.0, seed=1):
    """Base stock under Poisson demand, each SKU an independent path, without the first 200 days."""
    demand = np.random.default_rng(seed).poisson(demand_mean, (days, paths))
    scenario = StockScenario(
        skus=tuple(f"path {number}" for number in range(paths)),
        demand=demand,
        on_hand=np.full(paths, level),
        pipeline=np.zeros((0, paths), dtype=int),
        lead_time_mean_days=np.full(paths, float(lead_time)),
        lead_time_sd_days=np.full(paths, sd),
        review_period_days=review_period,
        unit_cost=np.ones(paths),
        unit_margin=np.ones(paths),
        pack_size=np.ones(paths, dtype=int),
        moq=np.zeros(paths, dtype=int),
        on_shortage="backorder",
    )
    policy = ReorderPolicy("base stock", np.full(paths, level - 1), np.full(paths, level))
    lead_times = draw_lead_times(scenario, replications=1, seed=seed)
    warm_up = 200 // review_period * review_period
    start = scenario.with_(demand=demand[:warm_up])
    whole_run = run_stock(scenario, policy, lead_times=lead_times)
    warming = run_stock(start, policy, lead_times=lead_times[:, : warm_up // review_period])
    counted = days - warm_up
    return {
        "on_hand": (whole_run.on_hand_unit_days - warming.on_hand_unit_days)[0] / counted,
        "backorders": (whole_run.backordered_unit_days - warming.backordered_unit_days)[0] / counted,
        "fill_rate": (whole_run.filled_units - warming.filled_units)[0] / demand[warm_up:].sum(axis=0),
    }


def assert_agrees(simulated, expected):
    """Within 4 standard errors over at least 30 replications."""
    assert len(simulated) >= 30
    standard_error = simulated.std(ddof=1) / np.sqrt(len(simulated))
    assert abs(simulated.mean() - expected) <= 4 * standard_error
    assert standard_error < 0.05 * max(abs(expected), 0.02)


def poisson_loss(mean, level):
    """E[(D − level)⁺], summed term by term."""
    units = np.arange(level + 1, int(mean + 20 * np.sqrt(mean) + 40))
    return float(((units - level) * stats.poisson.pmf(units, mean)).sum())


@pytest.mark.parametrize(
    ("demand_mean", "level", "lead_time", "review_period"),
    [(5, 22, 3, 1), (2, 28, 4, 7), (0.4, 5, 6, 7), (8, 60, 1, 5)],
)
def test_base_stock_agrees_with_the_poisson_loss(demand_mean, level, lead_time, review_period):
    # On day L + j after a review, net stock is the level less the demand of L + j days, j = 0 … R − 1.
    seen = independent_paths(demand_mean=demand_mean, level=level, lead_time=lead_time, review_period=review_period)
    spans = range(lead_time, lead_time + review_period)
    backorders = np.mean([poisson_loss(demand_mean * span, level) for span in spans])
    mean_net_stock = level - demand_mean * np.mean(spans)
    unfilled = poisson_loss(demand_mean * spans[-1], level) - poisson_loss(demand_mean * (lead_time - 1), level)
    assert_agrees(seen["on_hand"], mean_net_stock + backorders)
    assert_agrees(seen["fill_rate"], 1 - unfilled / (demand_mean * review_period))


def test_base_stock_with_random_lead_times_agrees_with_the_exact_stock_on_order():
    # Units on order: the demand of the day k days ago, each day still under way with chance P(L > k).
    demand_mean, level, mean, sd = 3.0, 26, 6.0, 2.5
    seen = independent_paths(demand_mean=demand_mean, level=level, lead_time=mean, sd=sd)
    gamma = stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)
    units = np.arange(120)
    on_order = (units == 0).astype(float)
    for days_ago in range(60):
        under_way = gamma.sf(days_ago + 0.5) if days_ago else 1.0
        of_that_day = (1 - under_way) * (units == 0) + under_way * stats.poisson.pmf(units, demand_mean)
        on_order = np.convolve(on_order, of_that_day)[:120]
    assert on_order.sum() == pytest.approx(1, abs=1e-9)
    assert_agrees(seen["on_hand"], float((np.maximum(level - units, 0) * on_order).sum()))
    assert_agrees(seen["backorders"], float((np.maximum(units - level, 0) * on_order).sum()))


def known_periodic_cases():
    path = SHARED / "cases" / "simulation.json"
    if not path.exists():
        return []
    cases = json.loads(path.read_text())["cases"]
    return [case for case in cases if case["id"].startswith("periodic_basestock_")]


@pytest.mark.skipif(not known_periodic_cases(), reason="no known answers: set STOCKWRIGHT_SHARED to their folder")
def test_base_stock_agrees_with_the_known_answers():
    for case in known_periodic_cases():
        given_, expected = case["params"], case["expected"]
        # An order at the start of a period, arriving L periods on, is ours of the evening before: L + 1 days.
        seen = independent_paths(demand_mean=given_["lam"], level=given_["S"], lead_time=given_["L"] + 1, days=4_000)
        assert_agrees(seen["on_hand"], expected["on_hand_end"])
        assert_agrees(seen["backorders"], expected["backorders_end"])
        assert_agrees(seen["fill_rate"], expected["fill_rate"])


def test_lead_times_are_common_to_every_subset_and_number_of_replications():
    skus = tuple(f"SKU {number}" for number in range(6))
    scenario = one_sku(
        skus=skus,
        demand=np.ones((30, 6), dtype=int),
        on_hand=np.zeros(6, dtype=int),
        pipeline=np.zeros((0, 6), dtype=int),
        lead_time_mean_days=np.linspace(2, 12, 6),
        lead_time_sd_days=np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        unit_cost=np.ones(6),
        unit_margin=np.ones(6),
        pack_size=np.ones(6, dtype=int),
        moq=np.zeros(6, dtype=int),
    )
    drawn = draw_lead_times(scenario, replications=5, seed=4)
    assert len(np.unique(drawn[:, :, 5])) > 5
    some = np.array([4, 1])
    assert (draw_lead_times(scenario.subset(some), replications=2, seed=4) == drawn[:2][:, :, some]).all()
    weekly = draw_lead_times(scenario.with_(review_period_days=7), replications=5, seed=4)
    assert (weekly == drawn[:, ::7]).all()
    assert (draw_lead_times(scenario, replications=5, seed=5) != drawn).any()
    assert (draw_lead_times(scenario.with_lead_time_factor(2.0), replications=5, seed=4) >= drawn).all()


def test_a_lead_time_factor_stretches_mean_and_spread_alike():
    slower = one_sku(lead_time_sd_days=[0.8]).with_lead_time_factor(1.5)
    assert slower.lead_time_mean_days.tolist() == [3.0]
    assert slower.lead_time_sd_days.tolist() == pytest.approx([1.2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"skus": ()}, "skus must name at least one SKU, got none"),
        ({"skus": ("A", "A")}, "skus must name each SKU once, got A more than once"),
        ({"demand": np.array([[1.0]])}, "demand must hold whole numbers, got dtype float64"),
        ({"demand": np.array([1, 2])}, r"demand must have shape \(days, 1\), got \(2,\)"),
        ({"demand": np.array([[1], [-2]])}, "demand of SKU A-12 on day 1 must lie between 0 and .*, got -2"),
        ({"demand": np.zeros((0, 1), dtype=int)}, "demand must cover at least one day, got none"),
        ({"demand": np.full((2, 1), 2**28)}, "demand of SKU A-12 must total at most 268435456 units"),
        ({"on_hand": np.array([1, 2])}, r"on_hand must have shape \(1,\), got \(2,\)"),
        ({"lead_time_mean_days": [0.0]}, "lead_time_mean_days of SKU A-12 must be above 0, got 0"),
        (
            {"lead_time_sd_days": [np.nan]},
            "lead_time_sd_days of SKU A-12 must be finite and at least 0, got nan",
        ),
        ({"unit_margin": [np.inf]}, "unit_margin of SKU A-12 must be finite, got inf"),
        ({"pack_size": np.array([0])}, "pack_size of SKU A-12 must lie between 1 and .*, got 0"),
        ({"review_period_days": 0}, "review_period_days must be at least 1, got 0"),
        ({"on_shortage": "wait"}, "on_shortage must be 'lost' or 'backorder', got 'wait'"),
    ],
)
def test_refuses_a_scenario_that_makes_no_sense(changes, message):
    with pytest.raises(ValueError, match=message):
        one_sku(**changes)


def test_a_scenario_keeps_its_own_copy():
    demand = np.array([[3], [4]])
    scenario = one_sku(demand=demand)
    demand[0] = 99
    assert scenario.demand.tolist() == [[3], [4]]
    with pytest.raises(ValueError, match="read-only"):
        scenario.demand[0] = 1


@pytest.mark.parametrize(
    ("reorder_point", "level", "message"),
    [
        ([5.0], [6.0], "policy P: reorder_point must hold whole numbers"),
        ([5, 5], [6], "policy P: reorder_point and order_up_to_level must have one shape"),
        ([1, 7], [2, 6], "order_up_to_level must be at least reorder_point, got 6 and 7 at position 1"),
        ([1], [2**40], "order_up_to_level must lie between .*, got 1099511627776 at position 0"),
    ],
)
def test_refuses_a_policy_that_makes_no_sense(reorder_point, level, message):
    with pytest.raises(ValueError, match=message):
        ReorderPolicy("P", np.array(reorder_point), np.array(level))


@pytest.mark.parametrize(
    ("lead_times", "message"),
    [
        (
            np.ones((1, 3, 1), dtype=int),
            r"lead_times must have shape \(replications, 4, 1\), got \(1, 3, 1\)",
        ),
        (np.zeros((1, 4, 1), dtype=int), "lead_times must be whole days of at least 1, got .* shortest 0"),
        (np.full((1, 4, 1), 1.5), "lead_times must be whole days of at least 1, got dtype float64"),
    ],
)
def test_refuses_lead_times_that_do_not_fit(lead_times, message):
    with pytest.raises(ValueError, match=message):
        run_stock(one_sku(), levels(1, 2), lead_times=lead_times)


def test_weeks_of_cover_tops_up_to_whole_units_of_mean_demand():
    policy = cover_policy("cover", np.array([0.1, 2.0, 0.0, 1 / 3]), weeks_of_cover=10)
    assert policy.order_up_to_level.tolist() == [7, 140, 0, 24]
    assert policy.reorder_point.tolist() == [6, 139, -1, 23]
    with pytest.raises(ValueError, match="weeks_of_cover must be finite and at least 0, got -1"):
        cover_policy("cover", np.array([1.0]), weeks_of_cover=-1)
