"""Naive, seasonal naive, mean and trailing mean."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import Panel
from forecasting.baselines import historic_mean, naive, seasonal_naive, trailing_mean

NAN = np.nan
METHODS = [
    naive,
    historic_mean,
    trailing_mean,
    lambda panel: trailing_mean(panel, periods=3),
    lambda panel: seasonal_naive(panel, season_length=4),
]


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 50).map(float), st.just(NAN)), max_size=20), min_size=1, max_size=5
)


def test_naive_repeats_the_last_known_demand():
    result = naive(panel_of([5, 7, NAN], [3]))
    np.testing.assert_array_equal(result.fitted, [NAN, 5, 7, NAN])
    np.testing.assert_array_equal(result.forecast(2), [[7, 7], [3, 3]])


@given(histories)
def test_naive_is_that_of_pandas(series):
    result = naive(panel_of(*series))
    for number, one in enumerate(series):
        filled = pd.Series(one, dtype=float).ffill()
        np.testing.assert_array_equal(result.fitted[where(series, number)], filled.shift())
        assert result.level[number] == (0 if filled.dropna().empty else filled.iloc[-1])


def where(series, number):
    start = sum(len(one) for one in series[:number])
    return slice(start, start + len(series[number]))


@given(histories)
def test_the_historic_mean_is_that_of_pandas(series):
    result = historic_mean(panel_of(*series))
    for number, one in enumerate(series):
        means = pd.Series(one, dtype=float).expanding().mean().ffill()
        np.testing.assert_allclose(result.fitted[where(series, number)], means.shift(), rtol=1e-12)
        assert result.level[number] == pytest.approx(0 if means.dropna().empty else means.iloc[-1])


@given(histories, st.integers(1, 30))
def test_the_trailing_mean_is_that_of_pandas(series, periods):
    result = trailing_mean(panel_of(*series), periods=periods)
    for number, one in enumerate(series):
        means = pd.Series(one, dtype=float).rolling(periods, min_periods=1).mean().ffill()
        np.testing.assert_allclose(result.fitted[where(series, number)], means.shift(), rtol=1e-9, atol=1e-9)
        assert result.level[number] == pytest.approx(0 if means.dropna().empty else means.iloc[-1])


def test_the_trailing_mean_stands_through_a_long_gap():
    result = trailing_mean(panel_of([6, NAN, NAN, NAN]), periods=2)
    np.testing.assert_array_equal(result.fitted, [NAN, 6, 6, 6])
    np.testing.assert_array_equal(result.level, [6])


def test_a_huge_demand_leaves_no_trace_once_it_is_out_of_the_window():
    result = trailing_mean(panel_of([1e300, *[0.1] * 20]), periods=4)
    assert result.level[0] == pytest.approx(0.1)


def test_seasonal_naive_repeats_the_last_season():
    result = seasonal_naive(panel_of([1, 2, 3, 4, 5, 6, 7]), season_length=3)
    np.testing.assert_array_equal(result.fitted, [NAN, 1, 2, 1, 2, 3, 4])
    np.testing.assert_array_equal(result.forecast(5), [[5, 6, 7, 5, 6]])
    np.testing.assert_array_equal(result.level, [6])


def test_seasonal_naive_fills_a_gap_from_the_season_before_or_else_from_the_last_demand():
    result = seasonal_naive(panel_of([1, NAN, 3, 4, NAN, NAN]), season_length=3)
    np.testing.assert_array_equal(result.season, [[4, 4, 3]])


@given(histories)
def test_a_season_of_one_period_is_the_naive_forecast(series):
    panel = panel_of(*series)
    ours, plain = seasonal_naive(panel, season_length=1), naive(panel)
    np.testing.assert_array_equal(ours.fitted, plain.fitted)
    np.testing.assert_array_equal(ours.forecast(3), plain.forecast(3))


@pytest.mark.parametrize("method", METHODS)
@given(histories)
def test_a_series_is_forecast_alike_alone_and_among_others(method, series):
    together = method(panel_of(*series))
    alone = [method(panel_of(one)) for one in series]
    np.testing.assert_array_equal(together.forecast(6), np.concatenate([one.forecast(6) for one in alone]))
    np.testing.assert_array_equal(together.fitted, np.concatenate([one.fitted for one in alone]))
    assert np.isfinite(together.forecast(6)).all()


@pytest.mark.parametrize("method", METHODS)
def test_nothing_known_or_nothing_demanded_is_forecast_as_zero(method):
    result = method(panel_of([], [NAN, NAN], np.zeros(9)))
    np.testing.assert_array_equal(result.forecast(5), np.zeros((3, 5)))


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_panel_and_a_very_long_series_are_forecast(method):
    assert method(panel_of()).forecast(3).shape == (0, 3)
    assert method(panel_of(np.full(10_000, 2.0))).forecast(2).tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda panel: trailing_mean(panel, periods=0), "periods must be at least 1, got 0"),
        (lambda panel: seasonal_naive(panel, season_length=0), "season_length must be at least 1, got 0"),
        (lambda panel: naive(panel).forecast(0), "horizon must be at least 1 period, got 0"),
        (lambda panel: seasonal_naive(panel, season_length=2).forecast(-1), "horizon must be at least 1 period"),
    ],
)
def test_what_is_not_a_number_of_periods_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(panel_of([1, 2]))
