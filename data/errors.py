"""What can go wrong below the rules: the root of our refusals, and those of files and databases."""

from __future__ import annotations


class StockwrightError(Exception):
    """A refusal that a user can act on; its text is one line that names the thing, the need and what came."""


class DatabaseUnavailable(StockwrightError):
    """The database cannot be opened, read or written as asked."""


class UnreadableFile(StockwrightError):
    """A file is missing, empty, or not in a format or layout that we read."""
