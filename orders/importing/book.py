"""An order file with everything that is decided about its lines before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.importers.order_files import OrderRows, first_rows
from data.importers.problems import Problems
from data.importers.reading import MISSING, Coded
from orders.model import LineKind
from orders.order_book import CHARGE_CODES, line_kinds
from orders.terms import Terms

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class OrderImport:
    """What to import, and how to read it; None takes the channel's or the company's value."""

    path: Path
    channel: str = "default"
    location: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    date_format: str | None = None
    charge_codes: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False


@dataclass(frozen=True)
class Book:
    """The file's rows with everything that was decided about them before writing."""

    rows: OrderRows
    kinds: NDArray[np.int8]
    channel_of_order: Coded
    location: Coded
    time_zone: str
    currency: str

    def of_kind(self, *kinds: LineKind) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.kinds, kinds))

    @cached_property
    def first_row(self) -> NDArray[np.intp]:
        """Each order's first row, shape (order,)."""
        return first_rows(self.rows.order.codes, len(self.rows.order.values))


@dataclass(frozen=True)
class Ids:
    """Ids of what the rows refer to; `channel` has shape (order,), the others (row,), with -1 for none."""

    batch: int
    channel: IntArray
    sku: IntArray
    location: IntArray
    party: IntArray


def decide(
    rows: OrderRows,
    request: OrderImport,
    terms: Terms,
    *,
    time_zone: str,
    currency: str,
    errors: Problems,
    warnings: Problems,
) -> Book:
    codes = CHARGE_CODES[rows.layout] if request.charge_codes is None else request.charge_codes
    kinds = line_kinds(rows, charge_codes=codes, errors=errors)
    no_customer = rows.text("customer_id").missing
    warnings.add("no customer", positions=np.flatnonzero(no_customer), column="customer_id")
    if "description" in rows.texts:
        warnings.add(
            "no description", positions=np.flatnonzero(rows.texts["description"].missing), column="description"
        )
    default_location = (request.location or terms.default_location).upper()
    return Book(
        rows=rows,
        kinds=kinds,
        channel_of_order=_per_order(rows, _filled(rows.text("channel"), request.channel), "channel", errors),
        location=_filled(rows.text("location"), default_location),
        time_zone=time_zone,
        currency=currency,
    )


def _filled(coded: Coded, default: str) -> Coded:
    """The same column with `default` where it was empty."""
    values = [*coded.values, *([] if default in coded.values else [default])]
    return Coded(np.where(coded.missing, values.index(default), coded.codes), values)


def _per_order(rows: OrderRows, column: Coded, name: str, errors: Problems) -> Coded:
    """A column that must be the same on all lines of an order, as one value per order."""
    first = first_rows(rows.order.codes, len(rows.order.values))
    of_order = column.codes[first]
    differs = np.flatnonzero(column.codes != of_order[rows.order.codes])
    errors.add(f"lines of one order name several {name}s", positions=differs, column=name, values=column)
    return Coded(of_order, column.values)


def mapped(coded: Coded, ids: Mapping[str, int]) -> IntArray:
    """Each row's id by its text; -1 where there is no text."""
    return np.array([*(ids.get(value, MISSING) for value in coded.values), MISSING], dtype=np.int64)[coded.codes]
