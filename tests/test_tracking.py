"""Tracking signals, alarms and forecast value added."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecasting import Panel
from forecasting.tracking import forecast_value_added, tracking_signals

NAN = np.nan


def panel_of(*series):
    lengths = [len(one) for one in series]
    values = np.array([value for one in series for value in one], dtype=float)
    return Panel(tuple(range(len(series))), values, np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))))


maybe = st.one_of(st.integers(0, 50).map(float), st.just(NAN))
histories = st.lists(st.lists(st.tuples(maybe, maybe, maybe), max_size=25), min_size=1, max_size=5)


def test_the_tracking_signal_of_a_textbook_bakery():
    """Errors −10, −5, +15, −10, +15, +30; the widely printed example of a quarter's MADs, 10, 7.5, 10, 10, 11, 14.2."""
    demand = [90, 95, 115, 100, 125, 140]
    found = tracking_signals(panel_of(demand), [100, 100, 100, 110, 110, 110])
    np.testing.assert_allclose(found.cumulative, [-1, -2, 0, -1, 0.4545, 2.4706], atol=1e-4)
    assert found.judged.tolist() == [1, 2, 3, 4, 5, 6]


def test_triggs_signal_worked_by_hand():
    """β = 0.5, errors 4, −2, 4: smoothed errors 4, 1, 2.5 over smoothed sizes 4, 3, 3.5."""
    found = tracking_signals(panel_of([14, 8, 14]), [10, 10, 10], beta=0.5)
    np.testing.assert_allclose(found.smoothed, [1, 1 / 3, 2.5 / 3.5])


@given(histories, st.sampled_from([0.05, 0.3, 1.0]))
def test_both_signals_are_their_plain_recursions(series, beta):
    panel = panel_of(*[[demand for demand, _, _ in one] for one in series])
    said = [forecast for one in series for _, forecast, _ in one]
    found = tracking_signals(panel, said, beta=beta)
    at = 0
    for one in series:
        errors, mean, size = [], 0.0, 0.0
        for demand, forecast, _ in one:
            if not np.isnan(demand - forecast):
                errors.append(demand - forecast)
                gain = max(beta, 1 / len(errors))
                mean += gain * (errors[-1] - mean)
                size += gain * (abs(errors[-1]) - size)
            sizes = np.abs(errors).mean() if errors else 0
            assert found.judged[at] == len(errors)
            assert found.cumulative[at] == pytest.approx(sum(errors) / sizes if sizes else 0)
            assert found.smoothed[at] == pytest.approx(mean / size if size else 0)
            at += 1


def test_a_forecast_that_is_too_low_or_too_high_sounds_an_alarm_and_a_fair_one_seldom_does():
    rng = np.random.default_rng(1)
    demand = np.maximum(rng.normal(100, 20, (1000, 52)), 0)
    panel = panel_of(*demand)
    standing = {
        factor: tracking_signals(panel, np.full(52_000, factor * 100)).alarms().reshape(1000, 52)[:, -1].mean()
        for factor in (0.8, 1.0, 1.2)
    }
    assert standing[0.8] > 0.9
    assert standing[1.2] > 0.9
    assert standing[1.0] < 0.02


def test_no_alarm_before_the_least_periods_and_higher_thresholds_sound_less():
    panel = panel_of([20.0] * 12)
    found = tracking_signals(panel, np.full(12, 10.0))
    assert found.alarms().tolist() == [False] * 7 + [True] * 5
    assert found.alarms(least_periods=1, cumulative_threshold=2.5).tolist() == [False] * 2 + [True] * 10
    assert found.alarms(cumulative_threshold=10.5).tolist() == [False] * 10 + [True] * 2


def test_one_large_error_is_no_alarm_of_the_smoothed_signal_for_long():
    rng = np.random.default_rng(2)
    demand = rng.normal(100, 10, 60)
    demand[30] = 400
    alarms = tracking_signals(panel_of(demand), np.full(60, 100.0)).alarms()
    assert not alarms[45:].any()


def test_the_frame_says_how_each_series_stands_now():
    panel = Panel(("A", "B", "C"), np.concatenate((np.full(10, 5.0), [3.0])), np.array([0, 10, 10, 11]))
    frame = tracking_signals(panel, np.concatenate((np.full(10, 2.0), [3.0]))).to_frame()
    assert frame["unique_id"].tolist() == ["A", "B", "C"]
    assert frame["cumulative"].tolist() == [10, 0, 0]
    assert frame["smoothed"].tolist() == [1, 0, 0]
    assert frame["judged"].tolist() == [10, 0, 1]
    assert frame["alarm"].tolist() == [True, False, False]


def test_errors_that_vanish_leave_no_signal():
    found = tracking_signals(panel_of([5, *[3] * 9_999]), np.full(10_000, 3.0), beta=0.5)
    assert found.smoothed[0] == 1
    assert abs(found.smoothed[-1]) <= 1
    assert np.isfinite(found.cumulative).all()


def test_value_added_worked_by_hand():
    """Absolute errors 1, 1, 4 against 3, 1, 5: differences 2, 0, 1 with mean 1 and standard error 1/√3."""
    found = forecast_value_added(panel_of([10, 10, 10, NAN]), [11, 9, 6, 5], [13, 11, 15, 5])
    assert found.periods.tolist() == [3]
    assert found.forecast_error[0] == 2
    assert found.reference_error[0] == 3
    assert found.added[0] == 1
    assert found.standard_error[0] == pytest.approx(1 / np.sqrt(3))
    assert found.pooled_added == pytest.approx(3 / 30)
    assert found.pooled_standard_error == np.inf


@given(histories)
def test_value_added_is_that_of_the_paired_test(series):
    panel = panel_of(*[[demand for demand, _, _ in one] for one in series])
    said = np.array([triple for one in series for triple in one]).reshape(-1, 3)
    found = forecast_value_added(panel, said[:, 1], said[:, 2])
    for number in range(len(series)):
        rows = said[panel.offsets[number] : panel.offsets[number + 1]]
        rows = rows[~np.isnan(rows).any(axis=1)]
        difference = np.abs(rows[:, 0] - rows[:, 2]) - np.abs(rows[:, 0] - rows[:, 1])
        assert found.periods[number] == len(rows)
        assert found.added[number] == pytest.approx(difference.mean() if len(rows) else 0)
        if len(rows) > 1:
            assert found.standard_error[number] == pytest.approx(stats.sem(difference))
        else:
            assert found.standard_error[number] == np.inf
    assert not np.isnan([found.pooled_added, found.pooled_standard_error]).any()


def test_the_pooled_standard_error_is_that_of_resampled_series():
    rng = np.random.default_rng(3)
    series, rate = 400, np.exp(rng.normal(2, 1, 400))
    demand = rng.poisson(rate[:, None], (series, 20)).astype(float)
    good, poor = np.repeat(rate, 20), np.repeat(rate * np.exp(rng.normal(0, 0.4, series)), 20)
    found = forecast_value_added(panel_of(*demand), good, poor)
    gained = (np.abs(demand.ravel() - poor) - np.abs(demand.ravel() - good)).reshape(series, 20).sum(axis=1)
    draws = rng.integers(0, series, (4000, series))
    resampled = gained[draws].sum(axis=1) / demand.sum(axis=1)[draws].sum(axis=1)
    assert found.pooled_added == pytest.approx(gained.sum() / demand.sum())
    assert found.pooled_standard_error == pytest.approx(resampled.std(), rel=0.1)


def test_a_forecast_adds_nothing_to_itself():
    found = forecast_value_added(panel_of([3, 4], [5], []), [1, 2, 3], [1, 2, 3])
    assert found.added.tolist() == [0, 0, 0]
    assert found.pooled_added == 0
    assert found.to_frame()["unique_id"].tolist() == [0, 1, 2]


@given(histories)
def test_a_series_is_judged_alike_alone_and_among_others(series):
    panels = [
        panel_of(*[[demand for demand, _, _ in one] for one in chosen]) for chosen in (series, *[[s] for s in series])
    ]
    said = [np.array([t for one in chosen for t in one]).reshape(-1, 3) for chosen in (series, *[[s] for s in series])]
    signals = [tracking_signals(panel, rows[:, 1]) for panel, rows in zip(panels, said, strict=True)]
    values = [forecast_value_added(p, rows[:, 1], rows[:, 2]) for p, rows in zip(panels, said, strict=True)]
    for name, found in (("cumulative", signals), ("smoothed", signals), ("added", values), ("standard_error", values)):
        together, *alone = [getattr(one, name) for one in found]
        np.testing.assert_array_equal(together, np.concatenate(alone))


def test_an_empty_panel_is_judged():
    assert len(tracking_signals(panel_of(), []).to_frame()) == 0
    assert len(tracking_signals(panel_of([]), []).to_frame()) == 1
    assert forecast_value_added(panel_of(), [], []).pooled_added == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: tracking_signals(p, [1]), r"forecast must have the shape of the panel's values \(3,\), got \(1,\)"),
        (lambda p: tracking_signals(p, [1, np.inf, 1]), "forecast of 0 must be finite, got inf"),
        (lambda p: tracking_signals(p, [1, 1, 1], beta=0), r"beta must lie in \(0, 1\], got 0"),
        (lambda p: tracking_signals(p, [1, 1, 1]).alarms(least_periods=0), "least_periods must be at least 1, got 0"),
        (lambda p: tracking_signals(p, [1, 1, 1]).alarms(smoothed_threshold=0), "smoothed_threshold must be above 0"),
        (lambda p: tracking_signals(p, [1, 1, 1]).alarms(cumulative_threshold=NAN), "must be above 0, got nan"),
        (lambda p: forecast_value_added(p, [1, 1, 1], [1]), "reference must have the shape of the panel's values"),
    ],
)
def test_what_means_nothing_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(panel_of([1, 0, 2]))
