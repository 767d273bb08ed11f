"""One command, one transaction: what it does, and what it leaves behind for people, other systems and auditors.

The same key brings the same answer, whatever happens twice on the way. A refusal leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from data import command_rows
from data.command_rows import as_json
from data.connection import Database
from data.driver import Driver
from orders.errors import InvalidRequest, KeyReused
from orders.lifecycle import MACHINES
from orders.model import Actor


class Command:
    """A command while its transaction is open.

    Attributes:
        connection: The transaction, for SQLAlchemy Core.
        sql: The same, for fixed SQL on the driver's cursor.
        key: The idempotency key.
        actor: Who acts.
        at: Now.
        moment: Now, as the driver writes it.
    """

    __slots__ = ("_action", "_audit", "_events", "_messages", "_transitions", "actor", "at", "connection", "key",
                 "moment", "sql")  # fmt: skip

    def __init__(self, connection: Connection, *, action: str, key: str, actor: Actor, at: datetime) -> None:
        self.connection, self.sql = connection, Driver(connection)
        self._action, self.key, self.actor, self.at = action, key, actor, at
        self.moment = self.sql.moment(at)
        self._transitions: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._messages: list[tuple[Any, ...]] = []
        self._audit: list[tuple[Any, ...]] = []

    def move(self, machine: str, entity_id: int, source: str, event: str, target: str, *, what: str) -> None:
        """Log a change of state.

        Raises:
            NotPossible: the machine's table does not hold it.
        """
        MACHINES[machine].require(source, event, target, what=what)
        self._transitions.append(
            (machine, entity_id, str(source), event, str(target), self.moment, self.actor.name, self.key)
        )

    def tell(self, order_id: int, event: str, summary: str, details: Mapping[str, Any] | None = None) -> None:
        """Put an event on an order's timeline, and announce it."""
        given = {} if details is None else details
        self._events.append(
            (order_id, event, summary, as_json(given), self.moment, self.moment, self.actor.name, self.key)
        )
        self.announce(f"order.{event.replace(' ', '_')}", "order", order_id, {"summary": summary, **given})

    def announce(self, topic: str, entity: str, entity_id: int, payload: Mapping[str, Any]) -> None:
        """Put a message for other systems into the outbox, and the fact into the audit trail."""
        text = as_json(payload)
        self._messages.append((self.key, topic, entity, entity_id, text, self.moment))
        self._audit.append((self.key, self.actor.name, topic, entity, entity_id, text, self.moment))

    def finish(self, response: Mapping[str, Any]) -> None:
        """Write the logs and the answer."""
        command_rows.write_transitions(self.sql, self._transitions)
        command_rows.write_events(self.sql, self._events)
        command_rows.write_messages(self.sql, self._messages)
        command_rows.write_audit(self.sql, self._audit)
        command_rows.finish(self.sql, key=self.key, response=response, events=len(self._messages))


def carry_out(
    database: Database,
    act: Callable[[Command], dict[str, Any]],
    *,
    action: str,
    request: Mapping[str, Any],
    key: str,
    actor: Actor,
    at: datetime,
) -> dict[str, Any]:
    """Run `act` in one transaction and remember its answer under `key`, or answer as the first time.

    Args:
        database: Where.
        act: The body of the use case; what it returns must survive JSON.
        action: What the command is called, such as "place order".
        request: Everything that makes the command this one and no other, for JSON.
        key: The idempotency key, 1 to 200 characters.
        actor: Who acts.
        at: Now, with a time zone.

    Raises:
        KeyReused: the key came with another request before.
        InvalidRequest: the key is empty or too long, or `at` has no time zone.
    """
    if not 0 < len(key) <= 200:
        raise InvalidRequest("key", "1 to 200 characters", key)
    if at.tzinfo is None:
        raise InvalidRequest("at", "a moment with a time zone", at.isoformat())
    wanted = command_rows.request_hash({"action": action, **request})
    with database.writing() as connection:
        command = Command(connection, action=action, key=key, actor=actor, at=at)
        is_first = command_rows.claim(
            command.sql, key=key, actor=actor.name, action=action, request_hash=wanted, recorded_at=command.moment
        )
        if not is_first:
            known, response = command_rows.answer(command.sql, key)
            if known != wanted:
                raise KeyReused(key)
            return response
        response = act(command)
        command.finish(response)
        return response
