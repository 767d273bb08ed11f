"""Overrides change the mean of the days that they cover, the distribution follows, and the point says so in words."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.demand_adjusting import adjusted, demand_that_counts, overrides_without_point, uplifted

AS_OF = date(2026, 3, 1)
LEVELS = (0.5, 0.9, 0.99)
FAR = date(2026, 12, 31)


def forecasts(*means, length=21.0):
    """Points whose quantiles are 1, 2 and 3 times their mean, in whole units."""
    mean = np.array(means, dtype=float)
    frame = {"weekly_rate": mean / length * 7, "mean": mean, "sd": mean / 2}
    frame |= {f"q{level}": np.rint(mean * times).astype(np.int64) for times, level in enumerate(LEVELS, 1)}
    return pd.DataFrame(frame)


def points(*keys, category="Kitchen"):
    rows = [{"sku_id": sku, "location_id": place, "category": category} for sku, place in keys]
    return pd.DataFrame(rows)


def overrides(*rows):
    columns = ["sku_id", "location_id", "from_date", "until_date", "kind", "value"]
    frame = pd.DataFrame([row[:6] for row in rows], columns=columns)
    frame["from_date"], frame["until_date"] = pd.to_datetime(frame["from_date"]), pd.to_datetime(frame["until_date"])
    frame["location_id"] = frame["location_id"].astype("Int64")
    return frame.assign(
        id=range(1, len(rows) + 1), reason="the fair", recorded_by="Ann", recorded_at=datetime(2026, 3, 1, tzinfo=UTC)
    )


def events(*rows):
    columns = ["name", "kind", "from_date", "until_date", "scope", "category", "sku_id", "location_id", "uplift"]
    frame = pd.DataFrame(rows, columns=columns).assign(reason="as last year", recorded_by="Ann")
    frame["from_date"], frame["until_date"] = pd.to_datetime(frame["from_date"]), pd.to_datetime(frame["until_date"])
    return frame.astype({"sku_id": "Int64", "location_id": "Int64"})


def one(*rows, mean=21.0, length=21.0):
    frame = adjusted(
        forecasts(mean, length=length), overrides(*rows), points=points((1, 1)), as_of=AS_OF, protection_days=length
    )
    return frame.iloc[0]


def test_without_overrides_nothing_changes():
    before = forecasts(21, 0)
    after = adjusted(before, overrides(), points=points((1, 1), (2, 1)), as_of=AS_OF, protection_days=21)
    pd.testing.assert_frame_equal(after[before.columns], before)
    assert after["override"].tolist() == ["", ""]
    assert after["weekly_rate_statistical"].tolist() == [7, 0]


def test_a_rate_that_is_set_replaces_the_forecast_and_scales_its_quantiles():
    row = one((1, 1, AS_OF, FAR, "set", 14))
    assert (row["weekly_rate"], row["weekly_rate_statistical"], row["mean"], row["sd"]) == (14, 7, 42, 21)
    assert [row["q0.5"], row["q0.9"], row["q0.99"]] == [42, 84, 126]
    assert row["override"] == "override by Ann until 31 Dec 2026: 14 a week instead of 7 (the fair)"


def test_a_factor_scales_and_an_addition_shifts():
    row = one((1, 1, AS_OF, FAR, "multiply", 0.5))
    assert [row["mean"], row["sd"], row["q0.5"], row["q0.9"], row["q0.99"]] == [10.5, 5.25, 10, 21, 32]
    assert "0.5 times the forecast, 3.5 a week instead of 7" in row["override"]
    row = one((1, 1, AS_OF, FAR, "add", 2))
    assert [row["mean"], row["sd"], row["q0.5"], row["q0.9"], row["q0.99"]] == [27, 10.5, 27, 48, 69]
    assert "+2 a week, 9 a week instead of 7" in row["override"]


def test_nothing_falls_below_zero():
    row = one((1, 1, AS_OF, FAR, "add", -100))
    assert [row["mean"], row["sd"], row["weekly_rate"], row["q0.5"], row["q0.99"]] == [0, 0, 0, 0, 0]
    row = one((1, 1, AS_OF, FAR, "set", 0))
    assert [row["mean"], row["sd"], row["q0.99"]] == [0, 0, 0]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2026, 3, 2), date(2026, 3, 22), 21),
        (date(2026, 2, 1), date(2026, 3, 2), 1),
        (date(2026, 3, 8), date(2026, 3, 14), 7),
        (date(2026, 3, 22), FAR, 1),
        (date(2026, 3, 23), FAR, 0),
        (date(2026, 2, 1), AS_OF, 0),
    ],
)
def test_only_the_days_of_the_interval_that_are_covered_change(first, last, days):
    row = one((1, 1, first, last, "set", 14))
    assert row["mean"] == pytest.approx(21 - days + 2 * days)
    assert (f"on {days} of 21 days" in row["override"]) == (0 < days < 21)


def test_a_part_of_a_day_counts_as_a_part():
    row = one((1, 1, date(2026, 3, 11), FAR, "set", 14), mean=10.5, length=10.5)
    assert row["mean"] == pytest.approx(9 + 1.5 * 2)


def test_on_each_day_the_newest_override_wins():
    older, newer = (1, 1, AS_OF, FAR, "set", 14), (1, None, date(2026, 3, 2), date(2026, 3, 8), "set", 70)
    assert one(older, newer)["mean"] == pytest.approx(7 * 10 + 14 * 2)
    assert one(newer, older)["mean"] == pytest.approx(42)
    assert "70" not in one(newer, older)["override"]
    assert one(older, newer)["override"].count("override by Ann") == 2


def test_a_rate_for_all_places_is_shared_as_the_forecast_shares_demand():
    places = points((1, 1), (1, 2), (2, 1))
    frame = adjusted(
        forecasts(63, 21, 21), overrides((1, None, AS_OF, FAR, "set", 40)), points=places, as_of=AS_OF,
        protection_days=21,
    )  # fmt: skip
    assert frame["weekly_rate"].tolist() == pytest.approx([30, 10, 7])
    assert frame["override"][1].startswith(
        "override by Ann until 31 Dec 2026: 40 a week over all places, 10 here, instead of 7 (the fair)"
    )
    frame = adjusted(
        forecasts(0, 0, 21), overrides((1, None, AS_OF, FAR, "set", 40)), points=places, as_of=AS_OF,
        protection_days=21,
    )  # fmt: skip
    assert frame["weekly_rate"].tolist() == pytest.approx([20, 20, 7])


def test_what_was_not_forecast_at_all_gets_a_spread_that_is_told_to_be_assumed():
    row = one((1, 1, AS_OF, FAR, "set", 12), mean=0.0)
    # A gamma rate with sd one half of its mean, and Poisson demand: variance = m + (m / 2)².
    assert (row["mean"], row["sd"]) == (36, pytest.approx((36 + 18**2) ** 0.5))
    draws = np.random.default_rng(1).poisson(np.random.default_rng(2).gamma(4, 9, 200_000))
    for level in LEVELS:
        below, upto = (draws < row[f"q{level}"]).mean(), (draws <= row[f"q{level}"]).mean()
        assert below < level + 0.005
        assert upto > level - 0.005
    assert "its spread is assumed, ± 50%, as hardly anything was forecast" in row["override"]
    assert one((1, 1, AS_OF, FAR, "multiply", 5), mean=0.0)["mean"] == 0


def test_whole_quantiles_stay_whole():
    frame = adjusted(
        forecasts(10), overrides((1, 1, AS_OF, FAR, "multiply", 1.37)), points=points((1, 1)), as_of=AS_OF,
        protection_days=21,
    )  # fmt: skip
    assert {str(frame[f"q{level}"].dtype) for level in LEVELS} == {"int64"}


def test_overrides_that_meet_no_point_are_named():
    said = overrides((1, 1, AS_OF, FAR, "set", 1), (1, 9, AS_OF, FAR, "set", 1), (7, None, AS_OF, FAR, "set", 1))
    assert overrides_without_point(said, points((1, 1))) == [2, 3]


@pytest.mark.parametrize("days", [0, -1, np.nan, np.inf])
def test_an_interval_of_no_days_is_refused(days):
    with pytest.raises(ValueError, match="protection_days must be above 0 for every point, got"):
        adjusted(forecasts(1), overrides(), points=points((1, 1)), as_of=AS_OF, protection_days=days)


def test_points_and_forecasts_belong_together():
    with pytest.raises(ValueError, match="forecasts and points must have the same index"):
        adjusted(forecasts(1, 2), overrides(), points=points((1, 1)), as_of=AS_OF, protection_days=1)


day = st.dates(date(2026, 2, 1), date(2026, 5, 1))
value = st.floats(-1e6, 1e6)
said = st.tuples(
    st.sampled_from([1, 2]), st.sampled_from([1, 2, None]), day, day, st.sampled_from(["set", "add"]), value
)


@given(
    st.lists(st.floats(0, 1e7), min_size=4, max_size=4),
    st.lists(said | said.map(lambda row: (*row[:4], "multiply", abs(row[5]) / 1e3)), max_size=4),
    st.floats(0.25, 400),
)
def test_whatever_is_said_the_forecast_stays_one(means, rows, length):
    rows = [
        (*row[:2], min(row[2:4]), max(row[2:4]), row[4], abs(row[5]) if row[4] == "set" else row[5]) for row in rows
    ]
    frame = adjusted(
        forecasts(*means, length=length), overrides(*rows), points=points((1, 1), (1, 2), (2, 1), (2, 2)),
        as_of=AS_OF, protection_days=length,
    )  # fmt: skip
    numbers = frame.drop(columns="override").to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    quantiles = frame[[f"q{level}" for level in LEVELS]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert np.allclose(frame["weekly_rate"] * length / 7, frame["mean"])
    untouched = frame["override"] == ""
    assert (frame["mean"][untouched] == np.array(means)[untouched]).all()


# Events


def test_an_expected_uplift_multiplies_the_days_that_it_covers():
    sale = ("Spring sale", "promotion", date(2026, 3, 2), date(2026, 3, 8), "all", None, None, None, 3.0)
    fair = ("Fair", "event", date(2026, 3, 8), date(2026, 3, 8), "category", "Kitchen", None, None, 2.0)
    other = ("Strike", "one_off", date(2026, 3, 2), date(2026, 3, 8), "sku", None, 9, None, 0.0)
    silent = ("Easter", "holiday", date(2026, 3, 2), date(2026, 3, 8), "all", None, None, None, None)
    frame = uplifted(
        forecasts(21, 0), events(sale, fair, other, silent), points=points((1, 1), (2, 1)), as_of=AS_OF,
        protection_days=21,
    )  # fmt: skip
    assert frame["mean"].tolist() == pytest.approx([6 * 3 + 6 + 14, 0])
    assert frame["event"][0] == (
        "promotion Spring sale, 2 Mar 2026 to 8 Mar 2026: 3 times the usual demand, says Ann (as last year);"
        " event Fair, 8 Mar 2026 to 8 Mar 2026: 2 times the usual demand, says Ann (as last year)"
    )


def test_an_event_elsewhere_or_past_changes_nothing():
    elsewhere = ("Sale", "promotion", date(2026, 3, 2), FAR, "all", None, None, 5, 3.0)
    past = ("Sale", "promotion", date(2026, 2, 2), AS_OF, "all", None, None, None, 3.0)
    other = ("Sale", "promotion", date(2026, 3, 2), FAR, "category", "Garden", None, None, 3.0)
    frame = uplifted(
        forecasts(21), events(elsewhere, past, other), points=points((1, 1)), as_of=AS_OF, protection_days=21
    )
    assert (frame["mean"][0], frame["event"][0]) == (21, "")


# History


def test_what_is_excluded_does_not_count():
    days = pd.to_datetime(["2026-02-01", "2026-02-02", "2026-02-03"])
    demand = pd.DataFrame({"sku_id": 1, "location_id": 1, "ds": days, "y": [5.0, 1003.0, 7.0], "in_stock": True})
    excluded = pd.DataFrame(
        {
            "sku_id": 1,
            "location_id": 1,
            "ds": pd.to_datetime(["2026-02-01", "2026-02-02", "2026-02-04", "2026-02-05"]),
            "units": [np.nan, 1000.0, np.nan, 3.0],
        }
    )
    counted = demand_that_counts(demand, excluded)
    assert counted["y"].fillna(-1).tolist() == [-1, 3, 7, -1]
    assert counted["ds"].dt.day.tolist() == [1, 2, 3, 4]
    assert demand["y"].tolist() == [5, 1003, 7]
    pd.testing.assert_frame_equal(demand_that_counts(demand, excluded.iloc[:0]), demand)
