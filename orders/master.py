"""Locations: the places of ours in which goods can be."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from data import master_rows
from data.connection import Database
from data.importers.order_files import resolve_time_zone
from data.importers.problems import WHOLE_FILE, Problems
from orders.errors import InvalidTerm
from orders.model import Actor, LocationKind, Permission


def add_location(database: Database, *, code: str, name: str, kind: str, time_zone: str, actor: Actor) -> None:
    """Add a warehouse or store; nothing happens when there is one of that code already.

    Raises:
        InvalidTerm: the kind is none of ours.
    """
    actor.require(Permission.MANAGE_MASTER_DATA)
    if kind not in list(LocationKind):
        raise InvalidTerm("location kind", kind, " or ".join(LocationKind))
    resolve_time_zone(time_zone)
    with database.writing() as connection:
        if code.upper() not in master_rows.location_ids(connection):
            master_rows.add_location(connection, code=code.upper(), name=name, kind=kind, time_zone=time_zone)


def ensure_locations(connection: Connection, codes: Iterable[str], *, time_zone: str, warnings: Problems) -> None:
    """Make the locations of these codes that are new, as warehouses, and say so.

    Raises:
        InvalidTerm: a code is that of a location outside our walls, such as CUSTOMER.
    """
    known = master_rows.location_ids(connection)
    ours = {place.code for place in master_rows.internal_locations(connection)}
    for code in codes:
        if code in known and code not in ours:
            raise InvalidTerm("location", code, f"a place of ours, none of {', '.join(sorted(set(known) - ours))}")
        if code not in known:
            master_rows.add_location(connection, code=code, name=code, kind=LocationKind.WAREHOUSE, time_zone=time_zone)
            warnings.add(f"location {code} is new: made as a warehouse", positions=WHOLE_FILE, column="location")
