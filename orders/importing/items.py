"""An item file becomes SKUs and the terms on which they are supplied."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from data import master_rows
from data.connection import Database
from data.importers.problems import Problems
from data.importers.sheets import read_sheet
from orders.importing.files import FileImport, import_file
from orders.importing.report import ImportReport
from orders.model import Actor
from orders.terms import read_terms

COLUMNS = (
    "sku", "name", "category", "supplier", "lead_time_days", "moq", "pack_size", "unit_cost", "volume", "list_price",
)  # fmt: skip


def import_items(database: Database, request: FileImport, *, actor: Actor, at: datetime) -> ImportReport:
    """Import names, categories, suppliers, supply terms and list prices; an empty cell leaves what was known.

    Columns: sku (required), name, category, supplier, lead_time_days, moq, pack_size, unit_cost and list_price in
    the company's currency, volume in litres per unit.

    Raises:
        UnreadableFile: the file as a whole cannot be read.
    """
    errors, warnings = Problems(), Problems()
    sheet = read_sheet(request.path, COLUMNS, required=["sku"], errors=errors)
    codes, display = sheet.code("sku"), sheet.text("sku")
    sheet.refuse_repeats(codes, "sku")
    names, categories, suppliers = sheet.text("name"), sheet.text("category"), sheet.text("supplier")
    lead_times = sheet.number("lead_time_days", least=0)
    moqs, packs = sheet.whole("moq", least=1), sheet.whole("pack_size", least=1)
    costs, volumes = sheet.price("unit_cost"), sheet.number("volume", least=0)
    list_prices = sheet.price("list_price")

    def store(connection: Connection, _batch: int, _errors: Problems, _warnings: Problems) -> dict[str, int]:
        before = master_rows.known_skus(connection)
        new = [
            {"code": code, "display_code": shown or code, "name": name or shown or code}
            for code, shown, name in zip(codes, display, names, strict=True)
        ]
        skus = master_rows.sku_ids(connection, new)
        master_rows.update_skus(
            connection,
            [
                {"code": code, "name": name, "category": category, "volume_litres": volume}
                for code, name, category, volume in zip(codes, names, categories, volumes, strict=True)
            ],
        )
        distinct = sorted({supplier for supplier in suppliers if supplier})
        supplier_ids = master_rows.party_ids(
            connection, "supplier", [{"external_ref": name, "name": name, "country": None} for name in distinct]
        )
        currency = read_terms(connection).currency
        master_rows.set_supply_terms(
            connection,
            [
                {
                    "sku_id": skus[code],
                    "supplier_id": supplier_ids[suppliers[row] or ""] if suppliers[row] else None,
                    "lead_time_days": lead_times[row],
                    "moq": moqs[row],
                    "pack_size": packs[row],
                    "unit_cost_micros": costs[row],
                    "currency": currency,
                }
                for row, code in enumerate(codes)
            ],
        )
        for code, price in zip(codes, list_prices, strict=True):
            if price is not None:
                master_rows.set_list_price(connection, skus[code], price_micros=price, currency=currency)
        known = sum(code in before for code in codes)
        return {"items added": len(codes) - known, "items updated": known}

    return import_file(
        database,
        request,
        store,
        kind="items",
        lines=sheet.rows,
        errors=errors,
        warnings=warnings,
        actor=actor,
        at=at,
    )
