"""The beginning of a run that speaks of the empty start, not of the steady state, is found and left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from simulation.warm_up import RunTooShort, warm_up, warm_up_over_replications


def luck(seed=1):
    return np.random.Generator(np.random.Philox(seed))


def cut_by_definition(series):
    """MSER-5 as it is defined: the variance of the mean of what stays, cut by cut."""
    batches = [np.mean(series[5 * i : 5 * i + 5]) for i in range(len(series) // 5)]
    statistic = []
    for left_out in range(len(batches) - 4):
        kept = np.array(batches[left_out:])
        statistic.append(np.sum((kept - kept.mean()) ** 2) / len(kept) ** 2)
    return 5 * int(np.argmin(statistic)), statistic


def settling(length, *, start, time, seed=1, replications=None):
    """Noise around 20 that begins at `start` and nears 20 with the given time constant."""
    size = (length,) if replications is None else (replications, length)
    noise = lfilter([1.0], [1.0, -0.5], luck(seed).normal(size=size))
    return 20 + (start - 20) * np.exp(-np.arange(length) / time) + noise


@pytest.mark.parametrize("seed", range(20))
def test_cut_is_that_of_the_definition(seed):
    series = settling(603, start=0.0, time=4.0 + seed, seed=seed)
    cut, statistic = cut_by_definition(series)
    seen = warm_up(series)
    assert seen.cut == cut
    assert seen.mser == pytest.approx(statistic, rel=1e-9)
    assert seen.mean == pytest.approx(series[cut:600].mean())


@given(st.lists(st.integers(-50, 50), min_size=50, max_size=130))
def test_statistic_is_least_at_the_cut_whether_it_is_taken_or_refused(values):
    _, statistic = cut_by_definition(np.array(values, dtype=float))
    cut, refused = taken_or_refused(values)
    assert statistic[cut // 5] == pytest.approx(min(statistic), abs=1e-9)
    assert refused == (cut // 5 > len(values) // 5 / 2)


def taken_or_refused(values):
    try:
        return warm_up(values).cut, False
    except RunTooShort as refusal:
        return refusal.cut, True


def test_a_step_is_cut_where_it_ends():
    series = np.concatenate([np.zeros(60), 10 + np.tile([0.0, 1.0], 120)])
    assert warm_up(series).cut == 60


def test_a_known_transient_is_left_out_and_little_more():
    cuts = [warm_up(settling(2000, start=0.0, time=30.0, seed=seed)).cut for seed in range(100)]
    # After 90 the bias is 20·e⁻³ = 1, the sd of the noise 1.15.
    assert np.median(cuts) == pytest.approx(90, abs=40)


def test_the_bias_of_an_empty_start_is_gone():
    runs = [settling(1000, start=0.0, time=30.0, seed=seed) for seed in range(200)]
    raw = np.mean([run.mean() for run in runs]) - 20
    cut = np.mean([warm_up(run).mean for run in runs]) - 20
    assert raw < -0.5
    assert abs(cut) < 0.1 * abs(raw)


def test_the_mean_of_replications_gives_a_steadier_cut():
    alone = [warm_up(settling(1000, start=0.0, time=30.0, seed=seed)).cut for seed in range(40)]
    together = [
        warm_up_over_replications(settling(1000, start=0.0, time=30.0, seed=seed, replications=20)).cut
        for seed in range(40)
    ]
    assert np.median(together) > np.median(alone)  # less noise to hide the rest of the bias
    assert np.std(together) / np.mean(together) < np.std(alone) / np.mean(alone)


def test_one_replication_is_its_own_mean():
    series = settling(500, start=0.0, time=10.0)
    assert warm_up_over_replications(series[None, :]).cut == warm_up(series).cut


def test_a_run_that_is_steady_from_the_start_loses_little():
    cuts = [warm_up(settling(1000, start=20.0, time=1.0, seed=seed)).cut for seed in range(100)]
    assert np.median(cuts) <= 100


def test_a_run_that_never_changes_loses_nothing():
    assert warm_up(np.full(77, 0.1 + 0.2)).cut == 0


def test_a_huge_transient_does_not_blur_the_steady_part():
    series = 1e-3 * np.tile([0.0, 1.0], 200)
    series[:20] = 1e9
    assert warm_up(series).cut == 20


def test_a_run_that_has_not_settled_is_refused():
    with pytest.raises(RunTooShort, match="a series of 400 observations would lose its first") as refused:
        warm_up(np.arange(400.0))
    assert refused.value.observations == 400
    assert refused.value.cut > 200


def test_a_cut_at_half_is_allowed():
    halves = np.concatenate([np.zeros(50), 10 + np.tile([0.0, 1.0], 25)])
    assert warm_up(halves).cut == 50
    with pytest.raises(RunTooShort):
        warm_up(np.concatenate([np.zeros(55), 10 + np.tile([0.0, 1.0], 25)]))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: warm_up(np.ones(49)), "series must hold at least 50 observations, got 49"),
        (lambda: warm_up(np.ones((2, 60))), r"1 dimension\(s\) and at least one value, got shape \(2, 60\)"),
        (lambda: warm_up([np.nan] * 60), "series must be finite, got nan"),
        (lambda: warm_up_over_replications(np.ones(60)), r"2 dimension\(s\)"),
        (lambda: warm_up_over_replications(np.ones((0, 60))), r"got shape \(0, 60\)"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()
