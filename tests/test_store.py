"""The store opens safely, says in one line why it does not, and holds exactly the tables of the schema."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, StatementError

from data.connection import SCHEMA_REVISION, connect, initialise, open_database, upgrade
from data.errors import DatabaseUnavailable
from data.term_rows import write
from orders.checking import check

REPOSITORY = Path(__file__).parent.parent
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def refusal(url, opening=open_database):
    with pytest.raises(DatabaseUnavailable) as refused:
        opening(url)
    message = str(refused.value)
    assert "\n" not in message
    return message


def count_terms(database):
    with database.reading() as connection:
        return connection.execute(text("SELECT count(*) FROM term")).scalar_one()


# Transactions


@pytest.fixture
def sqlite_database(tmp_path):
    database = open_database(f"sqlite:///{tmp_path / 'stock.db'}")
    yield database
    database.close()


@pytest.mark.parametrize("transaction", ["writing", "reading"])
@pytest.mark.parametrize(
    ("pragma", "wanted"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("recursive_triggers", 1)],
)
def test_sqlite_keeps_what_it_acknowledged_and_checks_references(sqlite_database, transaction, pragma, wanted):
    with getattr(sqlite_database, transaction)() as connection:
        assert connection.execute(text(f"PRAGMA {pragma}")).scalar_one() == wanted


def test_sqlite_refuses_a_row_that_refers_to_nothing(database):
    with pytest.raises(DBAPIError), database.writing() as connection:
        connection.execute(text("INSERT INTO supplier_sku (sku_id) VALUES (4711)"))


def test_a_sqlite_writer_holds_the_write_lock_from_its_first_moment(sqlite_database):
    with sqlite_database.writing():
        other = sqlite3.connect(sqlite_database.url.database, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


def test_a_second_sqlite_writer_waits_for_the_first(sqlite_database):
    held, seen = threading.Event(), []

    def second():
        held.wait()
        with sqlite_database.writing() as connection:
            seen.append(connection.execute(text("SELECT count(*) FROM term")).scalar_one())

    waiting = threading.Thread(target=second)
    waiting.start()
    with sqlite_database.writing() as connection:
        held.set()
        waiting.join(0.2)
        assert waiting.is_alive()
        write(connection, {"moq": "2"}, "tester", NOON)
    waiting.join(10)
    assert seen == [1]


def test_a_reader_does_not_wait_for_a_writer_and_sees_what_was_committed(database):
    with database.writing() as connection:
        write(connection, {"moq": "2"}, "tester", NOON)
        assert count_terms(database) == 0
    assert count_terms(database) == 1


def test_a_reader_cannot_write(database):
    with pytest.raises(DBAPIError), database.reading() as connection:
        write(connection, {"moq": "2"}, "tester", NOON)
    assert count_terms(database) == 0


def test_a_failed_block_leaves_nothing(database):
    def interrupted():
        with database.writing() as connection:
            write(connection, {"moq": "2"}, "tester", NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert count_terms(database) == 0


def test_a_reader_sees_one_moment_throughout(database):
    with database.reading() as connection:
        before = connection.execute(text("SELECT count(*) FROM term")).scalar_one()
        with database.writing() as writing:
            write(writing, {"moq": "2"}, "tester", NOON)
        assert connection.execute(text("SELECT count(*) FROM term")).scalar_one() == before == 0


# Moments


def test_a_naive_moment_is_refused(database):
    with pytest.raises(StatementError, match="naive 2024-03-01"), database.writing() as connection:
        write(connection, {"moq": "2"}, "tester", datetime(2024, 3, 1, 12))  # noqa: DTZ001
    assert count_terms(database) == 0


def test_a_moment_comes_back_the_same_in_utc(database, rows_of):
    tokyo = timezone(timedelta(hours=9))
    with database.writing() as connection:
        write(connection, {"moq": "2"}, "tester", datetime(2024, 3, 1, 21, 0, 0, 250_000, tzinfo=tokyo))
    moment = rows_of(database, "term")[0]["set_at"]
    assert (moment, moment.utcoffset()) == (NOON.replace(microsecond=250_000), timedelta())


# Tables


# SQLite cannot tell what an index on an expression is of; the next test asks whether it is there.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_migrations_make_exactly_the_tables_of_the_schema(database, our_metadata):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "render_as_batch": True}
        )
        assert compare_metadata(context, our_metadata) == []


def test_migrations_make_exactly_the_indexes_of_the_schema(database, database_url, our_metadata):
    def indexes(opened):
        sql = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        if opened.url.get_backend_name() == "postgresql":
            sql = "SELECT indexname || indexdef FROM pg_indexes WHERE schemaname = 'public'"
        with opened.reading() as connection:
            return {name for name in connection.execute(text(sql)).scalars() if "alembic_version" not in name}

    direct = connect(database_url)
    our_metadata.create_all(direct.writer)
    assert indexes(database) == indexes(direct)
    assert any("ix_sales_order_lower_external_ref" in name for name in indexes(database))
    direct.close()


def test_migrations_make_exactly_the_checks_of_the_schema(database, database_url, our_metadata):
    def checks(engine_or_connection):
        inspector = inspect(engine_or_connection)
        return {
            (table, check["name"], " ".join(str(check["sqltext"]).split()))
            for table in our_metadata.tables
            for check in inspector.get_check_constraints(table)
        }

    direct = connect(database_url)
    our_metadata.create_all(direct.writer)
    with database.reading() as migrated, direct.reading() as wanted:
        assert checks(migrated) == checks(wanted)
        assert len(checks(wanted)) > 20
    direct.close()


def test_bringing_the_tables_up_to_date_again_changes_nothing(database, dump):
    def tables():
        with database.reading() as connection:
            inspector = inspect(connection)
            return {name: inspector.get_columns(name) for name in inspector.get_table_names()}

    with database.writing() as connection:
        write(connection, {"moq": "2"}, "tester", NOON)
    before, shape = dump(database), repr(tables())
    upgrade(database)
    assert (dump(database), repr(tables())) == (before, shape)


OLD_ROWS = (
    "INSERT INTO channel (code, time_zone, currency) VALUES ('WEB', 'UTC', 'EUR')",
    "INSERT INTO location (code, name, kind, is_external, time_zone)"
    " VALUES ('MAIN', 'Main', 'warehouse', false, 'UTC')",
    "INSERT INTO sku (code, display_code, name) VALUES ('A', 'a', 'Apple')",
    "INSERT INTO sales_order (id, channel_id, external_ref, placed_at, business_date, currency, status)"
    " SELECT 7, c.id, 'S7', :at, '2024-03-01', 'EUR', 'closed' FROM channel c",
    "INSERT INTO order_line (id, sales_order_id, line_no, sku_id, location_id, quantity, quantity_cancelled,"
    " quantity_shipped, unit_price_micros, amount_minor) SELECT 70, 7, 1, s.id, p.id, 5, 2, 3, 1000000, 500"
    " FROM sku s, location p WHERE p.code = 'MAIN'",
    "INSERT INTO cancellation (order_line_id, quantity, unit_price_micros, cancelled_at, reason)"
    " VALUES (70, 2, 1000000, :at, 'changed their mind')",
    "INSERT INTO stock_move (sku_id, quantity, source_location_id, destination_location_id, effective_at, recorded_at,"
    " kind, order_line_id) SELECT s.id, 3, a.id, b.id, :at, :at, 'sale', 70 FROM sku s, location a, location b"
    " WHERE a.code = 'BEFORE_STOCKWRIGHT' AND b.code = 'CUSTOMER'",
    "INSERT INTO stock_balance (sku_id, location_id, lot_id, is_external, on_hand) SELECT s.id, p.id, 0, true,"
    " CASE WHEN p.code = 'CUSTOMER' THEN 3 ELSE -3 END FROM sku s, location p"
    " WHERE p.code IN ('BEFORE_STOCKWRIGHT', 'CUSTOMER')",
)


def at_first_revision(url):
    """A database as the first program left it, with an order of which a part was cancelled and the rest shipped."""
    from alembic import command
    from alembic.config import Config

    database = connect(url)
    config = Config()
    config.set_main_option("script_location", str(REPOSITORY / "data" / "migrations"))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in OLD_ROWS:
            connection.execute(
                text(statement), {"at": "2024-03-01 12:00:00.000000+00:00"} if ":at" in statement else {}
            )
    return database


def test_a_database_of_the_first_revision_is_brought_up_with_all_it_held(database_url, rows_of):
    at_first_revision(database_url).close()
    database = initialise(database_url)
    order, line = rows_of(database, "sales_order")[0], rows_of(database, "order_line")[0]
    assert (order["id"], order["external_ref"], order["status"], order["version"]) == (7, "S7", "closed", 1)
    assert (order["line_count"], order["value_minor"], order["payment_status"]) == (1, 300, "none")
    assert (line["id"], line["quantity"], line["quantity_cancelled"], line["quantity_allocated"]) == (70, 5, 2, 0)
    assert rows_of(database, "stock_move")[0]["order_line_id"] == 70
    assert [finding.promise for finding in check(database) if not finding.holds] == []
    database.close()


def test_after_an_upgrade_references_checks_and_triggers_are_in_force(database_url):
    at_first_revision(database_url).close()
    database = initialise(database_url)
    for forbidden in (
        "DELETE FROM sales_order",
        "UPDATE order_line SET quantity_allocated = 1",
        "UPDATE sales_order SET status = 'lost'",
        "UPDATE stock_move SET quantity = 4",
    ):
        with pytest.raises(DBAPIError), database.writing() as connection:
            connection.execute(text(forbidden))
    database.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_an_upgrade_that_would_leave_loose_ends_changes_nothing(database_url):
    old = at_first_revision(database_url)
    loose = sqlite3.connect(old.url.database)
    loose.execute("UPDATE cancellation SET order_line_id = 4711")
    loose.commit()
    loose.close()
    old.close()
    assert "1 rows refer to nothing, the first in cancellation; nothing was changed" in refusal(
        database_url, initialise
    )
    assert "is at revision 0001 and this program needs" in refusal(database_url)


def test_an_opened_database_is_opened_again_with_what_it_held(database_url):
    first = open_database(database_url)
    with first.writing() as connection:
        write(connection, {"moq": "2"}, "tester", NOON)
    first.close()
    second = open_database(database_url)
    assert count_terms(second) == 1
    second.close()


# Refusals


@pytest.mark.parametrize("opening", [open_database, initialise])
def test_a_database_of_another_program_is_refused_and_left_alone(database_url, opening):
    foreign = connect(database_url)
    with foreign.writing() as connection:
        connection.execute(text("CREATE TABLE invoice (id INTEGER)"))
    assert "not Stockwright's: name another database" in refusal(database_url, opening)
    with foreign.reading() as connection:
        assert inspect(connection).get_table_names() == ["invoice"]
    foreign.close()


def test_another_revision_is_refused_with_what_to_do(database_url):
    database = open_database(database_url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    message = refusal(database_url)
    assert "revision 0000" in message
    assert f"needs {SCHEMA_REVISION}: run `stockwright init`" in message
    assert "revision 0000, which this program does not know" in refusal(database_url, initialise)
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "stock.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://planner:s3cret@db/stock",
        "postgres://planner:s3cret@db/stock",
        "postgresql://planner:s3cret@db:port/stock",
        "nonsense://planner:s3cret@db?password=s3cret",
        "planner:s3cret@db",
    ],
)
def test_a_url_of_another_kind_is_refused_in_one_line(url):
    message = refusal(url)
    assert "wanted sqlite:///file.db or postgresql://user@host/name" in message
    assert "s3cret" not in message


def test_a_missing_folder_is_named(tmp_path):
    message = refusal(f"sqlite:///{tmp_path / 'none' / 'stock.db'}")
    assert message.endswith(f"there is no folder {tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "stock.db"
    path.write_text("sku,on_hand\nA,1\n" * 100)
    assert "file is not a database" in refusal(f"sqlite:///{path}")
    assert path.read_text() == "sku,on_hand\nA,1\n" * 100


def test_a_folder_is_no_database(tmp_path):
    assert "cannot open database" in refusal(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://planner:s3cret@127.0.0.1:1/stock",
        "postgresql://planner@127.0.0.1:1/stock?password=s3cret&connect_timeout=2",
    ],
)
def test_an_unreachable_server_is_said_in_one_line_without_the_password(url):
    message = refusal(url)
    assert "cannot open database postgresql" in message
    assert "127.0.0.1" in message
    assert "s3cret" not in message


def test_a_database_shows_itself_without_the_password():
    database = connect("postgresql://planner:s3cret@db/stock?sslpassword=s3cret")
    assert str(database) == "postgresql+psycopg://planner:***@db/stock"
    database.close()


def test_a_server_without_the_database_says_so(new_postgresql_url):
    url = new_postgresql_url(None).replace("/test_", "/absent_")
    assert "does not exist" in refusal(url)


def test_a_user_who_may_not_make_tables_is_told_in_one_line(new_postgresql_url):
    url = new_postgresql_url(None)
    owner = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with owner.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS guest"))
        connection.execute(text("CREATE ROLE guest LOGIN"))
    owner.dispose()
    assert "permission denied" in refusal(url.replace("postgres:@", "guest:@"))
