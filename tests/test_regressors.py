"""Effects of promotions, prices and holidays are found, shrunk and taken out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.panel import Panel
from forecasting.regressors import EffectPool, pooled_effects, regressor_effects, relative_price


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))))


def promoted(
    rng, *, series=200, periods=104, mean=8.0, effect=0.7, item_sd=0.2, elasticity=-1.5, spread=0.3, drift=0.0
):
    """Negative binomial weeks with a promotion in one of eight and prices that vary by 10 %."""
    promotion = (rng.random((series, periods)) < 1 / 8).astype(float)
    price = rng.normal(0, 0.1, (series, periods))
    effects = rng.normal(effect, item_sd, series)
    level = mean * np.exp(drift * np.linspace(-1, 1, periods)) * np.exp(rng.normal(0, 0.5, (series, 1)))
    rate = level * np.exp(effects[:, None] * promotion + elasticity * price)
    demand = rng.poisson(rate * rng.gamma(1 / spread, spread, rate.shape)).astype(float)
    return demand, {"promotion": promotion.ravel(), "price": price.ravel()}, effects, level


@pytest.mark.parametrize("drift", [0.0, 0.6])
@pytest.mark.parametrize("mean", [0.4, 8.0])
def test_recovers_known_effects_also_of_intermittent_and_drifting_demand(mean, drift):
    rng = np.random.default_rng(1)
    demand, columns, effects, _ = promoted(rng, mean=mean, drift=drift)
    pool = pooled_effects(panel_of(*demand), columns)
    assert pool.names == ("promotion", "price")
    assert pool.mean[0] == pytest.approx([0.7, -1.5], abs=0.1)
    assert abs(pool.mean[0, 0] - effects.mean()) < 4 * np.sqrt(pool.error[0, 0])
    if mean == 8.0:
        assert np.sqrt(pool.variance[0, 0]) == pytest.approx(0.2, abs=0.07)


def test_shrunk_effects_are_closer_to_the_truth_than_own_or_pooled_ones():
    rng = np.random.default_rng(2)
    demand, columns, effects, _ = promoted(rng, item_sd=0.3)
    panel = panel_of(*demand)
    pool = pooled_effects(panel, columns)
    shrunk = regressor_effects(panel, columns, pool=pool).coefficients[:, 0]
    wide = EffectPool(pool.names, (), 0 * pool.mean, 0 * pool.variance + 1e4, 0 * pool.error)
    own = regressor_effects(panel, columns, pool=wide).coefficients[:, 0]
    errors = [np.sqrt(np.mean((one - effects) ** 2)) for one in (shrunk, own, pool.mean[0, 0])]
    assert errors[0] < errors[1]
    assert errors[0] < errors[2]


def test_standard_errors_say_how_wrong_effects_are():
    rng = np.random.default_rng(3)
    demand, columns, effects, _ = promoted(rng, item_sd=0.3)
    panel = panel_of(*demand)
    found = regressor_effects(panel, columns, pool=pooled_effects(panel, columns))
    z = (found.coefficients[:, 0] - effects) / found.standard_errors[:, 0]
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1.0, abs=0.2)


def test_own_effects_are_those_of_a_poisson_regression_with_a_level_per_block():
    """Without shrinkage the coefficients are statsmodels' with a dummy per block of 26 periods."""
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    demand, columns, _, _ = promoted(rng, series=3, spread=0.1)
    panel = panel_of(*demand)
    wide = EffectPool(("promotion", "price"), (), np.zeros((1, 2)), np.full((1, 2), 1e8), np.zeros((1, 2)))
    found = regressor_effects(panel, columns, pool=wide).coefficients
    matrix = np.column_stack([columns["promotion"], columns["price"]]).reshape(3, 104, 2)
    for series in range(3):
        design = np.column_stack([matrix[series], np.kron(np.eye(4), np.ones((26, 1)))])
        peer = sm.GLM(demand[series], design, family=sm.families.Poisson()).fit()
        np.testing.assert_allclose(found[series], peer.params[:2], rtol=1e-4)


def test_the_baseline_is_demand_without_its_promotions():
    rng = np.random.default_rng(5)
    demand, columns, _, level = promoted(rng, mean=20, spread=0.05)
    panel = panel_of(*demand)
    found = regressor_effects(panel, columns, pool=pooled_effects(panel, columns))
    on = columns["promotion"].reshape(demand.shape) == 1
    usual = np.broadcast_to(level, demand.shape)
    assert demand[on].sum() > 1.8 * usual[on].sum()
    assert found.baseline.reshape(demand.shape)[on].sum() == pytest.approx(usual[on].sum(), rel=0.03)
    assert found.baseline.sum() == pytest.approx(usual.sum(), rel=0.02)


def test_groups_have_effects_of_their_own_and_a_new_group_that_of_all():
    rng = np.random.default_rng(6)
    weak, columns_weak, _, _ = promoted(rng, effect=0.2, series=60)
    strong, columns_strong, _, _ = promoted(rng, effect=1.2, series=60)
    columns = {name: np.concatenate([columns_weak[name], columns_strong[name]]) for name in columns_weak}
    groups = ["pens"] * 60 + ["soup"] * 60
    panel = panel_of(*weak, *strong)
    pool = pooled_effects(panel, columns, groups=groups)
    assert pool.labels == ("pens", "soup")
    assert pool.mean[:2, 0] == pytest.approx([0.2, 1.2], abs=0.12)
    one = panel_of(np.zeros(0), np.zeros(0))
    empty = {"promotion": [], "price": []}
    found = regressor_effects(one, empty, pool=pool, groups=["soup", "socks"])
    np.testing.assert_allclose(found.coefficients, pool.mean[1:])


def test_an_item_never_promoted_is_expected_to_react_as_its_pool():
    rng = np.random.default_rng(7)
    demand, columns, _, _ = promoted(rng)
    pool = pooled_effects(panel_of(*demand), columns)
    panel = panel_of(np.full(20, 3.0))
    found = regressor_effects(panel, {"promotion": np.zeros(20), "price": np.zeros(20)}, pool=pool)
    np.testing.assert_allclose(found.coefficients[0], pool.mean[0])
    np.testing.assert_allclose(found.standard_errors[0], np.sqrt(pool.variance[0] + pool.error[0]))
    ahead = found.multiplier({"promotion": [0, 1, 1], "price": [0, 0, np.log(0.5)]})
    np.testing.assert_allclose(ahead[0], np.exp([0, pool.mean[0, 0], pool.mean[0] @ [1, np.log(0.5)]]))


def test_known_seasons_are_not_taken_for_effects():
    rng = np.random.default_rng(8)
    season = 1 + 0.8 * np.sin(np.arange(104) * 2 * np.pi / 52)
    promotion = np.tile(((season > 1.5) & (rng.random(104) < 0.6)).astype(float), (80, 1))
    demand = rng.poisson(20 * season * np.exp(0.3 * promotion))
    given = pooled_effects(panel_of(*demand), {"promotion": promotion.ravel()}, multipliers=np.tile(season, 80))
    assert given.mean[0, 0] == pytest.approx(0.3, abs=0.02)


def test_prices_are_relative_to_the_usual_one():
    panel = panel_of(np.ones(5), np.ones(2))
    found = relative_price(panel, [10, 10, 8, np.nan, 10, np.nan, np.nan])
    np.testing.assert_allclose(found.column, [0, 0, np.log(0.8), 0, 0, 0, 0])
    np.testing.assert_array_equal(found.usual, [10, np.nan])
    np.testing.assert_allclose(found.ahead([[5, np.nan], [3, 3]]), [[np.log(0.5), 0], [0, 0]])
    with pytest.raises(ValueError, match="price of 1 must be finite and above 0, got 0"):
        relative_price(panel, [10, 10, 8, np.nan, 10, 0, 1])
    with pytest.raises(ValueError, match="price must have the shape"):
        found.ahead([[1, 2]])


unit = st.one_of(st.integers(0, 50).map(float), st.just(0.0), st.just(np.nan), st.floats(0, 1e9))
period = st.tuples(unit, st.one_of(st.sampled_from([0.0, 1.0]), st.floats(-1e6, 1e6)), st.floats(-3, 3))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(period, max_size=60), min_size=1, max_size=5))
def test_any_history_gives_finite_effects_of_its_own(series):
    panel = panel_of(*[[one[0] for one in history] for history in series])
    rows = np.array([one[1:] for history in series for one in history]).reshape(-1, 2)
    columns = {"a": rows[:, 0], "b": rows[:, 1]}
    pool = pooled_effects(panel, columns)
    for one in (pool.mean, pool.variance, pool.error):
        assert np.isfinite(one).all()
    found = regressor_effects(panel, columns, pool=pool)
    assert np.isfinite(found.coefficients).all()
    assert np.isfinite(found.standard_errors).all()
    known = ~np.isnan(panel.values)
    assert np.isfinite(found.baseline[known]).all()
    assert (found.baseline[known] >= 0).all()
    multiplier = found.multiplier({"a": [0, 1, 1e9], "b": [0, 0, 5]})
    assert np.isfinite(multiplier).all()
    assert (multiplier > 0).all()
    last = slice(panel.offsets[-2], None)
    alone = regressor_effects(
        panel_of(panel.values[last]), {name: one[last] for name, one in columns.items()}, pool=pool
    )
    np.testing.assert_array_equal(alone.coefficients[0], found.coefficients[-1])


def test_refuses_what_it_cannot_answer():
    panel = Panel(("A-12", "B"), np.ones(4), np.array([0, 2, 4]))
    with pytest.raises(ValueError, match="at least one column"):
        pooled_effects(panel, {})
    with pytest.raises(ValueError, match=r"column sale must be shaped like the panel's values, got \(3,\)"):
        pooled_effects(panel, {"sale": np.ones(3)})
    with pytest.raises(ValueError, match="column sale of 'B' must be finite, got nan"):
        pooled_effects(panel, {"sale": [0, 0, np.nan, 1]})
    with pytest.raises(ValueError, match="multipliers of 'A-12' must be above 0, got 0"):
        pooled_effects(panel, {"sale": np.ones(4)}, multipliers=[0, 1, 1, 1])
    pool = pooled_effects(panel, {"sale": [0, 1, 0, 1]})
    with pytest.raises(ValueError, match="columns must be sale, got price"):
        regressor_effects(panel, {"price": np.ones(4)}, pool=pool)
    found = regressor_effects(panel, {"sale": np.ones(4)}, pool=pool)
    with pytest.raises(ValueError, match=r"columns must have the shape \(2, horizon\)"):
        found.multiplier({"sale": 1.0})
    with pytest.raises(ValueError, match=r"a row per series \(2\), got 3"):
        found.multiplier({"sale": np.ones((3, 4))})
