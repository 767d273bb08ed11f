"""Exponential smoothing with a season."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.decomposition import seasonal_indices
from forecasting.holt_winters import holt_winters
from forecasting.panel import Panel
from forecasting.smoothed_demand import total_after_each_period
from forecasting.smoothing import damped_trend, holt, simple_exponential_smoothing

KINDS = list(itertools.product(["additive", "multiplicative"], ["none", "additive", "damped"]))
every_kind = pytest.mark.parametrize(("seasonal", "trend"), KINDS)
PROFILE = np.array([0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.25, 1.1, 1.0, 0.85, 0.8])


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def seasonal_demand(number, periods, seed):
    rng = np.random.default_rng(seed)
    level = 300 + rng.normal(0, 1, (number, 1)) * np.arange(periods)
    level = level + np.cumsum(rng.normal(0, 5, (number, periods)), axis=1)
    return np.maximum(level * np.resize(PROFILE, periods) + rng.normal(0, 12, level.shape), 1)


def plain_recursion(series, constants, start, indices, *, multiplicative):
    """Forecast before each period, and level, trend and the period's own index after it."""
    alpha, beta, phi, gamma = constants
    level, trend = start
    indices, history = list(indices), []
    for t, value in enumerate(series):
        trend *= phi
        level += trend
        index = indices[t % len(indices)]
        said = level * index if multiplicative else level + index
        if not np.isnan(value):
            error = value - said
            indices[t % len(indices)] += gamma * error / (level if multiplicative else 1)
            plain = error / index if multiplicative else error
            level += alpha * plain
            trend += beta * plain
        history.append((said, level, trend, indices[t % len(indices)]))
    return np.array(history).T


def start_of(ours, i, series, *, multiplicative):
    """Level and trend before the first period, from those after it."""
    at, index = ours.offsets[i], ours.first_season[i, 0]
    error = series[0] - ours.fitted[at]
    plain = error / index if multiplicative else error
    trend = (ours.trend[at] - ours.beta[i] * plain) / ours.damping[i]
    return ours.level[at] - ours.alpha[i] * plain - trend * ours.damping[i], trend


def constants_of(ours, i):
    return ours.alpha[i], ours.beta[i], ours.damping[i], ours.gamma[i]


@every_kind
@pytest.mark.parametrize("gaps", [False, True])
def test_the_states_are_those_of_the_plain_recursion(seasonal, trend, gaps):
    demand = seasonal_demand(6, 70, seed=1)
    if gaps:
        demand[:, 1:][np.random.default_rng(2).random((6, 69)) < 0.1] = np.nan
    ours = holt_winters(panel_of(*demand), season_length=12, seasonal=seasonal, trend=trend)
    assert ours.has_season.all()
    multiplicative = seasonal == "multiplicative"
    for i, series in enumerate(demand):
        start = start_of(ours, i, series, multiplicative=multiplicative)
        expected = plain_recursion(
            series, constants_of(ours, i), start, ours.first_season[i], multiplicative=multiplicative
        )
        own = slice(i * 70, (i + 1) * 70)
        for state, values in zip((ours.fitted, ours.level, ours.trend, ours.season), expected, strict=True):
            np.testing.assert_allclose(state[own], values, rtol=1e-7, atol=1e-7)


@every_kind
def test_statsmodels_says_the_same_from_the_same_start(seasonal, trend):
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    demand = seasonal_demand(4, 70, seed=3)
    ours = holt_winters(panel_of(*demand), season_length=12, seasonal=seasonal, trend=trend)
    for i, series in enumerate(demand):
        level, slope = start_of(ours, i, series, multiplicative=seasonal == "multiplicative")
        kind = {"seasonal": seasonal, "seasonal_periods": 12, "initialization_method": "known"}
        kind |= {"initial_level": level, "initial_seasonal": ours.first_season[i]}
        given = {"smoothing_level": ours.alpha[i], "smoothing_seasonal": ours.gamma[i]}
        if trend != "none":
            kind |= {"trend": "add", "damped_trend": trend == "damped", "initial_trend": slope}
            given |= {"smoothing_trend": ours.beta[i] / max(ours.alpha[i], 1e-300)}
        if trend == "damped":
            given |= {"damping_trend": ours.damping[i]}
        peer = ExponentialSmoothing(series, **kind).fit(optimized=False, **given)
        np.testing.assert_allclose(ours.fitted[i * 70 : (i + 1) * 70], peer.fittedvalues, rtol=1e-7)
        np.testing.assert_allclose(ours.forecast(15)[i], peer.forecast(15), rtol=1e-7)


@every_kind
def test_the_indices_start_as_those_of_the_decomposition(seasonal, trend):
    demand = seasonal_demand(3, 65, seed=4)
    ours = holt_winters(panel_of(*demand), season_length=12, seasonal=seasonal, trend=trend)
    ahead = seasonal_indices(panel_of(*demand), 12, kind=seasonal)
    np.testing.assert_array_equal(ours.first_season, ahead[:, (np.arange(12) - 65) % 12])


@every_kind
def test_no_start_level_and_trend_do_better(seasonal, trend):
    demand = seasonal_demand(6, 60, seed=5)
    ours = holt_winters(panel_of(*demand), season_length=12, seasonal=seasonal, trend=trend, prior_periods=0)
    multiplicative = seasonal == "multiplicative"
    for i, series in enumerate(demand):
        level, slope = start_of(ours, i, series, multiplicative=multiplicative)

        def error(start, i=i, series=series):
            said = plain_recursion(
                series, constants_of(ours, i), start, ours.first_season[i], multiplicative=multiplicative
            )[0]
            return ((series - said) ** 2).sum()

        best = error((level, slope))
        slopes = [0.0] if trend == "none" else [-1.0, -0.1, 0.0, 0.1, 1.0]
        for higher, steeper in itertools.product([-10.0, -1.0, 0.0, 1.0, 10.0], slopes):
            assert best <= 1.001 * error((level + higher, slope + steeper))


@every_kind
def test_no_constants_nearby_do_much_better(seasonal, trend):
    from scipy.optimize import minimize

    demand = seasonal_demand(8, 60, seed=6)
    multiplicative = seasonal == "multiplicative"
    ours = holt_winters(panel_of(*demand), season_length=12, seasonal=seasonal, trend=trend, prior_periods=0)
    ratios = []
    for i, series in enumerate(demand):
        own = np.array(constants_of(ours, i))
        level, slope = start_of(ours, i, series, multiplicative=multiplicative)

        def error(place, i=i, series=series, level=level, slope=slope):
            alpha, beta = np.clip(place[0], 0, 1), np.clip(place[1], 0, 1)
            phi = np.clip(place[3], 0.8, 0.98) if trend == "damped" else 1.0
            gamma = np.clip(place[2], 0, 1)
            constants = alpha, alpha * beta * (trend != "none"), phi, (1 - alpha) * gamma
            start = level * place[4], slope + place[5] * (trend != "none")
            said = plain_recursion(series, constants, start, ours.first_season[i], multiplicative=multiplicative)[0]
            return ((series - said) ** 2).sum()

        place = own[0], own[1] / max(own[0], 1e-9), own[3] / max(1 - own[0], 1e-9), own[2], 1.0, 0.0
        better = minimize(error, place, method="Nelder-Mead", options={"maxiter": 250})
        ratios.append(error(place) / better.fun)
    assert np.median(ratios) < 1.002
    assert max(ratios) < 1.05


@pytest.mark.parametrize("seasonal", ["additive", "multiplicative"])
@pytest.mark.parametrize(
    ("trend", "method"), [("none", simple_exponential_smoothing), ("additive", holt), ("damped", damped_trend)]
)
def test_without_a_season_it_is_the_method_without_one(seasonal, trend, method):
    calm = np.random.default_rng(7).normal(100, 3, (5, 30))
    short = [[], [7], [4, 8], [np.nan, 3, np.nan], [np.nan, np.nan], np.zeros(50)]
    series = [*calm, *short]
    ours = holt_winters(panel_of(*series), season_length=12, seasonal=seasonal, trend=trend)
    plain = method(panel_of(*series))
    assert not ours.has_season.any()
    np.testing.assert_array_equal(ours.forecast(14), plain.forecast(14))
    np.testing.assert_array_equal(ours.fitted, plain.fitted)
    np.testing.assert_array_equal(ours.gamma, 0)


@every_kind
def test_totals_are_sums_of_the_forecasts_made_after_each_period(seasonal, trend):
    demand = np.concatenate((seasonal_demand(2, 60, seed=8), np.maximum(seasonal_demand(2, 60, seed=9) - 250, 0)))
    ours = holt_winters(panel_of(*demand), season_length=12, seasonal=seasonal, trend=trend)
    windows = np.array([1, 5, 14, 30])
    totals = total_after_each_period(ours, windows)
    for i, window in enumerate(windows):
        indices = list(ours.first_season[i])
        for t in range(60):
            at = i * 60 + t
            indices[t % 12] = ours.season[at]
            ahead = ours.level[at] + ours.trend[at] * np.cumsum(ours.damping[i] ** np.arange(1, window + 1))
            index = np.array([indices[(t + h) % 12] for h in range(1, window + 1)])
            said = np.maximum(ahead * index if seasonal == "multiplicative" else ahead + index, 0)
            assert totals[at] == pytest.approx(said.sum(), rel=1e-9, abs=1e-9)
        np.testing.assert_allclose(ours.forecast(30)[i, :window], said, rtol=1e-9, atol=1e-9)


def test_a_season_that_grows_with_the_level_is_better_multiplied():
    rising = np.linspace(50, 500, 96) * np.resize(PROFILE, 96)
    added, multiplied = (
        holt_winters(panel_of(rising), season_length=12, seasonal=kind, trend="additive")
        for kind in ("additive", "multiplicative")
    )
    truth = (500 + 450 / 95 * np.arange(1, 13)) * PROFILE
    assert np.abs(multiplied.forecast(12)[0] - truth).mean() < 0.02 * truth.mean()
    assert np.abs(multiplied.forecast(12)[0] - truth).mean() < np.abs(added.forecast(12)[0] - truth).mean()


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 60).map(float), st.just(np.nan), st.just(0.0), st.just(1e12)), max_size=50),
    min_size=1,
    max_size=5,
)


@every_kind
@settings(max_examples=60, deadline=None)
@given(series=histories, season_length=st.sampled_from([2, 3, 7]))
def test_any_history_gives_finite_forecasts_that_are_never_negative(seasonal, trend, series, season_length):
    ours = holt_winters(panel_of(*series), season_length=season_length, seasonal=seasonal, trend=trend)
    for foreseen in (ours.forecast(6), ours.fitted, total_after_each_period(ours, 5)):
        assert np.isfinite(foreseen).all()
        assert (foreseen >= 0).all()
    for state in (ours.level, ours.trend, ours.season):
        assert np.isfinite(state).all()


@every_kind
def test_seasons_with_freaks_without_demand_and_of_extreme_size_are_answered(seasonal, trend):
    rng = np.random.default_rng(10)
    season = np.tile(np.repeat([0.0, 10.0], [3, 4]), 12) * rng.normal(1, 0.05, 84)
    freak = season.copy()
    freak[40] = 1e9
    dying = np.concatenate((season, np.zeros(300)))
    long = np.tile([0, 1, 2, 3, 4, 5, 6], 1429)[:10_000] + rng.poisson(1, 10_000)
    series = [season, freak, dying, long, season * 1e300, season * 1e-320, np.full(84, 1e308)]
    ours = holt_winters(panel_of(*series), season_length=7, seasonal=seasonal, trend=trend)
    assert np.isfinite(ours.forecast(14)).all()
    assert (ours.forecast(14) >= 0).all()
    np.testing.assert_allclose(ours.forecast(7)[3], (np.arange(4, 11) % 7) + 1, atol=0.5)


@every_kind
def test_a_series_is_answered_alike_in_any_company(seasonal, trend):
    series = [*seasonal_demand(3, 60, seed=11), [], [3, np.nan, 5], np.zeros(10), seasonal_demand(1, 90, seed=12)[0]]
    together = holt_winters(panel_of(*series), season_length=12, seasonal=seasonal, trend=trend)
    for i, one in enumerate(series):
        alone = holt_winters(panel_of(one), season_length=12, seasonal=seasonal, trend=trend)
        own = slice(together.offsets[i], together.offsets[i + 1])
        np.testing.assert_array_equal(together.fitted[own], alone.fitted)
        np.testing.assert_array_equal(together.season[own], alone.season)
        np.testing.assert_array_equal(together.forecast(3)[i], alone.forecast(3)[0])


def test_what_cannot_be_is_refused():
    panel = panel_of([1, 2])
    with pytest.raises(ValueError, match="season_length must be at least 2, got 1"):
        holt_winters(panel, season_length=1)
    with pytest.raises(ValueError, match="seasonal must be 'additive' or 'multiplicative', got 'none'"):
        holt_winters(panel, season_length=4, seasonal="none")
    with pytest.raises(ValueError, match="trend must be 'none', 'additive' or 'damped', got 'multiplicative'"):
        holt_winters(panel, season_length=4, trend="multiplicative")
    with pytest.raises(ValueError, match="prior_periods must be finite and not negative, got nan"):
        holt_winters(panel, season_length=4, prior_periods=np.nan)
