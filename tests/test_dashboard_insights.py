"""The questions behind the pages answer the same on both kinds of database, and as plain arithmetic would."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import select

from data import insight_rows
from data.connection import Database
from data.schema import order_line, parcel, recommendation, rma, rma_line, sales_order
from orders import insights
from orders.holding import hold_order
from orders.model import Actor, LineRequest, OrderRequest
from orders.placing import place_order
from orders.purchasing import Approval, approve_recommendation
from orders.terms import Terms, set_terms
from service.demo import make_demo_company
from service.items import item_view, outlook, stock_projection
from service.planning import make_plan

ACTOR, NOW = Actor("tester"), datetime(2025, 6, 30, 16, tzinfo=UTC)
AS_OF = date(2025, 6, 29)


@pytest.fixture
def planned(database: Database) -> Database:
    make_demo_company(database, end=date(2025, 6, 30), days=100, skus=20, actor=ACTOR, at=NOW)
    make_plan(database, actor=ACTOR, at=NOW)
    return database


def test_questions_answer_what_the_rows_add_up_to(planned: Database) -> None:
    with planned.reading() as connection:
        where = insights.standing(connection)
        assert where.plan_id is not None
        assert (where.as_of, where.has_orders, where.has_counted_stock) == (AS_OF, True, True)
        plan = insights.recommendations(connection, where.plan_id)
        sales = insights.weekly_sales(connection, as_of=AS_OF, weeks=8, currency="EUR")
        stock = insights.weekly_stock(connection, plan, as_of=AS_OF, weeks=4, terms=where.terms)
        things = insights.to_do(connection, plan, as_of=AS_OF, terms=where.terms)
        orders = connection.execute(
            select(order_line, sales_order.c.business_date).join_from(order_line, sales_order)
        ).all()
        returns = connection.execute(select(rma_line, rma.c.business_date).join_from(rma_line, rma)).all()
        planned_rows = connection.execute(select(recommendation)).all()
        parcels = connection.execute(select(parcel)).all()
    since = AS_OF - timedelta(weeks=8)
    sold = [row for row in orders if since < row.business_date <= AS_OF]
    assert sales["units"].sum() == sum(row.quantity - row.quantity_cancelled for row in sold)
    whole = sum(row.amount_minor * (row.quantity - row.quantity_cancelled) / row.quantity for row in sold)
    assert sales["value"].sum() == pytest.approx(whole / 100)
    back = [row for row in returns if since < row.business_date <= AS_OF]
    assert sales["returned_units"].sum() == sum(row.quantity for row in back)
    on_hand_value = sum(row.on_hand * row.unit_cost_micros / 1e6 for row in planned_rows)
    assert stock["value"].iloc[-1] == pytest.approx(on_hand_value)
    assert insights.stock_by_cover(plan)["value"].sum() == pytest.approx(on_hand_value)
    assert insights.stock_by_cover(plan)["items"].sum() == len(planned_rows)
    assert [one.money for one in things] == sorted((one.money for one in things), reverse=True)
    at_risk = sum(row.margin_at_risk_minor for row in planned_rows) / 100
    assert sum(one.money for one in things if one.kind == "order") == pytest.approx(at_risk)
    overdue = [row for row in parcels if row.status == "in_transit" and row.promised_date < AS_OF]
    late = [one for one in things if one.kind == "parcel" and " late " in one.title]
    assert sum(len(one.rows) for one in late) == len(overdue)


def test_every_write_that_a_page_shows_changes_the_data_version(planned: Database) -> None:
    def version() -> str:
        with planned.reading() as connection:
            return insight_rows.data_version(connection)

    with planned.reading() as connection:
        to_order = select(recommendation.c.id).where(recommendation.c.status == "order")
        first = connection.execute(to_order.limit(1)).scalar_one()
    seen = [version()]
    approve_recommendation(planned, Approval(first), key="once", actor=ACTOR, at=NOW)
    seen.append(version())
    set_terms(planned, {"order_cost": "7"}, actor=ACTOR, at=NOW + timedelta(seconds=1))
    seen.append(version())
    make_plan(planned, actor=ACTOR, at=NOW)
    seen.append(version())
    assert len(set(seen)) == len(seen)


def test_item_view_agrees_with_the_books(planned: Database) -> None:
    known = outlook(planned, as_of=AS_OF)
    sells = known.points.index.isin(known.demand["unique_id"])
    point = known.points[sells & (known.points["on_hand"] > 0)].iloc[0]
    view = item_view(planned, known, sku=point["sku"], location=point["location"])
    assert view is not None
    assert view.stock["on_hand"].iloc[-1] == point["on_hand"]
    demand = known.demand[known.demand["unique_id"] == point.name]
    assert view.weeks["sold"].sum() <= demand["y"].sum()
    assert view.weeks["week"].iloc[-1] == pd.Timestamp(AS_OF)
    assert view.open_purchases["open_quantity"].sum() == point["on_order"]
    assert (view.forecast["q0.05"] <= view.forecast["q0.95"]).all()
    assert item_view(planned, known, sku="NO-SUCH", location="NOWHERE") is None


def test_projected_stock_falls_with_demand_rises_with_arrivals_and_never_below_nothing() -> None:
    arrivals = pd.DataFrame({"expected_date": [date(2025, 6, 1), date(2025, 7, 9), None], "open_quantity": [5, 30, 2]})
    projected = stock_projection(
        as_of=AS_OF, on_hand=10, unshipped=3, weekly_rate=14.0, arrivals=arrivals, days=14
    ).set_index("ds")["on_hand"]
    assert projected.iloc[0] == 10
    assert projected.iloc[1] == 10 - 3 + 5 + 2 - 2  # the late and the undated come tomorrow
    assert projected.loc["2025-07-06"] == 0
    assert projected.loc["2025-07-08"] == 0
    assert projected.loc["2025-07-09"] == 30 - 2
    assert (projected >= 0).all()


def test_orders_on_hold_and_drafts_wait_for_the_order_desk(shop):
    shop.stock("CUP", "EAST", 9)
    shop.do(hold_order, shop.order("S1", CUP=4), "fraud", "odd")
    unknown = OrderRequest("WEB", "S2", (LineRequest("CUPP", 1),))
    assert shop.do(place_order, unknown).status == "draft"
    with shop.database.reading() as connection:
        stuck = insight_rows.stuck_orders(connection, currency="EUR")
    (todo,) = insights.stuck_orders(stuck, Terms())
    assert (todo.money, todo.title) == (20.0, "Decide on 2 stuck orders")
    assert todo.detail == "1 on hold and 1 draft; 1 doubt with a suggested fix"


def test_nothing_waits_where_no_order_is_stuck(shop):
    with shop.database.reading() as connection:
        assert insights.stuck_orders(insight_rows.stuck_orders(connection, currency="EUR"), Terms()) == []
