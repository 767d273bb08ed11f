"""Bundles are sold under one SKU and leave the shelf as their components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data.sales_rows import Item
from orders.errors import InvalidRequest
from orders.money import micros_per_minor
from orders.pricing import OrderedLine, shares

Component = tuple[int, Item, int]
"""(bundle, component, units of it in one bundle), as `sales_rows.components` gives it."""

_MOST_UNITS = 10**12


def exploded(lines: Sequence[OrderedLine], components: Iterable[Component], currency: str) -> list[OrderedLine]:
    """The lines with each bundle replaced by its components, numbered anew; other lines stay as they are.

    A bundle's amount is split over its components by what these cost on the price list; where not every component
    has a price in one currency, by units. Its tax is split by these amounts, so that no component is taxed for more
    than it costs. The parts sum to the bundle's amount and tax. One level: a component that is a bundle itself is sold
    as a SKU of its own.

    Args:
        lines: As `pricing.ordered_lines` gives them.
        components: Of all bundles among them.
        currency: The order's, ISO 4217.

    Raises:
        InvalidRequest: units of a component are beyond all measure.
        KeyError: a bundle has no components.
    """
    if not any(line.item.is_bundle for line in lines):
        return list(lines)
    parts: dict[int, list[tuple[Item, int]]] = {}
    for bundle_id, item, units in components:
        parts.setdefault(bundle_id, []).append((item, units))
    found: list[OrderedLine] = []
    for line in lines:
        found += _components_of(line, parts[line.item.id], currency) if line.item.is_bundle else [line]
    return [line._replace(line_no=number) for number, line in enumerate(found, start=1)]


def _components_of(line: OrderedLine, parts: Sequence[tuple[Item, int]], currency: str) -> list[OrderedLine]:
    weights = _weights(parts)
    amounts = shares(line.amount_minor, weights)
    taxes = shares(0 if line.tax is None else line.tax.amount_minor, amounts if line.amount_minor else weights)
    micros = micros_per_minor(currency)
    lines = []
    for (item, units), amount, tax in zip(parts, amounts, taxes, strict=True):
        quantity = line.quantity * units
        if quantity > _MOST_UNITS:
            wanted = f"at most {_MOST_UNITS // units}, as one bundle holds {units} of {item.display_code}"
            raise InvalidRequest(f"line {line.request_line}: quantity", wanted, line.quantity)
        lines.append(
            line._replace(
                item=item,
                quantity=quantity,
                unit_price_micros=(2 * amount * micros + quantity) // (2 * quantity),
                amount_minor=amount,
                tax=None if line.tax is None else line.tax._replace(amount_minor=tax),
                bundle_id=line.item.id,
            )
        )
    return lines


def _weights(parts: Sequence[tuple[Item, int]]) -> list[int]:
    currencies = {item.list_price_currency for item, _ in parts}
    priced = [(item.list_price_micros or 0) * units for item, units in parts]
    has_prices = len(currencies) == 1 and None not in currencies and any(priced)
    return priced if has_prices else [units for _, units in parts]
