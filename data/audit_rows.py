"""The audit trail and its seals: a chain of hashes in the order in which the trail was committed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, insert, select, text

from data.schema import audit_log, audit_seal

_AT_ONCE = 10_000
_REACH = 100_000
"""How many numbers back a row may come that was begun earlier and committed later than sealed ones."""


def seal(connection: Connection) -> int:
    """Seal what is not sealed yet; how many rows."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('stockwright audit seal'))"))
    last = connection.execute(select(audit_seal).order_by(audit_seal.c.id.desc()).limit(1)).one_or_none()
    number, previous = (0, "") if last is None else (last.id, last.hash)
    sealed = 0
    while rows := connection.execute(_UNSEALED, {"reach": _REACH, "most": _AT_ONCE}).all():
        seals = []
        for row in rows:
            number, previous = number + 1, _hash(previous, row)
            seals.append({"id": number, "audit_log_id": row.id, "hash": previous})
        connection.execute(insert(audit_seal), seals)
        sealed += len(seals)
    return sealed


_UNSEALED = text(
    "SELECT a.* FROM audit_log a WHERE a.id > (SELECT coalesce(max(audit_log_id), 0) - :reach FROM audit_seal)"
    " AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.audit_log_id = a.id) ORDER BY a.id LIMIT :most"
).columns(*audit_log.c)


def broken_seals(connection: Connection) -> Iterator[tuple[int, str]]:
    """(seal, what is wrong with it) wherever the chain does not fit the trail."""
    chain = select(audit_seal.c.id.label("seal"), audit_seal.c.hash, audit_seal.c.audit_log_id, audit_log).join_from(
        audit_seal, audit_log, audit_log.c.id == audit_seal.c.audit_log_id, isouter=True
    )
    previous, expected = "", 1
    for row in connection.execute(chain.order_by(audit_seal.c.id).execution_options(yield_per=_AT_ONCE)):
        if row.seal != expected:
            yield row.seal, f"seal {expected} is missing before it"
        if row.id is None:
            yield row.seal, f"audit row {row.audit_log_id} is gone"
        elif row.hash != _hash(previous, row):
            yield row.seal, f"audit row {row.audit_log_id} is not as it was sealed"
        previous, expected = row.hash, row.seal + 1


def _hash(previous: str, row: Any) -> str:
    said = (
        previous, row.id, row.command_key, row.actor, row.action, row.entity, row.entity_id, row.details,
        row.recorded_at.astimezone(UTC).isoformat(),
    )  # fmt: skip
    return hashlib.sha256("\x1f".join(map(str, said)).encode()).hexdigest()
