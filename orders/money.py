"""Money: integer minor units of an ISO 4217 currency; unit prices exact to six decimals."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from orders.errors import InvalidTerm

MICROS = 1_000_000
_EXPONENTS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
    "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip


def currency_code(text: str) -> str:
    """An ISO 4217 code such as EUR.

    Raises:
        InvalidTerm: the text is not three letters.
    """
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise InvalidTerm("currency", text, "an ISO 4217 code such as EUR")
    return code


def exponent(currency: str) -> int:
    """Decimals of the currency's minor unit: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def micros_per_minor(currency: str) -> int:
    """Millionths of the currency's unit in one of its minor units."""
    return MICROS // int(10 ** exponent(currency))


def amounts_minor(
    quantity: NDArray[np.int64], unit_price_micros: NDArray[np.int64], currency: str
) -> NDArray[np.int64]:
    """quantity × unit price in minor units, rounded once, half away from zero; shape of the inputs."""
    divisor = micros_per_minor(currency)
    exact = quantity * unit_price_micros
    rounded = (np.abs(exact) + divisor // 2) // divisor
    return np.asarray(np.sign(exact) * rounded, dtype=np.int64)


def split_amounts_minor(
    line: NDArray[np.int64], quantity: NDArray[np.int64], unit_price_micros: NDArray[np.int64], currency: str
) -> NDArray[np.int64]:
    """Amounts of the parts into which lines were split; those of one line sum to what the whole line is worth.

    Args:
        line: The line of each part; parts of one line stand together, shape (part,).
        quantity: Units of each part, > 0.
        unit_price_micros: Price of each part, the same for all of a line.
        currency: ISO 4217.
    """
    begins = np.ones(len(line), dtype=bool)
    begins[1:] = line[1:] != line[:-1]
    until = np.cumsum(quantity)
    until -= np.maximum.accumulate(np.where(begins, until - quantity, 0))
    return amounts_minor(until, unit_price_micros, currency) - amounts_minor(
        until - quantity, unit_price_micros, currency
    )


def amount_minor(quantity: int, unit_price_micros: int, currency: str) -> int:
    """The same for one line, of any size."""
    divisor = micros_per_minor(currency)
    exact = quantity * unit_price_micros
    rounded = (abs(exact) + divisor // 2) // divisor
    return rounded if exact >= 0 else -rounded


def format_minor(amount: int, currency: str) -> str:
    """An amount for people: 1234567 EUR cents → "EUR 12,345.67"."""
    decimals = exponent(currency)
    return f"{currency} {amount / 10**decimals:,.{decimals}f}"
