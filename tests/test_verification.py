"""Verification on entry: what is wrong or doubtful about an order is named, and its suggested fix puts it right."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sales_rows import Item, RecentLine
from orders.errors import InvalidRequest
from orders.fixes import applied, cancels
from orders.model import Address, HoldKind, LineRequest, OrderRequest
from orders.near_codes import nearest_codes
from orders.terms import Terms
from orders.verification import (
    DiscrepancyKind,
    Facts,
    Tolerance,
    content_hash,
    discrepancies,
    order_currency,
    tolerance_of,
)

MUG = Item(1, "A-12", "A-12", 5_000_000, "EUR", False)
LAMP = Item(2, "B-7", "b-7", 40_000_000, "EUR", False)
ROPE = Item(3, "ROPE/10M", "Rope/10m", None, None, False)
IMPORT = Item(4, "US-1", "US-1", 3_000_000, "USD", False)
ITEMS = {item.code: item for item in (MUG, LAMP, ROPE, IMPORT)}
NAMES = {"A-12": "White mug", "b-7": "Lamp", "Rope/10m": "Rope of ten metres", "US-1": "Import"}
HOME = Address("Anna Berg", "Hafenstr. 1", None, "20457", "Hamburg", None, "DE")
TOLERANCE = Tolerance(price=0.25, unusual_quantity_ratio=10.0, duplicate_window_hours=24.0)
MUGS_USUALLY = [RecentLine(1, units, 5_000_000, "EUR") for units in (2, 12, 3, 5, 4)]
ROPES_USUALLY = [RecentLine(3, 1, price, "EUR") for price in (9_000_000, 8_950_000, 9_100_000, 9_000_000, 12_000_000)]


def never():
    raise AssertionError("looked up what nobody needed")


def facts(**other):
    known = {
        "items": ITEMS,
        "recent": (*MUGS_USUALLY, *ROPES_USUALLY),
        "channel_currency": "EUR",
        "duplicates": (),
        "known_codes": lambda: NAMES,
        "last_address": lambda: None,
    }
    return Facts(**{**known, **other})


def order(*lines, **head):
    return OrderRequest("web", "1042", lines or (LineRequest("A-12", 2), LineRequest("B-7", 1)), **head)


def line(sku="A-12", quantity=2, price=None, **other):
    return LineRequest(sku, quantity, None if price is None else Decimal(price), **other)


def found_in(request, **known):
    return discrepancies(request, facts(**known), TOLERANCE)


def only(found):
    assert len(found) == 1, [one.message for one in found]
    return found[0]


# Clean orders


@pytest.mark.parametrize(
    "request_",
    [
        order(),
        order(line(" a-12 ", 120)),  # ten times the largest recent line is not yet more than ten times it
        order(line(price="6.25"), line("b-7", 1, "30")),  # 25 % off is not more than 25 % off
        order(line("Rope/10m", 1, "9.99")),
        order(line("US-1", 999_999_999, "0.000001", tax_rate=Decimal("0.077"))),
        order(line(quantity=2), line(quantity=3)),  # more of the same is no mistake
        order(ship_to=HOME),
        order(currency="EUR"),
        order(currency=" eur"),
    ],
)
def test_a_clean_order_has_no_discrepancy_and_looks_nothing_up(request_):
    assert found_in(request_, known_codes=never, last_address=never) == []


def test_what_is_unknown_about_a_sku_says_nothing_against_its_line():
    few = MUGS_USUALLY[:4]
    assert found_in(order(line("A-12", 100_000)), recent=few) == []
    assert found_in(order(line("Rope/10m", 1, "900")), recent=ROPES_USUALLY[:4]) == []
    foreign = [row._replace(currency="USD") for row in ROPES_USUALLY]
    assert found_in(order(line("Rope/10m", 1, "900")), recent=foreign) == []


# Each discrepancy

BLOCKING = {
    "an unknown SKU": (
        order(line(), line("A-21")),
        ("unknown_sku", 2, "there is no SKU 'A-21'", "Did you mean A-12 (White mug)?", {"sku": "A-12"}),
    ),
    "a code without its punctuation": (
        order(line("rope10M", 1, "9")),
        ("unknown_sku", 1, "'rope10M'", "Did you mean Rope/10m (Rope of ten metres)?", {"sku": "Rope/10m"}),
    ),
    "units below zero": (
        order(line(quantity=-3)),
        ("impossible_quantity", 1, "a whole number from 1 to 1,000,000,000, got -3", "3 units", {"quantity": 3}),
    ),
    "half a unit": (order(line(quantity=2.5)), ("impossible_quantity", 1, "got 2.5", "3 units", {"quantity": 3})),
    "less than one": (order(line(quantity=0.2)), ("impossible_quantity", 1, "got 0.2", "1 unit.", {"quantity": 1})),
    "units as text": (order(line(quantity="12")), ("impossible_quantity", 1, "'12'", "12 units", {"quantity": 12})),
    "units in words": (
        order(line(quantity="a dozen")),
        ("impossible_quantity", 1, "'a dozen'", "4 units, the median of its last 5 lines", {"quantity": 4}),
    ),
    "yes for units": (
        order(line(quantity=True)),
        ("impossible_quantity", 1, "got True", "4 units, the median of its last 5 lines", {"quantity": 4}),
    ),
    "a barcode for units": (
        order(line(quantity=4_006_381_333_931)),
        ("impossible_quantity", 1, "got 4,006,381,333,931", "the median of its last 5 lines", {"quantity": 4}),
    ),
    "no price at all but those of before": (
        order(line("Rope/10m", 1)),
        ("price_missing", 1, "no list price in EUR", "EUR 9.00, the median of its last 5", {"unit_price": "9"}),
    ),
    "a price below zero": (
        order(line(price="-4.50")),
        ("impossible_price", 1, "got -4.50", "Charge EUR 4.50.", {"unit_price": "4.5"}),
    ),
    "a price below zero and far off": (
        order(line(price="-450")),
        ("impossible_price", 1, "got -450", "EUR 5.00, its list price", {"unit_price": "5"}),
    ),
    "a price of nine decimals": (
        order(line(price="4.123456789")),
        ("impossible_price", 1, "at most six decimals, got 4.123456789", "4.123457", {"unit_price": "4.123457"}),
    ),
    "a price that is no number": (
        order(line(price="NaN")),
        ("impossible_price", 1, "got NaN", "its list price", {"unit_price": "5"}),
    ),
    "a tax in per cent": (
        order(line(tax_rate=Decimal(19))),
        ("impossible_tax_rate", 1, "such as 0.2 for 20 %, got 19", "Take 19 %", {"tax_rate": "0.19"}),
    ),
    "a tax below zero": (
        order(line(tax_rate=Decimal("-0.2"))),
        ("impossible_tax_rate", 1, "got -0.2", "Take 20 %", {"tax_rate": "0.2"}),
    ),
    "a tax beyond all measure": (
        order(line(tax_rate=Decimal("1e9"))),
        ("impossible_tax_rate", 1, "got 1E+9", "Take no tax", {"tax_rate": None}),
    ),
}


@pytest.mark.parametrize("case", BLOCKING, ids=list(BLOCKING))
def test_what_cannot_be_placed_blocks_and_comes_with_a_fix_of_its_line(case):
    request, (kind, line_no, says, suggests, sets) = BLOCKING[case]
    one = only(found_in(request))
    assert (one.kind, one.line_no, one.is_blocking, one.hold_kind) == (kind, line_no, True, None)
    assert one.message.startswith(f"line {line_no}: ")
    assert says in one.message
    assert suggests in one.suggestion
    assert one.fix == {"line": line_no, "set": sets}
    assert not [left for left in found_in(applied(request, one.fix)) if left.is_blocking]


def test_an_amount_beyond_64_bits_blocks_whatever_quantity_and_price_are_by_themselves():
    request = order(line("US-1", 10**9, "1000000000"), line())
    known = {"recent": [RecentLine(4, units, 1, "USD") for units in (7, 9)]}
    one = only(found_in(request, **known))
    assert (one.kind, one.is_blocking) == (DiscrepancyKind.IMPOSSIBLE_QUANTITY, True)
    assert "must be at most 10,000 at EUR 1,000,000,000.00 each, got 1,000,000,000" in one.message
    assert one.fix == {"line": 1, "set": {"quantity": 7}}
    assert not found_in(applied(order(line("US-1", 10**4, "1000000000")), {"line": 1, "set": {"quantity": 10**4}}))
    assert found_in(order(line("US-1", 10**4 + 1, "1000000000")))
    too_many = {"recent": [RecentLine(4, 10**5, 1, "USD")]}
    assert only(found_in(request, **too_many)).fix == {"line": 1, "drop": True}


DOUBTFUL = {
    "a digit too many": (
        order(line(quantity=130)),
        ("unusual_quantity", 1, "130 units of A-12 is more than 10 times 12, the largest of its last 5 lines",
         "Order 13 units: a digit too many", {"quantity": 13}),
    ),
    "two digits too many": (
        order(line(quantity=500)),
        ("unusual_quantity", 1, "500 units of A-12", "5 units: digits too many", {"quantity": 5}),
    ),
    "far more than ever": (
        order(line(quantity=1234)),
        ("unusual_quantity", 1, "1,234 units of A-12", "4 units, the median of those lines", {"quantity": 4}),
    ),
    "a price above tolerance": (
        order(line(price="6.26")),
        ("price_outside_tolerance", 1, "EUR 6.26 for A-12 is not within 25 % of EUR 5.00, its list price",
         "Charge EUR 5.00.", {"unit_price": "5"}),
    ),
    "a price below tolerance": (
        order(line(price="3.74")),
        ("price_outside_tolerance", 1, "EUR 3.74", "Charge EUR 5.00.", {"unit_price": "5"}),
    ),
    "a decimal point that slipped": (
        order(line(price="498")),
        ("price_outside_tolerance", 1, "EUR 498.00", "the decimal point may have slipped", {"unit_price": "5"}),
    ),
    "given away": (
        order(line(price="0")),
        ("price_outside_tolerance", 1, "EUR 0.00", "Charge EUR 5.00.", {"unit_price": "5"}),
    ),
    "far from what it cost before": (
        order(line("Rope/10m", 1, "12")),
        ("price_outside_tolerance", 1, "EUR 9.00, the median of its last 5 prices", "EUR 9.00", {"unit_price": "9"}),
    ),
    "two prices for one SKU": (
        order(line(price="5"), line("a-12", 7, "4.9")),
        ("repeated_line", 2, "A-12 costs EUR 4.90, and EUR 5.00 on line 1", "EUR 5.00 here too", {"unit_price": "5"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DOUBTFUL, ids=list(DOUBTFUL))
def test_what_is_doubtful_is_held_for_review_and_comes_with_a_fix_of_its_line(case):
    request, (kind, line_no, says, suggests, sets) = DOUBTFUL[case]
    one = only(found_in(request))
    assert (one.kind, one.line_no, one.is_blocking, one.hold_kind) == (kind, line_no, False, HoldKind.REVIEW)
    assert says in one.message
    assert suggests in one.suggestion
    assert one.fix == {"line": line_no, "set": sets}
    assert found_in(applied(request, one.fix)) == []


def test_a_line_entered_twice_is_dropped():
    request = order(line(), line("b-7", 1), line("a-12 ", 2, "5.00"))
    one = only(found_in(request))
    assert (one.kind, one.line_no, one.fix) == (DiscrepancyKind.REPEATED_LINE, 3, {"line": 3, "drop": True})
    assert applied(request, one.fix).lines == request.lines[:2]


@pytest.mark.parametrize(
    "wrong", [line("no such thing at all"), line("Rope/10m", "?", "9"), line("US-1", 1), line("A-12", 0)]
)
def test_a_line_of_which_nothing_is_known_is_dropped_and_alone_cancels_the_order(wrong):
    known = {"recent": (), "channel_currency": "JPY"}
    beside = line("b-7", 1, "4000")
    for at, lines in enumerate([(wrong, beside), (beside, wrong)], start=1):
        found = [one for one in found_in(order(*lines), **known) if one.is_blocking]
        one = found[0]
        assert (one.line_no, one.fix) == (at, {"line": at, "drop": True})
        assert one.suggestion.startswith("Drop the line")
        assert applied(order(*lines), one.fix).lines == (beside,)
    alone = next(one for one in found_in(order(wrong), **known) if one.is_blocking)
    assert alone.suggestion.startswith("Cancel the order, as this is its only line")
    assert cancels(alone.fix)


def test_a_price_is_not_doubted_twice():
    one = only(found_in(order(line(price="5"), line(price="9"))))
    assert (one.kind, one.line_no) == (DiscrepancyKind.PRICE_OUTSIDE_TOLERANCE, 2)


def test_impossible_prices_of_the_past_are_not_suggested():
    past = [RecentLine(3, 1, price, "EUR") for price in (-5_000_000, 10**16)]
    assert cancels(only(found_in(order(line("Rope/10m", 1)), recent=past)).fix)
    one = only(found_in(order(line("Rope/10m", 1)), recent=[*past, *ROPES_USUALLY[:1]]))
    assert one.suggestion == "Charge EUR 9.00, its last price."


def test_a_likely_duplicate_is_held_and_suggested_to_be_cancelled():
    one = only(found_in(order(), duplicates=["1041", "1039"]))
    assert (one.kind, one.line_no, one.hold_kind) == (DiscrepancyKind.DUPLICATE_ORDER, None, HoldKind.REVIEW)
    assert one.message == "the customer ordered the same SKUs and quantities within 24 hours, as 1041 and 1039"
    assert one.suggestion == "Cancel: duplicate of order 1041."
    assert cancels(one.fix)


def test_every_discrepancy_of_an_order_is_told_at_once():
    request = order(
        line("A-21", -1, "-1", tax_rate=Decimal(7)), line(quantity=5000, price="50"), currency="USD", ship_to=Address()
    )
    kinds = [(one.kind.value, one.line_no) for one in found_in(request, duplicates=["7"])]
    assert kinds == [
        ("unknown_sku", 1), ("impossible_quantity", 1), ("impossible_tax_rate", 1), ("impossible_price", 1),
        ("unusual_quantity", 2), ("duplicate_order", None), ("incomplete_address", None), ("currency_mismatch", None),
    ]  # fmt: skip


def test_all_skus_are_read_once_for_all_unknown_ones():
    asked = []
    found_in(order(line("A-21"), line("B-8"), line("Z")), known_codes=lambda: asked.append(1) or NAMES)
    assert asked == [1]


# Currencies


def test_a_foreign_currency_is_held_until_somebody_says_that_it_is_meant():
    one = only(found_in(order(line("A-12", 1, "5.80"), line("US-1", 1), currency="usd")))
    assert (one.kind, one.hold_kind) == (DiscrepancyKind.CURRENCY_MISMATCH, HoldKind.REVIEW)
    assert one.message == "the order is in USD, and its channel sells in EUR"
    assert one.fix == {"set": {"currency": "EUR"}}


def test_prices_of_our_list_under_a_foreign_currency_were_mislabelled():
    ours = only(found_in(order(line(price="5.00"), line("b-7", 1, "39.90"), currency="JPY")))
    assert ours.suggestion == "Use EUR: the prices are those of its list."
    theirs = only(found_in(order(line(price="5.00"), line("b-7", 1, "6800"), currency="JPY")))
    assert theirs.suggestion == "Approve the order to keep JPY, or use EUR."
    unknown = only(found_in(order(line("Rope/10m", 1, "900"), currency="JPY"), recent=()))
    assert unknown.suggestion == "Approve the order to keep JPY, or use EUR."


@pytest.mark.parametrize("given_", ["€", "EURO", "", "E1R", "ЕUR"])
def test_what_is_no_currency_blocks_and_says_so_once(given_):
    one = only(found_in(order(currency=given_)))
    assert (one.kind, one.is_blocking, one.fix) == ("currency_mismatch", True, {"set": {"currency": "EUR"}})
    assert found_in(applied(order(currency=given_), one.fix)) == []


def test_a_price_known_only_in_the_channels_currency_suggests_that_currency():
    request = order(currency="CHF")
    missing = [one for one in found_in(request) if one.kind is DiscrepancyKind.PRICE_MISSING]
    assert [one.line_no for one in missing] == [1, 2]
    assert all(one.is_blocking and one.fix == {"set": {"currency": "EUR"}} for one in missing)
    assert "the list price is EUR 40.00" in missing[1].suggestion
    assert found_in(applied(request, missing[0].fix)) == []


@pytest.mark.parametrize(("asked", "priced_in"), [(None, "EUR"), ("EUR", "EUR"), (" usd", "USD"), ("€", "EUR")])
def test_an_order_is_priced_in_its_own_currency_or_the_channels(asked, priced_in):
    assert order_currency(order(currency=asked), "EUR") == priced_in


def test_prices_are_shown_with_the_decimals_of_their_currency():
    yen = Item(9, "YEN", "YEN", 1_200_000_000, "JPY", False)
    one = only(found_in(order(line("YEN", 1, "1500.5")), items={"YEN": yen}, channel_currency="JPY", recent=()))
    assert one.message == "line 1: JPY 1,500.5 for YEN is not within 25 % of JPY 1,200, its list price"
    dinar = Item(9, "DIN", "DIN", 1_200_000, "KWD", False)
    one = only(found_in(order(line("DIN", 1, "4")), items={"DIN": dinar}, channel_currency="KWD", recent=()))
    assert one.suggestion == "Charge KWD 1.200."


# Addresses


def test_an_address_with_gaps_is_completed_from_the_last_one():
    partial = Address(name="A. Berg", line1="hafenstr. 1 ", postcode="20457")
    one = only(found_in(order(ship_to=partial), last_address=lambda: HOME))
    assert (one.kind, one.hold_kind) == (DiscrepancyKind.INCOMPLETE_ADDRESS, HoldKind.ADDRESS)
    assert one.message == "the address must have a name, street, city and country, and has no city and country"
    assert one.suggestion == ("Complete it from the customer's last address: A. Berg, hafenstr. 1 , 20457 Hamburg, DE.")
    mended = applied(order(ship_to=partial), one.fix)
    assert mended.ship_to == replace(partial, city="Hamburg", country="DE")
    assert found_in(mended) == []


def test_what_the_last_address_does_not_say_is_no_contradiction():
    last = replace(HOME, postcode=None)
    one = only(found_in(order(ship_to=replace(HOME, city=None)), last_address=lambda: last))
    assert applied(order(ship_to=replace(HOME, city=None)), one.fix).ship_to == HOME


def test_an_address_elsewhere_is_replaced_by_the_last_one_not_mixed_with_it():
    moved = Address(name="Anna Berg", line1="Ringweg 3", country="DE")
    one = only(found_in(order(ship_to=moved), last_address=lambda: HOME))
    assert one.suggestion == "Use the customer's last address: Anna Berg, Hafenstr. 1, 20457 Hamburg, DE."
    assert applied(order(ship_to=moved), one.fix).ship_to == HOME


@pytest.mark.parametrize("last", [None, Address(name="Anna Berg"), replace(HOME, country="de")])
def test_without_a_last_address_the_suggestion_says_what_to_ask_for(last):
    one = only(found_in(order(ship_to=replace(HOME, line1=None)), last_address=lambda: last))
    assert (one.suggestion, one.fix) == ("Ask the customer for the street.", {})


@pytest.mark.parametrize(
    ("country", "last", "becomes"),
    [
        ("de", None, "DE"),
        ("Germany", HOME, "DE"),
        ("Germany", replace(HOME, line1="Ringweg 3"), None),
        ("D", None, None),
        ("Ée", None, None),
    ],
)
def test_a_country_that_is_no_code_blocks_and_is_written_as_one_or_left_open(country, last, becomes):
    request = order(ship_to=replace(HOME, country=country))
    one = only(found_in(request, last_address=lambda: last))
    assert (one.kind, one.is_blocking) == (DiscrepancyKind.INCOMPLETE_ADDRESS, True)
    mended = applied(request, one.fix)
    assert mended.ship_to == replace(HOME, country=becomes)
    assert not any(left.is_blocking for left in found_in(mended))


def test_an_order_without_any_address_is_incomplete_only_where_it_is_sent():
    assert found_in(order()) == []
    one = only(found_in(order(), wants_address=True, last_address=lambda: HOME))
    assert applied(order(), one.fix).ship_to == HOME


# Fixes of any order

skus = st.sampled_from(["A-12", "a-12", "B-7", "Rope/10m", "US-1", "A-21", "B7", "rope 10m", "UNKNOWN-9", "?"])
quantities = st.one_of(
    st.integers(-5, 20), st.integers(), st.floats(), st.decimals(), st.sampled_from(["7", "many", "", None, True, [1]])
)
numbers = st.one_of(
    st.none(), st.decimals(), st.decimals(-10, 100, places=2), st.sampled_from([Decimal("1e-9"), Decimal("1E+999999")])
)
texts = st.sampled_from([None, "", "Anna", "Hafenstr. 1", "Hamburg"])
addresses = st.builds(Address, texts, texts, texts, texts, texts, texts, st.sampled_from([None, "DE", "de", "Germany"]))
requests = st.builds(
    OrderRequest,
    st.just("web"),
    st.just("1042"),
    st.lists(st.builds(LineRequest, skus, quantities, numbers, numbers), min_size=1, max_size=4).map(tuple),
    currency=st.sampled_from([None, "EUR", "usd", "KWD", "€"]),
    ship_to=st.none() | addresses,
)
recents = st.lists(
    st.builds(
        RecentLine, st.integers(1, 4), st.integers(1, 10**12), st.integers(-5, 10**16), st.sampled_from(["EUR", "USD"])
    ),
    max_size=20,
)


@given(request=requests, recent=recents, last=st.none() | addresses)
def test_the_fix_of_what_blocks_removes_it(request, recent, last):
    known = {"recent": recent, "last_address": lambda: last}
    for one in found_in(request, **known):
        fix = json.loads(json.dumps(one.fix))
        if cancels(fix) or not fix:
            assert not one.is_blocking or (cancels(fix) and len(request.lines) == 1)
            continue
        mended = applied(request, fix)
        assert repr(mended) != repr(request)  # 1.0 is 1, but no whole number
        if "drop" in fix:
            assert len(mended.lines) == len(request.lines) - 1
        elif one.is_blocking:
            left = found_in(mended, **known)
            assert not [two for two in left if two.is_blocking and (two.kind, two.line_no) == (one.kind, one.line_no)]


@given(request=requests, recent=recents, last=st.none() | addresses)
def test_accepting_what_is_suggested_makes_any_draft_an_order_or_cancels_it(request, recent, last):
    known = {"recent": recent, "last_address": lambda: last}
    for _ in range(6 * len(request.lines) + 3):
        blocking = [one for one in found_in(request, **known) if one.is_blocking]
        if not blocking or cancels(blocking[0].fix):
            return
        request = applied(request, blocking[0].fix)
    raise AssertionError(blocking)


@given(request=requests, recent=recents)
def test_a_discrepancy_reads_as_a_sentence_and_stays_the_same(request, recent):
    found = found_in(request, recent=recent)
    assert found == found_in(request, recent=recent)
    for one in found:
        assert len(one.message) < 400
        assert one.suggestion.endswith((".", "?"))
        assert "\n" not in one.message + one.suggestion


@pytest.mark.parametrize(
    "fix",
    [
        {},
        {"cancel": True},
        {"drop": True},
        {"line": 1},
        {"line": 0, "drop": True},
        {"line": 3, "drop": True},
        {"line": True, "drop": True},
        {"line": "1", "drop": True},
        {"line": 1, "drop": False},
        {"line": 1, "drop": True, "set": {"quantity": 1}},
        {"line": 1, "set": {}},
        {"line": 1, "set": []},
        {"line": 1, "set": {"colour": "red"}},
        {"line": 1, "set": {"sku": " "}},
        {"line": 1, "set": {"sku": 12}},
        {"line": 1, "set": {"quantity": 0}},
        {"line": 1, "set": {"quantity": True}},
        {"line": 1, "set": {"quantity": 2.5}},
        {"line": 1, "set": {"quantity": 10**9 + 1}},
        {"line": 1, "set": {"unit_price": "-1"}},
        {"line": 1, "set": {"unit_price": "1.0000001"}},
        {"line": 1, "set": {"unit_price": "NaN"}},
        {"line": 1, "set": {"unit_price": "cheap"}},
        {"line": 1, "set": {"unit_price": []}},
        {"line": 1, "set": {"tax_rate": "20"}},
        {"set": {"external_ref": "2"}},
        {"set": {"lines": []}},
        {"set": {"currency": "euro"}},
        {"set": {"currency": None}},
        {"set": {"ship_to": None}},
        {"set": {"ship_to": "Hafenstr. 1"}},
        {"set": {"ship_to": {"street": "Hafenstr. 1"}}},
        {"set": {"ship_to": {"line1": 1}}},
        {"set": {"ship_to": {"country": "Germany"}}},
    ],
)
def test_a_fix_that_makes_no_sense_is_refused_in_one_line(fix):
    with pytest.raises(InvalidRequest) as refused:
        applied(order(), fix)
    assert "\n" not in str(refused.value)


def test_the_last_line_cannot_be_dropped():
    with pytest.raises(InvalidRequest, match="a line of several, as an order has at least one"):
        applied(order(line()), {"line": 1, "drop": True})


def test_a_fix_changes_what_it_names_and_nothing_else():
    request = order(line(price="5", tax_rate=Decimal("0.2")), line("b-7", 1), customer="c1", priority=3)
    fixed = applied(request, {"line": 1, "set": {"unit_price": None, "quantity": 9}})
    assert fixed == replace(request, lines=(replace(request.lines[0], unit_price=None, quantity=9), request.lines[1]))


def test_the_terms_set_what_is_usual():
    terms = Terms(price_tolerance=0.1, unusual_quantity_ratio=3.0, duplicate_window_hours=48.0)
    strict = tolerance_of(terms)
    assert found_in(order(line(quantity=37, price="5.6"))) == []
    kinds = {one.kind.value for one in discrepancies(order(line(quantity=37, price="5.6")), facts(), strict)}
    assert kinds == {"price_outside_tolerance", "unusual_quantity"}
    one = only(discrepancies(order(), facts(duplicates=["7"]), strict))
    assert "within 48 hours" in one.message


# The same content


def test_the_same_skus_and_quantities_hash_alike_in_any_order_and_spelling():
    lines = (line("A-12", 2, "5"), line("b-7", 1), line("A-12", 3))
    hashes = {content_hash(order_of) for order_of in permutations(lines)}
    assert hashes == {content_hash((line(" a-12", 3), line("a-12", 2), line("B-7", 1, "39")))}
    assert -(2**63) <= hashes.pop() < 2**63


@given(
    st.lists(st.tuples(st.sampled_from(["A", "A1", "1"]), st.integers(1, 30)), max_size=4),
    st.lists(st.tuples(st.sampled_from(["A", "A1", "1"]), st.integers(1, 30)), max_size=4),
)
def test_other_skus_or_quantities_hash_differently(one, other):
    same = sorted(one) == sorted(other)
    hashed = [content_hash([LineRequest(*part) for part in parts]) for parts in (one, other)]
    assert (hashed[0] == hashed[1]) is same


def test_the_hash_is_the_same_in_every_process():
    program = (
        "from orders.model import LineRequest\nfrom orders.verification import content_hash\n"
        "print(content_hash([LineRequest('A-12', 2), LineRequest('B-7', 1)]))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {f"{content_hash(order().lines)}\n"}


# Near codes


@cache
def slips(one, other):
    """Optimal string alignment by its recursion."""
    if not one or not other:
        return len(one) + len(other)
    least = min(
        slips(one[:-1], other) + 1,
        slips(one, other[:-1]) + 1,
        slips(one[:-1], other[:-1]) + (one[-1] != other[-1]),
    )
    if len(one) > 1 and len(other) > 1 and (one[-1], one[-2]) == (other[-2], other[-1]):
        least = min(least, slips(one[:-2], other[:-2]) + 1)
    return least


short = st.text("AB12", min_size=1, max_size=9)


@given(code=short, known=st.sets(short, max_size=12))
def test_near_codes_are_those_within_a_few_slips_nearest_first(code, known):
    forgiven = 0 if len(code) < 3 else 1 if len(code) < 8 else 2
    wanted = sorted(slips(code, one) for one in known if slips(code, one) <= forgiven)
    told = nearest_codes(code, known, most=100)
    assert [slips(code, one) for one in told] == wanted
    assert set(told) <= known
    assert nearest_codes(code, known, most=2) == told[:2]


@pytest.mark.parametrize(
    ("code", "known", "nearest"),
    [
        ("85123", ["85099B", "85123A", "84879"], "85123A"),
        ("MUG-O1", ["MUG-01", "MUG-02"], "MUG-01"),
        ("A-21", ["A-11", "A-12", "A-20"], "A-12"),
        ("ABC 1234", ["ABD-1234", "ABC-1235"], "ABC-1235"),
        ("größe-xl-1", ["GRÖSSE-XL-1"], "GRÖSSE-XL-1"),
    ],
)
def test_the_likeliest_slip_comes_first(code, known, nearest):
    assert nearest_codes(code, known)[0] == nearest


@pytest.mark.parametrize(
    ("code", "slipped", "forgiven"),
    [
        ("AB", "AC", False),
        ("ABC", "ABD", True),
        ("ABCDEFG", "ABCDEXX", False),
        ("ABCDEFGH", "ABCDEFXX", True),
        ("ABCDEFGHIJK", "ABCDEFGHXXX", False),
        ("ABCDEFGHIJKL", "ABCDEFGHIXXX", True),
        ("ABCDEFGHIJKLMNOPQR", "ABCDEFGHIJKLMNXXXX", False),
    ],
)
def test_longer_codes_forgive_more_slips(code, slipped, forgiven):
    assert nearest_codes(code, [slipped]) == [slipped] * forgiven


@pytest.mark.parametrize("code", ["", "  ", "--", "A1", "X" * 5000, "completely else"])
def test_nothing_near_is_nothing(code):
    assert nearest_codes(code, ["A-12", "A-2", "", "B" * 40]) == []
    assert nearest_codes(code, []) == []
