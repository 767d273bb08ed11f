"""The order list: each filter means what it says, pages join without a gap, and no page costs more than the first."""

import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, text

from data import order_list_rows, schema
from data.errors import StockwrightError
from orders.errors import InvalidRequest
from orders.order_list import AGES, MOST_ROWS, OPEN_STATUSES, OrderFilter, PageKey, Sort, funnel, order_page

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
STATUSES = [*map(str, OPEN_STATUSES), "shipped", "closed", "cancelled"]
CHANNELS = {"web": "Pacific/Kiritimati", "shop": "Europe/Berlin", "fair": "Etc/GMT+12"}
COUNTRIES = ["DE", "DE", "DE", "AT", "IS", None]
PAYMENTS = ["none", "captured", "captured", "refunded"]
HOLDS = ["credit", "address", "review"]
CUSTOMERS = {"C1": "Ada Ltd", "C2": "adam & sons", "C3": "Bert", "C33": "B%rt_", "C4": "Łukasz", "C5": "C1"}
SKUS = ["A-1", "B-2", "C-3"]
REFERENCES = ["W-{}", "w-{}", "#{}", "100%_{}", "Ż{}"]
ALL = OrderFilter()
AGES_HOURS = [0, 3, 4, 5, 23, 24, 71, 72, 168, 999]
NARROW_DATES = {"placed_from": date(2026, 3, 2), "placed_to": date(2026, 3, 4)}
FILTERS = {
    "one status": {"statuses": ("on_hold",)},
    "all open statuses": {"statuses": OPEN_STATUSES},
    "open and finished statuses": {"statuses": ("placed", "closed", "placed")},
    "channel": {"channel": "fair"},
    "customer by reference": {"customer": "C1"},
    "customer by name": {"customer": " ADA"},
    "customer whose name holds a wildcard": {"customer": "b%"},
    "customer whose name is not ASCII": {"customer": "Łu"},
    "reference": {"text": "W-1"},
    "reference with a wildcard": {"text": "100%_"},
    "reference that is not ASCII": {"text": "Ż"},
    "order id": {"text": "#25"},
    "country": {"country": "IS"},
    "from a day": {"placed_from": date(2026, 3, 5)},
    "to a day": {"placed_to": date(2026, 3, 4)},
    "days": NARROW_DATES,
    "hold": {"hold": "credit"},
    "payment": {"payment_status": "refunded"},
    "discrepancies": {"only_discrepancies": True},
    "value": {"min_value_minor": 900},
    "SKU": {"sku": "b-2"},
    "status and country": {"statuses": OPEN_STATUSES, "country": "AT"},
    "finished status and channel": {"statuses": ("closed", "shipped"), "channel": "web"},
    "SKU and customer": {"sku": "A-1", "customer": "b"},
    "days and hold": {"hold": "address", **NARROW_DATES},
}


@dataclass(frozen=True)
class Order:
    """One order and what hangs on it."""

    row: dict
    customer_ref: str | None
    customer: str | None
    channel: str
    skus: frozenset
    holds: tuple
    discrepancies: int

    def passes(self, wanted):
        row, typed = self.row, (wanted.text or "").strip()
        customer = (wanted.customer or "").strip()
        reference = row["external_ref"].lower().startswith(typed.lower())
        number = typed[:1] == "#" and typed[1:].isdigit() and row["id"] == int(typed[1:])
        return all(
            [
                not wanted.statuses or row["status"] in wanted.statuses,
                wanted.channel in (None, self.channel),
                not customer
                or self.customer_ref == customer
                or (self.customer is not None and self.customer.lower().startswith(customer.lower())),
                not typed or reference or number,
                wanted.country in (None, row["country"]),
                wanted.placed_from is None or row["business_date"] >= wanted.placed_from,
                wanted.placed_to is None or row["business_date"] <= wanted.placed_to,
                wanted.hold is None or wanted.hold in self.holds,
                wanted.payment_status in (None, row["payment_status"]),
                not wanted.only_discrepancies or self.discrepancies > 0,
                wanted.min_value_minor is None or row["value_minor"] >= wanted.min_value_minor,
                wanted.sku is None or wanted.sku.upper() in self.skus,
            ]
        )


class Shop:
    """A database of random orders, and the same orders in Python."""

    def __init__(self, database, *, orders, moments, seed=1):
        self.database, self.luck, self.orders = database, random.Random(seed), []
        self.moments = [NOW - timedelta(hours=7 * number, microseconds=number) for number in range(moments)]
        with database.writing() as connection:
            channels = [{"code": code, "time_zone": zone, "currency": "EUR"} for code, zone in CHANNELS.items()]
            parties = [{"kind": "customer", "external_ref": ref, "name": name} for ref, name in CUSTOMERS.items()]
            skus = [{"code": code, "display_code": code, "name": code} for code in SKUS]
            place = {"code": "EAST", "name": "East", "kind": "warehouse", "is_external": False, "time_zone": "UTC"}
            connection.execute(insert(schema.channel), channels)
            connection.execute(insert(schema.party), parties)
            connection.execute(insert(schema.sku), skus)
            connection.execute(insert(schema.location), place)
            self.ids = {
                **dict(connection.execute(select(schema.channel.c.code, schema.channel.c.id)).all()),
                **dict(connection.execute(select(schema.party.c.external_ref, schema.party.c.id)).all()),
                **dict(connection.execute(select(schema.sku.c.code, schema.sku.c.id)).all()),
                **dict(connection.execute(select(schema.location.c.code, schema.location.c.id)).all()),
            }
            self.add(connection, orders)

    def add(self, connection, count, *, moments=None):
        added = [self._order(len(self.orders) + 1 + number, moments or self.moments) for number in range(count)]
        self.orders += added
        lines, holds, discrepancies = [], [], []
        for order in added:
            to = {"sales_order_id": order.row["id"]}
            for line_no, sku in enumerate([sku for sku in sorted(order.skus) for _ in range(2)], start=1):
                goods = {"line_no": line_no, "sku_id": self.ids[sku], "location_id": self.ids["EAST"], "quantity": 1}
                lines.append({**to, **goods, "unit_price_micros": 1, "amount_minor": 1})
            kept = {**to, "reason": "r", "held_at": NOW, "held_by": "x"}
            holds += [{**kept, "kind": kind, "released_at": None, "released_by": None} for kind in order.holds]
            holds += [{**kept, "kind": kind, "released_at": NOW, "released_by": "y"} for kind in HOLDS]
            found = {**to, "kind": "price", "is_blocking": False, "message": "m", "suggestion": "s", "fix": {}}
            states = [("open", None)] * order.discrepancies + [("fixed", NOW)]
            discrepancies += [{**found, "status": s, "raised_at": NOW, "decided_at": at} for s, at in states]
        for table, rows in (
            (schema.sales_order, [order.row for order in added]),
            (schema.order_line, lines),
            (schema.order_hold, holds),
            (schema.discrepancy, discrepancies),
        ):
            if rows:
                connection.execute(insert(table), rows)

    def _order(self, number, moments):
        luck = self.luck
        channel = luck.choice(["web", "web", "shop", "shop", "fair"])
        customer = luck.choice([None, *CUSTOMERS])
        placed_at = luck.choice(moments)
        row = {
            "id": number,
            "channel_id": self.ids[channel],
            "external_ref": luck.choice(REFERENCES).format(number),
            "party_id": customer and self.ids[customer],
            "placed_at": placed_at,
            "business_date": placed_at.astimezone(ZoneInfo(CHANNELS[channel])).date(),
            "currency": luck.choice(["EUR", "EUR", "USD"]),
            "country": luck.choice(COUNTRIES),
            "status": luck.choice(STATUSES),
            "status_since": luck.choice([None, *(NOW - timedelta(hours=ago) for ago in AGES_HOURS)]),
            "value_minor": luck.randrange(1000),
            "line_count": luck.randrange(4),
            "priority": luck.randrange(3),
            "payment_status": luck.choice(PAYMENTS),
            "promised_date": luck.choice([None, date(2026, 3, 20)]),
        }  # fmt: skip
        return Order(
            row,
            customer,
            customer and CUSTOMERS[customer],
            channel,
            frozenset(luck.sample(SKUS, luck.randrange(3))),
            tuple(sorted(luck.sample(HOLDS, luck.choice([0, 0, 0, 1, 2])))),
            luck.choice([0, 0, 0, 1, 2]),
        )

    def wanted(self, wanted, sort="newest"):
        """Ids of the orders that pass, in the order of the list."""
        passing = [order.row for order in self.orders if order.passes(wanted)]
        ordered = sorted(passing, key=lambda row: (row["placed_at"], row["id"]), reverse=sort == "newest")
        return [row["id"] for row in ordered]


def pages(connection, wanted, *, limit=7, sort="newest"):
    """Each page of the list, as following `next` gives them."""
    after, keys = None, set()
    while True:
        page = order_page(connection, wanted, after=after, limit=limit, sort=sort)
        yield page
        if page.next is None:
            return
        after = PageKey.read(str(page.next))
        assert after not in keys
        keys.add(after)


def listed(connection, wanted, **options):
    return [row.id for page in pages(connection, wanted, **options) for row in page.rows]


@contextmanager
def bounds(few, look):
    """Small sets are smaller, and pages end sooner, so that a few orders meet both bounds."""
    usual = order_list_rows.FEW, order_list_rows.LOOK
    order_list_rows.FEW, order_list_rows.LOOK = few, look
    try:
        yield
    finally:
        order_list_rows.FEW, order_list_rows.LOOK = usual


@pytest.fixture
def shop(database):
    return Shop(database, orders=300, moments=40)


@contextmanager
def statements(connection):
    """The statements sent through a connection meanwhile, each with its parameters as the driver gets them."""
    sent = []

    def see(conn, cursor, statement, parameters, context, executemany):
        sent.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", see)
    try:
        yield sent
    finally:
        event.remove(connection, "before_cursor_execute", see)


def plan(connection, wanted, *, explain, **options):
    """What the database says of how it finds a page."""
    with statements(connection) as sent:
        order_page(connection, wanted, **options)
    ((statement, parameters),) = sent
    return connection.exec_driver_sql(f"{explain} {statement}", parameters).all()


# Filters


@pytest.mark.parametrize("few_and_look", [(5_000, 10_000), (2, 10_000), (2, 30)], ids=str)
@pytest.mark.parametrize("sort", list(Sort))
def test_each_filter_gives_the_orders_that_pass_it(shop, sort, few_and_look):
    with shop.database.reading() as connection, bounds(*few_and_look):
        for name, given_filter in FILTERS.items():
            wanted = OrderFilter(**given_filter)
            expected = shop.wanted(wanted, sort)
            assert 0 < len(expected) < len(shop.orders), name
            assert listed(connection, wanted, sort=sort) == expected, name


@st.composite
def filters(draw):
    """Any filters together, seldom many of them."""
    of = {
        "statuses": st.lists(st.sampled_from(STATUSES), max_size=4).map(tuple),
        "channel": st.sampled_from([*CHANNELS, "none"]),
        "customer": st.sampled_from(["C1", "ada", "B", "c", "Ł", "zz", " "]),
        "text": st.sampled_from(["w", "W-12", "#", "#7", "#99999999999999999999", "100%", "100_", "nothing"]),
        "country": st.sampled_from(["DE", "AT", "IS", "XX"]),
        "placed_from": st.dates(date(2026, 2, 25), date(2026, 3, 12)) | st.just(date.min),
        "placed_to": st.dates(date(2026, 3, 12), date(2026, 3, 14)) | st.just(date.max),
        "hold": st.sampled_from(HOLDS),
        "payment_status": st.sampled_from(PAYMENTS),
        "only_discrepancies": st.just(True),
        "min_value_minor": st.sampled_from([-5, 0, 500, 2**63 - 1]),
        "sku": st.sampled_from([*SKUS, "none"]),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(of)), unique=True, max_size=4))
    return OrderFilter(**{name: draw(of[name]) for name in chosen})


def test_any_filters_together_and_pages_of_any_size_give_the_whole_list(shop):
    with shop.database.reading() as connection:

        @given(filters(), st.integers(1, 60), st.sampled_from(list(Sort)), st.integers(0, 40), st.integers(10, 90))
        @example(OrderFilter(placed_from=date.min, placed_to=date.max), 50, Sort.OLDEST, 1, 10)
        def check(wanted, limit, sort, few, look):
            with bounds(few, look):
                assert listed(connection, wanted, limit=limit, sort=sort) == shop.wanted(wanted, sort)

        check()


def test_a_row_shows_everything_of_the_order(shop):
    with shop.database.reading() as connection:
        rows = [row for page in pages(connection, ALL, limit=100) for row in page.rows]
    assert len(rows) == len(shop.orders)
    orders = {order.row["id"]: order for order in shop.orders}
    for row in rows:
        order = orders[row.id]
        for name in {one.name for one in fields(row)} & order.row.keys():
            assert getattr(row, name) == order.row[name], name
        shown = (row.channel, row.customer, row.holds, row.open_discrepancies)
        assert shown == (order.channel, order.customer, order.holds, order.discrepancies)


@pytest.mark.parametrize(
    ("given_filter", "said"),
    [
        ({"statuses": ("placed", "gone")}, "statuses must be one of draft, placed, .*, got 'gone'"),
        ({"hold": "gone"}, "hold must be one of credit, .*, got 'gone'"),
        ({"payment_status": "gone"}, "payment_status must be one of none, .*, got 'gone'"),
        ({"min_value_minor": 2**63}, "min_value_minor must be a number of 64 bits, got 9223372036854775808"),
        (
            {"placed_from": date(2026, 3, 2), "placed_to": date(2026, 3, 1)},
            r"placed_to must be no day before placed_from \(2026-03-02\), got '2026-03-01'",
        ),
        ({"text": "a\0"}, r"text must be printable text, got 'a\\x00'"),
        ({"customer": "\ud800"}, "customer must be printable text"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_an_impossible_filter_is_refused(database, given_filter, said):
    with database.reading() as connection, pytest.raises(InvalidRequest, match=said):
        order_page(connection, OrderFilter(**given_filter))


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": MOST_ROWS + 1}, {"sort": "largest"}])
def test_an_impossible_page_is_refused(database, options):
    (name,) = options
    with database.reading() as connection, pytest.raises(InvalidRequest, match=f"^{name} must be"):
        order_page(connection, ALL, **options)


def test_without_orders_there_is_one_empty_page(database):
    with database.reading() as connection:
        for wanted in (ALL, OrderFilter(statuses=OPEN_STATUSES), OrderFilter(sku="A-1", country="DE")):
            (page,) = pages(connection, wanted)
            assert (page.rows, page.next, page.looked_to) == ((), None, None)


# Pages


@pytest.mark.parametrize("wanted", [ALL, OrderFilter(statuses=OPEN_STATUSES)], ids=["all", "open"])
def test_pages_join_where_all_orders_were_placed_at_one_moment(database, wanted):
    shop = Shop(database, orders=90, moments=1)
    with database.reading() as connection:
        for sort in Sort:
            assert listed(connection, wanted, limit=10, sort=sort) == shop.wanted(wanted, sort)


@pytest.mark.parametrize("wanted", [ALL, OrderFilter(statuses=OPEN_STATUSES), OrderFilter(sku="B-2")], ids=str)
def test_orders_that_arrive_between_pages_shift_nothing(shop, wanted):
    expected, seen, key = shop.wanted(wanted), [], None
    for number in range(1000):
        with shop.database.writing() as connection:
            page = order_page(connection, wanted, after=key, limit=9)
            shop.add(connection, 5, moments=[NOW + timedelta(minutes=number)])
        seen += [row.id for row in page.rows]
        key = page.next
        if key is None:
            break
    assert seen == expected


def test_orders_that_arrive_between_pages_come_last_where_the_oldest_come_first(shop):
    seen, key = [], None
    for number in range(1000):
        with shop.database.writing() as connection:
            if number < 5:
                shop.add(connection, 5, moments=[NOW + timedelta(minutes=number)])
            page = order_page(connection, ALL, after=key, limit=9, sort="oldest")
        seen += [row.id for row in page.rows]
        key = page.next
        if key is None:
            break
    assert seen == shop.wanted(ALL, "oldest")


def test_a_page_that_is_full_says_nothing_of_how_far_it_looked(shop):
    with shop.database.reading() as connection:
        *full, last = pages(connection, OrderFilter(country="DE"))
    assert full
    for page in full:
        assert len(page.rows) == 7
        assert page.looked_to is None
    assert 0 < len(last.rows) <= 7
    assert last.next is last.looked_to is None


def test_a_page_that_is_not_full_says_how_far_it_looked(shop):
    wanted = OrderFilter(customer="C1", min_value_minor=10**6)
    assert shop.wanted(wanted) == []
    with shop.database.reading() as connection, bounds(0, 50):
        found = list(pages(connection, wanted))
    in_order = [next(order for order in shop.orders if order.row["id"] == order_id) for order_id in shop.wanted(ALL)]
    assert [page.looked_to for page in found] == [
        *(in_order[number].row["placed_at"] for number in range(49, len(in_order) - 1, 50)),
        None,
    ]


def test_a_page_is_one_statement(shop):
    with shop.database.reading() as connection, bounds(10, 60):
        for name, given_filter in {"none": {}, **FILTERS}.items():
            wanted = OrderFilter(**given_filter)
            keys = [None, *(page.next for page in pages(connection, wanted, limit=2))][:-1]
            for number in (0, min(1, len(keys) - 1), -1):
                with statements(connection) as sent:
                    order_page(connection, wanted, after=keys[number], limit=2)
                assert len(sent) == 1, (name, number)
                assert "OFFSET" not in sent[0][0].upper()


# Page keys


@given(st.sampled_from(list(Sort)), st.datetimes(timezones=st.just(UTC)), st.integers(1, 2**63 - 1))
def test_a_page_key_is_read_as_it_was_written(sort, placed_at, order_id):
    key = PageKey(sort, placed_at, order_id)
    assert PageKey.read(str(key)) == key
    assert str(key).replace("-", "").replace("_", "").isalnum()


@given(st.text() | st.binary(max_size=24).map(lambda some: some.hex()))
@example("")
@example("bgAGYNq3NRafAAAAAAAAAAA")  # order 0
@example("bgAGYNq3NRafAAAAAAAPQeQ=")  # padded
@example("bgAGYNq3NRafAAAAAAAPQe Q")  # a character that base 64 skips
@example("bgAGYNq3NRafAAAAAAAPQeR")  # another last bit
@example("bn__________AAAAAAAPQeQ")  # a year that no calendar has
@example("xgAGYNq3NRafAAAAAAAPQeQ")  # no sort
@example("\ud800")
def test_nonsense_is_no_page_key(nonsense):
    with pytest.raises(StockwrightError, match="the page key must be one that a page of the order list gave"):
        PageKey.read(nonsense)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_key_goes_on_only_in_the_list_it_is_of(shop):
    with shop.database.reading() as connection:
        key = order_page(connection, ALL, limit=5, sort="newest").next
        with pytest.raises(InvalidRequest, match="the page key must be one of a list sorted oldest first"):
            order_page(connection, ALL, after=key, sort="oldest")


# Work

WALKED = {
    "none": ALL,
    "one status": OrderFilter(statuses=("closed",)),
    "open": OrderFilter(statuses=OPEN_STATUSES),
    "days": OrderFilter(placed_from=date(2020, 1, 1), placed_to=date(2026, 3, 1)),
}


@pytest.fixture
def many(database):
    """Five thousand orders over four years, one every seven hours."""
    shop = Shop(database, orders=0, moments=1)
    shop.orders = [shop._order(number, [NOW - timedelta(hours=7 * number)]) for number in range(1, 5001)]
    with database.writing() as connection:
        connection.execute(insert(schema.sales_order), [order.row for order in shop.orders])
        connection.execute(text("ANALYZE"))
    return shop


def orders_read(connection, wanted, **options):
    """How many rows of sales_order PostgreSQL reads for a page, by its own account."""
    (([explained],),) = plan(connection, wanted, explain="EXPLAIN (ANALYZE, FORMAT JSON)", **options)
    nodes, read = [explained["Plan"]], 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == "sales_order":
            refused = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            read += (node["Actual Rows"] + refused) * node["Actual Loops"]
    return read


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_postgresql_reads_no_more_orders_than_it_shows(many):
    with many.database.reading() as connection:
        for name, wanted in WALKED.items():
            keys = [None, *(page.next for page in pages(connection, wanted, limit=10))][:-2]
            for key in (keys[0], keys[5], keys[-1]):
                read = orders_read(connection, wanted, after=key, limit=10)
                # Each lane and the page read one order more than is shown; days are up to 26 hours wider.
                lanes = max(1, len(wanted.statuses))
                assert 11 <= read <= 11 * (lanes + 1) + 4, (name, key)


@contextmanager
def counted_steps(connection):
    """How much SQLite's machine does, in steps of ten."""
    steps = Counter()

    def step():
        steps["ten"] += 1

    driver = connection.connection.driver_connection
    driver.set_progress_handler(step, 10)
    try:
        yield steps
    finally:
        driver.set_progress_handler(None, 0)


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("name", list(WALKED))
def test_sqlite_works_no_more_for_a_late_page_than_for_the_first(many, name):
    work = []
    with many.database.reading() as connection:
        order_page(connection, WALKED[name], limit=10)  # SQLite reads the schema meanwhile
        key = None
        while True:
            with counted_steps(connection) as steps:
                page = order_page(connection, WALKED[name], after=key, limit=10)
            if page.next is None:
                break
            work.append(steps["ten"])
            key = page.next
    assert len(work) > 20
    assert max(work) <= 1.2 * work[0]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_sqlite_walks_along_an_index_and_sorts_only_the_page(many):
    with many.database.reading() as connection:
        for (name, wanted), sort in product(WALKED.items(), Sort):
            steps = plan(connection, wanted, explain="EXPLAIN QUERY PLAN", sort=sort)
            walks = [step for step in steps if step.detail.startswith(("SEARCH o ", "SCAN o "))]
            walks = [step for step in walks if "PRIMARY KEY" not in step.detail]
            assert len(walks) == max(1, len(wanted.statuses)), name
            column = "status_" if wanted.statuses else ""
            for walk in walks:
                assert f"INDEX ix_sales_order_{column}placed_at_id (" in walk.detail
                assert "placed_at>? AND placed_at<?" in walk.detail
                beside = [step.detail for step in steps if step.parent == walk.parent]
                assert "USE TEMP B-TREE FOR ORDER BY" not in beside


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_no_filter_makes_sqlite_scan_all_orders(many):
    with many.database.reading() as connection:
        for name, given_filter in FILTERS.items():
            steps = plan(connection, OrderFilter(**given_filter), explain="EXPLAIN QUERY PLAN")
            assert [step.detail for step in steps if f"{step.detail} ".startswith("SCAN o ")] == [], name


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_however_rare_the_orders_sqlite_looks_at_no_more_than_the_bound(many):
    wanted = OrderFilter(min_value_minor=10**6, payment_status="captured")
    work = []
    for look in (100, 1000):
        with many.database.reading() as connection, bounds(-1, look):
            order_page(connection, wanted)  # SQLite reads the schema meanwhile
            with counted_steps(connection) as steps:
                page = order_page(connection, wanted)
        assert page.rows == ()
        work.append(steps["ten"])
    assert work[0] < work[1] / 5


# The funnel


def test_the_funnel_counts_the_open_orders(shop):
    with shop.database.reading() as connection:
        found = funnel(connection, at=NOW)
    assert [step.status for step in found.steps] == list(OPEN_STATUSES)
    for step in found.steps:
        rows = [order.row for order in shop.orders if order.row["status"] == step.status]
        assert step.orders == len(rows) > 0
        values = Counter()
        for row in rows:
            values[row["currency"]] += row["value_minor"]
        assert step.value_minor == dict(values)
        ages = [NOW - (row["status_since"] or row["placed_at"]) for row in rows]
        bands = [next(name for name, end in AGES.items() if age < end) for age in ages]
        assert step.by_age == {name: bands.count(name) for name in AGES}
    held = Counter(kind for order in shop.orders for kind in order.holds)
    assert found.holds == {"credit": 0, "address": 0, "fraud": 0, "stock": 0, "review": 0} | held


def test_the_funnel_is_two_statements_and_empty_without_orders(database):
    with database.reading() as connection, statements(connection) as sent:
        found = funnel(connection, at=NOW)
    assert len(sent) == 2
    for step in found.steps:
        assert (step.orders, step.value_minor, set(step.by_age.values())) == (0, {}, {0})
    assert set(found.holds.values()) == {0}


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_funnel_reads_only_open_orders(many):
    with many.database.reading() as connection, counted_steps(connection) as before:
        first = funnel(connection, at=NOW)
    with many.database.writing() as connection:
        row = next(order.row for order in many.orders if order.row["status"] == "closed")
        numbers = range(len(many.orders) + 1, 3 * len(many.orders))
        closed = [row | {"id": number, "external_ref": f"again {number}"} for number in numbers]
        connection.execute(insert(schema.sales_order), closed)
    with many.database.reading() as connection, counted_steps(connection) as after:
        second = funnel(connection, at=NOW)
    assert first == second
    assert after["ten"] <= 1.1 * before["ten"]
