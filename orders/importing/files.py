"""What the imports of items, stock, purchases and parcels share: one file, one transaction, one report."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from data import import_rows
from data.connection import Database
from data.importers.problems import Problems
from orders.importing.report import ImportReport, file_sha256, rejected
from orders.model import Actor, Permission


@dataclass(frozen=True)
class FileImport:
    """A file to import; with `dry_run` everything is checked and nothing is kept."""

    path: Path
    dry_run: bool = False


Store = Callable[[Connection, int, Problems, Problems], dict[str, int]]


def import_file(
    database: Database,
    request: FileImport,
    store: Store,
    *,
    kind: str,
    lines: int,
    errors: Problems,
    warnings: Problems,
    actor: Actor,
    at: datetime,
    occasion: str = "",
) -> ImportReport:
    """Store a checked file in one transaction, once: a file of the same content changes nothing.

    Args:
        database: Where to.
        request: The file.
        store: Writes the rows of (connection, batch, errors, warnings) and returns what became of them.
        kind: Which import this is.
        lines: Rows of the file below its header.
        errors: What was wrong with the file so far; anything here refuses it.
        warnings: What was odd.
        actor: Who imports.
        at: Now.
        occasion: What makes the same content another import, such as the moment of a count.
    """
    actor.require(Permission.IMPORT)
    if errors.total:
        return rejected(kind, lines, errors, warnings, dry_run=request.dry_run)
    sha256 = file_sha256(request.path)
    if occasion:
        sha256 = hashlib.sha256(f"{sha256} {occasion}".encode()).hexdigest()
    with database.writing() as connection:
        import_rows.hold_imports(connection)
        if import_rows.file_was_imported(connection, kind=kind, sha256=sha256):
            counts = {"stored already: left as it is": lines}
            return ImportReport(kind, 0, counts, errors=errors, warnings=warnings, dry_run=request.dry_run)
        batch = import_rows.open_batch(
            connection,
            kind=kind,
            file_name=request.path.name,
            sha256=sha256,
            imported_by=actor.name,
            imported_at=at,
        )
        counts = store(connection, batch, errors, warnings)
        if errors.total:
            connection.rollback()
            return rejected(kind, lines, errors, warnings, dry_run=request.dry_run)
        report = ImportReport(kind, lines, counts, errors=errors, warnings=warnings, dry_run=request.dry_run)
        import_rows.close_batch(connection, batch, stored_lines=lines, report=report.as_dict())
        if request.dry_run:
            connection.rollback()
    return report
