"""Demand on days that sold out is inferred from what was sold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.censoring import unconstrained
from forecasting.panel import Panel

SERIES, DAYS = 300, 400


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def rates(rng, least=3, most=60):
    return np.exp(rng.uniform(np.log(least), np.log(most), SERIES))[:, None]


def demand_under(law, rng):
    mean = rates(rng)
    shape = (SERIES, DAYS)
    if law == "negative binomial":
        return rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, shape)).astype(float)
    if law == "poisson":
        return rng.poisson(mean / 3 * np.ones(shape)).astype(float)
    if law == "lognormal":
        return np.exp(rng.normal(-0.5, 1.0, shape)) * mean
    if law == "rounded lognormal":
        return np.round(np.exp(rng.normal(-0.5, 1.0, shape)) * mean)
    if law == "two points":
        return np.where(rng.random(shape) < 0.25, rng.poisson(3 * mean, shape), rng.poisson(mean / 3, shape)) * 1.0
    orders = rng.poisson(0.8, shape)  # compound: some orders of geometric size
    sizes = rng.negative_binomial(np.maximum(orders, 1), 1 / (1 + mean / 0.8)) + orders
    return np.where(orders > 0, sizes, 0).astype(float)


def stock_that_runs_out(demand, rng, share=0.2):
    """Opening stock, lognormal around the mean, such that it is used up on that share of days."""
    stock = demand.mean(axis=1, keepdims=True) * np.exp(rng.normal(0, 1, demand.shape))
    low, high = 0.01, 100.0
    for _ in range(40):
        factor = np.sqrt(low * high)
        low, high = (factor, high) if (demand >= np.round(stock * factor)).mean() > share else (low, factor)
    return np.round(stock * factor)


@pytest.mark.parametrize(
    "law", ["negative binomial", "lognormal", "rounded lognormal", "two points", "compound poisson"]
)
def test_recovers_mean_demand_where_a_fifth_of_days_sold_out(law):
    """Two points and compound Poisson are nobody's family here; naive and stocked-days-only are 10 % or more off."""
    rng = np.random.default_rng(1)
    demand = demand_under(law, rng)
    stock = stock_that_runs_out(demand, rng)
    sold, in_stock = np.minimum(demand, stock), demand < stock
    assert (~in_stock).mean() == pytest.approx(0.2, abs=0.01)
    assert sold.mean() < 0.9 * demand.mean()
    assert sold[in_stock].mean() < 0.9 * demand.mean()
    result = unconstrained(panel_of(*sold), in_stock.ravel())
    assert result.mean.sum() == pytest.approx(demand.mean(axis=1).sum(), rel=0.03)
    error = result.mean / demand.mean(axis=1) - 1
    assert abs(np.median(error)) < 0.03
    assert np.sqrt(np.mean(error**2)) < 0.09
    assert set(result.basis) == {"estimated"}


@pytest.mark.parametrize("law", ["negative binomial", "lognormal", "rounded lognormal", "poisson"])
@pytest.mark.parametrize("turned_away", [False, True])
def test_recovers_mean_demand_beyond_a_fixed_stock_level_that_nothing_exceeds(law, turned_away):
    rng = np.random.default_rng(2)
    demand = demand_under(law, rng)
    stock = np.quantile(demand, 0.8, axis=1)[:, None]
    stock = stock if law == "lognormal" else np.ceil(stock)
    in_stock = demand <= stock if turned_away else demand < stock
    result = unconstrained(panel_of(*np.minimum(demand, stock)), in_stock.ravel(), turned_away=turned_away)
    assert result.mean.sum() == pytest.approx(demand.mean(axis=1).sum(), rel=0.03)


def test_days_without_any_stock_say_nothing():
    rng = np.random.default_rng(3)
    demand = rng.poisson(5, (50, 300)).astype(float)
    in_stock = rng.random(demand.shape) < 0.7
    result = unconstrained(panel_of(*np.where(in_stock, demand, 0.0)), in_stock.ravel())
    for series in range(50):
        stocked = demand[series][in_stock[series]].mean()
        assert result.mean[series] == pytest.approx(stocked, rel=0.02)


def test_a_known_share_of_the_period_in_stock_is_exposure():
    """Weeks with one to seven days of stock: sales per day of stock are the maximum-likelihood rate."""
    rng = np.random.default_rng(4)
    share = rng.integers(1, 8, (40, 104)) / 7
    sold = rng.poisson(14 * share).astype(float)
    result = unconstrained(panel_of(*sold), share.ravel())
    np.testing.assert_allclose(result.mean, sold.sum(axis=1) / share.sum(axis=1), rtol=0.02)
    np.testing.assert_allclose(result.values, sold.ravel() + (1 - share.ravel()) * result.level)


def test_beyond_the_bound_demand_is_that_of_the_law():
    """One Poisson series, sold out at 12 on every day that asked for as much: E[D | D ≥ 12] of the true law."""
    rng = np.random.default_rng(5)
    demand = rng.poisson(10, 10_000).astype(float)
    result = unconstrained(panel_of(np.minimum(demand, 12)), demand < 12)
    tail = np.arange(12, 60)
    mass = stats.poisson.pmf(tail, 10)
    assert result.values[demand >= 12][0] == pytest.approx((tail @ mass) / mass.sum(), rel=0.01)
    assert result.variance[0] == pytest.approx(10, rel=0.05)


def test_redistributes_to_the_right_as_kaplan_and_meier_do():
    """With thousands of stocked days above each bound the mean is that of the Kaplan-Meier curve."""
    rng = np.random.default_rng(6)
    demand = np.where(rng.random(8000) < 0.3, rng.poisson(50, 8000), rng.poisson(8, 8000)).astype(float)
    stock = rng.integers(5, 150, 8000).astype(float)
    sold, event = np.minimum(demand, stock), demand < stock
    survival, mean, at = 1.0, 0.0, 0.0
    for value in np.unique(sold[event]):
        mean += survival * (value - at)
        # A sold-out day at the same value is not known to have asked for no more, hence left before.
        risk = (sold > value).sum() + (event & (sold == value)).sum()
        survival *= 1 - (event & (sold == value)).sum() / risk
        at = value
    assert unconstrained(panel_of(sold), event).mean[0] == pytest.approx(mean, rel=0.005)


def test_a_trend_is_not_flattened():
    rng = np.random.default_rng(7)
    trend = np.exp(np.linspace(-0.8, 0.8, DAYS))
    demand = rng.poisson(rates(rng) * trend * rng.gamma(4, 1 / 4, (SERIES, DAYS))).astype(float)
    stock = stock_that_runs_out(demand, rng)
    result = unconstrained(panel_of(*np.minimum(demand, stock)), (demand < stock).ravel())
    found, level = (one.reshape(SERIES, DAYS) for one in (result.values, result.level))
    for part in (slice(0, 60), slice(170, 230), slice(340, 400)):
        assert found[:, part].sum() == pytest.approx(demand[:, part].sum(), rel=0.03)
        assert level[:, part].sum() == pytest.approx(demand[:, part].sum(), rel=0.06)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_step_is_not_flattened(fixed):
    rng = np.random.default_rng(11)
    step = np.where(np.arange(DAYS) < 250, 0.5, 1.8)
    demand = rng.poisson(rates(rng) * step).astype(float)
    stock = np.quantile(demand, 0.8, axis=1)[:, None] * np.ones(DAYS) if fixed else stock_that_runs_out(demand, rng)
    stock = np.ceil(stock)
    result = unconstrained(panel_of(*np.minimum(demand, stock)), (demand < stock).ravel())
    found = result.values.reshape(SERIES, DAYS)
    for part in (slice(0, 230), slice(270, 400)):
        assert found[:, part].sum() == pytest.approx(demand[:, part].sum(), rel=0.03)


def test_a_stable_series_keeps_one_level():
    rng = np.random.default_rng(8)
    result = unconstrained(panel_of(*rng.poisson(6, (40, 200))), np.ones(8000))
    level = result.level.reshape(40, 200)
    assert (np.ptp(level, axis=1) == 0).mean() > 0.8


def test_says_how_each_series_was_treated():
    sold = [[3, 4, 5], [2, 6, 2, 4], [1, 1], [np.nan], [], [4, 2, 3, 5, 4, 2, 9, 4]]
    in_stock = [1, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1]
    result = unconstrained(panel_of(*sold), in_stock)
    assert list(result.basis) == ["as sold", "scaled", "lower bound", "unknown", "unknown", "estimated"]
    np.testing.assert_array_equal(result.values[3:7], [2, 6, 2, 4])
    assert result.mean[0] == 4
    assert np.isnan(result.values[9])
    np.testing.assert_array_equal(result.inferred_per_series[:5], 0)
    assert result.inferred_per_series[5] > 0


def test_what_was_in_stock_is_left_as_sold():
    rng = np.random.default_rng(9)
    demand = demand_under("negative binomial", rng)[:30]
    stock = stock_that_runs_out(demand, rng)
    sold, in_stock = np.minimum(demand, stock).ravel(), (demand < stock).ravel()
    result = unconstrained(panel_of(*np.minimum(demand, stock)), in_stock)
    np.testing.assert_array_equal(result.values[in_stock], sold[in_stock])
    assert (result.inferred >= 0).all()
    np.testing.assert_allclose(result.inferred_per_series, result.inferred.reshape(30, -1).sum(axis=1))


unit = st.one_of(st.integers(0, 60).map(float), st.just(np.nan), st.floats(0, 1e7), st.just(0.0))
day = st.tuples(unit, st.one_of(st.just(1.0), st.just(0.0), st.floats(0, 1)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(day, max_size=40), min_size=1, max_size=5), st.booleans())
def test_any_history_is_filled_in_sensibly_whatever_its_company(series, turned_away):
    sold = [[one[0] for one in history] for history in series]
    share = [[one[1] for one in history] for history in series]
    panel = panel_of(*sold)
    result = unconstrained(
        panel, np.concatenate([np.asarray(one, dtype=float) for one in share]), turned_away=turned_away
    )
    known = ~np.isnan(panel.values)
    assert np.isfinite(result.values[known]).all()
    assert (result.values[known] >= panel.values[known]).all()
    assert np.isnan(result.values[~known]).all()
    for one in (result.inferred, result.inferred_per_series, result.level, result.mean, result.variance):
        assert np.isfinite(one).all()
        assert (one >= 0).all()
    alone = unconstrained(panel_of(sold[-1]), np.asarray(share[-1], dtype=float), turned_away=turned_away)
    np.testing.assert_array_equal(alone.values, result.values[panel.offsets[-2] :])


def test_nothing_demanded_is_nothing_inferred():
    result = unconstrained(panel_of([0, np.nan, 0, 0], np.zeros(30)), [1, 1, 0, 1] + [1, 0] * 15)
    np.testing.assert_array_equal(result.values, [0, np.nan, 0, 0] + [0] * 30)
    np.testing.assert_array_equal(result.mean, 0)


def test_ten_thousand_periods_and_one_huge_value_are_nothing_special():
    rng = np.random.default_rng(10)
    demand = rng.poisson(4, 10_000).astype(float)
    in_stock = rng.random(10_000) < 0.8
    demand[5000] = 1e9
    result = unconstrained(panel_of(demand, np.zeros(20), np.full(20, 7.0)), np.concatenate([in_stock, np.zeros(40)]))
    assert np.isfinite(result.values).all()
    assert result.values.max() <= 3e9


def test_refuses_what_it_cannot_answer():
    panel = Panel(("A-12", "B"), np.ones(4), np.array([0, 2, 4]))
    with pytest.raises(ValueError, match=r"in_stock must be shaped like the panel's values \(4,\), got \(3,\)"):
        unconstrained(panel, np.ones(3))
    with pytest.raises(ValueError, match=r"in_stock of 'B' must lie between 0 and 1, got 1.5"):
        unconstrained(panel, [1, 1, 1.5, 1])
    with pytest.raises(ValueError, match=r"in_stock of 'A-12' must lie between 0 and 1, got nan"):
        unconstrained(panel, [1, np.nan, 1, 1])
