"""A small planned demo company in a file, and pages of the dashboard opened on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import queries
from data.connection import Database, open_database
from orders.model import Actor
from service.demo import make_demo_company
from service.planning import make_plan

APP = Path(__file__).parent.parent / "dashboard" / "app.py"
ACTOR, NOW = Actor("tester"), datetime(2025, 6, 30, 16, tzinfo=UTC)
OpenPage = Callable[..., AppTest]


def planned_company(folder: Path, *, skus: int) -> Path:
    """The file of a company of so many SKUs, planned at `NOW` after 200 days of orders."""
    path = folder / "demo.db"
    database = open_database(f"sqlite:///{path}")
    make_demo_company(database, end=date(2025, 6, 30), days=200, skus=skus, actor=ACTOR, at=NOW)
    make_plan(database, actor=ACTOR, at=NOW)
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT 1")
    database.close()
    return path


def page_opener(monkeypatch: pytest.MonkeyPatch, screen: str, *, timeout: int = 60) -> OpenPage:
    """Opens a screen on a database at `NOW`, with a URL's parameters."""

    def opened(database: Database, **parameters: str) -> AppTest:
        monkeypatch.setenv("STOCKWRIGHT_DATABASE_URL", str(database.url))
        monkeypatch.setattr(queries, "now", lambda: NOW)
        test = AppTest.from_file(str(APP), default_timeout=timeout)
        for name, value in parameters.items():
            test.query_params[name] = value
        test.switch_page(f"screens/{screen}.py").run()
        assert not test.exception
        return test

    return opened


def text_of(page: AppTest) -> str:
    """What the page says outside tables and pictures."""
    kinds = ("markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind)).replace("\\", "")
