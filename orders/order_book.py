"""What the lines of an order file are: sales, credits, charges or corrections of stock. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.importers.order_files import ONLINE_RETAIL, PLAIN, OrderRows
from data.importers.problems import Problems
from orders.model import LineKind

# Codes that are no goods, by layout; * stands for any ending. The online-retail ones are postage, carriage,
# manual entries, discounts, samples, bad debt, bank and marketplace fees, vouchers and cushion pads.
CHARGE_CODES: dict[str, tuple[str, ...]] = {
    ONLINE_RETAIL: (
        "POST", "DOT", "M", "D", "S", "B", "C2", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "GIFT_0001_*",
    ),
    PLAIN: ("SHIPPING", "POSTAGE", "DISCOUNT"),
}  # fmt: skip


def line_kinds(rows: OrderRows, *, charge_codes: Sequence[str], errors: Problems) -> NDArray[np.int8]:
    """The `LineKind` of each row, shape (row,).

    A charge is a line whose code is no goods (or whose `line_type` says "charge"). A credit is a negative
    quantity that is worth something, names a customer, or stands on a credit note (an order number that
    starts with C, in the online-retail layout). A negative quantity without any of these is a write-off. An
    order without a customer on which nothing is worth anything is goods found, not a sale.

    Args:
        rows: The checked rows.
        charge_codes: Codes that are no goods, in any case, `*` standing for any ending.
        errors: Receives the lines that contradict themselves.
    """
    is_charge = _is_charge(rows, charge_codes)
    no_customer, free = rows.text("customer_id").missing, rows.unit_price_micros == 0
    on_credit_note = _on_credit_note(rows)
    negative = rows.quantity < 0
    corrects_stock = free & no_customer & ~on_credit_note & rows.text("returns_order").missing
    worthless = np.ones(len(rows.order.values), dtype=bool)
    np.logical_and.at(worthless, rows.order.codes, (free & no_customer) | is_charge & free)
    kinds = np.full(len(rows), LineKind.SALE, dtype=np.int8)
    kinds[~negative & corrects_stock & worthless[rows.order.codes]] = LineKind.FOUND
    kinds[negative] = LineKind.CREDIT
    kinds[negative & corrects_stock] = LineKind.WRITE_OFF
    kinds[is_charge] = LineKind.CHARGE
    _refuse_contradictions(rows, kinds, on_credit_note, errors)
    return kinds


def _is_charge(rows: OrderRows, charge_codes: Sequence[str]) -> NDArray[np.bool_]:
    patterns = [code.strip().upper() for code in charge_codes]
    is_charge_code = np.array(
        [any(fnmatch.fnmatchcase(code, pattern) for pattern in patterns) for code in rows.sku.values] + [False]
    )
    line_type = rows.text("line_type").upper()
    says_charge = np.array([value == "CHARGE" for value in line_type.values] + [False])[line_type.codes]
    says_goods = np.array([value == "GOODS" for value in line_type.values] + [False])[line_type.codes]
    return np.asarray((is_charge_code[rows.sku.codes] & ~says_goods) | says_charge)


def _on_credit_note(rows: OrderRows) -> NDArray[np.bool_]:
    if rows.layout != ONLINE_RETAIL:
        return np.zeros(len(rows), dtype=bool)
    is_credit_note = np.array([order[:1] in "Cc" for order in rows.order.values] + [False])
    return np.asarray(is_credit_note[rows.order.codes])


def _refuse_contradictions(
    rows: OrderRows, kinds: NDArray[np.int8], on_credit_note: NDArray[np.bool_], errors: Problems
) -> None:
    goods = kinds != LineKind.CHARGE
    errors.add(
        "a credit note's quantity must be negative",
        positions=np.flatnonzero(on_credit_note & goods & (rows.quantity > 0)),
        column="quantity",
        values=rows.quantity,
    )
    errors.add(
        "unit_price of goods must not be negative",
        positions=np.flatnonzero(goods & (rows.unit_price_micros < 0)),
        column="unit_price",
        values=rows.unit_price_micros / 1e6,
    )
    errors.add(
        "quantity × unit_price is too large to be stored",
        positions=np.flatnonzero(np.abs(rows.quantity * (rows.unit_price_micros / 1.0)) > 9e18),
        column="quantity",
        values=rows.quantity,
    )
    errors.add(
        "cancelled_quantity must not exceed quantity",
        positions=np.flatnonzero((kinds == LineKind.SALE) & (rows.cancelled_quantity > rows.quantity)),
        column="cancelled_quantity",
        values=rows.cancelled_quantity,
    )
