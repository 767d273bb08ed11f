"""What the surroundings say, read once."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_DATABASE = "sqlite:///stockwright.db"
DATABASE_VARIABLE = "STOCKWRIGHT_DATABASE_URL"


@dataclass(frozen=True)
class Settings:
    """Where the database is, and in whose name commands act."""

    database_url: str
    actor: str


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables, with the defaults of a single user on a laptop."""
    environment = os.environ if environment is None else environment
    return Settings(
        database_url=environment.get(DATABASE_VARIABLE) or DEFAULT_DATABASE,
        actor=environment.get("STOCKWRIGHT_ACTOR") or _user_name(),
    )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
