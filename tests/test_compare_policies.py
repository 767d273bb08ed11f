"""Policies under the same luck, and the service that an amount of stock buys."""

import numpy as np
import pandas as pd
import pytest

from simulation import (
    ReorderPolicy,
    StockScenario,
    compare_policies,
    cover_policy,
    fill_rate_at_stock_value,
    service_curve,
    simulate,
    simulate_policies,
)

SKUS = 40
MEANS = np.random.default_rng(5).gamma(1.0, 3.0, SKUS)


def weekly_scenario(**changes):
    given = {
        "skus": tuple(f"SKU {number}" for number in range(SKUS)),
        "demand": np.random.default_rng(6).poisson(MEANS, (84, SKUS)),
        "on_hand": np.ceil(MEANS * 10).astype(int),
        "pipeline": np.zeros((0, SKUS), dtype=int),
        "lead_time_mean_days": np.linspace(4, 21, SKUS),
        "lead_time_sd_days": np.linspace(0, 7, SKUS),
        "review_period_days": 7,
        "unit_cost": np.linspace(1, 30, SKUS),
        "unit_margin": np.linspace(1, 10, SKUS),
        "pack_size": np.ones(SKUS, dtype=int),
        "moq": np.zeros(SKUS, dtype=int),
        "on_shortage": "lost",
    }
    return StockScenario(**(given | changes))


def cover(weeks):
    return cover_policy(f"{weeks} weeks", MEANS, weeks_of_cover=weeks)


def test_every_measure_of_every_policy_is_what_it_is_alone():
    scenario = weekly_scenario()
    frame = compare_policies(scenario, [cover(2), cover(4)], replications=8, seed=1)
    assert frame.columns.tolist() == [
        "policy",
        "measure",
        "mean",
        "half_width",
        "difference",
        "difference_half_width",
    ]
    assert len(frame) == 2 * 6
    for weeks in (2, 4):
        alone = simulate(scenario, cover(weeks), replications=8, seed=1).measures
        for row in frame[frame["policy"] == f"{weeks} weeks"].itertuples():
            expected = getattr(alone, row.measure)
            assert (row.mean, row.half_width) == (expected.mean, expected.half_width)


def test_the_order_of_policies_changes_no_result():
    scenario, policies = weekly_scenario(), [cover(weeks) for weeks in (1, 3, 6)]
    forwards = simulate_policies(scenario, policies, replications=5, seed=2)
    backwards = simulate_policies(scenario, policies[::-1], replications=5, seed=2)[::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert one.policy == other.policy
        assert one.totals.on_hand_unit_days.tolist() == other.totals.on_hand_unit_days.tolist()
        assert one.measures == other.measures


def test_a_policy_differs_from_its_twin_by_nothing():
    twin = ReorderPolicy("twin", cover(3).reorder_point, cover(3).order_up_to_level)
    frame = compare_policies(weekly_scenario(), [cover(3), twin], replications=6, seed=3)
    assert (frame["difference"] == 0).all()
    assert (frame["difference_half_width"] == 0).all()
    assert (frame.loc[frame["measure"] == "average_stock_value", "half_width"] > 0).all()


def test_common_luck_narrows_the_difference():
    scenario = weekly_scenario()
    one_more = ReorderPolicy("one more", cover(3).reorder_point + 1, cover(3).order_up_to_level + 1)
    frame = compare_policies(scenario, [cover(3), one_more], replications=20, seed=4)
    stock = frame[(frame["policy"] == "one more") & (frame["measure"] == "average_stock_value")].iloc[0]
    assert stock["difference_half_width"] < stock["half_width"] / 3
    apart = simulate(scenario, one_more, replications=20, seed=5).by_replication.average_stock_value
    base = simulate(scenario, cover(3), replications=20, seed=4).by_replication.average_stock_value
    unpaired = 1.96 * (apart - base).std(ddof=1) / np.sqrt(20)
    assert stock["difference_half_width"] < unpaired / 3


def test_differences_are_taken_from_the_first_policy():
    frame = compare_policies(weekly_scenario(), [cover(2), cover(5)], replications=6, seed=6)
    means = frame.pivot(index="measure", columns="policy", values="mean")
    differences = frame.pivot(index="measure", columns="policy", values="difference")
    assert differences["5 weeks"].to_numpy() == pytest.approx(
        (means["5 weeks"] - means["2 weeks"]).to_numpy(), abs=1e-9
    )
    assert differences.loc["fill_rate", "5 weeks"] > 0
    assert differences.loc["average_stock_value", "5 weeks"] > 0
    assert differences.loc["lost_margin", "5 weeks"] < 0


@pytest.mark.parametrize("policies", [[], [cover(2), cover(2)]])
def test_refuses_policies_that_cannot_be_told_apart(policies):
    with pytest.raises(ValueError, match="policies must be at least one, each with a name of its own, got"):
        compare_policies(weekly_scenario(), policies, replications=2, seed=1)


def test_longer_lead_times_need_more_stock_for_the_same_service():
    scenario = weekly_scenario()
    usual = simulate(scenario, cover(4), replications=6, seed=7).measures
    slower = simulate(scenario.with_lead_time_factor(2.0), cover(4), replications=6, seed=7).measures
    assert slower.fill_rate.mean + slower.fill_rate.half_width < usual.fill_rate.mean
    with pytest.raises(ValueError, match="factor must be above 0, got 0"):
        scenario.with_lead_time_factor(0.0)


def test_a_curve_has_the_measures_of_each_of_its_policies():
    scenario, weeks = weekly_scenario(), (1, 2, 4, 8)
    curve = service_curve(scenario, "weeks of cover", {week: cover(week) for week in weeks}, replications=5, seed=8)
    assert curve["label"].unique().tolist() == ["weeks of cover"]
    assert curve["parameter"].tolist() == list(weeks)
    for row in curve.itertuples():
        alone = simulate(scenario, cover(row.parameter), replications=5, seed=8).measures
        for measure in ("average_stock_value", "fill_rate", "value_fill_rate", "lost_margin", "orders_per_week"):
            assert getattr(row, measure) == getattr(alone, measure).mean
    assert curve["average_stock_value"].is_monotonic_increasing
    assert curve["fill_rate"].is_monotonic_increasing
    with pytest.raises(ValueError, match="policies of curve nothing must be at least one, got none"):
        service_curve(scenario, "nothing", {}, replications=5, seed=8)


def points(*pairs, label="cover"):
    return pd.DataFrame(
        {
            "label": label,
            "parameter": range(len(pairs)),
            "average_stock_value": [float(stock) for stock, _ in pairs],
            "fill_rate": [fill for _, fill in pairs],
        }
    )


@pytest.mark.parametrize(("stock_value", "fill_rate"), [(100, 0.8), (150, 0.85), (200, 0.9), (325, 0.925), (400, 0.94)])
def test_fill_rate_at_a_stock_value_lies_on_the_line_between_points(stock_value, fill_rate):
    curve = points((200, 0.9), (100, 0.8), (400, 0.94), (250, 0.91))
    assert fill_rate_at_stock_value(curve, stock_value) == pytest.approx(fill_rate)


@pytest.mark.parametrize("stock_value", [99.9, 400.1])
def test_nothing_is_said_outside_the_curve(stock_value):
    assert np.isnan(fill_rate_at_stock_value(points((100, 0.8), (400, 0.94)), stock_value))


def test_fill_rate_never_falls_as_stock_grows():
    curve = points((100, 0.8), (200, 0.9), (300, 0.88), (300, 0.86), (400, 0.95))
    assert fill_rate_at_stock_value(curve, 300) == 0.9
    along = [fill_rate_at_stock_value(curve, stock) for stock in range(100, 401, 5)]
    assert (np.diff(along) >= 0).all()


def test_refuses_to_read_two_curves_as_one():
    both = pd.concat([points((100, 0.8)), points((100, 0.9), label="target")])
    with pytest.raises(ValueError, match=r"curve must hold the points of one label, got \['cover', 'target'\]"):
        fill_rate_at_stock_value(both, 100)
    with pytest.raises(ValueError, match=r"got \[\]"):
        fill_rate_at_stock_value(points(), 100)
