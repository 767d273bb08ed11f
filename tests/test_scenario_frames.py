"""Scenarios from pandas frames: each row goes where it belongs, and what does not belong is refused by name."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.distributions import constant, empirical, gamma
from simulation.scenario import Demand, Policy, Scenario, Site, StockPoint
from simulation.scenario_checks import ScenarioError

ITEMS = pd.DataFrame({"sku": ["mug", "mug", "jug"], "site": ["dc", "shop", "dc"], "on_hand": [10, 3, 7]})
SIMPLE = pd.DataFrame({"sku": ["mug", "jug"]})


def rows(**columns):
    return pd.DataFrame(columns)


def paths(scenario):
    return [point.demand.paths.tolist() for point in scenario.points]


def test_columns_of_stock_points():
    items = ITEMS.assign(
        source=["supplier", "dc", "supplier"],
        unit_cost=[1.5, 2.5, 3.5],
        lead_time=[3.0, 1.0, 2.5],
        pack_size=[1.0, 6.0, 12.0],
        whole_day_lead_time=[True, False, True],
        on_shortage="backorder",
    )
    made = Scenario.from_frames(items, name="ours", sites=[Site("dc", "priority")])
    assert made == Scenario(
        "ours",
        tuple(
            StockPoint(
                sku,
                site,
                source,
                on_hand=on_hand,
                unit_cost=cost,
                lead_time=constant(days),
                pack_size=pack,
                whole_day_lead_time=whole,
                on_shortage="backorder",
            )
            for sku, site, source, on_hand, cost, days, pack, whole in [
                ("mug", "dc", "supplier", 10, 1.5, 3.0, 1, True),
                ("mug", "shop", "dc", 3, 2.5, 1.0, 6, False),
                ("jug", "dc", "supplier", 7, 3.5, 2.5, 12, True),
            ]
        ),
        (Site("dc", "priority"),),
    )


def test_only_skus_are_needed():
    assert Scenario.from_frames(SIMPLE) == Scenario(points=(StockPoint("mug"), StockPoint("jug")))
    assert Scenario.from_frames(rows(sku=[101, 102])).points[1].sku == "102"


def test_what_a_frame_of_the_trade_holds_is_plain_inside():
    made = Scenario.from_frames(SIMPLE.assign(on_hand=pd.array([5, 6], dtype="Int64"), unit_cost=Decimal("2.50")))
    assert [type(made.points[0].on_hand), made.points[0].unit_cost] == [int, 2.5]
    assert Scenario.from_json(made.to_json()) == made


def test_distributions_in_a_column_and_a_standard_deviation_beside_the_mean():
    assert Scenario.from_frames(SIMPLE.assign(lead_time=[gamma(3, 1), 4])).points[1].lead_time == constant(4)
    made = Scenario.from_frames(SIMPLE.assign(lead_time=[3.0, 4], lead_time_sd=[1.0, 0]))
    assert [point.lead_time for point in made.points] == [gamma(3, 1), constant(4)]


def test_levels_in_columns_are_the_policy():
    made = Scenario.from_frames(
        SIMPLE.assign(reorder_point=[4, 5], order_up_to_level=[9.0, 9.0], review_period_days=1.0)
    )
    assert [point.policy for point in made.points] == [
        Policy("reorder", "", 4, 9, 0, 1.0),
        Policy("reorder", "", 5, 9, 0, 1.0),
    ]


# Demand


def test_demand_by_day_adds_up_rows_of_one_day_and_fills_the_days_without():
    demand = rows(sku=["mug", "jug", "mug", "mug"], day=[0, 3, 1, 1], units=[5, 2, 1, 3])
    assert paths(Scenario.from_frames(SIMPLE, demand)) == [[[5, 4, 0, 0]], [[0, 0, 0, 2]]]
    assert paths(Scenario.from_frames(SIMPLE, demand, days=5))[0] == [[5, 4, 0, 0, 0]]


def test_dates_begin_with_the_first_and_set_the_weekday():
    demand = rows(sku=["mug", "jug"], date=["2026-11-26", "2026-11-24 13:00"], units=[5, 2])
    made = Scenario.from_frames(SIMPLE, demand)
    assert paths(made) == [[[0, 0, 5]], [[2, 0, 0]]]
    assert made.first_weekday == 1  # a Tuesday
    earlier = Scenario.from_frames(SIMPLE, demand, start="2026-11-23")
    assert paths(earlier)[0] == [[0, 0, 0, 5]]
    assert earlier.first_weekday == 0


def test_dates_with_a_time_zone_are_local():
    dates = pd.to_datetime(["2026-11-24 23:30", "2026-11-25 00:30"]).tz_localize("Europe/Berlin")
    made = Scenario.from_frames(SIMPLE, rows(sku=["mug", "mug"], date=dates, units=[5, 2]), start="2026-11-24")
    assert paths(made)[0] == [[5, 2]]


def test_demand_by_site():
    demand = rows(sku=["mug", "mug"], site=["shop", "dc"], day=[0, 1], units=[5, 2])
    assert paths(Scenario.from_frames(ITEMS, demand)) == [[[0, 2]], [[5, 0]], [[0, 0]]]


def test_a_site_may_be_left_out_where_the_sku_says_which():
    items = ITEMS.iloc[1:]
    assert paths(Scenario.from_frames(items, rows(sku=["jug"], day=[0], units=[4]))) == [[[0]], [[4]]]
    with pytest.raises(ScenarioError, match="demand must have a column 'site'"):
        Scenario.from_frames(ITEMS, rows(sku=["jug"], day=[0], units=[4]))


def test_several_futures():
    demand = rows(sku=["mug", "mug", "jug"], path=[0, 2, 1], day=[0, 1, 0], units=[5, 2, 9])
    made = Scenario.from_frames(SIMPLE, demand)
    assert paths(made) == [[[5, 0], [0, 0], [0, 2]], [[0, 0], [9, 0], [0, 0]]]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 99)), min_size=1, max_size=30))
@settings(deadline=None, max_examples=30)
def test_demand_equals_the_pivot_table(entries):
    keys = list(zip(ITEMS["sku"], ITEMS["site"], strict=True))
    demand = pd.DataFrame(
        [(*keys[position], day, units) for position, day, units in entries], columns=["sku", "site", "day", "units"]
    )
    made = Scenario.from_frames(ITEMS, demand, days=10)
    wanted = demand.pivot_table(index=["sku", "site"], columns="day", values="units", aggfunc="sum", fill_value=0)
    wanted = wanted.reindex(index=pd.MultiIndex.from_tuples(keys), columns=range(10), fill_value=0)
    np.testing.assert_array_equal([point.demand.paths[0] for point in made.points], wanted)


def test_no_demand_is_none_and_empty_demand_is_nothing():
    assert Scenario.from_frames(SIMPLE).points[0].demand == Demand()
    assert paths(Scenario.from_frames(SIMPLE, rows(sku=[], day=[], units=[]), days=2)) == [[[0, 0]], [[0, 0]]]


# Lead times and what is under way


def test_observed_lead_times_by_sku_or_source():
    seen = rows(sku=["mug", "mug", "jug"], days=[3, 5, 4.0])
    made = Scenario.from_frames(SIMPLE, lead_times=seen)
    assert [point.lead_time for point in made.points] == [empirical([3, 5]), empirical([4])]
    items = SIMPLE.assign(source=["north", "south"], lead_time=2)
    made = Scenario.from_frames(items, lead_times=rows(source=["north", "north"], days=[1, 6]))
    assert [point.lead_time for point in made.points] == [empirical([1, 6]), constant(2)]


def test_pipeline_by_day_or_date():
    under_way = rows(sku=["jug", "mug", "jug", "jug"], day=[3.5, 1, 2, 4], units=[5, 6, 7, 0])
    made = Scenario.from_frames(SIMPLE, pipeline=under_way)
    assert [point.pipeline for point in made.points] == [((1.0, 6),), ((2.0, 7), (3.5, 5))]
    dated = rows(sku=["jug"], date=pd.to_datetime(["2026-11-26"]), units=[5])
    assert Scenario.from_frames(SIMPLE, pipeline=dated, start="2026-11-24").points[1].pipeline == ((2.0, 5),)


# Refusals


DEMAND = rows(sku=["mug"], day=[0], units=[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SIMPLE.assign(onhand=1),), "items has an unknown column, got 'onhand'; did you mean 'on_hand'"),
        ((rows(name=["mug"]),), "items has an unknown column, got 'name'"),
        ((rows(on_hand=[3]),), "items must have a column 'sku', got on_hand"),
        ((rows(sku=["mug", "mug"]),), "items has SKU mug at site twice"),
        ((SIMPLE.assign(on_hand=[1, 2.5]),), "on_hand of SKU jug at site must be a whole number, got .*2.5"),
        ((SIMPLE.assign(on_hand=[1, None]),), "on_hand of SKU jug at site must be a whole number, got .*nan"),
        ((SIMPLE.assign(unit_cost=[1, None]),), "unit_cost of SKU jug at site must be a finite number, got nan"),
        ((SIMPLE.assign(lead_time=[1, -2.0]),), "lead_time of SKU jug at site must not go below 0"),
        ((SIMPLE.assign(lead_time_sd=1),), "lead_time_sd, which needs a column lead_time"),
        ((SIMPLE.assign(lead_time=3, lead_time_sd=-1),), "lead_time of SKU mug at site: sd of gamma"),
        ((SIMPLE.assign(review_period_days=7),), "review_period_days, which needs a column reorder_point"),
        ((SIMPLE.assign(policy=Policy(), reorder_point=3),), "both a column policy and reorder_point"),
        ((SIMPLE, DEMAND.assign(unit=1)), "demand has an unknown column, got 'unit'; did you mean 'units'"),
        ((SIMPLE, DEMAND.drop(columns="units")), "demand must have a column 'units'"),
        ((SIMPLE, DEMAND.drop(columns="day")), "demand must have a column day or date"),
        ((SIMPLE, DEMAND.assign(date="2026-01-01")), "demand must have a column day or date, one of them"),
        (
            (SIMPLE, DEMAND.drop(columns="day").assign(date="24.11.2026")),
            "date of demand must hold dates: .*24.11.2026",
        ),
        ((SIMPLE, DEMAND.drop(columns="day").assign(date=None)), "date of demand must be a date"),
        ((SIMPLE, DEMAND.assign(sku="cup")), "demand must be of stock points in items, got 'cup'"),
        ((ITEMS, DEMAND.assign(site="north")), "demand must be of stock points in items, got 'mug at north'"),
        ((SIMPLE, DEMAND.assign(day=-1)), "day of demand in row 0 must not lie before day 0, got -1"),
        ((SIMPLE, DEMAND.assign(day=None)), "day of demand in row 0"),
        ((SIMPLE, DEMAND.assign(units=1.5)), "units of demand in row 0 must be a whole number, got .*1.5"),
        ((SIMPLE, DEMAND.assign(units=-1)), "units of demand in row 0 must be at least 0, got -1"),
        ((SIMPLE, DEMAND.assign(path=-1)), "path of demand must be numbered from 0, got -1"),
        ((SIMPLE, DEMAND.assign(path=2**40)), "must not fill more than"),
        ((SIMPLE, None, rows(sku=["mug"], days=[3])), "SKU jug at site must have rows in lead_times, or a lead_time"),
        ((SIMPLE, None, rows(days=[3])), "lead_times must have a column sku, site or source"),
        ((SIMPLE, None, rows(source=["supplier"], days=[3])), "has a column 'source', which items must have too"),
        ((SIMPLE, None, rows(sku=["mug"], days=[np.nan])), "lead_times of .*mug.*finite"),
        (
            (SIMPLE, None, None, rows(sku=["mug"], date=["2026-01-01"], units=[3])),
            "pipeline has dates, which need start",
        ),
        ((SIMPLE, None, None, rows(sku=["mug"], day=[1], units=[-3])), "units of the pipeline of SKU mug at site"),
    ],
)
def test_refuses_by_name(arguments, message):
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_frames(*arguments)


def test_refuses_dates_before_the_start_and_days_after_the_end():
    demand = rows(sku=["mug"], date=["2026-11-20"], units=[1])
    with pytest.raises(
        ScenarioError, match=r"date of demand in row 0 must not lie before day 0 \(2026-11-24\), got 2026"
    ):
        Scenario.from_frames(SIMPLE, demand, start="2026-11-24")
    with pytest.raises(ScenarioError, match=r"demand must end by day 2 \(days\), got day 5"):
        Scenario.from_frames(SIMPLE, DEMAND.assign(day=5), days=2)
    with pytest.raises(ScenarioError, match="start must be a date, got 'soon'"):
        Scenario.from_frames(SIMPLE, demand, start="soon")
