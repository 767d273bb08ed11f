"""Stock as of any moment, as it is known now or as it was known then, and the movements behind each number.

What the ledger lets one ask without anything being stored for it: how much was where, what it was worth, how
old it is, and which movements made a number what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from data import ledger_rows
from orders.errors import InvalidRequest, MixedCurrencies
from orders.money import amount_minor
from orders.terms import read_terms
from orders.valuation import Movements, StockValuation, value_by_fifo, value_by_moving_average

AGE_BOUNDS_DAYS = (30, 90, 180, 365)
"""Ages in days at which a next bucket of stock age begins."""


class ValuationMethod(StrEnum):
    """How units that leave are valued."""

    FIFO = "fifo"
    MOVING_AVERAGE = "moving_average"


@dataclass(frozen=True)
class MovementKey:
    """A movement's place in the order of what happened."""

    effective_at: datetime
    id: int


@dataclass(frozen=True)
class MovementLine:
    """One movement of a SKU, seen from the places that were asked for.

    Attributes:
        id: The movement.
        effective_at: When it happened.
        recorded_at: When it was entered.
        kind: sale, receipt, count, …
        reason: What was given as the reason, if any.
        quantity: Units that moved.
        change: What it added to the units at the places asked for, 0 between two of them.
        on_hand_after: Units there once it had happened, by all movements up to it as known now.
        source: Code of the location that they left.
        destination: Code of the location that they reached.
        lot: Code of the lot, None when lots are not tracked.
        unit_cost_micros: Cost of a unit, where the movement says it.
        currency: Of that cost.
        channel: Sales channel of the order.
        order_ref: The order that was shipped or sent back.
        purchase_order: Number of the purchase order that was received.
        rma: Number of the return.
        count_sheet_id: The count that found the difference.
        import_file: Name of the file that brought it.
        reverses_id: The movement that it reverses.
        caused_by: Who entered it.
    """

    id: int
    effective_at: datetime
    recorded_at: datetime
    kind: str
    reason: str | None
    quantity: int
    change: int
    on_hand_after: int
    source: str
    destination: str
    lot: str | None
    unit_cost_micros: int | None
    currency: str | None
    channel: str | None
    order_ref: str | None
    purchase_order: str | None
    rma: str | None
    count_sheet_id: int | None
    import_file: str | None
    reverses_id: int | None
    caused_by: str | None

    @property
    def cause(self) -> str:
        """What it comes from, in words: the document nearest to the goods, else the file, else its kind."""
        named = (
            ("reversal of movement", self.reverses_id),
            ("return", self.rma),
            ("purchase order", self.purchase_order),
            ("order", self.order_ref),
            ("count", self.count_sheet_id),
            ("file", self.import_file),
        )
        found = next((f"{what} {name}" for what, name in named if name is not None), None)
        return found or self.kind.replace("_", " ")


@dataclass(frozen=True)
class MovementPage:
    """Movements, newest first, and where the next page begins: None on the last one."""

    lines: tuple[MovementLine, ...]
    next: MovementKey | None


@dataclass(frozen=True)
class StockValue:
    """What all stock was worth at a moment, and what became of all that had come until then.

    Attributes:
        at: The moment.
        known_at: What was recorded later is left out; None for all that is known now.
        method: FIFO or moving average.
        currency: The one currency of every cost.
        by_sku: SKU id → valuation, for SKUs that ever came to or left a place of ours.
    """

    at: datetime
    known_at: datetime | None
    method: ValuationMethod
    currency: str
    by_sku: dict[int, StockValuation]

    @property
    def value_micros(self) -> int:
        """Of all SKUs, in micros of the currency."""
        return sum(valuation.value_micros for valuation in self.by_sku.values())

    @property
    def cost_of_goods_sold_micros(self) -> int:
        """Of everything sold until then, in micros; a period's is the difference of two moments."""
        return sum(valuation.cost_of_goods_sold_micros for valuation in self.by_sku.values())

    @property
    def shrinkage_micros(self) -> int:
        """Of everything written off until then, in micros."""
        return sum(valuation.shrinkage_micros for valuation in self.by_sku.values())

    @property
    def returned_to_supplier_micros(self) -> int:
        """Of everything sent back to suppliers until then, in micros."""
        return sum(valuation.returned_to_supplier_micros for valuation in self.by_sku.values())

    @property
    def value_minor(self) -> int:
        """The value in minor units of the currency, rounded once."""
        return amount_minor(1, self.value_micros, self.currency)


def on_hand_as_of(
    connection: Connection,
    *,
    at: datetime,
    known_at: datetime | None = None,
    sku_id: int | None = None,
    location_id: int | None = None,
) -> pd.DataFrame:
    """Units at each place of ours at a moment, by what had happened then.

    Args:
        connection: An open transaction.
        at: The moment; what happened at it counts.
        known_at: Leave out what was recorded later, to see what was known then.
        sku_id: Of this SKU alone.
        location_id: At this location alone.

    Returns:
        sku_id, location_id, lot_id (0 = untracked), on_hand (never 0), sorted by the three. A back-dated entry
        can make the past negative; the balance of now never is.

    Raises:
        InvalidRequest: a moment has no time zone, here as in every function below.
    """
    _require_zones(at=at, known_at=known_at)
    return ledger_rows.on_hand(connection, at=at, known_at=known_at, sku_id=sku_id, location_id=location_id)


def movements(
    connection: Connection,
    *,
    sku_id: int,
    location_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: MovementKey | None = None,
    limit: int = 50,
) -> MovementPage:
    """Where a number comes from: the movements of a SKU at a location or at all places of ours, newest first.

    Args:
        connection: An open transaction.
        sku_id: The SKU.
        location_id: The location; without one, all places of ours together.
        since: Only what happened after this moment, so that on hand then plus the changes is on hand now.
        until: Only what had happened by this moment.
        before: The `next` of the page before.
        limit: Most lines of a page.

    Raises:
        InvalidRequest: the limit is not positive.
    """
    if limit < 1:
        raise InvalidRequest("limit", "1 or more", limit)
    _require_zones(since=since, until=until)
    places = ledger_rows.our_locations(connection) if location_id is None else [location_id]
    rows = ledger_rows.movements(
        connection,
        sku_id=sku_id,
        places=places,
        since=since,
        until=until,
        before=None if before is None else (before.effective_at, before.id),
        limit=limit + 1,
    )
    shown = rows[:limit]
    if not shown:
        return MovementPage((), None)
    first = (shown[0].effective_at, shown[0].id)
    on_hand = ledger_rows.on_hand_after(connection, sku_id=sku_id, places=places, last=first)
    lines = []
    for row in shown:
        lines.append(MovementLine(**row._mapping, on_hand_after=on_hand))
        on_hand -= row.change
    last = shown[-1]
    return MovementPage(tuple(lines), MovementKey(last.effective_at, last.id) if len(rows) > limit else None)


def stock_value(
    connection: Connection, *, at: datetime, method: ValuationMethod, known_at: datetime | None = None
) -> StockValue:
    """What stock was worth at a moment; see `orders.valuation` for the rules.

    Args:
        connection: An open transaction.
        at: The moment; what happened at it counts.
        method: FIFO or moving average.
        known_at: Leave out what was recorded later, to value stock as it was known then.

    Raises:
        MixedCurrencies: costs are recorded in more than one currency, which cannot be added.
    """
    _require_zones(at=at, known_at=known_at)
    crossed = ledger_rows.crossings(connection, at=at, known_at=known_at)
    currencies = sorted(set(crossed["currency"]) - {None})
    if len(currencies) > 1:
        raise MixedCurrencies("stock value", currencies)
    value = value_by_fifo if method is ValuationMethod.FIFO else value_by_moving_average
    return StockValue(
        at=at,
        known_at=known_at,
        method=method,
        currency=currencies[0] if currencies else read_terms(connection).currency,
        by_sku=value(_movements(crossed)),
    )


def stock_age(
    connection: Connection,
    *,
    at: datetime,
    known_at: datetime | None = None,
    bounds_days: Sequence[int] = AGE_BOUNDS_DAYS,
) -> pd.DataFrame:
    """How long the units of each SKU have been with us at a moment.

    By the FIFO layers of the whole company: the oldest units are taken to have left first, wherever they lay.
    The ledger does not know which unit is which, so there is no age per location.

    Args:
        connection: An open transaction.
        at: The moment.
        known_at: Leave out what was recorded later.
        bounds_days: Whole days at which a next bucket begins, ascending, > 0.

    Returns:
        sku_id, from_days, until_days (missing for the last bucket; not part of the bucket), units and
        value_micros, sorted by SKU and age; only buckets with units.

    Raises:
        InvalidRequest: the bounds do not ascend from 1 or more.
        MixedCurrencies: as `stock_value`.
    """
    bounds = [0, *bounds_days]
    if any(later <= earlier for earlier, later in pairwise(bounds)):
        raise InvalidRequest("bounds_days", "ascending days from 1", list(bounds_days))
    valued = stock_value(connection, at=at, method=ValuationMethod.FIFO, known_at=known_at)
    layers = [(sku, layer) for sku, valuation in valued.by_sku.items() for layer in valuation.layers]
    days = [(at - layer.received_at).days for _, layer in layers]
    aged = pd.DataFrame(
        {
            "sku_id": np.array([sku for sku, _ in layers], dtype=np.int64),
            "bucket": np.searchsorted(bounds, days, side="right") - 1,
            "units": np.array([layer.units for _, layer in layers], dtype=np.int64),
            "value_micros": np.array([layer.units * layer.unit_cost_micros for _, layer in layers], dtype=np.int64),
        }
    )
    buckets = aged.groupby(["sku_id", "bucket"], as_index=False, sort=True)[["units", "value_micros"]].sum()
    begins = pd.Series(bounds, dtype="Int64")
    buckets.insert(1, "from_days", begins.reindex(buckets["bucket"]).astype("int64").to_numpy())
    buckets.insert(2, "until_days", begins.shift(-1).reindex(buckets["bucket"]).array)
    return buckets.drop(columns="bucket")


def _require_zones(**moments: datetime | None) -> None:
    for name, moment in moments.items():
        if moment is not None and moment.tzinfo is None:
            raise InvalidRequest(name, "a moment with a time zone", moment.isoformat())


def _movements(crossed: Mapping[str, NDArray[Any]]) -> Movements:
    return Movements(
        sku=crossed["sku_id"],
        id=crossed["id"],
        effective_at=crossed["effective_at"],
        quantity=crossed["quantity"],
        comes_in=crossed["comes_in"],
        goes_out=~crossed["comes_in"],
        outside=crossed["outside"],
        unit_cost_micros=crossed["unit_cost_micros"],
        order_line=crossed["order_line_id"],
        reverses=crossed["reverses_id"],
    )
