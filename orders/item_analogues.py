"""Analogues: a new SKU is like others, which the planner names and weighs, until its own history says more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data import demand_input_rows
from data.connection import Database
from orders.booking import stock_items
from orders.commands import Command, carry_out
from orders.demand_inputs import number_within, said
from orders.errors import InvalidRequest
from orders.model import Actor, Permission
from orders.requests import plain, words


@dataclass(frozen=True, slots=True)
class Analogue:
    """A SKU that another is like, and how much that counts beside the others."""

    sku: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Analogues:
    """All the SKUs that a new one is like; none takes back what was said before."""

    sku: str
    analogues: tuple[Analogue, ...]
    reason: str = "chosen by the planner"


@dataclass(frozen=True, slots=True)
class AnaloguesSet:
    """Share of each SKU in what a new one is taken to be like."""

    sku: str
    shares: dict[str, float]


def liken_item(database: Database, request: Analogues, *, key: str, actor: Actor, at: datetime) -> AnaloguesSet:
    """Say which SKUs a new one is like, in place of what was said before.

    Raises:
        UnknownThing: there is no such SKU.
        InvalidRequest: one is a bundle, the SKU itself or there twice, or a weight is not above 0.
    """
    actor.require(Permission.FORECAST)
    reason = words("reason", request.reason)
    weights = [number_within(f"weight of {one.sku}", one.weight, 0, 1e6, above=True) for one in request.analogues]

    def act(command: Command) -> dict[str, Any]:
        new, *like = stock_items(command, [request.sku, *(one.sku for one in request.analogues)])
        for index, one in enumerate(like):
            if one.id == new.id or one in like[:index]:
                raise InvalidRequest("analogues", "other SKUs, each once", one.display_code)
        demand_input_rows.hold_analogues(command.connection, new.id)
        for known in demand_input_rows.analogues(command.connection, sku_id=new.id, is_open=True):
            demand_input_rows.withdraw(
                command.connection, "analogue", known.id, at=command.at, by=command.actor.name, reason="replaced"
            )
        rows = [
            {"sku_id": new.id, "analogue_sku_id": one.id, "weight": weight, **said(command, reason)}
            for one, weight in zip(like, weights, strict=True)
        ]
        demand_input_rows.add(command.connection, "analogue", rows)
        command.announce("demand.analogues_set", "sku", new.id, asked)
        total = sum(weights)
        shares = {one.display_code: weight / total for one, weight in zip(like, weights, strict=True)}
        return {"sku": new.display_code, "shares": shares}

    asked = {**plain(request), "reason": reason}
    asked["analogues"] = [
        {"sku": one.sku, "weight": weight} for one, weight in zip(request.analogues, weights, strict=True)
    ]
    return AnaloguesSet(**carry_out(database, act, action="liken item", request=asked, key=key, actor=actor, at=at))
