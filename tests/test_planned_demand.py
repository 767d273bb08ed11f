"""A plan heeds what the planner said of demand, by arithmetic that can be checked, and tells it."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import demand_history, outlier_frames, plan_rows
from orders.demand_calendar import DemandEvent, add_event
from orders.demand_inputs import withdraw_input
from orders.forecast_overrides import Override, override_forecast
from orders.importing import FileImport, StockImport, import_items, import_stock
from orders.item_analogues import Analogue, Analogues, liken_item
from orders.item_succession import Succession, succeed_item
from orders.outliers import OutlierDecision, decide_outlier
from orders.terms import read_terms
from service.items import item_view, outlook
from service.ledger_scenario import past_world
from service.likeness import likened
from service.planning import make_plan
from service.planning_inputs import planning_inputs
from service.stock_levels import forecast_demand, planned_demand
from service.succession import handed_over, inherited

FIRST = date(2024, 1, 1)
AS_OF = date(2024, 5, 5)
DAYS = (AS_OF - FIRST).days + 1
NOW = datetime(2024, 6, 1, tzinfo=UTC)
FAR = date(2024, 12, 31)
INTERVAL = 14 + 7

on_one_database = pytest.mark.parametrize("database_kind", ["sqlite"])


def sold(sku, *, per_day=10, location="MAIN", first=FIRST, days=DAYS, **more):
    """One order a day of so many units at 2 a unit."""
    dates = [first + timedelta(days=day) for day in range(days)]
    return [
        {"order_id": f"{sku}-{location}-{at}", "order_date": f"{at} 10:00:00", "customer_id": 7, "sku": sku,
         "quantity": per_day, "unit_price": 2, "location": location, **more}
        for at in dates
    ]  # fmt: skip


def item(sku, **more):
    return {"sku": sku, "name": sku.title(), "supplier": "Acme", "lead_time_days": 14, "moq": 1, "pack_size": 1,
            "unit_cost": 1, "category": "Kitchen", **more}  # fmt: skip


class Planner:
    """A company whose planner says things."""

    def __init__(self, company):
        self.company, self.database, self._numbers = company, company.database, count()

    def has(self, *orders, items=("MUG", "CUP"), on_hand=30):
        report = self.company.orders([row for rows in orders for row in rows])
        assert report.status != "rejected", report.errors.counts
        self.company.other(import_items, FileImport(self.company.file([item(sku) for sku in items])))
        places = sorted({(row["sku"], row["location"]) for rows in orders for row in rows})
        stock = [{"sku": sku, "location": location, "on_hand": on_hand} for sku, location in places]
        counted_at = datetime(2024, 5, 5, 20, tzinfo=UTC)
        self.company.other(import_stock, StockImport(self.company.file(stock), counted_at=counted_at))
        return self

    def says(self, verb, *request, at=NOW):
        return verb(self.database, *request, key=f"key {next(self._numbers)}", actor=self.company.ACTOR, at=at)

    def plan(self, as_of=AS_OF):
        """(SKU, location) → recommendation, or SKU → it where there is only MAIN."""
        result = make_plan(self.database, as_of=as_of, actor=self.company.ACTOR, at=NOW)
        with self.database.reading() as connection:
            rows = plan_rows.recommendations(connection, result.plan_id)
        found = {(row.sku, row.location): SimpleNamespace(**row._mapping) for row in rows}
        return found | {sku: row for (sku, location), row in found.items() if location == "MAIN"}

    def inputs(self, as_of=AS_OF, at=NOW):
        with self.database.reading() as connection:
            return planning_inputs(connection, as_of=as_of, at=at)


@pytest.fixture
def planner(company):
    return Planner(company)


@pytest.fixture
def another(company_in, tmp_path):
    """Companies beside, whose books differ."""
    from data.connection import open_database

    opened = []

    def make():
        opened.append(open_database(f"sqlite:///{tmp_path / f'another{len(opened)}.db'}"))
        return Planner(company_in(opened[-1]))

    yield make
    for database in opened:
        database.close()


def figures(recommendation):
    names = ("order_quantity", "reorder_point", "order_up_to_level", "safety_stock", "numbers")
    return {name: getattr(recommendation, name) for name in names}


def override(kind, value, until=FAR, sku="MUG", **more):
    return Override(sku, kind, value, until, "the fair", **{"starts": FIRST} | more)


# Nothing said


def test_a_plan_of_which_nothing_was_said_is_unchanged_to_the_bit(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5), sold("CUP", per_day=3, location="EAST"))
    inputs = planner.inputs()
    pd.testing.assert_frame_equal(inputs.demand, inputs.ordered, check_exact=True)
    statistical = forecast_demand(inputs)
    planned = planned_demand(inputs)
    pd.testing.assert_frame_equal(planned[statistical.columns], statistical, check_exact=True)
    plan = planner.plan()
    assert plan["MUG"].assumptions == ["lead time 14 days as quoted, ± 3 by default"]
    assert plan["MUG"].numbers["weekly_rate_statistical"] == plan["MUG"].numbers["weekly_rate"]


@on_one_database
def test_what_was_withdrawn_leaves_the_plan_as_it_was(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    before = {key: vars(row) for key, row in planner.plan().items()}
    said = [
        ("override", planner.says(override_forecast, override("set", 7)).number),
        ("event", planner.says(add_event, DemandEvent("Fair", "event", AS_OF, FAR, "x", uplift=2.0)).number),
        ("succession", planner.says(succeed_item, Succession("MUG", "CUP", FIRST)).number),
        ("outlier", planner.says(decide_outlier, OutlierDecision("MUG", "excluded", "x", day=FIRST)).number),
    ]
    planner.says(liken_item, Analogues("CUP", (Analogue("MUG"),)))
    during = planner.plan()
    assert during["MUG"].numbers != before["MUG"]["numbers"]
    for kind, number in said:
        planner.says(withdraw_input, kind, number, None)
    planner.says(liken_item, Analogues("CUP", ()))
    for key, row in planner.plan().items():
        ignored = ("id", "plan_run_id")
        assert {name: one for name, one in vars(row).items() if name not in ignored} == {
            name: one for name, one in before[key].items() if name not in ignored
        }


# When it is seen


def test_a_plan_of_today_sees_what_was_said_this_morning_and_one_of_the_past_does_not(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    past = AS_OF - timedelta(days=15)
    planner.says(override_forecast, override("multiply", 2, sku="CUP"), at=datetime(2024, 4, 20, 9, tzinfo=UTC))
    planner.says(override_forecast, override("multiply", 3, sku="MUG"))
    assert [len(planner.inputs(day).said.overrides) for day in (past, AS_OF)] == [1, 2]
    assert len(planner.inputs(AS_OF, at=None).said.overrides) == 1
    then = planner.plan(past)
    assert then["MUG"].numbers["weekly_rate"] == then["MUG"].numbers["weekly_rate_statistical"]
    for sku, plan in (("CUP", then), ("CUP", planner.plan())):
        numbers = plan[sku].numbers
        assert numbers["weekly_rate"] == pytest.approx(2 * numbers["weekly_rate_statistical"], abs=1e-3)


@on_one_database
def test_the_proof_sees_what_had_been_said_by_the_cut(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    planner.says(succeed_item, Succession("MUG", "CUP", date(2024, 3, 1)), at=datetime(2024, 3, 31, tzinfo=UTC))
    planner.says(override_forecast, override("set", 1))
    with planner.database.reading() as connection:
        terms = read_terms(connection)
        demand = demand_history.daily_demand(connection, as_of=AS_OF, currency=terms.currency)
    seen = []
    for cut in (date(2024, 3, 20), date(2024, 4, 10)):
        past = past_world(planner.database, cut, demand, terms, days=14)
        seen.append((len(past.known.said.successions), len(past.known.said.overrides)))
        assert past.units.sum() == 14 * 15
    assert seen == [(0, 0), (1, 0)]


# What does not count


def test_an_excluded_order_is_as_if_it_had_never_been_placed(planner, another):
    bulk = {**sold("MUG", days=1)[0], "order_id": "bulk", "quantity": 3000, "order_date": "2024-04-20 12:00:00"}
    book = [sold("MUG"), sold("CUP", per_day=5)]
    without = another().has(*book).plan()["MUG"]
    plan = planner.has(*book, [bulk]).plan()["MUG"]
    assert plan.assumptions[0] == "1 order of 3,000 on 20 Apr 2024 stands out: accept or exclude it"
    assert plan.numbers["weekly_rate"] > 1.5 * without.numbers["weekly_rate"]
    (day,) = planner.inputs().unusual.to_dict("records")
    assert (day["units"], day["lines"], day["order"], day["line_no"], day["order_units"]) == (3010, 2, "bulk", 1, 3000)
    assert day["times"] == 301
    verdict = OutlierDecision("MUG", "excluded", "once", order_id=day["order_id"], line_no=1)
    planner.says(decide_outlier, verdict)
    left_out = planner.plan()["MUG"]
    assert figures(left_out) == figures(without)
    assert left_out.assumptions[0] == "left out of the history: 3,000 ordered on 20 Apr 2024"
    assert planner.inputs().unusual.empty


def test_an_accepted_order_is_demand_and_is_not_told_again(planner):
    bulk = {**sold("MUG", days=1)[0], "order_id": "bulk", "quantity": 3000, "order_date": "2024-04-20 12:00:00"}
    planner.has(sold("MUG"), [bulk])
    before = planner.plan()["MUG"]
    planner.says(decide_outlier, OutlierDecision("MUG", "accepted", "a customer of ours", day=date(2024, 4, 20)))
    after = planner.plan()["MUG"]
    assert figures(after) == figures(before)
    assert [text for text in after.assumptions if "stands out" in text] == []


def test_the_newest_verdict_on_a_day_counts(planner):
    bulk = {**sold("MUG", days=1)[0], "order_id": "bulk", "quantity": 3000, "order_date": "2024-04-20 12:00:00"}
    planner.has(sold("MUG"), [bulk])
    verdicts = [
        OutlierDecision("MUG", "accepted", "x", order_id=planner.inputs().unusual["order_id"].item(), line_no=1),
        OutlierDecision("MUG", "excluded", "x", day=date(2024, 4, 20)),
        OutlierDecision("MUG", "accepted", "x", day=date(2024, 4, 20), location="MAIN"),
    ]
    seen = []
    for hour, verdict in enumerate(verdicts):
        planner.says(decide_outlier, verdict, at=NOW + timedelta(hours=hour))
        with planner.database.reading() as connection:
            later = NOW + timedelta(hours=hour, minutes=1)
            days = outlier_frames.accepted_days(connection, as_of=AS_OF, closed_at=later)
        seen.append([(day.date(), place is pd.NA) for day, place in zip(days["ds"], days["location_id"], strict=True)])
    assert seen == [[(date(2024, 4, 20), False)], [], [(date(2024, 4, 20), False)]]


@on_one_database
def test_days_that_are_left_out_of_history_are_unknown_and_not_days_without_demand(planner):
    strike = [date(2024, 4, 29), date(2024, 5, 2)]
    orders = [row for row in sold("MUG") if not str(strike[0]) <= row["order_date"][:10] <= str(strike[1])]
    planner.has(orders, sold("CUP", per_day=5))
    assert planner.plan()["MUG"].numbers["weekly_rate"] < 69
    event = DemandEvent("Strike", "one_off", *strike, "no deliveries", sku="MUG", is_excluded_from_history=True)
    planner.says(add_event, event)
    plan = planner.plan()
    assert plan["MUG"].numbers["weekly_rate"] == pytest.approx(70, rel=0.005)
    assert plan["CUP"].numbers["weekly_rate"] == pytest.approx(35, rel=0.005)


@on_one_database
def test_days_before_an_item_existed_do_not_become_its_history(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5, first=date(2024, 3, 4), days=63))
    before = planner.plan()["CUP"]
    flood = DemandEvent("Flood", "one_off", FIRST, date(2024, 1, 20), "closed", is_excluded_from_history=True)
    planner.says(add_event, flood)
    assert planner.inputs().demand.groupby("unique_id")["ds"].min().dt.date.tolist()[0] == date(2024, 3, 4)
    assert figures(planner.plan()["CUP"])["numbers"]["weekly_rate"] == before.numbers["weekly_rate"]


# What is to come


@on_one_database
def test_a_coming_event_raises_the_days_it_covers_and_an_override_applies_to_the_rest_of_it(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    first = AS_OF + timedelta(days=1)
    week = first + timedelta(days=6)
    planner.says(add_event, DemandEvent("Fair", "event", first, week, "as last year", sku="MUG", uplift=1.6))
    numbers = planner.plan()["MUG"].numbers
    rate = numbers["weekly_rate_statistical"]
    assert numbers["weekly_rate"] == pytest.approx(rate * (1 + 0.6 * 7 / INTERVAL), abs=2e-3)
    assert numbers["demand_over_protection"] == pytest.approx(numbers["weekly_rate"] * 3, abs=0.01)
    planner.says(override_forecast, override("multiply", 2))
    plan = planner.plan()
    numbers = plan["MUG"].numbers
    assert numbers["weekly_rate_statistical"] == rate
    assert numbers["weekly_rate"] == pytest.approx(2 * rate * (1 + 0.6 * 7 / INTERVAL), abs=3e-3)
    event, said = plan["MUG"].assumptions[:2]
    assert event == "event Fair, 6 May 2024 to 12 May 2024: 1.6 times the usual demand, says tester (as last year)"
    assert said.startswith("override by tester until 31 Dec 2024: 2 times the forecast")
    assert plan["CUP"].numbers["weekly_rate"] == plan["CUP"].numbers["weekly_rate_statistical"]


@on_one_database
def test_a_rate_that_is_named_is_planned_for(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    before = planner.plan()["MUG"]
    planner.says(override_forecast, override("set", 140))
    after = planner.plan()["MUG"]
    assert after.numbers["weekly_rate"] == 140
    assert after.numbers["demand_over_protection"] == 140 * 3
    assert after.order_quantity > before.order_quantity
    assert "140 a week instead of" in after.assumptions[0]


@on_one_database
def test_the_page_of_an_item_shows_the_planners_word_beside_what_was_sold(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    before = outlook(planner.database, as_of=AS_OF, at=NOW)
    until = AS_OF + timedelta(days=14)
    planner.says(override_forecast, override("set", 7, until), at=datetime(2024, 5, 6, 9, tzinfo=UTC))
    planner.says(succeed_item, Succession("CUP", "MUG", date(2024, 4, 1)))
    after = outlook(planner.database, as_of=AS_OF, at=NOW)
    seen = [item_view(planner.database, one, sku="MUG", location="MAIN") for one in (before, after)]
    assert seen[1].forecast["mean"].iloc[:2].tolist() == [7, 7]
    assert seen[1].forecast["mean"].iloc[2] > seen[0].forecast["mean"].iloc[2] + 2
    pd.testing.assert_series_equal(seen[1].weeks["sold"], seen[0].weeks["sold"])
    assert seen[0].weeks["estimate"].iloc[3] == 70
    assert seen[1].weeks["estimate"].iloc[3] == 70 + 35
    levels = seen[1].forecast[["q0.05", "q0.25", "q0.75", "q0.95"]].to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()


# Successors


def test_a_successor_is_planned_as_the_old_one_was_and_the_old_one_runs_out(planner, another):
    book = [sold("MUG"), sold("CUP", per_day=5), sold("CUP", per_day=2, location="EAST")]
    before = another().has(*book).plan()
    planner.has(*book, items=("MUG", "CUP", "BOWL"))
    planner.says(succeed_item, Succession("CUP", "BOWL", AS_OF, run_down_note="sell off"))
    plan = planner.plan()
    for place in ("MAIN", "EAST"):
        new, old = plan["BOWL", place], plan["CUP", place]
        assert new.numbers["demand_over_protection"] == pytest.approx(
            before["CUP", place].numbers["demand_over_protection"], rel=1e-12
        )
        assert new.numbers["demand_sd_over_protection"] == pytest.approx(
            before["CUP", place].numbers["demand_sd_over_protection"], rel=0.1
        )
        assert (old.order_quantity, old.numbers["weekly_rate"]) == (0, 0)
        assert old.reason == "No demand to plan for, by what the planner said of it, so that nothing is ordered."
        assert new.assumptions[0] == "takes over from CUP since 5 May 2024, whose history counts here"
        assert old.assumptions[0] == "BOWL takes over since 5 May 2024: no more demand is expected (sell off)"
    assert figures(plan["MUG"])["numbers"]["weekly_rate"] == before["MUG"].numbers["weekly_rate"]


@on_one_database
def test_a_successor_that_is_yet_to_come_has_its_share_of_the_days_from_then_on(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5), items=("MUG", "CUP", "BOWL"))
    starts = AS_OF + timedelta(days=8)  # 7 of 21 days pass before it
    planner.says(succeed_item, Succession("MUG", "BOWL", starts, share=0.5))
    plan = planner.plan()
    rate = plan["MUG"].numbers["weekly_rate_statistical"]
    assert plan["MUG"].numbers["weekly_rate"] == pytest.approx(rate * (1 - 0.5 * 14 / 21), abs=1e-3)
    assert plan["BOWL"].numbers["weekly_rate"] == pytest.approx(rate * 0.5 * 14 / 21, abs=1e-3)
    assert plan["BOWL"].numbers["weekly_rate_statistical"] == 0
    assert plan["BOWL"].assumptions[0] == "takes over 50% of the demand for MUG from 13 May 2024"
    assert plan["MUG"].assumptions[0] == "BOWL takes over from 13 May 2024: 50% of its demand is left"


SKUS = ("A", "B", "C", "D")


def history(*rows):
    """(sku_id, day of 2024, units[, in stock]) at place 1."""
    frame = pd.DataFrame([(*row, True)[:4] for row in rows], columns=["sku_id", "day", "y", "in_stock"])
    ds = pd.Timestamp(FIRST) + pd.to_timedelta(frame["day"] - 1, unit="D")
    frame = frame.assign(location_id=1, ds=ds.astype("datetime64[s]"), y=frame["y"].astype(float))
    return frame[["sku_id", "location_id", "ds", "y", "in_stock"]]


def successions(*rows):
    """(old, new, day of 2024, share)."""
    frame = pd.DataFrame(rows, columns=["old_sku_id", "new_sku_id", "day", "share"])
    ds = pd.Timestamp(FIRST) + pd.to_timedelta(frame["day"] - 1, unit="D")
    return frame.assign(from_date=ds.astype("datetime64[s]"), run_down_note=None, id=range(len(rows)))


def units(frame):
    """SKU → day of 2024 → units."""
    days = (frame["ds"] - pd.Timestamp(FIRST)).dt.days + 1
    found = {}
    for sku, day, y in zip(frame["sku_id"], days, frame["y"], strict=True):
        found.setdefault(int(sku), {})[int(day)] = y
    return found


def test_until_its_first_day_the_successor_has_its_share_and_afterwards_each_its_own():
    before = history((1, 1, 10), (1, 2, 10), (1, 3, 4), (2, 3, 6))
    assert units(inherited(before, successions((1, 2, 3, 0.6)), as_of=AS_OF)) == {
        1: {1: 4, 2: 4, 3: 4},
        2: {1: 6, 2: 6, 3: 6},
    }


def test_what_is_still_ordered_of_an_old_item_of_which_nothing_is_left_counts_as_its_successors():
    before = history((1, 1, 10), (1, 5, 3), (2, 5, 8))
    assert units(inherited(before, successions((1, 2, 4, 1.0)), as_of=AS_OF)) == {1: {1: 0, 5: 0}, 2: {1: 10, 5: 11}}


def test_successors_of_successors_inherit_all_of_it_and_later_ones_from_what_was_left():
    before = history((1, 1, 10), (2, 3, 10), (3, 5, 10))
    chain = successions((2, 3, 4, 1.0), (1, 2, 2, 1.0))
    assert units(inherited(before, chain, as_of=AS_OF))[3] == {1: 10, 3: 10, 5: 10}
    # Half leaves on day 3, and the other half on day 5: of what was ordered in between all belongs to the second.
    before = history((1, 1, 10), (1, 3, 6), (2, 3, 6))
    parted = units(inherited(before, successions((1, 2, 3, 0.5), (1, 3, 5, 0.5)), as_of=AS_OF))
    assert parted == {1: {1: 0, 3: 0}, 2: {1: 5, 3: 6}, 3: {1: 5, 3: 6}}


def test_a_day_on_which_the_old_item_was_sold_out_is_one_for_its_successor_and_an_empty_shelf_before_it_came_is_none():
    before = history((1, 1, 10), (1, 2, 0, False), (2, 1, 0, False), (2, 4, 7), (2, 5, 0, False))
    after = inherited(before, successions((1, 2, 3, 1.0)), as_of=AS_OF)
    own = after[after["sku_id"] == 2]
    days = (own["ds"] - pd.Timestamp(FIRST)).dt.days + 1
    assert dict(zip(days, own["in_stock"], strict=True)) == {1: True, 2: False, 4: True, 5: False}


def test_a_succession_that_is_yet_to_come_leaves_history_alone():
    before = history((1, 1, 10), (2, 1, 5))
    pd.testing.assert_frame_equal(inherited(before, successions((1, 2, 60, 1.0)), as_of=date(2024, 2, 28)), before)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(0, 50)),
        unique_by=lambda row: row[:2],
        min_size=1,
        max_size=30,
    ),
    edges=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 15), st.sampled_from([0.25, 0.3, 0.5, 1.0])),
        unique_by=lambda edge: edge[:2],
        max_size=5,
    ),
)
def test_no_unit_is_lost_or_made_by_successions_and_units_stay_whole(rows, edges):
    shares, kept = {}, []
    for old, new, day, share in edges:  # from smaller to larger ids, so that there is no circle
        if old < new and shares.get(old, 0) + share <= 1:
            shares[old] = shares.get(old, 0) + share
            kept.append((old, new, day, share))
    before = history(*rows)
    after = inherited(before, successions(*kept), as_of=AS_OF)
    assert (after["y"] >= 0).all()
    assert (after["y"] == np.rint(after["y"])).all()
    assert not after.duplicated(["sku_id", "location_id", "ds"]).any()
    kinds = {"check_names": False, "check_dtype": False}
    totals = [frame.groupby("ds")["y"].sum() for frame in (before, after)]
    pd.testing.assert_series_equal(totals[0][totals[0] > 0], totals[1][totals[1] > 0], **kinds)


def forecasts(*means, days=21.0):
    mean = np.array(means, dtype=float)
    frame = {"weekly_rate": mean / days * 7, "mean": mean, "sd": mean / 2}
    return pd.DataFrame(frame | {f"q{level}": np.rint(mean * level * 2).astype(int) for level in (0.5, 0.9)})


def at_places(*skus):
    return pd.DataFrame({"sku_id": skus, "location_id": 1, "sku": [f"S{sku}" for sku in skus]})


def handed(before, said, as_of=date(2024, 1, 9)):
    places = at_places(*range(1, len(before) + 1))
    return handed_over(before, said, points=places, as_of=as_of, after=as_of, protection_days=21.0)


def test_what_a_successor_is_handed_the_old_one_loses():
    after = handed(forecasts(210, 0, 42), successions((1, 2, 17, 0.5)))  # days 10 to 30 of January; 14 from the 17th on
    assert after["mean"].tolist() == [140, 70, 42]
    assert after["sd"].tolist() == [70, 35, 21]
    assert after["q0.9"].tolist() == [252, 126, 76]
    assert after["weekly_rate"].tolist() == pytest.approx([140 / 3, 70 / 3, 14])


def test_a_chain_of_successors_hands_on_within_the_interval():
    after = handed(forecasts(210, 0, 0), successions((1, 2, 10, 1.0), (2, 3, 17, 1.0)))
    assert after["mean"].tolist() == pytest.approx([0, 70, 140])


def test_shares_that_are_yet_to_go_are_of_what_was_there_in_the_first_place():
    # A half went long ago, so that all of what is forecast now goes with the other half.
    after = handed(forecasts(210, 210, 0), successions((1, 2, 2, 0.5), (1, 3, 10, 0.5)))
    assert after["mean"].tolist() == pytest.approx([0, 210, 210])


def test_a_succession_beyond_the_interval_changes_nothing():
    before = forecasts(210, 5)
    pd.testing.assert_frame_equal(handed(before, successions((1, 2, 31, 1.0))), before, check_exact=True)


# Analogues


@on_one_database
def test_a_new_item_is_planned_like_those_it_is_likened_to(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=10), items=("MUG", "CUP", "BOWL"))
    assert planner.plan()["BOWL"].numbers["weekly_rate"] == 0
    planner.says(liken_item, Analogues("BOWL", (Analogue("MUG", 3), Analogue("CUP", 1))))
    plan = planner.plan()
    assert plan["BOWL"].numbers["weekly_rate"] == pytest.approx(70, rel=0.01)
    assert plan["BOWL"].assumptions[0] == (
        "planned like 75% MUG and 25% CUP: their demand counts here as nothing was sold yet"
    )
    assert plan["BOWL"].reorder_point > 0


@on_one_database
def test_a_new_item_at_a_place_where_nothing_like_it_is_sold_says_so(planner):
    planner.has(sold("MUG"), sold("CUP", location="EAST", first=date(2024, 4, 30), days=6))
    planner.says(liken_item, Analogues("CUP", (Analogue("MUG"),)))
    before = planner.plan()
    assert before["CUP", "EAST"].assumptions[0] == "to be planned like MUG: nothing is known of that here"
    assert ("CUP", "MAIN") not in before


@on_one_database
def test_an_override_of_what_is_not_planned_is_told(planner):
    planner.has(sold("MUG"), sold("CUP", location="EAST"))
    number = planner.says(override_forecast, override("set", 5, location="EAST")).number
    planner.says(override_forecast, override("set", 5, location="MAIN"))
    planner.plan()
    with planner.database.reading() as connection:
        assert plan_rows.latest_plan(connection).summary["overrides_without_point"] == [number]


@on_one_database
def test_an_item_with_a_history_of_its_own_stands_on_it(planner):
    planner.has(sold("MUG"), sold("CUP", per_day=5))
    before = figures(planner.plan()["CUP"])
    planner.says(liken_item, Analogues("CUP", (Analogue("MUG"),)))
    after = planner.plan()["CUP"]
    assert figures(after) == before
    assert [text for text in after.assumptions if "planned like" in text] == []


def like(*weights):
    return pd.DataFrame({"sku_id": 1, "analogue_sku_id": range(2, 2 + len(weights)), "weight": weights})


def borrowed(demand, analogues, as_of):
    after, words = likened(demand, analogues, of=demand, points=at_places(1, 2, 3), as_of=as_of)
    return after[after["sku_id"] == 1], words


def test_the_borrowed_level_is_the_weighted_mean_of_the_analogues():
    days = range(1, 121)
    demand = history(*[(2, day, 12) for day in days], *[(3, day, 4) for day in days])
    own, words = borrowed(demand, like(0.75, 0.25), as_of=date(2024, 4, 29))
    assert len(own) == 120
    assert own["y"].mean() == pytest.approx(0.75 * 12 + 0.25 * 4, rel=0.01)
    assert words[0] == "planned like 75% S2 and 25% S3: their demand counts here as nothing was sold yet"


def test_what_was_sold_since_launch_moves_the_borrowed_history_towards_it():
    days = range(1, 121)
    start = 121 - 28
    demand = history(*[(2, day, 10) for day in days], *[(1, day, 20) for day in days if day >= start])
    own, words = borrowed(demand, like(1.0), as_of=date(2024, 4, 29))
    lent = own[own["ds"] < pd.Timestamp(FIRST) + pd.Timedelta(days=start - 1)]
    assert len(own) == 120
    assert 15 < lent["y"].mean() <= 20
    assert (own.loc[~own.index.isin(lent.index), "y"] == 20).all()
    assert "for the time before its first sale on 2 Apr 2024" in words[0]


def test_days_on_which_the_analogue_was_sold_out_are_unknown():
    demand = history((2, 1, 10), (2, 2, 0, False), (2, 3, 10))
    own, _ = borrowed(demand, like(1.0), as_of=date(2024, 1, 3))
    assert own["in_stock"].tolist() == [True, False, True]
    assert own["y"].tolist() == [10, 0, 10]
