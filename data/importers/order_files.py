"""Order files to checked rows. What a row means (a sale, a credit, a charge) is decided in `orders`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.errors import UnreadableFile
from data.importers.problems import Problems
from data.importers.reading import (
    MISSING,
    Coded,
    FileTable,
    Integers,
    Moments,
    integers,
    micros,
    moments,
    read_table,
    texts,
)

ONLINE_RETAIL = "online_retail"
PLAIN = "plain"

_COLUMNS: dict[str, tuple[str, ...]] = {
    "order_id": ("InvoiceNo", "Invoice"),
    "order_date": ("InvoiceDate",),
    "customer_id": ("CustomerID",),
    "sku": ("StockCode",),
    "quantity": (),
    "unit_price": ("Price",),
    "country": (),
    "description": (),
    "channel": (),
    "location": (),
    "line_type": (),
    "promotion": (),
    "shipped_at": (),
    "cancelled_quantity": (),
    "cancel_reason": (),
    "returns_order": (),
    "return_reason": (),
    "disposition": (),
}
_REQUIRED = ("order_id", "order_date", "sku", "quantity", "unit_price")
_LAYOUTS = {
    ONLINE_RETAIL: "InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country",
    PLAIN: "order_id, order_date, customer_id, sku, quantity, unit_price, country",
}
_MOST_UNITS = 10_000_000
_MOST_PRICE_MICROS = 100_000_000 * 1_000_000


@dataclass(frozen=True)
class OrderRows:
    """The rows of an order file, every one checked; arrays have shape (row,) in the file's order.

    `sku` matches in upper case and `sku_spelling` keeps what the file says; `at` is UTC, whole seconds, and
    `day` the date at the place of sale. A time column is NaT, a code -1, where the file says nothing.
    """

    layout: str
    order: Coded
    sku: Coded
    sku_spelling: Coded
    quantity: Integers
    unit_price_micros: Integers
    written_at: NDArray[np.datetime64]
    at: NDArray[np.datetime64]
    day: NDArray[np.datetime64]
    shipped_at: NDArray[np.datetime64]
    has_shipping: bool
    cancelled_quantity: Integers
    texts: Mapping[str, Coded]

    def __len__(self) -> int:
        return len(self.quantity)

    def text(self, name: str) -> Coded:
        """An optional text column; all missing where the file has none."""
        absent = Coded(np.full(len(self), MISSING, dtype=np.int64), [])
        return self.texts.get(name, absent)

    @cached_property
    def line_hash(self) -> NDArray[np.uint64]:
        """64 bits for each row's content, the same whatever kind of file it came from; shape (row,)."""
        parts = [
            _hashed(self.order),
            _hashed(self.sku_spelling),
            self.quantity.view(np.uint64),
            self.unit_price_micros.view(np.uint64),
            self.written_at.astype(np.int64).view(np.uint64),
            *(_hashed(self.texts[name]) for name in sorted(self.texts)),
            *((self.shipped_at.astype(np.int64).view(np.uint64),) if self.has_shipping else ()),
            self.cancelled_quantity.view(np.uint64),
        ]
        mixed = np.zeros(len(self), dtype=np.uint64)
        for part in parts:
            mixed = _mix(mixed * np.uint64(0x9E3779B97F4A7C15) + part)
        return mixed


def read_order_rows(
    path: Path,
    *,
    mapping: Mapping[str, str],
    time_zone: str,
    date_format: str | None,
    errors: Problems,
    warnings: Problems,
) -> OrderRows:
    """Read and check an order file.

    Args:
        path: A CSV, XLSX or Parquet file.
        mapping: Our column name → the file's.
        time_zone: IANA name of the zone in which the file's naive times are meant.
        date_format: strptime format of the times, where they cannot be told without.
        errors: Receives what makes rows unusable.
        warnings: Receives what is odd but usable.

    Raises:
        UnreadableFile: the file as a whole cannot be used.
    """
    table = read_table(path)
    found = table.renamed(_COLUMNS, mapping)
    layout = ONLINE_RETAIL if any(name.strip().lower() == "stockcode" for name in table.columns) else PLAIN
    table.require(found, _REQUIRED, layout=_LAYOUTS[layout])
    order, spelling = _required_text(found, "order_id", errors), _required_text(found, "sku", errors)
    written = _required_moments(found, date_format, errors)
    at, day = _localised(written, time_zone, warnings)
    rows = OrderRows(
        layout=layout,
        order=order,
        sku=spelling.upper(),
        sku_spelling=spelling,
        quantity=_checked_quantity(found["quantity"], errors),
        unit_price_micros=_checked_price(found["unit_price"], errors),
        written_at=written.at,
        at=at,
        day=day,
        shipped_at=_shipping_moments(found, time_zone, date_format, errors),
        has_shipping="shipped_at" in found,
        cancelled_quantity=_cancelled_quantity(found, table, errors),
        texts=_optional_texts(found),
    )
    _warn_of_times(rows, warnings)
    _warn_of_spellings(rows, warnings)
    _warn_of_duplicates(rows, warnings)
    return rows


def _hashed(coded: Coded) -> NDArray[np.uint64]:
    import pandas as pd

    values = pd.util.hash_array(np.array([*coded.values, ""], dtype=object), categorize=False)
    return np.asarray(values, dtype=np.uint64)[coded.codes]


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every input bit moves every output bit."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _required_text(found: Mapping[str, pa.Array], name: str, errors: Problems) -> Coded:
    coded = texts(found[name])
    errors.add(f"{name} is missing", positions=np.flatnonzero(coded.missing), column=name)
    return coded


def _checked_quantity(column: pa.Array, errors: Problems) -> Integers:
    quantity, bad = integers(column)
    positions = np.flatnonzero(bad)
    errors.add("quantity must be a whole number", positions=positions, column="quantity", values=column)
    positions = np.flatnonzero(~bad & (quantity == 0))
    errors.add("quantity must not be 0", positions=positions, column="quantity", values=quantity)
    positions = np.flatnonzero(np.abs(quantity) > _MOST_UNITS)
    errors.add(f"quantity must not exceed {_MOST_UNITS:,}", positions=positions, column="quantity", values=quantity)
    return quantity


def _checked_price(column: pa.Array, errors: Problems) -> Integers:
    price, bad = micros(column)
    bad |= np.abs(price) > _MOST_PRICE_MICROS
    positions = np.flatnonzero(bad)
    errors.add("unit_price must be a number", positions=positions, column="unit_price", values=column)
    return price


def _required_moments(found: Mapping[str, pa.Array], date_format: str | None, errors: Problems) -> Moments:
    column = found["order_date"]
    written = moments(column, name="order_date", date_format=date_format)
    errors.add(
        "order_date must be a date or time",
        positions=np.flatnonzero(np.isnat(written.at)),
        column="order_date",
        values=column,
    )
    return written


def _localised(
    written: Moments, time_zone: str, warnings: Problems
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Each row's moment in UTC and its date where the sale was made."""
    import pandas as pd

    distinct, inverse = np.unique(written.at, return_inverse=True)
    index = pd.DatetimeIndex(distinct)
    if written.is_utc:
        local = index.tz_localize("UTC").tz_convert(time_zone)
        utc = index
    else:
        local = index.tz_localize(time_zone, ambiguous=np.ones(len(index), dtype=bool), nonexistent="shift_forward")
        utc = local.tz_convert("UTC").tz_localize(None)
        unclear = index.tz_localize(time_zone, ambiguous="NaT", nonexistent="shift_forward").isna() & index.notna()
        shifted = (local.tz_localize(None) != index) & index.notna()
        for mask, problem in (
            (unclear, f"this hour came twice in {time_zone}: the first was taken"),
            (shifted, f"this hour does not exist in {time_zone}: moved to the next that does"),
        ):
            positions = np.flatnonzero(np.asarray(mask)[inverse])
            warnings.add(problem, positions=positions, column="order_date", values=written.at)
    at = utc.to_numpy().astype("datetime64[s]")[inverse]
    day = local.tz_localize(None).to_numpy().astype("datetime64[D]")[inverse]
    return at, day


def _shipping_moments(
    found: Mapping[str, pa.Array], time_zone: str, date_format: str | None, errors: Problems
) -> NDArray[np.datetime64]:
    if "shipped_at" not in found:
        return np.full(len(found["order_id"]), np.datetime64("NaT"), dtype="datetime64[s]")
    column = found["shipped_at"]
    written = moments(column, name="shipped_at", date_format=date_format)
    errors.add(
        "shipped_at must be a date or time",
        positions=np.flatnonzero(written.bad),
        column="shipped_at",
        values=column,
    )
    return utc_from_local(written, time_zone)


def utc_from_local(written: Moments, time_zone: str) -> NDArray[np.datetime64]:
    """Moments in UTC, whole seconds; an hour that comes twice is its first, one that does not exist the next."""
    import pandas as pd

    if written.is_utc:
        return written.at
    local = pd.DatetimeIndex(written.at).tz_localize(
        time_zone, ambiguous=np.ones(len(written.at), dtype=bool), nonexistent="shift_forward"
    )
    return np.asarray(local.tz_convert("UTC").tz_localize(None).to_numpy(), dtype="datetime64[s]")


def _cancelled_quantity(found: Mapping[str, pa.Array], table: FileTable, errors: Problems) -> Integers:
    if "cancelled_quantity" not in found:
        return np.zeros(table.rows, dtype=np.int64)
    column = found["cancelled_quantity"]
    cancelled, bad = integers(column)
    bad &= ~texts(column).missing
    errors.add(
        "cancelled_quantity must be a whole number, 0 or more",
        positions=np.flatnonzero(bad | (cancelled < 0)),
        column="cancelled_quantity",
        values=column,
    )
    return cancelled


def _optional_texts(found: Mapping[str, pa.Array]) -> dict[str, Coded]:
    names = (
        "customer_id", "country", "description", "channel", "location", "line_type", "promotion",
        "cancel_reason", "returns_order", "return_reason", "disposition",
    )  # fmt: skip
    coded = {name: texts(found[name]) for name in names if name in found}
    if "location" in coded:
        coded["location"] = coded["location"].upper()
    return coded


def first_rows(codes: NDArray[np.int64], groups: int) -> NDArray[np.intp]:
    """The position of the first row of each group, shape (group,); every group must have a row."""
    first = np.full(groups, len(codes), dtype=np.intp)
    np.minimum.at(first, codes, np.arange(len(codes)))
    return first


def _warn_of_times(rows: OrderRows, warnings: Problems) -> None:
    if rows.order.missing.any():
        return
    first = first_rows(rows.order.codes, len(rows.order.values))
    differs = rows.written_at != rows.written_at[first][rows.order.codes]
    orders = np.unique(rows.order.codes[differs])
    warnings.add(
        "lines of one order carry several times: its first line's was taken",
        positions=first[orders],
        column="order_id",
        values=rows.order,
    )


def _warn_of_spellings(rows: OrderRows, warnings: Problems) -> None:
    if rows.sku.missing.any():
        return
    first = first_rows(rows.sku.codes, len(rows.sku.values))
    differs = np.flatnonzero(rows.sku_spelling.codes != rows.sku_spelling.codes[first][rows.sku.codes])
    warnings.add(
        "the same code is spelled in several ways: the first spelling is shown",
        positions=differs,
        column="sku",
        values=rows.sku_spelling,
    )


def _warn_of_duplicates(rows: OrderRows, warnings: Problems) -> None:
    _, first = np.unique(rows.line_hash, return_index=True)
    repeated = np.ones(len(rows), dtype=bool)
    repeated[first] = False
    warnings.add(
        "exact duplicate of an earlier line: kept",
        positions=np.flatnonzero(repeated),
        column="order_id",
        values=rows.order,
    )


def resolve_time_zone(name: str) -> str:
    """The IANA time zone of that name.

    Raises:
        UnreadableFile: there is none.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise UnreadableFile(f"there is no time zone {name!r}: wanted a name such as Europe/London") from error
    return name
