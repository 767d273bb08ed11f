"""Commands that were carried out, by their idempotency key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from data.schema import command


def request_hash(request: Mapping[str, Any]) -> str:
    """64 hexadecimal digits that are the same for equal requests."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def find(connection: Connection, key: str) -> tuple[str, dict[str, Any]] | None:
    """(request hash, response) of the command that used this key, if any did."""
    row = connection.execute(
        select(command.c.request_hash, command.c.response).where(command.c.key == key)
    ).one_or_none()
    return None if row is None else (row.request_hash, dict(row.response))


def write(
    connection: Connection, *, key: str, actor: str, request_hash: str, response: Mapping[str, Any], at: datetime
) -> None:
    """Remember a command and what it answered."""
    row = {"key": key, "actor": actor, "request_hash": request_hash, "response": dict(response), "recorded_at": at}
    connection.execute(insert(command).values(row))
