"""What an import did with every line of a file, as people and programs read it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.importers.problems import Problems


@dataclass(frozen=True)
class ImportReport:
    """The outcome of one import.

    `counts` says what became of the file's lines and always adds up to all of them; `totals` are figures of
    the file to check it against (units, value, first and last day).
    """

    kind: str
    stored_lines: int
    counts: dict[str, int]
    totals: dict[str, Any] = field(default_factory=dict)
    errors: Problems = field(default_factory=Problems)
    warnings: Problems = field(default_factory=Problems)
    dry_run: bool = False

    @property
    def status(self) -> str:
        if self.errors.total:
            return "rejected"
        return "accepted_with_warnings" if self.warnings.total else "accepted"

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "status": self.status,
            "dry_run": self.dry_run,
            "rows": self.stored_lines,
            "counts": self.counts,
            "totals": self.totals,
            "errors": [problem.as_dict() for problem in self.errors.shown()],
            "errors_total": self.errors.total,
            "errors_by_problem": self.errors.counts,
            "warnings": [problem.as_dict() for problem in self.warnings.shown()],
            "warnings_total": self.warnings.total,
            "warnings_by_problem": self.warnings.counts,
        }


def rejected(kind: str, lines: int, errors: Problems, warnings: Problems, *, dry_run: bool) -> ImportReport:
    """A report of a file that was refused whole."""
    counts = {"refused with the file": lines}
    return ImportReport(kind, 0, counts, errors=errors, warnings=warnings, dry_run=dry_run)


def file_sha256(path: Path) -> str:
    """The file's content as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
