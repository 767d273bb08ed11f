"""Intervals hold the truth as often as they say, and say so where they cannot."""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.signal import lfilter

from simulation.distributions import exponential
from simulation.estimates import (
    MOST_REPLICATIONS,
    Estimate,
    batch_means,
    batch_means_estimate,
    difference_estimate,
    differences_from_first,
    enough,
    lag_one_correlation,
    mean_estimate,
    mean_estimates,
    quantile_estimate,
    ratio_difference_estimate,
    ratio_estimate,
    ratio_estimates,
    replications_needed,
    simultaneous_level,
    variance_reduction,
)
from simulation.event_kernel import run_events
from simulation.scenario import TICKS_PER_DAY, OrderStream, Scenario, Station
from tests.conftest import shared_folder

INTERVALS = 2000


def luck(seed=1):
    return np.random.Generator(np.random.Philox(seed))


def share_holding(estimates, truth):
    return np.mean((estimates.lower <= truth) & (truth <= estimates.upper))


def first_waits(customers, replications, *, load, seed=1):
    """Waits in an M/M/1 queue that starts empty, service of mean 1, by Lindley's recursion."""
    random = luck(seed)
    waits = np.zeros((customers, replications))
    for one in range(1, customers):
        longer = random.exponential(1.0, replications) - random.exponential(1 / load, replications)
        waits[one] = np.maximum(waits[one - 1] + longer, 0.0)
    return waits


# Against scipy, by hand and by definition


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("count", [2, 5, 40])
def test_interval_of_a_mean_is_students(count, level):
    values = luck().gamma(2.0, 3.0, count)
    seen = mean_estimate(values, level=level)
    lower, upper = stats.t.interval(level, count - 1, values.mean(), stats.sem(values))
    assert (seen.lower, seen.upper) == (pytest.approx(lower), pytest.approx(upper))
    assert (seen.count, seen.level) == (count, level)


def test_ten_observations_of_the_textbook():
    # Law, example 4.26: mean 1.34, 90 % interval 1.34 ± 0.24.
    seen = mean_estimate([1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09], level=0.9)
    assert (round(seen.mean, 2), round(seen.half_width, 2)) == (1.34, 0.24)


def test_many_means_are_those_of_each():
    values = luck().normal(size=(7, 3, 2))
    together = mean_estimates(values, level=0.9)
    for at in np.ndindex(3, 2):
        alone = mean_estimate(values[(slice(None), *at)], level=0.9)
        assert together[at].mean == pytest.approx(alone.mean)
        assert together[at].half_width == pytest.approx(alone.half_width)


def test_equal_replications_have_an_interval_of_no_width():
    third = [0.1 + 0.2] * 7
    assert mean_estimate(third).half_width == 0.0
    assert mean_estimate(third).mean == third[0]
    assert ratio_estimate([1.0] * 7, [3.0] * 7).half_width == 0.0


def test_one_replication_says_nothing_of_its_spread():
    for alone in (mean_estimate([3.0]), ratio_estimate([3.0], [4.0])):
        assert np.isnan(alone.half_width)
        assert alone.holds(100.0)
    assert mean_estimate([3.0]).mean == 3.0
    assert ratio_estimate([3.0], [4.0]).mean == 0.75


def test_an_undefined_replication_makes_the_mean_undefined_not_quietly_another():
    assert np.isnan(mean_estimate([1.0, np.nan, 2.0]).mean)
    assert np.isnan(quantile_estimate([1.0, np.nan, 2.0], 0.5).value)


def test_ratio_is_all_parts_over_all_wholes():
    seen = ratio_estimate([90.0, 10.0, 0.0], [100.0, 20.0, 0.0])
    assert seen.mean == pytest.approx(100 / 120)


def test_half_width_of_a_ratio_is_the_jackknifes():
    random = luck()
    wholes = random.gamma(4.0, 25.0, 12)
    parts = wholes * random.uniform(0.8, 1.0, 12)
    without = [np.delete(parts, i).sum() / np.delete(wholes, i).sum() for i in range(12)]
    error = np.sqrt(11 / 12 * np.sum((without - np.mean(without)) ** 2))
    seen = ratio_estimate(parts, wholes)
    assert seen.half_width == pytest.approx(stats.t.ppf(0.975, 11) * error)


def test_half_width_of_a_ratio_nears_the_delta_methods():
    random = luck()
    wholes = random.gamma(4.0, 25.0, 400)
    parts = wholes * random.uniform(0.8, 1.0, 400)
    ratio = parts.sum() / wholes.sum()
    delta = np.std(parts - ratio * wholes, ddof=1) / np.sqrt(400) / wholes.mean()
    assert ratio_estimate(parts, wholes).half_width == pytest.approx(stats.t.ppf(0.975, 399) * delta, rel=0.01)


def test_ratio_by_a_constant_is_a_mean():
    parts = luck().normal(5.0, 1.0, 9)
    seen, mean = ratio_estimate(parts, np.full(9, 2.0)), mean_estimate(parts / 2)
    assert (seen.mean, seen.half_width) == (pytest.approx(mean.mean), pytest.approx(mean.half_width))


def test_ratio_of_nothing_is_undefined():
    assert np.isnan(ratio_estimate([0.0, 0.0], [0.0, 0.0]).mean)
    only_one = ratio_estimate([3.0, 0.0, 0.0], [4.0, 0.0, 0.0])
    assert only_one.mean == 0.75
    assert np.isnan(only_one.half_width)


def test_difference_is_taken_replication_by_replication():
    random = luck()
    shared = random.normal(0.0, 10.0, 15)
    left, right = shared + random.normal(2.0, 1.0, 15), shared + random.normal(0.0, 1.0, 15)
    lower, upper = stats.ttest_rel(left, right).confidence_interval(0.95)
    seen = difference_estimate(left, right)
    assert (seen.lower, seen.upper) == (pytest.approx(lower), pytest.approx(upper))
    assert seen.half_width < 0.2 * mean_estimate(left).half_width


def test_difference_of_ratios_forgets_the_luck_both_share():
    random = luck()
    demand = random.gamma(4.0, 25.0, 30)
    share = random.beta(20.0, 2.0, 30)
    seen = ratio_difference_estimate(demand * share, demand, demand * (share - 0.1), demand)
    assert seen.mean == pytest.approx(0.1)
    assert seen.half_width < 1e-12
    assert ratio_estimate(demand * share, demand).half_width > 0.01


def test_difference_of_ratios_by_constants_is_that_of_means():
    left, right = luck(1).normal(5, 1, 9), luck(2).normal(4, 1, 9)
    ones = np.ones(9)
    seen, mean = ratio_difference_estimate(left, ones, right, ones), difference_estimate(left, right)
    assert (seen.mean, seen.half_width) == (pytest.approx(mean.mean), pytest.approx(mean.half_width))


def test_variance_reduction_is_that_of_correlated_normals():
    # Var(X − Y) = 2(1 − ρ) against 2 with luck of their own.
    both = luck().multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=200_000)
    assert variance_reduction(both[:, 0], both[:, 1]) == pytest.approx(10.0, rel=0.02)
    assert variance_reduction([1.0, 2.0], [2.0, 3.0]) == np.inf
    assert variance_reduction([1.0, 1.0], [3.0, 3.0]) == 1.0


def test_several_comparisons_share_the_error():
    assert simultaneous_level(0.95, 10) == pytest.approx(0.995)
    values = luck().normal(size=(5, 8))
    seen = differences_from_first(values, level=0.9)
    for system in range(1, 5):
        alone = difference_estimate(values[system], values[0], level=0.975)
        assert seen[system - 1].mean == pytest.approx(alone.mean)
        assert seen[system - 1].half_width == pytest.approx(alone.half_width)


def test_batches_are_cut_from_the_end():
    assert batch_means(np.arange(11.0), batches=3).tolist() == [3.0, 6.0, 9.0]


def test_lag_one_correlation_of_an_autoregression_is_its_coefficient():
    series = lfilter([1.0], [1.0, -0.6], luck().normal(size=100_000))
    assert lag_one_correlation(series) == pytest.approx(0.6, abs=0.01)
    assert np.isnan(lag_one_correlation([2.0, 2.0]))


@pytest.mark.parametrize("chance", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("count", [5, 20, 73])
def test_ends_of_a_quantiles_interval_are_the_binomials(count, chance):
    values = np.arange(1.0, count + 1)
    seen = quantile_estimate(values[::-1], chance)
    below = stats.binom(count, chance)
    lower = max((rank for rank in range(1, count + 1) if below.cdf(rank - 1) <= 0.025), default=-np.inf)
    upper = min((rank for rank in range(1, count + 1) if below.cdf(rank - 1) >= 0.975), default=np.inf)
    assert (seen.lower, seen.upper) == (lower, upper)
    assert seen.value == np.quantile(values, chance)


def test_interval_of_the_median_of_20_as_in_the_tables():
    # Between the 6th and the 15th of 20, in every table of the sign test.
    seen = quantile_estimate(np.arange(1, 21), 0.5)
    assert (seen.lower, seen.upper) == (6.0, 15.0)


# How often the truth is held


def test_intervals_of_near_normal_replications_hold_the_truth_as_often_as_they_say():
    means = mean_estimates(luck().normal(50.0, 9.0, size=(10, INTERVALS)))
    assert 0.93 <= share_holding(means, 50.0) <= 0.97


def test_intervals_of_long_runs_of_a_queue_hold_the_truth_as_often_as_they_say():
    waits = first_waits(1200, 10 * INTERVALS, load=0.5)[200:].mean(axis=0)
    assert 0.93 <= share_holding(mean_estimates(waits.reshape(10, INTERVALS)), 1.0) <= 0.97


def test_batch_means_of_a_long_steady_run_hold_the_truth_as_often_as_they_say():
    noise = luck().normal(size=(INTERVALS, 4100))
    runs = 7.0 + lfilter([1.0], [1.0, -0.8], noise, axis=1)[:, 100:]
    assert 0.93 <= np.mean([batch_means_estimate(run).holds(7.0) for run in runs]) <= 0.97


def test_batches_that_are_too_short_show_it_in_their_correlation():
    noise = luck().normal(size=(500, 4100))
    runs = lfilter([1.0], [1.0, -0.99], noise, axis=1)[:, 100:]
    assert np.mean([batch_means_estimate(run, batches=200).holds(0.0) for run in runs]) < 0.6
    assert np.mean([lag_one_correlation(batch_means(run, batches=200)) for run in runs]) > 0.7


def test_intervals_of_a_fill_rate_hold_it_as_often_as_they_say():
    random = luck()
    demand = random.gamma(16.0, 10.0, size=(30, INTERVALS))
    filled = demand * random.beta(40.0, 4.0, size=(30, INTERVALS))
    assert 0.93 <= share_holding(ratio_estimates(filled, demand), 40 / 44) <= 0.97


def test_intervals_of_a_quantile_hold_it_at_least_as_often_as_they_say():
    values = luck().exponential(size=(INTERVALS, 60))
    truth = -np.log(0.1)
    held = [quantile_estimate(one, 0.9) for one in values]
    assert 0.945 <= np.mean([one.lower <= truth <= one.upper for one in held]) <= 0.985


def test_all_intervals_together_hold_as_often_as_they_say():
    random = luck()
    held = 0
    for _ in range(1000):
        values = random.normal(0.0, [[1.0], [2.0], [3.0], [4.0]], size=(4, 12)) + random.normal(size=12)
        seen = differences_from_first(values)
        held += bool(((seen.lower <= 0) & (seen.upper >= 0)).all())
    assert held >= 930


@cache
def mean_start_up_wait():
    return first_waits(25, 1_000_000, load=0.9, seed=2).mean()


def test_intervals_of_short_skewed_start_ups_hold_the_truth_less_often_than_they_say():
    truth = mean_start_up_wait()
    # Law's d(25 | 0) = 2.12 for a mean service of 0.9.
    assert truth * 0.9 == pytest.approx(2.12, abs=0.01)
    replications = first_waits(25, 10 * 10_000, load=0.9).mean(axis=0).reshape(10, 10_000)
    lo, hi = range_of_known_case("t_ci_coverage")
    assert lo <= share_holding(mean_estimates(replications), truth) <= hi
    assert 0.85 <= share_holding(mean_estimates(replications, level=0.9), truth) <= 0.872


def test_the_simulators_own_start_ups_fall_short_as_much():
    desk = Station("desk", servers=1, service=exponential(1.0))
    customers = OrderStream("customers", interarrival=exponential(1 / 0.9), route=("desk",), limit=25)
    queue = Scenario(streams=(customers,), stations=(desk,))
    waits = []
    for first in range(0, 10 * INTERVALS, INTERVALS):
        seen = run_events(queue, days=300.0, replications=INTERVALS, first_replication=first, seed=5).stations
        assert (seen.started == 25).all()
        waits.append(seen.wait[:, 0] / 25 / TICKS_PER_DAY)
    truth = mean_start_up_wait()
    assert abs(np.mean(waits) - truth) <= 4 * np.std(waits) / np.sqrt(10 * INTERVALS)
    lo, hi = range_of_known_case("t_ci_coverage")
    assert lo <= share_holding(mean_estimates(waits), truth) <= hi


def range_of_known_case(name):
    path = shared_folder() / "cases" / "simulation.json"
    if not path.is_file():
        return 0.89, 0.925
    case = next(case for case in json.loads(path.read_text())["cases"] if case["id"] == name)
    return case["tolerance"]["lo"], case["tolerance"]["hi"]


# When to stop


def test_replications_needed_are_the_fewest_that_do():
    values = luck().normal(100.0, 20.0, 12)
    needed = replications_needed(values, relative_half_width=0.03)

    def half_width(count):
        return stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)

    assert half_width(needed) <= 0.03 * values.mean() < half_width(needed - 1)


def test_no_replications_more_are_needed_where_there_are_enough():
    assert replications_needed([100.0, 100.1, 99.9], relative_half_width=0.5) == 3
    assert replications_needed([5.0, 5.0], relative_half_width=0.01) == 2


def test_a_mean_of_nothing_never_has_a_small_relative_half_width():
    assert replications_needed([-1.0, 1.0], relative_half_width=0.1) == MOST_REPLICATIONS
    assert not enough([-1.0, 1.0] * 50, 0.1)


def test_stopping_when_enough_still_holds_the_truth():
    random = luck()
    held = 0
    for _ in range(1000):
        values = random.normal(100.0, 15.0, 100)
        count = next(n for n in range(10, 101) if enough(values[:n], 0.08))
        held += mean_estimate(values[:count]).holds(100.0)
    assert 910 <= held <= 970


def test_a_lucky_beginning_is_not_enough():
    assert not enough([100.0, 100.0], 0.05)
    assert enough([100.0, 100.0], 0.05, least=2)
    assert not enough([100.0], 0.05, least=2)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.floats(-1e3, 1e3), st.floats(0.001, 1e3))
def test_intervals_follow_a_change_of_units(values, shift, scale):
    before, after = mean_estimate(values), mean_estimate(shift + scale * np.array(values))
    tolerance = 1e-9 * scale * (1e6 + abs(shift / scale))
    assert after.mean == pytest.approx(shift + scale * before.mean, abs=tolerance)
    assert after.half_width == pytest.approx(scale * before.half_width, abs=20 * tolerance)


# What is refused, and what is said


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mean_estimate([]), r"values must have shape \(n,\) and hold at least one value, got \(0,\)"),
        (lambda: mean_estimate([[1.0]]), r"values must have shape \(n,\)"),
        (lambda: mean_estimate([1.0, np.inf]), "values must be finite, got inf"),
        (lambda: mean_estimate([1.0, 2.0], level=1.0), "level must lie strictly between 0 and 1, got 1.0"),
        (lambda: ratio_estimate([1.0], [1.0, 2.0]), r"one shape, got \(1,\) and \(2,\)"),
        (lambda: ratio_estimate([1.0], [-1.0]), "wholes must not lie below 0, got -1.0"),
        (lambda: difference_estimate([1.0], [1.0, 2.0]), "paired, got 1 and 2 replications"),
        (lambda: batch_means([1.0, 2.0], batches=1), "batches must be at least 2, got 1"),
        (lambda: batch_means([1.0, 2.0], batches=3), "at least as long as its 3 batches, got 2 values"),
        (lambda: quantile_estimate([1.0], 1.0), "chance must lie strictly between 0 and 1, got 1.0"),
        (lambda: simultaneous_level(0.95, 0), "comparisons must be at least 1, got 0"),
        (lambda: differences_from_first([[1.0, 2.0]]), "values must hold at least 2 systems, got 1"),
        (lambda: variance_reduction([1.0], [1.0]), "at least 2 replications, got 1"),
        (lambda: enough([1.0], 0.0), "relative_half_width must be above 0, got 0.0"),
        (lambda: enough([1.0], 0.1, least=1), "least must be at least 2 replications, got 1"),
        (lambda: replications_needed([1.0], relative_half_width=0.1), "at least 2 replications without NaN"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_an_estimate_reads_as_a_sentence():
    assert str(Estimate(0.9512, 0.0042, 0.95, 30)) == "0.9512 ± 0.0042 (95 %, n = 30)"
