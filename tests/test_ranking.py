"""The best of several systems is found as often as promised, and cheaper than by treating all alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simulation.ranking import ocba_allocation, select_best, select_within_budget

MACRO_REPLICATIONS = 400
SLIPPAGE = np.array([0.0, 1.0, 1.0, 1.0, 1.0])  # all others exactly at the indifference zone's edge
SPREADS = np.array([2.0, 1.0, 3.0, 2.0, 1.5])


def normal_systems(means, sds, *, seed, shared=0.0, length=1500):
    """A sampler of normal systems; `shared` is the sd of the luck common to all."""
    random = np.random.Generator(np.random.Philox(seed))
    common = shared * random.normal(size=length)
    own = random.normal(size=(len(means), length))

    def draw(system, replication_from, count):
        span = slice(replication_from, replication_from + count)
        return means[system] + sds[system] * own[system, span] + common[span]

    return draw


def race(seed, **given):
    arguments = {"indifference": 1.0, "level": 0.95, "first_stage": 20} | given
    return select_best(normal_systems(SLIPPAGE, SPREADS, seed=seed), len(SLIPPAGE), **arguments)


# KN


def test_the_best_at_the_edge_of_indifference_is_found_as_often_as_promised():
    right = [race(seed).selected == 0 for seed in range(MACRO_REPLICATIONS)]
    assert sum(right) >= 0.95 * MACRO_REPLICATIONS


def test_sharing_luck_keeps_the_promise():
    right = 0
    for seed in range(MACRO_REPLICATIONS):
        draw = normal_systems(SLIPPAGE, SPREADS, seed=seed, shared=5.0)
        right += select_best(draw, 5, indifference=1.0).selected == 0
    assert right >= 0.95 * MACRO_REPLICATIONS


def test_looking_less_often_keeps_the_promise():
    right = [race(seed, step=10).selected == 0 for seed in range(MACRO_REPLICATIONS)]
    assert sum(right) >= 0.95 * MACRO_REPLICATIONS


def test_a_small_first_stage_keeps_the_promise_and_is_paid_for_later():
    small = [race(seed, first_stage=5) for seed in range(100)]
    assert np.mean([one.selected == 0 for one in small]) >= 0.95
    assert np.mean([one.replications.sum() for one in small]) > 1.5 * np.mean(
        [race(seed).replications.sum() for seed in range(100)]
    )


def test_sharing_luck_finds_the_best_sooner():
    def paid(shared_share, seed):
        own, common = np.full(5, 6.0) * np.sqrt(1 - shared_share), 6.0 * np.sqrt(shared_share)
        draw = normal_systems(SLIPPAGE, own, seed=seed, shared=common)
        return select_best(draw, 5, indifference=1.0).replications.sum()

    apart, together = (np.mean([paid(share, seed) for seed in range(10)]) for share in (0.0, 0.9))
    assert together < apart / 4


def test_a_system_far_behind_is_dropped_after_the_first_stage():
    draw = normal_systems([0.0, 30.0, 0.8], [1.0, 1.0, 1.0], seed=1)
    seen = select_best(draw, 3, indifference=0.5)
    assert seen.eliminated_at[1] == 20
    assert seen.eliminated_by[1] in (0, 2)
    assert seen.replications.tolist()[1] == 20
    assert seen.decided


def test_what_is_told_agrees_with_what_was_drawn():
    drawn = np.zeros(5, dtype=int)
    sampler = normal_systems(SLIPPAGE, SPREADS, seed=3)

    def draw(system, replication_from, count):
        assert replication_from == drawn[system]
        drawn[system] += count
        return sampler(system, replication_from, count)

    seen = select_best(draw, 5, indifference=1.0, step=3)
    assert seen.replications.tolist() == drawn.tolist()
    assert seen.eliminated_at[seen.selected] == -1 == seen.eliminated_by[seen.selected]
    others = np.delete(np.arange(5), seen.selected)
    assert seen.eliminated_at[others].tolist() == drawn[others].tolist()
    assert seen.means == pytest.approx([sampler(i, 0, n).mean() for i, n in enumerate(drawn)])


def test_each_step_follows_the_papers_formulas():
    """The procedure written out once more as in the paper: means, η, h², W, all pairs."""
    for seed in range(5):
        sampler = normal_systems(SLIPPAGE, SPREADS, seed=seed)
        first, delta, alpha, k = 10, 1.0, 0.05, 5
        eta = 0.5 * ((2 * alpha / (k - 1)) ** (-2 / (first - 1)) - 1)
        h2 = 2 * eta * (first - 1)
        start = [sampler(i, 0, first) for i in range(k)]
        survivors, r = set(range(k)), first
        while len(survivors) > 1:
            mean = {i: sampler(i, 0, r).mean() for i in survivors}
            survivors = {
                i
                for i in survivors
                if all(
                    mean[i]
                    <= mean[j] + max(0, delta / (2 * r) * (h2 * np.var(start[i] - start[j], ddof=1) / delta**2 - r))
                    for j in survivors
                    if j != i
                )
            }
            r += 1
        seen = select_best(sampler, k, indifference=delta, level=1 - alpha, first_stage=first)
        assert seen.selected == survivors.pop()
        assert seen.replications.max() == r - 1


def test_largest_is_smallest_of_the_opposite():
    sampler = normal_systems(SLIPPAGE, SPREADS, seed=8)
    least = select_best(sampler, 5, indifference=1.0)
    most = select_best(lambda *which: -sampler(*which), 5, indifference=1.0, largest=True)
    assert most.selected == least.selected
    assert most.eliminated_at.tolist() == least.eliminated_at.tolist()
    assert most.means == pytest.approx(-least.means)


def test_systems_that_are_the_same_end_in_the_first_of_them():
    luck = np.random.Generator(np.random.Philox(1)).normal(size=1000)

    def draw(system, replication_from, count):
        return luck[replication_from : replication_from + count]

    seen = select_best(draw, 3, indifference=0.1)
    assert (seen.selected, seen.decided) == (0, True)
    assert seen.replications.tolist() == [20, 20, 20]


def test_one_system_is_the_best_of_one():
    seen = select_best(normal_systems([4.0], [1.0], seed=1), 1, indifference=1.0)
    assert (seen.selected, seen.decided) == (0, True)


def test_when_replications_run_out_nothing_is_promised():
    seen = race(1, indifference=0.001, most_replications=47, step=5)
    assert not seen.decided
    assert seen.replications.max() == 47
    assert seen.eliminated_at[seen.selected] == -1


# OCBA


def test_allocation_of_three_systems_worked_by_hand():
    # N₂ : N₃ = (1/1)² : (1/2)² = 4 : 1 and N₁ = √(4² + 1²) = 4.123…
    parts = np.array([np.sqrt(17), 4, 1])
    given_out = ocba_allocation([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], budget=100_000)
    assert given_out == pytest.approx(parts / parts.sum() * 100_000, abs=1)


def test_two_systems_share_by_their_spread():
    # With two systems OCBA is the known optimum: in proportion to the standard deviations.
    assert ocba_allocation([1.0, 5.0], [3.0, 1.0], budget=400).tolist() == [300, 100]


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.floats(0.01, 50)), min_size=2, max_size=12),
    st.integers(0, 10_000),
)
def test_allocation_gives_out_the_budget_and_knows_no_order_of_systems(systems, budget):
    means, sds = (np.array(column) for column in zip(*systems, strict=True))
    given_out = ocba_allocation(means, sds, budget=budget, least_difference=0.1)
    assert given_out.sum() == budget
    assert (given_out >= 0).all()
    if len(set(systems)) == len(systems) == len(set(means)):
        turned = ocba_allocation(means[::-1], sds[::-1], budget=budget, least_difference=0.1)[::-1]
        assert np.abs(turned - given_out).max() <= 1


def test_allocation_survives_ties_and_systems_without_spread():
    assert ocba_allocation([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], budget=1000).sum() == 1000
    assert ocba_allocation([1.0, 2.0], [0.0, 0.0], budget=10).tolist() == [5, 5]
    assert ocba_allocation([1.0, 2.0], [3.0, 0.0], budget=10).tolist() == [10, 0]
    assert ocba_allocation([1.0, 2.0, 3.0], [0.0, 1.0, 0.0], budget=10).tolist() == [0, 10, 0]
    assert ocba_allocation([1.0], [1.0], budget=10).tolist() == [10]


def test_budget_goes_where_it_tells_most():
    means = np.array([0.0, 0.5, 1.0, 4.0, 8.0])
    spent = np.mean(
        [
            select_within_budget(normal_systems(means, np.full(5, 2.0), seed=seed), 5, budget=500).replications
            for seed in range(50)
        ],
        axis=0,
    )
    assert spent[0] > spent[2] > spent[3] >= spent[4] >= 10
    assert spent[1] > spent[2]
    assert spent[:2].sum() > 0.6 * 500


def test_the_same_budget_finds_the_best_more_often_than_shared_equally():
    """Ten systems, means 0 … 9 of sd 6, the common example of the method."""
    means, sds, budget = np.arange(10.0), np.full(10, 6.0), 700
    wise = equal = promised = 0.0
    for seed in range(200):
        draw = normal_systems(means, sds, seed=seed)
        seen = select_within_budget(draw, 10, budget=budget, step=50)
        assert seen.replications.sum() == budget
        wise += seen.selected == 0
        promised += seen.chance_correct
        equal += np.argmin([draw(i, 0, budget // 10).mean() for i in range(10)]) == 0
    # One standard error of the difference is at most 0.05 of the macro-replications.
    assert wise > equal + 0.05 * 200
    assert 0.8 * 200 <= promised <= wise  # a lower bound, and one worth having


def test_chance_of_two_systems_is_that_of_the_normal():
    draw = normal_systems([0.0, 1.0], [2.0, 3.0], seed=4)
    seen = select_within_budget(draw, 2, budget=20)
    left, right = draw(0, 0, 10), draw(1, 0, 10)
    error = np.sqrt(left.var(ddof=1) / 10 + right.var(ddof=1) / 10)
    assert seen.replications.tolist() == [10, 10]
    assert seen.chance_correct == pytest.approx(stats.norm.cdf(abs(left.mean() - right.mean()) / error))


def test_largest_within_a_budget_is_smallest_of_the_opposite():
    sampler = normal_systems(SLIPPAGE, SPREADS, seed=8)
    least = select_within_budget(sampler, 5, budget=300)
    most = select_within_budget(lambda *which: -sampler(*which), 5, budget=300, largest=True)
    assert most.selected == least.selected
    assert most.replications.tolist() == least.replications.tolist()


# What is refused


def bad(**changed):
    return select_best(normal_systems(SLIPPAGE, SPREADS, seed=1), 5, **({"indifference": 1.0} | changed))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: bad(indifference=0.0), "indifference must be above 0, got 0.0"),
        (lambda: bad(level=0.1), r"level must lie between 1/systems \(0.2\) and below 1, got 0.1"),
        (lambda: bad(level=1.0), "level must lie between"),
        (lambda: bad(first_stage=1), "first_stage must be at least 2, got 1"),
        (lambda: bad(step=0), "step must be at least 1, got 0"),
        (lambda: bad(most_replications=10), "most_replications must be at least 20, got 10"),
        (lambda: select_best(lambda *_: [], 0, indifference=1.0), "systems must be at least 1, got 0"),
        (
            lambda: select_best(lambda *_: [1.0], 2, indifference=1.0),
            r"draw of system 0 must return 20 outputs, got shape \(1,\)",
        ),
        (
            lambda: select_best(lambda *which: [1.0] * (which[2] - 1) + [np.nan], 2, indifference=1.0),
            "outputs of system 0 must be finite, got nan in replication 19",
        ),
        (lambda: select_within_budget(lambda *_: [], 5, budget=49), "budget must be at least 50, got 49"),
        (lambda: ocba_allocation([1.0], [1.0, 2.0], budget=1), "sds must be as many as means"),
        (lambda: ocba_allocation([1.0], [-1.0], budget=1), "sds must be as many as means and at least 0"),
        (lambda: ocba_allocation([np.nan], [1.0], budget=1), "means must be finite numbers"),
        (lambda: ocba_allocation([1.0], [1.0], budget=-1), "budget must be at least 0, got -1"),
        (lambda: ocba_allocation([1.0], [1.0], budget=1, least_difference=-1), "least_difference must be at least 0"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()
