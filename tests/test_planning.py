"""From a small company's books to its recommendations, and from an approval to what is on order."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from data import plan_rows
from orders.errors import DecisionRefused, KeyReused
from orders.importing import FileImport, StockImport, import_items, import_purchases, import_stock
from orders.purchasing import (
    Approval,
    approve_recommendation,
    approve_recommendations,
    withdraw_approval,
)
from orders.terms import set_terms
from service.planning import make_plan
from service.planning_inputs import AsOfOutOfRange, NothingToPlan, OtherCurrency, default_as_of
from service.stock_levels import LimitsConflict

FIRST = date(2024, 1, 1)
AS_OF = date(2024, 5, 5)
DAYS = (AS_OF - FIRST).days + 1
NOW = datetime(2024, 6, 1, tzinfo=UTC)
COUNTED = datetime(2024, 5, 5, 20, tzinfo=UTC)

MUG = {
    "sku": "MUG",
    "name": "Mug",
    "supplier": "Acme",
    "lead_time_days": 14,
    "moq": 24,
    "pack_size": 12,
    "unit_cost": 1,
}
CUP = {**MUG, "sku": "CUP", "name": "Cup", "moq": 1, "pack_size": 1}


def sold(sku, *, per_day, location="MAIN", first=FIRST, days=DAYS, **more):
    """One order a day of so many units at 2 a unit."""
    dates = [first + timedelta(days=day) for day in range(days)]
    return [
        {"order_id": f"{sku}-{location}-{at}", "order_date": f"{at} 10:00:00", "customer_id": 7, "sku": sku,
         "quantity": per_day, "unit_price": 2, "location": location, **more}
        for at in dates
    ]  # fmt: skip


class Planner:
    """A company that imports, plans and approves."""

    def __init__(self, company):
        self.company, self.database = company, company.database

    def orders(self, rows):
        self._accept(self.company.orders(rows))

    def items(self, *rows):
        self._accept(self.company.other(import_items, FileImport(self.company.file(rows))))

    def stock(self, *rows, counted_at=COUNTED):
        self._accept(self.company.other(import_stock, StockImport(self.company.file(rows), counted_at=counted_at)))

    def purchases(self, *rows):
        self._accept(self.company.other(import_purchases, FileImport(self.company.file(rows))))

    @staticmethod
    def _accept(report):
        assert report.status != "rejected", report.errors.counts

    def terms(self, **values):
        set_terms(self.database, values, actor=self.company.ACTOR, at=NOW)

    def plan(self, as_of=AS_OF):
        """(SKU, location) → recommendation; each exactly once."""
        result = make_plan(self.database, as_of=as_of, actor=self.company.ACTOR, at=NOW)
        with self.database.reading() as connection:
            rows = plan_rows.recommendations(connection, result.plan_id)
        by_point = {(row.sku, row.location): SimpleNamespace(**row._mapping) for row in rows}
        assert len(by_point) == len(rows) == result.summary["points"]
        return by_point

    def approve(self, recommendation, key, **more):
        request = Approval(recommendation.id, **more)
        return approve_recommendation(self.database, request, key=key, actor=self.company.ACTOR, at=NOW)

    def withdraw(self, recommendation, key):
        withdraw_approval(self.database, recommendation.id, key=key, actor=self.company.ACTOR, at=NOW)


@pytest.fixture
def planner(company):
    return Planner(company)


@pytest.fixture
def stocked(planner):
    """A mug that sells ten a day and a cup that sells five, both with little on hand and all terms known."""
    planner.orders(sold("MUG", per_day=10) + sold("CUP", per_day=5))
    planner.items(MUG, CUP)
    planner.stock(*({"sku": sku, "location": "MAIN", "on_hand": 30} for sku in ("MUG", "CUP")))
    return planner


def at(sku, on_hand, location="MAIN", **more):
    return {"sku": sku, "location": location, "on_hand": on_hand, **more}


def bought(number, sku, quantity, *, ordered_at="2024-05-01", received_at="", location="MAIN", **more):
    return {"po_number": number, "supplier": "Acme", "sku": sku, "location": location, "quantity": quantity,
            "unit_cost": 1, "ordered_at": ordered_at, "received_at": received_at, **more}  # fmt: skip


# What is planned, and as of when


def test_an_empty_database_is_nothing_to_plan(planner):
    with pytest.raises(NothingToPlan, match="import orders first"):
        planner.plan(None)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_orders_that_are_all_in_another_currency_are_not_planned_as_worth_nothing(planner):
    planner.orders(sold("MUG", per_day=1, days=3))
    planner.terms(currency="GBP")
    with pytest.raises(OtherCurrency, match="set currency=EUR"):
        planner.plan()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_day_before_the_first_order_cannot_be_planned(planner):
    planner.orders(sold("MUG", per_day=1, days=3))
    with pytest.raises(AsOfOutOfRange, match="2024-01-01"):
        planner.plan(date(2023, 12, 31))


def test_the_default_is_the_last_day_that_another_follows(planner):
    planner.orders(sold("MUG", per_day=1, days=3) + sold("CUP", per_day=1, first=date(2024, 1, 9), days=1))
    with planner.database.reading() as connection:
        assert default_as_of(connection) == date(2024, 1, 3)
    result = make_plan(planner.database, actor=planner.company.ACTOR, at=NOW)
    assert result.as_of == date(2024, 1, 3)


def test_every_sku_has_one_recommendation_at_each_place_it_is_known_at(planner):
    planner.orders(sold("MUG", per_day=10) + sold("MUG", per_day=2, location="EAST") + sold("CUP", per_day=5))
    planner.items(MUG, {"sku": "NEW"})
    planner.stock(at("CUP", 9, "WEST"), at("MUG", 30))
    assert set(planner.plan()) == {
        ("MUG", "MAIN"), ("MUG", "EAST"), ("CUP", "MAIN"), ("CUP", "WEST"), ("NEW", "MAIN"),
    }  # fmt: skip


def test_what_never_sold_is_not_ordered_and_says_why(planner):
    planner.orders(sold("MUG", per_day=10))
    planner.items(MUG, {**CUP, "sku": "NEW"})
    planner.stock(at("NEW", 0))
    new = planner.plan()["NEW", "MAIN"]
    assert (new.status, new.order_quantity, new.margin_at_risk_minor) == ("none", 0, 0)
    assert "No demand to plan for" in new.reason


# The forecast


def test_steady_demand_is_forecast_as_it_was(stocked):
    plan = stocked.plan()
    for sku, per_day in (("MUG", 10), ("CUP", 5)):
        numbers = plan[sku, "MAIN"].numbers
        assert numbers["weekly_rate"] == pytest.approx(7 * per_day, rel=0.02)
        assert numbers["protection_days"] == 14 + 7
        assert numbers["demand_over_protection"] == pytest.approx(21 * per_day, rel=0.02)


def test_days_without_stock_are_not_taken_for_days_without_demand(planner):
    """Two SKUs sell the same; of one the ledger knows that its last three weeks had nothing to sell."""
    seen = DAYS - 21
    planner.items({**CUP, "sku": "KNOWN"}, {**CUP, "sku": "UNKNOWN"})
    planner.stock(at("KNOWN", 10 * seen), counted_at=datetime(2024, 1, 1, tzinfo=UTC))
    planner.orders(sold("UNKNOWN", per_day=10, days=seen) + sold("OTHER", per_day=1))
    known = sold("KNOWN", per_day=10, days=seen)
    planner.orders([{**row, "shipped_at": row["order_date"].replace("10:", "12:")} for row in known])
    plan = planner.plan()
    assert plan["KNOWN", "MAIN"].on_hand == 0
    assert plan["KNOWN", "MAIN"].numbers["weekly_rate"] == pytest.approx(70, rel=0.1)
    assert plan["UNKNOWN", "MAIN"].numbers["weekly_rate"] < 45


# The position


def test_the_position_is_what_is_here_and_coming_less_what_is_promised(planner):
    planner.orders(sold("MUG", per_day=10))
    planner.items(MUG)
    planner.stock(at("MUG", 500, on_order=40))
    planner.purchases(bought("P1", "MUG", 60), bought("P2", "MUG", 99, received_at="2024-05-03", location="EAST"))
    still_open = {"order_date": "2024-05-05 12:00:00", "customer_id": 8, "sku": "MUG", "unit_price": 2,
                  "location": "MAIN", "shipped_at": ""}  # fmt: skip
    planner.orders([
        {"order_id": "open", "quantity": 7, **still_open},
        {"order_id": "partly", "quantity": 5, "cancelled_quantity": 2, **still_open},
    ])  # fmt: skip
    mug = planner.plan()["MUG", "MAIN"]
    assert (mug.on_hand, mug.on_order, mug.numbers["unshipped"]) == (500, 40 + 60, 7 + 3)
    assert mug.inventory_position == 500 + 100 - 10


def test_what_moved_after_the_day_has_not_moved_yet(planner):
    planner.orders(sold("MUG", per_day=10))
    planner.items(MUG)
    planner.stock(at("MUG", 500), counted_at=datetime(2024, 5, 1, tzinfo=UTC))
    planner.purchases(
        bought("P1", "MUG", 60, received_at="2024-05-06 08:00:00", received_quantity=50),
        bought("P2", "MUG", 20, ordered_at="2024-05-06", received_at="2024-05-07"),
        bought("P3", "MUG", 30, ordered_at="2024-05-06"),
    )
    planner.orders([
        {"order_id": "late", "order_date": "2024-05-05 12:00:00", "customer_id": 8, "sku": "MUG", "quantity": 9,
         "unit_price": 2, "location": "MAIN", "shipped_at": "2024-05-06 09:00:00"},
        {"order_id": "next", "order_date": "2024-05-06 12:00:00", "customer_id": 8, "sku": "MUG", "quantity": 4,
         "unit_price": 2, "location": "MAIN", "shipped_at": ""},
    ])  # fmt: skip
    mug = planner.plan()["MUG", "MAIN"]
    assert (mug.on_hand, mug.on_order, mug.numbers["unshipped"]) == (500, 60, 9)
    later = planner.plan(date(2024, 5, 7))["MUG", "MAIN"]
    assert (later.on_hand, later.on_order, later.numbers["unshipped"]) == (500 + 50 + 20 - 9, 30, 4)


def test_the_day_ends_at_midnight_of_the_company(planner):
    planner.terms(time_zone="America/New_York")
    planner.orders(sold("MUG", per_day=10))
    planner.items(MUG)
    planner.stock(at("MUG", 500), counted_at=datetime(2024, 5, 1, tzinfo=UTC))
    planner.purchases(
        bought("P1", "MUG", 60, received_at="2024-05-06T03:30:00Z"),
        bought("P2", "MUG", 70, received_at="2024-05-06T04:30:00Z"),
    )
    mug = planner.plan()["MUG", "MAIN"]
    assert (mug.on_hand, mug.on_order) == (560, 70)


def test_an_opening_count_stands_for_the_days_before_it(planner):
    planner.orders(sold("MUG", per_day=10))
    planner.items(MUG)
    planner.stock(at("MUG", 500), counted_at=NOW)
    assert planner.plan()["MUG", "MAIN"].on_hand == 500


def test_a_past_plan_ignores_what_came_later(stocked):
    def figures(plan):
        return {
            point: {name: value for name, value in vars(row).items() if name not in ("id", "plan_run_id")}
            for point, row in plan.items()
        }

    stocked.purchases(bought("P1", "MUG", 60))
    before = figures(stocked.plan())
    back = {"order_id": "C1", "order_date": "2024-05-08", "customer_id": 7, "sku": "CUP", "quantity": -50,
            "unit_price": 2, "location": "MAIN"}  # fmt: skip
    stocked.orders([*sold("MUG", per_day=90, first=date(2024, 5, 6), days=14), back])
    stocked.purchases(bought("P2", "MUG", 500, ordered_at="2024-05-06", received_at="2024-05-08"))
    stocked.orders(sold("CUP", per_day=1, first=date(2024, 5, 20), days=3, shipped_at="2024-05-25"))
    stocked.stock(at("MUG", 2), at("CUP", 999), counted_at=datetime(2024, 5, 30, tzinfo=UTC))
    assert figures(stocked.plan()) == before
    assert figures(stocked.plan(date(2024, 5, 22))) != before


# Assumptions


def test_assumptions_are_named_exactly_where_nothing_is_known(planner):
    planner.orders(sold("MUG", per_day=10) + sold("CUP", per_day=5))
    planner.items(MUG)
    planner.stock(at("MUG", 30))
    plan = planner.plan()
    assert plan["MUG", "MAIN"].assumptions == ["lead time 14 days as quoted, ± 3 by default"]
    cup = plan["CUP", "MAIN"]
    assert cup.on_hand == math.ceil(cup.numbers["weekly_rate"] * 4)
    assert cup.assumptions == [
        f"on hand {cup.on_hand}: 4 weeks of demand, as no stock was counted",
        "lead time 14 ± 3 days: default",
        "unit cost 1.00 EUR: 50% of the mean price, default",
        "least order 1, packs of 1: default",
        "supplier unknown",
    ]
    assert (cup.unit_cost_micros, cup.supplier) == (1_000_000, None)


def test_measured_lead_times_leave_nothing_to_assume(stocked):
    received = [
        bought(f"P{n}", "MUG", 1, ordered_at=f"2024-02-0{n}", received_at=f"2024-02-{n + days:02d}")
        for n, days in enumerate([8, 9, 10, 11, 12], start=1)
    ]
    stocked.purchases(*received)
    mug = stocked.plan()["MUG", "MAIN"]
    assert mug.assumptions == []
    assert mug.numbers["lead_time_days"] == 10.0
    assert mug.numbers["lead_time_sd_days"] == round(math.sqrt(2.5), 2)  # of 8, 9, 10, 11, 12


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(("known", "assumed"), [("moq", "packs of"), ("pack_size", "least order")])
def test_one_known_term_does_not_hide_that_the_other_is_assumed(planner, known, assumed):
    planner.orders(sold("MUG", per_day=10))
    planner.items({**{name: value for name, value in MUG.items() if name not in ("moq", "pack_size")}, known: 6})
    said = planner.plan()["MUG", "MAIN"].assumptions
    terms = [text for text in said if "packs of" in text or "least order" in text]
    assert len(terms) == 1
    assert f"{assumed} 1" in terms[0]
    assert not ("packs of" in terms[0] and "least order" in terms[0])


# What to order


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(("moq", "pack_size"), [(1, 1), (24, 12), (1000, 7), (5, 400)])
def test_orders_are_whole_packs_of_at_least_the_least_order_and_no_more_than_needed(stocked, moq, pack_size):
    stocked.items({**MUG, "moq": moq, "pack_size": pack_size})
    mug = stocked.plan()["MUG", "MAIN"]
    missing = mug.order_up_to_level - mug.inventory_position
    assert mug.inventory_position == 30 <= mug.reorder_point < mug.order_up_to_level
    assert mug.order_quantity == math.ceil(max(missing, moq) / pack_size) * pack_size
    assert mug.order_value_minor == mug.order_quantity * 100


def test_nothing_is_ordered_above_the_reorder_point(stocked):
    level = stocked.plan()["MUG", "MAIN"].reorder_point
    for on_hand, status in ((level, "order"), (level + 1, "none")):
        stocked.stock(at("MUG", on_hand), counted_at=COUNTED)
        assert stocked.plan()["MUG", "MAIN"].status == status


def test_a_budget_that_cannot_be_kept_is_refused_with_nothing_stored(stocked, dump):
    stocked.terms(stock_budget="1")
    before = dump(stocked.database)
    with pytest.raises(LimitsConflict):
        stocked.plan()
    assert dump(stocked.database) == before


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(("currency", "minor_units"), [("GBP", 100), ("JPY", 1), ("KWD", 1000)])
def test_amounts_are_in_the_companys_currency(planner, currency, minor_units):
    planner.terms(currency=currency)
    planner.orders(sold("MUG", per_day=10))
    planner.items({**MUG, "unit_cost": 3})
    planner.stock(at("MUG", 0))
    mug = planner.plan()["MUG", "MAIN"]
    assert mug.order_quantity > 0
    assert (mug.currency, mug.order_value_minor) == (currency, mug.order_quantity * 3 * minor_units)


# Approval


@pytest.fixture
def purchase_lines(database, rows_of):
    """(number, status, quantity, what is open) of every purchase order line."""

    def read():
        orders = {row["id"]: row for row in rows_of(database, "purchase_order")}
        return [
            (
                orders[line["purchase_order_id"]]["number"],
                orders[line["purchase_order_id"]]["status"],
                line["quantity"],
                line["quantity"] - line["quantity_received"] - line["quantity_cancelled"],
            )
            for line in rows_of(database, "purchase_order_line")
        ]

    return read


def test_an_approval_drafts_an_order_that_the_next_plan_counts(stocked, purchase_lines, rows_of):
    mug = stocked.plan()["MUG", "MAIN"]
    drafted = stocked.approve(mug, "k1")
    assert drafted.quantity == mug.order_quantity > 0
    assert purchase_lines() == [(drafted.purchase_order, "draft", mug.order_quantity, mug.order_quantity)]
    (order,) = rows_of(stocked.database, "purchase_order")
    (line,) = rows_of(stocked.database, "purchase_order_line")
    assert (order["currency"], order["created_by"], order["ordered_at"]) == ("EUR", "tester", NOW)
    assert (line["unit_cost_micros"], line["expected_date"]) == (1_000_000, date(2024, 5, 20))
    again = stocked.plan()["MUG", "MAIN"]
    assert again.on_order == mug.order_quantity
    assert again.inventory_position == mug.inventory_position + mug.order_quantity
    assert (again.status, again.order_quantity) == ("none", 0)
    assert (again.reorder_point, again.order_up_to_level) == (mug.reorder_point, mug.order_up_to_level)


def test_a_withdrawal_restores_the_suggestion(stocked, purchase_lines):
    mug = stocked.plan()["MUG", "MAIN"]
    stocked.approve(mug, "k1")
    stocked.withdraw(mug, "w1")
    assert [(status, still_open) for _, status, _, still_open in purchase_lines()] == [("cancelled", 0)]
    assert stocked.plan()["MUG", "MAIN"].order_quantity == mug.order_quantity
    stocked.approve(mug, "k2")
    assert [(status, still_open) for _, status, _, still_open in purchase_lines()] == [
        ("cancelled", 0), ("draft", mug.order_quantity),
    ]  # fmt: skip


def test_approvals_for_one_supplier_share_a_draft(stocked, purchase_lines):
    plan = stocked.plan()
    mug, cup = plan["MUG", "MAIN"], plan["CUP", "MAIN"]
    number = stocked.approve(mug, "k1").purchase_order
    assert stocked.approve(cup, "k2").purchase_order == number
    stocked.withdraw(mug, "w1")
    assert purchase_lines() == [
        (number, "draft", mug.order_quantity, 0), (number, "draft", cup.order_quantity, cup.order_quantity),
    ]  # fmt: skip


def test_the_same_key_again_has_one_effect_and_one_answer(stocked, dump):
    mug = stocked.plan()["MUG", "MAIN"]
    first = stocked.approve(mug, "k1")
    before = dump(stocked.database)
    assert stocked.approve(mug, "k1") == first
    assert dump(stocked.database) == before
    stocked.withdraw(mug, "w1")
    before = dump(stocked.database)
    stocked.withdraw(mug, "w1")
    assert stocked.approve(mug, "k1") == first
    assert dump(stocked.database) == before


def test_what_cannot_be_decided_is_refused_and_changes_nothing(stocked, dump):
    plan = stocked.plan()
    mug, cup = plan["MUG", "MAIN"], plan["CUP", "MAIN"]
    stocked.approve(mug, "k1")
    before = dump(stocked.database)
    absent = SimpleNamespace(id=10**9)
    for why, refused in {
        "is approved already": lambda: stocked.approve(mug, "k2"),
        "does not exist": lambda: stocked.approve(absent, "k3"),
        "needs a reason": lambda: stocked.approve(cup, "k4", quantity=cup.order_quantity + 1),
        "cannot be approved for 0 units": lambda: stocked.approve(cup, "k5", quantity=0, reason="none"),
        "is not approved: there is nothing to withdraw": lambda: stocked.withdraw(cup, "k6"),
        f"recommendation {absent.id} does not exist": lambda: stocked.withdraw(absent, "k7"),
    }.items():
        with pytest.raises(DecisionRefused, match=why):
            refused()
    with pytest.raises(KeyReused, match="key 'k1' was used for another request"):
        stocked.approve(cup, "k1")
    with pytest.raises(KeyReused):
        stocked.withdraw(mug, "k1")
    assert dump(stocked.database) == before


def test_another_quantity_is_approved_with_its_reason(stocked, rows_of):
    cup = stocked.plan()["CUP", "MAIN"]
    assert stocked.approve(cup, "k1", quantity=3, reason="a trial").quantity == 3
    (decision,) = rows_of(stocked.database, "decision")
    assert (decision["quantity"], decision["reason"], decision["decided_by"]) == (3, "a trial", "tester")


def test_an_order_that_was_sent_cannot_be_withdrawn(stocked, purchase_lines):
    mug = stocked.plan()["MUG", "MAIN"]
    stocked.approve(mug, "k1")
    with stocked.database.writing() as connection:
        connection.execute(text("UPDATE purchase_order SET status = 'ordered'"))
    with pytest.raises(DecisionRefused, match="its purchase order was sent"):
        stocked.withdraw(mug, "w1")
    assert [still_open for *_, still_open in purchase_lines()] == [mug.order_quantity]


def at_once(*calls):
    """What each call returned or raised, all begun together."""

    def outcome(call):
        try:
            return call()
        except (DecisionRefused, KeyReused) as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


@pytest.mark.parametrize("same_key", [True, False])
def test_one_suggestion_approved_by_several_at_once_is_ordered_once(stocked, purchase_lines, same_key):
    mug = stocked.plan()["MUG", "MAIN"]
    outcomes = at_once(*(lambda n=n: stocked.approve(mug, "k" if same_key else f"k{n}") for n in range(4)))
    assert len(purchase_lines()) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, DecisionRefused)]
    assert len(refused) == (0 if same_key else 3)
    assert len({outcome for outcome in outcomes if outcome not in refused}) == 1


def test_several_suggestions_approved_at_once_share_one_draft(planner, purchase_lines):
    skus = [f"S{n}" for n in range(5)]
    planner.orders([row for sku in skus for row in sold(sku, per_day=10, days=60)])
    planner.items(*({**CUP, "sku": sku} for sku in skus))
    planner.stock(*(at(sku, 0) for sku in skus))
    plan = planner.plan(FIRST + timedelta(days=59))
    outcomes = at_once(*(lambda sku=sku: planner.approve(plan[sku, "MAIN"], sku) for sku in skus))
    assert {outcome.quantity for outcome in outcomes} == {row.order_quantity for row in plan.values()}
    lines = purchase_lines()
    assert len(lines) == 5
    assert {(number, status) for number, status, *_ in lines} == {(outcomes[0].purchase_order, "draft")}


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_many_approved_in_opposite_orders_at_once_do_not_wait_for_each_other_for_ever(stocked, purchase_lines):
    for round_ in range(5):
        plan = stocked.plan()
        requests = [Approval(row.id, quantity=1, reason="a trial") for row in plan.values()]
        approve = partial(approve_recommendations, stocked.database, actor=stocked.company.ACTOR, at=NOW)
        outcomes = at_once(
            partial(approve, requests, key=f"k{round_}"), partial(approve, requests[::-1], key=f"r{round_}")
        )
        assert sum(isinstance(outcome, DecisionRefused) for outcome in outcomes) == 1
        assert len(purchase_lines()) == 2 * (round_ + 1)


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_draft_is_not_cancelled_under_a_line_that_joins_it(stocked, purchase_lines):
    for round_ in range(5):
        plan = stocked.plan()
        mug, cup = plan["MUG", "MAIN"], plan["CUP", "MAIN"]
        trial = {"quantity": 1, "reason": "a trial"}
        stocked.approve(mug, f"m{round_}", **trial)
        at_once(partial(stocked.withdraw, mug, f"w{round_}"), partial(stocked.approve, cup, f"c{round_}", **trial))
        assert [status for _, status, _, still_open in purchase_lines() if still_open] == ["draft"] * (round_ + 1)
