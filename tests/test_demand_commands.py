"""What the planner says of demand on the command line: said once, listed, and taken back."""

import json
from datetime import UTC, datetime, timedelta

import pytest

TODAY = datetime.now(UTC).date()
SOON = (TODAY + timedelta(days=60)).isoformat()


@pytest.fixture
def shop(fresh):
    """Three items, and an order of today for two lamps and for one, and two bulbs."""
    fresh.write("items.csv", "sku,name,category,unit_cost,list_price", "LAMP,Lamp,Light,20,40", "BULB,Bulb,Light,1,4",
                "LED,LED bulb,Light,1,5")  # fmt: skip
    fresh.answer("import", "items", "items.csv")
    fresh.answer("locations", "add", "EAST", "--country", "DE")
    fresh.answer("channels", "set", "WEB", "--currency", "EUR", "--time-zone", "UTC")
    lines = [{"sku": sku, "quantity": units} for sku, units in (("LAMP", 2), ("LAMP", 1), ("BULB", 2))]
    address = {"name": "Ann", "line1": "Road 1", "city": "Berlin", "country": "DE"}
    order = {"channel": "WEB", "external_ref": "1001", "lines": lines, "ship_to": address}
    (fresh.folder / "order.json").write_text(json.dumps(order))
    fresh.answer("orders", "place", "order.json")
    return fresh


def listed(shop, *command):
    return json.loads(shop.answer("demand", *command, "--format", "json"))


def override(shop, *more):
    return shop.answer("demand", "override", "LAMP", "--until", SOON, "--reason", "the fair", *more)


def test_a_forecast_is_overridden_listed_and_given_back(shop):
    assert override(shop, "--rate", "12") == f"override 1: LAMP 12 a week until {SOON}\n"
    said = override(shop, "--multiply", "1.5", "--location", "east")
    assert said == f"override 2: LAMP 1.5 times the forecast until {SOON}; it supersedes override 1\n"
    assert "+3 a week" in override(shop, "--add", "3", "--from", SOON)
    rows = listed(shop, "overrides", "--sku", "lamp")
    assert [(row["number"], row["kind"], row["value"], row["status"]) for row in rows] == [
        (3, "add", 3, "planned"), (2, "multiply", 1.5, "active"), (1, "set", 12, "active"),
    ]  # fmt: skip
    assert rows[1]["superseded_by"] == [3]
    assert shop.answer("demand", "withdraw", "2", "--reason", "a slip") == "override 2 is withdrawn\n"
    assert [row["number"] for row in listed(shop, "overrides")] == [3, 1]
    assert [row["status"] for row in listed(shop, "overrides", "--all")] == ["planned", "withdrawn", "active"]
    assert "the fair" in shop.answer("demand", "overrides")
    assert shop.run("check").returncode == 0


def test_the_same_key_overrides_once(shop):
    assert override(shop, "--rate", "12", "--key", "k1") == override(shop, "--rate", "12", "--key", "k1")
    assert len(listed(shop, "overrides")) == 1
    assert "was used for another request" in shop.refusal(
        "demand", "override", "LAMP", "--until", SOON, "--reason", "the fair", "--rate", "13", "--key", "k1"
    )


def test_the_calendar_is_kept(shop):
    said = shop.answer("demand", "event", "add", "Sale", "--kind", "promotion", "--from", "2026-04-01", "--until",
                       "2026-04-07", "--category", "light", "--uplift", "1.5", "--reason", "spring")  # fmt: skip
    assert said == "event 1: Sale, 2026-04-01 to 2026-04-07\n"
    (row,) = listed(shop, "event", "list")
    assert (row["scope"], row["category"], row["uplift"], row["from_date"]) == ("category", "Light", 1.5, "2026-04-01")
    assert shop.answer("demand", "event", "withdraw", "1") == "event 1 is withdrawn\n"
    assert shop.answer("demand", "event", "list") == "the calendar is empty\n"
    assert listed(shop, "event", "list", "--all")[0]["withdrawn_by"]


def test_successors_and_analogues_are_named(shop):
    said = shop.answer(
        "demand", "succeed", "bulb", "led", "--from", "2026-05-01", "--share", "0.8", "--note", "run down"
    )
    assert said == "succession 1: LED takes 80% of the demand of BULB from 2026-05-01; 20% stay with BULB\n"
    assert listed(shop, "successions")[0]["run_down_note"] == "run down"
    assert "got 'LED → BULB → LED'" in shop.refusal("demand", "succeed", "LED", "BULB", "--from", "2026-05-01")
    assert shop.answer("demand", "withdraw", "1", "--of", "succession") == "succession 1 is withdrawn\n"
    assert shop.answer("demand", "successions") == "no SKU succeeds another\n"
    assert shop.answer("demand", "like", "LED", "BULB=3", "lamp") == "LED is like 75% BULB, 25% LAMP\n"
    assert [row["weight"] for row in listed(shop, "analogues")] == [3, 1]
    assert shop.answer("demand", "like", "LED") == "LED is like no other SKU\n"
    assert shop.answer("demand", "analogues") == "no SKU is planned like another\n"


def test_a_day_or_an_order_line_is_left_out_or_accepted(shop):
    assert listed(shop, "outliers") == []
    assert (
        "there are several of SKU 'lamp' in order '1001': name --order and --line of one of #1 line 1"
        in shop.refusal("demand", "exclude", "lamp", "--order", "1001", "--reason", "bulk")
    )
    said = shop.answer("demand", "exclude", "lamp", "--order", "1001", "--line", "1", "--reason", "bulk")
    assert said == "outlier 1: LAMP of order 1001 is left out of the history\n"
    assert (listed(shop, "outliers")[0]["order"], listed(shop, "outliers")[0]["line_no"]) == ("1001", 1)
    day = json.loads(shop.answer("orders", "show", "1001", "--format", "json"))["placed_at"][:10]
    said = shop.answer("demand", "accept", "BULB", day, "--reason", "a new customer")
    assert said == f"outlier 2: BULB on {day} counts as demand\n"
    assert "there is no SKU 'LED' in order '1001'" in shop.refusal(
        "demand", "exclude", "LED", "--order", "1001", "--reason", "bulk"
    )
    assert shop.answer("demand", "withdraw", "1", "--of", "outlier") == "outlier 1 is withdrawn\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["override", "PEN", "--rate", "1", "--until", SOON, "--reason", "x"], "there is no SKU 'PEN'"),
        (["override", "LAMP", "--until", SOON, "--reason", "x"], "name one of --rate, --multiply and --add"),
        (["override", "LAMP", "--rate", "1", "--add", "1", "--until", SOON, "--reason", "x"], "name one of --rate"),
        (["override", "LAMP", "--rate", "1", "--until", "soon", "--reason", "x"], "--until must be a date such as"),
        (["override", "LAMP", "--rate", "1", "--until", "2020-01-01", "--reason", "x"], "until must be"),
        (["overrides", "--sku", "PEN"], "there is no SKU 'PEN'"),
        (["withdraw", "9"], "there is no override '9'"),
        (["withdraw", "9", "--of", "gossip"], "kind must be override or event"),
        (["like", "LED", "BULB=heavy"], "what it is like must look like OLD or OLD=2, got 'BULB=heavy'"),
        (["exclude", "LAMP", "2020-01-01", "--reason", "x"], "day must be a business day on which LAMP was ordered"),
        (["exclude", "LAMP", "--reason", "x"], "day must be given, or an order line"),
        (["exclude", "LAMP", "--line", "1", "--reason", "x"], "day must be given, or an order line"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(shop, words, complaint):
    assert complaint in shop.refusal("demand", *words)
