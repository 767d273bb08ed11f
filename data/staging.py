"""Checked arrays into a temporary table, the fast way of each database; set-based SQL does the rest."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, text

Values = NDArray[Any] | Sequence[Any]

_TYPES = {
    "sqlite": {"int": "INTEGER", "text": "TEXT", "moment": "TEXT", "date": "TEXT"},
    "postgresql": {"int": "bigint", "text": "text", "moment": "timestamptz", "date": "date"},
}
_MOST_VARIABLES = 999  # of a statement, in any build of SQLite


def stage(
    connection: Connection,
    name: str,
    columns: Mapping[str, tuple[str, Values]],
    *,
    ids_for: Table | None = None,
) -> None:
    """Make the temporary table `name` and fill it.

    Args:
        connection: An open writing transaction.
        name: The temporary table; one of that name is replaced. It ends with the transaction's connection
            being given back (`unstage`).
        columns: Column → (kind, values); kinds are int, text, moment (datetime64 in UTC) and date
            (datetime64). NaT and None become NULL.
        ids_for: When given, a first column `id` is added whose values are that table's next free ids, rising
            in the order of the values, so that rows of several tables can refer to each other before they
            are written.
    """
    unstage(connection, name)
    types = _TYPES[connection.dialect.name]
    declared = ", ".join(f"{column} {types[kind]}" for column, (kind, _) in columns.items())
    if connection.dialect.name == "sqlite":
        _stage_sqlite(connection, name, columns, declared, ids_for)
    else:
        _stage_postgresql(connection, name, columns, declared, ids_for)


def unstage(connection: Connection, *names: str) -> None:
    """Drop temporary tables, where they exist."""
    for name in names:
        temporary = f"temp.{name}" if connection.dialect.name == "sqlite" else f"pg_temp.{name}"
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {temporary}")


def staged_ids(connection: Connection, name: str) -> NDArray[np.int64]:
    """The ids that `stage` gave the rows of the temporary table `name`, in the order of its values; shape (row,)."""
    ids = connection.execute(text(f"SELECT id FROM {name} ORDER BY id")).scalars()
    return np.fromiter(ids, dtype=np.int64)


def insert_from(connection: Connection, table: str, columns: Sequence[str], select: str, **values: Any) -> int:
    """`INSERT INTO table (columns) select`, returning the number of rows that were written."""
    statement = text(f"INSERT INTO {table} ({', '.join(columns)}) {select}")
    return connection.execute(statement, values).rowcount


def _stage_sqlite(
    connection: Connection,
    name: str,
    columns: Mapping[str, tuple[str, Values]],
    declared: str,
    ids_for: Table | None,
) -> None:
    lists = [_sqlite_values(kind, values) for kind, values in columns.values()]
    if ids_for is not None:
        last = connection.execute(text(f"SELECT coalesce(max(id), 0) FROM {ids_for.name}")).scalar_one()
        lists.insert(0, range(last + 1, last + 1 + len(lists[0])))
        declared = f"id INTEGER PRIMARY KEY, {declared}"
    connection.exec_driver_sql(f"CREATE TEMP TABLE {name} ({declared})")
    cursor: Any = connection.connection.cursor()  # the driver's own, which is many times faster
    _insert_many(cursor, name, lists)
    cursor.close()


def _insert_many(cursor: Any, table: str, lists: Sequence[Sequence[Any]]) -> None:
    """Rows given as columns, many to a statement: binding and stepping once per row takes twice as long."""
    width = len(lists)
    cells: list[Any] = [None] * (width * len(lists[0]))
    for column, values in enumerate(lists):
        cells[column::width] = values
    row = f"({', '.join('?' * width)})"
    at_once = max(1, _MOST_VARIABLES // width)
    step = at_once * width
    whole = len(cells) - len(cells) % step
    several = f"INSERT INTO {table} VALUES {', '.join([row] * at_once)}"
    cursor.executemany(several, (cells[start : start + step] for start in range(0, whole, step)))
    rest = len(cells) - whole
    if rest:
        cursor.execute(f"INSERT INTO {table} VALUES {', '.join([row] * (rest // width))}", cells[whole:])


def _sqlite_values(kind: str, values: Values) -> Sequence[Any]:
    if kind == "moment":
        return moment_texts(np.asarray(values))
    if kind == "date":
        dates = np.asarray(values, dtype="datetime64[D]")
        written = np.datetime_as_string(dates).astype(object)
        written[np.isnat(dates)] = None
        return list(written)
    return list(values.tolist()) if isinstance(values, np.ndarray) else values


def moment_texts(moments: NDArray[np.datetime64]) -> list[str | None]:
    """UTC moments as SQLAlchemy writes them into SQLite; None for NaT."""
    if moments.size == 0:
        return []
    distinct, inverse = np.unique(moments.astype("datetime64[us]"), return_inverse=True)
    written = np.char.replace(np.datetime_as_string(distinct, unit="us"), "T", " ").astype(object)
    written[np.isnat(distinct)] = None
    return list(written[inverse])


def _stage_postgresql(
    connection: Connection,
    name: str,
    columns: Mapping[str, tuple[str, Values]],
    declared: str,
    ids_for: Table | None,
) -> None:
    import pyarrow as pa
    import pyarrow.csv as pv

    if ids_for is not None:
        # Looked up once: a default that looks it up does so for each row, which takes longer than the row.
        wanted = text("SELECT pg_get_serial_sequence(:table, 'id')")
        sequence = connection.execute(wanted, {"table": ids_for.name}).scalar_one()
        declared = f"id bigint DEFAULT nextval('{sequence}'::regclass), {declared}"
    connection.exec_driver_sql(f"CREATE TEMP TABLE {name} ({declared})")
    arrays = [_postgresql_array(kind, values) for kind, values in columns.values()]
    buffer = io.BytesIO()
    pv.write_csv(pa.table(arrays, names=list(columns)), buffer, pv.WriteOptions(include_header=False))
    cursor: Any = connection.connection.cursor()  # the driver's own, which is many times faster
    with cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT csv)") as copy:
        copy.write(buffer.getvalue())
    cursor.close()


def _postgresql_array(kind: str, values: Values) -> Any:
    import pyarrow as pa

    if kind == "moment":
        return pa.array([None if moment is None else moment + "+00" for moment in moment_texts(np.asarray(values))])
    if kind == "date":
        return pa.array(np.asarray(values).astype("datetime64[D]"))
    if kind == "text":
        return pa.array(list(values), type=pa.string())
    return pa.array(values if isinstance(values, np.ndarray) else list(values), type=pa.int64())
