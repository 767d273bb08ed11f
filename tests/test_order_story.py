"""One order from a wrong address to the last parcel: its timeline reads like a story, and the ledger replays it.

The story is told by the use cases on both databases. The page of the documentation is that timeline; to write it anew
after a change, run this file with STOCKWRIGHT_WRITE_DOCS=1.
"""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from data import master_rows, order_story_rows
from orders.cancelling import Cancellation, CancelLine, cancel_order
from orders.changing import LineChange, OrderChange, change_order, confirm_change, propose_change
from orders.checking import check
from orders.errors import NotPossible
from orders.holding import add_note
from orders.importing import FileImport, import_items
from orders.master import ChannelSettings, ListPrice, add_location, set_channel, set_list_price
from orders.model import Actor, Address, LineRequest, OrderRequest
from orders.placing import place_order
from orders.purchasing import PurchaseLine, PurchaseRequest, place_purchase_order
from orders.receiving import Receipt, receive_purchase
from orders.shipping import Shipping, close_order, ship_order
from orders.stock_history import on_hand_as_of
from orders.stocking import Adjustment, adjust_stock

PAGE = Path(__file__).parent.parent / "docs" / "an-orders-story.md"
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
DESK, WAREHOUSE, SHOP = Actor("Olga, order desk"), Actor("Wim, warehouse"), Actor("web shop")


class Story:
    """An order lived through, with the moments at which its chapters ended."""

    def __init__(self, company):
        self.company, self.database = company, company.database
        self._keys = count(1)
        self.moments = {}
        self.order_id = None
        self.now = MORNING

    def do(self, verb, *request, by, **options):
        self.now += timedelta(minutes=7)
        return verb(self.database, *request, key=f"story-{next(self._keys)}", actor=by, at=self.now, **options)

    def later(self, **passed):
        self.now += timedelta(**passed)

    def status(self):
        with self.database.reading() as connection:
            return order_story_rows.find(connection, order_id=self.order_id).status

    def on_hand(self, at):
        """Code of place and SKU → units at that moment."""
        with self.database.reading() as connection:
            rows = on_hand_as_of(connection, at=at)
            places = {number: code for code, number in master_rows.location_ids(connection).items()}
            skus = {number: code for code, number in master_rows.known_skus(connection).items()}
        return {(places[row.location_id], skus[row.sku_id]): row.on_hand for row in rows.itertuples()}


@pytest.fixture
def story(company):
    told = Story(company)
    set_up(told)
    live(told)
    return told


def set_up(story):
    skus = [
        {"sku": "LAMP", "name": "Desk lamp"},
        {"sku": "SHADE", "name": "Lamp shade"},
        {"sku": "BULB", "name": "Bulb"},
    ]
    story.company.other(import_items, FileImport(story.company.file(skus)))
    for code in ("EAST", "WEST"):
        add_location(
            story.database, code=code, name=code, kind="warehouse", time_zone="Europe/Berlin", country="DE", actor=DESK
        )
    story.do(set_channel, ChannelSettings("WEB", currency="EUR", time_zone="Europe/Berlin"), by=DESK)
    for sku, price in (("LAMP", "40"), ("SHADE", "15"), ("BULB", "4.50")):
        story.do(set_list_price, ListPrice(sku, Decimal(price)), by=DESK)
    for sku, place, units in (("LAMP", "EAST", 10), ("SHADE", "WEST", 6), ("BULB", "WEST", 3)):
        story.do(adjust_stock, Adjustment(sku, place, units, "first count", unit_cost=Decimal("2")), by=WAREHOUSE)
    bulbs = PurchaseLine("BULB", 50, Decimal("1.20"), (MORNING + timedelta(days=3)).date())
    story.do(place_purchase_order, PurchaseRequest("Lux", "WEST", (bulbs,), number="PO-7", send=True), by=DESK)
    story.moments["before"] = story.now


def live(story):
    wrong = Address("Ann Example", None, None, "10115", None, None, "DE")
    right = Address("Ann Example", "Invalidenstr. 1", None, "10115", "Berlin", None, "DE")
    lines = (LineRequest("LAMP", 2), LineRequest("SHADE", 2), LineRequest("BULB", 8))
    placed = story.do(place_order, OrderRequest("WEB", "1001", lines, customer="ANN", ship_to=wrong), by=SHOP)
    story.order_id = placed.order_id
    assert placed.status == "on_hold"
    assert [(line.allocated, line.backordered) for line in placed.lines] == [(2, 0), (2, 0), (3, 5)]
    assert placed.lines[2].promised_date == "2026-03-05"
    with pytest.raises(NotPossible, match="on hold"):
        story.do(ship_order, Shipping(story.order_id), by=WAREHOUSE)
    story.later(hours=1)
    story.do(add_note, story.order_id, "Customer called back with the street.", by=DESK)
    story.do(change_order, OrderChange(story.order_id, "Street and city by telephone", ship_to=right), by=DESK)
    assert story.status() == "partially_allocated"
    edit = OrderChange(story.order_id, "Wants one more lamp", (LineChange(1, quantity=3),))
    proposed = story.do(propose_change, edit, by=DESK)
    assert proposed.difference_minor == 4000
    story.do(confirm_change, proposed.change_id, by=DESK)
    story.moments["waiting"] = story.now
    story.later(days=3)
    story.do(receive_purchase, Receipt("PO-7"), by=WAREHOUSE)
    assert story.status() == "allocated"
    story.moments["arrived"] = story.now
    story.do(cancel_order, Cancellation(story.order_id, "One shade is enough", (CancelLine(2, 1),)), by=DESK)
    story.do(ship_order, Shipping(story.order_id, location="EAST", carrier="DHL", tracking_number="JD01"), by=WAREHOUSE)
    assert story.status() == "partially_shipped"
    story.moments["first parcel"] = story.now
    story.later(hours=2)
    story.do(ship_order, Shipping(story.order_id, location="WEST", carrier="DHL", tracking_number="JD02"), by=WAREHOUSE)
    assert story.status() == "shipped"
    story.later(days=20)
    story.do(close_order, story.order_id, by=DESK)
    story.moments["end"] = story.now


def timeline(story):
    with story.database.reading() as connection:
        return order_story_rows.events(connection, story.order_id)


def test_the_timeline_reads_like_a_story(story):
    told = [(event.actor, event.event) for event in timeline(story)]
    assert told == [
        (SHOP.name, "placed"),
        (SHOP.name, "allocated"),
        (SHOP.name, "backordered"),
        (SHOP.name, "held"),
        (DESK.name, "note"),
        (DESK.name, "change proposed"),
        (DESK.name, "released"),
        (DESK.name, "changed"),
        (DESK.name, "change proposed"),
        (DESK.name, "changed"),
        (DESK.name, "allocated"),
        (WAREHOUSE.name, "allocated"),
        (DESK.name, "cancelled"),
        (WAREHOUSE.name, "shipped"),
        (WAREHOUSE.name, "shipped"),
        (DESK.name, "closed"),
    ]


def test_the_ledger_is_replayed_to_any_moment_of_it(story):
    start = {("EAST", "LAMP"): 10, ("WEST", "SHADE"): 6, ("WEST", "BULB"): 3}
    expected = {
        "before": start,
        "waiting": start,
        "arrived": start | {("WEST", "BULB"): 53},
        "first parcel": start | {("WEST", "BULB"): 53, ("EAST", "LAMP"): 7},
        "end": {("EAST", "LAMP"): 7, ("WEST", "SHADE"): 5, ("WEST", "BULB"): 45},
    }
    for moment, wanted in expected.items():
        held = story.on_hand(story.moments[moment])
        ours = {key: units for key, units in held.items() if key[0] in ("EAST", "WEST")}
        assert ours == wanted, moment


def test_what_it_moved_and_what_it_was_worth(story):
    with story.database.reading() as connection:
        moves = order_story_rows.moves(connection, story.order_id)
        until = order_story_rows.moves(connection, story.order_id, until=story.moments["first parcel"])
        head = order_story_rows.find(connection, order_id=story.order_id)
        parcels = order_story_rows.parcels(connection, story.order_id)
    shipped = Counter()
    for move in moves:
        shipped[move.sku, move.source, move.destination] += move.quantity
    assert shipped == {
        ("LAMP", "EAST", "CUSTOMER"): 3,
        ("SHADE", "WEST", "CUSTOMER"): 1,
        ("BULB", "WEST", "CUSTOMER"): 8,
    }
    assert sum(move.quantity for move in until) == 3
    assert {move.sku for move in until} == {"LAMP"}
    assert head.value_minor == 3 * 4000 + 1500 + 8 * 450
    assert [parcel.tracking_number for parcel in parcels] == ["JD01", "JD02"]


def test_everything_adds_up_afterwards(story, ledger_faults):
    assert ledger_faults(story.database) == []
    assert [finding.promise for finding in check(story.database) if not finding.holds] == []


# The page


def page(story):
    rows = "\n".join(
        f"| {event.occurred_at:%-d %b, %H:%M} | {event.actor} | {event.summary} |" for event in timeline(story)
    )
    stock = "\n".join(
        f"| {name} | " + " | ".join(str(story.on_hand(at).get(key, 0)) for key in KEYS) + " |"
        for name, at in story.moments.items()
    )
    head = " | ".join(f"{sku} at {place}" for place, sku in KEYS)
    return TEXT.format(rows=rows, stock=stock, head=head, dashes="|".join("---" for _ in range(len(KEYS) + 1)))


KEYS = [("EAST", "LAMP"), ("WEST", "SHADE"), ("WEST", "BULB")]
TEXT = """# An order's story

Three lines from two warehouses. The address lacks its street, so the order is placed, keeps its stock and waits on
hold. The order desk corrects the address and adds a lamp; five bulbs are not there yet and are reserved the moment
they arrive; a shade is cancelled; two parcels leave. This page is written by the test that lives through the order on
SQLite and on PostgreSQL (`tests/test_order_story.py`): what stands here is what happens.

| when (UTC) | who | what |
|---|---|---|
{rows}

Everything of it can be asked again later. What was on hand at any moment is the sum of the movements up to it:

| moment | {head} |
|{dashes}|
{stock}

The same order on the command line: `stockwright orders show 1001`, and in the dashboard on the page *Order desk*.
"""


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_page_tells_what_happens(story):
    if os.environ.get("STOCKWRIGHT_WRITE_DOCS") == "1":
        PAGE.write_text(page(story), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(story)
