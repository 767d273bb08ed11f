"""Triggers that refuse every change to a stock movement once it is written, on both databases.

SQLite needs a BEFORE INSERT trigger too, because `INSERT OR REPLACE` deletes a row without firing its delete
trigger unless `recursive_triggers` is on, and a reader of the file may not have set that. PostgreSQL needs one
per statement for TRUNCATE. A migration that rebuilds the table drops its triggers, so they are made again
after each one.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_REFUSAL = "stock movements are append-only: reverse them instead"

_SQLITE = {
    "stock_move_no_update": f"BEFORE UPDATE ON stock_move BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "stock_move_no_delete": f"BEFORE DELETE ON stock_move BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    "stock_move_no_replace": (
        "BEFORE INSERT ON stock_move WHEN NEW.id IS NOT NULL AND"
        " EXISTS (SELECT 1 FROM stock_move WHERE id = NEW.id)"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    ),
}

_POSTGRESQL = {
    "stock_move_no_update": "BEFORE UPDATE OR DELETE ON stock_move FOR EACH ROW",
    "stock_move_no_truncate": "BEFORE TRUNCATE ON stock_move FOR EACH STATEMENT",
}


def protect_stock_moves(connection: Connection) -> None:
    """(Re)create the triggers that make `stock_move` append-only."""
    if connection.dialect.name == "sqlite":
        for name, body in _SQLITE.items():
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            connection.exec_driver_sql(f"CREATE TRIGGER {name} {body}")
        return
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION refuse_stock_move_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    for name, when in _POSTGRESQL.items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON stock_move")
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION refuse_stock_move_change()")


def missing_triggers(connection: Connection) -> list[str]:
    """Names of the protecting triggers that the database lacks or has switched off."""
    if connection.dialect.name == "sqlite":
        wanted, found = _SQLITE, "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        wanted, found = (
            _POSTGRESQL,
            ("SELECT tgname FROM pg_trigger WHERE tgrelid = 'stock_move'::regclass AND tgenabled IN ('O', 'A')"),
        )
    present = set(connection.execute(text(found)).scalars())
    return [name for name in wanted if name not in present]
