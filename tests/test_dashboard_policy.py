"""The policy page: what service costs, in a picture with today on it, and what a chosen fill rate would change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.connection import Database, open_database
from orders.terms import set_terms
from service.service_cost import ServiceCost, at_target, service_cost, verdict
from tests.planned_pages import ACTOR, NOW, OpenPage, page_opener, planned_company, text_of


@pytest.fixture(scope="module")
def planned_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planned_company(tmp_path_factory.mktemp("policy"), skus=30)


@pytest.fixture(scope="module")
def planned(planned_file: Path) -> Database:
    return open_database(f"sqlite:///{planned_file}")


@pytest.fixture(scope="module")
def cost(planned: Database) -> ServiceCost:
    return service_cost(planned, at=NOW)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    return page_opener(monkeypatch, "policy")


def shown(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_the_page_answers_its_question_in_a_sentence(planned: Database, cost: ServiceCost, open_page: OpenPage) -> None:
    text = text_of(open_page(planned))
    assert verdict(cost) in text
    assert "Today is the mean stock at the close of the last 91 days" in text


def test_the_plans_own_target_is_chosen_first(planned: Database, cost: ServiceCost, open_page: OpenPage) -> None:
    page = open_page(planned)
    chosen = at_target(cost, 0.95)
    assert page.slider(key="target").value == 95.0
    assert shown(page)["Average stock at cost"] == f"EUR {chosen.point.stock_value:,.0f}"
    assert shown(page)["One more point costs"] == f"EUR {chosen.price_of_point:,.0f}"


def test_another_fill_rate_shows_its_money_by_class_and_its_moves(
    planned: Database, cost: ServiceCost, open_page: OpenPage
) -> None:
    page = open_page(planned)
    page.slider(key="target").set_value(90.0).run()
    assert not page.exception
    chosen = at_target(cost, 0.9)
    assert shown(page)["Average stock at cost"] == f"EUR {chosen.point.stock_value:,.0f}"
    assert " ".join(chosen.prices) in text_of(page)
    classes, moves = (table.value for table in page.dataframe)
    assert classes["stock_value"].tolist() == chosen.classes["stock_value"].round().tolist()
    assert moves["to"].tolist() == chosen.moves["to_reorder_point"].head(300).tolist()
    first = chosen.moves.iloc[0]
    assert moves["link"][0] == f"item?sku={first['sku']}&location={first['location']}#{first['sku']}"
    assert moves["why"][0] == first["why"]


def test_a_link_reproduces_the_choice(planned: Database, open_page: OpenPage) -> None:
    assert open_page(planned, target="92.5").slider(key="target").value == 92.5


def test_a_link_with_nonsense_shows_the_plans_target(planned: Database, open_page: OpenPage) -> None:
    for nonsense in ("high", "-5", "1e9", "nan"):
        page = open_page(planned, target=nonsense)
        lowest, highest = page.slider(key="target").min, page.slider(key="target").max
        assert lowest <= page.slider(key="target").value <= highest


def test_a_choice_above_the_budget_is_marked(planned_file: Path, tmp_path: Path, open_page: OpenPage) -> None:
    path = tmp_path / "poor.db"
    shutil.copy(planned_file, path)
    poor = open_database(f"sqlite:///{path}")
    cost = service_cost(poor, at=NOW)
    budget = round(float(cost.curve.stock_value_at(0.9) or 0))
    set_terms(poor, {"stock_budget": str(budget)}, actor=ACTOR, at=NOW)
    page = open_page(poor)
    assert f"above the stock budget of EUR {budget:,}, which is enough for 90.0%" in page.warning[0].value.replace(
        "\\", ""
    )
    page.slider(key="target").set_value(85.0).run()
    assert not page.warning
    assert f"The stock budget of EUR {budget:,} is enough for 90.0%" in text_of(page)


def test_without_orders_the_page_says_what_to_do(tmp_path: Path, open_page: OpenPage) -> None:
    page = open_page(open_database(f"sqlite:///{tmp_path / 'empty.db'}"))
    assert "No orders yet." in text_of(page)
    assert "stockwright import orders FILE" in page.code[0].value
