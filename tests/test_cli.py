"""The command line from file to recommendation: answers on stdout, refusals in one line on stderr.

Commands run in this process, which takes a tenth of the time; a few run as processes of their own, and one test holds
that both say the same.
"""

import csv
import io
import json
import sqlite3
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

import data.connection
from service import cli

REPOSITORY = Path(__file__).parent.parent
VARIABLE = "STOCKWRIGHT_DATABASE_URL"
KEYS = [
    "sku", "location", "status", "order_quantity", "reorder_point", "order_up_to_level", "safety_stock",
    "inventory_position", "supplier", "order_value", "currency", "as_of", "reason", "assumptions",
]  # fmt: skip
FIRST = date(2024, 1, 1)
DAYS = 120


ORDER_COLUMNS = "order_id,order_date,customer_id,sku,quantity,unit_price,country"


def order_rows(days=DAYS):
    for day in range(days):
        on = f"{FIRST + timedelta(days=day)} 12:00:00"
        yield f"{day}-1,{on},c{day % 7},Mug-Red,{1 + day % 5},4.50,DE"
        yield f"{day}-2,{on},c{day % 5},TEAPOT,{1 + day % 2},19.00,DE"


@pytest.fixture(scope="module")
def planned(tmp_path_factory, command_line):
    """A shop whose two SKUs were ordered on every day of four months, with items, stock and a plan."""
    shop = command_line(tmp_path_factory.mktemp("shop"))
    shop.answer("init")
    shop.answer("import", "orders", shop.write("orders.csv", ORDER_COLUMNS, *order_rows()))
    items = shop.write(
        "items.csv", "sku,supplier,lead_time_days,moq,pack_size,unit_cost", "MUG-RED,Potter,10,12,6,2.00"
    )
    stock = shop.write("stock.csv", "sku,location,on_hand", "mug-red,MAIN,5")
    assert "1" in shop.answer("import", "items", items)
    assert "accepted" in shop.answer("import", "stock", stock, "--counted-on", str(FIRST + timedelta(days=DAYS - 2)))
    shop.said = shop.answer("plan")
    return shop


# Processes


def test_a_process_says_what_the_command_says_here(fresh, planned):
    for shop, arguments in [
        (fresh, ["init"]),
        (fresh, ["plan"]),
        (fresh, ["import", "orders", fresh.write("wrong.csv", "article,pieces", "A,1")]),
        (planned, ["plan", "--as-of", "2023-12-31"]),
        (planned, ["recommend", "--format", "json"]),
    ]:
        here, there = shop.run(*arguments), shop.process(*arguments)
        assert (there.returncode, there.stdout, there.stderr) == (here.returncode, here.stdout, here.stderr)


def test_a_process_finds_its_database_by_the_variable(fresh):
    assert fresh.process("init", **{VARIABLE: "sqlite:///named.db"}).returncode == 0
    assert [path.name for path in fresh.folder.glob("*.db")] == ["named.db"]


# Databases


def test_a_database_is_named_by_option_else_by_variable_else_it_is_in_the_folder(fresh):
    assert "sqlite:///stockwright.db is at revision" in fresh.answer("init")
    assert "sqlite:///named.db" in fresh.answer("init", **{VARIABLE: "sqlite:///named.db"})
    said = fresh.answer("init", "--database", "sqlite:///option.db", **{VARIABLE: "sqlite:///unused.db"})
    assert "sqlite:///option.db" in said
    assert {path.name for path in fresh.folder.glob("*.db")} == {"stockwright.db", "named.db", "option.db"}


def test_a_database_that_cannot_be_had_is_refused_in_one_line(fresh):
    (fresh.folder / "text.db").write_text("this is no database, whatever its name says\n" * 40)
    for url, why in {
        "nonsense": "wanted sqlite:///file.db or postgresql://user@host/name",
        "sqlite:////no/such/folder/x.db": "there is no folder",
        "sqlite:///text.db": "file is not a database",
        "postgresql://planner:secret@127.0.0.1:1/shop": "127.0.0.1",
    }.items():
        said = fresh.refusal("recommend", "--database", url)
        assert why in said
        assert "secret" not in said


def test_a_writer_that_never_ends_is_waited_for_and_then_named(fresh, monkeypatch, capsys):
    monkeypatch.setattr(data.connection, "_BUSY_TIMEOUT_MS", 50)
    url = f"sqlite:///{fresh.folder / 'stockwright.db'}"
    data.connection.open_database(url).close()
    other = sqlite3.connect(fresh.folder / "stockwright.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sys, "argv", ["stockwright", "terms", "set", "moq=3", "--database", url])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    other.close()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("stockwright: ")
    assert said.err.count("\n") == 1
    assert "database is locked" in said.err
    assert "nothing was changed" in said.err


# Importing


def test_an_import_reports_for_programs_stores_once_and_changes_nothing_in_a_dry_run(fresh):
    fresh.answer("init")
    before = fresh.tables()
    name = fresh.write("orders.csv", ORDER_COLUMNS, *order_rows(3))
    tried = json.loads(fresh.answer("import", "orders", name, "--dry-run", "--format", "json"))
    assert fresh.tables() == before
    stored = json.loads(fresh.answer("import", "orders", name, "--format", "json"))
    filled = fresh.tables()
    again = json.loads(fresh.answer("import", "orders", name, "--format", "json"))
    assert fresh.tables() == filled
    assert (tried["dry_run"], stored["dry_run"]) == (True, False)
    assert tried | {"dry_run": False} == stored
    for report, rows, status in ((stored, 6, "accepted_with_warnings"), (again, 0, "accepted")):
        assert (report["kind"], report["status"], report["rows"]) == ("orders", status, rows)
        assert sum(report["counts"].values()) == 6
        assert report["errors"] == []
        assert report["errors_total"] == 0
        assert report["totals"]["units"] == 1 + 2 + 3 + 1 + 2 + 1
        assert report["totals"]["value"] == 4.5 * 6 + 19 * 4
        assert set(report) == {
            "kind", "status", "dry_run", "rows", "counts", "totals", "errors", "errors_total", "errors_by_problem",
            "warnings", "warnings_total", "warnings_by_problem",
        }  # fmt: skip
    assert len(filled["order_line"]) == 6


def test_a_file_with_an_error_is_refused_whole_and_told_by_row(fresh):
    fresh.answer("init")
    before = fresh.tables()
    name = fresh.write("orders.csv", ORDER_COLUMNS, *order_rows(2), "9,2024-01-09 12:00:00,c,MUG,six,1.00,DE")
    done = fresh.run("import", "orders", name, "--format", "json")
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (report["status"], report["rows"], report["errors_total"]) == ("rejected", 0, 1)
    assert report["errors"][0] | {"row": 6, "column": "quantity", "value": "six"} == report["errors"][0]
    assert fresh.run("import", "orders", name).returncode == 1
    assert fresh.tables() == before


def test_a_file_that_is_no_order_book_is_refused_in_one_line(fresh):
    fresh.write("wrong.csv", "article,pieces", "A,1")
    fresh.write("orders.csv", ORDER_COLUMNS, *order_rows(1))
    (fresh.folder / "empty.csv").write_text("")
    for arguments, why in [
        (["missing.csv"], "there is no file missing.csv"),
        (["empty.csv"], "empty.csv is empty"),
        (["wrong.csv"], "wrong.csv lacks order_id"),
        (["orders.csv", "--map", "sku"], "--map must look like sku=ArticleNumber, got 'sku'"),
        (["orders.csv", "--time-zone", "Mars/Base"], "there is no time zone 'Mars/Base'"),
        (["orders.csv", "--currency", "EURO"], "currency must be an ISO 4217 code"),
    ]:
        assert why in fresh.refusal("import", "orders", *arguments)


def test_a_count_must_be_dated_by_a_date(fresh):
    stock = fresh.write("stock.csv", "sku,location,on_hand", "A,MAIN,5")
    said = fresh.refusal("import", "stock", stock, "--counted-on", "yesterday")
    assert said == "--counted-on must be a date such as 2026-11-22, got 'yesterday'"


# Terms and locations


def test_terms_are_set_together_and_shown(fresh):
    assert fresh.answer("terms", "set", "lead_time_days=21", "stock_budget=250000").splitlines() == [
        "lead_time_days = 21",
        "stock_budget = 250000",
    ]
    shown = json.loads(fresh.answer("terms", "show", "--format", "json"))
    assert (shown["lead_time_days"], shown["stock_budget"], shown["moq"]) == ("21", "250000", "1")
    assert "days between two looks at a SKU" in fresh.answer("terms", "show")


def test_a_term_that_cannot_be_is_refused_and_none_is_set(fresh):
    for arguments, why in [
        (["lead_time=3"], "term must be one of currency, "),
        (["moq=4", "lead_time_days=soon"], "lead_time_days must be days from 0 to 730, got 'soon'"),
        (["moq"], "terms are set as NAME=VALUE, got 'moq'"),
        (["fill_rate_floor=0.99"], "fill_rate_floor must be at most fill_rate_target (0.95), got '0.99'"),
    ]:
        assert why in fresh.refusal("terms", "set", *arguments)
    assert json.loads(fresh.answer("terms", "show", "--format", "json"))["moq"] == "1"


def test_a_location_is_added_once_and_of_a_known_kind(fresh):
    assert fresh.answer("locations", "add", "city", "--kind", "store") == "CITY is a place of kind store\n"
    assert "location kind must be warehouse or store or in_transit" in fresh.refusal(
        "locations", "add", "X", "--kind", "palace"
    )


# Planning


def test_what_has_nothing_to_go_on_is_refused_in_one_line(fresh):
    assert "import orders first" in fresh.refusal("plan")
    assert "run `stockwright plan` first" in fresh.refusal("recommend")
    assert "import orders first" in fresh.refusal("prove")


def test_a_plan_says_what_it_achieves_and_how_long_it_took(planned):
    assert f"as of {FIRST + timedelta(days=DAYS - 2)}: 2 SKU-locations" in planned.said
    assert "fill rate" in planned.said
    assert "forecast demand" in planned.said


def test_recommendations_are_one_per_sku_and_location_alike_in_every_format(planned):
    rows = json.loads(planned.answer("recommend", "--format", "json"))
    assert {(row["sku"], row["location"]) for row in rows} == {("Mug-Red", "MAIN"), ("TEAPOT", "MAIN")}
    assert len(rows) == 2
    assert all(list(row) == KEYS for row in rows)
    mug = next(row for row in rows if row["sku"] == "Mug-Red")
    assert mug["status"] == "order"
    assert mug["order_quantity"] >= 12
    assert mug["order_quantity"] % 6 == 0
    assert mug["inventory_position"] == 5
    assert mug["inventory_position"] + mug["order_quantity"] >= mug["order_up_to_level"] > mug["reorder_point"]
    assert mug["order_value"] == mug["order_quantity"] * 2.00
    assert mug["supplier"] == "Potter"
    printed = list(csv.DictReader(io.StringIO(planned.answer("recommend", "--format", "csv"))))
    assert [list(row) for row in printed] == [KEYS] * 2
    for row, same in zip(rows, printed, strict=True):
        assert same["assumptions"] == "; ".join(row["assumptions"])
        assert {name: same[name] for name in KEYS[:-1]} == {
            name: "" if row[name] is None else str(row[name]) for name in KEYS[:-1]
        }
    table = planned.answer("recommend")
    assert "Mug-Red" in table
    assert str(mug["order_up_to_level"]) in table


def test_recommendations_of_one_sku_are_found_in_any_case(planned):
    rows = json.loads(planned.answer("recommend", "--sku", "mug-RED", "--format", "json"))
    assert [row["sku"] for row in rows] == ["Mug-Red"]
    assert "MUG" in planned.refusal("recommend", "--sku", "MUG")


def test_a_plan_as_of_an_impossible_day_is_refused(planned):
    assert planned.refusal("plan", "--as-of", "2024-13-01").startswith("--as-of must be a date such as")
    assert planned.refusal("plan", "--as-of", "9999-12-31").startswith("--as-of must be a date such as")
    assert "must not lie before the first order (2024-01-01)" in planned.refusal("plan", "--as-of", "2023-12-31")


def test_a_budget_that_the_target_exceeds_is_explained(planned):
    planned.answer("terms", "set", "stock_budget=1")
    said = planned.refusal("plan")
    planned.answer("terms", "set", "stock_budget=none")
    assert "budget" in said


def test_a_history_too_short_to_prove_on_is_refused(planned):
    said = planned.refusal("prove", "--cuts", "2")
    assert said == f"a replay needs 224 days of orders, the database holds {DAYS - 1}: import more history"


def test_a_proof_is_printed_for_programs_and_pictured(planned):
    proof = json.loads(
        planned.answer("prove", "--cuts", "1", "--weeks", "1", "--format", "json", "--picture", "p.html")
    )
    assert [cut["cut"] for cut in proof["cuts"]] == [str(FIRST + timedelta(days=DAYS - 9))]
    assert {policy["policy"] for policy in proof["total"]["policies"]} == {"recommended", "weeks of cover"}
    assert (planned.folder / "p.html").stat().st_size > 100_000


def test_goods_without_any_price_are_planned_by_units(fresh):
    given = (f"{day},{FIRST + timedelta(days=day)},c,FREEBIE,2,0,DE" for day in range(60))
    fresh.answer("import", "orders", fresh.write("gifts.csv", ORDER_COLUMNS, *given))
    fresh.answer("plan")
    (row,) = json.loads(fresh.answer("recommend", "--format", "json"))
    expected = 2 * (14 + 7)
    assert expected <= row["reorder_point"] < 3 * expected


# The demo company


def test_the_demo_company_fills_a_new_database_only(fresh):
    fresh.answer("sample", "--skus", "20", "--days", "120", "--end", "2026-11-22")
    orders = fresh.tables()["sales_order"]
    assert len(orders) > 100
    assert "holds orders already" in fresh.refusal("sample", "--skus", "20", "--days", "120")
    assert fresh.tables()["sales_order"] == orders
    assert fresh.run("sample", "--skus", "501", "--database", "sqlite:///other.db").returncode == 2


def test_check_passes_what_adds_up_and_fails_what_does_not(fresh):
    fresh.answer("import", "orders", fresh.write("orders.csv", ORDER_COLUMNS, *order_rows(3)))
    promises = fresh.answer("check").splitlines()
    assert promises
    assert all(line.startswith("holds") for line in promises)
    connection = sqlite3.connect(fresh.folder / "stockwright.db")
    connection.execute("UPDATE stock_balance SET on_hand = on_hand - 1 WHERE on_hand > 0")
    connection.commit()
    connection.close()
    done = fresh.run("check", "--format", "json")
    assert done.returncode == 1
    failed = {finding["promise"] for finding in json.loads(done.stdout) if not finding["holds"]}
    assert failed == {"a balance is the sum of its movements", "over all locations every SKU adds up to zero"}
