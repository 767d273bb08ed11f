"""What if: the ledger as a scenario, changes to it, the comparison under one luck, and questions kept by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from data import position_rows
from data.connection import Database, open_database
from orders.errors import InvalidRequest, UnknownThing
from orders.model import Actor
from service.demand_paths import demand_paths, weekday_shares
from service.demo import make_demo_company
from service.ledger_orders import NoOrdersThere, Warehouse, order_flow, orders_scenario, said_flow
from service.ledger_scenario import LedgerWorld, assumptions, ledger_world, scenario_of
from service.planning import make_plan, scenario_from_ledger
from service.planning_inputs import closing_moment
from service.stock_levels import planned_band
from service.what_if import (
    Changes,
    WrongChange,
    changed_inputs,
    changed_scenario,
    changes_from_text,
    chosen_items,
    planned_for,
    said_changes,
    scaled_forecasts,
)
from service.what_if_comparison import (
    AS_PLANNED,
    COSTS,
    FILL_RATE,
    STOCK,
    Comparison,
    compare,
    costs_by_kind,
    headline,
    items_hit,
    measures_table,
    said_measures,
    stock_fan,
)
from service.what_if_runs import remove_what_if, save_what_if, saved_what_ifs

ACTOR, END = Actor("tester"), date(2025, 6, 30)
NOW = datetime(2025, 6, 30, 16, tzinfo=UTC)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("what-if") / "demo.db"
    database = open_database(f"sqlite:///{path}")
    make_demo_company(database, end=END, days=300, skus=30, actor=ACTOR, at=NOW)
    make_plan(database, actor=ACTOR, at=NOW)
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return path


@pytest.fixture(scope="module")
def demo(file: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{file}")
    yield database
    database.close()


@pytest.fixture(scope="module")
def world(demo: Database) -> LedgerWorld:
    return ledger_world(demo, weeks=8, demand="forecast", paths=30, at=NOW)


@pytest.fixture(scope="module")
def replayed(demo: Database) -> LedgerWorld:
    return ledger_world(demo, weeks=8)


@pytest.fixture(scope="module")
def doubled(world: LedgerWorld) -> Comparison:
    return compare(world, Changes(lead_time=2, plans_anew=True))


def row(comparison: Comparison, measure: str, scenario: str) -> Any:
    table = measures_table(comparison).set_index(["scenario", "measure"])
    return table.loc[(scenario, measure)]


# From the ledger to a scenario


def test_a_scenario_holds_what_the_plan_recommends(demo: Database, world: LedgerWorld) -> None:
    scenario = scenario_of(world)
    with demo.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT s.display_code, p.code, r.reorder_point, r.order_up_to_level FROM recommendation r"
                " JOIN sku s ON s.id = r.sku_id JOIN location p ON p.id = r.location_id"
            )
        ).all()
    planned = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    assert len(scenario.points) > 30
    for point in scenario.points:
        policy = point.policy
        assert (policy.reorder_point, policy.order_up_to_level) == planned[point.sku, point.site]
        assert (policy.kind, policy.review_period_days, policy.first_review_day) == ("reorder", 7.0, 0.0)
        assert point.on_shortage == "lost"
        assert point.whole_day_lead_time
    assert scenario.first_weekday == (world.known.as_of + timedelta(days=1)).weekday()


def test_costs_are_those_of_the_terms(world: LedgerWorld) -> None:
    for point, item in zip(scenario_of(world).points, world.items.itertuples(), strict=True):
        assert point.unit_cost == pytest.approx(item.unit_cost)
        assert point.holding_cost * 365.25 == pytest.approx(0.25 * item.unit_cost)
        assert point.order_cost == 0
        assert point.shortage_cost == pytest.approx(max(item.unit_price - item.unit_cost, 0))
        assert point.lead_time.mean == pytest.approx(max(item.lead_time_days, 1))
        assert point.lead_time.sd == pytest.approx(item.lead_time_sd_days, rel=1e-6)


def test_what_is_under_way_is_all_there_by_the_day_it_is_expected(demo: Database, world: LedgerWorld) -> None:
    with demo.reading() as connection:
        rows = position_rows.on_order(connection, closed_at=closing_moment(world.known.as_of, "Europe/Berlin"))
    kept = world.known.points.iloc[world.items["point"]][["sku_id", "location_id"]]
    expected = kept.merge(rows[rows["status"] != "draft"], how="left")["on_order"].sum()
    scenario = scenario_of(world)
    assert sum(units for point in scenario.points for _, units in point.pipeline) == expected > 0
    assert all(day >= 0 for point in scenario.points for day, _ in point.pipeline)


def test_replayed_weeks_end_on_the_last_day_and_are_one_path(demo: Database, replayed: LedgerWorld) -> None:
    scenario = scenario_from_ledger(demo, weeks=8)
    assert scenario == scenario_of(replayed)
    assert replayed.starts + timedelta(days=55) == date(2025, 6, 29)
    with demo.reading() as connection:
        sold = connection.execute(
            text(
                "SELECT sum(l.quantity - l.quantity_cancelled) FROM order_line l"
                " JOIN sales_order o ON o.id = l.sales_order_id WHERE o.business_date BETWEEN :first AND :last"
            ),
            {"first": str(replayed.starts), "last": "2025-06-29"},
        ).scalar_one()
    units = sum(int(point.demand.paths.sum()) for point in scenario.points if point.demand.paths is not None)
    assert units == pytest.approx(sold * (1 - replayed.left_out_share))
    assert replayed.units.shape[0] == 1


def test_a_supplier_called_like_a_place_of_ours_is_told_apart(world: LedgerWorld) -> None:
    points = {(point.sku, point.site) for point in scenario_of(world).points}
    assert not {point.source for point in scenario_of(world).points} & {site for _, site in points}


def test_what_is_assumed_is_said(world: LedgerWorld, replayed: LedgerWorld) -> None:
    assert assumptions(world)[0] == "Demand: 30 possible futures of the forecast over the 8 weeks after 2025-06-29."
    assert "as it was ordered in the 8 weeks after 2025-05-04" in assumptions(replayed)[0]


# Possible futures


def test_futures_add_up_to_the_forecast(world: LedgerWorld) -> None:
    paths = demand_paths(world.known, weeks=8, paths=400, seed=3)
    band = planned_band(world.known, weeks=8, quantiles=(0.5,))
    assert paths.sum() / 400 == pytest.approx(band["mean"].sum(), rel=0.05)
    assert paths.shape == (400, 56, len(world.known.points))
    assert paths.min() >= 0


def test_a_week_of_the_futures_is_as_uncertain_as_the_forecast_of_a_week(world: LedgerWorld) -> None:
    from forecasting import lead_time_demand
    from service.stock_levels import weekly_panel

    panel, groups = weekly_panel(world.known), world.known.points["category"]
    known = lead_time_demand(panel, periods=1.0, quantiles=(0.5,), groups=groups).set_index("unique_id")
    weeks = demand_paths(world.known, weeks=8, paths=400, seed=3).reshape(400, 8, 7, -1).sum(axis=2)
    most = known["mean"].sort_values(ascending=False).index[:20]
    ratios = [weeks[:, :, point].std() / known["sd"][point] for point in most]
    assert np.median(ratios) == pytest.approx(1.0, abs=0.1)
    assert 0.7 < min(ratios) < max(ratios) < 1.5


def test_a_points_future_does_not_depend_on_the_others(world: LedgerWorld) -> None:
    one, other = (demand_paths(world.known, weeks=4, paths=5, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(one, demand_paths(world.known, weeks=4, paths=5, seed=1))


def test_weekdays_are_those_of_sales(world: LedgerWorld) -> None:
    shares = weekday_shares(world.known)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    ordered = world.known.ordered
    recent = ordered[ordered["ds"] > pd.Timestamp(world.known.as_of) - pd.Timedelta(days=182)]
    by_weekday = recent.groupby(recent["ds"].dt.day_of_week)["y"].sum()
    first = world.starts.weekday()
    expected = np.array([by_weekday.get((first + day) % 7, 0.0) for day in range(7)]) / by_weekday.sum()
    most = ordered.groupby("unique_id")["y"].sum().idxmax()
    assert np.abs(shares[most] - expected).max() < 0.15


# Changes


def test_every_change_reaches_the_scenario(world: LedgerWorld) -> None:
    supplier = str(world.items["source"].iloc[0])
    changes = Changes(
        lead_time=2, demand=1.5, unit_cost=1.1, holding_cost_rate=0.4, order_cost=9.0, review_period_days=14,
        supplier=supplier, fails_from_week=2, fails_until_week=5,
    )  # fmt: skip
    before, after = scenario_of(world), changed_scenario(world, changes)
    for old, new in zip(before.points, after.points, strict=True):
        assert new.lead_time.mean == pytest.approx(2 * old.lead_time.mean)
        assert new.unit_cost == pytest.approx(1.1 * old.unit_cost)
        assert new.holding_cost == pytest.approx(0.4 * new.unit_cost / 365.25)
        assert new.order_cost == 9.0
        assert new.policy.review_period_days == 14
        assert new.policy.reorder_point == old.policy.reorder_point
        assert new.shortage_cost == pytest.approx(max(old.unit_price - new.unit_cost, 0))
        assert old.demand.paths is not None
        assert new.demand.paths is not None
        totals = old.demand.paths.sum(axis=1) * 1.5
        assert np.abs(new.demand.paths.sum(axis=1) - totals).max() <= 0.5
    (outage,) = after.outages
    assert (outage.place, outage.start_day, outage.end_day) == (supplier, 7.0, 35.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lead_time": 0}, "lead_time must be a factor above 0 and at most 10, got 0"),
        ({"demand": -1.0}, "demand must be a factor above 0"),
        ({"unit_cost": float("nan")}, "unit_cost must be a factor above 0"),
        ({"holding_cost_rate": -0.1}, "holding_cost_rate must be between 0 and 5"),
        ({"order_cost": -1.0}, "order_cost must be between 0"),
        ({"review_period_days": 0}, "review_period_days must be 1 to 91 whole days, got 0"),
        ({"fill_rate_target": 1.0}, "fill_rate_target must be strictly between 0 and 1, got 1.0"),
        ({"fails_from_week": 5, "fails_until_week": 4}, "weeks of failure must be from 1 on"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongChange, match=said):
        Changes(**wrong)


def test_a_supplier_of_nothing_is_refused(world: LedgerWorld) -> None:
    with pytest.raises(WrongChange, match="supplier must be one that supplies the items, got Nobody & Co"):
        changed_scenario(world, Changes(supplier="Nobody & Co"))


def test_a_link_carries_every_change_there_and_back() -> None:
    changes = Changes(1.5, 0.8, 1.25, 0.3, 12.5, 14, 0.975, "Öz & Söhne", 2, 9, True)
    assert set(changes.as_text()) == {one.name for one in fields(Changes)}
    assert changes_from_text(json.loads(json.dumps(changes.as_text()))) == changes
    assert changes_from_text({}) == Changes()
    assert Changes().as_text() == {}
    with pytest.raises(WrongChange, match="lead_time must be a number, got much"):
        changes_from_text({"lead_time": "much"})


def test_items_of_a_class_and_the_most_valuable_ones(world: LedgerWorld) -> None:
    parts = [chosen_items(world, name) for name in ("A", "B", "C")]
    assert sum(len(part.items) for part in parts) == len(world.items)
    top = chosen_items(world, "top 10")
    assert len(top.items) == 10
    assert top.items["demand_value"].min() >= sorted(world.items["demand_value"])[-10]
    for position, item in enumerate(top.items.itertuples()):
        known = int(np.flatnonzero((world.items["point"] == item.point).to_numpy())[0])
        np.testing.assert_array_equal(top.units[:, :, position], world.units[:, :, known])
    with pytest.raises(WrongChange, match="items must be one of all, A, B, C"):
        chosen_items(world, "D")


def test_levels_planned_for_longer_lead_times_are_higher(world: LedgerWorld) -> None:
    longer = planned_for(world, Changes(lead_time=2, plans_anew=True))
    assert longer["reorder_point"].sum() > 1.2 * world.items["reorder_point"].sum()
    pd.testing.assert_frame_equal(
        planned_for(world, Changes(plans_anew=True)), world.items[["reorder_point", "order_up_to_level"]]
    )


def test_a_plan_for_something_else_rests_on_it(world: LedgerWorld) -> None:
    changes = Changes(lead_time=3, unit_cost=2, holding_cost_rate=0.5, order_cost=4.0, review_period_days=28)
    inputs = changed_inputs(world.known, changes)
    expected = 3 * np.maximum(world.known.points["lead_time_days"], 1)
    np.testing.assert_allclose(inputs.points["lead_time_days"], expected)
    np.testing.assert_allclose(inputs.points["unit_cost"], 2 * world.known.points["unit_cost"])
    terms = inputs.terms
    assert (terms.holding_cost_rate, terms.order_cost, terms.review_period_days) == (0.5, 4.0, 28)


def test_a_forecast_of_more_demand_never_falls(world: LedgerWorld) -> None:
    more = scaled_forecasts(world.forecasts, 1.3)
    np.testing.assert_allclose(more["mean"], 1.3 * world.forecasts["mean"])
    levels = [name for name in more if name.startswith("q0")]
    assert (more[levels] >= 1.3 * world.forecasts[levels] - 1e-6).all(axis=None)
    assert (np.diff(more[levels].to_numpy(), axis=1) >= 0).all()


# The comparison


def test_nothing_different_differs_in_nothing(world: LedgerWorld) -> None:
    comparison = compare(world, Changes(), replications=3)
    assert [one.name for one in comparison.outcomes] == [AS_PLANNED]
    assert (measures_table(comparison)[["difference", "half_width"]] == 0).all(axis=None)
    assert "Change something" in headline(comparison)
    again = compare(world, Changes(fails_until_week=3), replications=3)
    assert (measures_table(again)[["difference", "half_width"]] == 0).all(axis=None)


def test_doubled_lead_times_cost_service_and_a_plan_for_them_buys_some_back(doubled: Comparison) -> None:
    worse, better = row(doubled, FILL_RATE, "changed"), row(doubled, FILL_RATE, "planned anew")
    assert worse["base"] == better["base"]
    assert worse["difference"] + worse["half_width"] < 0
    assert better["changed"] > worse["changed"]
    assert row(doubled, STOCK, "planned anew")["difference"] > 0 > row(doubled, STOCK, "changed")["difference"]
    assert "With lead times × 2 and levels planned for it" in headline(doubled)


def test_shared_luck_makes_differences_narrower_than_figures(doubled: Comparison) -> None:
    stock = row(doubled, STOCK, "changed")
    assert 0 < stock["half_width"] < (stock["base_half_width"] ** 2 + stock["changed_half_width"] ** 2) ** 0.5


def test_the_table_is_what_the_sums_say(doubled: Comparison) -> None:
    base = doubled.base
    sums, price = base.tallies.points, np.array([point.unit_price for point in base.scenario.points])
    met = (sums.filled @ price).sum() / (sums.demand @ price).sum()
    assert row(doubled, FILL_RATE, "changed")["base"] == pytest.approx(met)
    cost = np.array([point.unit_cost for point in base.scenario.points])
    held = (sums.on_hand_ticks @ cost).mean() / 86_400_000 / 56
    assert row(doubled, STOCK, "changed")["base"] == pytest.approx(held)
    lost = sums.lost * np.array([point.shortage_cost for point in base.scenario.points])
    assert row(doubled, "lost margin", "changed")["base"] == pytest.approx(lost.sum(axis=1).mean())


def test_demand_met_and_the_stock_at_the_end_of_each_day_are_those_of_the_futures(doubled: Comparison) -> None:
    base, world = doubled.base, doubled.world
    np.testing.assert_array_equal(base.tallies.points.demand, world.units.sum(axis=1))
    assert base.stock_value.shape == (30, 56)
    cost = np.array([point.unit_cost for point in base.scenario.points])
    np.testing.assert_allclose(base.stock_value[:, -1], base.tallies.points.on_hand_end @ cost)
    fan = stock_fan(base)
    assert (np.diff(fan.to_numpy(), axis=1) >= 0).all()


def test_a_failing_supplier_hits_its_own_items_only(world: LedgerWorld) -> None:
    supplier = world.items.groupby("source")["demand_value"].sum().idxmax()
    comparison = compare(world, Changes(supplier=str(supplier), fails_from_week=1, fails_until_week=8))
    hit = items_hit(comparison)
    assert set(hit.loc[hit["lost_margin"] > 0, "source"]) == {supplier}
    others = hit[hit["source"] != supplier]
    assert (others[["lost_margin", "half_width"]] == 0).all(axis=None)
    assert hit["lost_margin"].is_monotonic_decreasing
    assert hit["lost_margin"].sum() == pytest.approx(row(comparison, "lost margin", "changed")["difference"])


def test_a_few_items_alone_come_to_the_same_as_among_all(world: LedgerWorld) -> None:
    few = chosen_items(world, "top 10")
    whole, part = (compare(one, Changes(lead_time=1.5), replications=4) for one in (world, few))
    places = [int(np.flatnonzero((world.items["point"] == point).to_numpy())[0]) for point in few.items["point"]]
    np.testing.assert_array_equal(part.changed.tallies.points.filled, whole.changed.tallies.points.filled[:, places])


def test_progress_tells_how_far_all_cases_are(world: LedgerWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("service.what_if_comparison._CELLS_AT_ONCE", 1)
    changes = Changes(demand=1.1, plans_anew=True)
    slow = compare(chosen_items(world, "top 10"), changes, replications=4, progress=lambda *seen: told.append(seen))
    assert told == [(done, 12) for done in range(1, 13)]
    monkeypatch.undo()
    fast = compare(chosen_items(world, "top 10"), changes, replications=4)
    pd.testing.assert_frame_equal(measures_table(slow), measures_table(fast))
    np.testing.assert_array_equal(slow.changed.stock_value, fast.changed.stock_value)


def test_a_known_base_is_not_simulated_again(world: LedgerWorld) -> None:
    known = compare(world, Changes(), replications=3).base
    comparison = compare(world, Changes(demand=1.2), replications=3, base=known)
    assert comparison.base is known
    pd.testing.assert_frame_equal(
        measures_table(comparison), measures_table(compare(world, Changes(demand=1.2), replications=3))
    )


def test_one_replication_is_refused(world: LedgerWorld) -> None:
    with pytest.raises(WrongChange, match="replications must be at least 2, got 1"):
        compare(world, Changes(), replications=1)


def test_costs_by_kind_are_those_of_the_table(doubled: Comparison) -> None:
    costs = costs_by_kind(doubled).set_index(["scenario", "kind"])["mean"]
    assert set(costs.index.get_level_values("kind")) == set(COSTS)
    assert costs["changed", "lost margin"] == pytest.approx(row(doubled, "lost margin", "changed")["changed"])


def test_figures_are_said_with_their_intervals(doubled: Comparison) -> None:
    said = said_measures(doubled)
    assert list(said.columns) == ["measure", "as planned", "changed", "difference", "planned anew", "difference 2"]
    met = row(doubled, FILL_RATE, "changed")
    first = said.set_index("measure").loc[FILL_RATE]
    assert first["changed"] == f"{met['changed'] * 100:.1f} % ± {met['changed_half_width'] * 100:.1f}"
    assert first["difference"].startswith(f"{met['difference'] * 100:+.1f} ± ")
    assert said.set_index("measure").loc["ordering cost", "difference"] == "same"


def test_changes_are_said_in_words(world: LedgerWorld) -> None:
    assert said_changes(world, Changes()) == []
    said = said_changes(world, Changes(lead_time=2, holding_cost_rate=0.3, order_cost=5, review_period_days=14))
    assert said == [
        "lead times × 2",
        "holding costs 30% a year instead of 25%",
        "EUR 5 instead of 0 for an order line",
        "reviews every 14 days instead of 7",
    ]


# Orders through a warehouse


def test_orders_of_a_place_are_like_those_of_the_ledger(demo: Database, world: LedgerWorld) -> None:
    flow = order_flow(demo, world)
    with demo.reading() as connection:
        orders, lines, units = connection.execute(
            text(
                "SELECT count(DISTINCT o.id), count(*), sum(l.quantity - l.quantity_cancelled) FROM sales_order o"
                " JOIN order_line l ON l.sales_order_id = o.id JOIN location p ON p.id = l.location_id"
                " WHERE p.code = :site AND o.business_date BETWEEN '2025-03-31' AND '2025-06-29'"
                " AND l.quantity > l.quantity_cancelled"
            ),
            {"site": flow.site},
        ).one()
    assert flow.orders_per_day == pytest.approx(orders / 91, rel=0.01)
    assert flow.lines.mean() == pytest.approx(lines / orders, rel=0.05)
    assert flow.demand.sum() == pytest.approx(units, rel=0.02)
    assert flow.by_hour.sum() == pytest.approx(1)
    assert 0 <= flow.returned_share < 0.2
    with pytest.raises(NoOrdersThere, match="no orders from 'NOWHERE'"):
        order_flow(demo, world, site="NOWHERE")


def test_a_warehouse_works_the_load_that_is_assumed(demo: Database, world: LedgerWorld) -> None:
    flow = order_flow(demo, world)
    slow = Warehouse(pick_minutes=120, pack_minutes=60)
    scenario = orders_scenario(world, flow, slow)
    stations = {station.name: station for station in scenario.stations}
    hours_a_week = flow.orders_per_day * 7 * (120 + 0.5 * flow.lines.mean() * flow.units.mean()) / 60
    assert hours_a_week / (stations["pick"].servers * 50) <= 0.75
    assert hours_a_week / ((stations["pick"].servers - 1) * 50) > 0.75
    assert scenario.streams[0].interarrival.mean * 24 / 24 == pytest.approx(
        len(flow.hours[0]) / 7 * (flow.hours[2] - flow.hours[1]) / 24 / flow.orders_per_day
    )
    assert {point.site for point in scenario.points} == {flow.site}
    assert "Assumed: " in " ".join(said_flow(flow, slow, scenario))


# Kept by name


def test_a_question_is_kept_replaced_and_removed(database: Database) -> None:
    who: dict[str, Any] = {"actor": ACTOR, "at": NOW}
    save_what_if(database, "  New Year ", {"lead_time": "2.0", "items": "A"}, key="1", **who)
    (kept,) = saved_what_ifs(database)
    assert (kept.name, dict(kept.question), kept.saved_by) == ("New Year", {"lead_time": "2.0", "items": "A"}, "tester")
    assert kept.saved_at == NOW
    save_what_if(database, "New Year", {"demand": "0.5"}, key="2", **who)
    save_what_if(database, "New Year", {"demand": "0.5"}, key="2", **who)
    save_what_if(database, "Another", {}, key="3", **who)
    assert [(one.name, dict(one.question)) for one in saved_what_ifs(database)] == [
        ("Another", {}),
        ("New Year", {"demand": "0.5"}),
    ]
    remove_what_if(database, "New Year", key="4", **who)
    assert [one.name for one in saved_what_ifs(database)] == ["Another"]
    with pytest.raises(UnknownThing, match="there is no what-if 'New Year'"):
        remove_what_if(database, "New Year", key="5", **who)


def test_a_question_without_a_name_or_that_cannot_be_asked_is_not_kept(database: Database) -> None:
    who: dict[str, Any] = {"actor": ACTOR, "at": NOW}
    with pytest.raises(InvalidRequest, match="name"):
        save_what_if(database, "  ", {}, key="1", **who)
    with pytest.raises(WrongChange, match="demand"):
        save_what_if(database, "wrong", {"demand": "-2"}, key="2", **who)
    assert saved_what_ifs(database) == ()


# The command


def test_the_command_prints_what_the_comparison_says(file: Path, tmp_path: Path, command_line: Any) -> None:
    shutil.copy(file, tmp_path / "stockwright.db")
    run = command_line(tmp_path)
    asked = ("what-if", "--lead-time", "2", "--items", "top 10", "--replications", "5", "--as-of", "2025-06-29")
    printed = run.answer(*asked)
    assert "With lead times × 2" in printed
    assert "demand met, by value" in printed
    told = json.loads(run.answer(*asked, "--format", "json"))
    assert (told["days"], told["items"], told["replications"]) == (56, 10, 5)
    assert told["changes"] == {"lead_time": "2.0"}
    assert told["verdict"] in printed.replace("\n", " ") or told["verdict"].split(",")[0] in printed
    assert {"scenario", "measure", "base", "changed", "difference", "half_width"} <= set(told["measures"][0])
    assert "supplier must be one" in run.refusal("what-if", "--supplier", "Nobody", "--items", "top 10")
    assert "demand must be a factor above 0" in run.refusal("what-if", "--demand", "0")
