"""Reads of the inventory page, kept until the data changes; values of stock until the ledger changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from dashboard import queries
from dashboard.queries import database
from data import lot_rows, master_rows, stock_level_rows
from data.driver import Driver
from data.lot_rows import HeldLot
from data.stock_level_rows import EXPIRING_WITHIN, LevelFilter, LevelKey, LevelPage, SkuRow, StockSums
from orders import stock_history
from orders.promising import Promisable, available_to_promise_by_date
from orders.stock_history import AGE_BOUNDS_DAYS, MovementKey, MovementPage, StockValue, ValuationMethod
from service.planning_inputs import closing_moment

ROWS_OF_A_PAGE = 100
ROWS_OF_A_FILE = 20_000
"""Most rows that one CSV file holds."""
ROWS_OF_A_SHEET = 200
"""Most rows that one count or transfer shows to fill in."""
MOVES_OF_A_PAGE = 25
MATCHES = 30
MANY = 200

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Moment:
    """A past moment at which stock is looked at.

    Attributes:
        at: The close of the day.
        known_at: The same when later entries are left out, else None.
    """

    at: datetime
    known_at: datetime | None


def close_of(day: date, time_zone: str, *, as_known_then: bool) -> Moment:
    """The close of a business day."""
    close = closing_moment(day, time_zone) - timedelta(microseconds=1)
    return Moment(close, close if as_known_then else None)


def today(time_zone: str) -> date:
    """The day that it is where the business is."""
    return queries.now().astimezone(ZoneInfo(time_zone)).date()


# Levels


@st.cache_data(show_spinner=False, max_entries=64)
def levels(
    at_version: str,  # noqa: ARG001
    wanted: LevelFilter,
    day: date,
    after: LevelKey | None,
    limit: int = ROWS_OF_A_PAGE,
) -> LevelPage:
    """A page of the table as it stands."""
    with database().reading() as connection:
        return stock_level_rows.levels(
            connection, wanted, today=day, expiring_until=day + EXPIRING_WITHIN, after=after, limit=limit
        )


@st.cache_data(show_spinner="Reading the ledger …", max_entries=32)
def levels_as_of(
    at_version: str,  # noqa: ARG001
    wanted: LevelFilter,
    moment: Moment,
    after: LevelKey | None,
    limit: int = ROWS_OF_A_PAGE,
) -> LevelPage:
    """A page of the table as it stood."""
    with database().reading() as connection:
        return stock_level_rows.levels_as_of(
            connection, wanted, at=moment.at, known_at=moment.known_at, after=after, limit=limit
        )


@st.cache_data(show_spinner="Adding up the stock …", max_entries=4)
def sums(at_version: str, day: date) -> StockSums:  # noqa: ARG001
    """All stock in a few numbers."""
    with database().reading() as connection:
        return stock_level_rows.sums(connection, today=day, expiring_until=day + EXPIRING_WITHIN)


@st.cache_data(show_spinner=False, max_entries=4)
def categories(at_version: str) -> list[str]:  # noqa: ARG001
    """The categories of all SKUs."""
    with database().reading() as connection:
        return stock_level_rows.categories(connection)


@st.cache_data(show_spinner=False, max_entries=4)
def places(at_version: str) -> dict[str, Record]:  # noqa: ARG001
    """Code → id, name and kind of each place of ours."""
    with database().reading() as connection:
        found = master_rows.internal_locations(connection)
    return {row.code: {"id": row.id, "name": row.name, "kind": row.kind} for row in found}


@st.cache_data(show_spinner=False, max_entries=4)
def has_skus(at_version: str) -> bool:  # noqa: ARG001
    """Whether there is any SKU of which stock could be kept."""
    with database().reading() as connection:
        return bool(stock_level_rows.find_skus(connection, "", limit=1))


@st.cache_data(show_spinner=False, max_entries=4)
def tracks_lots(at_version: str) -> bool:  # noqa: ARG001
    """Whether any SKU is tracked by lot."""
    with database().reading() as connection:
        return stock_level_rows.tracks_lots(connection)


# Value


def ledger_version() -> str:
    """Changes with every movement, and with the database."""
    opened = database()
    with opened.reading() as connection:
        return f"{opened} {stock_level_rows.ledger_version(connection)}"


# Kept as it is and never copied: it holds every layer of every SKU.
@st.cache_resource(show_spinner="Valuing the stock …", max_entries=4)
def value(at_ledger: str, method: ValuationMethod, moment: Moment | None) -> StockValue:  # noqa: ARG001
    """What all stock is worth, or was at a moment.

    Raises:
        MixedCurrencies: its costs are in more than one currency.
    """
    at, known_at = (queries.now(), None) if moment is None else (moment.at, moment.known_at)
    with database().reading() as connection:
        return stock_history.stock_value(connection, at=at, method=method, known_at=known_at)


def unit_value(worth: StockValue, sku_id: int) -> float:
    """What a unit of a SKU is worth on average, in the currency's units; 0 where nothing is there."""
    valued = worth.by_sku.get(sku_id)
    return valued.value_micros / valued.units / 1e6 if valued is not None and valued.units else 0.0


@st.cache_data(show_spinner=False, max_entries=4)
def value_by_place(at_ledger: str, method: ValuationMethod) -> pd.DataFrame:
    """location, kind, units and value of what lies at each place now, most value first.

    A unit is worth the same wherever it lies: the ledger values a SKU over the whole company.
    """
    worth = value(at_ledger, method, None)
    with database().reading() as connection:
        held = stock_level_rows.held_by_place(connection)
    frame = held.assign(value=held["units"] * held["sku_id"].map(partial(unit_value, worth)))
    by_place = frame.groupby(["location", "kind"], as_index=False)[["units", "value"]].sum()
    return by_place.sort_values("value", ascending=False, ignore_index=True)


@st.cache_data(show_spinner=False, max_entries=8)
def value_by_age(at_ledger: str, day: date, sku_id: int | None = None) -> pd.DataFrame:  # noqa: ARG001
    """age, units and value of what is there now by how long it has been with us, youngest first.

    By the FIFO layers: the oldest units are taken to have left first.
    """
    worth, moment = value(at_ledger, ValuationMethod.FIFO, None), queries.now()
    skus = worth.by_sku if sku_id is None else {sku_id: worth.by_sku[sku_id]} if sku_id in worth.by_sku else {}
    bounds = (0, *AGE_BOUNDS_DAYS)
    buckets = [[0, 0] for _ in bounds]
    for valued in skus.values():
        for layer in valued.layers:
            days = (moment - layer.received_at).days
            bucket = buckets[max(number for number, bound in enumerate(bounds) if days >= bound or number == 0)]
            bucket[0] += layer.units
            bucket[1] += layer.units * layer.unit_cost_micros
    names = [f"{begin}–{end} days" for begin, end in zip(bounds, AGE_BOUNDS_DAYS, strict=False)]
    names = [f"under {AGE_BOUNDS_DAYS[0]} days", *names[1:], f"over {bounds[-1]} days"]
    return pd.DataFrame(
        [(name, units, micros / 1e6) for name, (units, micros) in zip(names, buckets, strict=True)],
        columns=["age", "units", "value"],
    )


# One SKU


@st.cache_data(show_spinner=False, max_entries=64)
def find_skus(at_version: str, search: str) -> list[SkuRow]:  # noqa: ARG001
    """The SKU of that code, else the first ones with the text in code or name."""
    with database().reading() as connection:
        return stock_level_rows.find_skus(connection, search, limit=MATCHES)


@st.cache_data(show_spinner=False, max_entries=64)
def promisable(at_version: str, sku_id: int, location_id: int | None, day: date) -> Promisable:  # noqa: ARG001
    """What can be promised of a SKU by when."""
    with database().reading() as connection:
        return available_to_promise_by_date(connection, sku_id=sku_id, location_id=location_id, from_day=day)


@st.cache_data(show_spinner=False, max_entries=64)
def reservations(at_version: str, sku_id: int | None) -> list[Record]:  # noqa: ARG001
    """Who holds units of a SKU; without one, what is kept softly."""
    with database().reading() as connection:
        found = stock_level_rows.reservations(connection, sku_id=sku_id, limit=MANY)
    return [dict(row._mapping) for row in found]


@st.cache_data(show_spinner=False, max_entries=64)
def held_lots(at_version: str, sku_id: int, location_id: int) -> list[tuple[str, HeldLot]]:  # noqa: ARG001
    """Code and stock of each lot of a SKU that a place holds, first to expire first."""
    with database().reading() as connection:
        driver = Driver(connection)
        held = [lot for lot in lot_rows.held(driver, sku_id, location_id) if lot.lot_id]
        codes = lot_rows.codes(driver, [lot.lot_id for lot in held])
    return sorted(
        ((codes[lot.lot_id], lot) for lot in held), key=lambda found: (found[1].expires_on or date.max, found[0])
    )


@dataclass(frozen=True)
class Moves:
    """A page of movements, and those of them that are reversed already."""

    page: MovementPage
    reversed: frozenset[int]


@st.cache_data(show_spinner=False, max_entries=64)
def movements(
    at_version: str,  # noqa: ARG001
    sku_id: int,
    location_id: int | None,
    before: MovementKey | None,
) -> Moves:
    """The movements of a SKU at a place, or at all of ours, newest first."""
    with database().reading() as connection:
        page = stock_history.movements(
            connection, sku_id=sku_id, location_id=location_id, before=before, limit=MOVES_OF_A_PAGE
        )
        undone = stock_level_rows.reversed_ones(connection, [line.id for line in page.lines])
    return Moves(page, frozenset(undone))


# What is on order


@st.cache_data(show_spinner=False, max_entries=16)
def open_purchases(at_version: str, search: str) -> list[Record]:  # noqa: ARG001
    """Purchase orders of which something is to come."""
    with database().reading() as connection:
        found = stock_level_rows.open_purchases(connection, search=search, limit=MANY)
    return [dict(row._mapping) for row in found]


@st.cache_data(show_spinner=False, max_entries=32)
def open_lines(at_version: str, number: str) -> list[Record]:  # noqa: ARG001
    """What is still to come of a purchase order."""
    with database().reading() as connection:
        return [dict(row._mapping) for row in stock_level_rows.open_lines(connection, number)]


# Keys in the URL


def key_to_text(key: LevelKey) -> str:
    """A row's place in the list, for the URL."""
    return "|".join((key.sku_code, key.location, str(key.lot_id)))


def key_from_text(text: str | None) -> LevelKey | None:
    """The same read back; None when it is none."""
    parts = (text or "").rsplit("|", 2)
    if len(parts) != 3 or not parts[2].isdecimal():
        return None
    return LevelKey(parts[0], parts[1], int(parts[2]))


def move_key_to_text(key: MovementKey) -> str:
    """A movement's place in the ledger, for the URL."""
    return f"{key.effective_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}|{key.id}"


def move_key_from_text(text: str | None) -> MovementKey | None:
    """The same read back; None when it is none."""
    moment, _, number = (text or "").partition("|")
    try:
        return MovementKey(datetime.fromisoformat(moment).replace(tzinfo=UTC), int(number))
    except ValueError:
        return None
