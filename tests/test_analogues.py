"""New items are forecast by their analogues and inherit the histories of those they follow."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.analogues import Succession, analogues_in_group, launch_demand, succeeded, with_analogues
from forecasting.panel import Panel

RAMP = np.array([0.3, 0.5, 0.8, 1.0, 1.2, 1.1, 1.0, 1.0, 0.9, 0.9] + [0.9] * 20)


def panel_of(**series):
    values = np.concatenate([np.asarray(one, dtype=float) for one in series.values()])
    return Panel(tuple(series), values, np.concatenate(([0], np.cumsum([len(one) for one in series.values()]))))


def frame_of(*rows):
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    return frame.assign(ds=pd.to_datetime(frame["ds"]))


def test_without_sales_of_its_own_a_new_item_is_expected_to_do_as_its_analogues_did_on_average():
    panel = panel_of(a=[2, 4, 6, 6], b=[4, 8, 12, 12], c=[100, 100], new=[])
    found = launch_demand(panel, {"new": ["a", "b"]}, horizon=6)
    np.testing.assert_allclose(found.mean[0], [3, 6, 9, 9, 6.75, 6.75])
    assert found.scale[0] == 1.0
    assert found.analogues == (("a", "b"),)


def test_a_shorter_analogue_does_not_bend_the_profile():
    """b, twice a, is known for two periods only: from the third the profile is a's, at the level of both."""
    found = launch_demand(panel_of(a=[2, 4, 6, 6], b=[4, 8], new=[]), {"new": ["a", "b"]}, horizon=4)
    np.testing.assert_allclose(found.mean[0], [3, 6, 9, 9])


def test_what_is_known_scales_the_profile_the_more_the_longer_it_is_known():
    rng = np.random.default_rng(1)
    alike = {f"a{i}": rng.poisson(50 * level * RAMP) for i, level in enumerate([0.8, 1.0, 1.2, 0.9, 1.1])}
    scales, errors = [], []
    for known in (0, 1, 4, 8):
        panel = panel_of(**alike, new=np.round(100 * RAMP[:known]))
        found = launch_demand(panel, {"new": list(alike)}, horizon=4)
        scales.append(found.scale[0])
        errors.append(found.scale_error[0])
    assert scales[0] == 1.0
    assert scales == sorted(scales)
    assert errors == sorted(errors, reverse=True)
    assert scales[-1] == pytest.approx(2.0, rel=0.1)
    np.testing.assert_allclose(found.mean[0], 100 * RAMP[8:12], rtol=0.2)


def test_totals_of_new_items_lie_where_mean_and_variance_say():
    """400 launches, ten analogues each, levels with a relative sd of 0.4: 90 % within 1.645 sd of the total of 8."""
    rng = np.random.default_rng(2)
    inside, shares = [], []
    for _ in range(400):
        levels = 10 * rng.gamma(1 / 0.16, 0.16, 11)
        demand = rng.poisson(levels[:, None] * RAMP)
        panel = panel_of(**{f"a{i}": demand[i] for i in range(10)}, new=demand[10, :3])
        found = launch_demand(panel, {"new": [f"a{i}" for i in range(10)]}, horizon=8)
        mean = found.mean[0].sum()
        sd = np.sqrt(found.noise[0].sum() + (found.scale_error[0] * mean) ** 2)
        actual = demand[10, 3:11].sum()
        inside.append(abs(actual - mean) <= 1.645 * sd)
        shares.append(mean / actual)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.06)
    assert np.median(shares) == pytest.approx(1.0, abs=0.06)


def test_analogues_are_found_in_the_group():
    panel = panel_of(a=[1, 2, 3], b=[1, np.nan, 2], c=[4, 5, 6], new=[1], other=[2])
    groups = ["pens", "pens", "soup", "pens", "socks"]
    found = analogues_in_group(panel, groups, ["new", "other"], least_periods=3)
    assert found == {"new": ("a",), "other": ()}
    assert analogues_in_group(panel, groups, ["new"], least_periods=2) == {"new": ("a", "b")}


def test_led_by_analogues_a_history_keeps_their_season_and_its_own_periods():
    season = np.tile([1.0, 2.0, 3.0, 2.0], 6)
    panel = panel_of(a=10 * season, b=40 * season, new=[25, 50])
    led = with_analogues(panel, {"new": ["a", "b"]}, periods=8)
    assert list(led.lengths) == [24, 24, 10]
    np.testing.assert_array_equal(led.values[-2:], [25, 50])
    front = led.values[48:56]
    np.testing.assert_allclose(front / front.mean(), season[14:22] / 2)
    scale = launch_demand(panel, {"new": ["a", "b"]}, horizon=1).scale[0]
    np.testing.assert_allclose(front.mean(), scale * 25 * 2)
    np.testing.assert_array_equal(led.values[:48], panel.values[:48])


def test_columns_are_unknown_where_analogues_stand_in():
    panel = Panel(
        ("a", "new"), np.arange(1.0, 7.0), np.array([0, 4, 6]), {"price": np.full(6, 2.0)}, np.array([9, 9]), None
    )
    led = with_analogues(panel, {"new": ["a"]}, periods=5)
    assert list(led.lengths) == [4, 4]
    np.testing.assert_array_equal(np.isnan(led.columns["price"]), [False] * 4 + [True] * 2 + [False] * 2)


def test_a_successor_inherits_and_no_unit_is_lost_or_counted_twice():
    frame = frame_of(
        ("old", "2026-01-01", 10), ("old", "2026-01-02", 20), ("old", "2026-01-03", 5),
        ("new", "2026-01-02", 1), ("new", "2026-01-03", 7),
    )  # fmt: skip
    found = succeeded(frame, [Succession("old", "new", date(2026, 1, 3), share=0.8)])
    assert found["y"].sum() == pytest.approx(frame["y"].sum())
    expected = frame_of(
        ("new", "2026-01-01", 8.0), ("new", "2026-01-02", 17.0), ("new", "2026-01-03", 7.0),
        ("old", "2026-01-01", 2.0), ("old", "2026-01-02", 4.0), ("old", "2026-01-03", 5.0),
    )  # fmt: skip
    pd.testing.assert_frame_equal(found, expected)


def test_successions_chain_in_the_order_of_their_dates_and_share_one_whole():
    frame = frame_of(*[(sku, f"2026-01-0{day}", 10) for sku in ("a", "b", "c", "d") for day in range(1, 5)])
    found = succeeded(
        frame,
        [
            Succession("b", "d", date(2026, 1, 4), share=0.5),
            Succession("b", "c", date(2026, 1, 4), share=0.5),
            Succession("a", "b", date(2026, 1, 2)),
        ],
    )
    table = found.pivot(index="unique_id", columns="ds", values="y").to_numpy()
    np.testing.assert_allclose(table, [[0, 10, 10, 10], [0, 0, 0, 10], [20, 15, 15, 10], [20, 15, 15, 10]])


def test_unknown_demand_stays_unknown_and_further_columns_follow():
    frame = frame_of(("old", "2026-01-01", 3), ("old", "2026-01-02", np.nan), ("new", "2026-01-02", 1))
    frame["price"] = [1.0, 2.0, 9.0]
    found = succeeded(frame, [Succession("old", "new", date(2026, 2, 1))])
    new = found[found["unique_id"] == "new"]
    assert list(new["price"]) == [1.0, 9.0]
    assert new["y"].iloc[0] == 3
    assert np.isnan(new["y"].iloc[1])


history = st.lists(
    st.one_of(st.integers(0, 30).map(float), st.just(0.0), st.just(np.nan), st.floats(0, 1e9)), max_size=30
)


@settings(max_examples=200, deadline=None)
@given(history, history, history, st.integers(1, 20))
def test_any_history_gives_finite_demand(a, b, new, horizon):
    panel = panel_of(a=a, b=b, new=new)
    for alike in (["a", "b"], ["a"], []):
        found = launch_demand(panel, {"new": alike, "unheard of": alike}, horizon=horizon)
        for one in (found.mean, found.noise, found.scale, found.scale_error):
            assert np.isfinite(one).all()
            assert (one >= 0).all()
        led = with_analogues(panel, {"new": alike}, periods=horizon)
        np.testing.assert_array_equal(led.values[len(led.values) - len(new) :], np.asarray(new, dtype=float))
        assert not np.isinf(led.values).any()


def test_refuses_what_it_cannot_answer():
    panel = panel_of(a=[1, 2], new=[1])
    with pytest.raises(ValueError, match="an item must not be its own analogue, got 'new'"):
        launch_demand(panel, {"new": ["new"]}, horizon=1)
    with pytest.raises(ValueError, match="analogues of 'new' must be series of the panel, got 'z'"):
        launch_demand(panel, {"new": ["z"]}, horizon=1)
    with pytest.raises(ValueError, match="horizon must be at least 1, got 0"):
        launch_demand(panel, {"new": ["a"]}, horizon=0)
    with pytest.raises(ValueError, match="new items must be series of the panel, got 'z'"):
        with_analogues(panel, {"z": ["a"]}, periods=3)
    with pytest.raises(ValueError, match="least_periods must be at least 1"):
        analogues_in_group(panel, [1, 1], ["new"], least_periods=0)
    frame = frame_of(("a", "2026-01-01", 3))
    day = date(2026, 1, 5)
    with pytest.raises(ValueError, match=r"shares of 'a' must sum to 1 at most, got 1\.2"):
        succeeded(frame, [Succession("a", "b", day, 0.6), Succession("a", "c", day, 0.6)])
    with pytest.raises(ValueError, match="share of 'a' for 'b' must lie in"):
        succeeded(frame, [Succession("a", "b", day, 0.0)])
    with pytest.raises(ValueError, match="an item must not follow itself, got 'a'"):
        succeeded(frame, [Succession("a", "a", day)])
    with pytest.raises(ValueError, match="got none for 'z'"):
        succeeded(frame, [Succession("z", "a", day)])
    with pytest.raises(ValueError, match="got several for 'a'"):
        succeeded(pd.concat([frame, frame]), [])
    with pytest.raises(ValueError, match="demand must have a column y"):
        succeeded(frame.drop(columns="y"), [])
