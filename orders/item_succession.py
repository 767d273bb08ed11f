"""Successions: a new SKU takes over the demand of an old one, or a share of it, from a day on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from data import demand_input_rows
from data.connection import Database
from orders.booking import stock_items
from orders.commands import Command, carry_out
from orders.demand_inputs import day, number_within, said
from orders.errors import InvalidRequest, NotPossible
from orders.model import Actor, Permission
from orders.requests import plain, words

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Succession:
    """An old SKU and its successor.

    Attributes:
        old: The SKU that goes.
        new: The SKU that comes.
        starts: The first day on which demand goes to the new one.
        share: Of the old one's demand, above 0 and at most 1.
        reason: Why.
        run_down_note: What becomes of the old one's stock, for people.
    """

    old: str
    new: str
    starts: date
    share: float = 1.0
    reason: str = "succession"
    run_down_note: str | None = None


@dataclass(frozen=True, slots=True)
class SuccessionSet:
    """A succession that was recorded, and the shares of the old SKU's demand that no successor takes."""

    number: int
    old: str
    new: str
    share_left: float


def succeed_item(database: Database, request: Succession, *, key: str, actor: Actor, at: datetime) -> SuccessionSet:
    """Record that a SKU takes over from another.

    An old SKU may have several successors and a new one several predecessors.

    Raises:
        UnknownThing: there is no such SKU.
        InvalidRequest: both are the same, one is a bundle, the share is not above 0 and at most 1, or successions
            would go in a circle, which is named.
        NotPossible: the new one succeeds the old one already, or more than all of the old one's demand would go.
    """
    actor.require(Permission.FORECAST)
    starts, share = day("from", request.starts), number_within("share", request.share, 0, 1, above=True)
    reason = words("reason", request.reason)
    note = None if request.run_down_note is None else words("note", request.run_down_note)

    def act(command: Command) -> dict[str, Any]:
        demand_input_rows.hold_successions(command.connection)
        old, new = stock_items(command, [request.old, request.new])
        if old.id == new.id:
            raise InvalidRequest("new", f"another SKU than {old.display_code}", request.new)
        known = demand_input_rows.successions(command.connection, is_open=True)
        taken = [one for one in known if one.old_sku_id == old.id]
        for one in taken:
            if one.new_sku_id == new.id:
                raise NotPossible(
                    f"SKU {old.display_code}", "succeed", f"succeeded by {one.new} by succession {one.id}"
                )
        left = 1.0 - sum(one.share for one in taken) - share
        if left < -_ROUNDING:
            by = ", ".join(f"{one.share:.0%} by {one.new}" for one in taken)
            raise NotPossible(f"SKU {old.display_code}", f"give {share:.0%} of", f"taken over already, {by}")
        _require_no_circle(known, old.id, new.id, old.display_code, new.display_code)
        row = {
            "old_sku_id": old.id, "new_sku_id": new.id, "from_date": starts, "share": share, "run_down_note": note,
            **said(command, reason),
        }  # fmt: skip
        (number,) = demand_input_rows.add(command.connection, "succession", [row])
        command.announce("demand.succession_set", "item_succession", number, asked)
        return {"number": number, "old": old.display_code, "new": new.display_code, "share_left": max(left, 0.0)}

    asked = {**plain(request), "share": share, "reason": reason, "run_down_note": note}
    return SuccessionSet(**carry_out(database, act, action="succeed item", request=asked, key=key, actor=actor, at=at))


def _require_no_circle(known: Sequence[Row[Any]], old_id: int, new_id: int, old: str, new: str) -> None:
    """Refuse a successor whose own successors lead back to the old SKU."""
    successors: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for one in known:
        successors[one.old_sku_id].append((one.new_sku_id, one.new))
    paths, seen = [(new_id, [old, new])], {new_id}
    while paths:
        at, path = paths.pop()
        if at == old_id:
            raise InvalidRequest("new", "a SKU that the old one does not succeed", " → ".join(path))
        for after, name in successors[at]:
            if after not in seen:
                seen.add(after)
                paths.append((after, [*path, name]))
