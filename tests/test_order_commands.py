"""Orders, stock and purchases on the command line: one use case each, answers for people and for programs."""

import json

import pytest

ADDRESS = {"name": "Ann", "line1": "Road 1", "city": "Berlin", "country": "DE"}


@pytest.fixture
def shop(fresh):
    """A channel, two warehouses, and ten lamps and three bulbs with list prices."""
    fresh.write("items.csv", "sku,name,unit_cost,list_price", "LAMP,Desk lamp,20,40", "BULB,Bulb,1,4.50")
    fresh.answer("import", "items", "items.csv")
    for code in ("EAST", "WEST"):
        fresh.answer("locations", "add", code, "--country", "DE")
    fresh.answer("channels", "set", "WEB", "--currency", "EUR", "--time-zone", "Europe/Berlin")
    fresh.answer("stock", "adjust", "LAMP", "--at", "EAST", "--found", "10", "--reason", "first count")
    fresh.answer("stock", "adjust", "BULB", "--at", "WEST", "--found", "3", "--reason", "first count")
    return fresh


def place(shop, ref, *lines, **more):
    """Place an order of (SKU, units, price) by a file; what became of it."""
    goods = [{"sku": sku, "quantity": units, "unit_price": price} for sku, units, price in lines]
    order = {"channel": "WEB", "external_ref": ref, "lines": goods, "ship_to": ADDRESS, **more}
    (shop.folder / "order.json").write_text(json.dumps(order))
    return json.loads(shop.answer("orders", "place", "order.json", "--format", "json"))[0]


def shown(shop, ref):
    return json.loads(shop.answer("orders", "show", ref, "--format", "json"))


def test_an_order_goes_from_a_file_to_the_customer(shop):
    placed = place(shop, "1001", ("lamp", 2, "40"), ("bulb", 3, "4.50"))
    assert (placed["status"], placed["value_minor"], placed["allocated"]) == ("allocated", 9350, 5)
    assert shop.answer("orders", "note", "1001", "before noon, please") == "noted on order 1001\n"
    said = shop.answer("orders", "change", "1001", "--line", "1=3", "--reason", "one more")
    assert said == "change 1 confirmed: LAMP 2 → 3 (EUR 40.00)\n"
    cancelled = shop.answer("orders", "cancel", "1001", "--line", "2=1", "--reason", "enough")
    assert cancelled.startswith("1 units cancelled")
    assert shop.answer("orders", "ship", "1001", "--location", "EAST") == (
        "3 units shipped; order 1001 is partially shipped\n"
    )
    shop.answer("orders", "ship", "1001", "--carrier", "DHL", "--tracking-number", "T1")
    shop.answer("orders", "close", "1001")
    order = shown(shop, "1001")
    assert (order["status"], order["value_minor"]) == ("closed", 3 * 4000 + 2 * 450)
    assert [event["event"] for event in order["timeline"]][-3:] == ["shipped", "shipped", "closed"]
    assert "Shipped 2 of BULB with DHL, T1" in shop.answer("orders", "show", "1001")
    assert shop.run("check").returncode == 0


def test_the_same_key_places_an_order_once(shop):
    place(shop, "1001", ("LAMP", 1, "40"))
    first = shop.answer("orders", "hold", "1001", "--for", "fraud", "--reason", "odd", "--key", "k1")
    again = shop.answer("orders", "hold", "1001", "--for", "fraud", "--reason", "odd", "--key", "k1")
    assert first == again == "order 1001 is on hold for fraud\n"
    assert "was used for another request" in shop.refusal(
        "orders", "hold", "1001", "--for", "credit", "--reason", "odd", "--key", "k1"
    )


def test_what_is_wrong_is_queued_and_fixed(shop):
    placed = place(shop, "1002", ("LAMB", 1, "40"))
    assert (placed["status"], placed["discrepancies"]) == ("draft", "line 1: there is no SKU 'LAMB'")
    (wrong,) = json.loads(shop.answer("orders", "queue", "--format", "json"))
    assert "LAMP" in wrong["suggestion"]
    assert "the order is allocated, 0 still open" in shop.answer("orders", "fix", str(wrong["number"]), "--place")
    assert shop.answer("orders", "queue") == "nothing is wrong with any order\n"


def test_doubts_hold_an_order_until_they_are_accepted(shop):
    placed = place(shop, "1003", ("LAMP", 1, "4"))
    assert placed["status"] == "on_hold"
    number = json.loads(shop.answer("orders", "queue", "--format", "json"))[0]["number"]
    assert "cannot ship order 1003: it is on hold" in shop.refusal("orders", "ship", "1003")
    said = shop.answer("orders", "accept", str(number), "--reason", "agreed by telephone")
    assert said == "accepted; the order is allocated, 0 still open\n"


def test_backorders_are_served_when_a_purchase_comes(shop):
    place(shop, "1004", ("BULB", 8, "4.50"))
    bought = ("--line", "BULB=50@1.20", "--to", "WEST", "--number", "PO-7", "--expected", "2027-01-05", "--send")
    assert shop.answer("purchases", "place", "Lux", *bought) == "purchase order PO-7 is ordered\n"
    assert "can be promised for 2027-01-05" in shop.answer("stock", "promise", "BULB", "--units", "20")
    said = shop.answer("purchases", "receive", "PO-7", "--line", "BULB=20")
    assert said == "20 units received; purchase order PO-7 is ordered; 5 reserved for orders that waited\n"
    assert shown(shop, "1004")["status"] == "allocated"
    assert "30 units cancelled; purchase order PO-7 is received" in shop.answer(
        "purchases", "cancel", "PO-7", "--reason", "no more"
    )


def test_stock_is_moved_counted_and_shown(shop):
    shop.answer("stock", "transfer", "LAMP", "4", "--from", "EAST", "--to", "WEST", "--reason", "closer")
    said = shop.answer("stock", "count", "LAMP", "5", "--at", "EAST", "--reason", "one broken")
    assert said == "LAMP at EAST: 5 counted, 6 expected\n"
    held = json.loads(shop.answer("stock", "show", "--sku", "LAMP", "--format", "json"))
    assert {row["location"]: row["on_hand"] for row in held} == {"EAST": 5, "WEST": 4}
    value = json.loads(shop.answer("stock", "value", "--format", "json"))
    assert {row["sku"]: (row["units"], row["value"]) for row in value} == {"LAMP": (9, 180.0), "BULB": (3, 3.0)}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("orders", "show", "77"), "there is no order '77'"),
        (("orders", "ship", "1001", "--line", "x"), "--line must look like 2=5, got 'x'"),
        (("orders", "change", "1001", "--line", "LAMP=1", "--reason", "r"), "--line must look like 2=5"),
        (("orders", "place", "none.json"), "cannot read none.json"),
        (("stock", "adjust", "LAMP", "--at", "EAST", "--reason", "r"), "name either --found or --lost"),
        (("stock", "adjust", "LAMP", "--at", "EAST", "--lost", "99", "--reason", "r"), "cannot take 99 of SKU LAMP"),
        (("stock", "show", "--at", "2026-03-01T12:00"), "--at needs a time zone"),
        (("purchases", "place", "Lux", "--line", "BULB", "--to", "WEST"), "--line must look like SKU=20"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(shop, arguments, why):
    place(shop, "1001", ("LAMP", 1, "40"))
    assert why in shop.refusal(*arguments)


def test_a_page_of_the_list_leads_to_the_next(shop):
    for number in range(5):
        place(shop, f"S{number}", ("LAMP", 1, "40"), customer=f"C{number}")
    first = shop.answer("orders", "list", "--limit", "3")
    key = first.splitlines()[-1].removeprefix("more with --after ")
    second = json.loads(shop.answer("orders", "list", "--limit", "3", "--after", key, "--format", "json"))
    assert [row["order"] for row in second] == ["S1", "S0"]
    held = json.loads(shop.answer("orders", "list", "--status", "on_hold", "--format", "json"))
    assert held == []
