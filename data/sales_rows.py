"""Single orders as fixed SQL: what placing one asks and writes, and what changing one locks, reads and sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from data.driver import Driver, marks

RECENT_LINES = 20
"""How many of a SKU's last order lines say what is usual."""


class Entry(NamedTuple):
    """What an order's head refers to, and whether it is there already."""

    channel_id: int
    currency: str
    time_zone: str
    when_short: str
    party_id: int | None
    order_id: int | None


class Item(NamedTuple):
    """A SKU as an order line needs it."""

    id: int
    code: str
    display_code: str
    list_price_micros: int | None
    list_price_currency: str | None
    is_bundle: bool


class RecentLine(NamedTuple):
    """A line on which a SKU was ordered lately."""

    sku_id: int
    quantity: int
    unit_price_micros: int
    currency: str


@dataclass(slots=True)
class OrderHead:
    """An order's header, as it was when it was locked."""

    id: int
    channel_id: int
    channel: str
    external_ref: str
    party_id: int | None
    currency: str
    country: str | None
    status: str
    version: int
    priority: int
    when_short: str | None
    ship_to_id: int | None
    payment_status: str
    value_minor: int
    time_zone: str
    channel_when_short: str
    promised_date: date | None

    def __str__(self) -> str:
        return f"order {self.external_ref}"


@dataclass(slots=True)
class Line:
    """An order line and how far its units have come."""

    id: int
    line_no: int
    sku_id: int
    sku: str
    location_id: int
    quantity: int
    quantity_cancelled: int
    quantity_shipped: int
    quantity_allocated: int
    quantity_backordered: int
    unit_price_micros: int
    amount_minor: int
    promised_date: date | None
    bundle_id: int | None

    @property
    def still_open(self) -> int:
        """Units neither cancelled nor shipped."""
        return self.quantity - self.quantity_cancelled - self.quantity_shipped

    @property
    def unallocated(self) -> int:
        """Open units that nothing is reserved for."""
        return self.still_open - self.quantity_allocated


# Placing


def entry(sql: Driver, *, channel: str, external_ref: str, customer: str | None) -> Entry | None:
    """What an order of this channel, reference and customer refers to; None without such a channel."""
    row = sql.row(
        "SELECT c.id, c.currency, c.time_zone, c.when_short,"
        " (SELECT p.id FROM party p WHERE p.kind = 'customer' AND p.external_ref = ?),"
        " (SELECT o.id FROM sales_order o WHERE o.channel_id = c.id AND o.external_ref = ?)"
        " FROM channel c WHERE c.code = ?",
        (customer, external_ref, channel),
    )
    return None if row is None else Entry(*row)


def customer_id(sql: Driver, *, external_ref: str, name: str, country: str | None) -> int:
    """The customer of that reference, made when it is new."""
    row = sql.row(
        "INSERT INTO party (kind, external_ref, name, country) VALUES ('customer', ?, ?, ?)"
        " ON CONFLICT (kind, external_ref) DO UPDATE SET name = party.name RETURNING id",
        (external_ref, name, country),
    )
    if row is None:
        raise LookupError(f"no customer {external_ref!r} was written")
    return int(row[0])


def items(sql: Driver, codes: Sequence[str]) -> dict[str, Item]:
    """SKUs by their codes; unknown ones are left out."""
    wanted = sorted(set(codes))
    rows = sql.rows(
        "SELECT s.id, s.code, s.display_code, s.list_price_micros, s.list_price_currency,"
        " EXISTS (SELECT 1 FROM bundle_component b WHERE b.bundle_id = s.id)"
        f" FROM sku s WHERE s.code IN ({marks(len(wanted))})",
        wanted,
    )
    return {row[1]: Item._make((*row[:5], bool(row[5]))) for row in rows}


def components(sql: Driver, bundle_ids: Sequence[int]) -> list[tuple[int, Item, int]]:
    """(bundle, component, units of it in one bundle) of these bundles."""
    rows = sql.rows(
        "SELECT b.bundle_id, b.quantity, s.id, s.code, s.display_code, s.list_price_micros, s.list_price_currency"
        f" FROM bundle_component b JOIN sku s ON s.id = b.component_id WHERE b.bundle_id IN ({marks(len(bundle_ids))})"
        " ORDER BY b.bundle_id, s.code",
        list(bundle_ids),
    )
    return [(row[0], Item._make((*row[2:], False)), row[1]) for row in rows]


def recent_lines(sql: Driver, sku_ids: Sequence[int]) -> list[RecentLine]:
    """The last lines on which each of these SKUs was ordered by itself, newest first, but for cancelled orders."""
    one = (
        "SELECT * FROM (SELECT l.sku_id, l.quantity, l.unit_price_micros, o.currency FROM order_line l"
        " JOIN sales_order o ON o.id = l.sales_order_id AND o.status <> 'cancelled'"
        f" WHERE l.sku_id = ? AND l.bundle_id IS NULL ORDER BY l.id DESC LIMIT {RECENT_LINES}) AS recent"
    )
    wanted = sorted(set(sku_ids))
    if not wanted:
        return []
    return [RecentLine(*row) for row in sql.rows(" UNION ALL ".join([one] * len(wanted)), wanted)]


def orders_like(sql: Driver, *, party_id: int, content_hash: int, since: Any) -> list[str]:
    """References of this customer's orders since then with the same SKUs and quantities, newest first."""
    rows = sql.rows(
        "SELECT external_ref FROM sales_order WHERE party_id = ? AND placed_at >= ? AND content_hash = ?"
        " AND status <> 'cancelled' ORDER BY placed_at DESC LIMIT 3",
        (party_id, since, content_hash),
    )
    return [row[0] for row in rows]


def insert_address(sql: Driver, party_id: int | None, values: Sequence[str | None]) -> int:
    """Values of name, line1, line2, postcode, city, region, country; the address's id."""
    written = sql.insert(
        "address (party_id, name, line1, line2, postcode, city, region, country)",
        [(party_id, *values)],
        returning="id",
    )
    return int(written[0][0])


_ORDER_COLUMNS = (
    "channel_id, external_ref, party_id, placed_at, business_date, currency, country, status, status_since,"
    " version, priority, line_count, value_minor, payment_status, when_short, promised_date, ship_to_id,"
    " content_hash, placed_by"
)
_INSERT_ORDER = (
    f"INSERT INTO sales_order ({_ORDER_COLUMNS}) VALUES ({marks(19)})"
    " ON CONFLICT (channel_id, external_ref) DO NOTHING RETURNING id"
)


def insert_order(sql: Driver, values: Sequence[Any]) -> int | None:
    """Values as in `_ORDER_COLUMNS`; the order's id, None when the channel has this reference already."""
    row = sql.row(_INSERT_ORDER, values)
    return None if row is None else int(row[0])


_KEPT_OF_DRAFT = ("channel_id", "external_ref", "payment_status")
_PLACE_DRAFT = (
    "UPDATE sales_order SET "
    + ", ".join(f"{column} = ?" for column in _ORDER_COLUMNS.split(", ") if column not in _KEPT_OF_DRAFT)
    + " WHERE id = ? AND status = 'draft'"
)


def place_draft(sql: Driver, order_id: int, values: Sequence[Any]) -> bool:
    """Give a draft's row the values of the placed order, but for how far it is paid; whether it was a draft."""
    columns = zip(_ORDER_COLUMNS.split(", "), values, strict=True)
    given = [value for column, value in columns if column not in _KEPT_OF_DRAFT]
    return sql.execute(_PLACE_DRAFT, (*given, order_id)) == 1


def insert_lines(sql: Driver, rows: Sequence[Sequence[Any]]) -> list[int]:
    """Rows of order, line_no, sku, location, quantity, cancelled, allocated, backordered, unit price, amount, promised
    date, bundle; their ids, in order."""
    written = sql.insert(
        "order_line (sales_order_id, line_no, sku_id, location_id, quantity, quantity_cancelled, quantity_allocated,"
        " quantity_backordered, unit_price_micros, amount_minor, promised_date, bundle_id)",
        rows,
        returning="id",
    )
    return [int(row[0]) for row in written]


def insert_taxes(sql: Driver, rows: Sequence[Sequence[Any]]) -> None:
    """Rows of order, order line, name, rate, amount, is included."""
    sql.insert("tax_line (sales_order_id, order_line_id, name, rate_micros, amount_minor, is_included)", rows)


def insert_cancellations(sql: Driver, rows: Sequence[Sequence[Any]]) -> None:
    """Rows of order line, quantity, unit price, cancelled at, reason, cancelled by."""
    sql.insert("cancellation (order_line_id, quantity, unit_price_micros, cancelled_at, reason, cancelled_by)", rows)


def insert_routing(sql: Driver, values: Sequence[Any]) -> None:
    """Values of order, decided at, parts, parcels, cost, currency, next best, its cost, reason, command key."""
    sql.insert(
        "routing (sales_order_id, decided_at, parts, parcels, cost_minor, currency, next_best, next_best_cost_minor,"
        " reason, command_key)",
        [values],
    )


# Changing

_HEAD = (
    "SELECT o.id, o.channel_id, c.code, o.external_ref, o.party_id, o.currency, o.country, o.status, o.version,"
    " o.priority, o.when_short, o.ship_to_id, o.payment_status, o.value_minor, c.time_zone, c.when_short,"
    " o.promised_date FROM sales_order o JOIN channel c ON c.id = o.channel_id"
)


def lock_order(sql: Driver, order_id: int) -> OrderHead | None:
    """The order, held until the transaction ends; None when there is none."""
    rows = sql.rows(f"{_HEAD} WHERE o.id = ?{'' if sql.is_sqlite else ' FOR UPDATE OF o'}", (order_id,))
    return _heads(sql, rows)[0] if rows else None


def lock_free_orders(sql: Driver, order_ids: Sequence[int]) -> dict[int, OrderHead]:
    """Those of these orders that no other transaction holds, held until this one ends: it waits for none."""
    if not order_ids:
        return {}
    lock = "" if sql.is_sqlite else " FOR UPDATE OF o SKIP LOCKED"
    rows = sql.rows(f"{_HEAD} WHERE o.id IN ({marks(len(order_ids))}) ORDER BY o.id{lock}", list(order_ids))
    return {head.id: head for head in _heads(sql, rows)}


def _heads(sql: Driver, rows: Sequence[Any]) -> list[OrderHead]:
    return [OrderHead(*(*row[:16], sql.read_day(row[16]))) for row in rows]


def lines(sql: Driver, order_ids: Sequence[int]) -> dict[int, list[Line]]:
    """Order → its lines, in order."""
    rows = sql.rows(
        "SELECT l.sales_order_id, l.id, l.line_no, l.sku_id, s.display_code, l.location_id, l.quantity,"
        " l.quantity_cancelled, l.quantity_shipped, l.quantity_allocated, l.quantity_backordered,"
        " l.unit_price_micros, l.amount_minor, l.promised_date, l.bundle_id FROM order_line l"
        f" JOIN sku s ON s.id = l.sku_id WHERE l.sales_order_id IN ({marks(len(order_ids))})"
        " ORDER BY l.sales_order_id, l.line_no",
        list(order_ids),
    )
    found: dict[int, list[Line]] = {order_id: [] for order_id in order_ids}
    for row in rows:
        found[row[0]].append(Line(*(*row[1:13], sql.read_day(row[13]), row[14])))
    return found


def backordered_orders(sql: Driver, sku_ids: Sequence[int] | None = None) -> list[int]:
    """Open orders that wait for units of these SKUs, or of any: most urgent first, then first come."""
    some = "" if sku_ids is None else f" AND l.sku_id IN ({marks(len(sku_ids))})"
    rows = sql.rows(
        "SELECT o.id FROM order_line l JOIN sales_order o ON o.id = l.sales_order_id"
        f" WHERE l.quantity_backordered > 0{some} AND o.status IN ('placed', 'partially_allocated', 'backordered',"
        " 'partially_shipped', 'on_hold') GROUP BY o.id, o.priority, o.placed_at"
        " ORDER BY o.priority DESC, o.placed_at, o.id",
        list(sku_ids or ()),
    )
    return [int(row[0]) for row in rows]


def set_progress(sql: Driver, line: Line) -> None:
    """Store how far a line's units have come, where they are served from, and what they cost."""
    sql.execute(
        "UPDATE order_line SET quantity = ?, quantity_cancelled = ?, quantity_shipped = ?, quantity_allocated = ?,"
        " quantity_backordered = ?, location_id = ?, promised_date = ?, unit_price_micros = ?, amount_minor = ?"
        " WHERE id = ?",
        (
            line.quantity, line.quantity_cancelled, line.quantity_shipped, line.quantity_allocated,
            line.quantity_backordered, line.location_id, sql.day(line.promised_date), line.unit_price_micros,
            line.amount_minor, line.id,
        ),
    )  # fmt: skip


def set_head(sql: Driver, head: OrderHead, *, status: str, status_since: Any, line_count: int) -> None:
    """Store a changed header under the next version."""
    sql.execute(
        "UPDATE sales_order SET status = ?, status_since = CASE WHEN status = ? THEN status_since ELSE ? END,"
        " version = version + 1, priority = ?, ship_to_id = ?, country = ?, payment_status = ?, value_minor = ?,"
        " promised_date = ?, line_count = ? WHERE id = ?",
        (
            status, status, status_since, head.priority, head.ship_to_id, head.country, head.payment_status,
            head.value_minor, sql.day(head.promised_date), line_count, head.id,
        ),
    )  # fmt: skip
    head.status, head.version = status, head.version + 1


def open_holds(sql: Driver, order_id: int) -> list[tuple[int, str, str]]:
    """(id, kind, reason) of the holds that are not released."""
    rows = sql.rows(
        "SELECT id, kind, reason FROM order_hold WHERE sales_order_id = ? AND released_at IS NULL ORDER BY id",
        (order_id,),
    )
    return [(int(row[0]), row[1], row[2]) for row in rows]


def insert_hold(sql: Driver, *, order_id: int, kind: str, reason: str, at: Any, by: str) -> int:
    """A new hold's id."""
    written = sql.insert(
        "order_hold (sales_order_id, kind, reason, held_at, held_by)",
        [(order_id, kind, reason, at, by)],
        returning="id",
    )
    return int(written[0][0])


def release_hold(sql: Driver, hold_id: int, *, at: Any, by: str, reason: str) -> None:
    """End a hold."""
    sql.execute(
        "UPDATE order_hold SET released_at = ?, released_by = ?, release_reason = ? WHERE id = ?",
        (at, by, reason, hold_id),
    )


def taxes(sql: Driver, order_id: int) -> list[tuple[int | None, int, int, bool]]:
    """(order line, rate, amount, is included) of an order's tax lines."""
    rows = sql.rows(
        "SELECT order_line_id, rate_micros, amount_minor, is_included FROM tax_line WHERE sales_order_id = ?",
        (order_id,),
    )
    return [(row[0], int(row[1]), int(row[2]), bool(row[3])) for row in rows]


def orders_of_lines(sql: Driver, line_ids: Sequence[int]) -> dict[int, int]:
    """Order line → the order that it belongs to."""
    if not line_ids:
        return {}
    rows = sql.rows(f"SELECT id, sales_order_id FROM order_line WHERE id IN ({marks(len(line_ids))})", list(line_ids))
    return {int(row[0]): int(row[1]) for row in rows}


def backordered_skus(sql: Driver) -> list[int]:
    """SKUs that some order waits for."""
    rows = sql.rows("SELECT DISTINCT sku_id FROM order_line WHERE quantity_backordered > 0 ORDER BY sku_id")
    return [int(row[0]) for row in rows]


def sku_names(sql: Driver) -> dict[str, str]:
    """Display code → name of every SKU; for suggesting what was meant."""
    return {row[0]: row[1] for row in sql.rows("SELECT display_code, name FROM sku ORDER BY code")}


def last_complete_address(sql: Driver, party_id: int) -> tuple[str | None, ...] | None:
    """Name, lines, postcode, city, region and country of this customer's last address that has all a carrier needs."""
    row = sql.row(
        "SELECT name, line1, line2, postcode, city, region, country FROM address WHERE party_id = ? AND name <> ''"
        " AND line1 <> '' AND city <> '' AND country <> '' ORDER BY id DESC LIMIT 1",
        (party_id,),
    )
    return None if row is None else tuple(row)


def default_place(sql: Driver, code: str) -> int | None:
    """The place of that code, else the first that sells; None without any."""
    row = sql.row(
        "SELECT id FROM location WHERE kind IN ('warehouse', 'store') ORDER BY (code = ?) DESC, id LIMIT 1", (code,)
    )
    return None if row is None else int(row[0])


def replace_taxes(sql: Driver, order_id: int, rows: Sequence[Sequence[Any]]) -> None:
    """An order's tax lines become these; see `insert_taxes`."""
    sql.execute("DELETE FROM tax_line WHERE sales_order_id = ?", (order_id,))
    insert_taxes(sql, rows)


def named_taxes(sql: Driver, order_id: int) -> list[tuple[int | None, str, int, int, bool]]:
    """(order line, name, rate, amount, is included) of an order's tax lines."""
    rows = sql.rows(
        "SELECT order_line_id, name, rate_micros, amount_minor, is_included FROM tax_line WHERE sales_order_id = ?"
        " ORDER BY id",
        (order_id,),
    )
    return [(row[0], row[1], int(row[2]), int(row[3]), bool(row[4])) for row in rows]


def orders_in(sql: Driver, states: Sequence[str]) -> list[int]:
    """Orders in one of these states, oldest first."""
    rows = sql.rows(
        f"SELECT id FROM sales_order WHERE status IN ({marks(len(states))}) ORDER BY placed_at, id", list(states)
    )
    return [int(row[0]) for row in rows]
