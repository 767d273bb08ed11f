"""Triggers that refuse every change to what is only ever added to: movements, transitions, events, the audit trail.

SQLite needs a BEFORE INSERT trigger too, because `INSERT OR REPLACE` deletes a row without firing its delete
trigger unless `recursive_triggers` is on, and a reader of the file may not have set that. PostgreSQL needs one
per statement for TRUNCATE. A migration that rebuilds a table drops its triggers, so they are made again after
each one.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

APPEND_ONLY = {
    "stock_move": "stock movements are append-only: reverse them instead",
    "transition": "the log of state changes is append-only",
    "order_event": "an order's timeline is append-only",
    "audit_log": "the audit trail is append-only",
    "audit_seal": "the audit trail's seals are append-only",
}
"""Table → what its triggers say to whoever tries to change a row."""


def protect(connection: Connection) -> None:
    """(Re)create the triggers that make the tables of `APPEND_ONLY` append-only."""
    if connection.dialect.name == "sqlite":
        for name, (_, body) in _sqlite_triggers().items():
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
            connection.exec_driver_sql(f"CREATE TRIGGER {name} {body}")
        return
    connection.exec_driver_sql("DROP FUNCTION IF EXISTS refuse_stock_move_change CASCADE")
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0]; END $$"
    )
    for name, (table, when) in _postgresql_triggers().items():
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        said = APPEND_ONLY[table].replace("'", "''")
        connection.exec_driver_sql(f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION refuse_change('{said}')")


def missing_triggers(connection: Connection) -> list[str]:
    """Names of the protecting triggers that the database lacks or has switched off."""
    if connection.dialect.name == "sqlite":
        wanted, found = _sqlite_triggers(), "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        wanted, found = _postgresql_triggers(), "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
    present = set(connection.execute(text(found)).scalars())
    return [name for name in wanted if name not in present]


def _sqlite_triggers() -> dict[str, tuple[str, str]]:
    """Trigger → (table, all but the first words of its definition)."""
    triggers = {}
    for table, said in APPEND_ONLY.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{said.replace(chr(39), chr(39) * 2)}'); END"
        again = f"NEW.id IS NOT NULL AND EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"
        triggers[f"{table}_no_update"] = (table, f"BEFORE UPDATE ON {table} {refuse}")
        triggers[f"{table}_no_delete"] = (table, f"BEFORE DELETE ON {table} {refuse}")
        triggers[f"{table}_no_replace"] = (table, f"BEFORE INSERT ON {table} WHEN {again} {refuse}")
    return triggers


def _postgresql_triggers() -> dict[str, tuple[str, str]]:
    triggers = {}
    for table in APPEND_ONLY:
        triggers[f"{table}_no_update"] = (table, f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW")
        triggers[f"{table}_no_truncate"] = (table, f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT")
    return triggers
