"""Refusals of the order-management core; each carries what a program needs to act on it."""

from __future__ import annotations

from collections.abc import Sequence

from data.errors import StockwrightError


class UnknownThing(StockwrightError):
    """Something was named that the database does not hold."""

    def __init__(self, kind: str, name: str, *, hint: str = "") -> None:
        self.kind, self.name = kind, name
        super().__init__(f"there is no {kind} {name!r}{f': {hint}' if hint else ''}")


class InvalidTerm(StockwrightError):
    """A planning term is unknown, or its value is not one that it can have."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        self.name, self.value, self.wanted = name, value, wanted
        super().__init__(f"{name} must be {wanted}, got {value!r}")


class NotAllowed(StockwrightError):
    """The actor lacks the permission that the action needs."""

    def __init__(self, actor: str, permission: str) -> None:
        self.actor, self.permission = actor, permission
        super().__init__(f"{actor} may not {permission}")


class KeyReused(StockwrightError):
    """An idempotency key came again with another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"key {key!r} was used for another request: use a new key")


class DecisionRefused(StockwrightError):
    """A recommendation cannot be approved or withdrawn as asked."""

    def __init__(self, recommendation_id: int, why: str) -> None:
        self.recommendation_id, self.why = recommendation_id, why
        super().__init__(f"recommendation {recommendation_id} {why}")


class InvalidRequest(StockwrightError):
    """A request names something impossible; nothing was done."""

    def __init__(self, field: str, wanted: str, got: object) -> None:
        self.field, self.wanted, self.got = field, wanted, got
        super().__init__(f"{field} must be {wanted}, got {got!r}")


class NotPossible(StockwrightError):
    """The thing is in a state in which this cannot happen to it."""

    def __init__(self, what: str, event: str, state: str, possible: Sequence[str] = ()) -> None:
        self.what, self.event, self.state, self.possible = what, event, state, tuple(possible)
        instead = f"; possible are: {', '.join(possible)}" if possible else ""
        super().__init__(f"cannot {event} {what}: it is {state.replace('_', ' ')}{instead}")


class InsufficientStock(StockwrightError):
    """More was asked of a SKU than can be had."""

    def __init__(self, sku: str, requested: int, available: int, *, location: str | None = None) -> None:
        self.sku, self.requested, self.available, self.location = sku, requested, available, location
        where = f" at {location}" if location else ""
        super().__init__(f"cannot take {requested} of SKU {sku}{where}: {available} available")


class NotAllocated(StockwrightError):
    """Units are to be shipped that are not reserved for the order."""

    def __init__(self, order: str, sku: str, requested: int, allocated: int, location: str | None = None) -> None:
        self.order, self.sku, self.requested = order, sku, requested
        self.allocated, self.location = allocated, location
        where = f" from location {location}" if location else ""
        super().__init__(f"cannot ship {requested} of SKU {sku}{where}: {allocated} allocated (order {order})")


class OrderRefused(StockwrightError):
    """An order cannot be placed as it is; every discrepancy is named."""

    def __init__(self, order: str, discrepancies: Sequence[str]) -> None:
        self.order, self.discrepancies = order, tuple(discrepancies)
        super().__init__(f"order {order} cannot be placed: {'; '.join(discrepancies)}")


class OrderExists(StockwrightError):
    """The channel has an order of this reference already."""

    def __init__(self, channel: str, external_ref: str, order_id: int) -> None:
        self.channel, self.external_ref, self.order_id = channel, external_ref, order_id
        super().__init__(f"channel {channel} has order {external_ref} already (it is order #{order_id})")


class OrderChanged(StockwrightError):
    """The order is no longer as it was when this was prepared."""

    def __init__(self, order: str, expected: int, found: int) -> None:
        self.order, self.expected, self.found = order, expected, found
        super().__init__(f"order {order} was changed meanwhile (version {found}, expected {expected}): look again")


class AmountRefused(StockwrightError):
    """More money is to be captured or refunded than there is."""

    def __init__(self, action: str, requested: str, available: str) -> None:
        self.action, self.requested, self.available = action, requested, available
        super().__init__(f"cannot {action} {requested}: {available} available")


class MixedCurrencies(StockwrightError):
    """Amounts in several currencies were to be added."""

    def __init__(self, what: str, currencies: Sequence[str]) -> None:
        self.what, self.currencies = what, tuple(currencies)
        super().__init__(f"{what} needs costs in one currency, got {', '.join(currencies)}")


class BeingChanged(StockwrightError):
    """Another command holds what this one needs; nothing was done."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} cannot be had: try again in a moment")


class AlreadyReversed(StockwrightError):
    """A movement is reversed once."""

    def __init__(self, move_id: int, reversal_id: int) -> None:
        self.move_id, self.reversal_id = move_id, reversal_id
        super().__init__(f"movement {move_id} is reversed already, by movement {reversal_id}")


class CannotReverse(StockwrightError):
    """A movement is undone in another way than by reversing it."""

    def __init__(self, move_id: int, kind: str, instead: str) -> None:
        self.move_id, self.kind, self.instead = move_id, kind, instead
        super().__init__(f"movement {move_id} is a {kind} and cannot be reversed: {instead}")


class OverReceived(StockwrightError):
    """More came of a purchase order than is open."""

    def __init__(self, order: str, sku: str, received: int, still_open: int) -> None:
        self.order, self.sku, self.received, self.still_open = order, sku, received, still_open
        super().__init__(
            f"cannot receive {received} of SKU {sku}: {still_open} open (purchase order {order});"
            " allow more than was ordered if they are to be kept"
        )
