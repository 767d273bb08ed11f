"""What orders are worth: exact, rounded once, and the parts of every split sum to the whole, in any currency."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data.sales_rows import Item, Line
from orders.bundles import exploded
from orders.errors import InvalidRequest
from orders.model import LineRequest, OrderRequest
from orders.pricing import (
    OrderAmounts,
    amounts_of,
    difference,
    in_micros,
    ordered_lines,
    portion,
    shares,
    tax_minor,
    value_of,
)

DECIMALS = {"JPY": 0, "EUR": 2, "KWD": 3}
MUG = Item(1, "A-12", "A-12", 4_950_000, "EUR", False)
LAMP = Item(2, "B-7", "B-7", 40_000_000, "EUR", False)
SET = Item(3, "SET", "SET", 45_000_000, "EUR", True)
UNPRICED = Item(4, "NEW", "NEW", None, None, False)
ITEMS = {item.code: item for item in (MUG, LAMP, SET, UNPRICED)}
currencies = st.sampled_from(sorted(DECIMALS))
prices = st.integers(0, 10**15)
units = st.integers(1, 10**6)
rates = st.sampled_from(["0", "0.05", "0.077", "0.19", "0.2", "1"]).map(Decimal)


def rounded(exact):
    """A fraction's nearest whole number, half away from zero."""
    return floor(exact + Fraction(1, 2)) if exact >= 0 else ceil(exact - Fraction(1, 2))


def order(*lines, **head):
    return OrderRequest("web", "1", lines, **head)


def stored(line_id, quantity, amount, cancelled=0):
    return Line(line_id, line_id, 1, "A-12", 1, quantity, cancelled, 0, 0, 0, 0, amount, None, None)


# Lines


@given(
    given_=st.lists(st.tuples(units, prices, st.none() | rates), min_size=1, max_size=4),
    currency=currencies,
    included=st.booleans(),
)
def test_lines_cost_their_units_and_are_taxed_once_each(given_, currency, included):
    asked = [LineRequest("a-12", q, Decimal(p).scaleb(-6), rate, "VAT") for q, p, rate in given_]
    lines = ordered_lines(order(*asked, prices_include_tax=included), ITEMS, currency)
    assert [line.line_no for line in lines] == [line.request_line for line in lines] == list(range(1, len(asked) + 1))
    for line, (quantity, price, rate) in zip(lines, given_, strict=True):
        amount = (quantity * Decimal(price).scaleb(-6)).scaleb(DECIMALS[currency]).quantize(Decimal(1), ROUND_HALF_UP)
        assert (line.quantity, line.unit_price_micros, line.amount_minor) == (quantity, price, amount)
        if rate is None:
            assert line.tax is None
            continue
        share = Fraction(rate) / (1 + Fraction(rate)) if included else Fraction(rate)
        assert line.tax == ("VAT", int(rate * 10**6), rounded(int(amount) * share), included)


def test_a_line_without_a_price_takes_the_list_price_in_that_currency_only():
    (line,) = ordered_lines(order(LineRequest(" a-12", 3)), ITEMS, "EUR")
    assert (line.item, line.unit_price_micros, line.amount_minor) == (MUG, 4_950_000, 1485)
    for sku, currency in (("A-12", "USD"), ("NEW", "EUR")):
        with pytest.raises(InvalidRequest, match=f"line 1: unit_price must be a price in {currency}, got None"):
            ordered_lines(order(LineRequest(sku, 1)), ITEMS, currency)


@pytest.mark.parametrize("price", ["-1", "0.0000001", "NaN", "1e10"])
def test_an_impossible_price_is_refused(price):
    with pytest.raises(InvalidRequest, match="line 2: unit_price"):
        ordered_lines(order(LineRequest("A-12", 1), LineRequest("B-7", 1, Decimal(price))), ITEMS, "EUR")


@pytest.mark.parametrize("rate", ["-0.1", "0.1234567", "Infinity"])
def test_an_impossible_tax_rate_is_refused(rate):
    with pytest.raises(InvalidRequest, match="line 1: tax_rate"):
        ordered_lines(order(LineRequest("A-12", 1, tax_rate=Decimal(rate))), ITEMS, "EUR")


@given(amount=st.integers(0, 10**15), rate=st.integers(0, 10**6))
@example(amount=119, rate=190_000)
def test_net_and_included_tax_are_the_price_and_taxing_the_net_gives_it_again(amount, rate):
    tax = tax_minor(amount, rate, is_included=True)
    assert 0 <= tax <= amount
    again = tax_minor(amount - tax, rate, is_included=False)
    assert abs(again - tax) <= 1


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("12.50", 12_500_000),
        ("0.000001", 1),
        ("-3", -3_000_000),
        ("1.0000000", 1_000_000),
        ("1e3", 1_000_000_000),
        ("0E-999999", 0),
        ("0.0000001", None),
        ("1.00000000000000000000000000000000000000001", None),
        ("NaN", None),
        ("sNaN", None),
        ("-Infinity", None),
        ("1E+999999", None),
        ("1E-999999", None),
    ],
)
def test_only_what_is_exact_in_millionths_becomes_millionths(text, micros):
    assert in_micros(Decimal(text)) == micros


# Splits


@given(
    total=st.integers(-(10**15), 10**15),
    weights=st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any),
)
def test_shares_sum_to_the_total_and_the_largest_remainders_are_rounded_up(total, weights):
    split = shares(total, weights)
    assert sum(split) == total
    exact = [Fraction(abs(total) * weight, sum(weights)) for weight in weights]
    up = [abs(share) - whole.numerator // whole.denominator for share, whole in zip(split, exact, strict=True)]
    remainders = [whole - whole.numerator // whole.denominator for whole in exact]
    assert set(up) <= {0, 1}
    assert all(remainder for remainder, raised in zip(remainders, up, strict=True) if raised)
    least_raised = min((r for r, raised in zip(remainders, up, strict=True) if raised), default=1)
    assert least_raised >= max((r for r, raised in zip(remainders, up, strict=True) if not raised), default=0)


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_nothing_can_be_split_by_no_weights(weights):
    with pytest.raises(ValueError, match="weights must not be negative and sum to more than 0"):
        shares(100, weights)


@given(amount=st.integers(-(10**15), 10**15), cuts=st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_portions_one_after_another_sum_to_the_whole(amount, cuts):
    whole, until, parts = sum(cuts), 0, []
    for cut in cuts:
        parts.append(portion(amount, until + cut, whole) - portion(amount, until, whole))
        until += cut
    assert sum(parts) == amount
    for part, cut in zip(parts, cuts, strict=True):
        assert abs(part - Fraction(amount * cut, whole)) <= 1


@given(amount=st.integers(-(10**6), 10**6), part=st.integers(0, 60), whole=st.integers(1, 50))
def test_a_portion_is_rounded_once_half_away_from_zero(amount, part, whole):
    assert portion(amount, part, whole) == rounded(Fraction(amount * part, whole))


# Bundles


def component(number, price, currency="EUR"):
    return Item(number, f"C-{number}", f"C-{number}", price, currency if price is not None else None, False)


parts_of_sets = st.lists(st.tuples(st.none() | st.integers(0, 10**9), st.integers(1, 20)), min_size=1, max_size=6).map(
    lambda parts: [(SET.id, component(10 + n, price), held) for n, (price, held) in enumerate(parts)]
)


@given(parts=parts_of_sets, quantity=units, price=prices, rate=st.none() | rates, currency=currencies,
       included=st.booleans())  # fmt: skip
def test_a_bundle_becomes_its_components_and_costs_and_is_taxed_the_same(
    parts, quantity, price, rate, currency, included
):
    asked = order(
        LineRequest("A-12", 1, Decimal(2)),
        LineRequest("SET", quantity, Decimal(price).scaleb(-6), rate),
        LineRequest("B-7", 1, Decimal(3)),
        prices_include_tax=included,
    )
    before = ordered_lines(asked, ITEMS, currency)
    lines = exploded(before, parts, currency)
    first, *inside, last = lines
    assert (first, last) == (before[0], before[2]._replace(line_no=len(lines)))
    assert [line.line_no for line in lines] == list(range(1, len(lines) + 1))
    assert [(line.item, line.quantity) for line in inside] == [(item, quantity * held) for _, item, held in parts]
    assert {(line.bundle_id, line.request_line) for line in inside} == {(SET.id, 2)}
    assert sum(line.amount_minor for line in inside) == before[1].amount_minor
    for line in inside:
        exact = Fraction(line.amount_minor, line.quantity * 10 ** DECIMALS[currency]) * 10**6
        assert abs(line.unit_price_micros - exact) <= Fraction(1, 2)
        assert (line.tax is None) == (rate is None)
    if rate is not None:
        assert sum(line.tax.amount_minor for line in inside) == before[1].tax.amount_minor
        assert all(0 <= line.tax.amount_minor <= line.amount_minor for line in inside)


def in_parts(*parts, price="45"):
    lines = ordered_lines(order(LineRequest("SET", 2, Decimal(price))), ITEMS, "EUR")
    return [line.amount_minor for line in exploded(lines, [(SET.id, *part) for part in parts], "EUR")]


def test_a_bundles_price_goes_to_its_components_as_their_list_prices_do():
    # 90.00 over 4 × 5.00 and 1 × 40.00: a third and two thirds
    assert in_parts((component(10, 5_000_000), 4), (component(11, 40_000_000), 1)) == [3000, 6000]
    assert in_parts((component(10, 5_000_000, "USD"), 4), (component(11, 40_000_000, "USD"), 1)) == [3000, 6000]


@pytest.mark.parametrize(
    ("one", "other"),
    [(None, None), (5_000_000, None), (0, 0)],
)
def test_without_list_prices_it_goes_to_them_by_units(one, other):
    assert in_parts((component(10, one), 4), (component(11, other), 1)) == [7200, 1800]


def test_list_prices_in_two_currencies_cannot_be_compared():
    assert in_parts((component(10, 5_000_000), 4), (component(11, 40_000_000, "USD"), 1)) == [7200, 1800]


def test_no_component_is_taxed_for_more_than_it_costs():
    lines = ordered_lines(order(LineRequest("SET", 1, Decimal("0.04"), Decimal("0.75"))), ITEMS, "EUR")
    parts = [(SET.id, component(10 + number, price), 1) for number, price in enumerate((1, 3, 3))]
    amounts = [(line.amount_minor, line.tax.amount_minor) for line in exploded(lines, parts, "EUR")]
    assert [sum(column) for column in zip(*amounts, strict=True)] == [4, 3]
    assert all(tax <= amount for amount, tax in amounts)


def test_a_free_bundle_has_free_components():
    assert in_parts((component(10, 5_000_000), 4), (component(11, 1), 1), price="0") == [0, 0]


def test_lines_without_bundles_stay_as_they_are():
    lines = ordered_lines(order(LineRequest("A-12", 1), LineRequest("B-7", 2)), ITEMS, "EUR")
    assert exploded(lines, (), "EUR") == lines


def test_units_of_a_component_beyond_all_measure_are_refused():
    lines = ordered_lines(order(LineRequest("SET", 10**9)), ITEMS, "EUR")
    with pytest.raises(InvalidRequest, match="line 1: quantity must be at most 500000000, as one bundle holds 2000"):
        exploded(lines, [(SET.id, component(10, None), 2000)], "EUR")


# Orders

lines_of_orders = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 10**12)).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), st.integers(0, pair[0]))
    ),
    min_size=1,
    max_size=5,
)
taxes_of_orders = st.lists(st.tuples(st.none() | st.integers(0, 4), st.integers(0, 10**11), st.booleans()), max_size=6)


def an_order(lines, taxes):
    """Stored lines with nothing cancelled, with their cancellations, and their taxes."""
    whole = [stored(number, quantity, amount) for number, (quantity, amount, _) in enumerate(lines)]
    left = [stored(number, *line) for number, line in enumerate(lines)]
    on_lines = [
        (None if line is None else line % len(lines), 200_000, amount, included) for line, amount, included in taxes
    ]
    return whole, left, on_lines


@given(lines=lines_of_orders, taxes=taxes_of_orders)
def test_a_whole_order_is_worth_its_lines_and_the_taxes_on_top(lines, taxes):
    whole, _, on_lines = an_order(lines, taxes)
    goods = sum(amount for _, amount, _ in lines)
    on_top = sum(amount for _, _, amount, included in on_lines if not included)
    assert value_of(whole, on_lines) == goods + on_top
    assert amounts_of(whole, on_lines) == OrderAmounts(
        goods, on_top, sum(amount for _, _, amount, included in on_lines if included)
    )


@given(lines=lines_of_orders, taxes=taxes_of_orders)
def test_what_is_left_of_an_order_is_in_proportion_and_with_what_was_cancelled_is_the_whole(lines, taxes):
    whole, left, on_lines = an_order(lines, taxes)
    before, after = amounts_of(whole, on_lines), amounts_of(left, on_lines)
    gone = difference(before, after)
    assert before.total_minor + gone.total_minor == after.total_minor == value_of(left, on_lines)
    assert before.goods_minor + gone.goods_minor == after.goods_minor
    assert after.goods_minor == sum(
        rounded(Fraction(amount * (quantity - cancelled), quantity)) for quantity, amount, cancelled in lines
    )
    exact = sum(
        Fraction(amount * (lines[line][0] - lines[line][2]), lines[line][0])
        for line, _, amount, _ in on_lines
        if line is not None
    )
    by_line = amounts_of(left, [tax for tax in on_lines if tax[0] is not None])
    assert abs(by_line.tax_on_top_minor + by_line.tax_included_minor - exact) <= Fraction(len(on_lines), 2)


@given(lines=lines_of_orders, taxes=taxes_of_orders)
def test_a_cancelled_order_is_worth_nothing(lines, taxes):
    _, left, on_lines = an_order([(quantity, amount, quantity) for quantity, amount, _ in lines], taxes)
    assert amounts_of(left, on_lines) == OrderAmounts(0, 0, 0)


@given(quantity=st.integers(1, 60), amount=st.integers(0, 10**9), tax=st.integers(0, 10**8))
def test_cancelling_one_unit_more_never_makes_an_order_dearer(quantity, amount, tax):
    values = [value_of([stored(1, quantity, amount, gone)], [(1, 1, tax, False)]) for gone in range(quantity + 1)]
    assert values == sorted(values, reverse=True)
    assert (values[0], values[-1]) == (amount + tax, 0)


def test_a_tax_of_the_whole_order_falls_with_its_goods_or_its_units_where_these_are_free():
    lines = [stored(1, 2, 900, cancelled=1), stored(2, 1, 100)]
    assert amounts_of(lines, [(None, 0, 200, False)]) == OrderAmounts(550, 110, 0)
    free = [stored(1, 3, 0, cancelled=1), stored(2, 1, 0)]
    assert amounts_of(free, [(None, 0, 200, True)]) == OrderAmounts(0, 0, 150)
