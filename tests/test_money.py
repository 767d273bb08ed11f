"""Money is exact: minor units by ISO 4217, rounded once, half away from zero."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orders.errors import InvalidTerm
from orders.money import (
    amount_minor,
    amounts_minor,
    currency_code,
    exponent,
    format_minor,
    micros_per_minor,
    split_amounts_minor,
)

# ISO 4217, table A.1 (2024): minor units that are not 2, among circulating currencies.
NO_DECIMALS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "UYI",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
THREE_DECIMALS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]

currencies = st.sampled_from(["EUR", "JPY", "KWD"])
quantities = st.integers(-10_000_000, 10_000_000)
prices = st.integers(-900_000_000_000, 900_000_000_000)


def exact_minor(quantity, unit_price_micros, currency):
    """The same by decimal arithmetic, which rounds ties away from zero."""
    digits = {"JPY": 0, "KWD": 3}.get(currency, 2)
    amount = quantity * Decimal(unit_price_micros).scaleb(-6)
    return int(amount.scaleb(digits).quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("codes", "decimals"), [(NO_DECIMALS, 0), (THREE_DECIMALS, 3), (["EUR", "USD", "GBP", "HUF", "MGA"], 2)]
)
def test_minor_units_are_those_of_iso_4217(codes, decimals):
    assert {exponent(code) for code in codes} == {decimals}
    assert {micros_per_minor(code) for code in codes} == {10 ** (6 - decimals)}


@given(quantity=quantities, price=prices, currency=currencies)
@example(quantity=1, price=5_000, currency="EUR")
@example(quantity=-1, price=5_000, currency="EUR")
@example(quantity=-3, price=500_000, currency="JPY")
@example(quantity=10_000_000, price=900_000_000_000, currency="KWD")
def test_amounts_are_exact_and_round_halves_away_from_zero(quantity, price, currency):
    wanted = exact_minor(quantity, price, currency)
    assert amount_minor(quantity, price, currency) == wanted
    many = amounts_minor(np.array([quantity, 0]), np.array([price, price]), currency)
    assert many.tolist() == [wanted, 0]


@given(parts=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=8), price=st.integers(0, 3_000_000),
       currency=currencies)  # fmt: skip
@example(parts=[(0, 1), (0, 1)], price=335_000, currency="EUR")
def test_parts_of_a_line_sum_to_the_line(parts, price, currency):
    parts.sort(key=lambda part: part[0])
    group = np.array([number for number, _ in parts], dtype=np.int64)
    quantity = np.array([units for _, units in parts], dtype=np.int64)
    amounts = split_amounts_minor(group, quantity, np.full(len(parts), price, dtype=np.int64), currency)
    for number in set(group.tolist()):
        whole = exact_minor(int(quantity[group == number].sum()), price, currency)
        assert amounts[group == number].sum() == whole
    for units, amount in zip(quantity.tolist(), amounts.tolist(), strict=True):
        assert abs(amount - exact_minor(units, price, currency)) <= 1


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (1_234_567, "EUR", "EUR 12,345.67"),
        (-5, "EUR", "EUR -0.05"),
        (1_234_567, "JPY", "JPY 1,234,567"),
        (1_234_567, "KWD", "KWD 1,234.567"),
    ],
)
def test_amounts_are_shown_with_their_own_decimals(amount, currency, shown):
    assert format_minor(amount, currency) == shown


def test_currency_codes_are_three_letters_in_any_case():
    assert currency_code(" gbp ") == "GBP"
    for wrong in ("", "€", "EURO", "E1R"):
        with pytest.raises(InvalidTerm, match="currency must be an ISO 4217 code such as EUR"):
            currency_code(wrong)
