"""What service costs: today lies beside the least stock for its fill rate, and every figure adds up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data import demand_history
from data.connection import Database, open_database
from orders.importing import OrderImport, import_orders
from orders.model import Actor
from service.demo import make_demo_company
from service.planning_inputs import PlanningInputs, closing_moment, planning_inputs
from service.service_cost import (
    HELD_DAYS,
    NothingDemanded,
    ServiceCost,
    assumptions,
    at_target,
    corners,
    cost_of,
    mean_closing_stock,
    plan_point,
    service_cost,
    verdict,
)
from service.service_cost_picture import CHOSEN, PLAN, TODAY, picture
from service.stock_levels import LimitsConflict, planned_demand, set_levels

ACTOR, NOW = Actor("tester"), datetime(2025, 6, 30, 16, tzinfo=UTC)
AS_OF = date(2025, 6, 29)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A small demo company, whose stock is counted."""
    opened = open_database(f"sqlite:///{tmp_path_factory.mktemp('service') / 'demo.db'}")
    make_demo_company(opened, end=date(2025, 6, 30), days=200, skus=30, actor=ACTOR, at=NOW)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def known(database: Database) -> tuple[PlanningInputs, pd.DataFrame]:
    with database.reading() as connection:
        inputs = planning_inputs(connection, at=NOW)
    return inputs, planned_demand(inputs)


@pytest.fixture(scope="module")
def cost(database: Database, known: tuple[PlanningInputs, pd.DataFrame]) -> ServiceCost:
    return cost_of(database, *known)


@pytest.fixture(scope="module")
def uncounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A shop that never counted its stock."""
    folder = tmp_path_factory.mktemp("uncounted")
    opened = open_database(f"sqlite:///{folder / 'shop.db'}")
    orders = folder / "orders.csv"
    lines = [
        f"O{day}-{sku},{AS_OF - timedelta(days=day)} 10:00,7,{sku},{1 + (day * step) % 5},{price}"
        for day in range(120)
        for sku, step, price in (("CUP", 1, 4), ("POT", 3, 20), ("JUG", 2, 9))
        if day % step == 0
    ]
    orders.write_text("order_id,order_date,customer_id,sku,quantity,unit_price\n" + "\n".join(lines) + "\n")
    import_orders(opened, OrderImport(orders, currency="EUR"), actor=ACTOR, at=NOW)
    yield opened
    opened.close()


# The curve


def test_the_stock_of_a_fill_rate_is_what_its_levels_come_to(cost: ServiceCost) -> None:
    dearest = float(np.max(cost.asked["unit_cost"]))
    for target in (0.7, 0.9, 0.95, 0.98):
        chosen = at_target(cost, target)
        least = cost.curve.stock_value_at(target)
        assert least is not None
        assert chosen.point.fill_rate >= target
        assert least - 1e-6 <= chosen.point.stock_value <= least + dearest


def test_the_plan_lies_where_the_stored_plan_would(
    cost: ServiceCost, known: tuple[PlanningInputs, pd.DataFrame]
) -> None:
    levels = set_levels(*known)
    point = plan_point(cost)
    assert point is not None
    assert point.stock_value == pytest.approx(levels.stock_value)
    assert point.fill_rate == pytest.approx(levels.achieved_fill_rate)


def test_a_budget_moves_neither_the_curve_nor_what_can_be_chosen(
    database: Database, cost: ServiceCost, known: tuple[PlanningInputs, pd.DataFrame]
) -> None:
    inputs, forecasts = known
    poor = cost_of(database, replace(inputs, terms=replace(inputs.terms, stock_budget=1.0)), forecasts)
    np.testing.assert_array_equal(poor.curve.stock_value, cost.curve.stock_value)
    assert at_target(poor, 0.9).point == at_target(cost, 0.9).point


def test_the_price_of_a_point_lies_between_what_the_points_beside_it_cost(cost: ServiceCost) -> None:
    chosen, step = at_target(cost, 0.9), 0.002
    before, here, after = (cost.curve.stock_value_at(0.9 + change) for change in (-step, 0.0, step))
    assert before is not None
    assert here is not None
    assert after is not None
    assert (here - before) / step / 100 <= chosen.price_of_point <= (after - here) / step / 100


def test_the_next_thousand_buys_what_the_curve_says(cost: ServiceCost) -> None:
    chosen = at_target(cost, 0.9)
    reached = cost.curve.stock_value_at(chosen.next_step + float(cost.curve.fill_rate_at(chosen.point.stock_value)))  # type: ignore[arg-type]
    assert reached == pytest.approx(chosen.point.stock_value + 1000)
    assert "The next EUR 1,000 of stock would buy" in chosen.prices[-1]


def test_corners_rise_in_service_stock_and_price(cost: ServiceCost) -> None:
    found = corners(cost)
    assert len(found) == 10
    for name in ("fill_rate", "stock_value", "holding_cost", "price_of_point"):
        assert found[name].is_monotonic_increasing, name
    assert set(found["fill_rate"]) <= set(cost.curve.fill_rate)
    np.testing.assert_allclose(found["holding_cost"], found["stock_value"] * cost.terms.holding_cost_rate)


def test_a_fill_rate_beyond_the_forecasts_is_refused_with_the_best_there_is(cost: ServiceCost) -> None:
    with pytest.raises(LimitsConflict) as refusal:
        at_target(cost, 1 - 1e-12)
    assert refusal.value.best_fill_rate == pytest.approx(float(cost.curve.fill_rate[-1]), abs=1e-6)


# Today


def test_mean_stock_is_the_mean_of_the_closing_stock_of_each_day(database: Database) -> None:
    with database.reading() as connection:
        closing = demand_history.daily_closing_stock(
            connection, closed_at=closing_moment(AS_OF, "Europe/Berlin"), time_zone="Europe/Berlin"
        )
    found = mean_closing_stock(closing, as_of=AS_OF, days=HELD_DAYS).set_index(["sku_id", "location_id"])["on_hand"]
    window = pd.date_range(end=pd.Timestamp(AS_OF), periods=HELD_DAYS)
    for keys, own in closing.groupby(["sku_id", "location_id"]):
        days = own.set_index("ds")["on_hand"].reindex(pd.date_range(own["ds"].min(), AS_OF)).ffill()
        assert found.loc[keys] == pytest.approx(days.reindex(window).dropna().mean()), keys


def test_today_is_what_is_held_and_no_reorder_point_is_more_hopeful(cost: ServiceCost) -> None:
    demanded = np.asarray(cost.asked["demand_rate"]) > 0
    held = (cost.items["held"] * cost.asked["unit_cost"])[demanded]
    assert (cost.items["stock_value"][demanded] >= held - 1e-9).all()
    assert cost.today.stock_value == pytest.approx(cost.items["stock_value"].sum())
    above_lots = demanded & (cost.items["reorder_point"] > 0).to_numpy()
    np.testing.assert_allclose(
        cost.items["stock_value"][above_lots], (cost.items["held"] * cost.asked["unit_cost"])[above_lots]
    )


def test_the_same_fill_rate_takes_less_stock_and_the_same_stock_meets_more(cost: ServiceCost) -> None:
    assert cost.least_stock is not None
    assert cost.best_fill_rate is not None
    assert cost.least_stock < cost.today.stock_value
    assert cost.best_fill_rate > cost.today.fill_rate
    saved = cost.today.stock_value - cost.least_stock
    assert f"EUR {saved:,.0f} less ({saved / cost.today.stock_value:.1%})" in verdict(cost)
    assert f"could meet {cost.best_fill_rate:.1%}" in verdict(cost)


def test_where_stock_was_never_counted_the_assumed_weeks_are_today(uncounted: Database) -> None:
    cost = service_cost(uncounted, at=NOW)
    assumed = cost.cover.set_index("weeks").loc[cost.terms.opening_stock_weeks]
    assert cost.today.stock_value == pytest.approx(assumed["stock_value"])
    assert cost.today.fill_rate == pytest.approx(assumed["fill_rate"])
    (said,) = assumptions(cost)
    assert said.startswith("Stock was never counted: 4 weeks of demand are assumed")
    assert "each of the 3 items" in said


def test_stock_of_what_nobody_is_expected_to_want_is_told_apart(
    database: Database, cost: ServiceCost, known: tuple[PlanningInputs, pd.DataFrame]
) -> None:
    inputs, forecasts = known
    dead = int((cost.items["held"] * cost.asked["unit_cost"]).argmax())
    numbers = forecasts.select_dtypes("number").columns
    without = forecasts.copy()
    without.loc[dead, numbers] = 0
    found = cost_of(database, inputs, without)
    money = float(cost.items["held"][dead] * inputs.points["unit_cost"][dead])
    assert found.undemanded_stock - cost.undemanded_stock == pytest.approx(money)
    assert found.today.stock_value == pytest.approx(cost.today.stock_value - cost.items["stock_value"][dead])
    assert "for which no demand is expected" in assumptions(found)[-1]


def test_without_any_demand_there_is_no_service_to_pay_for(
    database: Database, known: tuple[PlanningInputs, pd.DataFrame]
) -> None:
    inputs, forecasts = known
    nothing = forecasts.copy()
    nothing[forecasts.select_dtypes("number").columns] = 0
    with pytest.raises(NothingDemanded):
        cost_of(database, inputs, nothing)


# The way there


def test_classes_add_up_to_both_points(cost: ServiceCost) -> None:
    chosen = at_target(cost, 0.95)
    classes = chosen.classes
    assert classes["abc"].tolist() == ["A", "B", "C"]
    assert classes["stock_value"].sum() == pytest.approx(chosen.point.stock_value)
    assert classes["today_stock_value"].sum() == pytest.approx(cost.today.stock_value)
    weight = classes["demand_value"] / classes["demand_value"].sum()
    assert weight @ classes["fill_rate"] == pytest.approx(chosen.point.fill_rate)
    assert weight @ classes["today_fill_rate"] == pytest.approx(cost.today.fill_rate)
    assert weight[0] >= 0.8
    assert weight[:2].sum() >= 0.95


def test_moves_lead_from_today_to_the_chosen_point_largest_money_first(cost: ServiceCost) -> None:
    chosen = at_target(cost, 0.95)
    moves = chosen.moves
    assert moves["money"].abs().is_monotonic_decreasing
    # What is left out changes by less than a unit of each item.
    slack = float(np.sum(cost.asked["unit_cost"]))
    assert moves["money"].sum() == pytest.approx(chosen.point.stock_value - cost.today.stock_value, abs=slack)
    assert moves["points"].sum() / 100 == pytest.approx(chosen.point.fill_rate - cost.today.fill_rate)
    assert chosen.put_in - chosen.freed == pytest.approx(moves["money"].sum())
    assert moves["why"].str.startswith(("Reorder point ", "Nothing is demanded")).all()


# The command


def answer_of(command: Callable[..., Any], capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    command(**options)
    return capsys.readouterr().out


def test_the_command_says_what_the_service_says(
    database: Database, cost: ServiceCost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from service.command_line import ReportFormat
    from service.policy_commands import frontier

    url, day = str(database.url), AS_OF.isoformat()
    file = tmp_path / "frontier.html"
    text = answer_of(frontier, capsys, database=url, as_of=day, picture=file)
    assert verdict(cost) in " ".join(text.split())
    assert "plotly" in file.read_text(encoding="utf-8")
    told = json.loads(answer_of(frontier, capsys, database=url, as_of=day, fill_rate=0.9, format=ReportFormat.JSON))
    assert told["today"]["stock_value"] == pytest.approx(cost.today.stock_value)
    assert told["chosen"]["fill_rate"] >= 0.9
    assert len(told["corners"]) == 10
    assert told["chosen"]["moves"][0]["why"]


@pytest.mark.parametrize("given", [0.0, 1.0, 95.0])
def test_a_fill_rate_that_cannot_be_is_refused(given: float, capsys: pytest.CaptureFixture[str]) -> None:
    from service.policy_commands import frontier

    with pytest.raises(SystemExit):
        frontier(database="sqlite://", fill_rate=given)
    assert f"--fill-rate must lie strictly between 0 and 1, got {given:g}" in capsys.readouterr().err


# The picture


def test_the_picture_marks_today_the_plan_and_the_choice(cost: ServiceCost) -> None:
    chosen = at_target(cost, 0.9)
    plan = plan_point(cost)
    drawn = {trace.name: trace for trace in picture(cost, plan, chosen).data}
    for name, point in ((TODAY, cost.today), (PLAN, plan), (CHOSEN, chosen.point)):
        assert point is not None
        assert (drawn[name].x[0], drawn[name].y[0]) == (point.stock_value, point.fill_rate)
    curve = drawn["least stock"]
    np.testing.assert_allclose(np.interp(curve.y, cost.curve.fill_rate, cost.curve.stock_value), curve.x)


def test_a_picture_goes_into_a_folder_that_is_there(cost: ServiceCost, tmp_path: Path) -> None:
    from data.errors import StockwrightError
    from service.service_cost_picture import write_picture

    with pytest.raises(StockwrightError, match="there is no folder"):
        write_picture(picture(cost, None), tmp_path / "missing" / "a.html")
