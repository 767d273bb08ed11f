"""Open discrepancies of an order: found once, ended once, and the hold that each put the order on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from data import discrepancy_rows
from data.discrepancy_rows import OpenDiscrepancy
from data.sales_rows import OrderHead
from orders.commands import Command
from orders.lifecycle import DISCREPANCY
from orders.model import HoldKind
from orders.verification import Discrepancy, hold_for

_ENDS = {move.event: move.target for move in DISCREPANCY.moves}
"""Event → the state in which it ends a discrepancy."""


def open_doubts(command: Command, order_id: int) -> list[OpenDiscrepancy]:
    """What nobody decided on yet, in the order in which it was found."""
    return discrepancy_rows.open_of(command.sql, order_id)


def write_doubts(command: Command, order_id: int, found: Sequence[Discrepancy]) -> None:
    """Keep what is newly found of an order; what is open already stays as it is."""
    if not found:
        return
    known = {_told(doubt.line_no, doubt.kind, doubt.message) for doubt in open_doubts(command, order_id)}
    rows = [
        (doubt.line_no, doubt.kind.value, doubt.is_blocking, doubt.message, doubt.suggestion, doubt.fix)
        for doubt in found
        if _told(doubt.line_no, doubt.kind, doubt.message) not in known
    ]
    discrepancy_rows.insert(command.sql, order_id, rows, at=command.moment)


def end_doubts(command: Command, head: OrderHead, doubts: Iterable[OpenDiscrepancy], event: str, reason: str) -> None:
    """Fix, accept or drop discrepancies; one that was ended meanwhile stays as it was."""
    for doubt in doubts:
        ended = discrepancy_rows.decide(
            command.sql, doubt.id, _ENDS[event], at=command.moment, by=command.actor.name, reason=reason
        )
        if ended:
            command.move("discrepancy", doubt.id, "open", event, _ENDS[event], what=f"a discrepancy of {head}")


def settle_doubts(command: Command, head: OrderHead, found: Sequence[Discrepancy]) -> None:
    """End as fixed what the order no longer has."""
    still = {_told(doubt.line_no, doubt.kind, doubt.message) for doubt in found}
    gone = [
        doubt for doubt in open_doubts(command, head.id) if _told(doubt.line_no, doubt.kind, doubt.message) not in still
    ]
    end_doubts(command, head, gone, "fix", "no longer so")


def hold_of(doubt: OpenDiscrepancy) -> HoldKind | None:
    """The hold that it put the order on; None when it kept it a draft."""
    return hold_for(doubt.kind, is_blocking=doubt.is_blocking)


def _told(line_no: int | None, kind: str, message: str) -> tuple[int | None, str, str]:
    return line_no, str(kind), message
