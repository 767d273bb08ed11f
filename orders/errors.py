"""Refusals of the order-management core; each carries what a program needs to act on it."""

from __future__ import annotations

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
