"""Whatever the history, a forecast is finite, never negative and the same in whatever company it is made."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting import (
    USUAL_POOL,
    Panel,
    Period,
    chunks,
    combined_forecast,
    forecast,
    lead_time_demand,
    lead_time_demand_of_panel,
    lead_time_paths,
    learn_pool,
)
from forecasting.baselines import historic_mean, naive, seasonal_naive, trailing_mean
from forecasting.count_models import negative_binomial_level, zero_inflated_level
from forecasting.holt_winters import holt_winters
from forecasting.intermittent import adida, croston, imapa, sba, tsb
from forecasting.smoothing import damped_trend, holt, simple_exponential_smoothing
from forecasting.theta import dynamic_optimised_theta, theta

PANELS = 5 * settings().max_examples
"""125, or 5,000 in the deep profile."""
LEVELS = [0.0001, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.9999]

SHAPES = {
    "empty": lambda _, __: [],
    "one period": lambda rng, _: [rng.integers(0, 100)],
    "two periods": lambda rng, _: rng.integers(0, 3, 2),
    "nothing demanded": lambda _, n: np.zeros(n),
    "nothing known": lambda _, n: np.full(n, np.nan),
    "constant": lambda rng, n: np.full(n, rng.choice([1.0, 7.0, 0.25, 1e6])),
    "alternating": lambda rng, n: np.resize([0.0, rng.integers(1, 50)], n),
    "one huge order": lambda rng, n: np.where(np.arange(n) == rng.integers(0, n), 1e12, rng.poisson(2, n)),
    "all huge": lambda rng, n: rng.integers(1, 1000, n) * 1e12,
    "steady": lambda rng, n: rng.poisson(rng.choice([0.05, 1, 20, 3000]), n),
    "lumpy": lambda rng, n: (rng.random(n) < 0.15) * rng.integers(1, 5000, n),
    "by weight": lambda rng, n: rng.gamma(0.7, 3.0, n),
    "tiny amounts": lambda rng, n: rng.random(n) * 10.0 ** -rng.integers(3, 300),
    "gaps": lambda rng, n: np.where(rng.random(n) < 0.4, np.nan, rng.poisson(4, n)),
    "seasonal": lambda rng, n: rng.poisson(20 + 15 * np.sin(np.arange(n) * 2 * np.pi / 7)),
    "every seventh": lambda _, n: np.where(np.arange(n) % 7 == 3, 50.0, 0.0),
    "growing": lambda _, n: np.arange(n) ** 2,
    "dying": lambda rng, n: np.where(np.arange(n) < n / 2, rng.poisson(9, n), 0),
    "new": lambda rng, n: np.where(np.arange(n) < n - 3, 0, rng.poisson(9, n)),
    "known at last": lambda _, n: np.where(np.arange(n) < n - 2, np.nan, 5.0),
}


def panel_of(*series, ids=None, **more):
    lengths = [len(one) for one in series]
    values = np.concatenate([np.asarray(one, dtype=float) for one in series]) if series else np.empty(0)
    return Panel(ids or tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths))), **more)


histories = st.builds(
    lambda shape, seed, n: np.asarray(SHAPES[shape](np.random.default_rng(seed), n), dtype=float),
    st.sampled_from(sorted(SHAPES)),
    st.integers(0, 10_000),
    st.one_of(st.integers(1, 60), st.sampled_from([90, 200, 730])),
)
panels = st.lists(histories, min_size=1, max_size=6).map(lambda series: panel_of(*series))
intervals = st.one_of(st.floats(0.1, 400), st.sampled_from([1e-12, 0.1, 1.0, 2.0, 4.0, 13.0, 400.0]))
seasons = st.sampled_from([None, 1, 2, 7, 12, 52])


@st.composite
def lead_times(draw, series):
    """A number, one per series, or a distribution."""
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return draw(intervals)
    if kind == 1:
        return np.array(draw(st.lists(intervals, min_size=series, max_size=series)))
    outcomes = draw(st.lists(intervals, min_size=1, max_size=12, unique=True))
    weights = np.array(draw(st.lists(st.integers(0, 9), min_size=len(outcomes), max_size=len(outcomes)))) + 0.01
    return dict(zip(outcomes, weights / weights.sum(), strict=True))


def assert_sensible(frame, panel, rows=1):
    """Finite, not negative, quantiles rising with their level, whole where demand is."""
    numbers = frame[[name for name in frame.columns if name not in ("unique_id", "ds")]].to_numpy(dtype=float)
    quantiles = frame[[name for name in frame.columns if name.startswith("q")]].to_numpy(dtype=float)
    assert len(frame) == rows * len(panel.ids)
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles[np.repeat(panel.is_whole, rows)] % 1 == 0).all()


@settings(max_examples=PANELS)
@given(panels, seasons, st.data())
def test_lead_time_demand_of_any_history_is_finite_and_rising_and_owes_nothing_to_other_series(panel, season, data):
    periods = data.draw(lead_times(len(panel.ids)))
    given_ = {"periods_sd": data.draw(st.sampled_from([0.0, 0.5, 40.0])), "season_length": season}
    result = lead_time_demand(panel, periods=periods, quantiles=LEVELS, **given_)
    assert_sensible(result, panel)
    paths = lead_time_paths(panel, periods=periods, paths=7, seed=1, **given_)
    assert paths.shape == (len(panel.ids), 7)
    assert (paths >= 0).all()
    nothing = ~(np.nan_to_num(panel.values) > 0)
    for number in range(len(panel.ids)):
        if nothing[panel.offsets[number] : panel.offsets[number + 1]].all():
            assert (result.iloc[number, 1:] == 0).all()
            assert (paths[number] == 0).all()
    number = data.draw(st.integers(0, len(panel.ids) - 1))
    own = periods[[number]] if isinstance(periods, np.ndarray) else periods
    alone = panel.chosen([number])
    pd.testing.assert_frame_equal(
        lead_time_demand(alone, periods=own, quantiles=LEVELS, **given_),
        result.iloc[[number]].reset_index(drop=True),
        check_exact=True,
        check_dtype=False,
    )
    np.testing.assert_array_equal(lead_time_paths(alone, periods=own, paths=7, seed=1, **given_), paths[[number]])


@settings(max_examples=PANELS)
@given(panels, seasons, st.integers(1, 30), st.data())
def test_a_forecast_of_any_history_is_finite_and_rising_and_owes_nothing_to_other_series(panel, season, horizon, data):
    band = forecast(panel, horizon=horizon, season_length=season, quantiles=LEVELS)
    assert_sensible(band, panel, rows=horizon)
    number = data.draw(st.integers(0, len(panel.ids) - 1))
    pd.testing.assert_frame_equal(
        forecast(panel.chosen([number]), horizon=horizon, season_length=season, quantiles=LEVELS),
        band[band["unique_id"] == number].reset_index(drop=True),
        check_exact=True,
        check_dtype=False,
    )


MODELS = {
    "combination": lambda panel, m, h: combined_forecast(panel, horizon=h, season_length=m),
    "SES": lambda panel, _, h: simple_exponential_smoothing(panel).forecast(h),
    "Holt": lambda panel, _, h: holt(panel).forecast(h),
    "damped trend": lambda panel, _, h: damped_trend(panel).forecast(h),
    "Theta": lambda panel, m, h: theta(panel, season_length=m).forecast(h),
    "dynamic Theta": lambda panel, m, h: dynamic_optimised_theta(panel, season_length=m).forecast(h),
    "Holt-Winters": lambda panel, m, h: holt_winters(panel, season_length=max(m, 2), trend="additive").forecast(h),
    "multiplicative Holt-Winters": lambda panel, m, h: holt_winters(
        panel, season_length=max(m, 2), seasonal="multiplicative", trend="damped"
    ).forecast(h),
    "Croston": lambda panel, _, h: croston(panel).forecast(h),
    "SBA": lambda panel, _, h: sba(panel).forecast(h),
    "TSB": lambda panel, _, h: tsb(panel).forecast(h),
    "ADIDA": lambda panel, _, h: adida(panel).forecast(h),
    "IMAPA": lambda panel, _, h: imapa(panel).forecast(h),
    "naive": lambda panel, _, h: naive(panel).forecast(h),
    "seasonal naive": lambda panel, m, h: seasonal_naive(panel, season_length=m).forecast(h),
    "mean": lambda panel, _, h: historic_mean(panel).forecast(h),
    "trailing mean": lambda panel, _, h: trailing_mean(panel).forecast(h),
    "negative binomial": lambda panel, _, h: negative_binomial_level(countable(panel)).forecast(h),
    "zero-inflated": lambda panel, _, h: zero_inflated_level(countable(panel)).forecast(h),
}


def countable(panel):
    return panel.with_values(np.minimum(panel.values, 1e12))


@settings(max_examples=PANELS)
@given(panels, st.sampled_from([1, 2, 7, 12, 52]), st.integers(1, 15), st.data())
def test_every_model_says_something_finite_of_any_history_and_the_same_in_any_company(panel, season, horizon, data):
    number = data.draw(st.integers(0, len(panel.ids) - 1))
    for name, model in MODELS.items():
        mean = model(panel, season, horizon)
        assert mean.shape == (len(panel.ids), horizon), name
        assert np.isfinite(mean).all(), name
        assert (mean >= 0).all(), name
        np.testing.assert_array_equal(model(panel.chosen([number]), season, horizon), mean[[number]], err_msg=name)


@settings(max_examples=PANELS)
@given(panels, st.data())
def test_sales_under_any_stock_outs_give_a_finite_forecast(panel, data):
    seed = data.draw(st.integers(0, 10_000))
    kind = data.draw(st.sampled_from(["often", "ever", "in part"]))
    share = np.random.default_rng(seed).random(len(panel.values))
    in_stock = {"often": share > 0.5, "ever": share < 0, "in part": share}[kind].astype(float)
    stocked = panel_of(*np.split(panel.values, panel.offsets[1:-1]), columns={"in_stock": in_stock})
    result = lead_time_demand(stocked, periods=3.3, quantiles=LEVELS)
    assert_sensible(result, stocked)
    number = data.draw(st.integers(0, len(panel.ids) - 1))
    pd.testing.assert_frame_equal(
        lead_time_demand(stocked.chosen([number]), periods=3.3, quantiles=LEVELS),
        result.iloc[[number]].reset_index(drop=True),
        check_exact=True,
        check_dtype=False,
    )


LARGE = 130


@pytest.fixture(scope="module")
def many():
    """Enough series to learn from, and all shapes among them."""
    rng = np.random.default_rng(11)
    ordinary = [rng.poisson(rng.gamma(1.0, 4.0), rng.integers(30, 90)) for _ in range(LARGE)]
    odd = [np.asarray(shape(rng, 50), dtype=float) for shape in SHAPES.values()]
    long = [rng.poisson(3, 10_000), np.zeros(10_000), np.r_[np.zeros(200), 3.0, np.zeros(9_799)]]
    series = [*ordinary, *odd, *long]
    ends = np.full(len(series), np.datetime64("2026-03-29", "s"))
    return panel_of(*series, ends=ends, period=Period.named("W"))


CALLS = {
    "total": partial(lead_time_demand, periods=4.0, quantiles=LEVELS),
    "total of a mixture": partial(
        lead_time_demand, periods={float(weeks): 0.1 for weeks in range(1, 11)}, quantiles=LEVELS, periods_sd=0.5
    ),
    "total in season": partial(lead_time_demand, periods=9.5, quantiles=LEVELS, season_length=7),
    "band": partial(forecast, horizon=9, quantiles=LEVELS),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("pool", ["auto", "usual"])
def test_a_large_panel_is_told_sensibly_and_alike_by_any_number_of_threads_in_chunks_of_any_size(
    many, call, pool, monkeypatch
):
    result = call(many, pool=pool)
    assert_sensible(result, many, rows=len(result) // len(many.ids))
    for size, threads in ((2_000, 2), (7, 1), (50, 2), (1, 2)):
        monkeypatch.setattr(chunks, "SERIES", size)
        pd.testing.assert_frame_equal(call(many, pool=pool, threads=threads), result, check_exact=True)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("pool", [USUAL_POOL, "usual", "learnt"], ids=["usual pool", "usual", "learnt"])
def test_given_a_pool_a_series_is_told_alike_in_any_company(many, call, pool):
    pool = learn_pool(many, periods=4.0) if pool == "learnt" else pool
    together = call(many, pool=pool).set_index("unique_id")
    for few in ([0], [1, 2, 3], [60, 4], list(range(LARGE, len(many.ids)))):
        alone = call(many.chosen(few), pool=pool).set_index("unique_id")
        pd.testing.assert_frame_equal(alone, together.loc[few], check_exact=True, check_dtype=False)


def test_a_large_panel_teaches_alike_in_any_order_of_its_rows(many):
    frame = many.to_frame().dropna()
    shuffled = frame.sample(frac=1.0, random_state=3)
    for call in (CALLS["total"], CALLS["band"]):
        pd.testing.assert_frame_equal(call(shuffled), call(frame), check_exact=True)


@pytest.mark.parametrize("seed", range(5))
def test_a_pool_learnt_from_odd_series_alone_still_gives_sensible_totals(seed):
    rng = np.random.default_rng(seed)
    odd = panel_of(*[np.asarray(shape(rng, 40), dtype=float) for shape in SHAPES.values()])
    pool = learn_pool(odd, periods=2.0)
    assert pool.series > 0
    assert_sensible(lead_time_demand(odd, periods=2.0, quantiles=LEVELS, pool=pool), odd)


@pytest.mark.parametrize("value", [0.0, 1.0, 3.0, 0.5, 1e12, 1e15])
def test_a_hundred_and_fifty_series_all_alike_teach_something_sensible(value):
    panel = panel_of(*[np.full(40, value)] * 150)
    assert_sensible(lead_time_demand(panel, periods=3.0, quantiles=LEVELS), panel)
    assert_sensible(forecast(panel, horizon=5, quantiles=LEVELS), panel, rows=5)


def test_no_series_give_no_rows():
    nothing = panel_of()
    assert len(lead_time_demand(nothing, periods=2.0, quantiles=[0.5])) == 0
    assert len(forecast(nothing, horizon=2, quantiles=[0.5])) == 0
    assert lead_time_paths(nothing, periods=2.0, paths=3, seed=1).shape == (0, 3)
    assert combined_forecast(nothing, horizon=2).shape == (0, 2)


def test_levels_next_to_nought_and_one_are_answered():
    panel = panel_of(np.random.default_rng(1).poisson(3, 60), np.random.default_rng(1).gamma(2, 3, 60), [1e15] * 20)
    levels = [1e-300, 1e-12, 1 - 1e-9, float(np.nextafter(1.0, 0.0))]
    result = lead_time_demand_of_panel(panel, periods=3.0, quantiles=levels)
    assert np.isfinite(result.quantiles).all()
    assert (np.diff(result.quantiles, axis=1) >= 0).all()


def test_levels_that_differ_little_have_columns_of_their_own():
    panel = panel_of(np.ones(20))
    result = lead_time_demand(panel, periods=3.0, quantiles=[0.95, 0.9500001, 0.9999999])
    assert list(result.columns) == ["unique_id", "mean", "sd", "q0.95", "q0.9500001", "q0.9999999"]


def test_a_level_is_answered_alike_whatever_others_are_asked(many):
    of_all = lead_time_demand(many, periods=4.0, quantiles=LEVELS)
    for level in LEVELS:
        one = lead_time_demand(many, periods=4.0, quantiles=[level])
        pd.testing.assert_series_equal(one[f"q{level}"], of_all[f"q{level}"], check_dtype=False)


def test_more_units_than_can_be_told_apart_are_refused_by_name():
    panel = panel_of([1.0, 2.0], [1.0, 1e16], ids=("A-1", "B-7"))
    with pytest.raises(ValueError, match=r"demand of 'B-7' must be at most 1e\+15 units a period, got 1e\+16"):
        lead_time_demand(panel, periods=1.0, quantiles=[0.5])
    with pytest.raises(ValueError, match="'B-7'"):
        forecast(panel, horizon=1)
