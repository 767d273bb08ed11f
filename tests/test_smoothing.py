"""Levels of demand: smoothing, trailing mean and their average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import Panel, combined_level, exponential_smoothing, trailing_mean


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def plain_smoothing(series, alpha):
    known = [value for value in series if not np.isnan(value)]
    if not known:
        return 0.0, [np.nan] * len(series)
    level, fitted = float(np.mean(known[:4])), []
    for value in series:
        fitted.append(level)
        if not np.isnan(value):
            level += alpha * (value - level)
    return level, fitted


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 50).map(float), st.just(np.nan)), max_size=20), min_size=1, max_size=5
)


@settings(max_examples=60, deadline=None)
@given(histories, st.sampled_from([0.05, 0.3, 1.0]))
def test_equals_the_plain_recursion_with_gaps(series, alpha):
    smoothed = exponential_smoothing(panel_of(*series), alphas=[alpha])
    expected = [plain_smoothing(one, alpha) for one in series]
    np.testing.assert_allclose(smoothed.level, [level for level, _ in expected], atol=1e-12)
    np.testing.assert_allclose(smoothed.fitted, [v for _, fitted in expected for v in fitted], atol=1e-12)


def test_agrees_with_statsmodels_for_a_given_alpha():
    from statsmodels.tsa.holtwinters import SimpleExpSmoothing

    series = np.random.default_rng(1).poisson(20, 60).astype(float)
    start = series[:4].mean()
    model = SimpleExpSmoothing(series, initialization_method="known", initial_level=start)
    peer = model.fit(smoothing_level=0.3, optimized=False)
    ours = exponential_smoothing(panel_of(series), alphas=[0.3])
    np.testing.assert_allclose(ours.fitted, peer.fittedvalues, rtol=1e-12)
    np.testing.assert_allclose(ours.level, peer.forecast(1), rtol=1e-12)


def test_a_long_series_chooses_the_alpha_of_its_own():
    rng = np.random.default_rng(2)
    steady = rng.poisson(20, 300)
    wandering = np.abs(100 + np.cumsum(rng.normal(0, 8, 300)))
    smoothed = exponential_smoothing(panel_of(steady, wandering))
    assert smoothed.alpha[0] <= 0.1
    assert smoothed.alpha[1] == 0.5


def test_a_short_series_follows_the_panel():
    rng = np.random.default_rng(3)
    company = [rng.poisson(20, 200) for _ in range(20)]
    short = [10, 10, 10, 10, 40, 41, 40]
    assert exponential_smoothing(panel_of(*company, short)).alpha[-1] <= 0.1


def test_the_trailing_mean_is_that_of_pandas():
    import pandas as pd

    series = np.random.default_rng(4).poisson(3, 40).astype(float)
    series[[3, 20, 21]] = np.nan
    ours = trailing_mean(panel_of(series, []), periods=13)
    rolling = pd.Series(series).rolling(13, min_periods=1).mean()
    np.testing.assert_allclose(ours.fitted[1:], rolling[:-1])
    np.testing.assert_allclose(ours.level, [rolling.iloc[-1], 0.0])


def test_a_gap_longer_than_the_window_keeps_the_last_level():
    ours = trailing_mean(panel_of([6, np.nan, np.nan, np.nan]), periods=2)
    np.testing.assert_allclose(ours.level, [6])
    np.testing.assert_allclose(ours.fitted, [np.nan, 6, 6, 6])


@settings(max_examples=60, deadline=None)
@given(histories)
def test_the_combined_level_lies_within_what_was_demanded(series):
    level = combined_level(panel_of(*series)).level
    for value, one in zip(level, series, strict=True):
        known = [v for v in one if not np.isnan(v)] or [0.0]
        assert min(known) - 1e-9 <= value <= max(known) + 1e-9


@pytest.mark.parametrize("alphas", [[], [0.0], [1.2], [np.nan]])
def test_a_smoothing_constant_outside_its_range_is_refused(alphas):
    with pytest.raises(ValueError, match="alphas must be numbers in"):
        exponential_smoothing(panel_of([1, 2]), alphas=alphas)


def test_a_mean_over_no_periods_is_refused():
    with pytest.raises(ValueError, match="periods must be at least 1, got 0"):
        trailing_mean(panel_of([1, 2]), periods=0)
