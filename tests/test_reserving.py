"""Stock that is kept for somebody is promised to nobody else, until it is ordered, released or lapsed."""

from datetime import date, datetime, timedelta
from functools import partial

import pytest

from orders.errors import InsufficientStock, InvalidRequest, NotPossible, UnknownThing
from orders.reserving import SoftReservation, expire_reservations, release_reservation, reserve_stock
from orders.stocking import StockLine, StockTransfer, transfer_stock

SOON, LATER = date(2026, 3, 20), date(2026, 6, 1)


def keep(shop, sku, units, *, minutes=60, at=None, **more):
    if "expires_at" in more:
        minutes = None
    return shop.do(reserve_stock, SoftReservation(sku, units, "quote 7", minutes=minutes, **more), at=at)


def after(shop, **time):
    return shop.NOW + timedelta(**time)


def test_kept_units_are_promised_to_nobody_else(shop, same_again, rows_of):
    shop.stock("CUP", "EAST", 10)
    done = keep(shop, "cup", 7)
    assert [(part.location, part.lot, part.quantity) for part in done.units] == [("EAST", None, 7)]
    assert done.expires_at == after(shop, hours=1).isoformat()
    same_again(shop, done)
    assert shop.shelf("CUP", "EAST") == (10, 7)
    assert shop.state(shop.order("1", CUP=5)) == ("partially_allocated", 3, 2)
    (row,) = [row for row in rows_of(shop.database, "reservation") if row["kind"] == "soft"]
    assert (row["id"], row["purpose"], row["expires_at"]) == (done.ids[0], "quote 7", after(shop, hours=1))


def test_more_than_is_available_is_not_kept(shop, refused):
    shop.stock("CUP", "EAST", 10)
    shop.order("1", CUP=4)
    with refused(shop, InsufficientStock, "cannot take 7 of SKU CUP: 6 available"):
        keep(shop, "CUP", 7)
    with refused(shop, InsufficientStock, "cannot take 1 of SKU MUG: 0 available"):
        keep(shop, "MUG", 1)


def test_goods_that_are_not_for_sale_are_not_kept(shop, refused):
    for place in ("DOCK", "CAGE", "VAN"):
        shop.stock("CUP", place, 5)
    shop.stock("MILK", "EAST", 5, lot="old", expires_on=shop.NOW.date())
    for sku in ("CUP", "MILK"):
        with refused(shop, InsufficientStock, "0 available"):
            keep(shop, sku, 1)
    with refused(shop, InvalidRequest, "location must be a warehouse or store, got 'DOCK'"):
        keep(shop, "CUP", 1, location="DOCK")


def test_what_expires_first_is_kept_first(shop):
    shop.stock("MILK", "EAST", 5, lot="later", expires_on=LATER)
    shop.stock("MILK", "EAST", 5, lot="keeps")
    shop.stock("MILK", "EAST", 5, lot="soon", expires_on=SOON)
    assert [(part.lot, part.quantity) for part in keep(shop, "MILK", 12).units] == [
        ("soon", 5), ("later", 5), ("keeps", 2),
    ]  # fmt: skip


def test_one_place_serves_if_it_can_and_the_place_that_is_named_does(shop, refused):
    shop.stock("CUP", "EAST", 4)
    shop.stock("CUP", "WEST", 6)
    assert [(part.location, part.quantity) for part in keep(shop, "CUP", 5).units] == [("WEST", 5)]
    with refused(shop, InsufficientStock, "cannot take 2 of SKU CUP at WEST: 1 available"):
        keep(shop, "CUP", 2, location="WEST")
    assert [(part.location, part.quantity) for part in keep(shop, "CUP", 5).units] == [("EAST", 4), ("WEST", 1)]


def test_kept_units_are_not_moved_away(shop, refused):
    shop.stock("CUP", "EAST", 4)
    keep(shop, "CUP", 4)
    with refused(shop, InsufficientStock, "0 available"):
        shop.do(transfer_stock, StockTransfer("EAST", "CAGE", (StockLine("CUP", 1),), "why"))


@pytest.mark.parametrize(
    ("request_", "match"),
    [
        (SoftReservation("CUP", 0, "why", minutes=5), "quantity"),
        (SoftReservation("CUP", 1, "", minutes=5), "purpose"),
        (SoftReservation("CUP", 1, "why"), "minutes must be given, or else expires_at"),
        (SoftReservation("CUP", 1, "why", minutes=0), "minutes"),
        (SoftReservation("CUP", 1, "why", minutes=600_000), "minutes"),
        (SoftReservation("CUP", 1, "why", expires_at=datetime(2026, 3, 2, 13)), "time zone"),  # noqa: DTZ001
    ],
)
def test_an_impossible_reservation_is_refused_by_name(shop, refused, request_, match):
    shop.stock("CUP", "EAST", 4)
    with refused(shop, InvalidRequest, match):
        shop.do(reserve_stock, request_)


def test_nothing_is_kept_until_the_past(shop, refused):
    shop.stock("CUP", "EAST", 4)
    with refused(shop, InvalidRequest, "expires_at must be a moment with a time zone, after now"):
        keep(shop, "CUP", 1, expires_at=shop.NOW)
    keep(shop, "CUP", 1, expires_at=after(shop, seconds=1))


# The end


def test_what_is_released_goes_to_whoever_waits(shop, same_again, refused):
    shop.stock("CUP", "EAST", 10)
    (number,) = keep(shop, "CUP", 10).ids
    order = shop.order("1", CUP=4)
    assert shop.state(order) == ("backordered", 0, 4)
    done = shop.do(release_reservation, number)
    assert (done.units, done.allocated) == (10, 4)
    same_again(shop, done)
    assert (shop.state(order), shop.shelf("CUP", "EAST")) == (("allocated", 4, 0), (10, 4))
    with refused(shop, NotPossible, f"cannot release reservation {number}: it is ended"):
        shop.do(release_reservation, number)


def test_an_orders_reservation_is_not_released_by_its_number(shop, refused, rows_of):
    shop.stock("CUP", "EAST", 10)
    shop.order("1", CUP=4)
    (hard,) = rows_of(shop.database, "reservation")
    with refused(shop, UnknownThing, "there is no soft reservation"):
        shop.do(release_reservation, hard["id"])


def test_reservations_lapse_at_their_moment_and_no_sooner(shop, same_again):
    shop.stock("CUP", "EAST", 10)
    keep(shop, "CUP", 3, minutes=30)
    keep(shop, "CUP", 5, minutes=90)
    order = shop.order("1", CUP=4)
    assert shop.state(order) == ("partially_allocated", 2, 2)
    assert shop.do(expire_reservations, at=after(shop, minutes=29)).units == 0
    done = shop.do(expire_reservations, at=after(shop, minutes=30))
    assert (done.units, done.allocated) == (3, 2)
    same_again(shop, done)
    assert (shop.state(order), shop.shelf("CUP", "EAST")) == (("allocated", 4, 0), (10, 9))
    moves = shop.rows("SELECT event, to_state FROM transition WHERE machine = 'reservation'")
    assert moves == [("expire", "expired")]


def test_what_lapsed_is_there_for_the_next_without_waiting_for_a_clean_up(shop):
    shop.stock("CUP", "EAST", 10)
    keep(shop, "CUP", 8, minutes=30)
    done = keep(shop, "CUP", 9, at=after(shop, minutes=31))
    assert [part.quantity for part in done.units] == [9]
    assert shop.shelf("CUP", "EAST") == (10, 9)
    statuses = [row[0] for row in shop.rows("SELECT status FROM reservation ORDER BY id")]
    assert statuses == ["expired", "active"]


def test_what_lapsed_is_not_ended_while_there_is_enough(shop):
    shop.stock("CUP", "EAST", 10)
    keep(shop, "CUP", 8, minutes=30)
    keep(shop, "CUP", 2, at=after(shop, minutes=31))
    assert [row[0] for row in shop.rows("SELECT status FROM reservation ORDER BY id")] == ["active", "active"]


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_no_more_is_kept_at_once_than_there_is(shop, at_once):
    shop.stock("CUP", "EAST", 10)
    shop.stock("CUP", "WEST", 5)
    outcomes = at_once(*(lambda: keep(shop, "CUP", 4),) * 6)
    assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 3
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 3


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_reservation_ends_once_whoever_ends_it(shop, at_once):
    shop.stock("CUP", "EAST", 10)
    late = after(shop, minutes=31)
    for _ in range(5):
        (number,) = keep(shop, "CUP", 10, minutes=30).ids
        release = partial(shop.do, release_reservation, number, at=late)
        at_once(release, partial(shop.do, expire_reservations, at=late), release)
        assert shop.shelf("CUP", "EAST") == (10, 0)
    ended = shop.rows("SELECT count(*), count(DISTINCT entity_id) FROM transition WHERE machine = 'reservation'")
    assert ended == [(5, 5)]
