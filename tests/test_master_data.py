"""Bundles, list prices, shipping lanes and channels are set, and what contradicts itself is refused."""

from decimal import Decimal

import pytest

from data.errors import UnreadableFile
from orders.errors import InvalidRequest, InvalidTerm, NotPossible, UnknownThing
from orders.master import (
    Bundle,
    BundleComponent,
    ChannelSettings,
    ListPrice,
    ShippingLane,
    add_location,
    set_bundle,
    set_channel,
    set_list_price,
    set_shipping_lane,
)
from orders.stocking import track_lots


def bundle(shop, sku, **quantities):
    return shop.do(set_bundle, Bundle(sku, tuple(BundleComponent(part, units) for part, units in quantities.items())))


def components(shop):
    return shop.rows(
        "SELECT b.code, c.code, k.quantity FROM bundle_component k JOIN sku b ON b.id = k.bundle_id"
        " JOIN sku c ON c.id = k.component_id ORDER BY b.code, c.code"
    )


# Bundles


def test_a_bundle_is_what_was_said_last(shop, same_again):
    bundle(shop, "mug", CUP=2, MILK=1)
    assert components(shop) == [("MUG", "CUP", 2), ("MUG", "MILK", 1)]
    same_again(shop, bundle(shop, "MUG", CUP=3))
    assert components(shop) == [("MUG", "CUP", 3)]
    bundle(shop, "MUG")
    assert components(shop) == []
    shop.stock("MUG", "EAST", 1)


def test_a_bundle_holds_other_skus_each_once(shop, refused):
    with refused(shop, InvalidRequest, "components must be other SKUs, each once, got 'MUG'"):
        bundle(shop, "MUG", CUP=1, MUG=1)
    with refused(shop, InvalidRequest, "components must be other SKUs, each once, got 'CUP'"):
        bundle(shop, "MUG", CUP=1, cup=1)
    with refused(shop, InvalidRequest, "component 1: quantity"):
        bundle(shop, "MUG", CUP=0)
    with refused(shop, UnknownThing, "there is no SKU 'PEN'"):
        bundle(shop, "MUG", PEN=1)


def test_a_bundle_is_in_no_bundle(shop, refused):
    bundle(shop, "MUG", CUP=1)
    with refused(shop, InvalidRequest, "components must be no bundles themselves, got 'MUG'"):
        bundle(shop, "MILK", MUG=1)
    with refused(shop, NotPossible, "cannot make a bundle of SKU CUP: it is part of MUG"):
        bundle(shop, "CUP", MILK=1)


def test_a_bundle_has_no_stock_and_no_lots(shop, refused):
    shop.stock("MUG", "CAGE", 1)
    with refused(shop, NotPossible, "cannot make a bundle of SKU MUG: it is in stock"):
        bundle(shop, "MUG", CUP=1)
    with refused(shop, NotPossible, "cannot make a bundle of SKU MILK: it is tracked by lot"):
        bundle(shop, "MILK", CUP=1)
    bundle(shop, "CUP", MILK=1)
    with refused(shop, InvalidRequest, "sku must be no bundle"):
        shop.do(track_lots, "CUP")


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_bundle_and_its_stock_do_not_come_about_at_once(shop, at_once):
    for _ in range(5):
        outcomes = at_once(lambda: bundle(shop, "MUG", CUP=1), lambda: shop.stock("MUG", "EAST", 1))
        assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
        if components(shop):
            bundle(shop, "MUG")
        else:
            shop.stock("MUG", "EAST", -1)


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_bundles_of_each_other_do_not_come_about_at_once(shop, at_once):
    for _ in range(5):
        outcomes = at_once(lambda: bundle(shop, "MUG", CUP=1), lambda: bundle(shop, "CUP", MUG=1))
        assert sum(isinstance(outcome, (InvalidRequest, NotPossible)) for outcome in outcomes) == 1
        ((made, *_),) = components(shop)
        bundle(shop, made)


# Prices, lanes, channels


def test_a_list_price_is_exact_and_in_the_companys_currency(shop, same_again, refused):
    same_again(shop, shop.do(set_list_price, ListPrice("cup", Decimal("0.001"))))
    shop.do(set_list_price, ListPrice("MUG", Decimal(7), "usd"))
    found = shop.rows("SELECT code, list_price_micros, list_price_currency FROM sku ORDER BY code")
    assert found == [("CUP", 1_000, "EUR"), ("MILK", None, None), ("MUG", 7_000_000, "USD")]
    shop.do(set_list_price, ListPrice("MUG", None))
    assert shop.rows("SELECT list_price_micros, list_price_currency FROM sku WHERE code = 'MUG'") == [(None, None)]
    with refused(shop, InvalidRequest, "price must be a number from 0"):
        shop.do(set_list_price, ListPrice("MUG", Decimal(-1)))
    with refused(shop, InvalidTerm, "currency must be an ISO 4217 code"):
        shop.do(set_list_price, ListPrice("MUG", Decimal(1), "dollars"))
    with refused(shop, UnknownThing, "there is no SKU 'PEN'"):
        shop.do(set_list_price, ListPrice("PEN", Decimal(1)))


def test_a_bundle_has_a_list_price_too(shop):
    bundle(shop, "MUG", CUP=2)
    shop.do(set_list_price, ListPrice("MUG", Decimal(9)))
    assert shop.rows("SELECT list_price_micros FROM sku WHERE code = 'MUG'") == [(9_000_000,)]


def test_a_lane_is_what_was_said_last(shop, refused):
    shop.do(set_shipping_lane, ShippingLane("east", "be", Decimal("4.5"), 2))
    shop.do(set_shipping_lane, ShippingLane("EAST", "BE", Decimal(0), 1.5))
    shop.do(set_shipping_lane, ShippingLane("EAST", "FR", Decimal("6.25"), 3))
    found = shop.rows("SELECT country, parcel_cost_minor, transit_days FROM shipping_lane ORDER BY country")
    assert found == [("BE", 0, 1.5), ("FR", 625, 3.0)]
    for lane, match in (
        (ShippingLane("CUSTOMER", "BE", Decimal(1), 1), "location must be a place of ours"),
        (ShippingLane("EAST", "Belgium", Decimal(1), 1), "country must be an ISO 3166 code"),
        (ShippingLane("EAST", "BE", Decimal(-1), 1), "parcel_cost must be an amount of at least 0"),
        (ShippingLane("EAST", "BE", Decimal("0.001"), 1), "parcel_cost must be an amount of at least 0"),
        (ShippingLane("EAST", "BE", Decimal(1), float("nan")), "transit_days must be from 0 to 365"),
    ):
        with refused(shop, InvalidRequest, match):
            shop.do(set_shipping_lane, lane)


def test_a_channel_keeps_what_is_not_named(shop, same_again, refused):
    same_again(shop, shop.do(set_channel, ChannelSettings("SHOP", "refuse", "usd", "Europe/Brussels")))
    shop.do(set_channel, ChannelSettings("SHOP", when_short="partial"))
    shop.do(set_channel, ChannelSettings("MARKET"))
    found = shop.rows("SELECT code, when_short, currency, time_zone FROM channel WHERE code <> 'WEB' ORDER BY code")
    assert found == [("MARKET", "backorder", "EUR", "UTC"), ("SHOP", "partial", "USD", "Europe/Brussels")]
    with refused(shop, InvalidRequest, "when_short must be refuse or backorder or partial"):
        shop.do(set_channel, ChannelSettings("SHOP", "wait"))
    with refused(shop, UnreadableFile, "there is no time zone"):
        shop.do(set_channel, ChannelSettings("SHOP", time_zone="Mars"))


def test_a_place_knows_its_country(shop):
    add_location(
        shop.database, code="lyon", name="Lyon", kind="warehouse", time_zone="UTC", actor=shop.ACTOR, country="fr"
    )
    assert shop.rows("SELECT code, country FROM location WHERE country IS NOT NULL") == [("LYON", "FR")]
    with pytest.raises(InvalidRequest, match="country must be an ISO 3166 code"):
        add_location(
            shop.database, code="x", name="X", kind="store", time_zone="UTC", actor=shop.ACTOR, country="France"
        )
