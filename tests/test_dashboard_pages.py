"""The pages show the database's numbers, act on it once, and say what to do when there is nothing to show."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from data.connection import Database, open_database
from data.schema import plan_run, purchase_order, purchase_order_line, recommendation, sku
from orders.importing import OrderImport, import_orders
from orders.model import Actor
from service.demo import make_demo_company
from service.planning import make_plan

APP = Path(__file__).parent.parent / "dashboard" / "app.py"
ACTOR, NOW = Actor("tester"), datetime(2025, 6, 30, 16, tzinfo=UTC)

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="module")
def planned_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo company with a plan."""
    path = tmp_path_factory.mktemp("dashboard") / "planned.db"
    database = open_database(f"sqlite:///{path}")
    make_demo_company(database, end=date(2025, 6, 30), days=200, skus=40, actor=ACTOR, at=NOW)
    make_plan(database, actor=ACTOR, at=NOW)
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return path


@pytest.fixture
def planned(planned_file: Path, tmp_path: Path) -> Database:
    path = tmp_path / "planned.db"
    shutil.copy(planned_file, path)
    return open_database(f"sqlite:///{path}")


@pytest.fixture
def empty(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'empty.db'}")


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens a page of the dashboard on a database, with a URL's parameters."""

    def opened(database: Database | str, page: str = "today", **parameters: str) -> AppTest:
        url = database if isinstance(database, str) else str(database.url)
        monkeypatch.setenv("STOCKWRIGHT_DATABASE_URL", url)
        monkeypatch.setenv("STOCKWRIGHT_ACTOR", "planner")
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in parameters.items():
            test.query_params[name] = value
        test.switch_page(f"screens/{page}.py").run()
        assert not test.exception
        return test

    return opened


def one(database: Database, statement: Any) -> Any:
    with database.reading() as connection:
        return connection.execute(statement).one()


def text_of(page: AppTest) -> str:
    return "\n".join(element.value for kind in ("markdown", "caption", "info", "error") for element in page.get(kind))


def most_at_risk(database: Database) -> Any:
    wanted = select(recommendation, sku.c.display_code).join_from(recommendation, sku)
    return one(database, wanted.order_by(recommendation.c.margin_at_risk_minor.desc()).limit(1))


def waiting(database: Database) -> Any:
    r = recommendation.c
    return one(
        database,
        select(
            func.count(), func.sum(r.order_value_minor).label("value"), func.sum(r.margin_at_risk_minor).label("risk")
        ).where(r.status == "order"),
    )


# Today


def test_today_shows_what_the_plan_says(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned)
    shown = {metric.label: metric for metric in page.metric}
    expected = waiting(planned)
    assert shown["Orders to approve"].value == f"EUR {expected.value / 100:,.0f}"
    assert shown["Orders to approve"].delta.startswith(f"{expected[0]} lines")
    assert shown["Margin at risk"].value == f"EUR {expected.risk / 100:,.0f}"


def test_every_page_says_from_when_its_numbers_are(planned: Database, open_page: OpenPage) -> None:
    for name in ("today", "recommendations", "item", "terms"):
        caption = open_page(planned, name).caption[0].value
        assert "Data as of **Sun 29 Jun 2025**" in caption, name
        assert "planned Mon 30 Jun 2025, 18:00 (Europe/Berlin)" in caption, name


def test_what_to_do_next_is_ranked_by_money(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned)
    page.toggle(key="everything").set_value(True).run()
    amounts = [
        float(found[1].replace(",", ""))
        for element in page.markdown
        if (found := re.match(r"\*\*EUR ([\d,.]+)\*\*", element.value))
    ]
    assert len(amounts) > 8
    assert amounts == sorted(amounts, reverse=True)


def test_what_to_do_next_can_be_narrowed_by_link(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned, show="too much stock")
    titles = [element.value for element in page.markdown if element.value.startswith("**")]
    assert any("beyond 26 weeks of cover" in title for title in titles)
    assert not any(title.startswith("**Order") for title in titles)


# Recommendations


def test_recommendations_explain_their_arithmetic(planned: Database, open_page: OpenPage) -> None:
    first = most_at_risk(planned)
    page = open_page(planned, "recommendations")
    text = text_of(page)
    assert f"Order {first.order_quantity:,} · {first.display_code}" in text
    assert f"| Position | **{first.inventory_position:,}**" in text
    assert f"| Reorder point | **{first.reorder_point:,}**" in text
    assert f"| **Order** | **{first.order_quantity:,}**" in text


def test_filters_in_the_url_reproduce_the_view(planned: Database, open_page: OpenPage) -> None:
    everything = open_page(planned, "recommendations").dataframe[0].value
    supplier = everything["supplier"].iloc[0]
    page = open_page(planned, "recommendations", supplier=supplier)
    assert page.multiselect(key="supplier").value == [supplier]
    narrowed = page.dataframe[0].value
    assert set(narrowed["supplier"]) == {supplier}
    assert len(narrowed) == (everything["supplier"] == supplier).sum()


def test_a_link_opens_the_line_it_names(planned: Database, open_page: OpenPage) -> None:
    lines = open_page(planned, "recommendations").dataframe[0].value
    third = lines.iloc[2]
    page = open_page(planned, "recommendations", sku=third["sku"], at=third["location"])
    assert f"Order {third['quantity']:,} · {third['sku']}" in text_of(page)


def test_approving_makes_a_draft_that_the_next_plan_nets(planned: Database, open_page: OpenPage) -> None:
    first = most_at_risk(planned)
    page = open_page(planned, "recommendations")
    page.button(key="approve").click().run()
    assert not page.exception
    draft = one(
        planned,
        select(purchase_order, purchase_order_line.c.quantity)
        .join_from(purchase_order, purchase_order_line)
        .where(purchase_order.c.status == "draft"),
    )
    assert draft.quantity == first.order_quantity
    assert draft.created_by == "planner"
    assert draft.number in text_of(page)
    made = make_plan(planned, actor=ACTOR, at=NOW)
    again = one(
        planned,
        select(recommendation).where(
            recommendation.c.plan_run_id == made.plan_id,
            recommendation.c.sku_id == first.sku_id,
            recommendation.c.location_id == first.location_id,
        ),
    )
    assert again.on_order == first.on_order + first.order_quantity
    assert again.status == "none"


def test_a_double_click_approves_once(planned: Database, open_page: OpenPage) -> None:
    pages = [open_page(planned, "recommendations") for _ in range(2)]
    for page in pages:
        page.session_state["nonce"] = "the same browser session"
    for page in pages:
        page.button(key="approve").click().run()
        assert not page.error
    lines = one(planned, select(func.count()).select_from(purchase_order_line.join(purchase_order)).where(
        purchase_order.c.status == "draft"
    ))  # fmt: skip
    assert lines[0] == 1


def test_another_quantity_needs_its_reason(planned: Database, open_page: OpenPage) -> None:
    first = most_at_risk(planned)
    page = open_page(planned, "recommendations")
    page.number_input[0].set_value(first.order_quantity + 5).run()
    page.button(key="approve").click().run()
    assert "needs a reason" in page.error[0].value
    page.text_input(key=f"reason-{first.id}").input("trade fair").run()
    page.button(key="approve").click().run()
    drafted = one(planned, select(purchase_order_line.c.quantity).join(purchase_order).where(
        purchase_order.c.status == "draft"
    ))  # fmt: skip
    assert drafted.quantity == first.order_quantity + 5


def test_many_are_approved_at_once_and_undone_at_once(planned: Database, open_page: OpenPage) -> None:
    supplier = open_page(planned, "recommendations").dataframe[0].value["supplier"].iloc[0]
    page = open_page(planned, "recommendations", supplier=supplier)
    lines = len(page.dataframe[0].value)
    open_units = func.sum(purchase_order_line.c.quantity - purchase_order_line.c.quantity_cancelled)
    drafts = select(func.count(), open_units).select_from(purchase_order_line.join(purchase_order)).where(
        purchase_order.c.number.like("SW-%")
    )  # fmt: skip
    page.button(key="approve-many").click().run()
    count, units = one(planned, drafts)
    assert count == lines
    assert units > 0
    page.button(key="undo").click().run()
    assert not page.exception
    assert one(planned, drafts) == (lines, 0)
    assert len(page.dataframe[0].value) == lines


def test_approved_lines_can_be_withdrawn_later(planned: Database, open_page: OpenPage) -> None:
    open_page(planned, "recommendations").button(key="approve").click().run()
    page = open_page(planned, "recommendations", state="approved")
    assert len(page.dataframe[0].value) == 1
    page.button(key="withdraw").click().run()
    assert "No line fits these filters" in text_of(page)


# Item


def test_item_shows_where_it_stands(planned: Database, open_page: OpenPage) -> None:
    first = most_at_risk(planned)
    place = open_page(planned, "recommendations").dataframe[0].value["location"].iloc[0]
    page = open_page(planned, "item", sku=first.display_code, location=place)
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["On hand"] == f"{first.on_hand:,}"
    assert shown["Position"] == f"{first.inventory_position:,}"
    assert shown["Reorder point"] == f"{first.reorder_point:,}"
    assert f"#### Order {first.order_quantity:,}" in text_of(page)
    assert len(page.get("plotly_chart")) == 2


def test_item_of_an_unknown_link_falls_back_to_what_matters_most(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned, "item", sku="NO-SUCH", location="NOWHERE")
    assert page.selectbox(key="chosen-sku").value
    assert len(page.get("plotly_chart")) == 2


# Terms


def test_a_wrong_term_is_said_where_it_stands(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned, "terms")
    page.text_input(key="term-fill_rate_target").input("1.2")
    page.button[0].click().run()
    assert page.error[0].value == "fill_rate_target must be strictly between 0 and 1, got '1.2'"
    assert not page.exception


def test_terms_hold_for_the_next_plan(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned, "terms")
    page.text_input(key="term-fill_rate_target").input("0.97")
    page.button[0].click().run()
    assert "Saved: fill_rate_target" in page.success[0].value
    page.button(key="plan-again").click().run()
    assert not page.exception
    newest = one(planned, select(plan_run).order_by(plan_run.c.id.desc()).limit(1))
    assert newest.id == 2
    assert newest.summary["fill_rate_target"] == 0.97
    assert "New plan 2" in text_of(page)


def test_terms_that_cannot_be_had_together_are_refused_in_one_line(planned: Database, open_page: OpenPage) -> None:
    page = open_page(planned, "terms")
    page.text_input(key="term-stock_budget").input("10")
    page.button[0].click().run()
    page.button(key="plan-again").click().run()
    assert not page.exception
    assert len(page.error) == 1
    assert one(planned, select(func.count()).select_from(plan_run))[0] == 1


# Nothing to show


@pytest.mark.parametrize("page", ["today", "recommendations", "item", "terms"])
def test_without_orders_each_page_says_how_to_begin(empty: Database, open_page: OpenPage, page: str) -> None:
    assert "stockwright import orders FILE" in open_page(empty, page).code[0].value


def orders_only(database: Database, folder: Path) -> None:
    path = folder / "orders.csv"
    rows = [f"{day},2024-0{1 + day // 28}-{1 + day % 28:02d} 10:00,c1,A-1,{1 + day % 3},9.50,DE" for day in range(84)]
    path.write_text("\n".join(["order_id,order_date,customer_id,sku,quantity,unit_price,country", *rows]))
    report = import_orders(database, OrderImport(path, currency="EUR"), actor=ACTOR, at=NOW)
    assert not report.errors.total


def test_without_a_plan_the_command_is_named(empty: Database, open_page: OpenPage, tmp_path: Path) -> None:
    orders_only(empty, tmp_path)
    assert open_page(empty, "today").code[0].value == "stockwright plan"


def test_stock_never_counted_is_said_on_every_page(empty: Database, open_page: OpenPage, tmp_path: Path) -> None:
    orders_only(empty, tmp_path)
    make_plan(empty, actor=ACTOR, at=NOW)
    for name in ("today", "recommendations", "item"):
        page = open_page(empty, name)
        assert "Stock was never counted" in page.warning[0].value, name
        assert "stockwright import stock FILE" in page.warning[0].value, name


def test_a_database_that_cannot_be_opened_is_one_line(open_page: OpenPage) -> None:
    page = open_page("sqlite:////no/such/folder/stockwright.db")
    assert "there is no folder" in page.error[0].value
