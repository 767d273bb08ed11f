"""SKUs of ten segments under seven limits, solved in a process of its own: for `optimization.py`.

`python shared_limits.py SKUS WAY` prints an `Answer` as JSON: seconds and peak memory of one of the `WAYS`. All but
`arrays` start from the same segments; `arrays` is HiGHS's own time on a program that is ready for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pulp
from measure import peak_memory

from optimization.highs import solve_lp
from optimization.pulp_model import HighsArrays, pulp_program
from optimization.segments import FILL, HOLD, LEVEL, SegmentProgram, reduced_costs, solve

SEGMENTS, SITES, SAMPLED, EASED = 10, 3, 1_000, 0.001
FROM_BELOW = np.array([True, False, *[False] * SITES, True, False])  # fill rate, budget, sites, supplier ≥, supplier ≤


@dataclass(frozen=True)
class Answer:
    """Attributes:
    seconds: From the segments to the answer.
    objective: Holding cost per period.
    peak: GiB at most in memory, making the segments up included, CBC's own not.
    gap: Of the certificate; 0 where there is none.
    binding: How many of the limits have a price; 0 where that is not asked.
    """

    seconds: float
    objective: float
    peak: float
    gap: float = 0.0
    binding: int = 0


def answer(skus: int, way: str) -> Answer:
    """That of a new process."""
    command = [sys.executable, str(Path(__file__)), str(skus), way]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Answer(**json.loads(done.stdout))


def segment_program(skus: int) -> SegmentProgram:
    """Made-up SKUs whose fill rate, budget, three sites and two suppliers all ask for more than comes by itself."""
    free = _unlimited(skus)
    plan = free.width * (reduced_costs(free, _prices(free.of_skus(np.arange(min(SAMPLED, skus))))) < 0)
    return _limited(free, free.activity(plan) * np.where(FROM_BELOW, 1 - EASED, 1 + EASED))


def _prices(sample: SegmentProgram) -> np.ndarray:
    """Prices of limits that some of the SKUs find hard: all of them above nothing."""
    everything = sample.activity(sample.width)
    share = np.full(len(everything), np.nan)
    share[0] = 0.85
    served = _limited(sample, share * everything)
    alone = served.activity(solve(served).taken) / everything
    share[2:] = alone[2:] * ([0.93] * SITES + [1.15, 0.85])
    without_budget = _limited(sample, share * everything)
    share[1] = 0.985 * without_budget.activity(solve(without_budget).taken)[1] / everything[1]
    return solve(_limited(sample, share * everything)).price


def _unlimited(skus: int) -> SegmentProgram:
    luck = np.random.default_rng(0)
    mean = luck.gamma(1.0, 50.0, skus) + 1
    unit_cost = np.exp(luck.normal(2.0, 1.0, skus))
    price = unit_cost * luck.uniform(1.2, 3.0, skus)
    volume = luck.gamma(1.0, 0.1, skus)
    yearly_rate = luck.uniform(0.15, 0.35, skus)
    fill = np.sort(luck.random((skus, SEGMENTS)), axis=1)[:, ::-1].ravel()
    width = np.ceil(mean[:, None] * luck.uniform(0.05, 0.3, (skus, SEGMENTS))).ravel()
    number, none = np.arange(skus), np.zeros(skus)
    sites = [np.where(number % SITES == site, volume, 0.0) for site in range(SITES)]
    suppliers = [np.where(number % 8 == supplier, unit_cost, 0.0) for supplier in range(2)]
    return SegmentProgram(
        offsets=np.arange(skus + 1) * SEGMENTS,
        width=width,
        fill=fill,
        hold=1 - fill,
        cost=np.array([none, unit_cost * yearly_rate / 52, none]),
        measure=np.array([FILL, HOLD, *[HOLD] * SITES, LEVEL, LEVEL]),
        weight=np.array([price, unit_cost, *sites, *suppliers]),
        least=np.full(4 + SITES, -np.inf),
        most=np.full(4 + SITES, np.inf),
    )


def _limited(program: SegmentProgram, limit: np.ndarray) -> SegmentProgram:
    """NaN is no limit."""
    given = ~np.isnan(limit)
    return replace(
        program,
        least=np.where(given & FROM_BELOW, limit, -np.inf),
        most=np.where(given & ~FROM_BELOW, limit, np.inf),
    )


def sifting(program: SegmentProgram) -> Answer:
    started = perf_counter()
    found = solve(program)
    taken = perf_counter() - started
    kept = found.violation == 0
    return Answer(
        taken,
        found.certificate.objective if kept else np.inf,
        peak_memory(),
        found.certificate.gap,
        int((found.price != 0).sum()),
    )


def pulp_with_cbc(program: SegmentProgram) -> Answer:
    return _in_pulp(program, _cbc())


def pulp_with_highs(program: SegmentProgram) -> Answer:
    return _in_pulp(program, HighsArrays(mip=False))


def _in_pulp(program: SegmentProgram, solver: pulp.LpSolver) -> Answer:
    started = perf_counter()
    model = pulp_program(program)
    status = model.problem.solve(solver)
    taken = perf_counter() - started
    assert status == pulp.LpStatusOptimal
    return Answer(taken, pulp.value(model.problem.objective) * model.objective_size, peak_memory())


def textbook(program: SegmentProgram) -> Answer:
    """A dictionary of variables, `lpSum` of products, and CBC."""
    started = perf_counter()
    cost, rows = program.costs() * program.width, range(len(program.least))
    row = [program.coefficients(one) * program.width for one in rows]
    problem = pulp.LpProblem("textbook", pulp.LpMinimize)
    x = problem.add_variable_dict("x", range(len(cost)), 0, 1)
    problem += pulp.lpSum(cost[one] * x[one] for one in x)
    for one in rows:
        total = pulp.lpSum(row[one][segment] * x[segment] for segment in np.flatnonzero(row[one]))
        problem += total >= program.least[one] if program.least[one] > -np.inf else total <= program.most[one]
    status = problem.solve(_cbc())
    taken = perf_counter() - started
    assert status == pulp.LpStatusOptimal
    return Answer(taken, pulp.value(problem.objective), peak_memory())


def arrays(program: SegmentProgram) -> Answer:
    cost = program.costs() * program.width
    matrix = np.array([program.coefficients(row) * program.width for row in range(len(program.least))])
    size, money = matrix.sum(axis=1) / (matrix > 0).sum(axis=1), cost.mean()
    ready = {"cost": cost / money, "upper": np.ones(len(cost)), "matrix": matrix / size[:, None]}
    started = perf_counter()
    found = solve_lp(**ready, least=program.least / size, most=program.most / size)
    return Answer(perf_counter() - started, found.objective * money, peak_memory())


def _cbc() -> pulp.LpSolver:
    return pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, mip=False, msg=False)


WAYS: dict[str, Callable[[SegmentProgram], Answer]] = {
    "sifting": sifting,
    "PuLP with CBC": pulp_with_cbc,
    "PuLP with HiGHS": pulp_with_highs,
    "textbook": textbook,
    "arrays": arrays,
}


if __name__ == "__main__":
    work = WAYS[sys.argv[2]]
    work(segment_program(50))  # compiled, imported and read beforehand
    print(json.dumps(asdict(work(segment_program(int(sys.argv[1]))))))
