"""The Theta method and the dynamic optimised one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from forecasting.decomposition import seasonal_indices
from forecasting.panel import Panel
from forecasting.smoothed_demand import total_after_each_period
from forecasting.smoothing import simple_exponential_smoothing
from forecasting.theta import dynamic_optimised_theta, theta

every_method = pytest.mark.parametrize("method", [theta, dynamic_optimised_theta])


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def walking(number, periods, seed):
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 5, (number, periods)), axis=1)
    return np.maximum(300 + rng.normal(0, 1, (number, 1)) * np.arange(periods) + walk + rng.normal(0, 9, walk.shape), 1)


def seasonal(number, periods, seed):
    profile = 1 + 0.4 * np.sin(2 * np.pi * np.arange(periods) / 12)
    return walking(number, periods, seed) * profile


def plain_dynamic_theta(series, alpha, share, level, horizon=0):
    """One-step forecasts of the model DOTM as its source writes it; later ones with the line held."""
    height, slope, mean, said = 0.0, 0.0, 0.0, []
    for t, value in enumerate(series, start=1):
        line = (1 - alpha) ** (t - 1) * height + (1 - (1 - alpha) ** t) / alpha * slope
        said.append(level + share * line)
        slope = ((t - 2) * slope + 6 / t * (value - mean)) / (t + 1) if t > 1 else 0.0
        mean = ((t - 1) * mean + value) / t
        height = mean - (t + 1) / 2 * slope
        level = alpha * value + (1 - alpha) * level
    for t in range(len(series) + 1, len(series) + horizon + 1):
        line = (1 - alpha) ** (t - 1) * height + (1 - (1 - alpha) ** t) / alpha * slope
        said.append(level + share * line)
        level += alpha * (said[-1] - level)
    return np.array(said)


def best_plain_dynamic_theta(series, alpha, share):
    """The first level that minimises the squared error from the third period on."""
    base = plain_dynamic_theta(series, alpha, share, 0.0)
    unit = plain_dynamic_theta(series, alpha, share, 1.0) - base
    return ((series - base)[2:] @ unit[2:]) / (unit[2:] @ unit[2:])


def test_theta_is_the_mean_of_the_line_and_the_smoothed_stretched_series_of_statsmodels():
    from statsmodels.tsa.holtwinters import SimpleExpSmoothing

    demand = walking(8, 50, seed=1)
    ours = theta(panel_of(*demand), prior_periods=0)
    time = np.arange(50)
    for i, series in enumerate(demand):
        line = np.polynomial.Polynomial.fit(time, series, 1)
        smoothed = SimpleExpSmoothing(2 * series - line(time), initialization_method="estimated").fit()
        own = slice(i * 50, (i + 1) * 50)
        assert ours.alpha[i] == pytest.approx(smoothed.params["smoothing_level"], abs=0.02)
        error = ((series - ours.fitted[own]) ** 2).sum()
        assert error < 1.001 * smoothed.sse / 4
        expected = (smoothed.forecast(6) + line(50 + np.arange(6))) / 2
        np.testing.assert_allclose(ours.forecast(6)[i], expected, rtol=5e-3)


def test_theta_agrees_with_the_closed_form_of_hyndman_and_billah():
    """Simple exponential smoothing with half the line's slope as drift, here at the same α."""
    demand = walking(5, 60, seed=2)
    ours = theta(panel_of(*demand), prior_periods=0)
    slopes = np.polynomial.polynomial.polyfit(np.arange(60), demand.T, 1)[1]
    np.testing.assert_allclose(np.diff(ours.forecast(8), axis=1), np.tile(slopes[:, None] / 2, 7), rtol=1e-6)


def test_dynamic_theta_is_the_recursion_of_its_source():
    demand = walking(25, 60, seed=3)
    ours = dynamic_optimised_theta(panel_of(*demand), prior_periods=0)
    compared = 0
    for i, series in enumerate(demand):
        alpha, share = ours.alpha[i], 1 - 1 / ours.theta[i]
        if not 0 < alpha < 0.9:
            continue
        said = plain_dynamic_theta(series, alpha, share, best_plain_dynamic_theta(series, alpha, share), horizon=6)
        np.testing.assert_allclose(ours.fitted[i * 60 + 2 : (i + 1) * 60], said[2:60], rtol=1e-6)
        np.testing.assert_allclose(ours.forecast(6)[i], said[60:], rtol=1e-6)
        compared += 1
    assert compared >= 10


def test_dynamic_theta_finds_the_best_theta_and_alpha():
    demand = walking(6, 40, seed=4)
    ours = dynamic_optimised_theta(panel_of(*demand), prior_periods=0).fitted.reshape(demand.shape)

    def error(series, alpha, share):
        first = best_plain_dynamic_theta(series, alpha, share)
        return ((series - plain_dynamic_theta(series, alpha, share, first))[2:] ** 2).sum()

    for series, fitted in zip(demand, ours, strict=True):
        least = min(
            minimize_scalar(lambda s, y=series, a=alpha: error(y, a, s), bounds=(0, 0.99), method="bounded").fun
            for alpha in np.linspace(0.02, 0.98, 49)
        )
        assert ((series - fitted)[2:] ** 2).sum() < 1.001 * least


def test_dynamic_theta_of_1_is_simple_exponential_smoothing():
    series = walking(30, 80, seed=5)
    ours = dynamic_optimised_theta(panel_of(*series), prior_periods=0)
    level_only = np.flatnonzero(ours.theta == 1)
    assert len(level_only)
    np.testing.assert_array_equal(ours.trend.reshape(series.shape)[level_only], 0)


def test_each_period_knows_only_the_line_up_to_it():
    series = walking(1, 50, seed=6)[0]
    cut, whole = (dynamic_optimised_theta(panel_of(one)) for one in (series[:-1], series))
    if whole.theta[0] > 1:
        slope = whole.trend / (1 - 1 / whole.theta[0])
        for t in (10, 30, 49):
            known = np.arange(1, t + 2)
            least_squares = np.polynomial.polynomial.polyfit(known, series[: t + 1], 1)[1]
            assert slope[t] == pytest.approx(least_squares / (1 + 4 / (t + 1)), rel=1e-6)
    assert len(cut.trend) == 49


@every_method
def test_the_season_is_taken_out_and_put_back(method):
    demand = seasonal(5, 84, seed=7)
    ours = method(panel_of(*demand), season_length=12)
    assert ours.has_season.all()
    indices = seasonal_indices(panel_of(*demand), 12, kind="multiplicative")
    phase = (np.arange(84) - 84) % 12
    plain = method(panel_of(*(demand / indices[:, phase])))
    np.testing.assert_allclose(ours.forecast(15), plain.forecast(15) * indices[:, np.arange(15) % 12], rtol=1e-9)
    np.testing.assert_allclose(ours.level, plain.level, rtol=1e-9)


@every_method
def test_without_a_season_the_season_length_does_not_matter(method):
    demand = np.random.default_rng(8).normal(100, 1, (6, 50))
    whole = method(panel_of(*demand), season_length=12)
    calm = ~whole.has_season
    assert calm.any()
    assert not method(panel_of(*demand)).has_season.any()
    np.testing.assert_allclose(whole.forecast(5)[calm], method(panel_of(*demand)).forecast(5)[calm], rtol=1e-12)


@every_method
def test_a_season_without_any_demand_does_not_pull_the_level_down(method):
    demand = np.tile(np.repeat([0.0, 10.0], [3, 9]), 6) * np.random.default_rng(9).normal(1, 0.05, 72)
    ours = method(panel_of(demand), season_length=12)
    foreseen = ours.forecast(12)[0]
    np.testing.assert_allclose(foreseen[3:], 10, rtol=0.15)
    assert (foreseen[:3] < 1).all()


@every_method
def test_few_periods_are_smoothed_without_a_line(method):
    short = [[], [7], [4, 8], [3, 9, 4], [5, np.nan, 6, 7, 7]]
    ours = method(panel_of(*short))
    smoothed = simple_exponential_smoothing(panel_of(*short))
    np.testing.assert_allclose(ours.forecast(3), smoothed.forecast(3), rtol=1e-9)
    np.testing.assert_array_equal(ours.theta, 1)


@every_method
def test_a_gap_does_not_bend_a_straight_line(method):
    line = 50 + 2.0 * np.arange(60)
    holed = line.copy()
    holed[[0, 1, 9, 20, 21, 22, 59]] = np.nan
    whole, gapped = (method(panel_of(one), prior_periods=0).forecast(3)[0] for one in (line, holed))
    np.testing.assert_allclose(gapped, whole, rtol=0.02)


@every_method
def test_totals_are_sums_of_the_forecasts_made_after_each_period(method):
    demand = seasonal(3, 60, seed=10)
    ours = method(panel_of(*demand), season_length=12)
    windows = np.array([1, 5, 14])
    totals = total_after_each_period(ours, windows)
    for i, window in enumerate(windows):
        ahead = np.arange(1, window + 1)
        for t in range(60):
            at = i * 60 + t
            index = ours.first_season[i, (t + ahead) % 12]
            expected = np.maximum((ours.level[at] + ours.trend[at] * ahead) * index, 0).sum()
            assert totals[at] == pytest.approx(expected, rel=1e-9)
        assert totals[i * 60 + 59] == pytest.approx(ours.forecast(14)[i, :window].sum(), rel=1e-9)


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 60).map(float), st.just(np.nan), st.just(0.0), st.just(1e12)), max_size=50),
    min_size=1,
    max_size=5,
)


@every_method
@settings(max_examples=150, deadline=None)
@given(series=histories, season_length=st.sampled_from([1, 2, 4, 7]))
def test_any_history_gives_finite_forecasts_that_are_never_negative(method, series, season_length):
    ours = method(panel_of(*series), season_length=season_length)
    for foreseen in (ours.forecast(6), ours.fitted, total_after_each_period(ours, 5)):
        assert np.isfinite(foreseen).all()
        assert (foreseen >= 0).all()
    assert (ours.theta >= 1).all()
    assert np.isfinite(ours.level).all()
    assert np.isfinite(ours.trend).all()


@every_method
def test_extreme_sizes_and_lengths_are_answered(method):
    long = np.random.default_rng(11).poisson(1, 10_000).astype(float)
    freak = np.concatenate((np.full(30, 2.0), [1e300], np.full(30, 2.0)))
    ours = method(panel_of(long, freak, np.full(20, 1e308), np.full(20, 5e-324), np.zeros(20)), season_length=7)
    assert np.isfinite(ours.forecast(3)).all()
    assert ours.forecast(1)[0, 0] == pytest.approx(1, abs=0.2)
    np.testing.assert_array_equal(ours.forecast(3)[4], 0)


@every_method
def test_a_series_is_answered_alike_in_any_company(method):
    series = [*seasonal(4, 60, seed=12), [], [3, np.nan, 5], np.zeros(10), walking(1, 80, seed=13)[0]]
    together = method(panel_of(*series), season_length=12)
    for i, one in enumerate(series):
        alone = method(panel_of(one), season_length=12)
        own = slice(together.offsets[i], together.offsets[i + 1])
        np.testing.assert_array_equal(together.fitted[own], alone.fitted)
        np.testing.assert_array_equal(together.level[own], alone.level)
        np.testing.assert_array_equal(together.forecast(3)[i], alone.forecast(3)[0])


@every_method
def test_what_cannot_be_is_refused(method):
    with pytest.raises(ValueError, match="season_length must be at least 1, got 0"):
        method(panel_of([1, 2]), season_length=0)
    with pytest.raises(ValueError, match="prior_periods must be finite and not negative, got -1"):
        method(panel_of([1, 2]), prior_periods=-1)
