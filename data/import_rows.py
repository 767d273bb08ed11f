"""Import batches, and which documents of a channel are stored already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from data.schema import import_batch, import_document, sales_order

_IMPORTS = 0x53746F636B  # a number of our own among the database's advisory locks


def hold_imports(connection: Connection) -> None:
    """Let one import write at a time: two of the same file must find each other's documents. SQLite does anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_IMPORTS)))


def open_batch(
    connection: Connection, *, kind: str, file_name: str, sha256: str, imported_by: str, imported_at: datetime
) -> int:
    """A new batch, to which the rows of one import belong; `close_batch` adds its outcome."""
    row = {
        "kind": kind,
        "file_name": file_name,
        "sha256": sha256,
        "stored_lines": 0,
        "report": {},
        "imported_by": imported_by,
        "imported_at": imported_at,
    }
    return int(connection.execute(insert(import_batch).values(row).returning(import_batch.c.id)).scalar_one())


def close_batch(connection: Connection, batch_id: int, *, stored_lines: int, report: Mapping[str, Any]) -> None:
    """Write down what the batch stored."""
    values = {"stored_lines": stored_lines, "report": dict(report)}
    connection.execute(update(import_batch).where(import_batch.c.id == batch_id).values(values))


def file_was_imported(connection: Connection, *, kind: str, sha256: str) -> bool:
    """Whether a file of exactly this content was stored before."""
    wanted = select(import_batch.c.id).where(import_batch.c.kind == kind, import_batch.c.sha256 == sha256)
    return connection.execute(wanted.limit(1)).first() is not None


def stored_documents(connection: Connection, channel_ids: Iterable[int]) -> dict[tuple[int, str], int]:
    """(channel, external reference) → fingerprint of the documents that these channels hold."""
    wanted = select(import_document.c.channel_id, import_document.c.external_ref, import_document.c.fingerprint).where(
        import_document.c.channel_id.in_(list(channel_ids))
    )
    return {(channel, ref): fingerprint for channel, ref, fingerprint in connection.execute(wanted)}


def entered_orders(connection: Connection, channel_ids: Iterable[int]) -> set[tuple[int, str]]:
    """(channel, external reference) of the orders that came otherwise than by an import."""
    wanted = select(sales_order.c.channel_id, sales_order.c.external_ref).where(
        sales_order.c.import_batch_id.is_(None), sales_order.c.channel_id.in_(list(channel_ids))
    )
    return {(channel, ref) for channel, ref in connection.execute(wanted)}
