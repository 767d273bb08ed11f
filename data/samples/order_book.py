"""The orders file: lines, postage and returned goods in the plain import layout."""

import numpy as np
import pandas as pd

from data.samples.arrays import FloatArray, IntArray, StrArray, labels
from data.samples.customers import B2B, CHANNELS, COUNTRIES, WEB
from data.samples.history import History
from data.samples.network import LOCATIONS
from data.samples.promotions import NO_CAMPAIGN
from data.samples.return_drafts import DISPOSITIONS, REASONS
from data.samples.stock_flow import CANCEL_REASONS
from data.samples.trading_calendar import DAY, NOT_YET, known_by

POSTAGE_SKU = "SHIPPING"
FREE_POSTAGE_FROM = 59.0
POSTAGE = (4.95, 9.90)  # at home, abroad
B2B_DISCOUNT = 0.10
FIRST_RETURN_NUMBER = 20_001

COLUMNS = [
    "order_id", "order_date", "customer_id", "sku", "quantity", "unit_price", "country", "channel",
    "location", "promotion", "shipped_at", "cancelled_quantity", "cancel_reason", "return_reason",
    "disposition", "returns_order",
]  # fmt: skip


def order_book(history: History) -> pd.DataFrame:
    """All rows known at the end of the history, by the moment they were entered."""
    drafted = _line_rows(history)
    sold = drafted.loc[history.outcome.recorded > 0]
    rows = pd.concat([sold, _postage_rows(history), _return_rows(history, drafted)], ignore_index=True)
    return rows.sort_values(["order_date", "order_id"], kind="stable", ignore_index=True)


def _line_rows(history: History) -> pd.DataFrame:
    """One row per drafted line, lost ones included."""
    order, outcome = history.lines.order, history.outcome
    left = known_by(history.calendar.now, history.orders.shipped[order])
    price, promotion = _prices(history)
    return _header(history, order).assign(
        sku=history.catalogue.sku[history.line_sku],
        quantity=outcome.recorded,
        unit_price=price,
        promotion=promotion,
        shipped_at=history.calendar.timestamps(np.where(outcome.shipped > 0, left, NOT_YET)),
        cancelled_quantity=outcome.cancelled,
        cancel_reason=labels(CANCEL_REASONS, outcome.cancel_reason),
    )[COLUMNS]


def _header(history: History, order: IntArray) -> pd.DataFrame:
    """The columns that every row of an order shares."""
    orders = history.orders
    return pd.DataFrame(
        {
            "order_id": history.order_ids()[order],
            "order_date": history.calendar.timestamps(orders.placed[order]),
            "customer_id": orders.customer_id[order],
            "country": orders.country[order],
            "channel": labels(CHANNELS, orders.channel[order]),
            "location": labels(LOCATIONS, orders.location[order]),
            "return_reason": "",
            "disposition": "",
            "returns_order": "",
        }
    )


def _prices(history: History) -> tuple[FloatArray, StrArray]:
    """Unit price and promotion code of each line; business customers have their own price list."""
    sku, order, promotions = history.line_sku, history.lines.order, history.promotions
    is_b2b = history.orders.channel[order] == B2B
    campaign = np.where(is_b2b, NO_CAMPAIGN, promotions.campaign[sku, history.orders.placed[order] // DAY])
    discount = np.where(is_b2b, B2B_DISCOUNT, promotions.discount[campaign])
    return (history.catalogue.list_price[sku] * (1 - discount)).round(2), promotions.code[campaign]


def _postage_rows(history: History) -> pd.DataFrame:
    """A charge for small web orders, cancelled together with all their lines."""
    orders = history.orders
    value = _order_values(history)
    order = np.flatnonzero((orders.channel == WEB) & (value > 0) & (value < FREE_POSTAGE_FROM))
    ships = history.has_shipped_goods[order]
    left = known_by(history.calendar.now, orders.shipped[order])
    return _header(history, order).assign(
        sku=POSTAGE_SKU,
        quantity=1,
        unit_price=np.where(orders.country[order] == COUNTRIES[0], *POSTAGE),
        promotion="",
        shipped_at=history.calendar.timestamps(np.where(ships, left, NOT_YET)),
        cancelled_quantity=np.where(ships, 0, 1),
        cancel_reason=np.where(ships, "", _strongest_cancel_reason(history)[order]),
    )[COLUMNS]


def _order_values(history: History) -> FloatArray:
    price, _ = _prices(history)
    value: FloatArray = history.outcome.recorded * price
    return np.bincount(history.lines.order, value, len(history.orders.placed)).astype(np.float64)


def _strongest_cancel_reason(history: History) -> StrArray:
    """One reason per order, the customer's own before a lack of stock."""
    reason = np.zeros(len(history.orders.placed), dtype=np.int64)
    np.maximum.at(reason, history.lines.order, history.outcome.cancel_reason)
    return labels(CANCEL_REASONS, reason)


def _return_rows(history: History, drafted: pd.DataFrame) -> pd.DataFrame:
    """Negative rows of the goods that were back before the end, one R-number per order."""
    returns, order = history.returns, history.lines.order
    quantity = np.minimum(returns.quantity, history.outcome.shipped)
    received = returns.received[order]
    line = np.flatnonzero((quantity > 0) & (received <= history.calendar.now))
    line = line[np.argsort(received[line], kind="stable")]
    moments = history.calendar.timestamps(received[line])
    return drafted.iloc[line].assign(
        order_id=_return_numbers(order[line]),
        order_date=moments,
        quantity=-quantity[line],
        shipped_at=moments,
        cancelled_quantity=0,
        cancel_reason="",
        return_reason=labels(REASONS, returns.reason[line]),
        disposition=labels(DISPOSITIONS, returns.is_restocked[line].astype(np.int64)),
        returns_order=drafted["order_id"].to_numpy()[line],
    )


def _return_numbers(order: IntArray) -> list[str]:
    """Numbered as they come in."""
    number, _ = pd.factorize(order)
    return [f"R-{n}" for n in number + FIRST_RETURN_NUMBER]
