"""Forecasts at several levels made to add up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.reconciliation import (
    Hierarchy,
    bottom_up,
    historical_shares,
    minimum_trace,
    shrinkage,
    top_down,
)


def keys_of(number, rng, categories=3, locations=2):
    return pd.DataFrame(
        {
            "unique_id": [f"S{one}" for one in range(number)],
            "category": rng.integers(0, categories, number),
            "location": rng.choice([f"L{one}" for one in range(locations)], number),
        }
    )


def dense_summing(hierarchy):
    return np.vstack((hierarchy.summing.toarray(), np.eye(len(hierarchy.bottom_ids))))


def dense_shrinkage(residuals):
    """Schäfer and Strimmer's estimate pair by pair."""
    periods = residuals.shape[1]
    scaled = residuals / np.sqrt(np.mean(residuals**2, axis=1, keepdims=True))
    variances = squares = 0.0
    for one in range(len(scaled)):
        for other in range(len(scaled)):
            if one != other:
                products = scaled[one] * scaled[other]
                correlation = products.mean()
                variances += ((products - correlation) ** 2).sum() / (periods * (periods - 1))
                squares += correlation**2
    return min(max(variances / squares, 0), 1)


def dense_minimum_trace(base, hierarchy, residuals):
    """S (S' W⁻¹ S)⁻¹ S' W⁻¹ y with W formed in full."""
    summing = dense_summing(hierarchy)
    covariance = residuals @ residuals.T / residuals.shape[1]
    shrunk = dense_shrinkage(residuals)
    inverse = np.linalg.inv(shrunk * np.diag(np.diag(covariance)) + (1 - shrunk) * covariance)
    return summing @ np.linalg.solve(summing.T @ inverse @ summing, summing.T @ inverse @ base)


@pytest.fixture
def rng():
    return np.random.default_rng(4)


# The hierarchy


def test_aggregates_sum_the_series_that_share_their_keys():
    keys = pd.DataFrame({"unique_id": ["a", "b", "c"], "category": ["x", "y", "x"], "location": ["E", "E", "W"]})
    hierarchy = Hierarchy.from_frame(keys)
    assert hierarchy.ids == ("total", "category=x", "category=y", "location=E", "location=W", "a", "b", "c")
    np.testing.assert_array_equal(bottom_up(np.array([1.0, 2, 4]), hierarchy), [7, 5, 2, 3, 4, 1, 2, 4])
    crossed = Hierarchy.from_frame(keys, levels=[[], ["category", "location"]])
    assert crossed.aggregate_ids[1:] == (
        "category=x, location=E",
        "category=x, location=W",
        "category=y, location=E",
    )


def test_aggregates_are_those_of_pandas(rng):
    keys = keys_of(50, rng)
    bottom = rng.random((50, 4))
    sums = bottom_up(bottom, Hierarchy.from_frame(keys, levels=[["location"]]))
    np.testing.assert_allclose(sums[:2], pd.DataFrame(bottom).groupby(keys["location"]).sum())


def test_keys_that_make_no_hierarchy_are_refused():
    keys = pd.DataFrame({"unique_id": ["a", "b"], "category": ["x", None]})
    with pytest.raises(ValueError, match="category must be given for every series, got none for 'b'"):
        Hierarchy.from_frame(keys)
    with pytest.raises(ValueError, match="levels must name key columns, got 'place'"):
        Hierarchy.from_frame(keys, levels=[["place"]])
    with pytest.raises(ValueError, match="got 'a' again"):
        Hierarchy.from_frame(pd.DataFrame({"unique_id": ["a", "a"]}))
    with pytest.raises(ValueError, match="at least one bottom series"):
        Hierarchy.from_frame(keys.iloc[:0])


# Top down


def test_top_down_hands_out_the_total_by_shares():
    keys = pd.DataFrame({"unique_id": ["a", "b", "c"], "category": ["x", "y", "x"]})
    hierarchy = Hierarchy.from_frame(keys)
    shares = historical_shares(np.array([[1.0, 1, np.nan], [2, 2, 2], [0, 0, 3]]))
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25])
    np.testing.assert_allclose(top_down(np.array([8.0, 4]), hierarchy, shares=shares)[:, 0], [8, 4, 4, 2, 4, 2])
    np.testing.assert_allclose(historical_shares(np.zeros((4, 2))), 0.25)
    with pytest.raises(ValueError, match="add up to 1, got sum 2"):
        top_down(np.array(8.0), hierarchy, shares=np.array([1.0, 1, 0]))


# Minimum trace


@pytest.mark.parametrize(("number", "periods"), [(4, 60), (12, 30), (25, 8)])
def test_minimum_trace_is_the_formula_with_matrices_in_full(rng, number, periods):
    hierarchy = Hierarchy.from_frame(keys_of(number, rng))
    noise = rng.normal(size=(number, periods)) + rng.normal(size=periods)
    residuals = hierarchy.sums(noise) + 0.5 * rng.normal(size=(len(hierarchy.ids), periods))
    base = hierarchy.sums(50 + 10 * rng.random((number, 3))) + rng.normal(size=(len(hierarchy.ids), 3))
    assert shrinkage(residuals) == pytest.approx(dense_shrinkage(residuals))
    found = minimum_trace(base, hierarchy, residuals=residuals)
    np.testing.assert_allclose(found, dense_minimum_trace(base, hierarchy, residuals), rtol=1e-8)


def test_shrinkage_is_total_where_nothing_is_correlated_and_slight_where_all_is(rng):
    assert shrinkage(rng.normal(size=(300, 20))) > 0.9
    assert shrinkage(rng.normal(size=1000) + 0.5 * rng.normal(size=(30, 1000))) < 0.01
    assert shrinkage(np.zeros((3, 10))) == shrinkage(np.ones((3, 1))) == 1


def test_coherent_forecasts_stay_as_they_are(rng):
    """Which is what keeps unbiased forecasts unbiased: S·G·S = S."""
    hierarchy = Hierarchy.from_frame(keys_of(40, rng))
    base = hierarchy.sums(rng.random(40) * 9)
    residuals = rng.normal(size=(len(hierarchy.ids), 20))
    np.testing.assert_allclose(minimum_trace(base, hierarchy, residuals=residuals), base, rtol=1e-10)


def test_unbiased_forecasts_stay_unbiased(rng):
    hierarchy = Hierarchy.from_frame(keys_of(12, rng))
    true = hierarchy.sums(20 + 10 * rng.random(12))
    residuals = rng.normal(size=(len(hierarchy.ids), 30))
    base = true[:, None] + rng.normal(size=(len(true), 4000))
    mean = minimum_trace(base, hierarchy, residuals=residuals).mean(axis=1)
    np.testing.assert_allclose(mean, true, atol=0.2)


def test_reconciling_lessens_the_error_at_every_level(rng):
    """Bottom series too noisy to forecast, aggregates that are easy: each learns from the other."""
    keys = keys_of(60, rng, categories=6)
    hierarchy = Hierarchy.from_frame(keys)
    level = 5 + 10 * rng.random(60)
    history = rng.poisson(level[:, None] * (1 + 0.2 * np.sin(np.arange(80) / 4)), (60, 80)).astype(float)
    nodes = hierarchy.sums(history)
    sd = 0.3 * np.sqrt(nodes.mean(axis=1, keepdims=True))
    forecast = hierarchy.sums(level[:, None] * (1 + 0.2 * np.sin(np.arange(80) / 4)))
    base = np.maximum(forecast + sd * rng.normal(size=nodes.shape), 0)
    found = minimum_trace(base[:, 40:], hierarchy, residuals=(nodes - base)[:, :40])

    def squared(forecasts, rows):
        return np.mean((forecasts - nodes[:, 40:])[rows] ** 2)

    for rows in (slice(0, 1), slice(1, 7), slice(9, None)):
        assert squared(found, rows) < squared(base[:, 40:], rows)
    assert squared(found, slice(0, 1)) < squared(bottom_up(base[9:, 40:], hierarchy), slice(0, 1))


def test_bottom_forecasts_are_never_negative_and_the_sums_follow(rng):
    hierarchy = Hierarchy.from_frame(keys_of(10, rng))
    base = np.concatenate((np.zeros(len(hierarchy.aggregate_ids)), np.linspace(0, 3, 10)))
    found = minimum_trace(base, hierarchy, residuals=rng.normal(size=(len(base), 9)))
    assert (found >= 0).all()
    np.testing.assert_allclose(found, hierarchy.sums(found[-10:]), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(0, 6))
def test_any_residuals_give_finite_coherent_forecasts(seed, number, periods):
    rng = np.random.default_rng(seed)
    hierarchy = Hierarchy.from_frame(keys_of(number, rng))
    shape = (len(hierarchy.ids), periods)
    residuals = rng.normal(size=shape) * rng.choice([0, 1, 1e4], (shape[0], 1))
    residuals[rng.random(shape) < 0.3] = np.nan
    base = rng.random(shape[0]) * rng.choice([0, 1, 1e5], shape[0])
    found = minimum_trace(base, hierarchy, residuals=residuals)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    bottom = found[len(hierarchy.aggregate_ids) :]
    np.testing.assert_allclose(found, hierarchy.sums(bottom), rtol=1e-12, atol=1e-9)


def test_thousands_of_series_are_reconciled_without_a_matrix_of_all_pairs(rng):
    keys = pd.DataFrame(
        {"unique_id": np.arange(20_000), "item": np.arange(20_000) // 8, "location": np.arange(20_000) % 8}
    )
    hierarchy = Hierarchy.from_frame(keys)
    truth = hierarchy.sums(rng.gamma(2, 5, 20_000))
    residuals = rng.normal(size=(len(truth), 26)) * np.sqrt(truth)[:, None]
    base = truth + rng.normal(size=len(truth)) * np.sqrt(truth)
    found = minimum_trace(base, hierarchy, residuals=residuals)
    items = slice(1, 2501)
    assert np.mean((found - truth)[items] ** 2) < np.mean((base - truth)[items] ** 2)


def test_forecasts_that_do_not_fit_are_refused(rng):
    hierarchy = Hierarchy.from_frame(keys_of(3, rng, 1, 1))
    with pytest.raises(ValueError, match="base must have 6 rows"):
        minimum_trace(np.zeros(3), hierarchy, residuals=np.zeros((6, 4)))
    with pytest.raises(ValueError, match=r"residuals must have shape \(6, period\), got \(3, 4\)"):
        minimum_trace(np.zeros(6), hierarchy, residuals=np.zeros((3, 4)))
    with pytest.raises(ValueError, match="base must be finite, got nan"):
        minimum_trace(np.full(6, np.nan), hierarchy, residuals=np.zeros((6, 4)))
    with pytest.raises(ValueError, match="got infinity for 'total'"):
        minimum_trace(np.zeros(6), hierarchy, residuals=np.full((6, 4), np.inf))
