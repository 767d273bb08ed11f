"""Does everything still add up? Ledger, balances, reservations, orders and logs held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice
from time import perf_counter

from sqlalchemy import Connection

from data import audit_rows, check_run_rows
from data.append_only import missing_triggers
from data.check_rows import QUESTIONS, offending
from data.connection import Database
from orders.model import Actor, Permission

SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """A promise, how many rows break it, and the first of these in words."""

    promise: str
    broken: int
    examples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.broken == 0


def check(database: Database) -> list[Finding]:
    """Hold every promise against the whole database, in one consistent view of it.

    Returns:
        A finding for each promise, kept or broken, always in the same order.
    """
    with database.reading() as connection:
        findings = [_protection(connection)]
        for question in QUESTIONS:
            broken, rows = offending(connection, question, most=SHOWN)
            examples = tuple(", ".join(f"{name} {value}" for name, value in row._mapping.items()) for row in rows)
            findings.append(Finding(question.promise, broken, examples))
        findings.append(_seals(connection))
    return findings


def _protection(connection: Connection) -> Finding:
    missing = missing_triggers(connection)
    return Finding(
        "movements, timelines, state changes and the audit trail can be neither changed nor deleted",
        len(missing),
        tuple(f"trigger {name} is missing: run stockwright init" for name in missing),
    )


def _seals(connection: Connection) -> Finding:
    wrong = [f"seal {number}: {what}" for number, what in islice(audit_rows.broken_seals(connection), 10_000)]
    return Finding("the sealed audit trail is as it was sealed", len(wrong), tuple(wrong[:SHOWN]))


def check_and_remember(database: Database, *, actor: Actor, at: datetime) -> list[Finding]:
    """Seal the audit trail, check everything, and keep the outcome for the dashboard.

    What is sealed now is checked from now on: who changes it later is found.
    """
    actor.require(Permission.CHECK)
    with database.writing() as connection:
        audit_rows.seal(connection)
    started = perf_counter()
    findings = check(database)
    seconds = perf_counter() - started
    with database.writing() as connection:
        check_run_rows.write(
            connection,
            checked_at=at,
            checked_by=actor.name,
            seconds=seconds,
            broken=sum(not finding.holds for finding in findings),
            findings=[asdict(finding) for finding in findings],
        )
    return findings


def broken_promises(findings: Sequence[Finding]) -> list[Finding]:
    """Those that do not hold."""
    return [finding for finding in findings if not finding.holds]
