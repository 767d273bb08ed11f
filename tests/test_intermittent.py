"""Croston, SBA, TSB, ADIDA and IMAPA."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import Panel
from forecasting.intermittent import adida, croston, imapa, sba, tsb

NAN = np.nan
METHODS = [croston, sba, tsb, adida, imapa]
GRID = [0.05, 0.2, 0.6]


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))


def known(series):
    return [value for value in series if not np.isnan(value)]


# The published recursions as plain loops. Each gives the rate after each known period.


def smoothed(values, constant):
    """Exponential smoothing whose first values are a plain mean."""
    levels, level = [], 0.0
    for number, value in enumerate(values, 1):
        level += max(constant, 1 / number) * (value - level)
        levels.append(level)
    return levels


def plain_croston(series, alpha):
    moments = [t for t, demand in enumerate(series) if demand > 0]
    sizes = smoothed([series[t] for t in moments], alpha)
    intervals = smoothed(np.diff([-1, *moments]), alpha)
    rates = []
    for t in range(len(series)):
        seen = sum(moment <= t for moment in moments)
        rates.append(sizes[seen - 1] / intervals[seen - 1] if seen else 0.0)
    return rates


def plain_tsb(series, alpha, beta):
    sizes = [0.0, *smoothed([demand for demand in series if demand > 0], alpha)]
    chances = smoothed([float(demand > 0) for demand in series], beta)
    return [sizes[sum(d > 0 for d in series[: t + 1])] * chance for t, chance in enumerate(chances)]


def mean_interval(series):
    moments = [t for t, demand in enumerate(series) if demand > 0]
    return max(int(np.floor(np.diff([-1, *moments]).mean() + 0.5)), 1) if moments else 1


def plain_aggregated(series, length, alpha):
    rates = []
    for end in range(1, len(series) + 1):
        past = series[:end]
        buckets = [sum(past[i : i + length]) for i in range(end % length, end, length)] if end >= length else []
        rates.append(smoothed(buckets, alpha)[-1] / length if buckets else sum(past) / end)
    return rates


def standing_before(series, rates):
    """Rates after known periods as the rate before each period, and the last one."""
    standing, fitted, following = NAN, [], iter(rates)
    for value in series:
        fitted.append(standing)
        if not np.isnan(value):
            standing = next(following)
    return fitted, 0.0 if np.isnan(standing) else standing


def assert_is(result, number, series, rates, all_series):
    fitted, rate = standing_before(series, rates)
    start = sum(len(one) for one in all_series[:number])
    np.testing.assert_allclose(result.fitted[start : start + len(series)], fitted, rtol=1e-9, atol=1e-12)
    assert result.rate[number] == pytest.approx(rate, rel=1e-9, abs=1e-12)


demands = st.one_of(st.just(0.0), st.just(0.0), st.integers(0, 50).map(float), st.just(NAN))
histories = st.lists(st.lists(demands, max_size=30), min_size=1, max_size=4)


@given(histories, st.sampled_from([0.05, 0.3, 1.0]))
def test_croston_and_sba_are_the_published_recursion(series, alpha):
    plain, corrected = (method(panel_of(*series), alphas=[alpha]) for method in (croston, sba))
    for number, one in enumerate(series):
        rates = plain_croston(known(one), alpha)
        assert_is(plain, number, one, rates, series)
        assert_is(corrected, number, one, [(1 - alpha / 2) * rate for rate in rates], series)


@given(histories, st.sampled_from([0.05, 0.3, 1.0]), st.sampled_from([0.02, 0.5]))
def test_tsb_is_the_published_recursion(series, alpha, beta):
    result = tsb(panel_of(*series), alphas=[alpha], betas=[beta])
    for number, one in enumerate(series):
        assert_is(result, number, one, plain_tsb(known(one), alpha, beta), series)


@given(histories, st.sampled_from([0.05, 0.3, 1.0]))
def test_adida_smooths_buckets_as_long_as_the_mean_interval(series, alpha):
    result = adida(panel_of(*series), alphas=[alpha])
    for number, one in enumerate(series):
        length = mean_interval(known(one))
        assert_is(result, number, one, plain_aggregated(known(one), length, alpha), series)
        assert result.periods[number] == length


@given(histories, st.sampled_from([0.05, 0.3, 1.0]))
def test_imapa_averages_over_all_lengths_up_to_the_mean_interval(series, alpha):
    result = imapa(panel_of(*series), alphas=[alpha])
    for number, one in enumerate(series):
        lengths = range(1, mean_interval(known(one)) + 1)
        rates = np.mean([plain_aggregated(known(one), length, alpha) for length in lengths], axis=0)
        assert_is(result, number, one, list(rates), series)


def test_croston_worked_by_hand():
    """Sizes 4, 2, 6 after intervals 2, 3, 1: with α = 0.5 the size goes 4, 3, 4.5, the interval 2, 2.5, 1.75."""
    panel = panel_of([0, 4, 0, 0, 2, 6])
    result = croston(panel, alphas=[0.5])
    np.testing.assert_allclose(result.fitted, [NAN, 0, 2, 2, 2, 1.2])
    np.testing.assert_allclose([result.size[0], result.interval[0], result.rate[0]], [4.5, 1.75, 4.5 / 1.75])
    np.testing.assert_allclose(sba(panel, alphas=[0.5]).forecast(2), [[0.75 * 4.5 / 1.75] * 2])


def test_tsb_worked_by_hand():
    """With α = β = 0.5 the probability goes 1, 0.5, 0.25, 0.625 and the size 4, 4, 4, 3."""
    result = tsb(panel_of([4, 0, 0, 2]), alphas=[0.5], betas=[0.5])
    np.testing.assert_allclose(result.fitted, [NAN, 4, 2, 1])
    np.testing.assert_allclose([result.size[0], result.probability[0], result.rate[0]], [3, 0.625, 1.875])


def test_adida_worked_by_hand():
    """Intervals 1, 2, 3: buckets of 2 from the end are 5+0, 3+0, 0+6 and with α = 0.5 the level is 5, 4, 5."""
    result = adida(panel_of([5, 0, 3, 0, 0, 6]), alphas=[0.5])
    assert result.periods[0] == 2
    np.testing.assert_allclose(result.rate, [2.5])


def test_constants_from_one_half_on_start_as_published_from_the_first_value():
    rng = np.random.default_rng(4)
    series = rng.poisson(0.5, 60) * rng.integers(1, 9, 60)
    moments = np.flatnonzero(series)
    size, interval = series[moments[0]], moments[0] + 1
    for earlier, moment in pairwise(moments):
        size = 0.5 * series[moment] + 0.5 * size
        interval = 0.5 * (moment - earlier) + 0.5 * interval
    assert croston(panel_of(series), alphas=[0.5]).rate[0] == pytest.approx(size / interval)


def test_sba_is_unbiased_where_croston_is_too_high():
    """Over the whole of a long history of demand every fourth period on average, α = 0.3."""
    rng = np.random.default_rng(5)
    panel = panel_of(*[(rng.random(4000) < 0.25) * rng.poisson(5, 4000) for _ in range(20)])
    actual = panel.values.mean()
    too_high = np.nanmean(croston(panel, alphas=[0.3]).fitted) / actual - 1
    assert 0.08 < too_high < 0.2
    assert abs(np.nanmean(sba(panel, alphas=[0.3]).fitted) / actual - 1) < 0.04


def test_tsb_decays_in_silence_and_croston_does_not():
    sold = [0, 5, 0, 6, 4, 0, 5]
    panel = panel_of(sold, sold + [0] * 20)
    dead, alive = tsb(panel, betas=[0.1]).rate[1], tsb(panel, betas=[0.1]).rate[0]
    assert dead < 0.3 * alive
    rates = croston(panel, alphas=[0.1]).rate
    assert rates[0] == rates[1]


@pytest.mark.parametrize("method", [croston, sba])
def test_without_a_prior_the_least_squared_error_chooses(method):
    rng = np.random.default_rng(6)
    panel = panel_of(*[(rng.random(80) < 0.4) * rng.poisson(5, 80) for _ in range(20)])
    chosen = method(panel, alphas=GRID, prior_weight=0)
    each = [method(panel, alphas=[alpha]) for alpha in GRID]
    for number, alpha in enumerate(chosen.alpha):
        rows = slice(panel.offsets[number], panel.offsets[number + 1])
        demand = panel.values[rows]
        after_first = slice(int(np.argmax(demand > 0)) + 1, None)
        errors = [np.sum((demand - one.fitted[rows])[after_first] ** 2) for one in each]
        assert alpha == GRID[int(np.argmin(errors))]


def test_tsb_without_a_prior_takes_the_pair_of_least_squared_error():
    rng = np.random.default_rng(7)
    panel = panel_of(*[(rng.random(80) < np.linspace(0.8, 0.1, 80)) * rng.poisson(5, 80) for _ in range(10)])
    chosen = tsb(panel, alphas=GRID, betas=GRID, prior_weight=0)
    for number in range(10):
        rows = slice(panel.offsets[number], panel.offsets[number + 1])
        demand = panel.values[rows]
        after_first = slice(int(np.argmax(demand > 0)) + 1, None)
        error = {
            (a, b): np.sum((demand - tsb(panel, alphas=[a], betas=[b]).fitted[rows])[after_first] ** 2)
            for a in GRID
            for b in GRID
        }
        assert (chosen.alpha[number], chosen.beta[number]) == min(error, key=error.get)


def test_a_strong_prior_chooses_the_usual_constant():
    rng = np.random.default_rng(8)
    panel = panel_of(rng.poisson(0.5, 50), [3], np.zeros(20))
    result = tsb(panel, prior_weight=1e9)
    np.testing.assert_array_equal(result.alpha, 0.1)
    np.testing.assert_array_equal(result.beta, 0.1)


@pytest.mark.parametrize("method", METHODS)
def test_steady_demand_is_its_own_rate(method):
    result = method(panel_of([7] * 30), alphas=[0.1])
    np.testing.assert_allclose(result.forecast(3), np.full((1, 3), 7 * (0.95 if method is sba else 1.0)))


@pytest.mark.parametrize("method", METHODS)
@given(histories)
def test_a_series_is_forecast_alike_alone_and_among_others(method, series):
    together = method(panel_of(*series))
    alone = [method(panel_of(one)) for one in series]
    np.testing.assert_array_equal(together.rate, np.concatenate([one.rate for one in alone]))
    np.testing.assert_array_equal(together.fitted, np.concatenate([one.fitted for one in alone]))


@pytest.mark.parametrize("method", METHODS)
@given(histories, st.sampled_from([1.0, 1e-12, 1e15, 1e300]))
def test_any_history_has_a_finite_rate_within_its_demand(method, series, scale):
    series = [[value * scale for value in one] for one in series]
    result = method(panel_of(*series))
    most = [max(known(one), default=0) for one in series]
    assert (result.rate >= 0).all()
    assert (result.rate <= np.array(most) * (1 + 1e-9)).all()
    seen = np.concatenate([np.cumsum(~np.isnan(one)) - ~np.isnan(one) > 0 for one in series]) if series else []
    np.testing.assert_array_equal(np.isnan(result.fitted), ~seen.astype(bool))


@pytest.mark.parametrize("method", METHODS)
def test_odd_histories_have_a_sensible_rate(method):
    freak = np.zeros(10_000)
    freak[-1] = 74_215
    long_dead = np.concatenate(([9.0], np.zeros(9_999)))
    result = method(panel_of([], [0], [4], [NAN, NAN], np.zeros(50), freak, long_dead, [0, 0, 8]))
    np.testing.assert_array_equal(result.rate[[0, 1, 3, 4]], 0)
    assert np.isfinite(result.rate).all()
    assert 0 <= result.rate[5] <= 74_215
    assert 3.8 <= result.rate[2] <= 4
    assert method(panel_of()).forecast(3).shape == (0, 3)


def test_the_probability_of_a_long_dead_item_is_zero_and_not_a_subnormal():
    result = tsb(panel_of([9.0, *np.zeros(10_000)]), betas=[0.3])
    assert result.probability[0] == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda panel: croston(panel, alphas=[]), r"alphas must be numbers in \(0, 1\], got \[\]"),
        (lambda panel: sba(panel, alphas=[0.0]), r"alphas must be numbers in \(0, 1\], got \[0.0\]"),
        (lambda panel: tsb(panel, betas=[1.1]), r"betas must be numbers in \(0, 1\], got \[1.1\]"),
        (lambda panel: adida(panel, alphas=[NAN]), r"alphas must be numbers in \(0, 1\], got \[nan\]"),
        (lambda panel: imapa(panel, prior_weight=-1), "prior_weight must be finite and at least 0, got -1"),
        (lambda panel: croston(panel).forecast(0), "horizon must be at least 1 period, got 0"),
    ],
)
def test_constants_and_horizons_that_mean_nothing_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(panel_of([1, 0, 2]))
