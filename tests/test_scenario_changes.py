"""What-if: one line changes a scenario, says what it changed, and leaves the old one as it was."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.demand_scaling import scaled_demand, scaled_size
from simulation.distributions import (
    constant,
    discrete,
    empirical,
    exponential,
    gamma,
    geometric,
    negative_binomial,
    poisson,
    uniform,
)
from simulation.scenario import (
    Carrier,
    Demand,
    OrderStream,
    Outage,
    Policy,
    Scenario,
    Site,
    Station,
    StockPoint,
)
from simulation.scenario_checks import ScenarioError

BASE = Scenario(
    points=(
        StockPoint("mug", "dc", on_hand=10, lead_time=gamma(4, 2), unit_cost=2.0, price_breaks=((10, 1.5),)),
        StockPoint("mug", "shop", "dc", on_hand=3, demand=Demand("renewal", interarrival=exponential(0.5))),
        StockPoint("jug", "dc", on_hand=7, demand=Demand("daily", size=poisson(4)), policy=Policy("reorder", "", 5, 9)),
    ),
    sites=(Site("dc", "priority"), Site("shop")),
    streams=(
        OrderStream(
            "online", exponential(0.1), "dc", skus=("mug",), lines=constant(1), route=("pick",), carrier="post"
        ),
        OrderStream("counter", exponential(0.2), "shop", route=("pick",)),
    ),
    stations=(Station("pick", 4, exponential(0.02), per_unit=0.01),),
    carriers=(Carrier("post", transit=uniform(1, 3)),),
)


def column(scenario, name):
    return [getattr(point, name) for point in scenario.points]


# with_


def test_a_value_for_all_points():
    assert column(BASE.with_(on_hand=99), "on_hand") == [99, 99, 99]
    assert column(BASE, "on_hand") == [10, 3, 7]


def test_a_number_stands_for_a_constant_lead_time():
    assert BASE.with_(lead_time=5) == BASE.with_(lead_time=constant(5))
    assert BASE.with_(lead_time=gamma(3, 1)).points[0].lead_time == gamma(3, 1)


def test_a_mapping_by_sku_and_by_pair_leaves_the_others():
    assert column(BASE.with_(on_hand={"mug": 1}), "on_hand") == [1, 1, 7]
    assert column(BASE.with_(on_hand={("mug", "shop"): 1}), "on_hand") == [10, 1, 7]
    assert column(BASE.with_(on_hand={"mug": 1, ("mug", "shop"): 2}), "on_hand") == [1, 2, 7]


def test_series_and_arrays():
    assert column(BASE.with_(on_hand=pd.Series({"jug": 4.0})), "on_hand") == [10, 3, 4]
    pairs = pd.Series([8, 9], index=pd.MultiIndex.from_tuples([("mug", "dc"), ("jug", "dc")]))
    assert column(BASE.with_(on_hand=pairs), "on_hand") == [8, 3, 9]
    assert column(BASE.with_(on_hand=np.array([1.0, 2.0, 3.0])), "on_hand") == [1, 2, 3]


def test_a_function_of_the_old_value():
    longer = BASE.with_(lead_time=lambda old: old.scaled(2))
    assert longer.points[0].lead_time == gamma(8, 4)
    assert column(BASE.with_(on_hand=lambda old: old * 1.0 + 1), "on_hand") == [11, 4, 8]


def test_levels_of_policies_change_like_columns():
    changed = BASE.with_(reorder_point={"jug": 6}, order_up_to_level={"jug": 12})
    assert changed.points[2].policy == Policy("reorder", "", 6, 12)
    assert changed.points[:2] == BASE.points[:2]
    assert BASE.with_(order_up_to_level=lambda old: old + 1).points[2].policy == Policy("reorder", "", 5, 10)


def test_a_point_that_never_ordered_follows_the_levels_it_is_given():
    changed = BASE.with_(reorder_point=np.array([1, 2, 3]), order_up_to_level=20)
    assert [point.policy for point in changed.points] == [Policy("reorder", "", level, 20) for level in (1, 2, 3)]


def test_a_new_policy_and_its_parameters_together():
    changed = BASE.with_(policy=Policy("reorder", "new", 1, 5), reorder_point={"jug": 4})
    assert [point.policy.reorder_point for point in changed.points] == [1, 1, 4]


def test_fields_of_the_scenario():
    assert BASE.named("six weeks").name == "six weeks"
    assert BASE.with_(first_weekday=3, on_hand=1).first_weekday == 3
    assert BASE.with_(points=BASE.points[:2]).points == BASE.points[:2]
    policy = Policy("reorder", order_quantity=5)
    assert BASE.with_policy({"jug": policy}) == BASE.with_(policy={"jug": policy})
    assert {point.policy for point in BASE.with_policy(policy).points} == {policy}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"leadtime": 3}, "with_ takes fields .* got 'leadtime'; did you mean 'lead_time'"),
        ({"on_hand": {"cup": 3}}, "on_hand by SKU, .* got 'cup'"),
        ({"on_hand": {("jug", "shop"): 3}}, "got 'jug at shop'"),
        ({"on_hand": -3}, "on_hand of SKU mug at dc must be at least 0, got -3"),
        ({"on_hand": 2.5}, "whole number, got 2.5"),
        ({"on_hand": np.array([1, 2])}, r"one value for each of 3 points, got shape \(2,\)"),
        ({"lead_time": uniform(-1, 1)}, "must not go below 0"),
        ({"points": (), "on_hand": 3}, "points or their columns, not both; got points and on_hand"),
    ],
)
def test_what_cannot_be_changed_is_refused(changes, message):
    with pytest.raises(ScenarioError, match=message):
        BASE.with_(**changes)


# Streams, stations, carriers, outages


def test_streams_stations_and_carriers_by_name():
    assert BASE.with_stream("online", cut_off=18 / 24).streams[0].cut_off == 0.75
    assert BASE.with_stream("online", cut_off=0.5).streams[1] == BASE.streams[1]
    assert BASE.with_station("pick", servers=6).stations[0].servers == 6
    assert BASE.with_station("pick", servers=lambda old: old + 1, service=0.5).stations[0] == Station(
        "pick", 5, constant(0.5), per_unit=0.01
    )
    assert BASE.with_carrier("post", transit=lambda old: old.scaled(2)).carriers[0].transit == uniform(2, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: BASE.with_stream("onlin", priority=1), "streams of the scenario: got 'onlin'; did you mean 'online'"),
        (lambda: BASE.with_station("pick", server=1), "station pick has no such field, got 'server'; did you mean"),
        (lambda: BASE.with_carrier("post", loss_probability=2), "loss_probability of carrier post"),
        (lambda: BASE.with_outage("dhl", 1, 2), "place of an outage"),
    ],
)
def test_unknown_names_are_refused(change, message):
    with pytest.raises(ScenarioError, match=message):
        change()


def test_outages_add_up():
    failed = BASE.with_outage("supplier", 30, 72).with_outage("pick", 1, 2).with_outage("supplier", 72, 80)
    assert failed.outages == (Outage("supplier", 30, 80), Outage("pick", 1, 2))


# Subsets


def test_a_subset_keeps_what_its_points_need_and_no_more():
    kept = BASE.with_outage("shop", 1, 2).with_outage("dc", 1, 2).subset(["mug"])
    assert kept.points == BASE.points[:2]
    assert kept.streams == BASE.streams
    assert kept.outages == (Outage("shop", 1, 2), Outage("dc", 1, 2))
    jugs = BASE.with_(streams=BASE.streams[:1]).with_outage("shop", 1, 2).with_outage("dc", 1, 2).subset("jug")
    assert jugs.points == BASE.points[2:]
    assert (jugs.streams, jugs.sites, jugs.outages) == ((), BASE.sites[:1], (Outage("dc", 1, 2),))


def test_a_subset_refuses_unknown_skus_and_half_a_stream():
    with pytest.raises(ScenarioError, match="subset must name SKUs of the scenario, got 'cup'"):
        BASE.subset(["cup"])
    both = BASE.with_stream("online", skus=("mug", "jug"), weights=(1, 1))
    with pytest.raises(ScenarioError, match="stream online asks for SKUs that are kept and for jug, which is not"):
        both.subset(["mug"])


# Factors


def test_factors_of_stock_points():
    scaled = BASE.scaled(lead_time=2.0, unit_cost=1.5, holding_cost=3)
    assert column(scaled, "lead_time") == [gamma(8, 4), constant(2), constant(2)]
    assert scaled.points[0].unit_cost == 3.0
    assert scaled.points[0].price_breaks == ((10, 2.25),)
    assert column(BASE.scaled(unit_cost={"jug": 2}), "unit_cost") == [2.0, 0.0, 0.0]
    assert BASE.scaled(patience=2, demand=1, volume=pd.Series({"mug": 1})) == BASE


def test_more_demand_is_more_customers_and_more_orders():
    scaled = BASE.scaled(demand=1.25)
    assert scaled.points[1].demand.interarrival.mean == pytest.approx(0.4)
    assert scaled.points[2].demand.size == poisson(5)
    assert [stream.interarrival.mean for stream in scaled.streams] == pytest.approx([0.08, 0.16])
    one = BASE.scaled(demand={"online": 2, ("mug", "shop"): 4})
    assert [stream.interarrival.mean for stream in one.streams] == [0.05, 0.2]
    assert [point.demand.interarrival.mean for point in one.points] == [1.0, 0.125, 1.0]


def test_less_capacity_is_slower_work():
    slow = BASE.scaled(capacity=0.8).stations[0]
    assert slow.servers == 4
    assert (slow.service.mean, slow.per_unit) == pytest.approx((0.025, 0.0125))
    assert BASE.scaled(capacity={"pick": 0.8}).stations[0] == slow
    assert BASE.scaled(transit=2).carriers[0].transit == uniform(2, 6)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"leadtime": 2}, "scaled takes factors of amounts, got 'leadtime'; did you mean 'lead_time'"),
        ({"demand": 0}, "factor of demand must be a number above 0, got 0"),
        ({"demand": -1.5}, "got -1.5"),
        ({"unit_cost": {"mug": float("inf")}}, "factor of unit_cost .* got inf"),
        ({"unit_cost": "2"}, "factor of unit_cost .* got '2'"),
        ({"unit_cost": {"cup": 2}}, "got 'cup'"),
        ({"demand": {"onlin": 2}}, "got 'onlin'"),
        ({"capacity": {"pack": 2}}, "capacity by name must name stations of the scenario, got 'pack'"),
    ],
)
def test_factors_that_mean_nothing_are_refused(factors, message):
    with pytest.raises(ScenarioError, match=message):
        BASE.scaled(**factors)


def test_a_size_that_cannot_shrink_is_refused_by_name():
    geometric_sizes = BASE.with_(demand={"jug": Demand("daily", size=geometric(2))})
    assert geometric_sizes.scaled(demand=2).points[2].demand.size == geometric(4)
    with pytest.raises(ScenarioError, match=r"demand of SKU jug at dc cannot be multiplied by 0.25: .* geometric"):
        geometric_sizes.scaled(demand=0.25)


rows = st.lists(st.integers(0, 1000), min_size=1, max_size=40)
factors = st.floats(0.01, 10)


@given(rows, factors)
@settings(deadline=None)
def test_running_totals_of_scaled_paths_are_the_old_ones_times_the_factor(row, factor):
    scaled = scaled_demand(Demand("paths", paths=[row, row[::-1]]), factor).paths
    assert (scaled >= 0).all()
    wanted = np.cumsum([row, row[::-1]], axis=1) * factor
    assert (np.abs(np.cumsum(scaled, axis=1) - wanted) <= 0.5 + 1e-9).all()


def test_replayed_events_keep_their_times():
    demand = Demand("events", times=[0.5, 1.5, 2.5], quantities=[3, 1, 2])
    scaled = scaled_demand(demand, 0.5)
    assert scaled.times is demand.times
    assert scaled.quantities.tolist() == [2, 0, 1]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True), factors)
@settings(deadline=None)
def test_scaled_sizes_stay_whole_and_keep_their_mean(values, factor):
    size = empirical(values)
    scaled = scaled_size(size, factor)
    assert scaled.whole
    assert scaled.mean == pytest.approx(size.mean * factor)


@pytest.mark.parametrize("size", [poisson(4), negative_binomial(4, 3), constant(4), discrete([0, 8], [0.5, 0.5])])
@pytest.mark.parametrize("factor", [0.3, 1.7])
def test_scaled_sizes_have_the_mean_asked_for(size, factor):
    assert scaled_size(size, factor).mean == pytest.approx(4 * factor)


def test_no_demand_stays_none():
    assert scaled_demand(Demand(), 2) == Demand()


def test_the_old_scenario_stays_as_it_was():
    before = replace(BASE)
    BASE.with_(on_hand=0).scaled(demand=3).with_outage("supplier", 1, 2).with_station("pick", servers=1).subset("jug")
    assert before == BASE
