"""Periods: steps on a calendar, and back."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import Panel, Period, panel_from_frame

CALENDARS = {
    "D": "2026-02-27", "7D": "2026-02-27", "W": "2026-03-01", "W-SAT": "2026-02-28", "h": "2026-03-01 05:00",
    "15min": "2026-03-01 05:15", "MS": "2026-01-01", "ME": "2026-01-31", "QS": "2026-01-01", "QE": "2025-12-31",
    "YS": "2024-01-01", "YE": "2023-12-31", "B": "2026-02-27", "2W": "2026-03-01", "2ME": "2024-02-29",
}  # fmt: skip


@pytest.mark.parametrize("name", CALENDARS)
def test_periods_follow_each_other_as_pandas_says(name):
    labels = pd.date_range(CALENDARS[name], periods=40, freq=name).to_numpy().astype("datetime64[s]")
    period = Period.named(name)
    steps = np.arange(40)
    np.testing.assert_array_equal(period.after(np.full(40, labels[0]), steps), labels)
    np.testing.assert_array_equal(period.after(np.full(40, labels[-1]), steps - 39), labels)
    whole, on_grid = period.between(np.full(40, labels[0]), labels)
    np.testing.assert_array_equal(whole, steps)
    assert on_grid.all()


@pytest.mark.parametrize("name", [name for name in CALENDARS if name != "B"])
def test_the_period_is_inferred_from_the_rows_gaps_or_not(name):
    labels = pd.date_range(CALENDARS[name], periods=40, freq=name)
    kept = np.delete(np.arange(40), [3, 4, 9, 20])
    panel = panel_from_frame(pd.DataFrame({"unique_id": "A", "ds": labels[kept], "y": kept + 1.0}))
    assert panel.period == Period.named(name)
    assert len(panel.values) == 40
    assert (panel.values == 0).sum() == 4
    following = pd.date_range(labels[-1], periods=4, freq=name)[1:]
    np.testing.assert_array_equal(panel.future(3)[0], following.to_numpy().astype("datetime64[s]"))


def test_working_days_pass_over_weekends_and_holidays():
    closed = (date(2026, 4, 3), date(2026, 4, 6))
    period = Period.named("B", holidays=closed)
    thursday = np.array(["2026-04-02"], dtype="datetime64[s]")
    assert period.after(thursday, np.array([1]))[0] == np.datetime64("2026-04-07")
    assert period.after(np.array(["2026-04-07"], dtype="datetime64[s]"), np.array([-1]))[0] == thursday[0]
    days = np.busday_offset("2026-03-30", np.arange(10), holidays=list(closed))
    frame = pd.DataFrame({"unique_id": "A", "ds": days.astype("datetime64[s]"), "y": np.arange(10.0)})
    panel = panel_from_frame(frame, period=period)
    np.testing.assert_array_equal(panel.values, np.arange(10))
    np.testing.assert_array_equal(panel.to_frame()["ds"], frame["ds"])
    assert period.usual_season == 5


@pytest.mark.parametrize("name", CALENDARS)
@given(
    st.lists(st.lists(st.one_of(st.integers(0, 99), st.none()), min_size=1, max_size=30), min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_from_panel_to_frame_and_back_is_the_identity_and_until_undoes_what_came_since(name, series, back):
    labels = pd.date_range(CALENDARS[name], periods=30, freq=name).to_numpy().astype("datetime64[s]")
    ends = np.array([labels[min(len(one) + number, 29)] for number, one in enumerate(series)])
    values = np.concatenate([np.array(one, dtype=float) for one in series])
    offsets = np.concatenate(([0], np.cumsum([len(one) for one in series])))
    panel = Panel(tuple(range(len(series))), values, offsets, {"price": np.arange(len(values)) / 4}, ends,
                  Period.named(name))  # fmt: skip
    earlier = panel.until(back)
    np.testing.assert_array_equal(
        earlier.ends, panel.ends if back == 0 else panel.period.after(ends, np.full(len(ends), -back))
    )
    if back:
        np.testing.assert_array_equal(earlier.future(back)[:, -1], panel.ends)
    for number in range(len(series)):
        own = slice(earlier.offsets[number], earlier.offsets[number + 1])
        expected = np.array(series[number][: max(len(series[number]) - back, 0)], dtype=float)
        np.testing.assert_array_equal(earlier.values[own], expected)
    known = panel.to_frame().assign(y=lambda frame: frame["y"].fillna(0.0))
    again = panel_from_frame(known.sample(frac=1, random_state=2), period=panel.period, columns=["price"])
    assert again.ids == panel.ids
    np.testing.assert_array_equal(again.values, np.nan_to_num(panel.values))
    np.testing.assert_array_equal(again.columns["price"], panel.columns["price"])
    np.testing.assert_array_equal(again.ends, panel.ends)
    pd.testing.assert_frame_equal(again.to_frame(), known, check_dtype=False)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 200), st.sampled_from([1, 3, 12]))
def test_the_end_of_a_month_stays_the_end_and_other_days_stay_or_shrink(day, steps, length):
    label = np.array([day], dtype="datetime64[s]")
    later = pd.Timestamp(Period("month", length).after(label, np.array([steps]))[0])
    expected = pd.Timestamp(day) + pd.DateOffset(months=steps * length)
    if pd.Timestamp(day).is_month_end:
        expected = expected + pd.offsets.MonthEnd(0)
    assert later == expected


def test_numbers_step_as_they_do():
    panel = panel_from_frame(pd.DataFrame({"unique_id": ["A", "A", "B"], "ds": [10, 20, 35], "y": [1, 2, 3]}))
    assert panel.period == Period("number", 10)
    np.testing.assert_array_equal(panel.future(2), [[30, 40], [45, 55]])
    np.testing.assert_array_equal(panel.to_frame()["ds"], [10, 20, 35])


def test_a_period_that_is_not_known_is_refused():
    for name in ("fortnight", "0W", "", "W-", "5"):
        with pytest.raises(ValueError, match="period must be one of"):
            Period.named(name)
    with pytest.raises(ValueError, match="no dates to come"):
        Panel(("A",), np.ones(3), np.array([0, 3])).future(2)
    with pytest.raises(ValueError, match="periods_back must not be negative, got -1"):
        Panel(("A",), np.ones(3), np.array([0, 3])).until(-1)


@pytest.mark.parametrize(
    ("name", "season"), [("h", 24), ("D", 7), ("W", 52), ("MS", 12), ("QE", 4), ("B", 5), ("YS", 1), ("2W", 1)]
)
def test_the_usual_season_of_a_period_is_the_trades(name, season):
    assert Period.named(name).usual_season == season


@pytest.mark.parametrize("name", ["D", "W", "h", "15min", "MS", "QS", "YS", "B", "2W", "5D"])
def test_a_period_is_written_as_it_is_named(name):
    assert Period.named(str(Period.named(name))) == Period.named(name)
