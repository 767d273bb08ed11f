"""Daily demand becomes whole periods, with stock-outs taken for what they are."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import Panel, Period, periodic_panel

AS_OF = pd.Timestamp("2026-03-29")


def daily(rows, columns=("unique_id", "ds", "y")):
    frame = pd.DataFrame(rows, columns=list(columns))
    frame["ds"] = pd.to_datetime(frame["ds"])
    return frame


def test_periods_end_on_as_of_and_the_cut_leading_one_is_left_out():
    frame = daily([("A", "2026-03-10", 99), ("A", "2026-03-16", 1), ("A", "2026-03-22", 2), ("A", "2026-03-29", 4)])
    panel = periodic_panel(frame, as_of=AS_OF)
    assert panel.ids == ("A",)
    np.testing.assert_array_equal(panel.values, [3, 4])


def test_days_without_a_row_are_days_without_demand():
    frame = daily([("A", "2026-03-02", 5), ("A", "2026-03-29", 1)])
    np.testing.assert_array_equal(periodic_panel(frame, as_of=AS_OF).values, [5, 0, 0, 1])


def test_rows_after_as_of_change_nothing():
    frame = daily([("A", "2026-03-02", 5), ("A", "2026-03-30", 70), ("B", "2026-04-02", 1)])
    panel = periodic_panel(frame, as_of=AS_OF)
    np.testing.assert_array_equal(panel.values, [5, 0, 0, 0])
    np.testing.assert_array_equal(panel.lengths, [4, 0])


def test_a_start_before_the_first_sale_adds_weeks_of_zero_demand():
    frame = daily([("B", "2026-03-29", 3)])
    starts = {"B": pd.Timestamp("2026-03-16"), "A": pd.Timestamp("2026-03-23")}
    panel = periodic_panel(frame, as_of=AS_OF, starts=starts)
    assert panel.ids == ("A", "B")
    np.testing.assert_array_equal(panel.values, [0, 0, 3])
    np.testing.assert_array_equal(panel.offsets, [0, 1, 3])


def test_a_week_partly_out_of_stock_is_scaled_up_and_one_mostly_out_is_unknown():
    columns = ("unique_id", "ds", "y", "in_stock")
    out_two_days = [("A", f"2026-03-{day}", 2, day < 21) for day in range(16, 23)]
    out_five_days = [("A", f"2026-03-{day}", 2, day < 25) for day in range(23, 30)]
    panel = periodic_panel(daily(out_two_days + out_five_days, columns), as_of=AS_OF)
    np.testing.assert_allclose(panel.values, [14, np.nan])


def test_demand_is_never_taken_below_what_was_sold():
    columns = ("unique_id", "ds", "y", "in_stock")
    rows = [("A", "2026-03-23", 1, True), ("A", "2026-03-29", 50, False)]
    np.testing.assert_array_equal(periodic_panel(daily(rows, columns), as_of=AS_OF).values, [51])


def test_a_panel_aligns_to_the_right_and_back():
    panel = Panel(("A", "B", "C"), np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1, 3]))
    np.testing.assert_array_equal(panel.aligned(), [[np.nan, 1], [np.nan, np.nan], [2, 3]])
    np.testing.assert_array_equal(panel.ragged(panel.aligned()), panel.values)


def ragged():
    return Panel(
        ("A", "B", "C"),
        np.array([1.0, 2.0, 0.5, 4.0, np.nan]),
        np.array([0, 2, 2, 5]),
        {"price": np.arange(5.0)},
        np.array(["2026-03-29", "2026-03-22", "2026-03-29"], dtype="datetime64[s]"),
        Period.named("W"),
    )


def test_some_series_of_a_panel_bring_all_that_is_known_of_them():
    panel = ragged()
    for some in (panel.chosen([1, 2]), panel.between(1, 3)):
        assert some.ids == ("B", "C")
        np.testing.assert_array_equal(some.values, [0.5, 4.0, np.nan])
        np.testing.assert_array_equal(some.offsets, [0, 0, 3])
        np.testing.assert_array_equal(some.columns["price"], [2, 3, 4])
        np.testing.assert_array_equal(some.ends, panel.ends[1:])
        assert some.period == panel.period
    back = panel.chosen([2, 0])
    np.testing.assert_array_equal(back.values, [0.5, 4.0, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(back.ends, panel.ends[[2, 0]])


def test_what_is_inferred_of_whole_demand_leaves_it_counted_in_whole_units():
    panel = ragged()
    assert panel.is_whole.tolist() == [True, True, False]
    assert panel.with_values(panel.values + 0.3).is_whole.tolist() == [True, True, False]
    assert panel.with_values(panel.values + 0.3).chosen([2, 0]).is_whole.tolist() == [False, True]
    assert panel.with_values(panel.values + 0.3).between(0, 1).is_whole.tolist() == [True]
    assert panel.with_values(panel.values + 0.3).until(1).is_whole.tolist() == [True, True, False]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, -1.0])
def test_a_panel_of_impossible_demand_is_refused_by_name(bad):
    with pytest.raises(ValueError, match=f"demand of 'B-7' must be finite and not negative, got {bad}"):
        Panel(("A", "EMPTY", "B-7"), np.array([1.0, bad, 2.0]), np.array([0, 1, 1, 3]))


def test_a_panel_whose_parts_do_not_fit_is_refused():
    values = np.ones(3)
    with pytest.raises(ValueError, match=r"offsets must number 3 \(series \+ 1\), got 2"):
        Panel(("A", "B"), values, np.array([0, 3]))
    for offsets in ([0, 4], [1, 3], [0, 2]):
        with pytest.raises(ValueError, match="offsets must rise from 0 to 3"):
            Panel(("A",), values, np.array(offsets))
    with pytest.raises(ValueError, match="offsets must rise"):
        Panel(("A", "B"), values, np.array([0, 5, 3]))
    with pytest.raises(ValueError, match="price must have the shape of values"):
        Panel(("A",), values, np.array([0, 3]), {"price": np.ones(2)})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_impossible_demand_is_refused_by_name(bad):
    frame = daily([("A", "2026-03-29", 1.0), ("B-7", "2026-03-28", bad)])
    with pytest.raises(ValueError, match=r"'B-7'.*2026-03-28"):
        periodic_panel(frame, as_of=AS_OF)


def test_two_rows_for_one_day_are_refused_by_name():
    frame = daily([("A", "2026-03-29", 1), ("B-7", "2026-03-28", 1), ("B-7", "2026-03-28", 2)])
    with pytest.raises(ValueError, match=r"'B-7' on 2026-03-28"):
        periodic_panel(frame, as_of=AS_OF)


def test_days_of_another_time_zone_or_with_hours_are_refused():
    frame = daily([("A", "2026-03-29", 1)])
    with pytest.raises(ValueError, match="without time zone"):
        periodic_panel(frame.assign(ds=frame["ds"].dt.tz_localize("UTC")), as_of=AS_OF)
    with pytest.raises(ValueError, match="whole days"):
        periodic_panel(frame.assign(ds=frame["ds"] + pd.Timedelta(hours=3)), as_of=AS_OF)
    with pytest.raises(ValueError, match="must be datetime64"):
        periodic_panel(frame.assign(ds=["2026-03-29"]), as_of=AS_OF)
    with pytest.raises(ValueError, match="column y"):
        periodic_panel(frame.drop(columns="y"), as_of=AS_OF)


def test_no_rows_make_no_series():
    frame = daily([("A", "2026-03-29", 1)]).iloc[:0]
    assert periodic_panel(frame, as_of=AS_OF).ids == ()


def plain_panel(frame, period_days):
    """The definition, a day at a time."""
    series = {}
    for unique_id, rows in frame.groupby("unique_id"):
        day, last, values = rows["ds"].min(), AS_OF, []
        while last - pd.Timedelta(days=period_days - 1) >= day:
            first = last - pd.Timedelta(days=period_days - 1)
            block = rows[(rows["ds"] >= first) & (rows["ds"] <= last)]
            share = (period_days - (~block["in_stock"]).sum()) / period_days
            total = block["y"].sum()
            usable = share >= 0.4
            values.insert(0, max(total, block.loc[block["in_stock"], "y"].sum() / share) if usable else np.nan)
            last = first - pd.Timedelta(days=1)
        series[unique_id] = values
    return series


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(-3, 40), st.integers(0, 9), st.booleans()),
        min_size=1,
        unique_by=lambda row: row[:2],
    ),
    period_days=st.integers(1, 9),
    data=st.data(),
)
def test_equals_the_plain_definition_in_any_row_order(rows, period_days, data):
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y", "in_stock"])
    frame["ds"] = AS_OF - pd.to_timedelta(frame["ds"], unit="D")
    shuffled = frame.iloc[data.draw(st.permutations(range(len(frame))))]
    panel = periodic_panel(shuffled, as_of=AS_OF, period_days=period_days)
    expected = plain_panel(frame, period_days)
    assert panel.ids == tuple(expected)
    for number, one in enumerate(panel.ids):
        values = panel.values[panel.offsets[number] : panel.offsets[number + 1]]
        np.testing.assert_allclose(values, expected[one])


def test_thousands_of_series_take_a_moment():
    rng = np.random.default_rng(4)
    key = rng.choice(4000 * 400, size=300_000, replace=False)
    frame = pd.DataFrame(
        {
            "unique_id": np.char.add("SKU-", (key // 400).astype(str)),
            "ds": AS_OF - pd.to_timedelta(key % 400, unit="D"),
            "y": rng.poisson(3, len(key)),
            "in_stock": rng.random(len(key)) > 0.05,
        }
    )
    started = time.process_time()
    panel = periodic_panel(frame, as_of=AS_OF)
    assert len(panel.ids) == 4000
    assert time.process_time() - started < 0.5, "0.05 s seen; processor time, so that busy machines do not count"
