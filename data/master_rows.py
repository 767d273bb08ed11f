"""Parties, channels, locations, SKUs and their supply terms as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from data.schema import bundle_component, channel, location, party, sku, stock_balance, supplier_sku

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


def channel_id(connection: Connection, code: str, *, time_zone: str, currency: str) -> int:
    """The channel of that code, made when it is new."""
    statement = text(
        "INSERT INTO channel (code, time_zone, currency) VALUES (:code, :time_zone, :currency)"
        " ON CONFLICT (code) DO UPDATE SET code = channel.code RETURNING id"
    )
    values = {"code": code, "time_zone": time_zone, "currency": currency}
    return int(connection.execute(statement, values).scalar_one())


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


def party_id(connection: Connection, kind: str, external_ref: str) -> int:
    """The party of that kind and reference, made when it is new; whoever makes it at the same time makes it once."""
    statement = text(
        "INSERT INTO party (kind, external_ref, name) VALUES (:kind, :ref, :ref)"
        " ON CONFLICT (kind, external_ref) DO UPDATE SET name = party.name RETURNING id"
    )
    return int(connection.execute(statement, {"kind": kind, "ref": external_ref}).scalar_one())


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


@dataclass(frozen=True)
class Place:
    """A location, ours or not."""

    id: int
    code: str
    kind: str
    is_external: bool

    @property
    def sells(self) -> bool:
        """Whether orders are served from it."""
        return self.kind in ("warehouse", "store")


def find_place(connection: Connection, code: str) -> Place | None:
    """The location of that code, if there is one."""
    row = connection.execute(select(location).where(location.c.code == code)).one_or_none()
    return None if row is None else Place(row.id, row.code, row.kind, row.is_external)


def get_place(connection: Connection, location_id: int) -> Place:
    """The location of that id."""
    row = connection.execute(select(location).where(location.c.id == location_id)).one()
    return Place(row.id, row.code, row.kind, row.is_external)


def add_location(
    connection: Connection, *, code: str, name: str, kind: str, time_zone: str, country: str | None = None
) -> int:
    """A new place of ours."""
    row = {
        "code": code, "name": name, "kind": kind, "time_zone": time_zone, "country": country, "is_external": False,
    }  # fmt: skip
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


@dataclass(frozen=True)
class StockItem:
    """A SKU as stock is kept of it."""

    id: int
    code: str
    display_code: str
    is_lot_tracked: bool
    is_bundle: bool


def stock_items(connection: Connection, codes: Iterable[str], *, lock: bool = False) -> dict[str, StockItem]:
    """Code → SKU; unknown ones are left out.

    Until the transaction ends, none of them becomes a bundle or tracked by lot: whoever changes that locks the
    SKU (`lock`), and waits for those who only read it here.
    """
    wanted = select(sku.c.id, sku.c.code, sku.c.display_code, sku.c.is_lot_tracked).where(sku.c.code.in_(set(codes)))
    held = wanted.order_by(sku.c.id).with_for_update(read=not lock, key_share=not lock)
    rows = connection.execute(held).all()
    bundles = bundle_ids(connection, [row.id for row in rows])
    return {row.code: StockItem(*row, row.id in bundles) for row in rows}


def bundle_ids(connection: Connection, sku_ids: Iterable[int]) -> set[int]:
    """Those of these SKUs that are bundles."""
    wanted = select(bundle_component.c.bundle_id).where(bundle_component.c.bundle_id.in_(set(sku_ids)))
    return set(connection.execute(wanted).scalars())


def bundles_with(connection: Connection, sku_id: int) -> list[str]:
    """Codes of the bundles that contain a SKU."""
    wanted = select(sku.c.display_code).join(bundle_component, bundle_component.c.bundle_id == sku.c.id)
    return list(
        connection.execute(wanted.where(bundle_component.c.component_id == sku_id).order_by(sku.c.code)).scalars()
    )


def has_stock(connection: Connection, sku_id: int) -> bool:
    """Whether a place of ours has units of a SKU."""
    balance = stock_balance.c
    wanted = select(balance.sku_id).where(balance.sku_id == sku_id, balance.on_hand > 0, ~balance.is_external)
    return connection.execute(wanted.limit(1)).one_or_none() is not None


def set_components(connection: Connection, bundle_id: int, quantities: Mapping[int, int]) -> None:
    """What a bundle consists of: component → units, in place of what it was."""
    connection.execute(delete(bundle_component).where(bundle_component.c.bundle_id == bundle_id))
    rows = [
        {"bundle_id": bundle_id, "component_id": component, "quantity": units}
        for component, units in sorted(quantities.items())
    ]
    if rows:
        connection.execute(insert(bundle_component), rows)


def track_lots(connection: Connection, sku_id: int) -> None:
    """From now on goods of this SKU are kept apart by lot."""
    connection.execute(update(sku).where(sku.c.id == sku_id).values(is_lot_tracked=True))


def set_list_price(connection: Connection, sku_id: int, *, price_micros: int | None, currency: str | None) -> None:
    """A SKU's list price, None for none."""
    values = {"list_price_micros": price_micros, "list_price_currency": currency}
    connection.execute(update(sku).where(sku.c.id == sku_id).values(values))


def set_lane(
    connection: Connection, *, location_id: int, country: str, parcel_cost_minor: int, transit_days: float
) -> None:
    """What a parcel from a location to a country costs, and how long it takes."""
    connection.execute(
        text(
            "INSERT INTO shipping_lane (location_id, country, parcel_cost_minor, transit_days)"
            " VALUES (:location_id, :country, :cost, :days) ON CONFLICT (location_id, country) DO UPDATE"
            " SET parcel_cost_minor = excluded.parcel_cost_minor, transit_days = excluded.transit_days"
        ),
        {"location_id": location_id, "country": country, "cost": parcel_cost_minor, "days": transit_days},
    )


def set_channel(connection: Connection, channel_id: int, values: Mapping[str, Any]) -> None:
    """Change when_short, currency or time_zone of a channel."""
    if values:
        connection.execute(update(channel).where(channel.c.id == channel_id).values(dict(values)))


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
