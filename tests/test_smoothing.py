"""Exponential smoothing without a season."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.panel import Panel
from forecasting.smoothed_demand import total_after_each_period
from forecasting.smoothing import damped_trend, holt, simple_exponential_smoothing

METHODS = [simple_exponential_smoothing, holt, damped_trend]
every_method = pytest.mark.parametrize("method", METHODS)


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def wandering(number, periods, seed):
    """Levels that drift and jump, with noise, far from 0."""
    rng = np.random.default_rng(seed)
    drift = rng.normal(0, 0.4, (number, 1)) * np.arange(periods)
    walk = np.cumsum(rng.normal(0, 1, (number, periods)), axis=1) * rng.uniform(0, 3, (number, 1))
    return np.maximum(200 + drift + walk + rng.normal(0, 10, (number, periods)), 1)


def plain_recursion(series, alpha, beta, phi, level, trend):
    """Forecast before each period, and level and trend after it."""
    fitted, levels, trends = [], [], []
    for value in series:
        trend *= phi
        level += trend
        fitted.append(level)
        if not np.isnan(value):
            error = value - level
            level += alpha * error
            trend += beta * error
        levels.append(level)
        trends.append(trend)
    return np.array(fitted), np.array(levels), np.array(trends)


def best_plain_recursion(series, alpha, beta, phi, *, with_trend):
    """The recursion from the start states that minimise its squared error, by linear least squares."""
    known = ~np.isnan(series)
    base = plain_recursion(series, alpha, beta, phi, 0.0, 0.0)[0]
    columns = [plain_recursion(series, alpha, beta, phi, 1.0, 0.0)[0] - base]
    if with_trend:
        columns.append(plain_recursion(series, alpha, beta, phi, 0.0, 1.0)[0] - base)
    start = np.linalg.lstsq(np.column_stack(columns)[known], (series - base)[known])[0]
    return plain_recursion(series, alpha, beta, phi, start[0], start[1] if with_trend else 0.0)


@every_method
@pytest.mark.parametrize("gaps", [False, True])
def test_the_states_are_those_of_the_plain_recursion_from_the_best_start(method, gaps):
    demand = wandering(12, 50, seed=1)
    if gaps:
        demand[np.random.default_rng(2).random(demand.shape) < 0.2] = np.nan
    ours = method(panel_of(*demand), prior_periods=0)
    for i, series in enumerate(demand):
        first = int(np.flatnonzero(~np.isnan(series))[0])
        fitted, level, trend = best_plain_recursion(
            series[first:], ours.alpha[i], ours.beta[i], ours.damping[i], with_trend=method is not METHODS[0]
        )
        own = slice(i * 50 + first, (i + 1) * 50)
        np.testing.assert_allclose(ours.fitted[own], fitted, rtol=1e-6)
        np.testing.assert_allclose(ours.level[own], level, rtol=1e-6)
        np.testing.assert_allclose(ours.trend[own], trend, rtol=1e-5, atol=1e-5)


def statsmodels_errors(method, demand):
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    kind = {"trend": None} if method is simple_exponential_smoothing else {"trend": "add"}
    if method is damped_trend:
        kind |= {"damped_trend": True, "bounds": {"damping_trend": (0.8, 0.98)}}
    return np.array([ExponentialSmoothing(one, **kind).fit().sse for one in demand])


@every_method
@pytest.mark.filterwarnings("ignore:Optimization failed to converge")
def test_the_squared_error_is_no_worse_than_that_of_statsmodels(method):
    demand = wandering(20, 60, seed=3)
    fitted = method(panel_of(*demand), prior_periods=0).fitted.reshape(demand.shape)
    ratio = ((demand - fitted) ** 2).sum(axis=1) / statsmodels_errors(method, demand)
    assert np.mean(ratio < 1.001) >= 0.9
    assert ratio.max() < 1.01


def test_the_best_alpha_is_that_of_a_fine_grid():
    demand = wandering(20, 40, seed=4)
    ours = simple_exponential_smoothing(panel_of(*demand), prior_periods=0).fitted.reshape(demand.shape)
    for series, fitted in zip(demand, ours, strict=True):
        least = min(
            ((series - best_plain_recursion(series, alpha, 0.0, 1.0, with_trend=False)[0]) ** 2).sum()
            for alpha in np.linspace(0, 1, 201)
        )
        assert ((series - fitted) ** 2).sum() < least * 1.0005


def test_a_straight_line_goes_on():
    line = 20 + 3.0 * np.arange(30)
    np.testing.assert_allclose(holt(panel_of(line), prior_periods=0).forecast(4)[0], [110, 113, 116, 119], rtol=1e-6)


def test_a_damped_trend_bends_and_an_undamped_one_does_not():
    series = wandering(1, 60, seed=5)[0] + 2.0 * np.arange(60)
    assert np.ptp(np.diff(holt(panel_of(series)).forecast(10)[0])) < 1e-9
    steps = np.diff(damped_trend(panel_of(series)).forecast(10)[0])
    assert (np.diff(np.abs(steps)) < 0).all()


def test_a_long_series_chooses_the_alpha_of_its_own():
    rng = np.random.default_rng(6)
    steady = rng.poisson(20, 400)
    walking = np.abs(300 + np.cumsum(rng.normal(0, 8, 400)))
    alpha = simple_exponential_smoothing(panel_of(steady, walking)).alpha
    assert alpha[0] < 0.1
    assert alpha[1] > 0.8


def test_a_short_series_does_not_follow_its_luck():
    rising = [10, 10, 10, 40, 41, 40]
    assert simple_exponential_smoothing(panel_of(rising), prior_periods=0).alpha[0] > 0.9
    assert simple_exponential_smoothing(panel_of(rising), prior_periods=30).alpha[0] < 0.3
    assert simple_exponential_smoothing(panel_of([5, 5, 5, 5])).alpha[0] == pytest.approx(0.15, abs=0.02)


@every_method
def test_up_to_two_periods_give_their_mean(method):
    ours = method(panel_of([], [7], [4, 8], [np.nan, 3, np.nan], [np.nan, np.nan]))
    np.testing.assert_allclose(ours.forecast(2)[:, 1], [0, 7, 6, 3, 0])
    np.testing.assert_allclose(ours.fitted, [7, 6, 6, 3, 3, 3, 0, 0])


@every_method
def test_demand_that_never_changes_is_foreseen_exactly(method):
    ours = method(panel_of(np.full(40, 0.1), np.zeros(40)))
    np.testing.assert_allclose(ours.forecast(5), [[0.1] * 5, [0.0] * 5], rtol=1e-12)
    np.testing.assert_allclose(ours.fitted[:40], 0.1, rtol=1e-12)


def test_unknown_periods_leave_the_level_alone():
    known = wandering(1, 30, seed=7)[0]
    holed = np.insert(known, [5, 5, 12, 29], np.nan)
    whole, gapped = (simple_exponential_smoothing(panel_of(one)) for one in (known, holed))
    np.testing.assert_array_equal(gapped.level[~np.isnan(holed)], whole.level)
    np.testing.assert_array_equal(gapped.level[5:7], gapped.level[4])


def test_the_trend_goes_on_through_unknown_periods():
    line = 20 + 3.0 * np.arange(40)
    holed = line.copy()
    holed[[0, 1, 7, 8, 9, 25, 39]] = np.nan
    np.testing.assert_allclose(holt(panel_of(holed), prior_periods=0).level[2:], line[2:], rtol=1e-6)


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 60).map(float), st.just(np.nan), st.just(0.0), st.just(1e12)), max_size=40),
    min_size=1,
    max_size=5,
)


@every_method
@settings(max_examples=150, deadline=None)
@given(series=histories)
def test_any_history_gives_finite_forecasts_that_are_never_negative(method, series):
    ours = method(panel_of(*series))
    for foreseen in (ours.forecast(6), ours.fitted, total_after_each_period(ours, 5)):
        assert np.isfinite(foreseen).all()
        assert (foreseen >= 0).all()
    assert np.isfinite(ours.level).all()
    assert np.isfinite(ours.trend).all()


@every_method
def test_extreme_sizes_and_lengths_are_answered(method):
    rng = np.random.default_rng(8)
    long = rng.poisson(1, 10_000).astype(float)
    died = np.concatenate((np.full(50, 9.0), np.zeros(9_950)))
    freak = np.concatenate((np.full(30, 2.0), [1e300], np.full(30, 2.0)))
    ours = method(panel_of(long, died, freak, np.full(20, 1e308), np.full(20, 5e-324)))
    assert np.isfinite(ours.forecast(3)).all()
    assert ours.forecast(1)[0, 0] == pytest.approx(1, abs=0.2)
    assert ours.forecast(1)[1, 0] < 0.01


@every_method
def test_a_series_is_answered_alike_in_any_company(method):
    series = [*wandering(6, 45, seed=9), [], [3, np.nan, 5], np.zeros(10), wandering(1, 80, seed=10)[0]]
    together = method(panel_of(*series))
    for i, one in enumerate(series):
        alone = method(panel_of(one))
        own = slice(together.offsets[i], together.offsets[i + 1])
        np.testing.assert_array_equal(together.fitted[own], alone.fitted)
        np.testing.assert_array_equal(together.level[own], alone.level)
        np.testing.assert_array_equal(together.forecast(3)[i], alone.forecast(3)[0])


@every_method
def test_units_do_not_matter(method):
    demand = wandering(5, 40, seed=11)
    np.testing.assert_array_equal(
        method(panel_of(*demand * 1024)).forecast(4), method(panel_of(*demand)).forecast(4) * 1024
    )


@every_method
def test_totals_are_sums_of_the_forecasts_made_after_each_period(method):
    demand = np.maximum(wandering(6, 40, seed=12) - np.linspace(0, 230, 40), 0)
    ours = method(panel_of(*demand))
    windows = np.array([0, 1, 3, 7, 12, 30])
    totals = total_after_each_period(ours, windows)
    for i, window in enumerate(windows):
        steps = np.cumsum(ours.damping[i] ** np.arange(1, window + 1))
        for t in range(40):
            ahead = ours.level[i * 40 + t] + ours.trend[i * 40 + t] * steps
            assert totals[i * 40 + t] == pytest.approx(np.maximum(ahead, 0).sum(), rel=1e-9, abs=1e-9)
        assert totals[i * 40 + 39] == pytest.approx(ours.forecast(30)[i, :window].sum(), rel=1e-9, abs=1e-9)


@every_method
@pytest.mark.parametrize("prior_periods", [-1.0, np.nan, np.inf])
def test_a_prior_of_no_weight_is_refused(method, prior_periods):
    with pytest.raises(ValueError, match="prior_periods must be finite and not negative, got"):
        method(panel_of([1, 2]), prior_periods=prior_periods)


def test_horizons_and_windows_that_are_none_are_refused():
    ours = simple_exponential_smoothing(panel_of([1, 2], [3]))
    with pytest.raises(ValueError, match="horizon must be at least 1, got 0"):
        ours.forecast(0)
    with pytest.raises(ValueError, match=r"one per series \(2\), got shape \(3,\)"):
        total_after_each_period(ours, [1, 2, 3])
    with pytest.raises(ValueError, match="whole numbers of periods, at least 0"):
        total_after_each_period(ours, [1, -2])
    with pytest.raises(ValueError, match="whole numbers of periods, at least 0"):
        total_after_each_period(ours, 1.5)
