"""The demo's order desk shows orders in every state, and everything adds up after its working day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from data.samples import demo_company
from data.samples.working_day import working_day
from orders.checking import check
from service.demo import make_demo_company
from service.demo_day import work_a_day

NOW = datetime(2025, 6, 30, 16, tzinfo=UTC)
TESTER_END = date(2025, 6, 30)


@pytest.fixture
def worked(database, company):
    made = make_demo_company(database, end=TESTER_END, days=100, skus=40, actor=company.ACTOR, at=NOW)
    work_a_day(database, made, at=NOW)
    return database


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_desk_has_orders_in_every_state_and_doubts_of_every_kind(worked, rows_of):
    states = {order["status"] for order in rows_of(worked, "sales_order")}
    assert states >= {"draft", "on_hold", "allocated", "partially_shipped", "shipped", "closed", "cancelled"}
    assert states & {"backordered", "partially_allocated"}
    assert "placed" not in states
    doubts = {doubt["kind"] for doubt in rows_of(worked, "discrepancy") if doubt["status"] == "open"}
    assert doubts >= {
        "unknown_sku", "unusual_quantity", "impossible_quantity", "price_outside_tolerance", "duplicate_order",
        "incomplete_address", "currency_mismatch",
    }  # fmt: skip
    assert all(event["occurred_at"] <= NOW + timedelta(hours=1) for event in rows_of(worked, "order_event"))


def test_everything_adds_up_after_the_working_day(worked, ledger_faults):
    assert ledger_faults(worked) == []
    assert [finding.promise for finding in check(worked) if not finding.holds] == []


def test_the_day_is_the_same_for_the_same_company():
    made = demo_company(seed=7, end=TESTER_END, days=60, skus=40)
    assert working_day(made) == working_day(made)
    assert working_day(made) != working_day(made, seed=8)
