"""Measures of a simulation, from sums written down by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulation.distributions import constant, exponential
from simulation.results import Comparison, SimulationResult
from simulation.scenario import Calendar, Carrier, OrderStream, Returns, Scenario, Station, StockPoint
from simulation.scenario_measures import (
    COST_KINDS,
    costs,
    histogram_quantile,
    open_days,
    overall_measures,
    point_costs,
    point_measures,
    station_measures,
    stream_measures,
)
from simulation.tallies import WAIT_BINS, Tallies, empty_tallies

DAY = 86_400_000
SHIFTS = Calendar(shifts=tuple((weekday, 0.25, 0.75) for weekday in range(5)))
TWO_POINTS = Scenario(
    points=(
        StockPoint(
            "cup",
            unit_cost=2.0,
            unit_price=5.0,
            order_cost=20.0,
            holding_cost=0.1,
            shortage_cost=3.0,
            spoilage_cost=2.5,
        ),
        StockPoint("jug", unit_cost=10.0, unit_price=30.0, order_cost=5.0, backorder_cost=1.5, on_shortage="backorder"),
    )
)
SHOP = Scenario(
    streams=(
        OrderStream(
            "web", exponential(0.1), route=("pick",), carrier="post", returns=Returns(0.1, cost_per_return=6.0)
        ),
    ),
    stations=(Station("pick", 2, constant(0.1), cost_per_hour=20.0, calendar=SHIFTS),),
    carriers=(Carrier("post", cost_per_parcel=4.0),),
)


def two_points() -> Tallies:
    """Two replications of 10 days."""
    tallies = empty_tallies(2, 2, 0, 0, days=10.0, first=0)
    sums = tallies.points
    sums.demand[:] = [[100, 10], [300, 10]]
    sums.filled[:] = [[90, 5], [210, 5]]
    sums.lost[:] = [[10, 0], [90, 0]]
    sums.served_late[:] = [[0, 4], [0, 5]]
    sums.wait[:] = [[0, 8 * DAY], [0, 10 * DAY]]
    sums.demand_events[:] = [[50, 10], [50, 10]]
    sums.filled_events[:] = [[45, 5], [25, 5]]
    sums.cycles[:] = [[4, 1], [6, 1]]
    sums.stock_out_cycles[:] = [[1, 1], [2, 1]]
    sums.orders[:] = [[4, 1], [6, 1]]
    sums.received[:] = [[100, 10], [220, 10]]
    sums.spoiled[:] = [[2, 0], [6, 0]]
    sums.on_hand_ticks[:] = [[200 * DAY, 10 * DAY], [100 * DAY, 30 * DAY]]
    sums.on_order_ticks[:] = [[50 * DAY, 0], [70 * DAY, 0]]
    sums.backordered_ticks[:] = [[0, 8 * DAY], [0, 12 * DAY]]
    sums.in_stock_ticks[:] = [[9 * DAY, 4 * DAY], [7 * DAY, 6 * DAY]]
    sums.no_backorder_ticks[:] = [[10 * DAY, 5 * DAY], [10 * DAY, 5 * DAY]]
    sums.on_order_end[:] = [[40, 0], [60, 10]]
    tallies.purchase_cost[:] = [[200.0, 100.0], [440.0, 100.0]]
    return tallies


def result_of(scenario: Scenario, tallies: Tallies) -> SimulationResult:
    return SimulationResult(scenario, tallies, seed=1, executor="plain")


@pytest.mark.parametrize(
    ("name", "cup", "jug"),
    [
        ("fill_rate", 300 / 400, 10 / 20),
        ("value_fill_rate", 300 / 400, 10 / 20),
        ("line_fill_rate", 70 / 100, 10 / 20),
        ("cycle_service_level", 7 / 10, 0.0),
        ("ready_rate", 0.8, 0.5),
        ("stock_out_share", 0.2, 0.5),
        ("no_backorder_share", 1.0, 0.5),
        ("lost_share", 0.25, 0.0),
        ("average_on_hand", 15.0, 2.0),
        ("average_on_order", 6.0, 0.0),
        ("average_backorders", 0.0, 1.0),
        ("average_stock_value", 30.0, 20.0),
        ("mean_wait", 0.0, 18 / 20),
        ("backorder_age", np.nan, 2.0),
        ("turns", 300 * 365 / 300, 19 * 365 / 40),
        ("orders_per_week", 3.5, 0.7),
        ("lost_margin", 150.0, 0.0),
        ("spoiled_share", 8 / 320, 0.0),
        ("ending_pipeline", 50.0, 5.0),
    ],
)
def test_measures_of_a_stock_point_are_ratios_of_sums_over_replications(name: str, cup: float, jug: float) -> None:
    found = point_measures(TWO_POINTS, two_points())[name].estimates().mean
    assert found == pytest.approx([cup, jug], nan_ok=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fill_rate", 310 / 420),
        ("value_fill_rate", (300 * 5 + 10 * 30) / (400 * 5 + 20 * 30)),
        ("cycle_service_level", 7 / 12),
        ("ready_rate", 0.65),
        ("average_on_hand", 17.0),
        ("average_stock_value", 50.0),
        ("turns", (300 * 2 + 19 * 10) * 365 / (300 * 2 + 40 * 10)),
        ("mean_wait", 18 / 420),
        ("orders_per_week", 4.2),
        ("lost_margin", 150.0),
        ("ending_pipeline", 55.0),
        ("holding_cost", 1.5),
        ("total_cost", 1.5 + (10 * 20 + 2 * 5) / 20 + 840 / 20 + 100 * 3 / 20 + 20 * 1.5 / 20 + 8 * 2.5 / 20),
    ],
)
def test_overall_measures_weigh_stock_points_by_what_they_count(name: str, expected: float) -> None:
    assert result_of(TWO_POINTS, two_points()).estimate(name).mean == pytest.approx(expected)


def test_costs_per_day_add_up_to_their_total() -> None:
    found = {kind: float(one.estimates().mean[0]) for kind, one in costs(TWO_POINTS, two_points()).items()}
    assert found["total"] == pytest.approx(sum(found[kind] for kind in COST_KINDS))
    assert found == pytest.approx(
        {
            "holding": 300 * 0.1 / 20,
            "ordering": 210 / 20,
            "purchase": 840 / 20,
            "shortage": 300 / 20,
            "backorder": 30 / 20,
            "spoilage": 20 / 20,
            "transport": 0.0,
            "returns": 0.0,
            "labour": 0.0,
            "total": found["total"],
        }
    )


def test_goods_from_another_site_are_bought_once() -> None:
    scenario = Scenario(points=(StockPoint("cup", "dc"), StockPoint("cup", "store", source="dc")))
    tallies = empty_tallies(1, 2, 0, 0, days=10.0, first=0)
    tallies.purchase_cost[:] = [[200.0, 150.0]]
    assert point_costs(scenario, tallies)["purchase"].estimates().mean.tolist() == [20.0, 0.0]
    assert float(costs(scenario, tallies)["purchase"].estimates().mean[0]) == 20.0


def test_the_interval_of_a_mean_over_replications_is_students() -> None:
    # Two values, 20 and 10: mean 15, sd √50, and t of one degree of freedom at 97.5 % is 12.7062.
    found = result_of(TWO_POINTS, two_points()).by_point.set_index(["sku", "measure"])
    row = found.loc[("cup", "average_on_hand")]
    assert row["half_width"] == pytest.approx(12.7062047 * np.sqrt(50) / np.sqrt(2))
    assert (row["lower"], row["upper"]) == pytest.approx((15 - row["half_width"], 15 + row["half_width"]))


def test_one_replication_has_no_interval() -> None:
    tallies = empty_tallies(1, 2, 0, 0, days=10.0, first=0)
    assert result_of(TWO_POINTS, tallies).measures["half_width"].isna().all()


def test_measures_without_anything_to_divide_by_are_nan_and_nothing_warns() -> None:
    frame = result_of(TWO_POINTS, empty_tallies(3, 2, 0, 0, days=5.0, first=0)).measures.set_index("measure")
    assert np.isnan(frame.loc["fill_rate", "mean"])
    assert frame.loc["total_cost", "mean"] == 0.0


def shop() -> Tallies:
    """Two replications of a week after a warm-up of a week."""
    tallies = empty_tallies(2, 0, 1, 1, days=7.0, first=0)
    orders, pick = tallies.streams, tallies.stations
    orders.orders[:], orders.done[:], orders.delivered[:] = [[12], [10]], [[10], [10]], [[9], [10]]
    orders.on_time[:], orders.in_full[:], orders.on_time_in_full[:] = [[8], [9]], [[8], [10]], [[7], [9]]
    orders.cancelled[:] = [[1], [0]]
    orders.time_in_system[:] = [[27 * DAY], [11 * DAY]]
    orders.parcels[:], orders.parcels_late[:], orders.parcels_lost[:] = [[11], [11]], [[1], [0]], [[0], [2]]
    orders.returns[:] = [[1], [3]]
    pick.arrivals[:], pick.turned_away[:], pick.started[:] = [[12], [8]], [[2], [0]], [[10], [8]]
    pick.waited[:], pick.wait[:] = [[4], [2]], [[2 * DAY], [DAY]]
    pick.working_ticks[:], pick.busy_ticks[:], pick.queue_ticks[:] = [[DAY], [2 * DAY]], [[2 * DAY], [4 * DAY]], 7 * DAY
    return tallies


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("on_time_in_full", 16 / 20),
        ("on_time", 17 / 20),
        ("in_full", 18 / 20),
        ("cancelled_share", 1 / 20),
        ("order_time", 2.0),
        ("orders_per_day", 22 / 14),
        ("parcels_per_order", 1.1),
        ("parcels_late_share", 1 / 22),
        ("parcels_lost_share", 2 / 22),
        ("returned_share", 4 / 22),
    ],
)
def test_measures_of_orders_count_those_that_ended(name: str, expected: float) -> None:
    assert stream_measures(shop())[name].estimates().mean == pytest.approx([expected])
    assert overall_measures(SHOP, shop())[name].estimates().mean == pytest.approx([expected])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wait", 3 / 18),
        ("wait_probability", 6 / 18),
        ("utilisation", 3 / (2 * 2 * 2.5)),
        ("queue_length", 1.0),
        ("in_system", 1.0 + 6 / 14),
        ("time_in_system", 9 / 18),
        ("turned_away_share", 2 / 20),
        ("arrivals_per_day", 20 / 14),
    ],
)
def test_measures_of_stations(name: str, expected: float) -> None:
    assert station_measures(SHOP, shop(), warm_up_days=7.0)[name].estimates().mean == pytest.approx([expected])


def test_costs_of_work_parcels_and_returns() -> None:
    found = {kind: float(one.estimates().mean[0]) for kind, one in costs(SHOP, shop()).items()}
    assert (found["labour"], found["transport"], found["returns"]) == pytest.approx(
        (3 * 24 * 20 / 14, 22 * 4 / 14, 4 * 6 / 14)
    )


def test_open_time_counts_shifts_within_the_measured_days_only() -> None:
    # Day 0 is a Friday here: of days 0.5 to 4.5 only half of Friday's shift, all Monday's and half of Tuesday's count.
    assert open_days(SHIFTS, 4, 0.5, 4.5) == pytest.approx(0.25 + 0.5 + 0.25)
    assert open_days(Calendar(), 4, 0.5, 4.5) == 4.0


def test_the_wait_quantile_is_that_of_the_waits_themselves() -> None:
    waits = np.random.default_rng(3).exponential(2.0 * DAY, 20_000).astype(np.int64)
    waits[:8_000] = 0
    bins = np.minimum(np.floor(64 * np.log2(1.0 + waits)), WAIT_BINS - 1).astype(int)
    counts = np.bincount(bins, minlength=WAIT_BINS).astype(float)
    for chance in (0.5, 0.9, 0.95, 0.99):
        assert histogram_quantile(counts, chance) == pytest.approx(np.quantile(waits, chance) / DAY, rel=5e-3)
    assert histogram_quantile(counts, 0.3) == 0.0
    assert np.isnan(histogram_quantile(np.zeros(WAIT_BINS), 0.5))


def test_the_wait_quantile_has_an_interval_from_replications() -> None:
    tallies, luck = shop(), np.random.default_rng(4)
    many = empty_tallies(40, 0, 1, 1, days=7.0, first=0)
    for replication in range(40):
        waits = luck.exponential(DAY, 400)
        np.add.at(many.stations.wait_histogram[replication, 0], np.floor(64 * np.log2(1 + waits)).astype(int), 1)
    found = station_measures(SHOP, many)["wait_p95"].estimates()[0]
    # The quantile of 16,000 independent exponential waits has standard error √(0.05 · 0.95 / n) / density.
    error = np.sqrt(0.05 * 0.95 / 16_000) / 0.05
    assert found.mean == pytest.approx(-np.log(0.05), abs=4 * error)
    assert found.half_width == pytest.approx(2.0227 * error, rel=0.3)
    assert np.isnan(station_measures(SHOP, tallies)["wait_p95"].estimates().mean[0])


def test_differences_under_the_same_luck_are_narrower_than_their_measures() -> None:
    one, other = two_points(), two_points()
    other.points.on_hand_ticks[:] += DAY
    first, second = result_of(TWO_POINTS, one), result_of(replace(TWO_POINTS, name="more"), other)
    row = Comparison((first, second)).of("average_on_hand").loc["more"]
    assert (row["difference"], row["difference_half_width"]) == pytest.approx((0.2, 0.0))
    assert row["half_width"] > 10


def test_intervals_that_hold_together_are_wider() -> None:
    one, other = two_points(), two_points()
    other.points.on_hand_ticks[0] += DAY
    results = tuple(
        result_of(replace(TWO_POINTS, name=name), tallies) for name, tallies in (("a", one), ("b", other), ("c", one))
    )
    alone = Comparison(results).of("average_on_hand").loc["b", "difference_half_width"]
    together = Comparison(results, bonferroni=True).of("average_on_hand").loc["b", "difference_half_width"]
    # t of one degree of freedom: 12.706 at 97.5 %, 25.452 at 98.75 %.
    assert together / alone == pytest.approx(25.4517 / 12.7062, rel=1e-4)


def test_frames_are_tidy() -> None:
    result = result_of(TWO_POINTS, two_points())
    columns = ["measure", "mean", "half_width", "lower", "upper"]
    assert list(result.measures) == columns
    assert list(result.by_point) == ["sku", "site", *columns]
    assert list(result.costs) == ["kind", *columns[1:]]
    assert result.by_stream.empty
    assert list(result.by_stream) == ["stream", *columns]
    assert not result.by_point.duplicated(["sku", "site", "measure"]).any()
    assert list(result.by_replication["fill_rate"]) == pytest.approx([95 / 110, 215 / 310])
    assert result.quantiles("fill_rate", [0.5])["value"].iloc[0] == pytest.approx((95 / 110 + 215 / 310) / 2)


def test_every_measure_is_explained_on_the_page() -> None:
    page = (Path(__file__).parent.parent / "docs" / "simulation" / "README.md").read_text(encoding="utf-8")
    named = [*overall_measures(TWO_POINTS, two_points()), *stream_measures(shop()), *station_measures(SHOP, shop())]
    assert [name for name in named if f"`{name}`" not in page] == []


def test_an_unknown_measure_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"measure must be one of fill_rate, .*, got service"):
        result_of(TWO_POINTS, two_points()).estimate("service")
    with pytest.raises(ValueError, match="run with daily=True"):
        _ = result_of(TWO_POINTS, two_points()).daily
    with pytest.raises(ValueError, match="run with log=True"):
        _ = result_of(TWO_POINTS, two_points()).log
