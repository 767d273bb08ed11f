"""Parties, channels, locations, SKUs and their supply terms as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text, update

from data.schema import channel, location, party, sku, supplier_sku

_AT_ONCE = 500


@dataclass(frozen=True)
class ChannelRow:
    """A sales channel with the zone and currency its files are in."""

    id: int
    code: str
    time_zone: str
    currency: str


def find_channel(connection: Connection, code: str) -> ChannelRow | None:
    """The channel of that code, if there is one."""
    row = connection.execute(select(channel).where(channel.c.code == code)).one_or_none()
    return None if row is None else ChannelRow(row.id, row.code, row.time_zone, row.currency)


def channel_ids(connection: Connection, codes: Iterable[str], *, time_zone: str, currency: str) -> dict[str, int]:
    """Code → id, making the channels that are new."""
    rows = [{"code": code, "time_zone": time_zone, "currency": currency} for code in codes]
    return _ids_by_key(connection, channel, "code", rows)


def sku_ids(connection: Connection, skus: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Code → id for rows of (code, display_code, name), making the SKUs that are new."""
    return _ids_by_key(connection, sku, "code", skus)


def known_skus(connection: Connection) -> dict[str, int]:
    """Code → id of every SKU."""
    return {code: id_ for code, id_ in connection.execute(select(sku.c.code, sku.c.id))}


def party_ids(connection: Connection, kind: str, parties: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """External reference → id for rows of (external_ref, name, country), making the parties that are new."""
    known = select(party.c.external_ref, party.c.id).where(party.c.kind == kind)
    existing = {ref: id_ for ref, id_ in connection.execute(known)}
    new = [{"kind": kind, **row} for row in parties if row["external_ref"] not in existing]
    if new:
        connection.execute(insert(party), new)
        existing = {ref: id_ for ref, id_ in connection.execute(known)}
    return existing


def location_ids(connection: Connection) -> dict[str, int]:
    """Code → id of every location, external ones too."""
    return {code: id_ for code, id_ in connection.execute(select(location.c.code, location.c.id))}


def external_location_id(connection: Connection, kind: str) -> int:
    """The one location outside our walls of that kind (supplier, customer, adjustment, …)."""
    wanted = select(location.c.id).where(location.c.kind == kind, location.c.is_external)
    return int(connection.execute(wanted).scalar_one())


def internal_locations(connection: Connection) -> Sequence[Row[Any]]:
    """Our own places, by code."""
    return connection.execute(select(location).where(~location.c.is_external).order_by(location.c.code)).all()


def add_location(connection: Connection, *, code: str, name: str, kind: str, time_zone: str) -> int:
    """A new place of ours."""
    row = {"code": code, "name": name, "kind": kind, "time_zone": time_zone, "is_external": False}
    return int(connection.execute(insert(location).values(row).returning(location.c.id)).scalar_one())


def update_skus(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set name, category and volume_litres of SKUs, by their code; a None leaves what was known."""
    if rows:
        connection.execute(
            text(
                "UPDATE sku SET name = coalesce(:name, name), category = coalesce(:category, category),"
                " volume_litres = coalesce(:volume_litres, volume_litres) WHERE code = :code"
            ),
            list(rows),
        )


def set_supply_terms(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Who supplies each SKU and on which terms, by sku_id; a None leaves what was known."""
    known = set(connection.execute(select(supplier_sku.c.sku_id)).scalars())
    new = [row for row in rows if row["sku_id"] not in known]
    changed = [row for row in rows if row["sku_id"] in known]
    if new:
        connection.execute(insert(supplier_sku), new)
    for row in changed:
        values = {name: value for name, value in row.items() if value is not None and name != "sku_id"}
        if values:
            connection.execute(update(supplier_sku).where(supplier_sku.c.sku_id == row["sku_id"]).values(values))


def _ids_by_key(connection: Connection, table: Any, key: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    wanted = [row[key] for row in rows]
    existing = _lookup(connection, table, key, wanted)
    new = [row for row in rows if row[key] not in existing]
    if new:
        connection.execute(insert(table), new)
        existing |= _lookup(connection, table, key, [row[key] for row in new])
    return existing


def _lookup(connection: Connection, table: Any, key: str, wanted: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = table.c[key].in_(wanted[start : start + _AT_ONCE])
        found |= {value: id_ for value, id_ in connection.execute(select(table.c[key], table.c.id).where(some))}
    return found
