"""The demo company into a database, through the same imports as real files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from data.connection import Database
from data.errors import StockwrightError
from data.samples import DemoCompany, demo_company
from orders.importing import (
    FileImport,
    ImportReport,
    OrderImport,
    StockImport,
    import_items,
    import_orders,
    import_parcels,
    import_purchases,
    import_stock,
)
from orders.master import add_location
from orders.model import Actor
from orders.terms import set_terms
from service.planning import Progress, silent

DEMO_SEED = 7


class DemoRefused(StockwrightError):
    """A file of the demo company did not pass the import."""


def make_demo_company(
    database: Database,
    *,
    end: date,
    seed: int = DEMO_SEED,
    days: int = 550,
    skus: int = 400,
    actor: Actor,
    at: datetime,
    progress: Progress = silent,
) -> DemoCompany:
    """Generate the demo company and import it: items, opening stock, purchases, orders, parcels.

    Args:
        database: A new database.
        end: Its last day.
        seed: The same seed and end make the same company.
        days: Length of its history.
        skus: Size of its range.
        actor: Who imports.
        at: Now.
        progress: Told each step as it begins.

    Raises:
        DemoRefused: an import refused a file.
    """
    progress("make up the demo company")
    company = demo_company(seed=seed, end=end, days=days, skus=skus)
    set_terms(
        database, {"currency": company.currency, "time_zone": company.time_zone, "default_location": "WH-NORTH"},
        actor=actor, at=at,
    )  # fmt: skip
    for place in company.locations.to_dict("records"):
        add_location(
            database,
            code=place["location"],
            name=place["name"],
            kind=place["kind"],
            time_zone=place["time_zone"],
            actor=actor,
        )
    counted_at = datetime.combine(company.start, time(), ZoneInfo(company.time_zone))
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(company, Path(folder))
        stock = StockImport(files["opening_stock"], counted_at=counted_at)
        progress("import items")
        _require_accepted(import_items(database, FileImport(files["items"]), actor=actor, at=at))
        progress("import opening stock")
        _require_accepted(import_stock(database, stock, actor=actor, at=at))
        progress("import purchases")
        _require_accepted(import_purchases(database, FileImport(files["purchases"]), actor=actor, at=at))
        progress("import orders")
        _require_accepted(import_orders(database, OrderImport(files["orders"]), actor=actor, at=at))
        progress("import parcels")
        _require_accepted(import_parcels(database, FileImport(files["parcels"]), actor=actor, at=at))
    return company


def write_files(company: DemoCompany, folder: Path) -> Mapping[str, Path]:
    """The company's files as Parquet, by name."""
    frames: dict[str, pd.DataFrame] = {
        "items": company.items,
        "opening_stock": company.opening_stock,
        "purchases": company.purchases,
        "orders": company.orders,
        "parcels": company.parcels,
    }
    paths = {}
    for name, frame in frames.items():
        paths[name] = folder / f"{name}.parquet"
        frame.to_parquet(paths[name], index=False)
    return paths


def _require_accepted(report: ImportReport) -> None:
    if report.errors.total:
        first = report.errors.shown()[0]
        where = f"row {first.row}, {first.column}"
        raise DemoRefused(f"the demo company's {report.kind} were refused: {where}: {first.problem}")
