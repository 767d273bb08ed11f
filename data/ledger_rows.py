"""The ledger read back: stock as of any moment, the movements behind a number, and what crossed our walls.

As of a moment means what had happened by then, that moment included; as known at a moment leaves out what was
recorded after it. Reading without the second is how we know it now, back-dated entries included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Row, TextClause, and_, bindparam, case, func, or_, select, text

from data.driver import Driver
from data.schema import (
    UtcDateTime,
    channel,
    command,
    count_line,
    import_batch,
    location,
    lot,
    order_line,
    purchase_order,
    purchase_order_line,
    rma,
    rma_line,
    sales_order,
    stock_move,
)

NONE = -1
"""In `crossings`: the cost, order line or reversed movement that there is none of."""


@dataclass(frozen=True)
class RebuiltBalance:
    """What a balance must be by the movements and reservations."""

    on_hand: int
    allocated: int


def our_locations(connection: Connection) -> list[int]:
    """The ids of the places of ours, of every kind."""
    return list(connection.execute(select(location.c.id).where(~location.c.is_external)).scalars())


def on_hand(
    connection: Connection,
    *,
    at: datetime,
    known_at: datetime | None = None,
    sku_id: int | None = None,
    location_id: int | None = None,
) -> pd.DataFrame:
    """Units at each place of ours as of a moment, from whichever side of it fewer movements lie.

    The near past is today's balances less what moved since; the far past is the sum of what moved until then.
    A back-dated entry can make the past negative.

    Returns:
        sku_id, location_id, lot_id, on_hand (never 0), sorted by the three.
    """
    places = our_locations(connection) if location_id is None else [location_id]
    one_sku = "" if sku_id is None else " AND sku_id = :sku"
    since = "(effective_at > :at)" if known_at is None else "(effective_at > :at OR recorded_at > :known_at)"
    values: dict[str, Any] = {} if sku_id is None else {"sku": sku_id}
    moments = _moments(at=at, known_at=known_at)
    later = text(f"SELECT count(*) FROM stock_move WHERE {since}{one_sku}").bindparams(*moments)
    total = text(f"SELECT count(*) FROM stock_move WHERE true{one_sku}")
    is_near = 2 * connection.execute(later, values).scalar_one() < connection.execute(total, values).scalar_one()
    base = (
        f"SELECT sku_id, location_id, lot_id, on_hand AS units FROM stock_balance WHERE location_id IN :places{one_sku}"
        f" UNION ALL {_sides(f'{since}{one_sku}', sign='-')}"
        if is_near
        else _sides(f"NOT {since}{one_sku}")
    )
    statement = text(
        f"SELECT sku_id, location_id, lot_id, sum(units) FROM ({base}) AS sides"
        " GROUP BY sku_id, location_id, lot_id HAVING sum(units) <> 0 ORDER BY sku_id, location_id, lot_id"
    ).bindparams(bindparam("places", expanding=True), *moments)
    return _integers(connection, statement, ["sku_id", "location_id", "lot_id", "on_hand"], places=places, **values)


def rebuilt_balances(connection: Connection) -> dict[tuple[int, int, int], RebuiltBalance]:
    """(sku, location, lot) → balance by the movements and active reservations, at every place, ours or not."""
    statement = text(
        "WITH moved AS (SELECT sku_id, lot_id, source_location_id, destination_location_id, sum(quantity) AS units"
        " FROM stock_move GROUP BY sku_id, lot_id, source_location_id, destination_location_id)"
        " SELECT sku_id, location_id, lot_id, sum(units), sum(allocated) FROM ("
        " SELECT sku_id, destination_location_id AS location_id, lot_id, units, 0 AS allocated FROM moved UNION ALL"
        " SELECT sku_id, source_location_id, lot_id, -units, 0 FROM moved UNION ALL"
        " SELECT sku_id, location_id, lot_id, 0, quantity FROM reservation WHERE status = 'active'"
        ") AS sides GROUP BY sku_id, location_id, lot_id"
    )
    return {
        (sku, place, lot_id): RebuiltBalance(int(units), int(allocated))
        for sku, place, lot_id, units, allocated in connection.execute(statement)
    }


def crossings(connection: Connection, *, at: datetime, known_at: datetime | None = None) -> dict[str, NDArray[Any]]:
    """The movements between a place of ours and one outside, as of a moment, in any order.

    Returns:
        Columns sku_id, id, quantity, unit_cost_micros, order_line_id and reverses_id (int64, `NONE` where there
        is none), effective_at (datetime64, UTC), comes_in (bool), outside (str, kind of the location outside)
        and currency (object, None where there is none), each of shape (movement,).
    """
    driver = Driver(connection)
    kinds = {place: kind for place, kind in connection.execute(select(location.c.id, location.c.kind))}
    places = our_locations(connection)
    ours = ", ".join(str(place) for place in places) or "NULL"
    known = [] if known_at is None else [driver.moment(known_at)]
    # Rows of the driver's own: those of SQLAlchemy cost half as much again.
    rows = driver.rows(
        "SELECT sku_id, id, quantity, source_location_id, destination_location_id,"
        f" coalesce(unit_cost_micros, {NONE}), coalesce(order_line_id, {NONE}), coalesce(reverses_id, {NONE}),"
        " effective_at, currency FROM stock_move"
        f" WHERE (source_location_id IN ({ours})) <> (destination_location_id IN ({ours}))"
        f" AND effective_at <= ?{' AND recorded_at <= ?' if known else ''}",
        [driver.moment(at), *known],
    )
    columns = list(zip(*rows, strict=True)) or [()] * 10
    sku, number, quantity, source, destination, cost, line, reverses = (
        np.array(column, dtype=np.int64) for column in columns[:8]
    )
    comes_in = np.isin(destination, places)
    names = np.array([kinds.get(place, "") for place in range(max(kinds, default=0) + 1)])
    return {
        "sku_id": sku,
        "id": number,
        "effective_at": _naive_utc(columns[8]),
        "quantity": quantity,
        "comes_in": comes_in,
        "outside": names[np.where(comes_in, source, destination)],
        "unit_cost_micros": cost,
        "order_line_id": line,
        "reverses_id": reverses,
        "currency": np.array(columns[9], dtype=object),
    }


def movements(
    connection: Connection,
    *,
    sku_id: int,
    places: Sequence[int],
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Movements of a SKU into, out of or among places, newest first, with what caused each.

    Args:
        connection: An open transaction.
        sku_id: The SKU.
        places: Location ids.
        since: Only what happened after this moment.
        until: Only what had happened by this moment.
        before: (effective_at, id) of the last row that was seen; what follows it in the list is wanted.
        limit: Most rows.

    Returns:
        id, effective_at, recorded_at, kind, reason, quantity, change (of the units at `places`), source and
        destination (codes), lot, unit_cost_micros, currency, reverses_id, channel and order_ref,
        purchase_order, rma, count_sheet_id, import_file, and caused_by (the actor).
    """
    moved, line = stock_move.c, order_line.c
    source, destination = location.alias("source"), location.alias("destination")
    of_line, of_rma = sales_order.alias("of_line"), rma.alias("of_rma")
    conditions = [moved.sku_id == sku_id, _touches(places)]
    if since is not None:
        conditions.append(moved.effective_at > since)
    if until is not None:
        conditions.append(moved.effective_at <= until)
    if before is not None:
        conditions.append(_earlier(before))
    wanted = (
        select(
            moved.id,
            moved.effective_at,
            moved.recorded_at,
            moved.kind,
            moved.reason,
            moved.quantity,
            _change(places).label("change"),
            source.c.code.label("source"),
            destination.c.code.label("destination"),
            lot.c.code.label("lot"),
            moved.unit_cost_micros,
            moved.currency,
            moved.reverses_id,
            channel.c.code.label("channel"),
            of_line.c.external_ref.label("order_ref"),
            purchase_order.c.number.label("purchase_order"),
            of_rma.c.number.label("rma"),
            count_line.c.count_sheet_id,
            import_batch.c.file_name.label("import_file"),
            func.coalesce(command.c.actor, import_batch.c.imported_by).label("caused_by"),
        )
        .select_from(stock_move)
        .join(source, moved.source_location_id == source.c.id)
        .join(destination, moved.destination_location_id == destination.c.id)
        .outerjoin(lot, moved.lot_id == lot.c.id)
        .outerjoin(order_line, moved.order_line_id == line.id)
        .outerjoin(of_line, line.sales_order_id == of_line.c.id)
        .outerjoin(channel, of_line.c.channel_id == channel.c.id)
        .outerjoin(purchase_order_line, moved.purchase_order_line_id == purchase_order_line.c.id)
        .outerjoin(purchase_order, purchase_order_line.c.purchase_order_id == purchase_order.c.id)
        .outerjoin(rma_line, moved.rma_line_id == rma_line.c.id)
        .outerjoin(of_rma, rma_line.c.rma_id == of_rma.c.id)
        .outerjoin(count_line, and_(count_line.c.sku_id == moved.sku_id, count_line.c.stock_move_id == moved.id))
        .outerjoin(import_batch, moved.import_batch_id == import_batch.c.id)
        .outerjoin(command, moved.command_key == command.c.key)
        .where(*conditions)
        .order_by(moved.effective_at.desc(), moved.id.desc())
        .limit(limit)
    )
    return connection.execute(wanted).all()


def on_hand_after(connection: Connection, *, sku_id: int, places: Sequence[int], last: tuple[datetime, int]) -> int:
    """Units of a SKU at places once the movement (effective_at, id) had happened, by all that happened up to it."""
    moved = stock_move.c
    up_to = or_(_earlier(last), and_(moved.effective_at == last[0], moved.id == last[1]))
    wanted = select(func.coalesce(func.sum(_change(places)), 0)).where(moved.sku_id == sku_id, _touches(places), up_to)
    return int(connection.execute(wanted).scalar_one())


def _touches(places: Sequence[int]) -> ColumnElement[bool]:
    return or_(stock_move.c.source_location_id.in_(places), stock_move.c.destination_location_id.in_(places))


def _change(places: Sequence[int]) -> ColumnElement[int]:
    """What a movement adds to the units at places: nothing when it goes from one of them to another."""
    moved = stock_move.c
    comes = case((moved.destination_location_id.in_(places), moved.quantity), else_=0)
    return comes - case((moved.source_location_id.in_(places), moved.quantity), else_=0)


def _earlier(than: tuple[datetime, int]) -> ColumnElement[bool]:
    moment, number = than
    moved = stock_move.c
    return or_(moved.effective_at < moment, and_(moved.effective_at == moment, moved.id < number))


def _sides(where: str, *, sign: str = "") -> str:
    """SQL of what movements add to and take from `:places`."""
    return (
        f"SELECT sku_id, destination_location_id AS location_id, lot_id, {sign}quantity AS units FROM stock_move"
        f" WHERE destination_location_id IN :places AND {where}"
        f" UNION ALL SELECT sku_id, source_location_id, lot_id, -({sign}quantity) FROM stock_move"
        f" WHERE source_location_id IN :places AND {where}"
    )


def _moments(**moments: datetime | None) -> list[Any]:
    return [bindparam(name, moment, type_=UtcDateTime()) for name, moment in moments.items() if moment is not None]


def _integers(connection: Connection, statement: TextClause, names: Sequence[str], **values: Any) -> pd.DataFrame:
    rows = connection.execute(statement, values).all()
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.DataFrame({name: np.array(column, dtype=np.int64) for name, column in zip(names, columns, strict=True)})


def _naive_utc(moments: Sequence[Any]) -> Any:
    """UTC moments as either database gives them to raw SQL: text without a zone, or datetimes with one."""
    utc = pd.to_datetime(pd.Series(list(moments), dtype=object), utc=True, format="ISO8601")
    return utc.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
