"""Service, stock and effort of a replay, and the intervals around them."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from simulation import (
    Measures,
    ReorderPolicy,
    ReplicationMeasures,
    StockScenario,
    StockTotals,
    estimate,
    replication_measures,
    simulate,
    sku_measures,
)


def two_skus(**changes):
    """Ten days; demand totals 20 units of BOLT and 5 of MOTOR."""
    given = {
        "skus": ("BOLT", "MOTOR"),
        "demand": np.array([[2, 1], [2, 0]] * 5),
        "on_hand": np.array([10, 3]),
        "pipeline": np.zeros((0, 2), dtype=int),
        "lead_time_mean_days": np.array([3.0, 4.0]),
        "lead_time_sd_days": np.array([1.5, 2.0]),
        "review_period_days": 1,
        "unit_cost": np.array([1.0, 50.0]),
        "unit_margin": np.array([1.0, 30.0]),
        "pack_size": np.array([1, 1]),
        "moq": np.array([0, 0]),
        "on_shortage": "lost",
    }
    return StockScenario(**(given | changes))


def happened(**known):
    """Totals of two replications of `two_skus`, zero where not given."""
    names = [field.name for field in fields(StockTotals)]
    return StockTotals(**{name: np.array(known.get(name, [[0, 0], [0, 0]])) for name in names})


POLICY = ReorderPolicy("lean", np.array([5, 1]), np.array([9, 2]))

TOTALS = happened(
    filled_units=[[20, 4], [15, 5]],
    orders=[[2, 1], [3, 1]],
    stock_out_days=[[0, 1], [4, 0]],
    on_hand_unit_days=[[100, 20], [60, 30]],
    backordered_unit_days=[[0, 4], [8, 0]],
)


def test_measures_of_totals_worked_by_hand():
    seen = replication_measures(two_skus(), TOTALS)
    assert seen.fill_rate.tolist() == [24 / 25, 20 / 25]
    # Prices are 2 and 80; demand is worth 440, of which 80 and then 10 are missed.
    assert seen.value_fill_rate.tolist() == [360 / 440, 430 / 440]
    assert seen.average_stock_value.tolist() == [(100 + 20 * 50) / 10, (60 + 30 * 50) / 10]
    assert seen.lost_margin.tolist() == [30.0, 5.0]
    assert seen.orders_per_week.tolist() == pytest.approx([3 * 0.7, 4 * 0.7])
    assert seen.stock_out_share.tolist() == [1 / 20, 4 / 20]


def test_no_margin_is_lost_where_demand_waits():
    assert replication_measures(two_skus(on_shortage="backorder"), TOTALS).lost_margin.tolist() == [0.0, 0.0]


def test_measures_of_each_sku_worked_by_hand():
    frame = sku_measures(two_skus(), TOTALS).set_index("sku")
    assert frame.loc["BOLT"].to_dict() == pytest.approx(
        {
            "demand_units": 20,
            "filled_units": 17.5,
            "lost_units": 2.5,
            "fill_rate": 0.875,
            "average_on_hand": 8.0,
            "average_stock_value": 8.0,
            "average_backordered": 0.4,
            "lost_margin": 2.5,
            "orders_per_week": 1.75,
            "stock_out_share": 0.2,
        }
    )
    assert frame.loc["MOTOR", "average_stock_value"] == 125.0
    assert frame.loc["MOTOR", "lost_margin"] == 15.0


def test_fill_rate_without_demand_is_unknown_rather_than_perfect():
    idle = two_skus(demand=np.array([[2, 0]] * 10))
    frame = sku_measures(idle, happened(filled_units=[[20, 0], [20, 0]]))
    assert frame["fill_rate"].isna().tolist() == [False, True]
    nothing = two_skus(demand=np.zeros((10, 2), dtype=int))
    assert np.isnan(replication_measures(nothing, happened()).fill_rate).all()
    assert np.isnan(replication_measures(nothing, happened()).value_fill_rate).all()


def test_interval_is_that_of_student():
    values = np.array([3.1, 2.4, 2.9, 3.8, 3.0, 2.2])
    seen = estimate(values)
    low, high = stats.t.interval(0.95, 5, loc=values.mean(), scale=stats.sem(values))
    assert (seen.mean - seen.half_width, seen.mean + seen.half_width) == pytest.approx((low, high))


def test_interval_covers_the_truth_about_nineteen_times_in_twenty():
    samples = np.random.default_rng(12).normal(5.0, 2.0, (2_000, 8))
    intervals = [estimate(sample) for sample in samples]
    covered = np.mean([abs(seen.mean - 5.0) <= seen.half_width for seen in intervals])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 2_000)


def test_one_replication_has_no_interval():
    seen = estimate(np.array([0.9]))
    assert seen.mean == 0.9
    assert np.isnan(seen.half_width)


def test_measures_estimate_every_measure_of_the_replications():
    assert [field.name for field in fields(Measures)] == [field.name for field in fields(ReplicationMeasures)]
    result = simulate(two_skus(), POLICY, replications=12, seed=3)
    for field in fields(Measures):
        values = getattr(result.by_replication, field.name)
        assert values.shape == (12,)
        assert getattr(result.measures, field.name) == estimate(values)


def test_replications_differ_in_lead_times_alone():
    varying = simulate(two_skus(), POLICY, replications=12, seed=3)
    assert varying.measures.average_stock_value.half_width > 0
    fixed = simulate(two_skus(lead_time_sd_days=np.zeros(2)), POLICY, replications=12, seed=3)
    assert {getattr(fixed.measures, field.name).half_width for field in fields(Measures)} == {0.0}


def test_the_sku_frame_adds_up_to_the_measures():
    result = simulate(two_skus(), POLICY, replications=12, seed=3)
    for name in ("average_stock_value", "lost_margin", "orders_per_week"):
        assert result.by_sku[name].sum() == pytest.approx(getattr(result.measures, name).mean)
    assert result.by_sku["filled_units"].sum() / 25 == pytest.approx(result.measures.fill_rate.mean)


def test_longer_runs_begin_with_the_shorter_ones(monkeypatch):
    # Blocks of 3 replications: the borders between blocks must not show either.
    whole = simulate(two_skus(), POLICY, replications=10, seed=3)
    monkeypatch.setattr("simulation.replicate._CELLS_AT_ONCE", 6)
    blocks = simulate(two_skus(), POLICY, replications=10, seed=3)
    shorter = simulate(two_skus(), POLICY, replications=4, seed=3)
    for field in fields(StockTotals):
        expected = getattr(whole.totals, field.name)
        assert getattr(blocks.totals, field.name).tolist() == expected.tolist()
        assert getattr(shorter.totals, field.name).tolist() == expected[:4].tolist()
    assert np.ptp(whole.by_replication.average_stock_value) > 0


def test_refuses_to_run_no_replication():
    with pytest.raises(ValueError, match="replications must be at least 1, got 0"):
        simulate(two_skus(), POLICY, replications=0, seed=3)


def test_refuses_a_policy_of_other_skus():
    short = ReorderPolicy("short", np.array([1]), np.array([2]))
    with pytest.raises(ValueError, match=r"policy short must cover the scenario's 2 SKUs, got shape \(1,\)"):
        simulate(two_skus(), short, replications=2, seed=3)
