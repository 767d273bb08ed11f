"""Measures of forecasts, against figures worked out by hand or by others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.accuracy import (
    bias,
    coverage,
    mase,
    owa,
    pinball_loss,
    point_accuracy,
    repeating_errors,
    rmsse,
    scaled_pinball,
    smape,
    stock_cost,
    tail_weighted_pinball,
)
from forecasting.calibration import clustered_coverage, pit
from forecasting.naive2 import naive2
from forecasting.panel import Panel


def test_pinball_loss_charges_a_unit_short_and_a_unit_over_at_their_rates():
    np.testing.assert_allclose(pinball_loss([10, 10], [8, 13], level=0.9), [1.8, 0.3])


def test_pinball_loss_is_least_at_the_quantile():
    demand = np.random.default_rng(1).poisson(10, 5001)
    losses = [pinball_loss(demand, np.full(5001, q), level=0.9).sum() for q in range(30)]
    assert np.argmin(losses) == np.quantile(demand, 0.9)


def test_scaled_pinball_does_not_depend_on_the_unit():
    assert scaled_pinball([10, 10], [8, 13], level=0.9) == pytest.approx(2.1 / 20)
    assert scaled_pinball([100, 100], [80, 130], level=0.9) == pytest.approx(2.1 / 20)


def test_coverage_counts_actuals_at_the_quantile_as_covered():
    assert coverage([1, 2, 3, 4], [1, 1, 3, 9]) == 0.75


def test_mase_of_repeating_the_last_value_on_a_straight_line():
    assert mase([6, 7, 8], [5, 5, 5], [1, 2, 3, 4, 5]) == pytest.approx(2.0)
    assert mase([4.0], [3.0], [1, 5, 3, 7], season_periods=2) == pytest.approx(0.5)


def test_bias_is_the_share_forecast_too_much():
    assert bias([10, 10], [12, 13]) == pytest.approx(0.25)
    assert bias([10, 10], [5, 10]) == pytest.approx(-0.25)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match=r"level must lie strictly between 0 and 1, got 1"):
        pinball_loss([1], [1], level=1)
    with pytest.raises(ValueError, match=r"shape of actual \(1,\), got \(2,\)"):
        coverage([1], [1, 2])
    with pytest.raises(ValueError, match="must not hold NaN"):
        coverage([np.nan], [1])
    with pytest.raises(ValueError, match="at least one value"):
        coverage([], [])
    with pytest.raises(ValueError, match="more than 0"):
        scaled_pinball([0], [1], level=0.5)
    with pytest.raises(ValueError, match="more than 0"):
        bias([0], [1])
    with pytest.raises(ValueError, match="longer than season_periods 2, got 2"):
        mase([1], [1], [1, 2], season_periods=2)
    with pytest.raises(ValueError, match="change from season to season"):
        mase([1], [1], [2, 2, 2])


# Scaled measures


def test_rmsse_is_the_root_of_squared_error_over_that_of_repeating():
    assert rmsse([6, 7, 8], [5, 5, 5], [1, 2, 3, 4, 5]) == pytest.approx(np.sqrt(14 / 3))
    assert rmsse([4.0], [3.0], [1, 5, 3, 8], season_periods=2) == pytest.approx(np.sqrt(1 / 6.5))


def test_rmsse_is_least_at_the_mean_and_mase_at_the_median():
    demand = np.random.default_rng(3).negative_binomial(0.5, 0.2, 4001)
    grid = np.arange(0, 6, 0.05)
    squared = [rmsse(demand, np.full(4001, q), [0, 1, 0]) for q in grid]
    absolute = [mase(demand, np.full(4001, q), [0, 1, 0]) for q in grid]
    assert grid[np.argmin(squared)] == pytest.approx(demand.mean(), abs=0.026)
    assert grid[np.argmin(absolute)] == np.median(demand)


def test_smape_lies_between_0_and_2_and_silence_foretold_is_0():
    assert smape([10, 0, 0], [30, 0, 5]) == pytest.approx((1 + 0 + 2) / 3)


def test_owa_of_the_reference_is_1():
    assert owa(smape=0.2, mase=1.5, naive2_smape=0.2, naive2_mase=1.5) == 1
    assert owa(smape=0.1, mase=1.5, naive2_smape=0.2, naive2_mase=1.5) == 0.75
    with pytest.raises(ValueError, match="naive2_mase must be more than 0"):
        owa(smape=0.1, mase=1.5, naive2_smape=0.2, naive2_mase=0)


def ragged(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def random_panel(seed, series=60):
    rng = np.random.default_rng(seed)
    histories = []
    for _ in range(series):
        one = rng.poisson(rng.choice([0.2, 3, 50]), rng.integers(0, 40)).astype(float)
        one[rng.random(len(one)) < 0.1] = np.nan
        histories.append(one)
    return ragged(*histories)


@pytest.mark.parametrize(("lag", "window"), [(1, 1), (4, 1), (3, 3), (2, 5)])
def test_repeating_errors_are_those_of_pandas_rolling_sums(lag, window):
    panel = random_panel(5)
    found = repeating_errors(panel, lag=lag, window=window)
    for number in range(len(panel.ids)):
        history = panel.values[panel.offsets[number] : panel.offsets[number + 1]]
        begun = np.flatnonzero(history > 0)
        totals = pd.Series(history[begun[0] :] if len(begun) else []).rolling(window).sum()
        difference = (totals - totals.shift(lag)).dropna()
        if difference.empty:
            assert np.isnan(found.absolute[number])
        else:
            assert found.absolute[number] == pytest.approx(difference.abs().mean())
            assert found.squared[number] == pytest.approx((difference**2).mean())


def test_accuracy_of_a_panel_is_that_of_its_series_one_by_one():
    rng = np.random.default_rng(6)
    histories = [1 + rng.poisson(5, length) for length in (3, 9, 30)]
    actual, mean = rng.poisson(5, (3, 4)).astype(float), rng.random((3, 4)) * 9
    found = point_accuracy(ragged(*histories), actual, mean, season_periods=2)
    for number, history in enumerate(histories):
        assert found.mase[number] == pytest.approx(mase(actual[number], mean[number], history, season_periods=2))
        assert found.rmsse[number] == pytest.approx(rmsse(actual[number], mean[number], history, season_periods=2))
        assert found.smape[number] == pytest.approx(smape(actual[number], mean[number]))
    assert found.pooled().mase == pytest.approx(found.mase.mean())


def test_what_a_panel_cannot_scale_is_left_out_of_the_pool_and_counted():
    history = ragged([], [5], [4, 4, 4], [0, 0, 1, 3], [2, np.nan, 4])
    found = point_accuracy(history, np.array([[1.0, np.nan]] * 5), np.ones((5, 2)))
    np.testing.assert_array_equal(np.isnan(found.mase), [True, True, True, False, True])
    np.testing.assert_array_equal(found.smape, 0)
    assert found.pooled().scaled_series == 1
    assert found.pooled().mase == 0


def test_a_series_is_measured_alike_in_any_company():
    panel = random_panel(7)
    together = repeating_errors(panel, lag=2)
    for number in range(len(panel.ids)):
        history = panel.values[panel.offsets[number] : panel.offsets[number + 1]]
        alone = Panel((0,), history, np.array([0, len(history)]))
        assert together.squared[number].tobytes() == repeating_errors(alone, lag=2).squared[0].tobytes()


# Naive 2


def test_naive2_is_the_naive_forecast_of_statsmodels_deseasonalised_series():
    from statsmodels.tsa.seasonal import seasonal_decompose

    rng = np.random.default_rng(8)
    for season_length, length in ((12, 60), (4, 30), (7, 50), (12, 41)):
        season = np.resize(rng.uniform(0.3, 2, season_length), length)
        history = season * (50 + rng.normal(0, 2, length))
        index = seasonal_decompose(history, model="multiplicative", period=season_length).seasonal
        wanted = [history[-1] / index[-1] * index[(length + step) % season_length] for step in range(15)]
        found = naive2(ragged(history), horizon=15, season_length=season_length)[0]
        np.testing.assert_allclose(found, wanted)


def test_naive2_repeats_the_last_known_value_where_no_season_shows():
    rng = np.random.default_rng(9)
    series = [rng.poisson(30, 60), [3, 4], [5, np.nan], [np.nan], [], np.zeros(40), np.tile([0, 0, 9], 20)]
    found = naive2(ragged(*series), horizon=3, season_length=3)
    np.testing.assert_array_equal(found[0], series[0][-1])
    np.testing.assert_array_equal(found[1:6, 0], [4, 5, 0, 0, 0])
    np.testing.assert_array_equal(found[6], 9)


# Money


def test_stock_cost_is_least_at_the_newsvendors_quantile():
    demand = np.random.default_rng(2).poisson(20, 20_001)
    cost = [stock_cost(demand, np.full(20_001, q), holding_cost=2, shortage_cost=8).sum() for q in range(60)]
    assert np.argmin(cost) == np.quantile(demand, 0.8, method="inverted_cdf")


def test_stock_cost_is_the_pinball_loss_in_money():
    rng = np.random.default_rng(4)
    demand, stocked = rng.poisson(9, 100), rng.poisson(9, 100)
    money = stock_cost(demand, stocked, holding_cost=1.5, shortage_cost=np.full(100, 6.0))
    np.testing.assert_allclose(money, 7.5 * pinball_loss(demand, stocked, level=0.8))
    with pytest.raises(ValueError, match=r"holding_cost must be finite and not negative, got -1"):
        stock_cost([1], [1], holding_cost=-1, shortage_cost=1)


def test_tail_weighted_pinball_of_one_level_is_the_plain_one_and_stresses_the_upper():
    assert tail_weighted_pinball([10, 10], [[8], [13]], levels=[0.9]) == pytest.approx(2.1 / 20)
    low = scaled_pinball([10, 10], [7, 7], level=0.5)
    high = scaled_pinball([10, 10], [8, 13], level=0.9)
    both = tail_weighted_pinball([10, 10], [[7, 8], [7, 13]], levels=[0.5, 0.9])
    assert both == pytest.approx((0.25 * low + 0.81 * high) / 1.06)


# Calibration


def test_clustered_standard_error_of_origins_that_move_together_is_that_of_their_means():
    covered = np.repeat([1.0, 0.0, 1.0, 1.0], 50)
    found = clustered_coverage(covered, np.repeat(["a", "b", "c", "d"], 50))
    assert found.share == 0.75
    assert found.standard_error == pytest.approx(np.std([1, 0, 1, 1], ddof=1) / 2)
    assert (found.forecasts, found.origins) == (200, 4)


def test_clustered_standard_error_is_that_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(11)
    origin = rng.integers(0, 7, 300)
    covered = rng.random(300) < 0.7 + 0.2 * (origin > 3)
    fit = sm.OLS(covered.astype(float), np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": origin, "use_correction": False}
    )
    found = clustered_coverage(covered, origin)
    assert found.standard_error == pytest.approx(fit.bse[0] * np.sqrt(7 / 6))


def test_a_single_origin_cannot_say_how_far_it_is_off():
    assert clustered_coverage([True, False], [1, 1]).standard_error == np.inf


def test_pit_of_a_right_count_forecast_is_uniform():
    rng = np.random.default_rng(12)
    levels = np.array([0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99])
    rate = np.exp(rng.uniform(-1, 5, 40_000))
    demand = rng.poisson(rate)
    quantiles = stats.poisson.ppf(levels, rate[:, None])
    found = pit(demand, quantiles, levels=levels, uniforms=rng.random(40_000))
    histogram = np.histogram(found, bins=np.linspace(0, 1, 11))[0] / 40_000
    np.testing.assert_allclose(histogram, 0.1, atol=0.012)


def test_pit_of_a_forecast_too_sure_piles_up_at_both_ends():
    rng = np.random.default_rng(13)
    levels = np.linspace(0.05, 0.95, 19)
    demand = rng.poisson(100, 5000) + rng.integers(-30, 31, 5000)
    found = pit(demand, np.tile(stats.poisson.ppf(levels, 100), (5000, 1)), levels=levels, uniforms=rng.random(5000))
    histogram = np.histogram(found, bins=np.linspace(0, 1, 11))[0] / 5000
    assert min(histogram[0], histogram[-1]) > 0.2 > 0.1 > histogram[4]


def test_pit_spreads_a_lump_over_the_probability_it_holds():
    silent = pit(np.zeros(3), np.zeros((3, 1)), levels=[0.999], uniforms=[0.0, 0.5, 0.25])
    np.testing.assert_allclose(silent, [0.0, 0.5, 0.25], atol=0.001)
    tied = pit(
        np.full(3, 4.0), np.tile([2.0, 4.0, 4.0, 5.0], (3, 1)), levels=[0.1, 0.3, 0.7, 0.9], uniforms=[0, 0.5, 1]
    )
    np.testing.assert_allclose(tied, [0.25, 0.525, 0.8])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 12), min_size=4, max_size=4).map(sorted),
    st.integers(0, 15),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_pit_lies_between_the_levels_that_the_quantiles_allow(quantiles, actual, chance, other):
    levels = np.array([0.1, 0.5, 0.9, 0.99])
    said, again = pit([actual] * 2, [quantiles] * 2, levels=levels, uniforms=[chance, other])
    assert (chance <= other) <= (said <= again)
    assert said >= max((level for level, q in zip(levels, quantiles, strict=True) if q < actual), default=0)
    assert said <= min((level for level, q in zip(levels, quantiles, strict=True) if q > actual), default=1)


def test_pit_refuses_what_it_cannot_read():
    with pytest.raises(ValueError, match=r"levels must rise strictly within \(0, 1\), got \[0.9, 0.5\]"):
        pit([1], [[1, 2]], levels=[0.9, 0.5], uniforms=[0.5])
    with pytest.raises(ValueError, match=r"must not fall from level to level, got \[3.0, 2.0\] in row 0"):
        pit([1], [[3, 2]], levels=[0.5, 0.9], uniforms=[0.5])
    with pytest.raises(ValueError, match="uniforms must lie between 0 and 1"):
        pit([1], [[1, 2]], levels=[0.5, 0.9], uniforms=[2])
