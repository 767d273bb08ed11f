"""What an order is worth: amounts and taxes of its lines in minor units, and what remains when some is cancelled.

Everything is an exact integer. Each amount is rounded once, half away from zero, and what belongs to a whole is split
so that its parts sum to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import NamedTuple

from data.sales_rows import Item, Line
from orders.errors import InvalidRequest
from orders.model import LineRequest, OrderRequest
from orders.money import MICROS, amount_minor

MOST_UNITS = 10**9
"""The largest quantity of a line."""

MOST_PRICE = 10**9
"""The largest unit price, in units of its currency."""

MOST_MINOR = 10**15
"""The largest amount of a line: 9,000 such lines sum to less than 64 bits hold."""

_EXACT = Context(prec=34, Emin=-40, Emax=40, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])


class LineTax(NamedTuple):
    """A tax of a line, rounded once.

    Attributes:
        rate_micros: Millionths of the price: 200000 is 20 %.
        is_included: The line's amount holds it already; otherwise it comes on top.
    """

    name: str
    rate_micros: int
    amount_minor: int
    is_included: bool


class OrderedLine(NamedTuple):
    """A line as it is ordered, with its price.

    Attributes:
        line_no: Its number in the order.
        request_line: Number of the request's line that it comes from: a bundle's line becomes several.
        unit_price_micros: Exact, but for a bundle's component: there it is `amount_minor` per unit, rounded.
        amount_minor: What its units cost.
        tax: None where the request names no rate.
        bundle_id: The SKU of the bundle that it is a part of.
    """

    line_no: int
    request_line: int
    item: Item
    quantity: int
    unit_price_micros: int
    amount_minor: int
    tax: LineTax | None
    bundle_id: int | None


@dataclass(frozen=True, slots=True)
class OrderAmounts:
    """What an order, or the difference between two of its states, amounts to in minor units.

    Attributes:
        goods_minor: The lines' amounts.
        tax_on_top_minor: Taxes that come on top of them.
        tax_included_minor: Taxes that they hold already.
    """

    goods_minor: int
    tax_on_top_minor: int
    tax_included_minor: int

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.goods_minor + self.tax_on_top_minor


def in_micros(number: Decimal) -> int | None:
    """An exact number in millionths; None when it has more than six decimals, is not finite, or is beyond all measure.

    >>> in_micros(Decimal("12.50")), in_micros(Decimal("0.0000001"))
    (12500000, None)
    """
    try:
        return int(number.scaleb(6, _EXACT).to_integral_exact(context=_EXACT))
    except (ArithmeticError, ValueError):
        return None


def ordered_lines(request: OrderRequest, items: Mapping[str, Item], currency: str) -> list[OrderedLine]:
    """The request's lines with their prices, amounts and taxes; bundles are whole yet (`bundles.exploded`).

    Args:
        request: Verified: nothing blocking is wrong with it.
        items: SKUs by their codes in capitals.
        currency: The order's, ISO 4217.

    Raises:
        InvalidRequest: a price or a tax rate is missing or impossible.
        KeyError: a SKU is unknown.
    """
    lines = []
    for number, line in enumerate(request.lines, start=1):
        item = items[line.sku.strip().upper()]
        price = unit_price(line, item, currency)
        if price is None or not 0 <= price <= MOST_PRICE * MICROS:
            raise InvalidRequest(f"line {number}: unit_price", f"a price in {currency}", line.unit_price)
        amount = amount_minor(line.quantity, price, currency)
        tax = None
        if line.tax_rate is not None:
            rate = in_micros(line.tax_rate)
            if rate is None or rate < 0:
                raise InvalidRequest(f"line {number}: tax_rate", "a share of at most six decimals", line.tax_rate)
            owed = tax_minor(amount, rate, is_included=request.prices_include_tax)
            tax = LineTax(line.tax_name, rate, owed, request.prices_include_tax)
        lines.append(OrderedLine(number, number, item, line.quantity, price, amount, tax, None))
    return lines


def unit_price(line: LineRequest, item: Item, currency: str) -> int | None:
    """The line's price in millionths: as given, else the list price in that currency, else None."""
    if line.unit_price is not None:
        return in_micros(line.unit_price)
    return item.list_price_micros if item.list_price_currency == currency else None


def tax_minor(amount: int, rate_micros: int, *, is_included: bool) -> int:
    """The tax of an amount: amount × rate on top of it, amount × rate / (1 + rate) within it.

    >>> tax_minor(12_000, 200_000, is_included=True), tax_minor(12_000, 200_000, is_included=False)
    (2000, 2400)
    """
    return portion(amount, rate_micros, MICROS + rate_micros if is_included else MICROS)


def portion(amount: int, part: int, whole: int) -> int:
    """amount × part / whole, rounded half away from zero; `whole` > 0.

    Consecutive parts sum to the whole when each is the difference of two portions: of a line of q units, those from a
    to b are worth portion(amount, b, q) − portion(amount, a, q).
    """
    exact = amount * part
    rounded = (2 * abs(exact) + whole) // (2 * whole)
    return rounded if exact >= 0 else -rounded


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """A total split in proportion to weights by largest remainder: the shares sum to it, each within 1 of exact.

    Equal remainders go to the earlier share first.

    Args:
        total: Of any sign.
        weights: At least one, none negative, not all 0.

    >>> shares(100, [1, 1, 1])
    [34, 33, 33]
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError(f"weights must not be negative and sum to more than 0, got {list(weights)}")
    sign = -1 if total < 0 else 1
    exact = [divmod(abs(total) * weight, whole) for weight in weights]
    split = [share for share, _ in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: -exact[place][1])
    for place in by_remainder[: abs(total) - sum(split)]:
        split[place] += 1
    return [sign * share for share in split]


Tax = tuple[int | None, int, int, bool]
"""(order line, or None for the whole order; rate; amount; is included), as `sales_rows.taxes` gives it."""


def amounts_of(lines: Iterable[Line], taxes: Iterable[Tax]) -> OrderAmounts:
    """What the units of an order that are not cancelled amount to, with their part of the taxes.

    A tax of the whole order falls with its goods, or with its units where the goods cost nothing.
    """
    goods = kept_goods = units = kept_units = 0
    by_line: dict[int, tuple[int, int]] = {}
    for line in lines:
        kept = line.quantity - line.quantity_cancelled
        by_line[line.id] = (kept, line.quantity)
        goods, kept_goods = goods + line.amount_minor, kept_goods + portion(line.amount_minor, kept, line.quantity)
        units, kept_units = units + line.quantity, kept_units + kept
    whole_order = (kept_goods, goods) if goods else (kept_units, units or 1)
    on_top = included = 0
    for line_id, _, amount, is_included in taxes:
        kept_tax = portion(amount, *(whole_order if line_id is None else by_line[line_id]))
        if is_included:
            included += kept_tax
        else:
            on_top += kept_tax
    return OrderAmounts(kept_goods, on_top, included)


def value_of(lines: Iterable[Line], taxes: Iterable[Tax]) -> int:
    """What is to be paid for the units of an order that are not cancelled: goods and taxes on top, minor units."""
    return amounts_of(lines, taxes).total_minor


def difference(before: OrderAmounts, after: OrderAmounts) -> OrderAmounts:
    """By how much each amount of an order rose from one state to another; it is negative where it fell."""
    return OrderAmounts(
        after.goods_minor - before.goods_minor,
        after.tax_on_top_minor - before.tax_on_top_minor,
        after.tax_included_minor - before.tax_included_minor,
    )
