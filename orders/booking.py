"""How goods get into the ledger: movements with their balances, for SKUs, places and lots named by their codes.

Bodies of an open command. A command locks its document first, then its SKUs (`balance_rows.lock_skus`), then books.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from data import balance_rows, lot_rows, master_rows, stocking_rows
from data.balance_rows import BalanceKey, Move
from data.lot_rows import HeldLot, Lot
from data.master_rows import Place, StockItem
from orders.allocation import pick_lots
from orders.commands import Command
from orders.errors import InsufficientStock, InvalidRequest, UnknownThing
from orders.requests import words
from orders.terms import terms_in_force


@dataclass(frozen=True, slots=True)
class BookedMove:
    """A movement that a command wrote; `lot` is None for goods that are not tracked by lot."""

    id: int
    sku: str
    lot: str | None
    quantity: int
    source: str
    destination: str


def our_place(command: Command, field: str, code: str) -> Place:
    """The place of ours of that code.

    Raises:
        UnknownThing: there is none.
        InvalidRequest: it is outside our walls.
    """
    place = master_rows.find_place(command.connection, words(field, code).upper())
    if place is None:
        raise UnknownThing("location", code)
    if place.is_external:
        raise InvalidRequest(field, "a place of ours", code)
    return place


def stock_items(command: Command, codes: Iterable[str], *, lock: bool = False) -> list[StockItem]:
    """SKUs that stock can be kept of, in the order of their codes as given; `lock` for who changes them.

    Raises:
        UnknownThing: there is no such SKU.
        InvalidRequest: it is a bundle, of whose components stock is kept.
    """
    wanted = [words("sku", code).upper() for code in codes]
    found = master_rows.stock_items(command.connection, wanted, lock=lock)
    for code in wanted:
        if code not in found:
            raise UnknownThing("SKU", code)
        if found[code].is_bundle:
            raise InvalidRequest("sku", "no bundle, as stock is kept of its components", found[code].display_code)
    return [found[code] for code in wanted]


# Lots


@dataclass(frozen=True, slots=True)
class NamedLot:
    """A lot as a request names it; `expires_on` is for a new one."""

    item: StockItem
    code: str | None
    expires_on: date | None = None


def existing_lot(command: Command, named: NamedLot) -> int:
    """The lot's id, 0 for a SKU that is not tracked by lot.

    Raises:
        InvalidRequest: a lot is named of a SKU that has none, or none of one that has.
        UnknownThing: the SKU has no such lot.
    """
    (code,) = _codes([named])
    if code is None:
        return 0
    lot = lot_rows.lots(command.sql, [named.item.id], [code]).get((named.item.id, code))
    if lot is None:
        raise UnknownThing("lot", code, hint=f"SKU {named.item.display_code} has no lot of this code")
    return lot.id


def lots_for(command: Command, named: Sequence[NamedLot]) -> list[int]:
    """The lots' ids in the same order, 0 for SKUs that are not tracked by lot; new lots are made.

    Raises:
        InvalidRequest: a lot is named of a SKU that has none, or none of one that has, or it expires on another
            day than is said.
    """
    codes = _codes(named)
    wanted = {(one.item.id, code): one.expires_on for one, code in zip(named, codes, strict=True) if code is not None}
    found = _find_lots(command, wanted)
    lot_rows.add_lots(command.sql, {key: day for key, day in wanted.items() if key not in found})
    found |= _find_lots(command, wanted)
    ids = []
    for one, code in zip(named, codes, strict=True):
        if code is None:
            ids.append(0)
            continue
        lot = found[one.item.id, code]
        if one.expires_on is not None and one.expires_on != lot.expires_on:
            known = "never" if lot.expires_on is None else f"on {lot.expires_on}"
            raise InvalidRequest(
                "expires_on", f"left out or that of lot {code}, which expires {known}", str(one.expires_on)
            )
        ids.append(lot.id)
    return ids


def _find_lots(command: Command, wanted: Mapping[tuple[int, str], date | None]) -> dict[tuple[int, str], Lot]:
    return lot_rows.lots(command.sql, sorted({sku for sku, _ in wanted}), sorted({code for _, code in wanted}))


def _codes(named: Sequence[NamedLot]) -> list[str | None]:
    codes = []
    for one in named:
        sku = one.item.display_code
        if one.item.is_lot_tracked and one.code is None:
            raise InvalidRequest("lot", f"given, as SKU {sku} is tracked by lot", None)
        if not one.item.is_lot_tracked and (one.code is not None or one.expires_on is not None):
            raise InvalidRequest("lot", f"left out, as SKU {sku} is not tracked by lot", one.code)
        codes.append(None if one.code is None else words("lot", one.code, most=100))
    return codes


def pick(
    command: Command, item: StockItem, place: Place, quantity: int, taken: Mapping[int, int]
) -> list[tuple[int, int]]:
    """(lot, units) to take from a place, first expiring first; reserved units and expired lots are left alone.

    Args:
        command: The open command; the SKU's balances are locked.
        item: The SKU.
        place: Where from.
        quantity: Units.
        taken: Lot → units that other lines of the command take there.

    Raises:
        InsufficientStock: there is less.
    """
    today = command.at.date()
    lots = [lot for lot in lot_rows.held(command.sql, item.id, place.id) if _keeps(lot, today)]
    offered = [(lot.lot_id, lot.expires_on, max(0, lot.available - taken.get(lot.lot_id, 0))) for lot in lots]
    available = sum(units for _, _, units in offered)
    if available < quantity:
        raise InsufficientStock(item.display_code, quantity, available, location=place.code)
    return pick_lots(offered, quantity)


def _keeps(lot: HeldLot, today: date) -> bool:
    return lot.expires_on is None or lot.expires_on > today


# Movements


def book(command: Command, moves: Sequence[Move]) -> list[BookedMove]:
    """Write movements and change their balances, only with units that are not reserved.

    Raises:
        InsufficientStock: a place of ours has fewer unreserved units than leave it.
    """
    sql = command.sql
    changes: dict[BalanceKey, int] = defaultdict(int)
    for move in moves:
        changes[move.sku_id, move.source_location_id, move.lot_id] -= move.quantity
        changes[move.sku_id, move.destination_location_id, move.lot_id] += move.quantity
    balance_rows.open_balances(sql, list(changes))
    failed = balance_rows.change_balances(sql, {key: (units, 0) for key, units in changes.items()})
    if failed is not None:
        raise insufficient(command, failed, -changes[failed])
    ids = balance_rows.write_moves(sql, moves, recorded_at=command.moment, key=command.key)
    return [
        BookedMove(move.id, move.sku, move.lot, move.quantity, move.source, move.destination)
        for move in stocking_rows.moves(sql, ids)
    ]


def insufficient(command: Command, key: BalanceKey, requested: int) -> InsufficientStock:
    """The refusal to take so many units from a balance that has fewer."""
    on_hand, allocated = balance_rows.on_shelf(command.sql, key)
    sku, place = stocking_rows.names(command.sql, sku_id=key[0], location_id=key[1])
    return InsufficientStock(sku, requested, on_hand - allocated, location=place)


def shown(moves: Sequence[BookedMove]) -> list[dict[str, Any]]:
    """Movements for JSON."""
    return [asdict(move) for move in moves]


def read_moves(given: Sequence[Mapping[str, Any]]) -> tuple[BookedMove, ...]:
    """Movements from what `shown` gave."""
    return tuple(BookedMove(**move) for move in given)


def last_cost(command: Command, item: StockItem) -> tuple[int | None, str | None]:
    """(unit cost, currency) that a SKU was last bought at; (None, None) when nobody knows."""
    known = stocking_rows.last_cost(command.sql, item.id)
    if known is None:
        return None, None
    return known[0], known[1] or terms_in_force(command.sql).currency
