"""Seasons are pooled across SKUs and shrunk to what each history supports."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.panel import Panel
from forecasting.seasonality import decompose, seasonal_profiles

MONTHS = np.array([0.5, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.5, 1.2, 0.9, 0.7, 0.6])
MONTHS = MONTHS / MONTHS.mean()


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def seasonal_demand(rng, periods, *, mean=20.0, profile=MONTHS, series=40, last=11, growth=0.0, spread=0.1):
    season = (last - np.arange(periods)[::-1]) % len(profile)
    level = mean * np.exp(growth * np.arange(periods))
    return rng.poisson(level * profile[season] * rng.gamma(1 / spread, spread, (series, periods))).astype(float)


def off(found, wanted):
    return np.sqrt(np.mean((found - wanted) ** 2))


@pytest.mark.parametrize("growth", [0.0, 0.02])
@pytest.mark.parametrize("periods", [36, 60])
def test_finds_the_common_profile_of_a_group_despite_growth(periods, growth):
    rng = np.random.default_rng(1)
    demand = seasonal_demand(rng, periods, growth=growth, last=4, series=100)
    result = seasonal_profiles(panel_of(*demand), season_length=12, phase=4)
    np.testing.assert_allclose(result.profile.mean(axis=0), MONTHS, atol=0.08)
    assert off(result.profile, MONTHS) < 0.08
    assert (result.weight_group > 0.95).all()


def test_one_item_alone_would_be_three_times_as_wrong_as_with_its_group():
    rng = np.random.default_rng(2)
    demand = seasonal_demand(rng, 36, mean=3.0)
    pooled = seasonal_profiles(panel_of(*demand), season_length=12, phase=11).profile
    ratios = demand.reshape(40, 3, 12).sum(axis=1)
    ratios = ratios / ratios.mean(axis=1, keepdims=True)
    assert off(pooled, MONTHS) * 3 < off(ratios, MONTHS)


def test_groups_keep_their_own_profiles():
    rng = np.random.default_rng(3)
    demand = np.concatenate([seasonal_demand(rng, 48), seasonal_demand(rng, 48, profile=MONTHS[::-1])])
    groups = ["summer"] * 40 + ["winter"] * 40
    result = seasonal_profiles(panel_of(*demand), season_length=12, phase=11, groups=groups)
    assert off(result.profile[:40], MONTHS) < 0.08
    assert off(result.profile[40:], MONTHS[::-1]) < 0.08


def test_an_item_unlike_its_group_follows_itself_the_more_the_longer_it_is_known():
    rng = np.random.default_rng(4)
    peaks = [np.roll(MONTHS, shift) for shift in rng.integers(-2, 3, 60)]
    errors, weights = [], []
    for years in (2, 4, 8):
        demand = [seasonal_demand(rng, 12 * years, profile=one, series=1, mean=60, spread=0.01)[0] for one in peaks]
        result = seasonal_profiles(panel_of(*demand), season_length=12, phase=11)
        errors.append(off(result.profile, np.array(peaks)))
        weights.append(result.weight_own.mean())
    assert errors[0] > errors[1] > errors[2]
    assert weights[0] < weights[1] < weights[2]
    assert weights[2] > 0.8
    assert errors[2] < 0.3 * off(np.array(peaks).mean(axis=0), np.array(peaks))


def test_a_new_item_takes_the_profile_of_its_group():
    rng = np.random.default_rng(5)
    demand = list(seasonal_demand(rng, 48))
    demand += [np.array([3.0, 9.0, 1.0]), np.array([]), np.full(5, np.nan)]
    result = seasonal_profiles(panel_of(*demand), season_length=12, phase=11)
    for new in range(40, 43):
        assert off(result.profile[new], MONTHS) < 0.06
        assert result.weight_own[new] == 0


def test_demand_without_seasons_is_given_next_to_none():
    rng = np.random.default_rng(6)
    demand = rng.poisson(5 * rng.gamma(2, 0.5, (60, 48)))
    assert off(seasonal_profiles(panel_of(*demand), season_length=12, phase=0).profile, 1.0) < 0.04


def test_growth_within_one_year_is_not_believed_to_be_a_season_in_full():
    """One year of growing demand without seasons: the profile shows less than half of it."""
    rng = np.random.default_rng(7)
    demand = rng.poisson(50 * np.exp(np.linspace(-0.4, 0.4, 12)) * np.ones((50, 12)))
    result = seasonal_profiles(panel_of(*demand), season_length=12, phase=11)
    taken = demand.mean(axis=0) / demand.mean()
    assert off(result.profile, 1.0) < 0.55 * off(taken, 1.0)
    assert (result.weight_group <= 0.5).all()


def test_a_year_and_a_half_tells_growth_from_seasons():
    rng = np.random.default_rng(8)
    demand = seasonal_demand(rng, 18, growth=0.03, mean=50, spread=0.05)
    result = seasonal_profiles(panel_of(*demand), season_length=12, phase=11)
    grown = demand[:, 6:].sum(axis=0)
    grown = grown / grown.mean()
    assert off(result.profile.mean(axis=0), MONTHS) < off(grown, MONTHS)
    assert np.corrcoef(result.profile.mean(axis=0), MONTHS)[0, 1] > 0.98


def test_less_than_a_year_says_nothing_about_seasons():
    result = seasonal_profiles(panel_of(np.arange(11.0), np.ones(3)), season_length=12, phase=3)
    np.testing.assert_array_equal(result.profile, 1.0)
    np.testing.assert_array_equal(result.weight_group, 0.0)


def test_past_and_ahead_are_in_step_with_the_calendar():
    rng = np.random.default_rng(9)
    demand = seasonal_demand(rng, 60, last=6)
    demand = [*demand, demand[0][-7:]]
    panel = panel_of(*demand)
    result = seasonal_profiles(panel, season_length=12, phase=np.full(41, 6))
    np.testing.assert_array_equal(result.ahead(14)[:, 0], result.profile[:, 7])
    np.testing.assert_array_equal(result.ahead(14)[:, 13], result.profile[:, 8])
    past = result.past(panel)
    np.testing.assert_array_equal(past[panel.offsets[1:] - 1], result.profile[:, 6])
    np.testing.assert_array_equal(past[-7:], result.profile[-1, :7])
    flat = (panel.values / past)[:2400].reshape(40, 5, 12).mean(axis=(0, 1))
    assert np.ptp(flat) < 0.1 * flat.mean()


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 50).map(float), st.just(0.0), st.just(np.nan), st.floats(0, 1e9)), max_size=40),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(histories, st.integers(2, 13), st.data())
def test_any_history_gives_finite_profiles_of_mean_one(series, season_length, data):
    phase = data.draw(st.lists(st.integers(0, season_length - 1), min_size=len(series), max_size=len(series)))
    groups = data.draw(st.lists(st.sampled_from(["a", "b", None]), min_size=len(series), max_size=len(series)))
    panel = panel_of(*series)
    result = seasonal_profiles(panel, season_length=season_length, phase=phase, groups=groups)
    assert np.isfinite(result.profile).all()
    assert (result.profile >= 0).all()
    np.testing.assert_allclose(result.profile.mean(axis=1), 1.0)
    for weight in (result.weight_own, result.weight_group):
        assert ((weight >= 0) & (weight <= 1)).all()


def test_decomposes_one_item_into_trend_season_and_remainder():
    rng = np.random.default_rng(10)
    periods = np.arange(120)
    values = 100 + 0.5 * periods + 20 * np.sin(periods * 2 * np.pi / 12) + rng.normal(0, 1, 120)
    values[[5, 60]] = np.nan
    found = decompose(values, season_lengths=[12])
    np.testing.assert_allclose(found.seasonal[0], 20 * np.sin(periods * 2 * np.pi / 12), atol=4)
    np.testing.assert_allclose(found.trend, 100 + 0.5 * periods, atol=3)
    assert list(np.flatnonzero(np.isnan(found.remainder))) == [5, 60]
    known = ~np.isnan(values)
    np.testing.assert_allclose((found.trend + found.seasonal.sum(axis=0) + found.remainder)[known], values[known])


def test_decomposes_days_by_week_and_month():
    periods = np.arange(240)
    week, month = 5 * np.sin(periods * 2 * np.pi / 7), 10 * np.sin(periods * 2 * np.pi / 30)
    found = decompose(50 + week + month, season_lengths=[30, 7])
    np.testing.assert_allclose(found.seasonal[0], week, atol=1.5)
    np.testing.assert_allclose(found.seasonal[1], month, atol=1.5)


def test_constant_demand_has_no_seasons():
    found = decompose(np.full(30, 4.0), season_lengths=[7])
    np.testing.assert_array_equal(found.trend, 4.0)
    np.testing.assert_array_equal(found.seasonal, 0.0)


def test_refuses_what_it_cannot_answer():
    panel = panel_of(np.ones(30), np.ones(30))
    with pytest.raises(ValueError, match="season_length must be at least 2, got 1"):
        seasonal_profiles(panel, season_length=1, phase=0)
    with pytest.raises(ValueError, match="phase must lie between 0 and 11, got 12"):
        seasonal_profiles(panel, season_length=12, phase=12)
    with pytest.raises(ValueError, match="phase must be one whole number or one per series"):
        seasonal_profiles(panel, season_length=12, phase=[1, 2, 3])
    with pytest.raises(ValueError, match=r"groups must be one per series \(2\), got 1"):
        seasonal_profiles(panel, season_length=12, phase=0, groups=["a"])
    with pytest.raises(ValueError, match="two seasons of 12 periods"):
        decompose(np.ones(23), season_lengths=[12])
    with pytest.raises(ValueError, match="season_lengths must be different"):
        decompose(np.ones(23), season_lengths=[7, 7])
