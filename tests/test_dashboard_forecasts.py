"""The forecasts page: it says whether to trust them, shows where not, and takes the planner's word once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import forecast_charts, queries
from data import demand_input_rows
from data.connection import Database, open_database
from orders.forecast_overrides import Override, override_forecast
from orders.importing import OrderImport, import_orders
from orders.model import Actor
from service.demo import make_demo_company
from service.forecast_review import ForecastReview, answer, forecast_review, item_review
from service.planner_review import planner_review

APP = Path(__file__).parent.parent / "dashboard" / "app.py"
ACTOR, NOW = Actor("tester"), datetime(2025, 6, 30, 16, tzinfo=UTC)
AS_OF = date(2025, 6, 29)
OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="module")
def company_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo company with one bulk order that stands out, and an item whose demand fell."""
    folder = tmp_path_factory.mktemp("forecasts")
    database = open_database(f"sqlite:///{folder / 'demo.db'}")
    make_demo_company(database, end=date(2025, 6, 30), days=250, skus=30, actor=ACTOR, at=NOW)
    inputs = forecast_review(database, at=NOW).inputs
    often = inputs.points.loc[inputs.demand["unique_id"].mode()[0]]
    days = [AS_OF - timedelta(days=number) for number in range(240)]
    fallen = [
        f"F{day},{day} 10:00,9,FALLEN,{2 if day > AS_OF - timedelta(weeks=12) else 12},10,WH-NORTH" for day in days
    ]
    bulk = f"BULK,2025-05-06 10:00,9,{often['sku']},30000,10,{often['location']}"
    more = folder / "more.csv"
    more.write_text("\n".join(["order_id,order_date,customer_id,sku,quantity,unit_price,location", bulk, *fallen, ""]))
    report = import_orders(database, OrderImport(more, currency="EUR"), actor=ACTOR, at=NOW)
    assert report.stored_lines == 241
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return folder / "demo.db"


@pytest.fixture
def database(company_file: Path, tmp_path: Path) -> Database:
    path = tmp_path / "demo.db"
    shutil.copy(company_file, path)
    return open_database(f"sqlite:///{path}")


@pytest.fixture(scope="module")
def review(company_file: Path) -> ForecastReview:
    database = open_database(f"sqlite:///{company_file}")
    found = forecast_review(database, at=NOW)
    database.close()
    return found


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the page on a database, with a URL's parameters, at a moment soon after its last order."""

    def opened(database: Database, **parameters: str) -> AppTest:
        monkeypatch.setenv("STOCKWRIGHT_DATABASE_URL", str(database.url))
        monkeypatch.setenv("STOCKWRIGHT_ACTOR", "planner")
        monkeypatch.setattr(queries, "now", lambda: NOW)
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in parameters.items():
            test.query_params[name] = value
        test.switch_page("screens/forecasts.py").run()
        assert not test.exception
        return test

    return opened


def text_of(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind)).replace("\\", "")


def overrides_of(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(demand_input_rows.overrides(connection, is_open=True))


def widget(widgets: Any, beginning: str) -> Any:
    """The widget whose key begins so."""
    return next(one for one in widgets if str(one.key).startswith(beginning))


# The answer


def test_the_page_answers_its_question_in_a_sentence_with_numbers(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    found = answer(review)
    assert found is not None
    text = text_of(open_page(database))
    assert f"**{found.verdict}.** {found.said}" in text
    assert found.beside in text


def test_the_worst_forecasts_come_first_by_money(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    table = open_page(database).dataframe[0].value
    expected = review.items.sort_values("error_value", ascending=False)
    assert table["sku"].tolist()[:5] == expected["sku"].tolist()[:5]
    known = table["error_value"].dropna()
    assert known.is_monotonic_decreasing
    assert known.iloc[0] == round(expected["error_value"].iloc[0])


def test_a_link_narrows_the_items_by_class_category_alarm_and_words(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    items = review.items
    kind = items["demand_class"].mode()[0]
    table = open_page(database, **{"class": kind}).dataframe[0].value
    assert len(table) == (items["demand_class"] == kind).sum()
    category = items["category"].iloc[0]
    table = open_page(database, category=category).dataframe[0].value
    assert len(table) == (items["category"] == category).sum()
    table = open_page(database, q=items["sku"].iloc[0].lower()).dataframe[0].value
    assert set(table["sku"]) == {items["sku"].iloc[0]}
    table = open_page(database, alarm="too high").dataframe[0].value
    assert len(table) == (items["alarm"] == "too high").sum()
    assert "FALLEN" in set(table["sku"])
    assert "No item fits these filters" in text_of(open_page(database, q="no such word"))


def test_a_link_opens_an_item_with_its_expected_demand(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    point = review.points.iloc[5]
    planner = planner_review(database, review.inputs, at=NOW)
    item = item_review(review, planner, sku=point["sku"], location=point["location"])
    assert item is not None
    text = text_of(open_page(database, sku=point["sku"], location=point["location"]))
    assert f"#### {point['sku']} · {point['name']}" in text
    assert f"units** expected in {item.protection_days:.0f} days" in text
    assert f"held {int(item.judged['held'].sum())} of {len(item.judged)} times" in text


def test_an_unknown_item_is_named_and_nothing_breaks(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    assert "There is no item TEAPOT." in text_of(open_page(database, sku="TEAPOT"))
    point = review.points.iloc[0]
    assert f"#### {point['sku']}" in text_of(open_page(database, sku=point["sku"], location="NOWHERE"))


# Overrides


def test_an_override_shows_what_it_changes_before_it_is_saved(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    point = review.points.iloc[review.expected["mean"].argmax()]
    page = open_page(database, sku=point["sku"], location=point["location"])
    assert "Changes nothing so far" in text_of(page)
    widget(page.number_input, "override-0").set_value(2.0).run()
    assert " units** expected in the " in text_of(page)
    assert " → " in text_of(page)
    assert overrides_of(database) == []


def test_saving_an_override_records_it_once_and_undo_takes_it_back(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    point = review.points.iloc[review.expected["mean"].argmax()]
    page = open_page(database, sku=point["sku"], location=point["location"])
    widget(page.number_input, "override-0").set_value(2.0).run()
    widget(page.text_input, "override-0").set_value("fair in July").run()
    widget(page.button, "override-0").click().run()
    assert not page.exception
    (row,) = overrides_of(database)
    assert (row.sku, row.location, row.kind, row.value) == (point["sku"], point["location"], "multiply", 2.0)
    assert (row.from_date, row.until_date) == (AS_OF + timedelta(days=1), AS_OF + timedelta(weeks=4))
    assert (row.reason, row.recorded_by) == ("fair in July", "planner")
    text = text_of(page)
    assert f"{point['sku']} at {point['location']}: 2 × the forecast until" in text
    assert "your word" in text
    table = page.dataframe[1].value
    assert table["says"].tolist() == ["2 × the forecast"]
    page.button(key="forecasts-undo").click().run()
    assert overrides_of(database) == []
    assert "Undone." in text_of(page)


def test_an_override_without_a_reason_is_refused_in_one_line(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    page = open_page(database)
    widget(page.number_input, "override-0").set_value(2.0).run()
    widget(page.button, "override-0").click().run()
    assert not page.exception
    assert "reason" in page.error[0].value
    assert overrides_of(database) == []


def test_withdrawing_can_be_undone(database: Database, review: ForecastReview, open_page: OpenPage) -> None:
    point = review.points.iloc[0]
    request = Override(point["sku"], "add", 3.0, AS_OF + timedelta(days=20), "hotel", location=point["location"])
    done = override_forecast(database, request, key="k", actor=ACTOR, at=NOW)
    page = open_page(database)
    page.session_state["forecasts-withdraw"] = done.number
    page.run()
    assert not page.exception
    assert overrides_of(database) == []
    page.button(key="forecasts-undo").click().run()
    (row,) = overrides_of(database)
    assert (row.kind, row.value, row.until_date, row.reason) == ("add", 3.0, request.until, "hotel")


def test_the_page_tells_what_past_overrides_were_worth(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    said_at = datetime(2025, 5, 20, 8, tzinfo=UTC)
    point = review.points.iloc[review.expected["mean"].argmax()]
    request = Override(point["sku"], "multiply", 3.0, date(2025, 6, 22), "campaign", weekly_rate_statistical=10.0)
    override_forecast(database, request, key="k", actor=ACTOR, at=said_at)
    worth = planner_review(database, review.inputs, at=NOW).value_added
    assert worth.overrides == 1
    text = text_of(open_page(database))
    assert "1 override of which days have passed" in text
    assert f"{abs(worth.share) * 100:.1f} %" in text


# Unusual demand


def test_a_bulk_order_is_shown_and_a_link_asks_for_a_verdict(
    database: Database, review: ForecastReview, open_page: OpenPage
) -> None:
    flag = planner_review(database, review.inputs, at=NOW).flags.iloc[0]
    assert flag["order"] == "BULK"
    page = open_page(database, sku=flag["sku"], location=flag["location"], day="2025-05-06")
    assert "on 6 May 2025" in text_of(page)
    beginning = f"outlier-{flag['unique_id']}-20250506"
    widget(page.text_input, beginning).set_value("one customer")
    next(one for one in page.button if "Exclude" in one.label).click().run()
    assert not page.exception
    with database.reading() as connection:
        (row,) = demand_input_rows.outlier_decisions(connection, is_open=True)
    assert (row.sku, row.location, row.day, row.decision) == (
        flag["sku"], flag["location"], date(2025, 5, 6), "excluded",
    )  # fmt: skip
    assert "no longer teaches the forecast" in text_of(page)
    assert "Decided: 1" in [one.label for one in page.expander]
    page.button(key="forecasts-undo").click().run()
    with database.reading() as connection:
        assert not demand_input_rows.outlier_decisions(connection, is_open=True)


# Nothing there


def test_without_orders_the_page_says_what_to_do(tmp_path: Path, open_page: OpenPage) -> None:
    page = open_page(open_database(f"sqlite:///{tmp_path / 'empty.db'}"))
    assert "No orders yet." in text_of(page)
    assert "stockwright import orders FILE" in page.code[0].value


def test_a_young_company_is_told_how_much_is_missing_and_can_override(tmp_path: Path, open_page: OpenPage) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'young.db'}")
    orders = tmp_path / "orders.csv"
    days = [date(2025, 6, 10) + timedelta(days=number) for number in range(20)]
    lines = [f"O{day},{day} 10:00,7,CUP,3,4" for day in days]
    orders.write_text("order_id,order_date,customer_id,sku,quantity,unit_price\n" + "\n".join(lines) + "\n")
    import_orders(database, OrderImport(orders, currency="EUR"), actor=ACTOR, at=NOW)
    text = text_of(open_page(database))
    assert "Nothing can be judged yet" in text
    assert "stockwright import orders FILE" in text
    assert "#### CUP" in text
    assert "No past forecast can be judged" in text


# Pictures


def test_the_calibration_picture_draws_what_was_held(review: ForecastReview) -> None:
    figure = forecast_charts.calibration(review.calibration)
    whole = review.calibration[review.calibration["class"] == "all"].set_index("level")
    drawn = next(trace for trace in figure.data if trace.name == "all")
    assert [row[0] for row in drawn.customdata] == [0.5, 0.8, 0.9, 0.95, 0.99]
    np.testing.assert_allclose([row[1] for row in drawn.customdata], whole.loc[[0.5, 0.8, 0.9, 0.95, 0.99], "covered"])
    assert (np.diff(drawn.x) > 0).all()


def test_the_pit_picture_has_the_area_of_all_forecasts(review: ForecastReview) -> None:
    (bars,) = [trace for trace in forecast_charts.pit(review.pit).data if trace.type == "bar"]
    assert np.dot(bars.y, bars.width) == pytest.approx(1)


def test_the_fan_draws_each_window_once_and_marks_what_passed_its_level(
    database: Database, review: ForecastReview
) -> None:
    planner = planner_review(database, review.inputs, at=NOW)
    flag = planner.flags.iloc[0]
    item = item_review(review, planner, sku=flag["sku"], location=flag["location"])
    assert item is not None
    figure = forecast_charts.fan(item.history, item.judged, item.coming, item.coming_statistical)
    traces = {trace.name: trace for trace in figure.data}
    assert len(traces["90 % band"].x) == len(item.judged) + 1
    assert list(traces["beyond"].y) == item.judged.loc[~item.judged["held"], "actual"].tolist()
    assert "without your word" not in traces
