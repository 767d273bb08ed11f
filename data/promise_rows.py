"""What one SKU has, what comes of it and what of it is promised, in one read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection

from data.driver import Driver

ON_HAND, INBOUND, PROMISED = "on hand", "inbound", "promised"

_SELLS = "p.kind IN ('warehouse', 'store'){place}"
_SUPPLY_AND_PROMISES = (
    f"SELECT '{ON_HAND}', t.expires_on, sum(b.on_hand), sum(b.allocated), NULL FROM stock_balance b"
    " JOIN location p ON p.id = b.location_id LEFT JOIN lot t ON t.id = b.lot_id"
    f" WHERE b.sku_id = ? AND {_SELLS} AND (t.expires_on IS NULL OR t.expires_on > ?) GROUP BY t.expires_on"
    f" UNION ALL SELECT '{INBOUND}', l.expected_date, l.quantity - l.quantity_received - l.quantity_cancelled, 0,"
    " o.number FROM purchase_order_line l JOIN purchase_order o ON o.id = l.purchase_order_id"
    " JOIN location p ON p.id = o.location_id"
    f" WHERE l.sku_id = ? AND {_SELLS} AND o.status = 'ordered'"
    " AND l.quantity_received + l.quantity_cancelled < l.quantity"
    f" UNION ALL SELECT '{PROMISED}', l.promised_date, sum(l.quantity_backordered), 0, NULL FROM order_line l"
    " JOIN sales_order o ON o.id = l.sales_order_id JOIN location p ON p.id = l.location_id"
    f" WHERE l.sku_id = ? AND {_SELLS} AND l.quantity_backordered > 0 AND l.id <> ?"
    " AND o.status NOT IN ('draft', 'cancelled') GROUP BY l.promised_date"
)
_EVERYWHERE = _SUPPLY_AND_PROMISES.format(place="")
_AT_ONE_PLACE = _SUPPLY_AND_PROMISES.format(place=" AND p.id = ?")


class DatedUnits(NamedTuple):
    """Units and the day on which they expire, arrive or are due; None where there is none.

    `allocated` is of units on hand, `purchase_order` of units that come.
    """

    what: str
    day: date | None
    units: int
    allocated: int
    purchase_order: str | None


def supply_and_promises(
    connection: Connection, *, sku_id: int, location_id: int | None, day: date, except_line: int | None
) -> Sequence[DatedUnits]:
    """Unexpired stock, open purchase order lines and backorders of a SKU at the places that sell.

    Args:
        connection: An open transaction.
        sku_id: The SKU.
        location_id: At this location alone; None for all of them.
        day: Lots that have expired by this day are left out.
        except_line: An order line whose own backorder is left out.

    Returns:
        `ON_HAND` by day of expiry, `INBOUND` by purchase order line, `PROMISED` by due day.
    """
    driver = Driver(connection)
    at = [sku_id] if location_id is None else [sku_id, location_id]
    line = -1 if except_line is None else except_line
    rows = driver.rows(_EVERYWHERE if location_id is None else _AT_ONE_PLACE, [*at, driver.day(day), *at, *at, line])
    driver.close()
    return [
        DatedUnits(what, driver.read_day(stored), int(units), int(allocated), number)
        for what, stored, units, allocated, number in rows
    ]
