"""The what-if page: a changed world beside the plan, the question in the URL, and questions kept by name."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import what_if_charts
from data.connection import Database, open_database
from service.ledger_scenario import LedgerWorld, ledger_world
from service.what_if import Changes, chosen_items
from service.what_if_comparison import (
    Comparison,
    compare,
    costs_by_kind,
    headline,
    measures_table,
    said_measures,
    stock_fan,
)
from service.what_if_runs import save_what_if, saved_what_ifs
from tests.planned_pages import ACTOR, NOW, OpenPage, page_opener, planned_company, text_of


@pytest.fixture(scope="module")
def planned_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planned_company(tmp_path_factory.mktemp("what-if-page"), skus=20)


@pytest.fixture(scope="module")
def planned(planned_file: Path) -> Database:
    return open_database(f"sqlite:///{planned_file}")


@pytest.fixture(scope="module")
def world(planned: Database) -> LedgerWorld:
    return ledger_world(planned, weeks=8, demand="forecast", paths=30, at=NOW)


@pytest.fixture(scope="module")
def doubled(world: LedgerWorld) -> Comparison:
    return compare(world, Changes(lead_time=2.0, plans_anew=True))


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    return page_opener(monkeypatch, "what_if", timeout=180)


def measures_of(page: AppTest) -> pd.DataFrame:
    return page.dataframe[0].value


def test_the_page_begins_with_the_plan_as_it_is(planned: Database, world: LedgerWorld, open_page: OpenPage) -> None:
    page = open_page(planned)
    assert headline(compare(world, Changes())) in text_of(page)
    assert list(measures_of(page).columns) == ["measure", "as planned"]
    assert "30 possible futures of the forecast over the 8 weeks after 2025-06-29" in text_of(page)


def test_a_link_shows_a_changed_world_with_intervals(
    planned: Database, doubled: Comparison, open_page: OpenPage
) -> None:
    page = open_page(planned, lead_time="2.0", anew="true")
    assert headline(doubled) in text_of(page)
    pd.testing.assert_frame_equal(measures_of(page), said_measures(doubled))
    few = open_page(planned, items="top 10", weeks="4")
    assert (few.selectbox(key="items").value, few.selectbox(key="weeks").value) == ("top 10", 4)
    assert "over the 4 weeks after" in text_of(few)
    assert "Who is hit most" in text_of(page)
    assert page.dataframe[1].value["link"].str.startswith("item?sku=").all()


def test_what_is_chosen_changes_the_answer(planned: Database, world: LedgerWorld, open_page: OpenPage) -> None:
    page = open_page(planned)
    page.slider(key="demand").set_value(1.5).run()
    page.selectbox(key="items").set_value("A").run()
    assert not page.exception
    few = chosen_items(world, "A")
    assert headline(compare(few, Changes(demand=1.5))) in text_of(page)


def test_a_supplier_fails_for_the_weeks_chosen(planned: Database, world: LedgerWorld, open_page: OpenPage) -> None:
    supplier = str(world.items["source"].iloc[0])
    page = open_page(planned, supplier=supplier)
    assert page.slider(key="fails").value == (1, 6)
    page.slider(key="fails").set_value((2, 5)).run()
    assert not page.exception
    changes = Changes(supplier=supplier, fails_from_week=2, fails_until_week=5)
    assert headline(compare(world, changes)) in text_of(page)


def test_terms_are_those_of_the_plan_until_changed(planned: Database, world: LedgerWorld, open_page: OpenPage) -> None:
    page = open_page(planned)
    assert [page.number_input(key=name).value for name in ("holding", "order_cost", "review", "target")] == [
        25.0, 0.0, 7, 95.0,
    ]  # fmt: skip
    page.number_input(key="order_cost").set_value(4.0).run()
    page.number_input(key="target").set_value(90.0).run()
    assert not page.exception
    assert headline(compare(world, Changes(order_cost=4.0, fill_rate_target=0.9))) in text_of(page)


def test_a_link_with_nonsense_is_still_a_page(planned: Database, open_page: OpenPage) -> None:
    for name in ("lead_time", "demand", "weeks", "items", "supplier", "fails", "holding", "review", "anew"):
        page = open_page(planned, **{name: "nonsense"})
        assert "As planned" in text_of(page)


def test_a_question_is_saved_opened_again_and_removed(
    planned_file: Path, tmp_path: Path, open_page: OpenPage, world: LedgerWorld
) -> None:
    path = tmp_path / "kept.db"
    shutil.copy(planned_file, path)
    database = open_database(f"sqlite:///{path}")
    page = open_page(database)
    page.slider(key="demand").set_value(2.0).run()
    page.text_input[0].set_value("Twice the demand")
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception
    (kept,) = saved_what_ifs(database)
    assert (kept.name, kept.question.get("demand")) == ("Twice the demand", "2.0")
    assert "Saved as Twice the demand." in text_of(page)
    again = open_page(database)
    assert again.slider(key="demand").value == 1.0
    again.button(key="open-Twice the demand").click().run()
    assert not again.exception
    assert again.slider(key="demand").value == 2.0
    assert headline(compare(world, Changes(demand=2.0))) in text_of(again)
    again.button(key="remove-Twice the demand").click().run()
    assert not again.exception
    assert saved_what_ifs(database) == ()


def test_a_saved_name_means_nothing_in_markdown(planned_file: Path, tmp_path: Path, open_page: OpenPage) -> None:
    path = tmp_path / "odd.db"
    shutil.copy(planned_file, path)
    database = open_database(f"sqlite:///{path}")
    save_what_if(database, "**[x](http://y)**", {"demand": "1.2"}, key="1", actor=ACTOR, at=NOW)
    page = open_page(database)
    assert "\\[x" in page.button(key="open-**[x](http://y)**").label


def test_a_link_shows_a_warehouse_with_something_different(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned, part="Warehouse", orders="1.5")
    assert "With orders × 1.5, promises kept go from" in text_of(page)
    assert list(measures_of(page).columns) == ["measure", "as it is", "changed", "difference"]
    page.slider(key="orders").set_value(1.0).run()
    assert not page.exception
    assert "As it is, " in text_of(page)
    assert "Assumed: " in text_of(page)


def test_without_orders_the_page_says_what_to_do(tmp_path: Path, open_page: OpenPage) -> None:
    page = open_page(open_database(f"sqlite:///{tmp_path / 'empty.db'}"))
    assert "No orders yet." in text_of(page)


# The pictures


def test_differences_are_drawn_with_their_intervals(doubled: Comparison) -> None:
    table = measures_table(doubled)
    figure = what_if_charts.differences(table, "EUR")
    drawn = {(trace.name, trace.xaxis): trace for trace in figure.data}
    assert set(drawn) == {(name, axis) for name in ("changed", "planned anew") for axis in ("x", "x2")}
    shares = table[(table["scenario"] == "changed") & (table["unit"] == "share")].iloc[::-1]
    assert list(drawn["changed", "x"].x) == pytest.approx(list(shares["difference"] * 100))
    assert list(drawn["changed", "x"].error_x.array) == pytest.approx(list(shares["half_width"] * 100))
    assert "purchases" not in drawn["changed", "x2"].y
    assert "ordering cost" not in drawn["changed", "x2"].y


def test_the_fan_shows_where_nine_of_ten_futures_lie(doubled: Comparison) -> None:
    fans = {one.name: stock_fan(one) for one in doubled.outcomes}
    figure = what_if_charts.stock_fans(fans, date(2025, 6, 30), "EUR")
    lines = {trace.name: trace for trace in figure.data if trace.fill is None}
    assert set(lines) == {"as planned", "changed", "planned anew"}
    assert list(lines["changed"].y) == list(fans["changed"][0.5])
    assert lines["changed"].x[-1] == date(2025, 6, 30) + timedelta(days=55)


def test_costs_are_stacked_by_kind(doubled: Comparison) -> None:
    table = costs_by_kind(doubled)
    figure = what_if_charts.costs(table, "EUR")
    stacked = {trace.name: list(trace.y) for trace in figure.data if trace.type == "bar"}
    assert stacked["lost margin"] == list(table.loc[table["kind"] == "lost margin", "mean"])
    (totals,) = (trace for trace in figure.data if trace.type == "scatter")
    assert list(totals.y) == pytest.approx([sum(amounts) for amounts in zip(*stacked.values(), strict=True)])
