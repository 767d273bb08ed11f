"""What is wrong or doubtful about an order that comes in, and what would put it right.

Pure: the caller looks up what an order names (`Facts`) and stores what is found. What cannot be placed as it is keeps
the order a draft. What can, but looks like a mistake, lets it be placed and keep its stock, and holds it until somebody
has looked: a customer who meant it loses nothing, and nothing leaves the house before.

Every discrepancy carries a fix, laid out as `orders.fixes` says and applied by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from data.sales_rows import Item, RecentLine
from orders.fixes import is_code
from orders.model import Address, HoldKind, LineRequest, OrderRequest
from orders.money import MICROS, amount_minor, exponent
from orders.near_codes import nearest_codes
from orders.pricing import MOST_MINOR, MOST_PRICE, MOST_UNITS, in_micros, unit_price

if TYPE_CHECKING:
    from orders.terms import Terms

_SLIPPED_DIGITS = (10, 100, 1000)
_PLACE_PARTS = ("line1", "postcode", "city", "country")
_ADDRESS_PARTS = {"name": "name", "line1": "street", "city": "city", "country": "country"}


class DiscrepancyKind(StrEnum):
    """What may be wrong with an order."""

    UNKNOWN_SKU = "unknown_sku"
    IMPOSSIBLE_QUANTITY = "impossible_quantity"
    UNUSUAL_QUANTITY = "unusual_quantity"
    IMPOSSIBLE_PRICE = "impossible_price"
    PRICE_MISSING = "price_missing"
    PRICE_OUTSIDE_TOLERANCE = "price_outside_tolerance"
    IMPOSSIBLE_TAX_RATE = "impossible_tax_rate"
    REPEATED_LINE = "repeated_line"
    DUPLICATE_ORDER = "duplicate_order"
    INCOMPLETE_ADDRESS = "incomplete_address"
    CURRENCY_MISMATCH = "currency_mismatch"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is wrong or doubtful.

    Attributes:
        message: What it is about, what was expected, what came; the same for the same order and facts.
        suggestion: What the fix does, or what to ask for when there is none.
        fix: What would put it right, for `fixes.applied`.
        line_no: Number of the request's line, None for the whole order.
        is_blocking: The order cannot be placed as it is.
    """

    kind: DiscrepancyKind
    message: str
    suggestion: str
    fix: Mapping[str, Any]
    line_no: int | None = None
    is_blocking: bool = False

    @property
    def hold_kind(self) -> HoldKind | None:
        """The hold that it puts the placed order on; None when it blocks."""
        return hold_for(self.kind, is_blocking=self.is_blocking)


def hold_for(kind: str, *, is_blocking: bool) -> HoldKind | None:
    """The hold that a discrepancy puts a placed order on; None for one that keeps it a draft."""
    if is_blocking:
        return None
    return HoldKind.ADDRESS if kind == DiscrepancyKind.INCOMPLETE_ADDRESS else HoldKind.REVIEW


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What still passes for usual.

    Attributes:
        price: Share of the usual price by which a price may differ.
        unusual_quantity_ratio: How many times its largest recent line a SKU's line may be.
        duplicate_window_hours: Within which a like order counts as a duplicate, for the message.
        least_recent_lines: So many lines of a SKU say what is usual; fewer say nothing.
    """

    price: float
    unusual_quantity_ratio: float
    duplicate_window_hours: float
    least_recent_lines: int = 5


def tolerance_of(terms: Terms) -> Tolerance:
    """The tolerance that the terms set."""
    return Tolerance(terms.price_tolerance, terms.unusual_quantity_ratio, terms.duplicate_window_hours)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the things that an order names.

    Attributes:
        items: SKUs by their codes in capitals.
        recent: Their last order lines, newest first.
        channel_currency: ISO 4217.
        duplicates: References of the customer's orders of the same SKUs and quantities within the window.
        known_codes: Display code → name of every SKU; called only when a SKU is unknown.
        last_address: The customer's last complete address; called only when the order's is incomplete.
        wants_address: Whether an order without any address is incomplete. By default it is one that is collected, or
            that its channel sends.
    """

    items: Mapping[str, Item]
    recent: Sequence[RecentLine]
    channel_currency: str
    duplicates: Sequence[str]
    known_codes: Callable[[], Mapping[str, str]]
    last_address: Callable[[], Address | None]
    wants_address: bool = False


def discrepancies(request: OrderRequest, facts: Facts, tolerance: Tolerance) -> list[Discrepancy]:
    """Everything that is wrong or doubtful about an order: its lines first, in order; nothing for a clean one.

    A foreign currency is doubtful, not blocking, when it has a code: its prices were agreed with the customer, who may
    well have paid in it, and only the order desk knows whether the channel does so. Approving keeps it. A line without
    a price in it blocks by itself, as does what is no code, since its minor unit is unknown.
    """
    check = _Check(request, facts, tolerance, order_currency(request, facts.channel_currency))
    found: list[Discrepancy] = []
    priced: dict[int, tuple[int, int, int]] = {}
    for line_no, line in enumerate(request.lines, start=1):
        _check_line(check, line_no, line, priced, found)
    if facts.duplicates:
        found.append(_duplicate(check))
    if request.ship_to is not None or facts.wants_address:
        _check_address(check, request.ship_to or Address(), found)
    if request.currency is not None and request.currency != facts.channel_currency:
        _check_currency(check, request.currency, found)
    return found


def order_currency(request: OrderRequest, channel_currency: str) -> str:
    """The currency in which an order is priced: its own in capitals, the channel's where that is none or no code."""
    if request.currency is None or request.currency == channel_currency:
        return channel_currency
    code = request.currency.strip().upper()
    return code if is_code(code, letters=3) else channel_currency


def content_hash(lines: Sequence[LineRequest]) -> int:
    """A signed 64-bit number that is equal for equal SKUs and quantities, in any order of lines, in every process."""
    parts = sorted(f"{sku_code(line.sku)}\0{line.quantity}" for line in lines)
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=8).digest(), "big", signed=True)


def sku_code(text: str) -> str:
    """A SKU's code as the database keeps it."""
    return text.strip().upper()


@dataclass(slots=True)
class _Check:
    request: OrderRequest
    facts: Facts
    tolerance: Tolerance
    currency: str
    names: Mapping[str, str] | None = None
    by_sku: dict[int, list[RecentLine]] | None = None

    def without(self, line_no: int) -> tuple[str, dict[str, Any]]:
        """How the order does without a line: in words and as a fix."""
        if len(self.request.lines) == 1:
            return "Cancel the order, as this is its only line", {"cancel": True}
        return "Drop the line", {"line": line_no, "drop": True}

    def recent(self, item: Item | None) -> list[RecentLine]:
        if self.by_sku is None:
            self.by_sku = {}
            for line in self.facts.recent:
                self.by_sku.setdefault(line.sku_id, []).append(line)
        return [] if item is None else self.by_sku.get(item.id, [])


# Lines


def _check_line(
    check: _Check, line_no: int, line: LineRequest, priced: dict[int, tuple[int, int, int]], found: list[Discrepancy]
) -> None:
    """Add what is wrong with a line; `priced` holds SKU → (line, quantity, price) of the first line of each."""
    item = check.facts.items.get(sku_code(line.sku))
    if item is None:
        found.append(_unknown_sku(check, line_no, line))
    quantity = line.quantity
    is_possible = type(quantity) is int and 0 < quantity <= MOST_UNITS
    if not is_possible:
        found.append(_impossible_quantity(check, line_no, line, item))
    if line.tax_rate is not None and not _is_rate(line.tax_rate):
        found.append(_impossible_tax_rate(line_no, line.tax_rate))
    before = len(found)
    price = _checked_price(check, line_no, line, item, found)
    is_doubted = len(found) > before
    if item is None or price is None or not is_possible:
        return
    if amount_minor(quantity, price, check.currency) > MOST_MINOR:
        found.append(_impossible_amount(check, line_no, line, item, price))
    elif quantity > check.tolerance.unusual_quantity_ratio:  # no line was ever smaller than 1
        unusual = _unusual_quantity(check, line_no, line, item)
        if unusual is not None:
            found.append(unusual)
    first = priced.setdefault(item.id, (line_no, quantity, price))
    if first[0] != line_no and not is_doubted:
        repeated = _repeated(check, line_no, item, quantity, price, first)
        if repeated is not None:
            found.append(repeated)


def _unknown_sku(check: _Check, line_no: int, line: LineRequest) -> Discrepancy:
    if check.names is None:
        check.names = check.facts.known_codes()
    names = check.names
    near = nearest_codes(line.sku, names)
    message = f"line {line_no}: there is no SKU {_shown(line.sku)}"
    if not near:
        said, fix = check.without(line_no)
        return _blocking(DiscrepancyKind.UNKNOWN_SKU, line_no, message, f"{said}: no SKU has a code like it.", fix)
    others = f" Also near: {_listed(near[1:])}." if near[1:] else ""
    suggestion = f"Did you mean {near[0]} ({names[near[0]]})?{others}"
    return _blocking(DiscrepancyKind.UNKNOWN_SKU, line_no, message, suggestion, _set(line_no, sku=near[0]))


# Quantities


def _impossible_quantity(check: _Check, line_no: int, line: LineRequest, item: Item | None) -> Discrepancy:
    kind = DiscrepancyKind.IMPOSSIBLE_QUANTITY
    message = (
        f"line {line_no}: the quantity of {_name(line, item)} must be a whole number from 1 to {MOST_UNITS:,},"
        f" got {_shown(line.quantity)}"
    )
    meant = _meant_quantity(line.quantity)
    if meant is not None:
        return _blocking(kind, line_no, message, f"Order {_units(meant)}.", _set(line_no, quantity=meant))
    return _with_usual_quantity(check, kind, line_no, message, item, most=MOST_UNITS)


def _meant_quantity(quantity: object) -> int | None:
    """What a quantity that is none seems to say: without its sign, rounded, at least 1."""
    if isinstance(quantity, bool) or not isinstance(quantity, int | float | str | Decimal):
        return None
    try:
        number = abs(Decimal(str(quantity)))
    except (InvalidOperation, ValueError):
        return None
    if not number.is_finite() or not 0 < number <= MOST_UNITS:
        return None
    return max(1, int(number.to_integral_value(ROUND_HALF_UP)))


def _impossible_amount(check: _Check, line_no: int, line: LineRequest, item: Item, price: int) -> Discrepancy:
    most = MOST_MINOR * MICROS // (int(10 ** exponent(check.currency)) * price)
    message = (
        f"line {line_no}: the quantity of {_name(line, item)} must be at most {most:,} at"
        f" {_money(price, check.currency)} each, got {_shown(line.quantity)}"
    )
    return _with_usual_quantity(check, DiscrepancyKind.IMPOSSIBLE_QUANTITY, line_no, message, item, most=most)


def _with_usual_quantity(
    check: _Check, kind: DiscrepancyKind, line_no: int, message: str, item: Item | None, *, most: int
) -> Discrepancy:
    quantities = [line.quantity for line in check.recent(item)]
    usual = _median(quantities) if quantities else 0
    if 0 < usual <= most:
        suggestion = f"Order {_units(usual)}, the median of its last {_counted(quantities, 'line')}."
        return _blocking(kind, line_no, message, suggestion, _set(line_no, quantity=usual))
    said, fix = check.without(line_no)
    return _blocking(kind, line_no, message, f"{said}, or ask for the quantity.", fix)


def _unusual_quantity(check: _Check, line_no: int, line: LineRequest, item: Item) -> Discrepancy | None:
    quantities = [recent.quantity for recent in check.recent(item)]
    if len(quantities) < check.tolerance.least_recent_lines:
        return None
    ratio, largest = check.tolerance.unusual_quantity_ratio, max(quantities)
    if line.quantity <= ratio * largest:
        return None
    message = (
        f"line {line_no}: {_units(line.quantity)} of {_name(line, item)} is more than {ratio:g} times {largest:,},"
        f" the largest of its last {_counted(quantities, 'line')}"
    )
    for slip in _SLIPPED_DIGITS:
        meant, rest = divmod(line.quantity, slip)
        if not rest and meant <= 2 * largest:
            digits = "a digit" if slip == _SLIPPED_DIGITS[0] else "digits"
            suggestion = f"Order {_units(meant)}: {digits} too many may have slipped in."
            break
    else:
        meant = _median(quantities)
        suggestion = f"Order {_units(meant)}, the median of those lines."
    return Discrepancy(
        DiscrepancyKind.UNUSUAL_QUANTITY, message, suggestion, _set(line_no, quantity=meant), line_no=line_no
    )


# Prices and taxes


def _checked_price(
    check: _Check, line_no: int, line: LineRequest, item: Item | None, found: list[Discrepancy]
) -> int | None:
    """The line's price in millionths, None when it is unknown or impossible; adds what is wrong with it."""
    if line.unit_price is None:
        if item is None:
            return None
        price = unit_price(line, item, check.currency)
        if price is None:
            found.append(_price_missing(check, line_no, line, item))
        return price
    price = in_micros(line.unit_price)
    if price is None or not 0 <= price <= MOST_PRICE * MICROS:
        found.append(_impossible_price(check, line_no, line, item))
        return None
    if item is not None and not (price == item.list_price_micros and check.currency == item.list_price_currency):
        outside = _price_outside_tolerance(check, line_no, line, item, price)
        if outside is not None:
            found.append(outside)
    return price


def _usual_price(check: _Check, item: Item | None, *, least_lines: int = 1) -> tuple[int, str] | None:
    """A SKU's price in the order's currency and what it is: the list price, else the median of recent lines."""
    if item is not None and item.list_price_micros is not None and item.list_price_currency == check.currency:
        return item.list_price_micros, "its list price"
    most = MOST_PRICE * MICROS
    recent = [line for line in check.recent(item) if line.currency == check.currency]
    prices = [line.unit_price_micros for line in recent if 0 <= line.unit_price_micros <= most]
    if len(prices) < max(1, least_lines):
        return None
    return _median(prices), "its last price" if len(prices) == 1 else f"the median of its last {len(prices)} prices"


def _price_missing(check: _Check, line_no: int, line: LineRequest, item: Item) -> Discrepancy:
    kind, channel_currency = DiscrepancyKind.PRICE_MISSING, check.facts.channel_currency
    message = f"line {line_no}: {_name(line, item)} has no list price in {check.currency}, and no price was given"
    usual = _usual_price(check, item)
    if usual is not None:
        suggestion = f"Charge {_money(usual[0], check.currency)}, {usual[1]}."
        return _blocking(kind, line_no, message, suggestion, _set(line_no, unit_price=_decimal(usual[0])))
    if item.list_price_micros is not None and item.list_price_currency == channel_currency:
        price = _money(item.list_price_micros, channel_currency)
        suggestion = f"Use {channel_currency}, the channel's currency: the list price is {price}."
        return _blocking(kind, line_no, message, suggestion, {"set": {"currency": channel_currency}})
    said, fix = check.without(line_no)
    return _blocking(kind, line_no, message, f"{said}, or give a price.", fix)


def _impossible_price(check: _Check, line_no: int, line: LineRequest, item: Item | None) -> Discrepancy:
    kind = DiscrepancyKind.IMPOSSIBLE_PRICE
    message = (
        f"line {line_no}: the price of {_name(line, item)} must be a number from 0 to {MOST_PRICE:,} with at most six"
        f" decimals, got {_shown(line.unit_price)}"
    )
    meant, usual = _rounded(line.unit_price, most=MOST_PRICE), _usual_price(check, item)
    if meant is not None and (usual is None or _is_near(meant, usual[0], check.tolerance)):
        suggestion = f"Charge {_money(meant, check.currency)}."
        return _blocking(kind, line_no, message, suggestion, _set(line_no, unit_price=_decimal(meant)))
    if usual is not None:
        suggestion = f"Charge {_money(usual[0], check.currency)}, {usual[1]}."
        return _blocking(kind, line_no, message, suggestion, _set(line_no, unit_price=_decimal(usual[0])))
    said, fix = check.without(line_no)
    return _blocking(kind, line_no, message, f"{said}, or ask for the price.", fix)


def _price_outside_tolerance(
    check: _Check, line_no: int, line: LineRequest, item: Item, price: int
) -> Discrepancy | None:
    usual = _usual_price(check, item, least_lines=check.tolerance.least_recent_lines)
    if usual is None or _is_near(price, usual[0], check.tolerance):
        return None
    shown = _money(usual[0], check.currency)
    message = (
        f"line {line_no}: {_money(price, check.currency)} for {_name(line, item)} is not within"
        f" {check.tolerance.price * 100:g} % of {shown}, {usual[1]}"
    )
    slipped = any(
        _is_near(price * slip, usual[0], check.tolerance) or _is_near(price, usual[0] * slip, check.tolerance)
        for slip in _SLIPPED_DIGITS
    )
    suggestion = f"Charge {shown}{': the decimal point may have slipped' if slipped and price else ''}."
    return Discrepancy(
        DiscrepancyKind.PRICE_OUTSIDE_TOLERANCE,
        message,
        suggestion,
        _set(line_no, unit_price=_decimal(usual[0])),
        line_no=line_no,
    )


def _impossible_tax_rate(line_no: int, rate: Decimal) -> Discrepancy:
    message = (
        f"line {line_no}: the tax rate must be a share from 0 to 1 with at most six decimals, such as 0.2 for 20 %,"
        f" got {_shown(rate)}"
    )
    for number in (rate, rate / 100 if rate.is_finite() else rate):
        meant = _rounded(number, most=1)
        if meant is not None:
            suggestion = f"Take {Decimal(meant) / 10_000:f} %."
            fix = _set(line_no, tax_rate=_decimal(meant))
            return _blocking(DiscrepancyKind.IMPOSSIBLE_TAX_RATE, line_no, message, suggestion, fix)
    return _blocking(
        DiscrepancyKind.IMPOSSIBLE_TAX_RATE, line_no, message, "Take no tax.", _set(line_no, tax_rate=None)
    )


def _repeated(
    check: _Check, line_no: int, item: Item, quantity: int, price: int, first: tuple[int, int, int]
) -> Discrepancy | None:
    """A SKU again: most likely the same line twice, or one of two prices is wrong. More of it is no mistake."""
    first_no, first_quantity, first_price = first
    kind, code = DiscrepancyKind.REPEATED_LINE, item.display_code
    if price != first_price:
        expected, came = _money(first_price, check.currency), _money(price, check.currency)
        return Discrepancy(
            kind,
            f"line {line_no}: {code} costs {came}, and {expected} on line {first_no}",
            f"Charge {expected} here too.",
            _set(line_no, unit_price=_decimal(first_price)),
            line_no=line_no,
        )
    if quantity != first_quantity:
        return None
    message = f"line {line_no}: {_units(quantity)} of {code} at the same price stand on line {first_no} already"
    return Discrepancy(
        kind, message, "Drop the line: it was entered twice.", {"line": line_no, "drop": True}, line_no=line_no
    )


# The order as a whole


def _duplicate(check: _Check) -> Discrepancy:
    like = check.facts.duplicates
    message = (
        f"the customer ordered the same SKUs and quantities within {check.tolerance.duplicate_window_hours:g} hours,"
        f" as {_listed(like)}"
    )
    return Discrepancy(
        DiscrepancyKind.DUPLICATE_ORDER, message, f"Cancel: duplicate of order {like[0]}.", {"cancel": True}
    )


def _check_address(check: _Check, given: Address, found: list[Discrepancy]) -> None:
    if given.country and not is_code(given.country, letters=2):
        found.append(_wrong_country(check, given, given.country))
    elif given.missing:
        found.append(_incomplete_address(check, given))


def _wrong_country(check: _Check, given: Address, country: str) -> Discrepancy:
    """It blocks: neither the address can be stored nor a way be found to it."""
    message = f"the address's country must be a code of two capitals such as DE, got {_shown(country)}"
    meant = country.strip().upper()
    last = _last_address(check)
    if is_code(meant, letters=2):
        suggestion = f"Write {meant}."
    elif last is not None and _agrees(replace(given, country=None), last):
        meant = last.country or ""
        suggestion = f"Write {meant}, as in the customer's last address."
    else:
        meant = ""
        suggestion = "Leave the country open, and ask the customer for it."
    fix = {"set": {"ship_to": asdict(replace(given, country=meant or None))}}
    return Discrepancy(DiscrepancyKind.INCOMPLETE_ADDRESS, message, suggestion, fix, is_blocking=True)


def _incomplete_address(check: _Check, given: Address) -> Discrepancy:
    lacks = _listed([_ADDRESS_PARTS[part] for part in given.missing])
    message = f"the address must have a name, street, city and country, and has no {lacks}"
    last = _last_address(check)
    if last is None:
        return Discrepancy(DiscrepancyKind.INCOMPLETE_ADDRESS, message, f"Ask the customer for the {lacks}.", {})
    completed, how = last, "Use"
    if _agrees(given, last):
        completed = Address(*(getattr(given, part.name) or getattr(last, part.name) for part in fields(Address)))
        how = "Complete it from"
    suggestion = f"{how} the customer's last address: {_one_line(completed)}."
    return Discrepancy(DiscrepancyKind.INCOMPLETE_ADDRESS, message, suggestion, {"set": {"ship_to": asdict(completed)}})


def _last_address(check: _Check) -> Address | None:
    last = check.facts.last_address()
    is_complete = last is not None and not last.missing and is_code(last.country or "", letters=2)
    return last if is_complete else None


def _agrees(given: Address, last: Address) -> bool:
    """Whether both say the same place, as far as both say anything; the name is that of whoever receives it."""
    pairs = [(getattr(given, part), getattr(last, part)) for part in _PLACE_PARTS]
    return all(mine.strip().casefold() == theirs.strip().casefold() for mine, theirs in pairs if mine and theirs)


def _one_line(address: Address) -> str:
    town = " ".join(part for part in (address.postcode, address.city) if part)
    parts = (address.name, address.line1, address.line2, town, address.region, address.country)
    return ", ".join(part for part in parts if part)


def _check_currency(check: _Check, given: str, found: list[Discrepancy]) -> None:
    ours, code = check.facts.channel_currency, given.strip().upper()
    if code == ours:
        return
    fix = {"set": {"currency": ours}}
    kind = DiscrepancyKind.CURRENCY_MISMATCH
    if not is_code(code, letters=3):
        message = f"the currency must be a code such as {ours}, the channel's, got {_shown(given)}"
        found.append(Discrepancy(kind, message, f"Use {ours}.", fix, is_blocking=True))
        return
    message = f"the order is in {code}, and its channel sells in {ours}"
    told = [
        (in_micros(line.unit_price), item.list_price_micros)
        for line in check.request.lines
        if line.unit_price is not None
        and (item := check.facts.items.get(sku_code(line.sku))) is not None
        and item.list_price_currency == ours
    ]
    is_mislabelled = bool(told) and all(
        price is not None and listed is not None and _is_near(price, listed, check.tolerance) for price, listed in told
    )
    suggestion = (
        f"Use {ours}: the prices are those of its list."
        if is_mislabelled
        else (f"Approve the order to keep {code}, or use {ours}.")
    )
    found.append(Discrepancy(kind, message, suggestion, fix))


# Numbers and words


def _blocking(
    kind: DiscrepancyKind, line_no: int, message: str, suggestion: str, fix: Mapping[str, Any]
) -> Discrepancy:
    return Discrepancy(kind, message, suggestion, fix, line_no=line_no, is_blocking=True)


def _set(line_no: int, **values: Any) -> dict[str, Any]:
    return {"line": line_no, "set": values}


def _median(numbers: Sequence[int]) -> int:
    """The lower median: a number that did occur."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def _is_near(price: int, usual: int, tolerance: Tolerance) -> bool:
    return abs(price - usual) * MICROS <= round(tolerance.price * MICROS) * usual


def _is_rate(rate: Decimal) -> bool:
    micros = in_micros(rate)
    return micros is not None and 0 <= micros <= MICROS


def _rounded(number: Decimal | None, *, most: int) -> int | None:
    """A number without its sign in millionths, rounded; None when it is not finite or over `most`."""
    if number is None or not number.is_finite() or abs(number) > most:
        return None
    return int((abs(number) * MICROS).to_integral_value(ROUND_HALF_UP))


def _name(line: LineRequest, item: Item | None) -> str:
    return _shown(line.sku) if item is None else item.display_code


def _shown(value: object) -> str:
    """A value as it came, cut where it is beyond reading."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    text = f"{value:,}" if type(value) is int else str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _decimal(micros: int) -> str:
    """Millionths as a decimal number: 12500000 → "12.5"."""
    whole, rest = divmod(micros, MICROS)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _money(micros: int, currency: str) -> str:
    """A unit price for people, with all its decimals and at least those of the currency: "EUR 1,250.50"."""
    whole, rest = divmod(micros, MICROS)
    decimals = f"{rest:06d}".rstrip("0").ljust(exponent(currency), "0")
    return f"{currency} {whole:,}{'.' if decimals else ''}{decimals}"


def _units(quantity: int) -> str:
    return f"{quantity:,} unit{'' if quantity == 1 else 's'}"


def _counted(things: Sequence[object], name: str) -> str:
    return name if len(things) == 1 else f"{len(things)} {name}s"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
