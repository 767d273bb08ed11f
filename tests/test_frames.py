"""Long frames become panels, whatever their order and names; what cannot be meant is refused by name."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import Panel, forecast, lead_time_demand, lead_time_paths, panel_from_frame


def weekly(**series):
    """Frames of weeks up to 29 March 2026, a Sunday."""
    parts = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range(end="2026-03-29", periods=len(y), freq="W"), "y": y})
        for name, y in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def refused(match, frame, **how):
    with pytest.raises(ValueError, match=match):
        panel_from_frame(frame, **how)


def test_a_period_without_a_row_is_one_without_demand_or_unknown_by_choice():
    frame = weekly(A=[1, 2, 3, 4]).drop(index=1)
    np.testing.assert_array_equal(panel_from_frame(frame).values, [1, 0, 3, 4])
    np.testing.assert_array_equal(panel_from_frame(frame, missing="unknown").values, [1, np.nan, 3, 4])
    refused("missing must be zero or unknown, got 'none'", frame, missing="none")


def test_a_frame_in_any_order_with_any_index_makes_the_same_panel():
    frame = weekly(B=[1, 2, 3], A=[4, 5])
    panel = panel_from_frame(frame)
    assert panel.ids == ("A", "B")
    np.testing.assert_array_equal(panel.values, [4, 5, 1, 2, 3])
    shuffled = panel_from_frame(frame.sample(frac=1, random_state=1).set_index(pd.Index([7] * 5)))
    np.testing.assert_array_equal(shuffled.values, panel.values)
    np.testing.assert_array_equal(shuffled.ends, panel.ends)


def test_columns_may_have_other_names_and_several_keys_make_a_series():
    frame = weekly(A=[1, 2], B=[3, 4]).rename(columns={"unique_id": "sku", "ds": "week", "y": "units"})
    frame = pd.concat([frame.assign(location="EAST"), frame.assign(location="WEST", units=frame["units"] * 10)])
    names = {"keys": ["sku", "location"], "ds": "week", "y": "units"}
    panel = panel_from_frame(frame, **names)
    assert panel.ids == (("A", "EAST"), ("A", "WEST"), ("B", "EAST"), ("B", "WEST"))
    np.testing.assert_array_equal(panel.values, [1, 2, 10, 20, 3, 4, 30, 40])
    result = lead_time_demand(frame, periods=2.0, quantiles=[0.5], **names)
    assert list(result.columns) == ["sku", "location", "mean", "sd", "q0.5"]
    assert list(result["location"]) == ["EAST", "WEST"] * 2
    band = forecast(frame, horizon=3, **names)
    assert list(band["sku"]) == ["A"] * 6 + ["B"] * 6
    assert list(band["location"][:6]) == ["EAST"] * 3 + ["WEST"] * 3


def test_the_series_column_keeps_its_name():
    frame = weekly(A=[1, 2], B=[3, 4]).rename(columns={"unique_id": "sku"})
    assert lead_time_demand(frame, periods=2.0, quantiles=[0.5], keys="sku").columns[0] == "sku"
    assert list(forecast(frame, horizon=1, keys="sku")["sku"]) == ["A", "B"]


def test_series_of_several_keys_keep_their_demand_where_a_key_has_an_order_of_its_own():
    size = pd.Categorical(["S", "L", "M"], categories=["S", "M", "L"], ordered=True)
    frame = pd.DataFrame({"size": size, "place": ["E"] * 3, "ds": [1, 1, 1], "y": [1, 3, 2]})
    panel = panel_from_frame(frame, keys=["size", "place"])
    assert dict(zip(panel.ids, panel.values.tolist(), strict=True)) == {("S", "E"): 1, ("M", "E"): 2, ("L", "E"): 3}


@given(
    st.lists(
        st.tuples(st.one_of(st.integers(0, 3), st.sampled_from("ab")), st.sampled_from("xy"), st.integers(0, 5)),
        min_size=1,
        unique=True,
    )
)
def test_ids_of_mixed_types_keep_their_demand(rows):
    frame = pd.DataFrame(
        {
            "unique_id": pd.Series([row[0] for row in rows], dtype=object),
            "place": [row[1] for row in rows],
            "ds": [row[2] for row in rows],
            "y": [float(number + 1) for number in range(len(rows))],
        }
    )
    panel = panel_from_frame(frame, keys=["unique_id", "place"])
    assert set(panel.ids) == {(one, place) for one, place, _ in rows}
    for one, place, when in rows:
        number = panel.ids.index((one, place))
        own = panel.values[panel.offsets[number] : panel.offsets[number + 1]]
        back = (int(panel.ends[number]) - when) // panel.period.length
        assert own[-1 - back] == rows.index((one, place, when)) + 1


@pytest.mark.parametrize(("bad", "said"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (-2.0, "-2.0")])
def test_impossible_demand_is_refused_with_series_and_date(bad, said):
    frame = weekly(A=[1.0, 2.0], **{"B-7": [3.0, bad]})
    refused(f"demand y of 'B-7' must be finite and not negative, got {said} at 2026-03-29", frame)


def test_two_rows_for_a_period_are_refused_with_series_and_date():
    twice = pd.concat([weekly(A=[1, 2, 3]), weekly(A=[5])])
    refused("one row per period, got several for 'A' at 2026-03-29", twice)
    monday = weekly(A=[1, 2, 3])
    monday.loc[0, "ds"] = pd.Timestamp("2026-03-16")
    refused(r"'A' must lie whole periods \(W\) before its last", monday, period="W")
    month = pd.DataFrame({"unique_id": "A", "ds": pd.to_datetime(["2026-03-01", "2026-03-15"]), "y": [1, 2]})
    refused(r"one row per period \(MS\), got several for 'A' up to 2026-03-15", month, period="MS")


def test_series_counted_in_other_periods_than_the_rest_are_refused_by_name():
    days = pd.DataFrame({"unique_id": "daily", "ds": pd.date_range("2026-01-01", periods=20), "y": 1})
    refused("got steps of .* without a gap for 'weekly'", pd.concat([days, weekly(weekly=[1] * 10)]))


def test_time_zones_times_of_day_and_what_is_no_date_are_refused():
    frame = weekly(A=[1, 2, 3])
    refused("ds must be without time zone", frame.assign(ds=frame["ds"].dt.tz_localize("Europe/Brussels")))
    aware = frame.assign(ds=pd.Series([str(day) + "+01:00" for day in frame["ds"]]))
    refused("ds must be without time zone", aware)
    refused("ds must be dates or whole numbers", frame.assign(ds=["soon", "later", "never"]))
    refused("ds must be dates or whole numbers", frame.assign(ds=["3/4/2026", "4/4/2026", "5/4/2026"]))
    refused("ds must be dates or whole numbers, got float64", frame.assign(ds=[1.0, 2.0, 3.0]))
    refused("ds must be dates or whole numbers, got bool", frame.assign(ds=[True, False, True]))
    refused("ds of 'A' must be given in every row", frame.assign(ds=[*frame["ds"][:2], pd.NaT]))
    refused("ds of 'A' must be given in every row", frame.assign(ds=pd.array([1, 2, None], dtype="Int64")))
    refused("whole seconds", frame.assign(ds=frame["ds"] + pd.to_timedelta([0, 0, 1], unit="ms")))
    refused("give period=", frame.assign(ds=frame["ds"] + pd.to_timedelta([0, 5, 9], unit="h")))


def test_missing_keys_and_columns_and_what_is_no_number_are_refused_by_name():
    frame = weekly(A=[1, 2, 3])
    refused("unique_id must be given in every row", frame.assign(unique_id=["A", None, "A"]))
    for name in ("unique_id", "ds", "y"):
        refused(f"must have one column {name}, got", frame.drop(columns=name))
    refused("must have one column price", frame, columns=["price"])
    refused("must have one column y", pd.concat([frame, frame["y"]], axis=1))
    refused("demand y must be numbers", frame.assign(y=["one", "two", "three"]))
    refused("price must be numbers", frame.assign(price=["dear"] * 3), columns=["price"])
    refused("in_stock must be numbers", frame.assign(in_stock=["yes", "no", "no"]))
    refused("in_stock of 'A' must lie between 0 and 1, got 1.5", frame.assign(in_stock=[1, 1.5, 0]))
    refused("in_stock of 'A' must lie between 0 and 1, got nan", frame.assign(in_stock=[1, None, 0]))
    refused("in_stock must name a column of demand, got 'shelf'", frame, in_stock="shelf")
    refused(r"one value per row of demand \(3\)", frame, in_stock=[True])
    refused("must be a frame .*, got dict", {"y": [1]})


def test_a_slip_in_a_date_is_refused_by_name():
    frame = pd.DataFrame(
        {"unique_id": "A", "ds": np.array(["0201-01-01", "2026-01-01"], dtype="datetime64[s]"), "y": 1}
    )
    refused("'A' must span at most 1,000,000 periods", frame, period="h")


def test_an_empty_frame_makes_a_panel_of_nothing():
    for frame in (weekly(A=[1]).iloc[:0], pd.DataFrame({"unique_id": [], "ds": [], "y": []})):
        assert panel_from_frame(frame).ids == ()
        assert panel_from_frame(frame.assign(place=[]), keys=["unique_id", "place"]).ids == ()
        assert len(lead_time_demand(frame, periods=2.0, quantiles=[0.5])) == 0
        assert len(forecast(frame, horizon=2)) == 0


def test_whole_numbers_and_plain_dates_and_strings_will_do_for_ds():
    numbers = pd.DataFrame({"unique_id": "A", "ds": [202, 200, 204], "y": [2, 1, 3]})
    panel = panel_from_frame(numbers)
    np.testing.assert_array_equal(panel.values, [1, 2, 3])
    np.testing.assert_array_equal(panel.future(2), [[206, 208]])
    for ds in ([date(2026, 3, 1), date(2026, 3, 2)], ["2026-03-01", "2026-03-02"]):
        panel = panel_from_frame(pd.DataFrame({"unique_id": "A", "ds": ds, "y": [1, 2]}))
        assert panel.ends[0] == np.datetime64("2026-03-02")


def test_further_columns_stand_beside_their_periods():
    frame = weekly(B=[1, 2, 3], A=[4, 5]).assign(price=[1.0, 2, 3, 4, 5], in_stock=[1, 0.5, 1, 1, 1]).drop(index=1)
    panel = panel_from_frame(frame, columns=["price"])
    np.testing.assert_array_equal(panel.columns["price"], [4, 5, 1, np.nan, 3])
    np.testing.assert_array_equal(panel.columns["in_stock"], [1, 1, 1, 1, 1])


def test_in_stock_is_heeded_as_a_column_by_another_name_or_as_values():
    frame = weekly(A=[4, 2, 4, 0])
    out = [True, True, False, False]
    by_column = panel_from_frame(frame.assign(shelf=out), in_stock="shelf")
    np.testing.assert_array_equal(by_column.columns["in_stock"], [1, 1, 0, 0])
    np.testing.assert_array_equal(panel_from_frame(frame, in_stock=out).columns["in_stock"], [1, 1, 0, 0])
    assert lead_time_demand(frame, periods=1.0, quantiles=[0.5], in_stock=out)["mean"][0] > 0


def test_what_a_panel_says_itself_is_not_silently_passed_over():
    panel = panel_from_frame(weekly(A=[1, 2, 3]))
    for name, value in (("in_stock", [1, 1, 0]), ("as_of", "2026-03-29"), ("period", "W")):
        with pytest.raises(ValueError, match=f"a panel says {name} itself"):
            lead_time_demand(panel, periods=1.0, quantiles=[0.5], **{name: value})


# As of


def test_all_series_end_with_as_of_and_rows_after_it_change_nothing():
    frame = weekly(A=[1, 2, 3, 9], B=[5, 6, 7, 9]).drop(index=6)
    panel = panel_from_frame(frame, as_of=date(2026, 3, 22))
    np.testing.assert_array_equal(panel.values, [1, 2, 3, 5, 6, 0])
    np.testing.assert_array_equal(panel.ends, np.datetime64("2026-03-22"))
    changed = frame.assign(y=frame["y"].where(frame["ds"] <= "2026-03-22", 1e6))
    np.testing.assert_array_equal(panel_from_frame(changed, as_of=date(2026, 3, 22)).values, panel.values)


@pytest.mark.parametrize(
    ("freq", "as_of", "last", "following"),
    [
        ("ME", "2026-03-15", "2026-02-28", "2026-03-31"),
        ("ME", "2026-03-31", "2026-03-31", "2026-04-30"),
        ("MS", "2026-03-31", "2026-03-01", "2026-04-01"),
        ("QE", "2026-05-01", "2026-03-31", "2026-06-30"),
        ("W", "2026-03-31", "2026-03-29", "2026-04-05"),
        ("B", "2026-03-29", "2026-03-27", "2026-03-30"),
        ("h", "2026-03-29 05:30", "2026-03-29 05:00", "2026-03-29 06:00"),
    ],
)
def test_as_of_within_a_period_counts_whole_ones_only_and_keeps_their_labels(freq, as_of, last, following):
    ds = pd.date_range(end="2026-02-27 23:00" if freq == "h" else "2026-02-28", periods=6, freq=freq)
    frame = pd.DataFrame({"unique_id": "A", "ds": ds, "y": 1.0})
    panel = panel_from_frame(frame, as_of=pd.Timestamp(as_of), period=freq)
    assert panel.ends[0] == np.datetime64(last)
    assert panel.future(1)[0, 0] == np.datetime64(following)
    expected = len(pd.date_range(ds[0], last, freq=freq))
    np.testing.assert_array_equal(panel.values, [1.0] * 6 + [0.0] * (expected - 6))


def test_a_series_that_had_not_begun_as_of_then_is_empty_and_forecast_as_nothing():
    frame = weekly(A=[1, 2, 3, 4], B=[7])
    panel = panel_from_frame(frame, as_of="2026-03-22")
    np.testing.assert_array_equal(panel.lengths, [3, 0])
    assert lead_time_demand(frame, periods=2.0, quantiles=[0.9], as_of="2026-03-22")["q0.9"][1] == 0


def test_as_of_of_another_kind_than_ds_is_refused():
    dated, numbered = weekly(A=[1, 2]), pd.DataFrame({"unique_id": "A", "ds": [1, 2], "y": [1, 2]})
    refused("as_of must be of the kind of ds, got 5", dated, as_of=5)
    refused("as_of must be of the kind of ds", numbered, as_of=date(2026, 1, 1))
    refused("as_of must be of the kind of ds, got NaT", dated, as_of=pd.NaT)
    refused("as_of must be without time zone", dated, as_of=pd.Timestamp("2026-03-29", tz="UTC"))
    assert panel_from_frame(numbered, as_of=np.int64(3)).values.tolist() == [1, 2, 0]


# Lead times


def test_lead_times_may_be_a_column_a_series_or_distributions_by_unique_id():
    frame = weekly(A=[3, 1, 4] * 8, B=[2, 7, 1] * 8).assign(weeks=[2.0] * 24 + [3.0] * 24)
    ask = {"quantiles": [0.5, 0.9]}
    by_column = lead_time_demand(frame, periods="weeks", **ask)
    pd.testing.assert_frame_equal(lead_time_demand(frame, periods=pd.Series({"B": 3.0, "A": 2.0}), **ask), by_column)
    certain = pd.DataFrame({"unique_id": ["B", "A"], "periods": [3.0, 2.0], "probability": [1.0, 1.0]})
    pd.testing.assert_frame_equal(lead_time_demand(frame, periods=certain, **ask), by_column)
    with pytest.raises(ValueError, match=r"weeks must be one value per series, got 2 for 'A'"):
        lead_time_demand(frame.assign(weeks=[9.0, *frame["weeks"][1:]]), periods="weeks", **ask)


def test_impossible_lead_times_are_refused():
    frame = weekly(A=[1, 2, 3])
    for periods, said in (
        (1e9, "periods of 'A' must be finite and positive, at most 1,000,000, got 1000000000.0"),
        (np.inf, "periods of 'A' must be finite and positive, got inf"),
        (-1.0, "periods of 'A' must be finite and positive, got -1.0"),
        ({1.0: 0.5, 2.0: 0.4}, "probabilities of the lead times of all series must sum to 1, got 0.9"),
        ({1.0: 1.5, 2.0: -0.5}, "must lie between 0 and 1, got 1.5"),
        ({np.nan: 1.0}, "lead times must be positive, at most 1,000,000, got nan"),
        ({"long": 1.0}, "periods must be given for every series, got none for 'A'"),
        (pd.DataFrame({"periods": ["long"], "probability": [1.0]}), "lead times must be numbers"),
        (pd.DataFrame({"periods": [1.0]}), "must have a column probability"),
        (pd.DataFrame({"unique_id": ["B"], "periods": [1.0], "probability": [1.0]}), "got none for 'A'"),
        (pd.Series([1.0, 2.0], index=["A", "A"]), "got several for the same"),
    ):
        with pytest.raises(ValueError, match=said):
            lead_time_demand(frame, periods=periods, quantiles=[0.5])
    with pytest.raises(ValueError, match="paths must be at least 1, got 0"):
        lead_time_paths(frame, periods=1.0, paths=0, seed=1)
    for levels in (1.0, [], [np.nan], [0.5, 2.0]):
        with pytest.raises(ValueError, match="quantiles must be levels strictly between 0 and 1"):
            lead_time_demand(frame, periods=1.0, quantiles=levels)
    for how in ({"season_length": 0}, {"threads": 0}, {"pool": "best"}):
        with pytest.raises(ValueError, match=next(iter(how))):
            lead_time_demand(frame, periods=1.0, quantiles=[0.5], **how)


def test_a_panel_takes_whole_numbers_lists_and_slices():
    panel = Panel(("A", "B"), np.arange(10)[::2], [0, 2, 5])
    plain = Panel(("A", "B"), np.array([0.0, 2, 4, 6, 8]), np.array([0, 2, 5]))
    ask = {"periods": 2.0, "quantiles": [0.9]}
    pd.testing.assert_frame_equal(lead_time_demand(panel, **ask), lead_time_demand(plain, **ask))


def test_a_panel_of_sku_and_location_is_told_by_its_pairs():
    ids = (("A", "EAST"), ("A", "WEST"))
    panel = Panel(ids, np.ones(40), np.array([0, 20, 40]))
    assert list(lead_time_demand(panel, periods=2.0, quantiles=[0.9])["unique_id"]) == list(ids)
    assert list(forecast(panel, horizon=2)["unique_id"]) == [ids[0]] * 2 + [ids[1]] * 2
    assert list(lead_time_demand(panel, periods=2.0, quantiles=[0.9], keys=["sku", "place"])["place"]) == [
        "EAST",
        "WEST",
    ]
