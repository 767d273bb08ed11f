"""Where transactions begin: one engine that writes, one that only reads, on SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError

from data.errors import DatabaseUnavailable

SCHEMA_REVISION = "0004"
_BUSY_TIMEOUT_MS = 15_000
_RESTED_SECONDS = 5.0
_FOREIGN = "{} holds tables that are not Stockwright's: name another database"
_SECRET_OPTIONS = ("password", "sslpassword")


@dataclass(frozen=True)
class Database:
    """An open database. `writing()` is one transaction that may change it, `reading()` one that cannot."""

    url: URL
    writer: Engine
    reader: Engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block and rolled back on any exception."""
        with self.writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the data that never waits for a writer and never writes."""
        with self.reader.begin() as connection:
            yield connection

    def close(self) -> None:
        """Release the pooled connections."""
        self.writer.dispose()
        self.reader.dispose()

    def __str__(self) -> str:
        return _shown(self.url)


def open_database(url: str) -> Database:
    """Open the database at `url`, making its tables when it is new.

    Raises:
        DatabaseUnavailable: the URL cannot be read, the server or file cannot be reached, the file is no
            database, or it is at another revision than this program (run `stockwright init`).
    """
    database = connect(url)
    with _explained(database), database.reading() as connection:
        revision = _revision(connection)
        is_empty = revision is None and not inspect(connection).get_table_names()
    if revision == SCHEMA_REVISION:
        return database
    if is_empty:
        with _explained(database):
            upgrade(database)
        return database
    database.close()
    if revision is None:
        raise DatabaseUnavailable(_FOREIGN.format(database))
    raise DatabaseUnavailable(
        f"{database} is at revision {revision} and this program needs {SCHEMA_REVISION}: run `stockwright init`"
    )


def initialise(url: str) -> Database:
    """Open the database at `url` and bring its tables to this program's revision.

    Raises:
        DatabaseUnavailable: as `open_database`, and when a newer program, or another, made its tables.
    """
    from alembic.util import CommandError

    database = connect(url)
    with _explained(database), database.reading() as connection:
        revision = _revision(connection)
        is_foreign = revision is None and bool(inspect(connection).get_table_names())
    if is_foreign:
        database.close()
        raise DatabaseUnavailable(_FOREIGN.format(database))
    try:
        with _explained(database):
            upgrade(database)
    except CommandError as error:
        database.close()
        raise DatabaseUnavailable(
            f"{database} is at revision {revision}, which this program does not know (it knows"
            f" {SCHEMA_REVISION}): use the newer program that made it, or name another database"
        ) from error
    return database


def connect(url: str) -> Database:
    """Engines for `url`, with our settings; nothing is read or made yet."""
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        _require_folder(parsed)
        writer, reader = (create_engine(parsed) for _ in range(2))
        _configure_sqlite(writer, begin="BEGIN IMMEDIATE", read_only=False)
        _configure_sqlite(reader, begin="BEGIN", read_only=True)
    else:
        # Compiling a plan costs more than the short reads and writes here take.
        writer = create_engine(parsed, pool_use_lifo=True, connect_args={"options": "-c jit=off"})
        _ping_when_idle(writer)
        reader = create_engine(
            parsed, pool_pre_ping=True, connect_args={"options": "-c jit=off -c default_transaction_read_only=on"}
        ).execution_options(isolation_level="REPEATABLE READ")
    return Database(parsed, writer, reader)


def upgrade(database: Database) -> None:
    """Bring the tables to the newest revision in one transaction, and protect the ledger again."""
    from alembic import command
    from alembic.config import Config

    from data.append_only import protect

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with _migrating(database) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        protect(connection)


@contextmanager
def _migrating(database: Database) -> Iterator[Connection]:
    """One transaction in which tables may be rebuilt.

    SQLite would take the rows of a table that is replaced for deleted, unless foreign keys are off, which can
    only be said before the transaction begins; the references are checked whole before it ends.
    """
    with database.writer.connect() as connection:
        driver: Any = connection.connection.driver_connection
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if is_sqlite:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    if broken:
                        raise DatabaseUnavailable(
                            f"cannot upgrade {database}: {len(broken)} rows refer to nothing, the first in"
                            f" {broken[0][0]}; nothing was changed"
                        )
        finally:
            if is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _parse(url: str) -> URL:
    wanted = "wanted sqlite:///file.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
            return parsed
    except (ArgumentError, NoSuchModuleError, ValueError):
        pass
    raise DatabaseUnavailable(f"cannot use database URL {_without_password(url)!r}: {wanted}")


def _without_password(url: str) -> str:
    try:
        return _shown(make_url(url))
    except (ArgumentError, ValueError):
        return url.rpartition("@")[2].partition("?")[0]


def _shown(url: URL) -> str:
    """The URL without its password, be it before the host or among the options."""
    return url.difference_update_query(_SECRET_OPTIONS).render_as_string(hide_password=True)


def _require_folder(url: URL) -> None:
    folder = Path(str(url.database)).absolute().parent
    if not folder.is_dir():
        raise DatabaseUnavailable(f"cannot use database {url.database}: there is no folder {folder}")


def _configure_sqlite(engine: Engine, *, begin: str, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # the transaction is begun below, not guessed by the driver
        pragmas = [
            "page_size=16384",  # of a new file: a bulk import is a third faster than with 4 KiB
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            "temp_store=MEMORY",
            "cache_size=-131072",
        ]
        for pragma in [*pragmas, "query_only=ON"] if read_only else pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _ping_when_idle(engine: Engine) -> None:
    """Ask a pooled connection whether it still lives, but only after it rested: asking each time costs a round trip."""

    @event.listens_for(engine, "checkin")
    def remember(_: Any, record: Any) -> None:
        record.info["rests_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _: Any) -> None:
        if monotonic() - record.info.get("rests_since", inf) > _RESTED_SECONDS:
            try:
                connection.execute("SELECT 1")
                connection.rollback()
            except _connection_errors() as error:
                raise DisconnectionError from error


def _connection_errors() -> tuple[type[Exception], ...]:
    """What the PostgreSQL driver raises when a server has gone."""
    import psycopg

    return (psycopg.OperationalError, psycopg.InterfaceError)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _explained(database: Database) -> Iterator[None]:
    """Turn a driver's refusal to open the database into one line."""
    try:
        yield
    except (OperationalError, DBAPIError) as error:
        database.close()
        why = " ".join(str(error.orig).split())
        raise DatabaseUnavailable(f"cannot open database {database}: {why}") from error
