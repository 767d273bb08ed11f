"""Totals' moments, quantiles and paths, of one lead time or a mixture, against scipy and brute force."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecasting import USUAL_POOL, Panel, lead_time_demand_of_panel, lead_time_paths, negative_binomial_quantiles
from forecasting.negative_binomial import negative_binomial_probability
from forecasting.pooling import UNSTEADINESS
from forecasting.total_distribution import TotalDistribution

PLAIN = replace(USUAL_POOL, shifts=np.zeros((len(UNSTEADINESS), 5)), factors=np.ones(len(UNSTEADINESS)))
"""A pool that moves no level."""
LEVELS = np.array([0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])


def distribution(means, excesses, weights=None, *, whole=True, interval=0.0, pool=PLAIN):
    means = np.atleast_2d(np.asarray(means, dtype=float))
    weights = np.full(means.shape, 1 / means.shape[1]) if weights is None else np.atleast_2d(weights)
    series = len(means)
    return TotalDistribution(
        means=means,
        excesses=np.atleast_2d(np.asarray(excesses, dtype=float)),
        weights=np.asarray(weights, dtype=float),
        interval_variance=np.full(series, interval),
        is_whole=np.full(series, whole),
        pool=pool,
    )


def peer_of(mean, excess):
    success = mean / (mean + excess)
    return stats.nbinom(mean * success / (1 - success), success)


def mixture_cdf(units, means, excesses, weights):
    return sum(
        weight * peer_of(mean, excess).cdf(units) for mean, excess, weight in zip(means, excesses, weights, strict=True)
    )


@given(st.floats(-2, 12), st.floats(-3, 14))
def test_whole_demand_has_the_quantiles_of_scipys_negative_binomial(log_mean, log_excess):
    mean, excess = np.exp(log_mean), np.exp(log_excess)
    ours = distribution([mean], [excess]).quantiles(LEVELS)[0]
    peer = peer_of(mean, excess)
    assert (peer.cdf(ours) >= LEVELS - 1e-8).all()
    assert ((ours == 0) | (peer.cdf(ours - 1) <= LEVELS + 1e-8)).all()


@given(st.floats(-2, 12), st.floats(-3, 14))
def test_demand_by_weight_has_the_quantiles_of_scipys_gamma(log_mean, log_excess):
    mean, variance = np.exp(log_mean), np.exp(log_excess)
    ours = distribution([mean], [variance], whole=False).quantiles(LEVELS)[0]
    peer = stats.gamma(mean**2 / variance, scale=variance / mean)
    np.testing.assert_allclose(peer.cdf(ours), np.where(ours > 0, LEVELS, peer.cdf(ours)), atol=1e-6)


@given(
    st.lists(st.tuples(st.floats(0.5, 300), st.floats(0.1, 2000), st.integers(1, 9)), min_size=2, max_size=6),
)
def test_a_mixture_of_lead_times_has_the_quantiles_of_the_mixture(outcomes):
    means, excesses, weights = np.array(outcomes, dtype=float).T
    weights /= weights.sum()
    ours = distribution(means, excesses, weights)
    quantiles = ours.quantiles(LEVELS)[0]
    # 263 outcomes stand for each lead time: a probability is told to a few thousandths.
    assert (mixture_cdf(quantiles, means, excesses, weights) >= LEVELS - 0.005).all()
    assert (mixture_cdf(quantiles - 1, means, excesses, weights) <= LEVELS + 0.005).all()
    mean = (means * weights).sum()
    second = (weights * (means + excesses + means**2)).sum()
    assert ours.mean[0] == pytest.approx(mean)
    assert ours.sd[0] == pytest.approx(np.sqrt(second - mean**2))


def test_a_mixture_is_what_sampling_it_gives():
    rng = np.random.default_rng(1)
    means, excesses, weights = np.array([8.0, 40.0, 90.0]), np.array([5.0, 60.0, 900.0]), np.array([0.5, 0.3, 0.2])
    which = rng.choice(3, 400_000, p=weights)
    sampled = rng.poisson(rng.gamma(means[which] ** 2 / excesses[which], excesses[which] / means[which]))
    ours = distribution(means, excesses, weights)
    assert ours.mean[0] == pytest.approx(sampled.mean(), rel=0.01)
    assert ours.sd[0] == pytest.approx(sampled.std(), rel=0.01)
    for level, quantile in zip(LEVELS, ours.quantiles(LEVELS)[0], strict=True):
        assert np.quantile(sampled, level - 0.006 if level > 0.01 else 0) <= quantile
        assert quantile <= np.quantile(sampled, min(level + 0.006, 1.0))


def test_a_mixture_of_one_lead_time_in_parts_is_that_lead_time():
    once = distribution([30.0], [50.0]).quantiles(LEVELS)
    parts = distribution([30.0] * 10, [50.0] * 10).quantiles(LEVELS)
    assert (np.abs(once - parts) <= 1).all()


@pytest.mark.parametrize("whole", [True, False])
def test_paths_have_the_mean_and_quantiles_of_the_distribution(whole):
    means = np.array([[0.02], [0.4], [3.0], [80.0], [5000.0]])
    excesses = np.array([[0.001], [0.3], [9.0], [900.0], [4e6]])
    ours = distribution(means, excesses, whole=whole)
    paths = ours.paths(tuple("ABCDE"), paths=20_000, seed=3)
    levels = np.array([0.1, 0.5, 0.9, 0.99])
    quantiles = ours.quantiles(levels)
    np.testing.assert_allclose(paths.mean(axis=1), means[:, 0], rtol=0.03, atol=0.005)
    # Amounts by weight become whole units, which adds to the spread of small ones.
    large = slice(0 if whole else 2, None)
    np.testing.assert_allclose(paths.std(axis=1)[large], ours.sd[large], rtol=0.08)
    for number, level in enumerate(levels):
        below = np.quantile(paths, level - 0.006, axis=1)
        above = np.quantile(paths, level + 0.006, axis=1)
        assert (below <= np.ceil(quantiles[:, number])).all()
        assert (above >= np.floor(quantiles[:, number])).all()


def test_a_series_paths_follow_from_seed_and_name_alone():
    ours = distribution([[3.0], [80.0]], [[9.0], [900.0]])
    both = ours.paths(("A", "B"), paths=50, seed=3)
    np.testing.assert_array_equal(ours.chosen(slice(1, 2)).paths(("B",), paths=50, seed=3)[0], both[1])
    assert (ours.paths(("A", "B"), paths=50, seed=4) != both).any()
    assert (ours.paths(("A", "C"), paths=50, seed=3)[1] != both[1]).any()


def test_few_paths_cover_the_distribution_evenly():
    paths = distribution([100.0], [900.0]).paths(("A",), paths=10, seed=1)[0]
    exact = negative_binomial_quantiles(np.array([100.0]), np.array([[1000.0]]), (np.arange(10) + 0.5) / 10)[0]
    assert (np.abs(np.sort(paths) - exact) <= 2).all()


def test_lead_times_that_vary_give_the_coverage_they_promise():
    """4,000 series of Poisson demand, lead times of 2 or 6 periods: standard errors of 0.008 at 0.5, 0.005 at 0.9."""
    rng = np.random.default_rng(6)
    rate = np.exp(rng.normal(1.5, 0.8, 4000))
    demand = rng.poisson(rate[:, None], (4000, 66))
    weeks = rng.choice([2, 6], 4000, p=[0.7, 0.3])
    actual = np.where(np.arange(6) < weeks[:, None], demand[:, 60:], 0).sum(axis=1)
    panel = Panel(tuple(range(4000)), demand[:, :60].astype(float).ravel(), np.arange(4001) * 60)
    asked = {"periods": {2.0: 0.7, 6.0: 0.3}}
    result = lead_time_demand_of_panel(panel, quantiles=[0.5, 0.9, 0.95, 0.99], **asked)
    for number, level in enumerate(result.levels):
        quantile = result.quantiles[:, number]
        assert (actual <= quantile).mean() >= level - 0.015
        assert (actual < quantile).mean() <= level + 0.02
    paths = lead_time_paths(panel, paths=200, seed=1, **asked)
    assert paths.mean() == pytest.approx(actual.mean(), rel=0.03)


@pytest.mark.parametrize("mean", [1e-5, 0.3, 40.0, 1e4, 1e6, 2e8, 1e11])
@pytest.mark.parametrize("excess", [0.0, 0.1, 3.0, 1e3])
def test_quantiles_of_any_size_have_the_probability_they_say(mean, excess):
    levels = np.array([0.0001, 0.01, 0.5, 0.9, 0.99, 0.9999])
    variance = mean * (1 + excess)
    ours = negative_binomial_quantiles(np.array([mean]), np.array([[variance]]), levels)[0]
    success = 1 / (1 + excess)
    peer = stats.nbinom(mean * success / (1 - success), success) if excess else stats.poisson(mean)
    assert (peer.cdf(ours) >= levels - 2e-6).all()
    assert ((ours == 0) | (peer.cdf(ours - 1) <= levels + 2e-6)).all()


@pytest.mark.parametrize("mean", [0.3, 40.0, 1e5, 2e8, 1e11])
@pytest.mark.parametrize("excess", [0.1, 3.0, 1e3])
def test_the_probability_of_a_quantity_is_scipys(mean, excess):
    units = np.floor(np.maximum(mean + np.sqrt(mean * (1 + excess)) * np.linspace(-3, 6, 19), 0.0))
    success = 1 / (1 + excess)
    peer = stats.nbinom(mean * success / (1 - success), success).cdf(units)
    means = np.full(19, mean)
    ours = negative_binomial_probability(units, means, means * (1 + excess))
    np.testing.assert_allclose(ours, peer, atol=1e-7)
    assert negative_binomial_probability(np.array([-1.0]), np.array([mean]), np.array([mean]))[0] == 0.0


def test_quantities_beyond_all_whole_numbers_end_at_the_largest_told():
    quantiles = negative_binomial_quantiles(np.array([1e18]), np.array([[1e37]]), np.array([0.5, 0.99, 0.9999]))
    assert (np.diff(quantiles[0]) >= 0).all()
    assert quantiles[0, -1] == 2**62


def test_each_series_may_be_asked_levels_of_its_own():
    mean, variance = np.array([3.0, 50.0]), np.array([[9.0], [600.0]])
    levels = np.array([[0.3, 0.9], [0.5, 0.99]])
    ours = negative_binomial_quantiles(mean, variance, levels)
    for number in range(2):
        own = negative_binomial_quantiles(mean[[number]], variance[[number]], levels[number])
        np.testing.assert_array_equal(ours[[number]], own)
