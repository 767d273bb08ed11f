"""The words of the order-management core: who acts, what they may do, what a line of an order file is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from orders.errors import NotAllowed


class Permission(StrEnum):
    """What an actor may be allowed to do."""

    IMPORT = "import data"
    SET_TERMS = "set planning terms"
    PLAN = "plan"
    APPROVE = "approve recommendations"
    MANAGE_MASTER_DATA = "manage master data"


@dataclass(frozen=True)
class Actor:
    """Who does something: a person's or a system's name, as the audit trail shows it."""

    name: str

    def may(self, permission: Permission) -> bool:
        """Whether this actor holds the permission; everything is allowed until roles exist."""
        return bool(permission)

    def require(self, permission: Permission) -> None:
        """Refuse an actor without the permission.

        Raises:
            NotAllowed: naming both.
        """
        if not self.may(permission):
            raise NotAllowed(self.name, permission.value)


class LineKind(IntEnum):
    """What a line of an order file is."""

    SALE = 0
    CREDIT = 1
    CHARGE = 2
    WRITE_OFF = 3
    FOUND = 4


class LocationKind(StrEnum):
    """Places of ours where goods can be."""

    WAREHOUSE = "warehouse"
    STORE = "store"


class OrderStatus(StrEnum):
    """Where an order stands; derived from its lines."""

    PLACED = "placed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Disposition(StrEnum):
    """What becomes of returned goods."""

    RESTOCK = "restock"
    SCRAP = "scrap"
