"""What-ifs kept under a name, to be opened again on the day's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data import what_if_rows
from data.connection import Database
from orders.commands import Command, carry_out
from orders.errors import UnknownThing
from orders.model import Actor, Permission
from orders.requests import words
from service.what_if import changes_from_text

MOST_LETTERS = 80


@dataclass(frozen=True)
class SavedWhatIf:
    """A question that somebody kept.

    Attributes:
        name: What it is called.
        question: Its changes, its items and its weeks, as a link carries them.
        saved_at: When.
        saved_by: Who.
    """

    name: str
    question: Mapping[str, str]
    saved_at: datetime
    saved_by: str


def saved_what_ifs(database: Database) -> tuple[SavedWhatIf, ...]:
    """All that are kept, by name."""
    with database.reading() as connection:
        rows = what_if_rows.saved(connection)
    return tuple(SavedWhatIf(row.name, dict(row.question), row.saved_at, row.saved_by) for row in rows)


def save_what_if(
    database: Database, name: str, question: Mapping[str, str], *, key: str, actor: Actor, at: datetime
) -> None:
    """Keep a question under a name; what had the name before gives it up. No other system is told.

    Raises:
        InvalidRequest: no name, or one too long.
        WrongChange: a question that cannot be asked.
    """
    actor.require(Permission.PLAN)
    name = words("name", name, most=MOST_LETTERS)
    changes_from_text(question)

    def act(command: Command) -> dict[str, Any]:
        what_if_rows.remove(command.connection, name, at=at, by=actor.name)
        number = what_if_rows.add(
            command.connection, name=name, question=question, saved_at=at, saved_by=actor.name, key=key
        )
        return {"number": number}

    asked = {"name": name, "question": dict(question)}
    carry_out(database, act, action="save what-if", request=asked, key=key, actor=actor, at=at)


def remove_what_if(database: Database, name: str, *, key: str, actor: Actor, at: datetime) -> None:
    """Take a saved question off the list.

    Raises:
        UnknownThing: nothing is saved under the name.
    """
    actor.require(Permission.PLAN)

    def act(command: Command) -> dict[str, Any]:
        if not what_if_rows.remove(command.connection, name, at=at, by=actor.name):
            raise UnknownThing("what-if", name, hint="nothing is saved under it")
        return {}

    carry_out(database, act, action="remove what-if", request={"name": name}, key=key, actor=actor, at=at)
