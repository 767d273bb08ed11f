"""The gradient-boosted global model, and when it is admitted."""

import sys

import numpy as np
import pandas as pd
import pytest

from forecasting.backtest import TotalForecast, backtest
from forecasting.backtest_scores import scored
from forecasting.boosted_quantiles import _described, _Lessons, _Recent, boosted_quantiles, chosen_by_backtest
from forecasting.negative_binomial import negative_binomial_quantiles
from forecasting.panel import Panel

pytest.importorskip("lightgbm")

LEVELS = np.array([0.5, 0.9, 0.95])


def panel_of(series):
    values = np.concatenate([np.asarray(one, dtype=float) for one in series])
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum([len(one) for one in series]))))


def seasonal_panel(seed=1, number=150, periods=78):
    """A season of 13 that all series share and that no series shows well on its own."""
    rng = np.random.default_rng(seed)
    season = 1 + 0.8 * np.sin(2 * np.pi * np.arange(periods) / 13)
    level = np.exp(rng.normal(1, 1, number))
    return panel_of(rng.negative_binomial(3, 3 / (3 + level[:, None] * season)))


def recent_mean(panel, window, levels):
    mean = panel.aligned()[:, -26:].mean(axis=1) * window
    variance = mean + mean**2 / (3 * window)
    return TotalForecast(mean, levels, negative_binomial_quantiles(mean, variance[:, None], levels).astype(float))


@pytest.fixture(scope="module")
def panel():
    return seasonal_panel()


@pytest.fixture(scope="module")
def boosted():
    return boosted_quantiles(seed=3, season_length=13)


@pytest.fixture(scope="module")
def found(panel, boosted):
    return backtest(panel, {"boosted": boosted, "mean": recent_mean}, window=3, origins=5, levels=LEVELS)


def test_a_season_that_all_share_is_learned_from_all(found):
    scores = found.scores().set_index("method")
    assert scores.loc["boosted", "pinball"] < 0.9 * scores.loc["mean", "pinball"]
    assert scores.loc["boosted", "coverage_0.9"] == pytest.approx(0.9, abs=0.08)


def test_same_seed_gives_the_same_bits(panel, boosted):
    first, again = boosted(panel, 3, LEVELS), boosted_quantiles(seed=3, season_length=13)(panel, 3, LEVELS)
    assert first.quantiles.tobytes() == again.quantiles.tobytes()
    assert first.mean.tobytes() == again.mean.tobytes()


def test_answers_are_whole_rising_and_never_negative(panel, boosted):
    answer = boosted(panel, 3, LEVELS)
    assert (answer.quantiles == np.rint(answer.quantiles)).all()
    assert (np.diff(answer.quantiles, axis=1) >= 0).all()
    assert (answer.quantiles >= 0).all()
    assert (answer.mean >= 0).all()


@pytest.mark.parametrize("periods_back", [4, 13, 26])
def test_what_describes_a_series_at_an_origin_knows_nothing_after_it(panel, periods_back):
    changed = panel.values.copy().reshape(len(panel.ids), -1)
    changed[:, -periods_back:] = 10_000 + np.arange(periods_back)
    other = Panel(panel.ids, changed.ravel(), panel.offsets)
    ours, theirs = (
        _described(_Recent.of(one, 3, 13, 12), periods_back, 3, 13).features.tobytes() for one in (panel, other)
    )
    assert ours == theirs


def test_a_series_is_described_at_a_past_origin_as_it_was_described_then(panel):
    now = _described(_Recent.of(panel, 4, 13, 12), 13, 4, 13)
    then = _described(_Recent.of(panel.until(13), 4, 13, 12), 0, 4, 13)
    assert now.features.tobytes() == then.features.tobytes()


def test_what_is_learned_is_the_total_after_the_origin_and_no_lesson_reaches_past_the_end(panel):
    short = panel.until(60)
    lessons = _Lessons.of(short, 4, 1, 3)
    matrix = short.aligned()
    expected = []
    for back in (4, 6, 8):
        known, end = matrix[:, : 18 - back], 18 - back
        scale = (known[:, -26:].sum(axis=1) + 1) / (min(end, 26) + 1)
        expected.append((matrix[:, end : end + 4].sum(axis=1) / (4 * scale))[known.sum(axis=1) > 0])
    np.testing.assert_allclose(lessons.target, np.concatenate(expected))


def test_the_window_one_season_before_is_that_of_the_same_position(panel):
    described = _described(_Recent.of(panel, 3, 13, 12), 5, 3, 13)
    matrix = panel.aligned()
    came = slice(matrix.shape[1] - 5, matrix.shape[1] - 2)
    before = matrix[:, came.start - 13 : came.stop - 13].sum(axis=1)
    np.testing.assert_allclose(described.features[:, -1] * described.scale * 3, before)


def test_odd_histories_among_the_others_are_answered(panel, boosted):
    series = [panel.values[a:b] for a, b in zip(panel.offsets[:-1], panel.offsets[1:], strict=True)]
    odd = [[], [5], [0, 3], np.zeros(60), np.full(60, np.nan), np.full(20, 1e9), [0.5] * 30, [np.nan, 4, np.nan]]
    answer = boosted(panel_of([*odd, *series]), 3, LEVELS)
    assert np.isfinite(answer.quantiles).all()
    assert np.isfinite(answer.mean).all()
    assert (answer.quantiles >= 0).all()
    np.testing.assert_array_equal(answer.mean[[0, 3, 4]], 0)
    np.testing.assert_array_equal(answer.quantiles[[0, 3, 4]], 0)


def test_too_little_to_learn_from_is_refused(boosted):
    with pytest.raises(ValueError, match="at least 200 windows of 3 periods to learn from, got 0"):
        boosted(panel_of([[1, 2], []]), 3, LEVELS)


def test_without_lightgbm_one_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ImportError, match=r"pip install 'stockwright\[boosting\]'"):
        boosted_quantiles(seed=1)


# Admission


def forecasts(gains):
    """A reference always 10 off, and a candidate better by the gain of each origin."""
    rows = [
        {"unique_id": one, "origin": origin, "method": method, "actual": 20.0, "mean": 20.0, "q0.5": 20.0 + off}
        for origin, gain in enumerate(gains)
        for one in range(5)
        for method, off in (("old", 10.0), ("new", 10.0 - gain))
    ]
    return scored(pd.DataFrame(rows))


def test_the_candidate_is_chosen_where_it_wins_beyond_its_standard_error(found):
    assert chosen_by_backtest(found, "boosted", "mean") == "boosted"
    assert chosen_by_backtest(found, "mean", "boosted") == "boosted"
    assert chosen_by_backtest(forecasts([2, 3, 2, 3]), "new", "old") == "new"


def test_the_reference_stays_where_the_gain_may_be_luck():
    assert chosen_by_backtest(forecasts([9, -6, -2, 1]), "new", "old") == "old"
    assert chosen_by_backtest(forecasts([2, 3, 2, 0]), "new", "old", standard_errors=4) == "old"
    assert chosen_by_backtest(forecasts([0, 0, 0, 0]), "new", "old") == "old"


def test_a_single_origin_admits_nothing():
    assert chosen_by_backtest(forecasts([9]), "new", "old") == "old"


def test_a_panel_without_demand_keeps_the_reference(found):
    silent = scored(found.frame.assign(actual=0.0).drop(columns=["scale_absolute", "scale_squared"]))
    assert chosen_by_backtest(silent, "boosted", "mean") == "mean"
    with pytest.raises(ValueError, match="method must be one of"):
        chosen_by_backtest(found, "nobody", "mean")
