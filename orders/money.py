"""Money: integer minor units of an ISO 4217 currency; unit prices exact to six decimals."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from orders.errors import InvalidTerm

MICROS = 1_000_000
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}


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
    return np.sign(exact) * rounded


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
