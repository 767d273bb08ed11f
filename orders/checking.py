"""Does everything still add up? The ledger, its balances and the order lines held against each other."""

from __future__ import annotations

from dataclasses import dataclass

from data.append_only import missing_triggers
from data.check_rows import QUESTIONS, offending
from data.connection import Database

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
        missing = missing_triggers(connection)
        findings = [
            Finding(
                "stock movements can be neither changed nor deleted",
                len(missing),
                tuple(f"trigger {name} is missing: run stockwright init" for name in missing),
            )
        ]
        for question in QUESTIONS:
            broken, rows = offending(connection, question, most=SHOWN)
            examples = tuple(", ".join(f"{name} {value}" for name, value in row._mapping.items()) for row in rows)
            findings.append(Finding(question.promise, broken, examples))
    return findings
