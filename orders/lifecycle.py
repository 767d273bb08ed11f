"""Which state may follow which, as data. The code asks these tables, and the documentation draws them.

An order's state is derived from its lines (`order_status`); the table says by which event it may change. A move
that the table does not hold is a fault of the program, not of the user, and is refused before anything is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from orders.errors import NotPossible
from orders.model import OrderStatus

_DRAFT, _PLACED, _HOLD = OrderStatus.DRAFT, OrderStatus.PLACED, OrderStatus.ON_HOLD
_ALLOCATED, _PARTLY = OrderStatus.ALLOCATED, OrderStatus.PARTIALLY_ALLOCATED
_BACKORDERED, _SHIPPING = OrderStatus.BACKORDERED, OrderStatus.PARTIALLY_SHIPPED
_SHIPPED, _CLOSED, _CANCELLED = OrderStatus.SHIPPED, OrderStatus.CLOSED, OrderStatus.CANCELLED
_SERVED = (_ALLOCATED, _PARTLY, _BACKORDERED)
_WAITING = (_PLACED, *_SERVED)
_OPEN = (*_WAITING, _SHIPPING)


@dataclass(frozen=True)
class Move:
    """From one state to another by an event, and what must hold for it."""

    source: str
    event: str
    target: str
    guard: str


@dataclass(frozen=True)
class Machine:
    """The life of one kind of thing.

    Attributes:
        name: What it is, as `transition.machine` names it.
        initial: The state in which it begins.
        moves: Everything that may happen to it.
    """

    name: str
    initial: str
    moves: tuple[Move, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """All states, the initial one first, in the order in which the moves name them."""
        named = [self.initial, *(state for move in self.moves for state in (move.source, move.target))]
        return tuple(dict.fromkeys(named))

    @property
    def terminal(self) -> frozenset[str]:
        """States that nothing leaves."""
        return frozenset(self.states) - {move.source for move in self.moves}

    def allows(self, source: str, event: str, target: str) -> bool:
        return (source, event, target) in _KEYS[self.name]

    def require(self, source: str, event: str, target: str, *, what: str) -> None:
        """Refuse a move that the table does not hold.

        Raises:
            NotPossible: naming the thing, the state it is in and the events that are possible there.
        """
        if not self.allows(source, event, target):
            events = sorted({move.event for move in self.moves if move.source == source})
            raise NotPossible(what, event, source, events)


def _moves(sources: Iterable[str], event: str, targets: Iterable[str], guard: str) -> tuple[Move, ...]:
    return tuple(
        Move(str(source), event, str(target), guard) for source in sources for target in targets if source != target
    )


ORDER = Machine(
    "order",
    _DRAFT,
    (
        *_moves([_DRAFT], "place", [_PLACED], "nothing blocking is wrong with it"),
        *_moves([_DRAFT], "discard", [_CANCELLED], "a reason is given"),
        *_moves([_PLACED], "allocate", [_ALLOCATED, _PARTLY, _BACKORDERED], "stock is reserved, or short"),
        *_moves([_PARTLY, _BACKORDERED], "allocate", [_ALLOCATED, _PARTLY], "stock is reserved"),
        *_moves([_ALLOCATED, _PARTLY], "deallocate", [_PARTLY, _BACKORDERED], "reserved stock was taken back"),
        *_moves(_WAITING, "change", _SERVED, "a proposed change was confirmed"),
        *_moves(_OPEN, "hold", [_HOLD], "a reason is given"),
        *_moves([_HOLD], "release", _OPEN, "the last hold is released"),
        *_moves(_WAITING, "ship", [_SHIPPING, _SHIPPED], "what is shipped was reserved"),
        *_moves([_SHIPPING], "ship", [_SHIPPED], "nothing more is open"),
        *_moves(_SERVED, "cancel part", _SERVED, "the units are not shipped"),
        *_moves([*_WAITING, _HOLD], "cancel", [_CANCELLED], "nothing is shipped"),
        *_moves([_SHIPPING, _HOLD], "cancel rest", [_SHIPPED], "something is shipped"),
        *_moves([_SHIPPED], "close", [_CLOSED], "nothing more is expected"),
    ),
)

RESERVATION = Machine(
    "reservation",
    "active",
    (
        *_moves(["active"], "consume", ["consumed"], "the goods leave"),
        *_moves(["active"], "release", ["released"], "they are no longer wanted"),
        *_moves(["active"], "expire", ["expired"], "its time has passed"),
    ),
)

HOLD = Machine("hold", "held", _moves(["held"], "release", ["released"], "a reason is given"))

CHANGE = Machine(
    "change",
    "proposed",
    (
        *_moves(["proposed"], "confirm", ["confirmed"], "the order is as it was when it was priced"),
        *_moves(["proposed"], "reject", ["rejected"], "a reason is given"),
    ),
)

DISCREPANCY = Machine(
    "discrepancy",
    "open",
    (
        *_moves(["open"], "fix", ["fixed"], "the suggestion, or another correction, is carried out"),
        *_moves(["open"], "accept", ["accepted"], "it is not blocking, and a reason is given"),
        *_moves(["open"], "drop", ["dropped"], "the order is cancelled or no longer has it"),
    ),
)

PURCHASE = Machine(
    "purchase order",
    "draft",
    (
        *_moves(["draft"], "send", ["ordered"], "it has open lines"),
        *_moves(["draft", "ordered"], "cancel", ["cancelled"], "nothing was received"),
        *_moves(["ordered"], "cancel rest", ["received"], "something was received"),
        *_moves(["ordered"], "receive", ["received"], "nothing more is open"),
        *_moves(["received"], "correct", ["ordered"], "a receipt was reversed, and units are open again"),
    ),
)

PAYMENT = Machine(
    "payment",
    "none",
    (
        *_moves(["none"], "authorise", ["authorised"], "an amount is authorised"),
        *_moves(
            ["authorised", "partially_captured"],
            "capture",
            ["partially_captured", "captured"],
            "no more than was authorised",
        ),
        *_moves(["captured"], "authorise", ["partially_captured"], "a further payment is authorised"),
        *_moves(
            ["partially_captured", "captured", "partially_refunded"],
            "refund",
            ["partially_refunded", "refunded"],
            "no more than was captured",
        ),
        *_moves(["refunded"], "capture", ["partially_refunded"], "no more than was authorised"),
    ),
)

MACHINES: Mapping[str, Machine] = MappingProxyType(
    {machine.name: machine for machine in (ORDER, RESERVATION, HOLD, CHANGE, DISCREPANCY, PURCHASE, PAYMENT)}
)
_KEYS = {
    name: frozenset((move.source, move.event, move.target) for move in machine.moves)
    for name, machine in MACHINES.items()
}


def faults(machine: Machine) -> list[str]:
    """What is wrong with a table: states that cannot be reached, and moves that are there twice."""
    reached, border = {machine.initial}, [machine.initial]
    while border:
        state = border.pop()
        for move in machine.moves:
            if move.source == state and move.target not in reached:
                reached.add(move.target)
                border.append(move.target)
    unreachable = [f"{machine.name}: {state} cannot be reached" for state in machine.states if state not in reached]
    keys = [(move.source, move.event, move.target) for move in machine.moves]
    twice = [f"{machine.name}: {key} is there twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    return unreachable + twice


def require_sound_machines() -> None:
    """Refuse to start with tables that contradict themselves."""
    wrong = [fault for machine in MACHINES.values() for fault in faults(machine)]
    if wrong:
        raise RuntimeError("; ".join(wrong))


class LineProgress(Protocol):
    """What the state of an order is derived from."""

    @property
    def quantity(self) -> int: ...
    @property
    def quantity_cancelled(self) -> int: ...
    @property
    def quantity_shipped(self) -> int: ...
    @property
    def quantity_allocated(self) -> int: ...
    @property
    def quantity_backordered(self) -> int: ...


def order_status(lines: Sequence[LineProgress], *, is_held: bool) -> OrderStatus:
    """The state of a placed order, from its lines: how far the units that are not cancelled have come."""
    shipped = sum(line.quantity_shipped for line in lines)
    still_open = sum(line.quantity - line.quantity_cancelled - line.quantity_shipped for line in lines)
    if still_open == 0:
        return _SHIPPED if shipped else _CANCELLED
    if is_held:
        return _HOLD
    if shipped:
        return _SHIPPING
    allocated = sum(line.quantity_allocated for line in lines)
    if allocated == still_open:
        return _ALLOCATED
    if allocated:
        return _PARTLY
    return _BACKORDERED if any(line.quantity_backordered for line in lines) else _PLACED


def diagram(machine: Machine) -> str:
    """The machine as a Mermaid state diagram."""
    joined: dict[tuple[str, str], list[str]] = {}
    for move in machine.moves:
        joined.setdefault((move.source, move.target), []).append(move.event)
    lines = ["stateDiagram-v2", f"    [*] --> {machine.initial}"]
    lines += [f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in joined.items()]
    lines += [f"    {state} --> [*]" for state in machine.states if state in machine.terminal]
    return "\n".join(lines)


def document() -> str:
    """The state machines for people: a picture and a table of guards each."""
    parts = [_HEADING]
    for machine in MACHINES.values():
        parts.append(f"## {machine.name.capitalize()}\n\n```mermaid\n{diagram(machine)}\n```\n")
        rows = dict.fromkeys((move.event, move.guard) for move in machine.moves)
        parts.append(
            "| event | happens when |\n|---|---|\n" + "".join(f"| {event} | {guard} |\n" for event, guard in rows)
        )
    return "\n".join(parts)


_HEADING = """# States

What may happen to an order, and to the things around it. The pictures are drawn from the tables that the code obeys
(`orders/lifecycle.py`); every move of a state is logged with who, when and by which command, and `stockwright check`
finds a log that does not fit. An order's state is derived from its lines: how many of its units are reserved, waiting
or shipped, and whether it is on hold.
"""
