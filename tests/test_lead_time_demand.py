"""The distribution of total demand until the next replenishment."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting import (
    Panel,
    coverage,
    forecast,
    lead_time_demand,
    lead_time_demand_of_panel,
    negative_binomial_quantiles,
    periodic_panel,
)

AS_OF = pd.Timestamp("2026-03-29")


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-4, 1e5), st.floats(0, 1e3), st.lists(st.floats(0.001, 0.9999), min_size=1, max_size=5))
def test_negative_binomial_quantiles_cover_what_scipy_says(mean, dispersion, levels):
    levels = np.sort(levels)
    variance = mean * (1 + dispersion)
    ours = negative_binomial_quantiles(np.array([mean]), np.array([[variance]]), levels)[0]
    success = mean / variance
    if dispersion > 1e-6:
        peer = stats.nbinom(mean * success / (1 - success), success)
    else:
        peer = stats.poisson(mean)
    # Both compute probabilities to about ten digits: at a tie either neighbour is right.
    assert (peer.cdf(ours) >= levels - 1e-9).all()
    assert ((ours == 0) | (peer.cdf(ours - 1) < levels + 1e-9)).all()


def test_negative_binomial_quantiles_are_those_of_scipy():
    rng = np.random.default_rng(1)
    mean = np.exp(rng.normal(2, 2, 500))
    variance = mean + 0.4 * mean**1.6
    levels = np.linspace(0.013, 0.997, 25)
    success = (mean / variance)[:, None]
    peer = stats.nbinom.ppf(levels, mean[:, None] * success / (1 - success), success)
    np.testing.assert_array_equal(negative_binomial_quantiles(mean, variance[:, None], levels), peer)
    peer = stats.poisson.ppf(levels, mean[:, None])
    np.testing.assert_array_equal(negative_binomial_quantiles(mean, mean[:, None], levels), peer)


@pytest.mark.parametrize("dispersion", [0.0, 0.5])
@pytest.mark.parametrize("periods", [1.0, 3.0])
def test_quantiles_of_steady_demand_cover_as_often_as_they_say(dispersion, periods):
    """2,000 series: the share covered is known to 0.007 at 0.9 and 0.0025 at 0.99 (one standard error).

    Whole-number quantiles cover up to a few hundredths more than asked, which the distribution known exactly
    shows: coverage must lie within 0.02 of that one's, three standard errors at 0.9.
    """
    rng = np.random.default_rng(7)
    rate = np.exp(rng.normal(1.5, 1.0, 2000))
    intensity = rate[:, None] * (rng.gamma(1 / dispersion, dispersion, (2000, 60)) if dispersion else 1.0)
    demand = rng.poisson(np.broadcast_to(intensity, (2000, 60)))
    weeks = int(periods)
    panel = panel_of(*demand[:, :52])
    levels = np.array([0.5, 0.9, 0.95, 0.99])
    ours = lead_time_demand_of_panel(panel, periods=periods, quantiles=levels).quantiles
    exact = negative_binomial_quantiles(rate * weeks, weeks * (rate + dispersion * rate**2)[:, None], levels)
    actual = demand[:, 52 : 52 + weeks].sum(axis=1)
    for number, level in enumerate(levels):
        wanted = coverage(actual, exact[:, number])
        assert coverage(actual, ours[:, number]) == pytest.approx(wanted, abs=0.06 if level == 0.5 else 0.02)


def test_a_wandering_level_spreads_the_total_more_than_independent_periods_would():
    rng = np.random.default_rng(8)
    level = np.exp(np.cumsum(rng.normal(0, 0.12, (3000, 60)), axis=1) + 3)
    demand = rng.poisson(level)
    panel = panel_of(*demand[:, :52])
    one = lead_time_demand_of_panel(panel, periods=1.0, quantiles=[0.95])
    six = lead_time_demand_of_panel(panel, periods=6.0, quantiles=[0.95])
    independent = one.mean * 6 + 1.645 * one.sd * np.sqrt(6)
    actual = demand[:, 52:58].sum(axis=1)
    assert coverage(actual, independent) < 0.9
    assert 0.91 <= coverage(actual, six.quantiles[:, 0]) <= 0.99


def test_a_varying_protection_interval_adds_its_variance():
    panel = panel_of(np.random.default_rng(2).poisson(10, 52))
    fixed = lead_time_demand_of_panel(panel, periods=4.0, quantiles=[0.9])
    varying = lead_time_demand_of_panel(panel, periods=4.0, periods_sd=1.5, quantiles=[0.9])
    rate = fixed.mean / 4
    np.testing.assert_allclose(varying.sd**2, fixed.sd**2 + (1.5 * rate) ** 2)
    np.testing.assert_array_equal(varying.mean, fixed.mean)


def test_nothing_demanded_or_nothing_known_is_zero_throughout():
    result = lead_time_demand_of_panel(
        panel_of(np.zeros(30), [], [np.nan, np.nan], np.ones(30)), periods=2.43, quantiles=[0.5, 0.99]
    )
    np.testing.assert_array_equal(result.mean[:3], 0)
    np.testing.assert_array_equal(result.sd[:3], 0)
    np.testing.assert_array_equal(result.quantiles[:3], 0)
    assert result.mean[3] == pytest.approx(2.43)


def test_demand_steadier_than_poisson_is_given_the_spread_of_poisson():
    result = lead_time_demand_of_panel(panel_of(*[np.full(60, 10)] * 30), periods=3.0, quantiles=[0.9])
    assert (result.sd**2 >= 30 - 1e-9).all()


histories = st.lists(
    st.lists(st.one_of(st.integers(0, 200).map(float), st.just(np.nan)), max_size=30), min_size=1, max_size=6
)


@settings(max_examples=100, deadline=None)
@given(histories, st.floats(0.1, 60), st.floats(0, 5))
def test_any_history_gives_finite_rising_quantiles(series, periods, periods_sd):
    result = lead_time_demand_of_panel(
        panel_of(*series), periods=periods, periods_sd=periods_sd, quantiles=[0.01, 0.5, 0.9, 0.999]
    )
    assert np.isfinite(result.mean).all()
    assert np.isfinite(result.sd).all()
    assert (result.mean >= 0).all()
    assert (result.quantiles >= 0).all()
    assert (np.diff(result.quantiles, axis=1) >= 0).all()


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_row_order_does_not_matter(random):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(["B", "A"], 90),
            "ds": np.tile(pd.date_range(end=AS_OF, periods=90), 2),
            "y": rng.poisson(2, 180),
        }
    )
    order = list(range(180))
    random.shuffle(order)
    settings_ = {"periods": pd.Series({"A": 3.0, "B": 1.5}), "quantiles": [0.95, 0.5]}
    expected = lead_time_demand(frame, **settings_)
    assert list(expected.columns) == ["unique_id", "mean", "sd", "q0.5", "q0.95"]
    assert list(expected["unique_id"]) == ["A", "B"]
    assert expected["q0.95"].dtype == np.int64
    pd.testing.assert_frame_equal(lead_time_demand(frame.iloc[order], **settings_), expected)


def test_the_forecast_band_has_a_row_per_series_and_period_and_widens_where_demand_is_regular():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(["A", "B"], 364),
            "ds": np.tile(pd.date_range(end=AS_OF, periods=364), 2),
            "y": rng.poisson(2, 728),
        }
    )
    band = forecast(periodic_panel(frame, as_of=AS_OF), horizon=8, quantiles=[0.1, 0.9])
    assert list(band.columns) == ["unique_id", "ds", "mean", "q0.1", "q0.9"]
    assert list(band["unique_id"]) == ["A"] * 8 + ["B"] * 8
    assert band["ds"].iloc[0] == AS_OF + pd.Timedelta(weeks=1)
    assert band["ds"].iloc[7] == AS_OF + pd.Timedelta(weeks=8)
    for _, one in band.groupby("unique_id"):
        assert (one["q0.9"].diff().dropna() >= 0).all()
        assert (one["q0.1"].diff().dropna() <= 0).all()


def test_refuses_what_it_cannot_answer():
    panel = panel_of(np.ones(20), np.ones(20))
    with pytest.raises(ValueError, match="quantiles must be levels strictly between 0 and 1"):
        lead_time_demand_of_panel(panel, periods=1.0, quantiles=[0.5, 1.0])
    with pytest.raises(ValueError, match="periods of 1 must be finite and positive, got 0"):
        lead_time_demand_of_panel(panel, periods=np.array([1.0, 0.0]), quantiles=[0.5])
    with pytest.raises(ValueError, match="periods_sd of 0 must be finite and not negative"):
        lead_time_demand_of_panel(panel, periods=1.0, periods_sd=np.nan, quantiles=[0.5])
    with pytest.raises(ValueError, match="one per series"):
        lead_time_demand_of_panel(panel, periods=np.ones(3), quantiles=[0.5])
    frame = pd.DataFrame({"unique_id": ["A-12"], "ds": [AS_OF], "y": [1]})
    with pytest.raises(ValueError, match="got none for 'A-12'"):
        lead_time_demand(frame, periods=pd.Series({"B": 1.0}), quantiles=[0.5])
    with pytest.raises(ValueError, match="horizon must be at least 1, got 0"):
        forecast(frame, horizon=0, quantiles=[0.5])
