"""A promise is kept: what is promised can be served on its day without making any other promise late."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from data import master_rows, purchase_rows, schema
from orders.promising import Inbound, Promised, available_to_promise_by_date, promise_date
from orders.stock import available_to_promise, inventory_position

TODAY = date(2024, 5, 6)


def day(number):
    return TODAY + timedelta(days=number)


def dated(*pairs):
    return [(day(number), units) for number, units in pairs]


def promise(on_hand, allocated=0, *, inbound=(), promised=(), expiring=()):
    return available_to_promise(
        on_hand,
        allocated,
        from_day=TODAY,
        inbound=dated(*inbound),
        promised=dated(*promised),
        expiring=dated(*expiring),
    )


# By hand


def test_what_is_allocated_is_promised_already():
    assert promise(10, 4).units_on(TODAY) == 6
    assert promise(10, 10).units_on(day(30)) == 0


def test_a_master_schedule_as_planners_work_it_out():
    """Supply 20, 100 (day 3), 100 (day 6); promised 15 today, 30 on day 2, 20 on day 4, 115 on day 7.

    Day 2 is short by 25, which only the supply of day 3 makes good; after it 55 are left, 155 from day 6, and
    of these the promise of day 7 leaves 40, also to everybody before it.
    """
    atp = promise(20, inbound=[(3, 100), (6, 100)], promised=[(0, 15), (2, 30), (4, 20), (7, 115)])
    assert [atp.units_on(day(number)) for number in range(9)] == [0, 0, 0, 40, 40, 40, 40, 40, 40]
    without_the_last = promise(20, inbound=[(3, 100), (6, 100)], promised=[(0, 15), (2, 30), (4, 20)])
    assert [without_the_last.units_on(day(number)) for number in range(9)] == [0, 0, 0, 55, 55, 55, 155, 155, 155]


def test_a_later_promise_holds_back_what_is_there_today():
    atp = promise(10, promised=[(5, 7)])
    assert [atp.units_on(day(number)) for number in (0, 5, 9)] == [3, 3, 3]
    replenished = promise(10, inbound=[(4, 7)], promised=[(5, 7)])
    assert [replenished.units_on(day(number)) for number in (0, 3, 4, 9)] == [10, 10, 10, 10]


def test_what_is_dated_earlier_counts_as_of_today():
    atp = promise(0, inbound=[(-3, 5)], promised=[(-9, 2)])
    assert (atp.days, atp.units) == ((TODAY,), (3,))
    assert promise(5).units_on(day(-1)) == 0


def test_the_earliest_date_is_the_first_on_which_all_of_it_can_be_had():
    atp = promise(3, inbound=[(2, 5), (8, 10)])
    assert [atp.earliest_date(quantity) for quantity in (1, 3, 4, 8, 9, 18, 19)] == [
        day(0), day(0), day(2), day(2), day(8), day(8), None,
    ]  # fmt: skip


def test_expiring_goods_are_promised_up_to_the_day_before():
    atp = promise(10, expiring=[(4, 6)])
    assert [atp.units_on(day(number)) for number in (0, 3, 4, 9)] == [10, 10, 4, 4]
    assert atp.earliest_date(5) == TODAY


def test_a_promise_due_before_expiry_takes_the_expiring_goods():
    assert promise(10, promised=[(3, 6)], expiring=[(4, 6)]).units_on(day(4)) == 4
    assert promise(10, promised=[(4, 6)], expiring=[(4, 6)]).units_on(day(4)) == 0


def test_a_promise_takes_what_expires_first_and_no_more_than_it_needs():
    atp = promise(6, promised=[(3, 2)], expiring=[(4, 3), (6, 3)])
    assert [atp.units_on(day(number)) for number in (0, 3, 4, 5, 6)] == [4, 4, 3, 3, 0]


def test_goods_that_would_expire_unsold_can_be_promised_though_a_later_promise_is_short():
    atp = promise(10, promised=[(5, 5)], expiring=[(3, 10)])
    assert [atp.units_on(day(number)) for number in (0, 2, 3, 5)] == [10, 10, 0, 0]


def test_a_promise_that_nothing_will_ever_cover_holds_back_what_there_is():
    assert promise(2, inbound=[(9, 3)], promised=[(5, 10)]).units == (0, 0, 0)


def test_inventory_position_counts_each_unit_of_unshipped_demand_once():
    assert inventory_position(on_hand=40, allocated=15, on_order=60, backordered=5) == 80
    assert inventory_position(on_hand=0, allocated=0, on_order=0, backordered=7) == -7


# By brute force

HORIZON = 7
counts = st.integers(0, 3)
events = st.lists(st.tuples(st.integers(0, HORIZON - 1), counts), max_size=4)


def matched(goods, demands):
    """Whether each demand (first day, last day) finds a unit (first day, last day) of its own, by augmenting paths."""
    given_to: dict[int, int] = {}

    def place(demand, seen):
        first, last = demands[demand]
        for unit, (comes, goes) in enumerate(goods):
            if unit not in seen and max(first, comes) <= min(last, goes):
                seen.add(unit)
                if unit not in given_to or place(given_to[unit], seen):
                    given_to[unit] = demand
                    return True
        return False

    return all(place(demand, set()) for demand in range(len(demands)))


def service_days(goods, due_days):
    """The day on which each promise is served, earliest due first, at the latest with the last delivery."""
    served: list[tuple[int, int]] = []
    for due in sorted(due_days):
        served.append(next((on, on) for on in range(due, HORIZON + 1) if matched(goods, [*served, (on, on)])))
    return served


@given(st.integers(0, 5), events, events, st.lists(st.tuples(st.integers(1, HORIZON - 1), counts), max_size=2))
def test_one_unit_more_than_can_be_promised_would_make_some_promise_late(on_hand, inbound, promised, expiring):
    expiring = [] if sum(units for _, units in expiring) > on_hand else expiring
    inbound = [*inbound, (HORIZON, sum(units for _, units in promised))]  # so that every promise is kept some day
    atp = promise(on_hand, inbound=inbound, promised=promised, expiring=expiring)
    goods = [(0, number - 1) for number, units in expiring for _ in range(units)]
    goods += [(0, HORIZON)] * (on_hand - len(goods))
    goods += [(number, HORIZON) for number, units in inbound for _ in range(units)]
    kept = service_days(goods, [number for number, units in promised for _ in range(units)])
    for number in range(HORIZON + 1):
        most = atp.units_on(day(number))
        assert matched(goods, [*kept, *[(number, number)] * most])
        assert not matched(goods, [*kept, *[(number, number)] * (most + 1)])


@given(st.integers(0, 9), st.integers(0, 9), events, events)
def test_what_can_be_promised_grows_and_is_never_negative(on_hand, allocated, inbound, promised):
    atp = promise(max(on_hand, allocated), allocated, inbound=inbound, promised=promised)
    assert list(atp.units) == sorted(atp.units)
    assert atp.units[0] >= 0
    assert atp.days[0] == atp.from_day == TODAY
    assert list(atp.days) == sorted(set(atp.days))


@given(st.integers(0, 9), events, events, st.integers(1, 12))
def test_the_earliest_date_agrees_with_asking_every_day(on_hand, inbound, promised, quantity):
    atp = promise(on_hand, inbound=inbound, promised=promised)
    days = [day(number) for number in range(HORIZON) if atp.units_on(day(number)) >= quantity]
    assert atp.earliest_date(quantity) == (days[0] if days else None)


# Refusals


def test_refuses_numbers_that_cannot_be():
    with pytest.raises(ValueError, match="allocated must lie between 0 and on_hand 3, got 4"):
        promise(3, 4)
    with pytest.raises(ValueError, match="units must not be negative, got -2 on 2024-05-07"):
        promise(3, inbound=[(1, -2)])
    with pytest.raises(ValueError, match="no more than the 2 free units can expire, got 3"):
        promise(3, 1, expiring=[(1, 3)])
    with pytest.raises(ValueError, match="quantity must be at least 1, got 0"):
        promise(3).earliest_date(0)


# From the database


class Shop:
    """A database with one SKU, two places that sell and one that does not, filled as a test needs."""

    NOW = datetime(2024, 5, 6, 9, tzinfo=UTC)

    def __init__(self, database):
        self.database, self.numbers = database, count(1)
        with database.writing() as connection:
            skus = [{"code": code, "display_code": code, "name": code} for code in "AB"]
            self.skus = master_rows.sku_ids(connection, skus)
            self.places = {
                code: master_rows.add_location(connection, code=code, name=code, kind=kind, time_zone="UTC")
                for code, kind in (("EAST", "warehouse"), ("SHOP", "store"), ("CHECK", "inspection"))
            }
            self.channel = master_rows.channel_ids(connection, ["web"], time_zone="UTC", currency="EUR")["web"]

    def stock(self, on_hand, *, place="EAST", allocated=0, expires=None, lot=None, sku="A"):
        with self.database.writing() as connection:
            if expires is not None:
                row = {"sku_id": self.skus[sku], "code": f"L{next(self.numbers)}", "expires_on": expires}
                lot = connection.execute(insert(schema.lot).values(row).returning(schema.lot.c.id)).scalar_one()
            balance = {"sku_id": self.skus[sku], "location_id": self.places[place], "lot_id": lot or 0,
                       "is_external": False, "on_hand": on_hand, "allocated": allocated}  # fmt: skip
            connection.execute(insert(schema.stock_balance).values(balance))

    def buy(self, units, expected, *, place="EAST", status="ordered", received=0, cancelled=0, sku="A"):
        with self.database.writing() as connection:
            line = {"sku_id": self.skus[sku], "quantity": units, "unit_cost_micros": 1, "expected_date": expected,
                    "quantity_received": received, "quantity_cancelled": cancelled}  # fmt: skip
            number = f"P{next(self.numbers)}"
            purchase_rows.write_order(
                connection, number=number, supplier_id=None, location_id=self.places[place], status=status,
                currency="EUR", ordered_at=self.NOW, created_by="tester", lines=[line],
            )  # fmt: skip
        return number

    def backorder(self, units, due, *, place="EAST", status="backordered", sku="A"):
        with self.database.writing() as connection:
            order = {"channel_id": self.channel, "external_ref": f"S{next(self.numbers)}", "placed_at": self.NOW,
                     "business_date": TODAY, "currency": "EUR", "status": status}  # fmt: skip
            orders = schema.sales_order
            number = connection.execute(insert(orders).values(order).returning(orders.c.id)).scalar_one()
            line = {"sales_order_id": number, "line_no": 1, "sku_id": self.skus[sku], "quantity": units,
                    "location_id": self.places[place], "quantity_backordered": units, "promised_date": due,
                    "unit_price_micros": 1, "amount_minor": 1}  # fmt: skip
            lines = schema.order_line
            return connection.execute(insert(lines).values(line).returning(lines.c.id)).scalar_one()

    def promisable(self, place=None, **options):
        location = None if place is None else self.places[place]
        with self.database.reading() as connection:
            return available_to_promise_by_date(
                connection, sku_id=self.skus["A"], location_id=location, from_day=TODAY, **options
            )

    def date_for(self, quantity, place=None, **options):
        location = None if place is None else self.places[place]
        with self.database.reading() as connection:
            return promise_date(connection, self.skus["A"], quantity, location, TODAY, **options)


@pytest.fixture
def shop(database):
    return Shop(database)


def test_stock_at_places_that_sell_is_promised_and_no_other(shop):
    shop.stock(10, allocated=4)
    shop.stock(3, place="SHOP")
    shop.stock(50, place="CHECK")
    shop.stock(70, sku="B")
    everywhere = shop.promisable()
    assert (everywhere.on_hand, everywhere.allocated, everywhere.available.units_on(TODAY)) == (13, 4, 9)
    assert shop.promisable("EAST").available.units_on(TODAY) == 6
    assert shop.promisable("SHOP").available.units_on(TODAY) == 3
    assert shop.promisable("CHECK").available.units_on(TODAY) == 0


def test_lots_are_promised_until_the_day_before_they_expire(shop):
    shop.stock(2)
    shop.stock(7, expires=day(3), allocated=1)
    shop.stock(5, expires=day(0))
    shop.stock(9, expires=day(-8), allocated=9)
    found = shop.promisable()
    assert (found.on_hand, found.allocated) == (9, 1)
    assert [found.available.units_on(day(number)) for number in (0, 2, 3)] == [8, 8, 2]


def test_goods_to_come_are_promised_from_the_day_they_are_expected(shop):
    shop.stock(1)
    first, late = shop.buy(12, day(4), received=3, cancelled=4), shop.buy(6, day(-2))
    undated = shop.buy(100, None)
    shop.buy(100, day(1), status="draft")
    shop.buy(100, day(1), status="cancelled")
    shop.buy(100, day(1), place="CHECK")
    shop.buy(8, day(2), received=8)
    shop.buy(100, day(1), sku="B")
    found = shop.promisable()
    assert found.inbound == (
        Inbound(late, day(-2), 6, day(1), True),
        Inbound(first, day(4), 5, day(4), False),
        Inbound(undated, None, 100, None, False),
    )
    assert [found.available.units_on(day(number)) for number in (0, 1, 3, 4, 99)] == [1, 7, 7, 12, 12]
    assert [shop.date_for(units) for units in (1, 2, 8, 12, 13)] == [TODAY, day(1), day(4), day(4), None]


def test_what_is_expected_today_is_not_late(shop):
    number = shop.buy(5, TODAY)
    assert shop.promisable().inbound == (Inbound(number, TODAY, 5, TODAY, False),)


def test_what_other_orders_wait_for_is_not_promised_again(shop):
    shop.buy(10, day(3), place="SHOP")
    shop.backorder(4, day(3), place="SHOP")
    shop.backorder(1, None, place="SHOP", status="on_hold")
    shop.backorder(50, day(3), place="SHOP", status="cancelled")
    shop.backorder(50, day(3), place="SHOP", status="draft")
    shop.backorder(50, day(3), place="SHOP", sku="B")
    found = shop.promisable("SHOP")
    assert found.promised == (Promised(None, 1), Promised(day(3), 4))
    assert [found.available.units_on(day(number)) for number in (0, 2, 3)] == [0, 0, 5]
    assert shop.date_for(5, "SHOP") == shop.date_for(5) == day(3)
    assert shop.date_for(6, "SHOP") is None
    assert shop.date_for(1, "EAST") is None


def test_a_backorder_without_a_date_is_due_at_once(shop):
    shop.stock(5)
    shop.buy(10, day(3))
    shop.backorder(4, None)
    assert [shop.promisable().available.units_on(day(number)) for number in (0, 2, 3)] == [1, 1, 11]


def test_an_order_does_not_stand_in_its_own_way(shop):
    shop.buy(6, day(3))
    waiting = shop.backorder(6, None)
    assert shop.date_for(6) is None
    assert shop.date_for(6, except_line=waiting) == day(3)
    assert shop.promisable(except_line=waiting).promised == ()


def test_an_unknown_sku_promises_nothing(shop):
    found = shop.promisable()
    assert (found.on_hand, found.inbound, found.promised, found.available.units) == (0, (), (), (0,))
