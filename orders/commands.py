"""Idempotency: the same key brings the same answer, whatever happens twice on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from data import command_rows
from data.connection import Database
from data.errors import StockwrightError
from orders.errors import KeyReused
from orders.model import Actor


def carry_out(
    database: Database,
    act: Callable[[Connection], dict[str, Any]],
    *,
    request: Mapping[str, Any],
    key: str,
    actor: Actor,
    at: datetime,
) -> dict[str, Any]:
    """Run `act` in one transaction and remember its answer under `key`, or answer as the first time.

    Raises:
        KeyReused: the key came with another request before.
    """
    wanted = command_rows.request_hash(request)
    try:
        with database.writing() as connection:
            known = _answer(connection, key, wanted)
            if known is not None:
                return known
            response = act(connection)
            command_rows.write(connection, key=key, actor=actor.name, request_hash=wanted, response=response, at=at)
            return response
    except (StockwrightError, IntegrityError):
        # The same command may have been under way elsewhere and have finished first.
        with database.reading() as connection:
            known = _answer(connection, key, wanted)
        if known is None:
            raise
        return known


def _answer(connection: Connection, key: str, wanted: str) -> dict[str, Any] | None:
    known = command_rows.find(connection, key)
    if known is None:
        return None
    if known[0] != wanted:
        raise KeyReused(key)
    return known[1]
