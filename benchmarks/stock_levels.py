"""Stock levels by linear programming: against the textbook way to write them in PuLP, and against HiGHS's optimum.

The textbook builds the same program, a variable per segment of every SKU's shortage curve, with `lpSum` of products
and a dictionary of variables, and solves it by the same CBC. HiGHS solves the same problem written otherwise: reorder
point and shortage of each SKU as variables, every segment a line below the shortage.
"""

from __future__ import annotations

import numpy as np
import pulp
from measure import Claim, Figure, alternately, run
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack
from scipy.stats import nbinom

from optimization import safety_stock_levels, shortage_curves

LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999])
TARGET, HOLDING = 0.95, 0.25 / 52


class Assortment:
    """Made-up SKUs: negative binomial lead-time demand, lots, costs and prices."""

    def __init__(self, skus: int) -> None:
        luck = np.random.default_rng(8)
        self.mean = luck.gamma(0.8, 40.0, skus) + 0.5
        variance = self.mean * (1 + luck.gamma(2.0, 1.5, skus) * np.sqrt(self.mean))
        success = self.mean / variance
        size = self.mean * success / (1 - success)
        self.quantiles = nbinom.ppf(LEVELS, size[:, None], success[:, None]).astype(np.int64)
        self.rate = self.mean / 3.0
        self.lot = np.maximum(np.ceil(self.rate * luck.uniform(1, 8, skus)), 1.0)
        self.cost = luck.uniform(1, 60, skus)
        self.price = self.cost * luck.uniform(1.2, 3, skus)
        self.curves = shortage_curves(LEVELS, self.quantiles, self.mean)
        self.share = self.price * self.rate / (self.price * self.rate).sum() / np.maximum(self.lot, self.mean)


def ours(given: Assortment) -> float:
    """Our optimal holding cost per period, before rounding."""
    return safety_stock_levels(
        names=[str(number) for number in range(len(given.mean))],
        levels=LEVELS,
        lead_time_demand=given.quantiles,
        lead_time_demand_mean=given.mean,
        demand_rate=given.rate,
        order_quantity=given.lot,
        unit_cost=given.cost,
        unit_value=given.price,
        fill_rate_target=TARGET,
        holding_cost_rate=HOLDING,
    ).optimal_holding_cost


def textbook(given: Assortment) -> float:
    """The same cost from the program as textbooks write it."""
    curves = shortage_curves(LEVELS, given.quantiles, given.mean)
    width, avoided = curves.widths(), np.minimum(curves.slopes(), 1.0)
    segments = [(int(sku), int(knot)) for sku, knot in np.argwhere(width > 0)]
    program = pulp.LpProblem("textbook", pulp.LpMinimize)
    raised = {one: pulp.LpVariable(f"x_{one[0]}_{one[1]}", 0, float(width[one])) for one in segments}
    program += pulp.lpSum(HOLDING * given.cost[one[0]] * (1 - avoided[one]) * raised[one] for one in segments)
    missing = given.share @ curves.shortage[:, 0] - (1 - TARGET)
    program += pulp.lpSum(given.share[one[0]] * avoided[one] * raised[one] for one in segments) >= missing
    program.solve(pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, mip=False, msg=False))
    at_zero = HOLDING * given.cost @ (curves.shortage[:, 0] - given.mean + given.lot / 2)
    return float(pulp.value(program.objective) + at_zero)


def highs(given: Assortment) -> float:
    """The optimum with a reorder point r and a shortage n per SKU, n above every segment's line."""
    skus, curves = len(given.mean), given.curves
    sku, knot = np.nonzero(curves.widths() > 0)
    slope, line = curves.slopes()[sku, knot], np.arange(len(sku))
    intercept = curves.shortage[sku, knot] + slope * curves.knots[sku, knot]
    below = coo_array(
        (np.concatenate([-slope, -np.ones(len(sku))]), (np.tile(line, 2), np.concatenate([sku, skus + sku]))),
        shape=(len(sku), 2 * skus),
    )
    short = csr_array(np.concatenate([np.zeros(skus), given.share])[None, :])
    money = HOLDING * given.cost
    best = linprog(
        np.concatenate([money, money]),
        A_ub=vstack([below, short]).tocsr(),
        b_ub=np.concatenate([-intercept, [1 - TARGET]]),
        bounds=[(0, top) for top in curves.knots[:, -1].tolist()] + [(0, None)] * skus,
        method="highs",
    )
    return float(best.fun + money @ (given.lot / 2 - given.mean))


def benchmark(quick: bool) -> list[Claim]:
    skus, rounds = (1000, 3) if quick else (5000, 5)
    given = Assortment(skus)
    optimum, own, written_out = highs(given), ours(given), textbook(given)
    own_time, textbook_time = alternately(lambda: ours(given), lambda: textbook(given), rounds=rounds)
    return [
        Claim("stock levels against the textbook's PuLP", own_time, textbook_time, "s", "<= 0.8", skus),
        Claim(
            "distance of our optimum from HiGHS's",
            Figure.exactly(abs(own / optimum - 1)),
            None,
            "of the holding cost",
            "<= 1e-6",
            skus,
        ),
        Claim(
            "distance of the textbook's optimum from HiGHS's",
            Figure.exactly(abs(written_out / optimum - 1)),
            None,
            "of the holding cost",
            None,
            skus,
        ),
    ]


if __name__ == "__main__":
    run(str(__doc__), benchmark)
