"""Seasons: whether there is one, and its indices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.decomposition import seasonal_indices
from forecasting.panel import Panel

KINDS = ["additive", "multiplicative"]
PROFILE = np.array([0.6, 0.7, 0.9, 1.0, 1.1, 1.2, 1.4, 1.3, 1.1, 1.0, 0.9, 0.8])


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def seasonal_demand(number, periods, seed, length=12):
    rng = np.random.default_rng(seed)
    profile = np.resize(PROFILE, length) / np.resize(PROFILE, length).mean()
    return 100 * np.resize(profile, periods) * rng.normal(1, 0.1, (number, periods))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("length", "periods"), [(12, 62), (7, 60)])
def test_indices_are_those_of_statsmodels_drawn_in_by_the_analysis_of_variance(kind, length, periods):
    from scipy.stats import f_oneway
    from statsmodels.tsa.seasonal import seasonal_decompose

    demand = seasonal_demand(4, periods, seed=1, length=length)
    for series, ours in zip(demand, seasonal_indices(panel_of(*demand), length, kind=kind), strict=True):
        peer = seasonal_decompose(series, model=kind, period=length)
        neutral = 1.0 if kind == "multiplicative" else 0.0
        detrended = series / peer.trend if kind == "multiplicative" else series - peer.trend
        known = ~np.isnan(detrended)
        season = np.arange(periods) % length
        ratio = f_oneway(*[detrended[known & (season == j)] for j in range(length)]).statistic
        expected = neutral + (1 - 1 / ratio) * (peer.seasonal - neutral)
        np.testing.assert_allclose(ours, expected[(periods + np.arange(length)) % length], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_no_season_is_seen_in_most_noise(kind):
    noise = np.random.default_rng(2).normal(100, 10, (400, 60))
    indices = seasonal_indices(panel_of(*noise), 12, kind=kind)
    neutral = 1.0 if kind == "multiplicative" else 0.0
    seen = (indices != neutral).any(axis=1)
    assert seen.mean() < 0.1, "one-sided at 90 %"
    assert np.abs(indices[seen] / (1 if neutral else 100) - neutral).mean() < 0.05


def test_a_clear_season_is_found_almost_as_it_is():
    indices = seasonal_indices(panel_of(*seasonal_demand(50, 60, seed=3)), 12, kind="multiplicative")
    np.testing.assert_allclose(indices.mean(axis=0), PROFILE, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_indices_average_to_no_effect(kind):
    indices = seasonal_indices(panel_of(*seasonal_demand(5, 80, seed=4)), 12, kind=kind)
    np.testing.assert_allclose(indices.mean(axis=1), 1.0 if kind == "multiplicative" else 0.0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_than_three_seasons_show_none(kind):
    demand = seasonal_demand(1, 36, seed=5)[0]
    neutral = 1.0 if kind == "multiplicative" else 0.0
    gap = demand.copy()
    gap[3] = np.nan
    whole, short, gapped = seasonal_indices(panel_of(demand, demand[1:], gap), 12, kind=kind)
    assert (whole != neutral).any()
    np.testing.assert_array_equal(short, neutral)
    np.testing.assert_array_equal(gapped, neutral)


def test_unknown_periods_hardly_move_the_indices():
    demand = seasonal_demand(1, 96, seed=6)[0]
    holed = demand.copy()
    holed[np.random.default_rng(7).choice(96, 10, replace=False)] = np.nan
    whole, gapped = seasonal_indices(panel_of(demand, holed), 12, kind="multiplicative")
    np.testing.assert_allclose(gapped, whole, atol=0.08)


def test_the_end_of_a_series_gives_the_phase():
    demand = seasonal_demand(1, 65, seed=8)[0]
    long, _ = seasonal_indices(panel_of(demand, demand[:-1]), 12, kind="multiplicative")
    assert np.argmin(long) == (12 - 65 % 12) % 12, "the profile's lowest month is its first"


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 60).map(float), st.just(np.nan), st.just(0.0), st.just(1e12)), max_size=60),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(series=histories, length=st.integers(1, 8))
def test_any_history_gives_finite_indices(kind, series, length):
    indices = seasonal_indices(panel_of(*series), length, kind=kind)
    assert indices.shape == (len(series), length)
    assert np.isfinite(indices).all()
    if kind == "multiplicative":
        assert (indices >= 0.05).all()


def test_no_season_length_and_no_kind_are_refused():
    with pytest.raises(ValueError, match="season_length must be at least 1, got 0"):
        seasonal_indices(panel_of([1]), 0, kind="additive")
    with pytest.raises(ValueError, match="kind must be 'additive' or 'multiplicative', got 'none'"):
        seasonal_indices(panel_of([1]), 2, kind="none")
