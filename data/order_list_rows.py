"""Rows of the order list: one statement per page, which looks at a bounded number of orders however many there are.

A page goes on where the page before ended, by (placed_at, id), so the work does not grow with the page's number.
Which way leads to the orders is decided here and not by the planner, since SQLite has no statistics and those of
PostgreSQL say little about patterns, joins and what is rare lately:

- **Along an index.** A filter with an index that goes on with (placed_at, id) has its orders in the order of the
  list: a page reads one more than it shows. Several states are lanes, walked side by side and merged.
- **From a small set.** A hold, a discrepancy, a reference, a customer or a SKU leads to orders in no order. When
  these are `FEW`, they are read and sorted.
- **Past the others.** Whatever else is asked is tested order by order on the way, on at most `LOOK` orders. A page
  that is not full by then says where to go on.

An index that the schema gains or loses is used or done without: see `_has_index`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Date, Row, bindparam, text
from sqlalchemy.types import TypeEngine

from data.schema import UtcDateTime, sales_order

FEW = 5_000
"""How large a set is read whole and sorted."""
LOOK = 10_000
"""How many orders a page looks at where it has to test them: 5 to 20 ms, however many there are."""
FINISHED = ("shipped", "closed", "cancelled")
"""States in which most orders are, so that they choose little."""

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_EAST, _WEST = timedelta(hours=14), timedelta(hours=12)
_LAST_CHARACTER = "\U0010ffff"
_GREATEST_ID = 2**63 - 1
_REFERENCE_INDEX = "ix_sales_order_lower_external_ref"
_TYPES: dict[str, TypeEngine[Any]] = {
    "start_at": UtcDateTime(),
    "end_at": UtcDateTime(),
    "nothing_at": UtcDateTime(),
    "placed_from": Date(),
    "placed_to": Date(),
}


@dataclass(frozen=True)
class OrderFilter:
    """What the orders of a list have in common; what is left out is not asked.

    Attributes:
        statuses: Any of these.
        channel: A channel's code.
        customer: A customer's reference, or how the name begins in upper or lower case (on SQLite the case of
            ASCII letters only does not count).
        text: How the order's reference begins, the same way; `#12` finds the order of that id, too.
        country: Where it goes, as the order has it.
        placed_from: First business date.
        placed_to: Last business date.
        hold: Kind of a hold that is not released.
        payment_status: How far it is paid.
        only_discrepancies: Only orders with open discrepancies.
        min_value_minor: Least value, in minor units of the order's currency.
        sku: Code of a SKU that one of its lines asks for.
    """

    statuses: tuple[str, ...] = ()
    channel: str | None = None
    customer: str | None = None
    text: str | None = None
    country: str | None = None
    placed_from: date | None = None
    placed_to: date | None = None
    hold: str | None = None
    payment_status: str | None = None
    only_discrepancies: bool = False
    min_value_minor: int | None = None
    sku: str | None = None


class Place(NamedTuple):
    """Somewhere in the list: an order's."""

    placed_at: datetime
    id: int


@dataclass(frozen=True)
class Found:
    """One more order than the page shows, or fewer.

    Attributes:
        rows: In the order of the list.
        looked_to: The last order looked at, where there are others behind it; None where all were.
    """

    rows: Sequence[Row[Any]]
    looked_to: Place | None


def page(connection: Connection, wanted: OrderFilter, *, after: Place | None, newest_first: bool, limit: int) -> Found:
    """The orders behind a place, by one statement.

    Args:
        connection: An open transaction.
        wanted: Which orders.
        after: Where the page before ended; None for the first.
        newest_first: By (placed_at, id), downwards or upwards.
        limit: How many orders the page shows. One more is read: it tells that there are more.

    Returns:
        Rows of id, external_ref, channel, customer, placed_at, business_date, status, status_since, value_minor,
        currency, line_count, country, priority, payment_status, promised_date, holds (kinds joined by commas, or
        None), open_discrepancies.
    """
    sql, values = page_statement(
        wanted, after=after, newest_first=newest_first, limit=limit, is_sqlite=connection.dialect.name == "sqlite"
    )
    statement = text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in values if name in _TYPES))
    typed = statement.columns(
        placed_at=UtcDateTime(),
        status_since=UtcDateTime(),
        looked_to_at=UtcDateTime(),
        business_date=Date(),
        promised_date=Date(),
    )
    rows = connection.execute(typed, values).all()
    looked_to = None
    if rows and rows[0].looked_to_at is not None:
        looked_to = Place(rows[0].looked_to_at, rows[0].looked_to_id)
    return Found([row for row in rows if row.id is not None], looked_to)


# Filters as conditions


class _Lane(NamedTuple):
    """A column with an index that goes on with (placed_at, id), and its value in SQL."""

    column: str
    value: str


@dataclass(frozen=True)
class _Condition:
    """One filter, as SQL.

    Attributes:
        test: Of one order `o`. Columns stand behind `{o}` and `{l}`: on SQLite a `+` there keeps the planner from
            taking an index of theirs instead of the way that is decided on.
        values: The parameters.
        source: Gives the ids of the orders, by an index of its own and in its order; empty without.
        lanes: What to walk along; empty without.
    """

    test: str
    values: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    lanes: tuple[_Lane, ...] = ()


@dataclass(frozen=True)
class _Conditions:
    """How each filter reads in one dialect.

    PostgreSQL takes an equality for what is found on average and then rather reads and sorts all of it; a comparison
    with the head of an index it takes for a large part of the index, which it reads in order until a LIMIT. Hence the
    ranges where SQLite gets an equality.
    """

    is_sqlite: bool

    def of(self, wanted: OrderFilter) -> list[_Condition]:
        """Those asked for, first the ones that usually leave the fewest orders."""
        statuses = [self.statuses(wanted.statuses)] if wanted.statuses else []
        choose_little = bool(set(wanted.statuses) & set(FINISHED))
        return [
            *([self.reference(wanted.text)] if wanted.text else []),
            *([self.hold(wanted.hold)] if wanted.hold else []),
            *([self.discrepancy()] if wanted.only_discrepancies else []),
            *([self.customer(wanted.customer)] if wanted.customer else []),
            *([self.sku(wanted.sku)] if wanted.sku else []),
            *([] if choose_little else statuses),
            *([self.equal("country", wanted.country)] if wanted.country else []),
            *([self.equal("payment_status", wanted.payment_status)] if wanted.payment_status else []),
            *([self.channel(wanted.channel)] if wanted.channel else []),
            *([self.value(wanted.min_value_minor)] if wanted.min_value_minor is not None else []),
            *(statuses if choose_little else []),
        ]

    def statuses(self, statuses: Sequence[str]) -> _Condition:
        values = {f"status_{number}": status for number, status in enumerate(dict.fromkeys(statuses))}
        lanes = tuple(_Lane("status", f":{name}") for name in values)
        any_of = ", ".join(lane.value for lane in lanes)
        return _Condition(f"{{o}}status IN ({any_of})", values, self._first_of(lanes), lanes)

    def equal(self, column: str, value: str) -> _Condition:
        return self._lane(column, f":{column}", {column: value})

    def channel(self, code: str) -> _Condition:
        return self._lane("channel_id", "(SELECT c.id FROM channel c WHERE c.code = :channel)", {"channel": code})

    def _lane(self, column: str, value: str, values: dict[str, Any]) -> _Condition:
        lanes = (_Lane(column, value),) if _has_index(column, "placed_at", "id") else ()
        return _Condition(f"{{o}}{column} = {value}", values, self._first_of(lanes), lanes)

    def _first_of(self, lanes: Sequence[_Lane]) -> str:
        """Any orders of the lanes, as many of each as tell that they are not few."""
        return _side_by_side([f"{self._some_of(lane)} LIMIT {FEW + 1}" for lane in lanes])

    def _some_of(self, lane: _Lane) -> str:
        orders = "SELECT o.id FROM sales_order o WHERE"
        if self.is_sqlite:
            return f"{orders} o.{lane.column} = {lane.value} ORDER BY o.placed_at, o.id"
        place = f"(o.{lane.column}, o.placed_at)"
        return (
            f"{orders} {place} >= ({lane.value}, '-infinity') AND {place} <= ({lane.value}, 'infinity')"
            f" ORDER BY o.{lane.column}, o.placed_at, o.id"
        )

    def value(self, least: int) -> _Condition:
        source = "SELECT o.id FROM sales_order o WHERE o.value_minor >= :least ORDER BY o.value_minor DESC"
        return _Condition("{o}value_minor >= :least", {"least": least}, source if _has_index("value_minor") else "")

    def reference(self, typed: str) -> _Condition:
        values: dict[str, Any] = {"text": typed, "last_character": _LAST_CHARACTER}
        test = self._begins("{o}external_ref", "text")
        ordered = self._in_order_of("o.external_ref")
        source = f"SELECT o.id FROM sales_order o WHERE {test.format(o='o.')} {ordered}"
        digits = typed[1:]
        if typed.startswith("#") and digits.isascii() and digits.isdigit() and int(digits) <= _GREATEST_ID:
            values["number"] = int(digits)
            test = f"({{o}}id = :number OR ({test}))"
            source = _side_by_side(["SELECT CAST(:number AS BIGINT) AS id", source])
        is_indexed = any(index.name == _REFERENCE_INDEX for index in sales_order.indexes)
        return _Condition(test, values, source if is_indexed else "")

    def customer(self, typed: str) -> _Condition:
        is_called = self._begins("p.name", "customer")
        customers = "party p WHERE p.kind = 'customer'"
        kind = "+p.kind" if self.is_sqlite else "p.kind"  # else SQLite would go through all customers
        named = f"SELECT p.id FROM party p WHERE {kind} = 'customer' AND {is_called} {self._in_order_of('p.name')}"
        parties = _side_by_side([f"SELECT p.id FROM {customers} AND p.external_ref = :customer", named])
        theirs = "SELECT o.id FROM sales_order o WHERE o.party_id = theirs.id"
        return _Condition(
            f"(SELECT 1 FROM {customers} AND p.id = {{o}}party_id"
            f" AND (p.external_ref = :customer OR ({is_called}))) IS NOT NULL",
            {"customer": typed, "last_character": _LAST_CHARACTER},
            source=f"SELECT o.id FROM ({parties}) AS theirs CROSS JOIN sales_order o WHERE o.party_id = theirs.id"
            if self.is_sqlite
            else f"SELECT o.id FROM ({parties}) AS theirs CROSS JOIN LATERAL ({theirs} LIMIT {FEW + 1}) AS o",
        )

    def _begins(self, column: str, parameter: str) -> str:
        """That a text begins as typed, whatever the case: a range of bytes, in which no character is a wildcard."""
        at_least, below = (">=", "<") if self.is_sqlite else ("~>=~", "~<~")
        typed = f"lower(CAST(:{parameter} AS VARCHAR))"
        end = f"({typed} || CAST(:last_character AS VARCHAR))"
        return f"lower({column}) {at_least} {typed} AND lower({column}) {below} {end}"

    def _in_order_of(self, column: str) -> str:
        return f"ORDER BY lower({column}){'' if self.is_sqlite else ' USING ~<~'}"

    def hold(self, kind: str) -> _Condition:
        held = "order_hold h WHERE h.released_at IS NULL AND h.kind = :hold"
        return _Condition(
            f"(SELECT 1 FROM {held} AND h.sales_order_id = {{o}}id) IS NOT NULL",
            {"hold": kind},
            source=f"SELECT h.sales_order_id FROM {held} ORDER BY h.sales_order_id",
        )

    def discrepancy(self) -> _Condition:
        return _Condition(
            "(SELECT 1 FROM discrepancy d WHERE d.sales_order_id = {o}id AND d.status = 'open' LIMIT 1) IS NOT NULL",
            source="SELECT d.sales_order_id FROM discrepancy d WHERE d.status = 'open' ORDER BY d.raised_at",
        )

    def sku(self, code: str) -> _Condition:
        asked = "(SELECT s.id FROM sku s WHERE s.code = :sku)"
        lines = (
            f"l.sku_id = {asked}"
            if self.is_sqlite
            else f"(l.sku_id, l.id) > ({asked}, 0) AND (l.sku_id, l.id) < ({asked} + 1, 0)"
        )
        return _Condition(
            f"(SELECT 1 FROM order_line l WHERE {{l}}sku_id = {asked} AND l.sales_order_id = {{o}}id LIMIT 1)"
            " IS NOT NULL",
            {"sku": code.upper()},
            source=f"SELECT l.sales_order_id FROM order_line l WHERE {lines} ORDER BY l.sku_id, l.id",
        )


def _has_index(*columns: str) -> bool:
    """Whether an index of sales_order begins with these columns."""
    names = [[column.name for column in index.columns] for index in sales_order.indexes]
    return any(one[: len(columns)] == list(columns) for one in names)


# The statement


class _Direction(NamedTuple):
    """How the list runs: the order and its opposite, and how what comes behind, or up to, a place compares with it."""

    order: str
    opposite: str
    behind: str
    up_to: str


_NEWEST_FIRST = _Direction("DESC", "ASC", "<", ">=")
_OLDEST_FIRST = _Direction("ASC", "DESC", ">", "<=")

_SHOWN = """o.id, o.external_ref, c.code AS channel, p.name AS customer, o.placed_at, o.business_date, o.status,
 o.status_since, o.value_minor, o.currency, o.line_count, o.country, o.priority, o.payment_status, o.promised_date,
 (SELECT {list}(h.kind, ',') FROM order_hold h WHERE h.sales_order_id = o.id AND h.released_at IS NULL) AS holds,
 (SELECT count(*) FROM discrepancy d WHERE d.sales_order_id = o.id AND d.status = 'open') AS open_discrepancies,
 edge.placed_at AS looked_to_at, edge.id AS looked_to_id"""


def page_statement(
    wanted: OrderFilter, *, after: Place | None, newest_first: bool, limit: int, is_sqlite: bool
) -> tuple[str, dict[str, Any]]:
    """The SQL of `page` and its parameters."""
    conditions = _Conditions(is_sqlite).of(wanted)
    walked = next((one for one in conditions if one.lanes), None)
    others = [one for one in conditions if one is not walked]
    narrow = next((one for one in others if one.source), None)
    days, values = _days(wanted)
    values |= _range(wanted, newest_first=newest_first, after=after)
    for one in conditions:
        values |= one.values
    if narrow is not None:
        values["nothing_at"] = _LAST if newest_first else _FIRST
    statement = _Statement(
        _NEWEST_FIRST if newest_first else _OLDEST_FIRST,
        is_sqlite,
        limit=limit + 1,
        lanes=walked.lanes if walked else (None,),
        is_bounded=bool(others),
        tests=[*(one.test for one in others), *days],
        source=narrow.source if narrow else "",
        source_tests=[*(one.test for one in conditions if one is not narrow), *days],
    )
    return statement.sql(), values


def _days(wanted: OrderFilter) -> tuple[list[str], dict[str, Any]]:
    """The business dates as tests. `_range` leaves them few orders to refuse."""
    given = {"placed_from": (">=", wanted.placed_from), "placed_to": ("<=", wanted.placed_to)}
    asked = {name: day for name, (_, day) in given.items() if day is not None}
    return [f"{{o}}business_date {given[name][0]} :{name}" for name in asked], dict(asked)


def _range(wanted: OrderFilter, *, newest_first: bool, after: Place | None) -> dict[str, Any]:
    """Where the list begins (excluded) and ends (included), as parameters. No order has the id 0.

    A business date is the day somewhere on Earth: it begins up to 14 hours before that day does in UTC, and ends up
    to 12 hours after it.
    """
    earliest = _FIRST if wanted.placed_from is None else _moment(wanted.placed_from, -_EAST)
    latest = _LAST if wanted.placed_to is None else _moment(wanted.placed_to, timedelta(days=1) + _WEST)
    begin, end = (latest, earliest) if newest_first else (earliest, latest)
    start = Place(begin, 0)
    if after is not None:
        start = min(start, after) if newest_first else max(start, after)
    return {"start_at": start.placed_at, "start_id": start.id, "end_at": end}


def _moment(day: date, later: timedelta) -> datetime:
    """Somewhat later than the beginning of a day in UTC."""
    try:
        return datetime.combine(day, time(), UTC) + later
    except OverflowError:
        return _FIRST if later < timedelta() else _LAST


@dataclass(frozen=True)
class _Statement:
    """A page's statement.

    Attributes:
        way: How the list runs.
        is_sqlite: Which dialect.
        limit: How many orders are read.
        lanes: What to walk along; None stands for all orders.
        is_bounded: Whether the tests may refuse so many orders that the walk needs an end.
        tests: Of each order on the walk.
        source: Gives the ids of a set that may be small; empty without.
        source_tests: Of each order of that set.
    """

    way: _Direction
    is_sqlite: bool
    limit: int
    lanes: Sequence[_Lane | None]
    is_bounded: bool
    tests: Sequence[str]
    source: str
    source_tests: Sequence[str]

    def sql(self) -> str:
        parts, picks = [], [self._walk(lane) for lane in self.lanes]
        if self.source:
            parts += [
                f"few (id) AS MATERIALIZED (SELECT * FROM ({self.source}) AS narrow LIMIT {FEW + 1})",
                "size AS MATERIALIZED (SELECT count(*) AS orders FROM few)",
            ]
            picks.append(self._small_set())
        parts += [
            f"edge AS ({self._edge() if self.is_bounded else _NO_EDGE})",
            f"picked AS (SELECT picks.id FROM ({_side_by_side(picks)}) AS picks"
            f" {self._ordered('picks')} LIMIT {self.limit})",
        ]
        shown = _SHOWN.format(list="group_concat" if self.is_sqlite else "string_agg")
        return (
            f"WITH {', '.join(parts)} SELECT {shown} FROM (SELECT 1 AS one) AS one LEFT JOIN edge ON true"
            " LEFT JOIN picked ON true LEFT JOIN sales_order o ON o.id = picked.id"
            " LEFT JOIN channel c ON c.id = o.channel_id LEFT JOIN party p ON p.id = o.party_id"
            f" {self._ordered('o')}"
        )

    def _walk(self, lane: _Lane | None) -> str:
        """The first orders of a lane that pass the tests.

        PostgreSQL gets a LIMIT within, which keeps the tests out of its choice of an index.
        """
        if not self.is_bounded:
            walked = f"sales_order o WHERE {self._between(lane, _START, _END)}{self._tested(self.tests)}"
            return f"SELECT o.id, o.placed_at FROM {walked} {self._ordered('o', lane)} LIMIT {self.limit}"
        edge = f"coalesce((SELECT edge.placed_at FROM edge), {self._end_at})", "coalesce((SELECT edge.id FROM edge), 0)"
        walked = f"sales_order o WHERE {self._between(lane, _START, edge)}"
        if self.is_sqlite:
            return (
                f"SELECT o.id, o.placed_at FROM {walked}{self._tested(self.tests)} {self._ordered('o', lane)}"
                f" LIMIT {self.limit}"
            )
        return (
            f"SELECT o.id, o.placed_at FROM"
            f" (SELECT o.* FROM {walked} {self._ordered('o', lane)} LIMIT {self._look}) AS o"
            f" WHERE true{self._tested(self.tests)} {self._ordered('o', lane)} LIMIT {self.limit}"
        )

    def _edge(self) -> str:
        """How far to look: the nearest of the places where a lane was walked far enough and goes on behind."""
        end = (self._end_at, "0")
        ends = [
            "SELECT last.placed_at, last.id FROM (SELECT looked.placed_at, looked.id FROM"
            f" (SELECT o.placed_at, o.id FROM sales_order o WHERE {self._between(lane, _START, end)}"
            f" {self._ordered('o', lane)} LIMIT {self._look}) AS looked {self._ordered('looked', backwards=True)}"
            " LIMIT 1) AS last WHERE EXISTS"
            f" (SELECT 1 FROM sales_order o WHERE {self._between(lane, ('last.placed_at', 'last.id'), end)})"
            for lane in self.lanes
        ]
        return f"SELECT ends.placed_at, ends.id FROM ({_side_by_side(ends)}) AS ends {self._ordered('ends')} LIMIT 1"

    def _small_set(self) -> str:
        """The first orders of the small set. PostgreSQL gets a LIMIT within, or it might read all orders instead."""
        few = f"(SELECT DISTINCT few.id FROM few WHERE (SELECT orders FROM size) <= {FEW}) AS few CROSS JOIN"
        one = "sales_order o WHERE o.id = few.id"
        joined = one if self.is_sqlite else f"LATERAL (SELECT o.* FROM {one} LIMIT 1) AS o WHERE true"
        tests = [
            f"({{o}}placed_at, {{o}}id) {self.way.behind} (:start_at, :start_id)",
            f"({{o}}placed_at, {{o}}id) {self.way.up_to} (:end_at, 0)",
            *self.source_tests,
        ]
        return (
            f"SELECT o.id, o.placed_at FROM {few} {joined}{self._tested(tests)} {self._ordered('o')} LIMIT {self.limit}"
        )

    @property
    def _end_at(self) -> str:
        """Where the walk ends: before it begins where the set is small."""
        if not self.source:
            return ":end_at"
        return f"(SELECT CASE WHEN size.orders <= {FEW} THEN :nothing_at ELSE :end_at END FROM size)"

    @property
    def _look(self) -> int:
        return LOOK // len(self.lanes)

    def _between(self, lane: _Lane | None, start: tuple[str, str], end: tuple[str, str]) -> str:
        """What is behind a start, up to an end, in a lane.

        PostgreSQL compares the lane's value with the rest of its index, as it might else rather walk past all orders.
        """
        place, of_lane, value = "o.placed_at, o.id", "", ""
        if lane is not None and self.is_sqlite:
            of_lane = f"o.{lane.column} = {lane.value} AND "
        elif lane is not None:
            place, value = f"o.{lane.column}, {place}", f"{lane.value}, "
        behind = f"({place}) {self.way.behind} ({value}{start[0]}, {start[1]})"
        return f"{of_lane}{behind} AND ({place}) {self.way.up_to} ({value}{end[0]}, {end[1]})"

    def _ordered(self, table: str, lane: _Lane | None = None, *, backwards: bool = False) -> str:
        order = self.way.opposite if backwards else self.way.order
        columns = ["placed_at", "id"] if lane is None or self.is_sqlite else [lane.column, "placed_at", "id"]
        return f"ORDER BY {', '.join(f'{table}.{column} {order}' for column in columns)}"

    def _tested(self, tests: Sequence[str]) -> str:
        plus = "+" if self.is_sqlite else ""
        return "".join(f" AND {test.format(o=f'{plus}o.', l=f'{plus}l.')}" for test in tests)


_START, _END = (":start_at", ":start_id"), (":end_at", "0")
_NO_EDGE = "SELECT NULL AS placed_at, NULL AS id WHERE false"


def _side_by_side(selects: Sequence[str]) -> str:
    """The rows of all, each with its own ORDER BY and LIMIT; empty without any."""
    return " UNION ALL ".join(f"SELECT * FROM ({select}) AS part_{number}" for number, select in enumerate(selects))


# Counts


def open_orders_by_age(connection: Connection, *, statuses: Sequence[str], since: Sequence[datetime]) -> list[Row[Any]]:
    """How many orders are in each state, what they are worth, and how long they have been there.

    Args:
        connection: An open transaction.
        statuses: Open states. All orders in them are read.
        since: Moments, latest first: who came into its state after the first is youngest.

    Returns:
        Per state and currency: status, currency, orders, value_minor, and younger_0, younger_1, … the orders that
        came into their state after each moment.
    """
    states = {f"status_{number}": status for number, status in enumerate(statuses)}
    moments = {f"since_{number}": moment for number, moment in enumerate(since)}
    younger = [
        f"sum(CASE WHEN o.since > :since_{number} THEN 1 ELSE 0 END) AS younger_{number}"
        for number in range(len(since))
    ]
    finished = ", ".join(f"'{status}'" for status in FINISHED)  # said in full, for an index of open orders only
    each = [
        "SELECT o.status, o.currency, o.value_minor, coalesce(o.status_since, o.placed_at) AS since"
        f" FROM sales_order o WHERE o.status = :{name} AND o.status NOT IN ({finished})"
        for name in states
    ]
    statement = text(
        f"SELECT o.status, o.currency, count(*) AS orders, sum(o.value_minor) AS value_minor, {', '.join(younger)}"
        f" FROM ({_side_by_side(each)}) AS o GROUP BY o.status, o.currency"
    )
    typed = statement.bindparams(*(bindparam(name, type_=UtcDateTime()) for name in moments))
    return list(connection.execute(typed, states | moments))


def open_holds(connection: Connection) -> dict[str, int]:
    """Kind of hold → how many are not released."""
    rows = connection.execute(
        text("SELECT h.kind, count(*) AS holds FROM order_hold h WHERE h.released_at IS NULL GROUP BY h.kind")
    )
    return {row.kind: row.holds for row in rows}
