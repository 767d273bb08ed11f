"""Commands by their idempotency key, and what each of them leaves behind: state changes, timeline, outbox, audit.

All of it is written in the command's own transaction, by the driver's cursor: every use case pays for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from data.driver import Driver

Row = Sequence[Any]


def request_hash(request: Mapping[str, Any]) -> str:
    """64 hexadecimal digits that are the same for equal requests."""
    return hashlib.sha256(as_json(request).encode()).hexdigest()


_ENCODER = json.JSONEncoder(sort_keys=True, default=str, separators=(",", ":"), ensure_ascii=False)


def as_json(value: object) -> str:
    """One text for equal values: keys sorted, nothing but what is needed."""
    return _ENCODER.encode(value)


def claim(sql: Driver, *, key: str, actor: str, action: str, request_hash: str, recorded_at: Any) -> bool:
    """Take a key for this transaction; False when another one has it.

    Whoever comes with the same key at the same time waits here until the first has committed or given up.
    """
    written = sql.execute(
        "INSERT INTO command (key, actor, request_hash, response, recorded_at, action, events)"
        " VALUES (?, ?, ?, '{}', ?, ?, 0) ON CONFLICT (key) DO NOTHING",
        (key, actor, request_hash, recorded_at, action),
    )
    return written == 1


def answer(sql: Driver, key: str) -> tuple[str, dict[str, Any]]:
    """(request hash, response) of the command that used this key."""
    row = sql.row("SELECT request_hash, response FROM command WHERE key = ?", (key,))
    if row is None:
        raise LookupError(f"no command has the key {key!r}")
    response = json.loads(row[1]) if isinstance(row[1], str) else row[1]
    return str(row[0]), dict(response)


def finish(sql: Driver, *, key: str, response: Mapping[str, Any], events: int) -> None:
    """Remember what the command answered, and how many messages it put into the outbox."""
    sql.execute("UPDATE command SET response = ?, events = ? WHERE key = ?", (as_json(response), events, key))


def write_transitions(sql: Driver, rows: Sequence[Row]) -> None:
    """Rows of machine, entity, from, event, to, occurred_at, actor, key."""
    sql.insert(
        "transition (machine, entity_id, from_state, event, to_state, occurred_at, actor, command_key)", rows
    )  # fmt: skip


def write_events(sql: Driver, rows: Sequence[Row]) -> None:
    """Rows of order, event, summary, details (JSON), occurred_at, recorded_at, actor, key."""
    sql.insert(
        "order_event (sales_order_id, event, summary, details, occurred_at, recorded_at, actor, command_key)", rows
    )


def write_messages(sql: Driver, rows: Sequence[Row]) -> None:
    """Rows of key, topic, entity, entity id, payload (JSON), recorded_at."""
    sql.insert("outbox (command_key, topic, entity, entity_id, payload, recorded_at)", rows)


def write_audit(sql: Driver, rows: Sequence[Row]) -> None:
    """Rows of key, actor, action, entity, entity id, details (JSON), recorded_at."""
    sql.insert("audit_log (command_key, actor, action, entity, entity_id, details, recorded_at)", rows)
