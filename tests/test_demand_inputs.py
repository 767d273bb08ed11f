"""What the planner says of demand is kept with who, when and why, can be undone, and is seen by plans of its time."""

from datetime import UTC, date, datetime, timedelta
from math import isnan

import pytest
from sqlalchemy import text

from data import demand_input_frames, demand_input_rows, master_rows, plan_rows
from data.connection import connect, initialise
from orders.demand_calendar import DemandEvent, add_event
from orders.demand_inputs import withdraw_input
from orders.errors import InvalidRequest, NotPossible, UnknownThing
from orders.forecast_overrides import Override, list_overrides, override_forecast
from orders.item_analogues import Analogue, Analogues, liken_item
from orders.item_succession import Succession, succeed_item
from orders.outliers import OutlierDecision, decide_outlier

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=3)

on_one_database = pytest.mark.parametrize("database_kind", ["sqlite"])


def override(shop, kind="set", value=12, until=date(2026, 6, 30), *, sku="CUP", at=None, **more):
    return shop.do(override_forecast, Override(sku, kind, value, until, "the fair", **more), at=at)


def listed(shop, on=TODAY, **more):
    with shop.database.reading() as connection:
        return list_overrides(connection, on=on, **more)


def frame(shop, read, closed_at, **more):
    with shop.database.reading() as connection:
        return read(connection, closed_at=closed_at, **more)


def active(shop, closed_at=LATER, as_of=TODAY):
    return frame(shop, demand_input_frames.active_overrides, closed_at, as_of=as_of)


def ids(shop):
    with shop.database.reading() as connection:
        return master_rows.known_skus(connection) | master_rows.location_ids(connection)


# Overrides


def test_an_override_says_what_until_when_why_and_by_whom(shop, same_again):
    done = override(shop, sku="cup", location="east", starts=date(2026, 3, 9))
    assert (done.number, done.sku, done.weekly_rate_statistical, done.supersedes) == (1, "CUP", None, ())
    (row,) = active(shop).to_dict("records")
    number = ids(shop)
    assert (row["sku_id"], row["location_id"], row["kind"], row["value"]) == (number["CUP"], number["EAST"], "set", 12)
    assert (row["from_date"].date(), row["until_date"].date()) == (date(2026, 3, 9), date(2026, 6, 30))
    assert (row["reason"], row["recorded_by"], row["recorded_at"]) == ("the fair", "tester", NOON)
    same_again(shop, done)


def test_an_override_keeps_the_forecast_of_its_time(shop):
    number = ids(shop)
    common = {
        "status": "none", "order_quantity": 0, "reorder_point": 1, "order_up_to_level": 2, "safety_stock": 0.0,
        "inventory_position": 0, "on_hand": 0, "on_order": 0, "unit_cost_micros": 1, "order_value_minor": 0,
        "currency": "EUR", "margin_at_risk_minor": 0, "reason": "", "assumptions": [], "supplier_id": None,
    }  # fmt: skip
    rows = [
        {**common, "sku_id": number["CUP"], "location_id": number["EAST"], "numbers": {"weekly_rate": 7.3}},
        {
            **common,
            "sku_id": number["CUP"],
            "location_id": number["WEST"],
            "numbers": {"weekly_rate": 9.0, "weekly_rate_statistical": 2.0},
        },
    ]
    with shop.database.writing() as connection:
        plan_rows.write_plan(connection, as_of=TODAY, created_at=NOON, created_by="tester", terms={}, summary={},
                             recommendations=rows)  # fmt: skip
    assert override(shop, location="EAST").weekly_rate_statistical == 7.3
    assert override(shop).weekly_rate_statistical == 9.3
    assert override(shop, sku="MUG").weekly_rate_statistical is None
    assert override(shop, weekly_rate_statistical=5).weekly_rate_statistical == 5
    assert [one.weekly_rate_statistical for one in listed(shop, sku_id=number["CUP"])] == [5, 9.3, 7.3]


def test_the_newest_override_wins_and_the_older_one_is_told_to_be_superseded(shop):
    override(shop, location="EAST")
    assert override(shop, "multiply", 2, location="WEST").supersedes == ()
    assert override(shop, "add", -3, until=date(2026, 7, 31)).supersedes == (1, 2)
    assert [(one.number, one.status, one.superseded_by) for one in listed(shop)] == [
        (3, "active", ()),
        (2, "superseded", (3,)),
        (1, "superseded", (3,)),
    ]
    shop.do(withdraw_input, "override", 3, None)
    assert [(one.number, one.status) for one in listed(shop)] == [(2, "active"), (1, "active")]


def test_an_override_is_superseded_only_where_newer_ones_cover_all_that_is_left(shop):
    override(shop)
    override(shop, until=date(2026, 4, 30), starts=date(2026, 3, 2))
    assert [(one.number, one.status, one.superseded_by) for one in listed(shop)][1] == (1, "active", (2,))
    override(shop, until=date(2026, 6, 30), starts=date(2026, 5, 1))
    assert [(one.number, one.status) for one in listed(shop)] == [(3, "planned"), (2, "active"), (1, "superseded")]
    shop.do(withdraw_input, "override", 3, None)
    override(shop, location="EAST")
    assert [one.status for one in listed(shop)] == ["active", "active", "active"]


def test_an_override_ends_by_itself(shop, refused):
    override(shop, until=date(2026, 3, 10))
    assert listed(shop, date(2026, 3, 10))[0].status == "active"
    assert listed(shop, date(2026, 3, 11)) == []
    assert listed(shop, date(2026, 3, 11), is_open=False)[0].status == "expired"
    assert len(active(shop, as_of=date(2026, 3, 9))) == 1
    assert active(shop, as_of=date(2026, 3, 10)).empty
    with refused(shop, NotPossible, "cannot withdraw override 1: it is expired since 2026-03-10"):
        shop.do(withdraw_input, "override", 1, None, at=datetime(2026, 3, 11, 12, tzinfo=UTC))


def test_a_plan_of_a_day_sees_what_was_known_at_its_close(shop):
    override(shop)
    shop.do(withdraw_input, "override", 1, "the fair is off", at=LATER)
    assert active(shop, closed_at=NOON).empty
    assert len(active(shop, closed_at=NOON + timedelta(seconds=1))) == 1
    assert len(active(shop, closed_at=LATER)) == 1
    assert active(shop, closed_at=LATER + timedelta(seconds=1)).empty


def test_what_is_withdrawn_is_withdrawn_once_and_says_by_whom(shop, refused, same_again):
    override(shop)
    done = shop.do(withdraw_input, "override", 1, " the fair is off ")
    same_again(shop, done)
    (one,) = listed(shop, is_open=False)
    assert (one.status, one.withdrawn_by, one.withdrawal_reason) == ("withdrawn", "tester", "the fair is off")
    with refused(shop, NotPossible, "cannot withdraw override 1: it is withdrawn already"):
        shop.do(withdraw_input, "override", 1, None)
    with refused(shop, UnknownThing, "there is no override '7'"):
        shop.do(withdraw_input, "override", 7, None)
    with refused(shop, InvalidRequest, "kind must be override or event or succession"):
        shop.do(withdraw_input, "forecast", 1, None)


@on_one_database
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sku": "PEN"}, "there is no SKU 'PEN'"),
        ({"location": "NORTH"}, "there is no location 'NORTH'"),
        ({"location": "CUSTOMER"}, "location must be a place of ours, got 'CUSTOMER'"),
        ({"kind": "double"}, "kind must be set or multiply or add, got 'double'"),
        ({"value": -1}, r"rate must be a number from 0 to 1e\+09, got -1"),
        ({"value": float("nan")}, "rate must be a number from 0"),
        ({"kind": "multiply", "value": 1001}, "multiply must be a number from 0 to 1000, got 1001"),
        ({"kind": "add", "value": float("inf")}, "add must be a number"),
        ({"until": date(2026, 3, 1)}, "until must be 2026-03-02 or later, got '2026-03-01'"),
        ({"starts": date(2026, 7, 1)}, "until must be 2026-07-01 or later, got '2026-06-30'"),
        ({"until": date(2300, 1, 1)}, "until must be a day from 1900-01-01 to 2200-12-31, got '2300-01-01'"),
    ],
)
def test_an_impossible_override_is_refused_by_name(shop, refused, change, complaint):
    with refused(shop, (InvalidRequest, UnknownThing), complaint):
        override(shop, **change)


def test_an_override_needs_a_reason(shop, refused):
    with refused(shop, InvalidRequest, "reason must be given"):
        shop.do(override_forecast, Override("CUP", "set", 1, date(2026, 6, 30), " "))


def test_overrides_are_in_the_audit_trail(shop):
    override(shop)
    override(shop, "multiply", 2)
    shop.do(withdraw_input, "override", 2, None)
    assert shop.rows("SELECT action, entity, entity_id FROM audit_log WHERE action LIKE 'demand.%' ORDER BY id") == [
        ("demand.override_set", "forecast_override", 1),
        ("demand.override_set", "forecast_override", 2),
        ("demand.override_superseded", "forecast_override", 1),
        ("demand.override_withdrawn", "forecast_override", 2),
    ]


def test_overrides_of_a_past_period_can_be_measured_afterwards(shop):
    override(shop, until=date(2026, 3, 31), weekly_rate_statistical=7)
    override(shop, starts=date(2026, 5, 1))
    with shop.database.reading() as connection:
        found = demand_input_frames.overrides_in_force(connection, since=date(2026, 3, 31), until=date(2026, 4, 30))
    assert found[["id", "weekly_rate_statistical"]].values.tolist() == [[1, 7.0]]


# Events


def with_category(shop, **categories):
    with shop.database.writing() as connection:
        rows = [
            {"code": sku, "name": None, "category": name, "volume_litres": None} for sku, name in categories.items()
        ]
        master_rows.update_skus(connection, rows)


def event(shop, name="Spring sale", kind="promotion", starts=date(2026, 4, 1), until=date(2026, 4, 7), **more):
    return shop.do(add_event, DemandEvent(name, kind, starts, until, "the plan for spring", **more))


def test_an_event_is_for_all_for_a_category_or_for_a_sku(shop, same_again):
    with_category(shop, CUP="Kitchen")
    assert event(shop).scope == "all"
    assert event(shop, category="kitchen", uplift=1.5).scope == "category"
    done = event(shop, sku="mug", location="EAST", starts=date(2026, 3, 20))
    assert done.scope == "sku"
    same_again(shop, done)
    found = frame(shop, demand_input_frames.demand_events, LATER)
    assert found["id"].tolist() == [3, 1, 2]
    assert found["category"].tolist()[2] == "Kitchen"
    assert found["sku_id"].tolist()[0] == ids(shop)["MUG"]
    assert found["uplift"].isna().tolist() == [True, True, False]
    shop.do(withdraw_input, "event", 1, "no sale this year")
    assert frame(shop, demand_input_frames.demand_events, LATER)["id"].tolist() == [3, 2]


@on_one_database
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "party"}, "kind must be promotion or holiday or event or one_off, got 'party'"),
        ({"category": "Garden"}, "there is no category 'Garden': no item is in it"),
        ({"category": "Garden", "sku": "CUP"}, "scope must be a category or a SKU, not both"),
        ({"until": date(2026, 3, 1)}, "until must be 2026-04-01 or later"),
        ({"uplift": -0.5}, "uplift must be a number from 0 to 1000"),
        ({"name": ""}, "name must be given"),
        ({"is_excluded_from_history": True}, "kind must be one_off where its days are left out of history"),
    ],
)
def test_an_impossible_event_is_refused_by_name(shop, refused, change, complaint):
    with refused(shop, (InvalidRequest, UnknownThing), complaint):
        event(shop, **change)


# Successions


def succeed(shop, old, new, **more):
    return shop.do(succeed_item, Succession(old, new, date(2026, 4, 1), **more))


def test_a_sku_takes_over_from_another_or_a_share_of_it(shop, same_again, refused):
    done = succeed(shop, "cup", "mug", share=0.75, run_down_note="sell off by June")
    assert (done.number, done.old, done.new, done.share_left) == (1, "CUP", "MUG", 0.25)
    same_again(shop, done)
    with refused(shop, NotPossible, "cannot give 50% of SKU CUP: it is taken over already, 75% by MUG"):
        succeed(shop, "CUP", "MILK", share=0.5)
    assert succeed(shop, "CUP", "MILK", share=0.25).share_left == 0
    with refused(shop, NotPossible, "cannot succeed SKU CUP: it is succeeded by MUG by succession 1"):
        succeed(shop, "CUP", "MUG", share=0.1)
    found = frame(shop, demand_input_frames.successions, LATER)
    assert found[["share", "run_down_note"]].values.tolist()[0] == [0.75, "sell off by June"]


def test_successions_make_no_circle(shop, refused):
    succeed(shop, "CUP", "MUG")
    succeed(shop, "MUG", "MILK")
    with refused(shop, InvalidRequest, "got 'MILK → CUP → MUG → MILK'"):
        succeed(shop, "MILK", "CUP")
    with refused(shop, InvalidRequest, "new must be another SKU than CUP"):
        succeed(shop, "CUP", "cup")
    shop.do(withdraw_input, "succession", 2, None)
    succeed(shop, "MILK", "CUP")


def test_two_successions_at_once_close_no_circle(shop, at_once):
    def begin(number, old, new):
        request = Succession(old, new, date(2026, 4, 1))
        return lambda: succeed_item(shop.database, request, key=f"at once {number}", actor=shop.ACTOR, at=shop.NOW)

    succeed(shop, "MUG", "MILK")
    outcomes = at_once(begin(1, "CUP", "MUG"), begin(2, "MILK", "CUP"))
    assert [isinstance(one, InvalidRequest) for one in outcomes].count(True) == 1
    assert len(frame(shop, demand_input_frames.successions, LATER)) == 2


@on_one_database
@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_is_above_none_and_at_most_all(shop, refused, share):
    with refused(shop, InvalidRequest, "share must be a number above 0 and at most 1"):
        succeed(shop, "CUP", "MUG", share=share)


# Analogues


def test_a_new_sku_is_like_what_was_said_last(shop, same_again):
    shop.do(liken_item, Analogues("MILK", (Analogue("CUP"),)))
    done = shop.do(liken_item, Analogues("milk", (Analogue("cup", 3), Analogue("mug", 1))), at=LATER)
    assert done.shares == {"CUP": 0.75, "MUG": 0.25}
    same_again(shop, done)
    number = ids(shop)
    columns = ["sku_id", "analogue_sku_id", "weight"]
    before = frame(shop, demand_input_frames.analogues, LATER)
    after = frame(shop, demand_input_frames.analogues, LATER + timedelta(days=1))
    assert before[columns].values.tolist() == [[number["MILK"], number["CUP"], 1]]
    assert after[columns].values.tolist() == [
        [number["MILK"], number["CUP"], 0.75],
        [number["MILK"], number["MUG"], 0.25],
    ]
    assert shop.do(liken_item, Analogues("MILK", ())).shares == {}
    assert frame(shop, demand_input_frames.analogues, LATER + timedelta(days=1)).empty


def test_a_sku_is_like_others_each_once(shop, refused):
    with refused(shop, InvalidRequest, "analogues must be other SKUs, each once, got 'MILK'"):
        shop.do(liken_item, Analogues("MILK", (Analogue("MILK"),)))
    with refused(shop, InvalidRequest, "analogues must be other SKUs, each once, got 'CUP'"):
        shop.do(liken_item, Analogues("MILK", (Analogue("CUP"), Analogue("cup"))))
    with refused(shop, InvalidRequest, "weight of CUP must be a number above 0"):
        shop.do(liken_item, Analogues("MILK", (Analogue("CUP", 0),)))


# Outliers


def decide(shop, decision="excluded", *, at=None, day=TODAY, **more):
    more = {"sku": "CUP", "reason": "one customer, cancelled by telephone"} | more
    return shop.do(decide_outlier, OutlierDecision(decision=decision, day=day, **more), at=at)


def excluded(shop, closed_at=LATER, as_of=TODAY):
    """{(SKU, place, day): units, None for the whole day}"""
    found = frame(shop, demand_input_frames.excluded_demand, closed_at, as_of=as_of)
    name = {number: code for code, number in ids(shop).items() if code in (*shop.SKUS,)}
    with shop.database.reading() as connection:
        place = {number: code for code, number in master_rows.location_ids(connection).items()}
    assert found.equals(found.sort_values(["sku_id", "location_id", "ds"], ignore_index=True))
    return {
        (name[row.sku_id], place[row.location_id], row.ds.date()): None if isnan(row.units) else row.units
        for row in found.itertuples()
    }


@pytest.fixture
def sold(shop):
    """Today two orders of cups in the east and one of mugs in the west; the second also holds mugs in the east."""
    shop.stock("CUP", "EAST", 2000)
    shop.stock("MUG", "WEST", 10)
    shop.stock("MUG", "EAST", 1)
    shop.order("1", CUP=3)
    shop.order("2", CUP=1000)
    shop.order("3", MUG=5)
    return shop


def test_a_day_or_an_order_line_is_left_out_of_history(sold, same_again):
    done = decide(sold, day=None, order_id=2, line_no=1)
    assert (done.number, done.day, done.decision) == (1, TODAY, "excluded")
    same_again(sold, done)
    assert excluded(sold) == {("CUP", "EAST", TODAY): 1000}
    decide(sold)
    assert excluded(sold) == {("CUP", "EAST", TODAY): None}
    assert excluded(sold, as_of=TODAY - timedelta(days=1)) == {}


def test_the_newest_decision_on_a_day_counts_until_it_is_withdrawn(sold):
    decide(sold)
    assert decide(sold, "accepted").replaces == (1,)
    assert excluded(sold) == {}
    sold.do(withdraw_input, "outlier", 2, None)
    assert excluded(sold) == {("CUP", "EAST", TODAY): None}
    decide(sold, "accepted", location="EAST")
    assert excluded(sold) == {}


def test_history_is_left_out_as_it_was_decided_by_then(sold):
    decide(sold)
    assert excluded(sold, closed_at=NOON) == {}
    sold.do(withdraw_input, "outlier", 1, None, at=LATER)
    assert excluded(sold, closed_at=LATER) != {}
    assert excluded(sold, closed_at=LATER + timedelta(seconds=1)) == {}


def test_accepting_a_day_settles_its_lines_too(sold):
    decide(sold, order_id=2, line_no=1)
    decide(sold, "accepted")
    assert excluded(sold) == {}
    decide(sold, order_id=2, line_no=1)
    assert excluded(sold) == {("CUP", "EAST", TODAY): 1000}
    decide(sold, "accepted", order_id=2, line_no=1)
    assert excluded(sold) == {}


def test_a_line_of_a_day_that_does_not_count_is_not_decided_on(sold, refused):
    decide(sold)
    with refused(sold, NotPossible, "it is excluded whole by outlier 1"):
        decide(sold, "accepted", order_id=2, line_no=1)


@on_one_database
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"decision": "ignored"}, "decision must be accepted or excluded, got 'ignored'"),
        ({"day": None}, "day must be given, or an order line"),
        ({"day": date(2026, 3, 1)}, "day must be a business day on which CUP was ordered, got '2026-03-01'"),
        ({"location": "WEST"}, "day must be a business day on which CUP was ordered at WEST"),
        ({"order_id": 2}, "order line must be an order and the number of its line"),
        ({"order_id": 2, "line_no": 9}, "there is no line '9 of order #2'"),
        ({"order_id": 3, "line_no": 1}, "order line must be one of SKU CUP, got 'line 1'"),
        ({"order_id": 2, "line_no": 1, "location": "EAST"}, "location must be left out for an order line"),
        ({"order_id": 2, "line_no": 1, "day": date(2026, 3, 1)}, "day must be that of the order, 2026-03-02"),
    ],
)
def test_what_was_not_ordered_cannot_be_left_out(sold, refused, change, complaint):
    with refused(sold, (InvalidRequest, UnknownThing), complaint):
        decide(sold, **change)


def test_a_one_off_leaves_the_history_of_its_scope(sold):
    with_category(sold, CUP="Kitchen")
    days = {"starts": date(2026, 3, 1), "until": date(2026, 3, 9), "is_excluded_from_history": True}
    event(sold, kind="one_off", category="Kitchen", **days)
    yesterday = TODAY - timedelta(days=1)
    assert excluded(sold) == {("CUP", "EAST", yesterday): None, ("CUP", "EAST", TODAY): None}
    decide(sold, "accepted")
    assert excluded(sold) == {("CUP", "EAST", yesterday): None}
    event(sold, kind="one_off", **days)
    assert ("MUG", "WEST", TODAY) in excluded(sold)
    sold.do(withdraw_input, "event", 1, None)
    sold.do(withdraw_input, "event", 2, None)
    assert excluded(sold) == {}


# Nothing was said


def test_where_nothing_was_said_the_frames_are_empty_and_of_the_same_columns(shop):
    with shop.database.reading() as connection:
        for found in (
            demand_input_frames.active_overrides(connection, as_of=TODAY, closed_at=LATER),
            demand_input_frames.demand_events(connection, closed_at=LATER),
            demand_input_frames.successions(connection, closed_at=LATER),
            demand_input_frames.analogues(connection, closed_at=LATER),
            demand_input_frames.excluded_demand(connection, as_of=TODAY, closed_at=LATER),
        ):
            assert found.empty
            assert "sku_id" in " ".join(found.columns)
            for name in ("from_date", "until_date", "ds"):
                assert name not in found or str(found[name].dtype) == "datetime64[s]"


# The revision of the tables


def test_a_database_of_the_second_revision_is_brought_up_with_all_it_held(database_url, rows_of):
    from pathlib import Path

    from alembic import command
    from alembic.config import Config

    config, old = Config(), connect(database_url)
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "data" / "migrations"))
    with old.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text("INSERT INTO sku (code, display_code, name) VALUES ('A', 'a', 'Apple')"))
    old.close()
    database = initialise(database_url)
    assert [row["name"] for row in rows_of(database, "sku")] == ["Apple"]
    assert all(rows_of(database, table.name) == [] for table in demand_input_rows.TABLES.values())
    database.close()
