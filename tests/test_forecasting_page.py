"""The page on forecasting names what exists, and its links lead somewhere."""

import importlib
import pkgutil
import re
from pathlib import Path

import forecasting

PAGE = Path(__file__).parent.parent / "docs" / "forecasting.md"


def test_every_model_of_the_pages_table_exists():
    modules = [importlib.import_module(f"forecasting.{one.name}") for one in pkgutil.iter_modules(forecasting.__path__)]
    known = {name for module in modules for name in vars(module)}
    table = PAGE.read_text(encoding="utf-8").partition("## Which model for what")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`([a-z_0-9]+)`", row[2])}
    assert len(named) >= 25
    assert named <= known


def test_every_link_within_the_page_leads_to_a_heading():
    text = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
