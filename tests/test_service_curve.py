"""What stock buys: points simulated under one luck, read between them, with intervals over that luck."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.service_curve import (
    MEASURES,
    ServiceCurves,
    cover_levels,
    fill_rate_at_stock_value,
    half_widths,
    simulated_curves,
    together,
)
from simulation.distributions import gamma
from simulation.scenario import Demand, Policy, Scenario, StockPoint


def points(*given: tuple[float, float], label: str = "cover") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": label,
            "parameter": range(len(given)),
            "average_stock_value": [value for value, _ in given],
            "fill_rate": [rate for _, rate in given],
        }
    )


def curves(seed: int, *, replications: int = 12) -> ServiceCurves:
    luck = np.random.default_rng(seed)
    shape = (2, replications)
    demand = {"demand_units": np.full(shape, 100.0), "demand_value": np.full(shape, 900.0)}
    sums = {name: luck.uniform(50, 90, shape) for name in MEASURES}
    return ServiceCurves(("plan", "cover"), (0.95, 4.0), sums, demand)


# Between the points


@pytest.mark.parametrize(("stock_value", "fill_rate"), [(100, 0.8), (150, 0.85), (200, 0.9), (325, 0.925), (400, 0.94)])
def test_fill_rate_at_a_stock_value_lies_on_the_line_between_points(stock_value: float, fill_rate: float) -> None:
    curve = points((200, 0.9), (100, 0.8), (400, 0.94), (250, 0.91))
    assert fill_rate_at_stock_value(curve, stock_value) == pytest.approx(fill_rate)


@pytest.mark.parametrize("stock_value", [99.9, 400.1])
def test_nothing_is_said_outside_the_curve(stock_value: float) -> None:
    assert np.isnan(fill_rate_at_stock_value(points((100, 0.8), (400, 0.94)), stock_value))


def test_fill_rate_never_falls_as_stock_grows() -> None:
    curve = points((100, 0.8), (200, 0.9), (300, 0.88), (300, 0.86), (400, 0.95))
    assert fill_rate_at_stock_value(curve, 300) == 0.9
    along = [fill_rate_at_stock_value(curve, stock) for stock in range(100, 401, 5)]
    assert (np.diff(along) >= 0).all()


def test_refuses_to_read_two_curves_as_one() -> None:
    both = pd.concat([points((100, 0.8)), points((100, 0.9), label="target")])
    with pytest.raises(ValueError, match=r"curve must hold the points of one label, got \['cover', 'target'\]"):
        fill_rate_at_stock_value(both, 100)
    with pytest.raises(ValueError, match=r"got \[\]"):
        fill_rate_at_stock_value(points(), 100)


# Weeks of cover


def test_weeks_of_cover_are_whole_units_with_the_reorder_point_below() -> None:
    levels = cover_levels(np.array([0.1, 0.0, 2.5]), weeks_of_cover=10)
    assert levels["order_up_to_level"].tolist() == [7, 0, 175]
    assert levels["reorder_point"].tolist() == [6, -1, 174]


# Windows and intervals


def test_windows_together_are_weighed_by_their_demand() -> None:
    one, other = curves(1), curves(2)
    both = together([one, other]).frame()
    units = (one.sums["fill_rate"].sum(axis=1) + other.sums["fill_rate"].sum(axis=1)) / (2 * 12 * 100)
    np.testing.assert_allclose(both["fill_rate"], units)
    apart = [window.frame() for window in (one, other)]
    np.testing.assert_allclose(both["lost_margin"], sum(window["lost_margin"] for window in apart))
    np.testing.assert_allclose(both["average_stock_value"], sum(window["average_stock_value"] for window in apart) / 2)


def test_the_half_width_of_a_mean_is_students() -> None:
    from scipy.stats import sem, t

    one = curves(3)
    widths = half_widths(one, lambda frame: frame["lost_margin"].to_numpy())
    expected = sem(one.sums["lost_margin"], axis=1) * t.ppf(0.975, 11)
    np.testing.assert_allclose(widths, expected)


def test_what_two_figures_share_cancels_in_their_difference() -> None:
    one = curves(4)
    shared = one.sums["lost_margin"].copy()
    shared[1] = shared[0] + 5.0
    alike = ServiceCurves(one.labels, one.parameters, {**one.sums, "lost_margin": shared}, one.demand)
    (width,) = half_widths(alike, lambda frame: np.array([frame["lost_margin"][1] - frame["lost_margin"][0]]))
    assert width == pytest.approx(0, abs=1e-9)


def test_one_replication_has_no_interval() -> None:
    assert np.isnan(half_widths(curves(5, replications=1), lambda frame: frame["fill_rate"].to_numpy())).all()


# Simulated


def test_every_policy_is_simulated_as_it_would_be_alone() -> None:
    from simulation.run import simulate

    daily = np.random.default_rng(6).poisson(3.0, (1, 56)).astype(np.int64)
    base = Scenario(
        points=tuple(
            StockPoint(
                sku=f"SKU {number}",
                on_hand=20,
                demand=Demand(kind="paths", paths=daily + number),
                policy=Policy(kind="reorder", review_period_days=7.0),
                lead_time=gamma(6.0, 2.0),
                whole_day_lead_time=True,
                unit_cost=2.0,
                unit_price=5.0 - 4 * (number == 2),
            )
            for number in range(3)
        )
    )
    levels = {
        ("low", 1.0): pd.DataFrame({"reorder_point": [20, 25, 30], "order_up_to_level": [40, 50, 60]}),
        ("high", 2.0): pd.DataFrame({"reorder_point": [60, 75, 90], "order_up_to_level": [90, 99, 120]}),
    }
    frame = simulated_curves(base, levels, days=56, replications=5, seed=9).frame().set_index("label")
    for (label, _), chosen in levels.items():
        policies = {
            f"SKU {number}": Policy("reorder", reorder_point=int(row[0]), order_up_to_level=int(row[1]),
                                    review_period_days=7.0)
            for number, row in enumerate(chosen.to_numpy())
        }  # fmt: skip
        result = simulate(base.with_policy(policies), days=56, replications=5, seed=9)
        sums = result.tallies.points
        assert frame.loc[label, "fill_rate"] == pytest.approx(sums.filled.sum() / sums.demand.sum())
        held = sums.on_hand_ticks.sum(axis=1).mean() * 2.0 / (56 * 86_400_000)
        assert frame.loc[label, "average_stock_value"] == pytest.approx(held)
        value = np.array([5.0, 5.0, 2.0])
        assert frame.loc[label, "value_fill_rate"] == pytest.approx(
            (sums.filled * value).sum() / (sums.demand * value).sum()
        )
        assert frame.loc[label, "lost_margin"] == pytest.approx((sums.lost * [3.0, 3.0, 0.0]).sum(axis=1).mean())
        assert frame.loc[label, "orders_per_week"] == pytest.approx(sums.orders.sum(axis=1).mean() / 8)
    assert frame.loc["high", "fill_rate"] > frame.loc["low", "fill_rate"]
