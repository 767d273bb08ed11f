"""How far the forecast can be trusted is told from forecasts that knew nothing of what came."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

import numpy as np
import pandas as pd
import pytest

from data import demand_history
from orders.demand_inputs import withdraw_input
from orders.errors import UnknownThing
from orders.forecast_overrides import Override, override_forecast
from orders.importing import FileImport, import_items
from orders.outliers import OutlierDecision, decide_outlier
from service.forecast_review import (
    ALL,
    LEVELS,
    OURS,
    SEASONAL,
    STOCK_LEVELS,
    TOO_HIGH,
    TOO_LOW,
    TRAILING,
    answer,
    forecast_review,
    item_review,
    preview_override,
)
from service.planner_review import override_values, planner_review
from service.rules_of_thumb import last_year_totals, trailing_mean_totals

FIRST, WEEKS = date(2024, 1, 1), 60
AS_OF = FIRST + timedelta(days=7 * WEEKS - 1)
NOW = datetime(2025, 2, 24, 9, tzinfo=UTC)
WINDOW = 3  # lead time 14 days + review period 7
BULK_DAY = FIRST + timedelta(days=200)


@pytest.fixture
def database_kind():
    """One kind is enough: what is read here is read elsewhere on both."""
    return "sqlite"


def ordered(sku, daily, *, location="MAIN", first=FIRST):
    """An order for each day with units."""
    days = [(first + timedelta(days=number), int(units)) for number, units in enumerate(daily)]
    return [
        {"order_id": f"{sku}-{location}-{day}", "order_date": f"{day} 10:00:00", "customer_id": 7, "sku": sku,
         "quantity": units, "unit_price": 4, "location": location}
        for day, units in days if units > 0
    ]  # fmt: skip


def demand_of(seed, rate):
    return np.random.default_rng(seed).poisson(rate, 7 * WEEKS)


class Reviewer:
    """A company with sixty weeks of orders, what its planner says, and its review."""

    def __init__(self, company):
        self.company, self.database, self._numbers = company, company.database, count()

    def has(self, *orders):
        rows = [row for rows in orders for row in rows]
        # The day after the last makes it complete.
        last = {"order_id": "LAST", "order_date": f"{AS_OF + timedelta(days=1)} 10:00:00", "customer_id": 7,
                "sku": rows[0]["sku"], "quantity": 1, "unit_price": 4, "location": "MAIN"}  # fmt: skip
        report = self.company.orders([*rows, last])
        assert report.status != "rejected", report.errors.counts
        skus = sorted({row["sku"] for row in rows})
        items = [
            {"sku": sku, "name": sku.title(), "supplier": "Acme", "lead_time_days": 14, "moq": 1, "pack_size": 1,
             "unit_cost": 2 + number, "category": "Kitchen"}
            for number, sku in enumerate(skus)
        ]  # fmt: skip
        self.company.other(import_items, FileImport(self.company.file(items)))
        return self

    def says(self, verb, *request, at=NOW):
        return verb(self.database, *request, key=f"key {next(self._numbers)}", actor=self.company.ACTOR, at=at)

    def review(self, **options):
        return forecast_review(self.database, **({"at": NOW} | options))

    def planner(self, review):
        return planner_review(self.database, review.inputs, at=NOW)


@pytest.fixture
def reviewer(company):
    return Reviewer(company)


@pytest.fixture
def usual(reviewer):
    """Six items: steady, slow, of two places, one that doubled lately, one that halved, and one with a bulk order."""
    grown, shrunk = demand_of(3, 3.0), demand_of(4, 6.0)
    grown[-84:] *= 4
    shrunk[-84:] = shrunk[-84:] // 6
    bulk = demand_of(5, 1.0)
    bulk[(BULK_DAY - FIRST).days] = 900
    return reviewer.has(
        ordered("CUP", demand_of(0, 5.0)),
        ordered("CUP", demand_of(1, 2.0), location="EAST"),
        ordered("JUG", demand_of(2, 0.08)),
        ordered("MUG", grown),
        ordered("PAN", shrunk),
        ordered("POT", bulk),
    )


def number_of(review, sku, location="MAIN"):
    points = review.points
    return points.index[(points["sku"] == sku) & (points["location"] == location)][0]


# What is judged


def test_the_window_is_the_typical_protection_interval_and_there_are_four_origins(usual):
    review = usual.review()
    assert (review.as_of, review.window_weeks, review.origins) == (AS_OF, WINDOW, 4)
    assert review.judged["start"].min() == pd.Timestamp(AS_OF) - timedelta(days=4 * WINDOW * 7 - 1)
    assert review.judged["end"].max() == pd.Timestamp(AS_OF)


def test_what_came_is_what_was_ordered_in_the_window(usual):
    review = usual.review()
    with usual.database.reading() as connection:
        sold = demand_history.daily_demand(connection, as_of=AS_OF, currency="EUR")
    sold = sold.merge(review.points[["sku_id", "location_id"]].reset_index(), on=["sku_id", "location_id"])
    for row in review.judged.itertuples():
        own = sold[(sold["index"] == row.unique_id) & sold["ds"].between(row.start, row.end)]
        assert row.actual == own["y"].sum()


def test_a_forecast_made_again_is_the_one_that_would_have_been_made(usual):
    now = usual.review()
    then = usual.review(as_of=AS_OF - timedelta(days=7 * WINDOW), at=None)
    last = now.judged[now.judged["end"] == pd.Timestamp(AS_OF)].set_index("unique_id")
    names = ["mean", *(f"q{level:g}" for level in LEVELS)]
    pd.testing.assert_frame_equal(last[names], then.coming.loc[last.index, names], check_dtype=False, check_names=False)


def test_the_plain_forecasts_are_a_mean_and_the_normal_spread_of_the_same_weeks(usual):
    from scipy.stats import norm

    review = usual.review()
    weekly, levels = review.weekly, np.array([0.5, 0.95])
    matrix = weekly.aligned()
    totals = trailing_mean_totals(weekly, WINDOW, levels)
    recent = matrix[:, -13:]
    np.testing.assert_allclose(totals.mean, recent.mean(axis=1) * WINDOW)
    spread = norm.ppf(0.95) * recent.std(axis=1, ddof=1) * np.sqrt(WINDOW)
    np.testing.assert_allclose(totals.quantiles[:, 1], np.maximum(totals.mean + spread, 0))
    np.testing.assert_allclose(last_year_totals(weekly, WINDOW, levels).mean, matrix[:, -52 : -52 + WINDOW].sum(axis=1))


def test_last_year_is_judged_on_request(usual):
    assert usual.review().methods["method"].tolist() == [OURS, TRAILING]
    assert usual.review(seasonal=True).methods["method"].tolist() == [OURS, TRAILING, SEASONAL]


# How it is judged


def test_money_at_stake_is_the_mean_error_of_a_window_at_cost(usual):
    review = usual.review()
    for number, own in review.judged.groupby("unique_id"):
        expected = (own["mean"] - own["actual"]).abs().mean() * review.points.at[number, "unit_cost"]
        assert review.items.at[number, "error_value"] == pytest.approx(expected)
        lean = (own["mean"].sum() - own["actual"].sum()) / own["actual"].sum()
        assert review.items.at[number, "bias"] == pytest.approx(lean)
        for level in STOCK_LEVELS:
            held = (own["actual"] <= own[f"q{level:g}"]).mean()
            assert review.items.at[number, f"coverage_{level:g}"] == pytest.approx(held)


def test_the_whole_is_the_sum_of_its_items(usual):
    review = usual.review()
    mine = review.methods.set_index("method").loc[OURS]
    cost = review.points.loc[review.judged["unique_id"], "unit_cost"].to_numpy()
    error = (review.judged["mean"] - review.judged["actual"]) * cost
    demanded = (review.judged["actual"] * cost).sum()
    assert mine["bias_by_value"] == pytest.approx(error.sum() / demanded)
    assert mine["error_value"] == pytest.approx(error.abs().sum() / 4)
    whole = review.calibration[review.calibration["class"] == ALL].set_index("level")
    held = (review.judged["actual"] <= review.judged["q0.95"]).mean()
    assert whole.at[0.95, "covered"] == pytest.approx(held)
    assert (whole["below"] <= whole["held"] + 1e-12).all()
    assert (whole["held"] <= whole["covered"] + 1e-12).all()
    assert review.pit["share"].sum() == pytest.approx(1)


def test_levels_by_class_ask_what_an_item_was_known_as_when_it_was_forecast(reviewer):
    """Five small jugs in every week, until in the last a thousand of each are ordered: none was lumpy till then."""
    daily = np.random.default_rng(6).poisson(2.0, (5, 7 * WEEKS)) + 1
    daily[:, -3] = 2_000
    review = reviewer.has(*(ordered(f"JUG{number}", one) for number, one in enumerate(daily))).review()
    assert set(review.items["demand_class"]) == {"erratic"}
    of_class = review.calibration[review.calibration["level"] == 0.95].set_index("class")
    assert of_class.index.tolist() == [ALL, "smooth"]
    assert of_class.loc["smooth", ["forecasts", "covered"]].tolist() == [20, of_class.at[ALL, "covered"]]


def test_levels_by_class_share_out_all_forecasts_by_the_classes_of_histories_that_end_at_the_origin(usual):
    now = usual.review()
    counted = now.calibration[now.calibration["level"] == 0.95].set_index("class")["forecasts"]
    known = {}
    for number in range(1, 5):
        then = usual.review(as_of=AS_OF - timedelta(days=7 * WINDOW * number), at=None)
        start = pd.Timestamp(then.as_of) + timedelta(days=1)
        for one in now.judged.loc[now.judged["start"] == start, "unique_id"]:
            name = then.items.at[one, "demand_class"]
            known[name] = known.get(name, 0) + 1
    assert counted.drop(ALL).to_dict() == known
    assert counted[ALL] == sum(known.values())


def test_a_level_that_changed_raises_the_alarm_on_its_side(usual):
    review = usual.review()
    alarms = {sku: review.items.at[number_of(review, sku), "alarm"] for sku in ("CUP", "MUG", "PAN")}
    assert alarms["MUG"] in (TOO_LOW, "")
    assert review.items.at[number_of(review, "MUG"), "tracking_signal"] > 4
    assert review.items.at[number_of(review, "PAN"), "tracking_signal"] < -4
    assert alarms["PAN"] == TOO_HIGH


def test_steady_items_seldom_raise_an_alarm_though_the_sum_of_their_errors_wanders(reviewer):
    rates = np.random.default_rng(8).uniform(1.0, 6.0, 40)
    items = reviewer.has(*(ordered(f"CUP{n}", demand_of(n, rate)) for n, rate in enumerate(rates))).review().items
    wander = items["tracking_signal"].abs() > 4
    alarmed = items["alarm"] != ""
    assert wander.mean() > 0.1
    assert alarmed.mean() <= 0.05
    assert (wander | ~alarmed).all()


def test_items_are_classed_as_people_would(usual):
    items = usual.review().items.set_index(["sku", "location"])
    assert items.at[("CUP", "MAIN"), "demand_class"] == "smooth"
    assert items.at[("JUG", "MAIN"), "demand_class"] == "intermittent"
    assert items.at[("JUG", "MAIN"), "abc"] == "C"
    assert items.at[("MUG", "MAIN"), "life_cycle"] == "mature"


# The answer


def test_the_answer_names_its_numbers(usual):
    review = usual.review()
    found = answer(review)
    whole = review.calibration[review.calibration["class"] == ALL].set_index("level")
    assert f"the 95 % levels held for {whole.at[0.95, 'covered'] * 100:.1f} %" in found.said
    assert f"Over the last 4 × {WINDOW} weeks" in found.said
    assert f"of {len(review.judged):,} forecasts of {review.judged['unique_id'].nunique():,} items" in found.said


def judged_as(review, *, covered, below, error=0.001, bias=0.0):
    """The review as if levels had held that often."""
    calibration = review.calibration.assign(standard_error=error)
    shift = calibration["level"].map(covered)
    lower = calibration["level"].map(below)
    methods = review.methods.assign(bias_by_value=bias)
    return replace(review, calibration=calibration.assign(covered=shift, below=lower), methods=methods)


def test_yes_only_where_levels_hold_and_forecasts_do_not_lean(usual):
    review = usual.review()
    exact = {level: level for level in LEVELS}
    assert answer(judged_as(review, covered=exact, below=exact)).verdict == "Yes"
    whole_units = {level: min(level + 0.2, 1.0) for level in LEVELS}
    assert answer(judged_as(review, covered=whole_units, below=exact)).verdict == "Yes"
    leaning = answer(judged_as(review, covered=exact, below=exact, bias=-0.08))
    assert leaning.verdict == "With care: forecasts lean to one side, too low"
    assert "8.0 % too low by value" in leaning.said
    low = exact | {0.99: 0.96}
    assert "demand passes the 99 % levels 4.0 times as often as it should" in (
        answer(judged_as(review, covered=low, below=low)).verdict
    )
    high = exact | {0.8: 0.9}
    assert "the 80 % levels are higher than they need be" in answer(judged_as(review, covered=high, below=high)).verdict


@pytest.mark.parametrize("weeks", [1, 2, 4])
def test_a_short_history_is_not_judged_and_still_forecast(reviewer, weeks):
    days = 7 * weeks
    reviewer.has(ordered("CUP", [3] * days, first=AS_OF - timedelta(days=days - 1)))
    review = reviewer.review()
    assert review.origins == 0
    assert answer(review) is None
    assert len(review.judged) == len(review.calibration) == len(review.methods) == 0
    item = item_review(review, reviewer.planner(review), sku="CUP", location="MAIN")
    assert item.judged.empty
    assert item.coming["mean"].iloc[0] > 0
    assert review.items["forecasts"].tolist() == [0]


def test_items_that_begin_late_are_judged_by_fewer_windows(reviewer):
    young = 7 * 2 * WINDOW
    late = ordered("JUG", [2] * young, first=AS_OF - timedelta(days=young - 1))
    review = reviewer.has(ordered("CUP", demand_of(0, 5.0)), late).review()
    judged = review.items.set_index("sku")["forecasts"]
    assert judged["CUP"] == 4
    assert judged["JUG"] == 1


# One item


def test_an_item_shows_its_windows_and_what_is_to_come(usual):
    review = usual.review()
    item = item_review(review, usual.planner(review), sku="CUP", location="MAIN")
    assert item.protection_days == 21
    assert item.history["units"].iloc[-4:].tolist() == item.judged["actual"].tolist()
    assert item.history["end"].iloc[-1] == pd.Timestamp(AS_OF)
    assert item.coming["start"].iloc[0] == pd.Timestamp(AS_OF) + timedelta(days=1)
    assert item.coming["end"].iloc[0] == pd.Timestamp(AS_OF) + timedelta(days=7 * WINDOW)
    assert item.expected == item.planned
    assert item.expected == pytest.approx(35 * WINDOW, rel=0.15)
    assert item.said == ""
    assert item_review(review, usual.planner(review), sku="CUP", location="NOWHERE") is None


def test_a_preview_is_what_the_override_does_when_it_is_saved(usual):
    review = usual.review()
    asked = {"starts": AS_OF + timedelta(days=1), "until": AS_OF + timedelta(days=14)}
    shown = preview_override(
        review, usual.planner(review), sku="CUP", location="MAIN", kind="multiply", value=2.0, is_everywhere=True,
        reason="fair", by="tester", **asked,
    )  # fmt: skip
    assert shown.after == pytest.approx(shown.before * (14 * 2 + 7) / 21)
    assert shown.elsewhere == 1
    assert "2 times the forecast" in shown.said
    assert len(usual.planner(review).overrides) == 0
    usual.says(override_forecast, Override("CUP", "multiply", 2.0, asked["until"], "fair", starts=asked["starts"]))
    item = item_review(review, usual.planner(review), sku="CUP", location="MAIN")
    assert item.planned == pytest.approx(shown.after)
    assert item.expected == pytest.approx(shown.before)
    assert item.coming["mean"].iloc[0] == pytest.approx(item.coming_statistical * 35 / 21)


def test_a_preview_of_an_unknown_item_is_refused(usual):
    review = usual.review()
    with pytest.raises(UnknownThing, match="TEAPOT at MAIN"):
        preview_override(
            review, usual.planner(review), sku="TEAPOT", location="MAIN", kind="set", value=1, starts=AS_OF,
            until=AS_OF, is_everywhere=False, reason="", by="",
        )  # fmt: skip


# What overrides were worth


def said_of(*rows):
    columns = ["id", "sku_id", "location_id", "from_date", "until_date", "kind", "value", "weekly_rate_statistical",
               "recorded_at"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).astype({"location_id": "Int64"})
    for name in ("from_date", "until_date"):
        frame[name] = pd.to_datetime(frame[name])
    return frame.assign(recorded_at=pd.to_datetime(frame["recorded_at"], utc=True))


def valued(said, daily, *, out=(), cost=3.0, as_of=date(2024, 3, 31)):
    """Overrides held against the demand of one SKU from 1 March on; `out` are days without stock."""
    points = pd.DataFrame({"sku_id": [1], "location_id": [10], "unit_cost": [cost]})
    days = pd.date_range("2024-03-01", periods=len(daily))
    demand = pd.DataFrame({"unique_id": 0, "ds": days, "y": np.array(daily, float), "in_stock": True})
    demand.loc[demand["ds"].isin(pd.to_datetime(list(out))), "in_stock"] = False
    found = override_values(said, points=points, demand=demand, as_of=as_of, time_zone="Europe/Berlin")
    return found.set_index("number")


def test_value_added_is_the_error_that_the_override_took_away():
    said = said_of((1, 1, None, "2024-03-04", "2024-03-17", "set", 14.0, 10.0, "2024-03-01"))
    row = valued(said, [2] * 31).loc[1]
    assert (row["days"], row["actual"], row["statistical"], row["overridden"]) == (14, 28, 20, 28)
    assert row["added"] == 8
    assert row["added_value"] == 24


@pytest.mark.parametrize(
    ("kind", "value", "overridden"), [("multiply", 1.5, 30), ("add", -4.0, 12), ("add", -50.0, 0), ("set", 3.0, 6)]
)
def test_every_kind_of_override_is_compared(kind, value, overridden):
    said = said_of((1, 1, 10, "2024-03-04", "2024-03-17", kind, value, 10.0, "2024-03-01"))
    row = valued(said, [1] * 31).loc[1]
    assert row["overridden"] == overridden
    assert row["added"] == abs(14 - 20) - abs(14 - overridden)


def test_only_days_that_had_passed_after_it_was_said_and_were_in_stock_count():
    said = said_of((1, 1, None, "2024-03-01", "2024-04-30", "set", 14.0, 10.0, "2024-03-11"))
    assert valued(said, [2] * 31).loc[1, "days"] == 21
    assert valued(said, [2] * 31, out=["2024-03-12", "2024-03-13"]).loc[1, "days"] == 19
    assert valued(said, [2] * 31, as_of=date(2024, 3, 20)).loc[1, "days"] == 10
    assert np.isnan(valued(said, [2] * 31, as_of=date(2024, 3, 15)).loc[1, "added"])


def test_days_that_a_newer_override_covers_are_its_own():
    said = said_of(
        (1, 1, None, "2024-03-01", "2024-03-28", "set", 14.0, 10.0, "2024-03-01"),
        (2, 1, 10, "2024-03-15", "2024-03-28", "set", 7.0, 10.0, "2024-03-10"),
    )
    found = valued(said, [1] * 31)
    assert found["days"].tolist() == [14, 14]
    assert found["actual"].tolist() == [14, 14]


def test_an_override_of_an_item_that_was_never_forecast_has_no_worth():
    said = said_of((1, 1, None, "2024-03-01", "2024-03-28", "set", 14.0, np.nan, "2024-03-01"))
    assert np.isnan(valued(said, [1] * 31).loc[1, "added"])


def test_withdrawn_overrides_are_not_judged(usual):
    until = AS_OF + timedelta(days=30)
    early = datetime.combine(AS_OF - timedelta(days=40), datetime.min.time(), UTC)
    request = Override("CUP", "set", 30.0, until, "fair", weekly_rate_statistical=49.0)
    kept = usual.says(override_forecast, request, at=early)
    gone = usual.says(override_forecast, replace(request, sku="MUG"), at=early)
    usual.says(withdraw_input, "override", gone.number, None)
    planner = usual.planner(usual.review())
    assert planner.overrides["number"].tolist() == [kept.number]
    assert planner.value_added.overrides == 1
    row = planner.overrides.iloc[0]
    assert row["added"] == pytest.approx(
        abs(row["actual"] - 7 * row["days"]) - abs(row["actual"] - 30 / 7 * row["days"])
    )
    assert planner.value_added.share == pytest.approx(row["added"] / row["actual"])


# Unusual demand


def test_a_bulk_order_waits_for_a_verdict_and_excluding_it_settles_that(usual):
    review = usual.review()
    flags = usual.planner(review).flags
    assert flags[["sku", "location"]].to_numpy().tolist() == [["POT", "MAIN"]]
    assert flags["day"].iloc[0] == pd.Timestamp(BULK_DAY)
    assert flags["units"].iloc[0] == 900
    assert flags["value"].iloc[0] == 900 * review.points.at[number_of(review, "POT"), "unit_cost"]
    usual.says(decide_outlier, OutlierDecision("POT", "excluded", "one customer", day=BULK_DAY))
    after = usual.planner(usual.review())
    assert after.flags.empty
    assert after.decided[["sku", "decision", "reason"]].to_numpy().tolist() == [["POT", "excluded", "one customer"]]


# The command


def test_the_command_prints_the_answer_and_the_same_numbers_as_json(usual, fresh):
    url = str(usual.database.url)
    review = usual.review()
    printed = fresh.answer("forecast", "review", "--database", url)
    assert answer(review).said in " ".join(printed.split())
    plain = json.loads(fresh.answer("forecast", "review", "--format", "json", "--database", url))
    assert (plain["as_of"], plain["window_weeks"], plain["origins"]) == (str(AS_OF), WINDOW, 4)
    assert [row["method"] for row in plain["methods"]] == [OURS, TRAILING]
    worst = plain["items"][0]
    assert worst["error_value"] == pytest.approx(review.items["error_value"].max(), abs=1e-4)
    assert len(plain["items"]) == len(review.items)
    assert [row["sku"] for row in plain["unusual"]] == ["POT"]


def test_the_plan_tells_of_unusual_days_and_idle_overrides_and_what_to_do(usual, fresh):
    url = str(usual.database.url)
    first = fresh.answer("plan", "--database", url)
    assert "1 day of bulk orders stands out and counts as demand" in first
    assert "stockwright demand exclude SKU DAY --reason WHY" in first
    assert "change" not in first
    until = AS_OF + timedelta(days=30)
    one, two = (
        usual.says(override_forecast, Override(sku, "set", 5, until, "fair", location="EAST")).number
        for sku in ("MUG", "PAN")
    )
    usual.says(decide_outlier, OutlierDecision("POT", "excluded", "one customer", day=BULK_DAY))
    second = fresh.answer("plan", "--database", url)
    assert f"overrides {one}, {two} change nothing" in second
    assert "stockwright demand withdraw ID" in second
    assert "bulk" not in second
