"""One-off bulk orders are told from ordinary lumps, shown, and overridable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.outliers import bulk_orders
from forecasting.panel import Panel


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def intermittent(rng, periods=104):
    return np.where(rng.random(periods) < 0.3, rng.integers(1, 13, periods), 0).astype(float)


def test_the_order_of_74215_units_is_a_one_off():
    rng = np.random.default_rng(1)
    demand = intermittent(rng)
    demand[3] = 12
    demand[60] = 74_215
    found = bulk_orders(panel_of(demand, intermittent(rng)))
    assert list(found.positions) == [60]
    assert found.capped[60] == 12
    assert found.times[0] == pytest.approx(74_215 / 12)
    assert found.chance[0] < 1e-5
    assert found.why[0].startswith("74,215 is 6,185 times the largest other demand, 12, of ")


def test_two_one_offs_do_not_hide_each_other():
    demand = intermittent(np.random.default_rng(2), 200)
    demand[[20, 90]] = [5000, 4000]
    assert list(bulk_orders(panel_of(demand)).positions) == [20, 90]


@pytest.mark.parametrize("periods", [104, 400])
@pytest.mark.parametrize(
    "law",
    ["poisson", "negative binomial", "lumpy lognormal", "rare orders of 1 to 100", "pareto", "seasonal", "cartons"],
)
def test_ordinary_lumps_are_left_alone(law, periods):
    """At most 2 in 1,000 series, twice what is promised."""
    rng = np.random.default_rng(3)
    shape = (2000, periods)
    if law == "poisson":
        demand = rng.poisson(0.5, shape)
    elif law == "negative binomial":
        demand = rng.poisson(rng.gamma(0.2, 10, shape))
    elif law == "lumpy lognormal":
        demand = np.where(rng.random(shape) < 0.2, np.ceil(np.exp(rng.normal(2, 1.5, shape))), 0)
    elif law == "rare orders of 1 to 100":
        demand = np.where(rng.random(shape) < 0.08, rng.integers(1, 101, shape), 0)
    elif law == "pareto":
        demand = np.where(rng.random(shape) < 0.5, np.ceil(2 * (1 + rng.pareto(1.5, shape))), 0)
    elif law == "seasonal":
        demand = rng.poisson(np.where(np.arange(periods) % 52 < 3, 60, 2) * np.ones(shape))
    else:
        demand = np.where(rng.random(shape) < 0.2, 144, rng.poisson(2, shape))
    flagged = bulk_orders(panel_of(*demand.astype(float))).flagged.reshape(shape).any(axis=1)
    assert flagged.mean() <= 0.002


@pytest.mark.parametrize("times", [40, 200])
def test_finds_nearly_all_bulk_orders_planted_in_steady_demand(times):
    rng = np.random.default_rng(4)
    demand = rng.poisson(5, (500, 104)).astype(float)
    at = rng.integers(0, 104, 500)
    demand[np.arange(500), at] = times * 5
    flagged = bulk_orders(panel_of(*demand)).flagged.reshape(500, 104)
    assert flagged[np.arange(500), at].mean() > (0.99 if times == 200 else 0.9)


def test_a_bulk_order_stands_out_from_small_quantities_whose_largest_is_a_thirtieth():
    """266 days with demand, mostly of 1 or 2 units: a tail that falls off fast, however coarse its first steps."""
    rng = np.random.default_rng(7)
    demand = rng.geometric(0.5, (500, 266)).astype(float)
    bulk = 30 * demand[:, :-1].max(axis=1)
    demand[:, -1] = bulk
    flagged = bulk_orders(panel_of(*demand)).flagged.reshape(500, 266)
    assert flagged[:, -1].mean() > 0.9
    assert not flagged[:, :-1].any()


def test_a_new_level_is_not_a_series_of_one_offs():
    demand = np.concatenate([np.random.default_rng(5).poisson(2, 90), np.full(12, 400)]).astype(float)
    assert not bulk_orders(panel_of(demand)).flagged.any()


def test_a_person_decides():
    rng = np.random.default_rng(6)
    demand = intermittent(rng)
    demand[60] = 74_215
    mask = np.zeros(104, bool)
    mask[60] = True
    assert not bulk_orders(panel_of(demand), accepted=mask).flagged.any()
    small = np.flatnonzero(demand == 5)[0]
    rejected = np.zeros(104, bool)
    rejected[small] = True
    found = bulk_orders(panel_of(demand), rejected=rejected)
    assert sorted(found.positions) == sorted([small, 60])
    assert found.capped[small] == 5
    assert found.why[list(found.positions).index(small)] == "5 was marked as a one-off by hand"


def test_a_rejected_demand_with_nothing_beside_it_is_capped_to_zero():
    found = bulk_orders(panel_of([0, 900, 0]), rejected=[False, True, False])
    np.testing.assert_array_equal(found.capped, 0)
    assert found.times[0] == np.inf


def test_too_little_history_says_nothing():
    for demand in ([], [9], [1, 1000], [1, 1, 1000], [1, 2, 1, 1_000_000]):
        assert not bulk_orders(panel_of(demand)).flagged.any()


values = st.lists(
    st.one_of(st.just(0.0), st.just(np.nan), st.integers(0, 50).map(float), st.floats(0, 1e12)), max_size=60
)


@settings(max_examples=200, deadline=None)
@given(st.lists(values, min_size=1, max_size=5))
def test_capping_only_ever_lowers_and_ignores_the_company(series):
    panel = panel_of(*series)
    found = bulk_orders(panel)
    known = ~np.isnan(panel.values)
    assert (found.capped[known] <= panel.values[known]).all()
    assert (found.capped[known] >= 0).all()
    np.testing.assert_array_equal(found.capped[~found.flagged], panel.values[~found.flagged])
    assert len(found.why) == len(found.positions) == found.flagged.sum()
    alone = bulk_orders(panel_of(series[-1]))
    np.testing.assert_array_equal(alone.flagged, found.flagged[panel.offsets[-2] :])


def test_refuses_what_it_cannot_answer():
    panel = Panel(("A-12", "B"), np.array([1, np.nan, 3, 4]), np.array([0, 2, 4]))
    yes = np.array([False, False, True, False])
    with pytest.raises(ValueError, match="accepted must be booleans shaped like the panel's values"):
        bulk_orders(panel, accepted=[True])
    with pytest.raises(ValueError, match="both accepted and rejected, got both for 'B' in its period 0"):
        bulk_orders(panel, accepted=yes, rejected=yes)
    with pytest.raises(ValueError, match="known demand, got NaN for 'A-12' in its period 1"):
        bulk_orders(panel, rejected=np.array([False, True, False, False]))
