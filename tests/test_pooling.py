"""A panel teaches its series how far totals stray, and its levels then hold as often as they say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize

from forecasting import USUAL_POOL, Panel, lead_time_demand_of_panel, learn_pool
from forecasting.pooling import LEAST_SERIES, UNSTEADINESS, learnt_pool
from forecasting.rolling_totals import TotalsAtOrigins
from forecasting.spread import USUAL, _known, _unlikeliness, learnt_law
from forecasting.total_distribution import TotalDistribution

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])


def totals(rng, series, origins, *, dispersion, flaw=1.0):
    """Totals whose forecast is right but for a factor, and whose variance is mean + dispersion · mean²."""
    mean = np.exp(rng.normal(3.0, 0.7, (series, origins)))
    actual = rng.poisson(mean * rng.gamma(1 / dispersion, dispersion, mean.shape)).astype(float)
    variance = mean + 0.02 * mean**2
    steps = np.full(mean.shape, 30.0)
    nothing = np.zeros(mean.shape)
    return TotalsAtOrigins(
        mean=mean * flaw,
        history=nothing,
        rival=nothing,
        step_variance=variance,
        step_deviation=np.sqrt(variance * 2 / np.pi),
        total_variance=variance,
        steps=steps,
        totals=steps,
        actual=actual,
    )


def quantiles_of(pool, rows, windows):
    moments = pool.moments(rows, windows.astype(float))
    count = len(moments.mean)
    return TotalDistribution(
        moments.mean[:, None], moments.excess[:, None], np.ones((count, 1)), np.zeros(count), np.ones(count, bool), pool
    ).quantiles(LEVELS)


def held(actual, quantile, rng):
    """Share of totals below a level, ties by chance, so that whole numbers may hold it exactly."""
    return ((actual < quantile) + (actual == quantile) * rng.random(len(actual))).mean()


@pytest.mark.parametrize(("dispersion", "doubt"), [(0.02, 0.01), (0.05, 0.015), (0.3, 0.015), (1.5, 0.045)])
def test_levels_of_totals_that_stray_more_than_usual_hold_once_they_are_learnt(dispersion, doubt):
    """4,000 fresh totals: standard errors of 0.008 at 0.5 and 0.0016 at 0.99.

    An eleventh of the usual pool remains, which thinks that totals stray as little as their errors by then did: at a
    dispersion of 1.5 that is a seventy-fifth of the variance, and levels may be 0.045 off.
    """
    rng = np.random.default_rng(1)
    windows = np.ones(3000, dtype=np.int64)
    pool = learnt_pool(totals(rng, 3000, 5, dispersion=dispersion), windows)
    fresh = totals(rng, 4000, 1, dispersion=dispersion)
    fresh = fresh.rows(np.ones((4000, 1), dtype=bool))
    quantiles = quantiles_of(pool, fresh, np.ones(4000))
    for number, level in enumerate(LEVELS):
        lower = (fresh.actual < quantiles[:, number]).mean()
        upper = (fresh.actual <= quantiles[:, number]).mean()
        slack = 3 * np.sqrt(level * (1 - level) / 4000) + doubt
        assert lower <= level + slack
        assert upper >= level - slack


def test_levels_hold_on_series_as_often_as_they_say_where_panels_teach():
    """3,000 series that wander: what is learnt from their past holds for the weeks that follow, within 0.02."""
    rng = np.random.default_rng(3)
    level = np.exp(rng.normal(1.5, 1.0, (3000, 1)) + np.cumsum(rng.normal(0, 0.05, (3000, 84)), axis=1))
    demand = rng.poisson(level * rng.gamma(2.0, 0.5, level.shape)).astype(float)
    panel = Panel(tuple(range(3000)), demand[:, :80].ravel(), np.arange(3001) * 80)
    result = lead_time_demand_of_panel(panel, periods=4.0, quantiles=LEVELS)
    assert result.pool.series > 2900
    actual = demand[:, 80:].sum(axis=1)
    for number, wanted in enumerate(LEVELS):
        assert (actual < result.quantiles[:, number]).mean() <= wanted + 0.03
        assert (actual <= result.quantiles[:, number]).mean() >= wanted - 0.03


def test_few_series_are_told_by_what_usually_holds():
    rng = np.random.default_rng(2)
    few = totals(rng, LEAST_SERIES - 1, 5, dispersion=1.0)
    windows = np.ones(LEAST_SERIES - 1, dtype=np.int64)
    assert learnt_pool(few, windows) is USUAL_POOL
    assert learnt_pool(few, windows, least_series=1).series == LEAST_SERIES - 1
    panel = Panel(("A",), rng.poisson(3, 60).astype(float), np.array([0, 60]))
    assert lead_time_demand_of_panel(panel, periods=2.0, quantiles=[0.5]).pool is USUAL_POOL
    assert lead_time_demand_of_panel(panel, periods=2.0, quantiles=[0.5], pool="usual").pool is USUAL_POOL
    own = learn_pool(panel, periods=2.0)
    assert own.series == 1
    assert lead_time_demand_of_panel(panel, periods=2.0, quantiles=[0.5], pool=own).pool is own


def test_what_is_learnt_does_not_depend_on_the_order_of_series():
    rng = np.random.default_rng(4)
    some = totals(rng, 400, 4, dispersion=0.4)
    turned = TotalsAtOrigins(*(getattr(some, name)[::-1] for name in some.__dataclass_fields__))
    windows = np.full(400, 2)
    one, other = learnt_pool(some, windows), learnt_pool(turned, windows)
    np.testing.assert_allclose(one.law.coefficients, other.law.coefficients, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(one.shifts, other.shifts, atol=5e-3)


def test_the_gradient_of_the_laws_likelihood_is_that_of_finite_differences():
    rng = np.random.default_rng(5)
    some = totals(rng, 60, 3, dispersion=0.4)
    some = replace(some, history=rng.normal(0, 0.5, some.mean.shape), rival=rng.normal(0, 0.5, some.mean.shape)).rows(
        np.ones((60, 3), dtype=bool)
    )
    rows = _known(some, rng.integers(1, 9, 180).astype(float))
    pull = np.full(len(USUAL), 5.0)
    for _ in range(20):
        at = USUAL + rng.normal(0, 0.15, len(USUAL))
        numeric = optimize.approx_fprime(at, lambda point: _unlikeliness(point, rows, some.actual, pull)[0], 1e-6)
        exact = _unlikeliness(at, rows, some.actual, pull)[1]
        np.testing.assert_allclose(exact, numeric, rtol=1e-3, atol=1e-2)


def test_the_law_learnt_is_likelier_than_the_usual_one_and_finds_the_spread_that_was():
    rng = np.random.default_rng(6)
    some = totals(rng, 2000, 3, dispersion=0.8).rows(np.ones((2000, 3), dtype=bool))
    windows = np.ones(6000)
    law = learnt_law(some, windows)
    rows, free = _known(some, windows), np.zeros(len(USUAL))
    assert (
        _unlikeliness(law.coefficients, rows, some.actual, free)[0] < _unlikeliness(USUAL, rows, some.actual, free)[0]
    )
    excess = law.moments(some, windows).excess
    assert np.median(excess / (0.8 * some.mean**2)) == pytest.approx(1.0, abs=0.1)


def test_levels_asked_rise_with_those_wanted_for_any_unsteadiness():
    rng = np.random.default_rng(7)
    pool = learnt_pool(totals(rng, 500, 4, dispersion=1.0), np.ones(500, dtype=np.int64))
    moments = USUAL_POOL.law.moments(totals(rng, 50, 1, dispersion=1.0), np.ones((50, 1)))
    moments = replace(moments, mean=moments.mean[:, 0], excess=moments.excess[:, 0] * np.logspace(-6, 6, 50))
    levels = np.linspace(0.0001, 0.9999, 999)
    asked = pool.asked(levels, moments)
    assert asked.shape == (50, 999)
    assert ((asked > 0) & (asked < 1)).all()
    assert (np.diff(asked, axis=1) >= 0).all()
    assert pool.shifts.shape[0] == len(UNSTEADINESS)
