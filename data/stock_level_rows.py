"""Rows of the stock table: what lies where, one page of it at a time, however many balances there are.

A row is what a place of ours holds of a SKU in one lot. A place that holds nothing of a SKU has one row of zeros
where stock was ever kept, or orders wait, or goods are on their way. Pages follow the codes of SKU and place and
the lot, and go on after the last row of the page before, so that the work does not grow with the page's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection, Date, Row, bindparam, text

from data.driver import Driver
from data.schema import UtcDateTime

_SELLS = "p.kind IN ('warehouse', 'store')"
_SKUS_AT_ONCE = 500
_TRACED = 200

EXPIRING_WITHIN = timedelta(days=30)
"""How far ahead a lot is said to expire soon."""


class Only(StrEnum):
    """What the rows of a list have in common.

    Short is a SKU at a place that sells where orders wait, or nothing is there that could be promised: all is
    gone, reserved or expired. Expiring are lots that expire within so many days, or have expired.
    """

    IN_STOCK = "in stock"
    SHORT = "short"
    EXPIRING = "expiring"
    NEVER_COUNTED = "never counted"


@dataclass(frozen=True)
class LevelFilter:
    """Which rows; what is left out is not asked.

    Attributes:
        search: A part of the SKU's code or name, in upper or lower case.
        locations: Codes of places of ours.
        categories: Of the SKU.
        only: One more thing that they have in common.
        sku_id: This SKU alone.
        is_complete: Also SKUs of which nothing is known at a place, as a count sheet needs them.
    """

    search: str = ""
    locations: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    only: Only | None = None
    sku_id: int | None = None
    is_complete: bool = False


class LevelKey(NamedTuple):
    """A row's place in the list."""

    sku_code: str
    location: str
    lot_id: int


@dataclass(frozen=True)
class Level:
    """What a place holds of a SKU in one lot.

    Attributes:
        sku_id: The SKU.
        sku_code: Its code, by which rows are ordered.
        sku: Its code as people write it.
        name: What it is.
        category: Its category.
        is_lot_tracked: Whether it is kept apart by lot.
        location_id: The place.
        location: Its code.
        location_kind: warehouse, store, in_transit, inspection or quarantine.
        lot_id: 0 when lots are not tracked, or nothing is there.
        lot: The lot's code.
        expires_on: The first day on which it can no longer be sold.
        on_hand: Units.
        reserved: Units of these that are set aside.
        inbound: Units that suppliers are to deliver to the place; on the first row of a SKU at a place.
        inbound_on: The first day on which some are expected, None when no day is known.
        backordered: Units that orders wait for there; on the first row of a SKU at a place.
        counted_at: When the SKU was last counted at the place, or its opening stock was entered.
    """

    sku_id: int
    sku_code: str
    sku: str
    name: str
    category: str | None
    is_lot_tracked: bool
    location_id: int
    location: str
    location_kind: str
    lot_id: int
    lot: str | None
    expires_on: date | None
    on_hand: int
    reserved: int
    inbound: int = 0
    inbound_on: date | None = None
    backordered: int = 0
    counted_at: datetime | None = None

    @property
    def key(self) -> LevelKey:
        return LevelKey(self.sku_code, self.location, self.lot_id)

    @property
    def sells(self) -> bool:
        """Whether orders are served from the place."""
        return self.location_kind in ("warehouse", "store")

    def available(self, today: date) -> int:
        """Units that can be promised: at a place that sells, not reserved, not expired."""
        is_expired = self.expires_on is not None and self.expires_on <= today
        return 0 if is_expired or not self.sells else self.on_hand - self.reserved


@dataclass(frozen=True)
class LevelPage:
    """Rows, and where the next page begins: None on the last one."""

    rows: tuple[Level, ...]
    next: LevelKey | None


_HELD = "EXISTS (SELECT 1 FROM stock_balance e WHERE e.sku_id = s.id AND e.location_id = p.id)"
_WAITED_FOR = (
    "EXISTS (SELECT 1 FROM order_line w JOIN sales_order o ON o.id = w.sales_order_id WHERE w.sku_id = s.id"
    " AND w.quantity_backordered > 0 AND w.location_id = p.id AND o.status NOT IN ('draft', 'cancelled'))"
)
_COMING = (
    "EXISTS (SELECT 1 FROM purchase_order_line l JOIN purchase_order o ON o.id = l.purchase_order_id"
    " WHERE l.sku_id = s.id AND o.location_id = p.id AND o.status = 'ordered'"
    " AND l.quantity_received + l.quantity_cancelled < l.quantity)"
)
_SOLD = "EXISTS (SELECT 1 FROM order_line l WHERE l.sku_id = s.id AND l.location_id = p.id)"
_PROMISABLE = (
    "EXISTS (SELECT 1 FROM stock_balance f LEFT JOIN lot u ON u.id = f.lot_id WHERE f.sku_id = s.id"
    " AND f.location_id = p.id AND f.on_hand > f.allocated AND (u.expires_on IS NULL OR u.expires_on > :today))"
)
_HERE = "(m.destination_location_id = p.id OR m.source_location_id = p.id)"
_COUNTED = (
    "(EXISTS (SELECT 1 FROM count_line c JOIN count_sheet h ON h.id = c.count_sheet_id WHERE c.sku_id = s.id"
    " AND h.location_id = p.id)"
    f" OR EXISTS (SELECT 1 FROM stock_move m WHERE m.sku_id = s.id AND m.kind IN ('opening', 'count') AND {_HERE})"
    # A file that counts nothing opens a balance and moves nothing.
    f" OR ({_HELD} AND NOT EXISTS (SELECT 1 FROM stock_move m WHERE m.sku_id = s.id AND {_HERE})))"
)


def levels(
    connection: Connection,
    wanted: LevelFilter,
    *,
    today: date,
    expiring_until: date,
    after: LevelKey | None = None,
    limit: int = 100,
) -> LevelPage:
    """A page of the table as it stands.

    Args:
        connection: An open transaction.
        wanted: Which rows.
        today: Lots that have expired by this day are not sold.
        expiring_until: `Only.EXPIRING` are lots that expire by this day.
        after: The `next` of the page before.
        limit: Most rows of a page.
    """
    where, values = _conditions(wanted, after)
    known = f"({_HELD} OR {_WAITED_FOR} OR {_COMING})"
    if wanted.only is Only.NEVER_COUNTED:
        where += [f"({known} OR {_SOLD})", f"NOT {_COUNTED}"]
    elif not wanted.is_complete:
        where.append(known)
    if wanted.only is Only.IN_STOCK:
        where.append("b.lot_id IS NOT NULL")
    elif wanted.only is Only.SHORT:
        where.append(f"{_SELLS} AND ({_WAITED_FOR} OR NOT {_PROMISABLE})")
        values["today"] = today
    elif wanted.only is Only.EXPIRING:
        where += ["s.id IN (SELECT x.sku_id FROM lot x WHERE x.expires_on <= :expiring_until)"]
        where += ["t.expires_on <= :expiring_until"]
        values["expiring_until"] = expiring_until
    # CROSS JOIN keeps SQLite on the index of SKU codes, in the order of the list, until the page is full.
    statement = text(
        "SELECT s.id, s.code, s.display_code, s.name, s.category, s.is_lot_tracked, p.id, p.code, p.kind,"
        " coalesce(b.lot_id, 0), t.code, t.expires_on, coalesce(b.on_hand, 0), coalesce(b.allocated, 0)"
        " FROM sku s CROSS JOIN location p"
        " LEFT JOIN stock_balance b ON b.sku_id = s.id AND b.location_id = p.id AND b.on_hand > 0"
        f" LEFT JOIN lot t ON t.id = b.lot_id WHERE {' AND '.join(where)}"
        " ORDER BY s.code, p.code, coalesce(b.lot_id, 0) LIMIT :limit"
    )
    found = connection.execute(_bound(statement, values), {**values, "limit": limit + 1}).all()
    rows = [_level(row) for row in found[:limit]]
    return LevelPage(tuple(_with_details(connection, rows)), rows[-1].key if len(found) > limit else None)


def _conditions(wanted: LevelFilter, after: LevelKey | None) -> tuple[list[str], dict[str, Any]]:
    """What SKU, place and key must be, as SQL and its values."""
    where, values = _sku_conditions(wanted)
    where += ["NOT p.is_external", "NOT EXISTS (SELECT 1 FROM bundle_component z WHERE z.bundle_id = s.id)"]
    if wanted.locations:
        where.append("p.code IN :locations")
        values["locations"] = list(wanted.locations)
    if after is not None:
        where += ["s.code >= :after_sku", "(s.code, p.code, coalesce(b.lot_id, 0)) > (:after_sku, :after_place, :lot)"]
        values |= {"after_sku": after.sku_code, "after_place": after.location, "lot": after.lot_id}
    return where, values


def _sku_conditions(wanted: LevelFilter) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    values: dict[str, Any] = {}
    if wanted.sku_id is not None:
        where.append("s.id = :sku")
        values["sku"] = wanted.sku_id
    if wanted.search:
        where.append("(s.code LIKE :in_code ESCAPE '!' OR lower(s.name) LIKE :in_name ESCAPE '!')")
        values |= {"in_code": _part(wanted.search.upper()), "in_name": _part(wanted.search.lower())}
    if wanted.categories:
        where.append("s.category IN :categories")
        values["categories"] = list(wanted.categories)
    return where, values


def _part(words: str) -> str:
    """A LIKE pattern for text that contains these words."""
    return "%" + "".join(f"!{sign}" if sign in "!%_" else sign for sign in words.strip()) + "%"


def _bound(statement: Any, values: dict[str, Any]) -> Any:
    lists: list[Any] = [bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, list)]
    days = [bindparam(name, type_=Date()) for name in ("today", "expiring_until") if name in values]
    moments = [bindparam(name, type_=UtcDateTime()) for name in ("at", "known_at") if name in values]
    return statement.bindparams(*lists, *days, *moments)


def _level(row: Row[Any]) -> Level:
    found = list(row)
    found[5], found[11] = bool(found[5]), _day(found[11])
    return Level(*found)


def _day(stored: Any) -> date | None:
    return date.fromisoformat(stored) if isinstance(stored, str) else stored


# What belongs to a SKU at a place, whatever the lot


class _Inbound(NamedTuple):
    units: int
    expected: date | None


def _with_details(connection: Connection, rows: Sequence[Level]) -> list[Level]:
    """The rows with what is coming, waited for and counted; numbers of a SKU at a place stand once, on its first."""
    skus = sorted({row.sku_id for row in rows})
    inbound, waiting, counted = _inbound(connection, skus), _waiting(connection, skus), _counted(connection, skus)
    firsts = _first_lots(connection, skus)
    detailed = []
    for row in rows:
        pair = (row.sku_id, row.location_id)
        is_first = row.lot_id == firsts.get(pair, row.lot_id)
        comes = inbound.get(pair, _Inbound(0, None)) if is_first else _Inbound(0, None)
        detailed.append(
            Level(
                **{
                    **vars(row),
                    "inbound": comes.units,
                    "inbound_on": comes.expected,
                    "backordered": waiting.get(pair, 0) if is_first else 0,
                    "counted_at": counted.get(pair),
                }
            )
        )
    return detailed


def _of_skus(connection: Connection, sql: str, skus: Sequence[int], types: dict[str, Any] | None = None) -> list[Any]:
    statement = text(sql).bindparams(bindparam("skus", expanding=True))
    typed = statement.columns(**types) if types else statement
    rows: list[Any] = []
    for start in range(0, len(skus), _SKUS_AT_ONCE):
        rows += connection.execute(typed, {"skus": skus[start : start + _SKUS_AT_ONCE]}).all()
    return rows


def _inbound(connection: Connection, skus: Sequence[int]) -> dict[tuple[int, int], _Inbound]:
    rows = _of_skus(
        connection,
        "SELECT l.sku_id, o.location_id, sum(l.quantity - l.quantity_received - l.quantity_cancelled),"
        " min(l.expected_date) AS expected FROM purchase_order_line l JOIN purchase_order o"
        " ON o.id = l.purchase_order_id WHERE l.sku_id IN :skus AND o.status = 'ordered'"
        " AND l.quantity_received + l.quantity_cancelled < l.quantity GROUP BY l.sku_id, o.location_id",
        skus,
    )
    return {(sku, place): _Inbound(int(units), _day(expected)) for sku, place, units, expected in rows}


def _waiting(connection: Connection, skus: Sequence[int]) -> dict[tuple[int, int], int]:
    rows = _of_skus(
        connection,
        "SELECT l.sku_id, l.location_id, sum(l.quantity_backordered) FROM order_line l JOIN sales_order o"
        " ON o.id = l.sales_order_id WHERE l.sku_id IN :skus AND l.quantity_backordered > 0"
        " AND o.status NOT IN ('draft', 'cancelled') GROUP BY l.sku_id, l.location_id",
        skus,
    )
    return {(sku, place): int(units) for sku, place, units in rows}


def _counted(connection: Connection, skus: Sequence[int]) -> dict[tuple[int, int], datetime]:
    """(SKU, place) → when it was last counted or its opening stock entered."""
    found: dict[tuple[int, int], datetime] = {}
    moves = (
        "SELECT m.sku_id AS sku, p.id AS place, max(m.effective_at) AS moment FROM stock_move m JOIN location p"
        f" ON NOT p.is_external AND {_HERE} WHERE m.sku_id IN :skus AND m.kind IN ('opening', 'count')"
        " GROUP BY m.sku_id, p.id"
    )
    sheets = (
        "SELECT c.sku_id AS sku, h.location_id AS place, max(h.counted_at) AS moment FROM count_line c"
        " JOIN count_sheet h ON h.id = c.count_sheet_id WHERE c.sku_id IN :skus GROUP BY c.sku_id, h.location_id"
    )
    for sql in (moves, sheets):
        for sku, place, moment in _of_skus(connection, sql, skus, {"moment": UtcDateTime()}):
            pair = (int(sku), int(place))
            found[pair] = max(moment, found.get(pair, moment))
    return found


def _first_lots(connection: Connection, skus: Sequence[int]) -> dict[tuple[int, int], int]:
    rows = _of_skus(
        connection,
        "SELECT sku_id, location_id, min(lot_id) FROM stock_balance WHERE sku_id IN :skus AND on_hand > 0"
        " AND NOT is_external GROUP BY sku_id, location_id",
        skus,
    )
    return {(sku, place): lot for sku, place, lot in rows}


# The past


def levels_as_of(
    connection: Connection,
    wanted: LevelFilter,
    *,
    at: datetime,
    known_at: datetime | None = None,
    after: LevelKey | None = None,
    limit: int = 100,
) -> LevelPage:
    """A page of what lay where at a moment; reservations and orders are not known of the past.

    Args:
        connection: An open transaction.
        wanted: Which rows; `only` and `is_complete` are not asked of the past.
        at: The moment; what happened at it counts.
        known_at: Leave out what was recorded later.
        after: The `next` of the page before.
        limit: Most rows of a page.

    Returns:
        Rows with units, which a back-dated entry can have made negative.
    """
    began = text("SELECT 1 FROM stock_move WHERE effective_at <= :at LIMIT 1")
    if connection.execute(_bound(began, {"at": at}), {"at": at}).one_or_none() is None:
        return LevelPage((), None)
    rows: list[Level] = []
    reached = None if after is None else after.sku_code
    is_whole = False  # whether every row of the SKU reached was seen
    while len(rows) <= limit:
        skus = _next_skus(connection, wanted, reached, is_passed=is_whole)
        if not skus:
            break
        found = _held_at(connection, [row.id for row in skus], wanted.locations, at=at, known_at=known_at)
        rows += [row for row in found if after is None or row.key > after]
        reached, is_whole = skus[-1].code, True
    shown = rows[:limit]
    return LevelPage(tuple(shown), shown[-1].key if len(rows) > limit else None)


def _next_skus(connection: Connection, wanted: LevelFilter, reached: str | None, *, is_passed: bool) -> list[Any]:
    where, values = _sku_conditions(wanted)
    if reached is not None:
        where.append(f"s.code {'>' if is_passed else '>='} :reached")
        values["reached"] = reached
    said = f" WHERE {' AND '.join(where)}" if where else ""
    statement = text(f"SELECT s.id, s.code FROM sku s{said} ORDER BY s.code LIMIT :at_once")
    return list(connection.execute(_bound(statement, values), {**values, "at_once": _SKUS_AT_ONCE}).all())


def _held_at(
    connection: Connection, skus: Sequence[int], places: Sequence[str], *, at: datetime, known_at: datetime | None
) -> list[Level]:
    values: dict[str, Any] = {"skus": list(skus), "at": at}
    happened = "m.sku_id IN :skus AND m.effective_at <= :at"
    if known_at is not None:
        happened += " AND m.recorded_at <= :known_at"
        values["known_at"] = known_at
    there = ""
    if places:
        there = " AND p.code IN :places"
        values["places"] = list(places)
    statement = text(
        "SELECT s.id, s.code, s.display_code, s.name, s.category, s.is_lot_tracked, p.id, p.code, p.kind, d.lot_id,"
        " t.code, t.expires_on, d.units, 0 FROM (SELECT sku_id, location_id, lot_id, sum(units) AS units FROM ("
        " SELECT m.sku_id, m.destination_location_id AS location_id, m.lot_id, m.quantity AS units FROM stock_move m"
        f" WHERE {happened} UNION ALL"
        " SELECT m.sku_id, m.source_location_id, m.lot_id, -m.quantity FROM stock_move m"
        f" WHERE {happened}) AS sides GROUP BY sku_id, location_id, lot_id HAVING sum(units) <> 0) AS d"
        " JOIN sku s ON s.id = d.sku_id JOIN location p ON p.id = d.location_id LEFT JOIN lot t ON t.id = d.lot_id"
        f" WHERE NOT p.is_external{there}"
    )
    found = [_level(row) for row in connection.execute(_bound(statement, values), values)]
    return sorted((Level(**{**vars(row), "on_hand": int(row.on_hand)}) for row in found), key=lambda row: row.key)


# All of it together


@dataclass(frozen=True)
class StockSums:
    """All stock of ours in a few numbers.

    Attributes:
        units: On hand at all places of ours.
        reserved: Units of these that are set aside, for orders or softly.
        kept_softly: Units of these for which no order stands.
        sold_at: SKUs at places that sell, each place for itself, wherever stock was ever kept.
        out_of_stock: Those of these with nothing that could be promised.
        waiting: Units that orders wait for.
        expired: Units whose lot has expired.
        expiring: SKU → units whose lot expires soon or has expired.
        expiring_lots: How many lots these are.
    """

    units: int
    reserved: int
    kept_softly: int
    sold_at: int
    out_of_stock: int
    waiting: int
    expired: int
    expiring: dict[int, int]
    expiring_lots: int


def sums(connection: Connection, *, today: date, expiring_until: date) -> StockSums:
    """Add all balances up, in a few passes that give no rows per balance."""

    def ask(sql: str, **values: Any) -> list[Any]:
        return list(connection.execute(_bound(text(sql), values), values).all())

    [(units, reserved)] = ask(
        "SELECT coalesce(sum(on_hand), 0), coalesce(sum(allocated), 0) FROM stock_balance WHERE NOT is_external"
    )
    [(softly,)] = ask("SELECT coalesce(sum(quantity), 0) FROM reservation WHERE status = 'active' AND kind = 'soft'")
    [(pairs, out)] = ask(
        "SELECT count(*), coalesce(sum(1 - free), 0) FROM (SELECT b.sku_id, b.location_id, max(CASE"
        " WHEN b.on_hand > b.allocated AND (t.expires_on IS NULL OR t.expires_on > :today) THEN 1 ELSE 0 END) AS free"
        f" FROM stock_balance b JOIN location p ON p.id = b.location_id AND {_SELLS}"
        " LEFT JOIN lot t ON t.id = b.lot_id GROUP BY b.sku_id, b.location_id) AS at_places",
        today=today,
    )
    [(waiting,)] = ask(
        "SELECT coalesce(sum(l.quantity_backordered), 0) FROM order_line l JOIN sales_order o"
        " ON o.id = l.sales_order_id WHERE l.quantity_backordered > 0 AND o.status NOT IN ('draft', 'cancelled')"
    )
    lots = ask(
        "SELECT t.sku_id, t.expires_on, sum(b.on_hand) FROM lot t JOIN stock_balance b ON b.sku_id = t.sku_id"
        " AND b.lot_id = t.id AND b.on_hand > 0 AND NOT b.is_external WHERE t.expires_on <= :expiring_until"
        " GROUP BY t.id, t.sku_id, t.expires_on",
        expiring_until=expiring_until,
    )
    expiring: dict[int, int] = {}
    expired = 0
    for sku, stored, held in lots:
        expiring[sku] = expiring.get(sku, 0) + int(held)
        day = _day(stored)
        expired += int(held) if day is not None and day <= today else 0
    return StockSums(
        int(units), int(reserved), int(softly), int(pairs), int(out), int(waiting), expired, expiring, len(lots)
    )


def held_by_place(connection: Connection) -> pd.DataFrame:
    """Everything on hand at places of ours.

    Returns:
        location, kind, sku_id and units (int64), one row per balance.
    """
    names = {row.id: (row.code, row.kind) for row in connection.execute(text("SELECT id, code, kind FROM location"))}
    # Rows of the driver's own: half a million of SQLAlchemy's take seconds.
    rows = Driver(connection).rows(
        "SELECT location_id, sku_id, on_hand FROM stock_balance WHERE NOT is_external AND on_hand > 0"
    )
    places, skus, units = zip(*rows, strict=True) if rows else ((), (), ())
    return pd.DataFrame(
        {
            "location": pd.Series([names[place][0] for place in places], dtype="str"),
            "kind": pd.Series([names[place][1] for place in places], dtype="str"),
            "sku_id": pd.Series(skus, dtype="int64"),
            "units": pd.Series(units, dtype="int64"),
        }
    )


def ledger_version(connection: Connection) -> str:
    """A text that changes with every movement that is written, at a cost that does not grow with the ledger.

    On PostgreSQL a command may commit after one that took higher ids: the largest id alone would hide it.
    """
    row = connection.execute(
        text(
            "SELECT coalesce(max(id), 0), coalesce(sum(id), 0) FROM"
            " (SELECT id FROM stock_move ORDER BY id DESC LIMIT :traced) AS last"
        ),
        {"traced": _TRACED},
    ).one()
    return f"{row[0]}-{row[1]}"


# One SKU


@dataclass(frozen=True)
class SkuRow:
    """A SKU as the stock pages name it."""

    id: int
    code: str
    sku: str
    name: str
    category: str | None
    is_lot_tracked: bool


def find_skus(connection: Connection, search: str, *, limit: int) -> list[SkuRow]:
    """SKUs of that code alone, else those with the text in code or name; bundles, which have no stock, left out."""
    columns = "SELECT s.id, s.code, s.display_code, s.name, s.category, s.is_lot_tracked FROM sku s WHERE "
    stocked = " AND NOT EXISTS (SELECT 1 FROM bundle_component z WHERE z.bundle_id = s.id)"
    code = {"code": search.strip().upper()}
    found: Sequence[Any] = connection.execute(text(f"{columns} s.code = :code{stocked}"), code).all()
    if not found:
        where, values = _sku_conditions(LevelFilter(search=search))
        some = text(f"{columns}{' AND '.join(where) or 'true'}{stocked} ORDER BY s.code LIMIT :limit")
        found = connection.execute(some, {**values, "limit": limit}).all()
    return [
        SkuRow(row.id, row.code, row.display_code, row.name, row.category, bool(row.is_lot_tracked)) for row in found
    ]


def categories(connection: Connection) -> list[str]:
    """The categories of all SKUs."""
    rows = connection.execute(text("SELECT DISTINCT category FROM sku WHERE category IS NOT NULL ORDER BY category"))
    return list(rows.scalars())


def tracks_lots(connection: Connection) -> bool:
    """Whether any SKU is tracked by lot."""
    return connection.execute(text("SELECT 1 FROM sku WHERE is_lot_tracked LIMIT 1")).one_or_none() is not None


def reservations(connection: Connection, *, sku_id: int | None, limit: int) -> Sequence[Row[Any]]:
    """Who holds units of a SKU, newest first; without one, every soft reservation, by when it ends.

    Returns:
        id, kind, quantity, sku, name, location, lot, purpose, reserved_at, expires_at, order_id, order_ref,
        customer.
    """
    which = "r.kind = 'soft' ORDER BY r.expires_at, r.id" if sku_id is None else "r.sku_id = :sku ORDER BY r.id DESC"
    statement = text(
        "SELECT r.id, r.kind, r.quantity, s.display_code AS sku, s.name, p.code AS location, t.code AS lot, r.purpose,"
        " r.reserved_at, r.expires_at, o.id AS order_id, o.external_ref AS order_ref, c.name AS customer"
        " FROM reservation r JOIN sku s ON s.id = r.sku_id JOIN location p ON p.id = r.location_id"
        " LEFT JOIN lot t ON t.id = r.lot_id LEFT JOIN order_line l ON l.id = r.order_line_id"
        " LEFT JOIN sales_order o ON o.id = l.sales_order_id LEFT JOIN party c ON c.id = o.party_id"
        f" WHERE r.status = 'active' AND {which} LIMIT :limit"
    ).columns(reserved_at=UtcDateTime(), expires_at=UtcDateTime())
    return connection.execute(statement, {"limit": limit} | ({} if sku_id is None else {"sku": sku_id})).all()


def reversed_ones(connection: Connection, move_ids: Sequence[int]) -> set[int]:
    """Those of these movements that are reversed."""
    if not move_ids:
        return set()
    statement = text("SELECT reverses_id FROM stock_move WHERE reverses_id IN :ids")
    found = connection.execute(statement.bindparams(bindparam("ids", expanding=True)), {"ids": list(move_ids)})
    return set(found.scalars())


# What is on order


def open_purchases(connection: Connection, *, search: str, limit: int) -> Sequence[Row[Any]]:
    """Purchase orders of which something is to come, drafts last, then by the first day expected.

    Args:
        connection: An open transaction.
        search: A part of the number, of the supplier's name, or of a SKU's code or name; empty for all.
        limit: Most orders.

    Returns:
        number, status, supplier, location, ordered_at, expected (first day, or None), lines, units, value_micros,
        currency.
    """
    values: dict[str, Any] = {"limit": limit}
    named = ""
    if search.strip():
        named = (
            " AND (lower(o.number) LIKE :part ESCAPE '!' OR lower(c.name) LIKE :part ESCAPE '!' OR EXISTS (SELECT 1"
            " FROM purchase_order_line k JOIN sku s ON s.id = k.sku_id WHERE k.purchase_order_id = o.id"
            " AND (lower(s.code) LIKE :part ESCAPE '!' OR lower(s.name) LIKE :part ESCAPE '!')))"
        )
        values["part"] = _part(search.lower())
    still_open = "l.quantity - l.quantity_received - l.quantity_cancelled"
    statement = text(
        "SELECT o.number, o.status, coalesce(c.name, '') AS supplier, p.code AS location, o.ordered_at,"
        f" min(l.expected_date) AS expected, count(*) AS lines, sum({still_open}) AS units,"
        f" sum(({still_open}) * l.unit_cost_micros) AS value_micros, o.currency FROM purchase_order o"
        " JOIN purchase_order_line l ON l.purchase_order_id = o.id"
        " AND l.quantity_received + l.quantity_cancelled < l.quantity"
        " JOIN location p ON p.id = o.location_id LEFT JOIN party c ON c.id = o.supplier_id"
        f" WHERE o.status IN ('ordered', 'draft'){named}"
        " GROUP BY o.id, o.number, o.status, c.name, p.code, o.ordered_at, o.currency"
        " ORDER BY o.status DESC, CASE WHEN min(l.expected_date) IS NULL THEN 1 ELSE 0 END, min(l.expected_date),"
        " o.number LIMIT :limit"
    ).columns(ordered_at=UtcDateTime(), expected=Date())
    return connection.execute(statement, values).all()


def open_lines(connection: Connection, number: str) -> Sequence[Row[Any]]:
    """The lines of a purchase order of which something is to come.

    Returns:
        line_no, sku, name, is_lot_tracked, quantity, received, still_open, expected, unit_cost_micros.
    """
    statement = text(
        "SELECT l.line_no, s.display_code AS sku, s.name, s.is_lot_tracked, l.quantity,"
        " l.quantity_received AS received,"
        " l.quantity - l.quantity_received - l.quantity_cancelled AS still_open, l.expected_date AS expected,"
        " l.unit_cost_micros FROM purchase_order_line l JOIN purchase_order o ON o.id = l.purchase_order_id"
        " JOIN sku s ON s.id = l.sku_id WHERE o.number = :number"
        " AND l.quantity_received + l.quantity_cancelled < l.quantity ORDER BY l.line_no"
    ).columns(expected=Date())
    return connection.execute(statement, {"number": number}).all()
