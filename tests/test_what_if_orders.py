"""What if a warehouse were different: more orders, fewer hands, another cut-off, more returns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from data.connection import Database, open_database
from orders.model import Actor
from service.demo import make_demo_company
from service.ledger_orders import OrderFlow, Warehouse, contribution, order_flow, orders_scenario
from service.ledger_scenario import LedgerWorld, ledger_world
from service.what_if import WrongChange
from service.what_if_orders import (
    KEPT,
    OrderChanges,
    changed_orders,
    compare_orders,
    orders_headline,
    orders_table,
    promised_same_day,
    said_order_changes,
    stations_table,
)

NOW = datetime(2025, 6, 30, 16, tzinfo=UTC)
BUSY = Warehouse(pick_minutes=60, pack_minutes=30, load=0.85)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('orders') / 'demo.db'}")
    make_demo_company(database, end=date(2025, 6, 30), days=200, skus=40, actor=Actor("tester"), at=NOW)
    yield database
    database.close()


@pytest.fixture(scope="module")
def world(demo: Database) -> LedgerWorld:
    return ledger_world(demo, weeks=13, demand="forecast", at=NOW)


@pytest.fixture(scope="module")
def flow(demo: Database, world: LedgerWorld) -> OrderFlow:
    return order_flow(demo, world)


def of(world: LedgerWorld, flow: OrderFlow, **changes: Any) -> Any:
    return compare_orders(world, flow, OrderChanges(**changes), warehouse=BUSY, replications=8)


def row(comparison: Any, measure: str) -> Any:
    return orders_table(comparison).set_index("measure").loc[measure]


def test_a_warehouse_as_it_is_has_the_orders_of_the_ledger(world: LedgerWorld, flow: OrderFlow) -> None:
    comparison = of(world, flow)
    assert len(comparison.results) == 1
    orders = row(comparison, "orders a day")
    assert orders.base == pytest.approx(flow.orders_per_day, abs=3 * orders.base_half_width)
    assert (orders_table(comparison)[["difference", "half_width"]] == 0).all(axis=None)
    back = row(comparison, "parcels that come back")
    assert back.base == pytest.approx(flow.returned_share, rel=0.5)
    assert "Change something" in orders_headline(comparison)


def test_more_orders_for_the_same_hands_wait_longer(world: LedgerWorld, flow: OrderFlow) -> None:
    comparison = of(world, flow, orders=1.3)
    assert [one.servers for one in comparison.results[0].scenario.stations] == [
        one.servers for one in comparison.results[1].scenario.stations
    ]
    table = stations_table(comparison).set_index(["scenario", "station"])
    assert table.loc[("changed", "pick"), "utilisation"] > 1.1 * table.loc[("as it is", "pick"), "utilisation"]
    assert table.loc[("changed", "pick"), "wait_hours"] > table.loc[("as it is", "pick"), "wait_hours"]
    assert row(comparison, KEPT).difference < 0
    assert "With orders × 1.3, promises kept go from" in orders_headline(comparison)


def test_faster_stations_work_less_of_their_time(world: LedgerWorld, flow: OrderFlow) -> None:
    table = stations_table(of(world, flow, capacity=1.5)).set_index(["scenario", "station"])
    before, after = (table.loc[(name, "pick"), "utilisation"] for name in ("as it is", "changed"))
    assert after == pytest.approx(before / 1.5, rel=0.03)


def test_a_later_cut_off_promises_the_same_day_to_more(world: LedgerWorld, flow: OrderFlow) -> None:
    assert promised_same_day(flow, BUSY, 24 - 1e-9) == pytest.approx(5 / 7)
    assert promised_same_day(flow, BUSY, 18) > promised_same_day(flow, BUSY)
    comparison = of(world, flow, cut_off=18.0, closes=20.0)
    assert said_order_changes(comparison) == [
        "the cut-off at 18:00 instead of 14:00",
        "work and pick-up until 20:00 instead of 18:00",
    ]
    assert "The same day is promised to" in orders_headline(comparison)


def test_twice_the_returns_cost_what_is_left_of_sales(world: LedgerWorld, flow: OrderFlow) -> None:
    comparison = of(world, flow, returns=2.0)
    back = row(comparison, "parcels that come back")
    assert back.changed == pytest.approx(2 * back.base, rel=0.4)
    assert row(comparison, "left of sales").difference < 0


def test_what_is_left_of_sales_adds_up(world: LedgerWorld, flow: OrderFlow) -> None:
    from simulation.run import simulate

    scenario = orders_scenario(world, flow)
    result = simulate(scenario, days=60, replications=2, seed=3)
    sums, parcels = result.tallies.points, result.tallies.streams.parcels[:, 0]
    expected = -5.0 * parcels - 20.0 * 24 * (result.tallies.stations.working_ticks.sum(axis=1) / 86_400_000)
    for number, point in enumerate(scenario.points):
        sold = sums.filled[:, number] + sums.served_late[:, number] - sums.restocked[:, number]
        expected += sold * (point.unit_price - point.unit_cost) - sums.written_off[:, number] * point.unit_price
    np.testing.assert_allclose(contribution(scenario, result.tallies), expected)


def test_orders_are_learnt_on_both_databases(company: Any) -> None:
    first = date(2024, 1, 1)
    company.orders(
        [
            {
                "order_id": f"{day}",
                "order_date": f"{first + timedelta(days=day)} {8 + day % 10:02d}:30:00",
                "customer_id": "c",
                "sku": "AB"[day % 2],
                "quantity": 1 + day % 3,
                "unit_price": "3.00",
                "country": "DE",
            }
            for day in range(200)
        ]
    )
    world = ledger_world(company.database, weeks=4, demand="forecast", paths=5)
    flow = order_flow(company.database, world)
    assert flow.orders_per_day == pytest.approx(1)
    assert flow.hours == ((0, 1, 2, 3, 4, 5, 6), 8.0, 18.0)
    assert (flow.lines.tolist(), flow.units.mean()) == ([1.0] * 91, pytest.approx(2, abs=0.1))
    assert (flow.returned_share, flow.lost_share, len(flow.transit)) == (0.0, 0.0, 0)
    comparison = compare_orders(world, flow, OrderChanges(), replications=3)
    assert row(comparison, "orders a day").base == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"orders": 0}, "orders must be a factor above 0 and at most 10, got 0"),
        ({"capacity": -1}, "capacity must be a factor above 0"),
        ({"returns": 11}, "returns must be a factor above 0"),
        ({"cut_off": 25}, "cut_off must be an hour between 0 and 24, got 25"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongChange, match=said):
        OrderChanges(**wrong)


def test_a_day_that_closes_before_it_opens_is_refused(world: LedgerWorld, flow: OrderFlow) -> None:
    with pytest.raises(WrongChange, match="closes must be after 8:00, when the day opens, got 7"):
        changed_orders(world, flow, OrderChanges(closes=7.0))
