"""Segments of many SKUs under shared rows: sifting, HiGHS and CBC agree, and prices are those of small changes."""

from dataclasses import replace

import numpy as np
import pulp
import pytest
from scipy.optimize import linprog

from optimization.pulp_model import HighsArrays, pulp_program, solve_in_pulp
from optimization.segments import FILL, HOLD, LEVEL, SegmentProgram, lower_bound, reduced_costs, solve


def program(seed, *, skus=None, is_degenerate=False, slack=1.0):
    """Random segments under five rows; a degenerate one has many segments that are worth the same."""
    luck = np.random.default_rng(seed)
    skus, segments = skus or int(luck.integers(1, 60)), int(luck.integers(1, 8))
    fill = np.sort(luck.random((skus, segments)), axis=1)[:, ::-1]
    hold = np.sort(luck.random((skus, segments)), axis=1)
    width = np.ceil(luck.gamma(1, 20, (skus, segments)))
    cost = np.exp(luck.normal(2, 1, skus))
    if is_degenerate:
        fill, hold = np.round(fill * 4) / 4, np.round(hold * 4) / 4
        width, cost = np.ones_like(width), np.round(luck.uniform(1, 3, skus))
    every = np.arange(skus)
    rows = (
        (FILL, cost * 2),
        (HOLD, cost),
        (HOLD, luck.random(skus) * (every % 2 == 0)),
        (LEVEL, cost * (every % 3 == 0)),
        (FILL, 1.0 * (every % 2 == 1)),
    )
    free = SegmentProgram(
        offsets=np.arange(0, skus * segments + 1, segments),
        width=width.ravel(),
        fill=fill.ravel(),
        hold=hold.ravel(),
        cost=np.array([np.zeros(skus), cost * luck.choice([0.1, 0.2, 0.3], skus), np.zeros(skus)]),
        measure=np.array([measure for measure, _ in rows]),
        weight=np.array([weight for _, weight in rows]),
        least=np.full(5, -np.inf),
        most=np.full(5, np.inf),
    )
    typical = free.activity(free.width * luck.random(len(free.width)) ** 0.5)
    least, most = free.least.copy(), free.most.copy()
    least[[0, 3, 4]] = typical[[0, 3, 4]] * [slack, 0.8, 0.8]
    most[[1, 2, 3]] = typical[[1, 2, 3]] * [0.85, 0.9, 1.2]
    return replace(free, least=least, most=most)


def by_linprog(given):
    """Optimum of the same program written out for another solver; None where its rows cannot be kept."""
    rows = np.array([given.coefficients(row) for row in range(len(given.least))])
    low, high = np.isfinite(given.least), np.isfinite(given.most)
    solved = linprog(
        given.costs(),
        A_ub=np.vstack((-rows[low], rows[high])),
        b_ub=np.concatenate((-given.least[low], given.most[high])),
        bounds=[(0, width) for width in given.width],
        method="highs-ipm",
    )
    return solved.fun if solved.status == 0 else None


@pytest.mark.parametrize("block", range(10))
def test_sifting_agrees_with_pulp_by_highs_and_by_cbc(block):
    """Two hundred programs in all, a third of them degenerate."""
    for seed in range(20 * block, 20 * block + 20):
        given = program(seed, is_degenerate=seed % 3 == 0)
        ours, highs = solve(given), solve_in_pulp(given, "highs")
        assert (ours.violation > 0) == (highs is None)
        if highs is None:
            continue
        assert ours.certificate.objective == pytest.approx(highs.certificate.objective, rel=1e-9)
        assert ours.certificate.gap < 1e-9
        cbc = solve_in_pulp(given, "cbc")
        assert cbc is not None
        assert ours.certificate.objective == pytest.approx(cbc.certificate.objective, rel=1e-7)


@pytest.mark.parametrize("seed", range(12))
def test_another_solver_finds_the_same_cost(seed):
    given = program(1000 + seed)
    expected, ours = by_linprog(given), solve(given)
    assert (expected is None) == (ours.violation > 0)
    if expected is not None:
        assert ours.certificate.objective == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_bundles_do_not_change_the_optimum_of_large_programs(seed):
    """More segments than a master program takes one by one, several rows binding."""
    given = program(2000 + seed, skus=1500, is_degenerate=seed % 4 == 0, slack=0.7 + 0.05 * seed)
    ours, whole = solve(given), solve_in_pulp(given, "highs")
    assert (whole is None) == (ours.violation > 0)
    if whole is None:
        return
    assert ours.certificate.objective == pytest.approx(whole.certificate.objective, rel=1e-9)
    assert ours.certificate.gap < 1e-9
    activity = given.activity(ours.taken)
    assert (activity >= given.least * (1 - 1e-8) - 1e-8).all()
    assert (activity <= given.most * (1 + 1e-8) + 1e-8).all()


@pytest.mark.parametrize("seed", range(40))
def test_each_price_lies_between_the_costs_of_less_and_of_more(seed):
    given = program(seed, is_degenerate=seed % 2 == 0, slack=0.9)
    ours = solve(given)
    if ours.violation > 0:
        return
    for row in range(len(given.least)):
        for side in ("least", "most"):
            limit = getattr(given, side)
            if not np.isfinite(limit[row]):
                continue
            step = 1e-4 * max(abs(limit[row]), 1e-3)
            costs = []
            for shift in (-step, step):
                moved = limit.copy()
                moved[row] += shift
                other = solve(replace(given, **{side: moved}))
                costs.append(other.certificate.objective if other.violation == 0 else np.inf)
            both = np.isfinite(given.least[row]) and np.isfinite(given.most[row])
            price = ours.price[row]
            if both:
                price = max(price, 0.0) if side == "least" else min(price, 0.0)
            now, size = ours.certificate.objective, 1e-5 * (1 + abs(price))
            assert (now - costs[0]) / step <= price + size
            assert price <= (costs[1] - now) / step + size


@pytest.mark.parametrize("seed", range(20))
def test_no_prices_prove_more_than_the_optimum(seed):
    given = program(seed, slack=0.8)
    ours = solve(given)
    if ours.violation > 0:
        return
    luck = np.random.default_rng(seed)
    for _ in range(20):
        price = ours.price * luck.uniform(0, 2, len(ours.price))
        assert lower_bound(given, price) <= ours.certificate.objective * (1 + 1e-9) + 1e-9


def test_reduced_costs_say_what_is_taken():
    given = program(3, slack=0.8)
    ours = solve(given)
    net = reduced_costs(given, ours.price)
    scale = np.abs(given.costs()).max() * 1e-7
    assert (ours.taken[net > scale] == 0).all()
    np.testing.assert_allclose(ours.taken[net < -scale], given.width[net < -scale])


def test_rows_that_cannot_be_kept_are_missed_as_little_as_possible():
    given = program(0, slack=0.8)
    impossible = given.least.copy()
    everything = given.activity(given.width)
    impossible[0] = everything[0] * 1.1
    ours = solve(replace(given, least=impossible, most=np.full(5, np.inf)))
    assert ours.violation > 0
    assert given.activity(ours.taken)[0] == pytest.approx(everything[0])


def test_the_pulp_model_can_be_written_for_audit(tmp_path):
    given = program(5)
    model = pulp_program(given, row_names=["fill", "budget", "space", "supplier", "odd"])
    model.write(tmp_path / "levels.lp")
    model.write(tmp_path / "levels.mps")
    assert "budget_most" in (tmp_path / "levels.lp").read_text()
    _, read = pulp.LpProblem.fromMPS(str(tmp_path / "levels.mps"))
    read.solve(HighsArrays())
    optimum = solve(given)
    if optimum.violation == 0:
        assert pulp.value(read.objective) * model.objective_size == pytest.approx(
            optimum.certificate.objective, rel=1e-6
        )
    with pytest.raises(ValueError, match=r"path must end in \.lp or \.mps, got levels\.txt"):
        model.write(tmp_path / "levels.txt")


def test_highs_from_arrays_answers_as_pulps_own_interface_on_whole_numbers():
    luck = np.random.default_rng(4)
    for seed in range(5):
        problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
        worth, weight = luck.integers(1, 30, 12), luck.integers(1, 20, 12)
        taken = [problem.add_variable(f"t{seed}_{one}", 0, 2, cat="Integer") for one in range(12)]
        problem.setObjective(pulp.LpAffineExpression(list(zip(taken, worth.tolist(), strict=True))))
        room = pulp.LpAffineExpression(list(zip(taken, weight.tolist(), strict=True)))
        problem.addConstraint(pulp.LpConstraint(room, pulp.LpConstraintLE, rhs=60.0), "room")
        assert problem.solve(HighsArrays()) == pulp.LpStatusOptimal
        best = pulp.value(problem.objective)
        problem.solve(pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False))
        assert best == pytest.approx(pulp.value(problem.objective))
