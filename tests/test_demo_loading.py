"""The demo company comes in through the same imports as real files, and leaves a ledger that balances."""

from collections import Counter
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from sqlalchemy import text

from data.connection import open_database
from orders.model import Actor
from orders.terms import read_terms
from service.demo import make_demo_company
from service.planning import make_plan, recommended

TESTER = Actor("tester")
NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
MADE = {"end": date(2026, 11, 22), "days": 240, "skus": 50}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded(request, tmp_path_factory):
    """A demo company in a database of each kind: the database, the company, and the steps it was told of."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('demo') / 'demo.db'}"
    else:
        url = request.getfixturevalue("new_postgresql_url")(None)
    database = open_database(url)
    steps = []
    company = make_demo_company(database, **MADE, actor=TESTER, at=NOW, progress=steps.append)
    yield database, company, steps
    database.close()


def rows(database, statement):
    with database.reading() as connection:
        return connection.execute(text(statement)).all()


def sales(company):
    goods = company.orders[company.orders["sku"].isin(company.items["sku"])]
    return goods[goods["quantity"] > 0]


def test_each_step_is_told_once(loaded):
    steps = loaded[2]
    assert steps == [
        "make up the demo company", "import items", "import opening stock", "import purchases", "import orders",
        "import parcels",
    ]  # fmt: skip


def test_the_companys_terms_and_places_are_in_force(loaded):
    database, company, _ = loaded
    with database.reading() as connection:
        terms = read_terms(connection)
    assert (terms.currency, terms.time_zone, terms.default_location) == (
        company.currency,
        company.time_zone,
        "WH-NORTH",
    )
    ours = rows(database, "SELECT code, kind FROM location WHERE kind IN ('warehouse', 'store') ORDER BY code")
    assert [tuple(row) for row in ours] == sorted(
        company.locations[["location", "kind"]].itertuples(index=False, name=None)
    )


def test_every_file_is_stored_in_full(loaded):
    database, company, _ = loaded
    stored = rows(database, "SELECT count(*), sum(quantity), sum(quantity_cancelled) FROM order_line")
    lines, units, cancelled = map(int, stored[0])
    sold = sales(company)
    assert (lines, units, cancelled) == (len(sold), sold["quantity"].sum(), sold["cancelled_quantity"].sum())
    ((bought,),) = rows(database, "SELECT sum(quantity) FROM purchase_order_line")
    on_order_at_the_start = company.opening_stock["on_order"].sum()
    assert int(bought) == company.purchases["quantity"].sum() + on_order_at_the_start
    assert rows(database, "SELECT count(*) FROM sku")[0][0] == len(company.items)
    assert rows(database, "SELECT count(*) FROM parcel")[0][0] == len(company.parcels)


def test_the_ledger_balances(loaded, ledger_faults):
    assert ledger_faults(loaded[0]) == []


def test_stock_is_never_negative_at_any_moment(loaded):
    """Movements of one moment count together: a day's count and its sales carry one time in no set order."""
    database = loaded[0]
    places = {row.id for row in rows(database, "SELECT id FROM location WHERE kind IN ('warehouse', 'store')")}
    moves = pd.DataFrame(
        rows(
            database,
            "SELECT sku_id, source_location_id, destination_location_id, quantity, effective_at FROM stock_move",
        )
    )
    into = moves.rename(columns={"destination_location_id": "place"}).drop(columns="source_location_id")
    out = moves.rename(columns={"source_location_id": "place"}).drop(columns="destination_location_id")
    changes = pd.concat([into, out.assign(quantity=-out["quantity"])])
    changes = changes[changes["place"].isin(places)]
    by_moment = changes.groupby(["sku_id", "place", "effective_at"])["quantity"].sum()
    assert len(by_moment) > 1000
    assert by_moment.groupby(level=["sku_id", "place"]).cumsum().min() == 0


def test_a_plan_finds_some_to_order_and_some_not(loaded):
    database, company, _ = loaded
    plan = make_plan(database, actor=TESTER, at=NOW)
    with database.reading() as connection:
        found = recommended(connection)
    statuses = Counter(row["status"] for row in found)
    assert set(statuses) == {"order", "none"}
    assert plan.summary["orders"] == statuses["order"]
    assert plan.summary["points"] == len(found)
    assert plan.summary["assumed_stock"] == 0
    assert {row["sku"] for row in found} <= set(company.items["sku"])
    suppliers = set(company.items["supplier"])
    assert all(row["supplier"] in suppliers for row in found)


def test_the_same_seed_makes_the_same_company_in_any_database(loaded, tmp_path):
    again = open_database(f"sqlite:///{tmp_path / 'again.db'}")
    make_demo_company(again, **MADE, actor=TESTER, at=NOW)
    for table, quantities in {
        "order_line": "quantity, quantity_cancelled, quantity_shipped, quantity_returned",
        "purchase_order_line": "quantity, quantity_received",
        "stock_balance": "on_hand, allocated",
    }.items():
        statement = f"SELECT {quantities}, count(*) FROM {table} GROUP BY {quantities} ORDER BY {quantities}"
        assert [tuple(row) for row in rows(again, statement)] == [tuple(row) for row in rows(loaded[0], statement)]
    again.close()
