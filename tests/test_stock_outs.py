"""Weeks with sold-out days are told from the days' own law of demand."""

import numpy as np
import pandas as pd
import pytest

from forecasting import periodic_panel, unconstrained_panel

AS_OF = pd.Timestamp("2026-03-29")
DAYS = 420


def sold_out_on_high_days(seed, series=60, stock=13):
    """Poisson demand around 10 a day; what exceeds the stock of a day is not sold, and that day ends empty."""
    rng = np.random.default_rng(seed)
    demand = rng.poisson(10.0, (series, DAYS))
    begin = np.where(rng.random((series, DAYS)) < 0.5, stock, 10_000)
    sold = np.minimum(demand, begin)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(series), DAYS),
            "ds": np.tile(pd.date_range(end=AS_OF, periods=DAYS), series),
            "y": sold.ravel().astype(float),
            "in_stock": (sold < begin).ravel(),
        }
    )
    return frame, demand


def test_days_that_sold_out_because_demand_was_high_do_not_pull_the_week_down():
    frame, demand = sold_out_on_high_days(1)
    true = demand.sum() / DAYS * 7 / len(demand)
    inferred = np.nanmean(unconstrained_panel(frame, as_of=AS_OF).values)
    scaled = np.nanmean(periodic_panel(frame, as_of=AS_OF).values)
    assert inferred == pytest.approx(true, rel=0.01)
    assert abs(inferred - true) < abs(scaled - true)


def test_without_stock_outs_weeks_are_plain_sums():
    frame, _ = sold_out_on_high_days(2, series=3)
    frame = frame.assign(in_stock=True)
    plain = periodic_panel(frame.drop(columns="in_stock"), as_of=AS_OF)
    panel = unconstrained_panel(frame, as_of=AS_OF)
    assert panel.ids == plain.ids
    np.testing.assert_array_equal(panel.values, plain.values)
    np.testing.assert_array_equal(panel.offsets, plain.offsets)


def test_weeks_in_stock_keep_their_sum_and_a_week_mostly_out_is_unknown():
    days = pd.date_range(end=AS_OF, periods=28)
    in_stock = np.ones(28, dtype=bool)
    in_stock[7:12] = False
    frame = pd.DataFrame({"unique_id": "A", "ds": days, "y": 2.0, "in_stock": in_stock})
    panel = unconstrained_panel(frame, as_of=AS_OF)
    np.testing.assert_allclose(panel.values, [14, np.nan, 14, 14])
    assert panel.is_whole.all()
    assert panel.ends[0] == np.datetime64(AS_OF)


def test_demand_is_never_inferred_below_what_was_sold():
    frame, _ = sold_out_on_high_days(3, series=5)
    sold = periodic_panel(frame.drop(columns="in_stock"), as_of=AS_OF).values
    inferred = unconstrained_panel(frame, as_of=AS_OF).values
    known = ~np.isnan(inferred)
    assert (inferred[known] >= sold[known] - 1e-9).all()
