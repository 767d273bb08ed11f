"""Measures of forecasts, against figures worked out by hand or by others."""

import numpy as np
import pytest

from forecasting import bias, coverage, mase, pinball_loss, scaled_pinball


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
