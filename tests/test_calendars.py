"""Order lines become calendar periods: each unit in the right one, none lost, what is not over left out."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import (
    Panel,
    Period,
    forecast,
    open_days_ahead,
    panel_of_lines,
    per_open_day,
    periodic_panel,
    units_left_out,
)

CHRISTMAS = [date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1)]
WEEKMASKS = ["Mon Tue Wed Thu Fri", "Mon Tue Wed Thu Fri Sat", "Tue Sat", "1111111"]


def lines_of(*rows):
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    return frame.assign(ds=pd.to_datetime(frame["ds"], format="ISO8601"))


def random_lines(seed, rows=400, first="2023-11-20", days=500):
    rng = np.random.default_rng(seed)
    moments = pd.Timestamp(first) + pd.to_timedelta(rng.integers(0, days * 86_400, rows), unit="s")
    return pd.DataFrame({"unique_id": rng.choice(list("ABC"), rows), "ds": moments, "y": rng.integers(0, 9, rows)})


def series_of(panel, unique_id):
    """A series as pandas has it, its periods labelled."""
    frame = panel.to_frame()
    return frame[frame["unique_id"] == unique_id].set_index("ds")["y"]


def bounds(label, freq):
    """First and last day of the period that pandas labels so."""
    offset, day = pd.tseries.frequencies.to_offset(freq), pd.Timedelta(days=1)
    if freq == "D":
        return label, label
    if "S" in freq.partition("-")[0]:
        return label, label + offset - day
    return label - offset + day, label


CALENDAR_PERIODS = ["D", "W-SUN", "W-MON", "W-THU", "W-SAT", "MS", "ME", "QS", "QE", "YS", "YE"]
FISCAL_PERIODS = ["QE-MAR", "QE-JAN", "QS-FEB", "YE-JUN", "YS-APR"]


@pytest.mark.parametrize("freq", CALENDAR_PERIODS + FISCAL_PERIODS)
@pytest.mark.parametrize("as_of", ["2025-03-31", "2025-04-02", "2025-06-30"])
def test_calendar_periods_are_those_of_pandas_but_for_the_cut_ones(freq, as_of):
    lines = random_lines(1)
    panel = panel_of_lines(lines, period=freq, as_of=pd.Timestamp(as_of))
    for one in "ABC":
        rows = lines[(lines["unique_id"] == one) & (lines["ds"] < pd.Timestamp(as_of) + pd.Timedelta(days=1))]
        start = rows["ds"].min().normalize()
        daily = rows.groupby(rows["ds"].dt.normalize())["y"].sum()
        daily = daily.reindex(pd.date_range(start, as_of), fill_value=0)
        expected = daily.resample(freq).sum()
        whole = [
            start <= first and last <= pd.Timestamp(as_of)
            for first, last in (bounds(at, freq) for at in expected.index)
        ]
        expected = expected[whole]
        found = series_of(panel, one)
        np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())
        np.testing.assert_array_equal(found.index.to_numpy(), expected.index.to_numpy())


@pytest.mark.parametrize("weekmask", WEEKMASKS)
@pytest.mark.parametrize("as_of", ["2026-03-31", "2026-04-04", "2026-04-05"])
def test_open_days_are_those_of_pandas_custom_business_day(weekmask, as_of):
    lines = random_lines(2, first="2025-11-20", days=130)
    panel = panel_of_lines(lines, period="B", open_days=weekmask, holidays=CHRISTMAS, as_of=pd.Timestamp(as_of))
    offset = pd.offsets.CustomBusinessDay(weekmask=weekmask, holidays=CHRISTMAS)
    for one in "ABC":
        rows = lines[lines["unique_id"] == one]
        expected = rows.groupby([offset.rollforward(day) for day in rows["ds"].dt.normalize()])["y"].sum()
        days = pd.date_range(expected.index.min(), as_of, freq=offset)
        expected = expected.reindex(days, fill_value=0)
        found = series_of(panel, one)
        np.testing.assert_array_equal(found.to_numpy(), expected.to_numpy())
        np.testing.assert_array_equal(found.index.to_numpy(), days.to_numpy())
        coming = pd.date_range(days[-1] + offset, periods=20, freq=offset)
        np.testing.assert_array_equal(panel.future(20)[panel.ids.index(one)], coming.to_numpy())


@pytest.mark.parametrize("days", [1, 2, 7, 10, 28])
def test_blocks_of_days_end_on_as_of_as_periods_of_daily_demand_do(days):
    lines = random_lines(3)
    daily = lines.assign(ds=lines["ds"].dt.normalize()).groupby(["unique_id", "ds"], as_index=False)["y"].sum()
    expected = periodic_panel(daily, as_of=pd.Timestamp("2025-02-14"), period_days=days)
    panel = panel_of_lines(lines, period=f"{days}D", as_of=pd.Timestamp("2025-02-14"))
    np.testing.assert_array_equal(panel.values, expected.values)
    np.testing.assert_array_equal(panel.offsets, expected.offsets)
    np.testing.assert_array_equal(panel.ends, expected.ends)
    assert panel.period == expected.period


def test_blocks_of_weeks_end_on_the_last_week_that_is_over():
    lines = lines_of(
        ("A", "2026-03-02", 1), ("A", "2026-03-09", 2), ("A", "2026-03-22", 4), ("A", "2026-03-24", 8)
    )  # Mondays 2 and 9 March, Sunday 22, Tuesday 24
    panel = panel_of_lines(lines, period="2W-SUN", as_of=date(2026, 3, 25))
    np.testing.assert_array_equal(panel.values, [6])
    assert panel.ends[0] == np.datetime64("2026-03-22")
    kept = panel_of_lines(lines, period="2W-SUN", as_of=date(2026, 3, 25), keep_last=True)
    np.testing.assert_array_equal(kept.values, [3, 12])


def test_blocks_of_open_days_are_so_many_open_days():
    lines = lines_of(*(("A", day, 1) for day in pd.date_range("2026-03-02", "2026-03-15")))
    panel = panel_of_lines(lines, period="5B", as_of=date(2026, 3, 13))
    np.testing.assert_array_equal(panel.values, [5, 7])  # Saturday 7 and Sunday 8 count on Monday 9
    assert panel.period == Period("business day", 5)


def test_the_day_of_a_moment_is_that_of_the_time_zone_also_when_clocks_change():
    moments = pd.date_range("2026-03-27", "2026-03-31", freq="7min", tz="UTC", inclusive="left").append(
        pd.date_range("2026-10-23", "2026-10-27", freq="7min", tz="UTC", inclusive="left")
    )
    lines = pd.DataFrame({"unique_id": "A", "ds": moments, "y": 1})
    panel = panel_of_lines(lines, period="D", time_zone="Europe/Berlin", as_of=date(2026, 10, 27))
    local = [moment.to_pydatetime().astimezone(ZoneInfo("Europe/Berlin")).date() for moment in moments]
    expected = pd.Series(local).value_counts()
    found = series_of(panel, "A")
    assert {day.date(): units for day, units in found[found > 0].items()} == expected.to_dict()
    by_day = {str(day.date()): int(units) for day, units in found.items()}
    assert by_day["2026-03-29"] == pytest.approx(23 * 60 / 7, abs=1)
    assert by_day["2026-10-25"] == pytest.approx(25 * 60 / 7, abs=1)


def test_moments_of_any_zone_are_the_same_instants():
    lines = random_lines(4)
    lines["ds"] = lines["ds"].dt.tz_localize("UTC")
    tokyo = lines.assign(ds=lines["ds"].dt.tz_convert("Asia/Tokyo"))
    given = {"period": "W", "time_zone": "America/New_York", "as_of": date(2025, 3, 1)}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, panel_of_lines(tokyo, **given).values)


def test_moments_kept_in_arrow_are_moments():
    lines = random_lines(4)
    arrow = lines.assign(ds=lines["ds"].astype("timestamp[us][pyarrow]"))
    np.testing.assert_array_equal(panel_of_lines(arrow, period="D").values, panel_of_lines(lines, period="D").values)
    lines["ds"] = lines["ds"].dt.tz_localize("UTC")
    arrow = lines.assign(ds=lines["ds"].astype("timestamp[us, tz=UTC][pyarrow]"))
    given = {"period": "D", "time_zone": "Asia/Tokyo"}
    np.testing.assert_array_equal(panel_of_lines(arrow, **given).values, panel_of_lines(lines, **given).values)


def test_the_29th_of_february_counts_in_its_month_and_on_its_own_day():
    lines = lines_of(("A", "2024-02-01", 1), ("A", "2024-02-29 23:59:59", 5), ("A", "2024-03-01", 7))
    monthly = panel_of_lines(lines, period="ME", as_of=date(2024, 2, 29))
    np.testing.assert_array_equal(monthly.values, [6])
    assert monthly.future(12)[0, -1] == np.datetime64("2025-02-28")
    assert len(panel_of_lines(lines, period="D", as_of=date(2024, 3, 1)).values) == 30
    assert panel_of_lines(lines, period="MS", as_of=date(2024, 2, 28)).lengths[0] == 0


def test_a_last_period_that_is_not_over_is_left_out_unless_kept():
    lines = lines_of(("A", "2026-03-02", 1), ("A", "2026-03-09", 2), ("A", "2026-03-12", 4))
    cut = panel_of_lines(lines, period="W", as_of=date(2026, 3, 11))
    np.testing.assert_array_equal(cut.values, [1])
    kept = panel_of_lines(lines, period="W", as_of=date(2026, 3, 11), keep_last=True)
    np.testing.assert_array_equal(kept.values, [1, 2])
    assert kept.ends[0] == np.datetime64("2026-03-15")


def test_a_first_period_within_which_the_series_started_is_left_out_unless_kept():
    lines = lines_of(("A", "2026-03-03", 1), ("A", "2026-03-09", 2))
    given = {"period": "W", "as_of": date(2026, 3, 15)}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [2])
    np.testing.assert_array_equal(panel_of_lines(lines, **given, keep_first=True).values, [1, 2])


def test_periods_do_not_wait_for_closed_days():
    lines = lines_of(("A", "2025-12-02", 1), ("A", "2025-12-19", 2), ("A", "2025-12-24", 4))
    given = {"period": "W", "open_days": "Mon Tue Wed Thu Fri", "as_of": date(2025, 12, 24)}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [0, 2])
    with_holidays = panel_of_lines(lines, **given, holidays=[*CHRISTMAS, date(2025, 12, 1)])
    np.testing.assert_array_equal(with_holidays.values, [1, 0, 2, 4])


def test_demand_on_closed_days_counts_on_the_next_open_one():
    lines = lines_of(
        ("A", "2026-03-02", 1), ("A", "2026-03-07", 2), ("A", "2026-03-08 12:00", 4), ("A", "2026-03-10", 8)
    )
    given = {"open_days": "Mon Tue Wed Thu Fri", "as_of": date(2026, 3, 15)}
    np.testing.assert_array_equal(panel_of_lines(lines, period="W", **given).values, [1, 14])
    daily = panel_of_lines(lines, period="D", **given).values
    np.testing.assert_array_equal(daily, [1, 0, 0, 0, 0, 0, 0, 6, 8, 0, 0, 0, 0, 0])
    holiday = panel_of_lines(lines, period="B", holidays=[date(2026, 3, 9)], as_of=date(2026, 3, 10))
    np.testing.assert_array_equal(holiday.values, [1, 0, 0, 0, 0, 14])


def test_closed_days_are_unknown_on_demand_and_their_units_are_not_lost():
    lines = lines_of(("A", "2026-03-05", 1), ("A", "2026-03-07", 2), ("A", "2026-03-10", 8))
    given = {"period": "D", "open_days": "Mon Tue Wed Thu Fri", "as_of": date(2026, 3, 10), "closed": "unknown"}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [1, 0, np.nan, np.nan, 2, 8])
    np.testing.assert_array_equal(
        panel_of_lines(lines, **given, missing="unknown").values, [1, np.nan, np.nan, np.nan, 2, 8]
    )


def test_closed_days_may_sell_and_are_zero_where_they_do_not():
    lines = lines_of(("A", "2026-03-05", 1), ("A", "2026-03-07", 2), ("A", "2026-03-10", 8))
    given = {"period": "D", "open_days": "Mon Tue Wed Thu Fri", "as_of": date(2026, 3, 10), "closed": "zero"}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [1, 0, 2, 0, 0, 8])
    np.testing.assert_array_equal(
        panel_of_lines(lines, **given, missing="unknown").values, [1, np.nan, 2, 0, np.nan, 8]
    )


def test_a_week_of_holidays_is_unknown_where_closed_days_are():
    week = [date(2025, 12, day) for day in range(22, 29)]
    lines = lines_of(("A", "2025-12-15", 3), ("A", "2025-12-24", 2), ("A", "2025-12-30", 1))
    given = {"period": "W", "holidays": week, "as_of": date(2026, 1, 4)}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [3, 0, 3])
    np.testing.assert_array_equal(panel_of_lines(lines, **given, closed="unknown").values, [3, np.nan, 3])
    np.testing.assert_array_equal(panel_of_lines(lines, **given, closed="zero").values, [3, 2, 1])


def test_a_period_without_a_line_is_zero_or_unknown_by_choice():
    lines = lines_of(("A", "2026-03-02", 0), ("A", "2026-03-16", 2))
    given = {"period": "W", "as_of": date(2026, 3, 29)}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [0, 0, 2, 0])
    np.testing.assert_array_equal(panel_of_lines(lines, **given, missing="unknown").values, [0, np.nan, 2, np.nan])


def test_starts_add_periods_without_demand_and_series_without_lines():
    lines = lines_of(("B", "2026-03-17", 5), ("C", "2026-03-03", 9), ("C", "2026-03-24", 1))
    starts = {"B": date(2026, 3, 9), "A": date(2026, 3, 17), "C": date(2026, 3, 16), "D": date(2026, 4, 6)}
    panel = panel_of_lines(lines, period="W", as_of=date(2026, 3, 29), starts=starts)
    assert panel.ids == ("A", "B", "C", "D")
    np.testing.assert_array_equal(panel.values, [0, 0, 5, 0, 0, 1])
    np.testing.assert_array_equal(panel.lengths, [1, 3, 2, 0])
    left = units_left_out(lines, period="W", as_of=date(2026, 3, 29), starts=starts)
    assert left.to_dict("list") == {"unique_id": list("ABCD"), "before": [0, 0, 9, 0], "after": [0, 0, 0, 0]}


def test_a_kept_first_period_counts_from_the_start_on():
    lines = lines_of(("A", "2026-03-02", 1), ("A", "2026-03-04", 2))
    given = {"period": "W", "as_of": date(2026, 3, 8), "starts": {"A": date(2026, 3, 3)}, "keep_first": True}
    np.testing.assert_array_equal(panel_of_lines(lines, **given).values, [2])
    assert units_left_out(lines, **given)["before"].tolist() == [1]


def test_a_series_that_starts_on_a_closed_day_starts_with_the_next_open_one():
    lines = lines_of(("A", "2026-03-10", 1))
    given = {"open_days": "Mon Tue Wed Thu Fri", "as_of": date(2026, 3, 15), "starts": {"A": date(2026, 3, 7)}}
    for kept in (False, True):
        np.testing.assert_array_equal(panel_of_lines(lines, period="W", **given, keep_first=kept).values, [1])


def test_a_series_that_has_yet_to_start_has_no_period_even_if_all_are_kept():
    lines = lines_of(("A", "2026-03-12", 1))
    panel = panel_of_lines(lines, period="W", as_of=date(2026, 3, 10), keep_first=True, keep_last=True)
    np.testing.assert_array_equal(panel.lengths, [0])


def test_keeping_the_last_open_day_does_not_keep_one_to_come():
    lines = lines_of(("A", "2026-03-05", 1), ("A", "2026-03-07", 2))
    panel = panel_of_lines(lines, period="B", as_of=date(2026, 3, 8), keep_last=True)
    np.testing.assert_array_equal(panel.values, [1, 0])
    assert panel.ends[0] == np.datetime64("2026-03-06")


def test_a_block_is_unknown_only_if_closed_throughout():
    closed = [day.date() for day in pd.date_range("2025-12-15", "2026-01-04")]
    lines = lines_of(("A", "2025-12-01", 3), ("A", "2026-01-05", 1))
    given = {"period": "2W", "holidays": closed, "closed": "unknown"}
    np.testing.assert_array_equal(panel_of_lines(lines, **given, as_of=date(2026, 1, 11)).values, [3, np.nan, 1])
    np.testing.assert_array_equal(panel_of_lines(lines, **given, as_of=date(2026, 1, 18)).values, [0, np.nan, 1])


def test_a_week_of_open_days_is_the_usual_season():
    for weekmask, season in (("1111100", 5), ("1111110", 6), ("0100010", 2)):
        assert panel_of_lines(A_LINE, period="B", open_days=weekmask).period.usual_season == season


def test_by_default_each_series_ends_with_its_last_line_whatever_others_do():
    lines = lines_of(("A", "2026-03-02", 1), ("A", "2026-03-04", 2), ("B", "2026-03-02", 3), ("B", "2026-03-29", 4))
    daily = panel_of_lines(lines, period="D")
    np.testing.assert_array_equal(daily.lengths, [3, 28])
    weekly = panel_of_lines(lines, period="W")
    np.testing.assert_array_equal(weekly.values, [3, 0, 0, 4])
    np.testing.assert_array_equal(weekly.ends, np.array(["2026-03-01", "2026-03-29"], dtype="datetime64[s]"))


def test_several_keys_make_tuples_and_columns_go_by_any_name():
    lines = pd.DataFrame(
        {"sku": ["b", "a", "a"], "site": [1, 2, 1], "when": ["2026-03-03"] * 3, "units": [1.5, 2.0, 4.0]}
    )
    panel = panel_of_lines(
        lines,
        period="D",
        keys=["sku", "site"],
        ds="when",
        y="units",
        as_of=date(2026, 3, 3),
        starts={("a", 3): date(2026, 3, 2)},
    )
    assert panel.ids == (("a", 1), ("a", 2), ("a", 3), ("b", 1))
    np.testing.assert_array_equal(panel.values, [4, 2, 0, 0, 1.5])


def test_dates_as_text_or_objects_are_days():
    expected = panel_of_lines(lines_of(("A", "2026-03-02", 1), ("A", "2026-03-04", 2)), period="D")
    for ds in (["2026-03-02", "2026-03-04 10:30"], [date(2026, 3, 2), date(2026, 3, 4)]):
        found = panel_of_lines(pd.DataFrame({"unique_id": "A", "ds": ds, "y": [1, 2]}), period="D")
        np.testing.assert_array_equal(found.values, expected.values)
        np.testing.assert_array_equal(found.ends, expected.ends)


def test_no_lines_make_no_series():
    empty = lines_of(("A", "2026-03-02", 1)).iloc[:0]
    for period in ("D", "W", "ME", "B", "3B"):
        panel = panel_of_lines(empty, period=period, closed="next", missing="unknown", as_of=date(2026, 3, 2))
        assert panel.ids == ()
        assert len(units_left_out(empty, period=period)) == 0
    only = panel_of_lines(empty, period="W", as_of=date(2026, 3, 15), starts={"A": date(2026, 3, 2)})
    np.testing.assert_array_equal(only.values, [0, 0])


PERIODS = ["D", "3D", "W", "W-WED", "2W-FRI", "MS", "ME", "2ME", "QE", "QS-FEB", "YE-MAR", "B", "4B"]
CHOICES = st.fixed_dictionaries(
    {
        "period": st.sampled_from(PERIODS),
        "open_days": st.sampled_from([None, *WEEKMASKS]),
        "holidays": st.lists(st.dates(date(2025, 12, 15), date(2026, 3, 1)), max_size=20),
        "closed": st.sampled_from(["next", "unknown", "zero"]),
        "missing": st.sampled_from(["zero", "unknown"]),
        "as_of": st.none() | st.dates(date(2025, 12, 1), date(2026, 4, 1)),
        "keep_first": st.booleans(),
        "keep_last": st.booleans(),
    }
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.datetimes(datetime(2025, 12, 10), datetime(2026, 3, 20)),  # noqa: DTZ001
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=30,
)


def fitting(choice):
    return choice | {"closed": "next"} if choice["period"].endswith("B") else choice


@settings(max_examples=300, deadline=None)
@given(rows=ROWS, choice=CHOICES)
def test_every_unit_is_in_a_period_or_said_to_be_left_out(rows, choice):
    lines, given_ = lines_of(*rows), fitting(choice)
    panel, left = panel_of_lines(lines, **given_), units_left_out(lines, **given_)
    counted = [np.nansum(panel.values[a:b]) for a, b in zip(panel.offsets[:-1], panel.offsets[1:], strict=True)]
    total = counted + left["before"] + left["after"]
    assert total.tolist() == lines.groupby("unique_id")["y"].sum().tolist()
    assert not (panel.values < 0).any()
    if given_["keep_first"] and given_["keep_last"] and given_["as_of"] is None:
        assert left[["before", "after"]].to_numpy().sum() == 0


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, choice=CHOICES)
def test_a_series_is_the_same_alone_and_its_periods_are_labelled_without_a_gap(rows, choice):
    lines, given_ = lines_of(*rows), fitting(choice)
    panel = panel_of_lines(lines, **given_)
    for number, one in enumerate(panel.ids):
        alone = panel_of_lines(lines[lines["unique_id"] == one], **given_)
        np.testing.assert_array_equal(alone.values, panel.between(number, number + 1).values)
        assert alone.ends[0] == panel.ends[number]
        assert alone.period == panel.period
        steps, whole = panel.period.between(panel.until(1).ends, panel.ends)
        assert (steps == 1).all()
        assert whole.all()


def open_by_hand(first, last, weekmask, holidays):
    days = pd.date_range(first, last)
    return sum(weekmask[day.weekday()] == "1" and day.date() not in holidays for day in days)


@pytest.mark.parametrize("freq", ["D", "W", "W-TUE", "MS", "ME", "QS", "QE", "YE-JUN"])
def test_open_days_of_coming_periods_are_counted_day_by_day(freq):
    panel = panel_of_lines(random_lines(5), period=freq, as_of=date(2025, 11, 30))
    holidays = [*CHRISTMAS, date(2026, 4, 3), date(2026, 4, 6)]
    found = open_days_ahead(panel, 5, open_days="1111100", holidays=holidays)
    assert found.shape == (3, 5)
    for step, label in enumerate(panel.future(5)[1]):
        first, last = bounds(pd.Timestamp(label), freq)
        assert found[1, step] == open_by_hand(first, last, "1111100", holidays)


def test_open_days_of_blocks_are_those_of_all_their_days():
    panel = panel_of_lines(random_lines(5), period="10D", as_of=date(2025, 12, 14))
    found = open_days_ahead(panel, 2, open_days="1111100", holidays=CHRISTMAS)[0]
    assert found.tolist() == [
        open_by_hand("2025-12-15", "2025-12-24", "1111100", CHRISTMAS),
        open_by_hand("2025-12-25", "2026-01-03", "1111100", CHRISTMAS),
    ]
    by_open_day = panel_of_lines(random_lines(5), period="3B", as_of=date(2025, 12, 14))
    np.testing.assert_array_equal(open_days_ahead(by_open_day, 4), np.full((3, 4), 3))


def test_steady_demand_per_open_day_is_level_though_months_are_not():
    days = pd.date_range("2025-01-01", "2025-12-31", freq="B")
    lines = pd.DataFrame({"unique_id": "A", "ds": days, "y": 3})
    weekdays = {"open_days": "Mon Tue Wed Thu Fri"}
    panel = panel_of_lines(lines, period="ME", as_of=date(2025, 12, 31), **weekdays)
    level = per_open_day(panel, **weekdays)
    assert panel.values.std() > 1
    np.testing.assert_allclose(level.values, np.full(12, 3.0))
    assert not level.is_whole.any()
    coming = forecast(level, horizon=3, quantiles=[0.5])["mean"] * open_days_ahead(panel, 3, **weekdays)[0]
    np.testing.assert_allclose(coming, [66, 60, 66])  # January, February and March 2026 have 22, 20, 22 weekdays


def test_per_open_day_times_open_days_is_the_panel_and_a_period_without_any_is_unknown():
    lines = lines_of(*(("A", day, 2) for day in pd.date_range("2025-12-01", "2026-01-11")))
    shut = [day.date() for day in pd.date_range("2025-12-22", "2025-12-28")]
    panel = panel_of_lines(lines, period="W", holidays=shut, as_of=date(2026, 1, 11))
    np.testing.assert_array_equal(panel.values, [14, 14, 14, 0, 28, 14])
    np.testing.assert_array_equal(per_open_day(panel, holidays=shut).values, [2, 2, 2, np.nan, 4, 2])


A_LINE = lines_of(("A", "2026-03-02", 1), ("B-7", "2026-03-03", 2))


@pytest.mark.parametrize(
    ("lines", "given_", "message"),
    [
        (A_LINE.assign(y=[1, np.nan]), {}, r"demand y of 'B-7'.* got nan on 2026-03-03"),
        (A_LINE.assign(y=[1, -2]), {}, r"demand y of 'B-7'.*not negative.* got -2.0 on 2026-03-03"),
        (A_LINE.assign(y=[1, np.inf]), {}, r"demand y of 'B-7'.* got inf"),
        (A_LINE.assign(y=["one", "two"]), {}, "demand y must be numbers"),
        (A_LINE.drop(columns="y"), {}, "one column y, got unique_id, ds"),
        (A_LINE.drop(columns="ds"), {}, "one column ds"),
        (A_LINE, {"keys": "sku"}, "one column sku"),
        ([1, 2], {}, "lines must be a frame.*got list"),
        (A_LINE.assign(unique_id=["A", None]), {}, "unique_id must be given in every row"),
        (A_LINE.assign(ds=[pd.Timestamp("2026-03-02"), pd.NaT]), {}, "ds of 'B-7' must be given in every line"),
        (A_LINE.assign(ds=[1, 2]), {}, "ds must be days or moments, got int64"),
        (A_LINE.assign(ds=pd.Series([1, 2], dtype=object)), {}, "ds must be days or moments, got numbers"),
        (A_LINE.assign(ds=["2026-03-02", "02.03.2026"]), {}, "ds must be days or moments.*02.03.2026"),
        (
            A_LINE.assign(ds=["2026-03-02T00:00Z", "2026-03-02T00:00+01:00"]),
            {"time_zone": "UTC"},
            "must not mix time zones",
        ),
        (
            A_LINE.assign(ds=pd.Series([datetime(2026, 3, 2, tzinfo=UTC), date(2026, 3, 2)], dtype=object)),
            {"time_zone": "UTC"},
            "must not mix time zones",
        ),
        (A_LINE.assign(ds=A_LINE["ds"].dt.tz_localize("UTC")), {}, "time_zone must say which day"),
        (A_LINE, {"time_zone": "Europe/Berlin"}, "ds must have a time zone where time_zone is given"),
        (A_LINE.assign(ds=A_LINE["ds"].dt.tz_localize("UTC")), {"time_zone": "Mars/Base"}, "got 'Mars/Base'"),
        (A_LINE.assign(ds=A_LINE["ds"].dt.tz_localize("UTC")), {"time_zone": ""}, "got ''"),
        (A_LINE.assign(ds=A_LINE["ds"].dt.tz_localize("UTC")), {"time_zone": 3}, "time_zone must be a name.*got 3"),
        (A_LINE, {"open_days": "0000000"}, "open_days must name the open weekdays.*weekmask of all zeros"),
        (A_LINE, {"open_days": "Mon Xyz"}, "open_days must name the open weekdays.*'Mon Xyz'"),
        (A_LINE, {"open_days": 5}, "open_days must name the open weekdays.*got 5"),
        (A_LINE, {"holidays": ["Christmas"]}, "a holiday must be a date.*'Christmas'"),
        (A_LINE, {"holidays": [20251225]}, "a holiday must be a date.*20251225"),
        (A_LINE, {"holidays": [pd.NaT]}, "a holiday must be a date.*NaT"),
        (A_LINE, {"holidays": [pd.Timestamp("2025-12-25 10:00")]}, "a holiday must be a date.*10:00"),
        (A_LINE, {"holidays": [pd.Timestamp("2025-12-25", tz="UTC")]}, "a holiday must be a date.*UTC"),
        (A_LINE, {"holidays": "2025-12-25"}, "holidays must be a list of dates"),
        (A_LINE, {"holidays": None}, "holidays must be a list of dates"),
        (A_LINE, {"closed": "open"}, "closed must be next, unknown or zero, got 'open'"),
        (A_LINE, {"period": "B", "closed": "zero"}, "closed must be next where periods are open days"),
        (A_LINE, {"missing": "gone"}, "missing must be zero or unknown, got 'gone'"),
        (A_LINE, {"as_of": datetime(2026, 3, 2, tzinfo=UTC)}, "as_of must be a date"),
        (A_LINE, {"as_of": pd.Timestamp("2026-03-02 12:00")}, "as_of must be a date"),
        (A_LINE, {"as_of": 5}, "as_of must be a date.*got 5"),
        (A_LINE, {"starts": {"A": "soon"}}, "start of 'A' must be a date.*'soon'"),
        (A_LINE, {"starts": {"Z": date(2026, 3, 1)}}, "as_of must be given for series without lines, such as 'Z'"),
        (lines_of(("A", "1001-01-01", 1), ("A", "9000-01-01", 1)), {}, "'A' must span at most 1,000,000 periods"),
    ],
)
def test_bad_lines_are_refused_by_name(lines, given_, message):
    with pytest.raises(ValueError, match=message):
        panel_of_lines(lines, **({"period": "D"} | given_))


@pytest.mark.parametrize("period", ["h", "15min", "0D", "W-XYZ", "D-MON", "MS-FEB", "QE-SUN", "B-MON", "", "12345D", 7])
def test_a_period_not_known_is_refused_by_name(period):
    with pytest.raises(ValueError, match=f"period must be D, W, .* got {period!r}"):
        panel_of_lines(A_LINE, period=period)


def test_open_days_are_refused_where_there_are_none():
    values, offsets = np.ones(3), np.array([0, 3])
    hourly = Panel(("A",), values, offsets, {}, np.array(["2026-03-02"], dtype="datetime64[s]"), Period.named("h"))
    midmonth = Panel(("A",), values, offsets, {}, np.array(["2026-03-15"], dtype="datetime64[s]"), Period.named("ME"))
    for panel, message in (
        (Panel(("A",), values, offsets), "a panel"),
        (Panel(("A",), values, offsets, {}, np.array([3]), Period("number", 1)), "a panel needs ends and a period"),
        (hourly, "whole days, got h"),
        (midmonth, "first or last day, got 2026"),
    ):
        with pytest.raises(ValueError, match=message):
            open_days_ahead(panel, 2)
        with pytest.raises(ValueError, match=message):
            per_open_day(panel)
    with pytest.raises(ValueError, match="horizon must be at least 1, got 0"):
        open_days_ahead(panel_of_lines(A_LINE, period="D"), 0)
