"""The demo company's order desk at work: orders come in, some of them wrong, and most of them leave again."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from data import sales_rows
from data.connection import Database
from data.driver import Driver
from data.errors import StockwrightError
from data.samples import DemoCompany
from data.samples.working_day import DeskOrder, working_day
from orders.allocating import allocate_order
from orders.cancelling import Cancellation, CancelLine, cancel_order
from orders.changing import LineChange, OrderChange, propose_change
from orders.holding import add_note, hold_order
from orders.master import ShippingLane, set_shipping_lane
from orders.model import Actor, OrderStatus, order_request
from orders.paying import Authorisation, authorise_payment, capture_payment
from orders.placing import Placed, place_order
from orders.shipping import ShipLine, Shipping, ship_order

DESK, WAREHOUSE, SHOP = Actor("Olga (order desk)"), Actor("Wim (warehouse)"), Actor("web shop")
PARCEL = {"DE": ("4.90", 1.5), "AT": ("9.50", 3), "BE": ("8.90", 2.5), "NL": ("8.50", 2), "FR": ("9.90", 3)}
"""Country → cost and days of a parcel from the north; from the south it is dearer north of the Rhine."""


def work_a_day(database: Database, company: DemoCompany, *, at: datetime) -> None:
    """Reserve stock for the orders that are open, then take in and work on those of `working_day`.

    Args:
        database: Holds the company already.
        company: As it was generated.
        at: Now; nothing happens later.
    """
    _set_lanes(database, company, at)
    with database.reading() as connection:
        still_open = sales_rows.orders_in(Driver(connection), [OrderStatus.PLACED, OrderStatus.PARTIALLY_SHIPPED])
    for number in still_open:
        allocate_order(database, number, key=f"demo:allocate:{number}", actor=DESK, at=at)
    for order in working_day(company):
        _live_through(database, order, at - timedelta(hours=order.hours_ago))


def _set_lanes(database: Database, company: DemoCompany, at: datetime) -> None:
    for place in company.locations["location"]:
        for country, (cost, days) in PARCEL.items():
            is_far = (place == "WH-SOUTH") != (country == "AT")
            lane = ShippingLane(place, country, Decimal(cost) + (1 if is_far else 0), days + (0.5 if is_far else 0))
            set_shipping_lane(database, lane, key=f"demo:lane:{place}:{country}", actor=DESK, at=at)


def _live_through(database: Database, order: DeskOrder, at: datetime) -> None:
    reference = order.request["external_ref"]
    placed = place_order(database, order_request(order.request), key=f"demo:{reference}", actor=SHOP, at=at)
    for number, word in enumerate(order.done, start=1):
        later = at + timedelta(minutes=20 * number)
        try:
            _do(database, word, placed, key=f"demo:{reference}:{number}", at=later)
        except StockwrightError:  # it turned out otherwise: short of stock, or on hold for a doubt
            continue


def _do(database: Database, word: str, placed: Placed, *, key: str, at: datetime) -> None:
    order = placed.order_id
    if word == "pay":
        paid = Authorisation(order, "CARD-1", "card", Decimal(placed.value_minor) / 100)
        authorise_payment(database, paid, key=key, actor=SHOP, at=at)
        capture_payment(database, order, "CARD-1", key=f"{key}:captured", actor=SHOP, at=at)
    elif word == "ship":
        ship_order(
            database, Shipping(order, carrier="DHL", tracking_number=f"JD{order:08d}"), key=key, actor=WAREHOUSE, at=at
        )
    elif word == "ship part":
        first = ShipLine(1, placed.lines[0].allocated)
        ship_order(database, Shipping(order, (first,)), key=key, actor=WAREHOUSE, at=at)
    elif word.startswith("hold "):
        kind = word.removeprefix("hold ")
        reason = {"fraud": "first order, express, another name on the card", "credit": "two invoices are overdue"}[kind]
        hold_order(database, order, kind, reason, key=key, actor=DESK, at=at)
    elif word == "note":
        add_note(database, order, "Called the customer, will call back tomorrow.", key=key, actor=DESK, at=at)
    elif word == "cancel part":
        units = (CancelLine(1, placed.lines[0].quantity),)
        cancel_order(database, Cancellation(order, "ordered by mistake", units), key=key, actor=DESK, at=at)
    elif word == "propose":
        more = (LineChange(1, quantity=placed.lines[0].quantity + 2),)
        propose_change(database, OrderChange(order, "wants two more", more), key=key, actor=DESK, at=at)
    else:
        raise ValueError(f"the demo does not know how to {word!r}")
